"""Checks of requests: AWS's bounds and patterns, refused in AWS's own words.

Violations of the model are collected and refused together; the service's own refusals follow, one
by one. Bounds are those of zip functions (128 to 10240 MB, 1 to 900 s, 4 KB of environment).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tuner.errors import TunerError
from tuner.locallambda.responses import (
    ApiError,
    invalid,
    mismatch,
    not_one_of,
    too_long,
    too_short,
    unreadable,
    unsatisfied,
    violated,
)
from tuner.locallambda.sandbox.runtime_command import RUNTIMES, check, is_deprecated

_BOUNDS = {
    "MemorySize": (128, 10240),
    "Timeout": (1, 900),
    "ReservedConcurrentExecutions": (0, 1 << 31),
    "ProvisionedConcurrentExecutions": (1, 1 << 31),
    "MaximumRetryAttempts": (0, 2),
    "MaximumEventAgeInSeconds": (60, 21_600),
}
_EPHEMERAL_MB = (512, 10240)
_PATTERNS = {
    "Handler": r"[^\s]+",
    "Role": r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+",
    "Name": r"(?!^[0-9]+$)([a-zA-Z0-9-_]+)",  # of an alias
    "StatementId": r"([a-zA-Z0-9-_]+)",
    "Action": r"(lambda:[*]|lambda:[a-zA-Z]+|[*])",
    "Principal": r"[^\s]+",
    "FunctionVersion": r"(\$LATEST(\.PUBLISHED)?|[0-9]+)",
    "KMSKeyArn": r"(arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()",
}
#: Patterns and most characters of what is inside of an object, or of each of a list.
_INNER: Mapping[tuple[str, str], tuple[str, int]] = {
    ("LoggingConfig", "LogGroup"): (r"[\.\-_/#A-Za-z0-9]+", 512),
    ("DeadLetterConfig", "TargetArn"): (r"(arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()", 10_000),
    ("FileSystemConfigs", "Arn"): (
        r"arn:aws[a-zA-Z-]*:elasticfilesystem:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-"
        r"\d{1}:\d{12}:access-point/fsap-[a-f0-9]{17}$|^arn:aws[-a-z]*:s3files:[0-9a-z-:]+:"
        r"file-system/fs-[0-9a-f]{17,40}/access-point/fsap-[0-9a-f]{17,40}",
        256,
    ),
    ("FileSystemConfigs", "LocalMountPath"): (r"/mnt/[a-zA-Z0-9-_.]+", 160),
}
_INNER_REQUIRED: Mapping[tuple[str, str], type] = {
    ("EphemeralStorage", "Size"): int,
    ("FileSystemConfigs", "Arn"): str,
    ("FileSystemConfigs", "LocalMountPath"): str,
}
#: Lists of one member -> the fewest that they may have.
_OF_ONE = {"Architectures": 1, "FileSystemConfigs": 0}
_MAY_BE_EMPTY = ("Handler", "Role")
_LENGTHS = {"Handler": 128, "Description": 256, "StatementId": 100}
_WORDS_OF = {
    ("SnapStart", "ApplyOn"): ("PublishedVersions", "None"),
    ("TracingConfig", "Mode"): ("Active", "PassThrough"),
    ("LoggingConfig", "LogFormat"): ("JSON", "Text"),
    ("LoggingConfig", "ApplicationLogLevel"): ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"),
    ("LoggingConfig", "SystemLogLevel"): ("DEBUG", "INFO", "WARN"),
}
#: A list of the request -> what each of its members has to be, as AWS words it.
_MEMBERS = {
    "Architectures": (
        "x86_64|arm64",
        "Member must satisfy enum value set: [x86_64, arm64], Member must not be null",
    ),
    "CompatibleArchitectures": (
        "x86_64|arm64",
        "Member must satisfy enum value set: [x86_64, arm64], Member must not be null",
    ),
    "SubnetIds": (
        "subnet-[0-9a-z]*",
        "Member must have length less than or equal to 1024, Member must have length greater than "
        "or equal to 0, Member must satisfy regular expression pattern: subnet-[0-9a-z]*",
    ),
    "SecurityGroupIds": (
        "sg-[0-9a-zA-Z]*",
        "Member must have length less than or equal to 1024, Member must have length greater than "
        "or equal to 0, Member must satisfy regular expression pattern: sg-[0-9a-zA-Z]*",
    ),
}

# AWS_* and friends that Lambda sets itself (AWS Lambda developer guide, environment variables).
RESERVED_VARIABLES = frozenset(
    {
        *("_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION"),
        *("AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
        *("AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE"),
        *("AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY"),
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
        *("AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"),
    }
)
_VARIABLE = r"[a-zA-Z]([a-zA-Z0-9_])+"

#: Type -> what a value of it is called, and what a key of it expects.
_WORDS: Mapping[type, tuple[str, str]] = {
    str: ("STRING_VALUE", "a String"),
    bool: ("BOOLEAN_VALUE", "a Boolean"),
    int: ("NUMBER_VALUE", "an Integer"),
    float: ("DECIMAL_VALUE", "a Float"),
    list: ("START_ARRAY", "a List"),
    dict: ("START_OBJECT", "an Object"),
}
_TYPES: Mapping[str, type] = {
    **dict.fromkeys(("FunctionName", "Runtime", "Handler", "Role", "Description"), str),
    **dict.fromkeys(("RevisionId", "CodeSha256", "KMSKeyArn", "PackageType", "ZipFile"), str),
    **dict.fromkeys(("Name", "FunctionVersion", "Resource"), str),
    **dict.fromkeys(("StatementId", "Action", "Principal", "SourceArn", "SourceAccount"), str),
    **dict.fromkeys(("EventSourceToken", "FunctionUrlAuthType", "PrincipalOrgID"), str),
    **dict.fromkeys(("MemorySize", "Timeout", "ReservedConcurrentExecutions"), int),
    "ProvisionedConcurrentExecutions": int,
    **dict.fromkeys(("MaximumRetryAttempts", "MaximumEventAgeInSeconds"), int),
    **dict.fromkeys(("Publish", "DryRun"), bool),
    **dict.fromkeys(("Layers", "Architectures", "FileSystemConfigs"), list),
    **dict.fromkeys(("Code", "Environment", "LoggingConfig", "Tags", "RoutingConfig"), dict),
    **dict.fromkeys(("VpcConfig", "DeadLetterConfig", "DestinationConfig"), dict),
    **dict.fromkeys(("Content", "AllowedPublishers", "CodeSigningPolicies", "Cors"), dict),
    **dict.fromkeys(("CompatibleRuntimes", "CompatibleArchitectures"), list),
    **dict.fromkeys(("LicenseInfo", "AuthType", "InvokeMode", "CodeSigningConfigArn"), str),
    **dict.fromkeys(("RecursiveLoop", "UpdateRuntimeOn", "RuntimeVersionArn"), str),
    **dict.fromkeys(("EventSourceArn", "StartingPosition"), str),
    **dict.fromkeys(("BatchSize", "MaximumBatchingWindowInSeconds"), int),
    "Enabled": bool,
    **dict.fromkeys(("TracingConfig", "EphemeralStorage", "SnapStart"), dict),
}


def read_body(raw: bytes) -> dict[str, Any]:
    """The JSON object of a request, with every known key of its type."""
    try:
        body = json.loads(raw) if raw else {}
    except (ValueError, RecursionError) as error:
        raise unreadable(f"Could not parse request body into json: {error}") from error
    if not isinstance(body, dict):
        raise unreadable("Could not parse request body into json: an object is expected")
    for key, value in body.items():
        expected = _TYPES.get(key)
        if expected and value is not None and type(value) is not expected:
            found, wanted = _WORDS[type(value)][0], _WORDS[expected][1]
            raise unreadable(f"{found} can not be converted to {wanted} ({key})")
    return body


def check_model(body: Mapping[str, Any], keys: Iterable[str], required: Iterable[str] = ()) -> None:
    """Refuse values of ``keys`` that AWS's model forbids, all in one response."""
    found = [missing(key) for key in required if body.get(key) is None]
    given = {key: body[key] for key in keys if body.get(key) is not None}
    for key, (low, high) in _BOUNDS.items():
        if key in given and not low <= given[key] <= high:
            above = given[key] > high
            bound = f"less than or equal to {high}" if above else f"greater than or equal to {low}"
            found.append(unsatisfied(given[key], field_of(key), f"Member must have value {bound}"))
    for key, pattern in _PATTERNS.items():
        empty = given.get(key) == "" and key in _MAY_BE_EMPTY
        if key in given and not empty and not re.fullmatch(pattern, given[key]):
            found.append(mismatch(given[key], field_of(key), pattern))
    for key, most in _LENGTHS.items():
        if len(given.get(key, "")) > most:
            constraint = f"Member must have length less than or equal to {most}"
            found.append(unsatisfied(given[key], field_of(key), constraint))
    for key, fewest in _OF_ONE.items():
        members = given.get(key, [""])
        shown = f"[{', '.join(map(str, members))}]"
        if len(members) > 1:
            found.append(too_long(shown, field_of(key), 1))
        elif len(members) < fewest:
            found.append(too_short(shown, field_of(key), fewest))
    found += check_members(given, "Architectures")
    vpc = given.get("VpcConfig") or {}
    for key in ("SubnetIds", "SecurityGroupIds"):
        found += check_members(vpc, key, "vpcConfig.")
    size = (given.get("EphemeralStorage") or {}).get("Size")
    if type(size) is int and not _EPHEMERAL_MB[0] <= size <= _EPHEMERAL_MB[1]:
        at_least = f"greater than or equal to {_EPHEMERAL_MB[0]}"
        bound = at_least if size < _EPHEMERAL_MB[0] else f"less than or equal to {_EPHEMERAL_MB[1]}"
        found.append(unsatisfied(size, "ephemeralStorage.size", f"Member must have value {bound}"))
    for (outer, inner), words in _WORDS_OF.items():
        for field, word in _inner(given, outer, inner):
            if word not in (None, *words):
                found.append(not_one_of(word, field, words))
    for (outer, inner), (pattern, most) in _INNER.items():
        for field, text in _inner(given, outer, inner):
            if text is not None and len(text) > most:
                found.append(too_long(text, field, most))
            if text is not None and not re.fullmatch(pattern, text, re.ASCII):
                found.append(mismatch(text, field, pattern))
    for (outer, inner), kind in _INNER_REQUIRED.items():
        values = _inner(given, outer, inner, kind)
        found += [missing(field) for field, value in values if value is None]
    if found:
        raise violated(found)


