"""Posting: only when asked, only where it is safe, and never showing the address."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.benches import all_kinds, case, document
from support.receiver import Receiver, receiving
from tuner.errors import Partial, UsageError
from tuner.outputs.write import Outputs, address, post

SECRET = "T0000-B0000-XYZSECRET"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving(f"/{SECRET}") as made:
        yield made


def test_an_address_without_post_is_refused_and_not_shown() -> None:
    with pytest.raises(UsageError, match="--post") as error:
        Outputs(slack=f"https://hooks.slack.com/{SECRET}").checked()
    assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    "to",
    [
        f"http://hooks.example.com/{SECRET}",
        f"ftp://hooks.example.com/{SECRET}",
        f"https:///{SECRET}",
        f"https://[{SECRET}",
        f"https://e.x/{SECRET}\r\nX: y",
        f"file:///{SECRET}",
    ],
)
def test_what_is_no_https_address_is_refused_and_not_shown(to: str) -> None:
    with pytest.raises(UsageError, match="not an https address") as error:
        Outputs(webhook=to, post=True).checked()
    assert SECRET not in str(error.value)


@given(st.text(max_size=60) | st.from_regex(r"https?://[ -~]{0,40}", fullmatch=True))
def test_any_address_is_safe_or_refused_and_never_shown(to: str) -> None:
    if to.startswith("env:"):
        return
    try:
        url = address(to, "--slack")
    except UsageError as error:
        assert str(error).startswith("--slack (address hidden): is not an https address")
    else:
        assert url.lower().startswith(("https:", "http:")) and url.isascii() and " " not in url


def test_an_address_can_come_from_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", f"https://hooks.example.com/{SECRET}")
    assert address("env:HOOK", "--slack").endswith(SECRET)
    monkeypatch.delenv("HOOK")
    with pytest.raises(UsageError, match="env:HOOK: is empty or not set"):
        Outputs(slack="env:HOOK", post=True).checked()


def test_what_is_worth_telling_is_posted(receiver: Receiver) -> None:
    wanted = Outputs(webhook=receiver.url, slack=receiver.url, post=True).checked()
    wanted.write(document(case()))
    assert receiver.posted == []
    wanted.write(all_kinds())
    assert [posted.path for posted in receiver.posted] == [f"/{SECRET}"] * 2
    assert receiver.posted[0].json["schema"] == "tuner.notice/1"
    assert "blocks" in receiver.posted[1].json


def test_a_refusal_that_may_pass_is_tried_again(receiver: Receiver) -> None:
    receiver.codes = [503, 429]
    pauses: list[float] = []
    post(receiver.url, {"text": "x"}, "--slack", pauses.append)
    assert len(receiver.posted) == 3 and pauses == [1.0, 4.0]


@pytest.mark.parametrize(("code", "tries"), [(404, 1), (302, 1), (307, 1), (500, 3)])
def test_a_refusal_names_the_host_and_never_the_address(
    receiver: Receiver, code: int, tries: int
) -> None:
    receiver.codes = [code] * 3
    with pytest.raises(Partial, match=f"--slack to 127.0.0.1: was refused: HTTP {code}") as error:
        post(receiver.url, {"text": "x"}, "--slack", lambda _: None)
    assert SECRET not in str(error.value)
    assert len(receiver.posted) == tries


def test_no_answer_at_all_is_told_without_the_address(receiver: Receiver) -> None:
    url = receiver.url
    receiver.server.server_close()
    with pytest.raises(Partial, match="no answer") as error:
        post(url, {"text": "x"}, "--webhook", lambda _: None)
    assert SECRET not in str(error.value)
