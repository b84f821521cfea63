"""Referees: nbformat, the source of each exercise, and git."""

import ast
import json
import re
import subprocess
from functools import cache

import nbformat
import pandas as pd
import pytest

from crmlab import practice
from crmlab._paths import ROOT
from crmlab.practice.exercise import fill
from crmlab.practice.forms import Choice, Function, Interval
from crmlab.practice.student_notebook import student_notebook
from tests.money import money_taken_for_formulas

NAMES = practice.names()
each_exercise = pytest.mark.parametrize("name", NAMES)


@cache
def made(name):
    """Return the source of an exercise, and the notebook that one student has of it."""
    exercise = practice.load(name)
    drawn, example = (practice.Drawn(exercise, "key", who, small=True) for who in ("ann", "example"))
    return drawn, student_notebook(drawn, example, 'given = practice.given("x")', check=True)


def lines(text):
    """Return the lines of code that say something, without comments and blanks."""
    found = (line.split("#")[0].strip() for line in text.splitlines())
    return {line for line in found if len(line) > 25 and not line.startswith(("import ", "from "))}


@each_exercise
def test_it_is_a_notebook_and_the_same_when_made_twice(name):
    drawn, notebook = made(name)
    nbformat.validate(nbformat.from_dict(notebook))
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    again, example = (
        practice.Drawn(practice.load(name), "key", who, small=True) for who in ("ann", "example")
    )
    assert json.dumps(student_notebook(again, example, 'given = practice.given("x")', True)) == json.dumps(
        notebook
    )


@each_exercise
def test_money_stands_in_words_so_that_no_two_dollar_signs_become_a_formula(name):
    drawn, notebook = made(name)
    shown = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "markdown"]
    for number, question in drawn.exercise.questions.items():
        shown += [fill(text, drawn.given.values()) for text in (question.hint, question.why)]
        shown += [message for message, _ in drawn.key(number).wrong.values()]
        shown.append(drawn.form(number).wanted())
    assert not [found for text in shown for found in money_taken_for_formulas(text)]


def test_money_stands_in_words_in_the_sources_of_exercises():
    for path in sorted((ROOT / "exercises").rglob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
        assert not [found for text in texts for found in money_taken_for_formulas(text)], path.name


@each_exercise
def test_it_holds_every_task_and_starter_and_its_code_can_be_read(name):
    drawn, notebook = made(name)
    sources = [cell["source"] for cell in notebook["cells"]]
    for question in drawn.exercise.questions.values():
        assert any(source.startswith(fill(question.task, drawn.given.values())) for source in sources)
        assert question.source["starter"] in sources
        assert any(
            f'practice.check("{question.number}", {question.variable})' in source for source in sources
        )
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            ast.parse(cell["source"])
            assert cell["outputs"] == [] and cell["execution_count"] is None
    unfilled = [name for name in drawn.given.values() if re.search(rf"\{{{name}[:}}]", " ".join(sources))]
    assert unfilled == []


@each_exercise
def test_it_holds_nothing_that_is_kept_back(name):
    drawn, notebook = made(name)
    text = "\n".join(cell["source"] for cell in notebook["cells"])
    shown = lines(
        "\n".join([drawn.exercise.set_up, *(q.source["starter"] for q in drawn.exercise.questions.values())])
    )
    for question in drawn.exercise.questions.values():
        assert question.hint not in text and (not question.why or question.why not in text)
        for role in ("solution", "wrong", "truth", "cases", "form"):
            for line in lines(question.source.get(role, "")) - shown:
                assert line not in text, (question.number, role)
    for kept in drawn._inputs[1]:
        assert not re.search(rf"given\.{kept}\b", text)
    assert "_truth" not in text and "open_envelope" not in text


@each_exercise
def test_the_right_answer_shown_is_that_of_other_data(name):
    drawn, notebook = made(name)
    with_own = student_notebook(drawn, drawn, 'given = practice.given("x")', check=True)
    for cell, other in zip(notebook["cells"], with_own["cells"], strict=True):
        if cell["id"].startswith("question") and cell["cell_type"] == "markdown":
            number = f"{drawn.exercise.name.partition('_')[0]}.{cell['id'].rpartition('-')[2]}"
            form = drawn.form(number)
            # a small whole number may be right for two by chance; that variants differ is proved
            may_agree = isinstance(form, Choice | Function | Interval) or getattr(form, "whole", False)
            assert (cell == other) <= may_agree, number


def test_a_notebook_to_hand_in_has_neither_hints_nor_progress():
    drawn, _ = made(NAMES[0])
    notebook = student_notebook(drawn, drawn, "given = practice.read('x')", check=False)
    text = "\n".join(cell["source"] for cell in notebook["cells"])
    assert "practice.check(" in text and "practice.hint" not in text and "practice.progress" not in text


def test_days_are_written_out_and_formats_kept():
    values = {"day": pd.Timestamp("2025-06-03"), "margin": 0.25, "x": 3, "T": 9}
    text = "{day}, {day:%Y}, {margin:.0%}, {x} {T} $x_{y}$ {a, b}"
    assert fill(text, values) == "3 June 2025, 2025, 25%, 3 9 $x_{y}$ {a, b}"
    for name in ("nothing", "X"):
        with pytest.raises(ValueError, match=f"no given value '{name}'"):
            fill(f"{{{name}}}", values)


def test_no_made_notebook_is_committed():
    listed = subprocess.run(
        ["git", "ls-files", "notebooks/practice"], cwd=ROOT, capture_output=True, text=True
    )
    assert listed.stdout == ""
