"""Every world of these tests is tried twice: on a machine where commands are watched, and on one where nobody can."""

from __future__ import annotations

from typing import Any

import pytest

from paperbuild.engine.graph import Action
from paperbuild.engine.lookup import Lookup
from tests.engine.world import World


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "World" in metafunc.module.__dict__:
        metafunc.parametrize("watched", [False, True], ids=["unwatched", "watched"], indirect=True)


@pytest.fixture(autouse=True)  # else pytest would name the tests so and never call it: none of them asks for it
def watched(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    is_watched = bool(getattr(request, "param", False))
    monkeypatch.setattr(World, "is_watched", is_watched)
    return is_watched


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids that were looked up, in order."""
    found: list[str] = []
    real = Lookup.find

    def find(self: Lookup, action: Action, *more: Any) -> Any:
        found.append(action.id)
        return real(self, action, *more)

    monkeypatch.setattr(Lookup, "find", find)
    return found
