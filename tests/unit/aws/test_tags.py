"""What a run says on the function itself, and seals on what it keeps in the working directory."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.aws.seal import sealed, take_seal
from tuner.aws.tags import MEASURED, Mark, encoded, key_of, marks, tags_of

RUN = "01JZZZZZZZZZZZZZZZZZZZZZZZ"
#: What Lambda takes as a tag's value (botocore's model has no pattern; IAM and Resource Groups
#: Tagging document this one).
ALLOWED = re.compile(r"[\w\s+\-=.:/@]{0,256}", re.ASCII)


def read(tags: dict[str, str]) -> list[Mark]:
    control: Any = SimpleNamespace(tags=lambda _now: tags)
    return marks(control, {})


@given(st.text(max_size=256), st.integers(128, 10_240))
def test_every_description_is_read_as_it_was_written(text: str, memory_mb: int) -> None:
    said = {"memory": memory_mb, "description": encoded(text)}
    tags = tags_of(key_of(RUN), MEASURED, 1_767_225_600.0, **said)
    assert all(ALLOWED.fullmatch(value) and len(key) <= 128 for key, value in tags.items())
    assert len(tags) <= 7
    (mark,) = read({"team": "shop", **tags})
    assert (mark.run, mark.kind, mark.since) == (RUN, MEASURED, "2026-01-01T00:00:00Z")
    assert (mark.memory_mb, mark.text("description")) == (memory_mb, text)
    assert set(mark.keys) == set(tags)


@pytest.mark.parametrize(
    "tags",
    [
        {"tuner:RUN": "measured/memory=256"},
        {f"tuner:{RUN}x": "measured/memory=256"},
        {"aws:cloudformation:stack-name": "shop"},
    ],
)
def test_tags_of_others_are_no_marks(tags: dict[str, str]) -> None:
    assert read(tags) == []


@pytest.mark.parametrize("value", ["", "/", "measured/memory=many/description=%", "x" * 256])
def test_a_mark_that_says_nothing_is_still_one(value: str) -> None:
    (mark,) = read({f"tuner:{RUN}": value})
    assert (mark.memory_mb, mark.text("description")) == (None, None)


def test_only_what_this_user_sealed_is_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "mine"))
    kept = sealed({"run": RUN, "sizes": [1, 2]})
    assert take_seal(dict(kept))
    assert not take_seal({**kept, "run": "another"})
    assert not take_seal({"run": RUN})
    assert not take_seal({"run": RUN, "seal": ""})
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "theirs"))
    assert not take_seal(dict(kept))


def test_a_key_that_others_may_write_seals_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    kept = sealed({"run": RUN})
    (tmp_path / "tuner/seal").chmod(0o666)
    assert not take_seal(kept)
    (tmp_path / "no").write_text("a file where the folder would be")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "no"))
    assert sealed({"run": RUN}) == {"run": RUN}
