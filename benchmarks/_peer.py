"""The package to compare with, in an environment of its own: it needs an older pandas than the course."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

REQUIREMENTS = ["Lifetimes==0.11.3", "pandas<3", "pyarrow"]


def peer_python(requirements: Sequence[str] = REQUIREMENTS, name: str = "") -> Path:
    """Return the Python of a peer's environment, `.benchmark-venv`, which is made if it is not there.

    Peers that need other versions have environments of their own, with `name` behind.
    """
    home = Path(__file__).resolve().parents[1] / f".benchmark-venv{name}"
    python, ready = home / "bin" / "python", home / "ready.txt"
    # the file is written last, so that an interrupted installation is begun again
    if not ready.exists() or ready.read_text() != " ".join(requirements):
        print(f"Installing {', '.join(requirements)} into {home.name} ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], check=True)
        ready.write_text(" ".join(requirements))
    return python
