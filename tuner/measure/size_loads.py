"""What every size of a sweep is put under, and what a size's load came to in numbers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tuner.engine.engine import Shortfall
from tuner.engine.profiles.profile import Profile
from tuner.engine.stop_on import StopRule
from tuner.measure.load_figures import LoadFigures, LoadTally
from tuner.measure.load_frames import Asked, Frame
from tuner.measure.loading import Sending
from tuner.records import Sample

#: A sweep holds its samples, so one size's load ends after so many calls.
MOST_CALLS = 100_000


@dataclass(frozen=True)
class SizeLoad:
    """The load that every size is put under: what is due, how it is sent, when it is cut short."""

    profile: Profile
    sending: Sending
    rules: tuple[StopRule, ...] = ()


def asked_of(load: SizeLoad) -> Asked:
    """What a load asks, in plain values."""
    profile, closed = load.profile, load.profile.users > 0
    return Asked(
        profile=profile.name,
        about=profile.about,
        arrival=None if closed else profile.arrival,
        peak_rps=profile.peak_per_s,
        users=profile.users or None,
        think_s=profile.think_s if closed else None,
        seconds=profile.duration_s,
        retry=load.sending.retry,
        lanes=load.sending.concurrency,
    )


def figures_of(frame: Frame, asked: Asked, samples: Sequence[Sample]) -> LoadFigures:
    """A size's load in numbers, from the samples of its run."""
    tally = LoadTally(frame.start_s)
    for sample in samples:
        if frame.holds(sample):
            tally.add(sample)
    return tally.figures(
        planned_s=asked.seconds,
        asked=frame.asked,
        shortfall=Shortfall(Counter(frame.dropped)),
        stopped_s=frame.stopped_s,
    )
