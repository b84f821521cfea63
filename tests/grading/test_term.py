"""A term with twelve students, from release to gradebook. Referee: what each deserves, worked out by hand."""

import json
import os
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crmlab import practice
from crmlab.cli import main
from crmlab.grading import Limits, answer_book, grade, handout, release, sandbox
from crmlab.grading.assignment import read_key
from crmlab.grading.handout import draw
from crmlab.practice import forms
from tests.grading.conftest import cell
from tests.grading.test_marks import FORGER

INPUTS = """# inputs
import pandas as pd

from crmlab import practice


def inputs(variant):
    cents = variant.rng("orders").integers(100, 9999, 40)
    return {"orders": pd.DataFrame({"customer_id": [f"c{one % 9}" for one in range(40)], "cents": cents})}"""
QUESTIONS = {
    "W1_tea": [
        ("mean", 'practice.Number("cents", 0)', 'orders["cents"].mean()', ("median", "That is the median.")),
        ("sum", 'practice.Number("cents", 0)', 'orders["cents"].sum()', ("max", "That is the largest.")),
        ("text", 'practice.Text({"names a reason": 2, "says what to do": 3}, words=50)', '"Sell more."', ()),
    ],
    "W2_coffee": [("min", 'practice.Number("cents")', 'orders["cents"].min()', ("max", "The other end."))],
}
RIGHT = {
    "W1_tea": {1: "answer_1 = orders.cents.mean()", 2: "answer_2 = orders.cents.sum()"},
    "W2_coffee": {1: "answer_1 = orders.cents.min()"},
}
PAGE = (Path(__file__).parents[2] / "docs" / "grading.md").read_text(encoding="utf-8")


def on_the_page(begins):
    """Return the block of docs/grading.md that begins so, with the names of the exercises here."""
    [block] = [
        one for one in re.findall(r"```\w*\n(.*?)```", PAGE, flags=re.DOTALL) if one.startswith(begins)
    ]
    return re.sub(r"\b44\b", "W2", re.sub(r"\b41\b", "W1", block))


TEXTS = {
    "s01": "1",
    "s02": "0,6",
    "s03": "100%",
    "s04": "1",
    "s05": "1",
    "tea": "0.5",
    "s09": "0",
    "s12": "1",
}
TOTALS = {
    "s01": 1.0,
    "s02": 0.75 * (0.5 + 2 + 0.6) / 4,  # W1.1 raised by hand to one half
    "s03": 0.8,  # two days begun
    "s04": 0.75,
    "s05": 1.0,  # of W1 alone
    "s06": 0.75 * 3.5 / 4 + 0.25,
    "s07": 0.75 * 3.5 / 4 + 0.25,
    "s08": 0.0,
    "s09": 0.0,
    "s10": 0.0,
    "s11": 0.75 * 1 / 4,
    "s12": 0.75,
}


def source(name):
    number, cells = name.partition("_")[0], [("markdown", f"# {name}"), ("code", INPUTS)]
    cells.append(("code", "# set-up\norders = given.orders"))
    for place, (title, form, solution, mistake) in enumerate(QUESTIONS[name], start=1):
        cells += [
            ("markdown", f"## {number}.{place} The {title}\n\nWhat is the {title}?"),
            ("code", f"# starter\nanswer_{place} = ..."),
            ("code", f"# form\nform = {form}"),
            ("markdown", "**Hint.** Look at `cents`."),
            ("code", f"# solution\ndef solution(orders):\n    return {solution}"),
        ]
        if mistake:
            name, told = mistake
            wrong = f'def {name}(orders):\n    """{told}"""\n    return orders["cents"].{name}()'
            cells.append(("code", f"# wrong\n{wrong}"))
    cells = [cell(*one) for one in cells]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


