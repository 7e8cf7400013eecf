"""Every world of these tests is tried twice: on a machine where commands are watched, and on one where nobody can."""

from __future__ import annotations

import pytest

from tests.engine.world import World


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "World" in metafunc.module.__dict__:
        metafunc.fixturenames.append("watched")
        metafunc.parametrize("watched", [False, True], ids=["unwatched", "watched"], indirect=True)


@pytest.fixture
def watched(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(World, "is_watched", request.param)
    return bool(request.param)
