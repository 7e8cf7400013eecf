-- How long a formula takes to be read and written, in milliseconds of CPU, over the formulas of the tests.
--
-- From the repository's root: pandoc lua benchmarks/formulas.lua tests/mathematics/corpus/papers.txt [ROUNDS]
-- (pypandoc's binary is files/pandoc in the folder of its package.)

package.path = "paperbuild/render/filters/?.lua;" .. package.path

local parse = require("math_parse")
require("formulas")

local formulas, bytes = {}, 0
for line in io.lines(arg[1]) do
  if not line:find("^    ") then
    local display = not line:find("^inline: ")
    local text = line:gsub("^inline: ", "")
    formulas[#formulas + 1] = { text = text, display = display, tree = parse.parse(text) }
    bytes = bytes + #text
  end
end

local rounds = tonumber(arg[2] or 20)

local function measured(name, work)
  collectgarbage()
  local start = os.clock()
  for _ = 1, rounds do
    for _, formula in ipairs(formulas) do
      work(formula)
    end
  end
  print(string.format("%-7s %.4f ms", name, (os.clock() - start) / rounds / #formulas * 1000))
end

print(string.format("%d formulas of %.0f bytes on average", #formulas, bytes / #formulas))
measured("read", function(formula) parse.parse(formula.text) end)
for name, writer in pairs({ typst = "math_typst", mathml = "math_mathml", tex = "math_tex", words = "math_words" }) do
  local write = require(writer).write
  measured(name, function(formula) write(formula.tree, formula.display) end)
end
