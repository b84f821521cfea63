"""A student's code runs in a box that holds inputs only, and plain answers come out of it.

The box is bubblewrap's: no network, no other processes to be seen, read-only but for small folders in memory;
as root every slot has a user id of its own. Whatever comes out is a claim by an unknown author. If a cell or
an answer ends the process or takes too long, everything in the box is ended, and a new box starts without it.
"""

import fcntl
import functools
import itertools
import json
import os
import platform
import selectors
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Any

import psutil  # type: ignore[import-untyped]

from crmlab._paths import DATASETS, ROOT
from crmlab.grading import _filter
from crmlab.grading._claims import Said
from crmlab.grading._limits import SOCKET, Group, Limits, group, kernel_memory, rlimits

ATTEMPTS, TICK, STARTING = 6, 0.2, 60.0
"""Boxes for one submission, seconds between two looks at its processes, seconds to get ready."""

HOME, MOST_BESIDE, FIRST_USER = "/student", 500, 61_000
"""Where the cells run, how many entries beside a notebook are there, and (as root) the user id of slot 0."""

HIDDEN, WRITABLE = "hidden", ("/tmp", HOME, "/dev/shm")
"""Where a job's hidden inputs lie until all cells have run; the folders of a box that can be written to."""

SYSTEM = [Path("/", name) for name in ("usr", "bin", "sbin", "lib", "lib32", "lib64")]

PYTHON, INSIDE = [sys.executable, "-P", "-s"], str(ROOT / "crmlab" / "grading" / "inside.py")


@dataclass
class Outcome:
    """What came back from a submission.

    Parameters
    ----------
    answers : dict
        Question to plain answer, as it was sent; a question without an answer is missing.
    errors : dict
        Number of a cell (from 0) to what stopped it.
    note : str
        Why the run as a whole ended early, or "".
    cpu_seconds : float
        Processor time of all attempts.
    """

    answers: dict[str, Any] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)
    note: str = ""
    cpu_seconds: float = 0.0


def unavailable() -> str:
    """Return "" if a sandbox can be had on this machine, and otherwise the reason and what to do about it.

    Examples
    --------
    >>> isinstance(unavailable(), str)
    True
    """
    if sys.platform != "linux":
        return "There is no sandbox but on Linux: grade on a Linux machine, in WSL, or with --trust."
    if platform.machine() not in _filter.ARCHITECTURES:
        known = " and ".join(_filter.ARCHITECTURES)
        return f"The sandbox knows {known}, and this machine is {platform.machine()}."
    for tool, package in (("bwrap", "bubblewrap"), ("prlimit", "util-linux"), ("setpriv", "util-linux")):
        if not shutil.which(tool):
            return f"The program {tool} is missing: install it (on Debian and Ubuntu: apt install {package})."
    with TemporaryDirectory() as job, _box(Path(job), Limits(), 0) as (command, options, _):
        probe = [*command, *PYTHON, "-c", "import crmlab, IPython"]
        said = subprocess.run(probe, stdin=DEVNULL, capture_output=True, text=True, **options)
    if said.returncode == 0:
        return ""
    last = (said.stderr.strip().splitlines() or [f"exit code {said.returncode}"])[-1]
    if "namespace" in last or "uid map" in last:
        return f"Ordinary users may not make user namespaces here ({last}): grade as root, or allow them."
    if "ermission denied" in said.stderr or "No module named" in last:
        folders = " ".join(str(path) for path in mounted() if path not in SYSTEM)
        return f"Another user cannot read crmlab's Python ({last}): chmod -R go+rX {folders}."
    return f"The sandbox does not start: {last}"


def mounted() -> list[Path]:
    """Return the folders that student code can see, with everything in them; keep nothing secret there.

    Examples
    --------
    >>> ROOT / "crmlab" in mounted(), ROOT / "exercises" in mounted()
    (True, False)
    """
    python = [Path(sys.base_prefix), Path(sys.prefix), Path(sys.executable).resolve().parents[1]]
    seen = [path for path in SYSTEM if path.is_dir() and not path.is_symlink()]
    seen += dict.fromkeys(path for path in python if not path.is_relative_to("/usr"))
    return [*seen, ROOT / "crmlab", DATASETS]


