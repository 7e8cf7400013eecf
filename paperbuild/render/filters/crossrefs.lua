-- References to what is numbered: `@fig:x`, `[@fig:a; @fig:b]`, and what LaTeX's \ref and its kin became.
--
-- Several references in one are grouped by what they name, sorted, and each once; three or more consecutive numbers become a range:
-- "Figures 1–3 and Table 2".

local kinds = require("kinds")
local matching = require("matching")
local xrefs = require("xref_writers")

local M = {}

local RANGE = 3 -- so many consecutive numbers are a range

local Resolver = {}
Resolver.__index = Resolver

-- Returns inlines with commas between the parts and "and" before the last.
function Resolver:joined(parts)
  local names, out = self.names, pandoc.Inlines({})
  for i, part in ipairs(parts) do
    if i > 1 then
      local between = i < #parts and names.comma or #parts > 2 and names.last or " " .. names["and"] .. " "
      out:extend(pandoc.Inlines(between))
    end
    out:extend(part)
  end
  return out
end

-- Returns groups of entries of one kind, in the order in which the kinds occur; in each its entries in order, each once.
local function grouped(entries)
  local groups, of_kind, seen = {}, {}, {}
  for _, entry in ipairs(entries) do
    if not seen[entry] then
      seen[entry] = true
      local group = entry.number ~= "" and of_kind[entry.kind]
      if not group then
        group = { kind = entry.kind }
        groups[#groups + 1] = group
        of_kind[entry.kind] = entry.number ~= "" and group or of_kind[entry.kind]
      end
      group[#group + 1] = entry
    end
  end
  for _, group in ipairs(groups) do
    table.sort(group, function(a, b) return a.order < b.order end)
  end
  return groups
end

-- Returns the last index of the run of consecutive numbers that starts at `first`.
local function run_end(group, first)
  local last = first
  while group[last + 1] and group[last].series and group[last + 1].series == group[last].series
    and group[last + 1].ordinal == group[last].ordinal + 1 do
    last = last + 1
  end
  return last
end

-- "1, 3, and 5–7", "1a–c and 2b", without a name.
function Resolver:numbers(group, bare)
  local parts, at, before = {}, 1, nil
  local function write(entry)
    local part = before ~= nil and entry.part ~= nil and entry.kind == "figure" and before.part ~= nil and before.whole == entry.whole
    before = entry
    return xrefs.link(entry, { part = part, bare = bare })
  end
  while at <= #group do
    local last = run_end(group, at)
    if last - at + 1 >= RANGE then
      parts[#parts + 1] = write(group[at]) .. pandoc.Inlines({ pandoc.Str(self.names.range) }) .. write(group[last])
      at = last + 1
    else
      parts[#parts + 1] = write(group[at])
      at = at + 1
    end
  end
  return self:joined(parts)
end

-- Entries as one reference. `how` may have `capital` (at the start of a sentence), `nameless`, and `bare`.
function Resolver:several(entries, how)
  local parts = {}
  for i, group in ipairs(grouped(entries)) do
    local plural = #group > 1
    local named = not how.nameless and group[1].number ~= "" and self.names.forms[group.kind] ~= nil
    local before, after
    if named then
      before, after = self.names:reference(group.kind, plural, how.capital and i == 1)
    end
    if not plural then
      parts[i] = xrefs.link(group[1], { name = before ~= "" and before or nil, bare = how.bare })
    else
      parts[i] = self:numbers(group, how.bare)
      if named then
        parts[i]:insert(1, pandoc.Str(before .. "\u{a0}"))
      end
    end
    if after and after ~= "" then
      parts[i]:insert(pandoc.Str("\u{a0}" .. after))
    end
  end
  return self:joined(parts)
end

function Resolver:missing(id)
  if not self.reported[id] then
    self.reported[id] = true
    self.problems:insert({ kind = "unresolved", text = id })
  end
  return pandoc.Inlines({ pandoc.Strong({ pandoc.Str(id) }) })
end

function Resolver:ends_with_name(inlines)
  local last = pandoc.utils.stringify(inlines):match("(%S+)%s*$")
  return last ~= nil and self.names:has(last)
end

-- Whether words stand only before the first citation and behind the last: around all of them.
local function is_framed(citations)
  for i, citation in ipairs(citations) do
    if (i > 1 and #citation.prefix > 0) or (i < #citations and #citation.suffix > 0) or citation.mode ~= citations[#citations].mode then
      return false
    end
  end
  return true
end

-- One reference with what the author wrote before and behind it.
function Resolver:framed(entries, first, last, capital)
  local nameless = first.mode == "SuppressAuthor" or self:ends_with_name(first.prefix)
  local out = pandoc.Inlines(first.prefix)
  if #out > 0 then
    out:insert(nameless and pandoc.Str("\u{a0}") or pandoc.Space())
  end
  out:extend(self:several(entries, { nameless = nameless, capital = capital and #out == 0 }))
  out:extend(last.suffix)
  return out
end

-- References among citations stand in the citation's own brackets: "(Figure 1; Knuth 1984)".
function Resolver:among_citations(node)
  local kept, first, last, found = pandoc.List({}), pandoc.Inlines({}), pandoc.Inlines({}), false
  for _, citation in ipairs(node.citations) do
    local entry = self.ids[select(2, kinds.kind_of(citation.id)) or ""]
    if not entry or self.known[citation.id] then
      kept:insert(citation)
    else
      found = true
      local words = self:framed({ entry }, citation, citation, false)
      if #kept == 0 then
        first:extend(words .. pandoc.Inlines("; "))
      else
        last:extend(pandoc.Inlines("; ") .. words)
      end
    end
  end
  if not found then
    return nil
  end
  kept[1].prefix = first .. kept[1].prefix
  kept[#kept].suffix = kept[#kept].suffix .. last
  node.citations = kept
  return node
end

function Resolver:cite(node)
  local entries, capital = {}, false
  for i, citation in ipairs(node.citations) do
    local kind, id, is_capital = kinds.kind_of(citation.id)
    if not kind or (self.known[citation.id] and not self.ids[id]) then
      return self:among_citations(node)
    end
    if not self.ids[id] then
      return self:missing(citation.id)
    end
    entries[i] = self.ids[id]
    capital = capital or (i == 1 and is_capital)
  end
  local citations = node.citations
  if is_framed(citations) then
    return self:framed(entries, citations[1], citations[#citations], capital)
  end
  local parts = {}
  for i, citation in ipairs(citations) do
    parts[i] = self:framed({ entries[i] }, citation, citation, false)
  end
  return self:joined(parts)
end

function Resolver:link(node)
  local how = node.attributes["reference-type"]
  if not how then -- [](#fig:x) has no words of its own
    local entry = #node.content == 0 and self.ids[node.target:match("^#(.+)$") or ""]
    return entry and self:several({ entry }, {}) or nil
  end
  local entries = {}
  for id in node.attributes.reference:gmatch("[^,%s]+") do
    if not self.ids[id] then
      return self:missing(id)
    end
    entries[#entries + 1] = self.ids[id]
  end
  if how == "nameref" then
    return self:joined(pandoc.List(entries):map(function(entry) return xrefs.link(entry, { title = true }) end))
  end
  local named = how == "ref+label" or how == "ref+Label" or how == "pageref"
  local words = self:several(entries, { nameless = not named, bare = how == "ref", capital = how == "ref+Label" })
  return how == "pageref" and xrefs.page(entries[1], words) or words
end

-- Inside a formula there are no links: a number is what \ref says there.
function Resolver:formula(math)
  local new = math.text:gsub("\\(%a*ref)%s*{([^}]*)}", function(command, id)
    local entry = self.ids[id]
    if not entry or not (command == "ref" or command == "eqref") then
      return nil
    end
    return "\\text{" .. (command == "eqref" and "(" .. entry.number .. ")" or entry.number) .. "}"
  end)
  if new ~= math.text then
    math.text = new
    return math
  end
end

-- "Figure @fig:x", "Figures [@fig:x; @fig:y]": the name stands there already.
function Resolver:named_before(inlines)
  local changed = false
  for i = 3, #inlines do
    local node = inlines[i]
    local space, before = node.t == "Cite" and inlines[i - 1].t, inlines[i - 2]
    if (space == "Space" or space == "SoftBreak") and before.t == "Str" and self:ends_with_name({ before }) then
      local citations, all = node.citations, true
      for _, citation in ipairs(citations) do
        all = all and kinds.kind_of(citation.id) ~= nil and #citation.prefix == 0
      end
      if all then
        for _, citation in ipairs(citations) do
          citation.mode = "SuppressAuthor"
        end
        node.citations = citations
        inlines[i] = node
        changed = true
      end
    end
  end
  return changed and inlines or nil
end

-- Whether the words of a paragraph have a name before a reference.
function Resolver:may_be_named(words)
  for word in words:gmatch("(%S+)%s+[%[%-]*@%a+:") do
    if self.names:has(word) then
      return true
    end
  end
  return false
end

-- Turns references into links. `ids` are the entries by id, `options.citations` what the bibliographies hold.
function M.resolve(doc, ids, options, problems)
  local resolver = setmetatable({
    ids = ids, names = options.names, known = options.citations, problems = problems, reported = {},
  }, Resolver)
  local function may_be_named(words)
    return resolver:may_be_named(words)
  end
  return matching.walk(doc, may_be_named, function(inlines) return resolver:named_before(inlines) end):walk({
    Cite = function(node) return resolver:cite(node) end,
    Link = function(node) return resolver:link(node) end,
    Math = function(math) return resolver:formula(math) end,
  })
end

return M
