import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaelib.errors import InputError
from vaelib.metrics import importance
from vaelib.metrics import known_codes as known
from vaelib.metrics.importance import DCI, dci
from vaelib.metrics.prediction import explicitness, sap, single_latent_scores

SCALES = st.tuples(*[st.sampled_from([-3.0, -0.5, 0.2, 1, 40])] * 4)


def half(n):
    return np.arange(n) % 2 == 0


def small_code(seed, n=400):
    """Four latents, of which two follow a quantity and a pair of classes, with noise."""
    rng = np.random.default_rng(seed)
    factors = pd.DataFrame({"angle": rng.uniform(-1, 1, n), "kind": rng.integers(3, size=n)})
    codes = rng.normal(size=(n, 4))
    codes[:, 0] = factors["angle"] + 0.2 * codes[:, 0]
    codes[:, 1] = factors["kind"] + 0.3 * codes[:, 1]
    return codes, factors


def test_scores_of_the_known_codes():
    table = known.known_scores(["prediction"])
    assert len(table) == 7 * len(known.INFORMATIVE)
    for row in table.itertuples():
        assert row.obtained == pytest.approx(row.expected, abs=row.tolerance, nan_ok=True), row


@settings(max_examples=3)
@given(st.integers(0, 1000), st.permutations(range(4)), SCALES)
def test_scores_are_blind_to_order_sign_and_scale_of_the_latents(seed, order, scale):
    codes, factors = small_code(seed)
    changed, fit = (codes * scale)[:, order], half(len(codes))
    before, after = single_latent_scores(codes, factors, fit), single_latent_scores(changed, factors, fit)
    np.testing.assert_allclose(after["angle"], before["angle"].iloc[order], atol=1e-9)
    # A sign moves an image that lies on an edge to its other side.
    np.testing.assert_allclose(after["kind"], before["kind"].iloc[order], atol=0.05)
    one, other = (dci(code, factors, fit, "lasso") for code in (codes, changed))
    np.testing.assert_allclose(other.importance, one.importance.iloc[order], atol=0.01)
    # The optimum is unique, but its solver stops within a tolerance of it.
    np.testing.assert_allclose(
        explicitness(changed, factors, fit, bins=5), explicitness(codes, factors, fit, bins=5), atol=0.005
    )


def test_a_forest_is_blind_to_order_sign_and_scale_of_the_latents():
    codes, factors = small_code(0, n=1000)
    order = [2, 0, 3, 1]
    one = dci(codes, factors, half(1000))
    other = dci((codes * [-3, 0.2, 40, -1])[:, order], factors, half(1000))
    # Other random numbers grow other trees, and may make another depth the best by a hair.
    np.testing.assert_allclose(other.importance, one.importance.iloc[order], atol=0.06)
    assert other.disentanglement == pytest.approx(one.disentanglement, abs=0.06)


@settings(max_examples=5)
@given(st.integers(0, 1000))
def test_explicitness_is_blind_to_rotations(seed):
    codes, factors = small_code(seed)
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(4, 4)))
    codes = codes / codes.std(0)
    plain, turned = (explicitness(code, factors, half(400), bins=5) for code in (codes, codes @ q))
    np.testing.assert_allclose(turned, plain, atol=0.01)


def test_explicitness_of_two_classes_is_the_area_under_one_curve():
    # Two normal classes 1 SD apart: area Φ(1/√2) = 0.760; standard error 0.005 on 10,000 images.
    rng = np.random.default_rng(0)
    kind = rng.integers(2, size=20_000)
    score = explicitness((kind + rng.normal(size=20_000))[:, None], {"kind": kind}, half(20_000))
    assert score["kind"] == pytest.approx(0.760, abs=0.015)


