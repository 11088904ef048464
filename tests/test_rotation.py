import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from tests.figure import assert_transparent_and_drawn
from vaelib.errors import InputError
from vaelib.metrics import responses, rotation
from vaelib.plots import rotation as plots

RNG = np.random.default_rng(0)
N, ANGLES = 40, np.arange(-90, 91, 15)
A = len(ANGLES)
DIGIT = np.arange(N) % 10
ONLY_ANGLE = np.broadcast_to(ANGLES / 50, (N, A))
ONLY_IMAGE = np.broadcast_to(RNG.normal(size=(N, 1)), (N, A))
SIGNS = np.where(np.arange(N) % 2, 1, -1)[:, None]
INTERACTION = SIGNS * ANGLES / 50
DEAD = np.full((N, A), 0.3, dtype=np.float32)


def codes(*latents):
    return np.stack(latents, axis=-1)


def test_two_way_of_angle_image_interaction_and_nothing():
    result = rotation.two_way(codes(ONLY_ANGLE, ONLY_IMAGE, INTERACTION, DEAD))
    shares = result.table[list(rotation.SHARES)]
    np.testing.assert_allclose(shares.iloc[:3], np.eye(3), atol=1e-12)
    assert shares.iloc[3].isna().all()
    assert result.ris == pytest.approx(1)
    assert result.best_dim == 1
    assert result.table["purity"][1] == pytest.approx(1)
    assert result.table["purity"][3] == pytest.approx(0)
    assert result.table["exclusive"][2] == pytest.approx(0)
    np.testing.assert_allclose(result.table["share"][:3], [0.5, 0, 0.5], atol=1e-12)
    assert result.complete == pytest.approx(1 - np.log(2) / np.log(4))


