"""What a student's code can do to the box it runs in, and to anything outside of it.

The referee is the machine: after every run the processes of the slot's user, the folders outside, a server
and what a neighbour computed are looked at from outside.
"""

import contextlib
import functools
import hashlib
import json
import os
import platform
import re
import socket
import struct
import threading
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from crmlab._paths import ROOT
from crmlab.grading import _filter, _limits, sandbox
from crmlab.grading._claims import Said
from crmlab.grading._filter import CALLS as CALLS_FILTERED
from crmlab.grading.sandbox import FIRST_USER, Limits, Outcome, execute, mounted, unavailable

SLOT = 100 + os.getpid() % 4000  # so that two runs of the tests at a time do not meet
QUICK = Limits(cell_seconds=3, total_seconds=60, memory=700 * 2**20, disk=32 * 2**20, answers=2**20)
NUMBER = {"form": "Number"}


@pytest.fixture(autouse=True)
def _needs_a_sandbox(request: pytest.FixtureRequest) -> None:
    if "nobox" in request.node.name:
        return
    reason = REASON[0] if REASON else REASON.append(unavailable()) or REASON[0]
    if reason and os.environ.get("CI"):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


REASON: list[str] = []


def run(
    folder: Path,
    cells: list[str],
    limits: Limits = QUICK,
    slot: int = SLOT,
    names: tuple[str, ...] = ("before", "answer", "after"),
    form: Any = NUMBER,
    cases: str | None = None,
    alone: bool = True,
    **options: Any,
) -> Outcome:
    """Run cells between two others, and look that no process is left."""
    (folder / "student").mkdir(parents=True, exist_ok=True)
    forms = dict.fromkeys(names, NUMBER) | {"answer": form}
    questions = {
        name: {"variable": name, "form": forms[name], "cases": cases if name == "answer" else None}
        for name in names
    }
    job = {"cells": ["before = 1", *cells, "after = 2"], "questions": questions}
    (folder / "job.json").write_text(json.dumps(job))
    try:
        return execute(folder, limits, slot, **options)
    finally:
        assert not (alone or os.geteuid() == 0) or not left(slot)  # an ordinary user's slots look the same


