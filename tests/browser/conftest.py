"""A paper with everything a paper can hold, rendered by the program, and opened in a real browser that reaches no network.

Without Chromium these tests are skipped; where ``PAPERBUILD_REQUIRE_BROWSER`` is set, as in CI, they fail instead.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

TOP = Path(__file__).resolve().parents[2]
PAPER = Path(__file__).parent / "paper"
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-dev-shm-usage",
)
LIMIT_S = 120
PATIENCE_MS = 5000
BLANK = "about:blank"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = "async (tags) => (await axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] })).violations"

WATCH_THE_POLICY = """
window.refused = [];
addEventListener("securitypolicyviolation", (event) => window.refused.push(`${event.violatedDirective} ${event.blockedURI}`));
"""


def give_up(reason: str) -> None:
    if os.environ.get("PAPERBUILD_REQUIRE_BROWSER"):
        pytest.fail(f"PAPERBUILD_REQUIRE_BROWSER is set, but {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        give_up(f"there is no browser: none of {', '.join(NAMES)} is on the PATH")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        give_up("playwright is not installed: python -m pip install playwright")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield opened
        opened.close()


def rendered(paper: Path, folder: Path) -> str:
    """Render a copy of the project ``paper`` in ``folder``; return where its page is, as a file: URL."""
    shutil.copytree(paper, folder)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "paperbuild", "render", "--to", "html"],
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(TOP)},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return (folder / "_build" / "paper.html").as_uri()


@pytest.fixture(scope="package")
def address(browser: object, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the rendered page is, as a file: URL."""
    return rendered(PAPER, tmp_path_factory.mktemp("page") / "paper")


class Windows:
    """The pages that are open, one for each set of options: to load a page anew takes a third of opening another."""

    def __init__(self, browser: Any, address: str) -> None:
        self.complaints: list[str] = []
        self._browser = browser
        self._address = address
        self._pages: dict[tuple[tuple[str, object], ...], Any] = {}
        self._still: Any = None

    def show(self, width: int = 1400, height: int = 800, *, scheme: str = "light", script: str = "", **options: Any) -> Any:
        """Return the page, loaded anew in a window of this size; ``script`` runs before it."""
        key = (("script", script), *sorted(options.items()))
        if key not in self._pages:
            self._pages[key] = self._open(script, options)
        page = self._pages[key]
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(media="null", color_scheme=scheme, reduced_motion="reduce")
        page.goto(self._address)
        return page

    def still(self) -> Any:
        """Return a page that is only looked at, and therefore loaded once."""
        if self._still is None:
            self._still = self._open("", {})
            self._still.set_viewport_size({"width": 1400, "height": 800})
            self._still.goto(self._address)
        return self._still

    def leave(self) -> list[str]:
        """Forget what was done to the pages; return what they complained of, and what they asked for."""
        for page in self._pages.values():
            if page.url != BLANK:
                self.complaints.extend(page.evaluate("window.refused || []"))
                page.evaluate("try { localStorage.clear() } catch { /* a test may forbid it */ }")
                page.mouse.move(0, 0)
                page.goto(BLANK)
        said, self.complaints = self.complaints, []
        return said

    def close(self) -> None:
        for page in (*self._pages.values(), self._still):
            if page is not None:
                page.context.close()

    def _open(self, script: str, options: dict[str, Any]) -> Any:
        context = self._browser.new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        context.route("**/*", self._guard)
        context.add_init_script(WATCH_THE_POLICY + script)
        page = context.new_page()
        page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        return page

    def _guard(self, route: Any) -> None:
        if route.request.url.partition("#")[0] == self._address:
            route.continue_()
        else:
            self.complaints.append(f"asked for {route.request.url}")
            route.abort()


@pytest.fixture(scope="package")
def windows(browser: Any, address: str) -> Iterator[Windows]:
    opened = Windows(browser, address)
    yield opened
    opened.close()


@pytest.fixture
def still_page(windows: Windows) -> Iterator[Any]:
    """The page in a wide window, for tests that change nothing."""
    yield windows.still()
    assert windows.leave() == []


@pytest.fixture
def open_page(windows: Windows) -> Iterator[Callable[..., Any]]:
    """Opens the page: ``open_page(390, scheme="dark")``. In the end it may not have complained, nor asked for anything."""
    yield windows.show
    assert windows.leave() == []


@pytest.fixture(scope="module")
def axe() -> str:
    """The rules as a script; the package brings them along."""
    try:
        from axe_playwright_python.base import AXE_FILE_PATH
    except ImportError:
        give_up("axe-playwright-python is not installed")
    return AXE_FILE_PATH.read_text()


def found_by(axe: str, page: Any) -> list[str]:
    page.evaluate(axe)
    found = page.evaluate(RUN, RULES)
    return [f"{rule['id']}: {node['html'][:120]}: {node['failureSummary']}" for rule in found for node in rule["nodes"]]
