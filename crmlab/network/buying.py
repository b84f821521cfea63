"""The buying centre: who starts, advises, decides, orders and uses at a firm, as its messages tell."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binom

from crmlab._arguments import floats, generator, number
from crmlab._intervals import resampled, wilson
from crmlab._tables import as_pandas, extended, look_up, refuse, require_columns, unknown, whole_number
from crmlab.network.graph import dates, told_apart

PARTS = {"from": "writes", "to": "is written to", "copied": "is copied", "signed": "signs for another"}
"""Who takes part in a message, and what the table of signs says of it; for "from" the topic is added."""
TELLING = {
    "initiator": "writes need", "influencer": "writes advice", "decider": "writes approval",
    "buyer": "writes order", "user": "writes usage",
}  # fmt: skip
"""The act that by definition belongs to each role; the gatekeeper, who holds back, leaves no trace."""


def buying_signs(
    people: Any,
    messages: Any,
    participants: Any,
    *,
    account: str = "customer_id",
    person: str = "person_id",
    message: str = "interaction_id",
    topic: str = "topic",
    part: str = "part",
) -> pd.DataFrame:
    """Count who did what in the messages with each firm.

    Parameters
    ----------
    people : table
        Whom we know at each firm: `account` and `person`.
    messages : table
        One row per message: `message`, `account` and `topic`, missing where the subject tells none.
    participants : table
        One row per message and participant: `message`, `part` ("from", "to", "copied", "signed") and
        `person`, missing where it is one of us.
    account, person, message, topic, part : str
        Columns.

    Returns
    -------
    DataFrame
        Index: `account` and `person`, everybody in `people`. Columns: numbers of messages, ``writes`` with
        each topic, ``writes no topic``, ``is written to``, ``is copied`` and ``signs for another`` (one's
        name stands under what somebody else wrote; who signs their own message did nothing more). A sender
        who is also copied counts under both.

    Raises
    ------
    ValueError
        If an id is missing, a person is listed twice or at two firms, a firm with messages has no people,
        a message is listed twice, has no sender or two, a participant is unknown, of another firm, of an
        unknown part or twice in one part of a message, a topic is empty, "no topic" or a telling one in
        another way of writing ("Need "), or there is no message.

    Notes
    -----
    The order of the rows, and of the dates, does not matter. Two people of one name at one firm need ids of
    their own, since one row with that name could be either.

    References
    ----------
    Webster, F. E. & Wind, Y. (1972). A general model for understanding organizational buying behavior.
    Journal of Marketing 36(2), 12–19. https://doi.org/10.1177/002224297203600204

    Examples
    --------
    >>> people = pd.DataFrame({"customer_id": [1, 1], "person_id": [7, 8]})
    >>> messages = pd.DataFrame({"interaction_id": [1, 2], "customer_id": [1, 1], "topic": ["need", "order"]})
    >>> participants = pd.DataFrame({
    ...     "interaction_id": [1, 1, 2], "part": ["from", "copied", "from"], "person_id": [7, 8, 8],
    ... })
    >>> buying_signs(people, messages, participants)[["writes need", "writes order", "is copied"]]
                           writes need  writes order  is copied
    customer_id person_id
    1           7                    1             0          0
                8                    0             1          1
    """
    people, messages, rows = as_pandas(people), as_pandas(messages), as_pandas(participants)
    require_columns(people.columns, [account, person])
    require_columns(messages.columns, [message, account, topic])
    require_columns(rows.columns, [message, part, person])
    for table, needed in ((people, [account, person]), (messages, [message, account]), (rows, [message])):
        refuse(table, table[needed].isna().any(axis=1).to_numpy(), f"no {' or no '.join(needed)}")
    told_apart(people[account], account)
    told_apart(people[person], person)
    what = "a person listed before: two people of one name need ids, and nobody buys for two firms"
    refuse(people, people[person].duplicated().to_numpy(), what)
    refuse(messages, messages[message].duplicated().to_numpy(), "a message listed before")
    if messages.empty:
        raise ValueError("There is not a single message.")
    refuse(messages, ~messages[account].isin(people[account]).to_numpy(), "a firm without people")
    text, told = messages[topic].astype(object), {sign.split()[1] for sign in TELLING.values()}
    plain = text.astype(str).str.strip().str.lower()
    other = plain.isin(["", "no topic"]) | plain.isin(told) & ~text.isin(told)
    what = f"a topic that says none, or not as it is written: {', '.join(sorted(told))}"
    refuse(messages, (other & text.notna()).to_numpy(), what)
    parts = {one: look_up("part in a message", one, PARTS) for one in rows[part].astype(object).unique()}
    firm_of = messages.set_index(message)[account]
    refuse(rows, ~rows[message].isin(firm_of.index).to_numpy(), "a message that is not listed")
    senders = rows.loc[(rows[part] == "from").to_numpy(), message]
    refuse(messages, ~messages[message].isin(senders).to_numpy(), "no sender among the participants")
    refuse(messages, messages[message].isin(senders[senders.duplicated()]).to_numpy(), "two senders")
    theirs = rows[rows[person].notna()]
    home = people.set_index(person)[account].reindex(theirs[person]).to_numpy()
    again = theirs.duplicated([message, part, person]).to_numpy()
    refuse(theirs, again, "a participant who is there before, in the same part of the message")
    if theirs[person].dtype.kind == "f":
        refuse(
            theirs, (theirs[person].abs() >= 2**53).to_numpy(), "an id that floats cannot tell from others"
        )
    refuse(theirs, pd.isna(home), "a participant who is not among the people")
    refuse(theirs, home != firm_of.loc[theirs[message]].to_numpy(), "a participant of another firm")

    about = messages.set_index(message)[topic].astype(object).fillna("no topic").loc[theirs[message]]
    plain = theirs[part].astype(object).map(parts)
    sign = np.where(plain == "writes", "writes " + about.astype(str).to_numpy(), plain)
    wrote = rows[(rows[part] == "from").to_numpy()].set_index(message)[person].loc[theirs[message]]
    own = (plain == PARTS["signed"]).to_numpy() & (wrote.to_numpy() == theirs[person].to_numpy())
    index = pd.MultiIndex.from_frame(people[[account, person]].sort_values([account, person]))
    counts = pd.crosstab([home[~own], theirs[person].to_numpy()[~own]], sign[~own])
    counts.columns.name = None
    columns = sorted({"is copied", "is written to", "signs for another", *TELLING.values(), *counts.columns})
    return counts.reindex(index=index, columns=columns, fill_value=0).astype(int)


def _signs(table: Any) -> pd.DataFrame:
    """Return a table of signs, or raise ValueError."""
    table = as_pandas(table)
    if table.index.nlevels != 2 or not table.index.is_unique or table.empty:
        raise ValueError("signs is the table that network.buying_signs returns: a row per firm and person.")
    numeric = all(map(pd.api.types.is_numeric_dtype, table.dtypes))
    if not numeric or not table.columns.is_unique or table.index.to_frame().isna().any(axis=None):
        raise ValueError(
            "signs have counts in every column, each column once, and no missing firm or person."
        )
    values = table.to_numpy(float)
    wrong = ~((values >= 0) & (values < np.inf) & (values % 1 == 0)).all(axis=1)
    refuse(table, wrong, "a count that is missing or negative, or is not whole")
    return table


def hit_rates(signs: Any, known: Any, alpha: float = 0.05) -> pd.DataFrame:
    """Return how often each sign points to the holder of each role, in firms that were asked.

    Parameters
    ----------
    signs : DataFrame
        As of :func:`buying_signs`, of all firms or more.
    known : table
        One row per person of the firms that were asked, indexed by the person; a column of true and false
        for each role.
    alpha : float
        One minus the level of the interval.

    Returns
    -------
    DataFrame
        Index ``role`` and ``sign``. Columns ``messages`` (with that sign), ``hits`` (of these, by a holder of
        the role), ``share``, ``low`` and ``high`` (Wilson's interval), ``by_luck`` (what the share would be
        if all people of a firm did it alike) and ``rate``, (hits + 1) / (messages + 2): never 0 or 1, since
        a few firms cannot tell that something does not happen.

    Raises
    ------
    ValueError
        If a person is unknown or listed twice, a role is not true or false, or only some people of a firm
        were asked about.

    Notes
    -----
    Messages of one firm resemble one another, so the interval is too narrow where firms are few.

    Examples
    --------
    >>> index = pd.MultiIndex.from_tuples([(1, 7), (1, 8), (1, 9)], names=["customer_id", "person_id"])
    >>> signs = pd.DataFrame({"writes need": [8, 1, 1]}, index=index)
    >>> known = pd.DataFrame({"initiator": [True, False, False]}, index=[7, 8, 9])
    >>> hit_rates(signs, known)[["messages", "hits", "share", "by_luck", "rate"]].round(2)
                           messages  hits  share  by_luck  rate
    role      sign
    initiator writes need        10     8    0.8     0.33  0.75
    """
    signs, known = _signs(signs), as_pandas(known)
    flags = all(map(pd.api.types.is_bool_dtype, known.dtypes)) and not known.isna().any(axis=None)
    if not known.index.is_unique or known.empty or not flags:
        raise ValueError("known needs one row per person, and true or false (bool) for each role.")
    level = signs.index.get_level_values(1)
    if not known.index.isin(level).all():
        raise ValueError(
            unknown("person", known.index[~known.index.isin(level)].tolist()[0], map(str, level[:20]))
        )
    firm = signs.index.get_level_values(0)
    asked = firm.isin(firm[level.isin(known.index)])
    if not level[asked].isin(known.index).all():
        who = level[asked][~level[asked].isin(known.index)].tolist()[0]
        raise ValueError(f"known leaves out {who!r}, whose colleagues it tells of: ask about everybody.")
    signs, firm, holds, found = signs[asked], firm[asked], known.loc[level[asked]], []
    total = signs.sum()
    for role in holds:
        luck = holds[role].groupby(firm.to_numpy()).transform("mean").to_numpy()
        usual = signs.mul(luck, axis=0).sum() / total.where(total > 0)
        mine = signs[holds[role].to_numpy()].sum()
        found.append(pd.DataFrame({"messages": total, "hits": mine, "by_luck": usual}))
    table = pd.concat(found, keys=holds.columns, names=["role", "sign"])
    some = table["messages"].where(table["messages"] > 0)
    table["share"] = table["hits"] / some
    ends = wilson(table["hits"], table["messages"].clip(lower=1), alpha)
    for name, end in zip(("low", "high"), ends, strict=True):
        table[name] = np.where(some.notna(), end, np.nan)
    table["rate"] = (table["hits"] + 1) / (table["messages"] + 2)
    return table[["messages", "hits", "share", "low", "high", "by_luck", "rate"]]


def buying_roles(
    signs: Any, rates: Any, telling: Mapping[str, str | Sequence[str]] = TELLING
) -> pd.DataFrame:
    """Return for each person and role the evidence, what luck would show, and a certainty.

    Parameters
    ----------
    signs : DataFrame
        As of :func:`buying_signs`.
    rates : DataFrame
        As of :func:`hit_rates`: by role and sign, how often (``rate``) the sign comes from who has the role.
    telling : mapping
        For each role the sign, or signs, that are to count. Leave out what tells little, and what repeats
        another sign: each message is taken for news of its own.

    Returns
    -------
    DataFrame
        Index: firm, person and ``role``. Columns ``evidence`` (messages of that person with these signs),
        ``of`` (of how many in the firm), ``share``, ``by_luck`` (1 / people), ``p_value`` (how often luck
        alone, all people of the firm being alike, gives one person as much), ``certainty``.

    Raises
    ------
    ValueError
        If a sign is not in `signs` or is there twice for a role, or a rate is not there, there twice or not
        between 0 and 1.

    Notes
    -----
    Naive Bayes. At first all n people of a firm are as likely. A sign of rate q comes from who has the role
    with chance q and from each other person with (1 − q) / (n − 1); chances are multiplied over messages, as
    if these were independent, and divided by their sum. So the certainties of a role add up to 1 in a firm:
    *one* holder is sought. Where several hold a role it tells who speaks for it, and a low one tells nothing.
    It knows nothing of people who have left, either: give it the messages of a time in which few have.

    References
    ----------
    Hand, D. J. & Yu, K. (2001). Idiot's Bayes: not so stupid after all? International Statistical Review
    69(3), 385–398. https://doi.org/10.1111/j.1751-5823.2001.tb00465.x

    Examples
    --------
    >>> index = pd.MultiIndex.from_tuples([(1, 7), (1, 8), (1, 9)], names=["customer_id", "person_id"])
    >>> signs = pd.DataFrame({"writes need": [2, 1, 0]}, index=index)
    >>> rates = pd.DataFrame({"rate": [0.8]}, index=pd.MultiIndex.from_tuples([("initiator", "writes need")]))
    >>> buying_roles(signs, rates, {"initiator": "writes need"})[["evidence", "of", "certainty"]].round(3)
                                     evidence  of  certainty
    customer_id person_id role
    1           7         initiator         2   3      0.877
                8         initiator         1   3      0.110
                9         initiator         0   3      0.014
    """
    signs, rates, telling = _signs(signs), as_pandas(rates), dict(telling)
    require_columns(rates.columns, ["rate"])
    if not telling or not rates.index.is_unique:
        raise ValueError("It takes a role with a sign at least, and one rate for each role and sign.")
    firm = signs.index.get_level_values(0)
    people = signs.groupby(firm)[signs.columns[0]].transform("size").to_numpy()
    found = []
    for role, several in telling.items():
        names = [several] if isinstance(several, str) else list(several)
        require_columns(signs.columns, names)
        if len(set(names)) < len(names):
            raise ValueError(f"A sign counts once for the role {role!r}; got {names}.")
        weight = np.zeros(len(signs))
        for name in names:
            if (role, name) not in rates.index:
                raise ValueError(unknown("role and sign", (role, name), map(str, rates.index[:40])))
            rate = number(rates.at[(role, name), "rate"], f"the rate of {name!r}", "a share between 0 and 1")
            if not 0 < rate < 1:
                raise ValueError(f"The rate of {name!r} lies between 0 and 1, both excluded; got {rate:g}.")
            # who is alone in the firm has the role whatever was written
            weight += signs[name].to_numpy() * np.log(rate * np.maximum(people - 1, 1) / (1 - rate))
        table = pd.DataFrame({"evidence": signs[names].sum(axis=1)})
        table["of"] = table["evidence"].groupby(firm).transform("sum")
        table["share"] = table["evidence"] / table["of"].where(table["of"] > 0)
        table["by_luck"] = 1 / people
        table["p_value"] = binom.sf(table["evidence"] - 1, table["of"], 1 / people)
        fits = pd.Series(weight, signs.index)
        fits = np.exp(fits - fits.groupby(firm).transform("max"))
        table["certainty"] = fits / fits.groupby(firm).transform("sum")
        found.append(table)
    table = pd.concat(found, keys=list(telling), names=["role"])
    # from role by role to person by person
    rows = np.arange(len(table)).reshape(len(telling), len(signs)).T.ravel()
    return table.reorder_levels([1, 2, 0]).iloc[rows]


def calibration(
    certainty: Any,
    right: Any,
    edges: Sequence[float] = (0, 0.2, 0.5, 0.8, 1),
    draws: int = 1000,
    alpha: float = 0.05,
    rng: Any = 0,
) -> pd.DataFrame:
    """Return how often we were right where we were so sure, with an interval from firms drawn anew.

    Parameters
    ----------
    certainty : Series
        What we said, between 0 and 1; the first level of the index is the firm.
    right : Series
        Whether it was so (true or false), with the same index.
    edges : sequence of float
        Where a class of certainty ends and the next begins; its lower end belongs to it, of the last both.
    draws, alpha, rng
        Firms drawn anew, one minus the level of the interval, the dice.

    Returns
    -------
    DataFrame
        Index ``certainty``, such as "0.8 to 1". Columns ``cases``, ``firms``, ``said`` (mean certainty),
        ``right`` (share), ``low``, ``high``. Where all or none are right firms drawn anew show no doubt:
        there the interval is Wilson's, with as many cases as firms.

    Raises
    ------
    ValueError
        If the indexes differ, a firm is missing, a certainty is missing or outside 0 to 1, `right` is not
        true or false, or the edges do not rise from 0 to 1.

    References
    ----------
    Dawid, A. P. (1982). The well-calibrated Bayesian. Journal of the American Statistical Association
    77(379), 605–610. https://doi.org/10.1080/01621459.1982.10477856

    Examples
    --------
    >>> firms = pd.MultiIndex.from_product([range(20), ["Lin", "Bo"]])
    >>> said = pd.Series([0.9, 0.1] * 20, firms)
    >>> calibration(said, said > 0.5, edges=(0, 0.5, 1))[["cases", "said", "right", "low", "high"]].round(2)
                 cases  said  right   low  high
    certainty
    0 to 0.5        20   0.1    0.0  0.00  0.16
    0.5 to 1        20   0.9    1.0  0.84  1.00
    """
    said, truth, ends = pd.Series(certainty), pd.Series(right), np.asarray(edges, float)
    whole_number(draws, "draws", least=1)
    if said.empty or not said.index.equals(truth.index) or truth.dtype != bool:
        raise ValueError("certainty and right need the same index, and right must be true or false (bool).")
    said = pd.Series(floats(said, "certainty"), said.index)
    if said.index.get_level_values(0).hasnans:
        raise ValueError("A firm is missing in the index of certainty.")
    if not said.between(0, 1).all():
        raise ValueError(f"A certainty lies between 0 and 1; {said[~said.between(0, 1)].iloc[0]!r} does not.")
    if len(ends) < 2 or ends[0] != 0 or ends[-1] != 1 or not (np.diff(ends) > 0).all():
        raise ValueError(f"edges rise from 0 to 1; got {list(edges)!r}.")
    place = np.minimum(np.searchsorted(ends, said.to_numpy(), side="right") - 1, len(ends) - 2)
    firm, firms = pd.factorize(said.index.get_level_values(0), sort=True)
    cases, hits = (np.zeros((len(firms), len(ends) - 1)) for _ in range(2))
    np.add.at(cases, (firm, place), 1)
    np.add.at(hits, (firm, place), truth.to_numpy(float))
    n, held = cases.sum(axis=0), (cases > 0).sum(axis=0)
    some = np.where(n > 0, n, np.nan)
    luck = generator(rng).multinomial(len(firms), np.full(len(firms), 1 / len(firms)), size=draws)
    drawn, share = luck @ cases, hits.sum(axis=0) / some
    again = np.where(drawn > 0, luck @ hits / np.maximum(drawn, 1), np.nan_to_num(share))
    low, high = resampled(again, alpha=alpha)
    few_low, few_high = wilson(np.nan_to_num(share) * np.maximum(held, 1), np.maximum(held, 1), alpha)
    same = (share == 0) | (share == 1)
    classes = [f"{a:g} to {b:g}" for a, b in zip(ends[:-1], ends[1:], strict=True)]
    table = pd.DataFrame(
        {
            "cases": n.astype(int), "firms": held,
            "said": np.bincount(place, said, minlength=len(n)) / some, "right": share,
            "low": np.where(same, few_low, low), "high": np.where(same, few_high, high),
        },
        index=pd.Index(classes, name="certainty"),
    )  # fmt: skip
    return table[table["cases"] > 0]


def pair(signs: Any, roles: Any, sure: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return signs and roles of the same people, or raise ValueError."""
    signs, roles = _signs(signs), as_pandas(roles)
    number(sure, "sure", "a share between 0 and 1", low=0, high=1)
    require_columns(roles.columns, ["certainty"])
    if roles.index.nlevels != 3 or not roles.index.is_unique:
        raise ValueError("roles is the table of network.buying_roles: a row per firm, person and role, once.")
    of = roles.index.droplevel(2)
    each = roles.groupby(level=2).size()
    if set(of) != set(signs.index) or (each != len(signs)).any():
        raise ValueError(
            "signs and roles speak of different firms or people: make both of the same messages."
        )
    given = floats(roles["certainty"], "certainty")
    refuse(roles, ~((given >= 0) & (given <= 1 + 1e-9)), "a certainty that is missing or outside 0 to 1")
    return signs, roles


