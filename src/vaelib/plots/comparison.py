"""Two networks beside each other."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from vaelib.plots.style import INK, PALETTE, baseline_lines, beta_name, house_style, new_figure, one_legend

MARKERS = "osD^v"


@house_style
def rates_of_networks(points: pd.DataFrame, at_64: float = 1.0) -> Figure:
    """Draw reconstruction against KL: a curve a network, a point a beta, labelled with it.

    `points` has columns network, beta, kl, recon (nats an image); rows of equal network and beta (seeds)
    are drawn small, and the curve runs through their means. `at_64` times a beta is that of equal beta_norm
    on images of 64 pixels.
    """
    figure = new_figure(height=3.6, width=6.0)
    ax = figure.axes[0]
    for number, (network, runs) in enumerate(points.groupby("network", sort=False)):
        color, marker = PALETTE[number], MARKERS[number]
        mean = runs.groupby("beta")[["kl", "recon"]].mean()
        ax.plot(mean["kl"], mean["recon"], color=color, marker=marker, label=network, markersize=5)
        if len(runs) > len(mean):
            ax.scatter(runs["kl"], runs["recon"], color=color, marker=marker, s=8, alpha=0.5)
        place = {"xytext": (6, 4), "ha": "left"} if number % 2 else {"xytext": (-6, -12), "ha": "right"}
        for beta, point in mean.iterrows():
            ax.annotate(
                beta_name(beta, at_64), point, textcoords="offset points", fontsize=8, color=color, **place
            )
    ax.set(xlabel="rate: KL, nats an image", ylabel="distortion: reconstruction, nats an image")
    ax.margins(x=0.12, y=0.1)
    ax.legend()
    return figure


@house_style
def scores_at_rate(
    table: pd.DataFrame,
    titles: Mapping[str, str],
    baselines: Mapping[str, Mapping[str, float | None]],
    rates: Sequence[float],
) -> Figure:
    """Draw scores against the rate: a dot a run, thin lines seeds, bold ones through the means of a beta.

    `table` has a row a run: network, beta, seed, kl (nats) and the scores, of which `titles` gives the
    panels; `baselines` has the same scores of codes without a rate, a grey line each. Ticks at the top mark
    the `rates` at which networks are compared.
    """
    figure = new_figure(1, len(titles), height=3.2)
    figure.get_layout_engine().set(wspace=0.05)
    for ax, (score, title) in zip(figure.axes, titles.items(), strict=True):
        for number, (network, runs) in enumerate(table.groupby("network", sort=False)):
            color, known = PALETTE[number], runs.dropna(subset=[score]).sort_values("kl")
            for _, seed in known.groupby("seed"):
                ax.plot(seed["kl"], seed[score], color=color, lw=0.7, alpha=0.5)
            ax.scatter(known["kl"], known[score], color=color, marker=MARKERS[number], s=11, alpha=0.8)
            mean = known.groupby("beta")[["kl", score]].mean().sort_values("kl")
            ax.plot(mean["kl"], mean[score], color=color, lw=2.2, label=network)
        baseline_lines(ax, baselines, score)
        ax.plot(
            rates, [1] * len(rates), "v", color=INK, ms=5, clip_on=False, transform=ax.get_xaxis_transform()
        )
        ax.set_title(title, pad=9)
        ax.set(xlabel="rate: KL, nats")
    one_legend(figure)
    return figure


@house_style
def spectra_of_networks(spectra: dict[str, np.ndarray]) -> Figure:
    """Draw the KL of each latent, sorted, of several networks (name → (M,)), nats."""
    figure = new_figure(height=2.8, width=6.0)
    ax = figure.axes[0]
    for number, (network, kl) in enumerate(spectra.items()):
        ranks = np.arange(1, len(kl) + 1)
        ax.plot(
            ranks,
            np.sort(kl)[::-1],
            color=PALETTE[number],
            marker=MARKERS[number],
            markersize=4,
            label=network,
        )
    ax.set(xlabel="rank of the dimension by KL", ylabel="KL, nats an image", xticks=ranks)
    ax.set_ylim(bottom=0)
    ax.legend()
    return figure


@house_style
def angle_r2(table: pd.DataFrame) -> Figure:
    """Draw the R² of the angle with its interval: a row a run, best single latent beside all latents.

    `table` has the runs' names as index and, for `best` and `all`, columns value, low, high (two levels).
    """
    figure = new_figure(height=0.9 + 0.45 * len(table), width=6.0)
    ax = figure.axes[0]
    places = np.arange(len(table))[::-1]
    kinds = {"best": "best single dimension, a line", "all": "all dimensions, nearest neighbours"}
    for number, (kind, label) in enumerate(kinds.items()):
        part = table[kind]
        ax.errorbar(
            part["value"],
            places + 0.12 - 0.24 * number,
            xerr=[part["value"] - part["low"], part["high"] - part["value"]],
            fmt=MARKERS[number],
            color=PALETTE[number],
            markersize=5,
            capsize=3,
            label=label,
        )
    ax.axvline(0, color=INK, linewidth=1)
    ax.set_yticks(places, table.index)
    ax.set(xlabel="R² of the angle, rotated test digits not fitted on", ylim=(-0.6, len(table) - 0.4))
    ax.grid(False, axis="y")
    one_legend(figure)
    return figure
