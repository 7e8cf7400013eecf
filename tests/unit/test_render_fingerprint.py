import subprocess
import sys
from importlib.metadata import version

from paperbuild.render.fingerprint import fingerprint


def test_it_holds_the_versions_of_what_does_the_work(tmp_path):
    found = dict(fingerprint(str(tmp_path)))
    assert found["typst"] == version("typst")
    assert found["pypandoc_binary"] == version("pypandoc_binary")


def test_a_changed_template_changes_it_and_its_place_does_not(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name / "article").mkdir(parents=True)
        (tmp_path / name / "article" / "page.css").write_text("p {}")
    before = fingerprint(str(tmp_path / "a"))
    assert fingerprint(str(tmp_path / "b")) == before
    (tmp_path / "a" / "article" / "page.css").write_text("p { margin: 0 }")
    changed = {name for (name, value), (_, other) in zip(before, fingerprint(str(tmp_path / "a")), strict=True) if value != other}
    assert changed == {"paperbuild's own templates"}


def test_asking_for_it_imports_no_renderer(tmp_path):
    code = (
        f"import sys; from paperbuild.render.fingerprint import fingerprint; fingerprint({str(tmp_path)!r});"
        "print(sorted({'jinja2', 'typst', 'msgspec', 'importlib.metadata', 'paperbuild.render.documents'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "[]\n"
