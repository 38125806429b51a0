"""``tuner apply`` on files: a diff first, written only when asked."""

from pathlib import Path

import pytest

from support.commands import Run

TEMPLATE = """\
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      MemorySize: 128  # the default
"""


@pytest.fixture
def tuner(tuner: Run) -> Run:
    """Run a command beside a stored sweep and a template."""
    lines = ["memory_mb,duration_ms"]
    for size, ms in ((128, 900.0), (256, 400.0), (512, 390.0)):
        lines += [f"{size},{ms + wobble}" for wobble in (-2, -1, 0, 1, 2)]
    Path("rec.csv").write_text("\n".join(lines))
    Path("template.yaml").write_text(TEMPLATE)
    assert tuner("sweep", "replay:rec.csv", "--memory", "recorded", "-q", "--seed", "1")[0] == 0
    return tuner


def test_the_diff_is_shown_and_nothing_written_until_asked(tuner: Run) -> None:
    code, out, err = tuner("apply", "last", "--file", "template.yaml")
    assert code == 0
    assert "+      MemorySize: 256  # the default" in out
    assert "--write" in err
    assert Path("template.yaml").read_text() == TEMPLATE
    assert tuner("apply", "last", "--file", "template.yaml", "--write")[0] == 0
    assert Path("template.yaml").read_text() == TEMPLATE.replace("128", "256")
    _, out, _ = tuner("apply", "last", "--file", "template.yaml")
    assert out == "template.yaml has 256 MB already\n"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--file", "no-such.yaml"), 2, "cannot be used"),
        (("--yes",), 2, "--file"),
        (("--undo",), 2, "is not a function on AWS"),
        (("--steps", "10%"), 2, "--alias"),
    ],
)
def test_what_cannot_be_applied_is_told(
    tuner: Run, words: tuple[str, ...], code: int, says: str
) -> None:
    got, _, err = tuner("apply", "last", *words)
    assert (got, says in err, len(err.splitlines()) <= 2) == (code, True, True), err


def test_a_size_that_misses_its_objective_is_applied_by_name_only(tuner: Run) -> None:
    missed = ("sweep", "replay:rec.csv", "--memory", "recorded", "-q", "--seed", "1")
    assert tuner(*missed, "--slo", "p95<10ms")[0] == 99
    code, out, err = tuner("apply", "last", "--file", "template.yaml", "--write")
    assert (code, out) == (1, "")
    assert "no size is likely to meet p95<10ms" in err and "--memory" in err
    assert Path("template.yaml").read_text() == TEMPLATE
    named = ("apply", "last", "--file", "template.yaml", "--write", "--memory", "512")
    assert tuner(*named)[0] == 0
    assert "MemorySize: 512" in Path("template.yaml").read_text()
