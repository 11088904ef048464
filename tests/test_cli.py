import pytest
from click.testing import CliRunner

from tests.tiny import FIELDS
from vaelib.cli import main

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
        (["train", "--device", "tpu"], "device 'tpu' is unknown"),
        (["train", "--spec", "none.json"], "none.json cannot be used: No such file"),
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
