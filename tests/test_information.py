import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaelib.errors import InputError
from vaelib.metrics import known_codes as known
from vaelib.metrics.arithmetic import entropy
from vaelib.metrics.information import (
    aam,
    discretise,
    mig,
    mig_bound,
    modularity,
    mutual_information,
)
from vaelib.metrics.inputs import quantile_levels, read_codes, read_factors

SEEDS = st.integers(0, 10_000)


def smooth_code(seed, n=1000, m=4, k=3):
    """A code of k latents that follow a factor each, among m; nothing lies on the edge of a bin."""
    rng = np.random.default_rng(seed)
    factors = rng.uniform(-1, 1, size=(n, k))
    codes = rng.normal(size=(n, m))
    codes[:, :k] = factors + 0.1 * codes[:, :k]
    return codes, factors


def haar(size, seed):
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))
    return q * np.sign(np.diag(r))


def test_scores_of_the_known_codes():
    table = known.known_scores(["information"])
    assert len(table) == 3 * len(known.INFORMATIVE)
    for row in table.itertuples():
        assert row.obtained == pytest.approx(row.expected, abs=row.tolerance, nan_ok=True), row


def test_the_correction_is_what_parts_these_scores_from_those_of_plain_histograms():
    # The plain ones are those that other programs print: 0.993, 0.947 and, with all latents, 0.606 for the
    # perfect code, and 0 for the alignment of noise, which is a ratio of two biases. Modularity over all
    # latents is left out of the table because the half of it that noise makes says nothing of the code.
    def plain(case):
        counts = mutual_information(*known.cases()[case]).counts

        def h(table):
            return entropy(table) - (np.count_nonzero(table) - 1) / (2 * table.sum())

        nats = np.array([[h(t.sum(0)) + h(t.sum(1)) - h(t.ravel()) for t in row] for row in counts])
        first, second = np.sort(nats, axis=0)[[-1, -2]]
        rest = nats.sum(0) - first
        squares = nats**2
        best = squares.max(1)
        return (
            ((first - second) / h(counts[0][0].sum(0))).mean(),
            (np.maximum(0, first - rest) / first).mean(),
            (1 - (squares.sum(1) - best) / (4 * best)).mean(),
        )

    # Tolerances: the seed moves MIG and AAM by 0.001 and the modularity of five latents of noise by 0.03.
    gap, alignment, all_latents = plain("perfect")
    assert gap == pytest.approx(0.993, abs=0.002)
    assert alignment == pytest.approx(0.947, abs=0.003)
    assert all_latents == pytest.approx(0.606, abs=0.05)
    assert plain("noise")[1] == 0


def test_entropy_of_a_coin_and_of_a_die():
    assert entropy(np.array([50, 50])) == pytest.approx(np.log(2) + 1 / 200)
    assert entropy(np.full(6, 10)) == pytest.approx(np.log(6) + 5 / 120)
    assert entropy(np.array([7, 0, 0])) == 0


def test_information_of_a_noisy_bit_is_that_of_the_channel():
    rng = np.random.default_rng(0)
    bit = rng.integers(2, size=20_000)
    flipped = rng.random(20_000) < 0.1
    information = mutual_information(np.where(flipped, 1 - bit, bit)[:, None], {"bit": bit})
    exact = np.log(2) + 0.1 * np.log(0.1) + 0.9 * np.log(0.9)
    # Standard error 0.0046: √Var(ln p(z|v)) / √n = 0.3 · ln 9 / 141.
    assert information.nats.loc[1, "bit"] == pytest.approx(exact, abs=0.014)
    assert information.entropy["bit"] == pytest.approx(np.log(2), abs=0.001)


@pytest.mark.parametrize("rule", ["width", "quantile"])
def test_a_latent_that_is_the_factor_knows_all_of_it(rule):
    levels = np.arange(2000) % 7
    information = mutual_information(5.0 - 2 * levels[:, None], {"level": levels}, rule=rule)
    assert information.nats.loc[1, "level"] == pytest.approx(information.entropy["level"])
    assert mig(information)["level"] == pytest.approx(1)


def test_unrelated_variables_share_nothing_on_average():
    # Plain histograms would share 0.018 nats; the mean of 50 entries has a standard error of 0.0002.
    rng = np.random.default_rng(0)
    codes, levels = rng.normal(size=(10_000, 10)), rng.integers(20, size=(10_000, 5))
    quantile = mutual_information(codes, levels, rule="quantile")
    assert quantile.nats.to_numpy().mean() < 0.0015
    # Equal width leaves empty cells in the tails, which the correction takes for dependence.
    assert mutual_information(codes, levels).nats.to_numpy().mean() < 0.005
    assert not quantile.found.to_numpy().any()


