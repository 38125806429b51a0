"""Answers of AWS as recorded, one a row: the request, then status, kind of error and text.

Source: what was recorded against AWS in 2025 and 2026 for LocalStack's tests of its Lambda API, as
facts: status, code, text. There is a function ``f`` with a version 1, which the alias ``live``
names. ``{arn}`` is the ARN of ``f``. A row whose answer differs here names the row of the table of
differences in docs/local-functions.md.
"""

from dataclasses import dataclass, field
from typing import Any

ARN = "arn:aws:lambda:eu-west-1:000000000000:function:f"
INVALID, MISSING = "InvalidParameterValueException", "ResourceNotFoundException"
MODEL, CONFLICT = "ValidationException", "ResourceConflictException"
STALE = "PreconditionFailedException"

_PREFIX = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?"
    r"((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
)
READING = _PREFIX + r"([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
CHANGING = _PREFIX + r"([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?"
QUALIFIER = r"\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+"
TAGGED = (
    r"arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:"
    r"(function:[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?|layer:([a-zA-Z0-9-_]+)|"
    r"code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:"
    r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|"
    r"capacity-provider:[a-zA-Z0-9-_]+)"
)


@dataclass(frozen=True)
class Row:
    """One request and what AWS answered."""

    method: str
    path: str  # after the date, which ``dated`` adds
    status: int
    error: str | None = None
    text: str | None = None
    body: Any = None
    query: dict[str, str] = field(default_factory=dict)
    differs: str = ""

    @property
    def name(self) -> str:
        told = "".join(f" {key}={value[:20]}" for key, value in self.query.items())
        return f"{self.method} {self.path[:60]}{told} {str(self.body or '')[:40]}"


_DATES = {
    "event-invoke-config": "2019-09-25",
    "provisioned-concurrency": "2019-09-30",
    "recursion-config": "2024-08-31",
    "code-signing-config": "2020-06-30",
    "url": "2021-10-31",
    "urls": "2021-10-31",
    "tags": "2017-03-31",
    "layers": "2018-10-31",
    "code-signing-configs": "2020-04-22",
}


def dated(path: str) -> str:
    """The path of a call with the date that botocore's model has for it."""
    first, _, rest = path.partition("/")
    kind = rest.rpartition("/")[2] if first == "functions" else first
    return f"/{_DATES.get(kind, '2015-03-31')}/{path}"


def model(*found: str) -> str:
    """The text of a ValidationException."""
    errors = "error" if len(found) == 1 else "errors"
    return f"{len(found)} validation {errors} detected: {'; '.join(found)}"


def failed(value: str, field_name: str, constraint: str) -> str:
    return f"Value '{value}' at '{field_name}' failed to satisfy constraint: {constraint}"


def pattern(value: str, field_name: str, of: str) -> str:
    return failed(value, field_name, f"Member must satisfy regular expression pattern: {of}")


def longer(value: str, field_name: str, most: int) -> str:
    return failed(value, field_name, f"Member must have length less than or equal to {most}")


def create(name: str = "new", **more: Any) -> dict[str, Any]:
    given = {
        "FunctionName": name,
        "Runtime": "python3.13",
        "Handler": "app.handler",
        "Role": "arn:aws:iam::000000000000:role/unit",
        "Code": {"ZipFile": "UEsDBA=="},
    }
    return given | more


_FAR = "arn:aws:lambda:invalid-region:000000000000:function:f" + "a" * 170
_LONG = "a" * 65
#: Name -> how it is malformed for calls that read and for calls that change.
_MALFORMED = (
    "my-function!",
    "*",
    "invalid-account:function:f",
    "arn:aws:lambda:invalid-region:000000000000:function:f",
    "arn:aws:ec2:eu-west-1:000000000000:instance:i-1234567890abcdef0",
    f"{ARN}:1:2",
    "function:f:$LATEST:extra",
    "arn:aws:lambda::000000000000:function:f",
    "arn:aws:lambda:eu-west-1::function:f",
    f"{ARN}:$LATES",
)

