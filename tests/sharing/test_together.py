"""Clones of a project in different folders that share results through S3, called as a user calls them."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from paperbuild.cli.main import main
from paperbuild.engine.trace import dump_record, load_record
from paperbuild.sharing.bundles import PURPOSE, Signed, dump_bundle, load_bundle
from paperbuild.sharing.opening import open_transport
from paperbuild.sharing.places import parse_place
from paperbuild.sharing.signing import Signer, new_private_key
from paperbuild.sharing.transport import Transport
from tests.sharing.conftest import OBJECT_STORES, Service
from tests.sharing.servers import Answer, Proxy, Slow, Spoilt, error

MANIFEST = """\
[paper]
source = "paper.md"

[target.train]
run = "python3 train.py {seed} > build/{seed}.json"
outputs = { m = "build/{seed}.json" }
matrix = { seed = [0, 1] }

[target.joined]
run = "cat build/0.json build/1.json > build/all.txt"
outputs = ["build/all.txt"]

[store]
remote = "@REMOTE@"
trusted = @TRUSTED@
"""
PAPER = '# Result\n\nWe reach []{val="mean(train.acc):.2f"}.\n'
TRAIN = "import sys\nprint('{\"acc\": 0.' + sys.argv[1] + '5}')\n"


@dataclass(frozen=True)
class Told:
    code: int
    out: str
    err: str

    @property
    def answer(self) -> dict[str, object]:
        return json.loads(self.out)  # type: ignore[no-any-return]

    @property
    def outcomes(self) -> set[str]:
        return {one["outcome"] for one in self.answer["actions"]}  # type: ignore[attr-defined]

    @property
    def codes(self) -> list[str]:
        return [one["code"] for one in self.answer["diagnostics"]]  # type: ignore[attr-defined]


class Machine:
    """A clone on a machine of its own: with a home, and a key in it where it has one."""

    def __init__(self, root: Path, call: Callable[..., Told]) -> None:
        self.root = root
        self.home = root.parent / f"home of {root.name}"
        self._call = call

    def call(self, *words: str, **environ: str) -> Told:
        return self._call(self.root, words, {"XDG_CONFIG_HOME": str(self.home), **environ})

    def own_key(self) -> str:
        return self.call("key", "new").out.strip()

    def trust(self, remote: str, *keys: str) -> None:
        text = MANIFEST.replace("@REMOTE@", remote).replace("@TRUSTED@", json.dumps(keys))
        (self.root / "paperbuild.toml").write_text(text)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[[str], Machine]:
    def call(root: Path, words: tuple[str, ...], environ: dict[str, str]) -> Told:
        with monkeypatch.context() as here:
            here.chdir(root)
            here.delenv("PAPERBUILD_REMOTE", raising=False)
            for name, value in environ.items():
                here.setenv(name, value)
            capfd.readouterr()
            code = main(words)
        return Told(int(code), *capfd.readouterr())

    def new(name: str) -> Machine:
        root = tmp_path / name / "the paper"
        root.mkdir(parents=True)
        for path, text in (("paper.md", PAPER), ("train.py", TRAIN)):
            (root / path).write_text(text)
        return Machine(root, call)

    return new


@dataclass(frozen=True)
class Pair:
    """Two clones that share: ``writer`` has a key that both trust, ``reader`` has none. ``there`` is what lies in between."""

    writer: Machine
    reader: Machine
    there: There
    key: str


@dataclass(frozen=True)
class There:
    """A bucket, as it is behind everybody's back."""

    address: str
    transport: Transport

    def names(self, begin: str = "") -> list[str]:
        return sorted(seen.name for seen in self.transport.listed(begin))

    def get(self, name: str) -> bytes:
        content = self.transport.read(name, 1 << 20)
        assert content is not None
        return content.data

    def put(self, name: str, data: bytes) -> None:
        assert self.transport.put(name, data, None)

    def alter_records(self, change: Callable[[Signed], Signed]) -> None:
        for name in self.names("records/"):
            self.put(name, dump_bundle(map(change, load_bundle(self.get(name)))))


@pytest.fixture
def pair(machine: Callable[[str], Machine], server: Service, bucket: str) -> Pair:
    writer, reader = machine("writer"), machine("reader")
    key = writer.own_key()
    for one in (writer, reader):
        one.trust(f"{server.scheme}://{bucket}", key)
    place = parse_place(f"{server.scheme}://{bucket}")
    return Pair(writer, reader, There(place.address, open_transport(place)), key)


