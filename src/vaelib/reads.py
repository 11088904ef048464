"""Which runs the cells of a notebook read: what reads one says so, and a notebook may keep a record of it."""

import itertools
import logging
from pathlib import Path

READS = logging.getLogger("vaelib.reads")
"""Hears the id of a run whenever something of it is used."""

RECORDER = "from vaelib.reads import record\n\nrecord({path!r})"
"""The cell that a notebook starts with while it is executed for the book."""


def record(path: str) -> None:
    """Write the number of the cell and the id of the run whenever this kernel reads something of a run.

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


def recorded(path: Path) -> dict[int, set[str]]:
    """Return the ids of the runs that each cell read, by its number."""
    found: dict[int, set[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        cell, run = line.split()
        found.setdefault(int(cell), set()).add(run)
    return found
