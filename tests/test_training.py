import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.tiny import tiny
from vaelib.data.dataset import load_split, with_fresh_angles
from vaelib.errors import DivergedError
from vaelib.models.build import build_vae, layer_table
from vaelib.models.inference import bound_terms, encode, prior_samples
from vaelib.models.losses import ElboTerms
from vaelib.models.pose_vae import PoseVAE
from vaelib.objectives import OBJECTIVES, resolve
from vaelib.spec import RunSpec
from vaelib.training import checkpoint
from vaelib.training import loop as training
from vaelib.training.losses import beta_vae
from vaelib.training.store import RunStore

CPU = torch.device("cpu")


def fit(spec, folder):
    train, val = (load_split(spec, split) for split in ("train", "val"))
    return training.fit(spec, train, val, folder, CPU, progress=False)


def assert_same(a: checkpoint.State, b: checkpoint.State) -> None:
    assert a.rows == b.rows
    for one, other in zip(a.networks().values(), b.networks().values(), strict=True):
        weights = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
        assert all(torch.equal(p, q) for p, q in weights)


class Interrupted(Exception):
    pass


def fit_interrupted_after(epoch, spec, folder, monkeypatch):
    """Train until right after the checkpoint of `epoch`, as if killed there."""
    save = training.save_checkpoint

    def save_then_stop(state, folder):
        save(state, folder)
        if state.epoch == epoch:
            raise Interrupted

    with monkeypatch.context() as patch:
        patch.setattr(training, "save_checkpoint", save_then_stop)
        with pytest.raises(Interrupted):
            fit(spec, folder)


@pytest.mark.parametrize("arch", ["article", "ours"])
def test_a_resumed_run_ends_in_the_same_bytes_as_an_uninterrupted_one(arch, tmp_path, monkeypatch):
    spec = tiny(arch=arch, schedule="cosine")
    whole = fit(spec, tmp_path / "whole")
    for stop in (1, 2):
        fit_interrupted_after(stop, spec, tmp_path / str(stop), monkeypatch)
        assert checkpoint.last_epoch(tmp_path / str(stop)) == stop
        assert_same(fit(spec, tmp_path / str(stop)), whole)


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> checkpoint.State:
    return fit(tiny(epochs=2), tmp_path_factory.mktemp("plain"))


@pytest.mark.parametrize(
    "changes",
    [
        *({"objective": name} for name in OBJECTIVES if name != "beta_vae"),
        {"compared": "pyramid"},
        {"angles": "fresh"},
    ],
    ids=lambda changes: "-".join(changes.values()),
)
def test_so_does_a_resumed_run_of_every_alternative(changes, plain, tmp_path, monkeypatch):
    spec = tiny(epochs=2, **changes)
    whole = fit(spec, tmp_path / "whole")
    fit_interrupted_after(1, spec, tmp_path / "parts", monkeypatch)
    assert_same(fit(spec, tmp_path / "parts"), whole)
    assert whole.rows[1]["val_recon"] != plain.rows[1]["val_recon"]


def test_a_discriminator_learns_at_its_own_pace_and_is_no_part_of_the_network(tmp_path):
    spec = tiny(objective="factor_vae", schedule="cosine")
    state = fit(spec, tmp_path)
    network, discriminator = state.optimizer.param_groups
    assert network["lr"] < 0.1 * spec.lr
    assert (discriminator["lr"], discriminator["betas"]) == (1e-4, (0.5, 0.9))
    assert state.model.state_dict().keys() == checkpoint.init_state(tiny(), CPU).model.state_dict().keys()
    moved = zip(
        state.discriminator.parameters(),
        checkpoint.init_state(spec, CPU).discriminator.parameters(),
        strict=True,
    )
    assert all(not torch.equal(after, before) for after, before in moved)


def test_fresh_angles_are_those_of_the_epoch_and_the_curves_keep_their_images(tmp_path, monkeypatch):
    spec, seen = tiny(angles="fresh", epochs=2), []
    run_epoch = training._run_epoch

    def look(state, spec, images, *given):
        seen.append(images)
        return run_epoch(state, spec, images, *given)

    monkeypatch.setattr(training, "_run_epoch", look)
    state = fit(spec, tmp_path)
    train = load_split(spec, "train")
    for epoch, images in enumerate(seen, start=1):
        assert torch.equal(images, with_fresh_angles(train, spec, epoch).images)
    measured = bound_terms(state.model, training._measured_subset(train), "bernoulli").recon.mean().item()
    assert state.rows[-1]["train_eval_recon"] == pytest.approx(measured)


