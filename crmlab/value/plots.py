"""The pictures of a buy-till-you-die model, methods of its results."""

from typing import Any

from matplotlib.axes import Axes

from crmlab import plot


class DrawnResults:
    """The part of :class:`crmlab.value.PurchaseResults` that draws: each picture one of its tables."""

    def plot_frequencies(self: Any, ax: Axes | None = None, groups: int = 8) -> Axes:
        """Draw customers by number of repeat purchases, actual beside expected.

        Parameters
        ----------
        ax : Axes, optional
        groups : int
            As in :meth:`frequency_table`.

        Returns
        -------
        Axes

        Examples
        --------
        >>> from crmlab import datasets, value
        >>> summary = value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30")
        >>> value.BetaGeoNBD(summary).fit().plot_frequencies().get_ylabel()
        'customers'
        """
        table = self.frequency_table(groups)
        ax = plot.axes(ax)
        names = {name: plot.label(name) for name in table.columns}
        colours = [plot.ACTUAL, plot.MODEL]
        plot.hatch(table.rename(columns=names).plot.bar(ax=ax, rot=0, width=0.8, color=colours))
        ax.grid(axis="x", visible=False)
        return plot.annotate(ax, "How often did customers come back?", "repeat purchases", "customers")

    def plot_tracking(
        self: Any,
        transactions: Any,
        calibration_end: Any,
        cumulative: bool = True,
        ax: Axes | None = None,
        **columns: Any,
    ) -> Axes:
        """Draw repeat purchases over time, actual and expected; the hold-out is shaded.

        Parameters
        ----------
        transactions, calibration_end
            As in :meth:`tracking_table`.
        cumulative : bool
            The running total, or the purchases of each period.
        ax : Axes, optional
        **columns
            Whatever else :meth:`tracking_table` takes: ``customer, date, period, observation_end``.

        Returns
        -------
        Axes

        Examples
        --------
        >>> from crmlab import datasets, value
        >>> log = datasets.load("cdnow_sample")
        >>> fit = value.BetaGeoNBD(value.btyd_summary(log, calibration_end="1997-09-30")).fit()
        >>> fit.plot_tracking(log, "1997-09-30").get_xlabel()
        'period'
        """
        table = self.tracking_table(transactions, calibration_end, **columns)
        ax = plot.axes(ax)
        head = "cumulative_" if cumulative else ""
        expected = table[f"{head}expected"]
        ax.plot(table.index, table[f"{head}actual"], color=plot.ACTUAL, label=plot.label("actual"))
        ax.plot(table.index, expected, color=plot.MODEL, ls="--", label=plot.label("expected"))
        if table["holdout"].any():
            begin = table.index[table["holdout"]][0] - 1
            ax.axvspan(begin, table.index[-1], color=plot.QUIET, alpha=0.2, lw=0)
            ax.axvline(begin, color=plot.INK, ls=":", label=plot.label("hold-out begins"))
        ax.margins(x=0)
        ax.set_ylim(bottom=0)
        ax.legend()
        title = "Repeat purchases so far" if cumulative else "Repeat purchases in each period"
        return plot.annotate(ax, title, "period", "repeat purchases")

    def plot_holdout(self: Any, ax: Axes | None = None, groups: int = 8) -> Axes:
        """Draw mean purchases in the hold-out against purchases in calibration, actual and predicted.

        Parameters
        ----------
        ax : Axes, optional
        groups : int
            As in :meth:`holdout_table`.

        Returns
        -------
        Axes

        Examples
        --------
        >>> from crmlab import datasets, value
        >>> summary = value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30")
        >>> value.BetaGeoNBD(summary).fit().plot_holdout().get_xlabel()
        'repeat purchases in calibration'
        """
        table = self.holdout_table(groups)
        ax = plot.axes(ax)
        groups_of = table.index.astype(str)
        ax.plot(groups_of, table["actual"], "o-", color=plot.ACTUAL, label=plot.label("actual"))
        ax.plot(groups_of, table["predicted"], "s--", color=plot.MODEL, label=plot.label("predicted"))
        ax.set_ylim(bottom=0)
        ax.legend()
        x, y = "repeat purchases in calibration", "mean purchases in the hold-out"
        return plot.annotate(ax, "What came, and what was foretold", x, y)

    def plot_matrix(
        self: Any,
        T: float,
        t: float | None = None,
        ax: Axes | None = None,
        frequencies: int = 15,
        recencies: int = 20,
    ) -> Axes:
        """Draw a frequency × recency matrix as a heat map; the most recent buyers stand at the top.

        Parameters
        ----------
        T, t, frequencies, recencies
            As in :meth:`customer_matrix`.
        ax : Axes, optional

        Returns
        -------
        Axes

        Examples
        --------
        >>> from crmlab import datasets, value
        >>> summary = value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30")
        >>> value.BetaGeoNBD(summary).fit().plot_matrix(T=39).get_title(loc="left")
        'Probability of being a customer'
        """
        matrix = self.customer_matrix(T, t, frequencies, recencies)
        ax = plot.axes(ax)
        decimals = 0 if matrix.index.max() >= len(matrix) / 2 else 2
        shown = matrix.iloc[::-1].rename(index=lambda recency: f"{recency:.{decimals}f}")
        plot.heatmap(shown, ax, cmap="mako", vmin=0, cbar_kws={"pad": 0.02})
        ax.tick_params(axis="y", rotation=0)
        title = "Probability of being a customer" if t is None else f"Purchases to expect in the next {t:g}"
        return plot.annotate(ax, title, "repeat purchases", "age at the last purchase")
