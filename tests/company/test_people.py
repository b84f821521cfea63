"""Who the customers are: margins kept, modest reasons, titles that fit, addresses that are shared.

Referees: closed forms of the margins, the declared loadings and weights, and the truth about contacts.
"""

from functools import cache

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy.stats import beta, binom, gamma, invgamma, kstest, norm, spearmanr
from sklearn.feature_extraction.text import HashingVectorizer

from crmlab import company
from crmlab.company._draft import Draft
from crmlab.company._draws import Draws
from crmlab.company._schema import categories, constants
from crmlab.company.company import STEPS
from crmlab.company.customers import CARRIERS
from crmlab.company.levers import Levers, policy
from crmlab.company.people import ROLES, add_people, words

BEFORE_LIVING = STEPS[: STEPS.index(add_people) + 1]


@cache
def draft(customers: int = 20_000, world: str = "base", seed: int = 7, **changes: float) -> Draft:
    """Return a company of which only staff, leads and people are drawn."""
    own = company.world(world, **changes)
    drawn = Draft(own, policy(Levers(), own), Draws(seed), customers)
    for step in BEFORE_LIVING:
        step(drawn)
    return drawn


def traits(*arguments: int | str, **changes: float) -> pd.DataFrame:
    """Return the traits of customers, a row for each."""
    told = draft(*arguments, **changes).traits
    return pd.DataFrame({name: values for name, values in told.items() if values.ndim == 1})


@cache
def whole(seed: int, customers: int = 3_000) -> company.Company:
    return company.simulate(customers, rng=seed)


# ---- margins and reasons


def margins(world: company.World, like: float, spend: float) -> dict:
    """Return the law of each trait of those who order like so many persons, at a multiple of their spend."""
    scale = spend * world.spend_shape * world.spend_scale
    return {
        "purchase_rate": gamma(world.rate_shape * like, scale=1 / world.rate_scale),
        "leaving_probability": beta(world.leaving_a, world.leaving_b * like),
        "mean_spend_cents": invgamma(world.spend_q, scale=scale),
        "service": norm(), "bond": norm(), "satisfaction": norm(),
    }  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("world", ["base", "textbook"])
def test_reasons_service_and_referrals_leave_the_margins_as_the_world_states_them(world, seed):
    """Referee: Kolmogorov–Smirnov against the closed form, of persons and of firms."""
    told, own = traits(20_000, world, seed), company.world(world)
    for firm, rows in told.groupby("firm"):
        laws = margins(own, own.firm_rate if firm else 1, own.firm_spend if firm else 1)
        p = {name: kstest(rows[name], law.cdf).pvalue for name, law in laws.items()}
        assert min(p.values()) > 0.001, (firm, p)
    assert (
        kstest(told["leaving_probability"][~told["firm"]], beta(0.8, 4.4).cdf).pvalue < 0.001
    )  # it can fail


def test_in_textbook_rate_leaving_and_spend_are_independent_of_one_another_and_of_who_one_is():
    told = traits(20_000, "textbook")
    buying = ["purchase_rate", "leaving_probability", "mean_spend_cents"]
    about = ["age", "male", "region", "occupation", "staff", "service", "bond", "spoke", "carrier"]
    found = told[[*buying, *about]].corr("spearman").loc[buying] - np.eye(3, len(buying + about))
    assert found.abs().max(axis=None) < 4.3 / np.sqrt(len(told))
    base = traits(20_000)[[*buying, *about]].corr("spearman").loc[buying]
    assert base.loc["leaving_probability", "service"] < -0.35 and base.loc["purchase_rate", "age"] > 0.1


def test_service_bond_and_rate_go_with_leaving_as_the_world_says():
    """Referee: a Gaussian copula with correlation r has Spearman's 6/π·arcsin(r/2)."""
    told, own = traits(20_000), company.world()
    persons = told[~told["firm"]]
    for name, r in (("service", -own.leaving_service), ("bond", -own.leaving_bond),
                    ("purchase_rate", own.rate_leaving)):  # fmt: skip
        found = spearmanr(persons[name], persons["leaving_probability"])[0]
        assert found == pytest.approx(6 / np.pi * np.arcsin(r / 2), abs=0.03), name
    assert abs(persons["service"].corr(persons["bond"])) < 0.03


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_describing_a_target_group_is_possible_and_modest(seed):
    """Referee: the adjusted R² of least squares on what the tables tell of a person."""
    told = traits(20_000, "base", seed).query("not firm")
    names = categories("customers", "segment", "truth")
    told = told.assign(**{name: (told["segment"] == code) * 1.0 for code, name in enumerate(names)})
    sought = ["purchase_rate", "mean_spend_cents", "price_sensitivity", "everyday", "connoisseur"]
    sought = told[[*sought, "innovativeness"]]
    about = told[["age", "male", "region", "occupation"]].astype(float)
    about = pd.get_dummies(about, columns=["region", "occupation"], drop_first=True).assign(one=1)
    about = about.to_numpy(float)
    left = sought - about @ np.linalg.lstsq(about, sought.to_numpy(), rcond=None)[0]
    explained = 1 - left.var(ddof=np.linalg.matrix_rank(about)) / sought.var()
    assert explained.between(0.05, 0.10).all(), explained


