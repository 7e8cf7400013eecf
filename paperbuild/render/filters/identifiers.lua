-- Citations by persistent identifiers, as Manubot has them: `@doi:10.…`, `@arxiv:…`, `@pmid:…`, found in the bibliography by what it says.

local M = {}

local function said(reference, ...)
  for _, name in ipairs({ ... }) do
    if reference[name] then
      return pandoc.utils.stringify(reference[name])
    end
  end
  return ""
end

-- Returns an identifier in the one way in which it is compared: no prefix of a resolver, lower case, no version of a preprint.
local function normal(kind, value)
  value = value:lower():gsub("^%s+", ""):gsub("[%s%.]+$", "")
  if kind == "doi" then
    return (value:gsub("^https?://d?x?%.?doi%.org/", ""):gsub("^doi:%s*", ""))
  elseif kind == "arxiv" then
    return (value:gsub("^https?://arxiv%.org/%a+/", ""):gsub("^arxiv:", ""):gsub("%.pdf$", ""):gsub("v%d+$", ""))
  elseif kind == "pmcid" then
    return (value:gsub("^pmc", ""))
  elseif kind == "isbn" then
    return (value:gsub("[%s%-]", ""))
  elseif kind == "url" then
    return (value:gsub("^https?://", ""):gsub("/$", ""))
  end
  return value
end

local NAMES = { doi = "doi", arxiv = "arxiv", pmid = "pmid", pubmed = "pmid", pmcid = "pmcid", pmc = "pmcid", isbn = "isbn", url = "url" }

-- Returns what kind of identifier a citation key is and the identifier in its normal form; nil where it is a key like any other.
function M.of(key)
  local name, value = key:match("^(%a+):(.+)$")
  local kind = name and NAMES[name:lower()]
  if kind then
    return kind, normal(kind, value)
  end
  if key:find("^https?://") then
    local doi = key:match("^https?://d?x?%.?doi%.org/(.+)$")
    return doi and "doi" or "url", doi and normal("doi", doi) or normal("url", key)
  end
  return nil
end

-- Returns the reference's identifiers, by kind.
local function identifiers(reference)
  local url, note = said(reference, "URL", "url"), said(reference, "note")
  local found = {
    doi = said(reference, "DOI", "doi"), pmid = said(reference, "PMID", "pmid"), pmcid = said(reference, "PMCID", "pmcid"),
    isbn = said(reference, "ISBN", "isbn"), url = url, arxiv = "",
  }
  local at_doi = url:match("^https?://d?x?%.?doi%.org/(.+)$")
  found.doi = found.doi ~= "" and found.doi or at_doi or note:match("[Dd][Oo][Ii]:%s*(10%.%S+)") or ""
  local eprint = said(reference, "eprint", "number"):match("^%a*:?(%d%d%d%d%.%d+v?%d*)$")
  found.arxiv = url:match("^https?://arxiv%.org/%a+/(.+)$") or found.doi:lower():match("^10%.48550/arxiv%.(.+)$") or eprint
    or note:match("ar[Xx]iv:%s*(%d%d%d%d%.%d+)") or ""
  found.pmid = found.pmid ~= "" and found.pmid or url:match("pubmed[%w%.]*/(%d+)") or note:match("PMID:%s*(%d+)") or ""
  return found
end

-- Returns the references' ids by identifier, "kind:value".
local function index(by_id, order)
  local found = {}
  for _, id in ipairs(order) do
    for kind, value in pairs(identifiers(by_id[id])) do
      local key = value ~= "" and kind .. ":" .. normal(kind, value)
      if key and not found[key] then
        found[key] = id
      end
    end
  end
  return found
end

-- Puts the key of the bibliography in the place of each identifier that it has. Keys that it has as they stand are left alone.
function M.resolve(doc, by_id, order)
  local found
  local function resolved(key)
    local kind, value = M.of(key)
    if by_id[key] or not kind then
      return nil
    end
    found = found or index(by_id, order)
    local id = found[kind .. ":" .. value]
    while not id and kind == "doi" and value:find("[^%w]$") do -- punctuation of the sentence
      value = value:sub(1, -2)
      id = found["doi:" .. value]
    end
    return id
  end
  local function visit(element)
    return element:walk({ Cite = function(cite)
      local changed = false
      for _, citation in ipairs(cite.citations) do
        local id = resolved(citation.id)
        if id then
          citation.id, changed = id, true
        end
      end
      return changed and cite or nil
    end })
  end
  return visit(doc), visit
end

return M
