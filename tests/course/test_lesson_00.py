"""Lesson 00. Referee: six other companies, for what it says of them and of the dossier that it shows."""

import pytest

from crmlab import company


def earned(firm):
    return firm.orders["margin_cents"].sum() / 100_000  # thousands of dollars


@pytest.mark.slow
def test_what_it_says_of_six_other_companies():
    gains = []
    for seed in range(1, 7):
        tea = company.simulate(rng=seed)
        by_wait = [earned(tea.do(complaint_response_days=wait)) for wait in (0, 1, 2, 4, 7, 14)]
        assert by_wait == sorted(by_wait, reverse=True)
        gains.append(by_wait[1] - earned(tea))
        groups = tea.complaints.groupby("customer_id").size().clip(upper=3)
        bought = tea.orders.groupby("customer_id").size()
        mean = bought.groupby(groups.reindex(bought.index, fill_value=0)).mean()
        assert mean.is_monotonic_increasing  # the more complaints, the more orders
    assert min(gains) > 16.5 and max(gains) < 52.5


def test_the_customer_whom_it_shows_left_after_a_slow_answer():
    tea = company.simulate()
    hers = tea.complaints[tea.complaints["customer_id"] == 1678]
    assert (hers["first_response_on"] - hers["opened_on"]).dt.days.tolist() == [14]
    assert (tea.orders["customer_id"] == 1678).sum() == 2
    assert (tea.do(complaint_response_days=1).orders["customer_id"] == 1678).sum() == 14
    assert not tea._truth["customers"].set_index("customer_id").loc[1678, "alive"]
