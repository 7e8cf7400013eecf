-- What is kept of a paper that is followed while it is written: what each of its sections starts from.
--
-- How far values, images and numbers are counted, how many notes and listings came before, what citeproc was asked and made of it. It is
-- learnt while the whole paper is written; incremental.lua writes sections by it.

local citations = require("citations")
local pieces = require("pieces")
local source = require("source")

local M = {}

local SECTION = "pb-section" -- attribute of the headings at which sections begin: their number, the text before them being section 0
local VIRTUAL = -1 -- the "section" of the list of references, which is in no source
local HARMLESS = { ["no-orcid"] = true, ["unknown-affiliation"] = true } -- problems of metadata alone

local Followed = {}
Followed.__index = Followed

-- Returns what will hear of the writing of `paper`. `request.sections` has for each heading at which a section begins the letters that
-- its words begin with.
function M.follow(paper, request)
  return setmetatable({ paper = paper, request = request, starts = {}, trail = {}, ids_of = {}, fixed = {}, known = {}, units = {} }, Followed)
end

-- From now on every edit takes the full path.
function Followed:give_up(why)
  self.why = self.why or why
end

function Followed:begins(where, facts)
  local n = where == 0 and self:first() or tonumber(where ~= 0 and where.attributes[SECTION] or nil)
  if n then
    self.starts[n] = self.starts[n] or {}
    for name, value in pairs(facts) do
      self.starts[n][name] = value
    end
  end
end

-- The first section that has blocks: where the first heading is taken for the title, that heading's.
function Followed:first()
  return self.paper.title_taken and 1 or 0
end

function Followed:last()
  return #self.request.sections
end

local function letters(inlines)
  return (pandoc.utils.stringify(inlines):gsub("[^%a]", ""))
end

