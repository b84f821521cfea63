"""The reader's copies in my_course. Referees: the stored lessons, the files that links lead to, and git."""

import json
import os
import re
import subprocess

import nbformat
import pytest

from crmlab import course, practice
from crmlab._paths import ROOT
from crmlab.practice import copies, exercise

LESSONS = course.lessons()
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)|(?:src|href)=\"([^\"#]+)")


def links(notebook):
    """Return the addresses in a notebook's texts that name a file."""
    found = [link for cell in notebook["cells"] if cell["cell_type"] == "markdown"
             for link in LINK.findall("".join(cell["source"]))]  # fmt: skip
    every = [one or other for one, other in found]
    return [link for link in every if not re.match(r"[a-z]+:", link)]


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory):
    """Lay out the whole course once, beside the folders that its links lead to."""
    clone = tmp_path_factory.mktemp("clone")
    for folder in ("docs", "datasets", "exercises", "notebooks", "README.md", "CONTRIBUTING.md"):
        (clone / folder).symlink_to(ROOT / folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copies, "FOLDER", clone / "my_course")
        patch.setattr(copies, "OLD", clone / "nothing")
        assert practice.lay_out() == []
    return clone / "my_course"


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_a_lesson_is_there_without_outputs_and_otherwise_as_it_is_stored(laid_out, lesson):
    copy, stored = (read(folder / f"{lesson.name}.ipynb") for folder in (laid_out, ROOT / "notebooks"))
    nbformat.validate(nbformat.from_dict(copy))
    assert copy["cells"][-1]["id"] == "go-on"
    for mine, theirs in zip(copy["cells"][:-1], stored["cells"], strict=True):
        text = "".join(mine["source"]).replace("../build/glossary.md", "../docs/glossary.md")
        assert text == "".join(theirs["source"]) and mine["id"] == theirs["id"]
        assert mine["metadata"] == theirs["metadata"]
        assert not mine.get("outputs") and mine.get("execution_count") is None


def test_every_link_in_lessons_and_practice_leads_to_a_file(laid_out):
    for path in laid_out.rglob("*.ipynb"):
        for link in links(read(path)):
            assert (path.parent / link).exists(), f"{path.name}: {link}"


def test_the_glossary_beside_the_copies_leads_to_them_and_not_to_what_git_tracks(laid_out):
    page = laid_out.parent / "build" / "glossary.md"
    found = [one or other for one, other in LINK.findall(page.read_text(encoding="utf-8"))]
    assert found and {(page.parent / link).resolve().parent for link in found} == {laid_out}
    assert all((page.parent / link).exists() for link in found)


def test_from_the_first_lesson_one_comes_to_all_the_others_to_practice_and_back(laid_out):
    seen, todo = set(), [laid_out / f"{LESSONS[0].name}.ipynb"]
    while todo:
        path = todo.pop()
        seen.add(path)
        there = {(path.parent / link).resolve() for link in links({"cells": read(path)["cells"][-1:]})}
        if path.parent != laid_out:
            assert laid_out / path.name.replace("_practice", "") in there
        todo += there - seen
    assert seen == set(laid_out.rglob("*.ipynb"))
    assert {path.name for path in seen} >= {f"{lesson.name}.ipynb" for lesson in LESSONS}
    assert {path.name for path in seen} >= {f"{name}_practice.ipynb" for name in practice.names()}
    assert len({path.name for path in seen}) == len(seen)


