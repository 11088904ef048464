"""What the latent space looks like and what each latent does to the image."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.colors import LinearSegmentedColormap, ListedColormap
from matplotlib.figure import Figure

from vaelib.plots.images import tile
from vaelib.plots.style import (
    DIGIT_COLORS,
    INK,
    PALETTE,
    SEQUENTIAL,
    house_style,
    new_figure,
    numbered_cells,
)

ANGLES = ListedColormap(sns.husl_palette(256, h=0.72, s=0.95, l=0.62)[::-1][:200], name="angles")
"""Hues of one lightness, seen on white and on dark; from −90° to 90° they do not close the circle."""
SIGNED = LinearSegmentedColormap.from_list("signed", [PALETTE[0], "#6b6b6b", "#b34a00"])
"""Blue, grey, orange, all dark enough for white numbers and light enough for a dark page."""


@house_style
def plane(
    points: np.ndarray, digit: np.ndarray, angle: np.ndarray, rotated: np.ndarray, axes: tuple[str, str]
) -> Figure:
    """Draw a plane of codes (N, 2) twice: coloured by digit, and the rotated ones by angle (degrees)."""
    figure = new_figure(1, 2, height=3.9)
    left, right = figure.axes
    order = np.random.default_rng(0).permutation(len(points))
    colors = np.array(DIGIT_COLORS)[digit]
    left.scatter(*points[order].T, c=colors[order], s=7, linewidth=0, alpha=0.8, rasterized=True)
    for name, color in enumerate(DIGIT_COLORS):
        left.scatter([], [], color=color, s=22, label=str(name))
    left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=5, columnspacing=1, handletextpad=0)
    left.set_title("by digit")
    right.scatter(*points[~rotated].T, c=INK, s=3, linewidth=0, alpha=0.5, rasterized=True)
    turned = order[rotated[order]]
    shown = right.scatter(
        *points[turned].T,
        c=angle[turned],
        cmap=ANGLES,
        vmin=-90,
        vmax=90,
        s=7,
        linewidth=0,
        alpha=0.9,
        rasterized=True,
    )
    right.set_title("rotated digits by angle")
    right.sharex(left)
    right.sharey(left)
    bar = figure.colorbar(
        shown, ax=right, location="bottom", ticks=[-90, -45, 0, 45, 90], aspect=35, pad=0.02
    )
    bar.set_label("angle, degrees")
    bar.outline.set_visible(False)
    bar.solids.set_alpha(1)
    for ax in figure.axes[:2]:
        ax.set(xlabel=axes[0], ylabel=axes[1])
    right.set_ylabel("")
    return figure


@house_style
def spectra(explained: np.ndarray, kl: np.ndarray) -> Figure:
    """Draw the share of variance of each principal component (M,) and the KL of each latent (M,), sorted."""
    figure = new_figure(1, 2, height=2.6)
    left, right = figure.axes
    ranks = np.arange(1, len(explained) + 1)
    left.bar(ranks, 100 * explained, color=PALETTE[0])
    left.plot(
        ranks, 100 * np.cumsum(explained), color=PALETTE[1], marker="o", markersize=3, label="cumulative"
    )
    left.legend(loc="center right")
    left.set(
        title="variance of the codes", xlabel="principal component", ylabel="%", xticks=ranks, ylim=(0, 105)
    )
    order = np.argsort(-kl, kind="stable")
    right.bar(ranks, kl[order], color=PALETTE[2])
    right.set_xticks(ranks, order + 1)
    right.set(title="KL to the prior", xlabel="dimension, by KL", ylabel="nats an image")
    for ax in figure.axes:
        ax.grid(False, axis="x")
    return figure


@house_style
def correlation_map(correlations: np.ndarray) -> Figure:
    """Draw the correlations of the latents (M, M) with their values, each pair once."""
    names = np.arange(1, len(correlations) + 1)
    figure = new_figure(height=4.2, width=5.2)
    ax = figure.axes[0]
    sns.heatmap(
        pd.DataFrame(correlations.round(2) + 0.0, index=names, columns=names).iloc[1:, :-1],
        mask=np.triu(np.ones_like(correlations, dtype=bool))[1:, :-1],
        vmin=-1,
        vmax=1,
        cmap=SIGNED,
        annot=True,
        fmt=".2f",
        annot_kws={"size": 8, "color": "white"},
        square=True,
        ax=ax,
        cbar_kws={"label": "Pearson's r", "pad": 0.02},
    )
    ax.grid(False)
    ax.tick_params(length=0, labelrotation=0)
    ax.set(xlabel="dimension", ylabel="dimension")
    return figure


@house_style
def change_maps(maps: np.ndarray, titles: Sequence[str]) -> Figure:
    """Draw how much each latent changes each pixel, (M, S, S), on one common scale of pixel probability."""
    cols = 5
    rows = -(-len(maps) // cols)
    figure = new_figure(rows, cols, height=1.75 * rows)
    top = maps.max()
    for ax in figure.axes:
        ax.set_axis_off()
    for ax, image, title in zip(figure.axes, maps, titles, strict=False):
        shown = ax.imshow(image, vmin=0, vmax=top, cmap=SEQUENTIAL)
        ax.set_title(title, fontsize=8)
    bar = figure.colorbar(shown, ax=figure.axes, pad=0.01, aspect=30)
    bar.set_label("RMS change of a pixel")
    bar.outline.set_visible(False)
    return figure


@house_style
def traversal_panels(images: np.ndarray, titles: Sequence[str], cols: int = 4) -> Figure:
    """Draw traversals (P, rows, K, S, S) as P titled panels, `cols` side by side."""
    rows = -(-len(images) // cols)
    shape = images.shape[1] / images.shape[2]
    figure = new_figure(rows, cols, height=rows * (7.5 / cols * shape + 0.25))
    for ax in figure.axes:
        ax.set_axis_off()
    figure.get_layout_engine().set(wspace=0.03)
    for ax, sheet, title in zip(figure.axes, images, titles, strict=False):
        ax.imshow(tile(sheet), vmin=0, vmax=1)
        ax.set_title(title, fontsize=8)
    return figure


@house_style
def dimension_profile(per_dim: pd.DataFrame, visible: float) -> Figure:
    """Draw what each latent does and holds, sorted by KL: a row a latent, a panel a measure.

    `per_dim` has columns kl, energy, agreement, angle_r2, digit_share and the latents' numbers as index;
    a line marks the energy from which a latent counts as visible.
    """
    measures = {
        "kl": "KL, nats",
        "energy": "traversal energy T",
        "agreement": "agreement\nbetween images",
        "angle_r2": "R² of the angle",
        "digit_share": "share of variance\nbetween digits",
    }
    table = per_dim.sort_values("kl", kind="stable")
    figure = new_figure(1, len(measures), height=0.9 + 0.24 * len(table))
    places = np.arange(len(table))
    for number, (ax, (name, title)) in enumerate(zip(figure.axes, measures.items(), strict=True)):
        ax.barh(places, table[name], color=PALETTE[number])
        ax.set_title(title, fontsize=8)
        ax.set_yticks(places, table.index if number == 0 else [""] * len(table))
        ax.tick_params(axis="y", length=0)
        ax.grid(False, axis="y")
        if name not in ("kl", "energy"):
            ax.set_xlim(min(0, table[name].min()), 1)
    figure.axes[0].set_ylabel("dimension, by KL")
    figure.axes[1].axvline(visible, color=INK, linestyle="--", linewidth=1)
    return figure


@house_style
def importance_matrix(importance: np.ndarray, factors: Sequence[str]) -> Figure:
    """Draw how much each latent counts in predicting each factor (M, K): a column a factor, adding up to 1.

    A factor that cannot be predicted has a column of zeros; NaN, undefined, leaves a cell empty.
    """
    m = len(importance)
    figure = new_figure(height=0.9 + 0.27 * m, width=5.0)
    ax = figure.axes[0]
    numbered_cells(ax, importance, 1, range(1, m + 1), factors, "importance")
    ax.set_ylabel("dimension")
    return figure
