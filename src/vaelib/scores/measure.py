"""Scores of runs and of their baselines, each measured once and cached in the store."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vaelib import published
from vaelib.cache import Fit, cached
from vaelib.data.dataset import evenly, load_split
from vaelib.errors import check_choice
from vaelib.files import (
    digest,
    only_writer,
    read_json,
    read_sealed,
    to_json,
    write_json,
    write_sealed,
)
from vaelib.metrics.udr import udr
from vaelib.models.inference import encode
from vaelib.profiles import in_checkout
from vaelib.published import SCORED
from vaelib.reads import READS
from vaelib.scores.alignment import HAAR
from vaelib.scores.baselines import BASELINES, fit_baselines, key, of_model
from vaelib.scores.registry import GROUPS, Measured, measure
from vaelib.scores.representation import Representation, ScoringConfig
from vaelib.scores.titles import baseline_titles
from vaelib.spec import RunSpec
from vaelib.threads import torch_threads
from vaelib.training.run import Run
from vaelib.versions import SCORES

log = logging.getLogger(__name__)

UDR_IMAGES = 2000

BASELINE_GROUPS = tuple(name for name in GROUPS if name not in ("bound", "haar"))
"""What the baselines are measured on: they bound no likelihood, and random axes are drawn of a run's code."""


def score(
    run: Run,
    store: Path | str = "runs",
    config: ScoringConfig | None = None,
    progress: bool = True,
    groups: Sequence[str] = tuple(GROUPS),
) -> dict[str, Any]:
    """Return the scores of a run by name: numbers, lists, texts, and None where a score is undefined.

    The names are those of the `groups`, whatever the run. See `measured`.
    """
    scores = measured(run, store, config, progress, groups).scores
    return {name: scores.get(name) for group in groups for name in GROUPS[group].names}


def measured(
    run: Run,
    store: Path | str = "runs",
    config: ScoringConfig | None = None,
    progress: bool = True,
    groups: Sequence[str] = tuple(GROUPS),
) -> Measured:
    """Return the scores of a run, of these groups at least, with the reasons why some are undefined.

    They are cached as `scores.json` in the run's folder, see `_cached`. The seconds of each group go to
    `scores.seconds.json`, which counts for nothing. `store` is where the digit classifier is cached.
    """
    config = config or ScoringConfig.of(run.spec)
    path, timings = run.folder / "scores.json", run.folder / "scores.seconds.json"
    READS.info("%s scores", run.id)

    def make(missing: Sequence[str]) -> Measured:
        representation = Representation(
            of_model(run.model, "run"), run.spec, load_split(run.spec, "test"), store, config, run.model
        )
        new = measure(representation, missing, progress)
        seconds = (_seconds(timings) if path.exists() else {}) | new.seconds
        write_json(timings, {name: round(s, 2) for name, s in seconds.items()})
        return new

    lock = in_checkout(store) / ".locks" / f"{run.id}.scores.lock"
    return _cached(path, lock, {"run": run.network}, config, groups, make, not run.has_weights)


def baseline_scores(
    spec: RunSpec,
    store: Path | str = "runs",
    config: ScoringConfig | None = None,
    names: Sequence[str] = BASELINES,
    progress: bool = True,
    groups: Sequence[str] | None = None,
) -> dict[str, Measured]:
    """Return the scores of the baselines of a spec by name, measured as a run is, and cached in the store.

    Of the `groups`, those of `BASELINE_GROUPS`; left out: all of them.

    They depend on the images and, for the untrained network (of seed 0) and the supervised upper bound, on
    the architecture; what the spec says of beta and training is of no account. The first call trains the
    supervised one. Raises `InputError` for an unknown name.
    """
    config = config or ScoringConfig.of(spec)
    spec = replace(spec.plain, seed=0)
    wanted = [name for name in BASELINE_GROUPS if groups is None or name in groups]
    test = cache(lambda: load_split(spec, "test"))

    def make(name: str, missing: Sequence[str]) -> Measured:
        encoder = fit_baselines(spec, store, [name], progress)[name]
        return measure(Representation(encoder, spec, test(), store, config), missing, progress)

    found = {}
    for name in names:
        check_choice("baseline", name, BASELINES)
        made_from = {"encoder": key(spec, name), "config": asdict(config)}
        path = in_checkout(store) / ".cache" / f"scores-{digest(to_json(made_from))[:16]}.json"
        READS.info("%s cache", path.name)
        found[name] = _cached(path, path.with_suffix(".lock"), made_from, config, wanted, partial(make, name))
    return found


