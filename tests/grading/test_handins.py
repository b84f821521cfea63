"""Hand-ins as platforms, browsers and archives deliver them. Referee: who was meant, written down before."""

import io
import json
import re
import time
import zipfile

import pandas as pd
import pytest

from crmlab.cli import main
from crmlab.grading.causes import cause, without_installation
from crmlab.grading.handins import HandIns, NoCode, Unreadable, notebook
from crmlab.grading.likeness import alike, runs
from tests.grading.conftest import PERFECT, Classroom

STUDENTS = {
    "s1": {"name": "Smith, Ann", "also": ["1203"]},
    "s2": {"name": "Müller, Bob", "also": ["1204"]},
    "s3": {"name": "李 雷", "also": ["31337"]},
    "s4": {"name": "Li, Ann", "also": ["1206"]},
    "s5": {"name": "Ann Li", "also": ["1207"]},
    "__ann": {"name": "Ann Other", "also": []},
}
EXERCISES = ["41_value_tiers", "C1_tea", "C1_tea_more", "C1_coffee"]


def book(text="x = 1", **about):
    metadata = {"crmlab": {"schema_version": 2, **about}} if about else {}
    cells = [{"cell_type": "code", "source": text}]
    return json.dumps({"cells": cells, "metadata": metadata}).encode()


def zipped(files, **options):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in files.items():
            archive.writestr(name, raw, **options)
    return held.getvalue()


def handed_in(folder, files, students=STUDENTS):
    folder.mkdir(exist_ok=True)
    for name, raw in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(raw)
    return HandIns(folder, students, EXERCISES)


PLACES = [
    ("s1/41_value_tiers.ipynb", "s1"),
    ("S1/Copy of 41_value_tiers.ipynb", "s1"),
    ("s1 /sub/sub2/41_VALUE_TIERS.IPYNB", "s1"),
    ("s1/41_value_tiers (1).ipynb", "s1"),
    ("s1/41_value_tiers-Copy1.ipynb", "s1"),
    ("s1/41_value_tiers .ipynb", "s1"),
    ("s1/41_value_tiers.ipynb.json", "s1"),
    ("s1/41_value_tiers_final.ipynb", "s1"),
    ("week 1/s1/41_value_tiers.ipynb", "s1"),
    ("__ann/41_value_tiers.ipynb", "__ann"),
    ("1204/41_value_tiers.ipynb", "s2"),
    ("Ann Smith/41_value_tiers.ipynb", "s1"),
    ("smithann_1203_456_41_value_tiers.ipynb", "s1"),
    ("smithann_LATE_1203_456_41_value_tiers-1.ipynb", "s1"),
    ("smithann_1203_456_Copy of 41_value_tiers (2).ipynb", "s1"),
    ("mullerbob_99_456_41_value_tiers.ipynb", "s2"),
    ("liann_1206_1_41_value_tiers.ipynb", "s4"),
    ("liann_1207_1_41_value_tiers.ipynb", "s5"),
    ("Ann Smith_777_assignsubmission_file_/41_value_tiers.ipynb", "s1"),
    ("Ann Smith_777_assignsubmission_file_41_value_tiers.ipynb", "s1"),
    ("Bob Müller_1_assignsubmission_file_/folder/41_value_tiers.ipynb", "s2"),
    ("雷 李_31337_assignsubmission_file_/41_value_tiers.ipynb", "s3"),
    ("Week 1_s1_attempt_2026-03-02-23-59-00_41_value_tiers.ipynb", "s1"),
    ("Week 1_s1_attempt_2026-03-02-23-59-00_my_s2_attempt_2026-1_41_value_tiers.ipynb", "s1"),
    ("5634-1203 - Bob Müller - Mar 2, 2026 1159 PM/41_value_tiers.ipynb", "s2"),
    ("s1/.41_value_tiers.ipynb", "s1"),
    ("s1_41_value_tiers.ipynb", "s1"),
    ("41_value_tiers - s2.ipynb", "s2"),
]


