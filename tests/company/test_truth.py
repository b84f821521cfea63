"""What is in the envelope comes out of the tables, and the traps are where the design says they are."""

from functools import cache

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy.stats import beta as beta_distribution
from scipy.stats import binom, chi2, kstest, norm
from scipy.stats import gamma as gamma_distribution
from statsmodels.discrete.conditional_models import ConditionalLogit

from crmlab import company, value

DAY = np.timedelta64(1, "D")
END = np.datetime64("2023-01-01") + 1096 * DAY


@cache
def drawn(customers: int = 5_000, world: str = "base", seed: int = 7) -> company.Company:
    return company.simulate(customers, world, seed)


def truth(one: company.Company, table: str = "customers") -> pd.DataFrame:
    """Return a table of the truth; what a test may see without committing first."""
    return one._truth[table]


def histories(one: company.Company, end: np.datetime64 = END) -> pd.DataFrame:
    """Return frequency, recency, T and mean repeat spend from exact times, every order counted."""
    orders = one.orders.sort_values("order_id")
    orders["again"] = orders["amount_cents"].where(orders["customer_id"].duplicated()).astype(float)
    by = orders.groupby("customer_id")
    first, last = by["ordered_at"].min(), by["ordered_at"].max()
    return pd.DataFrame(
        {
            "frequency": by.size() - 1,
            "recency": (last - first) / DAY,
            "T": (end - first) / DAY,
            "monetary_value": by["again"].mean().fillna(0),
        }
    )


def likelihood_ratio_tests(one: company.Company) -> dict[str, tuple[float, pd.DataFrame, np.ndarray]]:
    """Return p-values of the true parameters, the intervals and the true parameters, by model."""
    world, data = one._world, histories(one)
    found = {}
    for model, true in (
        (
            value.ModifiedBetaGeoNBD(data),
            [world.rate_shape, world.rate_scale, world.leaving_a, world.leaving_b],
        ),
        (
            value.GammaGamma(data[data["frequency"] > 0]),
            [world.spend_shape, world.spend_q, world.spend_scale],
        ),
    ):
        fit = model.fit()
        ratio = 2 * (fit.llf - model.loglike(true))
        found[model.title] = chi2.sf(ratio, len(true)), fit.conf_int(0.1), np.array(true)
    return found


# ---- recovery: the textbook world is drawn from MBG/NBD and gamma–gamma


def test_true_parameters_of_textbook_are_not_rejected():
    tests = likelihood_ratio_tests(drawn(world="textbook"))
    assert {model: p > 0.001 for model, (p, *_) in tests.items()} == dict.fromkeys(tests, True)


def test_parameters_of_another_world_are_rejected():
    """The test above can fail: regular gaps are no MBG/NBD."""
    p, *_ = likelihood_ratio_tests(drawn(world="clockwork"))["MBG/NBD"]
    assert p < 1e-6


@pytest.mark.slow
def test_intervals_cover_at_the_stated_rate_over_200_seeds():
    inside = []
    for seed in range(200):
        tests = likelihood_ratio_tests(company.simulate(1_500, "textbook", seed))
        covers = [(ends[0] <= true) & (true <= ends[1]) for _, ends, true in tests.values()]
        inside.append(np.concatenate(covers))
    hits = np.sum(inside, axis=0)
    low, high = binom.ppf([0.0005, 0.9995], 200, 0.9)
    assert ((hits >= low) & (hits <= high)).all(), hits


def test_marginal_distributions_are_the_stated_ones():
    world, true = company.world("textbook"), truth(drawn(20_000, "textbook"))
    exact = {
        "purchase_rate": gamma_distribution(world.rate_shape, scale=1 / world.rate_scale),
        "leaving_probability": beta_distribution(world.leaving_a, world.leaving_b),
        "satisfaction": norm(),
    }
    assert all(kstest(true[name], law.cdf).pvalue > 0.001 for name, law in exact.items())
    assert kstest(truth(drawn(20_000, "textbook"), "orders")["experience"], norm.cdf).pvalue > 0.001


