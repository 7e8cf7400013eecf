"""Where Dask is: a scheduler that others run, or a cluster of a class that the user names, which is made here and ends with the build."""

from __future__ import annotations

import concurrent.futures
import importlib
import threading
from collections.abc import Mapping
from typing import Any

import msgspec

from paperbuild.clusters import dask_faults as faults
from paperbuild.errors import BuildError

START_S = 600.0
"""How long a cluster and its workers may take to come: pods are scheduled, jobs wait in queues."""


class Lab(msgspec.Struct, frozen=True):
    """A ``scheduler`` that runs ("tcp://…"), or a ``cluster``, a class to make with ``arguments``; ``name`` is the executor's."""

    name: str
    scheduler: str = ""
    cluster: str = ""
    arguments: Mapping[str, object] = {}


def made_cluster(lab: Lab) -> Any:
    """Return a new cluster of the class that ``lab`` names.

    Raises:
        BuildError: there is no such class, or it could not be made, or not in time.
    """
    module, _, name = lab.cluster.rpartition(".")
    try:
        made_of = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise BuildError(faults.no_such_cluster(lab.name, lab.cluster, str(error))) from None
    future: concurrent.futures.Future[Any] = concurrent.futures.Future()

    def make() -> None:
        try:
            future.set_result(made_of(**lab.arguments))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=make, name="dask cluster", daemon=True).start()  # its constructor may wait for ever
    try:
        made = future.result(START_S)
    except TimeoutError:
        why = f"it was not there after {START_S:.0f} s"
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
    else:
        if isinstance(getattr(made, "scheduler_address", None), str):
            return made
        why = "it has no scheduler_address: is it one of Dask's clusters?"
    raise BuildError(faults.unmade_cluster(lab.name, lab.cluster, why))