def left(slot: int) -> list[psutil.Process]:
    """Return the living processes of a slot: of its user, or of an ordinary caller's boxes."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE and process.num_threads() < 2:
                continue
            if os.geteuid() == 0 and process.uids().real == FIRST_USER + slot:
                found.append(process)
            if os.geteuid() != 0 and process.uids().real == os.geteuid():
                found += [process] if process.environ().get("HOME") == sandbox.HOME else []
        except psutil.Error:
            continue
    return found


def survived(outcome: Outcome) -> None:
    """Assert that the cells before and after an attack were marked."""
    assert outcome.note == ""
    assert (outcome.answers["before"], outcome.answers["after"]) == (1, 2)


def test_answers_come_out(tmp_path):
    (tmp_path / "student" / "data").mkdir(parents=True, mode=0o700)  # made readable by execute
    (tmp_path / "student" / "data" / "sales.csv").write_text("a\n3\n4\n")
    (tmp_path / "student" / "secret").symlink_to(Path.home())
    cells = [
        "import pandas as pd\nimport crmlab.datasets\nanswer = pd.read_csv('data/sales.csv').a.sum()\nanswer",
        "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1])\nplt.show()",
        "!echo 5 > five.txt\ntyped = int(open('five.txt').read())",
        "awaited = await __import__('asyncio').sleep(0, 7)",
        "import os\nassert 'fontlist' in os.listdir(os.environ['MPLCONFIGDIR'])[0] and not plt.get_fignums()",
        "os.stat('secret')",
        "1 +",
        "def broken():\n    return nowhere",
        "x = 1\n\nbroken()",
        "6 * 7",
        "last = _",
        "unfinished = ...",
    ]
    names = ("before", "answer", "after", "typed", "awaited", "unfinished", "missing", "last")
    outcome = run(tmp_path, cells, names=names)
    survived(outcome)
    assert outcome.answers == {
        "before": 1,
        "answer": 7,
        "after": 2,
        "typed": 5,
        "awaited": 7,
        "unfinished": None,
        "last": 42,
    }
    assert outcome.errors == {
        6: "FileNotFoundError: [Errno 2] No such file or directory: 'secret' (line 1)",
        7: "SyntaxError: invalid syntax (line 1)",
        9: "NameError: name 'nowhere' is not defined (line 3)",
    }
    assert 0.2 < outcome.cpu_seconds < 30


def test_a_loop_costs_its_cell_only(tmp_path):
    outcome = run(tmp_path, ["while True:\n    pass", "answer = 3"], Limits(cell_seconds=2))
    survived(outcome)
    assert outcome.answers["answer"] == 3
    assert outcome.errors == {1: "stopped after 2 seconds"}


def test_functions_get_their_cases_and_one_that_hangs_costs_its_question_only(tmp_path):
    from crmlab.practice.data import write_cases
    from crmlab.practice.forms import Function, Number

    write_cases([{"n": 2}, {"n": 5}], tmp_path / "cases" / "one")
    form = Function(("n",), Number()).to_dict()
    outcome = run(tmp_path, ["def answer(n): return n * n"], form=form, cases="cases/one")
    survived(outcome)
    assert outcome.answers["answer"] == {"outputs": [4, 25]}
    outcome = run(tmp_path, ["def answer(n):\n    while True: pass"], form=form, cases="cases/one")
    survived(outcome)
    assert outcome.answers["answer"] == {"refused": "stopped after 3 seconds"}


def test_without_a_box_nobox(tmp_path):
    cells = ["import os\nanswer = 5\nopen('x', 'w').write('x')", "os._exit(3)", "while True: pass", "1 / 0"]
    outcome = run(tmp_path, cells, trust=True)
    survived(outcome)
    assert outcome.answers["answer"] == 5
    assert outcome.errors == {
        2: "the process ended (exit code 3)",
        3: "stopped after 3 seconds",
        4: "ZeroDivisionError: division by zero (line 1)",
    }
    assert not [*(tmp_path / "student").iterdir()]


def test_exercises_secrets_and_homes_are_not_mounted_nobox():
    secret = [ROOT / "exercises", ROOT / ".git", ROOT / "notebooks", Path.home(), Path("/etc"), Path("/tmp")]
    assert not [one for one in secret for path in mounted() if one.is_relative_to(path)]


def test_stop_ends_a_run(tmp_path):
    stop = threading.Event()
    threading.Timer(2, stop.set).start()
    began = time.monotonic()
    with pytest.raises(CancelledError):
        run(tmp_path, ["while True: pass"], Limits(), stop=stop)
    assert time.monotonic() - began < 20


def test_a_run_that_takes_too_long_or_dies_too_often_is_given_up(tmp_path):
    outcome = run(tmp_path, ["while True: pass"], Limits(cell_seconds=60, total_seconds=4))
    assert outcome.note == "gave up after 4 seconds"
    outcome = run(tmp_path, ["import os; os._exit(1)"] * 8)
    assert outcome.note == "gave up after 6 attempts"
    assert outcome.errors == dict.fromkeys(range(1, 7), "the process ended (exit code 1)")


def said(*lines: bytes) -> Said:
    heard = Said(3, {"a", "b"})
    for line in lines:
        heard.take(line)
    return heard


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 100_000,
        b"[" * 30 + b"]" * 30,
        b'{"question": "a", "answer": ' + b"[" * 21 + b"]" * 21 + b"}",
        b'{"question": "a", "answer": "\\ud800"}',
        b'{"question": "a", "answer": {"\\udfff": 1}}',
        b'{"question": "c", "answer": 1}',
        b'{"question": ["a"], "answer": 1}',
        b'{"question": "a"}',
        b'{"cell": 3}',
        b'{"cell": -1}',
        b'{"cell": "0"}',
        b'{"cell": NaN}',
        b'{"cell": 1e999}',
        b'{"cell": [0]}',
        b'{"done": 7, "error": "x"}',
        b'{"done": 0, "error": {"a": 1}}',
        b'{"asking": null}',
        b'{"end": 1}',
        b"null",
        b"17",
        b'"end"',
        b"\xff\xfe\x00",
        b"",
        b"{" * 1000,
    ],
)
def test_lines_of_no_meaning_are_ignored_nobox(line):
    heard = said(line + b"\n")
    assert (heard.answers, heard.errors, heard.at, heard.ended) == ({}, {}, None, heard.ended)
    assert not heard.ended or line == b'{"end": 1}'


def test_numbers_that_break_others_become_infinite_nobox():
    heard = said(
        b'{"question": "a", "answer": [1' + b"0" * 5000 + b', NaN, Infinity, -1e999]}\n{"question": "b',
        b'", ',
    )
    assert heard.answers["a"][0] == heard.answers["a"][2] == float("inf")
    assert "b" not in heard.answers
    heard.take(b'"answer": 4}\n{"done": 1, "error": "\\u001b[31m\\n\\ud83d\\ude00' + b"x" * 9000 + b'"}\n')
    assert heard.answers["b"] == 4
    assert heard.errors[1].startswith(" [31m \U0001f600xxx") and len(heard.errors[1]) == 400


def test_what_ends_after_the_hidden_inputs_are_seen_is_told_of_no_cell_nobox():
    heard = Said(3, {"a", "f"}, {"f"})
    heard.take(b'{"cell": 2}\n{"wanting": true}\n{"cell": 1}\n{"done": 1, "error": "424242"}\n')
    assert (heard.at, heard.errors) == ("f", {})


WRITE = "import os\nfor k in range(3, 50):\n    try: os.write(k, {})\n    except OSError: pass"

# What these cells try fails or does no harm, and the process lives on: cell, and the error that it ends in.
HARMLESS = {
    "sys.exit": ("import sys; sys.exit(1)", "SystemExit: 1"),
    "exit": ("exit()", ""),
    "interrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "input": ("x = input()", "EOFError: input.. waits"),
    "standard input": ("import sys\nassert sys.stdin.read() == ''", ""),
    "10 MB of output": ("for _ in range(100): print('x' * 100_000, flush=True)", ""),
    "thread": ("import threading, time\nthreading.Thread(target=time.sleep, args=(99,)).start()", ""),
    "daemon": (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0: time.sleep(99)\n"
        "    os._exit(0)",
        "",
    ),
    "child that goes on": ("import os\nif os.fork() == 0: after = before = -1", ""),
    "exit that hangs": ("import atexit, time\natexit.register(time.sleep, 99)", ""),
    "garbage": (WRITE.format(r"bytes(range(256)) * 20 + b'\n'"), ""),
    "forged cells": (
        WRITE.format("""b'{"cell": 99}\\n{"done": -5, "error": 3}\\n{"question": [], "answer": 1}\\n'"""),
        "",
    ),
    "nested": (WRITE.format(r"b'[' * 60_000 + b'\n'"), ""),
    "error without text": (
        "class E(BaseException):\n    def __str__(self): raise self\nraise E",
        "cannot be shown",
    ),
    "kill itself": ("import os; os.kill(os.getpid(), 9)", ""),
    "kill the first": ("import os; os.kill(1, 9)", "PermissionError|^$"),
    "kill the parent": ("import os; os.kill(os.getppid(), 9)", "PermissionError|^$"),
    "another user": ("import os; os.setuid(0)", "PermissionError|OSError"),
    "su": ("import subprocess\nsubprocess.run(['su', '-c', 'true'], check=True)", "CalledProcessError"),
    "name space": (
        "import subprocess\nsubprocess.run(['unshare', '-U', 'true'], check=True)",
        "CalledProcessError",
    ),
    "name space by clone": (
        "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "number = {'x86_64': 56, 'aarch64': 220}[os.uname().machine]\n"
        "assert libc.syscall(number, 0x10000011, 0, 0, 0, 0) == -1 and ctypes.get_errno() == 38",
        "",
    ),
    "mount": (
        "import subprocess\nsubprocess.run('mount -t tmpfs x /tmp', shell=True, check=True)",
        "CalledProcess",
    ),
    "file of no folder": ("import os; os.memfd_create('x')", "OSError.* not implemented"),
    "100,000 files": (
        "import os\nos.mkdir('many')\nfor n in range(100_000): os.mknod(f'many/{n}')\n"
        "assert len(os.listdir('many')) == 100_000",
        "",
    ),
    "10 GB": (
        "with open('big', 'wb') as f:\n    for _ in range(10_000): f.write(bytes(1_000_000))",
        "OSError",
    ),
    "10 GB of files": (
        "for n in range(1000):\n    with open(f'/tmp/{n}', 'wb') as f: f.write(bytes(10_000_000))",
        "OSError.*No space",
    ),
    "shared memory": (
        "with open('/dev/shm/x', 'wb') as f:\n    for _ in range(99): f.write(bytes(1_000_000))",
        "OSError",
    ),
    "outside address": (
        "import socket\nsocket.create_connection(('1.1.1.1', 53), timeout=1)",
        "OSError: .*Network is unreachable",
    ),
    "network of its own": ("import socket\nsocket.create_server(('127.0.0.1', 0))", "OSError.*unreachable"),
    "pairs of sockets": (
        "import asyncio, socket\na, b = socket.socketpair()\na.send(b'x')\nassert b.recv(1) == b'x'\n"
        "assert await asyncio.sleep(0, 3) == 3",
        "",
    ),
    "names": ("import socket\nsocket.gethostbyname('pypi.org')", "gaierror"),
}


CALLS = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for name, number in {numbers}.items():
    got = libc.syscall(number, 0, 0, 0, 0, 0, 0)
    assert got == -1 and ctypes.get_errno() == 38, (name, got, ctypes.get_errno())
"""


