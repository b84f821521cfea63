"""The pattern of a lesson, for each marked ``pattern = true``. Referee: the rules in CONTRIBUTING.md."""

import re
from statistics import median

import nbformat
import pytest

from crmlab import course

LESSONS = course.lessons()
FOLDER = course.ROOT / "notebooks"
FOLD = re.compile(r"<details>.*?</details>", re.DOTALL)


def words(text: str) -> int:
    return len(re.findall(r"[^\W_]+(?:['’.,/-][^\W_]+)*", text))


def prose(text: str) -> str:
    """Leave out what is not read as running text: folds, tables, displayed formulas, fenced code."""
    text = re.sub(r"```.*?```|\$\$.*?\$\$", "", FOLD.sub("", text), flags=re.DOTALL)
    return "\n".join(line for line in text.splitlines() if not line.startswith("|"))


def paragraphs(text: str) -> list[str]:
    """Split running text; a heading is none, and each point of a list is one of its own."""
    blocks = re.split(r"\n\s*\n|\n(?=[-*] |\d+\. )", prose(text))
    return [block.strip() for block in blocks if block.strip() and not block.lstrip().startswith("#")]


def numerals(text: str) -> list[str]:
    """Return the numbers in a text, without code, addresses, lesson numbers, years and counts up to ten."""
    text = re.sub(r"`[^`]*`|\]\([^)]*\)|\$[^$]+\$|\*\*Checkpoint \d+\.\*\*", " ", text)
    text = re.sub(r"\b([Ll]essons?|[Cc]hapters?) \d\d(,? (and|to) \d\d|, \d\d)*", " ", text)
    found = [one.replace(",", "") for one in re.findall(r"(?<![\w.])\d*\.?\d[\d,]*(?:\.\d+)?(?!\w)", text)]
    found = [one.rstrip(".") for one in found]
    return [one for one in found if not re.fullmatch(r"(19|20)\d\d|\d|10", one)]


def is_shown(numeral: str, shown: list[float]) -> bool:
    """Say whether a number of the text is one of those shown, as it stands, in per cent, or rounded."""
    places = len(numeral.partition(".")[2])
    value = float(numeral)
    return any(
        abs(value - abs(one) * scale) <= 0.5000001 * 10**-places for one in shown for scale in (1, 100, 0.01)
    )


def shown_by(cell) -> list[float]:
    data = [(output.get("data", {}), output) for output in cell.outputs]
    shown = [shows.get("text/plain", "") or output.get("text", "") for shows, output in data]
    found = re.findall(r"\d[\d,]*\.?\d*(?:e[+-]?\d+)?", "\n".join(shown))
    return [float(one.replace(",", "")) for one in found]


class Parts:
    """A lesson's notebook, cut into opening, body and closing."""

    def __init__(self, lesson: course.Lesson) -> None:
        self.lesson = lesson
        self.cells = nbformat.read(FOLDER / f"{lesson.name}.ipynb", as_version=4).cells
        self.code = [cell for cell in self.cells if cell.cell_type == "code"]
        first = next(number for number, cell in enumerate(self.cells) if cell.cell_type == "code")
        last = next(number for number, cell in enumerate(self.cells) if "## Key ideas" in cell.source)
        self.opening, self.body = self.cells[:first], self.cells[first:last]
        before = self.cells[last].source.partition("## Key ideas")[0]
        self.body = [*self.body, nbformat.v4.new_markdown_cell(before)]

    def text(self, cells=None) -> str:
        chosen = self.cells if cells is None else cells
        return "\n\n".join(cell.source for cell in chosen if cell.cell_type == "markdown")


@pytest.fixture(
    scope="module", params=[one for one in LESSONS if one.pattern], ids=lambda lesson: lesson.name
)
def parts(request):
    return Parts(request.param)


# ---- short steps


def test_code_cells_are_short(parts):
    lengths = [len(cell.source.splitlines()) for cell in parts.code]
    assert [cell.source for cell in parts.code if len(cell.source.splitlines()) > 12] == []
    assert median(lengths) <= 5


def test_a_code_cell_has_one_result_and_it_is_no_bare_tuple(parts):
    assert [cell.source for cell in parts.code if len(cell.outputs) > 1] == []
    shown = [
        output.data.get("text/plain", "")
        for cell in parts.code
        for output in cell.outputs
        if "data" in output
    ]
    assert [text for text in shown if text.startswith("(") or text.startswith("np.")] == []


def test_length_of_the_lesson_of_its_paragraphs_and_of_what_stands_between_two_cells(parts):
    assert 1_800 <= words(prose(parts.text(parts.body))) <= 3_000
    every = paragraphs(parts.text())
    assert [(words(one), one) for one in every if words(one) > 80] == []
    between, long = "", []
    for cell in parts.body:
        if cell.cell_type == "markdown":
            between += f"\n\n{cell.source}"
        else:
            long += [between] if words(prose(between)) > 120 else []
            between = ""
    assert [(words(prose(text)), text) for text in long] == []


def test_folds_are_short(parts):
    assert sum(map(words, FOLD.findall(parts.text()))) <= 1_200


