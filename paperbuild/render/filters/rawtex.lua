-- Raw TeX in the text, read as LaTeX: outside a LaTeX document it would vanish without a word.
--
-- What pandoc's reader knows nothing of is put into what it knows first (latex_rules). What it still skips, its log tells: that is a
-- problem of the paper unless it said nothing to a reader, and stays visible as marked code for those who want the document all the same.

local algorithms = require("algorithms")
local kinds = require("kinds")
local latex_rules = require("latex_rules")
local matching = require("matching")
local reader = require("reader")
local switches = require("switches")

local M = {}

local MARKS = latex_rules.MARKS

local function is_tex(format)
  return format == "tex" or format == "latex"
end
M.is_tex = is_tex

-- Returns source text as code that stands out, one line each.
function M.marked(text)
  local out = pandoc.Inlines({})
  for line in (text:gsub("%s+$", "") .. "\n"):gmatch("([^\n]*)\n") do
    if line:find("%S") then
      out:extend(#out > 0 and { pandoc.LineBreak() } or {})
      out:insert(pandoc.Span({ pandoc.Code(line) }, pandoc.Attr("", { "mark" })))
    end
  end
  return out
end

-- Returns pandoc's document of a piece of LaTeX, and what it skipped or could not find; nil and its words where it gave up.
local function read_latex(text)
  local ok, log, doc = pcall(pandoc.log.silence, pandoc.read, text, "latex", reader.OPTIONS, {})
  if not ok then
    return nil, tostring(log):match("unexpected [^\n]*") or tostring(log):match("^[^\n]*")
  end
  local skipped, seen = pandoc.List({}), {}
  for i = #log, 1, -1 do -- the last message comes first
    local message = pandoc.json.decode(pandoc.json.encode(log[i]), false)
    local what
    if message.type == "SkippedContent" and not latex_rules.is_silent(message.contents) then
      what = message.contents:gsub("^%s+", ""):gsub("%s+$", "")
    elseif message.type == "CouldNotLoadIncludeFile" and not message.pretty:find("%.sty") then
      what = "\\input{" .. (message.pretty:match("include file (%S+)") or "") .. "}"
    end
    if what and not seen[what] then
      seen[what] = true
      skipped:insert(what)
    end
  end
  return doc, skipped
end

-- A width that LaTeX measures by the page or column, as pandoc writes shares.
local function settle_width(image)
  local width = image.attributes.width
  local share = width and width:match("^%s*([%d.]*)%s*\\%a+width%s*$") or width and width:match("^%s*([%d.]*)%s*\\hsize%s*$")
  if share then
    image.attributes.width = string.format("%g%%", (tonumber(share) or 1) * 100)
  end
  if pandoc.utils.stringify(image.caption) == "image" then -- what pandoc puts where LaTeX has nothing
    image.caption = pandoc.Inlines({})
  end
  return image
end

-- pandoc's LaTeX reader guesses numbers from the one snippet that it sees: what it put in a reference's text means nothing.
local function settle_link(link)
  if link.attributes["reference-type"] then
    link.content = pandoc.Inlines({})
    return link
  end
  local part, keys = link.target:match("^" .. MARKS.cite:gsub("%-", "%%-") .. "(%a+):(.*)$")
  if part then
    return pandoc.Span({}, pandoc.Attr("", { "pb-cited" }, { ["pb-part"] = part, ["pb-keys"] = keys }))
  end
  local how, id = link.target:match("^" .. MARKS.reference:gsub("%-", "%%-") .. "(%a+):(.*)$")
  if how then
    return pandoc.Link({}, "#" .. id, "", { ["reference-type"] = how, reference = id })
  end
end

-- A theorem's \label is its id and [Title] its title; a proof's own words and tombstone are written later.
local function settle_theorem(div)
  local first = div.content[1]
  local words = first and (first.t == "Para" or first.t == "Plain") and first.content or pandoc.Inlines({})
  local title
  if div.classes:includes("proof") and words[1] and words[1].t == "Emph" then
    local name = pandoc.Inlines(words[1].content)
    words:remove(1)
    if name[#name].t == "Str" then
      name[#name].text = name[#name].text:gsub("%.$", "")
    end
    title = pandoc.utils.stringify(name) ~= "Proof" and name or nil
    local last = div.content[#div.content]
    local tombstone = last.content and last.content[#last.content]
    if tombstone and tombstone.t == "Str" and tombstone.text:find("\u{25FB}$") then
      last.content:remove(#last.content)
    end
  elseif not kinds.theorem_kind(div) then
    return nil
  end
  while words[1] do
    local node = words[1]
    if node.t == "Link" and node.target == MARKS.title then
      title = node.content
    elseif node.t == "Span" and node.attributes.label and #node.content == 0 then
      div.identifier = div.identifier ~= "" and div.identifier or node.identifier
    elseif node.t ~= "Space" and node.t ~= "SoftBreak" then
      break
    end
    words:remove(1)
  end
  if first and first.content then
    first.content = words
    div.content[1] = first
  end
  if title then
    div.content:insert(1, pandoc.Plain({ pandoc.Span(title, pandoc.Attr("", { "pb-title" })) }))
  end
  return div
end

local function settle_div(div)
  local only = #div.content == 1 and div.content[1]
  if only and only.t == "Table" and div.identifier ~= "" and only.identifier == "" then -- a table's \label
    only.identifier = div.identifier
    return only
  elseif div.classes:includes("tablenotes") then
    div.classes = { "table-notes" }
    return div
  end
  return settle_theorem(div)
end

local function settled(blocks, text)
  local wide = text:find("^%s*\\begin{%a+%*}") ~= nil
  for i, block in ipairs(blocks) do
    if block.t == "Plain" then
      blocks[i] = pandoc.Para(block.content)
    elseif wide and (block.t == "Table" or block.t == "Figure") then
      block.classes:insert("wide")
    elseif block.t == "Header" and block.level > 3 and not block.classes:includes("unnumbered") then -- \paragraph
      block.classes:insert("unnumbered")
    end
  end
  return blocks:walk({ Link = settle_link, Image = settle_width, Div = settle_div })
end

local Reading = {}
Reading.__index = Reading

-- Returns the blocks that a raw node stands for.
function Reading:blocks(text)
  local algorithm = algorithms.read(text, function(words) return self:inlines(words) end)
  if algorithm then
    return algorithm
  end
  local rewritten = latex_rules.rewrite(text, self.theorems)
  local doc, skipped = read_latex(self.preamble .. rewritten)
  if not doc then
    self.problems:insert({ kind = "tex-vanished", text = text, detail = skipped })
    return pandoc.Blocks({ pandoc.Para(M.marked(text)) })
  end
  local blocks = settled(doc.blocks, text)
  local lost = pandoc.Inlines({})
  for _, what in ipairs(skipped) do
    self.problems:insert({ kind = "tex-vanished", text = text, detail = what })
    lost:extend(#lost > 0 and { pandoc.Space() } or {})
    lost:extend(M.marked(what))
  end
  if #lost > 0 then
    blocks:insert(pandoc.Para(lost))
  end
  return blocks
end

function Reading:inlines(text)
  local label = text:match("^%s*\\label%s*{([^}]*)}%s*$")
  if label then
    return pandoc.Inlines({ pandoc.Span({}, pandoc.Attr(label, {}, { label = label })) })
  end
  return pandoc.utils.blocks_to_inlines(self:blocks(text), { pandoc.Space() })
end

local function new_reading(macros, problems)
  local reading = setmetatable({ theorems = {}, problems = problems }, Reading)
  reading.preamble = macros.preamble ~= "" and latex_rules.rewrite(macros.preamble, reading.theorems) .. "\n\n" or ""
  return reading
end

-- Takes title, author, date and abstract out of raw TeX, where the paper has them there and not in its front matter.
function M.take_front_matter(doc, macros)
  local reading = new_reading(macros, pandoc.List({}))
  for _, block in ipairs(doc.blocks) do
    if block.t == "RawBlock" and is_tex(block.format) and block.text:find("\\%a+%s*{") then
      local says = block.text:find("\\title%s*[%[{]") or block.text:find("\\author%s*[%[{]") or block.text:find("\\date%s*{")
      local read = (says or block.text:find("\\begin{abstract}", 1, true))
        and read_latex(reading.preamble .. latex_rules.rewrite(block.text, reading.theorems))
      for _, key in ipairs(read and { "title", "author", "date", "abstract" } or {}) do
        if doc.meta[key] == nil and read.meta[key] ~= nil then
          doc.meta[key] = read.meta[key]
        elseif key == "abstract" and read.meta[key] ~= nil then -- a second one is text like any other
          block.text = block.text:gsub("{abstract}", "{quote}")
        end
      end
    end
  end
  return doc
end

-- Returns the blocks that one raw block stands for, nil where not all of it can be converted.
function M.read_block(block, macros)
  local problems = pandoc.List({})
  local blocks = new_reading(macros, problems):blocks(block.text)
  return #problems == 0 and blocks or nil
end

-- Reads every raw TeX node of a document. `macros` is what `macros.of` returned.
function M.read(doc, macros, problems)
  local reading = new_reading(macros, problems)
  return matching.walk(doc, switches.may_stand, switches.join):walk({
    traverse = "topdown",
    Div = function(div) -- each format takes its own of several ways to write one thing
      if div.classes:includes("pb-alternatives") then
        return div, false
      end
    end,
    RawBlock = function(raw)
      if is_tex(raw.format) then
        return reading:blocks(raw.text), false
      end
    end,
    RawInline = function(raw)
      if is_tex(raw.format) then
        return reading:inlines(raw.text), false
      end
    end,
  })
end

return M
