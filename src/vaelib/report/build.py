"""What the report consists of, and `build`, which brings all of it up to date."""

import os
import shutil
import subprocess
import sysconfig
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vaelib import published
from vaelib.errors import BuildError, InputError, check_choice
from vaelib.files import write_atomic
from vaelib.profiles import BOOK, ROOT, Page, Profile, load_profile
from vaelib.report import slurm, workflow
from vaelib.spec import RunSpec, canonical_json
from vaelib.yaml_files import read_yaml

BUILD = ROOT / "_build"
SPECS = BUILD / "report" / "specs"
DEMO = BUILD / "report" / "demo"
CLUSTERS = ROOT / "workflow" / "profiles"
STORE = "runs"


def build(profile: str, jobs: int | None = None, cluster: str | None = None) -> None:
    """Bring data, runs, pages and book up to date, `jobs` at a time, and say where the book is.

    `cluster` names a folder of `workflow/profiles/`; without one all jobs run on this machine. Raises
    `InputError` before work starts, `BuildError` when a job fails.
    """
    check_contents(load_profile(profile))
    check_defaults(load_profile(profile))
    _bring_times_back()
    try:
        done = workflow.run(_arguments(["all"], profile, jobs, cluster), through_slurm=_is_slurm(cluster))
    except BuildError:
        plan(load_profile(profile))  # names a wrong parameter better than Snakemake does
        raise
    said = "The book is ready" if done else "Nothing to do, the book is up to date"
    print(f"{said}: {BUILD / 'html/index.html'}\nTo read it in a browser: make serve")


def train_runs(specs: Sequence[RunSpec], jobs: int | None = None, cluster: str | None = None) -> None:
    """Train the runs that are not finished, `jobs` at a time, long ones first."""
    write_specs(specs)
    _bring_times_back()
    targets = [f"{STORE}/{spec.id}/done.json" for spec in specs]
    done = workflow.run(_arguments(targets, "quick", jobs, cluster), through_slurm=_is_slurm(cluster))
    print(f"{len(specs)} runs are there{'' if done else ' already'}: vaelib runs lists them")


def _arguments(targets: list[str], profile: str, jobs: int | None, cluster: str | None) -> list[str]:
    if cluster is None:
        where = ["--cores", str(jobs or "all")]
    else:
        check_choice("cluster", cluster, sorted(path.parent.name for path in CLUSTERS.glob("*/config.yaml")))
        check_path_for_clusters(ROOT)
        where = ["--workflow-profile", str(CLUSTERS / cluster), *(["--jobs", str(jobs)] if jobs else [])]
        if _is_slurm(cluster):
            where += ["--slurm-status-command", slurm.status_command()]
    # --keep-incomplete: what a job wrote before it failed is whole (one rename) and may be a finished run.
    how = ["--keep-going", "--keep-incomplete", "--rerun-incomplete", "--rerun-triggers", *workflow.TRIGGERS]
    how += ["--scheduler", "greedy", "--max-checksum-file-size", "50MB"]
    return [*targets, *where, *how, "--config", f"profile={profile}"]


def check_path_for_clusters(root: Path) -> None:
    """Raise `InputError` for a checkout whose path a job's shell would read as something else.

    Snakemake puts it between double quotes in the script of a job, where these characters keep their meaning.
    """
    if unfit := sorted(set(str(root)) & set('$`"\\')):
        raise InputError(
            f"the path of the checkout, {root}, has {' '.join(unfit)}, which jobs of a batch system would "
            "misread; accepted: any other character. Move the checkout, or leave out --cluster."
        )


def _is_slurm(cluster: str | None) -> bool:
    """Whether the jobs go to Slurm, whatever the folder with the settings is called."""
    config = CLUSTERS / str(cluster) / "config.yaml"
    return config.exists() and read_yaml(config, {"type": "object"}).get("executor") == "slurm"


def _bring_times_back() -> None:
    """Set times ahead of the clock to now: Snakemake fails a job whose output is older than its input.

    A clock that was set back, or a folder of runs from another machine, leaves such times.
    """
    files = [*BOOK.glob("*.ipynb"), *(ROOT / STORE).glob("*/done.json"), *(BUILD / "report").rglob("*")]
    for path in files:
        if path.stat().st_mtime > time.time():
            os.utime(path)


def check_defaults(profile: Profile) -> None:
    """Raise `InputError` when the defaults of a profile name a parameter that no notebook has."""
    from vaelib.report import parameters

    pages = profile.pages.values()
    known = {name for page in pages for name in parameters.defaults(page.source)}
    for name in dict.fromkeys(name for page in pages for name in page.defaults):
        check_choice(f"experiments.yml, defaults of profile {profile.name}: parameter", name, sorted(known))


