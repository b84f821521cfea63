"""For every test: the kernels' environment, figures off the screen, and nbval's blind spot closed."""

import os

import matplotlib
import matplotlib.pyplot as plt
import pytest
from nbval.plugin import IPyNbCell

from crmlab.course import figure_difference, kernel_environment

# Before any test: the kernels that nbval starts inherit this process's environment.
os.environ.pop("MPLBACKEND", None)
os.environ.update(kernel_environment())
matplotlib.use("agg")


@pytest.fixture(autouse=True)
def no_figure_stays_open():
    """Close what a test has drawn, for matplotlib warns when there are more than twenty."""
    yield
    plt.close("all")


@pytest.fixture(autouse=True)
def desk(tmp_path_factory, monkeypatch):
    """Give each test an empty desk, so that nobody's own progress is touched."""
    from crmlab.practice import copies

    folder = tmp_path_factory.mktemp("desk")
    monkeypatch.setattr(copies, "FOLDER", folder / "my_course")
    monkeypatch.setattr(copies, "OLD", folder / "notebooks" / "practice")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item):
    """Compare a cell's figures with the stored ones as soon as nbval has run it and compared its text."""
    result = yield
    if isinstance(item, IPyNbCell) and item.options["check"]:
        difference = figure_difference(item.cell.outputs, item.test_outputs)
        if difference:
            item.raise_cell_error("Figures differ", difference)
    return result