def execute(
    job: Path,
    limits: Limits = Limits(),  # noqa: B008
    slot: int = 0,
    trust: bool = False,
    stop: threading.Event | None = None,
) -> Outcome:
    """Run the cells of a job in a sandbox and return what came back.

    Parameters
    ----------
    job : Path
        A folder with ``job.json`` (cells and questions), ``student/`` (what lies beside the notebook) and
        ``cases/`` (inputs of function questions). As root, the latter two are made readable for everybody.
    limits : Limits
        What the submission may use.
    slot : int
        Number of this run among those at the same time.
    trust : bool
        Run without a sandbox.
    stop : threading.Event, optional
        Once it is set, the run is ended and ``concurrent.futures.CancelledError`` raised.

    Returns
    -------
    Outcome

    Examples
    --------
    >>> with TemporaryDirectory() as folder:
    ...     _ = Path(folder, "job.json").write_text('{"cells": ["a = 1", "a / 0"], "questions": {}}')
    ...     execute(Path(folder), trust=True).errors
    {1: 'ZeroDivisionError: division by zero (line 1)'}
    """
    job = job.resolve()
    task = json.loads((job / "job.json").read_text(encoding="utf-8"))
    functions = {name for name, question in task["questions"].items() if question["cases"]}
    deadline = time.monotonic() + limits.total_seconds
    outcome, blamed, given_up = Outcome(), dict[int | str, tuple[int, str]](), ""
    if (job / "cases").is_dir() and not (job / HIDDEN).exists():
        (job / "cases").rename(job / HIDDEN)
    for folder in ("cases", HIDDEN):
        (job / folder).mkdir(exist_ok=True)
    for attempts in itertools.count(1):
        said = Said(len(task["cells"]), set(task["questions"]), functions)
        said.reveal = functools.partial(_move, job / HIDDEN, job / "cases")
        _move(job / "cases", job / HIDDEN)
        # given up: what comes before the cell that was last blamed has run well, and its answers count
        last = max((at for at in blamed if isinstance(at, int)), default=len(said.cells))
        left = said.cells[last:] if given_up else ()
        with (_bare if trust else _box)(job, limits, slot) as (command, options, made):
            words = [*command, *PYTHON, INSIDE, str(job) if trust else "/job", json.dumps([*blamed, *left])]
            with closing(_Attempt(words, job, options, made, () if trust else WRITABLE)) as attempt:
                reason = attempt.follow(said, limits, deadline, stop)
        outcome.answers |= said.answers
        outcome.errors = said.errors
        outcome.cpu_seconds += attempt.cpu_seconds
        late = time.monotonic() > deadline and not said.ended
        if said.at is not None and (reason or late) and not given_up:
            # what was blamed after this cell may have suffered from what the cell left running
            blamed = {at: (begun, why) for at, (begun, why) in blamed.items() if begun <= said.begun}
            blamed[said.at] = said.begun, reason or "stopped, as the time for all cells was over"
        if said.ended or given_up:
            outcome.note = given_up
            break
        if said.at is None and not late:
            outcome.note = f"the sandbox did not start: {reason} {attempt.complaint}".strip()
            break
        if late:
            given_up = f"gave up after {limits.total_seconds:g} seconds"
            deadline = time.monotonic() + STARTING
        elif attempts == ATTEMPTS:
            given_up = f"gave up after {ATTEMPTS} attempts"
    outcome.errors |= {at: why for at, (_, why) in blamed.items() if isinstance(at, int)}
    refused = {at: {"refused": why} for at, (_, why) in blamed.items() if isinstance(at, str)}
    outcome.answers = refused | outcome.answers
    return outcome


def _move(source: Path, target: Path) -> None:
    for one in source.iterdir():
        one.rename(target / one.name)


