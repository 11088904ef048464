"""Chapters as functions of their parameters: execute the notebook, write the page."""

import ast
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import papermill
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from papermill.exceptions import PapermillExecutionError
from traitlets import default
from traitlets.config import Config

from vaelib import published
from vaelib.errors import NotebookError
from vaelib.files import write_atomic
from vaelib.profiles import ROOT, in_checkout
from vaelib.reads import RECORDER, Reads, recorded
from vaelib.report import pages
from vaelib.report.parameters import check_parameters, declared, runs_read
from vaelib.report.provenance import add_downloads, add_provenance, runs_of_figures

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
SHORT = 90
NOT_IN_TITLES = ("profile", "store", "named_dims")
"""Parameters that all pages of one build share, or that only choose what is shown large."""


def parse_value(text: str) -> Any:
    """Return what the text of a command line means: a number, list, True, None …, or else the text itself.

    >>> parse_value("4"), parse_value("[1, 4]"), parse_value("ours")
    (4, [1, 4], 'ours')
    """
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError):
        return text


def convert(source: Path) -> NotebookNode:
    """Return a py:percent text as a notebook of the kernel `python3`."""
    nb = jupytext.read(source)
    nb.metadata["kernelspec"] = KERNEL
    return nb


class _Kernel(AsyncKernelManager):
    """The kernel of the running interpreter, whatever kernels the user has installed elsewhere."""

    @default("kernel_spec_manager")
    def _native(self) -> KernelSpecManager:
        return KernelSpecManager(kernel_dirs=[])


def execute(
    source: Path, output: Path, given: Mapping[str, Any], page: str | None = None
) -> set[tuple[str, str]]:
    """Execute a chapter with the given parameters and write the page, atomically and equal for equal inputs.

    Return what it read: pairs of a name (of a run, or in the cache) and what of it.

    `page` is the page's name where it differs from the notebook's: its labels then get it as a suffix,
    and its title says which parameters set it apart.
    What the cells write to stderr (progress bars) goes to this process's stderr and not to the page.
    Raises `InputError` before the start, `NotebookError` when a cell fails: then `output` stays as it was
    and the notebook with its traceback lies beside it.
    """
    known = declared(source)
    defaults = {name: parameter.default for name, parameter in known.items()}
    values = check_parameters(source, given)
    failed = output.with_name(f"{output.stem}.failed.ipynb")
    with tempfile.TemporaryDirectory(prefix="nb-") as work:
        nb, reads = _run(convert(source), values, Path(work), failed)
    runs = runs_of_figures(nb, {cell: {name for name, _ in found} for cell, found in reads.items()})
    pages.show_parameters(nb, values, known)
    if page is not None and page != source.stem:
        pages.suffix_labels(nb, f"-{page}")
        own = {name: value for name, value in values.items() if value != defaults[name]}
        pages.mark_title(nb, {name: value for name, value in own.items() if name not in NOT_IN_TITLES})
    redraw, store = pages.command(source.stem, values, defaults), in_checkout(values.get("store", ""))
    specs = [published.as_published(spec) for spec in runs_read(values)]
    add_provenance(nb, runs, specs, store, redraw, page)
    if page is not None:
        add_downloads(nb, source.stem, page)
    pages.clean(nb)
    nb.metadata["notebook"] = source.stem
    nbformat.validate(nb)
    write_atomic(output, nbformat.writes(nb))
    failed.unlink(missing_ok=True)
    return set().union(*reads.values())


def _run(nb: NotebookNode, values: Mapping[str, Any], work: Path, failed: Path) -> tuple[NotebookNode, Reads]:
    """Return the notebook executed at the project's root, and what each cell read.

    When a cell fails, the notebook is kept as `failed`.
    """
    reads = work / "reads"
    nb.cells.insert(0, new_code_cell(RECORDER.format(path=str(reads))))
    nbformat.write(nb, work / "in.ipynb")
    # Socket files, not TCP ports: kernels that start side by side can be given the same free port.
    # The path of a socket has at most 107 bytes.
    transport = "ipc" if os.name == "posix" and len(os.fsencode(work)) < SHORT else "tcp"
    try:
        executed = papermill.execute_notebook(
            work / "in.ipynb",
            work / "out.ipynb",
            parameters=dict(values),
            kernel_name=KERNEL["name"],
            cwd=ROOT,
            progress_bar=False,
            stderr_file=sys.stderr,
            kernel_manager_class=_Kernel,
            config=Config(KernelManager={"transport": transport, "connection_file": str(work / "k.json")}),
        )
    except (PapermillExecutionError, DeadKernelError) as error:
        stopped = nbformat.read(work / "out.ipynb", 4)
        write_atomic(failed, nbformat.writes(stopped))
        reason = (
            f"{error.ename}: {error.evalue}" if isinstance(error, PapermillExecutionError) else str(error)
        )
        raise NotebookError(
            f"{reason}\nThe notebook with its traceback: {failed}\n"
            f"The last lines of the cell that failed:\n{_last_lines(stopped)}"
        ) from error
    del executed.cells[0]
    return executed, recorded(reads)


def _last_lines(nb: NotebookNode) -> str:
    """Return the end of the last cell that papermill began."""
    begun = [
        c for c in nb.cells if c.cell_type == "code" and c.metadata.get("papermill", {}).get("start_time")
    ]
    return "\n".join(f"    {line}" for cell in begun[-1:] for line in cell.source.splitlines()[-5:])


def to_html(notebook: Path, output: Path) -> None:
    """Write an executed notebook as a single HTML file that needs no other file and no network."""
    from vaelib.report.standalone import (
        page_html,  # Sphinx takes long to import, and refusals need none of it
    )

    write_atomic(output, page_html(nbformat.read(notebook, 4)))
