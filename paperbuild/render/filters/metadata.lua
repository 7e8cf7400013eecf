-- Who wrote the paper: every way in which real papers say so, brought into one shape.

local M = {}

local function text(value)
  if value == nil then
    return ""
  end
  local kind = pandoc.utils.type(value)
  if kind == "boolean" or kind == "table" or kind == "List" then
    return kind == "boolean" and tostring(value) or ""
  end
  return (pandoc.utils.stringify(value):gsub("^%s+", ""):gsub("%s+$", ""))
end
M.text = text

local function as_list(value)
  local kind = pandoc.utils.type(value)
  if value == nil then
    return {}
  end
  return kind == "List" and value or { value }
end

local function inlines(value)
  local kind = pandoc.utils.type(value)
  if kind == "Inlines" then
    return value
  elseif kind == "Blocks" then
    return pandoc.utils.blocks_to_inlines(value)
  end
  return pandoc.Inlines({ pandoc.Str(text(value)) })
end

local function join(...)
  local out = pandoc.Inlines({})
  for _, part in ipairs({ ... }) do
    local nodes = inlines(part)
    if text(part) ~= "" then
      if #out > 0 then
        out:insert(pandoc.Space())
      end
      out:extend(nodes)
    end
  end
  return out
end

-- `name` as words, `{given:, family:}`, or JOSS's keys beside it.
local function name_of(entry)
  if pandoc.utils.type(entry) ~= "table" then
    return inlines(entry)
  end
  local named = entry.name
  local parts = pandoc.utils.type(named) == "table" and named or entry
  if named and parts == entry then
    return inlines(named)
  end
  local function part(...)
    for _, key in ipairs({ ... }) do
      if text(parts[key]) ~= "" then
        return parts[key]
      end
    end
    return ""
  end
  local full = join(part("given-names", "given", "given_names", "firstname", "first"), part("dropping-particle", "non-dropping-particle", "particle"),
    part("surname", "family", "last", "lastname"), part("suffix"))
  return #full > 0 and full or inlines(entry.literal or "")
end

local function truthy(value)
  local word = text(value):lower()
  return value == true or word == "true" or word == "yes" or word == "1"
end

-- Collects affiliations by key; one that is written out in an author's entry gets the next free number.
local function affiliation_book(meta)
  local book = { list = {}, by_key = {}, by_name = {} }
  function book.add(key, name)
    local plain = text(name)
    local entry = { key = key, name = inlines(name), plain = plain }
    book.list[#book.list + 1] = entry
    book.by_key[key], book.by_name[plain] = entry, book.by_name[plain] or entry
    return entry
  end
  for n, entry in ipairs(as_list(meta.affiliations or meta.affiliation or meta.institute)) do
    if pandoc.utils.type(entry) == "table" then
      local key = text(entry.index or entry.id or entry.key or entry.number)
      local name = entry.name or entry.organization or entry.institution
      if not name then -- `- lab: Laboratory of …`
        for k, v in pairs(entry) do
          key, name = k, pandoc.utils.type(v) == "table" and v.name or v
        end
      end
      book.add(key ~= "" and key or tostring(n), name)
    else
      book.add(tostring(n), entry)
    end
  end
  return book
end

local function affiliations_of(entry, book)
  local keys = {}
  local function one(value)
    if pandoc.utils.type(value) == "table" then
      local name = value.name or value.organization or value.institution
      local key = text(value.index or value.id or value.ref)
      local known = book.by_key[key] or book.by_name[text(name)]
      keys[#keys + 1] = (known or book.add(key ~= "" and key or tostring(#book.list + 1), name or "")).key
      return
    end
    local plain = text(value)
    local known = book.by_key[plain] or book.by_name[plain]
    if known then
      keys[#keys + 1] = known.key
      return
    end
    local all, parts = true, {}
    for part in plain:gmatch("[^,;&%s]+") do
      if part ~= "and" then
        parts[#parts + 1] = part
        all = all and book.by_key[part] ~= nil
      end
    end
    if all and #parts > 0 then
      for _, part in ipairs(parts) do
        keys[#keys + 1] = part
      end
    elseif plain ~= "" then
      keys[#keys + 1] = book.add(tostring(#book.list + 1), value).key
    end
  end
  for _, value in ipairs(as_list(entry.affiliations or entry.affiliation or entry.institute or entry.institution)) do
    one(value)
  end
  return keys
end

-- Returns what is known of the authors, and the pieces of text to be treated like the rest of the paper.
function M.people(meta)
  local book = affiliation_book(meta)
  local authors, fields = {}, {}
  for _, entry in ipairs(as_list(meta.authors or meta.author)) do
    local map = pandoc.utils.type(entry) == "table" and entry or {}
    local name = name_of(entry)
    if #name > 0 then
      local orcid = text(map.orcid):match("(%d%d%d%d%-%d%d%d%d%-%d%d%d%d%-%d%d%d[%dXx])") or ""
      authors[#authors + 1] = {
        plain = text(name), affiliations = pandoc.List(affiliations_of(map, book)), orcid = orcid, email = text(map.email),
        corresponding = truthy(map.corresponding) or truthy(map.correspondence),
        equal = truthy(map["equal-contrib"]) or truthy(map.equal) or truthy(map.equal_contrib),
      }
      fields[#fields + 1] = { name = "author", n = #authors, blocks = pandoc.Blocks({ pandoc.Plain(name) }) }
    end
  end
  local affiliations = {}
  for n, entry in ipairs(book.list) do
    affiliations[n] = { key = entry.key }
    fields[#fields + 1] = { name = "affiliation", n = n, blocks = pandoc.Blocks({ pandoc.Plain(entry.name) }) }
  end
  return { authors = authors, affiliations = affiliations }, fields
end

local function plain(value)
  local kind = pandoc.utils.type(value)
  if kind == "boolean" or kind == "number" or kind == "string" then
    return value
  elseif kind == "List" then
    return pandoc.List(value):map(plain)
  elseif kind == "table" then
    local out = {}
    for key, entry in pairs(value) do
      out[key] = plain(entry)
    end
    return next(out) and out or nil
  end
  return pandoc.utils.stringify(value)
end

-- Returns metadata as plain data: formatted text becomes its words.
function M.plain(meta)
  local out = {}
  for key, value in pairs(meta) do
    out[key] = plain(value)
  end
  return out
end

return M