NAMES = [
    *(
        Row("GET", f"functions/{name}", 400, MODEL, model(pattern(name, "functionName", READING)))
        for name in _MALFORMED
    ),
    *(
        Row(
            *("POST", "functions", 400, MODEL, model(pattern(name, "functionName", CHANGING))),
            body=create(name),
        )
        for name in _MALFORMED
    ),
    Row(
        *("GET", f"functions/{_FAR}", 400, MODEL),
        model(longer("a" * 129, "qualifier", 128), pattern(_FAR, "functionName", READING)),
        query={"Qualifier": "a" * 129},
    ),
    Row(
        *("POST", "functions", 400, MODEL),
        model(longer(_FAR, "functionName", 140), pattern(_FAR, "functionName", CHANGING)),
        body=create(_FAR),
    ),
    Row(
        *("POST", "functions", 400, INVALID, model(longer(_LONG, "functionName", 64))),
        body=create(_LONG),
    ),
    Row("GET", f"functions/{_LONG}", 404, MISSING, f"Function not found: {ARN[:-1]}{_LONG}"),
    Row(
        "GET",
        "functions/arn:aws:lambda:eu-west-1:000000000000:function",
        *(404, MISSING, f"Function not found: {ARN[:-1]}function"),
    ),
    Row(
        *("GET", "functions/f", 400, MODEL, model(pattern("no!", "qualifier", QUALIFIER))),
        query={"Qualifier": "no!"},
    ),
    Row(
        *("GET", "functions/f", 404, MISSING, f"Function not found: {ARN}:$latest"),
        query={"Qualifier": "$latest"},
    ),
    Row(
        *("DELETE", "functions/nobody", 404, MISSING, f"Function not found: {ARN[:-1]}nobody"),
        query={"Qualifier": "1233"},
    ),
    Row(
        *("DELETE", "functions/nobody", 400, INVALID),
        "$LATEST version cannot be deleted without deleting the function.",
        query={"Qualifier": "$LATEST"},
    ),
    Row(
        *("DELETE", "functions/nobody", 400, INVALID),
        "Deletion of aliases is not currently supported.",
        query={"Qualifier": "live"},
    ),
    Row(
        *("GET", f"functions/{ARN}:$LATEST", 400, INVALID),
        "The derived qualifier from the function name does not match the specified qualifier.",
        query={"Qualifier": "1"},
    ),
    Row(
        "GET",
        "functions/arn:aws:lambda:eu-west-2:000000000000:function:f/url",
        *(404, MISSING),
        "Functions from 'eu-west-2' are not reachable in this region ('eu-west-1')",
    ),
    Row(
        "GET",
        "functions/arn:aws:lambda:eu-west-1:111111111111:function:f",
        403,
        "AccessDeniedException",
    ),
    Row(
        *("GET", "functions", 400, MODEL),
        model(failed("no", "functionVersion", "Member must satisfy enum value set: [ALL]")),
        query={"FunctionVersion": "no"},
    ),
]
_ONE_OF_TWO = (
    "Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], "
    "Member must not be null]"
)
_SUBNET = (
    "Member must satisfy constraint: [Member must have length less than or equal to 1024, Member "
    "must have length greater than or equal to 0, Member must satisfy regular expression pattern: "
    "subnet-[0-9a-z]*]"
)
SETTINGS = [
    Row(
        *("POST", "functions", 400, MODEL, model(longer("[x86_64, arm64]", "architectures", 1))),
        body=create(Architectures=["x86_64", "arm64"]),
    ),
    Row(
        *("POST", "functions", 400, MODEL, model(failed("[X86_64]", "architectures", _ONE_OF_TWO))),
        body=create(Architectures=["X86_64"]),
    ),
    Row(
        *("POST", "functions", 400, MODEL),
        model(failed("[bad-id]", "vpcConfig.subnetIds", _SUBNET)),
        body=create(VpcConfig={"SubnetIds": ["bad-id"]}),
    ),
    Row(
        *("POST", "functions", 400, INVALID, "Number of tags exceeds resource tag limit."),
        body=create(Tags={f"{n}": "" for n in range(51)}),
    ),
    Row(
        *("POST", "functions", 400, INVALID),
        "The runtime parameter of python3.7 is no longer supported for creating or updating AWS "
        "Lambda functions. We recommend you use a supported runtime while creating or updating "
        "functions.",
        body=create(Runtime="python3.7"),
    ),
    Row(
        *("POST", "functions", 400, INVALID),
        "Could not unzip uploaded file. Please check your file, then try to upload again.",
        body=create(),
    ),
]


