"""Parameters of chapters: declared in one cell with meaning and range, and checked before any work.

`steps = 7  # images along a dimension [2 to 30]` declares all of it. In brackets stands the range of the
value, or of each element of a list; a list of fixed length says so before it, `[3 of 1 to 10]`, or alone,
`[2]`. A field of a run's spec, or a list of its values, has the range of the spec where it names none.
"""

import ast
import functools
import io
import re
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import jupytext

from vaelib.errors import InputError, check_choice, check_number, did_you_mean, number_in_words, shown
from vaelib.profiles import BOOK, load_profile
from vaelib.spec import RunSpec
from vaelib.spec_fields import field_type

LIMITS = re.compile(r"\s*\[(?:(?P<length>\d+)(?: of )?)?\b(?:(?P<least>\S+) to (?P<most>\S+))?\]$")
WORDS = {
    str: "a text",
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    dict: "fields of runs",
}


@dataclass(frozen=True)
class Parameter:
    """What a chapter declares of a parameter: its default, what it means, and what it accepts.

    `kind` is the type of the value, of the elements where the default is a list, and None where any will do.
    `choices` are the texts accepted, `least` and `most` the ends of a range, `length` that of a list.
    """

    name: str
    default: Any
    meaning: str
    kind: type | None
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    length: int | None = None

    @property
    def accepted(self) -> str:
        """What is accepted, in words."""
        if self.kind is None:
            one = "anything"
        elif self.choices:
            one = ", ".join(self.choices)
        elif self.least is not None and self.most is not None:
            one = number_in_words(self.least, self.most, self.kind is int)
        else:
            one = WORDS[self.kind]
        if not isinstance(self.default, list):
            return one
        return f"a list, {self.length or ('one or more' if self._filled else 'none or more')} of: {one}"

    @property
    def _filled(self) -> bool:
        """Whether a list of none is refused: it is accepted of further runs alone."""
        return self.kind not in (dict, None)

    def check(self, value: Any, notebook: str) -> None:
        """Raise `InputError` unless the parameter of a notebook may have this value."""
        name = f"notebook {notebook}: parameter {self.name}"
        items = value if isinstance(self.default, list) and isinstance(value, list) else [value]
        if self.kind is None:
            fits = isinstance(value, list) or not isinstance(self.default, list)
        else:
            fits = isinstance(value, list) is isinstance(self.default, list)
            fits = fits and (len(items) == self.length if self.length else bool(items) or not self._filled)
            fits = fits and (bool(self.choices) or all(_is_of(self.kind, item) for item in items))
        if not fits:
            example = f"{self.name} = {shown(self.default)}"
            raise InputError(f"{name} {shown(value)} is refused; accepted: {self.accepted}, as in {example}.")
        for item in items:
            if self.choices:
                check_choice(name, item, self.choices)
            elif self.least is not None and self.most is not None:
                check_number(name, item, self.least, self.most, self.kind is int)


def _is_of(kind: type, value: Any) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is kind


def declared(source: Path) -> dict[str, Parameter]:
    """Return the parameters of a notebook, by name, from its cell tagged `parameters`.

    Raises `InputError` when there is not exactly one, or when it holds anything but literals.
    """
    if not source.is_file():
        near = sorted(path.stem for path in source.parent.glob("*.py"))
        raise InputError(
            f"notebook {source.stem!r} is unknown; accepted: "
            f"{', '.join(near)}.{did_you_mean(source.stem, near)}"
        )
    return _declared(source.name, source.read_text(encoding="utf-8"))


@functools.cache
def _declared(name: str, text: str) -> dict[str, Parameter]:
    """Return the parameters in a notebook's text; a build asks for them many times."""
    cells = [
        c for c in jupytext.reads(text, fmt="py:percent").cells if "parameters" in c.metadata.get("tags", [])
    ]
    if len(cells) != 1:
        raise InputError(f'{name} has {len(cells)} cells with tags=["parameters"]; accepted: exactly one.')
    found = {}
    lines, comments = cells[0].source.splitlines(), _comments(cells[0].source)
    for node in ast.parse(cells[0].source).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        try:
            value = ast.literal_eval(getattr(node, "value", ast.Pass()))
        except (TypeError, ValueError):
            target = None
        if not isinstance(target, ast.Name):
            raise InputError(
                f"{name} has {lines[node.lineno - 1].strip()!r} among its parameters; "
                "accepted: names set to literals, as in beta = 4.0."
            )
        beside = [comments[line] for line in range(node.lineno, node.end_lineno + 1) if line in comments]
        found[target.id] = _parameter(target.id, value, beside[-1] if beside else "")
    return found


def _comments(code: str) -> dict[int, str]:
    """Return the comments of a text by the number of their line."""
    tokens = tokenize.generate_tokens(io.StringIO(code).readline)
    return {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}


def _parameter(name: str, default: Any, comment: str) -> Parameter:
    """Return the parameter that a name, a default and the comment beside it declare."""
    first = next(iter(default), None) if isinstance(default, list) else default
    of_runs = {f.name: f for f in fields(RunSpec)}
    f = of_runs.get(name.removeprefix("also_")[: -1 if isinstance(default, list) else None])
    kind = field_type(f) if f else dict if default == [] else type(first) if first is not None else None
    limits = (f.metadata.get("least"), f.metadata.get("most")) if f else (None, None)
    choices = tuple(f.metadata.get("accepted", ())) if f else ()
    own = LIMITS.search(comment)
    if own and own["least"]:
        limits = ast.literal_eval(own["least"]), ast.literal_eval(own["most"])
    length = int(own["length"]) if own and own["length"] else None
    return Parameter(name, default, LIMITS.sub("", comment), kind, choices, *limits, length)


def defaults(source: Path) -> dict[str, Any]:
    """Return names and default values of a notebook's parameters; raises `InputError` as `declared` does."""
    return {name: parameter.default for name, parameter in declared(source).items()}


def check_parameters(source: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the notebook's parameters with the given ones in place, before anything is executed.

    Raises `InputError` on an unknown name, on a value that is not accepted, and on values that no run's
    specification accepts together.
    """
    known = declared(source)
    for name, value in given.items():
        if name not in known:
            raise InputError(
                f"parameter {name!r} of notebook {source.stem} is unknown; accepted: "
                f"{', '.join(known)}.{did_you_mean(name, known)}"
            )
        known[name].check(value, source.stem)
    values = {name: parameter.default for name, parameter in known.items()} | dict(given)
    _specs(values)
    return values


def check_chapter(notebook: str, names: Mapping[str, Any]) -> None:
    """Check the parameters among the names of a notebook that runs: by hand and under papermill, too.

    A chapter calls `check_chapter("results", globals())` before it works. Raises as `check_parameters` does.
    """
    source = BOOK / f"{notebook}.py"
    check_parameters(source, {name: names[name] for name in declared(source)})


def runs_read(values: Mapping[str, Any]) -> list[RunSpec]:
    """Return the runs that a notebook with these parameters reads: none where `store` is no parameter.

    So the data chapter may have `rotation_range` as a parameter and needs no trained run for it.
    """
    return _specs(values) if "store" in values else []


def _specs(values: Mapping[str, Any]) -> list[RunSpec]:
    return load_profile(values["profile"]).runs(values) if "profile" in values else []