class Term:
    """A folder with exercises, settings, a roster, a release and submissions."""

    def __init__(self, folder: Path, students: int, settings: str = "") -> None:
        self.folder, self.exercises, self.key = folder, folder / "exercises", folder / "key.json"
        self.released, self.submissions, self.out = (
            folder / "release",
            folder / "submissions",
            folder / "marks",
        )
        for one in (self.exercises, self.submissions):
            one.mkdir()
        for name in QUESTIONS:
            (self.exercises / f"{name}.ipynb").write_text(source(name))
        (folder / "settings.toml").write_text(settings)
        rows = [f"s{one:02},Name {one}" for one in range(1, students + 1)]
        (folder / "roster.csv").write_text("\n".join(["student,name", *rows]))
        self.release()

    def release(self):
        release(list(QUESTIONS), self.folder / "roster.csv", self.key, self.released, self.exercises)

    def hand_in(self, student, exercise="W1_tea", answers=None, before="", folder=""):
        notebook = json.loads((self.released / student / f"{exercise}.ipynb").read_text())
        answers = RIGHT[exercise] | (answers or {})
        for one in notebook["cells"]:
            if one["id"].endswith("-answer"):
                one["source"] = answers.get(int(one["id"].split("-")[1]), one["source"])
        notebook["cells"].insert(0, cell("code", before or "1"))
        path = self.submissions / (folder or student) / f"{exercise}.ipynb"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(notebook))
        return path

    def submissions_gone(self):
        for one in self.submissions.iterdir():
            shutil.rmtree(one)

    def mark(self, **options):
        limits = Limits(cell_seconds=60, total_seconds=300.0)  # those of the command line
        options = {"folder": self.exercises, "trust": True, "limits": limits, **options}
        return grade(self.submissions, self.key, self.out, **options)

    def read(self, name):
        return pd.read_csv(self.out / f"{name}.csv", dtype={"comment": str}, keep_default_na=True)

    def totals(self):
        return self.read("totals").set_index("student")["mark"]

    def fill_texts(self, marks):
        """Do what texts.html tells the teacher to do."""
        rows = pd.read_csv(self.out / "to_mark.csv", dtype=str, keep_default_na=False)
        rows["mark"] = rows["student"].map(marks)
        rows.to_csv(self.folder / "overrides_texts.csv", index=False)


def text(words):
    return {3: f"answer_3 = {words!r}"}


@pytest.fixture(scope="module")
def platform_names():
    """How a learning platform calls the folders of students; here plainly by the id."""
    return {"s11": "s11", "s12": "s12"}


@pytest.fixture(scope="module")
def term(tmp_path_factory, platform_names):
    """Everybody has handed in, and nobody has read the texts."""
    made = Term(tmp_path_factory.mktemp("term"), 12, on_the_page("# settings.toml"))
    for student in ("s01", "s02", "s03", "s04", "s05"):
        made.hand_in(student, answers=text(f"{student} <b>says</b> so."))
    made.hand_in("s02", answers={1: "answer_1 = orders.cents.median()"} | text("Of s02."))
    made.hand_in("s07", answers=text("Of the group."))
    for student in ("s01", "s03", "s07"):
        made.hand_in(student, "W2_coffee")
    made.hand_in("s08", answers={one: f"answer_{one} = Right(1)" for one in (1, 2, 3)}, before=FORGER)
    key = practice.Drawn(practice.load("W1", made.exercises), read_key(made.key)["key"], "s01").key
    copied = {one: f"answer_{one} = {key(f'W1.{one}').right}" for one in (1, 2)}
    made.hand_in("s09", answers=copied | text("s01 <b>says</b> so."))
    made.hand_in("s11", answers={2: "answer_2 = orders.cents.max()"}, folder=platform_names["s11"])
    made.hand_in("s12", answers=text("Of s12."), folder=platform_names["s12"])
    made.mark()
    return made


