"""One short file per paper; each registers a case of :mod:`crmlab.replicate`."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def results_at(model: Any, params: Sequence[float]) -> Any:
    """Return the results of a model at parameters that a source prints, instead of fitted ones.

    They forecast like any other results; what they do not have is a standard error.
    """
    values = np.asarray(params, float)
    unknown = np.full((len(values), len(values)), np.nan)
    note = "These parameters were given, not estimated."
    free = np.zeros(len(values), bool)
    return model.results_class(model, values, model.loglike(values), unknown, free, True, [note])


def notes(topic: str) -> str:
    """Return where a figure stands that was seen in one reader's notes on a paper, not in the paper."""
    file = f"references/papers/{topic}/{topic}-summary.md"
    return f"quoted in a reader's notes, not seen itself: github.com/abdullahau/customer-analytics, {file}"
