"""What `tuner doctor` finds: one question answered."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How a finding weighs."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One question answered; everything but ``ok`` says what to do."""

    name: str
    level: Level
    text: str
    fix: str = ""
