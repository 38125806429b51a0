"""Every format of a bench run: what it says, and that its readers can read it."""

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.benches import all_kinds, case, document
from support.examples import examples
from tuner.errors import Partial, UsageError
from tuner.outputs.lines import headline, lines, origin, worth_telling
from tuner.outputs.markdown import markdown, slack
from tuner.outputs.programs import (
    action_benchmark,
    badge_endpoint,
    badge_svg,
    bencher,
    junit,
    webhook,
)
from tuner.outputs.write import Outputs
from tuner.suites.result import CaseState

ALL = all_kinds()
ODD = "a|b <!-- @all --> `x` [l](http://e.x) *b* \x00\x1b ]]> \ud83d\n# h"


def odd() -> dict[str, Any]:
    return document(case(ODD), case("gone", state=CaseState.FAILED, reason=ODD), suite=ODD)


def test_the_headline_counts_what_was_found() -> None:
    assert headline(ALL) == "2 regressed, 2 improved, 8 unchanged, 2 cases not judged"
    assert headline(document()) == "nothing was judged"
    assert origin(ALL) == "nightly, main at abc1234"


def test_the_most_serious_gates_come_first() -> None:
    order = [str(line.verdict) for line in lines(ALL)]
    assert order[0] == "regressed" and order == sorted(
        order, key=["regressed", "cannot tell", "improved", "same"].index
    )


def test_only_what_somebody_wants_to_hear_is_worth_telling() -> None:
    assert worth_telling(ALL)
    assert worth_telling(document(case(after=80.0)))
    assert worth_telling(document(case(after=130.0), warn_only=True))
    assert not worth_telling(document(case()))


def test_markdown_shows_changes_openly_and_folds_the_rest() -> None:
    text = markdown(ALL)
    open_, folded = text.split("<details>")
    assert text.startswith("### 🔴 tuner bench: 2 regressed")
    assert "| 🔴 | checkout at 512 MB | p50 +10% | 99.6 ms | 129 ms | +30 % (" in open_
    assert "- ⚠️ gone: failed: function gone: it does not exist" in text
    assert "The clock was set back." in text
    assert "mail" not in open_ and "mail at 512 MB" in folded


def test_markdown_says_what_the_control_showed_of_the_platform() -> None:
    made = all_kinds()
    gate = made["cases"][0]["sizes"][0]["gates"][0]
    gate["control_ratio"] = 1.19
    assert "+30 % (+29 % to +31 %), the control +19 % |" in markdown(made)
    gate |= {"verdict": "cannot tell", "enough": None}
    assert "the control +19 % | inconclusive; `--against` decides it in one run |" in markdown(made)
    assert "control" not in markdown(ALL)


def test_markdown_says_when_a_regression_only_warns() -> None:
    assert "only warns" in markdown(all_kinds(warn_only=True))
    assert "only warns" not in markdown(ALL)


def rendered(text: str) -> str:
    """As HTML, by the rules of GitHub's Markdown; nothing is linked by itself."""
    from markdown_it import MarkdownIt

    return str(MarkdownIt("gfm-like", {"linkify": False, "html": True}).render(text))


def test_names_are_never_markup() -> None:
    text = markdown(odd())
    assert "@all" not in text and "http://" not in text
    page = rendered(text)
    tags = set(re.findall(r"<(/?\w+|!--)", page))
    ours = {"h3", "p", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "details"}
    assert tags <= {f"{end}{tag}" for tag in ours | {"summary", "sub"} for end in ("", "/")}
    assert {row.count("<td") for row in page.split("<tr>")} == {0, 7}


def test_markdown_is_rendered_as_tables() -> None:
    page = rendered(markdown(ALL))
    assert page.count("<table>") == 2
    assert page.count("<tr>") == 2 + len(lines(ALL))


def parsed(text: str) -> Any:
    junitparser = pytest.importorskip("junitparser", reason="junitparser is absent")
    return junitparser.JUnitXml.fromstring(text.encode())


def test_junit_has_a_test_for_every_gate_and_every_case_that_was_not_judged() -> None:
    xml = parsed(junit(ALL))
    assert (xml.tests, xml.failures, xml.errors, xml.skipped) == (len(lines(ALL)) + 2, 2, 1, 1)
    assert xml.time == 65.0
    suites = {suite.name: suite for suite in xml}
    first = next(iter(suites["checkout"]))
    assert (first.name, first.classname) == ("p50 +10% at 512 MB", "nightly.checkout")
    assert "p50 is slower: +30 %" in first.result[0].message
    (gone,) = suites["gone"]
    assert "it does not exist" in gone.result[0].message


def test_junit_of_a_suite_that_only_warns_has_no_failure() -> None:
    text = junit(all_kinds(warn_only=True))
    assert parsed(text).failures == 0
    assert "warning only: p50 is slower" in text


def test_junit_takes_any_name() -> None:
    xml = parsed(junit(odd()))
    assert (xml.tests, xml.errors) == (5, 1)


