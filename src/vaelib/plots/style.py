"""The house style: transparent figures in mid-tone ink, so that one picture serves light and dark pages."""

from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib.pyplot as plt
import seaborn as sns
from cycler import cycler
from matplotlib.figure import Figure

INK = "#7d7d7d"
"""Text and axes: contrast about 4.2:1 on white and on the dark theme's page alike."""

PALETTE = sns.color_palette("Set2").as_hex()
DIGIT_COLORS = sns.color_palette("husl", 10, desat=0.8).as_hex()
SEQUENTIAL = "viridis"
CYCLIC_ANGLE = "twilight_shifted"

WIDTH = 7.5
"""Inches of a figure as wide as the page's text."""

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
} | {key: INK for key in ("text.color", "axes.labelcolor", "axes.titlecolor", "axes.edgecolor", "xtick.color", "ytick.color")}  # fmt: skip


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the house style inside the block, and leave matplotlib as it was."""
    with plt.rc_context(_RC):
        yield


def new_figure(rows: int = 1, cols: int = 1, height: float = 3.0, width: float = WIDTH) -> Figure:
    """Return a figure of the house with a grid of axes (`figure.axes`), not known to pyplot.

    Sizes in inches. Call it inside `house_style()`.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.subplots(rows, cols)
    return figure
