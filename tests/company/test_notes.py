"""Messages, hours, complaints and notes: what is on file fits together.

Referees: the shares in the data files, the calendar of pandas, the truth in the envelope.
"""

from copy import copy
from functools import cache

import numpy as np
import pandas as pd
import pytest

from crmlab import company
from crmlab.company import hours, service
from crmlab.company._draft import Draft
from crmlab.company._draws import Draws
from crmlab.company._schema import START, constants
from crmlab.company.hours import CHANNELS
from crmlab.company.levers import Levers, policy


@cache
def drawn(customers: int = 3_000, seed: int = 7, **changes: float) -> company.Company:
    return company.simulate(customers, company.world(**changes), seed)


@cache
def blank(seed: int = 5) -> Draft:
    """Return a company of which nothing is drawn."""
    return Draft(company.world(), policy(Levers(), company.world()), Draws(seed), 1)


def moments(days: np.ndarray) -> pd.Series:
    return pd.Series(pd.Timestamp(START) + pd.to_timedelta(days, unit="D"))


# ---- hours


@pytest.mark.parametrize("channel", CHANNELS)
def test_each_channel_has_its_hours_and_days(channel):
    """Referee: the shares in hours.toml, and pandas for the calendar."""
    told, n = constants("hours.toml")[channel], 40_000
    code = np.full(n, CHANNELS.index(channel))
    day = np.random.default_rng(1).random(n) * 700
    open_on = hours.opening(code, day)
    at = moments(hours.at_hour(blank(), "test", np.arange(n), open_on, code))
    assert (open_on >= day - 1e-9).all() and (open_on < day + 3).all()
    assert (at.dt.normalize() == moments(np.floor(open_on))).all()
    closed = {number for number, share in enumerate(told["waits"]) if share == 1}
    assert set(range(7)) - set(at.dt.day_of_week) == closed
    for name, rows in (("week", at.dt.day_of_week < 5), ("weekend", at.dt.day_of_week >= 5)):
        if rows.any():
            share = np.array(told[name]) / sum(told[name])
            found = np.bincount(at.dt.hour[rows], minlength=24) / rows.sum()
            assert found == pytest.approx(share, abs=4 / np.sqrt(rows.sum()))


def test_orders_on_the_web_wait_for_the_weekend_and_nothing_moves_that_need_not():
    day = np.random.default_rng(1).random(40_000) * 700
    web, mail = (np.full(len(day), CHANNELS.index(one)) for one in ("web", "mail"))
    weekend = moments(hours.opening(web, day)).dt.day_of_week >= 5
    assert weekend.mean() == pytest.approx((2 + 0.35) / 7, abs=0.01)
    moved = hours.opening(mail, day)
    open_already = moments(day).dt.day_of_week < 5
    assert (moved[open_already] == day[open_already]).all()
    assert moments(moved)[~open_already].dt.day_of_week.eq(0).all()
    back = hours.opening(mail, day, back=True)
    assert moments(back)[~open_already].dt.day_of_week.eq(4).all() and (back <= day).all()


@pytest.mark.parametrize("rhythm", [hours.OFFICE, hours.AWAKE])
def test_waiting_is_counted_in_the_hours_in_which_somebody_is_there(rhythm):
    """Referee: counting the minutes, one by one."""
    first, length, week = rhythm
    luck = np.random.default_rng(2)
    for sent, wait in zip(luck.random(40) * 60, luck.random(40) * 12, strict=True):
        answered = hours.later(np.array([sent]), np.array([wait]), rhythm)[0]
        grid = sent + (answered - sent) * (np.arange(20_000) + 0.5) / 20_000
        minutes = pd.DatetimeIndex(moments(grid))
        there = (minutes.day_of_week < week) & (24 * (grid % 1) >= first) & (24 * (grid % 1) < first + length)
        assert 24 * (answered - sent) * there.mean() == pytest.approx(wait, abs=0.1)
        assert there[-1]


# ---- messages


@cache
def messages(seed: int = 7) -> pd.DataFrame:
    """Return the messages with their true purpose, the order, the customer, and how they want to be met."""
    one = drawn(seed=seed)
    told = one.interactions.drop(columns="purpose").merge(one._truth["interactions"], on="interaction_id")
    told = told.merge(
        one.orders[["order_id", "ordered_at", "channel"]], on="order_id", suffixes=("", "_order")
    )
    told = told.merge(one.customers[["customer_id", "kind", "preferred_contact"]], on="customer_id")
    channels = ["channel", "channel_order", "preferred_contact"]
    return told.astype(dict.fromkeys([*channels, "purpose"], "str"))


