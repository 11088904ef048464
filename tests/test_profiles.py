import pytest
import yaml

from vaelib.errors import InputError
from vaelib.models.losses import matched_beta
from vaelib.profiles import EXPERIMENTS, Page, load_profile
from vaelib.report.build import given_parameters
from vaelib.report.parameters import check_parameters
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
        ({"spec": {"rotation_range": 0}}, r"smoke: rotation_range 0\.0 is refused; .* from 1 to 180"),
        ({"sweep": {"rotation_range": 0}}, r"rotation_range 0\.0 is refused; .* from 1 to 180"),
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
    assert not set(profile.shared) & asked
    assert profile.run() == RunSpec.from_dict(profile.shared)


@pytest.mark.parametrize("name", PROFILES)
def test_both_networks_of_a_scale_are_trained_alike(name):
    """A comparison of networks is one of networks only where all else is equal."""
    profile = load_profile(name)
    for fields in ({}, profile.sweep):
        article, ours = (profile.run(arch=arch, **fields) for arch in ("article", "ours"))
        assert article.changed(arch="ours", activation=None, norm=None) == ours


def test_what_all_pages_are_given_yields_to_the_page_and_reaches_those_that_declare_it():
    quick = load_profile("quick")
    assert quick.pages["results"].defaults == {"beta": 1}
    assert given_parameters(quick, quick.pages["results"])["beta"] == 1
    assert "beta" not in given_parameters(quick, quick.pages["metrics"])
    own = Page("results", "results", {"beta": 2.0}, {"beta": 1})
    assert given_parameters(quick, own)["beta"] == 2.0


def test_quick_and_published_train_the_presentation_s_beta():
    for name in ("quick", "published"):
        profile = load_profile(name)
        given = check_parameters(
            profile.pages["results"].source, given_parameters(profile, profile.pages["results"])
        )
        assert {matched_beta(spec) for spec in profile.runs(given)} == {4.0}
