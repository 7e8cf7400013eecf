"""What commands are given of the environment, what of it counts, and which installed packages their sources use."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from pathlib import Path

import pytest

from paperbuild.engine.distributions import Distribution
from paperbuild.engine.environment import LocalEnvironment, python_folder
from paperbuild.engine.graph import Action, Command, Output, Variable
from paperbuild.engine.packages import imported
from paperbuild.engine.tracing.sightings import Sightings


def action(line: str, *variables: Variable) -> Action:
    return Action("t", "t", Command(line), (Output("o", "o"),), variables=variables)


def environment(tmp_path: Path, **base: str) -> LocalEnvironment:
    return LocalEnvironment({"PATH": "/usr/bin:/bin", **base}, f"{tmp_path}/env/bin", "/cache", root=str(tmp_path))


def given(tmp_path: Path, **base: str) -> dict[str, str]:
    return dict(environment(tmp_path, **base).given(action("x")))


def test_only_what_is_on_the_list_is_passed(tmp_path: Path):
    found = given(tmp_path, HOME="/h", SECRET="s", CUDA_VISIBLE_DEVICES="1", PYTHONPATH="/mine", LC_ALL="de_DE", PYTHONSTARTUP="x")
    assert found["HOME"] == "/h"
    assert found["CUDA_VISIBLE_DEVICES"] == "1"
    assert found["LC_ALL"] == "C.UTF-8"
    assert not {"SECRET", "PYTHONPATH", "PYTHONSTARTUP"} & found.keys()


def test_python_neither_randomises_hashes_nor_trusts_bytecode(tmp_path: Path):
    found = given(tmp_path, PYTHONHASHSEED="7")
    assert (found["PYTHONHASHSEED"], found["PYTHONDONTWRITEBYTECODE"], found["PYTHONPYCACHEPREFIX"]) == ("0", "1", "/cache")


def test_the_projects_python_comes_first_on_the_path(tmp_path: Path):
    assert given(tmp_path)["PATH"] == f"{tmp_path}/env/bin:/usr/bin:/bin"


def test_places_do_not_count_and_devices_do(tmp_path: Path):
    here = environment(tmp_path, HOME="/a", TMPDIR="/x").counted(action("x"))
    there = environment(tmp_path, HOME="/b", TMPDIR="/y").counted(action("x"))
    assert here == there
    assert environment(tmp_path, CUDA_VISIBLE_DEVICES="1").counted(action("x")) != here


def test_a_secret_is_given_but_does_not_count(tmp_path: Path):
    one, other = (action("x", Variable("TOKEN", value, None), Variable("MODE", "fast", "fast")) for value in ("a", "b"))
    made = environment(tmp_path)
    assert made.given(one)["TOKEN"] == "a"
    assert made.counted(one) == made.counted(other)
    assert made.counted(one)["variable:MODE"] == "fast"
    assert "a" not in str(made.counted(one).get("variable:TOKEN", ""))


def test_the_python_of_commands_is_the_declared_one_else_the_active_one_else_ours(tmp_path: Path):
    (tmp_path / "venv/bin").mkdir(parents=True)
    venv = str(tmp_path / "venv")
    assert python_folder({}, "/usr", None, "/p") == "/usr/bin"
    assert python_folder({"VIRTUAL_ENV": venv}, "/usr", None, "/p") == f"{venv}/bin"
    assert python_folder({"VIRTUAL_ENV": "/gone"}, "/usr", None, "/p") == "/usr/bin"
    assert python_folder({"VIRTUAL_ENV": "/gone"}, "/usr", "venv", str(tmp_path)) == f"{venv}/bin"
    assert python_folder({}, "/usr", "venv/bin/python", str(tmp_path)) == f"{venv}/bin"


# packages


class Site:
    """A virtual environment that holds what tests install."""

    def __init__(self, root: Path, name: str = "env", python: str = "python3.11") -> None:
        self.folder = root / name / "lib" / python / "site-packages"
        self.folder.mkdir(parents=True)
        (root / name / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.11.2\n")
        (root / name / "bin").mkdir(exist_ok=True)
        for program in ("python", "python3"):
            path = root / name / "bin" / program
            path.write_text("#!/bin/sh\n")
            path.chmod(0o755)

    def install(self, name: str, version: str, *, modules: str = "", requires: str = "") -> None:
        for old in self.folder.glob(f"{name}-*.dist-info"):
            for file in old.iterdir():
                file.unlink()
            old.rmdir()
        info = self.folder / f"{name}-{version}.dist-info"
        info.mkdir()
        lines = [f"{module}/__init__.py,sha256={version},1" for module in (modules or name).split()]
        (info / "RECORD").write_text("\n".join(lines) + "\n")
        needs = "".join(f"Requires-Dist: {one}\n" for one in requires.split(","))
        (info / "METADATA").write_text(f"Name: {name}\n{needs}\nRequires-Dist: notme\n")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.install("pandas", "2.0", requires='numpy>=1.26,pytest; extra == "test"')
    made.install("numpy", "2.1")
    made.install("pytest", "8.0")
    made.install("scikit_learn", "1.5", modules="sklearn", requires="numpy")
    made.install("ruff", "0.8")
    (tmp_path / "train.py").write_text("import os\nimport pandas as pd\nfrom . import sibling\n")
    (tmp_path / "fit.py").write_text("def late():\n    from sklearn.svm import SVC\n")
    return made


def used(tmp_path: Path, source: str, line: str = "python train.py") -> dict[str, str]:
    return {name: fingerprint for _, name, fingerprint in environment(tmp_path).packages(action(line), [str(tmp_path / source)])}


def test_what_a_script_imports_counts_with_what_that_requires(tmp_path: Path, site: Site):
    assert used(tmp_path, "train.py").keys() == {"pandas", "numpy"}
    assert used(tmp_path, "fit.py").keys() == {"scikit-learn", "numpy"}


def test_an_upgrade_changes_a_fingerprint_and_an_unrelated_install_none(tmp_path: Path, site: Site):
    before = used(tmp_path, "train.py")
    site.install("ruff", "0.9")
    site.install("black", "24")
    assert used(tmp_path, "train.py") == before
    site.install("numpy", "2.2")
    after = used(tmp_path, "train.py")
    assert after["numpy"].startswith("2.2 ")
    assert after["pandas"] == before["pandas"]


def test_a_fingerprint_that_was_noted_can_be_asked_for_again(tmp_path: Path, site: Site):
    ((tool, name, fingerprint), *_) = environment(tmp_path).packages(action("python train.py"), [str(tmp_path / "train.py")])
    assert environment(tmp_path).package(tool, name) == fingerprint
    assert environment(tmp_path).package(tool, "missing") is None
    assert environment(tmp_path).package("no-such-tool", name) is None


@pytest.mark.parametrize(
    "line",
    [
        "python3 train.py",
        "cd sub && python ../train.py",
        "cd sub;python ../train.py",
        "OMP_NUM_THREADS=1 python train.py",
        "time env X=1 python train.py > log",
        "./train.py",
        "bash run.sh",
        "make results",
        "env/bin/python train.py",
        "echo 'unfinished; python train.py",
    ],
)
def test_packages_count_however_the_command_comes_to_its_python(tmp_path: Path, site: Site, line: str):
    assert used(tmp_path, "train.py", line).keys() == {"pandas", "numpy"}


def test_a_python_elsewhere_has_packages_of_its_own(tmp_path: Path, site: Site):
    other = Site(tmp_path, "other")
    other.install("pandas", "1.0")
    assert used(tmp_path, "train.py", f"{tmp_path}/other/bin/python train.py")["pandas"].startswith("1.0 ")
    assert environment(tmp_path).package(f"{tmp_path}/other/bin/python", "pandas") is not None


def test_a_command_without_python_sources_uses_no_packages(tmp_path: Path, site: Site):
    assert environment(tmp_path).packages(action("python -c 1"), [str(tmp_path / "data.csv")]) == ()


def test_a_package_that_two_pythons_have_counts_in_both_versions(tmp_path: Path, site: Site):
    before = used(tmp_path, "train.py")["numpy"]
    older = Site.__new__(Site)
    older.folder = tmp_path / "env/lib/python3.10/site-packages"
    older.folder.mkdir(parents=True)
    older.install("numpy", "1.0")
    older.install("numpy", "1.1")
    assert "1.1 " in used(tmp_path, "train.py")["numpy"]
    assert before in used(tmp_path, "train.py")["numpy"]


def test_an_editable_install_is_what_its_files_are(tmp_path: Path, site: Site):
    (tmp_path / "lib/src/mine").mkdir(parents=True)
    module = tmp_path / "lib/src/mine/__init__.py"
    module.write_text("x = 1\n")
    site.install("mine", "0.1", modules="__editable__")
    url = {"url": f"file://{tmp_path}/lib", "dir_info": {"editable": True}}
    (site.folder / "mine-0.1.dist-info/direct_url.json").write_text(json.dumps(url))
    (tmp_path / "use.py").write_text("import mine\n")
    before = used(tmp_path, "use.py")["mine"]
    module.write_text("x = 2\n")
    assert used(tmp_path, "use.py")["mine"] != before


def test_an_environment_that_looks_into_the_systems_packages_counts_those(tmp_path: Path, site: Site):
    system = tmp_path / "usr/lib/python3/dist-packages"
    system.mkdir(parents=True)
    other = Site.__new__(Site)
    other.folder = system
    other.install("scipy", "1.0")
    (tmp_path / "env/pyvenv.cfg").write_text(f"home = {tmp_path}/usr/bin\ninclude-system-site-packages = true\nversion = 3.11.2\n")
    (tmp_path / "use.py").write_text("import scipy\n")
    assert used(tmp_path, "use.py").keys() == {"scipy"}


def test_the_version_of_python_counts(tmp_path: Path, site: Site):
    assert environment(tmp_path).counted(action("python x.py"))["tool:python"] == "3.11.2"
    (tmp_path / "env/pyvenv.cfg").write_text("home = /usr/bin\nversion_info = 3.12.1.final.0\n")
    assert environment(tmp_path).counted(action("cd a && python x.py"))["tool:python"] == "3.12.1"


@pytest.mark.parametrize("text", [b"\xff\xfe", b"def", b"import a\0b"])
def test_what_is_no_python_imports_nothing(tmp_path: Path, text: bytes):
    (tmp_path / "x.py").write_bytes(text)
    assert imported(str(tmp_path / "x.py")) == frozenset()
    assert imported(str(tmp_path / "missing.py")) == frozenset()


def real_install(folder: Path, name: str, files: dict[str, str]) -> None:
    """Install files as an installer does: RECORD, with digests and sizes, is written last."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    rows = []
    for path, text in files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
        rows.append(f"{path},sha256={digest},{len(text)}")
    (info / "RECORD").write_text("\n".join((*rows, f"../../../bin/{name},sha256=of-a-place,9", f"{name}-1.0.dist-info/RECORD,,")) + "\n")


