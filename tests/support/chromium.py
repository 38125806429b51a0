"""A headless Chromium spoken to over its debugging pipe: no port, no driver, no network.

The protocol is JSON messages that end in NUL, on file descriptors 3 and 4
(https://chromedevtools.github.io/devtools-protocol, ``--remote-debugging-pipe``).
"""

import fcntl
import json
import os
import select
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)


class Chromium:
    """One browser; ``open`` makes tabs."""

    def __init__(self, program: str, profile: Path) -> None:
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()
        # Out of the way of 3 and 4, which the browser expects.
        high = [fcntl.fcntl(each, fcntl.F_DUPFD, 20) for each in (to_read, to_write)]
        os.close(to_read)
        os.close(to_write)
        self._process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(3, 4),
            preexec_fn=lambda: [  # noqa: PLW1509 - dup2 takes no lock
                os.dup2(each, at) for at, each in enumerate(high, start=3)
            ],
        )
        for each in high:
            os.close(each)
        self._number = 0
        self._target = ""
        self._buffer = b""
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Send a command and wait for its answer; events on the way are kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive(30.0)
            if answer.get("id") != self._number:
                self.events.append(answer)
                continue
            if "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']['message']}")
            return dict(answer["result"])

    def open(self, width: int, dark: bool = False, media: str = "") -> "Tab":
        """A tab of this width (px) and theme; ``media`` is ``print`` or nothing.

        The tab before it is closed.
        """
        if self._target:
            self.call("Target.closeTarget", targetId=self._target)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._target = target
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = Tab(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            tab.call(f"{domain}.enable")
        tab.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        theme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        tab.call("Emulation.setEmulatedMedia", media=media, features=[theme])
        return tab

    def close(self) -> None:
        """End the browser."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._write)
        os.close(self._read)

    def _receive(self, timeout_s: float) -> dict[str, Any]:
        deadline = time.monotonic() + timeout_s
        while b"\0" not in self._buffer:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self._read], [], [], left)[0]:
                raise TimeoutError("Chromium does not answer")
            more = os.read(self._read, 1 << 16)
            if not more:
                raise RuntimeError("Chromium has ended")
            self._buffer += more
        message, self._buffer = self._buffer.split(b"\0", 1)
        return dict(json.loads(message))


@dataclass
class Tab:
    """One page, and what it complained about and asked for."""

    browser: Chromium
    session: str

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command to this page."""
        return self.browser.call(method, self.session, **params)

    def visit(self, page: Path) -> None:
        """Load a file and wait until every chart is drawn, or says that it cannot be."""
        self.call("Page.navigate", url=page.as_uri())
        self.wait("document.readyState === 'complete'")
        self.wait("document.querySelectorAll('figure:not(.drawn)').length === 0")

    def wait(self, condition: str, timeout_s: float = 20.0) -> None:
        """Wait until a JavaScript condition holds."""
        deadline = time.monotonic() + timeout_s
        while not self.value(condition):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{condition}; the page says {self.complaints()}")
            time.sleep(0.05)

    def value(self, expression: str) -> Any:
        """What a JavaScript expression is worth."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["text"])
        return answer["result"].get("value")

    def complaints(self) -> list[str]:
        """Errors and warnings in the console, uncaught exceptions, dialogs."""
        found = []
        for event in self._events():
            method, params = event["method"], event["params"]
            if method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
                found.append(params["entry"]["text"])
            elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
                found.append(str(params["args"]))
            elif method in ("Runtime.exceptionThrown", "Page.javascriptDialogOpening"):
                found.append(json.dumps(params))
        return found

    def requests(self) -> list[str]:
        """Every address that the page asked for."""
        return [
            event["params"]["request"]["url"]
            for event in self._events()
            if event["method"] == "Network.requestWillBeSent"
        ]

    def _events(self) -> list[dict[str, Any]]:
        self.value("0")  # what was sent before this answer has arrived with it
        return [each for each in self.browser.events if each.get("sessionId") == self.session]


def rgb(color: str) -> str:
    """How browsers write a colour of the palette."""
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgb({red}, {green}, {blue})"
