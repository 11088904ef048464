"""Errors that tell the reader what was given, what is accepted and what to do about it."""

import difflib
import math
from collections.abc import Collection, Iterable
from numbers import Integral, Real
from typing import Any

SHOWN = 80
"""Characters of a refused value that a message shows."""


class InputError(ValueError):
    """A value from the user that cannot be used; the message names it, the accepted ones and the fix."""


class DamagedError(RuntimeError):
    """A file of the run store or of the data cache that is not what it was when written."""


class DivergedError(RuntimeError):
    """Training produced a loss that is not finite, or one too large to come back from."""


class NotebookError(RuntimeError):
    """A notebook that stopped; the message names the copy kept to read and the failing cell."""


class BuildError(RuntimeError):
    """A build with jobs that failed; what they printed last has been shown."""


FAILURES = (DamagedError, DivergedError, NotebookError, BuildError)
"""What the command line tells in one message, without a traceback: work that went wrong, exit code 1."""


def did_you_mean(name: str, accepted: Iterable[str]) -> str:
    """Return `" Did you mean 'x'?"` for the accepted name nearest to `name`, or an empty string.

    >>> did_you_mean("betta", ["beta", "seed"])
    " Did you mean 'beta'?"
    """
    near = difflib.get_close_matches(name, list(accepted), n=1)
    return f" Did you mean '{near[0]}'?" if near else ""


def the_one(what: str, beginning: str, names: Collection[str], of: str, hint: str) -> str:
    """Return the one of `names` that is or begins so; raises `InputError` with the nearest, or a hint."""
    found = [beginning] if beginning in names else [name for name in names if name.startswith(beginning)]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"{what} {beginning!r} is the beginning of {', '.join(found)}; name one of them.")
    near = difflib.get_close_matches(beginning, list(names), n=3, cutoff=0.3)
    said = f"nearest: {', '.join(near)}" if near else hint
    raise InputError(f"{what} {beginning!r} is not among the {len(names)} {of}; {said}.")


def check_choice(what: str, value: Any, accepted: Iterable[str]) -> None:
    """Raise `InputError` unless `value` is one of `accepted`."""
    accepted = list(accepted)
    if value not in accepted:
        hint = did_you_mean(value if isinstance(value, str) else "", accepted)
        raise InputError(f"{what} {shown(value)} is unknown; accepted: {', '.join(accepted)}.{hint}")


def check_number(
    what: str, value: Any, least: float, most: float = math.inf, whole: bool = False
) -> int | float:
    """Return `value` as an int or a float; raise `InputError` unless it is one from `least` to `most`.

    4 is a fine number and 4.0 a whole one, NumPy's too; "4", True, NaN and infinity are refused.
    """
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    is_whole = isinstance(value, Integral) or (is_number and float(value).is_integer())
    try:
        if is_number and (is_whole or not whole) and least <= value <= most and value < math.inf:
            return int(value) if whole else float(value)
    except OverflowError:  # whole numbers have no end, floats do
        pass
    raise InputError(f"{what} {shown(value)} is refused; accepted: {number_in_words(least, most, whole)}.")


def number_in_words(least: float, most: float, whole: bool) -> str:
    """Return what `check_number` accepts.

    >>> number_in_words(1, 1000, True), number_in_words(0.5, math.inf, False)
    ('any whole number from 1 to 1,000', 'any number from 0.5 up')
    """
    upwards = "up" if most == math.inf else f"to {most:,}"
    return f"any {'whole number' if whole else 'number'} from {least:,} {upwards}"


def one_line(error: Exception) -> str:
    """Return what an error says in one line of bearable length; torch and pandas take many."""
    text = " ".join(str(error).split())
    return text if len(text) <= 2 * SHOWN else f"{text[: 2 * SHOWN]}…"


def shown(value: Any) -> str:
    """Return a refused value as a message shows it: whole, unless it is very long.

    >>> shown("beta"), shown(16**5000)
    ("'beta'", 'a number of more digits than Python writes')
    """
    try:
        text = repr(value)
    except ValueError:
        return "a number of more digits than Python writes"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
