"""What may differ from one company to the next: the parameters of a world."""

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
    firm_rate: float = _value(
        4, 0.1, 20, "persons as whom a firm orders together; it leaves after an order as much more seldom"
    )
    reasons: float = _value(1, 0, 1, "how far who one is explains buying: a multiple of our loadings")
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
    gift_peak: float = _value(2.5, 1, 20, "purchase rate of gift buyers before a feast, as a multiple")
    weekdays: int = _value(1, 0, 1, "1 if orders keep to weekdays and hours; 0: at any moment alike")
    whole_packs: int = _value(1, 0, 1, "1 if packs are sold at list price; 0: amounts are exactly gamma")
    price_changes: int = _value(1, 0, 1, "1 if list prices change within the log")
    launches: int = _value(1, 0, 1, "1 if two teas are launched within the log")
    cut_lift: float = _value(2.0, 0, 20, "what a price cut adds to the purchase rate of the most ready")
    deal_share: float = _value(0.0, 0, 1, "share of customers who wait for price cuts")
    deal_lift: float = _value(12.0, 1, 100, "their purchase rate in a cut as a multiple of other times")
    deal_every: int = _value(120, 14, 365, "days from one public price cut to the next; each lasts a week")
    deal_discount: float = _value(0.15, 0, 0.9, "discount in a price cut, as a share; 0: there are none")
    # how they feel, complain and leave
    service_share: float = _value(0.3, 0, 0.95, "share of an experience's variance that is lasting service")
    faults: float = _value(1.0, 0, 5, "how often packers, carriers and regions fail, as a multiple")
    fault_loss: float = _value(0.9, 0, 5, "what a fault of packing takes from the experience")
    policy_effect: float = _value(0.3, -2, 2, "what service by tier adds to the experience of the treated")
    leaving_service: float = _value(0.45, 0, 0.7, "correlation of the level of service with staying")
    leaving_bond: float = _value(0.35, 0, 0.7, "correlation of the bond with us with the same")
    referral_likeness: float = _value(0.22, 0, 1, "correlation of the bond with being sent by a friend")
    referral_effect: float = _value(0.05, 0, 1, "what being sent takes from the normal rank of leaving")
    put_off: float = _value(0.2, 0, 1, "share of customers who are put off by being contacted")
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
    lift_mean: float = _value(0.35, -0.9, 10, "mean rise of the orders in a window, coupon of 10 %")
    lift_spread: float = _value(0.6, 0, 10, "what a unit of deal-proneness adds to it")
    # surveys
    wave_every: int = _value(182, 30, 3653, "days from one survey wave to the next")
    wave_invited: float = _value(0.35, 0, 1, "share of customers, departed ones too, invited to a wave")
    order_invited: float = _value(0.1, 0, 1, "share of orders followed by an invitation")
    full_response: int = _value(0, 0, 1, "1 if everybody answers; 0: the engaged, delighted and angry do")
    loading: float = _value(0.8, 0.05, 0.99, "correlation of an item with what it measures")
    method_variance: float = _value(0.1, 0, 0.9, "share of an item's variance that is a habit of answering")
    careless: float = _value(0.05, 0, 1, "share of customers who answer without reading")
    item_gaps: float = _value(0.02, 0, 0.9, "share of items left out")
    incentive: float = _value(0.7, -5, 5, "what a promised voucher adds to the log-odds of answering")
    satisfaction_half_life: float = _value(
        150, 10, 3653, "days in which an experience loses half its weight in satisfaction"
    )
    persistence: float = _value(
        0.64, 0, 1, "share of what a construct has beyond its causes that lasts; the rest is of the day"
    )
    outside_price: float = _value(
        11, 0, 100, "price in dollars at which a plain tin, delivered at once, is as good as none"
    )
    # who knows whom
    homophily: float = _value(0.6, 0, 1, "share of friends chosen among one's own segment")
    influence: float = _value(0.3, 0, 0.95, "share of a customer's taste that was the friend's own")
    word_of_mouth: float = _value(
        0.4, 0, 0.9, "probability that a friend, if a customer then, spoke of us; content ones do more"
    )
    contagion: float = _value(
        0.12, 0, 0.9, "probability that one who takes up a new tea brings a given acquaintance"
    )
    discovery: float = _value(0.12, 0, 10, "mean rate a year of taking up a new tea of oneself")
    samples: float = _value(0.02, 0, 1, "share of customers who are sent a sample of a new tea, by lot")
    sample_effect: float = _value(0.5, 0, 1, "probability that a sample is followed by taking the tea up")
    first_launch: int = _value(300, 0, 9999, "day on which the first new tea is launched")
    second_launch: int = _value(640, 0, 9999, "day on which the second is")
    # leads
    leads: float = _value(0.6, 0, 0.95, "leads per customer")
    innovation: float = _value(0.0008, 1e-6, 0.1, "Bass's coefficient of innovation, per day")
    imitation: float = _value(0.004, 0, 0.5, "Bass's coefficient of imitation, per day")
    intent_effect: float = _value(1.0, -5, 5, "effect of intent on the log-odds of winning a lead")
    first_effect: float = _value(0.8, -5, 5, "effect of a first step on the same at the best delay")
    effort_effect: float = _value(0.4, -5, 5, "effect of each further step on the same at the best gap")
    follow_up_lot: float = _value(1 / 3, 0, 1, "share of leads that are followed up by lot")
    chasing: float = _value(0.8, 0, 1, "how far sellers chase intent: its correlation with effort")
    invitation_leads: float = _value(
        0.06, 0.001, 0.5, "probability that an invitation brings a lead, reward of 5 dollars"
    )
    reward_effect: float = _value(
        0.5, 0, 5, "what a reward 2.7 times as high, counted with a dollar more, adds to its log-odds"
    )
    rival_moves: int = _value(5, 0, 100, "number of competitors' moves in the log that customers feel")
    # membership
    membership: float = _value(0.35, 0, 1, "probability of becoming a member with the second order")
    programme_effect: float = _value(1.0, 0, 3, "how far points and cards make members buy, as a multiple")
    renewal_a: float = _value(6.0, 0.05, 100, "beta a of the probability of renewing while a customer")
    renewal_b: float = _value(2.0, 0.05, 100, "beta b of the same")

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and self.name):
            raise ValueError(f"The name of a world is a text; got {self.name!r}.")
        for name, one in _PARAMETERS.items():
            given, whole, (low, high, meaning) = getattr(self, name), one.type is int, one.metadata.values()
            if not is_number(given, low, high, whole):
                kind = f"{'a whole number' if whole else 'a number'} from {low:g} to {high:g}"
                raise ValueError(f"{name} is {kind} ({meaning}); got {given!r}.")
            object.__setattr__(self, name, int(given) if whole else float(given))  # numpy's overflow
        if self.rate_shape > self.rate_scale:
            mean = f"{self.rate_shape:g} / {self.rate_scale:g}"
            raise ValueError(f"rate_shape / rate_scale, the mean orders a day, is 1 at most; got {mean}.")
        parts = self.rate_leaving, self.leaving_service, self.leaving_bond
        if sum(one**2 for one in parts) > 1:
            told = " + ".join(f"{one:g}²" for one in parts)
            raise ValueError(
                "rate_leaving² + leaving_service² + leaving_bond², shares of the rank of leaving, "
                f"exceed 1: {told}."
            )
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


