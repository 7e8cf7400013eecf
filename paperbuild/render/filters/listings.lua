-- Code with a caption or an id of a listing becomes a Figure around it: `{#lst:x caption="…"}`, or pandoc-crossref's paragraph
-- "Listing: …" before the code (or ": …", also behind it), which may end with the id.

local reader = require("reader")

local M = {}

-- Takes "Listing: " or ": " off a paragraph; returns its words and the id at their end, nil where it is no caption.
local function caption_of(block)
  if not block or block.t ~= "Para" then
    return nil
  end
  local inlines = pandoc.Inlines(block.content)
  local first, space = inlines[1], inlines[2]
  if not (first.t == "Str" and (first.text == "Listing:" or first.text == ":") and space and space.t == "Space") then
    return nil
  end
  inlines = pandoc.Inlines({ table.unpack(inlines, 3) })
  local last = inlines[#inlines]
  local id = last and last.t == "Str" and last.text:match("^{#([%w:_%.%-]+)}$")
  if id then
    inlines:remove(#inlines)
    while #inlines > 0 and (inlines[#inlines].t == "Space" or inlines[#inlines].t == "SoftBreak") do
      inlines:remove(#inlines)
    end
  end
  return inlines, id
end

local function figure(code, caption, id)
  local written = code.attributes.caption
  if not caption and written then
    caption = pandoc.utils.blocks_to_inlines(pandoc.read(written, "markdown", reader.OPTIONS, {}).blocks)
  end
  id = id or code.identifier
  code.identifier, code.attributes.caption = "", nil
  return pandoc.Figure({ code }, { long = caption and { pandoc.Plain(caption) } or {} }, pandoc.Attr(id, { "listing" }))
end

local function is_named(code)
  return code.identifier:find("^lst:") or code.attributes.caption
end

-- Returns blocks with their listings as Figures.
function M.read(blocks)
  local out, i, found = pandoc.Blocks({}), 1, false
  while i <= #blocks do
    local block, following = blocks[i], blocks[i + 1]
    local caption, id
    if following and following.t == "CodeBlock" then
      caption, id = caption_of(block)
    end
    if caption and not following.attributes.caption then
      out:insert(figure(following, caption, id))
      i, found = i + 2, true
    elseif block.t == "CodeBlock" then
      local below, below_id = caption_of(following)
      local after = blocks[i + 2]
      if below and (below_id or block.identifier:find("^lst:")) and not (after and after.t == "CodeBlock") then
        out:insert(figure(block, below, below_id))
        i, found = i + 2, true
      else
        local named = is_named(block)
        out:insert(named and figure(block) or block)
        i, found = i + 1, found or named
      end
    else
      out:insert(block)
      i = i + 1
    end
  end
  return found and out or nil
end

return M
