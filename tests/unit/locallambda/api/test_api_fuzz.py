"""Whatever a client sends is answered with success or AWS's kind of error, never with a fault."""

import io
import shutil
import socket
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from tuner.locallambda.api.requests import check_host, region_of
from tuner.locallambda.logs import Logs, handle
from tuner.locallambda.registry.packages import unpack
from tuner.locallambda.responses import ApiError
from tuner.locallambda.sandbox.invocation import SandboxSpec

#: A sandbox whose log goes to the group "g".
SPEC = SandboxSpec(
    "f", "$LATEST", "arn", "eu-west-1", 128, 3.0, "app.handler", "python3.13", {}, Path(), "g", "s"
)

SHARED = examples(80)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
KEYS = st.sampled_from(
    [
        "MemorySize",
        "Timeout",
        "Handler",
        "Runtime",
        "Role",
        "Environment",
        "Tags",
        "Layers",
        "LoggingConfig",
        "Architectures",
        "Description",
        "Code",
        "VpcConfig",
        "DeadLetterConfig",
        "RevisionId",
        "Publish",
        "ZipFile",
        "DryRun",
        "Name",
        "FunctionVersion",
        "RoutingConfig",
        "MaximumRetryAttempts",
        "DestinationConfig",
        "CodeSha256",
        "ReservedConcurrentExecutions",
        "ProvisionedConcurrentExecutions",
    ]
)
NESTED = st.dictionaries(
    st.sampled_from(
        [
            "Variables",
            "LogFormat",
            "SystemLogLevel",
            "LogGroup",
            "ZipFile",
            "Size",
            "AdditionalVersionWeights",
            "OnFailure",
            "Destination",
            "TargetArn",
        ]
    ),
    JSON | st.fixed_dictionaries({"Destination": JSON}) | st.just({"2": 0.5}),
)
BODIES = st.dictionaries(KEYS, JSON | NESTED, max_size=5)
PATHS = st.sampled_from(
    [
        ("PUT", "/2015-03-31/functions/f/configuration"),
        ("PUT", "/2015-03-31/functions/f/code"),
        ("POST", "/2015-03-31/functions/f/versions"),
        ("POST", "/2015-03-31/functions/f/aliases"),
        ("PUT", "/2015-03-31/functions/f/aliases/live"),
        ("PUT", "/2017-10-31/functions/f/concurrency"),
        ("PUT", "/2019-09-30/functions/f:1/provisioned-concurrency"),
        ("PUT", "/2019-09-25/functions/f/event-invoke-config"),
        ("POST", "/2017-03-31/tags/arn:aws:lambda:eu-west-1:000000000000:function:f"),
    ]
)


@SHARED
@given(body=BODIES)
def test_any_creation_is_made_or_refused(api: Any, body: dict[str, Any]) -> None:
    reply = api.create("g", **body)
    assert reply.status == 201 or (400 <= reply.status < 500 and reply.error and reply.text)
    api.call("DELETE", "/2015-03-31/functions/g")


@SHARED
@given(where=PATHS, body=BODIES)
def test_any_change_is_made_or_refused_and_the_function_still_runs(
    api: Any, where: tuple[str, str], body: dict[str, Any]
) -> None:
    api.create()
    api.call("POST", "/2015-03-31/functions/f/aliases", {"Name": "live", "FunctionVersion": "1"})
    api.later()
    reply = api.call(*where, body)
    assert reply.status < 300 or (400 <= reply.status < 500 and reply.error and reply.text)
    api.later()
    assert api.call("GET", "/2015-03-31/functions/f").body["Configuration"]["State"] == "Active"
    assert api.invoke("f").status in (200, 429)


@given(
    names=st.lists(st.text("./ab\\:", min_size=1, max_size=9), min_size=1, max_size=4),
    damage=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=3),
)
@SHARED
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_any_archive_stays_in_its_folder(
    tmp_path: Path, names: list[str], damage: list[tuple[int, int]]
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number, name in enumerate(names):
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o120777 if number % 2 else 0o644) << 16  # every other a link
            archive.writestr(entry, names[0])
    raw = bytearray(packed.getvalue())
    for at, value in damage:
        raw[at % len(raw)] = value
    home = tmp_path / "home"
    (home / "task").mkdir(parents=True)
    try:
        unpack(bytes(raw), home / "task")
        for path in (home / "task").rglob("*"):
            assert path.resolve().is_relative_to((home / "task").resolve())
    except ApiError as error:
        assert error.status in (400, 413)
    finally:
        outside = [*tmp_path.iterdir(), *home.iterdir()]
        shutil.rmtree(home)
    assert [path.name for path in outside] == ["home", "task"]


@given(st.text(max_size=60), st.booleans())
def test_any_authorization_gives_a_region_or_is_refused(text: str, signed: bool) -> None:
    start = "AWS4-HMAC-SHA256 Credential=" if signed else ""
    try:
        assert region_of(start + text)
    except ApiError as error:
        assert error.status in (400, 403)


@pytest.mark.parametrize("region", ["..", ".", "a" * 300, "eu_west", "\\", "a\0b", "é"])
def test_a_region_that_could_name_another_folder_is_refused(region: str) -> None:
    scope = f"AWS4-HMAC-SHA256 Credential=a/2026/{region}/lambda/aws4_request"
    with pytest.raises(ApiError) as refused:
        region_of(scope)
    assert refused.value.status == 400


@given(st.text(max_size=40))
def test_any_host_is_taken_or_refused(host: str) -> None:
    try:
        check_host(host, "127.0.0.1")
    except ApiError as error:
        assert error.status == 403


@pytest.mark.parametrize("listening", ["127.0.0.1", "0.0.0.0", "::", "box.example"])
def test_a_foreign_name_is_refused_wherever_it_listens(listening: str) -> None:
    with pytest.raises(ApiError):
        check_host("rebind.example:4577", listening)
    check_host("10.1.2.3:4577", listening)


def test_beyond_loopback_the_names_of_the_machine_are_taken() -> None:
    own = socket.gethostname()
    check_host(f"{own}:4577", "0.0.0.0")
    check_host("Box.example:4577", "box.example")
    with pytest.raises(ApiError):
        check_host(f"{own}:4577", "127.0.0.1")


@given(st.dictionaries(st.sampled_from(["logGroupName", "startTime", "limit", "nextToken"]), JSON))
def test_any_question_for_logs_is_answered(body: dict[str, Any]) -> None:
    import json

    logs = Logs()
    logs.begin(SPEC, 1.0, b"START\nEND\n")
    try:
        raw = json.dumps({"logGroupName": "g", **body}).encode()
        assert handle(logs, "eu-west-1", "Logs_20140328.FilterLogEvents", raw).status == 200
    except ApiError as error:
        assert error.status == 400
