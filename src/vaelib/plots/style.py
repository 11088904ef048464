"""The house style: vector figures whose ink the book turns into that of the page, light or dark."""

import base64
import io
import re
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, ParamSpec

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from vaelib.plots.numbers import drawn_numbers

INK = "#767676"
"""Text and axes: in the book the colour of the page's text (`report.figures`); elsewhere 4.5:1 on white."""

PALETTE = sns.color_palette("colorblind").as_hex()
DIGIT_COLORS = sns.color_palette("husl", 10, desat=0.8).as_hex()
SEQUENTIAL = "viridis"

WIDTH = 6.1
"""Inches of a figure as wide as the page's text, 608 pixels: 8 points are 11 pixels there."""
NARROW = 5.0
"""Inches of a figure narrower than the page."""

DIGITS = re.compile(r"(\d\.\d{3})\d+")
"""More than a thousandth of a point is nothing to see and a third of a file."""

IMAGE = re.compile(r"(?<=data:image/png;base64,)[A-Za-z0-9+/=\s]+")

P = ParamSpec("P")

_INKED = (
    "text.color",
    "axes.labelcolor",
    "axes.titlecolor",
    "axes.edgecolor",
    "xtick.color",
    "ytick.color",
)
_RC = {
    "figure.dpi": 150,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "axes.prop_cycle": cycler(color=PALETTE),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.25,
    "grid.color": INK,
    "legend.frameon": False,
    "font.size": 9,
    "figure.titlesize": 10,
    "axes.titlesize": 9,
    "image.cmap": "gray",
    "image.interpolation": "none",  # images as they are, not resampled
    "svg.hashsalt": "vaelib",  # names inside a file that are the same whenever it is drawn
} | dict.fromkeys(_INKED, INK)


class HouseFigure(Figure):
    """A figure that notebooks show as SVG, equal to the byte whenever the same is drawn, with its numbers."""

    def _repr_svg_(self) -> str:
        with plt.rc_context(_RC), io.StringIO() as out:
            nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
            self.savefig(out, format="svg", dpi=150, metadata=nothing, bbox_inches="tight", pad_inches=0.02)
            return IMAGE.sub(_smaller, DIGITS.sub(r"\1", out.getvalue()))

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        numbers = drawn_numbers(self)
        return {"text/csv": numbers.to_csv(index=False, float_format="%.6g")} if len(numbers) else {}


def _smaller(found: re.Match[str]) -> str:
    """Return the same image in fewer bytes: with one channel where it is grey."""
    image: Image.Image = Image.open(io.BytesIO(base64.b64decode(found[0])))
    red, green, blue, _ = image.convert("RGBA").split()
    if red.tobytes() == green.tobytes() == blue.tobytes():
        image = image.convert("LA")
    out = io.BytesIO()
    image.save(out, "png", optimize=True)
    return base64.b64encode(out.getvalue()).decode()


def house_style(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Decorate a plot function: it draws in the house style and leaves matplotlib as it was.

    The figure is laid out inside, because ticks are made late and would take the style of the moment.
    """

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with plt.rc_context(_RC):
            figure = draw(*args, **kwargs)
            figure.draw_without_rendering()
        return figure

    return drawn


def beta_name(beta: float, at_64: float = 1.0) -> str:
    """Return a network's own β and, where it is another, that of equal β_norm on images of 64 pixels.

    `at_64` is how many times the second is the first.

    >>> beta_name(4.0), beta_name(0.25, 4.0)
    ('β = 4', 'β = 0.25 (as 1 at 64 px)')
    """
    return f"β = {beta:g}" + ("" if at_64 == 1 else f" (as {beta * at_64:g} at 64 px)")


BASELINE_STYLES = ("--", ":", "-.", (0, (6, 1.5, 1, 1.5, 1, 1.5)))


def baseline_lines(ax: Axes, baselines: Mapping[str, Mapping[str, float | None]], score: str) -> None:
    """Draw a score of codes beside which others are seen, a grey line each; none where it is undefined."""
    for (name, scores), style in zip(baselines.items(), BASELINE_STYLES, strict=False):
        if scores[score] is not None:
            ax.axhline(scores[score], color=INK, lw=1.2, ls=style, label=name)


def one_legend(figure: Figure, loc: str = "outside upper center") -> None:
    """Put a legend beside the panels of a figure, each label once, in as many columns as fit."""
    labelled = {
        label: handle
        for ax in figure.axes
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    for cols in range(len(labelled), 0, -1):
        legend = figure.legend(labelled.values(), labelled, loc=loc, ncols=cols, columnspacing=1.2)
        if cols == 1 or legend.get_window_extent().width <= figure.bbox.width:
            return
        legend.remove()


def numbered_cells(
    ax: Axes, values: np.ndarray, most: float, rows: Sequence[Any], cols: Sequence[Any], unit: str
) -> None:
    """Draw values from 0 to `most` as coloured cells with the numbers in them; NaN leaves a cell empty."""
    sns.heatmap(
        values,
        ax=ax,
        vmin=0,
        vmax=most,
        cmap=SEQUENTIAL,
        annot=True,
        fmt=".2f",
        annot_kws={"size": 8},
        linewidths=1.5,
        linecolor=(0, 0, 0, 0),
        xticklabels=cols,
        yticklabels=rows,
        cbar_kws={"label": unit, "pad": 0.02, "aspect": 12},
    )
    ax.grid(False)
    ax.tick_params(length=0)
    ax.tick_params(axis="y", rotation=0)
    ax.collections[0].colorbar.outline.set_visible(False)


def new_figure(rows: int = 1, cols: int = 1, height: float = 3.0, width: float = WIDTH) -> Figure:
    """Return a figure with a grid of axes (`figure.axes`), not known to pyplot; sizes in inches."""
    figure = HouseFigure(figsize=(width, height), layout="constrained")
    figure.subplots(rows, cols)
    return figure
