"""The files of each scheduler: a job's values in a template. Nothing is written here."""

import json
from dataclasses import dataclass
from functools import cache
from io import StringIO
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from ruamel.yaml import YAML

from tuner.schedule.job import Job
from tuner.schedule.kinds import kind_of, values_of_all


@dataclass(frozen=True)
class File:
    """One file to write: where it belongs, and its text."""

    path: str
    text: str


def rendered(kind: str, job: Job) -> tuple[File, ...]:
    """The files of a scheduler. Raises UsageError for a job that it cannot run."""
    chosen = kind_of(kind)
    values = {**values_of_all(job), **chosen.values(job)}
    return tuple(
        File(path.format(name=job.name), _environment().get_template(template).render(values))
        for path, template in chosen.files.items()
    )


@cache
def _environment() -> Environment:
    """Square brackets, because GitHub's and the shell's own words use curly ones."""
    environment = Environment(
        loader=PackageLoader("tuner.schedule"),
        block_start_string="[%",
        block_end_string="%]",
        variable_start_string="[[",
        variable_end_string="]]",
        comment_start_string="[#",
        comment_end_string="#]",
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["json"] = json.dumps
    environment.filters["yaml"] = _yaml
    return environment


def _yaml(value: Any, indent: int) -> str:
    """A value as block YAML, each line moved to the right."""
    out = StringIO()
    writer = YAML()
    writer.default_flow_style = False
    writer.width = 4096
    writer.dump(value, out)
    return "\n".join(" " * indent + line for line in out.getvalue().rstrip().splitlines())
