"""The commands that the build gives, one a job of its graph."""

from pathlib import Path

import click

from vaelib.cli_options import profile_option, store_option
from vaelib.profiles import load_profile
from vaelib.spec import RunSpec


@click.command("score", hidden=True)
@click.option("--spec", "spec_file", required=True, type=click.Path(path_type=Path), help="Of the run.")
@profile_option
@store_option
@click.option("--baselines", is_flag=True, help="The baselines of the run instead of the run.")
def score_command(spec_file: Path, profile: str, store: Path, baselines: bool) -> None:
    """Measure the scores of one run, or of its baselines, as the build does."""
    spec, scale = RunSpec.read(spec_file), load_profile(profile)
    from vaelib.claims.ledger import groups_needed
    from vaelib.scores import measure
    from vaelib.training.store import RunStore

    groups = groups_needed(spec, scale, baselines=baselines)
    if baselines:
        measure.baseline_scores(spec, store, groups=groups)
    else:
        measure.measured(RunStore(store).get(spec), store, groups=groups)


@click.command(hidden=True)
@click.argument("name")
@profile_option
def page(name: str, profile: str) -> None:
    """Execute one page of the book, as the build does."""
    from vaelib.report import build

    build.execute_page(name, profile)


@click.command("demo", hidden=True)
@profile_option
def demo_command(profile: str) -> None:
    """Write the scripts of the demo's networks, as the build does."""
    from vaelib.report import build

    build.export_demo(profile)


@click.command(hidden=True)
def assemble() -> None:
    """Put the executed pages together, as the build does."""
    from vaelib.report import build

    build.assemble()


JOBS = (score_command, page, demo_command, assemble)
