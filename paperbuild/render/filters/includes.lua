-- Code that stands in a file: `{.python include="train.py" lines="10-20"}`. Python reads it; here it takes its place, with its own numbers.

local M = {}

local OWN = { "include", "lines", "part" }

function M.is(block)
  return block.attributes.include ~= nil
end

-- Returns what Python needs to know of one.
function M.asked(block)
  return { path = block.attributes.include, lines = block.attributes.lines or "", part = block.attributes.part or "", text = block.text,
    id = block.identifier }
end

-- Returns the block with the code that `use` has of it, numbered as in its file.
function M.bound(block, use)
  for _, key in ipairs(OWN) do
    block.attributes[key] = nil
  end
  block.text = use.text or ""
  if #block.classes == 0 and use.language then
    block.classes:insert(use.language)
  end
  if not block.classes:includes("numberLines") then
    block.classes:insert("numberLines")
  end
  block.attributes.startFrom = string.format("%d", use.first or 1)
  return block
end

return M
