"""Marking from end to end. Referee: what each submission deserves, decided before it was marked."""

import csv
import json
import os
import re
import unicodedata

import numpy as np
import pandas as pd
import pytest

from crmlab import practice
from crmlab.grading import Limits, grade, identical, questions, release, sandbox
from crmlab.grading.assignment import read_key
from crmlab.grading.causes import cause, without_installation
from crmlab.grading.handins import HandIns, notebook
from crmlab.grading.report import spreadsheet
from tests.grading.conftest import PERFECT, Classroom

LIMITS = Limits(cell_seconds=15, total_seconds=90, memory=2**30)  # to walk all files takes a while at first
LOOP = "while True:\n    try:\n        pass\n    except BaseException:\n        pass"
FORGER = """
import crmlab.practice as practice, crmlab.practice.forms as forms, json, os

class Right(float):
    __eq__ = lambda self, other: True
    __le__ = __lt__ = __ge__ = __gt__ = __eq__
    __sub__ = __rsub__ = __abs__ = lambda self, other=0: 0.0
    __hash__ = float.__hash__

practice.check = lambda *_: "Right."
for form in forms.FORMS.values():
    form.agrees = lambda *_: True
    form.problem = lambda *_: None
    form.plain = lambda self, answer, cases=None: {"outcome": "right", "mark": 1, "right": True}
for descriptor in range(3, 30):
    try:
        os.write(descriptor, b'{"question": "T1.1", "answer": {"mark": 1, "outcome": "right"}}\\n')
    except OSError:
        pass
"""
DELETE = """
import pandas, shutil
for folder in ("/tmp", "/home", "/root", "/etc", ".", pandas.__path__[0]):
    shutil.rmtree(folder, ignore_errors=True)
"""
LOOK = """
import os
found = []
for folder, inside, names in os.walk("/"):
    inside[:] = [] if folder in ("/usr", "/proc", "/sys", os.sys.prefix) else inside
    found += [name for name in names + inside if name == "key.json" or name.startswith("other_secret")]
answer_1 = len(found)
"""
FORGED = {number: f"answer_{number} = Right(1)" for number in PERFECT}


def marked(classroom, **options):
    found = grade(
        classroom.submissions,
        classroom.key,
        classroom.marks,
        folder=classroom.exercises,
        limits=LIMITS,
        **options,
    )
    return found.set_index(["student", "question"])


@pytest.fixture(scope="module")
def five(tmp_path_factory, sandboxed):
    """The five submissions of the page: perfect, two mistakes, copied, an infinite loop, forged."""
    classroom = Classroom(
        tmp_path_factory.mktemp("five"), ["perfect", "mistaken", "copied", "loop", "forger"]
    )
    mistakes = {1: 'answer_1 = orders["cents"].mean()', 3: "answer_3 = lambda cents, rate: cents * rate"}
    right = practice.Drawn(
        practice.load("T1", classroom.exercises), read_key(classroom.key)["key"], "perfect"
    )
    values = {number: right.key(f"T1.{number}").right for number in (1, 2, 4)}
    copied = {
        1: f"answer_1 = {values[1]}",
        2: f"import pandas as pd\nanswer_2 = pd.DataFrame({values[2]['columns']})",
        4: f"answer_4 = {values[4]}",
    }
    classroom.hand_in("perfect", PERFECT)
    classroom.hand_in("mistaken", PERFECT | mistakes)
    classroom.hand_in("copied", PERFECT | copied)
    classroom.hand_in("loop", PERFECT | {2: LOOP})
    classroom.hand_in("forger", FORGED, before=FORGER)
    return classroom, marked(classroom)


def test_the_perfect_submission_has_every_mark(five):
    assert five[1].loc["perfect", "mark"].tolist() == [1.0] * 5


def test_the_two_mistakes_are_named(five):
    rows = five[1].loc["mistaken"]
    assert rows["mistake"].to_dict() == {
        "T1.1": "per_order_mean",
        "T1.2": "",
        "T1.3": "only_the_discount",
        "T1.4": "",
        "T1.5": "",
    }
    assert rows["mark"].tolist() == [0, 1, 0, 1, 1]
    assert rows.loc["T1.1", "reason"] == "You averaged over orders."


