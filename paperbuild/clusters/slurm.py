"""Slurm, by its own commands: ``sbatch``, ``squeue``, ``scancel``. The only module here that starts processes.

What is handed in together is one array; parcels known to be short share a task of it. A handle is ``123_4`` (task 4 of the array 123), or
``123_4.1/3`` for the second of three parcels in that task. How far jobs are is asked with one ``squeue`` for all; accounting (``sacct``) is
not needed, which many clusters do not have. Commands, states and reasons: the manual pages sbatch(1), squeue(1), scancel(1) of Slurm 22.05.
"""

from __future__ import annotations

import math
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.cluster import OUTPOST, WORDS, Fate, Parcel
from paperbuild.engine.graph import Resources
from paperbuild.errors import BuildError
from paperbuild.phrases import duration_text, listed

SHORT_S = 10.0
"""Parcels that took no longer than this the last time share a job: to start one takes a cluster seconds."""

PACK_S = 30.0
"""How long the parcels that share a job take together, about."""

MOST_IN_ARRAY = 1000
"""Slurm's MaxArraySize is 1001 where nobody set it, and the highest number of a task one less."""

_MOST_NAMED = 200  # ids in one call of scancel
_MARGIN_MIN = 2
"""Beyond the limit of a parcel, which the outpost holds it to: so it says itself how that ended, also of the last of several that share a
job, which begins up to a minute after it."""
_BY_HAND = ("SQUEUE_", "SCANCEL_", "SBATCH_WAIT", "SBATCH_CLUSTERS")
_LIMIT_S = 90.0  # a busy slurmctld answers late; its own commands give up after some ten seconds
_END_S = 60.0

_GONE = {
    "COMPLETED": "its job ended",
    "FAILED": "its job failed",
    "TIMEOUT": "over the time limit of its job",
    "DEADLINE": "over the deadline of its job",
    "OUT_OF_MEMORY": "out of memory",
    "NODE_FAIL": "its node failed",
    "BOOT_FAIL": "its node did not start",
    "CANCELLED": "somebody cancelled its job",
    "PREEMPTED": "its job had to make way for another one",
    "REVOKED": "its job was taken to another cluster",
}
_RUNNING = frozenset({"RUNNING", "COMPLETING", "CONFIGURING", "STAGE_OUT", "SIGNALING", "SUSPENDED", "STOPPED", "RESIZING"})

_REASONS = {  # up to the first comma: after that some of them name nodes
    "None": "it has just been handed in",
    "Priority": "others are before it",
    "Resources": "no node is free",
    "Dependency": "it waits for another job",
    "JobHeldUser": "somebody holds it: scontrol release",
    "JobHeldAdmin": "an administrator holds it",
    "BeginTime": "it may not begin yet",
    "PartitionDown": "the partition is down",
    "PartitionInactive": "the partition takes no jobs",
    "PartitionNodeLimit": "it asks for more nodes than the partition has",
    "PartitionTimeLimit": "it asks for more time than the partition gives",
    "ReqNodeNotAvail": "the nodes that it could run on are not available",
    "Nodes required for job are DOWN": "the nodes for it are down, drained or reserved",
    "Licenses": "no licence is free",
    "JobArrayTaskLimit": "as many of its array run as may",
    "QOSMaxJobsPerUserLimit": "as many of your jobs run as may",
    "AssocMaxJobsLimit": "as many of your account's jobs run as may",
    "InvalidAccount": "its account is not valid",
    "InvalidQOS": "its QOS is not valid",
    "BadConstraints": "no node is as it asks for",
}

_AWAY = re.compile(
    r"Unable to contact slurm controller|load_jobs error: .*(?:timed out|connect)|Socket timed out|[Mm]unge|Zero Bytes|authentication error"
)
_UNBELIEVED = re.compile(r"[Mm]unge|Zero Bytes|authentication error|credential")
"""What Slurm's commands say where slurmctld does not believe who asks. Why not only its own log says."""

