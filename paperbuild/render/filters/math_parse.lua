-- From TeX mathematics to a tree that every writer takes: rows of atoms with TeX's classes.
--
-- Positions are kept: what cannot be read is thrown as { at, stop, token, why }, offsets in bytes from 1 of the text that was given. pandoc has
-- expanded the author's macros before; what is defined inside the formula itself is expanded here.
--
-- A node is a table with `t`:
--   id  text, variant            a letter or a word of letters          sym   text, class              a sign
--   num text, variant            digits                                 big   text, integral, limits   a large operator
--   name text | body, limits     a named operator                       text  pieces                   words: {text, style} or rows
--   row of nodes (group)         row                                    scripts base, sub, sup, pre
--   frac above, below, line, style, open, close                        root  body, index
--   accent mark, body, wide, under                                     line  body, under (a rule)
--   brace which, body, note, under                                     stack base, above, below
--   fence open, close, body      \left … \right; `middle` nodes inside  delim text, size, class          \big and its kin
--   table kind, rows, …          environments                          arrow text, above, below
--   style style, body            color color, body                     space em
--   phantom body, keep           boxed body      cancel kind, body, to  class class, body                lap body, side

local symbols = require("math_symbols")
local letters = require("math_letters")

local M = {}

local DEEPEST = 120 -- groups in each other; a formula that nests deeper is none that anybody wrote

local Parser = {}
Parser.__index = Parser
M.Parser = Parser

-- Commands by name: functions of the parser that return a node, or true where they only changed the parser's state.
M.commands = {}
-- Environments by name: functions of the parser (behind \begin{name}) and the name, which read up to and with \end{name}.
M.environments = {}

function Parser.new(text, offset)
  return setmetatable({ text = text, at = 1, offset = offset or 0, depth = 0, macros = {} }, Parser)
end

