"""The package without the clone, from a wheel. Referees: what the clone computes; each data set's licence.

The environment sees the libraries that are installed here, but nothing of this clone.
"""

import json
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

from crmlab import company, datasets, practice, replicate, value
from crmlab._paths import DATASETS, ROOT
from tests.course.test_house import repository_files

OURS = {"crmlab", "datasets", "pyproject.toml", "setup.py", "README.md", "LICENSE"}
PERMISSIVE = {"MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "CC0-1.0", "PDDL-1.0", "CC-BY-4.0"}
SENTENCE = re.compile(
    r"(The \w[^\n]*) are in the clone of the course, and this is the package without it: clone the "
    r"repository, run make course in its folder \(or use conda, see its README\), and ask again there\.\n"
)
WORKS = """
import json, sys
import crmlab
from crmlab import company, datasets, practice, value

tea = company.simulate(300)
log = datasets.load("cdnow_sample")
fit = value.BetaGeoNBD(value.btyd_summary(log, calibration_end="1997-09-30", period="W")).fit()
print(json.dumps({
    "from": crmlab.__file__,
    "hashes": tea.hashes().to_dict(),
    "params": fit.params.round(6).to_dict(),
    "campaigns": len(datasets.load("complete_journey_campaigns")),
    "known": datasets.catalogue()["name"].tolist(),
    "licence": datasets.card("sbg_retention").licence,
    "pages": all(one._repr_html_() for one in (tea, fit, datasets.card("donations"), datasets.catalogue())),
    "variant": practice.variant("secret", "41_value_tiers", "ann").integer("margin", 20, 40),
}))
"""

REFUSED = """
from crmlab import course, datasets, practice

for ask in (
    lambda: course.lessons(),
    lambda: datasets.load("sbg_retention"),
    lambda: practice.check("41.1", 2),
    lambda: practice.given("41"),
    lambda: practice.keep(None),
    lambda: practice.notebook("41"),
    lambda: practice.progress(),
):
    try:
        print("not refused:", ask())
    except ValueError as error:
        print(error)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel from a copy of the tracked files: what an older build left behind goes into none."""
    source = tmp_path_factory.mktemp("source")
    for path in repository_files():
        name = path.relative_to(ROOT)
        if name.parts[0] in OURS:
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, source / name)
    options = ["--quiet", "--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir", "out"]
    pip = [sys.executable, "-m", "pip", "wheel", *options, "."]
    done = subprocess.run(pip, cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = (source / "out").glob("*.whl")
    return file


@pytest.fixture(scope="module")
def alone(wheel, tmp_path_factory):
    """Return the scripts of an environment with the wheel, the libraries, and no clone."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=False, symlinks=True)
    scripts = home / "bin"
    options = ["--quiet", "--no-deps", "--no-index", "--no-warn-script-location"]
    pip = [sys.executable, "-m", "pip", "--python", str(scripts / "python"), "install", *options, str(wheel)]
    done = subprocess.run(pip, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (packages,) = home.glob("lib/python*/site-packages")
    # a .pth file inside a folder that is named in one is not read, so the editable clone stays unseen
    libraries = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    (packages / "libraries.pth").write_text("\n".join(libraries) + "\n")
    return scripts


@pytest.fixture
def ask(alone, tmp_path):
    """Return a function that calls a command in an empty folder."""

    def call(program: str, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([alone / program, *words], cwd=tmp_path, capture_output=True, text=True)

    return call


def kept_out(wheel):
    """Return the data sets of this clone whose file is neither in the wheel nor in another package."""
    held = ZipFile(wheel).namelist()
    paths = {name: datasets.card(name).path for name in datasets.catalogue()["name"]}
    ours = {name: path.relative_to(DATASETS) for name, path in paths.items() if path.is_relative_to(DATASETS)}
    return [name for name, path in ours.items() if f"crmlab/_datasets/{path.as_posix()}" not in held]


def test_wheel_holds_a_data_file_if_and_only_if_its_licence_permits_it(wheel):
    held = {name for name in ZipFile(wheel).namelist() if name.startswith("crmlab/_datasets/")}
    wanted = set()
    for card in ROOT.glob("datasets/*/datapackage.json"):
        package = json.loads(card.read_text(encoding="utf-8"))
        here = f"crmlab/_datasets/{card.parent.name}"
        wanted.add(f"{here}/datapackage.json")
        for resource in package["resources"]:
            licences = resource.get("licenses", package.get("licenses", []))
            texts = [card.parent / licence["path"] for licence in licences if "path" in licence]
            free = [licence["name"] in PERMISSIVE for licence in licences]
            if free and all(free) and len(texts) == len(free) and "package" not in package:
                wanted |= {f"{here}/{name}" for name in (resource["path"], *(text.name for text in texts))}
    assert held == wanted
    assert {
        "crmlab/_datasets/cdnow_master/cdnow_master.csv",
        "crmlab/_datasets/donations/LICENSE.txt",
    } <= held
    assert "crmlab/_datasets/sbg_retention/sbg_retention.csv" not in held


def test_wheel_holds_the_whole_package_and_nothing_else(wheel):
    names = ZipFile(wheel).namelist()
    held = {name for name in names if not re.match(r"crmlab/_datasets/|crmlab-[\d.]+\.dist-info/", name)}
    ours = {path.relative_to(ROOT).as_posix() for path in repository_files()}
    assert held == {name for name in ours if name.startswith("crmlab/")}


def test_rooms_company_data_and_models_work_in_an_empty_folder(ask, alone):
    done = ask("python", "-W", "error", "-c", WORKS)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert Path(found["from"]).is_relative_to(alone.parent)
    assert found["hashes"] == company.simulate(300).hashes().to_dict()
    log = datasets.load("cdnow_sample")
    here = value.BetaGeoNBD(value.btyd_summary(log, calibration_end="1997-09-30", period="W")).fit()
    assert found["params"] == pytest.approx(here.params.to_dict(), rel=1e-5)
    assert found["known"] == datasets.catalogue()["name"].tolist()
    assert (found["campaigns"], found["licence"], found["pages"]) == (6589, "none stated", True)
    assert found["variant"] == practice.variant("secret", "41_value_tiers", "ann").integer("margin", 20, 40)


def test_scoreboard_runs_and_names_the_cases_whose_data_are_not_here(ask, wheel, tmp_path):
    done = ask("crmlab", "replicate", "--json", "board.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "could not be run here, 0 unexpected" in done.stdout
    board = json.loads((tmp_path / "board.json").read_text())
    absent = {row["case"] for row in board if row["verdict"] == "not run"}
    assert {"fader_hardie_2007", "fader_hardie_2010_contracts"} <= absent
    for row in replicate.cases().itertuples():
        assert (row.case in absent) == any(re.search(rf"\b{name}\b", row.data) for name in kept_out(wheel))
    said = [row["where"] for row in board if row["case"] == "fader_hardie_2007"]
    assert "The data 'sbg_retention' (licence: none stated) are in the clone" in said[0] and len(said) == 1
    assert sum(row["verdict"] == "holds" for row in board) > 50


def test_data_command_knows_every_set_and_where_its_file_is(ask, wheel):
    done = ask("crmlab", "data")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"cdnow_master .* intact\n", done.stdout)
    assert re.search(r"sbg_retention .* in the clone\n", done.stdout)
    assert len(SENTENCE.findall(done.stdout)) == len(kept_out(wheel)) > 0
    assert "The data 'sbg_retention' (licence: none stated)" in SENTENCE.findall(done.stdout)


def test_a_company_is_written_from_the_command_line(ask, tmp_path):
    done = ask("crmlab", "company", "--customers", "50", "--out", "tea")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "tea" / "orders.parquet").is_file()


def test_a_command_that_needs_the_clone_says_so_in_the_one_sentence(ask, tmp_path):
    (tmp_path / "roster.csv").write_text("student\ns1\n")
    commands = [
        "run 41",
        "lab",
        "release 41 --students roster.csv --key-file key.json --out out",
        "grade --new-exercise A1_tea.ipynb",
    ]
    program = f"from crmlab.cli import main; print([main(one.split()) for one in {commands}])"
    done = ask("python", "-c", program)  # one process: to import everything four times takes most of the time
    assert done.stdout.endswith("[2, 2, 2, 2]\n")
    for command, line in zip(commands, done.stderr.splitlines(keepends=True), strict=True):
        assert SENTENCE.fullmatch(line.removeprefix(f"crmlab {command.split()[0]}: "))
    assert [path.name for path in tmp_path.iterdir()] == ["roster.csv"]


def test_a_function_that_needs_the_clone_says_so_in_the_one_sentence(ask):
    done = ask("python", "-c", REFUSED)
    said = done.stdout.splitlines(keepends=True)
    assert (len(said), done.stderr) == (REFUSED.count("lambda"), "")
    assert [line for line in said if not SENTENCE.fullmatch(line)] == []


def test_help_works_without_the_names_that_are_in_the_clone(ask):
    done = ask("crmlab", "run", "--help")
    assert done.returncode == 0 and "crmlab run 41" in done.stdout and SENTENCE.search(done.stdout)
