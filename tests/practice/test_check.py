"""Referees: a small exercise whose right answers are known by heart; files damaged by hand."""

import json
import multiprocessing
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import linalg
from statsmodels.api import OLS

from crmlab import practice
from crmlab.practice import copies, desk, exercise

INPUTS = """# inputs
import matplotlib.pyplot as plt
import pandas as pd
from crmlab import practice


def inputs(variant):
    ids = [f"c{number}" for number in range(8)]
    given = {"paid": list(range(2, 10)), "ids": ids, "margin": 0.25, "places": 2, "widest": 3}
    return given, {"worth": pd.Series([9.0, 8, 1, 1, 1, 1, 1, 2], ids), "mean": 5.5}"""
QUESTIONS = {
    "Mean": [
        "answer_1 = ...",
        'practice.Number("cents", 0, 100, tolerance=0.01)',
        "def solution(paid):\n    return sum(paid) / len(paid)",
        'def total(paid):\n    """That is the sum."""\n    return sum(paid)\n\n\n'
        'def impossible(paid):\n    """Never made."""\n    return paid[99]\n\n\n'
        'def too_much():\n    """That is beyond all reason."""\n    return 10**6',
    ],
    "Whom": [
        "answer_2 = [...]",
        'practice.Selection("places", of="id")',
        'def solution(ids):\n    return ["c0", "c1"]',
        'def latest(ids):\n    """You took the latest."""\n    return ids[-2:]',
        "# truth\ndef truth(worth):\n    return worth",
    ],
    "Between": [
        "answer_3 = (..., ...)",
        'practice.Interval("cents", 0, 100, widest="widest")',
        "def solution(paid):\n    return 5, 6",
        'def low(paid):\n    """That is the minimum."""\n    return 1, 3',
        "# truth\ndef truth(mean):\n    return mean",
    ],
    "Doubled": [
        "def answer_4(x):\n    return ...",
        'practice.Function(("x",), returns=practice.Number())',
        "def solution():\n    return lambda x: 2 * x",
        'def squared():\n    """You squared."""\n    return lambda x: x**2',
        '# cases\ndef cases(variant):\n    return [{"x": 1}, {"x": 3}]',
    ],
}


def source(inputs=INPUTS, questions=QUESTIONS, name="T1"):
    """Return the cells of an exercise."""
    cells = [
        "# A trial\n\nAt a margin of {margin:.0%}, $\\frac{margin}{x}$.",
        inputs,
        "# set-up\npaid = given.paid",
    ]
    for number, (title, [starter, form, solution, wrong, *more]) in enumerate(questions.items(), start=1):
        cells += [
            f"## {name}.{number} {title}\n\nWhat is it?",
            f"# starter\n{starter}",
            f"# form\nform = {form}",
        ]
        cells += [*more, "**Hint.** At {margin:.0%}.", f"# solution\n{solution}", f"# wrong\n{wrong}"]
        cells += ["**Why.** Because of {margin}."]
    return cells


def write(folder, cells, name="T1_trial"):
    kinds = ["code" if text.startswith("# ") and not text.startswith("# A") else "markdown" for text in cells]
    made = [{"cell_type": kind, "source": text} for kind, text in zip(kinds, cells, strict=True)]
    path = folder / f"{name}.ipynb"
    path.write_text(json.dumps({"cells": made}), encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path, monkeypatch):
    write(tmp_path, source())
    monkeypatch.setattr(exercise, "FOLDER", tmp_path)
    monkeypatch.setattr(desk, "_open", {})
    desk._draw.cache_clear()
    practice.given("T1")
    yield tmp_path
    desk._draw.cache_clear()


def drawn(folder):
    return practice.Drawn(practice.load("T1"), "key", "ann")


# ---- the layers


