"""Exercise 46. Referees: scikit-learn's adjusted Rand index, and a loop in plain Python."""

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from crmlab import practice


@pytest.fixture(scope="module")
def drawn():
    return practice.Drawn(practice.load("46"), "key", "student", small=True)


@pytest.mark.parametrize("seed", range(5))
def test_agreement_is_scikit_learns(seed):
    agreement = practice.load("46").questions["46.1"].solution()
    a, b = np.random.default_rng(seed).integers(0, 3, (2, 25))
    assert agreement(a.tolist(), b.tolist()) == pytest.approx(adjusted_rand_score(a, b))


def test_equal_treatment(drawn):
    given = drawn.given
    missing = {"firm": 0, "good": given.visit, "other": given.visit + given.letter}
    assert drawn.key("46.2").right == sum(missing[segment] for segment in given.accounts["group"])


def verdict(drawn, number, answer):
    return drawn.verdict(number, drawn.form(number).plain(answer, drawn.cases(number)))


def test_other_ways_are_right_and_other_slips_are_not(drawn):
    given = drawn.given
    each = {"firm": given.visit + given.letter, "good": given.letter, "other": 0}
    plan = given.accounts["group"].map(each).sum()
    assert verdict(drawn, "46.2", len(given.accounts) * each["firm"] - plan).outcome == "right"
    assert verdict(drawn, "46.2", plan).mark == 0

    def by_pairs(a, b):
        pairs = [(a[i] == a[j], b[i] == b[j]) for i in range(len(a)) for j in range(i)]
        n, p, q = (sum(told) for told in ([x and y for x, y in pairs], *zip(*pairs, strict=True)))
        return round((n - p * q / len(pairs)) / ((p + q) / 2 - p * q / len(pairs)), 3)

    assert verdict(drawn, "46.1", by_pairs).outcome == "right"
    assert verdict(drawn, "46.1", lambda a, b: by_pairs(a, b) ** 2).mark < 0.5


def test_other_choices_and_other_shares_are_known(drawn):
    articles, margin = drawn.given.articles, pd.Series(drawn.given.margin)
    for column, shares, name in (
        ("group", 0 * margin + margin.mean(), "best_seller"),  # by frequency alone
        (None, margin, "one_kind_for_all"),
    ):
        group = articles[column] if column else pd.Series(0, articles.index)
        seen = pd.crosstab(group, articles["seen"], normalize="index")
        sent = group.map((seen * (shares + drawn.given.returned)).idxmax(axis=1))
        earned = sent.map(margin).where(sent == articles["hidden"], -drawn.given.returned).sum()
        assert verdict(drawn, "46.4", earned).mistake == name
    assert verdict(drawn, "46.3", 100 - drawn.key("46.3").right).mistake == "the_other_class"


@pytest.mark.parametrize("seed", range(3))
def test_clouds_of_other_dice_say_the_same(drawn, seed):
    """Referee: scikit-learn's k-means, and clouds dealt by the lesson's ranks."""
    rng, rows = np.random.default_rng(seed), {}

    def left(table):
        z = (table - table.mean()) / table.std(ddof=0)
        return KMeans(3, n_init=10, random_state=seed).fit(z).inertia_ / z.size

    for name, shop in drawn.given.shops.groupby("shop")[["orders", "dollars"]]:
        clouds = []
        for _ in range(10):
            lots = pd.DataFrame(rng.multivariate_normal([0, 0], shop.corr(), len(shop)), columns=list(shop))
            places = lots.rank(method="first").astype(int) - 1
            clouds.append(left(pd.DataFrame({one: np.sort(shop[one])[places[one]] for one in shop})))
        found = "not" if left(shop) < min(clouds) else "may be"
        rows[name] = {"left": round(left(shop), 2), "verdict": f"{found} one cloud"}
    assert verdict(drawn, "46.5", pd.DataFrame(rows).T).outcome == "right"


def test_a_long_cloud_is_no_find(drawn):
    """Without the tie exactly the long shop is taken for groups besides the shop of three kinds."""
    right = pd.DataFrame(drawn.key("46.5").right["columns"]).set_index("shop")
    ties = drawn.given.shops.groupby("shop")[["orders", "dollars"]].apply(lambda one: one.corr().iloc[0, 1])
    right.loc[ties.idxmax(), "verdict"] = "not one cloud"
    slip = verdict(drawn, "46.5", right)
    assert slip.mistake == "clouds_without_the_tie" and slip.mark == pytest.approx(5 / 6)
