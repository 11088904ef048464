import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.tiny import tiny
from vaelib.data.dataset import Dataset, load_split
from vaelib.errors import InputError
from vaelib.metrics import probes
from vaelib.models.build import build_vae
from vaelib.models.inference import encode, traversal_ranges
from vaelib.models.losses import bernoulli_nll
from vaelib.models.vae import VAE
from vaelib.report.prose import span
from vaelib.scores.latent_profile import moved_maps, profile_latents, profiles_of
from vaelib.training.store import RunStore

RNG = np.random.default_rng(0)
UNIT = st.floats(0, 1, width=32)


def half(n):
    return np.arange(n) % 2 == 0


def test_halves_keep_both_images_of_a_digit_together():
    index = np.array([7, 4, 10, 7, 4, 10])
    assert probes.halves(index).tolist() == [False, True, True, False, True, True]


def test_r2_of_truth_of_the_mean_and_of_its_mirror():
    truth = RNG.normal(size=50)
    assert probes.r2(truth, truth) == 1
    assert probes.r2(truth, np.full(50, truth.mean())) == pytest.approx(0)
    assert probes.r2(truth, 2 * truth.mean() - truth) == pytest.approx(-3)


def test_a_line_reads_an_affine_latent_and_no_other():
    angle = RNG.uniform(-90, 90, 400)
    mu = np.column_stack([3 - 0.02 * angle, RNG.normal(size=400), np.full(400, 2.0), np.abs(angle)])
    straight, noise, constant, even = probes.line_r2(mu, angle, half(400))
    assert straight == pytest.approx(1)
    assert abs(noise) < 0.05
    assert abs(constant) < 0.05
    assert abs(even) < 0.05


@given(st.floats(0.1, 10), st.floats(-5, 5), st.booleans())
def test_the_line_is_blind_to_scale_shift_and_sign(scale, shift, flip):
    rng = np.random.default_rng(1)
    angle = rng.uniform(-90, 90, 60)
    mu = (angle + 30 * rng.normal(size=60))[:, None]
    changed = (-1 if flip else 1) * scale * mu + shift
    np.testing.assert_allclose(
        probes.line_r2(changed, angle, half(60)), probes.line_r2(mu, angle, half(60)), atol=1e-9
    )


def test_the_best_latent_is_chosen_without_the_scored_half():
    angle, fit = RNG.uniform(-90, 90, 100), half(100)
    lucky = np.where(fit, RNG.normal(size=100), angle)
    honest = np.where(fit, angle, RNG.normal(size=100))
    dead = np.zeros(100)
    assert probes.best_line(np.column_stack([dead, lucky, honest]), angle, fit) == 2


def test_neighbours_read_what_lies_in_clusters():
    cluster = np.arange(80) // 2 % 2
    mu = np.column_stack([100.0 * cluster, RNG.normal(size=80)])
    fit = half(80)
    angle = np.where(cluster, 40.0, -20.0)
    np.testing.assert_allclose(probes.knn_values(mu, angle, fit), angle[~fit])
    assert (probes.knn_classes(mu, cluster, fit) == cluster[~fit]).all()


def test_bootstrap_of_a_perfect_and_of_a_noisy_prediction():
    truth = RNG.normal(size=200)
    perfect = probes.bootstrap_r2(truth, truth)
    assert (perfect.value, perfect.low, perfect.high) == (1, 1, 1)
    noisy = probes.bootstrap_r2(truth, truth + RNG.normal(size=200) / 2, seed=3)
    assert noisy.low < noisy.value < noisy.high
    assert str(probes.Estimate(0.123, -0.05, 0.3)) == "0.12 [-0.05, 0.30]"


def test_bootstrap_intervals_cover_the_truth_as_often_as_they_say():
    noise, covered = 0.5, 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        truth = rng.normal(size=100)
        estimate = probes.bootstrap_r2(truth, truth + noise * rng.normal(size=100), seed, draws=200)
        covered += estimate.low <= 1 - noise**2 <= estimate.high
    assert 0.88 <= covered / 200 <= 0.99


