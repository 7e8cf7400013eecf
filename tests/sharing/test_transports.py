"""What every transport promises, on a folder, servers of S3, Azure and Google, OpenSSH's server, and what a web server hands out of it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from paperbuild.sharing.opening import open_transport
from paperbuild.sharing.places import parse_place
from paperbuild.sharing.transport import Transport, TransportError, Trouble
from tests.sharing.conftest import OBJECT_STORES, address_of
from tests.sharing.servers import S3Server, SshServer, needs_sshd, ssh_server, web_server, write_certificate


@pytest.fixture(scope="module")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with ssh_server(tmp_path_factory.mktemp("ssh")) as server:
        yield server


def _opened(request: pytest.FixtureRequest, tmp_path: Path) -> Transport:
    root = tmp_path / "root"
    root.mkdir()
    match request.param:
        case "file":
            return open_transport(parse_place(f"file://{root}"))
        case "s3" | "azurite" | "fake_gcs":
            return open_transport(parse_place(address_of(request, request.param)))
        case _:
            server = request.getfixturevalue("ssh")
            request.getfixturevalue("monkeypatch").setenv("HOME", str(server.home))
            return open_transport(parse_place(f"ssh://127.0.0.1:{server.port}{root}"))


@pytest.fixture(params=["file", *OBJECT_STORES, pytest.param("ssh", marks=needs_sshd)])
def transport(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Transport]:
    found = _opened(request, tmp_path)
    yield found
    found.close()


def _streamed(transport: Transport, name: str, start: int = 0) -> bytes | None:
    stream = transport.stream(name, start)
    return None if stream is None else b"".join(bytes(chunk) for chunk in stream)


def test_what_was_put_can_be_read_looked_at_and_streamed(transport: Transport) -> None:
    data = os.urandom(3_000_000)
    assert transport.put("blobs/ab/abc", data, "")
    content = transport.read("blobs/ab/abc", 4_000_000)
    seen = transport.look("blobs/ab/abc")
    assert content is not None
    assert seen is not None
    assert content.data == data
    assert seen.size == len(data)
    assert _streamed(transport, "blobs/ab/abc") == data
    assert _streamed(transport, "blobs/ab/abc", 2_500_000) == data[2_500_000:]


def test_what_is_empty_is_not_what_is_missing(transport: Transport) -> None:
    transport.put("blobs/ab/empty", b"", "")
    content = transport.read("blobs/ab/empty", 10)
    assert content is not None
    assert content.data == b""
    assert _streamed(transport, "blobs/ab/empty") == b""
    assert transport.read("blobs/ab/none", 10) is None
    assert transport.look("blobs/ab/none") is None
    assert _streamed(transport, "blobs/ab/none") is None


def test_more_than_was_asked_for_is_refused(transport: Transport) -> None:
    transport.put("blobs/ab/large", bytes(1000), "")
    with pytest.raises(TransportError) as caught:
        transport.read("blobs/ab/large", 999)
    assert caught.value.trouble is Trouble.WRONG


def test_what_is_there_is_replaced_only_by_who_says_what_it_is(transport: Transport) -> None:
    assert transport.put("records/ab/k", b"one", "")
    assert not transport.put("records/ab/k", b"two", "")
    first = transport.read("records/ab/k", 10)
    assert first is not None
    assert transport.put("records/ab/k", b"two", first.version)
    assert not transport.put("records/ab/k", b"three", first.version)
    second = transport.read("records/ab/k", 10)
    assert second is not None
    assert second.data == b"two"
    assert transport.put("records/ab/k", b"three", None)
    third = transport.read("records/ab/k", 10)
    assert third is not None
    assert third.data == b"three"


def test_of_many_who_put_at_once_one_does(transport: Transport) -> None:
    won = []

    def put(number: int) -> None:
        if transport.put("records/ab/one", b"%d" % number, ""):
            won.append(number)

    threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    content = transport.read("records/ab/one", 10)
    assert content is not None
    assert [int(content.data)] == won


def test_what_is_deleted_is_gone_and_may_be_gone_already(transport: Transport) -> None:
    transport.put("blobs/ab/a", b"a", "")
    transport.put("blobs/ab/b", b"b", "")
    transport.delete(["blobs/ab/never", "blobs/ab/a", *(f"blobs/ab/{n}" for n in range(20)), "blobs/ab/b"])
    assert transport.look("blobs/ab/a") is None
    assert transport.look("blobs/ab/b") is None


def test_all_that_stands_there_is_listed_and_nothing_else(transport: Transport) -> None:
    names = {"records/ab/k": b"1", "blobs/cd/x": b"22", "blobs/cd/y": b"333", "namespaces/me/blobs/cd/x": b"4444"}
    for name, data in names.items():
        transport.put(name, data, "")
    assert {seen.name: seen.size for seen in transport.listed("")} == {name: len(data) for name, data in names.items()}
    assert {seen.name for seen in transport.listed("blobs/")} == {"blobs/cd/x", "blobs/cd/y"}
    assert list(transport.listed("pieces/")) == []


def test_a_folder_that_is_not_there_is_told_from_an_empty_one(tmp_path: Path) -> None:
    gone = open_transport(parse_place(f"file://{tmp_path}/gone"))
    for act in (lambda: gone.read("version", 10), lambda: gone.put("version", b"1", ""), lambda: list(gone.listed(""))):
        with pytest.raises(TransportError) as caught:
            act()
        assert caught.value.trouble is Trouble.NOWHERE
    assert not (tmp_path / "gone").exists()


def test_no_part_of_a_content_is_left_where_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    transport = open_transport(parse_place(f"file://{tmp_path}"))
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(TransportError) as caught:
        transport.put("blobs/ab/a", b"a", "")
    assert caught.value.trouble is Trouble.FULL
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_bucket_that_does_not_exist_is_told_from_an_empty_one(bucket: str) -> None:
    gone = open_transport(parse_place("s3://no-such-bucket-here/x"))
    for act in (lambda: gone.read("version", 10), lambda: gone.put("version", b"1", "")):
        with pytest.raises(TransportError) as caught:
            act()
        assert caught.value.trouble is Trouble.NOWHERE


# --- a web server


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[Transport, Path]]:
    (tmp_path / "site/store/blobs").mkdir(parents=True)
    with web_server(tmp_path / "site") as port:
        transport = open_transport(parse_place(f"http://127.0.0.1:{port}/store"))
        yield transport, tmp_path / "site/store"
        transport.close()


def test_what_a_web_server_hands_out_can_be_read(web: tuple[Transport, Path]) -> None:
    transport, folder = web
    data = os.urandom(3_000_000)
    (folder / "blobs/a").write_bytes(data)
    assert transport.read("blobs/none", 10) is None
    content = transport.read("blobs/a", 3_000_000)
    seen = transport.look("blobs/a")
    assert content is not None
    assert seen is not None
    assert (content.data, seen.size) == (data, len(data))
    assert _streamed(transport, "blobs/a") == data
    assert _streamed(transport, "blobs/none") is None


def test_a_server_that_knows_no_ranges_is_read_from_the_middle_all_the_same(web: tuple[Transport, Path]) -> None:
    transport, folder = web
    data = os.urandom(2_500_000)
    (folder / "blobs/a").write_bytes(data)
    assert _streamed(transport, "blobs/a", 2_000_001) == data[2_000_001:]


def test_nothing_is_written_to_a_web_server(web: tuple[Transport, Path]) -> None:
    transport, _ = web
    assert not transport.can_write
    for act in (lambda: transport.put("a", b"", ""), lambda: transport.delete(["a"]), lambda: transport.listed("")):
        with pytest.raises(TransportError) as caught:
            act()
        assert caught.value.trouble is Trouble.READ_ONLY


def test_a_host_that_is_not_there_is_unreachable(bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("HOME", str(tmp_path))
    for address in (f"s3://{bucket}/x", "http://127.0.0.1:9/x", "ssh://127.0.0.1:9/x"):
        with pytest.raises(TransportError) as caught:
            open_transport(parse_place(address)).read("version", 10)
        assert caught.value.trouble is Trouble.UNREACHABLE


def test_https_is_read_from_who_has_a_certificate_that_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_certificate(tmp_path / "pem")
    (tmp_path / "site").mkdir()
    (tmp_path / "site/version").write_text("1")
    with web_server(tmp_path / "site", tmp_path / "pem") as port:
        address = f"https://127.0.0.1:{port}"
        with pytest.raises(TransportError) as caught:
            open_transport(parse_place(address)).read("version", 9)
        assert caught.value.trouble is Trouble.UNKNOWN_HOST
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "pem"))
        transport = open_transport(parse_place(address))
        content = transport.read("version", 9)
        assert content is not None
        assert content.data == b"1"
        assert _streamed(transport, "version") == b"1"
        transport.close()


def test_s3_by_https_is_not_spoken_to_without_a_certificate_that_is_trusted(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_certificate(tmp_path / "pem")
    with web_server(tmp_path, tmp_path / "pem") as port:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://127.0.0.1:{port}")
        with pytest.raises(TransportError) as caught:
            open_transport(parse_place(f"s3://{bucket}")).read("version", 9)
        assert caught.value.trouble is Trouble.UNKNOWN_HOST
        monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "pem"))
        assert open_transport(parse_place(f"s3://{bucket}")).read("version", 9) is None


# --- an SSH server


@needs_sshd
def test_a_host_that_nobody_vouched_for_is_not_spoken_to(ssh: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/id_ed25519").write_text((ssh.home / ".ssh/id_ed25519").read_text())
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(TransportError) as caught:
        open_transport(parse_place(f"ssh://127.0.0.1:{ssh.port}{tmp_path}")).read("version", 10)
    assert caught.value.trouble is Trouble.UNKNOWN_HOST
    assert not (tmp_path / ".ssh/known_hosts").exists()


@needs_sshd
def test_who_has_no_key_that_the_host_knows_is_told_so(ssh: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/known_hosts").write_text((ssh.home / ".ssh/known_hosts").read_text())
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with pytest.raises(TransportError) as caught:
        open_transport(parse_place(f"ssh://127.0.0.1:{ssh.port}{tmp_path}")).read("version", 10)
    assert caught.value.trouble is Trouble.CREDENTIALS


@needs_sshd
def test_what_the_users_configuration_says_of_a_host_counts(ssh: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh/config").write_text(
        f"Host lab\n HostName 127.0.0.1\n Port {ssh.port}\n IdentityFile {ssh.home}/.ssh/id_ed25519\n"
        f" UserKnownHostsFile {ssh.home}/.ssh/known_hosts\n"
    )
    monkeypatch.setenv("HOME", str(home))
    transport = open_transport(parse_place(f"ssh://lab{tmp_path}"))
    assert transport.put("version", b"1", "")
    assert (tmp_path / "version").read_bytes() == b"1"
    transport.close()


def test_what_the_files_of_awss_tools_say_counts(s3: S3Server, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text("[profile lab]\nregion = eu-west-1\n")
    for name, value in (("AWS_SHARED_CREDENTIALS_FILE", "credentials"), ("AWS_CONFIG_FILE", "config")):
        monkeypatch.setenv(name, str(tmp_path / value))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_PROFILE", "lab")
    (tmp_path / "credentials").write_text("[lab]\naws_access_key_id = tester\naws_secret_access_key = secret\n")
    s3.ask("POST", "/moto-api/reset-auth", b"0")
    try:
        open_transport(parse_place(f"s3://{bucket}")).read("version", 9)
        asked = "well"
    except TransportError as error:
        asked = str(error)
    finally:
        s3.ask("POST", "/moto-api/reset-auth", b"inf")
    assert "InvalidAccessKeyId" in asked  # it was asked with a key, which moto does not know


# --- turns where there are no locks


def test_the_turn_of_a_writer_that_died_is_taken_at_once_where_locks_say_so(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks/k.turn").write_bytes(b"flock")
    assert open_transport(parse_place(f"file://{tmp_path}")).put("records/ab/k", b"1", "")
    assert not (tmp_path / "locks/k.turn").exists()


def test_the_turn_of_who_came_by_sftp_and_died_is_taken_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paperbuild.sharing.files.STALE_S", 0.1)
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks/k.turn").write_bytes(b"")
    assert open_transport(parse_place(f"file://{tmp_path}")).put("records/ab/k", b"1", "")


@needs_sshd
def test_by_sftp_the_turn_of_who_died_is_taken_after_a_while(ssh: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paperbuild.sharing.ssh.STALE_S", 0.1)
    monkeypatch.setenv("HOME", str(ssh.home))
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks/k.turn").write_bytes(b"")
    transport = open_transport(parse_place(f"ssh://127.0.0.1:{ssh.port}{tmp_path}"))
    assert transport.put("records/ab/k", b"1", "")
    assert not (tmp_path / "locks/k.turn").exists()
    transport.close()
