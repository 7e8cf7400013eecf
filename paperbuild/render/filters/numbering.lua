-- Numbers of sections, figures, tables, listings, equations and theorems: counted here once, in document order, for every format.
--
-- Whatever can be told a number is told it: the page, typst, Word. LaTeX counts again, by the same rules, so that its source may be
-- edited; a test holds the formats together. A number is text: "3", "2.1" within sections, "A" of an appendix, "S1" of a supplement,
-- "3b" of a subfigure.
--
-- Marks left on the elements: `pb-number` ("" for none; of a subfigure its letter alone), on headings `pb-part` ("appendix" or
-- "supplement", where one starts) and `pb-name` (what stands before the number of an appendix), on formulas of several numbered lines
-- `pb-numbers` and `pb-ids`, a line each.

local equation_lines = require("equation_lines")
local formulas = require("formulas")
local kinds = require("kinds")

local M = {}

local source = require("source")

local Counter = {}
Counter.__index = Counter

-- Returns a, b, …, z, aa, ab, …
local function letters(n)
  local out = ""
  while n > 0 do
    n = n - 1
    out = string.char(97 + n % 26) .. out
    n = n // 26
  end
  return out
end

-- Returns an entry with the next number of a kind. Entries of one `series` are consecutive where their `ordinal`s are.
function Counter:step(kind, counted_as)
  local name = counted_as or kind
  local n = (self.counts[name] or 0) + 1
  self.counts[name] = n
  return { kind = kind, number = self.prefix .. n, series = name .. ":" .. self.prefix, ordinal = n }
end

-- What of the count goes on from one section to the next.
local STATE = { "prefix", "order", "part", "mark" }

local function copied(table)
  local out = {}
  for key, value in pairs(table) do
    out[key] = value
  end
  return out
end

function Counter:state()
  local out = { counts = copied(self.counts), sections = copied(self.sections) }
  for _, name in ipairs(STATE) do
    out[name] = self[name]
  end
  return out
end

function Counter:resume(state)
  self.counts, self.sections = copied(state.counts), copied(state.sections)
  for _, name in ipairs(STATE) do
    self[name] = state[name]
  end
end

-- Notes what anything else in the document could depend on: a section that is written anew must come to the same.
function Counter:note(element, entry)
  if self.trail then
    self.trail[#self.trail + 1] = table.concat({
      element.t or "", element.level or "", element.identifier or "", element.attributes and element.attributes.labels or "", entry.kind,
      entry.number, entry.part or "", entry.series or "", entry.ordinal or "", tostring(entry.title),
    }, "\0")
  end
end

-- Gives an id (and its aliases) its entry; the second bearer of an id loses it, since typst refuses a document with two.
function Counter:register(element, entry)
  self:note(element, entry)
  local id = element.identifier
  self.order = self.order + 1
  entry.id, entry.order = id, self.order
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
      self:alias(label, entry)
    end
  end
  element.attributes.labels = nil
  return element
end

function Counter:alias(label, entry)
  if self.ids[label] and self.ids[label] ~= entry then
    self.problems:insert({ kind = "duplicate-id", text = label })
  else
    self.ids[label] = entry
  end
end

function Counter:restart(prefix)
  self.counts, self.prefix = {}, prefix
end

-- Starts the appendices or the supplement: its sections are counted anew, a supplement's figures, too.
function Counter:start(part)
  self.part, self.sections = part, {}
  if part == "supplement" then
    self.mark = "S"
    self:restart("S")
  end
end

function Counter:section_number(level)
  self.sections[level] = (self.sections[level] or 0) + 1
  local parts = {}
  for i = 1, level do
    local n = self.sections[i] or 0
    parts[i] = i == 1 and self.part == "appendix" and letters(math.max(1, n)):upper() or tostring(n)
  end
  for deeper = level + 1, 6 do
    self.sections[deeper] = nil
  end
  parts[1] = self.mark .. parts[1]
  return parts