def test_training_lowers_the_objective_on_images_not_trained_on(tmp_path):
    state = fit(tiny(n_train=480), tmp_path)
    first, last = state.rows[0], state.rows[-1]
    assert last["val_recon"] < first["val_recon"]
    assert last["train_eval_recon"] < first["train_eval_recon"]


@pytest.mark.parametrize("compared", ["pixels", "pyramid"])
def test_the_history_measures_the_network_of_its_epoch_by_the_bound(compared, tmp_path):
    spec = tiny(compared=compared)
    state = fit(spec, tmp_path)
    terms = bound_terms(state.model, load_split(spec, "val").images, "bernoulli")
    last = state.rows[-1]
    assert last["val_recon"] == pytest.approx(terms.recon.mean().item())
    assert last["val_kl"] == pytest.approx(sum(last[f"val_kl_{j}"] for j in range(1, 11)), rel=1e-5)
    assert [row["epoch"] for row in state.rows] == [1, 2, 3]


def test_every_image_is_visited_once_an_epoch_in_an_order_of_its_own():
    order, noise = training._epoch_draws(tiny(), 1, 100, 10)
    again, _ = training._epoch_draws(tiny(), 1, 100, 10)
    later, _ = training._epoch_draws(tiny(), 2, 100, 10)
    other, _ = training._epoch_draws(tiny(seed=1), 1, 100, 10)
    assert sorted(order.tolist()) == list(range(100))
    assert torch.equal(order, again)
    assert not torch.equal(order, later)
    assert not torch.equal(order, other)
    assert noise.shape == (100, 10)
    assert torch.equal(training._epoch_draws(tiny(), 1, 100, 21)[0], order)


def test_schedules():
    cosine, warm = tiny(schedule="cosine"), tiny(beta_warmup_epochs=2)
    assert [training.lr_and_beta(cosine, passed)[0] for passed in (0, 1.5, 3)] == pytest.approx(
        [1e-3, 5e-4, 0]
    )
    assert training.lr_and_beta(tiny(), 2.9) == (1e-3, 4)
    assert [training.lr_and_beta(warm, passed)[1] for passed in (0, 1, 1.5, 2)] == [0, 2, 3, 4]


def test_no_batch_holds_a_single_image(tmp_path):
    # 44 · 2 = 88 images in batches of at most 29 would leave one over; batch norm cannot take it.
    assert fit(tiny(arch="ours", batch_size=29, epochs=1), tmp_path).epoch == 1


def spoil_loss(factor, of_kl=1.0):
    def spoiled(*given):
        terms, loss = beta_vae(*given)
        return ElboTerms(terms.recon, terms.kl * of_kl), loss * factor

    return "resolve", lambda place: spoiled