def _cached(
    path: Path,
    lock: Path,
    of: dict[str, Any],
    config: ScoringConfig,
    groups: Sequence[str],
    make: Callable[[Sequence[str]], Measured],
    any_version: bool = False,
) -> Measured:
    """Return the scores that a file holds, of these groups at least; `make` measures those that are missing.

    A group is known by its version: one that is there of another version counts as missing, and is measured
    alone; with `any_version` it counts as it is. All are missing when the file is damaged (the log says so),
    or of something else than `of` or another config. Equal to the byte whenever the same groups of the same
    thing are measured. Of two processes that want the same scores, one measures and the other waits.
    """
    stamp = of | {"config": asdict(config)}
    found = _read(path, stamp, log.debug)  # only the lock's holder can tell damage
    if _missing(found, groups, any_version):
        with only_writer(lock):
            published.lay_down(f"{published.CACHE}/{path.name}", path.parent.parent)
            found = _read(path, stamp, log.warning)
            if missing := _missing(found, groups, any_version):
                READS.info("%s made", path.name)
                new = make(["codes", *missing])
                for name in missing:
                    scores = {score: new.scores[score] for score in GROUPS[name].names}
                    found[name] = {"version": SCORES[name], "scores": scores}
                    if name in new.undefined:
                        found[name]["undefined"] = new.undefined[name]
                write_sealed(path, stamp | {"groups": found})
    for name in groups:
        if name in found:
            READS.info("%s:%d numbers", name, found[name]["version"])
    current = {n: group for n, group in found.items() if any_version or group["version"] == SCORES.get(n)}
    return Measured(
        {score: value for group in current.values() for score, value in group["scores"].items()},
        {name: group["undefined"] for name, group in current.items() if "undefined" in group},
        {},
    )


def _missing(found: dict[str, Any], groups: Sequence[str], any_version: bool) -> list[str]:
    """Return which of the groups that have scores are not there in the version of today, or in any."""
    there = {name for name, group in found.items() if any_version or group["version"] == SCORES.get(name)}
    return [name for name in groups if GROUPS[name].names and name not in there]


def agreement_of_seeds(runs: Sequence[Run], store: Path | str = "runs") -> dict[str, float | None]:
    """Return UDR of runs that differ by their seed, by id: the median agreement with the others, by Lasso.

    From mu of up to `UDR_IMAGES` of their test images, and cached in the store. None for a run without
    partner or without informative latents (Duan et al. 2020).
    """
    if len(runs) < 2:
        return {run.id: None for run in runs}
    runs = sorted(runs, key=lambda run: run.id)

    def make() -> Fit:
        test = load_split(runs[0].spec, "test").images
        with torch_threads(1):
            codes = [encode(run.model, test[evenly(len(test), UDR_IMAGES)]) for run in runs]
        found = udr(
            [own.mu for own in codes], [own.kl_per_dim for own in codes], names=[run.id for run in runs]
        ).scores
        return Fit({}, {name: None if np.isnan(value) else float(value) for name, value in found.items()})

    made_from = {
        "kind": "agreement of seeds",
        "images": UDR_IMAGES,
        "version": SCORES["agreement"],
        "runs": {run.id: run.network for run in runs},
    }
    return cached(store, made_from, make, runs[0].earlier(SCORES["agreement"])).notes


def comparison(run: Run, store: Path | str = "runs", config: ScoringConfig | None = None) -> pd.DataFrame:
    """Return a row a score that is a number, or undefined, with the same of the baselines beside it.

    Columns: run, PCA-M, ICA-M, untrained, supervised and, as lists of two ends, "random axes 95 %", the band
    of the run's own code in random axes. NaN where a score is undefined; None where it is not measured.
    """
    own, baselines = score(run, store, config), baseline_scores(run.spec, store, config)
    titles = baseline_titles(run.spec.latent_dim)
    columns = {"run": own} | {titles[name]: found.scores for name, found in baselines.items()}
    shown = [name for group in GROUPS.values() for name in group.names if _is_number(name, columns)]
    table = {
        title: [
            float("nan") if name in scores and scores[name] is None else scores.get(name) for name in shown
        ]
        for title, scores in columns.items()
    }
    table["random axes 95 %"] = [own[f"haar_{name}"] if name in HAAR else None for name in shown]
    return pd.DataFrame(table, index=pd.Index(shown, name="score"), dtype=object)


def _is_number(name: str, columns: dict[str, dict[str, Any]]) -> bool:
    values = [scores.get(name) for scores in columns.values()]
    return not any(isinstance(value, list) for value in values)


def _read(path: Path, stamp: dict[str, Any], log: Callable[..., None]) -> dict[str, Any]:
    """Return cached groups; none where missing, of something else, or damaged: `log` reports that."""
    try:
        found = read_sealed(path, SCORED)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        log("%s is damaged (%s); measuring again", path, error)
        return {}
    if {name: found.get(name) for name in stamp} != stamp:
        return {}
    return {name: group for name, group in found["groups"].items() if _is_whole(name, group)}


def _is_whole(name: str, group: dict[str, Any]) -> bool:
    """Return whether a group of the version of today has all its scores."""
    return group["version"] != SCORES.get(name) or {*group["scores"]} == {*GROUPS[name].names}


def _seconds(path: Path) -> dict[str, Any]:
    """Return the seconds that groups took before; none where nobody knows, as they count for nothing."""
    try:
        return read_json(path, {"type": "object", "additionalProperties": {"type": "number"}})
    except (OSError, ValueError):
        return {}
