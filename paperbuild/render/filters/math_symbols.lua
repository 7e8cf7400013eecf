-- What TeX's names of symbols stand for: the character of Unicode, and the class of atom that TeX sets space by.
--
-- Names and classes are those of plain TeX, amssymb, stmaryrd and mathtools (their documentation); characters are those of unicode-math.

local M = {}

-- Lists of "name character name character …" by class; `x=` below makes a name mean what another one does.
local LISTS = {
  id = [[
    alpha α beta β gamma γ delta δ epsilon ϵ varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι kappa κ varkappa ϰ lambda λ mu μ nu ν
    xi ξ omicron ο pi π varpi ϖ rho ρ varrho ϱ sigma σ varsigma ς tau τ upsilon υ phi ϕ varphi φ chi χ psi ψ omega ω digamma ϝ
    partial ∂ imath ı jmath ȷ
  ]],
  ord = [[
    Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω
    infty ∞ nabla ∇ hbar ℏ hslash ℏ ell ℓ wp ℘ Re ℜ Im ℑ aleph ℵ beth ℶ gimel ℷ daleth ℸ forall ∀ exists ∃ nexists ∄ emptyset ∅
    varnothing ⌀ neg ¬ lnot ¬ angle ∠ measuredangle ∡ sphericalangle ∢ top ⊤ bot ⊥ prime ′ backprime ‵ flat ♭ natural ♮ sharp ♯
    clubsuit ♣ diamondsuit ♢ heartsuit ♡ spadesuit ♠ triangle △ square □ Box □ blacksquare ■ Diamond ◇ lozenge ◊ blacklozenge ⧫
    bigstar ★ blacktriangle ▴ blacktriangledown ▾ triangledown ▿ vartriangle △ complement ∁ eth ð mho ℧ Finv Ⅎ Game ⅁ Bbbk 𝕜 circledS Ⓢ
    circledR ® yen ¥ pounds £ mathsterling £ checkmark ✓ maltese ✠ surd √ dots … ldots … cdots ⋯ vdots ⋮ ddots ⋱ dotsc … dotso …
    dotsb ⋯ dotsm ⋯ dotsi ⋯ mathellipsis … degree ° mathsection § S § mathparagraph ¶ P ¶ copyright © AA Å aa å O Ø o ø ss ß ae æ
    euro € textdegree ° diagup ╱ diagdown ╲ backslash \ textbackslash \ lbrack [ rbrack ] vert | Vert ‖ | ‖ % % # # & & _ _ $ $
    diameter ⌀ hexagon ⬡ bigcirc ◯ mathdollar $ textdollar $ micro µ ohm Ω angstrom Å qed □ celsius ℃ colon : dag † ddag ‡ iinfin ⧜
    varGamma 𝛤 varDelta 𝛥 varTheta 𝛩 varLambda 𝛬 varXi 𝛯 varPi 𝛱 varSigma 𝛴 varUpsilon 𝛶 varPhi 𝛷 varPsi 𝛹 varOmega 𝛺
  ]],
  bin = [[
    pm ± mp ∓ times × div ÷ ast ∗ star ⋆ circ ∘ bullet ∙ cdot ⋅ centerdot ⋅ cap ∩ cup ∪ uplus ⊎ sqcap ⊓ sqcup ⊔ vee ∨ lor ∨ wedge ∧ land ∧
    setminus ∖ smallsetminus ∖ wr ≀ diamond ⋄ bigtriangleup △ bigtriangledown ▽ triangleleft ◁ triangleright ▷ lhd ⊲ rhd ⊳ unlhd ⊴
    unrhd ⊵ oplus ⊕ ominus ⊖ otimes ⊗ oslash ⊘ odot ⊙ dagger † ddagger ‡ amalg ⨿ ltimes ⋉ rtimes ⋊ leftthreetimes ⋋ rightthreetimes ⋌
    circledast ⊛ circledcirc ⊚ circleddash ⊝ boxplus ⊞ boxminus ⊟ boxtimes ⊠ boxdot ⊡ intercal ⊺ barwedge ⊼ veebar ⊻
    doublebarwedge ⩞ curlywedge ⋏ curlyvee ⋎ Cap ⋒ Cup ⋓ doublecap ⋒ doublecup ⋓ dotplus ∔ divideontimes ⋇ bigcirc ◯ And & fatsemi ⨾
    interleave ⫼ sslash ⫽ bbslash ⑊ obar ⌽ oast ⊛ land ∧ lor ∨ ogreaterthan ⧁ olessthan ⧀ veedot ⟇ wedgedot ⟑
  ]],
  rel = [[
    lt < gt > leq ≤ le ≤ geq ≥ ge ≥ neq ≠ ne ≠ equiv ≡ sim ∼ simeq ≃ approx ≈ cong ≅ propto ∝ varpropto ∝ ll ≪ gg ≫ lll ⋘ ggg ⋙ llless ⋘ gggtr ⋙
    prec ≺ succ ≻ preceq ⪯ succeq ⪰ precsim ≾ succsim ≿ precapprox ⪷ succapprox ⪸ preccurlyeq ≼ succcurlyeq ≽ curlyeqprec ⋞ curlyeqsucc ⋟
    subset ⊂ supset ⊃ subseteq ⊆ supseteq ⊇ subsetneq ⊊ supsetneq ⊋ varsubsetneq ⊊ varsupsetneq ⊋ subseteqq ⫅ supseteqq ⫆ subsetneqq ⫋ supsetneqq ⫌
    nsubseteq ⊈ nsupseteq ⊉ Subset ⋐ Supset ⋑ sqsubset ⊏ sqsupset ⊐ sqsubseteq ⊑ sqsupseteq ⊒ in ∈ ni ∋ owns ∋ notin ∉ notni ∌ vdash ⊢ dashv ⊣
    vDash ⊨ models ⊨ Vdash ⊩ Vvdash ⊪ VDash ⊫ nvdash ⊬ nvDash ⊭ nVdash ⊮ nVDash ⊯ mid ∣ nmid ∤ shortmid ∣ nshortmid ∤ parallel ∥ nparallel ∦
    shortparallel ∥ nshortparallel ∦ perp ⟂ Perp ⫫ smile ⌣ frown ⌢ smallsmile ⌣ smallfrown ⌢ asymp ≍ bowtie ⋈ Join ⋈ doteq ≐ doteqdot ≑ Doteq ≑
    risingdotseq ≓ fallingdotseq ≒ circeq ≗ eqcirc ≖ triangleq ≜ bumpeq ≏ Bumpeq ≎ lessgtr ≶ gtrless ≷ lesseqgtr ⋚ gtreqless ⋛ lesssim ≲ gtrsim ≳
    lessapprox ⪅ gtrapprox ⪆ lessdot ⋖ gtrdot ⋗ leqq ≦ geqq ≧ leqslant ⩽ geqslant ⩾ eqslantless ⪕ eqslantgtr ⪖ lneq ⪇ gneq ⪈ lneqq ≨ gneqq ≩
    lnsim ⋦ gnsim ⋧ lnapprox ⪉ gnapprox ⪊ nless ≮ ngtr ≯ nleq ≰ ngeq ≱ nprec ⊀ nsucc ⊁ npreceq ⋠ nsucceq ⋡ precnsim ⋨ succnsim ⋩ nsim ≁ ncong ≇
    ntriangleleft ⋪ ntriangleright ⋫ ntrianglelefteq ⋬ ntrianglerighteq ⋭ trianglelefteq ⊴ trianglerighteq ⊵ vartriangleleft ⊲ vartriangleright ⊳
    thicksim ∼ thickapprox ≈ approxeq ≊ backsim ∽ backsimeq ⋍ eqsim ≂ therefore ∴ because ∵ between ≬ pitchfork ⋔ backepsilon ϶ multimap ⊸
    coloneqq ≔ coloneq ≔ eqqcolon ≕ eqcolon ≕ Coloneqq ⩴ vcentcolon : dblcolon ∷ Colon ∷ ratio ∶ coloncolon ∷
    leftarrow ← gets ← rightarrow → to → leftrightarrow ↔ uparrow ↑ downarrow ↓ updownarrow ↕ Leftarrow ⇐ Rightarrow ⇒ Leftrightarrow ⇔
    Uparrow ⇑ Downarrow ⇓ Updownarrow ⇕ mapsto ↦ longmapsto ⟼ longleftarrow ⟵ longrightarrow ⟶ longleftrightarrow ⟷ Longleftarrow ⟸
    Longrightarrow ⟹ Longleftrightarrow ⟺ implies ⟹ impliedby ⟸ iff ⟺ hookleftarrow ↩ hookrightarrow ↪ leftharpoonup ↼ leftharpoondown ↽
    rightharpoonup ⇀ rightharpoondown ⇁ rightleftharpoons ⇌ leftrightharpoons ⇋ nearrow ↗ searrow ↘ swarrow ↙ nwarrow ↖ rightsquigarrow ⇝
    leadsto ⇝ leftrightsquigarrow ↭ twoheadrightarrow ↠ twoheadleftarrow ↞ rightarrowtail ↣ leftarrowtail ↢ leftleftarrows ⇇ rightrightarrows ⇉
    leftrightarrows ⇆ rightleftarrows ⇄ upuparrows ⇈ downdownarrows ⇊ Lleftarrow ⇚ Rrightarrow ⇛ curvearrowleft ↶ curvearrowright ↷
    circlearrowleft ↺ circlearrowright ↻ Lsh ↰ Rsh ↱ looparrowleft ↫ looparrowright ↬ upharpoonleft ↿ upharpoonright ↾ restriction ↾
    downharpoonleft ⇃ downharpoonright ⇂ nleftarrow ↚ nrightarrow ↛ nleftrightarrow ↮ nLeftarrow ⇍ nRightarrow ⇏ nLeftrightarrow ⇎
    dashrightarrow ⇢ dashleftarrow ⇠ Mapsto ⤇ leftarrowtriangle ⇽ rightarrowtriangle ⇾ lightning ↯ trianglerighteqslant ⧐ independent ⫫
  ]],
  open = [[ langle ⟨ lfloor ⌊ lceil ⌈ lvert | lVert ‖ lbrace { { { llbracket ⟦ lBrack ⟦ lgroup ⟮ lmoustache ⎰ ulcorner ⌜ llcorner ⌞ lAngle ⟪ llparenthesis ⦇ ]],
  close = [[ rangle ⟩ rfloor ⌋ rceil ⌉ rvert | rVert ‖ rbrace } } } rrbracket ⟧ rBrack ⟧ rgroup ⟯ rmoustache ⎱ urcorner ⌝ lrcorner ⌟ rAngle ⟫ rrparenthesis ⦈ ]],
  big = [[
    sum ∑ prod ∏ coprod ∐ bigcap ⋂ bigcup ⋃ bigvee ⋁ bigwedge ⋀ bigoplus ⨁ bigotimes ⨂ bigodot ⨀ biguplus ⨄ bigsqcup ⨆ bigsqcap ⨅
    bigtimes ⨉
  ]],
  integral = [[ int ∫ iint ∬ iiint ∭ iiiint ⨌ oint ∮ oiint ∯ oiiint ∰ smallint ∫ intop ∫ fint ⨏ sqint ⨖ dashint ⨍ ointctrclockwise ∳ varointclockwise ∲ ]],
}

