"""The category beside the latents: drawn as it should be, and its bound is a bound."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Categorical, Normal

from tests.tiny import tiny
from vaelib.data.dataset import as_float, load_split
from vaelib.models.build import build_vae, layer_table
from vaelib.models.inference import bound_terms, evaluate, log_weights
from vaelib.models.losses import bernoulli_nll, categorical_kl
from vaelib.models.vae import sample
from vaelib.training.losses import capacity_at, joint

SPEC = tiny(objective="joint", init="he", latent_dim=3, n_test=40)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return build_vae(SPEC).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def images():
    return load_split(SPEC, "test").images


@given(st.lists(st.floats(0, 1), min_size=2, max_size=12).filter(lambda weights: sum(weights) > 1e-3))
def test_the_kl_of_a_category_is_log_k_less_its_entropy_in_parts_never_negative(weights):
    q = torch.tensor([weights], dtype=torch.float64)
    q /= q.sum()
    parts = categorical_kl(q)
    assert (parts >= -1e-12).all()
    known = math.log(len(weights)) - Categorical(q).entropy().item()
    assert parts.sum().item() == pytest.approx(known, abs=1e-6)


def test_a_code_is_latents_and_probabilities_and_can_be_decoded(model, images):
    x = as_float(images)
    code, logvar = model.encode(x)
    assert (code.shape, logvar.shape) == ((80, 13), (80, 3))
    torch.testing.assert_close(code[:, 3:].sum(1), torch.ones(80))
    torch.testing.assert_close(model.decode(code), model.decoder(code), atol=1e-4, rtol=0)
    doubled = torch.cat([code[:, :3], 2 * code[:, 3:]], 1)
    torch.testing.assert_close(model.decode(doubled), model.decode(code), atol=1e-4, rtol=0)
    assert model.decode(torch.randn(5, 13)).shape == (5, 1, 16, 16)
    assert layer_table(SPEC)["output"].tolist()[-1] == "16×16×1"


def test_categories_are_drawn_with_their_probabilities_in_eval_mode_and_relaxed_in_train_mode(model, images):
    seen = []
    hook = model.decoder.register_forward_hook(lambda _, given, __: seen.append(given[0][:, 3:]))
    x = as_float(images[:1]).expand(20_000, 1, 16, 16)
    probabilities = model.encode(x[:1])[0][0, 3:]
    torch.manual_seed(0)
    model(x, torch.randn(20_000, 13))
    model.train()(x[:100], torch.randn(100, 13))
    model.eval()
    hook.remove()
    drawn, relaxed = seen
    assert set(drawn.unique().tolist()) == {0, 1}
    torch.testing.assert_close(drawn.mean(0), probabilities, atol=0.015, rtol=0)
    torch.testing.assert_close(relaxed.sum(1), torch.ones(100))
    assert ((relaxed > 0.01) & (relaxed < 0.99)).any()


def test_the_bound_is_that_of_all_categories_enumerated(model, images):
    x, n = as_float(images[:1]), 4000
    code, logvar = model.encode(x)
    mu, probabilities = code[:, :3], code[0, 3:]
    torch.manual_seed(0)
    z = sample(mu, logvar, torch.randn(n, 3))
    each = [
        bernoulli_nll(model.decoder(torch.cat([z, category.expand(n, 10)], 1)), x.expand(n, 1, 16, 16))
        for category in torch.eye(10)
    ]
    enumerated = sum(p * nll for p, nll in zip(probabilities, each, strict=True))
    terms = model.terms(x.expand(n, 1, 16, 16), torch.randn(n, 13), "bernoulli")
    error = math.hypot(enumerated.std().item(), terms.recon.std().item()) / n**0.5
    assert terms.recon.mean().item() == pytest.approx(enumerated.mean().item(), abs=4 * error)
    weights = model.log_weight(x.expand(n, 1, 16, 16), "bernoulli")(torch.randn(n, 13))
    bound = -(terms.recon + terms.kl.sum(1))
    error = math.hypot(weights.std().item(), bound.std().item()) / n**0.5
    assert weights.mean().item() == pytest.approx(bound.mean().item(), abs=4 * error)


def test_a_log_weight_is_joint_over_posterior_of_what_was_drawn(model, images):
    x = as_float(images[:9])
    drawn = []
    hook = model.decoder.register_forward_hook(lambda _, given, __: drawn.append(given[0].double()))
    weights = model.log_weight(x, "bernoulli")(torch.randn(9, 13))
    hook.remove()
    z, category = drawn[0][:, :3], drawn[0][:, 3:].argmax(1)
    code, logvar = (part.double() for part in model.encode(x))
    q = Normal(code[:, :3], torch.exp(logvar / 2)).log_prob(z).sum(1)
    q += Categorical(code[:, 3:]).log_prob(category)
    p = Normal(0.0, 1.0).log_prob(z).sum(1) - math.log(10)
    nll = bernoulli_nll(model.decoder(drawn[0].float()), x)
    torch.testing.assert_close(weights, p - q - nll, rtol=1e-5, atol=1e-4)


def test_it_is_measured_like_any_network(model, images):
    test = load_split(SPEC, "test")
    metrics = evaluate(model, SPEC, test)
    assert len(metrics["kl_per_dim"]) == 13
    terms = bound_terms(model, images, "bernoulli")
    assert metrics["test"]["all"]["kl"] == pytest.approx(terms.kl.sum(1).mean().item())
    assert log_weights(model, images[:4], "bernoulli", 2, progress=False).shape == (2, 4)


@pytest.mark.parametrize(("capacity", "of_category"), [(1.0, 1.0), (20.0, math.log(10))])
def test_latents_and_category_have_a_capacity_each(capacity, of_category, images):
    asked = tiny(objective="joint", init="he", latent_dim=3, capacity=capacity)
    torch.manual_seed(0)
    network = build_vae(asked)
    given = (network, as_float(images), torch.randn(80, 13), 7.0, asked, 1.0)
    terms, loss = joint(*given)
    assert capacity_at(asked, 1.0) == capacity
    distances = [
        abs(terms.kl[:, :3].sum(1).mean().item() - capacity),
        abs(terms.kl[:, 3:].sum(1).mean().item() - of_category),
    ]
    assert loss.item() == pytest.approx(terms.recon.mean().item() + 7 * sum(distances), rel=1e-5)
    loss.backward()
    assert all(p.grad.isfinite().all() for p in network.parameters())
