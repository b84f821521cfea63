"""Is communication two-way? Balance and answers, against logs in which they are shuffled."""

from typing import Any

import numpy as np
import pandas as pd

from crmlab._arguments import level, number
from crmlab._tables import as_pandas, look_up, refuse, require_columns, whole_number
from crmlab.network.graph import quantities

WAYS = {"in": 0, "out": 1}


def two_way(
    log: Any,
    partner: str = "partner_id",
    direction: str = "direction",
    messages: str | None = None,
    answered: str | None = None,
    draws: int = 1000,
    alpha: float = 0.05,
    rng: Any = 0,
) -> pd.DataFrame:
    """Return how two-way the messages with each partner are, and what a shuffled log would show.

    Parameters
    ----------
    log : table
        One row per message, or per partner, direction and period, of any engine.
    partner, direction : str
        Columns: with whom, and "in" (from the partner) or "out" (from us).
    messages, answered : str, optional
        Columns with the number of messages of a row (1 if not given) and how many of them were answered.
    draws : int
        How often the log is shuffled.
    alpha : float
        One minus the share of the shuffled logs that ``low`` and ``high`` enclose.
    rng : int or numpy.random.Generator

    Returns
    -------
    DataFrame
        Index: the partner. Columns ``sent`` and ``received`` (by us), ``balance`` (the smaller by the larger:
        1 when both write alike, 0 when only one writes), ``received_share``, ``low``, ``high`` and
        ``p_value`` (of that share in the shuffled logs), and ``verdict``: "more comes back", "less comes
        back" (than with all partners alike, beyond the limits) or "as luck would have it". With `answered`
        also ``they_answer`` and ``we_answer``: shares of the messages, missing where there is none.

    Raises
    ------
    ValueError
        If a column is not there, a partner is missing, a direction is unknown, a count is missing, not whole
        or negative, more are answered than sent, or there is no message at all.

    Notes
    -----
    A log is shuffled by dealing the directions anew among all messages, so that each partner keeps their
    number and all partners have the same chance of writing. Shares that differ in it do so by luck alone.
    It says nothing on *why* one side writes less: an inspector need not write for a relation to be sound.

    Examples
    --------
    >>> log = pd.DataFrame({
    ...     "partner_id": ["garden", "garden", "office", "office"],
    ...     "direction": ["in", "out", "in", "out"],
    ...     "letters": [50, 50, 5, 45],
    ... })
    >>> two_way(log, messages="letters")[["sent", "received", "balance", "verdict"]].round(2)
                sent  received  balance          verdict
    partner_id
    garden        50        50     1.00  more comes back
    office        45         5     0.11  less comes back
    """
    log, luck = as_pandas(log), np.random.default_rng(rng)
    whole_number(draws, "draws", least=1)
    require_columns(log.columns, [partner, direction])
    refuse(log, log[partner].isna().to_numpy(), f"no {partner!r}")
    way = log[direction].astype(object)
    way = way.map({one: look_up("direction", one, WAYS) for one in way.unique()})
    rows = pd.DataFrame({partner: log[partner], "way": way, "messages": 1.0})
    for name, column in (("messages", messages), ("answered", answered)):
        if column is not None:
            rows[name] = quantities(log, column, least=0)
            refuse(log, (rows[name] % 1 != 0).to_numpy(), f"a {column!r} that is no whole number")
    if answered is not None:
        refuse(log, (rows["answered"] > rows["messages"]).to_numpy(), "more answers than messages")
    counted = rows.groupby([partner, "way"], observed=True).sum().unstack(fill_value=0)
    counts = counted["messages"].reindex(columns=[0, 1], fill_value=0).astype(int)
    counts = counts[counts.sum(axis=1) > 0]
    if counts.empty:
        raise ValueError("There is not a single message in the log.")
    received, sent = counts[0].to_numpy(), counts[1].to_numpy()
    total = received + sent
    dealt = luck.multivariate_hypergeometric(total, received.sum(), size=draws, method="marginals") / total
    share, usual = received / total, received.sum() / total.sum()
    low, high = np.quantile(dealt, [level(alpha) / 2, 1 - alpha / 2], axis=0)
    as_far = np.abs(dealt - usual) >= np.abs(share - usual) * (1 - 1e-12)
    table = pd.DataFrame(
        {
            "sent": sent, "received": received,
            "balance": np.minimum(sent, received) / np.maximum(sent, received),
            "received_share": share, "low": low, "high": high,
            "p_value": (as_far.sum(axis=0) + 1) / (draws + 1),
            "verdict": np.select(
                [share > high, share < low], ["more comes back", "less comes back"], "as luck would have it"
            ),
        },
        index=counts.index,
    )  # fmt: skip
    if answered is not None:
        replies = counted["answered"].reindex(index=counts.index, columns=[0, 1], fill_value=0)
        # 0 of 0 is no share
        table["they_answer"] = (replies[1] / counts[1].where(counts[1] > 0)).to_numpy()
        table["we_answer"] = (replies[0] / counts[0].where(counts[0] > 0)).to_numpy()
    return table


