"""Which Node.js of this machine runs a runtime."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.errors import UsageError
from tuner.locallambda.sandbox.nodejs import versions
from tuner.locallambda.sandbox.nodejs.versions import Node, nearest, node_for, read_version

NODES = st.lists(st.tuples(st.tuples(*[st.integers(16, 30)] * 3), st.just("/node")), max_size=6)


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch, tmp_path):
    """No Node.js on PATH or in a manager's folder, but for those that a test makes."""
    for variable in versions.VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("N_PREFIX", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    versions.installed.cache_clear()
    yield
    versions.installed.cache_clear()


def make_node(path: Path, version: str) -> Path:
    """A program that says it is this version, at ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\necho "v{version} {path}"\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_node_of_the_version_is_found_on_path_and_in_every_managers_folder(tmp_path):
    paths = {
        "18.1.0": "bin/node",
        "20.1.0": ".nvm/versions/node/v20.1.0/bin/node",
        "20.19.2": ".volta/tools/image/node/20.19.2/bin/node",
        "22.2.0": ".local/share/fnm/node-versions/v22.2.0/installation/bin/node",
        "24.1.0": ".asdf/installs/nodejs/24.1.0/bin/node",
        "25.0.0": ".local/share/mise/installs/node/25.0.0/bin/node",
        "26.1.0": "n/versions/node/26.1.0/bin/node",
    }
    made = {version: make_node(tmp_path / path, version) for version, path in paths.items()}
    for runtime, version in (
        ("nodejs20.x", "20.19.2"),
        ("nodejs22.x", "22.2.0"),
        ("nodejs24.x", "24.1.0"),
        ("nodejs26.x", "26.1.0"),
    ):
        assert node_for(runtime) == Node(read_version(version), str(made[version]))
    assert versions.installed()[0].text == "18.1.0"
    assert versions.default_runtime() == "nodejs22.x"


def test_named_node_comes_before_all_others(tmp_path, monkeypatch):
    make_node(tmp_path / "bin" / "node", "22.0.0")
    other = make_node(tmp_path / "mine" / "bin" / "node", "24.5.6")
    for named in (other, other.parent.parent):
        monkeypatch.setenv("TUNER_NODE", str(named))
        versions.installed.cache_clear()
        assert node_for("nodejs22.x").text == "24.5.6"
    assert versions.default_runtime() == "nodejs24.x"
    monkeypatch.setenv("TUNER_NODE", str(tmp_path / "absent"))
    versions.installed.cache_clear()
    with pytest.raises(UsageError, match=r"absent: is not one that runs"):
        versions.installed()


def test_option_names_node_before_the_variable_and_for_that_run_only(tmp_path, monkeypatch):
    one, two = (make_node(tmp_path / f"{n}" / "node", f"{n}.1.0") for n in (22, 24))
    monkeypatch.setenv("TUNER_NODE", str(one))
    assert node_for("nodejs24.x").path == str(one)
    with versions.naming(str(two)):
        assert node_for("nodejs22.x").path == str(two)
    assert node_for("nodejs24.x").path == str(one)
    with versions.naming(None):
        assert versions.installed() == (Node((22, 1, 0), str(one)),)
    monkeypatch.delenv("TUNER_NODE")
    with pytest.raises(UsageError, match="not one that runs"), versions.naming("/nowhere"):
        pytest.fail("it went on")
    assert versions.installed() == ()


def test_named_node_may_be_a_path_from_here_or_a_name_on_path(tmp_path, monkeypatch):
    here = make_node(tmp_path / "here" / "bin" / "node", "22.1.0")
    on_path = make_node(tmp_path / "bin" / "node24", "24.1.0")
    monkeypatch.chdir(tmp_path)
    for written, path in (("here", here), ("here/bin/node", here), ("node24", on_path)):
        with versions.naming(written):
            assert versions.installed()[0].path == str(path)


def test_named_node_in_the_home_itself_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNER_NODE", str(make_node(tmp_path / "node", "22.1.0")))
    with pytest.raises(UsageError, match="in your home itself"):
        versions.installed()


def test_without_a_fitting_node_the_refusal_lists_what_there_is(tmp_path):
    with pytest.raises(UsageError) as refusal:
        node_for("nodejs22.x")
    assert refusal.value.reason == "needs Node.js 22, or another from 18 on; found: none"
    assert "--node /path/to/node" in refusal.value.fix
    assert len(str(refusal.value).splitlines()) == 2
    make_node(tmp_path / "bin" / "node", "20.1.0")
    versions.installed.cache_clear()
    with pytest.raises(UsageError, match=r"from 22 on; found: 20\.1\.0"):
        node_for("nodejs24.x", least=22)


@given(NODES, st.integers(18, 28), st.integers(16, 24))
def test_nearest_is_the_same_major_else_a_newer_else_an_older_one(found, major, least):
    nodes = [Node(*each) for each in found]
    fitting = [node for node in nodes if node.version[0] >= least]
    best = nearest(nodes, major, least)
    if not fitting:
        assert best is None
        return
    assert best in fitting
    majors = sorted({node.version[0] for node in fitting})
    expected = next((one for one in majors if one >= major), majors[-1])
    assert best.version[0] == expected
    assert best == max(node for node in fitting if node.version[0] == expected)


@given(st.text(max_size=40))
def test_any_text_has_a_version_or_none(text):
    version = read_version(text)
    assert version is None or len(version) == 3


@given(st.tuples(*[st.integers(0, 9999)] * 3), st.sampled_from(["v{}", "x/{}/bin/node", "{}"]))
def test_version_is_read_wherever_it_stands(version, where):
    assert read_version(where.format(".".join(map(str, version)))) == version


def test_program_that_is_no_node_is_passed_over(tmp_path):
    path = make_node(tmp_path / "bin" / "node", "22.0.0")
    path.write_text("#!/bin/sh\nexit 1\n")
    assert versions.installed() == ()
    path.unlink()
    path.symlink_to("/nowhere")
    versions.installed.cache_clear()
    assert versions.installed() == ()
