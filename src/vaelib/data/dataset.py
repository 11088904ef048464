"""Images and their factors: MNIST digits, upright and rotated, split by source digit."""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import grid_sample

from vaelib.data.mnist import load_mnist
from vaelib.errors import InputError, check_choice
from vaelib.spec import RunSpec

CHUNK = 256
"""Images rendered at a time: their 64x64 sampling grid takes 8 MB."""

SPLIT_FILE = {"train": "train", "val": "train", "test": "test"}
FILE_STREAM = {"train": 0, "test": 1}
"""Random streams of a data seed, one a file, so that neither depends on the size of the other."""
ORDERS, TURNS, FRESH_TURNS = 0, 1, 2
"""Streams of a file; that of fresh turns has one an epoch."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and the factors they were made from, row for row."""

    images: torch.Tensor  # uint8 (N, 1, S, S)
    factors: pd.DataFrame  # index (of the digit in its MNIST file), digit, angle (degrees), rotated

    def __len__(self) -> int:
        return len(self.images)


def render(images: np.ndarray, angles: np.ndarray, size: int) -> torch.Tensor:
    """Rotate uint8 images (N,H,H) by `angles` (N,), resize to `size`, return uint8 (N,1,size,size).

    Angles are degrees, counter-clockwise as seen on the page. Rotation and resizing are one bilinear
    resampling, x_in = R(-angle) x_out in coordinates from -1 to 1 over the image's edges, and angle 0
    goes through it too: a rotated image is not blurred once more than an upright one (gradient energy
    equal within 0.4 % at 32 and 64 pixels; only at size H, where angle 0 is an exact copy, are small turns
    17 % softer). Outside is black. Sizes below H are sampled, not averaged. Raises `InputError` for images
    that are not uint8 (N,H,H), or another number of angles.
    """
    images, angles = np.asarray(images), np.asarray(angles, dtype=np.float64)
    if images.dtype != np.uint8 or images.ndim != 3 or angles.shape != images.shape[:1]:
        raise InputError(
            f"{images.dtype} images {images.shape} with angles {angles.shape} are refused; "
            "accepted: uint8 images (N, H, H) with angles (N,)."
        )
    out = torch.empty((len(images), 1, size, size), dtype=torch.uint8)
    _render_into(out, images, angles)
    return out


def _render_into(out: torch.Tensor, images: np.ndarray, angles: np.ndarray) -> None:
    """Fill `out` with the images; nothing here sums over pixels, so the bytes do not depend on threads."""
    radians = np.deg2rad(angles)
    cosines, sines = (torch.from_numpy(f(radians)).float() for f in (np.cos, np.sin))
    for start in range(0, len(images), CHUNK):
        part = slice(start, start + CHUNK)
        source = torch.from_numpy(images[part].astype(np.float32))[:, None]
        out[part] = _resample(source, cosines[part], sines[part], out.shape[-1]).round().to(torch.uint8)


def _resample(
    source: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, size: int, outside: str = "zeros"
) -> torch.Tensor:
    """Return images (B, 1, H, H) turned by the angles (B,) of these cosines and sines, at another size."""
    centres = (2 * torch.arange(size, device=source.device) + 1) / size - 1
    y, x = centres[:, None], centres[None, :]
    cos, sin = cos[:, None, None], sin[:, None, None]
    grid = torch.stack([cos * x - sin * y, sin * x + cos * y], dim=-1)
    return grid_sample(source, grid, mode="bilinear", padding_mode=outside, align_corners=False)


def turned(x: torch.Tensor, degrees: torch.Tensor, outside: str = "zeros") -> torch.Tensor:
    """Return images (B, 1, S, S) turned by angles (B,), degrees counter-clockwise, as `render` turns them.

    The images are resampled once more, which softens those that were turned before. `outside` them is 0,
    or with "border" what is at their edge, as logits need it.
    """
    radians = torch.deg2rad(degrees)
    return _resample(x, radians.cos(), radians.sin(), x.shape[-1], outside)


