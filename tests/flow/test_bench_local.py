"""`tuner bench` on functions that run: versions, packages, revisions, control, and what is left.

The functions sleep for times that are far apart, so that no busy machine can turn a verdict.
"""

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from support.commands import Run

SLEEPS = "import time\n\n\ndef handler(event, context):\n    time.sleep({seconds})\n"

pytestmark = pytest.mark.slow


def suite(case: str) -> None:
    gates = '["p50 +50%", "errors"]'
    Path("tuner.toml").write_text(
        f'[suite]\nmost = 24\n[[case]]\nname = "it"\ngates = {gates}\n{case}\n'
    )


def bench(tuner: Run, *words: str) -> tuple[int, dict[str, Any]]:
    code, out, err = tuner("bench", "--json", "-", "--seed", "5", *words)
    assert out, err
    (case,) = json.loads(out)["cases"]
    return code, case


@pytest.fixture(autouse=True)
def _trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNER_TRUST", "1")  # the suites name the local Lambda's endpoint


@pytest.fixture
def deployed(local_lambda_url: str, lambda_client: Any, new_function: Any) -> tuple[str, str]:
    """A function with versions 1 (10 ms) and 2 (60 ms, as $LATEST is), and its case's text."""
    name = new_function(SLEEPS.format(seconds=0.01), MemorySize=512)
    lambda_client.publish_version(FunctionName=name)
    update(lambda_client, name, SLEEPS.format(seconds=0.06))
    lambda_client.publish_version(FunctionName=name)
    where = f'region = "eu-west-1"\nendpoint_url = "{local_lambda_url}"'
    return name, f'target = "{name}"\n{where}'


def update(client: Any, name: str, source: str) -> None:
    from tests.conftest import wait_until_settled, zipped

    client.update_function_code(FunctionName=name, ZipFile=zipped({"app.py": source}))
    wait_until_settled(client, name)


def picture(client: Any, name: str) -> tuple[Any, ...]:
    """What a bench has to leave as it was."""
    versions = client.list_versions_by_function(FunctionName=name)["Versions"]
    return [(v["Version"], v["MemorySize"], v["CodeSha256"]) for v in versions], sorted(
        f["FunctionName"] for f in client.list_functions()["Functions"]
    )


def test_two_versions_are_called_as_they_are(
    tuner: Run, deployed: tuple[str, str], lambda_client: Any
) -> None:
    name, case = deployed
    suite(case.replace(f'"{name}"', f'"{name}:2"'))
    before = picture(lambda_client, name)
    code, told = bench(tuner, "--against", "1")
    assert (code, told["verdict"], told["before"]["label"]) == (99, "regressed", "1")
    assert picture(lambda_client, name) == before
    suite(case.replace(f'"{name}"', f'"{name}:1"'))
    code, told = bench(tuner, "--against", f"{name}:2")
    assert (code, told["verdict"]) == (0, "improved")
    lambda_client.create_alias(FunctionName=name, Name="live", FunctionVersion="2")
    suite(case.replace(f'"{name}"', f'"{name}:live"'))
    code, told = bench(tuner, "--against", "1")
    assert (code, told["after"]["label"]) == (99, "live")
    code, told = bench(tuner, "--against", "no-such-alias")
    assert code == 1 and told["state"] == "failed"


def test_other_code_runs_as_a_temporary_function_that_is_removed(
    tuner: Run, deployed: tuple[str, str], lambda_client: Any, tmp_path: Path
) -> None:
    from tests.conftest import zipped

    name, case = deployed
    suite(case)
    (tmp_path / "old.zip").write_bytes(zipped({"app.py": SLEEPS.format(seconds=0.01)}))
    before = picture(lambda_client, name)
    code, told = bench(tuner, "--against", "old.zip")
    assert (code, told["verdict"]) == (99, "regressed"), told
    assert picture(lambda_client, name) == before
    assert not list(Path(".tuner/journal").glob("*.jsonl"))


