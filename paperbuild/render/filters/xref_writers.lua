-- How a reference to something numbered is written: alike in every format while filters run, then in the words of one.
--
-- A reference is a Link of the class "xref" to what it names. Its attribute `pb-ref` says what LaTeX counts by itself: "ref" and
-- "eqref" a number, with `pb-name` before it, and nothing where its words are all there is. One to a page is a Span of the class
-- "pb-page" around the reference that formats without pages show.

local elements = require("elements")
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

-- Returns one reference. `how` has `name`, what stands before its number (nil for nothing), `bare`, which leaves the parentheses of an
-- equation's number away, `part`, which says of "3b" the "b" alone, `title` for the words instead of the number. What has no number is
-- referred to by its words, in quotes.
function M.link(entry, how)
  local attributes = {}
  if entry.number ~= "" and not how.part and not how.title then
    attributes["pb-ref"] = entry.kind == "equation" and not how.bare and "eqref" or "ref"
    attributes["pb-name"] = how.name
  end
  return pandoc.Inlines({ pandoc.Link(said(entry, how), "#" .. entry.id, "", pandoc.Attr("", { "xref" }, attributes)) })
end

-- Returns a reference to the page where something stands; `words` are for formats without pages.
function M.page(entry, words)
  return pandoc.Inlines({ pandoc.Span(words, pandoc.Attr("", { "pb-page" }, { ["pb-id"] = entry.id })) })
end

local WRITERS = {}

-- The class tells the page which links have a preview.
function WRITERS.html(link)
  return link
end

-- Ends in ";" as every call does: typst would take a "(" or ".name" of the author's that follows for a part of it.
function WRITERS.typst(link, id)
  return pandoc.Inlines({ pandoc.RawInline("typst", "#link(" .. labels.typst(id) .. ")[") }) .. link.content
    .. { pandoc.RawInline("typst", "];") }
end

-- LaTeX's own \ref prints its own count, so that an author may go on writing in the source.
function WRITERS.latex(link, id, command, name)
  local label = labels.latex(id)
  if not command then
    return pandoc.Inlines({ pandoc.RawInline("latex", "\\hyperref[" .. label .. "]{") }) .. link.content .. { pandoc.RawInline("latex", "}") }
  end
  local out = pandoc.Inlines(name and { pandoc.Str(name .. NBSP) } or {})
  out:insert(pandoc.RawInline("latex", "\\" .. command .. "{" .. label .. "}"))
  return out
end

local function plain(link)
  link.classes = {}
  return link
end
WRITERS.docx, WRITERS.jats = plain, plain

local PAGES = {}

function PAGES.typst(id)
  local label = labels.typst(id)
  return pandoc.RawInline("typst", "#context link(" .. label .. ", str(counter(page).at(" .. label .. ").first()));")
end

function PAGES.latex(id)
  return pandoc.RawInline("latex", "\\pageref{" .. labels.latex(id) .. "}")
end

-- Returns filters that write references as `format` has them.
function M.filters(format)
  local write_link, write_page = WRITERS[format], PAGES[format]
  return {
    Span = function(span)
      if span.classes:includes("pb-page") then
        return write_page and write_page(span.attributes["pb-id"]) or span.content
      end
    end,
    Link = function(link)
      if link.classes:includes("xref") then
        local command, name = elements.take(link.attributes, "pb-ref"), elements.take(link.attributes, "pb-name")
        return write_link(link, link.target:sub(2), command, name)
      end
    end,
  }
end

return M
