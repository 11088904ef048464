"""Figures of the networks: their layers as blocks, and what is left of an affine one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from vaelib.plots.images import tile
from vaelib.plots.style import INK, PALETTE, WIDTH, HouseFigure, house_style, one_legend

KINDS = {
    "image": INK,
    "halves or doubles the side (4×4, stride 2)": PALETTE[0],
    "keeps the side (3×3, stride 1)": PALETTE[1],
    "dense": PALETTE[2],
    "latents": PALETTE[3],
}
DIVERGING = "PuOr"


def fold_norms(table: pd.DataFrame) -> pd.DataFrame:
    """Return a `models.layer_table` with every batch norm joined to the layer before it, as “+ BN”."""
    is_norm = table["layer"] == "batch norm"
    rows = table[~is_norm].copy()
    group = (~is_norm).cumsum()
    rows["parameters"] = table.groupby(group)["parameters"].sum().to_numpy()
    normed = is_norm.groupby(group).any().to_numpy()
    rows["layer"] = np.where(normed, rows["layer"] + " + BN", rows["layer"])
    return rows.reset_index(drop=True)


def printed_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return a layer table as it is printed: norms folded in, a last row of totals, thousands separated."""
    rows = fold_norms(table)
    totals = {"part": "total", "layer": "", "output": "", **rows[["parameters", "multiply_adds"]].sum()}
    rows = pd.concat([rows, pd.DataFrame([totals])], ignore_index=True)
    for column in ("parameters", "multiply_adds"):
        rows[column] = rows[column].map("{:,}".format)
    return (
        rows.set_index(["part", "layer"])
        .rename_axis([None, None])
        .rename(columns={"multiply_adds": "multiply-adds"})
    )


@dataclass(frozen=True)
class _Block:
    kind: str
    side: int  # pixels
    channels: int
    label: str


def _blocks(table: pd.DataFrame, image_size: int) -> list[_Block]:
    image = _Block("image", image_size, 1, f"{image_size}²\n1")
    encoder, decoder = (
        [_block(row) for row in fold_norms(table[table["part"] == part]).itertuples()]
        for part in ("encoder", "decoder")
    )
    units = encoder[-1].channels // 2
    latents = [
        _Block("latents", 1, 2 * units, f"μ, σ\n2·{units}"),
        _Block("latents", 1, units, f"z\n{units}"),
    ]
    return [
        image,
        *encoder[:-1],
        *latents,
        *decoder[:-1],
        _Block(decoder[-1].kind, image_size, 1, f"{image_size}²\n1"),
    ]


def _block(row: tuple[Any, ...]) -> _Block:
    if row.layer.startswith("dense"):
        return _Block("dense", 1, int(row.output), f"dense\n{int(row.output):,}")
    side, _, channels = map(int, row.output.split("×"))
    halves = "stride 2" in row.layer
    kind = list(KINDS)[1 if halves else 2]
    return _Block(kind, side, channels, f"{side}²\n{channels}")


SLANT = 0.32
"""Depth of a block as drawn, relative to its height."""


@house_style
def network_diagrams(tables: Mapping[str, pd.DataFrame], image_size: int) -> Figure:
    """Draw each `models.layer_table` as a row of blocks, encoder at the left, decoder at the right.

    A block is what a layer puts out: its height and depth grow with the side of the map in pixels, its
    thickness with the number of channels, both as square roots. Below it: side², channels.
    """
    rows = {title: _placed(_blocks(table, image_size)) for title, table in tables.items()}
    extent = max(right for _, right in rows.values())
    height = WIDTH / extent * 1.85
    figure = HouseFigure(figsize=(WIDTH, height * len(rows) + 0.3), layout="constrained")
    axes = np.atleast_1d(figure.subplots(len(rows), 1))
    for ax, (title, (placed, right)) in zip(axes, rows.items(), strict=True):
        shift = (extent - right) / 2
        for left, block in placed:
            _draw_block(ax, left + shift, block, image_size)
        table = tables[title]
        sums = table[["parameters", "multiply_adds"]].sum()
        cost = f"{sums['parameters']:,} parameters, {sums['multiply_adds'] / 1e6:.1f} million multiply-adds"
        ax.set_title(f"{title}: {cost}", loc="left")
        ax.set(xlim=(0, extent), ylim=(-1.0, 0.5 + SLANT / 2 + 0.05), aspect="equal")
        ax.set_axis_off()
    for kind, color in KINDS.items():
        axes[0].scatter([], [], marker="s", color=color, label=kind)
    one_legend(figure, loc="outside lower center")
    return figure


def _placed(blocks: Sequence[_Block]) -> tuple[list[tuple[float, _Block]], float]:
    """Return each block with its left edge, and the right edge of the row."""
    placed, left = [], 0.02
    for block in blocks:
        thickness, _, depth = _size(block, blocks[0].side)
        placed.append((left, block))
        left += max(thickness + depth + 0.11, 0.42)
    return placed, left


