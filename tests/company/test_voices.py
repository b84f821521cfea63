"""What customers say when asked, against what is true of them.

Referees: the truth in the envelope; sums written out by hand (brute force over single customers, Cronbach's
alpha from its definition); slopes in closed form; what was bought and what went wrong, in the tables.
"""

import re
from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy.stats import norm

from crmlab import company
from crmlab.company import comments, voices
from crmlab.company._draft import Draft
from crmlab.company._draws import Draws
from crmlab.company._schema import constants, days_since_start
from crmlab.company.company import STEPS
from crmlab.company.levers import Levers, policy

RATED = list(voices.WEIGHTS.index)
REVERSED = ["trust_4", "commitment_4", "loyalty_4"]
LASTING = ["expectation", "trust", "commitment", "loyalty"]


@cache
def tea(customers: int = 5_000, seed: int = 7, **changes: float) -> company.Company:
    return company.simulate(customers, company.world("base", **changes), seed)


@cache
def both(customers: int = 20_000, occasion: str = "wave", **changes: float) -> pd.DataFrame:
    """Return surveys of everybody on each occasion, with what is true of them."""
    one = tea(customers, **{"wave_invited": 1} | changes)
    asked = one.surveys[one.surveys["occasion"] == occasion]
    asked = asked.merge(one._truth["surveys"], on="survey_id").merge(
        one._truth["customers"][["customer_id", "left_on", "leaving_probability", "engagement"]]
    )
    return asked.assign(there=~(asked["left_on"] <= asked["invited_on"]))


@cache
def core(seed: int = 1) -> Draft:
    base = company.world()
    draft = Draft(base, policy(Levers(), base), Draws(seed), 300)
    for step in [*STEPS, voices.add_surveys]:
        step(draft)
    return draft


# ---- when it is asked and answered


def test_answers_come_within_two_weeks_and_to_whom_a_voucher_was_promised_more_often():
    """Referee of the voucher: the world's log-odds, recovered by a logit with all else that decides."""
    one, asked = tea(), both(5_000)
    wait = (one.surveys["responded_on"] - one.surveys["invited_on"]).dt.days
    assert wait.notna().equals(one.surveys["responded"]) and wait.min() == 0 and wait.max() == 13
    asked = asked.assign(
        answered=asked["responded"].astype(int), square=asked["satisfaction"] ** 2,
        gone=(~asked["there"]).astype(int), promised=asked["incentive"].astype(int),
    )  # fmt: skip
    fit = smf.logit("answered ~ promised + engagement + square + gone", asked).fit(disp=0)
    assert abs(fit.params["promised"] - one._world.incentive) < 3.3 * fit.bse["promised"]
    assert fit.params["promised"] > 3.3 * fit.bse["promised"]


def test_experiences_of_the_past_fade_and_count_as_they_were_known_on_the_day():
    """Referee: the faded mean by its definition, customer by customer."""
    draft = core()
    orders, complaints = draft.orders, draft.tables["complaints"]
    heard = pd.Series(days_since_start(complaints["first_response_on"]), complaints["order_id"])
    asked, unknown = draft.tables["surveys"], 0
    days = voices._invitations(draft)["day"]
    for survey, who, day in zip(asked["survey_id"], asked["customer_id"] - 1, days, strict=True):
        own = np.flatnonzero((orders["customer"] == who) & (np.floor(orders["time"]) < day))
        total = weights = 0
        for order in own:
            weight = 2 ** (-(day - orders["time"][order]) / draft.world.satisfaction_half_life)
            mended = np.floor(heard.get(orders["id"][order], np.inf)) < day
            known = mended or not orders["gain"][order] > 0
            unknown += not known
            total += weight * orders["experience" if known else "first_experience"][order]
            weights += weight
        found = draft.truth["surveys"].set_index("survey_id").loc[survey, "past"]
        assert found == pytest.approx(total / (weights + voices._FORGETTING), abs=1e-6)
    assert unknown > 0


