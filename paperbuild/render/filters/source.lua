-- From the text of a paper to a prepared document: parsed, raw TeX read, metadata laid in front, equations' ids taken up.
--
-- The prepared document's blocks start with one Div per piece of metadata that a reader sees, so that every later filter treats
-- title, abstract and body alike and in one order.

local alternatives = require("alternatives")
local chunks = require("chunks")
local citations = require("citations")
local equation_lines = require("equation_lines")
local floats = require("floats")
local formulas = require("formulas")
local kinds = require("kinds")
local listings = require("listings")
local macros = require("macros")
local matching = require("matching")
local quiet_paragraphs = require("quiet")
local rawhtml = require("rawhtml")
local rawtex = require("rawtex")
local reader = require("reader")

local M = {}

M.META = "pb-meta" -- class of the Divs that hold metadata

-- Attributes and classes that the filters give each other: an author's own would be taken for theirs.
local OURS = { ["data-pb"] = true, ["data-n"] = true, labels = true, label = true }
local OUR_CLASSES = { ["pb-meta"] = true, ["pb-value"] = true, ["pb-stale"] = true, eqn = true, subfigure = true, ["csl-entry"] = true, ["pb-title"] = true,
  ["pb-cited"] = true, ["pb-alternatives"] = true, ["pb-page"] = true, [chunks.TEXT] = true, xref = true }

local function foreign(element)
  local touched = false
  for key in pairs(element.attributes) do
    touched = touched or OURS[key] or key:find("^pb%-") ~= nil
  end
  for _, class in ipairs(element.classes) do
    touched = touched or OUR_CLASSES[class]
  end
  if not touched then
    return nil
  end
  local kept = {}
  for key, value in pairs(element.attributes) do
    if not OURS[key] and not key:find("^pb%-") then
      kept[key] = value
    end
  end
  local classes = element.classes:filter(function(class) return not OUR_CLASSES[class] end)
  element.attr = pandoc.Attr(element.identifier, classes, kept)
  return element
end

local FOREIGN = {}
for _, name in ipairs({ "Span", "Div", "Header", "Figure", "Table", "Image", "Link", "Code", "CodeBlock" }) do
  FOREIGN[name] = foreign
end

-- A chunk's `label` is its author's.
function FOREIGN.CodeBlock(block)
  local label = chunks.is(block) and block.attributes.label
  local kept = foreign(block)
  if label then
    kept = kept or block
    kept.attributes.label = label
  end
  return kept
end

-- `$$…$$ {#eq:x}`, which pandoc leaves as text, and display formulas with \label or in a numbered environment: Span.eqn.
local function equation_span(math, id)
  local labels, tag = formulas.labels(math.text)
  if not id and equation_lines.of(math.text) then
    return pandoc.Span({ math }, pandoc.Attr("", { "eqn", "lines" }))
  end
  local numbered = id ~= nil
  for _, line in ipairs(formulas.lines(math.text)) do
    numbered = numbered or line.numbered
  end
  if not numbered then
    return nil
  end
  local all = pandoc.List({ id }):map(tostring)
  all:extend(labels)
  return pandoc.Span({ math }, pandoc.Attr(all[1] or "", { "eqn" }, { labels = table.concat(all, " "), tag = tag }))
end

-- Whether a paragraph's words may hold a formula with a number.
local function may_be_numbered(words)
  return words:find("{#", 1, true) or words:find("\\begin", 1, true) or words:find("\\label", 1, true) or words:find("\\tag", 1, true)
end

local function take_equation_ids(inlines)
  local out, i = pandoc.Inlines({}), 1
  while i <= #inlines do
    local node = inlines[i]
    if node.t == "Math" and node.mathtype == "DisplayMath" then
      local j = i + 1
      while inlines[j] and (inlines[j].t == "Space" or inlines[j].t == "SoftBreak") do
        j = j + 1
      end
      local word = inlines[j] and inlines[j].t == "Str" and inlines[j].text
      local id, after = (word or ""):match("^{#([%w:_%.%-]+)}(.*)$")
      out:insert(equation_span(node, id) or node)
      if id then
        i = j
        if after ~= "" then
          out:insert(pandoc.Str(after))
        end
      end
    else
      out:insert(node)
    end
    i = i + 1
  end
  return out
