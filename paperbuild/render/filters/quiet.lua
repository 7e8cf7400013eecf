-- Paragraphs of nothing but words, which no filter changes: they stay aside from the parse until the document is written.
--
-- A filter takes every word of a document into its hands, whatever it looks for, and there are dozens of filters.

local M = {}

local OPEN, CLOSE = "\u{10FFFC}", "\u{10FFFD}" -- no text has the second: Unicode keeps it out of interchange
local TOKEN = "^" .. OPEN .. "(%d+)" .. CLOSE .. "$"
local LONG = ("[^%s/_-]"):rep(22) -- a word that the page treats in its own way

local CHANGED = {}
for name in ("Cite Math Image Link Note Span RawInline Code LineBreak"):gmatch("%a+") do
  CHANGED[name] = true
end

-- Whether a paragraph has nothing that a filter could look for. Braces may be attributes that pandoc did not read, or TeX.
local function is_quiet(block)
  local words = pandoc.utils.stringify(block)
  if words:find("[{}\\]") or words:find("^%a*:") or words:find(LONG) then
    return false
  end
  local quiet = true
  local function loud()
    quiet = false
  end
  local filter = {}
  for name in pairs(CHANGED) do
    filter[name] = loud
  end
  block:walk(filter)
  return quiet
end

-- Whether blocks stand between tags of HTML, which will take the paragraphs between them into what they mean.
local function has_tags(blocks)
  return blocks:find_if(function(block)
    return block.t == "RawBlock" and block.format == "html" and block.text:find("^%s*<%a") ~= nil
  end) ~= nil
end

-- Returns `blocks` with a token for each quiet paragraph, and the paragraphs.
function M.aside(blocks)
  local out, paragraphs = pandoc.Blocks({}), {}
  if has_tags(blocks) then
    return blocks, paragraphs
  end
  for _, block in ipairs(blocks) do
    if block.t == "Para" and is_quiet(block) then
      paragraphs[#paragraphs + 1] = block
      block = pandoc.Para({ pandoc.Str(OPEN .. #paragraphs .. CLOSE) })
    end
    out:insert(block)
  end
  return out, paragraphs
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
