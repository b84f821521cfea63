"""What people say, coded: do the coders agree beyond chance, does a machine, and are there codes left?"""

import warnings
from itertools import combinations
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from statsmodels.stats.inter_rater import cohens_kappa

from crmlab._arguments import floats, generator, level
from crmlab._columns import aligned
from crmlab._intervals import IntervalWarning, deviations, resampled, wilson
from crmlab._tables import as_pandas, look_up, require_columns, whole_number

Array = np.ndarray[Any, Any]
_SCALES = ("nominal", "ordinal", "interval", "ratio")


def agreement(
    codes: Any,
    scale: Literal["nominal", "ordinal", "interval", "ratio"] = "nominal",
    weights: Any = None,
    draws: int = 1000,
    alpha: float = 0.05,
    rng: Any = 0,
) -> pd.DataFrame:
    """Return how far coders agree: the plain share, Cohen's kappa and Krippendorff's alpha, with intervals.

    Parameters
    ----------
    codes : DataFrame of any engine, (n_units, n_coders)
        One row per text (or whatever was coded), one column per coder and nothing else; missing where a coder
        did not code it.
    scale : {'nominal', 'ordinal', 'interval', 'ratio'}
        How far apart two codes are: all alike, by their ranks, by their difference, or by their difference
        relative to their sum. Ordinal codes are numbers or one ordered category, the last two are numbers.
    weights : 'linear', 'quadratic' or DataFrame, optional
        Adds a weighted kappa: how bad it is to take one code for the other. Linear and quadratic count the
        steps between codes in order; a table names all codes in its index and its columns, with 0 on the
        diagonal. For two coders.
    draws : int
        Bootstrap samples of units for the interval of alpha.
    alpha : float
        One minus the level of the intervals.
    rng : int or Generator
        Chance of the bootstrap.

    Returns
    -------
    DataFrame
        Index ``measure``: ``agreed`` (share of pairs of codes of one unit that are equal), ``kappa`` (two
        coders), ``weighted_kappa`` (with `weights`), ``alpha``. Columns ``value``, ``low``, ``high``,
        ``by_chance`` (agreement that chance alone would bring, where it is a share) and ``units`` counted.

    Raises
    ------
    ValueError
        With fewer than two coders, no unit that two have coded, a single code (chance agrees always then, and
        there is nothing beyond it), codes that do not fit the scale, or weights that do not fit the codes.

    Warns
    -----
    IntervalWarning
        If there is one unit, or samples of the bootstrap held a single code and had to be left out.

    Notes
    -----
    Kappa takes units that both have coded, alpha all with at least two codes. The interval of ``agreed`` is
    Wilson's for two coders and else the bootstrap's; that of kappa is statsmodels', from its standard error
    in large samples; that of alpha draws units anew and takes percentiles. (Krippendorff proposes to draw
    pairs instead.)

    References
    ----------
    Cohen, J. (1960). A coefficient of agreement for nominal scales. Educational and Psychological Measurement
    20(1), 37–46. https://doi.org/10.1177/001316446002000104

    Cohen, J. (1968). Weighted kappa. Psychological Bulletin 70(4), 213–220. https://doi.org/10.1037/h0026256

    Hayes, A. F. & Krippendorff, K. (2007). Answering the call for a standard reliability measure for coding
    data. Communication Methods and Measures 1(1), 77–89. https://doi.org/10.1080/19312450709336664

    Examples
    --------
    >>> codes = pd.DataFrame({"Ann": list("aabbab" * 5), "Ben": list("aabbbb" * 5)})
    >>> agreement(codes)["value"].round(3).to_dict()
    {'agreed': 0.833, 'kappa': 0.667, 'alpha': 0.663}
    """
    look_up("scale", scale, dict.fromkeys(_SCALES))
    whole_number(draws, "draws", least=1)
    level(alpha)
    values, places = _placed(as_pandas(codes), scale)
    both = places[(places >= 0).all(axis=1)]
    places = places[(places >= 0).sum(axis=1) > 1]
    if not len(places):
        raise ValueError("No unit has the codes of two coders, so no two can agree or differ.")
    if len(used := np.unique(places[places >= 0])) == 1:
        raise ValueError(
            f"All codes are {values[used[0]]!r}. Coders who know one code agree always, by chance as well: "
            "beyond chance there is nothing to measure."
        )
    pairs = _pairs(places)
    agreed, value, chance = _alpha(pairs, np.ones(len(places)), values, scale)
    luck = generator(rng).multinomial(len(places), np.full(len(places), 1 / len(places)), size=draws)
    samples = np.array([_alpha(pairs, times, values, scale) for times in luck])
    held = ~np.isnan(samples[:, 1])
    if len(places) == 1 or not held.all():
        told = (
            "There is one unit" if len(places) == 1 else f"{(~held).sum()} of {draws} samples held one code"
        )
        warnings.warn(f"{told}: the interval of alpha is rough.", IntervalWarning, stacklevel=2)
    low, high = resampled(samples[held], alpha=alpha) if held.any() else np.full((2, 3), np.nan)
    chance = chance if scale == "nominal" else np.nan
    rows = {"agreed": (agreed, low[0], high[0], chance, len(places))}
    if places.shape[1] == 2:
        table = np.zeros((len(values), len(values)))
        np.add.at(table, tuple(both.T), 1)
        met = table.sum(axis=0) @ table.sum(axis=1) / len(both) ** 2
        rows["agreed"] = (agreed, *map(float, wilson(np.trace(table), len(both), alpha)), met, len(both))
        rows["kappa"] = (*_kappa(table, None, alpha), met, len(both))
        if weights is not None:
            far = _weights(weights, values, scale)
            rows["weighted_kappa"] = (*_kappa(table, far, alpha), np.nan, len(both))
    elif weights is not None:
        raise ValueError(f"Weighted kappa compares two coders; there are {places.shape[1]}: take alpha.")
    rows["alpha"] = (value, low[1], high[1], chance, len(places))
    names = ["value", "low", "high", "by_chance", "units"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=names).rename_axis("measure")


