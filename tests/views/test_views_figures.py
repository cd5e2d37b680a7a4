"""The static picture, and the line in place of one."""

import base64
import math
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from nbtrack.records import Finding
from nbtrack.store.findings import write_findings
from nbtrack.views import static_figure, summary_line
from nbtrack.views.frames import Frame
from nbtrack.views.plot import smoothed

SVG = "{http://www.w3.org/2000/svg}"


def svg_of(bundle):
    html = bundle["image/svg+xml"]
    return ET.fromstring(html)


def texts(svg):
    return ["".join(text.itertext()) for text in svg.iter(f"{SVG}text")]


def test_a_picture_has_three_forms(finished):
    bundle = static_figure(finished(120))
    assert set(bundle) == {"image/svg+xml", "image/png", "text/plain"}
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert len(bundle["image/png"]) < 120_000
    assert len(bundle["image/svg+xml"]) < 120_000


def test_a_picture_says_what_a_person_looks_for(finished):
    run = finished(120, changed=("lr 0.1 → 0.01",))
    words = " ".join(texts(svg_of(static_figure(run))))
    for word in ("done", "digits", run.id, "120 steps", "Loss", "val", "Gradient norm", "0.01"):
        assert word in words
    assert f'nbtrack.get("{run.id}")' in words


def test_a_failed_run_shows_its_error_and_a_good_one_does_not(finished):
    error = {"name": "ValueError", "message": "bad <b>shape</b>", "line": 3, "traceback": ""}
    failed = static_figure(finished(30, "failed", error=error))
    assert "ValueError: bad <b>shape</b>" in texts(svg_of(failed))
    assert "<b>" not in failed["image/svg+xml"]
    assert "Error" not in static_figure(finished(30))["image/svg+xml"]


def test_names_with_markup_and_mathematics_are_names(finished):
    bundle = static_figure(finished(10, name="<img src=x onerror=alert(1)> $\\frac{1}{"))
    assert "<img" not in bundle["image/svg+xml"]
    assert "<img src=x onerror=alert(1)> $\\frac{1}{" in texts(svg_of(bundle))[0]


def test_a_gap_is_not_bridged_and_has_a_tick(finished):
    losses = [1.0] * 10 + [math.nan] * 3 + [0.5] * 10
    svg = svg_of(static_figure(finished(23, losses=losses)))
    paths = [p.get("d") for p in svg.iter(f"{SVG}path") if p.get("stroke") == "#1479B8"]
    assert any(path.count("M") == 2 for path in paths)
    assert any(p.get("stroke") == "#D03B3B" for p in svg.iter(f"{SVG}path"))
    whole = svg_of(static_figure(finished(23)))
    assert not any(p.get("stroke") == "#D03B3B" for p in whole.iter(f"{SVG}path"))


def test_a_run_with_nothing_in_it_has_a_picture_too(start, store):
    writer = start()
    writer.finish("done")
    bundle = static_figure(store.get(writer.info.id))
    assert bundle["text/plain"].startswith(f"nbtrack: digits {writer.info.id} done, ")
    assert svg_of(bundle).get("role") == "img"


@pytest.mark.parametrize("losses", [[0.5], [1e-9, 1e-9], [-3.0, -2.0], [math.nan], [math.inf, 1.0]])
def test_odd_values_do_not_break_the_picture(finished, losses):
    bundle = static_figure(finished(len(losses), losses=losses))
    assert "nan" not in bundle["image/svg+xml"].replace("NaN", "")
    assert base64.b64decode(bundle["image/png"])


def test_colours_read_on_white_and_on_black(finished):
    from nbtrack.views import shapes

    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for colour in {*shapes.SERIES, *shapes.STATUS_COLOURS.values(), shapes.RED}:
        light = luminance(colour)
        assert 1.05 / (light + 0.05) >= 4.4
        assert (light + 0.05) / 0.05 >= 4.2


def test_drawing_leaves_matplotlib_as_it_was(finished):
    import matplotlib as mpl

    mpl.rcParams["lines.linewidth"] = 9.0
    mpl.rcParams["text.usetex"] = True
    before = dict(mpl.rcParams)
    try:
        plain = static_figure(finished(20))
        assert dict(mpl.rcParams) == before
        assert plain["image/png"]
    finally:
        mpl.rcdefaults()


def test_the_line_in_place_of_a_picture(finished):
    run = finished(120)
    line = summary_line(run)
    assert line.startswith(f"nbtrack: digits {run.id} done, 120 steps in ")
    assert "loss 0.138 █" in line
    assert "\n" not in line
    error = {"name": "ValueError", "message": "bad", "line": 3, "traceback": ""}
    assert summary_line(finished(5, "failed", error=error)).endswith("(ValueError: bad)")


def test_smoothing_equals_the_sum_done_by_hand():
    # after 100 points 0.5 is allowed in full: 1, then half way to 3, then half way to 5
    values = np.array([*[1.0] * 100, 3.0, 5.0])
    frame = Frame.of(np.arange(102), np.zeros(102), values)
    at, out = smoothed(frame, 0.5)
    assert at.tolist() == list(range(102))
    assert out[99:].tolist() == [1.0, 2.0, 3.5]
    # and the beginning is followed at once
    assert smoothed(Frame.of(*[np.arange(9.0)] * 3), 0.9)[1].tolist() == list(range(9))
    assert smoothed(frame, 0.0)[1].tolist() == values.tolist()


@pytest.fixture
def troubled(start, store):
    """A run with layers of which one vanishes, epochs, an event and two findings."""
    writer = start(started_s=1e9)
    keys = [f"grad_norm/{layer}.weight" for layer in ("stem", "block.<b>", "head")]
    for step in range(400):
        small = 1e-7 if step > 100 else 0.5
        writer.emit(["loss", *keys], [1.0, 0.5, small, 0.5], step, 1e9 + step)
        if step % 100 == 0:
            writer.emit(["mark/epoch"], [step / 100], step, 1e9 + step)
    writer.output("event", {"text": "lr 0.1 → 0.01", "step": 200, "mark": "lr"})
    finding = Finding(
        code="x",
        severity="warning",
        origin="model",
        title="Dead <layer>",
        sentence="It is & stays zero.",
        advice="A",
        first_step=101,
        module="block",
    )
    write_findings(writer.path, [finding])
    writer.finish("done", steps=400)
    return store.get(writer.info.id)


def test_the_picture_shows_layers_marks_and_findings_and_escapes_them(troubled):
    svg = static_figure(troubled)["image/svg+xml"]
    root = ET.fromstring(svg)
    words = [span.text for span in root.iter(f"{SVG}tspan")]
    for expected in ("Gradient norm by layer", "block.<b>", "lr 0.1 → 0.01", "It is & stays zero."):
        assert expected in words
    assert "Dead <layer> since step 101." in words
    fills = {
        float(path.get("fill-opacity", 1))
        for path in root.iter(f"{SVG}path")
        if path.get("fill") == "#1479B8"
    }
    assert min(fills) < 0.1  # the layer that vanished
    assert max(fills) > 0.9
    order = [words.index(w) for w in ("Loss", "Gradient norm by layer", "It is & stays zero.")]
    assert order == sorted(order)


def test_a_run_without_layers_or_findings_has_no_map_and_no_marks(finished):
    svg = static_figure(finished(50))["image/svg+xml"]
    assert "by layer" not in svg
    assert 'stroke-dasharray="3 3"' not in svg