@pytest.mark.parametrize(
    ("question", "answer", "outcome", "said"),
    [
        ("T1.1", ..., "missing", "There is no answer yet."),
        ("T1.1", "5.5", "type", "This is a text. Wanted: one number (cents), between 0 and 100"),
        ("T1.1", -1000, "range", "-1000 is not plausible"),
        ("T1.1", 5.505, "right", "Right."),
        ("T1.1", 44, "mistake", "That is the sum."),
        ("T1.1", 10**6, "mistake", "That is beyond all reason."),
        ("T1.1", 550, "wrong", "Its digits are right, and its unit or sign is not."),
        ("T1.1", 6, "wrong", "The form is right and the value is not."),
        ("T1.2", ["c1", "c9"], "columns", "1 of your ids are not among those"),
        ("T1.2", ["c1", "c0"], "right", "Your list is worth 1.00"),
        ("T1.2", ["c6", "c7"], "mistake", "You took the latest."),
        ("T1.2", ["c0", "c2"], "wrong", "A better one is within reach: 0.97 is enough."),
        ("T1.3", (5.4, 5.6), "right", "Right."),
        ("T1.3", (1.1, 3), "mistake", "That is the minimum."),
        ("T1.3", (4, 5), "wrong", "The truth lies outside of your interval."),
        ("T1.3", (0, 100), "range", "says nothing, even where it is right"),
        ("T1.4", lambda x: x + x, "right", "Right."),
        ("T1.4", lambda x: x * x, "mistake", "You squared."),
        ("T1.4", lambda x: x + 1, "wrong", "Right on 1 of 2 inputs"),
        ("T1.4", lambda x: 1 / (x - 1), "wrong", "On some inputs: The function stopped: ZeroDivisionError"),
        ("T1.4", lambda x: 1 / (x - x), "type", "The function stopped: ZeroDivisionError: division by zero"),
        ("T1.4", lambda x: 2.004 * x, "wrong", "Close where it is not right: is what it returns rounded"),
    ],
)
def test_each_layer_has_its_message(folder, question, answer, outcome, said):
    verdict = practice.check(question, answer)
    assert verdict.outcome == outcome and said in repr(verdict)
    assert (verdict.mark == 1) == (outcome == "right") and verdict.mark <= 1
    if outcome == "range":
        assert "5.5" not in verdict.message


def test_a_decision_is_worth_its_money(folder):
    # random: 2 * 24 / 8 = 6; the oracle's: 17; c0 and c2: 10
    # and full marks begin at 97 % of what the solution is worth
    verdict = practice.check("T1.2", ["c0", "c2"])
    assert verdict.message.endswith("A better one is within reach: 0.97 is enough.")
    assert practice.check("T1.2", ["c6", "c7"]).message.endswith("0.97 is enough. You took the latest.")
    assert "one worth 0.97 of our own has full marks" in drawn(folder).form("T1.2").wanted()
    assert verdict.mark == pytest.approx((10 - 6) / (17 - 6)) and "worth 0.36" in verdict.message
    assert practice.check("T1.2", ["c2", "c3"]).mark == 0


def test_a_right_answer_that_is_not_plausible_is_right_and_proof_tells_of_it(folder):
    changed = QUESTIONS | {
        "Mean": [QUESTIONS["Mean"][0], 'practice.Number("cents", 7, 9)', *QUESTIONS["Mean"][2:]]
    }
    write(folder, source(questions=changed))
    assert drawn(folder).verdict("T1.1", 5.5).mark == 1
    failed = practice.prove(practice.load("T1"), variants=1).set_index("answer")
    assert failed.loc["solution", "outcome"] == "range"


@pytest.mark.parametrize("name", [16.2, None, 5, pd.DataFrame(), ("T1.1",)])
def test_a_question_is_named_by_a_text(folder, name):
    for ask in (
        lambda: practice.check(name, 1),
        lambda: practice.hint(name),
        lambda: practice.solution(name),
    ):
        with pytest.raises(ValueError, match="named by a text"):
            ask()