@pytest.mark.parametrize("world", ["base", "promo_driven"])
def test_drop_out_is_geometric_given_the_probability_of_leaving(world):
    """After each order the share of leavers is the mean p of those who ordered, whatever the number."""
    one = drawn(20_000, world)
    orders = one.orders.merge(truth(one)[["customer_id", "leaving_probability", "alive"]], on="customer_id")
    number = orders["order_id"] % 10_000
    last = number == number.groupby(orders["customer_id"]).transform("max")
    left = last & ~orders["alive"]
    for low, high in ((1, 1), (2, 3), (4, 9), (10, 99)):
        rows = number.between(low, high)
        p = orders.loc[rows, "leaving_probability"]
        z = (left[rows].sum() - p.sum()) / np.sqrt((p * (1 - p)).sum())
        assert abs(z) < 3.3, (low, high, z)


def test_a_customer_leaves_exactly_after_an_experience_below_the_own_limit():
    one = drawn()
    orders = one.orders.merge(truth(one, "orders"), on="order_id").merge(truth(one), on="customer_id")
    number = orders["order_id"] % 10_000
    last = number == number.groupby(orders["customer_id"]).transform("max")
    below = norm.cdf(orders["experience"]) < orders["leaving_probability"]
    assert below.eq(last & ~orders["alive"]).all()


# ---- measurement


def slopes(one: company.Company) -> tuple[float, float, float]:
    """Return the slope of loyalty on true and on measured satisfaction, and the latter's reliability."""
    waves = one.surveys.merge(truth(one, "surveys"), on="survey_id", suffixes=("", "_true"))
    waves = waves[(waves["occasion"] == "wave") & waves["responded"]]
    items = waves[[f"satisfaction_{i}" for i in (1, 2, 3)]]
    data = pd.DataFrame(
        {"true": waves["satisfaction"], "measured": items.mean(axis=1), "loyalty": waves["loyalty"]}
    ).dropna()
    data["measured"] = (data["measured"] - data["measured"].mean()) / data["measured"].std()
    latent = np.polyfit(data["true"], data["loyalty"], 1)[0]
    return (
        latent,
        np.polyfit(data["measured"], data["loyalty"], 1)[0],
        data.corr().loc["true", "measured"] ** 2,
    )


CLEAN = {"full_response": 1, "careless": 0, "method_variance": 0, "item_gaps": 0, "wave_invited": 1}


def test_classical_error_shrinks_the_slope_by_the_root_of_the_reliability_of_standard_scores():
    """Referee: classical test theory. Both scores standard: slope = latent slope × √reliability, and the
    reliability of the mean of three parallel items is given by Spearman–Brown."""
    one = company.simulate(4_000, company.world("textbook", **CLEAN), 1)
    latent, measured, reliability = slopes(one)
    assert measured == pytest.approx(latent * np.sqrt(reliability), rel=0.02)
    single = company.world().loading ** 2
    spearman_brown = 3 * single / (1 + 2 * single)
    assert reliability == pytest.approx(spearman_brown, abs=0.02)  # ten-point scale: a little is lost


def correlation_between_constructs(one: company.Company) -> float:
    """Return how far scores of expectation and trust correlate beyond their latent correlation."""
    waves = one.surveys.merge(truth(one, "surveys"), on="survey_id", suffixes=("", "_true"))
    waves = waves[waves["responded"] & (waves["occasion"] == "wave")]
    scores = [
        waves[[f"{name}_{i}" for i in (1, 2, 3)]].mean(axis=1) for name in ("expectation", "complaints")
    ]
    return scores[0].corr(scores[1])


def test_method_variance_inflates_correlations():
    """Referee: a shared habit of answering adds a positive covariance to every pair of items, so that a
    negative correlation between constructs shrinks or turns."""
    without, with_habit = (
        correlation_between_constructs(
            company.simulate(2_000, company.world("textbook", **CLEAN | {"method_variance": share}), 1)
        )
        for share in (0, 0.3)
    )
    assert without < -0.1 and with_habit > without + 0.15


def test_careless_answers_weaken_the_reliability_and_leave_the_latent_slope_alone():
    clean, careless = (
        slopes(company.simulate(2_000, company.world("textbook", **CLEAN | {"careless": share}), 1))
        for share in (0, 0.3)
    )
    assert careless[0] == pytest.approx(clean[0], abs=1e-9)
    assert careless[2] < clean[2] - 0.15


