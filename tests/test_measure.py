import json
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch

from tests.scored import BASELINE_GROUPS, SMALL, TRAINED, small_scoring
from tests.tiny import tiny
from vaelib.data.dataset import load_split
from vaelib.errors import InputError
from vaelib.metrics.udr import udr
from vaelib.models.inference import Codes, encode
from vaelib.scores import measure as scoring
from vaelib.scores.baselines import Encoder
from vaelib.scores.registry import GROUPS, measure
from vaelib.scores.representation import Representation, ScoringConfig
from vaelib.training.store import RunStore

SPEC = tiny(**TRAINED)
NAMES = [name for group in GROUPS.values() for name in group.names]
COUNTED = {
    "kl",
    "kl_per_dim",
    "kl_above",
    "variance_per_dim",
    "variance_above",
    "active_variance",
    "active_kl",
}
M = 8


@pytest.fixture(scope="module", autouse=True)
def small():
    with small_scoring():
        yield


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = RunStore(tmp_path_factory.mktemp("store"))
    for seed in (0, 1):
        store.get(tiny(**TRAINED, seed=seed), progress=False)
    return store


@pytest.fixture(scope="module")
def test_dataset():
    return load_split(SPEC, "test")


def scored(run, store):
    return scoring.score(run, store.folder, SMALL, progress=False)


def spread(mu: np.ndarray) -> Codes:
    """Return the codes of normal posteriors with log variance −2 about mu."""
    z = mu + np.exp(-1) * np.random.default_rng(0).standard_normal(mu.shape)
    return Codes(mu.astype(np.float32), z, 0.5 * (mu**2 + np.exp(-2) + 1), mu.shape[1])


def shown_as(test, crossed, turned, store) -> Representation:
    """Return the representation of a code given for the test images, the factorial set and the sweep."""
    known = {len(codes): codes for codes in (test[1], crossed, turned)}

    def look_up(images: torch.Tensor) -> Codes:
        return spread(known[len(images)])

    return Representation(Encoder("given code", look_up, None, None), SPEC, test[0], store, SMALL)


def factor_code(dataset, turn: np.ndarray, store) -> Representation:
    """Return the code whose first latents are the factors, the others noise, with its axes turned."""
    rng = np.random.default_rng(0)
    blank = Representation(Encoder("none", None, None, None), SPEC, dataset, store, SMALL)
    crossed = blank.crossed.levels.astype(float)
    angles = np.tile(blank.sweep.angles, len(blank.sweep.index))
    digit = np.repeat(blank.sweep.digit, len(blank.sweep.angles))

    def filled(*columns: np.ndarray) -> np.ndarray:
        known = np.column_stack(columns).astype(float)
        code = np.hstack([known, rng.normal(size=(len(known), M - known.shape[1]))])
        return (code - code.mean(0)) / code.std(0) @ turn

    test = filled(dataset.factors["digit"], dataset.factors["angle"])
    return shown_as((dataset, test), filled(*crossed.T), filled(digit, angles), store)


ALIGNED = ["information", "separation", "forest", "lasso", "sampling", "rotation", "digit_swept", "haar"]


@pytest.fixture(scope="module")
def perfect(test_dataset, store):
    return measure(factor_code(test_dataset, np.eye(M), store.folder), ALIGNED, progress=False).scores


def test_a_code_of_the_factors_themselves_scores_1(perfect):
    for name in ("mig", "mig_angle", "mig_quantile", "mig_inner", "modularity", "dci_lasso_d", "sap_angle"):
        assert perfect[name] == pytest.approx(1, abs=0.05), name
    assert perfect["factor_vae"] == pytest.approx(1, abs=0.05)
    assert perfect["beta_vae"] == pytest.approx(1, abs=0.05)
    assert perfect["ris"] == pytest.approx(1)
    assert perfect["ris_dim"] == 2
    assert perfect["purity_best"] == pytest.approx(1)
    assert perfect["eta2_image"][0] == pytest.approx(1)
    assert np.argmax(np.array(perfect["dci_importance"])[:, 1]) == 1
    assert perfect["digit_swept_alone"] == pytest.approx(0.1, abs=0.1)


