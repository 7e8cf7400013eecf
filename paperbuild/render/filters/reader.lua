-- How pandoc's readers are asked, wherever text is read.

local M = {}

-- Long attributes in a table cell would change its column's width, were there a line length to measure them by.
M.OPTIONS = { columns = 1000000 }

return M
