-- Raw HTML in the text, read as what it means in every format: tables, lists, links, keys, pictures.
--
-- Pandoc's Markdown reader leaves tags as raw nodes and reads what stands between them as Markdown. A run of blocks from a tag to its end
-- is read as HTML once more, with slots where the Markdown stands, so that nothing of it is read twice.

local reader = require("reader")

local M = {}

local VOID = {}
for name in ("area base br col embed hr img input link meta param source track wbr"):gmatch("%a+") do
  VOID[name] = true
end

-- What a page can show and paper cannot: it stays as it is, and is missing from every other format.
local ONLY_ON_PAGES = {}
for name in ("iframe video audio object embed canvas input select textarea button form"):gmatch("%a+") do
  ONLY_ON_PAGES[name] = true
end

-- What says nothing to a reader.
local SILENT = { script = true, style = true, link = true, meta = true, noscript = true, template = true }

local function is_html(node)
  return (node.t == "RawBlock" or node.t == "RawInline") and node.format:find("^html") ~= nil
end

-- Calls `found(name, closing, selfclosing)` for each tag of a piece of HTML.
local function each_tag(text, found)
  text = text:gsub("<!%-%-.-%-%->", "")
  for slash, name, rest in text:gmatch("<(/?)(%a[%w%-]*)([^>]*)>") do
    found(name:lower(), slash == "/", rest:find("/%s*$") ~= nil)
  end
end

-- Returns how many elements a piece of HTML leaves open (negative: closes).
local function depth_of(text)
  local depth = 0
  each_tag(text, function(name, closing, alone)
    if not VOID[name] and not alone then
      depth = depth + (closing and -1 or 1)
    end
  end)
  return depth
end

local function attribute(tag, name)
  local value = tag:match("[%s\"']" .. name .. "%s*=%s*\"([^\"]*)\"") or tag:match("[%s\"']" .. name .. "%s*=%s*'([^']*)'")
    or tag:match("%s" .. name .. "%s*=%s*([^%s>\"']+)")
  return value and (value:gsub("&amp;", "&"):gsub("&quot;", '"'):gsub("&lt;", "<"):gsub("&gt;", ">"))
end

local function emphasised(content)
  return pandoc.Emph(content)
end

local function code(content)
  return pandoc.Code(pandoc.utils.stringify(content))
end

local function link(content, tag)
  local href, id = attribute(tag, "href"), attribute(tag, "id") or attribute(tag, "name") or ""
  return href and pandoc.Link(content, href, attribute(tag, "title") or "", pandoc.Attr(id)) or pandoc.Span(content, pandoc.Attr(id))
end

-- Element of running text → what its words are put into. All others leave their words as they are.
local PAIRS = {
  sup = pandoc.Superscript, sub = pandoc.Subscript, em = emphasised, i = emphasised, cite = emphasised, dfn = emphasised, var = emphasised,
  strong = pandoc.Strong, b = pandoc.Strong, u = pandoc.Underline, ins = pandoc.Underline, s = pandoc.Strikeout, del = pandoc.Strikeout,
  strike = pandoc.Strikeout, code = code, kbd = code, tt = code, samp = code, a = link,
  mark = function(content) return pandoc.Span(content, pandoc.Attr("", { "mark" })) end,
  q = function(content) return pandoc.Quoted("DoubleQuote", content) end,
}

-- Returns the element, whether the tag closes it, and its whole text; nil for what is no single tag.
local function tag_of(node)
  if not is_html(node) then
    return nil
  end
  local slash, name = node.text:match("^<(/?)(%a[%w%-]*)[^>]*>$")
  return name and name:lower(), slash == "/", node.text
end

local function report(problems, text)
  problems:insert({ kind = "raw-lost", text = text, detail = "html" })
end

