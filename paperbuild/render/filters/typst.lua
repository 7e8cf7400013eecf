-- The last filter before typst: what pandoc's writer cannot say, or says without alternative text, is written here.
--
-- Works from the inside out, so that a figure's caption is finished when the figure is written. Every call ends in ";": typst would
-- read a "(" or "[" of the author's that follows as one more argument.

local equation_lines = require("equation_lines")
local formulas = require("formulas")
local kinds = require("kinds")
local line_numbers = require("line_numbers")
local typst_tables = require("typst_tables")
local labels = require("labels")
local pieces = require("pieces")
local elements = require("elements")
local images_of = elements.images_of

local M = { leaves_words = true } -- of paragraphs that are nothing but words nothing is changed here

local FORMAT = "typst-citations"
local OPTIONS = { wrap_text = "none" }
local quoted = formulas.quoted

local function write(blocks)
  return (pandoc.write(pandoc.Pandoc(blocks), FORMAT, OPTIONS):gsub("%s+$", ""))
end
M.write = write

-- What a call wraps is written at the end of `finish`, all of it together.
local later = pieces.queue(write)

local function inline_text(inlines)
  return later:token({ pandoc.Plain(inlines) })
end

-- A number or a name as content; nearly all of them mean to typst what they say.
local function plain_text(text)
  if text:find("^%w+$") or text:find("^%w[%w%.]*%w$") then
    return text
  end
  return write({ pandoc.Plain({ pandoc.Str(text) }) })
end

local function content(blocks)
  return "[" .. inline_text(pandoc.utils.blocks_to_inlines(blocks, { pandoc.LineBreak() })) .. "]"
end

local function label(id)
  if id == "" then
    return ""
  end
  local written = labels.typst(id)
  return written:sub(1, 1) == "<" and " " .. written or " #" .. written
end

-- A length as typst knows it; a bare number is pixels, as in HTML. nil for what is no length.
local function length(value)
  local number, unit = (value or ""):match("^%s*([%d%.]+)%s*(%a*%%?)%s*$")
  if not tonumber(number) then
    return nil
  end
  if unit == "" or unit == "px" then
    return string.format("%gpt", tonumber(number) * 0.75)
  end
  local known = { ["%"] = "%", cm = "cm", mm = "mm", ["in"] = "in", inch = "in", pt = "pt", em = "em" }
  return known[unit] and number .. known[unit]
end