def _placed(codes: pd.DataFrame, scale: str) -> tuple[pd.Index, Array]:
    """Return the different codes in order, and for each unit and coder which of them it is (-1: none)."""
    if codes.shape[1] < 2:
        raise ValueError(
            f"Agreement needs two coders, a column each; there are {codes.shape[1]}: {list(codes.columns)}."
        )
    require_columns(codes.columns, codes.columns)  # no name twice
    kinds = {one: codes[one].dtype for one in codes}
    if scale == "ordinal" and all(isinstance(kind, pd.CategoricalDtype) for kind in kinds.values()):
        first = next(iter(kinds.values()))
        if any(kind != first or not kind.ordered for kind in kinds.values()):
            raise ValueError(
                "Ordinal codes share one ordered category: pandas.CategoricalDtype(…, ordered=True)."
            )
        return first.categories, codes.apply(lambda column: column.cat.codes).to_numpy(int)
    if scale == "nominal":
        flat = codes.astype(object).to_numpy().ravel()
        if len(types := {type(one).__name__ for one in flat[~pd.isna(flat)]}) > 1:
            raise ValueError(
                f"Codes are of one type, and these are of {', '.join(sorted(types))}: 1 is not '1'."
            )
    else:
        for name, kind in kinds.items():
            if not pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_bool_dtype(kind):
                raise ValueError(
                    f"On the {scale} scale codes are numbers"
                    f"{' or one ordered category' * (scale == 'ordinal')}; column {name!r} holds {kind}."
                )
        flat = codes.to_numpy(float, na_value=np.nan).ravel()
        if np.isinf(flat).any() or scale == "ratio" and (flat < 0).any():
            raise ValueError(f"On the {scale} scale codes are finite{', not negative' * (scale == 'ratio')}.")
    place, values = pd.factorize(flat, sort=True)
    return pd.Index(values), place.reshape(codes.shape)


class _Pairs(NamedTuple):
    unit: Array  # of each pair of codes of one unit
    one: Array
    other: Array
    weight: Array  # so that a unit weighs as many codes as it has
    coded: tuple[Array, Array]  # unit and code of every single code


def _pairs(places: Array) -> _Pairs:
    number = (places >= 0).sum(axis=1)
    parts = []
    for one, other in combinations(places.T, 2):
        unit = np.flatnonzero((one >= 0) & (other >= 0))
        parts.append((unit, one[unit], other[unit], 2 / (number[unit] - 1)))
    unit, coder = np.nonzero(places >= 0)
    pair, one, other, weight = map(np.concatenate, zip(*parts, strict=True))
    return _Pairs(pair, one, other, weight, (unit, places[unit, coder]))


def _alpha(pairs: _Pairs, times: Array, values: pd.Index, scale: str) -> tuple[float, float, float]:
    """Return agreement, alpha and agreement by chance, where unit u is there `times[u]` times."""
    unit, code = pairs.coded
    total = np.bincount(code, weights=times[unit], minlength=len(values))
    n, far = total.sum(), _far(values, total, scale)
    weight = times[pairs.unit] * pairs.weight
    met = (weight * far[pairs.one, pairs.other]).sum() / n
    chance = total @ far @ total / (n * (n - 1))
    agreed = weight[pairs.one == pairs.other].sum() / n
    return agreed, 1 - met / chance if chance > 0 else np.nan, 1 - chance


