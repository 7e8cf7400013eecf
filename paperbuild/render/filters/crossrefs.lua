-- References to what is numbered: `@fig:x`, `[@fig:a; @fig:b]`, and what LaTeX's \ref and its kin became.

local kinds = require("kinds")
local names_by_language = require("names")
local writers = require("xref_writers")

local M = {}

local function ends_with_name(prefix, names)
  local last = pandoc.utils.stringify(prefix):match("(%S+)%s*$") or ""
  last = last:gsub("%.$", ""):lower()
  for _, forms in pairs(names) do
    if type(forms) == "table" then
      for _, form in ipairs(forms) do
        if #last > 1 and (form:lower() == last or (#last > 2 and form:lower():sub(1, #last) == last)) then
          return true
        end
      end
    end
  end
  return last == "eq" or last == "eqs" or last == "figs" or last == "tab" or last == "§"
end

local function joined(parts, names)
  local out = pandoc.Inlines({})
  for i, part in ipairs(parts) do
    if i > 1 then
      local last = i == #parts
      out:extend(last and { pandoc.Space(), pandoc.Str(names["and"]), pandoc.Space() } or { pandoc.Str(","), pandoc.Space() })
    end
    out:extend(part)
  end
  return out
end

-- Turns references into links: `@fig:x`, `[@fig:a; @fig:b]`, and what LaTeX's \ref and its kin became.
function M.resolve(doc, ids, options, problems)
  local names, writer = names_by_language.of(options.lang), writers.of(options.format)
  local known = options.citations
  local reported = {}
  local function missing(id)
    if not reported[id] then
      reported[id] = true
      problems:insert({ kind = "unresolved", text = id })
    end
    return pandoc.Inlines({ pandoc.Strong({ pandoc.Str(id) }) })
  end
  local function name_for(entry, plural)
    local forms = names[entry.kind]
    return forms and forms[plural and 2 or 1]
  end
  local function several(entries)
    local parts, same = {}, true
    for i, entry in ipairs(entries) do
      same = same and entry.kind == entries[1].kind and entry.number ~= ""
    end
    for i, entry in ipairs(entries) do
      local alone = #entries > 1 and same
      parts[i] = writer(entry, not alone and name_for(entry) or nil)
    end
    local out = joined(parts, names)
    if #entries > 1 and same then
      out = pandoc.Inlines({ pandoc.Str((name_for(entries[1], true) or "") .. "\u{a0}") }) .. out
    end
    return out
  end
  local function cite(node)
    local entries, plain = {}, true
    for _, citation in ipairs(node.citations) do
      local kind, id = kinds.kind_of(citation.id)
      if not kind or (known[citation.id] and not ids[id]) then
        return nil
      end
      if not ids[id] then
        return missing(citation.id)
      end
      entries[#entries + 1] = ids[id]
      plain = plain and #citation.prefix == 0 and #citation.suffix == 0 and citation.mode ~= "SuppressAuthor"
    end
    if plain then
      return several(entries)
    end
    local parts = {}
    for i, citation in ipairs(node.citations) do
      local bare = citation.mode == "SuppressAuthor" or ends_with_name(citation.prefix, names)
      local part = pandoc.Inlines(citation.prefix)
      if #part > 0 then
        part:insert(bare and pandoc.Str("\u{a0}") or pandoc.Space())
      end
      part:extend(writer(entries[i], not bare and name_for(entries[i]) or nil))
      part:extend(citation.suffix)
      parts[i] = part
    end
    return joined(parts, names)
  end
  local function link(node)
    local how = node.attributes["reference-type"]
    if not how then -- [](#fig:x) has no words of its own
      local entry = #node.content == 0 and ids[node.target:match("^#(.+)$") or ""]
      return entry and several({ entry }) or nil
    end
    local entries = {}
    for id in node.attributes.reference:gmatch("[^,%s]+") do
      if not ids[id] then
        return missing(id)
      end
      entries[#entries + 1] = ids[id]
    end
    if how == "nameref" then
      return joined(pandoc.List(entries):map(function(entry) return writers.titled(entry) end), names)
    end
    local page = how == "pageref" and writers.page(options.format, entries[1])
    if page then
      return page
    end
    if how == "ref+label" or how == "ref+Label" or how == "pageref" then
      return several(entries)
    end
    local parts = {}
    for i, entry in ipairs(entries) do
      parts[i] = writer(entry, nil, how == "ref")
    end
    return joined(parts, names)
  end
  -- inside a formula there are no links: a number is what \ref says there
  local function formula(math)
    local new = math.text:gsub("\\(%a*ref)%s*{([^}]*)}", function(command, id)
      local entry = ids[id]
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
  -- "Figure @fig:x": the name stands there already
  local function named_before(inlines)
    local changed = false
    for i = 3, #inlines do
      local node, before = inlines[i], inlines[i - 2]
      local spaced = inlines[i - 1].t == "Space" or inlines[i - 1].t == "SoftBreak"
      if node.t == "Cite" and #node.citations == 1 and spaced and before.t == "Str" and kinds.kind_of(node.citations[1].id) then
        if ends_with_name({ before }, names) then
          local citations = node.citations
          citations[1].mode = "SuppressAuthor"
          node.citations = citations
          inlines[i] = node
          changed = true
        end
      end
    end
    return changed and inlines or nil
  end
  return doc:walk({ Inlines = named_before }):walk({ Cite = cite, Link = link, Math = formula })
end

return M
