"""Several processes that write to one shared store at once: no record is torn or lost."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from paperbuild.sharing.bundles import load_bundle
from paperbuild.sharing.layout import bundle_name
from paperbuild.sharing.surveying import verify_remote
from tests.sharing.clones import Clone, key_of
from tests.sharing.conftest import OBJECT_STORES, address_of
from tests.sharing.servers import TOP, Proxy, SshServer, needs_sshd, ssh_server

WRITERS, KEYS = 4, 6


@pytest.fixture(scope="module")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with ssh_server(tmp_path_factory.mktemp("ssh")) as server:
        yield server


@pytest.fixture(
    params=[
        "file",
        *OBJECT_STORES,
        pytest.param("ssh", marks=[needs_sshd, pytest.mark.slow]),
        pytest.param("file and ssh", marks=needs_sshd),
    ]
)
def addresses(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The address that each of the writers uses for the one store."""
    (tmp_path / "remote").mkdir()
    match request.param:
        case "s3":
            proxy: Proxy = request.getfixturevalue("proxy")
            assert proxy.port
            return [f"s3://{request.getfixturevalue('bucket')}/paper"] * WRITERS
        case "azurite" | "fake_gcs":
            return [address_of(request, request.param)] * WRITERS
        case "file":
            return [f"file://{tmp_path}/remote"] * WRITERS
        case kind:
            server = request.getfixturevalue("ssh")
            monkeypatch.setenv("HOME", str(server.home))
            far, near = f"ssh://127.0.0.1:{server.port}{tmp_path}/remote", f"file://{tmp_path}/remote"
            return [far] * WRITERS if kind == "ssh" else [far, near] * (WRITERS // 2)


def test_four_processes_write_the_same_keys_and_every_record_is_there(
    clone: Callable[..., Clone], addresses: list[str], tmp_path: Path
) -> None:
    code = "import sys; from tests.sharing.clones import write; write(*sys.argv[1:])"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / f"writer-{n}"), addresses[n], str(KEYS)],
            cwd=TOP, env={**os.environ, "PYTHONPATH": str(TOP)}, stdin=subprocess.PIPE, text=True,
        )
        for n in range(WRITERS)
    ]  # fmt: skip
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.close()
    assert [writer.wait(120) for writer in writers] == [0] * WRITERS
    mine = clone(addresses[0])
    for n in range(KEYS):
        content = mine.shared.link.transport.read(bundle_name(key_of(f"cell-{n}")), 1 << 20)
        assert content is not None
        assert len({entry.signer for entry in load_bundle(content.data)}) == WRITERS
    survey = verify_remote(mine.shared)
    assert (survey.damages, survey.untrusted) == ((), WRITERS * KEYS)
