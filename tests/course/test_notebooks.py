"""The stored notebooks, without running them. Referee: the rules for a lesson (CONTRIBUTING.md)."""

import re

import nbformat
import pytest

from crmlab import course, datasets
from tests.money import money_taken_for_formulas

LESSONS = course.lessons()
FOLDER = course.ROOT / "notebooks"
CLOSING = ["Key ideas", "Common mistakes", "Further reading", "Exercises"]
TYPESET = ["text/markdown", "text/html", "text/latex"]
"""The outputs in which JupyterLab looks for formulas."""


@pytest.fixture(params=LESSONS, ids=lambda lesson: lesson.name)
def lesson(request):
    return request.param


@pytest.fixture
def notebook(lesson):
    return nbformat.read(FOLDER / f"{lesson.name}.ipynb", as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def markdown(cells):
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def tags(cell):
    return cell.metadata.get("tags", [])


def texts(cell):
    """Return what a cell shows as text, HTML and the like: everything but pictures."""
    for output in cell.outputs:
        shown = output.get("data", {}) | {"text": output.get("text", "")}
        yield from (str(text) for kind, text in shown.items() if not kind.startswith("image/"))


def test_the_list_of_lessons_and_the_folder_agree():
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == [lesson.name for lesson in LESSONS]
    assert len({lesson.number for lesson in LESSONS}) == len(LESSONS)


def test_entry_is_complete(lesson):
    assert re.fullmatch(r"\d\d_[a-z]+(_[a-z]+)*", lesson.name)
    assert 3 <= len(lesson.objectives) <= 5
    assert 0 < lesson.budget_seconds <= 20 and lesson.minutes > 0 and lesson.question.endswith("?")
    assert set(lesson.data) <= set(datasets.catalogue()["name"])
    assert lesson.status in ("ready", "draft")


def test_every_cell_was_run_in_order_and_none_failed(notebook):
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert any(cell.outputs for cell in cells)
    for cell in cells:
        assert not [output.text for output in cell.outputs if output.get("name") == "stderr"]
        if "raises-exception" not in tags(cell):
            assert not [output for output in cell.outputs if output.output_type == "error"]


def test_it_is_stored_clean_so_that_running_it_again_changes_nothing(notebook, lesson):
    assert nbformat.writes(course.clean(notebook)) + "\n" == (FOLDER / f"{lesson.name}.ipynb").read_text()


def test_nothing_in_it_is_left_out_of_the_comparison(notebook):
    for cell in code_cells(notebook):
        assert set(tags(cell)) <= {"raises-exception"}
        assert "NBVAL" not in cell.source


def test_nothing_in_it_belongs_to_one_machine_or_one_run(notebook):
    for cell in code_cells(notebook):
        for text in [cell.source, *texts(cell)]:
            assert not re.search(r"(?<![\w.:/])/(home|Users|root|tmp|work|opt|private)/|\b[A-Z]:\\", text)
            assert not re.search(r"\b0x[0-9a-f]{6,}|ipykernel_\d+|\bTime:\W*(<td>)?\d\d:\d\d:\d\d", text)


def test_it_can_be_read_at_one_sitting(notebook, lesson):
    assert (FOLDER / f"{lesson.name}.ipynb").stat().st_size < 1_000_000
    assert len(re.findall(r"[^\W\d_]+", markdown(notebook.cells))) >= 600
    for cell in code_cells(notebook):
        assert len(cell.source.splitlines()) <= 20, cell.source
    assert sum(len(course.figures(cell.outputs)) for cell in code_cells(notebook)) >= 2


def test_every_figure_has_an_alternative_text(notebook):
    for text in (text for cell in code_cells(notebook) for text in course.alternatives(cell.outputs)):
        assert 40 <= len(text) <= 1_000, text


def test_numbers_are_rounded(notebook):
    for cell in code_cells(notebook):
        for text in texts(cell):
            assert not re.search(r"\d\.\d{7,}", text), text


def test_it_opens_with_the_decision_and_the_objectives(notebook, lesson):
    first = next(index for index, cell in enumerate(notebook.cells) if cell.cell_type == "code")
    opening = markdown(notebook.cells[:first])
    assert opening.splitlines()[0] == f"# {lesson.number} · {lesson.title}"
    for phrase in (
        "decision",
        "objectives",
        "prerequisites",
        f"{lesson.minutes} minutes",
        *lesson.objectives,
    ):
        assert phrase.lower() in opening.lower()


def test_money_stands_in_words_so_that_no_two_dollar_signs_become_a_formula(notebook):
    typeset = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    for cell in code_cells(notebook):
        kinds = [output.get("data", {}) for output in cell.outputs]
        typeset += [text for kind in kinds for name, text in kind.items() if name in TYPESET]
    assert not [found for text in typeset for found in money_taken_for_formulas(text)]


def test_who_runs_the_cell_of_a_bet_does_not_see_the_truth(notebook):
    for cell in code_cells(notebook):
        assert not (".commit(" in cell.source and "open_envelope(" in cell.source), cell.source
        if re.search(r"^commitment = ", cell.source, flags=re.MULTILINE):
            assert len(cell.source.splitlines()) == 1, cell.source


def test_it_closes_with_ideas_mistakes_reading_and_exercises(notebook):
    headings = re.findall(r"^## (.+)$", markdown(notebook.cells), flags=re.MULTILINE)
    assert headings[-len(CLOSING) :] == CLOSING
    reading = markdown(notebook.cells).split("## Further reading")[1].split("## Exercises")[0]
    assert "doi.org/10." in reading
