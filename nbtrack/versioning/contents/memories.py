"""A pickle whose tensors and arrays lie outside of it, each piece of memory once.

Two tensors, or arrays, or a tensor and an array that share memory share it again when they are
read back. Functions and classes of a notebook go by value, through cloudpickle; a function's
globals are the notebook's variables, not copies of them.
"""

from __future__ import annotations

import functools
import io
import pickle
import sys
import types
from collections.abc import Collection, Mapping, MutableMapping
from typing import Any, Protocol

from nbtrack.versioning.contents.content import raw_bytes

_LONG_TEXT = 2**16  # a text or bytes longer than that lies outside of the pickle as well


class Source(Protocol):
    """Where pieces of memory are read from."""

    def __call__(self, key: str) -> bytes:
        """The bytes of the piece with that key."""


class Token:
    """Stands in a pickle for something outside of it."""

    __slots__ = ("name",)

    def __init__(self, *name: str) -> None:
        self.name = name


class Memories:
    """The pieces of memory that a pickle refers to.

    Attributes
    ----------
    pieces : dict of str to object
        By key, in the order in which they were met: a torch storage, an array of uint8, a text or
        bytes. Held here, so that no piece is freed and its place in memory used by another.
    """

    def __init__(self) -> None:
        self.pieces: dict[str, Any] = {}
        self._keys: dict[Any, str] = {}

    def key(self, place: Any, piece: Any) -> str:
        """The key of a piece of memory at a place: equal places are the same memory."""
        found = self._keys.get(place)
        if found is None:
            found = self._keys[place] = str(len(self.pieces))
            self.pieces[found] = piece
        return found

    def of_storage(self, storage: Any) -> str:
        """The key of an untyped storage of torch."""
        size = storage.nbytes()
        place = (str(storage.device), storage.data_ptr(), size) if size else id(storage)
        return self.key(place, storage)

    def of_array(self, memory: Any) -> str:
        """The key of the memory that an array of uint8 covers."""
        place = ("cpu", memory.__array_interface__["data"][0], memory.nbytes)
        return self.key(place, memory)


def content_of(piece: Any) -> Any:
    """The bytes of a piece, as something that can be read like bytes."""
    if isinstance(piece, str):
        return piece.encode("utf-8", "surrogatepass")
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(piece, torch.UntypedStorage):
        whole = torch.empty(0, dtype=torch.uint8, device=piece.device).set_(piece)
        return memoryview(raw_bytes(whole))
    return memoryview(piece)


def dumps(value: Any, names: Collection[str]) -> tuple[bytes, Memories]:
    """The pickle of a value, and the memory it refers to, which is not read.

    Parameters
    ----------
    value : object
    names : collection of str
        Variables of the notebook: functions do not bring their own copies of these.

    Raises
    ------
    Exception
        Whatever an object raises that cannot be pickled.
    """
    buffer = io.BytesIO()
    pickler = _pickler()(buffer, names)
    pickler.dump(value)
    return buffer.getvalue(), pickler.memories


def loads(content: bytes, source: Source, namespace: MutableMapping[str, Any]) -> Any:
    """The value of a pickle.

    Parameters
    ----------
    content : bytes
    source : callable
        Gives the bytes of each piece of memory by its key.
    namespace : dict
        The globals that the notebook's functions shall have.

    Raises
    ------
    Exception
        Whatever an object raises that cannot be made: a module may be missing.
    """
    return _Unpickler(io.BytesIO(content), source, namespace).load()


@functools.cache
def _pickler() -> Any:
    """The class of pickler, made when it is needed: cloudpickle is not imported before."""
    import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        def __init__(self, file: Any, names: Collection[str]) -> None:
            super().__init__(file, protocol=5)
            self.memories = Memories()
            self._names = names
            self._torch = sys.modules.get("torch")
            self._numpy = sys.modules.get("numpy")

        def persistent_id(self, obj: Any) -> Any:
            kind = type(obj)
            if kind is Token:
                return obj.name
            if kind is str or kind is bytes:
                if len(obj) <= _LONG_TEXT:
                    return None
                return (kind.__name__, self.memories.key((kind, obj), obj))
            torch = self._torch
            if torch is None or not isinstance(
                obj, (torch.storage.TypedStorage, torch.UntypedStorage)
            ):
                return None
            typed = isinstance(obj, torch.storage.TypedStorage)
            storage = obj._untyped_storage if typed else obj
            dtype = str(obj.dtype).removeprefix("torch.") if typed else ""
            return ("storage", self.memories.of_storage(storage), dtype, str(storage.device))

        def reducer_override(self, obj: Any) -> Any:
            if self._numpy is not None and type(obj) is self._numpy.ndarray:
                return _reduced_array(obj, self.memories)
            if self._torch is not None and isinstance(obj, self._torch.Tensor):
                return _reduced_tensor(obj)
            if isinstance(obj, io.TextIOWrapper) and obj not in (sys.stdout, sys.stderr):
                # cloudpickle would keep the text of a file that is open for reading, as a file.
                raise pickle.PicklingError(f"an open file: {obj.name}")
            reduced = super().reducer_override(obj)
            if isinstance(obj, types.FunctionType) and isinstance(reduced, tuple):
                return _in_the_notebook(obj, reduced, self._names)
            return reduced

    return Pickler


