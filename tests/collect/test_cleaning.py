"""Cleaning. Referee: what a person would write for the same thing, and the names of the simulated company."""

import pandas as pd
import polars as pl
import pytest

from crmlab import collect, company

ONLY_NAMES = dict.fromkeys(["telephone", "mail", "address", "birth_date"])


def names(*written):
    return collect.clean(pd.DataFrame({"name": list(written)}), **ONLY_NAMES)["name_key"].tolist()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Leonora Womersley", "  WOMERSLEY,  leonora "),
        ("Leonora Womersley", "Womersley Leonora"),
        ("José Núñez", "Jose Nunez"),
        ("Ｌｉｈｕａ Ｊｉａ", "lihua jia"),
        ("贾立华", "Lihua Jia"),
        ("贾立华", "立华贾"),
        ("贾 立华", "贾立华"),
        ("曾诗桐", "Shitong Zeng"),
        ("Mrs. Ann Lee", "Ann Lee"),
    ],
)
def test_one_name_written_in_two_ways_has_one_key(one, other):
    first, second = names(one, other)
    assert first == second


def test_what_friends_call_somebody_is_a_surname_alone():
    assert names("小王", "老王", "王雅芳") == ["wang", "wang", "wang yafang"]


def test_pinyin_is_that_of_the_company_s_own_names():
    people = company.simulate(2_000).people
    chinese = people[people["language"] == "zh"]
    ours = collect.clean(chinese[["name"]], **ONLY_NAMES)["name_key"]
    theirs = collect.clean(chinese[["latin_name"]], name="latin_name", **ONLY_NAMES)["name_key"]
    assert len(chinese) > 200
    assert (ours == theirs).mean() > 0.97  # a surname may be read in another way than the character


def test_telephones_mails_addresses_and_dates():
    card = {
        "telephone": ["+999 (0)12-345", "00999 0 12 345", None],
        "mail": ["Ann.Lee@Post.Example ", "mailto:ann.lee@post.example", "ann.lee at post"],
        "address": ["12  Rope Walk,\tHarbour", "12 rope walk, harbour", ""],
        "birth_date": ["1984-09-18", "1984-09-18 00:00", None],
    }
    clean = collect.clean(pd.DataFrame(card), name=None)
    assert clean["telephone"].tolist()[:2] == ["999012345"] * 2
    assert clean["mail"].tolist()[:2] == ["ann.lee@post.example"] * 2
    assert clean[["mail_user", "mail_domain"]].iloc[0].tolist() == ["ann.lee", "post.example"]
    assert clean["address"].tolist()[:2] == ["12 rope walk, harbour"] * 2
    assert clean["birth_date"].tolist()[:2] == ["1984-09-18"] * 2
    assert clean.iloc[2].isna().all()


def test_the_table_given_is_not_changed_and_its_index_and_other_columns_are_kept():
    cards = company.simulate(300, view="raw").contacts
    cards.index = cards.index + 5
    before = cards.copy(deep=True)
    clean = collect.clean(cards)
    pd.testing.assert_frame_equal(cards, before)
    assert clean.index.equals(cards.index)
    pd.testing.assert_frame_equal(
        clean[["contact_id", "channel", "captured_on"]], cards[["contact_id", "channel", "captured_on"]]
    )


def test_tables_of_other_engines_are_cleaned_alike():
    cards = company.simulate(300, view="raw").contacts.astype({"channel": str})
    expected = collect.clean(cards)
    for table in (pl.from_pandas(cards), pl.from_pandas(cards).lazy(), pl.from_pandas(cards).to_arrow()):
        found = collect.clean(table)
        assert found["name_key"].fillna("").tolist() == expected["name_key"].fillna("").tolist()
        assert found["birth_date"].fillna("").tolist() == expected["birth_date"].fillna("").tolist()


def test_worthless_values_are_counted_told_and_left_out():
    cards = pd.DataFrame(
        {
            "name": ["test"] * 9_999 + ["N/A", "Ann Lee"],
            "mail": ["info@shop.example"] * 500 + [f"p{i}@post.example" for i in range(9_501)],
            "telephone": ["0000000"] * 3 + ["123"] + [f"55501{i:05d}" for i in range(9_997)],
        }
    )
    told = collect.worthless_values(cards, address=None, birth_date=None).set_index("value")
    assert told["records"].to_dict() == {
        "test": 9_999, "info@shop.example": 500, "0000000": 3, "n/a": 1, "123": 1,
    }  # fmt: skip
    assert told.loc["info@shop.example", "why"] == "on more than 100 records"
    clean = collect.clean(cards, address=None, birth_date=None)
    assert clean["name"].notna().sum() == 1
    assert clean["mail"].isna().sum() == 500
    assert clean["telephone"].isna().sum() == 4


