"""What a Slurm cluster answers: the command that knows of its jobs, and a watch over those not heard of."""

import importlib.util
import os
import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from vaelib.errors import InputError
from vaelib.report.progress import Job, Progress, clock

PLUGIN = "snakemake-executor-plugin-slurm"
LONGEST_SILENCE = 240
"""Seconds between two questions of Snakemake's plugin about its jobs: at most 180, and 60 for the answer."""

LOST_AFTER = 300
"""Seconds after which a job that Slurm holds for ended, or knows nothing of, counts as lost."""

LOOK_EVERY = 60
ALIVE = {"PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT"}
ALIVE |= {"REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "RESIZING", "SPECIAL_EXIT", "RESV_DEL_HOLD"}
COMMON = {"None", "Priority", "Resources"}
"""Reasons to wait that say no more than that others are before it."""


def status_command() -> str:
    """Return the command that says how jobs ended, `squeue` or `sacct`, by what the cluster answers.

    `squeue` where ended jobs are kept (`MinJobAge`) for longer than they may go unasked for, as by default;
    `sacct` where the cluster forgets them sooner and has accounting storage. `squeue` comes first because the
    plugin, from 2.5 to 2.8 at least, takes sacct's `CANCELLED by 0` for a job at work. Raises `InputError`
    where no Slurm answers, the plugin is not installed, or neither command would learn of every end.
    """
    if importlib.util.find_spec(PLUGIN.replace("-", "_")) is None:
        raise InputError(f'{PLUGIN} is not installed; pip install "{PLUGIN}>=2,<3" in this environment.')
    said, problem = _answer("scontrol", "show", "config")
    settings = dict(re.findall(r"^(\w+)\s*= (.*?)\s*$", said, re.MULTILINE))
    if problem or "MinJobAge" not in settings:
        problem = problem or "scontrol show config names no MinJobAge"
        raise InputError(f"no Slurm answers here: {problem}; try scontrol ping, or leave out --cluster.")
    kept = int(re.sub(r"\D.*", "", settings["MinJobAge"]) or 0)
    if kept >= LONGEST_SILENCE:
        return "squeue"
    storage = settings.get("AccountingStorageType", "accounting_storage/none")
    if storage.endswith("/none"):
        problem = f"its AccountingStorageType is {storage}"
    else:
        _, problem = _answer("sacct", "--noheader", "--allocations")
        if not problem:
            return "sacct"
    raise InputError(
        f"this Slurm forgets ended jobs after {kept} s (MinJobAge) and keeps no accounts ({problem}), "
        f"so the end of a job could go unheard of; accepted: MinJobAge of {LONGEST_SILENCE} or more, or "
        "accounting storage that answers sacct."
    )


def _answer(*command: str) -> tuple[str, str]:
    """Return what a command of Slurm prints, and what is wrong: empty where it went well."""
    try:
        done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", timeout=60)
    except FileNotFoundError:
        return "", f"there is no command {command[0]}"
    except subprocess.TimeoutExpired:
        return "", f"{command[0]} gives no answer within a minute"
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return "", lines[-1] if lines else f"{command[0]} ends with exit code {done.returncode}"
    return done.stdout, ""


@dataclass
class Watch:
    """Asks Slurm itself about the jobs that Snakemake holds for being at work, once a minute."""

    progress: Progress
    looked: float = field(default_factory=time.monotonic)
    answered: bool = True
    waits: dict[str, str] = field(default_factory=dict)  # why a job waits, as last said, by its Slurm id
    gone: dict[str, float] = field(default_factory=dict)  # since when Slurm holds a job for ended, by its id
    named: set[str] = field(default_factory=set)  # the lost jobs that were named

    def look(self) -> list[Job]:
        """Print what the reader should know of jobs in the queue; return the lost ones once no other works.

        A job is lost when Slurm has held it for ended, or has known nothing of it, for `LOST_AFTER` seconds
        and Snakemake has not heard.
        """
        now, numbers = time.monotonic(), self.progress.queued
        if now - self.looked < LOOK_EVERY:
            return []
        self.looked = now
        at_work = [(numbers.get(at), job) for at, (job, _) in self.progress.at_work.items()]
        if not any(number for number, _ in at_work):
            return []
        said, problem = _answer("squeue", "-h", "-t", "all", "-u", str(os.getuid()), "-o", "%i|%T|%r")
        if bool(problem) == self.answered:
            self.answered = not problem
            _tell(f"Slurm does not answer: {problem}" if problem else "Slurm answers again")
        if problem:
            return []
        found = dict(line.split("|", 1) for line in said.splitlines() if "|" in line)
        lost = [job for number, job in at_work if number and self._is_lost(number, job, found, now)]
        return lost if len(lost) == len(at_work) else []

    def cancel(self) -> None:
        """Cancel the jobs at work; Snakemake does so too, unless it was killed or had no time to."""
        numbers = [number for at, number in self.progress.queued.items() if at in self.progress.at_work]
        if numbers:
            _answer("scancel", *numbers)

    def _is_lost(self, number: str, job: Job, found: Mapping[str, str], now: float) -> bool:
        state, _, reason = found.get(number, "UNKNOWN|").partition("|")
        if state in ALIVE:
            self.gone.pop(number, None)
            why = reason if state == "PENDING" and reason not in COMMON else ""
            if why != self.waits.get(number, ""):
                self.waits[number] = why
                _tell(f"waits {job}: Slurm job {number}, {why}" if why else f"waits no more {job}")
            return False
        seconds = now - self.gone.setdefault(number, now)
        if seconds >= LOST_AFTER and number not in self.named:
            self.named.add(number)
            lost = f"{job}: Slurm job {number} has been {state.lower()} for {clock(seconds)}"
            _tell(f"LOST {lost}, and Snakemake has not heard of it")
        return seconds >= LOST_AFTER


def _tell(news: str) -> None:
    print(f"{'':>9} {news}", flush=True)
