import dataclasses
import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vaelib.architectures import ARCHITECTURES, encoder_layout
from vaelib.data.dataset import as_float, load_split
from vaelib.errors import InputError
from vaelib.models.build import build_vae
from vaelib.objectives import OBJECTIVES
from vaelib.spec import RunSpec


def specs() -> st.SearchStrategy[RunSpec]:
    return st.builds(
        RunSpec,
        arch=st.sampled_from(sorted(ARCHITECTURES)),
        activation=st.sampled_from([None, "identity", "relu"]),
        beta=st.floats(0, 1e6, allow_nan=False) | st.integers(0, 300),
        latent_dim=st.integers(1, 64),
        image_size=st.sampled_from([8, 16, 32, 64]),
        depth=st.integers(0, 4),
        head_norm=st.sampled_from(["none", "batch"]),
        n_train=st.integers(24, 60_000),
        seed=st.integers(0, 2**31),
    )


@given(specs())
def test_a_spec_survives_json_with_its_id(spec):
    again = RunSpec.from_json(spec.to_json())
    assert again == spec
    assert again.id == spec.id


@given(specs(), specs())
def test_ids_are_equal_exactly_when_specs_are(a, b):
    assert (a.id == b.id) == (a == b)


def test_the_id_is_the_same_on_every_machine():
    assert RunSpec().id == "article-b4-s0-407776d817"


def test_a_field_added_later_leaves_earlier_ids_alone():
    Later = dataclasses.make_dataclass(
        "Later", [("added", float, dataclasses.field(default=0.0, metadata={"least": 0, "most": 1}))],
        bases=(RunSpec,), frozen=True,
    )  # fmt: skip
    assert Later(seed=3).id == RunSpec(seed=3).id
    assert Later(seed=3, added=0.5).id != RunSpec(seed=3).id


def test_whole_and_real_numbers_of_equal_value_are_one_spec():
    assert RunSpec(beta=4, epochs=15.0) == RunSpec(beta=4.0, epochs=15)
    assert RunSpec(beta=4).to_json() == RunSpec(beta=4.0).to_json()


def test_activation_and_norm_default_to_those_of_the_network():
    assert (RunSpec(arch="article").activation, RunSpec(arch="article").norm) == ("relu", "none")
    assert (RunSpec(arch="ours").activation, RunSpec(arch="ours").norm) == ("identity", "batch")
    assert RunSpec(arch="ours", activation="identity") == RunSpec(arch="ours")


@pytest.mark.parametrize(("arch", "convs"), [("article", 4), ("ours", 7)])
def test_a_depth_that_keeps_everything_is_no_other_spec(arch, convs):
    assert RunSpec(arch=arch, depth=convs) == RunSpec(arch=arch)
    assert RunSpec(arch=arch, depth=convs - 1).id != RunSpec(arch=arch).id


def test_fewer_layers_accept_other_sizes():
    assert [side for _, side in encoder_layout("ours", 40, depth=3)] == [20, 10, 5]
    with pytest.raises(InputError, match="accepted: 8, 12, 16, 20"):
        encoder_layout("article", 30, depth=2)
    with pytest.raises(InputError, match="accepted: 8, 10, 12"):
        encoder_layout("article", 15, depth=1)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("depth", 5, "4 convolutions of the article network; accepted: 0 (all) to 4"),
        ("depth", -1, "from 0 up"),
        ("head_norm", "layer", "none, batch"),
        ("arch", "artcle", "Did you mean 'article'?"),
        ("activation", "tanh", "identity, relu, leaky_relu"),
        ("beta", -1, "from 0.0 up"),
        ("beta", math.nan, "from 0.0 up"),
        ("beta", math.inf, "from 0.0 up"),
        ("beta", "4", "any number"),
        ("beta", True, "any number"),
        ("latent_dim", 0, "from 1 to 1,000"),
        ("n_train", 60_001, "from 24 to 60,000"),
        ("n_test", 10_001, "to 10,000"),
        ("epochs", 2.5, "whole number"),
        ("rotation_range", 181, "to 180.0"),
        ("image_size", 28, "8, 16, 32, 48, 64"),
        ("lr", 0, "from 1e-08"),
        ("beta_warmup_epochs", 16, "0 to 15"),
    ],
)
def test_a_refused_value_is_named_with_what_is_accepted(field, value, said):
    with pytest.raises(InputError) as refusal:
        RunSpec(**{field: value})
    message = str(refusal.value)
    assert field in message
    assert str(value) in message
    assert said in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"objective": "capacity", "reduction": "mean_pixels"}, "objective .* reduction sum"),
        ({"objective": "pair", "rotation_range": 0}, "objective .* rotation_range above 0"),
        ({"penalty": 5}, "penalty .* objective dip_vae_ii, factor_vae, pair"),
        ({"objective": "capacity", "penalty": 5}, "penalty .* objective dip_vae_ii, factor_vae, pair"),
        ({"objective": "factor_vae", "capacity": 5}, "capacity .* objective capacity, joint"),
        ({"capacity_epochs": 5}, "capacity_epochs .* objective capacity, joint"),
        ({"objective": "capacity", "capacity_epochs": 16}, "capacity_epochs 16 exceeds epochs 15"),
        ({"compared": "pyramid", "likelihood": "gaussian"}, "compared .* likelihood bernoulli"),
        ({"angles": "fresh", "images": "upright"}, "angles .* images both, rotated"),
        ({"angles": "fresh", "rotation_range": 0}, "angles .* rotation_range above 0"),
    ],
)
def test_fields_that_say_nothing_beside_each_other_are_refused(fields, said):
    with pytest.raises(InputError, match=said):
        RunSpec(**fields)


