-- The last filter before JATS: labels beside what they number, formulas with ids, statements, and the parts that go to the back.
--
-- Labels are elements of their own in JATS and pandoc's writer has none, so floats and statements are written around what it writes.

local equation_lines = require("equation_lines")
local kinds = require("kinds")
local line_numbers = require("line_numbers")
local pieces = require("pieces")
local plain_math = require("plain_math")
local source = require("source")
local elements = require("elements")
local take = elements.take
local images_of = elements.images_of

local M = {}

local FORMAT = "jats_publishing"
local BACK = "<!--back-->" -- between what belongs to the body and what belongs to the back
local PARTED = pandoc.template.compile("$body$\n" .. BACK .. "\n$back$")

local function written(blocks, options)
  return (pandoc.write(pandoc.Pandoc(blocks), FORMAT, options):gsub("%s+$", ""))
end

function M.write(blocks)
  return (written(blocks, { wrap_text = "none" }):gsub("<p>(" .. pieces.BETWEEN .. ")</p>", "%1"))
end

-- Notes of what is written piece by piece stand where they are: the back has those of the text around.
local function notes_in_place(blocks)
  return pandoc.Blocks(blocks):walk({ Note = function(note)
    return pandoc.RawInline("jats", "<fn>" .. M.write(note.content:walk({ Plain = function(p) return pandoc.Para(p.content) end })) .. "</fn>")
  end })
end

local function piece(blocks)
  return M.write(notes_in_place(blocks))
end

local function inline_text(inlines)
  return (piece({ pandoc.Plain(inlines) }):gsub("^<p>(.*)</p>$", "%1"))
end

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

local function escaped(text)
  return (text:gsub('[&<>"]', ENTITIES))
end

-- An id as an XML name without a colon, written as pandoc's writer writes the others.
local function name_of(id)
  return (id:gsub("[%c%p%s]", function(char)
    return char:find("[%-_%.]") and char or string.format("U%04X", char:byte())
  end))
end

local function id_attribute(id)
  return id ~= "" and ' id="' .. name_of(id) .. '"' or ""
end

local function label_of(text)
  return text ~= "" and "<label>" .. escaped(text) .. "</label>\n" or ""
end

local function caption_of(element)
  if not kinds.has_caption(element) then
    return ""
  end
  return "<caption><p>" .. inline_text(pandoc.utils.blocks_to_inlines(element.caption.long, { pandoc.Space() })) .. "</p></caption>\n"
end

local MEDIA = { svg = "svg+xml", png = "png", jpg = "jpeg", jpeg = "jpeg", gif = "gif" }

local function graphic(image, name)
  local suffix = image.src:match("%.(%w+)$") or ""
  return "<" .. name .. ' mimetype="image" mime-subtype="' .. (MEDIA[suffix] or suffix) .. '" xlink:href="' .. escaped(image.src) .. '" />'
end

