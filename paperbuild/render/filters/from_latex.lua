-- A document in LaTeX as a paper's Markdown: what pandoc's reader makes of it, with figures, tables and references as papers write them.

local M = {}

local KINDS = { Figure = { "fig", "fig:" }, Table = { "tbl", "tbl:", "tab:" }, Header = { "sec", "sec:", "app:", "chap:" } }

-- Returns the id that says of what kind a thing is.
local function told(id, kind)
  for n = 2, #kind do
    if id:sub(1, #kind[n]) == kind[n] then
      return id
    end
  end
  return kind[1] .. ":" .. id
end

-- Returns the ids that are referred to by number.
local function references(doc)
  local found = {}
  doc:walk({ Link = function(link)
    if link.attributes["reference-type"] then
      found[link.attributes["reference"]] = true
    end
  end })
  return found
end

-- Returns the picture that is all there is in the blocks, spaces and the anchors of labels aside.
local function only_picture(blocks)
  if #blocks ~= 1 or not (blocks[1].t == "Plain" or blocks[1].t == "Para") then
    return nil
  end
  local rest = blocks[1].content:filter(function(inline)
    return not (inline.t == "Space" or inline.t == "SoftBreak" or inline.t == "LineBreak" or (inline.t == "Span" and #inline.content == 0))
  end)
  return #rest == 1 and rest[1].t == "Image" and rest[1] or nil
end

-- A figure of one picture is one; any other becomes a div around its parts, with its caption behind them.
local function figure(found, renamed)
  if found.identifier ~= "" then
    renamed[found.identifier] = told(found.identifier, KINDS.Figure)
    found.identifier = renamed[found.identifier]
  end
  found.attributes, found.classes = {}, {}
  local picture = only_picture(found.content)
  if picture then
    if pandoc.utils.stringify(picture.caption) == "image" then
      picture.caption = {} -- the reader's word for a picture of which nothing is said
    end
    found.content = { pandoc.Plain({ picture }) }
    return found
  end
  local blocks = found.content:clone()
  blocks:extend(found.caption.long:map(function(block) return block.t == "Plain" and pandoc.Para(block.content) or block end))
  return pandoc.Div(blocks, pandoc.Attr(found.identifier))
end

-- An id that stands around a table alone belongs to it; in Markdown the caption has it.
local function table_of(div, renamed)
  if #div.content == 1 and div.content[1].t == "Table" and div.identifier ~= "" then
    local found = div.content[1]
    renamed[div.identifier] = told(div.identifier, KINDS.Table)
    local mark = pandoc.RawInline("markdown", "{#" .. renamed[div.identifier] .. "}")
    local last = found.caption.long[#found.caption.long]
    if last and last.content then
      last.content:extend({ pandoc.Space(), mark })
    else
      found.caption.long:insert(pandoc.Plain({ mark }))
    end
    return found
  end
end

function M.read(text)
  local doc = pandoc.read(text, "latex")
  local referred, renamed = references(doc), {}
  doc = doc:walk({
    Figure = function(found) return figure(found, renamed) end,
    Div = function(div) return table_of(div, renamed) end,
    Header = function(header)
      if referred[header.identifier] then
        renamed[header.identifier] = told(header.identifier, KINDS.Header)
        header.identifier = renamed[header.identifier]
        return header
      end
    end,
  })
  return doc:walk({
    Link = function(link)
      local kind, id = link.attributes["reference-type"], link.attributes["reference"]
      if kind then
        return pandoc.RawInline("tex", (kind == "eqref" and "\\eqref{" or "\\ref{") .. (renamed[id] or id) .. "}")
      end
    end,
  })
end

-- Returns the Markdown of the LaTeX `text`, with its title, authors and bibliography as front matter.
function M.markdown(text)
  local template = pandoc.template.compile("$if(titleblock)$$titleblock$\n\n$endif$$body$\n")
  return pandoc.write(M.read(text), "markdown-raw_html-raw_attribute-simple_tables-multiline_tables-grid_tables",
    { template = template, wrap_text = "preserve" })
end

return M
