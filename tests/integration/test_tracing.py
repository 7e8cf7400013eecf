"""What supervisors see of real commands: every language, children, static programs, and what must not be taken for an input."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from paperbuild.engine.jobs import Ended, Job, Seen, Watch
from paperbuild.engine.process import MARK, LocalExecutor
from paperbuild.engine.tracing import calls, frames, spawner
from paperbuild.engine.tracing.executor import TracingExecutor
from paperbuild.engine.tracing.sightings import ASKED, LINK, LISTED, RAN, READ, SOUGHT, UPDATES, WROTE
from paperbuild.errors import BuildError

PYTHON = shlex.quote(sys.executable)
HOOK = str(Path(sys.modules[TracingExecutor.__module__].__file__ or "").parent / "hook")
SITE = sysconfig.get_path("purelib")
DROPPED = ("/proc/", "/sys/", "/dev/", "/usr/", "/lib", "/etc/", "/bin/", "/sbin/", "/tmp/", "/var/tmp/", sys.base_prefix + "/")


@pytest.fixture(scope="module")
def executor() -> Iterator[TracingExecutor]:
    made = TracingExecutor(LocalExecutor())
    yield made
    made.close()


Run = Callable[..., Ended]


@pytest.fixture
def run(executor: TracingExecutor, tmp_path: Path) -> Run:
    """Return a function that runs a line of shell in the test's folder."""

    def run(line: str, *, shell: str = "/bin/sh", time_s: float | None = 120.0, unsettled: tuple[str, ...] = (), **variables: str) -> Ended:
        environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", MARK: "x", **variables}
        watch = Watch(f"{tmp_path}/", DROPPED, (f"{SITE}/",), tuple(f"{tmp_path}/{path}" for path in unsettled))
        job = Job("t", line, shell, str(tmp_path), tuple(environment.items()), str(tmp_path / "log"), time_s, watch)
        return executor.run(job, lambda group, identity: None)

    return run


def seen_by(ended: Ended) -> Seen:
    assert ended.seen is not None
    assert ended.seen.blind == ""
    return ended.seen


def bits(ended: Ended, folder: Path) -> dict[str, int]:
    """Return what was done with each path in ``folder``."""
    return {
        os.path.relpath(sighting.path, folder): sighting.bits
        for sighting in seen_by(ended).sightings
        if sighting.path.startswith(str(folder)) and sighting.path != f"{folder}/log"
    }


def test_reads_misses_listings_and_writes_of_a_shell_are_told_apart(run: Run, tmp_path: Path):
    (tmp_path / "in").write_text("x")
    (tmp_path / "data").mkdir()
    ended = run("cat in > out; ls data > /dev/null; [ -e config ] || cat out > again; mkdir new; echo > new/one; cat new/one")
    assert ended.status == 0
    found = bits(ended, tmp_path)
    assert found["in"] & READ
    assert found["data"] & LISTED
    assert found["config"] == ASKED
    assert found["out"] == WROTE
    assert found["again"] == WROTE
    assert found["new/one"] == WROTE, "what is in a folder that the command made is its own, and was never read"


def test_the_state_is_that_before_the_command_changed_anything(run: Run, tmp_path: Path):
    (tmp_path / "kept").write_text("abc")
    ended = run("cat kept > /dev/null; echo more >> kept; cat kept; touch fresh; rm fresh; cat fresh")
    states = {os.path.basename(s.path): (s.bits, s.state) for s in seen_by(ended).sightings}
    bits_of_kept, state = states["kept"]
    assert bits_of_kept == READ | WROTE
    assert state is not None
    assert state[:2] == ("file", 3)
    assert states["fresh"][1] is None


def test_a_folder_that_is_missed_and_then_made_with_the_one_around_it_is_the_commands_own(run: Run, tmp_path: Path):
    ended = run("[ -e new/sub ] || mkdir -p new/sub")
    assert bits(ended, tmp_path)["new/sub"] & (ASKED | WROTE) == ASKED | WROTE


def test_what_is_opened_to_be_changed_is_told_from_what_was_read_before(run: Run, tmp_path: Path):
    for name in ("base", "journal", "both", "raw"):
        (tmp_path / name).write_text("abc")
    ended = run("cat base > /dev/null; : 1<>base; echo >> journal; cat both > /dev/null; echo >> both; mv raw moved")
    found = bits(ended, tmp_path)
    assert found["base"] == READ | WROTE | UPDATES
    assert found["journal"] == WROTE
    assert found["both"] == READ | WROTE
    assert found["raw"] & (READ | WROTE | UPDATES) == READ | WROTE


