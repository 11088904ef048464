"""The codes beside every other: of linear methods, of no training, and of training with labels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vaelib.cache import Fit, cached
from vaelib.data.dataset import as_float, evenly, load_split
from vaelib.errors import check_choice
from vaelib.models import inference
from vaelib.models.build import build_vae
from vaelib.models.inference import BATCH, Codes, in_batches
from vaelib.models.vae import VAE
from vaelib.scores.linear import LinearCode, independent, principal
from vaelib.scores.supervised import LabelledEncoder, labelled
from vaelib.spec import RunSpec
from vaelib.versions import BASELINES as VERSIONS

BASELINES = ("pca", "ica", "untrained", "supervised")
LINEAR = {"pca": principal, "ica": independent}

FITTED = 6_000
"""Images that PCA, ICA and the scales of an untrained network are fitted on, spread evenly over those
given. Variances of the first ten components differ by 3 % from those of 11,000."""

HALF_A_GREY = 1 / 510
"""A linear reconstruction is cut to [this, 1 − this] to serve as probabilities: half a step of a byte, at
which PCA's cross-entropy is lowest (394 nats above the floor; 403 at 1e-6 and 405 at 0.01)."""


@dataclass(frozen=True)
class Encoder:
    """Anything that turns images into codes, so that a VAE and what it is compared with are measured alike.

    encode: uint8 images (N, 1, S, S) → `Codes` (N, M). Where nothing is random, the posterior is a point.
    decode: latents (N, M) → pixel probabilities (N, S, S); None where there is no way back.
    prior: a number of latents and a seed → draws (N, M) of the prior; normal where there is no network of its
    own, as its latents have SD 1.
    """

    name: str
    encode: Callable[[Tensor], Codes]
    decode: Callable[[np.ndarray], np.ndarray] | None
    prior: Callable[[int, int], np.ndarray]


def of_model(model: VAE, name: str = "VAE") -> Encoder:
    """Return a network's own encoder and decoder."""
    return Encoder(
        name,
        lambda images: inference.encode(model, images),
        lambda z: inference.decode(model, z),
        lambda n, seed: inference.prior_samples(model, n, seed),
    )


def untrained(spec: RunSpec) -> Encoder:
    """Return the network of `spec` as it is before the first step, with the weights that its seed draws.

    With torch's own weights its mu varies by about 0.001 and no latent counts as active (see `scaled`).
    """
    return of_model(build_vae(spec).to(memory_format=torch.channels_last).eval(), "untrained")


def fit_baselines(
    spec: RunSpec,
    store: Path | str = "runs",
    names: Sequence[str] = BASELINES,
    progress: bool = True,
) -> dict[str, Encoder]:
    """Return the baselines of a spec by name, fitted on its training images or read from the store.

    What the spec says of objective, beta and training is of no account, but for the seed of the untrained
    network, which is scaled here. Raises `InputError` for an unknown name.
    """
    for name in names:
        check_choice("baseline", name, BASELINES)
    spec = spec.plain

    @cache
    def images() -> Tensor:
        return load_split(spec, "train").images

    def make(name: str) -> Encoder:
        if name == "supervised":
            return of_supervised(labelled(spec, store, progress), spec.latent_dim)
        if name in LINEAR:
            fit = cached(store, key(spec, name), lambda: fit_linear(name, images(), spec.latent_dim))
            return of_linear(fit)
        encoder = untrained(spec)
        return scaled(encoder, cached(store, key(spec, name), lambda: fit_scale(encoder, images())))

    return {name: make(name) for name in names}


def key(spec: RunSpec, name: str) -> dict[str, Any]:
    """Return all that decides a baseline: its version, the images, and of what has a network the network.

    The supervised upper bound has weights and a seed of its own (`supervised`).
    """
    fields = {"latent_dim": spec.latent_dim} if name in LINEAR else spec.plain.network
    return {"kind": name, "version": VERSIONS[name], **spec.data, **fields}


def _point(mu: np.ndarray) -> Codes:
    """Return codes (N, M) without spread."""
    mu = mu.astype(np.float32)
    return Codes(mu, mu, np.full(mu.shape, np.inf, dtype=np.float32), mu.shape[1])


def _normal_prior(m: int) -> Callable[[int, int], np.ndarray]:
    return lambda n, seed: inference.normal_draws(n, m, seed)


def of_supervised(network: LabelledEncoder, m: int) -> Encoder:
    """Return the code of an encoder trained with labels: mu (N, M), from which its heads read them.

    What an encoder could hold in M latents if it knew what to look for: it bounds what probes can read, and
    no score of alignment, as nothing ties a factor to an axis. There is no decoder.
    """

    def encode(images: Tensor) -> Codes:
        return _point(in_batches(network, lambda batch: network.mu(as_float(batch)), images).numpy())

    return Encoder("supervised", encode, None, _normal_prior(m))


def fit_scale(encoder: Encoder, images: Tensor) -> Fit:
    """Return the mean and SD (M,) of a code's latents on `FITTED` images; of one that does not vary, 1."""
    mu = encoder.encode(images[evenly(len(images), FITTED)]).mu.astype(float)
    sd = np.where(np.ptp(mu, axis=0) > 0, mu.std(0), 1)
    return Fit({"mean": torch.from_numpy(mu.mean(0)), "sd": torch.from_numpy(sd)}, {})


def scaled(encoder: Encoder, scale: Fit) -> Encoder:
    """Return an encoder with its latents moved and scaled by what `fit_scale` found, a point each."""
    mean, sd = (scale.tensors[name].numpy() for name in ("mean", "sd"))
    decode = encoder.decode
    return Encoder(
        encoder.name,
        lambda images: _point((encoder.encode(images).mu - mean) / sd),
        None if decode is None else lambda z: decode(z * sd + mean),
        _normal_prior(len(mean)),
    )


def fit_linear(name: str, images: Tensor, m: int) -> Fit:
    """Return m components, pca's or ica's, fitted on `FITTED` of uint8 images (N, 1, S, S); see `linear`.

    Each has SD 1, the unit of a VAE's latents under the prior: PCA is what an affine VAE with normal pixels
    learns as beta goes to 0 (Lucas et al. 2019). ICA is its code turned, so that reconstructions are PCA's.
    Raises `InputError` unless m is from 1 to less than images and pixels.
    """
    code = LINEAR[name](_pixels(images[evenly(len(images), FITTED)]), m)
    tensors = {name: torch.from_numpy(getattr(code, name)) for name in ("mean", "reading", "basis")}
    return Fit(tensors, {"name": code.name})


def of_linear(fit: Fit) -> Encoder:
    """Return the encoder that `fit_linear` fitted; its reconstructions are cut at half a grey level."""
    code = LinearCode(fit.notes["name"], **{name: t.numpy() for name, t in fit.tensors.items()})
    side = round(len(code.mean) ** 0.5)

    def encode(images: Tensor) -> Codes:
        return _point(np.concatenate([code.encode(_pixels(batch)) for batch in images.split(BATCH)]))

    def decode(z: np.ndarray) -> np.ndarray:
        return np.clip(code.decode(z), HALF_A_GREY, 1 - HALF_A_GREY).reshape(-1, side, side)

    return Encoder(code.name, encode, decode, _normal_prior(len(code.reading)))


def _pixels(images: Tensor) -> np.ndarray:
    return as_float(images).flatten(1).numpy()
