"""What it means for customers that a parameter ran to 0 or infinity, in words."""

from typing import Any


def buying_note(r: float, alpha: float) -> str:
    """Say what it means that the gamma distribution of purchase rates is not bounded."""
    if r > 1:
        return f"customers do not differ in how often they buy: all at the rate r/alpha = {r / alpha:.3g}."
    return f"hardly anybody buys again: at the rate r/alpha = {r / alpha:.3g}, very unequally."


def dropout_note(names: list[str], params: Any) -> str:
    """Say what it means that the beta distribution of drop-out, the last two parameters, is not bounded."""
    a, b = params[2:4]
    if not {"a", "b", "gamma", "delta"} & set(names):
        return ""
    if a / (a + b) < 1e-3:
        return "no drop-out visible in these data; the fit is that of the model without any."
    if a + b > 1:
        return f"customers do not differ in how they drop out: with probability {a / (a + b):.3g} each time."
    return f"a share of {a / (a + b):.3g} drops out at the first occasion, and the others never."
