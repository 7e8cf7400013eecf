-- How wide a table's columns are, in characters: what formats need that cannot measure text themselves.

local M = {}

local function each_row(tbl, visit)
  local rows = pandoc.List({})
  rows:extend(tbl.head.rows)
  for _, body in ipairs(tbl.bodies) do
    rows:extend(body.head)
    rows:extend(body.body)
  end
  rows:extend(tbl.foot.rows)
  for n, row in ipairs(rows) do
    visit(row, n, #rows)
  end
end
M.each_row = each_row

-- Returns for each column how wide its longest cell is, and its longest word; cells that span columns do not count.
function M.measured(tbl)
  local whole, word = {}, {}
  for i = 1, #tbl.colspecs do
    whole[i], word[i] = 1, 1
  end
  each_row(tbl, function(row)
    local at = 1
    for _, cell in ipairs(row.cells) do
      if cell.col_span == 1 and whole[at] then
        local text = pandoc.utils.stringify(cell.contents)
        whole[at] = math.max(whole[at], utf8.len(text) or #text)
        for piece in text:gmatch("%S+") do
          word[at] = math.max(word[at], utf8.len(piece) or #piece)
        end
      end
      at = at + cell.col_span
    end
  end)
  return whole, word
end

-- Whether the author says how wide a column is.
function M.are_given(tbl)
  for _, spec in ipairs(tbl.colspecs) do
    if tonumber(spec[2]) then
      return true
    end
  end
  return false
end

local function sum(list)
  local total = 0
  for _, value in ipairs(list) do
    total = total + value
  end
  return total
end
M.sum = sum

-- Returns the columns' widths on a line of `room` characters: those of the cells where they fit, else those of the words and a fair
-- share of what is left. nil where not even the words fit.
function M.shared(whole, word, room)
  local full, least = sum(whole), sum(word)
  if full <= room then
    return whole
  elseif least > room then
    return nil
  end
  local part = (room - least) / (full - least)
  local out = {}
  for i = 1, #whole do
    out[i] = word[i] + (whole[i] - word[i]) * part
  end
  return out
end

return M
