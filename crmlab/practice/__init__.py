"""What the student needs: data of one's own, checks, hints, solutions, progress."""

from crmlab.practice.copies import lay_out, notebook
from crmlab.practice.data import Given, Variant, variant
from crmlab.practice.desk import Note, Progress, check, given, hint, keep, progress, read, solution
from crmlab.practice.exercise import Exercise, Question, load, names
from crmlab.practice.forms import Choice, Figure, Form, Function, Interval, Number, Selection, Table, Text
from crmlab.practice.marking import Drawn, Key, Verdict, money
from crmlab.practice.proof import prove, stand

# fmt: off
__all__ = [
    "Choice", "Drawn", "Exercise", "Figure", "Form", "Function", "Given", "Interval", "Key", "Note", "Number",
    "Progress", "Question", "Selection", "Table", "Text", "Variant", "Verdict",
    "check", "given", "hint", "keep", "lay_out", "load", "money", "names", "notebook", "progress", "prove",
    "read", "solution", "stand", "variant",
]
