-- TeX math to typst and MathML: what pandoc's converter refuses or gets silently wrong is rewritten before it, and mended after.
--
-- Typst code that no TeX stands for travels through the converter as one character of a private-use plane, which it hands on as it is.

local tex = require("tex")

local M = {}

local MARK = 0xF0000 -- supplementary private use: fifteen planes' worth of marks, and no font has glyphs there

local function left_right(open, close)
  return function(c)
    c:star()
    local inner = c:argument()
    return inner and ("\\left" .. open .. " " .. inner .. "\\right" .. close .. " ")
  end
end

local function alias(text)
  return function()
    return text
  end
end

-- \name{x} → before x after
local function around(before, after)
  return function(c)
    c:star()
    local inner = c:argument()
    return inner and (before .. inner .. after)
  end
end

-- \dv[n]{f}{x} and its partial twin, from the physics package.
local function derivative(d)
  return function(c)
    c:star()
    local n = c:option()
    local first = c:argument()
    if not first then
      return nil
    end
    local save = c.at
    c:skip()
    local second = c.text:sub(c.at, c.at) == "{" and c:argument()
    if not second then
      c.at = save
      first, second = "", first
    end
    local power = n and ("^{" .. n .. "}") or ""
    return "\\frac{" .. d .. power .. " " .. first .. "}{" .. d .. " " .. second .. power .. "}"
  end
end

-- {\bf x}: the rest of the group is set so.
local function switch(command)
  return function(c)
    return "\\" .. command .. "{" .. c:rest() .. "}"
  end
end

