-- LaTeX that pandoc's reader skips, in LaTeX that it reads: one pass over the text of a raw node before it is read.
--
-- What has no words in LaTeX for it travels as a link whose target begins with one of `M.MARKS`, and becomes what it means afterwards.

local kinds = require("kinds")
local tex = require("tex")

local M = {}

M.MARKS = { cite = "pb-cite:", reference = "pb-ref:", title = "pb-title:" }

-- Code is left alone: its backslashes are hidden during the pass.
local HIDDEN = "\1"
local function hide(text)
  return (text:gsub("\\", HIDDEN))
end

local function mark(kind, detail, words)
  return "\\href{" .. M.MARKS[kind] .. detail .. "}{" .. (words or "x") .. "}"
end

-- \name[…]{…}{x} → x: `skipped` arguments, and options wherever they stand, come before the one that shows.
local function last_argument(skipped, before, after)
  return function(c)
    c:star()
    c:option()
    for _ = 1, skipped do
      c:argument()
      c:option()
    end
    c:option()
    local shown = c:argument()
    return shown and (before or "{}") .. shown .. (before and (after or "}") or "")
  end
end

local function renamed(name)
  return function(c)
    local star = c:star() and "*" or ""
    return "\\" .. name .. star
  end
end

-- A command that shows nothing, with `count` arguments.
local function nothing(count)
  return function(c)
    c:star()
    for _ = 1, count do
      c:option()
      c:argument()
    end
    c:option()
    return ""
  end
end

-- natbib's \citeauthor{a,b} and \citeyear{a,b}: only a part of what is cited is shown.
local function part_of_citation(part)
  return function(c)
    c:star()
    c:option()
    local keys = c:argument()
    return keys and mark("cite", part .. ":" .. keys:gsub("%s", ""))
  end
end

local function reference(how)
  return function(c)
    c:star()
    local id = c:argument()
    return id and mark("reference", how .. ":" .. id)
  end
end

-- Subfigures of the packages subfig and subfigure, as the environment of subcaption.
local function subfigure(c)
  local caption = c:option()
  caption = c:option() or caption -- the first of two is for the list of figures
  local content = c:argument()
  if not content then
    return nil
  end
  local label = content:match("\\label%s*%b{}") or ""
  content = content:gsub("\\label%s*%b{}", "")
  return "\\begin{subfigure}{.5\\textwidth}" .. content .. "\\caption{" .. (caption or "") .. "}" .. label .. "\\end{subfigure}"
end

-- Environments under another name, with how many arguments are theirs.
local RENAMED = {
  ["table*"] = { "table", 0 }, sidewaystable = { "table", 0 }, ["sidewaystable*"] = { "table", 0 }, wraptable = { "table", 2 },
  margintable = { "table", 0 }, sidewaysfigure = { "figure", 0 }, ["sidewaysfigure*"] = { "figure", 0 }, wrapfigure = { "figure", 2 },
  marginfigure = { "figure", 0 }, SCfigure = { "figure", 0 }, ["figure*"] = { "figure", 0 }, floatingfigure = { "figure", 1 },
  tabulary = { "tabularx", 0 }, ["longtable*"] = { "longtable", 0 }, supertabular = { "tabular", 0 }, ["tabular*"] = { "tabularx", 0 },
  quoting = { "quote", 0 }, displayquote = { "quote", 0 },
}

-- Environments that only say how their content is laid out, with how many arguments are theirs.
local LAYOUT = {
  multicols = 1, ["multicols*"] = 1, landscape = 0, adjustwidth = 2, spacing = 1, singlespace = 0, doublespace = 0, onehalfspace = 0,
  adjustbox = 1, boxedminipage = 1, threeparttable = 0, measuredfigure = 0, samepage = 0, small = 0, footnotesize = 0, scriptsize = 0,
  tiny = 0, large = 0, flushleft = 0, flushright = 0, raggedright = 0, mdframed = 0, framed = 0, shaded = 0, tcolorbox = 0,
  otherlanguage = 1, ["CJK*"] = 2, CJK = 2, sloppypar = 0, widetext = 0, subtable = 1, strip = 0, linenumbers = 0, ThreePartTable = 0,
}

local CODE = { verbatim = true, ["verbatim*"] = true, lstlisting = true, minted = true, Verbatim = true, comment = true, alltt = true }

-- The title of a box is among its options.
local function box_title(options)
  local title = options and (options:match("title%s*=%s*(%b{})") or options:match("title%s*=%s*([^,]+)"))
  return title and "\\textbf{" .. title:gsub("^{(.*)}$", "%1") .. "}\n\n" or ""
end

