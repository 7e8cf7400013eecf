"""Who may ask S3, Azure and Google Cloud Storage, where they are, and what is told when they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from paperbuild.errors import BuildError, UsageError
from paperbuild.sharing.exchange import push
from paperbuild.sharing.opening import open_transport
from paperbuild.sharing.places import parse_place
from tests.sharing.clones import Clone, key_of
from tests.sharing.conftest import use
from tests.sharing.emulators import ACCOUNT, ACCOUNT_KEY, NEEDS_AZURITE, Azurite, FakeGcs
from tests.sharing.servers import Answer, Proxy, S3Server, error, proxy_before

CloneMaker = Callable[..., Clone]


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Nothing is set that says who asks, and nobody hands out a machine's role."""
    use(monkeypatch, S3Server(9), 9)
    for name in S3Server(9).environment(9):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("AZURE_MSI_ENDPOINT", "http://127.0.0.1:9/metadata/identity/oauth2/token")
    return monkeypatch


# --- what is refused


def of_azure(status: int, code: str, message: str = "So it is.\nRequestId:6b1c\nTime:2026-01-01T00:00:00Z", detail: str = "") -> Answer:
    """Return an answer as Azure gives it."""
    more = f"<AuthenticationErrorDetail>{detail}</AuthenticationErrorDetail>" if detail else ""
    text = f'\ufeff<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{message}</Message>{more}</Error>'
    return Answer(status, text.encode())


UNSIGNED = "Server failed to authenticate the request. Make sure the value of the header is right."
REFUSED = [
    ("s3", error(403, "AccessDenied"), "PB604"),
    ("s3", error(403, "SignatureDoesNotMatch"), "PB605"),
    ("s3", error(403, "InvalidAccessKeyId"), "PB605"),
    ("s3", error(401, "Unauthorized"), "PB605"),
    ("s3", error(403, "RequestTimeTooSkewed"), "PB606"),
    ("s3", error(404, "NoSuchBucket"), "PB603"),
    ("s3", error(400, "ExpiredToken"), "PB605"),
    ("s3", error(301, "PermanentRedirect"), "PB602"),
    ("az", of_azure(403, "AuthorizationPermissionMismatch"), "PB604"),
    ("az", of_azure(403, "AuthorizationFailure", "This request is not authorized to perform this operation."), "PB604"),
    ("az", of_azure(403, "AuthenticationFailed", UNSIGNED), "PB605"),
    ("az", of_azure(403, "AuthenticationFailed", UNSIGNED, "Request date header too old: 'Thu, 01 Jan 2026 00:00:00 GMT'"), "PB606"),
    ("az", of_azure(401, "NoAuthenticationInformation"), "PB605"),
    ("az", of_azure(409, "PublicAccessNotPermitted"), "PB605"),
    ("az", of_azure(404, "ContainerNotFound"), "PB603"),
    ("az", of_azure(400, "InvalidResourceName"), "PB603"),
    ("gs", error(403, "AccessDenied"), "PB604"),
    ("gs", error(401, "AuthenticationRequired"), "PB605"),
    ("gs", error(404, "NoSuchBucket"), "PB603"),
]
HOLDS = {"s3": S3Server, "az": Azurite, "gs": FakeGcs}


@pytest.mark.parametrize(("scheme", "answer", "code"), REFUSED, ids=lambda one: one if isinstance(one, str) else "")
def test_what_a_server_refuses_is_one_clear_message(
    clone: CloneMaker, environ: pytest.MonkeyPatch, scheme: str, answer: Answer, code: str
) -> None:
    with proxy_before(9) as proxy:
        proxy.fault = lambda _: answer
        use(environ, HOLDS[scheme](9), proxy.port)
        mine = clone(f"{scheme}://bucket/paper")
        record = mine.made("train", b"model")
        assert mine.shared.find([record.key]) == {}
        mine.shared.offer(record)
        assert mine.shared.settle(30) == 1
        (notice,) = mine.shared.notices()
        assert (notice.code, notice.severity) == (code, "warning")
        assert "RequestId" not in "".join(notice.notes)
        assert len(proxy.requests) <= 2
        with pytest.raises(BuildError) as caught:
            push(mine.opened(), [record])
        (diagnostic,) = caught.value.diagnostics
        assert (diagnostic.code, diagnostic.severity) == (code, "error")


# --- who asks


def test_wrong_credentials_are_told_by_a_server_that_checks_them(clone: CloneMaker, s3: S3Server, bucket: str) -> None:
    s3.ask("POST", "/moto-api/reset-auth", b"0")
    try:
        mine = clone(f"s3://{bucket}/paper")
        assert mine.shared.find([key_of("train")]) == {}
        assert mine.codes() == ["PB605"]
    finally:
        s3.ask("POST", "/moto-api/reset-auth", b"inf")


@pytest.mark.parametrize("scheme", ["s3", "az"])
def test_no_credentials_at_all_are_told(clone: CloneMaker, environ: pytest.MonkeyPatch, proxy: Proxy, scheme: str) -> None:
    use(environ, HOLDS[scheme](9), proxy.port)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AZURE_STORAGE_ACCOUNT_KEY"):
        environ.delenv(name, raising=False)
    mine = clone(f"{scheme}://bucket/paper")
    assert mine.shared.find([key_of("train")]) == {}
    (notice,) = mine.shared.notices()
    assert notice.code == "PB605"
    assert notice.notes[0] == "no key and no token was found, and this machine has no role that the service would know"
    assert proxy.requests == []