local function image_call(image, alt)
  local arguments = { quoted(image.src) }
  for _, key in ipairs({ "width", "height" }) do
    local size = length(image.attributes[key])
    if size then
      arguments[#arguments + 1] = key .. ": " .. size
    end
  end
  alt = image.attributes.alt or alt
  if alt and alt ~= "" then
    arguments[#arguments + 1] = "alt: " .. quoted(alt)
  end
  return "image(" .. table.concat(arguments, ", ") .. ")"
end

local function words(inlines)
  return pandoc.utils.stringify(inlines)
end

-- What the alternative text of a figure says: its caption, formulas in words.
local function caption_words(caption)
  local blocks = pandoc.Blocks(caption.long):walk({
    Note = function() return {} end,
    RawInline = function(raw) 
      local alt = raw.text:match('^#mq%("(.-)", %$') or ""
      return pandoc.Str((alt:gsub("\\(.)", "%1"))) -- it will be quoted once more
    end,
  })
  return words(blocks)
end

local function equation(math, problems, cache)
  local display = math.mathtype == "DisplayMath"
  local key = (display and "D" or "I") .. math.text
  if cache[key] == nil then
    local code, fault, words = formulas.typst(math.text, display, cache.lang)
    cache[key] = quoted(words) .. ", " .. (code or "$" .. quoted(words) .. "$")
    if not code then
      problems:insert(formulas.problem(math.text, fault))
    end
  end
  return cache[key]
end

-- What begins a value of a result that is not up to date, as the page marks it.
local STALE = '#underline(stroke: (paint: rgb("#a3460a"), thickness: .7pt, dash: "dotted"), offset: 2pt)['

local function numbered_equation(span, problems, cache)
  local math, number = span.content[1], span.attributes["pb-number"]
  local mark = label(span.identifier) -- a label ends the call as well as a semicolon does, which behind it would be printed
  return pandoc.RawInline("typst", "#mq(" .. equation(math, problems, cache) .. ", number: [" .. plain_text(number) .. "])"
    .. (mark == "" and ";" or mark))
end

local function numbered_lines(span, problems, cache)
  local lines, about = equation_lines.of(span.content[1].text)
  local numbers, ids = equation_lines.marks(span)
  local rows = {}
  for i, line in ipairs(lines) do
    local cells = {}
    for column = 1, #about.sides do
      local tex = line.cells[column] or ""
      cells[column] = tex == "" and "none" or "(" .. equation(pandoc.Math("DisplayMath", tex), problems, cache) .. ")"
    end
    rows[i] = "(cells: (" .. table.concat(cells, ", ") .. ",), number: "
      .. (numbers[i] ~= "" and "[" .. plain_text(numbers[i]) .. "]" or "none")
      .. (ids[i] ~= "" and ", id: " .. quoted(ids[i]) or "") .. ")"
  end
  local mark = label(span.identifier)
  return pandoc.RawInline("typst", "#equation-lines((" .. table.concat(about.sides, ", ") .. ",), " .. table.concat(rows, ", ") .. ")"
    .. (mark == "" and ";" or mark))
end

local function is_wide(figure)
  local wide = figure.classes:includes("wide")
  figure:walk({ Image = function(image) wide = wide or image.classes:includes("wide") end })
  return wide
end

-- Typst is told each number: what it counts by itself would be another where numbers start anew or stand in parts.
local function number_arguments(element, kind, names)
  local number = element.attributes["pb-number"]
  if number == "" then
    return ", numbering: none"
  end
  return ", supplement: [" .. plain_text((names:caption(kind))) .. "], numbering: fixed(" .. quoted(number) .. ")"
end

local function caption_argument(element)
  return kinds.has_caption(element) and ", caption: " .. content(element.caption.long) or ""
end

local function subfigures(figure, names)
  local cells, columns, across = {}, 0, 0
  for _, cell in ipairs(figure.content) do
    if cell.t == "Figure" then
      local images = {}
      for _, image in ipairs(images_of(cell)) do
        images[#images + 1] = image_call(image, caption_words(cell.caption))
      end
      local id = cell.identifier ~= "" and ", id: " .. quoted(cell.identifier) or ""
      id = id .. ", number: " .. quoted(cell.attributes["pb-number"])
      cells[#cells + 1] = "subfig(" .. table.concat(images, " + ") .. caption_argument(cell) .. id .. ")"
      local share = tonumber((cell.attributes.width or ""):match("^([%d%.]+)%%"))
      across = across + (share or 0)
      columns = (share and across <= 101) and columns + 1 or columns
    end
  end
  columns = columns > 0 and columns or math.min(#cells, 2)
  return "#subfigs(columns: " .. columns .. (is_wide(figure) and ", wide: true" or "") .. number_arguments(figure, "figure", names)
    .. caption_argument(figure) .. ", "
    .. table.concat(cells, ", ") .. ")" .. label(figure.identifier)
end

local function plain_figure(figure, names)
  local alt = caption_words(figure.caption)
  local only = #figure.content == 1 and figure.content[1]
  local inside
  if only and (only.t == "Plain" or only.t == "Para") then
    local calls, pure = {}, true
    for _, node in ipairs(only.content) do
      if node.t == "Image" then
        calls[#calls + 1] = image_call(node, alt)
      elseif node.t ~= "Space" and node.t ~= "SoftBreak" and node.t ~= "LineBreak" then
        pure = false
      end
    end
    inside = pure and #calls > 0 and table.concat(calls, " + h(1em) + ")
  end
  inside = inside or "[" .. later:token(M.finish_images(figure.content)) .. "]"
  local call = "figure(" .. inside .. number_arguments(figure, "figure", names) .. ", kind: image" .. caption_argument(figure) .. ")"
  if is_wide(figure) then
    return "#wide[#" .. call .. label(figure.identifier) .. "]"
  end
  return "#" .. call .. label(figure.identifier)
end

-- Pictures in running text: as high as the author says, or as they are.
function M.finish_images(blocks)
  return blocks:walk({
    Image = function(image)
      return pandoc.RawInline("typst", "#box(" .. image_call(image, words(image.caption)) .. ");")
    end,
  })
end

local function data_table(tbl, notes, names, lang)
  tbl = M.finish_images(pandoc.Blocks({ tbl }))[1]
  local more = number_arguments(tbl, "table", names) .. caption_argument(tbl)
  return typst_tables.code(tbl, notes, { lang = lang, later = later, arguments = more, label = label(tbl.identifier) })
end

local function theorem(div, kind, names)
  local title, content = kinds.split_title(div)
  return "#theorem(kind: " .. quoted(kind) .. ", supplement: [" .. plain_text((names:caption(kind))) .. "]"
    .. (title and ", title: [" .. inline_text(title) .. "]" or "") .. ", number: " .. quoted(div.attributes["pb-number"]) .. ")[\n" .. later:token(content) .. "\n]" .. label(div.identifier)
end

local function entry(div)
  local margin, rest = nil, div.content
  local first = div.content[1]
  if first and (first.t == "Para" or first.t == "Plain") then
    for _, node in ipairs(first.content) do
      if node.t == "Span" and node.classes:includes("csl-left-margin") then
        margin = inline_text(node.content)
      end
    end
    if margin then
      rest = rest:walk({ Span = function(span)
        if span.classes:includes("csl-left-margin") then
          return {}
        end
        return span.classes:includes("csl-right-inline") and span.content or nil
      end })
    end
  end
  local arguments = margin and "(margin: [" .. margin .. "])" or ""
  return "#entry" .. arguments .. "[" .. later:token(rest) .. "]" .. label(div.identifier)
end

local function division(div, names)
  local kind = kinds.theorem_kind(div)
  if kind then
    return theorem(div, kind, names)
  elseif div.classes:includes("proof") then
    local title, content = kinds.split_title(div)
    title = title or (names.proof ~= "Proof" and pandoc.Inlines({ pandoc.Str(names.proof) })) or nil
    return "#proof" .. (title and "(title: [" .. inline_text(title) .. "])" or "") .. "[\n" .. later:token(content) .. "\n]" .. label(div.identifier)
  elseif div.identifier == "refs" then
    return "#references[\n" .. later:token(div.content) .. "\n]"
  elseif div.classes:includes("csl-entry") then
    return entry(div)
  end
  return nil
end

local function listing(figure, names)
  return "#figure([" .. later:token(figure.content) .. "], kind: raw" .. number_arguments(figure, "listing", names) .. caption_argument(figure) .. ")"
    .. label(figure.identifier)
end

local function numbered_heading(header)
  local number, name, part = header.attributes["pb-number"], header.attributes["pb-name"], header.attributes["pb-part"]
  local code = "#heading(level: " .. header.level .. ", numbering: " .. (number ~= "" and "fixed(" .. quoted(number) .. ")" or "none")
    .. (name and ", supplement: [" .. plain_text(name) .. "]" or "")
    .. (header.classes:includes("unlisted") and ", outlined: false" or "") .. ")[" .. inline_text(header.content) .. "]"
    .. label(header.identifier)
  if part == "appendix" then
    code = "#start-appendix([" .. plain_text(name or "") .. "])\n" .. code
  elseif part == "supplement" then
    code = "#start-supplement()\n" .. code
  end
  return code
end

-- A label needs something to cling to, and pandoc gives none to code, links and pictures.
local function anchor(id)
  return pandoc.RawInline("typst", "#metadata(none)" .. label(id))
end

local function anchored(inline)
  return inline.identifier ~= "" and { anchor(inline.identifier), inline } or nil
end

-- Returns the document with everything that needs it written as raw typst.
function M.finish(doc, options, problems)
  local names, cache = options.names, { lang = options.lang }
  local function raw(code)
    return code and pandoc.RawBlock("typst", code .. "\n")
  end
  doc = doc:walk({
    traverse = "topdown",
    Span = function(span)
      if span.classes:includes("eqn") then
        local write_equation = span.classes:includes("lines") and numbered_lines or numbered_equation
        return write_equation(span, problems, cache), false
      end
    end,
    Math = function(math)
      return pandoc.RawInline("typst", "#mq(" .. equation(math, problems, cache) .. ");")
    end,
  })
  doc = doc:walk({
    Span = function(span)
      if span.classes:includes("pb-stale") then
        local content = pandoc.Inlines({ pandoc.RawInline("typst", STALE) }) .. span.content
        content:insert(pandoc.RawInline("typst", "]"))
        return content
      elseif span.classes:includes("pb-value") then
        return span.content
      elseif span.identifier ~= "" and #span.content == 0 then
        return anchor(span.identifier)
      end
    end,
    Code = anchored, Link = anchored, Image = anchored,
    CodeBlock = function(code)
      local first, out = line_numbers.first(code), pandoc.Blocks({})
      if code.identifier ~= "" then
        out:insert(pandoc.Plain({ anchor(code.identifier) }))
      end
      out:insert(code)
      if first then
        out:insert(#out, pandoc.RawBlock("typst", "#numbered-code(" .. first .. ")["))
        out:insert(pandoc.RawBlock("typst", "]"))
      end
      return out
    end,
  })
  local finishing = {
    Figure = function(figure)
      if figure.classes:includes("subfigure") then
        return nil
      end
      local write_figure = kinds.is_listing(figure) and listing or figure.classes:includes("subfigures") and subfigures or plain_figure
      return raw(write_figure(figure, names))
    end,
    Table = function(tbl) return raw(data_table(tbl, nil, names, options.lang)) end,
    Header = function(header) return raw(numbered_heading(header)) end,
    Div = function(div) return raw(division(div, names)) end,
  }
  doc = doc:walk({
    Div = function(div)
      local tbl, notes = typst_tables.noted(div)
      return tbl and raw(data_table(tbl:walk(finishing), notes:walk(finishing), names, options.lang))
    end,
  }):walk(finishing)
  local settled = later:settle()
  doc.blocks = M.finish_images(doc.blocks):walk({
    RawBlock = function(block)
      if block.format == "typst" then
        block.text = settled(block.text)
        return block
      end
    end,
  })
  return doc
end

return M
