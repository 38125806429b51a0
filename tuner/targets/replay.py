"""``replay:FILE``: a recording answers instead of a function.

A size is callable if it was recorded; there is nothing to change and nothing to put back. Drawing
from the rows is the replaying engine's job.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from tuner.clock import never
from tuner.errors import UsageError
from tuner.recording import Recording, read_architectures, read_recording
from tuner.records import Backend, FunctionFacts, Part, Setting
from tuner.targets.choices import read_arches
from tuner.targets.composite import Composite
from tuner.targets.names import TargetName
from tuner.targets.seam import Prepared, Target, Variant


def open_replay(name: TargetName, where: Mapping[str, str] | None = None) -> "ReplayTarget":
    """Read the recording; ``where`` keeps the rows of one function. Raises UsageError."""
    return ReplayTarget(read_recording(name.path, where), name.text)


def open_replays(
    name: TargetName, architectures: str, where: Mapping[str, str] | None = None
) -> Target:
    """The recordings of the architectures that are asked for; the first that there is counts as
    the function's own, x86_64 before arm64. Raises UsageError for one without rows."""
    found = read_architectures(name.path, where)
    own = max(found)  # "x86_64" sorts after "arm64"
    wanted = read_arches(architectures, own)
    for arch in wanted:
        if arch not in found:
            fix = f"It has {' and '.join(found)}; name that, or record the other as well."
            raise UsageError(name.path, f"has no rows of {arch}", fix)
    targets = {Part(arch): ReplayTarget(found[arch], name.text) for arch in wanted}
    first = targets[Part(wanted[0])]
    return first if len(targets) == 1 else Composite(first.describe(), targets)


class ReplayTarget(Target):
    """A recording behind the seam; ``recording`` is for the engine that draws from it."""

    def __init__(self, recording: Recording, text: str) -> None:
        self.recording = recording
        self._text = text
        self.notes = recording.notes

    def describe(self) -> FunctionFacts:
        """Return what the file says; the configuration is not known."""
        rows = [row for size in self.recording.sizes() for row in self.recording.rows(size)]
        return FunctionFacts(
            name=Path(self.recording.path).name,
            arn=self._text,
            backend=Backend.REPLAY,
            region="us-east-1",
            arch=self.recording.arch or "x86_64",
            runtime=None,
            memory_mb=None,
            timeout_s=None,
            recorded_mb=self.recording.sizes(),
            platform={
                "recorded_calls": len(rows),
                "recorded_cold_starts": sum(row.init_ms is not None for row in rows),
            },
        )

    def prepare(
        self, settings: Iterable[Setting], *, fresh: bool = False, stop: Callable[[], bool] = never
    ) -> Prepared:
        """Sizes as they were recorded, cold starts among them; one without rows is a UsageError
        that lists those there are."""
        made = {}
        for setting in settings:
            self.recording.rows(setting.memory_mb)
            made[setting] = Variant(setting, None)
        return made

    def endpoint(self) -> None:
        """Nowhere: the recording answers by itself."""
        return

    def recordings(self) -> Mapping[Part, Recording]:
        return {Part(self.recording.arch or "x86_64"): self.recording}

    def restore(self) -> None:
        """Nothing was changed."""

    def close(self) -> None:
        """Nothing is held."""