def test_staff_tells_about_half_of_what_a_firm_is_expected_to_bring():
    one = company.simulate(10_000, rng=1)
    firms = (
        one._truth["customers"].merge(one.customers, on="customer_id").merge(one.accounts, on="account_id")
    )
    here = firms[firms["alive"]]
    assert 0.4 < spearmanr(here["staff"], here["expected_margin_cents"])[0] < 0.65


def test_firms_order_monthly_to_twice_a_month_and_each_industry_on_a_level_of_its_own():
    told = traits(20_000).query("firm").assign(orders=lambda t: 365 * t["purchase_rate"])
    assert (told["orders"].quantile([0.25, 0.75]).round().between(11, 25)).all()
    level = told.groupby("industry")["orders"].agg(["mean", "sem"]).sort_values("mean")
    assert (level["mean"].diff().dropna() > 2 * level["sem"].max()).all()
    persons = traits(20_000).query("not firm")
    spend = told["mean_spend_cents"].mean() / persons["mean_spend_cents"].mean()
    assert spend == pytest.approx(company.world().firm_spend, rel=0.1)
    assert told["staff"].min() >= 2 and (told["persons"] <= told["staff"]).all()


# ---- service, referrals, ways


def test_carrier_and_owner_explain_a_part_of_service():
    told = traits(20_000)
    fit = smf.ols("service ~ C(carrier) + C(owner)", told).fit()
    assert 0.08 < fit.rsquared < 0.25
    level = told.groupby("carrier")["service"].mean()
    assert level.rank().tolist() == CARRIERS["level"].rank().tolist()
    usual = pd.crosstab(told["region"], told["carrier"], normalize="index")
    assert (usual.max(axis=1) > 0.5).all()
    shares = CARRIERS[categories("customers", "region")].T.to_numpy()
    assert np.abs(usual.to_numpy() - shares).max() < 0.03


def ratio(**changes: float) -> float:
    """Return the mean probability of leaving of those who were sent as a multiple of the others'."""
    told = traits(60_000, "base", 3, **changes).query("not firm and lead < 0")
    return told.groupby("spoke")["leaving_probability"].mean().pipe(lambda mean: mean[True] / mean[False])


@pytest.mark.slow
def test_those_who_were_sent_leave_less_ten_points_by_likeness_and_five_by_being_sent():
    """Referee: the two parameters, each switched off in turn; with both off the luck is the same."""
    chance = ratio(referral_likeness=0, referral_effect=0)
    assert chance == pytest.approx(1, abs=0.03)  # its standard error is about .008
    assert ratio() / chance == pytest.approx(0.855, abs=0.02)
    assert ratio(referral_effect=0) / chance == pytest.approx(0.90, abs=0.015)
    assert ratio(referral_likeness=0) / chance == pytest.approx(0.95, abs=0.015)


def test_nobody_joins_by_campaign_outside_a_window_and_the_old_seldom_by_the_web():
    one, own = whole(1), company.world()
    day = (one.customers["joined_on"] - np.datetime64("2023-01-01")).dt.days
    inside = np.any(
        [(day >= start) & (day < start + own.campaign_days) for start in own.campaign_starts], axis=0
    )
    by_campaign = one.customers["source"] == "campaign"
    assert by_campaign.sum() > 20 and not by_campaign[~inside].any()
    assert not (company.simulate(500, "textbook").customers["source"] == "campaign").any()
    told = traits(20_000).query("not firm")
    web = told["source"] == categories("customers", "source").index("web")
    by_age = web.groupby(pd.cut(told["age"], [0, 35, 60, 100])).mean()
    assert by_age.is_monotonic_decreasing and by_age.iloc[0] > 2 * by_age.iloc[-1]


