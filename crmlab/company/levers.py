"""What a manager can change: the levers of :meth:`Company.do`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from numbers import Integral
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd

from crmlab._html import Sheet
from crmlab._tables import look_up
from crmlab.company.causal import causal_map
from crmlab.company.worlds import World, is_number

RATED = ["taste", "price", "packaging", "delivery", "staff"]
RHYTHM = {"first_days": (0, 60), "gap_days": (5, 120), "times": (0, 6)}


def _lever(kind: str, valid: str, own_policy: str, node: str, right: Callable[[Any], bool]) -> Any:
    about = {"type": kind, "valid": valid, "own_policy": own_policy, "node": node, "right": right}
    return field(default=None, metadata=about)


def _is_dict(value: Any, ranges: Mapping[str, tuple[float, float]], whole: tuple[str, ...] = ()) -> bool:
    known = isinstance(value, dict) and bool(value) and set(value) <= set(ranges)
    return known and all(is_number(given, *ranges[name], name in whole) for name, given in value.items())


def _is_samples(value: Any) -> bool:
    if isinstance(value, str):
        return value == "none"
    if isinstance(value, Sequence | np.ndarray | pd.Series):
        return all(is_number(one, 1, 2_000_000, whole=True) for one in value)
    return is_number(value, 0, 2_000_000, whole=True)


def _is_influence(value: Any) -> bool:
    if not isinstance(value, dict):
        return is_number(value, 0, 3)
    ids = [str(one) for one in value]  # texts where it was read from a file
    known = all(one.isdecimal() and 1 <= int(one) <= 2_000_000 for one in ids)
    return bool(value) and known and all(is_number(one, 0, 3) for one in value.values())


@dataclass(frozen=True)
class Levers:
    """A manager's decisions; None leaves the company's own policy, which is what the log shows."""

    complaint_response_days: Any = _lever(
        "number", "a number from 0 to 60", "0 to 14 days, sooner for severe complaints", "response time",
        lambda value: is_number(value, 0, 60),
    )  # fmt: skip
    experienced_handlers: Any = _lever(
        "true or false", "True or False", "for 3 in 10 complaints, for 6 in 10 severe ones",
        "experienced handler", lambda value: isinstance(value, bool),
    )  # fmt: skip
    campaign: Any = _lever(
        "text", "'none', 'random' or 'all'", "'random': each campaign to a random half", "campaign",
        lambda value: isinstance(value, str) and value in ("none", "random", "all"),
    )  # fmt: skip
    campaign_discount: Any = _lever(
        "number", "a number from 0 to 0.45", "the world's campaign_discount", "campaign",
        lambda value: is_number(value, 0, 0.45),
    )  # fmt: skip
    redesign_day: Any = _lever(
        "whole number", "a whole number from 0 to 9999", "the world's redesign_day", "redesign",
        lambda value: is_number(value, 0, 9999, whole=True),
    )  # fmt: skip
    programme: Any = _lever(
        "text", "'own' or 'none'", "'own': offered to half by lot on joining", "programme",
        lambda value: isinstance(value, str) and value in ("own", "none"),
    )  # fmt: skip
    follow_up: Any = _lever(
        "dict", "a dict of first_days (0 to 60), gap_days (5 to 120), times (a whole number from 0 to 6)",
        "as each seller sees fit; for a third of the leads by lot", "follow-up",
        lambda value: _is_dict(value, RHYTHM, ("times",)),
    )  # fmt: skip
    referral_reward: Any = _lever(
        "number", "cents, a number from 0 to 10000", "500 cents", "referral reward",
        lambda value: is_number(value, 0, 10_000),
    )  # fmt: skip
    influence: Any = _lever(
        "number or dict", "a factor, a number from 0 to 3, or a dict of customer ids to such factors", "1",
        "influence", _is_influence,
    )  # fmt: skip
    samples: Any = _lever(
        "customers, number or text", "a list of customer ids, a whole number of customers, or 'none'",
        "to some of the joined, by lot", "samples", _is_samples,
    )  # fmt: skip
    service_level: Any = _lever(
        "dict", "a dict of 'high', 'middle', 'low' to numbers from -2 to 2 (standard deviations)",
        "events for half of the middle tier and experienced contacts for half of the low one, by lot",
        "service by tier", lambda value: _is_dict(value, dict.fromkeys(["high", "middle", "low"], (-2, 2))),
    )  # fmt: skip
    attribute: Any = _lever(
        "dict", f"a dict of {', '.join(map(repr, RATED))} to numbers from -2 to 2 (standard deviations)",
        "no shift", "performance", lambda value: _is_dict(value, dict.fromkeys(RATED, (-2, 2))),
    )  # fmt: skip


_LEVERS = {one.name: dict(one.metadata) for one in fields(Levers)}


def levers() -> pd.DataFrame:
    """Return what :meth:`Company.do` can change.

    Returns
    -------
    DataFrame
        Index ``lever``; columns ``type``, ``valid`` (values), ``own_policy``, and ``reach``: the tables that
        may differ in the twin. All others are the same to the byte.

    Examples
    --------
    >>> levers().loc["campaign", "valid"]
    "'none', 'random' or 'all'"
    """
    rows = {
        name: [one["type"], one["valid"], one["own_policy"], ", ".join(reach(name))]
        for name, one in _LEVERS.items()
    }
    table = pd.DataFrame.from_dict(rows, "index", columns=["type", "valid", "own_policy", "reach"])
    return Sheet(table.rename_axis("lever"))


def reach(lever: str) -> list[str]:
    """Return the tables that a lever may change: those of its node on the causal map and of all below it.

    Examples
    --------
    >>> "people" in reach("campaign")
    False
    """
    graph = causal_map()
    node = look_up("lever", lever, _LEVERS)["node"]
    below = [node, *sorted(nx.descendants(graph, node))]
    return sorted({table for one in below for table in graph.nodes[one]["tables"]})


def pull(before: Levers, world: World | None, **changes: Any) -> Levers:
    """Return the levers after these changes, each of which must be valid in this world."""
    for lever, value in changes.items():
        about = look_up("lever", lever, _LEVERS)
        if not about["right"](value):
            raise ValueError(f"{lever} is {about['valid']}; got {value!r}.")
        changes[lever] = _plain(value)
        if lever.startswith("campaign") and world and not world.campaigns:
            raise ValueError(f"The world {world.name!r} has no campaigns, so {lever} changes nothing.")
    return replace(before, **changes)


def _plain(value: Any) -> Any:
    """Return the value as JSON can hold it, the numbers of numpy and pandas made Python's."""
    if isinstance(value, bool | str):
        return value
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, Sequence | np.ndarray | pd.Series):
        return sorted({int(one) for one in value})
    return int(value) if isinstance(value, Integral) else float(value)


def policy(levers: Levers, world: World) -> Levers:
    """Return what is done: the levers pulled, and the company's own policy where none is."""
    own = Levers(
        campaign="random", campaign_discount=world.campaign_discount, redesign_day=world.redesign_day,
        programme="own",
    )  # fmt: skip
    return replace(own, **{name: value for name, value in vars(levers).items() if value is not None})
