"""The variational autoencoder: what it computes, whatever its encoder and decoder are made of."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vaelib.models.losses import LIKELIHOODS, RECONSTRUCTIONS, ElboTerms, gaussian_kl
from vaelib.spec import RunSpec


@dataclass(frozen=True)
class Posterior:
    """What q(z|x) says of B images, column by column of their codes, each (B, M).

    code: its centre, the latents that stand for the image; z: one draw; kl: its parts KL(q_j ‖ p_j), nats,
    which add up to the KL in the bound at z.
    """

    code: Tensor
    z: Tensor
    kl: Tensor


class VAE(nn.Module):
    """Encoder q(z|x) = N(mu, diag exp logvar) and decoder p(x|z) with logits for pixel probabilities.

    Kingma & Welling 2014, with the convolutional networks of Higgins et al. 2017 (Table 1). `noise_dim` is
    the number of standard normal draws an image that one sample of its posterior takes, and `scalars` the
    number of columns of a code, from the first, that are latents of their own. A network with another
    posterior overrides both, and `widths`, `posterior`, `prior`, `terms` and `log_weight`: nothing outside
    knows which distributions they are.
    """

    def __init__(self, encoder: nn.Sequential, decoder: nn.Sequential, latent_dim: int):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.noise_dim = self.scalars = latent_dim

    @staticmethod
    def widths(latent_dim: int) -> tuple[int, int]:
        """Return how many numbers the encoder gives, and how many the decoder takes."""
        return 2 * latent_dim, latent_dim

    @classmethod
    def of(cls, encoder: nn.Sequential, decoder: nn.Sequential, spec: RunSpec) -> "VAE":
        """Return the network of a spec, of an encoder and a decoder of these `widths`."""
        return cls(encoder, decoder, spec.latent_dim)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return `mu` and `logvar`, each (B, M), of images (B, 1, S, S) with pixels in [0, 1]."""
        mu, logvar = self.encoder(x).chunk(2, dim=1)
        return mu, logvar

    def decode(self, z: Tensor) -> Tensor:
        """Return pixel logits (B, 1, S, S) of latents (B, M)."""
        return self.decoder(z)

    def forward(self, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return logits, mu and logvar with the latents z = mu + exp(logvar / 2) · noise."""
        mu, logvar = self.encode(x)
        return self.decode(sample(mu, logvar, noise)), mu, logvar

    def posterior(self, x: Tensor, noise: Tensor) -> Posterior:
        """Return what q(z|x) says of images, with the draw that normal noise (B, noise_dim) gives."""
        mu, logvar = self.encode(x)
        return Posterior(mu, sample(mu, logvar, noise), gaussian_kl(mu, logvar))

    def prior(self, noise: Tensor) -> Tensor:
        """Return the latents (B, M) drawn from p(z) that normal noise (B, noise_dim) gives: the noise."""
        return noise

    def terms(self, x: Tensor, noise: Tensor, likelihood: str) -> ElboTerms:
        """Return both terms of the bound of images x at the one latent sample that `noise` gives.

        Their sum is the negative ELBO where `likelihood` is one; any of `RECONSTRUCTIONS` is accepted.
        """
        logits, mu, logvar = self(x, noise)
        return ElboTerms(RECONSTRUCTIONS[likelihood](logits, x), gaussian_kl(mu, logvar), mu, logvar)

    def log_weight(self, x: Tensor, likelihood: str) -> Callable[[Tensor], Tensor]:
        """Return the log weight log p(x|z) + log p(z) − log q(z|x), nats, as a function of the noise of z.

        It is (B,), in double precision; the images x are encoded once. A network that has no weights raises
        `InputError`.
        """
        mu, logvar = self.encode(x)

        def weigh(noise: Tensor) -> Tensor:
            z = sample(mu, logvar, noise)
            return prior_over_posterior(z, logvar, noise) - double(LIKELIHOODS[likelihood](self.decode(z), x))

        return weigh


def sample(mu: Tensor, logvar: Tensor, noise: Tensor) -> Tensor:
    """Return latents z = mu + exp(logvar / 2) · noise: a draw from N(mu, exp logvar) for normal noise."""
    return mu + torch.exp(0.5 * logvar) * noise


def prior_over_posterior(z: Tensor, logvar: Tensor, noise: Tensor) -> Tensor:
    """Return log p(z) − log q(z|x) (B,) of latents that `sample` drew, nats, in double precision.

    ½ Σ_j (noise² + logvar − z²): the constants cancel.
    """
    return 0.5 * double(noise.square() + logvar - z.square()).sum(1)


def double(x: Tensor) -> Tensor:
    """Return a tensor in double precision on the CPU: Apple's devices have none."""
    return x.cpu().double()


def uniform(normal: Tensor) -> Tensor:
    """Return draws that are uniform in ±1 where `normal` are standard normal: erf(normal / √2)."""
    return torch.erf(normal / math.sqrt(2))
