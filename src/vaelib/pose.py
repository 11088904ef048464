"""A variational autoencoder whose first latent is a pose, found without any label of it.

p(x) = ∫ p(θ) p(z) p(x | θ, z): the decoder draws a canvas from the content z, and the picture is the canvas
turned by θ. The posterior q(θ|x) q(z|θ, x) turns the picture back by θ before the content is encoded.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaelib.data import turned
from vaelib.losses import LIKELIHOODS, RECONSTRUCTIONS, ElboTerms, beta_loss, blur_matrix, gaussian_kl
from vaelib.spec import RunSpec
from vaelib.vae import VAE, Posterior, prior_over_posterior, sample, uniform

BINS = 72
WIDTH = 360 / BINS
"""Degrees to a bin of angles; within a bin the density of the pose is constant."""
UPRIGHT = 0.5
"""Share of the pictures that are upright: how the data set was made. Nobody says which half it is.

Without it any pose of a class would do as its upright one.
"""
SLANT = 15.0
"""SD in degrees of handwriting's own slant (14.9 over the training digits), which a pose cannot be told from.

The prior of the pose is that of the applied angle, 0 or uniform in ±rotation_range, plus a normal slant.
"""
SHARPNESS = 4.0
"""Power to which the softmax of the energies is raised. Asked for turns, they are as unsure as the slant of
handwriting makes them; the canvas needs a choice, and one that is always the same."""
AROUND = 2
"""Bins on each side of the most probable one over which the angle of a code is the mean."""

RINGS, HIDDEN, DILATIONS = 12, 48, (1, 3, 9, 27)
"""Energy network: radii, channels, and steps between taps, which together see the whole circle."""
BLUR = 1.0
"""SD in pixels of the blur before rings are sampled. Without it bilinear sampling leaves traces of the pixel
grid, from which a network can read how far a picture is from the frame's axes, and is not equivariant."""


