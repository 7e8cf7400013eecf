from textwrap import dedent

import pytest
from msgspec.structs import asdict

from paperbuild.engine.graph import Resources
from paperbuild.paper.declarations import DocumentSpec, Manifest, TargetSpec
from paperbuild.paper.manifest import default_manifest, format_fault, parse_manifest
from paperbuild.paper.target_table import derived_names


def manifest(text: str, profile: str | None = None) -> Manifest:
    return parse_manifest(dedent(text).encode(), profile=profile)


def target(keys: str, profile: str | None = None) -> TargetSpec:
    head = '[target.train]\nrun = "python train.py"\n'
    if "outputs" not in keys:
        head += 'outputs = ["m.json"]\n'
    return manifest(head + dedent(keys), profile).targets[0]


def said(manifest: Manifest) -> dict[str, object]:
    """What a manifest says; where it says so is another matter."""
    return {name: value for name, value in asdict(manifest).items() if name != "text"}


def test_an_empty_manifest_declares_nothing() -> None:
    assert said(manifest("")) == said(Manifest())


def test_a_paper_is_a_document_named_after_its_source() -> None:
    (document,) = manifest('[paper]\nsource = "text/my paper.md"').documents
    assert (document.name, document.sources, document.formats) == ("my paper", ("text/my paper.md",), ("pdf", "html"))
    assert (document.template, document.options) == ("article", ())
    assert document.span is not None
    assert (document.span.line, document.span.column, document.span.length) == (1, 2, 5)


def test_several_documents_have_names_and_each_may_have_several_sources() -> None:
    found = manifest("""
        [document.thesis]
        source = ["intro.md", "./parts//end.md"]
        formats = ["html", "html"]
        [document.slides]
        source = "slides.md"
        template = "talk"
    """).documents
    assert [(d.name, d.sources, d.formats, d.template) for d in found] == [
        ("thesis", ("intro.md", "parts/end.md"), ("html",), "article"),
        ("slides", ("slides.md",), ("pdf", "html"), "talk"),
    ]


def test_the_options_of_a_document_are_sorted_and_only_those_that_are_set() -> None:
    (document,) = manifest("""
        [paper]
        source = "paper.md"
        toc = true
        columns = 2
        number-sections = false
        lang = "de"
        csl = "ieee.csl"
        bibliography = ["a.bib", "/data/b.bib"]
        options = { line-spacing = 1.5, draft = true }
    """).documents
    assert document.options == (
        ("bibliography", "a.bib\n/data/b.bib"),
        ("columns", 2),
        ("csl", "ieee.csl"),
        ("draft", True),
        ("lang", "de"),
        ("line-spacing", 1.5),
        ("number-sections", False),
        ("toc", True),
    )


def test_a_paper_without_a_manifest_has_one_all_the_same() -> None:
    declared = Manifest(documents=(DocumentSpec("paper.v2", ("some/paper.v2.md",)),))
    assert said(default_manifest("some/paper.v2.md")) == said(declared)


def test_a_target_has_defaults() -> None:
    found = target("")
    assert (found.command, found.inputs, found.needs, found.observe, found.heavy) == ("python train.py", None, (), "trace", False)
    assert (found.refresh_s, found.shell, found.resources, found.params, found.matrix) == (None, "/bin/sh", Resources(), (), ())


def test_every_key_of_a_target_is_read() -> None:
    found = target("""
        params = { lr = 0.1, name = "adam", steps = 10, fast = true }
        matrix = { seed = [0, 1], opt-b = ["x", "y"] }
        inputs = ["train.py", "data/", "src/*.py", "../shared/{name}.csv", "/data/set"]
        env = { OMP_NUM_THREADS = 1, MODE = "fast" }
        secrets = ["WANDB_KEY", "WANDB_KEY"]
        shell = "bash"
        observe = "strict"
        heavy = true
        refresh = "7d"
        resources = { cpu = 2, gpu = 0.5, mem = "2GiB", time = "10min" }
    """)
    assert found.params == (("lr", 0.1), ("name", "adam"), ("steps", 10), ("fast", True))
    assert [type(value) for _, value in found.params] == [float, str, int, bool]
    assert found.matrix == (("seed", (0, 1)), ("opt-b", ("x", "y")))
    assert found.parameter_names == ("lr", "name", "steps", "fast", "seed", "opt-b")
    assert found.inputs == ("train.py", "data/", "src/*.py", "../shared/{name}.csv", "/data/set")
    assert found.env == (("OMP_NUM_THREADS", "1"), ("MODE", "fast"))
    assert found.secrets == ("WANDB_KEY",)
    assert (found.shell, found.observe, found.heavy, found.refresh_s) == ("bash", "strict", True, 604800)
    assert found.resources == Resources(2, 0.5, 2 * 1024**3, 600)


