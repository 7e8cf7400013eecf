-- How one reference is written in each format.
--
-- A writer takes what is referred to, the name before its number (nil for none), and whether to leave the parentheses of an equation's
-- number away; it returns inlines. What has no number is referred to by its words.

local labels = require("labels")

local M = {}

local NBSP = "\u{a0}"

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

local function words(entry, name, bare)
  local open, close = parentheses(entry, bare)
  return pandoc.Inlines({ pandoc.Str((name and name .. NBSP or "") .. open .. entry.number .. close) })
end

local function said(entry, name, bare)
  return entry.number == "" and by_title(entry) or words(entry, name, bare)
end

-- A link with the number in words, where the format does not number by itself.
local function link(entry, name, bare)
  return pandoc.Inlines({ pandoc.Link(said(entry, name, bare), "#" .. entry.id) })
end

-- The class is how the page knows which links have a preview.
local function page_link(entry, name, bare)
  return pandoc.Inlines({ pandoc.Link(said(entry, name, bare), "#" .. entry.id, "", { class = "xref" }) })
end

local function typst(entry, name, bare)
  if entry.number == "" or entry.tag then -- typst knows nothing of a tag: the reference says it itself
    return page_link(entry, name, bare)
  end
  local label = labels.typst(entry.id)
  if parentheses(entry, bare) ~= "" then -- typst's own reference takes the parentheses off a number
    return pandoc.Inlines({ pandoc.RawInline("typst", "#equation-ref(" .. label .. (name and ", supplement: [" .. name .. "]" or "") .. ");") })
  end
  return pandoc.Inlines({ pandoc.RawInline("typst", "#ref(" .. label .. ", supplement: " .. (name and "[" .. name .. "]" or "none") .. ");") })
end

-- LaTeX counts by itself, by the same rules: its own \ref prints its own count, so that an author may go on writing in the source.
local function latex(entry, name, bare)
  local label = labels.latex(entry.id)
  if entry.number == "" then
    local raw = function(code) return pandoc.RawInline("latex", code) end
    return pandoc.Inlines({ raw("\\hyperref[" .. label .. "]{") }) .. by_title(entry) .. { raw("}") }
  end
  local command = parentheses(entry, bare) ~= "" and "\\eqref{" or "\\ref{"
  local out = pandoc.Inlines(name and { pandoc.Str(name .. NBSP) } or {})
  out:insert(pandoc.RawInline("latex", command .. label .. "}"))
  return out
end

-- Returns the words of what is referred to, as \nameref says them.
function M.titled(entry)
  local words = entry.title and entry.title:walk({ Note = function() return {} end }) or pandoc.Inlines({})
  return #words > 0 and pandoc.Inlines({ pandoc.Link(words, "#" .. entry.id, "", { class = "xref" }) }) or said(entry)
end

-- Returns the number of the page where something stands; nil in a format without pages.
function M.page(format, entry)
  if format == "typst" then
    local label = labels.typst(entry.id)
    return pandoc.Inlines({ pandoc.RawInline("typst", "#context link(" .. label .. ", str(counter(page).at(" .. label .. ").first()));") })
  elseif format == "latex" then
    return pandoc.Inlines({ pandoc.RawInline("latex", "\\pageref{" .. labels.latex(entry.id) .. "}") })
  end
  return nil
end

local WRITERS = { html = page_link, typst = typst, latex = latex, docx = link, jats = link }

-- Returns the writer of a format.
function M.of(format)
  return WRITERS[format]
end

return M
