"""Putting schedules in place and taking them out, with stand-ins for what a test may not change:
the user's crontab and systemd's user manager."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.schedules import job
from tuner.errors import TunerError, UsageError
from tuner.schedule.install import install, remove
from tuner.schedule.render import rendered

#: Keeps a file in place of the spool; checks what it gets as cron's own program does, if there.
CRONTAB = """#!/bin/sh
if [ "$1" = -l ]; then
  [ -e {spool} ] || {{ echo "no crontab for me" >&2; exit 1; }}
  cat {spool}; exit
fi
cat > {spool}.new
{check}
mv {spool}.new {spool}
"""
SYSTEMCTL = """#!/bin/sh
echo "$@" >> {log}
"""
OWN = "MAILTO=me@example.com\n0 5 * * * backup # mine: begin\n"


def stand_in(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stand-in's crontab."""
    real = shutil.which("crontab")
    check = f"{real} -n {tmp_path}/spool.new >&2 || exit 1" if real else ""
    text = CRONTAB.format(spool=tmp_path / "spool", check=check)
    stand_in(tmp_path / "bin/crontab", text)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "spool"


@pytest.fixture
def units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where units of the user go; beside it, ``log`` has what systemctl was told."""
    stand_in(tmp_path / "bin/systemctl", SYSTEMCTL.format(log=tmp_path / "log"))
    monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config/systemd/user"


def test_a_crontab_gets_the_schedule_beside_what_is_there(spool: Path) -> None:
    spool.write_text(OWN)
    install("cron", "tuner-bench", rendered("cron", job()))
    text = spool.read_text()
    assert text.startswith(OWN) and text.count("17 3 * * *") == 1


def test_installing_again_replaces_the_schedule(spool: Path) -> None:
    install("cron", "tuner-bench", rendered("cron", job()))
    install("cron", "tuner-bench", rendered("cron", job(words=("--tag", "fast"))))
    text = spool.read_text()
    assert text.count(": begin") == 1 and "--tag fast" in text


def test_removing_leaves_the_rest_as_it_was(spool: Path) -> None:
    spool.write_text(OWN)
    install("cron", "tuner-bench", rendered("cron", job()))
    remove("cron", "tuner-bench")
    assert spool.read_text() == OWN


def test_removing_what_is_not_there_says_so(spool: Path, units: Path) -> None:
    for kind in ("cron", "systemd"):
        with pytest.raises(UsageError, match="not found in"):
            remove(kind, "tuner-bench")
    assert not spool.exists()


def test_a_crontab_that_cannot_be_read_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path / "bin/crontab", "#!/bin/sh\necho 'you are not allowed' >&2\nexit 1\n")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(TunerError, match="not allowed"):
        install("cron", "tuner-bench", rendered("cron", job()))


def test_a_machine_without_the_program_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(TunerError, match="crontab: is not installed"):
        install("cron", "tuner-bench", rendered("cron", job()))


def test_a_timer_is_written_and_started_and_taken_out_again(units: Path) -> None:
    install("systemd", "tuner-bench", rendered("systemd", job()))
    assert sorted(path.name for path in units.iterdir()) == [
        "tuner-bench.service",
        "tuner-bench.timer",
    ]
    remove("systemd", "tuner-bench")
    assert list(units.iterdir()) == []
    assert (units.parents[2] / "log").read_text().splitlines() == [
        "--user daemon-reload",
        "--user enable --now tuner-bench.timer",
        "--user disable --now tuner-bench.timer",
        "--user daemon-reload",
    ]


def test_what_pull_requests_are_compared_with_is_one_word_of_the_shell() -> None:
    (file,) = rendered("github", job(against="git:{base}:it's $HOME"))
    (line,) = [line.strip() for line in file.text.splitlines() if "set -- --against" in line]
    script = f"BASE=abc; {line}; printf '<%s>' \"$@\""
    said = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    assert said == "<--against><git:abc:it's $HOME>"
    empty = subprocess.run(
        ["sh", "-c", script.replace("abc", "")], capture_output=True, text=True, check=True
    )
    assert empty.stdout == "<>"