@pytest.mark.parametrize(("place", "student"), PLACES, ids=[place for place, _ in PLACES])
def test_a_notebook_is_found_and_given_to_whom_it_belongs(tmp_path, place, student):
    found = handed_in(tmp_path / "in", {place: book()})
    whole = HandIns(tmp_path / "in", STUDENTS, EXERCISES)
    (tmp_path / "all.zip").write_bytes(zipped({f"submissions/{place}": book()}))
    for one in (found, whole, HandIns(tmp_path / "all.zip", STUDENTS, EXERCISES)):
        assert one.of(student, "41_value_tiers").raw == book() and not one.strange
        others = [other for other in STUDENTS if other != student]
        assert [one.of(other, "41_value_tiers").reason for other in others] == ["Nothing was handed in."] * 5


@pytest.mark.parametrize(
    "files",
    [
        {"s1.zip": zipped({"41_value_tiers.ipynb": book()})},
        {
            "s1/work.zip": zipped(
                {"work/41_value_tiers.ipynb": book(), "__MACOSX/._41_value_tiers.ipynb": b"x"}
            )
        },
        {"smithann_1203_9_work.zip": zipped({"41_value_tiers.ipynb": book()})},
        {"all.zip": zipped({"s1/41_value_tiers.ipynb": book(), "s2/C1_tea.ipynb": book()})},
        {"all.zip": zipped({"s1.zip": zipped({"in/41_value_tiers.ipynb": book()})})},
        {"s1/41_value_tiers.ipynb": book(), "s1/again.zip": zipped({"41_value_tiers.ipynb": book()})},
    ],
    ids=["each", "inside", "canvas", "all", "zip in zip", "twice the same"],
)
def test_archives_are_read_where_they_lie(tmp_path, files):
    found = handed_in(tmp_path / "in", files)
    assert found.of("s1", "41_value_tiers").raw == book() and not found.strange
    assert sorted(path.name for path in (tmp_path / "in").rglob("*") if path.is_file()) == sorted(
        name.rpartition("/")[2] for name in files
    )


def test_an_archive_of_a_chinese_system(tmp_path):
    raw = zipped({"placeholder/41_value_tiers.ipynb": book()})
    raw = raw.replace(b"placeholder", "李雷1234567".encode("gb18030")[:11])
    students = {"a": {"name": "李雷1234567"}}
    assert handed_in(tmp_path / "in", {"all.zip": raw}, students).of("a", "41_value_tiers").raw == book()


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"s1/41_value_tiers.ipynb": book(), "s1/Copy of 41_value_tiers.ipynb": book("y = 2")},
         "There are 2 notebooks that could be 41_value_tiers.ipynb: hand in one. They are"),
        ({"s1/41_value_tiers.ipynb": book(), "S1/41_value_tiers.ipynb": book("y = 2")}, "There are 2"),
        ({"s1/41_value_tiers.ipynb": b""}, "is empty: it was not uploaded to its end"),
        ({"s1/work.zip": zipped({"41_value_tiers.ipynb": book()})[:-30]}, "work.zip is damaged, too large"),
        ({"s1/work.rar": b"Rar!"}, "41_value_tiers.ipynb was not handed in. What was: work.rar."),
        ({"s1.zip": zipped({})}, "s1.zip is an archive with nothing in it."),
        ({"s1/C1_tea.ipynb": book(exercise="41_value_tiers")}, "was not handed in. What was: C1_tea.ipynb."),
        ({"s1/homework.ipynb": book()}, "was not handed in. What was: homework.ipynb."),
        ({"s1/41_value_tiers.py": b"x = 1"}, "What was: 41_value_tiers.py."),
        ({"s1/41_value_tiers.ipynb": b" " * 30_000_001}, "larger than 30 MB: clear its outputs"),
        ({"s1/" + "d/" * 15 + "41_value_tiers.ipynb": book()}, "lies in too many folders"),
        ({"s1/b.zip": zipped({"in.zip": bytes(50_000_000)})}, "unpacks to many times its size"),
        ({"s1/b.zip": zipped({"41_value_tiers.ipynb": bytes(400_000_000)})}, "larger than 30 MB"),
    ],
    ids=["two", "two folders", "half", "half a zip", "rar", "no file", "other", "name",
         "script", "large", "deep", "bomb", "zip"],
)  # fmt: skip
def test_what_cannot_be_read_is_told_and_not_marked_0(tmp_path, files, told):
    found = handed_in(tmp_path / "in", files).of("s1", "41_value_tiers")
    assert found.raw is None and found.unread and told in found.reason


