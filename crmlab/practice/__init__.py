"""What the student needs: data of one's own, checks, hints, solutions, progress."""

from crmlab.practice.copies import lay_out, notebook
from crmlab.practice.data import variant
from crmlab.practice.desk import check, given, hint, keep, progress, read, solution
from crmlab.practice.exercise import load, names
from crmlab.practice.forms import Choice, Figure, Function, Interval, Number, Selection, Table
from crmlab.practice.marking import Drawn, money, prove

# fmt: off
__all__ = [
    "Choice", "Drawn", "Figure", "Function", "Interval", "Number", "Selection", "Table",
    "check", "given", "hint", "keep", "lay_out", "load", "money", "names", "notebook", "progress", "prove",
    "read", "solution", "variant",
]
