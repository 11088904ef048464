import math
from pathlib import Path

import pytest
import torch

from tests.tiny import tiny
from vaelib.errors import DivergedError, InputError
from vaelib.files import sha256
from vaelib.spec import RunSpec
from vaelib.training import loop as training
from vaelib.training import store as runs
from vaelib.training.run import RESULTS
from vaelib.training.store import RunStore, pick_device


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
    from vaelib.data.dataset import load_split
    from vaelib.models.inference import evaluate

    run = store.find(tiny())
    assert not run.model.training
    assert evaluate(run.model, run.spec, load_split(run.spec, "test")) == run.metrics


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


def test_a_network_that_measures_infinite_on_the_test_images_is_no_result(tmp_path, monkeypatch):
    evaluate = runs.evaluate

    def infinite(*given) -> dict:
        metrics = evaluate(*given)
        metrics["test"]["rotated"]["kl"] = math.inf
        return metrics

    monkeypatch.setattr(runs, "evaluate", infinite)
    for _ in range(2):
        said = r"kl of the test images \(rotated\) is inf after .* epoch 3 .*checkpoint of epoch 3 is kept"
        with pytest.raises(DivergedError, match=said):
            RunStore(tmp_path).get(tiny(), progress=False)
    assert sorted(path.name for path in (tmp_path / tiny().id).iterdir()) == ["checkpoint", "spec.json"]


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