def test_those_who_answer_are_not_those_who_were_asked():
    """Referee: the response probabilities in the envelope. The engaged, delighted and angry answer."""
    one = company.simulate(8_000, company.world(wave_invited=1), 1)
    asked = one.surveys.merge(truth(one, "surveys"), on="survey_id").merge(truth(one), on="customer_id")
    asked = asked[asked["occasion"] == "wave"]
    gone = asked["left_on"] < asked["invited_on"]
    assert asked.loc[gone, "responded"].mean() < asked.loc[~gone, "responded"].mean() / 2
    answered = asked[asked["responded"]]
    assert answered["engagement"].mean() > asked["engagement"].mean() + 0.1
    spread = asked["satisfaction_x"].abs().groupby(asked["responded"]).mean()
    assert spread[True] > spread[False]
    expected, seen = asked["response_probability"].sum(), len(answered)
    deviation = np.sqrt((asked["response_probability"] * (1 - asked["response_probability"])).sum())
    assert abs(seen - expected) < 3.3 * deviation


# ---- campaigns and twins


def test_realised_outcomes_agree_with_the_log():
    one = drawn()
    both = one.treatments.merge(truth(one, "treatments"), on=["campaign_id", "customer_id"])
    own = both["realised_treated_cents"].where(both["treated"], both["realised_untreated_cents"])
    assert own.eq(both["margin_cents"]).all()


@pytest.mark.parametrize("world", ["base", "seasonal", "promo_driven", "clockwork"])
def test_expected_outcomes_are_the_mean_of_the_realised_ones(world):
    """Referee of the closed forms behind every expectation: Poisson, in promotions, and Erlang."""
    both = truth(drawn(20_000, world), "treatments")
    for arm in ("treated", "untreated"):
        gap = both[f"realised_{arm}_cents"] - both[f"expected_{arm}_cents"]
        assert abs(gap.mean()) < 3.3 * gap.groupby(both["customer_id"]).sum().std() * np.sqrt(
            both["customer_id"].nunique()
        ) / len(gap)


def test_the_randomised_estimate_covers_the_true_effect():
    """Referee: difference of means with its standard error (Neyman) against the mean of both outcomes."""
    one = drawn(40_000)
    both = one.treatments.merge(truth(one, "treatments"), on=["campaign_id", "customer_id"])
    for _, trial in both.groupby("campaign_id"):
        arms = trial.groupby("treated")["margin_cents"].agg(["mean", "sem"])
        effect = (trial["realised_treated_cents"] - trial["realised_untreated_cents"]).mean()
        estimate = arms.loc[True, "mean"] - arms.loc[False, "mean"]
        assert abs(estimate - effect) < 3.3 * np.hypot(*arms["sem"])


def test_the_twin_changes_nothing_that_the_lever_does_not_touch():
    one = drawn(1_500)
    twin = one.do(complaint_response_days=0)
    silent = one.customers.loc[~one.customers["customer_id"].isin(one.complaints["customer_id"])]
    for name in ("orders", "order_lines", "interactions", "memberships", "points", "returns"):
        tables = [t.merge(one.orders[["order_id"]], on="order_id") if name == "returns" else t
                  for t in (one.tables[name], twin.tables[name])]  # fmt: skip
        if "customer_id" in tables[0]:
            tables = [t[t["customer_id"].isin(silent["customer_id"])].reset_index(drop=True) for t in tables]
            pd.testing.assert_frame_equal(*tables)
    common = one.orders.merge(twin.orders, how="left", on=list(one.orders.columns), indicator=True)
    assert common["_merge"].eq("both").all()  # a sooner answer makes orders and unmakes none


@pytest.mark.parametrize(
    ("lever", "sign"),
    [
        ({"complaint_response_days": 0}, 1),
        ({"complaint_response_days": 30}, -1),
        ({"experienced_handlers": True}, 1),
        ({"redesign_day": 9999}, -1),
    ],
)
def test_levers_of_service_change_who_stays_in_the_right_direction(lever, sign):
    one = drawn(1_500)
    before, after = (truth(c)["alive"].astype(int) for c in (one, one.do(**lever)))
    assert ((after - before) * sign >= 0).all() and ((after - before) * sign).sum() > 0


def test_a_lever_changes_only_what_lies_below_it_in_the_causal_map():
    one, graph = drawn(1_500), company.causal_map()
    levers = {
        "response time": {"complaint_response_days": 0},
        "experienced handler": {"experienced_handlers": True},
        "campaign": {"campaign": "none"},
        "redesign": {"redesign_day": 0},
    }
    assert set(levers) == {node for node, kind in graph.nodes(data="kind") if kind == "lever"}
    for node, lever in levers.items():
        below = {node} | nx.descendants(graph, node)
        allowed = {table for one_below in below for table in graph.nodes[one_below]["tables"]}
        changed = set(one.hashes().index[one.hashes() != one.do(**lever).hashes()])
        assert changed and changed <= allowed, (node, changed - allowed)


