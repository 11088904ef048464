"""Codes whose scores are known beforehand, and what each metric makes of them.

Five independent factors of equally likely levels and ten latents. The table is the specification of the
metrics: the tests hold them to it, and a page can print it.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from vaelib.errors import check_choice
from vaelib.metrics.importance import dci
from vaelib.metrics.information import aam, mig, modularity, mutual_information
from vaelib.metrics.prediction import explicitness, sap, single_latent_scores
from vaelib.metrics.sampling import beta_vae_score, factor_vae_score, irs
from vaelib.metrics.udr import udr

Cases: TypeAlias = dict[str, tuple[np.ndarray, np.ndarray]]
"""Codes (N, 10) and levels (N, 5) by case."""

LEVELS = 20
CROSSED_LEVELS = 6
INFORMATIVE = {"perfect": 5, "pair": 5, "rotation": 5, "duplicate": 6, "noise": 0, "dead": 5}
"""Cases, and how many of their latents (the first ones) hold anything of a factor."""


class Expected(NamedTuple):
    """A score known beforehand and how far an estimate may lie from it."""

    value: float
    tolerance: float


def _row(
    perfect: float, pair: float, duplicate: float, noise: float, tolerance: float, rotation: Expected
) -> dict[str, Expected]:
    """Return what one metric makes of the cases; a dead latent in place of a noisy one changes nothing."""
    values = {"perfect": perfect, "pair": pair, "duplicate": duplicate, "noise": noise, "dead": perfect}
    return {name: Expected(value, tolerance) for name, value in values.items()} | {"rotation": rotation}


NAN = float("nan")
# Tolerances are three standard deviations over seeds, and no less than the bias that an estimator keeps. A
# random rotation has no value of its own: mean and about three standard deviations over ten of them.
EXPECTED: dict[str, dict[str, Expected]] = {
    # The gap closes for the factors of the pair, and for the one in two latents. Noise: 0.0013 nats of ln 20.
    "MIG": _row(1, 3 / 5, 4 / 5, 0, 0.003, Expected(0.11, 0.13)),
    # What the correction leaves of the bias counts once for each of nine latents: 0.006 in all.
    "AAM": _row(1, 3 / 5, 4 / 5, NAN, 0.01, Expected(0.30, 0.35)),
    # A latent of the pair tells two of five factors alike: 1 − 1/4.
    "modularity": _row(1, (3 + 2 * 3 / 4) / 5, 1, NAN, 0.01, Expected(0.90, 0.11)),
    # Blind to rotations: the regression sees all latents.
    "explicitness": _row(1, 1, 1, 1 / 2, 0.025, Expected(1, 0.025)),
    # The larger of two equal R² of 500 images is 0.03 ahead by chance.
    "SAP": _row(1, 3 / 5, 4 / 5, 0, 0.03, Expected(0.26, 0.20)),
    "best line R², worst factor": _row(1, 1 / 2, 1, 0, 0.05, Expected(0.43, 0.22)),
    # Two latents or two factors alike: 1 − ln 2/ln 5 of K = 5, 1 − ln 2/ln 10 of M = 10.
    "D (forest)": _row(1, (3 + 2 * (1 - np.log(2) / np.log(5))) / 5, 1, NAN, 0.02, Expected(0.37, 0.17)),
    "C (forest)": _row(
        1, (3 + 2 * (1 - np.log10(2))) / 5, (5 - np.log10(2)) / 5, NAN, 0.02, Expected(0.51, 0.15)
    ),
    # Lasso keeps one of two copies, and so does not see that there are two: C = 1.
    "D (Lasso)": _row(1, (3 + 2 * (1 - np.log(2) / np.log(5))) / 5, 1, NAN, 0.005, Expected(0.15, 0.14)),
    "C (Lasso)": _row(1, (3 + 2 * (1 - np.log10(2))) / 5, 1, NAN, 0.005, Expected(0.41, 0.11)),
    # Which of the pair was held cannot be read from two latents that vary alike. Standard errors of 800 and
    # of 2,000 votes: 0.014 and 0.009. Some rotations score 1: neither score is evidence of alignment.
    "FactorVAE": _row(1, (3 + 2 / 2) / 5, 1, 1 / 5, 0.05, Expected(0.83, 0.25)),
    "BetaVAE": _row(1, (3 + 2 / 2) / 5, 1, 1 / 5, 0.03, Expected(0.92, 0.11)),
    # The latents of the pair move as far as √2 times the others, half of it while one factor is held:
    # (3 + 2 √2 / 2) / (3 + 2 √2). Of normal noise, q99 = 2.58 is 0.64 of the largest of 7,776, about 3.9.
    "IRS (q99)": _row(1, (3 + 2**0.5) / (3 + 2 * 2**0.5), 1, 0, 0.02, Expected(0.35, 0.21)),
    "IRS (max)": _row(1, (3 + 2**0.5) / (3 + 2 * 2**0.5), 1, 0.36, 0.04, Expected(0.46, 0.15)),
    # Lasso takes 0.1 off each coefficient. Pair: √½ − 0.1 in two places, of which s is half. Duplicate: six
    # columns of 0.9 and a row of two of them; back, only one of the two copies is used.
    "UDR (lasso)": _row(
        0.9,
        (2 * (0.5**0.5 - 0.1) / 2 + 3 * 0.9) / 5,
        ((0.9 + (4 * 0.9 + 0.45) / 5) / 2 + (0.9 + 5 * 0.9 / 6) / 2) / 2,
        NAN,
        0.005,
        Expected(0.30, 0.26),
    ),
    # The ranks of a sum of two factors of six levels correlate 0.70 with those of each.
    "UDR (spearman)": _row(1, (0.70 + 3) / 5, (1 + 4.5 / 5) / 2, NAN, 0.005, Expected(0.31, 0.24)),
}
"""What each metric makes of each case; NaN where a score is undefined."""


def _codes(levels: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return a code (N, 10) a case of levels (N, 5).

    perfect: a latent a factor and five of normal noise. pair: the first two turned by 45°. rotation: all
    five turned at random (Haar). duplicate: the first factor in two latents. noise: ten latents of it.
    dead: one of the noises is 0 throughout.
    """
    v = (levels - levels.mean(0)) / levels.std(0)
    noise = rng.normal(size=(len(v), 10))
    turned = np.column_stack([v[:, 0] + v[:, 1], v[:, 0] - v[:, 1]]) / np.sqrt(2)
    q, r = np.linalg.qr(rng.normal(size=(5, 5)))
    return {
        "perfect": np.hstack([v, noise[:, :5]]),
        "pair": np.hstack([turned, v[:, 2:], noise[:, :5]]),
        "rotation": np.hstack([v @ (q * np.sign(np.diag(r))), noise[:, :5]]),
        "duplicate": np.hstack([v, v[:, :1], noise[:, :4]]),
        "noise": noise,
        "dead": np.hstack([v, noise[:, :4], np.zeros((len(v), 1))]),
    }