-- Numbers the headings at which sections begin.
function Followed:mark(doc)
  local n, current = self:first(), self:first()
  for i, block in ipairs(doc.blocks) do
    if block.t == "Header" then
      n = n + 1
      local words = self.request.sections[n]
      if not words or letters(block.content):sub(1, #words) ~= words then
        self:give_up("headings that are not what they seem")
      end
      block.attributes[SECTION] = tostring(n)
      doc.blocks[i] = block
    end
  end
  if n ~= self:last() then
    self:give_up("headings that are not what they seem")
  end
  self.ids_of[current] = {}
  doc:walk({ traverse = "topdown", Header = function(header)
    current = tonumber(header.attributes[SECTION]) or current
    self.ids_of[current] = self.ids_of[current] or {}
    table.insert(self.ids_of[current], header.identifier)
  end })
  return doc
end

local function is_metadata(block)
  return block.t == "Div" and block.classes:includes(source.META)
end

-- Returns the number of the section of each block, in order; false for metadata.
function Followed:places(blocks)
  local out, current, after_title = {}, self:first(), false
  for i, block in ipairs(blocks) do
    local n = block.t == "Header" and tonumber(block.attributes[SECTION])
    current = n or current
    if is_metadata(block) then
      out[i] = false
    elseif block.t == "Header" and not n then
      out[i], after_title = VIRTUAL, true
    elseif block.t == "Div" and block.identifier == "refs" then
      out[i] = VIRTUAL
      self.fixed[current] = self.fixed[current] or not after_title -- where its list of references stands, its author has said
    else
      out[i] = current
    end
    if n and citations.is_title(block) then
      self.fixed[n] = true
    end
  end
  return out
end

-- Calls `found(n, element)` for each element called `name` of the text, with the number of its section.
function Followed:each(doc, name, found)
  local current = self:first()
  doc:walk({
    traverse = "topdown",
    Div = function(div)
      if is_metadata(div) then
        return div, false
      end
    end,
    Header = function(header)
      current = tonumber(header.attributes[SECTION]) or current
    end,
    [name] = function(element)
      found(current, element)
    end,
  })
end

-- Returns a copy of a table by section with another entry for the section `n`.
function M.with(by_section, n, entry)
  local out = {}
  for m, value in pairs(by_section) do
    out[m] = value
  end
  out[n] = entry
  return out
end

-- What citeproc is told of a citation.
function M.asked(cite)
  local out = {}
  for _, citation in ipairs(cite.citations) do
    out[#out + 1] = table.concat({ citation.id, citation.mode, tostring(citation.prefix), tostring(citation.suffix) }, "\0")
  end
  return table.concat(out, "\1")
end

-- Returns the citations among some blocks, in order.
function M.citations(blocks)
  local out = {}
  pandoc.Blocks(blocks):walk({ traverse = "topdown", Cite = function(cite) out[#out + 1] = cite end })
  return out
end

-- Whether an author links to entries of the list of references, which may not be there.
function M.has_links_to_entries(blocks)
  local found = false
  pandoc.Blocks(blocks):walk({ Link = function(link) found = found or link.target:find("^#ref%-") ~= nil end })
  return found
end

-- Returns what stands in the list of contents, heading by heading.
function M.outline(blocks)
  local out = {}
  pandoc.Blocks(blocks):walk({ traverse = "topdown", Header = function(header)
    out[#out + 1] = table.concat({ header.level, header.attributes["pb-number"] or "", header.identifier, tostring(header.content) }, "\0")
  end })
  return out
end

-- Keeps the blocks of the text before anything is numbered, in runs of one section each.
function Followed:before_numbering(doc)
  self.runs, self.unnumbered_front = {}, nil
  local front, body = source.parted(doc.blocks)
  self.unnumbered_front = front
  for i, n in ipairs(self:places(body)) do
    local run = self.runs[#self.runs]
    if not run or run.section ~= n then
      run = { section = n, blocks = pandoc.Blocks({}) }
      self.runs[#self.runs + 1] = run
    end
    run.blocks:insert(body[i])
  end
end

-- Returns the blocks of the section `n`, read by themselves, with the mark that it has in the whole paper, where it was `before`.
function M.marked_as(n, blocks, before)
  local first, was = blocks[1], before[1]
  if was and was.t == "Header" and was.attributes[SECTION] and first and first.t == "Header" then
    blocks = pandoc.Blocks(blocks):clone()
    first = first:clone()
    first.attributes[SECTION] = tostring(n)
    blocks[1] = first
  end
  return blocks
end

-- Returns the blocks of each section.
function Followed:by_section(body)
  local out = {}
  for i, n in ipairs(self:places(body)) do
    out[n] = out[n] or pandoc.Blocks({})
    out[n]:insert(body[i])
  end
  return out
end

-- Keeps each section as it is before citeproc has seen it: its blocks, its paragraphs of nothing but words, and its citations.
function Followed:before_citeproc(doc)
  local front, body = source.parted(doc.blocks)
  self.bare, self.words, self.questions = self:by_section(body), {}, {}
  self.bare_front, self.in_front = front, M.citations(front)
  for n, blocks in pairs(self.bare) do
    self.words[n], self.questions[n] = self.paper.quiet, M.citations(blocks)
  end
  self.contents = M.outline(body)
  self.links_to_entries = M.has_links_to_entries(doc.blocks)
end

-- Whether one of the elements so called is among some inlines.
function M.has(inlines, ...)
  local found, filter = false, {}
  for _, name in ipairs({ ... }) do
    filter[name] = function() found = true end
  end
  pandoc.Inlines(inlines):walk(filter)
  return found
end

-- Whether a citation is a raised number.
function M.is_raised(inline)
  return inline.t == "Cite" and #inline.content == 1 and inline.content[1].t == "Superscript"
end

-- Keeps what citeproc made of that. A style that writes notes moves what stands around a citation.
function Followed:after_citeproc(doc)
  self.answers = {}
  self.answers_in_front = M.citations((source.parted(doc.blocks)))
  self:each(doc, "Cite", function(n, cite)
    self.answers[n] = self.answers[n] or {}
    table.insert(self.answers[n], cite)
    if M.has(cite.content, "Note") or (M.has(cite.content, "Superscript") and not M.is_raised(cite)) then
      self:give_up("a citation style with notes")
    end
  end)
  for n, questions in pairs(self.questions) do
    self.fixed[n] = self.fixed[n] or #questions ~= #(self.answers[n] or {})
  end
end

-- Keeps what a section's links and citations are resolved by, and how images are called.
function Followed:resolved(found)
  for name, value in pairs(found) do
    self[name] = value
  end
end

-- Returns `blocks` with a separator behind each of the text, and keeps in which section each is.
function Followed:separated(blocks)
  local out, places, separator = pandoc.Blocks({}), self:places(blocks), pandoc.Plain({ pandoc.Str(pieces.BETWEEN) })
  for i, block in ipairs(blocks) do
    out:insert(block)
    if places[i] then
      self.units[#self.units + 1] = { section = places[i] }
      out:insert(separator)
    end
  end
  return out
end

-- Returns the pieces of what was written of blocks with separators, and what comes behind the last: the notes.
function M.split(written, count)
  local out, at = {}, 1
  for n = 1, count do
    local from, to = written:find(pieces.BETWEEN, at, true)
    local piece = written:sub(at, from - 1)
    piece = at > 1 and piece:gsub("^\n", "") or piece
    out[n] = piece:gsub("\n$", "")
    at = to + 1
  end
  return out, (written:sub(at):gsub("^\n", ""))
end

-- Returns the pieces of what was written of blocks with separators, each with the line breaks behind it: together they are the whole.
function M.cut(written, count)
  local out, at = {}, 1
  for n = 1, count do
    local from, to = written:find(pieces.BETWEEN, at, true)
    out[n] = written:sub(at, from - 1)
    at = written:sub(to + 1, to + 1) == "\n" and to + 2 or to + 1
  end
  return out
end

-- Returns how many notes are asked for in a piece of HTML.
function M.marks_of_notes(html)
  return select(2, html:gsub('class="footnote%-ref"', ""))
end

-- Returns the units of the written body, {section, html}, and what they make together.
function Followed:cut(written)
  local codes = M.cut(written, #self.units)
  for n, unit in ipairs(self.units) do
    unit.html = codes[n]
  end
  return self.units, (table.concat(codes):gsub("%s+$", ""))
end

-- Whether it is followed as a page, at the end of which its notes stand; a PDF has them where they are.
function Followed:is_page()
  return self.request.format == "html"
end

-- Returns the units of the written page, {section, html}, and the notes behind them.
function Followed:split(written)
  local htmls, notes = M.split(written, #self.units)
  local last = #htmls
  while last > 0 and htmls[last] == "" do
    last = last - 1
  end
  if last > 0 and notes == "" then
    htmls[last] = htmls[last]:gsub("%s+$", "")
  end
  self.notes_before = {}
  local count, current = 0, nil
  for n, unit in ipairs(self.units) do
    unit.html = htmls[n]
    if unit.section ~= current and unit.section ~= VIRTUAL then
      current = unit.section
      self.notes_before[current] = self.notes_before[current] or count
    end
    count = count + M.marks_of_notes(unit.html)
  end
  self.note_count = count
  if count > 0 and not notes:find('<li id="fn' .. count .. '">', 1, true) then
    self:give_up("notes that are not what they seem")
  end
  return self.units, notes
end

-- Returns how many listings without an id there are.
function M.listings(blocks)
  local count = 0
  blocks:walk({ CodeBlock = function(code) count = count + (code.identifier == "" and 1 or 0) end })
  return count
end

-- Keeps how many listings come before each section: pandoc numbers those that have no id.
function Followed:count_listings(doc)
  local of_section, count = {}, 0
  self:each(doc, "CodeBlock", function(n, code)
    of_section[n] = (of_section[n] or 0) + (code.identifier == "" and 1 or 0)
  end)
  self.listings_before = {}
  for n = self:first(), self:last() do
    self.listings_before[n] = count
    count = count + (of_section[n] or 0)
  end
  self.listing_count = count
end

-- Settles, when all is written, whether edits can be followed at all: returns why not. `out` is the answer to the request.
function Followed:finish(out, options)
  local scanned = self.paper.scanned
  self.stop = { values = #scanned.references, images = #scanned.images, count = self.ends.count, trail = self.ends.trail }
  for _, problem in ipairs(out.problems) do
    if not HARMLESS[problem.kind] then
      self:give_up("problems that are told with their places")
    end
  end
  for _, problem in ipairs(self.paper.problems) do
    if not HARMLESS[problem.kind] then
      self:give_up("problems that are told with their places")
    end
  end
  if self.known.has_clash then
    self:give_up("two things with one address")
  elseif self.paper.has_tags then
    self:give_up("blocks of raw HTML")
  end
  self.options = options
  if self:is_page() then
    out.units, out.notes = self:split(out.body)
    out.body = ""
  else
    out.units, out.body = self:cut(out.body)
  end
  self.units = nil
  return self.why
end

return M