@pytest.fixture
def shared(pair: Pair) -> Pair:
    """What the writer has run is there."""
    assert pair.writer.call("run").code == 0
    assert pair.writer.call("cache", "push", "-q").code == 0
    return pair


@pytest.mark.parametrize("server", OBJECT_STORES, indirect=True)
def test_a_second_clone_runs_nothing_and_its_paper_is_the_same_byte_for_byte(pair: Pair) -> None:
    first = pair.writer.call("render", "--json")
    assert first.outcomes == {"ran"}
    assert first.codes == []
    assert pair.writer.call("status", "--json").answer["sharing"] == {
        "remote": pair.there.address, "waiting": 0, "key": pair.key, "fault": "", "trusted": True, "namespace": "",
        "is_read_only": False,
    }  # fmt: skip
    second = pair.reader.call("render", "--json")
    assert (second.outcomes, second.codes) == ({"reused"}, [])
    for name in ("_build/paper.pdf", "_build/paper.html"):
        assert (pair.reader.root / name).read_bytes() == (pair.writer.root / name).read_bytes()
    assert pair.there.names("namespaces/") == []
    assert f"so says {pair.key}" in pair.reader.call("whence", "build/0.json").out
    assert "so says" not in pair.writer.call("whence", "build/0.json").out
    third = pair.writer.call("render", "--json")
    assert third.outcomes == {"reused"}


def flipped(data: bytes) -> bytes:
    return data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]


def a_lie(entry: Signed) -> bytes:
    """Return the record of ``entry`` with other outputs, as somebody would write it who wants them believed."""
    record = load_record(entry.data)
    assert record is not None
    return dump_record(type(record)(**{**{name: getattr(record, name) for name in record.__struct_fields__}, "duration_s": 1e6}))


STRANGER = Signer(new_private_key())


def by_a_stranger(entry: Signed) -> Signed:
    return Signed(STRANGER.public, STRANGER.sign(PURPOSE, entry.data), entry.data)


ALTERED: dict[str, tuple[Callable[[Signed], Signed], str]] = {
    "a byte is another": (lambda entry: Signed(entry.signer, entry.signature, flipped(entry.data)), "PB611"),
    "it says something else": (lambda entry: Signed(entry.signer, entry.signature, a_lie(entry)), "PB611"),
    "nobody signed it": (lambda entry: Signed("", b"", entry.data), "PB610"),
    "a stranger signed it": (by_a_stranger, "PB610"),
    "it was signed for something else": (
        lambda entry: Signed(entry.signer, entry.signature[::-1], entry.data),
        "PB611",
    ),
}


@pytest.mark.parametrize("how", ALTERED)
def test_a_record_that_is_not_to_be_believed_is_told_once_and_made_here(shared: Pair, how: str) -> None:
    change, code = ALTERED[how]
    shared.there.alter_records(change)
    built = shared.reader.call("run", "--json")
    assert (built.code, built.outcomes, built.codes) == (0, {"ran"}, [code])
    (told,) = built.answer["diagnostics"]  # type: ignore[misc]
    assert told["severity"] == "warning"
    assert (shared.reader.root / "build/all.txt").read_text() == (shared.writer.root / "build/all.txt").read_text()


def test_a_bundle_that_is_damaged_is_told_and_made_here(shared: Pair) -> None:
    for name in shared.there.names("records/"):
        shared.there.put(name, flipped(shared.there.get(name)))
    built = shared.reader.call("run")
    assert built.code == 0
    assert built.err.count("warning[") == 1
    assert "warning[PB611]" in built.err
    assert "3 ran" in built.err


def test_a_content_that_is_another_is_told_and_made_here(shared: Pair) -> None:
    shared.there.alter_records(lambda entry: Signed(entry.signer, entry.signature, entry.data))  # small ones would come with them
    for name in shared.there.names("blobs/"):
        shared.there.put(name, b"x" + shared.there.get(name)[1:])
    built = shared.reader.call("run", "joined", "--json")
    assert (built.code, built.codes) == (0, ["PB614"])
    assert "ran" in built.outcomes
    assert (shared.reader.root / "build/all.txt").read_text() == (shared.writer.root / "build/all.txt").read_text()


