"""What does a latent do to the image? Its traversal compared with a dictionary of simple transforms."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, vstack

from vaelib.errors import InputError
from vaelib.metrics.inputs import latent_index
from vaelib.metrics.probes import mean_square_distance

GRIDS = {
    "rotation": np.arange(-90.0, 91, 3),  # degrees, counter-clockwise
    "thickness": np.arange(-10, 11) / 10,  # pixels of a 28-pixel digit, added at each side of a stroke
    "shear": np.arange(-12, 13) / 20,  # tangent of the slant added, positive to the right
    "width": np.arange(-40.0, 61, 4),  # per cent, about the centre
    "height": np.arange(-40.0, 61, 4),  # per cent, about the centre
}
"""The transforms and their steps; the step 0 of each is the image itself."""

UNNAMED, STILL = "unnamed", "still"
LEAST_P = 0.3
"""A latent of which no transform explains this much has no name."""
LEAST_MOVE = 1e-3
"""Mean change of the image, in units of the distance of two images, below which a latent is still."""

Decode = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Dictionary:
    """Latents (rows, numbered from 1) against transforms (columns of each table).

    p: the share of the change that the transform explains, its step chosen for every image. common: the
    same with one step for all images at a move. steps (J, D, T): that common step, in the transform's
    unit. per_sd: slope through 0 of steps on moves. monotone: whether steps never turn back as the
    latent rises, and are not all 0. move (J,): mean change, in units of two images' distance. Of a latent
    at rest all is NaN but its move.
    """

    p: pd.DataFrame
    common: pd.DataFrame
    steps: np.ndarray
    per_sd: pd.DataFrame
    monotone: pd.DataFrame
    move: pd.Series

    @property
    def names(self) -> pd.Series:
        """The transform of the largest p (J,); "unnamed" below `LEAST_P`, "still" for a latent at rest."""
        largest = self.p.fillna(0).idxmax(axis=1).where(self.p.max(axis=1) >= LEAST_P, UNNAMED)
        return largest.where(self.p.notna().any(axis=1), STILL)

    @property
    def margin(self) -> pd.Series:
        """By how much the largest p exceeds the second (J,); NaN for a latent at rest."""
        ordered = np.sort(self.p.to_numpy(), axis=1)
        return pd.Series(ordered[:, -1] - ordered[:, -2], index=self.p.index)


def moved_images(
    decode: Decode, z: np.ndarray, moves: np.ndarray, sd: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return images before (N, S, S) and after (M, D, N, S, S) moving each latent of z (N, M) by D moves.

    `decode` takes latents (K, M) to images (K, S, S) in [0, 1]; moves (D,) are in standard
    deviations `sd` (M,) of the latents.
    """
    z = np.asarray(z, dtype=float)
    before = decode(z)
    after = np.empty((z.shape[1], len(moves), *before.shape), dtype=np.float32)
    for j, step in enumerate(sd):
        for d, move in enumerate(moves):
            there = z.copy()
            there[:, j] += move * step
            after[j, d] = decode(there)
    return before, after


def transform_dictionary(before: np.ndarray, after: np.ndarray, moves: np.ndarray) -> Dictionary:
    """Compare what J latents do to N images with rotation, thickness, shear, width and height.

    P_j = 1 − Σ min_t ‖g(z + δ e_j) − T_t g(z)‖² / Σ ‖g(z + δ e_j) − g(z)‖², sums over images and moves δ, t
    over the steps of `GRIDS`. As T_0 g(z) = g(z), P is never below 0; 1: the latent does this transform and
    nothing else. `before` (N, S, S) holds g(z), `after` (J, D, N, S, S) holds g(z + δ e_j) for moves δ (D,),
    in standard deviations. Turning, shearing and scaling are one bilinear resampling about the centre, black
    outside; thickness is grey dilation or erosion by a disc, between two discs a blend of both. NaN for a
    latent that moves images by less than `LEAST_MOVE`.

    Transforms overlap: a small turn of a tall digit is close to a shear, which then has a large P as well;
    see `Dictionary.margin`. Raises `InputError` for arrays of other shapes, or a move of 0.
    """
    before, after = np.asarray(before, dtype=np.float32), np.asarray(after, dtype=np.float32)
    moves = np.asarray(moves, dtype=float)
    _check(before, after, moves)
    n, (j, d) = len(before), after.shape[:2]
    change = (after - before).reshape(j * d, n, -1).transpose(1, 2, 0)
    total = (change.astype(float) ** 2).sum((0, 1)).reshape(j, d)
    move = total.mean(1) / n / mean_square_distance(before.astype(float))
    still = ~(move >= LEAST_MOVE)
    p, common, found = {}, {}, []
    for name, grid in GRIDS.items():
        gain = _gain(_transformed(name, grid, before), before, change).reshape(n, len(grid), j, d)
        together = gain.sum(0)
        p[name] = _share(gain.max(1).sum((0, 2)), total.sum(1), still)
        common[name] = _share(together.max(0).sum(1), total.sum(1), still)
        found.append(grid[together.argmax(0)])
    steps = np.where(still[:, None, None], np.nan, np.stack(found, axis=-1))
    order = np.argsort(moves)
    rise = np.diff(steps[:, order], axis=1)
    turns = (rise >= 0).all(1) | (rise <= 0).all(1)
    latents, transforms = latent_index(j), list(GRIDS)
    return Dictionary(
        pd.DataFrame(p, index=latents),
        pd.DataFrame(common, index=latents),
        steps,
        pd.DataFrame(np.einsum("jdt,d->jt", steps, moves) / (moves**2).sum(), latents, transforms),
        pd.DataFrame(turns & (steps != 0).any(1) & ~still[:, None], latents, transforms),
        pd.Series(move, index=latents),
    )


