"""The numbers that lessons and exercises had before each took the number of its part of the course."""

NOW = {"16": "41", "17": "42 and 43", "18": "44", "19": "45 and 48", "20": "46 and 47"}


def now(name: object) -> str | None:
    """Return what the lesson of an old number, name or question is called now, or None.

    Examples
    --------
    >>> now("17_retention"), now("16.2"), now("41")
    ('42 and 43', '41', None)
    """
    return NOW.get(str(name).partition("_")[0].partition(".")[0])
