"""Real faults at real system calls: whichever call fails or kills, nothing is wrong afterwards. By strace, where there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from paperbuild.events import Outcome
from tests.engine.disk import Project
from tests.integration.test_faults import ACTIONS, expected, no_output_is_wrong

TOP = Path(__file__).parents[2]
CHANGING = "fsync,fdatasync,rename,mkdir,rmdir,unlink,chmod,pwrite64,write,ftruncate"
"""Calls of a build that change the disk, in the numbers of any thread of it."""

CHILD = """
import sys
from pathlib import Path
from paperbuild.errors import PaperbuildError
from tests.engine.disk import Project
from tests.integration.test_faults import ACTIONS
project = Project(Path(sys.argv[1]), ACTIONS)
try:
    sys.exit(0 if project.build(keep_going=True).succeeded else 1)
except PaperbuildError as error:
    sys.exit(int(error.exit_code))
"""
QUICK = (1, 2, 3, 5, 8, 13, 21)


@pytest.fixture
def strace() -> str:
    found = shutil.which("strace")
    if found is None:
        if os.environ.get("PAPERBUILD_REQUIRE_STRACE"):
            pytest.fail("strace is required here")
        pytest.skip("there is no strace: real faults at real system calls are left out")
    return found


def injected(strace: str, project: Project, fault: str, n: int) -> tuple[int, str, bool]:
    """Build while the n-th changing call of each thread meets ``fault``; return status, what it printed, and whether any call did."""
    trace = project.root.parent / "trace"
    done = subprocess.run(
        [strace, "-f", "-qq", "-o", trace, "-e", f"trace={CHANGING}", "-e", f"inject={CHANGING}:{fault}:when={n}",
         sys.executable, "-c", CHILD, project.root],
        capture_output=True, text=True, check=False, timeout=60, env=os.environ | {"PYTHONPATH": str(TOP), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    text = trace.read_text(errors="replace")
    return done.returncode, done.stdout + done.stderr, "INJECTED" in text or "SIGKILL" in text


@pytest.mark.parametrize("fault", ["signal=KILL", "error=ENOSPC", "error=EIO"])
@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_whichever_call_fails_or_kills_the_next_build_is_right(strace: str, tmp_path: Path, fault: str, *, every: bool):
    for n in range(1, 400) if every else QUICK:
        project = Project(tmp_path / str(n) / "project", ACTIONS).write({"a": "1"})
        assert project.build().succeeded
        project.write({"a": "2"})
        status, printed, met = injected(strace, project, fault, n)
        assert "Traceback" not in printed, (n, printed)
        assert status in {0, 1, 2, -9}, (n, status, printed)
        if status == 0:
            assert project.tree() == expected("2"), n
        elif fault != "signal=KILL":
            no_output_is_wrong(project.tree(), "1", "2")
        assert project.build().succeeded, n
        assert project.tree() == expected("2"), n
        assert project.build().count(Outcome.RAN) == 0, n
        assert os.listdir(project.root / ".paperbuild/journal") == os.listdir(project.root / ".paperbuild/aside") == []
        if not met:
            return
    assert not every, "it never came through"
