"""Whom to know first: what an answer is worth before it is there, and whom to ask within a budget."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from crmlab._arguments import floats, number
from crmlab._columns import aligned
from crmlab._tables import by_customer, number_columns, numbers, require_columns


def value_of_information(
    prior: Any, payoffs: Mapping[str, Any], likelihood: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return for each customer what the best decision is now, and what knowing more would add.

    Parameters
    ----------
    prior : table or Series
        How likely each state is before anybody asks: a table with a row per customer (by ``customer_id``, a
        column or the index) and a column per state, or a Series by state that holds for all. Each row adds
        up to 1.
    payoffs : mapping of str to table or number
        For each decision what it brings, in money: a table with the same customers and states, or a number
        that holds for all (0 for doing nothing). Two decisions or more, one table at least. Of equal ones
        the decision named first is taken.
    likelihood : DataFrame, optional
        How likely each answer is in each state: a row per state, a column per answer, each row adding up to
        1. Leave it out for answers that are always true.

    Returns
    -------
    DataFrame
        Index the customers; columns ``decision`` (the best one if nobody asks), ``now`` (what it is expected
        to bring), ``perfect`` (what an answer that is always true would add) and, with `likelihood`,
        ``imperfect`` (what such an answer adds). Neither the cost of asking nor the chance that nobody
        answers is in it: see :func:`worth_asking`. Never below 0.

    Raises
    ------
    ValueError
        Chances that are no chances, states or customers that differ, fewer than two decisions, numbers that
        are missing.

    Notes
    -----
    With chances p(s), payoffs v(d, s) and answers a: now is max over d of Σ p(s) v(d, s); perfect is
    Σ p(s) max v(d, s) less that; imperfect is Σ over a of max over d of Σ p(s) p(a | s) v(d, s), less that.

    References
    ----------
    Raiffa, H. & Schlaifer, R. (1961). Applied Statistical Decision Theory. Harvard University. Howard, R. A.
    (1966). Information value theory. IEEE Transactions on Systems Science and Cybernetics 2(1), 22–26.
    https://doi.org/10.1109/TSSC.1966.300074

    Examples
    --------
    >>> prior = pd.Series({"much": 0.4, "little": 0.6})
    >>> visit = pd.DataFrame({"much": [50.0, 500.0], "little": [-40.0, 100.0]}, index=["Al", "Bo"])
    >>> eight_of_ten = pd.DataFrame({"much": [0.8, 0.2], "little": [0.2, 0.8]}, index=["much", "little"])
    >>> value_of_information(prior, {"leave": 0, "visit": visit}, eight_of_ten).round(1)
       decision    now  perfect  imperfect
    Al    leave    0.0     20.0       11.2
    Bo    visit  260.0      0.0        0.0
    """
    chances, money, index = _problem(prior, payoffs)
    expected = np.einsum("cs,dcs->dc", chances, money)
    now = expected.max(axis=0)
    found = {
        "decision": _names(payoffs)[expected.argmax(axis=0)],
        "now": now,
        "perfect": np.maximum((chances * money.max(axis=0)).sum(axis=1) - now, 0),
    }
    if likelihood is not None:
        told = _after(chances, money, _answers(likelihood, list(index[1])))
        found["imperfect"] = np.maximum(told.max(axis=0).sum(axis=1) - now, 0)
    return pd.DataFrame(found, index=index[0])


