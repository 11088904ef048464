"""What the commands share: how they refuse, and the options that several of them have."""

import dataclasses
import errno
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from vaelib.errors import FAILURES, InputError
from vaelib.spec import RunSpec
from vaelib.spec_fields import field_type

REMEDIES = {
    errno.ENOENT: "name one that is there",
    errno.ENOTDIR: "name one that is there",
    errno.EISDIR: "name a file, this is a folder",
    errno.EEXIST: "name a place that is free",
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "free room there or name another place"),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "allow it or name another place"),
}
"""What to do about an error of the system, by its number."""


class Refused(click.ClickException):
    """A bad request: one line, exit code 2."""

    exit_code = 2


class Commands(click.Group):
    """A group whose commands turn the library's errors into one line and an exit code."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # a β is no reason to stop where the locale has none
        return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except InputError as error:
            raise Refused(str(error)) from error
        except FAILURES as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            if error.filename is None and error.strerror is None:
                raise
            if error.errno == errno.EPIPE:  # who read along has read enough
                ctx.exit(0)
            raise Refused(
                f"{error.filename or 'a file'} cannot be used: {error.strerror}; "
                f"{REMEDIES.get(error.errno or 0, 'name another one')}."
            ) from error


def spec_options(multiple: bool) -> Callable[..., Any]:
    """Return a decorator that adds every field of a run's spec as an option, to be repeated if `multiple`."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for f in reversed(dataclasses.fields(RunSpec)):
            accepted = f"  [{'|'.join(f.metadata['accepted'])}]" if "accepted" in f.metadata else ""
            command = click.option(
                f"--{f.name.replace('_', '-')}",
                type=field_type(f),
                multiple=multiple,
                help=f.metadata["help"] + accepted,
            )(command)
        return command

    return decorate


profile_option = click.option(
    "--profile", default="quick", show_default=True, help="Scale of the run: a profile of experiments.yml."
)
store_option = click.option(
    "--store",
    default="runs",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder of the runs; a relative one is of the checkout.",
)
out_option = click.option(
    "--out", default="out", show_default=True, type=click.Path(path_type=Path), help="Folder of the results."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
jobs_option = click.option(
    "--jobs", type=click.IntRange(min=1), help="Jobs side by side, a thread each.  [default: one a core]"
)
cluster_option = click.option(
    "--cluster", help="Where jobs run, a folder of workflow/profiles; left out: this machine."
)
