"""The house style: transparent figures in mid-tone ink, so that one picture serves light and dark pages."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import matplotlib.pyplot as plt
import seaborn as sns
from cycler import cycler
from matplotlib.figure import Figure

INK = "#7d7d7d"
"""Text and axes: contrast about 4.2:1 on white and on the dark theme's page alike."""

PALETTE = sns.color_palette("colorblind").as_hex()
DIGIT_COLORS = sns.color_palette("husl", 10, desat=0.8).as_hex()
SEQUENTIAL = "viridis"

WIDTH = 7.5
"""Inches of a figure as wide as the page's text."""

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
    "image.interpolation": "nearest",
} | dict.fromkeys(_INKED, INK)


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


def new_figure(rows: int = 1, cols: int = 1, height: float = 3.0, width: float = WIDTH) -> Figure:
    """Return a figure with a grid of axes (`figure.axes`), not known to pyplot; sizes in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.subplots(rows, cols)
    return figure
