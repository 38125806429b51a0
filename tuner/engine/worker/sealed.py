"""The seal on Locust's sockets: a master and its workers understand only who knows their secret.

Both ends have one pair of keys, made of the secret, by which ZeroMQ encrypts and authenticates all
that passes (CurveZMQ, ZeroMQ RFC 26): whoever lacks it can neither join, read nor pretend to be a
master. What cannot be understood in spite of that is skipped, so that one message deafens nobody.
"""

import hashlib
import os
import sys
from contextlib import suppress
from typing import Any, NamedTuple, NoReturn

import zmq
from locust.exception import RPCError
from locust.rpc import zmqrpc
from locust.runners import MasterRunner
from zmq.utils import z85

from tuner.engine.worker_process import SECRET

# scrypt's cost: a tenth of a second for each guess (RFC 7914).
_COST = {"n": 2**15, "r": 8, "p": 1, "maxmem": 2**26}


_BASE: Any = zmqrpc.BaseSocket


class KeyPair(NamedTuple):
    """A CURVE key pair, in Z85."""

    secret: bytes
    public: bytes


def key_pair(secret: str) -> KeyPair:
    """Return the keys that follow from a secret."""
    key = z85.encode(hashlib.scrypt(secret.encode(), salt=b"tuner worker", dklen=32, **_COST))
    return KeyPair(key, zmq.curve_public(key))


def seal_sockets() -> str:
    """Seal every socket that Locust opens from now on; return the secret.

    The secret leaves the environment, where processes that are started here would find it. Ends
    this process where there is none.
    """
    secret = os.environ.pop(SECRET, "")
    if not secret:
        _end(f"{SECRET} is not set; it has to be the secret of the load that this joins")
    if not zmq.has("curve"):
        _end("this ZeroMQ has no CURVE; install pyzmq from PyPI")
    keys, opened, heard = key_pair(secret), _BASE.__init__, _BASE.recv_from_client

    def sealed(self: Any, kind: int, ipv4_only: bool) -> None:
        opened(self, kind, ipv4_only)
        self.socket.curve_secretkey, self.socket.curve_publickey = keys
        if kind == zmq.ROUTER:
            self.socket.curve_server = True
        else:
            self.socket.curve_serverkey = keys.public

    def next_message(self: Any) -> Any:
        while True:
            try:
                return heard(self)
            except RPCError:  # Locust knows what to do
                raise
            except Exception:
                continue

    _BASE.__init__, _BASE.recv_from_client = sealed, next_message
    return secret


def _end(words: str) -> NoReturn:
    sys.stderr.write(f"{words}\n")
    os._exit(1)


class ListeningRunner(MasterRunner):
    """Locust's master, which goes on whatever its workers send."""

    def handle_message(self, client_id: str, msg: Any) -> None:
        """Act on a message as Locust does, if it can and is the sender's own."""
        if not isinstance(msg.node_id, str) or msg.node_id != client_id:
            return
        with suppress(Exception):
            super().handle_message(client_id, msg)
