"""One Snakemake run at a time, reported in plain words, ended without leftovers, resumed after a kill."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock, Timeout

from vaelib.data.mnist import cache_folder
from vaelib.errors import BuildError, InputError
from vaelib.files import read_json, record, write_json
from vaelib.profiles import ROOT
from vaelib.report import slurm
from vaelib.report.progress import LOGS, Job, Progress, cause, planned, tail

STATE = ROOT / ".snakemake"
MARK = "VAELIB_BUILD"
"""Environment variable that all processes of a build inherit; it tells a dead build's orphans from others."""

TRIGGERS = ("mtime", "params")
"""No `code`, no `input`: the recipes (params) say it all. Times count only where contents differ, too."""


def run(arguments: Sequence[str], *, through_slurm: bool = False) -> int:
    """Bring Snakemake's targets up to date and return how many jobs that took.

    `arguments` are Snakemake's own: targets first, then options. Jobs that go `through_slurm` are
    watched. A driver that was killed before has its orphans ended and its lock cleared. Raises `InputError`
    when another build is at work, `BuildError` when a job fails (the others are finished first) or is lost.
    """
    with _alone() as mark:
        jobs = _plan(arguments, mark)
        if jobs:
            print(f"{len(jobs)} jobs to do:", flush=True)
            for job, why in jobs:
                print(f"  {job!s:<45} {why}", flush=True)
            _follow(arguments, mark, Progress([job for job, _ in jobs]), through_slurm)
        return len(jobs)


@contextlib.contextmanager
def _alone() -> Iterator[str]:
    """Hold the build lock, clear what a killed build left, and give the mark of this build's processes."""
    STATE.mkdir(exist_ok=True)
    state = STATE / "vaelib.json"
    try:
        held = FileLock(STATE / "vaelib.lock").acquire(timeout=0)
    except Timeout as error:
        raise InputError(f"another build is at work in {ROOT}; wait for it or stop it.") from error
    with held:
        if state.exists():
            ended = end_processes(_mark_of(state))
            print(f"Going on with a build that was cut short{f' ({ended} orphans ended)' if ended else ''}.")
        mark = uuid.uuid4().hex
        write_json(state, {"mark": mark})
        with _signals_interrupt():
            try:
                yield mark
            finally:
                end_processes(mark)
                state.unlink()


def _mark_of(state: Path) -> str:
    """Return the mark of the build that was killed; one that no process has where nobody can tell."""
    try:
        return read_json(state, record(mark={"type": "string"}))["mark"]
    except (OSError, ValueError):
        return uuid.uuid4().hex


@contextlib.contextmanager
def _signals_interrupt() -> Iterator[None]:
    """Let a closed terminal and `kill` stop a build as Ctrl-C does."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_processes(mark: str) -> int:
    """Kill every process of this machine that carries `mark` in its environment; return how many there were.

    Killing is safe: a run goes on from its last checkpoint, a page is written by one rename.
    """
    ended = 0
    while marked := [process for process in psutil.process_iter() if _mark(process) == mark]:
        for process in marked:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(marked, timeout=10)
        ended += len(marked)
    return ended


def _mark(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARK) if process.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.Error, OSError):
        return None


def _snakemake(arguments: Sequence[str]) -> list[str]:
    # --nolock: a killed Snakemake leaves its lock behind; the one of this module is freed by the system.
    return [sys.executable, "-m", "snakemake", *arguments, "--nolock"]


def _environment(mark: str) -> dict[str, str]:
    """Return the environment of all jobs: every file and stream is UTF-8, whatever the locale.

    Where the user has no cache that can be written, it is one of the checkout: Snakemake stops without.
    """
    cache = {} if _may_cache() else {"XDG_CACHE_HOME": str(STATE / "cache")}
    return os.environ | {MARK: mark, "PYTHONUTF8": "1"} | cache


def _may_cache() -> bool:
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
    except (OSError, InputError):
        return False
    return os.access(cache_folder(), os.W_OK)


def _plan(arguments: Sequence[str], mark: str) -> list[tuple[Job, str]]:
    """Return the jobs that Snakemake would run, and why, from a dry run."""
    dry = subprocess.run(
        _snakemake([*arguments, "--dry-run"]),
        cwd=ROOT,
        env=_environment(mark),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    if dry.returncode:
        LOGS.mkdir(exist_ok=True)
        log = LOGS / "snakemake.log"
        log.write_text(dry.stdout, encoding="utf-8")
        raise BuildError(f"Snakemake cannot plan the work:\n{cause(dry.stdout)}\n  (all of it: {log})")
    return planned(dry.stdout)


def _follow(arguments: Sequence[str], mark: str, progress: Progress, through_slurm: bool) -> None:
    """Run Snakemake, telling its progress; end it with its jobs on Ctrl-C, and once those at work are lost.

    Its output goes through a file and not a pipe: an orphaned job would keep a pipe open.
    """
    LOGS.mkdir(exist_ok=True)
    log = LOGS / "snakemake.log"
    with log.open("wb") as sink, log.open(encoding="utf-8", errors="replace") as source:
        process = subprocess.Popen(
            _snakemake(arguments),
            cwd=ROOT,
            env=_environment(mark),
            stdout=sink,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        watch = slurm.Watch(progress) if through_slurm else None
        try:
            rest, ended = "", False
            while not ended:
                ended = process.poll() is not None
                *lines, rest = (rest + source.read()).split("\n")
                for line in lines:
                    progress.read(line)
                if watch and (lost := watch.look()):
                    progress.failed += lost
                    _stop(process, watch)
                elif not ended:
                    time.sleep(0.1)
        except KeyboardInterrupt:
            print("stopping; the same command goes on from here", flush=True)
            _stop(process, watch)
            raise
    if process.returncode or progress.failed:
        _explain(progress, log)


def _stop(process: subprocess.Popen[Any], watch: slurm.Watch | None) -> None:
    """End Snakemake, and cancel its jobs in Slurm; those of this machine end with the build."""
    process.send_signal(signal.SIGINT)  # it cancels its jobs, those too that it has not named yet
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
    if watch:
        watch.cancel()


def _read(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")


def _explain(progress: Progress, log: Path) -> None:
    """Show the last lines of what failed and raise `BuildError`."""
    for job in progress.failed:
        print(f"\n{job} failed. The last lines of {job.log.relative_to(ROOT)}:", flush=True)
        print(tail(_read(job.log)) if job.log.exists() else "  (no log)", flush=True)
    if not progress.failed:
        print(f"\nSnakemake stopped:\n{cause(_read(log))}\n  (all of it: {log.relative_to(ROOT)})")
    raise BuildError(
        f"not finished: {', '.join(map(str, progress.failed)) or 'Snakemake stopped'}. What is done is kept, "
        "the book is as it was; after the fix the same command goes on."
    )