def test_the_way_of_being_contacted_follows_age():
    """Referee: the declared shares, each with its binomial band."""
    told = traits(20_000)
    group = np.where(told["firm"], 3, np.digitize(told["age"], [35, 60]))
    seen = pd.crosstab(group, told["preferred_contact"])
    n, shares = seen.sum(axis=1).to_numpy()[:, None], np.array([*words()["preferred_contact"].values()])
    low, high = binom.ppf([[[0.0001]], [[0.9999]]], n, shares)
    # firms whose age is known only with their people are a group by kind, so that nobody changes groups
    assert ((low <= seen) & (seen <= high)).all(axis=None)
    assert 0.6 < (told["preferred"] == told["preferred_contact"]).mean() < 0.8


def test_deal_proneness_goes_with_price_sensitivity():
    told = traits(20_000)
    assert told["deal_prone"].corr(told["price_sensitivity"]) == pytest.approx(0.6, abs=0.02)
    assert kstest(told["deal_prone"], norm.cdf).pvalue > 0.001
    assert told["put_off"].mean() == pytest.approx(0.2, abs=0.01)
    waits = traits(20_000, "promo_driven")
    assert waits["deal"].mean() == pytest.approx(0.7, abs=0.015)
    assert waits.loc[waits["deal"], "deal_prone"].min() >= waits.loc[~waits["deal"], "deal_prone"].max()


def test_leaving_cannot_have_more_causes_than_it_has_variance():
    with pytest.raises(ValueError, match=r"rate_leaving² \+ leaving_service² \+ leaving_bond².*exceed 1"):
        company.world(rate_leaving=0.9)


# ---- people


def test_titles_fit_industries_and_roles():
    """Referee: titles.csv, in which a weight of 0 forbids; and what everybody knows of who decides."""
    one = draft()
    people = one.tables["people"].assign(**{role: one.people[role] for role in ROLES})
    people = people.assign(firm=one.traits["firm"][people["customer_id"] - 1])
    people["industry"] = one.traits["industry"][people["customer_id"] - 1]
    titles = constants("titles.csv")
    by_name = pd.concat([titles.set_index(name) for name in ("english", "chinese")])
    firms = people[people["firm"]]
    assert firms["occupation"].isin(by_name.index).all()
    row = by_name.loc[firms["occupation"]]
    industries = categories("accounts", "industry")
    assert (row[industries].to_numpy()[np.arange(len(firms)), firms["industry"]] == 1).all()
    order = ["decider", "buyer", "influencer", "initiator", "user"]
    first = firms[order].to_numpy().argmax(axis=1)
    assert (row[order].to_numpy()[np.arange(len(firms)), first] > 0).all()
    held = firms.groupby("occupation")[ROLES].mean()
    assert (held.loc[["managing director", "owner", "店主"], "decider"] == 1).all()
    assert (held.loc[["kitchen hand", "waiter", "服务员"], ["decider", "buyer"]] == 0).all(axis=None)
    assert (held.loc[["kitchen hand", "waiter", "服务员"], "user"] == 1).all()
    age = -one.people["birth"] / 365.25
    assert age[one.people["decider"] & people["firm"].to_numpy()].min() >= 30
    persons = people[~people["firm"]].assign(age=age[~people["firm"]])
    assert persons.loc[persons["occupation"].isin(["student", "学生"]), "age"].max() < 22
    assert persons.loc[persons["occupation"].isin(["retired", "退休"]), "age"].min() > 66


def test_no_combination_of_industry_and_role_is_without_a_title():
    titles = constants("titles.csv")
    fits = titles[categories("accounts", "industry")].T.to_numpy() @ titles[ROLES].to_numpy()
    assert (fits > 0).all()


def test_a_third_of_firms_has_one_address_and_half_of_the_households_of_two():
    one = draft()
    people = one.tables["people"].assign(row=lambda t: t["customer_id"] - 1)
    people["firm"], people["home"] = (one.traits[name][people["row"]] for name in ("firm", "household"))
    info = people["mail"].str.startswith("info@")
    by_firm = info[people["firm"]].groupby(people["row"]).agg(["min", "max"])
    assert by_firm["min"].eq(by_firm["max"]).all() and not info[~people["firm"]].any()
    n = len(by_firm)
    assert abs(by_firm["min"].sum() - n / 3) < 4 * np.sqrt(n * 2 / 9)
    homes = people[~people["firm"]].groupby("home")["mail"].agg(["size", "nunique"])
    two = homes["nunique"][homes["size"] == 2]
    assert abs((two == 1).mean() - 0.5) < 4 * 0.5 / np.sqrt(len(two))
    shared = people.groupby("mail").agg(firms=("row", "nunique"), homes=("home", "nunique"))
    assert (shared["homes"] == 1).all()  # no address is shared by strangers
    assert people.loc[~info & people["firm"], "mail"].is_unique


