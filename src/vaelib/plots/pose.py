"""Figures of the network with a pose, and of what else was tried."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from torch import Tensor

from vaelib.data.dataset import turned
from vaelib.models.pose_vae import PoseVAE
from vaelib.plots.style import BASELINE_STYLES, INK, NARROW, PALETTE, house_style, new_figure, one_legend


@house_style
def pose_in_one_drawing(model: PoseVAE, x: Tensor) -> Figure:
    """Draw one image (1, 1, S, S) on its way: posterior, turned back, canvas, turned forward."""
    with torch.inference_mode():
        density = model.log_posterior(x)[0].exp().numpy()
        code, _ = model.encode(x)
        angle = model.degrees * code[:, 0]
        canvas = torch.sigmoid(model.decoder(code[:, 1:]))
        images = {
            "image": x,
            "turned back": turned(x, -angle),
            "canvas": canvas,
            "turned forward": torch.sigmoid(model.decode(code)),
        }
    figure = new_figure(1, 5, height=1.9)
    places = [ax for k, ax in enumerate(figure.axes) if k != 1]
    for ax, (title, image) in zip(places, images.items(), strict=True):
        ax.imshow(image[0, 0].numpy(), vmin=0, vmax=1)
        ax.set_title(title)
        ax.set_axis_off()
    ax = figure.axes[1]
    possible = np.isfinite(model.log_prior.numpy())
    ax.plot(model.angles.numpy()[possible], density[possible], color=PALETTE[0])
    ax.plot(angle.item(), density.max(), marker="o", color=PALETTE[3], ms=5)
    ax.set(title="posterior", xlabel="angle, degrees", yticks=[], xticks=(-90, 0, 90))
    ax.spines["left"].set_visible(False)
    ax.tick_params(colors=INK)
    return figure


@house_style
def rotation_over_ranges(
    measured: pd.DataFrame, baselines: pd.DataFrame, turns: np.ndarray, distances: pd.DataFrame
) -> Figure:
    """Draw RIS and purity against the range of angles, above the distance that a turn makes.

    `measured` has a row a run, `baselines` a row a range, both with the columns network, range (degrees),
    eta2_angle and purity: curves are means over runs, bands go from the least to the most. `distances` is
    `metrics.relative_distances` of rotations by `turns` (degrees).
    """
    figure = new_figure(3, 1, height=6.6, width=NARROW)
    for ax, (column, name) in zip(
        figure.axes, {"eta2_angle": "RIS", "purity": "purity"}.items(), strict=False
    ):
        for color, (network, runs) in zip(PALETTE, measured.groupby("network", sort=False), strict=False):
            over_seeds = runs.groupby("range")[column]
            ends = over_seeds.min().index, over_seeds.min(), over_seeds.max()
            ax.fill_between(*ends, color=color, alpha=0.25, lw=0)
            ax.plot(over_seeds.mean(), color=color, marker="o", ms=4, label=network)
        ax.plot(
            baselines["range"],
            baselines[column],
            color=INK,
            ls="--",
            marker="o",
            ms=3,
            label=baselines["network"].iloc[0],
        )
        ax.set(ylabel=f"{name} of the best latent", ylim=(0, 1.02))
    ax = figure.axes[2]
    curve, same = distances.iloc[:-1], distances.loc["same label"]
    ax.fill_between(turns, curve["low"], curve["high"], color=INK, alpha=0.25, lw=0)
    ax.plot(turns, curve["ratio"], color=INK, marker="o", ms=3)
    for level, name in ((same["ratio"], "same digit"), (1.0, "different digits")):
        ax.axhline(level, color=PALETTE[3], lw=1.2, ls="--")
        ax.annotate(name, (0, level), xytext=(4, 3), textcoords="offset points")
    ax.set(ylabel="relative distance", ylim=(0, max(curve["high"].max(), 1) * 1.15))
    ax.set_xlabel("range of angles in training and test; rotation, degrees")
    for ax in figure.axes:
        ax.set(xlim=(0, turns[-1] * 1.02), xticks=sorted(measured["range"].unique()))
    for ax in figure.axes[:2]:
        ax.tick_params(labelbottom=False)
    one_legend(figure)
    return figure


@house_style
def scores_of_many(table: pd.DataFrame, baselines: Mapping[str, Mapping[str, float]]) -> Figure:
    """Draw a panel a score, with a row a name and a dot a run; a bar is the mean of a row.

    `table` has a row a run and the columns name and those of the scores; `baselines` holds some of these
    scores of codes beside which others are seen.
    """
    names, columns = list(table["name"].unique()), [column for column in table if column != "name"]
    rows = -(-len(columns) // 2)
    figure = new_figure(rows, 2, height=0.3 + rows * (0.6 + 0.2 * len(names)), width=NARROW)
    places = table["name"].map(names.index)
    for ax, column in zip(figure.axes, columns, strict=True):
        ax.scatter(table[column], places, s=14, color=PALETTE[0], alpha=0.8, linewidth=0, zorder=2)
        means = table.groupby(places)[column].mean()
        ax.scatter(means, means.index, marker="|", s=90, color=PALETTE[3], zorder=3)
        for (name, scores), style in zip(baselines.items(), BASELINE_STYLES, strict=False):
            if scores.get(column) is not None:
                ax.axvline(scores[column], color=INK, lw=1.2, ls=style, label=name)
        ax.set(xlabel=column, ylim=(len(names) - 0.5, -0.5))
        ax.set_yticks(range(len(names)), names if ax in figure.axes[::2] else [])
        ax.tick_params(axis="y", length=0)
        ax.locator_params(axis="x", nbins=4)
    one_legend(figure)
    return figure
