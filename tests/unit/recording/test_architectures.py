"""Architectures as they are asked for, and as recordings have them."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.factories import a_function
from tuner.errors import UsageError
from tuner.recording import read_architectures
from tuner.targets.choices import ARCHES, read_arches

WORDS = {"x86_64": "x86_64", "amd64": "x86_64", "arm64": "arm64", "AArch64": "arm64"}


@pytest.mark.parametrize(
    ("text", "own", "meant"),
    [
        ("both", "x86_64", ("x86_64", "arm64")),
        ("both", "arm64", ("arm64", "x86_64")),
        ("arm64", "x86_64", ("arm64",)),
        ("arm64, x86_64", "x86_64", ("x86_64", "arm64")),
        ("arm64,arm64", "x86_64", ("arm64",)),
    ],
)
def test_what_is_written_names_architectures_the_own_one_first(
    text: str, own: str, meant: tuple[str, ...]
) -> None:
    assert read_arches(text, own) == meant


@given(st.text(max_size=20) | st.lists(st.sampled_from([*ARCHES, "both", ""])).map(",".join))
def test_any_text_is_architectures_or_a_usage_error(text: str) -> None:
    try:
        found = read_arches(text, "arm64")
    except UsageError as error:
        assert error.fix
    else:
        assert found and set(found) <= set(ARCHES) and len(set(found)) == len(found)


@given(st.lists(st.tuples(st.sampled_from(sorted(WORDS)), st.integers(128, 140)), min_size=1))
def test_every_row_comes_back_on_its_own_architecture(
    tmp_path: Path, rows: list[tuple[str, int]]
) -> None:
    path = tmp_path / "r.csv"
    lines = [f"{size},{arch},{number + 1}" for number, (arch, size) in enumerate(rows)]
    path.write_text("\n".join(["memory_mb,arch,duration_ms", *lines]))
    one_word = all(len({w for w, _ in rows if WORDS[w] == arch}) <= 1 for arch in ARCHES)
    if not one_word:  # two words for one architecture are two functions, as anywhere
        with pytest.raises(UsageError, match="several functions"):
            read_architectures(path)
        return
    found = read_architectures(path)
    counts = {
        (arch, size): len(recording.rows(size))
        for arch, recording in found.items()
        for size in recording.sizes()
    }
    assert counts == Counter((WORDS[word], size) for word, size in rows)
    assert all(recording.arch == arch for arch, recording in found.items())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("memory_mb,arch,duration_ms\n128,arm64,1\n128,,2\n", "rows without arch"),
        ("memory_mb,duration_ms\n128,1\n", "rows without arch"),
        ("memory_mb,arch,duration_ms\n128,mips,1\n", "'mips' is unknown"),
        ("memory_mb,arch,duration_ms\n", "holds no rows"),
    ],
)
def test_rows_that_do_not_say_their_architecture_are_refused(
    tmp_path: Path, text: str, reason: str
) -> None:
    path = tmp_path / "r.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match=reason):
        read_architectures(path)


def test_where_keeps_one_function_on_all_its_architectures(
    tmp_path: Path,
) -> None:
    path = tmp_path / "r.csv"
    rows = ["128,arm64,1,a", "128,x86_64,2,a", "128,x86_64,3,b"]
    path.write_text("\n".join(["memory_mb,arch,duration_ms,function", *rows]))
    assert sorted(read_architectures(path, {"function": "a"})) == ["arm64", "x86_64"]
    assert sorted(read_architectures(path, {"function": "b"})) == ["x86_64"]


def test_facts_of_another_architecture_have_no_size_now() -> None:
    there = {"arm64": {"recorded_mb": [128, 512], "recorded_calls": 7}}
    platform = {"recorded_calls": 9, "architectures": there}
    facts = a_function(recorded_mb=(128,), platform=platform)
    assert facts.on("x86_64") is facts
    other = facts.on("arm64")
    assert (other.arch, other.memory_mb, other.recorded_mb) == ("arm64", None, (128, 512))
    assert other.platform["recorded_calls"] == 7
