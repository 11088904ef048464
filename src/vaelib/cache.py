"""What is fitted once and cached beside the runs: weights, notes and their checksum."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from vaelib import published
from vaelib.files import (
    OBJECT,
    digest,
    only_writer,
    read_sealed,
    record,
    remove_leftovers,
    to_json,
    write_atomic,
    write_sealed,
)
from vaelib.profiles import in_checkout
from vaelib.reads import READS

log = logging.getLogger(__name__)

FIT = record(made_from=OBJECT, notes=OBJECT, sha256={"type": "string"})
"""What the record of a fit holds (JSON schema)."""


@dataclass(frozen=True, eq=False)
class Fit:
    """What a fit leaves: its tensors by name, and what was measured or noted then (plain JSON values)."""

    tensors: dict[str, Tensor]
    notes: dict[str, Any]


def cached(
    store: Path | str, made_from: Mapping[str, Any], make: Callable[[], Fit], earlier: Sequence[int] = ()
) -> Fit:
    """Return the fit that `made_from` names from `<store>/.cache/<hash>/`, or make it and cache it there.

    `made_from` is everything that decides the fit, its version among them. The record with the checksum is
    written after the weights and makes them count; whatever is damaged is reported in the log and made anew.
    What the store lacks and the checkout came with is laid down there. Before it is made, what is there of
    an `earlier` version is taken. Of two processes that want the same fit, one makes it and the other waits.
    Raises `InputError` when the store cannot be written.
    """
    cache = in_checkout(store) / published.CACHE
    folder = _folder(cache, made_from)
    READS.info("%s cache", folder.name)
    _say_version(made_from)
    found = _read(folder, made_from, log.debug)  # it may be under way: only the holder of the lock can tell
    if found:
        return found
    with only_writer(cache / f".{folder.name}.lock"):
        for of in (made_from, *({**made_from, "version": version} for version in earlier)):
            own = _folder(cache, of)
            found = _read(own, of, log.warning)
            if not found and published.lay_down(f"{published.CACHE}/{own.name}", cache.parent):
                found = _read(own, of, log.warning)
            if found:
                _say_version(of)
                return found
        READS.info("%s made", folder.name)
        fit = make()
        remove_leftovers(folder)
        content = save({name: tensor.cpu().contiguous() for name, tensor in fit.tensors.items()})
        write_atomic(folder / "weights.safetensors", content)
        made = {"made_from": dict(made_from), "notes": fit.notes, "sha256": digest(content)}
        write_sealed(folder / "fit.json", made)
    return fit


def _say_version(of: Mapping[str, Any]) -> None:
    if "kind" in of and "version" in of:
        READS.info("%s:%d numbers", of["kind"].replace(" ", "_"), of["version"])


def _folder(cache: Path, made_from: Mapping[str, Any]) -> Path:
    return cache / digest(to_json(dict(made_from)))[:16]


def _read(folder: Path, made_from: Mapping[str, Any], log: Callable[..., None]) -> Fit | None:
    """Return the fit in a folder; None where it is missing, or damaged: `log` reports that."""
    try:
        found = read_sealed(folder / "fit.json", FIT)
        content = (folder / "weights.safetensors").read_bytes()
        if found["made_from"] != made_from or found["sha256"] != digest(content):
            raise ValueError("weights.safetensors is not the file that fit.json vouches for")
        return Fit(load(content), found["notes"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, SafetensorError) as error:
        log("%s is damaged (%s); making it anew", folder, error)
        return None
