-- The tree of a formula as English words, for those who listen: "the sum from i equals 1 to n of x sub i".
--
-- What is short is said short ("x squared", "a over b"); what has parts is ended in words ("the fraction … end fraction"), so that
-- nobody has to guess what belongs to it.

local symbols = require("math_symbols")

local M = {}

local say = {} -- of a node, by its type
local TIGHT = "\6" -- takes the blanks around it away

-- Says the nodes of a row, one after the other. A function that nothing follows is no function of anything.
local function all(row)
  local out = {}
  for i, node in ipairs(row) do
    local words = say[node.t](node)
    if i == #row and (node.t == "name" or node.t == "big" or node.t == "scripts") then
      words = words:gsub(" of$", "")
    end
    if words ~= "" then
      out[#out + 1] = words
    end
  end
  return table.concat(out, " ")
end

-- What stands alone in a row, groups apart.
local function only(node)
  while node and node.t == "row" and #node == 1 do
    node = node[1]
  end
  return node
end

local SHORT = { id = true, num = true, sym = true, text = true, name = true }

-- Whether something is one word: no end has to be said.
local function is_short(node)
  local one = only(node)
  return one ~= nil and (SHORT[one.t] or one.t == "scripts" and SHORT[(only(one.base) or {}).t] and not one.sub) or false
end

local function part(node)
  local one = only(node)
  if one and one.t == "name" and one.text then -- alone, an index
    return one.text
  end
  return node and (node.t == "row" and all(node) or say[node.t](node)) or ""
end

-- Something that is ended in words where it has parts.
local function ended(before, node, name)
  return before .. " " .. part(node) .. (is_short(node) and "" or " end " .. name)
end

-- Letters and signs ---------------------------------------------------------------------------------------------------------

local ALPHABETS = { bf = "bold", bi = "bold", cal = "script", scr = "script", bb = "double-struck", frak = "fraktur", bcal = "bold script", bfrak = "bold fraktur" }
-- Sign, words ~ sign, words …
local SIGNS = {}
for char, words in (([[
  + plus ~ − minus ~ ± plus or minus ~ ∓ minus or plus ~ × times ~ ⋅ dot ~ · dot ~ ÷ divided by ~ / divided by ~ = equals ~
  ≠ is not equal to ~ ≈ is approximately ~ ≡ is equivalent to ~ ∼ tilde ~ ≃ is similar to ~ ≅ is congruent to ~ ∝ is proportional to ~
  < is less than ~ > is greater than ~ ≤ is at most ~ ≥ is at least ~ ≪ is much less than ~ ≫ is much greater than ~ ≔ is defined as ~
  ∈ in ~ ∉ not in ~ ∋ contains ~ ⊂ is a subset of ~ ⊆ is a subset of or equal to ~ ⊃ is a superset of ~ ⊇ is a superset of or equal to ~
  ∪ union ~ ∩ intersection ~ ∖ without ~ ∅ the empty set ~ ∧ and ~ ∨ or ~ ¬ not ~ ∀ for all ~ ∃ there exists ~ ∄ there exists no ~ → to ~
  ← gets ~ ↔ if and only if ~ ⇒ implies ~ ⇔ if and only if ~ ↦ maps to ~ ⇌ is in equilibrium with ~ ∣ given ~ | bar ~ ‖ double bar ~
  ∥ is parallel to ~ ⟂ is perpendicular to ~ ⫫ is independent of ~ ∞ infinity ~ ∂ partial ~ ∇ nabla ~ 𝛁 nabla ~ ℏ h bar ~ ℓ l ~
  ° degrees ~ ∘ of ~ ∗ star ~ ⋆ star ~ † dagger ~ ⊤ transpose ~ ⊥ perpendicular ~ ⊗ tensor ~ ⊕ direct sum ~ ⊙ dot ~ … and so on ~
  ⋯ and so on ~ ⋮ and so on ~ ⋱ and so on ~ : such that ~ , , ~ ; ; ~ . . ~ ! factorial ~ % percent ~ ( open paren ~ ) close paren ~
  [ open bracket ~ ] close bracket ~ { open brace ~ } close brace ~ ⟨ open angle ~ ⟩ close angle ~ ⌊ open floor ~ ⌋ close floor ~
  ⌈ open ceiling ~ ⌉ close ceiling ~ ∴ therefore ~ ∵ because ~ • dot ~
  ∤ does not divide ~ § section ~ ¶ paragraph ~ ⊢ proves ~ ⊨ models ~ ≺ precedes ~ ≻ succeeds ~ □ box
]]):gsub("%s+", " ") .. "~"):gmatch("(%S+) ([^~]+) ?~") do
  SIGNS[char] = words:gsub(" $", "")
end
for long, short in pairs({ ["⟶"] = "→", ["⟵"] = "←", ["⟹"] = "⇒", ["⟺"] = "⇔" }) do
  SIGNS[long] = SIGNS[short]
end
for char, negated in pairs(symbols.NEGATED) do
  local words = SIGNS[char]
  SIGNS[negated] = SIGNS[negated] or words and (words:find("^is ") and words:gsub("^is", "is not") or "not " .. words)
end
local BIG = { ["∑"] = "the sum", ["∏"] = "the product", ["∐"] = "the coproduct", ["∫"] = "the integral", ["∬"] = "the double integral",
  ["∭"] = "the triple integral", ["∮"] = "the contour integral", ["⋃"] = "the union", ["⋂"] = "the intersection", ["⨁"] = "the direct sum",
  ["⨂"] = "the tensor product", ["⋁"] = "the disjunction", ["⋀"] = "the conjunction" }
local NAMES = { sin = "sine", cos = "cosine", tan = "tangent", exp = "exponential", ln = "natural log", lim = "the limit", max = "the maximum",
  min = "the minimum", sup = "the supremum", inf = "the infimum", det = "determinant", dim = "dimension", Pr = "probability" }

-- Characters that have no words of their own by their name in TeX, which for letters is their name.
local function sign(char)
  return SIGNS[char] or (symbols.NAMES[char] and symbols.NAMES[char]:gsub("^var", "")) or char
end

function say.id(node)
  local name = utf8.len(node.text) == 1 and sign(node.text) or node.text
  return ALPHABETS[node.variant] and ALPHABETS[node.variant] .. " " .. name or name
end

function say.num(node)
  return (node.text:gsub("\u{2009}", ""))
end

function say.sym(node)
  return node.prime and ("prime "):rep(utf8.len(node.text) == 1 and 1 or 2):sub(1, -2) or sign(node.text)
end
say.middle = function(node) return sign(node.text) end
say.delim = function(node) return node.text == "" and "" or sign(node.text) end

function say.big(node)
  return (BIG[node.text] or sign(node.text)) .. " of"
end

local function name_of(node)
  local name = node.text and node.text:gsub("\u{2009}", " ") or part(node.body)
  return NAMES[name] or name
end

function say.name(node)
  return node.text == "arg" and "arg" or name_of(node) .. " of"
end

function say.text(node)
  local out = {}
  for i, piece in ipairs(node.pieces) do
    out[i] = piece.t and all(piece) or piece.text
  end
  return (table.concat(out, " "):gsub("[\u{a0}%s]+", " "):gsub("^ ", ""):gsub(" $", ""))
end

function say.space(node)
  return node.em >= 1 and "," or ""
end

-- Scripts and what stands above and below -------------------------------------------------------------------------------------

local POWERS = { ["2"] = "squared", ["3"] = "cubed" }
local MARKS = { ["′"] = "prime", ["″"] = "double prime", ["‴"] = "triple prime", ["⊤"] = "transpose", ["†"] = "dagger", ["∗"] = "star", ["∘"] = "degrees", ["+"] = "plus",
  ["−"] = "minus" }

local function power(sup)
  local first = only(sup)
  if first and first.t == "num" and POWERS[first.text] then
    return POWERS[first.text]
  elseif first and first.t == "sym" and MARKS[first.text] then
    return MARKS[first.text]
  elseif sup[1] and sup[1].prime then
    return MARKS[sup[1].text] .. " " .. power({ t = "row", table.unpack(sup, 2) })
  end
  return ended("to the power", sup, "power")
end

-- An operator with what it goes over: "the sum from i equals 1 to n of".
local function bounded(words, sub, sup)
  if sub and sup then
    return words .. " from " .. part(sub) .. " to " .. part(sup) .. " of"
  end
  return words .. (sub and " over " .. part(sub) or "") .. (sup and " to " .. part(sup) or "") .. " of"
end

function say.scripts(node)
  local base = only(node.base)
  if base and base.t == "big" then
    return bounded(BIG[base.text] or sign(base.text), node.sub, node.sup)
  elseif base and base.t == "name" and base.limits then
    local below = node.sub and part(node.sub)
    local limit = below and base.text and base.text:find("^lim")
    return name_of(base) .. (limit and " as " .. below:gsub(" to ", " approaches ") or below and " over " .. below or "") .. " of"
  elseif base and base.t == "name" then
    return name_of(base) .. (node.sub and " sub " .. part(node.sub) or "") .. (node.sup and " " .. power(node.sup) or "") .. " of"
  end
  local out = { node.presup and ended("superscript", node.presup, "superscript"), node.presub and ended("subscript", node.presub, "subscript"),
    node.base and part(node.base), node.sub and ended("sub", node.sub, "sub"), node.sup and #node.sup > 0 and power(node.sup) }
  local words = {}
  for i = 1, 5 do
    words[#words + 1] = out[i] and out[i] ~= "" and out[i] or nil
  end
  return table.concat(words, " ")
end
function say.sideset(node)
  return part(node.base)
end

local ACCENTS = { ["^"] = "hat", ["~"] = "tilde", ["¯"] = "bar", ["→"] = "vector", ["˙"] = "dot", ["¨"] = "double dot", ["ˇ"] = "check", ["˘"] = "breve", ["˚"] = "ring" }

function say.accent(node)
  return part(node.body) .. " " .. (ACCENTS[node.mark] or "with " .. sign(node.mark) .. (node.under and " below" or " above"))
end
function say.line(node)
  return part(node.body) .. (node.under and " underlined" or " bar")
end
function say.brace(node)
  local words = ended(node.under and "underbrace" or "overbrace", node.body, "brace")
  return node.note and words .. " labelled " .. part(node.note) or words
end
function say.stack(node)
  return part(node.base) .. (node.above and " with " .. part(node.above) .. " above" or "") .. (node.below and " with " .. part(node.below) .. " below" or "")
end
say.arrow = function(node)
  return "arrow" .. (#node.above > 0 and " with " .. all(node.above) .. " above" or "")
    .. (node.below and #node.below > 0 and " with " .. all(node.below) .. " below" or "")
end

-- Fractions, fences, tables ---------------------------------------------------------------------------------------------------

function say.frac(node)
  if node.line == false and node.open == "(" then
    return part(node.above) .. " choose " .. part(node.below)
  elseif is_short(node.above) and is_short(node.below) then
    return part(node.above) .. " over " .. part(node.below)
  end
  return "the fraction " .. part(node.above) .. " over " .. part(node.below) .. " end fraction"
end

function say.root(node)
  local index = node.index and part(node.index)
  return ended("the " .. (index == nil and "square root" or index == "3" and "cube root" or "root of order " .. index) .. " of", node.body, "root")
end

local FENCES = { ["||"] = "absolute value", ["‖‖"] = "norm", ["⌊⌋"] = "floor", ["⌈⌉"] = "ceiling" }
local MATRICES = { ["||"] = "determinant", ["‖‖"] = "norm of the matrix" }

function say.fence(node)
  local name = FENCES[node.open .. node.close]
  if name then
    return ended("the " .. name .. " of", node.body, name)
  end
  return ((node.open ~= "" and sign(node.open) .. " " or "") .. all(node.body) .. (node.close ~= "" and " " .. sign(node.close) or ""))
end

say["table"] = function(node)
  local lines = {}
  for i, cells in ipairs(node.rows) do
    local out = {}
    for _, cell in ipairs(cells) do
      local words = all(cell)
      out[#out + 1] = words ~= "" and words or nil
    end
    lines[i] = table.concat(out, (node.kind == "matrix" or node.kind == "cases") and ", " or " ")
  end
  if #lines == 1 then
    return lines[1]
  end
  local matrix = node.kind == "matrix"
  local kind = matrix and (MATRICES[(node.open or "") .. (node.close or "")] or "matrix") or node.kind == "cases" and "cases"
  local words = table.concat(lines, "; ")
  return kind and (matrix and "the " .. kind .. " with rows " or kind .. ": ") .. words .. "; end " .. kind or words
end

-- What only looks -------------------------------------------------------------------------------------------------------------

function say.row(node)
  local mark = node.group and #node == 1 and node[1].class == "punct" and node[1].text -- {,} in a number
  return mark and TIGHT .. mark .. TIGHT or all(node)
end
function say.style(node)
  return part(node.body)
end
say.color, say.class, say.lap, say.boxed = say.style, say.style, say.style, say.style
say.phantom = function() return "" end
say.cancel = function(node) return ended("crossed out", node.body, "crossed out") end

-- Returns the words.
function M.write(tree)
  return (all(tree):gsub(" *" .. TIGHT .. " *", ""):gsub("%s+([,;.])", "%1"):gsub("[,;]+([,;.])", "%1"):gsub("%s+", " "):gsub("^%s", ""))
end

return M
