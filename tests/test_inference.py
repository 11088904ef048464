import numpy as np
import pytest
import torch

from tests.tiny import tiny
from vaelib.data.dataset import as_float, load_split
from vaelib.models.build import build_vae
from vaelib.models.inference import (
    BATCH,
    bound_terms,
    decode,
    decode_logits,
    encode,
    evaluate,
    normal_draws,
    prior_samples,
    traversal_latents,
    traverse,
)
from vaelib.models.losses import gaussian_kl


@pytest.fixture(scope="module")
def spec():
    return tiny(arch="ours", n_test=150)


@pytest.fixture(scope="module")
def model(spec):
    torch.manual_seed(0)
    return build_vae(spec)


@pytest.fixture(scope="module")
def test_set(spec):
    return load_split(spec, "test")


def test_the_parts_of_the_test_numbers_add_up(model, spec, test_set):
    metrics = evaluate(model, spec, test_set)
    parts = metrics["test"]
    for part in parts.values():
        assert part["neg_elbo"] == pytest.approx(part["recon"] + part["kl"])
    for name in ("recon", "kl", "mse"):
        both = (parts["upright"][name] + parts["rotated"][name]) / 2
        assert parts["all"][name] == pytest.approx(both)
    assert parts["all"]["n"] == 300
    assert sum(metrics["kl_per_dim"]) == pytest.approx(parts["all"]["kl"], rel=1e-5)


def test_only_the_halves_that_are_there_are_reported(model):
    upright = tiny(arch="ours", images="upright")
    assert set(evaluate(model, upright, load_split(upright, "test"))["test"]) == {"all", "upright"}


def test_evaluation_repeats_itself_and_leaves_the_network_as_it_was(model, spec, test_set):
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert evaluate(model, spec, test_set) == evaluate(model, spec, test_set)
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_the_bound_s_kl_is_that_of_the_codes(model, spec, test_set):
    terms = bound_terms(model, test_set.images, spec.likelihood)
    codes = encode(model, test_set.images)
    assert len(test_set) > BATCH
    np.testing.assert_allclose(terms.kl, codes.kl, rtol=1e-6)
    np.testing.assert_allclose(codes.kl_per_dim, terms.kl.mean(0), rtol=1e-5)


def test_encoding_in_batches_is_encoding_at_once(model, test_set):
    codes = encode(model, test_set.images)
    model.eval()
    with torch.no_grad():
        mu, logvar = model.encode(as_float(test_set.images))
    np.testing.assert_allclose(codes.mu, mu, atol=1e-5)
    np.testing.assert_allclose(codes.kl, gaussian_kl(mu, logvar), atol=1e-5)
    spread = (codes.z - codes.mu) / np.exp(logvar.numpy() / 2)
    assert abs(spread.mean()) < 0.1
    assert spread.std() == pytest.approx(1, abs=0.05)


def test_decoded_images_are_probabilities(model):
    z = prior_samples(model, 5, seed=0)
    images = decode(model, z)
    assert images.shape == (5, 16, 16)
    np.testing.assert_allclose(images, 1 / (1 + np.exp(-decode_logits(model, z))), rtol=1e-6)


def test_prior_samples_repeat_and_are_standard_normal(model):
    z = prior_samples(model, 4_000, seed=1)
    assert np.array_equal(z, prior_samples(model, 4_000, seed=1))
    assert np.array_equal(z, normal_draws(4_000, 10, seed=1))
    assert abs(z.mean()) < 0.03
    assert z.std() == pytest.approx(1, abs=0.02)


def test_a_traversal_moves_one_latent_only(model):
    start = np.arange(10.0)
    values = np.array([-1.0, 3.0, 2.0])
    latents = traversal_latents(start, 3, values)
    assert latents[:, 3].tolist() == values.tolist()
    assert np.array_equal(np.delete(latents, 3, axis=1), np.tile(np.delete(start, 3), (3, 1)))
    images = traverse(model, start, [0, 3], values)
    assert images.shape == (2, 3, 16, 16)
    np.testing.assert_allclose(images[1, 1], decode(model, start[None])[0], atol=1e-6)
