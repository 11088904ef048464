"""Figures of a sweep over beta: the two terms of the bound, latents in use, images.

Tables are tidy, one row per run (and per part of the test set): columns beta, seed, part, recon, kl,
active_units; nats an image.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator
from scipy import stats

from vaelib.plots.images import tile
from vaelib.plots.style import (
    INK,
    PALETTE,
    WIDTH,
    HouseFigure,
    baseline_lines,
    beta_name,
    house_style,
    new_figure,
    numbered_cells,
    one_legend,
)

MOST_TICKS = 5
"""Values of beta that fit under a panel."""
PART_COLORS = {"upright": PALETTE[0], "rotated": PALETTE[3]}


def beta_colors(betas: Sequence[float]) -> dict[float, str]:
    """Return a colour for each beta, from blue for the smallest to orange for the largest."""
    ramp = sns.blend_palette(["#2b83c6", "#a463ad", "#dd6b20"], len(betas)).as_hex()
    return dict(zip(sorted(betas), ramp, strict=True))


@house_style
def terms_against_beta(table: pd.DataFrame, at_64: float = 1.0) -> Figure:
    """Draw reconstruction, KL and active units against beta: a line through the means, a dot a run.

    Here and below, `at_64` times a beta is that of equal beta_norm on images of 64 pixels.
    """
    figure = new_figure(1, 3, height=2.6)
    figure.get_layout_engine().set(wspace=0.06)
    upright_rotated = table[table["part"] != "all"]
    for ax, column, label in zip(
        figure.axes,
        ("recon", "kl", "active_units"),
        ("reconstruction, nats", "KL, nats", "active latents"),
        strict=True,
    ):
        if column == "active_units":
            _line_and_dots(ax, table[table["part"] == "all"], column, INK, None)
        else:
            for part, color in PART_COLORS.items():
                chosen = upright_rotated[upright_rotated["part"] == part]
                _line_and_dots(ax, chosen, column, color, f"{part} test images")
        ax.set_ylabel(label)
        _beta_axis(ax, table["beta"].unique(), at_64)
    figure.axes[1].set_ylim(bottom=-0.04 * table["kl"].max())
    most = int(table["active_units"].max())
    figure.axes[2].set(ylim=(-0.4, max(most, 1) + 0.4), yticks=range(0, most + 1, 2))
    one_legend(figure)
    return figure


def _line_and_dots(ax: Axes, table: pd.DataFrame, column: str, color: str, label: str | None) -> None:
    means = table.groupby("beta")[column].mean()
    ax.plot(means.index, means, color=color, lw=1.6, label=label)
    ax.plot(table["beta"], table[column], color=color, ls="", marker="o", ms=4.5, alpha=0.8)


def _beta_axis(ax: Axes, betas: Sequence[float], at_64: float) -> None:
    positive = min((beta for beta in betas if beta > 0), default=1)
    if min(betas) > 0:
        ax.set_xscale("log", base=2)
    else:
        ax.set_xscale("symlog", base=2, linthresh=positive)
    every = -(-len(betas) // MOST_TICKS)
    ax.xaxis.set_major_locator(FixedLocator(sorted(betas)[::every]))
    ax.xaxis.set_minor_locator(NullLocator())
    same = at_64 == 1
    ax.xaxis.set_major_formatter(lambda beta, _: f"{beta:g}" + ("" if same else f"\n({beta * at_64:g})"))
    ax.set_xlabel("β" if same else "β\n(at 64 pixels)")


@house_style
def scores_against_beta(
    table: pd.DataFrame,
    titles: Mapping[str, str],
    baselines: Mapping[str, Mapping[str, float | None]],
    at_64: float = 1.0,
) -> Figure:
    """Draw scores against beta: a dot a run, a line through the means, its 95 % interval over seeds.

    `table` has a row a run: network, beta and the scores, of which `titles` gives the panels; `baselines` has
    the same scores of codes without a beta, a grey line each.
    """
    figure = new_figure(1, len(titles), height=2.9)
    figure.get_layout_engine().set(wspace=0.05)
    for ax, (score, title) in zip(figure.axes, titles.items(), strict=True):
        for color, (network, runs) in zip(PALETTE, table.groupby("network", sort=False), strict=False):
            known = runs.dropna(subset=[score])
            _line_and_dots(ax, known, score, color, network)
            groups = known.groupby("beta")[score]
            half = groups.sem() * stats.t.ppf(0.975, (groups.count() - 1).clip(lower=1))
            ax.fill_between(
                half.index, groups.mean() - half, groups.mean() + half, color=color, alpha=0.15, lw=0
            )
        baseline_lines(ax, baselines, score)
        level = [scores[score] for scores in baselines.values() if scores[score] is not None]
        shown = [*table[score].dropna(), *level] or [0.0, 1.0]
        low, high = min(shown), max(shown)
        pad = 0.12 * (high - low) + 1e-6
        ax.set(title=title, ylim=(low - pad, high + pad))
        _beta_axis(ax, table["beta"].unique(), at_64)
    one_legend(figure)
    return figure


@house_style
def rate_distortion(table: pd.DataFrame, at_64: float = 1.0) -> Figure:
    """Draw each run at its rate (KL) and distortion (reconstruction) on all test images.

    Along a grey line their sum, the negative ELBO, is the same; lower lines are better bounds.
    """
    figure = new_figure(height=3.6, width=5.2)
    ax = figure.axes[0]
    table = table[table["part"] == "all"]
    means = table.groupby("beta")[["kl", "recon"]].mean()
    colors = beta_colors(means.index)
    ax.grid(False)
    ax.plot(means["kl"], means["recon"], color=INK, lw=1)
    for beta, runs in table.groupby("beta"):
        ax.plot(runs["kl"], runs["recon"], ls="", marker="o", ms=6.5, alpha=0.85, color=colors[beta])
        ax.annotate(
            beta_name(beta, at_64),
            means.loc[beta],
            xytext=(8, 5),
            textcoords="offset points",
        )
    rate, distortion = table["kl"], table["recon"]
    x = np.array([-0.04, 1.18]) * max(rate.max(), 1e-3)
    y = np.array([distortion.min(), distortion.max()])
    pad = 0.12 * max(np.ptp(y), 1)
    ax.set(
        xlim=x,
        ylim=(y[0] - pad, y[1] + pad),
        xlabel="rate: KL, nats",
        ylabel="distortion: reconstruction, nats",
    )
    for total in ax.yaxis.get_major_locator().tick_values(y[0] - pad, y[1] + pad + x[1]):
        ax.plot(x, total - x, color=INK, lw=0.9, alpha=0.8, ls=":", scalex=False, scaley=False)
    return figure


@house_style
def kl_spectra(spectra: Mapping[float, np.ndarray], at_64: float = 1.0) -> Figure:
    """Draw KL per latent, sorted from the largest, as a row for each beta with the nats in the cells."""
    values = np.array([np.sort(spectrum)[::-1] for spectrum in spectra.values()])
    rows, cols = values.shape
    figure = new_figure(height=0.9 + 0.34 * rows)
    ax = figure.axes[0]
    numbered_cells(
        ax,
        values,
        max(values.max(), 0.1),
        [beta_name(beta, at_64) for beta in spectra],
        range(1, cols + 1),
        "KL, nats",
    )
    ax.set_xlabel("latents, the one with most KL first")
    return figure


@house_style
def learning_curves(histories: Mapping[float, Sequence[pd.DataFrame]], at_64: float = 1.0) -> Figure:
    """Draw validation reconstruction and KL over the epochs, a colour a beta, a line a seed."""
    figure = new_figure(1, 2, height=2.7)
    colors = beta_colors(list(histories))
    for ax, column, label in zip(
        figure.axes,
        ("val_recon", "val_kl"),
        ("validation reconstruction, nats", "validation KL, nats"),
        strict=True,
    ):
        for beta, runs in histories.items():
            for k, history in enumerate(runs):
                ax.plot(
                    history["epoch"],
                    history[column],
                    color=colors[beta],
                    lw=1.5,
                    marker="o" if len(history) < 20 else None,
                    ms=3,
                    label=beta_name(beta, at_64) if k == 0 else None,
                )
        ax.set(xlabel="epoch", ylabel=label)
        ax.xaxis.get_major_locator().set_params(integer=True)
    one_legend(figure)
    return figure


@house_style
def image_blocks(blocks: Mapping[str, np.ndarray], row_labels: Sequence[str]) -> Figure:
    """Draw grids of images (rows, cols, S, S) side by side under their headings, with common row labels.

    Images of NaN are left out: there the page shows through.
    """
    sheets = [tile(images) for images in blocks.values()]
    rows, _, side, _ = next(iter(blocks.values())).shape
    gap, pitch = side // 3, side + 2
    total = sum(sheet.shape[1] for sheet in sheets) + gap * (len(sheets) - 1)
    figure = HouseFigure(figsize=(WIDTH, WIDTH * 0.94 * rows * pitch / total + 0.3), layout="constrained")
    ax = figure.subplots()
    left = 0
    for heading, sheet in zip(blocks, sheets, strict=True):
        height, width = sheet.shape
        ax.imshow(sheet, extent=(left, left + width, height, 0), vmin=0, vmax=1)
        ax.annotate(heading, (left + width / 2, -side / 6), ha="center", va="bottom", annotation_clip=False)
        left += width + gap
    ax.set(xlim=(0, total), ylim=(rows * pitch - 2, 0), xticks=[])
    ax.set_yticks(np.arange(rows) * pitch + side / 2, row_labels)
    ax.tick_params(length=0)
    ax.grid(False)
    ax.spines[:].set_visible(False)
    return figure
