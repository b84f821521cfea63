"""Bootstrap a path model of mobile phone customers 5,000 times, and let seminr 0.2.1 do so: CPU time, ratio.

    python benchmarks/bench_paths.py [--draws 5000] [--repeats 5] [--peer-draws 200]

The European Customer Satisfaction Index on `mobi`: seven blocks, twelve paths, path weighting, Mode A. Each
starts from the table in memory, fits the model, draws the samples, and gives percentile intervals of paths,
loadings, total effects and HTMT; CPU seconds. seminr runs in an environment of its own, on one core, as ours
does; each sample costs it the same, so it is given `--peer-draws` and its time is multiplied (0: all draws).
Beside the ratio stand the largest differences of the paths, to seminr's and to the printed ones of SmartPLS.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # before numpy is loaded

import numpy as np
import pandas as pd
from _peer import peer_python

DATA = Path(__file__).resolve().parents[1] / "datasets" / "mobi" / "mobi.csv"
KINDS = ("path", "loading", "total", "htmt")
SEMINR = """
import json, sys, time
import numpy as np
import seminr as s
from seminr.datasets import load_mobi
blocks, paths, draws = json.loads(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3])
data = load_mobi()
parts = [s.composite(name, items, weights=s.mode_A) for name, items in blocks.items()]
arrows = [s.paths(causes, effect) for effect, causes in paths.items()]
start = time.process_time()
model = s.estimate_pls(data, s.constructs(*parts), s.relationships(*arrows), stop_criterion=7)
boot = s.bootstrap_model(model, nboot=draws, seed=1)
s.summarize(boot)
spent = time.process_time() - start
found = model.path_coef
at = [(found.rows.index(c), found.cols.index(e)) for e, causes in paths.items() for c in causes]
print(json.dumps([spent, [float(found.values[one]) for one in at]]))
"""


def main() -> None:
    from crmlab import survey
    from crmlab.replicate.papers.ringle_wende_will_2005 import PATHS, SLOPES, blocks

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=5000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peer-draws", type=int, default=200)
    options = parser.parse_args()
    data, seconds = pd.read_csv(DATA), []
    for seed in range(options.repeats + 1):
        start = time.process_time()
        fit = survey.PathModel(data, blocks(), PATHS).fit()
        luck = fit.bootstrap(options.draws, rng=seed)
        tables = [luck.table(kind) for kind in KINDS]
        seconds.append(time.process_time() - start)
    ours = float(np.median(seconds[1:]))  # the first loads what is loaded once

    python, draws = peer_python(["seminr==0.2.1"], "-seminr"), options.peer_draws or options.draws
    given = [json.dumps(blocks()), json.dumps(PATHS), str(draws)]
    done = subprocess.run([python, "-c", SEMINR, *given], capture_output=True, text=True, check=True)
    spent, theirs = json.loads(done.stdout.strip().splitlines()[-1])
    peer = spent * options.draws / draws
    printed = [float(one) for one, _ in SLOPES.values()]
    table = pd.DataFrame({"package": ["crmlab", "seminr 0.2.1"], "CPU s": [ours, peer]})
    table["ratio"] = (table["CPU s"] / ours).round(0)
    print(table.round({"CPU s": 3}).to_string(index=False))
    print(f"{options.draws:,} samples ({draws:,} of the peer's), {sum(map(len, tables))} intervals")
    for name, other in {"seminr": theirs, "SmartPLS": printed}.items():
        print(f"largest difference of a path to {name}: {np.abs(fit.params.to_numpy() - other).max():.1e}")


if __name__ == "__main__":
    sys.exit(main())
