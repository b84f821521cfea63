"""Stable ids. Referee: the stated rules, carried out record by record in plain Python."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from crmlab import collect


def by_hand(cluster: dict, before: dict, last: int) -> dict:
    """Carry out the rules 1 to 3 with lists and dicts."""
    parts = {}
    for record, label in cluster.items():
        parts.setdefault(label, []).append(record)
    shares = {label: Counter(before[one] for one in held if one in before) for label, held in parts.items()}
    stays = {}
    for old in set(before.values()):
        here = [label for label in parts if shares[label][old]]
        stays[old] = min(
            here, key=lambda a: (-shares[a][old], min(r for r in parts[a] if before.get(r) == old))
        )
    ids = {}
    for label in sorted(parts, key=lambda one: min(parts[one])):
        rivals = [old for old in stays if stays[old] == label]
        if rivals:
            won = min(rivals, key=lambda old: (-shares[label][old], old))
        else:
            last = won = last + 1
        ids |= dict.fromkeys(parts[label], won)
    return ids


def random_clusters(rng, count, groups):
    return pd.Series(rng.integers(0, groups, count), range(count))


@pytest.mark.parametrize("seed", range(15))
def test_ids_are_those_of_the_rules_carried_out_record_by_record(seed):
    rng = np.random.default_rng(seed)
    held, clusters = None, random_clusters(rng, 12, rng.integers(1, 9))
    for _ in range(4):
        before = {} if held is None else held.ids.to_dict()
        wanted = by_hand(clusters.to_dict(), before, held.last if held else 0)
        held = collect.stable_ids(clusters.sample(frac=1, random_state=seed), held)
        assert held.ids.to_dict() == wanted
        same = collect.stable_ids("label " + clusters.astype(str), held)
        assert (
            same.ids.equals(held.ids) and same.history.equals(held.history) and same.moves.equals(held.moves)
        )
        # some cards change their cluster, and new ones come
        more = random_clusters(rng, len(clusters) + 3, rng.integers(1, 9))
        changed = pd.Series(rng.random(len(more)) < 0.3, more.index)
        clusters = more.where(changed, clusters.reindex(more.index)).fillna(more)


@pytest.mark.parametrize("seed", range(8))
def test_the_history_explains_every_id(seed):
    rng, held = np.random.default_rng(seed), None
    for count in (8, 10, 15):
        before = pd.Series(dtype="int64") if held is None else held.ids
        number = 0 if held is None else len(held.history)
        held = collect.stable_ids(random_clusters(rng, count, 6), held, at=f"2026-01-{count:02d}")
        told = held.moves[held.moves["number"] > number].set_index("record")
        changed = before.index[held.ids[before.index] != before]
        assert sorted(changed) == sorted(told.index)
        assert (told["to"] == held.ids[told.index]).all() and (told["from"] == before[told.index]).all()
        happened = held.history.loc[number + 1 :]
        assert (happened["at"] == pd.Timestamp(f"2026-01-{count:02d}")).all()
        merged = set(happened.loc[happened["event"] == "merged", "from"])
        assert merged == set(before) - set(held.ids)
        assert not merged & set(happened["to"]) and held.ids.max() <= held.last
        assert (
            happened["records"].sum()
            == len(changed) + held.ids[held.ids.isin(happened.loc[happened["event"] == "new", "to"])].size
        )


def test_most_records_win_a_merge_and_of_equals_the_older_id():
    first = collect.stable_ids({1: "a", 2: "b", 3: "b", 4: "c"})
    assert collect.stable_ids({1: 0, 2: 0, 3: 0, 4: 9}, first).ids.tolist() == [2, 2, 2, 3]
    assert collect.stable_ids({1: 0, 2: 5, 3: 5, 4: 0}, first).ids.tolist() == [1, 2, 2, 1]


def test_the_larger_part_keeps_the_id_in_a_split_and_of_equals_that_with_the_smallest_record():
    first = collect.stable_ids(dict.fromkeys([1, 2, 3, 4], "a"))
    assert collect.stable_ids({1: 0, 2: 1, 3: 1, 4: 1}, first).ids.tolist() == [2, 1, 1, 1]
    assert collect.stable_ids({1: 0, 2: 1, 3: 1, 4: 0}, first).ids.tolist() == [1, 2, 2, 1]


def test_an_undone_merge_stays_undone_and_new_cards_join_one_of_the_two():
    first = collect.stable_ids({1: "a", 2: "a", 3: "b"})
    merged = collect.stable_ids({1: "a", 2: "a", 3: "a"}, first)
    back = merged.undo(3, at="2026-03-01")
    assert back.ids.tolist() == [1, 1, 2]
    later = collect.stable_ids({1: "z", 2: "z", 3: "z", 4: "z"}, back)
    assert later.ids.tolist() == [1, 1, 2, 1]
    assert len(later.history) == len(back.history)  # a card that joins an id is no event
    # … and card 4, whose id nobody has settled, may go where the clusters take it
    assert collect.stable_ids({1: "z", 2: "z", 3: "y", 4: "y"}, later).ids.tolist() == [1, 1, 2, 2]
    again = later.undo(4)
    assert again.ids.tolist() == [1, 1, 1, 1]
    assert collect.stable_ids({1: "a", 2: "a", 3: "b", 4: "a"}, again).ids.tolist() == [1, 1, 1, 1]


def test_an_undone_split_stays_together_whatever_the_clusters_say():
    first = collect.stable_ids({1: "a", 2: "a", 3: "a"})
    split = collect.stable_ids({1: "a", 2: "a", 3: "b"}, first)
    back = split.undo(2)
    assert back.ids.tolist() == [1, 1, 1]
    later = collect.stable_ids({1: "a", 2: "a", 3: "b", 4: "b"}, back)
    assert later.ids.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("seed", range(8))
def test_what_was_settled_is_kept_by_any_later_clusters(seed):
    rng = np.random.default_rng(seed)
    held = collect.stable_ids(random_clusters(rng, 10, 6))
    held = collect.stable_ids(random_clusters(rng, 12, 4), held)
    held = held.undo(rng.choice(held.moves["number"]))
    for count in (14, 20):
        clusters = random_clusters(rng, count, 5)
        held = collect.stable_ids(clusters, held)
        assert (held.ids[held.held.index] == held.held).all()
        same = collect.stable_ids(clusters, held)
        assert same.ids.equals(held.ids) and len(same.history) == len(held.history)


def test_what_moved_on_is_not_undone_first():
    ids = collect.stable_ids({1: "a", 2: "b", 3: "c"})
    ids = collect.stable_ids({1: "a", 2: "a", 3: "c"}, ids)
    ids = collect.stable_ids({1: "a", 2: "b", 3: "c"}, ids)
    with pytest.raises(ValueError, match=r"moved on since \(event 5\)"):
        ids.undo(4)
    with pytest.raises(ValueError, match="Events to undo: 4, 5"):
        ids.undo(1)


def test_an_id_is_never_used_twice_and_what_was_erased_leaves_no_trace():
    ids = collect.stable_ids({1: "a", 2: "b"}).without([2], at="2026-01-05")
    assert ids.history.iloc[-1][["event", "from"]].tolist() == ["gone", 2]
    ids = collect.stable_ids({1: "a", 3: "b"}, ids)
    assert ids.ids.tolist() == [1, 3] and 2 not in ids.moves["record"].tolist()
    with pytest.raises(ValueError, match="no record 9"):
        ids.without([9])


def test_whose_a_card_is_can_be_said_and_taken_back():
    ids = collect.stable_ids({1: "a", 2: "b", 3: "b"})
    moved = ids.move([3], to=1, at="2026-01-05")
    assert moved.history.iloc[-1][["event", "from", "to", "records"]].tolist() == ["moved", 2, 1, 1]
    assert moved.undo(3).ids.equals(ids.ids)
    assert len(ids.move([3], to=2).history) == 2  # it was there: held from now on, and no event
    later = collect.stable_ids({1: "a", 2: "b", 3: "c"}, ids.move([3], to=2))
    assert later.ids.tolist() == [1, 2, 2]
    alone = ids.move([3], to=None)
    assert alone.ids.tolist() == [1, 2, 3] and alone.last == 3
    assert collect.stable_ids({1: "a", 2: "b", 3: "b"}, alone).ids.equals(alone.ids)
    with pytest.raises(ValueError, match="no customer 7"):
        ids.move([3], to=7)
    with pytest.raises(ValueError, match="no record 8"):
        ids.move([8], to=1)


def test_nothing_that_is_given_is_changed():
    clusters = pd.Series({3: "b", 1: "a", 2: "a"})
    first = collect.stable_ids(clusters)
    kept, history = first.ids.copy(), first.history.copy()
    collect.stable_ids({1: "a", 2: "a", 3: "a"}, first).undo(3).without([1])
    assert first.ids.equals(kept) and first.history.equals(history)
    assert clusters.equals(pd.Series({3: "b", 1: "a", 2: "a"}))


@pytest.mark.parametrize(
    ("clusters", "message"),
    [
        (
            pd.Series(["a", "b"], [1, 1]),
            r"1 records are in clusters more than once; the first is 1, in \['a', 'b'\]",
        ),
        (pd.Series(["a", "a"], ["01", "01"]), "more than once; the first is '01'"),
        ({1: "a", 2: None}, "Record 2 has no cluster"),
        (pd.Series(["a", "b"], [1, None]), "none missing"),
        ({1: "a", "2": "b"}, "numbers and texts"),
        ({}, "not a single record"),
    ],
)
def test_clusters_that_are_none(clusters, message):
    with pytest.raises(ValueError, match=message):
        collect.stable_ids(clusters)


def test_ids_whose_zeros_were_lost_are_not_taken_for_new_ones():
    first = collect.stable_ids({"007": "a", "7": "b"})
    assert first.ids.nunique() == 2
    with pytest.raises(ValueError, match=r"2 of 2 records of before.*'007'.*zeros in front"):
        collect.stable_ids({7: "a", 8: "b"}, first)
    with pytest.raises(ValueError, match="what stable_ids returned"):
        collect.stable_ids({7: "a"}, first.ids)


def test_a_million_and_a_thousand_more():
    rng = np.random.default_rng(1)
    clusters = random_clusters(rng, 100_000, 60_000)
    first = collect.stable_ids(clusters)
    more = pd.concat([clusters, pd.Series(rng.integers(0, 60_100, 1000), range(100_000, 101_000))])
    then = collect.stable_ids(more, first)
    assert then.ids[clusters.index].equals(first.ids)
    assert (then.history["event"] == "new").all()