class _Attempt:
    """A process with all that it starts, of which nothing is left once it is closed.

    It has a session of its own, as a Ctrl-C at the terminal is meant for the caller.
    """

    def __init__(
        self, command: Sequence[str], job: Path, more: Mapping[str, Any], made: Group, folders: Sequence[str]
    ) -> None:
        self.cpu_seconds, self.complaint = 0.0, ""
        self._family: set[psutil.Process] = set()
        self._group, self._folders = made, folders
        with _sealed((job / "job.json").read_bytes()) as task:
            self._main = Popen(
                made.around(command), stdin=task, stdout=PIPE, stderr=PIPE, start_new_session=True, **more
            )
        assert self._main.stdout and self._main.stderr
        self._pipe, self._complaints = self._main.stdout.fileno(), self._main.stderr.fileno()
        self._top = psutil.Process(self._main.pid)

    def follow(self, said: Said, limits: Limits, deadline: float, stop: threading.Event | None) -> str:
        """Listen until the end or the deadline; return what stopped the process, or ""."""
        looked = 0.0
        with selectors.DefaultSelector() as selector:
            selector.register(self._pipe, selectors.EVENT_READ)
            while True:
                dead = self._main.poll() is not None
                received = os.read(self._pipe, 2**16) if selector.select(0 if dead else TICK) else None
                said.take(received or b"")
                now, seconds = time.monotonic(), limits.cell_seconds if said.ready else STARTING
                if stop is not None and stop.is_set():
                    raise CancelledError
                if said.ended or now > deadline:
                    return ""
                if now > said.since + seconds:
                    return f"stopped after {seconds:g} seconds"
                if said.bytes > limits.answers or said.lines < 0:
                    return f"sent back more than {_size(limits.answers)}, or too many lines"
                if received == b"" or (dead and not received):
                    if self._group.ran_out():
                        return f"used more than {_size(limits.memory)} of memory"
                    return self._last_words()
                if now > looked + TICK:
                    looked = now
                    if self._look(said.ready) > limits.memory:
                        return f"used more than {_size(limits.memory)} of memory"

    def close(self) -> None:
        """End all processes; the first is held while its children are ended, so that it starts no more."""
        with suppress(psutil.Error):
            self._top.suspend()
        until = time.monotonic() + 10
        self._look()
        while self._family and time.monotonic() < until:
            for process in self._family:
                with suppress(psutil.Error):
                    process.kill()
            time.sleep(0.005)
            self._look()
        self._main.kill()
        with suppress(OSError), self._main:  # closes the pipes, and waits
            os.set_blocking(self._complaints, False)
            self.complaint = os.read(self._complaints, 2000).decode(errors="replace")

    def _look(self, ready: bool = False) -> int:
        """Look at all processes; return the bytes that they, their open files and their folders take."""
        memory, cpu_seconds, found = 0, 0.0, set(self._family)
        with suppress(psutil.Error):
            found.update(self._top.children(recursive=True))
        self._family = {process for process in found if _lives(process)}
        for process in [self._top, *self._family]:
            with suppress(psutil.Error):
                if process.status() == psutil.STATUS_ZOMBIE:  # nothing is told of its other threads
                    process.kill()
                memory += process.memory_info().rss
                cpu_seconds += sum(process.cpu_times()[:4])
                memory += process.num_fds() * SOCKET
                if len(self._family) > 16:  # a fork bomb: others run first
                    process.nice(19)
        self.cpu_seconds = max(self.cpu_seconds, cpu_seconds)
        inside = next(iter(self._family), None) if ready else None  # before that its root is that of the host
        return memory + (kernel_memory(inside.pid, self._folders) if inside else 0)

    def _last_words(self) -> str:
        with suppress(TimeoutExpired):
            code = self._main.wait(timeout=1)
            number = -code if code < 0 else code - 128
            name = signal.strsignal(number) if 0 < number < signal.NSIG else None
            return f"the process ended ({name or f'exit code {code}'})"
        return "the process closed its connection"


def _sealed(task: bytes) -> IO[bytes]:
    """Return a file that nobody can write to: the box could find the way to a file of the host."""
    if sys.platform == "linux":
        file: IO[bytes] = os.fdopen(os.memfd_create("task", os.MFD_ALLOW_SEALING), "w+b")
    else:
        file = TemporaryFile()  # noqa: SIM115
    file.write(task)
    file.seek(0)
    if sys.platform == "linux":
        seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, seals)
    return file


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        dead = process.status() == psutil.STATUS_ZOMBIE and process.num_threads() < 2
        return process.is_running() and not dead
    return False


def _size(number: int) -> str:
    return f"{number / 2**30:g} GiB" if number >= 2**30 else f"{number / 2**20:g} MiB"


