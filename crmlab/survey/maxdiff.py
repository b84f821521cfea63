"""Best and worst of a few: what matters most, by counts and by logit."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import softmax

from crmlab._intervals import deviations
from crmlab._tables import as_pandas, refuse, require_columns, unknown
from crmlab.survey._choices import column_list
from crmlab.survey.choice import ConditionalLogit
from crmlab.survey.offers import ChoiceResults


class MaxDiffResults(ChoiceResults):
    """Results of :class:`MaxDiff`: coefficients of the items, each compared with that of the reference."""

    def worths(self, alpha: float = 0.05) -> pd.DataFrame:
        """Return what each item is worth compared with the average item.

        Parameters
        ----------
        alpha : float
            One minus the level of the intervals.

        Returns
        -------
        DataFrame
            A row for each item, the reference included: ``worth`` (its mean over the items is 0), ``low``,
            ``high``, and ``share``, in how many of all tasks with all items it would be the best.
        """
        names = [self.model.reference, *self.params.index]
        worth = np.append(0.0, self.params.to_numpy())
        covariance = np.pad(self.cov_params().to_numpy(), [(1, 0), (1, 0)])
        centre = np.eye(len(worth)) - 1 / len(worth)
        half = deviations(alpha) * np.sqrt(np.diag(centre @ covariance @ centre))
        middle, index = centre @ worth, pd.Index(names, name=self.model.item)
        found = {"worth": middle, "low": middle - half, "high": middle + half, "share": softmax(worth)}
        return pd.DataFrame(found, index)


class MaxDiff(ConditionalLogit):
    """Best–worst choices: of a few items shown, which matters most, and which of the others least.

    By :meth:`counts`, and by :meth:`fit`, a conditional logit: the best of a task is taken in proportion to
    exp(worth), the worst of the others in proportion to exp(−worth).

    Parameters
    ----------
    data : DataFrame
        A row for each item of each task; of any table engine. A task in which neither best nor worst is
        answered does not count.
    task : str or list of str
        Column, or columns together, that name a task: ``["customer_id", "task"]``.
    item : str
        Column with the name of the item; no item may stand twice in a task.
    best, worst : str
        Columns that say which item was named best, and which worst: True and False, or 1 and 0.
    respondent : str, optional
        Column that says whose answers they are: intervals then allow for the likeness of the answers of one.
    reference : optional
        The item whose worth is 0 in the coefficients; the first in the alphabet by default.

    Raises
    ------
    ValueError
        A task without exactly one best and one worst, of fewer than three items, or with one item as both.

    References
    ----------
    Louviere, J. J., Flynn, T. N. & Marley, A. A. J. (2015). Best–Worst Scaling: Theory, Methods and
    Applications. Cambridge University Press. https://doi.org/10.1017/CBO9781107337855

    Examples
    --------
    >>> data = pd.DataFrame({"task": [1, 1, 1, 2, 2, 2, 3, 3, 3], "item": ["lid", "app", "gift"] * 3,
    ...     "best": [1, 0, 0, 1, 0, 0, 0, 0, 1], "worst": [0, 1, 0, 0, 0, 1, 0, 1, 0]})
    >>> MaxDiff(data, "task", "item", "best", "worst").counts()["score"].round(2).to_dict()
    {'app': -0.67, 'gift': 0.0, 'lid': 0.67}
    """

    title = "Best–worst logit"
    results_class = MaxDiffResults

    def __init__(
        self,
        data: Any,
        task: Any,
        item: str,
        best: str,
        worst: str,
        respondent: str | None = None,
        reference: Any = None,
    ) -> None:
        table, tasks = as_pandas(data), column_list(task, "task")
        self.item, self._whose = item, respondent
        named = [*tasks, item, *([] if respondent is None else [respondent])]
        require_columns(table.columns, [*named, best, worst])
        by = [table[one] for one in tasks]
        table = table[table[[best, worst]].notna().groupby(by, dropna=False).transform("any").all(axis=1)]
        for column in (best, worst):
            wrong = ~table[column].isin([0, 1]).to_numpy()
            refuse(table, wrong, f"a {column!r} that is not True or False, 1 or 0, in a task that has one")
        if table.empty:
            raise ValueError(f"There is not a single task with a {best!r} and a {worst!r}.")
        for column in named:
            refuse(table, table[column].isna().to_numpy(), f"no {column!r}")
        again = table.duplicated([*tasks, item]).to_numpy()
        refuse(table, again, f"an {item!r} that stands in its task already")
        took, left = (table[column].to_numpy(bool) for column in (best, worst))
        refuse(table, took & left, f"an {item!r} that is {best!r} and {worst!r} at once")
        by_task = table[[best, worst]].astype(int).groupby([table[one] for one in tasks])
        wrong = (by_task.transform("sum") != 1).any(axis=1).to_numpy()
        refuse(table, wrong, f"a task without exactly one {best!r} and one {worst!r}")
        few = (by_task[best].transform("size") < 3).to_numpy()
        refuse(table, few, "a task of fewer than three items, where the best leaves nothing to choose")
        items = sorted(table[item].unique().tolist(), key=str)
        if reference is not None and reference not in items:
            raise ValueError(unknown("item", reference, map(str, items)))
        self.reference = items[0] if reference is None else reference
        others = [one for one in items if one != self.reference]
        self._answers = pd.DataFrame({"item": table[item].astype(object), "best": took, "worst": left})
        self._answers["whose"] = 0 if respondent is None else table[respondent]
        shown = pd.DataFrame(
            (table[item].to_numpy()[:, None] == np.array(others, object)).astype(float), columns=others
        )
        keys = table[tasks].set_axis([("task", one) for one in tasks], axis=1).reset_index(drop=True)
        shown = pd.concat([shown, keys], axis=1)
        # in brackets, so that no item has such a name
        shown[("whose",)] = self._answers["whose"].to_numpy()
        shown[("answer",)], shown[("named",)] = 0, took
        # the worst is taken among the items that are not the best, and less worth makes it likelier
        of_worst = shown[~took].copy()
        of_worst[others] = -of_worst[others]
        of_worst[("answer",)], of_worst[("named",)] = 1, left[~took]
        super().__init__(
            pd.concat([shown, of_worst], ignore_index=True),
            [*keys.columns, ("answer",)],
            ("named",),  # type: ignore[arg-type]
            others,
            cluster=None if respondent is None else ("whose",),  # type: ignore[arg-type]
        )

    def counts(self, alpha: float = 0.05) -> pd.DataFrame:
        """Return how often each item was best less how often worst, of the times that it was shown.

        Parameters
        ----------
        alpha : float
            One minus the level of the intervals.

        Returns
        -------
        DataFrame
            A row for each item: ``shown``, ``best``, ``worst``, ``score`` = (best − worst) / shown, between
            −1 and 1, with ``low`` and ``high``. The interval is that of a ratio of sums over respondents
            (over single answers without `respondent`).
        """
        answers = self._answers.assign(shown=1, net=self._answers["best"] * 1 - self._answers["worst"])
        found = answers.groupby("item")[["shown", "best", "worst"]].sum().rename_axis(self.item)
        found["score"] = (found["best"] - found["worst"]) / found["shown"]
        sums = answers.assign(off=answers["net"] - answers["item"].map(found["score"]).astype(float))
        if self._whose is not None:
            sums = sums.groupby(["item", "whose"], as_index=False, observed=True)["off"].sum()
        size = sums.groupby("item")["off"].size()
        spread = (sums["off"] ** 2).groupby(sums["item"]).sum() * size / (size - 1)
        # who alone says how items stand says nothing of others: what is left are rounding errors
        half = deviations(alpha) * np.sqrt(spread.where(size > 1)) / found["shown"]
        return found.assign(low=found["score"] - half, high=found["score"] + half)
