"""The ledger's rules: each reaches each verdict on planted cases, and their intervals hold what they say."""

import numpy as np
import pandas as pd
import pytest

from vaelib.claims import planted, planted_runs, trends
from vaelib.claims import rules as verdicts
from vaelib.claims.ledger import CLAIMS
from vaelib.claims.rules import VERDICTS
from vaelib.metrics import statistics as replicates


@pytest.fixture(scope="module")
def cases():
    return planted.planted_verdicts()


def test_every_planted_case_gets_the_verdict_that_it_must(cases):
    wrong = cases[cases["expected"] != cases["obtained"]]
    assert wrong.empty, wrong.to_string()


def test_every_rule_of_the_ledger_reaches_every_verdict():
    reached = {}
    for rows in planted.CASES.values():
        for _, judge, _, expected in rows:
            reached.setdefault(judge, set()).add(expected)
    assert set(reached) == {claim.judge for claim in CLAIMS}
    assert all(found == set(VERDICTS) for found in reached.values())


@pytest.mark.parametrize("seeds", [3, 5])
def test_95_percent_are_93_to_97_of_normal_seeds(seeds):
    found = planted.coverage(seeds)
    assert ((found >= 0.93) & (found <= 0.97)).all(), found


def test_a_bootstrap_of_three_seeds_would_not_pass():
    """What the rules had before: percentiles of resampled seeds."""
    rng, held = np.random.default_rng(0), 0
    for _ in range(1000):
        values = rng.normal(size=3)
        means = values[rng.integers(3, size=(500, 3))].mean(1)
        low, high = np.quantile(means, [0.025, 0.975])
        held += low <= 0 <= high
    assert held / 1000 < 0.85


def runs(beta, **columns) -> pd.DataFrame:
    seeds = range(3)
    table = pd.DataFrame([{"beta": b, "seed": s} for b in beta for s in seeds])
    return table.assign(**{name: [f(b, s) for b in beta for s in seeds] for name, f in columns.items()})


def test_slopes_are_one_a_seed_over_the_betas_that_all_share():
    table = runs((1.0, 2.0, 4.0, 8.0), score=lambda b, s: (1 + s) * np.log(b))
    table.loc[(table["beta"] == 8) & (table["seed"] == 1), "score"] = np.nan
    betas, values = replicates.by_seed(table, ["score"])
    assert betas.tolist() == [1, 2, 4]
    np.testing.assert_allclose(replicates.slopes(betas, values["score"]), [1, 2, 3])


def test_a_slope_beside_another_column_is_that_at_its_equal_value():
    betas = np.array([1.0, 2.0, 4.0, 8.0])
    beside = np.array([[10.0, 9, 9, 7], [10, 10, 10, 10], 10 - np.log(betas)])
    values = 0.5 * np.log(betas) - 2 * beside
    found = replicates.slopes(betas, values, beside)
    np.testing.assert_allclose(found[:2], [0.5, 0.5])
    assert np.isnan(found[2])


def test_a_beta_of_0_is_left_out_of_what_goes_by_its_logarithm():
    curve = pd.DataFrame(list(planted_runs.curves_over_beta(planted.rises(excess_bce=9.0, kl=-3.0))))
    zero = curve[curve["beta"] == 1].assign(beta=0.0, mig=9.0, excess_bce=-99.0)
    with_zero = pd.concat([zero, curve], ignore_index=True)
    for judge in (trends.helped, trends.did_not_help, trends.trades):
        assert judge(with_zero) == judge(curve)


@pytest.mark.parametrize("n", [1, 2])
def test_too_few_seeds_decide_nothing_however_clear(n):
    for rows in planted.CASES.values():
        for _, judge, make, _ in rows:
            table = pd.DataFrame(list(make()))
            found = judge(table[table["seed"] < n])
            assert found.verdict == verdicts.UNDECIDED
            assert found.finding.startswith("needs ")


def test_a_run_without_an_active_latent_speaks_where_that_is_an_answer():
    dead = pd.DataFrame([planted_runs.setting(seed) | {"active_variance": 0} for seed in range(5)])
    unknown = dict.fromkeys(
        ("dci_d", "pairwise_information_max", "collinear", "angle_r2", "ris", "name_margin")
    )
    dead = dead.assign(**unknown)
    assert verdicts.one_each(dead).verdict == verdicts.REFUTED
    found = verdicts.rotation(dead)
    assert (found.verdict, found.effect, found.n) == (verdicts.SUPPORTED, 0, 5)
