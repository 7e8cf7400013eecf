-- Raw HTML that means the same in every format, read as what it means.

local M = {}

-- HTML that means the same in every format: `<br>`, `<img …>`, and pairs of tags around words.
local PAIRS = {
  sup = pandoc.Superscript, sub = pandoc.Subscript, em = pandoc.Emph, i = pandoc.Emph, strong = pandoc.Strong, b = pandoc.Strong,
  u = pandoc.Underline, ins = pandoc.Underline, s = pandoc.Strikeout, del = pandoc.Strikeout, small = pandoc.Span, mark = pandoc.Span,
  font = pandoc.Span, center = pandoc.Span,
}

local function html_tag(node)
  if node and node.t == "RawInline" and node.format:find("^html") then
    local slash, name = node.text:match("^<(/?)(%a+)[%s/>]")
    return name and name:lower(), slash == "/"
  end
end

local function is_raw(node)
  return node.t == "RawInline"
end

-- Returns nothing where there is no raw HTML: lists that go back to pandoc cost more than the search.
function M.tags(inlines)
  if not inlines:find_if(is_raw) then
    return nil
  end
  local open, out = pandoc.List({}), pandoc.Inlines({})
  for _, node in ipairs(inlines) do
    local name, closing = html_tag(node)
    local last = open[#open]
    if name == "br" then
      out:insert(pandoc.LineBreak())
    elseif name == "img" then
      out:extend(pandoc.utils.blocks_to_inlines(pandoc.read(node.text, "html", nil, {}).blocks))
    elseif name and PAIRS[name] and not closing then
      open:insert({ name = name, at = #out + 1 })
      out:insert(node)
    elseif name and closing and last and last.name == name then
      local inside = pandoc.Inlines({})
      while #out > last.at do
        inside:insert(1, out:remove(#out))
      end
      out[last.at] = PAIRS[name](inside)
      open:remove(#open)
    else
      out:insert(node)
    end
  end
  return out
end

function M.block(raw)
  if raw.format:find("^html") and raw.text:lower():find("<img%s") then
    return pandoc.read(raw.text, "html", nil, {}).blocks
  end
end

return M
