"""The runner, on made-up courses of tiny notebooks. Referee: what its docstring says is seen afterwards."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbconvert import HTMLExporter

from crmlab import course

LESSON = """
[[lesson]]
number = "{number}"
slug = "{slug}"
part = 0
title = "{slug}"
question = "Why?"
minutes = 1
objectives = ["see"]
data = []
budget_seconds = 5
status = "ready"
"""
FIGURE = "import matplotlib.pyplot as plt\nplt.figure(figsize=(3, 2))\nplt.plot([1, 3, 2])\nplt.show()"
BLANK = FIGURE.replace("plt.plot([1, 3, 2])", "plt.plot([1, 3, 2], color='none')")


def make_course(root: Path, **sources: list[str]) -> Path:
    """Write a clone with one notebook per keyword: n00_name=[source of each code cell]."""
    (root / "notebooks").mkdir()
    (root / "README.md").write_text("<!-- course table -->\nold\n<!-- end of course table -->\n")
    listed = ""
    for key, cells in sources.items():
        number, slug = key[1:].split("_", 1)
        listed += LESSON.format(number=number, slug=slug)
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
        nbformat.write(notebook, stored(root, key[1:]))
    (root / "notebooks" / "course.toml").write_text(listed)
    return root


def stored(root: Path, name: str) -> Path:
    return root / "notebooks" / f"{name}.ipynb"


def rows(root: Path) -> dict[str, dict[str, object]]:
    return {row["notebook"]: row for row in json.loads((root / "rows.json").read_text())}


def test_a_lesson_may_be_named_by_its_number_or_by_its_name(tmp_path):
    root = make_course(tmp_path, n00_one=["1"], n16_two=["2"], n41_three=["3"])
    found = course.lessons(["41_three", "16", "16_two"], root)
    assert [lesson.name for lesson in found] == ["16_two", "41_three"]
    for wrong in ("41_two", "four", "4"):
        with pytest.raises(ValueError, match=f"There is no lesson '{wrong}'"):
            course.lessons([wrong], root)


def test_notebooks_run_side_by_side_and_stay_as_they_are(tmp_path, capsys):
    meet = (
        "from pathlib import Path\nimport time\nPath('{me}').touch()\nend = time.time() + 60\n"
        "while not Path('{other}').exists():\n    assert time.time() < end\n    time.sleep(0.1)"
    )
    root = make_course(
        tmp_path,
        n00_one=[meet.format(me="one", other="two"), "1 + 1"],
        n01_two=[meet.format(me="two", other="one")],
    )
    before = stored(root, "00_one").read_bytes()
    assert course.run(jobs=2, json_file=root / "rows.json", root=root) == 0
    assert stored(root, "00_one").read_bytes() == before
    row = rows(root)["00_one"]
    assert (row["verdict"], row["cells"], row["figures"], row["budget"]) == ("passed", 2, 0, 5)
    executed = nbformat.read(root / row["executed"], as_version=4)
    assert executed.cells[1].outputs[0].data["text/plain"] == "2"
    printed = capsys.readouterr().out
    assert "01_two" in printed and "build/notebooks" in printed


def test_a_failing_cell_is_shown_and_the_others_still_run(tmp_path, capsys):
    root = make_course(
        tmp_path,
        n00_fails=["1", "1 / 0", "open('reached', 'w')"],
        n01_dies=["import os", "os._exit(3)"],
        n02_passes=["1"],
        n03_meant=["1 / 0", "1"],
    )
    notebook = nbformat.read(stored(root, "03_meant"), as_version=4)
    notebook.cells[0].metadata.tags = ["raises-exception"]
    nbformat.write(notebook, stored(root, "03_meant"))
    before = stored(root, "00_fails").read_bytes()
    assert course.run(jobs=2, json_file=root / "rows.json", update=True, root=root) == 1
    verdicts = {name: row["verdict"] for name, row in rows(root).items()}
    assert verdicts == {
        "00_fails": "failed",
        "01_dies": "failed",
        "02_passes": "updated",
        "03_meant": "updated",
    }
    printed = capsys.readouterr().out
    assert "00_fails, cell In [2]: " in printed and "ZeroDivisionError" in printed and "\x1b" not in printed
    assert "01_dies, cell In [2]: Kernel died" in printed
    assert not (root / "notebooks" / "reached").exists()
    assert stored(root, "00_fails").read_bytes() == before
    meant = nbformat.read(stored(root, "03_meant"), as_version=4)
    assert meant.cells[0].outputs[0].traceback == ["ZeroDivisionError: division by zero"]


def test_a_cell_that_takes_too_long_is_given_up(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(course, "CELL_TIMEOUT", 1)
    root = make_course(tmp_path, n00_slow=["import time\ntime.sleep(60)"])
    assert course.run(root=root) == 1
    assert "00_slow, cell In [1]: A cell timed out" in capsys.readouterr().out


def test_a_second_update_leaves_the_bytes_identical(tmp_path):
    root = make_course(tmp_path, n00_one=["hash('customer')", "import os\nos.getcwd()[-9:]", FIGURE])
    ids = [cell.id for cell in nbformat.read(stored(root, "00_one"), as_version=4).cells]
    assert course.run(json_file=root / "rows.json", update=True, root=root) == 0
    assert rows(root)["00_one"]["verdict"] == "updated"
    first = stored(root, "00_one").read_bytes()
    assert course.run(json_file=root / "rows.json", update=True, root=root) == 0
    assert rows(root)["00_one"]["verdict"] == "passed"
    assert stored(root, "00_one").read_bytes() == first
    notebook = nbformat.reads(first.decode(), as_version=4)
    assert notebook.metadata == course.METADATA
    assert [cell.execution_count for cell in notebook.cells] == [1, 2, 3]
    assert [cell.metadata for cell in notebook.cells] == [{}, {}, {}]
    assert [cell.id for cell in notebook.cells] == ids
    assert notebook.cells[1].outputs[0].data["text/plain"] == "'notebooks'"
    assert "| 00 | [one](notebooks/00_one.ipynb) | Why? | 1 |" in (root / "README.md").read_text()
    assert list(root.rglob("*.tmp")) == []


def test_a_figure_keeps_its_alternative_text_and_only_that(tmp_path, capsys):
    cell = (
        "from crmlab import plot\nplot.style()\nax = plot.axes()\nax.bar(['a', 'b'], [1, 2])\n"
        "plot.annotate(ax, 'Orders', 'tier', '')\nax.figure.show()"
    )
    told = "plot.describe(ax, 'Two <bars>.')\nax.figure.patch.set_alpha(0)\nax.figure"
    root = make_course(tmp_path, n00_plot=[cell, told])
    assert course.run(update=True, root=root) == 0
    first = stored(root, "00_plot").read_bytes()
    notebook = nbformat.reads(first.decode(), as_version=4)
    shown = [output.metadata for cell in notebook.cells for output in cell.outputs]
    composed = "Bars: Orders. Horizontal: tier. a: 1; b: 2."
    assert shown == [{"image/png": {"alt": alt}} for alt in (composed, "Two <bars>.")]
    page = HTMLExporter(template_name="classic").from_notebook_node(notebook)[0]
    assert f'alt="{composed}"' in page and 'alt="Two &lt;bars&gt;."' in page
    assert course.run(root=root) == 0 and course.run(update=True, root=root) == 0
    assert stored(root, "00_plot").read_bytes() == first
    stored(root, "00_plot").write_text(first.decode().replace("a: 1;", "a: 3;"))
    assert course.run(root=root) == 1
    assert "In [1], stored alternative text: Bars: Orders. Horizontal: tier. a: 3;" in capsys.readouterr().out


def test_a_blank_figure_in_place_of_a_plot_is_found(tmp_path, capsys):
    root = make_course(tmp_path, n00_plot=[BLANK])
    course.run(update=True, root=root)
    notebook = nbformat.read(stored(root, "00_plot"), as_version=4)
    notebook.cells[0].source = FIGURE
    nbformat.write(notebook, stored(root, "00_plot"))
    assert course.run(root=root) == 1
    assert "00_plot, cell In [1], figure 1: mean difference" in capsys.readouterr().out


def test_an_interruption_leaves_no_kernel_and_no_trace_and_the_next_run_works(tmp_path):
    wait = (
        "import os, time\nopen('pid{n}', 'w').write(str(os.getpid()))\n"
        "while not os.path.exists('go'):\n    time.sleep(0.1)"
    )
    root = make_course(tmp_path, n00_quick=["1"], n01_a=[wait.format(n=1)], n02_b=[wait.format(n=2)])
    before = {path: path.read_bytes() for path in root.rglob("*.ipynb")}
    command = (
        "from pathlib import Path; from crmlab.course import run; run(jobs=3, update=True, root=Path('.'))"
    )
    process = subprocess.Popen([sys.executable, "-c", command], cwd=root, stderr=subprocess.PIPE)
    pids = [root / "notebooks" / f"pid{n}" for n in (1, 2)]
    end = time.time() + 60
    while not all(path.exists() and path.read_text() for path in pids):
        assert time.time() < end
        time.sleep(0.1)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode != 0
    for path in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(int(path.read_text()), 0)
    assert {path: path.read_bytes() for path in root.rglob("*.ipynb*")} == before
    (root / "notebooks" / "go").touch()
    assert course.run(jobs=3, root=root) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"numbers": ["07"]}, "There is no lesson '07'. Valid: 00."),
        ({"jobs": 0}, "1 or more; it was 0"),
        ({"numbers": ["00"]}, "00_torn.ipynb cannot be read .* git checkout -- notebooks/00_torn.ipynb"),
    ],
)
def test_bad_input_says_what_is_wrong(tmp_path, arguments, message):
    root = make_course(tmp_path, n00_torn=["1"])
    stored(root, "00_torn").write_text('{"cells": [')
    with pytest.raises(ValueError, match=message):
        course.run(**arguments, root=root)


def test_nbval_in_this_repository_compares_figures(tmp_path):
    root = make_course(tmp_path, n00_plot=[BLANK, FIGURE])
    course.run(update=True, root=root)
    text = stored(root, "00_plot").read_text()
    stored(root, "00_plot").write_text(text.replace("color='none'", "color='red'"))
    process = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", "pyproject.toml", "-p", "conftest", "-p", "no:cacheprovider"]
        + [stored(root, "00_plot")],
        cwd=course.ROOT,
        env=os.environ | {"PYTHONPATH": str(course.ROOT)},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 1
    assert "1 failed, 1 passed" in process.stdout and "Figures differ" in process.stdout
