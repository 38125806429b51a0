"""The embedded service as a child process: how it starts, fails, and ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from support.waiting import wait_for
from tuner.errors import TargetError, UsageError
from tuner.targets.embedded import EmbeddedLambda, EmbeddedOptions

#: A stand-in that says its URL and its process id, and ends when its standard input does.
GOOD = "import os, sys; print(f'http://127.0.0.1:{os.getpid()}', flush=True); sys.stdin.read()"


def options(code: str, **more: float) -> EmbeddedOptions:
    return EmbeddedOptions(command=(sys.executable, "-c", code), end_limit_s=5.0, **more)


def alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_its_first_line_is_its_url_and_closing_ends_it() -> None:
    service = EmbeddedLambda(options(GOOD))
    pid = int(service.url.rsplit(":", 1)[1])
    assert alive(pid)
    service.close()
    assert not alive(pid)
    service.close()


def test_it_gets_keys_of_its_own_that_no_command_line_shows() -> None:
    code = (
        "import os, sys; print(f'http://127.0.0.1:{os.getpid()}', *sys.stdin.readline().split(),"
        "flush=True); sys.stdin.read()"
    )
    services = [EmbeddedLambda(options(code)) for _ in range(2)]
    for service in services:
        url, *keys = service.url.split()
        assert keys == list(service.keys)
        process = Path("/proc") / url.rsplit(":", 1)[1]
        for shown in ("cmdline", "environ"):
            assert service.keys[1].encode() not in (process / shown).read_bytes()
        service.close()
    assert services[0].keys != services[1].keys


def test_one_that_ignores_the_end_of_its_input_is_ended_by_a_signal() -> None:
    code = GOOD.replace("sys.stdin.read()", "import time; time.sleep(600)")
    service = EmbeddedLambda(EmbeddedOptions(command=(sys.executable, "-c", code), end_limit_s=0.3))
    pid = int(service.url.rsplit(":", 1)[1])
    service.close()
    assert not alive(pid)


def test_one_that_fails_is_told_with_what_it_said() -> None:
    code = "import sys; sys.exit('the port is taken\\nchoose another')"
    with pytest.raises(TargetError) as caught:
        EmbeddedLambda(options(code))
    assert "ended before it answered: the port is taken. choose another" in caught.value.reason


def test_one_that_refuses_its_options_is_bad_usage() -> None:
    with pytest.raises(UsageError, match="no such method"):
        EmbeddedLambda(options("import sys; sys.stderr.write('no such method'); sys.exit(2)"))


def test_one_that_says_nothing_is_given_up() -> None:
    with pytest.raises(TargetError, match="did not answer in 0 s"):
        EmbeddedLambda(options("import sys; sys.stdin.read()", start_limit_s=0.2))


def test_a_program_that_is_not_there_is_told() -> None:
    with pytest.raises(TargetError, match="cannot be started"):
        EmbeddedLambda(EmbeddedOptions(command=("/nonexistent/python",)))


def test_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\n"
        "from tuner.targets.embedded import *\n"
        f"s = EmbeddedLambda(EmbeddedOptions(command=(sys.executable, '-c', {GOOD!r})))\n"
        f"open({str(tmp_path / 'url')!r}, 'w').write(s.url)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    pid = int((tmp_path / "url").read_text().rsplit(":", 1)[1])
    wait_for(lambda: not alive(pid), "the end of the service with its parent")


def test_ctrl_c_in_the_terminal_does_not_reach_it() -> None:
    service = EmbeddedLambda(options(GOOD))
    pid = int(service.url.rsplit(":", 1)[1])
    assert os.getpgid(pid) != os.getpgid(0)
    service.close()
