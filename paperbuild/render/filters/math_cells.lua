-- The cells of tables: what stands between & and \\, and what stands between lines.
--
-- A cell is a row; one over several columns has `span` and `side`, and those that it covers are `covered`.

local parse = require("math_parse")
local arguments = require("tex_arguments")

local Parser = parse.Parser

-- How many columns a cell stands in: itself, and empty ones behind it for \multicolumn; dots in each for \hdotsfor.
local function add_cell(cells, row)
  local only = #row == 1 and row[1]
  if only and only.t == "dots" then
    for _ = 1, only.count do
      cells[#cells + 1] = { t = "row", { t = "sym", text = "…", class = "inner" } }
    end
  elseif only and only.t == "span" then
    only.body.span, only.body.side = only.count, only.side
    cells[#cells + 1] = only.body
    for _ = 2, only.count do
      cells[#cells + 1] = { t = "row", covered = true }
    end
  else
    cells[#cells + 1] = row
  end
end

-- Reads a cell that is words, with formulas between dollars in them.
function Parser:cell_of_words()
  local text, at, i = self.text, self.at, self.at
  while true do
    i = text:find("[\\{$&]", i) or #text + 1
    local char = text:sub(i, i)
    if char == "{" or char == "$" then
      i = char == "{" and arguments.group_end(text, i) or char == "$" and text:match("%$[^$]*%$()", i) or #text + 1
    elseif char == "\\" and not (text:find("^\\\\", i) or text:find("^\\end%f[%A]", i) or text:find("^\\cr%f[%A]", i)) then
      i = i + 2
    else
      break
    end
  end
  self.at = i
  return { t = "row", { t = "text", pieces = parse.words(self, (text:sub(at, i - 1):gsub("^%s+", ""):gsub("%s+$", "")), at) } }
end

-- Reads cells up to the end of the environment (or text). `takes` names what may stand between its rows, "rules" or "words"; nil for
-- neither; from column `words_from` on (nil: none), cells are words. Returns the rows, whether there was more than one cell, and what
-- stands between rows.
function Parser:rows(takes, words_from)
  local rows, rules, any, cells = {}, {}, false, {}
  local function close()
    rows[#rows + 1], cells = cells, {}
  end
  while true do
    self:rules(rules, #rows, takes)
    add_cell(cells, words_from and #cells + 1 >= words_from and self:cell_of_words() or self:row())
    local char = self.text:sub(self.at, self.at)
    if char == "&" then
      self.at, any = self.at + 1, true
    elseif self.text:find("^\\\\", self.at) or self.text:find("^\\tabularnewline%f[%A]", self.at) then
      any = true
      self.at = self.text:match("^\\\\()", self.at) or self.text:match("^\\%a+()", self.at)
      self:star()
      self.at = self.text:match("^[ \t]*%[%s*%-?[%d%.]+%s*%a+%s*%]()", self.at) or self.at
      close()
    elseif self.text:find("^\\cr%f[%A]", self.at) then
      any = true
      self.at = self.at + 3
      close()
    else
      break
    end
  end
  if #rows == 0 or #cells > 1 or #cells[1] > 0 then -- a `\\` behind the last line makes no line of its own
    close()
  end
  return rows, any, rules
end

local BETWEEN = { hline = "rules", toprule = "rules", midrule = "rules", bottomrule = "rules", hdashline = "rules", cline = "rules", cmidrule = "rules",
  intertext = "words", shortintertext = "words", noalign = "space" }

-- What stands before a row: \hline and its kin, \cline{1-2}, \intertext{words}; \noalign only makes room.
function Parser:rules(rules, count, takes)
  while true do
    self:skip()
    local name, at = self.text:match("^\\(%a+)", self.at), self.at
    local kind = name and BETWEEN[name]
    if not kind then
      return
    elseif kind ~= takes and kind ~= "space" then
      self:fail(kind == "rules" and "no rule can stand here" or "no words can stand between these lines", at, "\\" .. name)
    end
    self.at = at + 1 + #name
    if name == "cline" or name == "cmidrule" then
      self:take("%b()")
      local columns, from_at = self:raw()
      local from, to = columns:match("^%s*(%d+)%s*%-%s*(%d+)%s*$")
      if not from then
        self:fail("these are no columns, such as 1-2", from_at, columns)
      end
      rules[#rules + 1] = { after = count, from = tonumber(from), to = tonumber(to) }
    elseif kind == "rules" then
      rules[#rules + 1] = { after = count }
    else
      local text, text_at = self:raw()
      rules[#rules + 1] = kind == "words" and { after = count, words = { t = "text", pieces = parse.words(self, text, text_at) } } or nil
    end
  end
end
