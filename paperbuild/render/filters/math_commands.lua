-- What commands of plain TeX, amsmath, amssymb and mathtools mean: each reads its arguments and returns a node of the tree.

local parse = require("math_parse")
local symbols = require("math_symbols")
local color = require("math_color")
require("math_text")

local commands, Parser = parse.commands, parse.Parser

local function define(names, command)
  for name in names:gmatch("%S+") do
    commands[name] = command
  end
end

-- Letters in another alphabet ---------------------------------------------------------------------------------------------

local ALPHABETS = {
  mathrm = "rm", mathnormal = "", mathit = "it", mathbf = "bf", mathsf = "sf", mathtt = "tt", mathcal = "cal", mathscr = "scr", mathbb = "bb",
  mathfrak = "frak", mathbbm = "bb", mathds = "bb", boldsymbol = "bi", bm = "bi", pmb = "bi", bold = "bf", symbf = "bf", symup = "rm", mathup = "rm",
  symrm = "rm", symbfit = "bi", mathbfit = "bi", Bbb = "bb", frak = "frak", mathbfcal = "bcal", mathbfsf = "bsf", vb = "bf", vectorbold = "bf",
  symbb = "bb", symcal = "cal", symscr = "scr", symfrak = "frak", symsf = "sf", symtt = "tt", symit = "it", EuScript = "cal",
}
-- What becomes of a letter that was bold already.
local BOLDER = { rm = "bf", bf = "bf", cal = "bcal", scr = "bcal", frak = "bfrak", sf = "bsf", it = "bi", bi = "bi" }
local WORDY = { rm = true, it = true, sf = true, tt = true }

local function combined(outer, inner)
  if inner == "" then
    return nil
  end
  return (outer == "bi" and inner ~= "bi") and BOLDER[inner] or (inner == "bi" and outer and outer ~= "it" and BOLDER[outer]) or inner
end

