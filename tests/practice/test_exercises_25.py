"""Exercise 25. Referees: matrices, correlations of scores by hand, loops over customers, and the envelope."""

import numpy as np
import pandas as pd
import pytest

from crmlab import practice


@pytest.fixture(scope="module")
def drawn():
    return practice.Drawn(practice.load("25"), "key", "student", small=True)


def verdict(drawn, number, answer):
    return drawn.verdict(number, drawn.form(number).plain(answer, drawn.cases(number)))


def weighed(table, own, other):
    """Return the correlation of scores that weigh each question by its correlation with the other."""
    table = table[[*own, *other]].astype(float)
    z = ((table - table.mean()) / table.std()).to_numpy()
    one, two = z[:, : len(own)], z[:, len(own) :]
    x, y = one.sum(axis=1), two.sum(axis=1)
    for _ in range(60):
        x, y = one @ (one.T @ y), two @ (two.T @ x)
        x, y = x / x.std(), y / y.std()
    return abs(np.corrcoef(x, y)[0, 1])


def of_wave(given):
    return given.sheets.query("wave == @given.wave")


def test_the_total_effect_by_a_matrix(drawn):
    names = ["quality", "value", "satisfaction", "loyalty"]
    b = np.zeros((4, 4))
    for row in drawn.given.arrows.itertuples():
        b[names.index(row.effect), names.index(row.cause)] = row.coefficient
    total = np.linalg.inv(np.eye(4) - b) - np.eye(4)
    assert drawn.key("25.1").right == pytest.approx(total[3, 0])


def test_arrows_by_hand(drawn):
    given = drawn.given
    one = weighed(of_wave(given), given.satisfied, given.loyal)
    assert drawn.key("25.2").right == pytest.approx(one, abs=1e-4)
    rows = []
    for _, own in given.sheets.groupby("customer_id"):  # the latest of the waves that has a next one
        waves = own.set_index("wave")
        pairs = [wave for wave in waves.index if wave + 1 in waves.index]
        if pairs:
            rows.append([*waves.loc[max(pairs), given.satisfied], *waves.loc[max(pairs) + 1, given.loyal]])
    panel = pd.DataFrame(rows, columns=[*given.satisfied, *given.loyal]).astype(float)
    later = weighed(panel, given.satisfied, given.loyal)
    assert drawn.key("25.4").right == pytest.approx(later, abs=1e-4)


def test_the_interval_by_resampling_the_rows(drawn):
    given, luck = drawn.given, np.random.default_rng(8)
    table = of_wave(given).reset_index(drop=True)
    arrows = [
        weighed(table.iloc[luck.integers(0, len(table), len(table))], given.satisfied, given.loyal)
        for _ in range(150)
    ]
    right = drawn.key("25.3").right["columns"]
    ends = dict(zip(right["end"], right["value"], strict=True))
    assert np.quantile(arrows, [0.025, 0.975]) == pytest.approx([ends["low"], ends["high"]], abs=0.03)


def test_other_rows_and_other_scores_are_not_right_by_luck(drawn):
    """Referee: the other rows picked customer by customer, the scores weighed by hand."""
    given = drawn.given
    later = [f"{question}_later" for question in given.loyal]
    pairs = {"latest": [], "first": [], "all": [], "whatever came next": []}
    for _, own in given.sheets.sort_values("wave").groupby("customer_id"):
        rows, waves = own[[*given.satisfied, *given.loyal]].to_numpy(), own["wave"].tolist()
        every = [[*a[:3], *b[3:]] for a, b in zip(rows, rows[1:], strict=False)]
        follows = [b == a + 1 for a, b in zip(waves, waves[1:], strict=False)]
        next_to = [pair for pair, follow in zip(every, follows, strict=True) if follow]
        pairs["latest"] += next_to[-1:]
        pairs["first"] += next_to[:1]
        pairs["all"] += next_to
        pairs["whatever came next"] += every[-1:]
    tables = {name: pd.DataFrame(rows, columns=[*given.satisfied, *later]) for name, rows in pairs.items()}
    found = {
        name: verdict(drawn, "25.4", weighed(table, given.satisfied, later)) for name, table in tables.items()
    }
    assert found.pop("latest").outcome == "right"
    assert found["all"].mistake == "all_pairs"
    assert all(one.outcome != "right" for one in found.values())
    table = tables["latest"].assign(loyalty_4_later=11 - tables["latest"]["loyalty_4_later"])
    plain = table[given.satisfied].mean(axis=1).corr(table[later].mean(axis=1))
    assert verdict(drawn, "25.4", plain).outcome != "right"


