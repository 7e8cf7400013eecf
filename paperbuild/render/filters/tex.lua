-- Reading TeX math: words, groups, and one pass that rewrites commands.
--
-- Not a TeX engine: pandoc has expanded the author's macros already. A rewrite table maps a command's name to a function that gets a
-- cursor behind it and returns what stands there instead; what it returns is rewritten again, up to a depth that ends a rule that
-- calls itself.

local arguments = require("tex_arguments")

local M = {}

local MAX_DEPTH = 30

local Cursor = { star = arguments.star }
Cursor.__index = Cursor

-- Skips white space and comments.
function Cursor:skip()
  self.at = arguments.behind_blanks(self.text, self.at)
end

-- Reads one argument: a group's content, a command, or one character. nil, and nothing is read, where none follows.
function Cursor:argument()
  local found, _, behind = arguments.argument(self.text, self.at)
  self.at = found and behind or self.at
  return found
end

-- Reads an argument in [brackets], or nil (and nothing is read) where there is none.
function Cursor:option()
  local found, _, behind = arguments.option(self.text, self.at)
  self.at = found and behind or self.at
  return found
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

return M
