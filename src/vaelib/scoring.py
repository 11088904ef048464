"""Scores of runs and of what frames them, each measured once and kept in the store."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from filelock import FileLock

from vaelib.baselines import BASELINES, of_model, rows
from vaelib.data import Corpus, load_split
from vaelib.files import read_json, read_sealed, write_json, write_sealed
from vaelib.frames import Frame, data_fields, kept, one_thread
from vaelib.latents import encode
from vaelib.metrics.codes import kl_per_dim
from vaelib.metrics.udr import udr
from vaelib.runs import Run
from vaelib.scores.alignment import HAAR
from vaelib.scores.fingerprint import fingerprint
from vaelib.scores.registry import GROUPS, Measured, measure
from vaelib.scores.subject import Protocol, Subject
from vaelib.spec import NETWORK_FIELDS, RunSpec

log = logging.getLogger(__name__)

SCORING_VERSION = 1
"""Raised whenever the same run would score otherwise though no module of the fingerprint has changed."""

UDR_PICTURES = 2000

FRAMING_GROUPS = tuple(name for name in GROUPS if name not in ("bound", "haar"))
"""What the baselines are measured on: they bound no likelihood, and random axes are drawn of a run's code."""


def score(
    run: Run,
    store: Path | str = "runs",
    protocol: Protocol | None = None,
    progress: bool = True,
    groups: Sequence[str] = tuple(GROUPS),
) -> dict[str, Any]:
    """Return the scores of a run by name: numbers, lists, texts, and None where a score is undefined.

    The names are those of the `groups`, whatever the run. See `measured`.
    """
    scores = measured(run, store, protocol, progress, groups).scores
    return {name: scores[name] for group in groups for name in GROUPS[group].names}


def measured(
    run: Run,
    store: Path | str = "runs",
    protocol: Protocol | None = None,
    progress: bool = True,
    groups: Sequence[str] = tuple(GROUPS),
) -> Measured:
    """Return the scores of a run, of these groups at least, with the reasons why some are undefined.

    They are kept as `scores.json` in the run's folder, equal to the byte whenever the same code measures the
    same groups of the same run. Groups that are missing are added; all are measured again when the file is
    damaged (told in the log), or made by other code, by another protocol or from other weights. The seconds
    of each group go to `scores.seconds.json`, which counts for nothing. Of two processes that want the same
    scores, one measures and the other waits. `store` is where the digit classifier is kept.
    """
    protocol = protocol or Protocol.of(run.spec)
    stamp = _stamp(protocol) | {"run": _checksums(run)}
    path, timings = run.folder / "scores.json", run.folder / "scores.seconds.json"
    found = _read(path, stamp, log.debug)  # only the lock's holder can tell damage
    if found and not _missing(found, groups):
        return found
    (Path(store) / ".locks").mkdir(parents=True, exist_ok=True)
    with FileLock(Path(store) / ".locks" / f"{run.id}.scores.lock"):
        found = _read(path, stamp, log.warning) or Measured({}, {}, {})
        if missing := _missing(found, groups):
            coder, test = of_model(run.model, "run"), load_split(run.spec, "test")
            subject = Subject(coder, run.spec, test, store, protocol, run.model)
            new = measure(subject, missing, progress)
            seconds = (read_json(timings) if found.scores and timings.exists() else {}) | new.seconds
            write_json(timings, {name: round(s, 2) for name, s in seconds.items()})
            found = Measured(found.scores | new.scores, found.undefined | new.undefined, seconds)
            write_sealed(path, stamp | {"scores": found.scores, "undefined": found.undefined})
    return found


def _missing(found: Measured, groups: Sequence[str]) -> list[str]:
    """Return which of the groups were not measured, the codes first of all when one was not."""
    missing = [name for name in groups if not found.scores.keys() >= set(GROUPS[name].names)]
    return ["codes", *missing] if missing else []


