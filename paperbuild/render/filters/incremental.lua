-- One section of a followed paper, written anew after an edit inside of it: read, filtered and written by itself.
--
-- It goes through the same filters and the same writer as the whole paper, from what followed.lua kept of where it starts. Where it cites
-- otherwise, citeproc is asked again (recited.lua); where it counts otherwise, all is counted again (renumbered.lua). What other sections
-- show then is written, too. Its heading may have other words (renamed.lua); references to results and images must be the same. Else, and in
-- any doubt, the answer is `full`: why all must be written anew.

local alt_texts = require("alt_texts")
local alternatives = require("alternatives")
local anchors = require("anchors")
local bindings = require("bindings")
local citations = require("citations")
local crossrefs = require("crossrefs")
local followed = require("followed")
local numbering = require("numbering")
local pieces = require("pieces")
local quiet = require("quiet")
local recited = require("recited")
local renamed = require("renamed")
local renumbered = require("renumbered")
local resolution = require("resolution")
local source = require("source")
local xref_writers = require("xref_writers")

local with = followed.with

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

-- Returns the ids of the page with those of some new blocks; nil where one is like those that are made for what has none.
local function known_with(kept, blocks)
  local ids = {}
  for id in pairs(kept.known.ids or {}) do
    ids[id] = true
  end
  for id in pairs(anchors.ids_of(pandoc.Pandoc(blocks))) do
    if not ids[id] and id:find("%-%d[%d.]*%a?$") then
      return nil
    end
    ids[id] = true
  end
  return ids
end

-- Gives the headings of a section the ids that they have in the whole paper, where pandoc counts those that are alike.
function Section:name_headings(blocks)
  local wanted, at, is_first = self.kept.ids_of[self.n] or {}, 0, self.n == self.kept:first()
  local is_title = is_first and self.kept.paper.title_taken
  if is_title then
    sure(blocks[1] and blocks[1].t == "Header", "headings")
    blocks:remove(1)
  end
  if self.is_renamed then
    local named, why = renamed.of(self.kept, self.n, not is_title and blocks[1])
    self.renamed, wanted = sure(named, why), self.kept.ids_of[self.n]
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

-- Numbers the section from where it starts; returns it and all ids of the paper, or nil where it does not come to the same as before.
function Section:number(doc)
  local kept, first, last = self.kept, self.start.count.order, self.stop.count.order
  local ids, problems = {}, pandoc.List({})
  for id, entry in pairs(kept.ids) do
    if entry.order <= first or entry.order > last then
      ids[id] = entry
    end
  end
  local live = { start = self.start, ids = ids, trail = {} }
  doc = numbering.number(doc, kept.options, problems, live)
  local alike = #problems == 0 and resolution.same(live.ends.count, self.stop.count) and #live.trail == self.stop.trail - self.start.trail
  for n, told in ipairs(live.trail) do
    alike = alike and told == kept.trail[self.start.trail + n]
  end
  return alike and doc or nil, ids
end

-- Returns the section with its numbers and its references, and all ids; where other sections get other numbers, they get them, too.
function Section:numbered(doc, problems)
  local kept, n = self.kept, self.n
  kept.runs = sure(renumbered.runs(kept, n, doc.blocks), "a section in several pieces")
  local numbered, ids = self:number(doc)
  if numbered then
    return crossrefs.resolve(numbered, ids, kept.options, problems), ids
  end
  local counted, why = renumbered.count(kept, kept.runs, self.renamed ~= nil)
  sure(counted, why)
  counted.known = { ids = sure(known_with(kept, counted.bare[n]), "an id like those that are made") }
  for name, value in pairs(counted) do
    kept[name] = value
  end
  return pandoc.Pandoc(counted.bare[n]), counted.ids
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

