"""Invoke: checks an event as AWS does, runs it, and shapes the answer."""

import base64
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from tuner.locallambda.answers import Answer, bad_content, too_large, violated
from tuner.locallambda.invocation import Invocation, InvocationResult
from tuner.locallambda.names import FunctionRef

#: Bytes (AWS Lambda quotas; asynchronous since October 2025).
MAX_EVENT = {"RequestResponse": 6_291_456, "Event": 1_048_576}
TAIL_BYTES = 4096
_TYPES = ("RequestResponse", "Event", "DryRun")


@dataclass(frozen=True, slots=True)
class InvokeRequest:
    """One Invoke call as it came in, already checked."""

    ref: FunctionRef
    kind: str  # RequestResponse, Event or DryRun
    tail: bool
    event: bytes
    trace_id: str
    client_context: str | None

    def invocation(self, request_id: str) -> Invocation:
        """What a sandbox is given; the ARN carries a qualifier only if the caller gave one."""
        return Invocation(
            request_id, self.event, self.ref.qualified_arn, self.trace_id, self.client_context
        )


def read_request(ref: FunctionRef, headers: Mapping[str, str], body: bytes) -> InvokeRequest:
    """Check the event and the headers; raises the ApiError that AWS answers with."""
    kind = headers.get("X-Amz-Invocation-Type") or "RequestResponse"
    if kind not in _TYPES:
        raise violated(
            [
                f"Value '{kind}' at 'invocationType' failed to satisfy constraint: "
                f"Member must satisfy enum value set: [{', '.join(sorted(_TYPES))}]"
            ]
        )
    limit = MAX_EVENT.get(kind, MAX_EVENT["RequestResponse"])
    if len(body) > limit:
        raise too_large(
            f"{len(body)} byte payload is too large for the {kind} invocation type "
            f"(limit {limit} bytes)"
        )
    check_event(body)
    return InvokeRequest(
        ref=ref,
        kind=kind,
        tail=headers.get("X-Amz-Log-Type") == "Tail" and kind == "RequestResponse",
        event=body or b"{}",
        trace_id=headers.get("X-Amzn-Trace-Id") or new_trace_id(),
        client_context=_client_context(headers.get("X-Amz-Client-Context")),
    )


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_JSON = json.JSONDecoder(parse_constant=_refuse_constant)


def check_event(body: bytes) -> None:
    """Refuse an event that is not one JSON value in UTF-8; an empty one is taken as {}."""
    if body in (b"", b"{}"):
        return
    try:
        _JSON.decode(body.decode())
    except (ValueError, RecursionError) as error:
        raise bad_content(
            f"Could not parse request body into json: Could not parse payload into json: {error}"
        ) from error


def _client_context(encoded: str | None) -> str | None:
    if not encoded:
        return None
    try:
        text = base64.b64decode(encoded, validate=True).decode()
        if not isinstance(json.loads(text), dict):
            raise ValueError("not an object")
    except ValueError as error:
        raise bad_content("Client context must be a valid Base64-encoded JSON object.") from error
    return text


def new_request_id() -> str:
    """A request id, as in START, REPORT and the context."""
    return str(uuid.uuid4())


def new_trace_id() -> str:
    """A trace that nobody samples, in X-Ray's format."""
    unique = uuid.uuid4().hex
    return f"Root=1-{int(time.time()):08x}-{unique[:24]};Parent={unique[16:]};Sampled=0"


def success(request: InvokeRequest, version: str, result: InvocationResult) -> Answer:
    """The answer of a synchronous call whose function ran, well or not."""
    headers = {"X-Amz-Executed-Version": version}
    if result.function_error:
        headers["X-Amz-Function-Error"] = result.function_error
    if request.tail:
        headers["X-Amz-Log-Result"] = base64.b64encode(result.log[-TAIL_BYTES:]).decode()
    return Answer(200, result.payload, headers)


ACCEPTED = Answer(202)
ALLOWED = Answer(204)