def test_copied_values_are_worth_nothing_and_are_noticed(five):
    classroom, marks = five
    rows = marks.loc["copied"]
    assert rows.loc[["T1.1", "T1.2"], "mark"].tolist() == [0, 0]
    assert rows.loc["T1.4", "mark"] < 0.7  # a list of another's customers is a random list
    assert rows.loc[["T1.3", "T1.5"], "mark"].tolist() == [1, 1]
    kept = [json.loads(path.read_text()) for path in (classroom.marks / "done").glob("*/*.json")]
    pairs = identical(kept)
    expected = {(f"T1.{number}", "copied", "perfect") for number in (1, 2, 4)}
    assert set(pairs.itertuples(index=False, name=None)) == expected
    summary = (classroom.marks / "summary.html").read_text()
    assert len(re.findall(r"<td[^>]*>copied</td>\s*<td[^>]*>perfect</td>", summary)) == 3


def test_the_loop_costs_its_own_question_only(five):
    rows = five[1].loc["loop"]
    assert rows["mark"].tolist() == [1, 0, 1, 1, 1]
    assert f"stopped after {LIMITS.cell_seconds} seconds" in rows.loc["T1.2", "reason"]


def test_the_forger_has_nothing(five):
    assert five[1].loc["forger", "mark"].tolist() == [0.0] * 5


def test_the_files_say_the_same_as_the_table(five):
    classroom, marks = five
    stored = pd.read_csv(classroom.marks / "marks.csv", keep_default_na=False)
    assert stored.columns.tolist() == [
        "student", "name", "exercise", "question", "title", "mark", "outcome", "mistake", "reason",
        "computed", "comment",
    ]  # fmt: skip
    assert stored["mark"].tolist() == marks["mark"].tolist()
    totals = pd.read_csv(classroom.marks / "totals.csv").set_index("student")["mark"]
    assert totals.to_dict() == marks.groupby("student")["mark"].mean().round(4).to_dict()


def test_a_feedback_page_shows_the_student_s_own_and_no_answer(five):
    classroom, _ = five
    exercise, key = practice.load("T1", classroom.exercises), read_key(classroom.key)["key"]
    for student in ("mistaken", "copied", "loop"):
        page = (classroom.marks / "feedback" / f"{student}.html").read_text()
        drawn = practice.Drawn(exercise, key, student)
        right = drawn.key("T1.1").right
        for text in (f"{right:.2f}", f"{right:.0f}", str(drawn.cases("T1.3")[1]["cents"]), key, "perfect"):
            assert text not in page
        sums = drawn.key("T1.2").right["columns"]["cents"]
        assert [value for value in sums if f">{value:.0f}<" in page or f" {value:.0f}" in page] == []
        assert f"Name of {student}" in page


def test_marked_again_nothing_runs_and_a_new_submission_does(five, monkeypatch):
    classroom, marks = five
    runs = []
    execute = sandbox.execute
    monkeypatch.setattr(sandbox, "execute", lambda *a, **k: runs.append(1) or execute(*a, **k))
    assert marked(classroom).equals(marks)
    assert runs == []
    handed_in = classroom.submissions / "mistaken" / "T1_trial.ipynb"
    before = handed_in.read_text()
    classroom.hand_in("mistaken", PERFECT)
    assert marked(classroom).loc["mistaken", "mark"].tolist() == [1.0] * 5
    assert runs == [1]
    handed_in.write_text(before)


def test_interrupted_it_goes_on_where_it_was(five, tmp_path, monkeypatch):
    classroom, marks = five
    runs = []
    execute = sandbox.execute

    def interrupted(*arguments, **options):
        runs.append(1)
        if len(runs) == 3:
            raise KeyboardInterrupt
        return execute(*arguments, **options)

    monkeypatch.setattr(sandbox, "execute", interrupted)
    monkeypatch.setattr(classroom, "marks", tmp_path / "marks")
    with pytest.raises(KeyboardInterrupt):
        marked(classroom, jobs=1)
    assert not (tmp_path / "marks" / "marks.csv").exists()
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "marks" / "done").glob("*/*.json")}
    assert len(kept) == 2
    again = marked(classroom, jobs=1)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert again["mark"].tolist() == marks["mark"].tolist()


