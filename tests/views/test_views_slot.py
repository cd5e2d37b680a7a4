"""A static picture in a marked place, which a widget fills."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from nbtrack.views.live import WIDGET_MIME
from nbtrack.views.slot import in_slot, new_slot

PICTURE = {"text/html": "<p>static</p>", "text/plain": "static"}


def a_widget():
    return SimpleNamespace(model_id="m1")


def test_the_picture_stands_in_the_place_that_the_widget_looks_for():
    bundle = in_slot(PICTURE, "nbt-1", a_widget, "picture")
    assert bundle == {**PICTURE, "text/html": '<div data-nbt-slot="nbt-1"><p>static</p></div>'}


def test_a_front_end_that_needs_the_widget_s_own_type_is_given_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "marimo", SimpleNamespace())
    bundle = in_slot(PICTURE, "nbt-1", a_widget, "picture")
    assert bundle.pop(WIDGET_MIME)["model_id"] == "m1"
    assert bundle == PICTURE


def test_the_picture_is_shown_where_no_widget_can_be_made():
    def missing():
        raise ImportError("no anywidget")

    with pytest.warns(RuntimeWarning, match="only the static table is shown.*no anywidget"):
        assert in_slot(PICTURE, "nbt-1", missing, "table") == PICTURE


def test_no_two_places_have_one_name():
    assert new_slot() != new_slot()