def _far(values: pd.Index, total: Array, scale: str) -> Array:
    """Return how far apart any two codes are: Krippendorff's squared difference."""
    if scale == "nominal":
        return 1 - np.eye(len(values))
    # by ranks: how many codes lie between the middles of the two
    place = np.cumsum(total) - total / 2 if scale == "ordinal" else values.to_numpy(float)
    gap = np.abs(place[:, None] - place)
    if scale == "ratio":
        gap = np.divide(gap, place[:, None] + place, out=np.zeros_like(gap), where=gap > 0)
    return gap**2


def _weights(weights: Any, values: pd.Index, scale: str) -> Array:
    """Return how bad each confusion is, from 0 to 1."""
    if isinstance(weights, pd.DataFrame):
        if set(weights.index) != set(weights.columns) or not values.isin(weights.index).all():
            raise ValueError(
                f"weights needs a row and a column for each code, {', '.join(map(str, values))}; it has the "
                f"rows {', '.join(map(str, weights.index))}."
            )
        far = floats(weights.loc[values, values].to_numpy(), "weights")
        if not (np.isfinite(far) & (far >= 0)).all() or np.diag(far).any() or not far.any():
            raise ValueError("weights are finite, not negative, 0 on the diagonal and not 0 everywhere.")
        return far / far.max()
    power = look_up("kind of weights", weights, {"linear": 1, "quadratic": 2})
    if scale == "nominal":
        raise ValueError(
            f"weights={weights!r} counts steps between codes, which have no order: say which scale."
        )
    step = np.arange(len(values))
    return (np.abs(step[:, None] - step) / max(step[-1], 1)) ** power


def _kappa(table: Array, weights: Array | None, alpha: float) -> tuple[float, float, float]:
    if np.count_nonzero(table.sum(axis=0) + table.sum(axis=1)) < 2:
        raise ValueError("In the units that both have coded there is one code: chance agrees always there.")
    with np.errstate(invalid="ignore", divide="ignore"):  # a test that a coder of one code has not
        found = cohens_kappa(table, weights=weights)
    reach = deviations(alpha) * found.std_kappa
    return found.kappa, max(found.kappa - reach, -1), min(found.kappa + reach, 1)


def saturation(codes: Any, unit: str = "interview", code: str = "code") -> pd.DataFrame:
    """Return, interview by interview, how many codes are new and how likely the next one brings another.

    Parameters
    ----------
    codes : DataFrame of any engine
        One row per code met in an interview, interviews in the order in which they were held. A code met
        several times in one interview counts once. An interview without any code has a row whose code is
        missing.
    unit, code : str
        Names of the columns.

    Returns
    -------
    DataFrame
        Index `unit`, in order; columns ``codes`` of this interview, ``new`` among them, ``found`` so far,
        ``once`` (codes that one interview so far holds), ``new_expected`` (new codes that the next interview
        should bring, on average) and ``chance_new`` (that it brings at least one).

    Raises
    ------
    ValueError
        If there are no rows, a column is not there, the unit is missing, or an interview's rows are torn
        apart, which leaves its place unknown.

    Notes
    -----
    Good–Turing by leaving one out: what the interviews so far, each taken as the last, would have brought
    that all others had not. ``new_expected`` is ``once`` / n, ``chance_new`` the share of interviews that
    hold a code of their own. It supposes that interviews come in no order; whoever asks the easy customers
    first sees too low a chance. With one interview both are what that interview brought.

    References
    ----------
    Good, I. J. (1953). The population frequencies of species and the estimation of population parameters.
    Biometrika 40(3–4), 237–264. https://doi.org/10.1093/biomet/40.3-4.237

    Examples
    --------
    >>> codes = ["tin", "taste", "taste", "taste", "price"]
    >>> told = pd.DataFrame({"interview": [1, 1, 2, 3, 3], "code": codes})
    >>> saturation(told)[["new", "found", "once", "new_expected", "chance_new"]].round(2)
               new  found  once  new_expected  chance_new
    interview
    1            2      2     2          2.00        1.00
    2            0      2     1          0.50        0.50
    3            1      3     2          0.67        0.67
    """
    table = as_pandas(codes)
    require_columns(table.columns, [unit, code])
    if table.empty or table[unit].isna().any():
        raise ValueError(
            f"Each row says in column {unit!r} which interview it belongs to; {len(table)} rows given."
        )
    number = (table[unit] != table[unit].shift()).cumsum()
    if number.max() != table[unit].nunique():
        raise ValueError(
            f"Rows of one {unit} stand apart: sort the table by the order in which they were held."
        )
    place = pd.factorize(table[code])[0]
    met = np.zeros((number.max(), max(place.max() + 1, 0)), bool)
    met[number.to_numpy()[place >= 0] - 1, place[place >= 0]] = True
    times = met.cumsum(axis=0)  # interviews so far that hold the code
    held = np.arange(1, len(met) + 1)
    # a code of one interview has it as its first; it counts until a second interview holds it
    first = met.argmax(axis=0)
    alone = np.array([len(np.unique(first[row == 1])) for row in times])
    once = (times == 1).sum(axis=1)
    columns = {
        "codes": met.sum(axis=1),
        "new": (met & (times == 1)).sum(axis=1),
        "found": (times > 0).sum(axis=1),
        "once": once,
        "new_expected": once / held,
        "chance_new": alone / held,
    }
    return pd.DataFrame(columns, index=pd.Index(table[unit].unique(), name=unit))