def _gain(transformed: np.ndarray, before: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Return ‖change‖² − ‖change − (T_t g − g)‖² of N images, T steps and K changes: (N, T, K).

    Exactly 0 for the step 0. From differences with g, as small as the changes: single precision is enough.
    """
    out = np.empty((len(before), transformed.shape[1], change.shape[2]))
    for i, (steps, image, own) in enumerate(zip(transformed, before, change, strict=True)):
        turn = steps - image.ravel()
        out[i] = 2 * (turn @ own) - (turn**2).sum(1)[:, None]
    return out


def _share(gain: np.ndarray, total: np.ndarray, still: np.ndarray) -> np.ndarray:
    return np.minimum(np.divide(gain, total, out=np.full(total.shape, np.nan), where=~still), 1)


def _transformed(name: str, grid: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Return images (N, S, S) after each step of a transform, float32 (N, T, S·S)."""
    n, side, _ = images.shape
    if name == "thickness":
        return np.stack([_thickened(images, t * side / 28) for t in grid], axis=1).reshape(n, len(grid), -1)
    resample = vstack([_resampling(_backwards(name, t), side) for t in grid])
    moved = resample @ images.reshape(n, -1).T
    return np.ascontiguousarray(moved.T.reshape(n, len(grid), -1))


def _backwards(name: str, t: float) -> np.ndarray:
    """Return the matrix (2, 2) from a place (x, y) of the result to where it looks, y down the page."""
    if name == "rotation":
        cos, sin = np.cos(np.deg2rad(t)), np.sin(np.deg2rad(t))
        return np.array([[cos, -sin], [sin, cos]])
    if name == "shear":
        return np.array([[1, t], [0, 1]])
    factor = 1 / (1 + t / 100)
    return np.diag([factor, 1.0] if name == "width" else [1.0, factor])


def _resampling(backwards: np.ndarray, side: int) -> csr_array:
    """Return the sparse matrix (S·S, S·S) that resamples an image bilinearly about its centre."""
    centre = (side - 1) / 2
    down, across = np.indices((side, side)).reshape(2, -1) - centre
    x, y = backwards @ np.stack([across, down]) + centre
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    rows, columns, weights = [], [], []
    for dx, dy in itertools.product((0, 1), repeat=2):
        across, down = left + dx, top + dy
        weight = (1 - np.abs(x - across)) * (1 - np.abs(y - down))
        inside = (weight > 0) & (np.minimum(across, down) >= 0) & (np.maximum(across, down) < side)
        rows.append(np.flatnonzero(inside))
        columns.append((down * side + across)[inside])
        weights.append(weight[inside].astype(np.float32))
    places = (np.concatenate(rows), np.concatenate(columns))
    return csr_array((np.concatenate(weights), places), shape=(side**2, side**2))


def _thickened(images: np.ndarray, radius: float) -> np.ndarray:
    """Return images (N, S, S) dilated by a disc of `radius` pixels, or eroded where it is negative.

    A disc holds the pixels at most its radius away, so that it only grows at radii 1, √2, 2, √5 …; between
    two of these the results are blended.
    """
    if radius < 0:
        return -_thickened(-images, -radius)
    reach = int(np.ceil(radius))
    squares = sorted({x**2 + y**2 for x in range(reach + 1) for y in range(reach + 1)})
    above = next(k for k, s in enumerate(squares) if s >= radius**2 - 1e-9)
    if above == 0:
        return images
    low, high = np.sqrt(squares[above - 1]), np.sqrt(squares[above])
    share = np.float32((radius - low) / (high - low))
    return (1 - share) * _dilated(images, squares[above - 1]) + share * _dilated(images, squares[above])


def _dilated(images: np.ndarray, square: int) -> np.ndarray:
    """Return the maximum over the disc x² + y² ≤ `square` around each pixel; beyond the edge is the edge."""
    reach, side = int(np.sqrt(square)), images.shape[-1]
    padded = np.pad(images, ((0, 0), (reach, reach), (reach, reach)), mode="edge")
    out = images.copy()
    for y in range(-reach, reach + 1):
        for x in range(-reach, reach + 1):
            if 0 < x**2 + y**2 <= square:
                np.maximum(out, padded[:, reach + y :, reach + x :][:, :side, :side], out=out)
    return out


def _check(before: np.ndarray, after: np.ndarray, moves: np.ndarray) -> None:
    if before.ndim != 3 or len(before) < 2 or before.shape[1] != before.shape[2]:
        raise InputError(f"images {before.shape} are refused; accepted: (N, S, S), two or more.")
    if after.ndim != 5 or after.shape[2:] != before.shape or moves.shape != after.shape[1:2]:
        raise InputError(
            f"moved images {after.shape} with {moves.size} moves are refused; "
            f"accepted: (latents, moves, {', '.join(map(str, before.shape))})."
        )
    if not moves.all():
        raise InputError(
            "a move of 0 is refused: it changes nothing; accepted: numbers of standard deviations."
        )
