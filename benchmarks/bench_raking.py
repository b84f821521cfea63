"""Rake a million respondents on six margins: crmlab against samplics 0.6.1, weights compared.

    python benchmarks/bench_raking.py [--respondents 1000000]

Both get the same respondents, starting weights and margins, one as a table, the other as arrays, as each
likes best. samplics is asked for a millionth, crmlab goes further by itself. samplics lives in an environment
of its own. Our checks of the table are inside our clock. CPU seconds, best of three; the largest difference
between two weights is printed.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd
from _peer import peer_python

from crmlab import survey

SIZES = {"region": 8, "age": 6, "kind": 2, "channel": 5, "tier": 4, "since": 7}
PEER = """
import json, sys
from time import process_time
import numpy as np
from samplics.weighting import SampleWeight

data = np.load(sys.argv[1])
names = json.loads(sys.argv[2])
control = {name: {k: float(v) for k, v in enumerate(data["margin_" + name])} for name in names}
groups = {name: data[name] for name in names}
times = []
for _ in range(int(sys.argv[4])):
    start = process_time()
    made = SampleWeight().rake(data["start"], groups, control, tol=1e-6, ctrl_tol=1e-6, max_iter=1000)
    times.append(process_time() - start)
np.save(sys.argv[3], np.asarray(made, dtype=float))
print(min(times))
"""


def respondents(count: int) -> tuple[pd.DataFrame, dict[str, pd.Series], np.ndarray]:
    rng = np.random.default_rng(1)
    table = pd.DataFrame({name: rng.integers(0, size, count) for name, size in SIZES.items()})
    margins = {
        name: pd.Series(np.round(1e6 * rng.dirichlet(np.full(size, 20)))) for name, size in SIZES.items()
    }
    for shares in margins.values():
        shares.iloc[0] += 1e6 - shares.sum()  # one population
    return table, margins, rng.uniform(0.5, 2, count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--respondents", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    table, margins, start = respondents(options.respondents)
    times = []
    for _ in range(options.rounds):
        begun = process_time()
        ours = survey.rake(table, margins, start).to_numpy()
        times.append(process_time() - begun)
    mine = min(times)
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder) / "given.npz", Path(folder) / "made.npy"
        arrays = {f"margin_{name}": shares.to_numpy() for name, shares in margins.items()}
        np.savez(given, start=start, **arrays, **{name: table[name].to_numpy() for name in SIZES})
        python = peer_python(["samplics==0.6.1"], "-samplics")
        command = [
            python,
            "-W",
            "ignore",
            "-c",
            PEER,
            given,
            json.dumps(list(SIZES)),
            made,
            str(options.rounds),
        ]
        run = subprocess.run([*map(str, command)], capture_output=True, text=True, check=True)
        theirs, peer = np.load(made), float(run.stdout.split()[-1])
    apart = np.abs(theirs / theirs.mean() - ours).max()
    print(f"{options.respondents:,} respondents, {len(SIZES)} margins; weights differ by at most {apart:.1e}")
    print(f"crmlab    {mine:8.2f} s")
    print(f"samplics  {peer:8.2f} s: {peer / mine:.1f} times")


if __name__ == "__main__":
    main()
