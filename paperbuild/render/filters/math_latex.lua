-- A formula as LaTeX compiles it: in the author's words, with what only this program knows written out, and the packages that it needs.

local parse = require("math_parse")
local symbols = require("math_symbols")
local physics = require("physics")
local words = require("latex_text")
local to_tex = require("math_tex")
local tex = require("tex")

local M = {}

-- Packages of LaTeX beyond amsmath and amssymb, by the commands and environments that need them.
local PACKAGES = {}
for package, names in pairs({
  bm = "bm", cancel = "cancel bcancel xcancel cancelto", mhchem = "ce cf", bbm = "mathbbm", dsfont = "mathds", nicefrac = "nicefrac", xfrac = "sfrac",
  siunitx = "SI si num ang SIrange numrange qtyrange unit numlist SIlist qtylist qtyproduct numproduct",
  xcolor = "textcolor color mathcolor colorbox fcolorbox", esint = "oiint oiiint fint sqint varointclockwise ointctrclockwise",
  textcomp = "degree", slashed = "slashed", tensor = "tensor indices", booktabs = "toprule midrule bottomrule cmidrule",
  mathrsfs = "mathscr", nicematrix = "NiceMatrix pNiceMatrix bNiceMatrix BNiceMatrix vNiceMatrix VNiceMatrix",
  stmaryrd = [[llbracket rrbracket oast obar fatsemi ogreaterthan olessthan Mapsto bbslash rightarrowtriangle leftarrowtriangle llparenthesis rrparenthesis
    interleave sslash bigsqcap trianglerighteqslant lightning]],
  upgreek = [[upalpha upbeta upgamma updelta upepsilon upzeta upeta uptheta upiota upkappa uplambda upmu upnu upxi uppi uprho upsigma uptau upupsilon
    upphi upchi uppsi upomega Upgamma Updelta Uptheta Uplambda Upxi Uppi Upsigma Upupsilon Upphi Uppsi Upomega]],
  mathtools = [[coloneqq eqqcolon Coloneqq vcentcolon dblcolon prescript xRightarrow xLeftarrow xLeftrightarrow xleftrightarrow xmapsto xhookrightarrow
    xhookleftarrow xrightharpoonup xrightleftharpoons xrightharpoondown xleftharpoonup xleftharpoondown xleftrightharpoons bigtimes coloneq eqcolon ratio
    dcases rcases drcases mathrlap mathllap mathclap overbracket underbracket psmallmatrix bsmallmatrix vsmallmatrix multlined shortintertext]],
}) do
  for name in names:gmatch("%a+") do
    PACKAGES[name] = package
  end
end

-- Rules for what is written out: the n-th command that they meet is read as a formula's would be.
local EXPANDED = {}

local function expand(name)
  return function(cursor)
    local inner = parse.Parser.new(cursor.text)
    inner.at = cursor.at - #name - 1
    local ok, node = pcall(inner.atom, inner, {})
    if not ok or not node then
      return nil
    end
    cursor.at = inner.at
    return to_tex.write(node.t == "row" and not node.group and node or { t = "row", node })
  end
end

for _, name in ipairs(physics) do
  EXPANDED[name] = expand(name)
end
for name in ([[degree unicode paireddelimiter widecheck underaccent utilde xtofrom xLongrightarrow xLongleftarrow lt gt micro ohm celsius angstrom euro
  Colon coloncolon Perp independent VDash dashint diameter hexagon iinfin lAngle rAngle lBrack rBrack notni omicron qed veedot wedgedot vb vectorbold
  symbf symup mathup symrm symbfit mathbfit Bbb frak symbb symcal symscr symfrak symsf symtt symit EuScript mathpzc mathbfcal mathbfsf]]):gmatch("%a+") do
  EXPANDED[name] = expand(name)
end
local AMSMATH = {}
for name in ([[lim limsup liminf max min sup inf det gcd Pr injlim projlim sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh coth exp log ln lg ker
  dim hom arg deg]]):gmatch("%a+") do
  AMSMATH[name] = true
end
for name, node in pairs(symbols.symbols) do
  if node.t == "name" and not AMSMATH[name] then
    EXPANDED[name] = expand(name)
  end
end

local of_physics = EXPANDED.qty
function EXPANDED.qty(cursor)
  local siunitx = cursor.text:find("^%s*%b{}%s*[{\\]", cursor.at) or cursor.text:find("^%s*%b[]%s*{", cursor.at)
  return not siunitx and of_physics(cursor) or nil
end

-- Definitions inside a formula, where LaTeX takes none of operators, and none of a name that it has.
function EXPANDED.DeclareMathOperator(cursor)
  local star = cursor:star() and "*" or ""
  local name, words = cursor:argument(), cursor:argument()
  return name and words and "\\def" .. name .. "{\\operatorname" .. star .. "{" .. words .. "}}" or nil
end
function EXPANDED.newcommand(cursor)
  local name = cursor:argument()
  return name and "\\providecommand{" .. name .. "}{}\\renewcommand{" .. name .. "}" or nil
end

-- Returns TeX that LaTeX compiles with amsmath, amssymb and the packages of the second result (a sorted list).
function M.write(text)
  local needed, seen = {}, {}
  local written = words.formula(tex.replace(text, EXPANDED))
  local function need(package)
    if package and not seen[package] then
      seen[package] = true
      needed[#needed + 1] = package
    end
  end
  for name in written:gmatch("\\(%a+)") do
    need(PACKAGES[name])
  end
  for name, star in written:gmatch("\\begin%s*{(%a+)(%*?)}") do
    need(PACKAGES[name] or (star == "*" and (name == "cases" or name:find("matrix$")) and "mathtools") or nil)
  end
  if written:find("\\qty%s*{[^{}]*}%s*{") or written:find("\\qty%s*%b[]%s*{") then
    need("siunitx")
  end
  table.sort(needed)
  return written, needed
end

return M
