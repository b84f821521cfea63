"""Taking up a launched tea. Referees: a cascade told event by event, the world's probabilities, twins."""

import heapq
from copy import copy
from types import SimpleNamespace
from typing import Any

import networkx as nx
import numpy as np
import pytest

from crmlab import company
from crmlab.company import adoption
from crmlab.company._draft import Draft
from crmlab.company.acquaintances import ties

LAUNCHES = [200, 500]


def draft(customers: int = 200, seed: int = 3, **changes: Any) -> Draft:
    """Return a company as it lies drawn, of which everything may be changed."""
    found = company.simulate(customers, company.world(**changes), seed).tables._draft
    assert found
    return found


def pulled(one: Draft, **levers: Any) -> Draft:
    other = copy(one)
    other.levers = SimpleNamespace(**vars(one.levers) | levers)
    return other


def told_by_hand(one: Draft, tea: int, launch: int) -> dict[int, tuple[int, int]]:
    """Return day and teller of each customer who takes the tea up, from a queue of single events."""
    left = np.fmin(one.traits["left_on"], one.world.days)
    knows: dict[int, set[int]] = {person: set() for person in range(one.customers)}
    for a, b in zip(ties(one)["one"].tolist(), ties(one)["other"].tolist(), strict=True):
        knows[a].add(b)
        knows[b].add(a)
    own = adoption.own_discovery(one, tea, launch)
    queue = [(own[person], person, -1) for person in range(one.customers)]
    heapq.heapify(queue)
    taken: dict[int, tuple[int, int]] = {}
    while queue:
        day, person, teller = heapq.heappop(queue)
        if day < one.world.days and person not in taken and one.traits["joined"][person] < day < left[person]:
            taken[person] = int(day), teller
            for other in knows[person]:
                delay = adoption.tie_delays(one, tea, np.array([person]), np.array([other]))[0]
                heapq.heappush(queue, (day + delay, other, person))
    return taken


@pytest.mark.parametrize("seed", [1, 2])
def test_the_cascade_is_the_one_told_event_by_event(seed):
    one = draft(seed=seed, contagion=0.4, discovery=0.3)
    for tea, found in enumerate(adoption.adopt(one, LAUNCHES)):
        by_hand = told_by_hand(one, tea, LAUNCHES[tea])
        rows = zip(found["customer"], found["day"], found["by"], strict=True)
        assert {who: (day, by) for who, day, by in rows} == by_hand
        assert len(by_hand) > 20 and (found["by"] >= 0).sum() > 5


def test_a_tie_carries_as_often_as_the_world_says():
    """Referee: World.contagion, over all ties; of a factor on it, the product, and 1 at most."""
    one = draft(4_000)
    ends = ties(one)["one"], ties(one)["other"]
    for factor, likely in ((None, 0.12), (0, 0), (3, 0.36)):
        delays = adoption.tie_delays(pulled(one, influence=factor), 0, *ends)
        assert np.isfinite(delays).mean() == pytest.approx(likely, abs=0.015)
        assert (delays >= 1).all()


def test_innovators_come_first_by_themselves_and_others_follow_talk():
    one = draft(5_000, discovery=1.0)
    keen = one.traits.get("innovativeness", one.draws.normal("truth.innovativeness", np.arange(5_000)))
    found = adoption.adopt(pulled(one, samples="none"), LAUNCHES)[0]
    early, alone = found["day"] < LAUNCHES[0] + 60, found["by"] < 0
    own = keen[found["customer"]]
    assert own[alone & early].mean() > own[alone & ~early].mean() + 0.15
    assert own[alone].mean() > own[~alone].mean() + 0.3
    assert alone[early].mean() > alone[~early].mean()


def test_everybody_who_takes_it_up_is_a_customer_and_was_told_by_one_who_had():
    one = draft(3_000)
    for tea, found in enumerate(adoption.adopt(one, LAUNCHES)):
        day = np.full(one.customers, np.inf)
        day[found["customer"]] = found["day"]
        told = found["by"] >= 0
        assert (day[found["by"][told]] < found["day"][told]).all()
        pairs = set(zip(ties(one)["one"].tolist(), ties(one)["other"].tolist(), strict=True))
        heard = zip(found["customer"][told].tolist(), found["by"][told].tolist(), strict=True)
        assert all((min(pair), max(pair)) in pairs for pair in heard)
        assert (found["day"] > LAUNCHES[tea]).all()
        assert (found["day"] > one.traits["joined"][found["customer"]]).all()
        assert not (found["day"] >= one.traits["left_on"][found["customer"]]).any()


def test_homophily_and_influence_are_separate_knobs():
    """Homophily moves ties and no probability; influence the probability and no tie."""
    alone = []
    for homophily in (0.0, 0.9):
        one = draft(1_500, homophily=homophily)
        alone.append(adoption.own_discovery(one, 0, LAUNCHES[0]))
        assert (adoption.adopt(pulled(one, influence=0), LAUNCHES[:1])[0]["by"] < 0).all()
        sizes = [
            len(adoption.adopt(pulled(one, influence=factor), LAUNCHES[:1])[0]["day"]) for factor in (0, 1, 3)
        ]
        assert sizes == sorted(set(sizes))
        assert (ties(pulled(one, influence=3))["knows"] == ties(one)["knows"]).all()
    assert (alone[0] == alone[1]).all()


