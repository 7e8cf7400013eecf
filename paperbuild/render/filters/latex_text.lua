-- Characters that pdfTeX's fonts lack, as commands that every LaTeX has: in words, in formulas, and in quoted material.

local symbols = require("math_symbols")
local tex = require("tex")

local M = {}

-- What stands for a character in a formula; in words it is the same between \ensuremath's braces.
local MATH = {
  ["−"] = "-", ["×"] = "\\times", ["÷"] = "\\div", ["±"] = "\\pm", ["∓"] = "\\mp", ["·"] = "\\cdot", ["⋅"] = "\\cdot", ["∗"] = "*",
  ["≤"] = "\\leq", ["≥"] = "\\geq", ["≠"] = "\\neq", ["≈"] = "\\approx", ["≃"] = "\\simeq", ["∼"] = "\\sim", ["≡"] = "\\equiv",
  ["≪"] = "\\ll", ["≫"] = "\\gg", ["∝"] = "\\propto", ["∞"] = "\\infty", ["√"] = "\\surd", ["∂"] = "\\partial", ["∇"] = "\\nabla",
  ["∑"] = "\\sum", ["∏"] = "\\prod", ["∫"] = "\\int", ["∈"] = "\\in", ["∉"] = "\\notin", ["⊂"] = "\\subset", ["⊆"] = "\\subseteq",
  ["∪"] = "\\cup", ["∩"] = "\\cap", ["∅"] = "\\emptyset", ["∀"] = "\\forall", ["∃"] = "\\exists", ["¬"] = "\\neg", ["∧"] = "\\wedge",
  ["∨"] = "\\vee", ["⊕"] = "\\oplus", ["⊗"] = "\\otimes", ["⊥"] = "\\perp", ["∥"] = "\\parallel", ["→"] = "\\rightarrow",
  ["←"] = "\\leftarrow", ["↔"] = "\\leftrightarrow", ["⇒"] = "\\Rightarrow", ["⇐"] = "\\Leftarrow", ["⇔"] = "\\Leftrightarrow",
  ["↑"] = "\\uparrow", ["↓"] = "\\downarrow", ["↦"] = "\\mapsto", ["′"] = "'", ["″"] = "''", ["ℓ"] = "\\ell", ["ℏ"] = "\\hbar",
  ["ℝ"] = "\\mathbb{R}", ["ℕ"] = "\\mathbb{N}", ["ℤ"] = "\\mathbb{Z}", ["ℚ"] = "\\mathbb{Q}", ["ℂ"] = "\\mathbb{C}",
  ["✓"] = "\\checkmark", ["✔"] = "\\checkmark", ["✗"] = "\\times", ["✘"] = "\\times", ["■"] = "\\blacksquare", ["□"] = "\\square",
  ["▲"] = "\\blacktriangle", ["△"] = "\\triangle", ["●"] = "\\bullet", ["○"] = "\\circ", ["∘"] = "\\circ", ["★"] = "\\bigstar",
  ["⟨"] = "\\langle", ["⟩"] = "\\rangle", ["⌊"] = "\\lfloor", ["⌋"] = "\\rfloor", ["⌈"] = "\\lceil", ["⌉"] = "\\rceil",
  ["◦"] = "\\circ", ["…"] = "\\dots", ["⋯"] = "\\cdots", ["⋮"] = "\\vdots", ["∣"] = "\\mid", ["†"] = "\\dagger", ["‡"] = "\\ddagger",
}
MATH["µ"], MATH["∆"], MATH["Ω"], MATH["𝛁"], MATH["ο"] = "\\mu", "\\Delta", "\\Omega", "\\boldsymbol{\\nabla}", "o"
MATH["⫫"], MATH["∶"], MATH["∌"], MATH["‖"], MATH["°"] = "\\perp\\!\\!\\!\\perp", "{:}", "\\not\\ni", "\\Vert", "{}^{\\circ}"

-- Signs for which no usual package has the name that formulas know.
local NAMELESS = {}
for _, code in utf8.codes("⟇⟑⬡⟪⟫⨍⧜⊫∰") do
  NAMELESS[utf8.char(code)] = true
end
local FIRST_GREEK = 0x370 -- letters before that are LaTeX's own business

