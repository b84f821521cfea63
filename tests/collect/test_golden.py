"""Golden records and trust. Referee: the stated rule, carried out card by card in plain Python."""

import numpy as np
import pandas as pd
import pytest

from crmlab import collect


def cards(rng, count=60):
    table = pd.DataFrame({"contact_id": rng.permutation(count) + 1})
    table["channel"] = rng.choice(["web", "fax", "visit"], count)
    table["captured_on"] = pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 5, count) * 100, "D")
    table["mail"] = rng.choice(["a@x", "b@x", "c@x", None], count)
    table["birth_date"] = pd.to_datetime(rng.choice(["1990-01-01", "1991-01-01", None], count))
    return table, pd.Series(rng.integers(1, 12, count), table["contact_id"])


def by_hand(table, clusters, field, trust, life, now):
    best = {}
    for customer in clusters.unique():
        said = {}
        for row in table[table["contact_id"].map(clusters) == customer].to_dict("records"):
            if not pd.isna(row[field]):
                age = (now - row["captured_on"]).days
                said.setdefault(row[field], []).append((trust[row["channel"]] * 2 ** (-age / life), row))
        scores = [
            (-round(sum(w for w, _ in held), 9), -max(r["captured_on"] for _, r in held).value,
             min(r["contact_id"] for _, r in held), value)
            for value, held in said.items()
        ]  # fmt: skip
        if scores:
            best[customer] = min(scores)[3], -min(scores)[0]
    return best


@pytest.mark.parametrize("seed", range(15))
def test_the_chosen_values_are_those_of_the_rule_carried_out_card_by_card(seed):
    rng = np.random.default_rng(seed)
    table, clusters = cards(rng)
    trust = {"web": 0.9, "fax": 0.45, "visit": 0.9} if seed % 2 else {"web": 1, "fax": 1, "visit": 1}
    lives = {"mail": 200, "birth_date": np.inf}
    golden = collect.golden_records(table, clusters, ["mail", "birth_date"], trust=trust, half_life=lives)
    for field, life in lives.items():
        wanted = by_hand(table, clusters, field, trust, life, table["captured_on"].max())
        chosen = golden.records[field].dropna()
        assert chosen.to_dict() == {who: value for who, (value, _) in wanted.items()}
        scores = golden.provenance["score"].xs(field, level="field")
        assert scores.to_dict() == pytest.approx({who: score for who, (_, score) in wanted.items()})
    mixed = table.sample(frac=1, random_state=seed)
    same = collect.golden_records(mixed, clusters, ["mail", "birth_date"], trust=trust, half_life=lives)
    pd.testing.assert_frame_equal(same.records, golden.records)
    pd.testing.assert_frame_equal(same.candidates, golden.candidates)


def test_provenance_counts_every_card_once():
    table, clusters = cards(np.random.default_rng(3))
    golden = collect.golden_records(table, clusters, ["mail"])
    told = golden.provenance.droplevel("field")
    given = table.dropna(subset="mail")["contact_id"].map(clusters).value_counts()
    assert (told["agreeing"] + told["disagreeing"]).to_dict() == given.to_dict()
    assert (told["score"] == told["agreeing"]).all()  # without trust and age each card counts 1
    by_id = table.set_index("contact_id").loc[told["contact_id"]]
    assert by_id["mail"].tolist() == told["value"].tolist()
    assert golden.candidates.groupby(["customer", "field"])["share"].sum().to_numpy() == pytest.approx(1)
    assert golden.records["cards"].sum() == len(table)


def test_two_dates_of_birth_and_a_column_that_is_all_missing():
    table = pd.DataFrame(
        {"contact_id": ["001", "002", "003"], "channel": "web", "captured_on": pd.Timestamp("2025-01-01")}
    )
    table["birth_date"] = pd.to_datetime(["1990-01-01", "1991-01-01", "1991-01-01"])
    table["mail"] = pd.Series([None, " ", ""], dtype=object)
    golden = collect.golden_records(table, dict.fromkeys(table["contact_id"], 1), ["birth_date", "mail"])
    assert golden.records.loc[1, "birth_date"] == pd.Timestamp("1991-01-01")
    assert golden.provenance["disagreeing"].tolist() == [1]
    assert golden.records["mail"].isna().all() and len(golden.candidates) == 2


def test_five_hundred_cards_of_one_customer():
    table = pd.DataFrame({"contact_id": range(500), "channel": "web", "mail": "info@x"})
    table["captured_on"] = pd.Timestamp("2025-01-01")
    golden = collect.golden_records(table, dict.fromkeys(range(500), 7), ["mail"], trust={"web": 0.1})
    assert golden.provenance["score"].tolist() == [50.0]