def test_a_key_that_was_withdrawn_is_believed_no_more_and_what_was_taken_for_it_neither(shared: Pair) -> None:
    remote = shared.there.address
    assert shared.reader.call("cache", "pull").code == 0
    assert shared.reader.call("run", "--json", PAPERBUILD_REMOTE="off").outcomes == {"reused"}
    shared.reader.trust(remote)
    states = {one["state"] for one in shared.reader.call("status", "--json").answer["actions"]}  # type: ignore[attr-defined]
    assert "up to date" not in states
    for off in ({"PAPERBUILD_REMOTE": "off"}, {}):
        built = shared.reader.call("run", "--json", **off)
        assert built.outcomes == ({"ran"} if off else {"reused"})  # the second time it is what was made here
    shared.reader.trust(remote, shared.key)
    assert shared.reader.call("run", "--json").outcomes == {"reused"}


def test_what_the_user_says_for_all_projects_counts_in_each(shared: Pair) -> None:
    reader = shared.reader
    reader.trust("")
    (reader.root / "paperbuild.toml").write_text((reader.root / "paperbuild.toml").read_text().partition("[store]")[0])
    configuration = reader.home / "paperbuild/config.toml"
    configuration.parent.mkdir(parents=True)
    configuration.write_text(f'[store]\nremote = "{shared.there.address}"\ntrusted = ["{shared.key}"]\n')
    assert reader.call("run", "--json").outcomes == {"reused"}
    configuration.write_text(f'[store]\nremote = "{shared.there.address}"\n')
    assert reader.call("run", "--json").outcomes == {"ran"}
    configuration.write_text("[store]\nremot = 1\n")
    refused = reader.call("status")
    assert refused.code == 2
    assert "config.toml:2:1" in refused.err
    assert "did you mean remote?" in refused.err


def test_nobody_vouches_for_what_others_made(shared: Pair, machine: Callable[[str], Machine]) -> None:
    between = machine("between")
    theirs = between.own_key()
    between.trust(shared.there.address, shared.key)
    assert between.call("run", "--json").outcomes == {"reused"}
    for name in shared.there.names("records/"):
        shared.there.transport.delete([name])
    assert between.call("cache", "push", "--json").answer["sent"] == 0
    shared.reader.trust(shared.there.address, theirs)
    assert shared.reader.call("run", "--json").outcomes == {"ran"}


def test_one_believes_oneself_on_another_machine(shared: Pair) -> None:
    key = (shared.writer.home / "paperbuild/key").read_text()
    shared.reader.trust(shared.there.address)
    assert shared.reader.call("cache", "pull", PAPERBUILD_KEY=key).code == 0
    assert shared.reader.call("run", "--json", PAPERBUILD_KEY=key, PAPERBUILD_REMOTE="off").outcomes == {"reused"}
    assert shared.reader.call("run", "--json", PAPERBUILD_REMOTE="off").outcomes == {"ran"}


def all_of(fault: object) -> Callable[[object], object]:
    return lambda _: fault


def puts(fault: object) -> Callable[[object], object]:
    return lambda request: fault if request.method == "PUT" else None  # type: ignore[attr-defined]


