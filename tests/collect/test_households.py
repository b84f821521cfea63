"""Households. Referee: who truly lives together in the simulated company, and small cases by hand."""

import pandas as pd
import polars as pl
import pytest

from crmlab import collect, company


def test_people_who_live_together_are_found_and_firms_are_not_taken_for_households():
    tea = company.simulate()
    people = tea.people.set_index("person_id")
    found = collect.households(people)
    customer = tea._truth["customers"].set_index("customer_id")
    home = people["customer_id"].map(customer["household_id"])
    firm = people["customer_id"].map(tea.customers.set_index("customer_id")["kind"]) == "firm"
    assert (found["kind"][firm] == "household").mean() < 0.01
    together = home[~firm].map(home[~firm].value_counts()) > 1
    called = found["kind"][~firm] == "household"
    assert (called & together).sum() / together.sum() > 0.98
    assert (called & together).sum() / called.sum() > 0.85  # strangers share the small houses


def test_kinds_by_hand():
    rows = {
        "a": ("1 Tea Lane", "x@post"), "b": ("1, TEA lane ", "y@post"), "c": ("９ Quay", "z@post"),
        "d": ("9 quay", None), "e": ("2 Pier", "p@firm"), "f": ("2 Pier", "q@firm"), "g": ("", "r@post"),
        "h": ("3 Hill", "s@post"), "i": ("4 Hill", "t@post"),
    }  # fmt: skip
    rows |= {f"n{one}": ("8 Tower", None) for one in range(7)}
    found = collect.households(pd.DataFrame.from_dict(rows, "index", columns=["address", "mail"]))
    assert found["kind"].to_dict() == {
        **dict.fromkeys("abcd", "household"), **dict.fromkeys("ef", "firm"), "g": "no address",
        **dict.fromkeys("hi", "alone"), **{f"n{one}": "building" for one in range(7)},
    }  # fmt: skip
    assert found.loc["b", ["household", "members"]].tolist() == ["a", 2]


def test_bad_input_is_named():
    table = pd.DataFrame({"address": ["a", "b"], "mail": None}, index=[1, 1])
    with pytest.raises(ValueError, match="missing or there before"):
        collect.households(table)
    with pytest.raises(ValueError, match="no column 'mail'"):
        collect.households(table[["address"]])
    for mixed in ([1, "1"], pd.MultiIndex.from_tuples([(1, 1), (1, 2)])):
        with pytest.raises(ValueError, match="numbers or texts, not both"):
            collect.households(table.set_axis(mixed))
    with pytest.raises(ValueError, match="no text"):
        collect.households(pd.DataFrame({"address": [1, 2], "mail": None}))


def test_ids_of_eighteen_digits_are_kept_to_the_last():
    ids = [2**60 + 3, 2**60 + 1, 2**60 + 5]
    found = collect.households(pd.DataFrame({"address": ["a", "A", None], "mail": None}, index=ids))
    assert found["household"].tolist()[:2] == [2**60 + 1] * 2 and found["household"].isna().tolist()[2]
    assert found.index.tolist() == ids


@pytest.mark.parametrize(
    ("homes", "living", "kind"), [(3, 2, "firm"), (4, 2, "household"), (3, 1, "alone"), (3, 9, "firm")]
)
def test_a_firm_has_two_users_of_one_domain_and_three_addresses_at_most(homes, living, kind):
    rows = [("0 Quay", f"p{one}@firm") for one in range(living)]
    rows += [(f"{one} Quay", "x@firm") for one in range(1, homes)] + [(None, "y@firm")]
    people = pd.DataFrame(rows, columns=["address", "mail"], index=[f"c{one}" for one in range(len(rows))])
    found = collect.households(people)
    assert set(found["kind"][:living]) == {kind}
    mixed = collect.households(pl.from_pandas(people.sample(frac=1, random_state=1)))
    assert mixed["kind"].value_counts().to_dict() == found["kind"].value_counts().to_dict()
    assert mixed["members"].sum() == found["members"].sum()