def coverage(signs: Any, roles: Any, sure: float = 0.8) -> pd.DataFrame:
    """Return for each firm how many we are in contact with, and which roles we know.

    Parameters
    ----------
    signs, roles : DataFrame
        As of :func:`buying_signs` and :func:`buying_roles`, of the same messages.
    sure : float
        From which certainty on a role counts as known.

    Returns
    -------
    DataFrame
        Indexed by the firm: ``people``, ``contacts`` (those who wrote to us), ``messages`` (from them),
        ``largest_share`` (of these, by the one who wrote most; missing where nobody wrote), ``known`` (roles
        whose holder is known), ``unknown`` (the others, in words), ``most_news_to`` (to whom most of
        our messages went; of equals the first by id) and ``news_share`` (of ours, to that person); both
        missing where we wrote to nobody.

    Raises
    ------
    ValueError
        If `sure` or a certainty is no share, or the two tables speak of different firms or people.

    Notes
    -----
    Webster & Wind's gatekeeper controls what reaches the others. Messages show through whom ours go in, which
    is our own choice of address; they do not show what this person holds back.

    Examples
    --------
    >>> index = pd.MultiIndex.from_tuples([(1, 7), (1, 8)], names=["customer_id", "person_id"])
    >>> signs = pd.DataFrame({"writes need": [3, 0], "is written to": [1, 0]}, index=index)
    >>> rates = pd.DataFrame({"rate": [0.9]}, index=pd.MultiIndex.from_tuples([("initiator", "writes need")]))
    >>> found = buying_roles(signs, rates, {"initiator": "writes need"})
    >>> coverage(signs, found)[["people", "contacts", "known", "unknown", "most_news_to"]]
                 people  contacts  known unknown  most_news_to
    customer_id
    1                 2         1      1                     7
    """
    signs, roles = pair(signs, roles, sure)
    require_columns(signs.columns, ["is written to"])
    wrote = signs[[name for name in signs if str(name).startswith("writes ")]].sum(axis=1)
    by_firm, ours = wrote.groupby(level=0), signs["is written to"].sort_index()
    best = roles["certainty"].groupby(level=[0, 2], sort=False).max() >= sure
    open_roles = (
        best[~best]
        .rename_axis([None, "role"])
        .reset_index(1)["role"]
        .astype(str)
        .groupby(level=0)
        .agg(", ".join)
    )
    table = pd.DataFrame({"people": by_firm.size(), "contacts": (wrote > 0).groupby(level=0).sum()})
    table["messages"] = by_firm.sum()
    table["largest_share"] = by_firm.max() / table["messages"].where(table["messages"] > 0)
    table["known"] = best.groupby(level=0).sum()
    table["unknown"] = open_roles.reindex(table.index).fillna("")
    sent, most = ours.groupby(level=0).sum(), ours.groupby(level=0).idxmax().str[1]
    table["most_news_to"] = most.convert_dtypes().where(sent > 0)
    table["news_share"] = ours.groupby(level=0).max() / sent.where(sent > 0)
    return table


