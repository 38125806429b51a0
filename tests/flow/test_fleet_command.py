"""``tuner fleet`` against an account that answers as AWS does, for people and as documents."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.account import Account, environment, reports, serving, three_functions
from support.commands import Run
from support.documents import check

CALLS = 1_000_000.0


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An account of three functions: a dear one, one in danger, one that nobody calls."""
    found = three_functions(CALLS)
    with serving(found) as url:
        for name, value in environment(url).items():
            monkeypatch.setenv(name, value)
        yield found


def fleet(tuner: Run, *words: str, code: int = 0) -> tuple[dict[str, object], str, str]:
    got, out, err = tuner("fleet", "--region", "eu-west-1", "--json", "fleet.json", *words)
    assert got == code, err
    document = json.loads(Path("fleet.json").read_text())
    check(document, "fleet")
    return document, out, err


def test_the_dear_function_comes_first_with_its_bill(account: Account, tuner: Run) -> None:
    document, out, err = fleet(tuner)
    first, second, third = document["functions"]
    assert (first["name"], second["name"], third["name"]) == ("orders", "mails", "old")
    # 30 days of a month of 30.4: 1 GB x (200 ms + 1 % of 500 ms INIT), and the fee of a call.
    months = 365.0 / 12.0 / 30.0
    each = 0.205 * 0.0000166667 + 0.0000002
    assert first["cost_usd_per_month"] == pytest.approx(CALLS * each * months, rel=0.01)
    assert first["cold_share"] == pytest.approx(0.01)
    assert first["init_share"] == pytest.approx(5.0 / 205.0)
    assert third["calls_per_month"] == 0.0
    assert "orders" in out and "metrics of 3 functions cost at most" in err


def test_dangers_are_named_with_their_figures(account: Account, tuner: Run) -> None:
    document, out, _ = fleet(tuner)
    mails = next(each for each in document["functions"] if each["name"] == "mails")
    texts = {each["code"]: each["text"] for each in mails["findings"] if each["danger"]}
    assert set(texts) == {"memory", "timeout", "throttles", "runtime"}
    assert "250 of 256 MB" in texts["memory"]
    assert "reached the timeout of 30 s" in texts["timeout"]
    assert "500 calls were throttled, 4.8 %" in texts["throttles"]
    assert "nodejs18.x on 2025-09-01" in texts["runtime"]
    assert "At risk: 1 function" in out


def test_what_its_own_queries_cost_is_counted(account: Account, tuner: Run) -> None:
    document, _, _ = fleet(tuner)
    queries = document["queries"]
    assert queries["metrics"] == 3 + 2 * 8  # calls of each, the rest of those that are called
    assert queries["metrics_usd"] == pytest.approx(queries["metrics"] * 0.00001)
    assert queries["scanned_bytes"] == 2.01e9
    assert queries["scanned_usd"] == pytest.approx(0.01005)
    assert account.count("StartQuery") == queries["log_queries"] == 1


def test_nothing_is_changed_and_nothing_invoked(account: Account, tuner: Run) -> None:
    fleet(tuner)
    assert {name for name, _ in account.asked} == {
        *("ListFunctions", "GetMetricData", "StartQuery", "GetQueryResults"),
        "GetLambdaFunctionRecommendations",
    }


def test_a_limit_leaves_the_cheapest_logs_out(account: Account, tuner: Run) -> None:
    document, _, _ = fleet(tuner, "--max-cost", "0.0005", code=3)
    gaps = {each["name"]: each["gaps"] for each in document["functions"]}
    assert "more than --max-cost leaves" in gaps["orders"]["logs"]
    assert "logs" not in gaps["mails"]  # 10 MB are cheap
    assert any("--max-cost" in gap for gap in document["gaps"])


