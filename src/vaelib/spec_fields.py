"""What a field of a run's spec accepts, and a value checked against it."""

import math
from collections.abc import Iterable
from dataclasses import Field, field
from numbers import Integral, Real
from typing import Any, get_args

from vaelib.errors import InputError, check_choice


def choice(default: str | None, accepted: Iterable[str], help: str) -> Any:
    """Return a field that takes one of some names."""
    return field(default=default, metadata={"help": help, "accepted": accepted})


def number(default: float | None, least: float, help: str, most: float = math.inf) -> Any:
    """Return a field that takes numbers from `least` to `most`."""
    return field(default=default, metadata={"help": help, "least": least, "most": most})


def field_type(f: Field) -> type:
    """Return the plain type of a spec field: `str`, `int` or `float` (`str | None` is `str`)."""
    own: Any = f.type
    return next((t for t in get_args(own) if t is not type(None)), own)


def checked(f: Field, value: Any) -> str | int | float:
    """Return `value` in the field's type: 4 is a fine beta; "4", True and 2.5 epochs are refused."""
    if field_type(f) is str:
        check_choice(f.name, value, f.metadata["accepted"])
        return value
    whole = field_type(f) is int
    least, most = f.metadata["least"], f.metadata["most"]
    is_number = isinstance(value, Real) and not isinstance(value, bool)  # NumPy's, too
    is_whole = isinstance(value, Integral) or (is_number and float(value).is_integer())
    if not is_number or (whole and not is_whole) or not (least <= value <= most and value < math.inf):
        kind = "whole number" if whole else "number"
        upwards = "up" if most == math.inf else f"to {most:,}"
        raise InputError(f"{f.name} {value!r} is refused; accepted: any {kind} from {least:,} {upwards}.")
    return field_type(f)(value)
