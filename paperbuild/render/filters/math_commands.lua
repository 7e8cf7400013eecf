-- What commands of plain TeX, amsmath, amssymb and mathtools mean: each reads its arguments and returns a node of the tree.

local parse = require("math_parse")
local symbols = require("math_symbols")
local alphabets = require("math_alphabets")
require("math_boxes")
require("math_definitions")

local commands, define = parse.commands, parse.define
local joined_words, WORDY = alphabets.joined_words, alphabets.WORDY

-- Fractions and roots -----------------------------------------------------------------------------------------------------

local function fraction(fields)
  return function(parser)
    local node = { t = "frac", line = true }
    for key, value in pairs(fields) do
      node[key] = value
    end
    if fields.continued then
      parser:raw_option()
    end
    node.above = parser:argument()
    node.below = parser:argument()
    return node
  end
end

commands.frac = fraction({})
commands.dfrac = fraction({ style = "display" })
commands.tfrac = fraction({ style = "text" })
commands.cfrac = fraction({ style = "display", continued = true })
commands.nicefrac = fraction({ slanted = true })
commands.sfrac = fraction({ slanted = true })
commands.flatfrac = function(parser)
  local above, below = parser:argument(), parser:argument()
  above[#above + 1] = { t = "sym", text = "/", class = "ord" }
  return { t = "row", above, below }
end
commands.binom = fraction({ line = false, open = "(", close = ")" })
commands.dbinom = fraction({ line = false, open = "(", close = ")", style = "display" })
commands.tbinom = fraction({ line = false, open = "(", close = ")", style = "text" })

function commands.genfrac(parser)
  local function sign(row)
    return row[1] and row[1].text or ""
  end
  local open, close = sign(parser:argument()), sign(parser:argument())
  local thickness = parser:raw():gsub("%s", "")
  local style = ({ ["0"] = "display", ["1"] = "text", ["2"] = "script", ["3"] = "sscript" })[parser:raw():match("%d") or ""]
  local node = { t = "frac", line = not thickness:find("^0%a*$"), style = style, above = parser:argument(), below = parser:argument() }
  if open ~= "" or close ~= "" then
    node.open, node.close = open, close
  end
  return node
end

function commands.sqrt(parser)
  local index = parser:option()
  return { t = "root", index = index, body = parser:argument() }
end

function commands.root(parser)
  local from, to = parser.text:find("\\of%f[%A]", parser.at)
  if not from then
    parser:fail("\\of is missing behind it", parser.at - 5, "\\root")
  end
  local index = parser:piece(parser.text:sub(parser.at, from - 1), parser.at)
  parser.at = to + 1
  return { t = "root", index = index, body = parser:argument() }
end

-- Above and below ---------------------------------------------------------------------------------------------------------

for name, accent in pairs(symbols.ACCENTS) do
  commands[name] = function(parser)
    return { t = "accent", mark = accent[1], combining = accent[2], wide = accent[3], body = parser:argument() }
  end
end
for name, mark in pairs({ underrightarrow = "→", underleftarrow = "←", underleftrightarrow = "↔" }) do
  commands[name] = function(parser) return { t = "accent", mark = mark, combining = mark, wide = true, under = true, body = parser:argument() } end
end
function commands.utilde(parser)
  return { t = "accent", mark = "~", combining = "\u{330}", wide = true, under = true, body = parser:argument() }
end

define("overline widebar", function(parser) return { t = "line", body = parser:argument() } end)
function commands.underline(parser)
  return { t = "line", under = true, body = parser:argument() }
end
commands.underbar = commands.underline

for name, which in pairs({ overbrace = "brace", underbrace = "brace", overbracket = "bracket", underbracket = "bracket", overparen = "paren",
  underparen = "paren", overgroup = "paren", undergroup = "paren", wideparen = "paren" }) do
  local under = name:find("^under") ~= nil
  commands[name] = function(parser)
    parser:raw_option()
    parser:raw_option()
    local node = { t = "brace", which = which, under = under, body = parser:argument() }
    local mark = under and "_" or "^"
    parser:take("\\limits%f[%A]")
    if parser:peek() == mark then
      parser.at = parser.at + 1
      node.note = parser:argument()
    end
    return node
  end
end

local function core_class(row)
  local node = row
  while node and (node.t == "row" or node.t == "scripts" or node.t == "stack") do
    if node.t == "row" and #node ~= 1 then
      return "ord"
    end
    node = node.t == "row" and node[1] or node.base
  end
  return node and node.class or "ord"
end

local function stack(parser, above, below)
  local base = parser:argument()
  return { t = "stack", base = base, above = above, below = below, class = core_class(base) }
end

function commands.overset(parser)
  return stack(parser, parser:argument())
end
function commands.underset(parser)
  return stack(parser, nil, parser:argument())
end
function commands.overunderset(parser)
  local above = parser:argument()
  return stack(parser, above, parser:argument())
end
function commands.stackrel(parser)
  local below = parser:option()
  local node = stack(parser, parser:argument(), below)
  node.class = "rel"
  return node
end
function commands.buildrel(parser)
  local from, to = parser.text:find("\\over%f[%A]", parser.at)
  if not from then
    parser:fail("\\over is missing behind it", parser.at - 9, "\\buildrel")
  end
  local above = parser:piece(parser.text:sub(parser.at, from - 1), parser.at)
  parser.at = to + 1
  local node = stack(parser, above)
  node.class = "rel"
  return node
end
function commands.sideset(parser)
  local before, after = parser:argument(), parser:argument()
  local operator = parser:atom()
  return { t = "sideset", before = before[1], after = after[1], base = operator, class = "op" }
end
-- \tensor{T}{^a_b}: each index stands behind those before it, whether above or below.
local function staggered(parser, base)
  local text, at = parser:raw()
  local inner = parse.Parser.new(text, at - 1 + parser.offset)
  inner.variant, inner.macros, inner.depth = parser.variant, parser.macros, parser.depth + 1
  local row = base or { t = "row" }
  while inner:peek() ~= "" do
    local mark = inner:take("[%^_]")
    if not mark then
      inner:fail("an index begins with ^ or _")
    end
    local last = #row == 1 and base and row[1] or { t = "row" }
    if last == row[1] then
      row[1] = nil
    end
    row[#row + 1] = { t = "scripts", base = last, [mark == "^" and "sup" or "sub"] = inner:argument() }
  end
  return row
end
function commands.tensor(parser)
  return staggered(parser, parser:argument())
end
commands.indices = function(parser) return staggered(parser) end
function commands.underaccent(parser)
  local mark, at = parser:raw()
  local name = mark:match("^%s*\\?(%a+)%s*$") or ""
  local sign = symbols.ACCENTS[name] and symbols.ACCENTS[name][1] or (symbols.symbols[name] or symbols.characters[mark] or {}).text
  if not sign then
    parser:fail("this is no accent", at, mark)
  elseif name == "bar" then
    return { t = "line", under = true, body = parser:argument() }
  end
  return { t = "accent", mark = sign, combining = sign, under = true, body = parser:argument() }
end
function commands.prescript(parser)
  local sup, sub = parser:argument(), parser:argument()
  return { t = "scripts", base = parser:argument(), presup = sup, presub = sub }
end

for name, arrow in pairs({
  xrightarrow = "→", xleftarrow = "←", xleftrightarrow = "↔", xRightarrow = "⇒", xLeftarrow = "⇐", xLeftrightarrow = "⇔", xmapsto = "↦",
  xhookrightarrow = "↪", xhookleftarrow = "↩", xrightharpoonup = "⇀", xrightharpoondown = "⇁", xleftharpoonup = "↼", xleftharpoondown = "↽",
  xrightleftharpoons = "⇌", xleftrightharpoons = "⇋", xlongrightarrow = "→", xlongleftarrow = "←", xLongrightarrow = "⇒", xLongleftarrow = "⇐",
  xtofrom = "⇄", xlongequal = "=", xtwoheadrightarrow = "↠", xtwoheadleftarrow = "↞",
}) do
  commands[name] = function(parser)
    local below = parser:option()
    return { t = "arrow", text = arrow, above = parser:argument(), below = below, class = "rel" }
  end
end

define("limits nolimits displaylimits", function(parser, row, name, at)
  local node = row and row[#row]
  while node and node.t == "row" and #node == 1 do
    node = node[1]
  end
  node = node and node.t == "scripts" and node.base or node
  if not node or (node.t ~= "big" and node.t ~= "name" and node.class ~= "op") then
    parser:fail("there is no operator before it", at, "\\" .. name)
  end
  if name ~= "displaylimits" then
    node.limits = name == "limits" and "always" or "never"
  end
  return true
end)

-- Delimiters --------------------------------------------------------------------------------------------------------------

function commands.left(parser, _, _, at)
  local open = parser:delimiter()
  local variant = parser.variant
  parser.depth = parser.depth + 1
  local node = { t = "fence", open = open.text, body = { t = "row" }, class = "inner" }
  while true do
    local row = parser:row()
    table.move(row, 1, #row, #node.body + 1, node.body)
    if not parser:take("\\middle%f[%A]") then
      break
    end
    node.body[#node.body + 1] = { t = "middle", text = parser:delimiter().text }
  end
  parser.variant, parser.depth = variant, parser.depth - 1
  local behind = parser.at
  if not parser:take("\\right%f[%A]") then
    if parser.text:find("^&", behind) or parser.text:find("^\\\\", behind) then
      parser:fail("its \\right stands in another cell or line", at, "\\left")
    end
    parser:fail("its \\right is missing", at, "\\left")
  end
  node.close = parser:delimiter().text
  return node
end

local SIZES = { big = 1, Big = 2, bigg = 3, Bigg = 4 }

-- What a macro of \DeclarePairedDelimiter does: *{x} grows, [\big]{x} has that size, {x} is as high as a letter.
function parse.Parser:paired(open, close)
  local grows, size = self:star(), SIZES[(self:raw_option() or ""):match("\\(%a+)") or ""]
  local body = self:argument()
  local first, last = parse.Parser.new(open):delimiter(), parse.Parser.new(close):delimiter()
  if grows then
    return { t = "fence", open = first.text, body = body, close = last.text, class = "inner" }
  end
  local t = size and "delim" or "sym"
  return { t = "row", { t = t, text = first.text, size = size, class = "open" }, body, { t = t, text = last.text, size = size, class = "close" } }
end

for size, i in pairs(SIZES) do
  for side, class in pairs({ [""] = "ord", l = "open", r = "close", m = "rel" }) do
    commands[size .. side] = function(parser)
      local sign = parser:delimiter()
      return { t = "delim", text = sign.text, size = i, class = side == "" and sign.class ~= "rel" and "ord" or class }
    end
  end
end

-- Operators, classes, negation --------------------------------------------------------------------------------------------

-- The words of an operator's name, or nil where it is more than words.
local function name_of(row)
  local out = {}
  for _, node in ipairs(row) do
    local text = (node.t == "id" or node.t == "num" or node.t == "name") and node.text
    if node.t == "space" then
      text = node.em > 0 and "\u{2009}" or ""
    elseif node.t == "sym" and (node.text == "−" or node.text == "∗" or node.class == "ord") then
      text = node.text == "−" and "-" or node.text == "∗" and "*" or node.text
    elseif node.t == "row" then
      text = name_of(node)
    elseif node.t == "text" and #node.pieces == 1 then
      text = node.pieces[1].text
    end
    if not text or (node.t == "id" and node.variant and not WORDY[node.variant]) then
      return nil
    end
    out[#out + 1] = text
  end
  return table.concat(out)
end

local function operator(parser, limits)
  local variant = parser.variant
  parser.variant = "rm"
  local row = parser:argument()
  parser.variant = variant
  local name = name_of(row)
  return { t = "name", text = name, body = not name and joined_words(row, "rm") or nil, class = "op", limits = limits or nil }
end

function commands.operatorname(parser)
  return operator(parser, parser:star())
end
commands.operatornamewithlimits = function(parser) return operator(parser, true) end
commands.DeclareMathOperator = function(parser)
  local star = parser:star()
  local name = parser:raw():match("\\(%a+)")
  if not name then
    parser:fail("a command's name is missing")
  end
  parser.macros[name] = { count = 0, text = "\\operatorname" .. (star and "*" or "") .. "{" .. parser:raw() .. "}" }
  return true
end
for name, base in pairs({ varlimsup = "lim", varliminf = "lim", varinjlim = "lim", varprojlim = "lim" }) do
  commands[name] = function()
    local body = { t = "row", { t = "id", text = base, variant = "rm" } }
    local over = name == "varlimsup" and { t = "line", body = body } or name == "varliminf" and { t = "line", body = body, under = true }
    over = over or { t = "accent", mark = name == "varinjlim" and "→" or "←", combining = name == "varinjlim" and "→" or "←", wide = true, under = true, body = body }
    return { t = "name", body = { t = "row", over }, class = "op", limits = true }
  end
end

for name, class in pairs({ mathord = "ord", mathop = "op", mathbin = "bin", mathrel = "rel", mathopen = "open", mathclose = "close",
  mathpunct = "punct", mathinner = "inner" }) do
  commands[name] = function(parser) return { t = "class", class = class, body = parser:argument(), limits = class == "op" or nil } end
end

-- \not, and a bar through what has no negated character of its own.
local function negated(parser, _, _, at)
  local row = parser:argument()
  local node = row[1]
  if #row ~= 1 or not node.text then
    parser:fail("it has nothing to negate", at, "\\not")
  end
  local new = parse.copy(node)
  new.text = symbols.NEGATED[node.text] or (node.text .. "\u{338}")
  return new
end
commands["not"] = negated

-- The dots' height follows what stands behind them.
function commands.dots(parser)
  local save = parser.at
  parser:skip()
  local name = parser.text:match("^\\(%a+)", parser.at)
  local char = parser.text:match("^" .. utf8.charpattern, parser.at)
  parser.at = save
  local node = name and symbols.symbols[name] or symbols.characters[char or ""]
  local raised = node and (node.class == "bin" or node.class == "rel" or node.t == "big")
  return { t = "sym", text = raised and "⋯" or "…", class = "inner" }
end

function commands.bmod()
  return { t = "class", class = "bin", body = { t = "row", { t = "id", text = "mod", variant = "rm" } } }
end
local function modulo(word, open)
  return function(parser)
    local body = parser:argument()
    local row = { t = "row", { t = "space", em = open and 1 or 0.8 } }
    if open then
      row[#row + 1] = { t = "sym", text = "(", class = "open" }
    end
    if word then
      row[#row + 1] = { t = "id", text = "mod", variant = "rm" }
      row[#row + 1] = { t = "space", em = 0.333 }
    end
    table.move(body, 1, #body, #row + 1, row)
    if open then
      row[#row + 1] = { t = "sym", text = ")", class = "close" }
    end
    return row
  end
end
commands.pmod, commands.mod, commands.pod = modulo(true, true), modulo(true, false), modulo(false, true)

return commands
