"""What passes between us and partners, who gains by it, who sours, and what competitors do.

Referees: brute force over orders, the envelope, a regression over many relations, the company with more
partners.
"""

from functools import cache

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from crmlab import company
from crmlab.company import partnership
from crmlab.company._draft import Draft
from crmlab.company._draws import Draws
from crmlab.company._schema import constants
from crmlab.company.company import STEPS
from crmlab.company.levers import Levers, policy

START = pd.Timestamp("2023-01-01")


@cache
def drawn(partners: int = 24, seed: int = 7, customers: int = 2_000, days: int = 1096) -> Draft:
    """Return a company with so many partners and what passes between it and them."""
    world = company.world(days=days)
    draft = Draft(world, policy(Levers(), world), Draws(seed), customers, partners_wanted=partners)
    for step in STEPS:
        step(draft)
    for step in (partnership.add_relations, partnership.add_moves, partnership.add_partner_ties):
        step(draft)
    return draft


def gains(draft: Draft) -> pd.DataFrame:
    relations = draft.tables["relations"]
    return relations.groupby("partner_id")[["worth_to_us_cents", "worth_to_them_cents"]].sum() > 0


def flows(draft: Draft) -> pd.DataFrame:
    """Return by partner and month what went out, what orders would let pass, and attitudes since."""
    relations, attitudes = draft.tables["relations"], draft.tables["attitudes"]
    theirs = attitudes[attitudes["side"] == "theirs"].pivot(
        index="asked_on", columns="partner_id", values="attitude"
    )
    out = relations[relations["direction"] == "out"].assign(
        month=lambda table: pd.to_datetime(table["month"]).dt.as_unit("s")
    )
    traffic = pd.DataFrame(
        partnership._traffic(draft).T, theirs.index, draft.tables["partners"]["partner_id"]
    )
    parts = {"traffic": traffic, "now": theirs} | {f"lag_{lag}": theirs.shift(lag) for lag in (1, 3, 6)}
    both = out.set_index(["month", "partner_id"])[["value_cents"]]
    for name, wide in parts.items():
        both[name] = wide.stack().reindex(both.index)
    return both.reset_index()


# ---- win-win


def test_both_gain_in_14_of_24_relations_and_in_the_others_one_does():
    """Referee: what each month's flow is worth to either side, summed; over six companies."""
    shares = []
    for seed in range(6):
        side = gains(drawn(seed=seed, customers=500))
        assert len(side) == 24 and side.any(axis=1).all()
        shares.append(side.all(axis=1).mean())
    assert all(0.5 <= share <= 0.7 for share in shares) and np.mean(shares) == pytest.approx(
        14 / 24, abs=0.03
    )


def test_of_many_partners_the_truth_says_who_gains():
    many = drawn(200)
    side, truth = gains(many), many.truth["partners"].set_index("partner_id")
    truth = truth.loc[side.index]
    assert 0.5 < side.all(axis=1).mean() < 0.7
    clear = (truth[["our_gain", "their_gain"]].abs() > 0.15).all(axis=1)
    assert (side["worth_to_us_cents"] == (truth["our_gain"] > 0))[clear].mean() > 0.97
    assert (side["worth_to_them_cents"] == (truth["their_gain"] > 0))[clear].mean() > 0.97


def test_each_side_pays_what_it_gives_and_values_what_it_gets():
    relations = drawn().tables["relations"]
    out = relations["direction"] == "out"
    assert relations["worth_to_us_cents"][out].eq(-relations["value_cents"][out]).all()
    assert relations["worth_to_them_cents"][~out].eq(-relations["value_cents"][~out]).all()
    assert (relations["worth_to_us_cents"][~out] >= 0).all() and (
        relations["worth_to_them_cents"][out] >= 0
    ).all()


# ---- flows


def test_traffic_is_the_goods_of_orders_and_a_share_of_sales():
    """Referee: brute force by merge and groupby."""
    draft = drawn()
    partners, orders = draft.partners, draft.tables["orders"]
    month = orders["ordered_at"].dt.to_period("M")
    sales = orders.groupby(month)["amount_cents"].sum()
    lines = draft.tables["order_lines"].merge(orders[["order_id"]].assign(month=month), on="order_id")
    lines["supplier"] = partnership.suppliers(draft)[lines["product_id"] - 1]
    bought = lines.pivot_table("cost_cents", "supplier", "month", "sum", fill_value=0)
    through = partnership.distributors(
        draft, draft.orders["customer"], draft.orders["key"], draft.orders["time"]
    )
    sold = orders.assign(through=through, month=month).query("through >= 0")
    sold = sold.pivot_table("amount_cents", "through", "month", "sum", fill_value=0)
    expected = pd.DataFrame(
        partners["share"][:, None] * sales.to_numpy(), range(len(partners["share"])), sales.index
    )
    expected = expected.add(bought, fill_value=0).add(sold, fill_value=0)
    traffic = partnership._traffic(draft)
    assert np.allclose(expected.to_numpy()[:, : traffic.shape[1]], traffic)


