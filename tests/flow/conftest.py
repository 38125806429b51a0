"""Every flow runs in a folder of its own, and most of them run commands in this process."""

from pathlib import Path

import pytest

from support.commands import Run, exit_code


@pytest.fixture(autouse=True)
def _folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("TUNER_STORE", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def tuner(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command: its exit code, stdout and stderr."""

    def run(*words: str) -> tuple[int, str, str]:
        code = exit_code(*words)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def place(local_lambda_url: str) -> tuple[str, ...]:
    """The options that name the local Lambda and ask for JSON."""
    return ("--endpoint-url", local_lambda_url, "--region", "eu-west-1", "--json", "-")