def test_what_a_file_held_counts_once_it_is_read_after_something_was_added_to_it(run: Run, tmp_path: Path):
    names = ("read", "moved", "opened", "emptied", "only")
    for name in names:
        (tmp_path / name).write_text("old")
    ended = run(f"for f in {' '.join(names)}; do echo >> $f; done; cat read; mv moved away; : 1<>opened; : > emptied; cat emptied")
    found = bits(ended, tmp_path)
    for name in ("read", "moved", "opened"):
        assert found[name] & (READ | WROTE) == READ | WROTE, name
    assert found["emptied"] == found["only"] == WROTE


def test_children_and_grandchildren_in_subshells_and_sessions_are_watched(run: Run, tmp_path: Path):
    for name in ("one", "two", "three"):
        (tmp_path / name).write_text(name)
    ended = run("(cat one | (cat; cat two)) > /dev/null; setsid sh -c 'cat three > /dev/null; exit 0'")
    assert {name for name, done in bits(ended, tmp_path).items() if done & READ} == {"one", "two", "three"}


@pytest.mark.skipif(shutil.which("cc") is None and shutil.which("gcc") is None, reason="no C compiler is installed")
def test_a_static_program_is_watched(run: Run, tmp_path: Path):
    (tmp_path / "reader.c").write_text(
        '#include <stdio.h>\nint main(void) { FILE *f = fopen("data.bin", "rb"); return f ? getc(f) != 7 : 2; }\n'
    )
    (tmp_path / "data.bin").write_bytes(b"\x07")
    subprocess.run([shutil.which("cc") or "gcc", "-static", "-o", "reader", "reader.c"], cwd=tmp_path, check=True)
    ended = run("./reader")
    assert ended.status == 0
    found = bits(ended, tmp_path)
    assert found["reader"] & RAN
    assert found["data.bin"] & READ


CODE_OF_32_BITS = {
    # i386: open("data", O_RDONLY); exit(result < 0). The four bytes of the path's place are left out.
    "x86_64": (3, bytes.fromhex("b805000000 bb"), bytes.fromhex("31c9 cd80 89c3 c1eb1f b801000000 cd80")),
    # ARM: the same
    "aarch64": (40, bytes.fromhex("0570a0e3 10009fe5 0010a0e3 000000ef a00fa0e1 0170a0e3 000000ef"), b""),
}


def program_of_32_bits(path: Path) -> None:
    """Write the smallest ELF file that opens ``data``, for the 32-bit kin of this machine: nothing need be installed that makes one."""
    machine, before, after = CODE_OF_32_BITS[os.uname().machine]
    base, start = 0x10000, 52 + 32  # after the header of the file and that of its only segment
    place = base + start + len(before) + 4 + len(after)
    content = before + struct.pack("<I", place) + after + b"data\0"
    flags = 0x05000000 if machine == 40 else 0  # which calling convention: EF_ARM_EABI_VER5
    header = b"\x7fELF\x01\x01\x01" + bytes(9)
    header += struct.pack("<HHIIIIIHHHHHH", 2, machine, 1, base + start, 52, 0, flags, 52, 32, 1, 0, 0, 0)
    header += struct.pack("<8I", 1, 0, base, base, start + len(content), start + len(content), 5, 0x1000)
    path.write_bytes(header + content)
    path.chmod(0o755)


def test_a_program_of_32_bits_runs_and_is_known_not_to_be_watched(run: Run, tmp_path: Path):
    program_of_32_bits(tmp_path / "old")
    (tmp_path / "data").write_text("x")
    try:
        subprocess.run([tmp_path / "old"], cwd=tmp_path, check=True)
    except OSError:
        pytest.skip("this kernel runs no programs of 32 bits")
    ended = run("cat data; ./old && ! (cd / && exec $OLDPWD/old) && cat data")
    assert ended.status == 0
    assert ended.seen is not None
    assert ended.seen.blind == f"{tmp_path}/old makes system calls of another kind of machine, as 32-bit programs do"


@pytest.mark.skipif(os.uname().machine != "aarch64", reason="only arm64 lets pointers carry a tag")
def test_paths_at_tagged_addresses_are_read(run: Run, tmp_path: Path):
    script = """
import ctypes
libc = ctypes.CDLL(None)
assert libc.prctl(55, 1, 0, 0, 0) == 0  # PR_SET_TAGGED_ADDR_CTRL, PR_TAGGED_ADDR_ENABLE
path = ctypes.create_string_buffer(b"data")
assert libc.open(ctypes.c_void_p(ctypes.addressof(path) | 0x5A << 56), 0) >= 0
"""
    (tmp_path / "script.py").write_text(script)
    (tmp_path / "data").write_text("x")
    ended = run(f"{PYTHON} -I script.py")
    assert ended.status == 0, (tmp_path / "log").read_text()
    assert bits(ended, tmp_path)["data"] & READ


