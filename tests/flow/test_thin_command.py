"""``tuner runs thin``: old runs keep their percentiles, and whoever reads them is told."""

import json
from pathlib import Path

import pytest

from support.commands import Run

CODE = "samples-in-histograms"


@pytest.fixture
def swept(tuner: Run, tmp_path: Path) -> str:
    """The id of a stored grid sweep."""
    lines = ["memory_mb,duration_ms,init_ms"]
    for size, base in ((128, 900.0), (256, 400.0), (512, 210.0)):
        lines += [f"{size},{base + wobble}," for wobble in range(-20, 21)]
        lines += [f"{size},{base * 1.2},150"]
    (tmp_path / "rec.csv").write_text("\n".join(lines))
    grid = ("--memory", "recorded", "--method", "grid", "--samples", "40", "--seed", "3")
    code, out, err = tuner("sweep", "replay:rec.csv", *grid, "--json", "-")
    assert code == 0, err
    return str(json.loads(out)["run"])


def document(tuner: Run, *words: str) -> dict[str, object]:
    code, out, err = tuner(*words, "--json", "-")
    assert code == 0, err
    found: dict[str, object] = json.loads(out)
    return found


def codes(found: dict[str, object]) -> list[str]:
    warnings = found["warnings"]
    assert isinstance(warnings, list)
    return [each["code"] for each in warnings]


def test_a_thinned_sweep_is_recommended_from_again_and_says_what_is_gone(
    tuner: Run, swept: str
) -> None:
    before = document(tuner, "recommend", swept)
    code, out, err = tuner("runs", "thin", "--older-than", "1ms", "--smallest", "100", "--yes")
    assert (code, err) == (0, "")
    assert out.startswith(f"{swept}: ")
    assert out.endswith(" samples thinned.\n")
    after = document(tuner, "recommend", swept)
    assert CODE not in codes(before)
    assert CODE in codes(after)
    for name in ("p50", "p95", "max"):
        assert sizes(after, name) == pytest.approx(sizes(before, name), rel=2e-3)
    assert picked(after) == picked(before)
    page = tuner("report", swept)
    assert page[0] == 0
    assert "were thinned to histograms" in Path("reports").glob("*.html").__next__().read_text()
    code, _, err = tuner("sweep", "--resume", swept)
    assert (code, "were thinned to histograms" in err) == (1, True)
    assert "Nothing to thin" in tuner("runs", "thin", "--older-than", "1ms", "--yes")[1]


def sizes(found: dict[str, object], name: str) -> list[float]:
    rows = found["sizes"]
    assert isinstance(rows, list)
    return [row["warm"]["duration_ms"][name] for row in rows]


def picked(found: dict[str, object]) -> object:
    recommendation = found["recommendation"]
    assert isinstance(recommendation, dict)
    return recommendation["memory_mb"]


def test_a_thinned_load_keeps_its_report_and_says_so_too(tuner: Run, swept: str) -> None:
    words = ("--memory", "256", "--rate", "200", "--duration", "2s", "--seed", "1")
    loaded = document(tuner, "load", "replay:rec.csv", *words)
    run = str(loaded["run"])
    assert tuner("runs", "thin", "--older-than", "1ms", "--smallest", "300", "--yes")[0] == 0
    code, out, _ = tuner("runs", "show", run)
    assert code == 0
    assert "samples of this run were thinned to histograms" in " ".join(out.split())
    listed = tuner("runs")[1]
    assert next(line for line in listed.splitlines() if run in line).split()[-1] == "400"


def test_two_runs_are_compared_although_one_was_thinned(tuner: Run, swept: str) -> None:
    grid = ("--memory", "recorded", "--method", "grid", "--samples", "30", "--seed", "4")
    young = str(document(tuner, "sweep", "replay:rec.csv", *grid)["run"])
    tuner("runs", "thin", "--older-than", "1ms", "--smallest", "110", "--yes")
    compared = document(tuner, "compare", swept, young)
    assert codes(compared) == [CODE]


def test_thinning_asks_first_and_takes_its_age_from_the_settings(
    tuner: Run, swept: str, tmp_path: Path
) -> None:
    code, _, err = tuner("runs", "thin")
    assert (code, "needs an age" in err, "retention" in err) == (2, True, True)
    settings = tmp_path / "tuner.toml"
    settings.write_text('[store]\nretention = "30d"\n')
    assert tuner("runs", "thin")[1] == "Nothing to thin that is older than 30d.\n"
    settings.write_text('[store]\nretention = "1ms"\n')
    code, _, err = tuner("runs", "thin", "--smallest", "1")
    assert (code, err) == (
        1,
        "tuner: runs thin: needs a confirmation\nAdd --yes.\n",
    )
    assert CODE not in codes(document(tuner, "recommend", swept))
    for text, reason in (
        ("[store]\nretention = 30\n", "store: retention 30 is not a string"),
        ('[store]\nretention = "soon"\n', "store: retention 'soon' is not a time"),
        ("[store\n", "is not TOML"),
    ):
        settings.write_text(text)
        code, _, err = tuner("runs", "thin")
        assert (code, reason in err) == (2, True)
