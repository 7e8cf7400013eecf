-- What every finisher asks of an element of the tree.

local M = {}

-- Returns an attribute that was meant for the filters, and takes it off: no reader shall see it.
function M.take(attributes, key)
  local value = attributes[key]
  attributes[key] = nil
  return value
end

-- Returns the images inside an element, in reading order.
function M.images_of(element)
  local found = pandoc.List({})
  element:walk({ Image = function(image) found:insert(image) end })
  return found
end

return M
