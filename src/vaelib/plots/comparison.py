"""Two networks beside each other."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from vaelib.plots.style import INK, PALETTE, house_style, new_figure

MARKERS = "osD^v"


@house_style
def rate_distortion(points: pd.DataFrame) -> Figure:
    """Draw reconstruction against KL: a curve a network, a point a beta, labelled with it.

    `points` has columns network, beta, kl, recon (nats a picture); rows of equal network and beta (seeds)
    are drawn small, and the curve runs through their means.
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
            ax.annotate(f"β = {beta:g}", point, textcoords="offset points", fontsize=8, color=color, **place)
    ax.set(xlabel="rate: KL, nats a picture", ylabel="distortion: reconstruction, nats a picture")
    ax.margins(x=0.12, y=0.1)
    ax.legend()
    return figure


@house_style
def scores_at_rate(
    table: pd.DataFrame, titles: dict[str, str], frames: dict[str, dict[str, float | None]]
) -> Figure:
    """Draw scores against the rate: a dot a run, its seed's runs joined, a colour a network.

    `table` has a row a run: network, seed, kl (nats) and the scores, of which `titles` gives the panels;
    `frames` has the same scores of codes without a rate, a grey line each.
    """
    figure = new_figure(1, len(titles), height=2.9)
    styles = dict(zip(frames, ("--", ":", "-."), strict=False))
    for ax, (score, title) in zip(figure.axes, titles.items(), strict=True):
        for number, (network, runs) in enumerate(table.groupby("network", sort=False)):
            color, marker = PALETTE[number], MARKERS[number]
            for _, seed in runs.sort_values("kl").groupby("seed"):
                ax.plot(seed["kl"], seed[score], color=color, lw=1, alpha=0.6)
            ax.scatter(runs["kl"], runs[score], color=color, marker=marker, s=16, label=network, zorder=3)
        for name, scores in frames.items():
            if scores[score] is not None:
                ax.axhline(scores[score], color=INK, lw=1, ls=styles[name], label=name)
        ax.set(title=title, xlabel="rate: KL, nats")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=5)
    return figure


@house_style
def kl_spectra(spectra: dict[str, np.ndarray]) -> Figure:
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
    ax.set(xlabel="rank of the dimension by KL", ylabel="KL, nats a picture", xticks=ranks)
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
    figure.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure
