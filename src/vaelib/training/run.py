"""A finished run: what it left in its folder, and whether it is as it was written."""

import contextlib
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self, TypeVar, overload

import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from vaelib.cache import Fit, cached
from vaelib.errors import DamagedError, InputError, one_line
from vaelib.files import OBJECT, digest, read_json, record, sha256
from vaelib.models.build import build_vae
from vaelib.models.vae import VAE
from vaelib.published import BARE, WEIGHTS
from vaelib.reads import READS
from vaelib.spec import RunSpec
from vaelib.versions import MEASURED

RESULTS = ("spec.json", "history.csv", WEIGHTS, "metrics.json")
"""The files that are equal to the byte whenever a spec is trained with the same threads and versions."""
DONE = record(sha256={"type": "object", "additionalProperties": {"type": "string"}})
TESTED = record(**{name: {"type": "number"} for name in ("recon", "kl", "neg_elbo")})
METRICS = record(test=record(all=TESTED), active_units={"type": "integer"})
"""What these files hold (JSON schema)."""

T = TypeVar("T")


class _read(cached_property[T]):
    """A cached property of a run, every use of which `READS` hears."""

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None) -> T: ...
    def __get__(self, instance: object, owner: type[Any] | None = None) -> Any:
        if isinstance(instance, Run):
            READS.info("%s %s", instance.id, self.attrname)
        return super().__get__(instance, owner)

    def __set__(self, instance: object, value: T) -> None:
        """Refuse; that it is there makes Python ask the property even where the value is cached."""
        raise AttributeError("what a run left is read only")


@dataclass(frozen=True)
class Run:
    """A finished run: its spec and, read when asked for, what it left in its folder."""

    spec: RunSpec
    folder: Path

    @property
    def id(self) -> str:
        return self.folder.name

    @_read
    def history(self) -> pd.DataFrame:
        """One row an epoch, nats an image; `train_*` are running means in train mode, others eval mode."""
        with _read_of(self.folder, "history.csv"):
            table = pd.read_csv(self.folder / "history.csv")
            if missing := {"epoch", "lr", "beta"} - {*table}:
                raise ValueError(f"it has no columns {', '.join(sorted(missing))}")
            return table

    @_read
    def metrics(self) -> dict[str, Any]:
        """The numbers of `inference.evaluate` on the test images."""
        with _read_of(self.folder, "metrics.json"):
            return read_json(self.folder / "metrics.json", METRICS)

    @_read
    def provenance(self) -> dict[str, Any]:
        """How the run came about: versions, code fingerprint, data checksums, threads, time, memory."""
        with _read_of(self.folder, "provenance.json"):
            return read_json(self.folder / "provenance.json", OBJECT)

    @property
    def has_weights(self) -> bool:
        """Whether the network is there; a published run may have come without."""
        return (self.folder / WEIGHTS).exists()

    @_read
    def model(self) -> VAE:
        """The trained network on the CPU, in eval mode; raises `InputError` for a run without weights."""
        if not self.has_weights:
            again = f"vaelib train --spec {shlex.quote(str(self.folder / 'spec.json'))}"
            raise InputError(f"run {self.id} was published without its weights; to train it again: {again}")
        with torch.inference_mode(False):  # else weights first asked for inside of it could not be exported
            model = build_vae(self.spec)
            with _read_of(self.folder, WEIGHTS):
                model.load_state_dict(load_file(self.folder / WEIGHTS))
            return model.to(memory_format=torch.channels_last).eval()

    @property
    def network(self) -> dict[str, str]:
        """What vouches for the network: the checksums of its spec and its weights, which may be elsewhere."""
        with _read_of(self.folder, "done.json"):
            checksums = read_json(self.folder / "done.json", DONE)["sha256"]
            return {name: checksums[name] for name in ("spec.json", WEIGHTS)}

    def measured(self, kind: str, of: Mapping[str, Any], make: Callable[[], Fit]) -> Fit:
        """Return what was measured of the network, cached beside the runs; the first time `make` measures it.

        `of` is all that decides it beside the network, and its version that of `kind` in `versions.MEASURED`.
        """
        READS.info("%s %s", self.id, kind)
        made_from = {"kind": kind, "version": MEASURED[kind], "run": self.network, **of}
        return cached(self.folder.parent, made_from, make, self.earlier(MEASURED[kind]))

    def earlier(self, version: int) -> Sequence[int]:
        """Return the versions before one that count, too: all where the network is not there to measure."""
        return () if self.has_weights else range(version - 1, 0, -1)


def spec_text(spec: RunSpec) -> str:
    return spec.to_json() + "\n"


def read_spec(folder: Path) -> RunSpec:
    """Return the spec in a run's folder.

    Raises `DamagedError` when there is none, the folder is not named by it, or it is of a later version.
    """
    try:
        text = (folder / "spec.json").read_bytes().decode()
    except (OSError, ValueError) as error:
        raise _damaged(folder, f"spec.json: {error}") from error
    named_by = folder.name.endswith(f"-{digest(text.removesuffix(chr(10)))[:10]}")  # the end of an id
    try:
        spec = RunSpec.from_json(text)
    except ValueError as error:
        if named_by:  # the file is as it was written, by code that knows more
            raise DamagedError(f"run {folder} cannot be read by this version of vaelib: {error}") from error
        raise _damaged(folder, f"spec.json: {error}") from error
    if folder.name != spec.id and not named_by:
        raise _damaged(folder, f"spec.json is that of {spec.id}; rename the folder if that is what it holds")
    return spec


def is_finished(folder: Path) -> bool:
    """Return whether `done.json` is there; raises `DamagedError` when a file is not the one it vouches for.

    The weights of a run that was published without them may be missing.
    """
    if not (folder / "done.json").exists():
        return False
    read_spec(folder)
    with _read_of(folder, "done.json"):
        checksums = read_json(folder / "done.json", DONE)["sha256"]
        vouched = {*checksums, "provenance.json"}  # which older runs lack
        if vouched != {*RESULTS, "provenance.json"}:
            raise ValueError(f"it vouches for {', '.join(checksums) or 'nothing'}")
    if (folder / BARE).exists():
        checksums.pop(WEIGHTS)
    try:
        changed = [name for name, sum in checksums.items() if sha256(folder / name) != sum]
    except OSError as error:
        raise _damaged(folder, str(error)) from error
    if changed:
        raise _damaged(folder, f"the checksum of {', '.join(changed)} is not the one in done.json")
    return True


@contextlib.contextmanager
def _read_of(folder: Path, name: str) -> Iterator[None]:
    """Raise `DamagedError` where a file of a run cannot be read as what it is."""
    try:
        yield
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:  # pandas' and torch's among them
        why = one_line(error)
        raise _damaged(folder, why if name in why else f"{name}: {why}") from error


def _damaged(folder: Path, why: str) -> DamagedError:
    return DamagedError(f"run {folder} is damaged: {why}. Remove the folder to train it again.")
