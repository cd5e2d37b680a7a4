"""Two runs side by side, and the badge of hidden state."""

import re
import time
from dataclasses import replace
from html import unescape

import pytest

from nbtrack.records import Cell
from nbtrack.store.runfile import write_info
from nbtrack.versioning.diff import RunDiff, RunName, diff_runs
from nbtrack.views import RunsTable, badge_html, diff_html

A, B = RunName("a7k3qf", "mlp"), RunName("p2x8aa", "mlp-wide")


def words(html):
    """The text of a page, tags as blanks."""
    html = re.sub(r"<style>.*?</style>|<svg.*?</svg>", "", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def code(html, kind):
    """The lines of code of one kind, without their sign."""
    found = re.findall(rf'<span class="{kind}">(.*?)\n</span>', html)
    return [unescape(re.sub(r"<[^>]*>", "", line))[1:] for line in found]


CELLS = (
    Cell("import torch", "c1", 1),
    Cell("def make(width=64):\n    return torch.nn.Linear(width, 2)", "c2", 2),
    Cell("model = make()", "c3", 3),
    Cell("%%track\nfit(model, lr=0.1, f=relu)", "c4", 4),
)


@pytest.fixture
def two(finished):
    """Two runs, compared by the code that `nbtrack.diff` uses."""

    def _two(before=CELLS, after=CELLS, **fields):
        old = finished(10, name="mlp", cells=before, params={"lr": 0.1}, seed=0)
        new = finished(
            20, name="mlp-wide", cells=after, **{"params": {"lr": 0.1}, "seed": 0} | fields
        )
        return diff_runs(old, new)

    return _two


def test_what_differs_is_said_first(two):
    after = (*CELLS[:3], Cell("%%track\nfit(model, lr=0.1, f=gelu)", "c4", 9))
    diff = two(after=after, params={"lr": 0.01}, seed=1)
    html = diff_html(diff)
    text = words(html)
    assert text.startswith("2 parameters and 1 cell differ.")
    assert f"{diff.a.id} mlp → {diff.b.id} mlp-wide" in text
    assert "lr 0.1 0.01" in text
    assert "seed 0 1" in text
    assert "<del>0.1</del>" in html
    assert "<ins>0.01</ins>" in html


def test_one_parameter_differs_in_the_singular():
    assert words(diff_html(RunDiff(A, B, params=(("lr", 0.1, 0.01),)))).startswith(
        "1 parameter differs."
    )
    some = RunDiff(A, B, data=(("x", "1", "2"),), environment=(("torch", "1", "2"),))
    assert words(diff_html(some)).startswith("The data and the environment differ.")


def test_only_changed_cells_are_open(two):
    after = (
        Cell("import torch", "c1", 1),
        Cell("def make(width=64):\n    return torch.nn.Linear(width, 3)", "c2", 7),
        Cell("model  =  make()", "c3", 8),
        Cell("torch.manual_seed(3)", "c9", 9),
        Cell("%%track\nfit(model, lr=0.1, f=relu)", "c4", 10),
    )
    html = diff_html(two(after=after))
    assert html.count("<details open>") == 2
    assert "cell 7 edited" in words(html)
    assert "cell 9 added" in words(html)
    assert "3 cells the same, 1 of them but for layout or comments" in words(html)
    opened = html.partition("<details><summary")[0]
    assert code(opened, "taken") == ["    return torch.nn.Linear(width, 2)"]
    assert code(opened, "put") == ["    return torch.nn.Linear(width, 3)", "torch.manual_seed(3)"]
    assert "<b>2</b>" in opened, "the word that differs is marked within its line"


def test_lines_that_have_nothing_in_common_are_not_marked_word_by_word(two):
    after = (*CELLS[:3], Cell("%%track\nfor x in loader: step(x)", "c4", 9))
    html = diff_html(two(after=after))
    assert code(html, "put") == ["for x in loader: step(x)"]
    assert "<b>" not in "".join(re.findall(r'<span class="put">.*?</span>', html, re.DOTALL))


def test_a_removed_cell_is_shown_as_taken_out(two):
    before = (*CELLS[:3], Cell("noise = torch.randn(3)", "c8", 5), CELLS[3])
    html = diff_html(two(before=before))
    assert "cell 5 removed" in words(html)
    assert code(html, "taken") == ["noise = torch.randn(3)"]


def test_the_same_run_twice_differs_in_nothing_on_record(two):
    html = diff_html(two())
    assert words(html).startswith("Nothing on record differs.")
    assert "4 cells the same" in words(html)
    assert "<details open" not in html
    assert "<del>" not in html


def test_results_are_told_with_their_change():
    results = (("loss", 0.5, 0.25), ("val/acc", 0.75, 0.75), ("epoch", 5.0, None))
    text = words(diff_html(RunDiff(A, B, results=results)))
    assert "loss 0.5000 0.2500 −0.250" in text
    assert "epoch 5 none" in text
    assert "val/acc 0.7500 0.7500 same" in text
    nan = words(diff_html(RunDiff(A, B, results=(("loss", 0.5, float("nan")),))))
    assert "loss 0.5000 NaN" in nan


def test_a_digest_is_shortened_and_a_missing_one_named():
    data = (("data.csv", "blake3:" + "9f2c" * 16, "77aa" * 16), ("x", None, "12ab"))
    text = words(diff_html(RunDiff(A, B, data=data)))
    assert "data.csv 9f2c9f2c9f2c 77aa77aa77aa" in text
    assert "x none 12ab" in text


def test_a_long_cell_is_cut_and_its_rest_counted(two):
    after = (*CELLS[:3], Cell("\n".join(f"x{i} = {i}" for i in range(500)), "c9", 8), CELLS[3])
    html = diff_html(two(after=after))
    assert len(code(html, "put")) == 80
    assert "and 420 more lines" in words(html)


def test_every_text_is_text(two):
    evil = "<script>alert('x')</script>"
    cells = (Cell(f"print({evil!r})", "c1", 1), CELLS[3])
    diff = replace(
        two(after=cells),
        b=RunName("p2x8aa", evil),
        params=((evil, evil, evil),),
        environment=((evil, evil, None),),
        data=((evil, evil, evil),),
        results=((evil, 0.5, 0.25),),
    )
    html = diff_html(diff)
    assert "<script" not in html
    assert words(html).count(evil) >= 6


# The badge


def test_a_badge_says_why_and_is_absent_where_nothing_is_hidden():
    html = badge_html(("cell 4 was edited since", '"x" <b> was deleted'))
    assert words(html) == "hidden state"
    title = unescape(re.search(r'title="([^"]*)"', html)[1])
    assert title.splitlines()[1:] == ["cell 4 was edited since", '"x" <b> was deleted']
    assert badge_html(()) == ""


def test_a_run_with_hidden_state_has_a_mark_in_both_forms_of_the_table(finished, store):
    hidden = finished(10, name="n" * 120, hidden=("cell 4 was edited since",))
    plain = finished(10, name="plain")
    table = RunsTable(store)
    html = table._repr_html_()
    assert html.count("hidden state") == 1
    assert "cell 4 was edited since" in html
    lines = str(table).splitlines()
    assert max(map(len, lines)) <= 105
    marked = {
        line.split()[0]: " * " in line and "done" in line
        for line in lines
        if line[:6] in (hidden.id, plain.id)
    }
    assert marked == {hidden.id: True, plain.id: False}
    assert lines[-1].startswith("* would not re-run from the top")


def test_without_hidden_state_there_is_neither_mark_nor_foot(finished, store):
    finished(10)
    table = RunsTable(store)
    assert "hidden state" not in table._repr_html_()
    assert "*" not in str(table)


def test_a_repetition_names_its_run_in_the_column_of_changes(finished, store):
    first = finished(10, changed=("first run",))
    finished(10, reproduces=first.id, changed=("nothing",))
    finished(10, reproduces=first.id, changed=("lr 0.1 → 0.01",))
    assert [row.changed for row in RunsTable(store).rows] == [
        f"again: {first.id}; lr 0.1 → 0.01",
        f"again: {first.id}",
        "first run",
    ]
    assert f"again: {first.id}" in str(RunsTable(store))


def test_a_running_run_is_read_again_until_it_ends(start, store):
    writer = start()
    assert RunsTable(store).rows[0].hidden == ()
    write_info(store.run_folder(writer.info.id), replace(writer.info, hidden=("x was deleted",)))
    assert RunsTable(store).rows[0].hidden == ("x was deleted",)
    writer.finish("done")


def test_a_run_that_is_deleted_while_it_is_listed_is_drawn_as_it_was_listed(finished, store):
    from nbtrack.views.rows import read_rows

    run = finished(5, hidden=("x was deleted",))
    found = store.runs.rows()
    store.runs.delete(run.id)
    assert [row.hidden for row in read_rows(store, found, "", time.time())] == [("x was deleted",)]
