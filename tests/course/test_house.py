"""The rules of the house: one way of imports, budgets, style, and files that say the same."""

import ast
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass, is_dataclass
from importlib import import_module
from inspect import getdoc, isfunction
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import crmlab
from crmlab import course
from crmlab._results import LikelihoodResults

ROOT = course.ROOT
BIN = Path(sys.executable).parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT, PYTEST = PYPROJECT["project"], PYPROJECT["tool"]["pytest"]["ini_options"]
EXTRAS = PROJECT["optional-dependencies"]
DECLARED = [Requirement(text) for text in PROJECT["dependencies"] + EXTRAS["test"]]
DRIVER = [Requirement(text) for text in EXTRAS["browser"]]  # for make test-browser only, and not for conda
CONDA_NAMES = {"duckdb": "python-duckdb"}
MODULES = sorted((ROOT / "crmlab").rglob("*.py"))
UNSEEN = {"Summary": object, "Environment": object}
"""Names in annotations that are imported for the type checker only."""
LARGE_FILES: set[str] = set()
"""Files of 2 MB or more, each to be named here with its reason."""


def run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def repository_files() -> list[Path]:
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in names.split("\0") if name and (ROOT / name).is_file()]


# ---- style, types and imports


def test_ruff_check():
    run(str(BIN / "ruff"), "check", ".")


def test_ruff_format():
    run(str(BIN / "ruff"), "format", "--check", ".")


def test_types():
    run(str(BIN / "mypy"))


def test_imports_run_one_way():
    run(str(BIN / "lint-imports"))


# ---- budgets


def budget_lines(path: Path) -> int:
    """Count the lines that are neither blank nor part of a docstring."""
    text = path.read_text(encoding="utf-8")
    docstring_lines: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            docstring_lines.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = enumerate(text.splitlines(), start=1)
    return sum(bool(line.strip()) and number not in docstring_lines for number, line in lines)


def test_budget_lines_are_counted_without_blanks_and_docstrings(tmp_path):
    example = tmp_path / "example.py"
    example.write_text('"""One.\n\nTwo.\n"""\n\n# a comment\ndef f():\n    """Three."""\n    return 1\n')
    assert budget_lines(example) == 3


def test_no_module_is_longer_than_300_lines():
    assert {path.name: budget_lines(path) for path in MODULES if budget_lines(path) > 300} == {}


@pytest.mark.parametrize(
    ("room", "budget"),
    [
        ("collect", 3400),  # eight lessons: linkage, golden records, a knowledge base, samples, coders, lots
        ("survey", 4267),  # eight lessons: measurement and path models, drivers, choices, must-haves
        ("network", 2900),  # eight lessons: take-up and cascades, seeding, what goes together, what next
        ("value", 2600),
        ("act", 1400),
        ("company", 4700),  # 51 tables, twelve levers and their reach, two streams of orders
        ("practice", 1480),  # an exercise is proved before it is released, in another process as well
        ("grading", 2610),  # rosters and hand-ins as platforms write them, a sandbox, a term's rules
        ("replicate", 2240),
    ],
)
def test_no_room_is_larger_than_its_budget(room, budget):
    assert sum(map(budget_lines, (ROOT / "crmlab" / room).rglob("*.py"))) <= budget


def test_no_file_is_large():
    sizes = {str(path.relative_to(ROOT)): path.stat().st_size for path in repository_files()}
    assert {name for name, size in sizes.items() if size >= 2_000_000} == LARGE_FILES


# ---- docstrings


def public_names() -> dict[str, Any]:
    """Return what each room names in ``__all__``, or else defines without an underscore, by its full name."""
    found = {}
    for room in [*crmlab.__all__, "cli", "course", "syllabus"]:
        module = import_module(f"crmlab.{room}")
        here = [
            name
            for name, value in vars(module).items()
            if getattr(value, "__module__", "") == module.__name__
        ]
        for name in getattr(module, "__all__", [name for name in here if not name.startswith("_")]):
            found[f"{room}.{name}"] = getattr(module, name)
    return found


def test_every_public_name_has_a_docstring_and_every_function_an_example():
    public = public_names()
    assert [name for name, value in public.items() if not getdoc(value)] == []
    functions = {name: getdoc(value) or "" for name, value in public.items() if isfunction(value)}
    assert [
        name for name, text in functions.items() if not re.search(r"\nExamples\n-{8}\n(.|\n)*>>> ", text)
    ] == []


def crmlab_classes(annotation: Any) -> set[type]:
    """Return the classes of crmlab in an annotation: of ``dict[str, Form]`` the class Form."""
    if isinstance(annotation, type) and annotation.__module__.startswith("crmlab."):
        return {annotation}
    return set().union(*map(crmlab_classes, get_args(annotation)))


def given_back(value: Any) -> set[type]:
    """Return the classes that a function returns, or a class's methods return and its fields hold."""
    if isinstance(value, type):
        parts = [one for name, one in vars(value).items() if not name.startswith("_")]
        hints = get_type_hints(value, localns=UNSEEN) if is_dataclass(value) else {}
        held = [crmlab_classes(hint) for name, hint in hints.items() if not name.startswith("_")]
        return set().union(*held, *map(given_back, parts))
    function = (
        getattr(value, "fget", None) or getattr(value, "func", None) or getattr(value, "__func__", value)
    )
    if not isfunction(function):
        return set()
    return crmlab_classes(get_type_hints(function, localns=UNSEEN).get("return"))


