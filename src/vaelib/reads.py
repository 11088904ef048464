"""Which runs the cells of a notebook read: what reads one says so, and a notebook may keep a record of it."""

import logging
from pathlib import Path

from IPython.core.getipython import get_ipython

READS = logging.getLogger("vaelib.reads")
"""Hears the id of a run whenever something of it is used."""

RECORDER = "from vaelib.reads import record\n\nrecord({path!r})"
"""The cell that a notebook starts with while it is executed for the book."""


def record(path: str) -> None:
    """Write the number of the cell and the id of the run whenever this process reads something of a run."""
    shell = get_ipython()

    def numbered(message: logging.LogRecord) -> bool:
        message.cell = shell.execution_count if shell else 0
        return True

    handler = logging.FileHandler(path, encoding="utf-8")
    handler.addFilter(numbered)
    handler.setFormatter(logging.Formatter("%(cell)d %(message)s"))
    READS.addHandler(handler)
    READS.setLevel(logging.INFO)


def recorded(path: Path) -> dict[int, set[str]]:
    """Return the ids of the runs that each cell read, by the number of its execution."""
    found: dict[int, set[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        cell, run = line.split()
        found.setdefault(int(cell), set()).add(run)
    return found
