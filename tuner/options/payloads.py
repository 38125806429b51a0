"""From --payload, --payloads, --event and a power-tuning input to the bodies that are sent.

Raises only :class:`tuner.errors.UsageError`.
"""

import io
import json
import math
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuner.clock import Clock, WallClock
from tuner.engine.batches import Payload
from tuner.engine.profiles.events import inline_event, load_event
from tuner.errors import UsageError, unreadable
from tuner.files import MOST_BYTES, decoded, read_at_most, read_text
from tuner.options.calls import NO_PAYLOAD, RunOptions, inline
from tuner.options.feeder import fed, is_feed, kept_rows, opened, rows_of
from tuner.options.sweep import SweepOptions
from tuner.recording import is_power_tuning
from tuner.recording.power_tuning import is_weighted, load_json, payload_text, read_input

#: A synchronous invocation takes at most 6 MB (Lambda quotas; the API counts 6,291,556 bytes).
PAYLOAD_LIMIT = 6_291_556
#: An object that holds a list of weighted payloads may be larger than one of them.
_MOST_IN_S3 = 64 * 1024 * 1024
S3 = "s3://"
_WEIGHTED_FIX = 'Write it like [{"payload": {...}, "weight": 2}, {"payload": {...}, "weight": 1}].'
#: So many events are made of a template, so that calls differ; they take turns.
EVENTS = 50
#: Rows of a table that the calls of a sweep are drawn from: each ask carries their bodies.
ROWS = 1_000


def read_payloads(
    options: RunOptions,
    clock: Clock | None = None,
    events: int = EVENTS,
    *,
    bare: bool = False,
    rows: int = ROWS,
    ordered: bool = False,
) -> tuple[Payload, ...]:
    """The payloads to invoke with: ``--payloads`` (weighted), or the one of ``--payload``; or
    so many different ``events`` of a template, as of now on ``clock``. Where nothing is said, it is
    an empty object, or nothing for a ``bare`` request. Of a table at most so many ``rows`` are
    taken: a fair sample, or the first ones where they are ``ordered``."""
    if options.template and not (options.payloads and is_feed(options.payloads)):
        reason = "cannot go with --event" if options.event else "needs a table as --payloads"
        fix = "Write --payloads users.csv, or only --event for a template without rows."
        raise UsageError("--template", reason, fix)
    if bare and not options.has_payload:
        return (Payload(b""),)
    if options.event:
        if options.payloads or options.payload != NO_PAYLOAD:
            reason = "cannot go with --payload or --payloads"
            raise UsageError("--event", reason, "Give one of them.")
        now_s = (clock or WallClock()).wall()
        return tuple(map(Payload, load_event(options.event).render(events, options.seed, now_s)))
    if options.payloads:
        given = options.payloads
        if is_feed(given):
            return _rows(given, options, clock or WallClock(), rows, ordered=ordered)
        return _weighted(given if inline(given) else _read(given, "--payloads", options))
    text, thing = options.payload, "--payload"
    if text.startswith(S3):
        return _from_s3(_read(text, "--payload", options))
    if text == "-":
        text = _typed()
    elif text.startswith("@"):
        thing = f"--payload {text[1:]}"
        text = read_text(Path(text[1:]), thing)
    return (Payload(_checked(text, thing)),)


def _typed() -> str:
    """What standard input brings."""
    raw = getattr(sys.stdin, "buffer", None)  # none where something stands in for it
    if raw is None:
        return sys.stdin.read().removeprefix("\ufeff")
    try:
        return decoded(read_at_most(raw, MOST_BYTES), "--payload -")
    except OSError as error:
        raise unreadable("--payload -", error, "Give a smaller event.") from None


def _rows(
    name: str, options: RunOptions, clock: Clock, most: int, *, ordered: bool
) -> tuple[Payload, ...]:
    """A payload of each row of a table."""
    template = None
    if options.template:
        text = options.template
        template = load_event(text[1:]) if text.startswith("@") else inline_event(text)
    seed = None if ordered else options.seed
    if name.startswith(S3):
        if name.lower().endswith(".gz"):
            fix = "Download and name the file, or store it unpacked."
            raise UsageError(f"--payloads {name}", "is packed", fix)
        kept = kept_rows(rows_of(io.StringIO(_read(name, "--payloads", options)), name), most, seed)
    else:
        with opened(name) as stream:
            kept = kept_rows(rows_of(stream, name), most, seed)
    return fed(kept, name, template, clock.wall, options.seed, _checked)


