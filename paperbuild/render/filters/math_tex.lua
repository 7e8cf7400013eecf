-- The tree of a formula as TeX of the few words that pandoc's own writers know (for Word, for JATS).

local letters = require("math_letters")

local M = {}

local write = {}

local SPECIAL = { ["{"] = "\\{", ["}"] = "\\}", ["%"] = "\\%", ["#"] = "\\#", ["&"] = "\\&", ["_"] = "\\_", ["$"] = "\\$", ["\\"] = "\\backslash ",
  ["‖"] = "\\Vert ", ["−"] = "-", ["∗"] = "*", ["⟨"] = "\\langle ", ["⟩"] = "\\rangle ", ["⌈"] = "\\lceil ", ["⌉"] = "\\rceil ", ["⌊"] = "\\lfloor ",
  ["⌋"] = "\\rfloor ", ["…"] = "\\ldots ", ["⋯"] = "\\cdots ", ["⋮"] = "\\vdots ", ["⋱"] = "\\ddots ", ["∑"] = "\\sum ", ["∏"] = "\\prod ", ["∐"] = "\\coprod ",
  ["∫"] = "\\int ", ["∬"] = "\\iint ", ["∭"] = "\\iiint ", ["∮"] = "\\oint ", ["⋂"] = "\\bigcap ", ["⋃"] = "\\bigcup ", ["⨁"] = "\\bigoplus ", ["⨂"] = "\\bigotimes ",
  ["⋁"] = "\\bigvee ", ["⋀"] = "\\bigwedge ", ["′"] = "\\prime ", ["~"] = "\\sim ", ["⟦"] = "\\llbracket ", ["⟧"] = "\\rrbracket " }

local function sign(char)
  return SPECIAL[char] or char
end

local function all(row)
  local out = {}
  for i, node in ipairs(row) do
    out[i] = write[node.t](node)
  end
  return table.concat(out)
end

local function group(row)
  return "{" .. (row and all(row.t == "row" and row or { row }) or "") .. "}"
end

function write.row(node)
  return node.group and group(node) or all(node)
end

local ALPHABETS = { rm = "mathrm", bf = "mathbf", it = "mathit", bi = "boldsymbol", cal = "mathcal", scr = "mathscr", frak = "mathfrak", bb = "mathbb", sf = "mathsf",
  tt = "mathtt", bcal = "mathbfcal", bfrak = "mathbffrak", bsf = "mathbfsfup" }

function write.id(node)
  local command = ALPHABETS[node.variant or (utf8.len(node.text) > 1 and "rm" or "")]
  local text = node.text:gsub("[{}%%#&_$\\]", SPECIAL)
  return command and "\\" .. command .. "{" .. text .. "}" or text
end

function write.num(node)
  return node.variant == "bf" and "\\mathbf{" .. node.text .. "}" or letters.styled(node.text, node.variant)
end

local CLASSES = { ord = "mathord", op = "mathop", bin = "mathbin", rel = "mathrel", open = "mathopen", close = "mathclose", punct = "mathpunct", inner = "mathinner" }
local USUAL = { ["|"] = "ord", [","] = "punct", [";"] = "punct", [":"] = "rel" }

function write.sym(node)
  local out = sign(letters.styled(node.text, node.variant))
  local usual = USUAL[node.text]
  return usual and usual ~= node.class and "\\" .. CLASSES[node.class] .. "{" .. out .. "}" or out
end

local LIMITS = { always = "\\limits ", never = "\\nolimits " }

function write.big(node)
  return sign(node.text) .. (LIMITS[node.limits] or "")
end

function write.name(node)
  local body = node.text and node.text:gsub("\u{2009}", "\\,"):gsub(" ", "\\,") or all(node.body)
  return "\\operatorname" .. (node.limits and "*" or "") .. "{" .. body .. "}" .. (LIMITS[node.limits] or "")
end

local WORDS = { bi = "textbf", bf = "textbf", it = "textit", tt = "texttt", sf = "textsf" }

function write.text(node)
  local out = {}
  for i, piece in ipairs(node.pieces) do
    out[i] = piece.t and group(piece) or "\\" .. (WORDS[piece.style] or "text") .. "{" .. piece.text:gsub("[{}%%#&_$]", "\\%0") .. "}"
  end
  return table.concat(out)
end

function write.scripts(node)
  local before = (node.presup or node.presub) and "{}" .. (node.presub and "_" .. group(node.presub) or "") .. (node.presup and "^" .. group(node.presup) or "") or ""
  local base = node.base and write[node.base.t](node.base) or ""
  base = base == "" and "{}" or base
  return before .. base .. (node.sub and "_" .. group(node.sub) or "") .. (node.sup and "^" .. group(node.sup) or "")
end

function write.sideset(node)
  return "{}" .. all({ node.before or { t = "row" } }) .. write[node.base.t](node.base) .. (node.after and all({ node.after }) or "")
end

-- Fences that pandoc lets grow; the others stay as high as a letter.
local GROWING = { ["."] = true, ["/"] = true }
for _, code in utf8.codes("()[]{}|‖⟨⟩⌈⌉⌊⌋⟦⟧⌜⌝⌞⌟") do
  GROWING[utf8.char(code)] = true
end

-- Something between fences ("" for none) that grow with it.
local function fenced(open, inside, close)
  if open ~= "" and not GROWING[open] or close ~= "" and not GROWING[close] then
    return sign(open) .. inside .. sign(close)
  end
  return "\\left" .. (open == "" and "." or sign(open)) .. " " .. inside .. "\\right" .. (close == "" and "." or sign(close)) .. " "
