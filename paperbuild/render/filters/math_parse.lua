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
--   style style, body            color color, body                     space em; `high` for a black box
--   phantom body, keep           boxed body      cancel kind, body, to  class class, body                lap body, side

local symbols = require("math_symbols")
local letters = require("math_letters")
local arguments = require("tex_arguments")

local M = {}

local DEEPEST = 120 -- groups in each other; a formula that nests deeper is none that anybody wrote

local Parser = {}
Parser.__index = Parser
M.Parser = Parser

-- Commands by name: functions of the parser that return a node, or true where they only changed the parser's state.
M.commands = {}
-- Environments by name: functions of the parser (behind \begin{name}) and the name, which read up to and with \end{name}.
M.environments = {}

-- Gives each of the names, with blanks between them, the same command.
function M.define(names, command)
  for name in names:gmatch("%S+") do
    M.commands[name] = command
  end
end

function Parser.new(text, offset)
  return setmetatable({ text = text, at = 1, offset = offset or 0, depth = 0, macros = {} }, Parser)
end

-- Gives up: at the token that starts at `at` and has `length` bytes.
function Parser:fail(why, at, token)
  at = at or self.at
  token = token or arguments.token(self.text, at)
  error({ at = at + self.offset, stop = at + self.offset + math.max(#token, 1), token = token, why = why }, 0)
end

function Parser:skip()
  self.at = arguments.behind_blanks(self.text, self.at)
end

function Parser:peek()
  local at = arguments.behind_blanks(self.text, self.at)
  self.at = at
  return self.text:sub(at, at)
end

local anchored = setmetatable({}, { __index = function(all, pattern)
  all[pattern] = "^" .. pattern
  return all[pattern]
end })

-- Takes `pattern` if it is what follows, and returns its first capture (or all of it).
function Parser:take(pattern)
  self:skip()
  local from, to, found = self.text:find(anchored[pattern], self.at)
  if not from then
    return nil
  end
  local whole = self.text:sub(from, to)
  self.at = to + 1
  return found or whole
end

Parser.star = arguments.star

local NO_ARGUMENT = { missing = "an argument is missing", open = "this brace is never closed" }

-- Reads an argument as text, braces off. Returns it and where it starts.
function Parser:raw()
  local found, at, behind = arguments.argument(self.text, self.at)
  if not found then
    self:fail(NO_ARGUMENT[at], behind, self.text:sub(behind, behind))
  end
  self.at = behind
  return found, at
end

-- Reads an optional argument in [brackets] as text; nil, with nothing read, where there is none.
function Parser:raw_option()
  local found, at, behind = arguments.option(self.text, self.at)
  if found then
    self.at = behind
  end
  return found, at
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
  return { t = "row", { t = "table", kind = columns and "aligned" or "gathered", rows = rows } }
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

-- Reads what a switch applies to: the rest of its group or cell.
function Parser:rest()
  local variant = self.variant
  local row = self:row()
  self.variant = variant
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
local KINDS = {}
for byte = 0x30, 0x7A do
  local char = string.char(byte)
  KINDS[char] = char:find("%a") and "letter" or char:find("%d") and "digit" or nil
end

-- Reads one atom. `row` is what stands before it, for what binds backwards.
function Parser:atom(row)
  local char, at = self:peek(), self.at
  local kind = KINDS[char]
  if kind == "letter" then
    self.at = at + 1
    return { t = "id", text = char, variant = self.variant }
  elseif kind == "digit" or (char == "." and self.text:find("^%.%d", at)) then
    local digits = self.text:match("^%d*%.?%d+", at)
    self.at = at + #digits
    return { t = "num", text = digits, variant = self.variant }
  elseif char == "{" then
    return self:group()
  elseif char == "^" or char == "_" then
    self.at = at + 1
    return self:script(row, char, at)
  elseif char == "'" then
    return self:prime(row)
  elseif char == "\\" then
    return self:command(row)
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

-- Gives a sign the alphabet that is switched on: letters any, other signs the bold one alone.
function Parser:dressed(node)
  local variant = self.variant
  if variant and (node.t == "id" or (node.t == "sym" and (variant == "bi" or letters.is_capital_greek(node.text) or node.text == "∇"))) then
    node.variant = variant
  end
  return node
end

-- The node of a character that stands for itself.
function Parser:character(char)
  local known = symbols.characters[char]
  if known then
    return self:dressed(copy(known))
  end
  if char == "\u{a0}" or char == "\u{2009}" or char == "\u{202f}" then
    return { t = "space", em = 0.2 }
  end
  return { t = #char > 1 and "id" or "sym", text = char, class = "ord", variant = #char > 1 and (self.variant or "rm") or nil }
end

local SIGN = "^\\(" .. utf8.charpattern .. ")"

function Parser:command(row)
  local at = self.at
  local name = self.text:match("^\\(%a+)", at) or self.text:match(SIGN, at)
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
  return self:dressed(copy(known))
end

-- A macro defined in the formula: its text takes the place of its use, where also its faults are shown.
function Parser:expand(name, at)
  local macro = self.macros[name]
  if macro.paired then
    return self:paired(table.unpack(macro.paired))
  end
  local given = {}
  for n = 1, macro.count do
    given[n] = (n == 1 and macro.default and (self:raw_option() or macro.default)) or self:raw()
  end
  local text = macro.text:gsub("#(%d)", function(n) return given[tonumber(n)] or "" end)
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