def decisions(prior: Any, payoffs: Mapping[str, Any], likelihood: pd.DataFrame) -> pd.DataFrame:
    """Return for each customer and each possible answer the decision that is then best.

    Parameters
    ----------
    prior, payoffs, likelihood
        As for :func:`value_of_information`.

    Returns
    -------
    DataFrame
        Index the customers, a column per answer; where all are the same, an answer changes nothing.

    Raises
    ------
    ValueError
        As :func:`value_of_information`.

    Examples
    --------
    >>> prior = pd.Series({"much": 0.4, "little": 0.6})
    >>> visit = pd.DataFrame({"much": [50.0, 500.0], "little": [-40.0, 100.0]}, index=["Al", "Bo"])
    >>> eight_of_ten = pd.DataFrame({"much": [0.8, 0.2], "little": [0.2, 0.8]}, index=["much", "little"])
    >>> decisions(prior, {"leave": 0, "visit": visit}, eight_of_ten)
         much little
    Al  visit  leave
    Bo  visit  visit
    """
    chances, money, (customers, states) = _problem(prior, payoffs)
    best = _after(chances, money, _answers(likelihood, list(states))).argmax(axis=0)
    return pd.DataFrame(_names(payoffs)[best], index=customers, columns=likelihood.columns)


def worth_asking(
    value: Any, cost: Any, response: Any = 1.0, reward: Any = 0.0, budget: float | None = None
) -> pd.DataFrame:
    """Return whom to ask first: what a question is expected to bring, what it costs, and the list.

    Parameters
    ----------
    value : Series or sequence of float
        What an answer is worth, per customer, in money, at least 0 (:func:`value_of_information`).
    cost : float or the same
        What asking costs whether or not somebody answers, above 0.
    response : float or the same
        Chance that the customer answers, from 0 to 1.
    reward : float or the same
        Paid to those who answer.
    budget : float, optional
        What may be spent in expectation. Without one everybody who is worth it is asked.

    Returns
    -------
    DataFrame
        The customers by what a dollar spent on them brings, highest first, equal ones in the order given:
        ``brings`` (response × value), ``costs`` (cost + response × reward), ``net`` (brings less costs),
        ``per_dollar`` (brings / costs), ``spent`` (costs down to this row) and ``ask`` (net above 0 and
        spent within the budget).

    Raises
    ------
    ValueError
        Numbers that are missing or out of range, lengths or labels that differ.

    Notes
    -----
    With a budget this is the list by value for money of Dantzig (1957), Operations Research 5(2), 266–288,
    https://doi.org/10.1287/opre.5.2.266. The best list brings at most one question's worth more.

    Examples
    --------
    >>> value = pd.Series({"Al": 20.0, "Bo": 0.0, "Cy": 12.0, "Di": 9.0})
    >>> worth_asking(value, cost=2, response=0.5, reward=2, budget=6)
        brings  costs  net  per_dollar  spent    ask
    Al    10.0    3.0  7.0    3.333333    3.0   True
    Cy     6.0    3.0  3.0    2.000000    6.0   True
    Di     4.5    3.0  1.5    1.500000    9.0  False
    Bo     0.0    3.0 -3.0    0.000000   12.0  False
    """
    worth = numbers(value, "value")
    each = {"value": worth.to_numpy()}
    for name, given in (("cost", cost), ("response", response), ("reward", reward)):
        column = floats(aligned(given, name, worth.index), name)
        if column.shape not in ((), (len(worth),)):
            raise ValueError(f"{name} is one number, or one for each of the {len(worth)} customers.")
        each[name] = np.broadcast_to(column, len(worth))
    for name, values in each.items():
        least, most = (
            ("above 0", np.inf) if name == "cost" else ("at least 0", 1 if name == "response" else np.inf)
        )
        wrong = ~(np.isfinite(values) & (values >= 0) & (values <= most)) | ((name == "cost") & (values == 0))
        if wrong.any():
            range_ = "a chance from 0 to 1" if most == 1 else f"a finite number {least}"
            row = int(np.argmax(wrong))
            raise ValueError(f"{name} is {range_}; customer {worth.index[row]!r} has {values[row]:g}.")
    limit = np.inf if budget is None else number(budget, "budget", "an amount of at least 0", low=0)
    table = pd.DataFrame({"brings": each["response"] * each["value"]}, index=worth.index)
    table["costs"] = each["cost"] + each["response"] * each["reward"]
    table["net"] = table["brings"] - table["costs"]
    table["per_dollar"] = table["brings"] / table["costs"]
    table = table.sort_values("per_dollar", ascending=False, kind="stable")
    table["spent"] = table["costs"].cumsum()
    return table.assign(ask=(table["net"] > 0) & (table["spent"] <= limit * (1 + 1e-12)))