def test_an_empty_column_and_sql_in_a_field_are_texts_like_others():
    cards = pd.DataFrame({"name": ["x'); DROP TABLE cards; --", "Ann Lee"], "mail": [None, None]})
    clean = collect.clean(cards, telephone=None, address=None, birth_date=None)
    assert clean["mail"].isna().all()
    assert clean["name"].notna().all()


@pytest.mark.slow
def test_a_field_of_ten_million_characters_is_cleaned():
    clean = collect.clean(pd.DataFrame({"name": ["ab " * 3_300_000, "Ann Lee"]}), **ONLY_NAMES)
    assert clean["name_key"].tolist()[1] == "ann lee"


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (pd.DataFrame({"name": ["Ann"]}), "no column 'telephone'"),
        (pd.DataFrame([["Ann", "Bo"]], columns=["name", "name"]), "2 columns 'name'"),
        (pd.DataFrame({"name": []}), "not a single record"),
        (pd.DataFrame({"name": ["Ann"], "telephone": [9.99e11]}), "leading zeros"),
        (pd.DataFrame({"name": ["Ann"], "birth_date": [30943]}), "no dates"),
        (
            pd.DataFrame({"name": ["Ann"], "birth_date": ["18 or 19 Sept"]}),
            "no dates; the first is '18 or 19",
        ),
        (pd.DataFrame({"name": ["Ann"], "surname": ["Lee"]}), "'surname' already"),
    ],
)
def test_bad_input_is_refused_in_words(table, told):
    fields = {one: one if one in table else None for one in ["telephone", "mail", "address", "birth_date"]}
    if told == "no column 'telephone'":
        fields["telephone"] = "telephone"
    with pytest.raises(ValueError, match=told):
        collect.clean(table, **fields)


def test_a_telephone_keeps_its_digits_and_only_its_own():
    written = {
        "fax 1234567": "1234567", "020 7946 0958, ext. 12": "02079460958", "1234567 x9": "1234567",
        "12345678.0": "12345678", "12345": "12345", "0012345": "12345", "000123456": "000123456",
        "+99 12345": "9912345",
    }  # fmt: skip
    lost = ["9.99E+11", "1.2345678e9", "call my office", "1234", "1 2 3 4"]
    card = pd.DataFrame({"telephone": [*written, *lost]})
    clean = collect.clean(card, name=None, mail=None, address=None, birth_date=None)["telephone"]
    assert clean.tolist()[: len(written)] == list(written.values())
    assert clean[len(written) :].isna().all()


def test_a_mail_address_stands_between_brackets():
    card = pd.DataFrame({"mail": ["Ann Lee <Ann@Post.example>", "ann@post.example", "@post", "ann@"]})
    clean = collect.clean(card, name=None, telephone=None, address=None, birth_date=None)["mail"]
    assert clean.tolist()[:2] == ["ann@post.example"] * 2 and clean[2:].isna().all()


def test_a_table_without_a_single_name_is_cleaned():
    assert names(None, "test") == names("n/a", None)
    clean = collect.clean(pd.DataFrame({"name": [None, "test"]}), **ONLY_NAMES)
    assert clean[["surname", "given_name", "name_key"]].isna().all(axis=None)


@pytest.mark.parametrize(
    "text", ["1984", "1984-09", "1984-0918", "1984-09-18T10:00+02:00", "18.09.1984", 1984]
)
def test_what_is_no_whole_day_is_refused_and_its_row_is_named(text):
    cards = pd.DataFrame({"birth_date": ["1984-09-18", "19840918", text, text]}, index=[7, 7, 8, 8])
    with pytest.raises(ValueError, match=r"2 values of 'birth_date' are no dates.* in row .*8"):
        collect.clean(cards, name=None, telephone=None, mail=None, address=None)


@pytest.mark.parametrize("field", ["name", "telephone", "mail", "address"])
def test_a_number_among_texts_is_refused(field):
    # as text 55512345.0 would be a telephone with a digit more
    cards = pd.DataFrame({field: ["55512345", 55512345.0]}, dtype=object)
    options = dict.fromkeys(["name", "telephone", "mail", "address", "birth_date"]) | {field: field}
    with pytest.raises(ValueError, match="must be text"):
        collect.clean(cards, **options)
    with pytest.raises(ValueError, match="at least one column"):
        collect.worthless_values(cards, **dict.fromkeys(options))
