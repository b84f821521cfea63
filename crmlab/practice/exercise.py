"""The source of an exercise, exercises/NN_slug.ipynb, cell by cell."""

import ast
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from inspect import isfunction
from pathlib import Path
from typing import Any

from crmlab._numbers import now
from crmlab._paths import ROOT, clone
from crmlab._tables import look_up, unknown
from crmlab.practice.data import Variant
from crmlab.practice.forms import Form, Function, Interval, Selection, Text

FOLDER = ROOT / "exercises"
ROLES = ("starter", "form", "truth", "cases", "solution", "wrong")
# in a formula, between one dollar sign and the next or two and two, braces mean something else
PLACE = re.compile(r"\$\$.*?\$\$|\$[^$]*\$|\{([^\W\d]\w*)(:[^{}]*)?\}", re.DOTALL)
INSIDE = re.compile(r"\n *(## *\w+\.\d|\*\*(?:hint|why|solution)\b)", re.IGNORECASE)
"""What begins a cell of its own: inside of another it would go to the student, or be lost."""
PICTURE = re.compile(
    r"!\[[^\]]*\]\((?!https?:|data:)|<img\b[^>]*\bsrc *= *[\"']?(?!https?:|data:|[\"'])", re.I
)


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
        """The variable that holds the student's answer: ``answer_2`` for question 41.2."""
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
    return sorted(path.stem for path in _folder(folder).glob("*.ipynb"))


def _folder(folder: str | Path | None) -> Path:
    if folder is None:
        clone("The exercises")
    return Path(folder or FOLDER)


def load(name: str, folder: str | Path | None = None) -> Exercise:
    """Read an exercise from its source.

    Parameters
    ----------
    name : str
        Its file's name without suffix, or what stands before the first underscore: ``"41"``.
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
    >>> load("41").name
    '41_value_tiers'
    """
    valid = names(folder)
    found = [one for one in valid if str(name) in (one, one.partition("_")[0])]
    if len(found) > 1:
        found = [one for one in found if one == name] or found
    if len(found) > 1:
        raise ValueError(f"{name} may be {' or '.join(found)}, in {_folder(folder)}: write the whole name.")
    if not found:
        if now(name) and folder is None:
            raise ValueError(
                f"Exercise {name} is now {now(name)}: see the last table of exercises/README.md."
            )
        raise ValueError(
            f"{unknown('exercise', name, valid)} They lie in {_folder(folder)}. Another folder is named by "
            "--exercises, and all exercises of an assignment lie in one: copy others into it."
        )
    path = _folder(folder) / f"{found[0]}.ipynb"
    text = path.read_bytes()
    try:
        cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(text)["cells"]]
        cells = [(kind, source.replace("\r\n", "\n").strip()) for kind, source in cells]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"{path} cannot be read as a notebook: {error}") from None
    # an editor that saves changes metadata, outputs, line ends and empty cells: it is the same exercise
    says = [cell for cell in cells if cell[1] and cell[0] != "raw"]
    exercise = Exercise(path, hashlib.sha256(json.dumps(says).encode()).hexdigest())
    space: dict[str, Any] = {"__name__": f"exercise_{path.stem}"}
    question: Question | None = None
    for number, (kind, source) in enumerate(cells):
        try:
            question = _take(exercise, question, space, kind, source) if source else question
        except Exception as error:
            first = source.partition("\n")[0]
            raise ValueError(f"{path.name}, cell {number} ({first}): {error}") from error
    for one in exercise.questions.values():
        missing = [role for role in ("starter", "form", "solution") if role not in one.source]
        missing += ["hint"] * (not one.hint)
        missing += ["wrong"] * (not one.wrong and not isinstance(one.form, Text))
        for role, forms in (("truth", Interval | Selection), ("cases", Function)):
            missing += [role] * (isinstance(one.form, forms) and role not in one.source)
            if role in one.source and not isinstance(one.form, forms):
                what = f"has # {role}, which a {type(one.form).__name__} does not look at: remove it"
                raise ValueError(f"{path.name}, question {one.number}, {what}.")
        if missing:
            raise ValueError(f"{path.name}, question {one.number}, lacks: {', '.join(missing)}.")
    if exercise.inputs is None or not exercise.questions:
        raise ValueError(f"{path.name} needs a cell '# inputs' with inputs(variant), and a question.")
    return exercise


