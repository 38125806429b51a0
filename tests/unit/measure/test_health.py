"""Doubts about a measurement are raised when they are due, and only then."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.factories import a_function, a_sample
from tuner.experiment.spec import machine_changed
from tuner.measure.health import check, platform_advice
from tuner.records import Backend, FunctionFacts, Outcome, Purpose, Sample, Setting

PLATFORM = {
    "cores": 2,
    "cpu_method": "cgroup-v1",
    "cpu_share": [{"memory_mb": 128, "error": 0.01}],
}
FACTS = a_function(backend=Backend.LOCAL, runtime="python3.11", memory_mb=128, platform=PLATFORM)


def sample(at: int, memory_mb: int = 128, **more: Any) -> Sample:
    plain = {"call": at, "due_s": float(at), "sent_s": at + 0.00001, "took_s": 0.02, "ran_ms": 20.0}
    return a_sample(memory_mb, **{**plain, **more})


GOOD = [sample(at) for at in range(20)]


def codes(samples: list[Sample], facts: FunctionFacts = FACTS) -> list[str]:
    return [advice.code for advice in check(samples, facts)]


def test_a_good_measurement_raises_no_doubt() -> None:
    assert codes(GOOD) == []
    assert codes([]) == []


@pytest.mark.parametrize(
    ("samples", "code"),
    [
        ([*GOOD, sample(20, duration_ms=None)], "report-missing"),
        ([replace(s, sent_s=s.due_s + 0.005) for s in GOOD], "generator-late"),
        ([*GOOD, sample(20, outcome=Outcome.THROTTLED, reason="R")], "throttled"),
        ([*GOOD, sample(20, outcome=Outcome.TRANSPORT_ERROR, reason="lost")], "transport-errors"),
        ([*GOOD, sample(20, outcome=Outcome.TIMEOUT)], "failed-calls"),
        (GOOD[:9], "few-samples"),
        ([replace(s, duration_ms=20.0 + s.call) for s in GOOD], "drift"),
        ([*GOOD, *(sample(at, 4000) for at in range(20))], "cores-few"),
    ],
)
def test_each_doubt_is_raised_by_its_cause_alone(samples: list[Sample], code: str) -> None:
    assert codes(samples) == [code]


def test_one_size_of_few_samples_is_told_in_the_singular() -> None:
    few = [sample(at, 256) for at in range(3)]
    [advice] = [each for each in check([*GOOD, *few], FACTS) if each.code == "few-samples"]
    assert advice.text.startswith("1 of the 2 sizes has fewer than 10 warm samples of its own: its")
    [both] = [each for each in check([*GOOD[:3], *few], FACTS) if each.code == "few-samples"]
    assert both.text.startswith("All sizes have fewer than 10 warm samples of their own: their")


def test_lag_that_is_small_beside_what_is_measured_is_no_doubt() -> None:
    slow = [replace(s, sent_s=s.due_s + 0.005, done_s=s.due_s + 0.5) for s in GOOD]
    assert codes(slow) == []


def test_a_missing_report_is_explained_by_the_log_level() -> None:
    quiet = replace(FACTS, log_format="JSON", system_log_level="WARN")
    [advice] = check([replace(s, duration_ms=None, billed_ms=None) for s in GOOD], quiet)
    assert "system log level to INFO" in advice.text


def test_one_size_alone_may_wander_without_a_word_of_drift() -> None:
    others = [sample(at, size) for size in (256, 512) for at in range(20)]
    wandering = [replace(s, duration_ms=20.0 + s.call) for s in GOOD]
    assert codes([*others, *wandering]) == []


def test_warm_ups_are_not_part_of_the_measurement() -> None:
    warm_up = sample(99, purpose=Purpose.WARM_UP, outcome=Outcome.THROTTLED, reason="R")
    assert codes([*GOOD, warm_up]) == []


def test_an_applied_share_that_is_off_is_said_with_the_method() -> None:
    platform = {**FACTS.platform, "cpu_share": [{"memory_mb": 512, "error": -0.07}]}
    [advice] = platform_advice(replace(FACTS, platform=platform), [128])
    assert advice.code == "cpu-share-off"
    assert "512 MB" in advice.text
    assert "7 % less CPU" in advice.text
    assert "before the run" in advice.text  # 512 MB need not be a size of the run


def test_a_runtime_that_stands_in_is_said() -> None:
    platform = {**FACTS.platform, "stands_in_for": ["python3.11"], "python": "3.12.1"}
    [advice] = platform_advice(replace(FACTS, platform=platform), [128])
    assert advice.code == "runtime-stands-in"
    assert advice.text.startswith("Python 3.12.1 ran in place of python3.11")
    platform = {**FACTS.platform, "stands_in_for": ["nodejs22.x"], "node": "24.1.0"}
    facts = replace(FACTS, platform=platform, runtime="nodejs22.x")
    [advice] = platform_advice(facts, [128])
    assert "Node.js 24.1.0 ran in place of nodejs22.x" in advice.text
    assert "Install that Node.js" in advice.text


def test_packages_that_only_aws_has_are_said() -> None:
    platform = {**FACTS.platform, "absent_packages": ["@aws-sdk/client-s3"]}
    [advice] = platform_advice(replace(FACTS, platform=platform), [128])
    assert advice.code == "packages-absent"
    assert "@aws-sdk/client-s3, which AWS's runtime has" in advice.text


def test_extensions_that_do_not_start_are_said() -> None:
    platform = {**FACTS.platform, "extensions": ["collector", "secrets"]}
    [advice] = platform_advice(replace(FACTS, platform=platform), [128])
    assert advice.code == "extensions-absent"
    assert "do not start here: collector, secrets." in advice.text


def test_modules_of_another_architecture_are_said() -> None:
    platform = {**FACTS.platform, "foreign_modules": [f"{n}.so" for n in "abcde"]}
    [advice] = platform_advice(replace(FACTS, platform=platform), [128])
    assert advice.code == "foreign-modules"
    assert "a.so, b.so, c.so and 2 more. They cannot be loaded here" in advice.text


def test_a_platform_is_only_asked_of_the_local_lambda() -> None:
    assert platform_advice(replace(FACTS, backend=Backend.AWS), [10240]) == ()
    assert platform_advice(replace(FACTS, platform={}), [10240]) == ()


def test_failures_are_counted_where_others_ended_well_and_only_there() -> None:
    broken = [sample(at, 256, outcome=Outcome.OUT_OF_MEMORY) for at in range(3)]
    assert codes([*GOOD, *broken]) == []
    flaky = [sample(at, outcome=Outcome.FUNCTION_ERROR) for at in range(4)]
    [advice] = check([*GOOD, *broken, *flaky], FACTS)
    assert "4 of 24 calls failed" in advice.text
    assert "4 raised an error" in advice.text


def test_a_replay_cannot_drift() -> None:
    slower = [replace(s, duration_ms=20.0 + s.call) for s in GOOD]
    assert codes(slower, replace(FACTS, backend=Backend.REPLAY)) == []


def test_a_run_that_is_resumed_elsewhere_is_doubted() -> None:
    assert machine_changed(FACTS, FACTS) is None
    elsewhere = replace(FACTS, platform={**FACTS.platform, "cores": 16})
    advice = machine_changed(FACTS, elsewhere)
    assert advice is not None
    assert advice.code == "mixed-hardware"


@given(
    st.lists(
        st.builds(
            sample,
            st.integers(0, 99),
            st.sampled_from([128, 4000]),
            outcome=st.sampled_from(Outcome),
            purpose=st.sampled_from(Purpose),
            duration_ms=st.none() | st.floats(0, 1e6),
            init_ms=st.none() | st.floats(0, 1e4),
        ),
        max_size=40,
    )
)
def test_any_samples_can_be_checked_and_every_advice_is_a_sentence(samples: list[Sample]) -> None:
    for advice in check(samples, FACTS):
        assert advice.text.endswith(".")
        assert advice.code


def test_what_the_kernel_does_not_enforce_is_one_warning() -> None:
    platform = {"not_enforced": ["/dev/shm is there", "it runs as you, with your files"]}
    [advice] = platform_advice(replace(FACTS, platform=platform), [128])
    assert advice.code == "not-isolated"
    assert "/dev/shm is there; it runs as you" in advice.text
    assert platform_advice(replace(FACTS, platform={"not_enforced": []}), [128]) == ()


def test_what_a_template_leaves_to_aws_is_a_warning() -> None:
    platform = {"template_notes": ["Timeout is !Ref T, known only on AWS"]}
    [advice] = platform_advice(replace(FACTS, platform=platform), [128])
    assert advice.code == "template-unknown"
    assert "Timeout is !Ref T, known only on AWS." in advice.text


def test_an_init_beyond_the_limit_of_lambda_is_a_doubt() -> None:
    def cold(start: str) -> Sample:
        return replace(sample(30, init_ms=10_004.2), setting=Setting(128, start=start))

    told = check([*GOOD, cold("on-demand")], FACTS)
    assert [advice.code for advice in told] == ["init-timeout"]
    assert "1 of 1 cold starts" in told[0].text
    assert codes([*GOOD, cold("provisioned=2")]) == []  # which has up to 15 minutes


def test_answers_that_tell_a_front_to_fail_are_a_doubt_of_a_sweep() -> None:
    wrong = [a_sample(512, call=n, reason="statusCode 502") for n in range(3)]
    [doubt] = [each for each in check(wrong, FACTS) if each.code == "answers-5xx"]
    assert doubt.text.startswith("3 calls succeeded with an answer of statusCode 502")
    assert doubt.text.endswith("check --payload or --event, then run it again.")