def answers(
    log: Any,
    sender: str = "sender",
    receiver: str = "receiver",
    sent: str = "sent_at",
    within: float = 14,
    draws: int = 200,
    rng: Any = 0,
) -> pd.DataFrame:
    """Return how often, and how soon, a message is followed by one the other way, against shuffled dates.

    Parameters
    ----------
    log : table
        One row per message, of any engine, in any order.
    sender, receiver, sent : str
        Columns: from whom, to whom, and the date or time.
    within : float
        Days after which what comes back is no answer any more.
    draws : int
        How often the dates are shuffled.
    rng : int or numpy.random.Generator

    Returns
    -------
    DataFrame
        Index ``sender`` and ``receiver``; columns ``messages``, ``answered`` (share followed by a message
        the other way within that time), ``delay_days`` (median of those), ``shuffled`` (the mean share when
        the dates are dealt anew among all messages: a busy pair "answers" by accident) and ``p_value`` (how
        often the shuffled share is at least as large).

    Raises
    ------
    ValueError
        If a column is not there, a name or a date is missing, one writes to oneself, or there is no message.

    Notes
    -----
    A message at the same moment answers none. Who wrote last in the log could not be answered yet: where
    that matters, leave out the messages of the last days.

    Examples
    --------
    >>> log = pd.DataFrame({
    ...     "sender": ["us", "garden", "us"],
    ...     "receiver": ["garden", "us", "garden"],
    ...     "sent_at": pd.to_datetime(["2025-01-01", "2025-01-04", "2025-03-01"]),
    ... })
    >>> answers(log)[["messages", "answered", "delay_days"]]
                     messages  answered  delay_days
    sender receiver
    garden us               1       0.0         NaN
    us     garden           2       0.5         3.0
    """
    log, luck = as_pandas(log), np.random.default_rng(rng)
    whole_number(draws, "draws", least=1)
    number(within, "within", "a number of days above 0", low=1e-9)
    require_columns(log.columns, [sender, receiver, sent])
    refuse(log, log[[sender, receiver, sent]].isna().any(axis=1).to_numpy(), "no sender, receiver or date")
    refuse(log, (log[sender] == log[receiver]).to_numpy(), "a message to its own sender")
    if log.empty:
        raise ValueError("There is not a single message in the log.")
    pairs = log.groupby([sender, receiver], observed=True).ngroup().to_numpy()
    index = log.groupby([sender, receiver], observed=True).size().index.set_names(["sender", "receiver"])
    back = index.get_indexer(index.swaplevel())
    time = (pd.to_datetime(log[sent]).to_numpy("M8[us]") - np.datetime64("1970-01-01")) / np.timedelta64(
        1, "D"
    )
    time -= time.min()
    span = time.max() + within + 1  # apart by so much, one pair's days never reach another's

    def delays(time: np.ndarray) -> np.ndarray:
        """Return for each message the days until the next the other way; infinite if there is none."""
        key = np.sort(pairs * span + time)
        sought = np.where(back[pairs] >= 0, back[pairs] * span + time, np.inf)
        place = np.searchsorted(key, sought, side="right")
        wait = np.append(key, np.inf)[place] - np.where(np.isfinite(sought), sought, 0)
        return np.where(wait <= within, wait, np.inf)

    wait, count = delays(time), np.bincount(pairs)
    share = np.bincount(pairs, np.isfinite(wait)) / count
    shuffled = np.array(
        [np.bincount(pairs, np.isfinite(delays(luck.permutation(time)))) / count for _ in range(draws)]
    )
    waited = pd.Series(wait).replace(np.inf, np.nan).groupby(pairs).median().round(6)
    return pd.DataFrame(
        {
            "messages": count, "answered": share, "delay_days": waited.to_numpy(),
            "shuffled": shuffled.mean(axis=0),
            "p_value": ((shuffled >= share).sum(axis=0) + 1) / (draws + 1),
        },
        index=index,
    )  # fmt: skip
