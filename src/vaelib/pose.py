"""A variational autoencoder whose first latent is a pose, found without any label of it.

p(x) = ∫ p(θ) p(z) p(x | θ, z): the decoder draws a canvas from the content z, and the picture is the canvas
turned by θ. The posterior q(θ|x) q(z|θ, x) turns the picture back by θ before the content is encoded.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaelib.data import turned
from vaelib.losses import LIKELIHOODS, RECONSTRUCTIONS, ElboTerms, blur_matrix, gaussian_kl
from vaelib.spec import RunSpec
from vaelib.vae import VAE, sample

BINS = 72
WIDTH = 360 / BINS
"""Degrees to a bin of angles; within a bin the density of the pose is constant."""
UPRIGHT, SPIKE = 0.5, 4.0
"""Prior of the pose: this share of it is N(0, SPIKE²) degrees, the rest uniform in ±rotation_range.

That half of the pictures is upright is how the data set was made; nobody says which half. It makes upright
digits the ones that the canvas shows: without it any pose of a class would do as its upright one.
"""
SLACK = 15.0
"""Degrees over which the uniform part fades at both ends: a digit may be written a little askew."""
AROUND = 2
"""Bins on each side of the most probable one over which the angle of a code is the mean."""

RINGS, HIDDEN, DILATIONS = 12, 32, (1, 3, 9, 27)
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


@dataclass(frozen=True)
class Draw:
    """One sample of the posterior: terms whose `kl` is that of the content, log q of the bin (B,)."""

    terms: ElboTerms
    log_q: Tensor


class PoseVAE(VAE):
    """A VAE with M latents of which the first is an angle, of density constant in bins, others Gaussian.

    The unit of the first is the standard deviation of angles uniform in ±rotation_range, `degrees`.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, latent_dim: int, rotation_range: float):
        super().__init__(encoder, decoder, latent_dim)
        self.energy = RingNetwork()
        self.degrees = rotation_range / math.sqrt(3)
        uniform = _fading(centres(), rotation_range)
        inside = uniform > 1e-4 * uniform.max()
        spike = _normal_cdf(centres() + WIDTH / 2, SPIKE) - _normal_cdf(centres() - WIDTH / 2, SPIKE)
        prior = torch.where(inside, UPRIGHT * spike + (1 - UPRIGHT) * uniform / uniform.sum(), 0.0)
        never = torch.tensor(-math.inf)
        for name, value in (
            ("angles", centres()),
            ("log_prior", torch.where(inside, (prior / prior.sum()).log(), never)),
            ("log_window", torch.where(inside, uniform.log(), never)),
        ):
            self.register_buffer(name, value, persistent=False)

    def log_posterior(self, x: Tensor) -> Tensor:
        """Return log q of each bin (B, BINS): softmax of the energies inside the range of angles."""
        return (self.energy(x) + self.log_window).log_softmax(1)

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
        return turned(self.decoder(z[:, 1:]), self.degrees * z[:, 0], outside="border")

    def draw(self, x: Tensor, noise: Tensor, log_q: Tensor, likelihood: str) -> Draw:
        """Return a sample of the bound, given log q of the bins (B, BINS) and noise (B, M).

        The first column of the noise decides the angle, by the inverse of q's distribution function.
        """
        bins, angle = _quantile(log_q.detach().exp(), torch.special.ndtr(noise[:, 0]), self.angles)
        mu, logvar = self._content(x, angle)
        canvas = self.decoder(sample(mu, logvar, noise[:, 1:]))
        recon = RECONSTRUCTIONS[likelihood](turned(canvas, angle, outside="border"), x)
        return Draw(ElboTerms(recon, gaussian_kl(mu, logvar)), log_q.gather(1, bins[:, None])[:, 0])

    def pose_kl(self, log_q: Tensor) -> Tensor:
        """Return KL(q(θ|x) ‖ p(θ)) (B,), nats, of log q of the bins."""
        log_p = torch.where(self.log_prior.isfinite(), self.log_prior, 0.0)
        return (log_q.exp() * (log_q.clamp(min=-1e4) - log_p)).sum(1)

    def surprise(self, x: Tensor, degrees: Tensor) -> Tensor:
        """Return −log probability (B,), nats, of known turns (B,) of pictures that may have been upright.

        A picture is turned by an angle δ of ours, and q is asked for it: E(δ) = −log[ p q(δ | R_δ x) +
        (1 − p) u ], where p is the share of upright pictures and u that of a bin under the uniform rest. For
        half of the pictures δ is the pose, for the others it is off by an unknown angle, and u forgives it.
        """
        turns = torch.floor(degrees / WIDTH + 0.5).long()[:, None]
        seen = self.energy(turned(x, degrees))
        shifted = seen.gather(1, (torch.arange(BINS, device=x.device) + turns) % BINS)
        log_q = (shifted + self.log_window).log_softmax(1)[:, BINS // 2]
        rest = (1 - UPRIGHT) * self.log_window.softmax(0)[BINS // 2]
        return -torch.logaddexp(log_q + math.log(UPRIGHT), rest.log())

    def terms(self, x: Tensor, noise: Tensor, likelihood: str) -> ElboTerms:
        """Return both terms of the bound; the first column of the KL is that of the pose."""
        log_q = self.log_posterior(x)
        drawn = self.draw(x, noise, log_q, likelihood).terms
        return ElboTerms(drawn.recon, torch.cat([self.pose_kl(log_q)[:, None], drawn.kl], 1))

    def _content(self, x: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
        back = turned(x, -angle).contiguous(memory_format=torch.channels_last)
        return self.encoder(back).chunk(2, dim=1)

    def log_weight(self, x: Tensor, likelihood: str) -> Callable[[Tensor], Tensor]:
        """Return the log weight as a function of the noise: the VAE's + log p(θ) − log q(θ|x)."""
        log_q = self.log_posterior(x)

        def weigh(noise: Tensor) -> Tensor:
            bins, angle = _quantile(log_q.exp(), torch.special.ndtr(noise[:, 0]), self.angles)
            mu, logvar = self._content(x, angle)
            z = sample(mu, logvar, noise[:, 1:])
            log_ratio = 0.5 * (noise[:, 1:].square() + logvar - z.square()).double().sum(1)
            log_ratio += (self.log_prior[bins] - log_q.gather(1, bins[:, None])[:, 0]).double()
            picture = turned(self.decoder(z), angle, outside="border")
            return log_ratio - LIKELIHOODS[likelihood](picture, x).double()

        return weigh


def _quantile(q: Tensor, u: Tensor, angles: Tensor) -> tuple[Tensor, Tensor]:
    """Return bin and angle (B,) below which a share u (B,) lies of the density with q (B, BINS) in bins."""
    reached = q.cumsum(1)
    u = u * reached[:, -1]  # rounding leaves the sum beside 1
    bins = torch.searchsorted(reached, u[:, None])[:, 0].clamp(max=BINS - 1)
    inside = q.gather(1, bins[:, None])[:, 0]
    beyond = reached.gather(1, bins[:, None])[:, 0] - u
    share = 1 - (beyond / inside.clamp(min=1e-12)).clamp(0, 1)
    return bins, angles[bins] + WIDTH * (share - 0.5)


def _normal_cdf(x: Tensor, sd: float) -> Tensor:
    return torch.special.ndtr(x / sd)


def _fading(angles: Tensor, limit: float) -> Tensor:
    """Return the density of angles uniform in ±limit plus a normal one of SD `SLACK`, relative to the former.

    Beyond a half-turn it comes round: with a limit of 180 degrees it is flat.
    """
    laps = [
        _normal_cdf(a + limit, SLACK) - _normal_cdf(a - limit, SLACK)
        for a in (angles - 360, angles, angles + 360)
    ]
    return sum(laps)


PAIRED, ASKED = 0.25, 0.5
"""Shares of the pictures of a batch: that are drawn twice, that are turned and asked about."""
CERTAIN = 20.0
"""Weight of what is asked, in nats, beside the bound. Left to the bound alone, the poses of a class settle
wherever its canvas is cheap: an upside-down 2 passes for another 2, and a 6 for a 9."""
DELAY = 0.1
"""Share of the training during which energies learn from what is asked alone, while the canvas is blank."""


def pose(
    model: PoseVAE, x: Tensor, eps: Tensor, beta: float, spec: RunSpec, progress: float
) -> tuple[ElboTerms, Tensor]:
    """Reconstruction + β · KL of a `PoseVAE`, whose energies also learn what half of the pictures tell.

    The angle of a draw cannot be moved to another bin by a derivative, so q(θ|x) learns from the costs
    f = −log p(x|θ, z) + β KL(q(z|θ, x) ‖ p(z)) of two angles a picture: ½ (f_1 − f_2) ∇(log q_1 − log q_2) is
    the gradient of E_q f without bias (score function, each sample the baseline of the other; Kool et al.
    2019). `PoseVAE.surprise`, weighted by `CERTAIN`, keeps upright what was upright. No angle is given away:
    the turns that are asked for are our own.
    """
    batch, latents = len(x), model.noise_dim
    n, asked = max(1, round(PAIRED * batch)), max(1, round(ASKED * batch))
    noise, again, turn = eps.split((latents, latents, 1), dim=1)
    log_q = model.log_posterior(x)
    drawn = model.draw(
        torch.cat([x, x[:n]]),
        torch.cat([noise, again[:n]]),
        torch.cat([log_q, log_q[:n]]),
        spec.training_likelihood,
    )
    of_pose, of_content = model.pose_kl(log_q), drawn.terms.kl
    cost = drawn.terms.recon + beta * of_content.sum(1)
    gap = (cost[:n] - cost[batch:]).detach()
    learnt = 0.5 * (gap * (drawn.log_q[:n] - drawn.log_q[batch:])).mean() + beta * of_pose.mean()
    degrees = 180 * torch.erf(turn[:asked, 0] / math.sqrt(2))  # normal to uniform
    surprise = model.surprise(x[:asked], degrees).mean()
    terms = ElboTerms(drawn.terms.recon[:batch], torch.cat([of_pose[:, None], of_content[:batch]], 1))
    return terms, cost.mean() + (learnt if progress >= DELAY else 0 * learnt) + CERTAIN * surprise
