-- Formulas in LaTeX: numbered as a whole or line by line, joined to what they are in, smaller where they would be wider than the line.

local equation_lines = require("equation_lines")
local formulas = require("formulas")
local labels = require("labels")

local M = {}

-- Environments that number each of their lines, and what they are inside another one.
local INNER = { align = "aligned", alignat = "alignedat", flalign = "aligned", gather = "gathered", eqnarray = "aligned", IEEEeqnarray = "aligned", multline = "gathered" }

local function strip(tex)
  return (tex:gsub("\\label%s*%b{}", ""):gsub("\\tag%*?%s*%b{}", ""):gsub("\\nonumber%f[%A]", ""):gsub("\\notag%f[%A]", "")
    :gsub("^%s+", ""):gsub("%s+$", ""):gsub("\n%s*\n", "\n"))
end

-- What stands between the dollars, in a form that bears one number or none.
local function as_one(tex)
  local name = tex:match("^%s*\\begin{(%a+)%*?}")
  if name == "equation" or name == "displaymath" then
    tex = tex:gsub("^%s*\\begin{%a+%*?}", ""):gsub("\\end{%a+%*?}%s*$", "")
  elseif name and INNER[name] then
    tex = tex:gsub("^(%s*\\begin{)%a+%*?}", "%1" .. INNER[name] .. "}"):gsub("\\end{%a+%*?}(%s*)$", "\\end{" .. INNER[name] .. "}%1")
    if name == "IEEEeqnarray" then
      tex = tex:gsub("^(%s*\\begin{aligned})%s*%b{}", "%1")
    end
    if name == "eqnarray" or name == "IEEEeqnarray" then
      tex = tex:gsub("&%s*([^&]-)%s*&", "&%1 ")
    end
  elseif tex:gsub("\\begin%b{}.-\\end%b{}", ""):find("\\\\", 1, true) then
    local environment = tex:find("&", 1, true) and "aligned" or "gathered"
    tex = "\\begin{" .. environment .. "}\n" .. tex .. "\n\\end{" .. environment .. "}"
  end
  return strip(tex)
end

local LONG = { [1] = 150, [2] = 80 } -- characters of TeX that may be more than a line

-- A formula that may be wider than its column becomes smaller where it is.
local function fitted(tex, columns)
  local shown = tex:gsub("\\%a+", "x"):gsub("[{}%s_^]", "")
  local one_line = not tex:find("\\\\", 1, true)
  return one_line and #shown > LONG[columns == 2 and 2 or 1] * 0.45 and "\\fitteddisplay{" .. tex .. "}" or tex
end

local function formula(math, how)
  local tex, packages = formulas.latex(math.text)
  for _, package in ipairs(packages) do
    how.need(package)
  end
  return tex
end

function M.numbered_equation(span, how)
  local tex = formula(span.content[1], how)
  local tag = span.attributes.tag
  return pandoc.RawInline("latex", "\\begin{equation}" .. labels.mark(span.identifier) .. (tag and "\\tag{" .. tag .. "}" or "") .. "\n"
    .. fitted(as_one(tex), how.columns) .. "\n\\end{equation}")
end

-- amsmath numbers the lines; each has its own label.
function M.numbered_lines(span, how)
  local lines, about = equation_lines.of(span.content[1].text)
  local _, ids = equation_lines.marks(span)
  local name = ({ alignat = "align", IEEEeqnarray = "eqnarray" })[about.environment] or about.environment
  local written = {}
  for i, line in ipairs(lines) do
    local tex = formula(pandoc.Math("DisplayMath", line.text), how):gsub("^%s+", ""):gsub("%s+$", "")
    written[i] = tex .. (line.tag and " \\tag{" .. line.tag .. "}" or not line.numbered and " \\nonumber" or "")
      .. (ids[i] ~= "" and " " .. labels.mark(ids[i]) or "")
  end
  local code = "\\begin{" .. name .. "}\n" .. table.concat(written, " \\\\\n") .. "\n\\end{" .. name .. "}"
  if about.sub then
    code = "\\begin{subequations}" .. labels.mark(span.identifier) .. "\n" .. code .. "\n\\end{subequations}"
  end
  return pandoc.RawInline("latex", code)
end

function M.plain_formula(math, how)
  local tex = formula(math, how)
  if math.mathtype == "InlineMath" then
    return pandoc.RawInline("latex", "$" .. strip(tex) .. "$")
  end
  if tex:find("\\intertext", 1, true) and tex:find("^%s*\\begin{%a+%*}") then -- which stands in no environment inside another one
    return pandoc.RawInline("latex", strip(tex))
  end
  return pandoc.RawInline("latex", "\\[\n" .. fitted(as_one(tex), how.columns) .. "\n\\]")
end

return M
