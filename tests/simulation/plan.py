"""What a seed makes of a run: how it measures or applies, what goes wrong, whose hands are beside.

Rates are shares of calls; times are seconds of the virtual clock.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

#: Memory sizes that the simulated measurement asks for; other hands set others, or the former one.
FORMER_MB = 256
SIZES = (128, FORMER_MB, 512, 1024, 1769)
THEIRS = (333, 512, 777, 2048, FORMER_MB)
#: The former size that altered journals claim.
CLAIMED_MB = 3008
WAYS = (
    *("versions", "in-place", "clone", "code", "starts", "starts-clone", "architectures"),
    *("apply", "apply-arch", "apply-latest"),
)
HANDS = (
    *("memory", "description", "timeout", "environment", "role", "code", "architecture"),
    *("publish", "prune", "alias", "alias-split", "alias-delete", "provision", "tag"),
    *("delete", "redeploy", "adopt", "memory+description"),
)
#: What AWS refuses for a while: operations, status, code, and what it says.
REFUSALS = (
    ("update_function_configuration", 400, "InvalidParameterValueException", "The role cannot be"),
    ("update_function_configuration", 502, "KMSAccessDeniedException", "Lambda cannot decrypt"),
    ("update_function_configuration", 403, "AccessDeniedException", "not authorized"),
    ("publish_version", 400, "CodeStorageExceededException", "Code storage limit exceeded."),
    ("publish_version", 403, "AccessDeniedException", "not authorized"),
    ("delete_function", 403, "AccessDeniedException", "not authorized"),
    ("update_alias", 403, "AccessDeniedException", "not authorized"),
    ("untag_resource", 403, "AccessDeniedException", "not authorized"),
    ("create_function", 400, "InvalidParameterValueException", "The role cannot be assumed"),
    ("put_provisioned_concurrency_config", 400, "InvalidParameterValueException", "no unreserved"),
    ("list_versions_by_function", 429, "TooManyRequestsException", "Rate exceeded"),
    ("get_function", 403, "AccessDeniedException", "not authorized"),
    ("update_function_configuration", 409, "ResourceConflictException", "Please come back later"),
    ("delete_function", 409, "ResourceConflictException", "Please come back later"),
)
Refusal = tuple[str, int, str, str]


@dataclass(frozen=True)
class Tuner:
    """One process: what it does, and where it is ended (steps, a call or a wait each)."""

    way: str
    sizes: tuple[int, ...]
    begins_s: float = 0.0
    crash_at: int | None = None
    interrupts_at: tuple[int, ...] = ()
    stops_at: int | None = None  # where the user asks a measurement to end
    #: The same of the first `tuner restore` after it, while all still fails; ``None``: there is
    #: none before the service answers again.
    restore_ends_at: int | None = None


@dataclass(frozen=True)
class Plan:
    """All of one seed."""

    tuners: tuple[Tuner, ...]
    one_folder: bool = True  # of two tuners
    #: Two that apply, apply the same run. Nothing tells them apart then, so that there are neither
    #: other hands nor lost disks.
    one_run: bool = False
    lag_s: float = 0.0
    takes_s: tuple[float, float] = (0.2, 2.0)
    fails: float = 0.0
    throttled: float = 0.0
    broken: float = 0.0
    lost: float = 0.0
    drips: float = 0.0
    late_s: float = 0.0
    half: float = 0.0
    doubled: float = 0.0  # delivered twice; the second answer arrives
    #: When changes are made and answered with 500, all of them.
    masked: tuple[float, float] | None = None
    outage: tuple[float, float] | None = None
    refusal: tuple[float, float, Refusal] | None = None
    locked_out_s: float | None = None
    hands: tuple[tuple[float, str], ...] = ()
    tags_move: bool = False  # putting a tag moves the RevisionId
    untaggable: bool = False
    applied_s: float = 1.0  # how long an application stays before it is undone
    disk_lost: bool = False  # what the runs have kept in their directories is gone afterwards

    #: Somebody writes another former size into the journals afterwards.
    altered: bool = False

    def hands_on(self, *fields: str) -> bool:
        """Tell if other hands change one of these, or make the function anew."""
        hands = {hand for _, hand in self.hands}
        anew = ("delete", "redeploy", "adopt")
        return any(field in hand for hand in hands for field in (*fields, *anew))

    def told(self) -> str:
        """The plan in a line, without what is quiet."""
        quiet = Plan(self.tuners)
        odd = {k: v for k, v in vars(self).items() if v != getattr(quiet, k)}
        return f"{self.tuners} {odd}"


def plan_of(seed: int) -> Plan:
    """Draw what goes wrong; about one in twenty runs meets nothing at all."""
    rng = Random(seed)

    def some(share: float, make: Callable[[], Any], otherwise: Any = None) -> Any:
        return make() if rng.random() < share else otherwise

    tuners = (_tuner(rng, 0.0),)
    if rng.random() < 0.2:
        tuners += (_tuner(rng, rng.choice((0.0, rng.uniform(0.0, 3.0), rng.uniform(0.0, 40.0)))),)
    begins, lost = rng.uniform(0.0, 30.0), rng.random() < 0.2
    killed = any(one.crash_at for one in tuners)  # otherwise there is seldom a journal to alter
    hands = some(0.5, lambda: sorted(_hand(rng) for _ in range(rng.randint(1, 3))), [])
    return Plan(
        tuners,
        one_folder=rng.random() < 0.4,
        one_run=rng.random() < 0.3 and not (lost or hands),
        lag_s=some(0.4, lambda: rng.choice((1.0, 5.0, 30.0, 60.0)), 0.0),
        takes_s=some(0.2, lambda: (1.0, rng.choice((5.0, 60.0))), (0.2, 2.0)),
        fails=some(0.1, lambda: 0.3, 0.0),
        throttled=some(0.3, lambda: rng.uniform(0.0, 0.5), 0.0),
        broken=some(0.3, lambda: rng.uniform(0.0, 0.3), 0.0),
        lost=some(0.3, lambda: rng.uniform(0.0, 0.3), 0.0),
        drips=some(0.1, lambda: rng.uniform(0.0, 0.2), 0.0),
        late_s=some(0.3, lambda: rng.uniform(0.0, 60.0), 0.0),
        half=some(0.1, lambda: 0.1, 0.0),
        outage=some(0.2, lambda: (begins, begins + rng.choice((3.0, 30.0, 600.0)))),
        refusal=some(0.15, lambda: _refusal(rng)),
        locked_out_s=some(0.05, lambda: rng.uniform(0.0, 30.0)),
        hands=tuple(hands),
        tags_move=rng.random() < 0.3,
        # Without tags nothing tells two tuners of each other, and a function that was made anew
        # with a size of ours is one whose description was replaced, which goes back.
        untaggable=rng.random() < 0.1 and len(tuners) == 1 and "adopt" not in dict(hands).values(),
        disk_lost=lost,
        doubled=some(0.1, lambda: rng.uniform(0.0, 0.5), 0.0),
        applied_s=some(0.3, lambda: 70.0, 1.0),  # until all that was lost has landed
        masked=some(0.1, lambda: (begins, begins + rng.choice((10.0, 1e9)))),
        altered=not lost and rng.random() < (0.5 if killed else 0.05),
    )


def _tuner(rng: Random, begins_s: float) -> Tuner:
    interrupts = rng.randint(1, 3) if rng.random() < 0.2 else 0
    return Tuner(
        rng.choice(WAYS),
        tuple(rng.sample(SIZES, rng.randint(1, 3))),
        begins_s,
        crash_at=rng.randint(1, 80) if rng.random() < 0.3 else None,
        interrupts_at=tuple(sorted(rng.sample(range(1, 90), interrupts))),
        stops_at=rng.randint(1, 60) if rng.random() < 0.2 else None,
        restore_ends_at=rng.randint(1, 60) if rng.random() < 0.2 else None,
    )


def _hand(rng: Random) -> tuple[float, str]:
    return rng.uniform(0.0, 60.0), rng.choice(HANDS)


def _refusal(rng: Random) -> tuple[float, float, Refusal]:
    begins = rng.uniform(0.0, 20.0)
    return begins, begins + rng.choice((5.0, 60.0, 1e9)), rng.choice(REFUSALS)
