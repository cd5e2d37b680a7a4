"""Which data: a digest of all that a tensor, array, frame or data set holds, and of each sample.

`fingerprint` finds out what an object is and puts together what the modules beside this one read:
arrays and tensors (`content`), plain values (`plain_values`), pandas and SciPy (`tables`). What
was read is remembered for as long as the object lives (`quick_key`). Files are not read here.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from nbtrack.versioning.contents.content import (
    CannotRead,
    Fingerprint,
    NotData,
    Reading,
    TooLarge,
    array_content,
    gathered,
    tensor_content,
)
from nbtrack.versioning.contents.plain_values import objects_content, values_content
from nbtrack.versioning.contents.quick_key import Memo, is_counted, members_of, quick_key
from nbtrack.versioning.contents.row_digests import combine
from nbtrack.versioning.contents.tables import (
    frame_content,
    index_content,
    series_content,
    sparse_content,
)

__all__ = ["Fingerprint", "fingerprint", "quick_key"]

Reader = Callable[[Any, Reading, Any], Fingerprint]

_DEEPEST = 8
_SETTING_CHARACTERS = 256  # a text up to that is a setting, not data
_SHARE_OF_SAMPLES = 0.9  # of the bytes of a dict, to speak of its samples
_WORTH_KEEPING_BYTES = 2**16
_MAX_MEMBERS = 1000
_memo = Memo()


def fingerprint(obj: Any, *, max_bytes: int | None = None, rows: bool = True) -> Fingerprint | None:
    """What an object holds: a digest of all of it, and one of each sample.

    Parameters
    ----------
    obj : object
        A torch tensor (any device, dtype and layout), NumPy array, pandas DataFrame or Series,
        SciPy sparse matrix, torch data set of the map style (a subset too) or DataLoader, Hugging
        Face data set, or a list, tuple or dict of such, of numbers, or of texts.
    max_bytes : int, optional
        Read no more than that; of what holds more no digest is computed.
    rows : bool, default True
        Whether to compute digests of the samples.

    Returns
    -------
    Fingerprint or None
        None for what is no data: a model, a function, one number, a text of up to 256
        characters. One without a digest for data that cannot
        be read or is larger than `max_bytes`: ``skipped`` says why.

    Notes
    -----
    The digest depends on the content alone: not on strides, device, byte order, or the object
    that holds it. A tensor and an array of the same numbers differ in kind. Bits count: 0.0 and
    -0.0 differ. A subset is read by the samples in it, and equals a data set of just these.

    Samples: the leading dimension of an array; the elements of a list; for a tuple, dict or data
    set of equally long parts, one sample of all parts together.

    A data set is read through its attributes (tensors, arrays, frames, lists, numbers), never by
    asking it for samples, which could draw random numbers; texts among the attributes are taken
    for paths and names and left out.

    Cost: 1 to 2 GB/s with rows, 3 GB/s or more without, one core; at most 16 MiB are copied at a
    time, plus 8 bytes a row. An object that was read before is not read again if torch's counter
    of versions can tell that it is unchanged; other objects are, without their rows.
    """
    if obj is None or isinstance(obj, (bool, int, float, complex)):
        return None
    if isinstance(obj, (str, bytes)) and len(obj) <= _SETTING_CHARACTERS:
        return None
    reading = Reading(max_bytes, rows)
    try:
        return _remembered(obj, reading, 0)
    except NotData:
        return None
    except TooLarge as error:
        return _without_digest(obj, str(error), error.num_bytes)
    except CannotRead as error:
        return _without_digest(obj, str(error), 0)


def _without_digest(obj: Any, why: str, num_bytes: int) -> Fingerprint:
    try:
        shape = getattr(obj, "shape", None)
        shape = tuple(int(size) for size in shape) if shape is not None else (len(obj),)
    except Exception:
        shape = ()
    return Fingerprint(
        digest=None,
        kind=type(obj).__name__.lower(),
        shape=shape,
        dtype=str(getattr(obj, "dtype", "")).removeprefix("torch."),
        num_rows=shape[0] if shape else None,
        num_bytes=num_bytes or int(getattr(obj, "nbytes", 0) or 0),
        skipped=why,
    )


def _remembered(obj: Any, reading: Reading, depth: int) -> Fingerprint:
    """The fingerprint from the memo if the object is unchanged, else from its content."""
    known = _memo.get(obj)
    if known is None:
        return _read_and_keep(obj, reading, depth)
    key, found = known
    found = cast(Fingerprint, found)
    if reading.rows and found.rows is None and found.num_rows is not None:
        return _read_and_keep(obj, reading, depth)
    if key is not None and is_counted(obj) and key == quick_key(obj):
        reading.expect(found.num_bytes)
        return found if reading.rows else replace(found, rows=None)
    if not reading.rows:
        return _read(obj, reading, depth)
    # Half the time: a digest without rows, and the rows of then if it is the same.
    probe = Reading(reading.max_bytes, rows=False)
    if _read(obj, probe, depth).digest == found.digest:
        reading.expect(found.num_bytes)
        return found
    return _read_and_keep(obj, reading, depth)


def _read_and_keep(obj: Any, reading: Reading, depth: int) -> Fingerprint:
    key = quick_key(obj)  # before: a change while it is read will show
    found = _read(obj, reading, depth)
    if found.digest is not None and found.num_bytes >= _WORTH_KEEPING_BYTES:
        _memo.keep(obj, key, found)
    return found


def _read(obj: Any, reading: Reading, depth: int, index: Any = None) -> Fingerprint:
    """The fingerprint of an object, or of the rows of it that `index` lists."""
    if depth > _DEEPEST:
        raise CannotRead(f"nested more than {_DEEPEST} deep, or in itself")
    read = _reader_of_arrays(obj)
    if read is not None:
        return read(obj, reading, index)
    if index is None:
        utils = sys.modules.get("torch.utils.data")
        if utils is not None and isinstance(obj, utils.DataLoader):
            return _remembered(obj.dataset, reading, depth + 1)
        if _is_hugging_face(obj):
            return _hugging_face(obj, reading)
        members = members_of(obj)
        if members is not None:
            return _data_set(obj, reading, depth)
        if isinstance(obj, Mapping):
            return _parallel(dict(obj), "dict", reading, depth)
        if isinstance(obj, tuple) and _are_columns(obj):
            names = getattr(obj, "_fields", None) or map(str, range(len(obj)))
            return _parallel(dict(zip(names, obj, strict=True)), "tuple", reading, depth)
    elif isinstance(obj, (list, tuple)):
        obj = [obj[int(place)] for place in index]
    if isinstance(obj, (list, tuple, range)):
        return values_content(obj, "list", reading)
    if isinstance(obj, (str, bytes, int, float, complex, set, frozenset)) or obj is None:
        found = values_content([obj], type(obj).__name__, reading.without_rows())
        return replace(found, shape=(), num_rows=None)
    if type(obj).__module__.startswith("PIL."):
        return replace(values_content([obj], "image", reading), shape=tuple(obj.size))
    raise NotData(f"a {type(obj).__qualname__} is no data")


def _reader_of_arrays(obj: Any) -> Reader | None:
    """Who reads an object of a library that has been imported."""
    torch, np = sys.modules.get("torch"), sys.modules.get("numpy")
    pd, sparse = sys.modules.get("pandas"), sys.modules.get("scipy.sparse")
    if torch is not None and isinstance(obj, torch.Tensor):
        return tensor_content
    if np is not None and isinstance(obj, np.ndarray):
        has_objects = obj.dtype.hasobject or obj.dtype.kind == "T"
        return objects_content if has_objects else array_content
    if np is not None and isinstance(obj, np.generic):
        return lambda value, reading, _: array_content(np.asarray(value), reading)
    if sparse is not None and sparse.issparse(obj):
        return sparse_content
    if pd is None:
        return None
    for kind, read in (
        (pd.DataFrame, frame_content),
        (pd.Series, series_content),
        (pd.Index, index_content),
    ):
        if isinstance(obj, kind):
            return _of_chosen(read)
    return None


def _of_chosen(read: Callable[[Any, Reading], Fingerprint]) -> Reader:
    """A reader of frames as one that takes an index too."""
    return lambda value, reading, index: read(
        value if index is None else value.take(index), reading
    )


def _are_columns(members: Sequence[Any]) -> bool:
    """Whether these are parts of the same samples: arrays or lists of one length."""
    lengths = {_length(member) for member in members}
    return bool(members) and len(lengths) == 1 and None not in lengths


def _length(obj: Any) -> int | None:
    shape = getattr(obj, "shape", None)
    if shape is not None:
        return int(shape[0]) if len(shape) else None
    return len(obj) if isinstance(obj, (list, range)) else None


def _parallel(
    members: Mapping[Any, Any],
    kind: str,
    reading: Reading,
    depth: int,
    length: int | None = None,
    **header: Any,
) -> Fingerprint:
    """Parts with a fingerprint each; those of one length make up the samples together."""
    if len(members) > _MAX_MEMBERS:  # a dictionary of words is a list of pairs
        return values_content(list(members.items()), kind, reading)
    found: dict[str, Fingerprint] = {}
    for name, member in members.items():
        try:
            found[str(name)] = _remembered(member, reading, depth + 1)
        except NotData:
            continue
    if not found:
        raise NotData(f"nothing in this {kind} is data")
    return _together(found, kind, reading, length, **header)


def _together(
    found: Mapping[str, Fingerprint],
    kind: str,
    reading: Reading,
    length: int | None,
    **header: Any,
) -> Fingerprint:
    if length is None:
        # That of all parts; names of the features and the like, in a Bunch, are no samples.
        by_length: dict[int, int] = {}
        for part in found.values():
            if part.num_rows is not None:
                by_length[part.num_rows] = by_length.get(part.num_rows, 0) + part.num_bytes
        most = max(by_length, key=lambda size: by_length[size], default=None)
        if most is not None and by_length[most] >= _SHARE_OF_SAMPLES * sum(by_length.values()):
            length = most
    parts = [part for part in found.values() if part.num_rows == length]
    rows = None
    if reading.rows and length is not None and parts and all(p.rows is not None for p in parts):
        rows = combine([part.row_values() for part in parts]).astype("<u8").tobytes()
    shape = () if length is None else (length,)
    return gathered(kind, shape, found, rows, **header)


def _data_set(dataset: Any, reading: Reading, depth: int) -> Fingerprint:
    utils = sys.modules["torch.utils.data"]
    if isinstance(dataset, utils.ConcatDataset):
        return _concatenated(dataset.datasets, reading, depth)
    if isinstance(dataset, utils.IterableDataset):
        raise CannotRead("an iterable data set can be read only once: by the training")
    if not isinstance(dataset, utils.Subset):
        return _attributes(dataset, reading, depth, None)
    import numpy as np

    index = np.asarray(dataset.indices, dtype=np.int64).reshape(-1)
    base = dataset.dataset
    while isinstance(base, utils.Subset):
        index, base = np.asarray(base.indices, dtype=np.int64).reshape(-1)[index], base.dataset
    if isinstance(base, (list, tuple)) or _reader_of_arrays(base) is not None:
        return _together({"0": _read(base, reading, depth + 1, index)}, "dataset", reading, None)
    if members_of(base) is not None and not isinstance(
        base, (utils.ConcatDataset, utils.IterableDataset)
    ):
        return _attributes(base, reading, depth, index)
    return _chosen(_remembered(base, reading, depth + 1), index)


def _attributes(dataset: Any, reading: Reading, depth: int, index: Any) -> Fingerprint:
    """A data set by what it holds; with an index, the chosen samples of the parts that have them.

    A part belongs to the samples if it is as long as the data set.
    """
    length = _length_of_data_set(dataset)
    members = dict(members_of(dataset) or {})
    tensors = members.pop("tensors", None)  # TensorDataset
    if isinstance(tensors, (list, tuple)):
        members.update({str(place): tensor for place, tensor in enumerate(tensors)})
    found: dict[str, Fingerprint] = {}
    values: dict[str, Any] = {}
    for name, member in members.items():
        if isinstance(member, (bool, int, float)):
            values[name] = member
            continue
        if member is None or isinstance(member, (str, bytes)):
            continue
        try:
            if index is not None and _length(member) == length:
                found[name] = _read(member, reading, depth + 1, index)
            else:
                found[name] = _remembered(member, reading, depth + 1)
        except NotData:
            continue
    if not found:
        raise CannotRead(f"a {type(dataset).__qualname__} holds no arrays: it reads samples itself")
    if index is not None and all(part.num_rows != len(index) for part in found.values()):
        return _chosen(_together(found, "dataset", reading, length, values=values), index)
    size = length if index is None else len(index)
    return _together(found, "dataset", reading, size, values=values)


def _length_of_data_set(dataset: Any) -> int | None:
    try:
        return len(dataset)
    except Exception:
        return None


def _chosen(whole: Fingerprint, index: Any) -> Fingerprint:
    """Samples of a data set whose parts are not one a sample."""
    import numpy as np

    places = array_content(index, Reading(rows=False))
    rows = whole.row_values()
    chosen = rows[index].tobytes() if len(rows) > np.max(index, initial=-1) and len(rows) else None
    return gathered("dataset", (len(index),), {"of": whole, "index": places}, chosen)


def _concatenated(datasets: Sequence[Any], reading: Reading, depth: int) -> Fingerprint:
    parts = [_remembered(part, reading, depth + 1) for part in datasets]
    rows = None
    if all(part.rows is not None for part in parts):
        rows = b"".join(part.rows or b"" for part in parts)
    length = sum(part.num_rows or 0 for part in parts)
    members = {str(place): part for place, part in enumerate(parts)}
    return gathered("dataset", (length,), members, rows)


def _is_hugging_face(obj: Any) -> bool:
    return type(obj).__module__.startswith("datasets.") and hasattr(obj, "with_format")


def _hugging_face(dataset: Any, reading: Reading) -> Fingerprint:
    """Sample after sample without the user's format or transform; columns in their order."""
    if isinstance(dataset, Mapping):  # a DatasetDict: train, test
        return _parallel(dict(dataset), "dict", reading, 0)
    if not hasattr(dataset, "__len__"):
        raise CannotRead("a streamed data set can be read only once: by the training")
    plain = dataset.with_format(None)
    names = list(plain.column_names)

    def samples() -> Any:
        for start in range(0, len(plain), 1000):
            batch = plain[start : start + 1000]
            yield zip(*(batch[name] for name in names), strict=True)

    found = values_content(
        _Lazy(lambda: itertools.chain.from_iterable(samples()), len(plain)),
        "dataset",
        reading,
        columns=names,
    )
    return replace(found, dtype=", ".join(f"{n}: {plain.features[n]}" for n in names)[:200])


class _Lazy(Sequence[Any]):
    """Samples that are made when they are asked for, from the first to the last."""

    def __init__(self, make: Callable[[], Any], length: int) -> None:
        self._make, self._length = make, length

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Any:
        return self._make()

    def __getitem__(self, place: Any) -> Any:
        return next(itertools.islice(self._make(), place, None))
