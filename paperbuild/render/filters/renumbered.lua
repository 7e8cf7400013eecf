-- The numbers of a followed paper when one of its sections counts otherwise than before: all are counted again, and all references said
-- again, over the blocks that are kept. Nothing is parsed but the section, and nothing written that shows no other number.

local crossrefs = require("crossrefs")
local followed = require("followed")
local numbering = require("numbering")
local pieces = require("pieces")
local resolution = require("resolution")
local source = require("source")

local M = {}

-- Returns the runs of the paper `kept` with other blocks for the section `n`; nil where it is in several pieces.
function M.runs(kept, n, blocks)
  local out, found = {}, 0
  for i, run in ipairs(kept.runs) do
    out[i] = run
    if run.section == n then
      found = found + 1
      out[i] = { section = n, blocks = followed.marked_as(n, blocks, run.blocks) }
    end
  end
  return found == 1 and out or nil
end

-- Returns where each section starts, as `counted` has it, with what else is kept of that.
local function starts_of(kept, counted)
  local out = {}
  for n, start in pairs(kept.starts) do
    local now = counted[n] or {}
    out[n] = { values = start.values, images = start.images, count = now.count, trail = now.trail }
  end
  return out
end

-- Returns how many entries of a list are not those of another; more than there can be where it is shorter or longer.
local function others_in(some, others)
  local count = #some ~= #others and math.huge or 0
  for i, entry in ipairs(some) do
    count = count + (entry ~= others[i] and 1 or 0)
  end
  return count
end

-- Returns what becomes other in the paper `kept` when its `runs` are numbered: `bare` blocks by section, `ids`, and what each section
-- starts from. Else nil, and why all must be written anew. `is_renamed`: one heading has other words.
function M.count(kept, runs, is_renamed)
  local problems, live, blocks = pandoc.List({}), followed.follow(kept.paper, kept.request), pandoc.Blocks(kept.unnumbered_front)
  for _, run in ipairs(runs) do
    blocks:extend(run.blocks)
  end
  local doc, ids = numbering.number(pandoc.Pandoc(blocks), kept.options, problems, live)
  doc = crossrefs.resolve(doc, ids, kept.options, problems)
  local front, body = source.parted(doc.blocks)
  local contents = followed.outline(body)
  if #problems > 0 then
    return nil, "problems"
  elseif not resolution.same(numbering.image_labels(doc, kept.options), kept.labels) then
    return nil, "numbers of results"
  elseif others_in(contents, kept.contents) > (is_renamed and 1 or 0) then
    return nil, "the list of contents"
  elseif not pieces.same(front, kept.bare_front) then
    return nil, "references before the text"
  end
  local stop = { values = kept.stop.values, images = kept.stop.images, count = live.ends.count, trail = live.ends.trail }
  return { bare = live:by_section(body), ids = ids, starts = starts_of(kept, live.starts), stop = stop, trail = live.trail,
    contents = contents }
end

return M
