"""What axe-core finds against the page: nothing, in any of its states."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.conftest import Windows, give_up

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = "async (tags) => (await axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] })).violations"


@pytest.fixture(scope="module")
def axe() -> str:
    """The rules as a script; the package brings them along."""
    try:
        from axe_playwright_python.base import AXE_FILE_PATH
    except ImportError:
        give_up("axe-playwright-python is not installed")
    return AXE_FILE_PATH.read_text()


@pytest.fixture
def violations(windows: Windows, axe: str) -> Iterator[Callable[..., list[str]]]:
    """Opens the page, lets ``act`` bring it into a state, and returns what is wrong with it, a line for each element."""

    def check(width: int, scheme: str, act: Callable[[Any], object] | None = None) -> list[str]:
        page = windows.show(width, 800, scheme=scheme, bypass_csp=True)  # the page's policy would refuse a stranger's rules
        if act is not None:
            act(page)
        page.evaluate(axe)
        found = page.evaluate(RUN, RULES)
        return [f"{rule['id']}: {node['html'][:120]}: {node['failureSummary']}" for rule in found for node in rule["nodes"]]

    yield check
    windows.leave()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing_on_the_page(violations, width, scheme):
    assert violations(width, scheme) == []


STATES = {
    "lightbox": lambda page: (page.locator("#fig\\:two-a img").click(), page.locator("dialog").wait_for(state="visible")),
    "sorted": lambda page: page.locator("#tbl\\:small button").first.click(),
    "provenance": lambda page: page.locator(".pb-value[role=button]").first.click(),
    "preview": lambda page: (page.locator("a.xref").first.hover(), page.locator("#pb-card").wait_for(state="visible")),
}


@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing_on_what_opens(violations, state):
    assert violations(1280, "light", STATES[state]) == []


def test_axe_finds_nothing_on_the_open_contents_of_a_phone(violations):
    assert violations(360, "dark", lambda page: page.locator(".contents summary").click()) == []


def test_axe_would_find_something(violations):
    spoil = "document.querySelector('figure img').removeAttribute('alt')"
    assert [line.split(":")[0] for line in violations(1280, "light", lambda page: page.evaluate(spoil))] == ["image-alt"]
