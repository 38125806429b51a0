"""Other services of AWS that a command asks: STS, CloudWatch, CloudWatch Logs.

A client per service from the session's credentials; calls are tried again like the control
plane's, and errors become ours. Behind a Lambda on loopback there are no such services, unless
the environment names them (``AWS_ENDPOINT_URL`` or ``AWS_ENDPOINT_URL_CLOUDWATCH`` and so on), or
they are looked for at Lambda's own address, where the local Lambda answers for its log.
"""

import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

from botocore.config import Config

from tuner.aws.answered import check_answer
from tuner.aws.retry import RetryPolicy, call_patiently
from tuner.aws.session import AwsSession, is_loopback
from tuner.aws.translate import Asked, translate
from tuner.clock import Clock, WallClock


class Service:
    """One service, such as ``cloudwatch``; ``calls`` counts what was sent, attempts included.

    ``beside``: where nothing else is named, a Lambda on loopback is taken to answer for it, too.
    """

    def __init__(
        self, session: AwsSession, name: str, clock: Clock | None = None, *, beside: bool = False
    ) -> None:
        self.calls: Counter[str] = Counter()
        self._name = name
        self._region = session.region
        self._clock = clock or WallClock()
        self._client = _client(session, name, None)
        if beside and session.loopback and not is_loopback(self._client.meta.endpoint_url):
            self._client = _client(session, name, session.endpoint_url)
        self._rng = random.Random()
        url = self._client.meta.endpoint_url
        #: Whether there is such a service beside this Lambda.
        self.available = is_loopback(url) or not session.loopback

    def same_place(self, endpoint_url: str) -> bool:
        """Whether it would be asked at this URL, as where one service is named for all."""
        return str(self._client.meta.endpoint_url).rstrip("/") == endpoint_url.rstrip("/")

    def send(self, operation: str, thing: str, **parameters: Any) -> Mapping[str, Any]:
        """Send one operation, patiently; raises our errors."""
        method = "".join(f"_{c.lower()}" if c.isupper() else c for c in operation).lstrip("_")
        call = getattr(self._client, method)

        def once() -> Mapping[str, Any]:
            self.calls[operation] += 1
            answer: Mapping[str, Any] = call(**parameters)
            return answer

        asked = Asked(operation, thing, self._region, service=self._name)
        try:
            answer = call_patiently(once, RetryPolicy(attempts=4), self._clock, self._rng)
        except Exception as error:
            raise translate(error, asked) from error
        check_answer(answer, asked)
        return answer


def _client(session: AwsSession, name: str, url: str | None) -> Any:
    return session.boto.create_client(
        name,
        region_name=session.region,
        endpoint_url=url,
        config=Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 1}),
    )
