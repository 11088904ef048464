"""Six factors of a handwritten digit that nobody chose: thickness, slant, width, height, length, area."""

import functools
import hashlib
import io
import logging
import multiprocessing
import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.ndimage import distance_transform_edt
from skimage.morphology import skeletonize
from tqdm import tqdm

from vaelib.data.mnist import SHA256, SPLITS, cache_folder, load_mnist
from vaelib.errors import DamagedError, InputError, check_choice
from vaelib.files import only_writer, write_atomic

log = logging.getLogger(__name__)

MORPHOLOGY = ("thickness", "slant", "width", "height", "length", "area")

RECIPE = 1
"""Raised whenever `measure` would give other numbers, so that no cache of the old ones is used."""

SCALE = 4
CUT = 0.01
"""Share of the mass that is left out at either end of width and height, 2 % together."""
CHUNK = 250
"""Digits measured at a time, about a third of a second of work; their enlarged images take 29 MB."""


FIX = "name a folder with 10 MB of room, or set XDG_CACHE_HOME to one"
"""What helps when the table cannot be written."""


def measure(images: np.ndarray, progress: bool = True, workers: int | None = None) -> pd.DataFrame:
    """Return the six factors of digits, uint8 (N, H, H), after Morpho-MNIST (Castro et al. 2019).

    A row an image, the columns `MORPHOLOGY`, float64. From grey values
    above the image's darkest, as masses m of square pixels (y runs down the page):

    - slant, degrees: arctan(−mu11 / mu02), with mu11 = Σ m (x−x̄)(y−ȳ) / Σ m and mu02 = Σ m (y−ȳ)² / Σ m
      + 1/12, the last term a square's own. Positive leans right, as italics do ("/"); turning a digit
      counter-clockwise makes it smaller.
    - height, pixels: from the line with 1 % of the mass above it to the one with 1 % below it.
    - width, pixels: the same, from left to right, after a shear by the slant has set the digit upright. So
      height and width are those of the parallelogram that leans with the digit, along y and along x.

    From the ink, which is the image enlarged four times (bicubic, Keys 1981) where it is at least halfway
    between its darkest and its lightest pixel:

    - area, square pixels: that of the ink.
    - length, pixels: of the ink's skeleton (thinned to lines of one enlarged pixel, Zhang & Suen 1984); steps
      to the side count 1, diagonal ones √2. Strokes end half a thickness short, and those between the
      eight directions come out longer, by 8 % at most.
    - thickness, pixels: twice the mean distance from the skeleton to the nearest pixel off the ink.

    Castro et al. take the medial axis, which grows a branch to every bump of a stroke, breaks ties by chance
    and takes 25 times as long. Over the 10,000 test digits, their table and this one correlate by at least
    0.997 in slant, width, height and area, 0.992 in thickness and 0.979 in length.

    The rows do not depend on the number of processes, `workers`; left out, one a core. With 1, or no more
    than 250 images, everything happens in this one; with more, a script that calls this needs the guard
    `if __name__ == "__main__"`. Raises `InputError` for images of another kind, and for an image of one
    grey, naming it, before work starts.
    """
    images = np.asarray(images)
    if workers is not None and workers < 1:
        raise InputError(f"workers {workers} is refused; accepted: 1 or more, or None for one a core.")
    _check(images)
    chunks = [images[start : start + CHUNK] for start in range(0, len(images), CHUNK)]
    workers = min(workers or os.cpu_count() or 1, len(chunks))
    with tqdm(total=len(images), desc="factors", unit="digit", leave=False, disable=not progress) as bar:
        if workers <= 1:
            rows = _followed(map(_measure_chunk, chunks), bar)
        else:
            # Started afresh: a fork of a process that has threads (torch, a notebook's kernel) may hang.
            with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
                rows = _followed(pool.map(_measure_chunk, chunks), bar)
    return pd.DataFrame(np.concatenate([np.empty((0, len(MORPHOLOGY))), *rows]), columns=MORPHOLOGY)


def morphometrics(
    split: str, indices: np.ndarray, folder: Path | None = None, progress: bool = True
) -> pd.DataFrame:
    """Return the factors of the digits at `indices` (N,) of the `"train"` or `"test"` file, in that order.

    What has been measured is cached in `folder`, by default beside MNIST in the cache, in one table a file of
    digits and version of the recipe: only digits new to it are measured. The table is verified by checksum
    and made anew where it is damaged; of two processes at once, one measures and the other waits. Raises
    `InputError` for an unknown split, for indices that the file does not have, or when the table cannot be
    written.
    """
    check_choice("split", split, SPLITS)
    images = load_mnist(split).images
    indices = np.asarray(indices)
    if indices.ndim != 1 or (indices.size and not np.issubdtype(indices.dtype, np.integer)):
        raise InputError(f"{indices.dtype} indices {indices.shape} are refused; accepted: integers (N,).")
    outside = indices[(indices < 0) | (indices >= len(images))]
    if outside.size:
        raise InputError(f"{split} digit {outside[0]} does not exist; accepted: 0 to {len(images) - 1}.")
    path = _table_path(split, folder or cache_folder())
    wanted = pd.Index(indices.astype(np.int64))
    table = _read(path)
    if not wanted.isin(table.index).all():
        with only_writer(path.with_name(f".{path.name}.lock"), fix=FIX):
            table = _completed(_read(path), wanted, images, progress)
            _write(path, table)
    return table.loc[wanted].reset_index(drop=True)