def _weights(**weights: float) -> dict[str, Any]:
    routing = {"AdditionalVersionWeights": {key[1:]: value for key, value in weights.items()}}
    return {"Name": "a", "FunctionVersion": "1", "RoutingConfig": routing}


_SHARE = (
    "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member "
    "must have value greater than or equal to 0.0, Member must not be null]"
)
_WEIGHTS = "routingConfig.additionalVersionWeights"
ALIASES = [
    Row(
        *("POST", "functions/f/aliases", 400, MODEL, model(failed("{2=2.0}", _WEIGHTS, _SHARE))),
        body=_weights(v2=2),
    ),
    Row(
        *("POST", "functions/f/aliases", 400, MODEL, model(failed("{2=-1.0}", _WEIGHTS, _SHARE))),
        body=_weights(v2=-1),
    ),
    Row(
        *("POST", "functions/g/aliases", 404, MISSING, f"Function not found: {ARN[:-1]}g:1"),
        body={"Name": "a", "FunctionVersion": "1"},
    ),
    Row("GET", "functions/f/aliases/no", 404, MISSING, f"Cannot find alias arn: {ARN}:no"),
    Row("PUT", "functions/f/aliases/no", 404, MISSING, f"Alias not found: {ARN}:no"),
]


def _put_to(arn: str) -> dict[str, Any]:
    return {"DestinationConfig": {"OnSuccess": {"Destination": arn}}}


_EVENTS = "functions/f/event-invoke-config"
_NO_CONFIG = "The function {} doesn't have an EventInvokeConfig"
EVENTS = [
    Row(
        *("PUT", _EVENTS, 400, INVALID),
        "The provided destination config DestinationConfig(onSuccess=OnSuccess(destination="
        "arn:aws:iam:eu-west-1:000000000000:function:f), onFailure=null) is invalid.",
        body=_put_to("arn:aws:iam:eu-west-1:000000000000:function:f"),
    ),
    *(
        Row(
            *("PUT", _EVENTS, 400, INVALID, f"The destination ARN {arn} is invalid."),
            body=_put_to(arn),
        )
        for arn in (f"{ARN[:-1]}nobody", ARN.replace("eu-west-1", "eu-west-2"))
    ),
    Row(
        *("PUT", _EVENTS, 404, MISSING, "The function doesn't exist."),
        body={"MaximumRetryAttempts": 1},
        query={"Qualifier": "nobody"},
    ),
    Row(
        *("POST", "functions/g/event-invoke-config", 404, MISSING, "The function doesn't exist."),
        body={"MaximumRetryAttempts": 1},
    ),
    *(
        Row(
            *(method, "functions/g/event-invoke-config", 404, MISSING),
            _NO_CONFIG.format(f"{ARN[:-1]}g:$LATEST"),
        )
        for method in ("GET", "DELETE")
    ),
    Row(*("GET", _EVENTS, 404, MISSING, _NO_CONFIG.format(f"{ARN}:no")), query={"Qualifier": "no"}),
]
_READY = "functions/f/provisioned-concurrency"
_ASKED = {"ProvisionedConcurrentExecutions": 1}
PROVISIONED = [
    *(
        Row(
            *(method, _READY, 404, MISSING, f"Cannot find alias arn: {ARN}:no"),
            body=_ASKED if method == "PUT" else None,
            query={"Qualifier": "no"},
        )
        for method in ("PUT", "GET", "DELETE")
    ),
    *(
        Row(
            *(method, _READY, 404, MISSING, f"Function not found: {ARN}:10"),
            body=_ASKED if method == "PUT" else None,
            query={"Qualifier": "10"},
        )
        for method in ("PUT", "GET", "DELETE")
    ),
    Row("DELETE", _READY, 204, query={"Qualifier": "1"}),
]


def _allow(**more: str) -> dict[str, str]:
    given = {"StatementId": "s", "Action": "lambda:InvokeFunction"}
    return {**given, "Principal": "s3.amazonaws.com", **more}


