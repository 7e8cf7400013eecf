-- Numbers of sections, figures, tables, equations and theorems, and the references to them.
--
-- Numbers are counted here once, in document order, for every format. Typst counts again, by the same rules, and its own references
-- print its own counts, so a PDF's reference and its target cannot disagree; tests hold the two formats together.

local M = {}

-- Prefix of an id → what it is counted as.
local KINDS = {
  fig = "figure", tbl = "table", tab = "table", eq = "equation", eqn = "equation", sec = "section", thm = "theorem", lem = "lemma",
  def = "definition", cor = "corollary", prop = "proposition", rem = "remark", exm = "example", asm = "assumption", clm = "claim",
  app = "section", alg = "algorithm",
}

local THEOREMS = {}
for name in ("theorem lemma definition corollary proposition remark example assumption claim conjecture algorithm exercise"):gmatch("%a+") do
  THEOREMS[name] = true
end

local NAMES = {
  en = {
    figure = { "Figure", "Figures" }, table = { "Table", "Tables" }, equation = { "Equation", "Equations" },
    section = { "Section", "Sections" }, appendix = { "Appendix", "Appendices" }, theorem = { "Theorem", "Theorems" },
    lemma = { "Lemma", "Lemmas" }, definition = { "Definition", "Definitions" }, corollary = { "Corollary", "Corollaries" },
    proposition = { "Proposition", "Propositions" }, remark = { "Remark", "Remarks" }, example = { "Example", "Examples" },
    assumption = { "Assumption", "Assumptions" }, claim = { "Claim", "Claims" }, conjecture = { "Conjecture", "Conjectures" },
    algorithm = { "Algorithm", "Algorithms" }, exercise = { "Exercise", "Exercises" },
    proof = "Proof", references = "References", ["and"] = "and",
  },
  de = {
    figure = { "Abbildung", "Abbildungen" }, table = { "Tabelle", "Tabellen" }, equation = { "Gleichung", "Gleichungen" },
    section = { "Abschnitt", "Abschnitte" }, appendix = { "Anhang", "Anhänge" }, theorem = { "Satz", "Sätze" },
    lemma = { "Lemma", "Lemmata" }, definition = { "Definition", "Definitionen" }, corollary = { "Korollar", "Korollare" },
    proposition = { "Proposition", "Propositionen" }, remark = { "Bemerkung", "Bemerkungen" }, example = { "Beispiel", "Beispiele" },
    assumption = { "Annahme", "Annahmen" }, claim = { "Behauptung", "Behauptungen" }, conjecture = { "Vermutung", "Vermutungen" },
    algorithm = { "Algorithmus", "Algorithmen" }, exercise = { "Aufgabe", "Aufgaben" },
    proof = "Beweis", references = "Literatur", ["and"] = "und",
  },
  fr = {
    figure = { "Figure", "Figures" }, table = { "Tableau", "Tableaux" }, equation = { "Équation", "Équations" },
    section = { "Section", "Sections" }, appendix = { "Annexe", "Annexes" }, theorem = { "Théorème", "Théorèmes" },
    lemma = { "Lemme", "Lemmes" }, definition = { "Définition", "Définitions" }, corollary = { "Corollaire", "Corollaires" },
    proposition = { "Proposition", "Propositions" }, remark = { "Remarque", "Remarques" }, example = { "Exemple", "Exemples" },
    assumption = { "Hypothèse", "Hypothèses" }, claim = { "Affirmation", "Affirmations" }, conjecture = { "Conjecture", "Conjectures" },
    algorithm = { "Algorithme", "Algorithmes" }, exercise = { "Exercice", "Exercices" },
    proof = "Démonstration", references = "Références", ["and"] = "et",
  },
}

function M.names(lang)
  return NAMES[(lang or "en"):sub(1, 2):lower()] or NAMES.en
end

-- Returns the id that a citation key means as a cross-reference ("Fig:x" is "fig:x"), and its kind; nil where it has no such prefix.
function M.kind_of(key)
  local prefix, rest = key:match("^(%a+):(.+)$")
  local kind = prefix and KINDS[prefix:sub(1, 1):lower() .. prefix:sub(2)]
  return kind, kind and (prefix:sub(1, 1):lower() .. prefix:sub(2) .. ":" .. rest)
