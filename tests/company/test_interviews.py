"""People say what has happened to them, nobody says it like somebody else, and the codes are in the envelope.

Referee: the tables of the same company. What somebody tells of was bought, complained about or borne by them,
before the day on which they tell it.
"""

import re
from functools import cache

import numpy as np
import pandas as pd
import pytest

from crmlab import company
from crmlab.company._draft import Draft
from crmlab.company._draws import Draws
from crmlab.company._schema import categories
from crmlab.company.company import STEPS
from crmlab.company.levers import Levers, policy
from crmlab.company.past import Past, Words, script
from crmlab.company.studies import living

EVERYBODY = {  # tags of which each customer has one
    "beginning": {*categories("customers", "source"), *categories("leads", "source")} - {"lead"},
    "last": [f"at_{channel}" for channel in categories("orders", "channel")],
    "wants": [f"wants_{feature}" for feature in categories("features", "feature")],
}


@cache
def tea(seed: int = 7) -> company.Company:
    return company.simulate(rng=seed)


def answers(one: company.Company, topic: str | None = None) -> pd.DataFrame:
    told = one.interviews.merge(one.people[["person_id", "language"]], on="person_id")
    return told if topic is None else told[told["topic"] == topic]


# ---- the script


def test_every_move_has_as_many_variants_in_either_language_and_a_code_of_the_book():
    for question in script()["question"]:
        assert len(question["en"]) == len(question["zh"]) > 1
        for block in question["say"]:
            assert len(block["en"]) == len(block["zh"]), (question["name"], block["tags"])
            for english, chinese in zip(block["en"], block["zh"], strict=True):
                assert not re.search("[一-鿿]", english) and re.search("[一-鿿]", chinese)
            assert block.get("code", "taste") in script()["codes"]
            assert block.get("tone", "plain") in {"plain", "good", "bad"}
        spoken = [" ".join(b["tags"]) for b in question["say"] if b["move"] == 1 and "chance" not in b]
        assert set(EVERYBODY.get(question["name"], [""])) <= set(spoken)  # nobody is left without a word


@cache
def many_firms() -> Draft:
    base = company.world("base", firm_share=0.2, days=600, campaigns=3)
    draft = Draft(base, policy(Levers(), base), Draws(5), 700)
    for step in STEPS:
        step(draft)
    return draft


@pytest.mark.slow
def test_every_tag_of_the_script_can_be_true_of_somebody():
    """A tag that is misspelt in the script would silence its block for ever."""
    blocks = [block for one in script()["question"] for block in [one, *one["say"]]]
    seen, wanted = set(), {tag.strip("!") for block in blocks for tag in block["tags"]}
    alive = np.flatnonzero(living(many_firms(), np.full(700, 590.0)))
    past = Past(many_firms(), alive)
    for place in range(len(alive)):
        seen |= past.of(place, 590.0)[0]
    assert wanted <= seen, wanted - seen


@pytest.mark.slow
def test_nobody_tells_of_what_is_still_to_come():
    """Referee: the tables up to the evening before; complaints on the day itself and on the next."""
    draft, today = many_firms(), 300.0
    alive = np.flatnonzero(living(draft, np.full(700, today)))
    past, orders = Past(draft, alive), draft.tables["orders"]
    before = orders["ordered_at"] < np.datetime64("2023-01-01") + np.timedelta64(300, "D")
    count = orders[before].groupby("customer_id").size()
    for place, who in enumerate(alive):
        assert ("one_order" in past.of(place, today)[0]) == (count[who + 1] == 1)
    first = draft.tables["complaints"].groupby("customer_id")["opened_on"].min().head(50)
    opened = (first - np.datetime64("2023-01-01")).dt.days.to_numpy()
    past = Past(draft, first.index.to_numpy() - 1)
    for place, day in enumerate(opened):
        assert "complained" not in past.of(place, day)[0] and "complained" in past.of(place, day + 1)[0]
        assert "unanswered" not in past.of(place, day + 60)[0] or day + 60 > 600


@pytest.mark.parametrize(
    ("days", "english", "chinese"),
    [(10, "a few weeks", "几个星期"), (91, "three months", "三个月"), (370, "a year", "一年"),
     (560, "a year and a half", "一年半"), (800, "two years", "两年"), (3600, "ten years", "十年")],
)  # fmt: skip
def test_spans_of_time_are_told_as_people_do(days, english, chinese):
    told = [Words(language, 4000).lasting(4000 - days) for language in ("en", "zh")]
    assert told == [english, chinese]


def test_days_of_the_past_are_told_by_their_distance():
    today = 1080.0  # 16 December 2025
    told = [Words("en", today).when(today - back) for back in (2, 10, 30, 60, 370, 720)]
    assert told == ["the other day", "last week", "a few weeks ago", "in October", "in December last year",
                    "in December two years ago"]  # fmt: skip
    assert Words("zh", today).when(today - 370) == "去年十二月"
    assert Words("en", today).number(10) == "ten" and Words("en", today).number(43) == "about forty"


# ---- what is said


