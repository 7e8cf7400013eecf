-- Letters in other alphabets: commands with an argument, switches, and the styles of a formula.

local parse = require("math_parse")
local symbols = require("math_symbols")

local M = {}

local commands = parse.commands

local ALPHABETS = {
  mathrm = "rm", mathnormal = "", mathit = "it", mathbf = "bf", mathsf = "sf", mathtt = "tt", mathcal = "cal", mathscr = "scr", mathbb = "bb",
  mathfrak = "frak", mathbbm = "bb", mathds = "bb", boldsymbol = "bi", bm = "bi", pmb = "bi", bold = "bf", symbf = "bf", symup = "rm", mathup = "rm",
  symrm = "rm", symbfit = "bi", mathbfit = "bi", Bbb = "bb", frak = "frak", mathbfcal = "bcal", mathbfsf = "bsf", vb = "bf", vectorbold = "bf",
  symbb = "bb", symcal = "cal", symscr = "scr", symfrak = "frak", symsf = "sf", symtt = "tt", symit = "it", EuScript = "cal", mathpzc = "cal",
}
-- What becomes of a letter that was bold already.
local BOLDER = { rm = "bf", bf = "bf", cal = "bcal", scr = "bcal", frak = "bfrak", sf = "bsf", it = "bi", bi = "bi" }
M.WORDY = { rm = true, it = true, sf = true, tt = true }

local function combined(outer, inner)
  if inner == "" then
    return nil
  end
  return (outer == "bi" and inner ~= "bi") and BOLDER[inner] or (inner == "bi" and outer and outer ~= "it" and BOLDER[outer]) or inner
end

-- Letters that stand side by side in such an alphabet are a word.
function M.joined_words(row, variant)
  if not M.WORDY[variant] then
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
    if variant == "bi" and #row == 1 and row[1].t == "sym" then -- a bold sign is what the sign was
      return row[1]
    end
    return M.joined_words(row, own)
  end
end

for name, variant in pairs({ rm = "rm", bf = "bf", it = "it", cal = "cal", tt = "tt", sf = "sf", bfseries = "bf", boldmath = "bi", sl = "it", em = "it", mit = "" }) do
  commands[name] = function(parser)
    local outer = parser.variant
    parser.variant = combined(outer, variant)
    local row = parser:row()
    local own = parser.variant
    parser.variant = outer
    return M.joined_words(row, own)
  end
end

-- Upright Greek, as the upgreek package names it.
for name in ([[alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi omega varepsilon vartheta
  varpi varrho varsigma varphi Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega]]):gmatch("%a+") do
  commands[(name:find("^%u") and "Up" .. name:lower() or "up" .. name)] = function()
    return { t = "id", text = symbols.symbols[name].text, variant = "rm" }
  end
end

for name, style in pairs({ displaystyle = "display", textstyle = "text", scriptstyle = "script", scriptscriptstyle = "sscript" }) do
  commands[name] = function(parser) return { t = "style", style = style, body = parser:rest() } end
end

return M
