"""What can be minimised: each objective declared in one place, without its network being imported.

An entry of `OBJECTIVES` is all that the rest of the library knows of an objective. One that is added there,
from any file, can be trained, stored, listed and measured.
"""

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vaelib.spec import RunSpec

VAE, POSE_VAE = "vaelib.models.vae:VAE", "vaelib.models.pose_vae:PoseVAE"


@dataclass(frozen=True)
class Objective:
    """An objective: what it minimises, of which network, and what a spec may say of it.

    version: goes up when the same spec would train to other bytes, or be evaluated to others.
    loss: where its function is, "module:name"; see `training.losses` for what it takes and returns.
    title: what it is called beside others, with its weights by the names that the papers give them.
    fields: the fields of a spec that it alone reads, with others of the same field.
    needs: what a spec has to be like, in words, and whether it is.
    network, discriminator: where its networks are; the second is trained beside the first.
    noise: normal draws an image beside those of a sample, given the number of these.
    turns: whether it knows of turns, by turned images or by a pose.
    """

    version: int
    loss: str
    title: Callable[["RunSpec"], str]
    fields: tuple[str, ...] = ()
    needs: Callable[["RunSpec"], Iterable[tuple[str, bool]]] = lambda spec: ()
    network: str = VAE
    discriminator: str | None = None
    noise: Callable[[int], int] = lambda noise_dim: 0
    turns: bool = False

    @property
    def modules(self) -> list[str]:
        """The modules that what it names is in."""
        places = (self.loss, self.network, self.discriminator)
        return [place.partition(":")[0] for place in places if place]

    def draws(self, noise_dim: int) -> int:
        """Return the normal draws an image: those of a sample, `noise_dim`, and what comes after them."""
        return noise_dim + self.noise(noise_dim)


def resolve(place: str) -> Any:
    """Return what "module:name" names."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


def _beside(spec: "RunSpec") -> str:
    """Return the weight of the KL where it is not that of the bound."""
    return f", β = {spec.beta:g}" if spec.beta != 1 else ""


def _pose(spec: "RunSpec") -> str:
    assumed = {
        f", assuming a share of {spec.told_upright:g}": spec.told_upright != type(spec).told_upright,
        f", assuming a slant of {spec.told_slant:g}°": spec.told_slant != type(spec).told_slant,
    }
    return f"pose{_beside(spec)}" + "".join(words for words, holds in assumed.items() if holds)


def _turned(spec: "RunSpec") -> list[tuple[str, bool]]:
    return [("rotation_range above 0", spec.rotation_range > 0)]


OBJECTIVES = {
    "beta_vae": Objective(2, "vaelib.training.losses:beta_vae", lambda s: f"β-VAE, β = {s.beta:g}"),
    "beta_tcvae": Objective(2, "vaelib.training.losses:beta_tcvae", lambda s: f"β-TCVAE, β = {s.beta:g}"),
    "capacity": Objective(
        2,
        "vaelib.training.losses:capacity",
        lambda s: f"capacity, C = {s.capacity:g}, γ = {s.beta:g}",
        fields=("capacity", "capacity_epochs"),
    ),
    "dip_vae_ii": Objective(
        3,
        "vaelib.training.losses:dip_vae_ii",
        lambda s: f"DIP-VAE-II, λ = {s.penalty:g}{_beside(s)}",
        fields=("penalty",),
    ),
    "factor_vae": Objective(
        3,
        "vaelib.training.losses:factor_vae",
        lambda s: f"FactorVAE, γ = {s.penalty:g}{_beside(s)}",
        fields=("penalty",),
        discriminator="vaelib.training.losses:latent_discriminator",
        noise=lambda noise_dim: noise_dim,  # permutes the latents of a batch
    ),
    "pair": Objective(
        2,
        "vaelib.training.losses:pair",
        lambda s: f"known turns, w = {s.penalty:g}{_beside(s)}",
        fields=("penalty",),
        needs=_turned,
        noise=lambda noise_dim: 1,  # the turn
        turns=True,
    ),
    "joint": Objective(
        3,
        "vaelib.training.losses:joint",
        lambda s: f"JointVAE, C = {s.capacity:g}, γ = {s.beta:g}",
        fields=("capacity", "capacity_epochs"),
        network="vaelib.models.joint_vae:JointVAE",
    ),
    "pose": Objective(
        3,
        "vaelib.training.losses:pose_loss",
        _pose,
        fields=("told_upright", "told_slant"),
        needs=lambda s: [
            *_turned(s),
            ("images both", s.images == "both"),
            ("latent_dim above 1", s.latent_dim > 1),
        ],
        network=POSE_VAE,
        noise=lambda noise_dim: 1,  # the turn that it is asked for
        turns=True,
    ),
}
"""The objectives by the name that a spec gives them; the first is the default."""


def described(spec: "RunSpec") -> str:
    """Return what a run minimises, in the words of the loss, and what else it changes."""
    texts = [resolve(OBJECTIVES[spec.objective].loss).__doc__.partition("\n\n")[0]]
    for f in fields(spec):
        if f.name in ("compared", "angles") and getattr(spec, f.name) != f.default:
            texts.append(f"Changed: {f.name}, {f.metadata['help']}.")
    return " ".join(" ".join(texts).replace("`", "").split())


def title(spec: "RunSpec") -> str:
    """Return what a run minimises, and what else sets it apart.

    >>> from vaelib.spec import RunSpec
    >>> title(RunSpec(beta=1, angles="fresh")), title(RunSpec(objective="dip_vae_ii", beta=1, penalty=2))
    ('β-VAE, β = 1, fresh angles', 'DIP-VAE-II, λ = 2')
    """
    changed = {"multi-scale BCE": spec.compared == "pyramid", "fresh angles": spec.angles == "fresh"}
    own = OBJECTIVES[spec.objective].title(spec)
    return ", ".join([own, *(name for name, holds in changed.items() if holds)])
