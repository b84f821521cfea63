"""The moments that a measurement model implies, and what the likelihood says about its parameters.

Items and factors are the variables of one system v = A v + u, with cov(u) = S and mean M (McArdle and
McDonald, 1984, British Journal of Mathematical and Statistical Psychology 37(2), 234–251): an effect is an
entry of A, a variance or covariance one of S. Each derivative of the implied covariance matrix is then a
product of two vectors, and gradient and information need small products only.
"""

from dataclasses import dataclass, field

import numpy as np

from crmlab._search import Derivatives

EFFECT, COVARIANCE, MEAN = 0, 1, 2


@dataclass
class Moments:
    """What was answered in one group: its size, the answers less their mean, mean and covariance (over n)."""

    nobs: int
    centred: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> "Moments":
        mean = values.mean(axis=0)
        centred = values - mean
        return cls(len(values), centred, mean, centred.T @ centred / len(values))

    def saturated(self) -> float:
        """Return the log-likelihood of a model that fits mean and covariance exactly."""
        items = len(self.mean)
        return -self.nobs / 2 * (items * np.log(2 * np.pi) + np.linalg.slogdet(self.covariance)[1] + items)


@dataclass
class Layout:
    """Where the parameters of one group stand: number of the parameter, kind of its matrix, row, column."""

    items: int
    variables: int
    which: list[int] = field(default_factory=list)
    kind: list[int] = field(default_factory=list)
    row: list[int] = field(default_factory=list)
    column: list[int] = field(default_factory=list)
    fixed: list[tuple[int, int]] = field(default_factory=list)  # loadings of 1

    def add(self, which: int, kind: int, row: int, column: int = 0) -> None:
        self.which.append(which)
        self.kind.append(kind)
        self.row.append(row)
        self.column.append(column)

    def seal(self) -> None:
        """Turn the lists into arrays, once nothing more is added."""
        which, kind, row, column = map(np.array, (self.which, self.kind, self.row, self.column))
        self.places = (which, kind, row, column)
        self.of_kind = [
            (row[kind == one], column[kind == one], which[kind == one]) for one in (EFFECT, COVARIANCE, MEAN)
        ]
        self.effect, pair, self.free = ((kind == one).astype(float) for one in (EFFECT, COVARIANCE, MEAN))
        self.moved, self.once = pair + self.effect, pair * np.where(row == column, 0.5, 1.0)
        self.same = np.eye(self.variables)
        self.units = np.zeros_like(self.same)
        for i, j in self.fixed:
            self.units[i, j] = 1.0
        self.nested = bool((self.of_kind[EFFECT][0] >= self.items).any())  # factors that act on factors

    def system(self, params: np.ndarray) -> "System":
        effects, covariances, means = self.units.copy(), np.zeros_like(self.units), np.zeros(self.variables)
        (i, j, loading), (one, other, pair), (at, _, mean) = self.of_kind
        effects[i, j] = params[loading]
        covariances[one, other] = covariances[other, one] = params[pair]
        means[at] = params[mean]
        total = np.linalg.inv(self.same - effects) if self.nested else self.same + effects
        return System(self, total, total @ covariances @ total.T, total @ means, covariances)


@dataclass
class System:
    """One group's model at given parameters: total effects, moments of all variables, those of the rest."""

    layout: Layout
    total: np.ndarray
    covariance: np.ndarray
    mean: np.ndarray
    rest: np.ndarray

    @property
    def implied(self) -> np.ndarray:
        return self.covariance[: self.layout.items, : self.layout.items]

    def vectors(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return l, r and d of each place: its change moves the covariance by lr' + rl', the mean by ld."""
        layout, p = self.layout, self.layout.items
        _, _, row, column = layout.places
        left = self.total[:p, row].T
        right = layout.effect[:, None] * self.covariance[column, :p]
        right += layout.once[:, None] * self.total[:p, column].T
        return left, right, layout.effect * self.mean[column] + layout.free

    def likelihood(self, data: Moments, means: bool, exact: bool = False) -> Derivatives:
        """Return log-likelihood, gradient and Hessian, place by place.

        The Hessian is less the expected information, or with `exact` that of the answers at hand.
        """
        p, n = self.layout.items, data.nobs
        places, implied, seen = len(self.layout.once), self.implied, data.covariance
        try:
            root = np.linalg.cholesky(implied)
        except np.linalg.LinAlgError:
            return -np.inf, np.zeros(places), -np.eye(places)
        weight, (left, right, size) = np.linalg.inv(implied), self.vectors()
        if means:
            gap, shift = data.mean - self.mean[:p], left * size[:, None]
            seen = seen + np.outer(gap, gap)
        value = -n / 2 * (p * np.log(2 * np.pi) + (weight * seen).sum())
        value -= n * np.log(root.diagonal()).sum()
        pull = weight @ (seen - implied) @ weight
        lw, rw, lp = left @ weight, right @ weight, left @ pull
        gradient = n * (lp * right).sum(axis=1)
        ll, lr, rr = lw @ left.T, lw @ right.T, rw @ right.T
        information = n * (lr * lr.T + ll * rr)
        if means:
            push = weight @ gap
            gradient += n * shift @ push
            information += n * shift @ weight @ shift.T
        if not exact:
            return float(value), gradient, -information
        llq, lrq, rrq = lp @ left.T, lp @ right.T, right @ pull @ right.T
        curved = lr.T * lrq + ll * rrq + rr * llq + lr * lrq.T
        if means:
            both = (lw @ shift.T) * (right @ push)[:, None] + (rw @ shift.T) * (left @ push)[:, None]
            curved += both + both.T
        curved -= self._second(llq, lrq, np.outer(left @ push, size) if means else None)
        return float(value), gradient, -information - n * curved

    def _second(self, llq: np.ndarray, lrq: np.ndarray, pushed: np.ndarray | None) -> np.ndarray:
        """Return what the second derivatives of the implied moments add for one respondent."""
        layout = self.layout
        _, _, row, column = layout.places
        effect, once = layout.effect[:, None], layout.once
        ahead, beside = self.total[column[:, None], row], self.total[column[:, None], column]
        onward = layout.effect * self.covariance[column[:, None], column] + once * beside
        added = effect * (ahead * lrq * layout.moved + onward * llq) + ahead.T * lrq.T * layout.effect
        added += once[:, None] * beside.T * llq * layout.effect
        if pushed is not None:
            first = effect * ahead * pushed
            added += first + first.T
        return added

    def scores(self, data: Moments, means: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return how much each answer sheet pulls at each place, and its weighted squared distance.

        The second is d'Vd of Satorra and Bentler for the vector d of products of the answers (and, with
        means, of the answers themselves), V the weight matrix of normal theory.
        """
        weight, (left, right, size) = np.linalg.inv(self.implied), self.vectors()
        z = data.centred
        turned = z @ weight
        own = np.einsum("ij,ij->i", turned, z)
        both = weight @ data.covariance @ weight
        pulls = (turned @ left.T) * (turned @ right.T)
        pulls -= pulls.mean(axis=0)
        distance = (own**2 - 2 * np.einsum("ni,ij,nj->n", z, both, z) + np.sum(both * data.covariance)) / 2
        if means:
            pulls = pulls + turned @ left.T * size
            distance = distance + own
        return pulls, distance
