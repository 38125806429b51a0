"""What git says of the code under test, in a repository made for the test."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tuner.errors import NotFound, UsageError
from tuner.suites import repository
from tuner.suites.repository import commit_of, origin, take_out, who

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in repository._CI_BRANCHES:
        monkeypatch.delenv(name, raising=False)
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "config", "user.name", "Ada")
    git(tmp_path, "config", "user.email", "ada@example.com")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text("VERSION = 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "one")
    (tmp_path / "src" / "app.py").write_text("VERSION = 2\n")
    git(tmp_path, "commit", "-q", "-a", "-m", "two")
    return tmp_path


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)


def test_branch_commit_and_changes_are_known(folder: Path) -> None:
    found = origin(folder)
    assert found.branch == "main" and found.commit and not found.changed
    (folder / "src" / "app.py").write_text("VERSION = 3\n")
    assert origin(folder).changed
    assert who(folder) == "Ada <ada@example.com>"


def test_a_checked_out_commit_takes_its_branch_from_ci(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(folder, "checkout", "-q", "--detach")
    assert origin(folder).branch is None
    monkeypatch.setenv("GITHUB_HEAD_REF", "topic")
    assert origin(folder).branch == "topic"


def test_the_code_of_a_revision_is_taken_out(folder: Path, tmp_path: Path) -> None:
    commit = commit_of("HEAD~1", folder)
    into = tmp_path / "out"
    into.mkdir()
    assert (take_out(commit, folder / "src", into) / "app.py").read_text() == "VERSION = 1\n"
    alone = take_out(commit, folder / "src" / "app.py", into)
    assert alone == into / "app.py"
    assert (folder / "src" / "app.py").read_text() == "VERSION = 2\n"  # ours is untouched


def test_what_is_not_there_is_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no such revision"):
        commit_of("no-such-branch", folder)
    with pytest.raises(UsageError, match="is not a revision"):
        commit_of("--upload-pack=x", folder)
    (folder / "new").mkdir()
    with pytest.raises(NotFound, match="new does not exist there"):
        take_out(commit_of("HEAD", folder), folder / "new", tmp_path)


def test_outside_of_a_repository_nothing_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert origin(tmp_path) == repository.Origin()
    with pytest.raises(UsageError, match="not a git repository"):
        commit_of("main", tmp_path)


def test_no_program_that_a_repository_names_is_run(folder: Path, tmp_path: Path) -> None:
    git(folder, "config", "core.fsmonitor", f"touch {tmp_path}/ran; false")
    assert origin(folder).commit
    assert not (tmp_path / "ran").exists()


def test_none_that_an_embedded_repository_names_is_either(tmp_path: Path) -> None:
    for name in ("refs/heads", "objects"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "HEAD").write_text("ref: refs/heads/main\n")
    (tmp_path / "config").write_text(
        "[core]\nrepositoryformatversion = 0\nbare = false\nworktree = .\n"
        f'fsmonitor = "touch {tmp_path}/ran; false"\n'
    )
    assert origin(tmp_path).commit is None
    assert not (tmp_path / "ran").exists()
