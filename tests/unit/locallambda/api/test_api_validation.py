"""Bad requests: refused in AWS's words, and nothing is lost or made."""

import base64
import io
import json
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from tuner.locallambda.registry import packages
from tuner.locallambda.registry.names import FunctionRef, read_reference
from tuner.locallambda.registry.packages import unpack
from tuner.locallambda.registry.validation import read_body
from tuner.locallambda.responses import ApiError
from tuner.locallambda.sandbox.runtime_command import RUNTIMES


def test_memory_below_and_above_the_bounds_is_told_at_once_with_the_rest(api: Any) -> None:
    reply = api.create(MemorySize=5555555, Timeout=0)
    assert (reply.status, reply.error) == (400, "ValidationException")
    assert reply.body == {
        "message": "2 validation errors detected: Value '5555555' at 'memorySize' failed to "
        "satisfy constraint: Member must have value less than or equal to 10240; Value '0' at "
        "'timeout' failed to satisfy constraint: Member must have value greater than or equal to 1"
    }
    assert api.create(MemorySize=127).text == (
        "1 validation error detected: Value '127' at 'memorySize' failed to satisfy constraint: "
        "Member must have value greater than or equal to 128"
    )


@pytest.mark.parametrize(("size", "bound"), [(511, "greater"), (3_000_000, "less")])
def test_the_size_of_tmp_has_bounds(api: Any, size: int, bound: str) -> None:
    reply = api.create(EphemeralStorage={"Size": size})
    assert (reply.status, reply.error) == (400, "ValidationException")
    limit = 512 if bound == "greater" else 10240
    assert reply.text == (
        f"1 validation error detected: Value '{size}' at 'ephemeralStorage.size' failed to satisfy "
        f"constraint: Member must have value {bound} than or equal to {limit}"
    )


FSAP = "arn:aws:elasticfilesystem:eu-west-1:000000000000:access-point/fsap-0123456789abcdef0"
LACKING = [
    ({"LoggingConfig": {"LogGroup": "a b"}}, "'a b' at 'loggingConfig.logGroup'", "pattern"),
    ({"LoggingConfig": {"LogGroup": "g" * 513}}, "at 'loggingConfig.logGroup'", "equal to 512"),
    (
        {"LoggingConfig": {"LogFormat": "JSON", "ApplicationLogLevel": "LOUD"}},
        "'LOUD' at 'loggingConfig.applicationLogLevel'",
        "[TRACE, DEBUG, INFO, WARN, ERROR, FATAL]",
    ),
    (
        {"LoggingConfig": {"LogFormat": "JSON", "SystemLogLevel": "ERROR"}},
        "'ERROR' at 'loggingConfig.systemLogLevel'",
        "[DEBUG, INFO, WARN]",
    ),
    ({"LoggingConfig": {"LogFormat": "XML"}}, "'XML' at 'loggingConfig.logFormat'", "[JSON, Text]"),
    ({"KMSKeyArn": "my key"}, "'my key' at 'kMSKeyArn'", "pattern"),
    ({"DeadLetterConfig": {"TargetArn": "q"}}, "'q' at 'deadLetterConfig.targetArn'", "pattern"),
    ({"EphemeralStorage": {}}, "null at 'ephemeralStorage.size'", "must not be null"),
    (
        {"FileSystemConfigs": [{"Arn": "x", "LocalMountPath": "/mnt/a"}]},
        "'x' at 'fileSystemConfigs.1.member.arn'",
        "pattern",
    ),
    (
        {"FileSystemConfigs": [{"Arn": FSAP, "LocalMountPath": "/data"}]},
        "'/data' at 'fileSystemConfigs.1.member.localMountPath'",
        "pattern: /mnt/[a-zA-Z0-9-_.]+",
    ),
    (
        {"FileSystemConfigs": [{"Arn": FSAP}]},
        "null at 'fileSystemConfigs.1.member.localMountPath'",
        "must not be null",
    ),
    (
        {"FileSystemConfigs": [{"Arn": FSAP, "LocalMountPath": "/mnt/a"}] * 2},
        "at 'fileSystemConfigs'",
        "length less than or equal to 1",
    ),
]


