"""Finished runs that come with the checkout, packed: read where a store has none of its own."""

import functools
import io
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from vaelib.files import read_json, sha256, to_json, write_atomic, write_json
from vaelib.profiles import ROOT

PUBLISHED = ROOT / "published"
RECORDS = ("spec.json", "history.csv", "metrics.json", "provenance.json", "scores.json", "done.json")
"""What is known of a run, in the order in which it is laid down: `done.json` makes it count."""
WEIGHTS = "model.safetensors"
SHIPPED = "shipped.json"
"""In the folder of a run that was published without its weights, or with some of half precision: the
checksum of `WEIGHTS` as they lie there, or null."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The date of every file in an archive: equal runs make equal archives."""


def pack(block: str, runs: Iterable[Path], weights: Mapping[str, str], published: Path = PUBLISHED) -> None:
    """Write the records of finished runs, given by their folders, as an archive; and their weights beside it.

    `weights` has the precision of each run, "exact" or "half"; a run that it does not name is published
    without. A weight file that is there stays, so that it enters a history of versions once.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for folder in sorted(runs):
            precision = weights.get(folder.name)
            files = {name: (folder / name).read_bytes() for name in RECORDS if (folder / name).exists()}
            if precision:
                target = _weights(folder.name, precision, published)
                if not target.exists():
                    write_atomic(target, _in_precision(folder / WEIGHTS, precision))
            if precision != "exact":
                checksum = sha256(target) if precision else None
                files = {SHIPPED: to_json({WEIGHTS: checksum}).encode()} | files
            for name, data in files.items():
                entry = zipfile.ZipInfo(f"{folder.name}/{name}", EPOCH)
                archive.writestr(entry, data, zipfile.ZIP_DEFLATED, compresslevel=9)
    write_atomic(published / f"{block}.zip", content.getvalue())


def _in_precision(weights: Path, precision: str) -> bytes:
    if precision == "exact":
        return weights.read_bytes()
    from safetensors.torch import load_file, save  # a build with nothing to do does not wait for torch

    tensors = load_file(weights)
    return save({name: t.half() if t.is_floating_point() else t for name, t in tensors.items()})


def _weights(run: str, precision: str, published: Path) -> Path:
    return published / "weights" / f"{run}.{'half.' if precision == 'half' else ''}safetensors"


def write_manifest(published: Path = PUBLISHED) -> None:
    """Write the checksum of each published file."""
    write_json(published / "manifest.json", {"sha256": _checksums(published)})


def changed_files(published: Path = PUBLISHED) -> list[str]:
    """Return which files are not what the manifest says: changed, missing or not in it."""
    told, found = read_json(published / "manifest.json")["sha256"], _checksums(published)
    return sorted(name for name in told.keys() | found.keys() if told.get(name) != found.get(name))


def _checksums(published: Path) -> dict[str, str]:
    files = [*published.glob("*.zip"), *published.glob("weights/*")]
    return {path.relative_to(published).as_posix(): sha256(path) for path in files}


def lay_down(run: str, store: Path, published: Path | None = None) -> bool:
    """Write a published run into a store, `done.json` last; return whether there is one of that id."""
    published = published or PUBLISHED
    archive = archives(published).get(run)
    if archive is None:
        return False
    with zipfile.ZipFile(archive) as records:
        names = set(records.namelist())
        for precision in ("exact", "half"):
            if (weights := _weights(run, precision, published)).exists():
                write_atomic(store / run / WEIGHTS, weights.read_bytes())
        for name in (SHIPPED, *RECORDS):
            if f"{run}/{name}" in names:
                write_atomic(store / run / name, records.read(f"{run}/{name}"))
    return True


@functools.cache
def archives(published: Path = PUBLISHED) -> dict[str, Path]:
    """Return the archive of each published run by the run's id."""
    found: dict[str, Path] = {}
    for path in sorted(published.glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            found |= {name.partition("/")[0]: path for name in archive.namelist()}
    return found
