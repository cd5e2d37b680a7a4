"""What can be logged: anything that is one real number.

Nothing here waits for a device: a tensor that is not on the CPU is handed back as it is, for
`nbtrack.store.deferred`.
"""

from __future__ import annotations

import numbers
import operator
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from nbtrack.errors import ValueNotLoggable

if TYPE_CHECKING:
    from torch import Tensor

MAX_DEPTH = 32

# Types that struct's "d" takes as they are. NumPy's scalar types join when they are first met, so
# that this file need not import NumPy.
PACKABLE: set[type] = {float, int, bool}


def flatten(
    values: Mapping[Any, Any], prefix: str = "", depth: int = 0
) -> Iterator[tuple[Any, Any]]:
    """Pairs of key and value; what lies in a nested mapping gets a path like ``a/b``.

    A key that is neither str nor int is given back as it is, for `number` to refuse.

    Examples
    --------
    >>> list(flatten({"loss": 0.5, "val": {"acc": 0.9, 3: 1.0}}))
    [('loss', 0.5), ('val/acc', 0.9), ('val/3', 1.0)]
    """
    for key, value in values.items():
        name = prefix + str(key) if isinstance(key, (str, int)) else key
        if type(value) not in PACKABLE and _is_nested(name, value) and depth < MAX_DEPTH:
            yield from flatten(value, name + "/", depth + 1)
        else:
            yield name, value


def _is_nested(name: Any, value: Any) -> bool:
    return isinstance(name, str) and isinstance(value, Mapping)


def number(value: Any) -> float | Tensor:
    """The value as a float, or as a 0-d tensor that is still on its device.

    Raises
    ------
    TypeError
        If it is not one real number; the message is the type in words, with the shape of an array.
    """
    if type(value) in PACKABLE or _is_real(value):
        try:
            as_float = float(value)
        except OverflowError:
            raise TypeError(f"{type(value).__name__} too large for a 64-bit float") from None
        except (TypeError, ValueError):
            raise TypeError(type(value).__name__) from None
        if getattr(type(value), "__module__", "") == "numpy":
            PACKABLE.add(type(value))
        return as_float
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return _tensor_number(value)
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)):
        if value.size == 1 and value.dtype.kind in "fiub":
            return float(value.item())
        raise TypeError(f"{type(value).__name__} of shape {value.shape} and dtype {value.dtype}")
    raise TypeError(type(value).__name__)


def _is_real(value: Any) -> bool:
    """Whether it is a real number of Python or NumPy; Decimal calls itself no Real, but is one."""
    return isinstance(value, numbers.Number) and (
        isinstance(value, numbers.Real) or not isinstance(value, numbers.Complex)
    )


def _tensor_number(tensor: Tensor) -> float | Tensor:
    words = f"{type(tensor).__name__} of shape {tuple(tensor.shape)}"
    if tensor.numel() != 1:
        raise TypeError(words)
    if tensor.is_complex() or tensor.is_meta:
        raise TypeError(f"{words} and dtype {tensor.dtype} on {tensor.device}")
    if tensor.device.type != "cpu":
        return tensor.detach()
    try:
        return float(tensor.item())
    except (RuntimeError, TypeError, ValueError, NotImplementedError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TypeError(f"{words} that cannot be read ({reason})") from None


def whole_step(step: Any) -> int:
    """A step as an int in the range of an i64.

    Raises
    ------
    ValueNotLoggable
        If it is not a whole number.
    """
    try:
        whole = int(step) if isinstance(step, float) and step.is_integer() else operator.index(step)
    except TypeError:
        raise ValueNotLoggable(
            f"cannot log at step {step!r} ({type(step).__name__}): a step is a whole number. "
            "Pass an int, or leave step out."
        ) from None
    if not -(2**63) <= whole < 2**63:
        raise ValueNotLoggable(f"cannot log at step {whole}: a step has 64 bits at most.")
    return whole


def refusal(refused: list[tuple[Any, str]]) -> ValueNotLoggable:
    """The error for the values of one call that are not one number.

    Parameters
    ----------
    refused : list of (key, words for the value's type)
        In the order of the call; not empty.
    """
    (key, words), *others = refused
    more = ""
    if others:
        names = ", ".join(f"{key!r} ({words})" for key, words in others[:3])
        more = f" Nor {names}{' ...' if len(others) > 3 else ''}: {len(others)} more in this call."
    if not isinstance(key, str):
        why = f"cannot log under the key {key!r} ({type(key).__name__}): a key is a str."
    else:
        why = f"cannot log {key!r}: {_article(words)} is not one number."
    return ValueNotLoggable(
        f"{why}{more} Log one number, such as a .mean(), or keep the value with run.save(). "
        "The rest of the call was logged."
    )


def _article(words: str) -> str:
    return f"an {words}" if words[:1] in "aeiouAEIO" else f"a {words}"
