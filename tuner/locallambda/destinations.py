"""Where ended events are told: a file of this service, and SQS queues that a function names.

Destinations get AWS's record, dead-letter queues the event itself. Queues are reached at one
endpoint (moto, ElasticMQ, LocalStack) with unchecked credentials; the real SQS is not spoken to.
"""

import asyncio
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from aiohttp import ClientError, ClientSession, ClientTimeout

from tuner.locallambda.asynchronous import Ending
from tuner.locallambda.platformclock import PlatformClock

TRIES = 3
#: Platform seconds between two tries to reach a queue.
TRY_AGAIN_S = 5.0
MAX_ERROR_MESSAGE = 1024
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """One message to a queue, by the queue's ARN."""

    queue: str
    body: str
    attributes: dict[str, dict[str, str]]

    def request(self, endpoint: str) -> tuple[dict[str, str], dict[str, Any]]:
        """Headers and body of SendMessage in SQS's JSON protocol."""
        _, _, _, region, account, name = self.queue.split(":")
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": "AmazonSQS.SendMessage",
            "Authorization": "AWS4-HMAC-SHA256 "
            f"Credential=tuner/20260101/{region}/sqs/aws4_request, "
            "SignedHeaders=host, Signature=unchecked",
        }
        body = {
            "QueueUrl": f"{endpoint}/{account}/{name}",
            "MessageBody": self.body,
            "MessageAttributes": self.attributes,
        }
        return headers, body


def messages(ending: Ending, record: dict[str, Any]) -> Iterator[Message]:
    """What has to be sent for an ending; nothing for targets that are not queues."""
    which = "OnSuccess" if ending.condition == "Success" else "OnFailure"
    config = ending.event_config.get("DestinationConfig") or {}
    target = (config.get(which) or {}).get("Destination")
    if is_queue(target):
        yield Message(target, json.dumps(record), {})
    dead = (ending.function.live.other.get("DeadLetterConfig") or {}).get("TargetArn")
    if which == "OnFailure" and is_queue(dead):
        yield Message(dead, ending.event.payload.decode(), _dead_letter(ending, record))


def is_queue(arn: object) -> TypeGuard[str]:
    """Whether this is the ARN of an SQS queue."""
    words = arn.split(":") if isinstance(arn, str) else ()
    return len(words) == 6 and words[0] == "arn" and words[2] == "sqs"


def _dead_letter(ending: Ending, record: dict[str, Any]) -> dict[str, dict[str, str]]:
    told = record.get("responsePayload")
    text = str(told.get("errorMessage", "")) if isinstance(told, dict) else ""
    return {
        "RequestID": {"DataType": "String", "StringValue": ending.event.request_id},
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
        "ErrorMessage": {
            "DataType": "String",
            "StringValue": (text or ending.condition)[:MAX_ERROR_MESSAGE],
        },
    }


class Destinations:
    """Tells endings; ``failed`` counts messages that no queue took."""

    def __init__(self, clock: PlatformClock, endpoint: str | None, file: Path | None) -> None:
        self._clock = clock
        self._endpoint = endpoint.rstrip("/") if endpoint else None
        self._file = file
        self._session: ClientSession | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self.failed = 0

    def tell(self, ending: Ending, record: dict[str, Any]) -> None:
        """Keep the record in the file, and send what the function asks for."""
        if self._file is not None:
            with self._file.open("a") as kept:
                kept.write(json.dumps(record) + "\n")
        for message in messages(ending, record):
            if self._endpoint is None:
                _log.warning("%s is not told: start with --sqs-endpoint", message.queue)
                continue
            task = asyncio.ensure_future(self._send(message, self._endpoint))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def close(self) -> None:
        """Stop sending."""
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _send(self, message: Message, endpoint: str) -> None:
        headers, body = message.request(endpoint)
        if self._session is None:
            self._session = ClientSession(timeout=ClientTimeout(total=10))
        reason = ""
        for left in reversed(range(TRIES)):
            try:
                async with self._session.post(endpoint, json=body, headers=headers) as answer:
                    if answer.status < 300:
                        return
                    reason = f"{answer.status} {(await answer.text())[:200]}"
            except (ClientError, TimeoutError) as error:
                reason = str(error) or type(error).__name__
            if left:
                await self._clock.pause(TRY_AGAIN_S)
        self.failed += 1
        _log.warning("%s took no message: %s", message.queue, reason)
