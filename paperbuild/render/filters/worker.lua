-- A long-lived pandoc: reads requests from stdin, writes answers to stdout, and ends when stdin does.
--
-- A frame is a line of lengths in bytes, in decimal digits, and then what they count: first the payload, which is JSON, then the files
-- that belong to it (those that a request lists in `files`; with an answer, the document where that is binary). No reader opens a file. Requests carry the paper's whole text; what was parsed is kept by that text, so nothing is lost with a worker.

-- Every element that Lua holds is a root for the collector of pandoc's own heap: those that are done with must go soon.
collectgarbage("generational")

local folder = arg[1] or "."
package.path = folder .. "/?.lua"

local source = require("source")
local source_marks = require("source_marks")
local followed_papers = require("followed")
local incremental = require("incremental")
local metadata = require("metadata")
local alt_texts = require("alt_texts")
local bindings = require("bindings")
local resolution = require("resolution")
local xref_writers = require("xref_writers")
local citations = require("citations")
local pieces = require("pieces")
local quiet = require("quiet")
local publication = require("publication")

local FINISHERS = { typst = require("typst"), html = require("html"), latex = require("latex"), docx = require("docx"),
  jats = require("jats") }
local KEPT = 6 -- prepared papers; a project's documents and their tagged copies, not a history

local FOLLOWED = 4 -- documents that are followed while they are written: a paper, a supplement

local prepared, order = {}, pandoc.List({})
local followed = pandoc.List({})
local library = citations.new_library()

local function prepare(text, codes)
  if not prepared[text] then
    prepared[text] = source.prepare(text, metadata, function(doc) return bindings.strays(doc, codes or {}) end, next(codes or {}) ~= nil)
    order:insert(text)
    if #order > KEPT then
      prepared[order:remove(1)] = nil
    end
  end
  return prepared[text]
end

local OPS = {}

function OPS.ping()
  return { version = tostring(PANDOC_VERSION) }
end

function OPS.scan(request)
  local codes = request.codes or {}
  local paper = prepare(request.text, codes)
  if not paper.scanned then -- by what it was prepared with: a tagged copy has a text of its own
    paper.scanned = bindings.scan(paper, codes)
    paper.scanned.meta = metadata.plain(paper.meta)
  end
  return paper.scanned
end

-- Returns the headings; their texts are written by the function that comes with them.
local function outline(blocks, finisher, options)
  local entries, texts = pandoc.List({}), pandoc.Blocks({})
  blocks:walk({
    Header = function(header)
      local words = header.content:walk({ Note = function() return {} end, Link = function(link) return link.content end,
        Span = function(span) return span.classes:includes("pb-value") and span.content or nil end })
      entries:insert({ level = header.level, number = header.attributes["pb-number"] or "", id = header.identifier })
      texts:insert(pandoc.Plain(words))
    end,
  })
  return function()
    local finished = finisher.finish(pandoc.Pandoc(texts), options, pandoc.List({})).blocks
    local written = pieces.each(finished:map(function(block) return { block } end), finisher.write)
    for n, entry in ipairs(entries) do
      entry.text = written[n]
    end
    return entries
  end
end

-- Returns the pieces of metadata as text, before formulas become markup.
local function plain_texts(blocks)
  local out = pandoc.List({})
  for _, block in ipairs(blocks) do
    if block.t == "Div" and block.classes:includes(source.META) then
      local bare = block:walk({ Note = function() return {} end, Para = function(p) p.content:insert(pandoc.Space()) return p end })
      out:insert((pandoc.utils.stringify(bare):gsub("%s+$", "")))
    end
  end
  return out
end