def test_flows_follow_orders_and_the_attitude_of_a_quarter_ago():
    """Referee: a regression over 200 partners; the attitude is rounded, which takes a little off."""
    data = flows(drawn(200))
    data = data[(data["value_cents"] > 0) & (data["traffic"] > 0)].dropna()
    data = data.assign(
        flow=np.log(data["value_cents"]), orders=np.log(data["traffic"]), one=data["partner_id"]
    )
    data = data - data.assign(month=0).groupby("partner_id").transform("mean").assign(month=pd.Timedelta(0))
    fit = smf.ols("flow ~ orders + lag_3", data).fit()
    assert fit.params["orders"] == pytest.approx(1, abs=0.03)
    assert fit.params["lag_3"] == pytest.approx(partnership._FOLLOWS, rel=0.2)
    free = smf.ols("flow ~ orders + now + lag_1 + lag_3 + lag_6", data).fit()
    assert free.params["lag_3"] > 4 * max(abs(free.params[name]) for name in ("now", "lag_6"))


def test_a_flow_remembers_the_month_before():
    data = flows(drawn(200)).query("traffic > 0 and value_cents > 0").dropna()
    own = np.log(data["value_cents"] / data["traffic"]) - partnership._FOLLOWS * data["lag_3"]
    own = own - own.groupby(data["partner_id"]).transform("mean")
    before = own.groupby(data["partner_id"]).shift()
    assert 0.1 < own.corr(before) < 0.5


# ---- souring


def warned(draft: Draft) -> pd.Series:
    """Return for each partner that soured the months from the first warning to the first fall of the flow."""
    data, found = flows(draft), {}
    truth = draft.truth["partners"].dropna(subset="soured_on").set_index("partner_id")
    for partner, soured in truth["soured_on"].items():
        own = data[data["partner_id"] == partner].set_index("month")
        share = own["value_cents"] / own["traffic"]
        usual = own.index < soured
        low = own["now"].rolling(2).mean() < own["now"][usual].mean() - 1.2
        fallen = share.rolling(2).mean() < 0.7 * share[usual].mean()
        after = own.index >= soured
        if low[after].any() and fallen[after].any():
            months = own.index[after]
            found[partner] = months.get_loc(fallen[after].idxmax()) - months.get_loc(low[after].idxmax())
    return pd.Series(found, dtype=float)


@pytest.mark.slow
def test_two_sour_one_leaves_and_the_attitude_warns_before_the_flow_falls():
    """Referee: when either is first seen, by one rule for both; in six companies."""
    leads = []
    for seed in range(6):
        draft = drawn(seed=seed, customers=2_000)
        truth, partners = draft.truth["partners"], draft.tables["partners"]
        assert truth["soured_on"].notna().sum() == 2 and partners["until"].notna().sum() == 1
        assert truth["cause"].notna().eq(truth["soured_on"].notna()).all()
        assert truth["soured_on"][partners["until"].notna()].notna().all()
        assert (warned(draft) > 0).any()
        leads += warned(draft).tolist()
    assert np.mean(np.array(leads) > 0) > 0.7


def test_among_many_the_warning_mostly_comes_first():
    """Referee: as above, over 1,000 partners."""
    draft = drawn(1_000, customers=500)
    early = warned(draft)
    soured = draft.truth["partners"]["soured_on"].notna().sum()
    assert 60 < soured < 120 and len(early) > 0.6 * soured
    assert (early > 0).mean() > 0.7 and early.median() >= 2


def test_nothing_passes_before_a_partner_is_there_or_after_it_left():
    draft = drawn(200)
    life = draft.tables["partners"].set_index("partner_id")[["since", "until"]]
    for name, day in (("relations", "month"), ("attitudes", "asked_on")):
        rows = draft.tables[name].join(life, on="partner_id")
        assert (rows[day] >= rows["since"]).all() and not (rows[day] >= rows["until"]).any(), name
    left = life["until"].notna()
    assert left.sum() > 3 and draft.tables["relations"]["partner_id"].isin(life.index[left]).any()


def test_attitudes_are_asked_monthly_of_both_sides():
    attitudes = drawn().tables["attitudes"]
    assert (attitudes["asked_on"].dt.day == 1).all()
    assert (attitudes.groupby(["partner_id", "asked_on"]).size() == 2).all()
    months = attitudes.groupby("partner_id")["asked_on"].agg(lambda days: days.dt.to_period("M").nunique())
    assert months.max() == 36


# ---- suppliers and distributors


@pytest.mark.parametrize("partners", [24, 200])
def test_every_product_has_a_supplier_and_the_workshop_makes_the_ware(partners):
    draft = drawn(partners)
    supplier, kind = partnership.suppliers(draft), draft.tables["partners"]["kind"]
    assert (kind.iloc[supplier] == "supplier").all() and len(supplier) == len(draft.tables["products"])
    ware = draft.tables["products"]["category"] == "ware"
    workshop = draft.tables["partners"]["name"].iloc[constants("partners.toml")["workshop"]]
    assert workshop.startswith("Kettle Lane Tin Works")
    assert (draft.tables["partners"]["name"].iloc[supplier] == workshop).to_numpy().tolist() == ware.tolist()


