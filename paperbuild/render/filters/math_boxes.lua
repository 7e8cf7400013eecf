-- Space, boxes, what is not seen, and colour.

local parse = require("math_parse")
local color = require("math_color")
require("math_text")

local commands = parse.commands
local define = parse.define

for name, em in pairs({ [","] = 3 / 18, thinspace = 3 / 18, [":"] = 4 / 18, [">"] = 4 / 18, medspace = 4 / 18, [";"] = 5 / 18, thickspace = 5 / 18,
  ["!"] = -3 / 18, negthinspace = -3 / 18, negmedspace = -4 / 18, negthickspace = -5 / 18, quad = 1, qquad = 2, [" "] = 0.25, enspace = 0.5,
  enskip = 0.5, space = 0.25, nobreakspace = 0.25, ["\n"] = 0.25 }) do
  commands[name] = function() return { t = "space", em = em } end
end

local LENGTHS = { quad = 1, textwidth = 30, linewidth = 30, nulldelimiterspace = 0.12, arraycolsep = 0.5 }
local UNITS = { em = 1, ex = 0.43, mu = 1 / 18, pt = 0.1, cm = 2.845, mm = 0.2845, ["in"] = 7.227, pc = 1.2, bp = 0.10037, sp = 0 }

local function length(parser, text, at)
  local number, unit = text:match("^%s*([%-+]?%s*[%d%.]*)%s*\\?(%a+)")
  number = tonumber(((number or ""):gsub("%s", ""))) or (number and number:gsub("%s", "") == "-" and -1) or 1
  local factor = UNITS[unit or ""] or LENGTHS[unit or ""]
  if not factor then
    parser:fail("this is no length", at, text)
  end
  return number * factor
end

define("hspace mspace", function(parser)
  parser:star()
  local text, at = parser:raw()
  return { t = "space", em = length(parser, text, at) }
end)

-- A length of TeX's, without braces; what it may stretch by is left out.
local function bare_length(parser, name, at)
  local text, stop = parser.text:match("^%s*(%-?%s*[%d%.]*%s*\\%a+)()", parser.at)
  if not text then
    text, stop = parser.text:match("^%s*(%-?[%d%.]+%s*%a%a)()", parser.at)
  end
  if not text then
    parser:fail("a length is missing behind it", at, "\\" .. name)
  end
  parser.at = parser.text:match("^%s*plus%s*[%d%.]+%s*%a+()", stop) or stop
  parser.at = parser.text:match("^%s*minus%s*[%d%.]+%s*%a+()", parser.at) or parser.at
  return length(parser, text, at)
end
define("kern mkern mskip hskip", function(parser, _, name, at) return { t = "space", em = bare_length(parser, name, at) } end)
define("vskip", function(parser, _, name, at) return bare_length(parser, name, at) and true end)
define("vspace setlength addtolength", function(parser, _, name)
  parser:star()
  parser:raw()
  if name ~= "vspace" then
    parser:raw()
  end
  return true
end)

define("phantom hphantom vphantom", function(parser, _, name)
  return { t = "phantom", body = parser:argument(), keep = ({ h = "width", v = "height" })[name:sub(1, 1)] or "both" }
end)
-- Reads an argument that is words.
local function words(parser)
  local text, at = parser:raw()
  return { t = "row", { t = "text", pieces = parse.words(parser, text, at) } }
end

define("smash mathclap mathllap mathrlap", function(parser, _, name)
  parser:raw_option()
  return { t = "lap", body = parser:argument(), side = name:match("([lrc])lap$") or "smash" }
end)
define("llap rlap clap", function(parser, _, name) return { t = "lap", body = words(parser), side = name:sub(1, 1) } end)
function commands.makebox(parser)
  local width = parser:raw_option()
  local side = parser:raw_option()
  local body = words(parser)
  return width and width:find("^%s*0%a*%s*$") and { t = "lap", body = body, side = side == "l" and "r" or side == "r" and "l" or "c" } or body
end
define("scalebox resizebox", function(parser, _, name) -- its size is that of what surrounds it
  parser:raw()
  parser:raw_option()
  if name == "resizebox" then
    parser:raw()
  end
  return words(parser)
end)
define("boxed", function(parser) return { t = "boxed", body = parser:argument() } end)
define("fbox framebox", function(parser)
  parser:raw_option()
  return { t = "boxed", body = words(parser) }
end)
define("slashed", function(parser) return { t = "cancel", kind = "up", body = parser:argument() } end)
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
  local height, height_at = parser:raw()
  local wide, high = length(parser, width, at), length(parser, height, height_at)
  return { t = "space", em = wide, high = wide > 0 and high > 0 and high or nil }
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
  return { t = "color", color = hex, body = parser:rest() }
end
function commands.colorbox(parser)
  local hex = read_color(parser)
  return { t = "color", behind = hex, body = words(parser) }
end
function commands.fcolorbox(parser)
  read_color(parser)
  return { t = "boxed", body = { t = "row", commands.colorbox(parser) } }
end
