"""Which latents a model uses to predict each factor, and how well it predicts: forests and Lasso.

Models are fitted on one half of the images (`fit`, see `probes.halves`) and scored on the other.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import xlogy
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LassoCV
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, cross_val_score

from vaelib.errors import check_choice
from vaelib.metrics.inputs import Factor, Factors, latent_index, read_codes, read_factors
from vaelib.metrics.prediction import read_halves, standardised_on
from vaelib.metrics.probes import r2

MODELS = ("forest", "lasso")
TREES = 100
SMALL_TREES = 10
"""Trees of the forests that are compared: fewer than ten favour shallow trees, which 100 do not."""
DEPTHS = (4, 8, 16)
"""Depths of which a forest takes the best; without limit, no importance differs from depth 16 by 0.01."""
FOREST_IMAGES = 3000
"""Most images a forest is fitted on: with 5,000, the importances of clean codes move by up to 0.02."""


@dataclass(frozen=True, eq=False)
class DCI:
    """Which latents a predictor of each factor uses, and how well it predicts (Eastwood & Williams 2018, 2).

    importance R (M, K): columns sum to 1, or are 0 for a factor that is not predicted better than by
    chance. informativeness (K,): R² of a quantity, accuracy of classes, on the images not fitted on; they
    have no common unit and are not averaged. Rows are latents numbered from 1.
    """

    importance: pd.DataFrame
    informativeness: pd.Series

    @property
    def per_latent(self) -> pd.Series:
        """D_j = 1 − H(R_j / ΣR_j) / ln K (M,): 1 for a latent used for one factor only; NaN if for none."""
        return _concentration(self.importance)

    @property
    def per_factor(self) -> pd.Series:
        """C_k = 1 − H(R_k / ΣR_k) / ln M (K,): 1 for a factor in one latent; NaN if it is not predicted.

        M counts all latents, dead ones included, so that codes of one network size are comparable.
        """
        return _concentration(self.importance.T)

    @property
    def disentanglement(self) -> float:
        """D = Σ_j ρ_j D_j with ρ_j = Σ_k R_jk / ΣR; NaN where no factor is predicted."""
        weights = self.importance.sum(axis=1)
        return float((weights * self.per_latent).sum(min_count=1) / weights.sum())

    @property
    def completeness(self) -> float:
        """C, the mean of C_k over the factors that are predicted; NaN where none is."""
        return float(self.per_factor.mean())


def _concentration(importance: pd.DataFrame) -> pd.Series:
    """Return 1 − H / ln(columns) of each row; NaN for a row of zeros, or of one column only."""
    total = importance.sum(axis=1)
    p = importance.div(total.where(total > 0), axis=0)
    most = np.log(importance.shape[1])
    return 1 + xlogy(p, p).sum(axis=1, skipna=False) / (most if most > 0 else np.nan)


def dci(
    codes: np.ndarray,
    factors: Factors,
    fit: np.ndarray,
    model: str = "forest",
    active: np.ndarray | None = None,
    seed: int = 0,
    forest_images: int = FOREST_IMAGES,
    source: np.ndarray | None = None,
) -> DCI:
    """Return which of all latents (N, M) predict each factor, by a forest or, a second opinion, by Lasso.

    forest: 100 trees that may split on any latent, at the depth of `DEPTHS` that predicts best in two-fold
    cross-validation (of `SMALL_TREES`), on at most `forest_images` of the fitted half, drawn by `seed`;
    the importance is the mean decrease of impurity. It depends on the depth where a factor is hard to
    predict, as shallow trees credit the best latent alone and deep ones noise as well (ten classes
    read with accuracy 0.4: 0.85, 0.5 and 0.3 for the best latent at depths 4, 8 and 16).

    lasso: standardised latents and target, or one indicator a class, penalty by five-fold cross-validation;
    the importance is Σ |coefficient|. It sees lines only.

    A factor whose predictions are not three standard errors better than chance (correlation with the
    truth; accuracy against the commonest class) has importances 0: those of a model that learnt nothing
    would be noise. Latents that are not `active` have importance 0 and count in M. Raises `InputError` for
    bad input or too few images.

    Images made of one digit share their `source` (N,), and no two folds of a cross-validation do; left
    out, every image is a source of its own.
    """
    check_choice("model", model, MODELS)
    codes = read_codes(codes, active)
    table = read_factors(factors, len(codes))
    fit = read_halves(fit, table, by_level=False)
    x = standardised_on(codes, fit)
    source = np.arange(len(codes)) if source is None else np.asarray(source)
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(fit))
    importance, informativeness = {}, {}
    for factor in table:
        truth = factor.levels if factor.values is None else factor.values
        if model == "forest":
            weights, predicted = _forest(x, factor, rows[:forest_images], ~fit, source, seed)
        else:
            weights, predicted = _lasso(x, factor, rows, ~fit, source, seed)
        predicts = _better_than_chance(factor, truth[~fit], predicted, source[~fit]) and weights.sum() > 0
        importance[factor.name] = weights / weights.sum() if predicts else np.zeros(len(weights))
        informativeness[factor.name] = (
            (truth[~fit] == predicted).mean() if factor.values is None else r2(truth[~fit], predicted)
        )
    return DCI(pd.DataFrame(importance, index=latent_index(x.shape[1])), pd.Series(informativeness))


def _forest(
    x: np.ndarray, factor: Factor, rows: np.ndarray, scored: np.ndarray, source: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the importances (M,) and the predictions for the scored images of a random forest."""
    kind = RandomForestClassifier if factor.values is None else RandomForestRegressor
    target = factor.levels if factor.values is None else factor.values

    def held_out(depth: int) -> float:
        small = kind(SMALL_TREES, max_depth=depth, max_features=1.0, random_state=seed)
        halves = _folds(factor, rows, source, 2)
        return float(cross_val_score(small, x[rows], target[rows], cv=halves).mean())

    depth = max(DEPTHS, key=held_out)
    forest = kind(TREES, max_depth=depth, max_features=1.0, random_state=seed).fit(x[rows], target[rows])
    return forest.feature_importances_, forest.predict(x[scored])