def test_ends_of_another_interval_or_of_other_dice(drawn):
    """Referee: weights found by hand for each draw of rows, all draws at once."""
    given, luck = drawn.given, np.random.default_rng(5)
    table = of_wave(given)[[*given.satisfied, *given.loyal]].to_numpy(float)
    arrows = []
    for _ in range(20):
        drawn_rows = table[luck.integers(0, len(table), (500, len(table)))]
        z = drawn_rows - drawn_rows.mean(axis=1, keepdims=True)
        z /= z.std(axis=1, keepdims=True)
        r = z[:, :, :3].transpose(0, 2, 1) @ z[:, :, 3:]
        x, y = np.ones((500, 3)), np.array([1, 1, 1, -1]) * np.ones((500, 4))
        for _ in range(40):
            one, two = (z[:, :, :3] @ x[:, :, None])[..., 0], (z[:, :, 3:] @ y[:, :, None])[..., 0]
            x = (r @ y[:, :, None])[..., 0] / two.std(axis=1)[:, None]
            y = (r.transpose(0, 2, 1) @ x[:, :, None])[..., 0] / one.std(axis=1)[:, None]
            x, y = (v / np.linalg.norm(v, axis=1)[:, None] for v in (x, y))
        one, two = (z[:, :, :3] @ x[:, :, None])[..., 0], (z[:, :, 3:] @ y[:, :, None])[..., 0]
        arrows.extend((one * two).mean(axis=1) / one.std(axis=1) / two.std(axis=1))
    for ends, outcome in (([0.025, 0.975], "right"), ([0.05, 0.95], "mistake"), ([0.005, 0.995], "wrong")):
        table = pd.DataFrame({"end": ["low", "high"], "value": np.quantile(arrows, ends)})
        assert verdict(drawn, "25.3", table).outcome == outcome


def test_what_is_left_over_order_by_order(drawn):
    given = drawn.given
    own = sum((row.margin_cents - row.serving_cents) / 100 for row in given.orders.itertuples())
    twin = sum((r.margin_cents - r.serving_cents) / 100 - given.cost for r in given.better.itertuples())
    assert drawn.key("25.6").right == pytest.approx((twin - own) / given.customers)


def test_nothing_given_tells_what_they_will_bring(drawn):
    given = drawn.given
    asked = [*given.satisfied, *given.loyal]
    assert list(given.sheets) == ["customer_id", "wave", "invited_on", *asked]
    assert given.sheets[asked].isin(range(1, 11)).all().all()
    assert given.orders["ordered_at"].max() < pd.Timestamp("2026-01-01")


def test_other_ways_are_right_and_other_slips_are_not(drawn):
    given = drawn.given
    assert verdict(drawn, "25.1", round(drawn.key("25.1").right, 2)).outcome == "right"
    turned = of_wave(given).assign(loyalty_4=lambda table: 11 - table["loyalty_4"])
    by_hand = weighed(turned, given.satisfied, given.loyal)  # turned or not, the weight makes up for it
    assert verdict(drawn, "25.2", round(by_hand, 3)).outcome == "right"
    assert verdict(drawn, "25.2", weighed(turned, given.satisfied, given.loyal[:3])).outcome != "right"
    right = pd.DataFrame(drawn.key("25.3").right["columns"])
    assert verdict(drawn, "25.3", right.round(3)).outcome == "right"
    assert verdict(drawn, "25.3", right.assign(value=right["value"] + 0.05)).outcome != "right"
    assert verdict(drawn, "25.6", round(drawn.key("25.6").right)).outcome == "right"
    # what they spent instead of how often they came is another reasonable score
    last = given.sheets[given.sheets["wave"] == given.sheets["wave"].max()]
    day = last["invited_on"].iloc[0]
    lately = given.orders[given.orders["ordered_at"].between(day - pd.Timedelta(days=182), day)]
    spent = lately.groupby("customer_id")["margin_cents"].sum()
    spent = spent.reindex(last["customer_id"], fill_value=0)
    assert verdict(drawn, "25.7", spent.nlargest(given.places).index.tolist()).mark > 0.6
