"""Scores that hold a factor fixed and vary the others: only for images of every combination of levels.

Holding a factor in a dataset as it came would also hold all that goes with it, so a set that is not fully
crossed is refused.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from vaelib.errors import InputError, check_choice
from vaelib.metrics.arithmetic import ratio
from vaelib.metrics.inputs import Factor, Factors, latent_index, read_codes, read_factors

LEAST_SD = 0.05
"""Standard deviation of mu below which a latent casts no vote: it would vary least whatever is held."""
SPREADS = ("max", "q99")


@dataclass(frozen=True, eq=False)
class Design:
    """A fully crossed set: every combination of levels on the same number of images.

    rows (combinations, copies): the images of each combination, in C order of the levels; sizes (K,):
    the levels of each factor.
    """

    rows: np.ndarray
    sizes: tuple[int, ...]

    def draw(self, levels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return an image of each combination (…, K) → (…,), any of its copies with equal probability."""
        cells = np.ravel_multi_index(tuple(np.moveaxis(levels, -1, 0)), self.sizes)
        return self.rows[cells, rng.integers(self.rows.shape[1], size=cells.shape)]

    def random_levels(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """Return combinations drawn uniformly, (*shape, K)."""
        return rng.integers(self.sizes, size=(*shape, len(self.sizes)))


def read_design(factors: list[Factor]) -> Design:
    """Return how the images are crossed; raise `InputError` unless all combinations occur equally often."""
    sizes = tuple(factor.size for factor in factors)
    if len(factors) < 2:
        raise InputError(f"only factor {factors[0].name!r} is given; holding one needs two factors or more.")
    n, combinations = len(factors[0].levels), math.prod(sizes)
    crossed = " × ".join(f"{factor.size} {factor.name}" for factor in factors)
    if combinations > n:
        raise InputError(
            f"the images are not fully crossed: {n} cannot show all {combinations} combinations of "
            f"{crossed}; accepted: each equally often. Use a factorial set."
        )
    cells = np.ravel_multi_index(tuple(factor.levels for factor in factors), sizes)
    counts = np.bincount(cells, minlength=combinations)
    if counts.min() != counts.max():
        raise InputError(
            f"the images are not fully crossed: combinations of {crossed} occur {counts.min()} to "
            f"{counts.max()} times; accepted: each equally often. Use a factorial set."
        )
    return Design(np.argsort(cells, kind="stable").reshape(combinations, -1), sizes)


def _read(codes: np.ndarray, factors: Factors, active: np.ndarray | None) -> tuple[np.ndarray, Design]:
    codes = read_codes(codes, active)
    # Every value is a level here: binning a quantity would join combinations that were made different.
    return codes, read_design(read_factors(factors, len(codes), bins=len(codes)))


def factor_vae_score(
    codes: np.ndarray,
    factors: Factors,
    active: np.ndarray | None = None,
    votes: int = 800,
    batch: int = 64,
    seed: int = 0,
) -> float:
    """Return how often the latent that varies least tells which factor was held (Kim & Mnih 2018).

    A vote: draw a factor, hold it at a random level in `batch` images whose other levels are random, and
    note argmin_j Var_batch(z_j) / Var(z_j). `votes` votes give every latent the factor it was noted for
    most often, and as many new ones are scored against it: standard error below 0.018 for 800. Latents with
    a standard deviation below `LEAST_SD` cast no vote, so that scaling a code down to there changes it.
    1: perfect; chance is 1/K. NaN where no latent may vote. Raises `InputError` for bad input or a set that
    is not fully crossed.
    """
    codes, design = _read(codes, factors, active)
    codes = codes[:, codes.std(0) >= LEAST_SD]
    if codes.shape[1] == 0:
        return float("nan")
    rng = np.random.default_rng(seed)

    def cast() -> np.ndarray:
        held = rng.integers(len(design.sizes), size=votes)
        levels = design.random_levels((votes, batch), rng)
        which = np.arange(votes)
        levels[which, :, held] = levels[which, 0, held][:, None]
        variances = codes[design.draw(levels, rng)].var(1) / codes.var(0)
        counts = np.zeros((codes.shape[1], len(design.sizes)))
        np.add.at(counts, (variances.argmin(1), held), 1)
        return counts

    factor_of = cast().argmax(1)
    scored = cast()
    return float(scored[np.arange(len(factor_of)), factor_of].sum() / votes)


def beta_vae_score(
    codes: np.ndarray,
    factors: Factors,
    active: np.ndarray | None = None,
    votes: int = 2000,
    pairs: int = 64,
    seed: int = 0,
) -> float:
    """Return how well a linear classifier tells which factor two images share (Higgins et al. 2017).

    A point: draw a factor, draw `pairs` pairs of images that share its level, each pair a new one, their
    other levels random, and average |z − z'| over the pairs (M,). Logistic regression on `votes`
    standardised points, accuracy on as many new ones. 1: perfect; chance is 1/K. A rotated code may score 1
    all the same: the classifier sees all latents. Raises `InputError` for bad input or a set that is not
    fully crossed.
    """
    codes, design = _read(codes, factors, active)
    rng = np.random.default_rng(seed)

    def points() -> tuple[np.ndarray, np.ndarray]:
        held = rng.integers(len(design.sizes), size=votes)
        one, other = (design.random_levels((votes, pairs), rng) for _ in range(2))
        which = np.arange(votes)
        other[which, :, held] = one[which, :, held]
        return np.abs(codes[design.draw(one, rng)] - codes[design.draw(other, rng)]).mean(1), held

    fitted, held = points()
    scored, truth = points()
    scale = np.where(fitted.std(0) > 0, fitted.std(0), 1)
    model = LogisticRegression(max_iter=1000).fit(fitted / scale, held)
    return float((model.predict(scored / scale) == truth).mean())


@dataclass(frozen=True, eq=False)
class Robustness:
    """How little a latent moves while one factor is held and the others change (Suter et al. 2019).

    matrix (M, K): 1 − E_k / E of each latent and factor; weights (M,): E, the spread of each latent; both 0
    for constant latents, which are not counted in `active`. Rows are latents numbered from 1.
    """

    matrix: pd.DataFrame
    weights: pd.Series

    @property
    def active(self) -> int:
        """The number of latents that vary."""
        return int((self.weights > 0).sum())

    @property
    def score(self) -> float:
        """IRS = Σ_j w_j max_k matrix_jk / Σ_j w_j: 1 if every latent follows one factor only."""
        return float((self.weights * self.matrix.max(axis=1)).sum() / self.weights.sum())


def irs(
    codes: np.ndarray, factors: Factors, spread: str = "q99", active: np.ndarray | None = None
) -> Robustness:
    """Return the interventional robustness of each latent to all factors but one.

    E_k: |z − E[z | v_k]| at its 99 % quantile within each level, averaged over levels. E, by which it is
    divided: |z − E z| at its maximum (max: the public implementation) or at its 99 % quantile (q99). With
    the maximum, noise that follows nothing scores 0.3, as its largest of many values lies far beyond 99 %;
    with q99 it scores near 0, and it can be slightly negative. The public implementation also sums the
    values of the active latents where it means to count them; that count is `active` here. The spread of a
    latent is its weight, so scaling single latents changes the score. Raises `InputError` for bad input or
    a set that is not fully crossed.
    """
    check_choice("spread", spread, SPREADS)
    codes = read_codes(codes, active)
    table = read_factors(factors, len(codes), bins=len(codes))
    read_design(table)
    deviations = np.abs(codes)
    weights = deviations.max(0) if spread == "max" else np.quantile(deviations, 0.99, axis=0)
    matrix = {}
    for factor in table:
        groups = [codes[factor.levels == level] for level in range(factor.size)]
        moved = np.mean([np.quantile(np.abs(z - z.mean(0)), 0.99, axis=0) for z in groups], axis=0)
        matrix[factor.name] = 1 - ratio(moved, weights, 1)
    index = latent_index(codes.shape[1])
    return Robustness(pd.DataFrame(matrix, index=index), pd.Series(weights, index=index))