-- Gives up: at the token that starts at `at` and has `length` bytes.
function Parser:fail(why, at, token)
  at = at or self.at
  token = token or self.text:match("^\\%a+", at) or self.text:match("^\\" .. utf8.charpattern, at) or self.text:match("^" .. utf8.charpattern, at) or ""
  error({ at = at + self.offset, stop = at + self.offset + math.max(#token, 1), token = token, why = why }, 0)
end

function Parser:skip()
  local text = self.text
  while true do
    self.at = text:find("%S", self.at) or #text + 1
    if text:sub(self.at, self.at) ~= "%" then
      return
    end
    self.at = text:find("\n", self.at, true) or #text + 1 -- a comment
  end
end

function Parser:peek()
  self:skip()
  return self.text:sub(self.at, self.at)
end

-- Takes `pattern` if it is what follows, and returns its first capture (or all of it).
function Parser:take(pattern)
  self:skip()
  local from, to, found = self.text:find("^" .. pattern, self.at)
  if not from then
    return nil
  end
  local whole = self.text:sub(from, to)
  self.at = to + 1
  return found or whole
end

function Parser:star()
  if self.text:sub(self.at, self.at) == "*" then
    self.at = self.at + 1
    return true
  end
  return false
end

local function closing(text, at)
  local depth, i = 0, at
  while i <= #text do
    local char = text:sub(i, i)
    if char == "\\" then
      i = i + 1
    elseif char == "{" then
      depth = depth + 1
    elseif char == "}" then
      depth = depth - 1
      if depth == 0 then
        return i
      end
    end
    i = i + 1
  end
  return nil
end

-- Reads an argument as text, braces off. Returns it and where it starts.
function Parser:raw()
  local char = self:peek()
  if char == "" or char == "}" or char == "&" then
    self:fail("an argument is missing", nil, char)
  end
  if char ~= "{" then
    local token = self.text:match("^\\%a+", self.at) or self.text:match("^\\" .. utf8.charpattern, self.at) or self.text:match("^" .. utf8.charpattern, self.at)
    local at = self.at
    self.at = at + #token
    return token, at
  end
  local stop = closing(self.text, self.at)
  if not stop then
    self:fail("this brace is never closed")
  end
  local at = self.at + 1
  self.at = stop + 1
  return self.text:sub(at, stop - 1), at
end

-- Reads an optional argument in [brackets] as text; nil, with nothing read, where there is none.
function Parser:raw_option()
  local save = self.at
  if self:peek() ~= "[" then
    self.at = save
    return nil
  end
  local depth, i = 0, self.at + 1
  while i <= #self.text do
    local char = self.text:sub(i, i)
    if char == "\\" then
      i = i + 1
    elseif char == "{" then
      depth = depth + 1
    elseif char == "}" then
      depth = depth - 1
    elseif char == "]" and depth <= 0 then
      local at = self.at + 1
      self.at = i + 1
      return self.text:sub(at, i - 1), at
    end
    i = i + 1
  end
  self.at = save
  return nil
end

-- Parses a piece of this parser's text that starts at byte `at`, with the state that the parser has.
function Parser:piece(text, at, from_macro)
  local inner = Parser.new(text, at and at - 1 + self.offset or self.offset)
  inner.depth, inner.variant, inner.macros, inner.within = self.depth + 1, self.variant, self.macros, from_macro
  if inner.depth > DEEPEST then
    self:fail("groups are nested too deeply")
  end
  return inner:all()
end

-- Reads an argument as a row.
function Parser:argument()
  local char = self:peek()
  if char == "{" then
    return self:group()
  elseif char == "" or char == "}" or char == "&" then
    self:fail("an argument is missing", nil, char)
  end
  local single = self.text:match("^%d", self.at)
  if single then
    self.at = self.at + 1
    return { t = "row", { t = "num", text = single, variant = self.variant } }
  end
  return { t = "row", self:atom() }
end

-- Reads an optional argument as a row.
function Parser:option()
  local text, at = self:raw_option()
  return text and self:piece(text, at)
end

-- Reads {…} as a row; what is switched on inside ends with it.
function Parser:group()
  local open = self.at
  self.at = self.at + 1
  self.depth = self.depth + 1
  if self.depth > DEEPEST then
    self:fail("groups are nested too deeply")
  end
  local variant = self.variant
  local row = self:row()
  self.variant = variant
  self.depth = self.depth - 1
  if self.text:sub(self.at, self.at) ~= "}" then
    if self.at > #self.text then
      self:fail("this brace is never closed", open)
    end
    self:unexpected()
  end
  self.at = self.at + 1
  row.group = true
  return row
end

-- What ends a row is there, and nobody waits for it.
function Parser:unexpected()
  local token = self.text:match("^\\%a+", self.at) or self.text:match("^\\\\", self.at) or self.text:sub(self.at, self.at)
  local why = ({
    ["}"] = "this brace closes nothing", ["&"] = "there are no columns here", ["\\\\"] = "there are no lines here",
    ["\\right"] = "there is no \\left before it", ["\\middle"] = "there is no \\left before it", ["\\end"] = "there is no \\begin before it",
  })[token]
  self:fail(why or "it stands in a wrong place", self.at, token)
end

-- Reads the whole text: a row, or a table where it has columns or lines without an environment around them.
function Parser:all()
  local rows, any = self:rows()
  if self.at <= #self.text then
    self:unexpected()
  end
  if not any then
    return rows[1] and rows[1][1] or { t = "row" }
  end
  local columns = false
  for _, cells in ipairs(rows) do
    columns = columns or #cells > 1
  end
  return { t = "row", { t = "table", kind = columns and "aligned" or "gathered", rows = rows, outermost = true } }
end

-- Reads cells up to the end of the environment (or text). Returns the rows, whether there was more than one cell, and rules between rows.
function Parser:rows()
  local rows, rules, any, cells = {}, {}, false, {}
  local function close()
    rows[#rows + 1], cells = cells, {}
  end
  while true do
    self:rules(rules, #rows)
    cells[#cells + 1] = self:row()
    local char = self.text:sub(self.at, self.at)
    if char == "&" then
      self.at, any = self.at + 1, true
    elseif self.text:find("^\\\\", self.at) or self.text:find("^\\tabularnewline%f[%A]", self.at) then
      any = true
      self.at = self.text:match("^\\\\()", self.at) or self.text:match("^\\%a+()", self.at)
      self:star()
      self.at = self.text:match("^[ \t]*%[%s*%-?[%d%.]+%s*%a+%s*%]()", self.at) or self.at
      close()
    elseif self.text:find("^\\cr%f[%A]", self.at) then
      any = true
      self.at = self.at + 3
      close()
    else
      break
    end
  end
  if #rows == 0 or #cells > 1 or #cells[1] > 0 then -- a `\\` behind the last line makes no line of its own
    close()
  end
  return rows, any, rules
end

-- \hline and its kin before a row, and \intertext.
function Parser:rules(rules, count)
  while true do
    self:skip()
    local name = self.text:match("^\\(%a+)", self.at)
    if name == "hline" or name == "toprule" or name == "midrule" or name == "bottomrule" or name == "hdashline" then
      self.at = self.at + 1 + #name
      rules[#rules + 1] = { after = count }
    elseif name == "cline" or name == "cmidrule" then
      self.at = self.at + 1 + #name
      self:take("%b()")
      local from, to = self:raw():match("^%s*(%d+)%s*%-%s*(%d+)%s*$")
      rules[#rules + 1] = { after = count, from = tonumber(from), to = tonumber(to) }
    elseif name == "intertext" or name == "shortintertext" then
      self.at = self.at + 1 + #name
      local text, at = self:raw()
      rules[#rules + 1] = { after = count, words = { t = "text", pieces = M.words(self, text, at) } }
    else
      return
    end
  end
end

local STOPS = { ["right"] = true, ["end"] = true, ["cr"] = true, ["tabularnewline"] = true, ["middle"] = true }
local INFIX = {
  over = { line = true }, choose = { line = false, open = "(", close = ")" }, atop = { line = false },
  brack = { line = false, open = "[", close = "]" }, brace = { line = false, open = "{", close = "}" },
}

-- Reads atoms up to what ends the row: a brace, &, \\, \right, \end or the end of the text.
function Parser:row()
  local row = { t = "row" }
  while true do
    local char = self:peek()
    if char == "" or char == "}" or char == "&" then
      break
    end
    if char == "\\" then
      local name = self.text:match("^%a+", self.at + 1)
      if self.text:sub(self.at + 1, self.at + 1) == "\\" or (name and STOPS[name]) then
        break
      end
      local infix = name and INFIX[name]
      if infix then
        self.at = self.at + 1 + #name
        local below = self:row()
        return { t = "row", { t = "frac", above = row, below = below, line = infix.line, open = infix.open, close = infix.close } }
      end
    end
    local node = self:atom(row)
    if node then
      row[#row + 1] = node
    end
  end
  return row
end

-- Takes the last node of a row, for what binds to it from behind.
local function last_of(row)
  local base = row and row[#row]
  if base then
    row[#row] = nil
  end
  return base
end

local function scripted(base)
  if base and base.t == "scripts" then
    return base
  end
  return { t = "scripts", base = base or { t = "row" } }
end

function Parser:script(row, mark, at)
  local node = scripted(last_of(row))
  local key = mark == "^" and "sup" or "sub"
  local before = node[key]
  if before and not (key == "sup" and node.primed) then
    self:fail(key == "sup" and "there is a superscript already" or "there is a subscript already", at, mark)
  end
  local script = self:argument()
  if before then
    table.insert(script, 1, before[1])
    node.primed = nil
  end
  node[key] = script
  return node
end

local PRIMES = { "′", "″", "‴", "⁗" }

-- f', which is a superscript to which another one may be added.
function Parser:prime(row)
  local marks = self:take("'+")
  local node = scripted(last_of(row))
  local prime = { t = "sym", text = PRIMES[#marks] or PRIMES[1]:rep(#marks), class = "ord", prime = true }
  if node.sup then
    node.sup[#node.sup + 1] = prime
  else
    node.sup, node.primed = { t = "row", prime }, true
  end
  return node
end

local function copy(node)
  local out = {}
  for key, value in pairs(node) do
    out[key] = value
  end
  return out
end

local NON_LATIN = "^[\x80-\xF4][\x80-\xBF]*"

-- Reads one atom. `row` is what stands before it, for what binds backwards.
function Parser:atom(row)
  local char, at = self:peek(), self.at
  if char == "{" then
    return self:group()
  elseif char == "^" or char == "_" then
    self.at = at + 1
    return self:script(row, char, at)
  elseif char == "'" then
    return self:prime(row)
  elseif char == "\\" then
    return self:command(row)
  elseif char:find("%a") then
    self.at = at + 1
    return { t = "id", text = char, variant = self.variant }
  elseif char:find("%d") or (char == "." and self.text:find("^%.%d", at)) then
    local digits = self:take("%d*%.?%d+") or self:take("%d+")
    return { t = "num", text = digits, variant = self.variant }
  elseif char == "~" then
    self.at = at + 1
    return { t = "space", em = 0.25 }
  elseif char == "$" or char == "#" then
    self:fail(char == "$" and "a formula stands in no formula" or "a parameter stands outside a definition", at, char)
  end
  local long = self.text:match(NON_LATIN, at) or char
  self.at = at + #long
  return self:character(long)
end

-- The node of a character that stands for itself.
function Parser:character(char)
  local known = symbols.characters[char]
  if known then
    local node = copy(known)
    node.variant = node.t == "id" and self.variant or node.variant
    return node
  end
  if char == "\u{a0}" or char == "\u{2009}" or char == "\u{202f}" then
    return { t = "space", em = 0.2 }
  end
  return { t = #char > 1 and "id" or "sym", text = char, class = "ord", variant = #char > 1 and (self.variant or "rm") or nil }
end

function Parser:command(row)
  local at = self.at
  local name = self.text:match("^\\(%a+)", at) or self.text:match("^\\(" .. utf8.charpattern .. ")", at)
  if not name or name == "" then
    self:fail("a command's name is missing", at, "\\")
  end
  self.at = at + 1 + #name
  if self.macros[name] then
    return self:expand(name, at)
  end
  local command = M.commands[name]
  if command then
    local node = command(self, row, name, at)
    return node ~= true and node or nil
  end
  local known = symbols.symbols[name] or symbols.ask_pandoc(name)
  if not known then
    self:fail("unknown", at, "\\" .. name)
  end
  local node = copy(known)
  if node.t == "id" or letters.is_capital_greek(node.text) or node.text == "∇" then
    node.variant = self.variant
  end
  return node
end

-- A macro defined in the formula: its text takes the place of its use, where also its faults are shown.
function Parser:expand(name, at)
  local macro = self.macros[name]
  local arguments = {}
  for n = 1, macro.count do
    arguments[n] = (n == 1 and macro.default and (self:raw_option() or macro.default)) or self:raw()
  end
  local text = macro.text:gsub("#(%d)", function(n) return arguments[tonumber(n)] or "" end)
  local ok, result = pcall(function() return self:piece(text, at) end)
  if not ok then
    if type(result) ~= "table" then
      error(result, 0)
    end
    self:fail(result.why, at, result.why == "unknown" and result.token or "\\" .. name)
  end
  return result
end

-- Reads the delimiter behind \left, \big and their kin: its node; text "" for none.
function Parser:delimiter()
  local char = self:peek()
  local at = self.at
  if char == "." then
    self.at = at + 1
    return { t = "sym", text = "", class = "ord" }
  elseif char == "<" or char == ">" then
    self.at = at + 1
    return { t = "sym", text = char == "<" and "⟨" or "⟩", class = char == "<" and "open" or "close" }
  elseif char == "{" then
    local inside = self:piece(self:raw())
    if #inside == 1 and inside[1].t == "sym" then
      return inside[1]
    end
    self:fail("no delimiter", at, "{")
  elseif char == "" or char == "}" or char == "&" then
    self:fail("a delimiter is missing", at, char)
  end
  local node = self:atom()
  if not node or (node.t ~= "sym" and node.t ~= "delim") then
    self:fail("this is no delimiter", at)
  end
  return node
end

-- Words in a formula: pieces of text with a style, and rows where it has formulas of its own. Fills in math_text.lua.
M.words = nil

-- Returns the tree of a formula. Throws what Parser:fail throws.
function M.parse(text)
  return Parser.new(text):all()
end

M.copy = copy

return M