_REFUSALS = (
    (r"invalid partition", "there is no partition {partition}", "partition in [executor.{name}], or resources.partition; sinfo lists them"),
    (r"account", "the account {account} may not be used", "account in [executor.{name}]"),
    (r"qos", "the QOS {qos} may not be used", "qos in [executor.{name}]"),
    (r"gres|gpu", "no node gives {gpu}", "gpu in the resources, or the partition; sinfo -o '%P %G' lists what there is"),
    (r"memory specification", "no node gives {memory}", "mem in the resources, or the partition; sinfo -o '%P %m' lists MB"),
    (r"processors|cpu count", "no node gives {cpu:g} processors", "cpu in the resources, or the partition; sinfo -o '%P %c' lists them"),
    (r"time limit", "the partition does not give {time}", "time in the resources, or the partition; sinfo -o '%P %l' lists limits"),
    (r"node configuration|not available", "no node is what is asked for", "the resources, or the partition; sinfo -Nel lists nodes"),
    (r"array", "so many jobs are not taken at once", "most in [executor.{name}]: scontrol show config has MaxArraySize"),
    (r"option|invalid", "sbatch does not understand an option", "options in [executor.{name}]: {options}"),
)
"""What sbatch complains of, what that means, and what mends it; the first that fits counts."""


class SlurmSettings(msgspec.Struct, frozen=True):
    """What the manifest says of a cluster called ``name``. ``python`` is one that its nodes have too, "" for the one that runs this."""

    name: str
    partition: str = ""
    account: str = ""
    qos: str = ""
    options: tuple[str, ...] = ()
    python: str = ""


