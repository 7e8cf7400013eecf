-- Marks for errors: which block of the paper a stretch of generated code comes from. Documents have none (see render/marks.py).

local quiet = require("quiet")
local source = require("source")

local M = {}

local COMMENTS = { typst = "// ", latex = "% " }

local function is_metadata(block)
  return block.t == "Div" and block.classes:includes(source.META)
end

-- What stands at the beginning of a block in the source.
local function beginning(block)
  if block.t == "CodeBlock" or block.t == "RawBlock" then
    return block.text
  end
  local row = block.t == "Table" and block.head.rows[1]
  if row then
    return table.concat(row.cells:map(function(cell) return pandoc.utils.stringify(cell.contents) end), " ")
  end
  local image
  if block.t == "Figure" then
    block:walk({ Image = function(found) image = image or found.src end })
  end
  return image or pandoc.utils.stringify(block)
end

-- Returns the blocks of a prepared paper's text.
function M.blocks(paper)
  local out = pandoc.List({})
  for _, block in ipairs(quiet.back(paper.doc.blocks, paper.quiet)) do
    if not is_metadata(block) then
      out:insert({ kind = block.t, text = beginning(block) })
    end
  end
  return out
end

-- Returns a copy of a prepared paper's document, with a mark in front of each block whose offset is known.
function M.put(paper, offsets, format)
  local doc = paper.doc:clone()
  if #offsets == 0 or not COMMENTS[format] then
    return doc
  end
  local blocks, n = pandoc.Blocks({}), 0
  for _, block in ipairs(doc.blocks) do
    if not is_metadata(block) then
      n = n + 1
      local offset = offsets[n]
      if offset and offset >= 0 then
        blocks:insert(pandoc.RawBlock(format, string.format("%spb:%d", COMMENTS[format], offset)))
      end
    end
    blocks:insert(block)
  end
  doc.blocks = blocks
  return doc
end

return M
