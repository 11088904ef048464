"""Is what is published what it says? Files, runs measured again, the ledger, and a run trained again."""

import json
import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vaelib import published
from vaelib.data.dataset import load_split
from vaelib.errors import the_one
from vaelib.files import OBJECT, read_json, read_sealed
from vaelib.models.inference import evaluate
from vaelib.profiles import Profile
from vaelib.published import SCORED
from vaelib.report import plan
from vaelib.report.publishing import ledger
from vaelib.scores.measure import measured
from vaelib.spec import RunSpec
from vaelib.training.run import RESULTS, Run
from vaelib.training.store import RunStore
from vaelib.versions import SCORES

METRICS_OFF, SCORES_OFF, TRAINED_OFF = 1e-4, 1e-2, 3e-2
"""By what share of the largest number beside it a number may be off: another machine adds up in another
order, which moves a probe's cut and, over a training, every weight. On the machine of the runs all are 0."""


class Check(NamedTuple):
    """What was compared, by what share it is off at the most and may be, and whether that agrees."""

    what: str
    of: str
    off: float
    allowed: float
    agrees: bool


def verify(
    profile: Profile, sample: int | None = None, seed: int = 0, retrain: Sequence[RunSpec] = ()
) -> Iterator[Check]:
    """Compare what is published with what its files, weights and scores give; yield a check at a time.

    The files with the manifest; metrics and scores of runs whose weights are published, `sample` of them
    or all, with those of the weights; the ledger with that of the scores; runs to `retrain` with a training
    of today, by their metrics and, in `what`, whether they are equal to the byte.
    """
    changed = published.changed_files()
    files = len(published.read_manifest()["sha256"])
    yield Check("files", ", ".join(changed) or f"all {files}", len(changed) / max(files, 1), 0, not changed)
    specs = published_specs(profile)
    with tempfile.TemporaryDirectory() as scratch:
        store = RunStore(scratch)
        runs = [run for spec in specs if (run := store.find(spec))]
        said = published.read_manifest()["ledger"]
        yield _compared("ledger", "all claims", said, ledger(runs, profile, Path(scratch)), SCORES_OFF)
        whole = [run for run in runs if run.has_weights]
        for run in whole if sample is None else random.Random(seed).sample(whole, min(sample, len(whole))):
            yield from _measured_again(run, Path(scratch))
        for spec in retrain:
            yield from _trained_again(store.find(spec), Path(scratch) / "again")


def published_specs(profile: Profile) -> list[RunSpec]:
    """Return the runs of a plan that are published, in its order."""
    return [spec for block in plan.blocks(profile) for spec in block.runs if spec.id in published.index()]


def planned(profile: Profile, beginning: str) -> RunSpec:
    """Return the one published run whose id is or begins so; raises `InputError` with the nearest."""
    specs = {spec.id: spec for spec in published_specs(profile)}
    return specs[the_one("run", beginning, specs, "published ones", "vaelib plan lists the plan")]


def _measured_again(run: Run, store: Path) -> Iterator[Check]:
    found = evaluate(run.model, run.spec, load_split(run.spec, "test"))
    yield _compared("metrics", run.id, run.metrics, found, METRICS_OFF)
    path = run.folder / "scores.json"
    if path.exists():
        said = {n: g for n, g in read_sealed(path, SCORED)["groups"].items() if g["version"] == SCORES.get(n)}
        path.unlink()
        measured(run, store, groups=tuple(said), progress=False)
        yield _compared("scores", run.id, said, read_sealed(path, SCORED)["groups"], SCORES_OFF)


def _trained_again(run: Run | None, store: Path) -> Iterator[Check]:
    assert run is not None  # the caller names published runs
    again = RunStore(store).get(run.spec, weights=True)
    sums = read_json(run.folder / "done.json", OBJECT)["sha256"]
    others = read_json(again.folder / "done.json", OBJECT)["sha256"]
    equal = all(sums[name] == others[name] for name in RESULTS)
    what = "training, equal to the byte" if equal else "training, not equal to the byte"
    yield _compared(what, run.id, run.metrics, again.metrics, TRAINED_OFF)


def _compared(what: str, of: str, said: Any, found: Any, allowed: float) -> Check:
    off = share_off(said, json.loads(json.dumps(found)))
    return Check(what, of, off, allowed, off <= allowed)


def share_off(said: Any, found: Any) -> float:
    """Return by what share of the largest number of its list a number is off, at the most; inf for others.

    >>> share_off({"a": [1.0, 4.0], "b": "x"}, {"a": [1.0, 4.4], "b": "x"})
    0.1
    >>> share_off({"a": 1.0}, {"b": 1.0})
    inf
    """
    if isinstance(said, Mapping) and isinstance(found, Mapping) and said.keys() == found.keys():
        return max((share_off(said[name], found[name]) for name in said), default=0.0)
    if _numeric(said) and _numeric(found) and np.shape(said) == np.shape(found):
        one, other = np.asarray(said, dtype=float), np.asarray(found, dtype=float)
        if not np.array_equal(np.isnan(one), np.isnan(other)):
            return float("inf")
        largest = np.nanmax(np.abs(one), initial=0.0)
        return float(round(np.nanmax(np.abs(one - other), initial=0.0) / (largest or 1.0), 12))
    return 0.0 if said == found else float("inf")


def _numeric(value: Any) -> bool:
    """Return whether a value is a number or undefined, or a list of such, not all undefined."""
    items = np.ravel(np.array(value, dtype=object)).tolist() if isinstance(value, list) else [value]
    kinds = {type(item) for item in items}
    return kinds <= {int, float, type(None)} and kinds != {type(None)}
