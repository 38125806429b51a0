"""Where tuner is installed from, told by the installation itself (PEP 610)."""

import json
from pathlib import Path

import pytest

from tuner.schedule.job import installed_from, this_tuner


@pytest.mark.parametrize(
    ("origin", "requirement"),
    [
        (None, "tuner==7.1"),
        (
            {
                "url": "https://host/team/tuner",
                "vcs_info": {"vcs": "git", "commit_id": "abc", "requested_revision": "main"},
            },
            "git+https://host/team/tuner@abc",
        ),
        ({"url": "https://host/tuner.whl", "archive_info": {}}, "https://host/tuner.whl"),
        ({"url": "file:///home/me/tuner", "dir_info": {"editable": True}}, None),
    ],
)
def test_what_pip_installs_elsewhere_is_what_was_installed_here(
    origin: object, requirement: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "tuner-7.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tuner\nVersion: 7.1\n")
    if origin is not None:
        (info / "direct_url.json").write_text(json.dumps(origin))
    monkeypatch.syspath_prepend(str(tmp_path))
    assert installed_from() == requirement


def test_the_program_is_named_by_its_whole_path() -> None:
    assert Path(this_tuner()[0]).is_absolute() and Path(this_tuner()[0]).exists()