def evenly(total: int, most: int) -> np.ndarray:
    """Return indices spread evenly over `total` rows, at most so many, rising.

    >>> evenly(10, 4).tolist(), evenly(3, 4).tolist()
    ([0, 2, 5, 7], [0, 1, 2])
    """
    n = min(total, most)
    return np.arange(n) * total // n


def as_float(images: torch.Tensor) -> torch.Tensor:
    """Return uint8 pixels as float32 in [0, 1]: the only place where pixels are scaled."""
    return images.float() / 255


def load_split(spec: RunSpec, split: str) -> Dataset:
    """Return the `"train"`, `"val"` or `"test"` images of a run: upright ones first, then rotated ones.

    The splits are by source digit. A data seed orders the digits of each file once: training takes the
    first n_train - n_val of the 60,000, validation the last n_val, the test set the first n_test of the
    10,000. As n_val <= 5,000 and n_train - n_val <= 55,000, no run validates on a digit that another run
    of the same data seed was trained on. Angles are drawn for all digits of a file at once, uniform in
    ±rotation_range degrees, so a digit's angle does not depend on n_train. Raises `InputError` for an unknown
    split.
    """
    check_choice("split", split, SPLIT_FILE)
    digits = load_mnist(SPLIT_FILE[split])
    order, turns = _draw(spec.data_seed, SPLIT_FILE[split], len(digits.labels))
    chosen = _choose(spec, split, order)
    halves = {"both": (False, True), "upright": (False,), "rotated": (True,)}[spec.images]
    factors = pd.concat(
        [
            pd.DataFrame(
                {
                    "index": chosen,
                    "digit": digits.labels[chosen].astype(np.int64),
                    "angle": turns[chosen] * spec.rotation_range if rotated else 0.0,
                    "rotated": rotated,
                }
            )
            for rotated in halves
        ],
        ignore_index=True,
    )
    images = torch.empty((len(factors), 1, spec.image_size, spec.image_size), dtype=torch.uint8)
    for half, angles in zip(
        images.split(len(chosen)), np.split(factors["angle"].to_numpy(), len(halves)), strict=True
    ):
        _render_into(half, digits.images[chosen], angles)
    return Dataset(images, factors)


def with_fresh_angles(dataset: Dataset, spec: RunSpec, epoch: int) -> Dataset:
    """Return training images of which the rotated ones are turned anew, by (data_seed, epoch) alone."""
    digits = load_mnist("train")
    stream = [spec.data_seed, FILE_STREAM["train"], FRESH_TURNS, epoch]
    turns = np.random.default_rng(stream).uniform(-1, 1, len(digits.labels))
    factors, images = dataset.factors.copy(), dataset.images.clone()
    rotated = factors["rotated"].to_numpy()
    chosen = factors["index"].to_numpy()[rotated]
    factors.loc[rotated, "angle"] = turns[chosen] * spec.rotation_range
    start = int(np.argmax(rotated))  # upright ones come first
    _render_into(images[start:], digits.images[chosen], factors["angle"].to_numpy()[rotated])
    return Dataset(images, factors)


def _draw(data_seed: int, file: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the order (n,) of a file's digits, and of each digit its turn (n,), uniform in [-1, 1)."""
    orders = np.random.default_rng([data_seed, FILE_STREAM[file], ORDERS])
    turns = np.random.default_rng([data_seed, FILE_STREAM[file], TURNS])
    return orders.permutation(n), turns.uniform(-1, 1, n)


def _choose(spec: RunSpec, split: str, order: np.ndarray) -> np.ndarray:
    """Return a split's source digits: training from the front of the order, validation from its end."""
    return {
        "train": order[: spec.n_train - spec.n_val],
        "val": order[len(order) - spec.n_val :],
        "test": order[: spec.n_test],
    }[split]


def checksum(dataset: Dataset) -> str:
    """Return the SHA-256 of the images and of the factor table: equal datasets, equal checksums."""
    digest = hashlib.sha256(dataset.images.numpy().data)
    for name, column in dataset.factors.items():
        digest.update(str(name).encode())
        digest.update(np.ascontiguousarray(column.to_numpy()).data)
    return digest.hexdigest()