def test_staff_grows_with_the_company_and_no_department_is_empty():
    for customers in (1, 5_000, 20_000):
        staff = draft(customers).tables["employees"]
        assert len(staff) == max(8, round(customers / 600)) and staff["department"].nunique() == 4
        service = staff.loc[staff["department"] == "service", "experience_years"]
        assert (service < 5).any() and (service >= 5).any()
    revenue = whole(1, 3_000).orders["amount_cents"].sum() / 100 / 3
    assert 30_000 < revenue / len(whole(1, 3_000).employees) < 150_000  # dollars a year and head


# ---- one identity


def cards(seed: int) -> pd.DataFrame:
    """Return the contacts with the person of each."""
    one = whole(seed)
    true = one._truth["contacts"][["contact_id", "person_id"]]
    return one.contacts.merge(true, on="contact_id").assign(row=lambda t: np.arange(len(t)))


def pairs(table: pd.DataFrame, *keys: str) -> pd.DataFrame:
    """Return each two cards that agree in one of these keys."""
    found = []
    for key in keys:
        some = table.dropna(subset=key)[[key, "row"]]
        both = some.merge(some, on=key, suffixes=("", "_other"))
        found.append(both.loc[both["row"] < both["row_other"], ["row", "row_other"]])
    return pd.concat(found).drop_duplicates()


def f1(table: pd.DataFrame, found: pd.DataFrame) -> float:
    """Return the F1 of pairs that are said to be one person."""
    person, count = table["person_id"].to_numpy(), table["person_id"].value_counts()
    right = (person[found["row"]] == person[found["row_other"]]).sum()
    return 2 * right / (len(found) + (count * (count - 1) // 2).sum())


FIELDS = ["name", "birth_date", "telephone", "mail", "address"]


def agreement(table: pd.DataFrame, two: pd.DataFrame) -> np.ndarray:
    """Return for each pair and field a level: unknown, equal, close, near, apart (by pairs of letters)."""
    letters = HashingVectorizer(analyzer="char", ngram_range=(2, 2), alternate_sign=False, n_features=2**16)
    one, other, levels = two["row"].to_numpy(), two["row_other"].to_numpy(), []
    for field in FIELDS:
        text = table[field].astype("str").fillna("").to_numpy()
        known = table[field].notna().to_numpy()
        grams = letters.transform(text)
        alike = np.asarray(grams[one].multiply(grams[other]).sum(axis=1)).ravel()
        rules = [~(known[one] & known[other]), text[one] == text[other], alike > 0.75, alike > 0.45]
        levels.append(np.select(rules, range(4), 4))
    return np.transpose(levels)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_exact_keys_are_not_enough_and_a_probabilistic_match_is(seed):
    """Referee: the truth about contacts. Weights (log-odds, Fellegi & Sunter 1969) and the threshold are
    learned on another company."""
    table = cards(seed)
    exact = [f1(table, pairs(table, *keys)) for keys in (["mail"], ["telephone"], ["mail", "telephone"])]
    assert 0.70 <= max(exact) <= 0.80, exact
    weights, limit = learned()
    two = pairs(table, *FIELDS)
    score = weights[np.arange(len(FIELDS)), agreement(table, two)].sum(axis=1)
    assert f1(table, two[score > limit]) >= 0.92


@cache
def learned() -> tuple[np.ndarray, float]:
    """Return log-odds by field and level of agreement, and the threshold that is best there."""
    table = cards(11)
    two = pairs(table, *FIELDS)
    level, person = agreement(table, two), table["person_id"].to_numpy()
    same = person[two["row"]] == person[two["row_other"]]
    count = [[np.bincount(part[:, field], minlength=5) + 0.5 for field in range(len(FIELDS))]
             for part in (level[same], level[~same])]  # fmt: skip
    share = np.array(count) / np.sum(count, axis=2, keepdims=True)
    weights = np.log(share[0] / share[1])
    score = weights[np.arange(len(FIELDS)), level].sum(axis=1)
    return weights, max(np.arange(-10, 10, 0.25), key=lambda limit: f1(table, two[score > limit]))
