"""Verdicts on one setting: what several seeds of a network at one β say of a claim, by rules fixed before.

A table has a row a run: arch, beta, seed, latent_dim, the scores of `scoring` and udr. p is that of the
hypothesis that the claim is false, so that a small one speaks for the claim. Runs whose scores are undefined
do not count, unless that is an answer: of a network with no active latent, none is disentangled and none
holds the angle.

Fixed before the numbers of the profile `published` were seen. After those of a smaller scale had been, C1, C2
and C4 were changed: each says how.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from vaelib.metrics import statistics
from vaelib.metrics.dependence import ACTIVE_VARIANCE
from vaelib.scores.latent_profile import VISIBLE

VERDICTS = SUPPORTED, REFUTED, UNDECIDED = ("supported", "refuted", "undecided")

LEAST_SEEDS = 3
MOST, FEW = 0.8, 0.2
"""Shares of seeds that count as all and as none: four of five, one of five."""

COUNTS = {"active_variance": "by variance", "active_kl": "by KL", "active_energy": "visible"}
FEW_DIMENSIONS = (2, 4)

AXES = ("haar_mig_excess", "haar_sap_excess", "haar_eta2_interaction_mean_excess")
"""How much better a code's own axes are than random ones, in SDs of these; SAP stands in for DCI, of which a
null is too dear to draw."""
BEYOND = 2.0
"""SDs of random axes above which own axes are better than they: some 2 % of random ones are."""
LINKED = 0.3
"""Mean share of interaction in the rotation sweep above which angle and digit are linked."""

WEAK = -0.5 * float(np.log(1 - 0.3**2))
"""Nats that two normal variables of correlation 0.3 share, 0.047: below, two latents depend weakly."""
DISENTANGLED = 0.5
MARGIN, NAMED = 0.2, 0.7
"""P of the best transform less that of the second, and the share of latents that need as much."""

NOT_INFORMED, INFORMED = 0.3, 0.5
"""R² of the angle from all latents: below the first it is not there, from the second it is."""
NOT_ISOLATED, CAPTURED = 0.5, 0.7
"""RIS: below the first no latent has the angle for itself, from the second one has."""
ENOUGH = 2
"""Of three definitions, how many decide."""


@dataclass(frozen=True)
class Verdict:
    """What the runs say of a claim: in a word, in a line, and in numbers; NaN where there is none."""

    verdict: str
    finding: str
    effect: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    n: int = 0  # seeds
    p: float = float("nan")
    per_seed: tuple[float, ...] = ()

    @classmethod
    def of(cls, verdict: str, finding: str, effects: np.ndarray, p: float) -> "Verdict":
        """Return a verdict with the mean of the effects of several seeds and its interval."""
        values = np.asarray(effects, dtype=float)
        mean, low, high = statistics.mean_interval(values)
        return cls(verdict, finding, mean, low, high, len(values), p, tuple(values.tolist()))


def few_dimensions(cell: pd.DataFrame) -> Verdict:
    """C1: only 3 latents vary. A seed shows it when it has 3 ± 1 of them by two of three definitions.

    The definitions: Var(mu) > 0.01, KL > 0.05 nats, traversal energy > 0.05. Supported when four of five
    seeds show it, refuted when at most one of five does. The effect is the mean over seeds of the middle
    count; p is that of a sign test. (Changed: the medians over seeds decided, and left no doubt.)
    """
    cell = defined(cell, COUNTS)
    counts = cell[list(COUNTS)].to_numpy(dtype=float)
    middle = np.median(counts, axis=1)
    if short := _too_few(cell, middle):
        return short
    least, most = FEW_DIMENSIONS
    shown = ((counts >= least) & (counts <= most)).sum(1) >= ENOUGH
    means = ", ".join(f"{m:.3g} {how}" for m, how in zip(counts.mean(0), COUNTS.values(), strict=True))
    finding = f"few in {shown.sum()} of {len(cell)} seeds; means: {means}"
    return Verdict.of(_by_share(shown), finding, middle, statistics.sign_test(shown))


def linked(cell: pd.DataFrame) -> Verdict:
    """C2: the factors are linked. Supported when axes are like random ones, and digits turn differently.

    Each digit responds to the angle in its own way: the interval of the mean share of interaction lies above
    0.3. Axes are like random ones: the interval of how much better they are, the mean of MIG, SAP and
    interaction in SDs of the same code in random axes, lies below 2. Refuted when the first lies below 0.3
    or the second above 2. The effect is the share; p is the larger of both t-tests. (Changed: failing to
    reject that axes are random, with tests of a power that hung on the number of images, decided.)
    """
    cell = defined(cell, [*AXES, "eta2_interaction_mean"])
    shares = cell["eta2_interaction_mean"].to_numpy(dtype=float)
    if short := _too_few(cell, shares):
        return short
    better = cell[list(AXES)].to_numpy(dtype=float).mean(1)
    _, low, high = statistics.mean_interval(shares)
    excess, least, most = statistics.mean_interval(better)
    if low > LINKED and most < BEYOND:
        verdict = SUPPORTED
    elif high < LINKED or least > BEYOND:
        verdict = REFUTED
    else:
        verdict = UNDECIDED
    finding = f"axes better than random ones by {excess:+.1f} [{least:+.1f}, {most:+.1f}] of their SDs"
    p = max(statistics.t_test(shares - LINKED), statistics.t_test(BEYOND - better))
    return Verdict.of(verdict, finding, shares, p)


def every_dimension(cell: pd.DataFrame) -> Verdict:
    """C3: all latents are responsible for a variation. Supported when all are in four of five seeds.

    Those that are: Var(mu_j) > 0.01 and traversal energy > 0.05. Refuted when all are in one of five seeds
    at most. The effect is their mean number; p is that of a sign test.
    """
    cell = defined(cell, ["variance_per_dim", "energy_per_dim"])
    variance, energy = (_lists(cell, name) for name in ("variance_per_dim", "energy_per_dim"))
    able = [(v > ACTIVE_VARIANCE) & (e > VISIBLE) for v, e in zip(variance, energy, strict=True)]
    working = np.array([own.sum() for own in able], dtype=float)
    if short := _too_few(cell, working):
        return short
    every = working == cell["latent_dim"].to_numpy()
    finding = f"all latents work in {every.sum()} of {len(cell)} seeds"
    return Verdict.of(_by_share(every), finding, working, statistics.sign_test(every))


def one_each(cell: pd.DataFrame) -> Verdict:
    """C4: independent latents, one variation each. Supported when both hold in four of five seeds.

    Independent: no two active latents share as much as normal variables of correlation 0.3 do, by
    histograms, and none is a linear function of the others. One variation each: DCI's D above 0.5, and for
    seven of ten latents a transform that explains 0.2 more than the next. Refuted when either holds in one
    of five seeds at most; "decorrelated, not disentangled" when the first holds. The effect is D; p is that
    of a sign test. (Changed: the mean over pairs, in which one pair is lost, decided.)
    """
    silent = {"dci_d": 0.0, "pairwise_information_max": 0.0, "collinear": 0.0, "name_margin": []}
    cell = defined(_with_silent(cell, silent), [*silent, "latent_dim"])
    d = cell["dci_d"].to_numpy(dtype=float)
    if short := _too_few(cell, d):
        return short
    largest = cell["pairwise_information_max"].to_numpy(dtype=float)
    independent = (largest < WEAK) & (cell["collinear"].to_numpy(dtype=float) == 0)
    distinct = np.array([(margin > MARGIN).sum() for margin in _lists(cell, "name_margin")])
    named = (d > DISENTANGLED) & (distinct >= NAMED * cell["latent_dim"].to_numpy())
    both = independent & named
    finding = f"independent in {independent.sum()}, one variation each in {named.sum()} of {len(cell)} seeds"
    if independent.mean() >= MOST and named.mean() <= FEW:
        finding = f"decorrelated, not disentangled: {finding}"
    verdict = REFUTED if min(independent.mean(), named.mean()) <= FEW else _by_share(both)
    return Verdict.of(verdict, finding, d, statistics.sign_test(both))


def rotation(cell: pd.DataFrame) -> Verdict:
    """C5: rotation is not captured. By the intervals over seeds of R² of the angle and of RIS, one of:

    "not informed" (R² below 0.3) and "informed, not isolated" (R² from 0.5, RIS below 0.5), which support
    it; "captured" (RIS from 0.7), which refutes it; "between", undecided. The effect is RIS; p is that of a
    t-test of a RIS of 0.7 or more.
    """
    silent = {"angle_r2": 0.0, "ris": 0.0}
    cell = defined(_with_silent(cell, silent), silent)
    r2, ris = (cell[name].to_numpy(dtype=float) for name in ("angle_r2", "ris"))
    if short := _too_few(cell, ris):
        return short
    (informed, r2_low, r2_high), (_, low, high) = map(statistics.mean_interval, (r2, ris))
    if r2_high < NOT_INFORMED:
        verdict, what = SUPPORTED, "not informed"
    elif r2_low >= INFORMED and high < NOT_ISOLATED:
        verdict, what = SUPPORTED, "informed, not isolated"
    elif low >= CAPTURED:
        verdict, what = REFUTED, "captured"
    else:
        verdict, what = UNDECIDED, "between"
    finding = f"{what}: R² {informed:.2f} [{r2_low:.2f}, {r2_high:.2f}]"
    return Verdict.of(verdict, finding, ris, statistics.t_test(CAPTURED - ris))


def defined(table: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    return table[table[list(names)].notna().all(axis=1)]


def _with_silent(table: pd.DataFrame, scores: dict[str, Any]) -> pd.DataFrame:
    """Return the table with these scores where no latent is active, of which they are undefined otherwise."""
    table, silent = table.copy(), table["active_variance"] == 0
    for name, score in scores.items():
        table[name] = [score if dead else own for dead, own in zip(silent, table[name], strict=True)]
    return table


def _lists(table: pd.DataFrame, name: str) -> list[np.ndarray]:
    """Return a score with a number a latent, NaN where one is undefined."""
    return [np.array(values, dtype=float) for values in table[name]]


def _by_share(holds: np.ndarray) -> str:
    return SUPPORTED if holds.mean() >= MOST else REFUTED if holds.mean() <= FEW else UNDECIDED


def _too_few(cell: pd.DataFrame, effects: np.ndarray) -> Verdict | None:
    """Return the verdict of fewer than three seeds, with their mean; None when there are enough."""
    if len(cell) >= LEAST_SEEDS:
        return None
    mean = float(np.mean(effects)) if len(cell) else float("nan")
    finding = f"needs >= {LEAST_SEEDS} seeds, has {len(cell)}"
    return Verdict(UNDECIDED, finding, mean, n=len(cell), per_seed=tuple(effects.tolist()))