@pytest.mark.parametrize("room", crmlab.__all__)
def test_every_class_that_a_public_function_gives_back_is_public(room):
    public = [value for name, value in public_names().items() if name.partition(".")[0] == room]
    public = [value for value in public if isfunction(value) or isinstance(value, type)]
    returned = set().union(*map(given_back, public))
    if room == "value":  # fit() returns what the model names as its results_class
        returned |= {one for one in below(LikelihoodResults) if one.__module__.startswith("crmlab.value")}
        assert len(returned) > 3
    missing = {one for one in returned - set(public) if one.__module__.startswith(f"crmlab.{room}")}
    assert {one.__name__ for one in missing} == set()


def below(base: type) -> set[type]:
    return set(base.__subclasses__()).union(*map(below, base.__subclasses__()))


def test_classes_given_back_are_found_wherever_they_stand():
    @dataclass
    class Room:
        levers: crmlab.company.Levers

        @property
        def forms(self) -> dict[str, crmlab.practice.Form]: ...

        @classmethod
        def read(cls) -> "crmlab.company.World | None": ...

    found = {crmlab.company.Levers, crmlab.practice.Form, crmlab.company.World}
    assert given_back(Room) == found


def test_types_are_shipped():
    assert (ROOT / "crmlab" / "py.typed").is_file()


# ---- files that say the same


def test_constraints_name_every_dependency_in_a_version_that_its_range_accepts():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[\w.-]+==[\w.!+]+", line) for line in lines)
    pinned = {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}
    for requirement in DECLARED + DRIVER:
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), requirement


def test_environment_yml_mirrors_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    *conda, pip = environment["dependencies"]
    assert pip["pip"][-1] == "-e .[test]"
    listed = {Requirement(text) for text in conda + pip["pip"][:-1]}
    wanted = {Requirement(f"{CONDA_NAMES.get(one.name, one.name)}{one.specifier}") for one in DECLARED}
    assert listed == wanted | {Requirement(f"python{PROJECT['requires-python']}"), Requirement("pip")}


def test_citation_has_the_version_of_the_package():
    assert f"\nversion: {PROJECT['version']}\n" in (ROOT / "CITATION.cff").read_text()


def test_commands_in_the_readme_exist():
    pages = [ROOT / "README.md", ROOT / "docs" / "grading.md", ROOT / "exercises" / "README.md"]
    readme = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    blocks = re.findall(r"```\w*\n(.*?)```|`([^`\n]+)`", readme, flags=re.DOTALL)
    code = "\n".join(block + span for block, span in blocks)
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", code))
    assert {"course", "test"} <= named <= targets
    assert set(re.findall(r"^crmlab ([a-z]+)", code, flags=re.MULTILINE)) <= {
        "company",
        "data",
        "grade",
        "lab",
        "prove",
        "release",
        "replicate",
        "run",
    }


def test_ci_runs_the_readme_test_command_and_has_a_sandbox_to_attack_and_a_browser_to_look_with():
    script = (ROOT / ".ci" / "run").read_text().splitlines()
    needed = ["set -euo pipefail", "bwrap --version", "chromium --version"]
    assert [line for line in script if line in needed] == needed
    assert script[-3:] == ["make test", "make test-hostile", "make test-browser"]


def test_make_test_leaves_out_what_the_readme_says_and_nothing_else():
    left_out = re.search(r'^\t.*-m "(.*)"$', (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    markers = [text.partition(":")[0] for text in PYTEST["markers"]]
    assert left_out and left_out[1] == " and ".join(f"not {marker}" for marker in markers)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(
        f"`{command}`" in readme for command in ("make test-full", "make test-hostile", "make test-browser")
    )


def test_nothing_in_the_repository_belongs_to_one_machine():
    private = re.compile(
        r"(?<![\w.:/}])/(home|Users|root|work)/\w|https?://[\w.-]*(pypi|pythonhosted|anaconda|npmjs)"
    )
    for path in repository_files():
        assert not private.search(path.read_text(encoding="utf-8", errors="ignore")), path


# ---- set-up


@pytest.fixture
def bare_clone(tmp_path):
    if not shutil.which("make"):
        pytest.skip("there is no make here")
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def make(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["make", *words], cwd=folder, capture_output=True, text=True)


def test_make_alone_lists_the_targets(bare_clone):
    printed = make(bare_clone).stdout
    assert all(
        f"make {target} " in printed
        for target in ("course", "lab", "test", "test-browser", "test-full", "bench", "help")
    )


def test_make_refuses_an_old_python_with_a_clear_sentence(bare_clone):
    refused = make(bare_clone, "course", "PYTHON=false")
    assert refused.returncode != 0 and "needs Python 3.11 or newer" in refused.stdout + refused.stderr
    assert not (bare_clone / ".venv").exists()


def test_make_installs_once_and_again_only_when_the_requirements_change(bare_clone):
    stamp, requirements = bare_clone / ".venv" / ".ready", bare_clone / "constraints.txt"
    stamp.parent.mkdir()
    assert "pip install" in make(bare_clone, "-n", "course").stdout
    stamp.touch()
    assert "pip install" not in make(bare_clone, "-n", "course").stdout
    os.utime(requirements, (time.time() + 1, time.time() + 1))
    assert "pip install" in make(bare_clone, "-n", "course").stdout


def test_the_value_room_names_the_lesson_of_each_module():
    rows = getdoc(crmlab.value) or ""
    modules = {path.stem for path in (ROOT / "crmlab" / "value").glob("*.py")} - {"__init__"}
    assert set(re.findall(r"``(\w+)``", rows)) == modules
    assert re.findall(r"^4\d", rows, flags=re.MULTILINE) == [
        lesson.number for lesson in course.lessons() if lesson.part == 4
    ]
