"""What can be logged, and what is said about the rest."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from nbtrack.errors import ValueNotLoggable


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.5, 0.5),
        (3, 3.0),
        (True, 1.0),
        (2**60, 2.0**60),
        (Fraction(1, 4), 0.25),
        (Decimal("0.125"), 0.125),
        (np.float64(0.1), 0.1),
        (np.float32(0.5), 0.5),
        (np.float16(0.5), 0.5),
        (np.int8(-3), -3.0),
        (np.uint64(2**63), 2.0**63),
        (np.bool_(True), 1.0),
        (np.array(1.5), 1.5),
        (np.array([[2.5]]), 2.5),
        (np.array([True]), 1.0),
        (math.inf, math.inf),
        (-math.inf, -math.inf),
        (np.float32("inf"), math.inf),
        (-0.0, -0.0),
        (5e-324, 5e-324),
    ],
    ids=repr,
)
def test_one_number_of_any_kind_is_kept(writer, points, value, expected):
    writer.log({"x": value})
    writer.log({"x": value})  # the second call takes the fast way
    for _, _, kept in points(writer):
        assert kept == expected
        assert math.copysign(1, kept) == math.copysign(1, expected)
    assert len(points(writer)) == 2


@pytest.mark.parametrize("value", [math.nan, np.float32("nan"), np.array(math.nan), Decimal("nan")])
def test_nan_is_kept_as_nan(writer, points, value):
    writer.log({"x": value})
    [(_, _, kept)] = points(writer)
    assert math.isnan(kept)


def test_tensors_of_one_element_are_kept(writer, points):
    torch = pytest.importorskip("torch")
    weight = torch.tensor([2.0], requires_grad=True)
    values = {
        "zero_d": torch.tensor(0.5),
        "one_element": torch.tensor([[0.25]]),
        "with_gradient": (weight * 3).sum(),
        "int": torch.tensor(7),
        "bool": torch.tensor(True),
        "half": torch.tensor(0.5, dtype=torch.bfloat16),
        "parameter": torch.nn.Parameter(torch.ones(1)),
    }
    writer.log(values)
    assert [value for _, _, value in points(writer)] == [0.5, 0.25, 6.0, 7.0, 1.0, 0.5, 1.0]


def test_nested_dicts_become_paths(writer, points):
    writer.log({"loss": 1, "val": {"acc": 0.9, "f1": {0: 0.8, "macro": np.float32(0.5)}}})
    assert {key: value for _, key, value in points(writer)} == {
        "loss": 1.0,
        "val/acc": 0.9,
        "val/f1/0": 0.8,
        "val/f1/macro": 0.5,
    }


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("0.5", "'bad': a str is not one number"),
        (None, "'bad': a NoneType is"),
        ([0.5], "'bad': a list is"),
        (1 + 2j, "'bad': a complex is"),
        (np.complex64(1), "'bad': a complex64 of shape () and dtype complex64 is"),
        (np.zeros(3), "'bad': a ndarray of shape (3,) and dtype float64 is"),
        (np.array("x"), "'bad': a ndarray of shape () and dtype <U1 is"),
        (np.array(["2020-01-01"], "M8[D]"), "dtype datetime64[D] is"),
        (10**400, "'bad': an int too large for a 64-bit float is"),
        (object(), "'bad': an object is"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_anything_else_is_a_type_error_and_the_rest_of_the_call_is_kept(
    writer, points, value, words
):
    with pytest.raises(TypeError) as caught:
        writer.log({"before": 1.0, "bad": value, "after": {"nested": 2}}, step=7)
    assert isinstance(caught.value, ValueNotLoggable)
    assert words in str(caught.value)
    assert "The rest of the call was logged" in str(caught.value)
    assert points(writer) == [(7, "before", 1.0), (7, "after/nested", 2.0)]


def test_a_tensor_that_is_not_one_number_is_refused_with_its_shape(writer, points):
    torch = pytest.importorskip("torch")
    for bad, words in [
        (torch.zeros(32, 10), "a Tensor of shape (32, 10) is not one number"),
        (torch.tensor(1j), "dtype torch.complex64"),
        (torch.empty((), device="meta"), "on meta"),
        (torch.tensor([]), "shape (0,)"),
    ]:
        with pytest.raises(ValueNotLoggable, match="bad") as caught:
            writer.log({"good": 1, "bad": bad})
        assert words in str(caught.value)
    assert [key for _, key, _ in points(writer)] == ["good"] * 4


def test_the_error_names_every_refused_key(writer):
    with pytest.raises(ValueNotLoggable) as caught:
        writer.log({"a": "x", "b": None, "c": {"d": []}, "e": 1, "f": "y", "g": "z"})
    message = str(caught.value)
    assert "cannot log 'a': a str" in message
    assert "'b' (NoneType), 'c/d' (list), 'f' (str) ...: 4 more" in message


@pytest.mark.parametrize("values", [[1.0], 0.5, "loss", None], ids=repr)
def test_values_that_are_no_mapping_are_refused(writer, values):
    with pytest.raises(ValueNotLoggable, match="log\\(\\) takes a mapping of key to number"):
        writer.log(values)


def test_a_key_that_is_no_str_is_refused_and_an_int_is_taken_as_text(writer, points):
    with pytest.raises(ValueNotLoggable, match=r"key \('a', 1\) \(tuple\)"):
        writer.log({("a", 1): 1.0, 3: 2.0})
    assert points(writer) == [(0, "3", 2.0)]


def test_a_dict_that_holds_itself_is_refused(writer, points):
    values = {"x": 1}
    values["self"] = values
    with pytest.raises(ValueNotLoggable, match="dict"):
        writer.log(values)
    assert set(points(writer)) >= {(0, "x", 1.0), (0, "self/x", 1.0)}


ODD_KEYS = [
    "",
    "a b",
    "new\nline",
    "tab\tauto",
    "\\n",
    "\\",
    "\r",
    "ünï/çødé",
    '"quoted"',
    "\ud800",
]


@pytest.mark.parametrize("key", ODD_KEYS, ids=ascii)
def test_odd_keys_come_back_as_they_were(store, writer, points, key):
    writer.log({key: 1.0, "other": 2.0})
    assert points(writer) == [(0, key, 1.0), (0, "other", 2.0)]
    run = store.get(writer.info.id)
    assert run.keys() == [key, "other"]
    assert run.series(key).value.tolist() == [1.0]
    assert set(run.tail().read()) == {key, "other"}
    writer.finish()
    assert set(store.get(run.id).info.summary) == {key, "other"}
    assert store.runs()[key].tolist() == [1.0]


def test_a_user_s_step_may_be_any_whole_number(writer, points):
    writer.log({"x": 1}, step=np.int32(3))
    writer.log({"x": 1}, step=4.0)
    writer.log({"x": 1}, step=-(2**63))
    assert [step for step, _, _ in points(writer)] == [3, 4, -(2**63)]


@pytest.mark.parametrize("step", ["3", 3.5, [1], 2**63], ids=repr)
def test_a_step_that_is_no_whole_number_is_a_type_error(writer, points, step):
    writer.log({"x": 0})
    with pytest.raises(TypeError, match="cannot log at step"):
        writer.log({"x": 1}, step=step)
    writer.log({"x": 2})
    assert points(writer) == [(0, "x", 0.0), (1, "x", 2.0)]
