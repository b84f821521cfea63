"""Handing out. Referee: the rules of the roster, and a search of every file for what must not be in it."""

import base64
import json
import re
import shutil
import stat

import nbformat
import numpy as np
import pandas as pd
import pytest

from crmlab import company, practice
from crmlab.grading import new_exercise, release, roster
from crmlab.grading.assignment import read_key
from crmlab.grading.handout import Handout
from crmlab.practice.data import VERSION, Given
from tests.grading.conftest import PERFECT, SOURCE, Classroom

STUDENTS = ["s1", "s2", "李雷", "ann.b@x-y"]


@pytest.fixture(scope="module")
def classroom(tmp_path_factory):
    return Classroom(tmp_path_factory.mktemp("class"), STUDENTS)


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


# ---- the roster


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_roster_in_any_of_the_usual_encodings(tmp_path, encoding, separator):
    rows = ["Student,Name", "007,李雷", " 韩梅梅 , Hán  Méiméi", "NA,"]
    text = "\r\n".join(row.replace(",", separator) for row in rows)
    (tmp_path / "roster.csv").write_bytes(text.encode(encoding))
    assert roster(tmp_path / "roster.csv") == {"007": "李雷", "韩梅梅": "Hán Méiméi", "NA": ""}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("s1\n../../etc\n", r"line 3: '../../etc' cannot name a folder"),
        ("s1\n/tmp/x\n", "line 3: '/tmp/x' cannot"),
        ("s1\na\\b\n", "line 3"),
        ("..\n", "line 2: '..' cannot"),
        (".hidden\n", "line 2"),
        ("nul\n", "line 2: 'nul' cannot"),
        (f"{'x' * 65}\n", "line 2"),
        ('"s1\ns2"\n', "cannot name a folder"),
        ("s1\n\x07\n", "cannot name a folder"),
        ("s1\ns2\ns1\n", "'s1' is in line 2 and in line 4"),
        ("s1\nS1\n", "'S1' is in line 2 and in line 3"),
        ("", "names no student"),
    ],
)
def test_roster_refuses_what_cannot_be_a_student(tmp_path, rows, message):
    (tmp_path / "roster.csv").write_text(f"student\n{rows}")
    with pytest.raises(ValueError, match=message):
        roster(tmp_path / "roster.csv")


def test_roster_without_the_column_or_without_text(tmp_path):
    path = tmp_path / "roster.csv"
    path.write_text("studnet,name\ns1,Ann\n")
    with pytest.raises(ValueError, match="no column 'student'.*Valid: name, studnet"):
        roster(path)
    path.write_bytes(b"student\n\xff\xff\xff\n")
    with pytest.raises(ValueError, match="neither UTF-8 nor GB18030.*Save it again as UTF-8"):
        roster(path)
    path.write_text("")
    with pytest.raises(ValueError, match="is no table"):
        roster(path)


# ---- the release


def test_each_student_has_a_folder_of_their_own(classroom):
    assert sorted(path.name for path in classroom.release.iterdir()) == sorted(STUDENTS)
    held = {"HAND_IN.md", "T1_trial.ipynb", "T1_trial_data"}
    assert all({path.name for path in folder.iterdir()} == held for folder in classroom.release.iterdir())
    notebooks = [nbformat.read(classroom.release / one / "T1_trial.ipynb", 4) for one in STUDENTS]
    for notebook in notebooks:
        nbformat.validate(notebook)
    given = [Given.read(classroom.release / one / "T1_trial_data") for one in STUDENTS]
    assert len({one.fingerprint() for one in given}) == len(STUDENTS)


def test_the_data_are_those_the_key_draws(classroom):
    key = read_key(classroom.key)["key"]
    exercise = practice.load("T1", classroom.exercises)
    for student in STUDENTS:
        held = Given.read(classroom.release / student / "T1_trial_data")
        assert held.fingerprint() == practice.Drawn(exercise, key, student).given.fingerprint()


