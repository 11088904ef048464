"""Samples behind the importance-weighted bound: how likely a network finds each image."""

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from vaelib.data.dataset import as_float
from vaelib.errors import InputError, check_choice
from vaelib.models.build import VAE
from vaelib.models.inference import BATCH, NOISE_SEED, eval_mode
from vaelib.models.losses import LIKELIHOODS


def log_weights(
    model: VAE, images: Tensor, likelihood: str, k: int, seed: int = NOISE_SEED, progress: bool = True
) -> np.ndarray:
    """Return log p(x|z_k) + log p(z_k) − log q(z_k|x), nats, of K draws z_k ~ q(z|x): float64 (K, N).

    For uint8 images (N, 1, S, S), in eval mode (Burda et al. 2016, eq. 7). log p(x|z) is minus the
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
