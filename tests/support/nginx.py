"""An nginx that answers every invocation alike, and can be reloaded, killed and brought back."""

import base64
import os
import shutil
import signal
import socket
import subprocess
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

ID = "94f4a28a-dbe3-4114-9f2b-0b3ae40f4dbc"
TAIL = (
    f"START RequestId: {ID} Version: 7\nEND RequestId: {ID}\n"
    f"REPORT RequestId: {ID}\tDuration: 155.51 ms\tBilled Duration: 156 ms\t"
    "Memory Size: 1769 MB\tMax Memory Used: 40 MB\t\n"
)
#: Its limit of open files is the hard one; a proxied connection is two.
CONFIGURATION = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
worker_rlimit_nofile {files};
events {{ worker_connections {files}; }}
http {{
  log_format counted '$status $connection';
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600; client_max_body_size 8m;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location ~ /invocations$ {{
      access_log {log};
      default_type application/json;
      add_header x-amzn-RequestId {id}; add_header X-Amz-Executed-Version 7;
      add_header X-Amzn-Trace-Id "root=1-6ac7c67a-1c0aa43118a5d54708c0da61;sampled=0";
      add_header X-Amz-Log-Result "{tail}";
      {answer}
    }}
    {others}
  }}
}}
"""
ANSWERS = "return 200 '{\"answer\": 42}';"
OTHERS = "location / {{ proxy_pass {}; proxy_set_header Host 127.0.0.1; }}"


class Nginx:
    """One in a folder. What is no invocation goes to ``control``, a service of Lambda's, if any.

    With ``counted`` each answer to an invocation is a line of its log.
    """

    def __init__(self, folder: Path, control: str | None = None, counted: bool = False) -> None:
        program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None:
            pytest.skip("nginx is not installed (Debian: apt-get install nginx-light)")
        self._program, self._folder = program, folder
        self._others = OTHERS.format(control) if control else ""
        self.log = folder / "access.log"
        self._log = f"{self.log} counted" if counted else "off"
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self.start()

    def start(self, answer: str = ANSWERS) -> None:
        """Start it, or bring it back on its port after it was killed."""
        self._configure(answer)
        configuration = self._folder / "nginx.conf"
        words = [self._program, "-c", str(configuration), "-e", str(self._folder / "e.log")]
        self._process = subprocess.Popen(words)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            time.sleep(0.05)
        pytest.fail("nginx did not start")

    def reload(self, answer: str = ANSWERS) -> None:
        """Replace its workers, and have the new ones answer so."""
        self._configure(answer)
        self._process.send_signal(signal.SIGHUP)

    def kill(self) -> None:
        """End all of it at once, with every connection."""
        workers = psutil.Process(self._process.pid).children()
        self._process.kill()  # first, as it would replace them
        for each in workers:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        self._process.wait(10)

    def close(self) -> None:
        """End it as an administrator would."""
        self._process.terminate()
        self._process.wait(10)

    def counts(self) -> tuple[Counter[int], int]:
        """How many lines of its log have each status, and how many connections they came by, as
        nginx numbers them until it is killed."""
        statuses: Counter[int] = Counter()
        connections: set[str] = set()
        with self.log.open() as lines:
            for line in lines:
                status, connection = line.split()
                statuses[int(status)] += 1
                connections.add(connection)
        return statuses, len(connections)

    def _configure(self, answer: str) -> None:
        text = CONFIGURATION.format(
            folder=self._folder,
            files=20_000,
            port=self._port,
            log=self._log,
            id=ID,
            tail=base64.b64encode(TAIL.encode()).decode(),
            answer=answer,
            others=self._others,
        )
        (self._folder / "nginx.conf").write_text(text)
