"""RunSpec: everything that decides the numbers of a training run, and nothing else."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from vaelib.architectures import ACTIVATIONS, ARCHITECTURES, NORMS, encoder_layout
from vaelib.errors import InputError, check_choice, did_you_mean, shown
from vaelib.objectives import OBJECTIVES
from vaelib.spec_fields import checked, choice, number

REDUCTIONS = (
    "sum",
    "mean_latents",
    "mean_pixels_784",
    "mean_pixels_784_mean_latents",
    "mean_pixels_mean_latents",
    "mean_pixels",
)
"""The six readings of "beta = 4": pixels and latents summed or averaged (784 = 28², a factor left over)."""

MOST_SEED = 2**63 - 1

DATA_FIELDS = ("image_size", "images", "rotation_range", "n_train", "n_test", "data_seed")
"""The fields of a spec that decide its training and test images."""
OBJECTIVE_FIELDS = (
    *("objective", "penalty", "capacity", "capacity_epochs", "told_upright", "told_slant"),
    "training_version",
)
"""The fields of a spec that set an alternative apart from the β-VAE of the same images and training."""
TRAINING_FIELDS = (
    *("beta", "likelihood", "compared", "reduction", "angles", "epochs", "batch_size", "optimizer", "lr"),
    *("schedule", "beta_warmup_epochs"),
)
"""The fields of a spec that only training reads. What is neither of these, of the objective, nor of the data
decides an untrained network: so does a field that is added, until it is named here."""


@dataclass(frozen=True)
class RunSpec:
    """One training run. Equal specs have equal ids on every machine.

    Raises `InputError` on any value out of range, naming the field, the value and what is accepted.
    """

    arch: str = choice("article", ARCHITECTURES, "network of the article (Higgins et al. 2017), or ours")
    activation: str | None = choice(None, ACTIVATIONS, "between layers; left out: the network's own")
    norm: str | None = choice(None, NORMS, "between layers; left out: the network's own")
    depth: int = number(0, 0, "convolutions used, counted from the image; 0: all of the network's")
    head_norm: str = choice("none", NORMS, "of mu and logvar themselves; none is the convention")
    latent_dim: int = number(10, 1, "number of latent dimensions M", most=1000)
    objective: str = choice("beta_vae", OBJECTIVES, "what is minimised")
    beta: float = number(
        4.0,
        0.0,
        "weight of the KL term; sums over pixels and latents, nats. Of the total correlation alone in "
        "beta_tcvae, of |KL - C| in capacity and joint",
    )
    penalty: float = number(10.0, 0.0, "weight of what dip_vae_ii, factor_vae and pair add to the loss")
    capacity: float = number(25.0, 0.0, "what C of capacity and joint rises to from zero, nats")
    capacity_epochs: int = number(0, 0, "epochs over which C rises linearly; 0: all epochs")
    told_upright: float = number(0.5, 0.01, "share of upright images that a pose assumes", most=0.99)
    told_slant: float = number(
        15.0, 1.0, "SD of handwriting's own slant that a pose assumes, degrees", most=60.0
    )
    likelihood: str = choice("bernoulli", ("bernoulli", "gaussian"), "of a pixel given the latents")
    compared: str = choice(
        "pixels",
        ("pixels", "pyramid"),
        "what training compares reconstructions by: pixels, or pixels and two blurred copies of them",
    )
    reduction: str = choice("sum", REDUCTIONS, "how pixels and latents are added up; sum is the convention")
    image_size: int = number(64, 8, "side of the images, pixels", most=128)
    images: str = choice("both", ("both", "upright", "rotated"), "which of the two halves of the data set")
    rotation_range: float = number(90.0, 0.0, "angles are uniform in plus or minus this, degrees", most=180.0)
    n_train: int = number(
        60_000, 24, "source digits to train on, one in twelve of them validates", most=60_000
    )
    n_test: int = number(10_000, 2, "source digits to test on", most=10_000)
    data_seed: int = number(0, 0, "draws the angles and the order of the digits", most=MOST_SEED)
    angles: str = choice("fixed", ("fixed", "fresh"), "of training images; fresh: drawn anew each epoch")
    init: str = choice(
        "torch", ("torch", "he"), "first weights: torch's own, or He et al. 2015, which keep the variance"
    )
    epochs: int = number(15, 1, "passes over the training images", most=10_000)
    batch_size: int = number(64, 2, "images a step", most=120_000)
    optimizer: str = choice("adam", ("adam",), "optimiser")
    lr: float = number(5e-4, 1e-8, "learning rate", most=1.0)
    schedule: str = choice("constant", ("constant", "cosine"), "learning rate over time; cosine ends at zero")
    beta_warmup_epochs: int = number(0, 0, "epochs over which beta rises linearly from zero")
    seed: int = number(0, 0, "draws initial weights, batches and latent noise", most=MOST_SEED)
    training_version: int | None = number(
        None, 1, "version of the training numerics; left out: the objective's own of today"
    )

    def __post_init__(self) -> None:
        check_choice("arch", self.arch, ARCHITECTURES)
        check_choice("objective", self.objective, OBJECTIVES)
        for name, own in (
            ("activation", ARCHITECTURES[self.arch].activation),
            ("norm", ARCHITECTURES[self.arch].norm),
            ("training_version", OBJECTIVES[self.objective].version),
        ):
            if getattr(self, name) is None:
                object.__setattr__(self, name, own)
        for f in fields(self):
            object.__setattr__(self, f.name, checked(f, getattr(self, f.name)))
        for name in ("beta_warmup_epochs", "capacity_epochs"):
            value, most = getattr(self, name), self.epochs
            if value > most:
                raise InputError(f"{name} {value} exceeds epochs {most}; accepted: 0 to {most}.")
        _check_together(self)
        encoder_layout(self.arch, self.image_size, self.depth)
        if self.depth == len(ARCHITECTURES[self.arch].convs):
            object.__setattr__(self, "depth", 0)

    @property
    def id(self) -> str:
        """Readable name plus a hash of what differs from the defaults: `article-b4-s0-1f2e3d4c5b`.

        A field that is added later leaves the ids of earlier runs alone as long as its default trains as
        they did; where it does not, the version of the training, always part of the hash, has to rise.
        """
        named = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        digest = hashlib.sha256(canonical_json(named).encode()).hexdigest()[:10]
        return f"{self.arch}-b{self.beta:g}-s{self.seed}-{digest}"

    @property
    def n_val(self) -> int:
        """Source digits held out for validation: one in twelve (5,000 of 60,000)."""
        return self.n_train // 12

    @property
    def n_images(self) -> int:
        """Images trained on in an epoch: source digits that do not validate, upright, rotated or both."""
        return (self.n_train - self.n_val) * (2 if self.images == "both" else 1)

    @property
    def n_batches(self) -> int:
        """Batches of nearly equal size in which the images of an epoch are taken, none above `batch_size`.

        But for one: of pairs and an odd number of images one batch has three, as batch norm needs two.
        """
        return max(1, min(math.ceil(self.n_images / self.batch_size), self.n_images // 2))

    @property
    def training_likelihood(self) -> str:
        """What the reconstruction is measured by in training; held-out images are by `likelihood`."""
        return f"{self.likelihood}_multiscale" if self.compared == "pyramid" else self.likelihood

    @property
    def n_pixels(self) -> int:
        return self.image_size**2

    @property
    def angle_sd(self) -> float:
        """Standard deviation of angles uniform in ±rotation_range, the unit of a pose, degrees."""
        return self.rotation_range / math.sqrt(3)

    @property
    def plain(self) -> "RunSpec":
        """The β-VAE of the same images, network and training, whatever the objective."""
        return replace(self, **{name: getattr(RunSpec, name) for name in OBJECTIVE_FIELDS})

    def changed(self, **changes: Any) -> "RunSpec":
        """Return the spec with some fields changed; another objective has the version of its own training."""
        if changes.get("objective", self.objective) != self.objective:
            changes = {"training_version": None} | changes
        return replace(self, **changes)

    @property
    def data(self) -> dict[str, Any]:
        """The fields that decide the training and test images: what is fitted to them is cached by these."""
        return {name: getattr(self, name) for name in DATA_FIELDS}

    @property
    def network(self) -> dict[str, Any]:
        """The fields, where they are no defaults, that decide the network of `plain` before its first step.

        Its seed is one of them. A field that is added later changes no key of what was cached before.
        """
        others = {*DATA_FIELDS, *OBJECTIVE_FIELDS, *TRAINING_FIELDS}
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in others}
        return {name: value for name, value in own.items() if value != getattr(RunSpec, name)}

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces."""
        return canonical_json(asdict(self))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "RunSpec":
        """Build a spec from names and values; an unknown name is refused with the nearest known one."""
        known = [f.name for f in fields(cls)]
        for name in values:
            if name not in known:
                raise InputError(
                    f"field {name!r} is unknown; accepted: {', '.join(known)}.{did_you_mean(name, known)}"
                )
        return cls(**values)

    @classmethod
    def read(cls, file: Path) -> "RunSpec":
        """Return the spec in a file; raises `InputError` for one that holds none."""
        try:
            return cls.from_json(file.read_text(encoding="utf-8"))
        except UnicodeDecodeError as error:
            raise InputError(f"{file} is refused: it is not UTF-8; accepted: a run's spec.json.") from error
        except InputError as error:
            raise InputError(f"{file}: {error}") from error

    @classmethod
    def from_json(cls, text: str) -> "RunSpec":
        """Return the spec that `to_json` wrote; raises `InputError` for a text that is no JSON object."""
        try:
            values = json.loads(text)
            if not isinstance(values, dict):
                raise TypeError(f"it is {shown(values)}")
        except (ValueError, TypeError, RecursionError) as error:
            raise InputError(
                f"a spec of {len(text)} characters is refused ({error}); accepted: a JSON object of fields."
            ) from error
        return cls.from_dict(values)