@pytest.mark.parametrize(
    "files",
    [{}, {"s1/.DS_Store": b""}, {"s1/HAND_IN.md": b"x", "s1/41_value_tiers_data/form.json": b"{}"},
     {"s1/C1_coffee.ipynb": book()}],
)  # fmt: skip
def test_who_handed_in_nothing_is_no_riddle(tmp_path, files):
    found = handed_in(tmp_path / "in", files).of("s1", "41_value_tiers")
    assert found.raw is None and not found.unread and "handed in" in found.reason


def test_two_files_of_one_name_in_an_archive_are_two(tmp_path):
    raw = zipped({"41_value_tiers.ipynb": book(), "41_value_tierz.ipynb": book("y = 2")})
    found = handed_in(tmp_path / "in", {"s1.zip": raw.replace(b"tierz", b"tiers")})
    assert "There are 2 notebooks" in found.of("s1", "41_value_tiers").reason


def test_an_encrypted_archive_is_told(tmp_path):
    raw = bytearray(zipped({"41_value_tiers.ipynb": book()}))
    raw[6] |= 1
    raw[raw.rfind(b"PK\1\2") + 8] |= 1
    assert "is encrypted" in handed_in(tmp_path / "in", {"s1.zip": bytes(raw)}).of("s1", "C1_tea").reason


def test_an_archive_with_millions_of_files_is_not_opened(tmp_path):
    raw = bytearray(zipped({"41_value_tiers.ipynb": book()}))
    at = raw.rfind(b"PK\5\6")
    raw[at + 12 : at + 16] = (300_000_000).to_bytes(4, "little")
    assert "too large" in handed_in(tmp_path / "in", {"s1.zip": bytes(raw)}).of("s1", "C1_tea").reason


def test_names_that_begin_alike_are_not_mixed_up(tmp_path):
    books = {name: book(f"here = '{name}'") for name in EXERCISES}
    for put in ("{}.ipynb", "Copy of {}.ipynb", "{}_final.ipynb", "smithann_1203_7_{}-1.ipynb"):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        found = handed_in(folder, {f"s1/{put.format(name)}": raw for name, raw in books.items()})
        assert {name: found.of("s1", name).raw for name in EXERCISES} == books
    alone = handed_in(tmp_path / "more", {"s1/C1_tea_more.ipynb": book()})
    assert alone.of("s1", "C1_tea").raw is None and not alone.of("s1", "C1_tea").unread


def test_a_notebook_under_another_name_is_known_by_what_it_says(tmp_path):
    raw = book(exercise="C1_coffee", student="s1")
    assert handed_in(tmp_path / "in", {"s1/homework.ipynb": raw}).of("s1", "C1_coffee").raw == raw


def test_two_of_one_name_are_told_and_never_guessed(tmp_path):
    found = handed_in(tmp_path / "in", {"Ann Li_9_assignsubmission_file_/41_value_tiers.ipynb": book()})
    assert found.strange == {
        "Ann Li_9_assignsubmission_file_": "It may be of s4 or s5: put it into a folder named by the id."
    }
    for student in ("s4", "s5"):
        one = found.of(student, "41_value_tiers")
        assert one.raw is None and one.unread and "may be of s4 or s5, so nothing was marked" in one.reason
    assert found.of("s1", "41_value_tiers").reason == "Nothing was handed in."


def test_what_lies_in_a_students_folder_is_that_students(tmp_path):
    planted = {"s1/s2/41_value_tiers.ipynb": book(), "s1/x.zip": zipped({"../../s2/C1_tea.ipynb": book()})}
    found = handed_in(tmp_path / "in", planted)
    assert (
        found.of("s2", "41_value_tiers").reason == found.of("s2", "C1_tea").reason == "Nothing was handed in."
    )
    assert found.of("s1", "41_value_tiers").raw == book()
    said = handed_in(tmp_path / "said", {"x/41_value_tiers.ipynb": book(student="s2")})
    assert said.of("s2", "41_value_tiers").raw is None
    assert said.strange == {"x": "This is no student of the roster. The notebook says it was released to s2."}


