"""Asynchronous invocations: accepted at once, run from a queue, retried and reported as AWS does.

A function's fault is retried after one and after two more platform minutes; a throttle from one
second doubling to five minutes; nothing beyond the event's age. The queue lives in memory, and in
files when a folder is given. Destinations, functions or queues, get AWS's record, and dead-letter
queues the event itself. Queues are at one SQS endpoint (moto, ElasticMQ, LocalStack) with unchecked
credentials, never the real SQS.
"""

import base64
import json
import logging
import random
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from aiohttp import ClientError, ClientSession, ClientTimeout

from tuner.locallambda.background import PlatformClock, Tasks
from tuner.locallambda.pool import Pool
from tuner.locallambda.registry.files import (
    check_fields,
    make_private,
    open_private,
    read_kept,
    write_whole,
)
from tuner.locallambda.registry.function import Deployment, Function, timestamp
from tuner.locallambda.registry.names import LATEST, FunctionRef, read_reference
from tuner.locallambda.registry.registry import Registry
from tuner.locallambda.responses import ApiError, not_ready
from tuner.locallambda.sandbox.invocation import Invocation, InvocationResult

#: Platform seconds; recorded on AWS: one call before 30 s, two after 91 s, three after 213 s.
RETRY_AFTER_S = (60.0, 120.0)
#: Platform seconds (AWS developer guide, asynchronous error handling).
THROTTLE_BACKOFF_S = (1.0, 300.0)
DEFAULT_RETRIES = 2
DEFAULT_AGE_S = 6 * 3600
#: Tries to reach a queue, and platform seconds between two.
SEND_TRIES, SEND_AGAIN_S = 3, 5.0
MAX_ERROR_MESSAGE = 1024
#: How often an event is passed on (AWS developer guide, "Recursive loop detection").
MAX_HOPS = 16
_log = logging.getLogger(__name__)


@dataclass
class Event:
    """One accepted event; ``accepted`` is platform time since 1970."""

    request_id: str
    region: str
    function: str
    qualifier: str | None
    payload: bytes
    trace_id: str
    accepted: float
    tries: int = 0
    throttles: int = 0
    hops: int = 0  # from function to function as destinations

    @property
    def ref(self) -> FunctionRef:
        return FunctionRef(self.region, self.function, self.qualifier)

    def config(self, function: Function) -> Mapping[str, Any]:
        """The settings for asynchronous events, of the qualifier that was invoked."""
        return function.event_configs.get(self.qualifier or LATEST, {})


@dataclass(frozen=True)
class EndedEvent:
    """How an event ended; ``condition`` is AWS's word for it, ``ended`` platform time."""

    event: Event
    function: Function
    condition: str
    ended: float
    version: str | None = None
    result: InvocationResult | None = None

    def record(self) -> dict[str, Any]:
        """The record that AWS sends to a destination."""
        record: dict[str, Any] = {
            "version": "1.0",
            "timestamp": timestamp(self.ended).replace("+0000", "Z"),
            "requestContext": {
                "requestId": self.event.request_id,
                "functionArn": f"{self.function.arn}:{self.event.qualifier or LATEST}",
                "condition": self.condition,
                "approximateInvokeCount": self.event.tries,
            },
            "requestPayload": json.loads(self.event.payload),
        }
        if self.result is not None:
            context: dict[str, Any] = {"statusCode": 200, "executedVersion": self.version}
            if self.result.function_error:
                context["functionError"] = self.result.function_error
            record["responseContext"] = context
            record["responsePayload"] = json.loads(self.result.payload or b"null")
        return record


def retry_delay(config: Mapping[str, Any], tries: int, throttles: int, age_s: float) -> float | str:
    """Platform seconds until the next try, or the condition under which an event is given up.

    ``throttles`` counts refusals since the last try that ran; 0 means that the function failed.
    """
    delay: float
    if throttles:
        first, most = THROTTLE_BACKOFF_S
        delay = min(most, first * 2 ** min(throttles - 1, 20))
    elif tries > config.get("MaximumRetryAttempts", DEFAULT_RETRIES):
        return "RetriesExhausted"
    else:
        delay = RETRY_AFTER_S[tries - 1]
    if age_s + delay > config.get("MaximumEventAgeInSeconds", DEFAULT_AGE_S):
        return "EventAgeExceeded"
    return delay


