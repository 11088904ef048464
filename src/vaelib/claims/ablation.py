"""What makes latents go silent: counts over a sweep of runs, and what they are due to."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd

from vaelib.architectures import ARCHITECTURES, kept_convs
from vaelib.cache import Fit
from vaelib.errors import InputError
from vaelib.metrics.dependence import ACTIVE_KL as ACTIVE_KL
from vaelib.metrics.dependence import THRESHOLDS
from vaelib.models.affine import LinearTheory, affine_map, maps, pixel_changes, principal_angles
from vaelib.models.losses import REFERENCE_SIDE, beta_eff, matched_beta
from vaelib.spec import REDUCTIONS, RunSpec
from vaelib.training.run import Run

COUNTS = ("au", *(f"kl_{threshold:g}" for threshold in THRESHOLDS))
"""Columns of `results` that count latents: Var_x(mu_j) > 0.01 (Burda et al. 2016), KL_j > each threshold."""
SILENT_KL = 0.01
"""Nats an image below which a total KL is silence, and its size noise: cut off before the logarithm."""
AS_STATED = "as stated"
LIKELIHOODS = {"bernoulli": "BCE", "gaussian": "MSE"}
"""The likelihoods by the loss of pixels that each amounts to."""
TOLD_APART_ELSEWHERE = ("seed", "beta", "likelihood", "reduction")
"""Fields that `changes` leaves out: replicates, and what the reading of the loss and `stated_beta` say."""


def stated_beta(spec: RunSpec) -> float:
    """Return the beta that a program of the same reading has on 64×64 images at the run's `matched_beta`.

    Sums over pixels grow with the image and means do not: on 32×32 images β = 1 of a summed loss stands
    for 4, and β = 4 of an averaged one for itself.
    """
    return matched_beta(spec) / beta_eff(replace(spec, image_size=REFERENCE_SIDE, beta=1.0))


def changes(spec: RunSpec, base: RunSpec) -> dict[str, Any]:
    """Return what sets a run apart from `base`, seed and reading of the loss aside, with its values.

    Activation and norm that come with another network do not count, and beta is the `stated_beta`.

    >>> changes(RunSpec(arch="ours", norm="none", seed=1), RunSpec(arch="ours"))
    {'norm': 'none'}
    """
    own, theirs = asdict(spec), asdict(base)
    if spec.arch != base.arch:
        theirs |= {name: getattr(ARCHITECTURES[spec.arch], name) for name in ("activation", "norm")}
    changed = {
        name: value
        for name, value in own.items()
        if value != theirs[name] and name not in TOLD_APART_ELSEWHERE
    }
    beta = stated_beta(spec)
    return changed if math.isclose(beta, stated_beta(base)) else changed | {"beta": round(beta, 6)}


def words(changed: Mapping[str, Any]) -> str:
    """Return changed fields as a row of a table names them.

    >>> words({"norm": "none", "init": "he"}), words({"beta": 28.0}), words({})
    ('norm none, init he', 'beta 28', 'as stated')
    """
    said = [
        f"{name.replace('_', ' ')} {f'{value:g}' if isinstance(value, float) else value}"
        for name, value in changed.items()
    ]
    return ", ".join(said) or AS_STATED


def reading(spec: RunSpec) -> str:
    """Return how a program adds up its loss, in words short enough for an axis.

    >>> reading(RunSpec(reduction="mean_pixels_784", likelihood="gaussian"))
    '784 · mean MSE, KL summed'
    """
    pixels = LIKELIHOODS[spec.likelihood]
    of_pixels = {True: "784 · mean", False: "mean"}["784" in spec.reduction]
    of_kl = "averaged" if "mean_latents" in spec.reduction else "summed"
    return f"{of_pixels if 'pixels' in spec.reduction else 'sum'} {pixels}, KL {of_kl}"


def reading_range(spec: RunSpec) -> tuple[float, float]:
    """Return the least and the largest β_eff at 64×64 that readings of the loss make of its `stated_beta`."""
    at_64 = spec.changed(image_size=REFERENCE_SIDE, beta=stated_beta(spec))
    found = [beta_eff(at_64.changed(reduction=reduction)) for reduction in REDUCTIONS]
    return min(found), max(found)


def counts(kl_per_dim: Sequence[float], active_units: int) -> dict[str, int]:
    """Return the number of latents in use under each definition of `COUNTS`."""
    kl = np.asarray(kl_per_dim)
    above = {f"kl_{threshold:g}": int((kl > threshold).sum()) for threshold in THRESHOLDS}
    return {"au": int(active_units), **above}


def results(runs: Iterable[Run], base: RunSpec) -> pd.DataFrame:
    """Return a row a run: id, seed, changed, reading, matched_beta, each of `COUNTS`, kl, recon, log_kl.

    `changed` is what sets it apart from `base`, in `words`; kl and recon are nats an image of the test set,
    and log_kl is the natural logarithm of a total KL of at least `SILENT_KL`.
    """
    rows = []
    for run in runs:
        test = run.metrics["test"]["all"]
        rows.append(
            {
                "id": run.id,
                "seed": run.spec.seed,
                "changed": words(changes(run.spec, base)),
                "reading": reading(run.spec),
                "matched_beta": matched_beta(run.spec),
                **counts(run.metrics["kl_per_dim"], run.metrics["active_units"]),
                "kl": test["kl"],
                "recon": test["recon"],
                "log_kl": math.log(max(test["kl"], SILENT_KL)),
            }
        )
    return pd.DataFrame(rows)


def summary(table: pd.DataFrame, by: Sequence[str], column: str) -> pd.DataFrame:
    """Return mean, least, most and n of a column of `results` over the runs of each cell (over seeds)."""
    grouped = table.groupby(list(by), sort=False)[column]
    return grouped.agg(mean="mean", least="min", most="max", n="size")


def balanced(table: pd.DataFrame, column: str, replicates: int) -> tuple[np.ndarray, list[str], list[str]]:
    """Return a column of `results` as a crossed design (A, B, R), and its levels: `changed` × `reading`.

    A are all rows `changed` of the table, B those readings that have R = `replicates` runs with every one of
    them; the lowest seeds are taken. Raises `InputError` when no reading has.
    """
    changed = list(table["changed"].unique())
    cells = {
        key: list(cell) for key, cell in table.sort_values("seed").groupby(["changed", "reading"])[column]
    }
    kept = [
        name
        for name in table["reading"].unique()
        if all(len(cells.get((row, name), [])) >= replicates for row in changed)
    ]
    if not kept:
        raise InputError(
            f"no reading has {replicates} runs with each of {', '.join(changed)}; "
            "name more seeds, or fewer replicates."
        )
    design = np.array([[cells[row, name][:replicates] for name in kept] for row in changed], dtype=float)
    return design, changed, kept


def shares(values: np.ndarray) -> dict[str, float]:
    """Return what the variance of a crossed design (A, B, R) is due to: first, second, interaction, seed.

    y_abr = m + α_a + β_b + αβ_ab + ε_abr; each share is a part's sum of squares over the total one, and the
    four add up to 1 (two-way analysis of variance of a balanced design). NaN: all four when nothing varies;
    a factor of one level, and the interaction with it; interaction and seed with one replicate, which cannot
    tell them apart. Raises `InputError` unless the design is (A, B, R).
    """
    values = np.asarray(values, dtype=float)
    if values.ndim != 3 or 0 in values.shape:
        raise InputError(f"a design of shape {values.shape} is refused; accepted: (A, B, R), none of them 0.")
    a, b, r = values.shape
    mean, cell = values.mean(), values.mean(2)
    rows, columns = cell.mean(1) - mean, cell.mean(0) - mean
    parts = {
        "first": b * r * (rows**2).sum() if a > 1 else np.nan,
        "second": a * r * (columns**2).sum() if b > 1 else np.nan,
        "interaction": r * ((cell - mean - rows[:, None] - columns) ** 2).sum()
        if min(a, b, r) > 1
        else np.nan,
        "seed": ((values - cell[..., None]) ** 2).sum() if r > 1 else np.nan,
    }
    total = ((values - mean) ** 2).sum()
    return {name: float(part / total) if total > 0 else float("nan") for name, part in parts.items()}


def agreement_of_sizes(small: pd.DataFrame, large: pd.DataFrame, within: float = 1.0) -> dict[str, int]:
    """Return how far counts of two image sizes agree, cell by cell: two summaries with the same index.

    `cells`: all; `near`: means within 1 of each other; `contrasts`: pairs of cells whose means differ at
    the small size; `same_sign`: those that differ in the same direction at the large one.
    """
    if list(small.index) != list(large.index):
        raise InputError(
            f"cells {list(small.index)} and {list(large.index)} differ; accepted: the same ones."
        )
    a, b = small["mean"].to_numpy(), large["mean"].to_numpy()
    first, second = np.triu_indices(len(a), k=1)
    before, after = np.sign(a[first] - a[second]), np.sign(b[first] - b[second])
    return {
        "cells": len(a),
        "near": int((np.abs(a - b) <= within).sum()),
        "contrasts": int((before != 0).sum()),
        "same_sign": int((before == after)[before != 0].sum()),
    }


def against_theory(runs: Iterable[Run], theories: Mapping[str, LinearTheory]) -> pd.DataFrame:
    """Return a row a run of an affine network: what theory predicts of its likelihood, and what was found.

    Latents in use (KL above `ACTIVE_KL`) and the KL of all, nats; the median and the largest of the principal
    angles, degrees, between what the latents in use add to the pixels about the mean image and as many
    leading directions of the theory. β_eff is that of 64×64 images (`matched_beta`).
    """
    rows = []
    for run in sorted(runs, key=lambda r: (r.spec.likelihood, matched_beta(r.spec), r.spec.depth)):
        theory, kl = theories[run.spec.likelihood], np.array(run.metrics["kl_per_dim"])
        allowed, used = theory.kl(beta_eff(run.spec)), kl > ACTIVE_KL
        row = {
            "likelihood": LIKELIHOODS[run.spec.likelihood],
            "β_eff": f"{matched_beta(run.spec):.5g}",
            "layers": len(kept_convs(run.spec.arch, run.spec.depth)),
            "seed": run.spec.seed,
            "in use: theory": int((allowed > ACTIVE_KL).sum()),
            "in use: found": int(used.sum()),
            "KL, nats: theory": allowed.sum(),
            "KL, nats: found": kl.sum(),
        }
        if used.any():
            row |= {f"angles: {name}": angle for name, angle in _angles_to(theory, run, used).items()}
        rows.append(row)
    return pd.DataFrame(rows)


def _angles_to(theory: LinearTheory, run: Run, used: np.ndarray) -> dict[str, float]:
    def make() -> Fit:
        matrix, offset = (p.numpy() for p in affine_map(maps(run.model)["logits"], (len(used),)))
        moved = pixel_changes(matrix[:, used], offset)
        angles = principal_angles(moved, theory.basis[:, : used.sum()])
        return Fit({}, {"median": float(np.median(angles)), "largest": float(angles.max())})

    of = {"latents": np.flatnonzero(used).tolist()}  # the theory is of the run's own images and likelihood
    return run.measured("angles to the theory", of, make).notes
