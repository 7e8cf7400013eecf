"""The tour of README.md and the printed errors of the pages, made by the real program with pandoc and typst."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from paperbuild.cli.main import main
from tests.documented import ROOT, blocks

TRAIN = """\
import argparse
import json

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--seed", type=int)
parser.add_argument("--out")
given = parser.parse_args()
birds = len(open("data/penguins.csv").readlines())
with open(given.out, "w") as file:
    json.dump({"accuracy": 0.908 + 0.004 * given.seed, "birds": birds, "rate": given.lr}, file)
"""

PLOT = """\
import json
import os

cells = json.load(open(os.environ["PAPERBUILD_INDEX"]))["train"]
bars = [json.load(open(cell["outputs"]["metrics"]))["accuracy"] for cell in cells]
with open("figures/curves.svg", "w") as file:
    file.write('<svg xmlns="http://www.w3.org/2000/svg" width="90" height="100">')
    for n, height in enumerate(bars):
        file.write(f'<rect x="{30 * n}" y="0" width="20" height="{100 * height:.1f}"/>')
    file.write("</svg>")
"""


def the(page, language, beginning):
    """Return the one block of a page that begins so."""
    (found,) = [text for text in blocks(page, language) if text.startswith(beginning)]
    return found


class Tour:
    """The two files of the README, two small scripts, and the program called beside them."""

    def __init__(self, folder, capfd):
        self.folder = folder
        self._capfd = capfd
        self.write("paperbuild.toml", the("README.md", "toml", "[paper]"))
        self.write("paper.md", the("README.md", "markdown", "Over three seeds"))
        self.write("train.py", TRAIN)
        self.write("plot.py", PLOT)
        self.write("data/penguins.csv", "species,mass\nAdelie,3750\n")

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def change(self, name, before, after):
        text = (self.folder / name).read_text(encoding="utf-8")
        assert before in text
        self.write(name, text.replace(before, after))

    def call(self, *words):
        """Return exit code, standard output, standard error."""
        self._capfd.readouterr()
        code = int(main(words))
        return (code, *self._capfd.readouterr())

    def render(self, *options):
        """Return which actions ran."""
        code, out, _ = self.call("render", "--json", *options)
        answer = json.loads(out)
        assert code == 0, answer["diagnostics"]
        return [action["action"] for action in answer["actions"] if action["outcome"] == "ran"]

    def page(self):
        html = (self.folder / "_build" / "paper.html").read_text(encoding="utf-8")
        return re.sub(r"<[^>]*>", "", html).replace("\N{NO-BREAK SPACE}", " ")


@pytest.fixture
def tour(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    return Tour(tmp_path, capfd)


def test_the_tour_builds_and_shows_what_was_computed(tour):
    ran = tour.render()
    assert set(ran) == {"train[seed=0]", "train[seed=1]", "train[seed=2]", "curves", "paper.pdf", "paper.html"}
    assert "an accuracy of 91.2 ± 0.4 %, see Figure 1." in tour.page()
    assert (tour.folder / "_build" / "paper.pdf").read_bytes().startswith(b"%PDF-")
    assert tour.render() == []


def test_what_the_readme_says_of_running_again_is_so(tour):
    tour.render("--to", "html")
    (tour.folder / "train.py").touch()
    assert tour.render("--to", "html") == []
    tour.change("train.py", "import json\n", "import json  # results\n")
    assert tour.render("--to", "html") == ["train[seed=0]", "train[seed=1]", "train[seed=2]"]
    tour.change("train.py", "  # results", "")
    assert tour.render("--to", "html") == []
    tour.change("paperbuild.toml", "lr = 0.1", "lr = 0.2")
    assert [name for name in tour.render("--to", "html") if name.startswith("train")] == ["train[seed=0]", "train[seed=1]", "train[seed=2]"]
    tour.change("paperbuild.toml", "lr = 0.2", "lr = 0.1")
    assert tour.render("--to", "html") == []


def commands():
    """Return the commands of the README's block "What runs, and why", but for the one that never ends."""
    lines = the("README.md", "sh", "paperbuild render            #").splitlines()
    return [shlex.split(line, comments=True)[1:] for line in lines if "watch" not in line]


