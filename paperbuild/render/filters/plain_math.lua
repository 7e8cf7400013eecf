-- Formulas for formats that pandoc's own converter writes: what it does not understand is told, not left as TeX.

local formulas = require("formulas")

local M = {}

-- Returns the formula in TeX that the converter takes. `cache` is of one document.
function M.converted(math, problems, cache)
  local key = math.mathtype .. math.text
  if cache[key] == nil then
    local tree, fault = formulas.read(math.text)
    if not tree then
      problems:insert(formulas.problem(math.text, fault))
    end
    local plain = tree and formulas.plain_tex(math.text) or ""
    cache[key] = plain
  end
  return pandoc.Math(math.mathtype, cache[key])
end

return M
