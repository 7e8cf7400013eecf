-- Pictures that say nothing to those who cannot see them: PDF standards for access ask for words.

local M = {}

local function say(image, problems)
  problems:insert({ kind = "no-alt", text = image.src, n = tonumber(image.attributes["data-n"]) })
end

-- Reports each picture that has neither an `alt` nor a caption. A figure's caption is the words of the pictures in it.
function M.check(doc, problems)
  doc:walk({
    traverse = "topdown",
    Figure = function(figure)
      if figure.classes:includes("subfigures") then
        return nil -- each of its figures by itself
      end
      local spoken = pandoc.utils.stringify(figure.caption.long) ~= "" or #pandoc.utils.blocks_to_inlines(figure.caption.long) > 0
      figure:walk({ Image = function(image)
        if not spoken and (image.attributes.alt or "") == "" then
          say(image, problems)
        end
      end })
      return figure, false
    end,
    Image = function(image)
      if #image.caption == 0 and (image.attributes.alt or "") == "" then
        say(image, problems)
      end
    end,
  })
end

return M