def _environment(**more: str) -> dict[str, str]:
    fixed = {"LANG": "C.UTF-8", "MPLBACKEND": "agg", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    threads = {"OPENBLAS_NUM_THREADS": "1", "POLARS_MAX_THREADS": "2", "MALLOC_ARENA_MAX": "2"}
    return {"PATH": f"{sys.prefix}/bin:/usr/bin:/bin", **fixed, **threads, **more}


@contextmanager
def _bare(job: Path, limits: Limits, slot: int) -> Iterator[tuple[list[str], dict[str, Any], Group]]:
    """Give the command and the options of a process without a box, in a folder of its own."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if (job / "student").is_dir():
            shutil.copytree(job / "student", folder, symlinks=True, dirs_exist_ok=True)
        own = _environment(HOME=folder, IPYTHONDIR=f"{folder}/.ipython", MPLCONFIGDIR=str(_fonts().parent))
        yield rlimits(limits) if shutil.which("prlimit") else [], {"cwd": folder, "env": own}, Group(())


@contextmanager
def _box(job: Path, limits: Limits, slot: int) -> Iterator[tuple[list[str], dict[str, Any], Group]]:
    """Give the command and the options of a process in a box."""
    spaces = " ".join(f"--unshare-{space}" for space in ("ipc", "pid", "net", "uts", "cgroup-try"))
    box, user = f"bwrap --die-with-parent --as-pid-1 --new-session {spaces}", ""
    if os.geteuid() == 0:
        user = "setpriv --reuid={0} --regid={0} --clear-groups --no-new-privs".format(FIRST_USER + slot)
        _readable(job / "student", job / HIDDEN, job / "cases")
    else:
        box += " --unshare-user"
    box += f" {_small('/tmp', limits.disk)} {_small(HOME, limits.disk)} --perms 0755 --dir /etc"
    etc = [f"/etc/{name}" for name in ("alternatives", "fonts", "ld.so.cache", "localtime")]
    box += "".join(f" --ro-bind-try {path} {path}" for path in etc)
    words = [*box.split(), "--perms", "0777", "--dir", "/tmp/matplotlib"]
    for path in filter(Path.is_symlink, SYSTEM):
        words += ["--symlink", os.readlink(path), str(path)]
    for path, seen in [*((path, path) for path in mounted()), (job / "cases", Path("/job/cases"))]:
        words += [
            word for above in [*seen.parents][-2::-1] for word in ("--perms", "0755", "--dir", str(above))
        ]
        words += ["--ro-bind-try", str(path), str(seen)]
    # a link would be followed to where it points outside
    beside = [p for p in (job / "student").glob("*") if not p.is_symlink() and (p.is_dir() or p.is_file())]
    for path in sorted(beside)[:MOST_BESIDE]:
        words += ["--ro-bind", str(path), f"{HOME}/{path.name}"]
    words += ["--ro-bind-try", str(_fonts()), f"/tmp/matplotlib/{_fonts().name}"]
    # what is mapped of /dev/zero is memory that counts for nobody
    own = f"--ro-bind /dev/null /dev/zero {_small('/dev/shm', min(limits.disk, 2**26))}"
    words += f"--proc /proc --dev /dev {own} --remount-ro /dev --remount-ro / --chdir {HOME}".split()
    calls, write = os.pipe()
    try:
        with open(write, "wb") as filled:
            filled.write(_filter.program())
        told = _environment(HOME=HOME, IPYTHONDIR="/tmp/ipython", MPLCONFIGDIR="/tmp/matplotlib")
        words += ["--seccomp", str(calls), "--", *rlimits(limits, nproc=limits.processes), *user.split()]
        with group(limits, f"crmlab-{os.getpid()}-{slot}") as made:
            yield words, {"env": told, "pass_fds": [calls]}, made
    finally:
        os.close(calls)


def _small(folder: str, size: int) -> str:
    return f"--perms 1777 --size {size} --tmpfs {folder}"


def _readable(*folders: Path) -> None:
    for path in [path for folder in folders for path in [folder, *folder.rglob("*")]]:
        if path.exists() and not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))


@functools.cache
def _fonts() -> Path:
    """Return the list of fonts that matplotlib made for the caller, as making it takes a second."""
    import matplotlib
    from matplotlib.font_manager import FontManager

    return Path(matplotlib.get_cachedir(), f"fontlist-v{FontManager.__version__}.json")
