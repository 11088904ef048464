"""The run store: a run is looked up by its spec, trained when it is missing, and kept."""

import contextlib
import json
import platform
import resource
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from filelock import Timeout
from safetensors.torch import load_file, save
from tqdm import tqdm

from vaelib.cache import torch_threads
from vaelib.data import dataset
from vaelib.errors import DamagedError, DivergedError, InputError, check_choice
from vaelib.files import (
    digest,
    only_writer,
    read_json,
    remove_leftovers,
    sha256,
    to_json,
    write_atomic,
    write_json,
)
from vaelib.fingerprint import fingerprint
from vaelib.models.build import build_vae
from vaelib.models.inference import evaluate
from vaelib.models.vae import VAE
from vaelib.objectives import OBJECTIVES
from vaelib.spec import RunSpec
from vaelib.training import loop
from vaelib.training.memory import keep_large_blocks

RESULTS = ("spec.json", "history.csv", "model.safetensors", "metrics.json")
"""The files that are equal to the byte whenever a spec is trained with the same threads and versions."""


@dataclass(frozen=True)
class Run:
    """A finished run: its spec and, read when asked for, what it left in its folder."""

    spec: RunSpec
    folder: Path

    @property
    def id(self) -> str:
        return self.folder.name

    @cached_property
    def history(self) -> pd.DataFrame:
        """One row an epoch, nats an image; `train_*` are running means in train mode, others eval mode."""
        return pd.read_csv(self.folder / "history.csv")

    @cached_property
    def metrics(self) -> dict:
        """The numbers of `evaluation.evaluate` on the test images."""
        return json.loads((self.folder / "metrics.json").read_text())

    @cached_property
    def provenance(self) -> dict:
        """How the run came about: versions, code fingerprint, data checksums, threads, time, memory."""
        return json.loads((self.folder / "provenance.json").read_text())

    @cached_property
    def model(self) -> VAE:
        """The trained network on the CPU, in eval mode."""
        with torch.inference_mode(False):  # else weights first asked for inside of it could not be exported
            model = build_vae(self.spec)
            model.load_state_dict(load_file(self.folder / "model.safetensors"))
            return model.to(memory_format=torch.channels_last).eval()


class RunStore:
    """Runs under one folder, `<folder>/<id>/`. A run counts as finished when its `done.json` is there."""

    def __init__(self, folder: Path | str = "runs"):
        self.folder = Path(folder)

    def find(self, spec: RunSpec) -> Run | None:
        """Return the finished run of `spec`, or None; raises `DamagedError` when its files were changed."""
        folder = self.folder / spec.id
        return Run(spec, folder) if _is_finished(folder) else None

    def all(self) -> list[Run]:
        """Return every finished run, by id; raises `DamagedError` when one is not as it was written."""
        return [Run(_read_spec(folder), folder) for folder in self._folders() if _is_finished(folder)]

    def _folders(self) -> list[Path]:
        files = [*self.folder.glob("*/spec.json"), *self.folder.glob("*/done.json")]
        return sorted({file.parent for file in files})

    def table(self) -> pd.DataFrame:
        """Return one row a run, finished or not: what it is, how far it is, and its test numbers in nats."""
        rows: list[dict[str, Any]] = []
        for folder in self._folders():
            try:
                spec = _read_spec(folder)
                finished = _is_finished(folder)
            except DamagedError:
                rows.append({"id": folder.name, "status": "damaged"})
                continue
            run = Run(spec, folder)
            row = {"id": run.id, "epochs": spec.epochs, "digits": spec.n_train, "pixels": spec.image_size}
            if not finished:
                epoch = loop.last_epoch(folder / "checkpoint")
                rows.append(row | {"status": f"epoch {epoch}/{spec.epochs}"})
                continue
            test = run.metrics["test"]["all"]
            numbers = {name: round(test[name], 1) for name in ("recon", "kl", "neg_elbo")}
            rows.append(row | {"status": "done"} | numbers | {"active": run.metrics["active_units"]})
        return pd.DataFrame(rows)

    def get(self, spec: RunSpec, *, device: str = "auto", threads: int = 1, progress: bool = True) -> Run:
        """Return the run of `spec`, training it (or what is left of it) when it is not finished.

        One process trains a run; another that asks for the same one waits for it. Results are equal to the
        byte for the same number of `threads`.
        """
        chosen = pick_device(device)
        run = self.find(spec)
        if run is None:
            with self._only_writer(spec):
                run = self.find(spec) or self._train(spec, chosen, threads, progress)
        shutil.rmtree(run.folder / "checkpoint", ignore_errors=True)
        return run

    def work_through(self, specs: Sequence[RunSpec], *, progress: bool = True) -> Iterator[Run]:
        """Train the runs that are not finished, one after the other on one thread, and yield each.

        A run that another process is at is passed over, so that several processes share the work; one that
        diverges is told, and raises its `DivergedError` when the others are done.
        """
        failed = None
        for spec in specs:
            if self.find(spec) is not None:
                continue
            try:
                with self._only_writer(spec, wait=False):
                    run = self.find(spec) or self._train(spec, torch.device("cpu"), 1, progress)
            except Timeout:
                continue
            except DivergedError as error:
                tqdm.write(str(error))
                failed = error
                continue
            shutil.rmtree(run.folder / "checkpoint", ignore_errors=True)
            yield run
        if failed:
            raise failed

    def by_setting(self, specs: Sequence[RunSpec]) -> dict[tuple[str, float], list[Run]]:
        """Return the runs of `specs` by (arch, beta), those that differ otherwise (by seed) in one list."""
        runs: dict[tuple[str, float], list[Run]] = {}
        for spec in specs:
            runs.setdefault((spec.arch, spec.beta), []).append(self.get(spec))
        return runs

    @contextlib.contextmanager
    def _only_writer(self, spec: RunSpec, wait: bool = True) -> Iterator[None]:
        """Hold the lock of one run; the system frees it when its holder dies, however it dies.

        Raises `Timeout` when another holds it and one is not to wait.
        """
        lock = self.folder / ".locks" / f"{spec.id}.lock"
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(only_writer(lock, timeout=0))
            except Timeout:
                if not wait:
                    raise
                tqdm.write(f"run {spec.id} is being trained by another process; waiting for it")
                held.enter_context(only_writer(lock))
            yield

    def _train(self, spec: RunSpec, device: torch.device, threads: int, progress: bool) -> Run:
        current = OBJECTIVES[spec.objective].version
        if spec.training_version != current:
            raise InputError(
                f"training_version {spec.training_version} cannot be trained by this code; "
                f"accepted for {spec.objective}: {current}."
            )
        folder = self.folder / spec.id
        remove_leftovers(folder)
        write_atomic(folder / "spec.json", _spec_text(spec))
        train, val = (dataset.load_split(spec, split) for split in ("train", "val"))
        checksums = {"train": dataset.checksum(train), "val": dataset.checksum(val)}
        keep_large_blocks()
        with torch_threads(threads):
            state = loop.fit(spec, train, val, folder / "checkpoint", device, progress)
            del train, val  # half a gigabyte at full scale
            test = dataset.load_split(spec, "test")
            metrics = evaluate(state.model, spec, test)
        for part, numbers in metrics["test"].items():
            measured = {f"{name} of the test images ({part})": value for name, value in numbers.items()}
            loop.check_measured(measured, spec, state.epoch, kept=state.epoch)
        weights = {name: t.cpu().contiguous() for name, t in state.model.state_dict().items()}
        provenance = {
            "versions": {name: version(name) for name in ("vaelib", "torch", "torchvision", "numpy")}
            | {"python": platform.python_version()},
            "machine": platform.machine(),
            "device": device.type,
            "threads": threads,
            "code": fingerprint(loop.__name__, *OBJECTIVES[spec.objective].modules),
            "data": checksums | {"test": dataset.checksum(test)},
            "seconds_per_epoch": [round(s, 2) for s in state.seconds],
            "core_seconds_per_epoch": [round(s, 2) for s in state.core_seconds],
            "peak_memory_mb": _peak_memory_mb(),
        }
        contents = {
            "spec.json": _spec_text(spec),
            "history.csv": loop.history_table(state.rows).to_csv(index=False),
            "model.safetensors": save(weights),
            "metrics.json": to_json(metrics),
            "provenance.json": to_json(provenance),
        }
        for name, content in contents.items():
            write_atomic(folder / name, content)
        write_json(folder / "done.json", {"sha256": {name: digest(c) for name, c in contents.items()}})
        return Run(spec, folder)