end

-- The title of a theorem or proof is an attribute, and text like any other: it joins the content, to be taken out when it is written.
local function theorem_title(div)
  local title = div.attributes.title
  if not title or not (div.classes:includes("proof") or kinds.theorem_kind(div)) then
    return nil
  end
  div.attributes.title = nil
  local words = pandoc.utils.blocks_to_inlines(pandoc.read(title, "markdown", reader.OPTIONS, {}).blocks)
  div.content:insert(1, pandoc.Plain({ pandoc.Span(words, pandoc.Attr("", { "pb-title" })) }))
  return div
end

local function as_blocks(value)
  local kind = pandoc.utils.type(value)
  if kind == "Blocks" then
    return value
  elseif kind == "Inlines" then
    return pandoc.Blocks({ pandoc.Plain(value) })
  elseif kind == "string" or kind == "number" or kind == "boolean" then
    return pandoc.Blocks({ pandoc.Plain({ pandoc.Str(tostring(value)) }) })
  end
  return nil
end
M.as_blocks = as_blocks

local function promoted(blocks, highest)
  if highest <= 1 or highest > 6 then
    return blocks
  end
  return blocks:walk({ Header = function(h) h.level = math.max(1, h.level - highest + 1) return h end })
end

-- Promotes headings so that the highest is of level 1, and takes a title that stands only as the first heading: one of level 1,
-- with deeper ones below it, that nothing refers to. Returns the document, the level that was the highest, and whether a title was taken.
local function settle_headings(doc)
  local highest, top, deeper = 7, 0, 7
  doc.blocks:walk({ Header = function(h)
    if not (h.classes:includes("unnumbered") or citations.is_title(h)) then -- else a paper below "# References" would begin with 0.1
      highest = math.min(highest, h.level)
    end
    top = top + (h.level == 1 and 1 or 0)
    deeper = h.level > 1 and math.min(deeper, h.level) or deeper
  end })
  local first, taken = doc.blocks[1], false
  if not doc.meta.title and first and first.t == "Header" and first.level == 1 and top == 1 and deeper < 7 and not first.identifier:find(":") then
    doc.meta.title = first.content
    doc.blocks:remove(1)
    highest, taken = deeper, true
  end
  doc.blocks = promoted(doc.blocks, highest)
  return doc, highest, taken
end

-- Returns the Divs that hold what of the metadata a reader sees.
local function add_metadata(meta, people)
  local front = pandoc.Blocks({})
  for _, key in ipairs({ "title", "subtitle", "date", "abstract", "keywords", "tags" }) do
    local value = meta[key]
    local entries = pandoc.utils.type(value) == "List" and value or { value }
    for _, entry in ipairs(entries) do
      local blocks = as_blocks(entry)
      blocks = blocks and blocks:walk(FOREIGN)
      if blocks then
        front:insert(pandoc.Div(blocks, pandoc.Attr("", { M.META }, { field = key })))
      end
    end
  end
  for _, field in ipairs(people) do
    front:insert(pandoc.Div(field.blocks:walk(FOREIGN), pandoc.Attr("", { M.META }, { field = field.name, n = tostring(field.n) })))
  end
  return front
end

-- Returns the Divs that hold metadata, and what comes behind them.
function M.parted(blocks)
  local front, body = pandoc.Blocks({}), pandoc.Blocks({})
  for _, block in ipairs(blocks) do
    (block.t == "Div" and block.classes:includes(M.META) and front or body):insert(block)
  end
  return front, body
end

-- LaTeX's \appendix makes an appendix of the next heading of level 1.
local function read_appendix(blocks)
  local waits = false
  return blocks:filter(function(block)
    if block.t == "RawBlock" and block.text:find("^%s*\\appendix%s*$") then
      waits = true
      return false
    elseif waits and block.t == "Header" and block.level == 1 then
      block.classes:insert("appendix")
      waits = false
    end
    return true
  end)
