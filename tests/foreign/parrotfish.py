#!/usr/bin/env python3
"""Runs Parrotfish against the local Lambda. By hand; it needs Python 3.12 for itself.

    git clone --depth 1 https://github.com/ubc-cirrus-lab/parrotfish
    cd parrotfish && python3.12 -m venv .venv
    grep -v boto requirements.txt | .venv/bin/pip install -r /dev/stdin boto3 'setuptools<80'
    python tests/foreign/parrotfish.py parrotfish

boto3 is newer than it asks for, to be told of endpoints by the environment, and setuptools brings
the distutils that its Google libraries import. Its own code is as it is. The stand-in here answers
what it asks of AWS besides Lambda: the price list and the quota of a function's timeout.

It passes if it finds a size in its bounds and sets it, with the function's own timeout.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from served import REGION, computing_function, local_lambda

BOUNDS = [128, 1536]
PRICES = {"AWS-Lambda-Duration": "0.0000166667", "AWS-Lambda-Requests": "0.0000002"}
#: What a service answers, by the operation's name.
ANSWERS: dict[str, Any] = {
    "GetProducts": {
        "PriceList": [
            json.dumps({"group": group, "pricePerUnit": {"USD": price}})
            for group, price in PRICES.items()
        ]
    },
    "GetServiceQuota": {"Quota": {"QuotaCode": "L-9FEEFFC0", "Value": 900.0}},
}


class OtherServices(BaseHTTPRequestHandler):
    """Stands in for AWS Price List and Service Quotas."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        answer = json.dumps(ANSWERS[self.headers["X-Amz-Target"].rpartition(".")[2]]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Say nothing of a request."""


def tune(checkout: Path, url: str, others: str) -> int:
    client, _ = computing_function(url, "tuned")
    wanted = {"function_name": "tuned", "vendor": "AWS", "region": REGION, "payload": {}}
    endpoints = {"LAMBDA": url, "PRICING": others, "SERVICE_QUOTAS": others}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as settings:
        json.dump(wanted | {"memory_bounds": BOUNDS}, settings)
        settings.flush()
        done = subprocess.run(
            [".venv/bin/python", "-m", "src", "--apply", "--verbose", "--path", settings.name],
            cwd=checkout,
            env=os.environ | {f"AWS_ENDPOINT_URL_{name}": at for name, at in endpoints.items()},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    found = re.search(r"Optimization result: (\d+) MB", done.stdout)
    if done.returncode != 0 or not found:
        sys.exit(f"Parrotfish ended with {done.returncode}: {done.stdout}")
    now = client.get_function_configuration(FunctionName="tuned")
    size, timeout = now["MemorySize"], now["Timeout"]
    sys.stdout.write(f"found {found[1]} MB, set {size} MB, with a timeout of {timeout} s\n")
    right = int(found[1]) == size and BOUNDS[0] <= size <= BOUNDS[1] and timeout == 30
    return 0 if right else 1


def main() -> int:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with ThreadingHTTPServer(("127.0.0.1", 0), OtherServices) as others, local_lambda() as url:
        threading.Thread(target=others.serve_forever, daemon=True).start()
        try:
            return tune(Path(sys.argv[1]), url, f"http://127.0.0.1:{others.server_port}")
        finally:
            others.shutdown()


if __name__ == "__main__":
    sys.exit(main())
