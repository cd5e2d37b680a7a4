"""Layers by steps: what was read of each parameter, in bytes that do not grow with the run."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrack.views.heat import Heat, parameter_of, rows_of
from nbtrack.views.heatmap import HeatMap, codes


def value_of(code):
    """What a page reads out of a byte."""
    return 0.0 if code == 1 else 10 ** (-12 + (int(code) - 2) * 20 / 252)


def test_keys_of_single_parameters_are_told_from_totals():
    assert parameter_of("grad_norm/block1.conv.weight") == ("grad_norm", "block1.conv.weight")
    assert parameter_of("update_ratio/params.0") == ("update_ratio", "params.0")
    for key in (
        "grad_norm/total",
        "grad_norm/preclip",
        "grad_norm/opt_d/total",
        "loss",
        "grad_norm",
    ):
        assert parameter_of(key) is None
    assert parameter_of("grad_norm/preclip/fc.weight") is None


def test_weight_and_bias_share_a_row_first_layer_on_top():
    rows = rows_of(["stem.weight", "stem.bias", "block.0.weight", "head.weight", "scale"])
    assert [(row.label, list(row.members)) for row in rows] == [
        ("stem", [0, 1]),
        ("block.0", [2]),
        ("head", [3]),
        ("scale", [4]),
    ]


def test_a_deep_model_is_grouped_by_the_beginning_of_its_names_and_says_so():
    names = [f"layers.{i}.{j}.weight" for i in range(30) for j in range(4)]
    rows = rows_of(names)
    assert len(rows) == 30
    assert (rows[7].label, rows[7].num_layers) == ("layers.7", 4)
    assert [m for row in rows for m in row.members] == list(range(120))
    # 75 blocks are more than 64 rows, and all of them in one would say nothing
    deep = rows_of([f"model.layers.{i}.attn.{k}.weight" for i in range(75) for k in "qkvo"])
    assert len(deep) == 38
    assert [deep[0].label, deep[-1].label] == ["model.layers.0 to 1", "model.layers.74"]
    flat = rows_of([f"p{i}" for i in range(1000)])
    assert len(flat) <= 64
    assert sum(row.num_layers for row in flat) == 1000


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 3), st.floats(1e-9, 1e6)), min_size=1)
)
def test_every_cell_holds_the_lowest_and_highest_of_its_steps(readings):
    made = HeatMap()
    for step, parameter, value in readings:
        made.add(np.array([parameter]), np.array([step]), np.array([value]))
    assert made.columns <= 240
    for parameter in {p for _, p, _ in readings}:
        for column in range(made.columns):
            low = made.first + column * made.per
            inside = [
                np.float32(v)
                for s, p, v in readings
                if p == parameter and low <= s < low + made.per
            ]
            assert made.lows[parameter, column] == min(inside, default=np.inf)
            assert made.highs[parameter, column] == max(inside, default=-np.inf)


def test_a_row_is_the_norm_of_its_parameters_together():
    made = HeatMap()
    made.add(np.array([0, 1]), np.array([0, 0]), np.array([3.0, 4.0]))
    shown = made.rows([[0, 1]])
    assert (shown.lows[0, 0], shown.highs[0, 0], shown.newest[0]) == (5.0, 5.0, 5.0)
    ratio = made.rows([[0, 1]], is_ratio=True)
    assert (ratio.lows[0, 0], ratio.highs[0, 0], ratio.newest[0]) == (3.0, 4.0, 4.0)


def test_steps_between_two_readings_are_not_blank():
    made = HeatMap()
    made.add(np.array([0, 0]), np.array([0, 10]), np.array([2.0, 3.0]))
    assert made.rows([[0]]).highs[0].tolist() == [2.0] * 10 + [3.0]
    assert codes(made.rows([[1]]).highs).max() == 0  # nothing was read of it


@pytest.mark.parametrize("value", [1e-11, 3e-5, 0.11, 1.0, 7.7, 9e7])
def test_a_byte_says_a_reading_to_a_fifth(value):
    assert value / 1.21 <= value_of(int(codes(np.array([value]))[0])) <= value


def test_zero_and_none_have_bytes_of_their_own():
    assert codes(np.array([0.0, 1e-13, np.inf, -np.inf, 1e12])).tolist() == [1, 1, 0, 0, 254]


def test_a_page_that_takes_only_new_columns_has_the_whole_map(start, store):
    """When columns were joined, those that were told before came to mean something else."""
    writer = start()
    heat, tail = Heat(), store.get(writer.info.id).tail()
    version, held = None, None
    for step in range(0, 3000, 7):
        writer.emit(["grad_norm/a.weight"], [1.0 + step % 50], step, 1e9)
        for piece in tail.pieces():
            heat.add(piece)
        heat.rows  # noqa: B018 - as the page has them
        (begin,) = heat.news().values()
        message, newest, _, highs = decoded(heat, begin=begin)
        heat.told(["grad_norm"])
        if message["from"] == 0:
            version, held = message["v"], highs
        assert message["v"] == version
        held = np.concatenate([held[:, : message["from"]], highs], axis=1)
        assert newest == [1.0 + step % 50]
    assert held.tolist() == decoded(heat)[3].tolist()


@pytest.fixture
def fed(start, store):
    """Write readings of layers and feed them to a heat; returns it and its decoder."""

    def _fed(num_steps, gradient, layers=("a", "b"), per_write=500):
        writer = start()
        keys = [f"grad_norm/{name}.{kind}" for name in layers for kind in ("weight", "bias")]
        for at in range(0, num_steps, per_write):
            writer.emit_all(
                [
                    (keys, [gradient(k // 2, step) for k in range(len(keys))], step, 1e9)
                    for step in range(at, min(at + per_write, num_steps))
                ]
            )
        heat, tail = Heat(), store.get(writer.info.id).tail()
        for piece in tail.pieces():
            heat.add(piece)
        return heat

    return _fed


def decoded(heat, id="grad_norm", begin=0):
    message, buffer = heat.message(id, begin)
    rows, columns = message["rows"], message["cols"] - begin
    newest = np.frombuffer(buffer, "<f4", rows)
    planes = np.frombuffer(buffer, "u1", offset=4 * rows).reshape(2, rows, columns)
    return message, newest, planes[0], planes[1]


def test_an_explosion_of_one_step_and_a_vanishing_layer_are_both_seen(fed):
    def gradient(layer, step):
        if layer == 1 and step >= 2000:
            return 1e-9
        return 5e4 if step == 777 else 0.1

    heat = fed(5000, gradient)
    message, newest, lows, highs = decoded(heat)
    column = (777 - message["first"]) // message["per"]
    assert message["per"] == 32
    assert value_of(highs[0, column]) > 5e4
    assert value_of(highs[0, column + 1]) < 0.2
    assert value_of(lows[0, column]) < 0.2
    assert all(value_of(code) < 1e-8 for code in highs[1, 2048 // 32 :])
    assert newest[0] == pytest.approx(0.1 * 2**0.5)


def test_what_is_not_finite_has_its_own_byte(fed):
    _, _, lows, highs = decoded(fed(10, lambda layer, step: np.nan if step == 4 else 1.0))
    assert highs[0].tolist().count(255) == 1
    assert highs[0, 4] == 255
    assert lows[0, 5] == lows[0, 0] != 0


def test_bytes_do_not_grow_with_the_run(fed):
    sizes = [
        len(fed(n, lambda layer, step: 1.0).message("grad_norm")[1]) for n in (300, 4000, 9000)
    ]
    assert max(sizes) <= 2 * 4 + 2 * 2 * 240
    heat = fed(4000, lambda layer, step: 1.0)
    heat.rows  # noqa: B018 - as the page has them
    heat.told(["grad_norm"])
    assert heat.news() == {}


def test_the_page_is_told_names_to_ask_for_and_what_was_grouped(fed):
    trait = fed(
        5, lambda layer, step: 1.0, layers=[f"net.{i}.{j}" for i in range(40) for j in "xy"]
    )
    trait = trait.trait()
    assert trait["layers"] == 80
    assert trait["about"] == "80 layers in 40 groups"
    assert trait["rows"][0] == {
        "label": "net.0",
        "names": ["net.0.x.weight", "net.0.x.bias", "net.0.y.weight", "net.0.y.bias"],
        "of": 4,
    }
    assert trait["maps"] == [{"id": "grad_norm", "title": "Gradient norm"}]
    assert Heat().trait() == {}
