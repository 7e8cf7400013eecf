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

local function first_of(map, ...)
  for _, key in ipairs({ ... }) do
    if text(map[key]) ~= "" then
      return map[key]
    end
  end
  return ""
end

-- A list, or one entry, as a list of texts.
local function texts(value)
  local out = pandoc.List({})
  for _, entry in ipairs(as_list(value)) do
    local kind = pandoc.utils.type(entry)
    if kind == "table" then -- Quarto's `roles: - writing: lead`, `funding: - source: …`
      local named = text(first_of(entry, "name", "source", "role", "statement"))
      local said = pandoc.List({ named ~= "" and named or nil })
      for key, detail in pairs(named == "" and entry or {}) do
        said:insert(text(detail) ~= "" and key .. " (" .. text(detail) .. ")" or key)
      end
      said:sort()
      out:extend(said)
    elseif text(entry) ~= "" then
      out:insert(text(entry))
    end
  end
  return out
end

local function joined_text(...)
  local parts = pandoc.List({ ... }):map(text):filter(function(part) return part ~= "" end)
  return table.concat(parts, " ")
end

-- Returns a person's name as words, and its parts as text: `name` as words, `{given:, family:}`, or JOSS's keys beside it.
local function name_of(entry)
  if pandoc.utils.type(entry) ~= "table" then
    return inlines(entry), {}
  end
  local named = entry.name
  local parts = pandoc.utils.type(named) == "table" and named or entry
  local given = first_of(parts, "given-names", "given", "given_names", "given-name", "firstname", "first")
  local dropping = parts["dropping-particle"] or ""
  local particle = first_of(parts, "non-dropping-particle", "particle")
  local surname = first_of(parts, "surname", "family", "family-name", "last", "lastname")
  local suffix = parts.suffix or ""
  local said = { given = joined_text(given, dropping), family = joined_text(particle, surname), suffix = text(suffix) }
  if named and parts == entry then
    return inlines(named), said
  end
  local full = join(given, dropping, particle, surname, suffix)
  return #full > 0 and full or inlines(parts.literal or ""), said
end

local function truthy(value)
  local word = text(value):lower()
  return value == true or word == "true" or word == "yes" or word == "1"
end

