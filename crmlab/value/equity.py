"""Customer equity from a few rates: the margin multiple, what to spend on winning and on keeping, payback."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from crmlab._arguments import floats, number, rate, rates
from crmlab._columns import by_period
from crmlab._tables import whole_number


def margin_multiple(
    retention: ArrayLike, discount: ArrayLike, growth: ArrayLike = 0.0, horizon: int | None = None
) -> Any:
    """Return by what to multiply a year's contribution to get the lifetime value of a customer.

    The sum of retention^t (1 + growth)^(t − 1) / (1 + discount)^t over the years t = 1, 2, …: the customer
    has just paid, next year's contribution comes with probability `retention`, and so on.

    Parameters
    ----------
    retention : float or array
        Share of customers who stay for another year, the same each year: 0 … 1.
    discount : float or array
        Rate a year, not negative.
    growth : float or array
        Yearly growth of the contribution of those who stay, above −1.
    horizon : int, optional
        Number of years that count; all if not given.

    Returns
    -------
    float or ndarray
        retention / (1 + discount − retention (1 + growth)) without a horizon.

    Raises
    ------
    ValueError
        A rate outside its range, or a sum that is infinite: retention (1 + growth) ≥ 1 + discount.

    Notes
    -----
    One rate for all customers and all years understates the worth of those who have stayed long: see
    :meth:`ShiftedBetaGeometricResults.discounted_renewals`, where customers differ.

    References
    ----------
    Gupta, S. & Lehmann, D. R. (2003). Customers as assets. Journal of Interactive Marketing 17(1), 9–24.
    https://doi.org/10.1002/dir.10045

    Examples
    --------
    >>> [round(margin_multiple(retention, 0.12), 2) for retention in (0.6, 0.7, 0.8, 0.9)]
    [1.15, 1.67, 2.5, 4.09]
    """
    r, d, g = floats(retention, "retention"), rates(discount), rates(growth, "growth", low=-1)
    r, d, g = np.broadcast_arrays(r, d, g)
    if (wrong := ~((r >= 0) & (r <= 1))).any():
        raise ValueError(f"retention is a share from 0 to 1; got {r[wrong].flat[0]:g}.")
    if horizon is None:
        if (r * (1 + g) >= 1 + d).any():
            raise ValueError(
                "retention × (1 + growth) reaches 1 + discount: the sum is infinite. Give a horizon, or ask "
                "whether such growth can last for ever."
            )
        out = r / (1 + d - r * (1 + g))
    else:
        whole_number(horizon, "horizon", least=0)
        yearly = r * (1 + g) / (1 + d)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            years = np.where(yearly == 1, horizon, np.expm1(horizon * np.log(yearly)) / (yearly - 1))
        out = r / (1 + d) * (years if horizon else 0)
        if not np.isfinite(out).all():
            raise ValueError(f"Over {horizon} years such growth passes all numbers: take a shorter horizon.")
    return out if out.ndim else float(out)


@dataclass(frozen=True)
class CustomerEquity:
    """What a prospect is worth, and how much to spend on winning and on keeping customers.

    Spending more wins and keeps more, but ever less so up to a ceiling: rate = ceiling (1 − e^(−k spend)).
    The manager states what is spent today, what rate it buys, and what the best conceivable rate would be;
    k follows from these.

    Parameters
    ----------
    margin : float
        Contribution of a customer a year, before acquisition and retention are paid.
    discount : float
        Rate a year.
    acquisition_spend, retention_spend : float
        Money a prospect, and money a customer and year, spent today.
    acquisition_rate, retention_rate : float
        Shares of prospects won and of customers kept at today's spend.
    acquisition_ceiling, retention_ceiling : float
        The shares that no spend would exceed.

    Raises
    ------
    ValueError
        A rate that is not between 0 and its ceiling, a ceiling above 1, spend that is not above 0.

    References
    ----------
    Blattberg, R. C. & Deighton, J. (1996). Manage marketing by the customer equity test. Harvard Business
    Review 74(4), 136–144.

    Examples
    --------
    >>> today = CustomerEquity(
    ...     margin=100, discount=0.1, acquisition_spend=10, acquisition_rate=0.2, acquisition_ceiling=0.4,
    ...     retention_spend=10, retention_rate=0.6, retention_ceiling=0.8,
    ... )
    >>> round(today.equity(), 2)
    30.0
    >>> today.best().round(2).to_dict()
    {'acquisition_spend': 28.59, 'retention_spend': 24.29, 'equity': 61.64}
    """

    margin: float
    discount: float
    acquisition_spend: float
    acquisition_rate: float
    acquisition_ceiling: float
    retention_spend: float
    retention_rate: float
    retention_ceiling: float

    def __post_init__(self) -> None:
        for field in fields(self):
            number(getattr(self, field.name), field.name, "a finite number")
        rate(self.discount)
        for what in ("acquisition", "retention"):
            spend, share, ceiling = (getattr(self, f"{what}_{one}") for one in ("spend", "rate", "ceiling"))
            if spend <= 0:
                raise ValueError(
                    f"{what}_spend is money above 0: the rate it buys is how k is found; got {spend}."
                )
            if not 0 < share < ceiling <= 1:
                raise ValueError(
                    f"{what}_rate lies between 0 and {what}_ceiling, and that is 1 at most; "
                    f"got {share} and {ceiling}."
                )

    def rate(self, what: str, spend: ArrayLike) -> Any:
        """Return the share won (`what` "acquisition") or kept ("retention") for this spend."""
        now, share, ceiling = (getattr(self, f"{what}_{one}") for one in ("spend", "rate", "ceiling"))
        return -ceiling * np.expm1(floats(spend, "spend") / now * np.log1p(-share / ceiling))

    def equity(
        self, acquisition_spend: ArrayLike | None = None, retention_spend: ArrayLike | None = None
    ) -> Any:
        """Return the equity of a prospect: won with some probability, and worth something every year after.

        Parameters
        ----------
        acquisition_spend, retention_spend : float or array, optional
            Today's if not given.

        Returns
        -------
        float or ndarray
            Money a prospect: a m − A + a (m − R/r) r' / (1 − r') with r' = r / (1 + discount).
        """
        spend = [
            floats(today if other is None else other, "spend")
            for today, other in (
                (self.acquisition_spend, acquisition_spend),
                (self.retention_spend, retention_spend),
            )
        ]
        if any((one < 0).any() or not np.isfinite(one).all() for one in spend):
            raise ValueError("Spend is money, finite and not negative.")
        won, kept = self.rate("acquisition", spend[0]), self.rate("retention", spend[1])
        out = self._worth(self.margin, won, kept, spend[0], spend[1], self.discount)
        return out if out.ndim else float(out)

    @staticmethod
    def _worth(margin: Any, won: Any, kept: Any, winning: Any, keeping: Any, discount: Any) -> Any:
        # (m − R/r) r' = (m r − R) / (1 + d), which has no hole at R = 0
        return won * (margin + (margin * kept - keeping) / (1 + discount - kept)) - winning

    def best(self) -> pd.Series:
        """Return the spend, on winning and on keeping, under which a prospect is worth most.

        Returns
        -------
        Series
            ``acquisition_spend, retention_spend, equity``. A spend of 0 says: do not.

        Notes
        -----
        What to spend on keeping does not hang on what winning costs: where rate' (m (1 + d) − R) meets
        1 + d − rate, which it does once at most. Given what a won customer is then worth, the best spend on
        winning has a closed form.
        """
        m, D = self.margin, 1 + self.discount
        (win, most_won), (keep, most_kept) = (
            (-np.log1p(-share / ceiling) / spend, ceiling)
            for spend, share, ceiling in (
                (self.acquisition_spend, self.acquisition_rate, self.acquisition_ceiling),
                (self.retention_spend, self.retention_rate, self.retention_ceiling),
            )
        )

        def gain(spend: float) -> float:
            return float(
                most_kept * keep * np.exp(-keep * spend) * (m * D - spend)
                - (D + most_kept * np.expm1(-keep * spend))
            )

        keeping = float(brentq(gain, 0, m * D, xtol=1e-12)) if m > 0 and gain(0) > 0 else 0.0
        worth = self._worth(m, 1.0, float(self.rate("retention", keeping)), 0.0, keeping, self.discount)
        winning = max(np.log(win * most_won * worth) / win, 0.0) if worth > 0 else 0.0
        best = [winning, keeping, self.equity(winning, keeping)]
        return pd.Series(best, ["acquisition_spend", "retention_spend", "equity"])

    def sensitivity(self, change: float = 0.01) -> pd.Series:
        """Return by how many per cent equity changes when a rate, the margin or a spend rises by one.

        Parameters
        ----------
        change : float
            The size of the step, as a share; the answer is scaled to one per cent.

        Returns
        -------
        Series
            Index ``margin, acquisition_rate, retention_rate, acquisition_spend, retention_spend,
            discount``. A rate that is better at the same spend, a spend that buys the same rate; in per cent
            of the equity without its sign: above 0 is better for the company, also where it loses money.
            A share that has no room for the step up to 1 takes half of the room it has.
        """
        number(change, "change", "a share such as 0.01, above −1, below 1 and not 0", -1, 1)
        if change in (-1, 0, 1):
            raise ValueError(f"change is a share such as 0.01, above −1, below 1 and not 0; got {change!r}.")
        today = {
            "margin": self.margin,
            "acquisition_rate": self.acquisition_rate,
            "retention_rate": self.retention_rate,
            "acquisition_spend": self.acquisition_spend,
            "retention_spend": self.retention_spend,
            "discount": self.discount,
        }
        base, moved = self._worth(*today.values()), {}
        if not base:
            raise ValueError("Equity is 0 today: there is nothing to compare a change with.")
        for name, now in today.items():
            room = 1 / now - 1 if name.endswith("rate") else np.inf  # no share rises above 1
            step = min(change, room / 2)
            other = self._worth(*(today | {name: now * (1 + step)}).values())
            moved[name] = (other - base) / abs(base) / step
        return pd.Series(moved, name="elasticity")


def payback_table(contribution: Any, acquisition_cost: float, discount: float = 0.0) -> pd.DataFrame:
    """Return how the cost of winning a customer comes back, period by period.

    Parameters
    ----------
    contribution : sequence of float
        Expected contribution of a newly won customer in each period, the first at once (period 0). The
        labels of a Series or mapping are the periods: nothing comes in one that is not there.
    acquisition_cost : float
        Money spent to win the customer, before period 0.
    discount : float
        Rate per period; 0 gives the plain payback that most companies quote.

    Returns
    -------
    DataFrame
        Index ``period`` 0, 1, …; ``contribution``, ``discounted``, ``balance`` (discounted contribution so
        far less the cost: what is below 0 is capital tied up in the customer) and ``paid_back``.

    Raises
    ------
    ValueError
        Missing or infinite contributions, labels that are no periods, a negative cost, a discount that is
        negative or per cent.

    Examples
    --------
    A customer who costs 30 to win and brings 20, 8, 5, 3 has paid back in the third period:

    >>> payback_table([20, 8, 5, 3], 30)
            contribution  discounted  balance  paid_back
    period
    0               20.0        20.0    -10.0      False
    1                8.0         8.0     -2.0      False
    2                5.0         5.0      3.0       True
    3                3.0         3.0      6.0       True
    """
    paid = by_period(contribution, "contribution")
    number(acquisition_cost, "acquisition_cost", "money and not negative", low=0)
    rate(discount, per="per period")
    worth = paid / (1 + discount) ** paid.index.to_numpy()
    balance = worth.cumsum() - acquisition_cost
    table = {"contribution": paid, "discounted": worth, "balance": balance, "paid_back": balance >= 0}
    return pd.DataFrame(table).rename_axis("period")