@pytest.mark.slow
def test_the_twin_agrees_with_the_mean_over_many_pairs():
    """The long-run effect from twins equals, within its error, that between companies of other seeds."""
    lever = {"complaint_response_days": 0}
    twins, apart = [], []
    worlds = [company.simulate(600, rng=seed) for seed in range(60)]
    pulled = [one.do(**lever) for one in worlds]
    margins = np.array(
        [[c.orders["margin_cents"].sum() / 600 for c in pair] for pair in zip(worlds, pulled, strict=True)]
    )
    twins = margins[:, 1] - margins[:, 0]
    apart = np.roll(margins[:, 1], 1) - margins[:, 0]
    error = np.hypot(twins.std(), apart.std()) / np.sqrt(60)
    assert abs(twins.mean() - apart.mean()) < 3.3 * error
    assert twins.std() < apart.std() / 3  # which is what common random numbers are for


# ---- the truth is not the model's


def regret(world: str, model: type = value.BetaGeoNBD) -> float:
    """Return by how much a model's squared error exceeds that of the best forecast from its three numbers.

    Referee: the true expectation given frequency, recency and age, as the mean of the true expected orders
    of other customers with nearly the same history (one is left out, so that nobody forecasts themselves).
    """
    one = company.simulate(40_000, company.world(world, days=730, campaigns=0), 3)
    data = histories(one, np.datetime64("2023-01-01") + 730 * DAY)
    true = truth(one)["expected_orders"].to_numpy()
    forecast = model(data).fit().conditional_expected_purchases(365).to_numpy()
    cells = [
        pd.cut(data["frequency"], [-1, 0, 1, 2, 3, 5, 8, 12, 20, np.inf]).cat.codes,
        pd.qcut(data["T"], 6),
    ]
    silence = (data["T"] - data["recency"]).groupby(cells, observed=True).rank(pct=True)
    alike = pd.Series(true, data.index).groupby([*cells, np.ceil(silence * 10)], observed=True)
    count = alike.transform("size")
    best = (alike.transform("sum") - true) / (count - 1)
    known = count > 5
    return ((forecast - true)[known] ** 2).mean() / ((best - true)[known] ** 2).mean() - 1


def test_bg_nbd_is_worse_where_the_world_is_not_its_own():
    regrets = {world: regret(world) for world in ("textbook", "promo_driven", "clockwork")}
    assert regrets["textbook"] < 0  # its own world: better than counting alike customers
    assert min(regrets["promo_driven"], regrets["clockwork"]) > regrets["textbook"] + 0.04, regrets


# ---- traps


def test_complaints_go_with_loyalty_although_bad_experiences_harm_it():
    one = drawn()
    counts = one.complaints.groupby("customer_id").size().reindex(one.customers["customer_id"], fill_value=0)
    orders = one.orders.groupby("customer_id").size()
    assert counts.corr(orders) > 0.3
    complained = truth(one, "orders").merge(one.orders, on="order_id")
    complained["complained"] = complained["order_id"].isin(one.complaints["order_id"])
    last = complained["order_id"] == complained.groupby("customer_id")["order_id"].transform("max")
    left = last & ~complained["customer_id"].map(truth(one).set_index("customer_id")["alive"])
    assert left[complained["complained"]].mean() > 1.5 * left[~complained["complained"]].mean()


def test_most_of_the_dissatisfied_say_nothing():
    one = drawn()
    bad = truth(one, "orders")["first_experience"] < company.world().bad_experience
    assert truth(one, "orders").loc[bad, "order_id"].isin(one.complaints["order_id"]).mean() < 0.4