def test_experiences_make_satisfaction():
    """Referee: the strength with which it is made, as the slope of satisfaction given lasting service."""
    lasting = tea(20_000, wave_invited=1)._truth["customers"].set_index("customer_id")["satisfaction"]
    asked = both().assign(lasting=lambda rows: rows["customer_id"].map(lasting))
    asked = asked[asked["past"] != 0]
    fit = smf.ols("satisfaction ~ past + expectation + lasting", asked).fit()
    beyond = np.sqrt(1 - voices.implied_covariance().loc["expectation", "satisfaction"] ** 2)
    assert abs(fit.params["past"] - voices._FELT["past"] * beyond) < 3.3 * fit.bse["past"]
    assert abs(fit.params["lasting"] - voices._FELT["service"] * beyond) < 3.3 * fit.bse["lasting"]
    assert asked["satisfaction"].corr(asked["past"]) > 0.3


# ---- how it hangs together


def test_constructs_have_unit_variance_and_the_covariance_that_the_paths_imply():
    """Referee: the covariance in closed form. Attachment adds a little among those that it ties together."""
    asked = both()
    found, implied = asked[voices.CONSTRUCTS].cov(), voices.implied_covariance()
    made = ["expectation", "quality", "value", "satisfaction"]
    assert np.allclose(found.loc[made, made], implied.loc[made, made], atol=0.06)
    tied = found - implied
    bound = ["trust", "commitment", "loyalty"]
    assert ((tied.loc[bound, bound] > 0) & (tied.loc[bound, bound] < 0.25)).all(axis=None)


def test_half_a_year_later_people_think_much_the_same_but_not_quite():
    asked = both()[["customer_id", "wave", *LASTING, "satisfaction"]]
    pairs = asked.merge(asked.assign(wave=asked["wave"] - 1), on=["customer_id", "wave"])
    retest = {name: pairs[f"{name}_x"].corr(pairs[f"{name}_y"]) for name in [*LASTING, "satisfaction"]}
    assert all(0.6 < found < 0.7 for found in retest.values()), retest


def test_alpha_is_between_seven_and_nine_tenths_once_the_reversed_items_are_turned():
    """Referee: Cronbach (1951), α = k/(k − 1) · (1 − sum of the variances / variance of the sum)."""
    answered = both()
    answered = answered[answered["responded"]]

    def alpha(items: pd.DataFrame) -> float:
        items = items.dropna()
        count, parts = items.shape[1], items.var().sum()
        return count / (count - 1) * (1 - parts / items.sum(axis=1).var())

    for construct in voices.CONSTRUCTS:
        names = voices.ITEMS.loc[voices.ITEMS["construct"] == construct, "item"]
        items = answered[list(names)]
        turned = items.assign(**{name: 11 - items[name] for name in REVERSED if name in items})
        assert 0.7 < alpha(turned) < 0.9, construct
        if set(REVERSED) & set(names):
            assert alpha(items) < 0.7
            weak = tea()._truth["questions"].set_index("item")["loading"][names]
            assert (weak[weak < 0].index == names[names.isin(REVERSED)]).all()


@pytest.mark.slow
def test_the_second_wording_moves_the_mean_by_the_amount_in_the_envelope():
    """Referee: a difference of means by lot, with its standard error, against the truth."""
    asked = both(careless=0.0)
    centre = tea()._truth["questions"].query("item == 'value_3'").set_index("version")["centre"]
    arms = asked.groupby("wording", observed=True)["value_3"].agg(["mean", "sem"])
    shift = arms.loc["b", "mean"] - arms.loc["a", "mean"]
    # the scale ends at 10, which takes a little of what is moved
    assert abs(shift - (centre["b"] - centre["a"])) < 3.3 * np.hypot(*arms["sem"]) + 0.05
    assert centre["b"] - centre["a"] > 0.5
    others = asked.groupby("wording", observed=True)["value_2"].agg(["mean", "sem"])
    assert abs(others["mean"].diff().iloc[1]) < 3.3 * np.hypot(*others["sem"])


