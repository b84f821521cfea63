"""The package to compare with, in an environment of its own: it needs an older pandas than the course."""

import subprocess
import sys
from pathlib import Path

REQUIREMENTS = ["Lifetimes==0.11.3", "pandas<3", "pyarrow"]


def peer_python() -> Path:
    """Return the Python of the peer's environment, `.benchmark-venv`, which is made if it is not there."""
    home = Path(__file__).resolve().parents[1] / ".benchmark-venv"
    python, ready = home / "bin" / "python", home / "ready.txt"
    # the file is written last, so that an interrupted installation is begun again
    if not ready.exists() or ready.read_text() != " ".join(REQUIREMENTS):
        print(f"Installing {', '.join(REQUIREMENTS)} into {home.name} ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
        ready.write_text(" ".join(REQUIREMENTS))
    return python