def test_nothing_is_written_at_night_and_nothing_answered():
    """The placing of an order is told where its hour comes from: with the order."""
    told = messages()
    written = told[told["purpose"] != "order"]
    assert len(written) > 3_000 and not written["sent_at"].dt.hour.between(1, 5).any()
    answered = told[~told["channel"].isin(["visit", "phone"])].dropna(subset="answered_at")
    theirs = answered[answered["direction"] == "out"]
    assert len(theirs) > 50 and theirs["answered_at"].dt.hour.between(8, 21).all()
    ours = answered.loc[answered["direction"] == "in", "answered_at"]
    assert ours.dt.hour.between(9, 17).all() and (ours.dt.day_of_week < 5).all()
    assert (answered["answered_at"] > answered["sent_at"]).all()


def test_messages_keep_the_hours_of_their_channel():
    told = messages()
    told = told[told["purpose"] != "order"]
    for channel, rows in told.groupby("channel"):
        hours_of, week = constants("hours.toml")[channel], rows["sent_at"].dt.day_of_week
        open_at = {hour for days in ("week", "weekend") for hour in range(24) if hours_of[days][hour]}
        assert set(rows["sent_at"].dt.hour) <= open_at, channel
        assert not week.isin([day for day, share in enumerate(hours_of["waits"]) if share == 1]).any(), (
            channel
        )
    news = told[(told["purpose"] == "news") & (told["channel"] != "visit")]["sent_at"]
    assert news.dt.hour.between(8, 17).all() and (news.dt.day_of_week < 5).all()


def test_what_is_spoken_is_answered_at_once():
    told = messages()
    spoken = told[told["channel"].isin(["visit", "phone"]) & (told["direction"] == "in")]
    assert len(spoken) > 500 and spoken["answered_at"].notna().mean() > 0.995  # the log may end meanwhile
    assert ((spoken["answered_at"] - spoken["sent_at"]).dropna() <= pd.Timedelta(minutes=20)).all()


def test_the_preferred_way_is_used_in_sixty_per_cent_and_answered_more():
    told = messages()
    about = told[told["purpose"] != "order"]
    as_asked = about["channel"] == about["preferred_contact"]
    assert as_asked.mean() == pytest.approx(0.6, abs=0.03)
    news = about[(about["purpose"] == "news") & ~about["channel"].isin(["visit", "phone"])]
    answers = news["answered_at"].notna().groupby(news["channel"] == news["preferred_contact"]).mean()
    assert answers[True] > answers[False] + 0.08


def test_the_order_of_a_purchase_is_that_of_its_messages():
    """A need is raised before advice, advice before approval, all before the order and use after it."""
    told = messages()
    gap = (told["sent_at"].dt.normalize() - told["ordered_at"].dt.normalize()).dt.days
    windows = {"need": (-17, -10), "advice": (-10, -5), "approval": (-5, -1), "order": (0, 0)}
    for purpose, (low, high) in windows.items():
        assert gap[told["purpose"] == purpose].between(low, high).all(), purpose
    assert (gap[told["purpose"].isin(["usage", "news"])] >= 1).all()
    placing = told[told["purpose"] == "order"]
    assert (placing["channel"] == placing["channel_order"]).all()
    assert placing["sent_at"].eq(placing["ordered_at"]).all()


def test_most_messages_have_a_subject_and_no_purpose():
    one, told = drawn(), messages()
    purpose = one.interactions.set_index("interaction_id")["purpose"]
    written = told.loc[told["channel"].isin(["web", "fax", "mail"]), "interaction_id"]
    assert purpose.isna().mean() > 0.5 and 0.85 < purpose[written].isna().mean() < 0.95
    assert set(written) == set(one.subjects["interaction_id"])
    true = told.set_index("interaction_id")["purpose"]
    noted = purpose.dropna()
    assert (noted.astype(str) == true[noted.index]).all()


def test_the_number_of_a_message_does_not_tell_its_purpose():
    """Referee: each digit stands for each purpose about equally often."""
    told = messages()
    shares = pd.crosstab(told["interaction_id"] % 10, told["purpose"], normalize="columns")
    assert shares.shape == (7, 6) and ((shares > 0.05) & (shares < 0.25)).all(axis=None)