@pytest.mark.parametrize(("setting", "what", "why"), LACKING, ids=[one[1] for one in LACKING])
def test_settings_that_the_model_forbids_are_refused(
    api: Any, setting: dict[str, Any], what: str, why: str
) -> None:
    path = api.ready()
    for reply in (
        api.create("other", **setting),
        api.call("PUT", f"{path}/configuration", setting),
    ):
        assert (reply.status, reply.error) == (400, "ValidationException")
        assert reply.text.startswith("1 validation error detected: Value ")
        assert what in reply.text and why in reply.text


@pytest.mark.parametrize(
    "setting",
    [
        {"LoggingConfig": {"LogGroup": 1}},
        {"EphemeralStorage": {"Size": "512"}},
        {"FileSystemConfigs": ["x"]},
    ],
)
def test_settings_of_another_type_are_unreadable(api: Any, setting: dict[str, Any]) -> None:
    assert api.create(**setting).error == "SerializationException"


def test_settings_as_the_model_has_them_are_kept(api: Any) -> None:
    given = {
        "KMSKeyArn": "arn:aws:kms:eu-west-1:000000000000:key/1",
        "FileSystemConfigs": [{"Arn": FSAP, "LocalMountPath": "/mnt/data"}],
        "DeadLetterConfig": {"TargetArn": ""},
    }
    made = api.create(**given, Tags={"Größe 1": "a:b/c=d+e-f@g"})
    assert made.status == 201
    assert {key: made.body[key] for key in given} == given


def test_a_function_has_one_architecture_at_least(api: Any) -> None:
    assert api.create(Architectures=[]).text == (
        "1 validation error detected: Value '[]' at 'architectures' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1"
    )


def test_a_variable_with_a_null_character_is_refused(api: Any) -> None:
    reply = api.create(Environment={"Variables": {"FINE": "y", "BAD": "a\0b"}})
    assert reply.error == "InvalidParameterValueException"
    assert "BAD has a null character" in reply.text


@pytest.mark.parametrize(
    ("tags", "error", "text"),
    [
        ({"k" * 129: ""}, "ValidationException", "Map keys must satisfy constraint: [Member must"),
        ({"": ""}, "ValidationException", "greater than or equal to 1,"),
        ({"k": "v" * 257}, "ValidationException", "Map value must satisfy constraint: [Member"),
        ({"k": "a*b"}, "ValidationException", "regular expression pattern: ([\\p{L}"),
        ({"aws:x": ""}, "InvalidParameterValueException", "aws: prefixed tag key names"),
    ],
)
def test_tags_that_lambda_does_not_take_are_refused(
    api: Any, tags: dict[str, str], error: str, text: str
) -> None:
    arn = api.create("f").body["FunctionArn"]
    api.later()
    for reply in (
        api.create("g", Tags=tags),
        api.call("POST", f"/2017-03-31/tags/{arn}", {"Tags": tags}),
    ):
        assert reply.error == error and text in reply.text
    assert api.call("GET", f"/2017-03-31/tags/{arn}").body == {"Tags": {}}


def test_a_way_of_tracing_that_lambda_lacks_is_refused(api: Any) -> None:
    reply = api.create(TracingConfig={"Mode": "on"})
    assert (reply.status, reply.error) == (400, "ValidationException")
    assert reply.text == (
        "1 validation error detected: Value 'on' at 'tracingConfig.mode' failed to satisfy "
        "constraint: Member must satisfy enum value set: [Active, PassThrough]"
    )
    assert api.create(TracingConfig={"Mode": "Active"}).body["TracingConfig"] == {"Mode": "Active"}


@pytest.mark.parametrize("memory", [128, 129, 1769, 3009, 10240])
def test_every_whole_number_of_mb_in_bounds_is_taken(api: Any, memory: int) -> None:
    assert api.create(MemorySize=memory).body["MemorySize"] == memory


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"MemorySize": "512"}, "STRING_VALUE can not be converted to an Integer (MemorySize)"),
        ({"MemorySize": 128.5}, "DECIMAL_VALUE can not be converted to an Integer (MemorySize)"),
        ({"MemorySize": True}, "BOOLEAN_VALUE can not be converted to an Integer (MemorySize)"),
        ({"Handler": ["x"]}, "START_ARRAY can not be converted to a String (Handler)"),
        ({"Environment": "x"}, "STRING_VALUE can not be converted to an Object (Environment)"),
    ],
)
def test_a_value_of_another_type_is_refused(api: Any, more: dict[str, Any], text: str) -> None:
    reply = api.create(**more)
    assert (reply.status, reply.error, reply.text) == (400, "SerializationException", text)


