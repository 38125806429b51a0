"""`tuner.toml` of a folder runs, sends and writes nothing elsewhere unless the user lets it."""

import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.commands import Run
from support.factories import a_run, a_sample
from tuner import bench
from tuner.api.trust import begin, refuse_foreign
from tuner.errors import UsageError
from tuner.options.option import options_of
from tuner.options.output import Stored
from tuner.options.suites import BenchCommand
from tuner.options.sweep import SweepOptions
from tuner.records import RunRecord
from tuner.store.runs import Store

PRE = '[defaults]\npre = "touch pwned; cat"\n'
SWEEP = ("sweep", "replay:rec.csv", "--memory", "recorded", "--quiet")
SUITE = '[suite]\ngates = ["p50 +50%"]\n[[case]]\nname = "a"\ntarget = "orders"\n'


@pytest.fixture(autouse=True)
def _user(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path_factory.mktemp("config")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    Path("rec.csv").write_text("memory_mb,duration_ms\n512,100\n512,101\n")
    return home


def refused(tuner: Run, *words: str) -> str:
    code, out, err = tuner(*words)
    assert (code, out) == (2, "")
    assert err.splitlines()[1] == (
        "Run `tuner trust` to allow it, or leave it out; TUNER_TRUST=1 in CI."
    )
    return err.splitlines()[0]


def test_a_command_in_the_file_is_refused_in_two_lines(tuner: Run) -> None:
    Path("tuner.toml").write_text(PRE)
    text = "tuner: tuner.toml: names pre = 'touch pwned; cat', which runs a command."
    for words in (SWEEP, (*SWEEP, "--yes"), ("load", "demo:io", "--rate", "1")):
        assert refused(tuner, *words) == text
    assert not Path("pwned").exists() and not Path(".tuner").exists()


def test_what_the_command_does_not_use_is_not_asked_about(tuner: Run) -> None:
    Path("tuner.toml").write_text(f"{PRE}[defaults.load]\nurl = 'http://evil.example'\n")
    assert tuner("runs")[0] == 1  # there are none
    assert "cannot be used with a recording" in tuner(*SWEEP, "--pre", "true")[2]
    assert tuner("sweep", "--help")[0] == 0


def test_trust_is_for_these_values_in_this_file_until_it_ends(tuner: Run, _user: Path) -> None:
    Path("tuner.toml").write_text(PRE)
    code, out, _ = tuner("trust", "--show")
    assert (code, out.splitlines()[1:]) == (
        0,
        ["  pre = 'touch pwned; cat', which runs a command", "Not trusted."],
    )
    assert tuner("trust")[1].endswith("Trusted; --revoke ends that.\n")
    kept = _user / "tuner/trusted.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert list(json.loads(kept.read_text())["files"]) == [str(Path("tuner.toml").resolve())]
    assert "cannot be used with a recording" in tuner(*SWEEP)[2]
    Path("tuner.toml").write_text(f"{PRE}seed = 1\n")  # nothing that was asked about
    assert "cannot be used with a recording" in tuner(*SWEEP)[2]
    Path("tuner.toml").write_text(f"{PRE}post = 'true'\n")
    assert refused(tuner, *SWEEP).endswith("(and 1 more).")
    Path("tuner.toml").write_text(PRE)
    assert tuner("trust", "--revoke")[1] == "tuner.toml is not trusted any longer.\n"
    refused(tuner, *SWEEP)
    kept.write_text('{"files": [1]}')
    refused(tuner, *SWEEP)
    Path("elsewhere").mkdir()
    Path("elsewhere/tuner.toml").write_text(PRE)
    assert tuner("trust", "--suite", "elsewhere/tuner.toml")[0] == 0
    refused(tuner, *SWEEP)


def test_ci_trusts_by_a_variable(tuner: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("tuner.toml").write_text(PRE)
    monkeypatch.setenv("TUNER_TRUST", "0")
    refused(tuner, *SWEEP)
    monkeypatch.setenv("TUNER_TRUST", "1")
    assert "cannot be used with a recording" in tuner(*SWEEP)[2]


def test_on_a_terminal_the_command_asks_once(tuner: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("tuner.toml").write_text("[defaults]\noutput = '../elsewhere'\n")

    def typed(text: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
        return tuner(*SWEEP)

    code, _, err = typed("n\n")
    assert code == 2
    assert "output = '../elsewhere', which is written, and is not in this folder" in err
    assert not Path("../elsewhere").exists()
    assert typed("y\n")[0] == 0
    assert len(list(Path("../elsewhere").iterdir())) == 1
    assert typed("")[0] == 0


@pytest.mark.parametrize(
    "line",
    [
        "store = 'postgresql+psycopg://evil.example/runs'",
        "store = 'sqlite:////tmp/runs.db'",
        "store = '../runs.db'",
        "endpoint-url = 'http://evil.example'",
        "assume_role = 'arn:aws:iam::123456789012:role/evil'",
        "profile = 'production'",
        "isolation = 'in-place'",
        "payload = '@../../secret'",
        "payload = 's3://private/object'",
        "payloads = '/etc/passwd'",
        "power_tuning_input = 'input.json'",
        "output = 'link/reports'",
        "json = '/tmp/found.json'",
    ],
)
def test_every_key_that_acts_elsewhere_is_named(tuner: Run, line: str) -> None:
    Path("link").symlink_to("..")
    Path("tuner.toml").write_text(f"[defaults.sweep]\n{line}\n")
    key = line.partition(" ")[0].replace("-", "_")
    assert refused(tuner, *SWEEP[:-1]).startswith(f"tuner: tuner.toml: names {key} = ")


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (("load", "demo:io"), "locustfile = 'users.py'"),
        (("load", "demo:io", "--rate", "1"), "expect_workers = 1"),
        (("load", "demo:io", "--rate", "1"), "web_host = '0.0.0.0'"),
        (("load", "demo:io", "--rate", "1"), "url = 'http://evil.example'"),
        (("worker",), "master = 'evil.example'"),
        (("local",), "host = '0.0.0.0'"),
        (("local",), "sqs_endpoint = 'http://evil.example'"),
        (("local",), "s3_endpoint = 'http://evil.example'"),
        (("local",), "node = './node'"),
        (("bench",), "webhook = 'https://evil.example'"),
        (("bench",), "slack = 'env:HOME'"),
        (("bench",), "junit = '../junit.xml'"),
        (("load", "demo:io", "--rate", "1"), "secret_file = 'secret'"),
        (("load", "demo:io", "--rate", "1"), "url_auth = 'iam'"),
        (("cold", "demo:io"), "variants = 'on-demand,provisioned=5'"),
        (("apply", "last"), "alias = 'live'"),
        (("apply", "last"), "publish = true"),
        (("apply", "last"), "undo = true"),
        (("schedule", "cron"), "install = true"),
        (("schedule", "cron"), "remove = true"),
        (("schedule", "github"), "pull_requests = true"),
        (("schedule", "github"), "branch = 'evil'"),
        (("schedule", "github"), "store_secret = 'DEPLOY_KEY'"),
        (("schedule", "cron"), "pip = 'evil'"),
        (("schedule", "github"), "output = '../bench.yml'"),
    ],
)
def test_so_is_that_of_other_commands(tuner: Run, command: tuple[str, ...], line: str) -> None:
    Path("tuner.toml").write_text(f"[defaults.{command[0]}]\n{line}\n{SUITE}")
    assert f"tuner.toml: names {line.partition(' ')[0]}" in tuner(*command)[2]


def test_what_stays_in_the_folder_needs_no_trust(tuner: Run) -> None:
    Path("tuner.toml").write_text(
        "[defaults.sweep]\nstore = 'sqlite:///runs.db'\noutput = 'pages'\npayload = '{}'\n"
        "json = './found.json'\n"
    )
    assert tuner(*SWEEP)[0] == 0
    assert Path("runs.db").exists() and Path("pages").exists() and Path("found.json").exists()
    assert tuner("trust")[1] == "tuner.toml names nothing that you have to allow.\n"


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ("endpoint_url = 'http://evil.example'", "endpoint_url"),
        ("assume_role = 'arn:aws:iam::123456789012:role/evil'", "assume_role"),
        ("payload = '@/etc/passwd'", "payload"),
        ("profile = 'production'", "profile"),
        ("[environments.prod]\nprofile = 'production'", "profile"),
        ("against = 'other.zip'", "against"),
        ("against = 'other'", "against"),
        ("against = 'local:other'", "against"),
        ("against = ' git:HEAD:other'", "against"),
        ("[environments.prod]\nendpoint_url = 'http://evil.example'", "endpoint_url"),
    ],
)
def test_a_suite_is_asked_about_too(tuner: Run, more: str, what: str) -> None:
    Path("other").mkdir()
    Path("tuner.toml").write_text(f"{SUITE}{more}\n")
    assert f"names {what} = " in refused(tuner, "bench")
    assert f"names {what} = " in refused(tuner, "schedule", "cron")
    with pytest.raises(UsageError, match="names"):
        bench()
    Path("tuner.toml").rename("other.toml")
    code, _, err = tuner("bench", "--suite", "other.toml")
    assert code == 2 and "Run `tuner trust --suite other.toml` to allow it" in err


