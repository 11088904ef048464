"""What another program reads of an exported network is what torch computes."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from click.testing import CliRunner

from tests.tiny import tiny
from vaelib.cli import main
from vaelib.data.dataset import as_float, load_split
from vaelib.report.export import export
from vaelib.training.run import Run
from vaelib.training.store import RunStore

SPECS = {
    "article": tiny(arch="article"),
    "ours": tiny(arch="ours"),
    "pose": tiny(arch="article", objective="pose", beta=1.0, image_size=32, n_test=60),
}


def assert_torch_s(run: Run, encoder: Path, decoder: Path) -> None:
    """Another program reads and draws what torch does."""
    x = as_float(load_split(run.spec, "test").images)
    with torch.inference_mode():
        codes = run.model.encode(x)[0]
        images = torch.sigmoid(run.model.decode(codes))
    for graph in (onnx.load(encoder).graph, onnx.load(decoder).graph):
        # Several threads of onnxruntime add to one element at once: sums into places are wrong now and then.
        assert "ScatterND" not in {node.op_type for node in graph.node}
    read = onnxruntime.InferenceSession(encoder).run(None, {"image": x.numpy()})[0]
    drawn = onnxruntime.InferenceSession(decoder).run(None, {"code": codes.numpy()})[0]
    np.testing.assert_allclose(read, codes.numpy(), atol=2e-5)
    np.testing.assert_allclose(drawn, images.numpy(), atol=2e-5)


@pytest.mark.parametrize("name", ["ours", "pose"])
def test_onnx_computes_what_torch_does(name, tmp_path):
    run = RunStore(tmp_path / "runs").get(SPECS[name])
    encoder, decoder, script = export(run, tmp_path / "out")
    assert_torch_s(run, encoder, decoder)
    assert script.name == f"{run.id}.js"


def test_the_command_names_its_files_and_refuses_a_run_that_is_not_there(tmp_path):
    run = RunStore(tmp_path / "runs").get(SPECS["article"])
    given = ["--store", str(tmp_path / "runs"), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(main, ["export", run.id[:10], *given])
    assert done.exit_code == 0
    assert sorted(done.output.split()) == sorted(map(str, (tmp_path / "out").iterdir()))
    assert_torch_s(run, *(tmp_path / "out" / f"{run.id}.{part}.onnx" for part in ("encoder", "decoder")))
    refused = CliRunner().invoke(main, ["export", "theirs", *given])
    assert refused.exit_code == 2
    assert "run 'theirs' is not among the 1 finished ones" in refused.output
