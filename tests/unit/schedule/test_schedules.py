"""Each scheduler's files, held against the tool that is made for them, and what they allow."""

import json
import re
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor

from support.schedules import ODD_FOLDER, ODD_WORDS, actionlint, checked, job
from tuner.api.suites import suite_policy
from tuner.errors import UsageError
from tuner.schedule.job import Job, checked_name
from tuner.schedule.render import KINDS, rendered
from tuner.schedule.when import Timetable

SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:store-AbCdEf"
ON_AWS = job("myfunc", "arn:aws:lambda:eu-west-1:123456789012:function:other")
WITH_PULL_REQUESTS = replace(ON_AWS, place=replace(ON_AWS.place, pull_requests=True))
JOBS = {
    "on AWS": ON_AWS,
    "all said": job(
        "myfunc",
        region="eu-west-1",
        role="arn:aws:iam::123456789012:role/bench",
        repository="team/app",
        image="123456789012.dkr.ecr.eu-west-1.amazonaws.com/bench:1",
        secret="STORE",
        pull_requests=True,
    ),
    "nothing on AWS": job(against="git:{base}"),
    "odd words": job(
        "myfunc", words=ODD_WORDS, against="git:{base}:it's $HOME", pull_requests=True
    ),
}
STACKS = ("codebuild", "fargate", "github-role", "gitlab-role")


@pytest.fixture(params=JOBS, ids=lambda name: name)
def any_job(request: pytest.FixtureRequest) -> Job:
    return JOBS[request.param]


def write(kind: str, of: Job, to: Path) -> list[Path]:
    found = []
    if of.store_secret and kind == "fargate":
        of = replace(of, store_secret=SECRET)
    for file in rendered(kind, of):
        path = to / Path(file.path).name
        path.write_text(file.text)
        found.append(path)
    return found


def read(kind: str, of: Job) -> Any:
    """The one file of a scheduler as data; CloudFormation's tags become mappings."""

    class Constructor(SafeConstructor):
        """One of its own, for constructors are registered on the class."""

    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = Constructor
    for tag in ("Ref", "Sub", "GetAtt", "If", "Not", "Equals"):
        yaml.constructor.add_multi_constructor(f"!{tag}", _intrinsic)
    (file,) = rendered(kind, of)
    return yaml.load(file.text)


def _intrinsic(loader: Any, suffix: str, node: Any) -> Any:
    if isinstance(node.value, str):
        return {node.tag: node.value}
    return {str(node.tag): loader.construct_sequence(node, deep=True)}


def test_a_crontab_is_understood_by_crontab(any_job: Job, tmp_path: Path) -> None:
    (path,) = write("cron", any_job, tmp_path)
    checked(["crontab", "-n", str(path)], "Debian package cron")