def test_chance_finds_nothing_in_noise_and_a_weak_relation():
    wrong = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        codes, factors = rng.normal(size=(1000, 5)), rng.normal(size=(1000, 2))
        wrong += mutual_information(codes, factors).found.to_numpy().any()
    assert wrong <= 1
    codes[:, 0] += factors[:, 1]
    found = mutual_information(codes, factors).found
    assert found.loc[1].tolist() == [False, True]
    assert found.to_numpy().sum() == 1


@settings(max_examples=10)
@given(SEEDS, st.permutations(range(4)), st.tuples(*[st.sampled_from([-3.0, -0.5, 0.2, 1, 40])] * 4))
def test_scores_are_blind_to_order_sign_and_scale_of_the_latents(seed, order, scale):
    codes, factors = smooth_code(seed)
    for rule in ("width", "quantile"):
        before = mutual_information(codes, factors, rule=rule)
        after = mutual_information((codes * scale)[:, order], factors, rule=rule)
        # A sign moves the one value at each cut to the other side of it: 19 of 1,000 images at most.
        for score in (mig, aam):
            np.testing.assert_allclose(score(after), score(before), atol=0.02)
        np.testing.assert_allclose(modularity(after), modularity(before).iloc[order], atol=0.02)


@settings(max_examples=10)
@given(SEEDS)
def test_turning_a_perfect_code_lowers_its_gap(seed):
    codes, levels = known.cases(2000, seed)["perfect"]
    turned = codes[:, :5] @ haar(5, seed)
    assert (
        mig(mutual_information(turned, levels)).mean() < mig(mutual_information(codes, levels)).mean() - 0.4
    )


def test_a_dead_latent_changes_nothing_and_has_no_modularity():
    codes, factors = smooth_code(0)
    before = mutual_information(codes, factors)
    for dead, active in ((np.full(1000, 2.5), None), (factors[:, 0], [True] * 4 + [False])):
        active = None if active is None else np.array(active)
        after = mutual_information(np.column_stack([codes, dead]), factors, active=active)
        pd.testing.assert_series_equal(mig(after), mig(before))
        pd.testing.assert_series_equal(aam(after), aam(before))
        assert (after.nats.loc[5] == 0).all()
        assert np.isnan(modularity(after)[5])


def test_undefined_scores_are_nan_and_the_gap_of_nothing_is_0():
    rng = np.random.default_rng(0)
    factors = rng.uniform(size=(2000, 2))
    information = mutual_information(np.column_stack([factors[:, 0], rng.normal(size=2000)]), factors)
    assert aam(information).isna().tolist() == [False, True]
    assert mig(information)["v2"] == pytest.approx(0, abs=0.02)
    assert modularity(information).isna().tolist() == [False, True]
    assert modularity(information, np.array([False, True])).isna().all()
    assert modularity(mutual_information(factors, factors[:, :1])).isna().all()


