"""The program, in the kernel's own language (BPF), that decides on each system call in the box."""

import platform
import struct

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

CALLS = {
    # from user namespaces one reaches more of the kernel
    "clone": (56, 220), "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429),
    "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "clone3": (435, 435), "mount_setattr": (442, 442),
    # other processes
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "kcmp": (312, 272), "pidfd_getfd": (438, 438), "process_madvise": (440, 440),
    # memory that belongs to no process
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "semget": (64, 190),
    "msgget": (68, 186), "mq_open": (240, 180), "add_key": (248, 217), "request_key": (249, 218),
    "keyctl": (250, 219), "inotify_init": (253, None), "inotify_init1": (294, 26),
    "fanotify_init": (300, 262),
    # parts of the kernel in which many a hole was found
    "bpf": (321, 280), "userfaultfd": (323, 282), "perf_event_open": (298, 241), "io_uring_setup": (425, 425),
    "modify_ldt": (154, None), "open_by_handle_at": (304, 265), "vmsplice": (278, 75),
    # networks: only sockets between processes, which have a name or come in pairs
    "socket": (41, 198), "socketpair": (53, 199),
}  # fmt: skip
"""The numbers of the calls that are looked at, on x86-64 and on arm64. The flags of clone3 cannot be seen, so
that there is none; libraries then take clone."""

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
        if number is None:
            continue
        if name == "clone":  # by its flags
            inside = [(LOAD, 0, 0, FIRST), (ANY_BIT, 0, 1, NEW_NAMESPACES), no, (LOAD, 0, 0, NUMBER)]
        elif name in ("socket", "socketpair"):  # by its family
            inside = [(LOAD, 0, 0, FIRST), (EQUAL, 1, 0, UNIX), unreachable, (LOAD, 0, 0, NUMBER)]
        else:
            inside = [no]
        steps += [(EQUAL, 0, len(inside), number), *inside]
    return b"".join(struct.pack("=HBBI", *step) for step in [*steps, (ANSWER, 0, 0, 0x7FFF0000)])
