"""``NAME=VALUE`` as a person types it, in a magic or on the command line."""

from __future__ import annotations

import argparse
import ast
from typing import Any


def typed_pair(text: str) -> tuple[str, Any]:
    """The name and the value of ``NAME=VALUE``; a value that is no Python literal is a text.

    Raises
    ------
    argparse.ArgumentTypeError
        If there is no name or no ``=``.

    Examples
    --------
    >>> typed_pair("lr=0.1"), typed_pair("optimizer=adam")
    (('lr', 0.1), ('optimizer', 'adam'))
    """
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value
