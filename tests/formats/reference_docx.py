"""Makes ``templates/article/reference.docx``, whose styles Word documents get: ``python -m tests.formats.reference_docx``.

Pandoc's own reference document with other styles, page and footer, so that everything its writer counts on stays there.
"""

import io
import re
import subprocess
import zipfile
from pathlib import Path

from paperbuild.render.pandoc import _program

PLACE = Path(__file__).parents[2] / "templates" / "article" / "reference.docx"
SERIF, MONO, INK, FAINT = "Times New Roman", "Courier New", "16407A", "5F5F5F"
_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'


def _character(size=0, font="", *, bold=False, italic=False, color="", small_caps=False):
    """Character properties; ``size`` in points."""
    parts = [f'<w:rFonts w:ascii="{font}" w:hAnsi="{font}" w:cs="{font}"/>'] if font else []
    parts += ["<w:b/>"] if bold else []
    parts += ["<w:i/>"] if italic else []
    parts += ["<w:smallCaps/>"] if small_caps else []
    parts += [f'<w:color w:val="{color}"/>'] if color else []
    parts += [f'<w:sz w:val="{round(size * 2)}"/><w:szCs w:val="{round(size * 2)}"/>'] if size else []
    return f"<w:rPr>{''.join(parts)}</w:rPr>" if parts else ""


def _paragraph(before=0, after=0, *, align="", line=0, left=0, hanging=0, first=0, right=0, keep=False, level=-1):
    """Paragraph properties; lengths in points, ``line`` as a factor."""
    parts = ["<w:keepNext/>"] if keep else []
    spacing = f'<w:spacing w:before="{round(before * 20)}" w:after="{round(after * 20)}"'
    parts.append(spacing + (f' w:line="{round(line * 240)}" w:lineRule="auto"' if line else "") + "/>")
    indent = "".join(
        f' w:{name}="{round(value * 20)}"'
        for name, value in (("left", left), ("right", right), ("hanging", hanging), ("firstLine", first))
        if value
    )
    parts += [f"<w:ind{indent}/>"] if indent else []
    parts += [f'<w:jc w:val="{align}"/>'] if align else []
    parts += [f'<w:outlineLvl w:val="{level}"/>'] if level >= 0 else []
    return f"<w:pPr>{''.join(parts)}</w:pPr>"


def _style(name, based="Normal", paragraph="", character="", following="", kind="paragraph", id_=""):
    id_ = id_ or name.title().replace(" ", "") if " " in name else id_ or name
    based = f'<w:basedOn w:val="{based}"/>' if based else ""
    following = f'<w:next w:val="{following}"/>' if following else ""
    default = ' w:default="1"' if name == "Normal" else ""
    inside = f'<w:name w:val="{name}"/>{based}{following}<w:qFormat/>{paragraph}{character}'
    return f'<w:style w:type="{kind}"{default} w:styleId="{id_}">{inside}</w:style>'


def _rule(side, size):
    return f'<w:{side} w:val="single" w:sz="{size}" w:space="0" w:color="000000"/>'


_TABLE = (
    '<w:style w:type="table" w:default="1" w:styleId="Table"><w:name w:val="Table"/><w:qFormat/>'
    '<w:pPr><w:spacing w:before="0" w:after="0"/></w:pPr><w:rPr><w:sz w:val="19"/><w:szCs w:val="19"/></w:rPr>'
    f'<w:tblPr><w:jc w:val="center"/><w:tblBorders>{_rule("top", 8)}{_rule("bottom", 8)}</w:tblBorders>'
    '<w:tblCellMar><w:top w:w="30" w:type="dxa"/><w:left w:w="100" w:type="dxa"/><w:bottom w:w="30" w:type="dxa"/>'
    '<w:right w:w="100" w:type="dxa"/></w:tblCellMar></w:tblPr>'
    f'<w:tblStylePr w:type="firstRow"><w:tcPr><w:tcBorders>{_rule("bottom", 4)}</w:tcBorders><w:vAlign w:val="bottom"/></w:tcPr>'
    "</w:tblStylePr>"
    "</w:style>"
)