@pytest.fixture(scope="module")
def marked(term):
    """The teacher has read the texts, and raised one mark."""
    waiting = term.read("to_mark")
    assert waiting["student"].tolist() == ["s01", "s02", "s03", "s04", "s05", "tea", "s09", "s12"]
    assert term.totals()[list(TEXTS.keys() - {"tea"})].isna().all() and term.totals()["s08"] == 0
    term.fill_texts(TEXTS)
    raised = 'student,exercise,question,mark,comment\ns02,W1,W1.1,50%,"The median is fair, too."\n'
    (term.folder / "overrides.csv").write_text(raised)
    return term.mark()


def test_every_total_is_what_was_worked_out_by_hand(term, marked):
    assert term.totals().to_dict() == pytest.approx(TOTALS, abs=5.1e-5)  # written with four digits
    parts = term.read("subtotals").set_index(["student", "exercise"])
    assert parts.loc[("s03", "W1_tea"), ["earned", "days_late", "mark"]].tolist() == [1.0, 2, 0.8]
    assert (parts["days_late"].drop("s03") == 0).all() and parts.loc[("s05", "W2_coffee"), "weight"] == 0
    assert (marked["outcome"] == "unmarked").sum() == 0


def test_a_mark_by_hand_reaches_feedback_and_summary_and_the_computed_one_stays_beside_it(term, marked):
    row = marked.set_index(["student", "question"]).loc[("s02", "W1.1")]
    assert row[["mark", "computed", "outcome", "mistake"]].tolist() == [0.5, 0.0, "by hand", "median"]
    for name in ("feedback/s02.html", "summary.html", "marks.csv"):
        assert "The median is fair, too." in (term.out / name).read_text(), name
    assert "The median is fair" not in (term.out / "feedback" / "s01.html").read_text()


def test_marked_again_the_marks_by_hand_stand(term, marked):
    assert term.mark().equals(marked)
    assert not list(term.out.rglob("*edited*"))


def test_a_group_has_the_same_data_and_marks_and_is_not_taken_for_copyists(term, marked):
    about, exercise = read_key(term.key), practice.load("W1", term.exercises)
    prints = {one: draw(exercise, about, one).given.fingerprint() for one in about["students"]}
    assert prints["s06"] == prints["s07"] and len(set(prints.values())) == 11
    marks = marked.set_index(["student", "question"])["mark"]
    assert marks.loc["s06"].equals(marks.loc["s07"]) and marks.loc["s06"].sum() == 3.5
    assert "s06, s07" in (term.released / "s06" / "HAND_IN.md").read_text()


def test_the_copier_is_named_and_the_forger_has_nothing(term, marked):
    summary = (term.out / "summary.html").read_text()
    table = summary.split("The same answer to different data")[1].split("<h2>")[0]
    assert table.count(">s09<") == 2 and "s01, s09" in table  # two values, and the text word for word
    assert marked.loc[marked["student"] == "s08", "mark"].tolist() == [0.0] * 4


def test_a_student_sees_what_each_exercise_counts(term, marked):
    page = (term.out / "feedback" / "s02.html").read_text()
    assert "counts 75% of the whole" in page and "counts 25% of the whole" in page


def test_who_is_excused_or_late_is_told_so(term, marked):
    assert "2 days late (100% before that)" in (term.out / "feedback" / "s03.html").read_text()
    page = (term.out / "feedback" / "s05.html").read_text()
    assert "W2_coffee: does not count" in page and "100% of the marks." in page
    notes = marked.attrs["notes"]
    assert "s03, W1_tea: 2 days late by the settings, so that 100% became 80%." in notes


def test_texts_are_shown_whole_and_as_text(term, marked):
    page = (term.out / "texts.html").read_text()
    assert "s01 &lt;b&gt;says&lt;/b&gt; so." in page and "<b>says" not in page
    assert "says what to do" in page and "tea" in page
    assert "<b>" not in (term.out / "marks.csv").read_text()  # a spreadsheet gets nothing of a student's


def test_no_file_says_nan(term, marked):
    for path in term.out.glob("**/*.html"):
        assert "nan" not in path.read_text().lower().replace("finance", ""), path


