-- Numbers with their decimal points below each other: which columns, and where each number is cut so that its parts can be aligned.
--
-- A number has up to six parts: what ends at the point, flush right; decimals and what follows, flush left; where there is an
-- uncertainty, the ±, and the same again; and last a power of ten, flush left. `91.2 ± 0.3 %` is 91|.2| ± |0|.3 %.

local M = {}

-- How a part is set: "right" or "left" in its column's share.
M.SIDES = { "right", "left", "left", "right", "left", "left" }

local POINT = { de = ",", fr = "," }
local NUMERIC = 0.5 -- so much of a Markdown column must be numbers

local function starts_with(text, at, candidates)
  for _, mark in ipairs(candidates) do
    if text:sub(at, at + #mark - 1) == mark then
      return at + #mark
    end
  end
end

local BEFORE = { " ", "\u{a0}", "\u{202f}", "\u{2009}", "(", "<", ">", "≤", "≥", "≈", "~", "±", "+", "-", "−", "–", "$", "€", "£" }
local SPACES = { " ", "\u{a0}", "\u{202f}", "\u{2009}" }
local GROUPS = { ",", ".", "'", "\u{a0}", "\u{202f}", "\u{2009}", " " }
local DASHES = { ["–"] = true, ["—"] = true, ["-"] = true, ["−"] = true }

local function skip(text, at, marks)
  local next_at = starts_with(text, at, marks)
  while next_at do
    at = next_at
    next_at = starts_with(text, at, marks)
  end
  return at
end

-- Returns where the digits that start at `at` end, thousands included; nil where there are none and no point follows.
local function whole(text, at, point)
  local _, stop = text:find("^%d+", at)
  if not stop then
    return text:sub(at, at + #point - 1) == point and text:find("^%d", at + #point) and at or nil
  end
  at = stop + 1
  while true do
    local group = starts_with(text, at, GROUPS)
    if not group or text:sub(at, group - 1) == point or not text:find("^%d%d%d", group) or text:find("^%d%d%d%d", group) then
      return at
    end
    at = group + 3
  end
end

-- Returns where the space before the byte `at` begins.
local function before_space(text, at)
  for _, space in ipairs(SPACES) do
    if at > #space and text:sub(at - #space, at - 1) == space then
      return at - #space
    end
  end
  return at
end

-- Returns where the number in `text` is cut: for each part the byte it ends before; nil for what is no number.
function M.cuts(text, point)
  local last = #text + 1
  if DASHES[text] then
    return { last, last, last, last, last, last }
  end
  local first = whole(text, skip(text, 1, BEFORE), point)
  if not first then
    return nil
  end
  local power = text:find("×", first, true)
  local tail = power and before_space(text, power) or last
  local sign = text:find("±", first, true)
  if not sign or sign > tail then
    return { first, tail, tail, tail, tail, last }
  end
  local digits = skip(text, sign + #"±", SPACES)
  return { first, before_space(text, sign), digits, whole(text, digits, point) or tail, tail, last }
end

-- Returns the first `count` bytes of the text of inlines, as inlines, and the rest: words are cut, what holds words is doubled.
local function split(inlines, count)
  local left, right = pandoc.Inlines({}), pandoc.Inlines({})
  for _, node in ipairs(inlines) do
    local text = pandoc.utils.stringify(node)
    if count >= #text then
      left:insert(node)
    elseif count <= 0 then
      right:insert(node)
    elseif node.t == "Str" then
      left:insert(pandoc.Str(node.text:sub(1, count)))
      right:insert(pandoc.Str(node.text:sub(count + 1)))
    elseif node.content then
      local inner, rest = split(node.content, count)
      local copy = node:clone()
      node.content, copy.content = inner, rest
      left:insert(node)
      right:insert(copy)
    else
      return nil
    end
    count = count - #text
  end
  return left, right
end

-- Returns the parts of a cell's inlines, some of them empty; nil for what is no number. The inlines are used up.
function M.parts(inlines, point)
  local text = pandoc.utils.stringify(inlines)
  local cuts = M.cuts(text, point)
  if not cuts then
    return nil
  end
  local parts, rest, done = {}, inlines, 0
  for i, cut in ipairs(cuts) do
    if i == #cuts then
      parts[i] = rest
    else
      local left, right = split(rest, cut - 1 - done)
      if not left then
        return nil
      end
      parts[i], rest, done = left, right, cut - 1
    end
  end
  return parts
end

-- Returns the parts of a text, some of them empty; nil for what is no number.
function M.text_parts(text, point)
  local cuts = M.cuts(text, point)
  if not cuts then
    return nil
  end
  local parts, from = {}, 1
  for i, cut in ipairs(cuts) do
    parts[i] = text:sub(from, cut - 1)
    from = cut
  end
  return parts
end

-- The inlines of a cell that holds nothing else; nil for others.
function M.inlines_of(cell)
  local contents = cell.contents -- each look at it copies it
  local only = #contents == 1 and contents[1]
  if only and (only.t == "Plain" or only.t == "Para") and cell.col_span == 1 then
    return only.content
  end
end

-- Calls `found(cell, column, body, row)` for each cell of the bodies' rows, with the column it starts in, whatever spans lie over it.
function M.each_cell(tbl, found)
  for n, body in ipairs(tbl.bodies) do
    local held = {}
    for r, row in ipairs(body.body) do
      local column = 1
      for _, cell in ipairs(row.cells) do
        while (held[column] or 0) > 0 do
          held[column] = held[column] - 1
          column = column + 1
        end
        found(cell, column, n, r)
        for x = column, column + cell.col_span - 1 do
          held[x] = cell.row_span - 1
        end
        column = column + cell.col_span
      end
      while (held[column] or 0) > 0 do
        held[column] = held[column] - 1
        column = column + 1
      end
    end
  end
end

-- The shape of a number: which of its digits are which does not change its width.
local function shape(text, cuts)
  return (text:sub(cuts[1]):gsub("%d", "0"))
end

local function is_strong(inlines)
  local strong = false
  for _, node in ipairs(inlines) do
    strong = strong or node.t == "Strong"
  end
  return strong
end

-- The columns of a Markdown table of class `decimal`: those flush right, and those that are numbers without an alignment of their own.
local function asked_for(tbl, lang)
  local counts = {}
  local point = POINT[(lang or ""):match("^%a+") or ""] or "."
  M.each_cell(tbl, function(cell, column)
    local inlines = M.inlines_of(cell)
    local text = inlines and pandoc.utils.stringify(inlines) or ""
    local count = counts[column] or { numbers = 0, cells = 0, here = false, other = false }
    counts[column] = count
    if text ~= "" then
      count.cells = count.cells + 1
      count.numbers = count.numbers + (M.cuts(text, point) and 1 or 0)
      count.here = count.here or text:find("%d" .. (point == "," and "," or "%.") .. "%d") ~= nil
      count.other = count.other or text:find("%d" .. (point == "," and "%." or ",") .. "%d") ~= nil
    end
  end)
  local columns = {}
  for i, spec in ipairs(tbl.colspecs) do
    local count = counts[i]
    local numeric = count and count.numbers > count.cells * NUMERIC
    if numeric and (spec[1] == "AlignRight" or (spec[1] == "AlignDefault" and count.numbers == count.cells)) then
      -- a German paper may have a table of a program that knows only points
      columns[i] = (count.here or not count.other) and point or (point == "," and "." or ",")
    end
  end
  return columns
end

-- Takes off a table what says that points are to be aligned, and returns the point of each column in which that needs doing: where
-- all numbers have the same shape behind it, and none is bold, setting them flush right is enough.
function M.columns(tbl, lang)
  local wanted = {}
  for n, point in (tbl.attributes["pb-decimal"] or ""):gmatch("(%d+)(%S)") do
    wanted[tonumber(n)] = point
  end
  if tbl.classes:includes("decimal") then
    wanted = asked_for(tbl, lang)
  end
  tbl.attributes["pb-decimal"] = nil
  tbl.classes = tbl.classes:filter(function(class) return class ~= "decimal" end)
  if not next(wanted) then
    return wanted
  end
  local shapes, uneven = {}, {}
  M.each_cell(tbl, function(cell, column)
    local inlines = wanted[column] and not uneven[column] and M.inlines_of(cell)
    local text = inlines and pandoc.utils.stringify(inlines) or ""
    local cuts = text ~= "" and not DASHES[text] and M.cuts(text, wanted[column])
    if cuts then
      local this = shape(text, cuts)
      uneven[column] = is_strong(inlines) or (shapes[column] or this) ~= this
      shapes[column] = this
    end
  end)
  local columns = {}
  for column, point in pairs(wanted) do
    columns[column] = uneven[column] and point or nil
  end
  return columns
end

return M