# ---- a small course


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A course of two lessons and no exercise in a folder of its own; returns that folder."""
    (tmp_path / "exercises").mkdir()
    (tmp_path / "notebooks").mkdir()
    for lesson in LESSONS[:2]:
        store(tmp_path, lesson, "x = 1")
    monkeypatch.setattr(copies, "ROOT", tmp_path)
    monkeypatch.setattr(copies, "FOLDER", tmp_path / "my_course")
    monkeypatch.setattr(copies, "OLD", tmp_path / "notebooks" / "practice")
    monkeypatch.setattr(copies, "_lessons", lambda: LESSONS[:2])
    monkeypatch.setattr(exercise, "FOLDER", tmp_path / "exercises")
    return tmp_path


def store(clone, lesson, source):
    cell = nbformat.v4.new_code_cell(source, outputs=[nbformat.v4.new_output("stream", text="1")])
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), clone / "notebooks" / f"{lesson.name}.ipynb")


def test_a_copy_is_made_anew_only_where_nothing_was_written(small):
    run, written, own = (
        small / "my_course" / f"{name}.ipynb" for name in (LESSONS[0].name, LESSONS[1].name, "own")
    )
    assert practice.lay_out() == []
    held = read(run)
    held["cells"][0] |= {
        "execution_count": 7,
        "outputs": [{"output_type": "stream", "name": "stdout", "text": "1"}],
    }
    run.write_text(json.dumps(held))
    other = read(written)
    other["cells"][0]["source"] = "x = 2  # mine"
    written.write_text(json.dumps(other))
    own.write_text("mine")
    assert practice.lay_out() == [] and read(run) == held  # the same course: what was run stays as well
    for lesson in LESSONS[:2]:
        store(small, lesson, "x = 3")
    [told] = practice.lay_out()
    assert "".join(read(run)["cells"][0]["source"]) == "x = 3" and read(written) == other
    assert own.read_text() == "mine"
    assert f"You wrote in {written.name}, and the course has a newer version" in told
    written.rename(written.with_name("kept.ipynb"))
    assert practice.lay_out() == [] and "".join(read(written)["cells"][0]["source"]) == "x = 3"


def test_a_copy_that_was_left_half_written_is_not_met(small):
    (small / "my_course").mkdir()
    (small / "my_course" / f"{LESSONS[0].name}.new").write_text('{"cells": [')
    assert practice.lay_out() == []
    assert [path.suffix for path in (small / "my_course").iterdir()] == [".ipynb", ".ipynb"]


# ---- what lay in notebooks/practice


@pytest.fixture
def old(small):
    folder = small / "notebooks" / "practice"
    (folder / ".ipynb_checkpoints").mkdir(parents=True)
    (folder / ".ipynb_checkpoints" / "16_value_tiers-checkpoint.ipynb").write_text("saved once")
    for name in ("16_value_tiers.ipynb", "00_start_here.ipynb", "my notes.txt"):
        (folder / name).write_text(f"old {name}")
    (folder / "progress.jsonl").write_text('\n{"student": "", "question": "q1", "outcome": "right", "at": 5}')
    (small / "exercises" / "00_start_here.ipynb").write_text("{}")
    return folder


def contents(folder):
    return sorted(path.read_text() for path in folder.rglob("*") if path.is_file())


def test_what_lay_in_notebooks_practice_is_moved_and_says_so(old):
    before, new = contents(old), copies.FOLDER / "practice"
    [told] = copies._bring_over()
    assert "00_start_here.ipynb, 16_value_tiers.ipynb, my notes.txt, progress.jsonl" in told
    assert contents(new) == before and contents(old) == []
    assert (new / "00_start_here_practice.ipynb").exists() and (new / "16_value_tiers.ipynb").exists()
    assert copies._bring_over() == [] and not old.exists()
    assert copies._bring_over() == []


def test_a_name_that_is_taken_costs_nobody_anything(old):
    before, new = contents(old), copies.FOLDER / "practice"
    names = [
        ".ipynb_checkpoints",
        "00_start_here_practice.ipynb",
        "16_value_tiers.ipynb",
        "16_value_tiers (2).ipynb",
    ]
    new.mkdir(parents=True)
    for name in names[1:]:
        (new / name).write_text(f"new {name}")
    (new / names[0]).mkdir()
    (new / "progress.jsonl").write_text('\n{"student": "", "question": "q2", "outcome": "right", "at": 3}')
    expected = sorted(contents(new) + before)
    copies._bring_over()
    assert contents(new) == expected
    assert (new / "16_value_tiers (3).ipynb").read_text() == "old 16_value_tiers.ipynb"
    assert (new / "00_start_here_practice (2).ipynb").read_text() == "old 00_start_here.ipynb"


def test_a_move_that_was_interrupted_is_finished_at_the_next_start(old, monkeypatch):
    before, moves = contents(old), []

    def twice(source, target):
        if len(moves) == 2:
            raise KeyboardInterrupt
        moves.append(os.rename(source, target))

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(copies.shutil, "move", twice)
        copies._bring_over()
    assert sorted(contents(old) + contents(copies.FOLDER)) == before
    copies._bring_over()
    assert contents(copies.FOLDER) == before


def test_two_starts_at_once_lose_nothing(old, monkeypatch):
    before, move = contents(old), copies.shutil.move

    def overtaken(source, target):
        monkeypatch.setattr(copies.shutil, "move", move)
        copies._bring_over()
        move(source, target)

    monkeypatch.setattr(copies.shutil, "move", overtaken)
    copies._bring_over()
    assert contents(copies.FOLDER) == before


def test_progress_counts_before_the_move_after_it_and_beside_another_log(old):
    questions = lambda: [event["question"] for event in practice.desk._events()]  # noqa: E731
    assert questions() == ["q1"]
    (copies.FOLDER / "practice").mkdir(parents=True)
    (copies.FOLDER / "practice" / "progress.jsonl").write_text(
        '\n{"student": "", "question": "q2", "outcome": "right", "at": 3}'
    )
    assert questions() == ["q2", "q1"]
    copies._bring_over()
    assert questions() == ["q2", "q1"]


@pytest.mark.parametrize("folder", ["my_course/x.ipynb", "notebooks/practice/x.ipynb"])
def test_git_passes_over_what_a_reader_writes(folder):
    subprocess.run(["git", "check-ignore", "-q", folder], cwd=ROOT, check=True)
