"""The smallest run that still exercises everything, shared by the tests of training, store and commands."""

from vaelib.spec import RunSpec

FIELDS = {"image_size": 16, "n_train": 48, "n_test": 8, "epochs": 3, "batch_size": 16, "lr": 1e-3}


def tiny(**changes) -> RunSpec:
    return RunSpec.from_dict(FIELDS | changes)
