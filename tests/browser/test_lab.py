"""Lessons as they look in JupyterLab. Referees: Chromium's layout, and the formulas in the source.

A formula is what Pandoc takes for one: two dollar signs with no space inside them and no digit after the
second, neither of them escaped.
"""

import json
import re

import nbformat
import pytest

from crmlab import course, practice
from crmlab.practice.copies import _mark

pytestmark = pytest.mark.browser

FIRST = course.lessons()[0].name
OPENED = [lesson.name for lesson in course.lessons()] + [f"practice/{practice.names()[-1]}_practice"]
CODE = re.compile(r"^ *```.*?^ *```|`[^`\n]+`", re.DOTALL | re.MULTILINE)
FORMULA = re.compile(
    r"(?<!\\)\$\$.+?(?<!\\)\$\$|(?<![\\$])\$(?![\s$])(?:(?!\n\n)[^$])*?(?<![\s\\])\$(?![\d$])", re.DOTALL
)

OPEN = """
async path => {
  const app = window.jupyterapp;
  const panel = await app.commands.execute('docmanager:open', {path});
  await panel.context.ready;
  await panel.sessionContext.ready;
  await panel.revealed;
  app.shell.activateById(panel.id);
}
"""

PATH = "() => window.jupyterapp.shell.currentWidget.context.path"

OPEN_PAGE = "async path => { await window.jupyterapp.commands.execute('docmanager:open', {path}); }"

# Cells are drawn when they come into view, so each is brought there twice: once to be drawn, and, when the
# formulas (which come later) are all there, once to be measured.
LOOK = """
async () => {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  const pause = time => new Promise(done => setTimeout(done, time));
  const formulas = () => notebook.widgets.map(cell => cell.node.querySelectorAll('mjx-container').length);
  const show = async index => {
    await notebook.scrollToItem(index, 'start');
    const cell = notebook.widgets[index];
    await cell.ready;
    for (let turn = 0; turn < 100 && !cell.node.isConnected; turn++) await pause(20);
    await pause(40);
    return cell;
  };
  for (let index = 0; index < notebook.widgets.length; index++) {
    const cell = await show(index);
    cell.node.querySelectorAll('details').forEach(fold => { fold.open = true; });
  }
  for (let before = '', same = 0; same < 5; ) {
    await pause(200);
    const now = formulas().join();
    same = now === before ? same + 1 : 0;
    before = now;
  }
  const wide = [];
  const broken = [];
  for (let index = 0; index < notebook.widgets.length; index++) {
    const cell = await show(index);
    for (const box of cell.node.querySelectorAll('.jp-MarkdownOutput, .jp-OutputArea-output, .cm-scroller')) {
      const edge = box.getBoundingClientRect().right;
      const within = [...box.querySelectorAll('*')].filter(one =>
        !one.closest('mjx-assistive-mml') && !one.closest('.cm-scroller') || one === box);
      const over = within.filter(one => one.getBoundingClientRect().right > edge + 1);
      if (box.scrollWidth > box.clientWidth + 1 || over.length) {
        const what = over.length ? over[0] : box;
        const text = what.textContent.trim().replace(/\\s+/g, ' ').slice(0, 60);
        wide.push(`cell ${index}: ${what.tagName} ${text}`);
      }
    }
    for (const image of cell.node.querySelectorAll('img')) {
      if (!image.complete) await image.decode().catch(() => null);
      if (!image.naturalWidth) broken.push(`cell ${index}: ${image.alt}`);
    }
    cell.node.querySelectorAll('mjx-merror, [data-mjx-error]').forEach(one =>
      broken.push(`cell ${index}: formula ${one.textContent}`));
  }
  return {
    formulas: formulas(), wide, broken,
    pictures: notebook.widgets.map(cell => cell.node.querySelectorAll('.jp-OutputArea-output img').length),
  };
}
"""

RUN = """
async () => {
  const {commands} = window.jupyterapp;
  await commands.execute('notebook:run-all-cells');
}
"""

# Nothing is closed: JupyterLab complains of a notebook that goes while it still talks to its kernel.
SAVE = "async () => { await window.jupyterapp.shell.currentWidget.context.save(); }"


def ask(page, script, argument=None, seconds=180):
    """Carry out a script in the page and return what it returns; end what waits for ever."""
    race = """([script, argument, limit]) => Promise.race([eval(script)(argument),
        new Promise((done, fail) => setTimeout(() => fail(new Error(`no answer: ${script}`)), limit))])"""
    return page.evaluate(race, [script, argument, 1000 * seconds])


