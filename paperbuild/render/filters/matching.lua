-- A filter for lists of inlines that is applied only to the paragraphs in which it can matter.
--
-- Lua gets every inline of a list as an object of its own, and makes the list anew for what goes back, which takes longer than all else
-- that happens to a paragraph. The words of a paragraph cost one call.

local M = {}

local PARAGRAPHS = { "Para", "Plain", "Header", "LineBlock" }

-- Returns `doc` filtered by `inlines` in each paragraph (cell, heading, line block) for which `matters(words, block)` is true. What raw
-- nodes hold is none of the words, and neither are notes, which are asked for themselves.
function M.walk(doc, matters, inlines)
  local filter = { Inlines = inlines }
  local function visit(block)
    if matters(pandoc.utils.stringify(block), block) then
      return block:walk(filter), false
    end
  end
  local visitor = { traverse = "topdown" }
  for _, name in ipairs(PARAGRAPHS) do
    visitor[name] = visit
  end
  return doc:walk(visitor)
end

-- Returns `doc` filtered by `inlines` in each paragraph that holds a node for which `kinds` has a function that is true of it. One look
-- at the whole document finds them, which takes less time than one look at each paragraph.
function M.walk_holding(doc, kinds, inlines)
  local holding, n = {}, 0
  local looking = { traverse = "topdown" }
  for name, matters in pairs(kinds) do
    looking[name] = function(node)
      holding[n] = holding[n] or matters(node)
    end
  end
  function looking.Note(note) -- what comes behind one belongs to the paragraph again, but nothing would tell
    holding[n] = true
    return note, false
  end
  local filtering, filter = { traverse = "topdown" }, { Inlines = inlines }
  for _, name in ipairs(PARAGRAPHS) do
    looking[name] = function()
      n = n + 1
    end
    filtering[name] = function(block)
      n = n + 1
      if holding[n] then
        return block:walk(filter), false
      end
    end
  end
  doc:walk(looking)
  n = 0
  return doc:walk(filtering)
end

return M