def _inner(
    given: Mapping[str, Any], outer: str, inner: str, kind: type = str
) -> Iterator[tuple[str, Any]]:
    """A value inside of an object, or of each of a list, beside its name in AWS's errors."""
    holders = given.get(outer)
    every: list[Any] = holders if isinstance(holders, list) else [holders or {}]
    for number, holder in enumerate(every, 1):
        if not isinstance(holder, dict):
            raise unreadable(f"{outer} can not be converted to a List of Objects")
        value = holder.get(inner)
        if value is not None and type(value) is not kind:
            raise unreadable(f"{outer}.{inner} can not be converted to {_WORDS[kind][1]}")
        if outer in given:
            place = f"{field_of(outer)}.{number}.member" if every is holders else field_of(outer)
            yield f"{place}.{field_of(inner)}", value


def check_members(given: Mapping[str, Any], key: str, prefix: str = "") -> list[str]:
    """Violations by the members of a list."""
    members = given.get(key) or []
    pattern, constraint = _MEMBERS[key]
    if not isinstance(members, list):
        raise unreadable(f"{prefix}{field_of(key)} can not be converted to a List")
    if all(isinstance(one, str) and re.fullmatch(pattern, one) for one in members):
        return []
    shown = f"[{', '.join(map(str, members))}]"
    constraint = f"Member must satisfy constraint: [{constraint}]"
    return [unsatisfied(shown, prefix + field_of(key), constraint)]


