"""Golden numbers of all that has a version: what it gives for one small input, in a file per version.

A test fails where they are others: then raise the version in `vaelib.versions` and write the new files, and
remove the old ones, with `python -m tests.golden`.
"""

import json
import math
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.scored import TRAINED, small_scoring
from tests.tiny import tiny
from vaelib import versions
from vaelib.claims.ablation import against_theory
from vaelib.claims.goals import SweptRun, error_between_bins
from vaelib.data.dataset import as_float, load_split
from vaelib.data.factorial import rotation_sweep
from vaelib.models.affine import linear_theory
from vaelib.models.build import build_vae
from vaelib.objectives import OBJECTIVES
from vaelib.scores import measure as scoring
from vaelib.scores.baselines import fit_baselines, of_model
from vaelib.scores.digit_classifier import digit_classifier, features
from vaelib.scores.latent_profile import profiles_of
from vaelib.scores.registry import GROUPS, measure
from vaelib.scores.representation import Representation, ScoringConfig
from vaelib.scores.turned import turned_codes, turned_isolation
from vaelib.training.run import Run
from vaelib.training.store import RunStore

FOLDER = Path(__file__).with_name("golden")
SPEC = tiny(init="he", latent_dim=4, n_test=40)

Numbers = dict[str, Any]


def cases() -> Iterator[tuple[str, int, Callable[[], Numbers], float]]:
    """Yield name, version, what gives the numbers, and by what share another machine may be off.

    A training enlarges differences in the last bit: another number of threads moves a KL of 0.007 nats by
    0.7 %, and a reconstruction by 0.01 %.
    """
    for name, objective in OBJECTIVES.items():
        yield f"training-{name}", objective.version, lambda name=name: of_training(name), 3e-2
    for name, version in versions.BASELINES.items():
        yield f"baseline-{name}", version, lambda name=name: of_baseline(name), 3e-2
    for name, version in versions.SCORES.items():
        yield f"scores-{name}", version, lambda name=name: of_scores(name), 1e-2
    for name, version in versions.MEASURED.items():
        yield f"measured-{name.replace(' ', '-')}", version, MEASURED[name], 3e-2


def of_training(objective: str) -> Numbers:
    """Return the history of a tiny run; of the β-VAE of both networks, and evaluated."""
    numbers = {}
    for arch in ("article", "ours") if objective == "beta_vae" else ("article",):
        spec = tiny(arch=arch, objective=objective, epochs=2, n_test=20)
        with scratch() as folder:
            run = RunStore(folder).get(spec, device="cpu", progress=False)
            history = run.history[["train_recon", "train_kl", "val_recon", "val_kl"]]
            numbers |= {f"{arch} {name}": list(column) for name, column in history.items()}
            numbers[f"{arch} mse"] = run.metrics["test"]["all"]["mse"]
            numbers[f"{arch} active"] = run.metrics["active_units"]
    return numbers


def of_baseline(name: str) -> Numbers:
    """Return the moments of a baseline's code of the test images, or of the classifier's features."""
    test = load_split(SPEC, "test")
    with scratch() as folder:
        if name == "digit_classifier":
            classifier = digit_classifier(SPEC, folder, progress=False)
            code = features(classifier, as_float(test.images)[:, 0].numpy())
            return {"mean": float(code.mean()), "sd": float(code.std())}
        code = fit_baselines(SPEC, folder, [name], progress=False)[name].encode(test.images).mu
        return {"mean": np.abs(code).mean(0).tolist(), "sd": code.std(0).tolist()}


def of_scores(group: str) -> Numbers:
    """Return the scores of an untrained network that says much; of the agreement, those of three seeds."""
    if group == "agreement":
        with scratch() as folder:
            store = RunStore(folder)
            specs = [tiny(**TRAINED, seed=seed) for seed in range(3)]
            found = scoring.agreement_of_seeds(
                [store.get(spec, device="cpu", progress=False) for spec in specs], folder
            )
            return {str(seed): found[spec.id] for seed, spec in enumerate(specs)}
    return {name: _all_scores()[name] for name in GROUPS[group].names}


