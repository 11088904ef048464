"""What one network's latents capture, as tables and words."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from vaelib.claims.rules import CAPTURED, NOT_ISOLATED
from vaelib.data.dataset import evenly, load_split
from vaelib.data.factorial import ANGLES, CROSSED, SCALE, SHEAR, THICKNESS
from vaelib.metrics.probes import NEIGHBOURS
from vaelib.metrics.rotation import Isolation, rotation_isolation, two_way
from vaelib.metrics.transforms import GRIDS, Dictionary, moved_images, transform_dictionary
from vaelib.models.inference import decode, encode
from vaelib.models.vae import VAE
from vaelib.scores.latent_profile import LatentProfile
from vaelib.scores.registry import Measured
from vaelib.scores.representation import ScoringConfig
from vaelib.scores.rotation import MOVES
from vaelib.scores.titles import baseline_titles, score_titles
from vaelib.spec import RunSpec
from vaelib.training.run import Run

SUBSETS: dict[str, tuple[int, ...]] = {
    "all digits": (),
    "without 6 and 9": (6, 9),
    "without 0, 1 and 8": (0, 1, 8),
}
"""Digits that are left out: those that turn into each other, those that look the same upside down."""
PER_LATENT = {
    "kl": "KL",
    "energy": "T",
    "agreement": "agreement",
    "angle_r2": "R² of the angle",
    "digit_share": "share between digits",
}
FACTORS = {f"dci_i_{factor}": f"I, {factor}" for factor in CROSSED}
SHOWN = score_titles("dci_d", "dci_c") | FACTORS | score_titles("mig", "sap", "ris")
"""The scores of factors that stand beside those of other codes, and their titles."""


def named_transforms(model: VAE, mu: np.ndarray, most: int) -> Dictionary:
    """Return which simple transform each latent resembles, on so many of the codes (N, M) at most."""
    chosen = mu[evenly(len(mu), most)]
    return transform_dictionary(*moved_images(partial(decode, model), chosen, MOVES, mu.std(0)), MOVES)


def latent_names(run: Run) -> dict[int, str]:
    """Return by index the transform that each latent resembles most; none for latents without a name."""
    mu = encode(run.model, load_split(run.spec, "test").images).mu
    names = named_transforms(run.model, mu, ScoringConfig().named).names
    return {j: name for j, name in enumerate(names) if name in GRIDS}


def dimension_names(kl: pd.Series, dictionary: Dictionary) -> dict[int, str]:
    """Return what a figure calls each dimension: number, KL, nearest transform and how much that explains."""
    names = {}
    for dim, nats in kl.items():
        p = dictionary.p.loc[dim]
        share = "" if p.isna().all() else f", P {p.max():.2f}"
        names[dim] = f"dimension {dim} · KL {nats:.2f}\n{dictionary.names[dim]}{share}"
    return names


def rotation_in_words(own: Isolation, linear: Isolation, interaction: pd.Series, digits: int) -> str:
    """Return what the sweep of so many digits found, beside as many principal components of the pixels.

    `interaction` has a share of variance a dimension that depends on digit and angle together.
    """
    if own.best_dim is None:
        return (
            "When digits are turned no dimension varies: none is the best for the angle, and RIS is undefined"
        )
    if own.ris.low > linear.ris.high:
        beside = "more than"
    elif own.ris.high < linear.ris.low:
        beside = "less than"
    else:
        beside = "about as much as"
    return (
        f"Turned through all angles, the best dimension, number {own.best_dim}, has RIS = {own.ris} (95 % "
        f"over {digits} digits): the angle alone explains that share of its variance, and "
        f"{interaction[own.best_dim]:.2f} of it depends on digit and angle together. As many principal "
        f"components of the pixels reach {linear.ris}: the network isolates the angle {beside} a linear "
        f"code does. Averaged over the dimensions, {interaction.mean():.2f} of the variance is such an "
        "interaction"
    )


def captured_in_words(own: Isolation) -> str:
    """Return in a sentence whether one dimension carries the angle, by the limits of the rule of C5.

    >>> from vaelib.metrics.probes import Estimate
    >>> captured_in_words(Isolation(Estimate(0.4, 0.3, 0.45), 0.5, 3))
    'No dimension carries the angle alone: the angle explains 0.40 of the variance of the best one.'
    """
    if own.best_dim is None:
        return "No dimension carries anything."
    share = f"the angle explains {own.ris.value:.2f} of the variance of the best one."
    if own.ris.value >= CAPTURED:
        return f"One dimension carries the angle: {share}"
    if own.ris.value < NOT_ISOLATED:
        return f"No dimension carries the angle alone: {share}"
    return f"One dimension carries a part of the angle: {share}"


def isolation_by_subset(responses: np.ndarray, linear: np.ndarray, digit: np.ndarray) -> pd.DataFrame:
    """Return RIS of a code (I, A, M) and of principal components, over all digits (I,) and without some."""
    rows, pca = {}, baseline_titles(linear.shape[2])["pca"]
    for name, left_out in SUBSETS.items():
        kept = ~np.isin(digit, left_out)
        own = rotation_isolation(responses[kept])
        rows[name] = {
            "digits": int(kept.sum()),
            "dimension": "none" if own.best_dim is None else str(own.best_dim),
            "RIS": str(own.ris),
            f"RIS of {pca}": str(rotation_isolation(linear[kept]).ris),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def crossed_images(spec: RunSpec) -> int:
    """Return how many images the factorial set has on which a run is scored."""
    return 10 * ScoringConfig.of(spec).crossed_per_class * ANGLES * len(THICKNESS) * len(SHEAR) * len(SCALE)


def importances(scores: Mapping[str, Any], latent_dim: int) -> np.ndarray:
    """Return the importance of each latent for each factor (M, K); NaN where no latent is active."""
    found = scores["dci_importance"]
    return np.full((latent_dim, len(CROSSED)), np.nan) if found is None else np.array(found)


def scores_beside(scores: Mapping[str, Any], baselines: Mapping[str, Measured]) -> pd.DataFrame:
    """Return the scores of factors of a code beside those of its baselines and of random axes, as text."""
    columns = {"this network": scores} | _named(baselines, scores)
    table = {
        title: {name: "undefined" if own[key] is None else f"{own[key]:.3f}" for key, name in SHOWN.items()}
        for title, own in columns.items()
    }
    table["random axes, 95 %"] = {
        name: " to ".join(f"{end:.3f}" for end in scores.get(f"haar_{key}") or [])
        for key, name in SHOWN.items()
    }
    return pd.DataFrame(table)


def beside_in_words(scores: Mapping[str, Any], baselines: Mapping[str, Measured]) -> dict[str, str]:
    """Return by name how scores lie beside those of the baselines, and the largest importances."""
    if scores["dci_importance"] is None:
        return {
            "importance_most": "undefined",
            "angle_importance": "undefined",
            "beside_text": "No dimension of this network is active: its scores are undefined",
        }
    matrix = np.array(scores["dci_importance"])
    others = _named(baselines, scores)
    d = {title: float(own["dci_d"]) for title, own in others.items() if own["dci_d"] is not None}
    banded = {key: name for key, name in SHOWN.items() if scores.get(f"haar_{key}")}
    beyond = [name for key, name in banded.items() if scores[key] > scores[f"haar_{key}"][1]]
    axes = (
        f"Of {', '.join(banded.values())}, {', '.join(beyond) or 'none'} is above the band of random axes"
        if banded
        else "With a single active dimension there are no other axes to turn to"
    )
    return {
        "importance_most": f"{matrix.max():.2f}",
        "angle_importance": f"{matrix[:, CROSSED.index('angle')].max():.2f}",
        "beside_text": f"D is {scores['dci_d']:.3f} here, and {min(d.values()):.3f} to {max(d.values()):.3f} "
        f'for the codes beside it (most for "{max(d, key=d.__getitem__)}"). {axes}',
    }


def _named(baselines: Mapping[str, Measured], scores: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    titles = baseline_titles(len(scores["variance_per_dim"]))
    return {titles[name]: own.scores for name, own in baselines.items()}


def latents_table(per_dim: pd.DataFrame) -> pd.DataFrame:
    """Return what each latent does and carries, as text."""
    return per_dim[list(PER_LATENT)].rename(columns=PER_LATENT).map("{:.3f}".format)


def profile_in_words(found: LatentProfile) -> dict[str, object]:
    """Return by name what the page says of a network's latents on test images."""
    per_dim = found.per_dim
    return {
        "n_neighbours": NEIGHBOURS,
        "active": found.active,
        "visible": found.visible,
        "best_dim": found.best_dim,
        "angle_best": str(found.angle_best_dim),
        "angle_all": str(found.angle_all_dims),
        "digits_upright": 100 * found.digit_accuracy_upright,
        "digits_rotated": 100 * found.digit_accuracy_rotated,
        "energy_most_dim": int(per_dim["energy"].idxmax()),
        "digit_best_dim": int(per_dim["digit_share"].idxmax()),
        "energy_most": float(per_dim["energy"].max()),
        "energy_least": float(per_dim["energy"].min()),
        "agreement_least": float(per_dim["agreement"].min()),
        "agreement_mean": float(per_dim["agreement"].mean()),
        "digit_share_most": float(per_dim["digit_share"].max()),
        "digit_share_of_best": float(per_dim.loc[found.best_dim, "digit_share"]),
    }


def turned_in_words(
    responses: np.ndarray, linear: np.ndarray, dictionary: Dictionary, step: float
) -> dict[str, object]:
    """Return by name what the page says of codes (I, A, M) of digits turned in steps (degrees).

    `linear` are as many principal components of the same images.
    """
    own, interaction = rotation_isolation(responses), two_way(responses).table["eta2_interaction"]
    turning = dictionary.p["rotation"].dropna()
    named = ""
    if len(turning):
        named = f"The dimension closest to a rotation, number {turning.idxmax()}, has P = {turning.max():.2f}"
    return {
        "n_turned": len(responses),
        "turn_step": step,
        "rotation_found": rotation_in_words(own, rotation_isolation(linear), interaction, len(responses)),
        "answer": captured_in_words(own),
        "rotation_named": named or "No dimension moves the image, so none has a name",
        "n_unnamed": int(dictionary.names.isin(["unnamed", "still"]).sum()),
    }
