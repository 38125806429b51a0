"""Whatever calls, events, limits and time do to one another: none is lost or served too often."""

import asyncio
import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from tuner.locallambda.responses import ApiError

FUNCTION = "/2015-03-31/functions/f/configuration"
CONCURRENCY = "/2017-10-31/functions/f/concurrency"
#: What is done one after another, with a number for each.
STEPS = st.lists(
    st.tuples(st.just("call"), st.integers(1, 4))
    | st.tuples(st.just("event"), st.integers(1, 4))
    | st.tuples(st.just("later"), st.integers(1, 200))
    | st.tuples(st.just("gate"), st.integers(0, 1))
    | st.tuples(st.just("reserve"), st.integers(1, 3))
    | st.tuples(st.just("update"), st.integers(128, 130)),
    max_size=15,
)


class Story:
    """One local Lambda, what was asked of it, and how often it served each payload."""

    def __init__(self, api: Any) -> None:
        self.api = api
        self.times: Counter[int] = Counter()
        self.calls: dict[int, asyncio.Task[str]] = {}
        self.events: set[int] = set()
        self.numbers = itertools.count()
        api.ready()
        api.host.behave = self.behave

    def behave(self, spec: Any, invocation: Any) -> tuple[bytes, str | None, bool]:
        """Every third payload fails, and every seventh ends its sandbox as well."""
        number = json.loads(invocation.event)
        self.times[number] += 1
        return b"null", "Unhandled" if self.fails(number) else None, number % 7 != 6

    def fails(self, number: int) -> bool:
        return number % 3 == 2

    async def call(self, number: int) -> str:
        try:
            await self.api.invoking("f", str(number).encode())
        except ApiError as error:
            return error.code
        return "served"

    def do(self, what: str, amount: int) -> None:
        api = self.api
        if what == "call":
            for number in itertools.islice(self.numbers, amount):
                self.calls[number] = api.loop.create_task(self.call(number))
        elif what == "event":
            for number in itertools.islice(self.numbers, amount):
                self.events.add(number)
                reply = api.invoke("f", str(number).encode(), X_Amz_Invocation_Type="Event")
                assert reply.status == 202
        elif what == "later":
            api.later(amount)
        elif what == "gate":
            api.host.gate.set() if amount else api.host.gate.clear()
        elif what == "reserve":
            api.call("PUT", CONCURRENCY, {"ReservedConcurrentExecutions": amount})
        elif what == "update":
            api.call("PUT", FUNCTION, {"MemorySize": amount})
        api.turn()

    def end(self) -> None:
        """Let everything come to its end."""
        self.api.host.gate.set()
        self.api.call("DELETE", CONCURRENCY)
        self.api.turn()
        self.api.later(3000)


@examples(60)
@given(steps=STEPS)
def test_nothing_is_lost_and_nothing_served_too_often(
    api: Any, make_zip: Any, tmp_path_factory: Any, steps: list[tuple[str, int]]
) -> None:
    loop = asyncio.new_event_loop()
    folder: Path = tmp_path_factory.mktemp("story")
    story = Story(type(api)(loop, folder, make_zip))
    for what, amount in steps:
        story.do(what, amount)
    story.end()
    for number, task in story.calls.items():
        served = {"served": 1, "TooManyRequestsException": 0}[task.result()]
        assert story.times[number] == served
    records = story.api.service.records()
    assert sorted(each["requestPayload"] for each in records) == sorted(story.events)
    for each in records:
        number, told = each["requestPayload"], each["requestContext"]
        assert told["approximateInvokeCount"] == story.times[number]
        assert told["condition"] == ("RetriesExhausted" if story.fails(number) else "Success")
        assert story.times[number] == (3 if story.fails(number) else 1)
    assert story.api.service.pool("eu-west-1").fleet.in_flight() == 0
    assert not any(sandbox.busy for sandbox in story.api.host.made)
    story.api.run(story.api.service.close())
    loop.close()
