"""The files of each scheduler: a job's values in a template. Nothing is written here.

A job that a scheduler cannot run is refused here, with the reason.
"""

import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import cache, partial
from io import StringIO
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from ruamel.yaml import YAML

from tuner.errors import UsageError
from tuner.schedule.job import Job, this_tuner


@dataclass(frozen=True)
class File:
    """One file to write: where it belongs, and its text."""

    path: str
    text: str


def rendered(kind: str, job: Job) -> tuple[File, ...]:
    """The files of a scheduler. Raises UsageError for a job that it cannot run."""
    chosen = kind_of(kind)
    _refuse_unwritable(job)
    values = {**values_of_all(job), **chosen.values(job)}
    return tuple(
        File(path.format(name=job.name), _environment().get_template(template).render(values))
        for path, template in chosen.files.items()
    )


def _refuse_unwritable(job: Job) -> None:
    """Raise UsageError for a word with a character that some scheduler's file cannot hold."""
    place = (job.place.region, job.place.role, job.place.image, job.store_secret)
    texts = (str(job.directory), *job.words, job.requirement, job.against, *place)
    odd = next((text for text in texts if text and _UNWRITABLE.search(text)), None)
    if odd is not None:
        reason = "has a control character, or is no Unicode: no scheduler's file can hold it"
        raise UsageError(repr(odd)[:80], reason, "Write it without, or rename the folder.")


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
    environment.filters["json"] = partial(
        json.dumps, ensure_ascii=False
    )  # YAML joins no surrogates
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


#: GitHub's own limit.
_SHORTEST_GITHUB = timedelta(minutes=5)
#: cron reads no longer command; the rest would be cut off unsaid (crontab(5), MAX_COMMAND).
_LONGEST_CRON = 990
#: Characters that end a line of a unit, a crontab or YAML, or that one of them cannot hold.
_UNWRITABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")


@dataclass(frozen=True)
class Kind:
    """A scheduler: the template of each file, the values they need, if this machine has it."""

    files: Mapping[str, str]
    values: Callable[[Job], Mapping[str, Any]]
    installs: bool = False


def kind_of(kind: str) -> Kind:
    """The scheduler of this name, or UsageError."""
    if kind not in KINDS:
        fix = f"There are: {', '.join(KINDS)}."
        raise UsageError(kind[:40], "is not a known scheduler", fix)
    return KINDS[kind]


def values_of_all(job: Job) -> dict[str, Any]:
    """The values that every template may use."""
    return {
        "name": job.name,
        "cron": job.when.cron,
        "on_aws": job.on_aws,
        "store_secret": job.store_secret,
        "secrets": job.secrets,
        "on_pull_requests": job.on_pull_requests,
        "policy": job.policy and _in_cloudformation(job.policy),
        **asdict(job.place),
    }


def _in_cloudformation(policy: Mapping[str, Any]) -> dict[str, Any]:
    """Return the policy with each resource that holds a pseudo parameter as an ``Fn::Sub``."""
    statements = []
    for statement in policy["Statement"]:
        named = statement["Resource"]
        texts = [named] if isinstance(named, str) else named
        resources = [{"Fn::Sub": text} if "${" in text else text for text in texts]
        statements.append({**statement, "Resource": resources})
    return {**policy, "Statement": statements}


def _cron(job: Job) -> dict[str, Any]:
    _without_zone(job, "crontab", "Leave it out: cron uses the machine's own.")
    log = f".tuner/{job.name}.log"
    there = f"cd {shlex.quote(str(job.directory))} && mkdir -p .tuner"
    run = f"{shlex.join((*this_tuner(), *job.command()))} >>{log} 2>&1"
    line = f"{there} && {run} || {{ s=$?; tail -n 40 {log}; exit $s; }}".replace("%", "\\%")
    if len(line) > _LONGEST_CRON:
        fix = "Use shorter paths, or `tuner schedule systemd`."
        raise UsageError("The command", "is too long for a crontab line", fix)
    return {"line": line}


def _systemd(job: Job) -> dict[str, Any]:
    return {
        "on_calendar": job.when.on_calendar(),
        "directory": _systemd_path(str(job.directory)),
        "start": " ".join(_systemd_word(word) for word in (*this_tuner(), *job.command())),
    }


def _systemd_path(path: str) -> str:
    """A value of WorkingDirectory=, which has no quotes: a line may go on after a backslash."""
    if path.endswith("\\") or path != path.strip():
        fix = "Move or rename the folder."
        raise UsageError(repr(path)[:80], "ends as no line of a unit can", fix)
    return path.replace("%", "%%")


def _systemd_word(word: str) -> str:
    """A word of ExecStart=, in quotes; specifiers and variables mean themselves."""
    plain = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{plain}"'


def _github(job: Job) -> dict[str, Any]:
    _without_zone(job, "GitHub", "Leave it out, and give the time in UTC.")
    if job.when.shortest_gap() < _SHORTEST_GITHUB:
        fix = "Run it at most every 5m."
        raise UsageError(f"--cron {job.when.cron!r}", "is more frequent than GitHub allows", fix)
    _check_secret(job)
    return {name: _literal(value) for name, value in _in_ci(job).items()}


