"""Which modules of this package a file rests on, and a fingerprint of them all."""

import ast
import functools
import json
from collections.abc import Iterable
from pathlib import Path

from vaelib.errors import InputError
from vaelib.files import digest, sha256

PACKAGE = Path(__file__).parent


def fingerprint(*names: str) -> str:
    """Return a SHA-256, 12 digits, of modules of this package by dotted name, and of all behind them."""
    return short({path.relative_to(PACKAGE).as_posix(): sha256(path) for path in modules_behind(names)})


def short(value: object) -> str:
    """Return 12 digits of the SHA-256 of a value as JSON: equal for equal values."""
    return digest(json.dumps(value, sort_keys=True))[:12]


def modules_behind(names: Iterable[str], without: Iterable[str] = ()) -> tuple[Path, ...]:
    """Return this package's files behind dotted names, behind what those import, and so on.

    A name that a wing shows counts as the module that it comes from, not as all of the wing. Modules in
    `without`, and what lies below them, are not followed.
    """
    left_out, found, ahead = tuple(without), set[Path](), set(names)
    while ahead:
        followed = {name for name in ahead if not any(f"{name}.".startswith(f"{out}.") for out in left_out)}
        files = {file for name in followed for file in _files_of(name)} - found
        found |= files
        ahead = {name for file in files for name in imports(file)}
    return tuple(sorted(found))


@functools.cache
def imports(file: Path) -> set[str]:
    """Return the dotted names a file imports; `from a import b` counts as `a` and `a.b`."""
    try:
        nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    except SyntaxError as error:
        raise InputError(f"{file}, line {error.lineno}, is not Python: {error.msg}.") from error
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            face = shown(node.module)
            named = (face.get(alias.name, f"{node.module}.{alias.name}") for alias in node.names)
            names |= {node.module, *named}
    return names


@functools.cache
def shown(package: str) -> dict[str, str]:
    """Return the names that a wing shows, and the module that each comes from, read off its stub."""
    parts = package.split(".")
    stub = PACKAGE.joinpath(*parts[1:], "__init__.pyi")
    if parts[0] != "vaelib" or not stub.is_file():
        return {}
    lines = (
        node for node in ast.parse(stub.read_text(encoding="utf-8")).body if isinstance(node, ast.ImportFrom)
    )
    return {alias.name: f"{package}.{line.module}" for line in lines for alias in line.names}


def _files_of(name: str) -> list[Path]:
    parts = name.split(".")
    if parts[0] != "vaelib":
        return []
    path = PACKAGE.joinpath(*parts[1:])
    files = [PACKAGE.joinpath(*parts[1:n], "__init__.py") for n in range(1, len(parts) + 1)]
    return [file for file in (path.with_suffix(".py"), *files) if file.is_file()]