def test_eta_squared_of_a_latent_that_is_the_class_and_of_one_that_ignores_it():
    classes = np.repeat(np.arange(5), 4)
    mu = np.column_stack([classes * 2.0, np.tile([0.0, 1, 2, 3], 5), np.ones(20)])
    np.testing.assert_allclose(probes.eta_squared(mu, classes), [1, 0, 0], atol=1e-12)


def test_mean_square_distance_is_that_of_all_pairs():
    images = RNG.uniform(size=(9, 4, 4))
    pairs = [((a - b) ** 2).sum() for i, a in enumerate(images) for b in images[:i]]
    assert probes.mean_square_distance(images) == pytest.approx(np.mean(pairs))


def test_traversal_energy_counts_in_distances_of_two_images():
    images = np.stack([np.zeros((4, 4)), np.ones((4, 4))])
    assert probes.traversal_energy(images[:1], images[1:], images) == pytest.approx(1)
    assert probes.traversal_energy(images, images, images) == 0
    assert probes.traversal_energy(images[:1], images[1:] / 2, images) == pytest.approx(1 / 4)


def test_change_map_is_the_root_mean_square_of_each_pixel():
    low = np.zeros((2, 1, 2))
    high = np.array([[[3.0, 0]], [[4.0, 0]]])
    np.testing.assert_allclose(probes.change_map(low, high), [[np.sqrt(12.5), 0]])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([[1, 2], [2, 4], [0.5, 1]], 1),
        ([[1, 2], [-1, -2]], -1),
        ([[1, 0], [0, 1]], 0),
        ([[1, 0], [1, 0], [0, 1]], 1 / 3),
        ([[1, 0], [0, 0], [3, 0]], 1),
        ([[1, 0], [0, 0]], 0),
    ],
    ids=["the same", "opposite", "unrelated", "one pair in three", "without the unchanged", "too few"],
)
def test_agreement(changes, expected):
    assert probes.agreement(np.array(changes, dtype=float)) == pytest.approx(expected)


def test_correlations_are_those_of_numpy_and_zero_for_dead_latents():
    mu = RNG.normal(size=(30, 4)) @ RNG.normal(size=(4, 4))
    mu[:, 3] = 7
    correlations = probes.latent_correlations(mu)
    np.testing.assert_allclose(correlations[:3, :3], np.corrcoef(mu[:, :3].T))
    np.testing.assert_allclose(correlations[3], 0, atol=1e-12)


def test_mean_correlation_ignores_signs():
    x = RNG.normal(size=20)
    assert probes.mean_abs_correlation(np.column_stack([x, -x, 2 * x])) == pytest.approx(1)


def test_entropy_of_black_white_and_grey():
    images = np.stack([np.zeros((2, 3)), np.ones((2, 3)), np.full((2, 3), 0.5)])
    np.testing.assert_allclose(probes.target_entropy(images), [0, 0, 6 * np.log(2)])


@given(
    arrays(np.float32, (1, 1, 2, 2), elements=UNIT),
    arrays(np.float32, (1, 1, 2, 2), elements=st.floats(-8, 8, width=32)),
)
def test_no_prediction_beats_the_entropy(x, logits):
    nll = bernoulli_nll(torch.from_numpy(logits).double(), torch.from_numpy(x).double())
    assert nll.item() >= probes.target_entropy(x)[0] - 1e-9


