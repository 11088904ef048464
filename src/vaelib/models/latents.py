"""From images to latents and back: codes, decoded images, traversals."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vaelib.data.dataset import as_float
from vaelib.models.build import VAE
from vaelib.models.inference import BATCH, NOISE_SEED, eval_mode


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
    """Return the codes of uint8 images (N, 1, S, S), in eval mode, with the draws of every evaluation."""
    generator, device = torch.Generator().manual_seed(NOISE_SEED), next(model.parameters()).device
    parts = []
    with eval_mode(model):
        for batch in images.split(BATCH):
            noise = torch.randn(len(batch), model.noise_dim, generator=generator).to(device)
            parts.append(model.posterior(as_float(batch.to(device)), noise))
    mu, z, kl = (
        torch.cat([getattr(part, name) for part in parts]).cpu().numpy() for name in ("code", "z", "kl")
    )
    return Codes(mu, z, kl, model.scalars)


def decode_logits(model: VAE, z: np.ndarray) -> np.ndarray:
    """Return the pixel logits (N, S, S) of latents (N, M), in eval mode."""
    device = next(model.parameters()).device
    latents = torch.as_tensor(np.asarray(z), dtype=torch.float32)
    with eval_mode(model):
        parts = [model.decode(batch.to(device)).cpu() for batch in latents.split(BATCH)]
    return torch.cat(parts)[:, 0].numpy()


def decode(model: VAE, z: np.ndarray) -> np.ndarray:
    """Return the pixel probabilities (N, S, S) of latents (N, M): the decoder's sigmoid, in eval mode."""
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


def traverse(model: VAE, start: np.ndarray, dims: list[int], values: np.ndarray) -> np.ndarray:
    """Return decoded traversals (len(dims), K, S, S) from one point: a row a dimension, a column a value."""
    latents = np.concatenate([traversal_latents(start, dim, values) for dim in dims])
    images = decode(model, latents)
    return images.reshape(len(dims), len(values), *images.shape[1:])
