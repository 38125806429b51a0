"""The calls on code-signing configurations: kept and shown; no signature is checked here."""

import secrets
from typing import Any

from tuner.locallambda.api.requests import ApiRequest, page
from tuner.locallambda.registry.function import Function, timestamp
from tuner.locallambda.registry.names import CHANGING, lambda_arn
from tuner.locallambda.registry.validation import missing
from tuner.locallambda.responses import NO_CONTENT, ApiError, Response, document, violated
from tuner.locallambda.service import Service

_KIND = "code-signing-configs"
_CHANGED = ("Description", "AllowedPublishers", "CodeSigningPolicies")


async def create_code_signing_config(service: Service, call: ApiRequest) -> Response:
    """CreateCodeSigningConfig: 201."""
    body = call.body()
    if body.get("AllowedPublishers") is None:
        raise violated([missing("AllowedPublishers")])
    name = f"csc-{secrets.token_hex(9)[:17]}"
    arn = lambda_arn(call.region, f"code-signing-config:{name}")
    made = {
        "CodeSigningConfigId": name,
        "CodeSigningConfigArn": arn,
        "Description": body.get("Description") or "",
        "AllowedPublishers": body["AllowedPublishers"],
        "CodeSigningPolicies": body.get("CodeSigningPolicies")
        or {"UntrustedArtifactOnDeployment": "Warn"},
        "LastModified": timestamp(service.clock.wall()),
    }
    service.documents.of(_KIND, call.region)[arn] = made
    service.documents.keep(_KIND)
    return document({"CodeSigningConfig": made}, 201)


async def get_code_signing_config(service: Service, call: ApiRequest) -> Response:
    return document({"CodeSigningConfig": _find(service, call)})


async def update_code_signing_config(service: Service, call: ApiRequest) -> Response:
    found, body = _find(service, call), call.body()
    found |= {key: body[key] for key in _CHANGED if body.get(key) is not None}
    found["LastModified"] = timestamp(service.clock.wall())
    service.documents.keep(_KIND)
    return document({"CodeSigningConfig": found})


async def delete_code_signing_config(service: Service, call: ApiRequest) -> Response:
    """DeleteCodeSigningConfig: 204."""
    arn = _find(service, call)["CodeSigningConfigArn"]
    del service.documents.of(_KIND, call.region)[arn]
    service.documents.keep(_KIND)
    return NO_CONTENT


async def list_code_signing_configs(service: Service, call: ApiRequest) -> Response:
    listed = [*service.documents.of(_KIND, call.region).values()]
    return document(page(listed, "CodeSigningConfigs", call.query))


async def list_functions_by_code_signing_config(service: Service, call: ApiRequest) -> Response:
    arn = _find(service, call)["CodeSigningConfigArn"]
    functions = service.registry.in_region(call.region)
    listed = [one.arn for one in functions if one.code_signing == arn]
    return document(page(listed, "FunctionArns", call.query))


async def put_function_code_signing_config(service: Service, call: ApiRequest) -> Response:
    """PutFunctionCodeSigningConfig: a missing configuration is told before a missing function."""
    arn = call.body().get("CodeSigningConfigArn")
    if arn is None:
        raise violated([missing("CodeSigningConfigArn")])
    check_known(service, call.region, arn)
    function = service.registry.get(call.ref(CHANGING))
    function.code_signing = arn
    service.registry.keep(function)
    return document(_of(function))


def check_known(service: Service, region: str, arn: str) -> None:
    """Refuse a configuration that a function asks for and that does not exist."""
    if arn not in service.documents.of(_KIND, region):
        text = (
            "The code signing configuration cannot be found. Check that the provided configuration "
            f"is not deleted: {arn}."
        )
        raise ApiError(404, "CodeSigningConfigNotFoundException", text, key="Message", Type="User")


async def get_function_code_signing_config(service: Service, call: ApiRequest) -> Response:
    """GetFunctionCodeSigningConfig: an empty object if the function has none."""
    return document(_of(service.registry.get(call.ref())))


async def delete_function_code_signing_config(service: Service, call: ApiRequest) -> Response:
    """DeleteFunctionCodeSigningConfig: 204, also when there is none."""
    function = service.registry.get(call.ref())
    function.code_signing = None
    service.registry.keep(function)
    return NO_CONTENT


def _of(function: Function) -> dict[str, Any]:
    arn = function.code_signing
    return {"CodeSigningConfigArn": arn, "FunctionName": function.name} if arn else {}


def _find(service: Service, call: ApiRequest) -> dict[str, Any]:
    arn = call.words[0]
    found: dict[str, Any] | None = service.documents.of(_KIND, call.region).get(arn)
    if found is None:  # without Type, as recorded
        text = f"The Lambda code signing configuration {arn} can not be found."
        raise ApiError(404, "ResourceNotFoundException", text, key="Message")
    return found
