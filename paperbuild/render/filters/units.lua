-- siunitx: numbers and units (the package's manual, version 3, with its defaults).

local parse = require("math_parse")

local commands, Parser = parse.commands, parse.Parser

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
    whole = whole:reverse():gsub("(%d%d%d)(%d)", "%1 %2")
    while whole:find("%d%d%d%d") do
      whole = whole:gsub("(%d%d%d)(%d)", "%1 %2")
    end
    whole = whole:reverse()
  end
  if #part >= 5 then
    part = part:gsub("(%d%d%d)(%d)", "%1 %2")
    while part:find("%d%d%d%d") do
      part = part:gsub("(%d%d%d)(%d)", "%1 %2")
    end
  end
  return (whole == "" and point ~= "" and "0" or whole) .. point .. part
end

local function number_node(digits)
  return { t = "num", text = (grouped(digits):gsub(" ", "\u{2009}")) }
end

-- Adds the nodes of a number such as -1.5(2)e-3 or 4 +- 1.
local function add_number(parser, row, text, at)
  local s = text:gsub("%s", ""):gsub("\\pm", "+-"):gsub("±", "+-"):gsub("~", ""):gsub("−", "-"):gsub("(%d),(%d)", "%1.%2"):gsub("\\times10%^{?", "e"):gsub("[{}]", "")
  local mantissa, exponent = s:match("^(.-)[eEdD]([%+%-]?%d+)$")
  mantissa = mantissa or s
  local sign, digits, rest = mantissa:match("^([%+%-<>]*)([%d%.]*)(.*)$")
  if digits == "" and not exponent or not rest:match("^%(?[%d%.]*%)?$") and not rest:match("^%+%-[%d%.]+$") and not rest:match("^[x/]") then
    parser:fail("this is no number", at, text)
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
    add_number(parser, row, rest:sub(2), at)
  elseif rest:find("^/") then
    row[#row + 1] = sym("/")
    add_number(parser, row, rest:sub(2), at)
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

-- Units as macros: \kilo\gram\metre\per\second\squared.
local function add_macros(parser, row, text, at)
  local i, prefix, per, ahead, first = 1, "", false, nil, true
  local last, slot
  while true do
    i = text:find("%S", i)
    if not i then
      break
    end
    local name = text:match("^\\(%a+)", i)
    local where = at and at + i - 1
    if not name then
      local power = text:match("^%^{?(%-?%d+)}?()", i)
      if power and last then
        row[slot] = powered(last, power)
        i = select(2, text:find("^%^{?%-?%d+}?", i)) + 1
      elseif text:find("^[~%.,]", i) or text:find("^\\[,; ]", i) then
        i = i + (text:sub(i, i) == "\\" and 2 or 1)
      else
        local letters = text:match("^[%aµΩ°%%]+", i)
        if not letters then
          parser:fail("this is no unit", where, text:sub(i))
        end
        name, i = letters, i + #letters
        if not first then
          row[#row + 1] = { t = "space", em = THIN }
        end
        first = false
        last = upright(prefix .. letters)
        row[#row + 1] = per and powered(last, "-1") or last
        slot, prefix, per = #row, "", false
      end
    else
      i = i + 1 + #name
      if PREFIXES[name] then
        prefix = PREFIXES[name]
      elseif name == "per" then
        per = true
      elseif name == "square" or name == "cubic" then
        ahead = name == "square" and "2" or "3"
      elseif POWERS[name] or name == "tothe" or name == "raiseto" then
        local power = POWERS[name]
        if not power then
          power, i = text:match("^%s*{?(%-?[%d%.]+)}?()", i)
        end
        if name == "raiseto" then
          ahead = power
        elseif last then
          local negative = row[slot].t == "scripts" and power:sub(1, 1) ~= "-"
          row[slot] = powered(last, (negative and "-" or "") .. power)
        end
      elseif name == "of" then
        local what = text:match("^%s*(%b{})", i)
        i = i + #(text:match("^%s*%b{}", i) or "")
        row[slot] = { t = "scripts", base = row[slot], sub = { t = "row", upright((what or ""):sub(2, -2)) } }
      elseif UNITS[name] then
        if not first then
          row[#row + 1] = { t = "space", em = THIN }
        end
        first = false
        last = upright(prefix .. UNITS[name])
        row[#row + 1] = powered(last, per and ("-" .. (ahead or "1")) or ahead)
        slot, prefix, per, ahead = #row, "", false, nil
      elseif name == "cdot" or name == "times" then
        row[#row + 1] = sym("⋅", "bin")
        first = true
      else
        parser:fail("unknown unit", where, "\\" .. name)
      end
    end
  end
end

-- Units as letters: m.s^{-1}, kg/m^3.
local function add_letters(parser, row, text, at)
  local i, first = 1, true
  while i <= #text do
    local word, stop = text:match("^([%a%%°µμΩÅ\x80-\xF4]+)()", i)
    if word then
      local power, after = text:match("^%^{?(%-?[%d%./]+)}?()", stop)
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

local function add_unit(parser, row, text, at)
  if text:find("\\", 1, true) then
    add_macros(parser, row, text, at)
  else
    add_letters(parser, row, text, at)
  end
end

local ANGLES = { ["°"] = true, ["′"] = true, ["″"] = true, ["\\degree"] = true, ["\\arcminute"] = true, ["\\arcsecond"] = true }

local function quantity(parser, number, at, unit, unit_at)
  local row = { t = "row", unit = true }
  add_number(parser, row, number, at)
  if not ANGLES[unit:gsub("%s", "")] then
    row[#row + 1] = { t = "space", em = THIN }
  end
  add_unit(parser, row, unit, unit_at)
  row.unit = nil
  return row
end

function commands.SI(parser)
  parser:raw_option()
  local number, at = parser:raw()
  parser:raw_option()
  local unit, unit_at = parser:raw()
  if not number:find("%S") then
    local row = { t = "row" }
    add_unit(parser, row, unit, unit_at)
    return row
  end
  return quantity(parser, number, at, unit, unit_at)
end

function commands.si(parser)
  parser:raw_option()
  local row = { t = "row" }
  add_unit(parser, row, parser:raw())
  return row
end
commands.unit = commands.si

function commands.num(parser)
  parser:raw_option()
  local row = { t = "row" }
  add_number(parser, row, parser:raw())
  return row
end

function commands.ang(parser)
  parser:raw_option()
  local text, at = parser:raw()
  local row, signs, n = { t = "row" }, { "°", "′", "″" }, 0
  for part in (text .. ";"):gmatch("([^;]*);") do
    n = n + 1
    if part:find("%S") and signs[n] then
      add_number(parser, row, part, at)
      row[#row + 1] = sym(signs[n])
    end
  end
  return row
end

-- \SIrange{1}{2}{\m}, \numrange{1}{2}.
local function range(units)
  return function(parser)
    parser:raw_option()
    local from, at = parser:raw()
    local to, at_to = parser:raw()
    local row = { t = "row" }
    local unit, unit_at = "", nil
    if units then
      unit, unit_at = parser:raw()
    end
    local function add(number, where)
      if units then
        row[#row + 1] = quantity(parser, number, where, unit, unit_at)
      else
        add_number(parser, row, number, where)
      end
    end
    add(from, at)
    row[#row + 1] = { t = "text", pieces = { { text = " to " } } }
    add(to, at_to)
    return row
  end
end
commands.SIrange, commands.qtyrange, commands.numrange = range(true), range(true), range(false)

-- Units outside of \SI, as some write them.
function commands.degreeCelsius()
  return upright("°C")
end

return commands
