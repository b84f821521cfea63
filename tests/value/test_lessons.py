"""The formulas that lessons write out by hand agree with the package. Referee: the stored notebooks."""

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd

from crmlab import plot, value
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
