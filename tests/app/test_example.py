import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_example_runs_as_it_is_written(samples: Path, shallow_model_path: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "embed.py"), str(samples / "records"), "How many turbines are there?"],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
        env=os.environ
        | {"RAGSTONE_MODEL": str(shallow_model_path), "RAGSTONE_MAX_TOKENS": "32", "RAGSTONE_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("6 files, ")
    assert done.stdout.endswith("verify: unsupported\n")
