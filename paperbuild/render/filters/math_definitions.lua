-- Definitions inside a formula, what says nothing there, and what belongs nowhere else.

local parse = require("math_parse")

local commands, define = parse.commands, parse.define

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

function commands.let(parser, _, name, at)
  local target, meaning = parser.text:match("^%s*\\(%a+)%s*=?%s*(\\%a+)", parser.at)
  if not target then
    parser:fail("a command's name is missing", at, "\\" .. name)
  end
  parser:take("\\%a+%s*=?%s*\\%a+")
  parser.macros[target] = { count = 0, text = meaning }
  return true
end

-- \DeclarePairedDelimiter{\abs}{\lvert}{\rvert}: \abs*{x} grows, \abs[\big]{x} has that size.
function commands.DeclarePairedDelimiter(parser, _, name, at)
  local target = parser:raw():match("\\(%a+)")
  if not target then
    parser:fail("a command's name is missing", at, "\\" .. name)
  end
  parser.macros[target] = { paired = { (parser:raw()), (parser:raw()) } }
  return true
end

-- \paireddelimiter{\lvert}{\rvert}{x}, which the macro becomes that a paper defines so in its head.
function commands.paireddelimiter(parser)
  return parser:paired((parser:raw()), (parser:raw()))
end

define([[nonumber notag allowbreak nobreak break pagebreak displaybreak relax noindent protect leavevmode xspace begingroup endgroup normalfont
  normalsize small scriptsize footnotesize tiny / null limitsfalse qedhere]], function() return true end)
define("strut mathstrut", function()
  return { t = "phantom", keep = "height", body = { t = "row", { t = "sym", text = "(", class = "ord" } } }
end)
define("label", function(parser) parser:raw() return true end)
define("tag", function(parser) parser:star() parser:raw() return true end)
define("ensuremath mathlarger mathsmaller vcenter", function(parser) return parser:argument() end)
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
  local text, at = parser.text, parser.at
  local behind = text:match("^%s*\\m?kern%s*%-[%d%.]+%s*%a%a()", at) or text:match("^%s*\\mspace%s*{%s*%-[^}]*}()", at) or at
  while text:find("^%s*\\!", behind) do
    behind = text:match("^%s*\\!()", behind)
  end
  local stop = behind > at and text:match("^%s*\\perp%f[%A]()", behind)
  parser.at = stop or at
  return { t = "sym", text = stop and "⫫" or "⟂", class = "rel" }
end

-- Cells of tables: over several columns, and dots in several.
function commands.multicolumn(parser)
  local count, at = parser:raw()
  local side = parser:raw():match("[lcr]")
  if not tonumber(count) or tonumber(count) < 1 or tonumber(count) > 99 then
    parser:fail("this is no number of columns", at, count)
  end
  return { t = "span", count = math.floor(tonumber(count)), side = side or "c", body = parser:argument() }
end
function commands.hdotsfor(parser)
  parser:raw_option()
  local count, at = parser:raw()
  if not tonumber(count) or tonumber(count) < 1 or tonumber(count) > 99 then
    parser:fail("this is no number of columns", at, count)
  end
  return { t = "dots", count = math.floor(tonumber(count)) }
end

return commands