_POLICY = "functions/f/policy"
PERMISSIONS = [
    Row(
        *(
            "POST",
            _POLICY,
            400,
            INVALID,
            "We currently do not support adding policies for $LATEST.",
        ),
        body=_allow(),
        query={"Qualifier": "$LATEST"},
    ),
    Row(
        *("POST", _POLICY, 400, INVALID),
        "The provided principal was invalid. Please check the principal and try again.",
        body=_allow(Principal="invalid.nonaws.com"),
    ),
    Row(
        *("POST", _POLICY, 400, MODEL, model(pattern("a.b", "statementId", "([a-zA-Z0-9-_]+)"))),
        body=_allow(StatementId="a.b"),
    ),
    Row(
        *("POST", _POLICY, 404, MISSING, f"Cannot find alias arn: {ARN}:no"),
        body=_allow(),
        query={"Qualifier": "no"},
    ),
    Row(
        *("POST", _POLICY, 404, MISSING, f"Function not found: {ARN}:42"),
        body=_allow(),
        query={"Qualifier": "42"},
    ),
    Row(
        *("POST", "functions/g/policy", 404, MISSING, f"Function not found: {ARN[:-1]}g"),
        body=_allow(),
    ),
    Row("GET", "functions/g/policy", 404, MISSING, "The resource you requested does not exist."),
    Row("GET", _POLICY, 404, MISSING, "The resource you requested does not exist."),
    Row("DELETE", "functions/g/policy/s", 404, MISSING, f"No policy found for: {ARN[:-1]}g"),
    Row(
        *("DELETE", "functions/f/policy/s", 404, MISSING),
        "No policy is associated with the given resource.",
    ),
]
_NOT_TAGGED = "arn:aws:something"
TAGS = [
    Row(
        *("POST", f"tags/{_NOT_TAGGED}", 400, MODEL),
        model(pattern(_NOT_TAGGED, "resource", TAGGED)),
        body={"Tags": {"a": "b"}},
    ),
    Row(
        *("POST", f"tags/{ARN}", 400, INVALID),
        "An error occurred and the request cannot be processed.",
        body={"Tags": {}},
    ),
    Row(
        *("POST", f"tags/{ARN}:live", 400, INVALID),
        "Tags on function aliases and versions are not supported. Please specify a function ARN.",
        body={"Tags": {"a": "b"}},
    ),
    Row("GET", f"tags/{ARN[:-1]}g", 404, MISSING, f"Function not found: {ARN[:-1]}g"),
]

