"""What was aimed at with the network that has a pose, and what its runs reach."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import pandas as pd

from vaelib.cache import Fit
from vaelib.data.dataset import evenly, load_split, render
from vaelib.data.factorial import Sweep, fixed_digits
from vaelib.metrics.responses import invariance
from vaelib.metrics.rotation import class_breakdown, rotation_isolation, two_way
from vaelib.metrics.transforms import moved_images, transform_dictionary
from vaelib.models.energy import WIDTH
from vaelib.models.inference import decode, encode
from vaelib.scores.rotation import MOVES
from vaelib.scores.turned import turned_codes
from vaelib.spec import RunSpec
from vaelib.training.run import Run

FAR_OFF = 20.0
"""Degrees beyond which a pose counts as one of another reading of the strokes, and not as a rough one."""
AMBIGUOUS = (6, 9)
"""Digits that are each other's image turned by a half-turn."""
FAR = f"error above {FAR_OFF:g}°"
SIZES = 7
"""Edges between which sizes of angles are told apart, from 0 to the largest."""

GOALS = {
    "purity of the pose": ("at least", 0.98),
    "RIS": ("at least", 0.91),
    "angle's share in a content latent, most": ("at most", 0.02),
    "error, median, degrees": ("at most", 3.0),
    f"{FAR}, digits but 6 and 9, %": ("at most", 0.7),
    "P, share of rotation in what the pose does": ("at least", 0.95),
    "digit read from the content, gain where it is least": ("at least", 0.0),
    "held-out bound, gain, nats": ("at least", 6.5),
    "training time, ratio": ("at most", 1.45),
}
"""Fixed before the runs of the report were trained."""


@dataclass(frozen=True, eq=False)
class SweptRun:
    """A run and digits that are each turned through all angles; its first latent is taken for the pose."""

    run: Run
    sweep: Sweep

    @cached_property
    def responses(self) -> np.ndarray:
        """The code (I, A, M) of each digit at each angle."""
        return turned_codes(self.run, self.sweep)

    @cached_property
    def errors(self) -> np.ndarray:
        """By how many degrees (I, A) the pose is off, from that of the same digit upright."""
        return pose_errors(self.responses, self.sweep.angles, self.run.spec)

    @cached_property
    def shares(self) -> pd.DataFrame:
        """The two-way analysis of each latent, `metrics.two_way`."""
        return two_way(self.responses).table

    @property
    def ris(self) -> float:
        """Rotation isolation, `metrics.rotation_isolation`."""
        return rotation_isolation(self.responses).ris.value

    @cached_property
    def digit_read(self) -> pd.DataFrame:
        """How often the digit is read from the code, and from what is left without its first latent."""
        fit = np.arange(len(self.sweep.digit)) % 2 == 0
        sizes = np.linspace(0, np.abs(self.sweep.angles).max(), SIZES)
        return invariance(self.responses, self.sweep.digit, self.sweep.angles, 0, fit, tuple(sizes))

    def share_far_off(self, chosen: np.ndarray | tuple[np.ndarray, ...] | None = None) -> float:
        """Return how many of the poses, in %, are off by more than `FAR_OFF`; those chosen, or all."""
        return float(100 * np.mean((self.errors if chosen is None else self.errors[chosen]) > FAR_OFF))

    def rotation_done(self, n_moved: int) -> float:
        """Return how much of what the first latent does to so many test images is a rotation, 0 to 1."""
        spec = self.run.spec

        def make() -> Fit:
            images = load_split(spec, "test").images
            codes = encode(self.run.model, images[evenly(len(images), n_moved)]).mu
            before, after = moved_images(partial(decode, self.run.model), codes, MOVES, codes.std(0))
            return Fit({}, {"p": float(transform_dictionary(before, after[:1], MOVES).p.loc[1, "rotation"])})

        return self.run.measured("rotation by the pose", {"images": n_moved}, make).notes["p"]