class Slurm:
    """:class:`paperbuild.engine.cluster.Cluster` of a Slurm that this machine can submit to."""

    def __init__(self, settings: SlurmSettings, program: Sequence[str] = OUTPOST) -> None:
        self._settings = settings
        self._program = tuple(program)

    def submit(self, parcels: Sequence[Parcel]) -> tuple[str, ...]:
        """See the port. All ask for the same resources."""
        tasks = packs(parcels)
        handles: dict[str, str] = {}
        try:
            for first in range(0, len(tasks), MOST_IN_ARRAY):
                some = tasks[first : first + MOST_IN_ARRAY]
                array = self._submit_array(some)
                for n, pack in enumerate(some):
                    for part, parcel in enumerate(pack):
                        handles[parcel.folder] = f"{array}_{n}" + (f".{part}/{len(pack)}" if len(pack) > 1 else "")
        except BuildError:
            self.cancel(tuple(handles.values()))
            raise
        return tuple(handles[parcel.folder] for parcel in parcels)

    def _submit_array(self, tasks: Sequence[Sequence[Parcel]]) -> str:
        """Hand in ``tasks`` as one array; return its number."""
        first = tasks[0][0]
        words = ["sbatch", *request(self._settings, tasks)]
        script = self._script(tasks)
        done = self._run(words, script)
        last = done.stdout.strip().rpartition("\n")[2]  # a site's own sbatch may say more before
        if done.returncode == 0 and (number := last.partition(";")[0]).isdecimal():
            return number
        raise BuildError(self._refusal(done.stderr or done.stdout, first.resources, listed(_targets(tasks))))

    def _script(self, tasks: Sequence[Sequence[Parcel]]) -> str:
        python = shlex.quote(self._settings.python or sys.executable)
        cases = [f"{n}) set -- {' '.join(shlex.quote(parcel.folder) for parcel in pack)} ;;" for n, pack in enumerate(tasks)]
        words = [f'exec >> "$1/{WORDS}" 2>&1'] if _sees_folders(tasks) else []
        lines = ["#!/bin/sh", 'case "$SLURM_ARRAY_TASK_ID" in', *cases, "esac", *words]
        return "\n".join((*lines, f'exec {python} {shlex.join(self._program)} "$@"', ""))

    def look(self, handles: Sequence[str]) -> Mapping[str, Fate]:
        """See the port."""
        arrays = sorted({handle.partition("_")[0] for handle in handles})
        words = ["squeue", "--noheader", "--array", "--states=all", "--format=%i|%T|%r", f"--jobs={','.join(arrays)}"]
        done = self._run(words)
        if done.returncode != 0 and "Invalid job id" not in done.stderr:
            raise BuildError(self._silence(done.stderr))
        told = dict(_told(done.stdout.splitlines()))
        gone = Fate("gone", "Slurm does not know its job any more")
        return {handle: told.get(_task(handle), gone) for handle in handles}

    def cancel(self, handles: Sequence[str]) -> None:
        """See the port. A task that others share is left alone where not all of them are named: its outpost hears of it otherwise."""
        parts: dict[str, list[str]] = {}
        for handle in handles:
            parts.setdefault(_task(handle), []).append(handle)
        whole = [task for task, found in parts.items() if len(found) >= int(found[0].partition("/")[2] or 1)]
        for n in range(0, len(whole), _MOST_NAMED):
            done = self._run(["scancel", *whole[n : n + _MOST_NAMED]])
            if done.returncode != 0 and _AWAY.search(done.stderr):
                raise BuildError(self._silence(done.stderr))
        deadline_s, pause_s, left = time.monotonic() + _END_S, 0.1, whole
        while left and time.monotonic() < deadline_s:
            fates = self.look(left)
            left = [task for task in left if fates[task].state != "gone"]
            if left:
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, 2.0)

    def halt(self) -> None:
        """See the port. It waits for nothing."""

    def close(self) -> None:
        """See the port."""

    def _run(self, words: Sequence[str], given: str = "") -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                words, input=given, capture_output=True, text=True, errors="replace", timeout=_LIMIT_S, check=False, env=_environment()
            )  # fmt: skip
        except FileNotFoundError:
            message = f"the executor {self._settings.name} is Slurm, and there is no {words[0]} here"
            mend = ("run it on a machine that can submit jobs", "or on this one: --on local")
            raise BuildError(Diagnostic("PB705", message, help=mend)) from None
        except subprocess.TimeoutExpired:
            raise BuildError(self._silence(f"{words[0]} took longer than {_LIMIT_S:g} s")) from None

    def _silence(self, told: str) -> Diagnostic:
        mend: tuple[str, ...] = ("what runs there goes on, and the next build finds it", "is slurmctld up? scontrol ping")
        if _UNBELIEVED.search(told):
            why = "does it believe this machine? The clock here must be right to a few minutes, and munge's key the cluster's"
            mend = (*mend, f"{why}: munge -n | ssh NODE unmunge")
        return Diagnostic("PB700", f"Slurm, the executor {self._settings.name}, does not answer", notes=_lines(told), help=mend)

    def _refusal(self, told: str, resources: Resources, targets: str) -> Diagnostic:
        if _AWAY.search(told):
            return self._silence(told)
        settings = self._settings
        facts = {
            "name": settings.name,
            "partition": resources.partition or settings.partition or "by default",
            "account": settings.account or "that is yours",
            "qos": settings.qos or "that is yours",
            "options": " ".join(settings.options) or "there are none",
            "cpu": resources.cpu,
            "gpu": f"{resources.gpu:g} GPU{'' if resources.gpu == 1 else 's'}",
            "memory": f"{_memory_text(resources.memory_bytes)} of memory",
            "time": duration_text(60 * _minutes(resources.time_s or 0)),
        }
        for pattern, message, mend in _REFUSALS:
            if re.search(pattern, told, re.IGNORECASE):
                what = f"Slurm refuses {targets}: {message.format(**facts)}"
                return Diagnostic("PB706", what, notes=_lines(told), help=(f"mend {mend.format(**facts)}",))
        return Diagnostic("PB706", f"Slurm refuses {targets}", notes=_lines(told), help=(f"is [executor.{settings.name}] right?",))


