-- The tree of a formula as MathML Core: letters, signs, words; scripts, accents, stacks; fractions and roots; what changes how a part looks.
--
-- Whether an operator has its limits above and below is decided here, since what moves limits in MathML works on operators alone, not on
-- names. What the style sheet of the page adds has a class.

local letters = require("math_letters")
local rows = require("mathml_rows")
local fences = require("mathml_fences")
require("mathml_tables")

local M = {}

local write, plain, operator, wrap, finished = rows.write, rows.plain, rows.operator, rows.wrap, rows.finished
local escaped, space, row_of, inside, single, styled = rows.escaped, rows.space, rows.row, rows.inside, rows.single, rows.styled

-- Letters, signs, words ----------------------------------------------------------------------------------------------------

local BOLD = ' style="font-weight:bold"' -- for what has no bold letter in Unicode
local ROUND = "\u{FE01}" -- behind a script letter: the round one, not the calligraphic one

function write.id(node)
  local text, variant = node.text, node.variant
  if variant == "rm" or not variant then
    local upright = utf8.len(text) == 1 and (variant == "rm" or letters.is_capital_greek(text))
    return plain((upright and '<mi mathvariant="normal">' or "<mi>") .. escaped(text) .. "</mi>")
  elseif variant == "it" and utf8.len(text) == 1 then
    return plain("<mi>" .. text .. "</mi>")
  end
  local styled = letters.styled(text, variant)
  return plain("<mi>" .. escaped(styled) .. (variant == "scr" and styled ~= text and ROUND or "") .. "</mi>")
end

function write.num(node)
  return plain("<mn>" .. letters.styled(node.text, node.variant) .. "</mn>")
end

-- Ordinary signs that MathML takes for operators: its dictionary would give them space.
local BARE = {}
for _, code in utf8.codes("‖/\\.′″‴⁗‵!+−=<>±∓∗⋅×≡") do
  BARE[utf8.char(code)] = true
end

local function ordinary(char, node, look)
  if char == "|" or char == "‖" then
    return operator(char, node.class, "prefix", ' stretchy="false"')
  elseif node.prime then
    return plain("<mo>" .. char .. "</mo>", node.class)
  elseif BARE[char] then
    local slash = char == "/" or char == "\\"
    return plain('<mo lspace="0" rspace="0"' .. (slash and ' stretchy="false"' or "") .. look .. ">" .. escaped(char) .. "</mo>", node.class)
  end
  local upright = letters.is_capital_greek(char) and node.variant ~= "it" or char == "∇"
  return plain("<mi" .. (upright and ' mathvariant="normal"' or "") .. look .. ">" .. escaped(char) .. "</mi>", node.class)
end

function write.sym(node)
  local char, class = letters.styled(node.text, node.variant), node.class
  local look = node.variant == "bi" and char == node.text and BOLD or ""
  if class == "ord" or class == "inner" then
    return ordinary(char, node, look)
  elseif class == "open" then
    return operator(char, class, "prefix", ' stretchy="false"' .. look)
  elseif class == "close" then
    if char == "!" or char == "?" then
      return plain('<mo form="postfix" lspace="0" rspace="0">' .. char .. "</mo>", class)
    end
    return operator(char, class, "postfix", ' stretchy="false"' .. look)
  end
  -- TeX stretches no arrow and no bar by itself
  local stretches = char:find("^\xE2[\x86\x87\x9F]") or char == "|" or char == "∥" or char == "∣"
  return operator(char, class, nil, (stretches and ' stretchy="false"' or "") .. look)
end

function write.big(node, style)
  -- the style sheet draws what follows the lower limit of a slanted integral to it
  local class = node.integral and (style == "display" and ' class="integral large"' or ' class="integral"') or nil
  return operator(node.text, "op", "prefix", class)
end

function write.name(node, style)
  local out
  if node.text then
    out = plain((utf8.len(node.text) == 1 and '<mi mathvariant="normal">' or "<mi>") .. escaped(node.text) .. "</mi>", "op")
  else
    out = plain(row_of(node.body, style), "op")
  end
  out.name = true
  return out
end

local TEXT_STYLES = { bf = "font-weight:bold", it = "font-style:italic", bi = "font-weight:bold;font-style:italic", tt = "font-family:monospace", sf = "font-family:sans-serif", sc = "font-variant:small-caps" }

