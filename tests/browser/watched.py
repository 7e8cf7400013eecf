"""``paperbuild watch`` in a project, and a tab of a browser that shows its page: what the tests of the live page share."""

import base64
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import unquote

from playwright.sync_api import Error

from tests.held_ports import held_port

TOP = Path(__file__).resolve().parents[2]
LIMIT_S = 60
PATIENCE_MS = 15_000
BLANK = "about:blank"

MANIFEST = """\
[paper]
source = "paper.md"

[target.curve]
run = "python3 curve.py"
inputs = ["curve.py"]
outputs = { curve = "figures/curve.svg", data = "out/data.json" }

[target.big]
run = "echo '{{\\"n\\": 4}}' > big.json"
inputs = ["big.in"]
outputs = ["big.json"]
heavy = true
"""
CURVE = """\
import json, pathlib, time
time.sleep({pause})
for name in ("figures", "out"):
    pathlib.Path(name).mkdir(exist_ok=True)
pathlib.Path("figures/curve.svg").write_text(
    '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="150"><rect width="300" height="150" fill="{color}"/></svg>'
)
pathlib.Path("out/data.json").write_text(json.dumps({{"mean": {mean}}}))
"""
FILLER = "\n\n".join(
    f"Paragraph {n} says what the one before it said, in other words, so that there is something to scroll." for n in range(40)
)
PAPER = f"""\
---
title: A paper that is being written
author: Ada Lovelace
---

# First

The mean is [0.5]{{val=curve.mean}}, and a sentence that will be edited.

# Second

![The curve.](figures/curve.svg){{#fig:curve}}

{FILLER}

# Third

The last paragraph, far below.
"""


class Live:
    """A project, and ``paperbuild watch`` in it."""

    def __init__(self, root, base=None):
        self.root = root
        self.base = base or {"paperbuild.toml": MANIFEST, "paper.md": PAPER, "curve.py": self.curve(), "big.in": "1\n"}
        self.port = held_port()  # a page finds the server again where it was
        self.process = None
        self._runs = 0
        for name, text in self.base.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)

    @staticmethod
    def curve(color="#16407a", mean=0.5, pause=0.0):
        return CURVE.format(color=color, mean=mean, pause=pause)

    def start(self, *options):
        self._runs += 1
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "paperbuild", "watch", "--port", str(self.port), *options],
                cwd=self.root,
                env={**inherited, "PYTHONPATH": str(TOP)},
                stderr=log,
                stdout=subprocess.DEVNULL,
            )
        self.wait("waiting for a change")

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(LIMIT_S)

    @property
    def _log(self):
        return self.root / f".watch-{self._runs}.log~"

    @property
    def said(self):
        return self._log.read_text()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}/"

    def wait(self, text, times=1):
        until = time.monotonic() + LIMIT_S
        while self.said.count(text) < times:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < until, self.said
            time.sleep(0.02)

    def save(self, name, text):
        """Save as editors do: another file takes the name."""
        path = self.root / name
        beside = path.with_name(f".{path.name}.tmp~")
        beside.write_text(text)
        beside.replace(path)

    def ran(self):
        """Return which targets ran since somebody changed something last."""
        self.settle()
        return set(re.findall(r"^ran (\S+) in", self.said.rpartition("changed: ")[2], re.MULTILINE)) - {"paper.html", "paper.pdf"}

    def settle(self):
        """Wait until the last line says that nothing is to be done."""
        until = time.monotonic() + LIMIT_S
        while not self.said.endswith("waiting for a change; Ctrl-C ends this\n"):
            assert time.monotonic() < until, self.said
            time.sleep(0.02)

    def reset(self):
        """Make the project what it was, and wait until that is shown."""
        changed = [name for name, text in self.base.items() if not (self.root / name).exists() or (self.root / name).read_text() != text]
        self.settle()
        builds = self.said.count("waiting for a change")
        for name in changed:
            self.save(name, self.base[name])
        if changed:
            self.wait("waiting for a change", builds + 1)
        self.settle()


