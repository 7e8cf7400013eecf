-- The bibliography: its data come with the request, never from a file that pandoc opens.

local identifiers = require("identifiers")
local kinds = require("kinds")

local M = {}

local CSL_NAME = "paperbuild.csl"

-- Parsed libraries by their text; parsing 500 entries takes longer than typesetting ten pages of them.
local Library = {}
Library.__index = Library

function M.new_library()
  return setmetatable({ parsed = {} }, Library)
end

function Library:references(entry)
  local key = entry.format .. "\0" .. entry.text
  local found = self.parsed[key]
  if found == nil then
    local ok, doc = pcall(pandoc.read, entry.text, entry.format, nil, {})
    found = ok and { list = doc.meta.references or pandoc.List({}) } or { error = tostring(doc) }
    self.parsed = { [key] = found, [self.last or key] = self.parsed[self.last or key] or found }
    self.last = key
  end
  return found
end

-- Returns the references of all files and of the paper's own metadata by id, in order.
function Library:collect(files, meta, problems)
  local all, by_id = pandoc.List({}), {}
  local function add(list)
    for _, reference in ipairs(list or {}) do
      local id = reference.id and pandoc.utils.stringify(reference.id)
      if id and not by_id[id] then
        by_id[id] = reference
        all:insert(id)
      end
    end
  end
  for n, file in ipairs(files) do
    local found = self:references(file)
    if found.error then
      problems:insert({ kind = "bibliography", n = n, text = found.error })
    end
    add(found.list)
  end
  if pandoc.utils.type(meta.references) == "List" then
    add(meta.references)
  end
  return by_id, all
end

-- Returns citations that a metadata entry holds, as inlines.
local function nocite_of(meta)
  local out = pandoc.Inlines({})
  local function take(value)
    local kind = pandoc.utils.type(value)
    if kind == "List" then
      for _, entry in ipairs(value) do
        take(entry)
      end
    elseif kind == "Inlines" or kind == "Blocks" then
      value:walk({ Cite = function(cite) out:insert(cite) end })
    end
  end
  take(meta.nocite)
  return out
end

local function family_of(person)
  if pandoc.utils.type(person) ~= "table" then
    return pandoc.utils.stringify(person)
  end
  local particle = person["non-dropping-particle"]
  local family = pandoc.utils.stringify(person.family or person.literal or person.name or person.given or "")
  return particle and pandoc.utils.stringify(particle) .. " " .. family or family
end

-- Returns the authors as natbib's \citeauthor says them: two by name, of more the first.
local function authors_of(reference, names)
  local people = reference.author or reference.editor
  if pandoc.utils.type(people) ~= "List" or #people == 0 then
    return pandoc.utils.stringify(people or reference.publisher or reference.title or "")
  elseif #people > 2 then
    return family_of(people[1]) .. " et al."
  end
  return table.concat(pandoc.List(people):map(family_of), " " .. (names["and"] or "and") .. " ")
end

local function year_of(reference)
  local issued = reference.issued
  local parts = pandoc.utils.type(issued) == "table" and issued["date-parts"]
  local text = pandoc.utils.stringify(parts and parts[1] and parts[1][1] or issued or "")
  return text:match("%d%d%d%d") or "n.d."
end

