"""Whatever a function fails with is shown: its type, its message, how often, where, and its log."""

import json
from pathlib import Path
from typing import Any

import pytest

from support.commands import Run

pytestmark = pytest.mark.slow

HANDLERS = {
    "KeyError": ("'Records'", "return event['Records']"),
    "Runtime.MarshalError": (
        "Object of type datetime is not JSON serializable",
        "import datetime; return datetime.datetime.now()",
    ),
    "Function.ResponseSizeTooLarge": ("payload size exceeded", "return 'x' * 7_000_000"),
}
MISSING = "import no_such_module\ndef handler(event, context): return 1\n"
HOSTILE = """
class Odd(Exception): pass
def handler(event, context):
    raise Odd("<script>alert(1)</script>\\x1b[31m\\u202e{{ 7*7 }}" + "y" * 900)
"""


def write(name: str, source: str) -> str:
    folder = Path(name)
    folder.mkdir()
    (folder / "app.py").write_text(source, encoding="utf-8")
    return f"local:{name}"


def handler(body: str) -> str:
    return f"def handler(event, context):\n    {body}\n"


def swept(tuner: Run, target: str, *words: str) -> tuple[int, str, dict[str, Any], str]:
    """Exit code, terminal, document and page of a sweep."""
    code, out, err = tuner("sweep", target, *words, "--yes", "--cold", "0", "--json", "told.json")
    assert "Traceback" not in err
    told = json.loads(Path("told.json").read_text(encoding="utf-8"))
    return code, out, told, Path(told["report"]).read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", [*HANDLERS, "Runtime.ImportModuleError"])
def test_a_sweep_that_fails_alike_stops_at_once_and_says_why(tuner: Run, kind: str) -> None:
    words, body = HANDLERS.get(kind, ("No module named 'no_such_module'", ""))
    target = write("src", handler(body) if body else MISSING)
    code, out, told, page = swept(tuner, target, "--memory", "512:1024")
    assert code == 1
    [error] = told["errors"]
    asked = [size["memory_mb"] for size in told["sizes"]]
    assert (error["type"], error["memory_mb"]) == (kind, asked)
    assert words in error["message"]
    assert error["count"] == told["spend"]["invocations"] == max(3, len(asked))
    assert "REPORT RequestId" in error["log_tail"]
    size = told["sizes"][0]
    assert [each["type"] for each in size["errors_seen"]] == [kind]
    assert size["reason"].startswith(f"{kind}: ")
    assert size["reason"].endswith(f"({size['errors']} of {size['errors']} calls)")
    for text in (out, page):
        assert kind in text
        assert "every size failed" in text
        assert "REPORT RequestId" in text
    assert f"first {error['count']} calls all failed with {kind}" in out


def test_hostile_messages_are_text_everywhere(tuner: Run) -> None:
    _, out, told, page = swept(tuner, write("src", HOSTILE), "--memory", "512")
    message = told["errors"][0]["message"]
    assert message.startswith("<script>alert(1)</script> [31m {{ 7*7 }}yyy")
    assert len(message) == 500
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert not {"\x1b", "\u202e"} & set(out + page + json.dumps(told, ensure_ascii=False))


def test_sizes_that_work_are_measured_beside_one_that_fails(tuner: Run) -> None:
    body = "int(context.memory_limit_in_mb) < 200 and event['gone']; return 1"
    words = ("--memory", "128,512,1024", "--method", "grid", "--samples", "3")
    code, out, told, _ = swept(tuner, write("src", handler(body)), *words)
    assert code == 3
    assert [size["status"] for size in told["sizes"]] == ["failed", "ok", "ok"]
    assert told["sizes"][0]["reason"] == "KeyError: 'gone' (4 of 4 calls)"
    [error] = told["errors"]
    assert (error["memory_mb"], error["count"]) == ([128], 4)
    assert "128 MB failed: KeyError: 'gone' (4 of 4 calls)" in out


def test_a_load_explains_its_failures_and_so_does_its_stored_run(tuner: Run) -> None:
    target = write("src", handler("return event['Records']"))
    words = ("--memory", "512", "--rate", "10", "--duration", "1s", "--json", "told.json", "--yes")
    code, out, _ = tuner("load", target, *words)
    told = json.loads(Path("told.json").read_text(encoding="utf-8"))
    page = Path(told["report"]).read_text(encoding="utf-8")
    assert code == 1
    [error] = told["errors"]
    expected = ("KeyError", "'Records'", 10, [512])
    assert (error["type"], error["message"], error["count"], error["memory_mb"]) == expected
    assert "KeyError: 'Records'" in error["log_tail"]
    shown = tuner("runs", "show", "last")[1]
    for text in (out, page, shown):
        assert "% failed (KeyError: " in text
        assert "Log of one KeyError" in text


def test_cold_starts_explain_their_failures_and_so_does_an_exported_run(tuner: Run) -> None:
    target = write("src", handler("return event['Records']"))
    code, out, _ = tuner("cold", target, "--memory", "512", "--yes")
    assert code == 1
    assert "512 MB failed: KeyError: 'Records' (3 of 3 calls)" in out
    assert tuner("runs", "export", "last", "run.json")[0] == 0
    shown = tuner("runs", "show", "run.json")[1]
    assert "512 MB failed: KeyError: 'Records' (3 of 3 calls)" in shown
    assert "Log of one KeyError" in shown


def test_a_benchmark_warns_of_the_cause_of_its_failures(tuner: Run) -> None:
    target = write("src", handler("return event['Records']"))
    case = f'[[case]]\nname = "k"\ntarget = "{target}"\nsizes = [512]\ngates = ["p95 +10%"]\n'
    Path("tuner.toml").write_text(f"[suite]\nmost = 4\ncontrol = false\n{case}", encoding="utf-8")
    _, out, _ = tuner("bench", "--json", "told.json")
    told = json.loads(Path("told.json").read_text(encoding="utf-8"))
    [text] = [w["text"] for w in told["cases"][0]["warnings"] if w["code"] == "failed-calls"]
    assert "calls failed, with KeyError: 'Records'." in text
    assert "KeyError: 'Records'" in out
