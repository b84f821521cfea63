"""What may be typed behind an option: argparse names the option in front of what is wrong."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn


class Command(argparse.ArgumentParser):
    """A command, whose help ends with an example and with the names that it knows (made when asked for)."""

    example = ""
    known: Callable[[], str] | None = None

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message.rstrip('.')}. What it knows: {self.prog} --help")

    def format_help(self) -> str:
        parts = [super().format_help()]
        if self.example:
            parts.append(f"example:\n  {self.example}\n")
        if self.known:
            try:
                parts.append(self.known())
            except ValueError as error:  # without the clone there is no lesson to name
                parts.append(f"{error}\n")
        return "\n".join(parts)


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return a reader of whole numbers in a range."""

    def read(text: str) -> int:
        try:
            number = int(text.replace(",", "").replace("_", ""))
        except ValueError:
            number = least - 1
        if number < least or most is not None and number > most:
            limit = f"from {least} to {most:,}" if most else f"{least} or more"
            raise argparse.ArgumentTypeError(f"it is a whole number, {limit}; got {text}.")
        return number

    return read


def seconds(text: str) -> float:
    """Read a number of seconds."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"it is a number of seconds above 0; got {text}.")
    return seconds


def file(text: str) -> Path:
    """Read the path of a file that is there."""
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"there is no file {Path(text).absolute()}.")
    return Path(text)


def new_file(text: str) -> Path:
    """Read the path of a file that will be written."""
    if Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a folder: name a file.")
    return Path(text)


def folder(text: str) -> Path:
    """Read the path of a folder that is there."""
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {text}.")
    return Path(text)


def there(text: str) -> Path:
    """Read the path of a folder or an archive that is there."""
    if not Path(text).exists():
        raise argparse.ArgumentTypeError(f"there is no folder or zip archive {Path(text).absolute()}.")
    return Path(text)


def new_folder(text: str) -> Path:
    """Read the path of a folder that will be made."""
    from crmlab.company.company import new_folder

    try:
        return new_folder(text)  # before the work, not after it
    except OSError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def world(text: str) -> Any:
    """Read the name of a world."""
    from crmlab.company import world

    try:
        return world(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