local function begin(theorems)
  return function(c)
    local name = c:argument()
    if not name then
      return nil
    end
    if CODE[name] then
      local stop = select(2, c.text:find("\\end{" .. name .. "}", c.at, true))
      if not stop then
        return nil
      end
      local code = c.text:sub(c.at, stop)
      c.at = stop + 1
      return hide("\\begin{" .. name .. "}" .. code)
    end
    local new = RENAMED[name]
    if new then
      for _ = 1, new[2] do
        c:option()
        c:argument()
      end
      c:option()
      return "\\begin{" .. new[1] .. "}"
    elseif LAYOUT[name] then
      local options = c:option()
      for _ = 1, LAYOUT[name] do
        c:argument()
      end
      return "\n\n" .. box_title(options)
    elseif name == "tablenotes" then
      c:option()
      return hide("\\begin{tablenotes}")
    end
    local kind = theorems[name] or (kinds.is_theorem(name) and name)
    if kind and kind ~= "algorithm" then
      local title = c:option()
      return hide("\\begin{" .. kind .. "}") .. (title and hide(mark("title", "", title)) .. " " or "")
    end
    return nil
  end
end

local function finish(theorems)
  return function(c)
    local name = c:argument()
    if RENAMED[name] then
      return "\\end{" .. RENAMED[name][1] .. "}"
    elseif LAYOUT[name] then
      return "\n\n"
    elseif theorems[name] then
      return hide("\\end{" .. theorems[name] .. "}")
    end
    return nil
  end
end

local function verb(c)
  c:star()
  local delimiter = c.text:sub(c.at, c.at)
  local stop = c.text:find(delimiter, c.at + 1, true)
  if delimiter == "" or not stop then
    return nil
  end
  local code = c.text:sub(c.at, stop)
  c.at = stop + 1
  return hide("\\verb" .. code)
end

-- \newtheorem{name}[like]{Title}: pandoc would count by itself; what is numbered here gets its number later.
local function newtheorem(theorems)
  return function(c)
    local save = c.at
    c:star()
    local name, _, title = c:argument(), c:option(), c:argument()
    local kind = title and title:lower()
    if not (name and kind and kinds.is_theorem(kind)) then
      c.at = save
      return nil
    end
    theorems[name] = kind
    c:option()
    return ""
  end
end

-- A rule below some columns: (lr){1-2}, which pandoc takes for words.
local function rule_of_a_table(c)
  c:option()
  c:parenthesis()
  c:argument()
  return ""
end

local RULES = {
  resizebox = last_argument(2), scalebox = last_argument(1), rotatebox = last_argument(1), raisebox = last_argument(1),
  makebox = last_argument(0), framebox = last_argument(0), fbox = last_argument(0), fcolorbox = last_argument(2), adjustbox = last_argument(1),
  reflectbox = last_argument(0), detokenize = last_argument(0), path = last_argument(0, "\\texttt{"), acro = last_argument(0),
  phantom = nothing(1), hphantom = nothing(1), vphantom = nothing(1), acused = nothing(1), footnotemark = nothing(0),
  footnotetext = last_argument(0, "\\footnote{"), tablefootnote = last_argument(0, "\\footnote{"), marginpar = last_argument(0, "\\footnote{"),
  marginnote = last_argument(0, "\\footnote{"), sidenote = last_argument(0, "\\footnote{"), tnote = last_argument(0, "\\textsuperscript{"),
  todo = last_argument(0, "\\hl{"), missingfigure = last_argument(0, "\\hl{"), citetext = last_argument(0, "(", ")"),
  cmidrule = rule_of_a_table, cline = rule_of_a_table, subfigure = subfigure, subfloat = subfigure, cellcolor = nothing(1),
  rowcolor = nothing(1), columncolor = nothing(1), checkmark = function() return "✓" end, percent = function() return "\\%" end,
  citeauthor = part_of_citation("author"), Citeauthor = part_of_citation("author"), citeyear = part_of_citation("year"),
  citeyearpar = part_of_citation("yearpar"), nocite = part_of_citation("nothing"), citeA = renamed("citet"), shortcite = renamed("citep"),
  citenum = renamed("cite"), nameref = reference("nameref"), pageref = reference("pageref"), Autoref = renamed("autoref"),
  fref = renamed("autoref"), Fref = renamed("autoref"), vref = renamed("autoref"), Vref = renamed("autoref"), labelcref = renamed("ref"),
  verb = verb, degree = function() return "°" end, celsius = function() return "°C" end, micro = function() return "µ" end,
}

-- Quantities, in whose units commands mean what they mean nowhere else.
for name, count in pairs({ SI = 2, si = 1, qty = 2, unit = 1, num = 1, SIrange = 3, numrange = 2, qtyrange = 3, ang = 1, SIlist = 2 }) do
  RULES[name] = function(c)
    local start = c.at
    c:option()
    for _ = 1, count do
      c:argument()
    end
    return hide("\\" .. name .. c.text:sub(start, c.at - 1))
  end
end

-- Switches of layout: pandoc would take a group behind one for its argument, and skip both.
for name in ([[centering raggedright raggedleft noindent small footnotesize scriptsize tiny large Large LARGE huge Huge normalsize
  bigskip medskip smallskip vfill hfill newpage clearpage par leavevmode]]):gmatch("%S+") do
  RULES[name] = function(c)
    c:skip()
    return c.text:sub(c.at, c.at) == "{" and " " or nil
  end
end

