"""A picture as inline SVG: no script, no style sheet, no outside reference."""

from __future__ import annotations

from html import escape

from nbtrack.views.shapes import Path, Picture, Word, Words

FACES = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"
MONO = "Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def to_svg(picture: Picture) -> str:
    """The picture as one ``<svg>`` element.

    Parameters
    ----------
    picture : Picture

    Returns
    -------
    str
        Narrower places scale it down; every text is escaped.
    """
    inside = "".join(
        _words(shape) if isinstance(shape, Words) else _path(shape) for shape in picture.shapes
    )
    width, height = _number(picture.width), _number(picture.height)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" role="img" aria-label="{escape(picture.label)}" '
        f'font-family="{FACES}" '
        f'style="max-width:100%;height:auto;font-variant-numeric:tabular-nums">{inside}</svg>'
    )


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _words(words: Words) -> str:
    spans = "".join(_word(word, is_first=i == 0) for i, word in enumerate(words.words))
    anchor = "" if words.anchor == "start" else f' text-anchor="{words.anchor}"'
    return f'<text x="{_number(words.x)}" y="{_number(words.y)}"{anchor}>{spans}</text>'


def _word(word: Word, *, is_first: bool) -> str:
    look = f'fill="{word.colour}" font-size="{_number(word.size)}"'
    if not is_first:
        look += f' dx="{_number(word.gap)}"'
    if word.is_bold:
        look += ' font-weight="600"'
    if word.is_mono:
        look += f' font-family="{MONO}"'
    return f"<tspan {look}>{escape(word.text)}</tspan>"


def _path(path: Path) -> str:
    moves = "".join(
        "M" + "L".join(f"{_number(x)} {_number(y)}" for x, y in line)
        for line in path.lines
        if len(line)
    )
    if not moves:
        return ""
    if path.is_filled:
        return f'<path d="{moves}Z" fill="{path.colour}"{_opacity("fill", path.opacity)}/>'
    dash = f' stroke-dasharray="{" ".join(map(_number, path.dash))}"' if path.dash else ""
    return (
        f'<path d="{moves}" fill="none" stroke="{path.colour}" '
        f'stroke-width="{_number(path.width)}" stroke-linejoin="round"'
        f"{_opacity('stroke', path.opacity)}{dash}/>"
    )


def _opacity(kind: str, opacity: float) -> str:
    return "" if opacity >= 1 else f' {kind}-opacity="{opacity:g}"'