def test_without_a_sandbox_it_says_so_and_stops(five, monkeypatch):
    monkeypatch.setattr(sandbox, "unavailable", lambda: "The program bwrap is missing.")
    with pytest.raises(ValueError, match="no sandbox here: The program bwrap is missing.*--trust"):
        marked(five[0])


def test_with_trust_it_marks_without_one(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "unavailable", lambda: "There is none.")
    classroom = Classroom(tmp_path, ["s1"])
    classroom.hand_in("s1", PERFECT)
    assert marked(classroom, trust=True)["mark"].tolist() == [1.0] * 5


def test_a_notebook_of_an_older_release_is_refused_with_its_version(tmp_path):
    classroom = Classroom(tmp_path, ["old", "stripped"])
    for student, about in {"old": {"exercise": "T1_trial"}, "stripped": None}.items():
        classroom.hand_in(student, PERFECT)
        path = classroom.submissions / student / "T1_trial.ipynb"
        notebook = json.loads(path.read_text())
        assert notebook["metadata"]["crmlab"].pop("schema_version") == 2
        notebook["metadata"] = {"crmlab": about} if about else []
        path.write_text(json.dumps(notebook))
    marks = marked(classroom, trust=True)
    assert marks.loc["old", "mark"].isna().all() and marks.loc["stripped", "mark"].tolist() == [1.0] * 5
    told = marks.loc["old", "reason"].unique()
    assert (
        len(told) == 1 and "What was handed in is of version 1, this crmlab takes version 2: use" in told[0]
    )


def test_a_notebook_under_an_old_number_is_named(tmp_path):
    (tmp_path / "s1").mkdir()
    (tmp_path / "s1" / "17_retention.ipynb").write_text("{}")
    found = HandIns(tmp_path, {"s1": {"name": ""}}, ["43_lifecycle", "44_buy_till_you_die"])
    assert (
        "17_retention.ipynb was: if that is a notebook of version 1" in found.of("s1", "43_lifecycle").reason
    )
    other = found.of("s1", "44_buy_till_you_die")
    assert other.reason.startswith("44_buy_till_you_die.ipynb was not handed in.") and other.unread


def as_released(classroom, change):
    """Change what the key file says of the release."""
    about = json.loads(classroom.key.read_text())
    change(about)
    classroom.key.write_text(json.dumps(about))


def test_an_exercise_whose_data_changed_after_the_release_is_not_marked_wrongly(tmp_path):
    classroom = Classroom(tmp_path, ["s1"])
    classroom.hand_in("s1", PERFECT)
    path = classroom.exercises / "T1_trial.ipynb"
    path.write_text(path.read_text().replace("range(60)]", "range(60)][::-1]"))
    found = marked(classroom, trust=True)
    assert set(found["outcome"]) == {"unmarked"} and found["mark"].isna().all()
    assert found["reason"].str.endswith("T1_trial.ipynb has been changed.").all()


def test_other_data_of_one_student_stop_nobody_else_and_are_marked_once_mended(tmp_path):
    classroom = Classroom(tmp_path, ["s1", "s2"])
    for student in ("s1", "s2"):
        classroom.hand_in(student, PERFECT)
    kept = classroom.key.read_text()

    def elsewhere(about):
        about["students"]["s1"]["given"]["T1_trial"] = "0" * 64
        about["students"]["s1"]["drawn_with"] |= {"numpy": "1.0.0", "processor": "abacus"}

    as_released(classroom, elsewhere)
    found = marked(classroom, trust=True)
    assert (found.loc["s2", "mark"] == 1).all() and (found.loc["s1", "outcome"] == "unmarked").all()
    reason = found.loc[("s1", "T1.1"), "reason"]
    assert f"numpy was 1.0.0 and is {np.__version__}; processor was abacus and is " in reason
    assert "pandas" not in reason and "has been changed" not in reason
    assert "not marked" in (classroom.marks / "feedback" / "s1.html").read_text().lower()
    assert reason[:60] in (classroom.marks / "summary.html").read_text()
    totals = pd.read_csv(classroom.marks / "totals.csv").set_index("student")["mark"]
    assert totals["s2"] == 1 and np.isnan(totals["s1"])
    classroom.key.write_text(kept)
    assert (marked(classroom, trust=True)["mark"] == 1).all()


