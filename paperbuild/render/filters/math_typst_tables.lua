-- Tables of formulas in typst: matrices, arrays with rules, cases, and lines whose cells stand below each other.

local nodes = require("typst_nodes")

local M = {}

local write, joined, fenced, NOTHING = nodes.write, nodes.joined, nodes.fenced, nodes.NOTHING

local function cell_text(cell, style)
  local out = joined(cell, style)
  return out:find("%S") and out or ""
end

local function is_tall(text)
  return text:find("frac", 1, true) or text:find("[∑∏∫]") or text:find("mat(", 1, true) or text:find("binom", 1, true) or text:find("op(", 1, true)
    or text:find("[\xE2][\x88\xA8\x8B]")
end

local SIDES = { l = "left", c = "center", r = "right" }
local GAPS = { tight = "row-gap: #.15em, column-gap: #.2em", small = "row-gap: #.2em, column-gap: #.35em", usual = "row-gap: #.35em, column-gap: #1em" }
local STROKE = "stroke: .4pt"

local function column_count(node)
  local columns = 0
  for _, cells in ipairs(node.rows) do
    columns = math.max(columns, #cells)
  end
  return columns
end

-- Whether a matrix is beyond typst's `mat`: rules at its edges or along some columns, cells over several, columns that are not equally apart.
local function needs_grid(node, columns)
  for after in pairs(node.gaps or {}) do
    if after > 0 and after < columns then
      return true
    end
  end
  for _, rule in ipairs(node.rules or {}) do
    if rule.from or rule.after == 0 or rule.after >= #node.rows then
      return true
    end
  end
  for _, cells in ipairs(node.rows) do
    for _, cell in ipairs(cells) do
      if cell.span then
        return true
      end
    end
  end
  return node.columns and (node.columns[0] or node.columns[columns]) or false
end

-- The cells of a grid between its rules. Each line is as high as a line of text at least, and what is higher stands in its middle.
local function grid(node, columns)
  local parts, gaps = { "columns: " .. columns }, node.gaps or {}
  local sides, lefts, rights = {}, {}, {}
  for column = 1, columns do
    sides[column] = SIDES[node.align and node.align[column] or "c"] .. " + horizon"
    local before, behind = gaps[column - 1], gaps[column]
    lefts[column] = before and nodes.em(before / (column > 1 and 2 or 1)) or ".5em"
    rights[column] = behind and nodes.em(behind / (column < columns and 2 or 1)) or ".5em"
    if node.columns and node.columns[column] then
      parts[#parts + 1] = "grid.vline(x: " .. column .. ", " .. STROKE .. ")"
    end
  end
  if node.columns and node.columns[0] then
    parts[#parts + 1] = "grid.vline(x: 0, " .. STROKE .. ")"
  end
  table.insert(parts, 2, "align: (" .. table.concat(sides, ", ") .. ",), inset: (x, y) => (left: (" .. table.concat(lefts, ", ") .. ",).at(x), right: ("
    .. table.concat(rights, ", ") .. ",).at(x), y: .1em)")
  for _, rule in ipairs(node.rules or {}) do
    local part = rule.from and "start: " .. rule.from - 1 .. ", end: " .. math.min(rule.to, columns) .. ", " or ""
    parts[#parts + 1] = "grid.hline(y: " .. rule.after .. ", " .. part .. STROKE .. ")"
  end
  for _, cells in ipairs(node.rows) do
    for column = 1, columns do
      local cell = cells[column]
      local text = cell and cell_text(cell, "text") or ""
      text = text ~= "" and "$" .. text .. "$" or "[]"
      if cell and cell.span then
        parts[#parts + 1] = "grid.cell(colspan: " .. math.min(cell.span, columns - column + 1) .. ", align: " .. SIDES[cell.side] .. " + horizon, " .. text .. ")"
      elseif not (cell and cell.covered) then
        parts[#parts + 1] = text
      end
    end
  end
  return "#box(baseline: 50% - .25em, { set par(leading: 0pt); set text(top-edge: .8em, bottom-edge: -.3em); grid(" .. table.concat(parts, ", ") .. ") })"
end

-- Rules between all rows or columns.
local function augment(node, columns)
  local vertical, horizontal = {}, {}
  for column = 1, columns - 1 do
    if node.columns and node.columns[column] then
      vertical[#vertical + 1] = column .. ","
    end
  end
  for _, rule in ipairs(node.rules or {}) do
    horizontal[#horizontal + 1] = rule.after .. ","
  end
  local parts = {}
  if #vertical > 0 then
    parts[#parts + 1] = "vline: (" .. table.concat(vertical, " ") .. ")"
  end
  if #horizontal > 0 then
    parts[#parts + 1] = "hline: (" .. table.concat(horizontal, " ") .. ")"
  end
  return #parts > 0 and ", augment: #(" .. table.concat(parts, ", ") .. ", " .. STROKE .. ")" or ""
end

local function mat(node, columns)
  local same, align, rows = true, node.align or {}, {}
  for column = 1, columns do
    same = same and (align[column] or "c") == (align[1] or "c")
  end
  for i, cells in ipairs(node.rows) do
    local out = {}
    for column = 1, columns do
      local text = cells[column] and cell_text(cells[column], "text") or ""
      local side = not same and align[column] or "c"
      text = text == "" and '""' or text
      out[column] = side == "l" and "& " .. text or side == "r" and text .. " &" or text
    end
    rows[i] = table.concat(out, ", ")
  end
  local side = same and columns > 0 and SIDES[align[1] or "c"] or "center"
  local gaps = GAPS[node.tight and "tight" or node.small and "small" or "usual"]
  local out = "mat(delim: #none, " .. gaps .. (side ~= "center" and ", align: #" .. side or "") .. augment(node, columns) .. ", " .. table.concat(rows, "; ") .. ")"
  return (node.small and "inline(" or "display(") .. out .. ")"
end

local function matrix(node)
  local columns = column_count(node)
  local out = needs_grid(node, columns) and grid(node, columns) or mat(node, columns)
  local open, close = node.open or "", node.close or ""
  return open == "" and close == "" and out or fenced(open, out, close)
end

local function cases(node)
  local rows = {}
  for i, cells in ipairs(node.rows) do
    local out = {}
    for column, cell in ipairs(cells) do
      local text = cell_text(cell, node.display and "display" or "text")
      text = text == "" and '""' or text
      out[column] = node.display and "display(" .. text .. ")" or text
    end
    rows[i] = table.concat(out, ", ")
  end
  local out = "display(mat(delim: #none, align: #left, row-gap: #.4em, column-gap: #1em, " .. table.concat(rows, "; ") .. "))"
  return fenced(node.open, out, node.close)
end

-- The cells of a line of an aligned environment with typst's alignment points between them; pairs of columns stand apart.
local function aligned_line(cells, kind, wrap)
  local out = {}
  for column, cell in ipairs(cells) do
    local text = cell_text(cell, "display")
    text = wrap and is_tall(text) and "display(" .. text .. ")" or text
    if kind == "eqnarray" then
      out[column] = (column == 2 and "& " or "") .. text
    elseif column == 1 then
      out[column] = text
    elseif column % 2 == 0 then
      local gap = text:match("^#h%([^()]*%) *") or "" -- something ordinary stands before, so that a sign there is a binary one
      out[column] = "& " .. gap .. NOTHING .. " " .. text:sub(#gap + 1)
    else
      out[column] = (kind == "alignedat" and "& " or "#h(2em) & ") .. text
    end
  end
  return table.concat(out, " ")
end

local function words_between(node, count)
  for _, rule in ipairs(node.rules or {}) do
    if rule.words and rule.after == count then
      return write.text(rule.words)
    end
  end
end

local function lines(node, outermost)
  local rows = {}
  for i, cells in ipairs(node.rows) do
    local words = words_between(node, i - 1)
    if words then
      rows[#rows + 1] = "& " .. words
    end
    local line = aligned_line(cells, node.kind, not outermost)
    if node.kind == "multline" and #node.rows > 1 then
      line = i == 1 and line .. " #h(4em)" or (i == #node.rows and "#h(4em) " or "") .. NOTHING .. " " .. line
    end
    rows[#rows + 1] = line
  end
  if outermost then
    return table.concat(rows, " \\\n")
  end
  return "display(mat(delim: #none, row-gap: #.6em, " .. table.concat(rows, "; ") .. "))"
end

write["table"] = function(node)
  if node.kind == "matrix" then
    return matrix(node)
  elseif node.kind == "cases" then
    return cases(node)
  end
  return lines(node, false)
end

-- The lines of a table that is the whole of a displayed formula: typst breaks them over pages. nil for a table of another kind.
function M.lines_of(node)
  return node.kind ~= "matrix" and node.kind ~= "cases" and lines(node, true) or nil
end

return M
