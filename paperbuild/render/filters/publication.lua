-- Where a paper appeared, as its front matter says: keys of its own, or a `citation` with the names of CSL, as Quarto has it.

local M = {}

local KEYS = {
  doi = { "doi", "DOI" }, journal = { "journal", "container-title" }, volume = { "volume" }, issue = { "issue" },
  pages = { "pages", "page" }, publisher = { "publisher" }, url = { "url", "URL" },
}

-- Returns the text of a value; a journal may be a map with a title or a name.
local function text(value)
  if pandoc.utils.type(value) == "table" then
    value = value.title or value.name
  end
  local kind = pandoc.utils.type(value)
  if value == nil or kind == "boolean" or kind == "table" or kind == "List" then
    return ""
  end
  return (pandoc.utils.stringify(value):gsub("^%s+", ""):gsub("%s+$", ""))
end

-- Returns what is known of the publication, by the names that paperbuild.render.parts.Publication has.
function M.of(meta)
  local citation = pandoc.utils.type(meta.citation) == "table" and meta.citation or {}
  local out = {}
  for field, keys in pairs(KEYS) do
    for _, key in ipairs(keys) do
      local found = text(meta[key])
      found = found ~= "" and found or text(citation[key])
      if found ~= "" and not out[field] then
        out[field] = found
      end
    end
  end
  if out.doi then
    out.doi = out.doi:gsub("^https?://[%w.]*doi%.org/", ""):gsub("^[dD][oO][iI]:%s*", "")
  end
  return out
end

return M
