"""Locust's master as a process of its own, started with HOST PORT LOCAL WEB FD.

Workers join it on HOST:PORT by Locust's own protocol, sealed with the secret in its environment
(``sealed.py``); LOCAL of them it starts itself. It passes
messages, unread, between them and the tuner, whose socket is FD, and shows Locust's UI on WEB (a
host and port, or a dash for none). It ends with that socket or its parent, and its workers end with
it.
"""

import logging
import os
import subprocess
import sys
from time import monotonic
from typing import Any, NoReturn, cast

import gevent
from flask import Response, jsonify, request
from gevent import socket
from locust.env import Environment
from locust.exception import RPCError
from locust.runners import STATE_RUNNING
from locust.stats import stats_history
from locust.web import WebUI

from tuner.engine import wire
from tuner.engine.worker.locust_worker import MESSAGE
from tuner.engine.worker.process import Channel, die_with_parent, settle_memory
from tuner.engine.worker.sealed import ListeningRunner, seal_sockets
from tuner.engine.worker.users import QueueUser
from tuner.engine.worker_process import SECRET, own_process

#: Pages of Locust's UI that would start, change or end a test of its own.
_NOT_HERE = ("/swarm", "/stop")
_LOOK_S = 0.25
_QUIT_S = 1.0
_ANY_ADDRESS = ("0.0.0.0", "::", "")


class LoadUI(WebUI):
    """Locust's web UI, showing a load as a running test.

    It starts and stops nothing. It lives in the master's process, so that no sending worker spends
    time on it.
    """

    def update_template_args(self) -> None:
        """Add the state, since Locust itself has started nothing."""
        super().update_template_args()  # type: ignore[no-untyped-call]
        self.template_args["state"] = STATE_RUNNING


def show(environment: Any, host: str, port: int) -> None:
    """Serve the UI of a master's environment. Raises OSError if the address cannot be used."""
    with socket.create_server((host, port)):  # Locust would end the process instead
        pass
    shown: Any = LoadUI(environment, host, port, delayed_start=True)
    shown.app.debug = False
    shown.app.before_request(_refuse)
    shown.app.after_request(_as_running)
    gevent.spawn(stats_history, environment.runner)
    shown.start()


def _refuse() -> Response | None:
    if request.path not in _NOT_HERE:
        return None
    message = "This load is run by tuner: end it there with Ctrl-C."
    return jsonify({"success": False, "message": message})


def _as_running(response: Response) -> Response:
    if request.path == "/stats/requests":
        figures = response.get_json(silent=True)
        if isinstance(figures, dict):
            response.set_data(jsonify({**figures, "state": STATE_RUNNING}).get_data())
    return response


class LocustMaster:
    """The master with the workers that have joined."""

    def __init__(self, channel: Channel, host: str, port: int) -> None:
        self._channel = channel
        self.environment = environment = cast(Any, Environment(user_classes=[QueueUser]))
        address = "*" if host in _ANY_ADDRESS else host
        self._secret = seal_sockets()
        self._runner: Any = environment._create_runner(
            ListeningRunner, master_bind_host=address, master_bind_port=port
        )
        self._runner.register_message(MESSAGE, self._pass_on)
        self._joined: set[str] = set()
        self._local: list[subprocess.Popen[bytes]] = []
        environment.events.worker_connect.add_listener(self._join)

    @property
    def port(self) -> int:
        """The port on which workers join."""
        return int(self._runner.server.port)

    def start_workers(self, local: int, host: str) -> None:
        """Start workers of this machine."""
        master = "127.0.0.1" if host in _ANY_ADDRESS else host
        command = own_process("tuner.engine.worker.locust_worker", master, self.port)
        env = {**os.environ, SECRET: self._secret}
        for _ in range(local):
            self._local.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, env=env))

    def watch_forever(self) -> None:
        """Report workers that are gone, local ones at once, others when their heartbeat stops."""
        beat_at = monotonic()
        while True:
            gevent.sleep(_LOOK_S)
            for process in [each for each in self._local if each.poll() is not None]:
                self._local.remove(process)
                self._channel.send(wire.pack(wire.EXITED, process.pid))
            clients = self._runner.clients
            here = {node.id for node in (*clients.ready, *clients.spawning, *clients.running)}
            for name in self._joined - here:
                self._joined.discard(name)
                self._channel.send(wire.pack(wire.LEFT, name))
            if monotonic() - beat_at >= wire.BEAT_S:
                beat_at = monotonic()
                self._channel.send(wire.pack(wire.BEAT, 0.0))

    def serve(self) -> None:
        """Pass messages to workers until the tuner closes its end."""
        for kind, *fields in self._channel.messages():
            if kind == wire.TO:
                name, message = fields
                if name in self._joined:
                    self._runner.send_message(MESSAGE, message, client_id=name)
            elif kind == wire.DISMISS:
                self._joined.discard(fields[0])
                self._runner.send_message("quit", client_id=fields[0])

    def quit(self) -> None:
        """Tell all workers to quit, and kill those of this machine that do not."""
        with gevent.Timeout(_QUIT_S, False):
            self._runner.send_message("quit")
            while any(process.poll() is None for process in self._local):
                gevent.sleep(0.01)
        for process in self._local:
            if process.poll() is None:
                process.kill()

    def _join(self, client_id: str, **_: Any) -> None:
        self._joined.add(client_id)

    def _pass_on(self, msg: Any, **_: Any) -> None:
        if msg.node_id in self._joined and isinstance(msg.data, bytes):
            self._channel.send(wire.pack(wire.FROM, msg.node_id, msg.data))


def _fail(channel: Channel, words: str) -> NoReturn:
    channel.send(wire.pack(wire.FAILED, words))
    gevent.sleep(0.1)
    os._exit(1)


def main() -> None:
    """Serve the tuner whose socket is the last argument."""
    host, port, local, web, descriptor = sys.argv[1:6]
    die_with_parent()
    logging.getLogger("locust").setLevel(logging.ERROR)
    channel = Channel(int(descriptor))
    gevent.spawn(channel.write_forever, lambda: 0.0)
    try:
        master = LocustMaster(channel, host, int(port))
    except (RPCError, OSError, SystemExit):
        _fail(channel, f"cannot listen on {host}:{port}")
    try:
        if web != "-":
            web_host, _, web_port = web.rpartition(":")
            show(master.environment, web_host, int(web_port))
    except OSError as error:
        _fail(channel, f"the web UI cannot listen on {web}: {error.strerror or error}")
    channel.send(wire.pack(wire.LISTENING, master.port))
    master.start_workers(int(local), host)
    settle_memory()
    gevent.spawn(master.watch_forever)
    master.serve()
    master.quit()
    os._exit(0)


if __name__ == "__main__":
    main()