def test_an_unknown_runtime_lists_the_known_ones_without_a_count(api: Any) -> None:
    reply = api.create(Runtime="cobol85")
    assert (reply.status, reply.error) == (400, "InvalidParameterValueException")
    assert reply.text.startswith(
        "Value cobol85 at 'runtime' failed to satisfy constraint: Member must satisfy enum value "
        "set: [nodejs20.x, "
    )
    assert reply.text.endswith("] or be a valid ARN")


def test_a_runtime_of_aws_that_cannot_run_here_says_so(api: Any) -> None:
    for runtime, way in (("java21", "native image"), ("dotnet8", "ahead of time"), ("ruby3.4", "")):
        reply = api.create(Runtime=runtime)
        assert reply.error == "InvalidParameterValueException"
        assert f"The runtime {runtime} runs on AWS but not on the local Lambda" in reply.text
        assert way in reply.text
        assert "run its container image" in reply.text


def test_python_and_provided_runtimes_are_taken(api: Any) -> None:
    here = [name for name in RUNTIMES if name.startswith(("python3", "provided"))]
    for number, runtime in enumerate(here):
        assert api.create(f"f{number}", Runtime=runtime).status == 201


def test_a_package_type_that_lambda_does_not_know_is_refused_by_the_model(api: Any) -> None:
    reply = api.create(PackageType="ZIP")
    assert (reply.status, reply.error) == (400, "ValidationException")
    assert reply.text == (
        "1 validation error detected: Value 'ZIP' at 'packageType' failed to satisfy constraint: "
        "Member must satisfy enum value set: [Image, Zip]"
    )
    image = api.create(PackageType="Image", Code={"ImageUri": "registry/image:1"})
    assert "a container image runs on AWS" in image.text


def test_handler_and_runtime_are_needed_for_a_zip(api: Any) -> None:
    for missing in ("Handler", "Runtime"):
        reply = api.create(**{missing: None})
        assert reply.text == (
            "Runtime and Handler are mandatory parameters for functions created with deployment "
            "packages."
        )


def test_a_handler_with_blanks_and_a_role_that_is_none_are_both_told(api: Any) -> None:
    reply = api.create(Handler="app handler", Role="me")
    assert reply.error == "ValidationException"
    assert reply.text.startswith("2 validation errors detected: ")
    assert r"at 'handler' failed to satisfy constraint: Member must satisfy regular" in reply.text
    assert "Value 'me' at 'role'" in reply.text


@pytest.mark.parametrize("name", ["a b", "f/g", "ü", "f:1:2", "", "a.b"])
def test_a_malformed_name_is_refused_with_the_pattern(api: Any, name: str) -> None:
    reply = api.create(name)
    assert (reply.status, reply.error) == (400, "ValidationException")
    assert reply.text.startswith(
        f"1 validation error detected: Value '{name}' at 'functionName' failed to satisfy "
        "constraint: Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda"
    )


def test_the_environment_is_limited_to_four_kilobytes(api: Any) -> None:
    assert api.create("fits", Environment={"Variables": {"LARGE": "x" * 4080}}).status == 201
    reply = api.create(Environment={"Variables": {"LARGE": "x" * 4096}})
    assert (reply.status, reply.error) == (400, "InvalidParameterValueException")
    assert reply.text == (
        "Lambda was unable to configure your environment variables because the environment "
        "variables you have provided exceeded the 4KB limit. String measured: "
        '{"LARGE":"' + "x" * 4096 + '"}'
    )


