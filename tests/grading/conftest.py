"""A small exercise with five questions, and submissions to it."""

import json
import os
from pathlib import Path

import pytest

from crmlab.grading import release, sandbox

SOURCE = [
    ("markdown", "# A trial\n\nOrders of {shop}, in cents."),
    (
        "code",
        """# inputs
import pandas as pd

from crmlab import practice


def inputs(variant):
    rng = variant.rng("orders")
    customers = [f"c{number}" for number in range(60)]
    orders = pd.DataFrame({"customer_id": rng.choice(customers, 600), "cents": rng.integers(100, 9999, 600)})
    worth = pd.Series(rng.normal(size=60).round(3), index=customers)
    clue = (worth + rng.normal(size=60) / 2).rename_axis("customer_id").rename("clue").reset_index()
    given = {"orders": orders, "clue": clue, "shop": variant.choice("shop", ["Quay", "Wharf"]), "budget": 12}
    return given, {"worth": worth}""",
    ),
    ("code", "# set-up\norders, clue, budget, shop = given.orders, given.clue, given.budget, given.shop"),
    ("markdown", "## T1.1 The mean customer\n\nWhat does a customer spend on average?"),
    ("code", "# starter\nanswer_1 = ..."),
    ("code", '# form\nform = practice.Number("cents", 1, 10**6, tolerance=0.5)'),
    ("markdown", "**Hint.** Sum first."),
    (
        "code",
        '# solution\ndef solution(orders):\n    return orders.groupby("customer_id")["cents"].sum().mean()',
    ),
    (
        "code",
        '# wrong\ndef per_order_mean(orders):\n    """You averaged over orders."""\n'
        '    return orders["cents"].mean()',
    ),
    ("markdown", "## T1.2 Who spends what\n\nThe sum of each customer."),
    ("code", "# starter\nanswer_2 = ..."),
    ("code", '# form\nform = practice.Table({"cents": practice.Number("cents", 0)}, key="customer_id")'),
    ("markdown", "**Hint.** Group."),
    ("code", '# solution\ndef solution(orders):\n    return orders.groupby("customer_id")["cents"].sum()'),
    (
        "code",
        '# wrong\ndef mean_for_sum(orders):\n    """You took the mean of each customer."""\n'
        '    return orders.groupby("customer_id")["cents"].mean()',
    ),
    ("markdown", "## T1.3 A discount\n\nA function of `cents` and `rate`."),
    ("code", "# starter\ndef answer_3(cents, rate):\n    return ..."),
    ("code", '# form\nform = practice.Function(("cents", "rate"), returns=practice.Number("cents"))'),
    (
        "code",
        '# cases\ndef cases(variant):\n    secret = variant.integer("secret", 10**6, 10**7)\n'
        '    return [{"cents": 100, "rate": 0.1}, {"cents": secret, "rate": 0.3}]',
    ),
    ("markdown", "**Hint.** Multiply."),
    (
        "code",
        "# solution\ndef solution():\n    def discounted(cents, rate):\n        return cents * (1 - rate)\n\n"
        "    return discounted",
    ),
    (
        "code",
        '# wrong\ndef only_the_discount():\n    """That is what is taken off."""\n'
        "    return lambda cents, rate: cents * rate",
    ),
    ("markdown", "## T1.4 Whom to invite\n\n{budget} customers."),
    ("code", "# starter\nanswer_4 = ..."),
    ("code", '# form\nform = practice.Selection("budget")'),
    ("code", "# truth\ndef truth(worth):\n    return worth"),
    ("markdown", "**Hint.** The clue."),
    (
        "code",
        '# solution\ndef solution(clue, budget):\n    return clue.nlargest(budget, "clue")["customer_id"]',
    ),
    (
        "code",
        '# wrong\ndef the_worst(clue, budget):\n    """You sorted the wrong way."""\n'
        '    return clue.nsmallest(budget, "clue")["customer_id"]',
    ),
    ("markdown", "## T1.5 Which shop\n\nWhere are we?"),
    ("code", "# starter\nanswer_5 = ..."),
    ("code", '# form\nform = practice.Choice("Quay", "Wharf")'),
    ("markdown", "**Hint.** Look."),
    ("code", "# solution\ndef solution(shop):\n    return shop"),
    (
        "code",
        '# wrong\ndef the_other(shop):\n    """That is the other one."""\n'
        '    return {"Quay": "Wharf", "Wharf": "Quay"}[shop]',
    ),
]

PERFECT = {
    1: 'answer_1 = orders.groupby("customer_id")["cents"].sum().mean()',
    2: 'answer_2 = orders.groupby("customer_id")["cents"].sum()',
    3: "def answer_3(cents, rate):\n    return cents * (1 - rate)",
    4: 'answer_4 = clue.nlargest(budget, "clue")["customer_id"]',
    5: "answer_5 = shop",
}


def cell(kind, source):
    code = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": source, **code}


class Classroom:
    """A folder with an exercise, a roster, a release and submissions."""

    def __init__(self, folder: Path, students: list[str]) -> None:
        self.folder = folder
        self.exercises, self.key = folder / "exercises", folder / "key.json"
        self.release, self.submissions, self.marks = (folder / name for name in ("out", "in", "marks"))
        self.exercises.mkdir(parents=True)
        self.submissions.mkdir()
        source = {"cells": [cell(*one) for one in SOURCE], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        (self.exercises / "T1_trial.ipynb").write_text(json.dumps(source))
        roster = folder / "roster.csv"
        roster.write_text("student,name\n" + "".join(f"{one},Name of {one}\n" for one in students))
        release(["T1"], roster, self.key, self.release, self.exercises)

    def hand_in(self, student: str, answers: dict[int, str], before: str = "") -> None:
        """Hand in the released notebook with these answers."""
        notebook = json.loads((self.release / student / "T1_trial.ipynb").read_text())
        for one in notebook["cells"]:
            number = one["id"].split("-")[1] if one["id"].endswith("-answer") else ""
            if number:
                one["source"] = answers.get(int(number), one["source"])
        if before:
            notebook["cells"].insert(0, cell("code", before))
        self.hand_in_file(student, json.dumps(notebook))

    def hand_in_file(self, student: str, text: str) -> None:
        """Hand in anything under the name of the notebook."""
        (self.submissions / student).mkdir(exist_ok=True)
        (self.submissions / student / "T1_trial.ipynb").write_text(text)


@pytest.fixture(scope="session")
def sandboxed():
    """Skip where there is no sandbox; in CI there must be one."""
    reason = sandbox.unavailable()
    if reason and not os.environ.get("CI"):
        pytest.skip(reason)
    assert not reason
