-- Signs of Unicode in formulas, for LaTeX: pdfLaTeX knows commands only.

local symbols = require("math_symbols")
local tex = require("tex")

local M = {}

-- What no usual package has a name for, or another one than the reader of formulas has.
local COMMANDS = {
  ["−"] = "-", ["∗"] = "*", ["′"] = "'", ["″"] = "''", ["‴"] = "'''", ["°"] = "{}^{\\circ}", ["µ"] = "\\mu ", ["𝛁"] = "\\boldsymbol{\\nabla}",
  ["⫫"] = "\\perp\\!\\!\\!\\perp ", ["∶"] = "{:}", ["⟪"] = "\\langle\\!\\langle ", ["⟫"] = "\\rangle\\!\\rangle ", ["∌"] = "\\not\\ni ", ["ο"] = "o",
  ["•"] = "\\bullet ", ["∙"] = "\\bullet ", ["·"] = "\\cdot ", ["‖"] = "\\Vert ", ["⟨"] = "\\langle ", ["⟩"] = "\\rangle ", ["×"] = "\\times ", ["±"] = "\\pm ",
  ["¬"] = "\\lnot ", ["÷"] = "\\div ",
}
local GREEK = 0x370 -- letters before that are LaTeX's own business

local function command(char)
  local known = COMMANDS[char]
  if not known and utf8.codepoint(char) >= GREEK and symbols.NAMES[char] then
    known = "\\" .. symbols.NAMES[char] .. " "
    COMMANDS[char] = known
  end
  return known
end

local OUTSIDE_ASCII = "[\xC2-\xF4][\x80-\xBF]+"

local function in_words(text)
  return (text:gsub(OUTSIDE_ASCII, function(char)
    local known = utf8.codepoint(char) >= GREEK and not char:find("^\xE2\x80") and command(char)
    return known and "\\ensuremath{" .. known .. "}" or nil
  end))
end

-- Commands whose argument is words.
local WORDS = {}
for name in ("text mbox textrm textbf textit textsf texttt textsc textnormal textup emph hbox fbox intertext tag"):gmatch("%a+") do
  WORDS[name] = function(cursor)
    local star = cursor:star() and "*" or ""
    local words = cursor:argument()
    return words and "\\" .. name .. star .. "{" .. in_words(words) .. "}" or nil
  end
end

-- Returns a formula with commands for its signs.
function M.commands(text)
  if not text:find("[\x80-\xF4]") then
    return text
  end
  return (tex.replace(text, WORDS):gsub(OUTSIDE_ASCII, command))
end

return M
