-- Commands of the physics and braket packages (their manuals), and others that authors define under the same names.

local parse = require("math_parse")

local commands, Parser = parse.commands, parse.Parser

local before = {} -- the commands that are not of this module
for name in pairs(commands) do
  before[name] = true
end

local function sym(text, class)
  return { t = "sym", text = text, class = class or "ord" }
end

local function fence(open, body, close)
  return { t = "fence", open = open, body = body, close = close, class = "inner" }
end

local function row(...)
  return { t = "row", ... }
end

-- Reads an argument in (parentheses) or [brackets] as a row; nil where none follows.
function Parser:enclosed(open, close)
  local save = self.at
  if self:peek() ~= open then
    self.at = save
    return nil
  end
  local stop = self.text:match("^%b" .. open .. close .. "()", self.at)
  if not stop then
    self.at = save
    return nil
  end
  local at = self.at + 1
  self.at = stop
  return self:piece(self.text:sub(at, stop - 2), at)
end

-- Whether a group follows, which would be one more argument.
function Parser:has_group()
  return self.text:find("^%s*{", self.at) ~= nil
end

for name, fences in pairs({ abs = { "|", "|" }, absolutevalue = { "|", "|" }, norm = { "‖", "‖" }, ceil = { "⌈", "⌉" }, floor = { "⌊", "⌋" },
  set = { "{", "}" }, Set = { "{", "}" }, paren = { "(", ")" }, order = { "(", ")" }, pqty = { "(", ")" }, bqty = { "[", "]" }, vqty = { "|", "|" },
  Bqty = { "{", "}" }, angles = { "⟨", "⟩" }, card = { "|", "|" } }) do
  commands[name] = function(parser)
    parser:star()
    parser:raw_option()
    local body = (fences[1] == "(" and parser:enclosed("(", ")")) or parser:argument()
    local node = fence(fences[1], body, fences[2])
    return name == "order" and row({ t = "id", text = "O", variant = "cal" }, node) or node
  end
end

-- \qty(x), \qty[x], \qty{x}: brackets that grow; \qty{3}{\m} is siunitx's.
function commands.qty(parser, _, name, at)
  parser:star()
  for _, pair in ipairs({ { "(", ")" }, { "[", "]" }, { "|", "|" } }) do
    local inner = pair[1] ~= "|" and parser:enclosed(pair[1], pair[2])
    if inner then
      if pair[1] == "[" and parser:has_group() then -- options of siunitx
        return commands.SI(parser, nil, name, at)
      end
      return fence(pair[1], inner, pair[2])
    end
  end
  if parser.text:find("^%s*%b{}%s*[{\\]", parser.at) and parser.text:find("^%s*{[%s%d%.,eE%+%-%(%)x/]*}", parser.at) then
    return commands.SI(parser, nil, name, at)
  end
  return fence("{", parser:argument(), "}")
end
commands.quantity = commands.qty

-- Dirac's notation.
local function bars(body)
  for _, node in ipairs(body) do -- a bar inside divides
    if node.t == "sym" and (node.text == "|" or node.text == "∣") then
      node.t = "middle"
      node.text = "|"
    end
  end
  return body
end

local function ket_like(open, close)
  return function(parser)
    parser:star()
    return fence(open, parser:argument(), close)
  end
end
commands.ket, commands.Ket = ket_like("|", "⟩"), ket_like("|", "⟩")

