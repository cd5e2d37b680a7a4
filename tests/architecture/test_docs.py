"""What README, CONTRIBUTING and CHANGELOG claim is held against the code."""

from __future__ import annotations

import re
import runpy
import subprocess
from pathlib import Path

import nbformat
import pytest

import nbtrack

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]


# ---- reading Markdown ---------------------------------------------------------------------------


def marked(text: str, mark: str) -> list[str]:
    """The code of each fence that directly follows the comment ``<!-- mark -->``."""
    fence = rf"^<!-- {re.escape(mark)} -->\n```\w*\n(.*?)^```$"
    return re.findall(fence, text, re.MULTILINE | re.DOTALL)


def code(text: str) -> str:
    """All that stands in fences and in `code spans`."""
    fences = re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return "\n".join([*fences, *re.findall(r"`([^`\n]+)`", rest)])


def test_a_marked_fence_is_read_and_an_unmarked_one_is_not() -> None:
    text = "<!-- a -->\n```python\nx = 1\n```\n\n```python\ny = 2\n```\nand `nbtrack ls`\n"
    assert marked(text, "a") == ["x = 1\n"]
    assert marked(text, "b") == []
    assert code(text) == "x = 1\n\ny = 2\n\nnbtrack ls"


# ---- the README's code --------------------------------------------------------------------------


def test_the_quick_start_is_a_cell_of_notebook_01() -> None:
    notebook = nbformat.read(ROOT / "notebooks" / "01_quickstart.ipynb", as_version=4)
    sources = [cell.source.strip() for cell in notebook.cells if cell.cell_type == "code"]
    snippets = marked(README, "a cell of notebooks/01_quickstart.ipynb")
    assert snippets, "the README shows no cell of the notebook"
    for snippet in snippets:
        assert snippet.strip() in sources


def test_a_run_is_read_with_numpy_alone_as_the_readme_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with nbtrack.start("line", store=tmp_path / ".nbtrack") as run:
        for step in range(3):
            run.log({"accuracy": 0.5, "loss": 1 / (step + 1)})
    [snippet] = marked(README, "run by tests/architecture/test_docs.py")
    assert "nbtrack." not in snippet.replace(".nbtrack", "")
    script = tmp_path / "read.py"
    script.write_text(snippet, encoding="utf-8")
    names = runpy.run_path(str(script))
    assert names["loss"]["step"].tolist() == [0, 1, 2]
    assert names["loss"]["value"].tolist() == [1, 1 / 2, 1 / 3]


def commands(text: str) -> set[str]:
    """``ls`` for ``nbtrack ls``, wherever it stands as code."""
    return set(re.findall(r"(?:^|&& |\$ )nbtrack ([a-z]+)", code(text), re.MULTILINE))


@pytest.mark.parametrize("command", sorted(commands(README)))
def test_a_command_that_the_readme_names_exists(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from nbtrack.cli import main

    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code in (0, None)
    assert command in capsys.readouterr().out


def test_a_command_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    from nbtrack.cli import main

    try:
        status = main(["frobnicate"])
    except SystemExit as ended:
        status = ended.code
    assert status not in (0, None)
    assert "frobnicate" in capsys.readouterr().err


def test_the_readme_names_commands() -> None:
    assert "demo" in commands(README)
    assert commands("`nbtrack ls` and\n```bash\npip install x && nbtrack demo\n```\n") == {
        "ls",
        "demo",
    }


@pytest.mark.parametrize("doc", DOCS)
def test_every_name_that_a_document_uses_exists(doc: str) -> None:
    text = code((ROOT / doc).read_text(encoding="utf-8"))
    used = set(re.findall(r"\bnbtrack\.([A-Za-z]\w*)\b(?!\.\w+\b)", text))
    rooms = {path.stem for path in (ROOT / "nbtrack").iterdir()}
    assert {name for name in used - rooms if not hasattr(nbtrack, name)} == set()


# ---- the commands that CI takes from the README -------------------------------------------------


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("demo", "pip install -c constraints.txt -e . && nbtrack demo"),
        ("tests", 'pip install -c constraints.txt -e ".[test]" && pytest -n 2 --dist loadfile'),
    ],
)
def test_ci_runs_the_command_that_the_readme_gives(name: str, command: str) -> None:
    block = re.search(rf"^<!-- ci:{name} -->$(.*?)^<!-- /ci -->$", README, re.M | re.S)
    assert block is not None
    assert [line for line in block[1].strip().splitlines() if "```" not in line] == [command]
    assert f"run_readme {name}" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


# ---- links, versions ----------------------------------------------------------------------------


@pytest.mark.parametrize("doc", DOCS)
def test_a_file_that_a_document_points_at_is_there(doc: str) -> None:
    text = (ROOT / doc).read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#\s]+)|(?:src|srcset|href)=\"([^\"#]+)\"", text)
    files = [a or b for a, b in targets if "://" not in (a or b)]
    assert [name for name in files if not (ROOT / name).exists()] == []


def test_the_changelog_has_a_section_for_what_is_being_made() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    [version] = re.findall(r'^version = "(.+)"$', project, re.MULTILINE)
    sections = re.findall(r"^## \[([^\]]+)\]", changelog, re.MULTILINE)
    assert {"Unreleased", version} & set(sections)


# ---- words that have no place in the repository -------------------------------------------------

# Hosts of package registries (an install asks the one that is set up), paths of the machines that
# it is written on, documents that a clone does not hold. The brackets keep the list out of itself.
OUT_OF_PLACE = re.compile(
    r"py[p]i\.org|python[h]osted\.org|np[m]js\.(?:org|com)|download\.py[t]orch\.org"
    r"|(?<![\w.])/wor[k]/|\.\./share[d]/|/tm[p]/(?:w|venv|ci-try)\b|/op[t]/(?:pypi|wheels)"
    r"|\bissue[s] (?:resolved|blocked|note|show)\b|\b(?:next|previous|later|developer) sessio[n]\b"
    r"|\b(?:DESIG[N]|STYL[E]|DEVELOPER[S])(?:\.md|'s section| section| part)\b|workplac[e]",
    re.IGNORECASE,
)


def files_of_the_repository() -> list[Path]:
    """What is tracked, and what would be; a copy without git history holds nothing else."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    names = listed.stdout.decode().split("\0") if listed.returncode == 0 else []
    if not names:
        return [p for p in ROOT.rglob("*") if p.is_file() and "node_modules" not in p.parts]
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def out_of_place(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return []
    lines = enumerate(text.splitlines(), start=1)
    return [
        f"{path.name}:{number}: {found.group()}"
        for number, line in lines
        for found in OUT_OF_PLACE.finditer(line)
    ]


def test_no_file_speaks_of_where_or_how_it_was_made() -> None:
    files = files_of_the_repository()
    assert ROOT / "README.md" in files
    assert [fault for path in files for fault in out_of_place(path)] == []


def test_a_word_out_of_place_is_found(tmp_path: Path) -> None:
    note = tmp_path / "note.md"
    note.write_text("fine\nsee https://" + "py" + "pi.org/x and ../" + "shared/notes\n")
    assert out_of_place(note) == ["note.md:2: py" + "pi.org", "note.md:2: ../" + "shared/"]
    note.write_text("a Jupyter session, a working folder, issue 3, .nbtrack/runs, ../share\n")
    assert out_of_place(note) == []
