"""Rosters as they come. Referee: the names that were written, before a program saved them its own way."""

import json
import time

import pytest

from crmlab.grading import release, roster
from crmlab.grading.assignment import read_key
from crmlab.grading.rosters import decode, read_roster
from tests.grading.conftest import SOURCE, Classroom, cell

NAMES = {
    "cp1252": ["Müller", "José García", "Renée Núñez", "Søren Ångström", "O’Neil", "MÜLLER", "Hélène Lebœuf",
               "João Simões", "Adèle d’Arc", "Anna–Lena Bär", "Íñigo Muñoz", "Nicolò", "Ann\xa0Li Öz"],
    "gb18030": ["李雷", "朱镕基", "韩梅梅 Ann", "s1李雷", "韩梅梅 Hán Méiméi", "李Lei",
                "欧阳娜娜，王 芳", "陈静", "张伟"],
    "utf-16": ["Müller", "李雷"],
    "utf-16-le": ["Müller, 李雷"],
    "utf-16-be": ["Müller, 李雷"],
    "utf-8": ["Dvořák", "李Lei", "Иванов", "김철수"],
}  # fmt: skip


@pytest.mark.parametrize(("encoding", "name"), [(one, name) for one, held in NAMES.items() for name in held])
def test_a_name_is_read_as_it_was_written(tmp_path, encoding, name):
    (tmp_path / "r.csv").write_bytes(f"student\tname\r\ns1\t{name}\r\n".encode(encoding))
    assert roster(tmp_path / "r.csv") == {"s1": name.replace("\xa0", " ")}


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("cp1250", "Dvořák"), ("cp1250", "Łukasz"), ("mac_roman", "Müller"), ("big5", "陳大文,王小明"),
        ("cp1251", "Иванов"), ("cp1254", "Ayşe"), ("shift_jis", "山田太郎"),
        ("cp949", "김민수"), ("cp949", "이영희"), ("cp949", "박지훈"),
        ("koi8_r", "Иванов"), ("koi8_r", "Анна Петрова"), ("euc_jp", "山田太郎"), ("euc_jp", "鈴木一郎"),
        ("cp874", "ใจดี"), ("mac_roman", "García"), ("mac_roman", "Begoña"), ("mac_roman", "Håkan"),
        ("cp850", "Sánchez"), ("cp1250", "Győző"), ("cp1250", "Čapek"), ("cp1250", "Kučera"),
    ],
)  # fmt: skip
def test_what_cannot_be_decided_is_refused_with_the_remedy(tmp_path, encoding, name):
    (tmp_path / "r.csv").write_bytes(f'student,name\ns1,"{name}"\n'.encode(encoding))
    with pytest.raises(ValueError, match="Save it again as UTF-8: in Excel “CSV UTF-8”"):
        roster(tmp_path / "r.csv")


def test_the_two_readings_of_one_file_are_weighed_by_all_its_names():
    assert decode("s1,Müller\ns2,Øy\n".encode("cp1252")) == "s1,Müller\ns2,Øy\n"
    assert decode("s2,镕\n".encode("gb18030")) is None  # in the other code page éF
    assert decode("s2,镕\ns3,李雷\ns4,王芳".encode("gb18030")) is not None


CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Tea (12)\n    Points Possible,,,,,10\n"
    '"Smith, Ann",1203,u77,ann@uni.edu,A,\n"Müller, Bob",1204,u78,bob@uni.edu,A,7\n"Student, Test",9,,,A,\n'
)


def test_what_canvas_exports(tmp_path):
    (tmp_path / "r.csv").write_text(CANVAS, encoding="utf-8-sig")
    assert read_roster(tmp_path / "r.csv") == {
        "ann@uni.edu": {"name": "Smith, Ann", "also": ["u77", "1203"]},
        "bob@uni.edu": {"name": "Müller, Bob", "also": ["u78", "1204"]},
    }
    # who has no login has all the same an id: one column for all
    (tmp_path / "r.csv").write_text(CANVAS.replace("bob@uni.edu", ""))
    assert list(roster(tmp_path / "r.csv")) == ["u77", "u78"]


