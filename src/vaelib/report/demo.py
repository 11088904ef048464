"""The networks of the demo as scripts: weights in half precision, and layers that a browser runs.

A script fills `VAE_NETWORKS[id]`. Scripts, since a page opened from disk may load no other kind of file.
"""

import base64
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vaelib.architectures import ARCHITECTURES
from vaelib.data.dataset import as_float, evenly, load_split
from vaelib.data.mnist import load_mnist
from vaelib.errors import InputError
from vaelib.files import write_atomic
from vaelib.models import pose_vae
from vaelib.models.affine import affine_map, maps
from vaelib.models.convolutions import Convolution, Layer, convolution_layers, dense
from vaelib.models.energy import BINS, BLUR, DILATIONS, RINGS
from vaelib.models.losses import blur_matrix
from vaelib.models.pose_vae import PoseVAE
from vaelib.models.vae import VAE
from vaelib.objectives import title
from vaelib.report.capture import latent_names
from vaelib.scores.baselines import FITTED
from vaelib.scores.linear import principal
from vaelib.spec import RunSpec
from vaelib.training.run import Run

DIGITS_PER_CLASS = 2
ACTIVATION_TITLES = {"identity": "no activation", "relu": "ReLU", "leaky_relu": "leaky ReLU"}


@dataclass(frozen=True, eq=False)
class Network:
    """One network of the demo.

    `latents` says of each latent, the one that holds most first: its index from 0, the transform that it
    resembles if any, whether it is a turn, and its KL in nats or share of the pixels' variance. `output` is
    "sigmoid" for logits and "identity" for pixels. `pose` has the constants of a pose network and `energies`
    its layers, each with the taps whose channels it reads.
    """

    id: str
    title: str
    size: int
    latents: list[dict[str, Any]]
    encoder: list[Layer]
    decoder: list[Layer]
    output: str = "sigmoid"
    pose: dict[str, Any] | None = None
    energies: Sequence[tuple[list[int], Layer]] = ()

    def script(self) -> str:
        """Return the text of the network's script, about 2.7 bytes a weight."""
        layers = [*self.encoder, *self.decoder, *(layer for _, layer in self.energies)]
        weights = [part.kernel.ravel() for layer in layers for part in layer.convolutions]
        described: dict[str, Any] = {
            "title": self.title,
            "size": self.size,
            "latents": self.latents,
            "output": self.output,
            "encoder": [_shapes(layer) for layer in self.encoder],
            "decoder": [_shapes(layer) for layer in self.decoder],
            "weights": _base64(np.concatenate(weights), "<f2"),
            "biases": _base64(np.concatenate([layer.bias for layer in layers]), "<f4"),
        }
        if self.pose:
            energies = [{"taps": taps, "layer": _shapes(layer)} for taps, layer in self.energies]
            described["pose"] = self.pose | {"layers": energies}
        return f"(window.VAE_NETWORKS ??= {{}})[{json.dumps(self.id)}] = {json.dumps(described)};\n"


def _shapes(layer: Layer) -> dict[str, Any]:
    parts = [
        {
            "taps": part.kernel.shape[:2],
            "rows": part.rows,
            "stride": part.stride,
            "padding": part.padding,
            "step": part.step,
            "offset": part.offset,
        }
        for part in layer.convolutions
    ]
    return {
        "input": layer.input,
        "outputs": len(layer.bias),
        "width": layer.shape[1],
        "size": math.prod(layer.shape),
        "slope": layer.slope,
        "convolutions": parts,
    }


def _base64(values: np.ndarray, kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype=kind).tobytes()).decode()