def after_leaving(
    orders: Any,
    leavings: Any,
    *,
    account: str = "customer_id",
    date: str = "ordered_at",
    left: str = "left_on",
    days: int = 180,
) -> pd.DataFrame:
    """Return for each person who left the firm's orders before and after, and those of others at that time.

    Parameters
    ----------
    orders : table
        One row per order: `account` and `date`, of all firms.
    leavings : table
        One row per person who left: `account` and the day `left`; other columns are kept.
    account, date, left : str
        Columns.
    days : int
        So many days before and after are looked at. Who left nearer to the ends of the log, or whose firm
        ordered first within these days, is left out: there a before or an after is missing. So is who left
        when no other firm had orders before.

    Returns
    -------
    DataFrame
        The rows of `leavings` that can be judged, with ``before`` and ``after`` (orders), ``elsewhere``
        (orders after by orders before, in all other firms that had ordered by then, around the same day) and
        ``expected`` (before × elsewhere).

    Raises
    ------
    ValueError
        If an account or a date is missing, a date has a time zone or is no date, nobody who left can be
        judged, or `leavings` has a column of the result.

    Examples
    --------
    >>> day = pd.to_datetime(["2025-01-01", "2025-03-01", "2025-05-01", "2025-07-01"])
    >>> orders = pd.DataFrame({"customer_id": [1, 1, 1, 1, 2, 2, 2, 2], "ordered_at": [*day, *day]})
    >>> left = pd.DataFrame({"customer_id": [1], "left_on": pd.to_datetime(["2025-04-01"])})
    >>> after_leaving(orders, left, days=60)[["before", "after", "elsewhere", "expected"]]
       before  after  elsewhere  expected
    0       1      1        1.0       1.0
    """
    orders, leavings = as_pandas(orders), as_pandas(leavings)
    whole_number(days, "days", least=1)
    require_columns(orders.columns, [account, date])
    require_columns(leavings.columns, [account, left])
    refuse(orders, orders[[account, date]].isna().any(axis=1).to_numpy(), f"no {account!r} or no {date!r}")
    what = f"no {account!r} or no {left!r}"
    refuse(leavings, leavings[[account, left]].isna().any(axis=1).to_numpy(), what)
    told_apart(orders[account], account)
    extended(leavings, **dict.fromkeys(("before", "after", "elsewhere", "expected")))
    at, span = dates(orders, date), pd.Timedelta(days=days)
    day = dates(leavings, left)
    since = at.groupby(orders[account].to_numpy()).min()
    first = pd.to_datetime(pd.Series(since.reindex(leavings[account]).to_numpy(), leavings.index))
    judged = (first <= day - span) & (day >= at.min() + span) & (day + span <= at.max())
    nobody = f"Nobody left with {days} days of orders before and after, there and elsewhere: take fewer days."
    if not judged.any():
        raise ValueError(nobody)
    table, day = leavings[judged].copy(), day[judged].to_numpy()[:, None]
    age = (at.to_numpy()[None] - day) / np.timedelta64(1, "D")  # a row for each leaving
    own = orders[account].to_numpy()[None] == table[account].to_numpy()[:, None]
    old = since.loc[orders[account]].to_numpy()[None] <= day - span.to_timedelta64()
    before, after = (age >= -days) & (age < 0), (age >= 0) & (age < days)
    table["before"], table["after"] = (before & own).sum(axis=1), (after & own).sum(axis=1)
    others = (before & old & ~own).sum(axis=1)
    table["elsewhere"] = (after & old & ~own).sum(axis=1) / np.where(others > 0, others, np.nan)
    table = table.assign(expected=table["before"] * table["elsewhere"]).dropna(subset="expected")
    if table.empty:
        raise ValueError(nobody)
    return table
