"""The rules of the ledger on codes and curves whose truth is known: the verdict each must reach, and does."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from vaelib.claims import rules, trends
from vaelib.claims.planted_runs import (
    BETAS,
    SEEDS,
    Rows,
    code_in_axes,
    code_in_use,
    code_of_angle,
    code_of_factors,
    curves_over_beta,
    two_networks,
)
from vaelib.claims.rules import REFUTED, SUPPORTED, UNDECIDED
from vaelib.metrics import statistics


def _seeds(make: Callable[..., dict[str, Any]], *given: Any) -> Rows:
    return [make(*given, seed=seed) for seed in range(SEEDS)]


def _mixed(one: Rows, other: Rows, share: int) -> Rows:
    """Return so many seeds of one case and the rest of another."""
    return [*list(one)[:share], *list(other)[share:]]


rises: Callable[..., dict[str, float]] = partial(dict, mig=0.05, dci_d=0.05, udr=0.05, active_variance=0.0)
stays = rises(mig=0.0, dci_d=-0.02, udr=-0.02)

CASES: dict[str, list[tuple[str, Callable[[pd.DataFrame], rules.Verdict], Callable[[], Rows], str]]] = {
    "C1": [
        ("3 of 10 latents", rules.few_dimensions, lambda: _seeds(code_in_use, 3), SUPPORTED),
        ("10 of 10 latents", rules.few_dimensions, lambda: _seeds(code_in_use, 10), REFUTED),
        (
            "3 in half of the seeds",
            rules.few_dimensions,
            lambda: _mixed(_seeds(code_in_use, 3), _seeds(code_in_use, 10), 3),
            UNDECIDED,
        ),
    ],
    "C2": [
        ("factors in turned axes", rules.linked, lambda: _seeds(code_in_axes, True, 3.0), SUPPORTED),
        ("a factor an axis", rules.linked, lambda: _seeds(code_in_axes, False, 0.0), REFUTED),
        (
            "turned axes in some seeds",
            rules.linked,
            lambda: _mixed(_seeds(code_in_axes, True, 3.0), _seeds(code_in_axes, False, 0.0), 3),
            UNDECIDED,
        ),
    ],
    "C3": [
        ("10 of 10 latents", rules.every_dimension, lambda: _seeds(code_in_use, 10), SUPPORTED),
        ("9 of 10 latents", rules.every_dimension, lambda: _seeds(code_in_use, 9), REFUTED),
        (
            "10 in half of the seeds",
            rules.every_dimension,
            lambda: _mixed(_seeds(code_in_use, 10), _seeds(code_in_use, 9), 3),
            UNDECIDED,
        ),
    ],
    "C4": [
        ("a factor a latent", rules.one_each, lambda: _seeds(code_of_factors, "aligned", 10), SUPPORTED),
        ("factors in turned axes", rules.one_each, lambda: _seeds(code_of_factors, "turned", 0), REFUTED),
        ("one pair at r = .99", rules.one_each, lambda: _seeds(code_of_factors, "pair", 10), REFUTED),
        ("a latent twice", rules.one_each, lambda: _seeds(code_of_factors, "copy", 10), REFUTED),
        (
            "a factor a latent in half of the seeds",
            rules.one_each,
            lambda: _mixed(_seeds(code_of_factors, "aligned", 10), _seeds(code_of_factors, "turned", 0), 3),
            UNDECIDED,
        ),
    ],
    "C5": [
        ("noise", rules.rotation, lambda: _seeds(code_of_angle, 0.0, 0.0), SUPPORTED),
        ("every digit turns its own way", rules.rotation, lambda: _seeds(code_of_angle, 0.0, 1.0), SUPPORTED),
        ("one latent is the angle", rules.rotation, lambda: _seeds(code_of_angle, 1.0, 0.0), REFUTED),
        ("in part", rules.rotation, lambda: _seeds(code_of_angle, 1.3, 1.0), UNDECIDED),
    ],
    "C6, claimed": [
        ("MIG, D and UDR rise", trends.helped, lambda: curves_over_beta(rises()), SUPPORTED),
        ("they do not", trends.helped, lambda: curves_over_beta(stays), REFUTED),
        ("seeds differ", trends.helped, lambda: curves_over_beta(rises(), noise=0.1), UNDECIDED),
    ],
    "C6, denied": [
        ("MIG, D and UDR do not rise", trends.did_not_help, lambda: curves_over_beta(stays), SUPPORTED),
        ("they rise", trends.did_not_help, lambda: curves_over_beta(rises()), REFUTED),
        ("seeds differ", trends.did_not_help, lambda: curves_over_beta(rises(), noise=0.1), UNDECIDED),
    ],
    "C7": [
        (
            "reconstruction rises, KL falls",
            trends.trades,
            lambda: curves_over_beta({"excess_bce": 9.0, "kl": -3.0}),
            SUPPORTED,
        ),
        ("KL rises", trends.trades, lambda: curves_over_beta({"excess_bce": 9.0, "kl": 3.0}), REFUTED),
        (
            "seeds differ",
            trends.trades,
            lambda: curves_over_beta({"excess_bce": 9.0, "kl": -3.0}, noise=9.0),
            UNDECIDED,
        ),
    ],
    "C8": [
        ("D and RIS are higher", trends.better, lambda: two_networks(0.1, 0.01), SUPPORTED),
        ("they are lower", trends.better, lambda: two_networks(-0.1, 0.01), REFUTED),
        ("seeds differ", trends.better, lambda: two_networks(0.05, 0.2), UNDECIDED),
    ],
}
"""By claim: what is planted, the rule, the runs, and the verdict that they must get."""


def planted_verdicts() -> pd.DataFrame:
    """Return a row a planted case: claim, case, expected, obtained, finding."""
    rows = []
    for claim, cases in CASES.items():
        for case, judge, runs, expected in cases:
            found = judge(pd.DataFrame(list(runs())))
            rows.append((claim, case, expected, found.verdict, found.finding))
    return pd.DataFrame(rows, columns=["claim", "case", "expected", "obtained", "finding"])


def coverage(seeds: int, draws: int = 4000) -> pd.Series:
    """Return how often the ledger's 95 % intervals hold the truth, of normal seeds: a share an interval.

    The interval of a mean (C1 to C5, C8) and that of a mean slope on ln β (C6, C7), of so many seeds whose
    slopes differ and whose runs scatter about them. The standard error is √(.95 · .05 / draws).
    """
    rng = np.random.default_rng(seeds)
    held = {"mean over seeds": 0, "mean slope over seeds": 0}
    for _ in range(draws):
        values = 1 + rng.normal(size=seeds)
        runs = (0.3 + 0.1 * rng.normal(size=(seeds, 1))) * np.log(BETAS)
        slopes = statistics.slopes(np.array(BETAS), runs + 0.2 * rng.normal(size=(seeds, len(BETAS))))
        for name, sample, truth in zip(held, (values, slopes), (1.0, 0.3), strict=True):
            _, low, high = statistics.mean_interval(sample)
            held[name] += low <= truth <= high
    return pd.Series(held) / draws