-- Captions in minipages within one figure are captions of figures of their own, which pandoc would take for one.
local function figures_of_minipages(text)
  if not (text:find("^%s*\\begin{figure%*?}") and text:find("\\begin{minipage}.-\\caption.-\\end{minipage}")) then
    return text
  end
  local figures = {}
  local rest = text:gsub("\\begin{minipage}(.-)\\end{minipage}", function(content)
    if content:find("\\caption") then
      figures[#figures + 1] = "\\begin{figure}" .. content:gsub("^%s*%b[]", ""):gsub("^%s*%b{}", "") .. "\\end{figure}"
      return ""
    end
  end)
  local shows = rest:find("\\includegraphics") or rest:find("\\caption")
  return table.concat(figures, "\n") .. (shows and rest or "")
end

-- Displayed mathematics is read by the filters of formulas, which know its commands: nothing in it is rewritten here.
local DISPLAYS = { "align", "gather", "multline", "flalign", "alignat", "eqnarray", "IEEEeqnarray", "equation" }

local function with_mathematics_hidden(text)
  for _, name in ipairs(text:find("\\begin", 1, true) and DISPLAYS or {}) do
    for _, star in ipairs({ "", "%*" }) do
      text = text:gsub("\\begin%s*{" .. name .. star .. "}.-\\end%s*{" .. name .. star .. "}", function(found)
        found = name == "IEEEeqnarray" and "\\[" .. found .. "\\]" or found -- pandoc does not know it as mathematics
        return (found:gsub("\\", HIDDEN))
      end)
    end
  end
  return text
end

-- Returns the text of a raw node as pandoc reads it. `theorems` maps environments to kinds of theorems, and learns of new ones.
function M.rewrite(text, theorems)
  local rules = { begin = begin(theorems), ["end"] = finish(theorems), newtheorem = newtheorem(theorems) }
  setmetatable(rules, { __index = RULES })
  return (tex.rewrite(figures_of_minipages(with_mathematics_hidden(text)), rules):gsub(HIDDEN, "\\"))
end

-- Commands without words of their own: layout, definitions, and what only a LaTeX document has.
local SILENT = {}
for name in ([[label newpage clearpage cleardoublepage pagebreak noindent vspace hspace bigskip medskip smallskip centering raggedright
  raggedleft newcommand renewcommand providecommand def let usepackage RequirePackage documentclass setcounter addtocounter setlength
  addtolength linebreak nolinebreak nopagebreak hfill vfill small footnotesize large Large LARGE huge Huge normalsize tiny scriptsize
  maketitle appendix tableofcontents listoffigures listoftables bibliography bibliographystyle printbibliography addbibresource
  DeclareMathOperator DeclarePairedDelimiter protect thispagestyle pagestyle pagenumbering index hyphenation FloatBarrier par indent
  allowbreak columnbreak newline quad qquad kern hskip vskip break null strut relax ignorespaces leavevmode noalign bgroup egroup
  begingroup endgroup normalfont rmfamily sffamily ttfamily bfseries mdseries itshape slshape upshape scshape color textwidth linewidth
  columnwidth textheight hsize paperwidth baselineskip parindent parskip addlinespace specialrule bottomrule toprule midrule cmidrule
  hline cline arraybackslash tabularnewline phantomsection addcontentsline hypersetup captionsetup definecolor lstset sisetup setlist
  graphicspath DeclareUnicodeCharacter DeclareGraphicsExtensions doublespacing onehalfspacing singlespacing linespread linenumbers
  nolinenumbers twocolumn onecolumn sloppy fussy raggedbottom flushbottom clearcaptionsetup rowcolors arrayrulecolor theoremstyle
  newtheorem newtheoremstyle floatname restylefloat allowdisplaybreaks numberwithin counterwithin makeatletter makeatother
  dotfill hrulefill suppressfloats selectlanguage foreignlanguage tolerance emergencystretch widowpenalty clubpenalty vfil hfil
  xspace balance flushend afterpage cleartoevenpage ensuremath mathchardef frenchspacing nonfrenchspacing tabcolsep arraystretch
  renewenvironment newenvironment pgfplotsset tikzset usetikzlibrary pdfoutput fontsize selectfont setstretch newlength newcounter
  stepcounter refstepcounter footnotesep makeindex printindex date ttl crefname Crefname
  begin{center} end{center} begin{tablenotes} end{tablenotes} begin{subequations} end{subequations}]]):gmatch("%S+") do
  SILENT[name] = true
end

-- Environments whose content stands in the text as it is, theorems among them.
local function is_plain_environment(command, name)
  return (command == "begin" or command == "end") and (LAYOUT[name] or RENAMED[name] or kinds.is_theorem(name))
end

-- Returns whether a piece of LaTeX that pandoc skipped said nothing to a reader.
function M.is_silent(skipped)
  local command = skipped:match("^\\(%a+)")
  if skipped:find("\\includegraphics", 1, true) then
    return false
  elseif not command then -- \, \! \; and their kin are spaces
    return skipped:find("^\\[^%a]") ~= nil or not skipped:find("%w")
  end
  local environment = skipped:match("^\\%a+%s*{([%a*]+)}")
  if command == "begin" or command == "end" then
    return SILENT[command .. "{" .. (environment or "") .. "}"] or is_plain_environment(command, environment or "") or false
  end
  return SILENT[command] or false
end

return M
