-- The last filter before HTML: numbers beside what they number, MathML, and where a bound number comes from.

local crossrefs = require("crossrefs")
local formulas = require("formulas")

local M = {}

local OPTIONS = { wrap_text = "none", html_math_method = "mathml" }

function M.write(blocks)
  return (pandoc.write(pandoc.Pandoc(blocks), "html", OPTIONS):gsub("%s+$", ""))
end

local function escaped(text)
  return (text:gsub("%s+", " "):gsub('[&<>"]', { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }))
end

local function unescaped(text)
  return (text:gsub("&(%a+);", { amp = "&", lt = "<", gt = ">", quot = '"' }))
end

-- Takes pandoc's annotation off, and the element around it that is there for nothing else.
local function strip(math)
  return (math:gsub("<semantics>(.*)<annotation.-</annotation></semantics>", "%1"))
end

local function mathml(math, problems, cache)
  local key = math.mathtype .. math.text
  if cache[key] == nil then
    local out, is_math
    for _, source in ipairs({ formulas.mathml_sources(math.text) }) do
      out = M.write({ pandoc.Plain({ pandoc.Math(math.mathtype, source) }) })
      is_math = out:sub(1, 5) == "<math"
      if is_math then
        break
      end
    end
    if not is_math then
      problems:insert({ kind = "math", text = math.text, detail = formulas.stumbling_block(math.text) })
    end
    -- the TeX goes into an attribute: as an annotation it would be text of the page for whatever reads it without MathML
    local source = escaped(math.text:gsub("\\label%s*%b{}", ""):gsub("^%s+", ""):gsub("%s+$", ""))
    cache[key] = is_math and "<math alttext=\"" .. source .. "\"" .. strip(out):sub(6) or "<code>" .. source .. "</code>"
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

local function take(attributes, key)
  local value = attributes[key]
  attributes[key] = nil
  return value
end

local function finish_figure(figure, names)
  local number = take(figure.attributes, "pb-number") or ""
  local part = figure.classes:includes("subfigure")
  local text = names.figure[1] .. " " .. number
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
          RawInline = function(raw) return pandoc.Str(unescaped(raw.text:match('^<math alttext="(.-)"') or "")) end,
        }))) })
      end
      return image
    end,
  })
  if part then
    local width = take(figure.attributes, "width")
    figure.attributes.style = width and "width:" .. width or nil
    put_label(figure, "caption-label", "(" .. number .. ")")
  elseif number ~= "" then
    put_label(figure, "caption-label", text .. ".")
  end
  return figure
end

local function finish_table(tbl, names)
  local number = take(tbl.attributes, "pb-number") or ""
  local text = names.table[1] .. " " .. number
  take(tbl.attributes, "data-n")
  if number ~= "" then
    put_label(tbl, "caption-label", text .. ".")
  end
  return tbl
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
  local kind = crossrefs.theorem_kind(div)
  if kind then
    local number = take(div.attributes, "pb-number") or ""
    local title, rest = crossrefs.split_title(div)
    local words = pandoc.Inlines({ pandoc.Str((names[kind] and names[kind][1] or kind) .. (number ~= "" and " " .. number or "")) })
    if title then
      words = words .. { pandoc.Str(" (") } .. title .. { pandoc.Str(")") }
    end
    words:insert(pandoc.Str("."))
    if kind ~= "theorem" then
      div.classes:insert("theorem")
    end
    div.content = rest
    return labelled(div, "theorem-label", words)
  elseif div.classes:includes("proof") then
    local title, rest = crossrefs.split_title(div)
    div.content = rest
    local words = title or pandoc.Inlines({ pandoc.Str(names.proof) })
    words:insert(pandoc.Str("."))
    return labelled(div, "proof-label", words)
  end
  return nil
end

local function finish_header(header, names)
  local number = take(header.attributes, "pb-number") or ""
  take(header.attributes, "pb-appendix")
  if number ~= "" then
    local text = number:find("^%a$") and names.appendix[1] .. " " .. number or number
    local span = pandoc.Span({ pandoc.Str(text) }, pandoc.Attr("", { "secno" }))
    header.content = pandoc.Inlines({ span, pandoc.Space() }) .. header.content
  end
  return header
end

-- Returns the document ready for pandoc's HTML writer.
function M.finish(doc, options, problems)
  local names, cache = crossrefs.names(options.lang), {}
  doc = doc:walk({
    Math = function(math) return mathml(math, problems, cache) end,
  })
  return doc:walk({
    Span = function(span)
      if span.classes:includes("eqn") then
        local number = take(span.attributes, "pb-number")
        span.attributes.tag, span.attributes.labels = nil, nil
        span.content:insert(pandoc.Span({ pandoc.Str("(" .. number .. ")") }, pandoc.Attr("", { "eqno" })))
        return span
      end
    end,
    Figure = function(figure) return finish_figure(figure, names) end,
    Table = function(tbl) return finish_table(tbl, names) end,
    Div = function(div) return finish_division(div, names) end,
    Header = function(header) return finish_header(header, names) end,
  }):walk({
    Image = function(image)
      take(image.attributes, "data-n")
      return image
    end,
  })
end

return M
