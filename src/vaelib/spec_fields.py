"""What a field of a run's spec accepts, and a value checked against it."""

import math
from collections.abc import Iterable
from dataclasses import Field, field
from typing import Any, get_args

from vaelib.errors import check_choice, check_number


def choice(default: str | None, accepted: Iterable[str], help: str) -> Any:
    """Return a field that takes one of some names."""
    return field(default=default, metadata={"help": help, "accepted": accepted})


def number(default: float | None, least: float, help: str, most: float = math.inf) -> Any:
    """Return a field that takes numbers from `least` to `most`."""
    return field(default=default, metadata={"help": help, "least": least, "most": most})


def field_type(f: Field[Any]) -> type:
    """Return the plain type of a spec field: `str`, `int` or `float` (`str | None` is `str`)."""
    own: Any = f.type
    return next((t for t in get_args(own) if t is not type(None)), own)


def checked(f: Field[Any], value: Any) -> str | int | float:
    """Return `value` in the field's type: 4 is a fine beta; "4", True and 2.5 epochs are refused."""
    if field_type(f) is str:
        check_choice(f.name, value, f.metadata["accepted"])
        return value
    return check_number(f.name, value, f.metadata["least"], f.metadata["most"], whole=field_type(f) is int)
