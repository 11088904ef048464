"""Do networks of other seeds find the same latents? The one score of alignment that needs no factors."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.linear_model import Lasso

from vaelib.errors import InputError, check_choice
from vaelib.metrics.arithmetic import ratio
from vaelib.metrics.inputs import read_codes

RELATIONS = ("lasso", "spearman")
PENALTY = 0.1
LEAST_KL = 0.01
"""KL in nats above which a latent counts."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """How alike the codes of several networks are, two by two, and each one's agreement with the others.

    pairs (S, S): symmetric, NaN on the diagonal and where a network has no informative latent; names in
    rows and columns.
    """

    pairs: pd.DataFrame

    @property
    def scores(self) -> pd.Series:
        """UDR of each network (S,): the median over the partners with which a score is defined; else NaN."""
        return self.pairs.median()


def relation(one: np.ndarray, other: np.ndarray, kind: str) -> np.ndarray:
    """Return how strongly each latent of one code is related to each of another, (N, A), (N, B) → (A, B) ≥ 0.

    lasso: |coefficients| of one Lasso regression (penalty 0.1) of each latent of `other` on all of `one`,
    all standardised; not symmetric. spearman: |rank correlations|.
    """
    check_choice("relation", kind, RELATIONS)
    if kind == "spearman":
        one, other = rankdata(one, axis=0), rankdata(other, axis=0)
    x, y = ((code - code.mean(0)) / code.std(0) for code in (one, other))
    if kind == "spearman":
        return np.abs(x.T @ y) / len(x)
    return np.abs(Lasso(alpha=PENALTY).fit(x, y).coef_.reshape(y.shape[1], -1)).T


def one_to_one(strengths: np.ndarray) -> float:
    """Return how close a matrix of relations (A, B) ≥ 0 is to one to one: ½ (mean_b s_b + mean_a s_a).

    s = max² / sum of a column or a row, 0 for a latent that is related to none (Duan et al. 2020).
    """
    halves = []
    for axis in (0, 1):
        total = strengths.sum(axis)
        halves.append(ratio(strengths.max(axis) ** 2, total, 0).mean())
    return float(np.mean(halves))


def udr(
    codes: Sequence[np.ndarray],
    kl: Sequence[np.ndarray],
    kind: str = "lasso",
    names: Sequence[str] | None = None,
) -> Ranking:
    """Return the unsupervised disentanglement ranking of S networks of other seeds (Duan et al. 2020).

    codes: (N, M) of each network, mu of the same N images in the same order; kl: (M,) of each, in nats. Of
    each pair, latents with KL ≤ 0.01 are left out and the score is `one_to_one` of `relation`; of the two
    directions of the Lasso, the mean, so that a pair has one score. A network that agrees with itself scores
    1 by Spearman only if its latents' ranks are uncorrelated: chance correlations of M latents on N
    images leave 1 / (1 + (M − 1) √(2 / πN)). By Lasso it scores 0.9, the penalty off 1.

    The pair of a network without informative latents is NaN. Raises `InputError` for fewer than two codes,
    codes of different images, or a latent that has KL and yet does not vary.
    """
    check_choice("relation", kind, RELATIONS)
    if len(codes) < 2 or len(kl) != len(codes):
        raise InputError(f"{len(codes)} codes and {len(kl)} KLs are refused; needed: two codes, a KL each.")
    names = [str(i + 1) for i in range(len(codes))] if names is None else list(names)
    if len(set(names)) != len(codes):
        raise InputError(f"names {names} are refused; accepted: {len(codes)} different ones, one a code.")
    if len({len(code) for code in codes}) > 1:
        raise InputError(
            f"codes of {', '.join(str(len(code)) for code in codes)} images are refused; "
            "accepted: the same images in the same order for all."
        )
    informative = [_informative(code, nats, name) for code, nats, name in zip(codes, kl, names, strict=True)]
    pairs = np.full((len(informative), len(informative)), np.nan)
    for a, b in itertools.combinations(range(len(informative)), 2):
        one, other = informative[a], informative[b]
        if one.shape[1] and other.shape[1]:
            both_ways = (relation(one, other, kind), relation(other, one, kind))
            pairs[a, b] = pairs[b, a] = np.mean([one_to_one(strengths) for strengths in both_ways])
    return Ranking(pd.DataFrame(pairs, index=names, columns=names))


def _informative(code: np.ndarray, kl: np.ndarray, name: str) -> np.ndarray:
    """Return the latents of one code with KL above `LEAST_KL` (N, A); A may be 0."""
    code, kl = np.asarray(code, dtype=float), np.asarray(kl, dtype=float)
    if code.ndim != 2 or kl.shape != (code.shape[1],) or not np.isfinite(kl).all():
        raise InputError(
            f"code {name!r} of shape {code.shape} with KL of shape {kl.shape} is refused; "
            "accepted: (N, M) and (M,), finite."
        )
    informative = kl > LEAST_KL
    if not informative.any():
        return code[:, :0]
    centred = read_codes(code[:, informative])
    if (centred == 0).all(0).any():
        dead = np.flatnonzero(informative)[(centred == 0).all(0)] + 1
        raise InputError(
            f"latents {', '.join(map(str, dead))} of code {name!r} have KL above {LEAST_KL} and do not vary; "
            "needed: KL and mu of the same network and images."
        )
    return centred
