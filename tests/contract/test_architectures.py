"""Architectures compared on temporary copies: what is made, what is refused, what is left."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.commands import exit_code as run
from tuner.aws.control import ControlPlane
from tuner.aws.journal import pending
from tuner.aws.lost import restore_journal
from tuner.aws.package import refuse_architecture
from tuner.aws.session import AwsSession
from tuner.clock import WallClock
from tuner.errors import TargetError
from tuner.records import Setting
from tuner.targets.aws import AwsTarget, on_architectures
from tuner.targets.composite import Composite
from tuner.targets.seam import Variant

pytestmark = pytest.mark.slow

Open = Callable[..., AwsTarget]
X86, ARM = Setting(128, "x86_64"), Setting(512, "arm64")
#: ELF header, 64 bits, little-endian, a shared object for x86-64 (e_machine 0x3E).
ELF_X86 = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 3, 0x3E) + bytes(44)


@pytest.fixture(autouse=True)
def _packages_of_moto_can_be_fetched(
    service: Any, monkeypatch: pytest.MonkeyPatch, make_zip: Callable[..., bytes]
) -> None:
    """moto tells an address on the internet; what is there would be what was uploaded."""
    if service.name == "moto":
        package = make_zip({"app.py": "def handler(event, context):\n    return event\n"})
        monkeypatch.setattr("tuner.aws.package._download", lambda *_: package)


def compared(target: AwsTarget) -> Composite:
    found = on_architectures(target, "both")
    assert isinstance(found, Composite)
    return found


def functions_of(service: Any) -> set[str]:
    return {f["FunctionName"] for f in service.client.list_functions()["Functions"]}


def test_each_architecture_has_its_own_copy_and_the_function_stays(
    open_target: Open, service: Any, function: str, journal: Path
) -> None:
    before, there = service.picture(function), functions_of(service)
    target = compared(open_target(function))
    made = target.prepare([X86, ARM])
    for setting, variant in made.items():
        assert isinstance(variant, Variant)
        assert variant.function is not None
        version = service.client.get_function(
            FunctionName=variant.function, Qualifier=variant.qualifier
        )["Configuration"]
        assert (version["MemorySize"], version["Architectures"]) == (
            setting.memory_mb,
            [setting.arch],
        )
    assert len(functions_of(service) - there) == 2
    assert len(pending(journal)) == 2
    target.restore()
    assert service.picture(function) == before
    assert functions_of(service) == there
    assert pending(journal) == []
    target.restore()
    target.close()


def test_the_copies_of_a_dead_run_are_deleted_each_by_its_own_journal(
    open_target: Open,
    service: Any,
    function: str,
    journal: Path,
    aws_session: AwsSession,
    hasty_clock: WallClock,
) -> None:
    before, there = service.picture(function), functions_of(service)
    target = compared(open_target(function))
    target.prepare([X86, ARM])
    for journal_of in target.parts().values():
        assert isinstance(journal_of, AwsTarget)
        assert journal_of._deployed._journal is not None
        journal_of._deployed._journal.close()  # as the end of a process does
    for entry in pending(journal):
        assert restore_journal(entry, ControlPlane(aws_session, hasty_clock))
    assert functions_of(service) == there
    assert service.picture(function) == before
    assert pending(journal) == []


@pytest.mark.parametrize("service", ["local"], indirect=True)
def test_code_built_for_one_architecture_is_a_reason_and_not_the_end(
    open_target: Open, service: Any, make_zip: Callable[..., bytes], journal: Path
) -> None:
    package = make_zip({"app.py": "def handler(e, c):\n    return e\n", "lib/fast.so": ELF_X86})
    service.create("native", package)
    there = functions_of(service)
    target = compared(open_target("native"))
    made = target.prepare([X86, ARM])
    assert isinstance(made[X86], Variant)
    assert isinstance(made[ARM], TargetError)
    assert "built for x86_64 and none for arm64 (lib/fast.so)" in made[ARM].reason
    target.restore()
    assert functions_of(service) == there
    assert pending(journal) == []
    target.close()
    service.client.delete_function(FunctionName="native")


GRID = ("--method", "grid", "--memory", "128,512", "--samples", "3", "--cold", "2", "--seed", "1")


@pytest.mark.parametrize("service", ["local"], indirect=True)
def test_a_sweep_over_both_is_interleaved_and_leaves_all_as_it_was(
    service: Any, function: str
) -> None:
    before, there = service.picture(function), functions_of(service)
    where = ("--endpoint-url", service.url, "--region", "eu-west-1")
    words = ("sweep", function, *where, "--architectures", "both", *GRID, "--json", "out.json")
    assert run(*words) == 0
    assert service.picture(function) == before
    assert functions_of(service) == there
    found = json.loads(Path("out.json").read_text())
    rows = [(row["arch"], row["memory_mb"], row["warm"]["n"]) for row in found["sizes"]]
    assert [row[:2] for row in rows] == [
        ("x86_64", 128), ("x86_64", 512), ("arm64", 128), ("arm64", 512),
    ]  # fmt: skip
    assert all(n >= 3 for _, _, n in rows)
    assert all(row["cold"]["n"] >= 1 for row in found["sizes"])
    assert found["recommendation"]["arch"] in ("x86_64", "arm64")
    assert "same-processor" in {advice["code"] for advice in found["warnings"]}
    assert run("recommend", "last", "--json", "again.json") == 0
    again = json.loads(Path("again.json").read_text())
    assert again["recommendation"] == found["recommendation"]


@pytest.mark.parametrize("service", ["local"], indirect=True)
def test_an_architecture_without_code_is_a_row_with_its_reason(
    service: Any, make_zip: Callable[..., bytes]
) -> None:
    package = make_zip({"app.py": "def handler(e, c):\n    return e\n", "fast.so": ELF_X86})
    service.create("compiled", package)
    where = ("--endpoint-url", service.url, "--region", "eu-west-1")
    words = ("sweep", "compiled", *where, "--architectures", "both", *GRID, "--json", "out.json")
    assert run(*words) == 3
    found = json.loads(Path("out.json").read_text())
    assert found["recommendation"]["arch"] == "x86_64"
    failed = [row for row in found["sizes"] if row["arch"] == "arm64"]
    assert failed
    assert all("none for arm64" in row["reason"] for row in failed)
    assert "architecture-lost" in {advice["code"] for advice in found["warnings"]}
    service.client.delete_function(FunctionName="compiled")


@pytest.mark.parametrize("service", ["local"], indirect=True)
def test_the_functions_own_architecture_alone_needs_no_copy(
    open_target: Open, function: str
) -> None:
    target = open_target(function)
    assert on_architectures(target, "x86_64") is target


@pytest.mark.parametrize("service", ["moto"], indirect=True)
def test_a_layer_says_what_it_suits(
    service: Any, aws_session: AwsSession, make_zip: Callable[..., bytes]
) -> None:
    def arn_of(name: str, *suits: str) -> str:
        made = service.client.publish_layer_version(
            LayerName=name,
            Content={"ZipFile": make_zip({"x.py": ""})},
            CompatibleArchitectures=list(suits),
        )
        return str(made["LayerVersionArn"])

    def refuse(*layers: str) -> None:
        configuration = {"Architectures": ["x86_64"], "Layers": [{"Arn": arn} for arn in layers]}
        refuse_architecture(ControlPlane(aws_session), configuration, {}, "arm64", "orders")

    refuse(arn_of("fits", "x86_64", "arm64"))
    with pytest.raises(TargetError, match="its layer only-x86:1 is for x86_64 only"):
        refuse(arn_of("only-x86", "x86_64"))


@pytest.mark.parametrize("service", ["moto"], indirect=True)
def test_a_container_image_is_refused_with_the_reason(aws_session: AwsSession) -> None:
    code = {"ImageUri": "000000000000.dkr.ecr.eu-west-1.amazonaws.com/orders@sha256:0"}
    control = ControlPlane(aws_session)
    with pytest.raises(TargetError, match="container image"):
        refuse_architecture(control, {"Architectures": ["x86_64"]}, code, "arm64", "orders")
    refuse_architecture(control, {"Architectures": ["arm64"]}, code, "arm64", "orders")


@pytest.mark.parametrize("service", ["local"], indirect=True)
def test_a_plan_over_both_counts_a_copy_and_the_calls_of_each(service: Any, function: str) -> None:
    there = functions_of(service)
    where = ("--endpoint-url", service.url, "--region", "eu-west-1")
    grid = ("--method", "grid", "--memory", "128,512", "--samples", "3", "--cold", "0")
    assert run("plan", function, *where, *grid, "--json", "one.json") == 0
    asked = ("--architectures", "both", "--json", "both.json")
    assert run("plan", function, *where, *grid, *asked) == 0
    one, both = (json.loads(Path(f"{name}.json").read_text()) for name in ("one", "both"))
    assert one["architectures"] == ["x86_64"]
    assert both["architectures"] == ["x86_64", "arm64"]
    assert both["isolation"] == "clone"
    assert both["control_plane_calls"]["CreateFunction"] == {"low": 2, "high": 2}
    assert both["invocations"]["low"] == 2 * one["invocations"]["low"]
    # A GB-second of arm64 costs four fifths.
    assert one["cost_usd"]["high"] < both["cost_usd"]["high"] < 2 * one["cost_usd"]["high"]
    assert functions_of(service) == there


@pytest.mark.parametrize("service", ["local"], indirect=True)
def test_what_a_sweep_over_both_found_is_applied_and_undone(service: Any, function: str) -> None:
    before = service.picture(function)
    where = ("--endpoint-url", service.url, "--region", "eu-west-1")
    assert run("sweep", function, *where, "--architectures", "both", *GRID, "--yes") == 0
    assert run("apply", "last", "--arch", "arm64", "--memory", "512", "--yes") == 0
    found = service.client.get_function(FunctionName=function)["Configuration"]
    assert (found["MemorySize"], found["Architectures"]) == (512, ["arm64"])
    assert run("apply", "last", "--undo") == 0
    assert service.picture(function) == before
