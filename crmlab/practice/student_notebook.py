"""The student's notebook, made from the source of an exercise."""

import base64
import io
from functools import lru_cache
from typing import Any

import pandas as pd

from crmlab.practice.data import VERSION
from crmlab.practice.exercise import fill
from crmlab.practice.forms import Choice, Figure, Function, Interval, Selection, Text
from crmlab.practice.marking import Drawn


def student_notebook(drawn: Drawn, example: Drawn, begin: str, check: bool) -> dict[str, Any]:
    """Return the notebook of one student: tasks, what right answers look like, starters, no solution.

    Parameters
    ----------
    drawn : Drawn
        The exercise with the student's data.
    example : Drawn
        The exercise with other data, whose right answers may be shown.
    begin : str
        The line that gets the data: ``given = …``.
    check : bool
        Whether hints and solutions can be asked for.

    Returns
    -------
    dict
        In the format of Jupyter notebooks, version 4.5.
    """
    from crmlab.course import METADATA  # takes a second to load, and the sandbox has no use for it

    exercise, values = drawn.exercise, drawn.given.values()
    help_line = '\n# practice.hint("{0}"), and after a try practice.solution("{0}")' if check else ""
    cells = [
        _markdown("introduction", fill(exercise.introduction, values)),
        _code("given", f"from crmlab import practice\n\n{begin}\ngiven"),
        _code("set-up", exercise.set_up),
    ]
    for number, question in exercise.questions.items():
        part = f"question-{number.rpartition('.')[2]}"
        looks = f"*A right answer looks like this:* {drawn.form(number).wanted()}.{_shown(example, number)}"
        checked = f'practice.check("{number}", {question.variable})' + help_line.format(number)
        told = _markdown(part, f"{fill(question.task, values)}\n\n{looks}")
        if isinstance(question.form, Figure):
            told["attachments"] = {"example.png": {"image/png": _picture(example, number)}}
        cells += [
            told,
            _code(f"{part}-answer", question.source["starter"]),
            _code(f"{part}-check", checked),
        ]
    end = "practice.progress()" if check else ""
    cells += [_code("progress", end)] if end else []
    about = {"schema_version": VERSION, "exercise": exercise.name, "source": exercise.digest}
    about |= {"student": drawn.student}
    return {"cells": cells, "metadata": METADATA | {"crmlab": about}, "nbformat": 4, "nbformat_minor": 5}


def _markdown(name: str, text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": text}


def _code(name: str, text: str) -> dict[str, Any]:
    return _markdown(name, text) | {"cell_type": "code", "execution_count": None, "outputs": []}


@lru_cache(maxsize=256)
def _shown(example: Drawn, number: str) -> str:
    """Show the right answer that other data have."""
    form, question = example.form(number), example.exercise.questions[number]
    if isinstance(form, Choice | Interval | Text):  # another's may well be right here, too
        return ""
    right = example.key(number).right
    if isinstance(form, Figure):
        return " With other data it was\n\n![a right answer](attachment:example.png)"
    if isinstance(form, Function):
        [case, *_], [output, *_] = example.cases(number) or [{}], right["outputs"]
        if any(isinstance(value, pd.DataFrame) for value in case.values()):
            return f" With other data it returned {_text(output)}."
        arguments = ", ".join(f"{name}={value!r}" for name, value in case.items())
        return f" For example, `{question.variable}({arguments})` returns {_text(output)}."
    if isinstance(form, Selection):
        return f" With other data it began with {', '.join(right[:3])}."
    if isinstance(right, dict):
        table = pd.DataFrame(right["columns"]).head(3).map(_text)
        rows = [list(table.columns), ["---"] * len(table.columns), *table.to_numpy().tolist()]
        return " With other data it began:\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f" With other data it was {_text(right)}."


@lru_cache(maxsize=64)
def _picture(example: Drawn, number: str) -> str:
    from matplotlib import pyplot

    solution = example.exercise.questions[number].solution
    assert solution is not None
    figure, file = example.call(solution).figure, io.BytesIO()
    figure.savefig(file, format="png", dpi=72, bbox_inches="tight")
    pyplot.close(figure)
    return base64.b64encode(file.getvalue()).decode()


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return "a table"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