def test_units_are_verified_by_systemd(
    any_job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    units = [str(path) for path in write("systemd", any_job, tmp_path)]
    why = "Debian package systemd"
    assert checked(["systemd-analyze", "verify", "--user", "--man=no", *units], why) == ""


def written(kinds: tuple[str, ...], to: Path) -> list[str]:
    """The files of every job that these schedulers can run: one start of a tool checks them all."""
    found: list[Path] = []
    for name, one in JOBS.items():
        for kind in kinds:
            if one.on_aws or not kind.endswith("role"):
                folder = to / kind / name.replace(" ", "-")
                folder.mkdir(parents=True)
                found += write(kind, one, folder)
    return [str(path) for path in found]


def test_workflows_fit_github_s_schema(tmp_path: Path) -> None:
    schema = ["--builtin-schema", "vendor.github-workflows"]
    files = written(("github",), tmp_path)
    checked(["check-jsonschema", *schema, *files], "pip install check-jsonschema")


def test_workflows_are_accepted_by_actionlint(tmp_path: Path) -> None:
    actionlint(written(("github",), tmp_path))


def test_jobs_fit_gitlab_s_schema(tmp_path: Path) -> None:
    schema = ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"]
    files = written(("gitlab",), tmp_path)
    checked(["check-jsonschema", *schema, *files], "pip install check-jsonschema")


def test_stacks_are_accepted_by_cfn_lint(tmp_path: Path) -> None:
    files = written(STACKS, tmp_path)
    assert len(files) == 14
    checked(["cfn-lint", *files], "pip install cfn-lint")


@pytest.mark.parametrize("kind", ["github-role", "gitlab-role"])
def test_a_suite_without_aws_needs_no_role(kind: str) -> None:
    with pytest.raises(UsageError, match="needs no role"):
        rendered(kind, job())


def test_the_line_of_a_crontab_runs_the_command_in_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / ODD_FOLDER.relative_to("/srv")
    folder.mkdir(parents=True)
    odd = Job("tuner-bench", Timetable("1 2 * * *"), ODD_WORDS, folder)
    (file,) = rendered("cron", odd)
    (line,) = [line for line in file.text.splitlines() if not line.startswith("#")]
    command = line.removeprefix("1 2 * * * ").replace("\\%", "%")  # as cron hands it to sh
    program = re.search(r"mkdir -p \.tuner && (\S+) bench", command)
    assert program
    command = command.replace(program[1], "printf '<%s>'", 1)
    subprocess.run(["sh", "-c", command], check=True)
    assert (folder / ".tuner/tuner-bench.log").read_text() == "".join(
        f"<{word}>" for word in ("bench", *ODD_WORDS, "--no-progress")
    )


def test_a_run_of_cron_that_fails_prints_its_end_and_keeps_its_code(tmp_path: Path) -> None:
    (file,) = rendered("cron", Job("tuner-bench", Timetable("1 2 * * *"), (), tmp_path))
    line = file.text.splitlines()[2].removeprefix("1 2 * * * ")
    program = line.split("mkdir -p .tuner && ")[1].split(" bench")[0]
    failing = line.replace(program, "sh -c 'echo p95 regressed; exit 99' --", 1)
    done = subprocess.run(["sh", "-c", failing], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (99, "p95 regressed\n")


def test_a_command_too_long_for_cron_is_refused() -> None:
    with pytest.raises(UsageError, match="too long for a crontab line"):
        rendered("cron", job(words=("--tag", "x" * 1000)))


def test_what_a_workflow_may_do_is_the_least() -> None:
    for asked, more in ((ON_AWS, {}), (JOBS["all said"], {"pull-requests": "write"})):
        workflow = read("github", asked)
        assert workflow["permissions"] == {}
        wanted = {"contents": "read", "id-token": "write", **more}
        assert workflow["jobs"]["bench"]["permissions"] == wanted
    assert "id-token" not in read("github", job())["jobs"]["bench"]["permissions"]


def test_a_workflow_installs_runs_keeps_and_comments_in_order() -> None:
    steps = read("github", WITH_PULL_REQUESTS)["jobs"]["bench"]["steps"]
    names = [step.get("name") or step["uses"].split("@")[0] for step in steps]
    assert names == [
        "actions/checkout",
        "actions/setup-python",
        "Install tuner",
        "aws-actions/configure-aws-credentials",
        "Fetch the store",
        "Run the suite",
        "Accept it as the baseline",
        "Write the history",
        "Keep the store",
        "Keep the report",
        "Comment on the pull request",
    ]
    always = [step.get("name") for step in steps if "always()" in step.get("if", "")]
    assert always == names[6:]
    (run,) = [step["run"] for step in steps if step.get("name") == "Run the suite"]
    assert shlex.split(run)[:2] == ["tuner", "bench"]


def test_a_store_elsewhere_is_a_secret_and_needs_no_cache() -> None:
    bench = read("github", job("myfunc", secret="STORE"))["jobs"]["bench"]
    assert bench["env"] == {"TUNER_STORE": "${{ secrets.STORE }}"}
    assert not [step for step in bench["steps"] if "cache" in step.get("uses", "")]
    gitlab = read("gitlab", job("myfunc", secret="STORE"))["tuner-bench"]
    assert 'export TUNER_STORE="$STORE"' in gitlab["script"]
    assert "cache" not in gitlab


def test_addresses_that_bench_reads_from_variables_are_secrets_of_the_workflow() -> None:
    words = ("--slack", "env:SLACK_URL", "--webhook=env:HOOK", "--tag", "env: x", "--post")
    bench = read("github", job(words=words))["jobs"]["bench"]
    assert bench["env"] == {
        "SLACK_URL": "${{ secrets.SLACK_URL }}",
        "HOOK": "${{ secrets.HOOK }}",
    }


def test_a_branch_finds_only_its_own_store_and_that_of_the_default_branch() -> None:
    steps = read("github", ON_AWS)["jobs"]["bench"]["steps"]
    (fetch,) = [step["with"] for step in steps if step.get("name") == "Fetch the store"]
    (keep,) = [step["with"] for step in steps if step.get("name") == "Keep the store"]
    assert fetch["key"] == keep["key"]
    first, second = fetch["restore-keys"].split()[0], fetch["restore-keys"].splitlines()[1]
    assert fetch["key"].startswith("tuner-bench/${{ github.ref_name }}/") and first
    assert second.startswith("tuner-bench/") and second.endswith("default_branch }}/")


COMMENTS = """
const { readFileSync, writeFileSync } = require('fs')
const made = [], changed = []
let comments = JSON.parse(process.env.COMMENTS)
const context = { serverUrl: 'https://github.com', runId: 7, issue: { number: 3 },
                  repo: { owner: 'team', repo: 'app' } }
const github = { paginate: async () => comments, rest: { issues: {
  listComments: null,
  createComment: async (c) => made.push(c), updateComment: async (c) => changed.push(c) } } }
const script = readFileSync(process.argv[2], 'utf8')
new (async () => {}).constructor('github', 'context', 'require', script)(github, context, require)
  .then(() => console.log(JSON.stringify({ made, changed })))
"""


@pytest.mark.parametrize(
    ("comments", "made", "changed"),
    [
        ([], 1, 0),
        ([{"id": 5, "user": {"type": "Bot"}, "body": "<!-- tuner-bench -->\nold"}], 0, 1),
        ([{"id": 5, "user": {"type": "User"}, "body": "<!-- tuner-bench -->\nquoted"}], 1, 0),
        ([{"id": 5, "user": {"type": "Bot"}, "body": "another"}], 1, 0),
    ],
)
def test_the_comment_is_made_once_and_then_changed(
    comments: list[object], made: int, changed: int, tmp_path: Path
) -> None:
    step = read("github", WITH_PULL_REQUESTS)["jobs"]["bench"]["steps"][-1]
    (tmp_path / "step.js").write_text(step["with"]["script"])
    (tmp_path / "run.cjs").write_text(COMMENTS)
    (tmp_path / "tuner-bench.md").write_text("p95 regressed")
    environment = {**step["env"], "COMMENTS": json.dumps(comments)}
    monkey = pytest.MonkeyPatch()
    with monkey.context() as patch:
        patch.chdir(tmp_path)
        for name, value in environment.items():
            patch.setenv(name, value)
        said = json.loads(checked(["node", "run.cjs", "step.js"], "Debian package nodejs"))
    assert (len(said["made"]), len(said["changed"])) == (made, changed)
    (comment,) = said["made"] + said["changed"]
    assert comment["body"].startswith("<!-- tuner-bench -->\np95 regressed\n")
    assert "https://github.com/team/app/actions/runs/7" in comment["body"]


@pytest.mark.parametrize("opened", [False, True])
def test_a_role_trusts_one_branch_and_where_asked_pull_requests(opened: bool) -> None:
    stack = read("github-role", job("myfunc", repository="team/app", pull_requests=opened))
    assert stack["Parameters"]["Repository"]["Default"] == "team/app"
    (trust,) = stack["Resources"]["Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": [
                {"!Sub": "repo:${Repository}:ref:refs/heads/${Branch}"},
                *([{"!Sub": "repo:${Repository}:pull_request"}] if opened else []),
            ],
        }
    }


def test_a_role_for_a_gitlab_of_one_s_own_trusts_its_tokens() -> None:
    of = job("myfunc", gitlab="https://git.example.com/", pull_requests=True)
    trust = read("gitlab-role", of)["Resources"]["Role"]["Properties"]["AssumeRolePolicyDocument"]
    (statement,) = trust["Statement"]
    aud = {"git.example.com:aud": "https://git.example.com"}
    assert statement["Condition"]["StringEquals"] == aud


@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_pull_requests_run_where_they_need_no_role_or_may_have_it(kind: str) -> None:
    event = {"github": "pull_request", "gitlab": "merge_request_event"}[kind]
    for of, runs in ((ON_AWS, False), (WITH_PULL_REQUESTS, True), (job(), True)):
        (file,) = rendered(kind, of)
        assert (event in file.text) is runs
    with pytest.raises(UsageError, match="do not get the role"):
        rendered(kind, replace(ON_AWS, against="git:{base}"))


@pytest.mark.parametrize("words", [(), ("--branch", "next")])
def test_the_branch_is_told_where_no_repository_does(words: tuple[str, ...]) -> None:
    wanted = ("--branch", words[1] if words else "main")
    task = read("fargate", job(words=words))["Resources"]["Task"]["Properties"]
    command = task["ContainerDefinitions"][0]["Command"]
    at = command.index("--branch")
    assert tuple(command[at : at + 2]) == wanted and command.count("--branch") == 1
    project = read("codebuild", job(words=words))["Resources"]["Project"]["Properties"]
    steps = YAML(typ="safe").load(project["Source"]["BuildSpec"])["phases"]["build"]["commands"]
    assert steps[0].endswith(' --branch "$BRANCH"') is not bool(words)


@pytest.mark.parametrize("kind", ["github-role", "codebuild", "fargate"])
def test_the_suite_s_rights_name_its_functions_only(kind: str) -> None:
    roles = read(kind, ON_AWS)["Resources"]["Role"]["Properties"]["Policies"]
    (bench,) = [role["PolicyDocument"] for role in roles if role["PolicyName"] == "bench"]
    allowed = {
        resource if isinstance(resource, str) else resource["Fn::Sub"]
        for statement in bench["Statement"]
        if "lambda:InvokeFunction" in statement["Action"]
        for resource in statement["Resource"]
    }
    ours = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:myfunc"
    other = "arn:aws:lambda:eu-west-1:123456789012:function:other"
    assert {ours, f"{ours}:*", other, f"{other}:*"} <= allowed
    named = {name.split(":function:")[1].split(":")[0] for name in allowed}
    assert named <= {"myfunc", "other", "tuner-*"}


@pytest.mark.parametrize("kind", ["github-role", "gitlab-role", "codebuild", "fargate"])
def test_no_role_may_pass_a_role_or_make_a_function_unless_one_is_named(kind: str) -> None:
    role = "arn:aws:iam::123456789012:role/orders"
    suites = {None: suite_policy(["myfunc"]), role: suite_policy(["myfunc"], role)}
    for named, document in suites.items():
        roles = read(kind, replace(ON_AWS, policy=document))["Resources"]["Role"]["Properties"]
        statements = [s for p in roles["Policies"] for s in p["PolicyDocument"]["Statement"]]
        passing = [s["Resource"] for s in statements if "iam:PassRole" in s["Action"]]
        assert passing == ([] if named is None else [[role]])
        made = [s for s in statements if "lambda:CreateFunction" in s["Action"]]
        assert bool(made) is (named is not None)


def test_every_action_of_a_workflow_is_pinned_by_commit() -> None:
    (workflow,) = rendered("github", WITH_PULL_REQUESTS)
    used = re.findall(r"uses: (\S+)(.*)", workflow.text)
    assert len(used) == 7
    for action, version in used:
        assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", version), action


def test_a_role_of_gitlab_trusts_one_branch() -> None:
    for opened, how, branch in ((False, "StringEquals", "main"), (True, "StringLike", "*")):
        stack = read("gitlab-role", job("myfunc", pull_requests=opened))
        (trust,) = stack["Resources"]["Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        subject = trust["Condition"][how]["gitlab.com:sub"]
        assert subject == {"!Sub": "project_path:${Project}:ref_type:branch:ref:${Branch}"}
        assert stack["Parameters"]["Branch"]["Default"] == branch


def test_a_schedule_of_event_bridge_has_the_time_and_its_zone() -> None:
    berlin = Job("b", Timetable("5 4 * * 1-5", "Europe/Berlin"), requirement="tuner==1")
    properties = read("codebuild", berlin)["Resources"]["Schedule"]["Properties"]
    assert properties["ScheduleExpression"] == "cron(5 4 ? * MON,TUE,WED,THU,FRI *)"
    assert properties["ScheduleExpressionTimezone"] == "Europe/Berlin"


@pytest.mark.parametrize(
    ("kind", "of", "says"),
    [
        (
            "github",
            Job("b", Timetable("*/2 * * * *"), requirement="x"),
            "more frequent than GitHub",
        ),
        ("github", Job("b", Timetable("1 2 * * *", "Europe/Berlin")), "not supported by GitHub"),
        ("cron", Job("b", Timetable("1 2 * * *", "UTC")), "not supported by crontab"),
        ("gitlab", Job("b", Timetable("1 2 * * *")), "--pip: is required"),
        ("fargate", job(secret="store"), "must be an ARN"),
        ("github", job(secret="a}} b"), "not a valid secret name"),
        ("gitlab", job(secret=SECRET), "not a valid secret name"),
        ("gitlab-role", job("f", gitlab="http://x"), "not a GitLab address"),
        ("jenkins", job(), "not a known scheduler"),
        *(("systemd", replace(ON_AWS, directory=Path(f"/a{c}b")), "control") for c in "\n\r\0\x1b"),
        *(("cron", replace(ON_AWS, directory=Path(f"/a{c}b")), "control") for c in "\n\r\0\x1b"),
        ("systemd", replace(ON_AWS, directory=Path("/a\\")), "ends as no line"),
        ("systemd", replace(ON_AWS, directory=Path("/a ")), "ends as no line"),
        *((kind, replace(ON_AWS, words=("--only", "a\nb: /x")), "control") for kind in KINDS),
        *((kind, replace(ON_AWS, words=("--only", "\udcff")), "no Unicode") for kind in KINDS),
        ("gitlab", replace(ON_AWS, requirement="x\u2028y"), "control"),
    ],
)
def test_what_a_scheduler_cannot_do_is_refused(kind: str, of: Job, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        rendered(kind, of)


#: What begins something in a shell, a crontab, a unit, a workflow or a template.
STARTS = ["${{ secrets.X }}", "${{", "}}", "$$", "%i", "$(id)", "`id`", "\\", "'", '"', "#", "!Sub"]
WORD = st.lists(
    st.characters(
        exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="\ufeff\ufffe\uffff"
    )
    | st.sampled_from(STARTS),
    max_size=9,
).map("".join)


@given(st.lists(WORD, max_size=3).map(tuple))
@example(ODD_WORDS)
@example(("a: [b", "- x", "'${{ ''{{' }}'", "\U0001f600", "{{", ""))
def test_every_scheduler_runs_each_word_as_it_is(words: tuple[str, ...]) -> None:
    of = replace(WITH_PULL_REQUESTS, words=words)
    wanted = ["bench", *words, "--no-progress"]
    (crontab,) = rendered("cron", of)
    line = crontab.text.split("\n")[2].split("mkdir -p .tuner && ")[1].rsplit(" >>", 1)[0]
    service, _ = rendered("systemd", of)
    (run,) = [
        step["run"]
        for step in read("github", of)["jobs"]["bench"]["steps"]
        if step.get("name") == "Run the suite"
    ]
    project = read("codebuild", of)["Resources"]["Project"]["Properties"]["Source"]["BuildSpec"]
    task = read("fargate", of)["Resources"]["Task"]["Properties"]["ContainerDefinitions"][0]
    said = [
        shlex.split(line.replace("\\%", "%")),
        _exec_start(service.text),
        shlex.split(_evaluated(run)),
        shlex.split(read("gitlab", of)["tuner-bench"]["script"][0].removeprefix("status=0; ")),
        shlex.split(YAML(typ="safe").load(project)["phases"]["build"]["commands"][0]),
        task["Command"],
    ]
    assert [each[1 : len(wanted) + 1] for each in said] == [wanted] * len(said)


def _evaluated(text: str) -> str:
    """What GitHub makes of a text: expressions are read from ``${{`` to the next ``}}`` that is not
    in quotes, and ours are texts in quotes."""
    parts = re.split(r"\$\{\{ '((?:[^']|'')*)' \}\}", text)
    assert "${{" not in "".join(parts[::2])
    return "".join(parts)


def _exec_start(unit: str) -> list[str]:
    """The words of a unit's command, as systemd.service(5) and systemd.syntax(7) read them."""
    (line,) = re.findall("^ExecStart=(.*)$", unit, re.M)
    quoted = re.findall(r'"((?:[^"\\]|\\.)*)"(?: |$)', line)
    assert " ".join(f'"{word}"' for word in quoted) == line
    meaning = {"%%": "%", "$$": "$", "\\\\": "\\", '\\"': '"'}
    return [re.sub(r"%.|\$.|\\.", lambda found: meaning[found[0]], word) for word in quoted]


@pytest.mark.parametrize("name", ["", "1a", "a b", "x" * 41, "a;b", "../a", "ä"])
def test_a_name_that_some_scheduler_would_not_take_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="not a valid name"):
        checked_name(name)


def test_every_template_is_used() -> None:
    folder = Path(__file__).parents[3] / "tuner/schedule/templates"
    used = {template for kind in KINDS.values() for template in kind.files.values()}
    assert {path.name for path in folder.glob("*.j2")} == used | {"alarm.j2"}