-- mhchem, the part that papers use: atoms upright, digits after them lowered, charges raised, arrows.
local function chemistry(formula)
  local s = formula
  s = s:gsub("<=>", " \\rightleftharpoons "):gsub("<%->", " \\leftrightarrow "):gsub("%->", " \\rightarrow ")
  s = s:gsub("%^%b{}", function(g) return "\1" .. g:sub(3, -2) .. "\2" end)
  s = s:gsub("%^([%d]*[+-]?)", "\1%1\2")
  s = s:gsub("([%a%)%]])(%d+)", "%1_{%2}")
  s = s:gsub("([%a%)%]}])([+-])%f[%s\0]", "%1\1%2\2")
  s = s:gsub("\1", "^{"):gsub("\2", "}")
  s = s:gsub("(\\%a+)", "\3%1\3")
  local out = {}
  for part, word in (s .. "\3\3"):gmatch("([^\3]*)\3([^\3]*)\3") do
    out[#out + 1] = part:gsub("%a+", function(a) return "\\mathrm{" .. a .. "}" end)
    out[#out + 1] = word
  end
  return table.concat(out)
end

local function braket(c)
  c:star()
  local a = c:argument()
  if not a then
    return nil
  end
  local save = c.at
  local b = c.text:find("^%s*{", c.at) and c:argument()
  if not b then
    c.at = save
    return "\\left\\langle " .. a .. "\\right\\rangle "
  end
  return "\\left\\langle " .. a .. " | " .. b .. "\\right\\rangle "
end

local function quantity(c)
  c:star()
  local inner = c:parenthesis()
  if inner then
    return "\\left(" .. inner .. "\\right)"
  end
  local option = c:option()
  if option then
    return "\\left[" .. option .. "\\right]"
  end
  local save = c.at
  local value = c:argument()
  if value and c.text:find("^%s*{", c.at) then -- siunitx: \qty{3}{\m}
    return "\\SI{" .. value .. "}{" .. c:argument() .. "}"
  end
  c.at = save
  value = c:argument()
  return value and ("\\left\\{" .. value .. "\\right\\}")
end

-- \begin{…} and \end{…}: environments that say the same under another name.
local ENVIRONMENTS = {
  dcases = "cases", ["equation"] = "", ["equation*"] = "", displaymath = "", math = "", subequations = "",
  ["eqnarray"] = "aligned", ["eqnarray*"] = "aligned", ["align"] = "aligned", ["align*"] = "aligned", ["flalign"] = "aligned",
  ["flalign*"] = "aligned", ["multline"] = "gathered", ["multline*"] = "gathered", ["gather"] = "gathered", ["gather*"] = "gathered",
  ["alignat"] = "alignedat", ["alignat*"] = "alignedat", ["split"] = "aligned",
}

local RCASES = { begin = "\\left.\\begin{array}{ll}", ["end"] = "\\end{array}\\right\\}" }

local function environment(command)
  return function(c)
    local save = c.at
    local name = c:argument()
    if name == "rcases" then
      return RCASES[command]
    end
    local other = name and ENVIRONMENTS[name]
    if not other then
      c.at = save
      return nil
    end
    return other == "" and " " or ("\\" .. command .. "{" .. other .. "}")
  end
end

local function drop_arguments(count)
  return function(c)
    c:option()
    for _ = 1, count do
      c:argument()
    end
    return ""
  end
end

local function skip_length(c)
  local stop = c.text:match("^%s*%-?[%d%.]+%s*%a%a()", c.at)
  c.at = stop or c.at
  return stop and "\\," or ""
end

local function double_bracket(name, instead)
  return function(c)
    local stop = c.text:match("^%s*" .. name .. "()", c.at)
    if not stop then
      return nil
    end
    c.at = stop
    return instead
  end
end

-- The converter knows no large arrows and strokes; they grow by themselves or stay as they are.
local function plain_arrow(c)
  return c.text:find("^%s*\\backslash", c.at) and "" or c.text:find("^%s*\\%a*arrow", c.at) and "" or nil
end

local COMMON = {
  abs = left_right("|", "|"), norm = left_right("\\Vert", "\\Vert"), bra = left_right("\\langle", "|"), ket = left_right("|", "\\rangle"),
  ceil = left_right("\\lceil", "\\rceil"), floor = left_right("\\lfloor", "\\rfloor"), set = left_right("\\{", "\\}"),
  braket = braket, ev = left_right("\\langle", "\\rangle"), expval = left_right("\\langle", "\\rangle"), qty = quantity,
  dv = derivative("\\mathrm{d}"), pdv = derivative("\\partial"), dd = alias("\\mathrm{d}"),
  vb = around("\\mathbf{", "}"), va = around("\\vec{\\mathbf{", "}}"), vu = around("\\hat{\\mathbf{", "}}"),
  mathbbm = around("\\mathbb{", "}"), mathds = around("\\mathbb{", "}"), cfrac = alias("\\dfrac"), nicefrac = alias("\\tfrac"),
  sfrac = alias("\\tfrac"), dbinom = alias("\\binom"), tbinom = alias("\\binom"), degree = alias("°"),
  hphantom = alias("\\phantom"), vphantom = around("", ""), smash = around("{", "}"), mathstrut = alias(""), strut = alias(""),
  llbracket = alias("⟦"), rrbracket = alias("⟧"), lBrack = alias("⟦"), rBrack = alias("⟧"), middle = alias(""), AA = alias("Å"),
  nonumber = alias(""), notag = alias(""), allowbreak = alias(""), displaylimits = alias(""), nobreak = alias(""),
  begin = environment("begin"), ["end"] = environment("end"), mathlarger = around("", ""), ensuremath = around("", ""),
  Tr = alias("\\operatorname{Tr}"), tr = alias("\\operatorname{tr}"), argmin = alias("\\operatorname*{arg\\,min}"),
  argmax = alias("\\operatorname*{arg\\,max}"), bold = around("\\mathbf{", "}"), rm = switch("mathrm"), bf = switch("mathbf"),
  it = switch("mathit"), cal = switch("mathcal"), tt = switch("mathtt"), sf = switch("mathsf"), mathnormal = around("", ""),
  bigm = alias("\\big"), Bigm = alias("\\Big"), biggm = alias("\\bigg"), Biggm = alias("\\Bigg"),
  shortmid = alias("\\mid"), shortparallel = alias("\\parallel"), surd = alias("\\sqrt{\\,}"), circledS = alias("Ⓢ"), circleddash = alias("\\ominus"),
  S = alias("§"), P = alias("¶"), copyright = alias("©"), injlim = alias("\\operatorname*{inj\\,lim}"),
  projlim = alias("\\operatorname*{proj\\,lim}"), varlimsup = alias("\\overline{\\lim}"), varliminf = alias("\\underline{\\lim}"),
  textsuperscript = around("^{\\text{", "}}"), shortstack = alias("\\substack"), ["/"] = alias(""), rule = drop_arguments(2),
  kern = skip_length, mkern = skip_length, mskip = skip_length, hskip = skip_length,
  raisebox = function(c) c:argument() local x = c:argument() return x and "\\text{" .. x .. "}" end,
  href = function(c) c:argument() local x = c:argument() return x and "\\text{" .. x .. "}" end,
  ketbra = function(c)
    local a, b = c:argument(), c:argument()
    return b and "\\left|" .. a .. "\\right\\rangle\\left\\langle " .. b .. "\\right|"
  end,
  prescript = function(c)
    local up, down, base = c:argument(), c:argument(), c:argument()
    return base and "{}^{" .. up .. "}_{" .. down .. "}" .. base
  end,
  mathchoice = function(c)
    local display = c:argument()
    c:argument() c:argument() c:argument()
    return display
  end,
  xleftrightarrow = function(c) local x = c:argument() return x and "\\overset{" .. x .. "}{\\longleftrightarrow}" end,
  left = double_bracket("\\llbracket", "\\left[\\!\\left["), right = double_bracket("\\rrbracket", "\\right]\\!\\right]"),
  big = plain_arrow, Big = plain_arrow, bigg = plain_arrow, Bigg = plain_arrow,
  label = function(c) return c:argument() and "" end,
  tag = function(c) c:star() return c:argument() and "" end,
  ce = function(c) local inner = c:argument() return inner and chemistry(inner) end,
  unicode = function(c)
    local code = (c:argument() or ""):match("^x(%x+)$")
    return code and utf8.char(tonumber(code, 16))
  end,
  perp = function(c)
    local _, stop = c.text:find("^%s*\\!*%s*\\!*%s*\\!*%s*\\perp%f[%A]", c.at)
    if stop and c.text:find("\\!", c.at, true) then
      c.at = stop + 1
      return "⫫"
    end
  end,
  sideset = function(c)
    local before, after = c:argument(), c:argument()
    return after and ("{}" .. before .. "{") .. (c:argument() or "") .. "}" .. after
  end,
  SIrange = function(c)
    local a, b, unit = c:argument(), c:argument(), c:argument()
    return unit and ("\\SI{" .. a .. "}{" .. unit .. "}\\text{–}\\SI{" .. b .. "}{" .. unit .. "}")
  end,
}

local HTML = {
  textcolor = function(c) c:option() c:argument() local x = c:argument() return x and ("{" .. x .. "}") end,
  color = function(c) c:option() return c:argument() and "" end,
}
setmetatable(HTML, { __index = COMMON })

local function quoted(s)
  return '"' .. s:gsub('[\\"]', "\\%0"):gsub("%s+", " ") .. '"'
end
M.quoted = quoted

local COLORS = {}
for name in ("black gray silver white navy blue aqua teal purple fuchsia maroon red orange yellow olive green lime eastern"):gmatch("%a+") do
  COLORS[name] = name
end
COLORS.cyan, COLORS.magenta, COLORS.brown, COLORS.violet = "aqua", "fuchsia", "maroon", "purple"

local function typst_color(name)
  return COLORS[name] or (name:match("^%x%x%x%x%x%x$") and 'rgb("#' .. name .. '")')
end

-- The marks of one formula.
local Marks = {}
Marks.__index = Marks

function Marks:add(code)
  self[#self + 1] = code
  return utf8.char(MARK + #self)
end

function Marks:resolve(s)
  return (s:gsub("\xF3[\xB0-\xBF][\x80-\xBF][\x80-\xBF]", function(char)
    local n = utf8.codepoint(char) - MARK
    return self[n]
  end))
end

local DELIMITERS = { [""] = "#none", small = "#none", b = '"["', B = '"{"', v = '"|"', V = '"‖"' }

-- matrix environments and arrays all go through pmatrix, which alone keeps its shape; a mark says which delimiter it really has.
local function matrix(c, marks)
  local save = c.at
  local name = c:argument() or ""
  local kind = name:match("^(%a*)matrix%*?$")
  if kind and DELIMITERS[kind] and name ~= "pmatrix" then
    c:option()
    return "\\begin{pmatrix}" .. marks:add("\1" .. DELIMITERS[kind] .. "\2")
  end
  if name ~= "array" then
    c.at = save
    return nil
  end
  c:option()
  local columns = (c:argument() or ""):gsub("[@!>]%b{}", "")
  local rules, column, align = {}, 0, columns:match("[lcr]") or "c"
  for char in columns:gmatch("[lcr|]") do
    if char ~= "|" then
      column = column + 1
    elseif column > 0 then
      rules[#rules + 1] = tostring(column)
    end
  end
  return "\\begin{pmatrix}" .. marks:add("\1#none, align: #" .. ({ l = "left", c = "center", r = "right" })[align]
    .. "\3" .. table.concat(rules, ",") .. "\2")
end

local SPACES = { ["!"] = "#h(-0.167em)", [";"] = "#h(0.278em)", [":"] = "#h(0.222em)", [">"] = "#h(0.222em)" }

-- A double bar behind \left and its kin; nil where something else follows.
local function fence(c, instead)
  local stop = c.text:match("^%s*\\|()", c.at) or c.text:match("^%s*\\Vert%f[%A]()", c.at)
  if not stop then
    return nil
  end
  c.at = stop
  return instead
end

-- `\left. … \right|`, the bar of "evaluated at", which the converter leaves small.
local function evaluated(c, marks)
  local start = c.text:match("^%s*%.()", c.at)
  local at, depth = start, 1
  while at and depth > 0 do
    local i, name, stop = c.text:match("()\\(%a+)()", at)
    if not i then
      return nil
    end
    depth = depth + (name == "left" and 1 or name == "right" and -1 or 0)
    at = stop
    if depth == 0 then
      local after = c.text:match("^%s*|()", stop)
      if not after then
        return nil
      end
      c.at = after
      return marks:add(" lr(") .. "{" .. c.text:sub(start, i - 1) .. "}" .. marks:add(" |)")
    end
  end
  return nil
end

local function typst_rules(marks)
  local rules = {}
  for name, code in pairs(SPACES) do
    rules[name] = function() return marks:add(code) end
  end
  -- TeX's bars are ordinary symbols, typst's are relations with space around them
  local double = function() return marks:add('class("normal", bar.v.double)') end
  rules["|"], rules.Vert = double, double
  rules.left = function(c) return fence(c, "\\lVert ") or evaluated(c, marks) or COMMON.left(c) end
  rules.right = function(c) return fence(c, "\\rVert ") or COMMON.right(c) end
  for _, size in ipairs({ "big", "Big", "bigg", "Bigg" }) do
    for _, side in ipairs({ "", "l", "r", "m" }) do
      rules[size .. side] = function(c)
        local bars = fence(c, "\\" .. size .. "\\lVert ")
        return bars or (COMMON[size .. side] and COMMON[size .. side](c))
      end
    end
  end
  rules.begin = function(c) return COMMON.begin(c) or matrix(c, marks) end
  rules["end"] = function(c)
    local same = COMMON["end"](c)
    if same then
      return same
    end
    local save = c.at
    local name = c:argument() or ""
    if name == "array" or (name:match("^%a*matrix%*?$") and not name:match("^pmatrix$")) then
      return "\\end{pmatrix}"
    end
    c.at = save
  end
  rules.operatorname = function(c)
    if not c:star() then
      return nil
    end
    local name = c:argument()
    return name and ("\\operatorname{" .. marks:add("\4") .. name .. "}")
  end
  rules.hspace = function(c)
    c:star()
    local length = (c:argument() or ""):gsub("%s", "")
    local number, unit = length:match("^(-?[%d%.]+)(%a+)$")
    if unit == "ex" then
      number, unit = tostring(tonumber(number) * 0.43), "em"
    elseif unit == "mu" then
      number, unit = tostring(tonumber(number) / 18), "em"
    end
    return number and marks:add("#h(" .. number .. unit .. ")") or ""
  end
  rules.textcolor = function(c)
    c:option()
    local color, x = typst_color(c:argument() or ""), c:argument()
    return x and (color and "{" .. marks:add("#text(fill: " .. color .. ")[$") .. x .. marks:add("$]") .. "}" or "{" .. x .. "}")
  end
  rules.color = function(c)
    c:option()
    local color = typst_color(c:argument() or "")
    local x = c:rest()
    return color and marks:add("#text(fill: " .. color .. ")[$") .. x .. marks:add("$]") or x
  end
  return setmetatable(rules, { __index = COMMON })
end

-- Alignment points of several columns stand apart in TeX and touch in typst; so do the two columns of cases.
local function spread_columns(s)
  s = s:gsub("(\\begin{cases})(.-)(\\end{cases})", function(b, body, e)
    return b .. body:gsub("([^\\])&", "%1&\\quad "):gsub("^&", "&\\quad ") .. e
  end)
  return (s:gsub("(\\begin{aligned})(.-)(\\end{aligned})", function(b, body, e)
    if body:find("\\begin{", 1, true) then
      return nil
    end
    local n = 0
    body = body:gsub("(\\?)([&\\])", function(escape, char)
      if escape == "\\" then
        n = char == "\\" and 0 or n
        return nil
      elseif char == "&" then
        n = n + 1
        return n % 2 == 0 and "\\qquad &" or nil
      end
      return nil
    end)
    return b .. body .. e
  end))
end

local BIG = {
  ["\\("] = "paren.l", ["\\)"] = "paren.r", ["\\["] = "bracket.l", ["\\]"] = "bracket.r", ["["] = "bracket.l", ["]"] = "bracket.r",
  ["{"] = "brace.l", ["}"] = "brace.r", ["\\{"] = "brace.l", ["\\}"] = "brace.r", ["|"] = "bar.v", ["\\|"] = "bar.v",
  ["parallel"] = "bar.v.double", ["/"] = "slash", ["\\/"] = "slash", ["∥"] = "bar.v.double", ["divides"] = "bar.v",
}

-- Symbols that typst renamed after pandoc learned them.
local RENAMED = {
  ["times.circle"] = "times.o", ["dot.circle"] = "dot.o", ["minus.circle"] = "minus.o", ["plus.circle"] = "plus.o",
  ["times.circle.big"] = "times.o.big", ["dot.circle.big"] = "dot.o.big", ["sect"] = "inter", ["sect.big"] = "inter.big",
  ["sect.sq"] = "inter.sq", ["sect.double"] = "inter.double", ["sect.sq.big"] = "inter.sq.big", ["bracket.l.double"] = "bracket.l.stroked",
  ["bracket.r.double"] = "bracket.r.stroked", ["xor"] = "xor", ["diameter"] = "diameter",
}
M.RENAMED = RENAMED

local function rename_symbols(s)
  return (s:gsub('%f[%w"\\]("?)([%a][%a%.]*[%a])', function(quote, name)
    return quote == "" and RENAMED[name] or nil
  end))
end

local function mend_matrices(s)
  s = s:gsub("vec%(%s*\1([^\2]*)\2%s*", function(code)
    return "vec(delim: " .. code:match("^[^\3,]*") .. ", "
  end)
  return (s:gsub('mat%(delim: "%(",%s*\1([^\2]*)\2%s*', function(code)
    local delim, rules = code:match("^([^\3]*)\3(.*)$")
    if not delim then
      return "mat(delim: " .. code .. ", "
    end
    local augment = rules ~= "" and ", augment: #(vline: (" .. rules .. ",))" or ""
    return "mat(delim: " .. delim .. augment .. ", "
  end))
end

local function mend(s, marks)
  s = s:gsub("#scale%(x: (%d+)%%, y: %d+%%%)%[(.-[^\\]?)%]", function(size, inside)
    if inside == "\\" then
      return nil
    end
    return "lr(size: #" .. size .. "%, " .. (BIG[inside] or inside) .. ")"
  end)
  s = s:gsub("#scale%(x: (%d+)%%, y: %d+%%%)%[\\%]%]", "lr(size: #%1%%, bracket.r)")
  s = rename_symbols(s)
  s = marks:resolve(s)
  s = mend_matrices(s)
  s = s:gsub('"\4([^"]*)"', 'op("%1", limits: #true)')
  s = s:gsub("lr%(%](.-)%[%)", "lr(\\]%1\\[)"):gsub("dash%.circle", "minus.o")
  s = s:gsub("(%w)\\|", "%1 \\|"):gsub("\\|", 'class("normal", bar.v)')
  s = s:gsub("(%S)∥", "%1 ∥"):gsub("^∥(.*)∥$", "lr(∥ %1 ∥)")
  return (s:gsub("[\1-\4]", ""))
end

-- `{a \over b}`, which nothing but TeX itself reads.
local function fractions(s)
  return (s:gsub("{([^{}]*)\\over%f[%A]([^{}]*)}", "\\frac{%1}{%2}"))
end

-- Lines of a formula without an environment around them, as authors write between $$ and $$.
local function in_lines(text)
  if not text:find("\\\\", 1, true) then
    return nil
  end
  local environment = text:find("&", 1, true) and "aligned" or "gathered"
  return "\\begin{" .. environment .. "}" .. text .. "\\end{" .. environment .. "}"
end

local typst_of

-- Returns the typst code of a formula, with its dollars, or nil where it cannot be converted.
function M.typst(text, display)
  local lines = in_lines(text)
  return typst_of(text, display) or (lines and typst_of(lines, display))
end

typst_of = function(text, display)
  text = fractions(text)
  local marks = setmetatable({}, Marks)
  local source = spread_columns(tex.rewrite(text, typst_rules(marks)))
  source = source:gsub("\\hline", "")
  local node = pandoc.Math(display and "DisplayMath" or "InlineMath", source)
  local out = pandoc.write(pandoc.Pandoc({ pandoc.Plain({ node }) }), "typst", { wrap_text = "none" }):gsub("%s+$", "")
  if out:sub(1, 1) ~= "$" or out:sub(-1) ~= "$" or #out < 2 then
    return source:match("^%s*$") and "$$" or nil
  end
  out = mend(out, marks)
  -- the converter opens with a space for display and with none inline; what it wrote decides nothing here
  local inside = out:match("^%$%s*(.-)%s*%$$")
  if inside:sub(-1) == "\\" then
    inside = inside .. " "
  end
  return display and "$ " .. inside .. " $" or "$" .. inside .. "$"
end

-- Returns TeX for pandoc's HTML writer, and what to try where that is not understood (nil for nothing).
function M.mathml_sources(text)
  local lines = in_lines(text)
  return tex.rewrite(fractions(text), HTML), lines and tex.rewrite(fractions(lines), HTML)
end

-- Returns what the converter stumbles over in a formula that it refuses ("control sequence \\foo"); "" where it does not say.
function M.stumbling_block(text)
  local node = pandoc.Math("InlineMath", tex.rewrite(fractions(text), HTML))
  local messages = pandoc.log.silence(pandoc.write, pandoc.Pandoc({ pandoc.Plain({ node }) }), "typst")
  for _, message in ipairs(messages) do
    local found = tostring(message.message):match("unexpected ([^\n]+)")
    if found then
      return found
    end
  end
  return ""
end

-- Returns the ids that \label gives inside a formula, and what \tag says (nil where it has none).
function M.labels(text)
  local ids, tag = {}, nil
  tex.replace(text, {
    label = function(c) ids[#ids + 1] = c:argument() return "" end,
    tag = function(c) c:star() tag = c:argument() return "" end,
  })
  return ids, tag
end

return M
