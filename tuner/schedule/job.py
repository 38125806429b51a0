"""The job of a schedule: its command, installation, place and rights."""

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from tuner.errors import UsageError
from tuner.schedule.when import Timetable

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,39}", re.ASCII)
_VARIABLE = re.compile(r"(?:^|=)env:([A-Za-z_][A-Za-z0-9_]*)$", re.ASCII)


@dataclass(frozen=True)
class Place:
    """The place on AWS and the role there; None leaves it to variables of the CI system."""

    region: str | None = None
    role: str | None = None
    repository: str | None = None
    branch: str = "main"
    image: str | None = None
    gitlab: str = "https://gitlab.com"
    pull_requests: bool = False


@dataclass(frozen=True)
class Job:
    """One scheduled suite. ``words`` follow ``tuner bench``.

    ``policy`` is the least that IAM has to allow, in CloudFormation's words; ``None`` if nothing
    is on AWS.
    ``against`` is what a pull request is compared with in one run, ``{base}`` being the commit that
    it is to be merged into; None leaves it to the stored baseline.
    """

    name: str
    when: Timetable
    words: tuple[str, ...] = ()
    directory: Path = Path()
    requirement: str | None = None
    policy: Mapping[str, Any] | None = None
    store_secret: str | None = None
    against: str | None = None
    place: Place = Place()

    @property
    def on_aws(self) -> bool:
        """True if any target is a function on AWS."""
        return self.policy is not None

    @property
    def on_pull_requests(self) -> bool:
        """True if pull requests are measured, too: where that needs a role, it has to be allowed,
        since whoever may push a branch runs code with it."""
        return self.place.pull_requests or not self.on_aws

    @property
    def secrets(self) -> tuple[str, ...]:
        """Variables that ``tuner bench`` reads addresses from, as in ``--slack env:SLACK_URL``."""
        found = [match[1] for word in self.words if (match := _VARIABLE.search(word))]
        return tuple(dict.fromkeys(found))

    def command(self, *more: str) -> tuple[str, ...]:
        """The arguments of the program: the user's words, and ``more`` of the scheduler."""
        return ("bench", *self.words, "--no-progress", *more)


def checked_name(name: str) -> str:
    """A name that is one in every scheduler; raises UsageError."""
    if not _NAME.fullmatch(name):
        fix = "Use up to 40 letters, digits and hyphens, starting with a letter."
        raise UsageError(f"--name {name[:40]!r}", "is not a valid name for a schedule", fix)
    return name


def checked_place(place: Place) -> Place:
    """A place whose repository and branch are names; raises UsageError."""
    if not re.fullmatch(r"[\w.-]+(?:/[\w.-]+)*", place.branch, re.ASCII):
        fix = "Write it like main."
        raise UsageError(f"--branch {place.branch[:40]!r}", "is not a branch name", fix)
    named = place.repository
    if named is not None and not re.fullmatch(r"[\w.-]+(?:/[\w.-]+)+", named, re.ASCII):
        fix = "Write it like owner/name."
        raise UsageError(f"--repository {named[:40]!r}", "is not a repository", fix)
    return place


def installed_from() -> str | None:
    """The requirement by which pip installs this tuner; None if only this machine has it.

    ``direct_url.json`` says where an installation came from (PEP 610); without it, an index.
    """
    try:
        found = distribution("tuner")
    except PackageNotFoundError:
        return None
    told = found.read_text("direct_url.json")
    if told is None:
        return f"tuner=={found.version}"
    origin = json.loads(told)
    if "vcs_info" in origin:
        vcs = origin["vcs_info"]
        return f"{vcs['vcs']}+{origin['url']}@{vcs['commit_id']}"
    url = str(origin.get("url", ""))
    return None if url.startswith("file:") or not url else url


def this_tuner() -> tuple[str, ...]:
    """The program that runs now, by its whole path, so that a bare PATH finds it too."""
    beside = Path(sys.executable).with_name("tuner")
    return (str(beside),) if beside.exists() else (sys.executable, "-P", "-m", "tuner")
