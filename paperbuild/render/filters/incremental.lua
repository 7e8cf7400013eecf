-- One section of a followed paper, written anew after an edit inside of it: read, filtered and written by itself.
--
-- It goes through the same filters and the same writer as the whole paper, from what followed.lua kept of where it starts. Its new text
-- must come to the same in everything that another part of the document could depend on: references to results, numbers, ids, the words
-- of headings, citations, notes. Else, and in any doubt, the answer is `full`: why all must be written anew.

local alt_texts = require("alt_texts")
local alternatives = require("alternatives")
local bindings = require("bindings")
local citations = require("citations")
local crossrefs = require("crossrefs")
local followed = require("followed")
local numbering = require("numbering")
local pieces = require("pieces")
local quiet = require("quiet")
local resolution = require("resolution")
local source = require("source")
local xref_writers = require("xref_writers")

local M = {}

-- Ids of headings that no paper has, around the text of a section: that they are found shows that the text takes in nothing else.
local EDGE = "pb-edge-of-a-section-"

local reason -- why there is a doubt: errors that cross from pandoc's filters lose what they carry

local function sure(condition, why)
  if not condition then
    reason = reason or why
    error(why, 0)
  end
  return condition
end

local Section = {}
Section.__index = Section

-- Parses the section between edges, and returns its blocks.
local function parsed(request, problems)
  local text = table.concat({
    request.before or "", "\n\n# b {#" .. EDGE .. "b}\n\n", request.text, "\n\n# e {#" .. EDGE .. "e}\n\n", request.after or "", "\n",
  })
  local out, inside, closed = pandoc.Blocks({}), false, false
  local doc = source.parsed(text, problems)
  sure(next(doc.meta) == nil, "metadata")
  for _, block in ipairs(doc.blocks) do
    if block.t == "Header" and block.identifier == EDGE .. "b" then
      inside = true
    elseif block.t == "Header" and block.identifier == EDGE .. "e" then
      sure(inside, "a section that is not closed")
      inside, closed = false, true
    elseif inside then
      out:insert(block)
    end
  end
  sure(closed, "a section that is not closed")
  return out
end

