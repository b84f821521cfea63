"""What a class finds in the company's tables, analysis by analysis, and whether it is what is true.

Referees: the twin of the company, the lots that were drawn in it, and the truth in the envelope.
"""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from crmlab import company
from crmlab.company._schema import constants

DAY = np.timedelta64(1, "D")
END = np.datetime64("2023-01-01") + 1096 * DAY


@cache
def drawn(customers: int = 20_000, seed: int = 7) -> company.Company:
    return company.simulate(customers, rng=seed)


@cache
def with_truth(one: company.Company) -> pd.DataFrame:
    """Return the orders with what is true of them and of their customers."""
    return one.orders.merge(one._truth["orders"], on="order_id").merge(
        one._truth["customers"], on="customer_id"
    )


def contrast(values: pd.Series, arm: pd.Series, whose: pd.Series) -> tuple[float, float]:
    """Return the difference of the means of two arms, and its standard error with customers as clusters."""
    sums = pd.DataFrame({"sum": values.astype(float), "arm": arm.astype(bool), "one": 1})
    means = sums.groupby("arm")["sum"].mean()
    sums["rest"] = sums["sum"] - sums["arm"].map(means)
    own = sums.groupby([sums["arm"], whose])[["rest", "one"]].sum()
    variance = (own["rest"] ** 2).groupby("arm").sum() / own["one"].groupby("arm").sum() ** 2
    return means[True] - means[False], float(np.sqrt(variance.sum()))


# ---- goods, prices and dates


@pytest.mark.slow
def test_some_goods_are_bought_together_within_a_shelf_and_across():
    """Referee: the lift, counted pair by pair; nothing but the pairs that belong together has one above 2."""
    one = drawn()
    lines = one.order_lines.merge(one.products, on="product_id")
    bought = pd.crosstab(lines["order_id"], lines["name"]).gt(0).astype(float)
    together, share = bought.T @ bought / len(bought), bought.mean()
    pairs = (together / np.outer(share, share)).where(np.triu(np.ones(together.shape, bool), 1)).stack()
    high = set(pairs.index[pairs > 2])
    shelf = one.products.set_index("name")["category"].astype(str)
    within = [shelf[first] == shelf[second] for first, second in high]
    declared = constants("complements.csv")
    assert high <= {tuple(sorted(pair)) for pair in declared[["product", "goes_with"]].to_numpy()}
    assert True in within and False in within


@pytest.mark.slow
def test_list_prices_change_on_few_dates_and_what_is_paid_changes_with_them():
    """Referee: the price paid per pack of orders without a discount, day by day, from the order lines."""
    one = drawn()
    listed = one.prices[~one.prices["reduced"]].sort_values("from_on")
    changes = listed[listed["from_on"] > "2023-01-01"]
    launched = one.products["launched_on"].dropna()
    assert 2 <= len(set(changes["from_on"]) - set(launched)) <= 12
    plain = one.orders.loc[one.orders["discount_cents"] == 0, ["order_id", "ordered_at"]]
    lines = one.order_lines.merge(plain, on="order_id").sort_values("ordered_at")
    lines["day"] = lines["ordered_at"].dt.normalize().astype("M8[s]")
    told = pd.merge_asof(lines, listed, left_on="day", right_on="from_on", by="product_id")
    assert (told["amount_cents"] == told["quantity"] * told["price_cents"]).all()


def test_gifts_peak_before_feasts_and_other_purchases_hardly_do():
    """Referee: orders a week in the three weeks before a feast, against the six weeks before those."""
    orders = with_truth(drawn())
    dates = pd.to_datetime(constants("feasts.csv")["date"])
    before, far = np.zeros((2, len(orders)), bool)
    for feast in dates[(dates > "2023-06-01") & (dates < END)]:  # the first has no weeks before
        ahead = (feast - orders["ordered_at"]) / DAY
        before |= ahead.between(0, 21).to_numpy()
        far |= ahead.between(21, 63).to_numpy() & ~before
    gift = orders["segment"] == "gift"
    ratio = {
        kind: before[rows].sum() / (far[rows].sum() / 2) for kind, rows in gift.groupby(gift).groups.items()
    }
    assert ratio[True] > 1.5 and ratio[True] > 1.4 * ratio[False], ratio