def _heading(level, size, before, *, italic=False):
    look = _character(size, bold=not italic, italic=italic)
    return _style(
        f"heading {level}", "Normal", _paragraph(before, 5, keep=True, level=level - 1), look, "FirstParagraph", id_=f"Heading{level}"
    )


def styles():
    """Return ``word/styles.xml``."""
    link = _character(color=INK)
    items = [
        _style("Normal", "", _paragraph(line=1.08), ""),
        _style("Body Text", paragraph=_paragraph(0, 6, align="both")),
        _style("First Paragraph", "BodyText", following="BodyText"),
        _style("Compact", "BodyText", _paragraph(1, 1, align="left")),
        _style("Title", paragraph=_paragraph(0, 8, align="center", line=1), character=_character(19, bold=True), following="Author"),
        _style("Subtitle", paragraph=_paragraph(0, 8, align="center"), character=_character(13, italic=True)),
        _style("Author", paragraph=_paragraph(4, 4, align="center"), character=_character(12)),
        _style("Affiliation", paragraph=_paragraph(0, 1, align="center"), character=_character(9.5, color=FAINT)),
        _style("Date", paragraph=_paragraph(6, 12, align="center"), character=_character(10.5)),
        _style("Abstract Title", paragraph=_paragraph(10, 4, align="center", keep=True), character=_character(10.5, bold=True)),
        _style("Abstract", paragraph=_paragraph(0, 6, align="both", left=28, right=28), character=_character(10)),
        _style("Keywords", paragraph=_paragraph(2, 14, left=28, right=28), character=_character(10)),
        _style("Bibliography", paragraph=_paragraph(0, 4, left=18, hanging=18), character=_character(10)),
        *(_heading(level, size, before) for level, size, before in ((1, 13.5, 16), (2, 12, 13))),
        *(_heading(level, 11, 10, italic=True) for level in range(3, 10)),
        _style("Block Text", "BodyText", _paragraph(4, 6, align="both", left=24, right=24)),
        _style("footnote text", paragraph=_paragraph(0, 2), character=_character(9), id_="FootnoteText"),
        _style("Footnote Block Text", "FootnoteText", _paragraph(2, 2, left=24, right=24)),
        _style("Definition Term", paragraph=_paragraph(2, 0, keep=True), character=_character(bold=True), following="Definition"),
        _style("Definition", "BodyText", _paragraph(0, 4, left=18)),
        _style("caption", paragraph=_paragraph(3, 12, line=1), character=_character(9.5), id_="Caption"),
        _style("Table Caption", "Caption", _paragraph(12, 4, keep=True, line=1)),
        _style("Image Caption", "Caption"),
        _style("Subfigure Caption", "Caption", _paragraph(2, 6, align="center")),
        _style("Table Text", paragraph=_paragraph(1, 1, line=1), character=_character(9.5)),
        _style("Table Text Kept", "TableText", _paragraph(1, 1, line=1, keep=True)),
        _style("After Table", paragraph=_paragraph(0, 6, line=0.5), character=_character(4)),
        _style("Table Note", "Caption", _paragraph(4, 12)),
        _style("Figure", paragraph=_paragraph(8, 2, align="center")),
        _style("Captioned Figure", "Figure", _paragraph(10, 3, align="center", keep=True)),
        _style("Equation", paragraph=_paragraph(2, 2, align="center")),
        _style("Equation Number", paragraph=_paragraph(2, 2, align="right")),
        _style("Theorem", "BodyText", _paragraph(3, 6, align="both"), _character(italic=True)),
        _style("Statement", "BodyText", _paragraph(3, 6, align="both")),
        _style("Source Code", paragraph=_paragraph(4, 8, line=1, left=12), character=_character(9, MONO)),
        '<w:style w:type="character" w:default="1" w:styleId="DefaultParagraphFont"><w:name w:val="Default Paragraph Font"/></w:style>',
        _style("Verbatim Char", "DefaultParagraphFont", character=_character(9.5, MONO), kind="character"),
        _style(
            "footnote reference",
            "DefaultParagraphFont",
            character='<w:rPr><w:vertAlign w:val="superscript"/></w:rPr>',
            kind="character",
            id_="FootnoteReference",
        ),
        _style("Hyperlink", "DefaultParagraphFont", character=link, kind="character"),
        _style("Section Number", "DefaultParagraphFont", kind="character"),
        _style("TOC Heading", "Heading1", id_="TOCHeading"),
        _style("footer", paragraph=_paragraph(align="center"), character=_character(9.5, color=FAINT), id_="Footer"),
        _TABLE,
    ]
    defaults = (
        f'<w:docDefaults><w:rPrDefault><w:rPr><w:rFonts w:ascii="{SERIF}" w:eastAsia="{SERIF}" w:hAnsi="{SERIF}" w:cs="{SERIF}"/>'
        '<w:sz w:val="22"/><w:szCs w:val="22"/><w:lang w:val="en-US" w:eastAsia="zh-CN" w:bidi="ar-SA"/></w:rPr></w:rPrDefault>'
        "<w:pPrDefault><w:pPr/></w:pPrDefault></w:docDefaults>"
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<w:styles {_R} {_W}>{defaults}{"".join(items)}</w:styles>'


_FOOTER = (
    f'<?xml version="1.0" encoding="UTF-8"?>\n<w:ftr {_W}><w:p><w:pPr><w:pStyle w:val="Footer"/></w:pPr>'
    '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText xml:space="preserve"> PAGE </w:instrText></w:r>'
    '<w:r><w:fldChar w:fldCharType="end"/></w:r></w:p></w:ftr>'
)
_SECTION = (
    '<w:sectPr><w:footerReference w:type="default" r:id="rIdFooter"/><w:pgSz w:w="11906" w:h="16838"/>'
    '<w:pgMar w:top="1418" w:right="1588" w:bottom="1418" w:left="1588" w:header="709" w:footer="709" w:gutter="0"/></w:sectPr>'
)


def members():
    """Return the files of the document by name, in order."""
    data = subprocess.run([_program(), "--print-default-data-file", "reference.docx"], capture_output=True, check=True).stdout
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    found.pop("docProps/custom.xml", None)
    found["word/styles.xml"] = styles().encode()
    found["word/footer1.xml"] = _FOOTER.encode()
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footer"
    relation = f'<Relationship Id="rIdFooter" Type="{kind}" Target="footer1.xml"/>'
    _put(found, "word/_rels/document.xml.rels", "</Relationships>", relation)
    kind = (
        '<Override PartName="/word/footer1.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.footer+xml"/>'
    )
    _put(found, "[Content_Types].xml", "</Types>", kind)
    _cut(found, "[Content_Types].xml", r'<Override [^>]*PartName="/docProps/custom\.xml"[^>]*/>')
    _cut(found, "_rels/.rels", r'<Relationship [^>]*Target="docProps/custom\.xml"[^>]*/>')
    document = re.sub(r"(?s)<w:sectPr.*?</w:sectPr>|<w:sectPr\s*/>", "", found["word/document.xml"].decode())
    found["word/document.xml"] = document.replace("</w:body>", _SECTION + "</w:body>").encode()
    return found


def _put(found, name, before, text):
    found[name] = found[name].decode().replace(before, text + before).encode()


def _cut(found, name, pattern):
    found[name] = re.sub(pattern, "", found[name].decode()).encode()


def write(place=PLACE):
    """Write the document, its files stamped with the first day that a ZIP archive knows."""
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members().items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    write()
