"""Honest timing: contestants in processes of their own take turns, window by window.

A machine's speed drifts by tens of percent within minutes. Contestants that alternate see the same drift,
so ratios of medians mean something where absolute numbers do not. A process each, because the C library's
settings and the number of threads belong to a process.
"""

import multiprocessing
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection

from vaelib.training.memory import keep_large_blocks

WARM_UPS = 2


@dataclass(frozen=True)
class Contestant:
    """Something to time: `prepare(*arguments)` returns a function that does work and says how much.

    `prepare` has to be importable, as it runs in a process of its own. Work is in units of the contestant's
    choice: images, floating-point operations.
    """

    prepare: Callable[..., Callable[[], float]]
    arguments: tuple = ()
    threads: int = 1
    keep_blocks: bool = False


def interleaved(
    contestants: Mapping[str, Contestant], windows: int, seconds: float
) -> dict[str, list[float]]:
    """Return each contestant's rates, work a second, over `windows` windows of about `seconds` seconds."""
    with ExitStack() as stack:
        runners = {name: stack.enter_context(_Runner(c)) for name, c in contestants.items()}
        rates: dict[str, list[float]] = {name: [] for name in runners}
        for _ in range(windows):
            for name, runner in runners.items():
                runner.start(seconds)
                rates[name].append(runner.rate())
        return rates


def side_by_side(contestant: Contestant, copies: int, windows: int, seconds: float) -> tuple[list, list]:
    """Return the rates of one process alone, and the summed rates of `copies` at once, taking turns."""
    with ExitStack() as stack:
        runners = [stack.enter_context(_Runner(contestant)) for _ in range(copies)]
        alone, together = [], []
        for _ in range(windows):
            runners[0].start(seconds)
            alone.append(runners[0].rate())
            for runner in runners:
                runner.start(seconds)
            together.append(sum(runner.rate() for runner in runners))
        return alone, together


def ratio(of: Sequence[float], to: Sequence[float]) -> dict[str, float]:
    """Return the median of the rates' ratios, window by window, with their least and largest value."""
    ratios = [a / b for a, b in zip(of, to, strict=True)]
    return {"value": statistics.median(ratios), "low": min(ratios), "high": max(ratios)}


class _Runner:
    """A process that works when told to."""

    def __init__(self, contestant: Contestant):
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_work, args=(other, contestant), daemon=True)
        self.process.start()
        other.close()

    def __enter__(self) -> "_Runner":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.join()

    def start(self, seconds: float) -> None:
        self.pipe.send(seconds)

    def rate(self) -> float:
        return self.pipe.recv()


def _work(pipe: Connection, contestant: Contestant) -> None:
    import torch

    torch.set_num_threads(contestant.threads)
    if contestant.keep_blocks:
        keep_large_blocks()
    step = contestant.prepare(*contestant.arguments)
    for _ in range(WARM_UPS):
        step()
    while True:
        seconds = pipe.recv()
        work, begun = 0.0, time.perf_counter()
        while time.perf_counter() - begun < seconds:
            work += step()
        pipe.send(work / (time.perf_counter() - begun))
