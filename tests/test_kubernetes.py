"""The manifest of a job against the schemas of the Kubernetes API, and what its status is taken for."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from vaelib.profiles import ROOT

PROFILE = ROOT / "workflow/profiles/kubernetes"


@pytest.fixture
def kubectl(tmp_path, monkeypatch):
    """A stand-in that keeps what it reads, says a text and ends with a code."""

    def says(text: str, code: int = 0) -> None:
        stdin = f"cat > '{tmp_path}/manifest'" if text.startswith("job") else "true"
        path = tmp_path / "bin/kubectl"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{stdin}\nprintf '%s' '{text}'\nexit {code}\n")
        path.chmod(0o755)

    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    return says


def manifest(kubectl, folder: Path, checkout: Path) -> dict:
    kubectl("job.batch/vaelib-1")
    checkout.mkdir()
    subprocess.run(
        [PROFILE / "submit.sh", f"{checkout}/script.sh"],
        cwd=checkout,
        env=os.environ | {"XDG_CACHE_HOME": f"{checkout}/cache"},
        check=True,
    )
    return yaml.safe_load((folder / "manifest").read_text())


@pytest.mark.parametrize("name", ["checkout", "a reader's {book} $é", 'a|b & "c" \\d #e: f'])
def test_a_manifest_names_the_checkout_whatever_its_path(kubectl, tmp_path, name):
    checkout = tmp_path / name
    (container,) = manifest(kubectl, tmp_path, checkout)["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["sh", f"{checkout}/script.sh"]
    assert container["workingDir"] == container["volumeMounts"][0]["mountPath"] == str(checkout)
    assert container["env"] == [{"name": "XDG_CACHE_HOME", "value": f"{checkout}/cache"}]


@pytest.mark.parametrize(
    ("text", "code", "status"),
    [
        ("1/", 0, "success"),
        ("/1", 0, "failed"),
        ("/", 0, "running"),
        ("", 0, "failed"),  # deleted
        ("", 1, "running"),  # no answer
    ],
)
def test_a_deleted_job_has_failed_and_one_that_cannot_be_asked_for_is_at_work(kubectl, text, code, status):
    kubectl(text, code)
    told = subprocess.run([PROFILE / "status.sh", "job.batch/vaelib-1"], capture_output=True, text=True)
    assert told.stdout.strip() == status


@pytest.mark.cluster
@pytest.mark.parametrize("version", ["1.25", "1.31", "1.37"])
def test_a_manifest_is_what_the_api_accepts(kubectl, tmp_path, version):
    import kubernetes_validate

    job = manifest(kubectl, tmp_path, tmp_path / "checkout")
    assert kubernetes_validate.validate(job, version, strict=True) == version
    container = job["spec"]["template"]["spec"]["containers"][0]
    for spoilt in ({"workDir": "/"}, {"volumeMounts": "checkout"}, {"image": 1}):
        job["spec"]["template"]["spec"]["containers"] = [container | spoilt]
        with pytest.raises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(job, version, strict=True)
