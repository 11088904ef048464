import pytest
import yaml

from vaelib.errors import InputError
from vaelib.notebooks import check_parameters
from vaelib.profiles import EXPERIMENTS, load_profile
from vaelib.report import given_parameters
from vaelib.spec import RunSpec

PROFILES = ["smoke", "quick", "published"]


@pytest.mark.parametrize("name", PROFILES)
def test_every_page_of_a_profile_has_a_source_and_parameters_that_it_accepts(name):
    profile = load_profile(name)
    for page in profile.pages.values():
        check_parameters(page.source, given_parameters(profile, page))


def test_the_published_profile_is_the_presentation_s_setting():
    spec = load_profile("published").run(arch="ours")
    assert (spec.epochs, spec.beta, spec.latent_dim) == (15, 4.0, 10)
    assert (spec.n_train, spec.n_test, spec.image_size, spec.rotation_range) == (60_000, 10_000, 64, 90.0)


def test_runs_are_the_product_over_the_fields_named_singular_or_plural():
    profile = load_profile("quick")
    runs = profile.runs({"arch": "ours", "betas": [1, 4], "seeds": [0, 1], "perplexity": 30, "store": "runs"})
    assert [(r.arch, r.beta, r.seed) for r in runs] == [
        ("ours", 1, 0), ("ours", 1, 1), ("ours", 4, 0), ("ours", 4, 1)]  # fmt: skip
    assert {r.activation for r in runs} == {"identity"}


def test_fields_named_with_also_make_a_second_product_without_repeats():
    named = {"archs": ["ours", "article"], "beta": 4.0, "also_archs": ["article"], "also_betas": [1.0, 4.0]}
    runs = load_profile("quick").runs(named)
    assert [(r.arch, r.beta) for r in runs] == [("ours", 4), ("article", 4), ("article", 1)]


def test_a_list_of_products_changes_one_thing_at_a_time():
    named = {
        "arch": "ours",
        "beta": 1.0,
        "seeds": [0, 1],
        "also": [{"norm": "none", "seed": 0}, {"lrs": [1e-4]}],
    }
    runs = load_profile("quick").runs(named)
    base = load_profile("quick").run(arch="ours", beta=1.0)
    assert [(r.norm, r.lr, r.seed) for r in runs[:3]] == [
        ("batch", base.lr, 0), ("batch", base.lr, 1), ("none", base.lr, 0)]  # fmt: skip
    assert [(r.norm, r.lr, r.seed) for r in runs[3:]] == [("batch", 1e-4, 0), ("batch", 1e-4, 1)]
    assert {r.beta for r in runs} == {1.0}


def test_a_misspelt_field_in_a_list_of_products_is_refused():
    with pytest.raises(InputError, match="Did you mean 'norm'"):
        load_profile("quick").runs({"arch": "ours", "also": [{"nrom": "none"}]})


def test_parameters_that_name_no_field_need_no_run():
    assert load_profile("quick").runs({"perplexity": 30}) == []


def test_an_unknown_profile_is_refused_with_the_nearest_one():
    with pytest.raises(InputError, match=r"accepted: smoke, quick, published\. Did you mean 'quick'"):
        load_profile("quik")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"parameters": {"datasett": {}}}, "Did you mean 'dataset'"),
        ({"spec": {"epoch": 3}}, "Did you mean 'epochs'"),
        ({"spec": {"n_train": 0}}, "from 24 to 60,000"),
        ({"networks": {"our": {}}}, "Did you mean 'ours'"),
        ({"networks": {"ours": {"batch_size": 1}}}, "batch_size 1 is refused"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path, change, said):
    experiments = yaml.safe_load(EXPERIMENTS.read_text())
    experiments["profiles"]["smoke"] |= change
    path = tmp_path / "experiments.yml"
    path.write_text(yaml.safe_dump(experiments))
    with pytest.raises(InputError, match=said):
        load_profile("smoke", path)


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_changes_scale_and_recipe_only(name):
    asked = {"arch", "activation", "norm", "objective", "beta", "likelihood", "reduction", "images", "seed"}
    profile = load_profile(name)
    assert not set().union(profile.shared, *profile.networks.values()) & asked
    assert profile.run() == RunSpec.from_dict(profile.shared)


def test_what_one_network_needs_at_a_scale_is_for_it_alone_and_yields_to_the_page():
    quick = load_profile("quick")
    assert quick.run().batch_size == quick.shared["batch_size"]
    assert quick.run(arch="ours").batch_size == quick.networks["ours"]["batch_size"]
    assert quick.run(arch="ours", batch_size=7).batch_size == 7