def _literal(text: str | None) -> str | None:
    """A text in which GitHub evaluates no expression of the user's words."""
    return text and text.replace("${{", "${{ '${{' }}")


def _gitlab(job: Job) -> dict[str, Any]:
    zone = f" --cronTimeZone {job.when.timezone}" if job.when.timezone else ""
    _check_secret(job)
    values = _in_ci(job)  # a variable's value, where a dollar begins another one
    return {**values, "requirement": values["requirement"].replace("$", "$$"), "zone_option": zone}


def _check_secret(job: Job) -> None:
    """A secret is named in a line that a shell or GitHub reads."""
    secret = job.store_secret
    if secret and not re.fullmatch(r"[A-Za-z_]\w*", secret, re.ASCII):
        fix = "Write it like TUNER_STORE."
        raise UsageError(f"--store-secret {secret[:40]}", "is not a valid secret name", fix)


def _in_ci(job: Job) -> dict[str, Any]:
    """Values for machines that start empty: the installation, the command and its files."""
    if job.requirement is None:
        fix = "Name what pip should install, like --pip 'git+https://host/team/tuner@v1'."
        raise UsageError("--pip", "is required: this tuner was installed from a folder", fix)
    if job.against is not None and not job.on_pull_requests:
        reason = "is for pull requests, which do not get the role"
        raise UsageError("--against", reason, "Add --pull-requests, or leave it out.")
    files = (f"--markdown={job.name}.md", f"--junit={job.name}.xml", f"--json={job.name}.json")
    return {
        "requirement": job.requirement,
        "command": shlex.join(("tuner", *job.command(*files))),
        "against": None if job.against is None else _with_base(job.against),
    }


def _with_base(against: str) -> str:
    """A word of the shell, in which ``{base}`` is the variable BASE."""
    return '"$BASE"'.join(shlex.quote(part) if part else "" for part in against.split("{base}"))


def _gitlab_role(job: Job) -> dict[str, Any]:
    """IAM names the conditions of a token by its issuer, without the scheme."""
    address = job.place.gitlab.rstrip("/")
    if not re.fullmatch(r"https://[A-Za-z0-9.-]+(?::\d+)?(?:/[\w.-]+)*", address, re.ASCII):
        fix = "Write it like https://gitlab.example.com."
        raise UsageError(f"--gitlab {address[:60]}", "is not a GitLab address", fix)
    return {**_policy(job), "gitlab": address, "gitlab_host": address.removeprefix("https://")}


def _policy(job: Job) -> dict[str, Any]:
    if not job.on_aws:
        fix = "Name one with --target, or skip the role."
        raise UsageError("The suite", "has no function on AWS, so it needs no role", fix)
    return {}


def _codebuild(job: Job) -> dict[str, Any]:
    repository, secret = job.place.repository, job.store_secret
    if secret and not secret.startswith("arn:"):  # Secrets Manager adds six characters to a name
        base = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret"
        secret = f"{base}:{secret}-??????"
    return {
        **_in_ci(job),
        **_in_stack(job),
        "repository_url": f"https://github.com/{repository}.git" if repository else None,
        "secret_arn": secret,
        "branch_known": "--branch" in job.words,
    }


def _fargate(job: Job) -> dict[str, Any]:
    secret = job.store_secret
    if secret and not secret.startswith("arn:"):
        fix = "`aws secretsmanager describe-secret` shows it."
        raise UsageError(f"--store-secret {secret[:40]}", "must be an ARN on Fargate", fix)
    # A container has no repository that could tell the branch.
    known = "--branch" in job.words
    words = ["tuner", *job.command(*([] if known else ["--branch", job.place.branch]))]
    return {**_in_stack(job), "command_words": words}


def _in_stack(job: Job) -> dict[str, Any]:
    return {"expression": job.when.event_bridge(), "timezone": job.when.timezone or "UTC"}


def _without_zone(job: Job, who: str, fix: str) -> None:
    if job.when.timezone not in (None, "UTC" if who == "GitHub" else None):
        raise UsageError(f"--timezone {job.when.timezone}", f"is not supported by {who}", fix)


KINDS: Mapping[str, Kind] = {
    "cron": Kind({"{name}.cron": "crontab.j2"}, _cron, installs=True),
    "systemd": Kind(
        {"{name}.service": "systemd.service.j2", "{name}.timer": "systemd.timer.j2"},
        _systemd,
        installs=True,
    ),
    "github": Kind({".github/workflows/{name}.yml": "github.yml.j2"}, _github),
    "github-role": Kind({"{name}-role.yaml": "github-role.yaml.j2"}, _policy),
    "gitlab": Kind({"{name}.gitlab-ci.yml": "gitlab.yml.j2"}, _gitlab),
    "gitlab-role": Kind({"{name}-role.yaml": "gitlab-role.yaml.j2"}, _gitlab_role),
    "codebuild": Kind({"{name}.yaml": "codebuild.yaml.j2"}, _codebuild),
    "fargate": Kind({"{name}.yaml": "fargate.yaml.j2"}, _fargate),
}
