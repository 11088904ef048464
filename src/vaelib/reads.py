"""What the cells of a notebook read of runs and of the cache: each read says so, and is recorded."""

import contextlib
import itertools
import logging
from collections.abc import Iterator
from pathlib import Path

READS = logging.getLogger("vaelib.reads")
"""Hears what is used, whenever it is: `<id of a run> <what of it>`, `<name> cache` of what was fitted, or
`<name>:<version> numbers` of what was measured or fitted, a group of scores, say."""

RECORDER = "from vaelib.reads import record\n\nrecord({path!r})"
"""The cell that a notebook starts with while it is executed for the book."""


def record(path: str) -> None:
    """Write the number of the cell and what `READS` hears of this kernel to a file.

    The cell after the one that calls this is number 1.
    """
    from IPython.core.interactiveshell import InteractiveShell  # a training that reads runs waits for none

    cells = itertools.count(1)
    handler = logging.FileHandler(path, encoding="utf-8")

    def begin(_: object) -> None:
        handler.setFormatter(logging.Formatter(f"{next(cells)} %(message)s"))

    InteractiveShell.instance().events.register("pre_run_cell", begin)
    READS.addHandler(handler)
    READS.setLevel(logging.INFO)


Reads = dict[int, set[tuple[str, str]]]
"""What each cell read, by its number: pairs of a name (of a run, or in the cache) and what of it."""


def recorded(path: Path) -> Reads:
    """Return what `record` wrote."""
    found: Reads = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        cell, name, what = line.split(maxsplit=2)
        found.setdefault(int(cell), set()).add((name, what))
    return found


class _Heard(logging.Handler):
    """Collects what `READS` hears."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: set[tuple[str, str]] = set()

    def emit(self, record: logging.LogRecord) -> None:
        name, what = record.getMessage().split(maxsplit=1)
        self.reads.add((name, what))


@contextlib.contextmanager
def heard() -> Iterator[set[tuple[str, str]]]:
    """Collect what is read within, by this process: pairs of a name and what of it."""
    handler, level = _Heard(), READS.level
    READS.addHandler(handler)
    READS.setLevel(logging.INFO)
    try:
        yield handler.reads
    finally:
        READS.removeHandler(handler)
        READS.setLevel(level)
