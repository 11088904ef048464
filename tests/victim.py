"""Trainings in processes of their own that may be killed; a server that has imported torch forks them."""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from unittest import mock

import torch._dynamo  # noqa: F401  Adam's first step imports it, which takes a second
from tqdm import tqdm

from vaelib.data import mnist
from vaelib.files import digest
from vaelib.spec import RunSpec
from vaelib.training import loop as training
from vaelib.training.run import Run
from vaelib.training.store import RunStore

CHANGES = ("os.rename", "os.remove", "os.rmdir")
"""Audit events of the interpreter, raised just before a name on the disk changes or goes."""

GOODS = {"one": bytes(range(256)), "two": b"12" * 1000}
"""Files to be fetched."""

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload([__name__])
tqdm.set_lock(threading.RLock())  # its own lock is a named semaphore, which a kill leaves behind


def train(store: Path, spec: RunSpec) -> Run:
    return RunStore(store).get(spec, device="cpu", progress=False)


def start(work: Callable[..., object], *given: object) -> multiprocessing.Process:
    """Start `work(*given)` in a process of its own."""
    process = _server.Process(target=work, args=given)
    process.start()
    return process


def train_and_die(store: Path, spec: RunSpec, at: int) -> None:
    """Train, and die just before the `at`-th change of a name; a rename leaves half of its file behind."""
    _at_change(store, at, _die)
    train(store, spec)


def train_and_pause(store: Path, spec: RunSpec, at: int) -> None:
    """Train, and wait before the `at`-th change of a name until the file `go` is in the store."""

    def pause(event: str, path: Path) -> None:
        (store / "paused").touch()
        while not (store / "go").exists():
            time.sleep(0.01)

    _at_change(store, at, pause)
    train(store, spec)


def train_and_tell(store: Path, spec: RunSpec, may_train: bool) -> None:
    """Train, or only look up what another process trains; write what is said to the file `said`."""
    if not may_train:
        training.fit = None
    with (store / "said").open("w", buffering=1) as said, contextlib.redirect_stdout(said):
        train(store, spec)


@contextlib.contextmanager
def shop() -> Iterator[None]:
    """Let `GOODS` be what there is to be fetched, and the way to the network be closed."""
    checksums = {name: digest(content) for name, content in GOODS.items()}
    with mock.patch.multiple(mnist, SHA256=checksums, _sources=lambda: iter([("shop", _goods)])):
        yield


def _goods(names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    return ((name, GOODS[name]) for name in names)


def fetch_and_die(cache: Path, at: int) -> None:
    """Fetch into a cache, and die before the `at`-th file takes its name."""
    os.environ["XDG_CACHE_HOME"] = str(cache)
    os.environ.pop(mnist.FOLDER_VARIABLE, None)
    _at_change(cache, at, _die)
    with shop():
        mnist._obtain(GOODS, None)


def _die(event: str, path: Path) -> None:
    if event == "os.rename":
        os.truncate(path, path.stat().st_size // 2)  # as a kill inside the write would
    os.kill(os.getpid(), signal.SIGKILL)


def _at_change(store: Path, at: int, act: Callable[[str, Path], None]) -> None:
    """Call `act` just before the `at`-th change of a name in the store by this process."""
    seen = 0

    def hook(event: str, given: tuple) -> None:
        nonlocal seen
        if event not in CHANGES:
            return
        path = Path(given[0])
        # Files go with their folder by relative names; the removal of what is not there changes nothing.
        if path.is_absolute() and not (path.is_relative_to(store) and path.exists()):
            return
        seen += 1
        if seen == at:
            act(event, path)

    sys.addaudithook(hook)
