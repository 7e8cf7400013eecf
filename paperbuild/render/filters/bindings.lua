-- The references of a paper: found in order, and replaced in the same order by what Python resolved.
--
-- `scan` and `bind` walk the same prepared document in the same way, so the n-th reference of one is the n-th of the other.

local chunks = require("chunks")
local datatables = require("datatables")
local includes = require("includes")
local tex = require("tex")
local source = require("source")

local M = {}

local KINDS = { val = "value", claim = "claim" }

-- Returns the reference that an element's attributes make, or nil. Codes of a tagged parse, where there are any, stand for a key.
local function reference_of(attributes, codes)
  local value, claim = attributes.val, attributes.claim -- asking costs: each attribute is looked up in pandoc's own heap
  if value then
    return "value", "val", value
  elseif claim then
    return "claim", "claim", claim
  end
  if codes then
    for key, value in pairs(attributes) do
      if codes[key] then
        return KINDS[codes[key]] or "value", key, value
      end
    end
  end
  return nil
end

-- Calls `found(key, literal, text)` for each \val in a formula and returns the formula with what it returned in their places.
local function replace_values(math, codes, found)
  local function rule(name)
    return function(c)
      local literal = c:option()
      c:skip()
      if c.text:sub(c.at, c.at) ~= "{" then
        return nil
      end
      local text = c:argument()
      return text and found(name, literal, text)
    end
  end
  local rules = { val = rule("val") }
  for code in pairs(codes) do
    rules[code] = rule(code)
  end
  return tex.replace(math, rules)
end

-- Elements whose attributes can hold a key that is no reference there.
local NODES = { "Header", "Image", "Link", "Code", "CodeBlock", "Div", "Table", "Figure" }

-- Returns where codes of a tagged parse surfaced that are no reference: in attributes of other elements, in code, in raw text.
function M.strays(doc, codes)
  local out = pandoc.List({})
  if not next(codes) then
    return out
  end
  local visitor = { traverse = "topdown" }
  local function look(node, text)
    for code in pairs(codes) do
      if text:find(code, 1, true) then
        out:insert({ node = node, key = code })
      end
    end
  end
  for _, node in ipairs({ "Str", "Code", "CodeBlock", "RawInline", "RawBlock" }) do
    visitor[node] = function(element) look(node, element.text) end
  end
  for _, node in ipairs(NODES) do
    local inside = visitor[node]
    visitor[node] = function(element)
      for key in pairs(element.attributes) do
        if codes[key] then
          out:insert({ node = node, key = key })
        end
      end
      if inside then
        inside(element)
      end
    end
  end
  doc.blocks:walk(visitor)
  return out
end

-- Returns what Python needs to know of a prepared document.
function M.scan(prepared, codes)
  local out = {
    references = pandoc.List({}), strays = prepared.strays, images = pandoc.List({}), citations = pandoc.List({}),
    problems = prepared.problems, chunks = prepared.chunks, includes = pandoc.List({}),
  }
  local place, seq = "body", 0
  local function reference(kind, key, text, literal)
    seq = seq + 1
    out.references:insert({ seq = seq, kind = kind, key = key, text = text, literal = literal or "", ["in"] = place })
  end
  local cited, tagged = {}, next(codes) and codes
  local visitor = { traverse = "topdown" }
  function visitor.Span(span)
    local kind, key, text = reference_of(span.attributes, tagged)
    if kind then
      reference(kind, key, text, pandoc.utils.stringify(span.content))
      return span, false
    end
  end
  function visitor.Math(math)
    replace_values(math.text, codes, function(key, literal, text)
      reference("math-value", key, text, literal)
      return ""
    end)
  end
  function visitor.Cite(cite)
    for _, citation in ipairs(cite.citations) do
      if not cited[citation.id] then
        cited[citation.id] = true
        out.citations:insert(citation.id)
      end
    end
  end
  function visitor.Image(image)
    local attributes = {}
    for key, value in pairs(image.attributes) do
      attributes[key] = value
    end
    seq = seq + 1
    out.images:insert({ seq = seq, path = image.src, id = image.identifier, classes = pandoc.List(image.classes), attributes = attributes, ["in"] = place })
    return image, false
  end
  function visitor.CodeBlock(block)
    if includes.is(block) then
      out.includes:insert(includes.asked(block))
    end
  end
  local front, body = source.parted(prepared.doc.blocks)
  place = "meta"
  front:walk(visitor)
  place = "body"
  body:walk(visitor)
  return out
end

local function bound(inlines, use)
  if use.provenance == nil then
    return inlines
  end
  local classes = use.stale and { "pb-value", "pb-stale" } or { "pb-value" }
  return pandoc.Span(inlines, pandoc.Attr("", classes, { ["data-pb"] = string.format("%d", use.provenance) }))
end

