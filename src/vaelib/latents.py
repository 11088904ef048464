"""From pictures to latents and back: codes, decoded pictures, traversals."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vaelib.data import as_float
from vaelib.evaluation import BATCH, eval_mode
from vaelib.models import VAE


@dataclass(frozen=True)
class Codes:
    """Posterior means and log variances of N pictures, each (N, M)."""

    mu: np.ndarray
    logvar: np.ndarray


def encode(model: VAE, images: Tensor) -> Codes:
    """Return the codes of uint8 pictures (N, 1, S, S), in eval mode."""
    device = next(model.parameters()).device
    with eval_mode(model):
        parts = [model.encode(as_float(batch.to(device))) for batch in images.split(BATCH)]
    mu, logvar = (torch.cat(part).cpu().numpy() for part in zip(*parts, strict=True))
    return Codes(mu, logvar)


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


def prior_samples(n: int, latent_dim: int, seed: int) -> np.ndarray:
    """Return n latents (n, M) drawn from the standard normal prior."""
    return np.random.default_rng(seed).standard_normal((n, latent_dim)).astype(np.float32)


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
    pictures = decode(model, latents)
    return pictures.reshape(len(dims), len(values), *pictures.shape[1:])
