"""What tests of shared stores share: one server of each kind for all of them, and clones of a project around a store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sharing.clones import Clone
from tests.sharing.emulators import NEEDS_AZURITE, NEEDS_FAKE_GCS, Azurite, FakeGcs, azurite_server, fake_gcs_server
from tests.sharing.servers import Proxy, S3Server, proxy_before, s3_server

Service = S3Server | Azurite | FakeGcs
OBJECT_STORES = ("s3", pytest.param("azurite", marks=NEEDS_AZURITE), pytest.param("fake_gcs", marks=NEEDS_FAKE_GCS))
_VARIABLES = (
    "AWS_CA_BUNDLE", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_CONNECTION_STRING",
    "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_SERVICE_ACCOUNT_KEY", "GOOGLE_SERVICE_ACCOUNT",
)  # fmt: skip


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """moto's S3 server, one for all tests."""
    with s3_server() as server:
        yield server


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """Azure's emulator, one for all tests."""
    with azurite_server(tmp_path_factory.mktemp("azurite")) as server:
        yield server


@pytest.fixture(scope="session")
def fake_gcs() -> Iterator[FakeGcs]:
    """An emulator of Google Cloud Storage, one for all tests."""
    with fake_gcs_server() as server:
        yield server


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Service:
    """The server that holds ``bucket``: S3, unless a test asks for others with ``OBJECT_STORES``."""
    found: Service = request.getfixturevalue(getattr(request, "param", "s3"))
    return found


@pytest.fixture
def bucket(server: Service, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new bucket, and an environment in which it can be used."""
    use(monkeypatch, server, server.port)
    return server.new_bucket()


def use(monkeypatch: pytest.MonkeyPatch, server: Service, port: int) -> None:
    """Have ``server`` used, by way of ``port``, by whoever uses the usual variables."""
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in server.environment(port).items():
        monkeypatch.setenv(name, value)


def address_of(request: pytest.FixtureRequest, name: str) -> str:
    """Return the address of a place in a new bucket of the server that the fixture ``name`` is; it can be used from now on."""
    server: Service = request.getfixturevalue(name)
    use(request.getfixturevalue("monkeypatch"), server, server.port)
    return f"{server.scheme}://{server.new_bucket()}/paper"


@pytest.fixture
def proxy(server: Service, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy before the server, which the environment names instead of it."""
    assert bucket
    with proxy_before(server.port) as found:
        use(monkeypatch, server, found.port)
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
