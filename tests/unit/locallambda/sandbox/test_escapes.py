"""Handlers that try to get out: as root, as an ordinary user, and as root that stays.

``pytest -m slow tests/unit/locallambda/sandbox/test_escapes.py -s`` prints what each attempt got.
What ``escapes/attempts.py`` tries knows the process ids, addresses and paths of its victims.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SERVICE = Path(__file__).parent / "escapes" / "service.py"
FOLDERS = ("task", "home", "project", "data")
#: What the report of a run says where the kernel cannot keep a handler from something.
SAID = {
    "fork_bomb": "its processes are not counted",
    "abstract_sockets": "it reaches abstract sockets of the machine",
    "command_lines_of_others": "it sees the machine's processes",
    "processes_of_others": "it sees the machine's processes",
    "stop_others": "it may signal yours",
    "renice_others": "it sees the machine's processes",
    "limits_of_others": "it sees the machine's processes",
}


def made_by(kind, open_folder, as_nobody):
    """What each attempt got from a service of a user and kind."""
    argv = [sys.executable, str(SERVICE), str(open_folder), kind]
    environment = {"PATH": os.defpath, "AWS_SECRET_ACCESS_KEY": "TOP-SECRET"}
    environment["HOME"] = str(open_folder / "home")
    for name in FOLDERS:
        (open_folder / name).mkdir()
    if kind == "user":
        argv, environment["PYTHONPATH"] = as_nobody(argv)
        for path in (open_folder, *open_folder.iterdir()):
            shutil.chown(path, 65534, 65534)
    elif os.getuid() != 0:
        pytest.skip("not root")
    done = subprocess.run(argv, env=environment, capture_output=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


@pytest.mark.parametrize("kind", ["root", "user", "root-only"])
def test_no_attempt_succeeds_that_the_report_does_not_name(kind, open_folder, as_nobody, capsys):
    made = made_by(kind, open_folder, as_nobody)
    if made["kind"] != kind:
        pytest.skip(f"this kernel lets no sandbox be of the kind {kind}")
    attempts, said = made["attempts"], made["not_enforced"]
    lines = [f"\n\n{kind}: {'; '.join(said) or 'all is enforced'}"]
    for name, told in attempts.items():
        lines.append(f"  {name:30} {told.get('got') or 'refused':24.24} {told.get('error') or ''}")
    with capsys.disabled():
        sys.stdout.write("\n".join(lines))
    assert len(attempts) > 35
    got = {name: told["got"] for name, told in attempts.items() if told.get("got")}
    assert {name: what for name, what in got.items() if SAID.get(name) not in said} == {}