def test_data_that_cannot_be_drawn_or_differ_each_time_are_named(tmp_path):
    classroom = Classroom(tmp_path, ["s1"])
    path = classroom.exercises / "T1_trial.ipynb"
    source = path.read_text()
    path.write_text(source.replace('variant.rng(\\"orders\\")', "__import__('numpy').random.default_rng()"))
    assert "draws other data each time" in marked(classroom, trust=True)["reason"].iloc[0]
    path.write_text(source.replace('variant.rng(\\"orders\\")', "{}['hidden 42']"))
    reason = marked(classroom, trust=True)["reason"].iloc[0]
    assert "cannot be drawn here (KeyError)" in reason and "42" not in reason


def test_secrets_where_submissions_can_read_are_refused(tmp_path, monkeypatch):
    classroom = Classroom(tmp_path, ["s1"])
    monkeypatch.setattr(sandbox, "unavailable", lambda: "")
    monkeypatch.setattr(sandbox, "mounted", lambda: [tmp_path])
    with pytest.raises(ValueError, match="which submissions can read: move it"):
        marked(classroom)


def test_nothing_to_mark_and_wrong_words(tmp_path):
    classroom = Classroom(tmp_path, ["s1"])
    with pytest.raises(FileNotFoundError, match="no folder"):
        grade(tmp_path / "nowhere", classroom.key, classroom.marks)
    with pytest.raises(FileNotFoundError, match="no key file"):
        grade(classroom.submissions, tmp_path / "nokey", classroom.marks)
    with pytest.raises(ValueError, match="1 or more; it was 0"):
        marked(classroom, jobs=0)


def test_a_sandbox_that_does_not_start_costs_nobody_a_mark(tmp_path, monkeypatch):
    classroom = Classroom(tmp_path, ["s1"])
    classroom.hand_in("s1", PERFECT)
    broken = sandbox.Outcome({}, {}, "the sandbox did not start: no space left", 0.0)
    monkeypatch.setattr(sandbox, "execute", lambda *_: broken)
    with pytest.raises(OSError, match="did not start: no space left. Nobody's mark suffers"):
        marked(classroom, trust=True)
    monkeypatch.undo()
    assert marked(classroom, trust=True)["mark"].tolist() == [1.0] * 5


def test_an_exercise_whose_solution_is_wrong_for_one_student_marks_nobody_wrongly(tmp_path):
    classroom = Classroom(tmp_path, ["s1"])
    classroom.hand_in("s1", PERFECT)
    path = classroom.exercises / "T1_trial.ipynb"
    path.write_text(path.read_text().replace("return shop", "return 'nowhere'"))
    with pytest.raises(ValueError, match="T1.5"):
        marked(classroom, trust=True)


def test_what_was_marked_without_a_sandbox_is_marked_again_in_one(tmp_path, sandboxed, monkeypatch):
    classroom = Classroom(tmp_path, ["s1"])
    classroom.hand_in("s1", PERFECT)
    marked(classroom, trust=True)
    runs, execute = [], sandbox.execute
    monkeypatch.setattr(sandbox, "execute", lambda *a, **k: runs.append(1) or execute(*a, **k))
    assert marked(classroom)["mark"].tolist() == [1.0] * 5
    assert runs == [1]


def test_a_folder_is_found_however_an_archive_wrote_its_name(tmp_path):
    classroom = Classroom(tmp_path, ["José", "D4", "twice"])
    for student in ("José", "D4", "twice"):
        classroom.hand_in(student, PERFECT)
    (classroom.submissions / "José").rename(classroom.submissions / unicodedata.normalize("NFD", "José"))
    (classroom.submissions / "D4").rename(classroom.submissions / "d4")
    classroom.hand_in_file("TWICE", '{"cells": []}')
    (classroom.submissions / "__MACOSX").mkdir()
    (classroom.submissions / ".DS_Store").write_text("")
    marks = marked(classroom, trust=True)
    assert marks.loc[["José", "D4"], "mark"].tolist() == [1.0] * 10
    assert set(marks.loc["twice", "reason"]) == {
        "There are 2 notebooks that could be T1_trial.ipynb: hand in one. They are TWICE/T1_trial.ipynb and "
        "twice/T1_trial.ipynb."
    }
    assert set(marks.index.get_level_values("student")) == {"José", "D4", "twice"}


