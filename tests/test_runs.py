import multiprocessing
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from tests.tiny import FIELDS, tiny
from vaelib import training
from vaelib.errors import DamagedError, InputError
from vaelib.files import sha256
from vaelib.profiles import load_profile
from vaelib.runs import RESULTS, RunStore, pick_device
from vaelib.spec import RunSpec


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = RunStore(tmp_path_factory.mktemp("store"))
    store.get(tiny(), progress=False)
    return store


def checksums(folder: Path) -> dict[str, str]:
    return {name: sha256(folder / name) for name in RESULTS}


def test_a_run_is_found_by_its_spec_and_read_whole(store):
    run = store.find(tiny())
    assert run.folder == store.folder / tiny().id
    assert RunSpec.from_json((run.folder / "spec.json").read_text()) == tiny()
    assert run.history["epoch"].tolist() == [1, 2, 3]
    assert len(run.metrics["kl_per_dim"]) == 10
    assert {"threads", "code", "data", "versions", "seconds_per_epoch", "peak_memory_mb"} <= set(
        run.provenance
    )
    assert not (run.folder / "checkpoint").exists()
    assert store.find(tiny(seed=1)) is None


def test_a_finished_run_is_looked_up_and_not_trained(store, monkeypatch):
    monkeypatch.setattr(training, "fit", None)
    before = checksums(store.folder / tiny().id)
    assert checksums(store.get(tiny()).folder) == before


def test_equal_specs_give_equal_bytes_in_another_store(store, tmp_path):
    again = RunStore(tmp_path).get(tiny(), progress=False)
    assert checksums(again.folder) == checksums(store.folder / tiny().id)


def test_the_stored_network_is_the_one_measured(store):
    from vaelib.data import load_split
    from vaelib.evaluation import evaluate

    run = store.find(tiny())
    assert not run.model.training
    assert evaluate(run.model, run.spec, load_split(run.spec, "test")) == run.metrics


LEFT_OUT = ("spec.json", "missing")
"""A folder without a specification is no run, and no row of the table."""


@pytest.mark.parametrize("name", RESULTS)
@pytest.mark.parametrize("damage", ["truncated", "edited", "missing"])
def test_damage_is_detected_and_named(name, damage, tmp_path):
    store = RunStore(tmp_path)
    path = store.get(tiny(epochs=1), progress=False).folder / name
    data = path.read_bytes()
    path.unlink()
    if damage == "truncated":
        path.write_bytes(data[:-1])
    elif damage == "edited":
        path.write_bytes(data[:-3] + bytes([data[-3] ^ 1]) + data[-2:])
    with pytest.raises(DamagedError, match=rf"{name}.*Remove the folder"):
        store.get(tiny(epochs=1))
    told = [row["status"] for row in store.table().to_dict("records")]
    assert told == ([] if (name, damage) == LEFT_OUT else ["damaged"])


def test_the_table_tells_how_far_each_run_is(store, tmp_path, monkeypatch):
    unfinished = RunStore(tmp_path)
    fit = training.fit

    def stop_after_first_epoch(spec, train, val, folder, device, progress):
        fit(tiny(epochs=1), train, val, folder, device, progress)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "fit", stop_after_first_epoch)
    with pytest.raises(KeyboardInterrupt):
        unfinished.get(tiny())
    assert unfinished.table()["status"].tolist() == ["epoch 1/3"]
    assert store.table()["status"].tolist() == ["done"]
    assert store.table()["neg_elbo"].iloc[0] > 0


def test_a_store_that_cannot_be_written_is_refused_before_work(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        RunStore(tmp_path / "file").get(tiny())


def test_a_spec_of_another_training_version_is_refused(tmp_path):
    with pytest.raises(InputError, match="training_version 99 cannot be trained"):
        RunStore(tmp_path).get(tiny(training_version=99))
    assert not list(tmp_path.glob("*-*"))


def _get(folder: str) -> float:
    """Get the tiny run in a process of its own; return the time its result was written."""
    torch.set_num_threads(1)
    return (RunStore(folder).get(tiny(), progress=False).folder / "done.json").stat().st_mtime_ns


def test_two_processes_that_start_the_same_run_train_it_once(tmp_path):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        first, second = pool.map(_get, [str(tmp_path)] * 2)
    assert first == second


def test_kill_at_any_moment_and_the_same_command_goes_on_to_the_same_bytes(tmp_path):
    fields = FIELDS | {"n_train": 480, "epochs": 12}
    options = [word for k, v in fields.items() for word in (f"--{k.replace('_', '-')}", str(v))]
    command = [sys.executable, "-m", "vaelib.cli", "train", "--store", str(tmp_path / "killed"), *options]
    spec = load_profile("quick").run(**fields)
    folder = tmp_path / "killed" / spec.id
    for wanted in (0, 1, 3):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while training.last_epoch(folder / "checkpoint") < wanted or not (folder / "spec.json").exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not (folder / "done.json").exists()
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    assert finished.stdout.strip().splitlines()[-1] == str(folder)
    whole = RunStore(tmp_path / "whole").get(spec, progress=False)
    assert checksums(folder) == checksums(whole.folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [*RESULTS, "done.json", "provenance.json"]
    )


def test_runs_by_setting_keep_seeds_together(tmp_path):
    specs = [tiny(epochs=1, beta=beta, seed=seed) for beta in (1, 4) for seed in (0, 1)]
    runs = RunStore(tmp_path).by_setting(specs)
    assert {key: [run.spec.seed for run in same] for key, same in runs.items()} == {
        ("article", 1.0): [0, 1],
        ("article", 4.0): [0, 1],
    }


def test_an_unknown_device_is_refused():
    with pytest.raises(InputError, match="device 'gpu' is unknown; accepted: auto"):
        pick_device("gpu")
    assert pick_device("cpu") == torch.device("cpu")
