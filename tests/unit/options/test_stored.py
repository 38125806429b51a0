"""What a run keeps of its options: no secrets, and enough to go on; old runs are read, too."""

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from tuner.errors import UsageError
from tuner.options.commands import SweepCommand
from tuner.options.load_options import LoadOptions
from tuner.options.question import without_lost_traffic
from tuner.options.sweep import (
    SweepOptions,
    as_sweep,
    measuring_options,
    stored_options,
    with_secrets,
)
from tuner.units import MemoryRange

#: As version 0.1 stored them: texts as they were written.
OLD = {
    "target": "orders",
    "env": ["KEY", "TOKEN"],
    "where": [],
    "cpu": "auto",
    "isolation": "versions",
    "architectures": "both",
    "memory": "128,512",
    "method": "grid",
    "samples": 10,
    "payload": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    "seed": 3,
    "strategy": "balanced",
    "balance": 0.5,
    "slo": ["p95<300ms"],
    "cold_share": "1%",
    "traffic": "20rps",
    "max_cost": "$0.05",
    "max_time": "10m",
    "bench": "of another command",
}


def test_options_of_an_old_run_are_read_and_stored_again() -> None:
    options = stored_options(OLD)
    assert options.memory == MemoryRange(sizes_mb=(128, 512))
    assert (options.max_cost, options.max_time) == (0.05, 600.0)
    assert options.architectures == ("x86_64", "arm64")
    assert [slo.text for slo in options.slo] == ["p95<300ms"]
    again = options.stored()
    assert again["env"] == OLD["env"] and again["payload"] == OLD["payload"]
    assert (again["max_cost"], again["max_time"], again["traffic"]) == ("0.05", "10m", "20rps")
    assert stored_options(again) == options


def test_secrets_are_not_kept_and_have_to_be_given_again() -> None:
    given = SweepOptions("orders", env=["KEY=a", "TOKEN=b"], payload="{}", seed=3)
    kept = given.stored()
    assert kept["env"] == ["KEY", "TOKEN"] and "a" not in kept["env"]
    again = with_secrets(stored_options(kept), given)
    assert dict(again.env) == {"KEY": "a", "TOKEN": "b"} and again.payload == "{}"
    with pytest.raises(UsageError, match="--env"):
        with_secrets(stored_options(kept), SweepOptions("orders", env={"KEY": "a"}))
    with pytest.raises(UsageError, match="--payload"):
        with_secrets(stored_options(kept), given.but(payload='{"other": 1}'))


def test_parameters_of_a_template_are_kept_by_name_and_given_again() -> None:
    given = SweepOptions("local:t.yaml", parameter={"Stage": "prod", "Key": "hidden"})
    kept = given.stored()
    assert kept["parameter"] == ["Stage", "Key"]
    assert with_secrets(stored_options(kept), given).parameter == given.parameter
    with pytest.raises(UsageError, match="--parameter: is not as the run began"):
        with_secrets(stored_options(kept), SweepOptions("local:t.yaml", parameter="Stage=prod"))


def test_headers_and_queries_of_a_load_are_not_kept() -> None:
    options = LoadOptions("f", rate=5, url="https://x.example/?key=1", header="X-Api-Key: abc")
    kept = options.stored()
    assert (kept["url"], kept["header"], kept["rate"]) == ("https://x.example/", ["X-Api-Key"], "5")


def test_where_results_go_is_not_kept_with_a_run() -> None:
    command = SweepCommand("f", json_to="-", output="out", store="s", yes=True, resume=None)
    assert command.stored() == SweepOptions("f", seed=command.seed).stored()
    assert as_sweep(command) == SweepOptions("f", seed=command.seed)


def test_reports_show_how_was_measured_but_no_secrets_and_nothing_internal() -> None:
    shown = measuring_options()
    assert {"memory", "slo", "traffic", "rate", "variants", "max_cost"} <= set(shown)
    assert not {"payload", "env", "pre", "left_out", "seed"} & set(shown)


def test_traffic_whose_file_is_gone_is_left_out_and_told(tmp_path: Path) -> None:
    kept, told = without_lost_traffic({"traffic": f"{tmp_path}/gone.csv"}, again=False)
    assert kept["traffic"] is None and told[0].code == "traffic-lost"
    assert without_lost_traffic({"traffic": "gone.csv"}, again=True)[1] == ()


def test_options_are_frozen_hashable_and_short_to_look_at() -> None:
    options = SweepOptions("f", seed=1, memory=[128, 512], max_cost="0.05")
    with pytest.raises(FrozenInstanceError):
        options.seed = 2
    assert hash(options) == hash(options.but())
    assert options.but(seed=2) != options
    assert len(repr(options)) < 150
