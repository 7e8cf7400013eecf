-- What numbered things are called, by language, and the words that stand between their numbers.
--
-- A name is "singular/plural/short singular/short plural"; what is left out at the end is as what stands before it. "第%节" has a part
-- behind the number. Names as babel, cleveref and CSL have them.

local M = {}

local LANGUAGES = {
  en = {
    figure = "Figure/Figures/Fig./Figs.", table = "Table/Tables", listing = "Listing/Listings", equation = "Equation/Equations/Eq./Eqs.",
    section = "Section/Sections/Sec./Secs.", chapter = "Chapter/Chapters/Chap./Chaps.", appendix = "Appendix/Appendices/App./Apps.",
    theorem = "Theorem/Theorems", lemma = "Lemma/Lemmas", definition = "Definition/Definitions", corollary = "Corollary/Corollaries",
    proposition = "Proposition/Propositions", remark = "Remark/Remarks", example = "Example/Examples",
    assumption = "Assumption/Assumptions", claim = "Claim/Claims", conjecture = "Conjecture/Conjectures",
    algorithm = "Algorithm/Algorithms", exercise = "Exercise/Exercises",
    proof = "Proof", references = "References", ["and"] = "and", to = "to", last = ", and ",
  },
  de = {
    figure = "Abbildung/Abbildungen/Abb./Abb.", table = "Tabelle/Tabellen/Tab./Tab.", listing = "Listing/Listings",
    equation = "Gleichung/Gleichungen/Gl./Gln.", section = "Abschnitt/Abschnitte/Abschn./Abschn.", chapter = "Kapitel/Kapitel/Kap./Kap.",
    appendix = "Anhang/Anhänge", theorem = "Satz/Sätze", lemma = "Lemma/Lemmata", definition = "Definition/Definitionen",
    corollary = "Korollar/Korollare", proposition = "Proposition/Propositionen", remark = "Bemerkung/Bemerkungen",
    example = "Beispiel/Beispiele", assumption = "Annahme/Annahmen", claim = "Behauptung/Behauptungen",
    conjecture = "Vermutung/Vermutungen", algorithm = "Algorithmus/Algorithmen", exercise = "Aufgabe/Aufgaben",
    proof = "Beweis", references = "Literatur", ["and"] = "und", to = "bis",
  },
  fr = {
    figure = "Figure/Figures/Fig./Fig.", table = "Tableau/Tableaux/Tab./Tab.", listing = "Listing/Listings",
    equation = "Équation/Équations/Éq./Éq.", section = "Section/Sections/Sec./Sec.", chapter = "Chapitre/Chapitres/Chap./Chap.",
    appendix = "Annexe/Annexes", theorem = "Théorème/Théorèmes", lemma = "Lemme/Lemmes", definition = "Définition/Définitions",
    corollary = "Corollaire/Corollaires", proposition = "Proposition/Propositions", remark = "Remarque/Remarques",
    example = "Exemple/Exemples", assumption = "Hypothèse/Hypothèses", claim = "Affirmation/Affirmations",
    conjecture = "Conjecture/Conjectures", algorithm = "Algorithme/Algorithmes", exercise = "Exercice/Exercices",
    proof = "Démonstration", references = "Références", ["and"] = "et", to = "à",
  },
  es = {
    figure = "Figura/Figuras/Fig./Figs.", table = "Tabla/Tablas", listing = "Listado/Listados", equation = "Ecuación/Ecuaciones/Ec./Ecs.",
    section = "Sección/Secciones/Sec./Secs.", chapter = "Capítulo/Capítulos/Cap./Caps.", appendix = "Apéndice/Apéndices",
    theorem = "Teorema/Teoremas", lemma = "Lema/Lemas", definition = "Definición/Definiciones", corollary = "Corolario/Corolarios",
    proposition = "Proposición/Proposiciones", remark = "Observación/Observaciones", example = "Ejemplo/Ejemplos",
    assumption = "Supuesto/Supuestos", claim = "Afirmación/Afirmaciones", conjecture = "Conjetura/Conjeturas",
    algorithm = "Algoritmo/Algoritmos", exercise = "Ejercicio/Ejercicios",
    proof = "Demostración", references = "Referencias", ["and"] = "y", to = "a",
  },
  it = {
    figure = "Figura/Figure/Fig./Figg.", table = "Tabella/Tabelle/Tab./Tabb.", listing = "Listato/Listati",
    equation = "Equazione/Equazioni/Eq./Eqq.", section = "Sezione/Sezioni/Sez./Sezz.", chapter = "Capitolo/Capitoli/Cap./Capp.",
    appendix = "Appendice/Appendici", theorem = "Teorema/Teoremi", lemma = "Lemma/Lemmi", definition = "Definizione/Definizioni",
    corollary = "Corollario/Corollari", proposition = "Proposizione/Proposizioni", remark = "Osservazione/Osservazioni",
    example = "Esempio/Esempi", assumption = "Ipotesi/Ipotesi", claim = "Affermazione/Affermazioni", conjecture = "Congettura/Congetture",
    algorithm = "Algoritmo/Algoritmi", exercise = "Esercizio/Esercizi",
    proof = "Dimostrazione", references = "Riferimenti bibliografici", ["and"] = "e", to = "a",
  },
  pt = {
    figure = "Figura/Figuras/Fig./Figs.", table = "Tabela/Tabelas/Tab./Tabs.", listing = "Listagem/Listagens",
    equation = "Equação/Equações/Eq./Eqs.", section = "Seção/Seções", chapter = "Capítulo/Capítulos/Cap./Caps.",
    appendix = "Apêndice/Apêndices", theorem = "Teorema/Teoremas", lemma = "Lema/Lemas", definition = "Definição/Definições",
    corollary = "Corolário/Corolários", proposition = "Proposição/Proposições", remark = "Observação/Observações",
    example = "Exemplo/Exemplos", assumption = "Hipótese/Hipóteses", claim = "Afirmação/Afirmações", conjecture = "Conjectura/Conjecturas",
    algorithm = "Algoritmo/Algoritmos", exercise = "Exercício/Exercícios",
    proof = "Demonstração", references = "Referências", ["and"] = "e", to = "a",
  },
  nl = {
    figure = "Figuur/Figuren/Fig./Fig.", table = "Tabel/Tabellen/Tab./Tab.", listing = "Listing/Listings",
    equation = "Vergelijking/Vergelijkingen/Vgl./Vgln.", section = "Paragraaf/Paragrafen/Par./Par.",
    chapter = "Hoofdstuk/Hoofdstukken/Hfst./Hfst.", appendix = "Bijlage/Bijlagen", theorem = "Stelling/Stellingen", lemma = "Lemma/Lemma’s",
    definition = "Definitie/Definities", corollary = "Gevolg/Gevolgen", proposition = "Propositie/Proposities",
    remark = "Opmerking/Opmerkingen", example = "Voorbeeld/Voorbeelden", assumption = "Aanname/Aannames", claim = "Bewering/Beweringen",
    conjecture = "Vermoeden/Vermoedens", algorithm = "Algoritme/Algoritmen", exercise = "Opgave/Opgaven",
    proof = "Bewijs", references = "Referenties", ["and"] = "en", to = "tot en met",
  },
  pl = {
    figure = "Rysunek/Rysunki/Rys./Rys.", table = "Tabela/Tabele/Tab./Tab.", listing = "Listing/Listingi",
    equation = "Równanie/Równania/Równ./Równ.", section = "Sekcja/Sekcje", chapter = "Rozdział/Rozdziały/Rozdz./Rozdz.",
    appendix = "Dodatek/Dodatki", theorem = "Twierdzenie/Twierdzenia", lemma = "Lemat/Lematy", definition = "Definicja/Definicje",
    corollary = "Wniosek/Wnioski", proposition = "Stwierdzenie/Stwierdzenia", remark = "Uwaga/Uwagi", example = "Przykład/Przykłady",
    assumption = "Założenie/Założenia", claim = "Teza/Tezy", conjecture = "Hipoteza/Hipotezy", algorithm = "Algorytm/Algorytmy",
    exercise = "Ćwiczenie/Ćwiczenia",
    proof = "Dowód", references = "Bibliografia", ["and"] = "i", to = "do",
  },
  ru = {
    figure = "Рисунок/Рисунки/Рис./Рис.", table = "Таблица/Таблицы/Табл./Табл.", listing = "Листинг/Листинги",
    equation = "Уравнение/Уравнения/Ур./Ур.", section = "Раздел/Разделы/Разд./Разд.", chapter = "Глава/Главы/Гл./Гл.",
    appendix = "Приложение/Приложения/Прил./Прил.", theorem = "Теорема/Теоремы", lemma = "Лемма/Леммы",
    definition = "Определение/Определения", corollary = "Следствие/Следствия", proposition = "Предложение/Предложения",
    remark = "Замечание/Замечания", example = "Пример/Примеры", assumption = "Предположение/Предположения",
    claim = "Утверждение/Утверждения", conjecture = "Гипотеза/Гипотезы", algorithm = "Алгоритм/Алгоритмы",
    exercise = "Упражнение/Упражнения",
    proof = "Доказательство", references = "Список литературы", ["and"] = "и", to = "до",
  },
  zh = {
    figure = "图", table = "表", listing = "代码", equation = "式", section = "第%节", chapter = "第%章", appendix = "附录",
    theorem = "定理", lemma = "引理", definition = "定义", corollary = "推论", proposition = "命题", remark = "注", example = "例",
    assumption = "假设", claim = "断言", conjecture = "猜想", algorithm = "算法", exercise = "练习",
    proof = "证明", references = "参考文献", ["and"] = "和", to = "至", comma = "、",
  },
  ja = {
    figure = "図", table = "表", listing = "リスト", equation = "式", section = "第%節", chapter = "第%章", appendix = "付録",
    theorem = "定理", lemma = "補題", definition = "定義", corollary = "系", proposition = "命題", remark = "注意", example = "例",
    assumption = "仮定", claim = "主張", conjecture = "予想", algorithm = "アルゴリズム", exercise = "問題",
    proof = "証明", references = "参考文献", ["and"] = "と", to = "から", comma = "、",
  },
  sv = {
    figure = "Figur/Figurer/Fig./Fig.", table = "Tabell/Tabeller/Tab./Tab.", listing = "Listning/Listningar",
    equation = "Ekvation/Ekvationer/Ekv./Ekv.", section = "Avsnitt/Avsnitt", chapter = "Kapitel/Kapitel/Kap./Kap.",
    appendix = "Bilaga/Bilagor", theorem = "Sats/Satser", lemma = "Lemma/Lemman", definition = "Definition/Definitioner",
    corollary = "Följdsats/Följdsatser", proposition = "Proposition/Propositioner", remark = "Anmärkning/Anmärkningar",
    example = "Exempel/Exempel", assumption = "Antagande/Antaganden", claim = "Påstående/Påståenden",
    conjecture = "Förmodan/Förmodanden", algorithm = "Algoritm/Algoritmer", exercise = "Övning/Övningar",
    proof = "Bevis", references = "Referenser", ["and"] = "och", to = "till",
  },
  da = {
    figure = "Figur/Figurer/Fig./Fig.", table = "Tabel/Tabeller/Tab./Tab.", listing = "Listing/Listings",
    equation = "Ligning/Ligninger/Lign./Lign.", section = "Afsnit/Afsnit", chapter = "Kapitel/Kapitler/Kap./Kap.",
    appendix = "Bilag/Bilag", theorem = "Sætning/Sætninger", lemma = "Lemma/Lemmaer", definition = "Definition/Definitioner",
    corollary = "Korollar/Korollarer", proposition = "Proposition/Propositioner", remark = "Bemærkning/Bemærkninger",
    example = "Eksempel/Eksempler", assumption = "Antagelse/Antagelser", claim = "Påstand/Påstande",
    conjecture = "Formodning/Formodninger", algorithm = "Algoritme/Algoritmer", exercise = "Øvelse/Øvelser",
    proof = "Bevis", references = "Referencer", ["and"] = "og", to = "til",
  },
}