def _spec_text(spec: RunSpec) -> str:
    return spec.to_json() + "\n"


def _read_spec(folder: Path) -> RunSpec:
    """Return the spec in a run's folder; raises `DamagedError` when the folder is not named by it."""
    try:
        text = (folder / "spec.json").read_bytes().decode()
        spec = RunSpec.from_json(text)
    except (OSError, ValueError) as error:
        raise _damaged(folder, f"spec.json: {error}") from error
    hash_of_text = digest(text.removesuffix("\n"))[:10]  # the end of the first runs' ids
    if folder.name != spec.id and not folder.name.endswith(f"-{hash_of_text}"):
        raise _damaged(folder, "spec.json is not the one that the folder is named by")
    return spec


def _is_finished(folder: Path) -> bool:
    """Tell whether `done.json` is there; raises `DamagedError` when a file is not the one it vouches for."""
    if not (folder / "done.json").exists():
        return False
    _read_spec(folder)
    try:
        checksums = read_json(folder / "done.json")["sha256"]
        if set(checksums) | {"provenance.json"} != {*RESULTS, "provenance.json"}:  # which older runs lack
            raise ValueError(f"vouches for {', '.join(checksums)}")
    except (OSError, ValueError, KeyError) as error:
        raise _damaged(folder, f"done.json: {error}") from error
    try:
        changed = [name for name in checksums if sha256(folder / name) != checksums[name]]
    except OSError as error:
        raise _damaged(folder, str(error)) from error
    if changed:
        raise _damaged(folder, f"the checksum of {', '.join(changed)} is not the one in done.json")
    return True


def pick_device(name: str) -> torch.device:
    """Return the device of that name; `auto` takes CUDA, then MPS, then the CPU."""
    available = ["cpu"]
    if torch.backends.mps.is_available():
        available.insert(0, "mps")
    if torch.cuda.is_available():
        available.insert(0, "cuda")
    check_choice("device", name, ["auto", *available])
    return torch.device(available[0] if name == "auto" else name)


def _peak_memory_mb() -> int:
    """Return the largest resident size of this process so far, in MB (ru_maxrss: bytes on macOS)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / 1e6 if sys.platform == "darwin" else peak / 1e3)


def _damaged(folder: Path, why: str) -> DamagedError:
    return DamagedError(f"run {folder} is damaged: {why}. Remove the folder to train it again.")
