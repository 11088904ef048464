"""Runs that come packed with a checkout: the same when laid down, said to lack weights where they do."""

import dataclasses
import shlex
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.scored import TRAINED, small_scoring
from tests.tiny import tiny
from vaelib import cli_published, published, versions
from vaelib.cache import Fit
from vaelib.claims import ledger
from vaelib.cli import main
from vaelib.errors import DamagedError, InputError
from vaelib.objectives import OBJECTIVES
from vaelib.profiles import Page, Profile
from vaelib.published import BARE, RECORDS, WEIGHTS
from vaelib.report import build, notebooks, plan, publishing, verifying
from vaelib.report.budget import training_costs
from vaelib.scores import measure
from vaelib.training.store import RunStore

not_made = partial(pytest.fail, "it is there")
WHOLE, NONE = (tiny(**TRAINED, seed=seed) for seed in range(2))
GROUPS = ("rate", "rotation")
PROFILE = Profile(
    "tiny",
    {},
    {"a page": Page("a page", "toy", {})},
    planned=({"block": "β, and more", "runs": [WHOLE.data | TRAINED | {"seeds": [0, 1]}]},),
)


@pytest.fixture(scope="module", autouse=True)
def small():
    with small_scoring():
        yield


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """Two scored runs of a store, packed: one with its weights, one without; and something cached."""
    folder = tmp_path_factory.mktemp("packed")
    store = RunStore(folder / "runs")
    runs = [store.get(spec) for spec in (WHOLE, NONE)]
    for run in runs:
        measure.score(run, store.folder, progress=False, groups=GROUPS)
        run.measured("isolation", {"of": "a test"}, lambda: Fit({}, {"purity": 0.5}))
    names = [path.name for path in (folder / "runs/.cache").iterdir() if path.is_dir()]
    published.pack_runs("a-block", [run.folder for run in runs], {WHOLE.id}, folder / "published")
    published.pack_cache(folder / "runs", names, folder / "published")
    published.write_manifest({}, folder / "published")
    return folder


@pytest.fixture
def shipped(packed, monkeypatch):
    """The packed runs are those of the checkout."""
    monkeypatch.setattr(published, "PUBLISHED", packed / "published")
    return packed


def test_a_run_that_was_packed_whole_is_the_same_to_the_byte(shipped, tmp_path):
    assert published.lay_down(WHOLE.id, tmp_path)
    for name in (*RECORDS, WEIGHTS):
        original = shipped / "runs" / WHOLE.id / name
        assert (tmp_path / WHOLE.id / name).read_bytes() == original.read_bytes()
    assert not (tmp_path / WHOLE.id / BARE).exists()
    assert not published.lay_down("theirs", tmp_path)


def test_equal_runs_make_equal_archives_and_weights_are_written_once(packed):
    folder = packed / "published"
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*.*")}
    published.pack_runs("a-block", [packed / "runs" / s.id for s in (NONE, WHOLE)], {WHOLE.id}, folder)
    for path, (content, time) in before.items():
        assert path.read_bytes() == content
        assert path.suffix == ".zip" or path.stat().st_mtime_ns == time


def test_a_store_without_a_run_takes_the_published_one(shipped, tmp_path):
    store = RunStore(tmp_path / "runs")
    whole, bare = (store.find(spec) for spec in (WHOLE, NONE))
    original = RunStore(shipped / "runs").get(NONE)
    assert bare.metrics == original.metrics
    assert bare.history.equals(original.history)
    assert whole.has_weights
    assert not bare.has_weights
    assert store.find(tiny(seed=7)) is None


def test_what_was_measured_of_a_run_without_weights_is_read(shipped, tmp_path):
    bare = RunStore(tmp_path / "runs").find(NONE)
    scores = measure.score(bare, tmp_path / "runs", groups=GROUPS)
    assert scores == measure.score(RunStore(shipped / "runs").get(NONE), shipped / "runs", groups=GROUPS)
    assert bare.measured("isolation", {"of": "a test"}, not_made).notes == {"purity": 0.5}
    with pytest.raises(InputError, match="published without its weights"):
        measure.score(bare, tmp_path / "runs", groups=("separation",))