def test_images_are_counted_as_they_are_loaded():
    for images in ("both", "upright", "rotated"):
        spec = RunSpec(n_train=240, image_size=8, images=images)
        assert spec.n_images == len(load_split(spec, "train"))


def test_an_unknown_field_is_refused_with_the_nearest_one():
    with pytest.raises(InputError, match="Did you mean 'beta'"):
        RunSpec.from_dict({"betta": 4})


@pytest.mark.parametrize("number", [np.int64(3), np.int8(3), np.float32(3), np.float64(3.0)])
def test_numpy_s_numbers_are_numbers(number):
    assert RunSpec(seed=number, beta=number) == RunSpec(seed=3, beta=3.0)
    assert RunSpec(seed=number).to_json() == RunSpec(seed=3).to_json()


def test_numpy_s_truth_is_no_number():
    with pytest.raises(InputError, match="seed"):
        RunSpec(seed=np.bool_(True))


def test_another_objective_has_the_version_of_its_own_training(monkeypatch):
    monkeypatch.setitem(OBJECTIVES, "pose", dataclasses.replace(OBJECTIVES["pose"], version=99))
    assert RunSpec(objective="pose", beta=1).training_version == 99
    assert RunSpec(beta=1).changed(objective="pose") == RunSpec(objective="pose", beta=1)
    assert RunSpec(objective="pose", beta=1).plain == RunSpec(beta=1)
    assert RunSpec(training_version=1).changed(seed=3).training_version == 1


ALTERNATIVES = {
    f.name: f.metadata["accepted"] for f in dataclasses.fields(RunSpec) if "accepted" in f.metadata
}
ALTERNATIVES |= {
    "image_size": [16],
    "n_train": [48],
    "n_test": [4],
    "data_seed": [1],
    "rotation_range": [45.0],
}
ALTERNATIVES |= {
    "latent_dim": [3],
    "depth": [2],
    "seed": [1],
    "beta": [1.0],
    "epochs": [2],
    "batch_size": [8],
}
ALTERNATIVES |= {"lr": [1e-2], "beta_warmup_epochs": [1], "training_version": [1]}
ALTERNATIVES |= {
    name: [] for name in ("penalty", "capacity", "capacity_epochs", "told_upright", "told_slant")
}


def changed_in_one_field():
    base = RunSpec(image_size=32, n_train=24, n_test=2)
    for name, values in ALTERNATIVES.items():
        for value in values:
            if value != getattr(base, name) and not (name == "objective" and value == "pose"):
                yield name, base, base.changed(**{name: value})


def test_every_field_is_tried():
    assert set(ALTERNATIVES) == {f.name for f in dataclasses.fields(RunSpec)}


@pytest.mark.parametrize(
    ("name", "base", "other"), [*changed_in_one_field()], ids=lambda v: v if isinstance(v, str) else ""
)
def test_what_changes_an_untrained_network_or_its_images_changes_what_is_cached_by(name, base, other):
    def network(spec):
        model = build_vae(spec.plain).eval()
        images = load_split(spec, "train").images, load_split(spec, "test").images
        return [*model.state_dict().values(), *model.encode(as_float(images[1])), *images]

    one, two = network(base), network(other)
    same = len(one) == len(two) and all(
        a.shape == b.shape and torch.equal(a, b) for a, b in zip(one, two, strict=True)
    )
    keys_differ = base.data | base.plain.network != other.data | other.plain.network
    assert keys_differ == (not same), name


def test_every_field_is_part_of_the_identity():
    assert set(json.loads(RunSpec().to_json())) == {f.name for f in dataclasses.fields(RunSpec)}


@pytest.mark.parametrize(
    ("arch", "size", "sides"),
    [
        ("article", 64, [32, 16, 8, 4]),
        ("article", 32, [16, 8, 4, 2]),
        ("article", 48, [24, 12, 6, 3]),
        ("ours", 64, [32, 16, 8, 4, 2, 2, 1]),
        ("ours", 32, [16, 8, 4, 2, 1, 1, 1]),
    ],
)
def test_layers_halve_while_there_is_something_to_halve(arch, size, sides):
    layout = encoder_layout(arch, size)
    assert [side for _, side in layout] == sides
    assert all((conv.kernel, conv.stride) == ((4, 2) if conv.halves else (3, 1)) for conv, _ in layout)


def test_the_sizes_offered_in_the_error_are_indeed_accepted():
    for arch in ARCHITECTURES:
        with pytest.raises(InputError) as refusal:
            encoder_layout(arch, 28)
        for size in str(refusal.value).split("accepted: ")[1].rstrip(".").split(", "):
            encoder_layout(arch, int(size))


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "4", "null"])
def test_a_text_that_is_no_spec_is_refused(text):
    with pytest.raises(InputError, match="a JSON object of fields"):
        RunSpec.from_json(text)