def trained_network(run: Run, names: Mapping[int, str] | None = None) -> Network:
    """Return a trained network for the demo, with the names of its latents, by index.

    Raises `InputError` for one whose posterior is neither Gaussian nor that of a pose.
    """
    model, spec = run.model, run.spec
    if type(model) not in (VAE, PoseVAE):
        raise InputError(f"{run.id} is refused; accepted: networks of Gaussian latents and of a pose.")
    kl = run.metrics["kl_per_dim"]
    given, taken = model.widths(spec.latent_dim)
    encoder = convolution_layers(model.encoder, (spec.image_size, spec.image_size, 1))
    decoder = convolution_layers(model.decoder, (1, 1, taken))
    if isinstance(model, PoseVAE):
        return Network(
            run.id, network_name(spec), spec.image_size, _latents(kl, names, turn=0), encoder, decoder,
            pose=_pose(model, spec.image_size), energies=_energies(model),
        )  # fmt: skip
    encoder[-1] = encoder[-1].outputs(np.arange(given // 2), (1, 1, given // 2))  # the means alone
    return Network(run.id, network_name(spec), spec.image_size, _latents(kl, names), encoder, decoder)


def collapsed_network(run: Run, names: Mapping[int, str] | None = None) -> Network:
    """Return the two matrices that a trained network without an activation comes down to."""
    size, found = run.spec.image_size, maps(run.model)
    read, offset = affine_map(found["mu"], (1, size, size))
    drawn, background = affine_map(found["logits"], (run.spec.latent_dim,))
    return Network(
        f"{run.id}-matrix",
        f"{network_name(run.spec)}, as two matrices",
        size,
        _latents(run.metrics["kl_per_dim"], names),
        [dense(read.numpy().T, offset.numpy(), (size, size, 1))],
        [dense(drawn.numpy().T, background.numpy())],
    )


def principal_network(spec: RunSpec) -> Network:
    """Return the first principal components of a run's training images, as many as it has latents."""
    images = load_split(spec, "train").images
    pixels = as_float(images[evenly(len(images), FITTED)]).flatten(1).numpy()
    code = principal(pixels, spec.latent_dim)
    shares = np.square(code.basis).sum(0) / pixels.var(0).sum()
    latents = [{"index": j, "share": float(share)} for j, share in enumerate(shares)]
    offset = -code.reading @ code.mean
    return Network(
        "pca",
        f"PCA, {spec.latent_dim} components",
        spec.image_size,
        latents,
        [dense(code.reading.T, offset, (spec.image_size, spec.image_size, 1))],
        [dense(code.basis.T, code.mean)],
        output="identity",
    )


def networks_of(runs: Sequence[Run]) -> list[Network]:
    """Return the networks of runs in their order, matrices for affine ones, and principal components last."""
    names = {run.id: latent_names(run) for run in runs}
    networks = [trained_network(run, names[run.id]) for run in runs]
    affine = [collapsed_network(r, names[r.id]) for r in runs if r.spec.activation == "identity"]
    return [*networks, *affine, principal_network(runs[0].spec)]


def network_name(spec: RunSpec) -> str:
    """Return what a trained network is called where several stand side by side.

    >>> network_name(RunSpec(arch="ours", activation="relu")), network_name(RunSpec(objective="pose", beta=1))
    ('our network with ReLU, β = 4', 'the pose network, β = 1')
    """
    if spec.objective == "pose":
        return f"the pose network, β = {spec.beta:g}"
    architecture = ARCHITECTURES[spec.arch]
    activation = ACTIVATION_TITLES[str(spec.activation)]
    own = "" if spec.activation == architecture.activation else f" with {activation}"
    objective = f"β = {spec.beta:g}" if spec.objective == "beta_vae" else title(spec)
    return f"{architecture.title}{own}, {objective}"


def _latents(
    kl: Sequence[float], names: Mapping[int, str] | None, turn: int | None = None
) -> list[dict[str, Any]]:
    order = sorted(range(len(kl)), key=lambda j: (j != turn, -kl[j]))
    known = {} if names is None else names
    return [{"index": j, "name": known.get(j), "turn": j == turn, "kl": float(kl[j])} for j in order]


def _pose(model: PoseVAE, size: int) -> dict[str, Any]:
    side = size // max(1, size // 32)
    return {
        "bins": BINS,
        "rings": RINGS,
        "sharpness": pose_vae.SHARPNESS,
        "around": pose_vae.AROUND,
        "candidates": pose_vae.CANDIDATES,
        "apart": pose_vae.APART,
        "evidence": pose_vae.EVIDENCE,
        "doubt": pose_vae.IN_DOUBT,
        "degrees": model.degrees,
        "limit": model.known.limit,
        "blur": _base64(blur_matrix(side, BLUR).numpy(), "<f4"),
        "window": _base64(model.log_window.numpy(), "<f4"),
    }


def _energies(model: PoseVAE) -> list[tuple[list[int], Layer]]:
    """Return the layers of the energies, each with the taps whose channels it reads side by side."""
    taps = [[-2, -1, 0, 1, 2], *([-step, 0, step] for step in DILATIONS)]
    network = model.energy
    layers = [
        (shifts, _circular(weights.detach().numpy(), bias.detach().numpy(), slope=0.0))
        for shifts, weights, bias in zip(taps, network.weights, network.biases, strict=True)
    ]
    return [*layers, ([0], _circular(network.out.detach().numpy(), np.zeros(1), slope=1.0))]


def _circular(weights: np.ndarray, bias: np.ndarray, slope: float) -> Layer:
    part = Convolution(weights[None, None], (BINS, 1), 1, (0, 0))
    return Layer((BINS, 1, len(weights)), (BINS, 1, len(bias)), (part,), bias, slope)


def digits_script(spec: RunSpec) -> str:
    """Return the script of the digits that can be picked: unseen ones, as MNIST has them."""
    factors = load_split(spec, "test").factors
    of_each = factors[~factors["rotated"]].groupby("digit").head(DIGITS_PER_CLASS)
    chosen = of_each.sort_values("digit", kind="stable")
    images = load_mnist("test").images[chosen["index"].to_numpy()]
    digits = {"labels": chosen["digit"].tolist(), "side": images.shape[1], "pixels": _base64(images, "u1")}
    return f"window.VAE_DIGITS = {json.dumps(digits)};\n"


def write_demo(networks: Sequence[Network], spec: RunSpec, folder: Path) -> None:
    """Write the scripts of networks and digits, and that of the list of networks, into a folder."""
    listed = []
    for network in networks:
        text = network.script()
        write_atomic(folder / f"{network.id}.js", text)
        listed.append({"id": network.id, "title": network.title, "bytes": len(text)})
    write_atomic(folder / "digits.js", digits_script(spec))
    write_atomic(folder / "networks.js", f"window.VAE_CATALOGUE = {json.dumps(listed, indent=1)};\n")
