import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaelib.errors import InputError
from vaelib.metrics import known_codes as known
from vaelib.metrics.inputs import read_factors
from vaelib.metrics.sampling import beta_vae_score, factor_vae_score, irs, read_design

SCORES = [factor_vae_score, beta_vae_score, lambda codes, factors: irs(codes, factors).score]


def crossed(*sizes, copies=1):
    """Every combination of levels, `copies` times, in an order of no meaning."""
    levels = np.indices(sizes).reshape(len(sizes), -1).T
    return np.random.default_rng(0).permutation(np.repeat(levels, copies, axis=0))


def test_scores_of_the_known_codes():
    table = known.known_scores(["sampling"])
    assert len(table) == 4 * len(known.INFORMATIVE)
    for row in table.itertuples():
        assert row.obtained == pytest.approx(row.expected, abs=row.tolerance, nan_ok=True), row


@settings(max_examples=8)
@given(
    st.integers(0, 1000),
    st.permutations(range(4)),
    st.tuples(*[st.sampled_from([-1, 1])] * 4),
    st.floats(0.5, 40),
)
def test_scores_are_blind_to_order_and_sign_of_the_latents_and_to_the_unit(seed, order, sign, unit):
    levels = crossed(4, 4, 4, copies=2)
    codes = np.random.default_rng(seed).normal(size=(len(levels), 4))
    codes[:, :3] += levels
    changed = (codes * sign * unit)[:, order]
    assert factor_vae_score(changed, levels, votes=200) == factor_vae_score(codes, levels, votes=200)
    assert irs(changed, levels).score == pytest.approx(irs(codes, levels).score)
    # The classifier stops within a tolerance of its optimum, so that a vote on the border may change.
    assert beta_vae_score(changed, levels, votes=200) == pytest.approx(
        beta_vae_score(codes, levels, votes=200), abs=0.02
    )


@settings(max_examples=10)
@given(st.integers(0, 1000), st.tuples(*[st.sampled_from([0.2, 1, 40])] * 4))
def test_votes_are_blind_to_the_scale_of_each_latent(seed, scale):
    levels = crossed(4, 4, 4, copies=2)
    codes = np.random.default_rng(seed).normal(size=(len(levels), 4))
    codes[:, :3] += levels
    assert factor_vae_score(codes * scale, levels, votes=200) == factor_vae_score(codes, levels, votes=200)


def test_a_quiet_latent_casts_no_vote():
    # It moves on one image of a thousand, so that in most batches nothing varies less.
    levels = crossed(10, 10, 10)
    rare = (levels == 0).all(1)[:, None]
    noisy = levels + 0.01 * np.random.default_rng(0).normal(size=levels.shape)
    assert factor_vae_score(np.hstack([rare * 1.0, noisy]), levels) == 1
    assert factor_vae_score(np.hstack([rare * 5.0, noisy]), levels) < 0.6
    assert np.isnan(factor_vae_score(0.01 * levels, levels))


def test_classes_and_quantities_hold_alike():
    levels = crossed(3, 4, 5, copies=2)
    codes = levels + 0.1 * np.random.default_rng(0).normal(size=levels.shape)
    table = pd.DataFrame({"kind": np.array(["a", "b", "c"])[levels[:, 0]]})
    table[["angle", "width"]] = levels[:, 1:] * 7.5
    for score in SCORES:
        assert score(codes, table) == score(codes, levels)


def test_more_than_20_levels_of_a_quantity_are_all_kept():
    levels = crossed(25, 3)
    assert read_design(read_factors(levels.astype(float), 75, bins=75)).sizes == (25, 3)
    assert irs(levels.astype(float), levels.astype(float)).score == pytest.approx(1)


def test_a_design_finds_every_combination_and_draws_all_its_copies():
    levels = crossed(3, 4, copies=2)
    design = read_design(read_factors(levels, 24))
    rng = np.random.default_rng(0)
    asked = design.random_levels((500, 8), rng)
    drawn = design.draw(asked, rng)
    np.testing.assert_array_equal(levels[drawn], asked)
    # 4,000 draws of 24 images: each 167 ± 13 times.
    assert np.abs(np.bincount(drawn.ravel(), minlength=24) - 4000 / 24).max() < 55


def test_robustness_of_a_latent_by_hand():
    # z = v1 + 3 v2 of two binary factors: held v1, it moves ±1.5; held v2, ±0.5; freely, ±2 at most.
    levels = crossed(2, 2)
    found = irs((levels[:, 0] + 3 * levels[:, 1])[:, None], levels, "max")
    np.testing.assert_allclose(found.matrix, [[1 - 1.5 / 2, 1 - 0.5 / 2]])
    assert found.score == pytest.approx(0.75)
    assert found.weights.tolist() == [2]


def test_robustness_counts_the_active_latents_and_gives_dead_ones_no_weight():
    # Values are negative on average here: the sum of them, which a public program prints, would be no count.
    levels = crossed(4, 4)
    codes = np.column_stack([levels - 50.0, np.full(16, -7.0)])
    found = irs(codes, levels)
    assert found.active == 2
    assert found.score == pytest.approx(1)
    assert found.matrix.loc[3].tolist() == [0, 0]
    assert irs(codes, levels, active=np.array([True, False, True])).active == 1


def test_the_quantile_of_a_spread_and_not_its_maximum_shows_that_noise_follows_nothing():
    levels = crossed(10, 10, copies=100)
    noise = np.random.default_rng(0).normal(size=(10_000, 5))
    # Quantiles of 1,000 images: 2.58 ± 0.05, of which the mean over ten levels is compared.
    assert irs(noise, levels).score == pytest.approx(0, abs=0.02)
    assert irs(noise, levels, "max").score == pytest.approx(1 - 2.576 / 3.95, abs=0.04)


CODES = crossed(3, 4).astype(float)


@pytest.mark.parametrize("score", SCORES, ids=["FactorVAE", "BetaVAE", "IRS"])
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (slice(1, None), r"not fully crossed: 11 cannot show all 12 combinations of 3 v1 × 4 v2"),
        ([*range(12), 0], r"not fully crossed: combinations of 3 v1 × 4 v2 occur 1 to 2 times"),
        ([0] + 11 * [1] + [*range(12)], r"occur 1 to 12 times; accepted: each equally often"),
    ],
)
def test_a_set_that_is_not_fully_crossed_is_refused(score, rows, message):
    with pytest.raises(InputError, match=message):
        score(CODES[rows], crossed(3, 4)[rows])


@pytest.mark.parametrize("score", SCORES, ids=["FactorVAE", "BetaVAE", "IRS"])
def test_other_bad_input_is_refused_by_name(score):
    with pytest.raises(InputError, match="only factor 'v1' is given"):
        score(CODES, crossed(3, 4)[:, :1])
    with pytest.raises(InputError, match="none of the 2 latents is active"):
        score(np.zeros((12, 2)), crossed(3, 4))
    with pytest.raises(InputError, match=r"factor 'v1' has shape \(12,\); accepted: \(6,\)"):
        score(CODES[:6], crossed(3, 4))
    with pytest.raises(InputError, match="latents 1 are not finite"):
        score(CODES + np.array([np.nan, 0]), crossed(3, 4))
    # A product of all distinct values, too large to count, is refused before it is counted.
    many = np.random.default_rng(0).normal(size=(2000, 12))
    with pytest.raises(InputError, match="2000 cannot show all"):
        score(many, many)


def test_an_unknown_spread_is_refused():
    with pytest.raises(InputError, match=r"spread 'q9' is unknown; accepted: max, q99"):
        irs(CODES, crossed(3, 4), "q9")
