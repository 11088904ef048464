import json

import pytest
from click.testing import CliRunner

from tests.scored import TRAINED, small_scoring
from tests.tiny import tiny
from vaelib.cli import main
from vaelib.scores.measure import score
from vaelib.scores.registry import GROUPS
from vaelib.training.store import RunStore


@pytest.fixture(scope="module", autouse=True)
def small():
    with small_scoring():
        yield


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = RunStore(tmp_path_factory.mktemp("store"))
    store.get(tiny(**TRAINED), progress=False)
    for seed in (0, 1):
        store.get(tiny(epochs=1, beta=64, seed=seed), progress=False)
    return store


def vaelib(*words: str):
    return CliRunner().invoke(main, list(words))


def test_evaluate_prints_scores_beside_those_of_the_baselines(store):
    run = store.find(tiny(**TRAINED))
    result = vaelib("evaluate", run.id[:14], "--store", str(store.folder))
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == run.id
    assert lines[2].split() == [
        "run",
        "PCA-10",
        "ICA-10",
        "untrained",
        "supervised",
        "random",
        "axes",
        "95",
        "%",
    ]
    rows = {words[0]: words[1:] for words in map(str.split, lines[3:]) if words}
    assert rows["active_variance"][:4] == ["10"] * 4
    assert rows["kl"][1:] == ["undefined"] * 4
    found = score(run, store.folder)
    assert rows["ris"][0] == f"{found['ris']:.3f}"
    assert rows["ris"][5:] == [f"{found['haar_ris'][0]:.3f}", "to", f"{found['haar_ris'][1]:.3f}"]
    assert rows["neg_elbo"] == [f"{found['neg_elbo']:.2f}"]
    assert rows["pairwise_information"] == ["undefined"] * 5
    assert [rows[str(dim)][0] for dim in range(1, 11)] == [f"{kl:.3f}" for kl in found["kl_per_dim"]]
    assert "undefined, dependence of two latents, nats: 120 images are too few" in lines[-1]


def test_evaluate_prints_json(store):
    run = store.find(tiny(**TRAINED))
    result = vaelib("evaluate", run.id, "--json", "--store", str(store.folder))
    found = json.loads(result.stdout)
    assert found["run"] == run.id
    assert set(found["scores"]) == {name for group in GROUPS.values() for name in group.names}
    assert found["scores"] == score(run, store.folder)
    assert list(found["undefined"]) == ["pairwise"]
    assert set(found["baselines"]) == {"pca", "ica", "untrained", "supervised"}


def test_a_collapsed_run_prints_undefined_and_why(store):
    run = store.find(tiny(epochs=1, beta=64))
    result = vaelib("evaluate", run.id, "--store", str(store.folder))
    assert result.exit_code == 0
    rows = {words[0]: words[1:] for words in map(str.split, result.stdout.splitlines()) if words}
    assert rows["active_variance"][0] == "0"
    assert rows["mig"][0] == rows["ris"][0] == rows["dci_d"][0] == "undefined"
    assert "none of the 10 latents is active" in result.stdout


def test_a_run_of_one_angle_prints_numbers_or_undefined_and_why(tmp_path):
    run = RunStore(tmp_path).get(tiny(**TRAINED | {"epochs": 1}, rotation_range=0), progress=False)
    result = vaelib("evaluate", run.id, "--json", "--store", str(tmp_path))
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout, parse_constant=pytest.fail)
    assert "1 different angles are refused" in told["undefined"]["angle"]
    assert "a range of ±0 degrees is refused" in told["undefined"]["rotation"]
    assert told["scores"]["angle_r2"] is told["scores"]["ris"] is None
    assert told["scores"]["mse"] > 0
    result = vaelib("evaluate", run.id, "--store", str(tmp_path))
    rows = {words[0]: words[1:] for words in map(str.split, result.stdout.splitlines()) if words}
    assert rows["angle_r2"][:5] == ["undefined"] * 5


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("article-b64-s", "is the beginning of article-b64-s0-"),
        ("artcle-b64-s1", "is not among the 3 finished ones of"),
        ("artcle-b64-s1", "; nearest: article-b64-s1-"),
        ("?", "vaelib runs lists what is there."),
    ],
)
def test_a_run_that_is_not_one_is_refused_with_the_nearest(store, given, said):
    result = vaelib("evaluate", given, "--store", str(store.folder))
    assert result.exit_code == 2
    assert said in result.output
    assert result.output.count("\n") == 1


def test_evaluate_in_an_empty_store(tmp_path):
    result = vaelib("evaluate", "article", "--store", str(tmp_path))
    assert result.exit_code == 2
    assert "is not among the 0 finished ones" in result.output


def test_claims_of_a_store_without_runs_of_the_profile(store):
    result = vaelib("claims", "--profile", "smoke", "--store", str(store.folder))
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].split() == [
        "claim",
        "verdict",
        "effect",
        "95",
        "%",
        "interval",
        "of",
        "seeds",
        "p",
        "p",
        "(Holm)",
    ]
    assert lines[1].split()[:3] == ["C1", "ours", "undecided"]
    assert "C1 ours, only 3 dimensions vary — needs >= 3 seeds, has 0" in lines
    assert sum(line.startswith("C8") for line in lines) == 1


def test_claims_print_json(store):
    result = vaelib("claims", "--json", "--profile", "smoke", "--store", str(store.folder))
    rows = json.loads(result.stdout)
    assert len(rows) == 11
    assert {row["claim"] for row in rows} == {f"C{k}" for k in range(1, 9)}
    assert rows[0]["verdict"] == "undecided"
    assert rows[0]["effect"] is rows[0]["p"] is rows[0]["p_holm"] is None


def test_claims_of_an_unknown_profile():
    result = vaelib("claims", "--profile", "quik")
    assert result.exit_code == 2
    assert "Did you mean 'quick'?" in result.output