def test_what_a_student_writes_cannot_command_a_terminal_or_fill_the_marks(tmp_path):
    classroom = Classroom(tmp_path, ["s1"])
    code = "import pandas as pd\nanswer_2 = pd.Series([1.0], index=['\\x1b[2J\\r=1+1\\u202e' + 'x' * 10**6])"
    classroom.hand_in("s1", PERFECT | {1: "raise ValueError('\\x1b[2J' + '<script>')", 2: code})
    marks = marked(classroom, trust=True)
    assert marks["mark"].tolist() == [0, 0, 1, 1, 1]
    for path in (
        classroom.marks / "marks.csv",
        classroom.marks / "feedback" / "s1.html",
        classroom.marks / "summary.html",
    ):
        text = path.read_text()
        assert len(text) < 20_000 and not {"\x1b", "\r", "\u202e"} & set(text), path
        assert path.suffix == ".csv" or "<script>" not in text
    assert marks["reason"].str.len().max() <= 600


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        ";=21*2;",
        "＝1+1",
        "＋1",
        "－1",
        "＠SUM(1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "@x",
        "-1+1",
        "+1",
        '"=1',
        "a,=1",
        "' =1",
    ],
)
def test_no_spreadsheet_finds_a_formula_in_a_table(text):
    stored = spreadsheet(pd.DataFrame({text: [text], "b": [f"x{text}"], "mark": [0.5]}))
    assert stored[0] == "\ufeff" and stored.count("\n") == 2
    for line in stored[1:].splitlines():
        assert re.fullmatch(r'"(?:[^"]|"")*"(?:,"(?:[^"]|"")*")*', line)  # every cell is quoted
        for separator in ",;\t":  # whichever the spreadsheet takes, quoted or not
            cells = [*next(csv.reader([line], delimiter=separator)), *line.split(separator)]
            assert not [one for one in cells if one.strip('" ')[:1] in set("=+-@＝＋－＠")], separator


def test_what_a_student_writes_is_on_that_students_page_only(tmp_path):
    classroom = Classroom(tmp_path, ["s1"])
    forged = (
        'import os\nfor k in range(3, 30):\n    try: os.write(k, b\'{"question": "T1.2", "answer": '
        '{"refused": "Right. planted: full marks"}}\\n\')\n    except OSError: pass'
    )
    answers = {
        1: f"import crmlab\nraise ValueError('planted', crmlab.__file__)\n{PERFECT[1]}",
        2: forged,
        4: "answer_4 = ['planted'] * budget",
        5: "answer_5 = 'planted'",
    }
    classroom.hand_in("s1", PERFECT | answers)
    marks = marked(classroom, trust=True)
    page = (classroom.marks / "feedback" / "s1.html").read_text()
    assert page.count("planted") >= 3 and str(sandbox.ROOT) not in page
    assert marks.loc[("s1", "T1.2"), "reason"].startswith("Your notebook said: “Right. planted: full marks”.")
    assert marks.loc["s1", "mark"].tolist() == [0, 0, 1, 0, 0]
    for name in ("marks", "totals"):
        assert "planted" not in (classroom.marks / f"{name}.csv").read_text()


