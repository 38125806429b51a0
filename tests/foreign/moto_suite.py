#!/usr/bin/env python3
"""Runs moto's own tests of Lambda against the local Lambda. By hand; nothing of moto is kept here.

    pip download --no-deps --no-binary :all: moto && tar xf moto-*.tar.gz
    pip install 'moto[all]' freezegun
    python tests/foreign/moto_suite.py moto-5.2.5 [ARGUMENTS OF pytest]

Lambda's calls go to a local Lambda, which is emptied after each test; those to other services stay
moto's, whose S3 it takes code from.
What is adapted: a call that creates or changes a function or a mapping returns when that has
settled; what moto's CloudFormation does to functions and mappings is done to ours; the account of
moto's tests stands for ours on the wire, and the host of AWS's packages for that of ours.
tests/foreign/moto_differences.md lists what fails, with the reason for each test.
"""

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

THEIRS, OURS = b"123456789012", b"000000000000"  # of one length: sizes on the wire stay right
_LAMBDA = re.compile(r"https?://lambda\.([a-z0-9-]+)\.[a-z0-9.-]+(?=/)")
_SETTLING = {"CreateFunction", "UpdateFunctionCode", "UpdateFunctionConfiguration"}
_here = {"url": ""}  # of the local Lambda
_regions: set[str] = set()  # that a test has used


def pytest_configure() -> None:
    import botocore.client
    import botocore.httpsession
    from botocore.awsrequest import AWSResponse
    from moto.core.botocore_stubber import MockRawResponse
    from moto.core.config import default_user_config

    default_user_config["core"]["passthrough"] = {"urls": [_LAMBDA.pattern], "services": []}
    os.environ |= {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}
    send = botocore.httpsession.URLLib3Session.send
    call = botocore.client.BaseClient._make_api_call

    def sent_to_ours(session: Any, request: Any) -> Any:
        if request.url.startswith(_here["url"]):
            return send(session, request)
        lambdas = _LAMBDA.match(request.url)
        if lambdas is None:
            raise RuntimeError(f"{request.url} is neither moto's nor Lambda's")
        _regions.add(lambdas[1])
        request.url = _LAMBDA.sub(_here["url"], request.url).replace(THEIRS.decode(), OURS.decode())
        if isinstance(request.body, (bytes, bytearray)):
            request.body = bytes(request.body).replace(THEIRS, OURS)
        answer = send(session, request)
        packages = f"https://awslambda-{lambdas[1]}-tasks.s3.{lambdas[1]}.amazonaws.com/"
        told = answer.content.replace(f"{_here['url']}/tuner/packages/".encode(), packages.encode())
        body = MockRawResponse(told.replace(OURS, THEIRS))
        return AWSResponse(request.url, answer.status_code, answer.headers, body)

    def settled(client: Any, operation: str, parameters: Any) -> Any:
        answer = call(client, operation, parameters)
        if operation in _SETTLING and not parameters.get("DryRun"):
            for waiter in ("function_active_v2", "function_updated_v2"):
                client.get_waiter(waiter).wait(
                    FunctionName=answer["FunctionArn"].split(":function:")[1].split(":")[0],
                    WaiterConfig={"Delay": 0.05, "MaxAttempts": 100},
                )
        if operation in ("CreateEventSourceMapping", "UpdateEventSourceMapping"):
            answer["State"] = client.get_event_source_mapping(UUID=answer["UUID"])["State"]
        return answer

    botocore.httpsession.URLLib3Session.send = sent_to_ours
    botocore.client.BaseClient._make_api_call = settled
    _from_stacks_too()


