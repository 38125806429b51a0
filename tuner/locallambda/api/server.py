"""The HTTP server: finds the function for a request and writes its response; no logic of Lambda's.

It is aiohttp's low-level server, without application, router or middleware: routing Invoke by hand
saves more CPU per call than the rest of the server costs. Paths are those of botocore's model.
"""

import asyncio
import contextlib
import hmac
import logging
import uuid
import weakref
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import psutil
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

from tuner.locallambda.api.invocations import invoke
from tuner.locallambda.api.requests import MAX_REQUEST, ApiRequest, check_host, region_of
from tuner.locallambda.api.routes import find_route, operation_name
from tuner.locallambda.api.signatures import Keys, SignedRequest, check_signature
from tuner.locallambda.logs import handle as handle_logs
from tuner.locallambda.registry.names import read_reference
from tuner.locallambda.responses import ApiError, Response, broken, document, too_large
from tuner.locallambda.service import Service

_INVOKE = "/2015-03-31/functions/"
_INVOKE_END = "/invocations"
_OWN = "/tuner/"
#: How long ``/tuner/platform`` waits for the CPU share to be measured.
CALIBRATION_LIMIT_S = 4.0
_log = logging.getLogger(__name__)
#: What aiohttp says of connections: a client that resets one, or sends no HTTP, is no failure.
_connections = logging.getLogger(f"{__name__}.connections")
_CLIENTS = (ConnectionError, HttpProcessingError, web.RequestPayloadError, TimeoutError)


def _is_ours(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], _CLIENTS))


_connections.addFilter(_is_ours)


