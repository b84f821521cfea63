"""Lesson 15. Referees: the package for what it writes by hand, six other companies for its claims."""

import ast

import nbformat
import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from crmlab import collect, company, course

CELLS = {
    cell.id: cell
    for cell in nbformat.read(
        course.ROOT / "notebooks" / "15_watching_and_listening.ipynb", as_version=4
    ).cells
    if cell.cell_type == "code"
}
DRAWN = [one for one, cell in CELLS.items() if cell.metadata.get("jupyter")]  # figures
LIBRARY = {
    "np": np, "pd": pd, "collect": collect, "TfidfVectorizer": TfidfVectorizer,
    "LogisticRegression": LogisticRegression, "StratifiedKFold": StratifiedKFold,
    "cross_val_predict": cross_val_predict, "make_pipeline": make_pipeline,
}  # fmt: skip


def lesson(parts: tuple[str, ...], leave_out: tuple[str, ...] = (), **names):
    """Run cells of the lesson, without showing what their last line shows."""
    names = LIBRARY | {"rng": np.random.default_rng(15)} | names
    for one, cell in CELLS.items():
        if not one.startswith(parts) or one in DRAWN or one in leave_out:
            continue
        tree = ast.parse(cell.source)
        if isinstance(tree.body[-1], ast.Expr):
            tree.body.pop()
        exec(compile(tree, one, "exec"), names)
    return names


def of_company(leave_out: tuple[str, ...] = (), parts=("s1", "s2", "s3", "s4", "s5"), **seed):
    mended = company.simulate(**seed)
    worst = mended.products.loc[mended.products["redesigned_on"].notna(), "product_id"].item()
    tea = mended.do(redesign_day=9999)
    for what in ("open_answers.theme: packaging", "orders.fault: tin"):
        tea.commit(what, 0, 1)
    return lesson(parts, leave_out, mended=mended, tea=tea, worst=worst)
