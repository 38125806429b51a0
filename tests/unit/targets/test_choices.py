"""What ``--variants`` may say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.errors import UsageError
from tuner.records import ON_DEMAND, provisioned
from tuner.targets.choices import read_startups


def test_on_demand_is_measured_in_any_case_and_first() -> None:
    wanted = ("on-demand", "snapstart", "provisioned=5")
    assert read_startups("on-demand,snapstart,provisioned=5") == wanted
    assert read_startups(" snapstart , provisioned=5,on-demand") == wanted
    assert read_startups("provisioned=5") == (wanted[0], wanted[2])


@pytest.mark.parametrize(
    "text",
    [
        "",
        ",",
        "cold",
        "provisioned",
        "provisioned=",
        "provisioned=0",
        "provisioned=-1",
        "provisioned=1.5",
        "provisioned=99999",
        "provisioned=\u0665",
        "snapstart,snapstart",
        "provisioned=1,provisioned=2",
        "snapstart=1",
    ],
)
def test_what_is_no_way_to_start_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        read_startups(text)


@given(
    st.lists(st.sampled_from(["snapstart", "provisioned=%d"]), unique=True),
    st.integers(1, 10_000),
)
def test_what_is_written_is_read_again(kinds: list[str], count: int) -> None:
    ways = [kind.replace("%d", str(count)) for kind in kinds]
    assert read_startups(",".join([ON_DEMAND, *ways])) == (ON_DEMAND, *ways)
    assert [provisioned(way) for way in ways] == [count * ("%d" in kind) for kind in kinds]


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    try:
        found = read_startups(text)
    except UsageError as error:
        assert len(str(error).splitlines()) <= 2
    else:
        assert found[0] == ON_DEMAND
