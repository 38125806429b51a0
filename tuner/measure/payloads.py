"""Which payload a call carries: one, or several drawn by weight."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Payload:
    """A request body with its weight among the others."""

    body: bytes
    weight: float = 1.0


def draw_payloads(payloads: Sequence[Payload], calls: int, random: Random) -> list[int]:
    """Indices for so many calls: each payload as often as its weight says, as evenly as counts
    allow (drawing alone would give sizes different mixes), in random order.
    """
    total = sum(payload.weight for payload in payloads)
    if not payloads or total <= 0:
        raise ValueError("payloads need a positive weight")
    # Systematic sampling: equal steps through the cumulated weights from one random start.
    step, at = total / max(1, calls), random.random() * total / max(1, calls)
    drawn, index, reached = [], 0, payloads[0].weight
    for number in range(calls):
        while at + number * step >= reached and index < len(payloads) - 1:
            index += 1
            reached += payloads[index].weight
        drawn.append(index)
    random.shuffle(drawn)
    return drawn
