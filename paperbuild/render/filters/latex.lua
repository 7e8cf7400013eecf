-- The last filter before LaTeX: floats, formulas, theorems and references as an author would write them by hand, with the packages
-- that they need. LaTeX counts by itself; what it must count, and what not, is decided here.

local kinds = require("kinds")
local labels = require("labels")
local line_numbers = require("line_numbers")
local latex_formulas = require("latex_formulas")
local numbering = require("latex_numbering")
local tables = require("latex_tables")
local text = require("latex_text")
local elements = require("elements")
local images_of = elements.images_of

local M = {}

local FORMAT = "latex"
local OPTIONS = { wrap_text = "auto", columns = 100, highlight_method = "none", top_level_division = "section" }
local LINE = { wrap_text = "none", highlight_method = "none" }

function M.write(blocks)
  return (pandoc.write(pandoc.Pandoc(blocks), FORMAT, OPTIONS):gsub("%s+$", ""))
end

local function inline_text(inlines)
  return (pandoc.write(pandoc.Pandoc({ pandoc.Plain(inlines) }), FORMAT, LINE):gsub("%s+$", ""))
end

local label = labels.mark

-- A length as LaTeX knows it; a bare number is pixels, as in HTML. nil for what is no length.
local function length(value, whole)
  local number, unit = (value or ""):match("^%s*([%d%.]+)%s*(%a*%%?)%s*$")
  if not tonumber(number) then
    return nil
  elseif unit == "%" then
    return string.format("%g", tonumber(number) / 100) .. whole
  elseif unit == "" or unit == "px" then
    return string.format("%gbp", tonumber(number) * 0.75)
  end
  local known = { cm = "cm", mm = "mm", ["in"] = "in", inch = "in", pt = "bp", em = "em", ex = "ex" }
  return known[unit] and number .. known[unit]
end

