"""A trained network for other programs: ONNX, and the script that the demo loads."""

import logging
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from vaelib.files import write_atomic
from vaelib.models.vae import VAE
from vaelib.report.demo import trained_network
from vaelib.training.run import Run

OPSET = 20
"""The first with the sampling that turns an image, as far as the pose network needs it."""


class _Encoder(nn.Module):
    """Images (B, 1, S, S) with pixels in [0, 1] to codes (B, M)."""

    def __init__(self, model: VAE):
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> Tensor:
        return self.model.encode(image)[0]


class _Decoder(nn.Module):
    """Codes (B, M) to pixel probabilities (B, 1, S, S)."""

    def __init__(self, model: VAE):
        super().__init__()
        self.model = model

    def forward(self, code: Tensor) -> Tensor:
        return torch.sigmoid(self.model.decode(code))


def export(run: Run, folder: Path) -> list[Path]:
    """Write a trained network to a folder and return the files: encoder and decoder as ONNX, and the script.

    Raises `InputError` as `trained_network` does.
    """
    script, spec = trained_network(run).script(), run.spec
    side = spec.image_size
    parts = [
        ("encoder", _Encoder(run.model), torch.zeros(2, 1, side, side)),
        ("decoder", _Decoder(run.model), torch.zeros(2, spec.latent_dim)),
    ]
    files = []
    for name, module, example in parts:
        files.append(folder / f"{run.id}.{name}.onnx")
        write_atomic(files[-1], _onnx(module.eval(), example))
    files.append(folder / f"{run.id}.js")
    write_atomic(files[-1], script)
    return files


def _onnx(module: nn.Module, example: Tensor) -> bytes:
    """Return a module as ONNX for any number of rows, traced on an example with two of them."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it tells of each pass that it makes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = ({0: torch.export.Dim("images")},)
        # Decomposed by torch: the exporter's own cross-entropy of logits overflows from 88 up.
        traced = torch.export.export(module, (example,), dynamic_shapes=rows).run_decompositions()
        program = torch.onnx.export(traced, dynamo=True, opset_version=OPSET, verbose=False)
    assert program is not None  # it is only where a file was named
    return program.model_proto.SerializeToString()
