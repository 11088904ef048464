"""The pose turns as it should, its bound is a bound, and its gradient is that of the bound."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.tiny import tiny
from vaelib.data.dataset import as_float, load_split, render, turned
from vaelib.data.mnist import load_mnist
from vaelib.errors import InputError
from vaelib.models import pose_vae as pose
from vaelib.models.build import build_vae
from vaelib.models.energy import BINS, WIDTH, centres, quantile
from vaelib.models.inference import bound_terms, encode, evaluate, log_weights
from vaelib.models.losses import bernoulli_nll, beta_loss, gaussian_kl
from vaelib.models.pose_vae import PosePrior
from vaelib.models.vae import sample
from vaelib.objectives import OBJECTIVES
from vaelib.training.losses import pose_loss

SPEC = tiny(objective="pose", init="he", latent_dim=3, n_test=40, rotation_range=15, beta=2.0)


def network(spec=SPEC, peaked: float = 8.0):
    """Return a network whose energies differ by nats, as trained ones do."""
    torch.manual_seed(0)
    model = build_vae(spec).eval()
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
    """Return −log p(x|θ, z) and KL of content (BINS,) of one image, averaged over angles in each bin."""
    steps = WIDTH * ((torch.arange(per_bin) + 0.5) / per_bin - 0.5)
    angle = (centres()[:, None] + steps).flatten()
    mu, logvar = model.encoder(turned(x.expand(len(angle), -1, -1, -1), -angle)).chunk(2, dim=1)
    canvas = model.decoder(sample(mu, logvar, noise))
    recon = bernoulli_nll(turned(canvas, angle, outside="border"), x.expand_as(canvas))
    return (part.view(BINS, per_bin).mean(1) for part in (recon, beta * gaussian_kl(mu, logvar).sum(1)))


# --- angles ------------------------------------------------------------------------------------------------


def test_energies_shift_when_a_image_is_turned_and_its_pose_rises_counter_clockwise():
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
    moved = full.pose(ahead) - full.pose(upright)
    assert moved.median().item() == pytest.approx(6 * WIDTH, abs=1.5)
    code = encode(full, (255 * ahead).to(torch.uint8)).mu[:, 0] * full.degrees
    np.testing.assert_allclose(code, full.pose(ahead), atol=1e-3)


def test_the_decoder_draws_the_canvas_turned_by_the_first_latent(model):
    z = torch.randn(4, 3)
    z[:, 0] = 0
    ahead = z.clone()
    ahead[:, 0] = 90 / model.degrees
    torch.testing.assert_close(model.decode(z), model.decoder(z[:, 1:]))
    torch.testing.assert_close(
        model.decode(ahead), torch.rot90(model.decode(z), 1, (2, 3)), atol=1e-4, rtol=0
    )


def test_content_is_that_of_the_image_turned_back_to_the_pose(model, images):
    x = as_float(images)
    code, logvar = model.encode(x)
    assert (code.shape, logvar.shape) == ((80, 3), (80, 2))
    content, _ = model.encoder(turned(x, -model.degrees * code[:, 0])).chunk(2, dim=1)
    torch.testing.assert_close(code[:, 1:], content, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(model.degrees * code[:, 0], model.pose(x), atol=1e-4, rtol=1e-4)


def test_a_pose_in_no_doubt_is_the_mode(images, monkeypatch):
    sure, x = network(peaked=8.0).requires_grad_(False), as_float(images)
    monkeypatch.setattr(pose, "IN_DOUBT", 0.0)
    mode = sure.angles[sure.log_posterior(x).argmax(1)]
    assert ((sure.pose(x) - mode).abs() < WIDTH * (pose.AROUND + 0.5)).all()


def test_a_pose_in_doubt_is_the_candidate_of_the_best_evidence(images, monkeypatch):
    """The best of three by enumeration: log q less the weighted bound, of angles that are far apart."""
    wide = tiny(objective="pose", init="he", latent_dim=3, rotation_range=180)
    unsure, x = network(wide, peaked=1.0).requires_grad_(False), as_float(images[:20])
    monkeypatch.setattr(pose, "EVIDENCE", 1.0)
    log_q = unsure.log_posterior(x)
    steps = torch.arange(BINS)
    for own, logs, found in zip(x[:, None], log_q, unsure.pose(x), strict=True):
        values, angles, left = [], [], logs.clone()
        for _ in range(pose.CANDIDATES):
            mode = int(left.argmax())
            near = [(mode + k) % BINS for k in range(-pose.AROUND, pose.AROUND + 1)]
            weights = left[near].exp()
            angle = unsure.angles[mode] + WIDTH * (weights * torch.arange(-2.0, 3.0)).sum() / weights.sum()
            mu, logvar = unsure.encoder(turned(own, -angle[None])).chunk(2, dim=1)
            image = turned(unsure.decoder(mu), angle[None], outside="border")
            values.append(left[mode] - bernoulli_nll(image, own) - gaussian_kl(mu, logvar).sum(1))
            angles.append(angle)
            away = ((steps - mode + BINS // 2) % BINS - BINS // 2).abs() > pose.APART
            left = torch.where(away, left, torch.tensor(-math.inf))
        assert found.item() == pytest.approx(angles[int(torch.cat(values).argmax())].item(), abs=0.05)
    assert (unsure.pose(x) - unsure.angles[log_q.argmax(1)]).abs().max() > WIDTH * pose.APART


@given(st.lists(st.floats(0, 1), min_size=BINS, max_size=BINS).filter(lambda q: sum(q) > 0.1))
def test_quantiles_rise_and_fall_in_each_bin_as_often_as_it_is_probable(weights):
    q = torch.tensor(weights) / sum(weights)
    n = 5000
    u = (torch.arange(n) + 0.5) / n
    bins, angle = quantile(q.expand(n, BINS), u, centres())
    assert (angle.diff() >= -1e-3).all()
    assert ((angle - centres()[bins]).abs() <= WIDTH / 2 + 1e-4).all()
    share = torch.bincount(bins, minlength=BINS) / n
    assert (share - q).abs().max() < 2.5 / n


# --- prior and bound ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [15, 90, 180])
def test_the_prior_is_a_peak_at_upright_and_flat_elsewhere(limit):
    given_range = network(tiny(objective="pose", rotation_range=limit))
    prior = given_range.log_prior.exp()
    assert prior.sum().item() == pytest.approx(1, abs=1e-5)
    known = given_range.known
    assert known == PosePrior(upright=0.5, slant=15.0, limit=limit)
    near = centres().abs() <= 2 * known.slant
    assert prior[near].sum().item() > known.upright
    assert prior.argmax() == BINS // 2
    flat = prior[(centres().abs() > 3 * known.slant) & (centres().abs() < limit - 2 * known.slant)]
    assert limit == 15 or flat.max() / flat.min() < 1.2
    assert prior[centres().abs() > limit + 5 * known.slant].sum() == 0
    torch.testing.assert_close(prior[1:], prior[1:].flip(0))


@pytest.mark.parametrize("upright", [0.3, 0.7])
@pytest.mark.parametrize("slant", [5.0, 30.0])
def test_the_prior_is_that_of_the_share_the_slant_and_the_range(upright, slant):
    given = network(tiny(objective="pose", told_upright=upright, told_slant=slant))
    rng, n = np.random.default_rng(0), 400_000
    applied = np.where(rng.uniform(size=n) < upright, 0.0, rng.uniform(-90, 90, n))
    seen = (applied + slant * rng.normal(size=n) + WIDTH / 2 + 180) % 360 // WIDTH
    shares = np.bincount(seen.astype(int), minlength=BINS) / n
    np.testing.assert_allclose(given.log_prior.exp(), shares, atol=0.002)


def test_the_kl_of_the_pose_is_that_of_its_draws(model, images):
    log_q = (20 * model.log_posterior(as_float(images[:1]))).log_softmax(1)  # a fresh network is unsure
    u = torch.rand(200_000, generator=torch.Generator().manual_seed(0))
    bins, _ = quantile(log_q.exp().expand(len(u), BINS), u, model.angles)
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


def test_networks_learn_from_the_bound_and_energies_from_what_is_asked(images):
    learner, x = network(), as_float(images[:16])
    assert OBJECTIVES["pose"].draws(learner.noise_dim) == 4
    eps = torch.randn(16, 4, generator=torch.Generator().manual_seed(3))
    terms, loss = pose_loss(learner, x, eps, 2.0, SPEC, 0.0)
    share = 0.5 + 0.5 * torch.erf(eps[:, 3] / math.sqrt(2))
    turns = torch.floor(BINS * share).long()
    surprise, log_q = learner.surprise(x, turns)
    asked, known = surprise.mean(), learner.terms_at(x, eps[:, :3], "bernoulli", log_q)
    assert torch.equal(terms.recon, known.recon)
    assert torch.equal(terms.kl, known.kl)
    assert loss.item() == pytest.approx((beta_loss(known, 2.0, SPEC) + asked).item())
    parts = {"": beta_loss(known, 2.0, SPEC), "energy.": asked}
    expected = torch.autograd.grad(sum(parts.values()), list(learner.parameters()), retain_graph=True)
    loss.backward()
    for (name, parameter), gradient in zip(learner.named_parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)
        owner = parts["energy." if name.startswith("energy.") else ""]
        other = parts["" if name.startswith("energy.") else "energy."]
        assert torch.autograd.grad(owner, parameter, retain_graph=True)[0].any()
        assert torch.autograd.grad(other, parameter, retain_graph=True, allow_unused=True)[0] is None


def test_every_second_batch_is_not_asked_and_leaves_the_energies_alone(images):
    learner, x = network(), as_float(images[:16])
    eps = torch.randn(16, 4, generator=torch.Generator().manual_seed(3))
    total = SPEC.epochs * SPEC.n_batches
    asked = []
    for step in range(total):
        learner.zero_grad()
        _, loss = pose_loss(learner, x, eps, 2.0, SPEC, step / total)
        loss.backward()
        asked.append(learner.energy.out.grad is not None)
    assert asked == [step % 2 == 0 for step in range(total)]
    known = learner.terms(x, eps[:, :3], "bernoulli")
    _, loss = pose_loss(learner, x, eps, 2.0, SPEC, 1 / total)
    assert loss.item() == pytest.approx(beta_loss(known, 2.0, SPEC).item())


def test_what_a_turned_image_tells_of_itself_unturned_is_what_it_tells_itself(images):
    """Turns are whole bins: the energies of an image are those of the turned one, so many bins back."""
    full = network(tiny(objective="pose", rotation_range=180, image_size=32)).requires_grad_(False)
    x = as_float(render(load_mnist("test").images[:60], np.zeros(60), 32))
    turns = torch.randint(BINS, (60,), generator=torch.Generator().manual_seed(0))
    _, read_off = full.surprise(x, turns)
    itself = full.log_posterior(x)
    correlations = [
        torch.corrcoef(torch.stack(both))[0, 1].item() for both in zip(read_off, itself, strict=True)
    ]
    assert np.median(correlations) > 0.9
    exactly = full.surprise(x, torch.zeros(60, dtype=torch.long))[1]
    torch.testing.assert_close(exactly, itself, atol=1e-4, rtol=1e-4)


# --- what half of the images tell ------------------------------------------------------------------------


def test_without_energies_every_turn_is_as_surprising_as_any_other(images):
    flat = network(peaked=0.0)
    rest = flat.log_window.softmax(0)[BINS // 2]
    known = -torch.log(0.5 / BINS + 0.5 * rest)
    surprise, _ = flat.surprise(as_float(images[:20]), torch.arange(20))
    torch.testing.assert_close(surprise, known.expand(20))


def test_of_a_known_turn_it_asks_the_bin_of_that_turn():
    full = network(tiny(objective="pose", rotation_range=180)).requires_grad_(False)
    x = as_float(load_split(SPEC, "test").images[:1])
    turns, copies = torch.arange(BINS), x.expand(BINS, -1, -1, -1)
    log_s = full.energy(turned(copies, WIDTH * turns)).log_softmax(1)
    degrees = (WIDTH * turns + 180) % 360 - 180
    bins = (degrees[:, None] - centres()).abs().argmin(1)
    s = log_s.gather(1, bins[:, None])[:, 0].exp()
    known = -torch.log(0.5 * s + 0.5 / BINS)
    torch.testing.assert_close(full.surprise(copies, turns)[0], known, rtol=1e-3, atol=1e-3)


def test_half_of_the_images_being_upright_says_which_way_is_up():
    """Energies alone, 300 steps on 1100 digits of which half of the images are turned by unknown angles."""
    spec = tiny(objective="pose", image_size=32, n_train=1200, n_test=200)
    learner = network(spec, peaked=1.0)
    images, test = (load_split(spec, split) for split in ("train", "test"))
    optimizer = torch.optim.Adam(learner.energy.parameters(), lr=4e-3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(300):
        chosen = torch.randint(len(images), (16,), generator=generator)
        turns = torch.randint(BINS, (16,), generator=generator)
        optimizer.zero_grad()
        learner.surprise(as_float(images.images[chosen]), turns)[0].mean().backward()
        optimizer.step()
    with torch.no_grad():
        error = (
            learner.angles[learner.log_posterior(as_float(test.images)).argmax(1)].numpy()
            - test.factors["angle"].to_numpy()
        )
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
def test_a_pose_needs_upright_and_turned_images_and_a_latent_beside_it(changes, said):
    with pytest.raises(InputError, match=said):
        tiny(objective="pose", **changes)
