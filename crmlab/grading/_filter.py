"""The program, in the kernel's own language (BPF), that decides on each system call in the box."""

import platform
import struct
import tomllib
from pathlib import Path

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

CALLS: dict[str, list[int]] = {
    name: numbers
    for held in tomllib.loads(Path(__file__).with_name("system_calls.toml").read_text()).values()
    for name, numbers in held.items()
}
"""The numbers of the calls that are looked at, on x86-64 and on arm64."""

NEW_NAMESPACES, UNIX, NO_SUCH_CALL, NO_NETWORK = 0x7E020000, 1, 38, 101
X32 = 0x40000000  # on x86-64 every call has a second number from here on

LOAD, EQUAL, AT_LEAST, ANY_BIT, ANSWER = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, FIRST = 0, 4, 16  # where in what the kernel shows: of the first argument the low half


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
    no, unreachable = ((ANSWER, 0, 0, 0x00050000 | error) for error in (NO_SUCH_CALL, NO_NETWORK))
    steps = [(LOAD, 0, 0, ARCHITECTURE), (EQUAL, 1, 0, ARCHITECTURES[machine]), no]
    steps += [(LOAD, 0, 0, NUMBER), (AT_LEAST, 0, 1, X32), no]
    for name, number in numbers.items():
        if not number:
            continue
        if name == "clone":  # by its flags
            inside = [(LOAD, 0, 0, FIRST), (ANY_BIT, 0, 1, NEW_NAMESPACES), no, (LOAD, 0, 0, NUMBER)]
        elif name in ("socket", "socketpair"):  # by its family
            inside = [(LOAD, 0, 0, FIRST), (EQUAL, 1, 0, UNIX), unreachable, (LOAD, 0, 0, NUMBER)]
        else:
            inside = [no]
        steps += [(EQUAL, 0, len(inside), number), *inside]
    return b"".join(struct.pack("=HBBI", *step) for step in [*steps, (ANSWER, 0, 0, 0x7FFF0000)])
