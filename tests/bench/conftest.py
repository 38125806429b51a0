"""What the load benchmarks share: an endpoint that costs nothing."""

import base64
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest

ID = "94f4a28a-dbe3-4114-9f2b-0b3ae40f4dbc"
TAIL = (
    f"START RequestId: {ID} Version: 7\nEND RequestId: {ID}\n"
    f"REPORT RequestId: {ID}\tDuration: 155.51 ms\tBilled Duration: 156 ms\t"
    "Memory Size: 1769 MB\tMax Memory Used: 40 MB\t\n"
)
CONFIGURATION = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600; client_max_body_size 8m;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      default_type application/json;
      add_header x-amzn-RequestId {id}; add_header X-Amz-Executed-Version 7;
      add_header X-Amzn-Trace-Id "root=1-6ac7c67a-1c0aa43118a5d54708c0da61;sampled=0";
      add_header X-Amz-Log-Result "{tail}";
      return 200 '{{"answer": 42}}';
    }}
  }}
}}
"""


@pytest.fixture
def machine() -> str:
    """What else a figure of time depends on, as it is now: ``2 cores, load 0.31``."""
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}"


@pytest.fixture(scope="session")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an nginx that answers every request alike."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip("nginx is not installed (Debian: apt-get install nginx-light)")
    folder = tmp_path_factory.mktemp("nginx")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    tail = base64.b64encode(TAIL.encode()).decode()
    configuration = folder / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(folder=folder, port=port, id=ID, tail=tail))
    process = subprocess.Popen([program, "-c", str(configuration), "-e", str(folder / "e.log")])
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(10)
