"""Errors that tell the reader what was given, what is accepted and what to do about it."""

import difflib
from collections.abc import Iterable


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


def check_choice(what: str, value: str, accepted: Iterable[str]) -> None:
    """Raise `InputError` unless `value` is one of `accepted`."""
    accepted = list(accepted)
    if value not in accepted:
        hint = did_you_mean(str(value), accepted)
        raise InputError(f"{what} {value!r} is unknown; accepted: {', '.join(accepted)}.{hint}")
