"""What the reader of a result has to know of the recording that it was replayed from."""

from collections.abc import Iterable, Sequence

from tuner.recording import Recording
from tuner.records import Advice

_FEW_ROWS = 5  # of a size; below, its scatter cannot be seen


def recording_advice(recording: Recording, sizes_mb: Iterable[int]) -> tuple[Advice, ...]:
    """What the reader has to know of a recording: sizes with few rows, or with cold ones only."""
    sizes = list(sizes_mb)
    found = (_recorded_few(recording, sizes), _recorded_cold(recording, sizes))
    return tuple(advice for advice in found if advice is not None)


def _recorded_few(recording: Recording, sizes_mb: Sequence[int]) -> Advice | None:
    counts = [len(recording.by_size[size]) for size in sizes_mb if recording.by_size.get(size)]
    few = [count for count in counts if count < _FEW_ROWS]
    if not few or any(note.code == "recorded-means" for note in recording.notes):
        return None
    which = "every size" if len(few) == len(counts) else f"{len(few)} of the {len(counts)} sizes"
    text = (
        f"The recording has fewer than {_FEW_ROWS} rows of {which}. A replay draws the same ones "
        "again and again, so the answer looks surer than it is. Record more calls."
    )
    return Advice("recorded-few", text)


def _recorded_cold(recording: Recording, sizes_mb: Sequence[int]) -> Advice | None:
    cold = [
        size
        for size in sizes_mb
        if recording.by_size.get(size) and all(row.init_ms for row in recording.rows(size))
    ]
    if not cold:
        return None
    listed = f"{', '.join(f'{size:,}' for size in cold)} MB"
    which = "every size" if len(cold) == len(recording.by_size) else listed
    text = (
        f"All recorded rows of {which} are cold starts; warm figures are their durations "
        "without INIT, which may be slower than warm. Record warm invocations as well."
    )
    return Advice("recorded-cold", text)