def test_statistics_of_each_question(term, marked):
    # who handed in nothing has 0 in all questions, and would make each of them tell the strong from the weak
    absent = marked["reason"].str.endswith("Nothing was handed in.")
    assert absent.any()
    marked = marked[~absent]
    rows = marked[marked["question"] == "W1.2"].set_index("student")["mark"]
    wide = marked.pivot(index="student", columns="question", values="mark")
    rest = wide.drop(columns="W1.2").mean(axis=1)
    expected = [f"{rows.eq(1).mean():.0%}", f"{np.corrcoef(rows[wide.index], rest)[0, 1]:.2f}".lstrip("0")]
    table = (term.out / "summary.html").read_text().split("<h2>Questions</h2>")[1].split("</table>")[0]
    cells = table.split(">W1.2<")[1].split("</tr>")[0]
    assert all(one in cells for one in expected) and ">max<" in cells


def test_the_command_line_ends_with_1_while_anybody_is_unmarked(term, marked, capsys):
    words = ["grade", str(term.submissions), "--key-file", str(term.key), "--out", str(term.out), "--trust"]
    words += ["--exercises", str(term.exercises)]
    assert main(words) == 0
    assert "s02: 58%" in capsys.readouterr().out
    held = (term.folder / "overrides_texts.csv").read_text()
    try:
        (term.folder / "overrides_texts.csv").write_text(
            held.replace("s12,W1_tea,W1.3,1,", "s12,W1_tea,W1.3,,")
        )
        assert main(words) == 1
        printed = capsys.readouterr()
        assert "s12: not marked" in printed.out and "W1.3: 1 waiting for a mark (s12). " in printed.err
        assert "nan" not in printed.out
    finally:
        (term.folder / "overrides_texts.csv").write_text(held)
        term.mark()


@pytest.mark.parametrize("option", ["--student s03", "--gradebook canvas.csv", "--answers answers.html"])
def test_the_commands_of_the_page(term, marked, option, monkeypatch, capsys):
    [line] = [one for one in PAGE.splitlines() if one.startswith("crmlab ") and one.endswith(option)]
    monkeypatch.chdir(term.folder)
    rows = [f'"Name {one}",90{one},,S{one:02},A,' for one in range(1, 13)]
    export = [
        "Student,ID,SIS User ID,SIS Login ID,Section,Week 1 (4711)",
        "    Points Possible,,,,,40",
        *rows,
    ]
    (term.folder / "canvas.csv").write_text("\n".join(export))
    words = line.replace(" 41 ", " W1 ").replace(" 44 ", " W2 ").split()[1:]
    trust = ["--trust"] if words[0] == "grade" else []
    assert main([*words, *trust, "--exercises", "exercises"]) == 0, capsys.readouterr().err
    if "gradebook" in option:
        book = pd.read_csv(term.out / "gradebook_canvas.csv", dtype=str).set_index("SIS Login ID")
        given = book["Week 1 (4711)"].dropna().drop(np.nan).astype(float)  # the row of points has no login
        assert given.to_dict() == pytest.approx(
            {one.upper(): 40 * held for one, held in TOTALS.items()}, abs=0.005
        )


# ---- what goes wrong


@pytest.fixture
def at_once(monkeypatch):
    """Run a submission's answers in this process: what follows is about marks, and not how answers come."""

    def execute(job, *_):
        task, [data] = json.loads((job / "job.json").read_text()), (job / "student").glob("*_data")
        space = {"orders": practice.Given.read(data).orders}
        for source in task["cells"]:
            if source.startswith("answer_"):
                exec(source, space)
        asked = task["questions"].items()
        plain = {name: forms.read(one["form"]).plain(space[one["variable"]], None) for name, one in asked}
        return sandbox.Outcome(plain, {}, "", 0.1)

    monkeypatch.setattr(sandbox, "execute", execute)


@pytest.fixture
def bare(tmp_path, at_once):
    """Two students, of whom nobody has handed in."""
    return Term(tmp_path, 2)


@pytest.fixture
def small(bare):
    """Two students, of whom one has handed in."""
    bare.hand_in("s01", answers=text("Sell more."))
    return bare


