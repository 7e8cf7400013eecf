-- Space between the atoms of a formula, as TeX puts it (The TeXbook, chapter 18), and what MathML's operator dictionary would put.

local M = {}

local ORDER = { ord = 1, op = 2, bin = 3, rel = 4, open = 5, close = 6, punct = 7, inner = 8 }
-- Rows are what stands on the left, columns what stands on the right; 1 to 3 are thin, medium and thick spaces, negative ones fall away
-- in scripts.
local TABLE = {
  { 0, 1, -2, -3, 0, 0, 0, -1 }, { 1, 1, 0, -3, 0, 0, 0, -1 }, { -2, -2, 0, 0, -2, 0, 0, -2 }, { -3, -3, 0, 0, -3, 0, 0, -3 },
  { 0, 0, 0, 0, 0, 0, 0, 0 }, { 0, 1, -2, -3, 0, 0, 0, -1 }, { -1, -1, 0, -1, -1, -1, -1, -1 }, { -1, 1, -2, -3, -1, 0, -1, -1 },
}
local WIDTHS = { [0] = 0, 3, 4, 5 } -- in eighteenths of an em

-- Returns the space between two atoms in eighteenths of an em.
function M.between(left, right, script)
  local n = TABLE[ORDER[left]][ORDER[right]]
  if n < 0 and script then
    return 0
  end
  return WIDTHS[math.abs(n)]
end

-- A binary operator that has nothing to operate on is an ordinary sign: "-x", "(-x", "= -x". `atoms` have `left` and `right` classes.
function M.settle(atoms, first)
  local previous = first
  for i, atom in ipairs(atoms) do
    if atom.left ~= "space" then
      if atom.left == "bin" then
        local before = previous and previous.right
        if not before or before == "bin" or before == "op" or before == "rel" or before == "open" or before == "punct" then
          atom.left, atom.right, atom.unary = "ord", "ord", true
        end
      elseif previous and previous.right == "bin" and (atom.left == "rel" or atom.left == "close" or atom.left == "punct") then
        previous.left, previous.right = "ord", "ord"
      end
      previous = atom
    end
  end
  if previous and previous.right == "bin" then
    previous.left, previous.right = "ord", "ord"
  end
end

-- What MathML Core's dictionary (its appendix B) says of characters, in eighteenths of an em: before and behind. Measured in Chromium.
local INFIX = {}
local PREFIX = {}
local function enter(list, where, before, behind)
  for _, code in utf8.codes(list) do
    where[utf8.char(code)] = { before, behind }
  end
end
enter("⊞⋏±∪⊖⋓⊟∨∧⫽⊻∖∩⋒⊔⊎⊕⊓⊘⋎⩞∔∓⊼⊽⊝⨾÷−+∸∶", INFIX, 4, 4)
enter("⊺⊛≀⊠∘⊙⋋×⊡⋅·⫼⊚∗⋌⋉⋄∙⨿⋆⋊⊗⋇⨯.", INFIX, 3, 3)
enter(",;", INFIX, 0, 3)
enter(":", INFIX, 0, 3)
enter("⁡\\_∴⌢⌣∵∄&", INFIX, 0, 0)
enter("∑∏∐⋂⋃⋁⋀⨁⨂⨀⨄⨆⨅⨉∫∬∭⨌∮∯∰⨏⨖∳∲", PREFIX, 3, 3)
enter("⌞⌜⎰⎱⌝⌟", PREFIX, 5, 5)

-- Returns the dictionary's space before and behind `char` in its `form`.
function M.dictionary(char, form)
  local found = (form == "infix" and INFIX or PREFIX)[char]
  if found then
    return found[1], found[2]
  elseif form == "infix" then
    return 5, 5
  end
  return 0, 0
end

return M
