"""A file that is not there, or has no end, is bad usage, whatever names it: code 2, two lines."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from support.commands import Run
from tuner import files

NAMED = pytest.mark.parametrize(
    "words",
    [
        ("sweep", "local:gone"),
        ("sweep", "local:gone.yaml#Orders"),
        ("sweep", "replay:gone.csv"),
        ("sweep", "replay:rec.csv", "--event", "gone"),
        ("sweep", "replay:rec.csv", "--payload", "@gone.json"),
        ("sweep", "replay:rec.csv", "--payloads", "gone.json"),
        ("sweep", "replay:rec.csv", "--traffic", "gone.csv"),
        ("sweep", "--power-tuning-input", "gone.json"),
        ("load", "demo:cpu", "--profile-load", "gone"),
        ("load", "demo:cpu", "--profile-load", "gone.toml"),
        ("load", "demo:cpu", "--locustfile", "gone.py"),
        ("recommend", "gone.json"),
        ("report", "./gone"),
        ("compare", "gone.json", "last"),
        ("apply", "gone.gz"),
        ("runs", "show", "gone.json"),
        ("runs", "import", "gone.json"),
        ("prices", "--from", "gone.json"),
        ("bench", "--suite", "gone.toml"),
        ("trust", "--suite", "gone.toml"),
        ("worker", "--master", "127.0.0.1:1", "--secret-file", "gone"),
    ],
    ids=" ".join,
)


@NAMED
def test_a_file_that_is_not_there_ends_with_2(tuner: Run, words: tuple[str, ...]) -> None:
    Path("rec.csv").write_text("memory_mb,duration_ms\n128,5\n512,2\n")
    code, out, err = tuner(*words)
    assert (code, out) == (2, "")
    assert "gone" in err and 1 <= len(err.splitlines()) <= 2


def zeros(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [zeros, os.mkfifo], ids=["device", "pipe"])
@NAMED
def test_so_does_one_that_has_no_end(
    tuner: Run,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    make: Callable[[Path], None],
) -> None:
    monkeypatch.setattr(files, "WRITER_S", 0.0)
    Path("rec.csv").write_text("memory_mb,duration_ms\n128,5\n512,2\n")
    name = next(word for word in words if "gone" in word).partition("#")[0]
    make(Path(name.rpartition(":")[2].lstrip("@")))
    code, out, err = tuner(*words)
    assert (code, out) == (2, "")
    assert "gone" in err and 1 <= len(err.splitlines()) <= 2


@pytest.mark.parametrize("name", ["tuner.toml", ".tuner/prices.toml"])
@pytest.mark.parametrize("make", [zeros, os.mkfifo, Path.mkdir], ids=["device", "pipe", "folder"])
def test_a_file_that_is_found_by_itself_has_to_be_a_plain_one(
    tuner: Run, name: str, make: Callable[[Path], None]
) -> None:
    Path(name).parent.mkdir(exist_ok=True)
    make(Path(name))
    code, _, err = tuner("prices")
    assert code == 2 and f"{name}: cannot be read: it is a " in err
    assert len(err.splitlines()) == 2


def test_a_template_to_patch_has_to_be_a_plain_file(tuner: Run) -> None:
    Path("rec.csv").write_text("memory_mb,duration_ms\n" + "128,5\n512,2\n" * 20)
    assert tuner("sweep", "replay:rec.csv", "--memory", "recorded", "-q")[0] == 0
    for make in (zeros, os.mkfifo):
        make(Path("gone.yaml"))
        code, _, err = tuner("apply", "last", "--file", "gone.yaml", "--memory", "512")
        assert code == 2 and "gone.yaml: cannot be used: it is a " in err
        Path("gone.yaml").unlink()


def test_a_run_is_imported_from_a_pipe_but_named_by_a_file(tuner: Run) -> None:
    Path("rec.csv").write_text("memory_mb,duration_ms\n" + "128,5\n512,2\n" * 20)
    assert tuner("sweep", "replay:rec.csv", "--memory", "recorded", "-q")[0] == 0
    assert tuner("runs", "export", "last", "run.json")[0] == 0
    os.mkfifo("pipe")
    for words, code in ((("import", "pipe"), 0), (("show", "./pipe"), 2)):
        writer = os.open("pipe", os.O_RDWR)
        os.write(writer, Path("run.json").read_bytes())
        if code == 0:
            assert tuner("runs", "delete", "last", "--yes")[0] == 0
        assert tuner("runs", *words)[0] == code
        os.close(writer)