def _size(block: _Block, image_size: int) -> tuple[float, float, float]:
    """Return thickness, height and depth as drawn; the image is 1 high."""
    if block.kind in ("dense", "latents"):
        return 0.07, 0.055 * np.sqrt(block.channels) * 0.6 + 0.05, 0.0
    height = np.sqrt(block.side / image_size)
    return 0.013 * np.sqrt(block.channels), height, SLANT * height


def _draw_block(ax: Axes, left: float, block: _Block, image_size: int) -> None:
    thickness, height, depth = _size(block, image_size)
    bottom, top, right = -height / 2 - depth / 4, height / 2 - depth / 4, left + thickness
    rise = depth / 2
    faces = [
        ([(left, bottom), (right, bottom), (right, top), (left, top)], 0.95),
        ([(left, top), (right, top), (right + depth, top + rise), (left + depth, top + rise)], 0.65),
        ([(right, bottom), (right + depth, bottom + rise), (right + depth, top + rise), (right, top)], 0.4),
    ]
    for corners, alpha in faces:
        ax.add_patch(Polygon(corners, facecolor=KINDS[block.kind], alpha=alpha, lw=0))
    ax.annotate(
        block.label,
        (left + (thickness + depth) / 2, -0.66),
        ha="center",
        va="top",
        fontsize=8,
        linespacing=1.35,
    )


@house_style
def affine_templates(encoder: np.ndarray, decoder: np.ndarray, dims: Sequence[int]) -> Figure:
    """Draw the rows of an encoder's matrix (M, S, S) above the columns of a decoder's (M, S, S), as images.

    Each image has its own symmetric colour scale; `dims` are the 0-based latents in the order to draw.
    """
    images = np.stack([encoder[list(dims)], decoder[list(dims)]])
    scaled = images / np.abs(images).max((2, 3), keepdims=True)
    rows, cols, side, _ = scaled.shape
    figure = HouseFigure(figsize=(WIDTH, WIDTH * 0.93 * rows / cols + 0.5), layout="constrained")
    ax = figure.subplots()
    _signed_sheet(ax, scaled, 1.0)
    ax.set_xticks(np.arange(cols) * (side + 2) + side / 2, [str(dim + 1) for dim in dims])
    ax.set_yticks(np.arange(rows) * (side + 2) + side / 2, ["read by\nthe encoder", "added by\nthe decoder"])
    ax.set_xlabel("latent")
    ax.xaxis.set_label_position("top")
    return figure


def _signed_sheet(ax: Axes, images: np.ndarray, top: float) -> None:
    """Draw images (rows, cols, S, S) with values from −top to top, without axes."""
    cmap = matplotlib.colormaps[DIVERGING]
    sheet = cmap(Normalize(-top, top)(tile(images)))
    ax.imshow(sheet)
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0, labeltop=True, labelbottom=False, labelsize=8)


@house_style
def traversal_differences(
    examples: Mapping[str, np.ndarray], starts: np.ndarray, cosines: Mapping[str, np.ndarray]
) -> Figure:
    """Draw what one step along a latent adds to the logits of a few digits, and how alike these images are.

    `starts` (n, S, S) are the digits, `examples` the added images (n, S, S) of each network; `cosines`
    (M, pairs) are the similarities of the images added at every two digits, a row a latent, likewise.
    """
    side = starts.shape[-1]
    rows = 1 + len(examples)
    figure = HouseFigure(figsize=(WIDTH, 0.62 * rows + 1.0), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1.15, 1])
    blank = np.full_like(starts, np.nan)
    left.imshow(tile(np.stack([starts, *[blank] * len(examples)])), vmin=0, vmax=1)
    added = np.stack([images / np.abs(images).max() for images in examples.values()])
    _signed_sheet(left, np.concatenate([blank[None], added]), 1.0)
    left.set_xticks([])
    left.set_yticks(np.arange(rows) * (side + 2) + side / 2, ["start", *examples])
    latents = np.arange(len(next(iter(cosines.values())))) + 1
    for k, (name, values) in enumerate(cosines.items()):
        offset = 0.18 * (2 * k - len(cosines) + 1)
        low, median, high = np.percentile(values, [2.5, 50, 97.5], axis=1)
        right.vlines(latents + offset, low, high, color=PALETTE[k], lw=2.5, alpha=0.5)
        right.plot(latents + offset, median, ls="", marker="o", ms=5, color=PALETTE[k], label=name)
    right.set(xlabel="latent", ylabel="cosine of added images", xticks=latents, ylim=(-1.05, 1.08))
    right.grid(axis="x", visible=False)
    right.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(cosines), fontsize=8)
    return figure