def test_who_has_not_taken_the_data_is_told_so_and_not_judged_by_somebody_elses(folder, monkeypatch):
    monkeypatch.setattr(desk, "_open", {})
    for ask in (lambda: practice.check("T1.1", 5.5), lambda: practice.hint("T1.1")):
        with pytest.raises(ValueError, match=r"Your data of exercise T1 are not here yet: run the cell"):
            ask()
    with pytest.raises(ValueError, match="There is no exercise '99'"):
        practice.check("99.1", 1)
    assert practice.progress().questions.loc["T1.1", "outcome"] == "not tried"
    practice.given("T1", "ann")
    assert practice.check("T1.1", 5.5).outcome == "right"
    assert [one["student"] for one in desk._events()] == ["ann"]


def test_what_is_written_into_the_log_of_an_untouched_notebook_is_nothing(folder):
    space = {"given": practice.given("T1"), "practice": practice}
    for number, question in practice.load("T1").questions.items():
        exec(question.source["starter"], space)
        assert practice.check(number, space[question.variable]).outcome == "missing"
    assert not desk._events()
    # written by an older version
    desk._write({"student": "practice", "question": "T1.1", "outcome": "missing"})
    assert practice.progress().questions.loc["T1.1"].tolist()[1:3] == [0, "not tried"]


def test_errors_of_linear_algebra_are_put_into_words(folder):
    for fails, meant in (
        (lambda x: np.linalg.inv(np.ones((2, 2))), "two columns say the same"),
        (lambda x: np.linalg.cholesky(-np.eye(2)), "no real data have such variances"),
        (lambda x: np.linalg.inv(np.ones((2, 3))), "as many rows as columns"),
        (lambda x: np.linalg.svd(np.full((2, 2), np.nan)), "came to no end: is a value missing"),
        (lambda x: linalg.inv(np.full((2, 2), np.nan)), "a value is missing, or something was divided"),
        (lambda x: OLS([1.0, np.nan], [1.0, 2.0], missing="raise"), "a value is missing"),
    ):
        verdict = practice.check("T1.4", fails)
        assert verdict.outcome == "type" and meant in verdict.message

    class Unreadable(list):
        def __len__(self):
            raise np.linalg.LinAlgError("Singular matrix")

    assert "two columns say the same" in practice.check("T1.2", Unreadable([1])).message


def test_unknown_names_are_told_with_those_that_there_are(folder):
    with pytest.raises(ValueError, match="There is no question 'T1.9'.*Valid: T1.1, T1.2"):
        practice.check("T1.9", 1)
    with pytest.raises(ValueError, match="There is no exercise '99'. Valid: T1_trial"):
        practice.given("99")


# ---- hints, solutions, assignments


def test_hint_and_solution_have_the_given_values_and_the_solution_waits(folder):
    assert practice.hint("T1.1") == "**Hint.** At 25%."
    assert practice.solution("T1.1").startswith("Try first")
    for answer in (..., "5.5"):
        practice.check("T1.1", answer)
    assert practice.solution("T1.1").startswith("Try first")
    practice.check("T1.1", 6)
    text = practice.solution("T1.1")
    assert "sum(paid) / len(paid)" in text and text.endswith("**Why.** Because of 0.25.")


def test_in_an_assignment_only_the_form_is_told(folder, tmp_path):
    one = drawn(folder)
    one.given.write(tmp_path / "data")
    forms = {number: one.form(number).to_dict() for number in one.exercise.questions}
    (tmp_path / "data" / "form.json").write_text(json.dumps(forms))
    assert practice.read(tmp_path / "data").margin == 0.25
    outcomes = [practice.check("T1.1", answer).outcome for answer in (5.5, 44, "a", ...)]
    assert outcomes == ["formed", "formed", "type", "missing"]
    assert (
        practice.check("T1.4", lambda x: x).outcome == "formed"
        and practice.check("T1.4", 5).outcome == "type"
    )
    with pytest.raises(ValueError, match="neither hints nor solutions"):
        practice.hint("T1.1")
    (tmp_path / "data" / "form.json").write_text("{")
    with pytest.raises(ValueError, match="form.json is damaged"):
        practice.read(tmp_path / "data")
    with pytest.raises(FileNotFoundError, match="keep the data beside the notebook"):
        practice.read(tmp_path / "nowhere")