class TestInstalledFiles:
    """Files of packages: what was installed counts by its record, what was edited since by its content."""

    def fingerprint(self, tmp_path: Path) -> str | None:
        return environment(tmp_path).package("python", "solver")

    def test_an_edit_in_place_changes_the_fingerprint_and_taking_it_back_does_not(self, tmp_path: Path, site: Site):
        real_install(site.folder, "solver", {"solver/__init__.py": "x = 1\n"})
        before = self.fingerprint(tmp_path)
        later = (site.folder / "solver-1.0.dist-info/RECORD").stat().st_mtime_ns + 10**10
        for text, same in (("x = 2\n", False), ("x = 1\n", True), ("x = 1  # longer\n", False)):
            (site.folder / "solver/__init__.py").write_text(text)
            os.utime(site.folder / "solver/__init__.py", ns=(later, later))
            assert (self.fingerprint(tmp_path) == before) is same
        (site.folder / "solver/__init__.py").unlink()
        assert self.fingerprint(tmp_path) != before

    def test_the_place_of_an_environment_does_not_count(self, tmp_path: Path, site: Site):
        real_install(site.folder, "solver", {"solver/__init__.py": "x = 1\n"})
        before = self.fingerprint(tmp_path)
        record = site.folder / "solver-1.0.dist-info/RECORD"
        record.write_text(record.read_text().replace("of-a-place", "of-another-place"))
        assert self.fingerprint(tmp_path) == before

    def test_names_in_a_folder_of_packages_are_known_by_who_installed_them(self, tmp_path: Path, site: Site):
        real_install(site.folder, "solver", {"solver/__init__.py": "x = 1\n", "single.py": "y = 1\n"})
        (site.folder / "nobodys").mkdir()
        (site.folder / "nobodys" / "code.py").write_text("1")
        made = environment(tmp_path)
        found = {item.name for item in made.grouped(f"{site.folder}/", ["solver", "single.py", "nobodys", "solver-1.0.dist-info/METADATA"])}
        assert found == {"solver", "/nobodys", "solver:METADATA"}
        before = made.package("python", "/nobodys")
        (site.folder / "nobodys" / "code.py").write_text("2")
        assert environment(tmp_path).package("python", "/nobodys") != before

    def test_our_hook_among_the_packages_is_no_use_of_our_package(self, tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch):
        folder = str(site.folder)
        hook = f"{folder}/paperbuild/engine/tracing/hook"
        monkeypatch.setattr("paperbuild.engine.environment._HOOK", hook)
        around = environment(tmp_path).surroundings()
        sightings = Sightings(b"/p/", tuple(map(os.fsencode, around.dropped)), tuple(map(os.fsencode, around.grouped)))
        assert not any(sightings.matters(os.fsencode(path)) for path in (hook, f"{hook}/sitecustomize.py"))
        assert not sightings.groups[os.fsencode(f"{folder}/")]
        sightings.matters(os.fsencode(f"{folder}/paperbuild/mpl.py"))
        assert sightings.groups[os.fsencode(f"{folder}/")] == {b"paperbuild"}

    def test_a_module_that_was_looked_for_in_vain_counts_once_it_is_installed(self, tmp_path: Path, site: Site):
        (missing,) = environment(tmp_path).unfound({"solver", "json"})
        assert (missing.name, missing.fingerprint) == ("?solver", "absent")
        assert environment(tmp_path).package(missing.tool, missing.name) == "absent"
        real_install(site.folder, "solver", {"solver/__init__.py": "x = 1\n"})
        assert environment(tmp_path).package(missing.tool, missing.name) != "absent"


