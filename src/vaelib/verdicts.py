"""Verdicts on one setting: what several seeds of a network at one β say of a claim, by rules fixed before.

A table has a row a run: arch, beta, seed, latent_dim, the scores of `scoring` and udr. p is that of the
hypothesis that the claim is false, so that a small one speaks for the claim. Runs whose scores are undefined
do not count.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from vaelib.metrics import replicates

VERDICTS = SUPPORTED, REFUTED, UNDECIDED = ("supported", "refuted", "undecided")

LEAST_SEEDS = 3
MOST, FEW = 0.8, 0.2
"""Shares of seeds that count as all and as none: four of five, one of five."""

COUNTS = {"active_variance": "by variance", "active_kl": "by KL", "active_energy": "seen"}
FEW_DIMENSIONS = (2, 4)
ACTIVE_VARIANCE, SEEN = 0.01, 0.05

AXIS_TESTS = ("haar_mig_p", "haar_sap_p", "haar_eta2_interaction_mean_p")
"""p of a code's own axes among random ones; SAP stands in for DCI, which is too dear to draw a null of."""
CHANCE = 0.05
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


def few_dimensions(cell: pd.DataFrame) -> Verdict:
    """C1: only 3 latents vary. Supported when the median count over seeds is 3 ± 1 by two of 3 definitions.

    The definitions: Var(mu) > 0.01, KL > 0.05 nats, traversal energy > 0.05. Refuted otherwise. The effect
    is the median over seeds of the middle count, with its bootstrap interval; p is that of a sign test.
    """
    cell = defined(cell, COUNTS)
    counts = cell[list(COUNTS)].to_numpy(dtype=float)
    if short := _too_few(cell, np.median(counts, axis=1)):
        return short
    medians, middle = np.median(counts, axis=0), np.median(counts, axis=1)
    least, most = FEW_DIMENSIONS
    agreeing = ((medians >= least) & (medians <= most)).sum()
    return Verdict(
        SUPPORTED if agreeing >= ENOUGH else REFUTED,
        "medians: " + ", ".join(f"{m:g} {how}" for m, how in zip(medians, COUNTS.values(), strict=True)),
        float(np.median(middle)),
        *replicates.ends(np.median(middle[replicates.resamples(len(middle))], axis=1)),
        len(cell),
        replicates.sign_test(((counts >= least) & (counts <= most)).sum(1) >= ENOUGH),
    )


def linked(cell: pd.DataFrame) -> Verdict:
    """C2: the factors are linked. Supported when axes are no better than random, and digits turn differently.

    Within a run, axes are better than random when the least p of MIG, SAP and interaction, times three, is
    at most 0.05. Supported: they are not in four of five seeds, and the mean share of interaction (each
    digit responds to the angle in its own way) is above 0.3. Refuted: they are better in four of five, or
    the interval of the share lies below 0.3. The effect is that share; p is that of a sign test.
    """
    cell = defined(cell, [*AXIS_TESTS, "eta2_interaction_mean"])
    shares = cell["eta2_interaction_mean"].to_numpy(dtype=float)
    if short := _too_few(cell, shares):
        return short
    random = len(AXIS_TESTS) * cell[list(AXIS_TESTS)].to_numpy(dtype=float).min(1) > CHANCE
    mean, low, high = replicates.mean_interval(shares)
    if random.mean() >= MOST and mean > LINKED:
        verdict = SUPPORTED
    elif random.mean() <= FEW or high < LINKED:
        verdict = REFUTED
    else:
        verdict = UNDECIDED
    finding = f"axes no better than random ones in {random.sum()} of {len(cell)} seeds"
    p = replicates.sign_test(random & (shares > LINKED))
    return Verdict(verdict, finding, mean, low, high, len(cell), p)


