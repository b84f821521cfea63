"""JupyterLab as `crmlab lab` starts it, on a copy of this clone, and Chromium to look at it."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crmlab import course

ROOT = course.ROOT
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
MINUTES = 20
"""After which the server is ended, and with it every test."""


@dataclass
class Lab:
    """A server at work on a copy of the clone."""

    clone: Path
    process: "subprocess.Popen[bytes]"
    log: Path
    url: str
    token: str

    def git_status(self) -> str:
        """Return what git sees as changed in the copy of the clone."""
        status = ["git", "status", "--porcelain", "--untracked-files=all"]
        return subprocess.run(status, cwd=self.clone, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="session")
def chromium() -> str:
    pytest.importorskip("playwright", reason="The driver is not here: make test-browser installs it.")
    found = [path for path in map(shutil.which, CHROMIUM) if path]
    if not found:
        pytest.skip("There is no Chromium here (on Debian and Ubuntu: apt install chromium).")
    return found[0]


@pytest.fixture(scope="session")
def lab(chromium, tmp_path_factory) -> Iterator[Lab]:
    home = tmp_path_factory.mktemp("lab")
    clone, log = home / "clone", home / "log"
    copy_of_the_clone(clone)
    # the copy's package and not this one's, and nothing of what somebody has set for their own JupyterLab
    environment = os.environ | {"PYTHONPATH": str(clone), "IPYTHONDIR": str(home / "ipython")}
    environment |= {f"JUPYTER_{one}_DIR": str(home / one) for one in ("CONFIG", "DATA", "RUNTIME")}
    command = [sys.executable, "-c", "import sys; from crmlab.cli import main; sys.exit(main())", "lab"]
    command += ["--no-browser", "--ServerApp.port=0", "--expose-app-in-browser"]
    command += ["--allow-root"] * (os.geteuid() == 0)
    with log.open("wb") as file:
        process = subprocess.Popen(command, cwd=home, env=environment, stdout=file, stderr=file)
    limit = threading.Timer(60 * MINUTES, process.kill)
    limit.start()
    try:
        about = wait_for_server(process, home / "RUNTIME", log)
        yield Lab(clone, process, log, about["url"], about["token"])
    finally:
        limit.cancel()
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def copy_of_the_clone(clone: Path) -> None:
    """Copy what git tracks or would track, as it stands now, and commit it there."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in names.split("\0"):
        if name and (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, clone / name)
    who = ["-c", "user.name=test", "-c", "user.email=test@crmlab.example", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "-A"], [*who, "commit", "-q", "-m", "as it is"]):
        subprocess.run(["git", *words], cwd=clone, check=True)


def wait_for_server(process: "subprocess.Popen[bytes]", folder: Path, log: Path) -> dict[str, Any]:
    for _ in range(1200):
        for path in folder.glob("jpserver-*.json"):
            try:
                return json.loads(path.read_text())
            except ValueError:  # half written
                continue
        if process.poll() is not None:
            break
        time.sleep(0.25)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()}", pytrace=False)


@pytest.fixture(scope="session")
def browser(chromium, lab) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    flags = ["--disable-gpu", "--disable-quic", "--no-first-run"]
    flags += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    flags += ["--no-sandbox"] * (os.geteuid() == 0)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def page(browser, lab) -> Any:
    """One window, as wide as a small laptop's, on the address that the command opens."""
    window = browser.new_page(viewport={"width": 1366, "height": 768})
    window.set_default_timeout(120_000)
    window.goto(f"{lab.url}?token={lab.token}")
    window.wait_for_selector(".jp-NotebookPanel .jp-MarkdownOutput")
    return window


@pytest.fixture
def watched(lab) -> Iterator[None]:
    """Show what the server said if it has died; whatever else failed then, failed because of that."""
    yield
    if lab.process.poll() is not None:
        pytest.fail(f"JupyterLab has ended:\n{lab.log.read_text()[-5000:]}", pytrace=False)


@pytest.fixture
def complaints(page, watched) -> Iterator[list[str]]:
    """Return what the browser's console complains of during a test."""
    found: list[str] = []

    def console(message: Any) -> None:
        # JupyterLab asks for an attached picture by its name before it puts the picture's content there
        if message.type == "error" and not message.location["url"].startswith("attachment:"):
            found.append(f"{message.text} ({message.location['url']})")

    def error(problem: Any) -> None:
        found.append(str(problem))

    page.on("console", console)
    page.on("pageerror", error)
    yield found
    page.remove_listener("console", console)
    page.remove_listener("pageerror", error)
