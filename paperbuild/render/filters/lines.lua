-- The lines of a displayed formula: where TeX breaks it, and the number, tag and labels that each line asks for.

local tex = require("tex")

local M = {}

-- Environments of amsmath whose every line bears a number; `equation`, `multline` and what stands between $$ bear one.
local BY_LINE = { align = true, alignat = true, flalign = true, gather = true, eqnarray = true }
local BY_BLOCK = { equation = true, multline = true, displaymath = false, math = false }

-- Splits at every `\\` (with its star and [length]) that stands in no group and in no environment.
local function split(body)
  local pieces, start, i, depth = {}, 1, 1, 0
  while i <= #body do
    local char = body:sub(i, i)
    if char == "\\" then
      local name = body:match("^%a+", i + 1) or body:sub(i + 1, i + 1)
      if name == "\\" and depth == 0 then
        pieces[#pieces + 1] = body:sub(start, i - 1)
        local stop = body:match("^%*?[ \t]*%[[^%]\n]*%]()", i + 2) or body:match("^%*()", i + 2) or i + 2
        start, i = stop, stop - 1
      else
        depth = depth + (name == "begin" and 1 or name == "end" and -1 or 0)
        i = i + #name
      end
    elseif char == "{" then
      depth = depth + 1
    elseif char == "}" then
      depth = depth - 1
    end
    i = i + 1
  end
  local last = body:sub(start)
  if last:find("%S") or #pieces == 0 then -- a `\\` behind the last line makes no line of its own
    pieces[#pieces + 1] = last
  end
  return pieces
end
M.split = split

-- Returns the text without \label, \tag and \nonumber, and what they said.
local function asked(text)
  local line = { labels = {}, numbered = nil }
  line.text = tex.replace(text, {
    label = function(c) line.labels[#line.labels + 1] = c:argument() return "" end,
    tag = function(c) line.bare = c:star() line.tag = c:argument() return "" end,
    nonumber = function() line.numbered = false return "" end,
    notag = function() line.numbered = false return "" end,
  })
  return line
end
M.asked = asked

local function environment(text)
  local name, star, body = text:match("^%s*\\begin%s*{(%a+)(%*?)}(.*)$")
  local inside = name and body:match("^(.*)\\end%s*{" .. name .. (star == "*" and "%*" or "") .. "}%s*$")
  return inside and name, star == "*", inside
end

-- Returns the lines of a formula, and about the whole: `environment` ("" for none), `starred`, and for `subequations` the labels of the
-- whole as `sub` (nil otherwise). A line has `text` (its cells still divided by &), `labels`, `tag` (nil for none) and `numbered`.
-- What bears one number as a whole is one line.
function M.lines(text)
  local sub
  local outer = text:match("^%s*\\begin%s*{subequations}(.*)\\end%s*{subequations}%s*$")
  if outer then
    local before, formula = outer:match("^(.-)(\\begin.*)$")
    local around = asked(before or "")
    sub, text = around.labels, formula or outer
  end
  local name, starred, inside = environment(text)
  local whole = { environment = name or "", starred = starred, sub = sub }
  if not name or not BY_LINE[name] then
    local line = asked(text)
    if line.numbered == nil then
      line.numbered = name ~= nil and BY_BLOCK[name] == true and not starred
    end
    line.numbered = line.numbered or #line.labels > 0 or line.tag ~= nil
    return { line }, whole
  end
  inside = name == "alignat" and inside:gsub("^%s*%b{}", "") or inside
  local out = {}
  for i, piece in ipairs(split(inside)) do
    local line = asked(piece)
    if line.numbered == nil then
      line.numbered = not starred
    end
    line.numbered = line.numbered or #line.labels > 0 or line.tag ~= nil
    out[i] = line
  end
  return out, whole
end

return M