@dataclass
class EventQueue:
    """The events of one local Lambda that were accepted and have not ended."""

    registry: Registry
    pool: Callable[[str], Pool]  # the sandboxes of a region
    clock: PlatformClock
    ended: Callable[[EndedEvent], None]  # called for every ending
    chance: random.Random
    folder: Path | None = None
    tasks: Tasks = field(default_factory=Tasks)

    def __len__(self) -> int:
        return len(self.tasks)

    def accept(self, event: Event) -> None:
        """Take an event, which then ends in exactly one way."""
        self._keep(event)
        self.tasks.start(self._serve(event))

    def resume(self) -> None:
        """Continue with the events that an earlier process left in the folder."""
        if self.folder is None:
            return
        make_private(self.folder)
        paths = sorted(self.folder.glob("*.json"))
        for event in [read_kept(path, "an event", _thaw) for path in paths]:
            self.tasks.start(self._serve(event))

    async def close(self) -> None:
        """Stop serving; events in files continue with the next process."""
        await self.tasks.end(cancel=True)

    async def _serve(self, event: Event) -> None:
        while True:
            try:
                deployment = self.registry.deployment(event.ref)
            except ApiError as error:
                if error.code == not_ready("").code:
                    await self.clock.pause(THROTTLE_BACKOFF_S[0])
                    continue
                break  # the function is gone, and its events with it
            ending = await self._attempt(event, deployment)
            if ending is not None:
                self.ended(ending)
                break
        if self.folder is not None:
            (self.folder / f"{event.request_id}.json").unlink(missing_ok=True)

    async def _attempt(self, event: Event, deployment: Deployment) -> EndedEvent | None:
        function = deployment.function
        if function.reserved == 0:
            return EndedEvent(event, function, "ZeroReservedConcurrency", self.clock.wall())
        result = await self._try(event, deployment)
        now = self.clock.wall()
        next_step: float | str = "Success"
        if result is None or result.function_error:
            config, age = event.config(function), now - event.accepted
            next_step = retry_delay(config, event.tries, event.throttles, age)
        if isinstance(next_step, str):
            return EndedEvent(event, function, next_step, now, deployment.version, result)
        self._keep(event)
        await self.clock.pause(self._spread(event, next_step))
        return None

    def _spread(self, event: Event, delay: float) -> float:
        """A throttled event's delay, at random down to half of it (not below the first one).

        AWS documents the delays only; were they exact, events that were throttled together would
        return together for hours, and all but a few would be refused each time.
        """
        if not event.throttles:
            return delay
        return max(THROTTLE_BACKOFF_S[0], delay * self.chance.uniform(0.5, 1.0))

    async def _try(self, event: Event, deployment: Deployment) -> InvocationResult | None:
        """Run it once; ``None`` if it was throttled or no sandbox could be started, which sends it
        back to the queue and does not count as a try."""
        invocation = Invocation(
            event.request_id, event.payload, event.ref.qualified_arn, event.trace_id
        )
        try:
            pool = self.pool(event.region)
            result = await pool.run(pool.place(deployment, rated=False), deployment, invocation)
        except ApiError:
            event.throttles += 1
            return None
        event.throttles = 0
        event.tries += 1
        return result

    def _keep(self, event: Event) -> None:
        if self.folder is not None:
            kept = {**asdict(event), "payload": base64.b64encode(event.payload).decode()}
            write_whole(self.folder / f"{event.request_id}.json", json.dumps(kept))


def _thaw(kept: Any, path: Path) -> Event:
    """The event of a file; raises an error of what is wrong with it."""
    event = Event(**{**kept, "payload": base64.b64decode(kept["payload"], validate=True)})
    check_fields(event)
    json.loads(event.payload)
    if event.request_id != path.stem:
        raise ValueError(f"its id is {event.request_id!r:.80}")
    return event


#: The ARN of a queue, a message's text and its attributes.
Message = tuple[str, str, dict[str, dict[str, str]]]


