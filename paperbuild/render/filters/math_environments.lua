-- Environments of LaTeX, amsmath and mathtools: tables of rows and cells.

local parse = require("math_parse")
require("math_cells")

local environments, commands, Parser = parse.environments, parse.commands, parse.Parser

-- Reads what ends an environment.
function Parser:finish(name, at)
  self:skip()
  local behind = self.at
  local ending = self:take("\\end%s*{([^}]*)}")
  if ending == name then
    return
  elseif ending then
    self:fail("here \\end{" .. name .. "} should stand", behind, "\\end{" .. ending .. "}")
  elseif self.at > #self.text then
    self:fail("its \\end{" .. name .. "} is missing", at, "\\begin{" .. name .. "}")
  end
  self:unexpected()
end

function commands.begin(parser, _, _, at)
  local name, from = parser:raw()
  local read = environments[name]
  if not read then
    parser:fail("unknown environment", from, name)
  end
  local variant = parser.variant
  parser.depth = parser.depth + 1
  if parser.depth > 100 then
    parser:fail("groups are nested too deeply", at, "\\begin")
  end
  local node = read(parser, name, at)
  parser.variant, parser.depth = variant, parser.depth - 1
  return node
end

-- How wide the space is that TeX in @{…} says, in em; nil where it says more than space.
local function space_of(parser, text)
  text = text:gsub("\\extracolsep%s*%b{}", ""):gsub("\\fill?%f[%A]", ""):gsub("\\hfill?%f[%A]", "")
  local ok, row = pcall(function() return Parser.new(text):all() end)
  local em = 0
  for _, node in ipairs(ok and row or {}) do
    if node.t ~= "space" or node.high then
      return nil
    end
    em = em + node.em
  end
  return ok and em or nil
end

