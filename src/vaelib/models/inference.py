"""What a trained network reaches on images it has not seen."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from vaelib.data.dataset import Dataset, as_float
from vaelib.metrics.codes import active_units
from vaelib.models.build import VAE
from vaelib.models.losses import ElboTerms, beta_eff, beta_norm
from vaelib.models.vae import double
from vaelib.spec import RunSpec

BATCH = 100
NOISE_SEED = 20_170_424
"""The latent noise of every evaluation, so that two networks are measured with the same draws."""


@contextmanager
def eval_mode(model: VAE) -> Iterator[None]:
    """Switch batch norm to its running statistics and gradients off, then back as it was."""
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        model.train(was_training)


def bound_terms(model: VAE, images: Tensor, likelihood: str) -> ElboTerms:
    """Return both terms of the bound of uint8 images (N, 1, S, S) in eval mode, one latent sample each."""
    generator = torch.Generator().manual_seed(NOISE_SEED)
    with eval_mode(model):
        parts = []
        for x in _batches(model, images):
            noise = torch.randn(len(x), model.noise_dim, generator=generator).to(x.device)
            parts.append(model.terms(x, noise, likelihood))
    return ElboTerms(
        torch.cat([part.recon for part in parts]).cpu(), torch.cat([part.kl for part in parts]).cpu()
    )


def _batches(model: VAE, images: Tensor) -> Iterator[Tensor]:
    device = next(model.parameters()).device
    return (as_float(batch.to(device)) for batch in images.split(BATCH))


def evaluate(model: VAE, spec: RunSpec, test: Dataset) -> dict:
    """Return the numbers kept with a run: the bound and its parts on all, upright and rotated test images.

    `recon`, `kl` and `neg_elbo` are nats an image (one latent sample each); `mse` is per pixel, of the
    reconstruction from mu; `kl_per_dim` averages over all test images; active units are the scalar latents
    with Var_x(mu_j) > 0.01 (Burda et al. 2016).
    """
    terms = bound_terms(model, test.images, spec.likelihood)
    mus, errors = [], []
    with eval_mode(model):
        for x in _batches(model, test.images):
            mu, _ = model.encode(x)
            mus.append(mu)
            errors.append((torch.sigmoid(model.decode(mu)) - x).square().flatten(1).mean(1))
    mu, mse = (double(torch.cat(rows)).numpy() for rows in (mus, errors))
    rotated = test.factors["rotated"].to_numpy()
    subsets = {"all": np.ones_like(rotated), "upright": ~rotated, "rotated": rotated}
    recon, kl = terms.recon.double().numpy(), terms.kl.double().numpy()
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
