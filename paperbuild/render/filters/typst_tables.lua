-- Tables for typst, cell by cell: pandoc's own writer knows nothing of groups, spanners, notes and decimal points.
--
-- What is written calls the functions at the head of tables.typ. A table is a figure of kind `table`; its cells are strings where they
-- are plain words, which typst reads fastest, and content elsewhere.

local datatables = require("datatables")
local decimals = require("decimals")
local formulas = require("formulas")

local M = {}

local quoted = formulas.quoted
local ALIGN = { AlignLeft = "left", AlignRight = "right", AlignCenter = "center" }

-- Returns the words of inlines that are nothing but words, nil for others.
local function plain_words(inlines)
  local words = {}
  for i, node in ipairs(inlines) do
    if node.t == "Str" then
      words[i] = node.text
    elseif node.t == "Space" then
      words[i] = " "
    else
      return nil
    end
  end
  return table.concat(words)
end

-- Returns the code of text, inlines or blocks; what is more than words is written later, with all else that waits.
local function code_of(content, later)
  local is_inline = type(content) ~= "string" and pandoc.utils.type(content) == "Inlines"
  local words = type(content) == "string" and content or is_inline and plain_words(content)
  if words then
    return quoted(words)
  end
  return "[" .. later:token(is_inline and { pandoc.Plain(content) } or content) .. "]"
end

local function cell_content(cell)
  local contents = cell.contents
  return #contents == 1 and contents[1].t == "Plain" and contents[1].content or contents
end

-- Typst is told of a cell what its content and its column do not say.
local function plain_cell(cell, later)
  local extra = {}
  if cell.col_span > 1 then
    extra[#extra + 1] = "colspan: " .. cell.col_span .. ", "
  end
  if cell.row_span > 1 then
    extra[#extra + 1] = "rowspan: " .. cell.row_span .. ", "
  end
  if ALIGN[cell.alignment] then
    extra[#extra + 1] = "align: " .. ALIGN[cell.alignment] .. ", "
  end
  local body = code_of(cell_content(cell), later)
  return #extra == 0 and body or "table.cell(" .. table.concat(extra) .. body .. ")"
end

-- Returns what is bold or underlined as a whole, and how.
local function unmarked(inlines)
  local only = #inlines == 1 and inlines[1]
  if only and only.t == "Strong" then
    return only.content, "strong"
  elseif only and only.t == "Underline" then
    return only.content, "underline"
  end
  return inlines
end

-- A number whose parts typst aligns: `dec(2, "91", ".2")`; nil for what is no number.
local function number_cell(cell, column, point, later)
  local inlines = cell.row_span == 1 and decimals.inlines_of(cell)
  if not inlines then
    return nil
  end
  local bare, mark = unmarked(inlines)
  local words = plain_words(bare)
  local parts = words and decimals.text_parts(words, point) or not words and decimals.parts(bare, point)
  if not parts then
    return nil
  end
  while #parts > 0 and #parts[#parts] == 0 do
    parts[#parts] = nil
  end
  local out = { tostring(column) }
  for _, part in ipairs(parts) do
    out[#out + 1] = code_of(part, later)
  end
  if mark then
    out[#out + 1] = "mark: " .. mark
  end
  return "dec(" .. table.concat(out, ", ") .. ")"
end

local function line_of(cells)
  return "  " .. table.concat(cells, ", ") .. ","
end

-- Returns the lines of a head; a heading above several columns has a rule of its own.
local function head_lines(rows, later)
  local lines = {}
  for i, row in ipairs(rows) do
    local cells = {}
    for j, cell in ipairs(row.cells) do
      local spans = cell.col_span > 1 and i < #rows
      cells[j] = spans and "spanner(" .. cell.col_span .. ", " .. code_of(cell_content(cell), later) .. ")" or plain_cell(cell, later)
    end
    lines[i] = line_of(cells)
  end
  return lines
end

local function body_lines(tbl, columns, later)
  local rows = {}
  decimals.each_cell(tbl, function(cell, column, body, row)
    local at = body .. " " .. row
    rows[at] = rows[at] or {}
    table.insert(rows[at], columns[column] and number_cell(cell, column, columns[column], later) or plain_cell(cell, later))
  end)
  local lines = {}
  for n, body in ipairs(tbl.bodies) do
    if n > 1 then
      lines[#lines + 1] = "  group-rule,"
    end
    for _, row in ipairs(body.head) do
      local cells = {}
      for i, cell in ipairs(row.cells) do
        cells[i] = "group(" .. cell.col_span .. ", " .. code_of(cell_content(cell), later) .. ")"
      end
      lines[#lines + 1] = line_of(cells)
    end
    for r = 1, #body.body do
      lines[#lines + 1] = rows[n .. " " .. r] and line_of(rows[n .. " " .. r])
    end
  end
  return lines
end

local function widths_of(tbl)
  local widths, given = {}, false
  for i, spec in ipairs(tbl.colspecs) do
    given = given or tonumber(spec[2]) ~= nil
    widths[i] = tonumber(spec[2]) and string.format("%.4g%%", spec[2] * 100) or "auto"
  end
  return given and "(" .. table.concat(widths, ", ") .. ",)" or tostring(#widths)
end

local function aligns_of(tbl)
  local aligns = {}
  for i, spec in ipairs(tbl.colspecs) do
    aligns[i] = ALIGN[spec[1]] or "left" -- one without an alignment of its own would be centred with the table
  end
  return "(" .. table.concat(aligns, ", ") .. ",)"
end

-- Returns the arguments that call for a table, its rows in lines.
local function arguments(tbl, notes, how)
  local out = pandoc.List({ "  columns: " .. widths_of(tbl) .. ",", "  align: " .. aligns_of(tbl) .. "," })
  local columns = decimals.columns(tbl, how.lang)
  local head, foot = head_lines(tbl.head.rows, how.later), head_lines(tbl.foot.rows, how.later)
  if notes then
    out:insert("  notes: " .. code_of(notes.content, how.later) .. ",")
  end
  if tbl.classes:includes("long") then
    out:insert("  long: true,")
  end
  if tbl.classes:includes("sideways") then
    out:insert("  stays: true,")
  end
  if #head > 0 then
    out:insert("  head: " .. #head .. ",")
    out:insert("  table.header(\n" .. table.concat(head, "\n") .. "\n  ), table.hline(),")
  end
  local rows = body_lines(tbl, columns, how.later)
  out:extend(rows)
  if #foot > 0 then
    if #rows > 0 then
      out:insert("  table.hline(),")
    end
    out:extend(foot)
  end
  return table.concat(out, "\n")
end

-- Returns the code of a table with its notes, a Div or nil. `how` has the queue of what is written `later`, the figure's other
-- `arguments` ("" or starting with a comma), and the `label` that follows the call.
function M.code(tbl, notes, how)
  local wide, long = tbl.classes:includes("wide"), tbl.classes:includes("long")
  local sideways = tbl.classes:includes("sideways")
  local placed = wide and not long and not sideways and ', placement: auto, scope: "parent"' or ""
  local inside = "fitted-table(\n" .. arguments(tbl, notes, how) .. "\n)"
  local call = "figure(" .. inside .. ", kind: table" .. how.arguments .. placed .. ")" .. how.label
  if sideways then
    return "#sideways[#" .. call .. "]"
  elseif wide and long then
    return "#whole-pages[#" .. call .. "]"
  end
  return "#" .. call
end

-- The table and the Div of its notes that a Div holds, or nil.
function M.noted(div)
  if div.classes:includes(datatables.WITH_NOTES) then
    return div.content[1], div.content[2]
  end
end

return M
