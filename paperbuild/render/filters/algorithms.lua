-- Algorithms of the packages algorithmic, algpseudocode and algorithm2e: numbered lines, indented by the depth of their blocks.

local tex = require("tex")

local M = {}

local INDENT = "\u{2003}" -- an em space a level

-- Command → words before its argument, words behind it, change of depth before the line, and after it.
local LINES = {
  State = { "", "", 0, 0 }, Statex = { "", "", 0, 0 }, Require = { "Require:", "", 0, 0 }, Ensure = { "Ensure:", "", 0, 0 },
  Input = { "Input:", "", 0, 0 }, Output = { "Output:", "", 0, 0 }, Return = { "return", "", 0, 0 }, Print = { "print", "", 0, 0 },
  If = { "if", "then", 0, 1 }, ElsIf = { "else if", "then", -1, 1 }, ElseIf = { "else if", "then", -1, 1 }, Else = { "else", "", -1, 1 },
  EndIf = { "end if", "", -1, 0 }, For = { "for", "do", 0, 1 }, ForAll = { "for all", "do", 0, 1 }, EndFor = { "end for", "", -1, 0 },
  While = { "while", "do", 0, 1 }, EndWhile = { "end while", "", -1, 0 }, Repeat = { "repeat", "", 0, 1 }, Until = { "until", "", -1, 0 },
  Loop = { "loop", "", 0, 1 }, EndLoop = { "end loop", "", -1, 0 }, Procedure = { "procedure", "", 0, 1 },
  EndProcedure = { "end procedure", "", -1, 0 }, Function = { "function", "", 0, 1 }, EndFunction = { "end function", "", -1, 0 },
  KwData = { "Data:", "", 0, 0 }, KwResult = { "Result:", "", 0, 0 }, KwIn = { "Input:", "", 0, 0 }, KwOut = { "Output:", "", 0, 0 },
  KwRet = { "return", "", 0, 0 },
}
local TAKES = {}
for name in ("If ElsIf ElseIf For ForAll While Until Procedure Function KwData KwResult KwIn KwOut KwRet"):gmatch("%a+") do
  TAKES[name] = name == "Procedure" and 2 or name == "Function" and 2 or 1
end

-- The older package writes its commands in capitals.
local CAPITALS = {}
for name, line in pairs(LINES) do
  CAPITALS[name:upper()] = { line, TAKES[name] }
end
for name, known in pairs(CAPITALS) do
  LINES[name], TAKES[name] = known[1], known[2]
end

-- algorithm2e: the body is an argument. Command → words before and behind its condition.
local BLOCKS = {
  If = { "if", "then", "end if" }, uIf = { "if", "then" }, ElseIf = { "else if", "then", "end if" }, uElseIf = { "else if", "then" },
  Else = { "else", "", "end if" }, uElse = { "else", "" }, For = { "for", "do", "end for" }, ForEach = { "for each", "do", "end for" },
  ForAll = { "for all", "do", "end for" }, While = { "while", "do", "end while" }, Repeat = { "repeat", "" },
}
local BARE = { Else = true, uElse = true }

local function bold(words)
  return words ~= "" and "\\textbf{" .. words .. "}" or ""
end