def test_a_release_holds_no_solution_no_key_no_hidden_input_and_no_truth(classroom):
    key = read_key(classroom.key)["key"]
    exercise = practice.load("T1", classroom.exercises)
    for student in STUDENTS:
        drawn = practice.Drawn(exercise, key, student)
        secrets = [key, base64.b64encode(bytes.fromhex(key)).decode(), str(drawn.cases("T1.3")[1]["cents"])]
        worth = drawn.key("T1.4").truth
        secrets += [f"{value}" for value in worth[worth.abs() > 0.1].head(20)]
        variant = practice.variant(key, "T1_trial", student)
        secrets += [
            text
            for name in ("orders", "secret", "shop")
            for text in (str(variant.seed(name)), f"{variant.seed(name):x}")
        ]
        secrets.append(f"{drawn.key('T1.1').right:.2f}")
        for source in (text for kind, text in SOURCE if kind == "code"):
            role, _, body = source.partition("\n")
            lines = [line.strip() for line in body.splitlines() if len(line.strip()) > 20]
            lines = [line for line in lines if "import" not in line]
            secrets += [] if role in ("# starter", "# set-up") else lines
        secrets += [question.hint for question in exercise.questions.values()]
        for path in files(classroom.release / student):
            text = path.read_bytes().decode("utf-8", "ignore")
            if path.suffix == ".parquet":
                table = pd.read_parquet(path)
                text = text + table.to_csv() + str(table.attrs)
            found = [secret for secret in secrets if secret in text or json.dumps(secret)[1:-1] in text]
            # the clue is given, and two numbers of three digits may be equal
            assert [one for one in found if not re.fullmatch(r"-?\d\.\d+", one)] == [], path
            assert bytes.fromhex(key) not in path.read_bytes()
    names = {
        column
        for path in files(classroom.release)
        if path.suffix == ".parquet"
        for column in pd.read_parquet(path)
    }
    assert names == {"customer_id", "cents", "clue"}


@pytest.mark.parametrize("name", practice.names())
def test_a_release_of_the_courses_own_exercises_holds_nothing_of_the_envelope(name, tmp_path, monkeypatch):
    # the proof of the course's exercises has its own tests, and takes minutes
    monkeypatch.setattr("crmlab.grading.handout.prove", lambda *_, **__: ())
    (tmp_path / "roster.csv").write_text("student\ns1\n")
    release([name], tmp_path / "roster.csv", tmp_path / "key.json", tmp_path / "out")
    exercise, key = practice.load(name), read_key(tmp_path / "key.json")["key"]
    drawn = practice.Drawn(exercise, key, "s1")
    known = {column for table in company.simulate(20).tables.values() for column in table}
    hidden = {question.rpartition(".")[2] for question in company.questions().index} - known
    assert {"alive", "purchase_rate"} <= hidden
    # seen under a name that the envelope has, too: what an offer costs, a score of answers, what we earned,
    # and in exercise 34 the roles in the ten firms asked and who has left, as found out by telephone
    asked = {"initiator", "influencer", "decider", "buyer", "user", "left_on"}
    rated = {"taste", "price", "packaging", "delivery", "satisfaction"}  # as answered on a sheet
    seen = {"11": {"weight"}, "26": rated, "27": {"price"}, "28": {"price"}, "32": {"trust", "gain"}}
    seen["14"] = {"weight"}  # how many customers a card of the sample stands for
    hidden -= (seen | {"34": asked}).get(name[:2], set())
    for path in files(tmp_path / "out"):
        if path.suffix == ".parquet":
            assert set(pd.read_parquet(path)) & hidden == set(), path
            continue
        text = path.read_text(encoding="utf-8")
        assert key not in text and "_truth" not in text and "open_envelope" not in text
        for question in exercise.questions.values():
            for role in ("solution", "wrong", "truth", "cases"):
                body = [line.strip() for line in question.source.get(role, "").splitlines()]
                shown = question.source["starter"] + exercise.set_up
                long = [line for line in body if len(line) > 30 and line not in shown]
                assert [line for line in long if json.dumps(line)[1:-1] in text] == []
            right = drawn.key(question.number).right
            digits = f"{right:.6g}" if isinstance(right, float) and not right.is_integer() else ""
            if len(digits.strip("-0.").replace(".", "")) > 3:  # one of few digits may stand anywhere
                assert digits not in text


def test_nobody_else_may_read_the_key(classroom):
    assert stat.S_IMODE(classroom.key.stat().st_mode) == 0o600


def test_a_second_release_adds_new_students_and_touches_no_other(classroom):
    before = {path: path.stat().st_mtime_ns for path in files(classroom.release)}
    (classroom.folder / "longer.csv").write_text("student\n" + "\n".join([*STUDENTS, "late"]))
    written = release(
        ["T1"], classroom.folder / "longer.csv", classroom.key, classroom.release, classroom.exercises
    )
    assert written == 1
    assert {path: path.stat().st_mtime_ns for path in files(classroom.release) if path in before} == before
    assert "late" in read_key(classroom.key)["students"]