def _names(payoffs: Mapping[str, Any]) -> np.ndarray:
    return pd.Series([*payoffs], dtype=object).to_numpy()


def _problem(
    prior: Any, payoffs: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray, tuple[pd.Index, pd.Index]]:
    """Return chances (customer, state), money (decision, customer, state), and the customers and states."""
    if not isinstance(payoffs, Mapping) or len(payoffs) < 2:
        raise ValueError('payoffs has two decisions or more, such as {"leave": 0, "visit": table}.')
    # an engine's lazy table has no dimension that numpy knows of
    scalars = {name: given for name, given in payoffs.items() if not hasattr(type(given), "columns")}
    tables = {name: by_customer(given) for name, given in payoffs.items() if name not in scalars}
    if not tables:
        raise ValueError(
            "All payoffs are single numbers: give a table, a row per customer, for one decision."
        )
    first, model = next(iter(tables.items()))
    customers, states = model.index, model.columns
    if model.empty or customers.has_duplicates or states.has_duplicates:
        raise ValueError(f"Payoffs of {first!r} have one row per customer and one column per state.")
    money = []
    for name in payoffs:
        if name in scalars:
            value = number(scalars[name], f"The payoff of {name!r}", "a finite number, or a table")
            money.append(np.full(model.shape, value))
        else:
            money.append(_like(tables[name], f"Payoffs of {name!r}", customers, states))
    if isinstance(prior, pd.Series | Mapping):
        row = pd.Series(prior).to_frame().T
        chances = _like(row.set_axis(customers[:1]), "prior", customers[:1], states)
    else:
        chances = _like(by_customer(prior), "prior", customers, states)
    _add_up(chances, "prior")
    return np.broadcast_to(chances, model.shape), np.stack(money), (customers, states)


def _like(table: pd.DataFrame, what: str, rows: pd.Index, columns: pd.Index) -> np.ndarray:
    """Return the numbers of a table in the order of these rows and columns, of which none may be missing."""
    require_columns(table.columns, columns)
    if len(table.columns) != len(columns):
        extra = [name for name in table.columns if name not in columns]
        raise ValueError(f"{what}: no such state elsewhere: {', '.join(map(repr, extra))}. Drop it.")
    if len(table) != len(rows) or table.index.has_duplicates or not rows.isin(table.index).all():
        raise ValueError(
            f"{what}: {len(table)} rows for {len(rows)} customers or states; each needs one by its name: "
            f"{rows[:3].tolist()} …, not {table.index[:3].tolist()} …"
        )
    return np.column_stack(number_columns(table.loc[rows], *columns))


def _answers(likelihood: pd.DataFrame, states: list[Any]) -> np.ndarray:
    """Return how likely each answer (column) is in each state (row), checked."""
    if not isinstance(likelihood, pd.DataFrame) or likelihood.columns.has_duplicates or likelihood.empty:
        raise ValueError("likelihood is a DataFrame: a row per state, a column per answer.")
    chances = _like(likelihood, "likelihood", pd.Index(states), likelihood.columns)
    _add_up(chances, "likelihood")
    return chances


def _add_up(chances: np.ndarray, what: str) -> None:
    """Refuse rows that are no chances: below 0, or not adding up to 1."""
    wrong = (chances < 0).any(axis=1) | (np.abs(chances.sum(axis=1) - 1) > 1e-6)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f"Each row of {what} holds chances of at least 0 that add up to 1; row {row} (counted from 0) "
            f"adds up to {chances[row].sum():.6g}. Divide counts by their sum."
        )


def _after(chances: np.ndarray, money: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Return the sum over states of chance × chance of the answer × money: (decision, customer, answer)."""
    return np.einsum("cs,dcs,sa->dca", chances, money, answers, optimize=True)
