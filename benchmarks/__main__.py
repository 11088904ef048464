"""All benchmarks of training and scoring: a table, and their numbers as JSON with a chart beside it."""

import io
import os
import platform
import statistics
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import click
import psutil

from benchmarks.contestants import epochs, evaluation, matrix_product, operations, steps
from benchmarks.cost import growth, peak_memory_mb, straightness
from benchmarks.demo import SLOWDOWNS, demo
from benchmarks.quality import race_to_quality, verdict
from benchmarks.race import PEERS, race
from benchmarks.scoring import scoring
from benchmarks.windows import Contestant, interleaved, ratio, side_by_side
from vaelib.errors import InputError, check_choice
from vaelib.files import read_json, write_atomic, write_json
from vaelib.plots.benchmarks import throughput_chart
from vaelib.spec import RunSpec
from vaelib.training.store import RunStore

ARCHS = ("article", "ours")
IMAGES = {"n_train": 1200, "images": "upright"}
"""1,100 images an epoch: a window of some seconds sees two or more epochs."""
SCORING_TURNS = 3


def machine() -> dict:
    """Return what the numbers were taken on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": version("torch"),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    names = [
        line.split(":")[1].strip()
        for line in (cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else ())
        if line.startswith("model name")
    ]
    return names[0] if names else platform.processor()


def throughput(windows: int, seconds: float) -> list[dict]:
    """Return images a second of both networks, of a step and end to end, as they are and plain.

    "Plain" takes the library's own layers and leaves the C library's settings alone. Shares are of the
    matrix product's rate on the same threads, measured in turns with them.
    """
    rows = []
    for threads in sorted({1, os.cpu_count() or 1}):
        for arch in ARCHS:
            spec = RunSpec(arch=arch, **IMAGES)
            rates = interleaved(
                {
                    "matrix": Contestant(matrix_product, (), threads),
                    "step": Contestant(steps, (spec, False), threads, keep_blocks=True),
                    "end to end": Contestant(epochs, (spec, False), threads, keep_blocks=True),
                    "end to end, plain": Contestant(epochs, (spec, True), threads),
                },
                windows,
                seconds,
            )
            images = {name: rates[name] for name in rates if name != "matrix"}
            rows += [
                {
                    "arch": arch,
                    "threads": threads,
                    "what": name,
                    "images_per_second": statistics.median(values),
                    "gflops_matrix": statistics.median(rates["matrix"]) / 1e9,
                    "share": ratio([v * operations(spec) for v in values], rates["matrix"]),
                    "to_plain": ratio(values, images["end to end, plain"]),
                }
                for name, values in images.items()
            ]
    return rows


def workers(windows: int, seconds: float) -> list[dict]:
    """Return what a sweep gains from a second worker, one thread each."""
    rows = []
    for arch in ARCHS:
        contestant = Contestant(epochs, (RunSpec(arch=arch, **IMAGES), False), keep_blocks=True)
        alone, together = side_by_side(contestant, 2, windows, seconds)
        rows.append({"arch": arch, "workers": 2, "gain": ratio(together, alone)})
    return rows


def evaluations(windows: int, seconds: float) -> list[dict]:
    """Return images a second through a run's evaluation, one thread."""
    return [
        {"arch": arch, "images_per_second": statistics.median(rates)}
        for arch, rates in interleaved(
            {a: Contestant(evaluation, (RunSpec(arch=a, n_test=500),), keep_blocks=True) for a in ARCHS},
            windows,
            seconds,
        ).items()
    ]


