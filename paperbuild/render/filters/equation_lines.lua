-- Displayed formulas whose lines are numbered one by one: their lines, and the cells between the &s that are set below each other.

local lines = require("lines")

local M = {}

-- How the cells of a line are set, over and over.
local SIDES = { align = { "right", "left" }, alignat = { "right", "left" }, flalign = { "right", "left" }, gather = { "center" },
  eqnarray = { "right", "center", "left" } }

-- Splits a line at every & that stands in no group and no environment; nil where a \left has no \right in its cell.
local function cells_of(text)
  local cells, start, i, depth, fences = {}, 1, 1, 0, 0
  local function close(stop)
    cells[#cells + 1] = text:sub(start, stop):match("^%s*(.-)%s*$")
  end
  while i <= #text do
    local char = text:sub(i, i)
    if char == "\\" then
      local name = text:match("^%a+", i + 1) or text:sub(i + 1, i + 1)
      depth = depth + (name == "begin" and 1 or name == "end" and -1 or 0)
      fences = fences + (name == "left" and 1 or name == "right" and -1 or 0)
      i = i + #name
    elseif char == "{" or char == "}" then
      depth = depth + (char == "{" and 1 or -1)
    elseif char == "&" and depth == 0 then
      if fences ~= 0 then
        return nil
      end
      close(i - 1)
      start = i + 1
    end
    i = i + 1
  end
  close(#text)
  return fences == 0 and cells or nil
end

-- Returns the lines of a formula that bears a number in several lines, each with `cells`; and about the whole what lines.lines says, with
-- `sides` ("right", "left" or "center" for each column). nil for a formula that has one number, or none.
function M.of(text)
  local rest = text
  local sub
  -- pandoc takes the words \begin{subequations} away and leaves its label before the environment
  local label, behind = text:match("^%s*\\label%s*(%b{})%s*(\\begin.*)$")
  if label then
    sub, rest = { label:sub(2, -2) }, behind
  end
  local all, whole = lines.lines(rest)
  whole.sub = sub or whole.sub
  if not SIDES[whole.environment] or (#all < 2 and not whole.sub) then
    return nil
  end
  local columns, numbered = 1, false
  for _, line in ipairs(all) do
    line.cells = cells_of(line.text)
    if not line.cells then
      return nil
    end
    columns = math.max(columns, #line.cells)
    numbered = numbered or line.numbered
  end
  if not numbered then
    return nil
  end
  local pattern = SIDES[whole.environment]
  whole.sides = {}
  for column = 1, columns do
    whole.sides[column] = pattern[(column - 1) % #pattern + 1]
  end
  return all, whole
end

-- Returns the numbers and ids that numbering.lua left on a formula, a pair for each line.
function M.marks(span)
  local numbers, ids = {}, {}
  for number in (span.attributes["pb-numbers"] .. "\n"):gmatch("(.-)\n") do
    numbers[#numbers + 1] = number
  end
  for id in (span.attributes["pb-ids"] .. "\n"):gmatch("(.-)\n") do
    ids[#ids + 1] = id
  end
  return numbers, ids
end

return M
