"""Who wrote it, in every form that real papers use: pandoc's, JOSS's, Quarto's, Manubot's, pandoc-scholar's."""

import pytest

from paperbuild.render.pandoc import PandocWorker
from paperbuild.render.protocol import Request


@pytest.fixture(scope="module")
def worker():
    started = PandocWorker()
    yield started
    started.close()


def people(worker, yaml):
    written = worker.write(Request(f"---\ntitle: T\n{yaml}\n---\n\nText.\n", "html"))
    return written.authors, written.affiliations


def problems(worker, yaml):
    return {(problem.kind, problem.text) for problem in worker.scan(f"---\ntitle: T\n{yaml}\n---\n\nText.\n").problems}


FORMS = {
    "one name": ("author: Ada Lovelace", [("Ada Lovelace", ())], []),
    "a list of names": ("author:\n- Ada\n- Kurt", [("Ada", ()), ("Kurt", ())], []),
    "joss": (
        (
            "authors:\n- name: Ada\n  affiliation: '1, 2'\n- given-names: Ludwig\n  dropping-particle: van\n"
            "  surname: B\n  affiliation: 2\n"
            "affiliations:\n- index: 1\n  name: X\n- index: 2\n  name: Z"
        ),
        [("Ada", ("1", "2")), ("Ludwig van B", ("2",))],
        ["X", "Z"],
    ),
    "written out in each entry": (
        "author:\n- name: Ada\n  affiliation: Lab X\n- name: B\n  affiliation: Lab X",
        [("Ada", ("1",)), ("B", ("1",))],
        ["Lab X"],
    ),
    "quarto, inline": (
        (
            "author:\n- name: {given: Charles, family: Gaulle, particle: de}\n  affiliations:\n"
            "  - name: Institute\n    department: Physics\n    city: Paris\n    country: France\n    ror: https://ror.org/02feahw73"
        ),
        [("Charles de Gaulle", ("1",))],
        ["Physics, Institute, Paris, France"],
    ),
    "quarto, by reference": (
        "author:\n- name: Ada\n  affiliations:\n  - ref: cnrs\naffiliations:\n- id: cnrs\n  name: CNRS",
        [("Ada", ("cnrs",))],
        ["CNRS"],
    ),
    "manubot": (
        "authors:\n- name: Ada\n  initials: AL\n  affiliations:\n  - Department of A, University of B\n  - Lab & Co\n  funders: [One, Two]",
        [("Ada", ("1", "2"))],
        ["Department of A, University of B", "Lab & Co"],
    ),
    "pandoc-scholar": (
        "author:\n- Ada Lovelace:\n    institute: [lab]\n    correspondence: true\n    email: a@b.org\ninstitute:\n- lab: Laboratory",
        [("Ada Lovelace", ("lab",))],
        ["Laboratory"],
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_authors_and_their_places_are_understood_however_they_are_written(worker, form):
    yaml, expected, places = FORMS[form]
    authors, affiliations = people(worker, yaml)
    assert [(author.plain, author.affiliations) for author in authors] == expected
    assert [place.plain for place in affiliations] == places
    assert not problems(worker, yaml)


def test_the_parts_of_a_name_are_kept_with_both_kinds_of_particles(worker):
    ((author,), _) = people(
        worker,
        "authors:\n- given-names: Jean\n  dropping-particle: de\n  non-dropping-particle: La\n  surname: Fontaine\n  suffix: Jr.\n",
    )
    assert (author.plain, author.given, author.family, author.suffix) == ("Jean de La Fontaine Jr.", "Jean de", "La Fontaine", "Jr.")


def test_what_quarto_says_in_attributes_counts(worker):
    (first, second), _ = people(
        worker,
        "author:\n- name: Ada\n  email: a@b.org\n  url: https://a.org\n  degrees: [PhD]\n  roles:\n  - writing: lead\n  - software\n"
        "  attributes: {corresponding: true, equal-contributor: true}\n- name: Bo\n  attributes: {deceased: true}\n",
    )
    assert (first.corresponding, first.equal, first.url, first.email) == (True, True, "https://a.org", "a@b.org")
    assert (first.degrees, first.roles) == (("PhD",), ("writing (lead)", "software"))
    assert (second.deceased, second.corresponding, second.equal) == (True, False, False)


@pytest.mark.parametrize("key", ["equal-contrib", "equal_contrib", "equal", "equal-contributor", "equal_contributors"])
def test_an_equal_contribution_has_many_names(worker, key):
    ((author,), _) = people(worker, f"author:\n- name: Ada\n  {key}: yes\n")
    assert author.equal


def test_symbols_notes_and_funders_come_along(worker):
    ((author,), _) = people(
        worker, "authors:\n- name: Ada\n  symbol: '§'\n  note: Present address elsewhere.\n  funders: The Royal Society (42)\n"
    )
    assert (author.symbol, author.note, author.funders) == ("§", "Present address elsewhere.", ("The Royal Society (42)",))


def test_an_affiliation_has_its_ror_and_the_parts_of_its_address(worker):
    _, (place,) = people(
        worker, "author: {name: Ada, affiliation: 1}\naffiliations:\n- index: 1\n  name: Institute\n  city: Bonn\n  ror: 041nas322\n"
    )
    assert (place.institution, place.city, place.ror, place.plain) == ("Institute", "Bonn", "041nas322", "Institute, Bonn")


def test_an_orcid_with_a_wrong_check_character_is_reported_and_not_shown(worker):
    yaml = "author:\n- name: Ada\n  orcid: 0000-0002-1825-0098\n- name: Bo\n  orcid: https://orcid.org/0000-0002-1694-233x\n"
    assert problems(worker, yaml) == {("no-orcid", "0000-0002-1825-0098")}
    assert [author.orcid for author in people(worker, yaml)[0]] == ["", "0000-0002-1694-233X"]


def test_a_number_that_no_affiliation_has_is_reported(worker):
    yaml = "author:\n- name: Ada\n  affiliation: '1,3'\naffiliations:\n- index: 1\n  name: X\n"
    assert problems(worker, yaml) == {("unknown-affiliation", "3")}
    assert people(worker, yaml)[0][0].affiliations == ("1",)