def test_numbers_in_a_paragraph_stand_in_the_output_above_it_or_were_told_before(parts):
    told, above, outputs_are_new, strange = set(), [], False, []
    for cell in parts.body:
        if cell.cell_type == "code":
            above = shown_by(cell) if outputs_are_new else above + shown_by(cell)
            outputs_are_new = False
            continue
        outputs_are_new = True
        for paragraph in paragraphs(cell.source):
            new = [one for one in numerals(paragraph) if one not in told and not is_shown(one, above)]
            strange += [(new, paragraph)] if len(new) > 3 else []
            told.update(numerals(paragraph))
        told.update(numerals("\n".join(line for line in cell.source.splitlines() if line.startswith("|"))))
    assert strange == []


def test_there_are_pictures(parts):
    assert sum(len(course.figures(cell.outputs)) for cell in parts.code) >= 6


# ---- words


def in_text(term: str, text: str) -> re.Match[str] | None:
    return re.search(rf"(?<![\w-]){re.escape(term)}(e?s)?(?![\w-])", text, flags=re.IGNORECASE)


def running(text: str) -> str:
    """Return the text without headings, code and titles of books."""
    text = re.sub(
        r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]+\$|^#[^\n]*$", " ", text, flags=re.DOTALL | re.MULTILINE
    )
    return re.sub(r"(?s)doi:.*?(?=\n\n|$)", " ", text)


def test_each_term_is_in_bold_where_it_first_stands(parts):
    text = running(parts.text(parts.body))
    for term in parts.lesson.terms:
        found = in_text(term.english, text)
        assert found, f"{term.english} is listed and not used"
        bold = rf"\*\*[^*]*{re.escape(found[0])}[^*]*\*\*"
        assert re.search(bold, text[max(0, found.start() - 60) : found.end() + 60]), term.english
        assert term.chinese in text, term.english


def known_to(number: str) -> set[str]:
    """Return the numbers of a lesson and of all its prerequisites."""
    lesson = next(one for one in LESSONS if one.number == number)
    return {number}.union(*map(known_to, lesson.prerequisites))


def test_no_term_is_used_before_the_lesson_that_explains_it_unless_it_is_linked(parts):
    text = parts.text()
    text = running(text.split("## Further reading")[0] + text.partition("## Exercises")[2])
    text = re.sub(r"\[[^\]]*\]\([^)]*(glossary\.md|\.ipynb)[^)]*\)", " ", text)
    known = known_to(parts.lesson.number)
    foreign = [(term.english, one.number) for one in LESSONS if one.number not in known for term in one.terms]
    assert [(term, home) for term, home in foreign if in_text(term, text)] == []


def test_links_lead_somewhere(parts):
    for link in re.findall(r"\]\(([^)]+)\)", parts.text()):
        assert link.startswith("http") or (FOLDER / link.partition("#")[0]).is_file(), link


def test_no_private_money_sign(parts):
    assert "US$" not in parts.text() and r"\$" not in parts.text()


# ---- what a lesson has


def test_checkpoints_have_a_folded_answer(parts):
    begin = r"\*\*Checkpoint (\d)\.\*\*"
    checkpoints = re.findall(rf"{begin}(.*?)(?={begin}|\Z)", parts.text(), flags=re.DOTALL)
    assert [int(number) for number, *_ in checkpoints] == list(range(1, len(checkpoints) + 1))
    assert 3 <= len(checkpoints) <= 5
    answer = re.compile(r"[^#]*?<details><summary>Answer</summary>\n\n.+?\n\n</details>", flags=re.DOTALL)
    for _, text, _ in checkpoints:
        assert answer.match(text), text


def test_bet_and_envelope_lie_in_separate_cells(parts):
    for cell in parts.code:
        assert not (".commit(" in cell.source and ".open_envelope(" in cell.source), cell.source


def test_opening_tells_minutes_of_practice_and_prerequisites(parts):
    opening = parts.text(parts.opening)
    assert f"practice {parts.lesson.practice_minutes} minutes" in opening
    named = re.search(r"prerequisites: ([^·]*)", opening)
    assert named and set(re.findall(r"\b\d\d\b", named[1])) == set(parts.lesson.prerequisites)


# ---- the list of lessons


def test_terms_have_one_home_each_and_prerequisites_come_before():
    terms = [term.english.casefold() for lesson in LESSONS for term in lesson.terms]
    assert len(terms) == len(set(terms))
    for lesson in LESSONS:
        assert all(number < lesson.number for number in lesson.prerequisites)
        assert all(all(term) for term in lesson.terms)


# ---- the tests themselves: what they let through and what they find


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("12 of 37.6 % and 1,234.5 dollars.", ["12", "37.6", "1234.5"]),
        ("Lesson 44, in 1997, three of 10, `x = 55`, and lessons 41 and 45.", []),
        (".204 against .153.", [".204", ".153"]),
    ],
)
def test_numerals_are_found(text, wanted):
    assert numerals(text) == wanted


@pytest.mark.parametrize(
    ("numeral", "wanted"), [("37.6", True), ("38", True), (".376", True), ("37.7", False)]
)
def test_a_rounded_number_is_one_that_was_shown(numeral, wanted):
    assert is_shown(numeral, [0.37621]) == wanted


def test_paragraphs_leave_out_folds_tables_and_headings():
    fold = "<details><summary>A</summary>\n\nfive\n\n</details>"
    text = f"# Title\n\nOne two.\n\n| a | b |\n|---|---|\n\n- three\n- four\n\n{fold}"
    assert paragraphs(text) == ["One two.", "- three", "- four"]
