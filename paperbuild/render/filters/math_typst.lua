-- The tree of a formula as typst's mathematics.
--
-- Signs are written as characters (escaped, where typst would read more into them), never by typst's names, which change between versions.

local letters = require("math_letters")
local symbols = require("math_symbols")

local M = {}

local write -- of a node, by its type

-- Words and space do not get along in typst: a blank beside a string is printed. This mark takes the blanks around it away.
local TIGHT = "\6"

local function quoted(text)
  return '"' .. text:gsub('[\\"]', "\\%0") .. '"'
end

local CLASSES = { ord = "normal", op = "large", bin = "binary", rel = "relation", open = "opening", close = "closing", punct = "punctuation", inner = "normal" }

-- Signs to which typst (0.15, measured) gives another class than TeX does by their usual names.
local MISTAKEN = {}
for _, code in utf8.codes("|‖∇†‡\\⧫▴△▿▾◊★◯&⑊⊴⊲⊵⊳⫼϶∄?⋅.:]") do
  MISTAKEN[utf8.char(code)] = true
end
MISTAKEN["["] = true

local function is_usual(node)
  local usual = symbols.characters[node.text]
  local class = usual and (usual.t == "id" and "ord" or usual.class) or node.class
  class = class == "inner" and "ord" or class
  local known = { ["⋅"] = "bin", [":"] = "rel", ["["] = "open", ["]"] = "close" } -- right in this class, wrong in others
  if MISTAKEN[node.text] then
    return known[node.text] == node.class
  end
  return class == (node.class == "inner" and "ord" or node.class)
end

-- Fences beyond ASCII, which typst would pair by itself.
local PAIRED = {}
for _, code in utf8.codes("√⟨⟩⌈⌉⌊⌋⟦⟧⟪⟫⟮⟯⦇⦈⎰⎱⌜⌝⌞⌟") do
  PAIRED[utf8.char(code)] = true
end

local function character(text)
  return PAIRED[text] and "\\" .. text or (text:gsub("[%p ]", function(char) return (char ~= "=" and char ~= "+") and "\\" .. char or nil end))
end

local function joined(row, style)
  local out = {}
  for i, node in ipairs(row) do
    out[i] = write[node.t](node, style)
  end
  return table.concat(out, " ")
end

-- An argument of a function: never empty.
local function argument(node, style)
  local out = write[node.t](node, style)
  return out:find("%S") and out or '""'
end

local function em(length)
  return string.format("%.3gem", length)
end

local SMALLER = { display = "text", text = "script", script = "script" }

-- Content that is laid out apart, in the style of what surrounds it.
local function apart(node, style)
  local out = argument(node, style)
  return "$" .. (style == "display" and "display(" .. out .. ")" or style == "script" and "script(" .. out .. ")" or out) .. "$"
end

local FENCES = { ["|"] = "bar.v", ["‖"] = "bar.v.double", [""] = "" }

local function fence(char)
  return FENCES[char] or character(char)
end

write = {}

function write.row(node, style)
  if node.group and #node == 1 and node[1].t == "sym" and node[1].class ~= "ord" and node[1].class ~= "inner" then
    return 'class("normal", ' .. character(node[1].text) .. ")"
  end
  local first = node[1]
  if node.group and first and first.t == "sym" and first.class == "bin" then -- a sign, with nothing before it in its group
    local rest = joined({ table.unpack(node, 2) }, style)
    return 'class("normal", ' .. character(first.text) .. ") " .. rest
  end
  return joined(node, style)
end

function write.id(node)
  local text, variant = node.text, node.variant
  if utf8.len(text) > 1 and (variant == "rm" or not variant) then
    return TIGHT .. quoted(text) .. TIGHT
  elseif utf8.len(text) > 1 and variant == "it" then
    return TIGHT .. '""italic(' .. quoted(text) .. ")" .. TIGHT
  elseif variant == "rm" then
    return "upright(" .. text .. ")"
  elseif variant == "it" then
    return "italic(" .. text .. ")"
  elseif variant == "scr" then
    return "scr(" .. text .. ")"
  end
  return (letters.styled(text, variant):gsub(utf8.charpattern, "%0 "):gsub(" $", ""))
end

function write.num(node)
  if node.text:find("[^%d%.]") then
    return TIGHT .. quoted(node.text) .. TIGHT
  end
  local out = letters.styled(node.text, node.variant)
  return (out:gsub("^%.", '""\\.'):gsub("%.$", "\\."))
end

function write.sym(node)
  local text = node.text
  if node.variant then
    text = letters.styled(text, node.variant)
    if node.variant == "it" and letters.is_capital_greek(node.text) then
      return "italic(" .. node.text .. ")"
    end
  end
  local out = character(text)
  if node.class == "inner" or node.prime or is_usual(node) then
    return out
  end
  return "class(" .. quoted(CLASSES[node.class]) .. ", " .. out .. ")"
