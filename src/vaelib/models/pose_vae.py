"""A variational autoencoder whose first latent is a pose, found without any label of it.

p(x) = ∫ p(θ) p(z) p(x | θ, z): the decoder draws a canvas from the content z, and the image is the canvas
turned by θ. The posterior q(θ|x) q(z|θ, x) turns the image back by θ before the content is encoded.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vaelib.data.dataset import turned
from vaelib.models.energy import BINS, WIDTH, RingNetwork, centres, quantile
from vaelib.models.losses import LIKELIHOODS, RECONSTRUCTIONS, ElboTerms, gaussian_kl
from vaelib.models.vae import VAE, Posterior, double, prior_over_posterior, sample
from vaelib.spec import RunSpec

SHARPNESS = 4.0
"""Power to which the softmax of the energies is raised. Asked for turns, they are as unsure as the slant of
handwriting makes them; the canvas needs a choice, and one that is always the same."""
AROUND = 2
"""Bins on each side of the most probable one over which the angle of a code is the mean."""
CANDIDATES, APART = 3, 4
"""Angles of which a code takes the best, each the most probable one that is further than `APART` bins from
those before it. Of a 5 on its head the energies often say no more than that it is one of two."""
EVIDENCE = 0.25
"""Weight of a candidate's bound, nats, beside its log probability. From 0 to 0.25 the purity of the pose
rises from .955 and .969 to .983 (two seeds); at 0.35 more images are off by above 20° than at 0."""
IN_DOUBT = 10.0
"""Nats below the most probable angle within which a second one is considered at all: it is for half of the
images, and further ones change nothing."""


@dataclass(frozen=True)
class PosePrior:
    """What a pose knows of how the data were made; which image is which, it does not.

    upright: share of the images that were not turned; without it any pose of a class would do as its
    upright one. slant: SD in degrees of handwriting's own slant (14.9 over the training digits), from which
    a pose cannot be told apart. limit: the applied angle is uniform in plus or minus this, degrees.
    """

    upright: float
    slant: float
    limit: float

    def cumulative(self, degrees: Tensor) -> Tensor:
        """Return the distribution function of the slant."""
        return torch.special.ndtr(degrees / self.slant)

    def fading(self, angles: Tensor) -> Tensor:
        """Return the density of an applied angle plus a slant, relative to that of the former.

        Beyond a half-turn it comes round: with a limit of 180 degrees it is flat.
        """
        laps = (angles - 360, angles, angles + 360)
        shares = (self.cumulative(lap + self.limit) - self.cumulative(lap - self.limit) for lap in laps)
        return sum(shares, start=torch.zeros_like(angles))

    def bins(self) -> tuple[Tensor, Tensor]:
        """Return the prior of each bin (BINS,), and where it is not 0 the density `fading`, else 0."""
        rotated = self.fading(centres())
        rotated = torch.where(rotated > 1e-4 * rotated.max(), rotated, 0.0)
        half = WIDTH / 2
        upright = self.cumulative(centres() + half) - self.cumulative(centres() - half)
        prior = self.upright * upright + (1 - self.upright) * rotated / rotated.sum()
        prior = torch.where(rotated > 0, prior, 0.0)
        return prior / prior.sum(), rotated


class PoseVAE(VAE):
    """A VAE with M latents of which the first is an angle, of density constant in bins, others Gaussian.

    The unit of the first is the standard deviation of angles uniform in ±limit, `degrees`.
    """

    angles: Tensor
    log_prior: Tensor
    log_window: Tensor

    def __init__(self, encoder: nn.Sequential, decoder: nn.Sequential, latent_dim: int, known: PosePrior):
        super().__init__(encoder, decoder, latent_dim)
        self.energy = RingNetwork()
        self.known = known
        self.degrees = known.limit / math.sqrt(3)  # `RunSpec.angle_sd`
        prior, window = known.bins()
        for name, value in (("angles", centres()), ("log_prior", prior.log()), ("log_window", window.log())):
            self.register_buffer(name, value, persistent=False)

    @staticmethod
    def widths(latent_dim: int) -> tuple[int, int]:
        """Return how many numbers the encoder gives, and how many the decoder takes: those of the content."""
        return 2 * (latent_dim - 1), latent_dim - 1

    @classmethod
    def of(cls, encoder: nn.Sequential, decoder: nn.Sequential, spec: RunSpec) -> "PoseVAE":
        """Return the network of a spec, which knows what the spec says of turned images."""
        known = PosePrior(spec.told_upright, spec.told_slant, spec.rotation_range)
        return cls(encoder, decoder, spec.latent_dim, known)

    @torch.no_grad()
    def log_posterior(self, x: Tensor) -> Tensor:
        """Return log q of each bin (B, BINS): sharpened softmax of the energies in the range of angles.

        No gradient: energies learn from `surprise` alone. Taught by the bound as well (score function of
        two angles an image), they let the poses of a class settle where its canvas is cheap: classes lean
        by up to 30 degrees, and 3 % of all images stand on their heads.
        """
        return self._sharpened(self.energy(x))

    def _sharpened(self, energies: Tensor) -> Tensor:
        return (SHARPNESS * energies + self.log_window).log_softmax(1)

    def pose(self, x: Tensor) -> Tensor:
        """Return the angle (B,) of each image, degrees: of `CANDIDATES` the one with the best evidence.

        That is log q(θ|x) − EVIDENCE · (bound at θ, of Bernoulli pixels), for angles at the modes of q: not
        its mean, as that of an 8 that may as well stand on its head lies between the two.
        """
        return self._pose_at(x, self.log_posterior(x))

    def _pose_at(self, x: Tensor, log_q: Tensor) -> Tensor:
        angle, value = self._mode(log_q)
        _, second = self._mode(self._without_mode(log_q))
        in_doubt = second > value - IN_DOUBT
        if torch.compiler.is_exporting():  # a graph takes the same way for all images
            return torch.where(in_doubt, self._best_of(x, log_q), angle)
        rows = in_doubt.nonzero()[:, 0]
        if len(rows):
            angle[rows] = self._best_of(x[rows], log_q[rows])
        return angle

    def _best_of(self, x: Tensor, log_q: Tensor) -> Tensor:
        angles, values = [], []
        for _ in range(CANDIDATES):
            angle, value = self._mode(log_q)
            mu, logvar = self._content(x, angle)
            bound = LIKELIHOODS["bernoulli"](self._image(mu, angle), x) + gaussian_kl(mu, logvar).sum(1)
            angles.append(angle)
            values.append(value - EVIDENCE * bound)
            log_q = self._without_mode(log_q)
        chosen = torch.stack(values).argmax(0, keepdim=True)
        return torch.stack(angles).gather(0, chosen)[0]

    def _mode(self, log_q: Tensor) -> tuple[Tensor, Tensor]:
        """Return the angle (B,) about the most probable bin, and log q there."""
        value, mode = log_q.max(1)
        near = (log_q - value[:, None]).exp() * (self._steps_from(mode).abs() <= AROUND)
        return self.angles[mode] + WIDTH * (near * self._steps_from(mode)).sum(1) / near.sum(1), value

    def _without_mode(self, log_q: Tensor) -> Tensor:
        return log_q.masked_fill(self._steps_from(log_q.argmax(1)).abs() <= APART, -1e9)

    def _steps_from(self, bins: Tensor) -> Tensor:
        """Return by how many bins each one lies ahead of some (B,) on the circle, (B, BINS)."""
        every = torch.arange(BINS, device=bins.device)
        return (every - bins[:, None] + BINS // 2) % BINS - BINS // 2

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the code (B, M), pose and content of the image turned back by it, and content's logvar."""
        return self._code_at(x, self.pose(x))

    def _code_at(self, x: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
        mu, logvar = self._content(x, angle)
        return torch.cat([angle[:, None] / self.degrees, mu], 1), logvar

    def decode(self, z: Tensor) -> Tensor:
        """Return pixel logits of codes (B, M): the canvas of z_2 … z_M turned by z_1, counter-clockwise."""
        return self._image(z[:, 1:], self.degrees * z[:, 0])

    def posterior(self, x: Tensor, noise: Tensor) -> Posterior:
        """Return what q(θ|x) q(z|θ, x) says of images: the code of their pose, and a draw with its KL."""
        log_q = self.log_posterior(x)
        _, angle = quantile(log_q.exp(), torch.special.ndtr(noise[:, 0]), self.angles)
        mu, logvar = self._content(x, angle)
        drawn = torch.cat([angle[:, None] / self.degrees, sample(mu, logvar, noise[:, 1:])], 1)
        kl = torch.cat([self.pose_kl(log_q)[:, None], gaussian_kl(mu, logvar)], 1)
        return Posterior(self._code_at(x, self._pose_at(x, log_q))[0], drawn, kl)

    def prior(self, noise: Tensor) -> Tensor:
        """Return codes (B, M) of an angle drawn from p(θ), and normal content."""
        p = self.log_prior.exp().expand(len(noise), -1)
        _, angle = quantile(p, torch.special.ndtr(noise[:, 0]), self.angles)
        return torch.cat([angle[:, None] / self.degrees, noise[:, 1:]], 1)

    def pose_kl(self, log_q: Tensor) -> Tensor:
        """Return KL(q(θ|x) ‖ p(θ)) (B,), nats, of log q of the bins."""
        log_p = torch.where(self.log_prior.isfinite(), self.log_prior, 0.0)
        return (log_q.exp() * (log_q.clamp(min=-1e4) - log_p)).sum(1)

    def surprise(self, x: Tensor, turns: Tensor) -> tuple[Tensor, Tensor]:
        """Return −log probability (B,), nats, of known turns (B,) of images that may have been upright.

        An image is turned by k bins of ours, δ degrees, and the network is asked for it: −log[ p s_δ(R_δ x)
        + (1 − p) u ], where s is the softmax of the energies over the whole circle, p the share of upright
        images, and u the probability of a bin among the other ones. For upright images δ is the pose;
        for the others it is off by an unknown angle, which u forgives. Also returns log q of the images as
        they were, `log_posterior`: their energies are those of the turned ones, k bins back.
        """
        energies = self.energy(turned(x, WIDTH * turns))
        log_s = energies.log_softmax(1).gather(1, ((turns + BINS // 2) % BINS)[:, None])[:, 0]
        rest = (1 - self.known.upright) * self.log_window.softmax(0)[BINS // 2]
        places = (torch.arange(BINS, device=x.device) + turns[:, None]) % BINS
        with torch.no_grad():
            log_q = self._sharpened(energies.gather(1, places))
        return -torch.logaddexp(log_s + math.log(self.known.upright), rest.log()), log_q

    def terms(self, x: Tensor, noise: Tensor, likelihood: str) -> ElboTerms:
        """Return both terms of the bound at one sample; the first column of the KL is that of the pose.

        The first column of the noise decides the angle, by the inverse of q's distribution function.
        """
        return self.terms_at(x, noise, likelihood, self.log_posterior(x))

    def terms_at(self, x: Tensor, noise: Tensor, likelihood: str, log_q: Tensor) -> ElboTerms:
        """Return `terms` where log q of the bins is known."""
        _, angle = quantile(log_q.exp(), torch.special.ndtr(noise[:, 0]), self.angles)
        mu, logvar = self._content(x, angle)
        recon = RECONSTRUCTIONS[likelihood](self._image(sample(mu, logvar, noise[:, 1:]), angle), x)
        return ElboTerms(recon, torch.cat([self.pose_kl(log_q)[:, None], gaussian_kl(mu, logvar)], 1))

    def log_weight(self, x: Tensor, likelihood: str) -> Callable[[Tensor], Tensor]:
        """Return the log weight as a function of the noise: the VAE's + log p(θ) − log q(θ|x)."""
        log_q = self.log_posterior(x)

        def weigh(noise: Tensor) -> Tensor:
            bins, angle = quantile(log_q.exp(), torch.special.ndtr(noise[:, 0]), self.angles)
            mu, logvar = self._content(x, angle)
            z = sample(mu, logvar, noise[:, 1:])
            log_ratio = prior_over_posterior(z, logvar, noise[:, 1:])
            log_ratio += double(self.log_prior[bins] - log_q.gather(1, bins[:, None])[:, 0])
            return log_ratio - double(LIKELIHOODS[likelihood](self._image(z, angle), x))

        return weigh

    def _content(self, x: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
        back = turned(x, -angle).contiguous(memory_format=torch.channels_last)
        return self.encoder(back).chunk(2, dim=1)

    def _image(self, content: Tensor, angle: Tensor) -> Tensor:
        """Return the logits of the canvas turned; beyond its edge they are those at the edge: background."""
        return turned(self.decoder(content), angle, outside="border")