def error_between_bins(run: Run, n_per_class: int) -> float:
    """Return the median error of the pose at angles halfway between the centres of its bins, degrees.

    The sweep's own angles are whole numbers of bins, so that a turned digit meets the bins as the upright one
    does. The pose itself is continuous: the mean of the bins about the mode (`PoseVAE.pose`).
    """
    limit = run.spec.rotation_range
    angles = np.sort([0.0, *np.arange(-limit + WIDTH / 2, limit, 3 * WIDTH)])

    def make() -> Fit:
        digits, index = fixed_digits(n_per_class)
        repeated = np.repeat(digits.images, len(angles), axis=0)
        images = render(repeated, np.tile(angles, len(index)), run.spec.image_size)
        sweep = Sweep(images, angles, index, digits.labels.astype(np.int64))
        errors = pose_errors(sweep.layout(encode(run.model, images).mu), angles, run.spec)
        return Fit({}, {"median": float(np.median(errors[:, angles != 0]))})

    return run.measured("pose between bins", {"digits of a class": n_per_class}, make).notes["median"]


def pose_errors(responses: np.ndarray, angles: np.ndarray, spec: RunSpec) -> np.ndarray:
    """Return by how many degrees (I, A) the pose of codes (I, A, M) is off, from the upright digit's."""
    pose = responses[:, :, 0] * spec.angle_sd
    upright = list(angles).index(0.0)
    return np.abs(pose - pose[:, [upright]] - angles)


def pose_by_digit(swept: SweptRun) -> pd.DataFrame:
    """Return a row a digit: RIS, purity and error of the pose, and the largest RIS of a content latent."""
    digit, responses = swept.sweep.digit, swept.responses
    of_pose = class_breakdown(responses[:, :, 0], digit)
    of_content = [
        class_breakdown(responses[:, :, j], digit)["eta2_angle"] for j in range(1, responses.shape[2])
    ]
    return pd.DataFrame(
        {
            "RIS": of_pose["eta2_angle"],
            "purity": of_pose["eta2_angle"] / (of_pose["eta2_angle"] + of_pose["eta2_interaction"]),
            "error, median, degrees": [np.median(swept.errors[digit == d]) for d in of_pose.index],
            f"{FAR}, %": [swept.share_far_off(digit == d) for d in of_pose.index],
            "content": np.max(of_content, axis=0),
        }
    )


def reached(plain: SweptRun, posed: SweptRun, n_moved: int) -> dict[str, float]:
    """Return what a network with a pose reaches of each of `GOALS`, beside the plain one of its seed."""
    bound = {t.run.id: t.run.metrics["test"]["all"]["neg_elbo"] for t in (plain, posed)}
    gain = posed.digit_read["without"] - plain.digit_read["all"]
    pace = {t.run.id: np.median(t.run.provenance["core_seconds_per_epoch"]) for t in (plain, posed)}
    return {
        "purity of the pose": posed.shares["purity"].iloc[0],
        "RIS": posed.ris,
        "angle's share in a content latent, most": posed.shares["eta2_angle"].iloc[1:].max(),
        "error, median, degrees": float(np.median(posed.errors)),
        f"{FAR}, digits but 6 and 9, %": posed.share_far_off(~np.isin(posed.sweep.digit, AMBIGUOUS)),
        "P, share of rotation in what the pose does": posed.rotation_done(n_moved),
        "digit read from the content, gain where it is least": gain.drop("all").min(),
        "held-out bound, gain, nats": bound[plain.run.id] - bound[posed.run.id],
        "training time, ratio": pace[posed.run.id] / pace[plain.run.id],
    }


def against_goals(found: pd.DataFrame) -> pd.DataFrame:
    """Return a row a goal, from a row a seed: the goal, whether their mean reaches it, how many seeds do."""
    rows: Mapping[str, dict[str, object]] = {
        name: {
            "goal": f"{sense} {goal:g}",
            "reached": bool(_reaches(found[name].mean(), sense, goal)),
            "seeds": int(_reaches(found[name], sense, goal).sum()),
        }
        for name, (sense, goal) in GOALS.items()
    }
    return pd.DataFrame(rows).T


def _reaches(values: pd.Series, sense: str, goal: float) -> pd.Series:
    return values >= goal if sense == "at least" else values <= goal
