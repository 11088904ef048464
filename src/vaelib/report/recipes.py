"""Recipes: what decides a page, the scores or the book; when a recipe changes, it is made again."""

import functools
import json
from collections.abc import Sequence
from pathlib import Path

from vaelib import published, versions
from vaelib.files import sha256
from vaelib.fingerprint import imports, modules_behind, short
from vaelib.profiles import BOOK, ROOT, Page, Profile

NOT_DRAWN = (
    *("vaelib.cli", "vaelib.fingerprint", "vaelib.versions", "vaelib.training.checkpoint"),
    "vaelib.training.loop",
    *("vaelib.report.build", "vaelib.report.elsewhere", "vaelib.report.plan", "vaelib.report.progress"),
    *("vaelib.report.recipes", "vaelib.report.standalone", "vaelib.report.workflow"),
)
"""Modules that no page of the book depends on: ids of runs already say how they were trained, and jobs of
scores which version they are of."""


def page_recipe(profile: Profile, page: Page, runs: Sequence[str]) -> str:
    """Return, as JSON, a fingerprint of all that decides a page: text, parameters, runs, modules, files."""
    given = page.defaults | page.parameters | {"profile": profile.name}
    recipe = _fingerprints([page.source, *modules_read(page.source), *_files_named(page)])
    return json.dumps(recipe | {"its parameters": short(given), "its runs": _of_runs(runs)})


def _of_runs(runs: Sequence[str]) -> str:
    """Return a fingerprint of which runs are read, and of the archives that the published ones come from."""
    archives = {path for run in runs if (path := published.index().get(run))}
    archives |= {path.with_name("cache.zip") for path in archives}
    return short([*runs, *(sha256(path) for path in sorted(archives) if path.exists())])


def _files_named(page: Page) -> list[Path]:
    """Return the files of the checkout that parameters of the page name, modules of a folder included."""
    from vaelib.report import parameters

    values = (parameters.defaults(page.source) | page.parameters).values()
    named = [ROOT / value for value in values if isinstance(value, str) and "/" in value]
    modules = [module for folder in named if folder.is_dir() for module in sorted(folder.rglob("*.py"))]
    return [path for path in named if path.is_file()] + modules


@functools.cache
def modules_read(source: Path) -> tuple[Path, ...]:
    """Return this package's files that a notebook imports, directly or not, and those that execute it."""
    return modules_behind({*imports(source), "vaelib.report.notebooks"}, NOT_DRAWN)


def demo_recipe(runs: Sequence[str]) -> str:
    """Return, as JSON, a fingerprint of what decides the demo's networks: runs, and what writes them."""
    behind = modules_behind({"vaelib.report.demo"}, NOT_DRAWN)
    return json.dumps(_fingerprints(behind) | {"its runs": _of_runs(runs)})


def book_recipe() -> str:
    """Return, as JSON, a fingerprint of all that decides the book except its executed pages."""
    notebooks = {*BOOK.glob("*.py"), *BOOK.glob("*.ipynb")}
    files = {path for path in BOOK.rglob("*") if path.is_file() and not _is_stray(path)}
    extensions = {f"vaelib.report.{name}" for name in ("figures", "downloads", "stale")}
    behind = modules_behind(extensions, NOT_DRAWN)
    settings = [ROOT / "_config.yml", ROOT / "_toc.yml"]
    return json.dumps(_fingerprints([*settings, *sorted(files - notebooks), *behind]))


def _is_stray(path: Path) -> bool:
    """Return whether an editor, a file browser or Python left the file, and no reader ever sees it."""
    hidden = any(part.startswith((".", "__pycache__")) for part in path.relative_to(BOOK).parts)
    return hidden or path.name.endswith(("~", ".bak", ".orig", ".swp", ".tmp")) or path.name.startswith("#")


def score_recipe() -> str:
    """Return, as JSON, the versions of all that is measured: scores of an older one are measured again."""
    return json.dumps(versions.BASELINES | versions.SCORES)


def _fingerprints(files: Sequence[Path]) -> dict[str, str]:
    return {str(path.relative_to(ROOT)): sha256(path)[:12] for path in files}
