"""The static picture of a run: what a saved notebook holds, readable without a kernel."""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nbtrack.views.facts import error_text
from nbtrack.views.feed import Feed
from nbtrack.views.flags import Flag, draw_epochs, draw_flags
from nbtrack.views.frames import averages
from nbtrack.views.heat_figure import draw_heat
from nbtrack.views.panels import KNOWN, MACHINE
from nbtrack.views.plot import Box, Line, draw
from nbtrack.views.shapes import (
    AMBER,
    INK,
    RED,
    STATUS_COLOURS,
    Picture,
    Word,
    Words,
    status_icon,
    warning_icon,
)
from nbtrack.views.svg import to_svg
from nbtrack.views.words import count, duration, shorten, sig, spark

if TYPE_CHECKING:
    from nbtrack.store import StoredRun

WIDTH = 960.0
MOST_POINTS = 600  # of a loss: about one low and one high for each 3 px
MOST_SMALL_POINTS = 240
MOST_SMALL = 8


def static_figure(run: StoredRun) -> dict[str, Any]:
    """The picture of a run in three forms, for ``display(..., raw=True)``.

    Parameters
    ----------
    run : StoredRun

    Returns
    -------
    dict of str to str
        ``image/svg+xml``, ``image/png`` (base64) and ``text/plain`` (one line and a curve of
        block characters). The picture has no theme: it reads on white and on black. No HTML:
        GitHub prefers that to any picture, and takes inline SVG out of it.

    Raises
    ------
    FileNotFoundError
        If the run was deleted.
    """
    data = _read(run)
    picture = _picture(run, data)
    bundle: dict[str, Any] = {
        "image/svg+xml": to_svg(picture),
        "text/plain": _summary(run, data),
    }
    try:
        from nbtrack.views.png import to_png

        bundle["image/png"] = base64.b64encode(to_png(picture)).decode()
    except ImportError:
        pass  # without matplotlib the SVG and the text remain
    return bundle


def summary_line(run: StoredRun) -> str:
    """A run in one line: name, id, status, steps, time, last loss and its curve.

    Parameters
    ----------
    run : StoredRun

    Raises
    ------
    FileNotFoundError
        If the run was deleted.

    Examples
    --------
    ``nbtrack: digits 7k3qf2 done, 2,000 steps in 5:14, loss 0.401 ▆▃▂▁▁▁▁▁``
    """
    return _summary(run, _read(run))


class _Data:
    """What there is to draw of a run: its series by panel, thinned, its maps and its marks."""

    def __init__(self, run: StoredRun) -> None:
        run.info  # noqa: B018 - of a run that was erased nothing is drawn
        feed = Feed(run, patience_s=0.0)
        feed.read_all()
        self.heat, self.marks, self.events = feed.heat, feed.marks, feed.events()
        self.panels: list[tuple[str, str, dict[str, Any], list[Line]]] = []
        self.last_step = -1
        self.first_step: int | None = None
        for spec in feed.panels():
            lines = []
            most = MOST_POINTS if spec["id"] == "loss" else MOST_SMALL_POINTS
            named = [series for series in spec["series"] if not series.get("faint")]
            for j, series in enumerate(named):
                frame = feed.shelf.frame(series["key"], most)
                is_dashed = bool(series.get("dashed"))
                lines.append(
                    Line(
                        series["label"],
                        frame,
                        is_dashed,
                        bool(series.get("held")),
                        is_smoothed=bool(spec.get("noisy")) and not is_dashed,
                        number=j,
                    )
                )
                self.last_step = max(self.last_step, int(frame.steps.max()))
                first = int(frame.steps.min())
                self.first_step = first if self.first_step is None else min(self.first_step, first)
            if spec["id"] in MACHINE and len({*lines[0].frame.steps.tolist()}) < 2:
                continue  # nothing stepped: they would stand in a single column
            self.panels.append((spec["id"], spec["title"], spec, lines))
        self.main_steps = feed.facts.steps or 0

    def lines(self, panel: str) -> list[Line]:
        return next((lines for id, _, _, lines in self.panels if id == panel), [])

    @property
    def flags(self) -> list[Flag]:
        """Marks that stand in the plots; epochs have ticks."""
        return [
            Flag(float(event["step"]), event["text"], _colour_of(event))
            for event in self.events
            if event["step"] is not None and event["kind"] != "note"
        ]


def _colour_of(event: dict[str, Any]) -> str:
    if event["kind"] in ("exception", "nonfinite") or event.get("severity") == "error":
        return RED
    return AMBER if event["kind"] == "finding" else INK


def _read(run: StoredRun) -> _Data:
    return _Data(run)


def _summary(run: StoredRun, data: _Data) -> str:
    info = run.info
    words = f"nbtrack: {shorten(info.name, 40)} {info.id} {info.status}, {_length(run, data)}"
    lines = data.lines("loss")
    if lines:
        words += f", loss {sig(lines[0].last)} {spark(averages(lines[0].frame.values, 8))}"
    if info.lost_points:
        words += f", {count(info.lost_points)} points missing"
    if info.error:
        words += f" ({error_text(info.error).splitlines()[0]})"
    return words.rstrip()


def _length(run: StoredRun, data: _Data) -> str:
    steps = run.steps if run.steps is not None else data.main_steps
    if not steps:
        return duration(run.duration_s)
    return f"{count(steps)} {'step' if steps == 1 else 'steps'} in {duration(run.duration_s)}"


