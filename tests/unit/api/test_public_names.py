"""The public names: every one is a function that says its keywords, and works."""

import inspect
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import tuner
from support import public_names as example
from tuner.errors import TunerError, UsageError


@pytest.fixture
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    rows = [f"{mb},{60_000 / mb + n}" for mb in (128, 512) for n in range(6)]
    Path("rec.csv").write_text("\n".join(["memory_mb,duration_ms", *rows]))
    return "rec.csv"


@pytest.mark.parametrize("name", tuner.__all__)
def test_every_public_name_is_a_documented_function(name: str) -> None:
    function = getattr(tuner, name)
    assert inspect.isfunction(function) and function.__doc__
    parameters = inspect.signature(function).parameters
    assert parameters
    assert not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    for parameter in parameters:
        assert f"{parameter}" in function.__doc__, parameter


def test_dir_and_all_are_true_and_nothing_else_is_there() -> None:
    assert set(tuner.__all__) <= set(dir(tuner))
    assert all(hasattr(tuner, name) for name in dir(tuner))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        tuner.nonsense  # noqa: B018


def test_importing_tuner_loads_no_room() -> None:
    code = "import sys, tuner; print([m for m in sys.modules if m.startswith('tuner.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_sweep_has_a_document_a_page_rows_and_a_line(recording: str) -> None:
    found = example.measured(recording, "runs.db", Path("pages"))
    document = found.to_dict()
    assert document["schema"] == "tuner.sweep/1" and document["run"] == found.run
    assert document["report"] and Path(document["report"]).is_file()
    assert [row["memory_mb"] for row in found.rows()] == [128, 512]
    assert found.rows()[0]["warm.duration_ms.p50"] > 0
    assert repr(found).startswith("<SweepResult: ") and len(repr(found).splitlines()) == 1
    assert found.sentence.startswith(found.headline) and found.sentence in repr(found)
    assert found.exit_code == 0
    assert "<table>" in found._repr_html_()
    assert found.report("one.html") == Path("one.html")
    assert "<html" in Path("one.html").read_text()
    again = example.again(found.run, "runs.db")
    assert again.recommendation is not None and str(again.recommendation.memory_mb) in repr(again)
    opened = tuner.open_run("last", store="runs.db")
    assert opened.to_dict()["run"] == found.run


def test_a_comparison_has_a_row_for_each_size_and_gate(recording: str) -> None:
    runs = [example.measured(recording, "runs.db", Path("pages")).run for _ in range(2)]
    found = example.compared(*runs, "runs.db")
    assert found.to_dict()["schema"] == "tuner.compare/1"
    assert [(row["memory_mb"], row["gate"]) for row in found.rows()] == [
        (128, "p95 +10%"),
        (512, "p95 +10%"),
    ]
    assert found.report("page.html").is_file() and found.sentence in repr(found)


def test_a_load_has_them_too(recording: str) -> None:
    found = example.loaded(recording, "runs.db")
    assert found.to_dict()["schema"] == "tuner.load/1"
    assert len(found.rows()) >= 2 and "second" in found.rows()[0]
    assert found.report("pages").is_file()
    opened = tuner.open_run(found.run, store="runs.db")
    assert (opened.sentence, opened.exit_code) == (found.sentence, found.exit_code)


def test_a_frame_needs_pandas_or_polars(recording: str) -> None:
    found = example.measured(recording, "runs.db", Path("pages"))
    if find_spec("pandas") or find_spec("polars"):
        assert len(found.to_frame()) == 2
    else:
        with pytest.raises(TunerError, match="needs pandas or polars"):
            found.to_frame()


def test_what_cannot_be_is_an_error_of_its_option() -> None:
    with pytest.raises(UsageError, match="--max-cost 'much'"):
        tuner.sweep("demo:cpu", max_cost="much")
    with pytest.raises(UsageError, match="--samples 0: is below 1"):
        tuner.sweep("demo:cpu", samples=0)
    with pytest.raises(UsageError, match="needs a function"):
        tuner.sweep()
    with pytest.raises(TypeError, match="unexpected keyword argument 'memry'"):
        tuner.sweep("demo:cpu", memry="128")  # type: ignore[call-arg]


@pytest.mark.slow
def test_mypy_knows_the_keywords_of_every_function(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        'import tuner\ntuner.sweep("f", max_cost=[1])\ntuner.load("f", rat=1)\n'
        'tuner.compare("a")\ntuner.recommend("last").recommendation.memory\n'
    )
    pytest.importorskip("mypy", reason="mypy is in the extra `dev`")
    command = [sys.executable, "-m", "mypy", "--strict"]
    good = subprocess.run([*command, example.__file__], capture_output=True, text=True, check=False)
    assert good.returncode == 0, good.stdout
    bad = subprocess.run([*command, str(wrong)], capture_output=True, text=True, check=False)
    found = [line for line in bad.stdout.splitlines() if ": error:" in line]
    assert [line.partition(": error:")[0].rpartition(":")[2] for line in found] == [*"23455"]