-- Gives the headings of a section the ids that they have in the whole paper, where pandoc counts those that are alike.
function Section:name_headings(blocks)
  local wanted, at, is_first = self.kept.ids_of[self.n] or {}, 0, self.n == self.kept:first()
  if is_first and self.kept.paper.title_taken then
    sure(blocks[1] and blocks[1].t == "Header", "headings")
    blocks:remove(1)
  end
  blocks = blocks:walk({ traverse = "topdown", Header = function(header)
    at = at + 1
    local id = wanted[at]
    if header.identifier ~= id then
      local stem = header.identifier:gsub("%p", "%%%0")
      sure(at == 1 and not is_first and id and id:find("^" .. stem .. "%-%d+$"), "headings")
      header.identifier = id
      return header
    end
  end })
  sure(at == #wanted, "headings")
  return blocks
end

-- Asks whether the references and images are those that the section had: what they stand for was settled then. Returns the references.
function Section:check_references(doc)
  local start, stop, before = self.start, self.stop, self.kept.paper.scanned
  local scanned = bindings.scan({ doc = doc, strays = pandoc.List({}), problems = pandoc.List({}) }, {})
  sure(#scanned.references == stop.values - start.values and #scanned.images == stop.images - start.images, "references")
  for n, reference in ipairs(scanned.references) do
    local was = before.references[start.values + n]
    for _, name in ipairs({ "kind", "key", "text", "literal" }) do
      sure(was[name] == reference[name], "references")
    end
  end
  for n, image in ipairs(scanned.images) do
    local was = before.images[start.images + n]
    sure(was.path == image.path and was.id == image.id and table.concat(was.classes, " ") == table.concat(image.classes, " ")
      and resolution.same(was.attributes, image.attributes), "images")
  end
  return scanned.references
end

-- Numbers the section from where it starts, and asks whether it comes to the same as before. Returns it and all ids of the paper.
function Section:number(doc, problems)
  local kept, first, last = self.kept, self.start.count.order, self.stop.count.order
  local ids = {}
  for id, entry in pairs(kept.ids) do
    if entry.order <= first or entry.order > last then
      ids[id] = entry
    end
  end
  local live = { start = self.start, ids = ids, trail = {} }
  doc = numbering.number(doc, kept.options, problems, live)
  sure(resolution.same(live.ends.count, self.stop.count) and #live.trail == self.stop.trail - self.start.trail, "numbers")
  for n, told in ipairs(live.trail) do
    sure(told == kept.trail[self.start.trail + n], "numbers")
  end
  return doc, ids
end

local function is_space(inline)
  return inline ~= nil and (inline.t == "Space" or inline.t == "SoftBreak")
end

-- Whether citeproc would touch more of a list of inlines than its citations: it moves the spaces before notes, and full stops.
local function is_touchy(inlines)
  for i, inline in ipairs(inlines) do
    local after = inlines[i + 1]
    if not after then
      return false
    elseif is_space(inline) and after.t == "Note" then
      return true
    elseif inline.t == "Str" and after.t == "Link" and #after.content == 1 and after.content[1].t == "Str"
      and after.target == inline.text .. after.content[1].text then
      return true
    elseif inline.t == "Cite" and after.t == "Str" and after.text:find("^%.") and pandoc.utils.stringify(inline.content):find("%.$") then
      return true
    end
  end
  return false
end

-- Takes away the space before a raised number, as citeproc does, from left to right; nil where there is none.
local function closed_up(inlines)
  local out, i, changed = pandoc.Inlines({}), 1, false
  while i <= #inlines do
    local inline, raised = inlines[i], inlines[i + 2]
    out:insert(inline)
    if not is_space(inline) and is_space(inlines[i + 1]) and raised and followed.is_raised(raised) then
      out:insert(raised)
      i, changed = i + 3, true
    else
      i = i + 1
    end
  end
  return changed and out or nil
end

-- Puts what citeproc made of the section's citations in their places.
function Section:cite(doc)
  if not self.kept.cited then
    doc:walk({ Cite = function() sure(false, "the first citation") end })
    return doc
  end
  local questions, answers, at = self.kept.asked[self.n] or {}, self.kept.answers[self.n] or {}, 0
  doc = doc:walk({ traverse = "topdown", Cite = function(cite)
    at = at + 1
    sure(questions[at] == followed.asked(cite), "citations")
    return answers[at], false
  end })
  sure(at == #questions, "citations")
  if answers[1] and followed.is_raised(answers[1]) then
    doc = doc:walk({ Inlines = closed_up })
  end
  doc:walk({
    Inlines = function(inlines) sure(not is_touchy(inlines), "punctuation at notes and citations") end,
    Note = function(note) sure(not followed.has(pandoc.utils.blocks_to_inlines(note.content), "Note"), "notes in notes") end,
    Span = function(span) sure(not span.classes:includes("csl-quoted"), "quotations") end,
  })
  return doc
end

-- Returns the section as one document, resolved, its paragraphs of nothing but words, and its references.
function Section:resolve(blocks, problems)
  local kept, request = self.kept, self.kept.request
  local prepared, words = source.prepare_part(blocks, kept.paper, problems)
  local references = self:check_references(prepared)
  local doc = bindings.bind(prepared, request.values, request.images, problems, { start = self.start })
  doc = kept.paper.has_formats and alternatives.choose(doc, request.format) or doc
  doc:walk({ Span = function(span) sure(not span.classes:includes("pb-cited"), "citations") end })
  doc = citations.gather(doc, {}, kept.by_id, kept.all, kept.options.names)
  local ids
  doc, ids = self:number(doc, problems)
  doc = self:cite(crossrefs.resolve(doc, ids, kept.options, problems))
  return resolution.check_links(doc, ids, problems, kept.entries), words, references
end

-- Returns stand-ins for the notes and listings before the section: the writer counts them.
function Section:before()
  local out, notes = pandoc.Blocks({}), pandoc.Inlines({})
  for _ = 1, self.kept.listings_before[self.n] or 0 do
    out:insert(pandoc.CodeBlock(""))
  end
  for _ = 1, self.kept.notes_before[self.n] or 0 do
    notes:insert(pandoc.Note({ pandoc.Plain({}) }))
  end
  out:insert(pandoc.Plain(notes))
  return out
end

-- Returns the items from the number `first` on of a list of notes, in order.
local function items(written, first, count)
  local out, at = pandoc.List({}), written:find('<li id="fn' .. first .. '">', 1, true)
  for n = first, first + count - 1 do
    local is_last = n == first + count - 1
    local after = is_last and written:find("\n</ol>\n</section>$", at) or written:find('<li id="fn' .. n + 1 .. '">', at, true)
    out:insert((written:sub(at, after - 1):gsub("\n$", "")))
    at = after
  end
  return out
end

-- Returns the document in the words of its format, with a separator before and behind each block, and its units without their HTML.
function Section:finish(doc, finisher, problems)
  local kept, request = self.kept, self.kept.request
  local known = { ids = kept.known.ids }
  local filters = xref_writers.filters(request.format)
  filters.Image = bindings.shown(request.images)
  doc = doc:walk(filters)
  if request.needs_alt then
    alt_texts.check(doc, problems)
  end
  local before, after = kept.listings_before[self.n] or 0, kept.listings_before[self.n + 1] or kept.listing_count
  sure(followed.listings(doc.blocks) == after - before, "listings")
  local units, out = pandoc.List({}), pandoc.Blocks({ pandoc.Plain({ pandoc.Str(pieces.BETWEEN) }) })
  for _, block in ipairs(doc.blocks) do
    units:insert({ section = self.n })
    out:insert(block)
    out:insert(pandoc.Plain({ pandoc.Str(pieces.BETWEEN) }))
  end
  doc.blocks = out
  doc = finisher.finish(doc, setmetatable({ known = known }, { __index = kept.options }), problems)
  sure(not known.has_clash, "two things with one address")
  return doc, units
end

-- Writes the section, of which `words` are the paragraphs of nothing but words.
function Section:write(doc, words, finisher, problems)
  local finished, units = self:finish(doc, finisher, problems)
  sure(#problems == 0, "problems")
  local htmls, notes = followed.split(finisher.write(self:before() .. quiet.back(finished.blocks, words)), #units + 1)
  local count = 0
  for i, unit in ipairs(units) do
    unit.html = htmls[i + 1]
    count = count + followed.marks_of_notes(unit.html)
  end
  local before = self.kept.notes_before[self.n] or 0
  sure(before + count == (self.kept.notes_before[self.n + 1] or self.kept.note_count), "notes")
  return { units = units, notes = items(notes, before + 1, count), ["first-note"] = before + 1 }
end

local function patch(kept, request, finisher)
  sure(kept and not kept.why, kept and kept.why or "nothing is known of the paper")
  local section = setmetatable({ kept = kept, n = request.section }, Section)
  section.start, section.stop = kept.starts[section.n], kept.starts[section.n + 1] or kept.stop
  sure(section.start and not kept.fixed[section.n], "a section that holds the list of references")
  local problems = pandoc.List({})
  local blocks = section:name_headings(parsed(request, problems))
  sure(not quiet.has_tags(blocks), "blocks of raw HTML")
  local doc, words, references = section:resolve(blocks, problems)
  sure(#problems == 0, "problems")
  local out = section:write(doc, words, finisher, problems)
  out.references = references
  return out
end

-- Returns the units of one section of the paper `kept` with another text, its notes and references; or `full`.
function M.patch(kept, request, finisher)
  reason = nil
  local ok, result = xpcall(patch, debug.traceback, kept, request, finisher)
  if ok then
    return result
  end
  return { full = reason or tostring(result) }
end

return M
