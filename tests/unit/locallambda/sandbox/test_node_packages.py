"""AWS's client and SDK for Node.js: fetched once, pinned, and refused in two lines if absent."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.nodejs import node_runtime
from tuner.errors import UsageError
from tuner.locallambda.sandbox.nodejs import client, npm, sdk
from tuner.locallambda.sandbox.nodejs.versions import Node, node_for

NODE = Node((22, 1, 0), "/nowhere/bin/node")
S3 = "@aws-sdk/client-s3"


@pytest.fixture
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    sdk._failed.clear()
    return tmp_path / "tuner" / "nodejs"


@pytest.fixture
def npm_says(monkeypatch, tmp_path):
    """``npm_says(script)`` puts a program in the place of npm."""

    def put(script: str) -> None:
        program = tmp_path / "bin" / "npm"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")

    return put


def refusal() -> UsageError:
    with pytest.raises(UsageError) as refused:
        client.fetch(client.client_for("nodejs22.x"), NODE)
    assert len(str(refused.value).splitlines()) == 2
    return refused.value


def test_without_npm_the_client_is_refused_with_the_way_to_bring_it(own_cache, monkeypatch):
    monkeypatch.setenv("PATH", "")
    refused = refusal()
    assert refused.reason.endswith("aws-lambda-ric@3.3.0 is not here, and npm is not installed")
    assert f"npm pack aws-lambda-ric@3.3.0` where npm works, and put the file into {own_cache}" in (
        refused.fix
    )


def test_without_a_network_npms_reason_is_told(own_cache, npm_says):
    lines = ("code ENOTFOUND", "syscall getaddrinfo", "errno -3", "no such host")
    npm_says("; ".join(f"echo 'npm error {line}' >&2" for line in lines) + "; exit 1")
    assert refusal().reason.endswith("npm failed: no such host (ENOTFOUND)")
    npm_says("exit 0")
    assert refusal().reason.endswith("npm gave another file")


def test_package_that_is_not_what_was_published_is_not_run(own_cache):
    own_cache.mkdir(parents=True)
    (own_cache / "aws-lambda-ric-3.3.0.tgz").write_bytes(b"something else")
    refused = refusal()
    assert refused.reason == "is not the package that AWS published"
    assert refused.thing == str(own_cache / "aws-lambda-ric-3.3.0.tgz")


def test_client_with_a_compiled_half_is_preferred_if_it_is_the_same(tmp_path):
    wanted = client.client_for(node_runtime())
    node = node_for(node_runtime())
    folder = client.runtime_folder(wanted, node, tmp_path)
    assert (folder / "rapid-client.node" / "index.js").is_file()
    package = tmp_path / "lib" / "node_modules" / "aws-lambda-ric"
    native = package / Path(wanted.code).relative_to("package").parent / "rapid-client.node"
    native.parent.mkdir(parents=True)
    native.write_bytes(b"compiled")
    installed = Node(node.version, str(tmp_path / "bin" / "node"))
    for version, compiled in (("0.0.1", False), (wanted.version, True)):
        (package / "package.json").write_text(json.dumps({"version": version}))
        client.runtime_folder.cache_clear()
        folder = client.runtime_folder(wanted, installed, tmp_path)
        assert (folder / "rapid-client.node").is_file() == compiled


def test_packages_of_the_sdk_are_those_that_code_names_and_does_not_bring():
    files = {
        "app.mjs": f"import {{ S3Client }} from '{S3}';",
        "lib/db.js": 'require("@aws-sdk/lib-dynamodb"); require(`@smithy/node-http-handler`);',
        "types.ts": "import '@aws-sdk/client-ses'",
        "node_modules/@aws-sdk/lib-dynamodb/package.json": "{}",
        "node_modules/power/index.js": "require('@aws-sdk/client-kms')",
        "node_modules/power/package.json": '{"peerDependencies": {"@aws-sdk/client-ssm": "3"}}',
        "node_modules/odd/package.json": "[",
    }
    found = sdk.wanted_of(files, lambda path: files[path].encode())
    assert found == {S3, "@smithy/node-http-handler", "@aws-sdk/client-ssm"}


@given(st.dictionaries(st.text(max_size=20), st.binary(max_size=60), max_size=5))
def test_no_package_breaks_the_search_for_the_sdk(files):
    found = sdk.wanted_of(files, files.__getitem__)
    assert all(name.startswith(("@aws-sdk/", "@smithy/")) for name in found)


def test_sdk_that_npm_does_not_give_is_absent_and_asked_for_once(own_cache, npm_says, tmp_path):
    npm_says(f"echo called >> {tmp_path}/calls; echo 'npm error code E404' >&2; exit 1")
    names = frozenset({S3})
    assert sdk.fetch(names, NODE) == sdk.fetch(names, NODE) == "npm failed: no reason given (E404)"
    assert (tmp_path / "calls").read_text() == "called\n"
    assert sdk.folder_of(names) is None
    assert list(own_cache.iterdir()) == []


def test_sdk_that_npm_gives_stays_in_the_cache(own_cache, npm_says):
    npm_says(f"mkdir -p node_modules/{S3}; echo $* > node_modules/asked")
    names = frozenset({S3})
    assert sdk.fetch(names, NODE) is None
    folder = sdk.folder_of(names)
    assert folder is not None
    assert (folder / S3).is_dir()
    asked = (folder / "asked").read_text()
    assert f"install {S3}@3 --ignore-scripts" in asked
    npm_says("exit 1")
    assert sdk.fetch(names, NODE) is None


def test_name_that_npm_does_not_know_does_not_cost_the_others(own_cache, npm_says):
    npm_says(
        'case "$*" in *@aws-sdk/own@3*)'
        " echo 'npm error code E404' >&2;"
        " echo 'npm error 404 @aws-sdk/own@3 is not in this registry' >&2; exit 1;; esac;"
        f" mkdir -p node_modules/{S3}"
    )
    names = frozenset({S3, "@aws-sdk/own"})
    assert sdk.fetch(names, NODE) is None
    assert sdk.absent(names) == {"@aws-sdk/own"}
    assert sdk.absent(frozenset({S3})) == {S3}


def test_cache_that_cannot_be_written_is_said(own_cache, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(Exception, match="Set XDG_CACHE_HOME"):
        npm.cache_folder()
