"""The file that manages a function is written whole or not at all."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tuner.api.apply import Patch, Values, patch_of
from tuner.errors import TunerError

TEMPLATE = """\
Resources:\r
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      MemorySize: 128  # the default
"""


@pytest.fixture
def patch(tmp_path: Path) -> Patch:
    path = tmp_path / "template.yaml"
    path.write_text(TEMPLATE, newline="")
    path.chmod(0o640)
    return patch_of(path, Values(256, None), None)


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond these bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_template_stays_as_it_is_where_there_is_no_room_for_it(patch: Patch) -> None:
    with room_for(20), pytest.raises(TunerError, match="cannot be written"):
        patch.write()
    assert patch.path.read_bytes() == TEMPLATE.encode()
    assert list(patch.path.parent.iterdir()) == [patch.path]


def test_a_template_keeps_its_permissions_and_line_ends(patch: Patch) -> None:
    patch.write()
    assert patch.path.read_bytes() == TEMPLATE.replace("128", "256").encode()
    assert patch.path.stat().st_mode & 0o777 == 0o640


def test_a_link_to_a_template_stays_one(patch: Patch, tmp_path: Path) -> None:
    link = tmp_path / "link.yaml"
    link.symlink_to(patch.path.name)
    patch_of(link, Values(512, None), None).write()
    assert link.is_symlink()
    assert "MemorySize: 512" in patch.path.read_text()