def is_number(given: Any, low: float, high: float, whole: bool = False) -> bool:
    """Return whether this is a number, and no True or False, within these bounds."""
    # numpy's numbers register as Python's; True is an int to Python and none here
    number = isinstance(given, Integral if whole else Real) and not isinstance(given, bool)
    return number and low <= given <= high


_PARAMETERS = {one.name: one for one in fields(World)[1:]}  # all but the world's name
_PLAIN: dict[str, Any] = {"referral_likeness": 0.0, "referral_effect": 0.0, "rival_moves": 0}
# What a textbook's company lacks, so that its orders follow the models exactly.
_LACKING = (
    "rate_leaving leaving_service leaving_bond reasons put_off influence campaigns season leaking_tin faults "
    "recovery handler_skill policy_effect weekdays whole_packs price_changes launches programme_effect "
    "deal_discount cut_lift"
)
_EXACT: dict[str, Any] = dict.fromkeys(_LACKING.split(), 0)
_EXACT |= {"firm_spend": 1, "firm_rate": 1, "gift_peak": 1}
WORLDS = {
    "base": World(),
    "textbook": World("textbook", **_EXACT, **_PLAIN),
    "seasonal": World("seasonal", season=0.8, **_PLAIN),
    "promo_driven": World("promo_driven", deal_share=0.7, deal_every=60, deal_discount=0.2, **_PLAIN),
    "clockwork": World(
        "clockwork", gap_shape=8, season=0.0, rate_spend=0.6, deal_discount=0.0, gift_peak=1.0, **_PLAIN
    ),
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
