"""Grids of images: digits, reconstructions, samples, traversals."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from vaelib.plots.style import INK, WIDTH, HouseFigure, house_style


def tile(images: np.ndarray, gap: int = 2) -> np.ndarray:
    """Return images (rows, cols, S, S) as one image with `gap` transparent pixels (NaN) between them."""
    rows, cols, height, width = images.shape
    sheet = np.full((rows * (height + gap) - gap, cols * (width + gap) - gap), np.nan)
    for r in range(rows):
        for c in range(cols):
            sheet[r * (height + gap) :, c * (width + gap) :][:height, :width] = images[r, c]
    return sheet


@house_style
def image_grid(
    images: np.ndarray,
    row_labels: Sequence[str] = (),
    col_labels: Sequence[str] = (),
    title: str = "",
    width: float = WIDTH,
) -> Figure:
    """Draw images (rows, cols, S, S) with values in [0, 1] as a grid; labels at the left and on top."""
    rows, cols, side, _ = images.shape
    figure = HouseFigure(figsize=(width, width * rows / cols + 0.4), layout="constrained")
    ax = figure.subplots()
    ax.imshow(tile(images), vmin=0, vmax=1)
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0, labeltop=True, labelbottom=False, labelsize=8)
    centres = np.arange(max(rows, cols)) * (side + 2) + side / 2
    ax.set_xticks(centres[: len(col_labels)], col_labels)
    ax.set_yticks(centres[: len(row_labels)], row_labels)
    ax.set_title(title, color=INK)
    return figure
