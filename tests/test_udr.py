import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaelib.errors import InputError
from vaelib.metrics import known_codes as known
from vaelib.metrics.udr import one_to_one, relation, udr

ALL = np.ones(4)
KINDS = ["lasso", "spearman"]


def independent(n=4096, m=4, seed=0):
    """A code (n, m) whose latents, and their ranks, are uncorrelated exactly: a crossed set of levels."""
    side = round(n ** (1 / m))
    return np.random.default_rng(seed).permutation(np.indices((side,) * m).reshape(m, -1).T.astype(float))


def test_scores_of_the_known_codes():
    table = known.known_scores(["udr"])
    assert len(table) == 2 * len(known.INFORMATIVE)
    for row in table.itertuples():
        assert row.obtained == pytest.approx(row.expected, abs=row.tolerance, nan_ok=True), row


@pytest.mark.parametrize(("kind", "score"), [("lasso", 0.9), ("spearman", 1)])
def test_a_network_agrees_with_itself_up_to_the_penalty(kind, score):
    found = udr([independent()] * 3, [ALL] * 3, kind)
    assert found.scores.tolist() == pytest.approx([score] * 3, abs=1e-3)
    assert np.isnan(np.diag(found.pairs)).all()


def test_chance_correlations_lower_the_agreement_of_ranks_and_not_that_of_the_lasso():
    # So a network of independent latents scores 1 with itself by ranks only where they are uncorrelated.
    codes = np.random.default_rng(0).normal(size=(2000, 10))
    by_rank, by_lasso = (udr([codes] * 2, [np.ones(10)] * 2, kind).scores.iloc[0] for kind in KINDS[::-1])
    # Nine |ρ| of 0.0178 on average; the standard error of the mean of ten sums is 0.01.
    assert by_rank == pytest.approx(1 / (1 + 9 * np.sqrt(2 / (np.pi * 2000))), abs=0.02)
    assert by_lasso == pytest.approx(0.9, abs=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_unrelated_networks_do_not_agree(kind):
    rng = np.random.default_rng(0)
    found = udr([rng.normal(size=(2000, 4)) for _ in range(2)], [ALL, ALL], kind)
    assert found.scores.max() < 0.05


@settings(max_examples=15)
@given(
    st.integers(0, 1000),
    st.permutations(range(4)),
    st.tuples(*[st.sampled_from([-3.0, -0.5, 0.2, 1, 40])] * 4),
    st.sampled_from(KINDS),
)
def test_scores_are_blind_to_order_sign_and_scale_of_the_latents(seed, order, scale, kind):
    rng = np.random.default_rng(seed)
    one = rng.normal(size=(500, 4))
    other = one @ rng.normal(size=(4, 4)) + rng.normal(size=(500, 4))
    before = udr([one, other], [ALL, ALL], kind).scores
    after = udr([one, (other * scale)[:, order]], [ALL, ALL], kind).scores
    np.testing.assert_allclose(after, before, atol=1e-3)


@settings(max_examples=15)
@given(st.integers(0, 1000))
def test_ranks_see_through_any_rising_function(seed):
    codes = np.random.default_rng(seed).normal(size=(300, 4))
    bent = udr([codes, np.exp(codes)], [ALL, ALL], "spearman").scores
    np.testing.assert_allclose(bent, udr([codes, codes], [ALL, ALL], "spearman").scores)


@pytest.mark.parametrize("kind", KINDS)
def test_turning_one_of_two_like_networks_lowers_their_agreement(kind):
    codes = independent()
    q, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))
    turned = (codes - codes.mean(0)) @ q
    like, unlike = (udr([codes, code], [ALL, ALL], kind).scores.iloc[0] for code in (codes, turned))
    assert unlike < like - 0.3


