"""The table of runs."""

import time
from html.parser import HTMLParser

import pytest

from nbtrack.errors import QueryError
from nbtrack.views import RunsTable


class Cells(HTMLParser):
    """The text of every table cell, and every tag met."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.tags, self._in = [], [], False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._in = True

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._in = False

    def handle_data(self, data):
        if self._in:
            self.rows[-1][-1] += data


def test_a_row_holds_what_a_person_compares(finished, store):
    run = finished(120, changed=("lr 0.1 → 0.01", "cell 7"), started_s=time.time() - 7300)
    head, row = Cells(RunsTable(store)._repr_html_()).rows
    table = dict(zip(head, row, strict=True))
    assert table["run"] == run.id
    assert table["name"] == "digits"
    assert table["changed since previous"] == "lr 0.1 → 0.01; cell 7"
    assert table["status"] == "done"
    assert table["steps"] == "120"
    assert table["loss"] == "0.138"
    assert table["val accuracy"] == "0.954"
    assert table["ago"] == "2 h"
    assert "<b>0.01</b>" in RunsTable(store)._repr_html_()


def test_the_text_has_the_same_and_fits_a_terminal(finished, store):
    run = finished(120, changed=("lr 0.1 → 0.01",))
    finished(30, "interrupted", name="a-name-that-is-much-too-long-for-a-table" * 3)
    finished(1_0, changed=tuple(f"parameter_{i} 1 → 2" for i in range(9)))
    lines = str(RunsTable(store)).splitlines()
    assert max(map(len, lines)) <= 105
    assert lines[-1] == "3 runs, newest first"
    row = next(line for line in lines if line.startswith(run.id))
    assert "lr 0.1 → 0.01" in row
    assert "█" in row
    assert lines[0].split()[:2] == ["run", "name"]


def test_names_with_markup_are_text(finished, store):
    evil = "<img src=x onerror=alert(1)>"
    finished(10, name=evil, changed=(f"{evil} → {evil}",))
    page = Cells(RunsTable(store)._repr_html_())
    assert "img" not in page.tags
    assert page.rows[1][1] == evil


def test_of_many_runs_the_newest_are_shown_and_the_caption_says_so(finished, store):
    for i in range(6):
        finished(3, name=f"run{i}", started_s=time.time() - 100 + i)
    table = RunsTable(store, limit=4)
    assert [row.name for row in table.rows] == ["run5", "run4", "run3", "run2"]
    assert table.caption == "6 runs, the newest 4 shown"
    assert RunsTable(store).caption == "6 runs, newest first"


def test_a_query_chooses_and_a_wrong_one_says_where(finished, store):
    finished(10, name="one", tags=("baseline",))
    finished(10, name="two")
    table = RunsTable(store, "tag:baseline")
    assert [row.name for row in table.rows] == ["one"]
    assert table.caption == "1 of 2 runs matches"
    with pytest.raises(QueryError):
        RunsTable(store, "lr <")


def test_a_running_run_has_a_dot_at_the_end_of_its_curve(start, finished, store):
    writer = start()
    for step in range(5):
        writer.emit(["loss"], [1.0 - step / 10], step, writer.now())
    html = RunsTable(store)._repr_html_()
    assert 'r="2"' in html
    writer.finish("done")
    assert 'r="2"' not in RunsTable(store)._repr_html_()


def test_the_curve_is_as_long_as_the_run(finished, store):
    finished(100, name="long")
    finished(50, name="half")
    curves = {row[1]: row for row in Cells(RunsTable(store)._repr_html_()).rows[1:]}
    assert set(curves) == {"long", "half"}
    text = {line.split()[1]: line for line in str(RunsTable(store)).splitlines()[1:3]}
    blocks = {name: sum(c in "▁▂▃▄▅▆▇█" for c in line) for name, line in text.items()}
    assert blocks == {"long": 8, "half": 4}


def test_an_empty_store_says_how_to_begin(store):
    table = RunsTable(store)
    assert str(table) == "no runs yet: put %%track on the first line of a cell"
    assert "no runs yet" in table._repr_html_()


def test_both_forms_are_in_the_bundle(finished, store):
    finished(5)
    assert set(RunsTable(store)._repr_mimebundle_()) == {"text/html", "text/plain"}


def test_curves_are_read_only_for_the_rows_that_are_shown(finished, store, monkeypatch):
    for _ in range(5):
        finished(3)
    read = []
    get = store.get
    monkeypatch.setattr(store, "get", lambda which: read.append(which) or get(which))
    table = RunsTable(store, limit=2)
    assert len(read) == 2
    assert all(row.curve for row in table.rows)