@pytest.mark.parametrize("name", ["1A", "_A", "A", "A-B", "A B", "É1", "", "_HANDLER", "AB\n"])
def test_a_name_that_no_variable_may_have_is_refused(api: Any, name: str) -> None:
    reply = api.create(Environment={"Variables": {name: "x"}})
    assert (reply.status, reply.error) == (400, "ValidationException")
    assert reply.text == (
        "1 validation error detected: Value at 'environment.variables' failed to satisfy "
        "constraint: Map keys must satisfy constraint: [Member must satisfy regular expression "
        "pattern: [a-zA-Z]([a-zA-Z0-9_])+]"
    )


def test_reserved_variables_are_named(api: Any) -> None:
    reply = api.create(Environment={"Variables": {"AWS_REGION": "x", "FINE": "y"}})
    assert reply.text.endswith("Reserved keys used in this request: AWS_REGION")


def test_json_log_levels_need_the_json_format(api: Any) -> None:
    reply = api.create(LoggingConfig={"SystemLogLevel": "WARN"})
    assert reply.error == "InvalidParameterValueException"
    made = api.create(LoggingConfig={"LogFormat": "JSON", "SystemLogLevel": "WARN"})
    assert made.body["LoggingConfig"] == {
        "LogFormat": "JSON",
        "ApplicationLogLevel": "INFO",
        "SystemLogLevel": "WARN",
        "LogGroup": "/aws/lambda/f",
    }
    api.later()
    api.invoke("f")
    assert api.host.made[0].spec.system_log_level == "WARN"
    path = "/2015-03-31/functions/f/configuration"
    back = api.call("PUT", path, {"LoggingConfig": {"LogFormat": "Text"}})
    assert back.body["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": "/aws/lambda/f"}


CORRUPT = "Could not unzip uploaded file. Please check your file, then try to upload again."


def packed(**entries: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize("archive", [b"", b"not a zip", packed(a="b" * 500)[:-30]])
def test_a_corrupt_zip_is_refused_and_leaves_nothing(api: Any, archive: bytes) -> None:
    reply = api.create(Code={"ZipFile": base64.b64encode(archive).decode()})
    assert (reply.status, reply.error) == (400, "InvalidParameterValueException")
    assert reply.text == CORRUPT
    assert api.call("GET", "/2015-03-31/functions/f").status == 404
    assert list((api.folder / "packages").iterdir()) == []


def test_a_zip_with_a_damaged_member_is_corrupt(tmp_path: Any) -> None:
    archive = bytearray(packed(app="x" * 300))
    archive[100] ^= 0xFF
    with pytest.raises(ApiError, match="Could not unzip"):
        unpack(bytes(archive), tmp_path)


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/etc/evil", "a/b/../../../evil"])
def test_an_entry_that_leaves_the_task_folder_is_refused(tmp_path: Any, name: str) -> None:
    task = tmp_path / "one" / "task"
    task.mkdir(parents=True)
    with pytest.raises(ApiError, match="outside of the task folder"):
        unpack(packed(**{name: "x"}), task)
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("target", ["/etc/passwd", "../../outside", "sub/../../x"])
def test_a_link_that_leaves_the_task_folder_is_refused(tmp_path: Any, target: str) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        entry = zipfile.ZipInfo("link")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, target)
    with pytest.raises(ApiError, match="outside of the task folder"):
        unpack(out.getvalue(), tmp_path)


def test_a_link_inside_the_task_folder_works_and_bootstrap_stays_executable(tmp_path: Any) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("lib/current")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "../bootstrap")
        program = zipfile.ZipInfo("bootstrap")
        program.external_attr = 0o755 << 16
        archive.writestr(program, "#!/bin/sh\n")
    unpack(out.getvalue(), tmp_path)
    assert (tmp_path / "lib/current").read_text() == "#!/bin/sh\n"
    assert (tmp_path / "bootstrap").stat().st_mode & 0o111


