"""The command line. Referee: the promised exit codes, and that an error names what would have been right."""

import re
import subprocess
import sys

import pytest

import crmlab
from crmlab import cli, company, course, datasets, practice, replicate
from crmlab.cli import main


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rnu"], "Did you mean 'run'? Valid: company, data, grade, lab, prove, release, replicate, run."),
        (["run", "99"], "There is no lesson '99'"),
        (["run", "19"], "Lesson 19 is now 45 and 48."),
        (["run", "17_retention"], "Lesson 17_retention is now 42 and 43."),
        (["run", "--jobs", "0"], "argument --jobs: it is a whole number, 1 or more; got 0."),
        (["run", "--jbos"], "crmlab run: it does not know --jbos. What it knows: crmlab run --help"),
        (["data", "cdnow_smaple"], "Did you mean 'cdnow_sample'?"),
        (["replicate", "no_such_case"], "no_such_case"),
        (["run", "--json", "."], "argument --json: . is a folder: name a file."),
        (
            ["company", "--seed", "-3", "--out", "tea"],
            "argument --seed: it is a whole number, 0 or more; got -3",
        ),
        (
            ["company", "--seed", "x", "--out", "tea"],
            "argument --seed: it is a whole number, 0 or more; got x",
        ),
        (
            ["company", "--customers", "0", "--out", "tea"],
            "argument --customers: it is a whole number, from 1 to",
        ),
        (["company", "--customers", "2000001", "--out", "tea"], "from 1 to 2,000,000; got 2000001."),
        (
            ["company", "--world", "bsae", "--out", "tea"],
            "argument --world: There is no world 'bsae'. Did you",
        ),
        (["company", "--out", "."], "argument --out: "),
        (["replicate", "--page", "."], "argument --page: . is a folder"),
        (["grade", "no_such_folder"], "argument SUBMISSIONS: there is no folder or zip archive /"),
        (["grade", "."], "What is missing: --key-file, --out. See crmlab grade --help."),
        (["grade", "--key-file", "k"], "argument --key-file: there is no file /"),
        (
            ["grade", ".", "--seconds", "0"],
            "argument --seconds: it is a number of seconds above 0; got 0.",
        ),
        (["grade", ".", "--seconds", "nan"], "argument --seconds: it is a number of seconds above 0"),
        (["release", "41", "--students", "no.csv"], "argument --students: there is no file /"),
        (
            ["prove", "A1"],
            "Another folder is named by --exercises",
        ),
        (["release", "41", "--exercises", "no_such"], "argument --exercises: there is no folder no_such."),
    ],
)
def test_a_wrong_word_is_answered_with_the_right_ones_and_exit_code_2(words, message, capsys):
    assert main(words) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1


@pytest.mark.parametrize(("old", "new"), {"19": "45 and 48", "20": "46 and 47"}.items())
def test_an_old_number_is_answered_with_the_new_one(old, new, capsys, tmp_path):
    (tmp_path / "roster.csv").write_text("student\ns1\n")
    assert main(["run", old]) == 2
    to = ["--students", f"{tmp_path}/roster.csv", "--key-file", f"{tmp_path}/k", "--out", f"{tmp_path}/out"]
    assert main(["release", old, *to]) == 2
    said = capsys.readouterr().err
    assert f"Lesson {old} is now {new}." in said and f"Exercise {old} is now {new}: see" in said
    with pytest.raises(ValueError, match=f"Exercise {old} is now {new}"):
        practice.check(f"{old}.2", 0)


@pytest.mark.parametrize("command", ["company", "data", "grade", "lab", "release", "replicate", "run"])
def test_help_names_what_there_is_and_gives_an_example_that_is_understood(
    command, capsys, monkeypatch, tmp_path
):
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    printed = capsys.readouterr().out
    example = re.search(rf"\nexample:\n  crmlab ({command} .+?)(   .*)?\n", printed)
    names = {
        "company": company.worlds.WORLDS,
        "data": datasets.catalogue()["name"],
        "lab": [],
        "replicate": replicate.cases()["case"],
        "run": [lesson.number for lesson in course.lessons()],
    }
    for name in names.get(command, practice.names()):
        assert re.search(rf"\b{name}\b", printed)
    monkeypatch.chdir(tmp_path)
    for name in ("roster.csv", "key.json"):
        (tmp_path / name).touch()
    (tmp_path / "submissions").mkdir()
    called = []
    monkeypatch.setattr(cli, f"_{command}", lambda options: called.append(options) or 0)
    assert main(example[1].split()) == 0 and called


def test_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"crmlab {crmlab.__version__}\n"


def test_data_lists_every_set_and_checks_its_file(capsys, monkeypatch):
    assert main(["data"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in datasets.catalogue()["name"])
    monkeypatch.setattr(datasets, "verify", lambda name: f"{name} is damaged")
    assert main(["data"]) == 1
    assert "donations is damaged" in capsys.readouterr().out


def test_a_clone_without_its_data_is_no_success(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(datasets, "FOLDER", tmp_path / "datasets")
    assert main(["data"]) == 2
    assert "There is no data set in" in capsys.readouterr().err


def test_one_data_set_shows_its_card(capsys):
    assert main(["data", "donations"]) == 0
    assert repr(datasets.card("donations")) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("module", "function", "words"), [(course, "run", ["run"]), (replicate, "main", ["replicate"])]
)
def test_exit_codes_are_handed_on(module, function, words, monkeypatch):
    monkeypatch.setattr(module, function, lambda *arguments, **options: 1)
    assert main(words) == 1


def test_an_interruption_is_not_a_traceback(monkeypatch, capsys):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(course, "run", interrupted)
    assert main(["run"]) == 130
    assert "Interrupted" in capsys.readouterr().err


def test_rooms_and_their_libraries_load_only_when_named():
    libraries = {"matplotlib", "nbclient", "numpy", "pandas"}
    program = f"import sys, crmlab, crmlab.cli; print({libraries} & {{*sys.modules}}); crmlab.value.rfm"
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert process.stdout == "set()\n"


def test_the_instructor_s_cycle(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "roster.csv").write_text("student,name\ns1,Ann\n")
    assert main(["grade", "--new-exercise", "mine/A1_complaints.ipynb"]) == 0
    keys = ["--key-file", "key.json", "--exercises", "mine"]
    assert main(["release", "A1", "--students", "roster.csv", "--out", "release", *keys]) == 0
    (tmp_path / "in" / "s1").mkdir(parents=True)
    handed_out = (tmp_path / "release" / "s1" / "A1_complaints.ipynb").read_text()
    (tmp_path / "in" / "s1" / "A1_complaints.ipynb").write_text(
        handed_out.replace("answer_1 = ...", "answer_1 = 7")
    )
    assert main(["grade", "in", "--out", "marks", "--trust", *keys]) == 0
    assert "s1: 0%" in capsys.readouterr().out
    assert "7 is not plausible" in (tmp_path / "marks" / "marks.csv").read_text()
