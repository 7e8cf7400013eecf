-- The last filter before Word: numbers in words, front matter and captions as styled paragraphs, formulas as Word's own.
--
-- What pandoc's writer has no element for (a formula beside its number, pictures side by side) stands in a table without rules, whose
-- tags are raw and whose cells are pandoc's.

local equation_lines = require("equation_lines")
local kinds = require("kinds")
local line_numbers = require("line_numbers")
local plain_math = require("plain_math")
local source = require("source")
local table_widths = require("table_widths")
local elements = require("elements")
local take = elements.take

local M = {}

local TEXT_WIDTH = 8730 -- twentieths of a point between the margins of the reference document

-- Word joins two tables with nothing between them to one, and sets what follows a table close to it.
local AFTER = '<w:p><w:pPr><w:pStyle w:val="AfterTable"/></w:pPr></w:p>'

local WORDS = {
  en = { abstract = "Abstract", keywords = "Keywords" }, de = { abstract = "Zusammenfassung", keywords = "Schlagwörter" },
  fr = { abstract = "Résumé", keywords = "Mots-clés" }, es = { abstract = "Resumen", keywords = "Palabras clave" },
}

local FRAGMENTS = "html" -- they are only looked at; the document is written whole

function M.write(blocks)
  return (pandoc.write(pandoc.Pandoc(blocks), FRAGMENTS, { wrap_text = "none" }):gsub("%s+$", ""))
end

local function raw(xml)
  return pandoc.RawBlock("openxml", xml)
end

local function styled(style, blocks)
  return pandoc.Div(blocks, pandoc.Attr("", {}, { ["custom-style"] = style }))
end

local function paragraphs(blocks)
  return pandoc.Blocks(blocks):walk({ Plain = function(p) return pandoc.Para(p.content) end })
end

