"""What the company writes down: its orders, and its customers with how they came."""

import numpy as np

from crmlab.company import goods, history, messages, service
from crmlab.company._draft import Draft, ids
from crmlab.company._draws import choose
from crmlab.company._schema import categories, declared
from crmlab.company.acquaintances import referrers
from crmlab.company.clock import AHEAD
from crmlab.company.customers import TEAS
from crmlab.company.experience import chance_of_leaving
from crmlab.company.partnership import distributors

_SERVING_CENTS = np.array([380, 150, 460, 520, 430])  # by channel
_SOURCES = categories("customers", "source")
_ACQUISITION_CENTS = np.array([900, 1800, 2600, 9000, 1200])  # by source, on average
_COMPLAINT_CENTS = 1500  # to handle one
_STAGES = categories("customers", "lifecycle_stage", "truth")
_RUNGS = categories("customers", "ladder_rung", "truth")


def add_orders(draft: Draft) -> None:
    """Make orders, order_lines and returns, and the experience behind each order."""
    world, draws, orders, lines = draft.world, draft.draws, draft.orders, draft.lines
    customer, key, place = orders["customer"], orders["key"], lines["order"]
    orders["serving"] = _SERVING_CENTS[orders["channel"]]
    count = np.bincount(place, minlength=len(key))
    line = np.arange(len(place)) - (np.cumsum(count) - count)[place]
    margin = orders["amount"] - orders["cost"]
    draft.table(
        "orders", order_id=orders["id"], customer_id=customer + 1,
        person_id=messages.buyers(draft) + 1, ordered_at=orders["time"], channel=orders["channel"],
        campaign_id=ids(orders["campaign"]), amount_cents=orders["amount"],
        discount_cents=orders.pop("full") - orders["amount"], redeemed_cents=orders["redeemed"],
        margin_cents=margin, serving_cents=orders["serving"], packer_id=ids(_packers(draft)),
        distributor_id=ids(distributors(draft, customer, key, orders["time"])),
    )  # fmt: skip
    draft.table(
        "order_lines", order_id=orders["id"][place], line=line + 1, product_id=lines["product"] + 1,
        quantity=lines["quantity"], amount_cents=lines["amount"], cost_cents=lines["cost"],
    )  # fmt: skip
    draft.secret(
        "orders", order_id=orders["id"], first_experience=orders["first_experience"],
        experience=orders["experience"], own_experience=orders["own"], fault=orders["fault"],
        was_last=orders["leaves"], added=~orders["base"],
    )  # fmt: skip

    tin = lines["product"] == goods.TIN
    leaked = (orders["fault"][place] == 1) & tin
    bad = orders["first_experience"][place] < world.bad_experience
    likely = np.where(leaked, 0.4, np.where(bad, 0.08, 0.01))
    code = lines["product"]
    back = np.flatnonzero(draws.uniform("returns.luck", key[place], code) < likely)
    day = service.arrival(draft, place[back]) + 1
    day += np.floor(12 * draws.uniform("returns.day", key[place[back]], code[back]))
    back, day = back[day < world.days], day[day < world.days]
    reason = choose(draws.uniform("returns.reason", key[place[back]], code[back]), [0.3, 0.3, 0.4])
    draft.table(
        "returns", order_id=orders["id"][place[back]], line=line[back] + 1, returned_on=day,
        reason=np.where(leaked[back], 0, reason), amount_cents=-lines["amount"][back],
    )  # fmt: skip


def _packers(draft: Draft) -> np.ndarray:
    """Return the member of the warehouse who packed each order, −1 where none did."""
    packer, warehouse = draft.orders["packer"].astype(int), draft.staff["warehouse"]
    return np.where(packer < 0, -1, warehouse[packer % len(warehouse)])


def add_referrals(draft: Draft) -> None:
    """Find who was sent by an acquaintance, and write down whom they name."""
    draws, traits, everybody = draft.draws, draft.traits, np.arange(draft.customers)
    referrer, joined = referrers(draft), traits["joined"]
    generation, later = np.full(draft.customers, -1), np.zeros(draft.customers, int)
    while not np.array_equal(generation, later):  # a referrer came earlier, so this ends
        generation, later = later, np.where(referrer < 0, 0, later[referrer] + 1)
    named = (referrer >= 0) & (draws.uniform("referrals.named", everybody) < 0.85)
    wrong = draws.uniform("referrals.wrong", everybody)
    anybody = np.floor(wrong / 0.08 * everybody).astype(int)
    recorded = np.where(wrong < 0.08, anybody, referrer)[named]
    whose = np.flatnonzero(named)
    draft.table("referrals", customer_id=whose + 1, referrer_id=recorded + 1, referred_on=joined[whose])
    traits |= {"referrer": referrer, "generation": generation, "named": named}


