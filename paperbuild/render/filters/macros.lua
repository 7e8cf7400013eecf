-- The author's own commands where pandoc does not look for them: in `header-includes` and in raw LaTeX blocks.
--
-- Pandoc applies definitions that stand as TeX in the text to all that follows. Those in a fenced ```{=latex} block it leaves alone.

local tex = require("tex")

local M = {}

-- Command that defines something → how many arguments and options follow its name.
local DEFINES = {
  newcommand = 2, renewcommand = 2, providecommand = 2, DeclareMathOperator = 2, DeclareRobustCommand = 2, newenvironment = 3,
  renewenvironment = 3, NewDocumentCommand = 3, RenewDocumentCommand = 3, newtheorem = 2, DeclarePairedDelimiter = 3,
}

-- Returns the definitions in a piece of LaTeX, and the names that they define.
function M.definitions(text, names)
  local found = {}
  local function definition(command, count)
    return function(c)
      local start = c.at
      c:star()
      for i = 1, count do
        local argument = c:argument()
        if not argument then
          return nil
        end
        if i == 1 then
          names[argument:match("%a+") or argument] = true
        end
        c:option()
        c:option()
      end
      local given = c.text:sub(start, c.at - 1)
      if command == "DeclarePairedDelimiter" then -- which pandoc would not expand; the reader of formulas takes it from there
        local name, fences = given:match("^%s*{?%s*(\\%a+)%s*}?(.*)$")
        found[#found + 1] = "\\newcommand{" .. (name or "") .. "}{\\paireddelimiter" .. (fences or "") .. "}"
      else
        found[#found + 1] = "\\" .. command .. given
      end
      return ""
    end
  end
  local rules = {}
  for command, count in pairs(DEFINES) do
    rules[command] = definition(command, count)
  end
  rules.def = function(c)
    local name, parameters, body = c.text:match("^%s*\\(%a+)([#%d]*)(%b{})", c.at)
    if not name then
      return nil
    end
    local start = c.at
    c.at = start + #c.text:match("^%s*\\%a+[#%d]*%b{}", start)
    names[name] = true
    found[#found + 1] = "\\def\\" .. name .. parameters .. body
    return ""
  end
  tex.replace(text, rules)
  return table.concat(found, "\n")
end

local function raw_texts(element, only_latex, out)
  local function take(raw)
    if raw.format == "latex" or (raw.format == "tex" and not only_latex) then
      out:insert(raw.text)
    end
  end
  element:walk({ RawBlock = take, RawInline = take })
end

-- Whether a command that defines something occurs in a text at all.
local function may_define(text)
  if text:find("\\def", 1, true) then
    return true
  end
  for command in pairs(DEFINES) do
    if text:find("\\" .. command, 1, true) then
      return true
    end
  end
  return false
end

-- Returns what the paper, of which `source` is the text, defines out of pandoc's sight: the LaTeX to be read before each raw node, and the
-- names.
function M.of(doc, source)
  local texts = pandoc.List({})
  if not may_define(source) then
    return { preamble = "", names = {} }
  end
  local function includes(value)
    local kind = pandoc.utils.type(value)
    if kind == "List" then
      for _, entry in ipairs(value) do
        includes(entry)
      end
    elseif kind == "Inlines" or kind == "Blocks" then
      raw_texts(value, false, texts)
    elseif kind == "string" then
      texts:insert(value)
    end
  end
  includes(doc.meta["header-includes"])
  raw_texts(doc.blocks, true, texts)
  local names, found = {}, {}
  for _, text in ipairs(texts) do
    local definitions = M.definitions(text, names)
    if definitions ~= "" then
      found[#found + 1] = definitions
    end
  end
  return { preamble = table.concat(found, "\n"), names = names }
end

local function uses(text, names)
  for name in text:gmatch("\\(%a+)") do
    if names[name] then
      return true
    end
  end
  return false
end

-- Expands the macros in formulas, which pandoc has read without them.
function M.expand_formulas(doc, macros)
  if macros.preamble == "" then
    return doc
  end
  return doc:walk({ Math = function(math)
    if not uses(math.text, macros.names) then
      return nil
    end
    local source = math.text:find("^%s*\\begin{") and math.text or "$" .. math.text .. "$"
    local ok, read = pcall(pandoc.read, macros.preamble .. "\n\n" .. source, "latex", nil, {})
    local new
    if ok then
      read.blocks:walk({ Math = function(found) new = new or found.text end })
    end
    return new and pandoc.Math(math.mathtype, new) or nil
  end })
end

return M
