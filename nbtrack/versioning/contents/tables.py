"""Fingerprints of pandas frames and series, and of SciPy's sparse matrices.

The digest of a frame covers its columns, their names and types, and the index. The digest of a
row covers the values of all its columns and not its label: a row is found again after the frame
was sorted, filtered or had its index reset. A category counts as its value, a missing value of
any type as missing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nbtrack.versioning.contents.content import Fingerprint, Reading, array_content, gathered
from nbtrack.versioning.contents.plain_values import objects_content, values_content
from nbtrack.versioning.contents.row_digests import combine, row_digests


def frame_content(frame: Any, reading: Reading) -> Fingerprint:
    """The fingerprint of a pandas DataFrame."""
    import numpy as np

    columns = [_values_of(frame.iloc[:, place].array, reading) for place in range(frame.shape[1])]
    members = {str(place): column for place, column in enumerate(columns)}
    rows = None
    if reading.rows and columns and all(column.rows is not None for column in columns):
        found = combine([np.frombuffer(column.rows or b"", "<u8") for column in columns])
        rows = found.astype("<u8").tobytes()
    names = _labels(frame.columns, reading.without_rows())
    index = _labels(frame.index, reading.without_rows())
    whole = {**members, "columns": names, "index": index}
    result = gathered("frame", tuple(frame.shape), whole, rows)
    dtypes = ", ".join(dict.fromkeys(column.dtype for column in columns))
    return replace(result, dtype=dtypes)


def series_content(series: Any, reading: Reading) -> Fingerprint:
    """The fingerprint of a pandas Series."""
    values = _values_of(series.array, reading)
    name = values_content([series.name], "name", Reading(rows=False))
    members = {
        "values": values,
        "name": name,
        "index": _labels(series.index, reading.without_rows()),
    }
    return replace(
        gathered("series", (len(series),), members, values.rows),
        dtype=values.dtype,
    )


def index_content(index: Any, reading: Reading) -> Fingerprint:
    """The fingerprint of a pandas Index."""
    values = _labels(index, reading)
    return gathered("index", (len(index),), {"values": values}, values.rows)


def sparse_content(matrix: Any, reading: Reading, index: Any = None) -> Fingerprint:
    """The fingerprint of a SciPy sparse matrix or array, of whatever format.

    Equal entries in another order, and entries given in several parts, are equal contents; an
    entry that is kept and is zero is not.
    """
    import numpy as np

    table = matrix.tocsr()
    if index is not None:
        table = table[index]
    if not table.has_canonical_format:
        table = table.copy()
        table.sum_duplicates()
    places, starts = table.indices.astype("<i8"), table.indptr.astype("<i8")
    members = {
        "places": array_content(places, reading.without_rows()),
        "starts": array_content(starts, reading.without_rows()),
        "values": array_content(table.data, reading.without_rows()),
    }
    rows = None
    if reading.rows:
        width = table.data.dtype.itemsize
        entries = np.empty((len(places), 8 + width), np.uint8)
        entries[:, :8] = places.view(np.uint8).reshape(-1, 8)
        data = np.ascontiguousarray(table.data, dtype=table.data.dtype.newbyteorder("<"))
        entries[:, 8:] = data.view(np.uint8).reshape(-1, width)
        sums = np.concatenate(
            [np.zeros(1, np.uint64), np.cumsum(row_digests(entries), dtype=np.uint64)]
        )
        rows = combine([sums[starts[1:]] - sums[starts[:-1]]]).astype("<u8").tobytes()
    found = gathered("sparse matrix", tuple(map(int, table.shape)), members, rows)
    return replace(found, dtype=str(table.data.dtype))


def _labels(index: Any, reading: Reading) -> Fingerprint:
    """An index: its names, and its labels."""
    import pandas as pd

    names = values_content(list(index.names), "names", Reading(rows=False))
    if isinstance(index, pd.RangeIndex):
        bounds = [index.start, index.stop, index.step]
        values = values_content(bounds, "range", Reading(rows=False))
    elif isinstance(index, pd.MultiIndex):
        values = values_content(list(index), "labels", reading)
    else:
        values = _values_of(index.array, reading)
    return gathered("labels", (len(index),), {"names": names, "values": values}, values.rows)


def _values_of(array: Any, reading: Reading) -> Fingerprint:
    """The values of a column, by what pandas keeps them as."""
    import numpy as np
    import pandas as pd

    dtype = array.dtype
    name = str(dtype)
    if isinstance(dtype, pd.CategoricalDtype):
        return _category(array, reading)
    if isinstance(dtype, pd.DatetimeTZDtype):
        naive = np.asarray(array, dtype=f"M8[{dtype.unit}]")
        found = array_content(naive, reading)
        return replace(gathered("times", (len(array),), {name: found}, found.rows), dtype=name)
    plain = getattr(dtype, "numpy_dtype", None)
    if plain is None and isinstance(dtype, pd.api.extensions.ExtensionDtype):
        return replace(_objects(array, reading, name), dtype=name)
    if isinstance(dtype, pd.api.extensions.ExtensionDtype) and hasattr(array, "_mask"):
        missing = np.asarray(array.isna())
        values = array.to_numpy(dtype=plain, na_value=np.zeros((), plain)[()])
        members = {
            "values": array_content(values, reading),
            "missing": array_content(missing, reading),
        }
        rows = None
        if reading.rows:
            both = [part.row_values() for part in members.values()]
            rows = combine(both).astype("<u8").tobytes()
        return replace(gathered(name, (len(array),), members, rows), dtype=name)
    values = np.asarray(array)
    if values.dtype.kind in "OT":
        return replace(_objects(values, reading, "object"), dtype=name)
    return array_content(values, reading)


def _objects(array: Any, reading: Reading, name: str) -> Fingerprint:
    """Texts and other objects; what is missing is None, however the column writes it."""
    import numpy as np
    import pandas as pd

    values = np.asarray(array.astype(object))
    missing = np.asarray(pd.isna(array), dtype=bool)
    if values.shape == missing.shape and missing.any():
        values = values.copy()
        values[missing] = None
    found = objects_content(values, reading)
    return gathered(name, (len(values),), {"values": found}, found.rows)


def _category(array: Any, reading: Reading) -> Fingerprint:
    """Categories by value: a row has the digest of its category."""
    import numpy as np

    categories = _values_of(array.categories.array, Reading(rows=True))
    codes = np.asarray(array.codes)
    places = array_content(codes.astype("<i4"), reading.without_rows())
    rows = None
    if reading.rows:
        table = np.concatenate([categories.row_values(), np.zeros(1, np.uint64)])
        rows = table[codes].astype("<u8").tobytes()  # a missing one has the code -1: the last
    members = {"categories": categories, "codes": places}
    found = gathered("category", (len(array),), members, rows, ordered=bool(array.ordered))
    return replace(found, dtype="category")
