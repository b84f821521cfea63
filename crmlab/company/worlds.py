"""What may differ from one company to the next: the parameters of a world, and the levers of a manager."""

from dataclasses import dataclass, field, fields, replace
from numbers import Integral, Real
from typing import Any

import pandas as pd

from crmlab._html import Sheet
from crmlab._tables import look_up


def _value(default: float, low: float, high: float, meaning: str) -> Any:
    return field(default=default, metadata={"low": low, "high": high, "meaning": meaning})


@dataclass(frozen=True, repr=False)
class World:
    """The parameters of a simulated world; the defaults are the world ``base``.

    A world of your own is one of ours with other values: ``world("base", season=0.5)``, or
    ``dataclasses.replace(...)``. :meth:`table` prints every parameter with its meaning and its range.

    Raises
    ------
    ValueError
        A value outside its range, or no number.

    Examples
    --------
    >>> World(season=0.5)
    World 'base' with season=0.5
    >>> World(season=2)
    Traceback (most recent call last):
    ValueError: season is a number from 0 to 0.9 (swing of the purchase rate over the year); got 2.
    """

    name: str = "base"
    days: int = _value(1096, 90, 3653, "length of the log in days")
    # who they are
    firm_share: float = _value(0.04, 0, 1, "share of firms among customers who were no leads")
    lead_firm_share: float = _value(0.3, 0, 1, "share of firms among leads")
    firm_spend: float = _value(4, 0.1, 100, "spend of a firm as a multiple of a person's")
    # how they buy
    rate_shape: float = _value(0.9, 0.05, 50, "gamma shape r of the purchase rate")
    rate_scale: float = _value(70, 1, 1e5, "gamma rate alpha of the purchase rate, in days")
    gap_shape: int = _value(1, 1, 12, "regularity of the gaps between orders: Erlang shape, 1 is random")
    leaving_a: float = _value(0.8, 0.05, 50, "beta a of the probability of leaving after an order")
    leaving_b: float = _value(4.0, 0.05, 500, "beta b of the same")
    rate_leaving: float = _value(-0.2, -0.95, 0.95, "correlation of the ranks of purchase rate and leaving")
    spend_shape: float = _value(4.0, 0.1, 100, "gamma shape p of the spend per order")
    spend_q: float = _value(5.0, 1.1, 100, "gamma shape q of the rate of spend between customers")
    spend_scale: float = _value(4000.0, 100, 1e7, "gamma scale of the same, in cents")
    rate_spend: float = _value(0.0, -0.95, 0.95, "correlation of the ranks of purchase rate and mean spend")
    season: float = _value(0.15, 0, 0.9, "swing of the purchase rate over the year")
    deal_share: float = _value(0.0, 0, 1, "share of customers who wait for promotions")
    deal_lift: float = _value(12.0, 1, 100, "their purchase rate in a promotion as a multiple of other times")
    deal_every: int = _value(60, 14, 365, "days from one promotion to the next; each lasts seven days")
    deal_discount: float = _value(0.2, 0, 0.9, "discount in a promotion, as a share")
    # how they feel, complain and leave
    satisfaction_staying: float = _value(0.8, 0, 1, "correlation of satisfaction with the rank of staying")
    bad_experience: float = _value(-0.8, -3, 1, "an experience below this is bad")
    complaining: float = _value(0.3, 0, 0.95, "mean probability of complaining after a bad experience")
    recovery: float = _value(1.3, 0, 5, "what an answer at once adds to a bad experience")
    recovery_half_life: float = _value(3.0, 0.1, 60, "days of waiting that halve it")
    handler_skill: float = _value(0.3, 0, 5, "what an experienced handler adds")
    leaking_tin: float = _value(0.35, 0, 1, "probability that the old tin of the first tea leaks")
    leaking_loss: float = _value(1.2, 0, 5, "what that takes from the experience")
    redesign_day: int = _value(700, 0, 3653, "day from which the new tin is sold")
    # campaigns
    campaigns: int = _value(6, 0, 30, "number of campaigns, evenly spaced")
    campaign_days: int = _value(28, 1, 60, "length of a campaign's window in days")
    campaign_discount: float = _value(0.1, 0, 0.9, "discount of the coupon, as a share")
    contact_cost: int = _value(60, 0, 10_000, "cost of contacting a customer, in cents")
    lift_mean: float = _value(0.35, -0.9, 10, "mean rise of the purchase rate in a window, coupon of 10 %")
    lift_spread: float = _value(0.6, 0, 10, "what a unit of price sensitivity adds to it")
    # surveys
    wave_every: int = _value(182, 30, 3653, "days from one survey wave to the next")
    wave_invited: float = _value(0.35, 0, 1, "share of customers, departed ones too, invited to a wave")
    order_invited: float = _value(0.1, 0, 1, "share of orders followed by an invitation")
    full_response: int = _value(0, 0, 1, "1 if everybody answers; 0: the engaged, delighted and angry do")
    loading: float = _value(0.8, 0.05, 0.99, "correlation of an item with what it measures")
    method_variance: float = _value(0.1, 0, 0.9, "share of an item's variance that is a habit of answering")
    careless: float = _value(0.05, 0, 1, "share of customers who answer without reading")
    item_gaps: float = _value(0.02, 0, 0.9, "share of items left out")
    # who knows whom
    homophily: float = _value(0.6, 0, 1, "share of friends chosen among one's own segment")
    influence: float = _value(0.3, 0, 0.95, "share of a customer's taste that was the friend's own")
    word_of_mouth: float = _value(
        0.4, 0, 0.9, "probability that a friend, if a customer then, spoke of us; content ones do more"
    )
    # leads
    leads: float = _value(0.6, 0, 0.95, "leads per customer")
    innovation: float = _value(0.0008, 1e-6, 0.1, "Bass's coefficient of innovation, per day")
    imitation: float = _value(0.004, 0, 0.5, "Bass's coefficient of imitation, per day")
    intent_effect: float = _value(1.0, -5, 5, "effect of intent on the log-odds of winning a lead")
    effort_effect: float = _value(0.15, -5, 5, "effect of one follow-up on the same")
    chasing: float = _value(0.8, 0, 1, "how far sellers chase intent: its correlation with effort")
    # membership
    membership: float = _value(0.35, 0, 1, "probability of becoming a member with the second order")
    renewal_a: float = _value(6.0, 0.05, 100, "beta a of the probability of renewing while a customer")
    renewal_b: float = _value(2.0, 0.05, 100, "beta b of the same")

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and self.name):
            raise ValueError(f"The name of a world is a text; got {self.name!r}.")
        for name, one in _PARAMETERS.items():
            given, whole, (low, high, meaning) = getattr(self, name), one.type is int, one.metadata.values()
            if not _is_number(given, low, high, whole):
                kind = f"{'a whole number' if whole else 'a number'} from {low:g} to {high:g}"
                raise ValueError(f"{name} is {kind} ({meaning}); got {given!r}.")
            object.__setattr__(self, name, int(given) if whole else float(given))  # numpy's overflow
        if self.rate_shape > self.rate_scale:
            mean = f"{self.rate_shape:g} / {self.rate_scale:g}"
            raise ValueError(f"rate_shape / rate_scale, the mean orders a day, is 1 at most; got {mean}.")
        if self.loading**2 + self.method_variance > 1:
            shares = f"{self.loading:g}² + {self.method_variance:g}"
            raise ValueError(f"loading² + method_variance, shares of an item's variance, exceed 1: {shares}.")
        longest = self.days // (self.campaigns + 1)
        if self.campaigns and self.campaign_days > longest:
            room = f"{self.campaigns} campaigns in {self.days} days leave {longest} days to each"
            raise ValueError(f"{room}; campaign_days is {self.campaign_days}.")

    @property
    def campaign_starts(self) -> list[int]:
        """Return the day on which each campaign starts."""
        return [number * self.days // (self.campaigns + 1) for number in range(1, self.campaigns + 1)]

    def table(self) -> pd.DataFrame:
        """Return every parameter with its value, the value in ``base``, its range and its meaning."""
        rows = [
            (getattr(self, name), one.default, *one.metadata.values()) for name, one in _PARAMETERS.items()
        ]
        columns = ["value", "base", "lowest", "highest", "meaning"]
        return Sheet(rows, pd.Index(list(_PARAMETERS), name="parameter"), columns)

    def __repr__(self) -> str:
        plain = vars(WORLDS.get(self.name, WORLDS["base"])) | {"name": self.name}
        changed = ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if value != plain[name])
        return f"World {self.name!r}" + (f" with {changed}" if changed else "")


