-- Formulas in every format: read once, written as typst, as MathML, as TeX.

local lines = require("lines")
local parse = require("math_parse")
require("math_commands")
require("math_environments")
require("physics")
require("units")
require("chemistry")

local M = {}

-- What writes a tree, by its module's name: each is loaded by the first formula that needs it.
local function writer(name)
  return require(name).write
end

function M.quoted(s)
  return '"' .. s:gsub('[\\"]', "\\%0"):gsub("%s+", " ") .. '"'
end

-- What was read, { tree, fault } by its text: a paper is written in several formats. Writers leave trees as they are.
local read, count = {}, 0
local MANY = 4000 -- then all is forgotten: the worker of a session in which a paper is written lives for long

-- Returns the tree of a formula; or nil, and what is wrong: { at, stop, token, why }, offsets in bytes from 1.
function M.read(text)
  local known = read[text]
  if not known then
    local ok, result = pcall(parse.parse, text)
    if not ok and type(result) ~= "table" then
      error(result, 0)
    end
    if count >= MANY then
      read, count = {}, 0
    end
    known, count = ok and { result } or { nil, result }, count + 1
    read[text] = known
  end
  return known[1], known[2]
end

-- What a filter reports of a formula that cannot be read. `at` counts characters from 0.
function M.problem(text, fault)
  local before = fault.at > 1 and utf8.len(text, 1, math.min(fault.at, #text + 1) - 1, true) or 0
  return { kind = "math", text = text, detail = fault.why, token = fault.token, at = math.max(before, 0) }
end

-- What is said instead of a formula: words in papers in English, its TeX in others.
local function spoken(tree, text, lang)
  local english = (lang or "") == "" or lang:find("^en%f[%A]")
  local words = tree and english and writer("math_words")(tree) or ""
  return words ~= "" and words or (text:gsub("\\label%s*%b{}", ""):gsub("^%s+", ""):gsub("%s+$", ""))
end

function M.spoken(text, lang)
  return spoken(M.read(text), text, lang)
end

-- Returns the typst code of a formula, with its dollars; or nil, and what is wrong with it. In both cases then what is said instead of it.
function M.typst(text, display, lang)
  local tree, fault = M.read(text)
  if not tree then
    return nil, fault, spoken(nil, text, lang)
  end
  local inside = writer("math_typst")(tree, display)
  if inside:sub(-1) == "\\" then
    inside = inside .. " "
  end
  return display and "$ " .. inside .. " $" or "$" .. inside .. "$", nil, spoken(tree, text, lang)
end

-- Returns what stands inside a formula's <math> element; or nil, and what is wrong with it.
function M.mathml(text, display)
  local tree, fault = M.read(text)
  if not tree then
    return nil, fault
  end
  return writer("math_mathml")(tree, display)
end

-- Returns TeX for pandoc's own writers (OMML, MathML), in words that they know. What cannot be read stays as it is.
function M.plain_tex(text)
  local tree = M.read(text)
  return tree and writer("math_tex")(tree) or text
end

-- Returns the ids that \label gives inside a formula, and what \tag says (nil where it has none).
function M.labels(text)
  local line = lines.asked(text)
  return line.labels, line.tag
end

-- The letters and signs of a tree, one after the other.
local function characters(node)
  if node.text then
    return node.text
  end
  local out = {}
  for _, part in ipairs(node.pieces or node) do
    out[#out + 1] = characters(part)
  end
  for _, key in ipairs({ "base", "body", "sub", "sup" }) do
    out[#out + 1] = node[key] and characters(node[key]) or nil
  end
  return table.concat(out)
end

-- Returns what \tag says as text: its words, with the signs of formulas in them.
function M.tag_text(tag)
  local ok, pieces = pcall(function() return parse.words(parse.Parser.new(tag), tag) end)
  return ok and characters({ pieces = pieces }) or tag
end

M.lines = lines.lines

-- Returns TeX that LaTeX compiles with amsmath, amssymb and the packages of the second result (a sorted list).
function M.latex(text)
  return writer("math_latex")(text)
end

return M
