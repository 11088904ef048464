import logging
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.tiny import tiny
from vaelib.data.dataset import as_float, load_split
from vaelib.errors import InputError
from vaelib.metrics.quality import frechet_distance
from vaelib.scores import digit_classifier as module
from vaelib.scores.digit_classifier import FEATURES, digit_classifier, features, train_classifier

SMALL = tiny(n_train=960, n_test=100)
SPEC = tiny()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def classifier(store):
    return digit_classifier(SMALL, store, progress=False)


@pytest.fixture(scope="module")
def test_set():
    return load_split(SMALL, "test")


def images_of(dataset):
    return as_float(dataset.images)[:, 0].numpy()


def classes(classifier, images):
    with torch.no_grad():
        return classifier(torch.from_numpy(images)[:, None]).argmax(1).numpy()


def test_it_reads_digits_of_sixteen_pixels_after_nine_hundred(classifier, test_set):
    read = classes(classifier, images_of(test_set))
    right, rotated = read == test_set.factors["digit"].to_numpy(), test_set.factors["rotated"].to_numpy()
    assert right[~rotated].mean() > 0.8
    assert right[rotated].mean() > 0.65


def test_features_are_the_layer_that_the_class_is_read_from(classifier, test_set):
    images = images_of(test_set)
    found = features(classifier, images)
    assert found.shape == (200, FEATURES)
    assert found.dtype == np.float32
    assert found.min() == 0
    with torch.no_grad():
        logits = classifier.head(torch.from_numpy(found)).numpy()
    np.testing.assert_array_equal(logits.argmax(1), classes(classifier, images))


def test_images_of_digits_are_nearer_to_each_other_than_noise_is(classifier, test_set):
    found = features(classifier, images_of(test_set))
    noise = features(classifier, np.random.default_rng(0).uniform(size=(100, 16, 16)))
    digits = frechet_distance(found[::2], found[1::2])
    assert digits < frechet_distance(found[::2], noise) / 3


def test_batches_do_not_matter(classifier, test_set, monkeypatch):
    images = images_of(test_set)
    whole = features(classifier, images)
    monkeypatch.setattr(module, "BATCH", 7)
    np.testing.assert_allclose(features(classifier, images), whole, atol=1e-4)


@pytest.mark.parametrize(
    "images",
    [
        np.full((2, 16, 16), 255.0),
        np.zeros((2, 1, 16, 16)),
        np.full((2, 16, 16), -0.1),
        np.full((1, 8, 8), np.nan),
    ],
)
def test_other_images_are_refused(classifier, images):
    with pytest.raises(InputError, match=r"accepted: \(N, S, S\) in \[0, 1\]"):
        features(classifier, images)


def test_all_runs_at_one_size_share_the_classifier_of_both_halves(classifier, store, monkeypatch):
    monkeypatch.setattr(module, "train_classifier", None)
    for spec in (replace(SMALL, beta=1.0, seed=2), replace(SMALL, images="rotated")):
        again = digit_classifier(spec, store)
        state = again.state_dict()
        assert all(torch.equal(state[name], t) for name, t in classifier.state_dict().items())


def test_a_damaged_one_is_trained_again_to_the_same(tmp_path, caplog):
    first = digit_classifier(SPEC, tmp_path, progress=False)
    (weights,) = tmp_path.glob(".cache/*/weights.safetensors")
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with caplog.at_level(logging.WARNING):
        again = digit_classifier(SPEC, tmp_path, progress=False)
    assert "is damaged" in caplog.text
    assert weights.read_bytes() == whole
    assert all(torch.equal(first.state_dict()[name], t) for name, t in again.state_dict().items())


def test_training_leaves_the_random_state_alone_and_shows_its_progress(capsys):
    train = load_split(SPEC, "train")
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    train_classifier(train)
    assert torch.equal(torch.rand(1), expected)
    assert "digit classifier" in capsys.readouterr().err
