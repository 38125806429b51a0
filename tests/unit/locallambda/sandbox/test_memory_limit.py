"""The memory limit kills, Lambda's answer follows, and Max Memory Used is what was held."""

import json
import sys
from collections import namedtuple

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.locallambda.limits import cgroup

Mounted = namedtuple("Mounted", "device mountpoint fstype opts")


@pytest.fixture(scope="module", params=["cgroup", pytest.param("rss", marks=pytest.mark.slow)])
def limited(request, start_local):
    if request.param == "cgroup":
        local = start_local()
        if local.host.platform()["memory_method"] == "rss":
            pytest.skip("this machine has no memory cgroup that is writable")
        return local
    return start_local(memory="rss")


def test_going_over_the_limit_is_lambdas_out_of_memory(limited):
    sandbox = limited.sandbox(memory_mb=128)
    result = limited.invoke(sandbox, request_id="abc", do="hold", mb=200)
    assert json.loads(result.payload) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": "RequestId: abc Error: Runtime exited with error: signal: killed",
    }
    assert result.function_error == "Unhandled"
    assert result.log.decode().endswith(
        "\tMemory Size: 128 MB\tMax Memory Used: 128 MB\t"
        f"Init Duration: {result.report.init_ms:.2f} ms\t"
        "Status: error\tError Type: Runtime.OutOfMemory\n"
    )
    assert limited.invoke(sandbox, do="calls").payload == b"1"


def test_smallest_size_has_room_for_a_normal_handler(limited):
    sandbox = limited.sandbox(memory_mb=128)
    result = limited.invoke(sandbox, do="hold", mb=60)
    assert result.function_error is None, result.log
    assert 60 < result.report.max_memory_mb < 128


def test_max_memory_used_is_the_sandboxs_high_water(limited):
    sandbox = limited.sandbox(memory_mb=512)
    before = limited.invoke(sandbox, do="nothing").report.max_memory_mb
    held = limited.invoke(sandbox, do="hold", mb=100).report.max_memory_mb
    after = limited.invoke(sandbox, do="nothing").report.max_memory_mb
    assert before < 60
    assert 100 <= held - before + 10 < 130
    assert after == held


def test_an_exit_keeps_the_high_water_of_init(limited, tmp_path):
    (tmp_path / "app.py").write_text(
        "import os\n"
        "held = bytearray(b'x') * (100 << 20)\n"
        "held = None\n"
        "def handler(event, context):\n"
        "    os._exit(1) if event else None\n"
    )
    code = {"task_dir": tmp_path, "handler": "app.handler", "memory_mb": 512}
    answered = limited.invoke(limited.sandbox(**code)).report.max_memory_mb
    exited = limited.invoke(limited.sandbox(**code), leave=True).report.max_memory_mb
    assert abs(exited - answered) <= 2


def test_memory_of_a_child_that_has_ended_counts(start_local):
    local = start_local()
    if local.host.platform()["memory_method"] == "rss":
        pytest.skip("only a cgroup remembers the peak of processes that have ended")
    sandbox = local.sandbox(memory_mb=512)
    assert local.invoke(sandbox, do="child_holds", mb=150).report.max_memory_mb > 150


def test_cached_files_do_not_count_as_memory(limited):
    sandbox = limited.sandbox(memory_mb=128)
    result = limited.invoke(sandbox, do="cache_file", mb=60)
    assert result.payload == b"60", result.log
    assert result.report.max_memory_mb < 50


def test_files_that_are_written_and_deleted_do_not_count_either(limited):
    sandbox = limited.sandbox(memory_mb=512)
    limited.invoke(sandbox, do="write_and_delete", mb=200)
    assert limited.invoke(sandbox, do="nothing").report.max_memory_mb < 60


@given(st.text())
def test_any_text_is_read_as_membership_and_counters(text):
    assert all(isinstance(path, str) for path in cgroup.membership(text).values())
    assert cgroup.counter(text, "oom_kill") >= 0


def test_mounts_and_membership_of_a_machine_with_both_versions(monkeypatch):
    table = [
        Mounted("cgroup", "/sys/fs/cgroup/cpu", "cgroup", "rw,relatime,cpu"),
        Mounted("cgroup2", "/sys/fs/cgroup/unified", "cgroup2", "rw,relatime"),
        Mounted("tmpfs", "/tmp", "tmpfs", "rw"),
    ]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: table)
    monkeypatch.setattr(sys, "platform", "linux")
    [(path, options)] = cgroup.mounts("cgroup")
    assert str(path) == "/sys/fs/cgroup/cpu" and "cpu" in options
    assert [str(path) for path, _ in cgroup.mounts("cgroup2")] == ["/sys/fs/cgroup/unified"]
    text = "4:memory:/a/b\n1:cpu,cpuacct:/c\n0::/user.slice\n"
    assert cgroup.membership(text) == {
        "memory": "/a/b",
        "cpu": "/c",
        "cpuacct": "/c",
        "": "/user.slice",
    }
    assert cgroup.counter("low 0\noom_kill 3\n", "oom_kill") == 3