def test_trouble_of_the_last_half_year_is_complained_of():
    """Referee: what a fault or a complaint adds, and the path from satisfaction, as slopes."""
    one, asked = tea(20_000, wave_invited=1), both()
    faulty = one.orders.merge(one._truth["orders"], on="order_id")
    wrong = faulty["fault"] != "none" if "fault" in faulty else faulty["faulty"]
    when = pd.concat([
        faulty.loc[wrong, ["customer_id", "ordered_at"]].rename(columns={"ordered_at": "at"}),
        one.complaints[["customer_id", "opened_on"]].rename(columns={"opened_on": "at"}),
    ])  # fmt: skip
    met = asked[["survey_id", "customer_id", "responded_on"]].dropna().merge(when, on="customer_id")
    back = (met["responded_on"] - met["at"].dt.normalize()).dt.days
    trouble = met[(back > 0) & (back <= 182)].groupby("survey_id").size()
    data = asked[asked["responded"]].assign(
        trouble=lambda rows: rows["survey_id"].map(trouble).fillna(0).astype(int)
    )
    fit = smf.ols("complaints ~ satisfaction + trouble", data).fit()
    assert abs(fit.params["trouble"] - voices._TROUBLE) < 3.3 * fit.bse["trouble"]
    assert abs(fit.params["satisfaction"] + 0.5) < 3.3 * fit.bse["satisfaction"]


# ---- what it foretells


def test_a_wave_foretells_who_leaves_and_who_is_loyal_in_the_next():
    asked = both()
    year = asked[(asked["wave"] == 3) & asked["there"]]
    left = (year["left_on"] < year["invited_on"] + pd.Timedelta(days=365)).astype(int)
    tied = "bond" in tea(20_000, wave_invited=1)._truth["customers"]
    for name in ("satisfaction", *["loyalty"] * tied):  # which goes with staying by the bond
        fit = smf.logit(f"left ~ {name}", year.assign(left=left)).fit(disp=0)
        assert fit.params[name] < -3.3 * fit.bse[name]
    pairs = asked.merge(
        asked.assign(wave=asked["wave"] - 1), on=["customer_id", "wave"], suffixes=("", "_next")
    )
    assert (
        0.25
        < pairs["satisfaction"].corr(pairs["loyalty_next"])
        < pairs["satisfaction"].corr(pairs["loyalty"])
    )


def test_satisfaction_goes_with_leaving_more_than_it_causes_it():
    """Referee: the same slope given the bond, which makes people both satisfied and stay."""
    one = tea(20_000, wave_invited=1)
    if "bond" not in one._truth["customers"]:
        pytest.skip("customers have no bond yet")
    asked = both().merge(one._truth["customers"][["customer_id", "bond"]])
    asked = asked[asked["wave"] == 3].assign(leaving=lambda rows: norm.ppf(rows["leaving_probability"]))
    naive, given = (
        smf.ols(f"leaving ~ satisfaction{more}", asked).fit().params["satisfaction"]
        for more in ("", " + bond")
    )
    assert naive < 1.15 * given < 0


def test_attitude_and_behaviour_part_company_for_some():
    """Referee: counts. Some buy often and would go, some would stay and hardly buy."""
    one = tea()
    waves = one.surveys.merge(one._truth["surveys"][["survey_id", "loyalty"]]).query("wave == 4")
    orders = one.orders.groupby("customer_id").size()
    often = waves["customer_id"].map(orders) > 3
    table = pd.crosstab(waves["loyalty"] > 0, often, normalize=True)
    assert (table > 0.08).all(axis=None) and table.loc[True, True] * table.loc[False, False] > (
        1.1 * table.loc[True, False] * table.loc[False, True]
    )


# ---- attributes