FUNCTIONS = {
    "error": "def answer_3(cents, rate):\n    raise ValueError(f'cents {cents}')",
    "class": "def answer_3(cents, rate):\n    return type(f'X{cents}', (), {})()",
    "range": "def answer_3(cents, rate):\n    return [cents]",
    "own error": "def answer_3(cents, rate):\n    raise type(f'X{cents}', (Exception,), {})",
    "two": "def answer_3(cents, rate):\n    return str(cents)",
    "error on some": "def answer_3(cents, rate):\n    if cents == 100: return 9\n    raise ValueError(cents)",
    "range on some": "def answer_3(cents, rate):\n    return cents if cents == 100 else str(cents)",
    "not wanted": "def answer_3(cents):\n    return cents",
    "no function": "answer_3 = 3",
}
TELLS = "class Tells:\n    def __float__(self): raise ValueError(seen)\nseen = 0\nanswer_1 = Tells()"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_hidden_inputs_reach_nobodys_page(tmp_path, name):
    classroom = Classroom(tmp_path, ["s1"])
    drawn = practice.Drawn(practice.load("T1", classroom.exercises), read_key(classroom.key)["key"], "s1")
    secret = str(drawn.cases("T1.3")[1]["cents"])
    classroom.hand_in(
        "s1", PERFECT | {1: TELLS, 3: FUNCTIONS[name].replace(":\n", ":\n    global seen; seen = cents\n", 1)}
    )
    marks = marked(classroom, trust=True)
    told = [one for one in classroom.marks.rglob("*") if one.is_file() and "done" not in one.parts]
    assert len(told) >= 7
    for path in told:
        assert secret not in path.read_text(), path
    told = marks.loc[("s1", "T1.3"), "reason"]
    wanted = {
        "error": r"the function stopped \(ValueError\), returned nothing",
        "error on some": r"the function stopped \(ValueError\), returned nothing",
        "not wanted": "has other parameters than those wanted",
        "no function": "This is a whole number, and no function",
    }
    assert (
        re.search(wanted.get(name, "the function stopped, returned nothing"), told)
        and "Wanted: a fun" in told
    )


def test_a_forged_answer_costs_its_own_mark_and_stops_nobody_s(tmp_path):
    forged = dict(zip("abcdefg", [5, None, {"a": 1}, [[]], "x", [{"refused": {}}], {}], strict=True))
    classroom = Classroom(tmp_path, [*forged, "honest"])
    for student, answer in forged.items():
        lines = [{"wanting": True}, {"question": "T1.3", "answer": {"outputs": answer}}, {"end": True}]
        sent = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
        cell = f"import os, time\nfor k in range(3, 30):\n    try: os.write(k, {sent!r})\n"
        classroom.hand_in(student, PERFECT, before=f"{cell}    except OSError: pass\ntime.sleep(9)")
    classroom.hand_in("honest", PERFECT)
    marks = marked(classroom, trust=True)["mark"]
    assert marks["honest"].tolist() == [1] * 5 and marks.drop("honest").eq(0).all()


def test_a_missing_answer_is_blamed_on_the_cell_that_is_to_blame():
    cells = [
        "import pandas",
        "given = practice.read('C:\\\\x_data')\ntea = 1",
        "coffee = given",
        "answer_1 = coffee",
    ]
    errors = {1: "FileNotFoundError: C:\\x_data holds no given.json: keep (line 1)"}
    errors |= {
        2: "NameError: name 'given' is not defined (line 1)",
        3: "NameError: name 'coffee' is not defined",
    }
    told = cause("answer_1", errors, cells)
    assert told[0].startswith("Code cell 2 stopped: “FileNotFoundError") and "on your machine" in told[1]
    # its own error is its own
    assert cause("answer_1", {1: "KeyError: 'a'", 3: "KeyError: 'b'"}, cells) == [
        "Code cell 4 stopped: “KeyError: 'b'”."
    ]
    assert cause("answer_1", {0: "stopped after 3 seconds"}, cells) == [
        "Code cell 1: stopped after 3 seconds."
    ]
    assert cause("answer_1", {}, cells) == []
    said = "NeedsClone: The exercises are in the clone of the course"
    assert "practice.read() takes those handed out" in cause("answer_1", {3: said}, cells)[1]


@pytest.mark.parametrize(
    "line",
    [
        "!pip install x",
        "%pip install -q x",
        "  !pip3 install x",
        "!python -m pip install x",
        "!conda install x",
    ],
)
def test_lines_that_install_something_are_passed_over(line):
    changed = without_installation(f"if True:\n  a = 1\n{line}\nb = 2")
    assert "\n".join(changed.splitlines()[2:3]).strip().startswith("pass  # ") and changed.endswith("\nb = 2")
    assert without_installation("!ls\n%matplotlib inline") == "!ls\n%matplotlib inline"
    assert without_installation(f"%%bash\n{line}") == f"%%bash\n{line}"


