"""The formulas that lessons write out by hand agree with the package. Referee: the stored notebooks."""

import base64

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest

from crmlab import datasets, plot, value
from crmlab._paths import ROOT


def cells(lesson):
    notebook = nbformat.read(ROOT / "notebooks" / f"{lesson}.ipynb", as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def cell_with(lesson, words):
    found = [cell.source for cell in cells(lesson) if words in cell.source]
    assert len(found) == 1, f"{words!r} stands in {len(found)} cells of {lesson}"
    return found[0]


def run(lesson, words, **given):
    """Run the lesson's cell that holds `words`, among the names that it is given, and return all names."""
    names = {"np": np, "pd": pd, "plt": plt, "plot": plot, "value": value, **given}
    exec(cell_with(lesson, words), names)
    plt.close("all")
    return names


@pytest.mark.parametrize("params", [(0.24, 4.4, 0.79, 2.4), (2.0, 15.0, 0.3, 0.5), (0.1, 1.0, 5.0, 9.0)])
def test_lesson_44_writes_down_the_packages_likelihood(params):
    summary = value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30")
    names = {"summary": summary}
    exec("import numpy as np\nfrom scipy.special import betaln, gammaln", names)
    exec(cell_with("44_buy_till_you_die", "def log_likelihood"), names)
    ours = value.BetaGeoNBD(summary).loglike(params)
    assert names["log_likelihood"](np.log(params)) == pytest.approx(ours, rel=1e-11)


def test_the_readmes_figure_is_the_lessons():
    figure = (ROOT / "docs" / "still_a_customer.png").read_bytes()
    stored = [
        base64.b64decode(output.data["image/png"])
        for cell in cells("44_buy_till_you_die")
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    assert figure in stored