LIBRARIES = {
    "h5py": ("import h5py; h5py.File('d', 'w')['x'] = [1]", "import h5py; assert h5py.File('d', 'r')['x'][0] == 1"),
    "pyarrow": (
        "import pyarrow as pa, pyarrow.parquet as p; p.write_table(pa.table({'x': [1]}), 'd')",
        "import pyarrow.parquet as p; assert p.read_table('d').num_rows == 1",
    ),
    "ctypes": (
        "open('d', 'w').write('x')",
        "import ctypes; c = ctypes.CDLL(None); c.fopen.restype = ctypes.c_void_p; assert c.fopen(b'd', b'r')",
    ),
}


@pytest.mark.parametrize("name", LIBRARIES)
def test_reads_by_libraries_below_python_are_seen(run: Run, tmp_path: Path, name: str):
    write, read = LIBRARIES[name]
    subprocess.run([sys.executable, "-c", write], cwd=tmp_path, check=True)
    ended = run(f'{PYTHON} -c "{read}"')
    assert ended.status == 0, (tmp_path / "log").read_text()
    assert bits(ended, tmp_path)["d"] & READ


def test_the_packages_of_an_environment_are_told_by_name(run: Run):
    groups = dict(seen_by(run(f"{PYTHON} -c 'import msgspec'")).groups)
    assert "msgspec" in groups[f"{SITE}/"]


def test_paths_that_cross_a_page_of_memory_or_end_with_one_are_read_whole(run: Run, tmp_path: Path):
    script = """
import ctypes, mmap
libc = ctypes.CDLL(None)
size = mmap.PAGESIZE
pages = mmap.mmap(-1, 3 * size)
start = ctypes.addressof(ctypes.c_char.from_buffer(pages))
libc.mprotect(ctypes.c_void_p(start + 2 * size), size, 0)
for path, end in ((b"last-byte", 2 * size), (b"last-but-one", 2 * size - 1), (b"across", size + 3), (b"first-page", size)):
    pages[end - len(path) - 1 : end] = path + b"\\0"
    libc.open(ctypes.c_void_p(start + end - len(path) - 1), 0)
"""
    (tmp_path / "script.py").write_text(script.replace("\\\\", "\\"))
    found = bits(run(f"{PYTHON} -I script.py"), tmp_path)
    assert {"last-byte", "last-but-one", "across", "first-page"} <= found.keys()


def test_the_longest_paths_are_read_whole(run: Run, tmp_path: Path):
    folder = "/".join(["f" * 200] * 15)
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / "data").write_text("x")
    assert bits(run(f"cat {folder}/data"), tmp_path)[f"{folder}/data"] & READ


def test_relative_paths_are_those_of_the_folder_they_are_asked_in(run: Run, tmp_path: Path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "in").write_text("x")
    (tmp_path / "a" / "link").symlink_to("b")
    ended = run("cd a/b && cat ./in ../b//in > /dev/null; cd .. && cat link/../b/in; readlink link")
    found = bits(ended, tmp_path)
    assert found["a/b/in"] & READ
    assert not any(".." in name for name in found)
    assert dict(seen_by(ended).links)[f"{tmp_path}/a/link"] == "b"
    assert found["a/link"] & LINK


def test_two_path_calls_tell_both_paths(run: Run, tmp_path: Path):
    for name in ("old", "other", "third"):
        (tmp_path / name).write_text(name)
    found = bits(run("mv old new; ln other hard; ln -s third soft; cat new hard > /dev/null"), tmp_path)
    assert found["old"] & WROTE
    assert found["new"] & WROTE
    assert found["other"] & READ
    assert found["hard"] & WROTE
    assert found["soft"] & WROTE
    assert "third" not in found or not found["third"] & READ


def test_a_script_is_read_and_its_interpreter_executed(run: Run, tmp_path: Path):
    interpreter, script = tmp_path / "interpreter", tmp_path / "script"
    interpreter.write_text('#!/bin/sh\nexec sh "$@"\n')
    script.write_text(f"#!{interpreter}\necho done\n")
    for path in (interpreter, script):
        path.chmod(0o755)
    found = bits(run("./script"), tmp_path)
    assert found["script"] & RAN
    assert found["interpreter"] & RAN