def machine_codes(texts: Any, codes: Any, folds: int = 5, rng: Any = 0) -> pd.DataFrame:
    """Return the code that a machine gives each text after learning from the texts of the other folds.

    Parameters
    ----------
    texts : Series or list of text
        What people wrote.
    codes : Series or list
        The code that a person gave each of them; missing where nobody did. Those texts are coded as well, by
        what was learned from all others.
    folds : int
        Parts into which the coded texts are dealt; a part is coded by what was learned from the others.
    rng : int or Generator
        Who deals them.

    Returns
    -------
    DataFrame
        Index that of `texts`; ``code``, missing for a text without a letter or figure (empty, an emoji), and
        ``sure``, the chance the machine gives its own code.

    Raises
    ------
    ValueError
        If lengths differ, a code has fewer texts than there are folds (one met once cannot be learned), or
        there are fewer than two codes.

    Notes
    -----
    Each piece of one to three letters is a column, weighed by TF–IDF (how often in the text, less the more
    texts hold it), and a logistic regression gives each code its points for each piece. Pieces of letters
    serve languages without gaps between words. Texts that are equal lie in one fold.

    References
    ----------
    Salton, G. & Buckley, C. (1988). Term-weighting approaches in automatic text retrieval. Information
    Processing & Management 24(5), 513–523. https://doi.org/10.1016/0306-4573(88)90021-0

    Examples
    --------
    >>> texts = ["the tin leaked", "a leaking tin", "tin not tight", "too dear", "dear tea", "a dear cup", ""]
    >>> machine_codes(texts, ["tin"] * 3 + ["price"] * 3 + [None], folds=3)["code"].tolist()
    ['tin', 'tin', 'tin', 'price', 'price', 'price', nan]
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline

    whole_number(folds, "folds", least=2)
    said = texts if isinstance(texts, pd.Series) else pd.Series(texts, dtype=object)
    if len(said) != len(codes):
        raise ValueError(
            f"Each text has one code or none: there are {len(said)} texts and {len(codes)} codes."
        )
    if isinstance(texts, pd.Series):
        codes = aligned(codes, "codes", said.index)
    given = pd.Series(np.asarray(codes, dtype=object), said.index)
    said = said.fillna("").astype(str)
    readable = said.str.contains(r"[^\W_]")
    known = readable & given.notna()
    count = given[known].value_counts()
    if len(count) < 2:
        raise ValueError(f"A machine learns to tell codes apart: two are needed, there are {len(count)}.")
    if (few := count[count < folds]).size:
        raise ValueError(
            f"Code {few.index[-1]!r} has {few.iloc[-1]} text(s) that can be read, and each code needs one in "
            f"each of {folds} folds: join it with another code, code more texts, or take fewer folds."
        )
    pieces = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 3))
    machine = make_pipeline(pieces, LogisticRegression(C=10, max_iter=2000, tol=1e-5))
    place, names = pd.factorize(given[known], sort=True)
    read = said[known]
    dealt = StratifiedGroupKFold(folds, shuffle=True, random_state=int(generator(rng).integers(2**31)))
    chance = np.zeros((len(said), len(names)))
    rows = np.flatnonzero(known)
    for learned, judged in dealt.split(read, place, groups=read):
        machine.fit(read.iloc[learned], place[learned])
        chance[np.ix_(rows[judged], machine.classes_)] = machine.predict_proba(read.iloc[judged])
    if (others := (readable & ~known).to_numpy()).any():
        chance[others] = machine.fit(read, place).predict_proba(said[others])
    chance = chance.round(9)  # equal ones stay equal on every processor
    code = pd.Series(names[chance.argmax(axis=1)], said.index, dtype=object).where(readable)
    return pd.DataFrame({"code": code, "sure": pd.Series(chance.max(axis=1), said.index).where(readable)})
