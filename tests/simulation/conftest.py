"""Where the simulated service has the code of its functions."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from simulation.account import Account


class Code(BaseHTTPRequestHandler):
    """Gives the package that GetFunction names."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"code")

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="session")
def code_url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Code) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/code"
        server.shutdown()


@pytest.fixture
def account(code_url: str) -> Account:
    return Account(code_url)
