"""`--architectures` on recordings that have both: from the file to the decision over both."""

import json
import random
from itertools import pairwise
from pathlib import Path

import pytest

from tuner import recommend, sweep
from tuner.cli.app import main
from tuner.errors import UsageError
from tuner.suites.compare import compare_runs

SIZES = (128, 256, 512, 1024, 1769, 3008)


def recording(path: Path, arm_factor: float, rows: int = 30, arm: bool = True) -> Path:
    """A function with 400 ms of CPU and 60 ms of waiting; on arm64 all takes ``arm_factor`` times
    as long. Of 30 rows of a size 3 are cold starts."""
    rng = random.Random(3)
    lines = ["memory_mb,arch,duration_ms,init_ms"]
    for arch, factor in (("x86_64", 1.0), *((("aarch64", arm_factor),) if arm else ())):
        for size in SIZES:
            base = factor * (400 * max(1.0, 1769 / size) + 60)
            for number in range(rows):
                init = 200 + 20 * rng.random() if number < rows // 10 else ""
                lines.append(f"{size},{arch},{base * rng.lognormvariate(0, 0.04):.2f},{init}")
    path.write_text("\n".join(lines))
    return path


#: Enough where it does not matter how sizes are chosen: an adaptive sweep takes seconds.
QUICK = {"method": "grid", "samples": 6, "memory": "256,1024,1769", "cold": 0}


def swept(path: Path, tmp_path: Path, **options: object) -> dict[str, object]:
    asked = {"memory": "recorded", "seed": 1, "architectures": "both", **options}
    return sweep(
        f"replay:{path}", store=f"sqlite:///{tmp_path}/runs.db", output=None, **asked
    ).to_dict()


def test_the_cheaper_architecture_is_chosen_when_both_are_about_as_fast(tmp_path: Path) -> None:
    found = swept(recording(tmp_path / "r.csv", 1.02), tmp_path)
    assert found["recommendation"]["arch"] == "arm64"
    chances = {each["arch"]: each["chance"] for each in found["architectures"]}
    assert chances["arm64"] > 0.9
    assert {row["arch"] for row in found["sizes"]} == {"x86_64", "arm64"}
    assert found["recommendation"]["runners_up"][0]["arch"] == "x86_64"
    assert "The best size on x86_64" in found["recommendation"]["reasons"][0]


def test_the_dearer_architecture_is_chosen_when_the_other_is_much_slower(tmp_path: Path) -> None:
    found = swept(recording(tmp_path / "r.csv", 1.6), tmp_path)
    assert found["recommendation"]["arch"] == "x86_64"
    assert found["arch"] == "x86_64"


def test_speed_as_the_goal_chooses_what_is_faster_though_dearer(tmp_path: Path) -> None:
    found = swept(recording(tmp_path / "r.csv", 1.15), tmp_path, strategy="speed")
    assert found["recommendation"]["arch"] == "x86_64"


def test_an_objective_that_one_architecture_alone_can_meet_decides(tmp_path: Path) -> None:
    found = swept(recording(tmp_path / "r.csv", 1.2), tmp_path, slo=["p95<520ms"])
    assert found["recommendation"]["arch"] == "x86_64"
    assert found["recommendation"]["meets_slo"] is True
    there = next(each for each in found["architectures"] if each["arch"] == "arm64")
    assert there["recommendation"]["meets_slo"] is False


def test_each_architecture_is_priced_by_its_own_rates_and_has_a_curve(tmp_path: Path) -> None:
    found = swept(recording(tmp_path / "r.csv", 1.0), tmp_path, **QUICK)
    x86, arm = found["architectures"]
    assert (x86["arch"], arm["arch"]) == ("x86_64", "arm64")
    assert arm["price"]["gb_second_usd"] < x86["price"]["gb_second_usd"]
    assert x86["model"]["family"] and arm["model"]["family"]
    assert x86["chance"] + arm["chance"] == pytest.approx(1.0)


def test_calls_on_both_architectures_alternate_within_a_round(tmp_path: Path) -> None:
    from tuner.store.runs import find

    path = recording(tmp_path / "r.csv", 1.05)
    swept(path, tmp_path, method="grid", samples=6, memory="256,1024", cold=0)
    samples = find("last", f"sqlite:///{tmp_path}/runs.db", "sweep").samples
    order = [sample.arch for sample in sorted(samples, key=lambda each: each.call)]
    assert len({sample.round for sample in samples}) == 1
    assert order.count("x86_64") == order.count("arm64") == 12
    changes = sum(one != other for one, other in pairwise(order))
    assert changes >= 6


def test_a_limit_on_invocations_holds_for_both_together(tmp_path: Path) -> None:
    path = recording(tmp_path / "r.csv", 1.05)
    for most in (3, 20):
        found = swept(path, tmp_path, invocations=most)
        assert found["spend"]["invocations"] <= most


def test_the_same_seed_gives_the_same_answer_over_both(tmp_path: Path) -> None:
    path = recording(tmp_path / "r.csv", 1.1)
    first, second = (swept(path, tmp_path) for _ in range(2))
    assert first["recommendation"] == second["recommendation"]
    assert first["sizes"] == second["sizes"]


def test_a_stored_run_is_asked_again_over_both_or_about_one(tmp_path: Path) -> None:
    found = swept(recording(tmp_path / "r.csv", 1.02), tmp_path, **QUICK)
    store = f"sqlite:///{tmp_path}/runs.db"
    again = recommend("last", store=store).to_dict()
    assert again["recommendation"] == found["recommendation"]
    assert again["sizes"] == found["sizes"]
    one = recommend("last", store=store, arch="x86_64").to_dict()
    assert one["recommendation"]["arch"] == "x86_64"
    assert one["architectures"] is None
    assert not any(advice["code"] == "other-arch" for advice in one["warnings"])


