-- Data tables as pandoc's own tables, so that any writer gives a readable one.
--
-- What every format may rely on:
--   * a plain Table, class `data`, with the id and caption of the figure that it stood in; `data-pb` and `data-n` as on an image
--   * a head of one row, or of two where columns share a heading above them (a cell that needs both rows spans them)
--   * one body for each group of rows; what the rows share is one cell across all columns in the body's own head, or, where the
--     author wants it beside them, a cell in the first column that spans its rows. Cells that a span covers are left out
--   * the best of a column in Strong, the second best in Underline; a cell's `data-value` is what it is sorted by, if not its text
--   * columns of numbers are AlignRight; `pb-decimal="2. 4,"` names those, from 1, whose decimal points stand below each other, each
--     with the sign that is its point. Padding is the finishers' business (decimals.lua); other formats lose nothing but that
--   * notes are a Div of class `table-notes` after the table, both in a Div of class `table-with-notes`. An author's own
--     `::: table-notes` behind a Markdown table comes to the same

local macros = require("macros")
local rawhtml = require("rawhtml")
local rawtex = require("rawtex")
local reader = require("reader")

local M = {}

M.NOTES, M.WITH_NOTES = "table-notes", "table-with-notes"

local ALIGN = { left = "AlignLeft", right = "AlignRight", center = "AlignCenter" }

-- Reads what an author wrote into an attribute, as the paper itself is read.
local function fragment(text, problems)
  local doc = pandoc.read(text, "markdown", reader.OPTIONS, {})
  return rawhtml.read(rawtex.read(doc, macros.of(doc, text), problems), problems).blocks
end

-- Fragments that were read, by their text.
local function new_cache(problems)
  return { problems = problems, known = {} }
end

local function fragment_inlines(text, cache)
  if not cache.known[text] then
    cache.known[text] = pandoc.utils.blocks_to_inlines(fragment(text, cache.problems), { pandoc.LineBreak() })
  end
  return cache.known[text]:clone()
end

-- Returns pieces of text as inlines.
function M.inlines(pieces)
  local out = pandoc.Inlines({})
  for _, piece in ipairs(pieces or {}) do
    local node = pandoc.Str(piece.text)
    out:insert(piece.kind == "superscript" and pandoc.Superscript({ node }) or node)
  end
  return out
end

local function cell(data, cache, align)
  local inlines = data.markdown and data.markdown ~= "" and fragment_inlines(data.markdown, cache) or M.inlines(data.pieces)
  if data.mark == "best" then
    inlines = pandoc.Inlines({ pandoc.Strong(inlines) })
  elseif data.mark == "second" then
    inlines = pandoc.Inlines({ pandoc.Underline(inlines) })
  end
  local blocks = #inlines > 0 and { pandoc.Plain(inlines) } or {}
  local attr = data.value and pandoc.Attr("", {}, { ["data-value"] = data.value }) or pandoc.Attr()
  return pandoc.Cell(blocks, align or "AlignDefault", data.down or 1, data.across or 1, attr)
end

local function row(cells, cache, align)
  local out = {}
  for i, data in ipairs(cells) do
    out[i] = cell(data, cache, (data.across or 1) > 1 and align or nil)
  end
  return pandoc.Row(out)
end

local function rows(list, cache, align)
  local out = {}
  for i, cells in ipairs(list or {}) do
    out[i] = row(cells, cache, align)
  end
  return out
end

local function body(group, data, cache)
  local head = {}
  if group.heading then
    group.heading.across = #data.align
    head[1] = row({ group.heading }, cache, "AlignLeft")
  end
  return { attr = pandoc.Attr(), head = head, body = rows(group.rows, cache), row_head_columns = data.row_heads or 0 }
end

-- Returns the blocks that show `data`, a table as Python bound it; what cannot be read in its Markdown is among `problems`.
function M.blocks(data, attr, caption, problems)
  local cache, specs, bodies = new_cache(problems), {}, {}
  for i, align in ipairs(data.align or {}) do
    specs[i] = { ALIGN[align] }
  end
  for i, group in ipairs(data.groups or {}) do
    bodies[i] = body(group, data, cache)
  end
  attr.classes:insert("data")
  if data.decimal and data.decimal ~= "" then
    attr.attributes["pb-decimal"] = data.decimal
  end
  local head = pandoc.TableHead(rows(data.head, cache, "AlignCenter"))
  local blocks = pandoc.Blocks({ pandoc.Table({ long = caption }, specs, head, bodies, pandoc.TableFoot(), attr) })
  if data.notes and data.notes ~= "" then
    blocks:insert(pandoc.Div(fragment(data.notes, problems), pandoc.Attr("", { M.NOTES })))
  end
  return blocks
end

-- Puts a table and the notes behind it into one Div.
function M.join_notes(blocks)
  local out, touched = pandoc.Blocks({}), false
  for _, block in ipairs(blocks) do
    local previous = out[#out]
    if block.t == "Div" and block.classes:includes(M.NOTES) and previous and previous.t == "Table" then
      out[#out] = pandoc.Div({ previous, block }, pandoc.Attr("", { M.WITH_NOTES }))
      touched = true
    else
      out:insert(block)
    end
  end
  return touched and out or nil
end

return M
