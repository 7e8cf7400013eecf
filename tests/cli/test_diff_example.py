"""``paperbuild diff`` on the example paper: another hyperparameter, and everything that hangs on it."""

import json
import shutil
import subprocess
import sys

import pytest

from tests.example import LIMIT_S, built, environment

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """The built example in a repository, folded again with less patience."""
    folder = tmp_path_factory.mktemp("diff") / "example-paper"
    shutil.copytree(built(tmp_path_factory), folder)
    (folder / ".gitignore").write_text(".paperbuild/\n_build/\nbuild/\nfigures/\n__pycache__/\n")
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["-c", "user.name=n", "-c", "user.email=e@x", "commit", "-qm", "first"]):
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)
    manifest = folder / "paperbuild.toml"
    text = manifest.read_text()
    assert "rounds = 250" in text
    manifest.write_text(text.replace("rounds = 250", "rounds = 20"))
    call(folder, "run", "-j1")
    return folder


def call(folder, *words):
    command = [sys.executable, "-P", "-m", "paperbuild", *words]
    ended = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_a_hyperparameter_changes_prose_table_figure_and_one_claim_and_the_difference_shows_exactly_that(example):
    found = json.loads(call(example, "diff", "HEAD", "--json"))
    (paper,) = found["papers"]
    assert {number["expression"] for number in paper["numbers"]} == {
        "folding.energies.3.best",
        "pm(fold.where(length=36).energy):.1f",
        "words(folding.energies.3.reached, folding.energies.3.runs)",
        "plural(folding.energies.3.reached, 'finds', 'find')",
        "fold.where(length=36, seed=0).moves_tried:.1g",
        "min(fold.energy)",
    }
    assert all(number["kind"] == "changed" and number["old"] != number["new"] for number in paper["numbers"])
    assert {"abstract" in number["sentence"][0]["text"] or number["place"]["line"] < 30 for number in paper["numbers"]} == {True, False}
    (claim,) = paper["claims"]
    assert (claim["kind"], claim["words"], claim["new"]["holds"]) == ("flipped", "every seed", False)
    (table,) = paper["tables"]
    assert table["name"] == "tbl:folds"
    assert {cell["row"] for cell in table["cells"]} == {f"Residues {length}" for length in (20, 24, 25, 36)}
    assert [table[key] for key in ("rows_new", "rows_gone", "columns_new", "columns_gone")] == [[], [], [], []]
    (figure,) = paper["figures"]
    assert figure["name"] == "fig:folds"
    assert 0.01 < figure["share"] < 0.5
    assert all(data["path"].startswith("build/fold/") for data in figure["data"])
    assert paper["prose"] == []
    assert {target["target"] for target in found["targets"]} == {"fold", "folding"}


def test_the_marked_paper_and_the_page_of_the_example_come_out(example):
    for name, head in (("changes.pdf", b"%PDF-"), ("changes.docx", b"PK"), ("changes.html", b"<!DOCTYPE html>")):
        call(example, "diff", "-o", name)
        assert (example / name).read_bytes().startswith(head)
