"""Lesson 36. Referees: the package for its lines, the twin for its lots, six companies for its claims."""

import ast

import networkx as nx
import nbformat
import numpy as np
import pandas as pd
import pytest

from crmlab import company, course, datasets, network

CELLS = {
    cell.id: cell
    for cell in nbformat.read(
        course.ROOT / "notebooks" / "36_referral_and_influence.ipynb", as_version=4
    ).cells
    if cell.cell_type == "code"
}
DRAWN = [one for one, cell in CELLS.items() if cell.metadata.get("jupyter")]  # figures
OURS = [one for one in CELLS if one[:2] != "s0" and one not in DRAWN]
TOWN = ["s2-hand", "s2-adds", "s2-clubs", "s2-degree", "s2-package", "s2-town"]


def lesson(ids: list[str], **names):
    """Run cells of the lesson, without showing what their last line shows."""
    names = {
        "np": np,
        "pd": pd,
        "nx": nx,
        "network": network,
        "company": company,
        "datasets": datasets,
        "rng": np.random.default_rng(36),
    } | names
    for one in ids:
        tree = ast.parse(CELLS[one].source)
        if isinstance(tree.body[-1], ast.Expr) and ".commit(" not in CELLS[one].source:
            tree.body.pop()
        exec(compile(tree, one, "exec"), names)
    return names


def claims(seed: int | None = None) -> dict[str, float]:
    """Return what the lesson says of a company, with other dice for it."""
    tea = company.simulate() if seed is None else company.simulate(rng=seed)
    dice = {"rng": np.random.default_rng(36 if seed is None else seed), "tea": tea}

    class Company:  # the lesson's other worlds, with the dice of this company
        world = staticmethod(company.world)

        @staticmethod
        def simulate(world):
            return company.simulate(world=world) if seed is None else company.simulate(rng=seed, world=world)

    skipped = {"s1-hand", "s1-rows", "s1-ours", "s1-count", "s3-farmers", "s3-farmers-wald", *TOWN}
    cells = [one for one in OURS if one not in skipped]
    small = {"town": nx.path_graph(20), "popular": [0], "chosen": [0]}
    found = lesson(["s2-town", *cells], **dice, **small, company=Company)
    stay, wald = found["stay"]["mean"], np.quantile(found["drawn"], [0.025, 0.975])
    leaves = pd.DataFrame(found["rows"]).T
    return {
        "extra": found["table"].loc["middle", "extra"],
        "extra low": found["table"].loc["low", "extra"],
        "dollars each": found["table"].loc["middle", "dollars_each"],
        "dollars each at worst": found["table"].loc["low", "dollars_each"],
        "first year": found["year"].mean(),
        "stay": stay[True] - stay[False],
        "ferry": found["knobs"].loc["as it is", "Night Ferry"],
        "ferry without": found["knobs"].loc["nobody brings anybody", "Night Ferry"],
        "oolong": found["knobs"].loc["as it is", "oolong"],
        "oolong without bringing": found["knobs"].loc["nobody brings anybody", "oolong"],
        "ferry unlike": found["knobs"].loc["nobody seeks his like", "Night Ferry"],
        "oolong unlike": found["knobs"].loc["nobody seeks his like", "oolong"],
        "friend": found["per_friend"],
        "friend where nobody brings": found["nobody"].loc[True, "took"] - found["nobody"].loc[False, "took"],
        "friend low": wald[0],
        "friend high": wald[1],
        "degree": found["scores"].loc["know most", "score"],
        "eigen": found["scores"].loc["known by the well-known", "score"],
        "greedy": found["scores"].loc["greedy", "score"],
        "worth": found["worth"][found["won_ids"]].mean(),
        "brought keeps": leaves.loc["being sent changes nothing", "referred"]
        - leaves.loc["as it is", "referred"],
        "referred": leaves.loc["as it is", "others"] - leaves.loc["as it is", "referred"],
    }