-- Characters as they stand in a formula, by class.
local PLAIN = {
  bin = "+ - − ∗ *", rel = "= < > :", open = "( [", close = ") ] ! ?", punct = ", ;", ord = "| / . @ \" `",
}
local SHOWN = { ["-"] = "−", ["*"] = "∗", ["`"] = "‘", ['"'] = "”" }

-- Named operators: with limits above and below in a display, and without.
local LIMITS = [[lim limsup liminf max min sup inf det gcd Pr injlim projlim argmax argmin plim esssup essinf]]
local FUNCTIONS = [[
  sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh coth exp log ln lg ker dim hom arg deg sgn erf erfc diag rank Tr tr
  sech csch arccot arcsec arccsc arcsinh arccosh arctanh Var Cov supp trace Res
]]
local SPELLED = {
  limsup = "lim sup", liminf = "lim inf", injlim = "inj lim", projlim = "proj lim", argmax = "arg max", argmin = "arg min",
  esssup = "ess sup", essinf = "ess inf", trace = "tr",
}

M.symbols, M.characters = {}, {}
M.NAMES = {} -- a name for each character

for _, class in ipairs({ "id", "ord", "bin", "rel", "open", "close", "big", "integral" }) do
  for name, char in LISTS[class]:gmatch("(%S+)%s+(%S+)") do
    local node = { t = "sym", text = char, class = class }
    if class == "id" then
      node = { t = "id", text = char }
    elseif class == "big" or class == "integral" then
      node = { t = "big", text = char, class = "op", integral = class == "integral" }
    end
    M.symbols[name] = M.symbols[name] or node
    M.NAMES[char] = M.NAMES[char] or name
    if #char > 1 and (class ~= "ord" or not M.characters[char]) then
      M.characters[char] = M.characters[char] or node
    end
  end
