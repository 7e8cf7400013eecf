-- Tables in MathML: matrices, arrays with rules, cases, and lines whose cells stand below each other.

local rows = require("mathml_rows")
local fences = require("mathml_fences")

local M = {}

local write, plain, inside = rows.write, rows.plain, rows.inside

-- What Chromium aligns in a cell is a block: it wants its own word for the right side.
local LEFT, RIGHT = "text-align:left", "text-align:right;text-align:-webkit-right"
local SIDES = { l = LEFT, r = RIGHT }
local RULE = ".05em solid"

local function cell(xml, style, span)
  return "<mtd" .. (span and span > 1 and ' columnspan="' .. span .. '"' or "") .. (style ~= "" and ' style="' .. style .. '"' or "") .. ">" .. xml .. "</mtd>"
end

local function line(cells)
  return "<mtr>" .. table.concat(cells) .. "</mtr>"
end

local function column_count(all)
  local columns = 0
  for _, cells in ipairs(all) do
    columns = math.max(columns, #cells)
  end
  return columns
end

-- Whether a rule (\hline, \cline) stands below the line `after` in this column.
local function is_ruled(node, after, column)
  for _, rule in ipairs(node.rules or {}) do
    if rule.after == after and not rule.words and column >= (rule.from or 1) and column <= (rule.to or column) then
      return true
    end
  end
  return false
end

-- The style of a matrix's cell in line `i`.
local function matrix_style(node, i, column, columns)
  local said = {}
  local function say(text)
    said[#said + 1] = text
  end
  local own = node.rows[i][column]
  local side = own and own.side or node.align and node.align[column]
  if SIDES[side] then
    say(SIDES[side])
  end
  if node.tight then
    say("padding:.05em 0")
  elseif node.small then
    say("padding:.1em .2em")
  else
    local bare, gaps = not node.align, node.gaps or {} -- arrays alone have white at their sides
    if gaps[column - 1] then
      say("padding-left:" .. rows.em(gaps[column - 1] * (column > 1 and 9 or 18)))
    elseif column == 1 and (bare or (node.open or "") ~= "") then
      say("padding-left:.1em")
    end
    if gaps[column] then
      say("padding-right:" .. rows.em(gaps[column] * (column < columns and 9 or 18)))
    elseif column == columns and (bare or (node.close or "") ~= "") then
      say("padding-right:.1em")
    end
  end
  if node.columns then
    if node.columns[column] then
      say("border-right:" .. RULE)
    end
    if column == 1 and node.columns[0] then
      say("border-left:" .. RULE)
    end
  end
  if node.rules then
    if is_ruled(node, i, column) then
      say("border-bottom:" .. RULE)
    end
    if i == 1 and is_ruled(node, 0, column) then
      say("border-top:" .. RULE)
    end
  end
  return table.concat(said, ";")
end

local function matrix(node)
  local columns, lines = column_count(node.rows), {}
  for i, cells in ipairs(node.rows) do
    local out = {}
    for column = 1, columns do
      local one = cells[column]
      if not (one and one.covered) then
        local xml = one and inside(one, node.small and "script" or "text") or ""
        out[#out + 1] = cell(xml, matrix_style(node, i, column, columns), one and one.span and math.min(one.span, columns - column + 1))
      end
    end
    lines[i] = line(out)
  end
  local xml = "<mtable>" .. table.concat(lines) .. "</mtable>"
  if node.small then
    xml = rows.styled("script", xml)
  end
  if (node.open or "") == "" and (node.close or "") == "" then
    return plain(xml)
  end
  return fences.fenced(node.open, xml, node.close, fences.HIGH)
end

local function cases(node)
  local lines = {}
  for i, cells in ipairs(node.rows) do
    local out = {}
    for column, one in ipairs(cells) do
      local white = (column == 1 and ";padding-left:.1em" or ";padding-left:.6em") .. (column == #cells and node.close ~= "" and ";padding-right:.1em" or "")
      out[column] = cell(inside(one, node.display and "display" or "text"), LEFT .. white)
    end
    lines[i] = line(out)
  end
  local xml = (node.display and '<mtable displaystyle="true">' or "<mtable>") .. table.concat(lines) .. "</mtable>"
  return fences.fenced(node.open, xml, node.close, fences.HIGH)
end

-- How the cells of an aligned environment's columns are set; pairs of columns stand apart.
local function aligned_style(kind, column)
  if kind == "eqnarray" then
    return column == 2 and "padding-left:.278em;padding-right:.278em" or (column == 1 and RIGHT or LEFT) .. ";padding-left:0;padding-right:0"
  elseif kind ~= "aligned" and kind ~= "alignedat" then
    return ""
  elseif column % 2 == 0 then
    return LEFT .. ";padding-left:0;padding-right:0"
  end
  return RIGHT .. (column > 1 and kind == "aligned" and ";padding-left:2em" or ";padding-left:0") .. ";padding-right:0"
end

local function words_between(node, count, columns)
  for _, rule in ipairs(node.rules or {}) do
    if rule.words and rule.after == count then
      return '<mtr><mtd columnspan="' .. columns .. '" style="' .. LEFT .. '">' .. write.text(rule.words, "text").xml .. "</mtd></mtr>"
    end
  end
  return ""
end

local function aligned(node)
  local columns, kind, lines = column_count(node.rows), node.kind, {}
  for i, cells in ipairs(node.rows) do
    local out = {}
    for column = 1, columns do
      local lead = (column > 1 and kind ~= "eqnarray" or kind == "multline" and i > 1) and "ord" or nil -- a sign there is a binary one
      local style = aligned_style(kind, column)
      if kind == "multline" and #node.rows > 1 then
        style = i == 1 and LEFT or i == #node.rows and RIGHT or style
      end
      out[column] = cell(cells[column] and inside(cells[column], "display", lead) or "", style)
    end
    lines[i] = words_between(node, i - 1, columns) .. line(out)
  end
  return plain('<mtable displaystyle="true">' .. table.concat(lines) .. "</mtable>")
end

function write.table(node)
  if node.kind == "matrix" then
    return matrix(node)
  elseif node.kind == "cases" then
    return cases(node)
  end
  return aligned(node)
end

return M
