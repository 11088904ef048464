"""How latents respond to digits turned under control."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from vaelib.metrics.responses import response_bands
from vaelib.metrics.rotation import SHARES
from vaelib.plots.latents import ANGLES
from vaelib.plots.style import DIGIT_COLORS, INK, NARROW, house_style, new_figure

TICKS = (-90, -45, 0, 45, 90)
DOTS = 3000


@house_style
def response_curves(
    mu: np.ndarray,
    angles: np.ndarray,
    digit: np.ndarray,
    table: pd.DataFrame,
    dims: Sequence[int] | None = None,
    per_class: int = 3,
) -> Figure:
    """Draw latents (I, A, M) against the angle (A,): thin lines are digits, the bold one their mean.

    A panel a latent of `dims` (0-based; all of them when left out), with the shares of variance of
    `table` (that of `rotation.two_way`) as its title. Lines are the first `per_class` digits of each class,
    in its colour; the band holds 80 % of all digits.
    """
    shown = range(mu.shape[2]) if dims is None else dims
    rows = -(-len(shown) // 2)
    figure = new_figure(rows, 2, height=1.45 * rows + 0.5, width=NARROW)
    bands = response_bands(mu)
    for ax, dim in zip(figure.axes, shown, strict=False):
        for c in np.unique(digit):
            lines = mu[digit == c, ::2, dim][:per_class].T
            ax.plot(angles[::2], lines, color=DIGIT_COLORS[c], lw=0.6, alpha=0.75)
        ax.fill_between(angles, bands.low[:, dim], bands.high[:, dim], color=INK, alpha=0.25, linewidth=0)
        ax.plot(angles, bands.mean[:, dim], color=INK, linewidth=2.6)
        a, i, ai = table.loc[dim + 1, list(SHARES)]
        ax.set_title(f"{dim + 1}: angle {a:.2f}, digit {i:.2f}, both {ai:.2f}", fontsize=8.5)
        ax.set(xlabel="angle, degrees", ylabel="latent mean", xticks=_ticks(angles))
        ax.sharey(figure.axes[0])
        ax.label_outer()
    for ax in figure.axes[len(shown) :]:
        ax.set_axis_off()
    for c in np.unique(digit):
        figure.axes[0].plot([], [], color=DIGIT_COLORS[c], linewidth=2, label=str(c))
    figure.legend(
        loc="outside lower center", ncols=10, handlelength=0.8, columnspacing=0.8, handletextpad=0.3
    )
    return figure


@house_style
def arc(points: np.ndarray, angles: np.ndarray, digit: np.ndarray, names: tuple[str, str]) -> Figure:
    """Draw two latents (I, A, 2) of turned digits against each other, coloured by the angle (A,).

    Dots are images, at most `DOTS`, the bold path is the mean over all digits, and the thin ones are the
    means over each class. A code with one axis for rotation would draw straight lines along that axis.
    """
    figure = new_figure(height=5.2, width=NARROW)
    ax = figure.axes[0]
    flat, turns = points.reshape(-1, 2), np.tile(angles, len(points))
    order = np.random.default_rng(0).permutation(len(flat))[:DOTS]
    colours = {"cmap": ANGLES, "vmin": angles.min(), "vmax": angles.max()}
    ax.scatter(*flat[order].T, c=turns[order], s=3, alpha=0.18, linewidth=0, rasterized=True, **colours)
    for c in np.unique(digit):
        ax.plot(*points[digit == c].mean(0).T, color=INK, linewidth=0.9)
    mean = points.mean(0)
    ax.plot(*mean.T, color=INK, linewidth=5)
    shown = ax.scatter(*mean.T, c=angles, s=34, edgecolor=INK, linewidth=0.6, zorder=3, **colours)
    bar = figure.colorbar(shown, ax=ax, location="bottom", ticks=_ticks(angles), aspect=40, pad=0.02)
    bar.set_label("angle, degrees")
    bar.outline.set_visible(False)
    low, high = np.quantile(flat, [0.005, 0.995], axis=0)
    ax.set(xlabel=names[0], ylabel=names[1], xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    ax.set_aspect("equal")
    return figure


def _ticks(angles: np.ndarray) -> list[int]:
    return [tick for tick in TICKS if angles.min() <= tick <= angles.max()]
