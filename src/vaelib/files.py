"""Files that are whole or absent: atomic writes and checksums."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write `content` to `path` so that a reader, or the next start after a crash, sees all of it or none.

    The bytes go to a sibling file first, reach the disk, and take the name by a rename. When the write
    fails (full disk, no permission) the sibling is removed and the old `path`, if any, is untouched.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    data = content.encode() if isinstance(content, str) else content
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        error.filename = str(path)  # a failed write() does not say which file
        raise
    finally:
        part.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed writers left in `folder`; for the one process that may write there."""
    for part in Path(folder).rglob(".*.part"):
        part.unlink()


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON with sorted keys, atomically: equal values give equal bytes."""
    write_atomic(path, json.dumps(value, sort_keys=True, indent=1, allow_nan=False) + "\n")


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