BROKEN = {
    "down": (all_of("cut"), "PB602"),
    "forbidden": (all_of(error(403, "AccessDenied")), "PB604"),
    "wrong credentials": (all_of(error(403, "InvalidAccessKeyId")), "PB605"),
    "out of order": (all_of(Answer(500)), "PB602"),
    "no such bucket": (all_of(error(404, "NoSuchBucket")), "PB603"),
    "full": (puts(error(507, "QuotaExceeded")), "PB608"),
    "only to be read": (puts(error(403, "AccessDenied")), "PB604"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_store_that_does_not_work_costs_one_warning_and_the_results_are_kept_for_later(pair: Pair, proxy: Proxy, how: str) -> None:
    proxy.fault, code = BROKEN[how]  # type: ignore[assignment]
    begun_s = time.monotonic()
    built = pair.writer.call("run", "--json")
    assert time.monotonic() - begun_s < 15
    assert (built.code, built.outcomes, built.codes) == (0, {"ran"}, [code])
    assert pair.writer.call("status", "--json").answer["sharing"]["waiting"] == 3  # type: ignore[index]
    assert pair.writer.call("status").err.splitlines()[-1] == "3 results wait to be uploaded: paperbuild cache push"
    pushed = pair.writer.call("cache", "push")
    assert pushed.code == 1
    assert f"error[{code}]" in pushed.err
    proxy.fault = lambda _: None
    pushed = pair.writer.call("cache", "push")
    assert (pushed.code, pushed.err.split(",")[0]) == (0, "3 results uploaded")
    assert pair.writer.call("status", "--json").answer["sharing"]["waiting"] == 0  # type: ignore[index]
    assert pair.reader.call("run", "--json").outcomes == {"reused"}


def test_a_command_with_nothing_to_do_does_not_try_again_what_was_out_of_reach_a_moment_ago(pair: Pair, proxy: Proxy) -> None:
    proxy.fault = all_of("cut")  # type: ignore[assignment]
    assert "warning[PB602]" in pair.writer.call("run").err
    proxy.requests.clear()
    again = pair.writer.call("run")
    assert (again.code, proxy.requests) == (0, [])
    assert again.err.splitlines()[-1] == "3 results are still to be uploaded: paperbuild cache push"
    assert "warning" not in again.err
    proxy.fault = lambda _: None
    (pair.writer.root / "train.py").write_text(TRAIN + "\n")
    assert pair.writer.call("run").code == 0  # this one asks, and takes along what waits
    assert pair.writer.call("status", "--json").answer["sharing"]["waiting"] == 0  # type: ignore[index]


@pytest.mark.slow
def test_a_store_that_hardly_answers_is_not_waited_for_long(pair: Pair, proxy: Proxy) -> None:
    proxy.fault = lambda _: Slow(8)
    begun_s = time.monotonic()
    built = pair.reader.call("run", "--json")
    assert time.monotonic() - begun_s < 25
    assert (built.code, built.outcomes, built.codes) == (0, {"ran"}, ["PB617"])


def test_answers_that_are_cut_short_are_asked_for_again(shared: Pair, proxy: Proxy) -> None:
    proxy.fault = lambda request: Spoilt(cut_after=10) if request.number % 3 == 0 else None
    built = shared.reader.call("run", "--json")
    assert (built.outcomes, built.codes) == ({"reused"}, [])


def test_a_dry_run_and_a_status_that_asks_tell_what_is_there_and_fetch_nothing(shared: Pair, proxy: Proxy) -> None:
    dry = shared.reader.call("run", "--dry-run")
    assert dry.code == 0
    assert [line.split("  ")[0] for line in dry.out.splitlines()] == ["from the remote"] * 2
    assert dry.out.count(f"so says {shared.key}") == 2
    assert dry.err == "3 from the remote\n"
    status = shared.reader.call("status", "--remote")
    assert status.err.splitlines()[0] == "3 of 5 up to date"
    assert status.out.count(f"elsewhere, so says {shared.key}") == 3
    assert {request.method for request in proxy.requests} == {"GET"}
    assert [request for request in proxy.requests if "/blobs/" in request.path or request.is_listing] == []
    assert not (shared.reader.root / ".paperbuild/records").exists()
    proxy.requests.clear()
    assert shared.reader.call("status").err.splitlines()[0] == "0 of 5 up to date"
    assert proxy.requests == []


def test_a_dry_run_says_once_that_the_store_is_down_and_goes_by_what_is_here(shared: Pair, proxy: Proxy) -> None:
    proxy.fault = all_of("cut")  # type: ignore[assignment]
    begun_s = time.monotonic()
    dry = shared.reader.call("run", "--dry-run", "--json")
    assert time.monotonic() - begun_s < 15
    assert (dry.code, dry.codes) == (0, ["PB602"])
    assert {one["fate"] for one in dry.answer["actions"]} == {"runs", "may run"}  # type: ignore[index, attr-defined]
    status = shared.reader.call("status", "--remote")
    assert status.err.count("warning[PB602]") == 1
    assert "PB628" in shared.reader.call("status", "--remote", PAPERBUILD_REMOTE="off").err


def test_switched_off_it_is_not_asked_at_all(pair: Pair, proxy: Proxy) -> None:
    built = pair.writer.call("run", "--json", PAPERBUILD_REMOTE="off")
    assert (built.outcomes, built.codes, proxy.requests) == ({"ran"}, [], [])
    assert pair.writer.call("status", "--json", PAPERBUILD_REMOTE="off").answer["sharing"] is None
    assert "PB628" in pair.writer.call("cache", "pull", PAPERBUILD_REMOTE="off").err
    assert proxy.requests == []


def test_a_build_whose_secrets_are_empty_asks_as_nobody(pair: Pair) -> None:
    asked: list[str | None] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers.get("Authorization"))
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        empty = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "PAPERBUILD_KEY": ""}
        endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        built = pair.reader.call("run", "--json", AWS_ENDPOINT_URL=endpoint, **empty)
        server.shutdown()
    assert (built.code, built.outcomes, built.codes) == (0, {"ran"}, [])
    assert asked
    assert set(asked) == {None}