@pytest.mark.parametrize(
    ("address", "variables", "said"),
    [
        ("az://container", {}, "Account must be specified"),
        ("az://container", {"AZURE_STORAGE_ACCOUNT": "me", "AZURE_STORAGE_KEY": "not base64"}, "Invalid Access Key"),
        ("gs://bucket", {"GOOGLE_SERVICE_ACCOUNT": "gone.json"}, "gone.json"),
    ],
)
def test_credentials_that_can_be_none_are_told_before_anybody_is_asked(
    environ: pytest.MonkeyPatch, address: str, variables: dict[str, str], said: str
) -> None:
    for name, value in variables.items():
        environ.setenv(name, value)
    with pytest.raises(UsageError) as caught:
        open_transport(parse_place(address))
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "PB605"
    assert said in diagnostic.notes[0]
    assert "set AZURE_STORAGE_ACCOUNT_NAME" in diagnostic.help[0] or "set GOOGLE_APPLICATION_CREDENTIALS" in diagnostic.help[0]


WAYS = {
    "obstore": ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_ENDPOINT"),
    "az": ("AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_KEY", "AZURE_STORAGE_ENDPOINT"),
}


@pytest.mark.parametrize("way", [*WAYS, "line", "emulator", "emulator by line"])
def test_azures_variables_say_who_asks_and_where(environ: pytest.MonkeyPatch, clone: CloneMaker, way: str) -> None:
    with proxy_before(9) as proxy:
        proxy.fault = lambda _: of_azure(404, "BlobNotFound")
        endpoint = f"http://127.0.0.1:{proxy.port}"
        for name, value in zip(WAYS.get(way, ()), (ACCOUNT, ACCOUNT_KEY, f"{endpoint}/{ACCOUNT}"), strict=False):
            environ.setenv(name, value)
        line = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};BlobEndpoint={endpoint}/{ACCOUNT};"
        if way == "emulator":
            environ.setenv("AZURE_STORAGE_USE_EMULATOR", "true")
        elif way not in WAYS:
            environ.setenv("AZURE_STORAGE_CONNECTION_STRING", line if way == "line" else "UseDevelopmentStorage=true")
        environ.setenv("AZURITE_BLOB_STORAGE_URL", endpoint)
        assert open_transport(parse_place("az://container/x")).read("version", 9) is None
        assert [request.path for request in proxy.requests] == [f"/{ACCOUNT}/container/x/version"]


def test_the_variable_of_googles_libraries_names_an_emulator_which_is_asked_as_nobody(environ: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with proxy_before(9) as proxy:
        proxy.fault = lambda _: error(404, "NoSuchKey")
        for address in (f"127.0.0.1:{proxy.port}", f"http://127.0.0.1:{proxy.port}/"):
            environ.setenv("STORAGE_EMULATOR_HOST", address)
            assert open_transport(parse_place("gs://bucket/x")).read("version", 9) is None
        environ.delenv("STORAGE_EMULATOR_HOST")
        account = {"gcs_base_url": f"http://127.0.0.1:{proxy.port}", "disable_oauth": True, "client_email": "", "private_key": ""}
        (tmp_path / "account.json").write_text(json.dumps(account | {"private_key_id": ""}))
        environ.setenv("GOOGLE_SERVICE_ACCOUNT", str(tmp_path / "account.json"))
        environ.setenv("GOOGLE_BASE_URL", account["gcs_base_url"])
        assert open_transport(parse_place("gs://bucket/x")).read("version", 9) is None
        assert {request.path.replace("%2F", "/") for request in proxy.requests} == {"/bucket/x/version"}


@pytest.mark.slow
@NEEDS_AZURITE[1]
def test_azure_tells_a_wrong_key_a_missing_container_and_a_missing_account_apart(
    clone: CloneMaker, azurite: Azurite, environ: pytest.MonkeyPatch
) -> None:
    container = azurite.new_bucket()
    nobody = {"AZURE_STORAGE_SAS_TOKEN": ""}
    other = {"AZURE_STORAGE_ENDPOINT": f"http://127.0.0.1:{azurite.port}/other", "AZURE_STORAGE_ACCOUNT_NAME": "other"}
    for address, variables, code in (
        (f"az://{container}/paper", {"AZURE_STORAGE_ACCOUNT_KEY": "aGVsbG8="}, "PB605"),
        (f"az://{container}/paper", nobody, "PB605"),
        ("az://no-such-container/paper", {}, "PB603"),
        (f"az://{container}/paper", other, "PB603"),
        (f"az://{container}/paper", {"AZURE_STORAGE_ENDPOINT": f"http://127.0.0.1:9/{ACCOUNT}"}, "PB602"),
    ):
        use(environ, azurite, azurite.port)
        for name, value in variables.items():
            environ.setenv(name, value)
        mine = clone(address)
        with pytest.raises(BuildError) as caught:
            push(mine.shared, [mine.made("train", b"model")])
        assert [diagnostic.code for diagnostic in caught.value.diagnostics] == [code]
