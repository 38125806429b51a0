"""What README and documentation say to type really runs: a folder a page, in the page's order.

A name of AWS's is a function on a local Lambda. Options that are added cut long runs short. What
cannot run here is listed with the reason.
"""

import gzip
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import tuner as package
from support.account import serving, three_functions
from support.commands import Run
from support.documentation import PAGES, blocks, commands, expressions
from support.local_lambda import (
    ROLE,
    boto3_client,
    running_local_lambda,
    wait_until_settled,
    zipped,
)
from support.receiver import Receiver, receiving
from tuner.store.runs import Store

pytestmark = [
    pytest.mark.slow,
    *(
        pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not installed")
        for name in ("git", "gcc")
    ),
]

METRICS = "reads CloudWatch, which is not on a local Lambda"
MACHINES = "needs other machines: test_distributed_doc.py runs both ends on one"
#: The beginnings of what is not run, and why.
NOT_RUN = {
    "tuner apply last --alias live --steps": METRICS,
    "tuner load myfunc --rate 20000": MACHINES,
    "tuner worker": MACHINES,
}
#: Lines of other programs, by their first word: none of them is ours to test.
OTHERS = {
    "python3": "makes an environment, as .ci/run does",
    ".venv/bin/pip": "installs",
    "pip": "installs",
    "pipx": "installs",
    "uv": "installs",
    "uvx": "installs: tests/bench/test_first_row.py does the same with pip",
    "docker": "needs Docker; test_distributed_doc.py runs what its containers run",
    "export": "a secret",
    "locust": "needs another machine: test_distributed_doc.py",
    "#!/bin/sh": "a script, which test_distributed_doc.py runs",
    "GOOS=linux": "another compiler",
    "cargo": "another compiler",
    "gcc": "run before the page begins",
    "echo": "the shell's",
    ".venv/bin/ruff": "a linter: .ci/run runs it",
    ".venv/bin/pytest": "the tests themselves",
}
#: What stands in a page for something of the reader's, and what is taken for it here.
STANDS_FOR = {
    "postgresql+psycopg://me@db.example/tuner": "sqlite:///team.db",
    "http://127.0.0.1:3001": "{aws}",
    "http://localhost:4318": "{receiver}",
    "https://abc.lambda-url.eu-west-1.on.aws": "{receiver}",
    "snapstart,provisioned=5": "provisioned=1",  # the local Lambda takes no snapshots
    "01K3ABC": "{run}",  # the run before the last
}
#: Left out: it would change this machine's own schedule.
LEFT_OUT = {"--install"}
#: Added to a command, by its beginning, the longest first: the same in less time.
SHORTER = {
    "tuner sweep": "--max-time 5s --yes",
    "tuner sweep replay:": "",
    "tuner sweep myfunc --profile-load": "--max-time 20s --duration 1s --memory 256,512 --yes",
    "tuner cold": "--cold 2 --yes",
    "tuner load": "--duration 1s --yes",
    "tuner load myfunc --find-limit": "--rate 60 --duration 1s --max-concurrency 1 --yes",
    "tuner bench --": "--max-time 5s",
    "tuner forecast": "--duration 2m",
}
#: Exit codes beside 0: with partial data, since it is short; a gate of a busy machine.
ENDS = {3, 99}
#: Shows a change, and says that nothing was done.
SHOWS = ["tuner", "apply", "last"]

HANDLER = """
import time


def handler(event, context):
    until = time.process_time() + 0.002
    while time.process_time() < until:
        pass
    time.sleep(0.005)
    return {"ok": True, "id": "7", "statusCode": 200}
"""
NATIVE = Path(__file__).parents[1] / "handlers" / "native" / "bootstrap.c"
TEMPLATE = """
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: myfunc, Handler: app.handler, Runtime: python3.13, MemorySize: 512}
"""
COMMITS = (
    ["git", "init", "-q", "-b", "main"],
    ["git", "add", "src"],
    ["git", "-c", "user.name=a", "-c", "user.email=b", "commit", "-qm", "one"],
    ["git", "update-ref", "refs/remotes/origin/main", "main"],
)
COMPILE = ["gcc", "-O2", "-D_GNU_SOURCE", "-o", "build/bootstrap", "bootstrap.c"]