@pytest.mark.parametrize(("scheme", "variable"), [("gs", "GOOGLE_SERVICE_ACCOUNT_KEY"), ("az", "AZURE_STORAGE_SAS_TOKEN")])
def test_empty_secrets_of_the_other_services_are_no_fault(scheme: str, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "somebody")
    monkeypatch.setenv(variable, "")
    open_transport(parse_place(f"{scheme}://bucket/prefix")).close()


def test_where_nothing_is_to_be_done_nobody_is_asked(shared: Pair, proxy: Proxy) -> None:
    assert shared.writer.call("run", "--json").outcomes == {"reused"}
    shared.writer.call("status")
    shared.writer.call("explain", "joined")
    assert proxy.requests == []


def test_an_address_that_is_none_is_told_at_its_place(pair: Pair) -> None:
    pair.reader.trust("ftp://host/results")
    built = pair.reader.call("run")
    assert built.code == 2
    assert "error[PB600]" in built.err
    assert "--> paperbuild.toml:14:10" in built.err


def test_who_has_no_key_is_told_once_how_to_share(pair: Pair) -> None:
    first = pair.reader.call("run")
    assert f"what you make is not shared with {pair.there.address}: paperbuild key new makes the key for that" in first.err
    assert pair.there.names() == []
    (pair.reader.root / "train.py").write_text(TRAIN + "\n")
    assert "is not shared" not in pair.reader.call("run").err
    refused = pair.reader.call("cache", "push")
    assert (refused.code, "error[PB626]" in refused.err) == (2, True)


def test_who_has_a_key_that_cannot_be_used_is_told_that_and_not_to_make_one(pair: Pair) -> None:
    (pair.writer.home / "paperbuild/key").chmod(0o644)
    built = pair.writer.call("run")
    assert (built.code, built.err.count("warning[PB621]")) == (0, 1)
    assert "makes the key for that" not in built.err
    assert pair.there.names() == []


def test_a_pull_request_without_a_key_is_told_nothing_of_keys(pair: Pair) -> None:
    assert "key" not in pair.reader.call("run", PAPERBUILD_KEY="").err


def test_what_is_pulled_needs_no_network_afterwards(shared: Pair, proxy: Proxy) -> None:
    pulled = shared.reader.call("cache", "pull", "--json")
    assert (pulled.code, pulled.answer["results"], pulled.answer["missing"]) == (0, 3, [])
    proxy.fault = all_of("cut")  # type: ignore[assignment]
    proxy.requests.clear()
    for words in (("run", "train", "joined"), ("run",)):
        assert shared.reader.call(*words, "--json", PAPERBUILD_REMOTE="off").outcomes == {"reused"}
    assert (shared.reader.root / "build/all.txt").read_text() == (shared.writer.root / "build/all.txt").read_text()


def test_what_nobody_has_made_is_told_by_pull_and_nothing_runs(pair: Pair) -> None:
    pulled = pair.reader.call("cache", "pull", "train")
    assert pulled.code == 1
    assert "error[PB630]: train[seed=0] and train[seed=1] have no result here or there" in pulled.err
    assert not (pair.reader.root / "build/0.json").exists()


def test_a_push_of_some_targets_sends_those(pair: Pair) -> None:
    pair.writer.call("run", PAPERBUILD_REMOTE="off")
    pushed = pair.writer.call("cache", "push", "train[seed=0]", "--json")
    assert (pushed.answer["sent"], pushed.answer["there"]) == (1, 0)
    assert len(pair.there.names("records/")) == 1
    assert "3" in pair.writer.call("cache", "push").err or len(pair.there.names("records/")) == 3


