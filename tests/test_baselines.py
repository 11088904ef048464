import logging
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from tests.tiny import tiny
from vaelib.data.dataset import as_float, load_split
from vaelib.errors import DivergedError, InputError
from vaelib.metrics import probes
from vaelib.metrics.dependence import active_units
from vaelib.models import inference as latents
from vaelib.models.build import build_vae
from vaelib.scores import baselines, linear, supervised
from vaelib.scores.baselines import (
    BASELINES,
    HALF_A_GREY,
    fit_baselines,
    fit_linear,
    fit_scale,
    of_linear,
    of_model,
    of_supervised,
    scaled,
    untrained,
)
from vaelib.scores.supervised import labelled, train_network

SPEC = tiny()
SMALL = tiny(n_train=900, n_test=200, image_size=32)
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def train():
    return load_split(SPEC, "train")


@pytest.fixture(scope="module")
def test_set():
    return load_split(SPEC, "test")


@pytest.fixture(scope="module")
def small_train():
    return load_split(SMALL, "train")


@pytest.fixture(scope="module")
def small_test():
    return load_split(SMALL, "test")


def pixels(images):
    return as_float(images).flatten(1).numpy()


def pca(images, m):
    return of_linear(fit_linear("pca", images, m))


def ica(images, m):
    return of_linear(fit_linear("ica", images, m))


def scaled_untrained(spec, images):
    return scaled(untrained(spec), fit_scale(untrained(spec), images))


def upper_bound(spec, train):
    return of_supervised(supervised.train_encoder(spec, train, progress=False), spec.latent_dim)


def digit_accuracy(encoder, test):
    digit, fit = test.factors["digit"].to_numpy(), probes.halves(test.factors["index"].to_numpy())
    mu = encoder.encode(test.images).mu
    return (probes.knn_classes(mu, digit, fit) == digit[~fit]).mean()


def test_the_encoder_of_a_network_is_the_network(test_set):
    model = build_vae(SPEC)
    encoder = of_model(model, "mine")
    codes, expected = encoder.encode(test_set.images), latents.encode(model, test_set.images)
    np.testing.assert_array_equal(codes.mu, expected.mu)
    np.testing.assert_array_equal(codes.z, expected.z)
    np.testing.assert_array_equal(codes.kl, expected.kl)
    np.testing.assert_array_equal(encoder.decode(codes.mu), latents.decode(model, codes.mu))
    assert encoder.name == "mine"


def test_pca_rebuilds_what_scikit_learn_s_inverse_does(train, test_set):
    encoder = pca(train.images, 5)
    known = PCA(5, svd_solver="full").fit(pixels(train.images))
    rebuilt = encoder.decode(encoder.encode(test_set.images).mu)
    expected = known.inverse_transform(known.transform(pixels(test_set.images)))
    assert rebuilt.shape == (16, 16, 16)
    np.testing.assert_allclose(
        rebuilt.reshape(16, -1), expected.clip(HALF_A_GREY, 1 - HALF_A_GREY), atol=2e-5
    )
    assert rebuilt.min() >= HALF_A_GREY * (1 - 1e-6)