@dataclass(frozen=True)
class Reader:
    """Where a reader of a page is: a folder with a store, and a local Lambda for AWS."""

    folder: Path
    aws: str


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """What a reader has before a page begins: code, events, recordings, stored sweeps."""
    folder = tmp_path_factory.mktemp("reader")
    _furnish(folder)
    with running_local_lambda("--time-scale", "60") as url, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("AWS_ENDPOINT_URL_LAMBDA", url)
        patch.setenv("AWS_ACCESS_KEY_ID", "any")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "any")
        patch.setenv("AWS_REGION", "eu-west-1")
        _create(url, "myfunc", "orders")
        package.sweep("myfunc", method="grid", memory="512,1024", samples=6, output=None)
        yield Reader(folder, url)


def _create(url: str, *names: str) -> None:
    client = boto3_client(url)
    for name in names:
        client.create_function(
            FunctionName=name,
            Runtime=f"python3.{sys.version_info.minor}",
            Handler="app.handler",
            Role=ROLE,
            MemorySize=512,
            Code={"ZipFile": zipped({"app.py": HANDLER})},
        )
        wait_until_settled(client, name)


def _enlarge(url: str, name: str) -> None:
    """Give a function a size that no sweep recommends: there is something to apply."""
    client = boto3_client(url)
    client.update_function_configuration(FunctionName=name, MemorySize=1536)
    wait_until_settled(client, name)


