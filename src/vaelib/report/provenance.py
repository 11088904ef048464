"""What stands under a figure and at the end of a page: where it comes from, and what can be had of it."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from vaelib.files import read_json
from vaelib.report.cells import behind
from vaelib.report.house import code_link, code_name, drawn_by
from vaelib.report.pages import figure_of
from vaelib.report.stale import VERSIONS, versions_of
from vaelib.spec import RunSpec

FILES = "_files"
"""Folder of the built book with what can be downloaded, a folder a page in it."""
NUMBERS = "numbers"
"""Where the numbers of a figure are kept in the metadata of its output: as data, the book knows no CSV."""


def runs_of_figures(nb: NotebookNode, reads: Mapping[int, set[str]]) -> list[set[str]]:
    """Return for each figure of an executed notebook what it stems from: ids of runs, groups of scores.

    They are those that its cell reads, or a cell that it rests on. `reads`: what each cell that was executed
    read (`vaelib.reads`); the first is number 1.
    """
    cells = [cell for cell in nb.cells if cell.cell_type == "code" and cell.execution_count]
    rests = behind([cell.source for cell in cells])
    return [
        set().union(*(reads.get(j + 1, set()) for j in rests[i]))
        for i, cell in enumerate(cells)
        if figure_of(cell)
    ]


def add_provenance(
    nb: NotebookNode,
    runs: Sequence[set[str]],
    specs: Sequence[RunSpec],
    store: Path,
    redraw: str,
    page: str | None = None,
) -> None:
    """Add under every figure which runs it stems from, what code draws it, and how to draw it again.

    `runs`: see `runs_of_figures`; `specs`: the runs of the page, in a store; `page`: its name in the book,
    for what can be had there.
    """
    functions, found = drawn_by(nb), iter(runs)
    cells = []
    for cell in nb.cells:
        cells.append(cell)
        if figure := figure_of(cell):
            for output in cell.outputs:
                if "text/csv" in output.get("data", {}):
                    output.metadata[NUMBERS] = output.data.pop("text/csv")
            own = next(found)
            if not any("data" in output for output in cell.outputs):
                continue  # a figure that this page has no runs for
            rests_on = [spec for spec in specs if spec.id in own]
            parts = [_runs_in_words(rests_on, store)]
            parts += [_function(*drawn, page) for drawn in functions[figure["name"]]]
            parts.append(f"<details><summary>redraw it</summary><code>{escape(redraw)}</code></details>")
            if page:
                link = f"../{FILES}/{page}/{figure['name']}"
                parts += [f'<a href="{link}.{end}">{end.upper()}</a>' for end in files_of(cell)]
            cells.append(new_markdown_cell(_line(parts), metadata={VERSIONS: versions_of(rests_on, own)}))
    nb.cells = cells


def files_of(cell: NotebookNode) -> dict[str, str]:
    """Return what can be had of a figure by the ending of its file: the drawing, and its numbers."""
    data = [output.data for output in cell.outputs if "data" in output]
    notes = [output.metadata for output in cell.outputs if "metadata" in output]
    found = {"svg": [d["image/svg+xml"] for d in data if "image/svg+xml" in d]}
    found["csv"] = [note[NUMBERS] for note in notes if NUMBERS in note]
    return {end: texts[0] for end, texts in found.items() if texts}


def add_downloads(nb: NotebookNode, notebook: str, page: str) -> None:
    """Add at the end of a page of the book where its notebook can be had, executed and as text."""
    executed = f'<a href="../{FILES}/{page}/{page}.ipynb" download>executed notebook</a>'
    text = f'<a href="../{FILES}/{page}/{notebook}.py" download>notebook as text</a>'
    nb.cells.append(new_markdown_cell(f'<div class="downloads">This page: {executed} · {text}</div>'))


def _line(parts: Sequence[str]) -> str:
    return f'<div class="provenance">{" · ".join(part for part in parts if part)}</div>'


def _function(name: str, module: str, page: str | None) -> str:
    return f"drawn by {code_link(name, module) if page else code_name(name, module)}"


def _runs_in_words(specs: Sequence[RunSpec], store: Path) -> str:
    if not specs:
        return ""
    ids = " ".join(f"<code>{spec.id}</code>" for spec in specs)
    seeds = sorted({spec.seed for spec in specs})
    said = f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
    n = ", ".join(f"{n:,d}" for n in sorted({2 * spec.n_test for spec in specs}))
    data = {read_json(store / spec.id / "provenance.json")["data"]["test"][:8] for spec in specs}
    images = f"{n} test images of checksum {', '.join(sorted(data))}"
    if len(specs) <= 2:
        return f"drawn from {ids}, {said}; {images}"
    return f"<details><summary>drawn from {len(specs)} runs, {said}; {images}</summary>{ids}</details>"
