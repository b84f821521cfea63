"""The buying centre of one firm as a figure that a manager can read."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crmlab import plot
from crmlab._tables import require_columns, unknown
from crmlab.network.buying import TELLING, pair


def plot_buying_centre(
    signs: Any,
    roles: Any,
    firm: Any,
    telling: Mapping[str, str | Sequence[str]] = TELLING,
    names: Any = None,
    sure: float = 0.8,
    ax: Axes | None = None,
) -> Axes:
    """Draw the people of one firm about us: what each writes as arrows, the roles by shape and in words.

    Parameters
    ----------
    signs, roles : DataFrame
        As of :func:`buying_signs` and :func:`buying_roles`.
    firm : id
        Which firm.
    telling : mapping
        As for :func:`buying_roles`: which signs speak for a role. Up to six roles.
    names : Series or mapping, optional
        What to write beside each person; the id, where there is none.
    sure : float
        From which certainty on a role is written.
    ax : Axes, optional

    Returns
    -------
    Axes
        From each person an arrow for each role for which the signs of that person speak, the wider the more
        messages; a dotted ring about who has no role of which we are sure.

    Raises
    ------
    ValueError
        If the firm or a sign is not there, or there are more than six roles.

    Examples
    --------
    >>> index = pd.MultiIndex.from_tuples([(1, 7), (1, 8)], names=["customer_id", "person_id"])
    >>> signs = pd.DataFrame({"writes need": [3, 0], "is written to": [1, 0]}, index=index)
    >>> rates = pd.DataFrame({"rate": [0.9]}, index=pd.MultiIndex.from_tuples([("initiator", "writes need")]))
    >>> from crmlab.network import buying_roles
    >>> found = buying_roles(signs, rates, {"initiator": "writes need"})
    >>> [text.get_text() for text in plot_buying_centre(signs, found, 1, names={7: "Lin"}).texts if
    ...  text.get_text()]
    ['we', 'Lin\\ninitiator > 99 %', '8\\nno role known']
    """
    signs, roles = pair(signs, roles, sure)
    firms = signs.index.get_level_values(0)
    if firm not in firms:
        raise ValueError(unknown("firm", firm, map(str, firms.unique()[:20])))
    held, said = signs.loc[firm], roles["certainty"].loc[firm].unstack()
    called = dict({} if names is None else pd.Series(names))
    told_by = {role: [one] if isinstance(one, str) else list(one) for role, one in dict(telling).items()}
    told_by = {role: several for role, several in told_by.items() if role in said}
    if len(told_by) > len(plot.PALETTE):
        raise ValueError(f"A figure shows {len(plot.PALETTE)} roles at most; leave some out of telling.")
    require_columns(signs.columns, [sign for several in told_by.values() for sign in several])
    acts = pd.DataFrame({role: held[several].sum(axis=1) for role, several in told_by.items()})
    ax = plot.axes(ax, figsize=(9, 5.6))
    angle = np.pi / 2 - 2 * np.pi * (np.arange(len(held)) + 0.5) / len(held)
    at = pd.DataFrame({"x": 1.25 * np.cos(angle), "y": np.sin(angle)}, index=held.index)
    most = max(acts.to_numpy().max(initial=0), 1)
    looks = dict(zip(told_by, zip(plot.PALETTE, plot.LINES, plot.MARKERS, strict=True), strict=False))
    for bend, (role, several) in enumerate(told_by.items()):
        colour, line, marker = looks[role]
        ax.plot(
            [], [], color=colour, ls=line, marker=marker, label=plot.label(f"{role}: {', '.join(several)}")
        )
        for who in held.index[acts[role] > 0]:
            arrow = {"arrowstyle": "-|>", "color": colour, "ls": line, "shrinkA": 14, "shrinkB": 18}
            arrow |= {"lw": 0.6 + 4 * np.sqrt(acts.at[who, role] / most)}
            arrow["connectionstyle"] = f"arc3,rad={0.16 * (bend - 2):.2f}"
            ax.annotate("", (0, 0), tuple(at.loc[who]), arrowprops=arrow)
    box = {"boxstyle": "circle,pad=0.6", "fc": plot.INK}
    ax.text(0, 0, plot.label("we"), color="white", ha="center", va="center", zorder=5, bbox=box)
    told = []
    for who in held.index:
        sure_of = said.loc[who][said.loc[who] >= sure].sort_values(ascending=False, kind="stable")
        colour, _, marker = looks[sure_of.index[0]] if len(sure_of) else ("white", "", "o")
        ring = ":" if sure_of.empty else "-"
        x, y = at.loc[who]
        ax.scatter(x, y, s=300, c=colour, marker=marker, edgecolor=plot.INK, ls=ring, zorder=6)
        sure_as = ["> 99 %" if value > 0.99 else f"{100 * value:.0f} %" for value in sure_of]
        lines = [f"{role} {value}" for role, value in zip(sure_of.index, sure_as, strict=True)]
        text = "\n".join([str(called.get(who, who)), *(lines or [plot.label("no role known")])])
        side = "left" if at.at[who, "x"] > 0.05 else "right" if at.at[who, "x"] < -0.05 else "center"
        x, y = at.loc[who] * (1.15 if side != "center" else 1.3)
        ax.text(x, y, text, ha=side, va="center", fontsize=9, zorder=6)
        told.append(text.replace("\n", ", "))
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0), ncol=3, frameon=False, fontsize=8)
    ax.set(xlim=(-2.6, 2.6), ylim=(-1.35, 1.35))
    ax.set_axis_off()
    return plot.describe(ax, f"{plot.label('Buying centre')}: {'; '.join(told)}.")