def test_a_number_alone_does_not_say_who_it_is(tmp_path):
    for name in (
        "doejane_1203_5_41_value_tiers.ipynb",
        "doejane_9_5_x_s1_attempt_2026-1_41_value_tiers.ipynb",
    ):
        found = handed_in(tmp_path / name[:12], {name: book()})
        assert found.of("s1", "41_value_tiers").raw is None and list(found.strange) == [name]


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "secret.ipynb").write_bytes(book())
    (tmp_path / "in" / "s1").mkdir(parents=True)
    (tmp_path / "in" / "s1" / "41_value_tiers.ipynb").symlink_to(tmp_path / "secret.ipynb")
    (tmp_path / "in" / "s2").symlink_to(tmp_path)
    found = HandIns(tmp_path / "in", STUDENTS, EXERCISES)
    for student in ("s1", "s2"):
        one = found.of(student, "41_value_tiers")
        assert one.raw is None and one.unread and "is a link" in one.reason


def test_ten_thousand_hand_ins_in_one_archive(tmp_path):
    students = {f"s{one}": {"name": f"Name {one}"} for one in range(10_000)}
    (tmp_path / "all.zip").write_bytes(zipped({f"{one}/C1_tea.ipynb": book(one) for one in students}))
    found = HandIns(tmp_path / "all.zip", students, EXERCISES)
    assert all(found.of(one, "C1_tea").raw == book(one) for one in students)


# ---- one notebook


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (book()[:-20], "cannot be read as a notebook: it ends in the middle, so it was not uploaded"),
        (b"<html>log in first</html>", "cannot be read as a notebook."),
        (b'{"cells": 3}', "cannot be read as a notebook."),
        (b'{"cells": [], "metadata": {"kernelspec": {"language": "R"}}}', "a notebook of R; it"),
        (b'{"cells": [], "metadata": {"language_info": {"name": "julia"}}}', "of julia; it"),
        (b'{"cells": [], "metadata": {"kernelspec": {"name": "ir"}}}', "a notebook of R; it"),
        (book(schema_version=1), "is of version 1, this crmlab takes version 2"),
    ],
)  # fmt: skip
def test_what_is_no_notebook_of_ours(raw, told):
    with pytest.raises(Unreadable, match=re.escape(told)):
        notebook(raw)


def test_a_notebook_in_other_clothes():
    assert notebook(b"\xef\xbb\xbf" + book()).cells == ["x = 1"]
    assert notebook(book(student="s7", exercise="41")).student == "s7"
    assert notebook(book(student=["s7"])).student == ""
    with pytest.raises(NoCode):
        notebook(book(" \n"))


# ---- code that is nearly the same

CODE = "\n".join(
    f"table{n} = orders.groupby('customer_id')['cents'].agg('sum') * {n} + clue['clue'].mean() ** {n}"
    for n in range(6)
)
GIVEN = ["orders, clue = given.orders, given.clue", "answer_1 = ..."]


def signature(code):
    return runs([code], GIVEN)


def likeness(*codes):
    results = [
        {"student": f"s{n}", "exercise": "T1", "runs": signature(code)} for n, code in enumerate(codes)
    ]
    return alike(results).values.tolist()


def test_renamed_code_with_comments_is_the_same_code():
    renamed = CODE.replace("table", "result").replace("'", '"').replace("\n", "  # mine\n\n")
    assert likeness(CODE, renamed) == [["T1", "s0, s1", 1.0]]
    longer = renamed + "\nprint(orders.describe().T.loc['cents'].round(2).to_dict())"
    (row,) = likeness(CODE, "x = 1", longer)
    assert row[:2] == ["T1", "s0, s2"] and row[2] > 0.95


def test_few_lines_other_code_and_starters_are_nobodys():
    assert likeness("answer_1 = orders['cents'].mean()", "answer_1 = orders['cents'].mean()") == []
    other = "\n".join(
        f"value{n} = [row.cents - {n} for row in orders.itertuples() if row.cents > {n}]" for n in range(9)
    )
    assert likeness(CODE, other) == []
    assert runs([CODE, *GIVEN], [CODE]) == []


