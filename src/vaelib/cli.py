"""The command `vaelib`: data, runs, scores, notebooks and the book.

Each command imports what it needs when it runs: `vaelib book` with nothing to do does not wait for torch.
"""

import itertools
import json
from pathlib import Path
from typing import Any

import click

from vaelib.cli_jobs import JOBS
from vaelib.cli_options import (
    Commands,
    cluster_option,
    jobs_option,
    json_option,
    out_option,
    profile_option,
    spec_options,
    store_option,
)
from vaelib.cli_published import COMMANDS
from vaelib.errors import InputError, check_choice
from vaelib.profiles import ROOT, load_profile
from vaelib.spec import RunSpec
from vaelib.threads import MOST_THREADS


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="vaelib")
def main() -> None:
    """β-VAE on MNIST and rotated MNIST: train runs, execute notebooks, build the book.

    \b
    vaelib book --profile quick          the whole report, only what is missing or changed
    vaelib notebook results -p beta 8    one chapter with another parameter
    vaelib train --arch ours --beta 4    one run; vaelib runs lists what is there
    vaelib evaluate ours-b4              its scores; vaelib claims judges the presentation's claims
    vaelib export ours-b4                the network as ONNX, for other programs
    vaelib verify                        whether the published numbers are what their weights give
    """


@main.command("data")
@click.option("--mnist", type=click.Path(path_type=Path), help="Folder that holds the four MNIST files.")
def data_command(mnist: Path | None) -> None:
    """Fetch MNIST, verify the four files and print the folder they are in."""
    from vaelib.data.mnist import fetch_mnist

    click.echo(fetch_mnist(mnist))