def test_what_is_damaged_there_is_found_removed_and_sent_again(shared: Pair) -> None:
    assert shared.reader.call("cache", "verify", "--remote").code == 0
    name = shared.there.names("blobs/")[0]
    shared.there.put(name, b"x" + shared.there.get(name)[1:])
    found = shared.reader.call("cache", "verify", "--remote", "--json")
    assert (found.code, found.codes, found.answer["records"]) == (1, ["PB631"], 3)
    assert name in found.answer["diagnostics"][0]["message"]  # type: ignore[index]
    assert shared.writer.call("cache", "verify", "--remote", "--repair").code == 1
    assert name not in shared.there.names()
    assert shared.writer.call("cache", "push").code == 0
    assert shared.reader.call("cache", "verify", "--remote").code == 0


def test_the_results_of_some_targets_can_be_looked_at_alone(shared: Pair) -> None:
    shared.there.put(shared.there.names("records/")[0], b"nonsense")
    found = {
        name: shared.writer.call("cache", "verify", "--remote", name, "--json") for name in ("train[seed=0]", "train[seed=1]", "joined")
    }
    assert sorted(told.code for told in found.values()) == [0, 0, 1]
    assert "PB629" in shared.writer.call("cache", "verify", "joined").err


def test_what_a_stranger_signed_is_counted_and_is_no_damage(shared: Pair) -> None:
    shared.there.alter_records(by_a_stranger)
    found = shared.reader.call("cache", "verify", "--remote")
    assert (found.code, "3 records of somebody who is not trusted" in found.err) == (0, True)


def test_what_is_old_and_what_no_manifest_names_goes(shared: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    def forgotten(*words: str) -> list[str]:
        told = shared.writer.call("cache", "gc", "--remote", "--older", "30d", "--json", *words)
        return [one["action"] for one in told.answer["removed"]]  # type: ignore[attr-defined]

    manifest = (shared.writer.root / "paperbuild.toml").read_text()
    (shared.writer.root / "paperbuild.toml").write_text(
        manifest.replace("[target.joined]", "[target.other]").replace("all.txt", "other.txt")
    )
    assert forgotten() == []  # it is young
    from paperbuild.engine.filesystem import SystemClock

    later_ns = time.time_ns() + 40 * 24 * 3600 * 1_000_000_000
    monkeypatch.setattr(SystemClock, "now_ns", lambda _: later_ns)
    assert forgotten("--dry-run") == ["joined"]
    assert len(shared.there.names("records/")) == 3
    assert forgotten() == ["joined"]
    assert len(shared.there.names("records/")) == 2
    assert forgotten() == []


def test_who_has_a_namespace_writes_only_there_and_is_believed_by_nobody_else(shared: Pair, machine: Callable[[str], Machine]) -> None:
    asked, again = machine("pull request"), machine("its next build")
    remote, secret = shared.there.address, new_private_key()
    theirs = {"PAPERBUILD_KEY": secret, "PAPERBUILD_NAMESPACE": "pr-12"}
    before = shared.there.names()
    for one in (asked, again):
        one.trust(remote, shared.key)
        (one.root / "train.py").write_text(TRAIN.replace("5}", "6}"))
    assert asked.call("run", "--json", **theirs).outcomes == {"ran"}
    added = set(shared.there.names()) - set(before)
    assert added
    assert {name for name in added if not name.startswith("namespaces/pr-12/")} == set()
    assert again.call("run", "--json", **theirs).outcomes == {"reused"}
    (shared.reader.root / "train.py").write_text(TRAIN.replace("5}", "6}"))
    assert shared.reader.call("run", "--json").outcomes == {"ran"}


def test_a_store_that_needs_what_is_not_installed_is_a_warning_in_a_build(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "obstore", None)
    monkeypatch.delitem(sys.modules, "paperbuild.sharing.objects", raising=False)
    built = pair.reader.call("run", "--json")
    assert (built.code, built.outcomes, built.codes) == (0, {"ran"}, ["PB601"])
    refused = pair.writer.call("cache", "push")
    assert (refused.code, "pip install 'paperbuild[remote]'" in refused.err) == (2, True)


def test_a_folder_that_several_machines_mount_does_as_well(machine: Callable[[str], Machine], tmp_path: Path) -> None:
    (tmp_path / "mounted").mkdir()
    writer, reader = machine("a"), machine("b")
    key = writer.own_key()
    for one in (writer, reader):
        one.trust(f"file://{tmp_path}/mounted", key)
    assert writer.call("run", "--json").outcomes == {"ran"}
    assert reader.call("run", "--json").outcomes == {"reused"}
