-- Old switches in braces, `{\bf words}`: in Markdown the braces are text around raw TeX, here they become what they mean.

local M = {}

local function plainly(content)
  return pandoc.Span(content)
end

-- What the words behind a switch, up to the closing brace, are put into.
local SWITCHES = {
  bf = pandoc.Strong, bfseries = pandoc.Strong, it = pandoc.Emph, itshape = pandoc.Emph, em = pandoc.Emph, sl = pandoc.Emph,
  slshape = pandoc.Emph, sc = pandoc.SmallCaps, scshape = pandoc.SmallCaps, tt = plainly, ttfamily = plainly,
  color = function(content, argument)
    return pandoc.Span(content, pandoc.Attr("", {}, argument and { style = "color: " .. argument } or {}))
  end,
}
for name in ("rm rmfamily sf sffamily normalfont tiny scriptsize footnotesize small normalsize large Large LARGE huge Huge"):gmatch("%a+") do
  SWITCHES[name] = plainly
end

-- Returns what a raw node switches: how to wrap, its argument, and the TeX that follows in the same node.
local function switch_of(node)
  if not (node and node.t == "RawInline" and (node.format == "tex" or node.format == "latex")) then
    return nil
  end
  local name, rest = node.text:match("^\\(%a+)%s*(.-)$")
  if not (name and SWITCHES[name]) then
    return nil
  end
  local argument
  if name == "color" then
    argument, rest = rest:match("^{([^}]*)}%s*(.*)$")
    rest = rest or ""
  end
  return SWITCHES[name], argument, rest
end

-- Returns the place of the brace that closes the group open at `i`, and the words before and behind it in its node.
local function closing(inlines, i)
  local depth = 1
  for j = i, #inlines do
    local node = inlines[j]
    if node.t == "Str" then
      for at in node.text:gmatch("()[{}]") do
        depth = depth + (node.text:sub(at, at) == "{" and 1 or -1)
        if depth == 0 then
          return j, node.text:sub(1, at - 1), node.text:sub(at + 1)
        end
      end
    end
  end
  return nil
end

-- Whether there may be a switch in a paragraph with these words.
function M.may_stand(words)
  return words:find("{", 1, true) ~= nil
end

-- Joins, in a list of inlines, each switch with its braces and the words between them.
function M.join(inlines)
  local out, i, changed = pandoc.Inlines({}), 1, false
  while i <= #inlines do
    local node = inlines[i]
    local before = node.t == "Str" and node.text:match("^(.*){$")
    local make, argument, rest = switch_of(before and inlines[i + 1])
    local stop, inside, after
    if make then
      stop, inside, after = closing(inlines, i + 2)
    end
    if stop then
      local content = pandoc.Inlines(rest ~= "" and { pandoc.RawInline("tex", rest) } or {})
      content:extend({ table.unpack(inlines, i + 2, stop - 1) })
      content:extend(inside ~= "" and { pandoc.Str(inside) } or {})
      while content[1] and content[1].t == "Space" do
        content:remove(1)
      end
      out:extend(before ~= "" and { pandoc.Str(before) } or {})
      out:insert(make(M.join(content) or content, argument))
      out:extend(after ~= "" and { pandoc.Str(after) } or {})
      i, changed = stop + 1, true
    else
      out:insert(node)
      i = i + 1
    end
  end
  return changed and out or nil
end

return M