def test_limits_must_be_limits(tmp_path):
    classroom = Classroom(tmp_path, ["s1"])
    with pytest.raises(ValueError, match="above zero"):
        grade(
            classroom.submissions,
            classroom.key,
            classroom.marks,
            folder=classroom.exercises,
            limits=Limits(cell_seconds=-5),
        )


# ---- what an instructor gets to see: closed forms


def test_difficulty_and_discrimination_by_hand():
    # three students: (1, 1, 1), (1, 0, 0), (0, 0, 1)
    marks = pd.DataFrame({
        "student": list("aaabbbccc"), "question": ["1", "2", "3"] * 3,
        "mark": [1, 1, 1, 1, 0, 0, 0, 0, 1], "mistake": ["", "", "", "", "x", "y", "z", "x", ""],
    })  # fmt: skip
    table = questions(marks)
    assert table["difficulty"].tolist() == pytest.approx([2 / 3, 1 / 3, 2 / 3])
    # question 1 is (1, 1, 0), the mean of the others (1, 0, .5): correlation (1/6) / sqrt(2/9 · 1/6)
    assert table["discrimination"].iloc[0] == pytest.approx(np.corrcoef([1, 1, 0], [1, 0, 0.5])[0, 1])
    assert table["discrimination"].iloc[1] == pytest.approx(np.corrcoef([1, 0, 0], [1, 0.5, 0.5])[0, 1])
    assert table.loc["2", ["mistake", "times"]].tolist() == ["x", 2]


def test_discrimination_is_missing_where_nothing_varies():
    marks = pd.DataFrame(
        {"student": ["a", "b"] * 2, "question": ["1", "1", "2", "2"], "mark": [1, 1, 1, 0], "mistake": ""}
    )
    assert questions(marks)["discrimination"].isna().all()
    assert questions(marks)["times"].tolist() == [0, 0]


def test_identical_answers_are_those_that_are_not_right():
    def one(student, answer, right):
        return {"student": student, "answers": {"1": answer}, "rights": {"1": right}}

    assert len(identical([one("a", "x", "x"), one("b", "x", "x")])) == 0
    assert len(identical([one("a", "", "x"), one("b", "", "y")])) == 0
    pair = identical([one("a", "w", "x"), one("b", "w", "y")])
    assert pair.values.tolist() == [["1", "a, b", ""]]
    assert identical([one("a", "x", "x"), one("b", "x", "y")]).values.tolist() == [["1", "b", "a"]]
    assert len(identical([one(f"s{number}", "w", "x") for number in range(1000)])) == 1
    assert len(identical([])) == 0


# ---- broken submissions


