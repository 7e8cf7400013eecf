"""What a manifest says of sharing: its form, and that a plan keeps it."""

import pytest

from paperbuild.errors import ManifestError
from paperbuild.paper.declarations import SharingSpec
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
    assert parse_manifest(TEXT).shared == SharingSpec("s3://bucket/prefix", (KEY,), "http://127.0.0.1:9000", "eu")
    assert parse_manifest(b"").shared == SharingSpec()


def test_a_kept_plan_says_so_too():
    made = plan_of(parse_manifest(TEXT))
    assert load_plan(dump_plan(made, TEXT, ""), TEXT, "").shared == parse_manifest(TEXT).shared


def test_a_private_key_is_told_and_not_shown():
    [fault] = faults(f'[store]\ntrusted = ["{KEY}", "{PRIVATE}"]\n')
    assert (fault.code, fault.span.line, fault.span.column) == ("PB623", 2, 67)
    assert PRIVATE not in str(fault)


@pytest.mark.parametrize("key", ["me", "ed25519:AAAA", KEY + "=", "ed25519:" + "ä" * 43])
def test_what_is_no_public_key_is_told_at_its_place(key):
    [fault] = faults(f'[store]\ntrusted = ["{KEY}",\n  "{key}"]\n')
    assert (fault.code, fault.span.line, fault.span.column) == ("PB623", 3, 3)


def test_how_a_remote_is_reached_needs_one():
    assert [fault.code for fault in faults('[store]\nendpoint = "https://h"\nregion = "eu"\n')] == ["PB624", "PB624"]


def test_a_profile_has_no_store_of_its_own():
    [fault] = faults('[profile.ci.store]\nremote = "s3://b/p"\n')
    assert fault.code == "PB103"


@pytest.mark.parametrize("remote", ["gs://bucket/p", "az://container/p", "ssh://host/p", "https://host/p", "file:///srv/p"])
def test_no_manifest_says_who_is_shown_a_token(remote):
    [endpoint, region] = faults(f'[store]\nremote = "{remote}"\nendpoint = "https://evil.example.org"\nregion = "eu"\n')
    assert (endpoint.code, endpoint.span.line, region.span.line) == ("PB624", 3, 4)
