"""Tables as payloads: a row is a call, as it is or in a template."""

import gzip
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.clock import VirtualClock
from tuner.errors import UsageError
from tuner.options.feeder import is_feed, kept_rows, rows_of
from tuner.options.load_options import LoadOptions
from tuner.options.payloads import read_payloads

CSV = 'id,email,note\n7,a@x.io,"one, two"\n8,b@x.io,\n'


@pytest.fixture(autouse=True)
def _folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def bodies(name: str, **more: Any) -> list[Any]:
    ordered = more.pop("ordered", True)
    rows = more.pop("rows", 1_000)
    options = LoadOptions("demo:io", payloads=name, seed=1, **more)
    found = read_payloads(options, VirtualClock(), rows=rows, ordered=ordered)
    return [json.loads(payload.body) for payload in found]


def test_each_row_of_a_csv_is_an_object_of_texts() -> None:
    Path("users.csv").write_text(CSV)
    first, second = bodies("users.csv")
    assert first == {"id": "7", "email": "a@x.io", "note": "one, two"}
    assert second["note"] == ""


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiters_marks_and_packed_files_are_taken(delimiter: str) -> None:
    text = "\ufeff" + "\r\n".join([f"id{delimiter}name", f"7{delimiter}Zoë", ""])
    Path("users.csv").write_text(text, encoding="utf-8", newline="")
    with gzip.open("packed.csv.gz", "wt", encoding="utf-8") as file:
        file.write(text)
    assert bodies("users.csv") == bodies("packed.csv.gz") == [{"id": "7", "name": "Zoë"}]


def test_each_line_of_json_is_a_payload_as_it_is() -> None:
    Path("rows.jsonl").write_text('{"id": 7, "deep": [1, {"a": null}]}\n\n"text"\n3\n')
    assert bodies("rows.jsonl") == [{"id": 7, "deep": [1, {"a": None}]}, "text", 3]


def test_a_template_is_filled_by_each_row_and_keeps_types() -> None:
    Path("rows.jsonl").write_text('{"id": 7, "name": "Ann"}\n{"id": 8, "name": "Bob"}\n')
    template = '{"order": "{{id}}", "text": "for {{name}}", "key": "{{uuid}}"}'
    Path("event.json").write_text(template)
    for given_ in (template, "@event.json"):
        first, second = bodies("rows.jsonl", template=given_)
        assert (first["order"], first["text"]) == (7, "for Ann")
        assert second["text"] == "for Bob" and first["key"] != second["key"]


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("a.csv", "id\n", "has no rows"),
        ("a.csv", "id,id\n1,2\n", "names the column 'id' twice"),
        ("a.csv", 'id,note\n1,"one\n2,two\n3,three\n', "a.csv, line 2: has a quote that is never"),
        ("a.csv", 'id,note\n1,one\n2,two"\n3,"three\n', "line 4: has a quote that is never closed"),
        ("a.csv", 'id,note\n1,"one\n2,"two"\n', "line 2: goes on after the end of a quote"),
        ("a.csv", '"id,note\n1,one\n', "line 1: has a quote that is never closed"),
        ("a.csv", 'id\n"' + "long\n" * 30_000, "line 2: has a value of more than 131,072"),
        ("a.csv", "id,note\n1,one\n2\n", "line 3: has 1 value for 2 columns"),
        ("a.jsonl", '{"id": 1}\n{"id": NaN}\n', "line 2"),
        ("a.jsonl", "{\n", "is not JSON"),
        ("a.csv", None, "cannot be read"),
        ("a.csv", b"\xff\xfei\0d\0", "is UTF-16"),
        ("a.csv", b"id\n\xff\xff\n", "is not text in UTF-8"),
        ("a.csv.gz", b"id\n1\n", "cannot be read"),
    ],
)
def test_what_is_no_table_is_named(file: str, text: str | bytes | None, said: str) -> None:
    if isinstance(text, str):
        Path(file).write_text(text)
    elif text is not None:
        Path(file).write_bytes(text)
    with pytest.raises(UsageError, match=said):
        bodies(file)


def test_a_template_says_which_fields_there_are() -> None:
    Path("users.csv").write_text(CSV)
    with pytest.raises(UsageError, match="id, email, note"):
        bodies("users.csv", template='{"a": "{{mail}}"}')
    with pytest.raises(UsageError, match="needs a table"):
        bodies('[{"payload": {}}]', template="{}")
    for bare in (False, True):
        with pytest.raises(UsageError, match="--template: cannot go with --event"):
            read_payloads(LoadOptions("demo:cpu", event="s3", template="{}"), bare=bare)
    with pytest.raises(UsageError, match="needs a table"):
        read_payloads(LoadOptions("demo:cpu", template="{}"), bare=True)
    Path("rows.jsonl").write_text("3\n")
    with pytest.raises(UsageError, match="needs rows that are objects"):
        bodies("rows.jsonl", template="{}")


def test_of_many_rows_the_first_or_a_fair_sample_is_kept() -> None:
    Path("rows.jsonl").write_text("\n".join(map(str, range(1000))))
    assert bodies("rows.jsonl", rows=5) == [0, 1, 2, 3, 4]
    sample = bodies("rows.jsonl", rows=100, ordered=False)
    assert sample == sorted(sample) and len(set(sample)) == 100
    assert max(sample) > 900 and sample == bodies("rows.jsonl", rows=100, ordered=False)


def test_every_row_is_as_likely_to_be_kept() -> None:
    kept = Counter(row for seed in range(2_000) for row in kept_rows(range(20), 5, seed))
    assert min(kept.values()) > 400 and max(kept.values()) < 600  # 500 each, sd 19


@given(st.lists(st.dictionaries(st.text(), st.text() | st.integers() | st.none()), min_size=1))
def test_json_lines_come_back_as_they_were(rows: list[dict[str, Any]]) -> None:
    text = "\n".join(json.dumps(row) for row in rows)
    assert list(rows_of(io.StringIO(text), "a.jsonl")) == rows


@given(st.text())
def test_any_text_is_rows_or_refused(text: str) -> None:
    for name in ("a.csv", "a.jsonl"):
        try:
            for row in rows_of(io.StringIO(text, newline=""), name):
                json.dumps(row)
        except UsageError:
            pass


def test_only_tables_are_read_row_by_row() -> None:
    assert is_feed("a.CSV") and is_feed("s3://b/k.ndjson.gz")
    assert not is_feed("weighted.json") and not is_feed("@event.json")