def test_single_latent_scores_of_lines_of_classes_and_of_dead_latents():
    rng = np.random.default_rng(0)
    digit, angle = rng.integers(10, size=4000), rng.uniform(-90, 90, 4000)
    # Digits in an order of their own, on one axis: a line could not tell them, bins can.
    place = np.array([3, 9, 0, 7, 1, 8, 2, 6, 4, 5])[digit]
    codes = np.column_stack([place + 0.1 * rng.normal(size=4000), 3 - angle, np.abs(angle), np.zeros(4000)])
    scores = single_latent_scores(codes, {"digit": digit, "angle": angle}, half(4000))
    assert scores.index.tolist() == [1, 2, 3, 4]
    assert scores.loc[1, "digit"] > 0.99
    # Ten classes by chance: 0.1 ± 0.007.
    np.testing.assert_allclose(scores["digit"][1:3], 0.1, atol=0.02)
    assert scores.loc[4, "digit"] == 0.1
    np.testing.assert_allclose(scores["angle"], [0, 1, 0, 0], atol=0.01)
    gaps = sap(scores)
    assert gaps["digit"] == pytest.approx(0.9, abs=0.02)
    assert gaps["angle"] == pytest.approx(1, abs=0.01)


def test_accuracy_is_balanced():
    # One latent tells the rare class only half of the time: recall (1 + ½) / 2, whatever its share.
    rng = np.random.default_rng(0)
    rare = (np.arange(20_000) // 2 % 10 == 0).astype(int)
    shown = rare & (rng.random(20_000) < 0.5)
    score = single_latent_scores(shown[:, None].astype(float), {"rare": rare}, half(20_000))
    assert score.loc[1, "rare"] == pytest.approx(0.75, abs=0.03)


def test_the_gap_of_one_latent_is_its_score():
    assert sap(pd.DataFrame({"a": [0.7]}))["a"] == 0.7


def test_disentanglement_and_completeness_of_importances_written_by_hand():
    importance = pd.DataFrame({"a": [1.0, 0, 0, 0], "b": [0.5, 0.5, 0, 0], "c": [0, 0, 0, 0.0]})
    scores = DCI(importance, pd.Series({"a": 1.0, "b": 1.0, "c": 0.0}))
    entropy = -(np.log(2 / 3) * 2 / 3 + np.log(1 / 3) / 3)
    np.testing.assert_allclose(scores.per_latent, [1 - entropy / np.log(3), 1, np.nan, np.nan])
    np.testing.assert_allclose(scores.per_factor, [1, 1 - np.log(2) / np.log(4), np.nan])
    # Weights 1.5 and 0.5 of 2; the factor that is not predicted has no completeness to average.
    assert scores.disentanglement == pytest.approx(0.75 * (1 - entropy / np.log(3)) + 0.25)
    assert scores.completeness == pytest.approx((1 + 1 / 2) / 2)


def test_dci_of_nothing_of_one_factor_and_of_one_latent_is_undefined():
    nothing = DCI(pd.DataFrame({"a": [0.0, 0], "b": [0.0, 0]}), pd.Series(dtype=float))
    assert np.isnan([nothing.disentanglement, nothing.completeness]).all()
    one_factor = DCI(pd.DataFrame({"a": [0.5, 0.5]}), pd.Series(dtype=float))
    assert np.isnan(one_factor.disentanglement)
    assert one_factor.completeness == pytest.approx(0)
    one_latent = DCI(pd.DataFrame({"a": [1.0], "b": [1.0]}), pd.Series(dtype=float))
    assert np.isnan(one_latent.completeness)
    assert one_latent.disentanglement == pytest.approx(0)


@pytest.mark.parametrize("model", ["forest", "lasso"])
def test_latents_are_credited_where_classes_and_quantities_lie(model):
    codes, factors = small_code(1, n=1000)
    factors["luck"] = np.random.default_rng(2).normal(size=1000)
    codes = np.column_stack([codes, factors["angle"]])
    active = np.array([True] * 4 + [False])
    scores = dci(codes, factors, half(1000), model, active)
    assert scores.importance["angle"].idxmax() == 1
    assert scores.importance["kind"].idxmax() == 2
    assert scores.importance[["angle", "kind"]].max().min() > 0.8
    np.testing.assert_allclose(scores.importance.sum(), [1, 1, 0])
    # The latent that is not active is the angle itself, and is not used.
    assert (scores.importance.loc[5] == 0).all()
    assert np.isnan(scores.per_latent[5])
    assert np.isnan(scores.per_factor["luck"])
    # 1 / (1 + 3 · 0.2²); three classes 1 apart with SD 0.3 overlap: 1 − 4/3 Φ(−5/3) = 0.936.
    assert scores.informativeness["angle"] == pytest.approx(0.89, abs=0.05)
    assert scores.informativeness["luck"] == pytest.approx(0, abs=0.1)
    if model == "forest":
        assert scores.informativeness["kind"] == pytest.approx(0.936, abs=0.05)


def test_a_forest_sees_what_is_not_a_line_and_lasso_does_not():
    rng = np.random.default_rng(0)
    angle, other = rng.uniform(-1, 1, size=(2, 1000))
    codes, factors = np.column_stack([np.abs(angle), rng.normal(size=1000)]), {"even": angle**2 + 0 * other}
    shifted = {"sign": np.where(np.abs(angle) > 0.5, 1.0, -1.0) * np.sign(codes[:, 1])}
    forest, lasso = (dci(codes, {**factors, **shifted}, half(1000), model) for model in ("forest", "lasso"))
    assert forest.informativeness["sign"] > 0.8
    assert forest.per_factor["sign"] == pytest.approx(0, abs=0.3)
    assert lasso.informativeness["sign"] < 0.05
    assert lasso.importance.loc[1, "even"] > 0.95


def test_the_same_seed_gives_the_same_forest():
    codes, factors = small_code(0)
    one, again = (dci(codes, factors[["angle"]], half(400), seed=3) for _ in range(2))
    pd.testing.assert_frame_equal(one.importance, again.importance)


CODES, FACTORS = small_code(0)


@pytest.mark.parametrize("score", [explicitness, single_latent_scores, dci])
def test_bad_input_is_refused_by_name(score):
    fit = half(400)
    with pytest.raises(InputError, match=r"fit of shape \(10,\), bool is refused; accepted: bool \(400,\)"):
        score(CODES, FACTORS, fit[:10])
    with pytest.raises(InputError, match=r"fit of shape \(400,\), int64 is refused"):
        score(CODES, FACTORS, fit.astype(int))
    with pytest.raises(InputError, match=r"factor 'angle' .*scored half"):
        score(CODES, FACTORS, np.ones(400, dtype=bool))
    rare = {"kind": np.where(np.arange(400) < 6, 2, np.arange(400) // 2 % 2)}
    with pytest.raises(InputError, match="factor 'kind' has 3 images at level 3 of 3 in the fitted half"):
        score(CODES, rare, fit)
    with pytest.raises(InputError, match="none of the 4 latents is active"):
        score(np.ones((400, 4)), FACTORS, fit)
    with pytest.raises(InputError, match="factor 'angle' is the same on all 400 images"):
        score(CODES, {"angle": np.zeros(400)}, fit)


def test_an_unknown_model_is_refused():
    with pytest.raises(InputError, match=r"model 'forrest' is unknown.*Did you mean 'forest'"):
        dci(CODES, FACTORS, half(400), "forrest")


@pytest.mark.parametrize("model", ["forest", "lasso"])
def test_no_digit_is_on_both_sides_of_a_cross_validation(model, monkeypatch):
    """Ten images of each of 40 digits; a model that knows the digit again would know its factor."""
    source = np.repeat(np.arange(40), 10)
    rng = np.random.default_rng(0)
    codes, fit = rng.normal(size=(400, 3)), source % 2 == 0
    factors = {"digit": source // 4 % 10, "angle": rng.normal(size=400)}
    folds = []

    def spy(kind):
        class Spy(kind):
            def split(self, rows, levels, groups):
                found = list(super().split(rows, levels, groups))
                folds.extend((groups[one], groups[other]) for one, other in found)
                return found

        return Spy

    for name in ("GroupKFold", "StratifiedGroupKFold"):
        monkeypatch.setattr(importance, name, spy(getattr(importance, name)))
    dci(codes, factors, fit, model, source=source)
    assert len(folds) >= 4
    for one, other in folds:
        assert not set(one) & set(other)
        assert (np.union1d(one, other) % 2 == 0).all()
