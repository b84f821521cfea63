"""How customers live through the log. Referee: the same company with its orders placed one turn at a time."""

import pytest

from crmlab import company
from crmlab.company import history


@pytest.mark.parametrize(
    "world",
    [company.world(), company.world("clockwork"), company.world(leaving_a=50, leaving_b=0.05),
     company.world(rate_scale=2)],
)  # fmt: skip
def test_placing_many_turns_at_once_changes_nothing(world, monkeypatch):
    found = company.simulate(150, world, rng=3)
    for at_once in (1, 40, 10**6):
        monkeypatch.setattr(history, "_AT_ONCE", at_once)
        other = company.simulate(150, world, rng=3)
        assert (other.hashes() == found.hashes()).all()
        assert other._envelope()["customers"].equals(found._envelope()["customers"])
