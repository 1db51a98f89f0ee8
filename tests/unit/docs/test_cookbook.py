"""Every recipe of the cookbook and of rain sums works with a service as it really runs."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[3]
PAGE = "\n".join(
    (ROOT / "docs/how-to" / name).read_text() for name in ("cookbook.md", "rain-sums.md")
)
HOST = "http://localhost:8000"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
POSTED = (f"{HOST}/sums", f"{HOST}/sums?thresholds=5,10,20")
"""Addresses that take a body."""
ADDRESSES = sorted(set(re.findall(rf"{HOST}[^\s\"'`<>)]*\)?[^\s\"'`<>]*", PAGE)))


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_a_recipe_runs(service_url: str, number: int, tmp_path: Path) -> None:
    language, text = BLOCKS[number]
    commands = {"sh": ["bash", "-e", "-o", "pipefail", "-c"], "python": [sys.executable, "-c"]}
    if language not in commands:
        pytest.skip(f"{language} needs a program of its own; its addresses are tested")
    for program in ("curl", "jq"):
        if language == "sh" and f"{program} " in text and shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    if "owslib" in text:
        pytest.importorskip("owslib", reason="OWSLib is not installed (extra `dev`)")
    done = subprocess.run(
        [*commands[language], text.replace(HOST, service_url)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=550,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout or any(file.stat().st_size for file in tmp_path.iterdir())


def test_every_address_of_the_cookbook_answers(service_url: str) -> None:
    assert len(ADDRESSES) > 10
    for address in ADDRESSES:
        if address in (HOST, f"{HOST}/wms", *POSTED):
            continue
        answer = httpx.get(address.replace(HOST, service_url), timeout=300)
        assert answer.status_code == 200, address
        assert answer.content
