"""Installs a schedule on this machine, or removes it: crontab, systemd's user timers.

Only these two change anything; the other schedulers read files from a repository.
"""

import re
import shutil
import subprocess
from collections.abc import Sequence
from os import environ
from pathlib import Path

from tuner.errors import TunerError, UsageError
from tuner.schedule.render import File


def install(kind: str, name: str, files: Sequence[File]) -> str:
    """Install the files, replacing an older schedule of this name; return what was done."""
    if kind == "cron":
        lines = _without(_crontab(), name)
        _run(["crontab", "-"], f"{lines}{files[0].text}")
        return f"{name} was added to your crontab (see `crontab -l`)."
    folder = _units()
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        (folder / file.path).write_text(file.text, encoding="utf-8")
    _run(["systemctl", "--user", "daemon-reload"])
    _run(["systemctl", "--user", "enable", "--now", f"{name}.timer"])
    return (
        f"{name}.timer is active (see `systemctl --user list-timers`). "
        "To run it while you are logged out: `loginctl enable-linger`."
    )


def remove(kind: str, name: str) -> str:
    """Remove the schedule of this name; raises UsageError if there is none."""
    if kind == "cron":
        before = _crontab()
        after = _without(before, name)
        if after == before:
            raise _unknown(name, "your crontab", "`crontab -l` shows it.")
        _run(["crontab", "-"], after)
        return f"{name} was removed from your crontab."
    units = [_units() / f"{name}.{suffix}" for suffix in ("timer", "service")]
    if not any(unit.exists() for unit in units):
        raise _unknown(name, str(_units()), "`systemctl --user list-timers` shows yours.")
    _run(["systemctl", "--user", "disable", "--now", f"{name}.timer"])
    for unit in units:
        unit.unlink(missing_ok=True)
    _run(["systemctl", "--user", "daemon-reload"])
    return f"{name}.timer was removed."


def _unknown(name: str, where: str, fix: str) -> UsageError:
    return UsageError(f"--remove {name}", f"not found in {where}", fix)


def _units() -> Path:
    home = environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "systemd" / "user"


def _crontab() -> str:
    """The present crontab; empty where the user has none."""
    _needed("crontab")
    found = subprocess.run(["crontab", "-l"], capture_output=True, text=True, check=False)
    if found.returncode == 0:
        lines = found.stdout.removesuffix("\n")
        return f"{lines}\n" if lines else ""
    if "no crontab" in found.stderr:
        return ""
    raise TunerError("crontab -l", found.stderr.strip()[:200] or "failed", "See crontab(1).")


def _without(crontab: str, name: str) -> str:
    """The crontab without the part between this name's marks."""
    mark = re.escape(name)
    return re.sub(rf"^# {mark}: begin\b.*?^# {mark}: end\n", "", crontab, flags=re.M | re.S)


def _run(words: list[str], text: str | None = None) -> None:
    _needed(words[0])
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or [f"ended with {done.returncode}"]
        fix = "Without --install the files are printed; place them yourself."
        raise TunerError(" ".join(words), reason[0][:200], fix)


def _needed(program: str) -> None:
    if shutil.which(program) is None:
        fix = "Install it, or omit --install and --remove and place the file yourself."
        raise TunerError(program, "is not installed", fix)