class TestPython:
    """What Python's import system does is no listing, and the names that it looks for are known."""

    def test_a_folder_that_is_only_searched_for_modules_is_not_listed(self, run: Run, tmp_path: Path):
        (tmp_path / "script.py").write_text("import helper, package.part\ntry:\n    import missing\nexcept ImportError:\n    pass\n")
        (tmp_path / "helper.py").write_text("")
        (tmp_path / "package").mkdir()
        (tmp_path / "package" / "__init__.py").write_text("")
        (tmp_path / "package" / "part.py").write_text("")
        ended = run(f"{PYTHON} script.py", PYTHONPATH=HOOK)
        found = bits(ended, tmp_path)
        assert found["."] & SOUGHT
        assert not found["."] & LISTED
        assert not found["package"] & LISTED
        assert found["helper.py"] & READ
        assert {"helper", "package.part", "missing"} <= set(seen_by(ended).sought)

    def test_a_folder_that_the_program_lists_itself_is(self, run: Run, tmp_path: Path):
        (tmp_path / "script.py").write_text("import glob, helper\nprint(glob.glob('*.csv'))\n")
        (tmp_path / "helper.py").write_text("")
        assert bits(run(f"{PYTHON} script.py", PYTHONPATH=HOOK), tmp_path)["."] & LISTED

    def test_a_search_beside_what_is_not_settled_touches_nothing(self, run: Run, tmp_path: Path):
        (tmp_path / "script.py").write_text("import helper\n")
        (tmp_path / "helper.py").write_text("")
        ended = run(f"{PYTHON} script.py", unsettled=("result.json",), PYTHONPATH=HOOK)
        assert (ended.status, seen_by(ended).touched) == (0, "")

    def test_a_search_path_of_the_projects_own_is_only_searched(self, run: Run, tmp_path: Path):
        (tmp_path / "src").mkdir()
        (tmp_path / "src" / "mine.py").write_text("")
        found = bits(run(f"{PYTHON} -c 'import mine'", PYTHONPATH=f"{HOOK}:{tmp_path}/src"), tmp_path)
        assert found["src"] & SOUGHT
        assert not found["src"] & LISTED

    def test_a_python_that_ignores_its_environment_counts_whole_folders(self, run: Run, tmp_path: Path):
        (tmp_path / "script.py").write_text("import sys; sys.path.insert(0, '.'); import helper\n")
        (tmp_path / "helper.py").write_text("")
        assert bits(run(f"{PYTHON} -I script.py", PYTHONPATH=HOOK), tmp_path)["."] & LISTED

    def test_the_projects_own_sitecustomize_is_loaded_too(self, run: Run, tmp_path: Path):
        (tmp_path / "src").mkdir()
        (tmp_path / "src" / "sitecustomize.py").write_text("print('mine')\n")
        ended = run(
            f"{PYTHON} -c 'import sitecustomize, sys; print(sitecustomize.__file__, sys.path)'", PYTHONPATH=f"{HOOK}:{tmp_path}/src"
        )
        told = (tmp_path / "log").read_text()
        assert ended.status == 0
        assert told.startswith(f"mine\n{tmp_path}/src/sitecustomize.py")
        assert HOOK not in told

    def test_an_error_in_the_projects_sitecustomize_is_told_as_python_tells_it(self, run: Run, tmp_path: Path):
        (tmp_path / "src").mkdir()
        (tmp_path / "src" / "sitecustomize.py").write_text("import nothing_like_this\n")
        run(f"{PYTHON} -c pass", PYTHONPATH=f"{HOOK}:{tmp_path}/src")
        assert "nothing_like_this" in (tmp_path / "log").read_text()