local function between(parser, ...)
  local body = row()
  for i, part in ipairs({ ... }) do
    if i > 1 then
      body[#body + 1] = { t = "middle", text = "|" }
    end
    table.move(part, 1, #part, #body + 1, body)
  end
  return fence("⟨", body, "⟩")
end

-- \bra{a}\ket{b} is one bracket.
function commands.bra(parser)
  parser:star()
  local left = parser:argument()
  if parser:take("\\[kK]et%f[%A]") then
    parser:star()
    return between(parser, left, parser:argument())
  end
  return fence("⟨", left, "|")
end
commands.Bra = commands.bra

function commands.braket(parser)
  parser:star()
  local left = parser:argument()
  if parser:has_group() then
    return between(parser, left, parser:argument())
  end
  return fence("⟨", bars(left), "⟩")
end
commands.Braket, commands.innerproduct, commands.ip = commands.braket, commands.braket, commands.braket

function commands.ketbra(parser)
  parser:star()
  local left = parser:argument()
  local right = parser:has_group() and parser:argument() or left
  return row(fence("|", left, "⟩"), fence("⟨", right, "|"))
end
commands.outerproduct, commands.op, commands.dyad, commands.proj = commands.ketbra, commands.ketbra, commands.ketbra, commands.ketbra

function commands.expval(parser)
  parser:star()
  local operator = parser:argument()
  if parser:has_group() then
    local state = parser:argument()
    return between(parser, state, operator, state)
  end
  return fence("⟨", bars(operator), "⟩")
end
commands.ev, commands.expectationvalue, commands.mean = commands.expval, commands.expval, nil
function commands.mel(parser)
  parser:star()
  local left, operator = parser:argument(), parser:argument()
  return between(parser, left, operator, parser:argument())
end
commands.matrixel, commands.matrixelement = commands.mel, commands.mel

for name, fences in pairs({ comm = { "[", "]" }, commutator = { "[", "]" }, acomm = { "{", "}" }, anticommutator = { "{", "}" },
  pb = { "{", "}" }, poissonbracket = { "{", "}" } }) do
  commands[name] = function(parser)
    local left = parser:argument()
    local body = row(left, sym(",", "punct"), parser:argument())
    return fence(fences[1], body, fences[2])
  end
end

-- \eval{f}_a^b, \eval{f}: a bar behind.
function commands.eval(parser)
  parser:star()
  local body = parser:enclosed("(", ")") or parser:argument()
  return fence("", body, "|")
end

-- Derivatives: \dv{x}, \dv{f}{x}, \dv[n]{f}{x}, \pdv{f}{x}{y}.
local function derivative(sign, mixed)
  return function(parser)
    local slanted = parser:star()
    local power = parser:option()
    local first = parser:argument()
    local function d(power_of)
      local node = parse.copy(sign)
      return power_of and { t = "scripts", base = node, sup = power_of } or node
    end
    local second = parser:has_group() and parser:argument()
    local third = second and mixed and parser:has_group() and parser:argument()
    local function of(x, n)
      return n and { t = "scripts", base = #x == 1 and x[1] or x, sup = n } or x
    end
    local above, below
    if not second then
      second = parser:enclosed("(", ")") and nil
      above, below = row(d(power)), row(d(), of(first, power))
    elseif third then
      above = row(d(row({ t = "num", text = "2" })), first)
      below = row(d(), second, d(), third)
    else
      above, below = row(d(power), first), row(d(), of(second, power))
    end
    if slanted then
      return row(above, sym("/"), below)
    end
    return { t = "frac", line = true, above = above, below = below }
  end
end

local UPRIGHT_D = { t = "id", text = "d", variant = "rm" }
commands.dv, commands.derivative = derivative(UPRIGHT_D), derivative(UPRIGHT_D)
commands.pdv = derivative({ t = "id", text = "∂" }, true)
commands.partialderivative = commands.pdv
commands.fdv = derivative({ t = "id", text = "δ" })
commands.functionalderivative = commands.fdv
commands.odv, commands.mdv = commands.dv, nil

-- \dd, \dd{x}, \dd[3]{x}, \dd(x): with the thin space that a differential has before it.
function commands.dd(parser)
  local power = parser:option()
  local d = parse.copy(UPRIGHT_D)
  local head = power and { t = "scripts", base = d, sup = power } or d
  local inner = parser:enclosed("(", ")")
  if inner then
    return row(head, sym("(", "open"), inner, sym(")", "close"))
  end
  if parser:has_group() then
    return row({ t = "space", em = 3 / 18 }, head, parser:argument())
  end
  return head
end
commands.differential = commands.dd
function commands.var(parser)
  return row({ t = "id", text = "δ" }, parser:has_group() and parser:argument() or nil)
end
commands.variation = commands.var

-- Vectors.
function commands.va(parser)
  parser:star()
  local outer = parser.variant
  parser.variant = "bf"
  local body = parser:argument()
  parser.variant = outer
  return { t = "accent", mark = "→", combining = "\u{20D7}", body = body }
end
function commands.vu(parser)
  parser:star()
  local outer = parser.variant
  parser.variant = "bf"
  local body = parser:argument()
  parser.variant = outer
  return { t = "accent", mark = "^", combining = "\u{302}", body = body }
end
commands.vectorarrow, commands.vectorunit = commands.va, commands.vu
for name, sign in pairs({ grad = "", gradient = "", divergence = "⋅", curl = "×", laplacian = "2" }) do
  commands[name] = function()
    local nabla = { t = "sym", text = "𝛁", class = "ord" }
    if sign == "" then
      return nabla
    elseif sign == "2" then
      return { t = "scripts", base = { t = "sym", text = "∇", class = "ord" }, sup = row({ t = "num", text = "2" }) }
    end
    return row(nabla, sym(sign, "bin"), row())
  end
end
commands.cross, commands.crossproduct, commands.cp = function() return sym("×", "bin") end, function() return sym("×", "bin") end, nil
commands.dotproduct, commands.vdot = function() return sym("⋅", "bin") end, function() return sym("⋅", "bin") end

-- Words with a quad at both sides.
for name, words in pairs({ qq = "", qif = "if", qthen = "then", qelse = "else", qand = "and", qor = "or", qfor = "for", qwith = "with",
  qwhere = "where", qotherwise = "otherwise", qgiven = "given", qas = "as", qin = "in", qall = "for all", qsince = "since", qlet = "let",
  qcc = "c.c.", qassume = "assume", qunless = "unless" }) do
  commands[name] = function(parser)
    local star = parser:star()
    local pieces = { { text = words } }
    if name == "qq" then
      local text, at = parser:raw()
      pieces = parse.words(parser, text, at)
    end
    return row(star and row() or { t = "space", em = 1 }, { t = "text", pieces = pieces }, { t = "space", em = 1 })
  end
end

-- \mqty(a & b \\ c & d), \mqty[…], \pmqty{…} and its kin.
local function matrix_of(parser, open, close, text, at)
  local inner = Parser.new(text, at - 1 + parser.offset)
  inner.depth, inner.macros, inner.variant = parser.depth + 1, parser.macros, parser.variant
  local node = { t = "table", kind = "matrix", open = open, close = close, rows = inner:rows() }
  if inner.at <= #text then
    inner:unexpected()
  end
  return node
end
for name, fences in pairs({ mqty = { "", "" }, matrixquantity = { "", "" }, pmqty = { "(", ")" }, Pmqty = { "(", ")" }, bmqty = { "[", "]" },
  vmqty = { "|", "|" }, mdet = { "|", "|" }, matrixdeterminant = { "|", "|" } }) do
  commands[name] = function(parser)
    for _, pair in ipairs({ { "(", ")" }, { "[", "]" } }) do
      local from, to = parser.text:find("^%s*%b" .. pair[1] .. pair[2], parser.at)
      if from and name:find("^m") and name ~= "mdet" then
        local open = parser.text:find(pair[1], from, true)
        parser.at = to + 1
        return matrix_of(parser, pair[1], pair[2], parser.text:sub(open + 1, to - 1), open + 1)
      end
    end
    local text, at = parser:raw()
    return matrix_of(parser, fences[1], fences[2], text, at)
  end
end

-- The names of the commands that are defined here.
local names = {}
for name in pairs(commands) do
  if not before[name] then
    names[#names + 1] = name
  end
end

return names
