"""Figures of the data set: digits, angles, splits, and how far a rotation moves an image."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from vaelib.plots.style import PALETTE, WIDTH, HouseFigure, house_style, new_figure, one_legend


def signed_degrees(angle: float) -> str:
    """Return an angle as it is printed on figures.

    >>> [signed_degrees(angle) for angle in (-22.4, 0.3, 90.0)]
    ['−22°', '0°', '+90°']
    """
    return f"{round(angle):+d}°".replace("-", "−") if round(angle) else "0°"


@house_style
def resized_digits(small: np.ndarray, large: np.ndarray) -> Figure:
    """Draw digits (n, H, H) beside themselves after resizing (n, S, S), every pixel equally large."""
    n, side, full = len(small), small.shape[-1], large.shape[-1]
    pitch = side + full + 16
    extent = n * pitch - 12
    figure = HouseFigure(figsize=(WIDTH, WIDTH * (full + 10) / extent), layout="constrained")
    ax = figure.subplots()
    for k in range(n):
        for image, left in ((small[k], k * pitch), (large[k], k * pitch + side + 4)):
            width = len(image)
            ax.imshow(image, extent=(left, left + width, 0, width), vmin=0, vmax=1)
            ax.annotate(f"{width} × {width}", (left + width / 2, -2), ha="center", va="top")
    ax.set(xlim=(-1, extent - 3), ylim=(-9, full + 1))
    ax.set_axis_off()
    return figure


@house_style
def upright_and_rotated(
    upright: np.ndarray, rotated: np.ndarray, angles: np.ndarray, cols: int = 10
) -> Figure:
    """Draw n digits (n, S, S), each above its rotated copy with the copy's angle in degrees below."""
    n, side = len(upright), upright.shape[-1]
    rows = -(-n // cols)
    step, pitch = side * 1.06, side * 2.5
    figure = HouseFigure(figsize=(WIDTH, WIDTH * rows * pitch / (cols * step)), layout="constrained")
    ax = figure.subplots()
    for k in range(n):
        left, top = (k % cols) * step, -(k // cols) * pitch
        for image, y in ((upright[k], top), (rotated[k], top - step)):
            ax.imshow(image, extent=(left, left + side, y - side, y), vmin=0, vmax=1)
        ax.annotate(signed_degrees(angles[k]), (left + side / 2, top - 2.1 * side), ha="center", va="top")
    ax.set(xlim=(0, cols * step), ylim=(-rows * pitch, 0))
    ax.set_axis_off()
    return figure


@house_style
def split_distributions(factors: Mapping[str, pd.DataFrame], rotation_range: float) -> Figure:
    """Draw the share of each digit among the source digits of every split, and the angles of the rotated."""
    figure = new_figure(1, 2, height=2.7)
    digits, angles = figure.axes
    width = 0.8 / len(factors)
    for k, (split, table) in enumerate(factors.items()):
        upright, rotated = table[~table["rotated"]], table[table["rotated"]]
        share = upright["digit"].value_counts(normalize=True).reindex(range(10), fill_value=0)
        digits.bar(
            share.index + (k - (len(factors) - 1) / 2) * width,
            100 * share,
            width=width,
            color=PALETTE[k],
            label=f"{split}, n = {len(upright):,}",
        )
        bins = np.linspace(-rotation_range, rotation_range, 19)
        density, _ = np.histogram(rotated["angle"], bins)
        angles.stairs(
            100 * density / max(len(rotated), 1),
            bins,
            color=PALETTE[k],
            lw=1.6,
        )
    digits.set(xlabel="digit", ylabel="% of the source digits", xticks=range(10))
    angles.set(xlabel="angle of the rotated image, degrees", ylabel="% of the rotated images")
    angles.set_ylim(bottom=0)
    angles.set_xticks(np.linspace(-rotation_range, rotation_range, 7).round())
    for ax in (digits, angles):
        ax.grid(axis="x", visible=False)
    one_legend(figure)
    return figure


@house_style
def distance_against_angle(
    angles: Sequence[float], distances: pd.DataFrame, crossings: Mapping[str, float]
) -> Figure:
    """Draw `metrics.relative_distances` of rotations by `angles` (degrees) with its interval.

    Two lines for comparison: pairs of the same digit (with interval) and of different ones, which are the
    unit. `crossings` holds the angle at which the curve reaches either, by "same" and "different".
    """
    figure = new_figure(height=3.1)
    ax = figure.axes[0]
    curve, same = distances.iloc[:-1], distances.loc["same label"]
    ax.fill_between(angles, curve["low"], curve["high"], color=PALETTE[0], alpha=0.25, lw=0)
    ax.plot(angles, curve["ratio"], color=PALETTE[0], marker="o", ms=3.5, lw=1.6)
    ax.axhspan(same["low"], same["high"], color=PALETTE[1], alpha=0.2, lw=0)
    levels = {"different": (1.0, PALETTE[3]), "same": (same["ratio"], PALETTE[1])}
    names = {"different": "two different digits", "same": "two images of the same digit"}
    for which, (level, color) in levels.items():
        ax.axhline(level, color=color, lw=1.4, ls="--")
        ax.annotate(names[which], (0, level), xytext=(6, 3), textcoords="offset points")
        if np.isfinite(crossings[which]):
            ax.plot([crossings[which]] * 2, [0, level], color=color, lw=0.9, ls=":")
            ax.annotate(
                f"{crossings[which]:.0f}°",
                (crossings[which], 0),
                xytext=(4, 4),
                textcoords="offset points",
            )
    ax.annotate(
        "a digit and its own rotation",
        (angles[-1], curve["ratio"].iloc[-1]),
        xytext=(0, 7),
        textcoords="offset points",
        ha="right",
    )
    ax.set(
        xlabel="rotation, degrees",
        ylabel="mean squared distance\n(two different digits = 1)",
        xticks=np.linspace(0, angles[-1], 7),
        xlim=(0, angles[-1] * 1.01),
        ylim=(0, max(curve["high"].max(), 1) * 1.12),
    )
    return figure
