-- What all writers of typst's mathematics share: nodes by their type, characters as typst takes them, fences.
--
-- Signs are written as characters (escaped, where typst would read more into them), never by typst's names, which change between versions.

local M = {}

-- From a node and a style ("display", "text", "script") to code, by the node's type. The other modules fill it.
local write = {}
M.write = write

-- Words and space do not get along in typst: a blank beside a string is printed. This mark takes the blanks around it away.
M.TIGHT = "\6"
-- Something ordinary of no width, beside which a sign is a binary one.
M.NOTHING = '""' .. M.TIGHT

function M.quoted(text)
  return '"' .. text:gsub('[\\"]', "\\%0") .. '"'
end

M.CLASSES = { ord = "normal", op = "large", bin = "binary", rel = "relation", open = "opening", close = "closing", punct = "punctuation", inner = "normal" }

-- Code in a class of TeX's.
function M.classed(class, code)
  return 'class("' .. M.CLASSES[class] .. '", ' .. code .. ")"
end

-- Fences beyond ASCII, which typst would pair by itself.
local PAIRED = {}
for _, code in utf8.codes("√⟨⟩⌈⌉⌊⌋⟦⟧⟪⟫⟮⟯⦇⦈⎰⎱⌜⌝⌞⌟") do
  PAIRED[utf8.char(code)] = true
end

function M.character(text)
  return PAIRED[text] and "\\" .. text or (text:gsub("[%p ]", function(char) return (char ~= "=" and char ~= "+") and "\\" .. char or nil end))
end

function M.joined(row, style)
  local out = {}
  for i, node in ipairs(row) do
    out[i] = write[node.t](node, style)
  end
  return table.concat(out, " ")
end

-- An argument of a function: never empty.
function M.argument(node, style)
  local out = write[node.t](node, style)
  return out:find("%S") and out or '""'
end

function M.em(length)
  return string.format("%.3gem", length)
end

-- Content that is laid out apart, in the style of what surrounds it.
function M.apart(node, style)
  local out = M.argument(node, style)
  return "$" .. (style == "display" and "display(" .. out .. ")" or style == "script" and "script(" .. out .. ")" or out) .. "$"
end

local FENCES = { ["|"] = "bar.v", ["‖"] = "bar.v.double", [""] = "" }

-- A fence on one side; arrows are none to typst by themselves.
local function fence(char, class)
  return FENCES[char] or char:find("^\xE2[\x86\x87]") and M.classed(class, char) or M.character(char)
end

-- Code between fences ("" for none) that grow with it.
function M.fenced(open, code, close)
  return "lr(" .. fence(open, "open") .. " " .. code .. " " .. fence(close, "close") .. ")"
end
M.fence = fence

return M