def _check(images: np.ndarray) -> None:
    """Raise `InputError` unless these are uint8 images (N, H, H) of more than one grey."""
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1] != images.shape[2]:
        raise InputError(f"{images.dtype} {images.shape} is refused; accepted: uint8 images (N, H, H).")
    plain = np.flatnonzero(images.min((1, 2), initial=255) >= images.max((1, 2), initial=0))
    if plain.size:
        raise InputError(f"image {plain[0]} has no ink, its pixels are all alike; leave it out.")


def _followed(chunks: Iterable[np.ndarray], bar: tqdm) -> list[np.ndarray]:
    rows = []
    for chunk in chunks:
        rows.append(chunk)
        bar.update(len(chunk))
    return rows


def _measure_chunk(images: np.ndarray) -> np.ndarray:
    """Return the factors (N, 6) of images (N, H, H)."""
    mass = images.astype(np.int64) - images.min((1, 2), keepdims=True)
    enlarge = _enlargement(images.shape[-1])
    ink = 2 * (enlarge @ mass @ enlarge.T) >= mass.max((1, 2), keepdims=True)
    rows = []
    for one_mass, one_ink in zip(mass, ink, strict=True):
        slant, width, height = _parallelogram(one_mass)
        skeleton = skeletonize(one_ink)
        thickness = 2 * distance_transform_edt(one_ink)[skeleton].mean() / SCALE
        rows.append((thickness, slant, width, height, _length(skeleton) / SCALE, one_ink.sum() / SCALE**2))
    return np.array(rows)


@functools.cache
def _enlargement(side: int) -> np.ndarray:
    """Return the matrix (4(H+2), H) that enlarges H pixels four times, with a black pixel added at both ends.

    Keys' cubic kernel, a = −1/2. Its weights have few binary digits, so that the sums are exact: the ink is
    the same on every machine and wherever the digit stands. Cubic splines are exact in neither sense.
    """
    centres = (np.arange(SCALE * (side + 2)) + 0.5) / SCALE - 1.5
    t = np.abs(centres[:, None] - np.arange(side))
    near, far = 1.5 * t**3 - 2.5 * t**2 + 1, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
    return np.where(t < 1, near, np.where(t < 2, far, 0.0))


def _parallelogram(mass: np.ndarray) -> tuple[float, float, float]:
    """Return slant (degrees), width and height of integer masses (H, H), as `measure` defines them."""
    y, x = np.nonzero(mass)
    m = mass[y, x]
    total, sum_x, sum_y = m.sum(), (m * x).sum(), (m * y).sum()
    # Integers up to the division: the slant is the same, to the last digit, wherever the digit stands.
    mu11 = total * (m * x * y).sum() - sum_x * sum_y
    mu02 = total * (m * y * y).sum() - sum_y**2 + total**2 / 12
    shear = mu11 / mu02
    return -np.degrees(np.arctan(shear)), _extent(x - shear * y, m), _extent(y, m)


def _extent(place: np.ndarray, mass: np.ndarray) -> float:
    """Return the length between 1 % and 99 % of masses that each spread evenly over place ± 1/2."""
    ends = np.r_[place - 0.5, place + 0.5]
    order = np.argsort(ends)
    ends = ends[order]
    density = np.cumsum(np.r_[mass, -mass][order])
    below = np.r_[0, np.cumsum(density[:-1] * np.diff(ends))]
    low, high = np.interp([CUT * mass.sum(), (1 - CUT) * mass.sum()], below, ends)
    return high - low


def _length(skeleton: np.ndarray) -> float:
    """Return the length of lines one pixel wide: 1 a step to the side, √2 a diagonal one."""
    s = skeleton
    straight = (s[1:] & s[:-1]).sum() + (s[:, 1:] & s[:, :-1]).sum()
    a, b, c, d = s[:-1, :-1], s[:-1, 1:], s[1:, :-1], s[1:, 1:]
    diagonal = (a & d & ~(b | c)).sum() + (b & c & ~(a | d)).sum()
    return straight + np.sqrt(2) * diagonal


def _table_path(split: str, folder: Path) -> Path:
    images = f"{SPLITS[split]}-images-idx3-ubyte"
    return Path(folder) / f"{SPLITS[split]}-factors-{SHA256[images][:12]}-recipe{RECIPE}.csv"


def _completed(table: pd.DataFrame, wanted: pd.Index, images: np.ndarray, progress: bool) -> pd.DataFrame:
    """Return the table with the wanted digits that it lacks."""
    new = wanted.difference(table.index)
    measured = measure(images[new], progress).set_index(new)
    return pd.concat([table, measured]).sort_index()


def _read(path: Path) -> pd.DataFrame:
    """Return the table of the file, a row a digit; one without rows where it is missing or damaged."""
    try:
        seal, _, body = path.read_bytes().decode().partition("\n")
        if seal != _seal(path, body):
            raise DamagedError(f"{path} is damaged")
        rows = np.loadtxt(io.StringIO(body), delimiter=",", skiprows=1, ndmin=2)
        return pd.DataFrame(rows[:, 1:], columns=MORPHOLOGY, index=rows[:, 0].astype(np.int64))
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError, DamagedError) as error:
        log.warning("%s; measuring its digits again", error)
    return pd.DataFrame(columns=MORPHOLOGY, index=pd.Index([], dtype=np.int64), dtype=np.float64)


def _write(path: Path, table: pd.DataFrame) -> None:
    body = table.to_csv(index_label="index")
    try:
        write_atomic(path, f"{_seal(path, body)}\n{body}")
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}); {FIX}.") from error


def _seal(path: Path, body: str) -> str:
    """Return a table's first line: it fits no other table, and not this one under another file's name."""
    digest = hashlib.sha256(f"{path.name}\n{body}".encode())
    return f"# SHA-256 of name and table: {digest.hexdigest()}"
