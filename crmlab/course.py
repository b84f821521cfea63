"""The runner of the notebooks, and the pages that are renewed with them."""

import asyncio
import base64
import copy
import io
import json
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.font_manager  # noqa: F401  (builds the font cache once, before kernels would do it side by side)
import nbformat
import numpy as np
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.manager import AsyncKernelManager
from matplotlib.image import imread
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from tqdm import tqdm

from crmlab._paths import ROOT
from crmlab.syllabus import Lesson, glossary, lessons, pages, table

# fmt: off
__all__ = [
    "Lesson", "alternatives", "clean", "figure_difference", "figures", "glossary", "kernel_environment",
    "lessons", "run", "table",
]
# fmt: on

CELL_TIMEOUT = 120
"""Seconds after which a cell is given up."""

FIGURE_TOLERANCE = 0.0005
"""Mean absolute difference of two figures, on a scale from 0 (equal) to 1 (black against white).

A line plot against empty axes differs by 0.004, one bar in ten that is 5 % too long by 0.0006;
two runs under constraints.txt differ by nothing.
"""

METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
"""All that a stored notebook says of its kernel: no version, so that no diff comes from one."""


def kernel_environment() -> dict[str, str]:
    """Return the environment in which notebooks run, so that two runs give the same outputs.

    Hashes and the order of sums in linear algebra are fixed, and figures go into the notebook whatever the
    caller's ``MPLBACKEND`` says.

    Examples
    --------
    >>> kernel_environment()["PYTHONHASHSEED"]
    '0'
    """
    inherited = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    return inherited | {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}


def figures(outputs: Sequence[Any]) -> list[bytes]:
    """Return the PNG files among the outputs of a cell.

    Examples
    --------
    >>> figures([{"output_type": "display_data", "data": {"image/png": "aGVsbG8="}}])
    [b'hello']
    """
    found = [output.get("data", {}).get("image/png") for output in outputs]
    return [base64.b64decode(png) for png in found if png]


def alternatives(outputs: Sequence[Any]) -> list[str]:
    """Return the alternative text of each figure among the outputs of a cell; empty where it has none.

    Examples
    --------
    >>> alternatives([{"data": {"image/png": "aGVsbG8="}, "metadata": {"image/png": {"alt": "A wave."}}}])
    ['A wave.']
    """
    shown = [output for output in outputs if output.get("data", {}).get("image/png")]
    return [output.get("metadata", {}).get("image/png", {}).get("alt", "") for output in shown]


def figure_difference(stored: Sequence[Any], fresh: Sequence[Any]) -> str:
    """Compare the figures of one cell's stored and fresh outputs, which nbval does not.

    Parameters
    ----------
    stored, fresh : sequence of notebook outputs
        Outputs of the same cell, stored in the notebook and newly computed.

    Returns
    -------
    str
        What differs, or an empty string: the number of figures, an alternative text, the size of one in
        pixels, or its mean absolute difference of red, green and blue, if above `FIGURE_TOLERANCE`.

    Examples
    --------
    >>> figure_difference([{"data": {"image/png": "aGVsbG8="}}], [])
    'stored figures: 1, fresh figures: 0'
    """
    old, new = figures(stored), figures(fresh)
    if len(old) != len(new):
        return f"stored figures: {len(old)}, fresh figures: {len(new)}"
    for told, anew in zip(alternatives(stored), alternatives(fresh), strict=True):
        if told != anew:
            return f"stored alternative text: {told}\nfresh alternative text: {anew}"
    for number, (before, after) in enumerate(zip(old, new, strict=True), start=1):
        if before == after:
            continue
        a, b = (np.atleast_3d(imread(io.BytesIO(png)))[..., :3] for png in (before, after))
        if a.shape != b.shape:
            sizes = [f"{width} × {height}" for height, width, _ in (a.shape, b.shape)]
            return f"figure {number}: stored {sizes[0]} pixels, fresh {sizes[1]} pixels"
        difference = float(np.abs(a - b).mean())
        if difference > FIGURE_TOLERANCE:
            return f"figure {number}: mean difference {difference:.4f}, tolerance {FIGURE_TOLERANCE}"
    return ""


