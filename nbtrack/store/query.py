"""The language in which runs are chosen: ``lr < 0.01 and tag:baseline and not status = failed``.

::

    query      = any { "or" any }
    any        = one { ["and"] one }
    one        = "not" one | "(" query ")" | "tag:" WORD | WORD OPERATOR WORD | WORD
    OPERATOR   = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~"

A lone word is looked for in the name. A field is

- ``id``, ``name``, ``status``, ``steps``, ``seed``, ``notebook``, ``notes``, ``error``,
  ``changed``;
- ``started``, ``ended``: a date, ``2026-11-01``, ``"2026-11-01 18:30"``, ``today``, ``yesterday``;
- ``age`` (since the start), ``duration``: ``90s``, ``5m``, ``2h``, ``3d``, ``2w``;
- ``lr`` (the parameter, or else the optimizer's first), any parameter (``width``,
  ``params.width``);
- a series: ``loss`` (its last value), ``val/acc.max``; ``.first``, ``.last``, ``.min``, ``.max``,
  ``.count``, ``.last_step``;
- ``git`` (commit), ``branch``, ``dirty``, ``data`` (``name@digest``), ``snapshot``, ``reproduces``,
  ``resumes``, ``hidden``: of an id or digest the beginning will do, ``git = 3f9c2a``.

``~`` looks for text inside, or for a pattern: ``name ~ "res*-??"``; a tag may be one too,
``tag:sweep-*``. ``"..."`` quotes a word with spaces. A run without the field does not match.
"""

from __future__ import annotations

import difflib
import fnmatch
import operator
import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple, get_args

from nbtrack.errors import QueryError
from nbtrack.records import Status

Lookup = Callable[[str], Any]
Test = Callable[[Lookup], bool]

