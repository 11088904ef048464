"""Statistics in which one trained network, known by its seed, is one observation.

A table has a row a run, with the columns beta, seed and scores. Intervals are of 95 %, and p one-sided.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

DRAWS = 2000
"""Resamples of a bootstrap."""


def mean_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Return the mean of values (S,) with Student's interval: a point where all are equal, NaN for one."""
    if len(values) < 2:
        return float(np.mean(values)), float("nan"), float("nan")
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return float(np.mean(values)), float(np.mean(values) - half), float(np.mean(values) + half)


def resamples(n: int, seed: int = 0) -> np.ndarray:
    """Return `DRAWS` draws with replacement of n observations, indices (D, n)."""
    return np.random.default_rng(seed).integers(n, size=(DRAWS, n))


def ends(draws: np.ndarray) -> tuple[float, float]:
    """Return the 2.5 % and the 97.5 % quantile of a bootstrap's draws."""
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)


def sign_test(holds: np.ndarray) -> float:
    """Return p of so many observations, bool (S,), or more, when each holds with probability one half."""
    return float(stats.binomtest(int(holds.sum()), len(holds), 0.5, alternative="greater").pvalue)


def t_test(values: np.ndarray) -> float:
    """Return p of a mean of 0 or less, from values (S,); 0 or 1 where all are equal."""
    spread = stats.sem(values)
    if spread == 0:
        return float(np.mean(values) <= 0)
    return float(stats.t.sf(np.mean(values) / spread, len(values) - 1))


def replicated_betas(table: pd.DataFrame, least_seeds: int) -> list[float]:
    """Return the values of β with at least so many seeds, in order."""
    seeds = table.groupby("beta")["seed"].nunique()
    return sorted(seeds[seeds >= least_seeds].index)


def block(table: pd.DataFrame, name: str, least_seeds: int) -> np.ndarray:
    """Return a score as (seeds, β): the replicated β, and the seeds that have a run at each of them."""
    rows = table[table["beta"].isin(replicated_betas(table, least_seeds))]
    return rows.pivot(index="seed", columns="beta", values=name).dropna().to_numpy(dtype=float)


def trend_test(values: np.ndarray, rising: bool) -> float:
    """Return p of Page's test that values (seeds, β) rise, or fall, from one β to the next (Page 1963)."""
    return float(stats.page_trend_test(values if rising else -values).pvalue)


def slope(table: pd.DataFrame, name: str) -> float:
    """Return the least-squares slope of a score on ln β, over all runs."""
    return float(
        np.polyfit(np.log(table["beta"].to_numpy(dtype=float)), table[name].to_numpy(dtype=float), 1)[0]
    )


def slope_draws(table: pd.DataFrame, name: str, beside: Sequence[str] = ()) -> np.ndarray:
    """Return the slope of a score on ln β in resamples of the seeds, each with all its runs (D,).

    Least squares on ln β and the columns `beside` it that vary. Resamples that leave the slope open are left
    out: all of them where a column goes with ln β.
    """
    others = [table[column].to_numpy(dtype=float) for column in beside if table[column].nunique() > 1]
    x = np.column_stack([np.ones(len(table)), np.log(table["beta"].to_numpy(dtype=float)), *others])
    y = table[name].to_numpy(dtype=float)
    if np.linalg.matrix_rank(x) < x.shape[1]:
        return np.empty(0)
    seeds, member = np.unique(table["seed"], return_inverse=True)
    weights = np.apply_along_axis(np.bincount, 1, resamples(len(seeds)), minlength=len(seeds))[:, member]
    normal = np.einsum("dn,ni,nj->dij", weights, x, x, optimize=True)
    open_ = np.linalg.matrix_rank(normal) < x.shape[1]
    right = np.einsum("dn,ni,n->di", weights, x, y, optimize=True)
    return np.linalg.solve(normal[~open_], right[~open_][..., None])[:, 1, 0]