def of_pose() -> Numbers:
    """Return what is measured of a pose alone."""
    with trained(objective="pose", latent_dim=4) as run:
        p = SweptRun(run, rotation_sweep(16, 1, 45)).rotation_done(4)
        return {"rotation by the pose": p, "pose between bins": error_between_bins(run, 1)}


def of_turned() -> Numbers:
    with trained(**TRAINED) as run:
        codes = turned_codes(run, rotation_sweep(16, 2, 45))
        return {"mean": np.abs(codes).mean((0, 1)).tolist(), "sd": codes.std((0, 1)).tolist()}


def of_isolation() -> Numbers:
    with trained(**TRAINED) as run:
        return turned_isolation(run, rotation_sweep(16, 2, 45))


def of_theory() -> Numbers:
    with trained(**TRAINED, arch="ours", latent_dim=4) as run:
        pixels = as_float(load_split(run.spec, "train").images).flatten(1).numpy()
        found = against_theory([run], {"bernoulli": linear_theory(pixels, "bernoulli", 4)})
        return {name: float(found[name].iloc[0]) for name in ("angles: median", "angles: largest")}


def of_latents() -> Numbers:
    with trained(**TRAINED) as run:
        [found] = profiles_of([run], run.spec, 8)
        steady = ("kl", "active", "energy", "agreement", "digit_share")
        return {name: found.per_dim[name].tolist() for name in steady} | {"correlation": found.correlation}


MEASURED = {
    "codes of turned digits": of_turned,
    "isolation": of_isolation,
    "rotation by the pose": of_pose,
    "pose between bins": of_pose,
    "angles to the theory": of_theory,
    "latents": of_latents,
}
"""What gives the numbers of all that pages measure of a run."""


@contextmanager
def trained(**changes: Any) -> Iterator[Run]:
    with scratch() as folder:
        yield RunStore(folder).get(tiny(**changes), device="cpu", progress=False)


@cache
def _all_scores() -> Numbers:
    spec = SPEC.changed(n_test=1000)  # 2,000 images are the fewest for two latents' information
    test, network = load_split(spec, "test"), build_vae(spec).eval()
    with torch.no_grad():
        network.encoder[-1].weight.mul_(20)  # so that latents are active
    with scratch() as folder, small_scoring():
        representation = Representation(
            of_model(network, "run"), spec, test, folder, ScoringConfig.of(spec), network
        )
        return measure(representation, progress=False).scores


@contextmanager
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def differences(found: Numbers, golden: Numbers, share: float) -> list[str]:
    """Return where numbers differ by more than a share of the largest beside them, and texts at all."""
    if found.keys() != golden.keys():
        return [f"names {sorted(found)} instead of {sorted(golden)}"]
    return [
        f"{name}: {found[name]} instead of {golden[name]}"
        for name in golden
        if not _alike(found[name], golden[name], share)
    ]


def _alike(found: Any, golden: Any, share: float) -> bool:
    one, other = (np.array(value, dtype=object).ravel().tolist() for value in (found, golden))
    scale = max((abs(v) for v in other if isinstance(v, int | float) and not isinstance(v, bool)), default=0)
    return len(one) == len(other) and all(
        math.isclose(a, b, abs_tol=share * scale) if isinstance(b, int | float) and a is not None else a == b
        for a, b in zip(one, other, strict=True)
    )


def path_of(name: str, version: int) -> Path:
    return FOLDER / f"{name}-v{version}.json"


if __name__ == "__main__":
    torch.set_num_threads(1)
    wanted = {path_of(name, version): measured for name, version, measured, _ in cases()}
    for path in set(FOLDER.glob("*.json")) - set(wanted):
        path.unlink()
    for path, measured in wanted.items():
        if not path.exists():
            path.write_text(json.dumps(measured(), indent=1) + "\n")
            print(path.name)
