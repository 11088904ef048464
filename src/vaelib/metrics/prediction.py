"""How well the factors can be predicted from a code, and from each latent alone.

All models are fitted on one half of the images (`fit`, see `probes.halves`) and scored on the other.
"""

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from vaelib.errors import InputError
from vaelib.metrics.arithmetic import largest_two, ratio
from vaelib.metrics.inputs import BINS, Factor, Factors, latent_index, read_codes, read_factors
from vaelib.metrics.probes import line_r2

LEVEL_IMAGES = 5
"""Fewest images of a level in each half: below, cross-validation meets folds without it."""


def read_halves(fit: np.ndarray, factors: list[Factor], by_level: bool) -> np.ndarray:
    """Return which images to fit on, bool (N,), or raise `InputError` where a half shows too little.

    Both halves need `LEVEL_IMAGES` of each class and, `by_level`, of each level of a quantity; otherwise
    the quantity has to vary in both.
    """
    fit = np.asarray(fit)
    n = len(factors[0].levels)
    if fit.shape != (n,) or fit.dtype != bool:
        raise InputError(f"fit of shape {fit.shape}, {fit.dtype} is refused; accepted: bool ({n},).")
    for half, chosen in (("fitted", fit), ("scored", ~fit)):
        for factor in factors:
            counts = np.bincount(factor.levels[chosen], minlength=factor.size)
            if factor.values is not None and not by_level:
                if np.count_nonzero(counts) < 2:
                    raise InputError(f"factor {factor.name!r} does not vary in the {half} half; it has to.")
            elif counts.min() < LEVEL_IMAGES:
                raise InputError(
                    f"factor {factor.name!r} has {counts.min()} images at level {counts.argmin() + 1} of "
                    f"{factor.size} in the {half} half; needed: {LEVEL_IMAGES}. "
                    "Give more images or fewer levels."
                )
    return fit


def standardised_on(codes: np.ndarray, fit: np.ndarray) -> np.ndarray:
    """Return a code with mean 0 and variance 1 on the fitted half; what is constant there is 0 throughout."""
    return ratio(codes - codes[fit].mean(0), codes[fit].std(0), 0)


def explicitness(
    codes: np.ndarray, factors: Factors, fit: np.ndarray, active: np.ndarray | None = None, bins: int = BINS
) -> pd.Series:
    """Return how explicit each factor is in a code (K,): the mean area under the ROC curves of its levels.

    A logistic regression on all latents (N, M), standardised, gives the probability of every level, and each
    level's is scored against the rest (Ridgeway & Mozer 2018). Multinomial, as in Locatello et al. 2019:
    one regression a level could not pick a middle level of a line; and all but free of a penalty (C = 1000),
    as that of C = 1 makes neighbouring levels alike (a perfect code of 20 levels and 750 images: 0.90
    instead of 1). Quantities are cut into `bins` quantile bins. 1: every level is recognised; 0.5: chance.
    Raises `InputError` for bad input or too few images.
    """
    codes = read_codes(codes, active)
    table = read_factors(factors, len(codes), bins)
    fit = read_halves(fit, table, by_level=True)
    x = standardised_on(codes, fit)
    areas = {}
    for factor in table:
        model = LogisticRegression(C=1000, max_iter=3000).fit(x[fit], factor.levels[fit])
        probability = model.predict_proba(x[~fit])
        areas[factor.name] = np.mean(
            [
                roc_auc_score(factor.levels[~fit] == level, probability[:, level])
                for level in range(factor.size)
            ]
        )
    return pd.Series(areas)


def single_latent_scores(
    codes: np.ndarray, factors: Factors, fit: np.ndarray, active: np.ndarray | None = None
) -> pd.DataFrame:
    """Return how well each latent alone predicts each factor, (N, M) → (M, K) on the images not fitted on.

    A quantity: R² of a line, 0 where it does worse than the mean. Classes: balanced accuracy (the mean
    share of each class that is recognised) of the class most likely in the latent's bin, 20 bins of equal
    width over the fitted half, with classes equally likely beforehand. A constant latent scores chance: 0
    and 1 / classes. Raises `InputError` for bad input or too few images.
    """
    codes = read_codes(codes, active)
    table = read_factors(factors, len(codes))
    fit = read_halves(fit, table, by_level=False)
    return pd.DataFrame(
        {
            factor.name: [_bayes_accuracy(code, factor, fit) for code in codes.T]
            if factor.values is None
            else np.maximum(line_r2(codes, factor.values, fit), 0)
            for factor in table
        },
        index=latent_index(codes.shape[1]),
    )


def _bayes_accuracy(code: np.ndarray, factor: Factor, fit: np.ndarray) -> float:
    edges = np.linspace(code[fit].min(), code[fit].max(), BINS + 1)[1:-1]
    bins = np.searchsorted(edges, code, side="right")
    counts = np.bincount(bins[fit] * factor.size + factor.levels[fit], minlength=BINS * factor.size)
    counts = counts.reshape(BINS, factor.size)
    guess = (counts / counts.sum(0)).argmax(1)
    occupied = np.flatnonzero(counts.any(1))
    nearest = occupied[np.abs(occupied[:, None] - bins[~fit]).argmin(0)]
    return float(balanced_accuracy_score(factor.levels[~fit], guess[nearest]))


def sap(scores: pd.DataFrame) -> pd.Series:
    """Return the separated attribute predictability of each factor (K,), S_(1) − S_(2).

    `scores` (M, K) are `single_latent_scores`. The gap of the two latents that predict a factor best (Kumar
    et al. 2018); SAP is the mean. They fit a linear support vector machine to classes, which no single axis
    of ten classes satisfies: hence bins here. Of one latent the second score is 0.
    """
    first, second = largest_two(scores)
    return pd.Series(first - second, index=scores.columns)
