"""Draw the company at three sizes, then let lifetimes 0.11.3 draw one table with the same parameters.

Every run is a process of its own, and of three the one with the median CPU time is shown; imports are
outside the clock and inside the peak memory. Rows are those of all tables, those drawn when first asked for
included; the truth of the core is drawn too, in the same time and memory, and not counted. If cost is linear,
the cost per customer stays the same from one size to the next, once it is large enough for what is the same
at all sizes not to count.

The peer draws one table: no people, baskets, complaints, campaigns, surveys or truth. Its generator of a
transaction log (BG/NBD; customers and dates, no amounts) calls ``DataFrame.append``, which pandas 2 has
renamed ``_append``; the old name is given back to it. It copies the whole log for every customer, so 100,000
would take minutes and are left out. ``modified_beta_geometric_nbd_model`` is the closest one that works as
it is: the model is the company's, but it keeps one row per customer (number and last date) and no log. Both
have the base world's parameters, and customers seen for up to the length of its log.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

RUNS = 3
SIZES = [10_000, 100_000, 1_000_000]
# what the peer draws, the generator, and for how many customers
PEER = [
    ("transaction log", "beta_geometric_nbd_model_transactional_data", SIZES[:1]),
    ("row per customer", "modified_beta_geometric_nbd_model", SIZES[:2]),
]


def draw_company(customers: int) -> None:
    """Draw a company and print what it took, and the parameters that the peer has as well."""
    from crmlab import company

    start = clocks()
    drawn = company.simulate(customers)
    took = report(start, sum(len(table) for table in drawn.tables.values()))
    base = company.world("base")
    model = [base.rate_shape, base.rate_scale, base.leaving_a, base.leaving_b]
    print(json.dumps(took | {"tables": len(drawn.tables), "days": base.days, "model": model}))


def draw_peer(customers: int, generator: str, days: float, *model: float) -> None:
    """Draw the peer's table and print what it took."""
    import numpy as np
    import pandas as pd
    from lifetimes import generate_data

    pd.DataFrame.append = pd.DataFrame._append
    np.random.seed(7)  # noqa: NPY002, the peer draws from the global generator
    start = clocks()
    # customers join all the time, so they are seen for different spans
    span = np.random.uniform(0, days, customers)  # noqa: NPY002
    table = getattr(generate_data, generator)(span, *model, size=customers)
    print(json.dumps(report(start, len(table))))


def clocks() -> tuple[float, float]:
    """Return the CPU time of this process, all threads, and the time on the wall."""
    return time.process_time(), time.perf_counter()


def report(start: tuple[float, float], rows: int) -> dict[str, Any]:
    """Return the seconds since the start, the peak memory of this process and the rows."""
    cpu, wall = (now - then for now, then in zip(clocks(), start, strict=True))
    unit = 2**30 if sys.platform == "darwin" else 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return {"cpu": cpu, "wall": wall, "peak": peak, "rows": rows}


def child(python: str | Path, customers: int, *peer: Any) -> dict[str, Any]:
    """Run one drawing in processes of its own and return what the one with the median CPU time printed."""
    command, runs = [python, __file__, "--child", str(customers), *map(str, peer)], []
    for _ in range(RUNS):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    return sorted(runs, key=lambda took: took["cpu"])[RUNS // 2] | {"customers": customers}


def line(what: str, took: dict[str, Any]) -> str:
    """Return one row of the table."""
    each = took["cpu"] / took["customers"] * 1e6
    seconds = f"{took['cpu']:9.2f}{took['wall']:9.2f}"
    return f"{what:17}{took['customers']:>10,}{seconds}{took['peak']:10.2f}{took['rows']:13,}{each:17.1f}"


def times_cheaper(ours: dict[str, Any], other: dict[str, Any], clock: str) -> float:
    """Return the other's cost per customer as a multiple of ours."""
    return other[clock] / other["customers"] / (ours[clock] / ours["customers"])


def main() -> None:
    """Print the company's cost at each size, then the peer's."""
    # the work is done in child processes only: a child's peak memory starts from its parent's
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--max", type=int, default=SIZES[-1], help="leave out the sizes above this")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        customers, *peer = options.child
        if not peer:
            return draw_company(int(customers))
        return draw_peer(int(customers), peer[0], *map(float, peer[1:]))
    if options.max < SIZES[0]:
        parser.error(f"--max is at least {SIZES[0]}, the smallest size; got {options.max}.")

    from _peer import peer_python

    python = peer_python()
    head = f"{'customers':>10}{'CPU s':>9}{'wall s':>9}{'peak GiB':>10}{'rows':>13}{'µs per customer':>17}"
    print(f"{'crmlab':17}{head}")
    ours: dict[int, dict[str, Any]] = {}
    for customers in [size for size in SIZES if size <= options.max]:
        ours[customers] = child(sys.executable, customers)
        tables = ours[customers]["tables"]
        print(line(f"all {tables} tables", ours[customers]), flush=True)
    for small, large in pairwise(ours):
        cpu, wall = (times_cheaper(ours[small], ours[large], clock) for clock in ("cpu", "wall"))
        print(f"cost per customer at {large:,} over that at {small:,}: {cpu:.2f} (CPU), {wall:.2f} (wall)")
    print(f"\nThe peer draws one table, crmlab all {tables}; faster: CPU time per customer at the same size.")
    print(f"{'lifetimes':17}{head}{'faster':>9}")
    for what, generator, sizes in PEER:
        for customers in [size for size in sizes if size in ours]:
            we = ours[customers]
            peer = child(python, customers, generator, we["days"], *we["model"])
            faster = f"{times_cheaper(we, peer, 'cpu'):.1f}x"
            print(f"{line(what, peer)}{faster:>9}", flush=True)


if __name__ == "__main__":
    main()