end
-- names in two of the lists, and signs whose class is not that of their list
M.symbols.bigcirc = { t = "sym", text = "◯", class = "bin" }
M.symbols.colon = { t = "sym", text = ":", class = "punct" }
M.symbols.ldotp = { t = "sym", text = ".", class = "punct" }
M.symbols.cdotp = { t = "sym", text = "⋅", class = "punct" }
M.symbols.uparrow.fence, M.symbols.downarrow.fence, M.symbols.updownarrow.fence = true, true, true
for _, name in ipairs({ "dots", "ldots", "cdots", "ddots", "dotsc", "dotso", "dotsb", "dotsm", "dotsi", "mathellipsis" }) do
  M.symbols[name] = { t = "sym", text = M.symbols[name].text, class = "inner" }
end

for class, list in pairs(PLAIN) do
  for char in list:gmatch("%S+") do
    M.characters[char] = { t = "sym", text = SHOWN[char] or char, class = class }
  end
end
M.characters["×"], M.characters["·"] = M.symbols.times, M.symbols.cdot

for name in LIMITS:gmatch("%S+") do
  M.symbols[name] = { t = "name", text = SPELLED[name] or name, class = "op", limits = true }
end
for name in FUNCTIONS:gmatch("%S+") do
  M.symbols[name] = { t = "name", text = name, class = "op" }