def _is_number(given: Any, low: float, high: float, whole: bool = False) -> bool:
    # numpy's numbers register as Python's; True is an int to Python and none here
    number = isinstance(given, Integral if whole else Real) and not isinstance(given, bool)
    return number and low <= given <= high


_PARAMETERS = {one.name: one for one in fields(World)[1:]}  # all but the world's name
WORLDS = {
    "base": World(),
    "textbook": World("textbook", campaigns=0, season=0.0, rate_leaving=0.0, firm_spend=1, influence=0.0),
    "seasonal": World("seasonal", season=0.8),
    "promo_driven": World("promo_driven", deal_share=0.7),
    "clockwork": World("clockwork", gap_shape=8, season=0.0, rate_spend=0.6),
}


def world(name: str = "base", **changes: Any) -> World:
    """Return the world of this name, with some of its parameters changed.

    Parameters
    ----------
    name : {"base", "textbook", "seasonal", "promo_driven", "clockwork"}
        ``base`` is the standard company. ``textbook`` has no campaigns and no seasons: repeat orders follow
        MBG/NBD exactly and spend gamma–gamma. ``seasonal`` has a strong year, in ``promo_driven`` most
        customers wait for promotions, in ``clockwork`` they buy at regular intervals and the frequent ones
        spend more.
    **changes
        Parameters of :class:`World` by name.

    Returns
    -------
    World

    Raises
    ------
    ValueError
        An unknown world or parameter, or a value outside its range.

    Examples
    --------
    >>> world("seasonal", homophily=0.9)
    World 'seasonal' with homophily=0.9
    >>> world("seasonal", homophilia=0.9)
    Traceback (most recent call last):
    ValueError: There is no parameter 'homophilia'. Did you mean 'homophily'? Valid: bad_experience, ...
    """
    for given in changes:
        look_up("parameter", given, _PARAMETERS)
    return replace(look_up("world", name, WORLDS), **changes)