def _picture(run: StoredRun, data: _Data) -> Picture:
    info = run.info
    label = f"Run {info.name}, {info.status}: " + ", ".join(
        f"{title} {sig(lines[0].last)}" for _, title, _, lines in data.panels
    )
    picture = Picture(WIDTH, 0, label)
    _head(picture, run, data)
    y = 44.0
    steps = (float(data.first_step or 0), float(max(data.last_step, 1)))
    loss = data.lines("loss")
    if loss:
        _loss(picture, loss, steps, data)
        y = 284.0
    small = [panel for panel in data.panels if panel[0] != "loss"]
    # the order of a live view is that of arrival; here all is there, so the known ones come first
    small.sort(key=lambda panel: _order(panel[0]))
    y = _small(picture, small[:MOST_SMALL], steps, y, data)
    alarms = data.marks.findings()
    modules = [(finding["module"] or "", finding["first_step"]) for finding in alarms]
    y = draw_heat(picture, data.heat, y + 8, modules)
    _foot(picture, run, y, data)
    return picture


def _order(panel: str) -> int:
    return list(KNOWN).index(panel) if panel in KNOWN else len(KNOWN)


def _head(picture: Picture, run: StoredRun, data: _Data) -> None:
    info = run.info
    colour = STATUS_COLOURS.get(info.status, INK)
    picture.shapes += status_icon(info.status, 8, 15)
    picture.shapes.append(
        Words(
            22,
            20,
            [
                Word(info.status, colour, is_bold=True),
                Word(shorten(info.name, 40), size=16, is_bold=True),
                Word(info.id, is_mono=True),
            ],
        )
    )
    facts = _length(run, data)
    steps = run.steps if run.steps is not None else data.main_steps
    if run.duration_s > 0 and steps > 1:
        facts += f", {sig(steps / run.duration_s)} steps/s"
    facts += time.strftime(", %d %b %Y %H:%M", time.localtime(info.started_s))
    picture.text(WIDTH, 20, facts, anchor="end")
    picture.path([(0, 32), (WIDTH, 32)], opacity=0.4)


def _loss(picture: Picture, lines: Sequence[Line], steps: tuple[float, float], data: _Data) -> None:
    picture.text(0, 54, "Loss", is_bold=True)
    x = WIDTH
    for line in reversed(lines):
        text = f"{shorten(line.label, 24)} {sig(line.last)}"
        picture.text(x, 54, text, colour=line.colour, is_bold=True, anchor="end")
        x -= 7.0 * len(text) + 8
        picture.path([(x - 22, 50), (x, 50)], colour=line.colour, width=2.4, dash=line.dash)
        x -= 46
        if x < 200:
            break
    box = Box(40, 66, WIDTH - 40, 190)
    draw(picture, box, lines, steps)
    draw_epochs(picture, box, [mark[0] for mark in data.marks.epochs()], steps)
    draw_flags(picture, box, data.flags, steps, has_words=True)


def _small(
    picture: Picture, panels: Sequence[Any], steps: tuple[float, float], y: float, data: _Data
) -> float:
    """Rows of four; returns where the next thing goes."""
    for i, (_, title, spec, lines) in enumerate(panels):
        x, top = i % 4 * 248.0, y + i // 4 * 128
        picture.text(x, top + 22, shorten(title.partition(",")[0], 18), is_bold=True)
        picture.shapes.append(Words(x + 214, top + 22, _values(title, lines), "end"))
        box = Box(x + 36, top + 32, 178, 72)
        draw(
            picture,
            box,
            lines,
            steps,
            is_log=bool(spec.get("log")),
            has_zero=bool(spec.get("zero")),
        )
        draw_flags(picture, box, data.flags, steps)
    return y + (len(panels) + 3) // 4 * 128


def _values(title: str, lines: Sequence[Line]) -> list[Word]:
    """The last value of each line in its colour; with its name if there are several."""
    if len(lines) == 1:
        unit = lines[0].label
        is_said = unit.lower() in (title.lower(), "total")
        value = sig(lines[0].last)
        return [Word(value if is_said else shorten(f"{value} {unit}", 20))]
    texts = [f"{line.label} {sig(line.last)}" for line in lines[:2]]
    if len(title.partition(",")[0]) + sum(map(len, texts)) > 28:
        texts = [sig(line.last) for line in lines[:2]]
    return [Word(text, line.colour, is_bold=True) for text, line in zip(texts, lines, strict=False)]


def _foot(picture: Picture, run: StoredRun, y: float, data: _Data) -> None:
    info = run.info
    y += 10
    picture.path([(0, y), (WIDTH, y)], opacity=0.4)
    for finding in data.marks.findings():
        y += 20
        colour = RED if finding["severity"] == "error" else AMBER
        since = (
            "" if finding["first_step"] is None else f" since step {count(finding['first_step'])}"
        )
        title = shorten(f"{finding['title']}{since}.", 60)
        sentence = shorten(finding["sentence"], max(150 - len(title), 20))
        picture.shapes += warning_icon(8, y - 4, colour)
        words = [Word(title, colour, size=13, is_bold=True), Word(sentence)]
        picture.shapes.append(Words(22, y, words))
    if data.marks.num_more_findings:
        y += 20
        picture.text(22, y, f"{data.marks.num_more_findings} more findings: %doctor {info.id}")
    if info.error:
        y += 20
        first = shorten(error_text(info.error).splitlines()[0], 110)
        picture.text(0, y, first, colour=RED, is_bold=True, size=13)
    if info.lost_points:
        y += 20
        missing = f"{count(info.lost_points)} points are missing: they could not be written."
        picture.text(0, y, missing, colour=STATUS_COLOURS["incomplete"], is_bold=True, size=13)
    if info.changed:
        y += 20
        picture.text(0, y, shorten("Changed: " + "; ".join(info.changed), 130))
    y += 20
    picture.text(
        0, y, f'Picture saved with the notebook. nbtrack.get("{info.id}") opens the run again.'
    )
    picture.height = y + 10
