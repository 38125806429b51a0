"""An option that would change nothing is refused, or said; defaults of tuner.toml are for all."""

from pathlib import Path

import pytest

import tuner as api
from support.commands import Run
from tuner.errors import UsageError

GRID = ("--memory", "512", "--method", "grid", "--samples", "2", "--quiet")


@pytest.fixture(autouse=True)
def _recording() -> None:
    rows = [f"{mb},{50_000 / mb + n}" for mb in (256, 512) for n in range(9)]
    Path("rec.csv").write_text("\n".join(["memory_mb,duration_ms", *rows]))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("plan", "demo:cpu", "--memory", "recorded"), "--memory recorded: is of a recording"),
        (("sweep", "demo:cpu", "--memory", "recorded"), "--memory recorded: is of a recording"),
        (("cold", "local:x", "--memory", "recorded"), "--memory recorded: is of a recording"),
        (("sweep", "demo:cpu", "--cold-share", "recorded"), "--cold-share recorded: is of a rec"),
        (("sweep", "myfunc", "--env", "A1=b"), "--env: is only for code on this machine"),
        (("sweep", "myfunc", "--cpu", "duty-cycle"), "--cpu: is only for code on this machine"),
        (("load", "replay:rec.csv", "--cpu", "duty-cycle"), "--cpu: is only for code on this"),
        (("plan", "demo:cpu", "--region", "eu-west-1"), "--region: is only for functions on AWS"),
        (("doctor", "local:x", "--profile", "p"), "--profile: is only for functions on AWS"),
        (("load", "demo:io", "--endpoint-url", "http://x"), "--endpoint-url: is only for functio"),
        (("cold", "replay:rec.csv", "--assume-role", "r"), "--assume-role: is only for functions"),
        (("sweep", "demo:cpu", "--where", "a=b"), "--where: is only for replay:FILE"),
        (("sweep", "--resume", "last", "--memory", "512"), "--memory: cannot be changed when a"),
        (("sweep", "--resume", "last", "--max-cost", "1"), "--max-cost: cannot be changed when a"),
    ],
)
def test_what_would_change_nothing_is_refused(
    tuner: Run, words: tuple[str, ...], said: str
) -> None:
    code, out, err = tuner(*words)
    assert (code, out) == (2, "") and said in err


def test_python_refuses_it_too() -> None:
    with pytest.raises(UsageError, match="--region: is only for functions on AWS"):
        api.sweep("demo:cpu", region="eu-west-1")
    with pytest.warns(UserWarning, match="--samples changes nothing without --method grid"):
        api.sweep("replay:rec.csv", memory="recorded", samples=3, output=None)


def test_defaults_of_the_file_are_for_the_targets_that_take_them(tuner: Run) -> None:
    Path("tuner.toml").write_text("[defaults]\nregion = 'eu-west-1'\nenv = ['A1=b']\nsamples = 3\n")
    code, _, err = tuner("sweep", "replay:rec.csv", "--memory", "recorded", "--quiet")
    assert code == 0 and "changes nothing" not in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--samples", "3"), "--samples changes nothing without --method grid"),
        (("--balance", "0.2"), "--balance changes nothing without --strategy balanced"),
        (("--worth", "0", "--strategy", "speed"), "--worth changes nothing without --strategy"),
    ],
)
def test_what_changes_nothing_beside_other_options_is_said(
    tuner: Run, words: tuple[str, ...], said: str
) -> None:
    code, _, err = tuner("sweep", "replay:rec.csv", "--memory", "recorded", "--quiet", *words)
    assert code == 0 and f"tuner: {said}" in err
    assert "changes nothing" not in tuner("sweep", "replay:rec.csv", *GRID)[2]