class TestSparing:
    """Pythons spare the supervisor what tells nothing, and nothing else."""

    def test_an_opening_is_told_unless_it_says_just_what_the_hook_says(self, run: Run, tmp_path: Path):
        for name in ("plain", "other", "spared"):
            (tmp_path / name).write_text("x")
        flags = {"plain": 0, "other": calls.SPARED_FLAGS | 1 << 26, "spared": calls.SPARED_FLAGS}
        script = f"import os\nfor name, flags in {flags}.items():\n    assert os.read(os.open(name, flags), 9) == b'x'\n"
        (tmp_path / "script.py").write_text(script)
        found = bits(run(f"{PYTHON} -I script.py"), tmp_path)
        assert {"plain", "other"} <= found.keys()
        assert "spared" not in found

    def test_modules_of_packages_are_looked_up_unseen_and_those_of_the_project_are_not(self, run: Run, tmp_path: Path):
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "__init__.py").write_text("from mine import part\n")
        (tmp_path / "mine" / "part.py").write_text("")
        (tmp_path / "script.py").write_text("import mine, msgspec, json, sys\nprint(sys.modules['sitecustomize']._SPARING._whole)\n")
        hook = Path(HOOK, "sitecustomize.py").read_text().replace("\n_give_way()\n", "\n")
        (tmp_path / "hook").mkdir()
        (tmp_path / "hook" / "sitecustomize.py").write_text(hook)
        ended = run(f"{PYTHON} script.py", PYTHONPATH=f"{tmp_path}/hook")
        assert f"'{SITE}/msgspec/'" in (tmp_path / "log").read_text()
        assert "msgspec" in dict(seen_by(ended).groups)[f"{SITE}/"]
        found = bits(ended, tmp_path)
        assert found["mine/__init__.py"] & READ
        assert found["mine/part.py"] & READ
        assert found["mine"] & SOUGHT

    def test_a_module_that_appears_in_an_environment_while_a_program_runs_is_found(self, run: Run, tmp_path: Path):
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
        script = (
            "import pathlib, subprocess, sys, sysconfig\nsite = pathlib.Path(sysconfig.get_path('purelib'))\n"
            "(site / 'package').mkdir()\n(site / 'package' / '__init__.py').write_text('')\nimport package\n"
            "try:\n    import package.later\nexcept ImportError:\n    pass\n"
            "(site / 'package' / 'later.py').write_text('x = 1')\nfrom package.later import x\nprint(x)\n"
        )
        (tmp_path / "script.py").write_text(script)
        assert run("venv/bin/python script.py", PYTHONPATH=HOOK).status == 0
        assert (tmp_path / "log").read_text() == "1\n"

    def test_names_that_were_looked_for_are_known_of_one_that_was_killed(self, run: Run, tmp_path: Path):
        (tmp_path / "script.py").write_text("import decimal, os\nos.kill(os.getpid(), 9)\n")
        ended = run(f"{PYTHON} script.py", PYTHONPATH=HOOK)
        assert ended.status == 128 + 9, "as the shell tells it"
        assert {"decimal", "encodings"} <= set(seen_by(ended).sought)

    def test_a_program_that_closes_what_it_does_not_know_writes_its_own_files_and_names_are_told_all_the_same(
        self, run: Run, tmp_path: Path
    ):
        script = (
            "import os\nos.closerange(3, 256)\nfiles = [open(f'own{n}', 'w') for n in range(9)]\nimport decimal\n"
            "for file in files:\n    file.write('x')\n"
        )
        (tmp_path / "script.py").write_text(script)
        ended = run(f"{PYTHON} script.py", PYTHONPATH=HOOK)
        assert {(tmp_path / f"own{n}").read_text() for n in range(9)} == {"x"}
        assert "decimal" in seen_by(ended).sought

    def test_the_names_of_one_command_are_not_those_of_the_next(self, run: Run):
        assert "colorsys" in seen_by(run(f"{PYTHON} -c 'import colorsys'", PYTHONPATH=HOOK)).sought
        assert "colorsys" not in seen_by(run(f"{PYTHON} -c pass", PYTHONPATH=HOOK)).sought


def sleeper(folder: Path) -> Job:
    environment = (("PATH", os.environ["PATH"]),)
    return Job("t", "sleep 30", "/bin/sh", str(folder), environment, str(folder / "log"), None, Watch(f"{folder}/", DROPPED))