@examples(60)
@given(st.text(max_size=40), st.text(max_size=40))
def test_any_name_and_reason_can_be_written(name: str, reason: str) -> None:
    made = document(case("gone", state=CaseState.FAILED, reason=reason), suite=name or "x")
    assert ElementTree.fromstring(junit(made).encode()).get("errors") == "1"
    assert ElementTree.fromstring(badge_svg(made).encode()).tag.endswith("svg")
    assert len(markdown(made).splitlines()) <= 8
    json.dumps([slack(made), webhook(made), badge_endpoint(made)]).encode()


@pytest.mark.parametrize(
    ("made", "message", "color"),
    [
        (ALL, "2 regressed", "red"),
        (document(case()), "no regression", "brightgreen"),
        (document(case(after=80.0)), "improved", "brightgreen"),
        (document(case(state=CaseState.NO_BASELINE)), "not judged", "lightgrey"),
    ],
)
def test_a_badge_says_the_verdict(made: dict[str, Any], message: str, color: str) -> None:
    endpoint = badge_endpoint(made)
    assert (endpoint["message"], endpoint["color"]) == (message, color)
    assert endpoint["schemaVersion"] == 1
    assert f"nightly: {message}" in badge_svg(made)


def test_a_webhook_gets_the_gates_that_changed() -> None:
    payload = webhook(ALL)
    assert payload["schema"] == "tuner.notice/1" and payload["exit_code"] == 99
    assert {gate["case"] for gate in payload["changed_gates"]} == {"checkout", "search"}
    assert [each["case"] for each in payload["unjudged_cases"]] == ["gone", "new"]


def test_slack_gets_blocks_within_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_RUN_ID", "CI_JOB_URL", "CODEBUILD_PUBLIC_BUILD_URL"):
        monkeypatch.delenv(name, raising=False)
    many = document(*(case(f"case {n}", 130.0) for n in range(40)))
    for made in (ALL, many, odd()):
        body = slack(made)
        assert len(body["blocks"]) <= 50
        texts = [block["text"]["text"] for block in body["blocks"] if "text" in block]
        assert all(0 < len(text) <= 3000 for text in texts)
        assert "<" not in json.dumps(body)
    assert "and 68 more" in json.dumps(slack(many))


def test_a_message_leads_to_the_run_of_ci_that_sent_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_RUN_ID", "CI_JOB_URL", "CODEBUILD_PUBLIC_BUILD_URL"):
        monkeypatch.delenv(name, raising=False)
    assert webhook(ALL)["url"] is None and "this run" not in json.dumps(slack(ALL))
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    monkeypatch.setenv("GITHUB_REPOSITORY", "team/shop")
    monkeypatch.setenv("GITHUB_RUN_ID", "7")
    url = "https://github.com/team/shop/actions/runs/7"
    assert webhook(ALL)["url"] == url
    assert slack(ALL)["blocks"][-1]["elements"][0]["text"].endswith(f"(<{url}|this run>)")


def test_bencher_gets_a_value_and_limits_for_every_measure() -> None:
    found = bencher(ALL)
    metric = found["checkout at 512 MB"]["p50 (ms)"]
    assert metric["lower_value"] < metric["value"] < metric["upper_value"]
    assert set(found["checkout at 512 MB"]) == {
        "p50 (ms)", "cost_per_million (USD/million)", "errors (share)", "p95 (ms)",
    }  # fmt: skip


def test_the_action_benchmark_gets_one_entry_for_every_measure() -> None:
    found = action_benchmark(ALL)
    assert len({entry["name"] for entry in found}) == len(found) == 12
    assert all({"name", "unit", "value"} <= entry.keys() for entry in found)


def test_files_are_written_and_the_step_summary_is_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    names = ("b.md", "b.xml", "b.svg", "hook.json", "slack.json", "bmf.json", "gab.json")
    wanted = Outputs(*(str(tmp_path / "new" / name) for name in names)).checked()
    wanted.write(ALL)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(names)
    assert summary.read_text() == "before\n" + (tmp_path / "new/b.md").read_text()
    Outputs(badge=str(tmp_path / "b.json")).write(ALL)
    assert json.loads((tmp_path / "b.json").read_text())["label"] == "nightly"


def test_one_file_that_cannot_be_written_does_not_keep_the_others(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    wanted = Outputs(markdown=f"{tmp_path}/file/b.md", junit=f"{tmp_path}/b.xml")
    with pytest.raises(UsageError, match="--markdown"):
        wanted.write(ALL)
    assert (tmp_path / "b.xml").exists()


def test_a_step_summary_that_cannot_be_written_is_partial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    with pytest.raises(Partial, match="step summary"):
        Outputs().write(ALL)


def test_a_badge_of_another_kind_is_refused_before_anything_runs() -> None:
    with pytest.raises(UsageError, match="neither"):
        Outputs(badge="badge.png").checked()
