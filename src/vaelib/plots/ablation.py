"""Figures of the ablation: how many latents are in use, how much each carries, and what that is due to."""

from collections.abc import Mapping

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from vaelib.claims.ablation import ACTIVE_KL
from vaelib.plots.style import INK, PALETTE, SEQUENTIAL, house_style, new_figure, one_legend

INCHES = 6.0
"""Narrower than the page, so that the figures' words stay legible on a phone."""


@house_style
def count_matrix(panels: Mapping[str, pd.DataFrame], latent_dim: int) -> Figure:
    """Draw numbers of latents as matrices, a panel a way to count: a row a network, a column a reading.

    Each panel is a summary of `ablation.summary` by (changed, reading) with the column matched_beta;
    readings are sorted by it. A cell has the mean over seeds and, where they differ, the least and the most;
    a cell without a run stays empty.
    """
    rows = len(next(iter(panels.values())).index.unique("changed"))
    figure = new_figure(len(panels), 1, height=1.6 + (0.3 + 0.42 * rows) * len(panels), width=INCHES)
    for ax, (title, cells) in zip(figure.axes, panels.items(), strict=True):
        betas = cells.groupby("reading")["matched_beta"].first().sort_values(kind="stable")
        means = cells["mean"].unstack("reading").reindex(cells.index.unique("changed"))[betas.index]
        shown = ax.imshow(means, vmin=0, vmax=latent_dim, cmap=SEQUENTIAL, aspect="auto")
        for (row, name), cell in cells.iterrows():
            color = "black" if cell["mean"] > 0.6 * latent_dim else "white"
            place = means.columns.get_loc(name), means.index.get_loc(row)
            ax.text(*place, _mean_and_span(cell), ha="center", va="center", color=color, fontsize=8)
        ax.set_xticks(
            range(len(betas)),
            [f"{name}\nβ_eff {_short(beta)}" for name, beta in betas.items()],
            rotation=40,
            ha="right",
            rotation_mode="anchor",
            fontsize=8,
        )
        ax.set_yticks(range(rows), means.index)
        ax.set_title(title)
        ax.tick_params(length=0)
        ax.label_outer()
        ax.grid(False)
        ax.spines[:].set_visible(False)
    bar = figure.colorbar(shown, ax=figure.axes, pad=0.02, aspect=12 * len(panels))
    bar.set_label("latents")
    bar.outline.set_visible(False)
    return figure


def _short(beta: float) -> str:
    return f"{beta:,.0f}" if beta >= 100 else f"{beta:.3g}"


def _mean_and_span(cell: pd.Series) -> str:
    mean = f"{cell['mean']:.2g}"
    if cell["least"] == cell["most"]:
        return mean
    return f"{mean}\n{cell['least']:.0f}–{cell['most']:.0f}"


@house_style
def kl_against_beta(
    measured: Mapping[str, tuple[np.ndarray, np.ndarray]], thresholds: Mapping[str, np.ndarray]
) -> Figure:
    """Draw the KL of each latent, sorted, against the effective beta: dots measured, lines of linear theory.

    `measured` has, by likelihood, effective betas (K,) and KL of the latents (K, M), nats; `thresholds`
    those of `linear_theory` (M,) in the same betas. A line is ½ ln(threshold / β) and meets the axis at the
    threshold, from which on the theory has that latent silent. The ranks of the latents are coloured alike;
    the axis ends at three times the largest threshold, where all is silent.
    """
    figure = new_figure(1, len(measured), height=3.4, width=INCHES)
    high = 3 * max(values.max() for values in thresholds.values())
    low = 0.8 * min(betas.min() for betas, _ in measured.values())
    for ax, (name, (betas, kl)) in zip(figure.axes, measured.items(), strict=True):
        colors = matplotlib.colormaps[SEQUENTIAL](np.linspace(0.2, 0.95, kl.shape[1]))
        ordered = np.sort(kl, axis=1)[:, ::-1]
        grid = np.geomspace(low, high, 200)
        for rank, color in enumerate(colors):
            theory = 0.5 * np.log(np.maximum(thresholds[name][rank] / grid, 1))
            ax.plot(grid[theory > 0], theory[theory > 0], color=color, lw=1)
            ax.plot(betas, ordered[:, rank], ls="", marker="o", ms=3.5, color=color)
        ax.axhline(ACTIVE_KL, color=INK, lw=0.8, ls=":")
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(lambda beta, _: f"{beta:g}")
        ax.set(title=name, xlim=(low, high), xlabel="β_eff")
        ax.sharey(figure.axes[0])
        ax.label_outer()
    figure.axes[0].set_ylabel("KL of each latent, nats")
    return figure


@house_style
def attribution(shares: Mapping[str, Mapping[str, float]], factors: tuple[str, str]) -> Figure:
    """Draw what the variance of each response is due to: a bar a response, stacked `ablation.shares`.

    `factors` are the names of the design's first and second factor. What cannot be told apart, because a
    share is NaN, is left blank up to 1.
    """
    names = {"first": factors[0], "second": factors[1], "interaction": "both together", "seed": "seed"}
    figure = new_figure(height=1.3 + 0.45 * len(shares), width=INCHES)
    ax = figure.axes[0]
    places = np.arange(len(shares))[::-1]
    start = np.zeros(len(shares))
    for (key, label), color in zip(names.items(), [*PALETTE[:3], INK], strict=True):
        width = np.nan_to_num([parts[key] for parts in shares.values()])
        ax.barh(places, width, left=start, color=color, label=label, height=0.62)
        for place, left, share in zip(places, start, width, strict=True):
            if share > 0.04:
                ax.text(
                    left + share / 2,
                    place,
                    f"{share:.0%}",
                    ha="center",
                    va="center",
                    color="white",
                    fontsize=8,
                )
        start += width
    for place, known in zip(places, start, strict=True):
        if known < 0.995:
            ax.text((1 + known) / 2, place, "not told apart", ha="center", va="center", fontsize=8)
    ax.set_yticks(places, shares)
    ax.set(xlim=(0, 1), xlabel="share of variance", ylim=(-0.6, len(shares) - 0.4))
    ax.grid(False, axis="y")
    ax.tick_params(axis="y", length=0)
    one_legend(figure)
    return figure