def test_a_control_is_called_beside_and_removed(
    tuner: Run, deployed: tuple[str, str], lambda_client: Any
) -> None:
    name, case = deployed
    suite(f"{case}\nsizes = [1769]")
    before = picture(lambda_client, name)
    code, told = bench(tuner)
    assert (code, told["state"]) == (0, "no baseline") and told["control"]
    assert tuner("bench", "accept", "--branch", "main")[0] == 0
    code, out, _ = tuner("bench", "--seed", "5")
    assert code == 0 and "the machine drifted by " in out
    update(lambda_client, name, SLEEPS.format(seconds=1))  # no machine drifts by that much
    code, told = bench(tuner)
    assert (code, told["verdict"]) == (99, "regressed"), told
    assert 0.2 < told["sizes"][0]["gates"][0]["control_ratio"] < 5.0
    assert [v for v in picture(lambda_client, name)[0] if v[0] != "$LATEST"] == before[0][1:]
    assert picture(lambda_client, name)[1] == before[1]


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_working_copy_is_held_against_a_git_revision(tuner: Run, tmp_path: Path) -> None:
    source = tmp_path / "src"
    source.mkdir()
    (source / "app.py").write_text(SLEEPS.format(seconds=0.01))
    for words in (
        ["init", "-q", "-b", "main"],
        ["add", "src"],
        ["-c", "user.name=a", "-c", "user.email=b", "commit", "-qm", "one"],
    ):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    suite('target = "local:src"\nsizes = [512]')
    (source / "app.py").write_text(SLEEPS.format(seconds=0.06))
    code, told = bench(tuner, "--against", "git:main")
    assert (code, told["verdict"]) == (99, "regressed"), told
    assert told["before"]["commit"] and told["before"]["label"] == "git:main"
    assert len(told["confirming"]) == 2


def test_a_load_is_shared_by_both_sides(tuner: Run, tmp_path: Path) -> None:
    for name, seconds in (("old", 0.01), ("new", 0.2)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "app.py").write_text(SLEEPS.format(seconds=seconds))
    suite('target = "local:new"\nsizes = [1769]\nrate = "10rps"\nduration = "8s"')
    code, told = bench(tuner, "--against", "local:old")
    assert (code, told["verdict"]) == (99, "regressed"), told["sizes"]
    gate = next(g for g in told["sizes"][0]["gates"] if g["gate"] == "errors")
    assert abs(gate["calls"]["before"] - gate["calls"]["after"]) <= 1
    assert gate["calls"]["before"] + gate["calls"]["after"] == 80
    assert len(told["confirming"]) == 2


def test_cold_starts_of_both_sides_are_forced(tuner: Run, tmp_path: Path) -> None:
    for name, seconds in (("old", 0.0), ("new", 0.5)):
        (tmp_path / name).mkdir()
        text = f"import time\n\ntime.sleep({seconds})\n\n\ndef handler(event, context):\n    pass\n"
        (tmp_path / name / "app.py").write_text(text)
    Path("tuner.toml").write_text(
        '[suite]\nmost = 8\ncold = 12\n[[case]]\nname = "it"\ntarget = "local:new"\n'
        'sizes = [1769]\ngates = ["init +50%"]\n'
    )
    code, told = bench(tuner, "--against", "local:old")
    (gate,) = told["sizes"][0]["gates"]
    assert (code, gate["verdict"]) == (99, "regressed"), told
    assert gate["calls"]["after"] >= 12


def test_ctrl_c_ends_a_bench_and_keeps_what_there_is(
    tuner: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os
    import signal
    import threading

    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text(SLEEPS.format(seconds=0.05))
    suite('target = "local:src"\nsizes = [512]\nmost = 2000')

    def interrupt() -> None:
        from tuner.store.runs import Store

        for _ in range(600):
            time.sleep(0.1)
            if Path(".tuner/runs.db").exists():
                with Store.open(create=False) as store:
                    if sum(store.counts().values()) > 8:
                        break
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    code, told = bench(tuner)
    thread.join()
    assert (code, told["state"]) == (130, "interrupted")
    assert 8 < told["spend"]["invocations"] < 2000