-- Replaces the tags in a list of inlines by what they mean; nil where there are none: lists that go back to pandoc cost more than the search.
local function read_inlines(inlines, problems)
  if not inlines:find_if(is_html) then
    return nil
  end
  local open, out = pandoc.List({}), pandoc.Inlines({})
  local function close(last)
    local inside = pandoc.Inlines({ table.unpack(out, last.at + 1) })
    while #out >= last.at do
      out:remove(#out)
    end
    if ONLY_ON_PAGES[last.name] then
      report(problems, last.tag)
      out:insert(pandoc.RawInline("html", last.tag .. pandoc.utils.stringify(inside) .. "</" .. last.name .. ">"))
    else
      local make = PAIRS[last.name] or pandoc.Span
      out:insert(make == pandoc.Span and pandoc.Span(inside) or make(inside, last.tag))
    end
  end
  for _, node in ipairs(inlines) do
    local name, closing, tag = tag_of(node)
    if not name or SILENT[name] then
      out:insert(node)
    elseif name == "br" then
      out:insert(pandoc.LineBreak())
    elseif name == "img" then
      out:extend(pandoc.utils.blocks_to_inlines(pandoc.read(tag, "html", nil, {}).blocks))
    elseif VOID[name] then
      if ONLY_ON_PAGES[name] then
        report(problems, tag)
        out:insert(node)
      end
    elseif not closing then
      out:insert(node)
      open:insert({ name = name, at = #out, tag = tag })
    else
      local known = open:find_if(function(entry) return entry.name == name end)
      while known and open[#open].name ~= name do -- not closed inside of it: its words stay
        open:remove(#open)
      end
      if known then
        close(open:remove(#open))
      end
    end
  end
  return out
end

-- Elements that pandoc's reader passes over, under names that it knows.
local function understood(text)
  return (text:gsub("<details[^>]*>", "<div class=\"details\">"):gsub("</details>", "</div>")
    :gsub("<summary[^>]*>", "<p><strong>"):gsub("</summary>", "</strong></p>")
    :gsub("<center[^>]*>", "<div>"):gsub("</center>", "</div>"))
end

-- Returns a run of blocks as one piece of HTML, and what stands in its slots. An SVG is taken as it stands.
local function with_slots(run)
  local parts, slots = {}, pandoc.List({})
  local drawing = run[1].text:find("^%s*<svg") ~= nil
  for _, block in ipairs(run) do
    if is_html(block) then
      parts[#parts + 1] = block.text
    elseif drawing then
      block:walk({
        RawInline = function(raw) parts[#parts + 1] = raw.text end,
        Str = function(str) parts[#parts + 1] = str.text end,
        Space = function() parts[#parts + 1] = " " end,
      })
    else
      slots:insert(block)
      local element = block.t == "Plain" and "span" or "div"
      parts[#parts + 1] = "<" .. element .. ' data-pb-slot="' .. #slots .. '"></' .. element .. ">"
    end
  end
  return table.concat(parts, "\n"), slots
end

local function filled(blocks, slots)
  return blocks:walk({
    Div = function(div)
      local slot = tonumber(div.attributes["pb-slot"])
      return slot and pandoc.Blocks({ slots[slot] })
    end,
    Span = function(span)
      local slot = tonumber(span.attributes["pb-slot"])
      return slot and slots[slot].content
    end,
  })
end

-- Returns what a run of blocks, from a tag to its end, means; nil where it is for pages alone or for no reader.
local function read_run(run, problems)
  local only, says = nil, false
  for _, block in ipairs(run) do
    if is_html(block) then
      each_tag(block.text, function(name)
        only = only or (ONLY_ON_PAGES[name] and block.text or nil)
        says = says or not SILENT[name]
      end)
    end
  end
  if only then
    report(problems, only)
    return nil
  elseif not says then
    return nil
  end
  local text, slots = with_slots(run)
  local ok, _, doc = pcall(pandoc.log.silence, pandoc.read, understood(text), "html", reader.OPTIONS, {})
  return ok and filled(doc.blocks, slots) or nil
end

local function read_blocks(blocks, problems)
  if not pandoc.List.find_if(blocks, is_html) then
    return nil
  end
  local out, i = pandoc.Blocks({}), 1
  while i <= #blocks do
    local last, depth = i, is_html(blocks[i]) and depth_of(blocks[i].text) or 0
    while depth > 0 and last < #blocks do
      last = last + 1
      depth = depth + (is_html(blocks[last]) and depth_of(blocks[last].text) or 0)
    end
    last = depth > 0 and i or last -- never closed: it stands for itself
    local run = { table.unpack(blocks, i, last) }
    local read = is_html(blocks[i]) and read_run(run, problems)
    out:extend(read or run)
    i = last + 1
  end
  return out
end

-- Alternatives for several formats are no text: each format takes its own later.
local function leave_alternatives(div)
  if div.classes:includes("pb-alternatives") then
    return div, false
  end
end

-- Returns the blocks that one raw block stands for, nil where it shows something only on a page.
function M.read_block(block)
  local problems = pandoc.List({})
  local read = read_blocks({ block }, problems)
  return read and #problems == 0 and read:walk({ Inlines = function(inlines) return read_inlines(inlines, problems) end }) or nil
end

-- Reads the raw HTML of a document; what only a page can show is left alone, and told.
function M.read(doc, problems)
  local function blocks(list)
    return read_blocks(list, problems)
  end
  local function inlines(list)
    return read_inlines(list, problems)
  end
  doc = doc:walk({ traverse = "topdown", Blocks = blocks, Div = leave_alternatives })
  return doc:walk({ traverse = "topdown", Inlines = inlines, Div = leave_alternatives })
end

return M