class TestEnds:
    """How commands end that are watched."""

    def test_a_status_a_signal_and_a_missing_shell_are_told(self, run: Run, tmp_path: Path):
        assert run("exit 3").status == 3
        assert run("kill -9 $$").status == -9
        assert run("true", shell="/no/shell").status == 127
        assert "No such file" in (tmp_path / "log").read_text()

    def test_a_time_limit_ends_the_whole_tree(self, run: Run, tmp_path: Path):
        begin = time.monotonic()
        ended = run("setsid sleep 30 & sleep 30", time_s=0.3)
        assert ended.timed_out
        assert time.monotonic() - begin < 10
        assert not _running("sleep 30", tmp_path)

    def test_what_is_left_running_behind_a_command_is_ended_even_in_another_session(self, run: Run, tmp_path: Path):
        ended = run("setsid sh -c 'sleep 5; echo late > late' & exit 0")
        assert ended.status == 0
        time.sleep(0.1)
        assert not (tmp_path / "late").exists()
        assert not _running("sleep 5", tmp_path)

    def test_touching_what_is_not_settled_ends_it_at_once(self, run: Run, tmp_path: Path):
        begin = time.monotonic()
        ended = run("cat results/unmade.json; sleep 20", unsettled=("results/unmade.json",))
        assert seen_by(ended).touched == f"{tmp_path}/results/unmade.json"
        assert time.monotonic() - begin < 10
        assert seen_by(run("[ -e model/weights ]; sleep 20", unsettled=("model/",))).touched == f"{tmp_path}/model/weights"

    def test_cancelling_ends_what_runs(self, tmp_path: Path):
        executor = TracingExecutor(LocalExecutor())
        job = Job(
            "t",
            "sleep 30",
            "/bin/sh",
            str(tmp_path),
            (("PATH", os.environ["PATH"]),),
            str(tmp_path / "log"),
            None,
            Watch(f"{tmp_path}/", DROPPED),
        )
        threading.Timer(0.3, executor.cancel_all).start()
        begin = time.monotonic()
        assert executor.run(job, lambda group, identity: None).cancelled
        assert time.monotonic() - begin < 10
        executor.close()

    def test_closing_ends_what_runs_still(self, tmp_path: Path):
        executor = TracingExecutor(LocalExecutor())
        watch = Watch(f"{tmp_path}/", DROPPED)
        job = Job("t", "sleep 600", "/bin/sh", str(tmp_path), (("PATH", os.environ["PATH"]),), str(tmp_path / "log"), None, watch)
        ended: list[Ended] = []
        begun = threading.Event()
        run = threading.Thread(target=lambda: ended.append(executor.run(job, lambda group, identity: begun.set())), daemon=True)
        run.start()
        begun.wait(30)
        executor.close()  # by whoever was interrupted a second time while it cancelled
        run.join(60)
        assert [one.cancelled for one in ended] == [True]

    @pytest.mark.parametrize("above", [1, 2], ids=["what started it", "what watches it"])
    def test_when_what_is_beside_a_command_is_killed_the_job_fails_and_the_command_ends(self, tmp_path: Path, above: int):
        executor = TracingExecutor(LocalExecutor())

        def started(group: int, identity: str) -> None:
            threading.Timer(0.3, os.kill, (_parent(group, above), signal.SIGKILL)).start()

        with pytest.raises(BuildError, match="nobody knows what it read"):
            executor.run(sleeper(tmp_path), started)
        assert not _running("sleep 30", tmp_path)
        executor.close()

    def test_a_supervisor_that_is_killed_between_two_commands_is_replaced(self, tmp_path: Path):
        executor = TracingExecutor(LocalExecutor())
        job = msgspec.structs.replace(sleeper(tmp_path), line="echo done")
        supervisors: list[int] = []
        for _ in range(3):
            assert executor.run(job, lambda group, _: supervisors.append(_parent(group, 2))).status == 0
            assert (tmp_path / "log").read_text() == "done\n"
            if len(supervisors) == 2:
                os.kill(supervisors[-1], signal.SIGKILL)
                _gone(supervisors[-1])
        assert supervisors[0] == supervisors[1] != supervisors[2]
        executor.close()

    def test_a_command_of_a_dead_build_ends(self, tmp_path: Path):
        script = (
            "import os, sys\nfrom paperbuild.engine.jobs import Job, Watch\nfrom paperbuild.engine.process import LocalExecutor\n"
            "from paperbuild.engine.tracing.executor import TracingExecutor\n"
            "job = Job('t', 'echo begun; sleep 30', '/bin/sh', sys.argv[1], (('PATH', os.environ['PATH']),), sys.argv[1] + '/log', None,"
            " Watch(sys.argv[1] + '/'))\n"
            "TracingExecutor(LocalExecutor()).run(job, lambda group, identity: None)\n"
        )
        child = subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)], env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        )
        deadline = time.monotonic() + 10
        while not ((tmp_path / "log").exists() and "begun" in (tmp_path / "log").read_text()) and time.monotonic() < deadline:
            time.sleep(0.02)
        child.kill()
        child.wait()
        deadline = time.monotonic() + 5
        while _running("sleep 30", tmp_path) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not _running("sleep 30", tmp_path)

    def test_a_command_that_changes_its_view_of_the_file_system_is_not_vouched_for(self, run: Run):
        ended = run("unshare --mount true || unshare --user --mount true")
        assert ended.seen is not None
        assert "changes what it sees" in ended.seen.blind


