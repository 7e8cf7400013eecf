"""Make beside paperbuild: targets as a Makefile, tried with a real make, and a Makefile of one's own as a target."""

import shutil
import subprocess

import pytest

from tests.cli.conftest import clean_environment

MANIFEST = r"""
[paper]
source = "paper.md"

[target.data]
run = 'python3 data.py > "data/all of it.csv"'
outputs = ["data/all of it.csv"]

[target.train]
run = "python3 train.py {seed} {name}"
outputs = { metrics = "build/{seed}#{name}.json", weights = "build/{seed}-{name}/" }
matrix = { seed = [0, 1], name = ["100%", "a$b"] }
needs = ["data"]
env = { WIDTH = " 7 # $HOME" }

[target.joined]
run = '''
set -e
for file in build/*.json; do
  cat "$file" # each, $file
done > "joined=%.txt"
cat <<END >>"joined=%.txt"
	it's "over"
END
'''
needs = ["train"]
outputs = ["joined=%.txt"]

[target.bash]
shell = "/bin/bash"
run = "shopt -s nullglob; words=(data/*.csv); echo ${{#words[@]}} > count && cp count copy"
inputs = ["data/"]
outputs = ["count", "copy"]
"""
DATA = "import os\nprint('a,b', os.environ['TZ'], os.environ['SOURCE_DATE_EPOCH'])\n"
TRAIN = """\
import os, sys
import model
seed, name = sys.argv[1:]
text = open("data/all of it.csv").read() + model.NAME + os.environ["WIDTH"] + name
open(f"build/{seed}#{name}.json", "w").write(text)
os.mkdir(f"build/{seed}-{name}")
open(f"build/{seed}-{name}/w.bin", "w").write(text * 2)
"""
OUTPUTS = ("data", "build", "joined=%.txt", "count", "copy")


@pytest.fixture
def paper(project, kept):
    return project.once(kept, lambda: build(project))


def build(project):
    project.write("paperbuild.toml", MANIFEST).write("data.py", DATA).write("train.py", TRAIN).write("model.py", "NAME = 'm'\n")
    assert project.call("run", "-q").code == 0


def make(project, *words, ok=True):
    done = subprocess.run(
        ["make", *words], cwd=project.root, env=clean_environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode == 0) == ok, done.stderr + done.stdout
    return done.stdout + done.stderr


def contents(project):
    paths = [
        path for name in OUTPUTS for path in ((project.root / name).rglob("*") if name in {"data", "build"} else [project.root / name])
    ]
    return {str(path.relative_to(project.root)): path.read_bytes() for path in paths if path.is_file()}


def cleared(project):
    for name in OUTPUTS:
        path = project.root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def test_make_builds_the_same_files_from_a_clean_tree_and_then_nothing(paper):
    assert paper.call("graph", "-o", "targets.mk").out == "targets.mk\n"
    before = contents(paper)
    assert len(before) == 12
    cleared(paper)
    shutil.rmtree(paper.root / ".paperbuild")
    make(paper, "-f", "targets.mk", "-j2")
    assert contents(paper) == before
    assert "Nothing to be done" in make(paper, "-f", "targets.mk")


def test_make_runs_what_reads_a_file_that_changed_and_no_more(paper):
    paper.write("Makefile", paper.call("graph", "--format", "make").out)
    cleared(paper)
    make(paper)
    paper.write("model.py", "NAME = 'n'\n")
    said = make(paper, "-n", "all")
    assert said.count("python3 train.py") == 4  # it was seen to import that file
    assert "data.py" not in said
    assert "nullglob" not in said
    make(paper)
    assert "n 7 # $HOMEa$b" in (paper.root / "build/1#a$b.json").read_text()
    assert "n 7 # $HOMEa$b" in (paper.root / "joined=%.txt").read_text()
    assert "Nothing to be done" in make(paper)


def test_targets_and_folders_can_be_named_and_one_target_brings_what_it_needs(paper):
    paper.write("Makefile", paper.call("graph", "--format", "make", "joined").out)
    cleared(paper)
    make(paper, "build/1-100%")
    assert sorted(path.name for path in (paper.root / "build").iterdir()) == ["1#100%.json", "1-100%"]
    make(paper, "train")
    assert len(list((paper.root / "build").iterdir())) == 8
    assert not (paper.root / "joined=%.txt").exists()
    assert "bash" not in paper.read("Makefile")


def test_a_command_that_fails_leaves_no_output_that_looks_made(paper):
    paper.write("Makefile", paper.call("graph", "--format", "make").out)
    cleared(paper)
    paper.write("train.py", TRAIN + "raise SystemExit(3)\n")
    make(paper, "train", ok=False)
    paper.write("train.py", TRAIN)
    make(paper, "train")
    assert len(list((paper.root / "build").iterdir())) == 8


def test_a_name_that_no_makefile_can_hold_is_told(project):
    project.write("paperbuild.toml", MANIFEST.partition("[target.data]")[0] + '[target.a]\nrun = "true"\noutputs = ["a(b)"]\n')
    answer = project.call("graph", "--format", "make")
    assert (answer.code, "PB173" in answer.err) == (1, True)


def test_a_makefile_of_ones_own_is_a_target_whose_reads_are_traced_through(project):
    project.write("paperbuild.toml", '[paper]\nsource = "paper.md"\n[target.x]\nrun = "make figures/x.txt"\noutputs = ["figures/x.txt"]\n')
    project.write("Makefile", "figures/x.txt: raw/a.txt plot.sh\n\tsh plot.sh raw/a.txt > $@\n")
    project.write("plot.sh", 'sed s/1/2/ "$1"; cat style.txt\n').write("raw/a.txt", "1\n").write("style.txt", "s\n").write(
        "raw/b.txt", "b\n"
    )
    assert project.call("run", "-q").code == 0
    assert project.read("figures/x.txt") == "2\ns\n"
    for name, text in (("raw/a.txt", "11\n"), ("plot.sh", 'cat "$1" style.txt\n'), ("style.txt", "t\n"), ("Makefile", None)):
        project.write(name, text if text is not None else project.read("Makefile") + "# a comment\n")
        assert "0 ran" not in project.call("run").err, name
    assert project.read("figures/x.txt") == "11\nt\n"
    project.write("raw/b.txt", "another\n")
    assert project.call("run").err.startswith("0 ran")
