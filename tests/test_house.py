"""The house: wings show what they say, chapters import from them alone, the drawing is of what is there."""

import ast
import importlib
import re
import subprocess
import symtable
import sys
from dataclasses import fields

import pandas as pd
import pytest

from tests.figure import assert_transparent_and_drawn
from vaelib.fingerprint import PACKAGE, imports, modules_behind, shown
from vaelib.plots import wings_on_floors
from vaelib.profiles import ROOT
from vaelib.report import house_figures, house_floors, house_imports, house_modules
from vaelib.spec import RunSpec

WINGS = ["vaelib", *(f"vaelib.{stub.parent.name}" for stub in sorted(PACKAGE.glob("*/__init__.pyi")))]
CHAPTERS = sorted((ROOT / "book").glob("*.py"))


def test_every_figure_of_a_chapter_leads_to_the_function_that_draws_it():
    table = house_figures()
    labels = {
        label
        for path in CHAPTERS
        for label in re.findall(r'"figure": \{"name": "([\w-]+)"', path.read_text())
    }
    assert set(table["figure"]) == labels
    for row in table.itertuples():
        assert f"def {row.function}(" in (PACKAGE / f"{row.module}.py").read_text()


@pytest.mark.parametrize("wing", WINGS)
def test_a_wing_shows_what_its_modules_have_under_names_that_are_no_modules(wing):
    package = importlib.import_module(wing)
    names = shown(wing)
    assert package.__all__ == sorted(names)
    for name, place in names.items():
        assert getattr(package, name) is getattr(importlib.import_module(place), name)
    inside = {path.stem for path in (PACKAGE / wing.partition(".")[2].replace(".", "/")).iterdir()}
    assert not set(names) & inside


def test_nothing_heavy_is_imported_before_it_is_asked_for():
    code = f"import sys; {'; '.join(f'import {wing}' for wing in WINGS)}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_imports_public_names_of_wings_in_eight_lines_at_most(chapter):
    lines = [node for node in ast.walk(ast.parse(chapter.read_text())) if isinstance(node, ast.ImportFrom)]
    ours = [line for line in lines if line.module.partition(".")[0] == "vaelib"]
    assert len(ours) <= 8
    for line in ours:
        assert {alias.name for alias in line.names} <= set(shown(line.module))


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_whose_parameters_name_its_runs_gives_their_names_to_nothing_else(chapter):
    # Its first cell would read another thing when it is executed again, as one does in Jupyter.
    text = chapter.read_text()
    own = [f.name for f in fields(RunSpec)]
    naming = {"also", *own, *(f"{name}s" for name in own), *(f"also_{name}" for name in own)}
    after = text.partition('tags=["parameters"]')[2].partition("# %%")[2] if "globals()" in text else ""
    cells = symtable.symtable(f"# %%{after}", str(chapter), "exec")
    stored = {symbol.get_name() for symbol in cells.get_symbols() if symbol.is_assigned()}
    assert not stored & naming


def test_a_name_of_a_wing_stands_for_its_module_and_not_for_the_wing(tmp_path):
    source = tmp_path / "a.py"
    source.write_text("from vaelib.metrics import active_units\n")
    behind = {path.relative_to(PACKAGE).as_posix() for path in modules_behind(imports(source))}
    assert {"metrics/__init__.py", "metrics/dependence.py", "errors.py"} <= behind
    assert not {"metrics/prediction.py", "metrics/rotation.py"} & behind


def test_the_drawing_has_every_wing_and_its_lines_lead_down():
    modules, between = house_modules(), house_imports()
    floors = house_floors(between)
    assert set(floors) == set(modules["wing"]) == {*between.index, *between.columns}
    assert all(
        floors[wing] > floors[other] for wing, row in between.iterrows() for other in row.index[row > 0]
    )
    figure = wings_on_floors(modules, between, floors)
    assert_transparent_and_drawn(figure)
    words = " ".join(text.get_text() for text in figure.axes[0].texts)
    assert all(wing in words for wing in floors)


def test_a_circle_is_named():
    circle = pd.DataFrame([[0, 1], [1, 0]], index=["a", "b"], columns=["a", "b"])
    with pytest.raises(ValueError, match="circle: \\['a', 'b'\\]"):
        house_floors(circle)
