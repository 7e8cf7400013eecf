"""The folder of a parcel, as whoever sent it reads and writes it: its log, its last words, and whether it may run still."""

from __future__ import annotations

import contextlib
import os
import shutil

from paperbuild.engine.cluster import BEGUN, ENDED, LOG, WORDS, files_in
from paperbuild.engine.jobs import Job


def last_word(folder: str) -> str:
    """Return the last line of what was said where not even an outpost could be started."""
    with contextlib.suppress(OSError), open(f"{folder}/{WORDS}", errors="replace", encoding="utf-8") as file:
        return next((line.strip() for line in reversed(file.read()[-4000:].splitlines()) if line.strip()), "")
    return ""


def may_run(folder: str) -> bool:
    """Return whether the job in ``folder`` began and has not said how it ended."""
    with contextlib.suppress(FileNotFoundError):
        names = files_in(folder)
        return BEGUN in names and ENDED not in names
    return False


def show_log(job: Job, folder: str) -> None:
    """Let the job's log be what grows in its folder, as long as it runs."""
    with contextlib.suppress(OSError):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(job.log)
        os.symlink(f"{folder}/{LOG}", job.log)


def keep_log(job: Job, folder: str) -> None:
    """Keep the log beyond its folder, which stays as it is: whoever dies now finds it once more."""
    new = f"{job.log}.new"
    with contextlib.suppress(OSError):
        try:
            os.link(f"{folder}/{LOG}", new)
        except FileNotFoundError:
            write_whole(new, b"")  # it never began
        except OSError:
            shutil.copyfile(f"{folder}/{LOG}", new)
        os.rename(new, job.log)


def remove(path: str) -> None:
    """Remove the file at ``path``, if it is there."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def write_whole(path: str, data: bytes) -> None:
    """Write ``data`` to ``path``, where it is there as a whole or not at all."""
    with open(f"{path}.new", "wb") as file:
        file.write(data)
    os.rename(f"{path}.new", path)
