"""A sample without REPORT is completed from elsewhere, and only such a sample."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from support.factories import a_sample
from tuner.experiment.afterwards import completed, lacks_report
from tuner.recording.reportline import Report
from tuner.records import OTHER_SIZE, Outcome
from tuner.targets.seam import Target

BARE = a_sample(128, qualifier="1", request_id="a")


class Finder(Target):  # type: ignore[misc]
    """Finds the report of request a."""

    def reports(self, request_ids: Sequence[str]) -> Mapping[str, Report]:
        return {"a": Report("a", 12.5, 113, 128, 40, init_ms=100.0)} if "a" in request_ids else {}


def test_what_is_found_becomes_part_of_the_sample() -> None:
    other = replace(BARE, request_id="b")
    first, second = completed([BARE, other], Finder())  # type: ignore[abstract]
    assert (first.duration_ms, first.billed_ms, first.init_ms) == (12.5, 113, 100.0)
    assert first.cold
    assert second == other


def test_only_a_success_without_a_duration_is_looked_up() -> None:
    assert lacks_report(BARE)
    assert not lacks_report(replace(BARE, duration_ms=1.0))
    assert not lacks_report(replace(BARE, outcome=Outcome.TIMEOUT))
    assert not lacks_report(replace(BARE, request_id=None))


def test_a_late_report_of_another_size_is_no_measurement() -> None:
    larger = replace(BARE, setting=BARE.setting._replace(memory_mb=512))
    (sample,) = completed([larger], Finder())  # type: ignore[abstract]
    assert (sample.outcome, sample.reason) == (Outcome.SERVICE_ERROR, OTHER_SIZE)
    assert sample.message == "it ran at 128 MB, not at 512 MB"
