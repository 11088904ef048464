"""The numbers behind a figure, read off what is drawn."""

from collections.abc import Iterator
from typing import Any

import matplotlib.colors as mcolors
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import Collection, LineCollection, PathCollection, PolyCollection, QuadMesh
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

Row = tuple[str, str, int, float, float, float]


def drawn_numbers(figure: Figure) -> pd.DataFrame:
    """Return a row for each point that a figure shows: panel, kind of mark, series, item, x, y, value.

    Of a bar or an area the points are its corners, of a cell of a coloured grid its column and row, with its
    value. x or y is NaN for a line across the whole panel. A series is named as in the legend, by its colour.
    Categories on an axis stand beside their places. Photographs are no numbers and are left out.
    """
    titles = _legend(figure)
    parts = []
    panels = [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]
    for i, ax in enumerate(panels, start=1):
        rows = [(mark, titles.get(color, color), *rest) for mark, color, *rest in _marks(ax)]
        part = pd.DataFrame(rows, columns=["mark", "series", "item", "x", "y", "value"])
        part.insert(0, "panel", ax.get_title() or i)
        for name, axis in (("x", ax.xaxis), ("y", ax.yaxis)):
            labels = [text.get_text() for text in axis.get_ticklabels()]
            words = dict(zip(np.round(axis.get_ticklocs()), labels, strict=False))
            if any(word and not _is_number(word) for word in words.values()):
                part[f"{name} category"] = [words.get(place, "") for place in part[name].round()]
        parts.append(part)
    return pd.concat(parts, ignore_index=True).dropna(axis=1, how="all")


def _marks(ax: Axes) -> Iterator[Row]:
    """Yield mark, colour, item, x, y and value of what stands in one panel."""
    for i, line in enumerate(ax.lines):
        inside = line.get_transform().contains_branch_seperately(ax.transData)
        for x, y in np.where(inside, np.asarray(line.get_xydata(), float), np.nan):
            yield "line", mcolors.to_hex(line.get_color()), i, x, y, np.nan
    for i, patch in enumerate(ax.patches):
        if isinstance(patch, Rectangle):
            (x, y), color = patch.get_xy(), mcolors.to_hex(patch.get_facecolor())
            yield "bar", color, i, x, y, np.nan
            yield "bar", color, i, x + patch.get_width(), y + patch.get_height(), np.nan
    for i, drawn in enumerate(ax.collections):
        yield from _of_collection(drawn, i)


def _of_collection(drawn: Collection, i: int) -> Iterator[Row]:
    match drawn:
        case QuadMesh():
            values: np.ndarray = np.ma.filled(np.ma.asarray(drawn.get_array(), float), np.nan)
            for (row, column), value in np.ndenumerate(values):
                yield "cell", "", i, column, row, value
        case PathCollection():
            colors = _hexes(drawn.get_facecolor())
            offsets: np.ndarray = np.ma.filled(np.ma.asarray(drawn.get_offsets(), float), np.nan)
            for k, (x, y) in enumerate(offsets):
                yield "point", colors[k % len(colors)], i, x, y, np.nan
        case LineCollection() | PolyCollection():
            is_line = isinstance(drawn, LineCollection)
            color = _hexes(drawn.get_edgecolor() if is_line else drawn.get_facecolor())[0]
            for path in drawn.get_paths():
                for x, y in np.asarray(path.vertices):
                    yield "line" if is_line else "area", color, i, x, y, np.nan


def _hexes(colors: Any) -> list[str]:
    return [mcolors.to_hex(color) for color in colors] or [""]


def _legend(figure: Figure) -> dict[str, str]:
    """Return the labels of a figure's legends by colour, where a colour has one alone."""
    found: dict[str, set[str]] = {}
    for ax in figure.axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            if isinstance(handle, Line2D):
                found.setdefault(mcolors.to_hex(handle.get_color()), set()).add(label)
            elif isinstance(handle, Collection):
                found.setdefault(_hexes(handle.get_facecolor())[0], set()).add(label)
    return {color: min(labels) for color, labels in found.items() if len(labels) == 1}


def _is_number(text: str) -> bool:
    try:
        float(text.replace("−", "-").rstrip("°%"))
    except ValueError:
        return "$" in text  # a power of ten
    return True
