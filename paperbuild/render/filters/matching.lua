-- A filter for lists of inlines that is applied only to the paragraphs in which it can matter.
--
-- Lua gets every inline of a list as an object of its own, and makes the list anew for what goes back, which takes longer than all else
-- that happens to a paragraph. The words of a paragraph cost one call.

local M = {}

-- Returns `doc` filtered by `inlines` in each paragraph (cell, heading, line block) for which `matters(words, block)` is true. What raw
-- nodes hold is none of the words, and neither are notes, which are asked for themselves.
function M.walk(doc, matters, inlines)
  local filter = { Inlines = inlines }
  local function visit(block)
    if matters(pandoc.utils.stringify(block), block) then
      return block:walk(filter), false
    end
  end
  return doc:walk({ traverse = "topdown", Para = visit, Plain = visit, Header = visit, LineBlock = visit })
end

return M