@pytest.mark.slow
def test_people_leave_their_firms_and_colleagues_write_on():
    one = drawn(8_000)
    gone = one._truth["departures"].set_index("person_id")["left_on"]
    people = one._truth["people"].merge(one.people[["person_id", "customer_id"]], on="person_id")
    firms = one.customers.loc[one.customers["kind"] == "firm", "customer_id"]
    assert people.set_index("person_id").loc[gone.index, "customer_id"].isin(firms).all()
    parts = one.participants.merge(one.interactions[["interaction_id", "sent_at", "customer_id"]])
    day = parts["person_id"].map(gone)
    assert not (parts["sent_at"] >= day).any() and (parts["sent_at"] < day).sum() > 100
    wrote = parts[parts["sent_at"] < day].drop_duplicates("person_id").set_index("person_id")
    later = parts.dropna(subset="person_id").groupby("customer_id")["sent_at"].max()
    went_on = later[wrote["customer_id"]].to_numpy() > gone[wrote.index].to_numpy()
    assert went_on.mean() > 0.3


# ---- complaints


def complaints(one: company.Company) -> pd.DataFrame:
    told = one.complaints.merge(one._truth["complaints"], on="complaint_id", suffixes=("", "_true"))
    told = told.merge(one.orders[["order_id", "ordered_at", "channel"]], on="order_id")
    return told.merge(one._truth["orders"], on="order_id")


@pytest.mark.slow
def test_causes_fit_the_channel_and_the_fault():
    told = complaints(drawn(10_000))
    shop = told["channel"] == "visit"
    for cause in ("cause", "cause_true"):
        assert not told.loc[shop, cause].isin(["delivery", "packing"]).any()
        assert told.loc[~shop, cause].isin(["delivery", "packing"]).mean() > 0.2
    assert shop.sum() > 100 and told.loc[told["fault"] == "tin", "cause_true"].eq("product").all()
    right = (told["cause"].astype(str) == told["cause_true"].astype(str)).mean()
    assert 0.86 < right < 0.95


@pytest.mark.parametrize(
    ("fault", "cause"),
    [("tin", "product"), ("packer", "packing"), ("carrier", "delivery"), ("region", "delivery")],
)
def test_each_fault_is_complained_about_as_what_it_is(fault, cause):
    """The orders of the company with a fault put into each of them."""
    one = company.simulate(1_500, rng=2).tables._draft
    other = copy(one)
    other.tables, other.truth = dict(one.tables), dict(one.truth)
    other.orders = one.orders | {"fault": np.full(len(one.orders["id"]), service.FAULTS.index(fault))}
    service.add_complaints(other)
    told = other.truth["complaints"].merge(one.tables["orders"], left_on="complaint_id", right_on="order_id")
    shop = told["channel"] == "visit"
    assert (told.loc[~shop, "cause"] == cause).all() and (~shop).sum() > 100
    if fault != "tin":
        assert not told.loc[shop, "cause"].isin(["delivery", "packing"]).any() and shop.any()


def test_a_complaint_is_opened_within_four_days_of_the_arrival():
    one = drawn(10_000)
    draft, told = one.tables._draft, complaints(one)
    arrived = pd.Series(service.arrival(draft), index=draft.orders["id"])
    opened = (told["opened_on"] - pd.Timestamp(START)).dt.days
    wait = opened - told["order_id"].map(arrived)
    assert wait.between(0, 4).all() and set(wait) == {0.0, 1.0, 2.0, 3.0, 4.0}
    assert (opened > (told["ordered_at"].dt.normalize() - pd.Timestamp(START)).dt.days).all()
    delivered = draft.orders["channel"] != CHANNELS.index("visit")
    days = service.arrival(draft) - np.floor(draft.orders["time"])
    punctual = delivered & (draft.orders["fault"] < 3)
    assert (days[~delivered] == 0).all() and set(days[punctual]) == {1, 2, 3}
    assert days[delivered & ~punctual].min() >= 4


def test_the_answer_comes_after_the_days_that_count_for_the_recovery():
    """Referee: response_days of the order, which is what mends the experience."""
    one = drawn(10_000)
    told, draft = complaints(one), one.tables._draft
    waited = (told["first_response_on"] - told["opened_on"]).dt.days
    meant = told["order_id"].map(pd.Series(draft.orders["response_days"], index=draft.orders["id"]))
    assert waited[waited.notna()].eq(meant[waited.notna()]).all()
    after = one.orders.groupby("customer_id")["ordered_at"].max()
    bought = after[told["customer_id"]].to_numpy() >= told["opened_on"] + pd.Timedelta(days=1)
    assert told["bought_again"].eq(bought).all()


# ---- acquaintances as a base