def test_the_weights_are_the_slopes_of_satisfaction_on_performance_and_staff_is_a_halo():
    """Referee: the closed form of the slopes; one more rating, which follows satisfaction, spoils them."""
    asked, found = both(), {}
    causes = [name for name in RATED if voices.WEIGHTS[name] > 0]
    for names in (causes, RATED):
        found[len(names)] = smf.ols(f"satisfaction ~ {' + '.join(names)}", asked).fit()
    right, naive = found[len(causes)], found[len(RATED)]
    for name in causes:
        assert abs(right.params[name] - voices.WEIGHTS[name]) < 3.3 * right.bse[name]
    assert voices.WEIGHTS["staff"] == 0 and naive.params["staff"] > 0.3
    assert (naive.params[causes] < right.params[causes]).all()
    truth = tea()._truth["attributes"].set_index("attribute")
    assert truth["weight"].to_dict() == voices.WEIGHTS.to_dict() and truth["halo"]["staff"] > 0.5


@pytest.mark.parametrize(("attribute", "by"), [("delivery", 0.5), ("staff", 1.0), ("taste", -2.0)])
def test_the_lever_moves_its_rating_and_satisfaction_by_its_weight(attribute, by):
    """Referee: the weight. What the lever puts into each experience is put there by hand."""
    draft = core()
    own = np.sqrt(1 - getattr(draft.world, "service_share", 0)) * voices.WEIGHTS[attribute] * by
    felt = {name: draft.orders[name] + own for name in ("experience", "first_experience")}
    pulled = SimpleNamespace(**{**vars(draft.levers), "attribute": {attribute: by}})
    copies = {"tables": dict(draft.tables), "truth": dict(draft.truth), "orders": draft.orders | felt}
    twin = replace(draft, levers=pulled, **copies)
    voices.add_surveys(twin)
    moved = (twin.truth["surveys"] - draft.truth["surveys"].astype(float))[
        ["satisfaction", "expectation", *RATED]
    ]
    expected = dict.fromkeys(["satisfaction", "expectation", *RATED], 0.0)
    expected["satisfaction"] = voices.WEIGHTS[attribute] * by
    expected["staff"] = voices.ATTRIBUTES["halo"]["staff"] * expected["satisfaction"]
    expected[attribute] += by
    for name, change in expected.items():
        assert np.allclose(moved[name].dropna(), change, atol=1e-9), name
    if attribute == "staff":
        pd.testing.assert_series_equal(twin.tables["surveys"]["satisfaction_1"],
                                       draft.tables["surveys"]["satisfaction_1"])  # fmt: skip


@pytest.mark.slow
def test_gaps_are_ratings_less_expectations_and_a_fault_shows_in_its_rating():
    asked = both(careless=0.0)
    centre = tea()._truth["questions"].query("version == 'a'").set_index("item")["centre"]
    for name in RATED:
        gap = (asked[f"rating_{name}"] - asked[f"expected_{name}"]).dropna()
        told = centre[f"rating_{name}"] - centre[f"expected_{name}"]
        assert gap.mean() == pytest.approx(told, abs=0.25)  # those who answer are more engaged
    after = both(occasion="order", order_invited=1.0)
    orders = tea(20_000, wave_invited=1, order_invited=1.0)._truth["orders"].set_index("order_id")
    leaked = orders["fault"] == "tin" if "fault" in orders else orders["faulty"]
    hit = leaked.reindex(after["order_id"]).to_numpy(bool)
    means = after.groupby(hit)[RATED].mean().diff().iloc[1]
    assert means["packaging"] < means["price"] - 1


# ---- the purchase


def test_for_whom_was_bought_fits_the_order_and_the_share_of_wallet_is_about_right():
    one = tea(20_000, wave_invited=1)
    told = one.surveys.dropna(subset="purpose").merge(one.customers).query("occasion == 'order'")
    ware = one.order_lines.merge(one.products, on="product_id").query("category == 'ware'")["order_id"]
    gift = (told["purpose"] == "gift").groupby([told["kind"].astype(str), told["order_id"].isin(ware)]).mean()
    firm = told["kind"] == "firm"
    assert (told.loc[firm, "purpose"] == "business").mean() > 0.7
    assert (told.loc[~firm, "purpose"] == "business").mean() < 0.15
    assert gift["person"][True] > 1.3 * gift["person"][False]
    share = one.surveys[["customer_id", "share_of_wallet"]].dropna()
    true = share["customer_id"].map(one._truth["customers"].set_index("customer_id")["share_of_wallet"])
    assert share["share_of_wallet"].corr(true) > 0.8
    assert set(share["share_of_wallet"]) <= set(range(0, 101, 10))