end

local FRACTIONS = { display = "dfrac", text = "tfrac" }

function write.frac(node)
  local above, below = group(node.above), group(node.below)
  local out
  if node.line ~= false then
    out = "\\" .. (FRACTIONS[node.style] or "frac") .. above .. below
  elseif node.open == "(" and node.close == ")" then
    return "\\binom" .. above .. below
  else
    out = "\\begin{matrix}" .. above .. "\\\\" .. below .. "\\end{matrix}"
  end
  return node.open and fenced(node.open, out, node.close) or out
end

function write.root(node)
  return "\\sqrt" .. (node.index and "[" .. all(node.index) .. "]" or "") .. group(node.body)
end

local ACCENTS = { ["^"] = "hat", ["~"] = "tilde", ["¯"] = "bar", ["→"] = "vec", ["˙"] = "dot", ["¨"] = "ddot", ["⃛"] = "dddot", ["´"] = "acute", ["`"] = "grave",
  ["˘"] = "breve", ["ˇ"] = "check", ["˚"] = "mathring" }
local WIDE = { ["^"] = "widehat", ["~"] = "widetilde", ["→"] = "overrightarrow", ["←"] = "overleftarrow", ["↔"] = "overleftrightarrow" }

function write.accent(node)
  if node.under then
    return "\\underset{" .. sign(node.mark) .. "}" .. group(node.body)
  end
  local name = node.wide and WIDE[node.mark] or ACCENTS[node.mark]
  return name and "\\" .. name .. group(node.body) or "\\overset{" .. sign(node.mark) .. "}" .. group(node.body)
end

function write.line(node)
  return (node.under and "\\underline" or "\\overline") .. group(node.body)
end

function write.brace(node)
  local name = (node.under and "under" or "over") .. (node.which == "brace" and "brace" or node.which == "bracket" and "bracket" or "brace")
  return "\\" .. name .. group(node.body) .. (node.note and (node.under and "_" or "^") .. group(node.note) or "")
end

function write.stack(node)
  local out = group(node.base)
  out = node.above and "\\overset" .. group(node.above) .. out or out
  return node.below and "\\underset" .. group(node.below) .. "{" .. out .. "}" or out
end

function write.arrow(node)
  local out = "\\overset" .. group(node.above) .. "{" .. node.text .. "}"
  return node.below and #node.below > 0 and "\\underset" .. group(node.below) .. "{" .. out .. "}" or out
end

function write.fence(node)
  return fenced(node.open, all(node.body), node.close)
end

function write.middle(node)
  return sign(node.text)
end

local SIZES, SIDES = { "big", "Big", "bigg", "Bigg" }, { open = "l", close = "r" }

function write.delim(node)
  local out = sign(node.text)
  if GROWING[node.text] then
    out = "\\" .. SIZES[node.size] .. (SIDES[node.class] or "") .. out
  end
  return node.class == "rel" and "\\mathrel{" .. out .. "}" or out
end

function write.style(node)
  return group(node.body)
end
write.color, write.lap = write.style, write.style

function write.space(node)
  local eighteenths = math.floor(node.em * 18 + 0.5)
  local known = ({ [3] = "\\,", [4] = "\\:", [5] = "\\;", [-3] = "\\!", [18] = "\\quad ", [36] = "\\qquad " })[eighteenths]
  return known or node.em == 0 and "" or eighteenths > 10 and "\\quad " or eighteenths > 0 and "\\ " or "\\!"
end

function write.phantom(node)
  return "\\phantom" .. group(node.body)
end

function write.boxed(node)
  return "\\boxed" .. group(node.body)
end

local CANCELS = { up = "cancel", down = "bcancel", both = "xcancel", through = "cancel" }
function write.cancel(node)
  return "\\" .. CANCELS[node.kind] .. group(node.body)
end

write["class"] = function(node)
  return "\\" .. CLASSES[node.class] .. group(node.body)
end

local function environment(name, rows, argument)
  local out = {}
  for i, cells in ipairs(rows) do
    local line = {}
    for column, one in ipairs(cells) do
      line[column] = all(one)
    end
    out[i] = table.concat(line, " & ")
  end
  return "\\begin{" .. name .. "}" .. (argument or "") .. table.concat(out, " \\\\ ") .. "\\end{" .. name .. "}"
end

local MATRICES = { ["()"] = "pmatrix", ["[]"] = "bmatrix", ["{}"] = "Bmatrix", ["||"] = "vmatrix", ["‖‖"] = "Vmatrix" }

write["table"] = function(node)
  if node.kind == "cases" and node.open == "{" then
    return environment("cases", node.rows)
  elseif node.kind == "matrix" or node.kind == "cases" then
    local open, close = node.open or "", node.close or ""
    local columns = node.align and "{" .. table.concat(node.align) .. "}" or node.kind == "cases" and "{ll}" or nil
    if not columns and MATRICES[open .. close] then
      return environment(MATRICES[open .. close], node.rows)
    end
    local out = environment(columns and "array" or "matrix", node.rows, columns)
    return open == "" and close == "" and out or fenced(open, out, close)
  end
  local columns = false
  for _, cells in ipairs(node.rows) do
    columns = columns or #cells > 1
  end
  return environment(columns and "aligned" or "gathered", node.rows)
end

function M.write(tree)
  return all(tree)
end

return M
