-- Displayed formulas whose lines are numbered one by one: their lines, and the cells between the &s that are set below each other.

local lines = require("lines")

local M = {}

-- How the cells of a line are set, over and over.
local SIDES = { align = { "right", "left" }, alignat = { "right", "left" }, flalign = { "right", "left" }, gather = { "center" },
  eqnarray = { "right", "center", "left" }, IEEEeqnarray = {} }
local LETTERS = { r = "right", c = "center", l = "left" }

-- The cells of a line; nil where a \left has no \right in its cell.
local function cells_of(text, environment)
  local cells, whole = lines.split(text, "&")
  for column, cell in ipairs(cells) do
    cell = cell:match("^%s*(.-)%s*$")
    -- a relation between two columns keeps its distance from what stands there
    cells[column] = (environment == "eqnarray" or environment == "IEEEeqnarray") and column == 2 and cell ~= "" and "{}" .. cell .. "{}" or cell
  end
  return whole and cells or nil
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
    line.cells = cells_of(line.text, whole.environment)
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
  if whole.environment == "IEEEeqnarray" then
    pattern = {}
    for letter in whole.columns:lower():gmatch("[lcr]") do
      pattern[#pattern + 1] = LETTERS[letter]
    end
    pattern = #pattern > 0 and pattern or SIDES.eqnarray
  end
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
