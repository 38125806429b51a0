"""The bundled examples do what they say, run in this process."""

import ast
import importlib.util
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import tuner.targets
from support.nodejs import node_runtime
from tuner.locallambda.sandbox.nodejs.versions import node_for
from tuner.targets.names import DEMOS
from tuner.targets.package import read_package

FOLDER = Path(tuner.targets.__file__).parent / "demos"


def load(demo: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"demo_{demo}", FOLDER / DEMOS[demo] / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_folder_is_a_named_demo_and_can_be_packaged() -> None:
    folders = {path.name for path in FOLDER.iterdir() if list(path.glob("app.*"))}
    assert folders == set(DEMOS.values())
    for folder in folders - {"node"}:
        assert read_package(FOLDER / folder, "app.handler").handler == "app.handler"


def test_node_demo_needs_no_package_and_depends_on_its_event() -> None:
    runtime = node_runtime()
    folder = FOLDER / "node"
    assert read_package(folder, "app.handler").runtime == runtime
    code = (
        f"const {{ handler }} = require({str(folder / 'app.js')!r});"
        "Promise.all(['a', 'a', 'b'].map((customer) => handler({ customer })))"
        ".then((answers) => console.log(JSON.stringify(answers)));"
    )
    command = [node_for(runtime).path, "-e", code]
    done = subprocess.run(command, check=True, capture_output=True, cwd="/")
    first, again, other = json.loads(done.stdout)
    assert first == again
    assert first["total"] == other["total"]
    assert first["signature"] != other["signature"]
    modules = set(re.findall(r"require\('([^']+)'\)", (folder / "app.js").read_text()))
    assert modules == {"node:crypto", "node:zlib"}


def test_demos_use_nothing_but_the_standard_library() -> None:
    for folder in set(DEMOS.values()) - {"node"}:
        tree = ast.parse((FOLDER / folder / "app.py").read_text())
        imported = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        assert imported <= {"hashlib", "json", "time", "os", "random"}


def calls_to(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that a demo sleeps, without sleeping them."""
    slept: list[float] = []
    monkeypatch.setattr(module.time, "sleep", slept.append)
    return slept


def test_io_waits_eighty_milliseconds_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    module = load("io")
    slept = calls_to(module, monkeypatch)
    assert len(module.handler({}, None)["answers"]) == 3
    assert sum(slept) == pytest.approx(0.08)


def test_mixed_waits_thirty_milliseconds_and_computes_in_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = load("mixed")
    slept = calls_to(module, monkeypatch)
    assert module.handler({}, None)["next"]
    assert sum(slept) == pytest.approx(0.03)


@pytest.mark.parametrize(("demo", "key"), [("cpu", "key"), ("mixed", "token")])
def test_computing_demos_do_real_work_on_their_event(
    demo: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = load(demo)
    monkeypatch.setattr(module, "ROUNDS", 10)
    handler: Callable[..., dict[str, str]] = module.handler
    first = handler({"password": "a", "token": "a"}, None)
    assert first == handler({"password": "a", "token": "a"}, None)
    assert first[key] != handler({"password": "b", "token": "b"}, None)[key]


def test_memory_needs_more_than_256_mb() -> None:
    module = load("memory")
    assert module.IMAGE_BYTES > 256 * 2**20
    module.IMAGE_BYTES = 2**20
    assert module.handler({}, None) == {"megabytes": 1, "bright": sum(range(256)) // 255}


def test_slow_init_has_the_primes_ready_after_its_import() -> None:
    source = (FOLDER / "slow_init" / "app.py").read_text().replace("11_500_000", "1_000_003")
    names: dict[str, object] = {}
    exec(compile(source, "app.py", "exec"), names)
    handler = names["handler"]
    assert callable(handler)
    for number, prime in ((2, True), (999_983, True), (999_981, False), (1, False), (-5, False)):
        assert handler({"number": number}, None) == {"number": number, "prime": prime}


def test_flaky_fails_about_once_in_twenty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEED", "1")
    module = load("flaky")
    failures = 0
    for _ in range(2000):
        try:
            module.handler({}, None)
        except module.ServiceUnavailableError:
            failures += 1
    assert 60 <= failures <= 140
