-- Rows of MathML: from nodes to atoms, and from atoms to elements with TeX's space between them.
--
-- Space is said where MathML's own dictionary would put another one. An atom is { xml, left, right }, with TeX's class at each side. One
-- that is an operator, or that clings to one, is { head, tail, left, right, core }: what stands between the two is known beside its
-- neighbours only. `core` has `char`, `form` where the form is not that of its place, and `unlisted` where the dictionary knows no such form.
-- `name`: a function's name, applied to what follows. `sized`: has a size of its own.

local spacing = require("math_spacing")

local M = {}

-- From a node and a style ("display", "text", "script") to an atom, or a list of atoms, by the node's type. The other modules fill it.
local write = {}
M.write = write

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }

function M.escaped(text)
  return text:find("[&<>]") and (text:gsub("[&<>]", ENTITIES)) or text
end
local escaped = M.escaped

local known_lengths = { [0] = "0" }

-- A length, given in eighteenths of an em.
local function em(eighteenths)
  local known = known_lengths[eighteenths]
  if not known then
    known = string.format("%.3f", eighteenths / 18):gsub("%.?0+$", ""):gsub("^(%-?)0%.", "%1.") .. "em"
    known_lengths[eighteenths] = known
  end
  return known
end
M.em = em

-- Browsers take no width below nothing: a margin draws together.
function M.space(eighteenths)
  if eighteenths < 0 then
    return '<mspace style="margin-left:' .. em(eighteenths) .. '"/>'
  end
  return '<mspace width="' .. em(eighteenths) .. '"/>'
end

function M.plain(xml, class)
  return { xml = xml, left = class or "ord", right = class or "ord" }
end
local plain = M.plain

-- An operator's atom; `attributes` are those that it always has.
function M.operator(char, class, form, attributes)
  return { head = attributes and "<mo" .. attributes or "<mo", tail = ">" .. escaped(char) .. "</mo>", left = class, right = class,
    core = { char = char, form = form } }
end

-- The element of an atom, with nothing said about its space.
function M.finished(piece)
  return piece.xml or piece.head .. piece.tail
end
local finished = M.finished

-- Puts an atom's element into another one.
function M.wrap(piece, before, behind)
  if piece.xml then
    piece.xml = before .. piece.xml .. behind
  else
    piece.head, piece.tail = before .. piece.head, piece.tail .. behind
  end
  return piece
end

local STYLES = { display = '<mstyle displaystyle="true" scriptlevel="0">', text = '<mstyle displaystyle="false" scriptlevel="0">',
  script = '<mstyle displaystyle="false" scriptlevel="1">', sscript = '<mstyle displaystyle="false" scriptlevel="2">' }

-- Elements in a style that is not that of what surrounds them.
function M.styled(style, xml)
  return STYLES[style] .. xml .. "</mstyle>"
end