end

-- \not before a relation.
M.NEGATED = {
  ["="] = "≠", ["∈"] = "∉", ["∋"] = "∌", ["<"] = "≮", [">"] = "≯", ["≤"] = "≰", ["≥"] = "≱", ["∼"] = "≁", ["≃"] = "≄", ["≅"] = "≇",
  ["≈"] = "≉", ["≡"] = "≢", ["⊂"] = "⊄", ["⊃"] = "⊅", ["⊆"] = "⊈", ["⊇"] = "⊉", ["∣"] = "∤", ["|"] = "∤", ["∥"] = "∦", ["⊢"] = "⊬", ["⊨"] = "⊭",
  ["→"] = "↛", ["←"] = "↚", ["↔"] = "↮", ["⇒"] = "⇏", ["⇐"] = "⇍", ["⇔"] = "⇎", ["∃"] = "∄", ["≺"] = "⊀", ["≻"] = "⊁", 
}

-- Accents: the combining character, and whether it grows with what it stands over. Arrows and bars are written in full.
M.ACCENTS = {
  hat = { "^", "\u{302}" }, widehat = { "^", "\u{302}", true }, tilde = { "~", "\u{303}" }, widetilde = { "~", "\u{303}", true },
  bar = { "¯", "\u{304}" }, vec = { "→", "\u{20D7}" }, dot = { "˙", "\u{307}" }, ddot = { "¨", "\u{308}" }, dddot = { "⃛", "\u{20DB}" },
  ddddot = { "⃜", "\u{20DC}" }, acute = { "´", "\u{301}" }, grave = { "`", "\u{300}" }, breve = { "˘", "\u{306}" }, check = { "ˇ", "\u{30C}" },
  widecheck = { "ˇ", "\u{30C}", true }, mathring = { "˚", "\u{30A}" }, overrightarrow = { "→", "→", true }, overleftarrow = { "←", "←", true },
  overleftrightarrow = { "↔", "↔", true }, Overrightarrow = { "⇒", "⇒", true }, overrightharpoon = { "⇀", "⇀", true },
}

-- What only pandoc knows: asked once for each name, and nil where it does not answer with one character.
local asked = {}
function M.ask_pandoc(name)
  if asked[name] == nil then
    local doc = pandoc.Pandoc({ pandoc.Plain({ pandoc.Math("InlineMath", "\\" .. name) }) })
    local _, out = pandoc.log.silence(pandoc.write, doc, "html", { html_math_method = "mathml" })
    local tag, char = tostring(out):match("<semantics><m[a-z]*>?<(m[ion])[^>]*>([^<]+)</m[ion]></m[a-z]*><annotation")
    if not tag then
      tag, char = tostring(out):match("<semantics><(m[ion])[^>]*>([^<]+)</m[ion]><annotation")
    end
    local one = char and utf8.len(char) == 1
    asked[name] = one and { t = "sym", text = char, class = tag == "mo" and "rel" or "ord" } or false
  end
  return asked[name] or nil
end

return M