def _environment() -> dict[str, str]:
    """Return what Slurm's commands are given: what a user has set for calls by hand would hide jobs of ours, or wait for their end."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_BY_HAND)}


def request(settings: SlurmSettings, tasks: Sequence[Sequence[Parcel]]) -> Iterator[str]:
    """Yield the options of sbatch for an array of ``tasks``, each some parcels that run one after the other."""
    first = tasks[0][0]
    resources = first.resources
    targets = _targets(tasks)
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", targets[0]) if len(targets) == 1 else f"{len(targets)} targets".replace(" ", "-")
    yield from ("--parsable", f"--job-name=paperbuild-{name}", f"--array=0-{len(tasks) - 1}", "--nodes=1", "--ntasks=1", "--no-requeue")
    yield f"--chdir={first.job.folder if _sees_folders(tasks) else '/'}"
    yield from ("--output=/dev/null", "--error=/dev/null", "--input=/dev/null")
    yield f"--cpus-per-task={max(1, math.ceil(resources.cpu))}"
    if resources.memory_bytes:
        yield f"--mem={math.ceil(resources.memory_bytes / 2**20)}M"
    if resources.gpu:
        yield f"--gres=gpu:{math.ceil(resources.gpu)}"
    if resources.time_s is not None:
        yield f"--time={_minutes(resources.time_s)}"
    for key, value in (("partition", resources.partition or settings.partition), ("account", settings.account), ("qos", settings.qos)):
        if value:
            yield f"--{key}={value}"
    yield from settings.options


def _targets(tasks: Sequence[Sequence[Parcel]]) -> tuple[str, ...]:
    return tuple(sorted({parcel.job.action.partition("[")[0] for pack in tasks for parcel in pack}))


def _sees_folders(tasks: Sequence[Sequence[Parcel]]) -> bool:
    """Return whether parcels are folders, and not texts that say where in a store they lie."""
    return tasks[0][0].folder.startswith("/")


def packs(parcels: Sequence[Parcel]) -> list[list[Parcel]]:
    """Return ``parcels`` in groups, each to be run one after the other in one job: short ones together, others alone."""
    short = [parcel for parcel in parcels if parcel.expected_s is not None and parcel.expected_s <= SHORT_S]
    found = [[parcel] for parcel in parcels if parcel.expected_s is None or parcel.expected_s > SHORT_S]
    taken_s = math.inf
    for parcel in short:
        assert parcel.expected_s is not None
        if taken_s + parcel.expected_s > PACK_S:
            found.append([])
            taken_s = 0.0
        found[-1].append(parcel)
        taken_s += parcel.expected_s
    return found


def _memory_text(size_bytes: float) -> str:
    return f"{size_bytes / 2**30:g} GiB" if size_bytes >= 2**30 else f"{math.ceil(size_bytes / 2**20)} MiB"


def _minutes(seconds: float) -> int:
    return math.ceil(seconds / 60) + _MARGIN_MIN


def _told(lines: Iterable[str]) -> Iterator[tuple[str, Fate]]:
    """Yield each task with its fate from what squeue prints."""
    for line in lines:
        task, _, rest = line.strip().partition("|")
        state, _, reason = rest.partition("|")
        if state == "PENDING":
            yield task, Fate("waiting", _REASONS.get(reason.partition(",")[0], reason))
        elif state in _RUNNING:
            yield task, Fate("running")
        elif state.startswith("REQUEUE") or state == "SPECIAL_EXIT":
            yield task, Fate("gone", "Slurm wanted to run it once more")
        elif state:
            yield task, Fate("gone", _GONE.get(state, state.lower()))


def _task(handle: str) -> str:
    return handle.partition(".")[0]


def _lines(told: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in told.splitlines() if line.strip())[-4:]