local function sentence(before, argument, behind)
  local parts = {}
  for _, part in ipairs({ bold(before), argument or "", bold(behind) }) do
    if part:find("%S") then
      parts[#parts + 1] = part
    end
  end
  return table.concat(parts, " ")
end

-- What stands in a line besides its beginning: comments and calls.
local INSIDE = {
  Comment = function(c) return "\\hfill▷ \\textit{" .. (c:argument() or "") .. "}" end,
  COMMENT = function(c) return "\\hfill▷ \\textit{" .. (c:argument() or "") .. "}" end,
  tcp = function(c) c:star() return "▷ \\textit{" .. (c:argument() or "") .. "}" end,
  Call = function(c) return "\\textsc{" .. (c:argument() or "") .. "}(" .. (c:argument() or "") .. ")" end,
  To = function() return "\\textbf{to}" end, TO = function() return "\\textbf{to}" end, KwTo = function() return "\\textbf{to} " end,
  TRUE = function() return "\\textbf{true}" end, FALSE = function() return "\\textbf{false}" end,
  AND = function() return "\\textbf{and}" end, OR = function() return "\\textbf{or}" end, NOT = function() return "\\textbf{not}" end,
}

local Listing = {}
Listing.__index = Listing

function Listing:line(text, depth)
  text = tex.rewrite(text, INSIDE):gsub("^%s+", ""):gsub("%s+$", "")
  if text ~= "" then
    self.lines[#self.lines + 1] = { depth = math.max(0, depth), text = text }
  end
end

-- Reads the body of an algorithmic environment: each command that begins a line ends the one before.
function Listing:algorithmic(body)
  local depth, pieces = 0, {}
  local rules = {}
  for name, rule in pairs(LINES) do
    rules[name] = function(c)
      local arguments = {}
      for i = 1, TAKES[name] or 0 do
        arguments[i] = c:argument() or ""
      end
      local shown = TAKES[name] == 2 and "\\textsc{" .. arguments[1] .. "}(" .. arguments[2] .. ")" or arguments[1]
      pieces[#pieces + 1] = { rule = rule, text = sentence(rule[1], shown, rule[2]) }
      return "\2" -- a line begins here
    end
  end
  local rest = tex.replace(body, rules)
  local i = 0
  for after in rest:gmatch("\2([^\2]*)") do
    i = i + 1
    depth = depth + pieces[i].rule[3]
    self:line(pieces[i].text .. " " .. after, depth)
    depth = depth + pieces[i].rule[4]
  end
end

-- Reads the body of an algorithm2e environment, whose lines end in \;.
function Listing:algorithm2e(body, depth)
  local rules = {}
  for name, words in pairs(BLOCKS) do
    rules[name] = function(c)
      local condition = not BARE[name] and c:argument() or ""
      local inner = c:argument()
      if not inner then
        return nil
      end
      self.blocks[#self.blocks + 1] = { words = words, condition = condition, body = inner, bottom = name == "Repeat" }
      return "\2" .. #self.blocks .. "\2\\;"
    end
  end
  rules.eIf = function(c)
    local condition, yes, no = c:argument() or "", c:argument() or "", c:argument() or ""
    return "\\uIf{" .. condition .. "}{" .. yes .. "}\\Else{" .. no .. "}"
  end
  for name in ("KwData KwResult KwIn KwOut KwRet"):gmatch("%a+") do
    rules[name] = function(c)
      return "\\textbf{" .. LINES[name][1] .. "} " .. (c:argument() or "") .. "\\;"
    end
  end
  local text = tex.rewrite(body, rules)
  for line in (text .. "\\;"):gmatch("(.-)\\;") do
    local block = self.blocks[tonumber(line:match("\2(%d+)\2") or 0)]
    if not block then
      self:line(line, depth)
    else
      self:line((line:gsub("\2.-\2", "")), depth)
      self:line(sentence(block.words[1], not block.bottom and block.condition or "", block.words[2]), depth)
      self:algorithm2e(block.body, depth + 1)
      if block.bottom then
        self:line(sentence("until", block.condition, ""), depth)
      elseif block.words[3] then
        self:line(bold(block.words[3]), depth)
      end
    end
  end
end

local function taken_out(body, command)
  local found
  local rest = tex.replace(body, { [command] = function(c)
    c:star()
    c:option()
    found = found or c:argument()
    return found and "" or nil
  end })
  return rest, found
end

-- Returns the blocks of an algorithm; nil where the LaTeX `text` is none. `inlines(latex)` reads the words of a line.
function M.read(text, inlines)
  local name = text:match("^%s*\\begin{(algorithm[ic]*2?e?%*?)}")
  if not name then
    return nil
  end
  local body = text:gsub("^%s*\\begin%b{}%s*", ""):gsub("\\end{" .. name:gsub("%*", "%%*") .. "}%s*$", ""):gsub("^%b[]", "")
  body = body:gsub("([^\\])%%[^\n]*", "%1")
  local caption, label
  body, caption = taken_out(body, "caption")
  body, label = taken_out(body, "label")
  local listing = setmetatable({ lines = {}, blocks = {} }, Listing)
  local inner = name == "algorithmic" and body or body:match("\\begin{algorithmic}(.*)\\end{algorithmic}")
  if inner then
    listing:algorithmic((inner:gsub("^%s*%b[]", "")))
  else
    body = tex.replace(body, { SetAlgoLined = function() return "" end, DontPrintSemicolon = function() return "" end,
      LinesNumbered = function() return "" end, SetKwInOut = function(c) c:argument() c:argument() return "" end,
      centering = function() return "" end })
    listing:algorithm2e(body, 0)
  end
  local lines = pandoc.List({})
  for _, line in ipairs(listing.lines) do
    lines:insert(pandoc.Inlines({ pandoc.Str(INDENT:rep(line.depth)) }) .. inlines(line.text))
  end
  local content = pandoc.Blocks({ pandoc.Div({ pandoc.LineBlock(lines) }) }) -- a Div: the lines begin below the name
  if name == "algorithmic" then
    return content
  end
  if caption then
    content:insert(1, pandoc.Plain({ pandoc.Span(inlines(caption), pandoc.Attr("", { "pb-title" })) }))
  end
  return pandoc.Blocks({ pandoc.Div(content, pandoc.Attr(label or "", { "algorithm" })) })
end

return M