-- Returns the command that stands for a character in a formula; nil where it stands for itself.
local function in_formula(char)
  local command = MATH[char]
  if not command and symbols.NAMES[char] and not NAMELESS[char] and utf8.codepoint(char) >= FIRST_GREEK then
    command = "\\" .. symbols.NAMES[char]
    MATH[char] = command
  end
  return command
end

-- What stands for a character in words only.
local WORDS = {
  ["\u{2009}"] = "\\,", ["\u{202f}"] = "\\,", ["\u{2002}"] = "\\enspace{}", ["\u{2003}"] = "\\quad{}", ["\u{2011}"] = "\\mbox{-}",
  ["\u{200b}"] = "\\hspace{0pt}", ["\u{2060}"] = "", ["\u{feff}"] = "", ["\u{ad}"] = "\\-", ["\u{2010}"] = "-", ["…"] = "\\ldots{}",
  ["\u{2007}"] = "\\phantom{0}", ["†"] = "\\dag{}", ["‡"] = "\\ddag{}", ["·"] = "\\textperiodcentered{}", ["±"] = "\\ensuremath{\\pm}",
  ["¬"] = "\\ensuremath{\\neg}", ["№"] = "No.",
}
for i, char in ipairs({ "⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹" }) do
  WORDS[char] = "\\textsuperscript{" .. (i - 1) .. "}"
  MATH[char] = "^{" .. (i - 1) .. "}"
end
for i, char in ipairs({ "₀", "₁", "₂", "₃", "₄", "₅", "₆", "₇", "₈", "₉" }) do
  WORDS[char] = "\\textsubscript{" .. (i - 1) .. "}"
  MATH[char] = "_{" .. (i - 1) .. "}"
end
WORDS["⁻"], MATH["⁻"], WORDS["⁺"], MATH["⁺"] = "\\textsuperscript{-}", "^{-}", "\\textsuperscript{+}", "^{+}"

local function in_words(char)
  local command = WORDS[char]
  if not command then
    command = in_formula(char)
    command = command and "\\ensuremath{" .. command .. "}"
  end
  return command
end

-- Returns a word as inlines: its own characters as they are, the others as commands. nil where it has none of those.
function M.word(str)
  if not str.text:find("[\x80-\xff]") then
    return nil
  end
  local out, plain, found = pandoc.Inlines({}), "", false
  for char in str.text:gmatch(utf8.charpattern) do
    local command = #char > 1 and in_words(char)
    if command then
      found = true
      if plain ~= "" then
        out:insert(pandoc.Str(plain))
        plain = ""
      end
      out:insert(pandoc.RawInline("latex", command))
    else
      plain = plain .. char
    end
  end
  if plain ~= "" then
    out:insert(pandoc.Str(plain))
  end
  return found and out or nil
end

local OUTSIDE_ASCII = "[\xC2-\xF4][\x80-\xBF]+"

-- Commands whose argument is words, inside a formula.
local OF_WORDS = {}
for name in ("text mbox textrm textbf textit textsf texttt textsc textnormal textup emph hbox fbox intertext tag"):gmatch("%a+") do
  OF_WORDS[name] = function(cursor)
    local star = cursor:star() and "*" or ""
    local words = cursor:argument()
    return words and "\\" .. name .. star .. "{" .. words:gsub(OUTSIDE_ASCII, in_words) .. "}" or nil
  end
end

-- Returns the TeX of a formula without characters that are commands.
function M.formula(text)
  if not text:find("[\x80-\xff]") then
    return text
  end
  return (tex.replace(text, OF_WORDS):gsub(OUTSIDE_ASCII, function(char)
    local command = in_formula(char)
    return command and (command:find("%a$") and command .. " " or command) or nil
  end))
end

local ESCAPES = {
  ["\\"] = "\\textbackslash{}", ["{"] = "\\{", ["}"] = "\\}", ["$"] = "\\$", ["&"] = "\\&", ["#"] = "\\#", ["%"] = "\\%", ["_"] = "\\_",
  ["^"] = "\\textasciicircum{}", ["~"] = "\\textasciitilde{}",
}

-- Returns plain text as LaTeX that means it.
function M.escaped(text)
  return (text:gsub("%s+", " "):gsub('[\\{}$&#%%_^~]', ESCAPES))
end

return M
