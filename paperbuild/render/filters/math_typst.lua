-- The tree of a formula as typst's mathematics.

local letters = require("math_letters")
local symbols = require("math_symbols")
local nodes = require("typst_nodes")
local tables = require("math_typst_tables")

local M = {}

local write, joined, argument, apart, em = nodes.write, nodes.joined, nodes.argument, nodes.apart, nodes.em
local quoted, character, classed, fenced, TIGHT = nodes.quoted, nodes.character, nodes.classed, nodes.fenced, nodes.TIGHT

function write.row(node, style)
  local first = node[1]
  if node.group and not first then
    return TIGHT .. nodes.NOTHING
  elseif node.group and first.t == "sym" then
    if first.class == "bin" or (#node == 1 and first.class ~= "ord" and first.class ~= "inner") then -- a sign, with nothing before it in its group
      return classed("ord", character(first.text)) .. (#node > 1 and " " .. joined({ table.unpack(node, 2) }, style) or "")
    end
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

-- Signs to which typst (0.15, measured) gives another class than TeX does by their usual names.
local MISTAKEN = {}
for _, code in utf8.codes("|‖∇†‡\\⧫▴△▿▾◊★◯&⑊⊴⊲⊵⊳⫼϶∄?⋅.:][") do
  MISTAKEN[utf8.char(code)] = true
end
local RIGHT_IN = { ["⋅"] = "bin", [":"] = "rel", ["["] = "open", ["]"] = "close" } -- right in this class, wrong in others

local function is_usual(text, class)
  if MISTAKEN[text] then
    return RIGHT_IN[text] == class
  end
  local usual = symbols.characters[text]
  local of = usual and (usual.t == "id" and "ord" or usual.class) or class
  return of == class or of == "inner" and class == "ord"
end

local plain_signs = {} -- by class and character: what they are written as

local function plain_sign(text, class)
  local of_class = plain_signs[class]
  if not of_class then
    of_class = {}
    plain_signs[class] = of_class
  end
  local out = of_class[text]
  if not out then
    out = character(text)
    out = (class == "inner" or is_usual(text, class)) and out or classed(class, out)
    of_class[text] = out
  end
  return out
end

function write.sym(node)
  local text, variant = node.text, node.variant
  if node.prime then
    return character(text)
  elseif variant == "it" and letters.is_capital_greek(text) then
    return "italic(" .. text .. ")"
  end
  local styled = variant and letters.styled(text, variant) or text
  if variant == "bi" and styled == text then -- no bold one in Unicode: drawn with a stroke
    return classed(node.class, "text(stroke: #.03em, " .. character(text) .. ")")
  end
  return plain_sign(styled, node.class)
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

local STYLES = { bf = "bold(%s)", it = "italic(%s)", bi = "bold(italic(%s))", tt = "mono(%s)", sf = "sans(%s)" }

-- The font of formulas has no small capitals.
local function small_capitals(text)
  return (text:gsub("[^%l\x80-\xF4]+", function(large) return quoted(large) .. TIGHT end)
    :gsub("([%l\x80-\xF4]+)", function(small) return "#text(size: .8em, upper(" .. quoted(small) .. "))" .. TIGHT end))
end

function write.text(node)
  local out = {}
  for i, piece in ipairs(node.pieces) do
    if piece.t then
      out[i] = joined(piece, "text")
    elseif piece.style == "sc" then
      out[i] = small_capitals(piece.text)
    else
      local look = STYLES[piece.style]
      out[i] = look and '""' .. look:format((quoted(piece.text):gsub("%%", "%%%%"))) or quoted(piece.text)
    end
  end
  return TIGHT .. table.concat(out, TIGHT) .. TIGHT
end

local PLACES, NAMES = { "sup", "sub", "presup", "presub" }, { ", t: ", ", b: ", ", tl: ", ", bl: " }

function write.scripts(node, style)
  local base = node.base and argument(node.base, style) or '""'
  if node.base and (node.base.t == "scripts" or node.base.group and #node.base == 1 and node.base[1].t == "scripts") then
    base = classed("ord", base) -- or typst would set both scripts above each other
  end
  local out = "attach(" .. base
  for i = 1, 4 do
    local script = node[PLACES[i]]
    if script then
      out = out .. NAMES[i] .. argument(script, "script")
    end
  end
  return out .. ")"
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

local SMALLER = { display = "text", text = "script", script = "script" }
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
      out = fenced(node.open, out, node.close)
    end
  elseif node.open == "(" and node.close == ")" then
    out = "binom(" .. above .. ", " .. below .. ")"
  else
    out = "mat(delim: #none, row-gap: #.3em, " .. above .. "; " .. below .. ")"
    out = node.open and fenced(node.open, out, node.close) or out
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
  return (node.class == "rel" or node.class == "bin") and classed(node.class, out) or out
end

function write.arrow(node)
  local out = "attach(stretch(" .. character(node.text) .. ", size: #(100% + .7em)), t: " .. argument(node.above, "script")
  local below = node.below and write.row(node.below, "script") or ""
  return classed("rel", out .. (below:find("%S") and ", b: " .. below or "") .. ")")
end

function write.fence(node, style)
  return fenced(node.open, joined(node.body, style), node.close)
end

function write.middle(node)
  return node.text == "" and "" or classed("ord", "mid(" .. nodes.fence(node.text, "open") .. ")")
end

local HEIGHTS = { 1.2, 1.8, 2.4, 3.0 }

function write.delim(node)
  if node.text == "" then
    return ""
  end
  return classed(node.class, "lr(size: #" .. em(HEIGHTS[node.size]) .. ", " .. nodes.fence(node.text, "open") .. ")")
end

function write.style(node)
  local style = node.style == "sscript" and "script" or node.style
  return STYLED[node.style] .. "(" .. argument(node.body, style) .. ")"
end

-- A box around something that keeps its base line; it is as high as what is in it, and a little more.
local function box(look, white, body, style)
  return "#box(" .. look .. ", outset: (y: " .. white .. "), inset: (x: " .. white .. '), { set text(top-edge: "bounds", bottom-edge: "bounds"); set par(leading: 0pt); '
    .. apart(body, style) .. " })"
end

function write.color(node, style)
  if node.behind then
    return box('fill: rgb("#' .. node.behind .. '")', "2pt", node.body, style)
  end
  return 'text(fill: #rgb("#' .. node.color .. '"), ' .. argument(node.body, style) .. ")"
end

function write.space(node)
  if node.high then
    return "#box(width: " .. em(node.em) .. ", height: " .. em(node.high) .. ", fill: black)"
  end
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
  return box("stroke: .4pt", "3pt", node.body, style)
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
  return classed(node.class, body)
end

-- Returns the typst code of a tree, without dollars.
function M.write(tree, display)
  local only = #tree == 1 and tree[1]
  local out = display and only and only.t == "table" and tables.lines_of(only) or joined(tree, display and "display" or "text")
  return (out:gsub("[ ]*" .. TIGHT .. "[ ]*", ""))
end

return M
