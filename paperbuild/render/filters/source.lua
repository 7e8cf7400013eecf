-- From the text of a paper to a prepared document: parsed, raw TeX read, metadata laid in front, equations' ids taken up.
--
-- The prepared document's blocks start with one Div per piece of metadata that a reader sees, so that every later filter treats
-- title, abstract and body alike and in one order.

local formulas = require("formulas")
local crossrefs = require("crossrefs")

local M = {}

-- Long attributes in a table cell would change its column's width, were there a line length to measure them by.
local READER = { columns = 1000000 }

M.META = "pb-meta" -- class of the Divs that hold metadata

-- What the words of a TeX node may vanish for: layout, and what only LaTeX knows.
local SILENT = {}
for name in ([[label newpage clearpage pagebreak noindent vspace hspace bigskip medskip smallskip centering raggedright newcommand
  renewcommand providecommand def let usepackage setcounter setlength linebreak nolinebreak hfill vfill small footnotesize large Large
  normalsize tiny scriptsize maketitle appendix tableofcontents bibliography bibliographystyle DeclareMathOperator protect thispagestyle
  pagestyle index hyphenation FloatBarrier par indent allowbreak columnbreak section* begin end]]):gmatch("%S+") do
  SILENT[name] = true
end

local function is_tex(format)
  return format == "tex" or format == "latex"
end

local function read_tex(text)
  local ok, doc = pcall(pandoc.read, text, "latex", READER, {})
  return ok and doc.blocks or pandoc.Blocks({})
end

-- Attributes and classes that the filters give each other: an author's own would be taken for theirs.
local OURS = { ["data-pb"] = true, ["data-n"] = true, labels = true, label = true }
local OUR_CLASSES = { ["pb-meta"] = true, ["pb-value"] = true, eqn = true, subfigure = true, ["csl-entry"] = true, ["pb-title"] = true }

local function foreign(element)
  local touched = false
  for key in pairs(element.attributes) do
    touched = touched or OURS[key] or key:find("^pb%-") ~= nil
  end
  for _, class in ipairs(element.classes) do
    touched = touched or OUR_CLASSES[class]
  end
  if not touched then
    return nil
  end
  local kept = {}
  for key, value in pairs(element.attributes) do
    if not OURS[key] and not key:find("^pb%-") then
      kept[key] = value
    end
  end
  local classes = element.classes:filter(function(class) return not OUR_CLASSES[class] end)
  element.attr = pandoc.Attr(element.identifier, classes, kept)
  return element
end

local FOREIGN = {}
for _, name in ipairs({ "Span", "Div", "Header", "Figure", "Table", "Image", "Link", "Code", "CodeBlock" }) do
  FOREIGN[name] = foreign
end

-- HTML that means the same in every format: `<br>`, `<img …>`, and pairs of tags around words.
local PAIRS = {
  sup = pandoc.Superscript, sub = pandoc.Subscript, em = pandoc.Emph, i = pandoc.Emph, strong = pandoc.Strong, b = pandoc.Strong,
  u = pandoc.Underline, ins = pandoc.Underline, s = pandoc.Strikeout, del = pandoc.Strikeout, small = pandoc.Span, mark = pandoc.Span,
  font = pandoc.Span, center = pandoc.Span,
}

local function html_tag(node)
  if node and node.t == "RawInline" and node.format:find("^html") then
    local slash, name = node.text:match("^<(/?)(%a+)[%s/>]")
    return name and name:lower(), slash == "/"
  end
end