def test_the_deal_prone_buy_more_of_their_orders_in_public_price_cuts():
    """Referee: deal-proneness in the envelope; orders that a coupon brought are left out."""
    one, orders = drawn(), with_truth(drawn())
    cuts = one.prices[one.prices["reduced"]].drop_duplicates("from_on")
    day = orders["ordered_at"].dt.normalize().to_numpy()[:, None]
    cut = ((day >= cuts["from_on"].to_numpy()) & (day < cuts["until_on"].to_numpy())).any(axis=1)
    own = orders[~orders["added"]].assign(cut=cut[~orders["added"]])
    shares = own.groupby(pd.qcut(own["deal_prone"], 4, labels=False))["cut"].mean()
    assert shares.is_monotonic_increasing and shares[3] > 1.5 * shares[0], shares


# ---- campaigns and the programme


def test_a_fifth_are_put_off_by_being_contacted_and_order_less():
    """Referee: the lot, among those whom the truth says are put off and among the others."""
    one = drawn()
    trials = one.treatments.merge(one._truth["treatments"], on=["campaign_id", "customer_id"])
    trials = trials.merge(one.campaigns[["campaign_id", "kind"]]).query("kind != 'invitation'")
    off = trials["lift"] < 0
    assert off.mean() == pytest.approx(0.2, abs=0.01)
    for rows, sign in ((off, -1), (~off, 1)):
        part = trials[rows]
        effect, error = contrast(part["orders"], part["treated"], part["customer_id"])
        assert sign * effect > 3.3 * error


def past_columns(one: company.Company, campaign: int) -> pd.DataFrame:
    """Return what the tables tell of each customer before a campaign, and the lift in the envelope."""
    start = one.campaigns.set_index("campaign_id")["starts_on"][campaign]
    past = one.orders[one.orders["ordered_at"] < start]
    whose = past["customer_id"]
    by = past.groupby("customer_id")
    lines = one.order_lines.merge(past[["order_id", "customer_id"]], on="order_id").merge(
        one.products[["product_id", "category"]]
    )
    agreed = one.consents[(one.consents["given_on"] < start) & (one.consents["purpose"] == "offers")]
    told = pd.DataFrame(
        {
            "orders": by.size(), "reduced": past["discount_cents"].gt(0).groupby(whose).mean(),
            "silent": (start - by["ordered_at"].max()) / DAY, "spend": by["amount_cents"].mean(),
            "since": (start - by["ordered_at"].min()) / DAY,
        }
    )  # fmt: skip
    told = told.join(pd.crosstab(lines["customer_id"], lines["category"], normalize="index"))
    told = told.join(pd.crosstab(agreed["customer_id"], agreed["channel"])).fillna(0)
    told["preferred"] = one.customers.set_index("customer_id")["preferred_contact"].cat.codes
    trial = one._truth["treatments"].query("campaign_id == @campaign").set_index("customer_id")
    return told.join(trial["lift"], how="inner")


def explained(told: pd.DataFrame) -> float:
    """Return the share of the lift's variance that a forest of small trees explains in another half."""
    told = told.sample(frac=1, random_state=1)
    half = len(told) // 2
    model = HistGradientBoostingRegressor(max_depth=4, max_iter=80, random_state=1)
    return model.fit(told[:half].drop(columns="lift"), told["lift"][:half]).score(
        told[half:].drop(columns="lift"), told["lift"][half:]
    )


@pytest.mark.slow
def test_what_is_known_before_a_coupon_tells_whom_it_moves():
    """Referee: the true lift. Of all customers, and of those with at least three orders."""
    for campaign in (3, 6):
        told = past_columns(drawn(), campaign)
        assert explained(told) > 0.4
        assert explained(told[told["orders"] > 2]) > 0.4