# ---- a source that is broken


def test_the_trial_itself_is_sound_but_for_what_cannot_be_made(folder):
    failed = practice.prove(practice.load("T1"), variants=1)
    assert failed["answer"].tolist() == ["impossible"] and "IndexError" in failed["message"].iloc[0]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("def inputs(", "def input(", r"cell 1 \(# inputs\): the cell must define inputs"),
        ("# inputs", "# imports", "must be one of # inputs, # set-up"),
        ("# starter\nanswer_1", "# start\nanswer_1", "must be one of # starter, # form"),
        ("answer_1 = ...", "answer_2 = ...", "must set answer_1"),
        ("## T1.2 Whom", "## T1.1 Whom", "T1.1 is there already"),
        ("## T1.2 Whom", "## T2.2 Whom", "is no number of T1_trial"),
        ("## T1.2 Whom", "## T1.2", "has a title"),
        ('    """That is the sum."""\n', "", "total needs a docstring"),
        ("**Hint.** At", "A hint at", "after # starter a text begins with"),
        ("**Hint.** At", "**Hint.**\n\n**Why.** At", "begin a cell of its own"),
        ("**Hint.** At {margin:.0%}.", "**Hint.**", "says nothing"),
        ("## T1.2 Whom", "## T1.02 Whom", "a question is called ## T1.1"),
        (
            "What is it?",
            "What is it?\n\n**Solution.** Their mean.",
            "'\\*\\*Solution' stands inside of this cell",
        ),
        ("What is it?", "What is it? ![a plot](attachment:plot.png)", "this picture would not go along"),
        ("answer_1 = ...", "answer_10 = ...", "must set answer_1"),
        ("def total(paid)", "def solution(paid)", "solution has that name twice in this exercise"),
        ('"""That is the sum."""', '""" """', "total needs a docstring"),
        ("# form\nform =", "# form\nfrom_ =", "must define form"),
        ('practice.Number("cents", 0, 100, tolerance=0.01)', "5", "one of practice's forms"),
        ("# truth\ndef truth(worth):\n    return worth", "", "T1.2, lacks: truth"),
        ("# cases\ndef cases", "# truth\ndef truth", "T1.4, has # truth, which a Function does not"),
        (
            "tolerance=0.01)",
            "tolerance=-0.01)",
            r"\(# form\): tolerance is a number of at least 0; got -0.01",
        ),
        ("def solution(paid)", "def solution(paid", "'\\(' was never closed"),
        (
            "**Hint.** At {margin:.0%}.",
            "# solution\nsolution = 5",
            "the cell must define solution, a function",
        ),
        ("# set-up\npaid = given.paid", "# solution", "must be one of # inputs, # set-up"),
    ],
)
def test_a_broken_source_is_told_with_its_cell(folder, old, new, said):
    cells = [cell.replace(old, new) for cell in source()]
    assert cells != source()
    write(folder, cells)
    with pytest.raises(ValueError, match=said) as told:
        practice.load("T1")
    assert "T1_trial.ipynb" in str(told.value)


def test_a_number_that_two_exercises_have_is_told(folder):
    write(folder, source(), "T1_other")
    with pytest.raises(ValueError, match="T1 may be T1_other or T1_trial.*write the whole name"):
        practice.load("T1")
    assert practice.load("T1_trial").name == "T1_trial"