def test_an_edited_marks_csv_is_kept_aside_and_told_with_the_rows_for_overrides(bare):
    bare.mark()
    path = bare.out / "marks.csv"
    lines = path.read_text().splitlines()
    place = next(number for number, line in enumerate(lines) if '"s02"' in line and '"W1.2"' in line)
    lines[place] = lines[place].replace('"0.0"', '"0,7"', 1)
    path.write_text("\n".join(lines))  # and the line ends are a spreadsheet's own
    edited = path.read_bytes()
    found = bare.mark()
    assert (bare.out / "marks.edited.csv").read_bytes() == edited
    [told] = [note for note in found.attrs["notes"] if "marks.csv" in note]
    assert "is kept as marks.edited.csv" in told and told.endswith("student,question,mark\ns02,W1.2,0.7")
    assert found.attrs["notes"] == [told] and told in (bare.out / "summary.html").read_text()
    (bare.folder / "overrides.csv").write_text(told.partition("overrides.csv:\n")[2])  # as it advises
    marks = bare.mark().set_index(["student", "question"])["mark"]
    assert marks[("s02", "W1.2")] == 0.7
    assert bare.mark().attrs["notes"] == []


def test_any_edited_file_is_kept_twice_as_well(bare):
    bare.mark()
    for text_of in ("first", "second"):
        (bare.out / "feedback" / "s01.html").write_text(text_of)
        bare.mark()
    assert (bare.out / "feedback" / "s01.edited.html").read_text() == "first"
    assert (bare.out / "feedback" / "s01.edited_2.html").read_text() == "second"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("s99,W1,W1.1,1,", "line 2: There is no student 's99'. Valid: s01, s02."),
        ("s01,W1,W1.9,1,", "line 2: There is no question 'W1.9'. Valid: W1.1, W1.2, W1.3, W2.1."),
        ("s01,W2,W1.1,1,", "line 2: W1.1 is a question of W1_tea."),
        ("s01,W1,W1.1,1.1,", "line 2: a mark is a number from 0 to 1, such as 0.8 or 80%; got '1.1'."),
        ("s01,W1,W1.1,nan,", "got 'nan'"),
        ("s01,W1,W1.1,-0.1,", "got '-0.1'"),
        ("s01,W1,W1.1,good,", "got 'good'"),
        ("s01,W1,W1.1,1,\nS01,W1,W1.1,0,", "line 3: s01, W1.1 stands in "),
        ('s01,W1,W1.1,1,"not closed\ns02,W1,W1.1,1,', "line 3: unexpected end of data"),
        ("s01,W1.1,1", "line 2: There is no question '1'. Valid: W1.1, "),  # a comma is missing
        ("s01;W1;W1.1;1;", "line 2: There is no student 's01;W1;W1.1;1;'. Valid: s01, s02."),
        ("s01,W1,W1.1,1,too bad, really", "line 2: 6 cells below 5 heads: a text with a comma"),
    ],
)
def test_an_override_that_cannot_be_meant_is_told_with_its_line_and_nothing_is_lost(bare, row, message):
    bare.mark()
    before = {path: path.read_bytes() for path in bare.out.rglob("*") if path.is_file()}
    (bare.folder / "overrides.csv").write_text(f"student,exercise,question,mark,comment\n{row}\n")
    with pytest.raises(ValueError, match="overrides.csv, line") as told:
        bare.mark()
    assert message in str(told.value)
    assert {path: path.read_bytes() for path in bare.out.rglob("*") if path.is_file()} == before