class Window:
    """A tab of the browser that shows the live page."""

    def __init__(self, context, address, page=None):
        self.complaints = []
        self.page = page or context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self._heard = {"console": self._hear, "pageerror": lambda error: self.complaints.append(f"uncaught: {error}")}
        for event, hear in self._heard.items():
            self.page.on(event, hear)
        self.page.goto(address)
        self.paper = self.page.frame_locator("#paper")
        self.paper.locator(".body p").first.wait_for()
        self.says("Up to date")

    def leave(self):
        """Give the tab back as it was before anybody used it: to open another costs more than most tests."""
        self.page.evaluate("localStorage.clear(); sessionStorage.clear()")
        for event, hear in self._heard.items():
            self.page.remove_listener(event, hear)
        self.page.mouse.move(0, 0)
        self.page.goto(BLANK)
        self.page.emulate_media(media="null", color_scheme="null", reduced_motion="null", forced_colors="null")

    def _hear(self, message):
        if "ERR_CONNECTION_REFUSED" not in message.text and "ERR_INCOMPLETE_CHUNKED" not in message.text:
            self.complaints.append(f"{message.type}: {message.text}")

    @property
    def frame(self):
        return next(frame for frame in self.page.frames if "/paper" in frame.url)

    def run(self, script, given=None):
        return self.frame.evaluate(script, given)

    def until(self, holds):
        """Wait until ``holds()`` is true, which it may not be before the page is what it is about to become.

        A page that is loaded anew while it is asked has not answered.
        """

        def answer():
            try:
                return holds()
            except Error as error:
                if "context was destroyed" not in error.message:
                    raise
                return False

        until = time.monotonic() + PATIENCE_MS / 1000
        while not answer():
            assert time.monotonic() < until
            self.page.wait_for_timeout(20)
        return True

    def picture(self, figure):
        """What the figure shows, with a data: URI's encoding undone."""
        source = self.paper.locator(f"{figure} img").get_attribute("src")
        head, _, data = source.partition(",")
        return base64.b64decode(data).decode() if head.endswith("base64") else unquote(data)

    def sees(self, words):
        """Whether the element with these words is inside the window."""
        box = self.paper.get_by_text(words).first.bounding_box()
        return box is not None and 0 <= box["y"] < self.page.viewport_size["height"]

    def alt_click(self, words):
        """Press on the first of ``words`` of the paper, with Alt held."""
        spot = self.run(
            """(words) => {
              const walker = document.createTreeWalker(document.querySelector(".body"), NodeFilter.SHOW_TEXT);
              while (walker.nextNode() && !walker.currentNode.data.includes(words));
              const range = document.createRange(), at = walker.currentNode.data.indexOf(words);
              walker.currentNode.parentElement.scrollIntoView({ block: "center", behavior: "instant" });
              range.setStart(walker.currentNode, at);
              range.setEnd(walker.currentNode, at + 1);
              const box = range.getBoundingClientRect();
              return [box.left + box.width / 2, box.top + box.height / 2];
            }""",
            words,
        )
        frame = self.page.locator("#paper").bounding_box()
        self.page.keyboard.down("Alt")
        self.page.mouse.click(frame["x"] + spot[0], frame["y"] + spot[1])
        self.page.keyboard.up("Alt")

    def says(self, words):
        self.page.locator("#standing", has_text=words).wait_for()

    def shows(self, text):
        self.paper.get_by_text(re.compile(re.escape(text))).first.wait_for()

    def rests(self):
        """Whether something in the window is wider than it."""
        return self.page.evaluate("document.documentElement.scrollWidth <= innerWidth") and self.run(
            "document.documentElement.scrollWidth <= innerWidth"
        )


def edited(text, old="a sentence that will be edited", new="a sentence that WAS edited"):
    assert old in text
    return text.replace(old, new)