def cases(n: int = 10_000, seed: int = 0) -> Cases:
    """Return codes (n, 10) and levels (n, 5) of each case; 20 levels a factor, drawn uniformly.

    Levels are floats, quantities as the metrics read them: 0, 1, … 19.
    """
    rng = np.random.default_rng(seed)
    levels = rng.integers(LEVELS, size=(n, 5)).astype(float)
    return {name: (codes, levels) for name, codes in _codes(levels, rng).items()}


def crossed_cases(seed: int = 0) -> Cases:
    """Return the cases on a fully crossed set, 6 levels a factor and one image each: 7,776 images."""
    levels = np.indices((CROSSED_LEVELS,) * 5).reshape(5, -1).T.astype(float)
    return {name: (codes, levels) for name, codes in _codes(levels, np.random.default_rng(seed)).items()}


def _information(name: str, given: Cases) -> dict[str, float]:
    information = mutual_information(*given[name])
    return {
        "MIG": mig(information).mean(),
        "AAM": aam(information).mean(),
        "modularity": modularity(information).mean(),
    }


def _prediction(name: str, given: Cases) -> dict[str, float]:
    codes, levels = given[name]
    fit = np.arange(len(codes)) % 2 == 0
    single = single_latent_scores(codes, levels, fit)
    forest, lasso = dci(codes, levels, fit), dci(codes, levels, fit, "lasso")
    return {
        "explicitness": explicitness(codes, levels, fit, bins=5).mean(),
        "SAP": sap(single).mean(),
        "best line R², worst factor": single.max().min(),
        "D (forest)": forest.disentanglement,
        "C (forest)": forest.completeness,
        "D (Lasso)": lasso.disentanglement,
        "C (Lasso)": lasso.completeness,
    }


def _sampling(name: str, given: Cases) -> dict[str, float]:
    informative = np.arange(10) < (INFORMATIVE[name] or 10)
    return {
        "FactorVAE": factor_vae_score(*given[name]),
        "BetaVAE": beta_vae_score(*given[name]),
        "IRS (q99)": irs(*given[name], "q99", informative).score,
        "IRS (max)": irs(*given[name], "max", informative).score,
    }


def _udr(name: str, given: Cases) -> dict[str, float]:
    """Return how a case agrees with the perfect code; latents without factors have KL 0."""
    codes = [given[one][0] for one in ("perfect", name)]
    kl = [(np.arange(10) < INFORMATIVE[one]).astype(float) for one in ("perfect", name)]
    return {f"UDR ({kind})": udr(codes, kl, kind).pairs.iloc[0, 1] for kind in ("lasso", "spearman")}


FAMILIES: dict[str, tuple[Callable[..., Cases], Callable[[str, Cases], dict[str, float]]]] = {
    "information": (cases, _information),
    "prediction": (partial(cases, 1000), _prediction),
    "sampling": (crossed_cases, _sampling),
    "udr": (crossed_cases, _udr),
}
"""Metrics by family: what gives the cases of a seed, and the scores of one of them."""


def known_scores(families: Sequence[str] = tuple(FAMILIES), seed: int = 0) -> pd.DataFrame:
    """Return a row a metric and case: metric, case, expected, tolerance, obtained.

    information: 10,000 images; prediction: 1,000, half of them fitted on, and explicitness of five levels;
    sampling and udr: the 7,776 of the crossed set, IRS of the informative latents, and UDR as the agreement
    with the perfect code.
    """
    for family in families:
        check_choice("family", family, FAMILIES)
    rows = []
    for make, scores in (FAMILIES[family] for family in families):
        given = make(seed=seed)
        for case in given:
            found = scores(case, given)
            rows += [(metric, case, *EXPECTED[metric][case], value) for metric, value in found.items()]
    table = pd.DataFrame(rows, columns=["metric", "case", "expected", "tolerance", "obtained"])
    order = {metric: place for place, metric in enumerate(EXPECTED)}
    return table.sort_values("metric", key=lambda column: column.map(order), kind="stable", ignore_index=True)
