-- The last filter before HTML: numbers beside what they number, MathML, and where a bound number comes from.

local equation_lines = require("equation_lines")
local formulas = require("formulas")
local anchors = require("anchors")
local bibtex = require("bibtex")
local html_tables = require("html_tables")
local kinds = require("kinds")
local matching = require("matching")
local elements = require("elements")
local take = elements.take

local M = { leaves_words = true } -- of paragraphs that are nothing but words nothing is changed here

local OPTIONS = { wrap_text = "none", html_math_method = "mathml" }

function M.write(blocks)
  local text = pandoc.write(pandoc.Pandoc(blocks), "html", OPTIONS):gsub("%s+$", "")
  -- pandoc's id of the notes, to which nothing refers, is also that of a heading "Footnotes"
  return (text:gsub('<section id="footnotes" class="footnotes', '<section class="footnotes'))
end

local function escaped(text)
  return (text:gsub("%s+", " "):gsub('[&<>"]', { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }))
end

local function unescaped(text)
  return (text:gsub("&(%a+);", { amp = "&", lt = "<", gt = ">", quot = '"' }))
end

local function mathml(math, problems, cache)
  local key = math.mathtype .. math.text
  if cache[key] == nil then
    local display = math.mathtype == "DisplayMath"
    local inside, fault = formulas.mathml(math.text, display)
    if not inside then
      problems:insert(formulas.problem(math.text, fault))
    end
    -- the TeX goes into an attribute: as an annotation it would be text of the page for whatever reads it without MathML
    local source = escaped(math.text:gsub("\\label%s*%b{}", ""):gsub("^%s+", ""):gsub("%s+$", ""))
    local block = display and ' display="block"' or ""
    cache[key] = inside and '<math alttext="' .. source .. '"' .. block .. ">" .. inside .. "</math>" or "<code>" .. source .. "</code>"
  end
  return pandoc.RawInline("html", cache[key])
end

local function put_label(element, class, text)
  local blocks = element.caption.long
  local span = pandoc.Span({ pandoc.Str(text) }, pandoc.Attr("", { class }))
  local first = blocks[1]
  if first and (first.t == "Plain" or first.t == "Para") then
    first.content = pandoc.Inlines({ span, pandoc.Space() }) .. first.content
  else
    blocks:insert(1, pandoc.Plain({ span }))
  end
  element.caption = { long = blocks }
end

local function finish_figure(figure, names)
  local number = take(figure.attributes, "pb-number") or ""
  local part = figure.classes:includes("subfigure")
  figure.content = figure.content:walk({
    Image = function(image)
      take(image.attributes, "data-n")
      local pb = take(image.attributes, "data-pb")
      figure.attributes["data-pb"] = figure.attributes["data-pb"] or pb
      if image.classes:includes("wide") and not figure.classes:includes("wide") then
        figure.classes:insert("wide")
      end
      if not image.attributes.alt and #image.caption == 0 then
        image.caption = pandoc.Inlines({ pandoc.Str(pandoc.utils.stringify(pandoc.Blocks(figure.caption.long):walk({
          Note = function() return {} end,
          RawInline = function(raw) return pandoc.Str(formulas.spoken(unescaped(raw.text:match('^<math alttext="(.-)"') or ""), names.lang)) end,
        }))) })
      end
      return image
    end,
  })
  if kinds.is_listing(figure) and number ~= "" then
    put_label(figure, "caption-label", names:label("listing", number) .. ".")
  elseif part then
    local width = take(figure.attributes, "width")
    figure.attributes.style = width and "width:" .. width or nil
    put_label(figure, "caption-label", "(" .. number .. ")")
  elseif number ~= "" then
    put_label(figure, "caption-label", names:label("figure", number) .. ".")
  end
  return figure
end

local function finish_table(tbl, names)
  local number = take(tbl.attributes, "pb-number") or ""
  take(tbl.attributes, "data-n")
  if number ~= "" then
    put_label(tbl, "caption-label", names:label("table", number) .. ".")
  end
  return tbl
end

-- Addresses and long names may break where their parts end; left alone, a browser breaks them in the middle of a word.
local function breakable(text)
  return (escaped((text:gsub("([^/:]/+)", "%1\0"):gsub("([?&#(])", "\0%1"))):gsub("%z", "<wbr>"))
end

local function finish_link(link)
  local text = pandoc.utils.stringify(link.content)
  if text:find("^%a+://") then
    link.content = { pandoc.RawInline("html", breakable(text)) }
    return link
  end