class _Unpickler(pickle.Unpickler):
    def __init__(
        self, file: io.BytesIO, source: Source, namespace: MutableMapping[str, Any]
    ) -> None:
        super().__init__(file)
        self._source = source
        self._namespace = namespace
        self._storages: dict[str, Any] = {}
        self._arrays: dict[str, Any] = {}

    def persistent_load(self, pid: Any) -> Any:
        kind, *rest = pid
        if kind == "globals":
            return self._namespace
        if kind == "storage":
            return self._storage(*rest)
        if kind == "array":
            return self._array(*rest)
        data = self._source(rest[0])
        return data.decode("utf-8", "surrogatepass") if kind == "str" else data

    def _storage(self, key: str, dtype: str, device: str) -> Any:
        import torch

        storage = self._storages.get(key)
        if storage is None and key in self._arrays:
            storage = torch.from_numpy(self._arrays[key]).untyped_storage()
        elif storage is None:
            data = self._source(
                key
            )  # copied to where torch wants it: the alignment may change bits
            storage = torch.UntypedStorage(len(data))  # type: ignore[no-untyped-call]
            if data:
                whole = torch.empty(0, dtype=torch.uint8, device="cpu").set_(storage)
                whole.copy_(torch.frombuffer(bytearray(data), dtype=torch.uint8))
            if is_there(device):
                storage = whole.to(device).untyped_storage() if data else storage
        self._storages[key] = storage
        if not dtype:
            return storage
        return torch.storage.TypedStorage(  # type: ignore[no-untyped-call]
            wrap_storage=storage, dtype=getattr(torch, dtype), _internal=True
        )

    def _array(self, key: str) -> Any:
        import numpy as np

        if key not in self._arrays and key in self._storages:
            import torch

            whole = torch.empty(0, dtype=torch.uint8, device="cpu").set_(self._storages[key])
            self._arrays[key] = whole.numpy()
        elif key not in self._arrays:
            self._arrays[key] = np.frombuffer(self._source(key), np.uint8).copy()
        return self._arrays[key]


def is_there(device: str) -> bool:
    """Whether this machine has a device other than the CPU, by torch's name for it."""
    import torch

    kind, _, number = device.partition(":")
    if kind == "cuda":
        return torch.cuda.is_available() and int(number or 0) < torch.cuda.device_count()
    if kind == "mps":
        return torch.backends.mps.is_available()
    return False


def array_in(
    memory: Any, offset: int, shape: Any, strides: Any, dtype: Any, writeable: bool
) -> Any:
    """An array in a piece of memory; pickles refer to this function by name."""
    import numpy as np

    array: Any = np.ndarray(shape, dtype, memory, offset, strides)
    if not writeable:
        array.flags.writeable = False
    return array


def with_gradient(rebuild: Any, args: Any, gradient: Any) -> Any:
    """A tensor with its gradient; pickles refer to this function by name."""
    tensor = rebuild(*args)
    tensor.grad = gradient
    return tensor


def _reduced_tensor(tensor: Any) -> Any:
    """As torch reduces it, and with the gradient, which torch leaves out."""
    gradient = tensor.grad if tensor.is_leaf else None
    if gradient is None:
        return NotImplemented
    reduced = tensor.__reduce_ex__(5)
    if len(reduced) != 2:
        return reduced
    return with_gradient, (*reduced, gradient)


def _reduced_array(array: Any, memories: Memories) -> Any:
    """A place in the memory of the array that owns it; NotImplemented: as NumPy does it."""
    import numpy as np

    if array.dtype.hasobject or array.dtype.kind == "T" or array.size == 0:
        return NotImplemented
    owner = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(owner.base, torch.Tensor) and owner.base.is_cpu:
        storage = owner.base.untyped_storage()
        token = Token("array", memories.of_storage(storage))
        begin = storage.data_ptr()
    else:
        # In the memory of a file or another library: this array for itself.
        memory = _whole(owner if owner.base is None else array)
        if memory is None:
            return NotImplemented
        token = Token("array", memories.of_array(memory))
        begin = memory.__array_interface__["data"][0]
    offset = array.__array_interface__["data"][0] - begin
    layout = (array.shape, array.strides, array.dtype, array.flags.writeable)
    return array_in, (token, offset, *layout)


def _whole(owner: Any) -> Any:
    """The memory of an array as uint8, if it has no gaps."""
    import numpy as np

    order = sorted(range(owner.ndim), key=lambda axis: -owner.strides[axis])
    ordered = owner.transpose(order)
    if not ordered.flags.c_contiguous:
        return None
    return ordered.reshape(-1).view(np.uint8)


def _in_the_notebook(function: Any, reduced: tuple[Any, ...], names: Collection[str]) -> Any:
    """A function of the notebook without copies of the notebook's variables.

    As cloudpickle has it, a function that is read back has globals of its own: to bind a variable
    anew would not reach it any more.
    """
    is_known = len(reduced) == 6 and len(reduced[1]) >= 2 and isinstance(reduced[2], tuple)
    if function.__globals__.get("__name__") != "__main__" or not is_known:
        return reduced
    make, (code, _, *closure), (attributes, slots), *rest = reduced
    if not isinstance(slots, Mapping) or "__globals__" not in slots:
        return reduced
    own = {name: value for name, value in slots["__globals__"].items() if name not in names}
    state = (attributes, {**slots, "__globals__": own})
    return (make, (code, Token("globals"), *closure), state, *rest)
