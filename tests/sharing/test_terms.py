"""With whom results are shared: what comes before what, and what is opened when."""

import os
import time

import pytest

from paperbuild.cli.invocation import Invocation
from paperbuild.cli.sharing import Sharing, conclude
from paperbuild.engine.filesystem import DiskFileSystem
from paperbuild.engine.store import Store
from paperbuild.engine.trace import Record
from paperbuild.errors import UsageError
from paperbuild.paper.declarations import SharingSpec
from paperbuild.sharing.keyring import key_file, write_key
from paperbuild.sharing.late import LateStore
from paperbuild.sharing.signing import PUBLIC, new_private_key
from paperbuild.sharing.terms import terms_of
from paperbuild.sharing.transport import TransportError, Trouble

KEY, OTHER = PUBLIC + "A" * 43, PUBLIC + "B" * 43
RECORD = Record("a" * 64, "t", "t", (), (), (), 1, 0.0)


@pytest.fixture
def environ(tmp_path):
    return {"HOME": str(tmp_path / "home")}


def configure(environ, text):
    folder = os.path.join(environ["HOME"], ".config", "paperbuild")
    os.makedirs(folder)
    with open(os.path.join(folder, "config.toml"), "w", encoding="utf-8") as file:
        file.write(text)


def test_the_variable_comes_before_the_manifest_and_that_before_the_configuration(environ):
    assert terms_of(SharingSpec(), environ) is None
    configure(environ, f'[store]\nremote = "s3://mine/all"\ntrusted = ["{OTHER}"]\nregion = "eu"\n')
    mine = terms_of(SharingSpec(trusted=(KEY,)), environ)
    assert (mine.place.address, mine.place.region, mine.trusted) == ("s3://mine/all", "eu", (KEY, OTHER))
    theirs = terms_of(SharingSpec("s3://paper/r", (KEY, OTHER), "http://127.0.0.1:1"), environ)
    assert (theirs.place.address, theirs.place.endpoint, theirs.place.region) == ("s3://paper/r", "http://127.0.0.1:1", "")
    assert theirs.trusted == (KEY, OTHER)
    named = terms_of(SharingSpec("s3://paper/r"), environ | {"PAPERBUILD_REMOTE": "file:///srv/r"})
    assert (named.place.address, named.trusted) == ("file:///srv/r", (OTHER,))


@pytest.mark.parametrize("word", ["off", " OFF "])
def test_off_is_nowhere(environ, word):
    assert terms_of(SharingSpec("s3://paper/r"), environ | {"PAPERBUILD_REMOTE": word}) is None


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "a b"])
def test_a_namespace_is_a_plain_name(environ, name):
    spec = SharingSpec("s3://paper/r")
    assert terms_of(spec, environ | {"PAPERBUILD_NAMESPACE": "pr-12"}).namespace == "pr-12"
    with pytest.raises(UsageError) as error:
        terms_of(spec, environ | {"PAPERBUILD_NAMESPACE": name})
    assert error.value.diagnostics[0].code == "PB627"


def test_it_is_said_where_an_address_stands_that_is_none(environ, tmp_path):
    with pytest.raises(UsageError) as error:
        terms_of(SharingSpec(), environ | {"PAPERBUILD_REMOTE": "bucket"})
    assert "it stands in the variable PAPERBUILD_REMOTE" in error.value.diagnostics[0].notes
    (tmp_path / "paperbuild.toml").write_text('[store]\nremote = "ftp://me:secret@host/x"\n')
    with pytest.raises(UsageError) as error:
        Sharing().remote(SharingSpec("ftp://me:secret@host/x"), environ, str(tmp_path), str(tmp_path))
    assert (error.value.diagnostics[0].span.line, error.value.diagnostics[0].span.column) == (2, 10)
    (tmp_path / "paperbuild.toml").write_text('[store]\nremote = "s3://me:secret@host/x"\n')
    with pytest.raises(UsageError) as error:
        Sharing().remote(SharingSpec("s3://me:secret@host/x"), environ, str(tmp_path), str(tmp_path))
    assert error.value.diagnostics[0].span.line == 2
    assert "secret" not in str(error.value.diagnostics)


def late(environ, tmp_path, opened, *, stays=False):
    terms = terms_of(SharingSpec(f"file://{tmp_path}/there"), environ)

    def desk():
        from paperbuild.cli.sharing import _desk

        opened.append(True)
        return _desk(str(tmp_path / "store"))

    return LateStore(terms, environ, str(tmp_path / "store"), desk, stays=stays)


def test_where_nothing_is_asked_nothing_is_opened(environ, tmp_path):
    opened = []
    store = late(environ, tmp_path, opened)
    assert store.find([]) == {}
    assert store.fetch({}) == frozenset()
    assert store.settle(1) == 0
    assert store.notices() == ()
    store.offer(RECORD)
    store.close()
    assert opened == []
    assert (store.signs, store.kept) == (False, 1)


def test_a_key_that_cannot_be_used_is_a_warning_told_once_and_results_are_still_taken(environ, tmp_path):
    write_key(key_file(environ), new_private_key(), replaces=False)
    os.chmod(key_file(environ), 0o644)
    (tmp_path / "there").mkdir()
    opened = []
    store = late(environ, tmp_path, opened)
    store.offer(RECORD)
    assert store.find(["a" * 64]) == {}
    [warning] = store.notices()
    assert (warning.code, warning.severity.value) == ("PB621", "warning")
    assert store.notices() == ()
    assert opened == [True]
    assert store.kept == 1
    with pytest.raises(UsageError):
        late(environ, tmp_path, opened).required(signing=True)