TABLE = pd.DataFrame(
    {
        "contact_id": [1, 2], "channel": ["web", "fax"], "mail": ["a", "b"],
        "captured_on": pd.to_datetime(["2025-01-01", "2025-02-01"]),
    }
)  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fields": ["post"]}, "no column 'post'"),
        ({"fields": ["mail", "mail"]}, "each once"),
        ({"trust": {"web": 0.9}}, r"no channel 'fax'.*Valid: web"),
        ({"trust": {"web": 0.9, "fax": 90}}, "trust of 'fax' in 'mail' is above 0 and at most 1; got"),
        ({"trust": {"web": 0.9, "fax": 0}}, "at most 1; got 0"),
        ({"half_life": {"mial": 5}}, "no field 'mial'. Did you mean 'mail'"),
        ({"half_life": {"mail": 0}}, "half-life of 'mail'"),
        ({"half_life": {"mail": "a year"}}, "half-life of 'mail'"),
        ({"half_life": {"mail": pd.Timedelta(days=9)}}, "half-life of 'mail'"),
        ({"half_life": 700}, "half_life has days for each field"),
        ({"clusters": {1: 1, 2: "1"}}, "customers in clusters are numbers and texts"),
        ({"record": "value"}, "no column 'value'"),
        ({"records": TABLE.rename(columns={"channel": "score"}), "channel": "score"}, "'score' of its own"),
        ({"records": TABLE.assign(mail=[["a"], ["b"]])}, "'mail' holds lists"),
        ({"as_of": "2025-01-15"}, "1 of 2 rows have a captured_on after 2025-01-15"),
        ({"clusters": {1: "a"}}, "a contact_id without a customer"),
        ({"clusters": {"1": "a", "2": "a"}}, "ids of one type"),
        ({"records": TABLE.assign(contact_id=1)}, "a load twice"),
        ({"records": TABLE.assign(captured_on=["x", "y"])}, "must hold dates"),
        ({"records": TABLE.assign(captured_on=[pd.NaT, pd.NaT])}, "no captured_on"),
        ({"records": TABLE.iloc[:0]}, "not a single card"),
    ],
)
def test_bad_input_is_named(options, message):
    options = {"records": TABLE, "clusters": {1: "a", 2: "a"}, "fields": ["mail"]} | options
    with pytest.raises(ValueError, match=message):
        collect.golden_records(
            options.pop("records"), options.pop("clusters"), options.pop("fields"), **options
        )


def test_trust_is_the_share_that_agreed_and_what_was_not_found_out_does_not_count():
    table = pd.DataFrame({"contact_id": range(8), "channel": ["web"] * 6 + ["fax", "fax"]})
    table["mail"] = ["a", "b", "c ", None, "e", "f", "g", "h"]
    checked = table.drop(columns="channel").iloc[:6].assign(mail=["a", "x", "c", "d", None, "f"])
    found = collect.channel_trust(table, checked, ["mail"]).loc["mail"]
    assert found.loc["web", ["given", "right", "share"]].tolist() == [4, 3, 0.75]
    assert found.loc["fax", "trust"] == 0.5 and np.isnan(found.loc["fax", "share"])
    trusted = collect.golden_records(
        table.assign(captured_on=pd.Timestamp("2025-01-01")), dict.fromkeys(range(8), 1), ["mail"],
        trust=collect.channel_trust(table, checked, ["mail"])["trust"].unstack("field"),
    )  # fmt: skip
    assert trusted.provenance["score"].tolist() == pytest.approx([4 / 6])
    with pytest.raises(ValueError, match="not among the records"):
        collect.channel_trust(table, checked.assign(contact_id=range(10, 16)), ["mail"])
    with pytest.raises(ValueError, match="dates or texts in one table"):
        collect.channel_trust(table, checked.assign(mail=pd.Timestamp("2025-01-01")), ["mail"])
    with pytest.raises(ValueError, match="make both of one kind"):  # 555 is not '555', and all looked wrong
        collect.channel_trust(table.assign(mail="555"), checked.assign(mail=555), ["mail"])
    dated = table.assign(mail=pd.Timestamp("2025-01-01"))
    assert collect.channel_trust(dated, checked.assign(mail=None), ["mail"])["given"].tolist() == [0, 0]


def test_polars_and_pandas_say_the_same():
    import polars

    table, clusters = cards(np.random.default_rng(5))
    one = collect.golden_records(table, clusters, ["mail"])
    other = collect.golden_records(polars.from_pandas(table), clusters, ["mail"])
    assert one.records["mail"].dropna().to_dict() == other.records["mail"].dropna().to_dict()


def test_categories_are_texts_like_others():
    table, clusters = cards(np.random.default_rng(6))
    table["mail"] = table["mail"].where(table["contact_id"] % 3 > 0, " " + table["mail"]).fillna(" ")
    one = collect.golden_records(table, clusters, ["mail"])
    other = collect.golden_records(table.astype({"mail": "category"}), clusters, ["mail"])
    pd.testing.assert_frame_equal(other.candidates, one.candidates)
    pd.testing.assert_frame_equal(other.records, one.records, check_dtype=False)
    checked = table[["contact_id", "mail"]].assign(mail=table["mail"].str.strip())
    trust = collect.channel_trust(table.astype({"mail": "category"}), checked, ["mail"])
    assert (trust["right"] == trust["given"]).all() and trust["given"].sum() < len(table)