def test_what_the_lesson_shows_to_all_makes_nobody_a_copier():
    own = [
        "\n".join(f"a{n} = orders.cents.quantile({n}) // {n + k * 100}" for n in range(12))
        for k in range(1, 11)
    ]
    assert likeness(*(f"{CODE}\n{one}" for one in own)) == []
    assert likeness(*(f"{CODE}\n{one}" for one in [*own, own[3]])) == [["T1", "s3, s10", 1.0]]


def test_what_is_made_to_take_long_takes_no_time(tmp_path):
    began = time.process_time()
    assert runs(["x = 1 + 2 * 3\n" * 10**6], GIVEN) == []
    without_installation("\n" * 10**6 + " " * 10**6 + "!" * 10**6)
    cause("answer_1", {0: "E: No such file"}, ["/" * 10**6 + " answer_1"])
    name = " " * 60_000 + "-1" * 2000 + "(1"
    handed_in(tmp_path / "in", {"s1.zip": zipped({f"{name}.ipynb": book(), "_" * 60_000: b""})}).of(
        "s1", "C1_tea"
    )
    assert time.process_time() - began < 20


# ---- a class, from release to marks


def test_a_class_with_what_platforms_deliver(tmp_path, capsys):
    roster = "Student,ID,SIS Login ID,Section\n" + "".join(
        f'"Name{one}, N",{one},n{one},A\n' for one in range(1, 8)
    )
    classroom = Classroom(tmp_path, [f"n{one}" for one in range(1, 8)])
    about = json.loads(classroom.key.read_text())
    for one in range(1, 8):
        about["students"][f"n{one}"] |= {"name": f"Name{one}, N", "also": [str(one)]}
    classroom.key.write_text(json.dumps(about))
    assert roster.count("\n") == 8
    for one in range(1, 8):
        classroom.hand_in(f"n{one}", PERFECT)

    def path(one):
        return classroom.submissions / f"n{one}" / "T1_trial.ipynb"

    path(1).rename(classroom.submissions / "name1n_1_99_Copy of T1_trial.ipynb")
    path(2).write_bytes(path(2).read_bytes()[:-50])
    copied = path(3).read_bytes()
    path(4).write_bytes(copied)
    colab = ["!pip install polars\nfrom google.colab import drive\ndrive.mount('/content/drive')"]
    held = json.loads(path(5).read_text())
    held["cells"][1]["source"] = colab[0] + "\n" + held["cells"][1]["source"]
    path(5).write_text(json.dumps(held))
    held = json.loads(path(6).read_text())
    held["cells"][1]["source"] = "%pip install crmlab\n" + held["cells"][1]["source"].replace(
        '"T1_trial_data"', '"/content/drive/MyDrive/T1_trial_data"'
    )
    path(6).write_text(json.dumps(held))
    held = json.loads(path(7).read_text())
    held["cells"].insert(
        0, {"cell_type": "code", "source": "!pip install -q \\\n  polars\n%pip install x", "metadata": {}}
    )
    path(7).write_text(json.dumps(held))
    (classroom.submissions / "stranger").mkdir()
    code = main([
        "grade", str(classroom.submissions), "--key-file", str(classroom.key), "--out", str(classroom.marks),
        "--exercises", str(classroom.exercises), "--trust",
    ])  # fmt: skip
    said = capsys.readouterr().err
    assert code == 1 and said.count("Marking without a sandbox.") == 1
    assert "n2, T1_trial: What was handed in cannot be read as a notebook: it ends in the middle" in said
    assert "stranger was not marked. This is no student of the roster." in said
    marks = pd.read_csv(classroom.marks / "marks.csv", keep_default_na=False, dtype=str)
    marks = marks.set_index(["student", "question"])
    assert (marks.loc[["n1", "n3", "n7"], "mark"] == "1.0").all()
    assert (marks.loc["n2", "mark"] == "").all() and (marks.loc["n2", "outcome"] == "unmarked").all()
    summary = (classroom.marks / "summary.html").read_text()
    assert "This notebook was released to n3." in summary and "released to n4" not in summary
    page = (classroom.marks / "feedback" / "n5.html").read_text()
    assert "Code cell 1 stopped" in page and "It uses Google Colab, which is not there" in page
    page = (classroom.marks / "feedback" / "n6.html").read_text()
    assert "Code cell 1 stopped" in page and "It looks for the data where they lay on your machine" in page
    assert "Code cell 3" not in re.sub(r"(?s)Cells that stopped.*", "", page)
    assert "google" not in (classroom.marks / "marks.csv").read_text()


