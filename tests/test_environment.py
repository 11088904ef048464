"""pyproject.toml, requirements.lock and environment.yml describe one environment."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from vaelib.profiles import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REQUIREMENTS = [
    Requirement(text) for text in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]
]
LINES = (ROOT / "requirements.lock").read_text().split()
LOCK = {canonicalize_name(name): version for name, version in (line.split("==") for line in LINES)}


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda requirement: requirement.name)
def test_lock_holds_every_dependency_inside_its_range(requirement):
    assert requirement.specifier.contains(LOCK[canonicalize_name(requirement.name)])


def test_lock_is_exact_and_leaves_the_accelerator_to_torch():
    assert [line for line in LINES if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
    assert [name for name in LOCK if re.match("nvidia|cuda|triton|vaelib", name)] == []


def test_every_dependency_has_an_upper_bound_and_the_book_stays_below_2():
    for requirement in REQUIREMENTS:
        assert {"<", "=="} & {bound.operator for bound in requirement.specifier}, requirement
    book = next(requirement for requirement in REQUIREMENTS if requirement.name == "jupyter-book")
    assert not book.specifier.contains("2.0.0")


def test_conda_environment_is_the_same_one():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, pip, through_pip = conda["dependencies"]
    assert through_pip["pip"] == ["--constraint requirements.lock", "--editable .[test]"]
    assert pip == "pip"
    ours, theirs = SpecifierSet(PROJECT["requires-python"]), SpecifierSet(python.removeprefix("python "))
    for minor in range(8, 14):
        assert ours.contains(f"3.{minor}.0") == theirs.contains(f"3.{minor}.0")


PYTHON = """#!/bin/sh
echo "made with $0" >> made
[ "$1" = -m ] || exit 0
mkdir -p .venv/bin
for command in pip vaelib; do printf '#!/bin/sh\\n' > .venv/bin/$command; chmod +x .venv/bin/$command; done
"""


def test_a_copied_checkout_and_other_settings_get_an_environment_of_their_own(tmp_path):
    def make(folder: Path, *settings: str) -> int:
        """Return how many environments were made in a folder so far."""
        done = subprocess.run(
            ["make", "book", f"PYTHON={python}", *settings], cwd=folder, capture_output=True
        )
        assert done.returncode == 0, done.stderr
        return (folder / "made").read_text().count("made with") // 2  # its version is asked for, too

    python = tmp_path / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    first = tmp_path / "it's {a} $HOME é"
    first.mkdir()
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, first)
    assert make(first) == 1
    assert make(first) == 1
    assert make(first, "TORCH_INDEX=https://example.org/cpu") == 2
    second = Path(shutil.copytree(first, tmp_path / "copy"))
    assert make(second, "TORCH_INDEX=https://example.org/cpu") == 3
