"""Static covariates: what a customer is, and how much faster or slower such customers buy and leave."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from crmlab._results import Derivatives

Array = np.ndarray


class Effects:
    """Which parameter each covariate multiplies, by e^(± effect · value).

    Parameters
    ----------
    purchase, dropout : names of columns
    acts_on : pair of (place of the parameter, sign of the effect)
        For purchases and for drop-out.
    """

    def __init__(
        self,
        purchase: str | Iterable[str] | None,
        dropout: str | Iterable[str] | None,
        acts_on: tuple[tuple[int, float], ...],
    ):
        lists = [[one] if isinstance(one, str) else list(one or []) for one in (purchase, dropout)]
        pairs = [(kind, name) for kind, some in enumerate(lists) for name in some]
        self.names = [f"{('purchase', 'dropout')[kind]}: {name}" for kind, name in pairs]
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"A covariate is named twice: {', '.join(self.names)}.")
        self.columns = list(dict.fromkeys(name for _, name in pairs))
        # for each effect: its column among those read, the parameter it multiplies, and the sign
        self.terms = [(self.columns.index(name), *acts_on[kind]) for kind, name in pairs]

    def own(self, params: Array, z: list[Array]) -> list[Any]:
        """Return the four parameters of each customer: numbers, or arrays where covariates are at work."""
        own: list[Any] = list(params[:4])
        for effect, (column, place, sign) in zip(params[4:], self.terms, strict=True):
            own[place] = own[place] * np.exp(sign * effect * z[column])
        return own

    def chain(self, params: Array, own: list[Any], z: list[Array], one: Any, n: Array) -> Derivatives:
        """Return sums over customers of their derivatives (4; 4, 4) in the parameters and effects."""
        value, gradient, hessian = one
        size = len(params)
        # d log(own parameter) / d (parameter or effect)
        rates = np.zeros((4, size, len(n)))
        for place in range(4):
            rates[place, place] = 1 / params[place]
        for effect, (column, place, sign) in enumerate(self.terms, start=4):
            rates[place, effect] = sign * z[column]
        scale = np.array([np.broadcast_to(param, n.shape) for param in own])
        first, second = gradient * scale * n, hessian * scale[:, None] * scale * n
        total = np.einsum("kpi,lqi,kli->pq", rates, rates, second, optimize=True)
        total += np.einsum("kpi,kqi,ki->pq", rates, rates, first, optimize=True)
        slope = np.einsum("kpi,ki->p", rates, first)
        # a parameter itself is no exponential: its own second derivative is 0
        total[range(4), range(4)] -= slope[:4] / params[:4]
        return float(np.einsum("i,i", value, n)), slope, total


def part(params: Any, rows: Any) -> list[Any]:
    """Return the parameters of some customers."""
    return [param if np.ndim(param) == 0 else param[rows] for param in params]
