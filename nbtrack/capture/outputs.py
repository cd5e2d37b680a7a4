"""What a cell shows, heard on its way to the front end: streams, displays and results.

Nothing is held back or changed; the cell's output looks as ever. Size limits belong to the store.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

_LONGEST_LINE = 4096

Sink = Callable[[str, Mapping[str, Any]], None]


class _Tee(io.TextIOBase):
    """A text stream that hands every write on to another stream and to a listener."""

    def __init__(self, stream: Any, heard: Callable[[str], None]) -> None:
        self._stream = stream
        self._heard = heard

    def write(self, text: str) -> int:
        """Write to the stream beneath first, so that the listener never delays what is seen."""
        written = self._stream.write(text)
        self._heard(text)
        return len(text) if written is None else int(written)

    def __getattribute__(self, name: str) -> Any:
        if name in ("write", "_stream", "_heard", "writelines", "__class__"):
            return object.__getattribute__(self, name)
        return getattr(object.__getattribute__(self, "_stream"), name)


class OutputRecorder:
    """Hears stdout, stderr, displays and results of the shell while it is open.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The shell whose cell is tracked.
    sink : callable
        ``sink(kind, data)`` with kind ``stdout``, ``stderr``, ``display`` or ``result``. Its
        exceptions are swallowed: hearing must never disturb what is said.
    """

    def __init__(self, shell: Any, sink: Sink) -> None:
        self._shell = shell
        self._sink = sink
        self._undo = ExitStack()
        self._open = False
        self._muted = False  # a terminal prints its displays: heard once, as displays
        self._line = ("", "")  # kind and text of a line that has not ended yet

    def open(self) -> None:
        """Start to hear."""
        self._open = True
        self._hear_stream("stdout")
        self._hear_stream("stderr")
        self._hear_displays()
        self._hear_results()

    def close(self) -> None:
        """Stop to hear; everything is as it was before `open`."""
        self._undo.close()
        self._end_line()
        self._open = False

    def _say(self, kind: str, data: Mapping[str, Any]) -> None:
        if not self._open:
            return
        try:
            self._sink(kind, data)
        except Exception:
            pass

    def _say_text(self, kind: str, text: str) -> None:
        """Join what `print` writes in pieces into lines; a line longer than that goes as it is."""
        if self._muted:
            return
        if self._line[0] != kind:
            self._end_line()
        text = self._line[1] + text
        self._line = (kind, text)
        if text.endswith("\n") or len(text) > _LONGEST_LINE:
            self._end_line()

    def _end_line(self) -> None:
        (kind, text), self._line = self._line, ("", "")
        if text:
            self._say(kind, {"text": text})

    @contextmanager
    def _mute(self) -> Iterator[None]:
        self._muted = True
        try:
            yield
        finally:
            self._muted = False

    def _hear_stream(self, kind: str) -> None:
        stream = getattr(sys, kind)

        def heard(text: str) -> None:
            if isinstance(text, str) and text:
                self._say_text(kind, text)

        original = stream.write

        def write(text: str) -> Any:
            written = original(text)
            heard(text)
            return written

        before = vars(stream).get("write") if hasattr(stream, "__dict__") else None
        try:
            # ipykernel's streams are Python objects: on the instance, code that took a
            # reference to sys.stdout earlier (logging handlers) is heard as well.
            stream.write = write
            self._undo.callback(_restore, stream, "write", write, before)
        except (AttributeError, TypeError):  # a terminal's stream takes no attributes
            tee = _Tee(stream, heard)
            setattr(sys, kind, tee)
            self._undo.callback(_put_back, kind, tee, stream)

    def _hear_displays(self) -> None:
        publisher = self._shell.display_pub
        original = publisher.publish

        def publish(data: Any, *args: Any, **kwargs: Any) -> Any:
            self._end_line()
            with self._mute():
                result = original(data, *args, **kwargs)
            if isinstance(data, Mapping):
                self._say("display", {"update": True, **data} if kwargs.get("update") else data)
            return result

        before = vars(publisher).get("publish")
        publisher.publish = publish
        self._undo.callback(_restore, publisher, "publish", publish, before)

    def _hear_results(self) -> None:
        hook = self._shell.displayhook
        original = hook.write_format_data

        def write_format_data(format_dict: Any, md_dict: Any = None) -> Any:
            self._end_line()
            with self._mute():
                result = original(format_dict, md_dict)
            if isinstance(format_dict, Mapping):
                self._say("result", format_dict)
            return result

        before = vars(hook).get("write_format_data")
        hook.write_format_data = write_format_data
        self._undo.callback(_restore, hook, "write_format_data", write_format_data, before)


def _restore(target: Any, name: str, ours: Any, before: Any) -> None:
    """Take our method off an instance; leave it if somebody has put another one over it."""
    if vars(target).get(name) is ours:
        if before is None:
            delattr(target, name)
        else:
            setattr(target, name, before)


def _put_back(kind: str, tee: _Tee, stream: Any) -> None:
    if getattr(sys, kind) is tee:
        setattr(sys, kind, stream)
