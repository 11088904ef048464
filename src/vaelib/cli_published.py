"""The commands of what is published with the checkout: `publish` packs it, `verify` checks it."""

from pathlib import Path

import click

from vaelib.cli_options import store_option
from vaelib.profiles import load_profile

PLANNED = "published"
"""The profile that is published."""


@click.command()
@store_option
def publish(store: Path) -> None:
    """Pack the finished runs of the plan, and all that the book needs of them, into published/.

    The pages whose runs are finished are executed to learn what they read.
    """
    from vaelib.report.publishing import publish

    table = publish(load_profile(PLANNED), store)
    click.echo(table.to_string(index=False, float_format="{:.1f}".format))
    click.echo(f"{table['MB'].sum():.1f} MB in all")


@click.command()
@click.option("--sample", type=click.IntRange(0), help="So many runs, at random; all by default.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of that choice.")
@click.option("--retrain", metavar="RUN", multiple=True, help="Train this run again, too; may be repeated.")
def verify(sample: int | None, seed: int, retrain: tuple[str, ...]) -> None:
    """Check what is published: files, metrics and scores of its runs measured again, and the ledger.

    A line a check: what, of which run, by what share of itself it is off and may be. Exit code 1 where
    something does not agree. With --retrain, a run is trained again and compared.
    """
    from vaelib.report import verifying

    profile = load_profile(PLANNED)
    again = [verifying.planned(profile, name) for name in retrain]
    click.echo(f"{'agrees':7}{'off':>9}{'allowed':>9}  what")
    disagree = 0
    for check in verifying.verify(profile, sample, seed, again):
        mark = "yes" if check.agrees else "NO"
        click.echo(f"{mark:7}{check.off:>9.2g}{check.allowed:>9.2g}  {check.what}: {check.of}")
        disagree += not check.agrees
    if disagree:
        click.echo(f"{disagree} of these do not agree", err=True)
        raise click.exceptions.Exit(1)


COMMANDS = (publish, verify)
