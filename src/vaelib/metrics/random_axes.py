"""The same information in axes that mean nothing: what a score of alignment is compared with."""

from collections.abc import Callable, Iterator

import numpy as np
from scipy.stats import ortho_group
from tqdm import tqdm

from vaelib.errors import InputError
from vaelib.metrics.dependence import ACTIVE_VARIANCE, active_units


def standardised(mu: np.ndarray) -> np.ndarray:
    """Return a code (N, M) with active latents at mean 0 and SD 1 and the others at 0 throughout, float64.

    Active: Var(mu_j) > 0.01. Raises `InputError` for fewer than two active latents, which cannot be turned.
    """
    mu = np.asarray(mu, dtype=float)
    active = active_units(mu)
    if active.sum() < 2:
        raise InputError(
            f"{active.sum()} of {len(active)} latents are active (variance above {ACTIVE_VARIANCE:g}); "
            "a rotation needs 2."
        )
    spread = np.where(active, mu.std(0), 1)
    return np.where(active, (mu - mu.mean(0)) / spread, 0)


def haar_rotations(mu: np.ndarray, n: int, seed: int = 0) -> Iterator[np.ndarray]:
    """Yield n random turns (N, M) of a code's standardised active latents, from the Haar measure of O(A).

    Latents that are not active stay 0, so that M is what it was. The first of more draws are the same.
    Raises `InputError` as `standardised` does, before the first draw.
    """
    z = standardised(mu)
    active = np.ptp(z, axis=0) > 0
    rng = np.random.default_rng(seed)

    def turns() -> Iterator[np.ndarray]:
        for _ in range(n):
            turned = np.zeros_like(z)
            turned[:, active] = z[:, active] @ ortho_group.rvs(int(active.sum()), random_state=rng)
            yield turned

    return turns()


def haar_null(
    score: Callable[[np.ndarray], float], mu: np.ndarray, n: int = 200, seed: int = 0, progress: bool = True
) -> np.ndarray:
    """Return the scores (n,) of the same information in axes that mean nothing: those of n `haar_rotations`.

    Compare with `score(standardised(mu))`. Raises `InputError` for fewer than two active latents.
    """
    turns = haar_rotations(mu, n, seed)
    bar = tqdm(turns, desc="random rotations", total=n, leave=False, disable=not progress)
    return np.array([float(score(turned)) for turned in bar])


def p_value(observed: float, null: np.ndarray) -> float:
    """Return the one-sided p of a score under its null (n,): (1 + #{null ≥ observed}) / (1 + n).

    Never below 1/(1 + n) (Phipson & Smyth 2010); NaN where the score or one of the null is.
    """
    null = np.asarray(null, dtype=float)
    if np.isnan(observed) or np.isnan(null).any():
        return float("nan")
    return float((1 + (null >= observed).sum()) / (1 + len(null)))