-- Returns the words of one part of what is cited, "author", "year" or "yearpar", linked to the list of references.
local function part_of(part, keys, by_id, names)
  local out = pandoc.Inlines({})
  for _, key in ipairs(keys) do
    local reference = by_id[key]
    if reference and part ~= "nothing" then
      local words = part == "author" and authors_of(reference, names) or year_of(reference)
      out:extend(#out > 0 and { pandoc.Str(part == "author" and ";" or ","), pandoc.Space() } or {})
      out:insert(pandoc.Link({ pandoc.Str(words) }, "#ref-" .. key, "", { role = "doc-biblioref" }))
    end
  end
  return part == "yearpar" and #out > 0 and pandoc.Inlines({ pandoc.Str("(") }) .. out .. { pandoc.Str(")") } or out
end

-- Brings all ways to cite into one: identifiers become keys, and what shows only a part of a reference becomes its words. Returns the
-- document, and what is cited without a mark in the text.
function M.gather(doc, meta, by_id, order, names)
  local visit
  doc, visit = identifiers.resolve(doc, by_id, order)
  local nocite = visit(nocite_of(meta))
  doc = doc:walk({ Span = function(span)
    if not span.classes:includes("pb-cited") then
      return nil
    end
    local keys = pandoc.List({})
    for key in span.attributes["pb-keys"]:gmatch("[^,]+") do
      keys:insert(key)
      nocite:insert(pandoc.Cite({}, { pandoc.Citation(key, "NormalCitation") }))
    end
    return part_of(span.attributes["pb-part"], keys, by_id, names)
  end })
  return doc, nocite
end

local function cited_keys(doc, nocite)
  local keys, everything = {}, false
  local function see(cite)
    for _, citation in ipairs(cite.citations) do
      everything = everything or citation.id == "*"
      keys[citation.id] = true
    end
  end
  doc:walk({ Cite = see })
  nocite:walk({ Cite = see })
  return keys, everything
end

-- Whether anything will stand in the list of references.
function M.are_cited(doc, nocite)
  local keys = cited_keys(doc, nocite)
  for key in pairs(keys) do
    if not kinds.kind_of(key) then
      return true
    end
  end
  return false
end

local TITLES = { references = true, bibliography = true, literatur = true, literaturverzeichnis = true, ["références"] = true,
  bibliographie = true, ["works cited"] = true, ["literature cited"] = true }

-- Whether a heading is that of the list of references.
function M.is_title(header)
  return TITLES[pandoc.utils.stringify(header.content):lower()] or false
end

local function unnumbered(header)
  if not header.classes:includes("unnumbered") then
    header.classes:insert("unnumbered")
  end
  return header
end

-- Puts the place of the list into the document: where the author put it, below a heading that waits for it, or at the end of the text.
function M.place(doc, meta, names)
  local blocks, spot = doc.blocks, nil
  local found = false
  doc:walk({ Div = function(div) found = found or div.identifier == "refs" end })
  for i, block in ipairs(blocks) do
    local following = blocks[i + 1]
    if block.t == "Header" then
      local is_refs = following and following.t == "Div" and following.identifier == "refs"
      local waits = not following or (following.t == "Header" and following.level <= block.level)
      local titled = M.is_title(block)
      if is_refs or (titled and waits) then
        blocks[i] = unnumbered(block)
        spot = not is_refs and i + 1 or spot
      end
    end
  end
  local list = pandoc.Div({}, pandoc.Attr("refs"))
  if found then
    doc.blocks = blocks
  elseif spot then
    blocks:insert(spot, list)
    doc.blocks = blocks
  else
    local at = #blocks + 1
    for i, block in ipairs(blocks) do
      if block.t == "Header" and block.classes:includes("appendix") then
        at = i
        break
      end
    end
    local title = meta["reference-section-title"]
    local words = title and pandoc.Inlines(pandoc.utils.type(title) == "Inlines" and title or { pandoc.Str(pandoc.utils.stringify(title)) })
      or pandoc.Inlines({ pandoc.Str(names.references) })
    blocks:insert(at, pandoc.Header(1, words, pandoc.Attr("bibliography", { "unnumbered" })))
    blocks:insert(at + 1, list)
    doc.blocks = blocks
  end
  return doc
end

-- Runs citeproc with only the references that are cited: it takes time for every one that it is given.
function M.process(doc, by_id, order, options, problems)
  local keys, everything = cited_keys(doc, options.nocite)
  local references = pandoc.List({})
  for _, id in ipairs(order) do
    if everything or keys[id] then
      references:insert(by_id[id])
    end
  end
  options.cited = references
  local unknown = pandoc.List({})
  for key in pairs(keys) do
    if key ~= "*" and not by_id[key] then
      unknown:insert(key)
    end
  end
  unknown:sort()
  for _, key in ipairs(unknown) do
    problems:insert({ kind = "unknown-citation", text = key })
  end
  local meta = { references = references, ["link-citations"] = true, nocite = options.nocite, lang = options.lang }
  if options.meta["link-bibliography"] ~= nil then
    meta["link-bibliography"] = options.meta["link-bibliography"]
  end
  if options.csl then
    pandoc.mediabag.insert(CSL_NAME, "application/xml", options.csl)
    meta.csl = CSL_NAME
  end
  doc.meta = meta
  local ok, result = pcall(pandoc.utils.citeproc, doc)
  if not ok then
    problems:insert({ kind = "citeproc", text = tostring(result) })
    return doc
  end
  return result
end

return M
