"""Certificates are verified: against a CA file where one is named, else by the system's roots."""

import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from support.factories import a_batch, a_variant
from tuner.clock import WallClock
from tuner.engine.engine import Call
from tuner.engine.locust_engine import LocustEngine
from tuner.errors import TunerError
from tuner.options.load_options import Fronted
from tuner.options.sending import read_front
from tuner.records import Outcome, Purpose, Sample
from tuner.targets.seam import Credentials, Endpoint

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 that nobody else has signed, with its key in the same file."""
    pytest.importorskip("cryptography", reason="makes the certificate")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "certificate.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file


class TlsServer:
    """Answers every request; ``requests`` counts those on each connection."""

    def __init__(self, certificate: Path) -> None:
        self.requests: list[int] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self.listener.getsockname()[1]}"
        self._context = context
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                plain, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with suppress(OSError), closing(self._context.wrap_socket(plain, True)) as connection:
            self.requests.append(0)
            number = len(self.requests) - 1
            while connection.recv(65536):
                self.requests[number] += 1
                connection.sendall(ANSWER)


@pytest.fixture
def server(certificate: Path) -> Iterator[TlsServer]:
    started = TlsServer(certificate)
    yield started
    started.listener.close()


@pytest.fixture(scope="module")
def engines() -> Iterator[list[LocustEngine]]:
    """Where an engine's worker stays for the next test."""
    kept: list[LocustEngine] = []
    yield kept
    for engine in kept:
        engine.close()


def invoke(engines: list[LocustEngine], url: str, verify: bool | str, calls: int) -> list[Sample]:
    endpoint = Endpoint(url, "us-east-1", "fn", lambda: Credentials("a", "b"), verify)
    if not engines:
        engines.append(LocustEngine(endpoint, WallClock()))
    engines[0].endpoint = endpoint
    variant = a_variant()
    ordered = [Call(n, variant, 0, Purpose.WARM) for n in range(calls)]
    return list(engines[0].run(a_batch(ordered, 1)))


def test_a_named_ca_is_trusted_and_the_connection_kept(
    engines: list[LocustEngine], server: TlsServer, certificate: Path
) -> None:
    samples = invoke(engines, server.url, str(certificate), 5)
    assert [sample.outcome for sample in samples] == [Outcome.OK] * 5
    assert server.requests == [5]


def test_a_certificate_that_nobody_vouches_for_is_refused(
    engines: list[LocustEngine], server: TlsServer
) -> None:
    [sample] = invoke(engines, server.url, True, 1)
    assert sample.outcome is Outcome.TRANSPORT_ERROR
    assert sample.reason is not None
    assert sample.reason.startswith("TLS certificate not accepted")


def test_an_http_front_is_verified_as_well(
    engines: list[LocustEngine], server: TlsServer, certificate: Path
) -> None:
    wish = read_front(Fronted(url=f"{server.url}/orders"))
    assert wish is not None
    outcomes = []
    for verify in (True, str(certificate)):
        function = Endpoint("https://l", "us-east-1", "fn", lambda: Credentials("a", "b"), verify)
        engines[0].endpoint = wish.endpoint(function)
        call = Call(0, a_variant(), 0, Purpose.LOAD)
        [sample] = engines[0].run(a_batch([call], 1))
        outcomes.append((sample.outcome, (sample.reason or "")[:28]))
    refused = (Outcome.TRANSPORT_ERROR, "TLS certificate not accepted")
    assert outcomes == [refused, (Outcome.OK, "")]


def test_verification_can_be_turned_off(engines: list[LocustEngine], server: TlsServer) -> None:
    [sample] = invoke(engines, server.url, False, 1)
    assert sample.outcome is Outcome.OK


def test_a_ca_file_that_cannot_be_read_is_an_error_of_the_run(
    engines: list[LocustEngine], server: TlsServer
) -> None:
    with pytest.raises(TunerError, match="No such file"):
        invoke(engines, server.url, "/no/such/ca.pem", 1)
    [sample] = invoke(engines, server.url, False, 1)
    assert sample.outcome is Outcome.OK
