-- Chunks: code blocks of the class "target". What the paper shows of one: its code, an output of it in place, both, or nothing.
--
-- What they mean to a build is read in Python (paper/chunk_targets.py), which also complains of all that is wrong with them; what is
-- shown in place is chosen here as it is there.

local reader = require("reader")

local M = {}

local CLASS = "target"
M.TEXT = "pb-text" -- class of an image that stands for a text to be shown as it is

M.OF = "pb-chunk" -- attribute of an image that a chunk shows: whose it is

local LANGUAGES = { python = true, py = true, python3 = true, sh = true, shell = true, bash = true, r = true, R = true }
local OWN = { outputs = true, stdout = true, inputs = true, needs = true, heavy = true, refresh = true, echo = true, show = true,
  caption = true, label = true }
local PICTURES = { svg = true, pdf = true, png = true, jpg = true, jpeg = true, gif = true, webp = true, tif = true, tiff = true,
  bmp = true, eps = true }
local TABLES = { csv = true, tsv = true, json = true, jsonl = true, yaml = true, yml = true, parquet = true }

function M.is(block)
  return block.classes:includes(CLASS)
end

-- Returns every chunk in the text of a document as pandoc read it.
function M.seen(doc)
  local out = pandoc.List({})
  local function see(block)
    if M.is(block) then
      local attributes = {}
      for key, value in pairs(block.attributes) do
        attributes[key] = value
      end
      out:insert({ id = block.identifier, classes = pandoc.List(block.classes), attributes = attributes, text = block.text })
    end
  end
  doc.blocks:walk({ CodeBlock = see })
  return out
end

local function ending(path)
  return (path:match("%.(%w+)$") or ""):lower()
end

local function only(words, kinds)
  local found = words:filter(function(path) return kinds[ending(path)] end)
  return #found == 1 and found[1] or nil
end

local function words_of(value)
  local out = pandoc.List({})
  for word in (value or ""):gmatch("[^,%s]+") do
    out:insert(word)
  end
  return out
end

-- Returns the path of what a chunk shows in place, nil where that is nothing.
local function shown(block)
  local attributes = block.attributes
  local outputs, show = words_of(attributes.outputs), attributes.show
  local printed = attributes.stdout or (show == "stdout" and "build/" .. block.identifier .. ".txt") or nil
  if show == "" or show == "none" or show == "false" then
    return nil
  elseif show then
    return show == "stdout" and printed or show
  elseif attributes.label or attributes.caption then
    local prefix = (attributes.label or ""):match("^%a+:")
    local is_table = prefix == "tbl:" or prefix == "tab:"
    return not is_table and only(outputs, PICTURES) or only(outputs, TABLES) or printed
  end
  return nil
end

local function picture(block, path)
  local attributes = {}
  local classes = block.classes:filter(function(name) return name ~= CLASS and name ~= "numberLines" and not LANGUAGES[name] end)
  for key, value in pairs(block.attributes) do
    if not OWN[key] and key ~= "startFrom" then
      attributes[key] = value
    end
  end
  attributes[M.OF] = block.identifier
  if not (PICTURES[ending(path)] or TABLES[ending(path)]) then
    classes:insert(M.TEXT)
  end
  local caption = pandoc.utils.blocks_to_inlines(pandoc.read(block.attributes.caption or "", "markdown", reader.OPTIONS, {}).blocks)
  return pandoc.Para({ pandoc.Image(caption, path, "", pandoc.Attr(block.attributes.label or "", classes, attributes)) })
end

local function bare(block)
  local first = block.attributes.startFrom
  local classes = block.classes:filter(function(name) return name ~= CLASS end)
  return pandoc.CodeBlock(block.text, pandoc.Attr(block.identifier, classes, { startFrom = first }))
end

-- Returns what the paper shows of a chunk.
local function read(block)
  if not M.is(block) then
    return nil
  end
  local out, path, echo = pandoc.Blocks({}), shown(block), block.attributes.echo
  if not (echo == "false" or echo == "no") then
    out:insert(bare(block))
  end
  if path then
    out:insert(picture(block, path))
  end
  return out
end

-- Returns a document in which chunks are what the paper shows of them.
function M.read(doc)
  return doc:walk({ CodeBlock = read })
end

return M