def add_customer_table(draft: Draft) -> None:
    """Make the table of customers: what each said on joining."""
    traits, everybody = draft.traits, np.arange(draft.customers)
    source = traits["source"].copy()
    source[traits["lead"] >= 0] = _SOURCES.index("lead")
    source[traits["named"]] = _SOURCES.index("referral")
    traits["source"] = source
    account = np.where(traits["firm"], np.cumsum(traits["firm"]), np.nan)
    draft.table(
        "customers", customer_id=everybody + 1, kind=traits["firm"], account_id=account,
        person_id=traits["first_person"] + 1, region=traits["region"], joined_on=traits["joined"],
        source=source, preferred_contact=traits["preferred_contact"], owner_id=traits["owner"] + 1,
        carrier=traits["carrier"],
    )  # fmt: skip


def add_customer_truth(draft: Draft) -> None:
    """Put behind the envelope what is true of each customer."""
    world, traits, orders, n = draft.world, draft.traits, draft.orders, draft.customers
    whose = orders["customer"]
    alive, state = np.isnan(traits["left_on"]), draft.states[-1]
    leaving = chance_of_leaving(draft, world.days, goods.tin_share(draft, state.number))
    ahead, in_cuts = history.expected_orders(draft, state, leaving, world.days + AHEAD)
    share = goods.margin_share(draft, state.number, world.days)
    margin = (ahead * share - in_cuts * world.deal_discount) * traits["mean_spend_cents"]
    own = 365 * traits["purchase_rate"] * traits["mean_spend_cents"]  # cents per year
    wallet = own / traits["share_of_wallet"]
    other = (1 - history.PREFERRED) / len(_SERVING_CENTS) * _SERVING_CENTS.sum()
    serving = history.PREFERRED * _SERVING_CENTS[traits["preferred"]] + other
    complaints = np.bincount(draft.tables["complaints"]["customer_id"] - 1, minlength=n)
    spread = np.exp(0.3 * draft.draws.normal("customers.acquisition", np.arange(n)) - 0.045)
    columns = declared()["truth"]["customers"].columns
    tastes = {f"affinity_{tea}": traits["taste"][:, code] for code, tea in enumerate(TEAS)}
    draft.secret(
        "customers", **{name: values for name, values in traits.items() if name in columns}, **tastes,
        customer_id=np.arange(n) + 1, household_id=traits["household"] + 1, alive=alive,
        waits_for_price_cuts=traits["deal"], wallet_cents=wallet, competitor_cents=wallet - own * alive,
        friend_id=ids(traits["friend"]), referrer_id=ids(traits["referrer"]),
        lifecycle_stage=_lifecycle(draft, alive), ladder_rung=_ladder(draft, alive),
        acquisition_cost_cents=np.rint(_ACQUISITION_CENTS[traits["source"]] * spread),
        retention_cost_cents=traits["times_treated"] * world.contact_cost + complaints * _COMPLAINT_CENTS,
        serving_cost_cents=np.bincount(whose, orders["serving"], n),
        expected_orders=ahead, expected_margin_cents=margin - ahead * serving, margin_share=share,
    )  # fmt: skip


def _lifecycle(draft: Draft, alive: np.ndarray) -> np.ndarray:
    """Return the stage: left; establishing under three orders; then by what lies ahead and behind."""
    traits = draft.traits
    leaving = traits["purchase_rate"] * traits["leaving_probability"]  # per day
    rules = [~alive, traits["orders"] < 3, leaving > 1 / 365, draft.world.days - traits["joined"] < 365]
    names = ["left", "establishing", "declining", "growing"]
    return np.select(rules, [_STAGES.index(name) for name in names], _STAGES.index("mature"))


def _ladder(draft: Draft, alive: np.ndarray) -> np.ndarray:
    """Return the highest rung reached; the ladder's first rung, the prospect, is a lead."""
    traits = draft.traits
    referred = np.bincount(traits["referrer"][traits["referrer"] >= 0], minlength=draft.customers) > 0
    content = traits["satisfaction"] > 0
    partner = traits["firm"] & alive & content & (traits["orders"] >= 6)
    rules = [partner, referred, content & (traits["orders"] >= 3), traits["orders"] >= 2]
    names = ["partner", "advocate", "supporter", "client"]
    return np.select(rules, [_RUNGS.index(name) for name in names], _RUNGS.index("customer"))