def test_the_gap_of_one_latent_is_what_it_tells():
    levels = np.arange(2000) % 4
    information = mutual_information((levels // 2)[:, None], {"level": levels})
    assert mig(information)["level"] == pytest.approx(1 / 2, abs=0.001)


@pytest.mark.parametrize("noise", [0.3, 1.0, 3.0])
def test_the_gap_of_a_sampled_code_stays_below_what_its_channel_carries(noise):
    rng = np.random.default_rng(0)
    levels = rng.integers(10, size=20_000)
    mu = (levels - 4.5)[:, None] / 3
    kl = 0.5 * (mu**2 + noise**2 - 1 - np.log(noise**2)).mean(0)
    information = mutual_information(mu + noise * rng.normal(size=mu.shape), {"level": levels})
    bound = mig_bound(kl, information)
    assert mig(information)["level"] <= bound["level"]
    assert bound["level"] == pytest.approx(min(1, kl[0] / np.log(10)), abs=0.001)
    exact_mu = mutual_information(mu, {"level": levels})
    assert mig(exact_mu)["level"] == pytest.approx(1)


def test_bins_of_equal_width_and_of_equal_count():
    code = np.array([0.0, 1, 2, 3, 4, 5, 6, 7, 8, 100])[:, None]
    assert discretise(code, 4)[:, 0].tolist() == [0] * 9 + [3]
    assert discretise(code, 5, "quantile")[:, 0].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert discretise(np.ones((5, 1)), 4)[:, 0].tolist() == [0] * 5
    assert discretise(np.ones((5, 1)), 4, "quantile")[:, 0].tolist() == [0] * 5


def test_levels_of_a_quantity_are_its_values_while_they_are_few():
    assert quantile_levels(np.array([90.0, -90, 0, 90]), 3).tolist() == [2, 0, 1, 2]
    assert np.bincount(quantile_levels(np.random.default_rng(0).normal(size=1000), 20)).tolist() == [50] * 20
    half_zero = np.concatenate([np.zeros(500), np.arange(1.0, 501)])
    levels = quantile_levels(half_zero, 20)
    assert len(np.unique(levels[:500])) == 1
    assert levels.max() + 1 == len(np.unique(levels))


def test_the_dtype_of_a_column_says_what_it_is():
    table = pd.DataFrame({"digit": [7, 1, 7], "angle": [0.0, 30, -5], "writer": ["b", "a", "b"]})
    digit, angle, writer = read_factors(table, 3)
    assert (digit.levels.tolist(), digit.values, digit.size) == ([1, 0, 1], None, 2)
    assert angle.levels.tolist() == [1, 2, 0]
    assert angle.values.tolist() == [0, 30, -5]
    assert (writer.levels.tolist(), writer.values) == ([1, 0, 1], None)
    categories = table["writer"].astype("category")
    assert read_factors({"writer": categories}, 3)[0].levels.tolist() == [1, 0, 1]
    assert [factor.name for factor in read_factors(np.array([[0, 1], [1, 0]]), 2)] == ["v1", "v2"]


def test_inactive_latents_are_read_as_constant():
    codes = np.array([[1.0, 5, 9], [3, 5, 1]])
    np.testing.assert_array_equal(read_codes(codes), [[-1, 0, 4], [1, 0, -4]])
    np.testing.assert_array_equal(read_codes(codes, np.array([True, True, False])), [[-1, 0, 0], [1, 0, 0]])


GOOD = np.random.default_rng(0).normal(size=(1000, 2))


@pytest.mark.parametrize(
    ("codes", "factors", "message"),
    [
        (GOOD[:, 0], {"a": GOOD[:, 0]}, r"codes of shape \(1000,\) are refused"),
        (np.where(GOOD > 3, np.nan, GOOD), {"a": GOOD[:, 0]}, "latents .* are not finite"),
        (np.ones((1000, 2)), {"a": GOOD[:, 0]}, "none of the 2 latents is active"),
        (GOOD, {"a": GOOD[:, 0], "b": np.zeros(1000)}, "factor 'b' is the same on all 1000 images"),
        (GOOD, {"a": GOOD[:10, 0]}, r"factor 'a' has shape \(10,\); accepted: \(1000,\)"),
        (GOOD, {"a": np.where(GOOD[:, 0] > 0, np.nan, 1)}, "factor 'a' has missing values"),
        (GOOD, {"a": np.where(GOOD[:, 0] > 0, np.inf, 1)}, "factor 'a' has infinite values"),
        (GOOD, {}, "no factor is given"),
        (GOOD, GOOD[:, 0], r"factors of shape \(1000,\) are refused"),
        (GOOD[:100], GOOD[:100], "100 images are too few: .* 20 levels of 'v1' needs at least 800"),
        (GOOD, {"a": np.arange(1000)}, "1000 levels of 'a' needs at least 40000"),
    ],
)
def test_bad_input_is_refused_by_name(codes, factors, message):
    with pytest.raises(InputError, match=message):
        mutual_information(codes, factors)


def test_a_bad_mask_and_an_unknown_rule_are_refused():
    with pytest.raises(InputError, match=r"active of shape \(3,\)"):
        mutual_information(GOOD, GOOD, active=np.array([True, True, True]))
    with pytest.raises(InputError, match=r"active of shape .* int64 is refused"):
        mutual_information(GOOD, GOOD, active=np.array([0, 1]))
    with pytest.raises(InputError, match="none of the 2 latents is active"):
        mutual_information(GOOD, GOOD, active=np.array([False, False]))
    with pytest.raises(InputError, match=r"rule 'widht' is unknown.*Did you mean 'width'"):
        mutual_information(GOOD, GOOD, rule="widht")


def test_families_of_the_table_are_named():
    with pytest.raises(InputError, match=r"family 'infomation' is unknown.*Did you mean 'information'"):
        known.known_scores(["infomation"])