class TestTurns:
    """One supervisor watches many commands, one after the other."""

    def test_commands_one_after_the_other_share_what_is_beside_them_and_nothing_else(self, tmp_path: Path):
        executor = TracingExecutor(LocalExecutor())
        (tmp_path / "in").write_text("x")
        (tmp_path / "below").mkdir()
        free = msgspec.structs.replace(sleeper(tmp_path), line="umask; pwd; nproc; exit 0")
        parents: list[tuple[int, int]] = []

        def run(job: Job) -> tuple[set[str], str]:
            ended = executor.run(job, lambda group, _: parents.append((_parent(group, 1), _parent(group, 2))))
            assert ended.status == 0
            return set(bits(ended, tmp_path)), (tmp_path / "log").read_text()

        seen, as_usual = run(free)
        assert seen == set()
        last = max(os.sched_getaffinity(0))
        narrow = {"umask": 0o027, "processors": (last,), "folder": f"{tmp_path}/below", "line": "umask; pwd; nproc; cat ../in"}
        assert run(msgspec.structs.replace(free, **narrow)) == ({"in"}, f"0027\n{tmp_path}/below\n1\nx")
        assert run(free) == (set(), as_usual)
        assert len(set(parents)) == 1
        executor.close()

    def test_each_command_is_a_group_and_shares_a_session_with_who_watches_it_alone(self, tmp_path: Path):
        executor = TracingExecutor(LocalExecutor())
        sessions: list[int] = []
        both = threading.Barrier(2)

        def started(group: int, _identity: str) -> None:
            assert os.getpgid(group) == group
            assert os.getsid(group) == os.getsid(_parent(group, 2)) == _parent(group, 2), "processors are shared out among sessions"
            sessions.append(os.getsid(group))
            both.wait(10)

        job = msgspec.structs.replace(sleeper(tmp_path), line="exit 0")
        beside = threading.Thread(target=executor.run, args=(msgspec.structs.replace(job, log=f"{tmp_path}/beside"), started))
        beside.start()
        executor.run(job, started)
        beside.join()
        executor.close()
        assert len({*sessions, os.getsid(0)}) == 3

    def test_commands_side_by_side_are_told_apart(self, tmp_path: Path):
        executor = TracingExecutor(LocalExecutor())
        found: dict[int, set[str]] = {}

        def run(n: int) -> None:
            watch = msgspec.structs.replace(
                sleeper(tmp_path), line=f"[ -e a{n} ]; sleep 0.1; [ -e b{n} ]; exit 0", log=f"{tmp_path}/log{n}"
            )
            for _ in range(2):
                found.setdefault(n, set()).update(bits(executor.run(watch, lambda _, __: None), tmp_path))

        threads = [threading.Thread(target=run, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == {n: {f"a{n}", f"b{n}"} for n in range(4)}
        executor.close()

    def test_what_was_ended_leaves_nothing_to_who_comes_next(self, run: Run):
        assert run("sleep 30", time_s=0.1).timed_out
        assert run("exit 4", time_s=0.001).status in {4, -15}
        assert run("exit 5").status == 5

    def test_a_command_that_cannot_be_started_is_an_error_and_the_next_one_runs(self, run: Run):
        with pytest.raises(OSError, match="cannot be started"):
            run("true", VARIABLE="a\0b")
        assert run("exit 6").status == 6

    def test_a_command_has_no_descriptors_but_its_own(self, run: Run, tmp_path: Path):
        with (tmp_path / "other").open("w") as other:
            os.set_inheritable(other.fileno(), True)
            assert run("exec ls -l /proc/self/fd").status == 0
        lines = (tmp_path / "log").read_text().splitlines()[1:]
        assert [line.split()[8] for line in lines] == ["0", "1", "2", "3"], "the last is the one by which ls reads the folder"
        assert lines[0].endswith("-> /dev/null")

    def test_a_shell_is_looked_for_as_programs_are_and_where_it_is_not_counts(self, run: Run, tmp_path: Path):
        (tmp_path / "bin").mkdir()
        ended = run("echo $0", shell="bash", PATH=f"{tmp_path}/bin:/usr/bin:/bin")
        assert (tmp_path / "log").read_text() == "bash\n"
        assert bits(ended, tmp_path)["bin/bash"] == ASKED

    def test_a_python_that_was_built_on_an_old_system_can_watch_too(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        spawn = os.posix_spawn

        def old(*arguments: object, **more: object) -> int:
            if "setsid" in more:
                raise NotImplementedError("posix_spawn: setsid unavailable on this platform")
            return spawn(*arguments, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(os, "posix_spawn", old)
        monkeypatch.delattr(os, "memfd_create")
        executor = TracingExecutor(LocalExecutor())
        sessions: list[int] = []
        job = msgspec.structs.replace(sleeper(tmp_path), line="[ -e probe ]; exit 0")
        assert bits(executor.run(job, lambda group, _: sessions.append(os.getsid(group))), tmp_path) == {"probe": ASKED}
        assert sessions[0] != os.getsid(0), "Ctrl-C at the terminal means the build alone"
        executor.close()
        monkeypatch.chdir(tmp_path)
        with (tmp_path / "log").open("wb") as log, Path(os.devnull).open("rb") as nothing:
            what = ("/bin/sh", "sh", "cut -d' ' -f5 /proc/$$/stat; echo $$", str(tmp_path), tuple(os.environ.items()), None, ())
            assert spawner._run(what, nothing.fileno(), log.fileno()) == (0, 0, "")
        group, process = (tmp_path / "log").read_text().split()
        assert group == process

    def test_what_watches_imports_next_to_nothing(self):
        program = "import sys; sys.path.append(sys.argv[1]); from paperbuild.engine.tracing import supervisor; print(*sys.modules)"
        top = str(Path(__file__).parents[2])
        found = subprocess.run([sys.executable, "-I", "-S", "-c", program, top], capture_output=True, text=True, check=True).stdout.split()
        assert not {"json", "re", "typing", "enum", "collections", "contextlib", "functools", "socket", "subprocess"} & set(found)


def test_a_log_whose_end_a_full_file_server_refuses_ends_nobody(monkeypatch: pytest.MonkeyPatch):
    def refuse(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.close", refuse)  # what close(2) tells on NFS
    frames.let_go(-1)


class TestInside:
    """A watched command may itself want to watch."""

    def test_where_memory_of_others_may_not_be_read_nobody_begins_to_watch(self):
        script = (
            "import ctypes, os\nfrom paperbuild.engine.tracing.spawner import Spawner\n"
            "if os.geteuid() == 0:\n    os.setresuid(65534, 65534, 65534)\n"
            "assert ctypes.CDLL(None).prctl(4, 0, 0, 0, 0) == 0\n"  # PR_SET_DUMPABLE: as if this were another user's
            "one = Spawner()\nprint(one.blind)\none.close()\n"
        )
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
        assert "memory of other processes may not be read" in found.stdout

    def test_a_build_within_a_build_is_told_that_it_cannot_watch(self, run: Run, tmp_path: Path):
        script = (
            "import os, sys\nfrom paperbuild.engine.jobs import Job, Watch\nfrom paperbuild.engine.process import LocalExecutor\n"
            "from paperbuild.engine.tracing.executor import TracingExecutor\n"
            "job = Job('t', 'echo inner', '/bin/sh', '.', (('PATH', os.environ['PATH']),), 'inner', None, Watch(os.getcwd() + '/'))\n"
            "ended = TracingExecutor(LocalExecutor()).run(job, lambda group, identity: None)\n"
            "print(ended.status, bool(ended.seen.blind))\n"
        )
        (tmp_path / "nested.py").write_text(script)
        ended = run(f"{PYTHON} nested.py", PYTHONPATH=str(Path(__file__).parents[2]))
        assert ended.status == 0, (tmp_path / "log").read_text()
        assert (tmp_path / "log").read_text() == "0 True\n"
        assert (tmp_path / "inner").read_text() == "inner\n"

    def test_what_pythons_tell_of_themselves_counts_where_nobody_watches(self, run: Run, tmp_path: Path):
        (tmp_path / "paperbuild.toml").write_text(
            '[paper]\nsource = "paper.md"\n[target.a]\nrun = "python a.py"\ninputs = ["a.py"]\noutputs = ["out.txt"]\n'
        )
        (tmp_path / "paper.md").write_text("# Paper\n")
        (tmp_path / "a.py").write_text("open('out.txt', 'w').write(open('data.txt').read())\n")
        (tmp_path / "data.txt").write_text("1")

        def build() -> str:
            variables = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(Path(__file__).parents[2])}
            ended = run(f"{PYTHON} -m paperbuild run a", **variables)
            log = (tmp_path / "log").read_text()
            assert ended.status == 0, log
            assert "PB417" in log or "up to date" in log
            return log

        build()
        assert "1 up to date" in build()
        (tmp_path / "data.txt").write_text("2")
        build()
        assert (tmp_path / "out.txt").read_text() == "2", "data.txt is declared nowhere, and a word of no command"
        assert "1 up to date" in build()
        assert not list(tmp_path.glob(".paperbuild/given/*/heard")), "what was told is read once"


def _parent(process: int, above: int) -> int:
    """Return the process that stands ``above`` steps above another."""
    for _ in range(above):
        process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    return process


def _gone(process: int) -> None:
    """Wait until a process that was killed lets go of what it had open."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return
        except OSError:
            return
        time.sleep(0.01)


def _running(words: str, folder: Path) -> bool:
    """Return whether a process with these words runs in ``folder``."""
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if line.strip() == words and os.readlink(process / "cwd") == str(folder):
                    return (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
            except OSError:
                continue
    return False
