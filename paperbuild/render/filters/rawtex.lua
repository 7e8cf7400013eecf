-- Raw TeX in the text, read as LaTeX: outside a LaTeX document it would vanish without a word.

local reader = require("reader")

local M = {}

-- What the words of a TeX node may vanish for: layout, and what only LaTeX knows.
local SILENT = {}
for name in ([[label newpage clearpage pagebreak noindent vspace hspace bigskip medskip smallskip centering raggedright newcommand
  renewcommand providecommand def let usepackage setcounter setlength linebreak nolinebreak hfill vfill small footnotesize large Large
  normalsize tiny scriptsize maketitle appendix tableofcontents bibliography bibliographystyle DeclareMathOperator protect thispagestyle
  pagestyle index hyphenation FloatBarrier par indent allowbreak columnbreak section* begin end]]):gmatch("%S+") do
  SILENT[name] = true
end

local function is_tex(format)
  return format == "tex" or format == "latex"
end

local function read_tex(text)
  local ok, doc = pcall(pandoc.read, text, "latex", reader.OPTIONS, {})
  return ok and doc.blocks or pandoc.Blocks({})
end

-- pandoc's LaTeX reader guesses numbers from the one snippet that it sees: what it put in a reference's text means nothing.
local function plain_references(blocks)
  return blocks:walk({
    Link = function(link)
      if link.attributes["reference-type"] then
        link.content = pandoc.Inlines({})
        return link
      end
    end,
    Div = function(div) -- a table's or figure's \label
      local only = #div.content == 1 and div.content[1]
      if only and only.t == "Table" and div.identifier ~= "" and only.identifier == "" then
        only.identifier = div.identifier
        return only
      end
    end,
  })
end

local function said_nothing(text, blocks)
  local name = text:match("^%s*\\(%a+%*?)")
  local words = text:gsub("\\%a+%*?", " "):gsub("%[[^%]]*%]", " ")
  return not (name and SILENT[name] and name ~= "begin") and words:find("%a%a") and pandoc.utils.stringify(blocks) == ""
    and not (name and SILENT[name])
end

-- Reads every raw TeX node of a document.
function M.read(doc, problems)
  local function read(raw)
    local blocks = plain_references(read_tex(raw.text))
    local shows = false -- something that is no word
    local function show()
      shows = true
    end
    blocks:walk({ Image = show, Math = show, Link = show, Note = show })
    if not shows and said_nothing(raw.text, blocks) then
      problems:insert({ kind = "tex-vanished", text = raw.text })
    end
    return blocks
  end
  return doc:walk({
    RawBlock = function(raw)
      if is_tex(raw.format) then
        return read(raw)
      end
    end,
    RawInline = function(raw)
      if not is_tex(raw.format) then
        return nil
      end
      local label = raw.text:match("^%s*\\label%s*{([^}]*)}%s*$")
      if label then
        return pandoc.Span({}, pandoc.Attr(label, {}, { label = label }))
      end
      local blocks = read(raw)
      return pandoc.utils.blocks_to_inlines(blocks, { pandoc.Space() })
    end,
  })
end

return M
