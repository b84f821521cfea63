"""Fit a mixed logit to 2,400 choices of 300 people with 500 draws: crmlab against xlogit, seconds and ratio.

    python benchmarks/bench_mixed.py [--draws 500] [--repeats 3]

Both start from the table in memory and end with standard errors; CPU seconds, one thread, the median of the
repeats. xlogit 0.2.7 takes quasi-Newton steps, and its standard errors are a by-product of the search; crmlab
takes exact Newton steps, and its errors are those of the Hessian. So the errors are printed as well, beside
those of the slopes of crmlab's gradient. xlogit runs in an environment of its own, on the processor.
"""

import argparse
import os
import subprocess
import tempfile
from pathlib import Path
from time import process_time

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):  # before numpy is loaded, and for the peer as well
    os.environ[name] = "1"

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from _peer import peer_python  # noqa: E402

from crmlab import survey  # noqa: E402

NAMES = ["price", "organic", "garden"]
PEER = """
import sys, time, numpy as np, pandas as pd
from xlogit import MixedLogit
table, draws = pd.read_csv(sys.argv[1]), int(sys.argv[2])
names, seconds = ["price", "organic", "garden"], []
for _ in range(int(sys.argv[3])):
    start = time.process_time()
    model = MixedLogit()
    model.fit(X=table[names], y=table["chosen"], varnames=names, ids=table["task"], panels=table["who"],
              alts=table["tin"], n_draws=draws, randvars={"organic": "n", "garden": "n"}, verbose=0)
    seconds.append(time.process_time() - start)
print(np.median(seconds), model.loglikelihood, *model.coeff_, *model.stderr)
"""


def choices(people: int = 300, tasks: int = 8) -> pd.DataFrame:
    """Draw choices among three tins by people whose part-worths differ."""
    rng, count = np.random.default_rng(1), people * tasks
    who, task = np.repeat(np.arange(people), 3 * tasks), np.repeat(np.arange(count), 3)
    table = pd.DataFrame({"who": who, "task": task, "tin": np.tile([1, 2, 3], count)})
    table["price"] = rng.choice([6.0, 9.0, 12.0, 15.0], len(table))
    table["organic"] = rng.integers(0, 2, len(table))
    table["garden"] = rng.integers(0, 2, len(table))
    own = np.array([-0.4, 0.5, 0.3]) + np.array([0, 0.8, 0.6]) * rng.standard_normal((people, 3))
    felt = (table[NAMES].to_numpy(float) * own[who]).sum(axis=1) + rng.gumbel(size=len(table))
    felt = felt.reshape(-1, 3)
    return table.assign(chosen=(felt == felt.max(axis=1, keepdims=True)).ravel().astype(int))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    table, seconds = choices(), []
    for _ in range(options.repeats):
        start = process_time()
        model = survey.MixedLogit(table, "task", "chosen", NAMES, "who", NAMES[1:], draws=options.draws)
        fit = model.fit()
        seconds.append(process_time() - start)
    ours = float(np.median(seconds))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "choices.csv")
        table.to_csv(file, index=False)
        python = peer_python(["xlogit==0.2.7", "pandas"], "-xlogit")
        command = [python, "-c", PEER, file, str(options.draws), str(options.repeats)]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    theirs, llf, *numbers = map(float, printed.split())
    at = fit.params.to_numpy()
    slopes = [
        (model.derivatives(at + step)[1] - model.derivatives(at - step)[1]) / 2e-5
        for step in 1e-5 * np.eye(len(at))
    ]
    shown = pd.DataFrame({"crmlab": fit.params, "xlogit": numbers[: len(at)], "error, crmlab": fit.bse})
    shown["error, xlogit"] = numbers[len(at) :]
    shown["error, from slopes"] = np.sqrt(np.diag(np.linalg.inv(-np.array(slopes))))
    print(shown.round(4).to_string())
    print(f"crmlab {ours:.2f} s  log-likelihood {fit.llf:.2f}")
    print(f"xlogit {theirs:.2f} s  log-likelihood {llf:.2f}")
    print(f"xlogit took {theirs / ours:.2f} times as long as crmlab")
    apart = np.abs(shown["crmlab"] - shown["xlogit"]) / shown["error, crmlab"]
    if apart.max() > 0.2 or not np.allclose(shown["error, crmlab"], shown["error, from slopes"], rtol=1e-4):
        raise SystemExit("The estimates or the errors do not agree.")


if __name__ == "__main__":
    main()
