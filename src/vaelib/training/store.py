"""The run store: a run is looked up by its spec, trained when it is missing, and stored."""

import contextlib
import logging
import platform
import resource
import shutil
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from filelock import Timeout
from safetensors.torch import save
from tqdm import tqdm

from vaelib import published
from vaelib.data import dataset
from vaelib.errors import DamagedError, DivergedError, InputError, check_choice, the_one
from vaelib.files import (
    digest,
    only_writer,
    remove_leftovers,
    to_json,
    write_atomic,
    write_json,
)
from vaelib.fingerprint import fingerprint
from vaelib.models.inference import evaluate
from vaelib.objectives import OBJECTIVES
from vaelib.profiles import in_checkout
from vaelib.spec import RunSpec
from vaelib.threads import torch_threads
from vaelib.training import loop
from vaelib.training.checkpoint import last_epoch
from vaelib.training.memory import keep_large_blocks
from vaelib.training.run import Run, is_finished, read_spec, spec_text

log = logging.getLogger(__name__)


class RunStore:
    """Runs under one folder, `<folder>/<id>/`. A run counts as finished when its `done.json` is there.

    A relative folder is one of the checkout. A run that is not finished here but came with the checkout,
    published, is laid down here when it is looked for.
    """

    def __init__(self, folder: Path | str = "runs"):
        self.folder = in_checkout(folder)

    def find(self, spec: RunSpec) -> Run | None:
        """Return the finished run of `spec`, or None; raises `DamagedError` when its files were changed."""
        folder = self.folder / spec.id
        if not (folder / "done.json").exists() and spec.id in published.index():
            with contextlib.suppress(Timeout), only_writer(self._lock(spec), timeout=0):
                published.lay_down(spec.id, self.folder)
        return Run(spec, folder) if is_finished(folder) else None

    def _lock(self, spec: RunSpec) -> Path:
        return self.folder / ".locks" / f"{spec.id}.lock"

    def all(self) -> list[Run]:
        """Return every finished run, by id; one that is not as it was written is left out, with a warning."""
        runs = []
        for folder in self._folders():
            try:
                if is_finished(folder):
                    runs.append(Run(read_spec(folder), folder))
            except DamagedError as error:
                log.warning("left out: %s", error)
        return runs

    def named(self, beginning: str) -> Run:
        """Return the one finished run whose id is or begins so; raises `InputError` with the nearest ids."""
        runs = {run.id: run for run in self.all()}
        where = f"finished ones of {self.folder}"
        return runs[the_one("run", beginning, runs, where, "vaelib runs lists what is there")]

    def _folders(self) -> list[Path]:
        files = [*self.folder.glob("*/spec.json"), *self.folder.glob("*/done.json")]
        return sorted({file.parent for file in files})

    def table(self) -> pd.DataFrame:
        """Return one row a run, finished or not: what it is, how far it is, and its test numbers in nats."""
        rows: list[dict[str, Any]] = []
        for folder in self._folders():
            try:
                spec = read_spec(folder)
                run = Run(spec, folder)
                finished = is_finished(folder) and run.metrics
            except DamagedError as error:
                rows.append({"id": folder.name, "status": "unusable"})
                log.warning("%s", error)
                continue
            row = {"id": run.id, "epochs": spec.epochs, "digits": spec.n_train, "pixels": spec.image_size}
            if not finished:
                epoch = last_epoch(folder / "checkpoint")
                rows.append(row | {"status": f"epoch {epoch}/{spec.epochs}"})
                continue
            test = run.metrics["test"]["all"]
            numbers = {name: round(test[name], 1) for name in ("recon", "kl", "neg_elbo")}
            rows.append(row | {"status": "done"} | numbers | {"active": run.metrics["active_units"]})
        return pd.DataFrame(rows)

    def get(
        self,
        spec: RunSpec,
        *,
        device: str = "auto",
        threads: int = 1,
        progress: bool = True,
        weights: bool = False,
    ) -> Run:
        """Return the run of `spec`, training it (or what is left of it) when it is not finished.

        One that was published by an earlier training version counts as finished; with `weights` it does not,
        nor does one that was published without them, and both are trained again. One process trains a run;
        another that asks for the same one waits for it. Results are equal to the byte for the same number of
        `threads`.
        """
        chosen = pick_device(device)

        def finished() -> Run | None:
            found = self.find(spec)
            return None if found is None or (weights and not found.has_weights) else found

        run = finished()
        if run is None and not weights:
            run = self.find(published.as_published(spec))
        if run is None:
            with self._only_writer(spec):
                run = finished() or self._train(spec, chosen, threads, progress)
        shutil.rmtree(run.folder / "checkpoint", ignore_errors=True)
        return run

    def work_through(self, specs: Sequence[RunSpec], *, progress: bool = True) -> Iterator[Run]:
        """Train the runs that are not finished, one after the other on one thread, and yield each.

        A run that another process is at is passed over, so that several processes share the work; one that
        diverges is reported, and raises its `DivergedError` when the others are done.
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
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(only_writer(self._lock(spec), timeout=0))
            except Timeout:
                if not wait:
                    raise
                tqdm.write(f"run {spec.id} is being trained by another process; waiting for it")
                held.enter_context(only_writer(self._lock(spec)))
            yield

    def _train(self, spec: RunSpec, device: torch.device, threads: int, progress: bool) -> Run:
        current = OBJECTIVES[spec.objective].version
        if spec.training_version != current:
            raise InputError(
                f"training_version {spec.training_version} cannot be trained by this code; "
                f"accepted for {spec.objective}: {current}."
            )
        folder = self.folder / spec.id
        for name in ("done.json", published.BARE):  # of a run that was published without its weights
            (folder / name).unlink(missing_ok=True)
        remove_leftovers(folder)
        write_atomic(folder / "spec.json", spec_text(spec))
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
            "spec.json": spec_text(spec),
            "history.csv": loop.history_table(state.rows).to_csv(index=False),
            "model.safetensors": save(weights),
            "metrics.json": to_json(metrics),
            "provenance.json": to_json(provenance),
        }
        for name, content in contents.items():
            write_atomic(folder / name, content)
        write_json(folder / "done.json", {"sha256": {name: digest(c) for name, c in contents.items()}})
        return Run(spec, folder)


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
