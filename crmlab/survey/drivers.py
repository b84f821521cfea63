"""What drives an outcome: shares of R², effects on an ordered answer, penalty and reward."""

import re
import warnings
from collections.abc import Sequence
from math import comb
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.discrete.discrete_model import Logit
from statsmodels.miscmodels.ordinal_model import OrderedModel
from statsmodels.regression.linear_model import WLS
from statsmodels.tools.numdiff import approx_fprime

from crmlab._arguments import generator, level
from crmlab._intervals import deviations, resampled
from crmlab._tables import as_pandas, require_columns, whole_number
from crmlab._weights import respondent_weights
from crmlab.survey._answers import LARGEST, answers, complete
from crmlab.survey._scores import Scale, checked_scale

MOST = 16  # predictors: 65,536 subsets of them
_CURVES = (stats.logistic, stats.norm)  # logit and probit
_BLOCK = 2**22  # numbers held at once
_FAR = 30.0  # a standard error of so many log odds from one end of a predictor to the other: no estimate


def drivers(
    data: Any,
    outcome: str,
    predictors: Sequence[str],
    draws: int = 1000,
    weights: Any = None,
    alpha: float = 0.05,
    rng: Any = 0,
) -> pd.DataFrame:
    """Return how much of a regression's R² each predictor accounts for, by LMG and by Johnson's weights.

    Parameters
    ----------
    data : table
        One row per respondent, of any engine. Rows in which the outcome or a predictor is missing are left
        out; ``respondents`` says how many remain.
    outcome : str
        Column with the number to be explained. One of only two values makes a linear probability model.
    predictors : list of str
        Columns of numbers, 1 to 16.
    draws : int
        Bootstrap draws of respondents for the intervals; 0 for none.
    weights : str or sequence of float, optional
        A weight for each row, as from :func:`rake`; a row of weight 0 does not count. The shares are those of
        so many repeated rows, the intervals those of the respondents there are: drawn with their weights.
    alpha : float
        1 − level of the intervals (percentiles of the draws).
    rng : int or numpy.random.Generator
        For the draws.

    Returns
    -------
    DataFrame
        Index ``predictor``, in the order given:

        - ``beta``: standardised coefficient with all others in the model.
        - ``alone``: R² with this predictor only, the squared correlation.
        - ``last``: what R² gains when it enters after all others.
        - ``lmg``: what R² gains when it enters, on average over all orders of entering (Lindeman, Merenda and
          Gold, 1980; it is the Shapley value). The column adds up to R².
        - ``johnson``: relative weight, by way of the uncorrelated variables nearest to the predictors
          (Johnson, 2000). It adds up to R² as well.
        - with draws ``lmg_low``, ``lmg_high``, ``johnson_low``, ``johnson_high``, the ends of the intervals,
          and ``top``: in which share of the draws its ``lmg`` is the largest.
        - ``respondents``.

    Raises
    ------
    ValueError
        The outcome among the predictors or made of them, a predictor that is constant, there twice or a sum
        of others, no more respondents than predictors and one, texts, infinite answers, usual codes for
        missing ones (99), negative or missing weights, more than 16 predictors; so few respondents that in
        more than one draw in a hundred the predictors cannot be told apart.

    Notes
    -----
    Both say what goes along with the outcome, and nothing about what would change it. A predictor without any
    effect of its own gets a share for going along with one that has an effect. LMG is an average over orders
    of entering that nobody meant as a model. Johnson's weights come near to it, usually to a hundredth or
    two, by an algebra that has no meaning of its own (Thomas, Zumbo, Kwan and Schweitzer, 2014). A share is
    never below 0, so that an interval which does not reach 0 proves nothing.

    The R² of all subsets come from the covariance matrix of each draw by taking predictors out one after the
    other (Schur complements), for all draws at once.

    References
    ----------
    Grömping, U. (2006). Relative importance for linear regression in R: the package relaimpo. Journal of
    Statistical Software 17(1). https://doi.org/10.18637/jss.v017.i01
    Johnson, J. W. (2000). A heuristic method for estimating the relative weight of predictor variables in
    multiple regression. Multivariate Behavioral Research 35(1), 1–19.
    https://doi.org/10.1207/S15327906MBR3501_1
    Thomas, D. R., Zumbo, B. D., Kwan, E. & Schweitzer, L. (2014). On Johnson's (2000) relative weights method
    for assessing variable importance: a reanalysis. Multivariate Behavioral Research 49(4), 329–338.
    https://doi.org/10.1080/00273171.2014.905766

    Examples
    --------
    >>> from crmlab import datasets
    >>> found = drivers(datasets.load("attitude"), "rating", ["complaints", "learning", "raises"])
    >>> found[["alone", "last", "lmg", "lmg_low", "lmg_high", "johnson"]].round(2)
                alone  last   lmg  lmg_low  lmg_high  johnson
    predictor
    complaints   0.68  0.26  0.42     0.28      0.56     0.42
    learning     0.39  0.02  0.16     0.06      0.30     0.17
    raises       0.35  0.00  0.13     0.05      0.24     0.13
    """
    whole_number(draws, "draws", least=0)
    level(alpha)
    luck, predictors = generator(rng), _listed(predictors)
    rows, heavy = _checked(data, outcome, predictors, weights)
    every = _measures(_correlations(rows, heavy, np.ones((1, len(rows)))))
    index = pd.Index(predictors, name="predictor")
    found = pd.DataFrame({name: values[0] for name, values in every.items()}, index)
    if found["lmg"].sum() > 1 - 1e-9:
        raise ValueError(f"R² is 1: {outcome!r}, or what it was made of, is among the predictors.")
    if draws:
        drawn = _measures(_drawn(rows, heavy, draws, luck))
        sound = np.isfinite(drawn["lmg"]).all(axis=1)
        if sound.mean() < 0.99:
            raise ValueError(
                f"In {(~sound).sum()} of {draws} bootstrap samples the predictors cannot be told apart: too "
                "few respondents differ for an interval. draws=0 gives the shares alone."
            )
        for name in ("lmg", "johnson"):
            found[f"{name}_low"], found[f"{name}_high"] = resampled(drawn[name][sound], alpha=alpha)
        best = drawn["lmg"][sound].argmax(axis=1)
        found["top"] = np.bincount(best, minlength=len(found)) / len(best)
    return found.assign(respondents=len(rows))


