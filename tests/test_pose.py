"""The pose turns as it should, its bound is a bound, and its gradient is that of the bound."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.tiny import tiny
from vaelib import pose
from vaelib.bounds import log_weights
from vaelib.data import as_float, load_split, render, turned
from vaelib.errors import InputError
from vaelib.evaluation import bound_terms, evaluate
from vaelib.latents import encode
from vaelib.losses import bernoulli_nll, gaussian_kl
from vaelib.mnist import load_mnist
from vaelib.models import build
from vaelib.objectives import OBJECTIVES, noise_columns
from vaelib.pose import BINS, WIDTH, centres
from vaelib.vae import sample

SPEC = tiny(objective="pose", init="he", latent_dim=3, n_test=40, rotation_range=15, beta=2.0)


def network(spec=SPEC, peaked: float = 30.0):
    """Return a network whose energies differ by nats, as trained ones do."""
    torch.manual_seed(0)
    model = build(spec).eval()
    with torch.no_grad():
        model.energy.out *= peaked
    return model


@pytest.fixture(scope="module")
def model():
    return network().requires_grad_(False)


@pytest.fixture(scope="module")
def images():
    return load_split(SPEC, "test").images


def costs(model, x, noise, beta: float, per_bin: int = 20):
    """Return −log p(x|θ, z) and KL of content (BINS,) of one picture, averaged over angles in each bin."""
    steps = WIDTH * ((torch.arange(per_bin) + 0.5) / per_bin - 0.5)
    angle = (centres()[:, None] + steps).flatten()
    mu, logvar = model.encoder(turned(x.expand(len(angle), -1, -1, -1), -angle)).chunk(2, dim=1)
    canvas = model.decoder(sample(mu, logvar, noise))
    recon = bernoulli_nll(turned(canvas, angle, outside="border"), x.expand_as(canvas))
    return (part.view(BINS, per_bin).mean(1) for part in (recon, beta * gaussian_kl(mu, logvar).sum(1)))


# --- angles ------------------------------------------------------------------------------------------------


def test_energies_shift_when_a_picture_is_turned_and_its_pose_rises_counter_clockwise():
    full = network(tiny(objective="pose", rotation_range=180, image_size=32)).requires_grad_(False)
    digits = load_mnist("test").images[:60]
    upright, ahead = (as_float(render(digits, np.full(60, angle), 32)) for angle in (0.0, 6 * WIDTH))
    before, after = full.energy(upright), full.energy(ahead)
    correlations = [
        [torch.corrcoef(torch.stack([a.roll(k), b]))[0, 1].item() for k in range(BINS)]
        for a, b in zip(before, after, strict=True)
    ]
    assert np.median(np.argmax(correlations, axis=1)) == 6
    assert np.median(np.max(correlations, axis=1)) > 0.9
    moved = full.pose(ahead)[0] - full.pose(upright)[0]
    assert moved.median().item() == pytest.approx(6 * WIDTH, abs=1.5)
    code = encode(full, (255 * ahead).to(torch.uint8)).mu[:, 0] * full.degrees
    np.testing.assert_allclose(code, full.pose(ahead)[0], atol=1e-3)


def test_the_decoder_draws_the_canvas_turned_by_the_first_latent(model):
    z = torch.randn(4, 3)
    z[:, 0] = 0
    ahead = z.clone()
    ahead[:, 0] = 90 / model.degrees
    torch.testing.assert_close(model.decode(z), model.decoder(z[:, 1:]))
    torch.testing.assert_close(
        model.decode(ahead), torch.rot90(model.decode(z), 1, (2, 3)), atol=1e-4, rtol=0
    )


def test_content_is_that_of_the_picture_turned_back_to_the_mode(model, images):
    x = as_float(images)
    code, logvar = model.encode(x)
    assert code.shape == logvar.shape == (80, 3)
    content, _ = model.encoder(turned(x, -model.degrees * code[:, 0])).chunk(2, dim=1)
    torch.testing.assert_close(code[:, 1:], content, atol=1e-4, rtol=1e-4)
    mode = model.angles[model.log_posterior(x).argmax(1)]
    assert ((model.degrees * code[:, 0] - mode).abs() < WIDTH * (pose.AROUND + 0.5)).all()
    assert (logvar[:, 0].exp() * model.degrees**2 >= WIDTH**2 / 12 - 1e-3).all()


@given(st.lists(st.floats(0, 1), min_size=BINS, max_size=BINS).filter(lambda q: sum(q) > 0.1))
def test_quantiles_rise_and_fall_in_each_bin_as_often_as_it_is_probable(weights):
    q = torch.tensor(weights) / sum(weights)
    n = 5000
    u = (torch.arange(n) + 0.5) / n
    bins, angle = pose._quantile(q.expand(n, BINS), u, centres())
    assert (angle.diff() >= -1e-3).all()
    assert ((angle - centres()[bins]).abs() <= WIDTH / 2 + 1e-4).all()
    share = torch.bincount(bins, minlength=BINS) / n
    assert (share - q).abs().max() < 2.5 / n


# --- prior and bound ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [15, 90, 180])
def test_the_prior_is_a_spike_at_upright_and_flat_elsewhere(limit):
    given_range = network(tiny(objective="pose", rotation_range=limit))
    prior = given_range.log_prior.exp()
    assert prior.sum().item() == pytest.approx(1, abs=1e-5)
    near = centres().abs() <= 15
    assert prior[near].sum().item() > pose.UPRIGHT
    assert prior.argmax() == BINS // 2
    if limit >= 90:
        flat = prior[(centres().abs() > 25) & (centres().abs() < limit - 3 * pose.SLACK)]
        assert flat.max() / flat.min() == pytest.approx(1, abs=0.02)
    assert prior[centres().abs() > limit + 5 * pose.SLACK].sum() == 0
    torch.testing.assert_close(prior[1:], prior[1:].flip(0))


def test_the_kl_of_the_pose_is_that_of_its_draws(model, images):
    log_q = model.log_posterior(as_float(images[:1]))
    u = torch.rand(200_000, generator=torch.Generator().manual_seed(0))
    bins, _ = pose._quantile(log_q.exp().expand(len(u), BINS), u, model.angles)
    ratios = log_q[0, bins] - model.log_prior[bins]
    closed = model.pose_kl(log_q).item()
    assert closed > 0.1
    assert ratios.mean().item() == pytest.approx(closed, abs=4 * ratios.std().item() / len(u) ** 0.5)
    prior = model.log_prior[None]
    assert model.pose_kl(prior).item() == pytest.approx(0, abs=1e-5)


def test_the_bound_is_that_of_all_bins_enumerated(model, images):
    x, n = as_float(images[:1]), 3000
    noise = torch.randn(1, 2, generator=torch.Generator().manual_seed(1))
    recon, content_kl = costs(model, x, noise, beta=1.0)
    log_q = model.log_posterior(x)[0]
    enumerated = (log_q.exp() * (recon + content_kl)).sum() + model.pose_kl(log_q[None])[0]
    u = (torch.arange(n) + 0.5) / n
    given_noise = torch.cat([torch.special.ndtri(u)[:, None], noise.expand(n, 2)], 1)
    terms = model.terms(x.expand(n, -1, -1, -1), given_noise, "bernoulli")
    bound = (terms.recon + terms.kl.sum(1)).mean()
    assert log_q.exp().max() < 0.9
    assert bound.item() == pytest.approx(enumerated.item(), rel=1e-4)
    weights = model.log_weight(x.expand(n, -1, -1, -1), "bernoulli")(torch.randn(n, 3))
    free = model.terms(x.expand(n, -1, -1, -1), torch.randn(n, 3), "bernoulli")
    of_free = free.recon + free.kl.sum(1)
    error = math.hypot(weights.std().item(), of_free.std().item()) / n**0.5
    assert -weights.mean().item() == pytest.approx(of_free.mean().item(), abs=4 * error)


def test_the_gradient_of_the_energies_is_that_of_the_bound_enumerated(images, monkeypatch):
    monkeypatch.setattr(pose, "CERTAIN", 0.0)
    learner, x, n, calls = network(), as_float(images[3:4]), 400, 25
    generator = torch.Generator().manual_seed(2)
    noise = torch.randn(1, 2, generator=generator)
    with torch.no_grad():
        recon, weighted = costs(learner, x, noise, beta=2.0)
    log_q = learner.log_posterior(x)
    loss = (log_q[0].exp() * (recon + weighted)).sum() + 2 * learner.pose_kl(log_q)[0]
    (true,) = torch.autograd.grad(loss, learner.energy.out)
    estimates = []
    for _ in range(calls):
        u = torch.randn(n, 2, 1, generator=generator)
        eps = torch.cat([torch.cat([u, noise.expand(n, 2, 2)], 2).flatten(1), u[:, 0]], 1)
        _, loss = OBJECTIVES["pose"](learner, x.expand(n, -1, -1, -1), eps, 2.0, SPEC, 1.0)
        (estimate,) = torch.autograd.grad(loss, learner.energy.out)
        estimates.append((estimate * true).sum() / true.square().sum())
    along = torch.stack(estimates)
    assert along.std() < 2
    assert along.mean().item() == pytest.approx(1, abs=4 * along.std().item() / calls**0.5)


def test_the_terms_told_in_training_are_those_of_the_first_sample(images):
    learner, x = network(), as_float(images[:16])
    assert noise_columns(learner, SPEC) == 7
    eps = torch.randn(16, 7)
    told, loss = OBJECTIVES["pose"](learner, x, eps, 2.0, SPEC, 1.0)
    known = learner.terms(x, eps[:, :3], "bernoulli")
    torch.testing.assert_close(told.recon, known.recon)
    torch.testing.assert_close(told.kl, known.kl)
    loss.backward()
    assert all(p.grad.abs().max() > 0 for p in learner.parameters() if p.numel() > 1)


def test_energies_learn_from_what_is_asked_alone_until_there_is_a_canvas(images):
    learner, x, eps = network(), as_float(images[:16]), torch.randn(16, 7)
    asked = learner.surprise(x[:8], 180 * torch.erf(eps[:8, 6] / math.sqrt(2))).mean()
    known = torch.autograd.grad(pose.CERTAIN * asked, learner.energy.out)[0]
    for progress, same in ((0.0, True), (1.0, False)):
        _, loss = OBJECTIVES["pose"](learner, x, eps, 2.0, SPEC, progress)
        (gradient,) = torch.autograd.grad(loss, learner.energy.out)
        assert torch.allclose(gradient, known, rtol=1e-4, atol=1e-4) == same


# --- what half of the pictures tell ------------------------------------------------------------------------


def test_without_energies_every_turn_is_as_surprising_as_a_bin_of_the_uniform_rest(images):
    flat = network(peaked=0.0)
    uniform = flat.log_window.softmax(0)[BINS // 2]
    surprise = flat.surprise(as_float(images[:20]), torch.linspace(-180, 180, 20))
    torch.testing.assert_close(surprise, (-uniform.log()).expand(20))


def test_of_a_known_turn_it_asks_the_bin_of_that_turn():
    full = network(tiny(objective="pose", rotation_range=180)).requires_grad_(False)
    x = as_float(load_split(SPEC, "test").images[:1])
    degrees = torch.linspace(-179, 179, 50)
    log_q = full.log_posterior(turned(x.expand(50, -1, -1, -1), degrees))
    bins = (degrees[:, None] - centres()).abs().argmin(1)
    bins[degrees > 180 - WIDTH / 2] = 0  # where the circle closes
    q = log_q.gather(1, bins[:, None])[:, 0].exp()
    known = -torch.log(pose.UPRIGHT * q + (1 - pose.UPRIGHT) / BINS)
    torch.testing.assert_close(full.surprise(x.expand(50, -1, -1, -1), degrees), known, rtol=1e-3, atol=1e-3)


def test_half_of_the_pictures_being_upright_says_which_way_is_up():
    """Energies alone, 300 steps on 1100 digits of which half of the pictures are turned by unknown angles."""
    spec = tiny(objective="pose", image_size=32, n_train=1200, n_test=200)
    learner = network(spec, peaked=1.0)
    pictures, test = (load_split(spec, split) for split in ("train", "test"))
    optimizer = torch.optim.Adam(learner.energy.parameters(), lr=4e-3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(300):
        chosen = torch.randint(len(pictures), (16,), generator=generator)
        degrees = 360 * torch.rand(16, generator=generator) - 180
        optimizer.zero_grad()
        learner.surprise(as_float(pictures.images[chosen]), degrees).mean().backward()
        optimizer.step()
    with torch.no_grad():
        error = learner.pose(as_float(test.images))[0].numpy() - test.factors["angle"].to_numpy()
    for rotated in (False, True):
        own = error[test.factors["rotated"] == rotated]
        assert abs(np.median(own)) < 10
        assert np.median(np.abs(own)) < 25  # 45 of poses that know nothing


def test_it_is_measured_like_any_network(model, images):
    metrics = evaluate(model, SPEC, load_split(SPEC, "test"))
    assert len(metrics["kl_per_dim"]) == 3
    terms = bound_terms(model, images, "bernoulli")
    assert metrics["test"]["all"]["neg_elbo"] == pytest.approx((terms.recon + terms.kl.sum(1)).mean().item())
    assert log_weights(model, images[:4], "bernoulli", 2, progress=False).shape == (2, 4)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"images": "upright"}, "accepted only with images both"),
        ({"rotation_range": 0}, "accepted only with rotation_range above 0"),
        ({"latent_dim": 1}, "accepted only with latent_dim above 1"),
        ({"reduction": "mean_pixels"}, "accepted only with reduction sum"),
    ],
)
def test_a_pose_needs_upright_and_turned_pictures_and_a_latent_beside_it(changes, said):
    with pytest.raises(InputError, match=said):
        tiny(objective="pose", **changes)
