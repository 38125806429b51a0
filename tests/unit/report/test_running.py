"""A run while it works, as a terminal shows it, from hand-made samples."""

import io
from collections.abc import Iterable
from dataclasses import replace

import pytest
from rich.console import Console

from support.factories import a_sample, warm_ask
from tuner.engine.batches import Sending, SizeLoad
from tuner.engine.profiles.pace import Constant
from tuner.engine.profiles.profile import Phase, Profile
from tuner.planning.ask import Ask, How
from tuner.planning.budget import NO_LIMIT, Budget, Meter
from tuner.records import Outcome, Purpose, Sample, Setting
from tuner.report.running import Running
from tuner.report.text_curve import text_curve

KEY_ERROR = {"outcome": Outcome.FUNCTION_ERROR, "reason": "KeyError", "message": "'id'"}
THROTTLED = {"outcome": Outcome.THROTTLED, "reason": "ReservedFunctionConcurrent"}


def running(
    ask: Ask, samples: Iterable[Sample] = (), limit: Budget = NO_LIMIT, seconds: float = 12.0
) -> Running:
    """What a run has come to: each sample costs a millionth of a dollar."""
    meter, found = Meter(lambda: seconds, limit), Running()
    found.say(f"next: {ask.sizes}, {ask.why}")
    found.begins(ask, meter, lambda _sample: 1e-6)
    for sample in samples:
        meter.add(1e-6)
        found.take(sample)
    return found


def shown(found: Running, width: int = 80, height: int = 40) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, height=height, force_terminal=True, color_system=None)
    console.print(found.shown(console))
    return out.getvalue()


def calls(memory_mb: int, *durations_ms: float) -> list[Sample]:
    return [a_sample(memory_mb, call=n, ran_ms=ms) for n, ms in enumerate(durations_ms)]


def test_sizes_fill_with_percentiles_and_cost_while_they_are_called() -> None:
    ask = replace(warm_ask({128: 2, 512: 4}), why="the pick and its rival")
    text = shown(running(ask, [*calls(512, 40.0, 50.0, 60.0), *calls(256, 90.0)]))
    assert text.startswith("next: 128, 512 MB, the pick and its rival (4 of 6 calls)\n")
    rows = [line.split() for line in text.splitlines() if " MB" in line and "next" not in line]
    assert rows[0] == ["256", "MB", "1", "90", "ms", "90", "ms", "$1.00"]
    assert rows[1] == ["512", "MB", "3", "50", "ms", "59", "ms", "$1.00", "calling"]
    assert "Spent: 4 requests, $0.0000040, 12 s\n" in text


def test_what_the_limits_leave_is_said() -> None:
    limit = Budget(100, 0.01, 60.0)
    text = shown(running(warm_ask({512: 4}), calls(512, 40.0, 40.0), limit))
    assert "; left: $0.0100, 48 s, 98 calls" in text


def test_throttles_and_failures_are_counted_with_their_first_cause() -> None:
    samples = [a_sample(**THROTTLED), a_sample(**KEY_ERROR), a_sample(**KEY_ERROR)]
    text = shown(running(warm_ask({512: 4}), samples))
    assert "1 throttled (429); first: ReservedFunctionConcurrent\n" in text
    assert "2 failed; first: KeyError: 'id'\n" in text
    assert "3 failed" in text, "of this size"


def test_warm_up_calls_and_cold_starts_are_in_no_percentile() -> None:
    samples = [
        a_sample(call=1, ran_ms=900.0, purpose=Purpose.WARM_UP),
        a_sample(call=2, ran_ms=800.0, init_ms=300.0),
        a_sample(call=3, ran_ms=40.0),
    ]
    text = shown(running(warm_ask({512: 4}), samples))
    [row] = [line.split() for line in text.splitlines() if line.lstrip().startswith("512 MB")]
    assert row[:7] == ["512", "MB", "2", "40", "ms", "40", "ms"]


SIZES = [each for size in (128, 512, 2048, 8192) for each in calls(size, 9e4 / size)]


def curve(found: Running, width: int = 60, height: int = 40) -> list[str]:
    """The lines of the curve, or none."""
    lines = shown(found, width, height).splitlines()
    at = [number for number, line in enumerate(lines) if " over memory" in line]
    return [line.rstrip() for line in lines[at[0] : at[0] + 8]] if at else []


def test_a_curve_of_cost_grows_with_the_sizes_from_the_third_on() -> None:
    ask = warm_ask({128: 2})
    assert curve(running(ask, SIZES[:2])) == []
    lines = curve(running(ask, SIZES[:3]))
    assert lines[0] == "Cost/million over memory"
    assert [line.count("●") for line in lines] == [0, 0, 0, 3, 0, 0, 0, 0], "all cost the same"
    assert "\n".join(lines).count("$1.00") == 1
    assert lines[7].split() == ["128", "MB", "2,048", "MB"]


def test_a_curve_shows_medians_where_nothing_is_priced_and_each_architecture() -> None:
    found = Running()
    found.begins(warm_ask({128: 2}), Meter(lambda: 1.0, NO_LIMIT), lambda _sample: None)
    for sample in SIZES:
        found.take(sample)
        arm = sample.setting._replace(arch="arm64")
        found.take(replace(sample, setting=arm, duration_ms=sample.duration_ms / 2))
    lines = curve(found)
    assert lines[0] == "p50 over memory, ● arm64, ○ x86_64"
    assert lines[1] == "703 ms ┤○"
    assert lines[5].startswith("5.5 ms ┤ ") and lines[5].endswith("●")
    assert lines[2].index("●") == 8, "logarithmic"
    assert sum(line.count("●") for line in lines[1:6]) == 4


