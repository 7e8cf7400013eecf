"""Addresses of shared stores."""

from __future__ import annotations

import builtins

import pytest

from paperbuild.errors import UsageError
from paperbuild.sharing.opening import open_transport
from paperbuild.sharing.places import Place, parse_place


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("s3://bucket/some/prefix/", ("s3", "bucket", "some/prefix")),
        ("gs://bucket", ("gs", "bucket", "")),
        ("az://container/x", ("az", "container", "x")),
        ("az://two-words9/x", ("az", "two-words9", "x")),
        ("file:///srv/results", ("file", "", "/srv/results")),
        ("file:///srv/with%20space/../b", ("file", "", "/srv/b")),
        ("https://example.org/results", ("https", "example.org", "results")),
        ("http://localhost:8000", ("http", "localhost", "")),
        ("http://127.0.0.1/x", ("http", "127.0.0.1", "x")),
        ("http://[::1]:80/x", ("http", "::1", "x")),
        ("ssh://ann@host:2222/srv/results", ("ssh", "host", "/srv/results")),
    ],
)
def test_an_address_says_where_results_lie(address: str, place: tuple[str, str, str]) -> None:
    found = parse_place(address)
    assert (found.scheme, found.host, found.path) == place
    assert found.address == address
    assert found.is_read_only == (place[0] in {"https", "http"})


def test_user_and_port_of_an_address_are_known() -> None:
    found = parse_place("ssh://ann@host:2222/srv")
    assert (found.user, found.port) == ("ann", 2222)


@pytest.mark.parametrize(
    ("address", "why", "help_"),
    [
        ("ftp://host/x", "knows ftp://", "there is file://"),
        ("htps://host/x", "knows htps://", "did you mean https"),
        ("/srv/results", "no address", "file:///srv/results"),
        ("results", "no address", "file://"),
        ("file://results", "no folder of this machine", "file:///folder"),
        ("file:///", "no folder of this machine", "file:///folder"),
        ("s3:///x", "names no bucket", "s3://bucket/prefix"),
        ("az://My-Papers/x", "small letters", "az://container/prefix"),
        ("az://my--papers/x", "single hyphens", "az://container/prefix"),
        ("az://no", "3 to 63", "az://container/prefix"),
        ("s3://me:secret@bucket/x", "a password", "variables"),
        ("s3://bucket/../x", "leads upwards", "s3://bucket/prefix"),
        ("s3://bucket/x?y=1", "ends in what", "s3://bucket/prefix"),
        ("http://example.org/x", "in between", "https://"),
        ("ssh://host", "names no folder", "ssh://user@host/folder"),
        ("https:///x", "names no host", "https://host/folder"),
        ("https://host:port/x", "no address", ""),
    ],
)
def test_what_can_be_no_address_is_refused_in_words(address: str, why: str, help_: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_place(address)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "PB600"
    assert why in diagnostic.message
    assert help_ in "".join(diagnostic.help)


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(UsageError) as caught:
        parse_place("https://me:s3cret@host/x")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(("address", "library"), [("s3://bucket", "obstore"), ("az://con", "obstore"), ("ssh://host/x", "paramiko")])
def test_an_address_whose_library_is_missing_says_which(address: str, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: object, **more: object) -> object:
        if name.partition(".")[0] == library or name in {"paperbuild.sharing.objects", "paperbuild.sharing.ssh"}:
            raise ModuleNotFoundError(name, name=library)
        return real(name, *rest, **more)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError) as caught:
        open_transport(parse_place(address))
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, library in diagnostic.message) == ("PB601", True)
    assert diagnostic.help == ("pip install 'paperbuild[remote]'",)


def test_a_place_is_a_value() -> None:
    assert parse_place("s3://b/x", endpoint="http://h", region="r") == Place("s3://b/x", "s3", "b", "x", endpoint="http://h", region="r")
