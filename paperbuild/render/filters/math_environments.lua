-- Environments of LaTeX, amsmath and mathtools: tables of rows and cells.

local parse = require("math_parse")

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

-- \begin{array}{cc|c}: the alignment of each column, and after which columns a rule stands (0: before the first).
local function read_columns(spec)
  spec = spec:gsub("%*%s*{%s*(%d+)%s*}%s*(%b{})", function(n, inner) return inner:sub(2, -2):rep(math.min(tonumber(n), 99)) end)
  spec = spec:gsub("[@!>]%s*%b{}", "")
  local align, rules = {}, {}
  for char in spec:gsub("[pmb]%s*%b{}", "l"):gmatch("[lcr|:]") do
    if char == "|" or char == ":" then
      rules[#align] = true
    else
      align[#align + 1] = char
    end
  end
  return align, rules
end
parse.read_columns = read_columns

local function finished(parser, node, name, at)
  node.rows, node.any, node.rules = parser:rows()
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
      node.align = read_columns((parser:raw_option() or "c"):rep(30))
    end
    return finished(parser, node, name, at)
  end
end

for prefix, fences in pairs({ [""] = { "", "" }, p = { "(", ")" }, b = { "[", "]" }, B = { "{", "}" }, v = { "|", "|" }, V = { "‖", "‖" } }) do
  for _, star in ipairs({ "", "*" }) do
    environments[prefix .. "matrix" .. star] = matrix({ open = fences[1], close = fences[2] })
    environments[prefix .. "smallmatrix" .. star] = matrix({ open = fences[1], close = fences[2], small = true })
  end
end

local function array(parser, name, at)
  parser:raw_option()
  local node = { t = "table", kind = "matrix", open = "", close = "" }
  node.align, node.columns = read_columns((parser:raw()))
  return finished(parser, node, name, at)
end
environments.array, environments["array*"] = array, array
environments.subarray = function(parser, name, at)
  local node = { t = "table", kind = "matrix", open = "", close = "", small = true, tight = true }
  node.align = read_columns((parser:raw()))
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
  environments[name] = function(parser, given, at)
    return finished(parser, { t = "table", kind = "cases", open = fields.open, close = fields.close, display = fields.display }, given, at)
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
