-- The tree of a formula as MathML Core.
--
-- Space between atoms is TeX's, said where MathML's own dictionary would do otherwise. Whether an operator has its limits above and
-- below is decided here, since what moves limits in MathML works on operators alone, not on names.

local letters = require("math_letters")
local spacing = require("math_spacing")

local M = {}

-- Stands where the attributes go of the operator that an atom is, or that its scripts cling to.
local HERE = "\1"

local atom = {} -- from a node to an atom { xml, left, right, core }, by the node's type
local row_of

local function escaped(text)
  return (text:gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }))
end

local function plain(xml, class, more)
  local out = { xml = xml, left = class or "ord", right = class or "ord" }
  for key, value in pairs(more or {}) do
    out[key] = value
  end
  return out
end

local function em(eighteenths)
  return eighteenths == 0 and "0" or (string.format("%.3f", eighteenths / 18):gsub("%.?0+$", ""):gsub("^(%-?)0%.", "%1.")) .. "em"
end

local function space(eighteenths)
  return '<mspace width="' .. em(eighteenths) .. '"/>'
end

-- An operator's element; `more` are attributes that it always has.
local function operator(char, class, form, more)
  return plain("<mo" .. HERE .. (more or "") .. ">" .. escaped(char) .. "</mo>", class, { core = { char = char, form = form } })
end

local function finished(piece)
  return (piece.xml:gsub(HERE, ""))
end

-- Atoms of a row -----------------------------------------------------------------------------------------------------------