def _check_together(spec: RunSpec) -> None:
    """Raise `InputError` for a field whose value, no default, says nothing beside the other fields."""
    for name, needed, given in (
        ("objective", "reduction sum", spec.reduction == "sum"),
        *(("objective", *need) for need in OBJECTIVES[spec.objective].needs(spec)),
        *_fields_of_objectives(spec),
        ("compared", "likelihood bernoulli", spec.likelihood == "bernoulli"),
        ("angles", "images both, rotated", spec.images != "upright"),
        ("angles", "rotation_range above 0", spec.rotation_range > 0),
    ):
        value = getattr(spec, name)
        if value != getattr(RunSpec, name) and not given:
            raise InputError(f"{name} {value!r} is refused here; accepted only with {needed}.")


def _fields_of_objectives(spec: RunSpec) -> Iterator[tuple[str, str, bool]]:
    """Yield the fields that some objectives read, which those are, and whether the spec's is one."""
    for name in dict.fromkeys(name for objective in OBJECTIVES.values() for name in objective.fields):
        readers = [title for title, objective in OBJECTIVES.items() if name in objective.fields]
        yield name, f"objective {', '.join(readers)}", spec.objective in readers


def canonical_json(values: Mapping[str, Any]) -> str:
    """Return JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(values, sort_keys=True, separators=(",", ":"))