def framing(
    spec: RunSpec,
    store: Path | str = "runs",
    protocol: Protocol | None = None,
    names: Sequence[str] = BASELINES,
    progress: bool = True,
    groups: Sequence[str] | None = None,
) -> dict[str, Measured]:
    """Return the scores of the baselines of a spec by name, measured as a run is, and kept in the store.

    Of the `groups`, those of `FRAMING_GROUPS`; left out: all of them.

    They depend on the pictures and, for the untrained network (of seed 0) and the ceiling, on the
    architecture; what the spec says of beta and training is of no account. The first call trains the
    ceiling. Raises `InputError` for an unknown name.
    """
    protocol = protocol or Protocol.of(spec)
    spec = replace(spec, seed=0)
    wanted = [name for name in FRAMING_GROUPS if groups is None or name in groups]
    test: list[Corpus] = []

    def make(name: str) -> Frame:
        test[:] = test or [load_split(spec, "test")]
        coder = rows(spec, store, [name], progress)[name]
        new = measure(Subject(coder, spec, test[0], store, protocol), wanted, progress)
        return Frame({}, {"scores": new.scores, "undefined": new.undefined})

    found = {}
    for name in names:
        fields = ("latent_dim",) if name in ("pca", "ica") else NETWORK_FIELDS
        made_from = {
            "kind": "scores",
            "coder": name,
            "groups": wanted,
            **data_fields(spec),
            **_stamp(protocol),
        }
        frame = kept(store, made_from | {f: getattr(spec, f) for f in fields}, lambda name=name: make(name))
        found[name] = Measured(frame.notes["scores"], frame.notes["undefined"], {})
    return found


def frame_titles(latent_dim: int) -> dict[str, str]:
    """Return what the baselines of codes of this size are called in tables, by name."""
    linear = {"pca": f"PCA-{latent_dim}", "ica": f"ICA-{latent_dim}"}
    return linear | {"untrained": "untrained", "ceiling": "ceiling"}


def agreement(runs: Sequence[Run], store: Path | str = "runs") -> dict[str, float | None]:
    """Return UDR of runs that differ by their seed, by id: the median agreement with the others, by Lasso.

    From mu of up to `UDR_PICTURES` of their test pictures, and kept in the store. None for a run without
    partner or without informative latents (Duan et al. 2020).
    """
    if len(runs) < 2:
        return {run.id: None for run in runs}
    runs = sorted(runs, key=lambda run: run.id)

    def make() -> Frame:
        test = load_split(runs[0].spec, "test").images
        n = min(len(test), UDR_PICTURES)
        with one_thread():
            codes = [encode(run.model, test[torch.arange(n) * len(test) // n]) for run in runs]
        kl = [kl_per_dim(own.mu.astype(float), own.logvar.astype(float)) for own in codes]
        found = udr([own.mu for own in codes], kl, names=[run.id for run in runs]).scores
        return Frame({}, {name: None if np.isnan(value) else float(value) for name, value in found.items()})

    made_from = {
        "kind": "agreement of seeds",
        "pictures": UDR_PICTURES,
        "version": SCORING_VERSION,
        "code": fingerprint(),
        "runs": {run.id: _checksums(run) for run in runs},
    }
    return kept(store, made_from, make).notes


def comparison(run: Run, store: Path | str = "runs", protocol: Protocol | None = None) -> pd.DataFrame:
    """Return a row a score that is a number, or undefined, with the same of the baselines beside it.

    Columns: run, PCA-M, ICA-M, untrained, ceiling and, as lists of two ends, "random axes 95 %", the band of
    the run's own code in random axes. NaN where a score is undefined; None where it is not measured.
    """
    own, frame = score(run, store, protocol), framing(run.spec, store, protocol)
    titles = frame_titles(run.spec.latent_dim)
    columns = {"run": own} | {titles[name]: found.scores for name, found in frame.items()}
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


def _stamp(protocol: Protocol) -> dict[str, Any]:
    return {"version": SCORING_VERSION, "code": fingerprint(), "protocol": asdict(protocol)}


def _checksums(run: Run) -> dict[str, str]:
    """Return what vouches for the network: the checksums of its spec and its weights."""
    checksums = read_json(run.folder / "done.json")["sha256"]
    return {name: checksums[name] for name in ("spec.json", "model.safetensors")}


def _read(path: Path, stamp: dict[str, Any], tell: Callable[..., None]) -> Measured | None:
    """Return kept scores; None where they are missing, stale, or damaged, which `tell` is told."""
    try:
        record = read_sealed(path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        tell("%s is damaged (%s); measuring the run again", path, error)
        return None
    if any(record.get(name) != value for name, value in stamp.items()):
        return None
    return Measured(record["scores"], record["undefined"], {})
