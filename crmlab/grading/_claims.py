"""What a box has sent: lines of JSON by an unknown author, which claim what ran and what was answered."""

import json
import time
from collections.abc import Callable, Set
from contextlib import suppress
from typing import Any

DEEPEST, LONGEST_NUMBER = 20, 300
"""Lists within lists, and digits of an integer, beyond which an answer is no answer."""


class Said:
    """What one attempt has sent so far: read as if an enemy had written it."""

    def __init__(self, cells: int, questions: set[str], functions: Set[str] = frozenset()) -> None:
        self.cells, self.questions, self.functions = range(cells), questions - functions, functions
        self.reveal: Callable[[], None] = lambda: None
        self.answers: dict[str, Any] = {}
        self.errors: dict[int, str] = {}
        self.at: int | str | None = None  # the cell or question that runs, or ran last
        self.since = time.monotonic()
        self.ready = self.ended = False
        self.bytes, self.begun = 0, -1  # the last cell that was begun
        self.lines = 100 + 10 * (cells + len(questions))  # that may still come: an honest process sends fewer
        self._begun = bytearray()

    def take(self, received: bytes) -> None:
        """Take the next bytes."""
        *lines, rest = received.split(b"\n")
        if lines:
            lines[0] = bytes(self._begun) + lines[0]
            self._begun.clear()
        self._begun += rest
        self.bytes += len(received)
        for line in lines:
            self.lines -= 1
            if self.lines < 0:
                return
            with suppress(ValueError, RecursionError):
                self._line(json.loads(line, parse_int=_integer))

    def _line(self, line: Any) -> None:
        _check(line)
        match line:
            case {"ready": True}:
                self.ready = True
            case {"cell": int(number)} if number in self.cells:
                self.at = self.begun = int(number)
            case {"done": int(number), "error": str(error)} if number in self.cells:
                self.errors[int(number)] = "".join(c if c.isprintable() else " " for c in error[:400])
            case {"asking": str(name)} if name in self.questions:
                self.at = name
            case {"question": str(name), "answer": answer} if name in self.questions:
                self.answers[name] = answer
            case {"wanting": True} if self.functions:
                # who has seen the hidden inputs tells nothing more, not by an exit code and of no cell
                self.cells, self.questions, self.functions = range(0), set(self.functions), set()
                self.at = min(self.questions)
                self.reveal()
            case {"end": True}:
                self.ended = True
        self.since = time.monotonic()


def _integer(digits: str) -> float:
    return int(digits) if len(digits) < LONGEST_NUMBER else float(digits)


def _check(value: Any, left: int = DEEPEST) -> None:
    """Raise ValueError if a value is nested too deeply, or holds text that no file can hold."""
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, dict | list):
        if not left:
            raise ValueError("nested too deeply")
        for part in [*value, *value.values()] if isinstance(value, dict) else value:
            _check(part, left - 1)
