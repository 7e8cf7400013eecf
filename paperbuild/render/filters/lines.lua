-- The lines of a displayed formula: where TeX breaks it, and the number, tag and labels that each line asks for.

local tex = require("tex")

local M = {}

-- Environments of amsmath whose every line bears a number; `equation`, `multline` and what stands between $$ bear one.
local BY_LINE = { align = true, alignat = true, flalign = true, gather = true, eqnarray = true, IEEEeqnarray = true }
local BY_BLOCK = { equation = true, multline = true, displaymath = false, math = false }

-- Splits at every `mark`, which is "\\\\" (with its star and [length]) or "&", that stands in no group and in no environment. Returns the
-- pieces, and whether each \left has its \right in the same one.
local function split(text, mark)
  local pieces, start, i, depth, fences, whole = {}, 1, 1, 0, 0, true
  local function close(stop, behind)
    pieces[#pieces + 1] = text:sub(start, stop)
    start, whole = behind, whole and fences == 0
  end
  while true do
    i = text:find("[\\{}&]", i)
    if not i then
      break
    end
    local char = text:sub(i, i)
    local name = char == "\\" and (text:match("^%a+", i + 1) or text:sub(i + 1, i + 1))
    local behind = i + 1 + (name and #name or 0)
    if depth == 0 and (name == mark:sub(2) or char == mark) then
      behind = name and (text:match("^%*?[ \t]*%[[^%]\n]*%]()", behind) or text:match("^%*()", behind)) or behind
      close(i - 1, behind)
    elseif name then
      depth = depth + (name == "begin" and 1 or name == "end" and -1 or 0)
      fences = fences + (name == "left" and 1 or name == "right" and -1 or 0)
    elseif char ~= "&" then
      depth = depth + (char == "{" and 1 or -1)
    end
    i = behind
  end
  local last = text:sub(start)
  if mark == "&" or last:find("%S") or #pieces == 0 then -- a `\\` behind the last line makes no line of its own
    close(#text, #text + 1)
  end
  return pieces, whole
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
-- whole as `sub` (nil otherwise), `columns`, the argument in braces of an environment that has one. A line has `text` (its cells still divided by &), `labels`, `tag` (nil for none) and `numbered`.
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
  if name == "alignat" or name == "IEEEeqnarray" then
    whole.columns, inside = inside:match("^%s*(%b{})(.*)$")
    if not inside then
      return { asked(text) }, { environment = "", starred = false }
    end
  end
  local out = {}
  for i, piece in ipairs((split(inside, "\\\\"))) do
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
