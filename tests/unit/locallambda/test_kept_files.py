"""What stands in the folder of `tuner local --data` is read, or an error that names the file."""

import base64
import json
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tuner.errors import TargetError
from tuner.locallambda.background import PlatformClock
from tuner.locallambda.events import Event, EventQueue
from tuner.locallambda.registry.configuration import CodePackage, Configuration
from tuner.locallambda.registry.documents import KINDS, Documents
from tuner.locallambda.registry.function import Alias, Function, Version
from tuner.locallambda.registry.store import SCHEMA, FunctionStore, freeze

ID = "94f4a28a-dbe3-4114-9f2b-0b3ae40f4dbc"
CODE = CodePackage(base64.b64encode(b"0" * 32).decode(), 100)
CONFIGURATION = Configuration(CODE, "python3.12", "app.handler")
FUNCTION = Function(
    "eu-west-1", "orders", CONFIGURATION, "2026-01-01T00:00:00.000+0000", CONFIGURATION,
    versions={"1": Version("1", CONFIGURATION, "r", "m")}, aliases={"live": Alias("live", "1")},
)  # fmt: skip
EVENT = Event(ID, "eu-west-1", "orders", None, b"{}", "root=1", 1_767_225_600.0)
LAYER = {"versions": {"1": {"folder": "00"}}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
DEEP = "[" * 100_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@st.composite
def changed(draw: st.DrawFn, document: Any) -> Any:
    """A document in which one value, somewhere, is another or is missing."""
    if not isinstance(document, dict | list) or not document or draw(st.integers(0, 3)) == 0:
        return draw(JSON)
    keys = sorted(document) if isinstance(document, dict) else range(len(document))
    key = draw(st.sampled_from(keys))
    copy = document.copy()
    if isinstance(document, dict) and draw(st.integers(0, 3)) == 0:
        del copy[key]
    else:
        copy[key] = draw(changed(document[key]))
    return copy


def texts(document: Any) -> st.SearchStrategy[str]:
    return changed(document).map(json.dumps) | st.text(max_size=20)


def kept_event() -> dict[str, Any]:
    return {**asdict(EVENT), "payload": base64.b64encode(EVENT.payload).decode()}


def test_what_was_kept_is_read_again(tmp_path: Path) -> None:
    store = FunctionStore(tmp_path)
    (tmp_path / "functions/eu-west-1").mkdir()
    store.save(FUNCTION)
    [read] = store.load(set())
    assert (read.name, read.versions["1"].configuration) == ("orders", CONFIGURATION)
    documents = Documents(tmp_path)
    documents.of("layers", "eu-west-1")["shared"] = LAYER
    documents.keep("layers")
    assert Documents(tmp_path).packages() == {"00"}


@given(text=texts(json.loads(json.dumps(freeze(FUNCTION)))))
@example(text=DEEP)
@example(text=json.dumps({**freeze(FUNCTION), "region": "../.."}))
@example(text=json.dumps({**freeze(FUNCTION), "reserved": "1"}))
@example(text=json.dumps({**freeze(FUNCTION), "a\nb": 1}))
def test_a_function_of_a_folder_is_read_or_its_file_is_named(folder: Path, text: str) -> None:
    store = FunctionStore(folder)
    path = folder / "functions/eu-west-1/orders.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8", errors="replace")
    try:
        [function] = store.load(set())
    except TargetError as error:
        assert str(path) in str(error)
        assert len(str(error).splitlines()) == 2
    else:
        assert (function.region, function.name) == ("eu-west-1", "orders")
        assert type(function.shown.memory_mb) is int
        assert function.reserved is None or type(function.reserved) is int


@pytest.mark.parametrize("kind", KINDS)
@given(text=texts({"schema": SCHEMA, "regions": {"eu-west-1": {"shared": LAYER}}}))
@example(text=DEEP)
@example(text="[]")
def test_other_documents_are_read_or_their_file_is_named(
    folder: Path, kind: str, text: str
) -> None:
    path = folder / f"{kind}.json"
    path.write_text(text, encoding="utf-8", errors="replace")
    try:
        documents = Documents(folder)
    except TargetError as error:
        assert str(path) in str(error)
    else:
        assert isinstance(documents.of(kind, "eu-west-1"), dict)
        assert all(isinstance(name, str) for name in documents.packages())
    finally:
        path.unlink()


class Started(list[Any]):
    """Keeps what would be served."""

    def start(self, serving: Any) -> None:
        self.append(serving.cr_frame.f_locals["event"])
        serving.close()


@given(text=texts(kept_event()))
@example(text=DEEP)
@example(text=json.dumps({**kept_event(), "request_id": "../../orders"}))
@example(text=json.dumps({**kept_event(), "payload": "e30"}))
@example(text=json.dumps({**kept_event(), "payload": ""}))
def test_an_event_of_a_folder_goes_on_or_its_file_is_named(folder: Path, text: str) -> None:
    path = folder / "queue" / f"{ID}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8", errors="replace")
    nothing: Any = None
    tasks: Any = Started()
    clock = PlatformClock(1.0)
    queue = EventQueue(nothing, nothing, clock, nothing, Random(1), path.parent, tasks)
    try:
        queue.resume()
    except TargetError as error:
        assert str(path) in str(error)
        assert not tasks
    else:
        [event] = tasks
        assert event.request_id == ID
        json.loads(event.payload)
