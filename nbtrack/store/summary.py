"""What a series comes to: first, last, smallest, largest value, count and last step."""

from __future__ import annotations

from nbtrack.store.columns import Columns

Summary = dict[str, dict[str, float]]


def summarise(columns: Columns) -> Summary:
    """A summary per series.

    Returns
    -------
    dict of str to dict
        ``first`` and ``last`` in order of time; ``min`` and ``max`` over the finite values, NaN if
        there is none; ``count``; ``last_step``.

    Notes
    -----
    One sort by key; no Python loop over points.
    """
    import numpy as np

    if not len(columns.code):
        return {}
    order = np.argsort(columns.code, kind="stable")  # in order of time within each key
    code, value = columns.code[order], columns.value[order]
    starts = np.flatnonzero(np.concatenate(([True], code[1:] != code[:-1])))
    ends = np.concatenate((starts[1:], [len(code)]))
    is_finite = np.isfinite(value)
    low = np.minimum.reduceat(np.where(is_finite, value, np.inf), starts)
    high = np.maximum.reduceat(np.where(is_finite, value, -np.inf), starts)
    has_finite = np.logical_or.reduceat(is_finite, starts)
    table = {
        "first": value[starts].tolist(),
        "last": value[ends - 1].tolist(),
        "min": np.where(has_finite, low, np.nan).tolist(),
        "max": np.where(has_finite, high, np.nan).tolist(),
        "count": (ends - starts).tolist(),
        "last_step": columns.step[order][ends - 1].tolist(),
    }
    rows = zip(*table.values(), strict=True)
    names = [columns.names[i] for i in code[starts].tolist()]
    return {name: dict(zip(table, row, strict=True)) for name, row in zip(names, rows, strict=True)}