def outputs_replayed(file: Path) -> SweepOptions | None:
    """The options that make the sizes of a power-tuning output a run; ``None`` for another file."""
    if not is_power_tuning(file):
        return None
    return SweepOptions(
        f"replay:{file}", memory="recorded", method="grid", samples=1, cold=0, seed=0
    )


def _read(name: str, option: str, options: RunOptions) -> str:
    """A file, or an object of S3, as text."""
    if not name.startswith(S3):
        return read_text(Path(name), f"{option} {name}")
    from tuner.aws.payloads import read_s3, split_s3
    from tuner.aws.session import SessionOptions, open_session

    split_s3(name)
    region = options.region or options.name.region
    session = open_session(SessionOptions(region, options.profile, assume_role=options.assume_role))
    return decoded(read_s3(session, name, _MOST_IN_S3), f"{option} {name}")


def _from_s3(text: str) -> tuple[Payload, ...]:
    """One payload, or weighted ones if all items of a list are: so power-tuning's payloadS3."""
    body = _checked(text, "--payload", limit=False)
    if is_weighted(json.loads(body)):
        return _weighted(text)
    return (Payload(_checked(text, "--payload")),)


def with_power_tuning(file: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What is ``given`` by name, and what an input of aws-lambda-power-tuning says beside it."""
    own_payload = bool({"payload", "payloads"} & given.keys())
    option = "--power-tuning-input"
    asked = read_input(read_text(Path(file), f"{option} {file}"), f"{option} {file}")
    options = dict(asked.options)
    if own_payload:
        options = {k: v for k, v in options.items() if k not in ("payload", "payloads")}
    if asked.target is not None:
        options["target"] = asked.target
    return {**options, **given, "left_out": asked.notes}


def _checked(text: str, option: str, *, limit: bool = True) -> bytes:
    try:
        load_json(text)
        body = text.encode()
    except (ValueError, RecursionError) as error:
        fix = "Give JSON, @file, s3://bucket/key, or - for stdin."
        if option.startswith("--payloads"):
            fix = _WEIGHTED_FIX
        elif " " in option:  # a file, which is what was meant
            fix = "Correct the file; an event is one value of JSON."
        elif _names_file(name := re.sub(r"^fileb?://", "", text)):
            fix = f"Did you mean the file? Write {option} @{name}."
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        reason = f"is not JSON: {why}" if text.strip() else "is empty"
        raise UsageError(option, reason, fix) from None
    if limit and len(body) > PAYLOAD_LIMIT:
        reason = f"is {len(body):,} bytes; Lambda takes at most {PAYLOAD_LIMIT:,}"
        raise UsageError(option, reason, "Send a smaller event.")
    return body


def _names_file(text: str) -> bool:
    try:
        return len(text) < 1000 and Path(text).is_file()
    except (OSError, ValueError):
        return False


def _weighted(text: str) -> tuple[Payload, ...]:
    """A list of ``{"payload": ..., "weight": n}``, sent as aws-lambda-power-tuning does: a payload
    that is a text of JSON goes as it stands. Each may have a ``name`` (else its number); those of
    one name are one class."""
    items = json.loads(_checked(text, "--payloads", limit=False))
    fix = _WEIGHTED_FIX
    if not isinstance(items, list) or not items:
        raise UsageError("--payloads", "is not a list of payloads", fix)
    found = []
    for number, item in enumerate(items, 1):
        if not isinstance(item, dict) or "payload" not in item:
            raise UsageError("--payloads", f"item {number} has no payload", fix)
        weight = item.get("weight", 1)
        if not isinstance(weight, int | float) or not math.isfinite(weight) or weight <= 0:
            reason = f"item {number} has the weight {weight!r:.40}, which is no number above 0"
            raise UsageError("--payloads", reason, "Give it one, or leave the item out.")
        body = _checked(payload_text(item["payload"]), f"--payloads, item {number}")
        name = item.get("name", str(number))
        if not isinstance(name, str) or not name.isprintable() or not name.strip():
            raise UsageError("--payloads", f"item {number} has a name that is not text", fix)
        found.append(Payload(body, float(weight), name if len(items) > 1 else ""))
    return tuple(found)
