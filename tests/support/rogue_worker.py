"""A worker that is none: ``python rogue_worker.py PORT KIND`` joins a load on this machine as if it
were on another, and lies. It ends when it is told to quit or after ten seconds, and prints as one
line of JSON which kinds of messages it got. With ``TUNER_WORKER_SECRET`` it knows the secret.
"""

import io
import json
import os
import sys
import time
from contextlib import suppress
from typing import Any

import msgpack
import zmq

PORT, KIND = int(sys.argv[1]), sys.argv[2]
NAME = "rogue"
_LIES: dict[str, Any] = {
    "nan": lambda good: {**good, "duration_ms": float("nan")},
    "inf": lambda good: {**good, "done": float("inf")},
    "types": lambda good: {**good, "due": "now"},
    "outcome": lambda good: {**good, "outcome": "splendid"},
    "another-time": lambda good: {**good, "due": 1.0, "sent": 1.0, "done": 2.0},
    "short": lambda good: dict(list(good.items())[:5]),
}


def result(number: int) -> list[Any]:
    """The fields of an answer to a call, as this kind of liar tells them."""
    from tuner.engine.wire import Result

    now = time.monotonic()
    good = Result(number, 1, now, now, now, now, "ok", *(None,) * 13)._asdict()
    return list(_LIES[KIND](good).values())


def connected() -> Any:
    """A socket to the master, sealed if the secret is known."""
    made = zmq.Context().socket(zmq.DEALER)
    made.identity, made.linger = NAME.encode(), 0  # nobody may take what it sends
    if secret := os.environ.get("TUNER_WORKER_SECRET"):
        from tuner.engine.worker.sealed import key_pair

        keys = key_pair(secret)
        made.curve_secretkey, made.curve_publickey = keys
        made.curve_serverkey = keys.public
    made.connect(f"tcp://127.0.0.1:{PORT}")
    return made


def main() -> None:
    """Join, lie, and print what was got."""
    socket, got, until = connected(), [], time.monotonic() + 10.0

    def send(kind: str, data: Any) -> None:
        with suppress(zmq.Again):  # without the secret there is nobody to send to
            socket.send(msgpack.packb((kind, data, NAME)), zmq.NOBLOCK)

    def tell(*fields: Any) -> None:
        send("tuner", msgpack.packb(fields))

    send("client_ready", "2.0")
    if KIND == "junk":
        for data in (b"\xc1\xc1", b"", msgpack.packb(1), msgpack.packb(("heartbeat", None, NAME))):
            socket.send(data)
        send("stats", {"stats": float("nan")})
        send("tuner", 7)
        send("tuner", b"\xc1\xc1")
    else:
        tell("version", 3)
        tell("ready", "another machine", 4242)
    while time.monotonic() < until:
        if not socket.poll(200):
            send("heartbeat", {"state": "ready", "current_cpu_usage": 1})
            continue
        kind, data, _ = msgpack.unpackb(socket.recv())
        got.append(kind)
        if kind == "quit":
            break
        for asked, *fields in msgpack.Unpacker(io.BytesIO(data)) if kind == "tuner" else ():
            got.append(asked)
            if asked == "ping":
                tell("pong", fields[0], time.monotonic())
            elif asked == "order":
                tell("set")
            elif asked == "calls":
                for call in fields:
                    tell("result", *result(call[0]))
    sys.stdout.write(json.dumps(got))
    socket.close(0)


if __name__ == "__main__":
    main()
