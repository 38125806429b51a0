"""Payloads of any file are sent as JSON, or refused before anything runs."""

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.errors import UsageError
from tuner.options.payloads import read_payloads, with_power_tuning
from tuner.options.sweep import SweepOptions


def sent(**options: str) -> list[tuple[bytes, float]]:
    found = read_payloads(SweepOptions("demo:io", **options))
    return [(payload.body, payload.weight) for payload in found]


def refused(payload: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        sent(payload=payload)
    return caught.value


def test_a_byte_order_mark_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "event.json"
    path.write_text('{"city": "Köln"}', encoding="utf-8-sig")
    body = '{"city": "Köln"}'.encode()
    assert sent(payload=f"@{path}") == [(body, 1.0)]
    monkeypatch.setattr("sys.stdin", io.StringIO('\ufeff{"city": "Köln"}'))
    assert sent(payload="-") == [(body, 1.0)]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbf" + body)))
    assert sent(payload="-") == [(body, 1.0)]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO('{"a": 1}'.encode("utf-16"))))
    assert "UTF-16" in refused("-").reason


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_named(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "event.json"
    path.write_text('{"a": 1}', encoding=encoding)
    error = refused(f"@{path}")
    assert "UTF-16" in error.reason
    assert error.thing.endswith("event.json")


@pytest.mark.parametrize("text", ['{"a": NaN}', "[-Infinity]", "Infinity"])
def test_numbers_that_json_does_not_have_are_refused(text: str) -> None:
    assert "Infinity" in refused(text).reason or "NaN" in refused(text).reason
    with pytest.raises(UsageError):
        sent(payloads=f'[{{"payload": {text}}}]')


def test_a_file_without_its_at_sign_is_suggested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("event.json").write_text("{}")
    assert "@event.json" in refused("event.json").fix
    assert "@other.json" not in refused("other.json").fix


def test_weighted_texts_of_json_are_sent_as_they_stand() -> None:
    items = [{"payload": '{"id": "1"}', "weight": 2}, {"payload": "hello"}, {"payload": [1]}]
    assert sent(payloads=json.dumps(items)) == [
        *((b'{"id": "1"}', 2.0), (b'"hello"', 1.0), (b"[1]", 1.0))
    ]


def test_a_power_tuning_input_gives_its_text_payload(tmp_path: Path) -> None:
    path = tmp_path / "input.json"
    for payload, body in (('{"a": 1}', '{"a": 1}'), ("hello world", '"hello world"')):
        path.write_text(json.dumps({"powerValues": [128], "payload": payload}))
        assert with_power_tuning(str(path), {})["payload"] == body


@given(st.text(max_size=20) | st.text('{}[]":,0123456789.eE-NaInfinity truels', max_size=20))
def test_what_is_sent_is_json_of_the_standard(text: str) -> None:
    try:
        ((body, _),) = sent(payload=f" {text}")
    except UsageError:
        return
    odd: list[str] = []
    json.loads(body, parse_constant=odd.append)
    assert odd == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"payload": ""}, "--payload: is empty"),
        ({"payload": "[" * 100_000}, "is not JSON: it is nested too deeply"),
        ({"payload": "file://PATH"}, "Write --payload @PATH."),
        ({"payload": "fileb://PATH"}, "Write --payload @PATH."),
        ({"payload": "@PATH.bad"}, "--payload PATH.bad: is not JSON"),
        ({"payload": "@PATH.bad"}, "Correct the file"),
        ({"payloads": '[{"payload": 1, "weight": 0}]'}, "item 1 has the weight 0, which is no"),
        ({"payloads": '[{"weight": 1}]'}, "item 1 has no payload\n"),
        ({"payloads": '[{"payload": NaN}]'}, 'Write it like [{"payload": {...}, "weight": 2}'),
    ],
)
def test_what_a_payload_is_instead_is_told(
    tmp_path: Path, options: dict[str, str], says: str
) -> None:
    path = tmp_path / "event.json"
    path.write_text("{}")
    path.with_name("event.json.bad").write_text("{'a': 1}")
    with pytest.raises(UsageError) as caught:
        sent(**{key: text.replace("PATH", str(path)) for key, text in options.items()})
    assert says.replace("PATH", str(path)) in str(caught.value)