def fill(text: str, values: Mapping[str, Any]) -> str:
    """Put given values into a text, where it says ``{name}`` or, with a format, ``{name:.2f}``.

    Raises
    ------
    ValueError
        A name in braces that is not given. (Between two dollar signs everything stays as it is.)

    Examples
    --------
    >>> from pandas import Timestamp
    >>> fill("A margin of {margin:.0%} until {end}.", {"margin": 0.25, "end": Timestamp("2025-06-30")})
    'A margin of 25% until 30 June 2025.'
    """

    def put(found: re.Match[str]) -> str:
        name, how = found.groups()
        if name is None:
            return found[0]
        value = look_up("given value", name, values)
        if isinstance(value, date) and not how:
            return f"{value.day} {value:%B %Y}"
        try:
            if isinstance(value, str | int | float | date):
                return format(value, (how or ":")[1:])
            raise ValueError
        except ValueError:
            raise ValueError(f"{found[0]} cannot be written: it is a {type(value).__name__}.") from None

    return PLACE.sub(put, text)


def _take(
    exercise: Exercise, question: Question | None, space: dict[str, Any], kind: str, text: str
) -> Question | None:
    """Take one cell of the source and return the question to which the next one belongs."""
    if kind == "markdown":
        if inside := INSIDE.search(text):
            raise ValueError(f"{inside[1]!r} stands inside of this cell: begin a cell of its own with it.")
        if PICTURE.search(text):
            raise ValueError("this picture would not go along: draw it in the set-up, or give its address.")
        heading = re.match(r"## (\w+)\.([1-9]\d*) (.+)", text)
        if heading:
            number = ".".join(heading.groups()[:2])
            if number in exercise.questions or heading[1] != exercise.name.partition("_")[0]:
                raise ValueError(f"{number} is there already, or is no number of {exercise.name}.")
            question = exercise.questions[number] = Question(number, heading[3], text, dict(space))
        elif question is None:
            exercise.introduction = f"{exercise.introduction}\n\n{text}".strip()
        elif text.startswith("## "):
            raise ValueError(f"a question is called ## {exercise.name.partition('_')[0]}.1 and has a title.")
        elif found := re.match(r"\*\*(Hint|Why)\.\*\*\s*(\S?)", text):
            if getattr(question, found[1].lower()) or not found[2]:
                raise ValueError(f"question {question.number} has two such cells, or this one says nothing.")
            setattr(question, found[1].lower(), text)
        elif "starter" in question.source:  # it may be the solution, and would go to the student
            raise ValueError(
                "after # starter a text begins with **Hint.** or **Why.**: put a task before it."
            )
        else:
            question.task += f"\n\n{text}"
        return question
    if kind != "code":
        return question
    mark, _, source = text.partition("\n")
    role, valid = mark.removeprefix("# ").strip(), ROLES if question else ("inputs", "set-up")
    if role not in valid:
        raise ValueError(f"the first line of a code cell here must be one of # {', # '.join(valid)}.")
    if question is None:
        if exercise.set_up if role == "set-up" else exercise.inputs:
            raise ValueError(f"there are two cells # {role}.")
        if role == "set-up":
            exercise.set_up = source
        else:
            exercise.inputs = _made(source, role, space)[role]
        return None
    if role in question.source:
        raise ValueError(f"question {question.number} has two cells # {role}.")
    question.source[role] = source
    if role == "starter":
        if not re.search(rf"\b{question.variable}\b", source):
            raise ValueError(f"the starter must set {question.variable}.")
    elif role == "wrong":
        made = _made(source, role, question.space)
        question.wrong = {name: one for name, one in made.items() if isfunction(one) and name[0] != "_"}
        silent = [name for name, one in question.wrong.items() if not (one.__doc__ or "").strip()]
        if silent:
            raise ValueError(f"{silent[0]} needs a docstring: it is what the student is told.")
    else:
        setattr(question, role, _made(source, role, question.space)[role])
        if role == "form" and not isinstance(question.form, Form):
            raise ValueError("form must be one of practice's forms, such as practice.Number().")
    return question


def _made(source: str, name: str, space: dict[str, Any]) -> dict[str, Any]:
    """Execute a cell and return what it defines, among it `name`."""
    before = dict(space)
    exec(compile(source, f"<{space['__name__']}: {name}>", "exec"), space)
    made = {one: value for one, value in space.items() if before.get(one) is not value}
    # under a name that is taken, one function would be used in the place of another
    functions = [one.name for one in ast.parse(source).body if isinstance(one, ast.FunctionDef)]
    twice = [one for one in made if one in before or functions.count(one) > 1]
    if twice:
        raise ValueError(f"{twice[0]} has that name twice in this exercise: give it another.")
    if name != "wrong" and (name not in made or name != "form" and not isfunction(made[name])):
        raise ValueError(f"the cell must define {name}{'' if name == 'form' else ', a function'}.")
    return made
