"""The price list is fetched, kept and read again; every failure says what to do."""

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tuner.billing.prices import price_table, prices
from tuner.errors import NotFound, TunerError, UsageError
from tuner.experiment.price_list import fetch_offer, load_table, offer_url, read_offer, save_table


def offer(price: str = "0.00002", published: str = "2027-01-01") -> dict[str, Any]:
    dimension = {"beginRange": "0", "endRange": "Inf", "pricePerUnit": {"USD": price}}
    return {
        "offerCode": "AWSLambda",
        "publicationDate": f"{published}T00:00:00Z",
        "products": {
            "S": {
                "attributes": {
                    "group": "AWS-Lambda-Duration",
                    "usagetype": "EU-Lambda-GB-Second",
                    "regionCode": "eu-west-1",
                    "location": "EU (Ireland)",
                }
            }
        },
        "terms": {"OnDemand": {"S": {"S.T": {"priceDimensions": {"S.T.D": dimension}}}}},
    }


class Shelf(BaseHTTPRequestHandler):
    """Answers each path with the status and bytes put there."""

    pages: ClassVar[dict[str, tuple[int, bytes]]] = {
        "/eu-west-1/index.json": (200, json.dumps(offer()).encode()),
        "/broken/index.json": (200, b"<html>"),
        "/down/index.json": (503, b""),
        "/short/index.json": (200, b"{"),
    }

    def do_GET(self) -> None:
        status, body = self.pages.get(self.path, (404, b""))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) + (self.path == "/short/index.json")))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def base() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Shelf)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_addresses_are_those_of_the_bulk_price_list() -> None:
    assert offer_url("eu-west-1").endswith("amazonaws.com/offers/v1.0/aws/AWSLambda/current/"
                                           "eu-west-1/index.json")  # fmt: skip
    assert offer_url(None).endswith("AWSLambda/current/index.json")
    with pytest.raises(UsageError, match="not a region"):
        offer_url("../../secret")


def test_a_fetched_price_is_kept_and_used(base: str, tmp_path: Path) -> None:
    file = tmp_path / "new" / "prices.toml"
    save_table(fetch_offer(offer_url("eu-west-1", base)), file)
    found = prices("eu-west-1", "x86_64", load_table(file))
    assert (found.gb_second_usd, found.dated) == (0.00002, "2027-01-01")
    assert prices("us-east-1", "x86_64", load_table(file)) == prices("us-east-1", "x86_64")
    assert [path.name for path in file.parent.iterdir()] == ["prices.toml"]


def test_without_saved_prices_the_packaged_ones_are_used(tmp_path: Path) -> None:
    assert load_table(tmp_path / "prices.toml") is price_table()


def test_saved_prices_that_are_older_than_the_package_are_passed_over(tmp_path: Path) -> None:
    downloaded = tmp_path / "index.json"
    downloaded.write_text(json.dumps(offer(published="2025-01-01")))
    file = tmp_path / "prices.toml"
    save_table(read_offer(downloaded), file)
    assert prices("eu-west-1", "x86_64", load_table(file)) == prices("eu-west-1", "x86_64")


@pytest.mark.parametrize(
    ("region", "kind", "words"),
    [
        ("no-such-1", NotFound, "no price list"),
        ("down", TunerError, "HTTP 503"),
        ("broken", UsageError, "not JSON"),
        ("short", UsageError, "cut short"),
    ],
)
def test_an_answer_that_is_no_price_list_is_a_clear_error(
    base: str, region: str, kind: type[TunerError], words: str
) -> None:
    with pytest.raises(kind, match=words):
        fetch_offer(offer_url(region, base))


def test_without_a_network_the_error_says_how_to_do_it_by_hand() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/index.json"
        with pytest.raises(TunerError, match="cannot be reached") as caught:
            fetch_offer(url, timeout_s=2.0)
    assert "--from FILE" in caught.value.fix


def test_files_that_cannot_be_used_are_clear_errors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_offer(tmp_path / "none.json")
    broken = tmp_path / "prices.toml"
    broken.write_text("schema = 5")
    with pytest.raises(UsageError, match="not a price table"):
        load_table(broken)
    (tmp_path / "file").write_text("")
    with pytest.raises(TunerError, match="cannot be"):
        save_table(price_table(), tmp_path / "file" / "prices.toml")