@pytest.mark.parametrize("text", ["", "[]", '{"cells": 5}', '{"cells": [{}]}', "\xff", "[" * 100_000])
def test_a_source_that_is_no_notebook_is_told(folder, text):
    (folder / "T1_trial.ipynb").write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=r"T1_trial.ipynb cannot be read as a notebook"):
        practice.load("T1")
    (folder / "T1_trial.ipynb").write_text('{"cells": []}')
    with pytest.raises(ValueError, match="needs a cell '# inputs'"):
        practice.load("T1")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "def solution(paid):\n    return sum",
            "def solution(mean, paid):\n    return sum",
            "no given thing 'mean'",
        ),
        ("return sum(paid) / len(paid)", "return 'text'", "This is a text"),
        ("return lambda x: 2 * x", "return lambda x: None", "returns nothing"),
        ('return [{"x": 1}, {"x": 3}]', "return []", "must return a list of dicts, with one at least"),
        ("[9.0, 8, 1,", "[1.0, 1, 9,", "no better than a random list"),
        ("[9.0, 8, 1, 1, 1, 1, 1, 2]", "[1.0] * 8", "no decision"),
        ("return ids[-2:]", "return ['c0', 'c1']", "Right."),
    ],
)
def test_proof_finds_what_does_not_hold(folder, old, new, said):
    write(folder, [cell.replace(old, new) for cell in source()])
    failed = practice.prove(practice.load("T1"), variants=1)
    assert failed["message"].str.contains(said).any()


def test_braces_that_name_nothing_are_found_and_formulas_left_alone(folder):
    assert "$\\frac{margin}{x}$" in exercise.fill("$\\frac{margin}{x}$ {margin}", {"margin": 1})
    write(folder, [cell.replace("What is it?", "What is {it}?") for cell in source()])
    assert exercise.fill("$$\\sum_{i} x$$ {rate_2:.0%}", {"i": 1, "rate_2": 0.5}) == "$$\\sum_{i} x$$ 50%"
    failed = practice.prove(practice.load("T1"), variants=1).query("answer == 'task'")
    assert failed["question"].tolist() == [f"T1.{number}" for number in range(1, len(QUESTIONS) + 1)]
    assert failed["message"].str.contains("There is no given value 'it'").all()


@pytest.mark.parametrize("returned", ["None", "[1]", "({}, 5)", '{"a b": 1}', '{"values": 1}', '{"x": {1}}'])
def test_inputs_that_return_something_else_are_told(folder, returned):
    write(
        folder, source(f"# inputs\nfrom crmlab import practice\ndef inputs(variant):\n    return {returned}")
    )
    with pytest.raises(ValueError, match="must return a dict|needs a name|give tables"):
        drawn(folder).given  # noqa: B018


def test_a_solution_cannot_change_what_others_see(folder):
    spoils = "def solution(paid):\n    answer = sum(paid) / len(paid)\n    paid.clear()\n    return answer"
    write(
        folder, source(questions=QUESTIONS | {"Mean": [*QUESTIONS["Mean"][:2], spoils, QUESTIONS["Mean"][3]]})
    )
    one = drawn(folder)
    assert one.verdict("T1.1", 5.5).mark == 1 and one.verdict("T1.1", 44).mistake == "total"
    assert one.given.paid == list(range(2, 10))


# ---- progress


def test_progress_tells_the_best_try_and_survives_restarts(folder):
    for answer in (..., "a", 6, 5.5, 44):
        practice.check("T1.1", answer)
    practice.hint("T1.4")
    practice.check("T1.3", (5, 6))
    practice.check("T1.3", (0, 1))
    page = practice.progress()
    assert page.questions.loc["T1.1"].tolist() == ["Mean", 4, "right", False, False]
    assert page.questions.loc["T1.4"].tolist() == ["Doubled", 0, "not tried", True, False]
    assert page.calibration.to_dict("records") == [{"low": 5.0, "high": 6.0, "truth": 5.5, "inside": True}]
    assert (
        page.sentence()
        == "2 of 4 questions solved. 1 of 1 intervals held the truth; of 90 % intervals 0.9 should."
    )
    assert page.plot_calibration().get_title(loc="left") or page.plot_calibration().get_title()
    assert "<table" in page._repr_html_() and "Mean" in repr(page)


