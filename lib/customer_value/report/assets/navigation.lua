-- What template.html needs besides the text: the report's title, the chapters, and which of them come before and after.
-- `report` in _quarto.yml lists the chapters as paths from the site's root, without an ending: Quarto rewrites whatever
-- looks like a file there. The page itself is told by Quarto, or by the embedded publisher's `page`.

local text = pandoc.utils.stringify

local function is(chapter, here)
  local page = "/" .. text(chapter.page)
  return ("/" .. here):sub(-#page) == page
end

function Meta(meta)
  local chapters = meta.report.chapters
  local here = meta.page and text(meta.page) or quarto.doc.input_file:gsub("%.ipynb$", "")
  local _, place = pandoc.List(chapters):find_if(function(chapter)
    return is(chapter, here)
  end)
  assert(place, here .. " is not among the report's chapters")
  local root = text(chapters[place].page):gsub("[^/]+", ".."):gsub("%.%.$", "")
  local entries = pandoc.List(chapters):map(function(chapter)
    return { href = root .. text(chapter.page) .. ".html", text = chapter.text }
  end)
  entries[place].current = true
  meta.site = meta.report.title
  meta.root = root
  meta.navigation = entries
  meta.previous = entries[place - 1]
  meta.next = entries[place + 1]
  -- A page without a title of its own carries the name that navigation gives it.
  meta.title = meta.title or chapters[place].text
  return meta
end