-- A table without rules; `cells` are lists of blocks, `widths` their shares of the text's width.
local function side_by_side(cells, widths)
  local out = pandoc.Blocks({})
  local grid, total = {}, 0
  for i, width in ipairs(widths) do
    grid[i] = string.format('<w:gridCol w:w="%d"/>', math.floor(width * TEXT_WIDTH))
    total = total + math.floor(width * TEXT_WIDTH)
  end
  local open = '<w:tbl><w:tblPr><w:tblW w:w="' .. total .. '" w:type="dxa"/><w:jc w:val="center"/><w:tblBorders><w:top w:val="nil"/>'
    .. '<w:bottom w:val="nil"/></w:tblBorders><w:tblLayout w:type="fixed"/><w:tblLook w:val="0000"/></w:tblPr><w:tblGrid>'
    .. table.concat(grid) .. "</w:tblGrid><w:tr>"
  for i, blocks in ipairs(cells) do
    out:insert(raw(open .. string.format('<w:tc><w:tcPr><w:tcW w:w="%d" w:type="dxa"/><w:vAlign w:val="%s"/></w:tcPr>',
      math.floor(widths[i] * TEXT_WIDTH), #widths == 3 and "center" or "bottom")))
    out:extend(blocks)
    open = "</w:tc>"
  end
  out:insert(raw("</w:tc></w:tr></w:tbl>" .. AFTER))
  return out
end

-- The numbers of a formula: its own, or those of its lines, in lines of their own.
local function numbers_of(span)
  local number = take(span.attributes, "pb-number") or ""
  if not span.attributes["pb-numbers"] then
    return pandoc.Inlines({ pandoc.Str("(" .. number .. ")") })
  end
  local out = pandoc.Inlines({})
  local numbers, ids = equation_lines.marks(span)
  for i, line in ipairs(numbers) do
    if #out > 0 then
      out:insert(pandoc.LineBreak())
    end
    out:insert(pandoc.Span({ pandoc.Str(line ~= "" and "(" .. line .. ")" or "\u{a0}") }, pandoc.Attr(ids[i])))
  end
  span.attributes["pb-numbers"], span.attributes["pb-ids"] = nil, nil
  return out
end

-- A formula in the middle, its number at the right margin.
local function numbered_equation(span)
  local label = pandoc.Span(numbers_of(span), pandoc.Attr(span.identifier))
  return side_by_side({
    { raw("<w:p/>") }, { styled("Equation", { pandoc.Para(span.content) }) },
    { styled("Equation Number", { pandoc.Para({ label }) }) },
  }, { 0.09, 0.82, 0.09 })
end

local function is_equation(node)
  return node.t == "Span" and node.classes:includes("eqn")
end

-- Parts a paragraph where a numbered formula stands in it.
local function part_paragraph(para)
  local out, line = pandoc.Blocks({}), pandoc.Inlines({})
  local function flush()
    while #line > 0 and (line[1].t == "SoftBreak" or line[1].t == "Space") do
      line:remove(1)
    end
    if #line > 0 then
      out:insert(pandoc.Para(line))
    end
    line = pandoc.Inlines({})
  end
  local found = false
  for _, node in ipairs(para.content) do
    if is_equation(node) then
      found = true
      flush()
      out:extend(numbered_equation(node))
    else
      line:insert(node)
    end
  end
  flush()
  return found and out or nil
end

local function first_words(blocks, words)
  local first = blocks[1]
  if first and (first.t == "Plain" or first.t == "Para") then
    blocks[1] = pandoc.Para(words .. { pandoc.Space() } .. first.content)
  else
    blocks:insert(1, pandoc.Para(words))
  end
  return blocks
end

-- The caption with its number in front, which bears the id that references lead to.
local function caption(element, names, kind)
  local number = take(element.attributes, "pb-number") or ""
  local blocks = pandoc.Blocks(element.caption.long)
  if number == "" then
    return blocks
  end
  local label = pandoc.Span({ pandoc.Strong({ pandoc.Str(kind and names:label(kind, number) .. "." or "(" .. number .. ")") }) },
    pandoc.Attr(element.identifier))
  element.identifier = ""
  return first_words(blocks, pandoc.Inlines({ label }))
end

local function describe(blocks, words)
  local alt = pandoc.utils.stringify(words:walk({ Note = function() return {} end, Math = function(m) return pandoc.Str(m.text) end }))
  return blocks:walk({ Image = function(image)
    local own = take(image.attributes, "alt")
    take(image.attributes, "data-n")
    take(image.attributes, "data-pb")
    image.caption = pandoc.Inlines({ pandoc.Str(own or (#image.caption > 0 and pandoc.utils.stringify(image.caption)) or alt) })
    return image
  end })
end

local function listing(figure, names)
  local words = caption(figure, names, "listing")
  local out = pandoc.Blocks(#words > 0 and { styled("Table Caption", words) } or {})
  out:extend(figure.content)
  return out
end

local function plain_figure(figure, names)
  if kinds.is_listing(figure) then
    return listing(figure, names)
  end
  local content = describe(figure.content, pandoc.Blocks(figure.caption.long)):walk({ Plain = function(p) return pandoc.Para(p.content) end })
  local words = caption(figure, names, "figure")
  local out = pandoc.Blocks({ styled(#words > 0 and "Captioned Figure" or "Figure", content) })
  if #words > 0 then
    out:insert(styled("Image Caption", words))
  end
  return out
end

local function subfigures(figure, names)
  local out, row, widths, across = pandoc.Blocks({}), {}, {}, 0
  local function flush()
    if #row > 0 then
      out:extend(side_by_side(row, widths))
    end
    row, widths, across = {}, {}, 0
  end
  for _, cell in ipairs(figure.content) do
    if cell.t == "Figure" then
      local share = (tonumber((take(cell.attributes, "width") or ""):match("^([%d%.]+)%%")) or 50) / 100
      if across + share > 1.01 then
        flush()
      end
      local content = describe(cell.content, pandoc.Blocks(cell.caption.long)):walk({
        Image = function(image) -- a share of the cell, which Word knows only as one of the page
          local part = tonumber((image.attributes.width or "100%"):match("^([%d%.]+)%%"))
          image.attributes.width = part and string.format("%.1f%%", part * share * 0.94) or image.attributes.width
          return image
        end,
        Plain = function(p) return pandoc.Para(p.content) end,
      })
      local words = caption(cell)
      row[#row + 1] = #words > 0 and { styled("Figure", content), styled("Subfigure Caption", words) } or { styled("Figure", content) }
      widths[#widths + 1], across = share, across + share
    end
  end
  flush()
  local words = caption(figure, names, "figure")
  if #words > 0 then
    out:insert(styled("Image Caption", words))
  end
  return out
end

local CHARACTER, PADDING, POINTS = 5.3, 14, 436 -- points: a character of a table's text, a cell's margins, the text's width
local KEPT = 24 -- rows that stay on one page

-- Word fits columns to their text by itself, other programs do not: widths say what fits.
local function settle_widths(tbl)
  if table_widths.are_given(tbl) then
    return
  end
  local whole, word = table_widths.measured(tbl)
  local room = (POINTS - #whole * PADDING) / CHARACTER
  local widths = table_widths.shared(whole, word, room) or word
  local total = table_widths.sum(widths)
  for i, spec in ipairs(tbl.colspecs) do
    local share = (widths[i] * CHARACTER + PADDING) / math.max(POINTS, total * CHARACTER + #widths * PADDING)
    tbl.colspecs[i] = { spec[1], share }
  end
end

-- Rows of a table that is not long stay together, and with its caption.
local function keep_rows(tbl)
  table_widths.each_row(tbl, function(row, n, count)
    local style = count <= KEPT and n < count and "Table Text Kept" or "Table Text"
    for _, cell in ipairs(row.cells) do
      cell.contents = { styled(style, pandoc.Blocks(cell.contents):walk({ Plain = function(p) return pandoc.Para(p.content) end })) }
    end
  end)
end

local function finish_table(tbl, names)
  settle_widths(tbl)
  keep_rows(tbl)
  for _, key in ipairs({ "data-n", "data-pb" }) do
    take(tbl.attributes, key)
  end
  tbl.caption = { long = caption(tbl, names, "table") }
  return { tbl, raw(AFTER) }
end

local function statement(div, label, style)
  div.content = div.content:walk({ Plain = function(p) return pandoc.Para(p.content) end })
  return styled(style, first_words(div.content, pandoc.Inlines({ pandoc.Span({ label }, pandoc.Attr(div.identifier)) })))
end

local UPRIGHT = { definition = true, example = true, remark = true, assumption = true, algorithm = true, exercise = true }

local function division(div, names)
  if div.classes:includes("table-notes") then
    return styled("Table Note", paragraphs(div.content))
  end
  local kind = kinds.theorem_kind(div)
  if kind then
    local number = take(div.attributes, "pb-number") or ""
    local title, rest = kinds.split_title(div)
    local words = pandoc.Inlines({ pandoc.Str(names:label(kind, number)) })
    if title then
      words = words .. { pandoc.Str(" (") } .. title .. { pandoc.Str(")") }
    end
    div.content = rest
    return statement(div, pandoc.Strong(words .. { pandoc.Str(".") }), UPRIGHT[kind] and "Statement" or "Theorem")
  elseif div.classes:includes("proof") then
    local title, rest = kinds.split_title(div)
    div.content = rest
    local last = div.content[#div.content]
    if last and (last.t == "Para" or last.t == "Plain") then
      last.content:extend({ pandoc.Str("\u{a0}∎") })
      div.content[#div.content] = last
    end
    return statement(div, pandoc.Emph((title or pandoc.Inlines({ pandoc.Str(names.proof) })) .. { pandoc.Str(".") }), "Statement")
  end
end

local function header(node)
  local number, name = take(node.attributes, "pb-number") or "", take(node.attributes, "pb-name")
  take(node.attributes, "pb-part")
  if number ~= "" then
    local text = (name and name .. " " or "") .. number
    node.content = pandoc.Inlines({ pandoc.Str(text .. "\u{2002}") }) .. node.content
  end
  return node
end

-- Returns the document ready for pandoc's Word writer.
function M.finish(doc, options, problems)
  local names, cache = options.names, {}
  doc = doc:walk({ Math = function(math) return plain_math.converted(math, problems, cache) end, CodeBlock = line_numbers.plain })
  return doc:walk({
    Para = part_paragraph,
    Span = function(span)
      if span.classes:includes("pb-value") then
        return span.content
      end
    end,
    Figure = function(figure)
      if figure.classes:includes("subfigure") then
        return nil
      end
      return figure.classes:includes("subfigures") and subfigures(figure, names) or plain_figure(figure, names)
    end,
    Table = function(tbl) return finish_table(tbl, names) end,
    Div = function(div) return division(div, names) end,
    Header = function(node) return header(node) end,
  }):walk({ Image = function(image)
    take(image.attributes, "data-n")
    take(image.attributes, "data-pb")
    return image
  end })
end

-- Numbers the affiliations in the order in which authors name them, as every other format does.
local function marks_of(people)
  local marks, n = {}, 0
  for _, author in ipairs(people.authors) do
    for _, key in ipairs(author.affiliations) do
      if not marks[key] then
        n = n + 1
        marks[key] = n
      end
    end
  end
  for _, place in ipairs(people.affiliations) do
    if not marks[place.key] then
      n = n + 1
      marks[place.key] = n
    end
  end
  return marks, n
end

local function joined(list, separator)
  local out = pandoc.Inlines({})
  for i, inlines in ipairs(list) do
    if i > 1 then
      out:extend(separator)
    end
    out:extend(inlines)
  end
  return out
end

local function byline(found, people)
  local marks, count = marks_of(people)
  local writers, places = {}, {}
  for i, blocks in ipairs(found.author) do
    local author = people.authors[i]
    local line, signs = pandoc.utils.blocks_to_inlines(blocks), {}
    for _, key in ipairs(author.affiliations) do
      if count > 1 and marks[key] then
        signs[#signs + 1] = marks[key]
      end
    end
    table.sort(signs)
    if author.corresponding then
      signs[#signs + 1] = "*"
    end
    if #signs > 0 then
      line:insert(pandoc.Superscript({ pandoc.Str(table.concat(signs, ",")) }))
    end
    writers[#writers + 1] = line
  end
  for i, blocks in ipairs(found.affiliation) do
    local mark = marks[people.affiliations[i].key]
    local line = pandoc.utils.blocks_to_inlines(blocks)
    places[mark] = count > 1 and pandoc.Inlines({ pandoc.Superscript({ pandoc.Str(tostring(mark)) }) }) .. line or line
  end
  local out = pandoc.Blocks({})
  if #writers > 0 then
    out:insert(styled("Author", { pandoc.Para(joined(writers, { pandoc.Str(","), pandoc.Space() })) }))
  end
  for _, line in ipairs(places) do
    out:insert(styled("Affiliation", { pandoc.Para(line) }))
  end
  for _, author in ipairs(people.authors) do
    if author.corresponding and author.email ~= "" then
      out:insert(styled("Affiliation", { pandoc.Para({ pandoc.Str("* "), pandoc.Link({ pandoc.Str(author.email) }, "mailto:" .. author.email) }) }))
    end
  end
  return out
end

local function front_matter(found, people, words)
  local out = pandoc.Blocks({})
  local function add(style, blocks)
    if blocks then
      out:insert(styled(style, paragraphs(blocks)))
    end
  end
  add("Title", found.title)
  add("Subtitle", found.subtitle)
  out:extend(byline(found, people))
  add("Date", found.date)
  if found.abstract then
    out:insert(styled("Abstract Title", { pandoc.Para({ pandoc.Str(words.abstract) }) }))
    add("Abstract", found.abstract)
  end
  if #found.keywords > 0 then
    local list = joined(found.keywords:map(function(blocks) return pandoc.utils.blocks_to_inlines(blocks) end), { pandoc.Str(","), pandoc.Space() })
    out:insert(styled("Keywords", { pandoc.Para(pandoc.Inlines({ pandoc.Strong({ pandoc.Str(words.keywords .. ":") }), pandoc.Space() }) .. list) }))
  end
  return out
end

local LISTS = { author = true, affiliation = true, keywords = true, tags = true }

-- Returns the bytes of the Word document: the whole of it, front matter included. `attached` are files by name.
function M.document(doc, paper, options, attached)
  local found = { author = pandoc.List({}), affiliation = pandoc.List({}), keywords = pandoc.List({}) }
  local body = pandoc.Blocks({})
  for _, block in ipairs(doc.blocks) do
    if block.t == "Div" and block.classes:includes(source.META) then
      local field = block.attributes.field
      if LISTS[field] then
        found[field == "tags" and "keywords" or field]:insert(block.content)
      else
        found[field] = block.content
      end
    else
      body:insert(block)
    end
  end
  local words = WORDS[(options.lang or "en"):sub(1, 2):lower()] or WORDS.en
  local whole = pandoc.Pandoc(front_matter(found, paper.people, words) .. body, { lang = options.lang })
  pandoc.mediabag.empty()
  for name, bytes in pairs(attached) do
    if name ~= M.REFERENCE then
      pandoc.mediabag.insert(name, nil, bytes)
    end
  end
  return pandoc.system.with_temporary_directory("paperbuild", function(folder)
    local path = folder .. "/reference.docx" -- the writer takes a path and nothing else
    local file = assert(io.open(path, "wb"))
    file:write(attached[M.REFERENCE])
    file:close()
    return pandoc.write(whole, "docx", { reference_doc = path })
  end)
end

M.REFERENCE = "reference.docx"

return M
