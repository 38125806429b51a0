"""The documentation site: each page is in it, nothing comes from elsewhere, links are strict."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
CONFIG: dict[str, Any] = YAML(typ="safe").load((ROOT / "mkdocs.yml").read_text())
LOADED = re.compile(r"<(?:script|img|link|iframe|source)\b[^>]*?(?:src|href)=\"([^\"]*)")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The sources of the site, to be changed and built."""
    pytest.importorskip("zensical", reason="needs pip install -e '.[docs]'")
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    return tmp_path


def _build(folder: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "zensical", "build", "--strict"]
    return subprocess.run(
        words, check=False, cwd=folder, capture_output=True, text=True, timeout=120
    )


def _listed(entries: list[Any]) -> list[str]:
    found: list[str] = []
    for entry in entries:
        (inside,) = entry.values()
        found += _listed(inside) if isinstance(inside, list) else [inside]
    return found


def test_the_navigation_names_each_page_once() -> None:
    pages = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").glob("*.md")]
    assert sorted(_listed(CONFIG["nav"])) == sorted(pages)


@pytest.mark.slow
def test_the_site_has_each_page_and_loads_nothing_from_elsewhere(copy: Path) -> None:
    built = _build(copy)
    assert built.returncode == 0, built.stdout + built.stderr
    pages = {path.stem: path.read_text() for path in (copy / "site").glob("*.html")}
    assert {path.stem for path in (copy / "docs").glob("*.md")} <= set(pages)
    for name, page in pages.items():
        loaded = re.findall(
            r"<(?:script|img|link|iframe|source)\b[^>]*?(?:src|href)=\"([^\"]*)", page
        )
        assert loaded, name
        assert not [address for address in loaded if re.match(r"(https?:)?//", address)], name
        assert "github.com/repos" not in page and 'data-md-component="source"' not in page


@pytest.mark.slow
@pytest.mark.parametrize("link", ["nothing.md", "sweeps.md#nothing", "#nothing"])
def test_a_link_that_leads_nowhere_fails_the_build(copy: Path, link: str) -> None:
    with (copy / "docs" / "fleet.md").open("a") as page:
        page.write(f"\n[there]({link})\n")
    built = _build(copy)
    assert built.returncode != 0
    assert "does not exist" in built.stdout + built.stderr
