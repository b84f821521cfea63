"""What the instructor needs: an assignment for everybody, a sandbox, marks."""

from crmlab.grading.answers import answer_book
from crmlab.grading.assignment import new_exercise, release
from crmlab.grading.marks import grade
from crmlab.grading.report import identical, questions
from crmlab.grading.rosters import roster
from crmlab.grading.sandbox import Limits

__all__ = ["Limits", "answer_book", "grade", "identical", "new_exercise", "questions", "release", "roster"]
