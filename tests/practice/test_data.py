"""Referees: HMAC-SHA256 by the standard library, round trips through files, a fresh process."""

import hashlib
import hmac
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from crmlab.practice import variant
from crmlab.practice.data import Given, read_cases, write_cases

TABLE = pd.DataFrame(
    {
        "id": ["a", "b", None],
        "day": pd.to_datetime(["2025-01-01 12:00", "2025-02-01 00:00", None]).as_unit("ns"),
        "cents": pd.array([1, 2, None], "Int64"),
        "share": [0.1, np.nan, 0.3],
        "tier": pd.Categorical(["core", "rest", "core"]),
        "big": [True, False, True],
    }
)
VALUES = {
    "orders": TABLE,
    "margin": np.float64(0.25),
    "today": pd.Timestamp("2025-06-30"),
    "list": [1, {"a": [2]}],
}


def test_a_seed_is_hmac_of_the_three_names_each_with_its_length():
    names = [text.encode() for text in ("16_value_tiers", "李雷", "company")]
    message = b"".join(len(name).to_bytes(4, "big") + name for name in names)
    digest = hmac.new("clé".encode(), message, hashlib.sha256).hexdigest()
    mine = variant("clé", "16_value_tiers", "李雷")
    assert mine.seed() == int(digest[:32], 16)
    assert mine.integer("company", 5, 24) == 5 + int(digest[:32], 16) * 20 // 2**128


def test_names_are_not_run_together_and_students_are_apart():
    assert variant("k", "ab", "c").seed("d") != variant("k", "a", "bc").seed("d")
    seeds = {
        variant(key, "16", student).seed() for key in ("k", "K") for student in ("ann", "Ann", "ann ", "bob")
    }
    assert len(seeds) == 8


def test_whole_numbers_fill_their_range_evenly():
    drawn = [variant("k", "16", f"s{number}").integer("x", 3, 7) for number in range(5000)]
    counts = np.bincount(drawn, minlength=8)[3:]
    assert set(drawn) == {3, 4, 5, 6, 7} and ((counts - 1000) ** 2 / 1000).sum() < 18.5  # chi-square, 0.1 %


@pytest.mark.parametrize("names", [("", "16", "ann"), ("k", " ", "ann"), ("k", "16", None), ("k", 16, "ann")])
def test_a_name_must_be_a_text(names):
    with pytest.raises(ValueError, match="must be a text and not empty"):
        variant(*names)


def test_small_is_small():
    assert (
        variant("k", "16", "a", small=True).customers(2000) < variant("k", "16", "a").customers(2000) == 2000
    )
    with pytest.raises(ValueError, match="at least 5"):
        variant("k", "16", "a").integer("x", 5, 4)


def test_what_is_given_comes_back_from_its_folder(tmp_path):
    given = Given(VALUES)
    given.write(tmp_path / "data")
    again = Given.read(tmp_path / "data")
    assert again.fingerprint() == given.fingerprint() and list(again.values()) == list(VALUES)
    pd.testing.assert_frame_equal(again.orders, given.orders)
    pd.testing.assert_frame_equal(given.orders, TABLE)
    assert (again.margin, again.today, again.list) == (0.25, pd.Timestamp("2025-06-30"), [1, {"a": [2]}])
    write_cases([{"x": 1}, {"x": [2.5]}], tmp_path / "cases")
    assert read_cases(tmp_path / "cases") == [{"x": 1}, {"x": [2.5]}]


def test_nobody_can_spoil_what_is_given():
    given = Given(VALUES)
    mine = given.orders
    mine["share"] = 0
    given.list[1]["a"].append(3)
    given.values()["list"].clear()
    assert given.list == [1, {"a": [2]}] and given.orders["share"].iloc[0] == 0.1


@pytest.mark.parametrize(
    "values",
    [
        {"orders": TABLE, "margin": 0.26},
        {"orders": TABLE.iloc[::-1].reset_index(drop=True)},
        {"orders": TABLE.rename(columns={"id": "name"})},
        {"orders": TABLE.assign(share=[0.1, np.nan, 0.30001])},
    ],
)
def test_another_fingerprint_for_other_data(values):
    assert Given(VALUES | values).fingerprint() != Given(VALUES).fingerprint()


@pytest.mark.parametrize("name", ["values", "read", "_x", "class", "two words", "", 5])
def test_a_given_thing_needs_a_name_that_works(name):
    with pytest.raises(ValueError, match="needs a name"):
        Given({name: 1})


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (TABLE.set_index("id"), "has an index"),
        (pd.concat([TABLE, TABLE], axis=1), "Parquet"),
        (pd.DataFrame({"x": [1, "a", {}]}), "Parquet"),
        (pd.Series([1]), "is a Series: give tables"),
        (np.array([1]), "is a ndarray"),
        ({1: 2}, "is a dict"),
    ],
)
def test_what_a_file_would_lose_is_refused(value, said):
    with pytest.raises(ValueError, match=said):
        Given({"x": value})


def test_an_unknown_thing_is_told_with_those_that_there_are():
    with pytest.raises(AttributeError, match="There is no given thing 'order'. Did you mean 'orders'"):
        Given(VALUES).order  # noqa: B018
    assert "orders: table of 3 rows: id, day" in repr(Given(VALUES)) and "orders" in dir(Given(VALUES))


@pytest.mark.parametrize("damage", ["{", "[]", '{"schema_version": 9}', "\xff"])
def test_a_damaged_folder_is_told(tmp_path, damage):
    Given(VALUES).write(tmp_path / "data")
    (tmp_path / "data" / "given.json").write_text(damage, encoding="latin-1")
    with pytest.raises(ValueError, match="is damaged|is of version"):
        Given.read(tmp_path / "data")
    with pytest.raises(FileNotFoundError, match="keep the data beside the notebook"):
        Given.read(tmp_path)


def test_a_fresh_process_draws_the_same_whatever_its_hash_seed():
    program = "from crmlab.practice import *; print(Drawn(load('41'), 'k', 'ann', True).given.fingerprint())"
    command = [sys.executable, "-c", program]
    runs = [
        subprocess.run(command, env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1] and len(runs[0]) == 65