class RingNetwork(nn.Module):
    """How well a picture would stand if it were turned back, for each of `BINS` angles.

    In polar coordinates a turn is a shift, so a network of circular convolutions over the angle is
    equivariant: turning the picture by a bin shifts the energies by one. All candidate angles are scored
    in one pass, where turning the picture back by each of them would take one a candidate.
    """

    def __init__(self):
        super().__init__()
        inputs = (5 * RINGS, *[3 * HIDDEN] * len(DILATIONS))
        gains = (2.0, *[0.5] * len(DILATIONS))  # most of a polar map is black; later layers add to a sum
        self.weights = nn.ParameterList(
            nn.Parameter(gain * math.sqrt(2 / n) * torch.randn(n, HIDDEN))
            for n, gain in zip(inputs, gains, strict=True)
        )
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(HIDDEN)) for _ in inputs)
        self.out = nn.Parameter(0.1 / math.sqrt(HIDDEN) * torch.randn(HIDDEN, 1))
        radius, angle = (torch.arange(RINGS) + 0.5) / RINGS, torch.deg2rad(centres())[:, None]
        grid = torch.stack([radius * angle.cos(), -radius * angle.sin()], dim=-1)  # y down the page
        self.register_buffer("grid", grid[None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return energies (B, BINS) of pictures (B, 1, S, S); the higher, the better it would stand."""
        x = F.avg_pool2d(x, max(1, x.shape[-1] // 32))
        blur = blur_matrix(x.shape[-1], BLUR).to(x)
        x = blur @ x @ blur.T
        rings = F.grid_sample(x, self.grid.expand(len(x), -1, -1, -1), align_corners=False)[:, 0]
        h = F.relu(self._layer(0, rings, range(-2, 3)))
        for i, step in enumerate(DILATIONS, start=1):
            h = h + F.relu(self._layer(i, h, (-step, 0, step)))
        return (h @ self.out)[..., 0]

    def _layer(self, i: int, h: Tensor, taps: tuple[int, ...]) -> Tensor:
        """Return a circular convolution of h (B, BINS, C), as one product of matrices: half the time."""
        return torch.cat([h.roll(tap, 1) for tap in taps], 2) @ self.weights[i] + self.biases[i]


def centres() -> Tensor:
    """Return the middle of each bin, degrees, from −180 up (BINS,)."""
    return (torch.arange(BINS) - BINS // 2) * WIDTH


class PoseVAE(VAE):
    """A VAE with M latents of which the first is an angle, of density constant in bins, others Gaussian.

    The unit of the first is the standard deviation of angles uniform in ±rotation_range, `degrees`.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, latent_dim: int, rotation_range: float):
        super().__init__(encoder, decoder, latent_dim)
        self.energy = RingNetwork()
        self.degrees = rotation_range / math.sqrt(3)
        rotated = _fading(centres(), rotation_range)
        inside = rotated > 1e-4 * rotated.max()
        upright = _normal_cdf(centres() + WIDTH / 2) - _normal_cdf(centres() - WIDTH / 2)
        prior = torch.where(inside, UPRIGHT * upright + (1 - UPRIGHT) * rotated / rotated.sum(), 0.0)
        never = torch.tensor(-math.inf)
        for name, value in (
            ("angles", centres()),
            ("log_prior", torch.where(inside, (prior / prior.sum()).log(), never)),
            ("log_window", torch.where(inside, rotated.log(), never)),
        ):
            self.register_buffer(name, value, persistent=False)

    @torch.no_grad()
    def log_posterior(self, x: Tensor) -> Tensor:
        """Return log q of each bin (B, BINS): sharpened softmax of the energies in the range of angles.

        No gradient: energies learn from `surprise` alone. Taught by the bound as well (score function of
        two angles a picture), they let the poses of a class settle where its canvas is cheap: classes lean
        by up to 30 degrees, and 3 % of all pictures stand on their heads.
        """
        return (SHARPNESS * self.energy(x) + self.log_window).log_softmax(1)

    def pose(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the angle at the posterior's mode and the variance about it (B,), degrees and degrees².

        Not its mean: that of an 8 that may as well stand on its head lies between the two.
        """
        q = self.log_posterior(x).exp()
        mode = q.argmax(1, keepdim=True)
        steps = (torch.arange(BINS, device=x.device) - mode + BINS // 2) % BINS - BINS // 2
        near = q * (steps.abs() <= AROUND)
        angle = self.angles[mode[:, 0]] + WIDTH * (near * steps).sum(1) / near.sum(1)
        return angle, (q * (self.angles - angle[:, None]).square()).sum(1) + WIDTH**2 / 12

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return code and log variance (B, M): the pose, and the content of the picture turned back by it."""
        angle, variance = self.pose(x)
        mu, logvar = self._content(x, angle)
        code = torch.cat([angle[:, None] / self.degrees, mu], 1)
        return code, torch.cat([(variance / self.degrees**2).log()[:, None], logvar], 1)

    def decode(self, z: Tensor) -> Tensor:
        """Return pixel logits of codes (B, M): the canvas of z_2 … z_M turned by z_1, counter-clockwise."""
        return self._picture(z[:, 1:], self.degrees * z[:, 0])

    def posterior(self, x: Tensor, noise: Tensor) -> Posterior:
        """Return what q(θ|x) q(z|θ, x) says of pictures: the code of the mode, and a draw with its KL."""
        log_q = self.log_posterior(x)
        _, angle = _quantile(log_q.exp(), torch.special.ndtr(noise[:, 0]), self.angles)
        mu, logvar = self._content(x, angle)
        drawn = torch.cat([angle[:, None] / self.degrees, sample(mu, logvar, noise[:, 1:])], 1)
        kl = torch.cat([self.pose_kl(log_q)[:, None], gaussian_kl(mu, logvar)], 1)
        return Posterior(self.encode(x)[0], drawn, kl)

    def prior(self, noise: Tensor) -> Tensor:
        """Return codes (B, M) of an angle drawn from p(θ), and normal content."""
        p = self.log_prior.exp().expand(len(noise), -1)
        _, angle = _quantile(p, torch.special.ndtr(noise[:, 0]), self.angles)
        return torch.cat([angle[:, None] / self.degrees, noise[:, 1:]], 1)

    def pose_kl(self, log_q: Tensor) -> Tensor:
        """Return KL(q(θ|x) ‖ p(θ)) (B,), nats, of log q of the bins."""
        log_p = torch.where(self.log_prior.isfinite(), self.log_prior, 0.0)
        return (log_q.exp() * (log_q.clamp(min=-1e4) - log_p)).sum(1)

    def surprise(self, x: Tensor, degrees: Tensor) -> Tensor:
        """Return −log probability (B,), nats, of known turns (B,) of pictures that may have been upright.

        A picture is turned by an angle δ of ours, and the network is asked for it: −log[ p s_δ(R_δ x) +
        (1 − p) u ], where s is the softmax of the energies over the whole circle, p the share of upright
        pictures, and u the probability of a bin among the other ones. For upright pictures δ is the pose;
        for the others it is off by an unknown angle, which u forgives.
        """
        turns = torch.floor(degrees / WIDTH + 0.5).long() % BINS
        log_s = self.energy(turned(x, degrees)).log_softmax(1)
        log_s = log_s.gather(1, (turns[:, None] + BINS // 2) % BINS)[:, 0]
        rest = (1 - UPRIGHT) * self.log_window.softmax(0)[BINS // 2]
        return -torch.logaddexp(log_s + math.log(UPRIGHT), rest.log())

    def terms(self, x: Tensor, noise: Tensor, likelihood: str) -> ElboTerms:
        """Return both terms of the bound at one sample; the first column of the KL is that of the pose.

        The first column of the noise decides the angle, by the inverse of q's distribution function.
        """
        log_q = self.log_posterior(x)
        _, angle = _quantile(log_q.exp(), torch.special.ndtr(noise[:, 0]), self.angles)
        mu, logvar = self._content(x, angle)
        recon = RECONSTRUCTIONS[likelihood](self._picture(sample(mu, logvar, noise[:, 1:]), angle), x)
        return ElboTerms(recon, torch.cat([self.pose_kl(log_q)[:, None], gaussian_kl(mu, logvar)], 1))

    def log_weight(self, x: Tensor, likelihood: str) -> Callable[[Tensor], Tensor]:
        """Return the log weight as a function of the noise: the VAE's + log p(θ) − log q(θ|x)."""
        log_q = self.log_posterior(x)

        def weigh(noise: Tensor) -> Tensor:
            bins, angle = _quantile(log_q.exp(), torch.special.ndtr(noise[:, 0]), self.angles)
            mu, logvar = self._content(x, angle)
            z = sample(mu, logvar, noise[:, 1:])
            log_ratio = prior_over_posterior(z, logvar, noise[:, 1:])
            log_ratio += (self.log_prior[bins] - log_q.gather(1, bins[:, None])[:, 0]).double()
            return log_ratio - LIKELIHOODS[likelihood](self._picture(z, angle), x).double()

        return weigh

    def _content(self, x: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
        back = turned(x, -angle).contiguous(memory_format=torch.channels_last)
        return self.encoder(back).chunk(2, dim=1)

    def _picture(self, content: Tensor, angle: Tensor) -> Tensor:
        """Return the logits of the canvas turned; beyond its edge they are those at the edge: background."""
        return turned(self.decoder(content), angle, outside="border")


def _quantile(q: Tensor, u: Tensor, angles: Tensor) -> tuple[Tensor, Tensor]:
    """Return bin and angle (B,) below which a share u (B,) lies of the density with q (B, BINS) in bins."""
    reached = q.cumsum(1)
    u = u * reached[:, -1]  # rounding leaves the sum beside 1
    bins = torch.searchsorted(reached, u[:, None])[:, 0].clamp(max=BINS - 1)
    inside = q.gather(1, bins[:, None])[:, 0]
    beyond = reached.gather(1, bins[:, None])[:, 0] - u
    share = 1 - (beyond / inside.clamp(min=1e-12)).clamp(0, 1)
    return bins, angles[bins] + WIDTH * (share - 0.5)


def _normal_cdf(degrees: Tensor) -> Tensor:
    return torch.special.ndtr(degrees / SLANT)


def _fading(angles: Tensor, limit: float) -> Tensor:
    """Return the density of an angle uniform in ±limit plus a slant, relative to that of the former.

    Beyond a half-turn it comes round: with a limit of 180 degrees it is flat.
    """
    laps = (angles - 360, angles, angles + 360)
    return sum(_normal_cdf(lap + limit) - _normal_cdf(lap - limit) for lap in laps)


def pose(
    model: PoseVAE, x: Tensor, eps: Tensor, beta: float, spec: RunSpec, progress: float
) -> tuple[ElboTerms, Tensor]:
    """Reconstruction + β · KL of a pose and a content, + the pose's surprise at turns of our own.

    For a `PoseVAE`, whose energies learn from `PoseVAE.surprise` alone. The last column of eps decides the
    angles, uniform around the circle, by which pictures are turned and asked about. No angle is given away:
    these turns are our own.
    """
    noise, turn = eps.split((model.noise_dim, 1), dim=1)
    terms = model.terms(x, noise, spec.training_likelihood)
    degrees = 180 * uniform(turn[:, 0])
    return terms, beta_loss(terms, beta, spec) + model.surprise(x, degrees).mean()
