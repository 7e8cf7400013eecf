"""What tests of shared stores share: one S3 server for all of them, and clones of a project around a store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sharing.clones import Clone
from tests.sharing.servers import ACCESS, REGION, Proxy, S3Server, proxy_before, s3_server


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """moto's S3 server, one for all tests."""
    with s3_server() as server:
        yield server


@pytest.fixture
def bucket(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new bucket, and an environment in which it can be used."""
    use_s3(monkeypatch, s3.endpoint)
    return s3.new_bucket()


def use_s3(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """Have the S3 server at ``endpoint`` used by whoever uses the usual variables."""
    for name, value in {**ACCESS, "AWS_ENDPOINT_URL": endpoint, "AWS_REGION": REGION}.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_CA_BUNDLE", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def proxy(s3: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy before the S3 server, which the environment names instead of it."""
    with proxy_before(s3.port) as found:
        monkeypatch.setenv("AWS_ENDPOINT_URL", found.endpoint)
        yield found


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Clone]]:
    """Make clones: each has a local store and a key of its own, and trusts itself and whom it is told to."""
    made: list[Clone] = []

    def new(address: str, *trusted: Clone, **access: str) -> Clone:
        made.append(Clone(tmp_path / f"clone-{len(made)}", address, trusted, **access))
        return made[-1]

    yield new
    for one in made:
        one.shared.close()