def test_a_referral_names_an_acquaintance_who_was_a_customer_then():
    one = drawn(5_000)
    true = one._truth["customers"].set_index("customer_id")
    sent = true["referrer_id"].dropna().astype(int)
    ties = set(one.acquaintances.itertuples(index=False, name=None))
    assert len(sent) > 500 and all((referrer, who) in ties for who, referrer in sent.items())
    joined = one.customers.set_index("customer_id")["joined_on"]
    assert not (true["left_on"][sent].to_numpy() < joined[sent.index].to_numpy()).any()
    assert (joined[sent].to_numpy() <= joined[sent.index].to_numpy()).all()
    content = true["satisfaction"] > 0
    sends = true.index.isin(sent)
    assert sends[content].mean() > 1.3 * sends[~content].mean()


def test_more_is_referred_where_more_is_said():
    shares = [
        drawn(3_000, word_of_mouth=said)._truth["customers"]["referrer_id"].notna().mean()
        for said in (0.0, 0.2, 0.8)
    ]
    assert shares[0] == 0 and shares[2] > 2 * shares[1] > 0.1


def test_replies_go_to_acquaintances_more_often_than_by_chance():
    one = drawn(5_000)
    posts = one.community_posts.set_index("post_id")["customer_id"]
    replies = one.community_posts.dropna(subset="reply_to")
    pairs = np.sort([replies["customer_id"], posts[replies["reply_to"]]], axis=0).T
    ties = set(one.acquaintances.itertuples(index=False, name=None))
    by_chance = 2 * len(ties) / 5_000**2
    assert np.mean([tuple(pair) in ties for pair in pairs.tolist()]) > 20 * by_chance
    asked = one.community_posts["posted_at"].dt.hour
    assert not asked.between(1, 5).any()
    order = one.orders.set_index("order_id")["ordered_at"][one.community_posts["post_id"]]
    assert (one.community_posts["posted_at"].to_numpy() > order.to_numpy()).all()


# ---- notes


def test_notes_agree_with_what_is_on_file():
    one = drawn(10_000)
    said = one.preferences.merge(one.customers, on="customer_id").merge(
        one._truth["customers"], on="customer_id"
    )
    contact = said[said["kind_x"] == "contact"]
    assert (contact["preference"] == contact["preferred_contact"].astype(str)).all()
    tea = said[said["kind_x"] == "tea"]
    favourite = tea.filter(like="affinity_").idxmax(axis=1).str.removeprefix("affinity_")
    assert (tea["preference"] == favourite).all() and len(tea) > 500
    parcels = one.orders.loc[one.orders["channel"] != "visit", "customer_id"]
    assert said.loc[said["kind_x"] == "delivery", "customer_id"].isin(parcels).all()


def test_requirements_fit_the_order_and_are_not_met_where_it_went_badly():
    one = drawn(10_000)
    told = pd.DataFrame(constants("notes.toml")["requirements"]).set_index("text")
    asked = one.requirements.merge(one.orders, on="order_id").merge(one._truth["orders"], on="order_id")
    parcel, only = asked["channel"] != "visit", asked["requirement"].map(told["delivered"])
    assert parcel[only.notna()].eq(only.dropna()).all() and len(asked) > 300
    bad = asked["first_experience"] < -0.8
    met = asked["met"].astype(float)
    assert met[bad].mean() < met[~bad].mean() - 0.2


@pytest.mark.slow
def test_what_was_carried_out_is_reckoned_about_as_it_is():
    """Referee: the truth of many companies; who decides has an idea of it as well."""
    many = [company.simulate(150, rng=seed) for seed in range(16)]
    both = pd.concat([one.improvements.merge(one._truth["improvements"], on="idea", suffixes=("", "_true"))
                      for one in many])  # fmt: skip
    known = both.dropna(subset="gain_cents")
    assert known["carried_out"].all() and (known["gain_cents"] - known["gain_cents_true"]).abs().median() > 0
    assert known["gain_cents"].corr(known["gain_cents_true"]) > 0.7
    assert (known["gain_cents_true"] < 0).mean() > 0.03  # not all of it was worth it
    done, not_done = (both.loc[both["carried_out"] == way, "gain_cents_true"].mean() for way in (True, False))
    assert done > not_done


def test_a_suggestion_becomes_what_was_decided_and_is_not_made_again():
    one = drawn(10_000)
    told = one.suggestions.merge(one.improvements, on="idea", how="left")
    assert (told["outcome"].eq("carried_out") <= told["carried_out"].fillna(False).astype(bool)).all()
    assert not (told["outcome"].eq("declined") & told["carried_out"].eq(True)).any()
    assert not (told["carried_out"].eq(True) & (told["made_on"] > told["decided_on"])).any()


