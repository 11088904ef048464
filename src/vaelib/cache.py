"""What frames the scores of a data set, fitted once and kept beside the runs: weights and their checksum."""

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from safetensors.torch import load, save
from torch import Tensor

from vaelib.errors import InputError
from vaelib.files import digest, read_sealed, remove_leftovers, to_json, write_atomic, write_sealed

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Frame:
    """What a fit leaves: its tensors by name, and what was measured or noted then (plain JSON values)."""

    tensors: dict[str, Tensor]
    notes: dict[str, Any]


def kept(store: Path | str, made_from: Mapping[str, Any], make: Callable[[], Frame]) -> Frame:
    """Return the frame that `made_from` names from `<store>/.frames/<hash>/`, or make it and keep it there.

    `made_from` is everything that decides the frame. The record with the checksum is written after the
    weights and makes them count; whatever is damaged is told in the log and made anew. Of two processes that
    want the same frame, one makes it and the other waits. Raises `InputError` when the store cannot be
    written.
    """
    frames = Path(store) / ".frames"
    folder = frames / digest(to_json(dict(made_from)))[:16]
    found = _read(folder, made_from, log.debug)  # it may be under way: only the holder of the lock can tell
    if found:
        return found
    with _only_writer(frames, folder.name):
        found = _read(folder, made_from, log.warning)
        if found:
            return found
        frame = make()
        remove_leftovers(folder)
        content = save({name: tensor.cpu().contiguous() for name, tensor in frame.tensors.items()})
        write_atomic(folder / "weights.safetensors", content)
        record = {"made_from": dict(made_from), "notes": frame.notes, "sha256": digest(content)}
        write_sealed(folder / "frame.json", record)
    return frame


def _read(folder: Path, made_from: Mapping[str, Any], tell: Callable[..., None]) -> Frame | None:
    """Return the frame in a folder; None where it is missing, or damaged, which `tell` is told."""
    try:
        record = read_sealed(folder / "frame.json")
        content = (folder / "weights.safetensors").read_bytes()
        if record["made_from"] != made_from or record["sha256"] != digest(content):
            raise ValueError("weights.safetensors is not the file that frame.json vouches for")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        tell("%s is damaged (%s); making it anew", folder, error)
        return None
    return Frame(load(content), record["notes"])


@contextlib.contextmanager
def _only_writer(frames: Path, name: str) -> Iterator[None]:
    """Hold the lock of one frame; the system frees it when its holder dies, however it dies."""
    lock = FileLock(frames / f".{name}.lock")
    try:
        frames.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        raise InputError(f"{frames} cannot be written ({error.strerror}); name a store that can.") from error
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute on one thread, as bytes depend on their number, then on as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
