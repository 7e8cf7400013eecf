"""Templates: where one is found, what it says of itself, and how its files are filled.

A template is a folder ``templates/NAME``. Each of its files is looked for in the project first, then in the copy that comes with
paperbuild, so that a project may replace one style sheet and keep the rest; a template with ``base = "article"`` in its
``template.toml`` takes from that one whatever it lacks. Project files are read through the engine's reader, misses included: adding
``templates/article/page.css`` makes the paper stale. Packaged files are no inputs but part of the program:
:meth:`TemplateFinder.digest` is for the fingerprint of what renders.
"""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from typing import TYPE_CHECKING

import msgspec

from paperbuild.diagnostics import Diagnostic, Severity, Span, did_you_mean
from paperbuild.engine.graph import Scalar
from paperbuild.engine.ports import Reader
from paperbuild.errors import BuildError
from paperbuild.render.packaged import FOLDER, packaged_folder

if TYPE_CHECKING:
    import jinja2

SETTINGS = "template.toml"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_COMPILED = 40  # files of templates: those of a few
_TYPES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


class Files(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """The files of a template by what they are for.

    ``typst`` is filled with the paper and imports ``layout``, whose show rule ``typeset`` lays it out; ``libraries`` are what that imports.
    ``early`` scripts run before a page is shown, ``scripts`` when it has been read.
    ``csl`` is the citation style for papers that name none; "" is pandoc's own, Chicago author-date.
    """

    typst: str = "paper.typ.j2"
    layout: str = "article.typ"
    csl: str = ""
    page: str = "page.html.j2"
    latex: str = "paper.tex.j2"
    docx: str = "reference.docx"
    jats: str = "paper.xml.j2"
    matplotlib: str = "matplotlibrc"
    libraries: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    early: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    fonts: tuple[str, ...] = ()


class WebFont(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A font file to embed into a page; ``math`` ones only into pages with formulas."""

    family: str
    file: str
    weight: int = 400
    style: str = "normal"
    math: bool = False


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """What ``template.toml`` holds, that of its base included.

    ``column_width`` and ``text_width`` are in inches, by the number of columns.
    """

    name: str
    base: str = ""
    files: Files = Files()
    webfont: tuple[WebFont, ...] = ()
    options: dict[str, Scalar] = {}
    choices: dict[str, tuple[Scalar, ...]] = {}
    column_width: dict[str, float] = {}
    text_width: dict[str, float] = {}


class TemplateFinder(msgspec.Struct, frozen=True):
    """Finds templates by name. ``folder`` holds the packaged ones, one folder each."""

    folder: str = msgspec.field(default_factory=packaged_folder)

    def names(self) -> tuple[str, ...]:
        """Return the names of the packaged templates, sorted."""
        return tuple(sorted(name for name in os.listdir(self.folder) if os.path.isfile(os.path.join(self.folder, name, SETTINGS))))

    def digest(self) -> str:
        """Return the SHA-256 of everything in the packaged templates: names and contents, no places."""
        total = hashlib.sha256()
        for here, folders, files in os.walk(self.folder):
            folders.sort()
            for name in sorted(files):
                path = os.path.join(here, name)
                with open(path, "rb") as file:
                    content = hashlib.sha256(file.read()).hexdigest()
                total.update(f"{os.path.relpath(path, self.folder)}\0{content}\n".encode())
        return total.hexdigest()

    def find(self, name: str, reader: Reader, span: Span | None = None) -> Template:
        """Return the template called ``name``; ``span`` is where the author named it.

        Raises:
            BuildError: there is none, or its ``template.toml`` cannot be understood.
        """
        if not _NAME.fullmatch(name):
            raise BuildError(Diagnostic("PB501", f"{name!r} is no name of a template", span, help=("letters, digits, - and _ only",)))
        chain: list[str] = []
        tables: list[dict[str, object]] = []
        wanted = name
        while wanted:
            if wanted in chain:
                raise BuildError(Diagnostic("PB502", f"the template {name} is based on itself: {' → '.join([*chain, wanted])}", span))
            chain.append(wanted)
            table = self._settings_table(wanted, reader, span)
            tables.append(table)
            base = table.get("base", "")
            wanted = base if isinstance(base, str) else ""
        return Template(_convert(_merge(tables), name), tuple(chain), self.folder, reader)

    def _settings_table(self, name: str, reader: Reader, span: Span | None) -> dict[str, object]:
        data = read_file((name,), SETTINGS, self.folder, reader)
        if data is None:
            raise BuildError(
                Diagnostic(
                    "PB501",
                    f"there is no template {name}",
                    span,
                    notes=(f"neither {FOLDER}/{name}/{SETTINGS} in the project nor one that comes with paperbuild",),
                    help=(*did_you_mean(name, self.names()), f"available: {', '.join(self.names())}"),
                )
            )
        try:
            return tomllib.loads(data.decode())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BuildError(Diagnostic("PB502", f"{FOLDER}/{name}/{SETTINGS} is no TOML: {error}", span)) from None


def read_file(chain: Iterable[str], file: str, packaged: str, reader: Reader) -> bytes | None:
    """Return the content of a template's file: for each template of ``chain`` the project's, then the packaged one."""
    for name in chain:
        try:
            return reader.read(f"{FOLDER}/{name}/{file}")
        except FileNotFoundError:
            try:
                with open(os.path.join(packaged, name, file), "rb") as opened:
                    return opened.read()
            except FileNotFoundError:
                continue
    return None


def _merge(tables: list[dict[str, object]]) -> dict[str, object]:
    """Return the first table with what it lacks taken from the next ones.

    Tables inside are merged the same way; a ``"..."`` in a list stands for what the next one has there.
    """
    merged: dict[str, object] = {}
    for table in reversed(tables):
        merged = _over(merged, table)
    return merged


def _over(base: dict[str, object], table: dict[str, object]) -> dict[str, object]:
    merged = dict(base)
    for key, value in table.items():
        mine = merged.get(key)
        if isinstance(mine, dict) and isinstance(value, dict):
            merged[key] = _over(mine, value)
        elif isinstance(mine, list) and isinstance(value, list):
            merged[key] = [item for entry in value for item in (mine if entry == "..." else (entry,))]
        else:
            merged[key] = value
    return merged


_STYLE_LINE = re.compile(r"^(#: [a-z-]+|[a-zA-Z][\w.]*)(?=[ :])")


def _restyled(style: str, more: str) -> str:
    """Return a matplotlib style with the settings of ``more`` in place of its own, those that it lacks at its end."""
    settings = {found[1]: line for line in more.splitlines() if (found := _STYLE_LINE.match(line))}
    lines = []
    for line in style.splitlines():
        found = _STYLE_LINE.match(line)
        lines.append(settings.pop(found[1], line) if found else line)
    return "\n".join((*lines, *settings.values())) + "\n"


def _convert(table: dict[str, object], name: str) -> Settings:
    try:
        return msgspec.convert(table, Settings)
    except msgspec.ValidationError as error:
        raise BuildError(Diagnostic("PB502", f"{FOLDER}/{name}/{SETTINGS}: {error}")) from None


def typst_string(text: str) -> str:
    r"""Return a typst string literal that means ``text`` exactly."""
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return '"' + "".join(escapes.get(c) or (f"\\u{{{ord(c):x}}}" if ord(c) < 32 else c) for c in text) + '"'


_TEX_ESCAPES = {
    "\\": "\\textbackslash{}", "{": "\\{", "}": "\\}", "$": "\\$", "&": "\\&", "#": "\\#", "%": "\\%", "_": "\\_",
    "^": "\\textasciicircum{}", "~": "\\textasciitilde{}",
}  # fmt: skip


def tex_escaped(text: str) -> str:
    """Return LaTeX that prints ``text``, on one line."""
    return "".join(_TEX_ESCAPES.get(c, c) for c in " ".join(text.split()))


def typst_value(value: Scalar) -> str:
    """Return the typst literal for a parameter's value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return typst_string(value) if isinstance(value, str) else repr(value)


@cache
def _compiled() -> jinja2.BytecodeCache:
    """Return where templates are kept compiled, by delimiters and source: in the memory of a process that renders more than once."""
    import jinja2

    class Kept(jinja2.BytecodeCache):
        def __init__(self) -> None:
            self._code: dict[tuple[str, str], bytes] = {}

        def load_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
            code = self._code.get((bucket.environment.variable_start_string, bucket.checksum))
            if code is not None:
                bucket.bytecode_from_string(code)

        def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
            while len(self._code) >= _COMPILED:
                self._code.pop(next(iter(self._code)))
            self._code[bucket.environment.variable_start_string, bucket.checksum] = bucket.bytecode_to_string()

    return Kept()


class Template(msgspec.Struct, frozen=True, dict=True):
    """One template of one build: its settings, and its files read as they are needed.

    A PDF reads no style sheet and a page no typst library, so a change of one does not make the other stale.
    """

    settings: Settings
    chain: tuple[str, ...]
    packaged: str
    reader: Reader

    def file(self, name: str) -> bytes:
        """Return the content of one of the template's files.

        Raises:
            BuildError: the template has no such file.
        """
        data = read_file(self.chain, name, self.packaged, self.reader)
        if data is None:
            raise BuildError(
                Diagnostic("PB503", f"the template {self.settings.name} has no file {name}", help=(f"add {FOLDER}/{self.chain[0]}/{name}",))
            )
        return data

    def written(self, names: Iterable[str]) -> tuple[tuple[str, str], ...]:
        """Return which of the template's files are the project's own, by name and path in it: those that its author can mend."""
        paths = ((name, self._own(name)) for name in names)
        return tuple((name, path) for name, path in paths if path)

    def _own(self, name: str) -> str:
        for link in self.chain:
            path = f"{FOLDER}/{link}/{name}"
            if self.reader.exists(path):
                return path
            if os.path.isfile(os.path.join(self.packaged, link, name)):
                break
        return ""

    def text(self, name: str) -> str:
        """Return the content of one of the template's files as text."""
        return self.file(name).decode()

    def options(self, given: Mapping[str, Scalar]) -> tuple[tuple[tuple[str, Scalar], ...], tuple[Diagnostic, ...]]:
        """Return all options of the template, ``given`` ones over the defaults, and what is wrong with the given ones.

        Names that the template does not know are left out and reported as warnings: a template may be changed for another.
        """
        complete = dict(self.settings.options)
        faults = []
        for name, value in given.items():
            if name not in complete:
                help_ = did_you_mean(name, complete)
                faults.append(
                    Diagnostic("PB505", f"the template {self.settings.name} has no option {name}", severity=Severity.WARNING, help=help_)
                )
                continue
            kind = type(complete[name])
            number = kind is float and type(value) is int
            if type(value) is not kind and not number:
                faults.append(Diagnostic("PB505", f"{name} = {value!r}: the template {self.settings.name} wants {_TYPES[kind]}"))
                continue
            choices = self.settings.choices.get(name)
            if choices and value not in choices:
                faults.append(Diagnostic("PB505", f"{name} = {value!r}: choose one of {', '.join(map(str, choices))}"))
                continue
            complete[name] = float(value) if number else value
        return tuple(sorted(complete.items())), tuple(faults)

    def matplotlibrc(self, columns: int = 0) -> str:
        """Return the matplotlib style whose figures fill one of ``columns`` columns (0: the template's own number) at its font size.

        A template's file needs only what differs from its base's: what both set, the template sets.
        """
        columns = columns or int(self.settings.options.get("columns", 1))
        file = self.settings.files.matplotlib
        found = (read_file((name,), file, self.packaged, self.reader) for name in self.chain)
        styles = [data.decode() for data in found if data is not None]
        style = styles.pop() if styles else self.text(file)
        for more in reversed(styles):
            style = _restyled(style, more)
        width, text_width = (table.get(str(columns)) for table in (self.settings.column_width, self.settings.text_width))
        size = re.search(r"^figure\.figsize\s*:\s*([\d.]+)\s*,\s*([\d.]+)", style, re.MULTILINE)
        if width is not None and size is not None:
            style = _restyled(style, f"figure.figsize: {width:g}, {width * float(size[2]) / float(size[1]):.2f}\n")
        return style if text_width is None else _restyled(style, f"#: text-width {text_width:g}\n")

    def fill(self, name: str, context: Mapping[str, object]) -> str:
        """Return the file ``name`` filled with ``context``: HTML is escaped, and typst has its own delimiters.

        Raises:
            BuildError: the file is no Jinja template, or wants something that ``context`` has not.
        """
        import jinja2

        environment = self._html if name.endswith((".html.j2", ".html", ".xml.j2", ".xml")) else self._markup
        try:
            return environment.get_template(name).render(context)
        except jinja2.TemplateSyntaxError as error:
            span = Span(f"{FOLDER}/{self.chain[0]}/{error.name or name}", error.lineno, 1)
            raise BuildError(Diagnostic("PB504", f"the template {self.settings.name}: {error.message}", span)) from None
        except jinja2.UndefinedError as error:
            raise BuildError(
                Diagnostic("PB504", f"the template {self.settings.name}: {error.message}", Span(f"{FOLDER}/{self.chain[0]}/{name}", 1, 1))
            ) from None

    @cached_property
    def _html(self) -> jinja2.Environment:
        return self._environment(autoescape=True)

    @cached_property
    def _markup(self) -> jinja2.Environment:
        # Jinja's own delimiters collide with {…}, #… and %; these occur in no typst and no LaTeX that pandoc or a person writes.
        environment = self._environment(
            autoescape=False,
            block_start_string="<%",
            block_end_string="%>",
            variable_start_string="<<",
            variable_end_string=">>",
            comment_start_string="<#",
            comment_end_string="#>",
        )
        environment.filters["typst_string"] = typst_string
        environment.filters["typst_string_or_none"] = lambda text: typst_string(text) if text else "none"
        environment.filters["typst_value"] = typst_value
        environment.filters["tex"] = tex_escaped
        return environment

    def _environment(self, *, autoescape: bool, **delimiters: str) -> jinja2.Environment:
        import jinja2

        return jinja2.Environment(
            loader=jinja2.FunctionLoader(self.text),
            bytecode_cache=_compiled(),
            undefined=jinja2.StrictUndefined,
            autoescape=autoescape,  # noqa: S701 - typst is escaped by its own filters; HTML gets True
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            **delimiters,  # type: ignore[arg-type]  # each is one of the delimiter strings, which mypy cannot see through **
        )