local function add_atoms(row, style, out)
  for _, node in ipairs(row) do
    if node.t == "row" and not node.group then
      add_atoms(node, style, out)
    else
      local made = atom[node.t](node, style)
      for _, one in ipairs(made.xml and { made } or made) do
        out[#out + 1] = one
      end
    end
  end
  return out
end

-- Puts the attributes into an operator that say what its space is.
local function with_space(piece, before, behind, position)
  local core = piece.core
  local form = core.form or (position == "first" and "prefix" or position == "last" and "postfix" or "infix")
  local wanted = core.form
  local said = ""
  if not core.form and position ~= "middle" then -- a sign at the edge would be taken for a prefix
    local infix = piece.left == "bin" or piece.left == "rel" or piece.left == "punct"
    form = infix and "infix" or form
    if infix and core.char:find("[+|]") or infix and (core.char == "−" or core.char == "±" or core.char == "∓" or core.char == "∼") then
      wanted = "infix"
    end
  elseif piece.unary and not core.form then
    form, wanted = "prefix", "prefix"
  end
  if wanted then
    said = ' form="' .. wanted .. '"'
  end
  local l, r = spacing.dictionary(core.char, form)
  if l ~= before then
    said = said .. ' lspace="' .. em(before) .. '"'
  end
  if r ~= behind then
    said = said .. ' rspace="' .. em(behind) .. '"'
  end
  piece.xml = piece.xml:gsub(HERE, (said:gsub("%%", "%%%%")), 1)
end

-- Words and spaces do not count as operands in MathML: an operator among them alone would lose its space. An empty letter does.
local function with_operand(out)
  local operators = 0
  for _, xml in ipairs(out) do
    if xml:find("^<mo[ >]") then
      operators = operators + 1
    elseif not (xml:find("^<mtext") or xml:find("^<mspace")) then
      return out
    end
  end
  if operators == 1 and #out > 1 then
    out[#out + 1] = "<mi></mi>"
  end
  return out
end

-- Returns the elements of a row's atoms. `lead`: something ordinary stands before the first, in another cell.
local function elements(atoms, style, lead)
  local script = style == "script"
  local first = lead and { left = "ord", right = "ord" } or nil
  spacing.settle(atoms, first)
  local before, behind, gaps = {}, {}, {}
  local previous, at = first, 0
  for i, piece in ipairs(atoms) do
    before[i], behind[i], gaps[i] = 0, 0, 0
    if piece.left ~= "space" then
      local want = previous and spacing.between(previous.right, piece.left, script) or 0
      if want > 0 then
        if previous.core and at > 0 then
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
  local out = {}
  for i, piece in ipairs(atoms) do
    if gaps[i] > 0 and not (piece.left == "ord" and atoms[i - 1] and atoms[i - 1].name) then
      out[#out + 1] = space(gaps[i])
    end
    if piece.name and atoms[i + 1] and gaps[i + 1] then
      local follower = atoms[i + 1]
      out[#out + 1] = piece
      if follower.left ~= "rel" and follower.left ~= "bin" and follower.left ~= "close" and follower.left ~= "punct" and follower.left ~= "space" then
        local gap = gaps[i + 1]
        gaps[i + 1] = 0
        out[#out + 1] = "<mo" .. (gap > 0 and ' rspace="' .. em(gap) .. '"' or "") .. ">&#8289;</mo>"
      end
    else
      out[#out + 1] = piece
    end
    piece.index = i
  end
  for n, piece in ipairs(out) do
    if type(piece) == "table" then
      if piece.core then
        local position = #out == 1 and "middle" or n == 1 and "first" or n == #out and "last" or "middle"
        with_space(piece, before[piece.index], behind[piece.index], position)
      end
      out[n] = finished(piece)
    end
  end
  return with_operand(out)
end

-- Returns a row as one element.
row_of = function(row, style, lead)
  local out = elements(add_atoms(row, style, {}), style, lead)
  if #out == 1 then
    return out[1]
  end
  return "<mrow>" .. table.concat(out) .. "</mrow>"
end

-- Returns what stands in an element that makes a row of its children.
local function inside(row, style, lead)
  return table.concat(elements(add_atoms(row, style, {}), style, lead))
end

-- The one atom that a row is, or an atom of the row.
local function single(node, style)
  if node.t ~= "row" then
    local made = atom[node.t](node, style)
    return made.xml and made or plain(row_of({ t = "row", node }, style))
  end
  local atoms = add_atoms(node, style, {})
  if #atoms == 1 and not node.group then
    return atoms[1]
  elseif #atoms == 1 and atoms[1].core == nil then
    return atoms[1]
  end
  local out = elements(atoms, style)
  return plain(#out == 1 and out[1] or "<mrow>" .. table.concat(out) .. "</mrow>")
end

function atom.row(node, style)
  local atoms = add_atoms(node, style, {})
  if #atoms == 0 then
    return plain("<mrow></mrow>")
  end
  local out = elements(atoms, style)
  if #atoms == 1 and node[1].t == "sym" and node[1].class ~= "ord" then -- {,}: an ordinary sign
    return plain((out[1]:gsub("<mo[^>]*>", '<mo lspace="0" rspace="0">')))
  end
  return plain(#out == 1 and out[1] or "<mrow>" .. table.concat(out) .. "</mrow>")
end

-- Letters, signs, words ----------------------------------------------------------------------------------------------------

function atom.id(node)
  local text, variant = node.text, node.variant
  if variant == "rm" or not variant then
    local one = utf8.len(text) == 1
    local upright = one and (variant == "rm" or letters.is_capital_greek(text))
    return plain("<mi" .. (upright and ' mathvariant="normal"' or "") .. ">" .. escaped(text) .. "</mi>")
  elseif variant == "it" and utf8.len(text) == 1 then
    return plain("<mi>" .. text .. "</mi>")
  end
  local new = letters.styled(text, variant)
  return plain("<mi>" .. escaped(new) .. "</mi>")
end

function atom.num(node)
  return plain("<mn>" .. letters.styled(node.text, node.variant) .. "</mn>")
end

local BARE = { ["|"] = true, ["‖"] = true, ["/"] = true, ["\\"] = true, ["."] = true, ["′"] = true, ["″"] = true, ["‴"] = true, ["⁗"] = true, ["‵"] = true, ["!"] = true,
  ["°"] = false }

function atom.sym(node)
  local char, class = letters.styled(node.text, node.variant), node.class
  if class == "ord" or class == "inner" then
    if char == "|" or char == "‖" then
      return operator(char, class, "prefix", ' stretchy="false"')
    elseif node.prime then
      return plain("<mo>" .. char .. "</mo>", class)
    elseif BARE[char] or char:find("^[+−=<>±∓∗⋅×]$") or char == "⋅" or char == "−" or char == "±" or char == "∓" or char == "∗" or char == "×" or char == "≡" then
      return plain('<mo lspace="0" rspace="0"' .. (char:find("[/\\]") and ' stretchy="false"' or "") .. ">" .. escaped(char) .. "</mo>", class)
    end
    local upright = letters.is_capital_greek(char) and node.variant ~= "it" or char == "∇"
    return plain("<mi" .. (upright and ' mathvariant="normal"' or "") .. ">" .. escaped(char) .. "</mi>", class)
  elseif class == "open" then
    return operator(char, class, "prefix", ' stretchy="false"')
  elseif class == "close" then
    if char == "!" or char == "?" then
      return plain('<mo form="postfix" lspace="0" rspace="0">' .. char .. "</mo>", class)
    end
    return operator(char, class, "postfix", ' stretchy="false"')
  end
  -- TeX stretches no arrow and no bar by itself
  local stretches = char:find("^[\xE2][\x86\x87\x9F]") or char == "|" or char == "∥" or char == "∣"
  return operator(char, class, nil, stretches and ' stretchy="false"' or nil)
end

function atom.big(node)
  return operator(node.text, "op", "prefix")
end

function atom.name(node, style)
  if node.text then
    local upright = utf8.len(node.text) == 1 and ' mathvariant="normal"' or ""
    return plain("<mi" .. upright .. ">" .. escaped(node.text) .. "</mi>", "op", { name = true })
  end
  return plain(row_of(node.body, style), "op", { name = true })
end

local TEXT_STYLES = { bf = "font-weight:bold", it = "font-style:italic", tt = "font-family:monospace", sf = "font-family:sans-serif", sc = "font-variant:small-caps" }

function atom.text(node, style)
  local out = {}
  for i, piece in ipairs(node.pieces) do
    if piece.t then
      out[i] = row_of(piece, style == "script" and "script" or "text")
    else
      local look = TEXT_STYLES[piece.style]
      out[i] = "<mtext" .. (look and ' style="' .. look .. '"' or "") .. ">" .. escaped((piece.text:gsub(" ", "\u{a0}"))) .. "</mtext>"
    end
  end
  return plain(#out == 1 and out[1] or "<mrow>" .. table.concat(out) .. "</mrow>")
end

function atom.space(node)
  return plain(node.em == 0 and "" or space(node.em * 18), "space")
end

-- Scripts, accents, stacks -------------------------------------------------------------------------------------------------

-- What a node's scripts cling to: whether they stand above and below.
local function has_limits(node, style)
  while node and node.t == "row" and #node == 1 do
    node = node[1]
  end
  if not node then
    return false
  elseif node.limits == "always" then
    return true, true
  elseif node.limits == "never" or style ~= "display" then
    return false
  end
  return (node.t == "big" and not node.integral) or ((node.t == "name" or node.t == "class") and node.limits) or node.t == "sideset"
end

local function around(base, style, sub, sup, tags)
  local xml = base.xml
  local below, above = sub and row_of(sub, style), sup and row_of(sup, style)
  local tag = below and above and tags[3] or below and tags[1] or tags[2]
  base.xml = "<" .. tag .. ">" .. xml .. (below or "") .. (above or "") .. "</" .. tag .. ">"
  return base
end

local UNDER_OVER, SUB_SUP = { "munder", "mover", "munderover" }, { "msub", "msup", "msubsup" }

function atom.scripts(node, style)
  local base = node.base and single(node.base, style) or plain("<mrow></mrow>")
  if base.left == "space" then
    base = plain(base.xml)
  end
  if node.presup or node.presub then
    local function part(script)
      return script and row_of(script, "script") or "<mrow></mrow>"
    end
    local behind = (node.sub or node.sup) and part(node.sub) .. part(node.sup) or ""
    return plain("<mmultiscripts>" .. finished(base) .. behind .. "<mprescripts/>" .. part(node.presub) .. part(node.presup) .. "</mmultiscripts>")
  end
  local sup = node.sup
  if sup and sup[1] and sup[1].prime then -- full size and beside the letter: in a superscript its glyph would be small and too high
    base = plain("<mrow>" .. finished(base) .. '<mo lspace="0" rspace="0">' .. sup[1].text .. "</mo></mrow>", base.left, { name = base.name })
    sup = #sup > 1 and { t = "row", table.unpack(sup, 2) } or nil
    if not sup and not node.sub then
      return base
    end
  end
  local limits, always = has_limits(node.base, style)
  if always and base.core and style ~= "display" then
    base.xml = base.xml:gsub(HERE, HERE .. ' movablelimits="false"', 1)
  end
  return around(base, "script", node.sub, sup, limits and UNDER_OVER or SUB_SUP)
end

function atom.sideset(node, style)
  local function script(holder, key)
    return holder and holder[key] and row_of(holder[key], "script") or "<mrow></mrow>"
  end
  local base = finished(single(node.base, style))
  return plain("<mmultiscripts>" .. base .. script(node.after, "sub") .. script(node.after, "sup") .. "<mprescripts/>" .. script(node.before, "sub")
    .. script(node.before, "sup") .. "</mmultiscripts>", "op")
end

-- Accents as MathML takes them: signs with a width of their own.
local function mark_over(body, mark, wide, under)
  local tag = under and "munder" or "mover"
  local accent = under and ' accentunder="true"' or ' accent="true"'
  return plain("<" .. tag .. accent .. ">" .. body .. '<mo stretchy="' .. tostring(wide == true) .. '">' .. mark .. "</mo></" .. tag .. ">")
end

-- Signs that Chromium sets best: these combining ones sit where they should, and grow.
local MARKS = { ["^"] = "\u{302}", ["~"] = "\u{303}", ["⃛"] = "…", ["⃜"] = "….", ["`"] = "\u{2CB}", ["ˇ"] = "ˇ" }

function atom.accent(node, style)
  local mark, wide = MARKS[node.mark] or node.mark, node.wide
  if node.mark == "→" and not wide then
    mark, wide = node.combining, true
  end
  return mark_over(row_of(node.body, style), mark, wide, node.under)
end

-- A rule of its own: no browser stretches a bar over more than a few letters with every font.
function atom.line(node, style)
  local side = node.under and "bottom" or "top"
  return plain('<mrow style="border-' .. side .. ":.05em solid;padding-" .. side .. ':.1em">' .. inside(node.body, style) .. "</mrow>")
end

local BRACES = { brace = { "⏞", "⏟" }, bracket = { "⎴", "⎵" }, paren = { "⏜", "⏝" } }

function atom.brace(node, style)
  local tag = node.under and "munder" or "mover"
  local mark = BRACES[node.which][node.under and 2 or 1]
  local xml = "<" .. tag .. ">" .. row_of(node.body, style) .. '<mo stretchy="true">' .. mark .. "</mo></" .. tag .. ">"
  return plain(node.note and "<" .. tag .. ">" .. xml .. row_of(node.note, "script") .. "</" .. tag .. ">" or xml)
end

function atom.stack(node, style)
  local base = single(node.base, style)
  local class = node.class
  base = around(base, "script", node.below, node.above, UNDER_OVER)
  base.left, base.right = class, class
  base.name = class == "op" or nil
  return base
end

function atom.arrow(node)
  local pad = space(5)
  local function padded(row)
    return "<mrow>" .. pad .. inside(row, "script") .. pad .. "</mrow>"
  end
  local base = operator(node.text, "rel", nil, ' stretchy="true"')
  local below = node.below and #node.below > 0 and padded(node.below)
  local tag = below and "munderover" or "mover"
  base.xml = "<" .. tag .. ">" .. base.xml .. (below or "") .. padded(node.above) .. "</" .. tag .. ">"
  return base
end

-- Fractions, roots, fences -------------------------------------------------------------------------------------------------

local SMALLER = { display = "text", text = "script", script = "script" }
local IN_STYLE = { display = ' displaystyle="true" scriptlevel="0"', text = ' displaystyle="false" scriptlevel="0"', script = ' displaystyle="false" scriptlevel="1"',
  sscript = ' displaystyle="false" scriptlevel="2"' }

local function fenced(open, xml, close)
  local tall = xml:find("<mfrac") or xml:find("<mtable") or xml:find("<munder") or xml:find("<mover>") or xml:find("<msqrt") or xml:find("<mroot")
    or xml:find("<msubsup") or xml:find("<mmultiscripts") or xml:find("minsize")
  local function sign(char, form)
    if char == "" then
      return ""
    end
    -- Chromium keeps for a fence that may stretch the width of its largest form: around nothing tall it need not
    local stretchy = tall and (not char:find("^[()%[%]{}|]$") and ' stretchy="true"' or "") or ' stretchy="false"'
    local turned = form == "prefix" and char:find("^[])}]$") or form == "postfix" and char:find("^[[({]$") -- no such entry in the dictionary
    return "<mo" .. ' form="' .. form .. '"' .. stretchy .. (turned and ' lspace="0" rspace="0"' or "") .. ">" .. escaped(char) .. "</mo>"
  end
  local out = plain("<mrow>" .. sign(open, "prefix") .. xml .. sign(close, "postfix") .. "</mrow>")
  out.left, out.right = open ~= "" and "open" or "ord", close ~= "" and "close" or "ord"
  return out
end

function atom.frac(node, style)
  local own = node.style == "sscript" and "script" or node.style or style
  local inner = node.continued and "display" or SMALLER[own]
  local above, below = row_of(node.above, inner), row_of(node.below, inner)
  if node.slanted then
    return plain("<mrow><msup><mrow></mrow>" .. row_of(node.above, "script") .. '</msup><mo lspace="0" rspace="0" stretchy="false">/</mo><msub><mrow></mrow>'
      .. row_of(node.below, "script") .. "</msub></mrow>")
  elseif node.continued then
    above, below = "<mstyle" .. IN_STYLE.display .. ">" .. above .. "</mstyle>", "<mstyle" .. IN_STYLE.display .. ">" .. below .. "</mstyle>"
  end
  local out = plain("<mfrac" .. (node.line == false and ' linethickness="0"' or "") .. ">" .. above .. below .. "</mfrac>")
  if node.open then
    out = fenced(node.open, out.xml, node.close)
    out.left, out.right = "ord", "ord"
  end
  if node.style and not (node.style == style) then
    out.xml = "<mstyle" .. IN_STYLE[node.style] .. ">" .. out.xml .. "</mstyle>"
  end
  return out
end

function atom.root(node, style)
  if node.index then
    return plain("<mroot>" .. row_of(node.body, style) .. row_of(node.index, "script") .. "</mroot>")
  end
  return plain("<msqrt>" .. inside(node.body, style) .. "</msqrt>")
end

function atom.fence(node, style)
  return fenced(node.open, inside(node.body, style), node.close)
end

function atom.middle(node)
  return plain('<mo form="infix" stretchy="true" lspace="0" rspace="0">' .. escaped(node.text) .. "</mo>", "ord")
end

local HEIGHTS = { "1.2em", "1.8em", "2.4em", "3em" }

function atom.delim(node)
  if node.text == "" then
    return plain("<mrow></mrow>", node.class)
  end
  local size = HEIGHTS[node.size]
  local form = node.class == "close" and "postfix" or node.class == "rel" and nil or "prefix"
  return operator(node.text, node.class, form, ' stretchy="true" symmetric="true" minsize="' .. size .. '" maxsize="' .. size .. '"')
end

-- What changes how a part looks -------------------------------------------------------------------------------------------

function atom.style(node)
  local style = node.style == "sscript" and "script" or node.style
  return plain("<mstyle" .. IN_STYLE[node.style] .. ">" .. inside(node.body, style) .. "</mstyle>")
end

function atom.color(node, style)
  local attribute = node.behind and ' mathbackground="#' .. node.behind .. '"' or ' mathcolor="#' .. node.color .. '"'
  local only = single(node.body, style)
  if only.core then
    only.xml = only.xml:gsub(HERE, HERE .. attribute, 1)
    return only
  end
  return plain("<mstyle" .. attribute .. ">" .. inside(node.body, style) .. "</mstyle>")
end

function atom.phantom(node, style)
  local body = "<mphantom>" .. inside(node.body, style) .. "</mphantom>"
  if node.keep == "width" then
    body = '<mpadded height="0" depth="0">' .. body .. "</mpadded>"
  elseif node.keep == "height" then
    body = '<mpadded width="0">' .. body .. "</mpadded>"
  end
  return plain(body)
end

function atom.lap(node, style)
  if node.side == "r" then
    return plain('<mpadded width="0">' .. inside(node.body, style) .. "</mpadded>")
  end
  return plain(row_of(node.body, style))
end

function atom.boxed(node, style)
  return plain('<mrow class="boxed">' .. inside(node.body, style) .. "</mrow>")
end

function atom.cancel(node, style)
  return plain('<mrow class="cancel cancel-' .. node.kind .. '">' .. inside(node.body, style) .. "</mrow>")
end

atom["class"] = function(node, style)
  local only = single(node.body, style)
  local out = only.core and only or plain(finished(only))
  if out.core then
    out.core.form = out.core.form
  end
  out.left, out.right = node.class, node.class
  out.name = node.class == "op" or nil
  return out
end

-- Tables -------------------------------------------------------------------------------------------------------------------

-- What Chromium aligns in a cell is a block: it wants its own word for the right side.
local RIGHT = "text-align:right;text-align:-webkit-right"
local SIDES = { l = "text-align:left", r = RIGHT }

local function cell(xml, styles)
  return "<mtd" .. (#styles > 0 and ' style="' .. table.concat(styles, ";") .. '"' or "") .. ">" .. xml .. "</mtd>"
end

local RULE = ".05em solid"

local function matrix_rows(node)
  local columns = 0
  for _, cells in ipairs(node.rows) do
    columns = math.max(columns, #cells)
  end
  local ruled = {}
  for _, rule in ipairs(node.rules or {}) do
    ruled[rule.after] = true
  end
  local out = {}
  for i, cells in ipairs(node.rows) do
    local row = {}
    for column = 1, columns do
      local styles = {}
      local side = node.align and SIDES[node.align[column]]
      if side then
        styles[#styles + 1] = side
      end
      if column == 1 and (node.open or "") ~= "" and not node.small then
        styles[#styles + 1] = "padding-left:.1em"
      end
      if column == columns and (node.close or "") ~= "" and not node.small then
        styles[#styles + 1] = "padding-right:.1em"
      end
      if node.tight then
        styles[#styles + 1] = "padding:0"
      elseif node.small then
        styles[#styles + 1] = "padding:.1em .2em"
      end
      if node.columns and node.columns[column] then
        styles[#styles + 1] = "border-right:" .. RULE
      end
      if column == 1 and node.columns and node.columns[0] then
        styles[#styles + 1] = "border-left:" .. RULE
      end
      if ruled[i] then
        styles[#styles + 1] = "border-bottom:" .. RULE
      end
      if i == 1 and ruled[0] then
        styles[#styles + 1] = "border-top:" .. RULE
      end
      row[column] = cell(cells[column] and inside(cells[column], node.small and "script" or "text") or "", styles)
    end
    out[i] = "<mtr>" .. table.concat(row) .. "</mtr>"
  end
  return out
end

local function matrix(node)
  local xml = "<mtable>" .. table.concat(matrix_rows(node)) .. "</mtable>"
  if node.small then
    xml = "<mstyle" .. IN_STYLE.script .. ">" .. xml .. "</mstyle>"
  end
  if (node.open or "") == "" and (node.close or "") == "" then
    return plain(xml)
  end
  return fenced(node.open, xml, node.close)
end

local function cases(node)
  local rows = {}
  for i, cells in ipairs(node.rows) do
    local row = {}
    for column, one in ipairs(cells) do
      row[column] = cell(inside(one, node.display and "display" or "text"), { "text-align:left", column == 1 and "padding-left:.1em" or "padding-left:.6em" })
    end
    rows[i] = "<mtr>" .. table.concat(row) .. "</mtr>"
  end
  return fenced(node.open, "<mtable" .. (node.display and ' displaystyle="true"' or "") .. ">" .. table.concat(rows) .. "</mtable>", node.close)
end

-- The cells of a line of an aligned environment.
local function aligned_cells(cells, kind, columns, lead)
  local out = {}
  for column = 1, math.max(columns, #cells) do
    local styles
    if kind == "eqnarray" then
      styles = column == 2 and { "padding-left:.278em;padding-right:.278em" } or { column == 1 and RIGHT or "text-align:left", "padding-left:0;padding-right:0" }
    elseif kind == "aligned" or kind == "alignedat" then
      local gap = column > 1 and kind == "aligned" and "padding-left:2em" or "padding-left:0"
      styles = column % 2 == 1 and { RIGHT, gap .. ";padding-right:0" } or { "text-align:left", "padding-left:0;padding-right:0" }
    else
      styles = {}
    end
    out[column] = cell(cells[column] and inside(cells[column], "display", column > 1 and kind ~= "eqnarray" or lead) or "", styles)
  end
  return out
end

local function column_count(rows)
  local columns = 0
  for _, cells in ipairs(rows) do
    columns = math.max(columns, #cells)
  end
  return columns
end

local function lines(node)
  local columns = column_count(node.rows)
  local rows = {}
  for i, cells in ipairs(node.rows) do
    for _, rule in ipairs(node.rules or {}) do
      if rule.words and rule.after == i - 1 then
        rows[#rows + 1] = '<mtr><mtd columnspan="' .. columns .. '" style="text-align:left">' .. finished(atom.text(rule.words, "text")) .. "</mtd></mtr>"
      end
    end
    local row = aligned_cells(cells, node.kind, columns, node.kind == "multline" and i > 1)
    if node.kind == "multline" and #node.rows > 1 and (i == 1 or i == #node.rows) then
      row[1] = row[1]:gsub("<mtd", '<mtd style="' .. (i == 1 and SIDES.l or RIGHT) .. '"', 1)
    end
    rows[#rows + 1] = "<mtr>" .. table.concat(row) .. "</mtr>"
  end
  return plain('<mtable displaystyle="true">' .. table.concat(rows) .. "</mtable>")
end

function atom.table(node)
  if node.kind == "matrix" then
    return matrix(node)
  elseif node.kind == "cases" then
    return cases(node)
  end
  return lines(node)
end

-- Returns the children of a <math> element.
function M.write(tree, display)
  return inside(tree, display and "display" or "text")
end

return M
