-- Where the arguments of TeX's commands stand in a text. One reader for formulas (math_parse) and for commands that are rewritten (tex).
--
-- Positions are bytes, from 1. A reader is any table with `text` and `at`, the position that it has come to.

local M = {}

-- Returns where what follows begins, behind white space and comments.
function M.behind_blanks(text, at)
  local byte = text:byte(at)
  if byte and byte > 0x20 and byte ~= 0x25 then -- most often nothing is there to be skipped
    return at
  end
  while true do
    at = text:find("%S", at) or #text + 1
    if text:byte(at) ~= 0x25 then
      return at
    end
    at = text:find("\n", at, true) or #text + 1
  end
end

-- Returns the position behind the group that the brace at `at` opens; nil where it never ends.
function M.group_end(text, at)
  local depth = 0
  while true do
    at = text:find("[\\{}]", at)
    local byte = text:byte(at or #text + 1)
    if not byte then
      return nil
    elseif byte == 0x5C then
      at = at + 1
    else
      depth = depth + (byte == 0x7B and 1 or -1)
      if depth == 0 then
        return at + 1
      end
    end
    at = at + 1
  end
end

-- Returns the token at `at`: a command, or a character.
function M.token(text, at)
  return text:match("^\\%a+", at) or text:match("^\\" .. utf8.charpattern, at) or text:match("^" .. utf8.charpattern, at) or ""
end

-- Reads an argument: what is in a group, a command, or one character. Returns it, where it starts, and the position behind it; nil, and
-- "missing" or "open", and where that is, for what is none.
function M.argument(text, at)
  at = M.behind_blanks(text, at)
  local char = text:sub(at, at)
  if char == "" or char == "}" or char == "&" then
    return nil, "missing", at
  elseif char ~= "{" then
    local token = M.token(text, at)
    return token, at, at + #token
  end
  local stop = M.group_end(text, at)
  if not stop then
    return nil, "open", at
  end
  return text:sub(at + 1, stop - 2), at + 1, stop
end

-- Reads an argument in [brackets]. Returns what argument() returns; nil where none follows.
function M.option(text, at)
  at = M.behind_blanks(text, at)
  if text:byte(at) ~= 0x5B then
    return nil
  end
  local i = at + 1
  while true do
    i = text:find("[\\{%]]", i)
    local byte = text:byte(i or #text + 1)
    if not byte then
      return nil
    elseif byte == 0x5D then
      return text:sub(at + 1, i - 1), at + 1, i + 1
    end
    i = byte == 0x5C and i + 2 or M.group_end(text, i)
    if not i then
      return nil
    end
  end
end

-- Takes a star, if one follows at once.
function M.star(reader)
  if reader.text:byte(reader.at) == 0x2A then
    reader.at = reader.at + 1
    return true
  end
  return false
end

return M
