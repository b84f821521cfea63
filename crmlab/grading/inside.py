"""What runs in the sandbox: execute a student's cells and send back plain answers, as lines of JSON.

Whatever is said here may be said by the student's code as well: outside, it is no more than a claim.
"""

import builtins
import json
import os
import sys
import time
from json import JSONEncoder
from pathlib import Path
from typing import Any, NoReturn


def main(job: Path, skipped: list[int | str]) -> None:
    """Do the job that standard input describes, without the skipped cells and questions."""
    task = json.load(sys.stdin)
    pipe, nowhere, own = os.dup(1), os.open(os.devnull, os.O_RDWR), os.getpid()
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    encode, write = JSONEncoder(ensure_ascii=False).encode, os.write

    def send(**line: Any) -> None:
        if os.getpid() != own:  # a child that the student's code has left in the middle of a cell
            os._exit(0)
        left = f"{encode(line)}\n".encode(errors="replace")
        while left:
            left = left[write(pipe, left) :]

    run_cell, variables = _shell()
    from crmlab.practice import forms

    questions = {name: one for name, one in task["questions"].items() if name not in skipped}
    nothing = object()
    asked = dict.fromkeys(questions, nothing)

    def ask(name: str, again: bool) -> None:
        question = questions[name]
        held = variables.get(question["variable"], nothing)
        if held is nothing or (held is asked[name] and not again):
            return
        asked[name] = held
        send(asking=name)
        try:
            cases = _cases(job / question["cases"]) if question["cases"] else None
            answer = forms.read(question["form"]).plain(held, cases)
            encode(answer)
        except BaseException as error:  # an answer is the student's object, and may raise anything
            answer = {"refused": _text(error)}
        send(question=name, answer=answer)

    send(ready=True)
    plain = [name for name, one in questions.items() if not one["cases"]]
    for number, cell in enumerate(task["cells"]):
        if number not in skipped:
            send(cell=number)
            error = run_cell(cell)
            send(done=number, error=error)
            for name in plain:  # at once: a later cell may take too long, and this one still counts
                ask(name, again=False)
    for name in plain:
        ask(name, again=True)
    if len(plain) < len(questions):
        send(wanting=True)
        for name in questions:
            if name not in plain:
                ask(name, again=True)
    send(end=True)
    time.sleep(10)  # outside ends this process now, so that no atexit of the student's is waited for
    os._exit(0)


def _cases(folder: Path) -> Any:
    from crmlab.practice.data import read_cases

    until = time.monotonic() + 10
    while not folder.exists() and time.monotonic() < until:  # until now they were kept outside
        time.sleep(0.005)
    return read_cases(folder)


def _shell() -> Any:
    """Return a function that runs a cell and returns its error or None, and the variables of the cells."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    for name in ("showtraceback", "showsyntaxerror", "enable_gui", "ask_exit"):  # nobody looks
        setattr(shell, name, lambda *_, **__: None)
    builtins.input = shell.user_ns["input"] = _nobody
    sys.path.insert(0, "")  # as in a notebook, but only now: a student's json.py is the student's own

    def run_cell(source: str) -> str | None:
        try:
            result = shell.run_cell(source, store_history=False)
            error = result.error_before_exec or result.error_in_exec
        except BaseException as raised:
            error = raised
        if "matplotlib.pyplot" in sys.modules:  # a notebook closes its figures after each cell
            sys.modules["matplotlib.pyplot"].close("all")
        return None if error is None else _text(error)

    return run_cell, shell.user_ns


def _nobody(*_: object) -> NoReturn:
    raise EOFError("input() waits for somebody to type, and while grading there is nobody")


def _text(error: BaseException) -> str:
    """Return the last line of a traceback, and the line of the cell that it came from."""
    try:
        step, line = error.__traceback__, getattr(error, "lineno", None)
        while step and not line:
            line = step.tb_lineno if step.tb_frame.f_code.co_filename.startswith("<ipython-input") else None
            step = step.tb_next
        where = f" (line {line})" if isinstance(line, int) else ""
        said = error.msg if isinstance(error, SyntaxError) else error
        return f"{type(error).__name__}: {said}"[:300] + where
    except BaseException:  # the error is the student's object, too
        return "an error that cannot be shown"


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