local function add_atoms(row, style, out)
  for _, node in ipairs(row) do
    if node.t == "row" and not node.group then
      add_atoms(node, style, out)
    else
      local made = write[node.t](node, style)
      if made.left then
        out[#out + 1] = made
      else
        table.move(made, 1, #made, #out + 1, out)
      end
    end
  end
  return out
end

local SIGNED = { ["+"] = true, ["−"] = true, ["±"] = true, ["∓"] = true, ["∼"] = true, ["|"] = true } -- which have a prefix form, too

-- The attributes that say an operator's form and space. `position`: "first" or "last" among its siblings, or "middle" (also alone).
local function with_space(piece, before, behind, position)
  local core = piece.core
  local form, wanted = core.form, core.form
  if not form then
    if position ~= "middle" then -- a sign at the edge would be taken for a prefix
      local infix = piece.left == "bin" or piece.left == "rel" or piece.left == "punct"
      form = infix and "infix" or position == "first" and "prefix" or "postfix"
      wanted = infix and SIGNED[core.char] and "infix" or nil
    elseif piece.unary then
      form, wanted = "prefix", "prefix"
    else
      form = "infix"
    end
  end
  local said = wanted and ' form="' .. wanted .. '"' or ""
  local l, r = spacing.dictionary(core.char, form)
  if core.unlisted or l ~= before then
    said = said .. ' lspace="' .. em(before) .. '"'
  end
  if core.unlisted or r ~= behind then
    said = said .. ' rspace="' .. em(behind) .. '"'
  end
  return piece.head .. said .. piece.tail
end

-- Words, spaces and empty groups do not count as operands in MathML: an operator among them alone would lose its space. An empty letter does.
local function with_operand(out)
  local operators = 0
  for _, xml in ipairs(out) do
    if xml:find("^<mo[ >]") then
      operators = operators + 1
      if operators > 1 then
        return out
      end
    elseif xml ~= "<mrow></mrow>" and not xml:find("^<mtext") and not xml:find("^<mspace") then
      return out
    end
  end
  if operators == 1 and #out > 1 then
    out[#out + 1] = "<mi></mi>"
  end
  return out
end

-- No function is applied to what has one of these classes.
local NO_ARGUMENT = { rel = true, bin = true, close = true, punct = true, space = true }

-- The space before each atom: on the operator before it, on the operator that it is, or as an element of its own. Three lists.
local function spaces(atoms, first, script)
  local before, behind, gaps = {}, {}, {}
  local previous, at = first, 0
  for i, piece in ipairs(atoms) do
    before[i], behind[i], gaps[i] = 0, 0, 0
    if piece.left ~= "space" then
      local want = previous and spacing.between(previous.right, piece.left, script) or 0
      if want > 0 then
        if at > 0 and previous.core then
          behind[at] = want
        elseif piece.core then
          before[i] = want
        else
          gaps[i] = want
        end
      end
      previous, at = piece, i
    end
  end
  return before, behind, gaps
end

-- Returns the elements of a row's atoms. `lead`: "ord" where something ordinary stands before the first, in another cell; "fence" where
-- fences stand around them, in the same element.
local function elements(atoms, style, lead)
  if #atoms == 1 and not lead and not atoms[1].core and not atoms[1].name then
    return { atoms[1].xml }
  end
  local first = lead == "ord" and { left = "ord", right = "ord" } or nil
  spacing.settle(atoms, first)
  local before, behind, gaps = spaces(atoms, first, style == "script")
  local out, places = {}, {}
  for i, piece in ipairs(atoms) do
    local last, follower = atoms[i - 1], atoms[i + 1]
    if gaps[i] > 0 and not (piece.left == "ord" and last and last.name) then
      out[#out + 1] = M.space(gaps[i])
    end
    out[#out + 1] = finished(piece)
    if piece.core then
      places[#out] = i
    end
    if piece.name and follower and not NO_ARGUMENT[follower.left] then
      out[#out + 1] = gaps[i + 1] > 0 and '<mo rspace="' .. em(gaps[i + 1]) .. '">&#8289;</mo>' or "<mo>&#8289;</mo>"
      gaps[i + 1] = 0
    end
  end
  for n, i in pairs(places) do
    local position = (#out == 1 or lead == "fence") and "middle" or n == 1 and "first" or n == #out and "last" or "middle"
    out[n] = with_space(atoms[i], before[i], behind[i], position)
  end
  return with_operand(out)
end

local function as_one(out)
  return #out == 1 and out[1] or "<mrow>" .. table.concat(out) .. "</mrow>"
end

-- Returns a row as one element.
function M.row(row, style, lead)
  return as_one(elements(add_atoms(row, style, {}), style, lead))
end

-- Returns what stands in an element that makes a row of its children.
function M.inside(row, style, lead)
  return table.concat(elements(add_atoms(row, style, {}), style, lead))
end

-- The one atom that a node is; that of an operator alone in its row keeps its class.
function M.single(node, style)
  if node.t ~= "row" then
    local made = write[node.t](node, style)
    return made.left and made or plain(M.row({ t = "row", node }, style))
  end
  local atoms = add_atoms(node, style, {})
  if #atoms == 1 and not (node.group and atoms[1].core) then
    return atoms[1]
  end
  return plain(as_one(elements(atoms, style)))
end

function write.row(node, style)
  local atoms = add_atoms(node, style, {})
  if #atoms == 0 then
    return plain("<mrow></mrow>")
  end
  local out = elements(atoms, style)
  if #atoms == 1 and node[1].t == "sym" and node[1].class ~= "ord" then -- {,}: an ordinary sign
    return plain((out[1]:gsub("<mo[^>]*>", '<mo lspace="0" rspace="0">')))
  end
  return plain(as_one(out))
end

return M
