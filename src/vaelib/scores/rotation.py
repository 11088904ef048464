"""What a code holds of the angle and of the digit, and which transform each latent does."""

from typing import Any

import numpy as np

from vaelib.errors import InputError
from vaelib.metrics import probes
from vaelib.metrics.dependence import ACTIVE_VARIANCE, circular_linear_r2
from vaelib.metrics.responses import invariance, monotonicity
from vaelib.metrics.rotation import SHARES, rotation_isolation, two_way
from vaelib.metrics.transforms import UNNAMED, moved_images, transform_dictionary
from vaelib.scores.latent_profile import digit_accuracies, of_rotated
from vaelib.scores.representation import Group, Representation, interval, interval_names

MOVES = np.array([-2.0, -1.0, 1.0, 2.0])
"""Moves of a latent, in its standard deviations, from which it gets its name."""


def _rotation(s: Representation) -> dict[str, Any]:
    """Two-way analysis of the sweep; means are over latents that vary on it."""
    s.require_active()
    split, isolation = two_way(s.turned), rotation_isolation(s.turned)
    table, responses = split.table, monotonicity(s.turned, s.sweep.angles)
    varies = table["variance"] > ACTIVE_VARIANCE
    return {
        **interval("ris", isolation.ris),
        "ris_dim": np.nan if isolation.best_dim is None else isolation.best_dim,
        **{share: table[share] for share in SHARES},
        "eta2_interaction_mean": table.loc[varies, "eta2_interaction"].mean(),
        "purity": table["purity"],
        "purity_best": isolation.purity,
        "rotation_share": table["share"],
        "rotation_complete": split.complete,
        "rho_mean_abs": responses["mean_abs"],
        "rho_abs_mean": responses["abs_mean"],
    }


def _digit_swept(s: Representation) -> dict[str, Any]:
    """The digit read from the code with and without its rotation latent, and from that alone, by |angle|."""
    fit = np.arange(len(s.turned)) % 2 == 0
    best = two_way(s.turned[fit][..., s.active]).best_dim
    if best is None:
        raise InputError("no latent varies over the rotation sweep.")
    dim = int(np.flatnonzero(s.active)[best - 1])
    table = invariance(s.turned, s.sweep.digit, s.sweep.angles, dim, fit)
    by_angle, every = table.drop(index="all"), table.loc["all"]
    return {
        "digit_swept": every["all"],
        "digit_swept_without": every["without"],
        "digit_swept_alone": every["alone"],
        "digit_by_angle": by_angle["all"],
        "digit_by_angle_without": by_angle["without"],
        "digit_by_angle_alone": by_angle["alone"],
    }


def _names(s: Representation) -> dict[str, Any]:
    """Each latent's transform, how much of its change that explains, and how much more than the next.

    The best at rotation is chosen on every second image and scored on the others.
    """
    s.require_active()
    rows = s.spread(s.config.named)
    before, after = moved_images(s.decode, s.mu[rows], MOVES, s.mu.std(0))
    found = transform_dictionary(before, after, MOVES)
    chosen, scored = (
        transform_dictionary(before[half::2], after[:, :, half::2], MOVES).p["rotation"] for half in (0, 1)
    )
    named = found.names.isin(found.p.columns)
    return {
        "names": found.names,
        "named": int(named.sum()),
        "unnamed": int((found.names == UNNAMED).sum()),
        "name_p": found.p.max(axis=1),
        "name_margin": found.margin,
        "p_rotation": found.p["rotation"],
        "p_rotation_best": scored[chosen.idxmax()] if chosen.notna().any() else np.nan,
    }


def _angle(s: Representation) -> dict[str, Any]:
    """The angle of rotated test images: half of all images lie at 0° exactly and are left out."""
    active = s.active
    mu, angle, fit = of_rotated(s.mu, s.test.factors)
    _require_neighbours(fit, "rotated")
    best, of_line, of_all = probes.angle_read(mu, angle, fit)
    followed = np.where(active, circular_linear_r2(mu[fit], angle[fit]), -np.inf).argmax()
    return {
        **interval("angle_r2", of_all),
        **interval("angle_line_r2", of_line),
        "angle_dim": best + 1,
        "angle_circular_r2": circular_linear_r2(mu, angle),
        "angle_circular_r2_best": circular_linear_r2(mu[~fit], angle[~fit])[followed],
    }


def _digit(s: Representation) -> dict[str, Any]:
    s.require_active()
    _require_neighbours(probes.halves(s.test.factors["index"].to_numpy()), "test")
    digit = s.test.factors["digit"].to_numpy()
    if np.ptp(digit) == 0:
        raise InputError(f"all test images show the digit {digit[0]}: there is nothing to tell apart.")
    upright, rotated = digit_accuracies(s.mu, s.test.factors)
    return {"digit_upright": upright, "digit_rotated": rotated}


def _require_neighbours(fit: np.ndarray, which: str) -> None:
    fewest = int(min(fit.sum(), (~fit).sum()))
    if fewest < probes.NEIGHBOURS:
        raise InputError(
            f"{fewest} {which} images in a half are too few for {probes.NEIGHBOURS} nearest neighbours."
        )


GROUPS = {
    "rotation": Group(
        "rotation sweep",
        (
            *(*interval_names("ris"), "ris_dim", *SHARES, "eta2_interaction_mean", "purity", "purity_best"),
            *("rotation_share", "rotation_complete", "rho_mean_abs", "rho_abs_mean"),
        ),
        _rotation,
    ),
    "digit_swept": Group(
        "rotation sweep: the digit, with and without the rotation latent",
        tuple(
            f"{name}{part}"
            for name in ("digit_swept", "digit_by_angle")
            for part in ("", "_without", "_alone")
        ),
        _digit_swept,
    ),
    "names": Group(
        "transforms that latents do",
        ("names", "named", "unnamed", "name_p", "name_margin", "p_rotation", "p_rotation_best"),
        _names,
    ),
    "angle": Group(
        "the angle of rotated test images, R²",
        (
            *interval_names("angle_r2"),
            *interval_names("angle_line_r2"),
            "angle_dim",
            "angle_circular_r2",
            "angle_circular_r2_best",
        ),
        _angle,
    ),
    "digit": Group("the digit of test images, accuracy", ("digit_upright", "digit_rotated"), _digit),
}
