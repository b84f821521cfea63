"""The command line. Referee: the promised exit codes, and that an error names what would have been right."""

import subprocess
import sys

import pytest

import crmlab
from crmlab import course, datasets, practice, replicate
from crmlab.cli import main


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rnu"], "Did you mean 'run'? Valid: company, data, grade, lab, release, replicate, run."),
        (["run", "99"], "There is no lesson '99'"),
        (["run", "16"], "Lesson 16 is now 41."),
        (["run", "17_retention"], "Lesson 17_retention is now 42 and 43."),
        (["run", "--jobs", "0"], "1 or more; it was 0"),
        (["run", "--jbos"], "crmlab run does not know --jbos"),
        (["data", "cdnow_smaple"], "Did you mean 'cdnow_sample'?"),
        (["replicate", "no_such_case"], "no_such_case"),
        (["grade", "no_such_folder"], "What is missing: key_file, out."),
        (["grade", "in", "--key-file", "no_such_key", "--out", "marks"], "no key file no_such_key"),
        (["release", "99", "--students", "no.csv", "--key-file", "k", "--out", "out"], "no.csv"),
    ],
)
def test_a_wrong_word_is_answered_with_the_right_ones_and_exit_code_2(words, message, capsys):
    try:
        code = main(words)
    except SystemExit as stopped:
        code = stopped.code
    assert code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new"), {"16": "41", "17": "42 and 43", "18": "44", "19": "45", "20": "46 and 47"}.items()
)
def test_an_old_number_is_answered_with_the_new_one(old, new, capsys, tmp_path):
    (tmp_path / "roster.csv").write_text("student\ns1\n")
    assert main(["run", old]) == 2
    to = ["--students", f"{tmp_path}/roster.csv", "--key-file", f"{tmp_path}/k", "--out", f"{tmp_path}/out"]
    assert main(["release", old, *to]) == 2
    said = capsys.readouterr().err
    assert f"Lesson {old} is now {new}." in said and f"Exercise {old} is now {new}: see" in said
    with pytest.raises(ValueError, match=f"Exercise {old} is now {new}"):
        practice.check(f"{old}.2", 0)


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
