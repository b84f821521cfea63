"""Whether an exercise is the same when it is made again, here and elsewhere: else nobody could be marked."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import pandas as pd

from crmlab._forms import clean, told
from crmlab.practice.exercise import load
from crmlab.practice.marking import Drawn


def drawn_twice(drawn: Drawn, elsewhere: bool) -> Iterator[tuple[str, str, str, str]]:
    """Yield what is not the same when it is made again: question, what, outcome and message.

    Parameters
    ----------
    drawn : Drawn
    elsewhere : bool
        Whether to try another process as well.
    """
    first, second = _made(drawn), _made(Drawn(drawn.exercise, "trial", drawn.student, drawn._variant.small))
    others = [(second, "Made twice, it is not the same: take it from variant, or give its generator a seed.")]
    if elsewhere and first == second:
        why = (
            "is it the order of a set, hash(), today's date or a file? Sort sets; take the rest from variant."
        )
        others.append(
            (_made_elsewhere(drawn), f"In another process, folder and day it is not the same: {why}")
        )
    for other, message in others:
        for (number, name), one in first.items():
            if one != other.get((number, name)):
                yield number, name, "differs", message
                if name == "inputs":  # all the rest hangs on them
                    return


def _made(drawn: Drawn) -> dict[tuple[str, str], Any]:
    made = {("", "inputs"): drawn.given.fingerprint()}
    for number in drawn.exercise.questions:
        key = drawn.key(number)
        for name in ("cases", "right", "truth"):
            try:
                one = drawn.cases(number) if name == "cases" else getattr(key, name)
            except Exception as error:
                what = f"{number}, # {name}"
                raise ValueError(str(error) if number in str(error) else f"{what}: {told(error)}.") from None
            # to nine digits: the last ones may hang on the order of a sum
            text = re.sub(r"-?\d+\.\d+(e[+-]?\d+)?", lambda found: f"{float(found[0]):.9g}", _text(one))
            made[number, "solution" if name == "right" else name] = text
    return made


def _made_elsewhere(drawn: Drawn) -> dict[tuple[str, str], Any]:
    """Make it in a process with other hashes, another day (by the clock of its place) and another folder."""
    code = "import sys; from crmlab.practice import twice; twice._tell(*sys.argv[1:])"
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    # files that lie beside the exercise are found by their whole path only
    path = os.pathsep.join(map(os.path.abspath, sys.path))
    place = os.environ | {"PYTHONHASHSEED": seed, "TZ": "XXX24", "PYTHONPATH": path}
    name, source = drawn.exercise.name, drawn.exercise.path.parent.resolve()
    typed = [name, str(source), drawn.student, str(drawn._variant.small)]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", code, *typed], env=place, cwd=folder, capture_output=True, text=True
        )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["?"])[-1]
        raise ValueError(
            f"In another process and folder it stopped: {clean(last)}. Name files by their whole path."
        )
    return {(number, name): text for number, name, text in json.loads(done.stdout.splitlines()[-1])}


def _tell(name: str, folder: str, student: str, small: str) -> None:
    made = _made(Drawn(load(name, folder), "trial", student, small == "True"))
    print("\n" + json.dumps([[*where, text] for where, text in made.items()]))


def _text(plain: Any) -> str:
    return json.dumps(plain.to_dict() if isinstance(plain, pd.Series) else plain, default=str)
