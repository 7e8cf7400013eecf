import webbrowser

from paperbuild.cli.opening import open_documents
from paperbuild.diagnostics import Severity


def test_each_document_is_opened_by_its_address(monkeypatch, tmp_path):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    assert open_documents([str(tmp_path / "a b.pdf")]) == ()
    assert opened == [(tmp_path / "a b.pdf").as_uri()]


def test_a_system_without_a_program_for_it_is_a_warning(monkeypatch):
    monkeypatch.setattr(webbrowser, "open", lambda address: False)
    (warning,) = open_documents(["/p/paper.pdf"])
    assert warning.severity is Severity.WARNING
    assert "paper.pdf" in warning.message