def destination(ending: EndedEvent) -> str:
    """The ARN to which a record of an ending goes; empty if there is none."""
    which = "OnSuccess" if ending.condition == "Success" else "OnFailure"
    config = ending.event.config(ending.function).get("DestinationConfig") or {}
    return (config.get(which) or {}).get("Destination") or ""


def passed_on(ending: EndedEvent, record: dict[str, Any]) -> Event | None:
    """The event for a function that is the destination; none once it may be a loop."""
    arn, before = destination(ending), ending.event
    if arn.split(":")[2:3] != ["lambda"] or before.hops >= MAX_HOPS:
        return None
    ref = read_reference(arn, before.region)
    payload = json.dumps(record).encode()
    where = (ref.region, ref.name, ref.qualifier)
    return Event(
        str(uuid.uuid4()), *where, payload, before.trace_id, ending.ended, hops=before.hops + 1
    )


def messages(ending: EndedEvent, record: dict[str, Any]) -> Iterator[Message]:
    """The messages for an ending; none for targets that are not queues."""
    target = destination(ending)
    if is_queue(target):
        yield target, json.dumps(record), {}
    dead = (ending.function.live.other.get("DeadLetterConfig") or {}).get("TargetArn")
    if ending.condition != "Success" and is_queue(dead):
        yield dead, ending.event.payload.decode(), _dead_letter(ending, record)


def _send_message(endpoint: str, message: Message) -> tuple[dict[str, str], dict[str, Any]]:
    """Headers and body of SendMessage in SQS's JSON protocol, with an unchecked signature."""
    queue, text, attributes = message
    _, _, _, region, account, name = queue.split(":")
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": "AmazonSQS.SendMessage",
        "Authorization": "AWS4-HMAC-SHA256 "
        f"Credential=tuner/20260101/{region}/sqs/aws4_request, "
        "SignedHeaders=host, Signature=unchecked",
    }
    url = f"{endpoint}/{account}/{name}"
    return headers, {"QueueUrl": url, "MessageBody": text, "MessageAttributes": attributes}


def is_queue(arn: object) -> TypeGuard[str]:
    words = arn.split(":") if isinstance(arn, str) else ()
    return len(words) == 6 and words[0] == "arn" and words[2] == "sqs"


def _dead_letter(ending: EndedEvent, record: dict[str, Any]) -> dict[str, dict[str, str]]:
    payload = record.get("responsePayload")
    text = str(payload.get("errorMessage", "")) if isinstance(payload, dict) else ""
    told = {
        "RequestID": ("String", ending.event.request_id),
        "ErrorCode": ("Number", "200"),
        "ErrorMessage": ("String", (text or ending.condition)[:MAX_ERROR_MESSAGE]),
    }
    return {key: {"DataType": kind, "StringValue": value} for key, (kind, value) in told.items()}


@dataclass
class Destinations:
    """Reports endings to a file and to queues."""

    clock: PlatformClock
    endpoint: str  # empty: nothing is sent
    file: Path | None
    session: ClientSession | None = None
    sending: Tasks = field(default_factory=Tasks)

    def report(self, ending: EndedEvent, record: dict[str, Any]) -> None:
        """Keep the record in the file, and send what the function's settings ask for."""
        if self.file is not None:
            with open_private(self.file) as kept:
                kept.write(json.dumps(record) + "\n")
        for message in messages(ending, record):
            if not self.endpoint:
                _log.warning("nothing is sent to %s without --sqs-endpoint", message[0])
            else:
                self.sending.start(self._send(message))

    async def close(self) -> None:
        await self.sending.end(cancel=True)
        if self.session is not None:
            await self.session.close()

    async def _send(self, message: Message) -> None:
        headers, body = _send_message(self.endpoint, message)
        if self.session is None:
            self.session = ClientSession(timeout=ClientTimeout(total=10))
        reason = ""
        for left in reversed(range(SEND_TRIES)):
            try:
                async with self.session.post(self.endpoint, json=body, headers=headers) as answer:
                    if answer.status < 300:
                        return
                    reason = f"{answer.status} {(await answer.text())[:200]}"
            except (ClientError, TimeoutError) as error:
                reason = str(error) or type(error).__name__
            if left:
                await self.clock.pause(SEND_AGAIN_S)
        _log.warning("%s did not take a message: %s", message[0], reason)
