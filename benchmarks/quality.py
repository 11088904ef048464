"""Time to quality: how few images the recipe of `quick` needs for what the presentation's recipe reaches.

The presentation trains 15 epochs at a constant rate. Both recipes see the same images, those of the
`quick` profile, and are judged by the same held-out bound; runs are kept in the store and trained if missing.
"""

from vaelib.profiles import load_profile
from vaelib.spec import RunSpec
from vaelib.training.run import Run
from vaelib.training.store import RunStore

SEEDS = (0, 1, 2)


def presentation_recipe(recipe: RunSpec) -> RunSpec:
    """Return the same network, images and seed, trained as in the presentation."""
    return RunSpec(
        arch=recipe.arch,
        seed=recipe.seed,
        n_train=recipe.n_train,
        n_test=recipe.n_test,
    )


def race_to_quality(store: RunStore) -> list[dict]:
    """Return a row a network, recipe and seed: images seen, held-out -ELBO after each epoch, active units."""
    rows = []
    for arch in ("article", "ours"):
        for seed in SEEDS:
            recipe = load_profile("quick").run(arch=arch, seed=seed)
            for name, spec in (("presentation", presentation_recipe(recipe)), ("quick", recipe)):
                rows.append({"arch": arch, "seed": seed, "recipe": name} | _course(store.get(spec)))
    return rows


def _course(run: Run) -> dict:
    neg_elbo = run.history["val_recon"] + run.history["val_kl"]
    digits = run.spec.n_train - run.spec.n_val
    return {
        "images_per_epoch": 2 * digits,
        "neg_elbo": [round(float(value), 2) for value in neg_elbo],
        "active_units": run.metrics["active_units"],
        "seconds": round(sum(run.provenance["seconds_per_epoch"])),
    }


def verdict(rows: list[dict]) -> list[dict]:
    """Return a row a network: the least share of images, over seeds, and what is gained and kept."""
    verdicts = []
    for arch in ("article", "ours"):
        of = {(row["seed"], row["recipe"]): row for row in rows if row["arch"] == arch}
        pairs = [(of[seed, "presentation"], of[seed, "quick"]) for seed in SEEDS]
        verdicts.append(
            {
                "arch": arch,
                "share_of_images": max(_images(quick) / _images(slow) for slow, quick in pairs),
                "gain_nats": [
                    round(slow["neg_elbo"][-1] - quick["neg_elbo"][-1], 2) for slow, quick in pairs
                ],
                "active_units": [[slow["active_units"], quick["active_units"]] for slow, quick in pairs],
            }
        )
    return verdicts


def _images(row: dict) -> int:
    return row["images_per_epoch"] * len(row["neg_elbo"])