local function read_tags(inlines)
  local open, out = pandoc.List({}), pandoc.Inlines({})
  for _, node in ipairs(inlines) do
    local name, closing = html_tag(node)
    local last = open[#open]
    if name == "br" then
      out:insert(pandoc.LineBreak())
    elseif name == "img" then
      out:extend(pandoc.utils.blocks_to_inlines(pandoc.read(node.text, "html", nil, {}).blocks))
    elseif name and PAIRS[name] and not closing then
      open:insert({ name = name, at = #out + 1 })
      out:insert(node)
    elseif name and closing and last and last.name == name then
      local inside = pandoc.Inlines({})
      while #out > last.at do
        inside:insert(1, out:remove(#out))
      end
      out[last.at] = PAIRS[name](inside)
      open:remove(#open)
    else
      out:insert(node)
    end
  end
  return out
end

local function read_picture(raw)
  if raw.format:find("^html") and raw.text:lower():find("<img%s") then
    return pandoc.read(raw.text, "html", nil, {}).blocks
  end
end

-- pandoc's LaTeX reader guesses numbers from the one snippet that it sees: what it put in a reference's text means nothing.
local function plain_references(blocks)
  return blocks:walk({
    Link = function(link)
      if link.attributes["reference-type"] then
        link.content = pandoc.Inlines({})
        return link
      end
    end,
    Div = function(div) -- a table's or figure's \label
      local only = #div.content == 1 and div.content[1]
      if only and only.t == "Table" and div.identifier ~= "" and only.identifier == "" then
        only.identifier = div.identifier
        return only
      end
    end,
  })
end

local function said_nothing(text, blocks)
  local name = text:match("^%s*\\(%a+%*?)")
  local words = text:gsub("\\%a+%*?", " "):gsub("%[[^%]]*%]", " ")
  return not (name and SILENT[name] and name ~= "begin") and words:find("%a%a") and pandoc.utils.stringify(blocks) == ""
    and not (name and SILENT[name])
end

-- Reads every raw TeX node as LaTeX: outside a LaTeX document it would vanish without a word.
local function feed_tex(doc, problems)
  local function read(raw)
    local blocks = plain_references(read_tex(raw.text))
    local shows = false -- something that is no word
    local function show()
      shows = true
    end
    blocks:walk({ Image = show, Math = show, Link = show, Note = show })
    if not shows and said_nothing(raw.text, blocks) then
      problems:insert({ kind = "tex-vanished", text = raw.text })
    end
    return blocks
  end
  return doc:walk({
    RawBlock = function(raw)
      if is_tex(raw.format) then
        return read(raw)
      end
    end,
    RawInline = function(raw)
      if not is_tex(raw.format) then
        return nil
      end
      local label = raw.text:match("^%s*\\label%s*{([^}]*)}%s*$")
      if label then
        return pandoc.Span({}, pandoc.Attr(label, {}, { label = label }))
      end
      local blocks = read(raw)
      return pandoc.utils.blocks_to_inlines(blocks, { pandoc.Space() })
    end,
  })
end

-- `$$…$$ {#eq:x}`, which pandoc leaves as text, and display formulas with \label or in a numbered environment: Span.eqn.
local NUMBERED = { equation = true, align = true, gather = true, multline = true, eqnarray = true, flalign = true, alignat = true }

local function equation_span(math, id)
  local labels, tag = formulas.labels(math.text)
  local environment = math.text:match("^%s*\\begin{(%a+)}")
  local unnumbered = math.text:find("\\nonumber", 1, true) or math.text:find("\\notag", 1, true)
  if not id and #labels == 0 and (unnumbered or not (environment and NUMBERED[environment])) and not tag then
    return nil
  end
  local all = pandoc.List({ id }):map(tostring)
  all:extend(labels)
  return pandoc.Span({ math }, pandoc.Attr(all[1] or "", { "eqn" }, { labels = table.concat(all, " "), tag = tag }))
end

local function take_equation_ids(inlines)
  local out, i = pandoc.Inlines({}), 1
  while i <= #inlines do
    local node = inlines[i]
    if node.t == "Math" and node.mathtype == "DisplayMath" then
      local j = i + 1
      while inlines[j] and (inlines[j].t == "Space" or inlines[j].t == "SoftBreak") do
        j = j + 1
      end
      local word = inlines[j] and inlines[j].t == "Str" and inlines[j].text
      local id, after = (word or ""):match("^{#([%w:_%.%-]+)}(.*)$")
      out:insert(equation_span(node, id) or node)
      if id then
        i = j
        if after ~= "" then
          out:insert(pandoc.Str(after))
        end
      end
    else
      out:insert(node)
    end
    i = i + 1
  end
  return out
end

-- The \label in a caption or heading names the figure, table or section it stands in.
local function lift_label(holder, inlines)
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

-- Widths of grid tables are shares of the line length that the reader was told: brought back to a page of 72 characters.
local function settle_widths(tbl)
  local total = 0
  for _, spec in ipairs(tbl.colspecs) do
    total = total + (tonumber(spec[2]) or 0)
  end
  if total > 0 then
    local scale = math.min(READER.columns / 72, 1 / total)
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
      block.content = lift_label(holder, block.content)
    end
  end
  holder.caption = { long = blocks }
  return holder
end

-- An implicit figure's caption stands there twice, as caption and as the picture's alternative text. One of them is enough.
local function single_caption(figure)
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
local function as_subfigures(div)
  if not (div.identifier:find("^fig:") or div.classes:includes("subfigures")) then
    return nil
  end
  local cells, caption = pandoc.Blocks({}), pandoc.Blocks({})
  local function cell(image, blocks, id)
    local attributes = { width = image.attributes.width }
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

-- The title of a theorem or proof is an attribute, and text like any other: it joins the content, to be taken out when it is written.
local function theorem_title(div)
  local title = div.attributes.title
  if not title or not (div.classes:includes("proof") or crossrefs.theorem_kind(div)) then
    return nil
  end
  div.attributes.title = nil
  local words = pandoc.utils.blocks_to_inlines(pandoc.read(title, "markdown", READER, {}).blocks)
  div.content:insert(1, pandoc.Plain({ pandoc.Span(words, pandoc.Attr("", { "pb-title" })) }))
  return div
end

-- A picture alone in its paragraph is set apart like a figure, also where it has no caption.
local function lone_picture(para)
  local image = #para.content == 1 and para.content[1]
  if image and image.t == "Image" then
    local id = image.identifier
    image.identifier = ""
    local caption = #image.caption > 0 and { pandoc.Plain(image.caption) } or {}
    image.caption = pandoc.Inlines({})
    return pandoc.Figure({ pandoc.Plain({ image }) }, { long = caption }, pandoc.Attr(id))
  end
end

local function as_blocks(value)
  local kind = pandoc.utils.type(value)
  if kind == "Blocks" then
    return value
  elseif kind == "Inlines" then
    return pandoc.Blocks({ pandoc.Plain(value) })
  elseif kind == "string" or kind == "number" or kind == "boolean" then
    return pandoc.Blocks({ pandoc.Plain({ pandoc.Str(tostring(value)) }) })
  end
  return nil
end
M.as_blocks = as_blocks

-- Promotes headings so that the highest is of level 1, and takes a title that stands only as the first heading: one of level 1,
-- with deeper ones below it, that nothing refers to.
local function settle_headings(doc)
  local highest, top, deeper = 7, 0, 7
  doc.blocks:walk({ Header = function(h)
    highest = math.min(highest, h.level)
    top = top + (h.level == 1 and 1 or 0)
    deeper = h.level > 1 and math.min(deeper, h.level) or deeper
  end })
  local first = doc.blocks[1]
  if not doc.meta.title and first and first.t == "Header" and first.level == 1 and top == 1 and deeper < 7 and not first.identifier:find(":") then
    doc.meta.title = first.content
    doc.blocks:remove(1)
    highest = deeper
  end
  if highest > 1 and highest <= 6 then
    doc.blocks = doc.blocks:walk({ Header = function(h) h.level = h.level - highest + 1 return h end })
  end
  return doc
end

-- Returns the Divs that hold what of the metadata a reader sees.
local function add_metadata(meta, people)
  local front = pandoc.Blocks({})
  for _, key in ipairs({ "title", "subtitle", "date", "abstract", "keywords", "tags" }) do
    local value = meta[key]
    local entries = pandoc.utils.type(value) == "List" and value or { value }
    for _, entry in ipairs(entries) do
      local blocks = as_blocks(entry)
      blocks = blocks and blocks:walk(FOREIGN)
      if blocks then
        front:insert(pandoc.Div(blocks, pandoc.Attr("", { M.META }, { field = key })))
      end
    end
  end
  for _, field in ipairs(people) do
    front:insert(pandoc.Div(field.blocks:walk(FOREIGN), pandoc.Attr("", { M.META }, { field = field.name, n = tostring(field.n) })))
  end
  return front
end

-- Returns the prepared document of a text, and the problems met on the way. `strays(doc)` looks at it while raw TeX is still raw.
function M.prepare(text, metadata, strays)
  local problems = pandoc.List({})
  local doc = settle_headings(pandoc.read(text, "markdown", READER, {}))
  local people, fields = metadata.people(doc.meta)
  local meta = doc.meta
  doc.meta = {}
  doc.blocks = add_metadata(meta, fields) .. doc.blocks:walk(FOREIGN)
  local found = strays(doc)
  doc = feed_tex(doc, problems):walk({ Inlines = read_tags, RawBlock = read_picture })
  doc = doc:walk({ Inlines = take_equation_ids })
  doc = doc:walk({ Div = as_subfigures }):walk({ Div = theorem_title })
  doc = doc:walk({
    Figure = single_caption,
    Para = lone_picture,
    Table = function(tbl) return settle_widths(lift_captions(tbl)) end,
    Header = function(h) h.content = lift_label(h, h.content) return h end,
  })
  return { doc = doc, meta = meta, people = people, problems = problems, strays = found }
end

return M