def test_logs_that_cost_more_than_they_should_end_at_the_limit(
    account: Account, tuner: Run
) -> None:
    account.scans = 1000.0
    for number in range(500):
        name = f"f{number:03}"
        account.add(name, calls=1000.0)
        account.metrics[name] |= {("Duration", "Sum"): 1e5, "log_bytes": 1e5}
        account.rows[name] = [reports(512, 1000, 100.0)]
    document, _, _ = fleet(tuner, "--max-cost", "0.5", code=3)
    assert document["queries"]["log_queries"] == 1  # the first cost 10 dollars
    assert account.count("StopQuery") > 0
    assert any("--max-cost is reached" in gap for gap in document["gaps"])


def test_metrics_beyond_the_limit_are_refused_and_no_log_is_asked(
    account: Account, tuner: Run
) -> None:
    code, _, err = tuner("fleet", "--region", "eu-west-1", "--max-cost", "0.0001")
    assert code == 2 and "more than --max-cost allows" in err
    assert account.count("StartQuery") == account.count("GetMetricData") == 0


def test_without_metrics_no_log_is_read_since_nothing_says_its_price(
    account: Account, tuner: Run
) -> None:
    account.denied.add("GetMetricData")
    document, _, _ = fleet(tuner, code=3)
    assert account.count("StartQuery") == 0
    assert any("nothing says what reading them costs" in gap for gap in document["gaps"])
    assert "not known" in document["summary"][0] and "not known" in document["summary"][2]
    assert document["queries"]["usd"] == 0.0  # nothing was answered


def test_no_right_for_logs_leaves_the_metrics(account: Account, tuner: Run) -> None:
    account.denied.add("StartQuery")
    document, out, _ = fleet(tuner, code=3)
    orders = document["functions"][0]
    assert orders["cost_usd_per_month"] is not None and orders["with_init"] is False
    assert orders["p95_ms"] == 400.0
    assert "logs:StartQuery" in " ".join(document["gaps"]) and "logs:StartQuery" in out


def test_a_missing_log_group_is_one_functions_gap(account: Account, tuner: Run) -> None:
    account.missing_groups.add("/aws/lambda/mails")
    document, _, _ = fleet(tuner, code=3)
    by_name = {each["name"]: each for each in document["functions"]}
    assert by_name["orders"]["with_init"] is True
    assert by_name["mails"]["with_init"] is False and "logs" in by_name["mails"]["gaps"]


def test_names_and_tags_choose_functions(account: Account, tuner: Run) -> None:
    account.tagged = {"mails": {"team": "post"}, "orders": {"team": "shop"}}
    document, _, _ = fleet(tuner, "--tag", "team=post")
    assert [each["name"] for each in document["functions"]] == ["mails"]
    document, _, _ = fleet(tuner, "or*", "old")
    assert {each["name"] for each in document["functions"]} == {"orders", "old"}
    code, _, err = tuner("fleet", "nobody*", "--region", "eu-west-1")
    assert code == 1 and "no function of eu-west-1 is meant" in err


def test_a_page_and_a_table_have_every_function(account: Account, tuner: Run) -> None:
    _, out, _ = fleet(tuner, "--output", "pages", "--csv", "fleet.csv")
    page = Path("pages/fleet-eu-west-1.html")
    assert f"Report: {page}" in out and "By what may be saved" in page.read_text()
    with Path("fleet.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["orders", "mails", "old"]
    assert rows[1]["findings"].split()[0] in {"memory", "timeout", "throttles", "runtime"}


def test_many_functions_are_asked_in_batches(account: Account, tuner: Run) -> None:
    account.polls = 1
    for number in range(300):
        name = f"f{number:03}"
        account.add(name, calls=1000.0)
        account.metrics[name] |= {("Duration", "Sum"): 1e5, "log_bytes": 1e5}
        account.rows[name] = [reports(512, 1000, 100.0)]
    document, _, _ = fleet(tuner)
    assert len(document["functions"]) == 303
    assert account.count("ListFunctions") == 7
    assert account.count("StartQuery") == 7
    assert account.count("GetMetricData") == 1 + 5
    assert all(each["with_init"] for each in document["functions"] if each["calls_per_month"])
