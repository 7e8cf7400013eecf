-- Raw blocks for one format: several beside each other are one thing written several ways, and each format takes its own.

local M = {}

local CLASS = "pb-alternatives"
local FORMAT = "pb-format"

-- Name of a raw node's format → the family of formats that shows it.
local FAMILIES = {
  html = "html", html4 = "html", html5 = "html", typst = "typst", latex = "latex", openxml = "docx", jats = "jats",
}
M.FAMILIES = FAMILIES

local function family_of(node)
  return node and node.t == "RawBlock" and FAMILIES[node.format] or nil
end

-- Puts each run of raw blocks for different formats into one Div.
local function gather(blocks)
  local out, i, changed = pandoc.Blocks({}), 1, false
  while i <= #blocks do
    local last, families, count = i, {}, 0
    while family_of(blocks[last]) do
      local family = family_of(blocks[last])
      count = count + (families[family] and 0 or 1)
      families[family] = true
      last = last + 1
    end
    if count > 1 then
      local ways = pandoc.Blocks({})
      for at = i, last - 1 do
        ways:insert(pandoc.Div({ blocks[at] }, pandoc.Attr("", {}, { [FORMAT] = family_of(blocks[at]) })))
      end
      out:insert(pandoc.Div(ways, pandoc.Attr("", { CLASS })))
      i, changed = last, true
    else
      out:insert(blocks[i])
      i = i + 1
    end
  end
  return changed and out or nil
end

-- Gathers alternatives, and gives each group what `read(block)` makes of one for the formats that have none (nil where it cannot).
function M.gather(doc, read)
  return doc:walk({ Blocks = gather }):walk({ Div = function(div)
    if not div.classes:includes(CLASS) then
      return nil
    end
    for _, way in ipairs(div.content) do
      local block = way.content[1]
      local found = (block.format == "latex" or FAMILIES[block.format] == "html") and read(block)
      if found then
        div.content:insert(pandoc.Div(found, pandoc.Attr("", {}, { [FORMAT] = "any" })))
        break
      end
    end
    return div
  end })
end

-- Returns the document with, of each group, what `format` takes; what no format of the group suits is left out, as its author chose.
function M.choose(doc, format)
  return doc:walk({ traverse = "topdown", Div = function(div)
    if not div.classes:includes(CLASS) then
      return nil
    end
    local chosen = pandoc.Blocks({})
    for _, wanted in ipairs({ format, "any" }) do
      for _, way in ipairs(div.content) do
        if way.attributes[FORMAT] == wanted then
          chosen:extend(way.content)
        end
      end
      if #chosen > 0 then
        break
      end
    end
    return chosen
  end })
end

-- Typst that lays out and shows nothing.
local LAYOUT = { pagebreak = true, colbreak = true, v = true, h = true, set = true, show = true, let = true, import = true, context = false }

local function is_silent(family, text)
  if family == "docx" then
    return not text:find("<w:t[%s>]")
  elseif family ~= "typst" then
    return not text:find("%S")
  end
  for line in text:gmatch("[^\n]+") do
    if line:find("%S") and not line:find("^%s*//") and not LAYOUT[line:match("^%s*#(%a+)") or ""] then
      return false
    end
  end
  return true
end

-- Tells of raw nodes that only one format shows. HTML and TeX are told of where they are read.
function M.tell(doc, problems)
  local function look(raw)
    local family = FAMILIES[raw.format] or raw.format
    if family ~= "html" and family ~= "latex" and family ~= "tex" and not is_silent(family, raw.text) then
      problems:insert({ kind = "raw-lost", text = raw.text, detail = family })
    end
  end
  doc:walk({ traverse = "topdown", RawBlock = look, RawInline = look, Div = function(div)
    if div.classes:includes(CLASS) then
      return div, false
    end
  end })
end

-- Whether formats differ in what of a prepared paper they show.
function M.are_in(paper)
  return paper.has_formats or paper.problems:find_if(function(problem) return problem.kind == "raw-lost" end) ~= nil
end

-- Marks what `format` cannot show, so that it stands there as its source: who is not lenient does not get so far.
function M.mark_foreign(doc, format, problems, marked)
  local told = {}
  for _, problem in ipairs(problems) do
    if problem.kind == "raw-lost" and problem.detail ~= format then
      told[problem.text] = true
    end
  end
  if not next(told) then
    return doc
  end
  local function is_lost(raw)
    for text in pairs(told) do
      if raw.text:sub(1, #text) == text then
        return true
      end
    end
    return false
  end
  return doc:walk({
    RawBlock = function(raw) return is_lost(raw) and pandoc.Para(marked(raw.text)) or nil end,
    RawInline = function(raw) return is_lost(raw) and marked(raw.text) or nil end,
  })
end

return M
