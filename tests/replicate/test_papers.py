"""The published results themselves. Referee: the papers, as cited row by row; a fit at its own estimates."""

import re
from pathlib import Path

import pytest

from crmlab import datasets, replicate, value
from crmlab._paths import ROOT
from crmlab.replicate.papers import results_at

CASES = replicate.cases()["case"].tolist()


@pytest.mark.parametrize("name", CASES)
def test_no_verdict_of_the_paper_is_unexpected(name):
    board = replicate.scoreboard([name])
    surprises = board[replicate.unexpected(board)]
    assert surprises.empty, surprises[["quantity", "published", "ours", "where"]].to_string()
    assert not board["quantity"].duplicated().any()
    assert board["citation"].str.contains(r"doi:10\.\d{4,}/|www\.|https://").all()


def test_every_case_stands_in_a_file_of_its_name():
    files = {file.stem for file in Path(replicate.__file__).parent.glob("papers/[!_]*.py")}
    assert files == set(CASES)


def test_the_scoreboard_holds_what_was_promised(capsys, tmp_path):
    file = tmp_path / "board.json"
    assert replicate.main(json=file) == 0
    found = re.search(
        r"(\d+) rows: (\d+) hold, (\d+) differ as expected, 0 unexpected", capsys.readouterr().out
    )
    rows, hold, differ = map(int, found.groups())
    assert rows == hold + differ >= 140


def test_the_stored_page_is_the_scoreboard_of_today():
    """Renewed with: crmlab replicate --page docs/scoreboard.md."""
    assert (ROOT / "docs" / "scoreboard.md").read_text(encoding="utf-8") == replicate.page()


def test_results_at_the_estimates_are_those_of_the_fit_without_standard_errors():
    model = value.ShiftedBetaGeometric(
        datasets.load("sbg_retention").query("segment == 'Regular'")["survivors_percent"]
    )
    fit = model.fit()
    given = results_at(model, fit.params)
    assert given.llf == pytest.approx(fit.llf, rel=1e-12)
    assert given.survival([1, 12]).equals(fit.survival([1, 12]))
    assert given.bse.isna().all()
    assert results_at(model, fit.params + 0.1).llf < fit.llf