def test_shares_of_a_known_mixture():
    """Effects of variance 1, 2 and 3 that are orthogonal by construction."""
    angle, image = np.linspace(-1, 1, A), np.tile([-1.0, -1, 1, 1], N // 4)[:, None]
    other = np.tile([-1.0, 1], N // 2)[:, None]
    mu = angle / angle.std() + np.sqrt(2) * image + np.sqrt(3) * other * (angle / angle.std())
    shares = rotation.two_way(codes(mu)).table.loc[1]
    np.testing.assert_allclose(shares[list(rotation.SHARES)].astype(float), [1 / 6, 2 / 6, 3 / 6])
    assert shares["purity"] == pytest.approx(1 / 4)
    assert shares["variance"] == pytest.approx(6)


@given(st.integers(2, 6), st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_the_three_shares_add_up_to_one(n, a, seed):
    shares = rotation.two_way(np.random.default_rng(seed).normal(size=(n, a, 3))).table
    np.testing.assert_allclose(shares[list(rotation.SHARES)].sum(axis=1), 1)
    assert (shares[list(rotation.SHARES)] >= 0).all(axis=None)


@given(st.floats(0.5, 10), st.floats(-5, 5), st.booleans(), st.integers(0, 2**32 - 1))
def test_shares_are_blind_to_scale_shift_sign_and_order(scale, shift, flip, seed):
    rng = np.random.default_rng(seed)
    mu = rng.normal(size=(5, 4, 2))
    changed = ((-1 if flip else 1) * scale * mu + shift)[rng.permutation(5)][:, rng.permutation(4)]
    one, other = (rotation.two_way(x).table[list(rotation.SHARES)] for x in (mu, changed))
    np.testing.assert_allclose(one, other, atol=1e-9)


def test_unrelated_images_share_one_part_in_n():
    eta2 = rotation.two_way(RNG.normal(size=(50, 37, 40))).table["eta2_angle"].mean()
    assert eta2 == pytest.approx(1 / 50, rel=0.2)


def test_a_sliver_of_variance_cannot_be_the_best_latent():
    mu = codes(1e-3 * ONLY_ANGLE, ONLY_IMAGE + 0.1 * ONLY_ANGLE)
    result = rotation.two_way(mu)
    assert result.table["eta2_angle"][1] == pytest.approx(1)
    assert result.best_dim == 2
    assert result.ris < 0.1
    isolation = rotation.rotation_isolation(mu, draws=10)
    assert isolation.best_dim == 2
    assert isolation.ris.value < 0.1


def test_shares_are_of_variances():
    mu = codes(ONLY_ANGLE, 3 * ONLY_ANGLE)
    np.testing.assert_allclose(rotation.two_way(mu).table["share"], [0.1, 0.9])
    equal = rotation.two_way(codes(ONLY_ANGLE, -ONLY_ANGLE))
    np.testing.assert_allclose(equal.table["share"], [0.5, 0.5])
    assert equal.complete == pytest.approx(0)


def test_without_an_active_latent_there_is_no_score():
    result = rotation.two_way(codes(DEAD, DEAD))
    assert result.best_dim is None
    assert np.isnan(result.ris)
    assert np.isnan(result.complete)
    isolation = rotation.rotation_isolation(codes(DEAD, 1e-3 * ONLY_ANGLE))
    assert isolation.best_dim is None
    assert np.isnan([isolation.ris.value, isolation.ris.low, isolation.ris.high]).all()


def test_the_interval_holds_the_score_and_is_that_of_plain_resampling():
    mu = codes(ONLY_ANGLE + RNG.normal(size=(N, A)) + SIGNS * ANGLES / 90, ONLY_IMAGE)
    found = rotation.rotation_isolation(mu, draws=300)
    assert found.best_dim == 1
    scored = mu[1::2]
    assert found.ris.value == pytest.approx(rotation.two_way(scored).ris)
    assert found.purity == pytest.approx(rotation.two_way(scored).table["purity"][1])
    assert found.ris.low < found.ris.value < found.ris.high
    rows = np.random.default_rng(1).integers(len(scored), size=(300, len(scored)))
    plain = [rotation.two_way(scored[drawn]).ris for drawn in rows]
    np.testing.assert_allclose([found.ris.low, found.ris.high], np.percentile(plain, [2.5, 97.5]), atol=0.02)


def test_the_latent_is_chosen_on_one_half_and_scored_on_the_other():
    chosen_on = np.arange(N) % 2 == 0
    lucky = np.where(chosen_on[:, None], ONLY_ANGLE, ONLY_IMAGE)
    honest = ONLY_ANGLE + 0.5 * ONLY_IMAGE
    mu = codes(lucky, honest)
    found = rotation.rotation_isolation(mu, draws=50)
    assert found.best_dim == 1
    assert found.ris.value == pytest.approx(0, abs=1e-9)


def test_by_default_the_luckiest_of_many_latents_is_not_favoured():
    """The largest of 40 shares of unrelated curves is far above their mean, 1/I; the chosen one's is not."""
    mu = RNG.normal(size=(20, 37, 40))
    lucky = max(rotation.two_way(mu[1::2]).table["eta2_angle"])
    chosen = [
        rotation.rotation_isolation(RNG.normal(size=(20, 37, 40)), draws=1).ris.value for _ in range(40)
    ]
    assert np.mean(chosen) == pytest.approx(1 / 10, rel=0.1)
    assert lucky > 1.2 / 10


def test_breakdown_by_class():
    """Classes rise or fall, each as one: rotation within the class, an interaction over all."""
    of_class = np.where(DIGIT < 5, 1, -1)[:, None] * ANGLES / 50
    assert rotation.two_way(codes(of_class)).ris == pytest.approx(0)
    table = rotation.class_breakdown(of_class, DIGIT)
    np.testing.assert_allclose(table["eta2_angle"], 1)
    assert table["n"].tolist() == [4] * 10
    alone = rotation.class_breakdown(of_class[:11], DIGIT[:11])
    assert alone.loc[1].drop("n").isna().all()
    assert alone.loc[0, "eta2_angle"] == pytest.approx(1)


def test_rank_correlations_of_rising_falling_even_and_still_latents():
    rho = responses.rank_correlations(
        codes(np.exp(ONLY_ANGLE), INTERACTION, np.abs(ONLY_ANGLE), DEAD), ANGLES
    )
    np.testing.assert_allclose(rho[:, 0], 1)
    np.testing.assert_allclose(rho[:, 1], SIGNS[:, 0])
    np.testing.assert_allclose(rho[:, 2], 0, atol=1e-12)
    assert np.isnan(rho[:, 3]).all()


def test_monotonicity_tells_one_direction_from_many():
    table = responses.monotonicity(codes(ONLY_ANGLE, INTERACTION, DEAD), ANGLES)
    assert table["mean_abs"][1] == pytest.approx(1)
    assert table["mean_abs"][2] == pytest.approx(1)
    assert table["abs_mean"][1] == pytest.approx(1)
    assert table["abs_mean"][2] == pytest.approx(0, abs=1e-12)
    assert table["abs_mean_null"][2] == pytest.approx(np.sqrt(2 / np.pi / N))
    assert table["consistency"][1] == 1
    assert table["consistency"][2] == 0.5
    assert table.loc[3].isna().all()


def test_smooth_curves_that_know_nothing_of_the_angle_are_at_their_null():
    angles = np.arange(-90, 91, 5)
    phases = RNG.uniform(0, 2 * np.pi, size=(400, 1))
    waves = np.cos(np.deg2rad(2 * angles) + phases)[..., None]
    table = responses.monotonicity(waves, angles, draws=10)
    assert table["mean_abs"][1] > 0.4
    assert table["mean_abs"][1] == pytest.approx(table["mean_abs_null"][1], abs=0.05)
    assert table["abs_mean"][1] < 4 * table["abs_mean_null"][1]


def test_the_null_enters_the_curve_and_its_mirror_image_anywhere():
    closed = np.concatenate([ANGLES, ANGLES[::-1]])
    windows = [np.roll(closed, place)[:A] for place in range(2 * A)]
    expected = np.mean([abs(spearmanr(window, ANGLES).statistic) for window in windows])
    found = responses.monotonicity(codes(ONLY_ANGLE), ANGLES, draws=100)["mean_abs_null"][1]
    assert found == pytest.approx(expected, abs=0.02)


def test_bands_hold_the_middle_of_the_digits():
    mu = np.broadcast_to(np.arange(11.0)[:, None, None], (11, 3, 2))
    bands = responses.response_bands(mu)
    assert bands.mean.shape == (3, 2)
    assert (bands.mean[0, 0], bands.low[0, 0], bands.high[0, 0]) == (5, 1, 9)


def test_a_latent_of_rotation_alone_can_be_taken_away():
    content = np.broadcast_to(DIGIT[:, None] * 10.0, (N, A))
    table = responses.invariance(codes(ONLY_ANGLE, content), DIGIT, ANGLES, 0, np.arange(N) < N // 2)
    assert table["n"].tolist() == [60, 40, 40, 40, 40, 40, 260]
    assert (table["without"] == 1).all()
    assert (table["all"] == 1).all()
    assert table["alone"]["all"] == pytest.approx(0.1, abs=0.05)
    swapped = responses.invariance(codes(ONLY_ANGLE, content), DIGIT, ANGLES, 1, np.arange(N) < N // 2)
    assert swapped["alone"]["all"] == 1
    assert swapped["without"]["all"] < 0.2


def test_refusals_name_what_is_wrong():
    with pytest.raises(InputError, match=r"\(40, 13\).*digits, angles, latents"):
        rotation.two_way(ONLY_ANGLE)
    with pytest.raises(InputError, match="two digits"):
        rotation.two_way(ONLY_ANGLE[:1, :, None])
    with pytest.raises(InputError, match="latent 2 of 2"):
        responses.invariance(codes(DEAD, DEAD), DIGIT, ANGLES, 2, DIGIT < 5)
    with pytest.raises(InputError, match="latent 0 of 1"):
        responses.invariance(codes(DEAD), DIGIT, ANGLES, 0, DIGIT < 5)


MU = codes(ONLY_ANGLE, ONLY_IMAGE, INTERACTION + ONLY_ANGLE)
FIGURES = {
    "response_curves": lambda: plots.response_curves(MU, ANGLES, DIGIT, rotation.two_way(MU).table),
    "arc": lambda: plots.arc(MU[..., [0, 2]] + RNG.normal(size=(N, A, 2)), ANGLES, DIGIT, ("one", "two")),
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_transparent_and_have_something_on_them(name):
    assert_transparent_and_drawn(FIGURES[name]())


def test_response_curves_show_the_latents_asked_for():
    table = pd.DataFrame(np.arange(9).reshape(3, 3) / 10, index=[1, 2, 3], columns=list(rotation.SHARES))
    figure = plots.response_curves(MU, ANGLES, DIGIT, table, dims=[2])
    assert [ax.get_title() for ax in figure.axes] == ["3: angle 0.60, digit 0.70, both 0.80", ""]
    mean = next(line for line in figure.axes[0].lines if line.get_linewidth() > 2 and len(line.get_xdata()))
    np.testing.assert_allclose(mean.get_ydata(), MU[..., 2].mean(0))