end

local LONG_NAME = 24

local function finish_code(code)
  if #code.text >= LONG_NAME and code.identifier == "" and #code.classes == 0 and #code.attributes == 0 then
    return pandoc.RawInline("html", "<code>" .. breakable((code.text:gsub("([%w)][_.:=,]+)(%a)", "%1\0%2"))) .. "</code>")
  end
end

local LONG_WORD = 22
local LONG_RUN = ("[^%s/_-]"):rep(LONG_WORD)

-- Where a browser knows no hyphenation, a long word goes to the next line whole, and justifying tears apart the line that it left:
-- the page sets a paragraph with one of these flush left.
local function mark_long_words(paragraph)
  if not pandoc.utils.stringify(paragraph):find(LONG_RUN) then -- most have none, and one look is cheaper than one for each word
    return nil
  end
  local function mark(inline)
    for piece in inline.text:gsub("\u{2013}", " "):gsub("\u{2014}", " "):gmatch("[^%s/_-]+") do
      if (utf8.len(piece) or #piece) >= LONG_WORD then
        return pandoc.Span({ inline }, pandoc.Attr("", { "long-word" }))
      end
    end
  end
  return paragraph:walk({ Str = mark, Code = mark })
end

local function is_formula(inline)
  if inline.t == "Span" then
    return #inline.content == 1 and is_formula(inline.content[1])
  end
  return inline.t == "RawInline" and inline.text:find("^<math") and not inline.text:find('^<math[^>]*display="block"')
end

-- Where a line may break inside a word: after these.
local BREAKS = { "-", "/", "\u{2013}", "\u{2014}" }

-- Splits a word after its last (or first) place to break.
local function split_word(word, last)
  local at
  for _, mark in ipairs(BREAKS) do
    local from, to = 0, 0
    repeat
      from, to = word:find(mark, to + 1, true)
      if to and (not at or (last and to > at) or (not last and to < at)) then
        at = to
      end
    until not to or not last
  end
  return word:sub(1, at or 0), word:sub((at or 0) + 1)
end

-- Chromium breaks a line between a formula and whatever touches it, a full stop, a parenthesis or "th": these go along with it.
local function join_formulas(inlines)
  local out, group, found = pandoc.Inlines({}), nil, false
  local function close()
    if group then
      found = found or #group > 1
      out:insert(#group > 1 and pandoc.Span(group, pandoc.Attr("", { "joined" })) or group[1])
      group = nil
    end
  end
  local function open()
    group = pandoc.Inlines({})
    local previous = out[#out]
    if previous and previous.t == "Str" then
      local before, after = split_word(previous.text, true)
      if after ~= "" then
        out[#out] = pandoc.Str(before)
        group:insert(pandoc.Str(after))
      end
    end
  end
  for _, inline in ipairs(inlines) do
    if is_formula(inline) then
      if not group then
        open()
      end
      group:insert(inline)
    elseif group and inline.t == "Str" then
      local before, after = split_word(inline.text, false)
      group:insert(pandoc.Str(before ~= "" and before or after))
      if before ~= "" then
        close()
        out:insert(pandoc.Str(after))
      end
    elseif group and inline.t == "Note" then
      group:insert(inline)
    else
      close()
      out:insert(inline)
    end
  end
  close()
  return found and out or nil
end

local function labelled(div, class, inlines)
  local span = pandoc.Span(inlines, pandoc.Attr("", { class }))
  local first = div.content[1]
  if first and (first.t == "Para" or first.t == "Plain") then
    first.content = pandoc.Inlines({ span, pandoc.Space() }) .. first.content
    div.content[1] = first
  else
    div.content:insert(1, pandoc.Para({ span }))
  end
  return div
end

local function finish_division(div, names)
  local kind = kinds.theorem_kind(div)
  if kind then
    local number = take(div.attributes, "pb-number") or ""
    local title, rest = kinds.split_title(div)
    local words = pandoc.Inlines({ pandoc.Str(names:label(kind, number)) })
    if title then
      words = words .. { pandoc.Str(" (") } .. title .. { pandoc.Str(")") }
    end
    words:insert(pandoc.Str("."))
    for _, class in ipairs({ kind, "theorem" }) do
      if not div.classes:includes(class) then
        div.classes:insert(class)
      end
    end
    div.content = rest
    return labelled(div, "theorem-label", words)
  elseif div.classes:includes("proof") then
    local title, rest = kinds.split_title(div)
    div.content = rest
    local words = title or pandoc.Inlines({ pandoc.Str(names.proof) })
    words:insert(pandoc.Str("."))
    return labelled(div, "proof-label", words)
  end
  return nil
end

local function finish_header(header)
  local number = take(header.attributes, "pb-number") or ""
  local name = take(header.attributes, "pb-name")
  take(header.attributes, "pb-part")
  take(header.attributes, "pb-section")
  if number ~= "" then
    local span = pandoc.Span({ pandoc.Str((name and name .. " " or "") .. number) }, pandoc.Attr("", { "secno" }))
    header.content = pandoc.Inlines({ span, pandoc.Space() }) .. header.content
  end
  return header
end

-- A listing's caption stands above it, as a table's does; pandoc would write it below.
local function caption_above(figure)
  local id = figure.identifier ~= "" and ' id="' .. escaped(figure.identifier) .. '"' or ""
  local blocks = pandoc.Blocks({ pandoc.RawBlock("html", "<figure" .. id .. ' class="listing">') })
  if kinds.has_caption(figure) then
    blocks:insert(pandoc.RawBlock("html", "<figcaption>"))
    blocks:extend(figure.caption.long)
    blocks:insert(pandoc.RawBlock("html", "</figcaption>"))
  end
  blocks:extend(figure.content)
  blocks:insert(pandoc.RawBlock("html", "</figure>"))
  return blocks
end

-- Each line of a formula has its cells (a relation at the start of one has something, if only {}, before it) and its number; the style sheet sets them below each other.
local function equation_in_lines(span)
  local lines, about = equation_lines.of(span.content[1].text)
  local numbers, ids = equation_lines.marks(span)
  local rows = pandoc.Inlines({})
  for i, line in ipairs(lines) do
    local cells = pandoc.Inlines({})
    for column, side in ipairs(about.sides) do
      local tex = line.cells[column] or ""
      local apart = column > 1 and side == "right" and { "apart" } or {}
      local content = tex ~= "" and { pandoc.Math("DisplayMath", (side == "left" and "{}" or "") .. tex) } or {}
      cells:insert(pandoc.Span(content, pandoc.Attr("", { "cell", side, table.unpack(apart) })))
    end
    cells:insert(pandoc.Span(numbers[i] ~= "" and { pandoc.Str("(" .. numbers[i] .. ")") } or {}, pandoc.Attr("", { "eqno" })))
    rows:insert(pandoc.Span(cells, pandoc.Attr(ids[i], { "eqn-line" })))
  end
  return pandoc.Span(rows, pandoc.Attr(span.identifier, { "eqn-lines" }, { style = "--columns:" .. #about.sides }))
end

-- Returns the document ready for pandoc's HTML writer.
function M.finish(doc, options, problems)
  local names, cache = options.names, {}
  doc = doc:walk({
    Span = function(span) return span.classes:includes("lines") and span.classes:includes("eqn") and equation_in_lines(span) or nil end,
  }):walk({
    Math = function(math) return mathml(math, problems, cache) end,
  })
  doc = doc:walk({
    Span = function(span)
      if span.classes:includes("eqn") then
        local number = take(span.attributes, "pb-number")
        span.attributes.tag, span.attributes.labels = nil, nil
        span.content:insert(pandoc.Span({ pandoc.Str("(" .. number .. ")") }, pandoc.Attr("", { "eqno" })))
        return span
      end
    end,
    Link = finish_link,
    Code = finish_code,
  })
  doc = matching.walk_holding(doc, { RawInline = is_formula }, join_formulas):walk({
    Figure = function(figure) return finish_figure(figure, names) end,
    Table = function(tbl) return finish_table(tbl, names) end,
    Div = function(div) return finish_division(div, names) end,
    Header = function(header) return finish_header(header) end,
    Para = mark_long_words,
  })
  doc = doc:walk({
    Image = function(image)
      take(image.attributes, "data-n")
      if not image.attributes.alt and #image.caption == 0 then
        image.attributes.alt = "" -- without one, a reader is told the data of the image
      end
      return image
    end,
  })
  doc = anchors.add(doc, names, options.known or {}):walk({
    Figure = function(figure) return kinds.is_listing(figure) and caption_above(figure) or nil end,
  })
  doc = html_tables.finish(doc, options.lang)
  return bibtex.add(doc, options.cited or {})
end

return M
