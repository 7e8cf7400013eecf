"""Projects in R: run for real, where R is installed."""

import os
import shutil
import subprocess

import pytest

from paperbuild.engine.trace import Package, load_record, path_of

pytestmark = pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")

LIBRARY = "renv/library/R-{short}/here"
MANIFEST = '[paper]\nsource = "paper.md"\n\n[target.fit]\nrun = "Rscript fit.R"\noutputs = ["build/fit.txt"]\n'


def install(folder, library, version, value):
    """Build a package ``toy`` from source and install it into ``library``."""
    (folder / "R").mkdir(parents=True, exist_ok=True)
    (folder / "DESCRIPTION").write_text(f"Package: toy\nVersion: {version}\nTitle: T\nDescription: D.\nLicense: MIT\n")
    (folder / "NAMESPACE").write_text("export(f)\n")
    (folder / "R" / "f.R").write_text(f"f <- function() {value}\n")
    library.mkdir(parents=True, exist_ok=True)
    command = ["R", "CMD", "INSTALL", "--no-docs", "--no-test-load", "-l", str(library), str(folder)]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def paper(project, tmp_path_factory):
    version = subprocess.run(["Rscript", "-e", "cat(as.character(getRversion()))"], check=True, capture_output=True, text=True).stdout
    library = LIBRARY.format(short=".".join(version.split(".")[:2]))
    source = tmp_path_factory.mktemp("source") / "toy"
    install(source, project.root / library, "1.0", 4)
    project.write("paperbuild.toml", MANIFEST).write("paper.md", "No value.\n").write(".Rprofile", f'.libPaths("{library}")\n')
    project.write("fit.R", 'library(toy)\nok <- requireNamespace("gone", quietly = TRUE)\ncat(f(), ok, file = "build/fit.txt")\n')
    answer = project.call("run", "-j1")
    assert (answer.code, project.read("build/fit.txt")) == (0, "4 FALSE"), answer.err
    project.library, project.source, project.version = project.root / library, source, version
    return project


def test_packages_count_as_packages_and_r_by_its_version(paper):
    (path,) = (paper.root / ".paperbuild/records").rglob("*.json")
    items = load_record(path.read_bytes()).items
    found = {item.name: item.fingerprint.partition(" ")[0] for item in items if isinstance(item, Package) and item.tool == "R"}
    assert found == {"R": paper.version, "toy": "1.0", "gone": "absent"}
    paths = [path_of(item) for item in items]
    assert {".Rprofile", "fit.R"} <= set(paths)
    assert not [path for path in paths if path and ("toy" in path or "gone" in path)]


def test_a_new_version_runs_it_again_and_the_same_one_installed_once_more_does_not(paper):
    install(paper.source, paper.library, "1.0", 4)
    assert paper.call("run").err == "0 ran, 1 up to date\n"
    install(paper.source, paper.library, "1.1", 5)
    answer = paper.call("run", "-j1")
    assert (answer.code, paper.read("build/fit.txt")) == (0, "5 FALSE")
    assert "toy" in answer.err


def test_a_package_that_was_looked_for_runs_it_again_once_it_is_there_and_others_do_not(paper):
    for name in ("other", "gone"):
        shutil.copytree(paper.library / "toy", paper.library / name)
        expected = "0 ran" if name == "other" else "1 ran"
        assert expected in paper.call("run", "-j1").err


def test_a_file_that_comes_into_the_project_runs_nothing_unless_r_looks_for_it(paper):
    paper.write("new.txt", "").write("another.R", "")
    assert paper.call("run").err == "0 ran, 1 up to date\n"
    paper.write(".Renviron", "X=1\n")
    assert ".Renviron appeared" in paper.call("run", "-j1").err


def test_a_rerun_in_a_copy_finds_the_projects_library(paper):
    answer = paper.call("verify", "fit", "--once")
    assert (answer.code, "identical" in answer.out) == (0, True), (answer.out, answer.err)
    assert os.listdir(paper.library) == ["toy"]