@pytest.mark.hostile
def test_no_call_of_the_filter_goes_through(tmp_path):
    column = platform.machine() != "x86_64"
    numbers = {name: both[column] for name, both in CALLS_FILTERED.items() if name not in _filter.STEPS}
    numbers = {name: number for name, number in numbers.items() if number >= 0} | {"not yet known": 480}
    assert {"ptrace", "semget", "process_vm_writev", "unshare"} <= set(numbers)
    outcome = run(tmp_path, [CALLS.replace("{numbers}", repr(numbers))])
    survived(outcome)
    assert outcome.errors == {}


@pytest.mark.parametrize(
    ("machine", "column", "header"),
    [
        ("x86_64", 0, "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
        ("aarch64", 1, "/usr/include/asm-generic/unistd.h"),
    ],
)
def test_the_numbers_of_the_calls_are_the_kernels_nobox(machine, column, header):
    if not Path(header).is_file():
        pytest.skip(f"The kernel's header {header} is not here.")
    told = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", Path(header).read_text()))
    ours = {name: both[column] for name, both in CALLS_FILTERED.items() if both[column] >= 0}
    newer = set(ours) - set(told)  # than the header
    assert newer <= {"mount_setattr", "memfd_secret", "process_madvise"}
    assert {name: int(told[name]) for name in set(ours) - newer} == {
        name: ours[name] for name in set(ours) - newer
    }


def decision(program: bytes, architecture: int, number: int, *arguments: int) -> int:
    """Carry out a filter as the kernel would, and return what it says of a call."""
    seen = dict.fromkeys(range(16, 64, 8), 0) | {0: number, 4: architecture}
    seen |= {16 + 8 * place: value & 0xFFFFFFFF for place, value in enumerate(arguments)}
    steps, at, held = list(struct.iter_unpack("=HBBI", program)), 0, 0
    while True:
        code, if_true, if_false, value = steps[at]
        if code == 0x06:
            return value
        if code == 0x20:
            held, at = seen[value], at + 1
            continue
        true = {0x15: held == value, 0x35: held >= value, 0x45: bool(held & value)}[code]
        at += 1 + (if_true if true else if_false)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_decides_as_it_says_on_both_processors_nobox(machine):
    ask = functools.partial(decision, _filter.program(machine), _filter.ARCHITECTURES[machine])
    column = machine != "x86_64"
    allowed, no_such_call, unreachable = 0x7FFF0000, 0x00050000 | 38, 0x00050000 | 101
    for name, both in CALLS_FILTERED.items():
        if both[column] >= 0 and name not in _filter.STEPS:
            assert ask(both[column]) == no_such_call, name
    clone, mmap, sock, pair = (CALLS_FILTERED[name][column] for name in _filter.STEPS)
    assert ask(clone, 0x1200011) == allowed and ask(clone, 0x3D0F00) == allowed  # fork, thread
    assert ask(clone, 0x3D0F00 & ~0x400) == no_such_call  # a thread with files of its own
    for namespace in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert ask(clone, namespace | 17) == no_such_call
    for family in (2, 10, 16, 17, 38, 40):
        assert ask(sock, family) == ask(pair, family, 1) == unreachable
    assert ask(pair, 1, 1) == ask(pair, 1, 0o2004001) == allowed  # a pair of streams
    for kind in (2, 3, 5, 0o2000002):  # others may be sent to by anybody
        assert ask(sock, 1, kind) == ask(pair, 1, kind) == unreachable
    assert ask(sock, 1, 1) == unreachable  # it could listen
    for how, found in {
        0x22: allowed,
        0x1: allowed,
        0x2: allowed,
        0x21: no_such_call,
        0x23: no_such_call,
    }.items():
        assert ask(mmap, 0, 2**20, 3, how) == found
    for call in {"x86_64": (0, 1, 2, 9, 57, 59, 202), "aarch64": (56, 57, 63, 64, 98, 221, 222)}[machine]:
        assert ask(call) == allowed
    assert ask(0x40000000 | 57) == ask(463) == ask(999) == no_such_call
    assert decision(_filter.program(machine), 0x40000003, 101) == no_such_call


@pytest.mark.hostile
def test_no_file_of_the_host_is_open_in_the_box_and_nobody_else_is_there(tmp_path):
    cells = [
        "import os\nheld, own = {}, ('pipe:', 'socket:', 'anon_inode:', '/dev/', '/proc/1/')\n"
        "for one in os.listdir('/proc/1/fd'):\n"
        "    try: held[one] = os.readlink(f'/proc/1/fd/{one}')\n    except OSError: pass\n"
        "odd = [to for to in held.values() if not to.startswith(own)]\nassert held and not odd, odd",
        "import os\nassert os.getpid() == 1 and [p for p in os.listdir('/proc') if p.isdigit()] == ['1']",
        "open('/proc/1/fd/0', 'wb').write(b'forged')",
        "import os\nassert os.read(os.open('/proc/self/fd/0', os.O_RDONLY), 9) == b''",
    ]
    outcome = run(tmp_path, cells)
    survived(outcome)
    assert outcome.errors == {}
    assert json.loads((tmp_path / "job.json").read_text())["cells"][0] == "before = 1"


@pytest.mark.hostile
def test_no_memory_is_to_be_had_that_counts_for_no_process(tmp_path, monkeypatch):
    monkeypatch.setattr(_limits, "_parents", list)
    cells = [
        "import mmap; mmap.mmap(-1, 2**20)",
        "import mmap, os; mmap.mmap(os.open('/dev/zero', os.O_RDWR), 2**20)",
        "import socket; socket.socket(socket.AF_UNIX).listen()",
        "import socket; socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)",
        "import mmap; mmap.mmap(-1, 2**20, mmap.MAP_PRIVATE)[0] = 1",
    ]
    outcome = run(tmp_path, cells)
    survived(outcome)
    assert [*outcome.errors] == [1, 2, 3, 4]


# What takes memory in the kernel and not in a process, and what is said of it.
KERNEL_MEMORY = {
    "full sockets": (
        "import os, socket, time\nfor _ in range(50):\n    if os.fork() == 0: break\nheld = []\ntry:\n"
        "    while True:\n        for one in (pair := socket.socketpair()):\n            held.append(one)\n"
        "            one.setblocking(False)\n            try:\n"
        "                while True: one.send(bytes(60_000))\n"
        "            except BlockingIOError: pass\nexcept OSError: pass\ntime.sleep(99)"
    ),
    "pipes": (
        "import os, time\nfor _ in range(50):\n    if os.fork() == 0: break\nheld = []\ntry:\n"
        "    while True: held.append(os.pipe()); os.write(held[-1][1], bytes(65_536))\nexcept OSError: pass\n"
        "time.sleep(99)"
    ),
    "empty files": (
        "import os\nfor _ in range(3):\n    if os.fork() == 0: break\nme = os.getpid()\nfor d in range(99):\n"
        "    os.mkdir(f'/tmp/{me}-{d}')\n    for n in range(20_000): os.mknod(f'/tmp/{me}-{d}/{n}')"
    ),
    "full folders": (
        "for place in ('/tmp', '/student', '/dev/shm'):\n    try:\n        for n in range(99):\n"
        "            with open(f'{place}/{n}', 'wb') as f: f.write(bytes(30_000_000))\n"
        "    except OSError: pass\nimport time; time.sleep(99)"
    ),
}


@pytest.mark.hostile
@pytest.mark.parametrize("name", KERNEL_MEMORY)
@pytest.mark.parametrize("groups", [True, False], ids=["groups", "rlimits"])
def test_memory_in_the_kernel_counts(tmp_path, monkeypatch, name, groups):
    if groups and not _limits._parents():
        pytest.skip("No control group can be made here.")
    if not groups:
        monkeypatch.setattr(_limits, "_parents", list)
    limits = Limits(cell_seconds=40, total_seconds=120, memory=500 * 2**20, disk=400 * 2**20)
    free = psutil.virtual_memory().available
    least, stop = [free], threading.Event()

    def watch():
        while not stop.wait(0.05):
            least[0] = min(least[0], psutil.virtual_memory().available)

    threading.Thread(target=watch).start()
    try:
        outcome = run(tmp_path, [KERNEL_MEMORY[name]], limits)
    finally:
        stop.set()
    survived(outcome)
    assert outcome.errors == {1: "used more than 500 MiB of memory"}
    if name != "empty files":  # the others on this machine take less than that
        assert free - least[0] < 2 * 2**30


def test_which_limits_hold_is_said_nobox(monkeypatch, tmp_path):
    monkeypatch.setattr(_limits, "_parents", lambda: [tmp_path])
    assert "limited by control groups (memory, processes), by the sizes" in _limits.told()
    monkeypatch.setattr(_limits, "_parents", list)
    assert "limited by rlimits" in _limits.told() and "No control group can be made here" in _limits.told()


@pytest.mark.parametrize("version", [1, 2])
def test_control_groups_are_made_filled_and_removed_nobox(monkeypatch, tmp_path, version):
    root, own = tmp_path / "cgroup", "user.slice/mine"
    monkeypatch.setattr(_limits, "CONTROL_GROUPS", root)
    monkeypatch.setattr(_limits, "OWN_GROUPS", tmp_path / "own")
    lines = f"4:memory:/{own}\n8:pids:/{own}\n0::/\n" if version == 1 else f"0::/{own}\n"
    (tmp_path / "own").write_text(lines)
    assert _limits._parents() == []
    folders = [root / name / own for name in ("memory", "pids")] if version == 1 else [root / own]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "cgroup.procs").write_text("")
        (folder / "cgroup.subtree_control").write_text("cpu memory pids" if version == 2 else "")
    assert _limits._parents() == folders
    made = [folder / "box" for folder in folders]
    real = Path.mkdir

    def kernel(path, *rest, **more):
        real(path, *rest, **more)
        for name in ("memory.max", "pids.max") if version == 2 else ("memory.limit_in_bytes", "pids.max"):
            (path / name).write_text("max")

    monkeypatch.setattr(Path, "mkdir", kernel)
    with _limits.group(Limits(memory=1000, processes=10), "box") as group:
        held = {file.name: file.read_text() for folder in made for file in folder.iterdir()}
        assert set(held.values()) == {"1250", "18"}
        assert str(made[0] / "cgroup.procs") in group.around(["true"])[2] and not group.ran_out()
        (made[0] / "memory.events").write_text("oom 1\noom_kill 1\n")
        assert group.ran_out()
        for folder in made:
            for file in folder.iterdir():
                file.unlink()  # the kernel's own go with their folder
    assert not [folder for folder in made if folder.exists()]


