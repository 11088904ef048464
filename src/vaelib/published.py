"""What comes with the checkout: finished runs and what was measured of them, for stores that lack them."""

import contextlib
import functools
import io
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from vaelib.errors import DamagedError, one_line
from vaelib.files import OBJECT, parse_json, read_json, record, sha256, write_atomic, write_json
from vaelib.profiles import ROOT
from vaelib.spec import RunSpec
from vaelib.versions import SCORES

PUBLISHED = ROOT / "published"
RECORDS = ("spec.json", "history.csv", "metrics.json", "provenance.json", "scores.json", "done.json")
"""What is known of a run, in the order in which it is laid down: `done.json` makes it count."""
WEIGHTS = "model.safetensors"
BARE = "published_without_weights"
"""An empty file in the folder of such a run."""
CACHE = ".cache"
"""Folder of a store with what was fitted or measured once, see `cache`."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The date of every file in an archive: equal runs make equal archives."""
MANIFEST = record(sha256={"type": "object", "additionalProperties": {"type": "string"}}, ledger=OBJECT)
SCORED = record(
    groups={"type": "object", "additionalProperties": record(version={"type": "integer"}, scores=OBJECT)}
)
"""What `manifest.json` and a file of scores hold (JSON schema)."""


def pack_runs(block: str, runs: Iterable[Path], weights: Collection[str], published: Path) -> None:
    """Write the records of finished runs, given by their folders, as an archive; and the weights of some.

    `weights` are the ids of the runs whose weights are written, beside the archives. A weight file that is
    there stays, so that it enters a history of versions once.
    """
    files: dict[str, bytes] = {}
    for folder in sorted(runs):
        if folder.name in weights:
            if not (target := _weights(folder.name, published)).exists():
                write_atomic(target, (folder / WEIGHTS).read_bytes())
        else:
            files[f"{folder.name}/{BARE}"] = b""
        found = (name for name in RECORDS if (folder / name).exists())
        files |= {f"{folder.name}/{name}": (folder / name).read_bytes() for name in found}
    _write_archive(published / f"{block}.zip", files)


def pack_cache(store: Path, names: Iterable[str], published: Path) -> None:
    """Write what a store has cached under these names as an archive; the record of a fit comes last."""
    paths = [path for name in sorted(names) for path in _cached_files(store / CACHE / name)]
    _write_archive(
        published / "cache.zip", {path.relative_to(store).as_posix(): path.read_bytes() for path in paths}
    )


def _cached_files(path: Path) -> list[Path]:
    """Return the file, or those of the folder of a fit, weights before the record."""
    return [path] if path.is_file() else sorted(path.iterdir(), key=lambda file: file.suffix == ".json")


def _write_archive(path: Path, files: dict[str, bytes]) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, EPOCH), data, zipfile.ZIP_DEFLATED, compresslevel=9)
    write_atomic(path, content.getvalue())


def _weights(run: str, published: Path) -> Path:
    return published / "weights" / f"{run}.safetensors"


def remove_weights_but(runs: Collection[str], published: Path) -> list[Path]:
    """Remove the weights of other runs, which a new version of the plan or of a page no longer needs."""
    weights = sorted((published / "weights").glob("*"))
    for path in weights:
        if path.stem not in runs:
            path.unlink()
    return [path for path in weights if path.stem in runs]


def write_manifest(ledger: dict[str, Any], published: Path) -> None:
    """Write the checksum of each published file, and the ledger that the runs give."""
    write_json(published / "manifest.json", {"sha256": _checksums(published), "ledger": ledger})


def read_manifest() -> dict[str, Any]:
    """Return what `write_manifest` wrote; raises `DamagedError` where it cannot be read."""
    path = PUBLISHED / "manifest.json"
    try:
        return read_json(path, MANIFEST)
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error


def changed_files() -> list[str]:
    """Return which files are not what the manifest says: changed, missing or not in it."""
    said, found = read_manifest()["sha256"], _checksums(PUBLISHED)
    return sorted(name for name in said.keys() | found.keys() if said.get(name) != found.get(name))


def _checksums(published: Path) -> dict[str, str]:
    files = [*published.glob("*.zip"), *published.glob("weights/*")]
    return {path.relative_to(published).as_posix(): sha256(path) for path in files}


def lay_down(name: str, store: Path) -> bool:
    """Write a published run, or what was cached as `.cache/<name>`, into a store; return whether it is there.

    What makes it count is written last, so that it is there as a whole or not at all.
    """
    archive = index().get(name)
    if archive is None:
        return False
    if (weights := _weights(name, archive.parent)).exists():
        write_atomic(store / name / WEIGHTS, weights.read_bytes())
    with _read(archive) as files:
        for member in files.namelist():
            if _name(member) == name:
                write_atomic(store / member, files.read(member))
    return True


def read_record(run: str, name: str, schema: dict[str, Any]) -> Any:
    """Return what is in a JSON file of a published run, one of `RECORDS`; `KeyError` for none of that id."""
    with _read(index()[run]) as files:
        return parse_json(files.read(f"{run}/{name}"), name, schema)


@contextlib.contextmanager
def _read(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive; raises `DamagedError` where it is none, or something in it is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, ValueError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> DamagedError:
    return DamagedError(f"{path} is damaged: {one_line(error)}. To restore it: git checkout {path}")


def as_published(spec: RunSpec) -> RunSpec:
    """Return the spec of an earlier training version whose run is published, where that of today is not."""
    for version in range(spec.training_version or 0, 0, -1):
        earlier = replace(spec, training_version=version)
        if earlier.id in index():
            return earlier
    return spec


def is_outdated(spec: RunSpec) -> bool:
    """Return whether what is published of a run is of an earlier training, or has earlier scores."""
    found = as_published(spec)
    return found.id in index() and (found != spec or found.id in _scored_earlier(PUBLISHED))


def index() -> dict[str, Path]:
    """Return the archive of each published run, and of each thing cached, by its name."""
    return _index(PUBLISHED)


@functools.cache
def _index(published: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(published.glob("*.zip")):
        with _read(path) as archive:
            found |= {_name(member): path for member in archive.namelist()}
    return found


@functools.cache
def _scored_earlier(published: Path) -> set[str]:
    """Return the runs with a score of another version than that of today."""
    found: set[str] = set()
    for path in set(_index(published).values()):
        with _read(path) as archive:
            for member in archive.namelist():
                if member.endswith("/scores.json"):
                    groups = parse_json(archive.read(member), member, SCORED)["groups"]
                    if any(group["version"] != SCORES.get(name) for name, group in groups.items()):
                        found.add(_name(member))
    return found


def _name(member: str) -> str:
    """Return what a file in an archive belongs to: a run, or something in the cache."""
    parts = member.split("/")
    return "/".join(parts[:2]) if parts[0] == CACHE else parts[0]
