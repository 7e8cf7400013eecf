"""What is asked of Slurm, and what its answers mean: without a Slurm."""

from __future__ import annotations

from paperbuild.clusters.slurm import PACK_S, SlurmSettings, packs, request
from paperbuild.engine.cluster import Parcel
from paperbuild.engine.graph import Resources
from paperbuild.engine.jobs import Job


def parcel(name: str, expected_s: float | None = None, resources: Resources = Resources()) -> Parcel:  # noqa: B008 - it is frozen
    return Parcel(f"/sent/{name}", Job(name, ":", "/bin/sh", "/project", (), "/log", None), resources, "1", expected_s)


def test_short_parcels_share_a_job_up_to_half_a_minute_and_others_have_one_of_their_own():
    short = [parcel(f"s{n}", 4.0) for n in range(20)]
    long = [parcel("unknown"), parcel("long", 60.0)]
    found = packs([*short, *long])
    assert [[one.job.action for one in pack] for pack in found[:2]] == [["unknown"], ["long"]]
    assert sorted(one.job.action for pack in found for one in pack) == sorted(one.job.action for one in [*short, *long])
    assert all(sum(one.expected_s or 0 for one in pack) <= PACK_S for pack in found[2:])
    assert len(found) == 2 + 3


def test_a_request_says_what_the_resources_say_and_the_executors_options_come_last():
    resources = Resources(2.5, 0.5, 3 * 2**30 + 1, 90, "gpu")
    settings = SlurmSettings("cluster", "short", "group", "high", ("--constraint=new",))
    words = [*request(settings, [[parcel("train[seed=1]", None, resources)], [parcel("train[seed=2]", None, resources)]])]
    assert "--job-name=paperbuild-train" in words
    assert {"--array=0-1", "--cpus-per-task=3", "--gres=gpu:1", "--mem=3073M", "--partition=gpu", "--account=group", "--qos=high"} <= {
        *words
    }
    assert "--time=4" in words  # the minutes of 90 s, and two more
    assert words[-1] == "--constraint=new"


def test_several_parcels_in_one_job_ask_for_the_time_of_one_since_they_are_short():
    resources = Resources(time_s=60)
    pack = [parcel("a", 1.0, resources), parcel("b", 1.0, resources), parcel("c", 1.0, resources)]
    assert "--time=3" in [*request(SlurmSettings("cluster"), [pack])]
