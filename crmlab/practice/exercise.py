"""The source of an exercise, exercises/NN_slug.ipynb, cell by cell."""

import ast
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crmlab._paths import ROOT
from crmlab._tables import unknown
from crmlab.practice.data import Variant
from crmlab.practice.forms import Function, Interval, Selection

FOLDER = ROOT / "exercises"
ROLES = ("starter", "form", "truth", "cases", "solution", "wrong")


@dataclass
class Question:
    """One question of an exercise."""

    number: str
    title: str
    task: str
    space: dict[str, Any]
    source: dict[str, str] = field(default_factory=dict)
    hint: str = ""
    why: str = ""
    form: Any = None
    solution: Callable[..., Any] | None = None
    truth: Callable[..., Any] | None = None
    cases: Callable[..., Any] | None = None
    wrong: dict[str, Callable[..., Any]] = field(default_factory=dict)

    @property
    def variable(self) -> str:
        """The variable that holds the student's answer: ``answer_2`` for question 16.2."""
        return f"answer_{self.number.rpartition('.')[2]}"


@dataclass
class Exercise:
    """An exercise: what its source notebook says. Made by :func:`load`."""

    path: Path
    digest: str
    introduction: str = ""
    set_up: str = ""
    inputs: Callable[[Variant], Any] | None = None
    questions: dict[str, Question] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return self.path.stem


def names(folder: str | Path | None = None) -> list[str]:
    """Return the names of the exercises in a folder, the repository's own by default.

    Examples
    --------
    >>> names()[0]
    '00_start_here'
    """
    return sorted(path.stem for path in Path(folder or FOLDER).glob("*.ipynb"))


def load(name: str, folder: str | Path | None = None) -> Exercise:
    """Read an exercise from its source.

    Parameters
    ----------
    name : str
        Its file's name without suffix, or what stands before the first underscore: ``"16"``.
    folder : Path, optional
        Where the sources lie; the repository's own by default.

    Returns
    -------
    Exercise

    Raises
    ------
    ValueError
        No such exercise, or a source that breaks a rule: the message names the cell.

    Examples
    --------
    >>> load("16").name
    '16_value_tiers'
    """
    valid = names(folder)
    found = [one for one in valid if str(name) in (one, one.partition("_")[0])]
    if len(found) != 1:
        raise ValueError(unknown("exercise", name, valid) + f" They lie in {folder or FOLDER}.")
    path = Path(folder or FOLDER) / f"{found[0]}.ipynb"
    text = path.read_bytes()
    try:
        cells = [(cell["cell_type"], "".join(cell["source"]).strip()) for cell in json.loads(text)["cells"]]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} cannot be read as a notebook: {error}") from None
    exercise = Exercise(path, hashlib.sha256(text).hexdigest())
    space: dict[str, Any] = {"__name__": f"exercise_{path.stem}"}
    question: Question | None = None
    for number, (kind, source) in enumerate(cells):
        try:
            question = _take(exercise, question, space, kind, source)
        except Exception as error:
            first = source.partition("\n")[0]
            raise ValueError(f"{path.name}, cell {number} ({first}): {error}") from error
    for one in exercise.questions.values():
        missing = [role for role in ("starter", "form", "solution", "wrong") if role not in one.source]
        missing += ["hint"] * (not one.hint)
        missing += ["truth"] * (isinstance(one.form, Interval | Selection) and one.truth is None)
        missing += ["cases"] * (isinstance(one.form, Function) and one.cases is None)
        if missing:
            raise ValueError(f"{path.name}, question {one.number}, lacks: {', '.join(missing)}.")
    if exercise.inputs is None or not exercise.questions:
        raise ValueError(
            f"{path.name} needs a cell '# inputs' with a function inputs(variant), and a question."
        )
    return exercise


def _take(
    exercise: Exercise, question: Question | None, space: dict[str, Any], kind: str, text: str
) -> Question | None:
    """Take one cell of the source and return the question to which the next one belongs."""
    if kind == "markdown":
        heading = re.match(r"## (\w+)\.(\d+) (.+)", text)
        if heading:
            number = ".".join(heading.groups()[:2])
            if number in exercise.questions or heading[1] != exercise.name.partition("_")[0]:
                raise ValueError(f"{number} is there already, or is no number of {exercise.name}.")
            question = exercise.questions[number] = Question(number, heading[3], text, dict(space))
        elif question is None:
            exercise.introduction += "\n\n" * bool(exercise.introduction) + text
        elif text.startswith("**Hint.**"):
            question.hint = text
        elif text.startswith("**Why.**"):
            question.why = text
        else:
            question.task += "\n\n" + text
        return question
    mark, _, source = text.partition("\n")
    role, valid = mark.removeprefix("# "), ROLES if question else ("inputs", "set-up")
    if role not in valid:
        raise ValueError(f"the first line of a code cell here must be one of # {', # '.join(valid)}.")
    tree = ast.parse(source)
    if role == "set-up":
        exercise.set_up = source
    elif question is None:
        exec(compile(source, f"<{exercise.name}: inputs>", "exec"), space)
        exercise.inputs = space["inputs"]
    else:
        question.source[role] = source
        if role != "starter":
            exec(compile(source, f"<{question.number}: {role}>", "exec"), question.space)
        if role == "wrong":
            made = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
            question.wrong |= {name: question.space[name] for name in made}
            silent = [name for name in made if not question.space[name].__doc__]
            if silent:
                raise ValueError(f"{silent[0]} needs a docstring: it is what the student is told.")
        elif role != "starter":
            setattr(question, role, question.space[role])
    return question
