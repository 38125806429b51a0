"""CPU quota: the arithmetic, the files of both cgroup versions, the duty cycle's accounts."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.errors import UsageError
from tuner.locallambda.limits import cgroup, cpu
from tuner.locallambda.limits.cpu import DutyCycleGroup
from tuner.locallambda.limits.cpu_duty_controller import PERIOD_S, TICK_S, Controller, CpuAccount
from tuner.locallambda.limits.process_tree import descendants
from tuner.locallambda.sandbox.host import SandboxHost


def test_quota_is_20_ms_times_the_share_of_a_core():
    assert cpu.quota_us(1769) == 20_000
    assert cpu.quota_us(128) == 1447
    assert cpu.quota_us(10240) == 115_772  # nearly six cores


def test_version_1_group_is_unlimited_until_told(tmp_path):
    group = cpu.CgroupCpu(tmp_path, 1).group("a")
    folder = tmp_path / "a"
    assert (folder / "cpu.cfs_period_us").read_text() == "20000"
    assert not (folder / "cpu.cfs_quota_us").exists()
    group.limit(512)
    assert (folder / "cpu.cfs_quota_us").read_text() == "5789"
    assert group.joins == [str(folder / "cgroup.procs")]


def test_version_2_group_writes_quota_and_period_together(tmp_path):
    group = cpu.CgroupCpu(tmp_path, 2).group("a")
    group.limit(128)
    assert (tmp_path / "a" / "cpu.max").read_text() == "1447 20000"
    (tmp_path / "a" / "cpu.max").unlink()
    group.remove()
    assert not (tmp_path / "a").exists()


def subtree(root: Path, inside: list[int], controllers: str) -> Path:
    """A pretended version 2 hierarchy with our cgroup in it."""
    ours = root / "user.slice/app.scope"
    ours.mkdir(parents=True)
    (ours / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in inside))
    (ours / "cgroup.controllers").write_text(controllers)
    return ours


def test_delegated_subtree_moves_the_guard_to_a_leaf_and_hands_on_controllers(
    tmp_path, monkeypatch
):
    ours = subtree(tmp_path, [77], "cpu io memory pids")
    monkeypatch.setattr(cgroup, "current_membership", lambda pid: {"": "/user.slice/app.scope"})
    found = cgroup.prepare_subtree(tmp_path, 77)
    assert found.parent == ours
    assert (ours / "tuner-service/cgroup.procs").read_text() == "77"
    assert (ours / "cgroup.subtree_control").read_text() in ("+cpu", "+memory")
    assert (found / "cgroup.subtree_control").exists()


@pytest.mark.parametrize(
    ("inside", "controllers"),
    [([77, 1], "cpu memory"), ([77], "memory pids")],
    ids=["shared with a stranger", "no cpu controller"],
)
def test_cgroup_that_is_not_ours_alone_is_left_as_it_is(tmp_path, monkeypatch, inside, controllers):
    ours = subtree(tmp_path, inside, controllers)
    monkeypatch.setattr(cgroup, "current_membership", lambda pid: {"": "/user.slice/app.scope"})
    assert cgroup.prepare_subtree(tmp_path, 77) is None
    assert not (ours / "cgroup.subtree_control").exists()


def test_method_that_does_not_exist_is_refused_with_those_that_do(local):
    with pytest.raises(UsageError, match="duty-cycle"):
        local.run(SandboxHost(cpu="cgroup-v3").start())


class Machine:
    """One process that spins whenever it is not stopped, on a virtual clock."""

    def __init__(self) -> None:
        self.used = 0.0
        self.stopped = False
        self.bursts: list[float] = []
        self._burst = 0.0

    def clock(self, pid: int) -> float:
        return self.used

    def send(self, pid: int, number: int) -> None:
        if number == signal.SIGSTOP and not self.stopped:
            self.bursts.append(self._burst)
        self.stopped = number == signal.SIGSTOP

    def run(self, seconds: float) -> None:
        if not self.stopped:
            self.used += seconds
            self._burst += seconds
        else:
            self._burst = 0.0


@pytest.mark.parametrize("memory_mb", [128, 256, 512, 1024, 1536, 1769])
def test_duty_cycle_gives_the_share_over_time(memory_mb):
    machine = Machine()
    controller = Controller(machine.clock, machine.send, lambda pid: iter([pid]))
    controller.obey(f"limit 7 {cpu.quota_us(memory_mb)}")
    ticks_per_period = round(PERIOD_S / TICK_S)
    total = 500 * ticks_per_period
    for tick in range(1, total + 1):
        machine.run(TICK_S)
        controller.tick(1 if tick % ticks_per_period == 0 else 0)
    share = machine.used / (total * TICK_S)
    assert share == pytest.approx(cpu.share(memory_mb), rel=0.02)


def test_duty_cycle_at_128_mb_runs_a_tick_and_pauses_36_or_56_ms():
    machine = Machine()
    controller = Controller(machine.clock, machine.send, lambda pid: iter([pid]))
    controller.obey(f"limit 7 {cpu.quota_us(128)}")
    pauses, pause = set(), 0.0
    for tick in range(1, 1000):
        machine.run(TICK_S)
        controller.tick(1 if tick % 5 == 0 else 0)
        if machine.stopped:
            pause += TICK_S
        elif pause:
            pauses.add(round(pause * 1000))
            pause = 0.0
    assert pauses <= {36, 56}
    assert max(machine.bursts) == pytest.approx(TICK_S)


def test_process_that_detaches_itself_while_stopped_goes_on_with_the_others():
    machines = {7: Machine(), 8: Machine()}
    family = {7: [7, 8], 8: [8]}
    controller = Controller(
        lambda pid: machines[pid].used,
        lambda pid, number: machines[pid].send(pid, number),
        lambda pid: iter(family[pid]),
    )
    controller.obey("limit 7 5000")
    for machine in machines.values():
        machine.run(TICK_S)
    controller.tick(0)
    assert machines[7].stopped and machines[8].stopped
    family[7] = [7]  # its parent has ended, and it is nobody's child here any more
    controller.tick(1)
    assert not machines[7].stopped and not machines[8].stopped


def test_released_process_goes_on():
    machine = Machine()
    controller = Controller(machine.clock, machine.send, lambda pid: iter([pid]))
    controller.obey("limit 7 1447")
    machine.run(TICK_S)
    controller.tick(0)
    assert machine.stopped
    controller.obey("release 7")
    assert not machine.stopped and not controller.limited
    controller.obey("release 7")  # an unknown process is nobody's trouble


def test_process_that_is_limited_again_while_it_is_stopped_goes_on_in_time():
    machine = Machine()
    controller = Controller(machine.clock, machine.send, lambda pid: iter([pid]))
    controller.obey("limit 7 5000")
    machine.run(2 * TICK_S)
    controller.tick(0)
    assert machine.stopped
    controller.obey("limit 7 10000")
    controller.tick(1)
    assert not machine.stopped


@given(st.lists(st.floats(0, 0.1), max_size=50), st.floats(0.001, 0.02))
def test_account_never_saves_up_more_than_one_quota(used, quota):
    account = CpuAccount(quota, quota)
    total = 0.0
    for amount in used:
        total += amount
        account.charge({1: total})
        account.refill(1)
        assert account.left_s <= quota


def test_new_processes_owe_nothing_for_their_past():
    account = CpuAccount(0.005, 0.005)
    assert account.charge({1: 100.0}) is False
    assert account.charge({1: 100.001, 2: 50.0}) is False
    assert account.charge({1: 100.001, 2: 50.005}) is True


def test_limit_holds_for_the_runtime_that_starts_after_it():
    told: list[str] = []
    group = DutyCycleGroup(told.append)
    group.attach(11)
    group.limit(1769)
    group.detach(11)
    group.attach(12)
    group.remove()
    assert told == ["limit 11 20000", "release 11", "limit 12 20000", "release 12"]


def test_own_cgroup_needs_no_privilege_to_be_asked_for():
    assert cgroup.delegation_command() is None or "Delegate=yes" in " ".join(
        cgroup.delegation_command()
    )
    if os.geteuid() != 0 and (command := cgroup.delegation_command()):
        assert "--user" in command


def test_the_guard_forks_where_sandboxes_have_their_weight_and_leaves(start_local):
    own = start_local()
    if own.host.platform()["cpu_method"] != "cgroup-v1":
        pytest.skip("the guard has a group of its own there")
    guard = own.host._methods.link.pid
    groups = Path(own.sandbox().resources.cpu.joins[0]).parent.parent
    assert cgroup.current_membership(guard)["cpu"].endswith(groups.name)
    own.run(own.host.close())
    assert not groups.exists()


@pytest.fixture
def family() -> Iterator[tuple[int, int, int]]:
    """A process and its two children, each of which leads a group of its own."""
    both = "setsid sleep 60 & setsid sleep 60 & wait"
    with subprocess.Popen(["sh", "-c", both], start_new_session=True) as root:
        while len(found := list(descendants(root.pid))) < 3 or any(
            os.getpgid(pid) != pid for pid in found
        ):
            time.sleep(0.01)
        yield found[0], found[1], found[2]
        for pid in reversed(found):
            os.kill(pid, signal.SIGKILL)


def stands(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@pytest.mark.parametrize("kind", ["cgroup", "duty-cycle"])
def test_what_stood_beside_an_ended_runtime_is_forgotten(kind, family, tmp_path):
    root, runtime, beside = family
    group = DutyCycleGroup(lambda _line: None)
    if kind == "cgroup":
        group = cpu.CgroupCpu(tmp_path, 1).group("a")
        Path(group.joins[0]).write_text(f"{runtime}\n{beside}\n")
    group.attach(runtime)
    group.freeze(runtime, root)
    group.detach(runtime)
    os.kill(beside, signal.SIGCONT)  # as if the pid was another process's
    while stands(beside):
        time.sleep(0.01)
    group.attach(runtime)
    group.freeze(runtime, root)
    for _ in range(300):
        if stands(beside):
            break
        time.sleep(0.01)
    assert stands(beside), "it is listed again, so it stands still again"
    group.detach(runtime)
    group.thaw(runtime)
    assert stands(beside), "nobody lets it go on"