end

function Counter:header(header)
  local top, part = header.level == 1, nil
  if top and header.classes:includes("supplement") and self.part ~= "supplement" then
    part = "supplement"
  elseif top and header.classes:includes("appendix") and self.part ~= "appendix" and self.number_sections then
    part = "appendix"
  end
  if part then
    self:start(part)
    header.attributes["pb-part"] = part
  end
  local entry = { kind = "section", number = "", title = header.content }
  if self.number_sections and not header.classes:includes("unnumbered") then
    local parts = self:section_number(header.level)
    entry.number = table.concat(parts, ".")
    entry.series = "section:" .. table.concat(parts, ".", 1, #parts - 1) .. ":" .. self.part
    entry.ordinal = self.sections[header.level]
    if self.part == "appendix" then
      entry.kind = "appendix"
      header.attributes["pb-name"] = top and self.names:caption("appendix") or nil
    elseif self.within == "chapter" and top then
      entry.kind = "chapter"
    end
    if top and self.within ~= "" then
      self:restart(entry.number .. ".")
    end
  elseif not header.classes:includes("unnumbered") then
    header.classes:insert("unnumbered")
  end
  header.attributes["pb-number"] = entry.number
  return self:register(header, entry)
end

-- Figures, tables and listings are numbered where they have a caption, or something that can be referred to.
function Counter:float(element, kind)
  local numbered = kinds.has_caption(element) or element.identifier ~= "" or element.attributes.labels ~= nil
  local entry = numbered and self:step(kind) or { kind = kind, number = "" }
  element.attributes["pb-number"] = entry.number
  self:register(element, entry)
  return entry
end

-- One of the figures in a figure, or one of the lines of a formula whose lines are parts of one number.
local function part_of(whole, n)
  local letter = letters(n)
  return {
    kind = whole.kind, number = whole.number .. letter, part = letter, whole = whole.number, series = whole.kind .. "#" .. whole.number,
    ordinal = n,
  }
end

function Counter:figure(figure)
  local whole = self.figure_around
  if figure.classes:includes("subfigure") and whole then
    whole.parts = whole.parts + 1
    local entry = part_of(whole, whole.parts)
    figure.attributes["pb-number"] = entry.part
    return self:register(figure, entry)
  end
  self.figure_around = self:float(figure, kinds.is_listing(figure) and "listing" or "figure")
  self.figure_around.parts = 0
  return figure
end

-- A formula whose lines are numbered one by one; those of `subequations` are parts of one number.
function Counter:lines(span)
  local lines, about = equation_lines.of(span.content[1].text)
  local whole = about.sub and self:step("equation")
  local numbers, ids, n = {}, {}, 0
  span.identifier = about.sub and about.sub[1] or ""
  self:register(span, whole or { kind = "equation", number = "" })
  for i, line in ipairs(lines) do
    numbers[i], ids[i] = "", ""
    if line.numbered then
      n = n + (line.tag and 0 or 1)
      local entry = line.tag and { kind = "equation", number = formulas.tag_text(line.tag) } or (whole and part_of(whole, n) or self:step("equation"))
      self.order = self.order + 1
      entry.order, entry.id = self.order, line.labels[1] or ""
      self:note({ identifier = table.concat(line.labels, " ") }, entry)
      for _, label in ipairs(line.labels) do
        self:alias(label, entry)
      end
      numbers[i], ids[i] = entry.number, self.ids[entry.id] == entry and entry.id or ""
    end
  end
  span.attributes["pb-numbers"], span.attributes["pb-ids"] = table.concat(numbers, "\n"), table.concat(ids, "\n")
  return span
end

function Counter:equation(span)
  if span.classes:includes("lines") then
    return self:lines(span)
  end
  local tag = span.attributes.tag
  local entry = tag and { kind = "equation", number = formulas.tag_text(tag) } or self:step("equation")
  span.attributes["pb-number"] = entry.number
  return self:register(span, entry)
end

-- What has an id and no number: references give its words.
function Counter:text(element, title)
  return self:register(element, { kind = "text", number = "", title = title or pandoc.Inlines({}) })
end

function Counter:span(span)
  if span.classes:includes("eqn") then
    return self:equation(span)
  elseif span.attributes.label then -- a \label in running text means the section it stands in
    span.attributes.label = nil
    return self:text(span)
  elseif span.identifier ~= "" then
    return self:text(span, span.content)
  end
end

function Counter:division(div)
  local kind = kinds.theorem_kind(div)
  if kind then
    local entry = div.classes:includes("unnumbered") and { kind = kind, number = "" } or self:step(kind, "theorem")
    div.attributes["pb-number"] = entry.number
    return self:register(div, entry)
  elseif div.identifier ~= "" and not div.classes:includes("pb-meta") then
    return self:text(div)
  end
end

local function is_true(value)
  return value == true or value ~= nil and pandoc.utils.stringify(value):lower() == "true"
end

-- Settles what the metadata says of numbers into `options`: `is_supplement`, and as `number_within` "" or, for numbers that start anew
-- with each numbered heading of level 1, "section" or "chapter": what that is called.
function M.settle(options)
  options.is_supplement = is_true(options.meta.supplement)
  if not options.number_sections then
    options.number_within = ""
  elseif is_true(options.meta.chapters) and (options.number_within or "") == "" then
    options.number_within = "section" -- pandoc-crossref's way to say it
  end
  options.number_within = options.number_within or ""
end

-- Numbers everything, and returns the document and the entries by id. `options` are settled, and have `names`. `live`, where a paper is
-- followed (see incremental.lua), hears at each section how far the count is, or says where it goes on and which ids there are.
function M.number(doc, options, problems, live)
  local counter = setmetatable({
    counts = {}, prefix = "", ids = {}, order = 0, sections = {}, part = "", mark = "", problems = problems, names = options.names,
    number_sections = options.number_sections, within = options.number_within,
  }, Counter)
  if options.is_supplement then
    counter:start("supplement")
  end
  if live then
    counter.trail = live.trail
    if live.start then
      counter:resume(live.start.count)
      counter.ids = live.ids
    end
  end
  local visitor = { traverse = "topdown" }
  function visitor.Header(header)
    if live and live.begins then
      live:begins(header, { count = counter:state(), trail = #counter.trail })
    end
    return counter:header(header)
  end
  function visitor.Figure(figure) return counter:figure(figure) end
  function visitor.Table(tbl) counter:float(tbl, "table") return tbl end
  function visitor.Span(span) return counter:span(span) end
  function visitor.Div(div) return counter:division(div) end
  for _, name in ipairs({ "CodeBlock", "Code", "Link", "Image" }) do
    visitor[name] = function(element)
      return element.identifier ~= "" and counter:text(element) or nil
    end
  end
  if live then
    local front, body = source.parted(doc.blocks)
    front = front:walk(visitor)
    if live.begins then
      live:begins(0, { count = counter:state(), trail = #counter.trail })
    end
    doc.blocks = front .. body:walk(visitor)
    live.ends = { count = counter:state(), trail = #counter.trail }
    return doc, counter.ids
  end
  return doc:walk(visitor), counter.ids
end

-- Returns what the reader sees of the n-th image by n: "Figure 1", or nothing where it has no number.
function M.image_labels(doc, options)
  local labels = {}
  local function say(n, kind, number)
    if n and number ~= "" and not labels[n] then
      labels[n] = options.names:label(kind, number)
    end
  end
  doc:walk({
    traverse = "topdown",
    Figure = function(figure)
      figure:walk({ Image = function(image) say(image.attributes["data-n"], "figure", figure.attributes["pb-number"]) end })
    end,
    Table = function(tbl) say(tbl.attributes["data-n"], "table", tbl.attributes["pb-number"]) end,
  })
  return labels
end

return M