def test_overrides_without_their_columns_or_for_somebody_excused_are_told(bare):
    (bare.folder / "overrides.csv").write_text("student;question;marks\ns01;W1.1;1\n")
    with pytest.raises(ValueError, match="There is no column 'mark'. Did you mean 'marks'"):
        bare.mark()
    (bare.folder / "overrides.csv").write_text("student;question;mark;Mark\ns01;W1.1;1;0\n")
    with pytest.raises(ValueError, match="has two columns 'mark'"):
        bare.mark()
    (bare.folder / "overrides.csv").write_text("student;question;mark\ns01;W2.1;1\n")
    (bare.folder / "settings.toml").write_text('[excused]\ns01 = ["W2"]')
    with pytest.raises(ValueError, match="line 2: s01 is excused from W2.1"):
        bare.mark()


@pytest.mark.parametrize("name", ["override.csv", "overrides.xlsx", "Overrides.CSV", "settings.toml.txt"])
def test_a_file_whose_name_is_nearly_right_is_named(bare, name):
    for one in (name, ".~lock.overrides.csv#", "~$overrides.xlsx"):
        (bare.folder / one).write_text("student,question,mark\ns01,W1.1,1\n")
    [note] = bare.mark().attrs["notes"]
    assert note.startswith(f"{name} lies beside the key file")


def test_notebooks_that_changed_their_names_are_not_marked_0(small):
    """Nobody knows which was meant: the file's name, or what the notebook says it was released as."""
    tea, coffee = small.hand_in("s01"), small.hand_in("s01", "W2_coffee")
    raw = tea.read_bytes(), coffee.read_bytes()
    coffee.write_bytes(raw[0])
    tea.write_bytes(raw[1])
    rows = small.mark().set_index("student").loc["s01"]
    assert set(rows["outcome"]) == {"unmarked"} and rows["mark"].isna().all()
    assert rows["reason"].iloc[0] == "This notebook was released as W2_coffee, and came as W1_tea."


def test_the_mark_of_a_text_that_is_gone_does_not_count(small):
    small.mark()
    small.fill_texts({"s01": "0.8"})
    for change in (lambda: small.hand_in("s01", answers={3: "answer_3 = ..."}), small.submissions_gone):
        change()
        row = small.mark().set_index(["student", "question"]).loc[("s01", "W1.3")]
        assert row["outcome"] == "unmarked" and np.isnan(row["mark"])
        assert "no text any more for which its mark was given" in row["reason"]
    (small.submissions / "s01").mkdir()
    (small.submissions / "s01" / "W1_tea.pdf").write_text("x")  # why it cannot be read is not forgotten
    row = small.mark().set_index(["student", "question"]).loc[("s01", "W1.3")]
    assert "What was: W1_tea.pdf." in row["reason"] and row["outcome"] == "unmarked"


def test_an_exercise_that_asks_less_than_at_the_release_is_not_marked(small):
    path = small.exercises / "W1_tea.ipynb"
    held = json.loads(path.read_text())
    place = next(n for n, one in enumerate(held["cells"]) if one["source"].startswith("## W1.3"))
    path.write_text(json.dumps(held | {"cells": held["cells"][:place]}))
    with pytest.raises(ValueError, match=r"other questions at the release \(W1.1, W1.2, W1.3\): put it back"):
        small.mark()


def test_weights_by_which_nothing_counts_are_told(small):
    (small.folder / "settings.toml").write_text("[weights]\nW1 = 0\nW2 = 0")
    with pytest.raises(ValueError, match="settings.toml: by the weights nothing counts at all"):
        small.mark()


def test_a_rubric_changed_after_marking_is_told_and_those_marks_are_asked_for_again(small):
    small.mark()
    small.fill_texts({"s01": "0.8"})
    assert small.mark().set_index("question")["mark"]["W1.3"].tolist() == [0.8, 0.0]
    path = small.exercises / "W1_tea.ipynb"
    path.write_text(path.read_text().replace('\\"names a reason\\": 2', '\\"names a reason\\": 1'))
    row = small.mark().set_index("question").loc["W1.3"].iloc[0]
    assert row["outcome"] == "unmarked" and np.isnan(row["mark"])
    assert row["reason"].startswith("The rubric has changed since this was marked. (It had 80%,")
    assert small.read("to_mark")["student"].tolist() == ["s01"]
    assert "The rubric has changed" in (small.out / "texts.html").read_text()
    small.fill_texts({"s01": "0.9"})
    assert small.mark().set_index("question")["mark"]["W1.3"].tolist() == [0.9, 0.0]
    small.hand_in("s01", answers=text("Another text."))
    row = small.mark().set_index("question").loc["W1.3"].iloc[0]
    assert row["reason"].startswith("The text has changed since this was marked.")
    page = (small.out / "feedback" / "s01.html").read_text()  # mark, comment and path are the instructor's
    assert "Not marked yet." in page and "has changed" not in page and str(small.folder) not in page