@pytest.mark.hostile
def test_seven_slow_cells_lose_their_own_answers_only(tmp_path):
    slow = ["while True: pass"] * 7
    names = ("before", "answer", "after", "late")
    outcome = run(tmp_path, ["answer = 5", *slow, "late = 6"], Limits(cell_seconds=2), names=names)
    assert outcome.note == "gave up after 6 attempts"
    assert outcome.answers == {"before": 1, "answer": 5}
    assert outcome.errors == dict.fromkeys(range(2, 8), "stopped after 2 seconds")
    outcome = run(tmp_path, ["answer = 5", *slow], Limits(cell_seconds=3, total_seconds=8), names=names)
    assert outcome.note == "gave up after 8 seconds"
    assert outcome.answers == {"before": 1, "answer": 5}


def with_function(folder, cells, **options):
    from crmlab.practice.data import write_cases
    from crmlab.practice.forms import Function, Number

    write_cases([{"n": 424242}], folder / "cases" / "one")
    return run(folder, cells, form=Function(("n",), Number()).to_dict(), cases="cases/one", **options)


def test_functions_of_a_run_that_was_given_up_are_asked_all_the_same(tmp_path):
    cells = ["def answer(n): return n + 1", *["import os; os._exit(1)"] * 6]
    outcome = with_function(tmp_path, cells)
    assert outcome.note == "gave up after 6 attempts"
    assert outcome.answers["answer"] == {"outputs": [424243]}