def test_what_an_earlier_version_measured_stays_readable_without_weights(shipped, tmp_path, monkeypatch):
    for table, name in ((versions.SCORES, "rate"), (versions.MEASURED, "isolation")):
        monkeypatch.setitem(table, name, table[name] + 1)
    bare = RunStore(tmp_path / "runs").find(NONE)
    assert measure.score(bare, tmp_path / "runs", groups=GROUPS)["variance_per_dim"]
    assert bare.measured("isolation", {"of": "a test"}, not_made).notes == {"purity": 0.5}
    whole = RunStore(tmp_path / "runs").find(WHOLE)
    assert whole.measured("isolation", {"of": "a test"}, lambda: Fit({}, {"purity": 1})).notes == {
        "purity": 1
    }


def test_a_run_of_an_earlier_training_version_is_read_and_is_not_done(shipped, tmp_path, monkeypatch):
    later = dataclasses.replace(OBJECTIVES["beta_vae"], version=WHOLE.training_version + 1)
    monkeypatch.setitem(OBJECTIVES, "beta_vae", later)
    today = dataclasses.replace(WHOLE, training_version=later.version)
    assert today.id != WHOLE.id
    store = RunStore(tmp_path / "runs")
    assert store.get(today).spec == WHOLE == published.as_published(today)
    assert store.find(today) is None
    block = plan.Block("a block", (today,))
    assert [(row["done"], row["outdated"]) for row in plan.table([block], tmp_path / "runs")] == [(0, 1)] * 2
    assert store.get(today, weights=True).spec == today


def test_a_run_without_weights_says_how_to_train_it_again_and_that_gives_the_original(shipped, tmp_path):
    store = RunStore(tmp_path / "a store")
    bare = store.get(NONE)
    with pytest.raises(InputError, match="published without its weights") as refused:
        _ = bare.model
    command = shlex.split(str(refused.value).partition("again: vaelib ")[2])
    done = CliRunner().invoke(main, [*command, "--store", str(tmp_path / "a store")])
    assert done.exit_code == 0, done.output
    again = store.find(NONE)
    for name in ("spec.json", "history.csv", "metrics.json", WEIGHTS):
        assert (again.folder / name).read_bytes() == (shipped / "runs" / again.id / name).read_bytes()
    assert not (again.folder / BARE).exists()


def test_a_run_of_ones_own_is_not_replaced(shipped, tmp_path):
    own = RunStore(tmp_path / "runs").get(NONE, weights=True)
    assert own.has_weights
    assert RunStore(tmp_path / "runs").find(NONE).has_weights


def test_weights_that_were_changed_are_noticed(shipped, tmp_path):
    run = RunStore(tmp_path / "runs").find(WHOLE)
    with (run.folder / WEIGHTS).open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x55")
    with pytest.raises(DamagedError, match=WEIGHTS):
        RunStore(tmp_path / "runs").find(WHOLE)


def test_the_manifest_names_what_changed(shipped):
    assert published.changed_files() == []
    extra = shipped / "published" / "weights" / "extra.safetensors"
    extra.write_bytes(b"x")
    assert published.changed_files() == ["weights/extra.safetensors"]
    kept = published.remove_weights_but({WHOLE.id}, shipped / "published")
    assert [path.stem for path in kept] == [WHOLE.id]
    assert published.changed_files() == []


@pytest.mark.parametrize("damage", ["cut off", "a byte"])
def test_a_damaged_archive_is_named_with_the_way_to_restore_it(packed, tmp_path, monkeypatch, damage):
    content = (packed / "published/a-block.zip").read_bytes()
    at = content.index(f"{NONE.id}/metrics.json".encode()) + 90
    other = content[:-30] if damage == "cut off" else content[:at] + b"\x55\x55" + content[at + 2 :]
    (tmp_path / "a-block.zip").write_bytes(other)
    monkeypatch.setattr(published, "PUBLISHED", tmp_path)
    with pytest.raises(DamagedError, match="git checkout"):
        published.lay_down(NONE.id, tmp_path / "runs")


def test_published_runs_are_counted_as_done_and_nothing_of_them_is_made(shipped, tmp_path, monkeypatch):
    counted = [(row["done"], row["outdated"]) for row in plan.table(plan.blocks(PROFILE), tmp_path / "runs")]
    assert counted == [(2, 0), (2, 0)]
    monkeypatch.setitem(versions.SCORES, "rate", versions.SCORES["rate"] + 1)
    published._scored_earlier.cache_clear()
    assert [published.is_outdated(spec) for spec in (WHOLE, tiny(seed=7))] == [True, False]
    published._scored_earlier.cache_clear()
    monkeypatch.setattr(
        build, "page_runs", lambda *_: [WHOLE, NONE, other := tiny(seed=7)] and [WHOLE, other]
    )
    needs = build.plan(dataclasses.replace(PROFILE, pages={"a page": Page("a page", "toy", {}, scores=True)}))
    other = tiny(seed=7).id
    assert needs["a page"] == build.Needs([WHOLE.id, other], [other], [other], [other])


