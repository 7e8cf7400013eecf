-- Colours as the xcolor package names and mixes them, as six hexadecimal digits.

local M = {}

-- The names that xcolor always knows (its manual, section 2.4), and the common ones of dvipsnames and svgnames.
local NAMED = {
  black = "000000", white = "FFFFFF", red = "FF0000", green = "00FF00", blue = "0000FF", cyan = "00FFFF", magenta = "FF00FF",
  yellow = "FFFF00", gray = "808080", grey = "808080", darkgray = "404040", lightgray = "BFBFBF", brown = "BF8040", lime = "BFFF00",
  olive = "808000", orange = "FF8000", pink = "FFBFBF", purple = "BF0040", teal = "008080", violet = "800080",
  navy = "000080", maroon = "800000", silver = "C0C0C0", aqua = "00FFFF", fuchsia = "FF00FF",
  Red = "ED1B23", Blue = "2D2F92", Green = "00A64F", Orange = "F58137", Purple = "99479B", Black = "221E1F", Gray = "949698",
  Cyan = "00AEEF", Magenta = "EC008C", Yellow = "FFF200", Brown = "792500", BrickRed = "B6321C", ForestGreen = "009B55",
  RoyalBlue = "0071BC", NavyBlue = "006EB8", Maroon = "AF3235", OliveGreen = "3C8031", Violet = "58429B", Teal = "00AEB3",
  Plum = "92268F", Salmon = "F69289", SkyBlue = "46C5DD", TealBlue = "00AEB3", MidnightBlue = "006795", Mahogany = "A9341F",
}

local function channels(hex)
  return tonumber(hex:sub(1, 2), 16), tonumber(hex:sub(3, 4), 16), tonumber(hex:sub(5, 6), 16)
end

local function hex(r, g, b)
  local function byte(x)
    return math.floor(math.max(0, math.min(255, x)) + 0.5)
  end
  return string.format("%02X%02X%02X", byte(r), byte(g), byte(b))
end

local MODELS = {
  rgb = function(a, b, c) return hex(a * 255, b * 255, c * 255) end,
  RGB = function(a, b, c) return hex(a, b, c) end,
  gray = function(a) return hex(a * 255, a * 255, a * 255) end,
  cmyk = function(c, m, y, k) return hex(255 * (1 - c) * (1 - k), 255 * (1 - m) * (1 - k), 255 * (1 - y) * (1 - k)) end,
}

-- Returns the colour that `name` means in `model` (nil: a name, or a mixture like "blue!50!black"), or nil where it means none.
function M.hex(name, model)
  name = name:gsub("%s", "")
  if model == "HTML" then
    return name:match("^%x%x%x%x%x%x$") and name:upper()
  elseif model then
    local numbers = {}
    for number in name:gmatch("[^,]+") do
      numbers[#numbers + 1] = tonumber(number)
    end
    local maker = MODELS[model]
    local wanted = model == "gray" and 1 or model == "cmyk" and 4 or 3
    return maker and #numbers == wanted and maker(table.unpack(numbers)) or nil
  end
  local parts = {}
  for part in name:gmatch("[^!]+") do
    parts[#parts + 1] = part
  end
  local color = NAMED[parts[1]] or (name:match("^#?%x%x%x%x%x%x$") and name:gsub("#", ""):upper()) or nil
  for i = 2, #parts, 2 do
    local share, other = tonumber(parts[i]), NAMED[parts[i + 1] or "white"]
    if not (color and share and other) then
      return nil
    end
    local r, g, b = channels(color)
    local x, y, z = channels(other)
    share = share / 100
    color = hex(r * share + x * (1 - share), g * share + y * (1 - share), b * share + z * (1 - share))
  end
  return color
end

return M