def _furnish(folder: Path) -> None:
    sizes, calls = (128, 256, 512, 1024), range(20)
    rows = [f"orders,{mb},{20 + 90_000 / mb + call}" for mb in sizes for call in calls]
    reports = [
        f"REPORT RequestId: {call}\tDuration: {40_000 / mb:.2f} ms\tBilled Duration: "
        f"{40_000 // mb + 1} ms\tMemory Size: {mb} MB\tMax Memory Used: 40 MB\t"
        for mb in sizes
        for call in calls
    ]
    stats = [{"value": mb, "averagePrice": mb * 1e-9, "averageDuration": 9e3 / mb} for mb in sizes]
    users = [{"id": number, "email": f"{number}@x.io"} for number in range(500)]
    files = {
        "src/app.py": HANDLER,
        "bootstrap.c": NATIVE.read_bytes(),
        "build/old.zip": zipped({"app.py": HANDLER}),
        "template.yaml": TEMPLATE,
        "event.json": '{"id": "{{id}}"}',
        "users.csv": "\n".join(["id,email", *(f"{u['id']},{u['email']}" for u in users)]),
        "users.jsonl": "\n".join(map(json.dumps, users)),
        "day.csv": "\n".join(["per_hour", *(str(1_000 * hour) for hour in range(1, 25))]),
        "calls.csv.gz": gzip.compress(
            "\n".join(["function,memory_mb,duration_ms", *rows]).encode()
        ),
        "function.log": "\n".join(reports),
        "power-tuning-output.json": json.dumps(
            {"power": 128, "cost": 1e-7, "duration": 70.3, "stats": stats}
        ),
        "input.json": json.dumps({"lambdaARN": "myfunc", "powerValues": [128, 512], "num": 5}),
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    for program in (*COMMITS, COMPILE):
        subprocess.run(program, cwd=folder, check=True)


def _is_run(text: str) -> bool:
    return not any(text.startswith(beginning) for beginning in NOT_RUN)


def _typed(words: list[str], reader: Reader, receiver: Receiver) -> list[str]:
    """The words of a page with what they stand for, and shorter."""
    text = " ".join(words)
    added = max((begin for begin in SHORTER if text.startswith(begin)), key=len, default=None)
    with Store.open() as store:
        run = store.runs(limit=2)[-1].run
    for name, place in STANDS_FOR.items():
        meant = place.format(aws=reader.aws, receiver=receiver.url, run=run)
        words = [word.replace(name, meant) for word in words]
    return [w for w in words if w not in LEFT_OUT] + (SHORTER[added].split() if added else [])


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving() as made:
        monkeypatch.setenv("SLACK_URL", made.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", made.url)
        yield made


@contextmanager
def _account(text: str) -> Iterator[None]:
    """An account that logs, for what surveys one: a local Lambda has neither metrics nor tags."""
    if not text.startswith(("tuner fleet", "tuner.survey")):
        yield
        return
    account = three_functions(1_000_000)
    account.add("orders-api", calls=1_000.0)
    shop = {"aws:cloudformation:stack-name": "shop", "team": "shop"}
    account.tagged = dict.fromkeys(account.functions, shop)
    with serving(account) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_LAMBDA", url)
        patch.setenv("AWS_ENDPOINT_URL", url)
        yield


def _tag(suite: Path) -> None:
    """Give the case of a suite the tags that pages select by."""
    text = suite.read_text()
    assert '# tags = ["nightly"]' in text
    suite.write_text(text.replace('# tags = ["nightly"]', 'tags = ["nightly", "fast"]'))


@pytest.mark.parametrize("name", [name for name, page in PAGES.items() if commands(page)])
def test_each_command_of_a_page_runs_in_its_order(
    name: str, tuner: Run, tmp_path: Path, reader: Reader, receiver: Receiver
) -> None:
    shutil.copytree(reader.folder, tmp_path, dirs_exist_ok=True)
    _enlarge(reader.aws, "myfunc")
    for code in blocks(PAGES[name], "python"):
        (tmp_path / "shop.py").write_text(code)
    if "bench init" not in PAGES[name]:
        ours = any(word.startswith("git:") for words in commands(PAGES[name]) for word in words)
        tuner("bench", "init", "local:./src" if ours else "myfunc")
        _tag(tmp_path / "tuner.toml")
    for words in commands(PAGES[name]):
        if not _is_run(" ".join(words)):
            continue
        typed = _typed(words, reader, receiver)
        with _account(" ".join(words)):
            code, out, err = tuner(*typed[1:])
        assert code in ({1} if words == SHOWS else {0, *ENDS}), f"{typed}: {code}\n{out}\n{err}"
        assert out or err, typed
        for file in re.findall(
            r"(?<= )[\w./-]+\.(?:md|xml|json|csv|parquet|prom|yml|yaml)\b", " ".join(typed)
        ):
            assert Path(file).exists(), f"{typed}: {file}"
        if words[1:3] == ["bench", "init"]:
            _tag(tmp_path / "tuner.toml")


@pytest.mark.parametrize(
    "expression", sorted({e for page in PAGES.values() for e in expressions(page) if _is_run(e)})
)
def test_each_expression_in_python_gives_a_document(
    expression: str, tmp_path: Path, reader: Reader
) -> None:
    shutil.copytree(reader.folder, tmp_path, dirs_exist_ok=True)
    short = expression.replace('"demo:cpu",', '"demo:cpu", max_time="5s",')
    with _account(expression):
        made = eval(short, {"tuner": package})
    assert made.to_dict()["schema"].startswith("tuner.")


@pytest.mark.parametrize(
    "document", [block for page in PAGES.values() for block in blocks(page, "json")]
)
def test_payloads_of_a_page_are_taken(
    document: str, tuner: Run, tmp_path: Path, reader: Reader
) -> None:
    (tmp_path / "payloads.json").write_text(document)
    short = ("--memory", "512", "--method", "grid", "--samples", "6")
    code, out, err = tuner("sweep", "myfunc", "--payloads", "payloads.json", *short)
    assert code == 0, err
    assert json.loads(document)[0]["name"] in out


def test_what_is_not_run_is_on_a_page() -> None:
    texts = [" ".join(words) for page in PAGES.values() for words in commands(page)]
    texts += [text for page in PAGES.values() for text in expressions(page)]
    assert not [begin for begin in NOT_RUN if not any(text.startswith(begin) for text in texts)]
    assert sum(map(_is_run, texts)) >= 80


def test_each_line_of_another_program_is_known() -> None:
    lines = [
        line
        for page in PAGES.values()
        for block in blocks(page, "sh")
        for line in block.replace("\\\n", " ").splitlines()
        if not block.startswith("#!") and not re.search(r"(^|bin/)tuner ", line)
    ]
    assert {line.split()[0] for line in lines if line.strip()} <= set(OTHERS)