def _lever(valid: str, own_policy: str) -> Any:
    return field(default=None, metadata={"valid": valid, "own_policy": own_policy})


@dataclass(frozen=True)
class Levers:
    """A manager's decisions; None leaves the company's own policy, which is what the log shows."""

    complaint_response_days: Any = _lever(
        "a number from 0 to 60", "0 to 14 days, sooner for severe complaints"
    )
    experienced_handlers: Any = _lever("True or False", "for 3 in 10 complaints, for 6 in 10 severe ones")
    campaign: Any = _lever("'none', 'random' or 'all'", "'random': each campaign to a random half")
    campaign_discount: Any = _lever("a number from 0 to 0.9", "the world's campaign_discount")
    redesign_day: Any = _lever("a whole number from 0 to 9999", "the world's redesign_day")


_LEVERS = {one.name: dict(one.metadata) for one in fields(Levers)}


def levers() -> pd.DataFrame:
    """Return what :meth:`Company.do` can change: each lever, its valid values, the company's own policy.

    Examples
    --------
    >>> levers().loc["campaign", "valid"]
    "'none', 'random' or 'all'"
    """
    return Sheet(pd.DataFrame.from_dict(_LEVERS, "index").rename_axis("lever"))


def pull(before: Levers, world: World | None, **changes: Any) -> Levers:
    """Return the levers after these changes, each of which must be valid in this world."""
    for lever, value in changes.items():
        valid = look_up("lever", lever, _LEVERS)["valid"]
        right = {
            "complaint_response_days": _is_number(value, 0, 60),
            "experienced_handlers": isinstance(value, bool),
            "campaign": isinstance(value, str) and value in ("none", "random", "all"),
            "campaign_discount": _is_number(value, 0, 0.9),
            "redesign_day": _is_number(value, 0, 9999, whole=True),
        }
        if not right[lever]:
            raise ValueError(f"{lever} is {valid}; got {value!r}.")
        if not isinstance(value, bool | str):
            changes[lever] = int(value) if isinstance(value, Integral) else float(value)
        if lever.startswith("campaign") and world and not world.campaigns:
            raise ValueError(f"The world {world.name!r} has no campaigns, so {lever} changes nothing.")
    return replace(before, **changes)


def policy(levers: Levers, world: World) -> Levers:
    """Return what is done: the levers pulled, and the company's own policy where none is."""
    own = Levers(
        campaign="random", campaign_discount=world.campaign_discount, redesign_day=world.redesign_day
    )
    return replace(own, **{name: value for name, value in vars(levers).items() if value is not None})