def _listed(predictors: Any) -> list[str]:
    names = [] if isinstance(predictors, str) or not np.iterable(predictors) else list(predictors)
    if not 0 < len(names) <= MOST:
        raise ValueError(f"predictors is a list of 1 to {MOST} columns, ['a', 'b']; got {predictors!r}.")
    return names


def _checked(
    data: Any, outcome: str, predictors: Sequence[str], weights: Any, scale: Scale | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that count, outcome last, and their weights."""
    table, names = as_pandas(data), [*predictors, outcome]
    require_columns(table.columns, names)
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name!r} is there twice, as predictor or outcome: each stands once.")
    given = answers(table, predictors, scale)
    given[outcome] = answers(table, [outcome]).to_numpy()
    whole = given.notna().all(axis=1).to_numpy()
    heavy = respondent_weights(table, weights, whole)
    given, heavy = given[whole][heavy > 0], heavy[heavy > 0] / heavy.max()
    if len(given) <= len(names):
        raise ValueError(
            f"{len(given)} respondents count and answered everything; {len(predictors)} predictors need more "
            f"than {len(names)}, and many more to be told apart."
        )
    if np.ptp(given[outcome]) < 1 / LARGEST:
        raise ValueError(f"Everybody gave the same {outcome!r}: there is nothing to explain.")
    complete(given[names[:-1]])
    return given.to_numpy(), heavy / heavy.mean()


def _correlations(rows: np.ndarray, heavy: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return correlations of samples that hold each row so many times: samples × variables × variables."""
    centred = rows - np.average(rows, axis=0, weights=heavy)
    centred /= centred.std(axis=0)
    products = (centred[:, :, None] * centred[:, None, :]).reshape(len(rows), -1)
    sums = np.matmul(counts, heavy[:, None] * np.hstack([products, centred, np.ones((len(rows), 1))]))
    moments, width = sums[:, :-1] / sums[:, -1:], rows.shape[1]
    means, found = moments[:, width**2 :], moments[:, : width**2].reshape(-1, width, width)
    found = found - means[:, :, None] * means[:, None, :]
    spread = np.sqrt(np.diagonal(found, axis1=1, axis2=2).clip(1e-12))
    return np.asarray(found / (spread[:, :, None] * spread[:, None, :]))


def _drawn(rows: np.ndarray, heavy: np.ndarray, draws: int, luck: np.random.Generator) -> np.ndarray:
    """Return the correlations of bootstrap samples of the rows."""
    found, size, many = [], len(rows), max(1, _BLOCK // len(rows))
    for start in range(0, draws, many):
        some = min(many, draws - start)
        places = luck.integers(0, size, (some, size)) + size * np.arange(some)[:, None]
        counts = np.bincount(places.ravel(), minlength=some * size).reshape(some, size)
        found.append(_correlations(rows, heavy, counts.astype(float)))
    return np.concatenate(found)


def subset_r2(together: np.ndarray) -> np.ndarray:
    """Return the R² of every subset of the predictors, subsets × matrices: bit k says whether k is in it.

    Parameters
    ----------
    together : array, shape (matrices, predictors + 1, predictors + 1)
        Correlations, the outcome last.

    Examples
    --------
    >>> subset_r2(np.array([[[1, 0, 0.6], [0, 1, 0.5], [0.6, 0.5, 1]]])).round(2).ravel().tolist()
    [0.0, 0.36, 0.25, 0.61]
    """
    # variables × variables × subsets × matrices: what is left of each covariance, given the subset
    left = np.moveaxis(together, 0, -1)[:, :, None, :]
    for _ in range(together.shape[1] - 1):
        kept, column = left[1:, 1:], left[1:, 0]
        taken = kept - column[:, None] * (column / left[0, 0])[None]
        left = np.concatenate([kept, taken], axis=2)
    return np.asarray(1 - left[0, 0])


def _measures(together: np.ndarray) -> dict[str, np.ndarray]:
    """Return each measure, matrices × predictors, NaN where the predictors cannot be told apart."""
    p = together.shape[1] - 1
    lost = ~(np.linalg.eigvalsh(together[:, :p, :p])[:, 0] > 1e-9)
    lost |= (np.diagonal(together, axis1=1, axis2=2) < 0.5).any(axis=1)  # one does not vary
    together = np.where(lost[:, None, None], np.eye(p + 1), together)
    outcome = together[:, :p, p]
    inside = np.arange(2**p)[:, None] >> np.arange(p) & 1
    others = inside.sum(axis=1)[:, None] - inside  # in the subset, beside the predictor
    share = np.array([1 / (p * comb(p - 1, k)) for k in range(p)] + [0.0])[others]
    lmg, last, many = [], [], max(1, _BLOCK // 2**p)
    for start in range(0, len(together), many):
        r2 = subset_r2(together[start : start + many])
        lmg.append(np.matmul(r2.T, share * (2 * inside - 1)))
        last.append((r2[-1] - r2[2**p - 1 - 2 ** np.arange(p)]).T)
    roots, turn = np.linalg.eigh(together[:, :p, :p])
    root = np.matmul(turn * np.sqrt(roots)[:, None, :], turn.transpose(0, 2, 1))
    onto = np.linalg.solve(root, outcome[:, :, None])
    johnson, beta = np.matmul(root**2, onto**2), np.linalg.solve(root, onto)
    found = {"beta": beta[:, :, 0], "alone": outcome**2, "last": np.concatenate(last)}
    found |= {"lmg": np.concatenate(lmg), "johnson": johnson[:, :, 0]}
    return {name: np.where(lost[:, None], np.nan, values) for name, values in found.items()}


def _ordered(fit: Any) -> tuple[OrderedModel, list[str], dict[str, list[int]]]:
    """Return the model of an ordered regression by statsmodels, its columns, and those of each predictor."""
    model = getattr(fit, "model", None)
    offset = getattr(model, "offset", None)
    if not isinstance(model, OrderedModel) or offset is not None or model.distr not in _CURVES:
        raise ValueError(
            "fit is what OrderedModel(…, distr='logit').fit(method='bfgs') gives (or probit), no offset."
        )
    names = [str(name) for name in model.exog_names[: model.k_vars]]
    for name in names:
        if ":" in name or "**" in name:
            raise ValueError(
                f"{name!r} is a product or a power: it does not move alone, so has no effect alone."
            )
    with np.errstate(invalid="ignore"):
        errors = np.asarray(fit.bse)[: model.k_vars]
    _tell_apart(names, model.exog, errors, "the answer")
    if not fit.mle_retvals.get("converged", True):
        raise ValueError("The search had not converged: .fit(method='bfgs', maxiter=1000, disp=False).")
    terms: dict[str, list[int]] = {}
    for place, name in enumerate(names):  # type[T.Atrium] is one column of the text "type"
        terms.setdefault(name.partition("[T.")[0], []).append(place)
    for term, places in terms.items():
        if len(places) > 1 and term in names:
            raise ValueError(f"{term!r} is a number and a text with levels, or there twice: rename one.")
        if re.search(r"\[[DHS]\.|\)\.", term) or (model.exog[:, places] == 1).sum(axis=1).max() > 1:
            raise ValueError(f"The columns of {term!r} are no 0 and 1 for levels that exclude one another.")
    return model, names, terms


def _tell_apart(names: Sequence[str], x: np.ndarray, errors: np.ndarray, what: str) -> None:
    lost = ~(errors * np.ptp(x, axis=0) < _FAR)
    if lost.any():
        raise ValueError(
            f"The coefficient of {names[int(np.argmax(lost))]!r} cannot be found: the predictors tell {what} "
            "perfectly (separation) or one another. Leave one out, or join rare answers."
        )


def marginal_effects(fit: Any, alpha: float = 0.05) -> pd.DataFrame:
    """Return by how much each predictor moves the chance of each ordered answer, on average over respondents.

    Parameters
    ----------
    fit : results of statsmodels' OrderedModel
        Logit or probit. It knows no weights: repeat the rows, and the errors are those of so many
        respondents. Columns that a formula made of a text (``type[T.Atrium]``, or named so by hand) are known
        for one predictor.
    alpha : float
        1 − level of the intervals.

    Returns
    -------
    DataFrame
        A row for each predictor and answer: ``predictor``, ``answer``, ``effect`` (change of the chance: 0.1
        is ten points), ``se``, ``low``, ``high`` (delta method). For a predictor of 0 and 1 the effect is
        that of 1 against 0 (of a text, against the level left out), for any other the slope: the change for
        one unit more, were the curve straight. The effects of a predictor add up to 0 over the answers.

    Raises
    ------
    ValueError
        No such fit, one that has not converged, perfect separation, predictors that cannot be told apart,
        products and powers.

    References
    ----------
    Greene, W. H. & Hensher, D. A. (2010). Modeling Ordered Choices: A Primer. Cambridge University Press.
    https://doi.org/10.1017/CBO9780511845062

    Examples
    --------
    >>> from crmlab import datasets
    >>> wine = datasets.load("wine")
    >>> made = (wine[["temp", "contact"]] == ["warm", "yes"]).astype(float)
    >>> fit = OrderedModel(wine["rating"], made, distr="logit").fit(method="bfgs", disp=False)
    >>> marginal_effects(fit).query("predictor == 'temp'").round(2)
      predictor  answer  effect    se   low  high
    0      temp       1   -0.12  0.05 -0.21 -0.02
    1      temp       2   -0.35  0.08 -0.50 -0.19
    2      temp       3    0.09  0.06 -0.04  0.21
    3      temp       4    0.22  0.06  0.10  0.35
    4      temp       5    0.16  0.05  0.05  0.26
    """
    model, names, terms = _ordered(fit)
    params, x = np.asarray(fit.params), np.asarray(model.exog)

    def effects(at: np.ndarray) -> np.ndarray:
        cut, slopes = model.transform_threshold_params(at), at[: model.k_vars]
        felt = np.sum(x * slopes, axis=1)[:, None]
        found = -slopes[:, None] * np.diff(model.pdf(cut - felt), axis=1).mean(axis=0)
        for places in terms.values():
            if np.isin(x[:, places], (0, 1)).all():
                without = felt - np.sum(x[:, places] * slopes[places], axis=1)[:, None]
                moved = cut - without - np.append(slopes[places], 0)[:, None, None]
                chance = np.diff(model.cdf(moved), axis=2).mean(axis=1)
                found[places] = chance[:-1] - chance[-1]
        return np.asarray(found.ravel())

    effect, slope = effects(params), approx_fprime(params, effects, centered=True)
    errors = np.sqrt(np.sum(np.matmul(slope, np.asarray(fit.cov_params())) * slope, axis=1))
    half = deviations(alpha) * errors
    found = {"predictor": np.repeat(names, model.k_levels), "answer": list(model.labels) * len(names)}
    return pd.DataFrame(found | {"effect": effect, "se": errors, "low": effect - half, "high": effect + half})


def parallel_slopes(fit: Any) -> pd.DataFrame:
    """Return Brant's test of what an ordered logit takes for granted: slopes alike wherever one cuts.

    An ordered logit says that a predictor moves the odds of an answer above 1, above 2, … by one and the same
    factor. Here each cut has a binary logit of its own, and the test asks whether their slopes differ by more
    than luck.

    Parameters
    ----------
    fit : results of statsmodels' OrderedModel
        With ``distr="logit"`` and three answers or more; texts as for :func:`marginal_effects`.

    Returns
    -------
    DataFrame
        Index ``predictor``: "all", each text (its columns together), each column. ``chi2``, ``df``,
        ``p_value`` (how often luck alone makes slopes that are alike differ by so much), and for each cut the
        slope of its own binary logit, ``above 1``, ….

    Raises
    ------
    ValueError
        As :func:`marginal_effects`; a probit; fewer than three answers; an answer so rare that the predictors
        tell it perfectly.

    References
    ----------
    Brant, R. (1990). Assessing proportionality in the proportional odds model for ordinal logistic
    regression. Biometrics 46(4), 1171–1178. https://doi.org/10.2307/2532457

    Examples
    --------
    >>> from crmlab import datasets
    >>> wine = datasets.load("wine").assign(rating=lambda table: table["rating"].clip(2, 4))
    >>> made = (wine[["temp", "contact"]] == ["warm", "yes"]).astype(float)
    >>> fit = OrderedModel(wine["rating"], made, distr="logit").fit(method="bfgs", disp=False)
    >>> parallel_slopes(fit).round(2)
               chi2  df  p_value  above 2  above 3
    predictor
    all        1.00   2     0.61      NaN      NaN
    temp       0.93   1     0.33     2.15     3.03
    contact    0.29   1     0.59     1.39     1.81
    """
    model, names, terms = _ordered(fit)
    if model.distr is not stats.logistic or model.k_levels < 3:
        raise ValueError("Brant's test is of an ordered logit (distr='logit') with three answers at least.")
    if "all" in terms:
        raise ValueError("A predictor is called 'all', as the test of all predictors is: rename it.")
    x, k, cuts = np.column_stack([np.ones(len(model.exog)), model.exog]), len(names), model.k_levels - 1
    fits = [_cut(x, model, names, j) for j in range(cuts)]
    above = [1 / (1 + np.exp(-np.sum(x * params, axis=1))) for params, _ in fits]
    joint = np.empty((cuts, k, cuts, k))
    for low in range(cuts):
        for high in range(low, cuts):
            both = above[high] - above[low] * above[high]  # who is above the higher cut is above the lower
            middle = np.matmul(x.T * both, x)
            joint[low, :, high] = np.linalg.multi_dot([fits[low][1], middle, fits[high][1]])[1:, 1:]
            joint[high, :, low] = joint[low, :, high].T
    slopes = np.array([params[1:] for params, _ in fits])
    gaps = slopes[:1] - slopes[1:]
    spread = joint[:1, :, :1] - joint[:1, :, 1:] - joint[1:, :, :1] + joint[1:, :, 1:]
    tested = {"all": list(range(k))} | {term: places for term, places in terms.items() if len(places) > 1}
    tested, rows = tested | {name: [place] for place, name in enumerate(names)}, []
    for places in tested.values():
        gap = gaps[:, places].ravel()
        matrix = spread[:, places][:, :, :, places].reshape(len(gap), len(gap))
        if np.linalg.eigvalsh(matrix)[0] <= 0:
            raise ValueError("Too few respondents for so many answers and predictors: join rare answers.")
        chi2 = float(np.sum(gap * np.linalg.solve(matrix, gap)))
        rows.append([chi2, len(gap), float(stats.chi2.sf(chi2, len(gap)))])
    found = pd.DataFrame(rows, pd.Index(tested, name="predictor"), ["chi2", "df", "p_value"])
    at_cuts = pd.DataFrame(slopes.T, names, [f"above {label}" for label in list(model.labels)[:-1]])
    return found.join(at_cuts)


def _cut(x: np.ndarray, model: OrderedModel, names: list[str], j: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the binary logit of answers above the j-th: parameters and covariance."""
    errors = np.full(len(names), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            binary = Logit(model.endog > j, x).fit(disp=False, maxiter=100)
            errors = np.asarray(binary.bse)[1:]
        except (Warning, np.linalg.LinAlgError):
            pass  # named below
    _tell_apart(names, x[:, 1:], errors, f"whether an answer is above {model.labels[j]}")
    return np.asarray(binary.params), np.asarray(binary.cov_params())


def penalty_reward(
    data: Any,
    outcome: str,
    predictors: Sequence[str],
    scale: Scale,
    steps: tuple[int, int] = (2, 2),
    weights: Any = None,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Return what the outcome loses where an attribute fails, and what it gains where it delights.

    Parameters
    ----------
    data, outcome, weights, alpha
        As for :func:`drivers`; the intervals are robust to unequal spread (HC3, t distribution).
    predictors : list of str
        Attributes, all answered on one scale.
    scale : (low, high)
        The lowest and the highest answer.
    steps : (int, int)
        How many of the lowest answers count as failed, and of the highest as delighted. Both are compared
        with the answers between.

    Returns
    -------
    DataFrame
        Index ``predictor``: ``failed`` and ``delighted`` (respondents), ``penalty`` and ``reward`` (outcome
        of those who failed, or were delighted, less those between, all other attributes alike) and
        ``asymmetry`` (penalty + reward: below 0, failing costs more than delighting earns), each with
        ``_low`` and ``_high``; and ``kind``: "basic" or "excitement" where the interval of the asymmetry lies
        on one side of 0, "performance" where it does not and both penalty and reward are there, else
        "unclear".

    Raises
    ------
    ValueError
        As :func:`drivers`; answers outside the scale; steps that leave nobody between; an attribute that
        fewer than two called failed, delighted or between.

    References
    ----------
    Brandt, D. R. (1988). How service marketers can identify value-enhancing service elements. Journal of
    Services Marketing 2(3), 35–41. https://doi.org/10.1108/eb024732
    Matzler, K. & Sauerwein, E. (2002). The factor structure of customer satisfaction. International Journal
    of Service Industry Management 13(4), 314–332. https://doi.org/10.1108/09564230210445078

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> table = pd.DataFrame(rng.integers(1, 6, (500, 2)), columns=["clean", "gift"])
    >>> felt = table["clean"].clip(upper=3) + table["gift"].clip(lower=3)
    >>> table["felt"] = felt + rng.normal(size=500)
    >>> found = penalty_reward(table, "felt", ["clean", "gift"], (1, 5))
    >>> found[["penalty", "reward", "kind"]].round(2)
               penalty  reward        kind
    predictor
    clean        -1.52   -0.06       basic
    gift         -0.07    1.61  excitement
    """
    (low, high), predictors = checked_scale(scale), _listed(predictors)
    p = len(predictors)
    for step in steps if np.iterable(steps) else [steps]:
        whole_number(step, "each of steps", least=1)
    if not np.iterable(steps) or len(steps) != 2 or sum(steps) > high - low:
        raise ValueError(
            f"steps are two whole numbers that leave answers of {low:g} to {high:g} between: {steps}."
        )
    rows, heavy = _checked(data, outcome, predictors, weights, scale)
    failed, delighted = rows[:, :-1] < low + steps[0], rows[:, :-1] > high - steps[1]
    met = np.array([failed.sum(axis=0), (~failed & ~delighted).sum(axis=0), delighted.sum(axis=0)])
    if met.min() < 2:
        kind, place = np.argwhere(met < 2)[0]
        what = ("failed", "between", "delighted")[kind]
        raise ValueError(
            f"{met[kind, place]} of {predictors[place]!r} are {what}: a comparison needs two. Other steps?"
        )
    design = np.column_stack([np.ones(len(rows)), failed, delighted])
    if np.linalg.matrix_rank(design) < 2 * p + 1 or len(design) <= 2 * p + 1:
        raise ValueError(
            "Who failed or delighted in one attribute tells another exactly: leave one of them out."
        )
    fit = WLS(rows[:, -1], design, weights=heavy).fit(cov_type="HC3", use_t=True)
    one, none = np.eye(p), np.zeros((p, p))
    contrasts = np.vstack([np.hstack([one, none]), np.hstack([none, one]), np.hstack([one, one])])
    tested = fit.t_test(np.hstack([np.zeros((3 * p, 1)), contrasts]))
    numbers = np.column_stack([tested.effect, tested.conf_int(level(alpha))]).reshape(3, p, 3)
    found = {"failed": met[0], "delighted": met[2]}
    for name, (effect, lower, upper) in zip(
        ("penalty", "reward", "asymmetry"), numbers.transpose(0, 2, 1), strict=True
    ):
        found |= {name: effect, f"{name}_low": lower, f"{name}_high": upper}
    there = (found["penalty_high"] < 0) & (found["reward_low"] > 0)
    cases = [found["asymmetry_high"] < 0, found["asymmetry_low"] > 0, there]
    found["kind"] = np.select(cases, ["basic", "excitement", "performance"], "unclear")
    return pd.DataFrame(found, pd.Index(predictors, name="predictor"))