def check_contents(profile: Profile) -> None:
    """Raise `InputError` when `_toc.yml` lacks a page, or lists what is neither page nor text."""
    listed = set(_files(read_yaml(ROOT / "_toc.yml", {"type": "object"})))
    pages = {f"book/{name}" for name in profile.pages}
    if unlisted := sorted(pages - listed):
        raise InputError(f"_toc.yml lacks {', '.join(unlisted)} of experiments.yml; add an entry to it.")
    texts = {str(path.relative_to(ROOT).with_suffix("")) for path in BOOK.rglob("*.md")}
    if unknown := sorted(listed - pages - texts):
        raise InputError(
            f"_toc.yml lists {', '.join(unknown)}; accepted: pages of experiments.yml and book/*.md."
        )


def _files(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (node[key] for key in ("root", "file") if key in node)
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _files(child)


def given_parameters(profile: Profile, page: Page, store: str = STORE) -> dict[str, Any]:
    """Return what the build passes to a page's notebook: its entry in the profile, and what all pages get."""
    from vaelib.report import parameters

    declared = parameters.defaults(page.source)
    everywhere = {"profile": profile.name, "store": store} | page.defaults
    return {name: value for name, value in everywhere.items() if name in declared} | page.parameters


def page_runs(profile: Profile, page: Page) -> list[RunSpec]:
    """Return the runs that a page reads; raises `InputError` on parameters its notebook does not accept."""
    from vaelib.report import parameters

    return parameters.runs_read(parameters.check_parameters(page.source, given_parameters(profile, page)))


@dataclass(frozen=True)
class Needs:
    """What a page reads, by run id, and what of it is made here: runs, their scores, those of baselines."""

    read: list[str]
    runs: list[str]
    scores: list[str]
    baselines: list[str]


def plan(profile: Profile) -> dict[str, Needs]:
    """Return what each page needs, and leave the specs of its runs where the jobs look for them.

    A page that declares it reads the scores of all its runs and of their baselines: one run stands for all
    that share images, network and kind. What is published is read as it is, and nothing of it is made.
    """
    needs: dict[str, Needs] = {}
    stands_for: dict[str, str] = {}
    for name, page in profile.pages.items():
        read = [published.as_published(spec) for spec in page_runs(profile, page)]
        specs = [spec for spec in read if spec.id not in published.index()]
        write_specs(specs)
        scored = specs if page.scores else []
        of_baselines = ((canonical_json(s.data | s.network | {"seed": 0}), s.id) for s in scored)
        baselines = dict.fromkeys(stands_for.setdefault(key, run) for key, run in of_baselines)
        needs[name] = Needs(_ids(read), _ids(specs), _ids(scored), list(baselines))
    return needs


def _ids(specs: Sequence[RunSpec]) -> list[str]:
    return [spec.id for spec in specs]


def write_specs(specs: Sequence[RunSpec]) -> None:
    """Write `<id>.json` for each spec; what is there stays, unless it was damaged."""
    for spec in specs:
        path, text = SPECS / f"{spec.id}.json", spec.to_json()
        if not path.exists() or path.read_bytes() != text.encode():
            write_atomic(path, text)


def execute_page(name: str, profile: str) -> None:
    """Execute one page's notebook into `book/<name>.ipynb`; the last good page stays when that fails."""
    from vaelib.report import notebooks

    chosen = load_profile(profile)
    check_choice("page", name, chosen.pages)
    page = chosen.pages[name]
    notebooks.execute(page.source, BOOK / f"{name}.ipynb", given_parameters(chosen, page), page=name)


def export_demo(profile: str) -> None:
    """Write the scripts of the demo's networks; those of other runs, left by an earlier build, go."""
    from vaelib.report import demo
    from vaelib.training.store import RunStore

    chosen = load_profile(profile)
    runs = [RunStore(STORE).get(spec) for spec in page_runs(chosen, chosen.pages["demo"])]
    shutil.rmtree(DEMO, ignore_errors=True)
    demo.write_demo(demo.networks_of(runs), runs[0].spec, DEMO)


def assemble() -> None:
    """Build the book strictly beside the last good one, and put it in its place by a rename.

    Raises `BuildError` on any warning (a broken reference, a missing image, an unknown role).
    """
    fresh, html, last = BUILD / "fresh", BUILD / "html", BUILD / "html.last"
    if last.exists() and not html.exists():  # stopped between the two renames below
        last.rename(html)
    shutil.rmtree(fresh, ignore_errors=True)
    command = Path(sysconfig.get_path("scripts")) / "jupyter-book"
    strict = ["--all", "-W", "-n", "--keep-going"]  # --all: warnings of unchanged pages are not repeated
    quiet = ["-q", "--path-output", str(fresh)]  # -q: nothing but warnings, so that they end the log
    built = subprocess.run([command, "build", ".", *strict, *quiet], cwd=ROOT)
    if built.returncode or not (fresh / "_build/html/index.html").exists():
        raise BuildError("the book has errors (above); the last good one stays in place.")
    shutil.rmtree(last, ignore_errors=True)
    if html.exists():
        html.rename(last)
    (fresh / "_build/html").rename(html)
    shutil.rmtree(last, ignore_errors=True)
    shutil.rmtree(fresh)
