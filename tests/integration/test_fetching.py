"""Pictures on the network and outside the project, with the real command and a server on the loopback alone."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from paperbuild.cli.main import main
from paperbuild.render import fetching

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40"><rect width="60" height="40" fill="#%s"/></svg>'


class Server(ThreadingHTTPServer):
    """Answers by ``pages``, counts what was asked for."""

    def __init__(self):
        self.pages = {}
        self.asked = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        status, body = self.server.pages.get(self.path, (404, b""))
        self.send_response(status)
        if status == 302:
            self.send_header("Location", body.decode())
            body = b""
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    started = Server()
    thread = threading.Thread(target=started.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield started
    started.shutdown()
    thread.join()
    started.server_close()


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def render(*options):
    return main(["render", "-j1", "--to", "html", *options, "paper.md"])


def page():
    return Path("_build/paper.html").read_bytes()


def test_without_leave_nothing_is_fetched(server, project, capsys):
    (project / "paper.md").write_text(f"![A]({server.address}/a.svg)\n")
    assert render() == 1
    told = capsys.readouterr().err
    assert "error[PB521]" in told
    assert "paper.md:1:6" in told
    assert "--fetch" in told
    assert server.asked == []


def test_what_was_fetched_once_is_kept_and_gives_equal_documents(server, project, capsys):
    server.pages["/a.svg"] = (200, SVG % b"123456")
    (project / "paper.md").write_text(f"![A]({server.address}/a.svg)\n")
    assert render("--fetch") == 0
    first = page()
    server.pages["/a.svg"] = (200, SVG % b"abcdef")  # another day, another picture
    Path("_build/paper.html").unlink()
    (project / "paper.md").write_text(f"![A]({server.address}/a.svg)\n\n\n")
    assert render() == 0
    assert render("--fetch") == 0
    assert server.asked == ["/a.svg"]
    assert page() == first
    digest = hashlib.sha256(SVG % b"123456").hexdigest()
    assert (project / ".paperbuild/fetched" / digest).read_bytes() == SVG % b"123456"


def test_a_changed_copy_is_not_shown(server, project, capsys):
    server.pages["/a.svg"] = (200, SVG % b"123456")
    (project / "paper.md").write_text(f"![A]({server.address}/a.svg)\n")
    assert render("--fetch") == 0
    digest = hashlib.sha256(SVG % b"123456").hexdigest()
    (project / ".paperbuild/fetched" / digest).write_bytes(SVG % b"abcdef")
    assert render() == 1
    assert "PB525" in capsys.readouterr().err


def test_redirections_are_followed_but_not_to_files(server, project, capsys):
    server.pages["/a"] = (302, f"{server.address}/b.svg".encode())
    server.pages["/b.svg"] = (200, SVG % b"123456")
    server.pages["/bad"] = (302, b"file:///etc/passwd")
    (project / "paper.md").write_text(f"![A]({server.address}/a)\n")
    assert render("--fetch") == 0
    (project / "paper.md").write_text(f"![A]({server.address}/bad)\n")
    assert render("--fetch") == 1
    assert "PB525" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((404, b""), "the server says 404"),
        ((200, b"<html>no picture</html>"), "it is no picture"),
        ((200, b""), "it is empty"),
        ((200, b"\x89PNG" + b"x" * 4000), "it is larger than"),
    ],
)
def test_what_is_no_picture_is_refused_with_the_reason(server, project, capsys, monkeypatch, answer, reason):
    monkeypatch.setattr(fetching, "SIZE_LIMIT", 2000)
    server.pages["/a.png"] = answer
    (project / "paper.md").write_text(f"Text.\n\n![A]({server.address}/a.png)\n")
    assert render("--fetch") == 1
    told = capsys.readouterr().err
    assert "error[PB525]" in told
    assert "paper.md:3:6" in told
    assert reason in told
    assert not list((project / ".paperbuild").glob("fetched/*"))


def test_nobody_at_the_address_is_told(project, capsys):
    (project / "paper.md").write_text("![A](http://127.0.0.1:9/a.png)\n")
    assert render("--fetch") == 1
    assert "PB525" in capsys.readouterr().err


@pytest.mark.parametrize("absolute", [False, True])
def test_a_figure_outside_the_project_is_read_and_counts_by_its_content(project, capsys, absolute):
    outside = project.parent / "data" / "plot.svg"
    outside.parent.mkdir()
    outside.write_bytes(SVG % b"123456")
    (project / "paper.md").write_text(f"![A]({outside if absolute else '../data/plot.svg'})\n")
    assert render() == 0
    first = page()
    capsys.readouterr()
    assert render() == 0
    assert "0 ran" in capsys.readouterr().err or page() == first
    outside.write_bytes(SVG % b"abcdef")
    assert render() == 0
    assert page() != first
