"""What can be asked of a trained network: codes, decoded images, bounds, traversals. All in eval mode."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from vaelib.data.dataset import Dataset, as_float
from vaelib.errors import InputError, check_choice
from vaelib.metrics.dependence import active_units
from vaelib.models.losses import LIKELIHOODS, ElboTerms, beta_eff, beta_norm
from vaelib.models.vae import VAE, double
from vaelib.spec import RunSpec

BATCH = 100
NOISE_SEED = 20_170_424
"""The latent noise of every evaluation, so that two networks are measured with the same draws."""


@contextmanager
def eval_mode(model: nn.Module) -> Iterator[None]:
    """Switch batch norm to its running statistics and gradients off, then back as it was."""
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        model.train(was_training)


def in_batches(model: nn.Module, f: Callable[[Tensor], Tensor], rows: Tensor, size: int = BATCH) -> Tensor:
    """Return f of all rows (N, …), on the CPU, computed batch by batch on the network's device."""
    device = next(model.parameters()).device
    with eval_mode(model):
        return torch.cat([f(batch.to(device)).cpu() for batch in rows.split(size)])


def _with_noise(model: VAE, images: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield images in [0, 1] and the normal noise of one sample each, batch by batch."""
    generator, device = torch.Generator().manual_seed(NOISE_SEED), next(model.parameters()).device
    for batch in images.split(BATCH):
        noise = torch.randn(len(batch), model.noise_dim, generator=generator)
        yield as_float(batch.to(device)), noise.to(device)


@dataclass(frozen=True, eq=False)
class Codes:
    """What stands for N images, column by column: arrays (N, M).

    mu: the centre of each posterior, the code itself; z: one draw of it; kl: its KL to the prior, nats. Where
    a posterior is a point, z is mu and kl infinite. The first `scalars` columns are latents of their own,
    the others the probabilities of one category.
    """

    mu: np.ndarray
    z: np.ndarray
    kl: np.ndarray
    scalars: int

    @property
    def kl_per_dim(self) -> np.ndarray:
        """Mean KL of each column over the images (M,), nats."""
        return self.kl.mean(0, dtype=float)

    @property
    def kl_of_variables(self) -> np.ndarray:
        """Mean KL (M,), nats, of the variable that a column belongs to: a category's is that of all of it."""
        kl = self.kl_per_dim
        kl[self.scalars :] = kl[self.scalars :].sum()
        return kl


def encode(model: VAE, images: Tensor) -> Codes:
    """Return the codes of uint8 images (N, 1, S, S), with the draws of every evaluation."""
    with eval_mode(model):
        parts = [model.posterior(x, noise) for x, noise in _with_noise(model, images)]
    mu, z, kl = (
        torch.cat([getattr(part, name) for part in parts]).cpu().numpy() for name in ("code", "z", "kl")
    )
    return Codes(mu, z, kl, model.scalars)


def decode_logits(model: VAE, z: np.ndarray) -> np.ndarray:
    """Return the pixel logits (N, S, S) of latents (N, M)."""
    return in_batches(model, model.decode, torch.as_tensor(np.asarray(z), dtype=torch.float32))[:, 0].numpy()


def decode(model: VAE, z: np.ndarray) -> np.ndarray:
    """Return the pixel probabilities (N, S, S) of latents (N, M): the decoder's sigmoid."""
    return 1 / (1 + np.exp(-decode_logits(model, z)))


def prior_samples(model: VAE, n: int, seed: int) -> np.ndarray:
    """Return n latents (n, M) drawn from a network's own prior."""
    device = next(model.parameters()).device
    with eval_mode(model):
        return model.prior(torch.from_numpy(normal_draws(n, model.noise_dim, seed)).to(device)).cpu().numpy()


def normal_draws(n: int, columns: int, seed: int) -> np.ndarray:
    """Return standard normal draws (n, columns), float32, the same of a seed everywhere."""
    return np.random.default_rng(seed).standard_normal((n, columns)).astype(np.float32)


def traversal_latents(start: np.ndarray, dim: int, values: np.ndarray) -> np.ndarray:
    """Return copies (K, M) of `start` (M,) whose latent `dim` (0-based) takes each of the K values.

    >>> traversal_latents(np.zeros(2), 1, np.array([-1.0, 1.0])).tolist()
    [[0.0, -1.0], [0.0, 1.0]]
    """
    latents = np.repeat(np.asarray(start, dtype=float)[None], len(values), axis=0)
    latents[:, dim] = values
    return latents


def traversal_ranges(mu: np.ndarray, steps: int) -> np.ndarray:
    """Return the values (M, steps) of each latent's traversal: regular steps over its own 1 to 99 % range."""
    low, high = np.quantile(mu, [0.01, 0.99], axis=0)
    return np.linspace(low, high, steps, axis=1)


def traverse(model: VAE, start: np.ndarray, dims: list[int], values: np.ndarray) -> np.ndarray:
    """Return decoded traversals (len(dims), K, S, S) from one point: a row a dimension, a column a value."""
    latents = np.concatenate([traversal_latents(start, dim, values) for dim in dims])
    images = decode(model, latents)
    return images.reshape(len(dims), len(values), *images.shape[1:])


def turned_and_traversed(model: VAE, turned: Tensor) -> np.ndarray:
    """Return K images of one digit, what is drawn of them, and each latent moved alone: (2 + M, K, S, S).

    `turned` are uint8 images (K, 1, S, S) of the digit at K angles, upright in the middle. Latents move from
    −3 to 3, about the code of the one in the middle, in falling order of their KL over the images.
    """
    codes = encode(model, turned)
    order = np.argsort(-codes.kl_per_dim, kind="stable")
    values = np.linspace(-3, 3, len(turned))
    moved = traverse(model, codes.mu[len(turned) // 2], order.tolist(), values)
    return np.concatenate([as_float(turned).numpy().swapaxes(0, 1), decode(model, codes.mu)[None], moved])


def bound_terms(model: VAE, images: Tensor, likelihood: str) -> ElboTerms:
    """Return both terms of the bound of uint8 images (N, 1, S, S), one latent sample each, on the CPU."""
    with eval_mode(model):
        parts = [model.terms(x, noise, likelihood) for x, noise in _with_noise(model, images)]
    recon, kl = (torch.cat([getattr(part, name) for part in parts]).cpu() for name in ("recon", "kl"))
    return ElboTerms(recon, kl)


def log_weights(
    model: VAE, images: Tensor, likelihood: str, k: int, seed: int = NOISE_SEED, progress: bool = True
) -> np.ndarray:
    """Return log p(x|z_k) + log p(z_k) − log q(z_k|x), nats, of K draws z_k ~ q(z|x): float64 (K, N).

    For uint8 images (N, 1, S, S) (Burda et al. 2016, eq. 7). log p(x|z) is minus the
    reconstruction of `losses`, so that means compare with −neg_elbo of a run: cross-entropy for grey pixels
    (at most −target_entropy), no constant for the gaussian likelihood; beta plays no part. Costs K
    decodings an image. Raises `InputError` for k below 1, an unknown likelihood, or a network that has none.
    """
    check_choice("likelihood", likelihood, LIKELIHOODS)
    if not (isinstance(k, int) and k >= 1):
        raise InputError(f"k {k!r} is refused; accepted: a whole number of draws from 1.")
    generator = torch.Generator().manual_seed(seed)
    device = next(model.parameters()).device
    weights = np.empty((k, len(images)))
    with (
        eval_mode(model),
        tqdm(total=k * len(images), desc="bound", unit="draw", leave=False, disable=not progress) as bar,
    ):
        for start in range(0, len(images), BATCH):
            x = as_float(images[start : start + BATCH].to(device))
            weigh = model.log_weight(x, likelihood)
            for row in weights[:, start : start + BATCH]:
                noise = torch.randn(len(x), model.noise_dim, generator=generator).to(device)
                row[:] = weigh(noise).numpy()
                bar.update(len(x))
    return weights


def evaluate(model: VAE, spec: RunSpec, test: Dataset) -> dict[str, Any]:
    """Return the numbers stored with a run: the bound and its parts on all, upright and rotated test images.

    `recon`, `kl` and `neg_elbo` are nats an image (one latent sample each); `mse` is per pixel, of the
    reconstruction from mu; `kl_per_dim` averages over all test images; active units are the scalar latents
    with Var_x(mu_j) > 0.01 (Burda et al. 2016).
    """
    terms = bound_terms(model, test.images, spec.likelihood)
    recon, kl = terms.recon.double().numpy(), terms.kl.double().numpy()

    def code_and_error(batch: Tensor) -> Tensor:
        x = as_float(batch)
        mu, _ = model.encode(x)
        return torch.cat([mu, (torch.sigmoid(model.decode(mu)) - x).square().flatten(1).mean(1)[:, None]], 1)

    found = double(in_batches(model, code_and_error, test.images)).numpy()
    mu, mse = found[:, :-1], found[:, -1]
    rotated = test.factors["rotated"].to_numpy()
    subsets = {"all": np.ones_like(rotated), "upright": ~rotated, "rotated": rotated}
    return {
        "beta_eff": beta_eff(spec),
        "beta_norm": beta_norm(spec),
        "test": {
            name: {
                "n": int(chosen.sum()),
                "recon": float(recon[chosen].mean()),
                "kl": float(kl[chosen].sum(1).mean()),
                "neg_elbo": float((recon + kl.sum(1))[chosen].mean()),
                "mse": float(mse[chosen].mean()),
            }
            for name, chosen in subsets.items()
            if chosen.any()
        },
        "kl_per_dim": kl.mean(0).tolist(),
        "active_units": int(active_units(mu[:, : model.scalars]).sum()),
    }
