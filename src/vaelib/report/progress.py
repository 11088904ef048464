"""What Snakemake says, in the words of a reader of the report: jobs, reasons, progress."""

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vaelib.profiles import ROOT

LOGS = ROOT / "logs"


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


def planned(dry_run: str) -> list[tuple[Job, str]]:
    """Return the jobs that the output of a dry run announces, and why each has to be done."""
    found = re.findall(r"^Job \d+: (\S+) (\S+)\nReason: (.*)$", dry_run, re.MULTILINE)
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
    """What Snakemake says line by line, in plain words."""

    jobs: Sequence[Job]
    begun: float = field(default_factory=time.monotonic)
    at_work: dict[str, tuple[Job, float]] = field(default_factory=dict)
    queued: dict[str, str] = field(default_factory=dict)  # Slurm's number of a job, by Snakemake's
    side_by_side: int = 1  # the most jobs that were at work at once
    took: list[tuple[Job, float]] = field(default_factory=list)
    failed: list[Job] = field(default_factory=list)
    in_error: bool = False

    def read(self, line: str) -> None:
        """Print what a line of Snakemake's output means, if it means anything to the reader."""
        now = time.monotonic()
        if match := re.match(r"Job (\d+): (\S+) (\S+)$", line):
            job = Job(match[2], match[3])
            self.at_work[match[1]] = (job, now)
            self.side_by_side = max(self.side_by_side, len(self.at_work))
            print(f"{'':>9} begin {job}", flush=True)
        elif match := re.match(r"Job (\d+) has been submitted with SLURM jobid (\w+)", line):
            self.queued[match[1]] = match[2]
        elif (match := re.match(r"Finished jobid: (\d+)", line)) and match[1] in self.at_work:
            job, start = self.at_work.pop(match[1])
            self.took.append((job, now - start))
            print(
                f"{len(self.took):>4}/{len(self.jobs):<4} done  {job} in {clock(now - start)}, "
                f"{clock(now - self.begun)} since the start{self._ahead(job.rule, now)}",
                flush=True,
            )
        elif line.startswith("Error in rule"):
            self.in_error = True
        elif self.in_error and (match := re.match(r"\s+jobid: (\d+)", line)):
            self.in_error = False
            job, _ = self.at_work.pop(match[1])
            self.failed.append(job)
            print(f"{'':>9} FAILED {job}", flush=True)

    def _ahead(self, rule: str, now: float) -> str:
        """Return a line on what is ahead of a rule that has a job done, as if the rest took the mean time."""
        took = [seconds for job, seconds in self.took if job.rule == rule]
        running = [now - start for job, start in self.at_work.values() if job.rule == rule]
        failed = sum(job.rule == rule for job in self.failed)
        to_come = sum(job.rule == rule for job in self.jobs) - len(took) - len(running) - failed
        if not running and not to_come:
            return ""
        mean = sum(took) / len(took)
        work = to_come * mean + sum(max(mean - seconds, 0) for seconds in running)
        return (
            f"\n{'':>9} {rule}: {len(took)} done, {len(running)} at work, {to_come} to come, "
            f"about {clock(work / self.side_by_side)} left"
        )


def clock(seconds: float) -> str:
    """Return seconds as minutes and seconds, with the hours before them if there are any.

    >>> clock(75.2), clock(7275.2)
    ('1:15', '2:01:15')
    """
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"


def tail(text: str, lines: int = 20) -> str:
    """Return the last lines of a text, indented."""
    return _indented(_plain(text)[-lines:])


def cause(text: str, lines: int = 8) -> str:
    """Return why Snakemake stopped, indented: what it printed from the first error on.

    >>> cause("Building DAG of jobs...\\nTraceback:\\n  File x\\nKeyError: 'beta'")
    "  KeyError: 'beta'"
    """
    said = [line for line in _plain(text) if line.strip()]
    errors = [k for k, line in enumerate(said) if re.match(r"\w*(Error|Exception)\b", line)]
    return _indented(said[errors[0] :][:lines] if errors else said[-lines:])


def _plain(text: str) -> list[str]:
    """Return the lines of a log, which holds the colours of a terminal."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text).rstrip().splitlines()


def _indented(lines: Sequence[str]) -> str:
    return "\n".join(f"  {line}" for line in lines)
