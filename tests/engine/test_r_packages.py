"""Which R packages there are, and what stands for one: with libraries made here, and no R."""

from pathlib import Path

import pytest

from paperbuild.engine.digest import file_digest
from paperbuild.engine.environment import LocalEnvironment
from paperbuild.engine.graph import Action, Command
from paperbuild.engine.r_packages import RPackages
from paperbuild.engine.rules import Treatment
from paperbuild.engine.trace import Package


class Machine:
    """A home, a project and an R, with packages where they are put."""

    def __init__(self, root: Path) -> None:
        self.root, self.project, self.home = root, root / "project", root / "home"
        self.project.mkdir()
        for program in ("Rscript", "R"):
            path = root / "r" / "bin" / program
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("#!/bin/sh\n")
            path.chmod(0o755)
        self.base = root / "r" / "lib" / "R" / "library"
        self.site = self.base.parent / "site-library"
        self.own = self.project / "renv" / "library" / "R-4.2" / "x86_64-pc-linux-gnu"
        self.users = self.home / "R" / "x86_64-pc-linux-gnu-library" / "4.2"
        for name in ("base", "stats"):
            self.install(self.base, name, "4.2.2", terms="Part of R 4.2.2")

    def install(
        self, library: Path, name: str, version: str, code: str = "", built: str = "", needs: str = "", md5: str = "", terms: str = "MIT"
    ) -> None:
        folder = library / name
        (folder / "R").mkdir(parents=True, exist_ok=True)
        (folder / "help").mkdir(exist_ok=True)
        text = f"Package: {name}\nVersion: {version}\nLicense: {terms}\n"
        text += f"Imports: {needs}\n" if needs else ""
        (folder / "DESCRIPTION").write_text(f"{text}Built: R 4.2.2; ; {built}; unix\n")
        (folder / "R" / f"{name}.rdb").write_text(code)
        (folder / "help" / "AnIndex").write_text(built)
        if md5:
            (folder / "MD5").write_text(md5)

    def packages(self) -> RPackages:
        return RPackages(lambda name: str(self.root / "r" / "bin" / name), str(self.project), str(self.home), file_digest)

    def environment(self) -> LocalEnvironment:
        base = {"PATH": f"{self.root}/r/bin:/usr/bin:/bin", "HOME": str(self.home)}
        return LocalEnvironment(base, f"{self.root}/none/bin", "/cache", root=str(self.project))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path.resolve())


def test_r_looks_into_the_projects_library_then_the_users_then_the_machines(machine: Machine):
    for library in (machine.own, machine.users, machine.site):
        library.mkdir(parents=True)
    assert machine.packages().libraries == tuple(map(str, (machine.own, machine.users, machine.site, machine.base)))
    assert machine.packages().own == (str(machine.own),)


def test_renv_since_its_version_1_has_a_folder_for_the_system(machine: Machine):
    library = machine.project / "renv" / "library" / "linux-debian-bookworm" / "R-4.2" / "x86_64-pc-linux-gnu"
    (library / "toy" / "R").mkdir(parents=True)
    assert machine.packages().own == (str(library),)


def test_without_r_there_are_no_packages(machine: Machine):
    none = RPackages(lambda name: None, str(machine.project), str(machine.home), file_digest)
    assert (none.libraries, none.used([]), none.fingerprint("toy")) == ((), (), "absent")


def test_a_package_that_two_libraries_have_counts_in_both_unless_they_are_equal(machine: Machine):
    machine.install(machine.users, "toy", "1.0")
    alone = machine.packages().fingerprint("toy")
    assert alone.startswith("1.0 ")
    machine.install(machine.own, "toy", "1.0")
    assert machine.packages().fingerprint("toy") == alone
    machine.install(machine.own, "toy", "2.0")
    both = machine.packages().fingerprint("toy")
    assert both.startswith("2.0 ")
    assert both.endswith(f", {alone}")


