-- What LaTeX must be told to count and name as paperbuild does: only what the document needs, in its preamble.

local M = {}

-- The counters beside the sections': all theorems share that of the kind which the template defines first.
local function counters(needs)
  local out = pandoc.List({ "figure", "table", "equation" })
  if needs.listings then
    out:insert("listing")
  end
  local theorems = pandoc.List({})
  for kind in pairs(needs.theorems) do
    if not kind:find("*", 1, true) then
      theorems:insert(kind)
    end
  end
  theorems:sort()
  out:extend({ theorems[1] })
  return out
end

local function names(options, lines)
  for _, kind in ipairs({ "figure", "table" }) do
    local name = options.names:caption(kind)
    if name ~= ({ figure = "Figure", table = "Table" })[kind] then
      lines:insert("\\captionsetup[" .. kind .. "]{name={" .. name .. "}}")
    end
  end
  if options.needs.listings then
    lines:insert("\\DeclareCaptionType{listing}[" .. options.names:caption("listing") .. "]")
    lines:insert("\\captionsetup[listing]{position=top,hypcap=false,singlelinecheck=false,skip=2pt}")
  end
end

local function within(options, lines)
  lines:insert("% Numbers start anew with each section; before the first one they have no prefix but that of a supplement.")
  lines:insert("\\newcommand{\\sectionprefix}{\\ifnum\\value{section}>0 \\thesection.\\else\\supplementmark\\fi}")
  for _, counter in ipairs(counters(options.needs)) do
    lines:insert("\\counterwithin*{" .. counter .. "}{section}\\renewcommand{\\the" .. counter .. "}{\\sectionprefix\\arabic{" .. counter .. "}}")
    lines:insert("\\providecommand{\\theH" .. counter .. "}{}\\renewcommand{\\theH" .. counter .. "}{\\theHsection.\\arabic{" .. counter .. "}}")
  end
end

local function appendix(options, lines)
  lines:extend({
    "% The numbers of appendices stand behind their name.",
    "\\newcommand{\\sectionlead}{}",
    "\\makeatletter",
    "\\renewcommand{\\@seccntformat}[1]{\\@nameuse{#1lead}\\csname the#1\\endcsname\\quad}",
    "\\makeatother",
    "\\newcommand{\\startappendix}{\\appendix\\renewcommand{\\sectionlead}{" .. options.names:caption("appendix") .. "~}}",
  })
end

local function supplement(options, lines)
  local anew = pandoc.List({})
  for _, counter in ipairs(counters(options.needs)) do
    anew:insert(options.number_within ~= "" and "\\setcounter{" .. counter .. "}{0}" or "\\countanew{" .. counter .. "}")
  end
  lines:extend({
    "% In the supplement all numbers start anew, with an S.",
    "\\newcommand{\\countanew}[1]{\\setcounter{#1}{0}\\expandafter\\def\\csname the#1\\endcsname{S\\arabic{#1}}%",
    "  \\expandafter\\def\\csname theH#1\\endcsname{supplement.\\arabic{#1}}}",
    "\\newcommand{\\startsupplement}{\\renewcommand{\\supplementmark}{S}" .. (options.needs.appendix and "\\renewcommand{\\sectionlead}{}" or "")
      .. "\\countanew{section}%",
    "  " .. table.concat(anew) .. "}",
  })
end

-- Returns the lines of the preamble, which stand behind the definitions of theorems; "" for none. `options.needs` says what the
-- document has: `listings`, `appendix`, `supplement`, and `theorems` by kind.
function M.preamble(options)
  local lines, needs = pandoc.List({}), options.needs
  names(options, lines)
  if needs.supplement or options.number_within ~= "" then
    lines:insert("\\newcommand{\\supplementmark}{}")
  end
  if options.number_within ~= "" then
    within(options, lines)
  end
  if needs.appendix then
    appendix(options, lines)
  end
  if needs.supplement then
    supplement(options, lines)
  end
  return table.concat(lines, "\n")
end

return M