-- Takes the pieces of metadata back out of the document and writes each.
local function write_parts(doc, paper, finisher, options, texts)
  local out = { keywords = pandoc.List({}), authors = pandoc.List({}), affiliations = pandoc.List({}) }
  local body, parts, places = pandoc.Blocks({}), {}, {}
  local at = 0
  local function part(blocks, holder, key, text)
    parts[#parts + 1], places[#places + 1] = blocks, { holder, key }
    holder[key == "name" and "plain" or "plain-" .. key] = text
  end
  for _, block in ipairs(doc.blocks) do
    if not (block.t == "Div" and block.classes:includes(source.META)) then
      body:insert(block)
    else
      at = at + 1
      local text = texts[at]
      local field, n = block.attributes.field, tonumber(block.attributes.n)
      if field == "keywords" or field == "tags" then
        out.keywords:insert(text)
      elseif field == "author" then
        local author = paper.people.authors[n]
        part(block.content, author, "name", text)
        out.authors:insert(author)
      elseif field == "affiliation" then
        local place = paper.people.affiliations[n]
        part(block.content, place, "name", text)
        out.affiliations:insert(place)
      else
        part(block.content, out, field, text)
      end
    end
  end
  for n, written in ipairs(pieces.each(parts, finisher.write)) do
    local holder, key = table.unpack(places[n])
    holder[key] = written
  end
  out.body = (finisher.body or finisher.write)(body, options)
  return out
end

local function index(list)
  local out = {}
  for n, entry in ipairs(list or {}) do
    out[n] = type(entry) == "table" and entry or {}
  end
  return out
end

local function names_of(set)
  local out = pandoc.List({})
  for name in pairs(set) do
    out:insert(name)
  end
  out:sort()
  return out
end

local function named(map)
  return names_of(map):map(function(key) return { key, map[key] } end)
end

-- Keeps what was learnt of a paper that is followed.
local function follow(live, out, options)
  out.unfollowed, out.cited = live:finish(out, options) or "", live.cited and 1 or 0
  followed = followed:filter(function(entry) return entry.revision ~= live.request.replaces end)
  if out.unfollowed == "" then
    followed:insert({ revision = live.request.revision, live = live })
  end
  if #followed > FOLLOWED then
    followed:remove(1)
  end
end

function OPS.write(request)
  local paper = prepare(request.text)
  request.values, request.images, request.includes = index(request.values), index(request.images), index(request.includes)
  request.bibliography, request.offsets = request.bibliography or {}, request.offsets or {}
  local live = request.sections and OPS.scan(request) and followed_papers.follow(paper, request)
  local resolved = resolution.of(paper, request, library, live)
  local problems, finisher = pandoc.List({}) .. resolved.problems, FINISHERS[request.format]
  local options = setmetatable({
    format = request.format, columns = request.columns or 1, needs = { packages = {}, theorems = {} }, -- what fragments of LaTeX use
    known = live and live.known,
  }, { __index = resolved.options })
  local filters = xref_writers.filters(request.format)
  filters.Image = bindings.shown(request.images)
  local doc = resolved.doc:walk(filters)
  if request.needs_alt then
    alt_texts.check(doc, problems)
  end
  local headings = outline(doc.blocks, finisher, options)
  local texts = plain_texts(doc.blocks)
  if live then
    live:count_listings(doc)
    doc.blocks = live:separated(doc.blocks)
  end
  if finisher.leaves_words then
    doc = finisher.finish(doc, options, problems)
    doc.blocks = quiet.back(doc.blocks, paper.quiet)
  else
    doc.blocks = quiet.back(doc.blocks, paper.quiet)
    doc = finisher.finish(doc, options, problems)
  end
  local out = write_parts(doc, paper, finisher, options, texts)
  out.outline, out.problems, out.labels = headings(), problems, resolved.labels
  out["citation-keys"] = resolved.citation_keys
  out.preamble = finisher.preamble and finisher.preamble(options) or ""
  out.publication = publication.of(paper.meta)
  out.packages, out.theorems = names_of(options.needs.packages), named(options.needs.theorems)
  if live then
    follow(live, out, options)
  end
  return out, finisher.document and finisher.document(doc, paper, options, request.attached)
end

-- Returns one section of a followed paper written anew.
function OPS.patch(request)
  local found = followed:find_if(function(entry) return entry.revision == request.revision end)
  local live = found and found.live
  return incremental.patch(live, request, live and FINISHERS[live.request.format])
end

-- Returns the blocks of the text, each by what it can be found by in the source.
function OPS.blocks(request)
  return source_marks.blocks(prepare(request.text))
end

-- Returns a document in LaTeX as Markdown; asked once in a project's life.
function OPS.from_latex(request)
  return { text = require("from_latex").markdown(request.text) }
end

local function answer(payload, document)
  local bytes = pandoc.json.encode(payload)
  io.stdout:write(#bytes, document and " " .. #document or "", "\n", bytes, document or "")
  io.stdout:flush()
end

io.stdout:setvbuf("full", 1 << 16)
while true do
  local head = io.read("l")
  if not head then
    break
  end
  local next_size = head:gmatch("%d+")
  local request = pandoc.json.decode(io.read(tonumber(next_size())), false)
  request.attached = {}
  for _, name in ipairs(request.files or {}) do
    local size = tonumber(next_size())
    request.attached[name] = size > 0 and io.read(size) or ""
  end
  local ok, result, document = xpcall(function()
    return select(2, pandoc.log.silence(OPS[request.op], request)) -- the first is pandoc's log: what matters of it, problems say
  end, debug.traceback)
  if ok then
    answer({ ok = true, result = result }, document)
  else
    answer({ ok = false, error = tostring(result) })
  end
end
