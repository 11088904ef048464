"""The library as it stands, read off its files: wings, modules, and what they import from each other."""

import ast
from collections.abc import Sequence
from html import escape
from pathlib import Path

import jupytext
import pandas as pd
from IPython.display import HTML
from nbformat import NotebookNode

from vaelib.fingerprint import PACKAGE, imports, shown
from vaelib.profiles import BOOK
from vaelib.report.cells import behind, calls
from vaelib.report.elsewhere import titles
from vaelib.report.pages import figure_of

GROUND = "foundations"
"""Where the modules stand that are in no wing and that all wings rest on."""
COMMAND = "command line"
CODE = "_code"
"""Folder of the built book with the sources of the functions behind its figures."""
COMPUTING = ("data", "models", "training", "metrics", "scores", "claims")
"""The wings whose functions give the numbers that are drawn."""

MOVED_IN = {
    "foundations": 900,
    "data": 866,
    "models": 1300,
    "training": 857,
    "metrics": 2288,
    "scores": 1746,
    "claims": 1016,
    "plots": 1600,
    "report": 1230,
    "command line": 336,
}
"""Lines of the wings at the commit that moved the modules into them and changed imports and little else."""
MOVED_IN_BY = "6b39b5b"

Function = tuple[str, str]
"""A function and its module, as a path below the package."""


def house_modules() -> pd.DataFrame:
    """Return a row a module: its wing, its name, its lines, and the first sentence of its docstring."""
    rows = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.name == "__init__.py":
            continue
        text = path.read_text(encoding="utf-8")
        says = (ast.get_docstring(ast.parse(text)) or "").partition("\n\n")[0].replace("\n", " ")
        name = path.relative_to(PACKAGE).with_suffix("").as_posix()
        rows.append({"wing": _wing(path), "module": name, "lines": len(text.splitlines()), "says": says})
    return pd.DataFrame(rows)


def house_imports() -> pd.DataFrame:
    """Return how many imports the modules of a wing (row) make of those of each other wing (column)."""
    pairs = set()
    for path in PACKAGE.rglob("*.py"):
        for name in imports(path):
            target = PACKAGE.joinpath(*name.split(".")[1:]).with_suffix(".py")
            if name.startswith("vaelib.") and target.is_file() and _wing(target) != _wing(path):
                pairs.add((path, target))
    table = pd.DataFrame([(_wing(one), _wing(other)) for one, other in pairs], columns=["of", "from"])
    return pd.crosstab(table["of"], table["from"])


def house_figures() -> pd.DataFrame:
    """Return a row a figure of the chapters: label, chapter, the function that draws it, its module."""
    rows = []
    for source in sorted(BOOK.glob("*.py")):
        for label, drawn in drawn_by(jupytext.read(source)).items():
            rows += [{"figure": label, "chapter": source.stem, "function": f, "module": m} for f, m in drawn]
    return pd.DataFrame(rows)


def drawn_by(nb: NotebookNode) -> dict[str, list[Function]]:
    """Return by the label of each figure of a notebook the functions that draw it, with their modules.

    They are those of `vaelib.plots` that its cell calls, or that a function of the notebook calls for it.
    """
    shows = shown("vaelib.plots")
    cells = [(cell, ast.parse(cell.source)) for cell in nb.cells if cell.cell_type == "code"]
    own = {d.name: d for _, tree in cells for d in ast.walk(tree) if isinstance(d, ast.FunctionDef)}
    found = {}
    for cell, tree in cells:
        if label := figure_of(cell).get("name"):
            called = calls(tree)
            called |= {name for function in called & own.keys() for name in calls(own[function])}
            found[label] = [(name, _path(shows[name])) for name in sorted(called & shows.keys())]
    return found


def computed_by(nb: NotebookNode) -> dict[str, list[Function]]:
    """Return by the label of each figure of a notebook the functions behind its numbers, with their modules.

    They are those of the wings of `COMPUTING` that its cell calls, or a cell that it rests on.
    """
    shows = {name: place for wing in COMPUTING for name, place in shown(f"vaelib.{wing}").items()}
    cells = [cell for cell in nb.cells if cell.cell_type == "code"]
    called = [calls(ast.parse(cell.source)) for cell in cells]
    found = {}
    for cell, rests in zip(cells, behind([cell.source for cell in cells]), strict=True):
        if label := figure_of(cell).get("name"):
            names = sorted(set().union(*(called[j] for j in rests)) & shows.keys())
            found[label] = [(name, _path(shows[name])) for name in names]
    return found


def computing_modules() -> set[str]:
    """Return the modules of the functions behind the numbers of all figures."""
    return {
        module
        for source in BOOK.glob("*.py")
        for found in computed_by(jupytext.read(source)).values()
        for _, module in found
    }


def walks(labels: Sequence[str]) -> HTML:
    """Return as a list the way from these figures of the book to their code: two hops, each a link."""
    items = []
    for source in sorted(BOOK.glob("*.py")):
        nb = jupytext.read(source)
        drawn, computed = drawn_by(nb), computed_by(nb)
        for label in (label for label in labels if label in drawn):
            figure = (
                f'<a href="{source.stem}.html#{label}">{label}</a> of <i>{escape(titles()[label][1])}</i>'
            )
            by, of = (", ".join(code_link(*own) for own in part[label]) for part in (drawn, computed))
            items.append(f"<li>{figure}: drawn by {by}; its numbers by {of}.</li>")
    return HTML(f"<ul>{''.join(items)}</ul>")


def code_link(name: str, module: str) -> str:
    """Return the link from a page of the book to the code of a function."""
    return f'<a href="../{CODE}/{module}.html#{name}">{code_name(name, module)}</a>'


def code_name(name: str, module: str) -> str:
    """Return a function's full name, as a page shows code."""
    return f"<code>vaelib.{module.replace('/', '.')}.{name}</code>"


def _path(place: str) -> str:
    return place.removeprefix("vaelib.").replace(".", "/")


def house_wings(modules: pd.DataFrame) -> pd.DataFrame:
    """Return a row a wing: its modules and lines, and the lines that it had when they moved in."""
    own = modules.groupby("wing")["lines"].agg(modules="size", lines="sum").loc[[*MOVED_IN]]
    own["lines when they moved in"] = pd.Series(MOVED_IN)
    own.loc["all"] = own.sum()
    return own


def house_floors(between: pd.DataFrame) -> dict[str, int]:
    """Return the floor of each wing: 0 where it imports from no other, else one above the highest it needs.

    Raises `ValueError` for wings that import from each other in a circle.
    """
    needs = {wing: set(row.index[row > 0]) for wing, row in between.iterrows()}
    floors: dict[str, int] = {}
    wings = {*between.index, *between.columns}
    while len(floors) < len(wings):
        for wing in sorted(wings - set(floors)):
            if needs.get(wing, set()) <= set(floors):
                floors[wing] = max((floors[name] + 1 for name in needs.get(wing, set())), default=0)
                break
        else:
            raise ValueError(f"wings import from each other in a circle: {sorted(wings - set(floors))}")
    return floors


def _wing(path: Path) -> str:
    first, *rest = path.relative_to(PACKAGE).parts
    if rest:
        return first
    return COMMAND if first.startswith("cli") else GROUND
