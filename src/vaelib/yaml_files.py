"""YAML files as they are meant: read once, checked against a schema, refused by line, key and remedy."""

import functools
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from vaelib.errors import InputError, did_you_mean

KINDS = {
    "object": "names with values (name: value)",
    "array": "a list",
    "string": "a text",
    "boolean": "true or false",
    "number": "a number",
}


class _Loader(yaml.SafeLoader):
    """Refuses a key that is given twice, which YAML forbids and the library lets pass, or that is no text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.flattened: set[int] = set()

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        if id(node) in self.flattened:  # a merge has put other keys in front of its own
            return
        self.flattened.add(id(node))
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:merge" and not key.tag.endswith(":str"):
                said = key.value if isinstance(key, yaml.ScalarNode) else "of several parts"
                problem = f"key {said} is no text; put it in quotes"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            if key.value in seen:
                problem = f"key {key.value} is there twice; keep one of them"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(key.value)
        super().flatten_mapping(node)


def read_yaml(path: Path, schema: dict[str, Any]) -> Any:
    """Return what a YAML file says, as a JSON schema (2020-12) wants it.

    Raises `InputError` with the line, the key, what is accepted there and the nearest of it, for a file that
    is not UTF-8, no YAML, has a key twice, or is of another shape.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name}, byte {error.start}: this is not UTF-8; save it as such.") from error
    value, root = _parsed(path.name, text)
    errors = sorted(Draft202012Validator(schema).iter_errors(value), key=_order)
    if errors:
        line = _line(root, list(errors[0].path))
        raise InputError(f"{path.name}, line {line}: {_in_words(errors[0])}")
    return value


@functools.cache
def _parsed(name: str, text: str) -> tuple[Any, yaml.Node | None]:
    """Return the content of a text and its tree; every page asks for it, and parsing takes 40 ms."""
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        return (None if root is None else loader.construct_document(root)), root
    except (yaml.YAMLError, RecursionError, ValueError) as error:  # the last: 2024-13-45, 5,000 digits
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise InputError(f"{name}{line}: {getattr(error, 'problem', None) or error}.") from error


def _order(error: ValidationError) -> tuple[Any, ...]:
    """Return what comes first: of one place, an unknown key, which may be the missing one misspelt."""
    return [str(step) for step in error.path], error.validator != "additionalProperties"


def _line(node: yaml.Node | None, path: Sequence[Hashable]) -> int:
    """Return the line of what a path of keys and numbers leads to, counted from 1."""
    for step in path:
        if isinstance(node, yaml.MappingNode):
            found = [value for key, value in node.value if key.value == step]
        elif isinstance(node, yaml.SequenceNode):
            found = node.value[step : step + 1] if isinstance(step, int) else []
        else:
            found = []
        if not found:
            break
        node = found[-1]
    return node.start_mark.line + 1 if node else 1


def _in_words(error: ValidationError) -> str:
    place = " → ".join(map(str, error.path)) or "the file"
    match error.validator:
        case "additionalProperties":
            accepted = list(error.schema.get("properties", {}))
            wrong = next(key for key in error.instance if key not in accepted)
            return (
                f"{wrong} is unknown in {place}; accepted: {', '.join(accepted)}."
                f"{did_you_mean(str(wrong), accepted)}"
            )
        case "required":
            missing = [key for key in error.validator_value if key not in error.instance]
            return f"{place} lacks {', '.join(missing)}."
        case "type":
            return f"{place} is {error.instance!r}; accepted: {KINDS[error.validator_value]}."
        case _:
            return f"{place}: {error.message}."
