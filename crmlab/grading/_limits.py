"""What a submission may use, and how the kernel is told: by control groups if there are any, by rlimits."""

import os
import re
import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

CONTROL_GROUPS, OWN_GROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
SLACK = 1.25
"""Times the memory allowed that a control group allows: whoever watches is to see it first, and say so."""

SOCKET, INODE = 2**18, 2**11
"""Bytes in the kernel that an open file may stand for (a full socket), and that an empty file takes."""


@dataclass(frozen=True)
class Limits:
    """What a submission may use.

    Parameters
    ----------
    cell_seconds, total_seconds : float
        For one cell or one answer, and for all attempts at the submission together.
    memory : int
        Bytes in memory of all its processes together, with the files that it wrote and what its open files
        may hold in the kernel.
    processes : int
        Processes and threads at a time (not with ``trust``).
    disk : int
        Bytes in each folder that it may write to, and in one file.
    answers : int
        Bytes that may come back in one attempt.
    files : int
        Files that one process may have open.
    """

    cell_seconds: float = 60
    total_seconds: float = 300
    memory: int = 3 * 2**30
    processes: int = 96
    disk: int = 256 * 2**20
    answers: int = 4 * 2**20
    files: int = 256


def told() -> str:
    """Say which limits hold on this machine.

    Examples
    --------
    >>> told().startswith("What a submission may use is limited by ")
    True
    """
    groups = _parents()
    kernel = "control groups (memory, processes)" if groups else "rlimits"
    watched = "" if groups else " No control group can be made here: memory is counted five times a second."
    limited = f"limited by {kernel}, by the sizes of its folders and by a filter of system calls."
    return f"What a submission may use is {limited}{watched}"


def rlimits(limits: Limits, **more: int) -> list[str]:
    """Return the words before a command that limit each of its processes."""
    sizes = {"as": 2 * limits.memory, "fsize": limits.disk, "cpu": int(4 * limits.total_seconds) + 1}
    sizes |= {"nofile": limits.files, "core": 0, "msgqueue": 0, "memlock": 2**16, "sigpending": 256, **more}
    return ["prlimit", *(f"--{name}={most}" for name, most in sizes.items())]


class Group:
    """The control groups of one box; none where none can be made."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders

    def around(self, command: Sequence[str]) -> list[str]:
        """Return a command that enters the groups, and then does what it was to do."""
        enter = "".join(f"echo 0 > {shlex.quote(str(one))}/cgroup.procs && " for one in self._folders)
        return ["/bin/sh", "-c", f'{enter}exec "$@"', "sh", *command] if self._folders else [*command]

    def ran_out(self) -> bool:
        """Return whether the kernel has ended a process because there was no memory left."""
        names = ("memory.events", "memory.oom_control")
        files = [file for one in self._folders for name in names if (file := one / name).exists()]
        return any(re.search(r"(?m)^oom_kill [1-9]", file.read_text()) for file in files)


@contextmanager
def group(limits: Limits, name: str) -> Iterator[Group]:
    """Make control groups of a name for one box, and remove them."""
    most = int(SLACK * limits.memory)
    sizes = {"memory.max": most, "memory.swap.max": 0, "memory.limit_in_bytes": most}
    sizes |= {"memory.memsw.limit_in_bytes": most, "pids.max": limits.processes + 8}
    made: list[Path] = []
    try:
        for parent in _parents():
            folder = parent / name
            with suppress(OSError):
                folder.mkdir()
                made.append(folder)
            for file, size in sizes.items():
                with suppress(OSError):
                    if (folder / file).exists():
                        (folder / file).write_text(str(size))
        yield Group(made)
    finally:
        for folder in made:
            for _ in range(200):  # the last process is gone a moment later
                with suppress(OSError):
                    folder.rmdir()
                    break
                time.sleep(0.01)


def _parents() -> list[Path]:
    """Return the control groups below which this process may make one, for memory and for processes."""
    own = dict.fromkeys(("memory", "pids", ""), "")
    with suppress(OSError):
        for line in OWN_GROUPS.read_text().splitlines():
            for controller in line.split(":")[1].split(","):
                own[controller] = line.split(":", 2)[2].lstrip("/")
    first = [CONTROL_GROUPS / one / own[one] for one in ("memory", "pids")]
    if all((one / "cgroup.procs").exists() and os.access(one, os.W_OK) for one in first):
        return first
    here = CONTROL_GROUPS / own[""]
    for parent in (here, here.parent):
        with suppress(OSError):
            shared = (parent / "cgroup.subtree_control").read_text().split()
            may = all(os.access(one, os.W_OK) for one in (parent, parent / "cgroup.procs"))
            if {"memory", "pids"} <= set(shared) and may:
                return [parent]
    return []


def kernel_memory(process: int, folders: Sequence[str]) -> int:
    """Return the bytes that files in a box's own folders take, seen through one of its processes.

    Examples
    --------
    >>> kernel_memory(0, ["/tmp"])
    0
    """
    taken = 0
    for folder in folders:
        with suppress(OSError):
            held = os.statvfs(f"/proc/{process}/root{folder}")
            taken += (held.f_blocks - held.f_bfree) * held.f_frsize + (held.f_files - held.f_ffree) * INODE
    return taken
