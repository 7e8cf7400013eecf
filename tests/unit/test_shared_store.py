"""What a manifest says of sharing: its form, and that a plan keeps it."""

import pytest

from paperbuild.errors import ManifestError
from paperbuild.paper.declarations import SharedStore
from paperbuild.paper.manifest import parse_manifest
from paperbuild.paper.plan import dump_plan, load_plan, plan_of

KEY = "ed25519:" + "A" * 43
PRIVATE = "ed25519-private:" + "B" * 43
TEXT = f'[store]\nremote = "s3://bucket/prefix"\ntrusted = ["{KEY}", "{KEY}"]\nendpoint = "http://127.0.0.1:9000"\nregion = "eu"\n'.encode()


def faults(text):
    with pytest.raises(ManifestError) as error:
        parse_manifest(text.encode())
    return error.value.diagnostics


def test_a_manifest_says_with_whom_results_are_shared():
    assert parse_manifest(TEXT).shared == SharedStore("s3://bucket/prefix", (KEY,), "http://127.0.0.1:9000", "eu")
    assert parse_manifest(b"").shared == SharedStore()


def test_a_kept_plan_says_so_too():
    made = plan_of(parse_manifest(TEXT))
    assert load_plan(dump_plan(made, TEXT, ""), TEXT, "").shared == parse_manifest(TEXT).shared


@pytest.mark.parametrize(
    "address", ["s3://b", "s3://b/p/q", "gs://b/p", "az://c/p", "ssh://me@host:22/srv/r", "https://h/p", "file:///srv/r"]
)
def test_an_address_of_each_kind_is_taken(address):
    assert parse_manifest(f'[store]\nremote = "{address}"\n'.encode()).shared.remote == address


@pytest.mark.parametrize(
    ("address", "help_"),
    [
        ("bucket/prefix", 'a bucket is "s3://bucket/prefix", a folder "file:///shared/results"'),
        ("s3://", 'write it as "s3://bucket/prefix"'),
        ("file:///", 'write it as "file:///shared/results"'),
        ("http://host/x", "did you mean https?"),
        ("S3://b/p", "did you mean s3?"),
        ("gcs://b/p", "did you mean gs?"),
        ("ipfs://x", "it begins with one of s3://, gs://, az://, ssh://, https://, file://"),
    ],
)
def test_an_address_that_is_none_is_told_at_its_place(address, help_):
    [fault] = faults(f'[store]\nremote = "{address}"\n')
    assert (fault.code, fault.span.line, fault.span.column, fault.help) == ("PB624", 2, 10, (help_,))


@pytest.mark.parametrize("line", ['remote = "https://me:secret@host/x"', f'trusted = ["{PRIVATE}"]'])
def test_what_must_stay_secret_is_told_and_not_shown(line):
    [fault] = faults(f"[store]\n{line}\n")
    assert fault.code in {"PB623", "PB624"}
    assert "secret" not in str(fault)
    assert PRIVATE not in str(fault)
    assert fault.span.line == 2


def test_how_a_remote_is_reached_needs_one():
    assert [fault.code for fault in faults('[store]\nendpoint = "https://h"\nregion = "eu"\n')] == ["PB624", "PB624"]


def test_a_profile_has_no_store_of_its_own():
    [fault] = faults('[profile.ci.store]\nremote = "s3://b/p"\n')
    assert fault.code == "PB103"