def goals(results: dict) -> list[dict]:
    """Return every goal as measured / needed, from the results alone."""
    rows = []

    def add(goal: str, measured: float, needed: float, most: bool = False) -> None:
        met = measured <= needed if most else measured >= needed
        rows.append({"goal": goal, "measured": round(measured, 3), "needed": needed, "met": bool(met)})

    cores = results["machine"]["cores"]
    for row in results["races"]:
        needed = {"joint-vae": 2.0, "disentangling-vae": 1.6}[row["peer"]]
        add(f"article network end to end, times {row['peer']}", row["ratio"]["value"], needed)
    for row in results["throughput"]:
        if row["what"] == "step" and row["threads"] == cores:
            needed = {"article": 0.60, "ours": 0.50}[row["arch"]]
            add(f"{row['arch']}: share of the matrix product's rate", row["share"]["value"], needed)
    for row in results["workers"]:
        add(f"{row['arch']}: two workers, times one", row["gain"]["value"], 1.9)
    add("peak memory at 120,000 images, GB", results["peak_memory_mb"] / 1e3, 1.2, most=True)
    add(
        "cost linear in images and epochs, largest relative error",
        results["line"]["largest_relative_error"],
        0.1,
        most=True,
    )
    for row in results["quality_verdict"]:
        add(
            f"{row['arch']}: share of the presentation's images",
            row["share_of_images"],
            1 / 3 + 1e-9,
            most=True,
        )
        gain = statistics.mean(row["gain_nats"])
        add(f"{row['arch']}: gain in the held-out bound, mean over seeds, nats", gain, 0.0)
        apart = max(abs(a - b) for a, b in row["active_units"])
        add(f"{row['arch']}: largest difference of active units", apart, 1, most=True)
    for row in results["scoring"]:
        scores = f"{row['arch']}: all scores of a run, {row['scale']}"
        needed = {"quick": 60.0, "published": 300.0}[row["scale"]]
        add(f"{scores}, seconds of one core", row["all"], needed, most=True)
        add(f"{scores}, peak memory, GB", row["peak_memory_mb"] / 1e3, 2.0, most=True)
    here, slowed = ([row for row in results["demo"] if row["slowdown"] == n] for n in SLOWDOWNS)
    add("demo: seconds from opening the page until it answers", here[0]["ready"], 1.5, most=True)
    for what, needed in (("frame", 16.0), ("grid", 400.0)):
        slowest = max(row[what] for row in here)
        add(f"demo: {what} of the slowest network, milliseconds", slowest, needed, most=True)
    stutter = max(row["between"] for row in slowed)
    add("demo slowed 4 times: from frame to frame, milliseconds", stutter, 34.0, most=True)
    return rows


def measurements(
    store: str, windows: int, seconds: float, races: Sequence[tuple[str, Path]]
) -> dict[str, Callable[[], dict]]:
    """Return what can be measured by name: functions that return entries of the results."""

    def quality() -> dict:
        rows = race_to_quality(RunStore(store))
        return {"quality": rows, "quality_verdict": verdict(rows)}

    def cost() -> dict:
        grown = growth(RunSpec(n_test=100, epochs=3), [480, 960, 1440])
        memory = peak_memory_mb(RunSpec(), steps=3)
        return {"peak_memory_mb": memory, "growth": grown, "line": straightness(grown)}

    return {
        "quality": quality,
        "throughput": lambda: {"throughput": throughput(windows, seconds), "windows": windows},
        "workers": lambda: {"workers": workers(windows, seconds)},
        "races": lambda: {"races": [race(peer, clone, windows, seconds) for peer, clone in races]},
        "evaluation": lambda: {"evaluation": evaluations(windows, seconds)},
        "cost": cost,
        "scoring": lambda: {"scoring": scoring(store, SCORING_TURNS)},
        "demo": lambda: {"demo": demo()},
    }


@click.command(help=__doc__)
@click.option("--json", "out", type=click.Path(path_type=Path), required=True, help="where the numbers go")
@click.option("--store", default="runs", show_default=True, help="run store of the time to quality")
@click.option("--windows", default=7, show_default=True, help="turns of each contestant")
@click.option("--seconds", default=3.0, show_default=True, help="length of a turn")
@click.option(
    "--race", "races", type=(click.Choice(sorted(PEERS)), click.Path(path_type=Path)), multiple=True,
    help="a peer and the folder of its clone; may be given twice",
)  # fmt: skip
@click.option("--only", multiple=True, help="measure this and keep the rest of the file; may be given twice")
def main(out: Path, store: str, windows: int, seconds: float, races: tuple, only: tuple[str, ...]) -> None:
    every = measurements(store, windows, seconds, races)
    try:
        for name in only:
            check_choice("--only", name, every)
        results = _earlier(out) if only else {"machine": machine()}
        for name in only or every:
            results |= every[name]()
            write_json(out, results)
            click.echo(f"measured: {name}")
    except InputError as error:
        raise click.ClickException(str(error)) from error
    results["goals"] = goals(results)
    write_json(out, results)
    chart = io.BytesIO()
    throughput_chart(results["throughput"]).savefig(chart, format="svg")
    write_atomic(out.with_suffix(".svg"), chart.getvalue())
    for row in results["goals"]:
        word = "met" if row["met"] else "short"
        click.echo(f"{word:<6}{row['measured']:>8g} / {row['needed']:<6.3g} {row['goal']}")


def _earlier(out: Path) -> dict:
    """Return the results in a file; raises `InputError` when there are none of this machine."""
    if not out.exists():
        raise InputError(f"{out} does not exist: leave --only out and measure everything.")
    results = read_json(out)
    if results["machine"] != machine():
        raise InputError(f"{out} is of another machine: leave --only out and measure everything on this one.")
    return results


if __name__ == "__main__":
    main()
