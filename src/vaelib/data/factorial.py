"""Images made under control: test digits of which one thing, or five things at once, is changed at will."""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.ndimage import grey_dilation, grey_erosion
from torch import Tensor
from torch.nn.functional import grid_sample

from vaelib.data.dataset import evenly, render
from vaelib.data.mnist import Digits, load_mnist
from vaelib.errors import InputError

CROSSED = ("digit", "angle", "thickness", "shear", "scale")

ANGLES = 13
"""Angles of the factorial set: every 15 degrees within ±90."""
THICKNESS = (-0.4, 0.0, 0.4)
"""Radius by which strokes are eroded or dilated, pixels of the 28: they change by twice as much, ±0.8."""
SHEAR = (-0.25, 0.0, 0.25)
"""Tangent of the added slant, positive to the right: ±14°, one SD of handwriting's own slant."""
SCALE = (0.85, 1.0, 1.15)

FINE = 5
"""Enlargement before strokes are eroded. Odd, so that pixel centres are on the fine grid, and a bilinear
sample of the enlarged image is exactly that of the image."""


@dataclass(frozen=True, eq=False)
class Sweep:
    """I digits at A angles each; images in the order digit 1 at all angles, digit 2 at all angles, …"""

    images: Tensor  # uint8 (I·A, 1, S, S)
    angles: np.ndarray  # (A,), degrees, counter-clockwise
    index: np.ndarray  # (I,), of the digit in the MNIST test file
    digit: np.ndarray  # (I,), its class

    @property
    def described(self) -> dict[str, Any]:
        """What decides the images, as plain values: the same on every machine, where a pixel may differ."""
        angles = [round(float(angle), 6) for angle in self.angles]
        return {"size": self.images.shape[-1], "angles": angles, "digits": self.index.tolist()}

    def layout(self, rows: np.ndarray) -> np.ndarray:
        """Return what was measured on the images, (I·A, …), as a two-way layout (I, A, …)."""
        return rows.reshape(len(self.index), len(self.angles), *rows.shape[1:])


@dataclass(frozen=True, eq=False)
class FactorialSet:
    """Every digit in every cell of angle × thickness × shear × scale, digit by digit, scale fastest.

    `levels` counts from 0 and has a column a name; that of "digit" is the class. `values` holds what each
    level stands for. The digits of one class are further replicates of each of its cells.
    """

    images: Tensor  # uint8 (N, 1, S, S)
    levels: np.ndarray  # int (N, K)
    names: tuple[str, ...]  # (K,)
    values: dict[str, np.ndarray]
    index: np.ndarray  # (N,), of the digit in the MNIST test file

    def __len__(self) -> int:
        return len(self.levels)

    @property
    def factors(self) -> pd.DataFrame:
        """What the levels of each image stand for: the class as an integer, the others as floats."""
        return pd.DataFrame({name: self.values[name][self.levels[:, k]] for k, name in enumerate(self.names)})

    @property
    def inner(self) -> np.ndarray:
        """Which images look most like those of training, bool (N,): a smaller set, fully crossed as well.

        Angles in the inner half of their range, and of three levels the plain one with that of the other two
        of which trained networks rebuild more: dilated, sheared to the left (it sets slanted digits upright),
        reduced.
        """
        chosen = {
            "angle": np.abs(self.values["angle"]) <= np.abs(self.values["angle"]).max() / 2,
            "thickness": self.values["thickness"] >= 0,
            "shear": self.values["shear"] <= 0,
            "scale": self.values["scale"] <= 1,
        }
        return np.logical_and.reduce([chosen[n][self.levels[:, self.names.index(n)]] for n in chosen])


def fixed_digits(n_per_class: int) -> tuple[Digits, np.ndarray]:
    """Return the same n digits of each class for everyone, class by class, and their index in the test file.

    They lie at equal distances in the list of their class, because the second half of MNIST's test file is
    harder to read than the first. No network is ever trained on that file. Raises `InputError` for fewer
    than one digit a class or more than the rarest class has.
    """
    digits = load_mnist("test")
    of_class = [np.flatnonzero(digits.labels == c) for c in range(10)]
    most = min(map(len, of_class))
    if not 1 <= n_per_class <= most:
        raise InputError(
            f"n_per_class {n_per_class} is refused; accepted: 1 to {most}, what the rarest class has."
        )
    index = np.concatenate([own[evenly(len(own), n_per_class)] for own in of_class])
    return Digits(digits.images[index], digits.labels[index]), index