def clean(notebook: NotebookNode) -> NotebookNode:
    """Return the notebook as it is stored: nothing in it that changes from run to run or between machines.

    Metadata are the kernel's name, the cells' tags and whether their source is folded, and the alternative
    texts of figures; cell ids are kept, and given where they are missing; code cells are numbered from 1; an
    error that a cell is meant to raise keeps its last line only, for the frames above it hold paths of this
    machine.

    Examples
    --------
    >>> clean(nbformat.v4.new_notebook()).metadata.kernelspec.name
    'python3'
    """
    notebook = copy.deepcopy(notebook)
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat_minor = 5
    for cell in notebook.cells:
        kept = {"tags": cell.metadata.get("tags"), "jupyter": cell.metadata.get("jupyter")}
        cell.metadata = nbformat.from_dict({name: value for name, value in kept.items() if value})
    for number, cell in enumerate(_code_cells(notebook).values(), start=1):
        cell.execution_count = number
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = number
            if "metadata" in output:
                told = [{"image/png": {"alt": alt}} for alt in alternatives([output]) if alt]
                output.metadata = nbformat.from_dict(told[0] if told else {})
            if output.output_type == "error":
                output.traceback = [f"{output.ename}: {output.evalue}"]
    return nbformat.validator.normalize(notebook)[1]


def run(
    numbers: Sequence[str] = (),
    jobs: int | None = None,
    json_file: Path | None = None,
    update: bool = False,
    root: Path = ROOT,
) -> int:
    """Execute notebooks of the course from top to bottom, in parallel, and print a table of what happened.

    Executed copies go to ``build/notebooks``. A stored notebook changes only with `update`, and only when
    every cell of it ran; a figure that differs from the stored one is a fault unless it is to be updated.

    Parameters
    ----------
    numbers : sequence of str
        The lessons to run, by number or by name; all of them when empty.
    jobs : int, optional
        Kernels at work at the same time; the number of cores by default.
    json_file : Path, optional
        Where to write the table as a list of rows: notebook, seconds, budget, cells, figures, verdict,
        detail, executed.
    update : bool
        Store the executed notebooks and refresh the README's table.
    root : Path
        The clone to work in.

    Returns
    -------
    int
        0 if every notebook passed, 1 otherwise.

    Raises
    ------
    ValueError
        An unknown number, fewer than one job, or a notebook that cannot be read.

    Examples
    --------
    >>> run(["00"])  # doctest: +SKIP
    0
    """
    chosen = lessons(numbers, root)
    jobs = (os.cpu_count() or 1) if jobs is None else jobs
    if jobs < 1:
        raise ValueError(f"--jobs is the number of notebooks run at a time, 1 or more; it was {jobs}.")
    stored = [_read(root / "notebooks" / f"{lesson.name}.ipynb") for lesson in chosen]
    executed = copy.deepcopy(stored)
    cells = sum(len(_code_cells(notebook)) for notebook in stored)
    with tqdm(total=cells, unit="cell", leave=False, disable=None) as bar:
        outcomes = asyncio.run(_execute_all(executed, root / "notebooks", jobs, bar))
    build = root / "build" / "notebooks"
    rows = []
    for lesson, before, after, (seconds, detail) in zip(chosen, stored, executed, outcomes, strict=True):
        file = f"{lesson.name}.ipynb"
        _write(build / file, nbformat.writes(after) + "\n")
        if detail:
            verdict = "failed"
        elif update:
            changed = _write(root / "notebooks" / file, nbformat.writes(clean(after)) + "\n")
            verdict = "updated" if changed else "passed"
        else:
            detail = _figure_differences(before, after)
            verdict = "figure differs" if detail else "passed"
        row = {"notebook": lesson.name, "seconds": round(seconds, 1), "budget": lesson.budget_seconds}
        row |= {"cells": len(_code_cells(after)), "figures": _count_figures(after)}
        row |= {"verdict": verdict, "detail": detail, "executed": f"build/notebooks/{file}"}
        rows.append(row)
    if update:
        for path, text in pages(root).items():
            _write(path, text)
    if json_file is not None:
        _write(Path(json_file), json.dumps(rows, indent=1) + "\n")
    _report(rows)
    return int(any(row["verdict"] not in ("passed", "updated") for row in rows))


