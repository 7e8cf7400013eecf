-- Letters of Unicode's block Mathematical Alphanumeric Symbols, by alphabet.

local M = {}

-- Where each alphabet starts: capitals, small letters, digits, capital and small Greek (nil for none).
local STARTS = {
  bf = { 0x1D400, 0x1D41A, 0x1D7CE, 0x1D6A8, 0x1D6C2 }, it = { 0x1D434, 0x1D44E, nil, 0x1D6E2, 0x1D6FC },
  bi = { 0x1D468, 0x1D482, 0x1D7CE, 0x1D71C, 0x1D736 }, cal = { 0x1D49C, 0x1D4B6 }, scr = { 0x1D49C, 0x1D4B6 }, bcal = { 0x1D4D0, 0x1D4EA },
  frak = { 0x1D504, 0x1D51E }, bfrak = { 0x1D56C, 0x1D586 }, bb = { 0x1D538, 0x1D552, 0x1D7D8 }, sf = { 0x1D5A0, 0x1D5BA, 0x1D7E2 },
  bsf = { 0x1D5D4, 0x1D5EE, 0x1D7EC }, tt = { 0x1D670, 0x1D68A, 0x1D7F6 },
}
-- Letters that Unicode had before that block.
local ELSEWHERE = {
  [0x1D455] = 0x210E, [0x1D49D] = 0x212C, [0x1D4A0] = 0x2130, [0x1D4A1] = 0x2131, [0x1D4A3] = 0x210B, [0x1D4A4] = 0x2110, [0x1D4A7] = 0x2112,
  [0x1D4A8] = 0x2133, [0x1D4AD] = 0x211B, [0x1D4BA] = 0x212F, [0x1D4BC] = 0x210A, [0x1D4C4] = 0x2134, [0x1D506] = 0x212D, [0x1D50B] = 0x210C,
  [0x1D50C] = 0x2111, [0x1D515] = 0x211C, [0x1D51D] = 0x2128, [0x1D53A] = 0x2102, [0x1D53F] = 0x210D, [0x1D545] = 0x2115, [0x1D547] = 0x2119,
  [0x1D548] = 0x211A, [0x1D549] = 0x211D, [0x1D551] = 0x2124,
}
local FINAL = { ["∂"] = 25, ["ϵ"] = 26, ["ϑ"] = 27, ["ϰ"] = 28, ["ϕ"] = 29, ["ϱ"] = 30, ["ϖ"] = 31 } -- after omega, counted from alpha
local BOLD_NABLA = { bf = "𝛁", bi = "𝜵" }

local function shifted(code, starts, variant)
  if code >= 0x41 and code <= 0x5A then
    return starts[1] and starts[1] + code - 0x41
  elseif code >= 0x61 and code <= 0x7A then
    return starts[2] and starts[2] + code - 0x61
  elseif code >= 0x30 and code <= 0x39 then
    return starts[3] and starts[3] + code - 0x30
  elseif code >= 0x391 and code <= 0x3A9 then
    return starts[4] and starts[4] + code - 0x391
  elseif code >= 0x3B1 and code <= 0x3C9 and variant ~= "bf" then -- TeX's \mathbf leaves small Greek as it is
    return starts[5] and starts[5] + code - 0x3B1
  end
  local last = FINAL[utf8.char(code)]
  return last and starts[5] and variant ~= "bf" and starts[5] + last
end

-- Returns `text` in the alphabet `variant`; a letter that the alphabet lacks stays as it is.
function M.styled(text, variant)
  local starts = STARTS[variant]
  if not starts then
    return text
  end
  local out = {}
  for _, code in utf8.codes(text) do
    local char = utf8.char(code)
    local new = shifted(code, starts, variant)
    out[#out + 1] = new and utf8.char(ELSEWHERE[new] or new) or (char == "∇" and BOLD_NABLA[variant]) or char
  end
  return table.concat(out)
end

function M.is_capital_greek(text)
  local code = utf8.len(text) == 1 and utf8.codepoint(text) or 0
  return code >= 0x391 and code <= 0x3A9
end

return M