@pytest.fixture
def published_profile(packed, tmp_path, monkeypatch):
    """Publish a profile of two runs, one of whose networks a page reads; return the folder."""
    monkeypatch.setattr(publishing, "page_runs", lambda *_: [WHOLE])
    monkeypatch.setattr(publishing, "given_parameters", lambda *_: {})
    reads = iter([{("x", "made")}, {(WHOLE.id, "model"), (NONE.id, "metrics")}])
    monkeypatch.setattr(notebooks, "execute", lambda *_: next(reads))
    monkeypatch.setattr(ledger, "_scales", lambda *_: {"full": True, "swept": False})
    monkeypatch.setattr(ledger, "groups_needed", lambda *_: GROUPS)
    monkeypatch.setattr(ledger, "judge_claims", lambda table: table)
    monkeypatch.setattr(publishing, "judge_claims", as_ledger)
    folder = tmp_path / "published"
    table = publishing.publish(PROFILE, packed / "runs", folder)
    monkeypatch.setattr(published, "PUBLISHED", folder)
    return folder, table


def as_ledger(table):
    names = [f"C{seed}" for seed in table["seed"]]
    return table[["ris", "kl"]].assign(claim=names, network="both")


def test_what_pages_read_is_published_and_agrees_with_what_it_gives(published_profile):
    folder, table = published_profile
    assert sorted(path.name for path in folder.iterdir()) == [
        "beta-and-more.zip",
        "cache.zip",
        "manifest.json",
        "weights",
    ]
    assert [path.stem for path in (folder / "weights").iterdir()] == [WHOLE.id]
    assert 1 < table["MB"].sum() < 1.2
    checks = list(verifying.verify(PROFILE, retrain=[NONE]))
    assert [check.what for check in checks] == [
        "files",
        "ledger",
        "metrics",
        "scores",
        "training, equal to the byte",
    ]
    assert all(check.agrees and check.off == 0 for check in checks), checks


@pytest.mark.parametrize(("file", "said"), [("manifest.json", "ledger"), ("scores.json", "scores")])
def test_a_number_that_was_changed_is_noticed(published_profile, monkeypatch, file, said):
    folder, _ = published_profile
    if file == "manifest.json":
        verdicts = published.read_manifest()["ledger"]
        verdicts["C0 both"]["ris"] += 0.1
        published.write_manifest(verdicts, folder)
    else:
        monkeypatch.setattr(verifying, "read_sealed", changed_once(verifying.read_sealed))
    checks = {check.what: check for check in verifying.verify(PROFILE)}
    assert [name for name, check in checks.items() if not check.agrees] == [said]


def changed_once(read):
    """Return `read`, whose first answer has another KL."""
    answers = []

    def other(path: Path, schema):
        found = read(path, schema)
        if not answers:
            found["groups"]["rate"]["scores"]["kl"] *= 1.1
        answers.append(path)
        return found

    return other


def test_the_command_names_what_does_not_agree_and_ends_with_1(published_profile, monkeypatch):
    monkeypatch.setattr(cli_published, "load_profile", lambda _: PROFILE)
    right = CliRunner().invoke(main, ["verify", "--sample", "1"])
    assert (right.exit_code, right.output.count("yes")) == (0, 4), right.output
    (published_profile[0] / "weights" / "extra.safetensors").write_bytes(b"x")
    wrong = CliRunner().invoke(main, ["verify", "--sample", "0"])
    assert wrong.exit_code == 1
    assert "NO" in wrong.output
    assert "weights/extra.safetensors" in wrong.output
    unknown = CliRunner().invoke(main, ["verify", "--retrain", WHOLE.id[:-3] + "xyz"])
    assert unknown.exit_code == 2
    assert WHOLE.id in unknown.output


def test_what_the_published_runs_cost_is_what_they_noted(shipped):
    costs = training_costs(PROFILE)
    spent = sum(
        sum(RunStore(shipped / "runs").get(spec).provenance["core_seconds_per_epoch"])
        for spec in (WHOLE, NONE)
    )
    assert costs.loc["all", "core-hours"] == pytest.approx(spent / 3600)
    assert costs["runs"].tolist() == [2, 2]
    assert costs.loc["all", "steps"] == 2 * WHOLE.epochs * WHOLE.n_batches
    assert costs.loc["all", "kWh"] == pytest.approx(spent / 3600 / 100)