async def _execute_all(
    notebooks: list[NotebookNode], folder: Path, jobs: int, bar: "tqdm[Any]"
) -> list[tuple[float, str]]:
    places = asyncio.Semaphore(jobs)

    async def one(notebook: NotebookNode) -> tuple[float, str]:
        async with places:
            start = time.perf_counter()
            fault = await _execute(notebook, folder, bar)
            return time.perf_counter() - start, fault

    return await asyncio.gather(*map(one, notebooks))


async def _execute(notebook: NotebookNode, folder: Path, bar: "tqdm[Any]") -> str:
    """Run every code cell in a fresh kernel, in place; return what stopped it, or an empty string.

    Cell by cell, because nbclient's ``execute`` puts up signal handlers that know of one notebook only:
    after Ctrl-C the kernels of the others would be left running.
    """
    manager = AsyncKernelManager(kernel_name="python3")
    assert manager.kernel_spec is not None
    manager.kernel_spec.argv = get_kernel_dict()["argv"]  # this interpreter, whatever kernels are installed
    client = NotebookClient(
        notebook, km=manager, timeout=CELL_TIMEOUT, record_timing=False, coalesce_streams=True
    )
    for cell in _code_cells(notebook).values():
        cell.update(outputs=[], execution_count=None)
    number = 0
    try:
        quiet = ["--IPKernelApp.log_level=40", "--HistoryManager.hist_file=:memory:"]
        await manager.start_kernel(cwd=str(folder), env=kernel_environment(), extra_arguments=quiet)
        await client.async_start_new_kernel_client()
        for number, (index, cell) in enumerate(_code_cells(notebook).items(), start=1):
            await client.async_execute_cell(cell, index, execution_count=number)
            bar.update()
    except (CellExecutionError, RuntimeError, TimeoutError) as error:
        return f"cell In [{number}]: " + re.sub(r"\x1b\[[\d;]*m", "", str(error))
    finally:
        if client.kc is not None:
            client.kc.stop_channels()
        if manager.has_kernel:
            await manager.shutdown_kernel(now=True)
    return ""


def _code_cells(notebook: NotebookNode) -> dict[int, NotebookNode]:
    cells = enumerate(notebook.cells)
    return {index: cell for index, cell in cells if cell.cell_type == "code" and cell.source.strip()}


def _count_figures(notebook: NotebookNode) -> int:
    return sum(len(figures(cell.outputs)) for cell in _code_cells(notebook).values())


def _figure_differences(stored: NotebookNode, fresh: NotebookNode) -> str:
    pairs = zip(_code_cells(stored).values(), _code_cells(fresh).values(), strict=True)
    differences = [figure_difference(before.outputs, after.outputs) for before, after in pairs]
    return "\n".join(
        f"cell In [{number}], {found}" for number, found in enumerate(differences, start=1) if found
    )


def _read(path: Path) -> NotebookNode:
    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError, KeyError, nbformat.ValidationError) as error:
        reason = f"{type(error).__name__}: {str(error).splitlines()[0][:80]}"
        remedy = f"Restore it with: git checkout -- notebooks/{path.name}"
        raise ValueError(f"{path.name} cannot be read ({reason}). {remedy}") from error


def _write(path: Path, text: str) -> bool:
    """Replace the file in one step, so that nothing ever meets half of it; say whether it changed."""
    if path.exists() and path.read_bytes() == text.encode():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(path.name + ".tmp")
    half.write_bytes(text.encode())
    half.replace(path)
    return True


def _report(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        if row["detail"]:
            print(f"\n{row['notebook']}, {row['detail']}")
    print(f"\n{'notebook':<32}{'seconds':>8}{'budget':>8}{'cells':>7}{'figures':>9}  verdict")
    for row in rows:
        print(
            f"{row['notebook']:<32}{row['seconds']:>8.1f}{row['budget']:>8}{row['cells']:>7}"
            f"{row['figures']:>9}  {row['verdict']}"
        )
    print(
        "\nThe executed notebooks are in build/notebooks; open the stored ones with: make lab, or crmlab lab"
    )
    if any(row["verdict"] == "figure differs" for row in rows):
        print("A figure that is meant to differ is stored with: crmlab run --update")