def _from_stacks_too() -> None:
    """Have moto's CloudFormation change the local Lambda as well as moto's."""
    import boto3
    from moto.awslambda.models import EventSourceMapping, LambdaFunction

    mappings: dict[str, str] = {}  # moto's id of one -> ours

    def create_function(ours: Any, name: str, properties: dict[str, Any]) -> None:
        ours.create_function(**properties | {"FunctionName": name})

    def update_function(ours: Any, name: str, properties: dict[str, Any]) -> None:
        told = dict(properties)
        ours.update_function_code(FunctionName=name, **told.pop("Code"))
        ours.update_function_configuration(FunctionName=name, **told)

    def create_mapping(ours: Any, name: str, properties: dict[str, Any]) -> None:
        mappings[name] = ours.create_event_source_mapping(**properties)["UUID"]

    def update_mapping(ours: Any, name: str, properties: dict[str, Any]) -> None:
        told = {key: value for key, value in properties.items() if key != "EventSourceArn"}
        ours.update_event_source_mapping(UUID=mappings[name], **told)

    def followed(kind: Any, verb: str, change: Any) -> None:
        theirs = getattr(kind, f"{verb}_from_cloudformation_json")
        names = list(inspect.signature(theirs).parameters)

        def both(*told: Any, **more: Any) -> Any:
            asked = dict(zip(names, told, strict=False)) | more
            properties = dict(asked["cloudformation_json"]["Properties"])  # moto adds to it
            done = theirs(**asked)
            ours = boto3.client("lambda", asked["region_name"])
            change(ours, done.physical_resource_id, properties)
            return done

        setattr(kind, f"{verb}_from_cloudformation_json", both)

    def deleted(kind: Any, change: Any) -> None:
        theirs = kind.delete

        def both(resource: Any, account: str, region: str) -> None:
            theirs(resource, account, region)
            change(boto3.client("lambda", region), resource.physical_resource_id)

        kind.delete = both

    followed(LambdaFunction, "create", create_function)
    followed(LambdaFunction, "update", update_function)
    followed(EventSourceMapping, "create", create_mapping)
    followed(EventSourceMapping, "update", update_mapping)
    deleted(LambdaFunction, lambda ours, name: ours.delete_function(FunctionName=name))
    deleted(
        EventSourceMapping,
        lambda ours, name: ours.delete_event_source_mapping(UUID=mappings[name]),
    )


@pytest.fixture(scope="session")
def _s3() -> Iterator[str]:
    """moto's services over HTTP, in this process: they hold what the tests put into them."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session", autouse=True)
def _local_lambda(_s3: str) -> Iterator[None]:
    command = [sys.executable, "-P", "-m", "tuner.locallambda", "--parent-pipe"]
    command += ["--s3-endpoint", _s3]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin and server.stdout
        _here["url"] = server.stdout.readline().strip()
        yield
        server.stdin.close()


@pytest.fixture(autouse=True, scope="class")  # a function without a class is one of its own
def _emptied(_local_lambda: None) -> Iterator[None]:
    yield
    import boto3

    for region in _regions:
        ours = boto3.client("lambda", region, endpoint_url=_here["url"])
        for mapping in ours.list_event_source_mappings()["EventSourceMappings"]:
            ours.delete_event_source_mapping(UUID=mapping["UUID"])
        for function in ours.list_functions()["Functions"]:
            ours.delete_function(FunctionName=function["FunctionName"])
        for layer in ours.list_layers()["Layers"]:
            name = layer["LayerName"]
            for version in ours.list_layer_versions(LayerName=name)["LayerVersions"]:
                ours.delete_layer_version(LayerName=name, VersionNumber=version["Version"])
    _regions.clear()


def main() -> int:
    if len(sys.argv) < 2 or not (Path(sys.argv[1]) / "tests" / "test_awslambda").is_dir():
        sys.stderr.write(__doc__ or "")
        return 2
    here = Path(__file__).resolve()
    path = os.pathsep.join([str(here.parent), os.environ.get("PYTHONPATH", "")])
    arguments = sys.argv[2:] or ["tests/test_awslambda"]
    options = ["-p", here.stem, "-o", "addopts=", "-p", "no:cacheprovider", "-q", "-rfs"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--tb=short", *arguments],
        cwd=sys.argv[1],
        env=os.environ | {"PYTHONPATH": path},
        check=False,
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