def test_equal_installations_have_one_fingerprint_and_another_content_another(machine: Machine):
    machine.install(machine.users, "toy", "1.0", code="f", built="2026-01-01")
    first = machine.packages().fingerprint("toy")
    machine.install(machine.users, "toy", "1.0", code="f", built="2026-02-02")
    assert machine.packages().fingerprint("toy") == first
    machine.install(machine.users, "toy", "1.0", code="g", built="2026-02-02")
    assert machine.packages().fingerprint("toy") != first


def test_the_list_of_an_archive_stands_for_its_files(machine: Machine):
    machine.install(machine.users, "toy", "1.0", code="as one compiler makes it", md5="0 *R/toy.R\n")
    first = machine.packages().fingerprint("toy")
    machine.install(machine.users, "toy", "1.0", code="as another does", md5="0 *R/toy.R\n")
    assert machine.packages().fingerprint("toy") == first
    machine.install(machine.users, "toy", "1.0", md5="1 *R/toy.R\n")
    assert machine.packages().fingerprint("toy") != first


def test_what_comes_with_r_is_r_by_its_version(machine: Machine):
    machine.install(machine.users, "toy", "1.0")
    found = dict(machine.packages().owners(["base", "stats", "toy", "missing"]))
    assert list(found) == ["R", "missing", "toy"]
    assert (found["R"], found["missing"]) == ("4.2.2", "absent")


def test_a_watched_command_used_what_it_looked_at_in_a_library(machine: Machine):
    machine.install(machine.own, "toy", "1.0")
    made = machine.environment()
    grouped = made.surroundings().grouped
    assert f"{machine.own}/" in grouped
    assert f"{machine.base}/" in grouped
    (toy,) = made.grouped(f"{machine.own}/", ["toy"])
    assert isinstance(toy, Package)
    assert (toy.tool, toy.name) == ("R", "toy")
    assert made.package("R", "toy") == toy.fingerprint
    assert made.treatment(f"{machine.own}/toy/R/toy.rdb") is Treatment.PACKAGE
    assert dict(made.inner_environments()) == {"renv/library/R-4.2/x86_64-pc-linux-gnu": str(machine.own)}


def test_where_nobody_watches_the_packages_that_sources_name_count_with_what_those_need(machine: Machine):
    machine.install(machine.users, "toy", "1.0", needs="dep (>= 1.0),\n    stats")
    machine.install(machine.users, "dep", "3.1")
    machine.install(machine.users, "other", "1.0")
    machine.install(machine.users, "unused", "1.0")
    (machine.project / "fit.R").write_text('library("toy")\nx <- other::f(1)\nrequireNamespace(gone)\n')
    found = machine.environment().packages(Action("x", "x", Command("Rscript fit.R"), ()), [f"{machine.project}/fit.R"])
    assert [(tool, name, fingerprint.partition(" ")[0]) for tool, name, fingerprint in found] == [
        ("R", "R", "4.2.2"),
        ("R", "dep", "3.1"),
        ("R", "gone", "absent"),
        ("R", "other", "1.0"),
        ("R", "toy", "1.0"),
    ]


@pytest.mark.parametrize(
    ("place", "treatment"),
    [
        ("packages/JSON/93Ea8/src/JSON.jl", Treatment.NOTHING),
        ("compiled/v1.10/JSON/abc.ji", Treatment.NOTHING),
        ("artifacts/0a1b/lib/x.so", Treatment.NOTHING),
        ("packages", Treatment.NOTHING),
        ("dev/Mine/src/Mine.jl", Treatment.INPUT),
        ("environments/v1.10/Manifest.toml", Treatment.INPUT),
    ],
)
def test_of_julias_depot_the_manifests_and_what_is_in_development_count(place: str, treatment: Treatment):
    made = LocalEnvironment({"PATH": "/usr/bin:/bin", "HOME": "/h"}, "/none/bin", "/cache", root="/project")
    assert made.treatment(f"/h/.julia/{place}") is treatment
