"""What a template is filled with: the parts of one paper, each already written in the target format.

:mod:`paperbuild.render.documents` makes a :class:`Parts`; :mod:`paperbuild.render.templates` lays it out. A *fragment* is markup of
``Parts.format`` (typst or HTML), safe to be placed as it is; everything else is data, and the template escapes it.

HTML fragments use pandoc's markup and these classes, which the style sheets and scripts of a template know::

    <span class="secno">2.1</span>                           the number of a heading, inside it
    <span class="eqn" id="eq:x"><math …> <span class="eqno">(1)</span></span>
    <figure id="fig:x" class="wide" data-pb="0"> … <figcaption><span class="caption-label">Figure 1.</span> …
    <figure id="fig:x" class="subfigures"> <figure id="fig:x-a" class="subfigure" style="width:48%"> …
    <figure id="tbl:x" class="table" data-pb="1"> <figcaption><span class="caption-label">Table 1.</span> …
        <div class="table-box"> <div class="scroller"><table class="data"> … </div> <div class="table-notes"> …
    <div id="thm:x" class="theorem"> <p><span class="theorem-label">Theorem 1 (Name).</span> …
    <div class="proof"> <p><span class="proof-label">Proof.</span> …
    <a class="anchor" href="#fig:x">Figure 1.</a>            within a heading, a label or a number: the address of what it names
    <details class="bibtex references-bibtex"> … <code data-key="knuth1984">@article{…}</code>   below the list of references
    <a class="xref" href="#fig:x">Figure 1</a>               a cross-reference: its target is shown on hover
    <a href="#ref-knuth1984" role="doc-biblioref">…</a>      a citation, as citeproc links it
    <span class="pb-value" data-pb="2">91.2 %</span>         N of data-pb="N" is Provenance.index

Typst fragments call the functions whose signatures stand at the top of the template's ``elements.typ``.
"""

from __future__ import annotations

from typing import Literal

import msgspec
import msgspec.structs

from paperbuild.engine.graph import Scalar

Format = Literal["typst", "html", "latex", "docx", "jats"]
ProvenanceKind = Literal["value", "figure", "table"]


class Affiliation(msgspec.Struct, frozen=True):
    """Where an author works. ``key`` is what :attr:`Author.affiliations` names; ``name`` is a fragment, ``plain`` the same as text.

    The rest is text, "" where the paper does not say: ``institution`` without department and town, ``ror`` the bare identifier of the
    Research Organization Registry ("05xpvk416").
    """

    key: str
    name: str
    plain: str = ""
    institution: str = ""
    department: str = ""
    city: str = ""
    region: str = ""
    country: str = ""
    ror: str = ""
    url: str = ""


class Author(msgspec.Struct, frozen=True):
    """Who wrote it. ``name`` is a fragment, ``plain`` the same as text; ``orcid`` is the bare identifier ("0000-0002-…").

    ``given``, ``family`` (with its particle) and ``suffix`` are the parts of the name, as the paper has them or else as
    :func:`paperbuild.render.byline.split_name` finds them. ``symbol`` is a mark of the author's own choice, ``note`` a remark that
    belongs to the name. All are text.
    """

    name: str
    plain: str
    affiliations: tuple[str, ...] = ()
    orcid: str = ""
    email: str = ""
    corresponding: bool = False
    equal: bool = False
    given: str = ""
    family: str = ""
    suffix: str = ""
    url: str = ""
    symbol: str = ""
    note: str = ""
    degrees: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    funders: tuple[str, ...] = ()
    deceased: bool = False


class Heading(msgspec.Struct, frozen=True):
    """An entry of the outline. ``level`` counts from 1, ``number`` is "" where it has none, ``text`` is a fragment without it."""

    level: int
    number: str
    id: str
    text: str


class Provenance(msgspec.Struct, frozen=True):
    """Where one bound number, figure or table comes from. Facts of the document's key only: no time, no host, no commit.

    ``label`` is what the reader sees ("91.2 %", "Figure 1"), ``target`` and ``command`` what made it, ``output`` the path of the
    artifact and ``digest`` its SHA-256, ``expression`` what the author wrote ("train.acc:.1%"). Several artifacts of one expression
    are several lines in ``output`` and ``digest``. ``rerun`` is the command line that makes it once more and compares. Where the result
    is not up to date, ``stale`` says why, and ``make`` which command makes it anew, and where; both are left out where they are "".
    """

    index: int
    kind: ProvenanceKind
    label: str
    target: str = ""
    command: str = ""
    params: tuple[tuple[str, str], ...] = ()
    output: str = ""
    digest: str = ""
    expression: str = ""
    rerun: str = ""
    stale: str = ""
    make: str = ""

    @property
    def facts(self) -> dict[str, object]:
        """What is written of it into documents."""
        told = msgspec.structs.asdict(self)
        return {name: value for name, value in told.items() if value or name not in {"stale", "make"}}


class Publication(msgspec.Struct, frozen=True):
    """Where the paper appeared, "" where it does not say. ``doi`` is the bare identifier ("10.21105/joss.01234")."""

    doi: str = ""
    journal: str = ""
    volume: str = ""
    issue: str = ""
    pages: str = ""
    publisher: str = ""
    url: str = ""


class Parts(msgspec.Struct, frozen=True):
    """One paper, ready to be laid out.

    ``title``, ``subtitle``, ``date``, ``abstract`` and ``body`` (with its bibliography) are fragments; ``keywords``, ``plain_title``
    and ``plain_description`` are text. ``options`` are the template's, complete: see :meth:`paperbuild.render.templates.Template.options`.
    ``timestamp`` is the document's moment in seconds since the epoch: a fact of its sources, never the clock; ``published`` is the same
    date as year, month and day, as far as the paper names them. ``packages`` are those
    that LaTeX fragments use beyond the ones every template loads, ``theorems`` the environments of theorems with their names,
    ``preamble`` how it counts. ``notice`` is text that stands on the face of the document, above everything else; "" for none.
    """

    format: Format
    title: str
    plain_title: str
    body: str
    subtitle: str = ""
    authors: tuple[Author, ...] = ()
    affiliations: tuple[Affiliation, ...] = ()
    date: str = ""
    abstract: str = ""
    keywords: tuple[str, ...] = ()
    outline: tuple[Heading, ...] = ()
    lang: str = "en"
    options: tuple[tuple[str, Scalar], ...] = ()
    provenance: tuple[Provenance, ...] = ()
    plain_description: str = ""
    timestamp: int = 0
    published: tuple[int, ...] = ()
    publication: Publication = Publication()
    packages: tuple[str, ...] = ()
    theorems: tuple[tuple[str, str], ...] = ()
    preamble: str = ""
    notice: str = ""
