"""The executors that a manifest declares, made for a workshop: only where there are any."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec.structs

from paperbuild.clusters.router import Router
from paperbuild.engine.cluster import Cluster
from paperbuild.engine.workshop import Workshop
from paperbuild.paper.declarations import ExecutorSpec


def with_executors(workshop: Workshop, specs: Sequence[ExecutorSpec]) -> Workshop:
    """Return ``workshop`` with an executor that sends jobs to what ``specs`` declare, too."""
    router = Router(workshop.executor, {spec.name: partial(_cluster, spec) for spec in specs})
    return msgspec.structs.replace(workshop, executor=router, most={spec.name: spec.most for spec in specs})


def _cluster(spec: ExecutorSpec) -> Cluster:
    if spec.kind == "dask":
        from paperbuild.clusters.dask import DaskCluster
        from paperbuild.clusters.dask_making import Lab

        return DaskCluster(Lab(spec.name, spec.scheduler, spec.cluster, dict(spec.arguments)))
    from paperbuild.clusters.slurm import Slurm, SlurmSettings

    return Slurm(SlurmSettings(spec.name, spec.partition, spec.account, spec.qos, spec.options, spec.python))