@main.command()
@profile_option
@store_option
@click.option(
    "--spec", "spec_file", type=click.Path(path_type=Path), help="spec.json of the run, instead of options."
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or mps.")
@click.option(
    "--threads",
    default=1,
    show_default=True,
    type=click.IntRange(1, MOST_THREADS),
    help="Threads of the CPU.",
)
@spec_options(multiple=False)
def train(
    profile: str, store: Path, spec_file: Path | None, device: str, threads: int, **fields: Any
) -> None:
    """Train one run, or go on with it; print its folder last.

    The profile gives every field that is not named. A finished run is only looked up.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    if spec_file and given:
        raise InputError(f"--spec {spec_file} says it all; leave out {', '.join(sorted(given))}.")
    spec = RunSpec.read(spec_file) if spec_file else load_profile(profile).run(**given)
    from vaelib.training.store import RunStore

    click.echo(RunStore(store).get(spec, device=device, threads=threads, weights=True).folder)


@main.command()
@profile_option
@jobs_option
@cluster_option
@spec_options(multiple=True)
def sweep(profile: str, jobs: int | None, cluster: str | None, **fields: tuple[Any, ...]) -> None:
    """Train the runs of every combination of the values given: --beta 1 --beta 4 --seed 0 --seed 1."""
    from vaelib.report import build

    axes = {name: values for name, values in fields.items() if values}
    chosen = load_profile(profile)
    specs = [chosen.run(**dict(zip(axes, point, strict=True))) for point in itertools.product(*axes.values())]
    build.train_runs(specs, jobs, cluster)


@main.command("plan")
@click.option(
    "--profile",
    default="published",
    show_default=True,
    help="Scale of the report: a profile of experiments.yml.",
)
@store_option
@click.option("--train", "training", is_flag=True, help="Train what is missing, in the plan's order.")
def plan_command(profile: str, store: Path, training: bool) -> None:
    """Print what a profile trains: blocks of runs, what is done, core-hours expected and spent.

    With --train, one core trains the missing runs, the first three seeds of every block before the others.
    Started twice, two cores share the work; stopped at any moment, the same command goes on.
    """
    import pandas as pd

    from vaelib.report import plan

    blocks = plan.blocks(load_profile(profile))
    table = pd.DataFrame(plan.table(blocks, store))
    click.echo(table.to_string(index=False, float_format="{:.2f}".format))
    if training:
        from vaelib.training.store import RunStore

        for run in RunStore(store).work_through(plan.in_order(blocks)):
            click.echo(run.folder)


@main.command()
@store_option
def runs(store: Path) -> None:
    """List the runs of a store, finished and not, with their test numbers in nats."""
    from vaelib.training.store import RunStore

    table = RunStore(store).table()
    click.echo(f"no runs in {store}" if table.empty else table.to_string(index=False))


@main.command()
@click.argument("run_id", metavar="RUN")
@store_option
@out_option
def export(run_id: str, store: Path, out: Path) -> None:
    """Write a trained network for other programs: encoder and decoder as ONNX, and the demo's script.

    RUN is the id of a finished run, or its beginning. Images have pixels in [0, 1].
    """
    from vaelib.report import export
    from vaelib.training.store import RunStore

    for file in export.export(RunStore(store).named(run_id), out):
        click.echo(file)


@main.command()
@click.argument("run_id", metavar="RUN")
@store_option
@json_option
def evaluate(run_id: str, store: Path, as_json: bool) -> None:
    """Print all scores of a run, with those of the baselines beside them.

    RUN is the id of a finished run, or its beginning. What is missing is measured first and cached: about a
    minute a run of the quick profile and, once for all runs of its network, five for the baselines.
    """
    from vaelib.report import tables
    from vaelib.scores import measure
    from vaelib.training.store import RunStore

    run = RunStore(store).named(run_id)
    own = measure.measured(run, store)
    if as_json:
        baselines = {name: found.scores for name, found in measure.baseline_scores(run.spec, store).items()}
        found = {"run": run.id, "scores": own.scores, "undefined": own.undefined, "baselines": baselines}
        click.echo(json.dumps(found, indent=1))
        return
    parts = [run.id, tables.comparison_text(measure.comparison(run, store))]
    parts += [tables.latents_text(own), tables.undefined_text(own)]
    click.echo("\n\n".join(part for part in parts if part))


@main.command()
@profile_option
@store_option
@json_option
def claims(profile: str, store: Path, as_json: bool) -> None:
    """Print the verdicts on the presentation's claims, by the store's runs at the scale of a profile.

    Scores that are missing are measured first; nothing is trained. A claim of which too few seeds or values
    of β were trained is undecided, and what it needs is said.
    """
    scale = load_profile(profile)
    from vaelib.claims.ledger import gather, judge_claims, runs_at_scale
    from vaelib.report import tables

    judged = judge_claims(gather(runs_at_scale(scale, store), scale, store))
    if as_json:
        rows = judged.astype(object).where(judged.notna(), None).to_dict("records")
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
    else:
        click.echo(tables.ledger_text(judged))


@main.command()
@click.argument("name")
@click.option(
    "-p", "given", nargs=2, multiple=True, metavar="NAME VALUE", help="A parameter; may be repeated."
)
@out_option
def notebook(name: str, given: tuple[Any, ...], out: Path) -> None:
    """Execute one chapter with other parameters: an executed notebook and a standalone HTML page.

    NAME is a notebook of book/; runs that are missing are trained on the way.
    """
    from vaelib.report import notebooks
    from vaelib.report.parameters import check_parameters

    sources = {path.stem: path for path in sorted((ROOT / "book").glob("*.py"))}
    check_choice("notebook", name, sources)
    given_values = {key: notebooks.parse_value(value) for key, value in given}
    check_parameters(sources[name], given_values)
    out.mkdir(parents=True, exist_ok=True)
    executed = out / f"{name}.ipynb"
    notebooks.execute(sources[name], executed, given_values)
    page = out / f"{name}.html"
    notebooks.to_html(executed, page)
    click.echo(f"{executed}\n{page}")


@main.command()
@profile_option
@jobs_option
@cluster_option
def book(profile: str, jobs: int | None, cluster: str | None) -> None:
    """Build the book: data, runs, notebooks and pages, only what is missing or changed."""
    from vaelib.report import build

    build.build(profile, jobs, cluster)


for command in (*COMMANDS, *JOBS):
    main.add_command(command)

if __name__ == "__main__":
    main()
