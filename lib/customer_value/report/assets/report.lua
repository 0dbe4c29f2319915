-- Pages and PDF from one markup: figures, tables, callouts and cross-references for pandoc's HTML and Typst writers, the
-- same in the embedded publisher and in Quarto, whose own treatment of them comes later and finds none. Fails (and so does publishing) on a reference to a figure or table that is not there.
-- Attributes are always built with pandoc.Attr: Lua's own tables have no order, and output would differ between runs.

local HTML = FORMAT:match("html") ~= nil
local LABELS = { fig = "Figure", tbl = "Table" }
local CALLOUTS = { "note", "tip", "warning", "important", "caution" }
local CERTAINTIES = { "do-it", "test-first", "watch", "not-enough" }

local numbers = {} -- anchor of a figure or table -> "Figure 1"
local known = {} -- every anchor of the document

-- Ends pandoc: under Quarto `error` only writes a line and goes on, and elsewhere it buries the line in a stack trace.
local function fail(message)
  io.stderr:write(message .. "\n")
  os.exit(1)
end

local function raw(text)
  return pandoc.RawBlock(HTML and "html" or "typst", text)
end

local function html_escape(text)
  return (text:gsub("[&<>\"]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }))
end

local function typst_string(text)
  return '"' .. text:gsub("[\\\"]", "\\%0"):gsub("%s+", " ") .. '"'
end

local function alternative(image)
  return image.attributes["fig-alt"] or image.attributes["alt"] or pandoc.utils.stringify(image.caption)
end

local function typst_image(image, size)
  return string.format("image(%s, alt: %s%s)", typst_string(image.src), typst_string(alternative(image)), size)
end

local function append(list, more)
  for _, item in ipairs(more) do
    list[#list + 1] = item
  end
  return list
end

-- The image that stands alone in a paragraph, or nil.
local function lone_image(block)
  if (block.t == "Para" or block.t == "Plain") and #block.content == 1 and block.content[1].t == "Image" then
    return block.content[1]
  end
end

local function float_kind(div)
  return LABELS[div.identifier:match("^(%a+)-") or ""] and div.identifier:match("^(%a+)-")
end

local function callout_kind(div)
  for _, kind in ipairs(CALLOUTS) do
    if div.classes:includes("callout-" .. kind) then
      return kind
    end
  end
end

-- First pass: what this format does not show; then the number of each figure and table, and every anchor.

local function visible(div)
  local when, unless = div.attributes["when-format"], div.attributes["unless-format"]
  local this = HTML and "html" or "typst"
  if div.classes:includes("content-visible") then
    if (when and when ~= this) or (unless and unless == this) then
      return {}
    end
    return pandoc.Div(div.content, pandoc.Attr("", { "shown" }))
  elseif div.classes:includes("content-hidden") then
    if (when and when == this) or (unless and unless ~= this) then
      return {}
    end
    return pandoc.Div(div.content, pandoc.Attr("", { "shown" }))
  end
end

-- Quarto wraps every cell of a notebook, and every output, in a division with the cell's id.
local function unwrapped(div)
  if div.classes:includes("cell") or div.classes:includes("cell-output") then
    return div.content
  end
end

local function survey(doc)
  local counts = { fig = 0, tbl = 0 }
  local function note(element)
    if element.identifier ~= "" then
      known[element.identifier] = true
    end
  end
  doc:walk({
    Header = note,
    Span = note,
    Div = function(div)
      note(div)
      local kind = float_kind(div)
      if kind then
        counts[kind] = counts[kind] + 1
        numbers[div.identifier] = LABELS[kind] .. " " .. counts[kind]
      end
    end,
  })
end

-- Second pass: cross-references, links, images.

local function cross_reference(cite)
  local inlines = pandoc.List()
  for index, citation in ipairs(cite.citations) do
    local kind = citation.id:match("^(%a+)-")
    if not (kind and LABELS[kind]) then
      return cite.content -- an @name in somebody's text
    end
    if not numbers[citation.id] then
      fail("@" .. citation.id .. " refers to no figure or table of this page")
    end
    if index > 1 then
      inlines:extend({ pandoc.Str(","), pandoc.Space() })
    end
    inlines:insert(pandoc.Link(numbers[citation.id], "#" .. citation.id))
  end
  return inlines
end

local function link(element)
  local target = element.target
  if HTML then
    if not target:match("^%a[%w+.-]*:") then
      element.target = target:gsub("%.ipynb$", ".html"):gsub("%.ipynb#", ".html#")
    end
    return element
  end
  if target:match("^https?:") or target:match("^mailto:") or known[target:match("^#(.+)$")] then
    return element
  end
  if target:match("%.csv$") then
    return {} -- an offer to download
  end
  return element.content -- a file beside the site has no place in a PDF that travels alone
end

local function image(element)
  if HTML then
    local classes = element.classes
    return pandoc.Image({}, element.src, "", pandoc.Attr("", classes, { { "alt", alternative(element) } }))
  end
  local size = element.classes:includes("sparkline") and ", width: 100%, height: 16pt" or ""
  return pandoc.RawInline("typst", "#box(" .. typst_image(element, size) .. ")")
end

-- A formula is read out as its TeX; pandoc's Typst writer leaves it silent.
local function formula(element)
  if not HTML then
    local display = element.mathtype == "DisplayMath"
    local body = pandoc.write(pandoc.Pandoc({ pandoc.Plain({ element }) }), "typst"):gsub("%s+$", "")
    return pandoc.RawInline("typst", string.format("#math.equation(block: %s, alt: %s, %s)", tostring(display),
      typst_string(element.text), body))
  end
end

-- Third pass: figures, tables, callouts, cards.

local function numbered(caption, anchor)
  local label = pandoc.Span(numbers[anchor] .. ".", pandoc.Attr("", { "number" }))
  local first = caption[1]
  if first and (first.t == "Para" or first.t == "Plain") then
    first.content:insert(1, label)
    first.content:insert(2, pandoc.Space())
  else
    caption:insert(1, pandoc.Para({ label }))
  end
  return caption
end

local function figure(div)
  local wide, narrow
  local caption = pandoc.List()
  for _, block in ipairs(div.content) do
    local picture = lone_image(block)
    if picture and picture.classes:includes("narrow") then
      narrow = picture
    elseif picture and not wide then
      wide = picture
    else
      caption:insert(block)
    end
  end
  if not wide then
    fail("#" .. div.identifier .. " holds no image")
  end
  caption = numbered(caption, div.identifier)
  if HTML then
    local source = narrow
        and string.format('<source media="(max-width: 600px)" srcset="%s">', html_escape(narrow.src)) or ""
    return append({
      raw(string.format(
        '<figure id="%s" class="figure"><div class="plate"><picture>%s<img src="%s" alt="%s"></picture></div><figcaption>',
        div.identifier, source, html_escape(wide.src), html_escape(alternative(wide)))),
    }, append(caption, { raw("</figcaption></figure>") }))
  end
  return append({ raw("#report-figure(size => " .. typst_image(wide, ", ..size") .. ")[") },
    append(caption, { raw("] <" .. div.identifier .. ">") }))
end

-- A wide table scrolls in a box that the keyboard reaches; our own tables bring that box with them, named after the
-- result. Two tables of a page may show one result, so the box takes the table's caption as its name.
local function scrolling(blocks, name)
  if #blocks == 1 and blocks[1].t == "RawBlock" and blocks[1].text:find('class="table-scroll"', 1, true) then
    local text = blocks[1].text:gsub('(<div class="table%-scroll"[^>]-) aria%-label="[^"]*"', function(before)
      return before .. " " .. name
    end, 1)
    return { pandoc.RawBlock("html", text) }
  end
  return append({ raw('<div class="table-scroll" role="region" tabindex="0" ' .. name .. ">") },
    append(blocks, { raw("</div>") }))
end

local function is_table(block)
  return block.t == "Table" or (block.t == "RawBlock" and block.format == "html")
end

local function tabular(div)
  local body, caption = pandoc.List(), pandoc.List()
  for _, block in ipairs(div.content) do
    if block.t == "Div" and block.classes:includes("shown") then
      body:extend(block.content) -- a table with its notes
    else
      (is_table(block) and body or caption):insert(block)
    end
  end
  if #body == 0 then
    fail("#" .. div.identifier .. " holds no table")
  end
  caption = numbered(caption, div.identifier)
  if HTML then
    local name = div.identifier .. "-caption"
    local blocks = append({
      raw(string.format('<figure id="%s" class="table"><figcaption id="%s">', div.identifier, name)),
    }, caption)
    append(blocks, { raw("</figcaption>") })
    append(blocks, scrolling(body, 'aria-labelledby="' .. name .. '"'))
    return append(blocks, { raw("</figure>") })
  end
  local blocks = append({ raw("#report-table[") }, caption)
  append(blocks, { raw("][") })
  append(blocks, body:map(function(block)
    return block.t == "Para" and pandoc.Div({ block }, pandoc.Attr("", { "table-note" })) or block
  end))
  return append(blocks, { raw("] <" .. div.identifier .. ">") })
end

local function callout(div, kind)
  local title = div.attributes["title"] or (kind:sub(1, 1):upper() .. kind:sub(2))
  if HTML then
    local class = string.format('class="callout callout-%s"', kind)
    local anchor = div.identifier ~= "" and string.format(' id="%s"', div.identifier) or ""
    if div.attributes["collapse"] == "true" then
      return append({ raw(string.format("<details %s%s><summary>%s</summary>", class, anchor, html_escape(title))) },
        append(div.content, { raw("</details>") }))
    end
    return append({
      raw(string.format('<aside %s%s role="note"><p class="callout-title">%s</p>', class, anchor, html_escape(title))),
    }, append(div.content, { raw("</aside>") }))
  end
  -- Kept together unless it is too long for a page.
  local breakable = #pandoc.utils.stringify(div) > 1800 and ", breakable: true" or ""
  return append({ raw(string.format("#callout(%s, %s%s)[", typst_string(kind), typst_string(title), breakable)) },
    append(div.content, { raw("]") }))
end

local function typst_certainty(div)
  for _, certainty in ipairs(CERTAINTIES) do
    if div.classes:includes(certainty) then
      return certainty
    end
  end
  return "watch"
end

local function typst_div(div)
  local anchor = div.identifier ~= "" and " <" .. div.identifier .. ">" or ""
  if div.classes:includes("headlines") then
    return append({ raw("#headlines(") }, append(div.content, { raw(")") }))
  elseif div.classes:includes("headline") then
    return append({ raw("[") }, append(div.content, { raw("],") }))
  elseif div.classes:includes("card") then
    -- The verdict paragraph ([Do it]{.certainty} [£1 m]{.worth}) stands beside the rest, as on the page.
    local verdict, rest = pandoc.List(), pandoc.List()
    for _, block in ipairs(div.content) do
      local first = (block.t == "Para" or block.t == "Plain") and block.content[1]
      local is_verdict = first and first.t == "Span"
          and (first.classes:includes("certainty") or first.classes:includes("worth"));
      (is_verdict and verdict or rest):insert(block)
    end
    local blocks = append({ raw("#card[") }, verdict)
    append(blocks, { raw("][") })
    append(blocks, rest)
    return append(blocks, { raw("]" .. anchor) })
  elseif div.classes:includes("lead") then
    return append({ raw("#lead[") }, append(div.content, { raw("]") }))
  elseif div.classes:includes("question") then
    return append({ raw("#question[") }, append(div.content, { raw("]") }))
  elseif div.classes:includes("note") then
    return append({ raw("#note[") }, append(div.content, { raw("]") }))
  elseif div.classes:includes("table-note") then
    return append({ raw("#table-note[") }, append(div.content, { raw("]") }))
  elseif div.classes:includes("provenance") then
    return append({ raw("#provenance[") }, append(div.content, { raw("]") }))
  end
end

local function typst_facts(list)
  local blocks = pandoc.List()
  for _, item in ipairs(list.content) do
    local term, definitions = item[1], item[2]
    append(blocks, { raw("#fact["), pandoc.Plain(term), raw("][") })
    for _, definition in ipairs(definitions) do
      append(blocks, definition)
    end
    append(blocks, { raw("]") })
  end
  return blocks
end

-- Among the methods at the end, chapter titles are small.
local function typst_heading(header)
  if header.identifier == "methods" then
    return { header, raw("#show heading.where(level: 2): set text(size: 10.5pt)") }
  end
end

local SPANS = { "label", "value", "range", "benchmark", "change", "certainty", "worth", "number" }

-- Runs inside cards before `typst_div`, so a badge learns the card's certainty from the card.
local function typst_badges(card)
  local certainty = typst_certainty(card)
  return card:walk({
    Span = function(span)
      if span.classes:includes("certainty") then
        span.attributes["of"] = certainty
        return span
      end
    end,
  })
end

local function typst_span(span)
  for _, class in ipairs(SPANS) do
    if span.classes:includes(class) then
      local argument = span.attributes["of"] and typst_string(span.attributes["of"]) or ""
      return append({ pandoc.RawInline("typst", "#span-" .. class .. "(" .. argument .. ")[") },
        append(span.content, { pandoc.RawInline("typst", "]") }))
    end
  end
end

local function division(div)
  if div.classes:includes("shown") then
    return div.content
  end
  local kind = float_kind(div)
  if kind == "fig" then
    return figure(div)
  elseif kind == "tbl" then
    return tabular(div)
  end
  local called = callout_kind(div)
  if called then
    return callout(div, called)
  end
  if not HTML then
    return typst_div(div)
  end
end

-- A table outside a numbered division scrolls by itself too; its heads name the region, which must differ from others.
local free_tables = {}

local function free_table(element)
  local heads = {}
  for _, row in ipairs(element.head.rows) do
    for _, cell in ipairs(row.cells) do
      heads[#heads + 1] = pandoc.utils.stringify(cell.contents)
    end
  end
  local name = "Table of " .. table.concat(heads, ", ")
  free_tables[name] = (free_tables[name] or 0) + 1
  if free_tables[name] > 1 then
    name = name .. " (" .. free_tables[name] .. ")"
  end
  return scrolling({ element }, 'aria-label="' .. html_escape(name) .. '"')
end

-- In Typst the columns find their own widths.
local function natural_widths(element)
  element.colspecs = element.colspecs:map(function(column)
    return { column[1], nil }
  end)
  return element
end

-- A range ("1–19", "£50–110k") stays on one line: a dash between figures is no place to part them.
local function range(text)
  if text.text:match("%d–[^%a%s]*%d") then
    if HTML then
      return pandoc.Span({ text }, pandoc.Attr("", { "range-of" }))
    end
    return { pandoc.RawInline("typst", "#box["), text, pandoc.RawInline("typst", "]") }
  end
end

-- Typst hyphenates and reads out by language and region. (Quarto takes a variable `language` for a file.)
local function speak(meta)
  local language, region = pandoc.utils.stringify(meta.lang):match("^(%a+)-?(%a*)")
  meta["text-language"] = language
  meta["text-region"] = region ~= "" and region or nil
end

function Pandoc(doc)
  doc = doc:walk({ Div = unwrapped })
  doc = doc:walk({ traverse = "topdown", Div = visible })
  survey(doc)
  doc = doc:walk({ Cite = cross_reference, Link = link, Math = formula })
  if not HTML then
    doc = doc:walk({ Table = natural_widths })
    doc = doc:walk({ Div = function(div)
      if div.classes:includes("card") then
        return typst_badges(div)
      end
    end })
  end
  -- Figures and tables take their images and tables as they are; what remains is handled after them.
  doc = doc:walk({
    traverse = "topdown",
    Div = function(div)
      local kind = float_kind(div)
      if kind then
        return division(div), false
      end
    end,
    Image = image,
    Table = function(element)
      if HTML then
        return free_table(element), false
      end
    end,
  })
  doc = doc:walk({ Div = division })
  if not HTML then
    doc = doc:walk({ Span = typst_span, DefinitionList = typst_facts, Header = typst_heading })
  end
  doc.blocks = doc.blocks:walk({ Str = range })
  if not HTML then
    speak(doc.meta)
  end
  return doc
end
