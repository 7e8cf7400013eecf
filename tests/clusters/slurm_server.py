"""A real Slurm on this machine's loopback, without systemd: munged with a key of its own, slurmctld and one slurmd, for tests.

Everything lies in one temporary folder and ends with it. Daemons run as root, which slurmd must; the node has more processors than the
machine. There is no accounting, so ``squeue`` and not ``sacct``.
``python -m tests.clusters.slurm_server`` starts one and keeps it until the end of its standard input.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.held_ports import held_port

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel")

_CONF = """\
ClusterName=papers
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld_port}
SlurmdPort={slurmd_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=100
EnforcePartLimits=ALL
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,bf_window=60,batch_sched_delay=0,sched_min_interval=20000,default_queue_depth=2000
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
MinJobAge={min_job_age}
KillWait=3
InactiveLimit=0
SlurmctldTimeout=30
SlurmdTimeout=30
MessageTimeout=10
SlurmdParameters=config_overrides
NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=64000 State=UNKNOWN
PartitionName=short Nodes={node} Default=YES MaxTime=60 State=UP
PartitionName=long Nodes={node} MaxTime=1440 State=UP
"""


def missing() -> str:
    """Return what keeps a Slurm from being started here; "" for nothing."""
    if os.geteuid() != 0:
        return "slurmd must be started by root"
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    return f"{', '.join(absent)} not installed (apt-get install slurm-wlm munge)" if absent else ""


class SlurmServer:
    """A cluster of one node. ``conf`` is what the variable SLURM_CONF must be for its commands."""

    def __init__(self, folder: Path, *, cpus: int = 48, min_job_age_s: int = 300) -> None:
        self.folder = folder
        self.conf = folder / "slurm.conf"
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        host = socket.gethostname().partition(".")[0]
        ports = (held_port(), held_port())
        for name in ("state", "spool"):
            (folder / name).mkdir()
        text = _CONF.format(
            host=host, node="n1", folder=folder, ctld_port=ports[0], slurmd_port=ports[1], cpus=cpus, min_job_age=min_job_age_s
        )  # fmt: skip
        self.conf.write_text(text)
        self.hasty_conf = folder / "hasty.conf"  # for commands that are not to wait long for a controller that is down
        self.hasty_conf.write_text(text.replace("MessageTimeout=10", "MessageTimeout=2"))
        key = folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead Slurm's commands here."""
        return {"SLURM_CONF": str(self.conf)}

    def start(self) -> None:
        """Start all of it, and wait until it takes jobs."""
        folder = self.folder
        words = ["munged", "--foreground", "--force", f"--key-file={folder}/munge.key", f"--socket={folder}/munge.socket"]
        words += [f"--pid-file={folder}/munged.pid", f"--log-file={folder}/munged.log", f"--seed-file={folder}/munge.seed"]
        words += ["--num-threads=2"]
        self._start("munged", words)
        self._await((folder / "munge.socket").exists, "munged")
        self.start_controller()
        self._start("slurmd", ["slurmd", "-D", "-N", "n1", "-f", str(self.conf)])
        self._await(self._is_idle, "slurmd")

    def believed_wrong(self, library: str, shift: str) -> Path:
        """Return a configuration for commands that sign by a clock that is ``shift`` off ("-1h"), by libfaketime, the ``library``."""
        folder = self.folder
        words = ["munged", "--foreground", "--force", f"--key-file={folder}/munge.key", f"--socket={folder}/late.socket"]
        words += [f"--pid-file={folder}/late.pid", f"--log-file={folder}/late.log", f"--seed-file={folder}/late.seed"]
        self._start("late", words, LD_PRELOAD=library, FAKETIME=shift, FAKETIME_DONT_FAKE_MONOTONIC="1", NO_FAKE_STAT="1")
        self._await((folder / "late.socket").exists, "late")
        conf = folder / "late.conf"
        conf.write_text(self.hasty_conf.read_text().replace(f"{folder}/munge.socket", f"{folder}/late.socket"))
        return conf

    def start_controller(self) -> None:
        """Start slurmctld; it finds the state that an earlier one left."""
        self._start("slurmctld", ["slurmctld", "-D", "-f", str(self.conf)])

    def stop_controller(self) -> None:
        """Stop slurmctld; jobs go on."""
        self._end(self._daemons.pop("slurmctld"))

    def await_controller(self) -> None:
        """Wait until slurmctld answers."""
        self._await(self._is_idle, "slurmctld")

    def run(self, *words: str) -> str:
        """Run one of Slurm's commands and return what it prints."""
        done = subprocess.run(words, env={**os.environ, **self.environment}, capture_output=True, text=True, check=True, timeout=30)
        return done.stdout

    def stop(self) -> None:
        """End all jobs and daemons."""
        with contextlib.suppress(subprocess.SubprocessError):
            if "slurmctld" in self._daemons:
                self.run("scancel", "--user=root", "--full")
        for name in ("slurmctld", "slurmd", "munged", "late"):
            if name in self._daemons:
                self._end(self._daemons.pop(name))

    def _is_idle(self) -> bool:
        try:
            return self.run("sinfo", "--noheader", "--format=%T").strip() in {"idle", "mixed", "allocated"}
        except subprocess.SubprocessError:
            return False

    def _start(self, name: str, words: list[str], **variables: str) -> None:
        environment = {**os.environ, **self.environment, **variables}
        with open(self.folder / f"{name}.out", "ab") as out:
            self._daemons[name] = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=environment, cwd="/", start_new_session=True
            )

    def _await(self, is_ready: Callable[[], bool], name: str) -> None:
        deadline_s = time.monotonic() + 30
        while not is_ready():
            if time.monotonic() > deadline_s or self._daemons[name].poll() is not None:
                told = "".join(
                    (self.folder / file).read_text()[-2000:] for file in (f"{name}.out", f"{name}.log") if (self.folder / file).exists()
                )
                self.stop()
                raise RuntimeError(f"{name} does not start:\n{told}")
            time.sleep(0.05)

    @staticmethod
    def _end(daemon: subprocess.Popen[bytes]) -> None:
        daemon.send_signal(signal.SIGTERM)
        try:
            daemon.wait(10)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()


@contextlib.contextmanager
def started(**options: int) -> Iterator[SlurmServer]:
    """Start a Slurm, and end it with all its jobs."""
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder:
        server = SlurmServer(Path(folder), **options)
        try:
            server.start()
            yield server
        finally:
            server.stop()


if __name__ == "__main__":
    with started() as server:
        sys.stdout.write(f"export SLURM_CONF={server.conf}\n")
        sys.stdout.flush()
        sys.stdin.read()