end

local function theorem_kind(div)
  for _, class in ipairs(div.classes) do
    if THEOREMS[class] then
      return class
    end
  end
  return nil
end
M.theorem_kind = theorem_kind

-- Takes the title out of a theorem's or proof's content: its inlines, nil where it has none, and what is left.
function M.split_title(div)
  local first = div.content[1]
  local span = first and first.t == "Plain" and first.content[1]
  if span and span.t == "Span" and span.classes:includes("pb-title") then
    local rest = pandoc.Blocks({ table.unpack(div.content, 2) })
    return span.content, rest
  end
  return nil, div.content
end

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

local function has_caption(element)
  return #element.caption.long > 0 and pandoc.utils.stringify(element.caption.long) ~= ""
    or #element.caption.long > 0 and #pandoc.utils.blocks_to_inlines(element.caption.long) > 0
end
M.has_caption = has_caption

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
  local names = M.names(options.lang)
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

-- Equations' numbers stand in parentheses, except where LaTeX's \ref asks for the number alone.
local function parentheses(entry, bare)
  if entry.kind == "equation" and not bare then
    return "(", ")"
  end
  return "", ""
end

-- What a reference to something without a number says: its words.
local function by_title(entry)
  local words = entry.title and entry.title:walk({ Note = function() return {} end }) or pandoc.Inlines({})
  return #words > 0 and pandoc.Inlines({ pandoc.Quoted("DoubleQuote", words) }) or pandoc.Inlines({ pandoc.Str(entry.id) })
end

-- Returns the inlines of one reference. `name` is the supplement ("Figure"), nil for none; `bare` leaves the parentheses away.
local function reference(entry, name, writer, bare)
  if entry.number == "" then
    return pandoc.Inlines({ pandoc.Link(by_title(entry), "#" .. entry.id, "", { class = "xref" }) })
  end
  return writer(entry, name, bare)
end

local WRITERS = {
  html = function(entry, name, bare)
    local open, close = parentheses(entry, bare)
    local text = (name and name .. "\u{a0}" or "") .. open .. entry.number .. close
    return pandoc.Inlines({ pandoc.Link({ pandoc.Str(text) }, "#" .. entry.id, "", { class = "xref" }) })
  end,
  typst = function(entry, name, bare)
    local open, close = parentheses(entry, bare)
    if entry.tag then -- typst knows nothing of a tag: the reference says it itself
      local text = (name and name .. "\u{a0}" or "") .. open .. entry.tag .. close
      return pandoc.Inlines({ pandoc.Link({ pandoc.Str(text) }, "#" .. entry.id, "", { class = "xref" }) })
    end
    local label = M.typst_label(entry.id)
    if open ~= "" then -- typst's own reference takes the parentheses off a number
      return pandoc.Inlines({ pandoc.RawInline("typst", "#equation-ref(" .. label .. (name and ", supplement: [" .. name .. "]" or "") .. ");") })
    end
    local supplement = name and "[" .. name .. "]" or "none"
    return pandoc.Inlines({ pandoc.RawInline("typst", "#ref(" .. label .. ", supplement: " .. supplement .. ");") })
  end,
}

function M.typst_label(id)
  if id:find("^[%a_][%w_%-:]*[%w_]$") then
    return "<" .. id .. ">"
  end
  return 'label("' .. id:gsub('[\\"]', "\\%0") .. '")'
end

local function ends_with_name(prefix, names)
  local last = pandoc.utils.stringify(prefix):match("(%S+)%s*$") or ""
  last = last:gsub("%.$", ""):lower()
  for _, forms in pairs(names) do
    if type(forms) == "table" then
      for _, form in ipairs(forms) do
        if #last > 1 and (form:lower() == last or (#last > 2 and form:lower():sub(1, #last) == last)) then
          return true
        end
      end
    end
  end
  return last == "eq" or last == "eqs" or last == "figs" or last == "tab" or last == "§"
end

local function joined(parts, names)
  local out = pandoc.Inlines({})
  for i, part in ipairs(parts) do
    if i > 1 then
      local last = i == #parts
      out:extend(last and { pandoc.Space(), pandoc.Str(names["and"]), pandoc.Space() } or { pandoc.Str(","), pandoc.Space() })
    end
    out:extend(part)
  end
  return out