-- Letters that stand side by side in such an alphabet are a word.
local function joined_words(row, variant)
  if not WORDY[variant] then
    return row
  end
  local out = { t = "row", group = row.group }
  for _, node in ipairs(row) do
    local last = out[#out]
    if last and last.t == "id" and node.t == "id" and last.variant == variant and node.variant == variant then
      last.text = last.text .. node.text
    else
      out[#out + 1] = node
    end
  end
  return out
end

for name, variant in pairs(ALPHABETS) do
  commands[name] = function(parser)
    parser:star()
    local outer = parser.variant
    parser.variant = combined(outer, variant)
    local row = parser:argument()
    local own = parser.variant
    parser.variant = outer
    return joined_words(row, own)
  end
end

-- A switch reads all that it applies to: the rest of its group or cell.
local function rest_of(parser)
  local variant = parser.variant
  local row = parser:row()
  parser.variant = variant
  return row
end

for name, variant in pairs({ rm = "rm", bf = "bf", it = "it", cal = "cal", tt = "tt", sf = "sf", bfseries = "bf", boldmath = "bi", sl = "it", em = "it", mit = "" }) do
  commands[name] = function(parser)
    local outer = parser.variant
    parser.variant = combined(outer, variant)
    local row = parser:row()
    local own = parser.variant
    parser.variant = outer
    return joined_words(row, own)
  end
end

for name, style in pairs({ displaystyle = "display", textstyle = "text", scriptstyle = "script", scriptscriptstyle = "sscript" }) do
  commands[name] = function(parser) return { t = "style", style = style, body = rest_of(parser) } end
end

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
function commands.prescript(parser)
  local sup, sub = parser:argument(), parser:argument()
  return { t = "scripts", base = parser:argument(), presup = sup, presub = sub }
end

for name, arrow in pairs({
  xrightarrow = "→", xleftarrow = "←", xleftrightarrow = "↔", xRightarrow = "⇒", xLeftarrow = "⇐", xLeftrightarrow = "⇔", xmapsto = "↦",
  xhookrightarrow = "↪", xhookleftarrow = "↩", xrightharpoonup = "⇀", xrightharpoondown = "⇁", xleftharpoonup = "↼", xleftharpoondown = "↽",
  xrightleftharpoons = "⇌", xleftrightharpoons = "⇋", xlongequal = "=", xtwoheadrightarrow = "↠", xtwoheadleftarrow = "↞",
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

for i, size in ipairs({ "big", "Big", "bigg", "Bigg" }) do
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

-- Space, boxes and what is not seen ---------------------------------------------------------------------------------------

for name, em in pairs({ [","] = 3 / 18, thinspace = 3 / 18, [":"] = 4 / 18, [">"] = 4 / 18, medspace = 4 / 18, [";"] = 5 / 18, thickspace = 5 / 18,
  ["!"] = -3 / 18, negthinspace = -3 / 18, negmedspace = -4 / 18, negthickspace = -5 / 18, quad = 1, qquad = 2, [" "] = 0.25, enspace = 0.5,
  enskip = 0.5, space = 0.25, nobreakspace = 0.25, ["\n"] = 0.25 }) do
  commands[name] = function() return { t = "space", em = em } end
end

local UNITS = { em = 1, ex = 0.43, mu = 1 / 18, pt = 0.1, cm = 2.845, mm = 0.2845, ["in"] = 7.227, pc = 1.2, bp = 0.10037, sp = 0 }

local function length(parser, text, at)
  local number, unit = text:match("^%s*([%-+]?%s*[%d%.]*)%s*\\?(%a+)")
  number = tonumber(((number or ""):gsub("%s", ""))) or (number and number:gsub("%s", "") == "-" and -1) or 1
  local factor = UNITS[unit or ""] or (unit and ({ quad = 1, textwidth = 30, linewidth = 30 })[unit])
  if not factor then
    parser:fail("this is no length", at, text)
  end
  return number * factor
end

define("hspace mspace hskip", function(parser, _, name)
  parser:star()
  if name == "hskip" then
    local text, stop = parser.text:match("^%s*(%-?[%d%.]+%s*%a%a)()", parser.at)
    parser.at = stop or parser.at
    return { t = "space", em = text and length(parser, text, parser.at) or 0 }
  end
  local text, at = parser:raw()
  return { t = "space", em = length(parser, text, at) }
end)
define("kern mkern mskip", function(parser, _, name, at)
  local text, stop = parser.text:match("^%s*(%-?[%d%.]+%s*%a%a)()", parser.at)
  if not text then
    parser:fail("a length is missing behind it", at, "\\" .. name)
  end
  parser.at = stop
  return { t = "space", em = length(parser, text, at) }
end)

define("phantom hphantom vphantom", function(parser, _, name)
  return { t = "phantom", body = parser:argument(), keep = ({ h = "width", v = "height" })[name:sub(1, 1)] or "both" }
end)
define("smash mathclap mathllap mathrlap llap rlap clap", function(parser, _, name)
  parser:raw_option()
  return { t = "lap", body = parser:argument(), side = name:match("([lrc])lap$") or "smash" }
end)
define("boxed", function(parser) return { t = "boxed", body = parser:argument() } end)
define("fbox framebox", function(parser)
  local text, at = parser:raw()
  return { t = "boxed", words = true, body = { t = "row", { t = "text", pieces = parse.words(parser, text, at) } } }
end)
for name, kind in pairs({ cancel = "up", bcancel = "down", xcancel = "both", sout = "through" }) do
  commands[name] = function(parser) return { t = "cancel", kind = kind, body = parser:argument() } end
end
function commands.cancelto(parser)
  local to = parser:argument()
  return { t = "scripts", base = { t = "row", { t = "cancel", kind = "up", body = parser:argument() } }, sup = to }
end
function commands.rule(parser)
  parser:raw_option()
  local width, at = parser:raw()
  parser:raw()
  return { t = "space", em = length(parser, width, at) }
end

-- Colour ------------------------------------------------------------------------------------------------------------------

local function read_color(parser)
  local model = parser:raw_option()
  local name, at = parser:raw()
  local hex = color.hex(name, model)
  if not hex then
    parser:fail("this colour has no name here", at, name)
  end
  return hex
end

function commands.textcolor(parser)
  local hex = read_color(parser)
  return { t = "color", color = hex, body = parser:argument() }
end
commands.mathcolor = commands.textcolor
function commands.color(parser)
  local hex = read_color(parser)
  return { t = "color", color = hex, body = rest_of(parser) }
end
function commands.colorbox(parser)
  local hex = read_color(parser)
  local text, at = parser:raw()
  return { t = "color", behind = hex, body = { t = "row", { t = "text", pieces = parse.words(parser, text, at) } } }
end

-- Definitions inside a formula, and what says nothing ---------------------------------------------------------------------

local function definition(parser, _, name, at)
  parser:star()
  local target = parser:raw():match("\\(%a+)")
  if not target then
    parser:fail("a command's name is missing", at, "\\" .. name)
  end
  local count = tonumber(parser:raw_option() or "0") or 0
  local default = count > 0 and parser:raw_option() or nil
  parser.macros[target] = { count = count, default = default, text = (parser:raw()) }
  return true
end
define("newcommand renewcommand providecommand", definition)
define("def gdef", function(parser, _, name, at)
  local target = parser:take("\\(%a+)")
  local parameters = target and parser.text:match("^([#%d%s]*){", parser.at)
  if not parameters then
    parser:fail("a command's name is missing", at, "\\" .. name)
  end
  parser.at = parser.at + #parameters
  parser.macros[target] = { count = select(2, parameters:gsub("#%d", "")), text = (parser:raw()) }
  return true
end)

define("nonumber notag allowbreak nobreak relax strut mathstrut displaybreak noindent protect normalsize small scriptsize footnotesize tiny / null limitsfalse",
  function() return true end)
define("label", function(parser) parser:raw() return true end)
define("tag", function(parser) parser:star() parser:raw() return true end)
define("ensuremath mathlarger mathsmaller mathstrut text@", function(parser) return parser:argument() end)
function commands.mathstrut()
  return true
end
commands["("] = function(parser) return parser:formula("\\)") end
function commands.mathchoice(parser)
  local display = parser:argument()
  for _ = 1, 3 do
    parser:argument()
  end
  return display
end
function commands.unicode(parser)
  local code = parser:raw():match("^x(%x+)$")
  return code and parser:character(utf8.char(tonumber(code, 16))) or true
end
function commands.shortstack(parser)
  return commands.substack(parser)
end
function commands.backslash()
  return { t = "sym", text = "\\", class = "ord" }
end

-- `\perp \! \! \! \perp`, as independence is written.
function commands.perp(parser)
  local stop = parser.text:match("^%s*\\!%s*\\!%s*\\!*%s*\\!*%s*\\perp%f[%A]()", parser.at)
    or parser.text:match("^%s*\\mkern%s*%-?%d+%s*mu%s*\\perp%f[%A]()", parser.at)
  parser.at = stop or parser.at
  return { t = "sym", text = stop and "⫫" or "⟂", class = "rel" }
end

return commands
