"""Lambda's responses as values: a successful one, and each error as AWS words and shapes it.

Which errors carry ``Type`` and which key case their text has is recorded from AWS (317 recorded
errors): ResourceNotFoundException and RequestEntityTooLargeException say ``Message``, all
others ``message``; ValidationException has no ``Type``.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Response:
    """Status, body and the headers that only this response has."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


def document(body: Any, status: int = 200) -> Response:
    return Response(status, json.dumps(body, ensure_ascii=False).encode())


NO_CONTENT = Response(204)


class ApiError(Exception):
    """An error as Lambda's API responds; ``extra`` goes into the body beside the text."""

    def __init__(
        self, status: int, code: str, text: str | None, *, key: str = "message", **extra: str
    ) -> None:
        super().__init__(status, code, text)
        self.status = status
        self.code = code
        self.text = text
        self.body: dict[str, str | None] = {**extra, key: text}

    def response(self) -> Response:
        """The HTTP form, with the code in ``x-amzn-ErrorType`` as botocore reads it."""
        body = json.dumps(self.body, ensure_ascii=False).encode()
        return Response(self.status, body, {"x-amzn-ErrorType": self.code})


def not_found(text: str) -> ApiError:
    return ApiError(404, "ResourceNotFoundException", text, key="Message", Type="User")


def function_not_found(arn: str) -> ApiError:
    """404 as the control plane and Invoke word it; ``arn`` may carry a qualifier."""
    return not_found(f"Function not found: {arn}")


def alias_not_found(arn: str) -> ApiError:
    return not_found(f"Cannot find alias arn: {arn}")


def invalid(text: str, *, typed: bool = True) -> ApiError:
    """400 for a value that the service, not its model, refuses."""
    extra = {"Type": "User"} if typed else {}
    return ApiError(400, "InvalidParameterValueException", text, **extra)


def functions_only() -> ApiError:
    return invalid(
        "This operation is permitted on Lambda functions only. Aliases and versions do not "
        "support this operation. Please specify either a function name or an unqualified "
        "function ARN."
    )


def violated(constraints: Sequence[str]) -> ApiError:
    """400 for values outside of the model, all of them at once."""
    errors = "error" if len(constraints) == 1 else "errors"
    text = f"{len(constraints)} validation {errors} detected: {'; '.join(constraints)}"
    return ApiError(400, "ValidationException", text)


def unsatisfied(value: object, field: str, constraint: str) -> str:
    """AWS's words for a value that its model forbids."""
    return f"Value '{value}' at '{field}' failed to satisfy constraint: {constraint}"


def mismatch(value: str, field: str, pattern: str) -> str:
    """AWS's words for a value that does not match its pattern."""
    constraint = f"Member must satisfy regular expression pattern: {pattern}"
    return unsatisfied(value, field, constraint)


def too_long(value: object, field: str, most: int) -> str:
    """AWS's words for a value of too many characters or members."""
    return unsatisfied(value, field, f"Member must have length less than or equal to {most}")


def too_short(value: object, field: str, fewest: int) -> str:
    """AWS's words for a value of too few characters or members."""
    return unsatisfied(value, field, f"Member must have length greater than or equal to {fewest}")


def not_one_of(value: object, field: str, values: Sequence[str]) -> str:
    """AWS's words for a value outside of an enumeration."""
    constraint = f"Member must satisfy enum value set: [{', '.join(values)}]"
    return unsatisfied(value, field, constraint)


def unreadable(text: str) -> ApiError:
    """400 for a body that is not what the operation reads."""
    return ApiError(400, "SerializationException", text)


def conflict(text: str) -> ApiError:
    return ApiError(409, "ResourceConflictException", text, Type="User")


def not_ready(state: str) -> ApiError:
    return conflict(
        "The operation cannot be performed at this time. "
        f"The function is currently in the following state: {state}"
    )


def stale_revision(read_by: str = "GetFunction/GetAlias") -> ApiError:
    return ApiError(
        412,
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. "
        f"Call the {read_by} API to retrieve the latest Revision Id",
        Type="User",
    )


def too_large(text: str) -> ApiError:
    return ApiError(413, "RequestEntityTooLargeException", text, key="Message")


def broken(text: str) -> ApiError:
    """500: a fault of the local Lambda itself."""
    return ApiError(500, "ServiceException", text, key="Message", Type="Service")