end

-- Turns references into links: `@fig:x`, `[@fig:a; @fig:b]`, and what LaTeX's \ref and its kin became.
function M.resolve(doc, ids, options, problems)
  local names, writer = M.names(options.lang), WRITERS[options.format]
  local known = options.citations
  local reported = {}
  local function missing(id)
    if not reported[id] then
      reported[id] = true
      problems:insert({ kind = "unresolved", text = id })
    end
    return pandoc.Inlines({ pandoc.Strong({ pandoc.Str(id) }) })
  end
  local function name_for(entry, plural)
    local forms = names[entry.kind]
    return forms and forms[plural and 2 or 1]
  end
  local function several(entries)
    local parts, same = {}, true
    for i, entry in ipairs(entries) do
      same = same and entry.kind == entries[1].kind and entry.number ~= ""
    end
    for i, entry in ipairs(entries) do
      local alone = #entries > 1 and same
      parts[i] = reference(entry, not alone and name_for(entry) or nil, writer)
    end
    local out = joined(parts, names)
    if #entries > 1 and same then
      out = pandoc.Inlines({ pandoc.Str((name_for(entries[1], true) or "") .. "\u{a0}") }) .. out
    end
    return out
  end
  local function cite(node)
    local entries, plain = {}, true
    for _, citation in ipairs(node.citations) do
      local kind, id = M.kind_of(citation.id)
      if not kind or (known[citation.id] and not ids[id]) then
        return nil
      end
      if not ids[id] then
        return missing(citation.id)
      end
      entries[#entries + 1] = ids[id]
      plain = plain and #citation.prefix == 0 and #citation.suffix == 0 and citation.mode ~= "SuppressAuthor"
    end
    if plain then
      return several(entries)
    end
    local parts = {}
    for i, citation in ipairs(node.citations) do
      local bare = citation.mode == "SuppressAuthor" or ends_with_name(citation.prefix, names)
      local part = pandoc.Inlines(citation.prefix)
      if #part > 0 then
        part:insert(bare and pandoc.Str("\u{a0}") or pandoc.Space())
      end
      part:extend(reference(entries[i], not bare and name_for(entries[i]) or nil, writer))
      part:extend(citation.suffix)
      parts[i] = part
    end
    return joined(parts, names)
  end
  local function link(node)
    local how = node.attributes["reference-type"]
    if not how then -- [](#fig:x) has no words of its own
      local entry = #node.content == 0 and ids[node.target:match("^#(.+)$") or ""]
      return entry and several({ entry }) or nil
    end
    local entries = {}
    for id in node.attributes.reference:gmatch("[^,%s]+") do
      if not ids[id] then
        return missing(id)
      end
      entries[#entries + 1] = ids[id]
    end
    if how == "ref+label" or how == "ref+Label" then
      return several(entries)
    end
    local parts = {}
    for i, entry in ipairs(entries) do
      parts[i] = reference(entry, nil, writer, how == "ref")
    end
    return joined(parts, names)
  end
  -- inside a formula there are no links: a number is what \ref says there
  local function formula(math)
    local new = math.text:gsub("\\(%a*ref)%s*{([^}]*)}", function(command, id)
      local entry = ids[id]
      if not entry or not (command == "ref" or command == "eqref") then
        return nil
      end
      return "\\text{" .. (command == "eqref" and "(" .. entry.number .. ")" or entry.number) .. "}"
    end)
    if new ~= math.text then
      math.text = new
      return math
    end
  end
  -- "Figure @fig:x": the name stands there already
  local function named_before(inlines)
    local changed = false
    for i = 3, #inlines do
      local node, before = inlines[i], inlines[i - 2]
      local spaced = inlines[i - 1].t == "Space" or inlines[i - 1].t == "SoftBreak"
      if node.t == "Cite" and #node.citations == 1 and spaced and before.t == "Str" and M.kind_of(node.citations[1].id) then
        if ends_with_name({ before }, names) then
          local citations = node.citations
          citations[1].mode = "SuppressAuthor"
          node.citations = citations
          inlines[i] = node
          changed = true
        end
      end
    end
    return changed and inlines or nil
  end
  return doc:walk({ Inlines = named_before }):walk({ Cite = cite, Link = link, Math = formula })
end

return M