def test_zip_sizes_are_limited(api: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(packages, "MAX_ZIPPED", 50)
    reply = api.create()
    assert (reply.status, reply.error) == (413, "RequestEntityTooLargeException")
    assert reply.text == "Zipped size must be smaller than 50 bytes"
    monkeypatch.setattr(packages, "MAX_UNZIPPED", 10)
    with pytest.raises(ApiError, match="Unzipped size must be smaller than 10 bytes"):
        unpack(packed(app="x" * 11), tmp_path)


def test_code_that_lies_elsewhere_is_refused_with_advice(api: Any) -> None:
    for code in ({"S3Bucket": "b", "S3Key": "k"}, {"ImageUri": "x"}):
        assert "Upload the package itself as ZipFile" in api.create(Code=code).text


@examples(200)
@given(st.binary(max_size=300))
def test_any_bytes_as_a_body_are_read_or_refused(raw: bytes) -> None:
    try:
        body = read_body(raw)
    except ApiError as error:
        assert error.status == 400
    else:
        assert isinstance(body, dict)


@examples(200)
@given(st.text(max_size=90), st.one_of(st.none(), st.text(max_size=10)))
def test_any_text_as_a_name_is_read_or_refused(text: str, qualifier: str | None) -> None:
    try:
        ref = read_reference(text, "eu-west-1", qualifier)
    except ApiError as error:
        assert error.status in (400, 403, 404)
    else:
        assert ref.name in text


@given(
    name=st.from_regex(r"[a-zA-Z0-9-_]{1,64}", fullmatch=True),
    qualifier=st.one_of(st.none(), st.from_regex(r"\$LATEST|[a-zA-Z0-9-_]{1,20}", fullmatch=True)),
)
def test_every_way_to_write_a_function_means_the_same(name: str, qualifier: str | None) -> None:
    meant = FunctionRef("eu-west-1", name, qualifier)
    end = f":{qualifier}" if qualifier else ""
    for text in (
        f"function:{name}{end}",
        f"000000000000:function:{name}{end}",
        f"arn:aws:lambda:eu-west-1:000000000000:function:{name}{end}",
    ):
        assert read_reference(text, "eu-west-1") == meant
    assert read_reference(name, "eu-west-1", qualifier) == meant


def test_a_request_beyond_the_limit_names_its_operation(api: Any) -> None:
    from tuner.locallambda.api.requests import MAX_REQUEST

    reply = api.call("POST", "/2015-03-31/functions", b" " * MAX_REQUEST)
    assert (reply.status, reply.error) == (413, "RequestEntityTooLargeException")
    assert reply.text == (
        "Request must be smaller than 70167211 bytes for the CreateFunction operation"
    )


def test_an_unknown_path_is_named(api: Any) -> None:
    reply = api.call("GET", "/2015-03-31/event-source-nothings")
    assert (reply.status, reply.error) == (404, "UnknownOperationException")
    assert json.dumps("event-source-nothings")[1:-1] in reply.text


def test_a_package_of_very_many_files_is_refused_before_it_is_read(tmp_path: Path) -> None:
    entry = b"PK\x01\x02" + b"\0" * 42
    with pytest.raises(ApiError, match="at most 100,000 entries"):
        unpack(entry * 200_000, tmp_path)
    assert list(tmp_path.iterdir()) == []


_ON_A_FULL_DISK = """
import io, os, sys, zipfile
from pathlib import Path
from tuner.locallambda.registry.packages import PackageStore
from tuner.locallambda.responses import ApiError

folder, made = Path(sys.argv[1]), io.BytesIO()
with zipfile.ZipFile(made, "w") as archive:
    for number in range(40):
        archive.writestr(f"{number}.bin", os.urandom(100_000))
try:
    PackageStore(folder).add(made.getvalue())
except ApiError as error:
    print(error.code, error.text)
print(os.listdir(folder))
"""


def test_a_disk_that_is_full_while_unpacking_is_said_and_nothing_stays(tmp_path: Path) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare of util-linux")
    mounted = f"mount -t tmpfs -o size=2m tmpfs '{tmp_path}' || exit 77"
    script = f'{mounted}\nexec "$0" -c "$1" "{tmp_path}"'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, sys.executable, _ON_A_FULL_DISK],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode in (1, 77) and "permitted" in done.stderr:
        pytest.skip("needs mount namespaces")
    said, left = done.stdout.splitlines()
    assert said.startswith("InvalidParameterValueException There is no space left for the package")
    assert "TMPDIR" in said
    assert left == "[]"
