-- Formulas in every format: read once, written as typst, as MathML, as TeX.

local lines = require("lines")
local parse = require("math_parse")
require("math_commands")
require("math_environments")
require("physics")
require("units")
require("chemistry")
local to_typst = require("math_typst")
local to_mathml = require("math_mathml")
local to_tex = require("math_tex")
local tex = require("tex")

local M = {}

function M.quoted(s)
  return '"' .. s:gsub('[\\"]', "\\%0"):gsub("%s+", " ") .. '"'
end

-- Returns the tree of a formula; or nil, and what is wrong: { at, stop, token, why }, offsets in bytes from 1.
function M.read(text)
  local ok, result = pcall(parse.parse, text)
  if ok then
    return result
  elseif type(result) ~= "table" then
    error(result, 0)
  end
  return nil, result
end

-- What a filter reports of a formula that cannot be read. `at` counts characters from 0.
function M.problem(text, fault)
  local before = fault.at > 1 and utf8.len(text, 1, math.min(fault.at, #text + 1) - 1, true) or 0
  return { kind = "math", text = text, detail = fault.why, token = fault.token, at = math.max(before, 0) }
end

-- Returns the typst code of a formula, with its dollars; or nil, and what is wrong with it.
function M.typst(text, display)
  local tree, fault = M.read(text)
  if not tree then
    return nil, fault
  end
  local inside = to_typst.write(tree, display)
  if inside:sub(-1) == "\\" then
    inside = inside .. " "
  end
  return display and "$ " .. inside .. " $" or "$" .. inside .. "$"
end

-- Returns what stands inside a formula's <math> element; or nil, and what is wrong with it.
function M.mathml(text, display)
  local tree, fault = M.read(text)
  if not tree then
    return nil, fault
  end
  return to_mathml.write(tree, display)
end

-- Returns TeX for pandoc's own writers (OMML, MathML), in words that they know. What cannot be read stays as it is.
function M.plain_tex(text)
  local tree = M.read(text)
  return tree and to_tex.write(tree) or text
end

-- Returns the ids that \label gives inside a formula, and what \tag says (nil where it has none).
function M.labels(text)
  local line = lines.asked(text)
  return line.labels, line.tag
end

M.lines = lines.lines

-- Packages of LaTeX beyond amsmath and amssymb, by the commands and environments that need them.
local PACKAGES = {}
for package, names in pairs({
  bm = "bm", cancel = "cancel bcancel xcancel cancelto", mhchem = "ce", siunitx = "SI si num ang SIrange numrange qtyrange unit", bbm = "mathbbm",
  dsfont = "mathds", xcolor = "textcolor color mathcolor colorbox", nicefrac = "nicefrac", xfrac = "sfrac", esint = "oiint oiiint fint",
  mathrsfs = "mathscr", stmaryrd = "llbracket rrbracket", textcomp = "degree",
  mathtools = [[coloneqq eqqcolon Coloneqq vcentcolon dblcolon prescript xRightarrow xLeftarrow xLeftrightarrow xleftrightarrow xmapsto xhookrightarrow
    xhookleftarrow xrightharpoonup xrightleftharpoons dcases rcases drcases mathrlap mathllap mathclap overbracket underbracket psmallmatrix bsmallmatrix multlined]],
}) do
  for name in names:gmatch("%a+") do
    PACKAGES[name] = package
  end
end

-- Commands of the physics package, which changes what those of others mean: written out.
local EXPANDED = {}
for name in ([[abs norm bra ket braket ketbra ev expval mel dv pdv fdv dd vb va vu ceil floor set grad curl laplacian comm acomm eval order mqty
  pmqty bmqty vmqty mdet qif qand qor qfor qwith qq degree unicode argmin argmax Tr tr rank diag sgn erf Var Cov]]):gmatch("%a+") do
  EXPANDED[name] = function(cursor)
    local inner = parse.Parser.new(cursor.text)
    inner.at = cursor.at - #name - 1
    local ok, node = pcall(inner.atom, inner, {})
    if not ok then
      return nil
    end
    cursor.at = inner.at
    return to_tex.write(node.t == "row" and not node.group and node or { t = "row", node })
  end
end

-- Returns TeX that LaTeX compiles with amsmath, amssymb and the packages of the second result (a sorted list).
function M.latex(text)
  local needed, seen = {}, {}
  local written = tex.replace(text, EXPANDED)
  local function need(package)
    if package and not seen[package] then
      seen[package] = true
      needed[#needed + 1] = package
    end
  end
  for name in written:gmatch("\\(%a+)") do
    need(PACKAGES[name])
  end
  for name in written:gmatch("\\begin%s*{(%a+)%*?}") do
    need(PACKAGES[name])
  end
  if written:find("\\qty%s*{[^{}]*}%s*{") then
    need("siunitx")
  end
  table.sort(needed)
  return written, needed
end

return M
