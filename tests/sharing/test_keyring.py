"""Where our key lies, who may read it, and what the user's configuration says."""

import os
import stat

import pytest

from paperbuild.errors import ManifestError, UsageError
from paperbuild.paper.declarations import SharingSpec
from paperbuild.sharing.configuration import configured, parsed
from paperbuild.sharing.keyring import has_key, key_file, own_key, read_key, write_key
from paperbuild.sharing.signing import PUBLIC, Signer, new_private_key
from paperbuild.sharing.user_files import configuration_file, configuration_folder

PUBLIC_KEY = PUBLIC + "A" * 43


def fault(error):
    [diagnostic] = error.value.diagnostics
    return diagnostic


@pytest.fixture
def home(tmp_path):
    return {"HOME": str(tmp_path)}


def test_the_folder_is_that_of_the_standard():
    assert configuration_folder({"HOME": "/home/me"}) == "/home/me/.config/paperbuild"
    assert configuration_folder({"HOME": "/home/me", "XDG_CONFIG_HOME": "/etc/mine"}) == "/etc/mine/paperbuild"
    assert configuration_folder({"HOME": "/home/me", "XDG_CONFIG_HOME": "mine"}) == "/home/me/.config/paperbuild"
    assert configuration_file({"HOME": "/home/me"}) == "/home/me/.config/paperbuild/config.toml"


def test_a_new_key_is_for_its_owner_alone_and_is_read_again(home):
    text = new_private_key()
    made = write_key(key_file(home), text, replaces=False)
    found = own_key(home)
    assert found is not None
    assert (found.public, found.path) == (made.public, key_file(home)) == (Signer(text).public, key_file(home))
    assert stat.S_IMODE(os.stat(key_file(home)).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(key_file(home))).st_mode) == 0o700


def test_a_key_is_not_overwritten_unless_that_is_asked_for(home):
    first = write_key(key_file(home), new_private_key(), replaces=False)
    with pytest.raises(UsageError) as error:
        write_key(key_file(home), new_private_key(), replaces=False)
    assert fault(error).code == "PB620"
    assert own_key(home).public == first.public
    second = write_key(key_file(home), new_private_key(), replaces=True)
    assert own_key(home).public == second.public != first.public
    assert stat.S_IMODE(os.stat(key_file(home)).st_mode) == 0o600
    assert os.listdir(os.path.dirname(key_file(home))) == ["key"]


def test_a_link_that_leads_nowhere_is_not_written_through(home, tmp_path):
    os.makedirs(os.path.dirname(key_file(home)))
    os.symlink(tmp_path / "elsewhere", key_file(home))
    with pytest.raises(UsageError):
        write_key(key_file(home), new_private_key(), replaces=False)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.skipif(os.name == "nt", reason="rights are something else there")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660])
def test_a_key_that_others_may_read_is_not_used(home, mode):
    write_key(key_file(home), new_private_key(), replaces=False)
    os.chmod(key_file(home), mode)
    with pytest.raises(UsageError) as error:
        own_key(home)
    assert fault(error).code == "PB621"
    assert fault(error).help[0] == f"chmod 600 {key_file(home)}"


def test_the_variable_comes_first_and_empty_it_means_that_there_is_no_key(home):
    mine, other = new_private_key(), new_private_key()
    write_key(key_file(home), mine, replaces=False)
    named = own_key(home | {"PAPERBUILD_KEY": f"{other}\n"})
    assert (named.public, named.path) == (Signer(other).public, "")
    assert own_key(home | {"PAPERBUILD_KEY": ""}) is None
    assert [has_key(home | more) for more in ({}, {"PAPERBUILD_KEY": ""}, {"PAPERBUILD_KEY": "x"})] == [True, False, True]
    assert not has_key({"HOME": f"{home['HOME']}/nowhere"})
    assert own_key({"HOME": f"{home['HOME']}/nowhere"}) is None


@pytest.mark.parametrize("text", ["", "nonsense", PUBLIC_KEY, "ed25519-private:AAAA", "ed25519-private:" + "ä" * 43])
def test_what_is_no_private_key_is_told_and_never_shown(tmp_path, text):
    path = tmp_path / "key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(UsageError) as error:
        read_key(str(path))
    assert fault(error).code == "PB622"
    assert text == "" or text not in str(fault(error))


def test_a_configuration_says_with_whom_is_shared(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(f'[store]\nremote = "s3://bucket/all"\ntrusted = ["{PUBLIC_KEY}"]\nregion = "eu-central-1"\n')
    assert configured(str(path)) == SharingSpec("s3://bucket/all", (PUBLIC_KEY,), "", "eu-central-1")
    assert configured(str(tmp_path / "other.toml")) == configured(str(path / "below")) == SharingSpec()


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("[store]\nremot = 's3://a/b'\n", "PB103", (2, 1)),
        ("[stor]\nremote = 's3://a/b'\n", "PB103", (1, 2)),
        ("[store]\n\nremote = 3\n", "PB105", (3, 10)),
        ("[store]\nremote = s3://a\n", "PB101", (2, 10)),
        ("[store]\nremote = 's3://a/b'\nendpoint = 'host'\n", "PB624", (3, 12)),
        ("[store]\ntrusted = ['me']\n", "PB623", (2, 12)),
        ("[store]\npath = 'here'\n", "PB103", (2, 1)),
    ],
)
def test_a_fault_of_the_configuration_has_its_place(text, code, place):
    with pytest.raises(ManifestError) as error:
        parsed(text.encode(), "/home/me/.config/paperbuild/config.toml")
    found = fault(error)
    assert (found.code, found.span.path) == (code, "/home/me/.config/paperbuild/config.toml")
    assert (found.span.line, found.span.column) == place


def test_a_configuration_that_cannot_be_read_is_told(tmp_path):
    (tmp_path / "config.toml").mkdir()
    with pytest.raises(UsageError) as error:
        configured(str(tmp_path / "config.toml"))
    assert fault(error).code == "PB625"
