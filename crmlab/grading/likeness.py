"""Code that two students share although variables were renamed, and comments and blanks changed."""

import hashlib
import io
import itertools
import keyword
import tokenize
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import pandas as pd

RUN, FEWEST, MOST_HOLDERS, ALIKE, LONGEST = 8, 60, 40, 0.8, 500_000
"""Tokens in a row that are compared as one; how many such runs of a student's own are too few to tell (some
six lines); by how many students a run is held that nobody counts; the share from which two are named;
characters beyond which nobody looks."""

_DROPPED = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)


def runs(cells: Sequence[str], handed_out: Iterable[str]) -> list[str]:
    """Return the runs of tokens of a student's own code, without what was handed out.

    Parameters
    ----------
    cells : sequence of str
        The code.
    handed_out : iterable of str
        Set-up and starters: their lines do not count, and their names stay as they are.

    Returns
    -------
    list of str
        Short hashes, sorted; none where the code is too short to tell.

    Examples
    --------
    >>> runs(["x = 1"], [])
    []
    >>> one, other = (f"{name} = orders.sum() + {name}\\n" * 20 for name in ("total", "renamed"))
    >>> runs([one], ["orders = given.orders"]) == runs([other], ["orders = given.orders"])
    True
    """
    given = {line.strip() for text in handed_out for line in text.splitlines()}
    known = {*_tokens("\n".join(given)), "given", "practice"}
    tokens: list[str] = []
    for cell in cells:
        own = [line for line in cell.splitlines() if line.strip() not in given]
        own = [line for line in own if not line.lstrip().startswith(("practice.check", "import ", "from "))]
        before = ""
        for token in _tokens("\n".join(own)[: LONGEST // len(cells)]):
            kept = before == "." or token in known or keyword.iskeyword(token) or not token.isidentifier()
            tokens.append(token if kept else "_")
            before = token
    found = {" ".join(tokens[at : at + RUN]) for at in range(len(tokens) - RUN + 1)}
    short = [hashlib.sha256(one.encode(errors="replace")).hexdigest()[:10] for one in found]
    return sorted(short) if len(found) >= FEWEST else []


def alike(results: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return the students whose own code is nearly the same.

    Parameters
    ----------
    results : sequence of mappings
        For each submission ``student``, ``exercise`` and ``runs`` (:func:`runs`).

    Returns
    -------
    DataFrame
        A row for each group with equal code, and for each two with nearly equal code: ``exercise``,
        ``students``, ``share`` (of the shorter one's runs that the other has, leaving out what many have).

    Examples
    --------
    >>> alike([{"student": name, "exercise": "41", "runs": list("abc") * 30} for name in ("ann", "bob")])
      exercise  students  share
    0       41  ann, bob    1.0
    """
    rows = []
    for exercise in dict.fromkeys(one["exercise"] for one in results):
        groups: dict[tuple[str, ...], list[str]] = {}
        for one in results:
            if one["exercise"] == exercise and one.get("runs"):
                groups.setdefault(tuple(one["runs"]), []).append(one["student"])
        rows += [(exercise, ", ".join(students), 1.0) for students in groups.values() if len(students) > 1]
        holders: dict[str, list[int]] = {}
        for number, held in enumerate(groups):
            for run in set(held):
                holders.setdefault(run, []).append(number)
        most = min(max(5, len(groups) // 5), MOST_HOLDERS)
        rare = {run: who for run, who in holders.items() if len(who) <= most}
        size = Counter(number for who in rare.values() for number in who)
        shared = Counter(pair for who in rare.values() for pair in itertools.combinations(who, 2))
        names = [students[0] for students in groups.values()]
        for (first, second), count in sorted(shared.items()):
            smaller = min(size[first], size[second])
            if smaller >= FEWEST and count >= ALIKE * smaller:
                rows.append((exercise, f"{names[first]}, {names[second]}", round(count / smaller, 2)))
    return pd.DataFrame(rows, columns=["exercise", "students", "share"])


def _tokens(source: str) -> list[str]:
    plain = "\n".join(line for line in source.splitlines() if not line.lstrip().startswith(("%", "!")))
    found = []
    with suppress(tokenize.TokenError, SyntaxError):  # what comes before the error counts
        for token in tokenize.generate_tokens(io.StringIO(plain).readline):
            if token.type not in _DROPPED and token.string:
                found.append(
                    token.string.replace("'", '"') if token.type == tokenize.STRING else token.string
                )
    return found