def test_what_was_answered_under_the_old_numbers_is_shown_and_not_counted(folder, monkeypatch):
    path = folder / "17_trial.ipynb"
    path.write_text((folder / "T1_trial.ipynb").read_text().replace("T1.", "17."))  # a lesson 17 of today
    old = {"schema_version": 1, "student": "practice", "outcome": "right"}
    lines = [old | {"question": "17.1"}, old | {"question": "17.3", "low": 5, "high": 6, "truth": 5.5}]
    lines += [old | {"question": "17.1", "outcome": "wrong"}, old | {"question": "T1.1"}]
    (copies.FOLDER / "practice").mkdir(parents=True, exist_ok=True)
    log = copies.FOLDER / "practice" / "progress.jsonl"
    log.write_text("\n".join(map(json.dumps, lines)))
    practice.given("17")
    practice.check("17.2", "a")
    page = practice.progress()
    tried = page.questions["outcome"].to_dict()
    assert tried["17.1"] == tried["17.3"] == "not tried" and tried["T1.1"] == "right"
    assert tried["17.2"] not in ("right", "not tried")
    assert page.old["outcome"].to_dict() == {"17.1": "right", "17.3": "right"}
    assert page.old.loc["17.1"].tolist() == ["42 and 43", 2, "right", False, False]
    assert page.calibration.index.tolist() == ["17.3 (old)"]
    assert practice.solution("17.1").startswith("Try first")
    assert "Under the old numbers, not counted here: 2 questions." in repr(page)
    assert "42 and 43" in repr(page) and "42 and 43" in page._repr_html_()
    assert log.read_text().startswith("\n".join(map(json.dumps, lines)))


def test_intervals_of_a_company_are_kept_once(folder):
    table = pd.DataFrame(
        {"low": [0.1, 0.2], "high": [0.3, 0.4], "truth": [0.2, None]}, index=["alive", "open"]
    )
    for _ in range(2):
        practice.keep(table)
    practice.keep(table.assign(low=0.19, high=0.21))  # it knows the truth
    assert practice.progress().calibration["low"].to_dict() == {"alive": 0.1}
    for wrong in (None, [1], {"low": 1}):
        with pytest.raises(ValueError, match="takes the table"):
            practice.keep(wrong)
    with pytest.raises(ValueError, match="no column 'truth'"):
        practice.keep(table.drop(columns="truth"))


def test_a_damaged_line_costs_itself_only(folder):
    practice.check("T1.1", 5.5)
    log = copies.FOLDER / "practice" / "progress.jsonl"
    junk = [
        "",
        "{",
        "[]",
        "5",
        '{"question": "T1.1"}',
        "[" * 50_000,
        '{"student": 1, "question": {}, "outcome": []}',
    ]
    junk += [
        '{"student": "", "question": "a", "outcome": "b", "truth": "x", "low": [], "high": {}}',
        "\x00\xff",
    ]
    with log.open("a", encoding="latin-1") as file:
        file.write("\n" + "\n".join(junk) + '\n{"student": "practice", "question": "T1.2", "outc')
    practice.check("T1.4", lambda x: 2 * x)
    found = practice.progress().questions["outcome"]
    assert found.to_dict() == {"T1.1": "right", "T1.2": "not tried", "T1.3": "not tried", "T1.4": "right"}


def _append(place, number):
    copies.FOLDER = place
    for _ in range(200):
        desk._write({"student": "", "question": f"q{number}", "outcome": "right"})


def test_two_processes_write_at_once_and_no_line_is_lost(folder):
    context = multiprocessing.get_context("fork")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # fork and threads
        writers = [context.Process(target=_append, args=(copies.FOLDER, number)) for number in range(3)]
        for one in writers:
            one.start()
        for one in writers:
            one.join()
    questions = [one["question"] for one in desk._events()]
    assert sorted(questions) == sorted(f"q{number}" for number in range(3) for _ in range(200))


