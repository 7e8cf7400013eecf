-- What is numbered as what: prefixes of ids, classes of theorems, and what a numbered thing is made of.

local M = {}

-- Prefix of an id → what it is counted as.
local KINDS = {
  fig = "figure", tbl = "table", tab = "table", lst = "listing", eq = "equation", eqn = "equation", sec = "section", app = "section",
  chap = "section", thm = "theorem", lem = "lemma", def = "definition", cor = "corollary", prop = "proposition", prp = "proposition",
  rem = "remark", exm = "example", asm = "assumption", clm = "claim", cnj = "conjecture", alg = "algorithm", exr = "exercise",
}

local THEOREMS = {}
for name in ("theorem lemma definition corollary proposition remark example assumption claim conjecture algorithm exercise"):gmatch("%a+") do
  THEOREMS[name] = true
end

-- Returns what a citation key means as a cross-reference: its kind, the id ("Fig:x" is "fig:x"), and whether it is written with a
-- capital; nil where it has no such prefix.
function M.kind_of(key)
  local prefix, rest = key:match("^(%a+):(.+)$")
  if not prefix then
    return nil
  end
  local lower = prefix:sub(1, 1):lower() .. prefix:sub(2)
  return KINDS[lower], KINDS[lower] and lower .. ":" .. rest, KINDS[lower] and lower ~= prefix
end

function M.is_theorem(name)
  return THEOREMS[name] == true
end

-- A div's class says which theorem it is; one with none of them may say it by its id's prefix.
function M.theorem_kind(div)
  for _, class in ipairs(div.classes) do
    if THEOREMS[class] then
      return class
    end
  end
  local kind = KINDS[div.identifier:match("^(%a+):") or ""]
  return THEOREMS[kind] and kind or nil
end

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

-- A Figure around code is a listing.
function M.is_listing(figure)
  return figure.classes:includes("listing")
end

function M.has_caption(element)
  return #element.caption.long > 0 and #pandoc.utils.blocks_to_inlines(element.caption.long) > 0
end

return M