@pytest.mark.hostile
def test_hidden_inputs_are_seen_by_no_cell_and_told_by_none(tmp_path):
    look = (
        "import os, glob\nfound = [p for p in glob.glob('/job/**', recursive=True) if os.path.isfile(p)]\n"
        "assert not found, found"
    )
    ask = WRITE.format("""b'{"wanting": true}\\n'""")
    steal = (
        f"{ask}\nimport glob, time\ntime.sleep(1)\n"
        "raise ValueError(open(glob.glob('/job/cases/one/0/*.json')[0]).read())"
    )
    tell = "class Told:\n    def __float__(self): raise ValueError(seen)\nlater = Told()\n"
    later = f"seen = 0\n{tell}def answer(n):\n    global seen\n    seen = n\n    return n"
    outcome = with_function(tmp_path / "a", [look, later])
    assert outcome.errors == {} and outcome.answers["answer"] == {"outputs": [424242]}
    outcome = with_function(tmp_path / "b", [steal, "def answer(n): return n"])
    assert "424242" not in repr((outcome.errors, outcome.note))
    assert "424242" not in repr({name: one for name, one in outcome.answers.items() if name != "answer"})


@pytest.mark.hostile
def test_attacks_that_the_process_survives(tmp_path):
    limits = Limits(cell_seconds=20, total_seconds=120, memory=2**30, disk=32 * 2**20)
    outcome = run(tmp_path, [cell for cell, _ in HARMLESS.values()], limits)
    for number, (name, (_, error)) in enumerate(HARMLESS.items(), 1):
        found = outcome.errors.get(number, "")
        assert re.search(error, found) if error else not found, name
    survived(outcome)


