-- Addresses for readers: what names a thing (a heading, "Figure 1.", "(3)") is a link to that thing, so that its address can be taken
-- from it, by a pointer or by the keyboard, with or without scripts. No word is added that a listener would hear.

local M = {}

local LABELS = pandoc.List({ "caption-label", "theorem-label", "eqno" })

local function leads_elsewhere(inline)
  if inline.t == "Str" or inline.t == "Space" then -- nearly all are, and a walk takes longer than a look
    return false
  end
  local found = false
  local function see()
    found = true
  end
  pandoc.Inlines({ inline }):walk({
    Link = see,
    Note = see,
    RawInline = function(raw) found = found or raw.text:find("^%s*</?[aA]%f[^%w]") ~= nil end,
  })
  return found
end

-- Makes a link of the words that come before any other link: links cannot stand in each other.
local function linked(inlines, id)
  local words, rest = pandoc.Inlines({}), pandoc.Inlines({})
  for _, inline in ipairs(inlines) do
    if #rest > 0 or leads_elsewhere(inline) then
      rest:insert(inline)
    else
      words:insert(inline)
    end
  end
  while #words > 0 and (words[#words].t == "Space" or words[#words].t == "SoftBreak") do
    rest:insert(1, words:remove())
  end
  if #words == 0 then
    return inlines
  end
  return pandoc.Inlines({ pandoc.Link(words, "#" .. id, "", pandoc.Attr("", { "anchor" })) }) .. rest
end

local function is_label(inline)
  return inline and inline.t == "Span" and #inline.classes > 0 and LABELS:includes(inline.classes[1])
end

-- Links the label at the beginning of `blocks`; returns whether there is one.
local function link_label(blocks, id)
  local first = blocks[1]
  local span = first and (first.t == "Plain" or first.t == "Para") and first.content[1]
  if not is_label(span) then
    return false
  end
  span.content = linked(span.content, id)
  first.content[1] = span
  blocks[1] = first
  return true
end

-- Returns an id for what has none, made of what it is called ("Figure 3." is "figure-3"), that nothing else has.
local function new_id(words, taken, known)
  local id = words:lower():gsub("%s*%(.*", ""):gsub("\u{a0}", " "):gsub("[.:]+$", ""):gsub("%s+", "-")
  if not id:find("%a.*%d") then
    return "" -- a part of a figure, "(a)", or something without a number
  end
  while taken[id] do
    id = id .. "-bis"
    known.has_clash = true
  end
  taken[id] = true
  return id
end

-- Returns the ids that a document has.
function M.ids_of(doc)
  local taken = {}
  local function see(element)
    taken[element.identifier] = true
  end
  doc:walk({ Block = function(block) if block.identifier then see(block) end end, Span = see, Link = see, Image = see, Code = see })
  return taken
end

-- Returns the finished document with its anchors. `names` are the words for kinds in the language of the document. `known` holds the
-- `ids` of the whole document where `doc` is but a section of it; else it gets them, and in both cases `has_clash`: whether two things would
-- have had one address.
function M.add(doc, names, known)
  known.ids = known.ids or M.ids_of(doc)
  local taken = setmetatable({}, { __index = known.ids })
  local function label_of(blocks)
    local first = blocks[1]
    local span = first and (first.t == "Plain" or first.t == "Para") and first.content[1]
    return is_label(span) and pandoc.utils.stringify(span) or ""
  end
  local function captioned(element)
    local long = element.caption.long
    if element.identifier == "" then
      element.identifier = new_id(label_of(long), taken, known)
    end
    if element.identifier ~= "" and link_label(long, element.identifier) then
      element.caption = { long = long }
    end
    return element
  end
  return doc:walk({
    Figure = captioned,
    Table = captioned,
    Div = function(div)
      local content = div.content
      if div.identifier == "" then
        div.identifier = new_id(label_of(content), taken, known)
      end
      if div.identifier ~= "" and link_label(content, div.identifier) then
        div.content = content
        return div
      end
    end,
    Span = function(span)
      local number = (span.classes:includes("eqn") or span.classes:includes("eqn-line")) and span.content[#span.content]
      if not is_label(number) or #number.content == 0 then
        return nil
      end
      if span.identifier == "" then
        span.identifier = new_id(names:label("equation", (pandoc.utils.stringify(number):gsub("[()]", ""))), taken, known)
      end
      if span.identifier ~= "" then
        number.content = linked(number.content, span.identifier)
        span.content[#span.content] = number
      end
      return span
    end,
    Header = function(header)
      if header.identifier ~= "" then
        header.content = linked(header.content, header.identifier)
      end
      return header
    end,
  })
end

return M