def test_its_axes_are_better_than_random_ones(perfect):
    for name in ("mig", "sap", "ris"):
        low, high = perfect[f"haar_{name}"]
        assert 0 <= low < high < perfect[name]
        assert perfect[f"haar_{name}_p"] == pytest.approx(1 / 21)


def test_axes_turned_at_random_are_not(test_dataset, store):
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(M, M)))[0]
    groups = ["information", "rotation", "haar"]
    turned = measure(factor_code(test_dataset, turn, store.folder), groups, progress=False).scores
    assert turned["mig"] < 0.3
    assert turned["ris"] < 0.9
    assert min(turned[f"haar_{name}_p"] for name in ("mig", "sap", "ris")) > 0.05


def test_a_code_that_says_nothing_has_no_score_of_0_or_1(test_dataset, store):
    def zeros(images):
        return Codes(*np.zeros((3, len(images), M), dtype=np.float32), M)

    silent = Encoder("silent", zeros, None, lambda n, seed: np.zeros((n, M)))
    found = measure(Representation(silent, SPEC, test_dataset, store.folder, SMALL), progress=False)
    assert list(found.scores) == NAMES
    assert {name for name, value in found.scores.items() if value is not None} == COUNTED
    assert found.scores["kl"] == found.scores["active_variance"] == found.scores["active_kl"] == 0
    assert "none of the 8 latents is active" in found.undefined["information"]
    assert "none of the 8 latents is active" in found.undefined["digit"]
    assert "no decoder" in found.undefined["reconstruction"]
    assert "no VAE" in found.undefined["bound"]


def test_a_point_has_an_infinite_rate_and_so_none(test_dataset, store):
    mu = np.random.default_rng(0).normal(size=(len(test_dataset), M)).astype(np.float32)
    point = Encoder("point", lambda images: Codes(mu, mu, np.full(mu.shape, np.inf), M), None, None)
    found = measure(
        Representation(point, SPEC, test_dataset, store.folder, SMALL), ["rate"], progress=False
    ).scores
    assert found["active_variance"] == M
    assert found["kl"] is found["active_kl"] is found["kl_above"] is None
    assert found["kl_per_dim"] == [None] * M


def test_scores_of_a_run_are_the_same_bytes_every_time_and_cached(store, tmp_path, monkeypatch):
    run = store.find(SPEC)
    found = scored(run, store)
    assert list(found) == NAMES
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["kl"] == pytest.approx(run.metrics["test"]["all"]["kl"], rel=1e-5)
    assert found["neg_elbo"] == pytest.approx(run.metrics["test"]["all"]["neg_elbo"], rel=1e-5)
    assert found["mse"] == pytest.approx(run.metrics["test"]["all"]["mse"], rel=1e-5)
    assert found["active_variance"] == run.metrics["active_units"]
    assert found["active_variance"] == 10
    assert found["bound_iwae"] <= found["bound_elbo"]
    assert sum(found["dci_importance"][j][1] for j in range(10)) in (pytest.approx(0), pytest.approx(1))
    assert found["frechet"] > 0 < found["frechet_floor"]
    first = (run.folder / "scores.json").read_bytes()
    seconds = json.loads((run.folder / "scores.seconds.json").read_text())
    assert list(seconds) == sorted(GROUPS)
    monkeypatch.setattr(scoring, "measure", None)
    assert scored(run, store) == found
    monkeypatch.undo()
    (run.folder / "scores.json").unlink()
    assert scored(run, store) == found
    assert (run.folder / "scores.json").read_bytes() == first
    assert store.find(SPEC).id == run.id