LAYER_ARN = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:"
    r"layer:[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)"
)
_LAYER = "arn:aws:lambda:eu-west-1:000000000000:layer:l"
_NOTHING = "The resource you requested does not exist."
_BOTH = "[x86_64, arm64]"
_NO_LAYER = f"Layer version {_LAYER}:9 does not exist."
_PERMIT = {"StatementId": "s", "Action": "lambda:GetLayerVersion", "Principal": "*"}
_SETTINGS = "functions/f/configuration"
LAYERS = [
    Row("GET", "layers/no/versions", 200),
    Row("GET", "layers/l/versions/9", 404, MISSING, _NOTHING),
    *(
        Row(method, f"layers/l/versions/{n}", 400, INVALID, "Layer Version Cannot be less than 1")
        for method in ("GET", "DELETE")
        for n in (0, -1)
    ),
    Row("DELETE", "layers/l/versions/9", 204),
    Row(
        *("GET", "layers", 400, MODEL, model(pattern(_LAYER, "arn", LAYER_ARN))),
        query={"find": "LayerVersion", "Arn": _LAYER},
    ),
    Row(
        *("GET", "layers", 404, MISSING, _NOTHING),
        query={"find": "LayerVersion", "Arn": f"{_LAYER}:9"},
    ),
    Row(
        *("GET", "layers", 400, MODEL),
        model(
            failed(
                "no",
                "compatibleArchitecture",
                "Member must satisfy enum value set: [x86_64, arm64]",
            )
        ),
        query={"CompatibleArchitecture": "no"},
    ),
    Row("POST", "layers/l/versions/9/policy", 404, MISSING, _NO_LAYER, body=_PERMIT),
    Row("GET", "layers/l/versions/9/policy", 404, MISSING, _NO_LAYER),
    Row("DELETE", "layers/l/versions/9/policy/s", 404, MISSING, _NO_LAYER),
    Row(
        *("POST", "layers/l/versions/9/policy", 400, MODEL),
        model(pattern("*", "action", "lambda:GetLayerVersion")),
        body={**_PERMIT, "Action": "*"},
    ),
    Row(
        *("PUT", _SETTINGS, 400, INVALID, f"Layer version {_LAYER}:9 does not exist."),
        body={"Layers": [f"{_LAYER}:9"]},
    ),
    Row(
        *("PUT", _SETTINGS, 400, INVALID, "Cannot reference more than 5 layers."),
        body={"Layers": [f"{_LAYER}{n}:1" for n in range(6)]},
    ),
    Row(
        *("PUT", _SETTINGS, 400, INVALID),
        "Layers are not in the same region as the function. Layers are expected to be in region "
        "eu-west-1.",
        body={"Layers": [f"{_LAYER.replace('eu-west-1', 'eu-west-2')}:1"]},
    ),
    Row(
        *("PUT", _SETTINGS, 400, MODEL),
        model(
            failed(
                f"[{_LAYER}]",
                "layers",
                "Member must satisfy constraint: [Member must have length less than or equal to "
                "2048, Member must have length greater than or equal to 1, Member must satisfy "
                f"regular expression pattern: {LAYER_ARN}, Member must not be null]",
            )
        ),
        body={"Layers": [_LAYER]},
    ),
]
URL_QUALIFIER = r"((?!^\d+$)^[0-9a-zA-Z-_]+$)"
_NO_FUNCTION = "Function does not exist"
_OPEN = {"AuthType": "NONE"}
URLS = [
    *(
        Row(
            *(method, "functions/f/url", 400, MODEL),
            model(pattern(qualifier, "qualifier", URL_QUALIFIER)),
            body=_OPEN if method in ("POST", "PUT") else None,
            query={"Qualifier": qualifier},
        )
        for method in ("POST", "GET", "PUT", "DELETE")
        for qualifier in ("1", "$LATEST")
    ),
    *(
        Row(*(method, "functions/g/url", 404, MISSING, _NO_FUNCTION), body=_OPEN)
        for method in ("POST", "PUT")
    ),
    *(
        Row(*(method, "functions/f/url", 404, MISSING, _NO_FUNCTION), _OPEN, {"Qualifier": "v1"})
        for method in ("POST", "PUT")
    ),
    Row("PUT", "functions/f/url", 404, MISSING, _NOTHING, body=_OPEN),
    *(Row(method, "functions/g/url", 404, MISSING, _NOTHING) for method in ("GET", "DELETE")),
    *(Row(method, "functions/f/url", 404, MISSING, _NOTHING) for method in ("GET", "DELETE")),
    Row("GET", "functions/g/urls", 404, MISSING, _NO_FUNCTION),
]
_SIGNING = "arn:aws:lambda:eu-west-1:000000000000:code-signing-config:csc-00000000000000000"
_NO_SIGNING = f"The Lambda code signing configuration {_SIGNING} can not be found."
SIGNING = [
    *(
        Row(method, f"code-signing-configs/{_SIGNING}", 404, MISSING, _NO_SIGNING)
        for method in ("GET", "DELETE", "PUT")
    ),
    Row("GET", f"code-signing-configs/{_SIGNING}/functions", 404, MISSING, _NO_SIGNING),
    Row(
        *("PUT", "functions/g/code-signing-config", 404, "CodeSigningConfigNotFoundException"),
        "The code signing configuration cannot be found. Check that the provided configuration is "
        f"not deleted: {_SIGNING}.",
        body={"CodeSigningConfigArn": _SIGNING},
    ),
    *(
        Row(
            *(method, "functions/g/code-signing-config", 404, MISSING),
            f"Function not found: {ARN[:-1]}g",
        )
        for method in ("GET", "DELETE")
    ),
    Row("DELETE", "functions/f/code-signing-config", 204),
]
_MAPPINGS = "event-source-mappings"
_QUEUE = "arn:aws:sqs:eu-west-1:111111111111:q"
_TABLE = "arn:aws:dynamodb:eu-west-1:111111111111:table/t/stream/s"
_NO_ID = "00000000-0000-0000-0000-000000000000"
_POSITION = "Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]"


def _mapping(source: str | None, **more: Any) -> dict[str, Any]:
    return {"FunctionName": "f", "EventSourceArn": source, **more}


