"""The relationship ladder: who is on which rung, who moves, and how long a climb takes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from crmlab import plot
from crmlab._arguments import floats, generator, level
from crmlab._intervals import resampled, wilson
from crmlab._tables import as_pandas, drawn_table, refuse, require_columns, unknown, whole_number
from crmlab.network.graph import dates, told_apart

ENOUGH = 20
"""Rows of fewer moves than this are marked as few: their intervals are so wide that they say little."""


def rungs(
    facts: Any,
    rules: pd.DataFrame,
    customer: str = "customer_id",
    as_of: str = "as_of",
    off: str = "off the ladder",
) -> pd.DataFrame:
    """Put each customer on exactly one rung of the ladder, by rules that a firm can apply on a day.

    Parameters
    ----------
    facts : table
        One row per customer and day, of any engine: what was known of the customer on that day. A measure is
        a number or true/false.
    rules : DataFrame
        One row per condition, with the columns ``rung``, ``measure`` (a column of `facts`) and ``at_least``.
        The rungs stand from the lowest to the highest; all conditions of a rung must hold.
    customer, as_of : str
        Columns of `facts`: who, and the day, a date or a text such as "2025-06-30", without a time zone.
    off : str
        What to call those on no rung.

    Returns
    -------
    DataFrame
        Columns `customer`, `as_of` (a date) and ``rung``: an ordered categorical, `off` first, then the rungs
        from the lowest to the highest. A customer is on the highest rung whose conditions hold. A rung on
        which nobody is stays among the categories.

    Raises
    ------
    ValueError
        If a column is not there, a customer, a day or a measure is missing, a customer is there twice on one
        day, the rules have fewer than two rungs, a limit is no number, `off` is the name of a rung, or
        `customer` or `as_of` is called "rung".

    Notes
    -----
    A rule uses what the customer did up to the day and nothing later. Whoever wants to know what a rung is
    worth leaves money out of its rule: a rung that is defined by money brings money by definition.

    References
    ----------
    Payne, A., Christopher, M., Clark, M. & Peck, H. (1995). Relationship Marketing for Competitive Advantage.
    Butterworth-Heinemann: prospect, purchaser, client, supporter, advocate, partner.

    Examples
    --------
    >>> facts = pd.DataFrame({"customer_id": [1, 2, 3], "as_of": "2025-06-30", "orders": [1, 5, 0]})
    >>> rules = pd.DataFrame({
    ...     "rung": ["purchaser", "client"], "measure": ["orders", "orders"], "at_least": [1, 2],
    ... })
    >>> rungs(facts, rules)
       customer_id      as_of            rung
    0            1 2025-06-30       purchaser
    1            2 2025-06-30          client
    2            3 2025-06-30  off the ladder
    """
    facts, rules, needed = as_pandas(facts), as_pandas(rules), ["rung", "measure", "at_least"]
    if len({customer, as_of, "rung"}) < 3:
        raise ValueError(f"The result has the columns {customer!r}, {as_of!r} and 'rung': rename yours.")
    if off is None:
        raise ValueError("off is what to call those on no rung; got None.")
    require_columns(rules.columns, needed)
    if bad := rules[needed].isna().any(axis=1).sum():
        raise ValueError(f"{bad} of the {len(rules)} rules lack a rung, a measure or a limit.")
    require_columns(facts.columns, [customer, as_of, *rules["measure"]])
    ladder, limits = _ladder(rules["rung"].unique(), off), floats(rules["at_least"], "at_least")
    refuse(rules, ~np.isfinite(limits), "an infinite limit")
    days = _days(facts, customer, as_of)
    place = np.zeros(len(facts), int)
    enough = np.array([_measure(facts, one) for one in rules["measure"]]) >= limits[:, None]
    for number, name in enumerate(ladder[1:], start=1):
        place[enough[(rules["rung"] == name).to_numpy()].all(axis=0)] = number
    rung = pd.Categorical.from_codes(place, ladder, ordered=True)
    return pd.DataFrame({customer: facts[customer].to_numpy(), as_of: days.to_numpy(), "rung": rung})


def _ladder(names: Any, off: str | None = None) -> list[Any]:
    """Return the rungs from the lowest to the highest, `off` before them."""
    if isinstance(names, str | set | frozenset) or not np.iterable(names):
        raise ValueError(f"A ladder is a list of rungs, from the lowest to the highest; got {names!r}.")
    names = [*names]
    if len(names) < 2 or pd.Index(names).has_duplicates:
        raise ValueError(f"A ladder has at least two rungs; this one has {names}, each to be there once.")
    if off is not None and off in names:
        raise ValueError(f"{off!r} is the name of a rung; give off= another name for those on no rung.")
    return names if off is None else [off, *names]


def _days(table: pd.DataFrame, customer: str, as_of: str) -> pd.Series:
    """Return the days of a table in which each customer is there once a day."""
    refuse(table, table[[customer, as_of]].isna().any(axis=1).to_numpy(), f"no {customer!r} or no {as_of!r}")
    if table.empty:
        raise ValueError("There is not a single customer in the table.")
    told_apart(table[customer], customer)
    days = dates(table, as_of).dt.normalize()
    twice = pd.DataFrame({"who": table[customer], "day": days}).duplicated().to_numpy()
    refuse(table, twice, f"a {customer!r} that is there before on the same day: nobody is on two rungs")
    return days


def _measure(facts: pd.DataFrame, column: str) -> np.ndarray:
    """Return a measure as numbers, none of them missing."""
    values = facts[column].astype(float) if facts[column].dtype == bool else facts[column]
    values = floats(values, repr(column))
    refuse(facts, ~np.isfinite(values), f"a {column!r} that is missing or infinite")
    return values


def _standing(
    table: Any, customer: str, as_of: str, rung: str, ladder: Sequence[str] | None
) -> tuple[pd.DataFrame, list[Any]]:
    """Return customer, day and place on the ladder as ``who``, ``day``, ``place``, and the ladder."""
    table = as_pandas(table)
    require_columns(table.columns, [customer, as_of, rung])
    if ladder is None:
        kind = table[rung].dtype
        ladder = kind.categories if getattr(kind, "ordered", False) else None
        if ladder is None:
            raise ValueError(
                f"Which rung is higher? Give ladder=[lowest, …, highest], or make {rung!r} an ordered "
                "categorical, as rungs(facts, rules) does."
            )
    names = _ladder(ladder)
    days = _days(table, customer, as_of)
    place = pd.Index(names).get_indexer(table[rung])
    told = ", ".join(map(str, names))
    refuse(table, place < 0, f"a {rung!r} that is not on the ladder ({told})")
    return pd.DataFrame({"who": table[customer].to_numpy(), "day": days.to_numpy(), "place": place}), names


def standing(
    table: Any,
    customer: str = "customer_id",
    as_of: str = "as_of",
    rung: str = "rung",
    ladder: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Count who stands on each rung on each day; empty rungs are kept.

    Parameters
    ----------
    table : table
        One row per customer and day, as from :func:`rungs`.
    customer, as_of, rung : str
        Its columns.
    ladder : sequence of str, optional
        The rungs from the lowest to the highest. Without it: the categories of `rung`, if it is an ordered
        categorical.

    Returns
    -------
    DataFrame
        Index: the days in their order. A column of counts for each rung, the lowest first.

    Raises
    ------
    ValueError
        If a column is not there, a value is missing, a customer is there twice on a day, a rung is not on the
        ladder, or the ladder has one rung.

    Examples
    --------
    >>> table = pd.DataFrame({"customer_id": [1, 2], "as_of": "2025-06-30", "rung": ["buyer", "buyer"]})
    >>> standing(table, ladder=["buyer", "client"])
    rung        buyer  client
    as_of
    2025-06-30      2       0
    """
    held, names = _standing(table, customer, as_of, rung, ladder)
    counts = pd.crosstab(held["day"], held["place"]).reindex(columns=range(len(names)), fill_value=0)
    return counts.set_axis(pd.Index(names, name=rung), axis=1).rename_axis(as_of)


