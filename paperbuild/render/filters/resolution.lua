-- The paper resolved, the same for every format: values and images bound, everything numbered, references and citations in words.
--
-- What one format needed is kept for the next: it asks with the same values and bibliography, and citeproc alone takes as long as
-- writing a page.

local alternatives = require("alternatives")
local bindings = require("bindings")
local citations = require("citations")
local crossrefs = require("crossrefs")
local names = require("names")
local numbering = require("numbering")
local rawtex = require("rawtex")
local source_marks = require("source_marks")

local M = {}

-- What of a request is the same for every format of a paper.
local NEUTRAL = { "values", "includes", "bibliography", "csl", "lang", "number_sections", "number_within", "reference_names",
  "caption_names", "reference_range", "offsets" }

-- Whether two values are equal, with all that they hold.
local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b
  end
  for key, value in pairs(a) do
    if not same(value, b[key]) then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return true
end

M.same = same

-- Images differ by format in where they lie, which is told last (bindings.shown).
local function same_images(a, b)
  for n = 1, math.max(#a, #b) do
    local one, other = a[n] or {}, b[n] or {}
    if one.kind ~= other.kind or one.provenance ~= other.provenance or one.text ~= other.text or not same(one.table, other.table) then
      return false
    end
  end
  return true
end

-- Dangling links stop typst and lead nowhere in HTML: their words stay, and they are reported.
-- `entries` are the ids of the list of references.
function M.check_links(doc, ids, problems, entries)
  return doc:walk({
    Link = function(link)
      local id = link.target:match("^#(.+)$")
      if not id or entries[id] or link.classes:includes("xref") then
        return nil
      end
      local entry = ids[id]
      if not entry and id:find("^ref%-") then
        return link.content
      end
      if not entry then
        problems:insert({ kind = "dangling-link", text = id })
        return link.content
      end
      link.target = "#" .. entry.id
      return link
    end,
  })
end

-- Returns the ids of the list of references.
function M.entries_of(doc)
  local entries = {}
  doc:walk({ Div = function(div) entries[div.identifier] = div.identifier:find("^ref%-") and true or nil end })
  return entries
end

local function resolve(paper, request, library, live)
  local problems = pandoc.List({})
  local options = { csl = request.csl, meta = paper.meta }
  for _, name in ipairs({ "lang", "number_sections", "number_within", "reference_names", "caption_names", "reference_range" }) do
    options[name] = request[name]
  end
  options.names = names.of(options)
  numbering.settle(options)
  local doc = source_marks.put(paper, request.offsets, request.format)
  doc = bindings.bind(live and live:mark(doc) or doc, request.values, request.images, problems, live, request.includes)
  doc = paper.has_formats and alternatives.choose(doc, request.format) or doc
  doc = alternatives.mark_foreign(doc, request.format, paper.problems, rawtex.marked)
  local by_id, all = library:collect(request.bibliography, paper.meta, problems)
  options.citations = by_id
  doc, options.nocite = citations.gather(doc, paper.meta, by_id, all, options.names)
  local cited = citations.are_cited(doc, options.nocite)
  if cited then
    doc = citations.place(doc, paper.meta, options.names)
  end
  if live then
    live:before_numbering(doc)
  end
  local ids
  doc, ids = numbering.number(doc, options, problems, live)
  doc = crossrefs.resolve(doc, ids, options, problems)
  if live then
    live:before_citeproc(doc)
  end
  if cited then
    doc = citations.process(doc, by_id, all, options, problems)
    if live then
      live:after_citeproc(doc)
    end
  end
  local entries = M.entries_of(doc)
  doc = M.check_links(doc, ids, problems, entries)
  local labels = numbering.image_labels(doc, options)
  if live then
    live:resolved({ ids = ids, by_id = by_id, all = all, cited = cited, entries = entries, labels = labels })
  end
  return { doc = doc, options = options, problems = problems, labels = labels, citation_keys = all }
end

-- Whether `kept` is what `request` asks for. Marks, and source that only one format can show, are each format's own.
local function is_kept(kept, paper, request)
  if not kept or (kept.request.format ~= request.format and (#request.offsets > 0 or alternatives.are_in(paper))) then
    return false
  end
  for _, name in ipairs(NEUTRAL) do
    if not same(kept.request[name], request[name]) then
      return false
    end
  end
  return same_images(kept.request.images, request.images)
end

-- Returns the prepared `paper` resolved as `request` wants it: `doc`, `options` that say how, `problems` met on the way, `labels` of
-- images, `citation_keys` of the bibliography. None of them is the caller's to change. `live` follows the paper (see incremental.lua).
function M.of(paper, request, library, live)
  if live then -- which must hear of everything, and leaves marks
    return resolve(paper, request, library, live)
  end
  if not is_kept(paper.resolved, paper, request) then
    paper.resolved = resolve(paper, request, library)
    paper.resolved.request = request
  end
  return paper.resolved
end

return M
