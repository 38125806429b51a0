"""What a run says on the function itself, and seals on what it keeps in the working directory."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tuner.aws.applied import Applied, from_mark
from tuner.aws.seal import sealed, take_seal
from tuner.aws.tags import APPLIED, MEASURED, Mark, encoded, key_of, marks, tags_of

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


ARN = "arn:aws:lambda:eu-west-1:000000000000:function:orders"
NAMES = ("memory", "to", "since", "description", "alias", "version", "made", "published", "code")
SAID = st.builds(
    "{}/{}".format,
    st.sampled_from([MEASURED, APPLIED, ""]),
    st.dictionaries(
        st.sampled_from(NAMES), st.text(max_size=8) | st.integers(0, 10**6).map(str)
    ).map(lambda said: "/".join(f"{name}={value}" for name, value in said.items())),
)


@given(SAID | st.text(max_size=80))
@example("applied/memory=256/to=²")
@example(f"applied/memory=256/to={'9' * 5000}")
def test_whatever_others_write_into_a_tag_is_read_as_what_it_is_or_not(said: str) -> None:
    session = SimpleNamespace(region="eu-west-1", endpoint_url=None, profile=None, assume_role=None)
    control: Any = SimpleNamespace(session=session, versions=lambda _name: [])
    (mark,) = read({key_of(RUN): said})
    assert mark.run == RUN
    assert isinstance(mark.since, str)
    done = from_mark(mark, control, {"FunctionArn": ARN, "RevisionId": "r", "CodeSha256": "s"})
    assert done is None or isinstance(done, Applied)
    for size in (mark.memory_mb, mark.to_mb, *((done.before_mb, done.memory_mb) if done else ())):
        assert size is None or 100 <= size <= 99_999


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


@pytest.mark.parametrize("mode", [0o666, 0o644, 0o640])
def test_a_key_that_others_may_read_or_write_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    kept = sealed({"run": RUN})
    key = tmp_path / "tuner/seal"
    key.chmod(mode)
    before = key.read_bytes()
    assert not take_seal(dict(kept))
    assert take_seal(sealed({"run": RUN}))
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.read_bytes() != before
    assert not take_seal(dict(kept))


def test_without_a_folder_for_the_key_nothing_is_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "no").write_text("a file where the folder would be")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "no"))
    assert sealed({"run": RUN}) == {"run": RUN}