-- pandoc-crossref's metadata for the names in references and captions.
local PREFIX_KEYS = {
  figPrefix = "figure", tblPrefix = "table", eqnPrefix = "equation", secPrefix = "section", lstPrefix = "listing",
}
local TITLE_KEYS = { figureTitle = "figure", tableTitle = "table", listingTitle = "listing" }

local function words_of(lang)
  return LANGUAGES[(lang or "en"):sub(1, 2):lower()] or LANGUAGES.en
end

local WORDS = { proof = true, references = true, ["and"] = true, to = true, last = true, comma = true }

local function forms_of(name)
  local forms = {}
  for form in name:gmatch("[^/]+") do
    forms[#forms + 1] = form
  end
  forms[2] = forms[2] or forms[1]
  return { forms[1], forms[2], forms[3] or forms[1], forms[4] or forms[3] or forms[2] }
end

local function capitalized(word)
  local first, rest = word:match("^(" .. utf8.charpattern .. ")(.*)$")
  return first and pandoc.text.upper(first) .. rest or word
end

local Names = {}
Names.__index = Names

-- Returns what stands before a number in a reference, and what behind it ("" for nothing). `capital`: at the start of a sentence a name
-- is written out.
function Names:reference(kind, plural, capital)
  local own, forms = self.own[kind], self.forms[kind]
  local name
  if own then
    name = own[plural and 2 or 1]
    name = capital and capitalized(name) or name
  else
    name = forms[(plural and 2 or 1) + (self.short and not capital and 2 or 0)]
  end
  local before, after = name:match("^(.-)%%(.*)$")
  return before or name, after or ""
end

-- Returns the name that stands in captions and at the head of theorems: what comes before the number, and what behind it.
function Names:caption(kind)
  local name = self.titles[kind] or self.forms[kind][self.short_captions and 3 or 1]
  local before, after = name:match("^(.-)%%(.*)$")
  return before or name, after or ""
end

-- "Figure 3", as at the head of a caption.
function Names:label(kind, number)
  local before, after = self:caption(kind)
  return before .. (number ~= "" and " " .. number or "") .. after
end

-- Whether a word, without its full stop, is (the beginning of) one of the names: "Figure", "Fig", "Eqs", "§". A full stop behind a name
-- that is written out ends a sentence: in "is in the next chapter. @fig:x shows" the figure has no name yet.
function Names:has(word)
  local stopped = word:find("%.$") ~= nil
  word = pandoc.text.lower((word:gsub("%.$", "")))
  local length = utf8.len(word) or 0
  if length < 2 then
    return word == "§"
  end
  local found = word == "eq" or word == "eqs" or word == "figs" or word == "tab"
  for _, forms in pairs(self.forms) do
    for _, form in ipairs(forms) do
      local whole = pandoc.text.lower((form:gsub("%.$", "")))
      if whole == word and stopped and not form:find("%.$") then
        return false
      end
      found = found or whole == word or (length > 2 and whole:sub(1, #word) == word)
    end
  end
  return found
end

local function own_name(value)
  local list = pandoc.utils.type(value) == "List" and value or { value }
  local singular = pandoc.utils.stringify(list[1] or "")
  return { singular, list[2] and pandoc.utils.stringify(list[2]) or singular }
end

-- Returns the names that a paper uses: those of its language, short ones where it asks for them, its own where its metadata has them.
-- `options` has `lang`, `meta`, `reference_names` and `caption_names` ("short" or "long"), `reference_range` ("dash" or "word").
function M.of(options)
  local meta = options.meta or {}
  local names = setmetatable({
    forms = {}, own = {}, titles = {}, short = options.reference_names == "short", short_captions = options.caption_names == "short",
    lang = options.lang,
  }, Names)
  for kind, name in pairs(words_of(options.lang)) do
    if WORDS[kind] then
      names[kind] = name
    else
      names.forms[kind] = forms_of(name)
    end
  end
  for key, kind in pairs(PREFIX_KEYS) do
    names.own[kind] = meta[key] and own_name(meta[key]) or nil
  end
  for key, kind in pairs(TITLE_KEYS) do
    names.titles[kind] = meta[key] and own_name(meta[key])[1] or nil
  end
  names.comma = names.comma or ", "
  names.last = names.last or " " .. names["and"] .. " "
  names.range = meta.rangeDelim and pandoc.utils.stringify(meta.rangeDelim) or options.reference_range == "word" and names.to or "\u{2013}"
  if pandoc.text.lower(names.range) ~= pandoc.text.upper(names.range) then -- a word
    names.range = "\u{a0}" .. names.range .. "\u{a0}"
  end
  return names
end

return M