local function graphics(image, alt)
  local keys = {}
  for key, whole in pairs({ width = "\\linewidth", height = "\\textheight" }) do
    local size = length(image.attributes[key], whole)
    if size then
      keys[#keys + 1] = key .. "=" .. size
    end
  end
  table.sort(keys)
  local sized = #keys > 0
  if #keys == 2 then
    keys[#keys + 1] = "keepaspectratio"
  end
  alt = image.attributes.alt or alt
  if alt and alt ~= "" then
    keys[#keys + 1] = "alt={" .. text.escaped(alt) .. "}"
  end
  local call = "\\includegraphics" .. (#keys > 0 and "[" .. table.concat(keys, ",") .. "]" or "") .. "{" .. image.src .. "}"
  return sized and call or "\\fitted{" .. call .. "}"
end

local function without_notes(inlines)
  return inlines:walk({ Note = function() return {} end })
end

-- Returns \caption with its \label, and the footnotes' texts, which LaTeX wants behind the float.
local function caption_of(element)
  local inlines = pandoc.utils.blocks_to_inlines(element.caption.long, { pandoc.Space() })
  local notes = {}
  local marked = inlines:walk({ Note = function(note)
    notes[#notes + 1] = M.write(note.content)
    return pandoc.RawInline("latex", "\\protect\\footnotemark{}")
  end })
  local numbered = (element.attributes["pb-number"] or "") ~= ""
  if not numbered then
    return #inlines > 0 and inline_text(marked) or label(element.identifier), ""
  end
  local short = #notes > 0 and "[" .. inline_text(without_notes(inlines)) .. "]" or ""
  local after = {}
  if #notes > 1 then
    after[1] = "\\addtocounter{footnote}{-" .. (#notes - 1) .. "}"
  end
  for i, note in ipairs(notes) do
    after[#after + 1] = (i > 1 and "\\stepcounter{footnote}" or "") .. "\\footnotetext{" .. note .. "}"
  end
  return "\\caption" .. short .. "{" .. inline_text(marked) .. "}" .. label(element.identifier), table.concat(after, "\n", 1, #after)
end

local function is_wide(figure)
  return figure.classes:includes("wide") or images_of(figure):find_if(function(image) return image.classes:includes("wide") end) ~= nil
end

local function alt_of(figure)
  return (pandoc.utils.stringify(without_notes(pandoc.utils.blocks_to_inlines(figure.caption.long)):walk({
    RawInline = function(raw) return pandoc.Str((raw.text:gsub("[\\${}]", ""))) end,
  })))
end

local function float(name, place, lines, after)
  return "\\begin{" .. name .. "}" .. place .. "\n\\centering\n" .. table.concat(lines, "\n") .. "\n\\end{" .. name .. "}"
    .. (after ~= "" and "\n" .. after or "")
end

local function subfigures(figure, how)
  how.need("subcaption")
  local lines, notes, across = {}, "", 0
  local cells = figure.content:filter(function(block) return block.t == "Figure" end)
  for i, cell in ipairs(cells) do
    local share = tonumber((cell.attributes.width or ""):match("^([%d%.]+)%%")) or (#cells == 1 and 100 or 48)
    across = across + share
    local separator = ""
    if i > 1 then
      separator = across > 101 and "\\par\\medskip" or "\\hfill"
      across = across > 101 and share or across
    end
    local pictures = images_of(cell):map(function(image)
      image.attributes.width = image.attributes.width or "100%"
      return graphics(image, alt_of(cell))
    end)
    local caption, after = caption_of(cell)
    notes = notes .. after
    lines[#lines + 1] = (separator ~= "" and separator .. "\n" or "") .. "\\begin{subfigure}[b]{" .. string.format("%.3g", share / 100)
      .. "\\linewidth}\n\\centering\n" .. table.concat(pictures, "\n") .. "\n" .. caption .. "\n\\end{subfigure}"
  end
  local caption, after = caption_of(figure)
  lines[#lines + 1] = caption
  return float(is_wide(figure) and "figure*" or "figure", how.place, lines, notes .. after)
end

local function plain_figure(figure, how)
  local only = #figure.content == 1 and figure.content[1]
  local calls, pure = {}, only and (only.t == "Plain" or only.t == "Para")
  for _, node in ipairs(pure and only.content or {}) do
    if node.t == "Image" then
      calls[#calls + 1] = graphics(node, alt_of(figure))
    elseif node.t ~= "Space" and node.t ~= "SoftBreak" and node.t ~= "LineBreak" then
      pure = false
    end
  end
  local inside = pure and table.concat(calls, "\\quad\n") or M.write(M.finish_images(figure.content))
  local caption, after = caption_of(figure)
  if (figure.attributes["pb-number"] or "") == "" then
    return "\\begin{center}\n" .. inside .. (caption ~= "" and "\n\n" .. caption or "") .. "\n\\end{center}"
  end
  return float(is_wide(figure) and "figure*" or "figure", how.place, { inside, caption }, after)
end

-- Set apart, but no float: a long one breaks across pages.
local SIZES = { [1] = { { "", 71 }, { "\\small", 78 }, { "\\footnotesize", 87 }, { "\\scriptsize", 97 } },
  [2] = { { "\\small", 49 }, { "\\footnotesize", 56 }, { "\\scriptsize", 63 } } } -- characters of typewriter type on a line

local function in_lines(text, room)
  local out = {}
  for line in (text .. "\n"):gmatch("(.-)\n") do
    local indent = line:match("^%s*") .. "    "
    while (utf8.len(line) or #line) > room do
      local stop = utf8.offset(line, room + 1) or room + 1
      local cut = line:sub(1, stop - 1):match("^.*%S()%s") or stop
      if cut <= #indent then
        cut = stop
      end
      out[#out + 1] = line:sub(1, cut - 1)
      line = indent .. line:sub(cut):gsub("^%s+", "")
    end
    out[#out + 1] = line
  end
  return table.concat(out, "\n")
end

-- Code in the largest type in which its lines fit; what does not fit in the smallest goes on in the next line.
local function code_lines(block, columns)
  local longest, text = 0, line_numbers.written(block)
  for line in text:gmatch("[^\n]+") do
    longest = math.max(longest, utf8.len(line) or #line)
  end
  local sizes = SIZES[columns] or SIZES[1]
  local size = sizes[#sizes]
  for i = #sizes, 1, -1 do
    size = sizes[i][2] >= longest and sizes[i] or size
  end
  local anchor = block.identifier ~= "" and "\\phantomsection" .. label(block.identifier) .. "%\n" or ""
  local code = "\\begin{verbatim}\n" .. in_lines(text, size[2]) .. "\n\\end{verbatim}"
  return pandoc.RawBlock("latex", anchor .. (size[1] ~= "" and "{" .. size[1] .. "\n" .. code .. "\n}" or code))
end

local function listing(figure, how)
  how.listing()
  local caption, after = caption_of(figure)
  return (caption:gsub("^\\caption", "\\captionof{listing}")) .. "\n\\nopagebreak\n" .. M.write(figure.content)
    .. (after ~= "" and "\n" .. after or "")
end

-- Pictures in running text.
function M.finish_images(blocks)
  return blocks:walk({ Image = function(image)
    return pandoc.RawInline("latex", graphics(image, pandoc.utils.stringify(image.caption)))
  end })
end

local function theorem(div, kind, how)
  local title, content = kinds.split_title(div)
  local numbered = (div.attributes["pb-number"] or "") ~= ""
  local name = numbered and kind or kind .. "*"
  how.theorem(name, (how.names:caption(kind)))
  local option = title and "[{" .. inline_text(title) .. "}]" or ""
  return "\\begin{" .. name .. "}" .. option .. label(div.identifier) .. "\n" .. M.write(content) .. "\n\\end{" .. name .. "}"
end

local function proof(div)
  local title, content = kinds.split_title(div)
  return "\\begin{proof}" .. (title and "[{" .. inline_text(title) .. "}]" or "") .. label(div.identifier) .. "\n" .. M.write(content) .. "\n\\end{proof}"
end

-- One item of the list of references; numeric styles have a margin.
local function entry(div)
  local margin, rest = nil, div.content
  local function take(inlines)
    local kept = pandoc.Inlines({})
    for _, node in ipairs(inlines) do
      if node.t == "Span" and node.classes:includes("csl-left-margin") then
        margin = inline_text(node.content)
      elseif node.t == "Span" and node.classes:includes("csl-right-inline") then
        kept:extend(node.content)
      else
        kept:insert(node)
      end
    end
    return kept
  end
  rest = rest:walk({ Para = function(p) p.content = take(p.content) return p end, Plain = function(p) p.content = take(p.content) return p end })
  return "\\item" .. (margin and "[{" .. margin .. "}]" or "") .. "\\phantomsection" .. label(div.identifier) .. "\n" .. M.write(rest)
end

local function references(div)
  local numeric = false
  div:walk({ RawBlock = function(raw) numeric = numeric or raw.text:find("^\\item%[") ~= nil end })
  local name = numeric and "numberedreferences" or "references"
  return "\\begin{" .. name .. "}\n" .. M.write(div.content) .. "\n\\end{" .. name .. "}"
end

-- A table's notes stand below it, in its float.
local function with_notes(div)
  local code, notes = "", ""
  for _, block in ipairs(div.content) do
    if block.t == "RawBlock" then
      code = code .. block.text
    else
      notes = notes .. "\\par\\smallskip{\\footnotesize " .. M.write(block.t == "Div" and block.content or { block }) .. "\\par}\n"
    end
  end
  local inside, count = code:gsub("\n(\\end{%l*table%*?})", function(ending) return "\n" .. notes .. ending end, 1)
  return count > 0 and not code:find("\\begin{longtable}", 1, true) and inside or code .. "\n" .. notes
end

local function division(div, how)
  if div.classes:includes("table-with-notes") then
    return with_notes(div)
  end
  local kind = kinds.theorem_kind(div)
  if kind then
    return theorem(div, kind, how)
  elseif div.classes:includes("proof") then
    return proof(div)
  elseif div.identifier == "refs" then
    return references(div)
  elseif div.classes:includes("csl-entry") then
    return entry(div)
  end
  return nil
end

-- What the parts of one document need beside their own code; kept in `options.needs`, which the answer carries.
local function surroundings(options)
  local needs = options.needs
  return {
    names = options.names, place = "[tbp]", columns = options.columns, write = M.write, caption = caption_of,
    need = function(package) needs.packages[package] = true end,
    theorem = function(kind, name) needs.theorems[kind] = name end,
    part = function(name) needs[name] = true end,
    listing = function() needs.listings = true end,
  }
end

local function is_display(block)
  local only = block and (block.t == "Para" or block.t == "Plain") and #block.content == 1 and block.content[1]
  return only and only.t == "RawInline" and (only.text:find("^\\begin{") or only.text:find("^\\%[")) and true
end

-- In Markdown a displayed formula is a paragraph; in LaTeX a blank line before one is a mistake, and after one a new paragraph. So it
-- joins what it belongs to: the text before it, and what goes on behind it with a small letter.
local function join_formulas(blocks)
  local out = pandoc.Blocks({})
  for _, block in ipairs(blocks) do
    local last = out[#out]
    local open = last and last.t == "Para"
    local first = block.t == "Para" and block.content[1]
    local goes_on = open and first and first.t == "Str" and first.text:find("^[%l,;]") and is_display({ t = "Para", content = { last.content[#last.content] } })
    if open and (is_display(block) or goes_on) then
      last.content:insert(pandoc.RawInline("latex", "\n"))
      last.content:extend(block.content)
      out[#out] = last
    else
      out:insert(block)
    end
  end
  return out
end

-- Each word by itself, so that lines break between them; the packages that can do better are in no basic distribution.
local function word_by_word(inlines, open)
  local out, inside = pandoc.Inlines({}), false
  local function close()
    if inside then
      out:insert(pandoc.RawInline("latex", "}"))
      inside = false
    end
  end
  for _, node in ipairs(inlines) do
    if node.t == "Space" or node.t == "SoftBreak" or node.t == "LineBreak" then
      close()
    elseif not inside then
      out:insert(pandoc.RawInline("latex", open))
      inside = true
    end
    out:insert(node)
  end
  close()
  return out
end

local function identified(element)
  if element.identifier ~= "" then
    element.identifier = labels.latex(element.identifier)
    return element
  end
end

-- Returns the document with everything that pandoc's writer cannot say as raw LaTeX.
function M.finish(doc, options, problems)
  local how = surroundings(options)
  doc = doc:walk({
    traverse = "topdown",
    Span = function(span)
      if span.classes:includes("eqn") then
        local write_equation = span.classes:includes("lines") and latex_formulas.numbered_lines or latex_formulas.numbered_equation
        return write_equation(span, how), false
      elseif span.classes:includes("pb-value") then
        return span.content
      elseif span.identifier ~= "" and #span.content == 0 then -- a label in running text
        return pandoc.RawInline("latex", "\\phantomsection" .. label(span.identifier)), false
      end
    end,
    Math = function(math) return latex_formulas.plain_formula(math, how) end,
    Cite = function(cite) return cite.content end,
    Link = function(link)
      local id = link.target:match("^#(.+)$")
      if id then
        link.target = "#" .. labels.latex(id)
        return link
      end
    end,
  })
  doc = doc:walk({
    Blocks = join_formulas,
    Str = text.word,
    Strikeout = function(node) return word_by_word(node.content, "\\struck{") end,
    Underline = function(node) return word_by_word(node.content, "\\underline{") end,
    Header = function(header)
      local part = header.attributes["pb-part"]
      header.attributes = {}
      identified(header)
      if part then
        how.part(part)
      end
      return part and { pandoc.RawBlock("latex", part == "appendix" and "\\startappendix" or "\\clearpage\n\\startsupplement"), header } or header
    end,
  })
  local function raw(code)
    return code and pandoc.RawBlock("latex", code)
  end
  doc = doc:walk({
    Figure = function(figure)
      if figure.classes:includes("subfigure") then
        return nil
      end
      local write_figure = kinds.is_listing(figure) and listing or figure.classes:includes("subfigures") and subfigures or plain_figure
      return raw(write_figure(figure, how))
    end,
    CodeBlock = function(block) return code_lines(block, how.columns) end,
    Table = function(tbl)
      tbl.caption = { long = tbl.caption.long }
      return raw(tables.written(tbl, how))
    end,
    Div = function(div) return raw(division(div, how)) end,
  })
  doc.blocks = M.finish_images(doc.blocks)
  if options.is_supplement then
    how.part("supplement")
    doc.blocks:insert(1, pandoc.RawBlock("latex", "\\startsupplement"))
  end
  return doc:walk({ Span = identified, Div = identified, Code = identified, CodeBlock = identified })
end

M.preamble = numbering.preamble

return M
