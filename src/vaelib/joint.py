"""A variational autoencoder with one category beside its latents, which may become the digit."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaelib.losses import LIKELIHOODS, RECONSTRUCTIONS, ElboTerms, categorical_kl, gaussian_kl
from vaelib.vae import VAE, double, prior_over_posterior, sample


class JointVAE(VAE):
    """A VAE with one more latent variable, of ten categories: p(x|z, c), z Gaussian, c uniform a priori.

    Dupont 2018. Its code has M + 10 columns, the last ten the probabilities of the categories. In train mode
    c is relaxed (Gumbel-softmax, Jang et al. 2017), in eval mode it is drawn, so that bounds are bounds.
    """

    CATEGORIES = 10
    TEMPERATURE = 0.67

    def __init__(self, encoder: nn.Module, decoder: nn.Module, latent_dim: int):
        super().__init__(encoder, decoder, latent_dim)
        self.latent_dim = latent_dim
        self.noise_dim = latent_dim + self.CATEGORIES

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return code and log variance (B, M + 10); of the categories their probabilities, and zeros."""
        mu, logvar, scores = self.encoder(x).tensor_split((self.latent_dim, 2 * self.latent_dim), dim=1)
        return torch.cat([mu, scores.softmax(1)], 1), F.pad(logvar, (0, self.CATEGORIES))

    def decode(self, z: Tensor) -> Tensor:
        """Return pixel logits of codes (B, M + 10), whose last ten are made positive and to add up to 1."""
        latents, weights = self._split(z)
        weights = weights.clamp(min=1e-6)
        return self.decoder(torch.cat([latents, weights / weights.sum(1, keepdim=True)], 1))

    def forward(self, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return logits at a draw of z and c, and the code and its log variance."""
        code, logvar = self.encode(x)
        (mu, probabilities), (noise_z, noise_c) = self._split(code), self._split(noise)
        perturbed = _perturbed(probabilities, noise_c)
        if self.training:
            category = (perturbed / self.TEMPERATURE).softmax(1)
        else:
            category = F.one_hot(perturbed.argmax(1), self.CATEGORIES).to(mu)
        z = sample(mu, logvar[:, : self.latent_dim], noise_z)
        return self.decoder(torch.cat([z, category], 1)), code, logvar

    def terms(self, x: Tensor, noise: Tensor, likelihood: str) -> ElboTerms:
        """Return both terms of the bound; the KL of c is shared out over its ten columns."""
        logits, code, logvar = self(x, noise)
        mu, probabilities = self._split(code)
        of_z = gaussian_kl(mu, logvar[:, : self.latent_dim])
        kl = torch.cat([of_z, categorical_kl(probabilities)], 1)
        return ElboTerms(RECONSTRUCTIONS[likelihood](logits, x), kl)

    def log_weight(self, x: Tensor, likelihood: str) -> Callable[[Tensor], Tensor]:
        """Return the log weight as a function of the noise of z and c: the VAE's + log p(c) − log q(c|x)."""
        code, logvar = self.encode(x)
        (mu, probabilities), logvar = self._split(code), logvar[:, : self.latent_dim]

        def weigh(noise: Tensor) -> Tensor:
            noise_z, noise_c = self._split(noise)
            z, chosen = sample(mu, logvar, noise_z), _perturbed(probabilities, noise_c).argmax(1)
            category = F.one_hot(chosen, self.CATEGORIES).to(mu)
            log_ratio = prior_over_posterior(z, logvar, noise_z)
            log_ratio -= torch.log(self.CATEGORIES * double((probabilities * category).sum(1)))
            return log_ratio - double(LIKELIHOODS[likelihood](self.decoder(torch.cat([z, category], 1)), x))

        return weigh

    def _split(self, columns: Tensor) -> tuple[Tensor, ...]:
        return columns.split((self.latent_dim, self.CATEGORIES), dim=1)


def _perturbed(probabilities: Tensor, noise: Tensor) -> Tensor:
    """Return log probabilities with Gumbel noise made from normal noise: its argmax is a draw."""
    return probabilities.clamp(min=1e-20).log() - torch.log(-torch.special.log_ndtr(noise))