-- Puts what citeproc made of a section's citations in their places.
local function answered(doc, answers)
  local at = 0
  doc = doc:walk({ traverse = "topdown", Cite = function()
    at = at + 1
    return answers[at], false
  end })
  sure(at == #answers, "citations")
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

-- Whether citeproc is asked the same of two lists of citations.
local function are_alike(some, others)
  for i, cite in ipairs(some) do
    if not others[i] or followed.asked(cite) ~= followed.asked(others[i]) then
      return false
    end
  end
  return #some == #others
end

-- Returns the section with its citations as they are shown; citeproc is asked where it has others than before.
function Section:cite(doc)
  local kept, n, questions = self.kept, self.n, followed.citations(doc.blocks)
  local before = kept.questions[n] or {}
  kept.bare, kept.questions = with(kept.bare, n, doc.blocks), with(kept.questions, n, questions)
  if not kept.cited then
    sure(#questions == 0, "the first citation")
    return doc
  end
  if not are_alike(questions, before) then
    sure(not followed.has_links_to_entries(doc.blocks), "links to the list of references")
    local again, why = recited.ask(kept)
    sure(again, why)
    kept.answers, kept.entries, self.again = again.answers, again.entries, again
  end
  return answered(doc, kept.answers[n] or {})
end

-- Returns the section as one document, resolved, and its references.
function Section:resolve(blocks, problems)
  local kept, request = self.kept, self.kept.request
  local prepared, words = source.prepare_part(blocks, kept.paper, problems)
  local references = self:check_references(prepared)
  kept.words = with(kept.words, self.n, words)
  local doc = bindings.bind(prepared, request.values, request.images, problems, { start = self.start })
  doc = kept.paper.has_formats and alternatives.choose(doc, request.format) or doc
  doc:walk({ Span = function(span) sure(not span.classes:includes("pb-cited"), "citations") end })
  doc = citations.gather(doc, {}, kept.by_id, kept.all, kept.options.names)
  local ids
  doc, ids = self:numbered(doc, problems)
  return resolution.check_links(self:cite(doc), ids, problems, kept.entries), references
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
  self:count("listings_before", "listing_count", followed.listings(doc.blocks))
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

-- Takes notice that there are `count` of something in the section: how many come before the others becomes another number by that.
function Section:count(before, total, count)
  local kept, n = self.kept, self.n
  local more = (kept[before][n] or 0) + count - (kept[before][n + 1] or kept[total])
  if more == 0 then
    return
  end
  sure(self.is_edited, before)
  local shifted = {}
  for m, number in pairs(kept[before]) do
    shifted[m] = m > n and number + more or number
  end
  kept[before], kept[total] = shifted, kept[total] + more
end

-- Writes the section.
function Section:write(doc, finisher, problems)
  local kept, words = self.kept, self.kept.words[self.n]
  local finished, units = self:finish(doc, finisher, problems)
  sure(#problems == 0, "problems")
  if not kept:is_page() then
    local codes = followed.cut(finisher.write(quiet.back(finished.blocks, words)), #units + 1)
    for i, unit in ipairs(units) do
      unit.html = codes[i + 1]
    end
    return { section = self.n, units = units }
  end
  local htmls, notes = followed.split(finisher.write(self:before() .. quiet.back(finished.blocks, words)), #units + 1)
  local count = 0
  for i, unit in ipairs(units) do
    unit.html = htmls[i + 1]
    count = count + followed.marks_of_notes(unit.html)
  end
  self:count("notes_before", "note_count", count)
  local before = kept.notes_before[self.n] or 0
  return { section = self.n, units = units, notes = items(notes, before + 1, count), ["first-note"] = before + 1 }
end

local function section_of(kept, n)
  local section = setmetatable({ kept = kept, n = n }, Section)
  section.start, section.stop = kept.starts[n], kept.starts[n + 1] or kept.stop
  sure(section.start and not kept.fixed[n], "a section that holds the list of references")
  return section
end

-- Whether the section `m` has some of what is counted, and other numbers of it than before.
local function is_shifted(before, now, m, counts, total)
  local function at(kept, n)
    return kept[counts] and (kept[counts][n] or (n > m and kept[total]) or 0) or 0
  end
  return at(before, m) ~= at(now, m) and at(now, m + 1) > at(now, m)
end

-- Returns the sections besides the section `n` that show something else `now` than `before`, written anew.
local function written_again(before, now, n, finisher, problems)
  local out = pandoc.List({})
  for m = now:first(), now:last() do
    local cites = not rawequal(now.answers, before.answers) and not recited.same(now.answers[m], before.answers[m])
    local refers = not rawequal(now.bare[m], before.bare[m]) and not pieces.same(now.bare[m] or {}, before.bare[m] or {})
    local shifted = is_shifted(before, now, m, "notes_before", "note_count") or is_shifted(before, now, m, "listings_before", "listing_count")
    if m ~= n and (cites or refers or shifted) then
      local doc = pandoc.Pandoc(now.bare[m])
      if cites then
        doc:walk({ Header = function(header) sure(not followed.has(header.content, "Cite"), "citations in headings") end })
      end
      doc = resolution.check_links(answered(doc, now.answers and now.answers[m] or {}), now.ids, problems, now.entries)
      out:insert(section_of(now, m):write(doc, finisher, problems))
    end
  end
  return out
end

-- Returns the list of references as it stands in the document.
local function written_list(kept, again, finisher, problems)
  local known = { ids = kept.known.ids }
  local separator = pandoc.Plain({ pandoc.Str(pieces.BETWEEN) })
  local options = setmetatable({ known = known, cited = again.cited }, { __index = kept.options })
  local doc = pandoc.Pandoc({ separator, again.list, separator }):walk(xref_writers.filters(kept.request.format))
  doc = finisher.finish(doc, options, problems)
  sure(not known.has_clash, "two things with one address")
  local cut = kept:is_page() and followed.split or followed.cut
  return cut(finisher.write(doc.blocks), 2)[2]
end

-- Takes over what the last patch found, if it was accepted: the whole page may have been made instead, and not have come about.
local function settle(kept, accepted)
  local last = kept.pending
  kept.pending = nil
  if last and last.number == accepted then
    for name, value in pairs(last.now) do
      kept[name] = value
    end
  end
end

local function patch(kept, request, finisher)
  sure(kept and not kept.why, kept and kept.why or "nothing is known of the paper")
  settle(kept, request.accepted)
  local now = setmetatable({}, { __index = kept }) -- what becomes another by this patch
  local section = section_of(now, request.section)
  section.is_edited, section.is_renamed = true, request.renamed
  local problems = pandoc.List({})
  local blocks = section:name_headings(parsed(request, problems))
  sure(not quiet.has_tags(blocks), "blocks of raw HTML")
  local doc, references = section:resolve(blocks, problems)
  sure(#problems == 0, "problems")
  local out = section:write(doc, finisher, problems)
  out.references = references
  out.others = written_again(kept, now, section.n, finisher, problems)
  if section.again then
    out.list, out.cited = written_list(now, section.again, finisher, problems), 1
  end
  sure(#problems == 0, "problems")
  if now.notes_before ~= kept.notes_before then
    sure(kept.note_count > 0 and now.note_count > 0, "the first note, or the last")
  end
  out["note-count"], out.heading = now.note_count, section.renamed and renamed.entry(section.renamed, finisher, now.options)
  kept.pending = { number = request.number, now = now }
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
