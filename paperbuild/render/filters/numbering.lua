-- Numbers of sections, figures, tables, equations and theorems: counted here once, in document order, for every format.
--
-- Typst counts again, by the same rules, and its own references print its own counts, so a PDF's reference and its target cannot
-- disagree; tests hold the two formats together.

local kinds = require("kinds")
local names_by_language = require("names")

local has_caption, theorem_kind = kinds.has_caption, kinds.theorem_kind

local M = {}

local Counter = {}
Counter.__index = Counter

function Counter:step(kind)
  self.counts[kind] = (self.counts[kind] or 0) + 1
  return tostring(self.counts[kind])
end

-- Gives an id (and its aliases) its entry; the second bearer of an id loses it, since typst refuses a document with two.
function Counter:register(element, entry)
  local id = element.identifier
  entry.id = id
  if id ~= "" then
    if self.ids[id] then
      self.problems:insert({ kind = "duplicate-id", text = id })
      element.identifier, entry.id = "", id
    else
      self.ids[id] = entry
    end
  end
  for label in (element.attributes.labels or ""):gmatch("%S+") do
    if label ~= id then
      if entry.id == "" then
        element.identifier, entry.id = label, label
      end
      if self.ids[label] and self.ids[label] ~= entry then
        self.problems:insert({ kind = "duplicate-id", text = label })
      else
        self.ids[label] = entry
      end
    end
  end
  element.attributes.labels = nil
end

function Counter:header(header)
  local number, kind = "", "section"
  local unnumbered = header.classes:includes("unnumbered") or not self.number_sections
  if not unnumbered then
    if header.level == 1 and header.classes:includes("appendix") and not self.appendix then
      self.appendix, self.sections = true, {}
      header.attributes["pb-appendix"] = "start"
    end
    self.sections[header.level] = (self.sections[header.level] or 0) + 1
    local parts = {}
    for level = 1, header.level do
      local n = self.sections[level] or 0
      parts[level] = level == 1 and self.appendix and string.char(64 + math.max(1, math.min(n, 26))) or tostring(n)
    end
    for level = header.level + 1, 6 do
      self.sections[level] = nil
    end
    number = table.concat(parts, ".")
    kind = self.appendix and "appendix" or "section"
  end
  self:register(header, { kind = kind, number = number, title = header.content })
  header.attributes["pb-number"] = number
  if number == "" and not header.classes:includes("unnumbered") then
    header.classes:insert("unnumbered")
  end
  return header
end

-- Numbers everything, and returns the entries by id.
function M.number(doc, options, problems)
  local counter = setmetatable({
    counts = {}, ids = {}, sections = {}, problems = problems, number_sections = options.number_sections, appendix = false,
  }, Counter)
  local current
  local visitor = { traverse = "topdown" }
  function visitor.Header(header)
    return counter:header(header)
  end
  function visitor.Figure(figure)
    if figure.classes:includes("subfigure") and current then
      current.parts = current.parts + 1
      local letter = string.char(96 + math.min(current.parts, 26))
      counter:register(figure, { kind = "figure", number = current.number .. letter, part = letter })
      figure.attributes["pb-number"] = letter
      return figure
    end
    local numbered = has_caption(figure) or figure.identifier ~= "" or figure.attributes.labels ~= nil
    local number = numbered and counter:step("figure") or ""
    current = { number = number, parts = 0 }
    counter:register(figure, { kind = "figure", number = number })
    figure.attributes["pb-number"] = number
    return figure
  end
  function visitor.Table(tbl)
    local numbered = has_caption(tbl) or tbl.identifier ~= "" or tbl.attributes.labels ~= nil
    local number = numbered and counter:step("table") or ""
    counter:register(tbl, { kind = "table", number = number })
    tbl.attributes["pb-number"] = number
    return tbl
  end
  function visitor.Span(span)
    if not span.classes:includes("eqn") then
      if span.identifier ~= "" and not span.attributes.label then
        counter:register(span, { kind = "text", number = "", title = span.content })
        return span
      elseif span.attributes.label then -- a \label in running text means the section it stands in
        span.attributes.label = nil
        counter:register(span, { kind = "text", number = "", title = pandoc.Inlines({}) })
        return span
      end
      return nil
    end
    local tag = span.attributes.tag
    local number = tag or counter:step("equation")
    counter:register(span, { kind = "equation", number = number, tag = tag })
    span.attributes["pb-number"] = number
    return span
  end
  function visitor.Div(div)
    local kind = theorem_kind(div)
    if kind then
      local number = div.classes:includes("unnumbered") and "" or counter:step("theorem")
      counter:register(div, { kind = kind, number = number })
      div.attributes["pb-number"] = number
      return div
    elseif div.identifier ~= "" and not div.classes:includes("pb-meta") then
      counter:register(div, { kind = "text", number = "", title = pandoc.Inlines({}) })
      return div
    end
  end
  for _, name in ipairs({ "CodeBlock", "Code", "Link", "Image" }) do
    visitor[name] = function(element)
      if element.identifier ~= "" then
        counter:register(element, { kind = "text", number = "", title = pandoc.Inlines({}) })
        return element
      end
    end
  end
  return doc:walk(visitor), counter.ids
end

-- Says in `labels[n]` what the reader sees of the n-th image: "Figure 1", or nothing where it has no number.
function M.label_images(doc, options, labels)
  local names = names_by_language.of(options.lang)
  local function say(n, name, number)
    if n and number ~= "" and not labels[n] then
      labels[n] = name .. " " .. number
    end
  end
  doc:walk({
    traverse = "topdown",
    Figure = function(figure)
      figure:walk({ Image = function(image) say(image.attributes["data-n"], names.figure[1], figure.attributes["pb-number"]) end })
    end,
    Table = function(tbl) say(tbl.attributes["data-n"], names.table[1], tbl.attributes["pb-number"]) end,
  })
end

return M