def _steps(held: pd.DataFrame) -> pd.DataFrame:
    """Return each move from one day to the next: ``who``, ``place`` and ``later``."""
    days = np.sort(held["day"].unique())
    if len(days) < 2:
        raise ValueError(f"A move takes two days, and the table holds one: {pd.Timestamp(days[0]).date()}.")
    gaps = np.diff(days)
    if gaps.max() > 1.5 * gaps.min():
        first, last = (f"{gap / np.timedelta64(1, 'D'):.0f}" for gap in (gaps.min(), gaps.max()))
        raise ValueError(
            f"The days lie from {first} to {last} days apart, and moves of unequal length cannot be counted "
            "together: keep days that are evenly spaced."
        )
    held = held.assign(number=np.searchsorted(days, held["day"]))
    held = held.sort_values(["who", "number"], kind="stable")
    code = pd.factorize(held["who"])[0]  # shifted ids would be floats, in which long ones look alike
    follows = np.append(code[1:] == code[:-1], False)
    gap = follows & held["number"].shift(-1).sub(held["number"]).ne(1).to_numpy()
    lost = ~follows & (held["number"] < len(days) - 1).to_numpy()
    what = "a customer who is missing on the next day: who has gone is off the ladder, and still in the table"
    refuse(held, gap | lost, what)
    return held.assign(later=held["place"].shift(-1))[follows].astype({"later": int})