def test_one_that_stays_is_closed_by_its_end_alone(environ, tmp_path):
    (tmp_path / "there").mkdir()
    store = late(environ, tmp_path, [], stays=True)
    first = store.opened()
    store.close()
    assert store.opened() is first
    store.end()
    assert store.opened() is not first
    store.end()


def test_builds_share_one_as_long_as_the_terms_are_the_same(environ, tmp_path):
    sharing = Sharing(stays=True)
    spec = SharingSpec(f"file://{tmp_path}/there")
    first = sharing.remote(spec, environ, str(tmp_path), str(tmp_path / "store"))
    assert sharing.remote(spec, environ, str(tmp_path), str(tmp_path / "store")) is first
    assert sharing.remote(SharingSpec(spec.remote, (KEY,)), environ, str(tmp_path), str(tmp_path / "store")) is not first
    assert sharing.remote(SharingSpec(), environ, str(tmp_path), str(tmp_path / "store")) is None


def test_a_project_that_shares_nothing_imports_nothing_for_it(tmp_path):
    import subprocess
    import sys

    script = (
        "import sys\nfrom paperbuild.cli.sharing import Sharing\nfrom paperbuild.paper.declarations import SharingSpec\n"
        f"assert Sharing().remote(SharingSpec(), {{'HOME': {str(tmp_path)!r}}}, '.', '.') is None\n"
        "print(sorted(name for name in sys.modules if name.startswith(('paperbuild.sharing', 'cryptography', 'obstore', 'ssl'))))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['paperbuild.sharing', 'paperbuild.sharing.user_files']"


def test_ctrl_c_ends_the_waiting_for_uploads_and_nothing_else(environ, tmp_path, capsys):
    class Interrupted(LateStore):
        def settle(self, most_s):
            raise KeyboardInterrupt

        def outgoing(self):
            return ("one", "another")

    terms = terms_of(SharingSpec(f"file://{tmp_path}/there"), environ)
    remote = Interrupted(terms, environ, str(tmp_path / "store"), lambda: None)
    assert conclude(Invocation(str(tmp_path), str(tmp_path), environ=environ), remote, str(tmp_path)) == ()
    assert capsys.readouterr().err == "2 results are still to be uploaded: paperbuild cache push\n"


def test_another_key_of_our_own_is_noticed_without_reading_it(environ):
    def mark(**more):
        return Sharing().belief(SharingSpec(), environ | more).mark

    marks = [mark(), mark(PAPERBUILD_KEY=""), mark(PAPERBUILD_KEY="a"), mark(PAPERBUILD_KEY="b")]
    for replaces in (False, True):
        write_key(key_file(environ), new_private_key(), replaces=replaces)
        marks += [mark()]
        assert mark() == marks[-1]
    assert len(set(marks)) == 6


class Session:
    """The shared store of a session whose builds each look for one result, with a clock that is set."""

    def __init__(self, folder, environ, monkeypatch):
        self.now_s = 1000.0
        monkeypatch.setattr("paperbuild.sharing.late.monotonic", lambda: self.now_s)
        self._folder, self._environ = folder, environ
        self.sharing = Sharing(stays=True)

    def remote(self):
        """Return the shared store as another build has it."""
        folder = str(self._folder)
        return self.sharing.remote(SharingSpec(f"file://{folder}/there"), self._environ, folder, folder)

    def build(self, after_s=0.0, offers=()):
        """Return the codes that the next build tells, ``after_s`` later."""
        self.now_s += after_s
        remote = self.remote()
        remote.find(["a" * 64])
        for record in offers:
            remote.offer(record)
        remote.settle(5)
        return [notice.code for notice in remote.notices()]


def test_in_a_session_a_store_that_was_down_is_tried_again_after_a_while_and_told_once(tmp_path, environ, monkeypatch):
    session = Session(tmp_path, environ, monkeypatch)
    assert session.build() == ["PB603"]
    assert session.build(59) == []
    assert session.build(2) == []  # tried, and still down
    (tmp_path / "there").mkdir()
    assert session.build(118) == []  # not tried: now it rests two minutes
    assert session.build(3) == ["PB618"]
    assert session.build(1) == []
    (tmp_path / "there").rmdir()
    assert session.build(1) == ["PB603"]  # another outage
    (tmp_path / "there").mkdir()
    assert session.build(61) == ["PB618"]
    session.sharing.end(None)


def test_a_store_that_may_not_be_written_is_read_on_and_does_not_seem_to_come_back(tmp_path, environ, monkeypatch):
    (tmp_path / "there").mkdir()
    write_key(key_file(environ), new_private_key(), replaces=False)
    session = Session(tmp_path, environ, monkeypatch)
    monkeypatch.setattr("paperbuild.sharing.files.Files.put", refuse)
    store = Store(DiskFileSystem(), str(tmp_path))
    store.prepare()
    store.add(RECORD)
    assert session.build(offers=[RECORD]) == ["PB604"]
    assert session.build(61) == []
    assert session.build(1) == []
    monkeypatch.undo()
    session.sharing.end(None)


def test_what_waits_since_a_store_went_down_goes_when_it_is_back(tmp_path, environ, monkeypatch):
    write_key(key_file(environ), new_private_key(), replaces=False)
    session = Session(tmp_path, environ, monkeypatch)
    store = Store(DiskFileSystem(), str(tmp_path))
    store.prepare()
    store.add(RECORD)
    assert session.build(offers=[RECORD]) == ["PB603"]
    assert len(os.listdir(tmp_path / "outgoing")) == 1
    (tmp_path / "there").mkdir()
    session.now_s += 61
    remote = session.remote()
    remote.find(["a" * 64])
    assert [notice.code for notice in remote.notices()] == ["PB618"]
    wait_until(lambda: not remote.outgoing())
    session.sharing.end(None)


def wait_until(holds):
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def refuse(*_):
    raise TransportError(Trouble.DENIED, "no")
