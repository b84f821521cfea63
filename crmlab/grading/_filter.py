"""The program, in the kernel's own language (BPF), that decides on each system call in the box."""

import platform
import struct
import tomllib
from pathlib import Path
from typing import Any

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

_HELD = tomllib.loads(Path(__file__).with_name("system_calls.toml").read_text())
STEPS: dict[str, list[list[Any]]] = _HELD.pop("steps")
"""Of calls that are looked at by their arguments: what is done there."""

CALLS: dict[str, list[int]] = {name: both for held in _HELD.values() for name, both in held.items()}
"""The numbers of the calls that are looked at, on x86-64 and on arm64."""

NEWER = 463  # calls that nobody here has looked at; on x86-64 the second number of each call as well
DO = {"load": 0x20, "equal": 0x15, "at least": 0x35, "any bit": 0x45, "answer": 0x06}
NUMBER, ARCHITECTURE, NO_SUCH_CALL, ALLOWED = 0, 4, 0x50026, 0x7FFF0000


def program(machine: str = "") -> bytes:
    """Return the filter for bubblewrap's ``--seccomp``.

    Parameters
    ----------
    machine : str
        As :func:`platform.machine` names it; this one by default.

    Examples
    --------
    >>> len(program("x86_64")) % 8, len(program("aarch64")) > 200
    (0, True)
    """
    machine = machine or platform.machine()
    numbers = {name: both[machine != "x86_64"] for name, both in CALLS.items()}
    load, no = ["load", 0, 0, NUMBER], ["answer", 0, 0, NO_SUCH_CALL]
    steps: list[list[Any]] = [["load", 0, 0, ARCHITECTURE], ["equal", 1, 0, ARCHITECTURES[machine]], no]
    steps += [load, ["at least", 0, 1, NEWER], no]
    for name, number in numbers.items():
        if number >= 0:
            inside = [*STEPS[name], load] if name in STEPS else [no]
            steps += [["equal", 0, len(inside), number], *inside]
    steps.append(["answer", 0, 0, ALLOWED])
    return b"".join(struct.pack("=HBBI", DO[what], *rest) for what, *rest in steps)