def test_two_exercises_with_one_number_are_both_marked(tmp_path):
    from crmlab.grading import grade, release

    classroom = Classroom(tmp_path, ["s1"])
    source = (classroom.exercises / "T1_trial.ipynb").read_text()
    (classroom.exercises / "T1_trial_more.ipynb").write_text(source)
    (tmp_path / "more.csv").write_text("student\na\nb\nc\n")
    key, out = tmp_path / "more.json", tmp_path / "more"
    release(["T1_trial", "T1_trial_more"], tmp_path / "more.csv", key, out, classroom.exercises)
    for student, wrong in {"a": [], "b": ["T1_trial"], "c": ["T1_trial_more"]}.items():
        for name in ("T1_trial", "T1_trial_more"):
            held = json.loads((out / student / f"{name}.ipynb").read_text())
            for one in held["cells"]:
                if one["id"] == "question-1-answer":
                    one["source"] = "answer_1 = 5.0" if name in wrong else PERFECT[1]
            (classroom.submissions / student).mkdir(exist_ok=True)
            (classroom.submissions / student / f"{name}.ipynb").write_text(json.dumps(held))
    marks = grade(classroom.submissions, key, classroom.marks, folder=classroom.exercises, trust=True)
    first = marks[marks["question"] == "T1.1"].set_index(["student", "exercise"])["mark"]
    assert first.to_dict() == {
        ("a", "T1_trial"): 1, ("a", "T1_trial_more"): 1, ("b", "T1_trial"): 0, ("b", "T1_trial_more"): 1,
        ("c", "T1_trial"): 1, ("c", "T1_trial_more"): 0,
    }  # fmt: skip
    (tmp_path / "overrides.csv").write_text("student,exercise,question,mark\na,T1_trial,T1.1,0\n")
    with pytest.raises(ValueError, match="There is no question 'T1.1'"):  # of the two it may be either
        grade(classroom.submissions, key, classroom.marks, folder=classroom.exercises, trust=True)
    (tmp_path / "overrides.csv").unlink()
    (tmp_path / "settings.toml").write_text("[weights]\nT1 = 2")
    with pytest.raises(ValueError, match="no exercise or question 'T1'.*Valid: T1_trial, T1_trial_more"):
        grade(classroom.submissions, key, classroom.marks, folder=classroom.exercises, trust=True)
    summary = (classroom.marks / "summary.html").read_text()
    assert "T1_trial T1.1" in summary and "T1_trial_more T1.1" in summary


def test_a_damaged_note_of_what_was_marked_is_named_moved_and_made_again(tmp_path, capsys):
    from tests.grading.test_marks import marked

    classroom = Classroom(tmp_path, ["s1"])
    classroom.hand_in("s1", PERFECT)
    before = marked(classroom, trust=True)
    note = classroom.marks / "done" / "s1" / "T1_trial.json"
    whole = note.read_text()
    for damaged in (whole[: len(whole) // 2], "[]", "", whole.replace('"rows"', '"lines"')):
        note.write_text(damaged)
        assert marked(classroom, trust=True).equals(before)
        said = capsys.readouterr().err
        assert f"{note} is damaged. It is now T1_trial.damaged, and is marked again." in said
        assert note.with_suffix(".damaged").read_text() == damaged


def test_marks_of_another_key_are_not_mixed_with_these(tmp_path):
    from tests.grading.test_marks import marked

    classroom = Classroom(tmp_path, ["s1"])
    marked(classroom, trust=True)
    about = json.loads(classroom.key.read_text())
    classroom.key.write_text(json.dumps(about | {"key": "0" * 64}))
    with pytest.raises(ValueError, match="holds marks that were made with another key file"):
        marked(classroom, trust=True)
    classroom.key.write_text(json.dumps(about | {"students": {}}))
    with pytest.raises(ValueError, match="names no student"):
        marked(classroom, trust=True)