function write.text(node, style)
  local out = {}
  for i, piece in ipairs(node.pieces) do
    if piece.t then
      out[i] = row_of(piece, style == "script" and "script" or "text")
    else
      local look = TEXT_STYLES[piece.style]
      out[i] = "<mtext" .. (look and ' style="' .. look .. '"' or "") .. ">" .. escaped((piece.text:gsub(" ", "\u{a0}"))) .. "</mtext>"
    end
  end
  return plain(#out == 1 and out[1] or "<mrow>" .. table.concat(out) .. "</mrow>")
end

function write.space(node)
  if node.high then
    return plain('<mspace width="' .. rows.em(node.em * 18) .. '" height="' .. rows.em(node.high * 18) .. '" style="background:currentcolor"/>')
  end
  return plain(node.em == 0 and "" or space(node.em * 18), "space")
end

-- Scripts, accents, stacks -------------------------------------------------------------------------------------------------

-- Whether the scripts of a node stand above and below it; and whether they do so in every style.
local function has_limits(node, style)
  while node and node.t == "row" and #node == 1 do
    node = node[1]
  end
  if not node then
    return false
  elseif node.limits == "always" then
    return true, true
  elseif node.limits == "never" or style ~= "display" then
    return false
  end
  return (node.t == "big" and not node.integral) or ((node.t == "name" or node.t == "class") and node.limits) or node.t == "sideset"
end

local function around(base, style, sub, sup, tags)
  if base.sized then -- it would lose its size as what scripts cling to
    wrap(base, "<mrow>", "</mrow>").sized = nil
  end
  local below, above = sub and row_of(sub, style), sup and row_of(sup, style)
  local tag = below and above and tags[3] or below and tags[1] or tags[2]
  return wrap(base, "<" .. tag .. ">", (below or "") .. (above or "") .. "</" .. tag .. ">")
end

local UNDER_OVER, SUB_SUP = { "munder", "mover", "munderover" }, { "msub", "msup", "msubsup" }

local function script_or_nothing(script)
  return script and row_of(script, "script") or "<mrow></mrow>"
end

local function multiscripts(base, sub, sup, presub, presup)
  local behind = (sub or sup) and script_or_nothing(sub) .. script_or_nothing(sup) or ""
  return "<mmultiscripts>" .. base .. behind .. "<mprescripts/>" .. script_or_nothing(presub) .. script_or_nothing(presup) .. "</mmultiscripts>"
end

function write.scripts(node, style)
  local base = node.base and single(node.base, style) or plain("<mrow></mrow>")
  if base.left == "space" then
    base = plain(base.xml)
  end
  if node.presup or node.presub then
    return plain(multiscripts(finished(base), node.sub, node.sup, node.presub, node.presup))
  end
  local limits, always = has_limits(node.base, style)
  if always and base.core and style ~= "display" then
    base.head = base.head .. ' movablelimits="false"'
  end
  return around(base, "script", node.sub, node.sup, limits and UNDER_OVER or SUB_SUP)
end

function write.sideset(node, style)
  local before, after = node.before or {}, node.after or {}
  local base = single(node.base, style)
  if before.sub or before.sup then
    return plain(multiscripts(finished(base), after.sub, after.sup, before.sub, before.sup), "op")
  end
  return after.sub and around(base, "script", after.sub, after.sup, SUB_SUP) or after.sup and around(base, "script", nil, after.sup, SUB_SUP) or base
end

-- Signs that browsers set best: these sit where they should, and grow where they may.
local MARKS = { ["^"] = "\u{302}", ["~"] = "\u{303}", ["⃛"] = "…", ["⃜"] = "….", ["→"] = "\u{20D7}" }
local WIDE = { ["^"] = "\u{302}", ["~"] = "\u{2DC}", ["ˇ"] = "ˇ" }

function write.accent(node, style)
  local mark = (node.wide and WIDE or MARKS)[node.mark] or node.mark
  local tag = node.under and "munder" or "mover"
  local accent = node.under and ' accentunder="true"' or ' accent="true"'
  return plain("<" .. tag .. accent .. ">" .. row_of(node.body, style) .. '<mo stretchy="' .. tostring(node.wide == true) .. '">' .. mark .. "</mo></" .. tag .. ">")
end

-- A rule of its own: no browser stretches a bar over more than a few letters with every font.
function write.line(node, style)
  local side = node.under and "bottom" or "top"
  return plain('<mrow style="border-' .. side .. ":.05em solid;padding-" .. side .. ':.1em">' .. inside(node.body, style) .. "</mrow>")
end

local BRACES = { brace = { "⏞", "⏟" }, bracket = { "⎴", "⎵" }, paren = { "⏜", "⏝" } }

function write.brace(node, style)
  local tag = node.under and "munder" or "mover"
  local mark = BRACES[node.which][node.under and 2 or 1]
  local xml = "<" .. tag .. ">" .. row_of(node.body, style) .. '<mo stretchy="true">' .. mark .. "</mo></" .. tag .. ">"
  return plain(node.note and "<" .. tag .. ">" .. xml .. row_of(node.note, "script") .. "</" .. tag .. ">" or xml)
end

function write.stack(node, style)
  local class = node.class
  local base = around(single(node.base, style), "script", node.below, node.above, UNDER_OVER)
  base.left, base.right = class, class
  base.name = class == "op" or nil
  return base
end

function write.arrow(node)
  local pad = space(5)
  local function padded(row)
    return "<mrow>" .. pad .. inside(row, "script") .. pad .. "</mrow>"
  end
  local below = node.below and #node.below > 0 and padded(node.below)
  local tag = below and "munderover" or "mover"
  return wrap(operator(node.text, "rel", nil, ' stretchy="true"'), "<" .. tag .. ">", (below or "") .. padded(node.above) .. "</" .. tag .. ">")
end

-- Fractions and roots -----------------------------------------------------------------------------------------------------

local SMALLER = { display = "text", text = "script", script = "script" }

local function slanted(node)
  return plain("<mrow><msup><mrow></mrow>" .. row_of(node.above, "script") .. '</msup><mo lspace="0" rspace="0" stretchy="false">/</mo><msub><mrow></mrow>'
    .. row_of(node.below, "script") .. "</msub></mrow>")
end

function write.frac(node, style)
  if node.slanted then
    return slanted(node)
  end
  local own = node.style == "sscript" and "script" or node.style or style
  local inner = node.continued and "display" or SMALLER[own]
  local above, below = row_of(node.above, inner), row_of(node.below, inner)
  if node.continued then
    above, below = styled("display", above), styled("display", below)
  end
  local xml = (node.line == false and '<mfrac linethickness="0">' or "<mfrac>") .. above .. below .. "</mfrac>"
  if node.open then
    xml = fences.around(node.open, xml, node.close, fences.HIGH)
  end
  return plain(node.style and node.style ~= style and styled(node.style, xml) or xml)
end

function write.root(node, style)
  if node.index then
    return plain("<mroot>" .. row_of(node.body, style) .. row_of(node.index, "script") .. "</mroot>")
  end
  return plain("<msqrt>" .. inside(node.body, style) .. "</msqrt>")
end

-- What changes how a part looks -------------------------------------------------------------------------------------------

function write.style(node)
  return plain(styled(node.style, inside(node.body, node.style == "sscript" and "script" or node.style)))
end

function write.color(node, style)
  local attribute = node.behind and ' mathbackground="#' .. node.behind .. '" style="padding:.15em .25em"' or ' mathcolor="#' .. node.color .. '"'
  local only = single(node.body, style)
  if only.core then
    only.head = only.head .. attribute
    return only
  end
  return plain("<mstyle" .. attribute .. ">" .. inside(node.body, style) .. "</mstyle>")
end

local NO_SIZE = { width = '<mpadded height="0" depth="0">', height = '<mpadded width="0">' }

function write.phantom(node, style)
  local body = "<mphantom>" .. inside(node.body, style) .. "</mphantom>"
  return plain(NO_SIZE[node.keep] and NO_SIZE[node.keep] .. body .. "</mpadded>" or body)
end

local MOVED = { l = '<mrow style="transform:translateX(-100%)">', c = '<mrow style="transform:translateX(-50%)">', r = "<mrow>" }

function write.lap(node, style)
  if node.side == "smash" then
    return plain('<mpadded height="0" depth="0">' .. inside(node.body, style) .. "</mpadded>")
  end
  return plain('<mpadded width="0">' .. MOVED[node.side] .. inside(node.body, style) .. "</mrow></mpadded>")
end

function write.boxed(node, style)
  return plain('<mrow class="boxed">' .. inside(node.body, style) .. "</mrow>")
end

function write.cancel(node, style)
  return plain('<mrow class="cancel cancel-' .. node.kind .. '">' .. inside(node.body, style) .. "</mrow>")
end

write["class"] = function(node, style)
  local out = single(node.body, style)
  out = out.core and out or plain(out.xml)
  out.left, out.right = node.class, node.class
  out.name = node.class == "op" or nil
  return out
end

-- Returns the children of a <math> element.
function M.write(tree, display)
  return inside(tree, display and "display" or "text")
end

return M