def moves(
    table: Any,
    customer: str = "customer_id",
    as_of: str = "as_of",
    rung: str = "rung",
    ladder: Sequence[str] | None = None,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Count who moved from each rung to each other one between a day and the next, with Wilson's intervals.

    Parameters
    ----------
    table : table
        One row per customer and day, as from :func:`rungs`. The days may stand in any order and are evenly
        spaced; with more than two, the moves of all steps are counted together. A customer may begin on a
        later day, and is there on every day from then on.
    customer, as_of, rung : str
        Its columns.
    ladder : sequence of str, optional
        The rungs from the lowest to the highest. Without it: the categories of `rung`, if it is an ordered
        categorical.
    alpha : float
        One minus the level of the intervals.

    Returns
    -------
    DataFrame
        Index ``from`` and ``to``, all pairs; columns ``moved`` and ``of`` (who stood on `from`), ``share``,
        ``low`` and ``high`` (missing where nobody stood), and ``few``: fewer than 20 stood there.

    Raises
    ------
    ValueError
        As :func:`standing`, or if there is one day only, the days are unevenly spaced, or a customer is
        missing on a day after the first.

    Notes
    -----
    Each interval speaks for one share by itself. With more than two days it takes the moves of one customer
    for those of different customers; :func:`climb_interval` draws customers and does not.

    Examples
    --------
    >>> table = pd.DataFrame({
    ...     "customer_id": [1, 2, 1, 2],
    ...     "as_of": ["2025-06-30", "2025-06-30", "2025-12-31", "2025-12-31"],
    ...     "rung": ["buyer", "buyer", "client", "buyer"],
    ... })
    >>> moves(table, ladder=["buyer", "client"]).round(2)
                   moved  of  share   low  high   few
    from   to
    buyer  buyer       1   2    0.5  0.09  0.91  True
           client      1   2    0.5  0.09  0.91  True
    client buyer       0   0    NaN   NaN   NaN  True
           client      0   0    NaN   NaN   NaN  True
    """
    held, names = _standing(table, customer, as_of, rung, ladder)
    steps, size = _steps(held), len(names)
    counts = np.bincount(steps["place"] * size + steps["later"], minlength=size * size)
    of = np.repeat(counts.reshape(size, size).sum(axis=1), size)
    low, high = wilson(counts, np.maximum(of, 1), alpha)
    nobody = of == 0
    # levels in the ladder's order, so that unstack keeps it
    index = pd.MultiIndex([names, names], np.divmod(np.arange(size**2), size), names=["from", "to"])
    found = pd.DataFrame(
        {"moved": counts, "of": of, "share": counts / np.maximum(of, 1), "low": low, "high": high},
        index=index,
    )
    found.loc[nobody, ["share", "low", "high"]] = np.nan
    return found.assign(few=of < ENOUGH)


def climb(shares: pd.DataFrame, to: str, gone: str | None = None, above: bool = True) -> pd.DataFrame:
    """Return who ever climbs to a rung, and how many steps of time that takes, by a table of moves.

    Parameters
    ----------
    shares : DataFrame
        Of those on each rung (index) the share on each rung (columns) one step later; the rungs from the
        lowest to the highest. From counted moves: ``moves(table)["share"].unstack()``.
    to : str
        The rung to be reached.
    gone : str, optional
        Who gets there counts as lost and is followed no further.
    above : bool
        Whether a rung above `to` counts as having reached it.

    Returns
    -------
    DataFrame
        Index: the rungs from which one can set out. Columns ``reach`` (the share that ever gets to `to`) and
        ``steps`` (the mean number of steps until then, of those who do; missing where nobody does).

    Raises
    ------
    ValueError
        If rows and columns are not the same rungs, there is no rung of that name, a share is missing,
        negative or infinite in a row that somebody reaches, a row does not sum to 1, or there is no rung from
        which to set out.

    Notes
    -----
    The next move hangs on the present rung alone (Markov): neither on how long one has stood there nor on
    where one came from. With Q the shares among the rungs from which `to` can be reached and r those of
    getting to `to` at once, N = (I − Q)⁻¹ is the fundamental matrix; reach = N r, steps = N reach / reach.
    A rung on which nobody ever stood, and to which nobody moves, is left out.

    References
    ----------
    Kemeny, J. G. & Snell, J. L. (1960). Finite Markov Chains. Van Nostrand, theorems 3.2.4 and 3.3.7.

    Examples
    --------
    Of ten buyers two become clients by the next step, three are lost, five stay. In the end 2 of 5 climb:

    >>> names = ["lost", "buyer", "client"]
    >>> shares = pd.DataFrame([[1, 0, 0], [0.3, 0.5, 0.2], [0, 0, 1]], names, names)
    >>> climb(shares, to="client", gone="lost")
           reach  steps
    buyer    0.4    2.0
    """
    if not isinstance(shares, pd.DataFrame) or [*shares.index] != [*shares.columns]:
        raise ValueError("shares is a table whose rows and columns are the same rungs in the same order.")
    if not isinstance(above, bool):
        raise ValueError(f"above is True or False; got {above!r}.")
    names = _ladder(shares.index)
    ends = _ends(names, to, gone, above)
    start = np.flatnonzero(~ends.any(axis=0))
    matrix = floats(shares, "shares")
    empty = np.isnan(matrix).all(axis=1)
    if (bad := ~np.isfinite(matrix).all(axis=1) & ~empty)[start].any():
        raise ValueError(f"A share of {names[start[bad[start]][0]]!r} is missing or infinite.")
    met = start[~empty[start] | (np.nan_to_num(matrix)[start].sum(axis=0) > 0)[start]]
    if (bad := empty[met]).any():
        raise ValueError(
            f"Some move to {names[met[bad][0]]!r}, and nobody was seen to go on from there: observe longer, "
            "or join it with another rung."
        )
    if (matrix[met] < 0).any() or (np.abs(matrix[met].sum(axis=1) - 1) > 1e-6).any():
        raise ValueError("The shares of a row are not negative and sum to 1.")
    if not len(met):
        raise ValueError(f"There is no rung from which anybody could set out for {to!r}.")
    matrix[met] /= matrix[met].sum(axis=1, keepdims=True)  # they sum to 1 within the tolerance only
    reach, steps = _solve(matrix, met, ends[0])
    index = pd.Index([names[one] for one in met], name=shares.index.name)
    return pd.DataFrame({"reach": reach, "steps": steps}, index=index)


def _ends(names: list[Any], to: str, gone: str | None, above: bool) -> np.ndarray:
    """Return two rows of flags: rungs that count as reached, and the one that counts as lost."""
    for name in (to, gone):
        if name is not None and name not in names:
            raise ValueError(unknown("rung", name, map(str, names)))
    if to == gone:
        raise ValueError(f"{to!r} cannot be the rung to be reached and the one that counts as lost.")
    place = np.arange(len(names))
    target = names.index(to)
    lost = place == (names.index(gone) if gone is not None else -1)
    return np.stack([((place > target) if above else False) & ~lost | (place == target), lost])


def _solve(matrix: np.ndarray, start: np.ndarray, reached: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each rung of `start` the share that ever gets to a reached one, and the mean steps."""
    inside, direct = matrix[np.ix_(start, start)], matrix[np.ix_(start, reached)].sum(axis=1)
    can = direct > 0
    for _ in start:  # a path to the end is no longer than there are rungs
        can |= inside[:, can].sum(axis=1) > 0
    reach, steps = np.zeros(len(start)), np.full(len(start), np.nan)
    if can.any():
        fundamental = np.eye(can.sum()) - inside[np.ix_(can, can)]
        # 1 less who stays loses the digits of a rare move: there add up who leaves
        leave = np.where(np.arange(len(matrix)) == start[:, None], 0, matrix[start]).sum(axis=1)[can]
        np.fill_diagonal(fundamental, np.where(leave < 1e-3, leave, np.diag(fundamental)))
        reach[can] = np.linalg.solve(fundamental, direct[can]).clip(0, 1)
        steps[can] = np.linalg.solve(fundamental, reach[can]) / reach[can]
    return reach, steps


def climb_interval(
    table: Any,
    to: str,
    gone: str | None = None,
    customer: str = "customer_id",
    as_of: str = "as_of",
    rung: str = "rung",
    ladder: Sequence[str] | None = None,
    draws: int = 1000,
    alpha: float = 0.05,
    rng: Any = 0,
) -> pd.DataFrame:
    """Return :func:`climb` of the moves in a table, with intervals by drawing customers.

    Parameters
    ----------
    table, customer, as_of, rung, ladder
        As in :func:`moves`.
    to, gone
        As in :func:`climb`.
    draws : int
        How often as many customers are drawn, each put back, with all their moves.
    alpha : float
        One minus the level of the intervals.
    rng : int or numpy.random.Generator

    Returns
    -------
    DataFrame
        Index: the rungs; columns ``reach``, ``reach_low``, ``reach_high``, ``steps``, ``steps_low`` and
        ``steps_high``. Where a draw has no path to the rung, its steps are left out of the interval; where
        it has nobody on a rung to which its paths lead, so is its reach: what comes after is not known.

    Raises
    ------
    ValueError
        As :func:`moves` and :func:`climb`.

    Notes
    -----
    The interval is about luck in who was observed. It knows nothing of the error that is made when the time
    on a rung matters and the table of moves forgets it.

    Examples
    --------
    >>> table = pd.DataFrame({
    ...     "customer_id": [*range(10)] * 2,
    ...     "as_of": ["2025-06-30"] * 10 + ["2025-12-31"] * 10,
    ...     "rung": ["buyer"] * 10 + ["client"] * 2 + ["lost"] * 3 + ["buyer"] * 5,
    ... })
    >>> climb_interval(table, "client", "lost", ladder=["lost", "buyer", "client"])[["reach", "steps"]]
           reach  steps
    buyer    0.4    2.0
    """
    whole_number(draws, "draws", least=1)
    level(alpha)
    held, names = _standing(table, customer, as_of, rung, ladder)
    steps, size = _steps(held), len(names)
    who, turn = pd.factorize(steps["who"])[0], steps["number"].to_numpy()
    # customers with the same moves are drawn together: a row for each kind of path, −1 where it had not begun
    paths = np.full((who.max() + 1, turn.max() + 1), -1)
    paths[who, turn] = steps["place"] * size + steps["later"]
    kinds, often = np.unique(paths, axis=0, return_counts=True)
    kind, turn = np.nonzero(kinds >= 0)
    counted = np.zeros((len(kinds), size * size), int)
    np.add.at(counted, (kind, kinds[kind, turn]), 1)
    total = (often @ counted).reshape(size, size)
    with np.errstate(invalid="ignore"):
        shares = pd.DataFrame(total / total.sum(axis=1, keepdims=True), names, names)
    found = climb(shares, to, gone)
    start, reached = np.array([names.index(one) for one in found.index], int), _ends(names, to, gone, True)[0]
    drawn = generator(rng).multinomial(often.sum(), often / often.sum(), size=draws) @ counted
    counts = drawn.reshape(draws, size, size)
    stood = counts.sum(axis=2, keepdims=True)
    matrices = np.where(stood > 0, counts / np.maximum(stood, 1), np.eye(size))  # nobody there: nobody moves
    results = np.array([_solve(one, start, reached) for one in matrices])  # draws × (reach, steps) × rungs
    unseen = stood[:, start, 0] == 0
    for _ in start:  # from where a path leads to a rung without anybody
        unseen |= ((counts[:, start][:, :, start] > 0) & unseen[:, None]).any(axis=2)
    results = np.where(unseen[:, None], np.nan, results)
    for number, name in enumerate(("reach", "steps")):
        for column, values in enumerate(results[:, number].T):
            known = values[np.isfinite(values)]
            low, high = resampled(known, alpha=alpha) if len(known) else (np.nan, np.nan)
            found.loc[found.index[column], [f"{name}_low", f"{name}_high"]] = low, high
    return found[[f"{name}{end}" for name in ("reach", "steps") for end in ("", "_low", "_high")]]


def landmark(
    table: Any,
    at: Any,
    by: Any,
    customer: str = "customer_id",
    as_of: str = "as_of",
    rung: str = "rung",
    ladder: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return where each customer stood at a landmark, since when, and who had climbed by a later day.

    Parameters
    ----------
    table, customer, as_of, rung, ladder
        As in :func:`moves`.
    at, by : str or date
        The landmark and the later day, both among the days of the table.

    Returns
    -------
    DataFrame
        Index: the customers of the landmark; who joined later is not among them. Columns ``rung``, ``days``
        (for how many days, at least, they had stood there without a break), ``later`` (the rung on the later
        day), ``climbed`` and ``fell``. What is to explain the move is joined to it as of the landmark.

    Raises
    ------
    ValueError
        As :func:`standing`, or if a day is not in the table, the later day does not come after the landmark,
        or a customer of the landmark is missing on the later day.

    References
    ----------
    Anderson, J. R., Cain, K. C. & Gelber, R. D. (1983). Analysis of survival by tumor response. Journal of
    Clinical Oncology 1(11), 710–719. https://doi.org/10.1200/JCO.1983.1.11.710

    Examples
    --------
    >>> table = pd.DataFrame({
    ...     "customer_id": [1, 2, 1, 2],
    ...     "as_of": ["2025-06-30", "2025-06-30", "2025-12-31", "2025-12-31"],
    ...     "rung": ["buyer", "buyer", "client", "buyer"],
    ... })
    >>> landmark(table, "2025-06-30", "2025-12-31", ladder=["buyer", "client"])
                  rung  days   later  climbed   fell
    customer_id
    1            buyer     0  client     True  False
    2            buyer     0   buyer    False  False
    """
    held, names = _standing(table, customer, as_of, rung, ladder)
    given = pd.DataFrame({"at": [at], "by": [by]})
    first, last = (dates(given, name).dt.normalize().iloc[0] for name in given)
    known = sorted({str(pd.Timestamp(day).date()) for day in held["day"].unique()})
    for day in (first, last):
        if str(day.date()) not in known:
            raise ValueError(unknown("day in the table", str(day.date()), known))
    if last <= first:
        raise ValueError(f"The later day comes after the landmark; got {first.date()} and {last.date()}.")
    place = held.pivot(index="who", columns="day", values="place")
    there = place[place[first].notna()]
    refuse(there, there[last].isna().to_numpy(), "no rung on the later day")
    back = there.loc[:, :first].iloc[:, ::-1]  # from the landmark backwards
    same = back.eq(there[first], axis=0).cumprod(axis=1).sum(axis=1).astype(int).to_numpy()
    since = back.columns.to_numpy()[same - 1]
    now, then = (
        pd.Categorical.from_codes(there[day].astype(int), names, ordered=True) for day in (first, last)
    )
    return pd.DataFrame(
        {
            "rung": now, "days": (first.to_datetime64() - since) // np.timedelta64(1, "D"), "later": then,
            "climbed": then.codes > now.codes, "fell": then.codes < now.codes,
        },
        index=there.index.rename(customer),
    )  # fmt: skip


def plot_ladder(counts: Any, moved: pd.DataFrame | None = None, dot: int = 0, ax: Axes | None = None) -> Axes:
    """Draw the ladder as a staircase with people on its steps.

    Parameters
    ----------
    counts : Series
        How many stand on each rung, the lowest first: one row of :func:`standing`.
    moved : DataFrame, optional
        From :func:`moves`; each step then says what share climbed and fell by the next day.
    dot : int
        How many customers a dot stands for; 0 takes a round number that gives the fullest step about 60.
    ax : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If there is nobody, a count is negative, missing or not whole, or the moves are of another ladder or
        of one in another order.

    Examples
    --------
    >>> ax = plot_ladder(pd.Series({"buyer": 30, "client": 12, "advocate": 0}))
    >>> [text.get_text() for text in ax.texts if text.get_text().isdigit()]
    ['30', '12', '0']
    """
    whole_number(dot, "dot", least=0)
    counts = pd.Series(counts)
    names, number = _ladder(counts.index), floats(counts, "counts")
    if not ((number >= 0) & (number < 1e12) & (number % 1 == 0)).all() or number.sum() == 0:
        raise ValueError(
            "counts are whole and not negative, none is missing, and somebody stands on the ladder."
        )
    if moved is not None:
        drawn_table(moved, ("moved", "of"), "moves(table)")
        of = [*moved.index.remove_unused_levels().levels[0]] if moved.index.nlevels == 2 else []
        if of != names:
            raise ValueError(f"The moves are of the ladder {of}, and counts of {names}, in this order.")
    if not dot:
        wanted = max(1, number.max() / 60)
        dot = int(next(one for one in np.outer(10.0 ** np.arange(12), [1, 2, 5]).ravel() if one >= wanted))
    ax = plot.axes(ax, figsize=(9, 4.6))
    told = list[str]()
    for step, (name, count) in enumerate(zip(names, number, strict=True)):
        top = 3.2 + 1.5 * step
        ax.add_patch(Rectangle((step, 0), 1, top, fc=plot.PALETTE[0], ec="white", lw=1.5))
        people = np.arange(int(np.ceil(count / dot)))
        row, column = np.divmod(people, 6)
        ax.plot(
            step + 0.14 + 0.144 * column, top + 0.45 + 0.62 * row, ls="", marker="o", ms=5, color=plot.INK
        )
        ax.text(step + 0.5, top + 0.6 + 0.62 * np.ceil(len(people) / 6), f"{count:.0f}", ha="center")
        words = [str(name)]
        if moved is not None and (total := moved.loc[name, "of"].iloc[0]):
            above = pd.Index(names).get_indexer(moved.loc[name].index) - step
            for what, part in (("climb", above > 0), ("fall", above < 0)):
                if part.any():
                    words.append(f"{moved.loc[name, 'moved'][part].sum() / total:.0%} {what}")
        told.append(f"{count:.0f} {', '.join(words)}")
        inside = "\n".join([plot.label(words[0].replace(" ", "\n")), *map(plot.label, words[1:])])
        ink = plot.text_on(plot.PALETTE[0])
        ax.text(step + 0.5, top - 0.2, inside, ha="center", va="top", color=ink, fontsize=9, linespacing=1.3)
    ax.set(xlim=(0, len(names)), ylim=(0, ax.dataLim.y1 + 2.2))
    ax.set_axis_off()
    ax.set_title(plot.label(f"Who stands where (a dot: {dot} customers)"), loc="left")
    return plot.describe(ax, f"{plot.label('A staircase')}: {'; '.join(told)}.")