def test_what_has_no_mark_is_not_shown_as_wrong(small):
    small.mark()
    row = (small.out / "feedback" / "s01.html").read_text().split(">W1.3<")[1].split("</tr>")[0]
    assert "not marked" in row and 'class="wrong"' not in row


def test_marks_are_not_written_among_what_was_handed_in_or_out(small):
    for out in (small.submissions, small.submissions / "marks", small.released):
        with pytest.raises(ValueError, match="handed in or handed out: name another folder"):
            grade(small.submissions, small.key, out, folder=small.exercises, trust=True)
        assert not (out / "done").exists()


def test_one_student_is_marked_anew_and_nobody_else(small):
    small.hand_in("s02", answers=text("Mine."))
    small.mark()
    kept = {path: path.stat().st_mtime_ns for path in (small.out / "done").glob("*/*.json")}
    for student in ("s01", "s02"):
        small.hand_in(student, answers={1: "answer_1 = 0.5"} | text("Changed."))
    marks = small.mark(students=["S02"]).set_index(["student", "question"])["mark"]
    assert marks[("s01", "W1.1")] == 1 and marks[("s02", "W1.1")] == 0
    changed = [path.parent.name for path, at in kept.items() if path.stat().st_mtime_ns != at]
    assert set(changed) == {"s02"}
    with pytest.raises(ValueError, match="There is no student 's99'"):
        small.mark(students=["s99"])


def test_who_was_never_marked_is_unmarked_when_another_is_marked_alone(small):
    found = small.mark(students=["s02"]).set_index(["student", "question"])
    assert found.loc["s01", "outcome"].eq("unmarked").all() and found.loc["s02", "mark"].eq(0).all()
    assert np.isnan(small.totals()["s01"])


def test_the_time_of_a_file_counts_if_the_settings_say_so(small):
    settings = 'deadline = "2026-03-02 23:59 Europe/Berlin"\npenalty_per_day = 0.25\nhanded_in = "file times"'
    (small.folder / "settings.toml").write_text(settings)
    path = small.submissions / "s01" / "W1_tea.ipynb"
    deadline = datetime(2026, 3, 2, 22, 59, tzinfo=UTC).timestamp()
    for seconds, days in ((0, 0), (1, 1), (86_400, 1), (86_401, 2)):
        os.utime(path, (deadline + seconds,) * 2)
        small.mark()
        parts = small.read("subtotals").set_index(["student", "exercise"])["days_late"]
        assert parts[("s01", "W1_tea")] == days and parts.drop(("s01", "W1_tea")).eq(0).all()


def test_weights_are_taken_in_proportion_and_told(small):
    (small.folder / "settings.toml").write_text('[weights]\nW1 = 30\nW2 = 30\n"W1.3" = 0')
    found = small.mark()
    assert small.totals()["s01"] == 0.5  # both numbers of W1, nothing of W2; the text does not count
    table = (small.out / "summary.html").read_text().split("<h2>What counts</h2>")[1].split("</table>")[0]
    assert table.count("25%") == 2 and table.count("50%") == 1 and table.count(">0%<") == 1
    assert (found["outcome"] == "unmarked").sum() == 1  # and still it waits for somebody to read it


