-- The cited references as BibTeX, for readers of the page who want to cite them too.
--
-- Below the list of references stands
--   <details class="bibtex"><summary>BibTeX</summary><pre><code data-key="knuth1984">@article{…}</code>
--   <code data-key="…">…</code></pre></details>

local M = {}

local function escaped(text)
  return (text:gsub('[&<>"]', { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }))
end

local function text_of(value)
  return value and pandoc.utils.stringify(value) or ""
end

local known = setmetatable({}, { __mode = "k" }) -- what was written of references, which are kept with their library

-- Returns one reference as BibTeX; pandoc's writer leaves out the DOI, and writes one hyphen between pages.
local function entry(reference)
  if known[reference] then
    return known[reference]
  end
  local written = pandoc.write(pandoc.Pandoc({}, { references = pandoc.List({ reference }) }), "bibtex", { wrap_text = "none" })
  written = written:gsub("%s+$", ""):gsub("(\n  pages = {[^{}\n]-%d)%-(%d[^{}\n]-})", "%1--%2")
  local doi = text_of(reference.DOI or reference.doi)
  if doi ~= "" and not written:find("\n  doi = ", 1, true) then
    written = written:gsub("\n}$", function() return ",\n  doi = {" .. doi .. "}\n}" end)
  end
  known[reference] = written
  return written
end

local function all_of(references)
  local entries = pandoc.List({})
  for _, reference in ipairs(references) do
    local ok, written = pcall(entry, reference)
    if ok and written ~= "" then
      entries:insert('<code data-key="' .. escaped(text_of(reference.id)) .. '">' .. escaped(written) .. "</code>")
    end
  end
  local open = '<details class="bibtex references-bibtex"><summary>BibTeX</summary><pre>'
  return pandoc.RawBlock("html", open .. table.concat(entries, "\n\n") .. "</pre></details>")
end

-- Puts the BibTeX of `references` below their list.
function M.add(doc, references)
  return doc:walk({
    Div = function(div)
      if div.identifier == "refs" and #references > 0 then
        return { div, all_of(references) }
      end
    end,
  })
end

return M
