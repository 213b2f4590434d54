"""What tests of the templates share: a stage's template without building a package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.packaging.dependencies import ROOT
from deploy.packaging.machine import reaching_out

_WRITE = """
import os, sys
from pathlib import Path
from chalice.utils import UI
from deploy.chalice import Factory, gateway_of
from deploy.packaging.runtimes import of_lambda
from deploy.packaging.templates import app_packager

class Empty:
    def create_deployment_package(self, project_dir, python_version):
        path = Path(sys.argv[2]) / "empty.zip"
        path.write_bytes(b"")
        return str(path)

Factory.target = of_lambda("python3.13", "x86_64")
factory = Factory(sys.argv[1], environ=os.environ)
config = factory.create_config_obj(sys.argv[3])
options, gateway = factory.create_package_options(), gateway_of(config)
for form in ("cloudformation", "terraform"):
    packager = app_packager(config, options, gateway, Empty(), is_terraform=form == "terraform")
    packager.package_app(config, str(Path(sys.argv[2]) / form), sys.argv[3])
"""


def write_templates(folder: Path, stage: str, options: Mapping[str, Any] | None = None) -> tuple[Path, Path]:
    """Write the templates of a stage for CloudFormation and Terraform, and return where they are.

    `options` are put over the stage's in `.chalice/config.json`. A process of its own: `app.py` reads its stage once.
    """
    project = folder / "project"
    (project / ".chalice").mkdir(parents=True)
    for name in ("app.py", "chalicelib"):
        (project / name).symlink_to(ROOT / name)
    config = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))
    config["stages"][stage] |= options or {}
    (project / ".chalice" / "config.json").write_text(json.dumps(config), encoding="utf-8")
    for policy in (ROOT / ".chalice").glob(f"policy-{stage}-*.json"):
        (project / ".chalice" / policy.name).symlink_to(policy)
    # Nothing but what starts a process: the stage's own variables come from its configuration.
    environment = {
        **reaching_out(),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "HOME": str(folder),
        "AWS_DEFAULT_REGION": "eu-central-1",
    }
    done = subprocess.run(
        [sys.executable, "-c", _WRITE, project, folder, stage],
        check=False,
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder / "cloudformation" / "sam.json", folder / "terraform" / "chalice.tf.json"
