-- Words inside formulas: \text, \mathrm's kin for words, and what LaTeX knows in them.

local parse = require("math_parse")

local M = {}

local Parser, commands = parse.Parser, parse.commands

local SIGNS = {
  ["\\&"] = "&", ["\\%"] = "%", ["\\_"] = "_", ["\\#"] = "#", ["\\$"] = "$", ["\\{"] = "{", ["\\}"] = "}", ["\\ "] = "\u{a0}",
  ["\\,"] = "\u{2009}", ["\\;"] = "\u{2005}", ["\\:"] = "\u{2005}", ["\\!"] = "", ["\\/"] = "", ["\\-"] = "", ["\\@"] = "", ["~"] = "\u{a0}",
}
local NAMES = {
  quad = "\u{2003}", qquad = "\u{2003}\u{2003}", ldots = "…", dots = "…", textbackslash = "\\", textendash = "–", textemdash = "—", S = "§",
  P = "¶", copyright = "©", textregistered = "®", texttrademark = "™", textdegree = "°", degree = "°", textasciitilde = "~", textbar = "|",
  textless = "<", textgreater = ">", textmu = "µ", textquoteleft = "‘", textquoteright = "’", ss = "ß", ae = "æ", AE = "Æ", o = "ø",
  O = "Ø", aa = "å", AA = "Å", l = "ł", L = "Ł", oe = "œ", OE = "Œ", i = "ı", enspace = "\u{2002}", thinspace = "\u{2009}",
  textbullet = "•", textperiodcentered = "·", LaTeX = "LaTeX", TeX = "TeX", textdollar = "$", textunderscore = "_", nobreakspace = "\u{a0}",
  euro = "€", texteuro = "€", pounds = "£", dag = "†", ddag = "‡",
}
local ACCENTS = { ["'"] = "\u{301}", ["`"] = "\u{300}", ['"'] = "\u{308}", ["^"] = "\u{302}", ["~"] = "\u{303}", ["="] = "\u{304}", ["."] = "\u{307}",
  c = "\u{327}", v = "\u{30C}", u = "\u{306}", r = "\u{30A}", H = "\u{30B}", k = "\u{328}", d = "\u{323}" }
