"""What axe-core finds against the page: nothing, in any of its states."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.conftest import TOP, Windows, found_by, rendered
from tests.browser.measure import OVERFLOW


@pytest.fixture
def violations(windows: Windows, axe: str) -> Iterator[Callable[..., list[str]]]:
    """Opens the page, lets ``act`` bring it into a state, and returns what is wrong with it, a line for each element."""

    def check(width: int, scheme: str, act: Callable[[Any], object] | None = None) -> list[str]:
        page = windows.show(width, 800, scheme=scheme, bypass_csp=True)  # the page's policy would refuse a stranger's rules
        if act is not None:
            act(page)
        return found_by(axe, page)

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


@pytest.fixture(scope="module")
def stressed(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Windows]:
    """A paper with many authors, long tables, wide figures, notes and forty references."""
    opened = Windows(browser, rendered(TOP / "tests" / "papers" / "stress", tmp_path_factory.mktemp("stress") / "paper"))
    yield opened
    opened.close()


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_axe_finds_nothing_on_a_paper_that_is_full_of_things(stressed, axe, width, scheme):
    page = stressed.show(width, 800, scheme=scheme, bypass_csp=True)
    assert page.evaluate(OVERFLOW) == []
    assert found_by(axe, page) == []


def test_axe_would_find_something(violations):
    spoil = "document.querySelector('figure img').removeAttribute('alt')"
    assert [line.split(":")[0] for line in violations(1280, "light", lambda page: page.evaluate(spoil))] == ["image-alt"]