@pytest.mark.parametrize("fit", [pca, ica])
def test_linear_codes_have_mean_0_and_sd_1_uncorrelated_and_no_spread(fit, train):
    codes = fit(train.images, 4).encode(train.images)
    np.testing.assert_allclose(codes.mu.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(np.cov(codes.mu, rowvar=False), np.eye(4), atol=0.02)
    np.testing.assert_array_equal(codes.z, codes.mu)
    assert np.isposinf(codes.kl_per_dim).all()


def test_components_are_fitted_on_images_spread_over_all(train, test_set, monkeypatch):
    monkeypatch.setattr(baselines, "FITTED", 44)
    some = pca(train.images, 3).encode(test_set.images).mu
    monkeypatch.setattr(baselines, "FITTED", 1000)
    np.testing.assert_array_equal(some, pca(train.images[::2], 3).encode(test_set.images).mu)
    assert (some != pca(train.images, 3).encode(test_set.images).mu).any()


def test_ica_rebuilds_what_pca_does_along_other_axes(train, test_set):
    principal, independent = pca(train.images, 4), ica(train.images, 4)
    one, other = (encoder.encode(test_set.images).mu for encoder in (principal, independent))
    np.testing.assert_allclose(principal.decode(one), independent.decode(other), atol=1e-4)
    assert np.abs(one - other).max() > 0.1


def test_ica_finds_sources_that_pca_mixes():
    sources = RNG.uniform(-1, 1, (3000, 3))
    x = (sources @ RNG.normal(size=(3, 30))).astype(np.float32)
    found = {
        fit: np.abs(np.corrcoef(fit(x, 3).encode(x).T, sources.T)[:3, 3:]).max(1).min()
        for fit in (linear.principal, linear.independent)
    }
    assert found[linear.independent] > 0.99
    assert found[linear.principal] < 0.95


def test_ica_that_does_not_settle_says_so_in_its_name_and_still_rebuilds(train, monkeypatch):
    monkeypatch.setattr(linear, "ICA_ROUNDS", 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encoder = ica(train.images, 4)
    assert encoder.name == "ICA (not settled in 1 rounds)"
    code = linear.independent(pixels(train.images), 4)
    np.testing.assert_allclose(code.reading @ code.basis, np.eye(4), atol=1e-4)


@pytest.mark.parametrize("fit", [pca, ica])
@pytest.mark.parametrize("m", [0, 88])
def test_too_few_and_too_many_components_are_refused(fit, m, train):
    with pytest.raises(InputError, match=rf"{m} components of pixels \(88, 256\).*accepted: 1 to 87"):
        fit(train.images, m)


def test_the_untrained_network_is_its_seed_s(test_set):
    mu = untrained(SPEC).encode(test_set.images).mu
    np.testing.assert_array_equal(mu, untrained(replace(SPEC, beta=9.0)).encode(test_set.images).mu)
    assert (mu != untrained(replace(SPEC, seed=1)).encode(test_set.images).mu).all()
    assert not active_units(mu).any()


def test_an_untrained_code_is_scaled_and_decodes_to_the_same_images(train):
    raw, scaled = untrained(SPEC), scaled_untrained(SPEC, train.images)
    mu, codes = raw.encode(train.images).mu, scaled.encode(train.images)
    np.testing.assert_allclose(codes.mu, (mu - mu.mean(0)) / mu.std(0), atol=1e-2)
    np.testing.assert_allclose(codes.mu.std(0), 1, atol=1e-3)
    np.testing.assert_array_equal(codes.z, codes.mu)
    np.testing.assert_allclose(scaled.decode(codes.mu), raw.decode(mu), atol=1e-6)


def test_labels_beat_no_training_and_the_heads_read_digit_and_angle(small_train, small_test, tmp_path):
    network = labelled(SMALL, tmp_path, progress=False)
    encoder = fit_baselines(SMALL, tmp_path, ["supervised"])["supervised"]
    assert encoder.decode is None
    assert encoder.encode(small_test.images).mu.shape == (400, 10)
    assert (
        digit_accuracy(encoder, small_test)
        > digit_accuracy(scaled_untrained(SMALL, small_train.images), small_test) + 0.1
    )

    factors = small_test.factors
    with torch.no_grad():
        _, logits, waves = network(as_float(small_test.images))
    rotated, right = factors["rotated"], logits.argmax(1).numpy() == factors["digit"]
    assert right[~rotated].mean() > 0.6
    angle = np.degrees(np.arctan2(*waves.numpy().T))
    assert probes.r2(factors["angle"][rotated], angle[rotated]) > 0.5


def test_the_upper_bound_depends_on_the_encoder_and_not_on_the_run(train, test_set):
    mu = upper_bound(SPEC, train).encode(test_set.images).mu
    for same in (replace(SPEC, seed=4, beta=64.0, epochs=1), replace(SPEC, init="he")):
        np.testing.assert_array_equal(mu, upper_bound(same, train).encode(test_set.images).mu)
    other = upper_bound(replace(SPEC, latent_dim=3), train).encode(test_set.images).mu
    assert other.shape == (16, 3)


def test_the_heads_see_nothing_but_mu(train):
    network = supervised.train_encoder(SPEC, train, progress=False)
    x = as_float(train.images[:5])
    with torch.no_grad():
        mu, logits, waves = network(x)
        np.testing.assert_array_equal(mu, network.mu(x))
        np.testing.assert_allclose(network.heads(mu), torch.cat([logits, waves], 1))
    assert mu.shape == (5, SPEC.latent_dim)
    assert not network.training


def test_a_loss_that_is_not_finite_stops_the_training(train):
    network = torch.nn.Linear(1, 1)
    with pytest.raises(DivergedError, match=r"mine diverged: a loss is nan; lower its rate 0\.002"):
        train_network(
            network,
            train.images,
            lambda x, rows: network.weight.sum() * float("nan"),
            "mine",
            epochs=2,
            progress=False,
        )


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = tmp_path_factory.mktemp("store")
    fit_baselines(SPEC, store, progress=False)
    return store


@pytest.mark.parametrize(
    "changed",
    [{"beta": 1.0, "epochs": 1}, {"objective": "pose"}, {"objective": "joint", "capacity": 5.0}],
    ids=["training", "pose", "joint"],
)
def test_the_second_time_nothing_is_fitted_and_nothing_differs(store, train, test_set, monkeypatch, changed):
    fitted = {
        "pca": pca(train.images, 10),
        "ica": ica(train.images, 10),
        "untrained": scaled_untrained(SPEC, train.images),
        "supervised": upper_bound(SPEC, train),
    }
    for module in (baselines, supervised):
        monkeypatch.setattr(module, "load_split", None)
    found = fit_baselines(replace(SPEC, **changed), store)
    assert tuple(found) == BASELINES
    for name, encoder in found.items():
        assert encoder.name == fitted[name].name
        mu = encoder.encode(test_set.images).mu
        np.testing.assert_array_equal(mu, fitted[name].encode(test_set.images).mu)
        if encoder.decode:
            np.testing.assert_array_equal(encoder.decode(mu), fitted[name].decode(mu))


def test_a_damaged_baseline_is_fitted_again_to_the_same(store, caplog):
    files = sorted(store.glob(".cache/*/weights.safetensors"))
    before = [file.read_bytes() for file in files]
    assert len(files) == len(BASELINES)
    for file, content in zip(files, before, strict=True):
        file.write_bytes(content[: len(content) // 2])
    with caplog.at_level(logging.WARNING):
        fit_baselines(SPEC, store, progress=False)
    assert caplog.text.count("is damaged") == len(BASELINES)
    assert [file.read_bytes() for file in files] == before


def test_other_images_have_other_baselines_and_other_names_are_refused(tmp_path, test_set):
    one, other = (
        fit_baselines(tiny(data_seed=seed), tmp_path, ["pca"])["pca"].encode(test_set.images).mu
        for seed in (0, 1)
    )
    assert (one != other).any()
    with pytest.raises(
        InputError, match=r"baseline 'pac' is unknown; accepted: pca, ica.*Did you mean 'pca'"
    ):
        fit_baselines(SPEC, tmp_path, ["ica", "pac"])
