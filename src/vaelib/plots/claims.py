"""What was found of each claim, beside what its rule asks for."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vaelib.plots.style import INK, PALETTE, WIDTH, HouseFigure, house_style

SPEAKS, AGAINST = PALETTE[2], PALETTE[3]
NETWORKS = {"ours": "our network", "article": "the article's", "both": "both networks"}

Span = tuple[float, float]


@house_style
def ledger_chart(judged: pd.DataFrame, regions: Sequence[tuple[Span, Sequence[Span]]]) -> Figure:
    """Draw a row a claim: its effect a seed (dots) and the interval of their mean, on an axis of its own.

    `judged` is the ledger; `regions` has for each of its rows the effects that speak for the claim (green)
    and those that speak against it (red). What lies between decides nothing.
    """
    figure = HouseFigure(figsize=(WIDTH, 0.62 * len(judged) + 0.2), layout="constrained")
    axes = np.atleast_1d(figure.subplots(len(judged), 1))
    for ax, row, (speaks, against) in zip(axes, judged.itertuples(), regions, strict=True):
        ends = [end for span in (speaks, *against) for end in span if np.isfinite(end)]
        shown = [value for value in (*row.per_seed, row.low, row.high, row.effect) if np.isfinite(value)]
        low, high = min([*ends, *shown]), max([*ends, *shown])
        margin = 0.12 * (high - low) or 1.0
        ax.set_xlim(low - margin, high + margin)
        _regions(ax, speaks, against)
        ax.plot(row.per_seed, np.zeros(len(row.per_seed)), "o", color=INK, markersize=4, alpha=0.6, mew=0)
        if np.isfinite(row.low):
            ax.plot([row.low, row.high], [0, 0], color=INK, linewidth=1.6)
        ax.plot(row.effect, 0, "|", color=INK, markersize=13, markeredgewidth=1.6)
        ax.set(ylim=(-1, 1), yticks=[])
        ax.spines["left"].set_visible(False)
        ax.locator_params(axis="x", nbins=5)
        ax.tick_params(labelsize=8, pad=1)
        ax.grid(False)
        statement = f"{row.claim}  {NETWORKS[row.network]}: {row.statement}"
        ax.text(
            -0.02, 0.5, f"{statement}\n{row.of}", transform=ax.transAxes, ha="right", va="center", fontsize=8
        )
        ax.text(1.02, 0.5, row.verdict, transform=ax.transAxes, va="center", fontsize=9)
    return figure


def _regions(ax: Axes, speaks: Span, against: Sequence[Span]) -> None:
    for span, color in ((speaks, SPEAKS), *((span, AGAINST) for span in against)):
        left, right = np.clip(span, *ax.get_xlim())
        ax.axvspan(left, right, color=color, alpha=0.22, lw=0)
