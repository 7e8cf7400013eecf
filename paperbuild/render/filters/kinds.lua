-- What is numbered as what: prefixes of ids, classes of theorems, and what a numbered thing is made of.

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

local function has_caption(element)
  return #element.caption.long > 0 and pandoc.utils.stringify(element.caption.long) ~= ""
    or #element.caption.long > 0 and #pandoc.utils.blocks_to_inlines(element.caption.long) > 0
end
M.has_caption = has_caption

return M