def test_what_moodle_exports(tmp_path):
    (tmp_path / "r.csv").write_text("First name,Last name,ID number,Email address\nAnn,Li,m1,a@b.de\n")
    assert read_roster(tmp_path / "r.csv") == {"m1": {"name": "Ann Li", "also": ["a@b.de"]}}
    worksheet = "Identifier,Full name,Email address,Grade\nParticipant 31337,Ann Li,a@b.de,\n"
    (tmp_path / "r.csv").write_text(worksheet)
    assert read_roster(tmp_path / "r.csv") == {"a@b.de": {"name": "Ann Li", "also": ["31337"]}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,student\nBob Li,s2\nSmith, Ann,s1\n", 'line 3 has 3 cells.*"Smith, Ann"'),
        ("name,student,\nSmith, Ann,s1\n", "line 2 has 3 cells, and there are 2 columns"),
        ('student,name\ns1,"Ann\ns2,Bob\n', "is no table: line 2"),
        ('student,name\ns1,"Ann\ns2,Bob"\ns3,Cy\n', "line 2: a quotation mark opens"),
        ("student,student\ns1,s2\n", "two columns 'student'"),
        ("student,name\n,\n\n", "names no student"),
        ("", "is no table: it is empty"),
        ("student\n__MACOSX\n", "line 2: '__MACOSX' cannot name a folder"),
        ("\n\nstudent\n\ns1\n\ncom1\n", "line 7: 'com1' cannot"),
        ("Student,ID,Section\n    Points Possible,,\n", "names no student"),
        ("First name,Last name\nAnn,Li\n", "no column 'student'"),
        ("Course: CRM;;\n\nstudent;name\ns1;Ann\n", "no column 'student'. Valid: course: crm."),
        ("student\n1.23E+12\n1.24E+12\n", "line 2: '1.23E.12' cannot.* a spreadsheet has cut"),
        ("student\nCON.txt\n", "'CON.txt' cannot"),
        ("student\ns1.zip\n", "'s1.zip' cannot"),
        ("student\ns1\nｓ1\n", "'ｓ1' is in line 2 and in line 3"),
    ],
)
def test_what_cannot_be_a_roster_is_told_with_its_line(tmp_path, text, message):
    (tmp_path / "r.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        roster(tmp_path / "r.csv")


def test_what_spreadsheets_add_does_no_harm(tmp_path):
    (tmp_path / "r.csv").write_text('sep=;\r"";Student;Name;;\r0;s1;"Li, Ann";;\r1;__ann;Bob;;\r;;;;\r')
    assert roster(tmp_path / "r.csv") == {"s1": "Li, Ann", "__ann": "Bob"}


def test_ten_thousand_students_take_ten_times_as_long_as_a_thousand(tmp_path):
    def seconds(number, encoding):
        rows = "".join(f"s{one},李雷{one} 镕\n" for one in range(number))
        (tmp_path / "r.csv").write_bytes(f"student,name\n{rows}".encode(encoding))
        took = []
        for _ in range(5):  # the shortest: what else the machine does only adds to it
            began = time.process_time()
            assert len(roster(tmp_path / "r.csv")) == number
            took.append(time.process_time() - began)
        return min(took)

    for encoding in ("utf-8", "gb18030"):
        assert seconds(20_000, encoding) < 40 * max(seconds(2_000, encoding), 0.01)


# ---- the release and its key


def test_what_a_release_writes_for_each_student_does_not_grow_with_their_number(tmp_path, monkeypatch):
    from crmlab.grading import assignment

    classroom = Classroom(tmp_path, ["s1"])

    def handed_out(handout, students, jobs):
        for student in students:
            (handout.out / f".unfinished.{student}").mkdir()
            yield student, handout.out / f".unfinished.{student}", {"given": {}}

    monkeypatch.setattr(assignment, "handed_out", handed_out)
    written, write = [], assignment._write_key
    monkeypatch.setattr(assignment, "_write_key", lambda *a: written.append(1) or write(*a))
    (tmp_path / "more.csv").write_text("student\ns1\n" + "".join(f"t{one}\n" for one in range(30)))
    release(["T1"], tmp_path / "more.csv", classroom.key, classroom.release, classroom.exercises)
    assert len(written) == 2 and len(read_key(classroom.key)["students"]) == 31
    assert [path.name for path in tmp_path.glob("key.json*")] == ["key.json"]


def again(classroom, students=("s1", "late"), key=None, out=None):
    (classroom.folder / "longer.csv").write_text("student\n" + "\n".join(students))
    return release(
        ["T1"], classroom.folder / "longer.csv", key or classroom.key, out or classroom.release,
        classroom.exercises,
    )  # fmt: skip


def test_a_key_file_that_is_lost_is_not_replaced(tmp_path):
    classroom = Classroom(tmp_path, ["s1"])
    lost = classroom.key.read_bytes()
    classroom.key.unlink()
    for students in (["s1"], ["late"]):
        with pytest.raises(ValueError, match="no key file .*released to s1, not of this key file. Find"):
            again(classroom, students)
    assert not classroom.key.exists() and not (classroom.release / "late").exists()
    classroom.key.write_bytes(lost)
    assert again(classroom, ["late"]) == 1


def test_an_id_that_is_written_otherwise_than_at_the_release_is_refused(tmp_path):
    classroom = Classroom(tmp_path, ["s1"])
    for other in ("S1", "ｓ1"):
        with pytest.raises(ValueError, match=f"'{other}' was 's1' at the release: write it so"):
            again(classroom, [other])
    assert list(read_key(classroom.key)["students"]) == ["s1"]


def saved_again(classroom, change):
    path = classroom.exercises / "T1_trial.ipynb"
    held = json.loads(path.read_bytes())
    change(held)
    path.write_bytes(json.dumps(held, indent=2).replace("\n", "\r\n").encode())


def test_an_exercise_that_was_only_saved_again_is_the_same(tmp_path, capsys):
    classroom = Classroom(tmp_path, ["s1"])

    def editor(held):
        held["metadata"] = {"kernelspec": {"name": "other"}, "widgets": {}}
        for one in held["cells"]:
            one["metadata"] = {"collapsed": True}
            one["source"] = one["source"].replace("\n", "\r\n").splitlines(keepends=True)
            if one["cell_type"] == "code":
                one |= {
                    "outputs": [{"output_type": "stream", "name": "stdout", "text": "x"}],
                    "execution_count": 3,
                }
        held["cells"].append(cell("code", ""))

    saved_again(classroom, editor)
    assert again(classroom) == 1 and capsys.readouterr().err == ""


def test_a_mended_typo_locks_nobody_out_and_is_told(tmp_path, capsys):
    classroom = Classroom(tmp_path, ["s1"])
    before = (classroom.release / "s1" / "T1_trial.ipynb").read_bytes()
    key = read_key(classroom.key)["key"]
    saved_again(classroom, lambda held: held["cells"][3].update(source=SOURCE[3][1] + " Mended."))
    assert again(classroom) == 1
    told = capsys.readouterr().err
    assert "T1_trial.ipynb was changed after the release (T1.1, text). The data are the same, the key" in told
    assert "T1.2" not in told and "late joiners get the new text" in told
    assert "Mended." in (classroom.release / "late" / "T1_trial.ipynb").read_text()
    assert (classroom.release / "s1" / "T1_trial.ipynb").read_bytes() == before
    assert read_key(classroom.key)["key"] == key
    again(classroom)
    assert capsys.readouterr().err == ""  # once is enough


def test_other_data_or_other_questions_are_refused_and_split_nothing(tmp_path):
    classroom = Classroom(tmp_path, ["s1"])
    path, kept = classroom.exercises / "T1_trial.ipynb", classroom.key.read_bytes()
    source = path.read_text()
    path.write_text(source.replace("range(60)]", "range(60)][::-1]"))
    with pytest.raises(ValueError, match="now draws other data for s1. Put the source of the release back"):
        again(classroom)
    held = json.loads(source)
    held["cells"] = held["cells"][:-6]
    path.write_text(json.dumps(held))
    with pytest.raises(ValueError, match=r"other questions than at the release \(.*T1.5, text"):
        again(classroom)
    assert classroom.key.read_bytes() == kept and not (classroom.release / "late").exists()