-- Letters with their accent, as one character where Unicode has one: letter, accent, both.
local COMPOSED = {}
local TRIPLES = {
  "ááééííóóúúýýÁÁÉÉÍÍÓÓÚÚńńśśććźźŃŃŚŚĆĆŹŹ",
  "ààèèììòòùùÀÀÈÈÌÌÒÒÙÙ",
  "ääëëïïööüüÿÿÄÄËËÏÏÖÖÜÜ",
  "ââêêîîôôûûÂÂÊÊÎÎÔÔ",
  "ããññõõÃÃÑÑÕÕ",
  "ççşşţţÇÇŞŞŢŢ",
  "ččžžššřřěěňňČČŽŽŠŠŘŘĚĚŇŇ",
  "ååůůÅÅŮŮ",
  "őőűűŐŐŰŰ",
  "ąąęęĄĄĘĘ",
  "ăăğğĂĂĞĞ",
}
for _, row in ipairs(TRIPLES) do
  local three = {}
  for _, code in utf8.codes(row) do
    three[#three + 1] = utf8.char(code)
    if #three == 3 then
      COMPOSED[three[1] .. three[2]] = three[3]
      three = {}
    end
  end
end
COMPOSED["ı\u{301}"], COMPOSED["ı\u{300}"], COMPOSED["ı\u{308}"], COMPOSED["ı\u{302}"] = "í", "ì", "ï", "î"

local STYLES = {
  textbf = "bf", textit = "it", emph = "it", textsl = "it", texttt = "tt", textsf = "sf", textsc = "sc", textrm = "rm", textnormal = "rm", text = false,
  textup = "rm", mbox = false, hbox = false, textmd = false, mathrm = "rm", mathbf = "bf", mathit = "it", fbox = false, underline = false,
}
local SWITCHES = { bf = "bf", bfseries = "bf", it = "it", itshape = "it", em = "it", tt = "tt", ttfamily = "tt", rm = "rm", rmfamily = "rm",
  sf = "sf", sffamily = "sf", sc = "sc", scshape = "sc", normalfont = "rm" }
local SILENT = { small = true, footnotesize = true, scriptsize = true, tiny = true, normalsize = true, large = true, relax = true, protect = true,
  noindent = true, displaystyle = true, textstyle = true, scriptstyle = true, centering = true }

-- The pieces collected of one run of words.
local Words = {}
Words.__index = Words

function Words:add(text, style)
  local last = self[#self]
  if last and last.text and last.style == style then
    last.text = last.text .. text
  elseif text ~= "" then
    self[#self + 1] = { text = text, style = style }
  end
end

local read

local function accented(inner, words, style, mark)
  local letter = inner:raw()
  letter = letter == "\\i" and "ı" or letter:gsub("^{(.*)}$", "%1")
  words:add(COMPOSED[letter .. mark] or (letter .. mark), style)
end

local function command(inner, words, style)
  local at = inner.at
  local name = inner.text:match("^\\(%a+)", at)
  local sign = inner.text:match("^\\" .. utf8.charpattern, at)
  inner.at = at + 1 + (name and #name or #sign - 1)
  if not name then
    if SIGNS[sign] then
      words:add(SIGNS[sign], style)
    elseif sign == "\\(" then
      words[#words + 1] = inner:formula("\\)")
    elseif sign == "\\\\" then
      words:add(" ", style)
    elseif ACCENTS[sign:sub(2)] then
      accented(inner, words, style, ACCENTS[sign:sub(2)])
    else
      inner:fail("unknown", at, sign)
    end
  elseif STYLES[name] ~= nil then
    local text, from = inner:raw()
    local new = STYLES[name]
    local both = new ~= style and (new == "bf" or new == "it") and (style == "bf" or style == "it" or style == "bi")
    read(inner, text, from, both and "bi" or new or style, words)
  elseif SWITCHES[name] or SILENT[name] then
    inner.at = inner.text:match("^%s*()", inner.at)
    return SWITCHES[name] or style
  elseif NAMES[name] then
    inner.at = inner.text:match("^%s*()", inner.at)
    words:add(NAMES[name], style)
  elseif ACCENTS[name] then
    accented(inner, words, style, ACCENTS[name])
  elseif name == "label" then
    inner:raw()
  elseif name == "ensuremath" then
    local text, from = inner:raw()
    words[#words + 1] = inner:piece(text, from)
  elseif name == "textcolor" or name == "textsuperscript" or name == "textsubscript" or name == "ce" or name == "SI" or name == "num" or name == "qty"
    or name == "si" or name == "unit" then
    words[#words + 1] = { t = "row", commands[name](inner, nil, name, at) }
  else -- a symbol of mathematics, or nothing that anybody knows
    inner.at = at
    words[#words + 1] = { t = "row", inner:command() }
  end
  return style
end

-- A formula between dollars inside words.
function Parser:formula(stop)
  local from = self.at
  local to = self.text:find(stop, from, true)
  if not to then
    self:fail("this formula in words is never closed", from - #stop, stop)
  end
  self.at = to + #stop
  local variant = self.variant
  self.variant = nil
  local row = self:piece(self.text:sub(from, to - 1), from)
  self.variant = variant
  return row
end

local QUOTES = { ["``"] = "“", ["''"] = "”", ["---"] = "—", ["--"] = "–" }

-- Reads `text`, which starts at byte `at` of the parser's own, into `words`.
read = function(parser, text, at, style, words)
  local inner = Parser.new(text, at and at - 1 + parser.offset or parser.offset)
  inner.depth, inner.macros, inner.variant = parser.depth + 1, parser.macros, nil
  if inner.depth > 60 then
    parser:fail("groups are nested too deeply")
  end
  while inner.at <= #text do
    local i = inner.at
    local char = text:sub(i, i)
    local quote = QUOTES[text:sub(i, i + 2)] or QUOTES[text:sub(i, i + 1)]
    if char == "\\" then
      style = command(inner, words, style) or style
    elseif char == "$" then
      inner.at = i + 1
      words[#words + 1] = inner:formula("$")
    elseif char == "{" then
      local group, from = inner:raw()
      read(inner, group, from, style, words)
    elseif quote then
      words:add(quote, style)
      inner.at = i + (QUOTES[text:sub(i, i + 2)] and 3 or 2)
    elseif char == "~" then
      words:add("\u{a0}", style)
      inner.at = i + 1
    elseif char == "`" or char == "'" then
      words:add(char == "'" and "’" or "‘", style)
      inner.at = i + 1
    else
      local plain = text:match("^[^\\$~{}`'%-]+", i) or char
      words:add((plain:gsub("%s+", " ")), style)
      inner.at = i + #plain
    end
  end
  return words
end

-- Returns the pieces of words that `text` says.
function parse.words(parser, text, at, style)
  local words = read(parser, text, at, style, setmetatable({}, Words))
  return setmetatable(words, nil)
end

local function words_command(style)
  return function(parser)
    local text, at = parser:raw()
    return { t = "text", pieces = parse.words(parser, text, at, style) }
  end
end

for name, style in pairs({ text = false, textrm = false, textnormal = false, textup = false, mbox = false, hbox = false, textbf = "bf", textit = "it",
  emph = "it", textsl = "it", texttt = "tt", textsf = "sf", textsc = "sc", textmd = false }) do
  commands[name] = words_command(style or nil)
end

function commands.intertext(parser)
  local text, at = parser:raw()
  return { t = "text", pieces = parse.words(parser, text, at) }
end

function commands.textsuperscript(parser)
  local text, at = parser:raw()
  return { t = "scripts", base = { t = "row" }, sup = { t = "row", { t = "text", pieces = parse.words(parser, text, at) } } }
end

function commands.textsubscript(parser)
  local text, at = parser:raw()
  return { t = "scripts", base = { t = "row" }, sub = { t = "row", { t = "text", pieces = parse.words(parser, text, at) } } }
end

function commands.raisebox(parser)
  parser:raw()
  local text, at = parser:raw()
  return { t = "text", pieces = parse.words(parser, text, at) }
end

function commands.href(parser)
  parser:raw()
  local text, at = parser:raw()
  return { t = "text", pieces = parse.words(parser, text, at) }
end

return M