end

function write.big(node)
  local out = node.text
  return node.limits == "always" and "limits(" .. out .. ")" or node.limits == "never" and "scripts(" .. out .. ")" or out
end

function write.name(node, style)
  local limits = node.limits and node.limits ~= "never"
  local out = "op(" .. (node.text and quoted(node.text) or argument(node.body, style)) .. (limits and ", limits: #true" or "") .. ")"
  return node.limits == "always" and "limits(" .. out .. ")" or out
end

local STYLES = { bf = "bold", it = "italic", tt = "mono", sf = "sans" }

function write.text(node, style)
  local out = {}
  for i, piece in ipairs(node.pieces) do
    if piece.t then
      out[i] = joined(piece, "text")
    else
      local words = piece.style == "sc" and 'class("normal", #smallcaps(' .. quoted(piece.text) .. "))" or quoted(piece.text)
      out[i] = STYLES[piece.style] and '""' .. STYLES[piece.style] .. "(" .. words .. ")" or piece.style == "sc" and '""' .. words or words
    end
  end
  local pieces = table.concat(out, TIGHT)
  return style == "script" and TIGHT .. pieces .. TIGHT or TIGHT .. pieces .. TIGHT
end

function write.scripts(node, style)
  local base = node.base and argument(node.base, style) or '""'
  if node.base and (node.base.t == "scripts" or node.base.group and #node.base == 1 and node.base[1].t == "scripts") then
    base = 'class("normal", ' .. base .. ")" -- or typst would set both scripts above each other
  end
  local small = "script"
  local parts = { base }
  for _, pair in ipairs({ { "sup", "t" }, { "sub", "b" }, { "presup", "tl" }, { "presub", "bl" } }) do
    if node[pair[1]] then
      parts[#parts + 1] = pair[2] .. ": " .. argument(node[pair[1]], small)
    end
  end
  return "attach(" .. table.concat(parts, ", ") .. ")"
end

function write.sideset(node, style)
  local parts = { "scripts(" .. write[node.base.t](node.base, style) .. ")" }
  local function add(holder, sup, sub)
    if holder and holder.sup then
      parts[#parts + 1] = sup .. ": " .. argument(holder.sup, "script")
    end
    if holder and holder.sub then
      parts[#parts + 1] = sub .. ": " .. argument(holder.sub, "script")
    end
  end
  add(node.before, "tl", "bl")
  add(node.after, "tr", "br")
  return "op(attach(" .. table.concat(parts, ", ") .. "), limits: #true)"
end

local STYLED = { display = "display", text = "inline", script = "script", sscript = "sscript" }

function write.frac(node, style)
  local own = node.style and (node.style == "sscript" and "script" or node.style) or style
  local inner = node.continued and "display" or SMALLER[own]
  local above, below = argument(node.above, inner), argument(node.below, inner)
  if node.slanted then
    return 'attach("", t: ' .. argument(node.above, "script") .. ') class("normal", \\/) attach("", b: ' .. argument(node.below, "script") .. ")"
  end
  local out
  if node.line ~= false then
    if node.continued then
      above, below = "display(" .. above .. ")", "display(" .. below .. ")"
    end
    out = "frac(" .. above .. ", " .. below .. ")"
    if node.open then
      out = "lr(" .. fence(node.open) .. " " .. out .. " " .. fence(node.close) .. ")"
    end
  elseif node.open == "(" and node.close == ")" then
    out = "binom(" .. above .. ", " .. below .. ")"
  else
    out = "mat(delim: #none, row-gap: #.3em, " .. above .. "; " .. below .. ")"
    out = node.open and "lr(" .. fence(node.open) .. " " .. out .. " " .. fence(node.close) .. ")" or out
  end
  return node.style and STYLED[node.style] .. "(" .. out .. ")" or out
end

function write.root(node, style)
  local body = argument(node.body, style)
  return node.index and "root(" .. argument(node.index, "script") .. ", " .. body .. ")" or "sqrt(" .. body .. ")"
end

function write.accent(node, style)
  local body = argument(node.body, style)
  if node.under then
    return "attach(limits(" .. body .. "), b: stretch(" .. node.mark .. ", size: #100%))"
  end
  return "accent(" .. body .. ", " .. node.combining .. (node.wide and "" or ", size: #0%") .. ")"
end

function write.line(node, style)
  return (node.under and "underline(" or "overline(") .. argument(node.body, style) .. ")"
end

function write.brace(node, style)
  local note = node.note and ", " .. argument(node.note, "script") or ""
  return (node.under and "under" or "over") .. node.which .. "(" .. argument(node.body, style) .. note .. ")"
end

function write.stack(node, style)
  local out = "attach(limits(" .. argument(node.base, style) .. ")"
  out = out .. (node.above and ", t: " .. argument(node.above, "script") or "") .. (node.below and ", b: " .. argument(node.below, "script") or "") .. ")"
  return (node.class == "rel" or node.class == "bin") and "class(" .. quoted(CLASSES[node.class]) .. ", " .. out .. ")" or out
end

function write.arrow(node)
  local out = "attach(stretch(" .. character(node.text) .. ", size: #(100% + .7em)), t: " .. argument(node.above, "script")
  local below = node.below and write.row(node.below, "script") or ""
  return 'class("relation", ' .. out .. (below:find("%S") and ", b: " .. below or "") .. "))"
end

function write.fence(node, style)
  return "lr(" .. fence(node.open) .. " " .. joined(node.body, style) .. " " .. fence(node.close) .. ")"
end

function write.middle(node)
  return node.text == "" and "" or 'class("normal", mid(' .. fence(node.text) .. "))"
end

local HEIGHTS = { 1.2, 1.8, 2.4, 3.0 }

function write.delim(node)
  if node.text == "" then
    return ""
  end
  return "class(" .. quoted(CLASSES[node.class]) .. ", lr(size: #" .. em(HEIGHTS[node.size]) .. ", " .. fence(node.text) .. "))"
end

function write.style(node)
  local style = node.style == "sscript" and "script" or node.style
  return STYLED[node.style] .. "(" .. argument(node.body, style) .. ")"
end

function write.color(node, style)
  if node.behind then
    return '#box(fill: rgb("#' .. node.behind .. '"), outset: (y: 2pt), inset: (x: 2pt), ' .. apart(node.body, style) .. ")"
  end
  return 'text(fill: #rgb("#' .. node.color .. '"), ' .. argument(node.body, style) .. ")"
end

function write.space(node)
  return node.em == 0 and "" or "#h(" .. em(node.em) .. ")"
end

function write.phantom(node, style)
  local body = apart(node.body, style)
  if node.keep == "both" then
    return "#hide(" .. body .. ")"
  elseif node.keep == "width" then
    return "#context h(measure(" .. body .. ").width)"
  end
  return "#context { let it = hide(" .. body .. "); it + h(-measure(it).width) }"
end

function write.lap(node, style)
  local body = apart(node.body, style)
  if node.side == "smash" then
    return argument(node.body, style)
  elseif node.side == "r" then
    return "#context { let it = " .. body .. "; it + h(-measure(it).width) }"
  elseif node.side == "l" then
    return "#context { let it = " .. body .. "; h(-measure(it).width) + it }"
  end
  return "#context { let it = " .. body .. "; h(-measure(it).width / 2) + it + h(-measure(it).width / 2) }"
end

function write.boxed(node, style)
  return "#box(stroke: .4pt, inset: 3pt, baseline: 3pt, { set text(top-edge: \"bounds\", bottom-edge: \"bounds\"); " .. apart(node.body, style) .. " })"
end

local CANCELS = { up = "", down = "inverted: #true, ", both = "cross: #true, ", through = "angle: #90deg, " }

function write.cancel(node, style)
  return "cancel(" .. CANCELS[node.kind] .. argument(node.body, style) .. ")"
end

write["class"] = function(node, style)
  local body = argument(node.body, style)
  if node.class == "op" then
    local out = "op(" .. body .. (node.limits ~= "never" and ", limits: #true" or "") .. ")"
    return node.limits == "always" and "limits(" .. out .. ")" or out
  end
  return "class(" .. quoted(CLASSES[node.class]) .. ", " .. body .. ")"
end

-- Tables -------------------------------------------------------------------------------------------------------------------

local function cell_text(cell, style)
  local out = joined(cell, style)
  return out:find("%S") and out or ""
end

local function is_tall(text)
  return text:find("frac", 1, true) or text:find("[∑∏∫]") or text:find("mat(", 1, true) or text:find("binom", 1, true) or text:find("op(", 1, true)
    or text:find("[\xE2][\x88\xA8\x8B]")
end

-- Rules of \hline and |, which typst draws only between rows and columns: those around are lines of the fences.
local function augment(node, columns)
  local vertical, horizontal = {}, {}
  for column = 1, columns - 1 do
    if node.columns and node.columns[column] then
      vertical[#vertical + 1] = tostring(column)
    end
  end
  for _, rule in ipairs(node.rules or {}) do
    if rule.after > 0 and rule.after < #node.rows then
      horizontal[#horizontal + 1] = tostring(rule.after)
    end
  end
  local parts = {}
  if #vertical > 0 then
    parts[#parts + 1] = "vline: (" .. table.concat(vertical, ", ") .. ",)"
  end
  if #horizontal > 0 then
    parts[#parts + 1] = "hline: (" .. table.concat(horizontal, ", ") .. ",)"
  end
  return #parts > 0 and ", augment: #(" .. table.concat(parts, ", ") .. ", stroke: .4pt)" or ""
end

local SIDES = { l = "left", c = "center", r = "right" }

local function matrix(node)
  local columns, same = 0, true
  for _, cells in ipairs(node.rows) do
    columns = math.max(columns, #cells)
  end
  local align = node.align or {}
  for column = 1, columns do
    same = same and (align[column] or "c") == (align[1] or "c")
  end
  local rows = {}
  for i, cells in ipairs(node.rows) do
    local out = {}
    for column = 1, columns do
      local text = cells[column] and cell_text(cells[column], "text") or ""
      local side = not same and align[column] or "c"
      text = text == "" and '""' or text
      out[column] = side == "l" and "& " .. text or side == "r" and text .. " &" or text
    end
    rows[i] = table.concat(out, ", ")
  end
  local gap = node.tight and "row-gap: #.15em, column-gap: #.2em" or node.small and "row-gap: #.2em, column-gap: #.35em" or "row-gap: #.35em, column-gap: #1em"
  local side = same and columns > 0 and SIDES[align[1] or "c"] or "center"
  local out = "mat(delim: #none, " .. gap .. (side ~= "center" and ", align: #" .. side or "") .. augment(node, columns) .. ", " .. table.concat(rows, "; ") .. ")"
  out = (node.small and "inline(" or "display(") .. out .. ")"
  local open, close = node.open or "", node.close or ""
  if node.columns and node.columns[0] then
    open = open ~= "" and open or "|"
  end
  if node.columns and node.columns[columns] then
    close = close ~= "" and close or "|"
  end
  if open == "" and close == "" then
    return out
  end
  return "lr(" .. fence(open) .. " " .. out .. " " .. fence(close) .. ")"
end

local function cases(node)
  local rows = {}
  for i, cells in ipairs(node.rows) do
    local out = {}
    for column, cell in ipairs(cells) do
      local text = cell_text(cell, node.display and "display" or "text")
      text = text == "" and '""' or text
      out[column] = node.display and "display(" .. text .. ")" or text
    end
    rows[i] = table.concat(out, ", ")
  end
  local out = "display(mat(delim: #none, align: #left, row-gap: #.4em, column-gap: #1em, " .. table.concat(rows, "; ") .. "))"
  return "lr(" .. fence(node.open) .. " " .. out .. " " .. fence(node.close) .. ")"
end

-- The cells of a line of an aligned environment with typst's alignment points between them; pairs of columns stand apart.
local function aligned_line(cells, kind, wrap)
  local out = {}
  for column, cell in ipairs(cells) do
    local text = cell_text(cell, "display")
    text = wrap and is_tall(text) and "display(" .. text .. ")" or text
    if kind == "eqnarray" then
      out[column] = (column == 2 and "& " or "") .. text
    elseif column == 1 then
      out[column] = text
    elseif column % 2 == 0 then
      local gap = text:match("^#h%([^()]*%) *") or "" -- something ordinary stands before, so that a sign there is a binary one
      out[column] = "& " .. gap .. '""' .. TIGHT .. " " .. text:sub(#gap + 1)
    else
      out[column] = (kind == "alignedat" and "& " or "#h(2em) & ") .. text
    end
  end
  return table.concat(out, " ")
end
M.aligned_line = aligned_line

local function words_between(node, count)
  for _, rule in ipairs(node.rules or {}) do
    if rule.words and rule.after == count then
      return write.text(rule.words)
    end
  end
end

local function lines(node, outermost)
  local rows = {}
  for i, cells in ipairs(node.rows) do
    local words = words_between(node, i - 1)
    if words then
      rows[#rows + 1] = "& " .. words
    end
    local line = aligned_line(cells, node.kind, not outermost)
    if node.kind == "multline" and #node.rows > 1 then
      line = i == 1 and line .. " #h(4em)" or (i == #node.rows and "#h(4em) " or "") .. '""' .. TIGHT .. " " .. line
    end
    rows[#rows + 1] = line
  end
  if outermost then
    return table.concat(rows, " \\\n")
  end
  return "display(mat(delim: #none, row-gap: #.6em, " .. table.concat(rows, "; ") .. "))"
end

write["table"] = function(node, style)
  if node.kind == "matrix" then
    return matrix(node)
  elseif node.kind == "cases" then
    return cases(node)
  end
  return lines(node, style == "display" and node.outermost)
end

-- Returns the typst code of a tree, without dollars.
function M.write(tree, display)
  if #tree == 1 and tree[1].t == "table" then
    tree[1].outermost = true
  end
  local out = joined(tree, display and "display" or "text")
  return (out:gsub("[ ]*" .. TIGHT .. "[ ]*", ""))
end

return M
