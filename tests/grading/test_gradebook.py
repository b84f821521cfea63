"""Marks for Canvas and Moodle. Referee: exports as the platforms write them, and what they import."""

import pandas as pd
import pytest

from crmlab.grading.gradebook import Gradebook
from crmlab.grading.settings import Settings

STUDENTS = ["ann7", "bob2", "cy", "dee"]
TOTALS = pd.DataFrame({
    "student": STUDENTS, "mark": [0.875, None, None, 0.0],
    "state": ["marked", "unmarked", "excused", "marked"],
})  # fmt: skip
CANVAS = """Student,ID,SIS User ID,SIS Login ID,Section,Week 1 (4711),Other (12),Current Score
    Points Possible,,,,,20,10,(read only)
"Smith, Ann",9001,000123,ANN7,"A, morning",,7,70
"Brown, Bob",9002,000124,bob2,"A, morning",,8,80
"Chen, Cy",9003,000125,cy,B,,9,90
"=cmd|x, Dee",9004,000126,dee,B,,9,90
"Student, Test",9999,,abc,B,,,
"""
WORKSHEET = """Identifier,Full name,Email address,Status,Grade,Maximum Grade,Last modified (grade),Comments
Participant 101,Ann Smith,ann@x.edu,Submitted,,"20,00",-,
Participant 102,Bob Brown,bob@x.edu,Submitted,,"20,00",-,
Participant 103,Cy Chen,cy@x.edu,No submission,,"20,00",-,
Participant 104,Dee Diaz,dee@x.edu,Submitted,,"20,00",-,
"""
MOODLE = """Vorname;Nachname;ID-Nummer;E-Mail-Adresse;Assignment: Week 1 (Real);Course total (Real)
Ann;Smith;1;ann7;-;-
Bob;Brown;2;bob2;-;-
Cy;Chen;3;cy;-;-
Dee;Diaz;4;dee;-;-
"""
SETTINGS = Settings(title="Week 1", points=50)


def book(tmp_path, text, students=STUDENTS, settings=SETTINGS):
    (tmp_path / "export.csv").write_text(text, encoding="utf-8-sig")
    return Gradebook(tmp_path / "export.csv", students, settings)


def test_canvas_gets_its_own_ids_and_this_column_alone(tmp_path):
    table, notes = book(tmp_path, CANVAS).filled(TOTALS)
    assert table.columns.tolist() == [
        "Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Week 1 (4711)",
    ]  # fmt: skip
    assert table["ID"].tolist() == [
        "",
        "9001",
        "9003",
        "9004",
    ]  # the unmarked and the test student are not there
    assert table["SIS User ID"].tolist()[1] == "000123" and table["SIS Login ID"].tolist()[1] == "ANN7"
    # out of the twenty points that Canvas knows of
    assert table["Week 1 (4711)"].tolist() == ["20", "17.50", "EX", "0.00"]
    assert notes == ["Without a mark, so not in gradebook_canvas.csv: bob2."]


def test_canvas_takes_a_column_that_is_new_with_the_points_of_the_settings(tmp_path):
    table, _ = book(tmp_path, CANVAS, settings=Settings(title="Week 2", points=50)).filled(TOTALS)
    assert table["Week 2"].tolist() == ["50", "43.75", "EX", "0.00"]


def test_moodle_s_worksheet_goes_back_whole_with_its_comma(tmp_path):
    ids = {"ann7": "101", "bob2": "102", "cy": "103", "dee": "104"}
    made = book(tmp_path, WORKSHEET, ids.values())
    table, notes = made.filled(TOTALS.assign(student=TOTALS["student"].map(ids)))
    assert made.name == "gradebook_moodle.csv"
    assert table.columns.tolist() == WORKSHEET.splitlines()[0].split(",")
    assert table["Grade"].tolist() == ["17,50", "0,00"]
    assert table["Identifier"].tolist() == ["Participant 101", "Participant 104"]
    assert notes == ["Without a mark, so not in gradebook_moodle.csv: 102, 103."]


def test_moodle_s_gradebook_in_any_language(tmp_path):
    table, _ = book(tmp_path, MOODLE).filled(TOTALS)
    assert table["Assignment: Week 1 (Real)"].tolist() == ["43.75", "0.00"]
    assert table["E-Mail-Adresse"].tolist() == ["ann7", "dee"] and "Course total (Real)" not in table


def test_who_is_not_in_the_export_is_named(tmp_path):
    more = pd.concat([TOTALS, TOTALS.tail(1).assign(student="eve")], ignore_index=True)
    _, notes = book(tmp_path, CANVAS, [*STUDENTS, "eve"]).filled(more)
    assert notes[0] == "The gradebook's export does not hold eve."


@pytest.mark.parametrize(
    ("text", "students", "message"),
    [
        (CANVAS, ["s1", "s2"], "no column holds the ids of the roster .s1, s2, …."),
        (MOODLE.replace("Week 1", "Week 7"), STUDENTS, "There is no column 'Week 1'. Did you mean 'Week 7'?"),
        (MOODLE.replace("bob2", "ann7"), STUDENTS, "ann7 stands in two rows"),
        (CANVAS.replace("Other", "Week 1"), STUDENTS, "'Week 1' must be one column"),
        ("", STUDENTS, "cannot be read as a gradebook"),
        ("a,b\n1,2,3\n", STUDENTS, "cannot be read as a gradebook"),
    ],
)
def test_an_export_that_cannot_be_filled_is_told(tmp_path, text, students, message):
    with pytest.raises(ValueError, match=message):
        book(tmp_path, text, students)


def test_a_column_that_says_who_somebody_is_is_not_overwritten(tmp_path):
    with pytest.raises(ValueError, match="'ID' must be one column, and none that says who somebody is"):
        book(tmp_path, CANVAS, settings=Settings(title="ID"))


@pytest.mark.parametrize("most", ["", "Excellent"])
def test_a_worksheet_whose_most_is_no_number_gets_no_grades(tmp_path, most):
    made = book(tmp_path, WORKSHEET.replace('"20,00"', most), ["101", "102", "103", "104"])
    with pytest.raises(ValueError, match="Maximum Grade everybody needs a number"):
        made.filled(TOTALS.assign(student=["101", "102", "103", "104"]))