def test_an_interrupted_release_goes_on_where_it_was(tmp_path, monkeypatch):
    classroom = Classroom(tmp_path, ["s1"])
    write, calls = Handout.write, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return write(*arguments)

    monkeypatch.setattr(Handout, "write", interrupted)
    (tmp_path / "more.csv").write_text("student\ns1\ns2\ns3\ns4\ns5\n")
    again = (["T1"], tmp_path / "more.csv", classroom.key, classroom.release, classroom.exercises)
    with pytest.raises(KeyboardInterrupt):
        release(*again)
    assert sorted(path.name for path in classroom.release.iterdir()) == ["s1", "s2", "s3"]
    assert release(*again) == 2
    assert sorted(read_key(classroom.key)["students"]) == ["s1", "s2", "s3", "s4", "s5"]


def test_a_key_file_among_the_students_folders_is_refused(classroom):
    with pytest.raises(ValueError, match="goes to the students"):
        release(
            ["T1"],
            classroom.folder / "roster.csv",
            classroom.release / "key.json",
            classroom.release,
            classroom.exercises,
        )


def test_a_folder_of_another_release_is_not_overwritten(classroom):
    with pytest.raises(ValueError, match="not of this key file"):
        release(
            ["T1"],
            classroom.folder / "roster.csv",
            classroom.folder / "other.json",
            classroom.release,
            classroom.exercises,
        )


def test_a_key_file_belongs_to_one_assignment(classroom, tmp_path):
    path = new_exercise(tmp_path / "A1_tea.ipynb")
    with pytest.raises(ValueError, match="belongs to another assignment"):
        release(["A1"], classroom.folder / "roster.csv", classroom.key, tmp_path / "out", path.parent)


BAD_ID = {
    "schema_version": VERSION,
    "key": "0" * 64,
    "exercises": {},
    "students": {"../x": {"name": "", "given": {}}},
}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[1]",
        json.dumps({"schema_version": VERSION, "key": 7}),
        json.dumps(BAD_ID),
        json.dumps(BAD_ID | {"students": {"s1": 7}}),
    ],
)
def test_a_key_file_that_is_none(tmp_path, text):
    (tmp_path / "key.json").write_text(text)
    with pytest.raises(ValueError, match="is not a key file"):
        read_key(tmp_path / "key.json")


def test_what_an_older_crmlab_released_is_refused_with_its_version(classroom, tmp_path):
    about = json.loads(classroom.key.read_text())
    (tmp_path / "key.json").write_text(json.dumps(about | {"schema_version": 1}))
    shutil.copytree(classroom.release / "s1" / "T1_trial_data", tmp_path / "T1_trial_data")
    given = tmp_path / "T1_trial_data" / "given.json"
    given.write_text(json.dumps(json.loads(given.read_text()) | {"schema_version": 1}))
    said = "of version 1, this crmlab takes version 2: use the crmlab that released it, or"
    for read in (lambda: read_key(tmp_path / "key.json"), lambda: practice.read(given.parent)):
        with pytest.raises(ValueError, match=said):
            read()


def test_an_exercise_that_fails_its_own_proof_goes_to_nobody(tmp_path):
    classroom = Classroom(tmp_path, ["s1"])
    path = classroom.exercises / "T1_trial.ipynb"
    path.write_text(path.read_text().replace("return cents * (1 - rate)", "return cents * rate"))
    with pytest.raises(ValueError, match="does not stand its own proof(.|\n)*only_the_discount"):
        release(
            ["T1"], tmp_path / "roster.csv", tmp_path / "new.json", tmp_path / "out2", classroom.exercises
        )
    assert not (tmp_path / "out2").exists() and not (tmp_path / "new.json").exists()


def test_the_template_stands_its_own_proof(tmp_path):
    path = new_exercise(tmp_path / "B7_my_first.ipynb")
    exercise = practice.load("B7", tmp_path)
    assert list(exercise.questions) == ["B7.1"]
    assert len(practice.prove(exercise, variants=3)) == 0
    with pytest.raises(FileExistsError, match="there already"):
        new_exercise(path)
    with pytest.raises(ValueError, match="no name for an exercise"):
        new_exercise(tmp_path / "tea.ipynb")


def test_in_an_assignment_check_tells_the_form_and_nothing_more(classroom, monkeypatch):
    monkeypatch.chdir(classroom.release / "s1")
    given = practice.read("T1_trial_data")
    right = given.orders.groupby("customer_id")["cents"].sum().mean()
    told = {practice.check("T1.1", answer).message for answer in (right, right / 7, 500.0)}
    assert told == {"The form is right. Whether the answer is, the marks will tell."}
    assert practice.check("T1.1", "7").outcome == "type"
    with pytest.raises(ValueError, match="neither hints nor solutions"):
        practice.solution("T1.1")
    assert np.isfinite(right) and PERFECT