def test_one_architecture_is_measured_alone_where_one_is_asked(tmp_path: Path) -> None:
    found = swept(recording(tmp_path / "r.csv", 1.3), tmp_path, architectures="arm64", **QUICK)
    assert {row["arch"] for row in found["sizes"]} == {"arm64"}
    assert found["recommendation"]["arch"] == found["arch"] == "arm64"


def test_a_recording_of_one_architecture_says_so_when_both_are_asked(tmp_path: Path) -> None:
    path = recording(tmp_path / "r.csv", 1.0, arm=False)
    with pytest.raises(UsageError, match="has no rows of arm64"):
        swept(path, tmp_path)


def test_what_is_wrong_with_the_rows_of_one_architecture_is_said_of_it(tmp_path: Path) -> None:
    path = recording(tmp_path / "r.csv", 1.0)
    rows = [line for line in path.read_text().splitlines() if ",x86_64," in line or line[0] == "m"]
    cold_only = [f"{size},arm64,{700 - size / 10},210" for size in SIZES for _ in range(6)]
    path.write_text("\n".join([*rows, *cold_only]))
    said = [w["text"] for w in swept(path, tmp_path, **QUICK)["warnings"]]
    assert next(text for text in said if "are cold starts" in text).startswith("On arm64: ")


def test_a_mixed_recording_says_that_both_can_be_compared(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--architectures both"):
        swept(recording(tmp_path / "r.csv", 1.0), tmp_path, architectures=None)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"architectures": "riscv"}, "is not known"),
        ({"profile_load": "steady"}, "knows neither queues nor throttles"),
        ({"isolation": "in-place"}, "cannot be measured in place"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_invoked(
    tmp_path: Path, options: dict[str, object], reason: str
) -> None:
    path = recording(tmp_path / "r.csv", 1.0)
    with pytest.raises(UsageError, match=reason):
        swept(path, tmp_path, **options)
    assert not (tmp_path / "runs.db").exists()


def test_the_machine_that_runs_a_demo_is_no_measurement_of_another_architecture() -> None:
    with pytest.raises(UsageError, match="this machine's processor"):
        sweep("demo:cpu", architectures="both", output=None)


def test_the_report_of_a_comparison_is_written(tmp_path: Path) -> None:
    path = recording(tmp_path / "r.csv", 1.05)
    result = sweep(
        f"replay:{path}", memory="recorded", seed=1, architectures="both", traffic="20rps",
        store=f"sqlite:///{tmp_path}/runs.db", output=str(tmp_path),
    )  # fmt: skip
    page = Path(result.to_dict()["report"]).read_text()
    for words in ("Architectures", "arm64 p95", "x86_64 cost", "On x86_64"):
        assert words in page
    json.dumps(result.to_dict(), allow_nan=False)


def test_the_architecture_that_was_chosen_is_applied_to_the_template(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = swept(recording(tmp_path / "r.csv", 1.02), tmp_path, **QUICK)
    template = tmp_path / "template.yaml"
    template.write_text(
        "Resources:\n  Orders:\n    Type: AWS::Serverless::Function\n    Properties:\n"
        "      MemorySize: 3000 # in May\n      Architectures: [x86_64] # since May\n"
    )
    words = ["apply", "last", "--file", "template.yaml", "--store", f"sqlite:///{tmp_path}/runs.db"]
    with pytest.raises(SystemExit) as ended:
        main([*words, "--write"])
    assert not ended.value.code
    size = found["recommendation"]["memory_mb"]
    assert f"MemorySize: {size} # in May" in template.read_text()
    assert "Architectures: [arm64] # since May" in template.read_text()
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main([*words, "--arch", "mips"])
    assert ended.value.code == 2
    assert "x86_64 or arm64" in capsys.readouterr().err


def test_the_pareto_front_is_that_of_all_architectures_together(tmp_path: Path) -> None:
    result = sweep(
        f"replay:{recording(tmp_path / 'r.csv', 0.9)}",
        memory="recorded", seed=1, architectures="both", method="grid", samples=12,
        store=f"sqlite:///{tmp_path}/runs.db", output=None,
    ).sweep  # fmt: skip
    fronts = {each.arch: each.pareto_mb for each in result.each}
    # arm64 is cheaper and faster at every size, so that nothing of x86_64 is left of it.
    assert fronts["arm64"]
    assert fronts["x86_64"] == ()


def test_runs_over_both_are_compared_by_the_calls_of_one_architecture(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/runs.db"
    grid: dict[str, object] = {"method": "grid", "samples": 12, "memory": "256,1024", "cold": 0}
    path = recording(tmp_path / "r.csv", 3.0)
    first, second = (swept(path, tmp_path, seed=seed, **grid)["run"] for seed in (1, 2))
    found = compare_runs(str(first), str(second), ["p50 +50%"], store)
    judged = [each for size in found.sizes for each in size.judgements]
    assert [each.calls for each in judged] == [(12, 12), (12, 12)]
    for each, size in zip(judged, (256, 1024), strict=True):
        of_x86 = 400 * 1769 / size + 60  # of both together the median would be twice that
        assert each.before == pytest.approx(of_x86, rel=0.1)
    assert [advice.code for advice in found.warnings] == ["architecture-left-out"] * 2
    arm = swept(path, tmp_path, architectures="arm64", **grid)["run"]
    with pytest.raises(UsageError, match="architecture"):
        compare_runs(str(first), str(arm), store_url=store)