def test_the_rate_of_a_pose_is_that_of_its_own_posterior(store):
    run = store.get(tiny(objective="pose", init="he"), progress=False)
    found = scoring.score(run, store.folder, SMALL, progress=False, groups=["rate"])
    assert found["kl"] == pytest.approx(run.metrics["test"]["all"]["kl"], rel=1e-5)
    assert found["kl_per_dim"] == pytest.approx(run.metrics["kl_per_dim"], rel=1e-4, abs=1e-6)


def test_what_the_metric_refuses_is_undefined_with_its_reason(store):
    found = scoring.measured(store.find(SPEC), store.folder, SMALL, progress=False)
    assert found.scores["pairwise_information"] is None
    assert "120 images are too few" in found.undefined["pairwise"]
    assert list(found.undefined) == ["pairwise"]
    assert found.scores["gaussian_tc"] > 0


@pytest.fixture
def measurings(monkeypatch):
    """Count how often a run is measured, by a stand-in that takes no time."""
    calls = []

    def stand_in(representation, groups=tuple(GROUPS), progress=True):
        calls.append(list(groups))
        names = [name for group in groups for name in GROUPS[group].names]
        return scoring.Measured(dict.fromkeys(names) | {"mig": len(calls)}, {}, dict.fromkeys(groups, 0.0))

    monkeypatch.setattr(scoring, "measure", stand_in)
    return calls


def test_stale_and_damaged_scores_are_measured_anew(store, measurings, monkeypatch, caplog):
    run = store.find(tiny(**TRAINED, seed=1))
    path = run.folder / "scores.json"
    assert scored(run, store)["mig"] == scored(run, store)["mig"] == 1
    scoring.measured(run, store.folder, ScoringConfig(), progress=False)
    assert len(measurings) == 2
    assert scored(run, store)["mig"] == 3
    monkeypatch.setattr(type(run), "network", {"model.safetensors": "other weights"})
    assert scored(run, store)["mig"] == 4
    assert not caplog.records
    path.write_text(path.read_text().replace("4", "5", 1))
    assert scored(run, store)["mig"] == 5
    path.write_bytes(b"\xff")
    assert scored(run, store)["mig"] == 6
    assert [record.getMessage().count("is damaged") for record in caplog.records] == [1, 1]
    path.unlink()


def test_groups_are_measured_when_they_are_asked_for_and_end_in_the_same_bytes(store):
    run, groups = store.find(tiny(**TRAINED, seed=1)), ["information", "rate", "rotation"]
    path = run.folder / "scores.json"

    def ask(*names):
        return scoring.score(run, store.folder, SMALL, progress=False, groups=names)

    together = ask(*groups)
    assert list(together) == [name for group in groups for name in GROUPS[group].names]
    bytes_together = path.read_bytes()
    path.unlink()
    assert ask("rate") == {name: together[name] for name in GROUPS["rate"].names}
    assert ask("rotation") | ask("information") | ask("rate") == together
    assert path.read_bytes() == bytes_together
    seconds = json.loads((run.folder / "scores.seconds.json").read_text())
    assert sorted(seconds) == sorted(["codes", *groups])
    path.unlink()


def test_a_group_that_is_there_is_not_measured_again(store, measurings):
    run = store.find(tiny(**TRAINED, seed=1))
    for groups in (["rate"], ["rate"], ["rate", "haar"], ["haar"]):
        scoring.score(run, store.folder, SMALL, progress=False, groups=groups)
    assert measurings == [["codes", "rate"], ["codes", "haar"]]
    (run.folder / "scores.json").unlink()


