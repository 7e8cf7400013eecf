"""The tutorial, the page about training and the first commands of README and site, carried out as they stand."""

import subprocess

import pytest

from tests.cli.workflow_runner import Runner
from tests.documented import Reader, blocks, environment_of_a_reader

PAGE = "docs/tutorial.md"
INSTALLING = (
    "python3 -m venv ~/papers",
    ". ~/papers/bin/activate",
    "pip install paperbuild matplotlib",
    "pip install .            # in a clone; pip install paperbuild, once it is released",
)


@pytest.fixture
def reader(tmp_path):
    """Somebody for whom the package index is the Python of the tests, and GitHub a folder."""
    home = tmp_path / "home"
    home.mkdir()
    environment = environment_of_a_reader(home)
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(home / "walks.git")], env=environment, check=True)
    with open(home / "gitconfig", "a", encoding="utf-8") as file:
        file.write(f'[url "{home}/"]\ninsteadOf = https://github.com/ada/\n')
    installed = dict.fromkeys(INSTALLING, "")
    (tmp_path / "empty").mkdir()
    return Reader(tmp_path / "empty", environment, instead=installed)


def test_the_tutorial_works_as_it_stands_and_its_workflow_builds_the_paper_that_was_pushed(reader, tmp_path):
    reader.carry_out(PAGE)
    clone = tmp_path / "runner"
    subprocess.run(["git", "clone", "-q", str(tmp_path / "home/walks.git"), str(clone)], env=reader.environment, check=True)
    context = {"github.base_ref": "", "github.event.before": "0" * 40}
    runner = Runner(clone, tmp_path / "runner-temp", reader.environment, context, {"Install": "true"})
    assert runner.job(clone / ".github/workflows/paper.yml", "paper"), runner.said
    assert (runner.temp / "paper/paper.pdf").read_bytes().startswith(b"%PDF")
    assert "drift \N{MULTIPLICATION SIGN} 9" in runner.summary.read_text(encoding="utf-8")


def test_the_page_about_training_works_as_it_stands(reader):
    reader.carry_out("docs/training.md")


def first_commands(page):
    (commands,) = [text for text in blocks(page, "sh") if "paperbuild init demo" in text]
    return [line.partition("#")[0].strip() for line in commands.splitlines() if line.strip() not in INSTALLING]


def test_the_first_commands_that_a_newcomer_reads_make_a_paper(reader):
    commands = first_commands("README.md")
    assert commands == [*first_commands("docs/index.md"), "paperbuild watch --open"]
    reader.type("\n".join(commands).replace("watch --open", "watch"))  # no browser is to open while tests run
    assert (reader.folder / "_build/paper.pdf").read_bytes().startswith(b"%PDF")