def expected_formulas(cell):
    """Return how many formulas a cell means: its text, or what it puts out as Markdown."""
    texts = [cell.source] if cell.cell_type == "markdown" else []
    for output in cell.get("outputs", []):
        texts.append(output.get("data", {}).get("text/markdown", ""))
    return sum(len(FORMULA.findall(CODE.sub("", text))) for text in texts)


def stored(lab, name):
    return nbformat.read(lab.clone / "my_course" / f"{name}.ipynb", as_version=4)


def faults(notebook, found):
    """Return what is not as it should be: formulas that the source does not mean, width, pictures."""
    unmeant = [
        f"cell {number}: {count} formulas, {expected_formulas(cell)} meant: {cell.source[:80]}"
        for number, (cell, count) in enumerate(zip(notebook.cells, found["formulas"], strict=True))
        if count != expected_formulas(cell)
    ]
    # where a text is empty, JupyterLab puts one of its own, which has a formula
    unmeant += [f"cell {number}: empty" for number, cell in enumerate(notebook.cells) if not cell.source]
    return unmeant + [f"wider than its column: {one}" for one in found["wide"]] + found["broken"]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("$a$ and $b$, $x_{1}$-th", 3),
        ("$$\na\n$$ and\n\n$c$", 2),
        ("\\$5 and \\$7, $5 and $7, $ 5 $, US$5", 0),
        ("`$a$` and\n```\n$b$ $c$\n```\nand $d$", 1),
    ],
)
def test_a_formula_in_the_source_is_known_from_money(text, count):
    assert expected_formulas(nbformat.v4.new_markdown_cell(text)) == count


def test_it_opens_at_the_first_lesson_without_launcher_news_or_question(page, lab, complaints):
    page.wait_for_selector(".jp-NotebookPanel .jp-MarkdownOutput")
    page.wait_for_timeout(3000)
    assert ask(page, PATH) == f"my_course/{FIRST}.ipynb"
    for unwanted in (".jp-Launcher", ".Toastify__toast", ".jp-Dialog"):
        assert page.locator(unwanted).count() == 0, unwanted
    assert complaints == []


@pytest.mark.parametrize("name", OPENED)
def test_it_reads_as_it_was_meant(page, lab, complaints, name):
    ask(page, OPEN, f"my_course/{name}.ipynb")
    found = ask(page, LOOK)
    ask(page, SAVE)
    wrong = faults(stored(lab, name), found) + complaints
    assert not wrong, "\n".join(wrong)
    assert lab.git_status() == ""


def test_a_link_leads_to_practice_and_a_page_of_docs_is_shown_and_not_its_source(page, lab, complaints):
    ask(page, OPEN, f"my_course/{FIRST}.ipynb")
    ask(page, LOOK)
    page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) a[href*='_practice.ipynb']").click()
    page.wait_for_function(
        "path => window.jupyterapp.shell.currentWidget.context.path === path",
        arg=f"my_course/practice/{FIRST}_practice.ipynb",
    )
    ask(page, OPEN_PAGE, "docs/grading.md")
    page.wait_for_selector(".jp-MarkdownViewer h1")
    assert complaints == []


def test_a_lesson_runs_to_its_end_and_draws_every_figure(page, lab, complaints):
    ask(page, OPEN, f"my_course/{FIRST}.ipynb")
    ask(page, RUN)
    found = ask(page, LOOK)
    ask(page, SAVE)
    notebook = stored(lab, FIRST)
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    figures = [len(course.figures(cell.get("outputs", []))) for cell in notebook.cells]
    committed = nbformat.read(lab.clone / "notebooks" / f"{FIRST}.ipynb", as_version=4)
    meant = [len(course.figures(cell.get("outputs", []))) for cell in committed.cells]
    assert figures == found["pictures"] == [*meant, 0]
    for cell in code:
        if "raises-exception" not in cell.metadata.get("tags", []):
            assert [output for output in cell.outputs if output.output_type == "error"] == []
    wrong = faults(notebook, found) + complaints
    assert not wrong, "\n".join(wrong)
    assert lab.git_status() == ""
    # run and saved, but nothing written: the next version of the lesson may take its place
    held = json.loads((lab.clone / "my_course" / f"{FIRST}.ipynb").read_text())
    assert held["metadata"]["crmlab"]["cells"] == _mark(held)
