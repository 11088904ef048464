"""A copy of the files that make the report; started in it, the package imports itself."""

import shutil
from pathlib import Path

from vaelib.profiles import ROOT


def lay_checkout(folder: Path) -> Path:
    """Copy what the commands of the report need into a folder and return it."""
    for name in ("src", "book", "workflow", "benchmarks"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.ipynb", "__pycache__"))
    for name in ("_config.yml", "_toc.yml", "experiments.yml", "Snakefile"):
        shutil.copy(ROOT / name, folder)
    return folder
