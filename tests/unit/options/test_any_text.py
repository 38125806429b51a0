"""Whatever stands in a file or on the command line is a value or an error of ours."""

import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.api.trust import named_in
from tuner.errors import TunerError, UsageError
from tuner.options.every import every_option
from tuner.options.option import Option

OPTIONS = [each for each in every_option() if not each.internal]
NUMBER = st.integers(-(10**30), 10**30).map(str) | st.floats().map(repr)
UNIT = st.sampled_from(
    ["", "ms", "s", "h", "d", "%", "rps", "/s", "/min", "MB", "k", "$", "=", ":"]
)
TEXT = (
    st.text(max_size=20)
    | st.builds("{}{}".format, NUMBER, UNIT)
    | st.lists(NUMBER, max_size=3).map(",".join)
    | st.sampled_from(["p95<300ms", "a=b", "env:X", "@x", "s3://b/k", "1:2:3", "٣", "9" * 5000])
)


@given(each=st.sampled_from(OPTIONS), text=TEXT)
def test_any_text_is_a_value_of_any_option_or_refused(each: Option[Any, Any], text: str) -> None:
    written: Any = (text,) if each.kind.many else text
    if type(each.default) is bool:
        written = bool(text)
    try:
        each.value(written)
    except TunerError as error:
        assert len(str(error).splitlines()) <= 2


@pytest.mark.parametrize("written", [math.nan, math.inf, -math.inf, 1e308, 10**400])
def test_what_is_no_number_or_far_too_large_is_refused_by_name(written: float) -> None:
    for each in OPTIONS:
        if each.kind.word in (int, float):
            with pytest.raises(UsageError) as caught:
                each.value(written)
            assert caught.value.thing.startswith(each.flag)


@given(each=st.sampled_from([one for one in OPTIONS if one.about.risk]), written=TEXT)
def test_what_an_option_risks_is_a_few_words_or_nothing(
    each: Option[Any, Any], written: str
) -> None:
    said = each.risks(written)
    assert said == each.risks([written]) and "\n" not in said and len(said) < 80


KEYS = st.sampled_from(["suite", "defaults", "case", "environments", "pre", "url", "sweep", "name"])
VALUE = st.recursive(
    TEXT.map(lambda text: f'"{text.encode("unicode_escape").decode()}"' if text.isascii() else "1")
    | NUMBER,
    lambda inner: (
        st.lists(inner, max_size=2).map(lambda all_of: f"[{', '.join(all_of)}]")
        | st.builds("{{{} = {}}}".format, KEYS, inner)
    ),
    max_leaves=4,
)


@given(st.text(max_size=60) | st.dictionaries(KEYS, VALUE, max_size=4))
def test_any_file_can_be_asked_what_it_names(
    tmp_path_factory: pytest.TempPathFactory, document: str | dict[str, str]
) -> None:
    if isinstance(document, dict):
        document = "\n".join(f"{key} = {value}" for key, value in document.items())
    path = Path(tmp_path_factory.getbasetemp()) / "any.toml"
    path.write_text(document, encoding="utf-8", errors="replace")
    with suppress(UsageError):  # it is not text
        assert all(named.does and str(named) for named in named_in(path))
