import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from tests.tiny import FIELDS
from vaelib.cli import main
from vaelib.profiles import ROOT
from vaelib.training.store import RunStore

TINY = [word for k, v in FIELDS.items() for word in (f"--{k.replace('_', '-')}", str(v))]


def vaelib(*words: str):
    return CliRunner().invoke(main, list(words))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "--arch", "artcle"], "accepted: article, ours. Did you mean 'article'?"),
        (["train", "--beta", "-1"], "beta -1.0 is refused; accepted: any number from 0.0 up"),
        (["train", "--beta", "nan"], "beta nan is refused"),
        (["train", "--latent-dim", "0"], "latent_dim 0 is refused"),
        (["train", "--n-train", "60001"], "to 60,000"),
        (["train", "--image-size", "28"], "accepted: 8, 16, 32"),
        (["train", "--profile", "quik"], "Did you mean 'quick'?"),
        (["train", "--store", "/proc/none"], "cannot be written"),
        (["train", "--seed", str(2**64)], f"seed {2**64} is refused; accepted: any whole number from 0 to"),
        (["train", "--seed", "9" * 400], "is refused; accepted: any whole number from 0 to"),
        (["train", "--spec", "src"], "src cannot be used: Is a directory; name a file, this is a folder"),
        (["train", "--device", "tpu"], "device 'tpu' is unknown"),
        (
            ["train", "--spec", "none.json"],
            "No such file or directory; name one that is there",
        ),
        (["train", "--spec", "some.json", "--beta", "4"], "leave out beta"),
        (["sweep", "--beta", "1", "--beta", "-4"], "beta -4.0 is refused"),
        (["notebook", "resuls"], "Did you mean 'results'?"),
        (["notebook", "beta_study", "-p", "betta", "4"], "Did you mean 'betas'?"),
        (["notebook", "results", "-p", "arch", "artcle"], "Did you mean 'article'?"),
        (["book", "--profile", "quik"], "Did you mean 'quick'?"),
    ],
)
def test_bad_input_is_one_line_with_exit_code_2(words, said):
    result = vaelib(*words)
    assert result.exit_code == 2
    assert said in result.output
    assert result.output.startswith("Error: ")
    assert result.output.count("\n") == 1


def test_train_prints_the_run_s_folder_last_and_runs_lists_it(tmp_path):
    store = str(tmp_path / "store")
    first = vaelib("train", "--store", store, "--seed", "3", *TINY)
    folder = first.stdout.strip().splitlines()[-1]
    assert first.exit_code == 0
    assert folder.startswith(f"{store}/article-b4-s3-")
    assert vaelib("train", "--store", store, "--spec", f"{folder}/spec.json").stdout.strip() == folder
    listed = vaelib("runs", "--store", store).output
    assert folder.rsplit("/", 1)[1] in listed
    assert "done" in listed


def test_a_relative_store_is_of_the_checkout_wherever_the_command_is_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert vaelib("runs", "--store", "none").output.strip() == "no runs in none"
    assert RunStore("none").folder == ROOT / "none"
    assert RunStore(tmp_path).folder == tmp_path


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_a_locale_without_greek_is_no_reason_to_stop(encoding):
    env = os.environ | {
        "PYTHONIOENCODING": encoding,
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
    }
    done = subprocess.run([sys.executable, "-m", "vaelib.cli", "--help"], env=env, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert b"-VAE on MNIST" in done.stdout


def test_a_spec_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "spec.json").write_bytes(b"\xff")
    result = vaelib("train", "--spec", str(tmp_path / "spec.json"))
    assert result.exit_code == 2
    assert "it is not UTF-8; accepted: a run's spec.json" in result.output


def test_runs_of_an_empty_store(tmp_path):
    assert vaelib("runs", "--store", str(tmp_path)).output.strip() == f"no runs in {tmp_path}"


def test_help_teaches():
    top = vaelib("--help").output
    assert "vaelib notebook results -p beta 8" in top
    assert {"book", "data", "notebook", "runs", "sweep", "train"} <= set(top.split())
    train = vaelib("train", "--help").output
    assert "--latent-dim" in train
    assert "number of latent dimensions" in train


def test_data_prints_the_verified_folder():
    result = vaelib("data")
    assert result.exit_code == 0
    assert result.output.strip().endswith("mnist")
