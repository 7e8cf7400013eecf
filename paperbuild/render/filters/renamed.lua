-- A heading of a followed paper in other words: whether anything else depends on them, and how it stands in the list of contents then.

local citations = require("citations")
local followed = require("followed")
local pieces = require("pieces")

local M = {}

-- Whether a link of some blocks leads to one of two ids.
local function leads_to(blocks, one, other)
  local found = false
  pandoc.Blocks(blocks):walk({ Link = function(link) found = found or link.target == "#" .. one or link.target == "#" .. other end })
  return found
end

-- Whether pandoc, which counts headings that are alike, would give other headings other ids if one had another.
local function is_counted(kept, before, id)
  if kept.ids[id] or id:find("%-%d+$") or before:find("%-%d+$") then
    return true
  end
  for _, some in pairs(kept.ids_of) do
    for _, other in ipairs(some) do
      local stem = other:match("^(.*)%-%d+$")
      if other == id or stem == id or stem == before then
        return true
      end
    end
  end
  return false
end

-- Takes notice of the first heading of the section `n` in other words: pandoc makes its id of them, unless it is given. Returns what it is
-- now, or nil and why all must be written anew.
function M.of(kept, n, header)
  local ids = kept.ids_of[n] or {}
  local before, id = ids[1], header and header.t == "Header" and header.identifier
  if not id or not before then
    return nil, "the title"
  elseif citations.is_title(header) then
    return nil, "a section that holds the list of references"
  elseif id ~= before then
    if is_counted(kept, before, id) then
      return nil, "headings"
    end
    for _, run in ipairs(kept.runs) do
      if leads_to(run.blocks, id, before) then
        return nil, "links to headings"
      end
    end
    kept.ids_of = followed.with(kept.ids_of, n, followed.with(ids, 1, id))
  end
  return { before = before, id = id, content = header.content }
end

-- Returns a heading as it stands in the list of contents.
function M.entry(heading, finisher, options)
  local finished = finisher.finish(pandoc.Pandoc({ pandoc.Plain(heading.content) }), options, pandoc.List({})).blocks
  return { before = heading.before, id = heading.id, text = pieces.each({ finished }, finisher.write)[1] }
end

return M
