"""Kills, full disks, damage, company and clocks: what is finished stays, and what goes on ends the same."""

import ast
import errno
import functools
import itertools
import os
import random
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests import victim
from tests.tiny import tiny
from vaelib.cli import main
from vaelib.data import dataset as data
from vaelib.data import mnist
from vaelib.profiles import ROOT
from vaelib.training import checkpoint
from vaelib.training import loop as training
from vaelib.training.run import RESULTS
from vaelib.training.store import RunStore

SPEC = tiny(schedule="cosine", image_size=8, n_train=24, n_test=2)
FILES = sorted([*RESULTS, "provenance.json", "done.json"])
KILLS = 24
LOAD_SPLIT = functools.cache(data.load_split)


def contents(run: Path) -> dict[str, bytes]:
    return {name: (run / name).read_bytes() for name in RESULTS}


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, bytes]:
    """The results of a run that nothing befell."""
    store = tmp_path_factory.mktemp("whole")
    victim.start(victim.train, store, SPEC).join()
    return contents(store / SPEC.id)


@pytest.fixture(autouse=True)
def images_made_once(monkeypatch):
    """In this process; the victims make their own."""
    monkeypatch.setattr(data, "load_split", LOAD_SPLIT)


def assert_finished(store: Path, whole: dict[str, bytes]) -> None:
    """The run is there, equal to the byte, and nothing else is in its folder."""
    folder = RunStore(store).find(SPEC).folder
    assert contents(folder) == whole
    assert sorted(path.name for path in folder.iterdir()) == FILES


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 300  # busy machines take a minute to import torch
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def test_killed_at_random_moments_a_run_ends_in_the_same_bytes(whole, tmp_path):
    chance, kills = random.Random(0), 0
    begun = time.monotonic()
    victim.start(victim.train, tmp_path / "timed", SPEC).join()
    life = time.monotonic() - begun
    for n in itertools.count():
        code = None
        while code != 0:
            process = victim.start(victim.train, tmp_path / str(n), SPEC)
            process.join(chance.uniform(0, life))
            process.kill()
            process.join()
            code = process.exitcode
            assert code in (0, -signal.SIGKILL)
            kills += code != 0
        assert_finished(tmp_path / str(n), whole)
        if kills >= KILLS:
            break


def test_killed_before_any_rename_or_removal_a_run_ends_in_the_same_bytes(whole, tmp_path):
    """Every rename, with the file behind it half written, and every removal, the last clearing included."""
    for at in itertools.count(1):
        process = victim.start(victim.train_and_die, tmp_path / str(at), SPEC, at)
        process.join()
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        victim.train(tmp_path / str(at), SPEC)
        assert_finished(tmp_path / str(at), whole)
    assert at > 1 + 2 * SPEC.epochs + len(FILES)


def test_the_command_killed_on_its_way_goes_on_to_the_same_bytes(whole, tmp_path):
    (tmp_path / "spec.json").write_text(SPEC.to_json())
    store = tmp_path / "store"
    command = [sys.executable, "-m", "vaelib.cli", "train", "--spec", str(tmp_path / "spec.json")]
    command += ["--store", str(store), "--device", "cpu"]
    moments = (lambda: time.sleep(0.5) or True, store.exists, (store / SPEC.id / "checkpoint").exists)
    for moment in moments:  # the first is among the imports
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(moment)
        process.kill()
        process.wait()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == str(store / SPEC.id)
    assert_finished(store, whole)


