"""What the chapters say: numbers for the prose of a page, and words for what numbers do."""

from collections.abc import Mapping, Sequence

import numpy as np
from myst_nb import glue as glue

from vaelib.architectures import ARCHITECTURES
from vaelib.models.losses import matched_beta
from vaelib.plots.style import beta_name
from vaelib.spec import RunSpec
from vaelib.training.run import Run


def glue_all(values: Mapping[str, object]) -> None:
    """Keep every value under its name for the prose of the page, without showing it.

    Scalars of NumPy and torch become Python's, which the prose can format.
    """
    for name, value in values.items():
        glue(name, value.item() if hasattr(value, "item") else value, display=False)


def about_run(run: Run) -> dict[str, object]:
    """Return by name what a page about one run says of it: network, beta, seed, latents, images, epochs."""
    spec = run.spec
    return {
        "network": ARCHITECTURES[spec.arch].title,
        "beta": spec.beta,
        "beta_name": beta_name(spec.beta, matched_beta(spec) / spec.beta) if spec.beta else "β = 0",
        "seed": spec.seed,
        "latent_dim": spec.latent_dim,
        "image_size": spec.image_size,
        "epochs": spec.epochs,
        "n_train": spec.n_images,
        "n_test": 2 * spec.n_test,
    }


def direction(values: np.ndarray) -> str:
    """Return in words whether a sequence rises or falls, so that prose says what the numbers say.

    >>> direction([3.0, 2.0, 1.0]), direction([0, 0, 2]), direction([0, 2, 1])
    ('falls at every step', 'never falls', 'goes up and down')
    >>> direction([0.0, np.nan])
    'is undefined in places'
    """
    steps = np.diff(values)
    if not np.isfinite(values).all():
        return "is undefined in places"
    if len(steps) == 0 or (steps == 0).all():
        return "does not change"
    return next(
        (
            words
            for words, holds in (
                ("rises at every step", steps > 0),
                ("falls at every step", steps < 0),
                ("never falls", steps >= 0),
                ("never rises", steps <= 0),
            )
            if holds.all()
        ),
        "goes up and down",
    )


def degrees_or_none(angle: float) -> str:
    """Return an angle in words.

    >>> degrees_or_none(17.2), degrees_or_none(float("nan"))
    ('17°', 'no angle')
    """
    return f"{angle:.0f}°" if np.isfinite(angle) else "no angle"


ANSWERS = {"supported": "No.", "refuted": "Yes.", "undecided": "These runs do not settle it."}
"""To whether one number carries the angle, by the verdict on "rotation is not captured"."""


def answer(verdict: str, isolation: Sequence[float], captured: float) -> tuple[str, str]:
    """Return the answer of the plain networks in words, and that of a network with a pose.

    The verdict is that on "rotation is not captured"; `isolation` has a score a seed of the network with a
    pose, of which `captured` and above counts as captured.

    >>> answer("supported", [0.8, 0.9], 0.7)
    ('No.', 'It can be achieved:')
    """
    reached = np.asarray(isolation) >= captured
    posed = "It can be achieved:" if reached.all() else "Nor is it easily achieved:"
    if verdict == "refuted":
        posed = "A pose of its own:"
    return ANSWERS[verdict], posed


APART = {
    "n_train": "{} digits",
    "epochs": "{} epochs",
    "batch_size": "batches of {}",
    "image_size": "images of {} pixels",
    "lr": "a learning rate of {}",
    "schedule": "a {} learning rate",
    "init": "first weights by {}",
}
"""What a reader should know of two trainings that are compared, and how it is said."""


def trained_apart(spec: RunSpec, other: RunSpec) -> str:
    """Return how another training differs from the first, beyond its objective and network; or nothing.

    >>> trained_apart(RunSpec(batch_size=32), RunSpec(batch_size=16))
    'batches of 16 instead of 32'
    >>> trained_apart(RunSpec(lr=1e-3), RunSpec(lr=2e-3, schedule="cosine"))
    'a learning rate of 0.002 instead of 0.001, a cosine learning rate instead of constant'
    >>> trained_apart(RunSpec(), RunSpec(objective="pose"))
    ''
    """
    pairs = [(words, getattr(spec, name), getattr(other, name)) for name, words in APART.items()]
    return ", ".join(
        f"{words.format(_plain(new))} instead of {_plain(old)}" for words, old, new in pairs if old != new
    )


def _plain(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else str(value)


VERDICTS_IN_FRENCH = {"supported": "confirmé", "refuted": "réfuté", "undecided": "non tranché"}


def in_french(text: str) -> str:
    """Return a verdict, or numbers as `span` writes them, as French does.

    >>> in_french("refuted"), in_french("0.82 (0.81 to 0.83)"), in_french("40,960")
    ('réfuté', '0,82 (0,81 à 0,83)', '40\u202f960')
    """
    numbers = text.replace(",", "\u202f").replace(".", ",").replace(" to ", " à ")
    return VERDICTS_IN_FRENCH.get(text, numbers)


def span(values: Sequence[float], pattern: str = "{:.2f}") -> str:
    """Return a mean in words, with the least and the largest value where there are several.

    >>> span([0.5]), span([1, 2, 3], "{:.0f}"), span([1, np.nan])
    ('0.50', '2 (1 to 3)', 'undefined')
    """
    if np.isnan(values).any():
        return "undefined"
    mean = pattern.format(np.mean(values))
    if len(values) == 1:
        return mean
    return f"{mean} ({pattern.format(min(values))} to {pattern.format(max(values))})"
