-- Reading TeX math: words, groups, and one pass that rewrites commands.
--
-- Not a TeX engine: pandoc has expanded the author's macros already. A rewrite table maps a command's name to a function that gets a
-- cursor behind it and returns what stands there instead; what it returns is rewritten again, up to a depth that ends a rule that
-- calls itself.

local M = {}

local MAX_DEPTH = 30

-- Returns the position after the balanced group that starts at `i` (a "{"), or nil where it never ends.
local function group_end(s, i)
  local depth = 0
  while i <= #s do
    local c = s:sub(i, i)
    if c == "\\" then
      i = i + 1
    elseif c == "{" then
      depth = depth + 1
    elseif c == "}" then
      depth = depth - 1
      if depth == 0 then
        return i + 1
      end
    end
    i = i + 1
  end
  return nil
end

local Cursor = {}
Cursor.__index = Cursor

-- Skips white space.
function Cursor:skip()
  self.at = self.text:find("%S", self.at) or #self.text + 1
end

-- Reads one argument: a group's content, a command, or one character. nil at the end of the text.
function Cursor:argument()
  self:skip()
  local s, i = self.text, self.at
  local c = s:sub(i, i)
  if c == "" or c == "}" then
    return nil
  end
  if c == "{" then
    local stop = group_end(s, i)
    if not stop then
      return nil
    end
    self.at = stop
    return s:sub(i + 1, stop - 2)
  end
  local token = s:match("^\\%a+", i) or s:match("^\\.", i) or s:match("^" .. utf8.charpattern, i)
  self.at = i + #token
  return token
end

-- Reads an argument in [brackets], or nil (and nothing is read) where there is none.
function Cursor:option()
  local save = self.at
  self:skip()
  if self.text:sub(self.at, self.at) ~= "[" then
    self.at = save
    return nil
  end
  local depth, i = 0, self.at + 1
  while i <= #self.text do
    local c = self.text:sub(i, i)
    if c == "\\" then
      i = i + 1
    elseif c == "{" then
      depth = depth + 1
    elseif c == "}" then
      depth = depth - 1
    elseif c == "]" and depth == 0 then
      local inside = self.text:sub(self.at + 1, i - 1)
      self.at = i + 1
      return inside
    end
    i = i + 1
  end
  self.at = save
  return nil
end

-- Reads a star, if one follows.
function Cursor:star()
  if self.text:sub(self.at, self.at) == "*" then
    self.at = self.at + 1
    return true
  end
  return false
end

-- Reads an argument in (parentheses), or nil.
function Cursor:parenthesis()
  local inside, stop = self.text:match("^%s*(%b())()", self.at)
  if not inside then
    return nil
  end
  self.at = stop
  return inside:sub(2, -2)
end

local function rewrite(s, rules, depth)
  local out, at = {}, 1
  while true do
    local i = s:find("\\", at, true)
    if not i then
      break
    end
    out[#out + 1] = s:sub(at, i - 1)
    -- letters of other scripts make a name, too: the codes of a tagged parse
    local name = s:match("^%a+", i + 1) or s:match("^[\x80-\xF4]+", i + 1) or s:sub(i + 1, i + 1)
    local cursor = setmetatable({ text = s, at = i + 1 + #name }, Cursor)
    local rule = name ~= "" and rules[name]
    local new = rule and rule(cursor, depth)
    if new then
      -- a command's name must not run into what follows
      local after = s:sub(cursor.at, cursor.at)
      new = depth > 0 and rewrite(new, rules, depth - 1) or new
      out[#out + 1] = (new:find("\\%a+$") and after:find("%a")) and new .. " " or new
      at = cursor.at
    else
      out[#out + 1] = "\\" .. name
      at = i + 1 + #name
    end
  end
  out[#out + 1] = s:sub(at)
  return table.concat(out)
end

-- Returns `s` with every command that `rules` names replaced. A rule that returns nil leaves its command alone.
function M.rewrite(s, rules)
  return rewrite(s, rules, MAX_DEPTH)
end

-- Like rewrite, without looking at what a rule returned.
function M.replace(s, rules)
  return rewrite(s, rules, 0)
end

M.group_end = group_end

return M
