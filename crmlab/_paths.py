"""Where the clone lies: the package is installed editable, so its data and notebooks stand beside it."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
