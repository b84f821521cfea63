"""Where the clone and the data lie: the package stands in the clone, or alone (installed from a wheel)."""

from importlib.resources import files
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The folder of the clone, where there is one: an editable installation has its notebooks beside it."""


class NeedsClone(ValueError):
    """Something was asked for that only the clone of the course holds."""


def has_clone(root: Path = ROOT) -> bool:
    """Return whether the course (notebooks, exercises, all data) lies in this folder."""
    return (root / "notebooks" / "course.toml").is_file()


def clone(what: str, root: Path = ROOT) -> Path:
    """Return the folder of the clone, or raise NeedsClone with the sentence that says what is there only.

    Examples
    --------
    >>> clone("The lessons", Path("/nowhere"))
    Traceback (most recent call last):
    crmlab._paths.NeedsClone: The lessons are in the clone of the course, and this is ...
    """
    if not has_clone(root):
        raise NeedsClone(
            f"{what} are in the clone of the course, and this is the package without it: clone the "
            "repository, run make course in its folder (or use conda, see its README), and ask again there."
        )
    return root


DATASETS = ROOT / "datasets" if has_clone() else Path(str(files("crmlab") / "_datasets"))
"""The folder of the data sets; in a wheel those whose licence permits passing them on (see setup.py)."""