def test_killed_while_it_fetches_the_next_fetch_gets_whole_files(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv(mnist.FOLDER_VARIABLE, raising=False)
    for at in (1, 2):
        process = victim.start(victim.fetch_and_die, tmp_path, at)
        process.join()
        assert process.exitcode == -signal.SIGKILL
        whole = [path for path in mnist.cache_folder().iterdir() if path.suffix != ".part"]
        assert [path.read_bytes() for path in whole] == [victim.GOODS[path.name] for path in whole]
        assert len(whole) == at - 1
    with victim.shop():
        assert mnist._obtain(victim.GOODS, None) == victim.GOODS


def test_a_full_disk_is_one_line_that_names_the_file_and_the_next_start_finishes(
    whole, tmp_path, monkeypatch
):
    """The disk is full at each file in turn, once in a store of its own."""
    (tmp_path / "spec.json").write_text(SPEC.to_json())
    flush = os.fsync

    def train(n: int, full_at: int | None):
        files = itertools.count(1)

        def fsync(opened: int) -> None:
            if stat.S_ISREG(os.fstat(opened).st_mode) and next(files) == full_at:
                os.ftruncate(opened, os.fstat(opened).st_size // 2)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            flush(opened)

        monkeypatch.setattr(os, "fsync", fsync)
        words = ["train", "--spec", str(tmp_path / "spec.json"), "--store", str(tmp_path / str(n))]
        return CliRunner().invoke(main, [*words, "--device", "cpu"])

    for n in itertools.count(1):
        first = train(n, full_at=n)
        if first.exit_code == 0:
            break
        assert first.exit_code == 2
        last = first.stderr.splitlines()[-1]
        assert re.fullmatch(
            rf"Error: {tmp_path}/{n}/{SPEC.id}/\S+ cannot be used: No space left on device; free room .*",
            last,
        )
        assert not list((tmp_path / str(n)).rglob("*.part"))
        assert train(n, full_at=None).exit_code == 0
        assert_finished(tmp_path / str(n), whole)
    assert n == 1 + 2 * SPEC.epochs + len(FILES) + 1


@pytest.mark.parametrize("first_is_killed", [False, True])
def test_two_that_start_the_same_run_train_it_once_and_one_takes_over_for_a_killed_one(
    whole, tmp_path, first_is_killed
):
    first = victim.start(victim.train_and_pause, tmp_path, SPEC, 4)
    wait_until((tmp_path / "paused").exists)
    second = victim.start(victim.train_and_tell, tmp_path, SPEC, first_is_killed)
    said = tmp_path / "said"
    wait_until(lambda: said.exists() and "is being trained by another process; waiting" in said.read_text())
    if first_is_killed:
        first.kill()
    else:
        (tmp_path / "go").touch()
    for process in (first, second):
        process.join()
    assert [first.exitcode, second.exitcode] == [-signal.SIGKILL if first_is_killed else 0, 0]
    assert_finished(tmp_path, whole)


def test_a_clock_that_jumps_changes_nothing(whole, tmp_path, monkeypatch):
    clock, save = random.Random(0), training.save_checkpoint

    def save_and_stop(state: checkpoint.State, folder: Path) -> None:
        save(state, folder)
        for path in tmp_path.rglob("*"):
            os.utime(path, (clock.uniform(0, 4e9),) * 2)
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "time", lambda: clock.uniform(0, 4e9))
    with monkeypatch.context() as patch:
        patch.setattr(training, "save_checkpoint", save_and_stop)
        for epoch in range(1, SPEC.epochs + 1):
            with pytest.raises(KeyboardInterrupt):
                victim.train(tmp_path, SPEC)
            assert checkpoint.last_epoch(tmp_path / SPEC.id / "checkpoint") == epoch
    victim.train(tmp_path, SPEC)
    assert_finished(tmp_path, whole)


def test_the_page_about_faults_names_tests_that_exist_and_all_that_are_here():
    def tests(*names: str) -> set[str]:
        trees = [ast.parse((ROOT / "tests" / name).read_text()) for name in names]
        return {node.name for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)}

    named = set(re.findall(r"`(test_\w+)`", (ROOT / "book" / "faults.md").read_text()))
    assert named <= tests(*(path.name for path in (ROOT / "tests").glob("test_*.py")))
    here = {name for name in tests("test_durability.py", "test_damage.py") if name.startswith("test_")}
    assert here - named == {"test_the_page_about_faults_names_tests_that_exist_and_all_that_are_here"}