def test_a_desk_that_cannot_be_made_costs_the_progress_only(folder, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(copies, "FOLDER", tmp_path / "file" / "desk")
    with pytest.warns(UserWarning, match="Your progress is not kept"):
        assert practice.check("T1.1", 5.5).mark == 1
    assert practice.progress().questions["tries"].sum() == 0
    with pytest.raises(OSError):
        practice.notebook("T1")


# ---- the student's notebook on the desk


def test_a_notebook_is_made_anew_only_where_nothing_was_done(folder):
    path = practice.notebook("T1")
    made = path.read_bytes()
    assert practice.notebook("T1").read_bytes() == made
    executed = json.loads(made)
    executed["cells"][1] |= {"execution_count": 3, "outputs": []}
    path.write_text(json.dumps(executed))
    write(folder, [cell.replace("What is it?", "What could it be?") for cell in source()])
    assert b"What could it be?" in practice.notebook("T1").read_bytes()
    edited = json.loads(path.read_bytes())
    edited["cells"][4]["source"] = "answer_1 = 5.5"
    path.write_text(json.dumps(edited))
    write(folder, source())
    assert json.loads(practice.notebook("T1").read_bytes()) == edited


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"cells": 1, "metadata": {}}', "\xff", "[" * 50_000]
)
def test_a_notebook_that_is_none_any_more_is_never_lost(folder, text):
    path = practice.notebook("T1")
    path.write_text(text, encoding="latin-1")
    assert practice.notebook("T1") == path and path.read_text(encoding="latin-1") == text


def test_every_student_has_a_notebook_of_their_own(folder):
    names = [practice.notebook("T1", student).name for student in ("practice", "a b", "a-b", "../b", "李")]
    assert len(set(names)) == 5 and all(
        path.parent == copies.FOLDER / "practice" for path in copies.FOLDER.rglob("*.ipynb")
    )
    cells = json.loads((copies.FOLDER / "practice" / names[1]).read_text())["cells"]
    assert 'practice.given("T1", "a b")' in cells[1]["source"]


def test_who_draws_every_candidate_has_not_decided(tmp_path):
    curve = "def {}():\n    {}fig, ax = plt.subplots()\n    ax.plot([0, 1, 2], [0, 1, {}])\n"
    curve += "    ax.set(xlabel='x', ylabel='y')\n    return ax"
    figure = [
        "fig, ax = plt.subplots()\nanswer_1 = ax",
        'practice.Figure("lines")',
        curve.format("solution", "", 4),
        curve.format("straight", '"""That is a straight line."""\n    ', 2),
    ]
    inputs = "# inputs\nimport matplotlib.pyplot as plt\nfrom crmlab import practice\n\n\n"
    inputs += "def inputs(variant):\n    return {}"
    write(tmp_path, source(inputs, {"Curve": figure}, "T2"), "T2_curve")
    path = tmp_path / "T2_curve.ipynb"
    path.write_text(
        path.read_text()
        .replace("{margin:.0%}", "5 %")
        .replace("{margin}", "it")
        .replace("paid = given.paid", "import matplotlib.pyplot as plt")
    )
    exercise = practice.load("T2", tmp_path)
    assert len(practice.prove(exercise, variants=1)) == 0
    here, before = practice.Drawn(exercise, "key", "ann"), plt.get_fignums()
    form, right = here.form("T2.1"), here.key("T2.1").right
    wrong = here.key("T2.1").wrong["straight"][1]
    assert plt.get_fignums() == before  # what a solution draws does not stay open for the student to see
    assert form.agrees(right, right)
    aid = {"labels": ["x", "y"], "drawn": [*right["drawn"], [[0.0, 0.0], [2.0, 0.0]]]}
    both = {"labels": ["x", "y"], "drawn": right["drawn"] + wrong["drawn"]}
    assert here.verdict("T2.1", right).mark == here.verdict("T2.1", aid).mark == 1
    assert here.verdict("T2.1", both).mark == 0
