"""What is drawn is the same on every processor. Referee: numpy without the instructions it found here."""

import json
import os
import subprocess
import sys

import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

from crmlab import course

DRAW = """
import json
import matplotlib
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
from crmlab import company, practice

matplotlib.use("agg")
drawn = {f"company: {table}": value for table, value in company.simulate().hashes().items()}
for name in practice.names():
    exercise = practice.load(name)
    for student in ("one", "two"):
        given = practice.Drawn(exercise, "key", student, small=True).given
        drawn[f"{name} of student {student}"] = given.fingerprint()
print(json.dumps({"drawn": drawn, "on": [name for name in __cpu_dispatch__ if __cpu_features__[name]]}))
"""


def draw(**environment: str) -> dict:
    environment = course.kernel_environment() | environment
    done = subprocess.run([sys.executable, "-c", DRAW], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_companies_and_exercises_do_not_depend_on_the_processor():
    """An unstable sort, for one, orders ties by the instructions with which it is done."""
    found = [name for name in __cpu_dispatch__ if __cpu_features__[name]]
    if not found or os.environ.get("NPY_DISABLE_CPU_FEATURES"):
        pytest.skip("numpy uses no instructions here that could be switched off")
    usual, plain = draw(), draw(NPY_DISABLE_CPU_FEATURES=" ".join(found))
    assert usual["on"] == found and plain["on"] == []
    different = {name for name, value in usual["drawn"].items() if plain["drawn"][name] != value}
    assert different == set()
