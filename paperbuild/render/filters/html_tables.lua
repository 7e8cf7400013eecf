-- Tables of the page: a figure with the caption above, a box that scrolls where the window is too narrow, the table, and its notes.
--
--   <figure class="table" id="tbl:x" data-pb="1"> <figcaption>…</figcaption>
--   <div class="table-box"> <div class="scroller"><table class="data">…</table></div> <div class="table-notes">…</div> </div> </figure>
--
-- A table's own <caption> would be as narrow as the table. Where a decimal point must stand below others, what follows it is a span of
-- the column's width, `<span class="decimal" style="width:2ch">.2</span>`: nothing is put in, so what is copied is the number.

local datatables = require("datatables")
local decimals = require("decimals")

local M = {}

local LONG = 40 -- rows; a longer table scrolls below its head

-- Widths of characters in figures' widths, roughly: a part that is wider sticks out into the cell's padding, and the point stays.
local NARROW = { ["."] = .5, [","] = .5, [" "] = .5, ["\u{a0}"] = .5, ["\u{202f}"] = .4, ["\u{2009}"] = .4, ["("] = .7, [")"] = .7,
  ["%"] = 1.6, ["±"] = 1.25, ["×"] = 1.25, ["−"] = 1.25, ["m"] = 1.7, ["M"] = 1.9 }

local function width_of(inlines, scale)
  local width = 0
  for _, node in ipairs(inlines) do
    if node.content then
      width = width + width_of(node.content, (scale or 1) * (node.t == "Superscript" and .72 or node.t == "Strong" and 1.06 or 1))
    else
      for _, code in utf8.codes(pandoc.utils.stringify(node), true) do
        width = width + (NARROW[utf8.char(code)] or 1) * (scale or 1)
      end
    end
  end
  return width
end

local function padded(parts, widths)
  local out = pandoc.Inlines({})
  for i, part in ipairs(parts) do
    if i == 1 then
      out:extend(part)
    elseif widths[i] > 0 then
      local classes = { "decimal", decimals.SIDES[i] == "right" and "flush-right" or nil }
      out:insert(pandoc.Span(part, pandoc.Attr("", classes, { style = string.format("width:%.4gch", widths[i]) })))
    end
  end
  return out
end

-- Sets decimal points below each other. The whole part needs no width: the cell is flush right, and all behind it is equally wide.
local function align_points(tbl, lang)
  local columns = decimals.columns(tbl, lang)
  if not next(columns) then
    return
  end
  local found, widths = {}, {}
  decimals.each_cell(tbl, function(cell, column)
    local inlines = columns[column] and decimals.inlines_of(cell)
    local parts = inlines and decimals.parts(inlines, columns[column])
    if parts then
      local most = widths[column] or { 0, 0, 0, 0, 0, 0 }
      widths[column] = most
      for i, part in ipairs(parts) do
        most[i] = math.max(most[i], width_of(part))
      end
      found[#found + 1] = { cell = cell, parts = parts, column = column }
    end
  end)
  for _, one in ipairs(found) do
    one.cell.contents = { pandoc.Plain(padded(one.parts, widths[one.column])) }
    one.cell.classes = { "number" }
  end
end

-- Says what each heading cell heads, to those who hear the table rather than see it.
local function scope_headings(tbl)
  local function mark(rows, scope, across, count)
    for _, row in ipairs(rows) do
      for i, cell in ipairs(row.cells) do
        if i <= (count or i) then
          cell.attributes.scope = cell.col_span > 1 and across or scope
        end
      end
    end
  end
  mark(tbl.head.rows, "col", "colgroup")
  for _, body in ipairs(tbl.bodies) do
    mark(body.head, "rowgroup", "rowgroup")
    mark(body.body, "row", "row", body.row_head_columns)
  end
end

local function count_rows(tbl)
  local count = 0
  for _, body in ipairs(tbl.bodies) do
    count = count + #body.body
  end
  return count
end

local function raw(text)
  return pandoc.RawBlock("html", text)
end

local function escaped(text)
  return (text:gsub('[&<>"]', { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }))
end

local function opening(attr, classes)
  local parts = { "<figure" }
  if attr.identifier ~= "" then
    parts[#parts + 1] = 'id="' .. escaped(attr.identifier) .. '"'
  end
  parts[#parts + 1] = 'class="' .. escaped(table.concat(classes, " ")) .. '"'
  for _, key in ipairs({ "data-pb", "lang", "dir" }) do
    if attr.attributes[key] then
      parts[#parts + 1] = key .. '="' .. escaped(attr.attributes[key]) .. '"'
    end
  end
  return table.concat(parts, " ") .. ">"
end

-- Returns the blocks of a table; `notes` is the Div of its notes, if it has any.
local function finished(tbl, notes, lang)
  tbl = tbl:walk({ Table = function(inner) return finished(inner, nil, lang) end })
  align_points(tbl, lang)
  scope_headings(tbl)
  local classes, inner = pandoc.List({ "table" }), pandoc.List({})
  for _, class in ipairs(tbl.classes) do
    (class == "data" and inner or classes):insert(class)
  end
  if count_rows(tbl) > LONG and not classes:includes("long") then
    classes:insert("long")
  end
  local out = pandoc.Blocks({ raw(opening(tbl.attr, classes)) })
  if #tbl.caption.long > 0 then
    out:insert(raw("<figcaption>"))
    out:extend(tbl.caption.long)
    out:insert(raw("</figcaption>"))
  end
  tbl.caption = { long = {} }
  tbl.attr = pandoc.Attr("", inner)
  local box = pandoc.Blocks({ pandoc.Div({ tbl }, pandoc.Attr("", { "scroller" })) })
  box:insert(notes)
  out:insert(pandoc.Div(box, pandoc.Attr("", { "table-box" })))
  out:insert(raw("</figure>"))
  return out
end

-- Returns the document with all its tables, which have their labels, as the page shows them.
function M.finish(doc, lang)
  return doc:walk({
    traverse = "topdown",
    Div = function(div)
      if div.classes:includes(datatables.WITH_NOTES) then
        return finished(div.content[1], div.content[2], lang), false
      end
    end,
    Table = function(tbl) return finished(tbl, nil, lang), false end,
  })
end

return M
