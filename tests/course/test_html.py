"""What notebooks and pages show. Referee: Python's own parser of HTML, which tells tags from text."""

import ast
import re
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from crmlab import company, datasets, practice, replicate, value
from crmlab._html import Sheet, render, shown
from crmlab.grading import report
from crmlab.grading.marks import COLUMNS
from crmlab.grading.term import Term
from tests.course.test_house import MODULES

HOSTILE = (
    """</td></script><script>alert('1')</script><img src=x onerror="alert(2)"> {{ 7 * 7 }} {% x %} & "'`a`"""
)
TAGS = {"a", "b", "br", "code", "div", "h1", "h2", "h3", "h4", "li", "p", "small", "ul"}
TAGS |= {"table", "tbody", "td", "th", "thead", "tr"}
PAGE_TAGS = TAGS | {"body", "head", "html", "meta", "style", "title"}
PAGE_TAGS |= {"blockquote", "details", "pre", "summary"}
LONG = "a sentence that is longer than fifty characters, so that pandas would have cut it somewhere here"


class Parsed(HTMLParser):
    """The text of a page, its tags, and the styles of its cells by what stands in them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.tags, self.attributes, self.cells = "", set(), set(), {}
        self._style = ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}
        if tag in ("td", "th"):
            self._style = dict(attributes).get("style", "")

    def handle_data(self, data):
        self.text += data
        if data.strip():
            self.cells[data.strip()] = self._style


def question_table():
    row = {"title": HOSTILE, "tries": 1, "outcome": "right", "hint": True, "solution": False}
    return pd.DataFrame([row], index=pd.Index([HOSTILE], name="question"))


def write_marks(folder):
    """Write the pages of a marking, with a text to read and a mark by hand."""
    questions = {"T1.1": practice.Number(), "T1.2": practice.Text({HOSTILE: 1})}
    asked = {number: SimpleNamespace(form=form) for number, form in questions.items()}
    row = {"exercise": "T1", "question": "T1.1", "title": HOSTILE}
    row |= {"mark": 0.5, "outcome": "mistake", "mistake": "slip", "reason": HOSTILE}
    text = row | {"question": "T1.2", "mark": np.nan, "outcome": "unmarked", "mistake": ""}
    result = {"exercise": "T1", "errors": {"3": HOSTILE}, "note": HOSTILE, "cpu_seconds": 1.0}
    result |= {"rows": [row, text], "texts": {"T1.2": HOSTILE}, "handed_in": "", "submitted": True}
    result |= {"answers": {"T1.1": "a"}, "rights": {"T1.1": "b"}}
    results = [result | {"student": name} for name in ("s1", "s2")]
    by_hand = pd.DataFrame({"student": ["s1"], "question": "T1.1", "mark": 1, "comment": HOSTILE})
    by_hand.to_csv(folder / "overrides.csv", index=False)
    students = {name: {"name": HOSTILE} for name in ("s1", "s2")}
    term = Term(folder, students, [SimpleNamespace(name="T1", questions=asked)])
    report.write(folder, term.marks(results, [*COLUMNS]), results, term)


def pages(tmp_path):
    """Return every page that a notebook or an instructor is shown, with hostile text wherever text can be."""
    card = datasets.card("donations")
    columns = card.columns.assign(meaning=HOSTILE, column=HOSTILE, unit=HOSTILE)
    texts = dict.fromkeys(
        ("title", "description", "one_row", "licence", "not_known", "source", "paper"), HOSTILE
    )
    tea = company.simulate(30, replace(company.world(), name=HOSTILE))
    model = value.BetaGeoBetaBinomial(datasets.load("donations"), weights="donors")
    model.title, model.remarks = HOSTILE, (HOSTILE,)
    board = replicate.scoreboard(["pfeifer_carraway_2000"])
    board["quantity"] = board["citation"] = board["where"] = HOSTILE
    write_marks(tmp_path)
    names = ("task", "wanted", "hint", "solution", "why")
    answers = dict.fromkeys(names, HOSTILE) | {"wrong": {HOSTILE: HOSTILE}, "right": {HOSTILE: HOSTILE}}
    return {
        "card": replace(card, columns=columns, doi=HOSTILE, is_not=(HOSTILE,), **texts)._repr_html_(),
        "company": tea._repr_html_(),
        "results": model.fit()._repr_html_(),
        "given": practice.Given({"shop": HOSTILE, "log": pd.DataFrame({HOSTILE: [1]})})._repr_html_(),
        "right": practice.Verdict("right", HOSTILE, 1.0)._repr_html_(),
        "verdict": practice.Verdict("mistake", HOSTILE, 0.4, HOSTILE)._repr_html_(),
        "progress": practice.Progress(
            question_table(), pd.DataFrame(columns=["inside"]), question_table()
        )._repr_html_(),
        "sheet": Sheet({HOSTILE: [HOSTILE]}, index=[HOSTILE])._repr_html_(),
        "scoreboard": board._repr_html_(),
        "feedback": (tmp_path / "feedback" / "s1.html").read_text(encoding="utf-8"),
        "summary": (tmp_path / "summary.html").read_text(encoding="utf-8"),
        "texts": (tmp_path / "texts.html").read_text(encoding="utf-8"),
        "answers": render(
            "answers.html", title=HOSTILE, first=HOSTILE, exercises=[(HOSTILE, HOSTILE, [answers])]
        ),
    }


def test_hostile_text_stays_text_on_every_page(tmp_path):
    for name, page in pages(tmp_path).items():
        parsed = Parsed(page)
        assert parsed.tags <= (PAGE_TAGS if page.startswith("<!doctype") else TAGS), name
        assert parsed.attributes <= {"style", "class", "href", "lang", "charset", "name", "content"}, name
        assert HOSTILE.replace("`", "") in parsed.text.replace("`", ""), name
        assert all(link.startswith("https://doi.org/") for link in re.findall(r'href="([^"]*)"', page)), name


def test_no_page_is_pasted_together_in_python():
    markup = re.compile(r"</?(a|b|br|code|div|h\d|li|p|script|small|span|style|table|t[dhr]|ul)\b[^>]*>")
    for path in MODULES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docstrings = {
            ast.get_docstring(node, clean=False)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        }
        for node in ast.walk(tree):
            text = node.value if isinstance(node, ast.Constant) else ""
            if isinstance(text, str) and text not in docstrings:
                assert not markup.search(text), f"{path}, line {node.lineno}: {text}"
            assert not (isinstance(node, ast.Attribute) and node.attr == "to_html"), path


def test_no_text_is_cut_and_no_word_is_broken():
    table = Sheet({"what": [LONG, "short"], "rows": [1_234_567, 2]})
    for page in (
        table._repr_html_(),
        datasets.catalogue()._repr_html_(),
        company.simulate(20).card()._repr_html_(),
    ):
        assert "..." not in page and "…" not in page
        assert not re.search(r"word-break:\s*break|overflow-wrap:\s*(anywhere|break-word)", page)
    parsed = Parsed(table._repr_html_())
    assert "text-align:left" in parsed.cells[LONG] and "text-align:left" in parsed.cells["what"]
    assert "text-align:right" in parsed.cells["1,234,567"] and "text-align:right" in parsed.cells["rows"]
    assert all("overflow-wrap:normal;word-break:normal" in style for style in parsed.cells.values())


def test_tables_are_shown_whole():
    rows = Parsed(Sheet({"n": range(200)})._repr_html_())
    assert {str(number) for number in range(200)} <= set(rows.cells)
    cards = Parsed(datasets.catalogue()._repr_html_())
    assert {paper.strip() for paper in datasets.catalogue()["paper"]} <= set(cards.cells)


@pytest.mark.parametrize(
    ("written", "value", "name"),
    [
        ("12,345", 12_345, "rows"),
        ("12,345", np.int64(12_345), "rows"),
        ("12345", 12_345, "customer_id"),
        ("2024", 2024, "year"),
        ("1,235", 1234.56, ""),
        ("-1,234,568", -1234567.8, ""),
        ("0.25", 0.25, ""),
        ("0.3333", 1 / 3, ""),
        ("999.5", 999.5, ""),
        ("0", 0.0, ""),
        ("inf", float("inf"), ""),
        ("yes", True, ""),
        ("no", np.False_, ""),
        ("", None, ""),
        ("", float("nan"), ""),
        ("", np.float64("nan"), ""),
        ("", pd.NaT, ""),
        ("", pd.NA, ""),
        ("2024-02-29", pd.Timestamp("2024-02-29"), ""),
        ("2024-02-29 12:30:00", pd.Timestamp("2024-02-29 12:30"), ""),
        ("['a', 'b']", ["a", "b"], ""),
    ],
)
def test_values_are_written_as_people_write_them(written, value, name):
    assert shown(value, name) == written


def test_what_is_made_from_a_sheet_is_a_plain_table():
    sheet = Sheet({"a": [1, 2], "b": ["x", "y"]})
    assert type(sheet[["a"]]) is type(sheet.query("a == 1")) is type(sheet.assign(c=1)) is pd.DataFrame
    pd.testing.assert_frame_equal(pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), pd.DataFrame(sheet))


def test_company_card_counts_its_tables_and_names_its_levers():
    tea = company.simulate(1500).do(complaint_response_days=1)
    parsed = Parsed(tea._repr_html_())
    assert "A company of 1,500 customers" in parsed.text
    assert "complaint_response_days = 1" in parsed.text
    assert f"{len(tea.orders):,}" in parsed.cells and set(tea.tables) <= set(parsed.cells)


def test_results_show_what_the_summary_says():
    fit = value.BetaGeoBetaBinomial(datasets.load("donations"), weights="donors").fit()
    parsed = Parsed(fit._repr_html_())
    assert f"observations 11,104 · log-likelihood {fit.llf:,.1f}" in parsed.text
    assert {f"{number:.4g}" for number in fit.params} <= set(parsed.cells)
    assert {f"{number:.4g}" for number in fit.conf_int()[1]} <= set(parsed.cells)


def test_a_verdict_never_speaks_by_its_colour_alone():
    for outcome, sign in {"right": "✓", "mistake": "Not yet.", "wrong": "Not yet."}.items():
        assert sign in practice.Verdict(outcome, "As it is.", 0.0)._repr_html_()
    assert "<code>low</code>" in practice.Verdict("type", "Wanted: `low`.")._repr_html_()
    assert "Mark: 40%" in practice.Verdict("wrong", "Worth 0.4.", 0.4)._repr_html_()


def test_what_stands_between_stars_is_emphasised_and_a_product_is_not():
    said = practice.Verdict(
        "wrong", "Look *before*, at **all** of `a*b`: 2*3*4 and f(*args) * 2."
    )._repr_html_()
    assert "<em>before</em>" in said and "<em>all</em>" in said and "<code>a*b</code>" in said
    assert "2*3*4 and f(*args) * 2." in said


def test_given_things_are_told_in_words_and_numbers():
    held = {
        "log": pd.DataFrame({"id": range(1200), "day": 1}),
        "budget": 25_000,
        "rate": 1234.56789,
        "end": pd.Timestamp("2025-06-30"),
    }
    text = re.sub(r"\s+", " ", Parsed(practice.Given(held)._repr_html_()).text)
    assert "logtable of 1,200 rows: id, day" in text
    assert "budget25,000" in text and "rate1,234.56789" in text and "end30 June 2025" in text


def test_scoreboard_is_shown_case_by_case_and_a_part_of_it_as_a_table():
    board = replicate.scoreboard(["pfeifer_carraway_2000", "gupta_lehmann_stuart_2004"])
    page = board._repr_html_()
    assert page.count("<h4") == 2 and "unexpected" in page
    board["own"] = 1
    del board["where"]
    assert "<h4" not in board._repr_html_() and "own" in board._repr_html_()
