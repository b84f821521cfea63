"""Why there is no mark for an answer, in words, and blamed on the cell that is to blame.

What a student's code says reaches the student only: in quotation marks, without the paths of this machine,
and for a function, which is called with hidden inputs, not at all.
"""

import builtins
import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from crmlab._paths import ROOT
from crmlab.grading.sandbox import Outcome
from crmlab.practice.exercise import Question
from crmlab.practice.forms import Form, Function
from crmlab.practice.marking import Verdict

INSTALLS = re.compile(
    r"^([ \t]*)[!%]+[ \t]*(python3? -m |uv )?(pip3?|conda|mamba|apt|apt-get)\b.*(\\\n.*)*$", re.MULTILINE
)

ELSEWHERE = tomllib.loads(Path(__file__).with_name("elsewhere.toml").read_text())["error"]

OURS = re.compile(
    r"stopped after [\d.e+]+ seconds|used more than \S+ \w+ of memory|sent back more than .*|"
    r"the process (ended|closed) .*|stopped, as the time .*"
)
FORMS_OWN = re.compile(
    r"This is (an? \w+|a whole number|True or False|nothing)"
    r"( of \d+| of shape \([\d, ]*\)| with [\d,]+ rows)?\."
)
NO_FUNCTION = re.compile(
    r"This is (a text|a whole number|a number|True or False|a list|a dict|a table|a Series|an array)\b.*"
)


def without_installation(cell: str) -> str:
    """Return a cell whose lines that install something are passed over: there is no network to install from.

    Examples
    --------
    >>> without_installation("!pip install polars\\nx = 1")
    'pass  # !pip install polars\\nx = 1'
    """
    if cell.lstrip().startswith("%%"):
        return cell
    return INSTALLS.sub(_passed_over, cell)


def _passed_over(found: re.Match[str]) -> str:
    first, *more = found[0].strip().split("\n")
    return f"{found[1]}pass  # {first}" + "\n" * len(more)  # the lines keep their numbers


def plain(text: str) -> str:
    """Return a text without the paths of this machine, and without what commands a terminal.

    Examples
    --------
    >>> plain(f"nothing in {ROOT}/crmlab/x.py\\x1b[2J")
    'nothing in …/crmlab/x.py [2J'
    """
    for path in dict.fromkeys([str(ROOT), sys.prefix, sys.base_prefix, str(Path.home())]):
        text = text.replace(path, "…") if len(path) > 4 else text
    return "".join(one if one.isprintable() else " " for one in text)


def told_of(question: Question, form: Form, verdict: Verdict, outcome: Outcome, cells: Sequence[str]) -> str:
    """Return what a student is told of an answer.

    Parameters
    ----------
    question : Question
    form : Form
        The question's form, with the student's values in it.
    verdict : Verdict
        What became of the answer.
    outcome : Outcome
        What came back from the submission.
    cells : sequence of str
        The code that ran.
    """
    answer: Any = outcome.answers.get(question.number)
    told = verdict.message
    if verdict.outcome == "missing":
        why = cause(question.variable, outcome.errors, cells)
        told = " ".join(["There is no answer.", *why, outcome.note])
    elif isinstance(form, Function) and re.match("type|columns|range|wrong On", f"{verdict.outcome} {told}"):
        # whatever it says or returns may hold the inputs that nobody is to know
        told = f"{_stopped(answer)} Wanted: {form.wanted()}."
    elif isinstance(answer, dict) and isinstance(answer.get("refused"), str):
        said = answer["refused"]
        if not FORMS_OWN.fullmatch(said) and not OURS.fullmatch(said):
            told = f"Your notebook said: {_quoted(said)}. Wanted: {form.wanted()}."
    return plain(told)[:600].strip()


def cause(variable: str, errors: Mapping[int, str], cells: Sequence[str]) -> list[str]:
    """Return the sentences that say which cell keeps an answer from being there.

    Parameters
    ----------
    variable : str
        The variable of the answer.
    errors : mapping
        By the number of a cell, from 0, what stopped it.
    cells : sequence of str
        The code.

    Examples
    --------
    >>> cells = ["from google.colab import drive\\nx = 1", "answer_1 = x"]
    >>> cause("answer_1", {0: "ModuleNotFoundError: …", 1: "NameError: name 'x' is not defined"}, cells)[0]
    'Code cell 1 stopped: “ModuleNotFoundError: …”.'
    """
    # what is said to be missing is not why it is missing
    able = [cell for cell in sorted(errors) if not re.search(rf"\b{variable}\b", errors[cell])]
    named = [cell for cell in able if re.search(rf"\b{variable}\b", cells[cell])] or able
    if not named:
        return []
    blamed, seen = named[0], set[int]()
    while blamed not in seen:  # a name that is missing was to be made by a cell before, which stopped
        seen.add(blamed)
        missing = re.search(r"name '(\w+)' is not defined", errors[blamed])
        makers = [
            cell
            for cell in sorted(errors)
            if missing and cell < blamed and re.search(rf"\b{missing[1]}\b", cells[cell])
        ]
        blamed = makers[0] if makers else blamed
    said = errors[blamed]
    told = f": {said}." if OURS.fullmatch(said) else f" stopped: {_quoted(said)}."
    line = re.search(r"\(line (\d+)\)$", said)
    lines = cells[blamed].splitlines()
    at = lines[int(line[1]) - 1] if line and 0 < int(line[1]) <= len(lines) else cells[blamed]
    found = [one["words"] for one in ELSEWHERE if re.search(one["pattern"], f"{at[:500]}\n{said}")]
    return [f"Code cell {blamed + 1}{told}", *found[:1]]


def _quoted(text: str) -> str:
    return f"“{re.sub('[“”]', '', text)}”"


def _stopped(answer: Any) -> str:
    """Say that a function stopped, and by which of Python's own errors."""
    if isinstance(answer, dict) and (kind := NO_FUNCTION.fullmatch(str(answer.get("refused")))):
        return f"This is {kind[1]}, and no function."
    texts = [answer, *answer.get("outputs", [])] if isinstance(answer, dict) else []
    said = [one["refused"] for one in texts if isinstance(one, dict) and isinstance(one.get("refused"), str)]
    found = [re.match(r"(?:The function stopped: )?(\w+):", one) for one in said]
    names = [one[1] for one in found if one and isinstance(getattr(builtins, one[1], None), type)]
    if any(one.startswith("This function cannot be called as wanted") for one in said):
        return "This function has other parameters than those wanted."
    why = f" ({names[0]})" if names else ""
    ended = f"stopped{why}, returned nothing, or returned something of another form"
    return f"With inputs that are not shown the function {ended}."
