"""Files that are whole or absent: atomic writes, one writer at a time, JSON with a seal."""

import contextlib
import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from vaelib.errors import InputError, shown


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write `content` to `path` so that a reader, or the next start after a crash, sees all of it or none.

    The bytes go to a sibling file first, reach the disk, and take the name by a rename, which reaches the
    disk too. When the write fails (full disk, no permission) the sibling is removed and the old `path`, if
    any, is untouched.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not the process id: two containers that share a folder count theirs from 1, both.
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    data = content.encode() if isinstance(content, str) else content
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        error.filename = str(path)  # a failed write() does not say which file
        raise
    finally:
        part.unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    """Bring a folder's names to the disk: without it a power cut may undo the last renames, in any order.

    Some shared file systems cannot do that; there a rename lasts as well as they make it.
    """
    with contextlib.suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


@contextlib.contextmanager
def only_writer(lock: Path, timeout: float = -1, fix: str = "name a store that can") -> Iterator[None]:
    """Hold the lock of what one process may write at a time; the system frees it when its holder dies.

    Waits `timeout` seconds for another holder, for ever below 0, and then raises `filelock.Timeout`. Raises
    `InputError`, which ends with the `fix`, when the lock cannot be written.
    """
    held = FileLock(lock)
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        held.acquire(timeout)
    except Timeout:
        raise
    except OSError as error:
        raise InputError(f"{lock.parent} cannot be written ({error.strerror}); {fix}.") from error
    try:
        yield
    finally:
        held.release()


def remove_leftovers(folder: Path) -> None:
    """Remove what killed writers left in `folder`; for the one process that may write there."""
    for part in Path(folder).rglob(".*.part"):
        part.unlink()


def to_json(value: Any) -> str:
    """Return `value` as JSON with sorted keys, one item a line: equal values give equal text."""
    return json.dumps(value, sort_keys=True, indent=1, allow_nan=False) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON, atomically: equal values give equal bytes."""
    write_atomic(path, to_json(value))


OBJECT = {"type": "object"}
NUMBERS = {"type": "array", "items": {"type": "number"}}
"""Any object, and a list of numbers (JSON schemas)."""


def record(**properties: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON schema of an object that has these properties at least."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def read_json(path: Path, schema: dict[str, Any] | bool = True) -> Any:
    """Return the value that `write_json` wrote; raises `ValueError` on other bytes, or for another shape."""
    path = Path(path)
    return parse_json(path.read_bytes(), path.name, schema)


def parse_json(content: bytes, name: str, schema: dict[str, Any] | bool = True) -> Any:
    """Return the value of JSON as `write_json` writes it, from a file of this name; raises as `read_json`."""
    try:
        text = content.decode()
        value = json.loads(text)
        as_written = to_json(value) == text
    except RecursionError as error:
        raise ValueError(f"{name} is nested too deeply") from error
    if not as_written:
        raise ValueError(f"{name} is not as it was written")
    if wrong := best_match(Draft202012Validator(schema).iter_errors(value)):
        raise ValueError(f"{name} has another shape: {wrong.json_path} {shown(wrong.instance)}")
    return value


def write_sealed(path: Path, value: dict[str, Any]) -> None:
    """Write `value` as JSON with a checksum of itself, for a file whose bytes no other file vouches for."""
    write_json(path, value | {"seal": digest(to_json(value))})


def read_sealed(path: Path, schema: dict[str, Any] = OBJECT) -> dict[str, Any]:
    """Return the value that `write_sealed` wrote; raises `ValueError` when any byte was changed, as above."""
    value = read_json(path, schema)
    seal = value.pop("seal", None)
    if seal != digest(to_json(value)):
        raise ValueError(f"{Path(path).name} does not match its seal")
    return value


def digest(content: bytes | str) -> str:
    """Return the SHA-256 of bytes, or of a text's UTF-8, in hexadecimal."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