@pytest.mark.parametrize("kind", KINDS)
def test_latents_without_kl_are_left_out_whatever_they_hold(kind):
    codes, rng = independent(), np.random.default_rng(0)
    masked = np.column_stack([codes, codes[:, 0], rng.normal(size=len(codes)), np.zeros(len(codes))])
    kl = np.array([1, 1, 1, 1, 0.009, 0.01, 0])
    one, other = udr([codes, masked], [ALL, kl], kind), udr([codes, codes], [ALL, ALL], kind)
    np.testing.assert_allclose(one.pairs, other.pairs)


def test_the_score_of_a_network_is_the_median_over_its_partners():
    codes = independent()
    half = codes.copy()
    half[:, 2:] = np.random.default_rng(0).normal(size=(len(codes), 2))
    found = udr([codes, codes, codes, half], [ALL] * 4, "lasso", names=["s0", "s1", "s2", "s3"])
    assert found.pairs.loc["s0", "s3"] == pytest.approx(0.45, abs=0.01)
    assert found.scores.to_dict() == pytest.approx({"s0": 0.9, "s1": 0.9, "s2": 0.9, "s3": 0.45}, abs=0.01)
    np.testing.assert_array_equal(found.pairs, found.pairs.T)


def test_a_collapsed_network_has_no_score_and_spoils_no_other():
    codes = independent()
    found = udr([codes, codes, np.zeros((len(codes), 4))], [ALL, ALL, np.full(4, 0.001)])
    assert found.scores.tolist() == pytest.approx([0.9, 0.9, np.nan], abs=1e-3, nan_ok=True)


def test_networks_may_have_unlike_numbers_of_latents():
    codes = independent()
    # Three of four are found again: columns 0.9 each, rows 0.9, 0.9, 0.9 and 0.
    pair = udr([codes, codes[:, :3]], [ALL, ALL[:3]]).pairs.iloc[0, 1]
    assert pair == pytest.approx((0.9 + 0.9 * 3 / 4) / 2, abs=1e-3)
    assert relation(codes, codes[:, :1], "lasso").shape == (4, 1)
    assert relation(codes[:, :1], codes, "spearman").shape == (1, 4)


def test_one_to_one_by_hand():
    assert one_to_one(np.eye(3)) == 1
    assert one_to_one(np.full((2, 2), 0.5)) == pytest.approx(0.25)
    assert one_to_one(np.array([[1.0, 0], [1, 0]])) == pytest.approx(((0.5 + 0) / 2 + (1 + 1) / 2) / 2)
    assert one_to_one(np.zeros((2, 3))) == 0


GOOD = independent(256)


@pytest.mark.parametrize(
    ("codes", "kl", "message"),
    [
        ([GOOD], [ALL], "1 codes and 1 KLs are refused; needed: two codes"),
        ([GOOD, GOOD], [ALL], "2 codes and 1 KLs are refused"),
        ([GOOD, GOOD[:9]], [ALL, ALL], "codes of 256, 9 images are refused"),
        ([GOOD, GOOD], [ALL, ALL[:2]], r"code '2' of shape \(256, 4\) with KL of shape \(2,\)"),
        ([GOOD, GOOD], [ALL, ALL * np.nan], "code '2' .* is refused; accepted: .*, finite"),
        ([GOOD, GOOD * [1, 1, 0, 1]], [ALL, ALL], "latents 3 of code '2' have KL above 0.01 and do not vary"),
        ([GOOD, GOOD + np.array([0, np.inf, 0, 0])], [ALL, ALL], "latents 2 are not finite"),
    ],
)
def test_bad_input_is_refused_by_name(codes, kl, message):
    with pytest.raises(InputError, match=message):
        udr(codes, kl)


def test_unknown_kinds_and_names_used_twice_are_refused():
    with pytest.raises(InputError, match=r"relation 'pearson' is unknown; accepted: lasso, spearman"):
        udr([GOOD, GOOD], [ALL, ALL], "pearson")
    with pytest.raises(InputError, match=r"names \['a', 'a'\] are refused; accepted: 2 different ones"):
        udr([GOOD, GOOD], [ALL, ALL], names=["a", "a"])
