"""All that the calls of one batch share: address, signature, credentials, payloads.

Makes the bytes of a request; sends nothing and decides nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from ssl import SSLContext
from time import monotonic

from tuner.engine.answer import Answer, FirstTails, read_answer, read_front_answer
from tuner.engine.engine import Mode
from tuner.engine.expect import Judged, failed_of, parse_expectation, proxied_failure, shown
from tuner.engine.request import RequestForm, RequestSigner, SigningTime, invoke_signer
from tuner.engine.retry import Retries
from tuner.engine.wire import Order, OrderedCall
from tuner.records import PROXIED, Outcome
from tuner.targets.seam import Credentials


class Job:
    """An order made ready to send; ``wall`` gives seconds since 1970, for signing."""

    def __init__(self, order: Order, tls: SSLContext | None, wall: Callable[[], float]) -> None:
        self.order = order
        self.url = order.url
        self.function = order.function
        self.timeout_s = order.timeout_s
        self.tls = tls
        self.server = (order.url, order.verify)
        self.retries = Retries(order.policy.retry, order.policy.seed, monotonic())
        self.read = read_answer if order.front is None else read_front_answer
        self.time = SigningTime(wall)
        self.tails = FirstTails()
        self.expected = tuple(map(parse_expectation, order.policy.expect))
        self._payloads = [(body, _digest(body)) for body in order.payloads]
        self.use_keys(*order.keys)

    def use_keys(self, access_key: str, secret_key: str, token: str | None) -> None:
        """Sign with these credentials from now on."""
        self._keys = Credentials(access_key, secret_key, token)
        self._signers: dict[str | None, RequestSigner] = {}
        self._signer(None)

    def judged(self, answer: Answer, status: int, body: bytes, took_s: float) -> Answer:
        """Return a good answer as what it is held against what is expected of it.

        Of several that fail alike, the first keeps its beginning.
        """
        if not self.expected:
            code = proxied_failure(body) if self.order.front is None else None
            return answer if code is None else answer._replace(reason=f"{PROXIED}{code}")
        reason = failed_of(self.expected, Judged(status, body, took_s))
        if reason is None:
            return answer
        first = self.tails.wanted(Outcome.CHECK_FAILED, reason)
        message = shown(body) if first else None
        return answer._replace(outcome=Outcome.CHECK_FAILED, reason=reason, message=message)

    def body(self, call: OrderedCall) -> bytes:
        """Return the payload that was ordered for a call."""
        return self._payloads[call.payload][0]

    def request(self, call: OrderedCall, own: bytes | None = None) -> bytes:
        """Return the whole request, signed now; ``own`` is a payload made for this call."""
        body, digest = self._payloads[call.payload] if own is None else (own, _digest(own))
        signer = self._signers.get(call.function) or self._signer(call.function)
        return signer.head(call.qualifier, digest, len(body), self.time.now_s()) + body

    def _signer(self, function: str | None) -> RequestSigner:
        """Return the signer for a function; ``None`` is the order's own."""
        order = self.order
        place, name = (order.url, order.region), function or order.function
        if order.front is not None:
            made = RequestSigner(*place, self._keys, RequestForm(*order.front))
        else:
            made = invoke_signer(*place, name, self._keys, Mode(order.policy.mode))
        self._signers[function] = made
        return made


@dataclass(slots=True)
class Due:
    """An attempt of a call and the moment (monotonic) at which it is due.

    ``at`` is ``None`` for when a user takes it; ``waited_s`` is the last wait before a retry.
    ``prepared`` says that the pre-processor is done, ``body`` is the payload that it made.
    """

    call: OrderedCall
    at: float | None
    attempt: int = 1
    waited_s: float = 0.0
    prepared: bool = False
    body: bytes | None = None


def _digest(body: bytes) -> str:
    return sha256(body).hexdigest()
