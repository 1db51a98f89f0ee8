"""`make demo` once round, in a process of its own as a user starts it."""

import subprocess
import sys
from pathlib import Path


def test_the_demo_does_the_whole_job_and_ends_well(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "service.cli", "demo", "--once", "--port", "0"]
    done = subprocess.run(
        [*command, "--frames", "43", "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for words in ("POST /nowcast", "200  blend issued at", "image/png", "leads verified"):
        assert words in done.stdout, done.stdout
    assert (tmp_path / "latest.png").read_bytes().startswith(b"\x89PNG")
    assert len(list((tmp_path / "archive" / "frames").rglob("*.nc"))) == 43
