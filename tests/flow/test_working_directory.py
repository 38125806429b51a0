"""None of our processes imports what lies in the working directory."""

import subprocess
import sys
from pathlib import Path

import pytest

#: Modules of Python, of what we depend on, and of ours.
PLANTED = (
    "aiohttp", "boto3", "botocore", "cronsim", "email", "gevent", "geventhttpclient", "hashlib",
    "http", "jinja2", "json", "locust", "logging", "msgpack", "numpy", "psutil", "queue", "random",
    "resource", "rich", "scipy", "secrets", "sqlalchemy", "ssl", "tomllib", "typer", "uvloop",
)  # fmt: skip
CONSOLE = (str(Path(sys.executable).with_name("tuner")),)
MODULE = (sys.executable, "-m", "tuner")


@pytest.mark.slow
@pytest.mark.parametrize("begin", [CONSOLE, MODULE], ids=["tuner", "python -m tuner"])
@pytest.mark.parametrize(
    "words",
    [
        ("load", "local:app.py", "--workers", "2", "--rate", "3", "--duration", "1s"),
        ("sweep", "local:app.py", "--memory", "512", "--method", "grid", "--samples", "1"),
    ],
    ids=["load", "sweep"],
)
def test_modules_of_the_working_directory_are_not_imported(
    tmp_path: Path, begin: tuple[str, ...], words: tuple[str, ...]
) -> None:
    (tmp_path / "app.py").write_text("def handler(event, context):\n    return 1\n")
    for name in PLANTED:
        text = f"from pathlib import Path\nPath({str(tmp_path)!r}, 'ran-{name}').touch()\n"
        (tmp_path / f"{name}.py").write_text(text)
    ended = subprocess.run(
        [*begin, *words, "--yes", "--quiet"], cwd=tmp_path, check=False, capture_output=True
    )
    assert ended.returncode == 0, ended.stderr.decode()
    assert not list(tmp_path.glob("ran-*"))
