"""The server of ``watch`` from outside: whom it answers, with what, and how it ends."""

import contextlib
import http.client
import json
import os
import re
import socket
import threading
import time

import pytest

from paperbuild.diagnostics import Diagnostic
from paperbuild.errors import UsageError
from paperbuild.live.drawing import PageDrawer
from paperbuild.live.editors import Editor
from paperbuild.live.guard import Guard, Request
from paperbuild.live.hub import Hub, Rendered
from paperbuild.live.pages import split
from paperbuild.live.server import Listening, PageServer
from paperbuild.live.site import Home, Orders, Spot
from paperbuild.live.standing import Running, Standing, fault_of
from paperbuild.render.blocks import Place
from tests.held_ports import held_port

EVIL = "</script><script>window.broken = true</script>"
PAGE = '<!DOCTYPE html><html><head><title>t</title></head><body><div class="body">\n<p>{}</p>\n</div></body></html>'
PDF = b"%PDF-1.7 0123456789"


class Served:
    def __init__(self, listening=None, editor=None):
        self.hub = Hub("session")
        self.asked = []
        orders = Orders(
            lambda action: self._ask("run", action),
            lambda action: self._ask("cancel", action),
            lambda spot: self.asked.append(spot) or (Place("paper.md", 3, 5) if spot.block == 1 else None),
            lambda *place: self._ask("edit", place),
        )
        home = Home("/home/<ada>", editor or Editor(command=("edit", "{file}")))
        self.server = PageServer(self.hub, orders, PageDrawer(), listening or Listening(port=held_port()), home)
        self.port = int(re.search(r":(\d+)/", self.server.address)[1])

    def _ask(self, what, action):
        self.asked.append((what, action))
        return action != "none"

    def publish(self, text="x", **more):
        self.hub.publish(Standing(**more), [Rendered("paper", split(PAGE.format(text)), PDF)])

    def ask(self, target, method="GET", headers=None, raw_host=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", raw_host if raw_host is not None else f"127.0.0.1:{self.port}")
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()

    @property
    def token(self):
        return re.search(r'name="token" content="([^"]+)"', self.ask("/")[1].decode())[1]

    @contextlib.contextmanager
    def events(self, query="", headers=None):
        """Yield a function that returns the next event: its id and its data."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", f"/events?{query}", headers=headers or {})
        answer = connection.getresponse()
        assert answer.status == 200

        def following():
            id_ = ""
            while line := answer.readline().decode():
                name, _, value = line.rstrip("\n").partition(": ")
                if name == "id":
                    id_ = value
                if name == "data":
                    return id_, json.loads(value)
            return None

        yield following
        answer.close()
        connection.close()


@pytest.fixture(scope="module")
def one_server():
    served = Served()
    with served.server:
        yield served


@pytest.fixture
def served(one_server):
    one_server.asked.clear()
    one_server.hub.publish(Standing(), ())
    return one_server


# --- who may ask


@pytest.mark.parametrize("host", ["example.org", "example.org:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.example.org:{port}", ""])
@pytest.mark.parametrize("target", ["/", "/paper", "/events", "/live/main.js"])
def test_a_foreign_host_is_refused(served, host, target):
    served.publish("secret")
    answer, body = served.ask(target, raw_host=host.format(port=served.port))
    assert answer.status in {400, 403}
    assert b"secret" not in body


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "[::1]:{port}", "LOCALHOST:{port}"])
def test_every_name_of_the_loopback_is_ours(served, host):
    assert served.ask("/", raw_host=host.format(port=served.port))[0].status == 200


@pytest.mark.parametrize("origin", ["https://example.org", "null", "http://127.0.0.1:1", "http://localhost", "https://127.0.0.1:{port}"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_foreign_origin_is_refused(served, origin, method):
    headers = {"Origin": origin.format(port=served.port), "X-Paperbuild-Token": served.token, "Content-Length": "0"}
    assert served.ask("/run?action=x" if method == "POST" else "/paper", method, headers)[0].status == 403
    assert served.asked == []


def test_a_page_elsewhere_may_link_here_but_not_take_in_what_is_here(served):
    served.publish("secret")
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert served.ask("/", headers=link)[0].status == 200
    for mode, kind in (("no-cors", "script"), ("no-cors", "image"), ("navigate", "iframe"), ("cors", "empty")):
        headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": kind}
        assert served.ask("/paper", headers=headers)[0].status == 403


def test_an_order_needs_our_origin_and_the_token_of_the_page(served):
    ours = {"Origin": f"http://127.0.0.1:{served.port}", "Content-Length": "0"}
    token = served.token
    assert served.ask("/run?action=x", "POST", ours)[0].status == 403
    assert served.ask("/run?action=x", "POST", {**ours, "X-Paperbuild-Token": token[:-1] + "~"})[0].status == 403
    assert served.ask("/run?action=x", "POST", {"X-Paperbuild-Token": token, "Content-Length": "0"})[0].status == 403
    assert served.ask(f"/run?action=x&token={token}", "POST", ours)[0].status == 403
    assert served.ask("/run?action=x", "GET")[0].status == 405
    assert served.asked == []
    right = {**ours, "X-Paperbuild-Token": token}
    assert served.ask("/run?action=train%5Bseed%3D0%5D", "POST", right)[0].status == 202
    assert served.ask("/cancel", "POST", right)[0].status == 202
    assert served.ask("/run?action=none", "POST", right)[0].status == 409
    assert served.asked == [("run", "train[seed=0]"), ("cancel", ""), ("run", "none")]


def test_a_refusal_repeats_nothing_of_what_was_asked(served):
    _, body = served.ask(f"/{EVIL.replace(' ', '')}", raw_host="<b>evil</b>")
    assert b"evil" not in body
    assert b"<" not in body


def test_beyond_the_loopback_nothing_is_answered_without_the_token():
    watch = Guard(frozenset(), "right")
    host = {"host": "paper.example.org:7273"}
    assert watch.refusal(Request("GET", host))
    assert watch.refusal(Request("GET", host, "token=wrong"))
    assert watch.refusal(Request("GET", {**host, "cookie": "paperbuild=wrong"}))
    assert not watch.refusal(Request("GET", host, "token=right"))
    assert not watch.refusal(Request("GET", {**host, "cookie": "paperbuild=right"}))
    assert watch.refusal(Request("GET", {**host, "cookie": "paperbuild=right", "origin": "http://evil.example.org"}))


def test_another_host_than_the_loopback_has_to_be_allowed():
    with pytest.raises(UsageError) as refused:
        Served(Listening(host="0.0.0.0", port=held_port()))
    assert refused.value.diagnostics[0].code == "PB171"
    served = Served(Listening(host="0.0.0.0", port=held_port(), allow_remote=True))
    with served.server:
        assert "?token=" in served.server.address
        assert served.ask("/")[0].status == 403
        answer, _ = served.ask("/" + served.server.address.rpartition("/")[2])
        assert answer.status == 200
        cookie = answer.getheader("Set-Cookie").partition(";")[0]
        assert served.ask("/", headers={"Cookie": cookie})[0].status == 200


# --- what is there


@pytest.mark.parametrize(
    "target",
    [
        "/live/../server.py",
        "/live/%2e%2e/server.py",
        "/live/..%2fserver.py",
        "/live/..%252fserver.py",
        "/live/%2e%2e%5cserver.py",
        "/live//etc/passwd",
        "/live/%00main.js",
        "/live/idiomorph-LICENSE",
        "/live/",
        "/../../../../etc/passwd",
        "//etc/passwd",
        "/etc/passwd",
        "/pdf/../../etc/passwd",
        "/pdf/x.pdf",
        "/sheets/x",
        "/sheet/..%2f..%2fetc%2fpasswd.svg",
        "/paper/../server.py",
        "/paperbuild.toml",
    ],
)
def test_no_path_leads_to_a_file(served, target):
    served.publish()
    answer, body = served.ask(target)
    assert answer.status == 404
    assert b"root:" not in body
    assert b"import" not in body


def test_what_is_asked_for_by_a_document_that_there_is_not_is_an_empty_page(served):
    served.publish("secret")
    answer, body = served.ask("/paper?document=../../etc/passwd")
    assert (answer.status, b"secret" in body) == (200, False)


def test_each_answer_says_what_a_browser_may_do_with_it(served):
    served.publish()
    for target in ("/", "/paper", "/live/main.js", "/nothing"):
        answer, _ = served.ask(target)
        assert answer.getheader("X-Content-Type-Options") == "nosniff"
        assert answer.getheader("Cross-Origin-Resource-Policy") == "same-origin"
        assert answer.getheader("Server") is None
    policy = served.ask("/")[0].getheader("Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert served.ask("/paper")[0].getheader("Content-Security-Policy") == "frame-ancestors 'self'"


def test_the_page_is_the_one_that_was_published_and_says_its_epoch(served):
    served.publish("text")
    _, body = served.ask("/paper")
    assert b"<p>text</p>" in body
    assert f'<meta name="paperbuild-epoch" content="{served.hub.now.epoch}">'.encode() in body


@pytest.mark.parametrize(
    ("wanted", "status", "part", "said"),
    [
        ("bytes=0-3", 206, PDF[:4], f"bytes 0-3/{len(PDF)}"),
        ("bytes=5-", 206, PDF[5:], f"bytes 5-{len(PDF) - 1}/{len(PDF)}"),
        ("bytes=-4", 206, PDF[-4:], f"bytes {len(PDF) - 4}-{len(PDF) - 1}/{len(PDF)}"),
        ("bytes=-400", 206, PDF, f"bytes 0-{len(PDF) - 1}/{len(PDF)}"),
        ("bytes=4-4000", 206, PDF[4:], f"bytes 4-{len(PDF) - 1}/{len(PDF)}"),
        ("bytes=4000-", 416, b"", f"bytes */{len(PDF)}"),
        ("bytes=5-2", 200, PDF, None),
        ("bytes=0-1,3-4", 200, PDF, None),
        ("bytes=-", 200, PDF, None),
        ("lines=0-1", 200, PDF, None),
        ("bytes=٣-", 200, PDF, None),
        ("", 200, PDF, None),
    ],
)
def test_a_part_of_the_pdf_can_be_had(served, wanted, status, part, said):
    served.publish()
    digest = served.hub.now.sheet("paper").pdf
    answer, body = served.ask(f"/pdf/{digest}.pdf", headers={"Range": wanted.encode().decode("latin-1")})
    assert (answer.status, body, answer.getheader("Content-Range")) == (status, part, said)
    assert answer.getheader("Accept-Ranges") == "bytes"


def test_what_was_published_before_is_no_longer_served(served):
    served.publish()
    digest = served.hub.now.sheet("paper").pdf
    served.hub.publish(Standing(), [Rendered("paper", None, b"%PDF other")])
    assert served.ask(f"/pdf/{digest}.pdf")[0].status == 404


def test_a_spot_of_the_page_has_a_place_in_the_sources(served):
    answer, body = served.ask("/place?document=paper&epoch=session.7&block=1&words=" + "x" * 500)
    assert (answer.status, json.loads(body)) == (200, {"path": "paper.md", "line": 3, "column": 5})
    assert served.asked == [Spot("paper", 7, 1, "x" * 300)]
    for query in (
        "",
        "block=2&epoch=session.7",
        "block=x",
        "block=-",
        "block=%D9%A3",
        "block=1e9",
        "block=99999999999999999999",
        "block=--1",
    ):
        assert served.ask(f"/place?{query}")[0].status == 404


def test_a_file_is_opened_in_the_editor_for_a_page_with_the_token_on_this_machine_alone(served):
    ours = {"Origin": f"http://127.0.0.1:{served.port}", "Content-Length": "0"}
    assert served.ask("/edit?path=paper.md&line=3&column=5", "POST", ours)[0].status == 403
    assert served.ask("/edit?path=paper.md")[0].status == 405
    right = {**ours, "X-Paperbuild-Token": served.token}
    assert served.ask("/edit?path=paper.md&line=3&column=5", "POST", right)[0].status == 202
    assert served.ask("/edit?path=paper.md&line=-3&column=x", "POST", right)[0].status == 202
    assert served.asked == [("edit", ("paper.md", 3, 5)), ("edit", ("paper.md", 1, 1))]
    remote = Served(Listening(host="0.0.0.0", port=held_port(), allow_remote=True))
    with remote.server:
        answer, shell = remote.ask("/" + remote.server.address.rpartition("/")[2])
        cookie = answer.getheader("Set-Cookie").partition(";")[0]
        token = re.search(r'name="token" content="([^"]+)"', shell.decode())[1]
        here = {"Origin": f"http://127.0.0.1:{remote.port}", "Content-Length": "0", "X-Paperbuild-Token": token, "Cookie": cookie}
        assert remote.ask("/edit?path=paper.md&line=3&column=5", "POST", here)[0].status == 409
        assert remote.asked == []


def test_the_editor_and_the_folder_are_told_to_pages_on_this_machine_and_cannot_break_out_of_where_they_stand():
    editor = Editor(address='x://{file}?"><script>{line}')
    mine = Served(editor=editor)
    with mine.server:
        shell = mine.ask("/")[1].decode()
        assert '<meta name="editor" content="x://{file}?&quot;&gt;&lt;script&gt;{line}">' in shell
        assert '<meta name="root" content="/home/&lt;ada&gt;">' in shell
    remote = Served(Listening(host="0.0.0.0", port=held_port(), allow_remote=True), editor)
    with remote.server:
        shell = remote.ask("/" + remote.server.address.rpartition("/")[2])[1].decode()
        assert '<meta name="editor" content="">' in shell
        assert "ada" not in shell


# --- the events


def test_a_page_is_told_what_it_shows_not_yet_and_then_each_change(served):
    served.publish("one")
    with served.events() as following:
        id_, first = following()
        assert id_ == f"session.{served.hub.now.epoch}"
        assert "<p>one</p>" in first["page"]["whole"]
        served.publish("two")
        _, second = following()
        assert second["page"] == {"splices": [{"start": 0, "end": 1, "blocks": ["<p>two</p>\n"]}]}
        served.hub.publish(Standing(settled=3))
        _, third = following()
        assert (third["page"], third["standing"]["settled"]) == (None, 3)


def test_a_page_that_connects_again_is_told_what_it_missed_and_one_of_another_server_everything(served):
    served.publish("one")
    shown = served.hub.now.epoch
    served.publish("two")
    with served.events(headers={"Last-Event-ID": f"session.{shown}"}) as following:
        assert list(following()[1]["page"]) == ["splices"]
    for stranger in (f"other.{shown}", "session.x", "session.", "session.99999999999999999999", "session.-1", "session.٣"):
        with served.events(headers={"Last-Event-ID": stranger.encode().decode("latin-1")}) as following:
            assert list(following()[1]["page"]) == ["whole"]


def test_scripts_in_errors_logs_and_values_travel_as_text(served):
    running = Running("a", "a", (), 0.0, None, EVIL, words=EVIL)
    served.publish(faults=(fault_of(Diagnostic("PB1", EVIL, detail=(EVIL,))),), running=(running,))
    with served.events() as following:
        _, update = following()
    assert update["standing"]["faults"][0]["message"] == EVIL
    assert update["standing"]["running"][0]["words"] == EVIL


# --- how it ends


def test_it_ends_at_once_though_pages_are_open():
    served = Served()
    before = set(threading.enumerate())
    with served.server:
        served.publish()
        with served.events() as one, served.events() as other:
            assert one()
            assert other()
            begin = time.monotonic()
            served.server.__exit__(None, None, None)
            assert time.monotonic() - begin < 10
    assert {thread for thread in threading.enumerate() if thread.name == "page server"} <= before
    with pytest.raises(OSError, match=r"refused|reset"):
        served.ask("/")


def test_a_taken_port_is_an_error_where_it_was_asked_for_and_else_the_next_is_taken():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UsageError) as refused:
            Served(Listening(port=taken.getsockname()[1]))
    assert refused.value.diagnostics[0].code == "PB172"
    one, other = Served(Listening()), Served(Listening())
    with one.server, other.server:
        assert one.port != other.port
        assert os.path.basename(one.server.address.rstrip("/")).startswith("127.0.0.1:")