def test_tsne_is_the_same_each_time_and_refuses_a_perplexity_that_is_too_large():
    mu = RNG.normal(size=(40, 3)).astype(np.float32)
    first, again = (probes.tsne(mu, 5.0, seed=1) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    with pytest.raises(InputError, match="perplexity 40 is refused for 40 codes"):
        probes.tsne(mu, 40.0, seed=1)


def test_spans():
    assert span([0.5]) == "0.50"
    assert span([3, 1, 2], "{:.0f}") == "2 (1 to 3)"


def test_ranges_go_from_the_1_to_the_99_percent_quantile():
    mu = np.column_stack([np.arange(101.0), np.zeros(101)])
    np.testing.assert_allclose(traversal_ranges(mu, 3), [[1, 50, 99], [0, 0, 0]])


class Planted(VAE):
    """A network whose first latent is the angle, its second the digit, and whose third is dead.

    Images hold both factors in their first two pixels; only the first latent is drawn.
    """

    def __init__(self):
        super().__init__(torch.nn.Identity(), torch.nn.Identity(), latent_dim=3)
        self.template = torch.nn.Parameter(torch.linspace(-1, 1, 64).reshape(1, 1, 8, 8))

    def encode(self, x):
        mu = torch.stack([4 * x[:, 0, 0, 0] - 2, x[:, 0, 0, 1], torch.zeros(len(x))], dim=1)
        return mu, torch.zeros_like(mu)

    def decode(self, z):
        return z[:, :1, None, None] * self.template


def planted_dataset(n=200):
    digit = np.arange(n) // 2 % 10
    factors = pd.DataFrame({"index": np.arange(n), "digit": digit, "angle": 0.0, "rotated": False})
    factors = pd.concat(
        [factors, factors.assign(angle=RNG.uniform(-90, 90, n), rotated=True)], ignore_index=True
    )
    images = torch.zeros((2 * n, 1, 8, 8), dtype=torch.uint8)
    images[:, 0, 0, 0] = torch.from_numpy(np.round((factors["angle"].to_numpy() + 90) / 180 * 255))
    images[:, 0, 0, 1] = torch.from_numpy(25 * factors["digit"].to_numpy())
    return Dataset(images, factors)


def test_a_profile_finds_the_factors_where_they_were_planted():
    planted, test = Planted().eval(), planted_dataset()
    found = profile_latents(planted, test, n_moved=50)
    per_dim = found.per_dim
    assert per_dim.index.tolist() == [1, 2, 3]
    assert found.best_dim == 1
    assert found.angle_best_dim.value > 0.999
    assert per_dim.loc[2, "digit_share"] == pytest.approx(1)
    assert per_dim.loc[1, "digit_share"] < 0.1
    assert per_dim["active"].tolist() == [True, True, False]
    assert (per_dim["energy"] > 0).tolist() == [True, False, False]
    assert per_dim.loc[1, "agreement"] == pytest.approx(1)
    assert found.visible == 1
    assert found.digit_accuracy_upright == 1
    changed = moved_maps(planted, encode(planted, test.images).mu, 50)
    assert changed.shape == (3, 8, 8)
    assert [bool(own.any()) for own in changed] == (per_dim["energy"] > 0).tolist()


def test_a_profile_that_is_cached_is_the_one_that_was_measured(tmp_path, monkeypatch):
    run = RunStore(tmp_path).get(tiny(n_test=40))
    [first] = profiles_of([run], run.spec, 8)
    whole = profile_latents(run.model, load_split(run.spec, "test"), 8)
    monkeypatch.delattr("vaelib.scores.latent_profile.profile_latents")
    [again] = profiles_of([run], run.spec, 8)
    for found in (first, again):
        pd.testing.assert_frame_equal(found.per_dim, whole.per_dim)
        numbers = ("best_dim", "angle_all_dims", "digit_accuracy_upright", "correlation", "visible")
        assert [getattr(found, name) for name in numbers] == [getattr(whole, name) for name in numbers]


def strong(spec):
    """Return a fresh network whose weights are large enough for changes far above rounding errors."""
    torch.manual_seed(0)
    model = build_vae(spec).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
    return model


def test_an_affine_network_does_the_same_to_every_image_and_another_does_not():
    affine, curved = (tiny(arch=arch, n_test=40) for arch in ("ours", "article"))
    test = load_split(affine, "test")
    np.testing.assert_allclose(
        profile_latents(strong(affine), test, n_moved=20).per_dim["agreement"], 1, atol=1e-3
    )
    assert profile_latents(strong(curved), test, n_moved=20).per_dim["agreement"].min() < 0.99