def ignore_resets(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Handle what no task of a loop has caught; nothing is said of a client that is gone."""
    if not isinstance(context.get("exception"), ConnectionError):
        loop.default_exception_handler(context)


class LambdaServer:
    """Answers requests to one service that listens on ``host``; if it has keys, only those that
    are signed with them."""

    def __init__(self, service: Service, host: str, keys: Keys | None = None) -> None:
        self._service = service
        self._host = host
        self._keys = keys
        self._outside: weakref.WeakSet[asyncio.BaseTransport] = weakref.WeakSet()

    def server(self) -> web.Server:
        return web.Server(
            self.handle,
            request_factory=_request,
            access_log=None,
            keepalive_timeout=3600.0,
            logger=_connections,
        )

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; only a client that went away gets none."""
        request_id = str(uuid.uuid4())
        try:
            response = await self._respond(request, request_id)
        except ApiError as error:
            response = error.response()
        except web.HTTPRequestEntityTooLarge:
            response = _request_too_large(request.path).response()
        except (asyncio.CancelledError, ConnectionError):
            raise
        except Exception as error:
            _log.exception("a request failed inside the local Lambda")
            response = broken(f"{type(error).__name__}: {error}").response()
        headers = {"x-amzn-RequestId": request_id, **response.headers}
        return web.Response(
            status=response.status,
            body=response.body,
            headers=headers,
            content_type=response.content_type,
        )

    async def _respond(self, request: web.BaseRequest, request_id: str) -> Response:
        check_host(request.headers.get("Host", ""), self._host)
        path = request.path
        if path.startswith(_OWN) and request.method == "GET":
            return await self._own(path[len(_OWN) :], request)
        region = region_of(request.headers.get("Authorization", ""))
        raw = await request.read()
        self._check_signed(request, raw)
        if path.startswith(_INVOKE) and path.endswith(_INVOKE_END) and request.method == "POST":
            word = unquote(path[len(_INVOKE) : -len(_INVOKE_END)])
            ref = read_reference(word, region, request.query.get("Qualifier"))
            return await invoke(self._service, ref, request.headers, raw, request_id)
        self._check_outside(request)
        if path == "/" and "X-Amz-Target" in request.headers:
            return handle_logs(self._service.logs, region, request.headers["X-Amz-Target"], raw)
        handler, words = find_route(request.method, path)
        call = ApiRequest(
            operation=operation_name(handler),
            region=region,
            base_url=f"http://{request.headers.get('Host', self._host)}",
            words=words,
            query=request.query,
            raw=raw,
            tag_keys=tuple(request.query.getall("tagKeys", [])),
            keys=self._keys,
        )
        return await handler(self._service, call)

    def _check_signed(self, request: web.BaseRequest, body: bytes = b"") -> None:
        if self._keys is not None:
            path, _, query = request.raw_path.partition("?")
            sent = SignedRequest(request.method, path, query, request.headers, body)
            check_signature(sent, self._keys)

    def _check_outside(self, request: web.BaseRequest) -> None:
        """Refuse a function of ours, whose role on AWS would have to allow the call. Asked once
        for each connection, and not where there are keys, which no function knows."""
        transport = request.transport
        if self._keys is not None or self._service.options.control_from_functions:
            return
        if transport is None or transport in self._outside:
            return
        own, other = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        if own and other and self._service.host.may_be_caller(own[:2], other[:2]):
            raise ApiError(
                403,
                "AccessDeniedException",
                "A function is not authorized to perform this call: on AWS its role has to allow "
                "it. Start tuner local with --control-from-functions to allow it here.",
            )
        self._outside.add(transport)

    async def _own(self, what: str, request: web.BaseRequest) -> Response:
        """The local Lambda's own, read-only pages. Only those on the machine are for all."""
        service = self._service
        if what == "platform":
            with contextlib.suppress(TimeoutError):  # a busy machine: what is known so far
                await asyncio.wait_for(service.host.calibrated(), CALIBRATION_LIMIT_S)
            return document(service.platform())
        if what == "process":
            own = psutil.Process()
            return document({"pid": own.pid, "started_s": own.create_time()})
        if what == "time":
            return document({"now": service.clock.wall(), "time_scale": service.clock.scale})
        if what.startswith("packages/") and what.endswith(".zip"):
            return await self._package(what[len("packages/") : -len(".zip")], request)
        self._check_signed(request)
        self._check_outside(request)
        if what == "events":
            given = request.query.get("from", "0")
            first = int(given) if given.isascii() and given.isdecimal() else 0
            ended = {"x-tuner-ended": str(service.ended)}
            return replace(document(service.records(first)), headers=ended)
        if what == "logs":
            group = request.query.get("group", "")
            region = request.query.get("region", "us-east-1")
            text = "".join(f"{line}\n" for _, _, _, line in service.logs.lines(region, group))
            return Response(200, text.encode(), content_type="text/plain")
        raise _nothing(what)

    async def _package(self, name: str, request: web.BaseRequest) -> Response:
        given = request.query.get("pass", "")
        if self._keys is not None and not hmac.compare_digest(
            given.encode(), self._keys.pass_for(name).encode()
        ):
            raise ApiError(403, "AccessDeniedException", "Ask GetFunction where the code is.")
        path = self._service.store.packages.archive(name)
        if not (name.isalnum() and path.is_file()):
            raise _nothing(f"packages/{name}.zip")
        archive = await asyncio.to_thread(path.read_bytes)
        return Response(200, archive, content_type="application/zip")


def _nothing(what: str) -> ApiError:
    return ApiError(404, "NotFound", f"There is nothing at {_OWN}{what}.")


def _request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: RequestHandler,
    writer: AbstractStreamWriter,
    task: "asyncio.Task[None]",
) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(
        message, payload, protocol, writer, task, loop, client_max_size=MAX_REQUEST
    )


def _request_too_large(path: str) -> ApiError:
    if path.endswith(_INVOKE_END):
        return too_large(
            f"More than {MAX_REQUEST} byte payload is too large for the RequestResponse "
            "invocation type (limit 6291456 bytes)"
        )
    name = "UpdateFunctionCode" if path.endswith("/code") else "CreateFunction"
    return too_large(f"Request must be smaller than {MAX_REQUEST} bytes for the {name} operation")