@pytest.mark.parametrize("seed", [7, 8, 9])
def test_no_two_answers_are_alike_and_about_60_people_are_heard(seed):
    told = answers(tea(seed))
    assert 40 <= told["customer_id"].nunique() <= 80
    assert not told["answer"].duplicated().any()
    assert (
        told.groupby("customer_id")["number"].apply(list).map(lambda n: n == list(range(1, len(n) + 1))).all()
    )


def test_answers_are_in_the_language_of_the_customer_and_every_gap_is_filled():
    told = answers(tea())
    chinese = told["answer"].str.contains("[一-鿿]")
    assert (chinese == (told["language"] == "zh")).all() and 0.2 < chinese.mean() < 0.7
    assert not told["answer"].str.contains(r"[{}]|  |^$|nan|None").any()
    assert told.loc[~chinese, "answer"].str.match("[A-Z]").all()


@pytest.mark.slow
def test_what_is_named_was_bought_by_then():
    one, products = tea(), tea().products
    lines = one.order_lines.merge(one.orders, on="order_id").merge(products, on="product_id")
    named = 0
    for told in answers(one).itertuples():
        own = lines[(lines["customer_id"] == told.customer_id) & (lines["ordered_at"] < told.asked_on)]
        column = "name" if told.language == "en" else "chinese_name"
        mentioned = {name for name in products[column] if name in told.answer}
        # a rival or a shelf may be called like a tea: herbal teas have names of flowers
        assert mentioned <= set(own[column]), (told.answer, mentioned - set(own[column]))
        named += len(mentioned)
    assert named > 150


def test_those_who_complained_are_asked_about_the_answer_and_the_others_are_not():
    one = tea()
    heard = one.interviews.drop_duplicates("customer_id")
    complaints = one.complaints.merge(heard[["customer_id", "asked_on"]], on="customer_id")
    complaints = complaints[complaints["opened_on"] < complaints["asked_on"]]
    asked = set(answers(one, "answer")["customer_id"])
    assert asked == set(complaints["customer_id"]) and 10 < len(asked) < len(heard)
    assert not asked & set(answers(one, "silence")["customer_id"])
    last = complaints.sort_values("opened_on").groupby("customer_id").tail(1)
    slow = last[(last["first_response_on"] - last["opened_on"]).dt.days >= 7]["customer_id"]
    answered = answers(one, "answer").set_index("customer_id")["answer"]
    assert (
        answered[answered.index.isin(slow)]
        .str.contains("week|days|星期|天|heard|answer|waiting|答复|动静|联系")
        .all()
    )


def test_only_those_whose_tin_leaked_say_so():
    said = 0
    for seed in (7, 8, 9):
        one = tea(seed)
        faulty = one.orders.merge(one._truth["orders"].query("fault == 'tin'"), on="order_id")["customer_id"]
        told = answers(one)
        leaks = told[told["answer"].str.contains("leak|罐子漏|漏了|wasn't tight|盖不严，(?:十|整)")]
        leaks = leaks[leaks["topic"].isin(["trouble", "last"])]
        assert leaks["customer_id"].isin(faulty).all()
        said += len(leaks)
    assert said > 0


def test_those_who_bore_it_in_silence_had_a_bad_experience():
    one = tea()
    silent = answers(one, "silence")
    worst = (
        one.orders.merge(one._truth["orders"], on="order_id").groupby("customer_id")["first_experience"].min()
    )
    assert len(silent) > 5 and (worst[silent["customer_id"]] < company.world().bad_experience).all()


# ---- what it is about


def test_the_codes_stand_for_parts_that_were_said():
    one = tea()
    about = one._truth["interviews"].merge(one.interviews, on=["customer_id", "number"], how="left")
    assert about["answer"].notna().all() and about["part"].between(1, 3).all()
    assert set(about["code"]) == set(one.codes["code"]) and set(about["tone"]) == {"plain", "good", "bad"}
    trouble = about[(about["topic"] == "trouble") & (about["tone"] == "bad")]
    cause = one._truth["complaints"].merge(one.complaints[["complaint_id", "customer_id"]], on="complaint_id")
    only = cause.groupby("customer_id")["cause"].agg(["first", "nunique"]).query("nunique == 1")["first"]
    both = trouble.join(only, on="customer_id", how="inner")
    code = {
        "delivery": ["delivery"],
        "billing": ["price"],
        "service": ["staff"],
        "packing": ["delivery", "packaging"],
    }
    code["product"] = ["taste", "packaging"]
    assert len(both) > 5
    assert all(told in code[cause] for told, cause in zip(both["code"], both["first"], strict=True))


def test_a_faster_answer_changes_what_is_told_of_only_where_it_reaches():
    one = tea()
    twin = one.do(complaint_response_days=0)
    untouched = set(one.interviews["customer_id"]) - set(one.complaints["customer_id"])
    codes = [
        c._truth["interviews"][c._truth["interviews"]["customer_id"].isin(untouched)].reset_index(drop=True)
        for c in (one, twin)
    ]
    pd.testing.assert_frame_equal(*codes)
    waited = answers(twin, "answer")
    assert not waited["answer"].str.contains("weeks? |星期").all()