def test_the_offer_of_the_programme_by_lot_covers_its_effect():
    """Referee: the twin without a programme. Those offered it lose its orders there, the others nothing."""
    one = drawn()
    twin = one.do(programme="none")
    offers = one.programme_offers.set_index("customer_id")["offered"]
    margin = pd.DataFrame(
        {name: each.orders.groupby("customer_id")["margin_cents"].sum() for name, each in
         (("with", one), ("without", twin))}
    ).reindex(offers.index, fill_value=0)  # fmt: skip
    gain = margin["with"] - margin["without"]
    true = gain[offers].mean()
    assert true > 0 and (gain[~offers] == 0).mean() > 0.95  # a neighbour's launched tea, at most
    estimate, error = contrast(margin["with"], offers, offers.index.to_series())
    assert abs(estimate - true) < 3.3 * error
    members = offers.index.isin(one.memberships["customer_id"])
    naive = margin["with"][members].mean() - margin["with"][~members].mean()
    assert naive > true / members[offers].mean() + 3.3 * error  # members had bought twice to begin with


# ---- service


@pytest.mark.slow
def test_the_lot_tells_what_other_service_for_a_tier_is_worth():
    """Referee: the same company, chance included, in which the policies change nothing."""
    one, orders = drawn(), with_truth(drawn())
    plain = company.simulate(20_000, company.world(policy_effect=0))._truth["orders"]
    both = orders[~orders["added"]].merge(plain, on="order_id", suffixes=("", "_plain"))
    for policy, tier in (("events", "middle"), ("experienced_contacts", "low")):
        lot = one.policies[(one.policies["policy"] == policy) & (one.policies["tier"] == tier)]
        later = both.merge(lot, on="customer_id")
        later = later[later["ordered_at"] >= later["starts_on"]]
        if policy == "events":  # those of low value by then may be in the second lot as well
            later = later[later["ordered_at"] < one.policies["starts_on"].max()]
        estimate, error = contrast(later["experience"], later["treated"], later["customer_id"])
        served = later[later["treated"]]
        true = (served["experience"] - served["experience_plain"]).mean()
        assert true > 0.15 and estimate > 3.3 * error and abs(estimate - true) < 3.3 * error


@pytest.mark.slow
def test_before_and_after_the_redesign_finds_the_leaking_tin():
    """Referee: the twin that keeps the old tin; the control are orders without the tin in the same times."""
    one, orders = drawn(), with_truth(drawn())
    old = one.do(redesign_day=9999)._truth["orders"].set_index("order_id")["was_last"]
    tin = one.order_lines.loc[one.order_lines["product_id"] == 1, "order_id"]
    own = orders[~orders["added"]].assign(tin=lambda rows: rows["order_id"].isin(tin))
    after = own["ordered_at"] >= one.products.loc[0, "redesigned_on"]
    found = {has: contrast(rows["was_last"], after[rows.index], rows["customer_id"])
             for has, rows in own.groupby("tin")}  # fmt: skip
    estimate, error = found[True][0] - found[False][0], np.hypot(found[True][1], found[False][1])
    later = own[after & own["tin"]]
    later = later[later["order_id"].isin(old.index)]
    true = (later["was_last"].astype(float) - old[later["order_id"]].astype(float).to_numpy()).mean()
    assert true < -0.01 and estimate < -2 * error and abs(estimate - true) < 3.3 * error


# ---- relations


def test_those_who_were_sent_by_an_acquaintance_leave_about_15_per_cent_less():
    """Referee: their true probability of leaving; and the share who leave after the first order, in the log.

    Firms and leads, whom nobody sends, are left out.
    """
    one = drawn()
    persons = one.customers.loc[one.customers["kind"] == "person", "customer_id"]
    leads = one.leads["customer_id"].dropna()
    true = one._truth["customers"]
    true = true[true["customer_id"].isin(persons) & ~true["customer_id"].isin(leads)]
    sent = true["referrer_id"].notna()
    means = true.groupby(sent)["leaving_probability"].mean()
    assert means[True] / means[False] == pytest.approx(0.85, abs=0.04)
    first = with_truth(one).drop_duplicates("customer_id").set_index("customer_id")["was_last"]
    leaves = first[true["customer_id"]].groupby(sent.to_numpy()).mean()
    assert leaves[True] < 0.95 * leaves[False]
