-- Commands that neither of pandoc's writers of mathematics knows, in words that both know.
--
-- Each is a rule for tex.rewrite: it reads its arguments from the cursor and returns what stands for the command; nil leaves it alone.

local function left_right(open, close)
  return function(c)
    c:star()
    local inner = c:argument()
    return inner and ("\\left" .. open .. " " .. inner .. "\\right" .. close .. " ")
  end
end

local function alias(text)
  return function()
    return text
  end
end

-- \name{x} → before x after
local function around(before, after)
  return function(c)
    c:star()
    local inner = c:argument()
    return inner and (before .. inner .. after)
  end
end

-- \dv[n]{f}{x} and its partial twin, from the physics package.
local function derivative(d)
  return function(c)
    c:star()
    local n = c:option()
    local first = c:argument()
    if not first then
      return nil
    end
    local save = c.at
    c:skip()
    local second = c.text:sub(c.at, c.at) == "{" and c:argument()
    if not second then
      c.at = save
      first, second = "", first
    end
    local power = n and ("^{" .. n .. "}") or ""
    return "\\frac{" .. d .. power .. " " .. first .. "}{" .. d .. " " .. second .. power .. "}"
  end
end

-- {\bf x}: the rest of the group is set so.
local function switch(command)
  return function(c)
    return "\\" .. command .. "{" .. c:rest() .. "}"
  end
end