_TOKEN = re.compile(
    r"""\s*(?: (?P<quoted>"[^"]*"|'[^']*') | (?P<operator>!=|<=|>=|==|[=<>~]) | (?P<bracket>[()])
        | (?P<word>[^\s()=<>~!"']+) )""",
    re.VERBOSE,
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_SECONDS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(s|m|min|h|d|w|)")
_DAYS = {"today": 0, "yesterday": 1}
_BEGINNINGS = ("id", "git", "snapshot", "reproduces", "resumes")  # the first characters will do
_KEYWORDS = ("and", "or", "not")


class Token(NamedTuple):
    """A piece of a query: ``word``, ``quoted``, ``operator``, ``bracket`` or ``end``."""

    kind: str
    text: str
    start: int
    end: int


class Query(NamedTuple):
    """A query that has been read.

    Attributes
    ----------
    text : str
    fields : list of Token
        Every field that is compared, for `unknown_field`.
    matches : callable
        Says of a function from field name to value (None: the run has no such field) whether that
        run is chosen.
    """

    text: str
    fields: list[Token]
    matches: Test


def parse(text: str) -> Query:
    """Read a query.

    Raises
    ------
    QueryError
        If it cannot be read; the message shows the query with the word underlined.

    Examples
    --------
    >>> query = parse("lr < 0.01 and not status = failed")
    >>> query.matches({"lr": 0.001, "status": "done"}.get)
    True
    """
    return _Parser(text).query()


def unknown_field(query: Query, field: Token, known: Iterable[str]) -> QueryError:
    """The error for a field that no run has."""
    near = difflib.get_close_matches(field.text, list(known), n=2, cutoff=0.6)
    hint = " Did you mean " + " or ".join(near) + "?" if near else ""
    return _error(query.text, field, f"no run has {field.text!r}.{hint}")


def _error(text: str, token: Token, why: str) -> QueryError:
    return QueryError(why, text, token.start, token.end)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text = " ".join(text.split("\n"))
        self._tokens = self._split(text)
        self._at = 0
        self._fields: list[Token] = []

    def _split(self, text: str) -> list[Token]:
        tokens = []
        at = 0
        text = text.rstrip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if not found:
                at += len(text[at:]) - len(text[at:].lstrip())
                raise _error(
                    text, Token("word", text[at], at, at + 1), f"cannot read {text[at]!r}."
                )
            kind = str(found.lastgroup)
            tokens.append(Token(kind, found[kind].strip("\"'"), *found.span(kind)))
            at = found.end()
        return [*tokens, Token("end", "", len(text), len(text) + 1)]

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._next
        self._at += 1
        return token

    def _is_word(self, *words: str) -> bool:
        return self._next.kind == "word" and self._next.text.lower() in words

    def query(self) -> Query:
        if self._next.kind == "end":
            return Query(self._text, [], lambda run: True)
        test = self._any()
        if self._next.kind != "end":
            raise _error(self._text, self._next, "this bracket closes nothing.")
        return Query(self._text, self._fields, test)

    def _any(self) -> Test:
        tests = [self._all()]
        while self._is_word("or"):
            self._take()
            tests.append(self._all())
        return tests[0] if len(tests) == 1 else lambda run: any(test(run) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self._next.kind != "end" and self._next.text != ")" and not self._is_word("or"):
            if self._is_word("and"):
                self._take()
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda run: all(test(run) for test in tests)

    def _one(self) -> Test:
        token = self._take()
        if token.kind == "word" and token.text.lower() == "not":
            test = self._one()
            return lambda run: not test(run)
        if token.kind == "bracket" and token.text == "(":
            test = self._any()
            if self._take().text != ")":
                raise _error(self._text, token, "this bracket is never closed.")
            return test
        if token.kind not in ("word", "quoted") or _is_keyword(token):
            raise _error(self._text, token, "a field or a word of the name is missing here.")
        if token.kind == "word" and token.text.startswith("tag:"):
            return self._tag(token)
        if self._next.kind == "operator":
            return self._comparison(token, self._take(), self._take())
        return _contains("name", token.text)

    def _tag(self, token: Token) -> Test:
        tag = token.text.removeprefix("tag:")
        if not tag:
            if self._next.kind != "quoted":
                raise _error(self._text, token, "a tag is missing after 'tag:'.")
            tag = self._take().text
        if _is_pattern(tag):
            return lambda run: bool(fnmatch.filter(run("tags") or (), tag))
        return lambda run: tag in (run("tags") or ())

    def _comparison(self, field: Token, sign: Token, value: Token) -> Test:
        if value.kind not in ("word", "quoted") or _is_keyword(value):
            raise _error(self._text, value, f"a value is missing after {sign.text!r}.")
        self._fields.append(field)
        if sign.text == "~":
            return _contains(field.text, value.text)
        compare = _COMPARE["=" if sign.text == "==" else sign.text]
        if field.text in (*_BEGINNINGS, "data") and sign.text in ("=", "==", "!="):
            return _begins(field.text, value.text, sign.text != "!=")
        wanted = self._value(field.text, value)
        return lambda run: _holds(compare, run(field.text), wanted)

    def _value(self, field: str, value: Token) -> Any:
        if field == "status" and value.text not in get_args(Status):
            raise _error(self._text, value, f"a status is one of {', '.join(get_args(Status))}.")
        if field in ("started", "ended"):
            if value.text.lower() in _DAYS:
                midnight = datetime.now().replace(hour=0, minute=0, second=0, microsecond=0)
                return (midnight - timedelta(days=_DAYS[value.text.lower()])).timestamp()
            try:
                return datetime.fromisoformat(value.text).timestamp()
            except ValueError:
                raise _error(
                    self._text,
                    value,
                    "a date is 2025-01-31, '2025-01-31 18:30', today or yesterday.",
                ) from None
        if field in ("duration", "age"):
            found = _DURATION.fullmatch(value.text)
            if not found:
                raise _error(self._text, value, "a duration is written 90s, 5m, 2h or 3d.")
            return float(found[1]) * _SECONDS[found[2]]
        return value.text if value.kind == "quoted" else plain(value.text)


def plain(word: str) -> Any:
    """A word as a number, a truth value or None where it reads as one."""
    constants = {"true": True, "false": False, "none": None}
    if word.lower() in constants:
        return constants[word.lower()]
    try:
        return float(word)
    except ValueError:
        return word


def _contains(field: str, text: str) -> Test:
    wanted = text.lower()
    if _is_pattern(wanted):
        return lambda run: fnmatch.fnmatchcase(str(run(field) or "").lower(), wanted)
    return lambda run: wanted in str(run(field) or "").lower()


def _is_pattern(text: str) -> bool:
    return "*" in text or "?" in text


def _begins(field: str, text: str, yes: bool) -> Test:
    """Whether an id or digest begins so; of data, the name or digest of one of them."""

    def test(run: Lookup) -> bool:
        value = run(field)
        if value is None:
            return False
        words = str(value).split() if field == "data" else [str(value)]
        parts = [part for word in words for part in (word, word.rpartition("@")[2])]
        return any(part.startswith(text) for part in parts) == yes

    return test


def _is_keyword(token: Token) -> bool:
    return token.kind == "word" and token.text.lower() in _KEYWORDS


def _holds(compare: Callable[[Any, Any], bool], value: Any, wanted: Any) -> bool:
    if value is None:
        return False
    if isinstance(value, (str, list, dict)) != isinstance(wanted, str):
        if compare not in (operator.eq, operator.ne):
            return False  # "auto" is neither below nor above 0.1
        value, wanted = _text(value), _text(wanted)
    try:
        return bool(compare(value, wanted))
    except TypeError:
        return False


def _text(value: Any) -> str:
    """A value as it was probably typed: ``3`` rather than ``3.0``."""
    return f"{value:g}" if isinstance(value, float) else str(value)
