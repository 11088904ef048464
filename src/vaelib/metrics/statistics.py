"""Statistics in which one trained network, known by its seed, is one observation; values read off curves.

Intervals are of 95 %, Student's over seeds, and p one-sided. No bootstrap: of three seeds its nominal 95 %
cover the truth four times in five.
"""

from functools import cache

import numpy as np
import pandas as pd
from scipy import stats


def mean_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Return the mean of values (S,) with Student's interval: a point where all are equal, NaN for one."""
    if len(values) < 2:
        return float(np.mean(values)), float("nan"), float("nan")
    mean, n = float(np.mean(values)), len(values)
    half = _students(n - 1) * float(np.std(values, ddof=1)) / n**0.5
    return mean, mean - half, mean + half


@cache
def _students(degrees: int) -> float:
    """Return the 97.5 % quantile of Student's t."""
    return float(stats.t.ppf(0.975, degrees))


def sign_test(holds: np.ndarray) -> float:
    """Return p of so many observations, bool (S,), or more, when each holds with probability one half."""
    return float(stats.binomtest(int(holds.sum()), len(holds), 0.5, alternative="greater").pvalue)


def t_test(values: np.ndarray) -> float:
    """Return p of a mean of 0 or less, from values (S,); 1 for one that is undefined.

    Where all are equal, and Student's t would be infinite, that of their signs (`sign_test`).
    """
    if np.isnan(values).any():
        return 1.0
    spread = stats.sem(values)
    if spread == 0:
        return sign_test(np.asarray(values) > 0)
    return float(stats.t.sf(np.mean(values) / spread, len(values) - 1))


def by_seed(table: pd.DataFrame, names: list[str]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the values of β above 0 that all seeds share (B,), and each score of `names` there, (S, B).

    `table` has a row a run, with the columns beta, seed and scores; β without a score of every seed are left
    out, as is β = 0, which has no logarithm.
    """
    rows = table[table["beta"] > 0]
    pivots = {name: rows.pivot(index="seed", columns="beta", values=name) for name in names}
    shared = np.logical_and.reduce([pivot.notna().all() for pivot in pivots.values()])
    betas = rows["beta"].drop_duplicates().sort_values().to_numpy(dtype=float)[shared]
    return betas, {name: pivot.loc[:, shared].to_numpy(dtype=float) for name, pivot in pivots.items()}


def slopes(betas: np.ndarray, values: np.ndarray, beside: np.ndarray | None = None) -> np.ndarray:
    """Return each seed's least-squares slope on ln β (S,), of values (S, B).

    With `beside` (S, B), its slope at an equal value of that: both are regressed on, where it varies. NaN
    where ln β and `beside` go together, or points are too few.
    """
    return np.array(
        [_slope(np.log(betas), own, None if beside is None else beside[s]) for s, own in enumerate(values)]
    )


def _slope(x: np.ndarray, y: np.ndarray, beside: np.ndarray | None) -> float:
    columns = [np.ones_like(x), x]
    if beside is not None and np.ptp(beside) > 0:
        columns.append(beside)
    design = np.column_stack(columns)
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return float("nan")
    return float(np.linalg.lstsq(design, y, rcond=None)[0][1])


def between_points(x: np.ndarray, y: np.ndarray, at: float) -> float:
    """Return y at one place, linear between points (K,) in any order of x; NaN outside their range.

    >>> between_points(np.array([4.0, 0.0]), np.array([10.0, 30.0]), 1.0)
    25.0
    """
    order = np.argsort(x)
    return float(np.interp(at, np.asarray(x)[order], np.asarray(y)[order], left=np.nan, right=np.nan))


def crossing(x: np.ndarray, y: np.ndarray, level: float) -> float:
    """Return the first x at which y, linear between its points, rises to `level`; NaN when it never does.

    >>> crossing(np.array([0.0, 10.0, 20.0]), np.array([0.0, 1.0, 3.0]), 2.0)
    15.0
    """
    above = np.flatnonzero(y >= level)
    if len(above) == 0:
        return float("nan")
    k = above[0]
    return float(np.interp(level, y[k - 1 : k + 1], x[k - 1 : k + 1])) if k else float(x[0])
