"""What stands under a figure and at the end of a page: where it comes from, and what can be had of it."""

import ast
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from vaelib.files import read_json
from vaelib.report.house import drawn_by
from vaelib.report.pages import figure_of
from vaelib.spec import RunSpec

FILES = "_files"
"""Folder of the built book with what can be downloaded, a folder a page in it."""
CODE = "_code"
"""Folder of the built book with the sources of the functions that draw."""


def runs_of_figures(nb: NotebookNode, reads: Mapping[int, set[str]]) -> dict[str, set[str]]:
    """Return by the label of each figure the ids of the runs that its cell reads, or those it rests on.

    `reads`: what each cell read, by its number of execution.
    """
    cells = [cell for cell in nb.cells if cell.cell_type == "code"]
    rests = behind([cell.source for cell in cells])
    return {
        figure_of(cell)["name"]: set().union(*(reads.get(cells[j].execution_count, set()) for j in rests[i]))
        for i, cell in enumerate(cells)
        if "name" in figure_of(cell)
    }


def add_provenance(
    nb: NotebookNode,
    reads: Mapping[int, set[str]],
    specs: Sequence[RunSpec],
    store: Path,
    redraw: str,
    page: str | None = None,
) -> None:
    """Add under every figure which runs it stems from, what code draws it, and how to draw it again.

    `reads`: what each cell read, by its number of execution; `specs`: the runs of the page, in a store;
    `page`: its name in the book, for what can be had there.
    """
    functions, runs = drawn_by(nb), runs_of_figures(nb, reads)
    cells = []
    for cell in nb.cells:
        cells.append(cell)
        if figure := figure_of(cell):
            parts = [_runs_in_words([s for s in specs if s.id in runs[figure["name"]]], store)]
            parts += [_function(*drawn, page) for drawn in functions[figure["name"]]]
            parts.append(f"redraw: <code>{escape(redraw)}</code>")
            if page:
                kinds = {mime for output in cell.outputs for mime in output.get("data", {})}
                parts += [
                    f'<a href="../{FILES}/{page}/{figure["name"]}.{end}">{end.upper()}</a>'
                    for end, mime in FORMATS.items()
                    if mime in kinds
                ]
            cells.append(new_markdown_cell(_line(parts)))
    nb.cells = cells


FORMATS = {"svg": "image/svg+xml", "csv": "text/csv"}
"""What is kept of a figure: the drawing, and its numbers where it has any."""


def add_downloads(nb: NotebookNode, notebook: str, page: str) -> None:
    """Add at the end of a page of the book where its notebook can be had, executed and as text."""
    executed = f'<a href="../{FILES}/{page}/{page}.ipynb" download>executed notebook</a>'
    text = f'<a href="../{FILES}/{page}/{notebook}.py" download>notebook as text</a>'
    nb.cells.append(new_markdown_cell(f'<div class="downloads">This page: {executed} · {text}</div>'))


def _line(parts: Sequence[str]) -> str:
    return f'<div class="provenance">{" · ".join(part for part in parts if part)}</div>'


def _function(name: str, module: str, page: str | None) -> str:
    called = f"<code>vaelib.{module.replace('/', '.')}.{name}</code>"
    return f'drawn by <a href="../{CODE}/{module}.html#{name}">{called}</a>' if page else f"drawn by {called}"


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


def behind(sources: Sequence[str]) -> list[set[int]]:
    """Return for each cell of code the cells it rests on, itself among them: those whose names it uses.

    A cell rests on the last one that set a name, on those that changed what it stands for since (an item, an
    attribute, or a call of one of its methods as a statement of its own), and on all behind these.
    """
    rests: list[set[int]] = []
    made: dict[str, set[int]] = {}
    for i, source in enumerate(sources):
        nodes = list(ast.walk(ast.parse(source)))
        names = [node for node in nodes if isinstance(node, ast.Name)]
        used = {name.id for name in names if isinstance(name.ctx, ast.Load)}
        rests.append({i}.union(*(rests[j] for name in used for j in made.get(name, ()))))
        for name in _changed(nodes):
            made[name] = made.get(name, set()) | {i}
        made |= {name.id: {i} for name in names if isinstance(name.ctx, ast.Store)}
        made |= {node.name: {i} for node in nodes if isinstance(node, ast.FunctionDef)}
    return rests


def _changed(nodes: Sequence[ast.AST]) -> set[str]:
    """Return the names of what is changed in place."""
    roots: list[ast.AST] = []
    for node in nodes:
        match node:
            case ast.Subscript(ctx=ast.Store()) | ast.Attribute(ctx=ast.Store()):
                roots.append(node)
            case ast.Expr(value=ast.Call(func=ast.Attribute() as method)):
                roots.append(method)
    return {name for root in roots if (name := _root(root))}


def _root(node: ast.AST) -> str | None:
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None
