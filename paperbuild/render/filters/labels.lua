-- How an id is written as a label: in typst and in LaTeX.

local M = {}

function M.typst(id)
  if id:find("^[%a_][%w_%-:]*[%w_]$") then
    return "<" .. id .. ">"
  end
  return 'label("' .. id:gsub('[\\"]', "\\%0") .. '")'
end

-- Bytes that a \label cannot hold become their hexadecimal code, so that two ids never share a label.
function M.latex(id)
  return (id:gsub("[^%w:%.%-+]", function(char) return string.format("_%02x", char:byte()) end))
end

-- The \label of an id; nothing for none.
function M.mark(id)
  return id ~= "" and "\\label{" .. M.latex(id) .. "}" or ""
end

return M
