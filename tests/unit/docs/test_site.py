"""The documentation site builds without warnings and loads nothing from other servers."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LOADED = re.compile(r"<(?:script|img|iframe|source)[^>]*\ssrc=\"?(https?:[^\s\">]+)")
STYLED = re.compile(
    r"<link[^>]*rel=\"?(?:stylesheet|preconnect|icon)[^>]*href=\"?(https?:[^\s\">]+)"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site")
    program = Path(sys.executable).parent / "mkdocs"
    command = [str(program), "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_pages_load_nothing_from_other_servers(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 15
    found = {
        address
        for page in pages
        for pattern in (LOADED, STYLED)
        for address in pattern.findall(page.read_text())
    }
    assert found == set()


def test_docstrings_are_in_the_reference_of_the_python_api(site: Path) -> None:
    page = (site / "reference/python/index.html").read_text()
    for name in ("ingest.read", "model_zoo.load_forecaster", "verification.csi"):
        assert f'id="{name}"' in page, name
    assert "critical success index" in page


def test_the_openapi_document_and_the_code_of_tutorials_are_in_the_site(site: Path) -> None:
    assert (site / "reference/openapi.json").is_file()
    tutorial = (site / "tutorials/first-forecast/index.html").read_text()
    assert "load_forecaster" in tutorial
    assert "--8&lt;--" not in tutorial