@pytest.mark.parametrize("where", ["local:../other", "local:link", "local:~/app"])
def test_a_suite_that_measures_code_of_another_folder_is_asked_about(
    tuner: Run, where: str
) -> None:
    Path("link").symlink_to("..")
    Path("tuner.toml").write_text(SUITE.replace('"orders"', f'"{where}"'))
    assert "which is code of another folder" in refused(tuner, "bench")
    Path("tuner.toml").write_text(f"{SUITE}[environments.prod.targets]\norders = '{where}'\n")
    assert "(environments.prod), which is code of another folder" in refused(tuner, "bench")


def test_code_to_compare_with_is_asked_about_where_the_suite_is_another_file(tuner: Run) -> None:
    Path("evil.zip").touch()
    Path("tuner.toml").write_text('[defaults]\nagainst = "./evil.zip"\n')
    Path("other.toml").write_text(SUITE)
    assert "names against = " in tuner("bench", "--suite", "other.toml")[2]


def test_a_byte_order_mark_hides_nothing(tuner: Run) -> None:
    Path("other.toml").write_text(f"\ufeff{SUITE}endpoint_url = 'http://evil.example'\n")
    assert "names endpoint_url = " in tuner("bench", "--suite", "other.toml")[2]


def test_a_suite_may_compare_this_folders_own_code(tuner: Run) -> None:
    text = SUITE.replace('"orders"', '"local:src"')
    Path("tuner.toml").write_text(f"{text}against = 'git:main'\n")
    assert "names" not in tuner("bench")[2]


