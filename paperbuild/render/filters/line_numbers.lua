-- The numbers of the lines of code, `{.numberLines startFrom="10"}`, for formats whose writer has none.

local M = {}

-- Returns the number of the first line, nil where lines have no numbers.
function M.first(block)
  if not (block.classes:includes("numberLines") or block.classes:includes("number-lines")) then
    return nil
  end
  return math.tointeger(tonumber(block.attributes.startFrom or "1")) or 1
end

-- Returns the code with its number in front of each line, where lines have numbers.
function M.written(block)
  local first = M.first(block)
  if not first then
    return block.text
  end
  local lines = pandoc.List({})
  for line in (block.text .. "\n"):gmatch("(.-)\n") do
    lines:insert(line)
  end
  local width = #tostring(first + #lines - 1)
  for n, line in ipairs(lines) do
    lines[n] = (string.format("%" .. width .. "d  ", first + n - 1) .. line):gsub("%s+$", "")
  end
  return table.concat(lines, "\n")
end

-- Returns the block with its numbers in its text, where its lines have any.
function M.plain(block)
  if not M.first(block) then
    return nil
  end
  block.text = M.written(block)
  block.classes = block.classes:filter(function(name) return name ~= "numberLines" and name ~= "number-lines" end)
  block.attributes.startFrom = nil
  return block
end

return M
