-- Many pieces of one document, written by one call: each call of a pandoc writer costs a millisecond, however little it writes.

local M = {}

-- Characters that no text has (Unicode keeps them out of interchange): between pieces, and around the number of one that is to come.
local BETWEEN, OPEN, CLOSE = "\u{10FFFD}\u{10FFFF}", "\u{10FFFE}", "\u{10FFFF}"
local NUMBER = OPEN .. "(%d+)" .. CLOSE

local function has_note(blocks)
  local found = false
  pandoc.Blocks(blocks):walk({ Note = function() found = true end })
  return found
end

M.BETWEEN = BETWEEN

-- Whether two lists of elements are equal.
function M.same(some, others)
  if #some ~= #others then
    return false
  end
  for i, element in ipairs(some) do
    if element ~= others[i] then
      return false
    end
  end
  return true
end

-- Returns what `write` makes of each of `list`, a list of Blocks. A piece with notes is written by itself: they stand at its end.
function M.each(list, write)
  local out, together, turns = {}, pandoc.Blocks({}), {}
  for n, blocks in ipairs(list) do
    if has_note(blocks) then
      out[n] = write(blocks)
    else
      turns[#turns + 1] = n
      together:extend(blocks)
      together:insert(pandoc.Plain({ pandoc.Str(BETWEEN) }))
    end
  end
  local at, written = 1, #turns > 0 and write(together) or ""
  for _, n in ipairs(turns) do
    local from, to = written:find(BETWEEN, at, true)
    out[n] = written:sub(at, from - 1):gsub("^\n+", ""):gsub("%s+$", "")
    at = to + 1
  end
  return out
end

-- Pieces that are written later, all at once; until then a token stands for each.
local Queue = {}
Queue.__index = Queue

function M.queue(write)
  return setmetatable({ write = write, waiting = {} }, Queue)
end

-- Returns the token of `blocks`. Pieces may hold tokens of pieces that came before them.
function Queue:token(blocks)
  self.waiting[#self.waiting + 1] = blocks
  return OPEN .. #self.waiting .. CLOSE
end

-- Returns the function that puts what was written in the place of its tokens, and waits for nothing any more.
function Queue:settle()
  local texts = M.each(self.waiting, self.write)
  self.waiting = {}
  local function settled(text)
    return (text:gsub(NUMBER, function(n) return settled(texts[tonumber(n)]) end))
  end
  return settled
end

return M