def test_a_sweep_reads_what_its_packages_hold_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    site = tmp_path / "env/lib/python3.11/site-packages"
    folder = site / "one-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "RECORD").write_text("one/__init__.py,sha256=x,1\n")
    (tmp_path / "env/bin").mkdir(parents=True)
    (tmp_path / "env/bin/python").symlink_to("/bin/true")
    (tmp_path / "cell.py").write_text("import one\n")
    read: list[str] = []
    monkeypatch.setattr(Distribution, "text", lambda self, file, text=Distribution.text: read.append(file) or text(self, file))
    made = environment(tmp_path)
    found = [made.packages(action(f"python cell.py {n}"), [f"{tmp_path}/cell.py"]) for n in range(5)]
    assert [[(tool, name) for tool, name, _ in packages] for packages in found] == [[("python", "one")]] * 5
    assert read.count("RECORD") <= 2  # which modules it has, and its fingerprint


def test_an_editable_package_has_the_modules_that_are_there_now(tmp_path: Path):
    folder = tmp_path / "env/lib/python3.11/site-packages/mine-1.0.dist-info"
    folder.mkdir(parents=True)
    source = tmp_path / "source"
    source.mkdir()
    (folder / "direct_url.json").write_text(json.dumps({"dir_info": {"editable": True}, "url": source.as_uri()}))
    (tmp_path / "env/bin").mkdir(parents=True)
    (tmp_path / "env/bin/python").symlink_to("/bin/true")
    (tmp_path / "cell.py").write_text("import late\n")
    made = environment(tmp_path)
    assert made.packages(action("python cell.py"), [f"{tmp_path}/cell.py"]) == ()
    (source / "late.py").write_text("")
    assert [name for _, name, _ in made.packages(action("python cell.py"), [f"{tmp_path}/cell.py"])] == ["mine"]