end

local SLIPS = { DuplicateNoteReference = "note-twice", DuplicateLinkReference = "link-twice", UnclosedDiv = "unclosed-div",
  NoteDefinedButNotUsed = "note-unused" }

-- Passes on what the reader noticed, with its line and column.
local function tell(log, problems)
  for _, entry in ipairs(log) do
    local message = pandoc.json.decode(pandoc.json.encode(entry), false) -- all that can be had of it besides a sentence
    local kind, place = SLIPS[message.type], message.openpos or message
    if kind and place.line then
      local line, column = math.tointeger(place.line), math.tointeger(place.column)
      problems:insert({ kind = kind, text = message.contents or message.key or "", n = line, at = column })
    end
  end
end

-- Returns pandoc's document of a text; what the reader noticed goes to `problems`.
local function parsed(text, problems)
  local log, doc = pandoc.log.silence(pandoc.read, text, "markdown", reader.OPTIONS, {})
  tell(log, problems)
  return doc
end
M.parsed = parsed

-- Reads what of a document is no Markdown, and gives equations, figures, tables and theorems the one shape that filters know. `known`
-- has what is true of the whole paper: `own`, its macros, `has_formats` (raw nodes that name theirs), `has_html`, `has_chunks`.
local function understood(doc, known, problems)
  local own = known.own
  if known.has_formats then
    doc = alternatives.gather(doc, function(block)
      if rawtex.is_tex(block.format) then
        return rawtex.read_block(block, own)
      end
      return rawhtml.read_block(block)
    end)
    alternatives.tell(doc, problems)
  end
  doc = macros.expand_formulas(rawtex.read(doc, own, problems), own)
  if known.has_html then
    doc = rawhtml.read(doc, problems)
  end
  if known.has_chunks then
    doc = chunks.read(doc)
  end
  doc = matching.walk(doc, may_be_numbered, take_equation_ids):walk({ Blocks = listings.read })
  doc = doc:walk({ Div = floats.as_subfigures }):walk({ Div = theorem_title })
  return doc:walk({
    Figure = floats.single_caption,
    Para = floats.lone_picture,
    Table = floats.table,
    Header = function(h) h.content = floats.lift_label(h, h.content) return h end,
  })
end

-- Returns the prepared document of a text, and the problems met on the way. `strays(doc)` looks at it while raw TeX is still raw.
function M.prepare(text, metadata, strays, is_tagged)
  local problems, highest, title_taken = pandoc.List({}), nil, nil
  local doc = parsed(text, problems)
  local own, has_chunks = macros.of(doc, text), text:find(".target", 1, true) ~= nil
  local seen = has_chunks and chunks.seen(doc) or pandoc.List({})
  doc, highest, title_taken = settle_headings(rawtex.take_front_matter(doc, own))
  local people, fields = metadata.people(doc.meta, problems)
  local meta = doc.meta
  doc.meta = {}
  local quiet, has_tags = {}, false
  if not is_tagged then
    doc.blocks, quiet, has_tags = quiet_paragraphs.aside(doc.blocks)
  end
  doc.blocks = add_metadata(meta, fields) .. read_appendix(doc.blocks:walk(FOREIGN))
  local known = { own = own, has_formats = text:find("{=", 1, true) ~= nil, has_html = text:find("<%a") ~= nil, has_chunks = has_chunks }
  local found = strays(doc)
  return {
    doc = understood(doc, known, problems), meta = meta, people = people, problems = problems, strays = found,
    chunks = seen, has_formats = known.has_formats, quiet = quiet, known = known, highest = highest, title_taken = title_taken,
    has_tags = has_tags,
  }
end

-- Returns some blocks of the prepared `paper`, parsed anew by themselves, prepared as all of it was, and their paragraphs of nothing but words.
function M.prepare_part(blocks, paper, problems)
  local aside, quiet = quiet_paragraphs.aside(promoted(blocks, paper.highest))
  return understood(pandoc.Pandoc(read_appendix(aside:walk(FOREIGN))), paper.known, problems), quiet
end

return M
