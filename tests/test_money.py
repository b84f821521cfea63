"""Finding money that would be typeset. Referee: sentences that JupyterLab shows wrongly, or rightly."""

import pytest

from tests.money import money_taken_for_formulas


@pytest.mark.parametrize(
    "text",
    [
        r"Champions stand apart: \$78 in the next nine months against \$21 for the *loyal*.",
        "A gift of $89, and $58 the next time.",
        "Between $20–$30 each.",
        "US$5 is less than US$7.",
        "The price fell from &#36;5 to &#36;4.",
        r"A week costs \$5 in letters, from which $c$ on does it gain?",
        "| revenue ($) | margin ($) |\n|---|---|\n| 1 | 2 |",
        "<th>revenue ($)</th><th>margin ($)</th>",
        "It takes $5 in May, and 7$ in June.",
        "Of the pairs let $n$ be together; each costs $3.",
    ],
)
def test_money_is_found(text):
    assert money_taken_for_formulas(f"Before.\n\n{text}\n\nAfter, $x$.") == [text]


@pytest.mark.parametrize(
    "text",
    [
        "With $n$ of $t$ pairs, $e = pq/t$ by chance: $(n - e) / ((p + q)/2 - e)$.",
        "$$S(t) = r_1 r_2 \\cdots r_t, \\qquad t = 1, 2,$$",
        "It counts $(1 + d)^{-k/4}$, with $d$ the rate, and $2x + 1$ more.",
        r"$\text{ceiling} \cdot (1 - e^{-k s})$ of them, at 78 dollars.",
        "One sum, $5, stands alone.",
        "`price = '$5'` and `'$6'` are code.",
        "```python\nprint('$5', '$6')\n```",
        r"The clock is gamma$(r+x, \alpha+T)$ and the coin beta$(a, b+x)$.",
        "$p$-values of $10^6$ customers",
    ],
)
def test_a_formula_is_let_through(text):
    assert money_taken_for_formulas(f"Before.\n\n{text}\n\nAfter.") == []