local function fig(figure, label)
  local lines = {}
  for _, image in ipairs(images_of(figure)) do
    if image.attributes.alt then
      lines[#lines + 1] = "<alt-text>" .. escaped(image.attributes.alt) .. "</alt-text>"
    end
    lines[#lines + 1] = graphic(image, "graphic")
  end
  if #lines == 0 then
    lines[1] = piece(figure.content)
  end
  return "<fig" .. id_attribute(figure.identifier) .. ">\n" .. label_of(label) .. caption_of(figure) .. table.concat(lines, "\n") .. "\n</fig>"
end

local function any_figure(figure, names)
  local number = figure.attributes["pb-number"] or ""
  if kinds.is_listing(figure) then
    return "<boxed-text" .. id_attribute(figure.identifier) .. ">\n" .. label_of(number ~= "" and names:label("listing", number) or "")
      .. caption_of(figure) .. piece(figure.content) .. "\n</boxed-text>"
  end
  local label = number ~= "" and names:label("figure", number) or ""
  if not figure.classes:includes("subfigures") then
    return fig(figure, label)
  end
  local cells = figure.content:filter(function(block) return block.t == "Figure" end)
  local inside = cells:map(function(cell) return fig(cell, "(" .. (cell.attributes["pb-number"] or "") .. ")") end)
  return "<fig-group" .. id_attribute(figure.identifier) .. ">\n" .. label_of(label) .. caption_of(figure) .. table.concat(inside, "\n")
    .. "\n</fig-group>"
end

local function any_table(tbl, names)
  local number = take(tbl.attributes, "pb-number") or ""
  local head = label_of(number ~= "" and names:label("table", number) or "") .. caption_of(tbl)
  local id = tbl.identifier
  tbl.attr, tbl.caption = pandoc.Attr(), { long = {} }
  local text = piece({ tbl })
  local grid = text:match("<table>.*</table>") or text
  return "<table-wrap" .. id_attribute(id) .. ">\n" .. head .. grid .. "\n</table-wrap>"
end

local function numbered_equation(span)
  local text = inline_text(pandoc.Inlines({ span.content[1] }))
  local number, id, targets = span.attributes["pb-number"] or "", span.identifier, ""
  if span.attributes["pb-numbers"] then
    number = span.attributes["pb-numbers"]:gsub("^\n+", ""):gsub("\n+$", ""):gsub("\n+", "), (")
    local _, ids = equation_lines.marks(span)
    for _, of_line in ipairs(ids) do -- the first names the formula; what the others name are places beside it
      if id == "" then
        id = of_line
      elseif of_line ~= "" then
        targets = targets .. "<target" .. id_attribute(of_line) .. "/>"
      end
    end
  end
  local open = "<disp-formula" .. id_attribute(id) .. "><label>(" .. escaped(number) .. ")</label>"
  return pandoc.RawInline("jats", targets .. text:gsub("^%s*<disp%-formula>", function() return open end))
end

local function statement(div, label, title, content)
  return "<statement" .. id_attribute(div.identifier) .. ">\n" .. label_of(label) .. (title and "<title>" .. inline_text(title) .. "</title>\n" or "")
    .. piece(content:walk({ Plain = function(p) return pandoc.Para(p.content) end })) .. "\n</statement>"
end

-- A table's notes are its foot.
local function with_notes(div)
  local text = M.write(div.content:filter(function(block) return block.t ~= "Div" end))
  local notes = div.content:filter(function(block) return block.t == "Div" end)
  local foot = "<table-wrap-foot>\n" .. piece(notes[1].content:walk({ Plain = function(p) return pandoc.Para(p.content) end })) .. "\n</table-wrap-foot>\n"
  return (text:gsub("</table%-wrap>%s*$", function() return foot .. "</table-wrap>" end))
end

local function division(div, names)
  if div.classes:includes("table-with-notes") then
    return with_notes(div)
  end
  local kind = kinds.theorem_kind(div)
  local proof = div.classes:includes("proof")
  if not kind and not proof then
    return nil
  end
  local title, content = kinds.split_title(div)
  return statement(div, kind and names:label(kind, div.attributes["pb-number"] or "") or names.proof, title, content)
end

local REFERENCE_TYPES = {
  figure = "fig", table = "table", equation = "disp-formula", section = "sec", theorem = "statement", lemma = "statement",
  definition = "statement", corollary = "statement", proposition = "statement", remark = "statement", example = "statement",
  assumption = "statement", claim = "statement", listing = "boxed-text",
}

local function typed_link(link)
  local id = link.target:match("^#(.+)$")
  local kind = id and kinds.kind_of(id)
  if kind and REFERENCE_TYPES[kind] then
    link.attributes = { ["ref-type"] = REFERENCE_TYPES[kind] }
    return link
  end
end

-- Takes the list of references, and the heading that stands for it alone, out of the text; returns both.
local function take_references(doc)
  local list, title
  local kept = pandoc.Blocks({})
  for _, block in ipairs(doc.blocks) do
    if block.t == "Div" and block.identifier == "refs" then
      list = block
      local last = kept[#kept]
      if last and last.t == "Header" then
        title = kept:remove(#kept).content
      end
    else
      kept:insert(block)
    end
  end
  doc.blocks = kept
  return list, title
end

-- Returns the document ready for pandoc's JATS writer.
function M.finish(doc, options, problems)
  local names, cache = options.names, {}
  doc.blocks = doc.blocks:map(function(block)
    if block.t == "Div" and block.classes:includes(source.META) then
      block.content = notes_in_place(block.content)
    end
    return block
  end)
  doc = doc:walk({ Math = function(math) return plain_math.converted(math, problems, cache) end, CodeBlock = line_numbers.plain })
  local function raw(text)
    return text and pandoc.RawBlock("jats", text)
  end
  doc = doc:walk({
    Span = function(span)
      if span.classes:includes("eqn") then
        return numbered_equation(span)
      elseif span.classes:includes("pb-value") then
        return span.content
      end
    end,
    Link = typed_link,
    Header = function(header)
      local number, name, part = take(header.attributes, "pb-number") or "", take(header.attributes, "pb-name"), take(header.attributes, "pb-part")
      options.needs.back = options.needs.back or (part and header.identifier) or nil
      if number ~= "" then
        header.content:insert(1, pandoc.RawInline("jats", "<!--label:" .. (name and name .. " " or "") .. number .. "-->"))
      end
      return header
    end,
    Figure = function(figure)
      return not figure.classes:includes("subfigure") and raw(any_figure(figure, names)) or nil
    end,
    Table = function(tbl) return raw(any_table(tbl, names)) end,
    Div = function(div) return raw(division(div, names)) end,
  })
  return doc:walk({ Image = function(image) return pandoc.RawInline("jats", graphic(image, "inline-graphic")) end })
end

local function labelled(text)
  return (text:gsub("(%s*)<title><!%-%-label:(.-)%-%->%s*", function(space, label)
    return space .. "<label>" .. label .. "</label>" .. space .. "<title>"
  end))
end

-- What stands behind the start of the appendices belongs to the back, each as an <app>.
local function appendices(text, id)
  local at = id and text:find('\n<sec id="' .. name_of(id) .. '"', 1, true)
  if not at then
    return text, ""
  end
  local apps = text:sub(at):gsub("\n<sec ", "\n<app "):gsub("\n</sec>", "\n</app>")
  return text:sub(1, at - 1), "<app-group>" .. apps .. "\n</app-group>\n"
end

-- Returns the body and the back of the article, with a mark between them.
function M.body(blocks, options)
  local doc = pandoc.Pandoc(blocks)
  local list, title = take_references(doc)
  local text = written(doc.blocks, { template = PARTED })
  local at = text:find(BACK, 1, true)
  local body, apps = appendices("\n" .. text:sub(1, at - 1), options.needs.back)
  local references = ""
  if list then
    references = (written({ list }, { template = PARTED }):gsub(".*" .. BACK:gsub("%p", "%%%0"), "", 1))
    references = references:gsub("<title></title>", function() return "<title>" .. inline_text(title or {}) .. "</title>" end, 1)
  end
  return labelled(body:gsub("^%s+", "")) .. BACK .. labelled(apps) .. text:sub(at + #BACK) .. references
end

return M
