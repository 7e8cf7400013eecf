-- How one reference is written in each format.
--
-- A writer takes what is referred to and how: `name` is what stands before its number (nil for nothing), `bare` leaves the parentheses
-- of an equation's number away, `part` says of "3b" the "b" alone, `title` the words instead of the number. It returns inlines. What has
-- no number is referred to by its words, in quotes.

local labels = require("labels")

local M = {}

local NBSP = "\u{a0}"

local function words_of(entry)
  local words = entry.title and entry.title:walk({ Note = function() return {} end, Link = function(link) return link.content end })
  return words and #words > 0 and words or nil
end

local function said(entry, how)
  local words = words_of(entry)
  if how.title and words then
    return words
  elseif entry.number == "" then
    return pandoc.Inlines({ words and pandoc.Quoted("DoubleQuote", words) or pandoc.Str(entry.id) })
  end
  local number = how.part and entry.part or entry.number
  if entry.kind == "equation" and not how.bare then -- only LaTeX's \ref asks for the number alone
    number = "(" .. number .. ")"
  end
  return pandoc.Inlines({ pandoc.Str((how.name and how.name .. NBSP or "") .. number) })
end

-- A link that says the number.
local function link(entry, how)
  return pandoc.Inlines({ pandoc.Link(said(entry, how), "#" .. entry.id) })
end

-- The class tells the page which links have a preview.
local function page_link(entry, how)
  return pandoc.Inlines({ pandoc.Link(said(entry, how), "#" .. entry.id, "", { class = "xref" }) })
end

-- Ends in ";" as every call does: typst would take a "(" or ".name" of the author's that follows for a part of it.
local function typst(entry, how)
  return pandoc.Inlines({ pandoc.RawInline("typst", "#link(" .. labels.typst(entry.id) .. ")[") }) .. said(entry, how)
    .. { pandoc.RawInline("typst", "];") }
end

-- LaTeX's own \ref prints its own count, so that an author may go on writing in the source.
local function latex(entry, how)
  local label = labels.latex(entry.label or entry.id)
  if entry.number == "" or how.part or how.title then
    return pandoc.Inlines({ pandoc.RawInline("latex", "\\hyperref[" .. label .. "]{") }) .. said(entry, how)
      .. { pandoc.RawInline("latex", "}") }
  end
  local command = entry.kind == "equation" and not how.bare and "\\eqref{" or "\\ref{"
  local out = pandoc.Inlines(how.name and { pandoc.Str(how.name .. NBSP) } or {})
  out:insert(pandoc.RawInline("latex", command .. label .. "}"))
  return out
end

-- Returns the number of the page where something stands; nil in a format without pages.
function M.page(format, entry)
  if format == "typst" then
    local label = labels.typst(entry.id)
    return pandoc.Inlines({ pandoc.RawInline("typst", "#context link(" .. label .. ", str(counter(page).at(" .. label .. ").first()));") })
  elseif format == "latex" then
    return pandoc.Inlines({ pandoc.RawInline("latex", "\\pageref{" .. labels.latex(entry.label or entry.id) .. "}") })
  end
  return nil
end

local WRITERS = { html = page_link, typst = typst, latex = latex, docx = link, jats = link }

-- Returns the writer of a format.
function M.of(format)
  return WRITERS[format]
end

return M