-- What stands before or behind a column besides its alignment: >{…}, @{…}, !{…}. Returns whether it is understood.
local function column_extra(parser, columns, char, inner)
  if char == ">" and inner:find("^%s*\\displaystyle%s*$") then
    columns.displays[#columns.align + 1] = true
  elseif char == "!" and inner:find("^%s*\\vrule%s*$") then
    columns.rules[#columns.align] = true
  elseif char == ">" or char == "<" then
    return not inner:gsub("\\textstyle", ""):find("[^%s{}]")
  else
    local em = space_of(parser, inner)
    if em and char == "@" then
      columns.gaps[#columns.align] = em
    end
    return em ~= nil
  end
  return true
end

-- \begin{array}{cc|c}: the alignment of each column; `rules`, after which columns one stands (0: before the first); `gaps`, the space there
-- in em where @{…} says it; `displays`, the columns with >{\displaystyle}. `spec` starts at byte `at`.
local function read_columns(parser, spec, at)
  local text = spec:gsub("%*%s*{%s*(%d+)%s*}%s*(%b{})", function(n, inner) return inner:sub(2, -2):rep(math.min(tonumber(n), 99)) end)
  local columns, i = { align = {}, rules = {}, gaps = {}, displays = {} }, 1
  local align, rules = columns.align, columns.rules
  while i <= #text do
    local char, inner, behind = text:match("^([@!><])%s*(%b{})()", i)
    if inner and not column_extra(parser, columns, char, inner:sub(2, -2)) then
      parser:fail("what stands between columns here cannot be set", at, spec)
    elseif not inner then
      char, behind = text:match("^([lcr|:])()", i)
      if not char then
        behind = text:match("^[pmbwW]%s*%b{}()", i) or text:match("^%s+()", i)
        char = behind and not text:find("^%s", i) and "l" or nil
      end
      if not behind then
        parser:fail("unknown kind of column", at, spec)
      elseif char == "|" or char == ":" then
        rules[#align] = true
      elseif char then
        align[#align + 1] = char
      end
    end
    i = behind
  end
  return columns
end

local TAKES = { matrix = "rules", aligned = "words", alignedat = "words", gathered = "words", multline = "words", eqnarray = "words" }

local function finished(parser, node, name, at, words_from)
  node.rows, node.any, node.rules = parser:rows(TAKES[node.kind], words_from)
  parser:finish(name, at)
  return node
end

local function matrix(fields)
  return function(parser, name, at)
    local node = { t = "table", kind = "matrix" }
    for key, value in pairs(fields) do
      node[key] = value
    end
    if name:find("%*$") then
      local side, side_at = parser:raw_option()
      node.align = read_columns(parser, (side or "c"):rep(30), side_at).align
    end
    return finished(parser, node, name, at)
  end
end

for prefix, fences in pairs({ [""] = { "", "" }, p = { "(", ")" }, b = { "[", "]" }, B = { "{", "}" }, v = { "|", "|" }, V = { "‖", "‖" } }) do
  for _, star in ipairs({ "", "*" }) do
    environments[prefix .. "matrix" .. star] = matrix({ open = fences[1], close = fences[2] })
    environments[prefix .. "smallmatrix" .. star] = matrix({ open = fences[1], close = fences[2], small = true })
    environments[prefix .. "NiceMatrix" .. star] = environments[prefix .. "matrix" .. star]
  end
end

local function array(parser, name, at)
  parser:raw_option()
  local node = { t = "table", kind = "matrix", open = "", close = "" }
  local columns = read_columns(parser, parser:raw())
  node.align, node.columns, node.gaps = columns.align, columns.rules, columns.gaps
  finished(parser, node, name, at)
  for _, cells in ipairs(next(columns.displays) and node.rows or {}) do
    for column in pairs(columns.displays) do
      cells[column] = cells[column] and { t = "row", { t = "style", style = "display", body = cells[column] } }
    end
  end
  return node
end
environments.array, environments["array*"] = array, array
environments.subarray = function(parser, name, at)
  local node = { t = "table", kind = "matrix", open = "", close = "", small = true, tight = true }
  node.align = read_columns(parser, parser:raw()).align
  return finished(parser, node, name, at)
end

function commands.substack(parser)
  local text, at = parser:raw()
  local inner = Parser.new(text, at - 1 + parser.offset)
  inner.depth, inner.macros, inner.variant = parser.depth + 1, parser.macros, parser.variant
  local node = { t = "table", kind = "matrix", open = "", close = "", small = true, tight = true }
  node.rows = inner:rows()
  if inner.at <= #text then
    inner:unexpected()
  end
  return node
end

-- \matrix{…}, \cases{…} of plain TeX.
for name, fields in pairs({ matrix = { kind = "matrix", open = "", close = "" }, pmatrix = { kind = "matrix", open = "(", close = ")" },
  cases = { kind = "cases", open = "{", close = "" } }) do
  commands[name] = function(parser)
    local text, at = parser:raw()
    local inner = Parser.new(text, at - 1 + parser.offset)
    inner.depth, inner.macros, inner.variant = parser.depth + 1, parser.macros, parser.variant
    local node = { t = "table", rows = inner:rows() }
    for key, value in pairs(fields) do
      node[key] = value
    end
    if inner.at <= #text then
      inner:unexpected()
    end
    return node
  end
end

for name, fields in pairs({ cases = { open = "{", close = "" }, dcases = { open = "{", close = "", display = true },
  rcases = { open = "", close = "}" }, drcases = { open = "", close = "}", display = true } }) do
  for star, words_from in pairs({ [""] = false, ["*"] = 2 }) do -- with a star, the second column is words
    environments[name .. star] = function(parser, given, at)
      return finished(parser, { t = "table", kind = "cases", open = fields.open, close = fields.close, display = fields.display }, given, at, words_from)
    end
  end
end

local KINDS = {
  aligned = "aligned", align = "aligned", flalign = "aligned", split = "aligned", alignedat = "alignedat", alignat = "alignedat", xalignat = "aligned",
  gathered = "gathered", gather = "gathered", multline = "multline", multlined = "multline", eqnarray = "eqnarray", IEEEeqnarray = "eqnarray",
}
for name, kind in pairs(KINDS) do
  for _, star in ipairs({ "", "*" }) do
    environments[name .. star] = function(parser, given, at)
      parser:raw_option()
      if name:find("at$") or name == "IEEEeqnarray" then
        parser:raw()
      end
      return finished(parser, { t = "table", kind = kind }, given, at)
    end
  end
end

-- Environments that only say how a formula stands on the page.
for name in ("equation equation* displaymath math subequations dmath dmath* small footnotesize"):gmatch("%S+") do
  environments[name] = function(parser, given, at)
    local rows, any = parser:rows()
    parser:finish(given, at)
    if not any then
      return rows[1] and rows[1][1] or { t = "row" }
    end
    local columns = 1
    for _, cells in ipairs(rows) do
      columns = math.max(columns, #cells)
    end
    return { t = "table", kind = columns > 1 and "aligned" or "gathered", rows = rows }
  end
end

return environments
