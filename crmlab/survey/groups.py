"""Do two groups understand the questions alike? Measurement invariance, step by step."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from scipy import stats

from crmlab._arguments import level
from crmlab._html import render
from crmlab.survey.measured import MeasurementResults
from crmlab.survey.measurement import EQUAL, MeasurementModel, Pair

STEPS = {"configural": (), "metric": EQUAL[:1], "scalar": EQUAL}


def invariance(
    data: Any,
    factors: Mapping[str, Sequence[str]],
    group: str,
    errors: Sequence[Pair] = (),
    scale: tuple[float, float] | None = None,
) -> "Invariance":
    """Fit a measurement model to several groups, with more and more that is the same in all of them.

    Configural: the same items for the same factors. Metric: the same loadings, so that a step on the factor
    moves the answers alike. Scalar: the same intercepts as well, so that equal factors give equal answers on
    average; only then may means be compared.

    Parameters
    ----------
    data, factors, errors, scale
        As for :class:`MeasurementModel`.
    group : str
        The column with the group of each respondent.

    Returns
    -------
    Invariance

    Raises
    ------
    ValueError
        As :class:`MeasurementModel`; each group needs more respondents than there are items.

    References
    ----------
    Steenkamp, J.-B. E. M. and Baumgartner, H. (1998). Assessing measurement invariance in cross-national
    consumer research. Journal of Consumer Research 25(1), 78–90. doi:10.1086/209528

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(3)
    >>> sheets = pd.DataFrame(rng.normal(size=(400, 1)) + rng.normal(size=(400, 4)), columns=[*"abcd"])
    >>> sheets["town"] = ["Hull", "York"] * 200
    >>> invariance(sheets, {"trust": [*"abcd"]}, group="town").table["df"].tolist()
    [4, 7, 10]
    """
    fits = {
        name: MeasurementModel(data, factors, errors, group=group, equal=equal, scale=scale).fit()
        for name, equal in STEPS.items()
    }
    return Invariance(fits)


class Invariance:
    """The three models of :func:`invariance`, compared.

    Attributes
    ----------
    fits : dict of str to MeasurementResults
        "configural", "metric" and "scalar".
    table : DataFrame
        A row for each model: ``chi_square``, ``df``, ``cfi``, ``rmsea``, ``srmr``, ``bic``, and against the
        row above ``gain`` (the rise of chi-square), ``more_df``, ``p_value``, ``p_value_robust`` (Satorra and
        Bentler, 2001) and ``cfi_change``.
    """

    def __init__(self, fits: Mapping[str, MeasurementResults]):
        self.fits = dict(fits)
        measures = pd.DataFrame({name: fit.fit_measures() for name, fit in fits.items()}).T
        table = measures[["chi_square", "df", "cfi", "rmsea", "srmr"]].astype({"df": int})
        table["bic"] = [fit.bic for fit in fits.values()]
        table["gain"], table["more_df"] = table["chi_square"].diff(), table["df"].diff()
        table["p_value"] = stats.chi2.sf(table["gain"], table["more_df"])
        scaled = (measures["df"] * measures["scaling"]).diff() / table["more_df"]
        robust = stats.chi2.sf(table["gain"] / scaled.where(scaled > 0), table["more_df"])
        table["p_value_robust"] = robust
        table["cfi_change"] = table["cfi"].diff()
        self.table = table.rename_axis("model")

    def means(self, alpha: float = 0.05) -> pd.DataFrame:
        """Return the factor means of the other groups less those of the first, from the scalar model.

        Returns
        -------
        DataFrame
            ``difference`` in units of each factor's first item, ``std_error``, ``low`` and ``high``.
        """
        fit = self.fits["scalar"]
        names = [one for one in fit.params.index if one.startswith("1 -> ") and one.endswith("]")]
        found = pd.DataFrame({"difference": fit.params[names], "std_error": fit.bse[names]})
        reach = stats.norm.isf(level(alpha) / 2) * found["std_error"]
        found["low"], found["high"] = found["difference"] - reach, found["difference"] + reach
        return found.rename(index=lambda name: name.removeprefix("1 -> ")).rename_axis("factor")

    def __repr__(self) -> str:
        return self.table.round(3).to_string()

    def _repr_html_(self) -> str:
        groups = list(next(iter(self.fits.values())).model.moments)
        notes = ["A fall of CFI by more than .01 is often read as a step that does not hold."]
        facts = {"groups": ", ".join(groups)}
        return render(
            "results.html", title="Measurement invariance", table=self.table, facts=facts, notes=notes
        )