# ---- choices


def test_no_tin_of_a_task_beats_another_in_all_and_those_asked_are_customers_of_the_day():
    """Referee: comparison of all pairs by definition; the day of leaving in the truth."""
    one = tea()
    tasks = one.choice_tasks
    good = tasks.assign(price_cents=-tasks["price_cents"], delivery_days=-tasks["delivery_days"])
    good = good[["price_cents", "organic", "single_garden", "refillable_tin", "delivery_days"]]
    good = good.to_numpy(int).reshape(-1, 3, 5)
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert not (good[:, a] >= good[:, b]).all(axis=1).any()
        assert not (good[:, a] <= good[:, b]).all(axis=1).any()
    assert tasks.groupby(["customer_id", "task"])["chosen"].sum().isin([0, 1]).all()
    asked = tasks.drop_duplicates("customer_id").merge(one.customers).merge(
        one._truth["customers"][["customer_id", "left_on"]]
    )  # fmt: skip
    assert (asked["joined_on"] <= asked["asked_on"]).all() and not (
        asked["left_on"] < asked["asked_on"]
    ).any()
    assert 200 < len(asked) < 450


def test_a_dear_outside_price_makes_more_people_buy():
    """Referee: without an acceptable alternative nobody says none of these."""
    none = [
        1
        - tea(2_000, outside_price=price).choice_tasks.groupby(["customer_id", "task"])["chosen"].any().mean()
        for price in (5.0, 11.0, 100.0)
    ]
    assert none[0] > none[1] + 0.1 > 0.15 and none[2] < 0.02


# ---- comments


@cache
def told(seed: int = 7) -> pd.DataFrame:
    """Return comments with what is true of whoever wrote them, and of the order spoken of."""
    one = tea(5_000, seed, order_invited=0.6)
    told = one.open_answers.merge(one._truth["open_answers"], on="survey_id").merge(
        one.surveys, on="survey_id"
    )
    return told.merge(one._truth["surveys"][["survey_id", *RATED]], on="survey_id")


def after_orders(seed: int = 7) -> pd.DataFrame:
    one = tea(5_000, seed, order_invited=0.6)
    found = told(seed).dropna(subset="order_id")
    found = found.merge(one.orders.drop(columns="customer_id"), on="order_id")
    return found.merge(one._truth["orders"], on="order_id")


def test_the_grammar_has_both_languages_and_a_word_for_everybody():
    known = set(comments._tags(core(), *(np.zeros(1, int) for _ in range(3)))[0]) | {"gift", "keen"}
    for part, blocks in constants("comments.toml").items():
        for block in blocks:
            assert len(block["en"]) == len(block["zh"]), (part, block)
            assert {tag.strip("!") for tag in block.get("when", "").split()} <= known, block
            for english, chinese in zip(block["en"], block["zh"], strict=True):
                assert not re.search("[一-鿿]", english) and bool(english) == bool(chinese)
                assert bool(re.search("[一-鿿]", chinese)) == bool(chinese)
                assert ("{tea}" in english) == ("{tea}" in chinese), english


@pytest.mark.parametrize("seed", [7, 8])
def test_comments_hardly_repeat_and_are_in_the_language_of_the_writer(seed):
    one = tea(5_000, seed)
    said = one.open_answers.merge(one.surveys, on="survey_id")
    assert len(said) > 300 and said["comment"].duplicated(keep=False).mean() < 0.05
    buyers = one.people[one._truth["people"]["buyer"].to_numpy()].drop_duplicates("customer_id")
    language = buyers.set_index("customer_id")["language"]
    chinese = said["comment"].str.contains("[一-鿿]")
    assert (chinese.to_numpy() == (language.reindex(said["customer_id"]) == "zh").to_numpy()).all()
    assert not said["comment"].str.contains(r"[{}]|  |^ | $|^$|nan|None").any()