-- mhchem, the part that papers use: atoms upright, digits after them lowered, charges raised, arrows.
local function chemistry(formula)
  local s = formula
  s = s:gsub("<=>", " \\rightleftharpoons "):gsub("<%->", " \\leftrightarrow "):gsub("%->", " \\rightarrow ")
  s = s:gsub("%^%b{}", function(g) return "\1" .. g:sub(3, -2) .. "\2" end)
  s = s:gsub("%^([%d]*[+-]?)", "\1%1\2")
  s = s:gsub("([%a%)%]])(%d+)", "%1_{%2}")
  s = s:gsub("([%a%)%]}])([+-])%f[%s\0]", "%1\1%2\2")
  s = s:gsub("\1", "^{"):gsub("\2", "}")
  s = s:gsub("(\\%a+)", "\3%1\3")
  local out = {}
  for part, word in (s .. "\3\3"):gmatch("([^\3]*)\3([^\3]*)\3") do
    out[#out + 1] = part:gsub("%a+", function(a) return "\\mathrm{" .. a .. "}" end)
    out[#out + 1] = word
  end
  return table.concat(out)
end

local function braket(c)
  c:star()
  local a = c:argument()
  if not a then
    return nil
  end
  local save = c.at
  local b = c.text:find("^%s*{", c.at) and c:argument()
  if not b then
    c.at = save
    return "\\left\\langle " .. a .. "\\right\\rangle "
  end
  return "\\left\\langle " .. a .. " | " .. b .. "\\right\\rangle "
end

local function quantity(c)
  c:star()
  local inner = c:parenthesis()
  if inner then
    return "\\left(" .. inner .. "\\right)"
  end
  local option = c:option()
  if option then
    return "\\left[" .. option .. "\\right]"
  end
  local save = c.at
  local value = c:argument()
  if value and c.text:find("^%s*{", c.at) then -- siunitx: \qty{3}{\m}
    return "\\SI{" .. value .. "}{" .. c:argument() .. "}"
  end
  c.at = save
  value = c:argument()
  return value and ("\\left\\{" .. value .. "\\right\\}")
end

-- \begin{…} and \end{…}: environments that say the same under another name.
local ENVIRONMENTS = {
  dcases = "cases", ["equation"] = "", ["equation*"] = "", displaymath = "", math = "", subequations = "",
  ["eqnarray"] = "aligned", ["eqnarray*"] = "aligned", ["align"] = "aligned", ["align*"] = "aligned", ["flalign"] = "aligned",
  ["flalign*"] = "aligned", ["multline"] = "gathered", ["multline*"] = "gathered", ["gather"] = "gathered", ["gather*"] = "gathered",
  ["alignat"] = "alignedat", ["alignat*"] = "alignedat", ["split"] = "aligned",
}

local RCASES = { begin = "\\left.\\begin{array}{ll}", ["end"] = "\\end{array}\\right\\}" }

local function environment(command)
  return function(c)
    local save = c.at
    local name = c:argument()
    if name == "rcases" then
      return RCASES[command]
    end
    local other = name and ENVIRONMENTS[name]
    if not other then
      c.at = save
      return nil
    end
    return other == "" and " " or ("\\" .. command .. "{" .. other .. "}")
  end
end

local function drop_arguments(count)
  return function(c)
    c:option()
    for _ = 1, count do
      c:argument()
    end
    return ""
  end
end

local function skip_length(c)
  local stop = c.text:match("^%s*%-?[%d%.]+%s*%a%a()", c.at)
  c.at = stop or c.at
  return stop and "\\," or ""
end

local function double_bracket(name, instead)
  return function(c)
    local stop = c.text:match("^%s*" .. name .. "()", c.at)
    if not stop then
      return nil
    end
    c.at = stop
    return instead
  end
end

-- The converter knows no large arrows and strokes; they grow by themselves or stay as they are.
local function plain_arrow(c)
  return c.text:find("^%s*\\backslash", c.at) and "" or c.text:find("^%s*\\%a*arrow", c.at) and "" or nil
end

-- The rules, by the command's name.
return {
  abs = left_right("|", "|"), norm = left_right("\\Vert", "\\Vert"), bra = left_right("\\langle", "|"), ket = left_right("|", "\\rangle"),
  ceil = left_right("\\lceil", "\\rceil"), floor = left_right("\\lfloor", "\\rfloor"), set = left_right("\\{", "\\}"),
  braket = braket, ev = left_right("\\langle", "\\rangle"), expval = left_right("\\langle", "\\rangle"), qty = quantity,
  dv = derivative("\\mathrm{d}"), pdv = derivative("\\partial"), dd = alias("\\mathrm{d}"),
  vb = around("\\mathbf{", "}"), va = around("\\vec{\\mathbf{", "}}"), vu = around("\\hat{\\mathbf{", "}}"),
  mathbbm = around("\\mathbb{", "}"), mathds = around("\\mathbb{", "}"), cfrac = alias("\\dfrac"), nicefrac = alias("\\tfrac"),
  sfrac = alias("\\tfrac"), dbinom = alias("\\binom"), tbinom = alias("\\binom"), degree = alias("°"),
  hphantom = alias("\\phantom"), vphantom = around("", ""), smash = around("{", "}"), mathstrut = alias(""), strut = alias(""),
  llbracket = alias("⟦"), rrbracket = alias("⟧"), lBrack = alias("⟦"), rBrack = alias("⟧"), middle = alias(""), AA = alias("Å"),
  nonumber = alias(""), notag = alias(""), allowbreak = alias(""), displaylimits = alias(""), nobreak = alias(""),
  begin = environment("begin"), ["end"] = environment("end"), mathlarger = around("", ""), ensuremath = around("", ""),
  Tr = alias("\\operatorname{Tr}"), tr = alias("\\operatorname{tr}"), argmin = alias("\\operatorname*{arg\\,min}"),
  argmax = alias("\\operatorname*{arg\\,max}"), bold = around("\\mathbf{", "}"), rm = switch("mathrm"), bf = switch("mathbf"),
  it = switch("mathit"), cal = switch("mathcal"), tt = switch("mathtt"), sf = switch("mathsf"), mathnormal = around("", ""),
  bigm = alias("\\big"), Bigm = alias("\\Big"), biggm = alias("\\bigg"), Biggm = alias("\\Bigg"),
  shortmid = alias("\\mid"), shortparallel = alias("\\parallel"), surd = alias("\\sqrt{\\,}"), circledS = alias("Ⓢ"), circleddash = alias("\\ominus"),
  S = alias("§"), P = alias("¶"), copyright = alias("©"), injlim = alias("\\operatorname*{inj\\,lim}"),
  projlim = alias("\\operatorname*{proj\\,lim}"), varlimsup = alias("\\overline{\\lim}"), varliminf = alias("\\underline{\\lim}"),
  textsuperscript = around("^{\\text{", "}}"), shortstack = alias("\\substack"), ["/"] = alias(""), rule = drop_arguments(2),
  kern = skip_length, mkern = skip_length, mskip = skip_length, hskip = skip_length,
  raisebox = function(c) c:argument() local x = c:argument() return x and "\\text{" .. x .. "}" end,
  href = function(c) c:argument() local x = c:argument() return x and "\\text{" .. x .. "}" end,
  ketbra = function(c)
    local a, b = c:argument(), c:argument()
    return b and "\\left|" .. a .. "\\right\\rangle\\left\\langle " .. b .. "\\right|"
  end,
  prescript = function(c)
    local up, down, base = c:argument(), c:argument(), c:argument()
    return base and "{}^{" .. up .. "}_{" .. down .. "}" .. base
  end,
  mathchoice = function(c)
    local display = c:argument()
    c:argument() c:argument() c:argument()
    return display
  end,
  xleftrightarrow = function(c) local x = c:argument() return x and "\\overset{" .. x .. "}{\\longleftrightarrow}" end,
  left = double_bracket("\\llbracket", "\\left[\\!\\left["), right = double_bracket("\\rrbracket", "\\right]\\!\\right]"),
  big = plain_arrow, Big = plain_arrow, bigg = plain_arrow, Bigg = plain_arrow,
  label = function(c) return c:argument() and "" end,
  tag = function(c) c:star() return c:argument() and "" end,
  ce = function(c) local inner = c:argument() return inner and chemistry(inner) end,
  unicode = function(c)
    local code = (c:argument() or ""):match("^x(%x+)$")
    return code and utf8.char(tonumber(code, 16))
  end,
  perp = function(c)
    local _, stop = c.text:find("^%s*\\!*%s*\\!*%s*\\!*%s*\\perp%f[%A]", c.at)
    if stop and c.text:find("\\!", c.at, true) then
      c.at = stop + 1
      return "⫫"
    end
  end,
  sideset = function(c)
    local before, after = c:argument(), c:argument()
    return after and ("{}" .. before .. "{") .. (c:argument() or "") .. "}" .. after
  end,
  SIrange = function(c)
    local a, b, unit = c:argument(), c:argument(), c:argument()
    return unit and ("\\SI{" .. a .. "}{" .. unit .. "}\\text{–}\\SI{" .. b .. "}{" .. unit .. "}")
  end,
}
