"""The state of real repositories, made with the git program."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nbtrack.capture.surroundings.git import MAX_DIFF_BYTES, git, head_commit


def run_git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith("GIT_"):
            monkeypatch.delenv(name)  # the tests may run in a hook of git
    folder = tmp_path / "repo"
    folder.mkdir()
    run_git(folder, "init", "-q", "-b", "work")
    (folder / "a.py").write_text("x = 1\n", encoding="utf-8")
    (folder / "n.ipynb").write_text('{"cells": []}\n', encoding="utf-8")
    (folder / "sub").mkdir()
    (folder / "sub" / "ä b.txt").write_text("one\n", encoding="utf-8")
    run_git(folder, "add", ".")
    run_git(folder, "commit", "-q", "-m", "first")
    return folder


def test_a_clean_repository_is_clean(repo):
    run_git(repo, "remote", "add", "origin", "https://me:pw@host.example/a.git")
    found = git(repo / "sub")
    assert found == {
        "commit": run_git(repo, "rev-parse", "HEAD"),
        "branch": "work",
        "remote": "https://***@host.example/a.git",
        "folder": "sub",
        "dirty": False,
        "changed": [],
        "diff": "",
        "notes": [],
        "untracked": 0,
    }


def test_changes_are_in_the_diff_from_anywhere_in_the_repository(repo):
    (repo / "a.py").write_text("x = 2\n", encoding="utf-8")
    (repo / "sub" / "ä b.txt").write_text("two\n", encoding="utf-8")
    run_git(repo, "add", "sub")
    (repo / "new.txt").write_text("n", encoding="utf-8")
    (repo / "sub" / "new.txt").write_text("n", encoding="utf-8")
    found = git(repo / "sub")
    assert found["dirty"] is True
    assert found["changed"] == ["a.py", "sub/ä b.txt"]
    assert "-x = 1\n+x = 2\n" in found["diff"]
    assert "-one\n+two\n" in found["diff"]
    assert found["untracked"] == 2
    assert "new.txt" not in found["diff"]
    assert found["notes"] == []


def test_the_diff_brings_a_clean_checkout_to_the_same_state(repo):
    (repo / "a.py").write_text("x = 2\ny = 3\n", encoding="utf-8")
    run_git(repo, "mv", "sub/ä b.txt", "moved.txt")
    found = git(repo)
    assert found["changed"] == ["a.py", "moved.txt"]
    run_git(repo, "reset", "-q", "--hard")
    patch = repo.parent / "patch"
    patch.write_text(found["diff"], encoding="utf-8")
    run_git(repo, "apply", str(patch))
    assert (repo / "a.py").read_text(encoding="utf-8") == "x = 2\ny = 3\n"
    assert (repo / "moved.txt").exists()
    assert not (repo / "sub" / "ä b.txt").exists()


def test_a_changed_notebook_is_named_and_not_shown(repo):
    (repo / "n.ipynb").write_text('{"cells": ["output"]}\n', encoding="utf-8")
    found = git(repo)
    assert found["dirty"] is True
    assert found["changed"] == ["n.ipynb"]
    assert found["diff"] == ""
    assert found["notes"] == ["without notebooks: n.ipynb"]


def test_a_credential_in_a_change_is_not_kept(repo):
    (repo / "a.py").write_text("password = 'hunter2'\n", encoding="utf-8")
    found = git(repo)
    assert "hunter2" not in found["diff"]
    assert "+password = '***'" in found["diff"]
    assert found["notes"] == ["credentials replaced by ***"]


def test_a_long_diff_is_cut_at_the_end_of_a_line_and_says_so(repo):
    line = "0123456789" * 9 + "\n"
    (repo / "a.py").write_text(line * 30_000, encoding="utf-8")
    found = git(repo)
    assert MAX_DIFF_BYTES - 100 < len(found["diff"]) <= MAX_DIFF_BYTES
    assert found["diff"].endswith(line)
    assert found["notes"] == [f"cut after {len(found['diff']):,} bytes"]


def test_before_the_first_commit_there_is_a_branch_and_no_commit(repo, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    run_git(empty, "init", "-q", "-b", "start")
    (empty / "a.txt").write_text("a\n", encoding="utf-8")
    run_git(empty, "add", "a.txt")
    found = git(empty)
    assert (found["commit"], found["branch"], found["dirty"]) == (None, "start", True)
    assert "+a\n" in found["diff"]
    assert head_commit(empty) is None


def test_without_a_branch_the_commit_is_told(repo):
    run_git(repo, "checkout", "-q", "--detach")
    found = git(repo)
    assert found["branch"] is None
    assert found["commit"] == run_git(repo, "rev-parse", "HEAD")


def test_no_repository_and_no_git_give_none(repo, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    outside = tmp_path / "outside"
    outside.mkdir()
    assert git(outside) is None
    assert git(tmp_path / "missing") is None
    assert git(repo) is not None
    monkeypatch.setenv("PATH", str(outside))
    assert git(repo) is None


def test_no_program_of_the_repository_runs_and_nothing_is_written(repo, tmp_path):
    ran = tmp_path / "ran"
    script = tmp_path / "hook.py"
    script.write_text(f"#!{sys.executable}\nopen({str(ran)!r}, 'w')\n", encoding="utf-8")
    script.chmod(0o755)
    for name in ("core.fsmonitor", "diff.external", "diff.own.textconv"):
        run_git(repo, "config", name, str(script))
    (repo / ".gitattributes").write_text("*.py diff=own\n", encoding="utf-8")
    for hook in ("post-index-change", "fsmonitor-watchman", "pre-commit"):
        (repo / ".git" / "hooks").mkdir(exist_ok=True)
        (repo / ".git" / "hooks" / hook).symlink_to(script)
    (repo / "a.py").write_text("x = 2\n", encoding="utf-8")
    os.utime(repo / "n.ipynb", (1, 1))  # git would like to write the new time to its index
    ran.unlink(missing_ok=True)
    before = (repo / ".git" / "index").read_bytes()
    found = git(repo)
    assert "+x = 2" in found["diff"]
    assert not ran.exists()
    assert (repo / ".git" / "index").read_bytes() == before
    subprocess.run(["git", "-C", str(repo), "diff"], check=False, capture_output=True)
    assert ran.exists()  # so it would have been seen


def test_variables_that_point_at_another_repository_are_not_followed(repo, tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    run_git(other, "init", "-q", "-b", "elsewhere")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    assert git(repo)["branch"] == "work"


def test_the_commit_is_read_from_files_as_git_tells_it(repo, tmp_path):
    commit = run_git(repo, "rev-parse", "HEAD")
    assert head_commit(repo / "sub") == commit
    run_git(repo, "pack-refs", "--all")
    assert head_commit(repo) == commit
    tree = tmp_path / "tree"
    run_git(repo, "worktree", "add", "-q", "-b", "two", str(tree))
    assert head_commit(tree) == commit
    run_git(repo, "checkout", "-q", "--detach")
    assert head_commit(repo) == commit
    assert git(tree)["branch"] == "two"


def test_a_folder_in_no_repository_has_no_commit():
    assert head_commit("/") is None
