-- \ce{…}: formulas and equations of chemistry, as mhchem reads them (its manual, version 4), the part that papers use.

local parse = require("math_parse")

local commands = parse.commands

local M = {}

local THIN = 3 / 18

local function sym(text, class)
  return { t = "sym", text = text, class = class or "ord" }
end

-- One reading: `text` from `at` on, into `row`; `last` is the scripts node of the particle that digits and charges belong to.
local Reader = {}
Reader.__index = Reader

function Reader:add(node)
  self.row[#self.row + 1] = node
  return node
end

-- A particle to which digits and charges may be added.
function Reader:particle(node)
  self.last = self:add({ t = "scripts", base = node })
  self.fresh = false
end

function Reader:script(key, nodes)
  local holder = self.last
  if not holder then -- before what it belongs to: an isotope
    local base = self:add({ t = "scripts", base = { t = "row" } })
    self.ahead = self.ahead or base
    self.ahead[key == "sup" and "presup" or "presub"] = nodes
    if self.ahead ~= base then
      self.row[#self.row] = nil
    end
    return
  end
  if key == "sup" and holder.sub and not holder.sup then -- the charge stands behind the digits
    holder.base = { t = "row", { t = "scripts", base = holder.base, sub = holder.sub } }
    holder.base.group, holder.sub = true, nil
  end
  if holder[key] then
    table.move(nodes, 1, #nodes, #holder[key] + 1, holder[key])
  else
    holder[key] = nodes
  end
end

local function charge(text)
  local row = { t = "row" }
  for part in text:gmatch("[%d%.]*[^%d]?") do
    local digits, sign = part:match("^(%d*)(.*)$")
    if digits ~= "" then
      row[#row + 1] = { t = "num", text = digits }
    end
    if sign ~= "" then
      local shown = ({ ["-"] = "−", ["."] = "•", ["*"] = "•" })[sign] or sign
      row[#row + 1] = sign:find("%a") and { t = "id", text = sign, variant = "rm" } or sym(shown)
    end
  end
  return row
end

local ARROWS = {
  { "^<=>>", "⇌" }, { "^<<=>", "⇌" }, { "^<=>", "⇌" }, { "^<%-%->", "⇆" }, { "^<%->", "⟷", "↔" }, { "^%->", "⟶", "→" }, { "^<%-", "⟵", "←" }, { "^<=", "⇐" },
  { "^=>", "⟹", "⇒" },
}

function Reader:arrow()
  for _, arrow in ipairs(ARROWS) do
    local from, to = self.text:find(arrow[1], self.at)
    if from then
      self.at = to + 1
      local options = {}
      for n = 1, 2 do
        local option = self.text:match("^%b[]", self.at)
        if option then
          options[n] = M.read(self.parser, option:sub(2, -2), self.from and self.from + self.at)
          self.at = self.at + #option
        end
      end
      if options[1] then
        self:add({ t = "arrow", text = arrow[3] or arrow[2], above = options[1], below = options[2], class = "rel" })
      else
        self:add(sym(arrow[2], "rel"))
      end
      self.fresh, self.last = true, nil
      return true
    end
  end
  return false
end

-- TeX inside: a group, a formula between dollars, a command.
function Reader:tex(char)
  local place = self.from and self.from + self.at - 1
  if char == "{" then
    local group = self.text:match("^%b{}", self.at)
    if not group then
      self.parser:fail("this brace is never closed", place, "{")
    end
    self.at = self.at + #group
    self:particle(M.read(self.parser, group:sub(2, -2), place and place + 1))
  elseif char == "$" then
    local inside, stop = self.text:match("^%$([^$]*)%$()", self.at)
    if not inside then
      self.parser:fail("this formula in words is never closed", place, "$")
    end
    self.at = stop
    self:particle(self.parser:piece(inside, place and place + 1))
  else
    local piece = self.text:match("^\\%a+%s*%b{}", self.at) or self.text:match("^\\%a+", self.at) or self.text:match("^\\.", self.at) or "\\"
    if piece:find("^\\bond") then
      self:add(sym(({ ["#"] = "≡", ["="] = "=", ["2"] = "=", ["3"] = "≡" })[piece:match("{(.-)}")] or "−"))
    else
      local variant = self.parser.variant
      self.parser.variant = "rm"
      self:particle(self.parser:piece(piece, place))
      self.parser.variant = variant
    end
    self.at = self.at + #piece
  end
end

local STATES = { aq = true, s = true, l = true, g = true, cr = true, v = true, sln = true, ads = true, am = true }

function Reader:letters()
  local element = self.text:match("^%u%l?", self.at)
  if element then
    self.at = self.at + #element
    local node = { t = "id", text = element, variant = "rm" }
    if self.ahead then
      self.ahead.base = node
      self.last, self.ahead, self.fresh = self.ahead, nil, false
    else
      self:particle(node)
    end
    return
  end
  local word = self.text:match("^%l+", self.at)
  self.at = self.at + #word
  local amount = self.fresh and #word == 1 and self.text:find("^%s*%u", self.at)
  if amount then -- an amount: n H2O
    self:add({ t = "id", text = word })
    self:add({ t = "space", em = THIN })
    self.at = self.text:match("^%s*()", self.at)
  else
    self:particle({ t = "id", text = word, variant = "rm" })
  end
end

function Reader:digits()
  local numerator, denominator, stop = self.text:match("^(%d+)/(%d+)()", self.at)
  if self.fresh and numerator then
    self.at = stop
    self:add({ t = "frac", line = true, above = { t = "row", { t = "num", text = numerator } }, below = { t = "row", { t = "num", text = denominator } } })
    self:add({ t = "space", em = THIN })
    self.at = self.text:match("^%s*()", self.at)
    return
  end
  local amount = self.fresh or not self.last
  local digits = self.text:match(amount and "^%d+%.%d+" or "^%d+", self.at) or self.text:match("^%d+", self.at)
  self.at = self.at + #digits
  if amount then
    self:add({ t = "num", text = digits })
    self.at = self.text:match("^%s*()", self.at)
    self:add({ t = "space", em = THIN })
  else
    self:script("sub", { t = "row", { t = "num", text = digits } })
  end
end

-- ^ and _, with a group or without.
function Reader:mark(char)
  local place = self.from and self.from + self.at
  local group, stop = self.text:match("^%b{}()", self.at + 1), nil
  if char == "^" and self.text:find("^[%s]", self.at + 1) or (char == "^" and self.at == #self.text) then
    self:add(sym("↑"))
    self.at = self.at + 1
    return
  end
  local inside
  if group then
    stop = self.text:match("^%b{}()", self.at + 1)
    inside = self.text:sub(self.at + 2, stop - 2)
  else
    inside, stop = self.text:match("^(%d*[%+%-]?)()", self.at + 1)
    if inside == "" then
      inside, stop = self.text:match("^(%$[^$]*%$)()", self.at + 1)
      inside = inside or self.text:match("^\\%a+", self.at + 1) or self.text:match("^[%a%.%*]", self.at + 1)
      if not inside then
        self.parser:fail("an argument is missing", place, char)
      end
      stop = self.at + 1 + #inside
    end
  end
  self.at = stop
  local nodes
  if inside:find("[\\$]") then
    nodes = { t = "row", M.read(self.parser, inside, place and place + 1) }
  else
    nodes = charge(inside)
  end
  self:script(char == "^" and "sup" or "sub", nodes)
end

function Reader:sign(char)
  local after = self.text:sub(self.at + 1, self.at + 1)
  if self.spaced and (after == " " or char == "=") or (self.fresh and char == "+") then
    self:add(sym(char == "-" and "−" or char, char == "=" and "rel" or "bin"))
    self.fresh, self.last = true, nil
  elseif (char == "+" or char == "-") and self.last and (after == "" or after:find("[%s%)%],;+%-]")) then
    self:script("sup", charge(char))
  else -- a bond
    self:add(sym(({ ["-"] = "−", ["="] = "=", ["#"] = "≡", ["+"] = "+" })[char]))
    self.fresh = false
  end
  self.at = self.at + 1
end

function Reader:bracket(char)
  local state = self.text:match("^%((%l+)%)", self.at)
  if state and STATES[state] then
    self:add({ t = "space", em = 0.1 })
    self:add({ t = "text", pieces = { { text = "(" .. state .. ")" } } })
    self.at = self.at + #state + 2
  elseif char == "(" or char == "[" then
    self:add(sym(char, "open"))
    self.at, self.last, self.fresh = self.at + 1, nil, false
  else
    self:particle(sym(char, "close"))
    self.at = self.at + 1
  end
end

function Reader:step()
  local char = self.text:sub(self.at, self.at)
  if char:find("%s") then
    local stop = self.text:match("^%s+()", self.at)
    local arrow = self.text:match("^v%f[%s\0]", stop)
    if arrow then
      self:add(sym("↓"))
      stop = stop + 1
    elseif not self.fresh and self.text:find("^[%w%(%[\\$]", stop) then
      self:add({ t = "space", em = 0.25 })
    end
    self.at, self.last, self.fresh, self.spaced = stop, nil, true, true
    return
  end
  if not self:arrow() then
    if char == "{" or char == "$" or char == "\\" then
      self:tex(char)
    elseif char:find("%a") then
      self:letters()
    elseif char:find("%d") then
      self:digits()
    elseif char == "^" or char == "_" then
      self:mark(char)
    elseif char == "+" or char == "-" or char == "=" or char == "#" then
      self:sign(char)
    elseif char:find("[%(%)%[%]]") then
      self:bracket(char)
    elseif char == "*" or char == "." then -- water of crystallization
      self:add(sym("⋅", "bin"))
      self.at, self.last, self.fresh = self.at + 1, nil, true
    elseif char == "'" then
      self:script("sup", { t = "row", { t = "sym", text = "′", class = "ord", prime = true } })
      self.at = self.at + 1
    else
      local whole = self.text:match("^" .. utf8.charpattern, self.at) or char
      self:add(self.parser:character(whole))
      self.at, self.last = self.at + #whole, nil
    end
  end
  self.spaced = false
end

-- Returns the row that `text` means; it starts at byte `at` of the parser's text (nil where it is not there as it is).
function M.read(parser, text, at)
  local reader = setmetatable({ parser = parser, text = text, at = 1, from = at, row = { t = "row" }, fresh = true, spaced = false }, Reader)
  while reader.at <= #text do
    reader:step()
  end
  for i, node in ipairs(reader.row) do -- particles without scripts are what they are
    if node.t == "scripts" and not (node.sub or node.sup or node.presub or node.presup) then
      reader.row[i] = node.base
    end
  end
  return reader.row
end

function commands.ce(parser)
  local text, at = parser:raw()
  local variant = parser.variant
  parser.variant = nil
  local row = M.read(parser, text, at)
  parser.variant = variant
  return row
end
commands.cf = commands.ce

return M
