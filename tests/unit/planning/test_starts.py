"""What comparing ways to start will take: bounds that the rest of the run stays in."""

from hypothesis import given
from hypothesis import strategies as st

from tuner.billing.cost import kept_usd
from tuner.billing.prices import prices
from tuner.planning.estimate import Known
from tuner.planning.starts import Terms, startup_plans
from tuner.targets.choices import read_startups

X86 = prices("us-east-1", "x86_64")
PARIS = prices("eu-west-3", "x86_64")
WAYS = read_startups("snapstart,provisioned=5")
KNOWN = Known("a test", ((1024, 100.0),), timeout_ms=3_000.0)


def test_nothing_is_kept_on_demand_and_what_is_kept_otherwise_is_priced() -> None:
    demand, snapshot, kept = startup_plans(WAYS, Terms(1024, 5, KNOWN, X86, "python3.13"))
    assert demand.kept_usd is not None
    assert (demand.kept_usd.low, demand.kept_usd.high) == (0.0, 0.0)
    assert kept.kept_usd is not None
    assert kept.kept_usd.low == kept_usd(5, 1024, 300.0, X86, None)
    assert kept.kept_usd.high == kept_usd(5, 1024, 900.0, X86, None)
    assert snapshot.kept_usd is not None
    assert snapshot.most_usd is not None
    assert snapshot.most_usd > snapshot.kept_usd.high


def test_a_price_that_is_not_known_leaves_the_most_unknown() -> None:
    _, snapshot, kept = startup_plans(WAYS, Terms(1024, 5, KNOWN, PARIS, "python3.13"))
    assert snapshot.kept_usd is None
    assert snapshot.most_usd is None
    assert kept.most_usd is not None
    _, free, _ = startup_plans(WAYS, Terms(1024, 5, KNOWN, PARIS, "java21"))
    assert free.kept_usd is not None
    assert free.kept_usd.high == 0.0


@given(
    size=st.integers(128, 10_240),
    each=st.integers(1, 50),
    count=st.integers(1, 100),
    timeout=st.floats(1_000.0, 900_000.0),
)
def test_least_is_never_above_most(size: int, each: int, count: int, timeout: float) -> None:
    terms = Terms(size, each, Known("nothing", timeout_ms=timeout), X86, "python3.13")
    for plan in startup_plans(read_startups(f"snapstart,provisioned={count}"), terms):
        assert plan.calls.low <= plan.calls.high
        assert plan.seconds.low <= plan.seconds.high
        assert plan.calls_usd.low <= plan.calls_usd.high
        assert plan.kept_usd is not None
        assert plan.kept_usd.low <= plan.kept_usd.high