# These cells end the process, or have to be stopped.
DEADLY = {
    "catch everything": (
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "stopped after",
    ),
    "wait in C": ("import ctypes; ctypes.CDLL(None).pause()", "stopped after"),
    "no signals": (
        "import signal, time\nfor s in {*range(1, 65)} - {9, 19, 32, 33}: signal.signal(s, signal.SIG_IGN)\n"
        "time.sleep(99)",
        "stopped after",
    ),
    "memory": (
        "held = [b'x' * 100_000_000 for _ in range(9)]\nimport time; time.sleep(9)",
        "used more than 700 MiB",
    ),
    "memory of many": (
        "import os, time\nfor _ in range(20):\n    if os.fork() == 0:\n        held = b'x' * 60_000_000\n"
        "        time.sleep(99)\ntime.sleep(99)",
        "used more than 700 MiB of memory",
    ),
    "exit 0": ("import os; os._exit(0)", r"the process ended \(exit code 0\)"),
    "exit 200": ("import os; os._exit(200)", r"the process ended \(exit code 200\)"),
    "segfault": ("import ctypes; ctypes.string_at(0)", r"the process ended \(Segmentation fault\)"),
    "close everything": ("import os; os.closerange(0, 512)", "the process ended|stopped"),
    "other files at all numbers": (
        "import os\nn = os.open('/dev/null', os.O_RDWR)\nfor k in range(512): os.dup2(n, k)",
        "stopped after",
    ),
    "flood": (
        "while True:\n    exec(WRITE)".replace("WRITE", repr(WRITE.format("b'x' * 60_000"))),
        "sent back more",
    ),
    "flood of lines": (
        "while True:\n    exec(WRITE)".replace("WRITE", repr(WRITE.format(r"b'\n' * 60_000"))),
        "sent back more",
    ),
}