@pytest.mark.hostile
def test_every_broken_submission_gets_what_it_deserves_and_no_other_is_touched(tmp_path, sandboxed):
    unread = {"not_json", "not_utf8", "a_list", "strange_cells", "deep", "link", "two"}
    source = json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    deep = '{"cells": ' + "[" * 100_000 + "]" * 100_000 + "}"
    files = {
        "not_json": ("this is no notebook", "cannot be read as a notebook"),
        "not_utf8": (None, "cannot be read as a notebook"),
        "no_cells": (source, "no code"),
        "a_list": ("[1, 2]", "cannot be read as a notebook"),
        "strange_cells": (
            '{"cells": [1, {"cell_type": "code", "source": 7}]}',
            "cannot be read as a notebook",
        ),
        "deep": (deep, "cannot be read as a notebook"),
    }
    first = {
        "input": ("answer_1 = float(input())", "nobody"),
        "nan": ("answer_1 = float('nan')", "NaN"),
        "inf": ("answer_1 = float('inf')", "infinite"),
        "text": ("answer_1 = '7'", "This is a text"),
        "a_million_rows": ("import pandas as pd\nanswer_1 = pd.Series(range(10**6))", "1,000,000 rows"),
        "loud": ("print('x' * 10_000_000)\n" + PERFECT[1], ""),
        "exit": ("import os\nos._exit(0)", "the process ended"),
        "equal": ("class Equal:\n    __eq__ = lambda *_: True\nanswer_1 = Equal()", "Equal"),
        "deletes": (f"{DELETE}\n{PERFECT[1]}", ""),
        "memory": ("answer_1 = len(b'x' * 10**11)", "MemoryError"),
        "forks": ("import os\nwhile True:\n    os.fork()", ""),
        "looks": (LOOK, "0 is not plausible"),
    }
    special = ["perfect", "empty", "absent", "link", "two", "other_secret"]
    classroom = Classroom(tmp_path, [*special, *files, *first])
    for student in ("perfect", "other_secret", "two"):
        classroom.hand_in(student, PERFECT)
    (classroom.submissions / "two" / "T1_trial.ipynb").rename(
        classroom.submissions / "two" / "T1_trial (1).ipynb"
    )
    (classroom.submissions / "two" / "T1_trial (2).ipynb").write_text(source)
    (classroom.submissions / "empty").mkdir()
    (classroom.submissions / "link").mkdir()
    (classroom.submissions / "link" / "T1_trial.ipynb").symlink_to(
        classroom.submissions / "perfect" / "T1_trial.ipynb"
    )
    (classroom.submissions / "stranger").mkdir()
    (classroom.submissions / "=cmd").mkdir()
    for student, (text, _) in files.items():
        classroom.hand_in_file(student, text or "x")
    (classroom.submissions / "not_utf8" / "T1_trial.ipynb").write_bytes(b"\xff\xfe\x00{")
    for student, (code, _) in first.items():
        classroom.hand_in(student, PERFECT | {1: code})

    marks = marked(classroom)
    assert marks.loc["perfect", "mark"].tolist() == [1.0] * 5 == marks.loc["other_secret", "mark"].tolist()
    for student, (_, reason) in files.items():
        assert marks.loc[student, "mark"].isna().all() == (student in unread)
        assert marks.loc[student, "reason"].str.contains(reason, regex=False).all(), student
    for student, reason in {
        "empty": "was not handed in",
        "absent": "Nothing was handed in",
        "link": "no file of its own",
        "two": "2 notebooks",
    }.items():
        assert marks.loc[student, "reason"].str.contains(reason).all()
        assert marks.loc[student, "mark"].sum() == 0
        assert marks.loc[student, "mark"].isna().all() == (student in unread)
    for student, (code, reason) in first.items():
        rows = marks.loc[student]
        assert reason in rows.loc["T1.1", "reason"], (student, rows.loc["T1.1", "reason"])
        assert rows.loc["T1.1", "mark"] == (1.0 if PERFECT[1] in code else 0.0), rows["reason"].tolist()
        assert rows["mark"].tolist()[1:] == [1.0] * 4, (student, rows["reason"].tolist())
    assert marks.loc["stranger", "reason"].tolist() == ["This is no student of the roster."]
    assert '"_cmd"' in (classroom.marks / "marks.csv").read_text()
    assert os.path.exists("/usr")


def test_cells_of_a_notebook_whose_source_is_a_list():
    raw = json.dumps({"cells": [{"cell_type": "code", "source": ["a = 1\n", "b = 2"]}, {"cell_type": "raw"}]})
    assert notebook(raw.encode()).cells == ["a = 1\nb = 2"]


def test_a_submission_from_a_roster_in_gb18030(tmp_path):
    classroom = Classroom(tmp_path, ["s1"])
    (tmp_path / "cn.csv").write_bytes("student,name\n李雷,李 雷\n".encode("gb18030"))
    release(["T1"], tmp_path / "cn.csv", tmp_path / "cn.json", tmp_path / "cn", classroom.exercises)
    classroom.key, classroom.release = tmp_path / "cn.json", tmp_path / "cn"
    classroom.hand_in("李雷", PERFECT)
    marks = marked(classroom, trust=True)
    assert marks["mark"].tolist() == [1.0] * 5 and marks["name"].unique().tolist() == ["李 雷"]
    assert (classroom.marks / "feedback" / "李雷.html").exists()
