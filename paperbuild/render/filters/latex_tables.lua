-- Tables in LaTeX: booktabs' rules, columns as wide as their text or as the author's shares, long ones across pages.

local table_widths = require("table_widths")

local M = {}

local LONG = 40 -- rows that no page has room for
local COLUMN = { AlignRight = "r", AlignCenter = "c", AlignLeft = "l", AlignDefault = "l" }
local RAGGED = { AlignRight = "\\raggedleft", AlignCenter = "\\centering", AlignLeft = "\\raggedright", AlignDefault = "\\raggedright" }

local function column(spec, count)
  local align, width = spec[1], tonumber(spec[2])
  if not width or width == 0 then
    return COLUMN[align]
  end
  return string.format(">{%s\\arraybackslash}p{(\\linewidth - %d\\tabcolsep) * \\real{%.4f}}", RAGGED[align], 2 * count - 2, width)
end

-- A cell's text. A line break would end the row, so what has one stands in a table of its own.
local function cell_text(cell, spec, write)
  local lines = {}
  for _, block in ipairs(cell.contents) do
    local inline = block.t == "Plain" or block.t == "Para"
    local text = write({ inline and pandoc.Plain(block.content) or block }):gsub("\n%s*\n", "\n")
    lines[#lines + 1] = (text:gsub("\\\\\n", "\\\\ "))
  end
  local text = table.concat(lines, " \\\\ ")
  if not text:find("\\\\", 1, true) then
    return text
  elseif tonumber(spec[2]) then
    return "{" .. text:gsub("\\\\", "\\newline") .. "}"
  end
  return "\\begin{tabular}[t]{@{}" .. COLUMN[spec[1]] .. "@{}}" .. text .. "\\end{tabular}"
end

-- Writes rows; `open[i]` counts the rows for which column i is still taken by a cell above.
local function row_text(row, specs, write, open)
  local cells, at = {}, 1
  local function skip_taken()
    while at <= #specs and (open[at] or 0) > 0 do
      open[at] = open[at] - 1
      cells[#cells + 1] = ""
      at = at + 1
    end
  end
  for _, cell in ipairs(row.cells) do
    skip_taken()
    local spec = specs[at] or { "AlignLeft" }
    local text = cell_text(cell, spec, write)
    if cell.row_span > 1 then
      text = "\\multirow{" .. cell.row_span .. "}{*}{" .. text .. "}"
    end
    local align = cell.alignment ~= "AlignDefault" and cell.alignment or spec[1]
    if cell.col_span > 1 then
      text = "\\multicolumn{" .. cell.col_span .. "}{" .. (cell.alignment == "AlignDefault" and "c" or COLUMN[align]) .. "}{" .. text .. "}"
    elseif align ~= spec[1] and not tonumber(spec[2]) then
      text = "\\multicolumn{1}{" .. COLUMN[align] .. "}{" .. text .. "}"
    end
    for i = at, at + cell.col_span - 1 do
      open[i] = cell.row_span - 1
    end
    cells[#cells + 1] = text
    at = at + cell.col_span
  end
  skip_taken()
  return table.concat(cells, " & ") .. " \\\\"
end

-- The rules under headings that span columns.
local function spanner_rules(row)
  local rules, at = {}, 1
  for _, cell in ipairs(row.cells) do
    if cell.col_span > 1 and #cell.contents > 0 then
      rules[#rules + 1] = string.format("\\cmidrule(lr){%d-%d}", at, at + cell.col_span - 1)
    end
    at = at + cell.col_span
  end
  return table.concat(rules)
end

local function head_lines(tbl, write)
  local lines, open = {}, {}
  for i, row in ipairs(tbl.head.rows) do
    lines[#lines + 1] = row_text(row, tbl.colspecs, write, open)
    local rules = i < #tbl.head.rows and spanner_rules(row) or ""
    if rules ~= "" then
      lines[#lines + 1] = rules
    end
  end
  return lines
end

local function body_lines(tbl, write)
  local lines, first = {}, true
  for n, body in ipairs(tbl.bodies) do
    if n > 1 then
      lines[#lines + 1] = "\\midrule"
    end
    local open = {}
    for _, row in ipairs(body.head) do
      if not first then
        lines[#lines + 1] = "\\addlinespace"
      end
      lines[#lines + 1] = row_text(row, tbl.colspecs, write, open)
      first = false
    end
    for _, row in ipairs(body.body) do
      lines[#lines + 1] = row_text(row, tbl.colspecs, write, open)
      first = false
    end
  end
  if #tbl.foot.rows > 0 then
    lines[#lines + 1] = "\\midrule"
    local open = {}
    for _, row in ipairs(tbl.foot.rows) do
      lines[#lines + 1] = row_text(row, tbl.colspecs, write, open)
    end
  end
  return lines
end

local function count_rows(tbl)
  local n = 0
  for _, body in ipairs(tbl.bodies) do
    n = n + #body.body + #body.head
  end
  return n
end

local function needs_spans(tbl)
  local rows = false
  local function look(list)
    for _, row in ipairs(list) do
      for _, cell in ipairs(row.cells) do
        rows = rows or cell.row_span > 1
      end
    end
  end
  look(tbl.head.rows)
  for _, body in ipairs(tbl.bodies) do
    look(body.head)
    look(body.body)
  end
  return rows
end

local function long_table(columns, head, body, caption)
  local lines = { "\\begin{longtable}{" .. columns .. "}" }
  if caption ~= "" then
    lines[#lines + 1] = caption .. " \\\\"
  end
  local heading = "\\toprule\n" .. (#head > 0 and table.concat(head, "\n") .. "\n\\midrule\n" or "")
  lines[#lines + 1] = heading .. "\\endfirsthead\n" .. heading .. "\\endhead"
  lines[#lines + 1] = "\\midrule\n\\endfoot\n\\bottomrule\n\\endlastfoot"
  lines[#lines + 1] = table.concat(body, "\n")
  lines[#lines + 1] = "\\end{longtable}"
  return table.concat(lines, "\n")
end

local CHARACTER, LINE = 5.7, { [1] = 414, [2] = 240 } -- points: a character on average, a line of one column or of two
local SIZES = { { "", 1, 12 }, { "\\small\\setlength{\\tabcolsep}{4pt}", 0.91, 8 }, { "\\footnotesize\\setlength{\\tabcolsep}{3pt}", 0.82, 6 },
  { "\\scriptsize\\setlength{\\tabcolsep}{2pt}", 0.74, 4 } } -- a size, what it makes of a width, and the points between two columns

-- Returns the size of type in which a table fits on its line: as it is in one that is not too small, else with cells that go on in
-- the next line, whose columns get widths here.
local function fit(tbl, columns)
  if table_widths.are_given(tbl) then
    return ""
  end
  local whole, word = table_widths.measured(tbl)
  local line = LINE[tbl.classes:includes("wide") and 1 or columns] or LINE[1]
  local function room(size)
    return (line - (#whole - 1) * size[3]) / (CHARACTER * size[2])
  end
  for n = 1, 3 do
    if table_widths.sum(whole) <= room(SIZES[n]) then
      return SIZES[n][1]
    end
  end
  for n = 2, #SIZES do
    local padded = {}
    for i, width in ipairs(word) do
      padded[i] = width * 1.15 + 1
    end
    local widths = table_widths.shared(whole, padded, room(SIZES[n]))
    if widths then
      for i, spec in ipairs(tbl.colspecs) do
        tbl.colspecs[i] = { spec[1], widths[i] / table_widths.sum(widths) }
      end
      return SIZES[n][1]
    end
  end
  return SIZES[#SIZES][1]
end

-- Returns the LaTeX of a table. `how` has `write` for blocks, `caption(element)` for its \caption, `notes` for what stands below it,
-- `need(package)`, and `place` for where floats go.
function M.written(tbl, how)
  local size = fit(tbl, how.columns)
  local specs, columns = tbl.colspecs, {}
  for i, spec in ipairs(specs) do
    columns[i] = column(spec, #specs)
    if tonumber(spec[2]) then
      how.need("array")
      how.need("calc")
    end
  end
  if needs_spans(tbl) then
    how.need("multirow")
  end
  local wide, sideways = tbl.classes:includes("wide"), tbl.classes:includes("sideways")
  local spec = "@{}" .. table.concat(columns, "") .. "@{}"
  local caption, after = how.caption(tbl)
  local head, body = head_lines(tbl, how.write), body_lines(tbl, how.write)
  if (tbl.classes:includes("long") or count_rows(tbl) > LONG) and not wide and not sideways and how.columns == 1 then
    how.need("longtable")
    local code = long_table(spec, head, body, caption)
    return (size ~= "" and "{" .. size .. "\n" .. code .. "\n}" or code) .. after
  end
  local grid = "\\begin{tabular}{" .. spec .. "}\n\\toprule\n" .. (#head > 0 and table.concat(head, "\n") .. "\n\\midrule\n" or "")
    .. table.concat(body, "\n") .. "\n\\bottomrule\n\\end{tabular}"
  grid = size ~= "" and size .. "\n" .. grid or grid
  local shares = spec:find("\\real", 1, true) ~= nil
  grid = shares and grid or "\\fitted{%\n" .. grid .. "}"
  if caption == "" and tbl.identifier == "" then
    return "\\begin{center}\n" .. grid .. "\n\\end{center}" .. after
  end
  if sideways then
    how.need("rotating")
  end
  local name = sideways and "sidewaystable" or wide and "table*" or "table"
  return "\\begin{" .. name .. "}" .. (sideways and "" or how.place) .. "\n\\centering\n" .. caption .. "\n" .. grid .. "\n\\end{" .. name .. "}" .. after
end

return M