def test_one_customers_word_is_taken_away_and_nobody_elses():
    """Referee: the cascade told event by event with the customer's ties cut on one side."""
    one = draft(1_500, contagion=0.4, discovery=0.3)
    whole = adoption.adopt(one, LAUNCHES[:1])[0]
    tellers = whole["by"][whole["by"] >= 0]
    loudest = int(np.bincount(tellers).argmax())
    silent = pulled(one, influence={str(loudest + 1): 0.0})
    without = adoption.adopt(silent, LAUNCHES[:1])[0]
    assert loudest in without["customer"] and loudest not in without["by"]
    assert len(without["day"]) < len(whole["day"])
    rows = zip(without["customer"], without["day"], without["by"], strict=True)
    assert {who: (day, by) for who, day, by in rows} == told_by_hand(silent, 0, LAUNCHES[0])
    of_all = pulled(one, influence={str(who + 1): 0.0 for who in range(one.customers)})
    assert (adoption.adopt(of_all, LAUNCHES[:1])[0]["by"] < 0).all()
    with pytest.raises(ValueError, match="names customer 1501; there are 1500"):
        adoption.adopt(pulled(one, influence={"1501": 0.0}), LAUNCHES[:1])


# ---- twins: what is out of reach stays equal


def reached(one: Draft, changed: list[int]) -> set[int]:
    graph = nx.Graph(zip(ties(one)["one"].tolist(), ties(one)["other"].tolist(), strict=True))
    graph.add_nodes_from(range(one.customers))
    return set().union(*(nx.node_connected_component(graph, person) for person in changed))


def thinned(one: Draft, share: float) -> Draft:
    """Return a company in which so few know one another that some have no path to others."""
    other, kept = copy(one), np.random.default_rng(1).random(len(ties(one)["one"])) < share
    a, b = ties(one)["one"][kept], ties(one)["other"][kept]
    whose, knows = np.concatenate([a, b]), np.concatenate([b, a])
    order = np.lexsort((knows, whose))
    start = np.searchsorted(whose[order], np.arange(one.customers + 1))
    other.ties = ties(one) | {"one": a, "other": b, "knows": knows[order], "start": start}
    return other


def rows_of(found: list[dict[str, np.ndarray]]) -> set[tuple[int, int, float, int]]:
    return {
        (tea, *row)
        for tea, one in enumerate(found)
        for row in zip(one["customer"].tolist(), one["day"].tolist(), one["by"].tolist(), strict=True)
    }


def test_a_sample_changes_only_those_with_a_path_of_acquaintances_to_who_got_it():
    one = thinned(draft(1_000, contagion=0.6), 0.2)
    seeds = [4, 40]
    before, after = (
        rows_of(adoption.adopt(pulled(one, samples=who), LAUNCHES))
        for who in ("none", [s + 1 for s in seeds])
    )
    moved = {row[1] for row in before ^ after}
    assert moved and moved <= reached(one, seeds) and len(reached(one, seeds)) < 900


def test_a_customer_who_stays_longer_changes_only_those_with_a_path():
    one = thinned(draft(1_000, contagion=0.6), 0.2)
    left = np.flatnonzero(one.traits["left_on"] < LAUNCHES[0])[:40]
    stays = one.traits["left_on"].copy()
    stays[left] = np.nan
    other = copy(one)
    other.traits = one.traits | {"left_on": stays}
    moved = {
        row[1] for row in rows_of(adoption.adopt(one, LAUNCHES)) ^ rows_of(adoption.adopt(other, LAUNCHES))
    }
    assert moved and moved <= reached(one, left.tolist())


def test_samples_are_for_those_named_or_for_so_many_by_lot():
    one = draft(2_000)
    joined = np.flatnonzero(one.traits["joined"] < 200)
    assert adoption.samples(pulled(one, samples=[1, 5, 2_000]), 0, 200).tolist() == [0, 4]
    assert len(adoption.samples(pulled(one, samples="none"), 0, 200)) == 0
    lots = [set(adoption.samples(pulled(one, samples=50), tea, 200).tolist()) for tea in (0, 1)]
    assert len(lots[0]) == 50 and lots[0] <= set(joined.tolist()) and lots[0] != lots[1]
    assert len(adoption.samples(one, 0, 200)) == round(0.02 * len(joined))


def test_samples_work_as_often_as_the_world_says():
    one = draft(10_000, contagion=0, discovery=0, sample_effect=0.5)
    found = adoption.adopt(pulled(one, samples=2_000), [700])[0]
    sent = adoption.samples(pulled(one, samples=2_000), 0, 700)
    still = sent[~(one.traits["left_on"][sent] <= 800)]
    took = np.isin(still, found["customer"]).mean()
    assert took == pytest.approx(0.5, abs=0.06) and set(found["customer"]) <= set(sent)


def test_a_tea_launched_after_the_log_is_taken_up_by_nobody():
    assert [len(found["day"]) for found in adoption.adopt(draft(), [1_096, 9_000])] == [0, 0]
