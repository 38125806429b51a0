"""The project's own workflows and the scripts that they run: pinned, with the least rights."""

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from ruamel.yaml import YAML

from support.schedules import actionlint, checked

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
SCRIPTS = sorted(path for path in (ROOT / ".ci").iterdir() if path.suffix == "")


def test_there_is_a_workflow_for_changes_audits_and_releases() -> None:
    assert [path.stem for path in WORKFLOWS] == ["audit", "ci", "release"]
    audit = YAML(typ="safe").load((ROOT / ".github/workflows/audit.yml").read_text())
    assert list(audit["on"]["schedule"][0]) == ["cron"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_pins_its_actions_and_has_the_least_rights(path: Path) -> None:
    text = path.read_text()
    for action, comment in re.findall(r"uses: (\S+)(.*)", text):
        assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), comment
    workflow = YAML(typ="safe").load(text)
    assert workflow["permissions"] in ({}, {"contents": "read"})
    for name, job in workflow["jobs"].items():
        assert "write" not in str(job.get("permissions")) or name == "publish"
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
            if step.get("run", "").startswith(".ci/"):
                assert ROOT / step["run"] in SCRIPTS
            assert "${{" not in step.get("run", "")  # what a tag is called is no code


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_is_accepted_by_actionlint_and_by_github_s_schema(path: Path) -> None:
    schema = ["--builtin-schema", "vendor.github-workflows"]
    checked(["check-jsonschema", *schema, str(path)], "pip install check-jsonschema")
    actionlint([str(path)])


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_can_be_run_and_read_by_bash(path: Path) -> None:
    assert os.access(path, os.X_OK)
    subprocess.run(["bash", "-n", str(path)], check=True)
    assert "set -euo pipefail" in path.read_text()


@pytest.mark.slow
def test_the_bill_of_materials_names_every_package_with_its_version(tmp_path: Path) -> None:
    file = tmp_path / "tuner.cdx.json"
    beside = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", beside)
        checked(["cyclonedx-py", "--version"], "the dev extra")
        checked([str(ROOT / ".ci/sbom"), sys.executable, str(file)], "part of the sources")
    found = json.loads(file.read_text())
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.6")
    main = found["metadata"]["component"]
    assert (main["name"], main["version"]) == ("tuner", version("tuner"))
    versions = {one["name"].lower(): one["version"] for one in found["components"]}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for line in project["dependencies"]:
        name = Requirement(line).name
        assert versions[name.lower()] == version(name), name
    licensed = [one for one in found["components"] if one.get("licenses")]
    assert len(licensed) > 0.9 * len(found["components"])