def test_firms_pay_late_by_habit_and_while_they_complain():
    one = drawn(20_000)
    bills = one.invoices.dropna(subset="paid_on")
    late = (bills["paid_on"] - bills["due_on"]).dt.days
    firm = late.groupby(bills["customer_id"])
    habit = firm.transform("mean")
    assert firm.transform("std").mean() < 0.8 * habit.std()
    assert 0.4 < (late > 0).mean() < 0.8
    assert set((one.invoices["due_on"] - one.invoices["issued_on"]).dt.days) == {14, 30, 60}
    amounts = one.invoices.merge(one.orders, on="order_id")
    assert (amounts["amount_cents_x"] == amounts["amount_cents_y"]).all()
    resolved = bills.merge(one.complaints.dropna(subset="resolved_on"), on="order_id")
    assert len(resolved) > 50 and (resolved["paid_on"] > resolved["resolved_on"]).all()
    assert one.invoices["issued_on"].dt.day_of_week.max() <= 4 >= bills["paid_on"].dt.day_of_week.max()


# ---- twins


def test_another_answer_to_complaints_changes_only_those_who_complained():
    """Messages, complaints, notes and invoices belong to orders: other customers keep theirs to the byte.

    Without launches and tiers: a tea spreads from those who stayed, and who spends more pushes others down.
    """
    one = drawn(launches=0, policy_effect=0)
    twin = one.do(complaint_response_days=0)
    complained = one.complaints["customer_id"]
    moved = ("interactions", "preferences", "requirements", "suggestions", "invoices", "complaints")
    for name in moved:
        same = [c.tables[name][~c.tables[name]["customer_id"].isin(complained)] for c in (one, twin)]
        if name == "suggestions":  # what is decided on them is one decision for all
            same = [table[["suggestion_id", "made_on", "idea"]] for table in same]
            same = [table[table["suggestion_id"].isin(same[0]["suggestion_id"])] for table in same]
        left, right = (table.reset_index(drop=True) for table in same)
        pd.testing.assert_frame_equal(left, right)
    assert len(twin.interactions) > len(one.interactions)


def test_news_of_ours_asks_nothing():
    """We do not write “A question” over news; what is vague there are the subjects for it."""
    told = messages().merge(drawn().subjects, on="interaction_id")
    lists = constants("subjects.toml")
    news = told.loc[told["purpose"] == "news", "subject"]
    asks = set(lists["any"]["en"] + lists["any"]["zh"]) - set(
        lists["any_of_ours"]["en"] + lists["any_of_ours"]["zh"]
    )
    assert len(asks) == 2 and not news.isin(asks).any() and told["subject"].isin(asks).any()


def test_only_hotels_have_guest_rooms_and_only_persons_live_in_flats():
    """Referee: the industry of the account, the kind of the customer."""
    one = drawn()
    told = one.requirements.merge(one.customers, on="customer_id").merge(one.accounts, on="account_id")
    rooms = told["requirement"] == "One parcel for each guest room"
    assert rooms.sum() > 10 and (told.loc[rooms, "industry"] == "hotel").all()
    homes = one.people.merge(one.customers[["customer_id", "kind"]], on="customer_id")
    flat = homes["address"].str.contains(r"Flat|室$").groupby(homes["kind"] == "firm").mean()
    assert flat[True] == 0 and flat[False] > 0.3


def test_an_order_is_placed_by_who_is_still_at_the_firm_and_the_message_says_the_same():
    """Referee: the departures in the truth, the orders."""
    one = drawn()
    orders = one.orders.merge(one.people[["person_id", "customer_id"]], on="person_id", suffixes=("", "_of"))
    assert (orders["customer_id"] == orders["customer_id_of"]).all()
    left = orders["person_id"].map(one._truth["departures"].set_index("person_id")["left_on"])
    assert not (orders["ordered_at"] > left).any()
    taken_over = one.orders.groupby("customer_id")["person_id"].nunique() > 1
    assert taken_over.sum() > 10
    told = one.interactions.merge(one._truth["interactions"], on="interaction_id", suffixes=("_noted", ""))
    told = told[told["purpose"] == "order"].merge(one.orders, on="order_id")
    assert (told["person_id_x"] == told["person_id_y"]).all()


def test_nothing_is_sent_back_before_it_is_there():
    """Referee: what is bought in the shop is there at once, a parcel after a day, a late one after four."""
    one = drawn()
    back = one.returns.merge(one.orders, on="order_id").merge(one._truth["orders"], on="order_id")
    days = (back["returned_on"] - back["ordered_at"].dt.normalize()).dt.days
    assert (days[back["channel"] == "visit"] >= 1).all() and (days[back["channel"] != "visit"] >= 2).all()
    assert (days[back["fault"] == "carrier"] >= 5).all() and (back["fault"] == "carrier").sum() > 5