def every_dimension(cell: pd.DataFrame) -> Verdict:
    """C3: all latents are responsible for a variation. Supported when all are in four of five seeds.

    Those that are: Var(mu_j) > 0.01 and traversal energy > 0.05. Refuted when all are in one of five seeds
    at most. The effect is their mean number; p is that of a sign test.
    """
    cell = defined(cell, ["variance_per_dim", "energy_per_dim"])
    variance, energy = (_lists(cell, name) for name in ("variance_per_dim", "energy_per_dim"))
    able = [(v > ACTIVE_VARIANCE) & (e > SEEN) for v, e in zip(variance, energy, strict=True)]
    working = np.array([own.sum() for own in able], dtype=float)
    if short := _too_few(cell, working):
        return short
    every = working == cell["latent_dim"].to_numpy()
    finding = f"all latents work in {every.sum()} of {len(cell)} seeds"
    interval = replicates.mean_interval(working)
    return Verdict(_by_share(every), finding, *interval, len(cell), replicates.sign_test(every))


def one_each(cell: pd.DataFrame) -> Verdict:
    """C4: independent latents, one variation each. Supported when both hold in four of five seeds.

    Independent: two latents share less than normal variables of correlation 0.3 do, by histograms on average
    and by the normal total correlation a pair. One variation each: DCI's D above 0.5, and for seven of ten
    latents a transform that explains 0.2 more than the next. Refuted when either holds in one of five seeds
    at most; "decorrelated, not disentangled" when the first holds. The effect is D; p is that of a sign test.
    """
    cell = defined(cell, ["gaussian_tc", "pairwise_information", "dci_d", "name_margin", "active_variance"])
    d = cell["dci_d"].to_numpy(dtype=float)
    if short := _too_few(cell, d):
        return short
    active = cell["active_variance"].to_numpy(dtype=float)
    a_pair = cell["gaussian_tc"].to_numpy(dtype=float) / (active * (active - 1) / 2)
    independent = np.maximum(a_pair, cell["pairwise_information"].to_numpy(dtype=float)) < WEAK
    distinct = np.array([(margin > MARGIN).sum() for margin in _lists(cell, "name_margin")])
    named = (d > DISENTANGLED) & (distinct >= NAMED * cell["latent_dim"].to_numpy())
    both = independent & named
    finding = f"independent in {independent.sum()}, one variation each in {named.sum()} of {len(cell)} seeds"
    if independent.mean() >= MOST and named.mean() <= FEW:
        finding = f"decorrelated, not disentangled: {finding}"
    verdict = REFUTED if min(independent.mean(), named.mean()) <= FEW else _by_share(both)
    return Verdict(verdict, finding, *replicates.mean_interval(d), len(cell), replicates.sign_test(both))


def rotation(cell: pd.DataFrame) -> Verdict:
    """C5: rotation is not captured. By the intervals over seeds of R² of the angle and of RIS, one of:

    "not informed" (R² below 0.3) and "informed, not isolated" (R² from 0.5, RIS below 0.5), which support
    it; "captured" (RIS from 0.7), which refutes it; "between", undecided. The effect is RIS; p is that of a
    t-test of a RIS of 0.7 or more.
    """
    cell = defined(cell, ["angle_r2", "ris"])
    r2, ris = (cell[name].to_numpy(dtype=float) for name in ("angle_r2", "ris"))
    if short := _too_few(cell, ris):
        return short
    (informed, r2_low, r2_high), (isolated, low, high) = map(replicates.mean_interval, (r2, ris))
    if r2_high < NOT_INFORMED:
        verdict, what = SUPPORTED, "not informed"
    elif r2_low >= INFORMED and high < NOT_ISOLATED:
        verdict, what = SUPPORTED, "informed, not isolated"
    elif low >= CAPTURED:
        verdict, what = REFUTED, "captured"
    else:
        verdict, what = UNDECIDED, "between"
    finding = f"{what}: R² {informed:.2f} [{r2_low:.2f}, {r2_high:.2f}]"
    return Verdict(verdict, finding, isolated, low, high, len(cell), replicates.t_test(CAPTURED - ris))


def defined(table: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    return table[table[list(names)].notna().all(axis=1)]


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
    return Verdict(UNDECIDED, f"needs >= {LEAST_SEEDS} seeds, has {len(cell)}", mean, n=len(cell))