def test_survivors_look_ever_more_satisfied():
    one = drawn()
    by_age = truth(one).assign(age=(END - one.customers["joined_on"]) // (366 * DAY))
    means = by_age[by_age["alive"]].groupby("age")["satisfaction"].mean()
    everybody = by_age.groupby("age")["satisfaction"].mean()
    assert means.is_monotonic_increasing and everybody.abs().max() < 0.1


def test_triage_hides_what_a_fast_answer_is_worth():
    """Severe complaints are answered sooner, so the naive difference understates the true gain."""
    one = drawn(40_000)
    seen = one.complaints.merge(truth(one, "complaints"), on="complaint_id").merge(
        truth(one, "orders"), on="order_id"
    )
    seen["days"] = (seen["first_response_on"] - seen["opened_on"]) / DAY
    seen["stayed"] = seen["stayed"].astype(float)
    seen = seen.dropna(subset="days")
    naive = smf.ols("stayed ~ days", seen).fit().params["days"]
    adjusted = smf.ols("stayed ~ days + first_experience", seen).fit().params["days"]
    assert adjusted < 1.15 * naive < 0


def test_sellers_effort_is_confounded_with_intent():
    """Referee: the win probabilities in the envelope, logistic in effort with a known coefficient."""
    one = drawn(20_000)
    effort = one.activities.groupby("lead_id").size()
    leads = one.leads.merge(truth(one, "leads"), on="lead_id", suffixes=("_note", ""))
    leads = leads[leads["outcome"] != "open"].assign(
        effort=lambda t: t["lead_id"].map(effort).fillna(0), won=lambda t: (t["outcome"] == "won").astype(int)
    )
    naive = smf.logit("won ~ effort", leads).fit(disp=0)
    adjusted = smf.logit("won ~ effort + intent", leads).fit(disp=0)
    true = company.world().effort_effect
    assert naive.params["effort"] > true + 3 * naive.bse["effort"]
    assert abs(adjusted.params["effort"] - true) < 3.3 * adjusted.bse["effort"]


# ---- who knows whom, who is interested when, what is preferred


def friends(**changes: float) -> pd.DataFrame:
    """Return the customers who have a friend, with what is true of the friend."""
    true = truth(company.simulate(6_000, company.world("textbook", **changes), 1))
    return true.merge(true, left_on="friend_id", right_on="customer_id", suffixes=("", "_friend"))


def test_homophily_and_influence_are_separate_knobs():
    """Referee: without homophily friends share a segment as strangers do, with it that much more often;
    without influence a friend's taste says nothing beyond the segment."""
    for homophily in (0, 0.6):
        both = friends(homophily=homophily, influence=0)
        shares = both["segment"].value_counts(normalize=True)
        alike = homophily + (1 - homophily) * (shares**2).sum()
        same = both["segment"].astype(str) == both["segment_friend"].astype(str)
        assert same.mean() == pytest.approx(alike, abs=0.02)
    slopes = []
    for influence in (0, 0.4):
        both = friends(homophily=0.6, influence=influence)
        within = both["segment"].astype(str)
        own, other = (
            both[name] - both[name].groupby([within, both["segment_friend"].astype(str)]).transform("mean")
            for name in ("affinity_black", "affinity_black_friend")
        )
        slopes.append(np.polyfit(other, own, 1)[0])
    assert abs(slopes[0]) < 0.05 and slopes[1] > 0.2


def test_interest_spreads_as_bass_says():
    """Referee: Bass (1969), the distribution of adoption times, given that it lies within the log."""
    one = drawn(40_000)
    p, q = company.world().innovation, company.world().imitation
    day = (one.leads["interested_on"] - np.datetime64("2023-01-01")) / DAY

    def adopted(t):
        return -np.expm1(-(p + q) * t) / (1 + q / p * np.exp(-(p + q) * t))

    # dates are whole days: half a day stands for each, which at this size is far below the error
    assert kstest(day + 0.5, lambda t: adopted(np.minimum(t, 1096)) / adopted(1096)).pvalue > 0.001


def test_part_worths_come_out_of_the_choices():
    """Referee: the logit model without heterogeneity shrinks the mean part-worths a little and turns none."""
    one = drawn(40_000)
    tasks = one.choice_tasks.merge(truth(one), on="customer_id")
    levels = tasks[["price_cents", "organic", "single_garden", "refillable_tin", "delivery_days"]].astype(
        float
    )
    levels["price_cents"] /= 100
    group = tasks["customer_id"] * 10 + tasks["task"]
    fit = ConditionalLogit(tasks["chosen"].astype(int), levels, groups=group).fit(disp=0)
    names = ["worth_price", "worth_organic", "worth_single_garden", "worth_refillable_tin", "worth_delivery"]
    mean = truth(one)[names].mean().to_numpy()
    ratio = fit.params.to_numpy() / mean
    assert (ratio > 0.75).all() and (ratio < 1.1).all(), ratio
