"""A picture as PNG, by matplotlib's Agg, beside the SVG: GitHub removes inline SVG.

Everything is drawn on a `Figure` of its own with every property given, so neither pyplot's state
nor its back end is touched, and a person's ``rcParams`` do not change the picture.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from nbtrack.views.shapes import Path, Picture, Word, Words

SCALE = 1.5  # sharp on a screen with small pixels, and still small
FACES, MONO = "DejaVu Sans", "DejaVu Sans Mono"  # they come with matplotlib


def to_png(picture: Picture) -> bytes:
    """The picture as PNG on a transparent ground.

    Parameters
    ----------
    picture : Picture

    Raises
    ------
    ImportError
        If matplotlib is missing.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image  # a dependency of matplotlib

    dpi = 72 * SCALE
    figure = Figure(
        figsize=(picture.width / 72, picture.height / 72),
        dpi=dpi,
        facecolor="none",
        edgecolor="none",
    )
    canvas = FigureCanvasAgg(figure)
    for shape in picture.shapes:
        if isinstance(shape, Words):
            _words(figure, canvas.get_renderer(), picture, shape)
        else:
            _path(figure, picture, shape)
    canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba()), "RGBA")
    buffer = io.BytesIO()
    # a few mid-tones on nothing: a palette makes it a third as large
    image.quantize(64, method=Image.Quantize.FASTOCTREE).save(buffer, "png", optimize=True)
    return buffer.getvalue()


def _words(figure: Any, renderer: Any, picture: Picture, words: Words) -> None:
    """Words one after the other; widths are known only when a word has been laid out."""
    texts = [_text(word) for word in words.words]
    widths = []
    for text in texts:
        figure.add_artist(text)
        widths.append(text.get_window_extent(renderer).width / SCALE)
    gaps = [0.0, *(word.gap for word in words.words[1:])]
    total = sum(widths) + sum(gaps)
    x = words.x - {"start": 0.0, "middle": total / 2, "end": total}[words.anchor]
    for text, width, gap in zip(texts, widths, gaps, strict=True):
        x += gap
        text.set_position((x * SCALE, (picture.height - words.y) * SCALE))
        x += width


def _text(word: Word) -> Any:
    from matplotlib.font_manager import FontProperties
    from matplotlib.text import Text
    from matplotlib.transforms import IdentityTransform

    font = FontProperties(
        family=MONO if word.is_mono else FACES,
        weight="bold" if word.is_bold else "normal",
        style="normal",
        size=word.size * 0.9,  # DejaVu is wider than the system's faces
    )
    return Text(
        0,
        0,
        word.text,
        color=word.colour,
        fontproperties=font,
        ha="left",
        va="baseline",
        usetex=False,
        parse_math=False,  # a name with dollars in it is a name
        transform=IdentityTransform(),
    )


def _path(figure: Any, picture: Picture, path: Path) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Polygon
    from matplotlib.transforms import IdentityTransform

    for line in path.lines:
        points = [(x * SCALE, (picture.height - y) * SCALE) for x, y in line]
        if not points:
            continue
        if path.is_filled:
            figure.add_artist(
                Polygon(
                    points,
                    closed=True,
                    facecolor=path.colour,
                    edgecolor="none",
                    alpha=path.opacity,
                    transform=IdentityTransform(),
                )
            )
            continue
        dash = tuple(part / max(path.width, 1e-6) for part in path.dash)
        figure.add_artist(
            Line2D(
                [x for x, _ in points],
                [y for _, y in points],
                color=path.colour,
                linewidth=path.width,
                alpha=path.opacity,
                linestyle=(0, dash) if dash else "-",
                marker="None",
                dash_capstyle="butt",
                solid_capstyle="butt",
                solid_joinstyle="round",
                antialiased=True,
                transform=IdentityTransform(),
            )
        )
