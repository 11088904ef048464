"""One Snakemake run at a time, told in plain words, ended without leftovers, gone on with after a kill."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from vaelib.errors import BuildError, InputError
from vaelib.files import write_json
from vaelib.profiles import ROOT

LOGS = ROOT / "logs"
STATE = ROOT / ".snakemake"
MARK = "VAELIB_BUILD"
"""Environment variable that all processes of a build inherit; it tells a dead build's orphans from others."""

TRIGGERS = ("mtime", "params")
"""No `code`, no `input`: the recipes (params) say it all. Times count only where contents differ, too."""


@dataclass(frozen=True)
class Job:
    """A job of the workflow, named as in its log's path: `logs/<rule>/<name>.log`."""

    rule: str
    name: str

    @property
    def log(self) -> Path:
        return LOGS / self.rule / f"{self.name}.log"

    def __str__(self) -> str:
        return f"{self.rule} {self.name}"


def run(arguments: Sequence[str]) -> int:
    """Bring Snakemake's targets up to date and return how many jobs that took.

    `arguments` are Snakemake's own: targets first, then options. A driver that was killed before has its
    orphans ended and its lock cleared. Raises `InputError` when another build is at work, `BuildError` when
    a job fails (the others are finished first).
    """
    with _alone() as mark:
        planned = _plan(arguments, mark)
        if planned:
            print(f"{len(planned)} jobs to do:", flush=True)
            for job, why in planned:
                print(f"  {job!s:<45} {why}", flush=True)
            _follow(arguments, mark, Progress(len(planned)))
        return len(planned)


@contextlib.contextmanager
def _alone() -> Iterator[str]:
    """Hold the build lock, clear what a killed build left, and give the mark of this build's processes."""
    STATE.mkdir(exist_ok=True)
    record = STATE / "vaelib.json"
    try:
        held = FileLock(STATE / "vaelib.lock").acquire(timeout=0)
    except Timeout as error:
        raise InputError(f"another build is at work in {ROOT}; wait for it or stop it.") from error
    with held:
        if record.exists():
            ended = end_processes(json.loads(record.read_text())["mark"])
            print(f"Going on with a build that was cut short{f' ({ended} orphans ended)' if ended else ''}.")
        mark = uuid.uuid4().hex
        write_json(record, {"mark": mark})
        with _signals_interrupt():
            try:
                yield mark
            finally:
                end_processes(mark)
                record.unlink()


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


def _plan(arguments: Sequence[str], mark: str) -> list[tuple[Job, str]]:
    """Return the jobs that Snakemake would run, and why, from a dry run."""
    dry = subprocess.run(
        _snakemake([*arguments, "--dry-run"]),
        cwd=ROOT,
        env=os.environ | {MARK: mark},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if dry.returncode:
        raise BuildError(f"Snakemake cannot plan the work:\n{_tail(dry.stdout)}")
    found = re.findall(r"^Job \d+: (\S+) (\S+)\nReason: (.*)$", dry.stdout, re.MULTILINE)
    return [(Job(rule, name), in_words(reason)) for rule, name, reason in found]


def in_words(reason: str) -> str:
    """Return Snakemake's reason for a job as a reader of the report would put it."""
    words = []
    if "Missing output files" in reason:
        outputs = reason.split("Missing output files: ")[1].split(";")[0].split(", ")
        only_marks = all(
            path.startswith(("_build/report/made/page", "_build/report/made/book")) for path in outputs
        )
        return "did not finish last time" if only_marks else "is not there yet"
    if reason.startswith("Forced execution"):  # of --rerun-incomplete
        return "was cut short"
    if match := re.search(r"Params have changed.*before: '(\{.*\})' now: '(\{.*\})'", reason):
        before, now = (json.loads(text) for text in match.groups())
        changed = sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
        words.append(f"changed: {', '.join(changed)}")
    if match := re.search(r"Updated input files: ([^;]*)", reason):
        words.append(f"newer: {match[1]}")
    if "Input files updated by another job" in reason:
        words.append("what it reads is made anew")
    return "; ".join(words) or reason


@dataclass
class Progress:
    """What Snakemake says line by line, told in plain words."""

    total: int
    done: int = 0
    begun: float = field(default_factory=time.monotonic)
    at_work: dict[str, tuple[Job, float]] = field(default_factory=dict)
    failed: list[Job] = field(default_factory=list)
    in_error: bool = False

    def read(self, line: str) -> None:
        """Print what a line of Snakemake's output means, if it means anything to the reader."""
        now = time.monotonic()
        if match := re.match(r"Job (\d+): (\S+) (\S+)$", line):
            job = Job(match[2], match[3])
            self.at_work[match[1]] = (job, now)
            print(f"{'':>9} begin {job}", flush=True)
        elif (match := re.match(r"Finished jobid: (\d+)", line)) and match[1] in self.at_work:
            job, start = self.at_work.pop(match[1])
            self.done += 1
            print(
                f"{self.done:>4}/{self.total:<4} done  {job} in {clock(now - start)}, "
                f"{clock(now - self.begun)} since the start",
                flush=True,
            )
        elif line.startswith("Error in rule"):
            self.in_error = True
        elif self.in_error and (match := re.match(r"\s+jobid: (\d+)", line)):
            self.in_error = False
            job, _ = self.at_work.pop(match[1])
            self.failed.append(job)
            print(f"{'':>9} FAILED {job}", flush=True)


def clock(seconds: float) -> str:
    """Return seconds as minutes and seconds.

    >>> clock(75.2)
    '1:15'
    """
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _follow(arguments: Sequence[str], mark: str, progress: Progress) -> None:
    """Run Snakemake, telling its progress; on Ctrl-C, end it with all its jobs.

    Its output goes through a file and not a pipe: an orphaned job would keep a pipe open.
    """
    LOGS.mkdir(exist_ok=True)
    log = LOGS / "snakemake.log"
    with log.open("w") as sink, log.open() as source:
        process = subprocess.Popen(
            _snakemake(arguments),
            cwd=ROOT,
            env=os.environ | {MARK: mark},
            stdout=sink,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            rest, ended = "", False
            while not ended:
                ended = process.poll() is not None
                *lines, rest = (rest + source.read()).split("\n")
                for line in lines:
                    progress.read(line)
                if not ended:
                    time.sleep(0.1)
        except KeyboardInterrupt:
            # Snakemake gets a moment to cancel jobs that wait in a batch system; local ones end with it.
            print("stopping; the same command goes on from here", flush=True)
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)
            raise
    if process.returncode:
        _explain(progress, log)


def _explain(progress: Progress, log: Path) -> None:
    """Show the last lines of what failed and raise `BuildError`."""
    for job in progress.failed:
        print(f"\n{job} failed. The last lines of {job.log.relative_to(ROOT)}:", flush=True)
        print(_tail(job.log.read_text(errors="replace")) if job.log.exists() else "  (no log)", flush=True)
    if not progress.failed:
        print(f"\nSnakemake stopped. The last lines of {log.relative_to(ROOT)}:\n{_tail(log.read_text())}")
    raise BuildError(
        f"not finished: {', '.join(map(str, progress.failed)) or 'Snakemake stopped'}. What is done is kept, "
        "the book is as it was; after the fix the same command goes on."
    )


def _tail(text: str, lines: int = 20) -> str:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)  # logs hold the colours of a terminal
    return "\n".join(f"  {line}" for line in plain.rstrip().splitlines()[-lines:])