def test_every_command_of_the_readme_works(tour):
    assert len(commands()) >= 5
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"], ["tag", "v1"]):
        subprocess.run(["git", "-c", "user.name=N", "-c", "user.email=n@example.org", *words], check=True)
    for words in commands():
        code, _, err = tour.call(*words)
        assert code == 0, (words, err)
    assert not (tour.folder / "figures").exists()  # clean was the last


def test_an_edited_output_is_never_overwritten(tour):
    tour.render("--to", "html")
    tour.write("figures/curves.svg", "<svg>by hand</svg>")
    code, _, err = tour.call("render", "--to", "html")
    assert code == 1
    assert "error[PB420]" in err
    assert (tour.folder / "figures" / "curves.svg").read_text() == "<svg>by hand</svg>"
    assert tour.call("run", "curves", "--overwrite")[0] == 0
    assert "<rect" in (tour.folder / "figures" / "curves.svg").read_text()


def test_the_error_of_the_readme_is_what_is_printed(tour):
    tour.change("paper.md", "figures/curves.svg", "figures/curve.svg")
    code, _, err = tour.call("-q", "render", "--to", "html")
    assert code == 1
    assert err.strip() == the("README.md", "", "error[").strip()


def test_the_error_of_the_errors_page_is_what_is_printed(tour):
    tour.write(
        "paperbuild.toml",
        '[paper]\nsource = "paper.md"\n\n[target.test-set]\nrun = "cp in.json out.json"\ninputs = []\noutputs = { scores = "out.json" }\n',
    )
    tour.write("in.json", '{"accuracy": 0.9, "loss": 0.3}')
    tour.write("paper.md", "# Result\n\nWe reach [0.9]{val=test_set.acuracy}.\n")
    _, _, err = tour.call("-q", "render", "--to", "html")
    assert err.strip() == the("docs/errors.md", "", "error[").strip()


def test_a_paper_without_experiments_needs_no_manifest(tour):
    tour.write("elsewhere/notes/paper.md", "---\ntitle: Notes\n---\n\n# One {#sec:one}\n\nSee @sec:one and $x^2$.\n")
    (tour.folder / "paperbuild.toml").unlink()
    code, out, _ = tour.call("-C", "elsewhere", "render", "notes/paper.md")
    assert code == 0
    assert out.split() == ["elsewhere/notes/_build/paper.pdf", "elsewhere/notes/_build/paper.html"]


def test_what_init_writes_builds(tour):
    assert tour.call("init", "new")[0] == 0
    code, _, err = tour.call("-C", "new", "render")
    assert code == 0, err


def test_commands_see_the_variables_that_the_manifest_page_lists(tour):
    tour.write(
        "paperbuild.toml",
        '[paper]\nsource = "paper.md"\n\n[target.seen]\nrun = "env > seen.txt && test -d $PAPERBUILD_CHECKPOINTS"\n'
        'inputs = []\noutputs = ["seen.txt"]\n'
        "params = { learning-rate = 0.1, big = true }\nenv = { REGION = 1 }\n",
    )
    assert tour.call("run", "seen")[0] == 0
    seen = dict(line.split("=", 1) for line in (tour.folder / "seen.txt").read_text().splitlines() if "=" in line)
    page = (ROOT / "docs/manifest.md").read_text(encoding="utf-8")
    explained = {"PAPERBUILD_PARAM_LEARNING_RATE", "PAPERBUILD_PARAM_BIG", "REGION"}
    made_by_the_shell = {"PWD", "OLDPWD", "SHLVL", "_"}
    patterns = [name.replace("*", ".*") for name in re.findall(r"`([A-Z_]+\*?)`", page)]
    unlisted = {name for name in seen.keys() - explained - made_by_the_shell if not any(re.fullmatch(p, name) for p in patterns)}
    assert {name for name in unlisted if not name.lower().endswith("_proxy")} == set()
    assert seen["PAPERBUILD_PARAM_LEARNING_RATE"] == "0.1"
    assert seen["SOURCE_DATE_EPOCH"] == "315532800"
    assert json.loads(Path(seen["PAPERBUILD_PARAMS"]).read_text()) == {"learning-rate": 0.1, "big": True}
    assert "PAPERBUILD_CHECKPOINTS" in seen
    assert Path(seen["MATPLOTLIBRC"]).is_file()
