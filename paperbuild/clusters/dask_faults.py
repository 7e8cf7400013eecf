"""What the user reads when Dask lacks something."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.util import find_spec

from paperbuild import __version__
from paperbuild.clusters.dask_line import NoAnswerError
from paperbuild.diagnostics import Diagnostic
from paperbuild.phrases import listed


def no_scheduler(name: str, where: str, silence: NoAnswerError) -> Diagnostic:
    """Return that the scheduler cannot be asked."""
    if silence.speaks_otherwise:
        help_ = ("is it the port of the scheduler, and not of its dashboard?", "the scheduler needs the same version of distributed")
        return Diagnostic("PB731", f"{where} of the executor {name} cannot be talked to", notes=(str(silence),), help=help_)
    reach = ("is it running, and can this machine reach it? `dask scheduler` starts one",)
    return Diagnostic("PB730", f"{where} of the executor {name} does not answer", notes=(str(silence),), help=reach)


def no_workers(name: str, where: str, waited_s: float) -> Diagnostic:
    """Return that nobody is there to run anything."""
    message = f"{where} of the executor {name} has no workers"
    return Diagnostic("PB732", message, notes=(f"none came within {waited_s:.0f} s",), help=("start some: `dask worker ADDRESS`",))


def of_workers(name: str, told: Mapping[str, object]) -> Diagnostic | None:
    """Return what is wrong with the workers that answered the probe with (Python's version, paperbuild's or "")."""
    without, skewed = [], []
    for address, answer in sorted(told.items()):
        match answer:
            case (str(python), str(version)) if version:
                if version != __version__ or _series(python) != _series(platform.python_version()):
                    skewed.append(f"{address}: paperbuild {version}, Python {python}")
            case (str(), ""):
                without.append(address)
            case _:
                without.append(f"{address}: {answer}")
    if without:
        help_ = (f"install it in the workers' environment: pip install paperbuild=={__version__}",)
        message = f"{_counted(without, told)} of the executor {name} {'has' if len(without) == 1 else 'have'} no paperbuild"
        return Diagnostic("PB733", message, help=help_, detail=tuple(without[:8]))
    if skewed:
        notes = (f"here is paperbuild {__version__}, Python {platform.python_version()}",)
        help_ = ("what a command is, and what is recorded of it, must mean the same at both ends: install the same versions",)
        message = f"{_counted(skewed, told)} of the executor {name} {'has' if len(skewed) == 1 else 'have'} another version"
        return Diagnostic("PB734", message, notes=notes, help=help_, detail=tuple(skewed[:8]))
    return None


def no_such_worker(name: str, action: str, asked: Mapping[str, float]) -> Diagnostic:
    """Return that no worker offers what an action needs."""
    needs = listed(tuple(f"{key} {value:g}" for key, value in asked.items()))
    offer = " ".join(f"{key}={value:g}" for key, value in asked.items())
    help_ = (f'workers say what they offer: dask worker … --resources "{offer}"',)
    return Diagnostic("PB735", f"no worker of the executor {name} offers what {action} needs: {needs}", help=help_)


def no_such_cluster(name: str, cluster: str, why: str) -> Diagnostic:
    """Return that the class of a cluster does not exist."""
    package = cluster.partition(".")[0]
    missing = (f"pip install {package.replace('_', '-')}",) if "." in cluster and find_spec(package or "?") is None else ()
    help_ = (*missing, 'it is written as "module.Class", such as "dask.distributed.LocalCluster"')
    return Diagnostic("PB736", f"the executor {name} has no cluster {cluster}", notes=(why,), help=help_)


def unmade_cluster(name: str, cluster: str, why: tuple[str, ...], what: str = "could not be made") -> Diagnostic:
    """Return that a cluster could not be made, or has no workers because none could be started."""
    help_ = (f"see arguments in [executor.{name}]",)
    return Diagnostic("PB737", f"the cluster {cluster} of the executor {name} {what}", notes=why, help=help_)


def not_installed(name: str) -> Diagnostic:
    """Return that what speaks with Dask is not installed."""
    return Diagnostic("PB738", f"the executor {name} needs distributed", help=('pip install "paperbuild[dask]"',))


def _series(version: str) -> tuple[str, ...]:
    return tuple(version.split(".")[:2])


def _counted(some: list[str], told: Mapping[str, object]) -> str:
    if len(told) == 1:
        return "the worker"
    return f"{len(some)} of {len(told)} workers"