def test_a_result_that_is_always_too_old_has_no_age() -> None:
    assert target('refresh = "always"').refresh_s == 0


def test_no_declared_inputs_differ_from_an_empty_list() -> None:
    assert target("").inputs is None
    assert target("inputs = []").inputs == ()


def test_outputs_in_a_table_keep_their_names() -> None:
    found = target('outputs = { model = "m.npz", big = { path = "data/zarr/", store = false }, log = { path = "l.txt" } }')
    assert [(o.name, o.path, o.stored) for o in found.outputs] == [
        ("model", "m.npz", True),
        ("big", "data/zarr/", False),
        ("log", "l.txt", True),
    ]


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["figures/curves.svg"], ["curves"]),
        (["a/loss.csv", "b/loss.svg", "roc.svg"], ["loss_csv", "loss_svg", "roc"]),
        (["a/loss.csv", "b/loss.csv"], ["loss_csv", "loss_csv_2"]),
        (["loss-{seed}.csv", "{seed}/model.tar.gz"], ["loss", "model_tar"]),
        (["ckpt/", "2024 results.json", "1.txt"], ["ckpt", "results", "output"]),
        (["params.json", "where", "a-b.x", "a_b.y"], ["params_json", "where_output", "a-b_x", "a_b_y"]),
    ],
)
def test_outputs_in_a_list_are_named_after_their_files(paths: list[str], names: list[str]) -> None:
    assert derived_names(paths) == tuple(names)


PROFILES = """
    [paper]
    source = "paper.md"
    toc = true
    [target.train]
    run = "python train.py {lr} {n}"
    outputs = ["m-{seed}.json"]
    params = { lr = 0.1, n = 10 }
    matrix = { seed = [0] }
    resources = { cpu = 2, time = "1min" }
    [profile.full.target.train]
    params = { n = 1000, extra = 1 }
    matrix = { seed = [0, 1, 2] }
    resources = { time = "2h" }
    heavy = true
    [profile.full.paper]
    toc = false
    formats = ["html"]
    [profile.other]
"""


def test_a_profile_merges_parameters_and_replaces_other_keys() -> None:
    found = manifest(PROFILES, "full")
    (train,) = found.targets
    assert train.params == (("lr", 0.1), ("n", 1000), ("extra", 1))
    assert train.matrix == (("seed", (0, 1, 2)),)
    assert train.resources == Resources(1, 0, 0, 7200)
    assert train.heavy
    assert found.documents[0].options == (("profile", "full"), ("toc", False))
    assert found.documents[0].formats == ("html",)
    assert found.documents[0].sources == ("paper.md",)
    assert found.profile == "full"


@pytest.mark.parametrize("profile", [None, "other"])
def test_a_profile_that_is_not_chosen_changes_nothing(profile: str | None) -> None:
    found = manifest(PROFILES, profile)
    assert found.targets[0].params == (("lr", 0.1), ("n", 10))
    assert found.documents[0].options == ((("profile", profile),) if profile else ()) + (("toc", True),)


def test_the_python_and_the_store_can_be_named() -> None:
    found = manifest('[environment]\npython = ".venv"\n[store]\npath = "/big/store"')
    assert (found.python, found.store_path) == (".venv", "/big/store")


def test_the_present_version_is_read() -> None:
    assert said(manifest("version = 1")) == said(Manifest())


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert parse_manifest(b'\xef\xbb\xbf[paper]\r\nsource = "p.md"\r\n').documents[0].name == "p"


@pytest.mark.parametrize(("name", "code"), [("pdf", None), ("html", None), ("docx", None), ("word", "PB111"), ("htm", "PB111")])
def test_a_format_is_known_or_a_fault(name: str, code: str | None) -> None:
    found = format_fault(name)
    assert (found and found.code) == code
