-- What numbered things are called, by language: a singular and a plural, and the words around them.

local M = {}

local NAMES = {
  en = {
    figure = { "Figure", "Figures" }, table = { "Table", "Tables" }, equation = { "Equation", "Equations" },
    section = { "Section", "Sections" }, appendix = { "Appendix", "Appendices" }, theorem = { "Theorem", "Theorems" },
    lemma = { "Lemma", "Lemmas" }, definition = { "Definition", "Definitions" }, corollary = { "Corollary", "Corollaries" },
    proposition = { "Proposition", "Propositions" }, remark = { "Remark", "Remarks" }, example = { "Example", "Examples" },
    assumption = { "Assumption", "Assumptions" }, claim = { "Claim", "Claims" }, conjecture = { "Conjecture", "Conjectures" },
    algorithm = { "Algorithm", "Algorithms" }, exercise = { "Exercise", "Exercises" },
    proof = "Proof", references = "References", ["and"] = "and",
  },
  de = {
    figure = { "Abbildung", "Abbildungen" }, table = { "Tabelle", "Tabellen" }, equation = { "Gleichung", "Gleichungen" },
    section = { "Abschnitt", "Abschnitte" }, appendix = { "Anhang", "Anhänge" }, theorem = { "Satz", "Sätze" },
    lemma = { "Lemma", "Lemmata" }, definition = { "Definition", "Definitionen" }, corollary = { "Korollar", "Korollare" },
    proposition = { "Proposition", "Propositionen" }, remark = { "Bemerkung", "Bemerkungen" }, example = { "Beispiel", "Beispiele" },
    assumption = { "Annahme", "Annahmen" }, claim = { "Behauptung", "Behauptungen" }, conjecture = { "Vermutung", "Vermutungen" },
    algorithm = { "Algorithmus", "Algorithmen" }, exercise = { "Aufgabe", "Aufgaben" },
    proof = "Beweis", references = "Literatur", ["and"] = "und",
  },
  fr = {
    figure = { "Figure", "Figures" }, table = { "Tableau", "Tableaux" }, equation = { "Équation", "Équations" },
    section = { "Section", "Sections" }, appendix = { "Annexe", "Annexes" }, theorem = { "Théorème", "Théorèmes" },
    lemma = { "Lemme", "Lemmes" }, definition = { "Définition", "Définitions" }, corollary = { "Corollaire", "Corollaires" },
    proposition = { "Proposition", "Propositions" }, remark = { "Remarque", "Remarques" }, example = { "Exemple", "Exemples" },
    assumption = { "Hypothèse", "Hypothèses" }, claim = { "Affirmation", "Affirmations" }, conjecture = { "Conjecture", "Conjectures" },
    algorithm = { "Algorithme", "Algorithmes" }, exercise = { "Exercice", "Exercices" },
    proof = "Démonstration", references = "Références", ["and"] = "et",
  },
}

-- Returns the words of a language ("de", "de-CH"); English ones where it has none.
function M.of(lang)
  return NAMES[(lang or "en"):sub(1, 2):lower()] or NAMES.en
end

return M