@pytest.mark.parametrize(("width", "height"), [(49, 40), (80, 20)])
def test_a_curve_takes_no_room_that_there_is_not(width: int, height: int) -> None:
    assert curve(running(warm_ask({128: 2}), SIZES), width, height) == []


def test_a_curve_needs_no_more_than_ascii() -> None:
    lines = text_curve("p50", {"": [(128, 9.0), (512, 3.0), (1024, 1.0)]}, str, 50, True)
    assert "".join(lines).isascii()
    assert lines[1] == "9.0 |*"
    assert max(map(len, lines)) == 50


def of_load(seconds: float = 40.0, users: int = 0) -> Ask:
    profile = Profile("rate", phases=(Phase(Constant(20.0), seconds),))
    if users:
        profile = Profile("users", users=users, closed_s=seconds)
    load = SizeLoad(profile, Sending(concurrency=10))
    return Ask({Setting(512): 800}, "", How.LOAD, load)


def sent(seconds: float, took_s: float = 0.1) -> list[Sample]:
    """Twenty calls a second; the last second's take twice as long."""
    return [
        a_sample(
            call=n,
            due_s=100.0 + n / 20,
            took_s=took_s * (2 if n / 20 >= seconds - 1 else 1),
            ran_ms=90.0,
            purpose=Purpose.LOAD,
        )
        for n in range(int(seconds * 20))
    ]


def test_a_load_shows_rate_latency_flight_and_time_left() -> None:
    found = running(of_load(), sent(10.0))
    found.say("sending 20/s for 40 s")
    text = shown(found)
    assert "Last 5 s: " in text and "/s succeeded of 20/s due; p50 100 ms, p99 200 ms" in text
    [flight] = [line for line in text.splitlines() if "in flight" in line]
    assert float(flight.split("; ")[-1].split()[0]) == pytest.approx(2.4, abs=0.3)
    assert "Load: 10 s of 40 s; 30 s left\n" in text
    assert "Sizes so far" not in text
    assert text.startswith("sending 20/s for 40 s\n"), "no count of calls"


def test_more_requests_than_are_kept_are_divided_by_the_time_they_cover(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tuner.report.running._MOST", 40)
    text = shown(running(of_load(), sent(11.0)[:200]), width=100)
    assert "Last 2 s: 20/s succeeded of 20/s due; " in text
    assert "; 2.0 in flight" in text


def test_users_have_no_rate_that_is_due_and_no_answers_no_percentiles() -> None:
    failed = [replace(each, outcome=Outcome.TIMEOUT) for each in sent(3.0)]
    text = shown(running(of_load(users=5), failed))
    assert "0/s succeeded; p50 –, p99 –" in text
    assert "60 failed" in text


def test_a_new_load_begins_with_nothing_in_its_window() -> None:
    found = running(of_load(), sent(10.0))
    found.begins(of_load(), Meter(lambda: 20.0), lambda _sample: None)
    assert "Last" not in shown(found)


@pytest.mark.parametrize("width", [40, 60, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    samples = [*calls(512, 40.0, 50.0), a_sample(**{**KEY_ERROR, "message": "x" * 300})]
    samples += [a_sample(10_240, **{**THROTTLED, "reason": "y" * 99})]
    ask = replace(warm_ask(dict.fromkeys(range(128, 1400, 64), 3)), why="a long reason " * 9)
    for found in (running(ask, samples), running(of_load(), [*sent(9.0), *samples])):
        assert max(map(len, shown(found, width).splitlines())) <= width


def test_more_sizes_than_lines_show_those_that_are_called() -> None:
    sizes = range(128, 128 + 64 * 40, 64)
    samples = [sample for size in sizes for sample in calls(size, 40.0)]
    text = shown(running(warm_ask({sizes[-1]: 2}), samples), height=24)
    assert len(text.splitlines()) <= 24
    assert f"{sizes[-1]:,} MB" in text and "calling" in text


def test_what_settings_differ_in_is_named_and_another_run_begins_anew() -> None:
    samples = [a_sample(512, ran_ms=40.0), a_sample(512, arch="arm64", ran_ms=30.0)]
    found = running(warm_ask({512: 2}), samples)
    assert "512 MB x86_64" in shown(found) and "512 MB arm64" in shown(found)
    found.begins(warm_ask({512: 2}), Meter(lambda: 0.0), lambda _sample: None)
    found.take(a_sample(256, ran_ms=40.0))
    assert "256 MB  " in shown(found) and "512" not in shown(found).partition("Sizes")[2]


def test_what_a_function_says_is_no_markup() -> None:
    text = shown(running(warm_ask({512: 1}), [a_sample(**{**KEY_ERROR, "message": "[red]a[/x]"})]))
    assert "KeyError: [red]a[/x]" in text


def test_nothing_is_known_at_first() -> None:
    found = Running()
    found.say("opening the function")
    assert shown(found).strip() == "opening the function"