MAPPINGS = [
    *(
        Row(method, f"{_MAPPINGS}/{_NO_ID}", 404, MISSING, _NOTHING)
        for method in ("GET", "PUT", "DELETE")
    ),
    Row("POST", _MAPPINGS, 400, INVALID, "Unrecognized event source.", _mapping(None)),
    Row(
        *("POST", _MAPPINGS, 400, INVALID, "Function does not exist"),
        _mapping(_QUEUE, FunctionName="g"),
    ),
    Row(
        *("POST", _MAPPINGS, 400, INVALID),
        "Unsupported DestinationConfig parameter for given event source mapping type.",
        _mapping(_QUEUE, DestinationConfig={"OnSuccess": {"Destination": _QUEUE}}),
    ),
    Row(
        *("POST", _MAPPINGS, 400, INVALID),
        "1 validation error detected: Value null at 'startingPosition' failed to satisfy "
        "constraint: Member must not be null.",
        _mapping(_TABLE),
    ),
    Row(
        *("POST", _MAPPINGS, 400, MODEL, model(failed("no", "startingPosition", _POSITION))),
        _mapping(_TABLE, StartingPosition="no"),
    ),
    Row(
        *("POST", _MAPPINGS, 400, INVALID, f"Unsupported starting position for arn type: {_TABLE}"),
        _mapping(_TABLE, StartingPosition="AT_TIMESTAMP"),
    ),
    Row(
        *("POST", _MAPPINGS, 400, INVALID),
        "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater "
        "than 10",
        _mapping(_QUEUE, BatchSize=11),
    ),
    *(
        Row("GET", f"tags/{arn}", 404, MISSING, f"{what} not found: {arn}")
        for what, arn in (
            ("Event source mapping", f"{ARN[:-10]}event-source-mapping:{_NO_ID}"),
            ("Capacity provider", f"{ARN[:-10]}capacity-provider:c"),
        )
    ),
]
_LOOP = "Member must satisfy enum value set: [Terminate, Allow]"
_SNAP = "Member must satisfy enum value set: [PublishedVersions, None]"
LATER_SETTINGS = [
    Row(
        *("PUT", "functions/f/recursion-config", 400, MODEL),
        model(failed("no", "recursiveLoop", _LOOP)),
        body={"RecursiveLoop": "no"},
    ),
    Row(
        *("PUT", _SETTINGS, 400, MODEL, model(failed("no", "snapStart.applyOn", _SNAP))),
        body={"SnapStart": {"ApplyOn": "no"}},
    ),
]
#: What AWS answers otherwise, by the row of the docs' table that says why.
OTHERWISE = [
    Row(
        *("POST", "functions", 400, INVALID),
        "Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. EC2 Error "
        "Message: The subnet ID 'subnet-0' does not exist",
        body=create(VpcConfig={"SubnetIds": ["subnet-0"]}),
        differs="`VpcConfig`",
    ),
    Row(
        *("POST", "functions", 400, INVALID),
        "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The "
        "specified bucket does not exist",
        body=create(Code={"S3Bucket": "b", "S3Key": "k"}),
        differs="code from S3",
    ),
    Row(
        *("PUT", _SETTINGS, 200),
        body={"SnapStart": {"ApplyOn": "PublishedVersions"}},
        differs="SnapStart",
    ),
    Row(
        *("PUT", _SETTINGS, 200),
        body={"Runtime": "java21"},
        differs="runtimes other than Python, Node.js and `provided.al*`",
    ),
    Row(
        *("PUT", _SETTINGS, 400, INVALID),
        "Value no at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
        "[nodejs20.x, python3.14, provided.al2023, ...] or be a valid ARN",
        body={"Runtime": "no"},
        differs="runtimes named in refusals",
    ),
    Row(
        *("PUT", _EVENTS, 200),
        body=_put_to("arn:aws:sns:eu-west-1:000000000000:t"),
        differs="a dead-letter queue or destination at SNS, EventBridge or S3",
    ),
]

ROWS = [
    *(*NAMES, *SETTINGS, *ALIASES, *EVENTS, *PROVISIONED, *PERMISSIONS, *TAGS, *LAYERS, *URLS),
    *(*SIGNING, *MAPPINGS, *LATER_SETTINGS, *OTHERWISE),
]