-- What is said of an affiliation besides its key; a department and a town are shown with its name.
local function place_of(entry)
  local function plainly(...)
    return text(first_of(entry, ...))
  end
  local name = first_of(entry, "name", "organization", "organisation", "institution", "institute", "affiliation")
  local place = {
    department = plainly("department", "division"), city = plainly("city"), region = plainly("region", "state"),
    country = plainly("country"), ror = plainly("ror"):match("0%w%w%w%w%w%w%d%d") or "", url = plainly("url", "website"),
  }
  local shown = pandoc.Inlines({})
  for _, part in ipairs({ place.department, name, place.city, place.region, place.country }) do
    if text(part) ~= "" then
      shown:extend(#shown > 0 and { pandoc.Str(","), pandoc.Space() } or {})
      shown:extend(inlines(part))
    end
  end
  place.institution = text(name)
  return place, shown
end

-- Collects affiliations by key; one that is written out in an author's entry gets the next free number.
local function affiliation_book(meta)
  local book = { list = {}, by_key = {}, by_name = {}, declared = false }
  function book.add(key, name, place)
    local plain = text(name)
    local entry = place or { institution = plain }
    entry.key, entry.name = key, inlines(name)
    book.list[#book.list + 1] = entry
    book.by_key[key], book.by_name[plain] = entry, book.by_name[plain] or entry
    return entry
  end
  for n, entry in ipairs(as_list(meta.affiliations or meta.affiliation or meta.institute)) do
    book.declared = true
    if pandoc.utils.type(entry) == "table" then
      local key = text(first_of(entry, "index", "id", "key", "number"))
      local place, name = place_of(entry)
      if #name == 0 then -- `- lab: Laboratory of …`
        for k, v in pairs(entry) do
          key = k
          if pandoc.utils.type(v) == "table" then
            place, name = place_of(v)
          else
            place, name = { institution = text(v) }, v
          end
        end
      end
      book.add(key ~= "" and key or tostring(n), name, place)
    else
      book.add(tostring(n), entry)
    end
  end
  return book
end

-- Returns the keys of an author's affiliations: numbers as in JOSS, references, names that are known, or written out.
local function affiliations_of(entry, book, problems)
  local keys = {}
  local function described(value)
    local place, name = place_of(value)
    local key = text(first_of(value, "ref", "index", "id"))
    local known = book.by_key[key] or book.by_name[text(name)]
    if not known and #name == 0 then
      problems:insert({ kind = "unknown-affiliation", text = key })
    else
      keys[#keys + 1] = (known or book.add(key ~= "" and key or tostring(#book.list + 1), name, place)).key
    end
  end
  local function one(value)
    if pandoc.utils.type(value) == "table" then
      return described(value)
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
        all = all and (book.by_key[part] ~= nil or (book.declared and part:find("^%d+$") ~= nil))
      end
    end
    if all and #parts > 0 then
      for _, part in ipairs(parts) do
        if book.by_key[part] then
          keys[#keys + 1] = part
        else
          problems:insert({ kind = "unknown-affiliation", text = part })
        end
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

-- The check character of an ORCID iD: ISO 7064, MOD 11-2.
local function is_orcid(id)
  local total = 0
  for digit in id:sub(1, -2):gmatch("%d") do
    total = (total + tonumber(digit)) * 2
  end
  local check = (12 - total % 11) % 11
  return (check == 10 and "X" or tostring(check)) == id:sub(-1)
end

local function orcid_of(map, problems)
  local said = text(map.orcid)
  local id = said:match("(%d%d%d%d%-%d%d%d%d%-%d%d%d%d%-%d%d%d[%dXx])")
  if said ~= "" and not (id and is_orcid(id:upper())) then
    problems:insert({ kind = "no-orcid", text = said })
    return ""
  end
  return id and id:upper() or ""
end

-- Returns what is known of one author besides the name.
local function facts_of(map, book, problems)
  local attributes = pandoc.utils.type(map.attributes) == "table" and map.attributes or {}
  local function is(...)
    for _, key in ipairs({ ... }) do
      if truthy(map[key]) or truthy(attributes[key]) then
        return true
      end
    end
    return false
  end
  local corresponding = map.corresponding or map.correspondence
  local address = text(map.email)
  if text(corresponding):find("@", 1, true) then -- `correspondence: name@example.org`
    address = address ~= "" and address or text(corresponding)
  end
  return {
    affiliations = pandoc.List(affiliations_of(map, book, problems)), orcid = orcid_of(map, problems), email = address,
    corresponding = is("corresponding", "correspondence") or text(corresponding):find("@", 1, true) ~= nil,
    equal = is("equal-contrib", "equal", "equal_contrib", "equal-contributor", "equal_contributor", "equal_contributors"),
    deceased = is("deceased"), url = text(first_of(map, "url", "website", "homepage")), symbol = text(map.symbol),
    note = text(first_of(map, "note", "notes", "footnote", "thanks")), degrees = texts(map.degrees),
    roles = texts(map.roles or map.role), funders = texts(map.funders or map.funding),
  }
end

-- pandoc-scholar's `- Ada Lovelace: {institute: …}`: the name is the only key, and what it holds describes the person.
local function unfolded(entry)
  local key, value = next(entry)
  if key and next(entry, key) == nil and pandoc.utils.type(value) == "table" and not ({ name = true })[key] then
    local copy = { name = pandoc.Inlines({ pandoc.Str(key) }) }
    for k, v in pairs(value) do
      copy[k] = v
    end
    return copy
  end
  return entry
end

-- Returns what is known of the authors, and the pieces of text to be treated like the rest of the paper.
function M.people(meta, problems)
  local book = affiliation_book(meta)
  local authors, fields = {}, {}
  for _, entry in ipairs(as_list(meta.authors or meta.author or meta["by-author"])) do
    local map = pandoc.utils.type(entry) == "table" and unfolded(entry) or {}
    local name, parts = name_of(next(map) and map or entry)
    if #name > 0 then
      local author = facts_of(map, book, problems)
      author.plain, author.given, author.family, author.suffix = text(name), parts.given, parts.family, parts.suffix
      authors[#authors + 1] = author
      fields[#fields + 1] = { name = "author", n = #authors, blocks = pandoc.Blocks({ pandoc.Plain(name) }) }
    end
  end
  local affiliations = {}
  for n, entry in ipairs(book.list) do
    fields[#fields + 1] = { name = "affiliation", n = n, blocks = pandoc.Blocks({ pandoc.Plain(entry.name) }) }
    entry.name = nil
    affiliations[n] = entry
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