def check_one_of(body: Mapping[str, Any], key: str, values: Sequence[str]) -> None:
    """Refuse a value that is given and is none of these."""
    if body.get(key) is not None and body[key] not in values:
        raise violated([not_one_of(body[key], field_of(key), values)])


def missing(key: str) -> str:
    return f"Value null at '{field_of(key)}' failed to satisfy constraint: Member must not be null"


def field_of(key: str) -> str:
    """``MemorySize`` -> ``memorySize``, as AWS's errors have it."""
    return key[0].lower() + key[1:]


def check_settings(body: Mapping[str, Any], required: Iterable[str] = ()) -> None:
    keys = ("MemorySize", "Timeout", "Handler", "Role", "Description")
    nested = ("Architectures", "VpcConfig", "SnapStart", "EphemeralStorage", "TracingConfig")
    others = ("LoggingConfig", "KMSKeyArn", "FileSystemConfigs", "DeadLetterConfig")
    check_model(body, (*keys, *nested, *others), required)


def check_runtime(runtime: str) -> None:
    """Refuse what AWS does not know, and what AWS knows but cannot run here."""
    if is_deprecated(runtime):
        raise invalid(
            f"The runtime parameter of {runtime} is no longer supported for creating or updating "
            "AWS Lambda functions. We recommend you use a supported runtime while creating or "
            "updating functions."
        )
    if runtime not in RUNTIMES:
        raise invalid(
            f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum "
            f"value set: [{', '.join(RUNTIMES)}] or be a valid ARN"
        )
    try:
        check(runtime)
    except TunerError as error:
        raise invalid(f"The runtime {runtime} {error.reason}. {error.fix}") from error


