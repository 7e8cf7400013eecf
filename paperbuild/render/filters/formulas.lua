-- TeX math to typst and MathML: what pandoc's converter refuses or gets silently wrong is rewritten before it, and mended after.
--
-- Typst code that no TeX stands for travels through the converter as one character of a private-use plane, which it hands on as it is.

local tex = require("tex")
local COMMON = require("commands")
local lines = require("lines")

local M = {}

local MARK = 0xF0000 -- supplementary private use: fifteen planes' worth of marks, and no font has glyphs there

-- \xrightarrow and its kin, by the typst symbol that stretches under what stands above it.
local ARROWS = {
  xrightarrow = "arrow.r", xleftarrow = "arrow.l", xleftrightarrow = "arrow.l.r", xRightarrow = "arrow.r.double",
  xLeftarrow = "arrow.l.double", xLeftrightarrow = "arrow.l.r.double", xmapsto = "arrow.r.bar", xhookrightarrow = "arrow.r.hook",
  xhookleftarrow = "arrow.l.hook",
}

local HTML = {
  textcolor = function(c) c:option() c:argument() local x = c:argument() return x and ("{" .. x .. "}") end,
  color = function(c) c:option() return c:argument() and "" end,
}
-- The MathML writer knows only the first two of these arrows; in MathML every arrow stretches by itself.
for name, arrow in pairs({
  xRightarrow = "\\Rightarrow", xLeftarrow = "\\Leftarrow", xLeftrightarrow = "\\Leftrightarrow", xmapsto = "\\mapsto",
  xhookrightarrow = "\\hookrightarrow", xhookleftarrow = "\\hookleftarrow",
}) do
  HTML[name] = function(c)
    local below, above = c:option(), c:argument()
    local over = above and "\\overset{" .. above .. "}{" .. arrow .. "}"
    return over and (below and "\\underset{" .. below .. "}{" .. over .. "}" or over)
  end
end
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
  for name, arrow in pairs(ARROWS) do
    rules[name] = function(c)
      local below, above = c:option(), c:argument()
      local shaft = above and marks:add("stretch(" .. arrow .. ", size: #(100% + .7em))")
      return shaft and (shaft .. "^{" .. above .. "}" .. (below and below:find("%S") and "_{" .. below .. "}" or ""))
    end
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

-- `1{,}234`: braces make an ordinary sign of a comma, without the space behind it. Both converters drop them, so `sign` stands for it;
-- what is set as text keeps its braces, which mean nothing there.
local function ordinary_signs(s, sign)
  local out, at = {}, 1
  for start, name, brace in s:gmatch("()\\(%a+)%s*(){") do
    local stop = start >= at and (name:find("^text") or name == "mbox" or name == "hbox") and tex.group_end(s, brace)
    if stop then
      out[#out + 1] = s:sub(at, start - 1):gsub("{([,;:])}", sign)
      out[#out + 1] = s:sub(start, stop - 1)
      at = stop
    end
  end
  out[#out + 1] = s:sub(at):gsub("{([,;:])}", sign)
  return table.concat(out)
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
  text = ordinary_signs(text, function(sign) return marks:add('class("normal", \\' .. sign .. ")") end)
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
  text = ordinary_signs(text, "\\mathord{%1}")
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

M.lines = lines.lines

-- Returns TeX for pandoc's own writers (OMML, MathML): words that they know, in one formula.
function M.plain_tex(text)
  local plain, as_lines = M.mathml_sources(text)
  local doc = pandoc.Pandoc({ pandoc.Plain({ pandoc.Math("DisplayMath", plain) }) })
  if as_lines and not pandoc.write(doc, "html", { html_math_method = "mathml" }):find("<math", 1, true) then
    return as_lines
  end
  return plain
end

-- Packages of LaTeX beyond amsmath and amssymb, by the commands that need them.
local PACKAGES = {
  bm = "bm", boldsymbol = "", cancel = "cancel", bcancel = "cancel", xcancel = "cancel", cancelto = "cancel", ce = "mhchem",
  SI = "siunitx", si = "siunitx", num = "siunitx", ang = "siunitx", SIrange = "siunitx", numrange = "siunitx", qtyrange = "siunitx",
  unit = "siunitx", mathbbm = "bbm", mathds = "dsfont", coloneqq = "mathtools", eqqcolon = "mathtools", prescript = "mathtools",
  xRightarrow = "mathtools", xLeftarrow = "mathtools", xLeftrightarrow = "mathtools", xleftrightarrow = "mathtools", xmapsto = "mathtools",
  xhookrightarrow = "mathtools", xhookleftarrow = "mathtools", dcases = "mathtools", rcases = "mathtools", mathrlap = "mathtools",
  llbracket = "stmaryrd", rrbracket = "stmaryrd", textcolor = "xcolor", color = "xcolor", nicefrac = "nicefrac", sfrac = "xfrac",
  oiint = "esint", oiiint = "esint", mathscr = "mathrsfs",
}

-- Commands of the physics package and ones that authors define themselves: written out, since that package changes what others mean.
local EXPANDED = {}
for name in ("abs norm bra ket braket ketbra ev expval dv pdv dd vb va vu ceil floor set argmin argmax Tr tr bold degree unicode"):gmatch("%a+") do
  EXPANDED[name] = COMMON[name]
end

-- Returns TeX that LaTeX compiles with amsmath, amssymb and the packages of the second result (a sorted list).
function M.latex(text)
  local needed, seen = {}, {}
  local written = tex.rewrite(text, EXPANDED)
  for name in written:gmatch("\\(%a+)") do
    local package = PACKAGES[name]
    if package and package ~= "" and not seen[package] then
      seen[package] = true
      needed[#needed + 1] = package
    end
  end
  for name in written:gmatch("\\begin%s*{(%a+)%*?}") do
    local package = PACKAGES[name]
    if package and not seen[package] then
      seen[package] = true
      needed[#needed + 1] = package
    end
  end
  if written:find("\\qty%s*{[^{}]*}%s*{") and not seen.siunitx then
    needed[#needed + 1] = "siunitx"
  end
  table.sort(needed)
  return written, needed
end

return M
