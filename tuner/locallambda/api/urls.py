"""The calls on function URLs: kept and shown, but nothing answers at them."""

import re
import uuid
from typing import Any

from tuner.locallambda.api.requests import ApiRequest, page
from tuner.locallambda.registry.function import Function, timestamp
from tuner.locallambda.registry.names import URL_QUALIFIER, URLS, FunctionRef
from tuner.locallambda.registry.validation import check_one_of, missing
from tuner.locallambda.responses import (
    NO_CONTENT,
    ApiError,
    Response,
    conflict,
    document,
    mismatch,
    not_found,
    violated,
)
from tuner.locallambda.service import Service

_NONE = "The resource you requested does not exist."
_NO_FUNCTION = "Function does not exist"
_AUTH, _MODES = ("NONE", "AWS_IAM"), ("BUFFERED", "RESPONSE_STREAM")


async def create_function_url_config(service: Service, call: ApiRequest) -> Response:
    """CreateFunctionUrlConfig: 201."""
    body = _checked(call)
    if body.get("AuthType") is None:
        raise violated([missing("AuthType")])
    function, qualifier = _find(service, call, _NO_FUNCTION)
    if qualifier in function.urls:
        arn = _arn(function, qualifier)
        raise conflict(
            f"Failed to create function url config for [functionArn = {arn}]. "
            "Error message:  FunctionUrlConfig exists for this Lambda function"
        )
    now = timestamp(service.clock.wall())
    url = f"https://{uuid.uuid4().hex}.lambda-url.{function.region}.on.aws/"
    made = {"FunctionUrl": url, "CreationTime": now, "LastModifiedTime": now, **body}
    function.urls[qualifier] = {"InvokeMode": "BUFFERED", **made}
    service.registry.keep(function)
    shown = {key: made[key] for key in made if key != "LastModifiedTime"}
    return document({"FunctionArn": _arn(function, qualifier), **shown}, 201)


async def get_function_url_config(service: Service, call: ApiRequest) -> Response:
    return document(_shown(*_configured(service, call)))


async def update_function_url_config(service: Service, call: ApiRequest) -> Response:
    """UpdateFunctionUrlConfig: keeps what is not given."""
    body = _checked(call)
    _find(service, call, _NO_FUNCTION)
    function, qualifier = _configured(service, call)
    now = {"LastModifiedTime": timestamp(service.clock.wall())}
    function.urls[qualifier] |= {**body, **now}
    service.registry.keep(function)
    shown = _shown(function, qualifier)
    if "InvokeMode" not in body:
        del shown["InvokeMode"]  # as recorded
    return document(shown)


async def delete_function_url_config(service: Service, call: ApiRequest) -> Response:
    function, qualifier = _configured(service, call)
    del function.urls[qualifier]
    service.registry.keep(function)
    return NO_CONTENT


async def list_function_url_configs(service: Service, call: ApiRequest) -> Response:
    function = service.registry.find(_ref(call))
    if function is None:
        raise not_found(_NO_FUNCTION)
    listed = [_shown(function, qualifier) for qualifier in sorted(function.urls)]
    return document(page(listed, "FunctionUrlConfigs", call.query))


def _ref(call: ApiRequest) -> FunctionRef:
    qualifier = call.query.get("Qualifier")
    if qualifier is not None and not re.fullmatch(URL_QUALIFIER, qualifier, re.ASCII):
        raise violated([mismatch(qualifier, "qualifier", URL_QUALIFIER)])
    return call.ref(URLS)


def _find(service: Service, call: ApiRequest, text: str) -> tuple[Function, str]:
    """The function and the alias of a call, or "" for none."""
    ref = _ref(call)
    function = service.registry.find(ref)
    if function is None or ref.qualifier not in (None, *function.aliases):
        raise not_found(text)
    return function, ref.qualifier or ""


def _configured(service: Service, call: ApiRequest) -> tuple[Function, str]:
    function, qualifier = _find(service, call, _NONE)
    if qualifier not in function.urls:
        raise _nothing()
    return function, qualifier


def _nothing() -> ApiError:
    return not_found(_NONE)


def _checked(call: ApiRequest) -> dict[str, Any]:
    given = {key: value for key, value in call.body().items() if value is not None}
    body: dict[str, Any] = {
        key: given[key] for key in ("AuthType", "InvokeMode", "Cors") if key in given
    }
    check_one_of(body, "AuthType", _AUTH)
    check_one_of(body, "InvokeMode", _MODES)
    return body


def _arn(function: Function, qualifier: str) -> str:
    return function.qualified_arn(qualifier) if qualifier else function.arn


def _shown(function: Function, qualifier: str) -> dict[str, Any]:
    return {"FunctionArn": _arn(function, qualifier), **function.urls[qualifier]}
