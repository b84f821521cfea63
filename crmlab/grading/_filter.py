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

NEW_NAMESPACES, SHARED, ANONYMOUS, UNIX, NO_STREAM = 0x7E020000, 0x1, 0x20, 1, 0xE
NEWER = 463  # calls that nobody here has looked at; on x86-64 the second number of each call as well

LOAD, EQUAL, AT_LEAST, ANY_BIT, ANSWER = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, NO_SUCH_CALL, NO_NETWORK = 0, 4, 38, 101  # the first two: where the kernel shows them


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
    steps += [(LOAD, 0, 0, NUMBER), (AT_LEAST, 0, 1, NEWER), no]
    first, second, fourth = ((LOAD, 0, 0, place) for place in (16, 24, 40))  # the low half of an argument
    by_argument = {
        "clone": [first, (ANY_BIT, 0, 1, NEW_NAMESPACES), no],
        "socket": [unreachable],  # one that listens holds more than counts for it
        "socketpair": [first, (EQUAL, 0, 2, UNIX), second, (ANY_BIT, 0, 1, NO_STREAM), unreachable],
        "mmap": [fourth, (ANY_BIT, 0, 2, SHARED), (ANY_BIT, 0, 1, ANONYMOUS), no],  # memory of no process
    }
    for name, number in numbers.items():
        if number >= 0:
            inside = [*by_argument[name], (LOAD, 0, 0, NUMBER)] if name in by_argument else [no]
            steps += [(EQUAL, 0, len(inside), number), *inside]
    return b"".join(struct.pack("=HBBI", *step) for step in [*steps, (ANSWER, 0, 0, 0x7FFF0000)])
