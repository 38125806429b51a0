"""Causes of failures: told apart by type and words, counted, and bounded in number."""

from hypothesis import given
from hypothesis import strategies as st

from support.factories import a_sample
from tuner.measure.failures import Causes, causes_of
from tuner.records import Outcome, Sample


def failure(message: str | None, memory_mb: int = 512, **fields: object) -> Sample:
    given = {"outcome": Outcome.FUNCTION_ERROR, "reason": "KeyError", **fields}
    return a_sample(memory_mb, message=message, **given)


def test_the_most_frequent_cause_comes_first_with_its_sizes_and_one_log() -> None:
    samples = [
        failure("'a'", 128, log_tail="log\x1b of a"),
        failure("'b'", 1024, log_tail="log of b"),
        failure("'b'", 512),
        a_sample(512),
    ]
    first, second = causes_of(samples)
    assert (first.words, first.count, first.memory_mb) == ("KeyError: 'b'", 2, (512, 1024))
    assert (first.log_tail, second.log_tail) == ("log of b", "log  of a")


def test_messages_that_differ_in_numbers_and_ids_alone_are_one_cause() -> None:
    ids = ("94f4a28a-dbe3-4114-9f2b-0b3ae40f4dbc", "04f4a28a-dbe3-4114-9f2b-0b3ae40f4dbd")
    [cause] = causes_of(failure(f"order {n} of {each}") for n, each in enumerate(ids))
    assert (cause.count, cause.message) == (2, f"order 0 of {ids[0]}")


def test_throttles_are_no_causes_and_a_lost_connection_is_one() -> None:
    throttled = failure(None, outcome=Outcome.THROTTLED, reason="ReservedLimit")
    lost = failure(None, outcome=Outcome.TRANSPORT_ERROR, reason="connection reset")
    [cause] = causes_of([throttled, lost])
    assert cause.words == "transport_error: connection reset"


def test_a_recorded_failure_has_its_outcome_for_a_type() -> None:
    [cause] = causes_of([failure(None, reason="recorded as function_error")])
    assert cause.words == "function_error"


@given(st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), max_size=30))
def test_every_failure_is_counted_once(failures: list[tuple[str, str]]) -> None:
    causes = causes_of((failure(words, reason=kind) for kind, words in failures), limit=99)
    assert sum(cause.count for cause in causes) == len(failures)
    assert all(cause.words.isprintable() for cause in causes)


def test_a_function_that_never_fails_alike_takes_no_more_memory() -> None:
    causes = Causes()
    for number in range(1000):
        letters = "".join(chr(97 + int(digit)) for digit in str(number))
        causes.add(failure(letters, reason=f"E{letters}"))
    found = causes.most(limit=1000)
    assert len(found) == 201
    assert (found[0].type, found[0].count) == ("other errors", 800)
