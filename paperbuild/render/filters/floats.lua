-- Figures, subfigures and tables, however they were written, in one shape: id and caption on the Figure or Table, labels lifted to it.

local reader = require("reader")

local M = {}

local PAGE = 72 -- characters of a line, by which the widths of grid tables are meant

-- The \label in a caption or heading names the figure, table or section it stands in.
function M.lift_label(holder, inlines)
  local kept = pandoc.Inlines({})
  for _, node in ipairs(inlines) do
    local label = node.t == "Span" and #node.content == 0 and node.attributes.label
    if not label then
      kept:insert(node)
    elseif holder.t == "Header" then
      holder.attributes.labels = ((holder.attributes.labels or "") .. " " .. label):match("^%s*(.*)$")
    elseif holder.identifier == "" then
      holder.identifier = label
    elseif holder.identifier ~= label then
      holder.attributes.labels = ((holder.attributes.labels or "") .. " " .. label):match("^%s*(.*)$")
    end
  end
  while #kept > 0 and (kept[#kept].t == "Space" or kept[#kept].t == "SoftBreak") do
    kept:remove(#kept)
  end
  return kept
end

-- Widths of grid tables are shares of the line length that the reader was told: brought back to those of a page.
local function settle_widths(tbl)
  local total = 0
  for _, spec in ipairs(tbl.colspecs) do
    total = total + (tonumber(spec[2]) or 0)
  end
  if total > 0 then
    local scale = math.min(reader.OPTIONS.columns / PAGE, 1 / total)
    tbl.colspecs = tbl.colspecs:map(function(spec)
      return { spec[1], tonumber(spec[2]) and spec[2] * scale or nil }
    end)
  end
  return tbl
end

local function lift_captions(holder)
  local blocks = holder.caption.long
  for _, block in ipairs(blocks) do
    if block.t == "Plain" or block.t == "Para" then
      block.content = M.lift_label(holder, block.content)
    end
  end
  holder.caption = { long = blocks }
  return holder
end

function M.table(tbl)
  return settle_widths(lift_captions(tbl))
end

-- An implicit figure's caption stands there twice, as caption and as the picture's alternative text. One of them is enough.
function M.single_caption(figure)
  figure = lift_captions(figure)
  for _, block in ipairs(figure.content) do -- LaTeX's subfigure environments
    if block.t == "Figure" and not figure.classes:includes("subfigures") then
      figure.classes:insert("subfigures")
    end
  end
  if figure.classes:includes("subfigures") then
    figure.content = figure.content:walk({ Figure = function(cell)
      if not cell.classes:includes("subfigure") then
        cell.classes:insert("subfigure")
        return cell
      end
    end })
  end
  if figure.classes:includes("subfigures") then
    return figure
  end
  figure.content = figure.content:walk({
    Image = function(image)
      local id = image.identifier
      image.caption = pandoc.Inlines({})
      if id ~= "" and figure.identifier == "" then
        figure.identifier, image.identifier = id, ""
      end
      return image
    end,
  })
  return figure
end

-- `::: {#fig:x}` around pictures: one figure of several. Paragraphs without a picture are its caption.
function M.as_subfigures(div)
  if not (div.identifier:find("^fig:") or div.classes:includes("subfigures")) then
    return nil
  end
  local cells, caption = pandoc.Blocks({}), pandoc.Blocks({})
  local columns = tonumber(div.attributes.ncol or div.attributes["layout-ncol"] or "")
  local share = columns and columns >= 1 and string.format("%d%%", 100 // columns - (columns > 1 and 2 or 0))
  local function cell(image, blocks, id)
    local attributes = { width = image.attributes.width or share or nil }
    image.attributes.width, image.identifier, image.caption = "100%", "", pandoc.Inlines({})
    cells:insert(pandoc.Figure({ pandoc.Plain({ image }) }, { long = blocks }, pandoc.Attr(id, { "subfigure" }, attributes)))
  end
  for _, block in ipairs(div.content) do
    local images = pandoc.List({})
    block:walk({ Image = function(image) images:insert(image) end })
    if #images == 0 then
      caption:insert(block)
    elseif block.t == "Figure" and #images == 1 then
      cell(images[1], block.caption.long, block.identifier)
    else
      for _, image in ipairs(images) do
        cell(image, #image.caption > 0 and pandoc.Blocks({ pandoc.Plain(image.caption) }) or pandoc.Blocks({}), image.identifier)
      end
    end
  end
  if #cells == 0 then
    return nil
  end
  local classes = div.classes:filter(function(class) return class ~= "figure" and class ~= "subfigures" end)
  classes:insert("subfigures")
  return pandoc.Figure(cells, { long = { pandoc.Plain(pandoc.utils.blocks_to_inlines(caption)) } }, pandoc.Attr(div.identifier, classes))
end

-- A picture alone in its paragraph is set apart like a figure, also where it has no caption.
function M.lone_picture(para)
  local image = #para.content == 1 and para.content[1]
  if image and image.t == "Image" then
    local id = image.identifier
    image.identifier = ""
    local caption = #image.caption > 0 and { pandoc.Plain(image.caption) } or {}
    image.caption = pandoc.Inlines({})
    return pandoc.Figure({ pandoc.Plain({ image }) }, { long = caption }, pandoc.Attr(id))
  end
end

return M