def check_environment(environment: Mapping[str, Any]) -> dict[str, str]:
    """The variables of a request; refuses those that Lambda would not take."""
    variables = environment.get("Variables") or {}
    if not isinstance(variables, dict):
        raise unreadable("Environment.Variables can not be converted to a Map")
    for name, value in variables.items():
        if not isinstance(value, str):
            raise not_a_string(value, f"Environment.Variables.{name}")
        if not re.fullmatch(_VARIABLE, name):
            text = (
                "Value at 'environment.variables' failed to satisfy constraint: Map keys must "
                f"satisfy constraint: [Member must satisfy regular expression pattern: {_VARIABLE}]"
            )
            raise violated([text])
        if "\0" in value:
            raise invalid(
                "Lambda was unable to configure your environment variables because the value of "
                f"{name} has a null character."
            )
    reserved = [name for name in variables if name in RESERVED_VARIABLES]
    if reserved:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment "
            "variables you have provided contains reserved keys that are currently not supported "
            f"for modification. Reserved keys used in this request: {', '.join(reserved)}"
        )
    measured = json.dumps(variables, separators=(",", ":"), ensure_ascii=False)
    if len(measured.encode()) > 4096:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment "
            "variables you have provided exceeded the 4KB limit. "
            f"String measured: {measured}"
        )
    return dict(variables)


def check_loggable(logging: Mapping[str, Any]) -> dict[str, str]:
    """The logging configuration with AWS's defaults for JSON filled in."""
    known = ("LogFormat", "ApplicationLogLevel", "SystemLogLevel", "LogGroup")
    given = {key: logging[key] for key in known if logging.get(key) is not None}
    if given.get("LogFormat") == "JSON":
        return {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO", **given}
    if "ApplicationLogLevel" in given or "SystemLogLevel" in given:
        raise invalid(
            "Log levels can be set only when LogFormat is JSON. Set LogFormat to JSON, or leave "
            "out ApplicationLogLevel and SystemLogLevel."
        )
    return given


def not_a_string(value: object, key: str) -> ApiError:
    """AWS's error for a member of a map that has to be text."""
    kind, _ = _WORDS.get(type(value), ("VALUE_NULL", ""))
    return unreadable(f"{kind} can not be converted to a String ({key})")