def stored(**options: Any) -> RunRecord:
    run = a_run(target="demo:io", options=SweepOptions("demo:io").stored() | options)
    with Store.open(None) as store:
        store.start(run)
    return run


@pytest.mark.parametrize(
    ("options", "does"),
    [
        ({"pre": "touch pwned; cat"}, "which runs a command"),
        ({"endpoint_url": "http://evil.example"}, "is sent the calls and your session token"),
        ({"profile": "production"}, "says whose credentials are used"),
    ],
)
def test_a_run_that_came_with_the_folder_is_not_gone_on_with(
    tuner: Run, options: dict[str, Any], does: str
) -> None:
    run = stored(**options)
    code, out, err = tuner("sweep", "--resume", "last")
    assert (code, out) == (2, "") and f"run {run.run}: names {next(iter(options))} = " in err
    assert does in err and "you did not begin it on this machine" in err
    assert not Path("pwned").exists()


def test_nothing_is_applied_where_only_a_foreign_run_says(tuner: Run) -> None:
    url = "http://evil.example"
    run = a_run(target="orders", options=SweepOptions("orders").stored() | {"endpoint_url": url})
    with Store.open(None) as store:
        store.start(run)
        store.add(run.run, [a_sample(memory_mb=512)])
    code, _, err = tuner("apply", "last", "--memory", "512")
    assert code == 2 and f"names endpoint_url = '{url}'" in err
    begin_and_check(run)


def begin_and_check(run: RunRecord) -> None:
    """Sealed by this user it is used; with other values, or in another run, it is not."""
    with Store.open(None) as store:
        begin(store, run)
        kept = store.stored(run.run)
    refuse_foreign(kept)
    for other in (
        replace(run, options={**run.options, "endpoint_url": "http://other.example"}),
        replace(run, options={**run.options, "pre": "id"}),
        replace(run, run="01JDS0000000000000000000ZZ"),
    ):
        with pytest.raises(UsageError, match="you did not begin it"):
            refuse_foreign(replace(kept, run=other))


def test_a_run_of_ones_own_is_gone_on_with(tuner: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("--method", "grid", "--memory", "512", "--samples", "1", "--cold", "0", "--yes", "-q")
    assert tuner("sweep", "demo:io", *words, "--pre", "touch ran; cat")[0] == 0
    Path("ran").unlink()
    assert tuner("sweep", "--resume", "last", "-q")[0] == 0
    monkeypatch.setenv("XDG_STATE_HOME", str(Path("another").resolve()))
    assert "did not begin it" in tuner("sweep", "--resume", "last", "-q")[2]
    monkeypatch.setenv("TUNER_TRUST", "1")
    assert tuner("sweep", "--resume", "last", "-q")[0] == 0


def test_the_file_cannot_say_how_it_is_trusted(tuner: Run) -> None:
    Path("tuner.toml").write_text("[defaults.trust]\nshow = true\n")
    assert "'show' is no option of `tuner trust`" in tuner("trust")[2]


def test_what_git_reads_is_no_part_of_the_folder(tuner: Run) -> None:
    Path(".git/hooks").mkdir(parents=True)
    Path("tuner.toml").write_text("[defaults]\njson = '.git/hooks/pre-commit'\n")
    assert "names json = '.git/hooks/pre-commit'" in refused(tuner, *SWEEP)


def test_options_that_reach_out_say_so_where_they_are_declared() -> None:
    assert options_of(Stored)["store"].risks("postgresql://a/b") == "is where runs are kept"
    assert options_of(BenchCommand)["against"].risks("live") == ""
    assert options_of(BenchCommand)["post"].risks(True) == ""