def test_a_group_of_a_new_version_is_measured_again_and_no_other(store, measurings, monkeypatch):
    run = store.find(tiny(**TRAINED, seed=1))
    ask = partial(scoring.score, run, store.folder, SMALL, progress=False, groups=["rate", "names"])
    ask()
    monkeypatch.setitem(scoring.SCORES, "names", 99)
    ask()
    assert measurings == [["codes", "rate", "names"], ["codes", "names"]]
    beside = partial(scoring.baseline_scores, SPEC, store.folder, SMALL, ["pca"], progress=False)
    monkeypatch.setattr(scoring, "fit_baselines", lambda spec, store, names, progress: {names[0]: None})
    beside(groups=["rate"])
    beside(groups=["rate", "names"])
    monkeypatch.setitem(scoring.SCORES, "rate", 99)
    beside(groups=["rate", "names"])
    assert measurings[2:] == [["codes", "rate"], ["codes", "names"], ["codes", "rate"]]
    (run.folder / "scores.json").unlink()
    for path in store.folder.glob(".cache/scores-*.json"):
        path.unlink()


@pytest.fixture(scope="module")
def beside(store):
    return scoring.baseline_scores(SPEC, store.folder, SMALL, progress=False)


def test_baselines_are_measured_as_a_run_is(beside):
    assert list(beside) == ["pca", "ica", "untrained", "supervised"]
    measured_on = [name for group in BASELINE_GROUPS for name in GROUPS[group].names]
    for found in beside.values():
        assert list(found.scores) == measured_on
        assert found.scores["kl"] is None
        assert 0 <= found.scores["ris"] <= 1
    pca, upper_bound = beside["pca"].scores, beside["supervised"].scores
    assert pca["excess_bce"] > 0
    assert pca["gaussian_tc"] < 0.5
    assert upper_bound["excess_bce"] is upper_bound["frechet"] is upper_bound["names"] is None
    assert "no decoder" in beside["supervised"].undefined["generation"]


def test_the_baselines_are_cached_whatever_the_training_of_the_run(beside, store, monkeypatch):
    monkeypatch.setattr(scoring, "fit_baselines", None)
    other = tiny(**TRAINED | {"beta": 16, "seed": 3})
    assert scoring.baseline_scores(other, store.folder, SMALL, progress=False) == beside
    with pytest.raises(TypeError):
        scoring.baseline_scores(tiny(**TRAINED, data_seed=1), store.folder, SMALL, ["pca"], progress=False)


def test_a_run_beside_its_baselines(beside, store):
    run = store.find(SPEC)
    table = scoring.comparison(run, store.folder, SMALL)
    assert list(table) == ["run", "PCA-10", "ICA-10", "untrained", "supervised", "random axes 95 %"]
    assert table.loc["mig", "run"] == scored(run, store)["mig"]
    assert table.loc["mig", "PCA-10"] == beside["pca"].scores["mig"]
    assert table.loc["ris", "random axes 95 %"] == scored(run, store)["haar_ris"]
    assert table.loc["dci_d", ["PCA-10", "random axes 95 %"]].isna().all()
    assert np.isnan(table.loc["ssim", "supervised"])
    assert table.loc["neg_elbo", "PCA-10"] is None
    assert not {"kl_per_dim", "names", "haar_mig"} & set(table.index)
    assert isinstance(table, pd.DataFrame)


def test_agreement_of_two_seeds_is_udr_and_one_seed_has_none(store, monkeypatch):
    runs = store.all()
    test = load_split(SPEC, "test").images
    codes = [encode(run.model, test) for run in runs]
    expected = udr([own.mu for own in codes], [own.kl_per_dim for own in codes]).scores
    found = scoring.agreement_of_seeds(runs, store.folder)
    assert list(found) == [run.id for run in runs]
    np.testing.assert_allclose(np.array(list(found.values()), dtype=float), expected)
    monkeypatch.setattr(scoring, "load_split", None)
    assert scoring.agreement_of_seeds(runs[::-1], store.folder) == found
    assert scoring.agreement_of_seeds(runs[:1], store.folder) == {runs[0].id: None}


def test_an_unknown_baseline_is_refused(store):
    with pytest.raises(InputError, match="baseline 'pcaa' is unknown"):
        scoring.baseline_scores(SPEC, store.folder, SMALL, ["pcaa"], progress=False)
