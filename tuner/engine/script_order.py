"""A locustfile as it is ordered of each worker: its part of the users, and numbers of its own."""

from tuner.engine import wire
from tuner.engine.engine import Batch


def script_order(batch: Batch, users: int, index: int, workers: int) -> wire.ScriptOrder | None:
    """For worker ``index`` of so many; ``None`` if the batch has no script."""
    script, calls = batch.policy.script, list(batch.calls) if batch.policy.script else []
    if script is None or not calls:
        return None
    first, rate = calls[0], script.spawn_per_s
    return wire.ScriptOrder(
        script.name,
        script.source,
        script.folder,
        None if rate is None else rate * users / batch.concurrency,
        first.variant.qualifier,
        first.variant.memory_mb,
        tuple(call.payload for call in calls),
        first.number + index,
        workers,
    )
