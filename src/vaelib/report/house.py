"""The library as it stands, read off its files: wings, modules, and what they import from each other."""

import ast
from pathlib import Path

import jupytext
import pandas as pd
from nbformat import NotebookNode

from vaelib.fingerprint import PACKAGE, imports, shown
from vaelib.profiles import BOOK
from vaelib.report.pages import figure_of

GROUND = "foundations"
"""Where the modules stand that are in no wing and that all wings rest on."""
COMMAND = "command line"


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


def drawn_by(nb: NotebookNode) -> dict[str, list[tuple[str, str]]]:
    """Return by the label of each figure of a notebook the functions that draw it, with their modules.

    They are those of `vaelib.plots` that its cell calls, or that a function of the notebook calls for it.
    """
    shows = shown("vaelib.plots")
    cells = [(cell, ast.parse(cell.source)) for cell in nb.cells if cell.cell_type == "code"]
    own = {d.name: d for _, tree in cells for d in ast.walk(tree) if isinstance(d, ast.FunctionDef)}
    found = {}
    for cell, tree in cells:
        if label := figure_of(cell).get("name"):
            called = _calls(tree)
            called |= {name for function in called & own.keys() for name in _calls(own[function])}
            names = sorted(called & shows.keys())
            found[label] = [(n, shows[n].removeprefix("vaelib.").replace(".", "/")) for n in names]
    return found


def _calls(tree: ast.AST) -> set[str]:
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


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
