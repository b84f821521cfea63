"""A questionnaire read from its item table: answers checked, reversed items found and turned, scores."""

import re
import warnings
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd

from crmlab._html import Sheet
from crmlab._tables import as_pandas, require_columns
from crmlab.survey._answers import answers, look

_WORDS = {"yes": True, "no": False, "true": True, "false": False, "1": True, "0": False, "": False}
_AGAINST = -0.1  # an item that goes along with the others less than this runs against them


class ReversalWarning(UserWarning):
    """An item runs against the others of its construct."""


class Questionnaire:
    """The item table of a questionnaire, and what it says about a table of answers.

    Parameters
    ----------
    questions : table
        One row per item, of any engine. Rows whose scale has no two numbers (free text, categories) are
        left out.
    item, construct, scale : str
        Columns with the name of the item in the answers, what it is meant to measure, and its scale: a text
        that begins with the lowest answer and names the highest last ("1 very low, 10 very high", "1 to 7").
    reversed : str
        Column that says whether a high answer means little of the construct: True, "yes", 1; a questionnaire
        without it is taken to have no such items.

    Attributes
    ----------
    items : DataFrame
        Index ``item``; columns ``construct``, ``lowest``, ``highest``, ``reversed``.

    Raises
    ------
    ValueError
        A column or a name is missing, an item stands there twice, no item has a scale of numbers, or it is
        not said clearly whether an item is reversed.

    Examples
    --------
    >>> questions = pd.DataFrame({
    ...     "item": ["like_1", "like_2", "like_3"], "construct": "liking", "scale": "1 no, 5 yes",
    ...     "reversed": ["no", "no", "yes"],
    ... })
    >>> Questionnaire(questions).items
           construct  lowest  highest  reversed
    item
    like_1    liking     1.0      5.0     False
    like_2    liking     1.0      5.0     False
    like_3    liking     1.0      5.0      True
    """

    def __init__(
        self,
        questions: Any,
        item: str = "item",
        construct: str = "construct",
        scale: str = "scale",
        reversed: str = "reversed",
    ):
        table = as_pandas(questions)
        require_columns(table.columns, [item, construct, scale])
        ends = [re.findall(r"(?<![\w.])[-−]?\d+(?:\.\d+)?", str(text)) for text in table[scale]]
        scored = np.array([len(found) > 1 for found in ends], bool)
        if not scored.any():
            raise ValueError(
                f"No row of {scale!r} names a lowest and a highest answer. Write '1 not at all, "
                f"10 completely' or '1 to 10'; the first rows say {table[scale].head(2).tolist()}."
            )
        names = table.loc[scored, item]
        if names.isna().any() or table.loc[scored, construct].isna().any():
            raise ValueError(f"A row of the questionnaire has no {item!r} or no {construct!r}: name it.")
        if (again := names[names.duplicated()].unique()).size:
            raise ValueError(
                f"The item {again[0]!r} stands in the questionnaire {(names == again[0]).sum()} times. If "
                "these are versions or tables, keep one: questions[questions['version'] == 'a']."
            )
        kept = [[float(one.replace("−", "-")) for one in found] for found in ends if len(found) > 1]
        self.items = pd.DataFrame(
            {
                "construct": table.loc[scored, construct].to_numpy(),
                "lowest": [found[0] for found in kept],
                "highest": [found[-1] for found in kept],
                "reversed": _flags(table.loc[scored, reversed]) if reversed in table else False,
            },
            index=pd.Index(names.astype(str), name="item"),
        )
        wrong = self.items.index[self.items["lowest"] >= self.items["highest"]]
        if len(wrong):
            raise ValueError(f"The scale of {wrong[0]!r} does not run from low to high: read as {kept[0]}.")

    def __repr__(self) -> str:
        return f"<Questionnaire: {len(self.items)} items, {self.items['construct'].nunique()} constructs>"

    def of(self, *constructs: str) -> list[str]:
        """Return the items of these constructs, in the order in which they are asked.

        Raises
        ------
        ValueError
            The questionnaire has no such construct.
        """
        for one in constructs:
            look(one, list(self.items["construct"].unique()), "construct")
        return self.items.index[self.items["construct"].isin(constructs)].tolist()

    def answers(self, table: Any, items: Sequence[str] | None = None, missing: Any = ()) -> pd.DataFrame:
        """Return the checked answers to the items as floats, as they were given: nothing is turned.

        Parameters
        ----------
        table : table
            One row per respondent, a column per item; other columns are passed over.
        items : sequence of str, optional
            Some of the items only.
        missing : number or sequence of numbers
            Codes that stand for "no answer" in these data, such as -99.

        Raises
        ------
        ValueError
            An item is not among the columns or is there twice, an answer is a text, is infinite or lies
            outside the scale, nobody answered an item, or there is no respondent.
        """
        frame = as_pandas(table)
        wanted = list(self.items.index) if items is None else list(items)
        self._known(wanted, frame)
        scales = self.items.loc[wanted, ["lowest", "highest"]]
        return answers(frame, wanted, scales.to_numpy(), missing=np.atleast_1d(np.asarray(missing, float)))

    def _known(self, wanted: list[str], frame: pd.DataFrame) -> None:
        for name in wanted:
            look(name, list(self.items.index), "item of the questionnaire")
        absent = [name for name in wanted if name not in frame.columns]
        if absent:
            spare = {str(name).lower(): name for name in frame.columns if name not in self.items.index}
            near = get_close_matches(absent[0].lower(), spare, n=1)
            hint = f" Is {absent[0]!r} the column {spare[near[0]]!r}? Rename it." if near else ""
            raise ValueError(
                f"{len(absent)} of {len(wanted)} items of the questionnaire are no columns of the answers: "
                f"{', '.join(absent[:5])}.{hint} To leave items out, name the others: items=[...]."
            )

    def turned(
        self, table: Any, items: Sequence[str] | None = None, missing: Any = (), also: Sequence[str] = ()
    ) -> pd.DataFrame:
        """Return the answers with all reversed items turned, so that high means much of the construct.

        A turned answer is lowest + highest − answer. An item that still runs against the others of its
        construct is named in a warning: either its reversal was forgotten in the questionnaire, or it had
        been turned before.

        Parameters
        ----------
        table, items, missing
            As in :meth:`answers`.
        also : sequence of str
            Items to be turned although the questionnaire does not say so (or, if it does, not to be turned).

        Warns
        -----
        ReversalWarning
            Where an item runs against the others.

        Raises
        ------
        ValueError
            As :meth:`answers`, or `also` names no item.

        Examples
        --------
        >>> answers = pd.DataFrame({"like_1": [1, 3, 5, 4], "like_2": [2, 3, 5, 5], "like_3": [5, 3, 1, 2]})
        >>> questions = pd.DataFrame({"item": answers.columns, "construct": "liking", "scale": "1 no, 5 yes"})
        >>> Questionnaire(questions).turned(answers, also=["like_3"])["like_3"].tolist()
        [1.0, 3.0, 5.0, 4.0]
        """
        given = self.answers(table, items, missing)
        turned = self._turn(given, also)
        against = self.against(turned)
        if len(against):
            told = "; ".join(f"{name} ({value:.2f})" for name, value in against.items())
            flipped = self._flips(given, also)[against.index]
            what = (
                "is turned, and"
                if flipped.all()
                else "is not called reversed, but"
                if not flipped.any()
                else ""
            )
            warnings.warn(
                f"{told} {what} runs against the other items of its construct (in brackets: correlation with "
                f"their mean). Read its wording; to turn it the other way: also={list(against.index)}.",
                ReversalWarning,
                stacklevel=2,
            )
        return turned

    def _flips(self, given: pd.DataFrame, also: Sequence[str]) -> pd.Series:
        for name in also:
            look(name, list(given.columns), "item to turn, also=,")
        called = self.items.loc[list(given.columns), "reversed"].astype(bool)
        return called ^ called.index.isin(list(also))

    def _turn(self, given: pd.DataFrame, also: Sequence[str]) -> pd.DataFrame:
        flips = self._flips(given, also)
        names = flips.index[flips]
        ends = self.items.loc[names, ["lowest", "highest"]].sum(axis=1)
        return given.assign(**(ends - given[names]))

    def against(self, turned: pd.DataFrame) -> pd.Series:
        """Return the items that run against the others of their construct: correlation with their mean.

        Of two items that disagree neither is in the right, so a construct needs three. Which side an item is
        on tells the sign of its weight in the first principal component of the construct; the fewer are
        against. Only what is below −.1, and below what chance would give (−2/√n), counts.

        Parameters
        ----------
        turned : DataFrame
            As from :meth:`turned`.
        """
        found: dict[str, float] = {}
        for _, names in self.items.loc[list(turned.columns)].groupby("construct", sort=False).groups.items():
            varying = [name for name in names if turned[name].nunique() > 1]
            if len(varying) < 3 or len(turned) < 4:
                continue
            together = turned[varying].corr().fillna(0).to_numpy()
            weight = np.linalg.eigh(together)[1][:, -1]
            minority = weight < 0 if (weight < 0).sum() * 2 < len(weight) else weight > 0
            if minority.sum() * 2 >= len(weight):
                continue
            rest = turned[[name for name, no in zip(varying, minority, strict=True) if not no]].mean(axis=1)
            for name in (name for name, no in zip(varying, minority, strict=True) if no):
                both = turned[name].corr(rest)
                if both < min(_AGAINST, -2 / np.sqrt(turned[name].count())):
                    found[name] = float(both)
        return pd.Series(found, name="correlation", dtype=float).rename_axis("item")

    def table(self, table: Any, items: Sequence[str] | None = None, missing: Any = ()) -> pd.DataFrame:
        """Return the item table: what every item's answers look like, before any scale is made of them.

        Returns
        -------
        DataFrame
            Index ``item``; ``construct``, ``reversed``, ``answered`` (number), ``missing`` (share), ``mean``
            and ``sd`` as answered, ``item_rest``: the correlation of the item, turned if the questionnaire
            says so, with the mean of the other items of its construct. Missing where it has no others or all
            answers are the same. Below 0: was a reversal forgotten?

        Raises
        ------
        ValueError
            As :meth:`answers`.

        Examples
        --------
        >>> answers = pd.DataFrame({"like_1": [1, 3, 5, 4], "like_2": [2, 4, 5, 5], "like_3": [2, 3, 5, 3]})
        >>> questions = pd.DataFrame({"item": answers.columns, "construct": "liking", "scale": "1 no, 5 yes"})
        >>> Questionnaire(questions).table(answers)["item_rest"].round(2).tolist()
        [1.0, 0.9, 0.83]
        """
        given = self.answers(table, items, missing)
        turned, about = self._turn(given, ()), self.items.loc[list(given.columns)]
        rest = {}
        for name in turned:
            same = about.index[(about["construct"] == about.loc[name, "construct"]) & (about.index != name)]
            varies = len(same) and turned[name].nunique() > 1
            rest[name] = turned[name].corr(turned[same].mean(axis=1)) if varies else np.nan
        return Sheet(
            about[["construct", "reversed"]].assign(
                answered=given.count(),
                missing=given.isna().mean(),
                mean=given.mean(),
                sd=given.std(),
                item_rest=pd.Series(rest),
            )
        )

    def scores(self, turned: pd.DataFrame, at_least: float = 0.5) -> pd.DataFrame:
        """Return each respondent's score per construct: the mean of the items that were answered.

        Parameters
        ----------
        turned : DataFrame
            As from :meth:`turned`.
        at_least : float
            Share of a construct's items that must have been answered; otherwise the score is missing.

        Raises
        ------
        ValueError
            `at_least` is no share, or a column is no item.
        """
        if not 0 < at_least <= 1:
            raise ValueError(f"at_least is a share of the items, above 0 and at most 1; got {at_least!r}.")
        for name in turned.columns:
            look(name, list(self.items.index), "item of the questionnaire")
        groups = self.items.loc[list(turned.columns)].groupby("construct", sort=False).groups
        return pd.DataFrame(
            {
                name: turned[list(items)]
                .mean(axis=1)
                .where(turned[list(items)].notna().mean(axis=1) >= at_least)
                for name, items in groups.items()
            }
        )


def _flags(column: pd.Series) -> np.ndarray:
    words = column.map(lambda one: str(one).strip().lower().removesuffix(".0"))
    if (strange := ~words.isin(_WORDS)).any():
        raise ValueError(
            f"The column {column.name!r} says whether an item is reversed: yes or no, True or False, 1 or 0. "
            f"Row {column.index[strange][0]!r} says {column[strange].iloc[0]!r}."
        )
    return words.map(_WORDS).to_numpy(bool)
