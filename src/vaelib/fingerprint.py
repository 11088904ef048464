"""Fingerprints of all that decides a page, the scores or the book: when one changes, it is made again."""

import ast
import functools
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from vaelib import versions
from vaelib.errors import InputError
from vaelib.files import sha256
from vaelib.profiles import BOOK, ROOT, Page, Profile

PACKAGE = Path(__file__).parent

NOT_DRAWN = (
    ["cli"],
    ["fingerprint"],
    ["versions"],
    ["training", "loop"],
    *(["report", name] for name in ("build", "plan", "progress", "standalone", "workflow")),
)
"""Modules that no page of the book depends on: ids of runs already say how they were trained, and jobs of
scores which version they are of."""


def page_recipe(profile: Profile, page: Page, runs: Sequence[str]) -> str:
    """Return, as JSON, a fingerprint of all that decides a page: text, parameters, runs, modules, files."""
    given = json.dumps(page.defaults | page.parameters | {"profile": profile.name}, sort_keys=True)
    recipe = _fingerprints([page.source, *modules_read(page.source), *_files_named(page)])
    return json.dumps(recipe | {"its parameters": _short(given), "its runs": _short(" ".join(runs))})


def _files_named(page: Page) -> list[Path]:
    """Return the files of the checkout that a parameter of the page names."""
    from vaelib.report import notebooks

    values = (notebooks.parameters(page.source) | page.parameters).values()
    return [ROOT / value for value in values if isinstance(value, str) and (ROOT / value).is_file()]


def book_recipe() -> str:
    """Return, as JSON, a fingerprint of all that decides the book except its executed pages."""
    notebooks = {*BOOK.glob("*.py"), *BOOK.glob("*.ipynb")}
    files = {path for path in BOOK.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    return json.dumps(_fingerprints([ROOT / "_config.yml", ROOT / "_toc.yml", *sorted(files - notebooks)]))


def _fingerprints(files: Sequence[Path]) -> dict[str, str]:
    return {str(path.relative_to(ROOT)): sha256(path)[:12] for path in files}


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def fingerprint(source: Path) -> str:
    """Return the SHA-256 of a module of this package and of all of its modules that it imports."""
    return _short(json.dumps(_fingerprints([source, *_walk(_imports(source))])))


@functools.cache
def modules_read(source: Path) -> tuple[Path, ...]:
    """Return this package's files that a notebook imports, directly or not, and those that execute it."""
    return _walk({*_imports(source), "vaelib.report.notebooks"})


def _walk(ahead: set[str]) -> tuple[Path, ...]:
    """Return this package's files behind dotted names, and behind what those import, and so on."""
    found: set[Path] = set()
    while ahead:
        files = {file for name in ahead for file in _module_files(name)} - found
        found |= files
        ahead = {name for file in files for name in _imports(file)}
    return tuple(sorted(found))


@functools.cache
def _imports(file: Path) -> set[str]:
    """Return the dotted names a file imports; `from a import b` counts as `a` and `a.b`."""
    try:
        nodes = list(ast.walk(ast.parse(file.read_text())))
    except SyntaxError as error:
        raise InputError(f"{file}, line {error.lineno}, is not Python: {error.msg}.") from error
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def _module_files(name: str) -> list[Path]:
    parts = name.split(".")
    if parts[0] != "vaelib" or any(parts[1 : 1 + len(module)] == module for module in NOT_DRAWN):
        return []
    path = PACKAGE.joinpath(*parts[1:])
    files = [PACKAGE.joinpath(*parts[1:n], "__init__.py") for n in range(1, len(parts) + 1)]
    return [file for file in (path.with_suffix(".py"), *files) if file.is_file()]


def score_recipe() -> str:
    """Return, as JSON, the versions of all that is measured: scores of an older one are measured again."""
    return json.dumps(versions.BASELINES | versions.SCORES)
