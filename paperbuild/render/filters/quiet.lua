-- Paragraphs of nothing but words, which no filter changes: they stay aside from the parse until the document is written.
--
-- A filter takes every word of a document into its hands, whatever it looks for, and there are dozens of filters.

local M = {}

local OPEN, CLOSE = "\u{10FFFC}", "\u{10FFFD}" -- no text has the second: Unicode keeps it out of interchange
local TOKEN = "^" .. OPEN .. "(%d+)" .. CLOSE .. "$"
local LONG = ("[^%s/_-]"):rep(22) -- a word that the page treats in its own way

local CHANGED = "Cite Math Image Link Note Span RawInline Code LineBreak"

-- Returns those of `paragraphs` that have nothing that a filter could look for, as a set of their turns. Braces may be attributes that
-- pandoc did not read, or TeX.
local function quiet_ones(paragraphs)
  local quiet, n = {}, 0
  local visitor = { traverse = "topdown" }
  for name in CHANGED:gmatch("%a+") do
    visitor[name] = function(node)
      quiet[n] = nil
      return node, false
    end
  end
  function visitor.Para(block)
    n = n + 1
    local words = pandoc.utils.stringify(block)
    quiet[n] = not (words:find("[{}\\]") or words:find("^%a*:") or words:find(LONG)) or nil
  end
  paragraphs:walk(visitor)
  return quiet
end

-- Whether blocks stand between tags of HTML, which will take the paragraphs between them into what they mean.
function M.has_tags(blocks)
  return blocks:find_if(function(block)
    return block.t == "RawBlock" and block.format == "html" and block.text:find("^%s*<%a") ~= nil
  end) ~= nil
end

-- Returns `blocks` with a token for each quiet paragraph, the paragraphs, and whether none is quiet because of tags around them.
function M.aside(blocks)
  local out, paragraphs = pandoc.Blocks({}), {}
  if M.has_tags(blocks) then
    return blocks, paragraphs, true
  end
  local quiet, n = quiet_ones(pandoc.Blocks(blocks:filter(function(block) return block.t == "Para" end))), 0
  for _, block in ipairs(blocks) do
    if block.t == "Para" then
      n = n + 1
      if quiet[n] then
        paragraphs[#paragraphs + 1] = block
        block = pandoc.Para({ pandoc.Str(OPEN .. #paragraphs .. CLOSE) })
      end
    end
    out:insert(block)
  end
  return out, paragraphs, false
end

-- Returns `blocks` with the paragraphs back in their places.
function M.back(blocks, paragraphs)
  local out = pandoc.Blocks({})
  for _, block in ipairs(blocks) do
    local n = block.t == "Para" and pandoc.utils.stringify(block):match(TOKEN)
    out:insert(n and paragraphs[tonumber(n)] or block)
  end
  return out
end

return M