@pytest.mark.slow
def test_some_customers_have_a_distributor_and_always_the_same():
    draft = drawn(customers=5_000)
    orders, life = draft.orders, draft.tables["partners"]
    through = partnership.distributors(draft, orders["customer"], orders["key"], orders["time"])
    rows = pd.DataFrame({"customer": orders["customer"], "time": orders["time"], "through": through})
    those = rows.query("through >= 0")
    assert (those.groupby("customer")["through"].nunique() == 1).all()
    assert 0.07 < (through >= 0).mean() < 0.15
    # late orders of those who have one: as many as the share says
    has = rows["customer"].isin(those["customer"])
    still = rows[has].assign(own=rows["customer"].map(those.groupby("customer")["through"].first()))
    until = ((life["until"] - START) / pd.Timedelta(days=1)).fillna(np.inf).to_numpy()
    since = ((life["since"] - START) / pd.Timedelta(days=1)).to_numpy()
    own = still["own"].astype(int).to_numpy()
    dealt = (still["time"] >= since[own]) & (still["time"] < until[own])
    assert (still["through"] >= 0)[~dealt].sum() == 0 and (~dealt).sum() > 20
    assert (still["through"] >= 0)[dealt].mean() > 0.75


def test_the_distributor_of_an_order_hangs_on_its_key_alone():
    draft = drawn()
    orders = draft.orders
    whole = partnership.distributors(draft, orders["customer"], orders["key"], orders["time"])
    some = slice(10, 3_000, 7)
    part = partnership.distributors(draft, *(orders[name][some] for name in ("customer", "key", "time")))
    assert (whole[some] == part).all()


# ---- more partners


@pytest.mark.slow
@pytest.mark.parametrize("partners", [200, 1_000])
def test_more_partners_change_nobody_and_come_after_the_first(partners):
    """Referee: the company with 24."""
    few, many = drawn(customers=500), drawn(partners, customers=500)
    assert len(many.tables["partners"]) == partners
    assert many.tables["partners"]["name"].is_unique
    pd.testing.assert_frame_equal(many.tables["partners"].head(24), few.tables["partners"])
    pd.testing.assert_frame_equal(many.truth["partners"].head(24), few.truth["partners"])
    of_partners = {"partners", "relations", "attitudes", "partner_ties"}
    for name in few.tables.keys() - of_partners:
        both = [
            draft.tables[name].drop(columns=["supplier_id", "distributor_id"], errors="ignore")
            for draft in (few, many)
        ]
        pd.testing.assert_frame_equal(*both)
    for name in few.truth.keys() - of_partners:
        pd.testing.assert_frame_equal(few.truth[name], many.truth[name])


def test_the_first_partners_have_two_publics_beside_government():
    kinds = drawn().tables["partners"]["kind"].value_counts()
    assert kinds.sum() == 24 and kinds["residents"] == kinds["press"] == 1 and (kinds > 0).all()


def test_partners_do_not_know_more_others_because_there_are_more():
    degree = [2 * len(drawn(n, customers=500).tables["partner_ties"]) / n for n in (24, 200, 1_000)]
    assert max(degree) < 1.5 * min(degree)


# ---- competitors' moves


def test_moves_are_dated_and_told_to_the_clock_as_the_truth_has_them():
    draft = drawn()
    table, truth, told = draft.tables["moves"], draft.truth["moves"], partnership.moves(draft)
    assert len(told) == len(table) == draft.world.rival_moves and set(table["kind"]) == {
        "opening",
        "price_cut",
    }
    kind = draft.tables["partners"].set_index("partner_id")
    assert (kind["kind"].loc[table["partner_id"]] == "competitor").all()
    assert (kind["since"].loc[table["partner_id"]].to_numpy() <= table["starts_on"].to_numpy()).all()
    for (day, days, factor), row, felt in zip(told, table.itertuples(), truth.itertuples(), strict=True):
        assert row.starts_on == START + pd.Timedelta(days=day) and felt.felt_days == days
        touched = factor == felt.felt
        assert (factor[~touched] == 1).all() and 0.5 < felt.felt < 1
        if row.kind == "price_cut":
            assert touched.all() and pd.isna(row.region) and (row.ends_on - row.starts_on).days == days
        else:
            names = table["region"].cat.categories
            assert touched.sum() == 1 and names[touched.argmax()] == row.region and pd.isna(row.ends_on)


@pytest.mark.parametrize("world", ["textbook", "seasonal", "promo_driven", "clockwork"])
def test_competitors_do_nothing_that_is_felt_in_the_other_worlds(world):
    other = company.world(world)
    draft = Draft(other, policy(Levers(), other), Draws(7), 100)
    partnership.draw_partners(draft)
    partnership.add_moves(draft)
    assert partnership.moves(draft) == [] and draft.tables["moves"].empty
