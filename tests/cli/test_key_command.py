"""`paperbuild key`: a key comes about, is shown, and it is said what to put where."""

import json
import os
import stat
import tomllib

import pytest

from paperbuild.sharing.signing import PRIVATE, Signer


@pytest.fixture
def home(project, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(project.root / "home"))
    monkeypatch.delenv("PAPERBUILD_KEY", raising=False)
    return project.root / "home" / "paperbuild"


def told(err):
    """Return the TOML that is shown to be written."""
    return tomllib.loads("\n".join(line.strip() for line in err.splitlines() if line.startswith("    ") and "gh " not in line))


def test_a_key_comes_about_and_is_shown(project, home):
    made = project.call("key", "new")
    private = (home / "key").read_text()
    assert (made.code, made.out) == (0, Signer(private).public + "\n")
    assert f"the private key is in {home}/key" in made.err
    shown = project.call("key", "show")
    assert (shown.code, shown.out) == (0, made.out)
    assert PRIVATE not in made.out + made.err + shown.out + shown.err


def test_what_is_said_to_be_written_is_a_manifest_that_names_the_key(project, home):
    other = Signer(PRIVATE + "A" * 43).public
    project.write("paperbuild.toml", f'[store]\nremote = "s3://paper/r"\nendpoint = "https://s3"\ntrusted = ["{other}"]\n')
    made = project.call("key", "new")
    assert "to send what there is already: paperbuild cache push" in made.err
    assert told(made.err) == {"store": {"remote": "s3://paper/r", "endpoint": "https://s3", "trusted": [other, made.out.strip()]}}
    project.write("paperbuild.toml", "\n".join(line for line in made.err.splitlines() if line.startswith("    ")))
    assert "paperbuild.toml names it" in project.call("key", "show").err
    assert json.loads(project.call("key", "show", "--json").out)["named"] is True


def test_a_key_is_replaced_only_where_that_is_asked_for(project, home):
    first = project.call("key", "new").out
    again = project.call("key", "new")
    assert (again.code, again.out) == (2, "")
    assert "PB620" in again.err
    assert "--replace" in again.err
    assert project.call("key", "show").out == first
    assert project.call("key", "new", "--replace").out != first


def test_a_key_for_ci_lies_where_it_is_said(project, home):
    made = project.call("key", "new", "--file", "my ci.key")
    assert stat.S_IMODE((project.root / "my ci.key").stat().st_mode) == 0o600
    assert "gh secret set PAPERBUILD_KEY < 'my ci.key' && rm 'my ci.key'" in made.err
    assert not home.exists()
    assert project.call("key", "show", "--file", "my ci.key").out == made.out


def test_the_variable_is_told_as_where_the_key_is(project, home, monkeypatch):
    monkeypatch.setenv("PAPERBUILD_KEY", PRIVATE + "A" * 43)
    shown = project.call("key", "show")
    assert shown.out == Signer(PRIVATE + "A" * 43).public + "\n"
    assert "in the variable PAPERBUILD_KEY" in shown.err
    assert json.loads(project.call("key", "show", "--json").out)["path"] == ""


def test_where_there_is_none_it_is_said_how_to_make_one(project, home):
    shown = project.call("key", "show")
    assert shown.code == 2
    assert "paperbuild key new" in shown.err
    answer = json.loads(project.call("key", "show", "--json").out)
    assert (answer["ok"], answer["diagnostics"][0]["code"]) == (False, "PB626")


def test_outside_of_a_project_it_works_as_well(project, home):
    (project.root / "paperbuild.toml").unlink()
    made = project.call("key", "new")
    assert made.code == 0
    assert told(made.err)["store"]["trusted"] == [made.out.strip()]
    assert json.loads(project.call("key", "show", "--json").out)["named"] is None


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_told(project, home):
    home.parent.mkdir()
    home.parent.chmod(0o500)
    assert "PB621" in project.call("key", "new").err
