"""What lessons of part 4 conclude from one company holds in six others. Referee: their cells."""

import matplotlib.pyplot as plt
import pytest

from crmlab import company
from tests.value.test_lessons import cells

pytestmark = pytest.mark.slow


@pytest.fixture(params=[7, 1, 2, 3, 4, 5, 6])
def play(request, monkeypatch):
    """Return a function that runs a lesson's cells on another company, from one that holds `words` on."""
    simulate, names = company.simulate, {}
    monkeypatch.setattr(company, "simulate", lambda: simulate(rng=request.param))

    def run(lesson, words="import", without="no such words"):
        code = [cell.source for cell in cells(lesson)]
        start = next(number for number, source in enumerate(code) if words in source)
        for source in [code[0], *code[max(start, 1) :]]:
            if without not in source:
                exec(source, names)
                plt.close("all")
        return names

    return run
