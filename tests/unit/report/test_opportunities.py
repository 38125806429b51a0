"""What is worth doing beside the size, as a reader sees it."""

from dataclasses import replace

from support.sweeps import good
from support.views import page_of, section
from tuner.decide.result import Opportunity, Sweep, VersusCurrent
from tuner.report.sweep_document import document
from tuner.report.sweep_view import sweep_view

INIT = Opportunity(
    "init",
    "INIT takes 840 ms.",
    "4 cold starts",
    0.02,
    None,
    839.0,
    share_of_bill=0.08,
    brief="INIT takes 840 ms of a cold start",
)
FULL = Opportunity("memory", "120 of 128 MB is used.", "the most of 12 calls", danger=True)
LOGS = Opportunity("logs", "Logs cost $0.20 per million calls.", "400 bytes a call", 0.2)


def having(*found: Opportunity, cost_change: float = -0.04) -> Sweep:
    sweep = good()
    assert sweep.recommendation is not None
    now = VersusCurrent(128, cost_change, -0.03)
    pick = replace(sweep.recommendation, versus_current=now)
    return replace(sweep, recommendation=pick, opportunities=found)


def test_init_comes_before_a_size_that_changes_little() -> None:
    said = sweep_view(having(INIT, LOGS)).answer.reasons
    assert said[:2] == (INIT.text, LOGS.text)
    said = sweep_view(having(INIT, LOGS, cost_change=-0.4)).answer.reasons
    assert said[-2:] == (INIT.text, LOGS.text)


def test_init_is_in_the_headline_after_the_size_where_that_changes_little() -> None:
    plain, news = sweep_view(having(LOGS)).answer, sweep_view(having(INIT, LOGS)).answer
    assert news.headline == f"{plain.headline}; {INIT.brief}"
    assert (news.headline[:8], news.rest) == ("1,120 MB", plain.rest)
    large = sweep_view(having(INIT, LOGS, cost_change=-0.4)).answer
    assert "INIT" not in large.headline
    assert "INIT" not in sweep_view(having(FULL, INIT)).answer.headline


def test_a_terminal_has_two_lines_of_them_and_the_page_all() -> None:
    sweep = having(FULL, INIT, LOGS)
    view = sweep_view(sweep)
    assert LOGS.text not in view.answer.reasons
    table = section(view, "Beside the size").tables[0]
    assert [row.head for row in table.rows] == ["Memory", "INIT", "Logs"]
    assert table.rows[0].marks == ("danger",)
    assert LOGS.text in page_of(sweep)


def test_the_document_has_them_all_with_null_for_what_is_not_known() -> None:
    [told] = document(having(INIT))["opportunities"]
    assert told == {
        "code": "init",
        "text": INIT.text,
        "basis": "4 cold starts",
        "saves_usd_per_million": 0.02,
        "saves_usd_per_month": None,
        "saves_ms": 839.0,
        "share_of_bill": 0.08,
        "danger": False,
        "brief": INIT.brief,
    }
