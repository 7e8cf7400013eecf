-- Formulas for formats that pandoc's own converter writes: what it does not understand is told, not left as TeX.

local formulas = require("formulas")

local M = {}

-- Returns the formula in TeX that the converter takes. `cache` is of one document.
function M.converted(math, problems, cache)
  local key = math.mathtype .. math.text
  if cache[key] == nil then
    local plain = formulas.plain_tex(math.text)
    local try = pandoc.write(pandoc.Pandoc({ pandoc.Plain({ pandoc.Math(math.mathtype, plain) }) }), "html", { html_math_method = "mathml" })
    if not try:find("<math", 1, true) then
      problems:insert({ kind = "math", text = math.text, detail = formulas.stumbling_block(math.text) })
      plain = ""
    end
    cache[key] = plain
  end
  return pandoc.Math(math.mathtype, cache[key])
end

return M
