"""The Runtime API as any runtime speaks to it, over real HTTP."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from tuner.locallambda.sandbox.invocation import Invocation
from tuner.locallambda.sandbox.runtime_api import (
    MAX_RESPONSE_BYTES,
    Event,
    Failed,
    Ready,
    Returned,
    RuntimeApi,
    TooLarge,
)


def talk(scenario: Callable[[RuntimeApi, aiohttp.ClientSession, list[Event]], Awaitable[Any]]):
    """Run a scenario against an open API; gives what it returned."""

    async def run():
        events: list[Event] = []
        api = RuntimeApi(events.append)
        await api.open()
        api.begin()
        api.started(os.getpid())
        base = f"http://{api.address}/2018-06-01/runtime/"
        try:
            async with aiohttp.ClientSession(base) as session:
                return await scenario(api, session, events)
        finally:
            await api.close()

    return asyncio.run(run())


async def waiting(api):
    while not api.waiting:
        await asyncio.sleep(0.001)


async def take(api, session, request_id="r-1", event=b'{"a":1}'):
    """One ``next`` that is served."""
    asked = asyncio.create_task(session.get("invocation/next"))
    await waiting(api)
    api.deliver(Invocation(request_id, event, "arn"), 12345)
    async with await asked as answer:
        return dict(answer.headers), await answer.read()


def test_next_waits_for_an_event_and_carries_its_headers():
    async def scenario(api, session, events):
        headers, body = await take(api, session)
        assert events == [Ready()]
        assert body == b'{"a":1}'
        assert headers["Lambda-Runtime-Deadline-Ms"] == "12345"
        assert headers["Content-Type"].startswith("application/json")

    talk(scenario)


def test_response_and_error_are_accepted_once():
    async def scenario(api, session, events):
        await take(api, session)
        async with session.post("invocation/r-1/response", data=b"42") as answer:
            assert answer.status == 202
            assert await answer.json() == {"status": "OK"}
        async with session.post("invocation/r-1/response", data=b"43") as answer:
            assert answer.status == 400
            assert (await answer.json())["errorType"] == "InvalidRequestID"
        await take(api, session)
        kind = {"Lambda-Runtime-Function-Error-Type": "Runtime.Oh"}
        async with session.post("invocation/r-1/error", data=b"{}", headers=kind) as answer:
            assert answer.status == 202
        assert events[1:] == [Returned(b"42"), Ready(), Failed(b"{}", "Runtime.Oh", init=False)]

    talk(scenario)


def test_chunked_response_is_put_together():
    async def scenario(api, session, events):
        await take(api, session)

        async def chunks():
            for part in (b"one", b"two"):
                yield part

        async with session.post("invocation/r-1/response", data=chunks()) as answer:
            assert answer.status == 202
        assert events[-1] == Returned(b"onetwo")

    talk(scenario)


def test_response_that_is_too_large_is_refused_with_413():
    async def scenario(api, session, events):
        await take(api, session)
        body = b"x" * (MAX_RESPONSE_BYTES + 1)
        async with session.post("invocation/r-1/response", data=body) as answer:
            assert answer.status == 413
        assert events[-1] == TooLarge()

    talk(scenario)


def test_what_a_runtime_has_still_sent_is_refused_once_it_has_ended():
    async def scenario(api, session, events):
        api.reset()
        async with session.get("invocation/next") as answer:
            assert answer.status == 410
        async with session.post("init/error", data=b"{}") as answer:
            assert answer.status == 410
        assert not api.waiting
        assert events == []
        api.begin()
        api.started(os.getpid())
        await take(api, session)

    talk(scenario)


def test_reset_sends_a_waiting_runtime_away():
    async def scenario(api, session, events):
        asked = asyncio.create_task(session.get("invocation/next"))
        await waiting(api)
        api.reset()
        async with await asked as answer:
            assert answer.status == 410
        with pytest.raises(RuntimeError):
            api.deliver(Invocation("r", b"", "arn"), 0)

    talk(scenario)


@pytest.mark.parametrize(
    "headers", [{"Host": "rebind.example"}, {"Host": "localhost:1"}, {"Origin": "http://a.example"}]
)
def test_a_page_in_a_browser_gets_no_event(headers):
    async def scenario(api, session, events):
        async with session.get("invocation/next", headers=headers) as answer:
            assert answer.status == 403
        assert not api.waiting
        assert events == []

    talk(scenario)


def test_another_process_gets_no_event_and_cannot_answer():
    code = (
        "import sys, urllib.request, urllib.error\n"
        "for path, body in (('next', None), ('r-1/response', b'1'), ('r-1/error', b'1')):\n"
        "    try: urllib.request.urlopen(sys.argv[1] + path, body)\n"
        "    except urllib.error.HTTPError as error: print(error.code)\n"
    )

    async def scenario(api, session, events):
        sleeper = subprocess.Popen(["/bin/sleep", "60"])
        api.reset()
        api.begin()
        api.started(sleeper.pid)
        base = f"http://{api.address}/2018-06-01/runtime/invocation/"
        try:
            stranger = await asyncio.create_subprocess_exec(
                sys.executable, "-c", code, base, stdout=subprocess.PIPE
            )
            said, _ = await stranger.communicate()
        finally:
            sleeper.kill()
            sleeper.wait()
        assert said.split() == [b"403"] * 3
        assert events == []

    talk(scenario)


@examples(25)
@given(st.sampled_from(["GET", "POST", "PUT"]), st.text(st.characters(codec="ascii"), max_size=30))
def test_any_other_request_is_refused_and_nothing_happens(method, path):
    from urllib.parse import quote

    async def scenario(api, session, events):
        async with session.request(method, f"x/{quote(path, safe='/')}") as answer:
            assert answer.status in (400, 404)
        assert events == []

    talk(scenario)