def rotation_sweep(size: int, n_per_class: int = 50, step: float = 5, limit: float = 90) -> Sweep:
    """Return n test digits a class, each rendered by `data.render` at −limit, −limit + step, … limit degrees.

    Only the angle differs between the images of a digit: no class, writer or ink is confounded with it.
    The default, 500 digits at 37 angles, takes 76 MB at 64 pixels. Raises `InputError` for a size below 8,
    a limit outside ]0, 180], and a step that does not divide it.
    """
    _check_size(size)
    _check_limit(limit)
    if not 0 < step <= limit or not np.isclose(limit / step, round(limit / step)):
        raise InputError(
            f"step {step:g} is refused with limit {limit:g}; accepted: a divisor of the limit, "
            "so that 0 and both ends are among the angles."
        )
    digits, index = fixed_digits(n_per_class)
    turns = round(limit / step)
    angles = np.arange(-turns, turns + 1) * (limit / turns)
    images = render(np.repeat(digits.images, len(angles), axis=0), np.tile(angles, len(index)), size)
    return Sweep(images, angles, index, digits.labels.astype(np.int64))


def factorial_set(size: int, n_per_class: int = 10, limit: float = 90) -> FactorialSet:
    """Return n test digits a class in all 13 × 3 × 3 × 3 cells of angle, thickness, shear and scale.

    The angles are at equal distances from −limit to limit, degrees; of a limit of 180, whose ends would be
    the same image, they are the middles of 13 equal parts of the circle. A digit is enlarged `FINE` times,
    its strokes are eroded, left alone or dilated there, and one bilinear resampling shears, scales and turns
    it (in this order) at its final size: all cells pass through the same steps, so that blur tells nothing of
    the angle (gradient energy equal within 0.5 %). With the plain levels the image is that of
    `data.render`, up to one grey level of rounding. Thick, sheared and large digits reach the edge: no cell
    loses more than 2 % of its ink. The default, 35,100 images, takes 144 MB at 64 pixels. Raises
    `InputError` for a size below 8, a limit outside ]0, 180], and as `fixed_digits` does.
    """
    _check_size(size)
    _check_limit(limit)
    digits, index = fixed_digits(n_per_class)
    strokes = _strokes(digits.images)
    furthest = limit if limit < 180 else 180 * (1 - 1 / ANGLES)
    angles = furthest * np.arange(-(ANGLES // 2), ANGLES // 2 + 1) / (ANGLES // 2)
    cells = (len(angles), len(THICKNESS), len(SHEAR), len(SCALE))
    images = torch.empty((len(index), *cells, size, size), dtype=torch.uint8)
    for (a, angle), (h, shear), (c, scale) in itertools.product(
        enumerate(angles), enumerate(SHEAR), enumerate(SCALE)
    ):
        moved = grid_sample(strokes, _grid(angle, shear, scale, size), mode="bilinear", align_corners=False)
        images[:, a, :, h, c] = moved.round().to(torch.uint8).reshape(len(index), len(THICKNESS), size, size)
    levels = np.indices((len(index), *cells)).reshape(len(cells) + 1, -1)
    levels[0], index = digits.labels[levels[0]], index[levels[0]]
    values = (np.arange(10), angles, *(np.array(v, dtype=float) for v in (THICKNESS, SHEAR, SCALE)))
    return FactorialSet(
        images.reshape(-1, 1, size, size), levels.T, CROSSED, dict(zip(CROSSED, values, strict=True)), index
    )


def _strokes(images: np.ndarray) -> Tensor:
    """Return images (N, H, H) enlarged, with each thickness: float32 (1, N · levels, FINE·H, FINE·H)."""
    side = images.shape[-1]
    source = torch.from_numpy(images.astype(np.float32))[None]
    fine = grid_sample(source, _grid(0, 0, 1, FINE * side), mode="bilinear", align_corners=False)[0].numpy()
    out = np.empty((len(images), len(THICKNESS), *fine.shape[1:]), dtype=np.float32)
    for level, pixels in enumerate(THICKNESS):
        radius = round(FINE * abs(pixels))
        y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
        disc = (x**2 + y**2 <= radius**2)[None]
        change = grey_erosion if pixels < 0 else grey_dilation
        out[:, level] = change(fine, footprint=disc, mode="constant") if radius else fine
    return torch.from_numpy(out).reshape(1, -1, *fine.shape[1:])


def _grid(angle: float, shear: float, scale: float, size: int) -> Tensor:
    """Return where each pixel of the result looks, (1, size, size, 2), from −1 to 1 over the edges.

    The digit is sheared, scaled, then turned; so x_in = shear⁻¹ scale⁻¹ R(−angle) x_out, y down the page.
    """
    centres = (2 * torch.arange(size, dtype=torch.float64) + 1) / size - 1
    y, x = centres[:, None], centres[None, :]
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    across, down = (cos * x - sin * y) / scale, (sin * x + cos * y) / scale
    return torch.stack([across + shear * down, down], dim=-1).float()[None]


def _check_limit(limit: float) -> None:
    if not 0 < limit <= 180:
        raise InputError(f"a range of ±{limit:g} degrees is refused; accepted: above 0 and up to 180.")


def _check_size(size: int) -> None:
    if not (isinstance(size, int) and size >= 8):
        raise InputError(f"size {size!r} is refused; accepted: a whole number of pixels, 8 or more.")
