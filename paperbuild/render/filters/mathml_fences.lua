-- Fences in MathML: those that grow with what is between them, and those of a given size.
--
-- Chromium reserves for a fence that may stretch the width of its widest form. So one stretches only where what it is around is higher than
-- a letter, and where it will not be large its width is said. The widths are those of the page's font (New Computer Modern).

local rows = require("mathml_rows")

local M = {}

local write, plain, operator, escaped, inside = rows.write, rows.plain, rows.operator, rows.escaped, rows.inside

-- How high something is: as a letter; somewhat more; and much more.
M.LOW, M.RAISED, M.HIGH = 0, 1, 2
local LOW, RAISED, HIGH = M.LOW, M.RAISED, M.HIGH

-- The width of the form that is a fifth higher than the smallest one.
local WIDTHS = { ["("] = ".458em", [")"] = ".458em", ["["] = ".417em", ["]"] = ".417em", ["{"] = ".583em", ["}"] = ".583em", ["⟨"] = ".472em",
  ["⟩"] = ".472em", ["⟦"] = ".48em", ["⟧"] = ".48em" }
local SLASHES = { ".617em", ".768em", ".964em", ".964em" }

local function width(char, size)
  local known = (char == "/" or char == "\\") and SLASHES[size] or size == 1 and WIDTHS[char]
  return known and ' style="width:' .. known .. '"' or ""
end

-- Which form of a fence MathML's dictionary knows; the others it would give space.
local LISTED = { ["|"] = "both", ["‖"] = "both" }
for _, code in utf8.codes("([{⌈⌊⟨⟦⟪⟮⦇") do
  LISTED[utf8.char(code)] = "prefix"
end
for _, code in utf8.codes(")]}⌉⌋⟩⟧⟫⟯⦈") do
  LISTED[utf8.char(code)] = "postfix"
end

local heights

local function height_of(node, style)
  local found = heights[node.t]
  return type(found) == "function" and found(node, style) or found or LOW
end

local function highest(row, style)
  local height = LOW
  for _, node in ipairs(row) do
    height = math.max(height, height_of(node, style))
    if height == HIGH then
      break
    end
  end
  return height
end

local function of_body(node, style)
  return height_of(node.body, style)
end

local function at_least(least)
  return function(node, style) return math.max(least, height_of(node.body or node.base, style)) end
end

-- By the type of node; LOW where it is not named.
heights = {
  frac = function(node) return node.slanted and RAISED or HIGH end,
  table = HIGH, sideset = HIGH, arrow = RAISED, stack = at_least(RAISED), brace = HIGH, root = at_least(RAISED), accent = at_least(RAISED),
  boxed = at_least(RAISED), row = highest, color = of_body, cancel = of_body, class = of_body, line = of_body,
  big = function(_, style) return style == "display" and HIGH or LOW end,
  name = function(node, style) return node.body and of_body(node, style) or LOW end,
  delim = function(node) return node.size > 1 and HIGH or RAISED end,
  fence = function(node, style) return height_of(node.body, style) end,
  style = function(node) return height_of(node.body, node.style) end,
  phantom = function(node, style) return node.keep == "width" and LOW or height_of(node.body, style) end,
  lap = function(node, style) return node.side == "smash" and LOW or height_of(node.body, style) end,
  scripts = function(node, style)
    local height = node.base and height_of(node.base, style) or LOW
    local limits = node.sub and node.base and node.base.limits and style == "display"
    if limits or highest(node.sup or {}, "script") == HIGH or highest(node.sub or {}, "script") == HIGH then
      return HIGH
    end
    return math.max(height, (node.sub and node.sup or node.presub or node.presup) and RAISED or LOW)
  end,
}

-- One fence; `size` is what it is around.
local function sign(char, form, size)
  if char == "" then
    return ""
  end
  local said = ' form="' .. form .. '"'
  local listed = LISTED[char] == form or LISTED[char] == "both"
  if size == LOW then
    said = said .. ' stretchy="false"'
  elseif not (listed and char:find("^[()%[%]{}|]$")) then -- which the dictionary does not stretch by itself
    said = said .. ' stretchy="true"'
  end
  if not listed then
    said = said .. ' lspace="0" rspace="0"'
  end
  return "<mo" .. said .. (size == RAISED and width(char, 1) or "") .. ">" .. escaped(char) .. "</mo>"
end

-- Returns the element of something between fences ("" for none).
function M.around(open, xml, close, size)
  return "<mrow>" .. sign(open, "prefix", size) .. xml .. sign(close, "postfix", size) .. "</mrow>"
end

-- The same as an atom.
function M.fenced(open, xml, close, size)
  local out = plain(M.around(open, xml, close, size))
  out.left, out.right = open ~= "" and "open" or "ord", close ~= "" and "close" or "ord"
  return out
end

function write.fence(node, style)
  return M.fenced(node.open, inside(node.body, style, "fence"), node.close, highest(node.body, style))
end

function write.middle(node)
  local slash = node.text == "/" or node.text == "\\"
  return plain('<mo form="infix" stretchy="true" lspace="0" rspace="0"' .. (slash and width("/", 3) or "") .. ">" .. escaped(node.text) .. "</mo>")
end

-- A little less than TeX's 1.2, 1.8, 2.4 and 3 em, which the font's forms do not quite reach.
local SIZES = { "1.15em", "1.7em", "2.2em", "2.9em" }
local FORMS = { open = "prefix", close = "postfix", rel = "infix" }

function write.delim(node)
  if node.text == "" then
    return plain("<mrow></mrow>", node.class)
  end
  local size = SIZES[node.size]
  local form = FORMS[node.class] or node.text:find("^[])}]$") and "postfix" or "prefix"
  local out = operator(node.text, node.class, form, ' stretchy="true" symmetric="true" minsize="' .. size .. '" maxsize="' .. size .. '"' .. width(node.text, node.size))
  out.core.unlisted, out.sized = not LISTED[node.text], true
  return out
end

return M
