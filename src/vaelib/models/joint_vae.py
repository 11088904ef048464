"""A variational autoencoder with one category beside its latents, which may become the digit."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaelib.models.losses import LIKELIHOODS, RECONSTRUCTIONS, ElboTerms, categorical_kl, gaussian_kl
from vaelib.models.vae import VAE, Posterior, double, prior_over_posterior, sample


class JointVAE(VAE):
    """A VAE with one more latent variable, of ten categories: p(x|z, c), z Gaussian, c uniform a priori.

    Dupont 2018. Its code has M + 10 columns, the last ten the probabilities of the categories. In train mode
    c is relaxed (Gumbel-softmax, Jang et al. 2017), in eval mode it is drawn, so that bounds are bounds.
    """

    CATEGORIES = 10
    TEMPERATURE = 0.67

    def __init__(self, encoder: nn.Sequential, decoder: nn.Sequential, latent_dim: int):
        super().__init__(encoder, decoder, latent_dim)
        self.noise_dim = latent_dim + self.CATEGORIES

    @staticmethod
    def widths(latent_dim: int) -> tuple[int, int]:
        """Return how many numbers the encoder gives, and how many the decoder takes."""
        return 2 * latent_dim + JointVAE.CATEGORIES, latent_dim + JointVAE.CATEGORIES

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the code (B, M + 10), mu and the categories' probabilities, and logvar of z (B, M)."""
        mu, logvar, scores = self.encoder(x).tensor_split((self.scalars, 2 * self.scalars), dim=1)
        return torch.cat([mu, scores.softmax(1)], 1), logvar

    def posterior(self, x: Tensor, noise: Tensor) -> Posterior:
        """Return what q(z|x) q(c|x) says of images; the KL of c is shared out over its ten columns."""
        code, logvar = self.encode(x)
        return Posterior(code, self._draw(code, logvar, noise), _kl(self._split(code), logvar))

    def prior(self, noise: Tensor) -> Tensor:
        """Return codes (B, M + 10) of normal z and one category of ten, each as likely."""
        z, noise_c = self._split(noise)
        even = torch.full_like(noise_c, 1 / self.CATEGORIES)
        return torch.cat([z, self._category(even, noise_c)], 1)

    def decode(self, z: Tensor) -> Tensor:
        """Return pixel logits of codes (B, M + 10), whose last ten are made positive and to add up to 1."""
        latents, weights = self._split(z)
        weights = weights.clamp(min=1e-6)
        return self.decoder(torch.cat([latents, weights / weights.sum(1, keepdim=True)], 1))

    def forward(self, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return logits at a draw of z and c, and the code and its log variance."""
        code, logvar = self.encode(x)
        return self.decoder(self._draw(code, logvar, noise)), code, logvar

    def terms(self, x: Tensor, noise: Tensor, likelihood: str) -> ElboTerms:
        """Return both terms of the bound; the KL of c is shared out over its ten columns."""
        logits, code, logvar = self(x, noise)
        return ElboTerms(RECONSTRUCTIONS[likelihood](logits, x), _kl(self._split(code), logvar))

    def log_weight(self, x: Tensor, likelihood: str) -> Callable[[Tensor], Tensor]:
        """Return the log weight as a function of the noise of z and c: the VAE's + log p(c) − log q(c|x)."""
        code, logvar = self.encode(x)
        probabilities = code[:, self.scalars :]

        def weigh(noise: Tensor) -> Tensor:
            drawn = self._draw(code, logvar, noise)
            z, category = self._split(drawn)
            log_ratio = prior_over_posterior(z, logvar, noise[:, : self.scalars])
            log_ratio -= torch.log(self.CATEGORIES * double((probabilities * category).sum(1)))
            return log_ratio - double(LIKELIHOODS[likelihood](self.decoder(drawn), x))

        return weigh

    def _draw(self, code: Tensor, logvar: Tensor, noise: Tensor) -> Tensor:
        """Return a draw of z and c as a code (B, M + 10)."""
        (mu, probabilities), (noise_z, noise_c) = self._split(code), self._split(noise)
        return torch.cat([sample(mu, logvar, noise_z), self._category(probabilities, noise_c)], 1)

    def _category(self, probabilities: Tensor, noise: Tensor) -> Tensor:
        """Return a draw of the category, one of ten columns (B, 10); relaxed in train mode."""
        perturbed = _perturbed(probabilities, noise)
        if self.training:
            return (perturbed / self.TEMPERATURE).softmax(1)
        return F.one_hot(perturbed.argmax(1), self.CATEGORIES).to(probabilities)

    def _split(self, columns: Tensor) -> tuple[Tensor, ...]:
        return columns.split((self.scalars, self.CATEGORIES), dim=1)


def _kl(latents: tuple[Tensor, ...], logvar: Tensor) -> Tensor:
    mu, probabilities = latents
    return torch.cat([gaussian_kl(mu, logvar), categorical_kl(probabilities)], 1)


def _perturbed(probabilities: Tensor, noise: Tensor) -> Tensor:
    """Return log probabilities with Gumbel noise made from normal noise: its argmax is a draw."""
    return probabilities.clamp(min=1e-20).log() - torch.log(-torch.special.log_ndtr(noise))