def _folds(factor: Factor, rows: np.ndarray, source: np.ndarray, n: int) -> list[tuple[np.ndarray, ...]]:
    """Return n folds of rows, (fitted, scored) places each; no source is in two, and classes are in all."""
    kind = StratifiedGroupKFold if factor.values is None else GroupKFold
    return list(kind(n).split(rows, factor.levels[rows], groups=source[rows]))


def _lasso(
    x: np.ndarray, factor: Factor, rows: np.ndarray, scored: np.ndarray, source: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return Σ |coefficient| (M,) and the predictions for the scored images of Lasso regressions."""
    targets = np.eye(factor.size)[factor.levels] if factor.values is None else factor.values[:, None]
    mean, scale = targets[rows].mean(0), targets[rows].std(0)
    folds = _folds(factor, rows, source, 5)
    models = [
        LassoCV(cv=folds, random_state=seed).fit(x[rows], y) for y in ((targets[rows] - mean) / scale).T
    ]
    predicted = np.column_stack([model.predict(x[scored]) for model in models]) * scale + mean
    weights = np.abs([model.coef_ for model in models]).sum(0)
    return weights, predicted.argmax(1) if factor.values is None else predicted[:, 0]


def _better_than_chance(factor: Factor, truth: np.ndarray, predicted: np.ndarray, source: np.ndarray) -> bool:
    """Return whether predictions beat the mean, or the commonest class, by three standard errors.

    A class belongs to the digit that an image is made of, so that there are as many observations of it as
    sources.
    """
    n = len(truth)
    if factor.values is None:
        n = len(np.unique(source))
        common = np.bincount(truth).max() / len(truth)
        return bool((truth == predicted).mean() > common + 3 * np.sqrt(common * (1 - common) / n))
    return bool(np.ptp(predicted) > 0 and np.corrcoef(truth, predicted)[0, 1] > 3 / np.sqrt(n))