def test_groups_are_settled_before_the_release(bare):
    (bare.folder / "settings.toml").write_text('[groups]\ntea = ["s01", "s02"]')
    with pytest.raises(ValueError, match="s01 was not handed out the data of group tea"):
        bare.mark()
    with pytest.raises(ValueError, match="was handed out other data already, and cannot join tea now"):
        bare.release()


def test_a_group_that_hands_in_two_different_notebooks_is_not_marked_until_one_is_kept(tmp_path, at_once):
    made = Term(tmp_path, 2, '[groups]\ntea = ["s01", "s02"]')
    one = made.hand_in("s01", answers=text("One."))
    made.hand_in("s02", answers=text("Two."))
    found = made.mark()
    rows = found[found["question"] == "W1.1"]
    assert set(rows["outcome"]) == {"unmarked"} and len(rows) == 2
    assert rows["reason"].str.contains("different notebooks, from s01 and s02: keep one").all()
    one.rename(made.submissions / "s02" / "W1_tea.ipynb")
    (made.submissions / "s02").rename(made.submissions / "tea")  # under the group's name
    one.parent.rmdir()
    assert made.mark().query("question == 'W1.1'")["mark"].tolist() == [1, 1]


def test_a_group_is_late_as_a_whole_and_told_when_it_is_none_any_longer(tmp_path, at_once):
    late = 'deadline = "2026-03-02 23:59 Europe/Berlin"\npenalty_per_day = 0.1\n{}\n[weights]\n"W1.3" = 0\n'
    group = '[groups]\ntea = ["s01", "s02"]'
    made = Term(tmp_path, 2, late.format("handed_in = {}") + group)
    made.hand_in("s02", answers=text("x"))
    for one in ("s01", "s02", "tea"):
        late_one = late.format(f'[handed_in]\n{one} = "2026-03-04 23:00 Europe/Berlin"')
        (tmp_path / "settings.toml").write_text(late_one + group)
        made.mark()
        assert made.totals().tolist() == [0.4, 0.4]
    (tmp_path / "settings.toml").write_text(late.format("handed_in = {}"))
    notes = made.mark().attrs["notes"]
    assert (
        notes[0].startswith("s01 was handed out the data of a group, and is marked alone") and len(notes) == 2
    )


def test_a_class_that_is_drawn_by_two_processes_has_the_same_data(tmp_path, monkeypatch):
    alone = Term(tmp_path, 3)
    monkeypatch.setattr(handout, "FEW", 2)
    about = read_key(alone.key)
    held = about["students"]
    alone.key.write_text(json.dumps(about | {"students": {}}))
    shutil.rmtree(alone.released)
    release(list(QUESTIONS), tmp_path / "roster.csv", alone.key, alone.released, alone.exercises, jobs=2)
    assert read_key(alone.key)["students"] == held
    assert sorted(path.name for path in alone.released.iterdir()) == ["s01", "s02", "s03"]


# ---- the answer book


def test_the_answer_book_holds_solutions_mistakes_and_everybody_s_answers(term, tmp_path):
    answer_book(term.key, tmp_path / "answers.html", term.exercises)
    page = (tmp_path / "answers.html").read_text()
    for held in (
        "That is the median.",
        "Sell more.",
        "says what to do",
        "[&#34;cents&#34;].mean()",
    ):
        assert held in page
    about, exercise = read_key(term.key), practice.load("W1", term.exercises)
    for student in ("s01", "s06", "s12"):
        assert f"{draw(exercise, about, student).key('W1.1').right:,.6g}" in page
    assert about["key"] not in page


def test_the_answer_book_never_goes_to_the_students(term, capsys):
    words = [
        "release",
        *QUESTIONS,
        "--students",
        str(term.folder / "roster.csv"),
        "--key-file",
        str(term.key),
    ]
    words += ["--out", str(term.released), "--exercises", str(term.exercises)]
    assert main([*words, "--answers", str(term.released / "answers.html")]) == 2
    assert "goes to the students" in capsys.readouterr().err
    assert main([*words, "--answers", str(term.folder / "answers.html")]) == 0
    assert (term.folder / "answers.html").is_file()
