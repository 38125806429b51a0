"""Signing follows a clock that jumps, and goes by the service where the clock is far off."""

from datetime import UTC, datetime
from email.utils import formatdate

from hypothesis import given
from hypothesis import strategies as st

from tuner.engine.signing import InvokeSigner, SigningTime
from tuner.targets.seam import Credentials

MOMENTS = st.integers(100_000, 4_000_000_000)


@given(st.lists(MOMENTS, min_size=1, max_size=8))
def test_a_request_is_signed_with_the_time_of_now_however_the_clock_has_jumped(
    moments: list[int],
) -> None:
    signer = InvokeSigner("http://127.0.0.1:9", "us-east-1", "fn", Credentials("a", "b"))
    wall = [0.0]
    time = SigningTime(lambda: wall[0])
    for moment in moments:
        wall[0] = float(moment)
        head = signer.head(None, "00", 2, time.now_s()).decode()
        date = datetime.fromtimestamp(moment, UTC).strftime("%Y%m%dT%H%M%SZ")
        assert f"x-amz-date: {date}\r\n" in head
        assert f"/{date[:8]}/us-east-1/lambda/aws4_request" in head


@given(wall_s=MOMENTS, ahead_s=st.integers(-3_000_000_000, 3_000_000_000))
def test_a_clock_that_is_far_off_is_corrected_and_one_that_is_not_is_left(
    wall_s: int, ahead_s: int
) -> None:
    there = wall_s + ahead_s
    if not 0 <= there < 4_000_000_000:
        return
    wall = [float(wall_s)]
    time = SigningTime(lambda: wall[0])
    time.correct(formatdate(there, usegmt=True))
    assert time.now_s() == (there if abs(ahead_s) > 60 else wall_s)
    wall[0] = there + 10.0  # somebody has set the clock right meanwhile
    time.correct(formatdate(there + 10.0, usegmt=True))
    assert time.now_s() == there + 10.0


@given(st.text(max_size=40))
def test_what_is_no_date_corrects_nothing(text: str) -> None:
    time = SigningTime(lambda: 1_800_000_000.0)
    time.correct(text)
    time.correct("")
    assert time.now_s() > 0
    time.correct("Thu, 99 Foo 2026")
    assert time.now_s() > 0