def test_only_whose_tin_leaked_says_so_and_nobody_praises_a_tin_before_it_is_sold():
    found = after_orders()
    leaked = found["fault"] == "tin" if "fault" in found else found["faulty"]
    says = found["comment"].str.contains("leaked|let air in|not tight|tin does not close|漏|不严，|盖不严")
    assert says.sum() > 5 and leaked[says].all()
    assert says[leaked].mean() > 0.3 and not found.loc[leaked & (found["theme"] == "packaging"), "good"].any()
    new = found["comment"].str.contains("new tin|changed the tin|新茶罐|茶罐换得好")
    redesign = np.datetime64("2023-01-01") + np.timedelta64(company.world().redesign_day, "D")
    assert new.sum() > 0 and (found.loc[new, "ordered_at"] >= redesign).all()
    lines = tea(5_000, 7, order_invited=0.6).order_lines
    assert found.loc[new, "order_id"].isin(lines.loc[lines["product_id"] == 1, "order_id"]).all()


def test_nobody_speaks_of_a_parcel_after_a_purchase_in_the_shop():
    found = after_orders()
    shop = found["channel"] == "visit"
    assert not found.loc[shop, "theme"].eq("delivery").any() and shop.sum() > 30
    assert not found.loc[shop, "comment"].str.contains("parcel|courier|快递|包裹").any()
    assert (
        not found.loc[~shop, "comment"]
        .str.contains("in the shop|to the counter|at the counter|店里的|在店里|柜台", case=False)
        .any()
    )


def test_what_is_named_was_in_the_order():
    one, found = tea(5_000, 7, order_invited=0.6), after_orders()
    lines = one.order_lines.merge(one.products[["product_id", "name", "chinese_name"]], on="product_id")
    bought = lines.groupby("order_id")[["name", "chinese_name"]].agg(set)
    names = set(one.products["name"]) | set(one.products["chinese_name"])
    named = 0
    for order, comment in zip(found["order_id"], found["comment"], strict=True):
        inside = {name for name in names if name in comment}
        assert not inside or inside & (bought.loc[order, "name"] | bought.loc[order, "chinese_name"]), comment
        named += bool(inside)
    assert named > 50


def test_who_says_goodbye_has_gone_and_who_promises_to_return_does():
    one, found = tea(5_000, 7, order_invited=0.6), told()
    last = one.orders.groupby("customer_id")["ordered_at"].max().reindex(found["customer_id"]).to_numpy()
    left = one._truth["customers"].set_index("customer_id")["left_on"].reindex(found["customer_id"])
    later = last >= found["responded_on"].to_numpy()
    farewell = found["comment"].str.contains(
        "I doubt that I|look around elsewhere|That was that|had enough|不会再来|去别家看看|到此为止|不买了"
    )
    again = found["comment"].str.contains(
        "order again|Until next time|hear from me again|another chance|try again|还会再买|下次见|再给你们"
    )
    assert farewell.sum() > 10 and not later[farewell].any() and left.notna().to_numpy()[farewell].all()
    assert again.sum() > 10 and later[again].all()


def test_praise_goes_with_good_ratings_and_coders_agree_with_the_theme_as_stated():
    found = told()
    assert found["rating_taste"].notna().mean() > 0.9
    own = found[RATED].to_numpy()[np.arange(len(found)), found["theme"].cat.codes]
    assert own[found["good"]].min() > -0.25 and own[found["good"]].mean() > own[~found["good"]].mean() + 1
    for coder, sure in (("coder_1", 0.88), ("coder_2", 0.8)):
        right = (found[coder].astype(str) == found["theme"].astype(str)).mean()
        assert abs(right - sure) < 3.3 * np.sqrt(sure * (1 - sure) / len(found))
