-- The citations of a followed paper when one of its sections has others: citeproc is asked them all again, without the paper around them.
--
-- What it makes of a citation depends on the other citations and their order (numbers, "1984a", ibid.), not on the text between them.

local citations = require("citations")
local pieces = require("pieces")
local resolution = require("resolution")

local M = {}

local COUNTS_NOTES = { "near-note", "first-reference-note-number" } -- what a style may ask that is not in the citations

local function counts_notes(style)
  for _, name in ipairs(COUNTS_NOTES) do
    if (style or ""):find(name, 1, true) then
      return true
    end
  end
  return false
end

-- Returns each of the paper's citations in a block of its own, and whose they are.
local function gathered(kept)
  local blocks, whose = pandoc.Blocks({}), {}
  local function put(section, cites)
    for _, cite in ipairs(cites or {}) do
      blocks:insert(pandoc.Plain({ cite }))
      whose[#whose + 1] = section
    end
  end
  put("front", kept.in_front)
  for section = kept:first(), kept:last() do
    put(section, kept.questions[section])
  end
  return blocks, whose
end

-- Whether two lists of citations are shown alike.
function M.same(some, others)
  some, others = some or {}, others or {}
  if #some ~= #others then
    return false
  end
  for i, cite in ipairs(some) do
    if not pieces.same(cite.content, others[i].content) then
      return false
    end
  end
  return true
end

-- Returns what citeproc makes of all citations of the paper `kept`: the `answers` by section, the `list` of references with the ids of its
-- `entries`, and the references that are `cited`. Else nil, and why that is not enough.
function M.ask(kept)
  if kept.links_to_entries then
    return nil, "links to the list of references"
  elseif counts_notes(kept.options.csl) then
    return nil, "a citation style that counts notes"
  end
  local blocks, whose = gathered(kept)
  local problems, options = pandoc.List({}), setmetatable({}, { __index = kept.options })
  local doc = pandoc.Pandoc(blocks .. { pandoc.Div({}, pandoc.Attr("refs")) })
  if not citations.are_cited(doc, options.nocite) then
    return nil, "the last citation"
  end
  doc = citations.process(doc, kept.by_id, kept.all, options, problems)
  local answered, list = doc.blocks, doc.blocks[#doc.blocks]
  if #problems > 0 or #answered ~= #whose + 1 or list.t ~= "Div" then
    return nil, "citations"
  end
  local answers = {}
  for i, section in ipairs(whose) do
    local inlines = answered[i].content
    if #inlines ~= 1 or inlines[1].t ~= "Cite" then
      return nil, "citations"
    end
    answers[section] = answers[section] or {}
    table.insert(answers[section], inlines[1])
  end
  if not M.same(answers.front, kept.answers_in_front) then
    return nil, "citations before the text"
  end
  return { answers = answers, list = list, entries = resolution.entries_of(doc), cited = options.cited }
end

return M