local function bind_image(image, use)
  if use.kind == "path" and use.provenance ~= nil then
    image.attributes["data-pb"] = string.format("%d", use.provenance)
  end
  return image
end

-- A figure whose image stands for a text becomes that text, a listing where it has a caption or an id.
local function bound_text(figure, image, use)
  local classes = image.classes:filter(function(name) return name ~= chunks.TEXT end)
  classes:insert(1, "output")
  local code = pandoc.CodeBlock(use.text or "", pandoc.Attr("", classes))
  if figure.identifier == "" and #figure.caption.long == 0 then
    return code
  end
  return pandoc.Figure({ code }, figure.caption, pandoc.Attr(figure.identifier, { "listing" }))
end

-- A figure whose image is a data table becomes that table, with the figure's caption and id: see datatables.lua for its shape.
local function bind_figure(figure, images, problems)
  local only = #figure.content == 1 and figure.content[1]
  local image = only and only.content and #only.content == 1 and only.content[1]
  local n = image and image.t == "Image" and tonumber(image.attributes["data-n"])
  local use = n and images[n]
  if use and use.kind == "text" then
    return bound_text(figure, image, use)
  elseif not use or use.kind ~= "table" then
    return nil
  end
  local attributes = { ["data-n"] = tostring(n), labels = figure.attributes.labels }
  if use.provenance ~= nil then
    attributes["data-pb"] = string.format("%d", use.provenance)
  end
  for key, value in pairs(image.attributes) do
    if (key:find("^data%-") and key ~= "data-n") or key == "lang" or key == "dir" then -- the others said how to show it
      attributes[key] = value
    end
  end
  local id = figure.identifier ~= "" and figure.identifier or image.identifier
  return datatables.blocks(use.table, pandoc.Attr(id, image.classes, attributes), figure.caption.long, problems)
end

-- Whether one of the first `count` images is to become a table, or a text.
local function have_tables(images, count)
  for n = 1, count do
    if images[n] and images[n].kind ~= "path" then
      return true
    end
  end
  return false
end

-- Replaces references, images and code that stands in files. `values[n]`, `images[n]` and `files[n]` are what Python made of the n-th;
-- where a picture lies, `shown` says.
-- `live`, where a paper is followed (see incremental.lua), hears at each section how many came before, or says it.
function M.bind(doc, values, images, problems, live, files)
  local v, i, f = 0, 0, 0
  if live and live.start then
    v, i = live.start.values, live.start.images
  end
  local function next_value()
    v = v + 1
    return values[v] or {}
  end
  local visitor = { traverse = "topdown" }
  function visitor.Span(span)
    local kind = reference_of(span.attributes)
    if kind == "claim" then
      local use = next_value()
      span.attributes.claim = nil
      return bound(span.content, use), false
    elseif kind == "value" then
      local use = next_value()
      return bound(use.pieces and datatables.inlines(use.pieces) or span.content, use), false
    end
  end
  function visitor.Math(math)
    local first = {}
    local new = replace_values(math.text, {}, function(_, literal)
      local use = next_value()
      first.provenance, first.stale = first.provenance or use.provenance, first.stale or use.stale
      return "{" .. (use.tex or literal or "") .. "}"
    end)
    if new ~= math.text then
      math.text = new
      return math.mathtype == "InlineMath" and bound({ math }, first) or math, false
    end
  end
  function visitor.Image(image)
    i = i + 1
    image.attributes["data-n"], image.attributes[chunks.OF] = tostring(i), nil
    return bind_image(image, images[i] or {}), false
  end
  local have_notes = false
  function visitor.Div(div)
    have_notes = have_notes or div.classes:includes(datatables.NOTES)
  end
  function visitor.CodeBlock(block)
    if includes.is(block) then
      f = f + 1
      return includes.bound(block, files and files[f] or {})
    end
  end
  local front, body = source.parted(doc.blocks) -- in two parts, as scan does
  front = front:walk(visitor)
  if live and live.begins then
    live:begins(0, { values = v, images = i })
    function visitor.Header(header)
      live:begins(header, { values = v, images = i })
    end
  end
  doc.blocks = front .. body:walk(visitor)
  if not have_notes and not have_tables(images, i) then -- each look at the whole paper takes as long as binding a thousand values
    return doc
  end
  doc = doc:walk({ Figure = function(figure) return bind_figure(figure, images, problems) end }):walk({ Blocks = datatables.join_notes })
  doc:walk({ Image = function(image)
    local n = tonumber(image.attributes["data-n"])
    if n and images[n] and images[n].kind == "table" then
      problems:insert({ kind = "inline-table", text = image.src, n = n })
    end
  end })
  return doc
end

-- Returns a filter that gives each picture the name under which a format finds it.
function M.shown(images)
  return function(image)
    local use = images[tonumber(image.attributes["data-n"])]
    if use and use.kind == "path" then
      image.src = use.src
      return image
    end
  end
end

return M
