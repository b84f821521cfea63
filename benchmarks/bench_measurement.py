"""Fit Holzinger and Swineford's nine tests, and let semopy 2.3.11 and lavaan (R) fit them: seconds and ratio.

    OPENBLAS_NUM_THREADS=1 python benchmarks/bench_measurement.py [--repeats 20]

Each starts from the table in memory, builds the model of three factors and fits it, standard errors included;
CPU seconds, the median of the repeats. semopy runs in an environment of its own, lavaan where Rscript finds
it. A second table times HTMT with 2,000 bootstrap draws, and a large model. One thread, for on matrices so
small others wait for work, and the processor counts that as well.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from _peer import peer_python

DATA = Path(__file__).resolve().parents[1] / "datasets" / "holzinger" / "holzinger.csv"
TESTS = {"visual": ["x1", "x2", "x3"], "textual": ["x4", "x5", "x6"], "speed": ["x7", "x8", "x9"]}
MODEL = "\n".join(f"{factor} =~ {' + '.join(items)}" for factor, items in TESTS.items())
SEMOPY = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import pandas as pd
import semopy
path, text, repeats = sys.argv[1:]
data, seconds = pd.read_csv(path), []
for _ in range(int(repeats)):
    start = time.process_time()
    model = semopy.Model(text)
    model.fit(data)
    model.inspect()
    seconds.append(time.process_time() - start)
print(json.dumps([sorted(seconds)[len(seconds) // 2], float(semopy.calc_stats(model)["chi2"].iloc[0])]))
"""
LAVAAN = """
suppressMessages(library(lavaan))
given <- commandArgs(TRUE)
data <- read.csv(given[1])
seconds <- sapply(1:as.integer(given[3]), function(i) sum(system.time(fit <<- cfa(given[2], data))[1:2]))
cat(median(seconds), fitMeasures(fit, "chisq"), "\\n")
"""


def median(call: Callable[[], object], repeats: int) -> float:
    """Return the median of the CPU seconds of a call."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        seconds.append(time.process_time() - start)
    return float(np.median(seconds))


def run(*command: str | Path) -> str:
    """Return the last line that a command prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip().splitlines()[-1]


def main() -> None:
    from crmlab import survey

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=20)
    repeats = parser.parse_args().repeats
    data = pd.read_csv(DATA)
    survey.MeasurementModel(data, TESTS).fit()
    ours = median(lambda: survey.MeasurementModel(data, TESTS).fit(), repeats)
    chi = survey.MeasurementModel(data, TESTS).fit().fit_measures()["chi_square"]
    rows = [("crmlab", ours, chi)]
    python = peer_python(["semopy==2.3.11", "pandas<3"], "-semopy")
    rows.append(("semopy 2.3.11", *json.loads(run(python, "-c", SEMOPY, str(DATA), MODEL, "5"))))
    if shutil.which("Rscript"):
        printed = run("Rscript", "-e", LAVAAN, str(DATA), MODEL, str(repeats))
        rows.append(("lavaan", *map(float, printed.split())))
    table = pd.DataFrame(rows, columns=["package", "CPU s", "chi-square"])
    table["ratio"] = (table["CPU s"] / ours).round(1)
    print(table.round({"CPU s": 4, "chi-square": 3}).to_string(index=False))

    luck = np.random.default_rng(1)
    scores = 0.5 * luck.normal(size=(5000, 1)) + luck.normal(size=(5000, 8))
    sheets = np.repeat(scores, 5, axis=1) + luck.normal(size=(5000, 40))
    large = pd.DataFrame(sheets, columns=[f"q{i}" for i in range(40)])
    factors = {f"f{i}": [f"q{5 * i + j}" for j in range(5)] for i in range(8)}
    others = {
        "nine tests, HTMT with 2,000 draws": lambda: survey.htmt(data, TESTS, rng=1),
        "40 items, 8 factors, 5,000 respondents": lambda: survey.MeasurementModel(large, factors).fit(),
        "the same, HTMT with 2,000 draws": lambda: survey.htmt(large, factors, rng=1),
    }
    print(
        pd.Series({name: median(call, 3) for name, call in others.items()}, name="CPU s").round(3).to_string()
    )


if __name__ == "__main__":
    sys.exit(main())