def spoil_measured_kl(factor):
    def spoiled(*given):
        good = bound_terms(*given)
        return ElboTerms(good.recon, good.kl * factor)

    return "bound_terms", spoiled


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        (spoil_loss(math.nan), r"the loss is nan at epoch 2, step 1"),
        (spoil_loss(math.inf), r"the loss is inf at epoch 2, step 1"),
        (spoil_loss(1, of_kl=1e12), r"the KL of an image in nats is \d.*e\+\d+ at epoch 2, step 1"),
        (spoil_measured_kl(math.inf), r"train_eval_kl is inf after the last step of epoch 2"),
    ],
)
def test_a_divergence_stops_with_epoch_step_and_spec_and_a_new_start_says_it_again(
    spoilt, said, tmp_path, monkeypatch
):
    spec = tiny()
    fit_interrupted_after(1, spec, tmp_path, monkeypatch)
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(training, *spoilt)
    for _ in range(2):
        with pytest.raises(DivergedError, match=rf"{said} .*\"beta\":4\.0.*checkpoint of epoch 1 is kept"):
            fit(spec, tmp_path)
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == kept


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lr": 0.1}, r"loss is nan at epoch 1, step \d+"),
        ({"arch": "ours", "init": "he", "lr": 0.1, "n_train": 480}, r"KL .* at epoch 1, step \d+"),
    ],
)
def test_too_high_a_learning_rate_is_a_divergence(changes, said, tmp_path):
    with pytest.raises(DivergedError, match=rf"{said}.*No epoch was finished; try a smaller lr"):
        fit(tiny(**changes), tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_measured_subset_is_spread_over_both_halves():
    spec = tiny(n_train=4800)
    dataset = load_split(spec, "train")
    subset = training._measured_subset(dataset)
    assert len(subset) == training.MEASURED
    n = len(dataset)
    chosen = np.arange(training.MEASURED) * n // training.MEASURED
    assert dataset.factors["rotated"].to_numpy()[chosen].mean() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("arch", ["article", "ours"])
@pytest.mark.parametrize("n_train", [24, 25, 26, 27])
def test_no_batch_has_a_single_image(arch, n_train, tmp_path):
    spec = tiny(arch=arch, n_train=n_train, batch_size=2, epochs=1, images="upright")
    assert np.isfinite(fit(spec, tmp_path).rows[0]["val_recon"])


@given(st.integers(24, 60_000), st.integers(2, 600), st.sampled_from(["both", "upright"]))
def test_batches_have_two_images_at_least_and_are_as_few_as_their_size_allows(n_train, batch_size, images):
    spec = RunSpec(n_train=n_train, batch_size=batch_size, images=images)
    sizes = [len(part) for part in torch.empty(spec.n_images).tensor_split(spec.n_batches)]
    assert min(sizes) >= 2
    assert max(sizes) <= max(batch_size, 3)
    assert batch_size == 2 or len(sizes) == math.ceil(spec.n_images / batch_size)


def test_the_newest_checkpoint_is_the_one_of_the_latest_epoch(tmp_path):
    spec = tiny(epochs=2)
    state = fit(spec, tmp_path)
    for epoch in (9_999, 10_000):
        state.rows, state.seconds, state.core_seconds = state.rows[:1] * epoch, [0.1] * epoch, [0.1] * epoch
        checkpoint.save_checkpoint(state, tmp_path)
    assert checkpoint.last_epoch(tmp_path) == 10_000
    assert checkpoint.resume(spec, tmp_path, CPU).epoch == 10_000


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_drawing_weights_and_training_leave_torch_s_random_state(objective, tmp_path):
    torch.manual_seed(7)
    before = torch.get_rng_state()
    spec = tiny(objective=objective, epochs=1)
    build_vae(spec)
    layer_table(spec)
    run = RunStore(tmp_path).get(spec, device="cpu", progress=False)
    encode(run.model, load_split(spec, "test").images)
    prior_samples(run.model, 3, seed=0)
    assert torch.equal(torch.get_rng_state(), before)


class NoDoublePrecision(TorchDispatchMode):
    """Refuses float64 on the device, as Apple's do."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor) and tensor.device.type == "cuda":
                assert tensor.dtype != torch.float64, func
        return result


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_nothing_on_the_device_is_in_double_precision(objective, monkeypatch):
    """Tensors without content stand for those of a device that this machine need not have."""
    monkeypatch.setattr(torch.nn.Module, "to", lambda module, *_, **__: module)  # they cannot be moved
    monkeypatch.setattr(PoseVAE, "_pose_at", PoseVAE._best_of)  # those in doubt cannot be counted
    spec = tiny(objective=objective)
    with FakeTensorMode(), NoDoublePrecision(), torch.device("cuda"):
        x = torch.zeros(16, 1, 16, 16, device="cuda")
        state = checkpoint.init_state(spec, torch.device("cuda"))
        eps = torch.zeros(16, OBJECTIVES[objective].draws(state.model.noise_dim), device="cuda")
        discriminators = (state.discriminator,) if state.discriminator else ()
        resolve(OBJECTIVES[objective].loss)(state.model, x, eps, 1.0, spec, 0.5, *discriminators)
        noise = torch.zeros(16, state.model.noise_dim, device="cuda")
        state.model.posterior(x, noise)
        state.model.prior(noise)
        assert state.model.log_weight(x, "bernoulli")(noise).device.type == "cpu"
