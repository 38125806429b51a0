"""Locust's web UI beside a load: it shows the load's requests, and starts or stops nothing.

Lives in the master's process, so that no sending worker spends time on it, and ends with it.
"""

from typing import Any

import gevent
from flask import Response, jsonify, request
from gevent import socket
from locust.env import Environment
from locust.runners import STATE_RUNNING
from locust.stats import stats_history
from locust.web import WebUI

#: What would start, change or end a test of Locust's own.
_NOT_HERE = ("/swarm", "/stop")


class LoadUI(WebUI):
    """Shows a load as a test that runs."""

    def update_template_args(self) -> None:
        """As Locust, which itself has not begun anything."""
        super().update_template_args()  # type: ignore[no-untyped-call]
        self.template_args["state"] = STATE_RUNNING


def show(environment: Environment, host: str, port: int) -> None:
    """Serve the UI of this master. Raises OSError when nobody can listen there."""
    with socket.create_server((host, port)):  # Locust would end the process instead
        pass
    shown: Any = LoadUI(environment, host, port, delayed_start=True)
    app = shown.app
    app.debug = False
    app.before_request(_refuse)
    app.after_request(_as_running)
    runner: Any = environment.runner
    gevent.spawn(stats_history, runner)
    shown.start()


def _refuse() -> Response | None:
    if request.path not in _NOT_HERE:
        return None
    message = "This load is run by tuner: end it there with Ctrl-C."
    return jsonify({"success": False, "message": message})


def _as_running(response: Response) -> Response:
    if request.path == "/stats/requests":
        told = response.get_json(silent=True)
        if isinstance(told, dict):
            response.set_data(jsonify({**told, "state": STATE_RUNNING}).get_data())
    return response
