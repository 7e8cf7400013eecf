-- siunitx: numbers and units (the package's manual, version 3, with its defaults).

local parse = require("math_parse")

local commands = parse.commands

local UNITS = {
  metre = "m", meter = "m", second = "s", gram = "g", kilogram = "kg", ampere = "A", kelvin = "K", mole = "mol", candela = "cd", radian = "rad",
  steradian = "sr", hertz = "Hz", newton = "N", pascal = "Pa", joule = "J", watt = "W", coulomb = "C", volt = "V", farad = "F", ohm = "Ω",
  siemens = "S", weber = "Wb", tesla = "T", henry = "H", lumen = "lm", lux = "lx", becquerel = "Bq", gray = "Gy", sievert = "Sv", katal = "kat",
  degreeCelsius = "°C", celsius = "°C", minute = "min", hour = "h", day = "d", degree = "°", arcminute = "′", arcsecond = "″", litre = "L",
  liter = "L", tonne = "t", electronvolt = "eV", dalton = "Da", atomicmassunit = "u", astronomicalunit = "au", bar = "bar", angstrom = "Å",
  hectare = "ha", neper = "Np", bel = "B", decibel = "dB", percent = "%", byte = "B", bit = "bit", barn = "b", knot = "kn", mmHg = "mmHg",
  micron = "µm", molar = "M", gauss = "G", parsec = "pc", lightyear = "ly", year = "yr", clight = "c", permille = "‰",
  -- abbreviations
  m = "m", s = "s", g = "g", kg = "kg", A = "A", K = "K", mol = "mol", Hz = "Hz", kHz = "kHz", MHz = "MHz", GHz = "GHz", THz = "THz", N = "N",
  kN = "kN", Pa = "Pa", kPa = "kPa", MPa = "MPa", GPa = "GPa", J = "J", kJ = "kJ", MJ = "MJ", W = "W", kW = "kW", MW = "MW", GW = "GW", mW = "mW",
  uW = "µW", nW = "nW", C = "C", V = "V", mV = "mV", kV = "kV", uV = "µV", F = "F", pF = "pF", nF = "nF", uF = "µF", T = "T", mT = "mT", H = "H",
  nm = "nm", um = "µm", mm = "mm", cm = "cm", dm = "dm", km = "km", pm = "pm", fm = "fm", ms = "ms", us = "µs", ns = "ns", ps = "ps", fs = "fs",
  mg = "mg", ug = "µg", ng = "ng", mA = "mA", uA = "µA", nA = "nA", kA = "kA", mK = "mK", eV = "eV", meV = "meV", keV = "keV", MeV = "MeV",
  GeV = "GeV", TeV = "TeV", L = "L", l = "l", ml = "ml", mL = "mL", ul = "µl", uL = "µL", mmol = "mmol", umol = "µmol", nmol = "nmol", dB = "dB", min = "min", h = "h", d = "d",
  kWh = "kWh", kcal = "kcal", degC = "°C",
}
local PREFIXES = {
  quecto = "q", ronto = "r", yocto = "y", zepto = "z", atto = "a", femto = "f", pico = "p", nano = "n", micro = "µ", milli = "m", centi = "c", deci = "d", deca = "da",
  deka = "da", hecto = "h", kilo = "k", mega = "M", giga = "G", tera = "T", peta = "P", exa = "E", zetta = "Z", yotta = "Y", kibi = "Ki", mebi = "Mi", gibi = "Gi", tebi = "Ti",
}
local POWERS = { squared = "2", cubed = "3" }

local function sym(text, class)
  return { t = "sym", text = text, class = class or "ord" }
end
local THIN = 3 / 18

local function upright(text)
  return { t = "id", text = text, variant = "rm" }
end

-- Digits in groups of three on both sides of the point, where there are five or more.
local function grouped(digits)
  local whole, point, part = digits:match("^(%d*)(%.?)(%d*)$")
  if #whole >= 5 then
    whole = whole:reverse():gsub("%d%d%d", "%0 "):reverse():gsub("^ ", "")
  end
  if #part >= 5 then
    part = part:gsub("%d%d%d", "%0 "):gsub(" $", "")
  end
  return (whole == "" and point ~= "" and "0" or whole) .. point .. part
end

local function number_node(digits)
  return { t = "num", text = (grouped(digits):gsub(" ", "\u{2009}")) }
end

-- Digits of an uncertainty, (2) behind 1.5, as a number: 0.2.
local function spelled_out(digits, uncertain)
  local part = digits:match("%.(%d*)$") or ""
  if uncertain:find("%.") or #part == 0 then
    return uncertain
  end
  uncertain = ("0"):rep(#part + 1 - #uncertain) .. uncertain
  return uncertain:sub(1, -#part - 1) .. "." .. uncertain:sub(-#part)
end

-- Adds the nodes of a number such as -1.5(2)e-3 or 4 +- 1.
local function add_number(parser, row, text, at, options)
  local s = text:gsub("%s", ""):gsub("\\pm", "+-"):gsub("±", "+-"):gsub("~", ""):gsub("−", "-"):gsub("(%d),(%d)", "%1.%2"):gsub("\\times10%^{?", "e"):gsub("[{}]", "")
  local mantissa, exponent = s:match("^(.-)[eEdD]([%+%-]?%d+)$")
  mantissa = mantissa or s
  local sign, digits, rest = mantissa:match("^([%+%-<>]*)([%d%.]*)(.*)$")
  if digits == "" and not exponent or not rest:match("^%(?[%d%.]*%)?$") and not rest:match("^%+%-[%d%.]+$") and not rest:match("^[x/]") then
    parser:fail("this is no number", at, text)
  end
  if options and options.separate and rest:find("^%(") then
    rest = "+-" .. spelled_out(digits, rest:match("[%d%.]+"))
  end
  local uncertain = rest:find("^%+%-") ~= nil
  for mark in sign:gmatch(".") do
    row[#row + 1] = sym(mark == "-" and "−" or mark, (mark == "<" or mark == ">") and "rel" or "ord")
  end
  local paired = uncertain and (exponent or row.unit)
  if paired then
    row[#row + 1] = sym("(", "open")
  end
  if digits ~= "" then
    row[#row + 1] = number_node(digits)
  end
  if uncertain then
    row[#row + 1] = sym("±", "bin")
    row[#row + 1] = number_node(rest:sub(3))
  elseif rest:find("^%(") then
    row[#row + 1] = sym("(", "open")
    row[#row + 1] = { t = "num", text = rest:match("[%d%.]+") }
    row[#row + 1] = sym(")", "close")
  elseif rest:find("^x") then
    row[#row + 1] = sym("×", "bin")
    add_number(parser, row, rest:sub(2), at, options)
  elseif rest:find("^/") then
    row[#row + 1] = sym("/")
    add_number(parser, row, rest:sub(2), at, options)
  end
  if paired then
    row[#row + 1] = sym(")", "close")
  end
  if exponent then
    if digits ~= "" then
      row[#row + 1] = sym("×", "bin")
    end
    local power = { t = "row" }
    if exponent:sub(1, 1) == "-" then
      power[1] = sym("−")
    end
    power[#power + 1] = { t = "num", text = exponent:match("%d+") }
    row[#row + 1] = { t = "scripts", base = { t = "num", text = "10" }, sup = power }
  end
end

local function powered(base, power)
  if not power or power == "1" then
    return base
  end
  local sup = { t = "row" }
  if power:sub(1, 1) == "-" then
    sup[1] = sym("−")
  end
  sup[#sup + 1] = { t = "num", text = power:match("[%d%.]+") }
  return { t = "scripts", base = base, sup = sup }
end

-- Options ------------------------------------------------------------------------------------------------------------------

-- Those that change nothing here.
local SILENT = { mode = true, ["table-format"] = true, ["group-minimum-digits"] = true, ["number-unit-product"] = true, ["reset-text-series"] = true,
  ["text-series-to-math"] = true, ["propagate-math-font"] = true, ["detect-all"] = true, ["detect-weight"] = true, ["detect-family"] = true }
local SLASHED = { symbol = true, fraction = true, ["repeated-symbol"] = true, ["single-symbol"] = true }

-- What a known option says about how something is written; false for one that is not known.
local function understood(key, value, options)
  if key == "per-mode" then
    options.slash = SLASHED[value] or false
  elseif key == "separate-uncertainty" or key == "uncertainty-mode" then
    options.separate = value == "true" or value == "" or value == "separate"
  elseif key == "range-phrase" then
    options.phrase = value:gsub("^{(.*)}$", "%1")
  elseif key == "range-units" or key == "list-units" then
    options.single = value == "single" or value == "bracket"
  else
    return SILENT[key] or false
  end
  return true
end

-- Reads the options of a command.
local function read_options(parser)
  local text, at = parser:raw_option()
  local options, i = {}, 1
  while text and i <= #text do
    i = text:find("%S", i) or #text + 1
    local key, behind = text:match("^([%a%-]+)%s*()", i)
    if not key then
      break
    end
    local value, stop = text:match("^=%s*(%b{})%s*()", behind)
    if not value then
      value, stop = text:match("^=%s*([^,]*)()", behind)
    end
    if not understood(key, (value or ""):gsub("%s+$", ""), options) then
      parser:fail("this option of siunitx changes what is shown, and is not known here", at + i - 1, key)
    end
    i = text:match("^%s*,?()", stop or behind)
  end
  return options
end

-- Units --------------------------------------------------------------------------------------------------------------------

-- Adds units to a row: each { base, power, per, apart }; `apart` where a sign stands before it. Those below a line come last, behind a slash,
-- or have negative powers.
local function add_units(row, units, slash)
  local above, below = {}, {}
  for _, unit in ipairs(units) do
    table.insert(slash and unit.per and below or above, unit)
  end
  local function add(list)
    for i, unit in ipairs(list) do
      row[#row + 1] = unit.dot and sym("⋅", "bin") or i > 1 and { t = "space", em = THIN } or nil
      local power = unit.power
      if unit.per and not slash then
        power = "-" .. (power or "1")
      end
      row[#row + 1] = powered(unit.base, power)
    end
  end
  add(#above == 0 and #below > 0 and { { base = { t = "num", text = "1" } } } or above)
  if #below > 0 then
    row[#row + 1] = sym("/")
    row[#row + 1] = #below > 1 and sym("(", "open") or nil
    add(below)
    row[#row + 1] = #below > 1 and sym(")", "close") or nil
  end
end

-- What \squared and its kin say to the unit before them, or to the one that follows. Returns where the text goes on; nil for no power.
local function read_power(state, name, text, i)
  local last = state[#state]
  if name == "square" or name == "cubic" then
    state.ahead = name == "square" and "2" or "3"
  elseif POWERS[name] and last then
    last.power = POWERS[name]
  elseif name == "tothe" or name == "raiseto" then
    local power, behind = text:match("^%s*{?(%-?[%d%.]+)}?()", i)
    if name == "raiseto" then
      state.ahead = power
    elseif last then
      last.power = power
    end
    return behind or i
  else
    return POWERS[name] and i or nil
  end
  return i
end

-- One command among units. Returns where the text goes on.
local function unit_command(parser, state, text, i, where)
  local name = text:match("^%a+", i + 1)
  local behind = i + 1 + #name
  local after_power = read_power(state, name, text, behind)
  if after_power then
    return after_power
  elseif PREFIXES[name] then
    state.prefix = PREFIXES[name]
  elseif name == "per" then
    state.per = true
  elseif name == "of" then
    local what, stop = text:match("^%s*(%b{})()", behind)
    local last = state[#state]
    if last and what then
      last.base = { t = "scripts", base = last.base, sub = { t = "row", upright(what:sub(2, -2)) } }
    end
    return stop or behind
  elseif UNITS[name] then
    state[#state + 1] = { base = upright(state.prefix .. UNITS[name]), power = state.ahead, per = state.per, dot = state.dot }
    state.prefix, state.per, state.ahead, state.dot = "", false, nil, nil
  elseif name == "cdot" or name == "times" then
    state.dot = true
  else
    parser:fail("unknown unit", where, "\\" .. name)
  end
  return behind
end

-- Units as macros: \kilo\gram\metre\per\second\squared, with letters among them.
local function add_macros(parser, row, text, at, slash)
  local i, state = 1, { prefix = "", per = false }
  while true do
    i = text:find("%S", i)
    if not i then
      break
    end
    local where = at and at + i - 1
    local power, after_power = text:match("^%^{?(%-?%d+)}?()", i)
    local letters = text:match("^[%aµΩ°%%]+", i)
    if text:find("^\\%a", i) then
      i = unit_command(parser, state, text, i, where)
    elseif power and state[#state] then
      state[#state].power, i = power, after_power
    elseif text:find("^[~%.,]", i) or text:find("^\\[,; ]", i) then
      i = i + (text:sub(i, i) == "\\" and 2 or 1)
    elseif letters then
      state[#state + 1] = { base = upright(state.prefix .. letters), per = state.per, dot = state.dot }
      state.prefix, state.per, state.dot, i = "", false, nil, i + #letters
    else
      parser:fail("this is no unit", where, text:sub(i))
    end
  end
  add_units(row, state, slash)
end

-- Units as letters: m.s^{-1}, kg/m^3.
local function add_letters(parser, row, text, at)
  local i, first = 1, true
  while i <= #text do
    local word, stop = text:match("^([%a%%°µμΩÅ\x80-\xF4]+)()", i)
    if word then
      local power, after = text:match("^%^{(%-?[%d%./]+)}()", stop)
      if not power then
        power, after = text:match("^%^(%-?%d)()", stop)
      end
      if not first then
        row[#row + 1] = { t = "space", em = THIN }
      end
      row[#row + 1] = powered(upright(word), power)
      i, first = after or stop, false
    elseif text:find("^[%s%.~]", i) then
      i = i + 1
    elseif text:find("^/", i) then
      row[#row + 1] = sym("/")
      i, first = i + 1, true
    elseif text:find("^1%f[%D]", i) then
      row[#row + 1] = { t = "num", text = "1" }
      i = i + 1
    elseif text:find("^[%(%)]", i) then
      local sign = text:sub(i, i)
      row[#row + 1] = sym(sign, sign == "(" and "open" or "close")
      i = i + 1
    else
      parser:fail("this is no unit", at and at + i - 1, text:sub(i))
    end
  end
end

local function add_unit(parser, row, text, at, options)
  if text:find("\\", 1, true) then
    add_macros(parser, row, text, at, options.slash)
  else
    add_letters(parser, row, text, at)
  end
end

local ANGLES = { ["°"] = true, ["′"] = true, ["″"] = true, ["\\degree"] = true, ["\\arcminute"] = true, ["\\arcsecond"] = true }

-- Adds a number with its unit, either { text, at }.
local function add_quantity(parser, row, number, unit, options)
  local out = { t = "row", unit = true }
  add_number(parser, out, number[1], number[2], options)
  if not ANGLES[unit[1]:gsub("%s", "")] then
    out[#out + 1] = { t = "space", em = THIN }
  end
  add_unit(parser, out, unit[1], unit[2], options)
  out.unit = nil
  row[#row + 1] = out
end

function commands.SI(parser)
  local options = read_options(parser)
  local row, number = { t = "row" }, { parser:raw() }
  parser:raw_option()
  local unit = { parser:raw() }
  if number[1]:find("%S") then
    add_quantity(parser, row, number, unit, options)
  else
    add_unit(parser, row, unit[1], unit[2], options)
  end
  return row
end

function commands.si(parser)
  local options = read_options(parser)
  local row, text, at = { t = "row" }, parser:raw()
  add_unit(parser, row, text, at, options)
  return row
end
commands.unit = commands.si

function commands.num(parser)
  local options = read_options(parser)
  local row, text, at = { t = "row" }, parser:raw()
  add_number(parser, row, text, at, options)
  return row
end

function commands.ang(parser)
  local options = read_options(parser)
  local text, at = parser:raw()
  local row, signs, n = { t = "row" }, { "°", "′", "″" }, 0
  for part in (text .. ";"):gmatch("([^;]*);") do
    n = n + 1
    if part:find("%S") and signs[n] then
      add_number(parser, row, part, at, options)
      row[#row + 1] = sym(signs[n])
    end
  end
  return row
end

-- Numbers, or quantities where `units`, with words between them: `between` gives the words behind the n-th of so many.
local function several(parser, numbers, units, options, between)
  local unit, row = units and { parser:raw() } or nil, { t = "row" }
  for i, number in ipairs(numbers) do
    if i > 1 then
      row[#row + 1] = between(i, #numbers)
    end
    if unit and (not options.single or i == #numbers) then
      add_quantity(parser, row, number, unit, options)
    else
      add_number(parser, row, number[1], number[2], options)
    end
  end
  return row
end

local function words(text)
  return { t = "text", pieces = { { text = text } } }
end

-- \SIrange{1}{2}{\m}, \numrange{1}{2}.
local function range(units)
  return function(parser)
    local options = read_options(parser)
    local numbers = { { parser:raw() }, { parser:raw() } }
    local phrase = options.phrase and parse.words(parser, options.phrase) or { { text = " to " } }
    return several(parser, numbers, units, options, function() return { t = "text", pieces = phrase } end)
  end
end
commands.SIrange, commands.qtyrange, commands.numrange = range(true), range(true), range(false)

-- \numlist{1;2;3}, \SIlist{1;2}{\m}, and \qtyproduct{2x3}{\m}.
local function list(units, mark)
  return function(parser)
    local options, numbers = read_options(parser), {}
    local text, at = parser:raw()
    for part in text:gmatch("[^" .. mark .. "]+") do
      numbers[#numbers + 1] = { part, at }
    end
    return several(parser, numbers, units, options, function(i, count)
      return mark == "x" and sym("×", "bin") or words(i < count and ", " or " and ")
    end)
  end
end
commands.numlist, commands.SIlist, commands.qtylist = list(false, ";"), list(true, ";"), list(true, ";")
commands.qtyproduct, commands.numproduct = list(true, "x"), list(false, "x")

-- Units outside of \SI, as some write them.
function commands.degreeCelsius()
  return upright("°C")
end

return commands