@pytest.mark.hostile
@pytest.mark.parametrize(
    "names", [[*DEADLY][start : start + 4] for start in range(0, len(DEADLY), 4)], ids=", ".join
)
def test_attacks_that_end_the_process(tmp_path, names):
    outcome = run(tmp_path, [DEADLY[name][0] for name in names])
    survived(outcome)
    for number, name in enumerate(names, 1):
        assert re.search(DEADLY[name][1], outcome.errors[number]), name


@pytest.mark.hostile
def test_a_fork_bomb_does_not_starve_its_neighbour(tmp_path):
    bomb = "import os\nwhile True:\n    try: os.fork() or os.setsid()\n    except OSError: pass"
    sums = "answer = 0\nfor n in range(10_000_000): answer += n"
    roomy = Limits(cell_seconds=6, memory=2**36)  # its processes share what counts for each of them
    with ThreadPoolExecutor(2) as pool:
        bombed = pool.submit(run, tmp_path / "a", [bomb], roomy, SLOT, alone=False)
        time.sleep(2)
        summed = pool.submit(run, tmp_path / "b", [sums], Limits(cell_seconds=6), SLOT + 1, alone=False)
    assert not left(SLOT) and not left(SLOT + 1)
    survived(bombed.result())
    survived(summed.result())
    assert bombed.result().errors == {1: "stopped after 6 seconds"}
    assert summed.result().answers["answer"] == 49_999_995_000_000


@pytest.mark.hostile
def test_threads_that_outlive_the_first_are_ended_as_well(tmp_path):
    hold = (
        "import ctypes, os, threading, time\ndef hold():\n    held = b'x' * 300_000_000\n    time.sleep(99)\n"
        "threading.Thread(target=hold).start()\n"
    )
    leave = f"ctypes.CDLL(None).syscall({ {'x86_64': 60}.get(platform.machine(), 93) }, 0)"
    began = time.monotonic()
    outcome = run(
        tmp_path, [f"{hold}{leave}", f"import os, time\nif os.fork() == 0:\n    exec({hold + leave!r})"]
    )
    survived(outcome)
    assert outcome.errors == {1: "the process ended (Killed)"} and time.monotonic() - began < 15


@pytest.mark.hostile
def test_a_fork_bomb_that_fills_the_memory(tmp_path):
    outcome = run(tmp_path, ["import os\nwhile True: os.fork()"])
    survived(outcome)
    assert [*outcome.errors] == [1]


def test_what_a_cell_leaves_running_is_not_blamed_on_the_next(tmp_path, monkeypatch):
    ends, skipped = [(2, "too much"), (1, "too much"), (3, "")], []

    class Scripted(contextlib.nullcontext):
        cpu_seconds, complaint = 1.0, ""

        def __init__(self, words, *_):
            skipped.append(json.loads(words[-1]))

        def close(self):
            pass

        def follow(self, said, *_):
            at, reason = ends[len(skipped) - 1]
            lines = [{"ready": True}, *({"cell": cell} for cell in range(at + 1))]
            if not reason:
                lines[-1] = {"end": True}
            said.take("".join(f"{json.dumps(line)}\n" for line in lines).encode())
            return reason

    monkeypatch.setattr(sandbox, "_Attempt", Scripted)
    outcome = run(tmp_path, ["a bomb whose parts outlive their cell"])
    assert skipped == [[], [2], [1]]  # once the bomb is found, the cell after it is tried again
    assert outcome.errors == {1: "too much"}


