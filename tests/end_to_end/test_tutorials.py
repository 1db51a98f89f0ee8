"""The code of the tutorials runs as it is printed."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_first_forecast_in_python_runs(tmp_path: Path) -> None:
    script = ROOT / "docs/tutorials/first_forecast.py"
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "(43, 180, 180)" in done.stdout
    for model in ("ms-lstm", "advection", "persistence"):
        assert f"{model}: CSI at 0.5 mm/h" in done.stdout
    assert list(tmp_path.rglob("forecast.nc"))