@pytest.mark.hostile
def test_nothing_outside_is_seen_or_changed(tmp_path, monkeypatch):
    monkeypatch.setenv("CRMLAB_SECRET", "planted-secret")
    (tmp_path / "key.txt").write_text("planted-secret")
    data = tmp_path / "job" / "student" / "data"
    data.mkdir(parents=True)
    (data / "in.txt").write_text("3")
    before = state(tmp_path, ROOT / "crmlab", ROOT / "datasets")
    places = [tmp_path / "key.txt", ROOT / "exercises", ROOT / ".git", "/etc/shadow", "/etc/passwd"]
    searched = ["/proc/1/environ", "/proc/self/environ", "/proc/1/cmdline", "/proc/mounts", "/job/job.json"]
    with socket.create_server(("127.0.0.1", 0)) as server:
        cells = [
            f"import os\nseen = [p for p in {[*map(str, places)]} if os.path.exists(p)]\n"
            "assert not seen, seen",
            "found = []\n"
            f"for name in {searched} + [f'/proc/self/fd/{{n}}' for n in (0, 1, 2)]:\n"
            "    try: found.append(open(name, 'rb').read())\n    except OSError: pass\n"
            "assert not [text for text in found if b'planted-' + b'secret' in text], found",
            "import os\nassert not os.path.exists('/root/.bashrc')",
            "import os\nassert [p for p in os.listdir('/proc') if p.isdigit() and int(p) > 100] == []",
            f"import socket\nsocket.create_connection(('127.0.0.1', {server.getsockname()[1]}), timeout=1)",
            "open('data/in.txt', 'w')",
            "import os\nos.chmod('data/in.txt', 0o777)",
            "import crmlab\nopen(crmlab.__file__, 'a')",
            "import numpy\nopen(numpy.__file__, 'a')",
            "open('/new', 'w')",
            "open('/dev/new', 'w')",
            "import shutil\nfor place in ('/student', '/usr', '/'): shutil.rmtree(place, ignore_errors=True)",
            "import shutil, numpy, os\nshutil.rmtree(os.path.dirname(os.path.dirname(numpy.__file__)))",
        ]
        outcome = run(tmp_path / "job", cells, Limits(cell_seconds=30))
    survived(outcome)
    wanted = {
        5: "OSError.*Network is unreachable",
        6: "OSError.*Read-only",
        7: "OSError.*Read-only|PermissionError",
        8: "OSError.*Read-only|PermissionError",
        9: "OSError.*Read-only|PermissionError",
        10: "OSError.*Read-only|PermissionError",
        11: "OSError.*Read-only|PermissionError",
        13: "OSError|PermissionError",
    }
    assert {n: error for n, error in outcome.errors.items() if not re.match(wanted.get(n, "-"), error)} == {}
    assert [*outcome.errors] == [*wanted]
    (tmp_path / "job" / "job.json").unlink()
    for made in ("cases", "hidden"):  # by the sandbox itself; they are still empty
        (tmp_path / "job" / made).rmdir()
    assert state(tmp_path, ROOT / "crmlab", ROOT / "datasets") == before


def state(*folders: Path) -> str:
    """Return a hash of the names, sizes and modes of what lies in some folders."""
    paths = sorted(
        path for folder in folders for path in folder.rglob("*") if "__pycache__" not in path.parts
    )
    return hashlib.sha256(
        repr([(str(p), p.stat().st_size, p.stat().st_mode) for p in paths]).encode()
    ).hexdigest()


@pytest.mark.hostile
def test_forgers_get_only_what_they_could_have_computed(tmp_path):
    line = (
        """b'{"question": "answer", "answer": 42}\\n{"question": "before", "answer": 1}\\n{"end": true}\\n'"""
    )
    outcome = run(tmp_path, ["answer = 3", WRITE.format(line) + "\nimport time; time.sleep(9)"])
    assert outcome.answers == {"answer": 42, "before": 1}


@pytest.mark.hostile
def test_overwriting_the_runner_harms_the_forger_only(tmp_path):
    cell = (
        "import json, os, crmlab.practice.forms as forms\n"
        "forms.Number.plain = forms.read = json.dumps = json.loads = json.JSONEncoder = os.write = None"
    )
    outcome = run(tmp_path, ["answer = 3", cell])
    assert outcome.note == ""
    assert set(outcome.answers) <= {"before", "answer", "after"}
    assert all(isinstance(answer, dict) and "refused" in answer for answer in outcome.answers.values())


@pytest.mark.hostile
@pytest.mark.parametrize(
    ("cell", "answer"),
    [
        ("answer = float('inf')", float("inf")),
        ("answer = 10**5000", {"refused"}),
        (
            "class Same:\n    def __eq__(self, other): return True\n    __hash__ = None\nanswer = Same()",
            {"refused"},
        ),
        ("answer = '\\ud800'", {"refused"}),
        ("class Text(str): pass\nanswer = Text('x' * 10)", {"refused"}),
    ],
)
def test_odd_answers(tmp_path, cell, answer):
    outcome = run(tmp_path, [cell])
    survived(outcome)
    found = outcome.answers["answer"]
    assert (set(found) if isinstance(found, dict) else found) == answer
