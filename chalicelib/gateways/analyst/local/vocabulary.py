"""The words that tell a result from a heading, a remark or a patient's particulars, in several languages."""

from __future__ import annotations

import re


def _whole(words: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{words})", re.IGNORECASE)


# What a qualitative test can answer. Colours and looks of urine count, sample types ("Blood") do not.
QUALITATIVE = _whole(
    r"non[- ]?reactive|nonreactive|not?\s+reactive|weakly\s+(?:reactive|positive)|reactive|reaktiv|nicht\s+reaktiv|"
    r"not\s+detected|none\s+detected|undetected|detected|not\s+seen|none\s+seen|no\s+growth(?:\s+\w+){0,4}|"
    r"not\s+present|present\s*\(?\s*\+*\s*\)?|absent|absence|"
    r"ausente|absentes?|presente|présente?|no\s+reactivo|non\s+réacti[fv]e?|reactivo|réacti[fv]e?|no\s+detectado|"
    r"non\s+détecté|"
    r"nachweisbar|nicht\s+nachweisbar|"
    r"\(?negati(?:ve?|f|ef|vo|va)\)?|neg(?:ativní|ativn[yí])|ujemny|dodatni|pozitif|positi(?:ef|f)|pozitivn[íi]|"
    r"reaktif|negative?|neg\.?|négati[fv]e?|negativo|negativa|negativ|positive?|pos\.?|positi[fv]|positivo|positiva|"
    r"traces?|spuren?|trazas|nil|none|borderline|indeterminate|equivocal|grenzwertig|invalid|"
    r"few|many|moderate|occasional|rare|numerous|plenty|scanty|abundant|wenige?|vereinzelt|escasas?|rares|"
    r"pale\s+yellow|light\s+yellow|dark\s+yellow|straw(?:\s+yellow|\s+colou?red)?|yellow(?:ish)?|amber|colou?rless|"
    r"amarillo(?:\s+claro)?|jaune(?:\s+clair)?|gelb|hellgelb|red|brown(?:ish)?|"
    r"slightly\s+(?:turbid|cloudy|hazy)|turbid|cloudy|hazy|clear|klar|trüb|claro|límpido|limpide|"
    r"acidic|alkaline|normal|abnormal|auffällig|unauffällig|adequate|normocytic(?:\s+normochromic)?|"
    r"1\s?:\s?\d{1,5}|[<>≤≥]\s?1\s?:\s?\d{1,5}|[1-4]\s?\+|\+\s?[1-4]|\+{1,4}|\(\+{1,4}\)|\+/-"
)
BLOOD_GROUP = re.compile(
    r"(?:AB|[ABO0])\s*(?:RhD?|Rh\(D\))?\s*(?:pos(?:itive)?|neg(?:ative)?|[+-])(?!\w)", re.IGNORECASE
)

FLAG = re.compile(
    r"(?:[(\[]\s?)?(?:(?P<L>LL?|[Ll]ow|LOW|[Cc]ritical\s[Ll]ow|↓+|▼|⬇|niedrig|bajo|bas|erniedrigt)|"
    r"(?P<H>HH?|[Hh]igh|HIGH|[Cc]ritical\s[Hh]igh|↑+|▲|⬆|hoch|alto|élevée?|erhöht)|"
    r"(?P<A>\*{1,3}|!{1,3}|A|AA|ABN|Abn|ABNORMAL|Abnormal|abnormal|CRIT|Critical)|"
    r"(?P<N>N|WNL|NORMAL|Normal|normal|Within\s[Rr]ange))(?:\s?[)\]])?\*?(?![\w.,/^-])"
)
GLUED_FLAG = re.compile(r"(?:[*!↑↓▲▼]+|[HL](?=\d{1,6}(?:[.,]\d+)?(?:[ \t]|$)))(?=\s?[<>≤≥]?\s?\d)")  # "*51.8", "H5.9"
SIGN_FLAG = re.compile(r"(?:(?P<H>\+{1,2})|(?P<L>-{1,2}))(?![\w+-])")  # German laboratories: + above, - below

# Words that may stand between the parts of a result without meaning anything.
LABEL = re.compile(
    r"(?:\(?\s?(?:bio(?:logical|\.)?\s+)?(?:reference|ref\.?|normal|standard|referenz|normwert|expected|"
    r"therapeutic)\s*"
    r"(?:range|interval|value|values|limits?|bereich)?\s?:|\(?\s?(?:ref(?:erence)?\.?|normal|standard)\s+(?:range|"
    r"interval|values?)\s?:?|"
    r"\(?(?:ref|n|nv|vn|vr|rr|norm|normal|référence|referencia|referenz(?:bereich)?|réf)\.?\s?[:=]|range\s?:|"
    r"result\s?:|"
    r"value\s?:|[:=|]+|\.{2,}|_{2,}|[-–]{2,})(?=\s|\d|[<>≤≥(]|$)",
    re.IGNORECASE,
)

# Names of bands inside a reference range.
BAND = _whole(
    r"\b(?:(?:near|above|below|very|extremely|mildly|moderately|severely|borderline|slightly)[\s/-]*){0,2}(?:"
    r"normals?|desirable|optimal|optimum|ideal|acceptable|borderline|high|low|elevated|extreme|moderate|severe|mild|"
    r"deficien(?:t|cy)|insufficien(?:t|cy)|sufficien(?:t|cy)|toxic(?:ity)?|intoxication|adequate|"
    r"non[- ]?diabetics?|pre[- ]?diabet(?:es|ic)s?|diabetes|diabetics?|impaired|goal|target|therapeutic|"
    r"risk|low risk|high risk|average risk|negative|positive|equivocal|indeterminate|non[- ]?reactive|reactive|"
    r"adults?|child(?:ren)?|newborns?|infants?|neonates?|cord blood|males?|females?|men|women|man|woman|boys?|girls?|"
    r"pregnan(?:t|cy)|non[- ]?pregnant|(?:first|second|third|1st|2nd|3rd|i{1,3})\s*trimester|follicular|luteal|"
    r"ovulat\w*|"
    r"mid[- ]?cycle|post[- ]?menopaus\w*|pre[- ]?menopaus\w*|puberty|prepubertal|smokers?|non[- ]?smokers?|"
    r"fasting|random|"
    r"post ?prandial|am|pm|morning|evening|männer|frauen|kinder|erwachsene|männlich|weiblich|hommes?|femmes?|"
    r"enfants?|"
    r"hombres?|mujeres|niños|adultos?|adultes?|wünschenswert|nüchtern|stage\s?\w+|grade\s?\w+|category\s?\w+|"
    r"class\s?\w+|"
    r"m|f|w|years?|yrs?|months?|days?|weeks?|jahre?|ans|años|group|level|status|phase|of|the|and|or|to|with|\d+)\b"
)

# A line or a name that begins with one of these belongs to the letterhead, the patient or the order.
PARTICULARS = re.compile(
    r"^\W*(?:age|sex|gender|dob|d\.o\.b|date|dated|birth|born|page|p\.|phone|tel|telephone|mobile|mob|fax|e-?mail|"
    r"www|http|"
    r"patient|name\b|mrn|uhid|pid|id\b|i\.d|no\.?\b|lab\s*(?:no|id|ref|#)|ref\.?\s*(?:by|no|dr|doctor)|referred|"
    r"referring|"
    r"doctor|dr\b|physician|address|addr|zip|pin\b|pincode|postal|reg(?:istration|istered)?\b|barcode|accession|"
    r"specimen|"
    r"sample|collect(?:ed|ion)|receiv(?:ed|ing)|report(?:ed|ing)?\b|print(?:ed)?\b|generated|visit|order|bill|"
    r"invoice|receipt|"
    r"amount|price|cost|total\s+(?:amount|due|price|cost)|subtotal|tax|vat|gst|discount|balance|due|paid|payment|"
    r"qty|quantity|"
    r"account|insurance|policy|version|ward|bed|room|hospital|clinic|street|road|floor|suite|block|sector|"
    r"licen[cs]e|accredit|certificat|iso\b|nabl|cap\b|clia\b|form\b|rev\b|copyright|©|time\b|ethnicity|race\b|"
    r"alter|geschlecht|geb\b|geburtsdatum|geboren|seite|telefon|datum|auftrag|eingang|ausgang|befund(?:datum|nr)?\b|"
    r"entnahme|probe|patienten?|versicher|einsender|arzt|praxis|straße|plz|kunde|rechnung|betrag|summe|mwst|"
    r"âge|sexe|né[e]?\b|naissance|tél|médecin|dossier|prélèvement|prélevé|édité|demande|page|adresse|facture|"
    r"edad|sexo|fecha|nacimiento|teléfono|página|médico|paciente|muestra|dirección|historia|factura|nif|dni|"
    r"day|week|month|year|cycle|dose|tablet|capsule|instruments?|analy[sz]er|method(?:ology)?\b|methode|méthode|"
    r"método|"
    r"lot\b|kit\b|batch|temperature of|volume\s+of\s+sample|height\b|weight\b|bmi\b|pulse\b|blood\s+pressure|"
    r"größe|gewicht|poids|taille|peso|talla|estatura)"
    r"(?!\w*globin)",
    re.IGNORECASE,
)

# After one of these, sentences and tables explain results instead of giving them, until the next heading of results.
REMARKS = re.compile(
    r"^\W*(?:notes?|interpretation|interpretations|interpretive\b.*|comments?|remarks?|clinical\s+(?:significance|"
    r"notes?|use|utility|"
    r"information|background)|increased(?:\s+levels?)?|decreased(?:\s+levels?)?|advice|advised|recommendations?|"
    r"references?|"
    r"disclaimer|limitations?|uses?|explanation|guidelines?.*|treatment\s+goals?.*|conclusion|impression|summary|"
    r"important\s+instructions?|terms\s+(?:and|&)\s+conditions.*|conditions\s+of\s+report.*|factors\b.*|"
    r"(?:bio(?:logical|\.)?\s+)?(?:reference|ref\.?)\s+(?:ranges?|intervals?|values?|group)\b.*|"
    r"hinweise?|anmerkung(?:en)?|kommentar|beurteilung|bemerkung(?:en)?|interprétation|commentaires?|remarques?|"
    r"conclusion|"
    r"interpretación|comentarios?|observaciones|notas?|nota)\b\s*(?:[:\-.]|$)",
    re.IGNORECASE,
)

# The beginnings of what laboratories measure: supports a row whose layout alone would not prove it.
ANALYTE = re.compile(
    r"(?:h(?:a?e)mo?globin|hämoglobin|hémoglobine|hemoglobina|\bh[bg]b?\b|hba1c|\ba1c\b|h(?:a?e)mato[ck]rit|"
    r"hämatokrit|hématocrite|"
    r"packed cell|\bpcv\b|\brbc|\bwbc|\bmc[vh]c?\b|\brdw|\bmpv\b|\bpdw\b|\bpct\b|\besr\b|\bbsg\b|\btlc\b|"
    r"er[yi]thro[cz][yi]t|leu[ck]o[cz][iy]t|"
    r"thrombo[cz]yt|throm|platelet|plaquette|plaquetas|red (?:blood )?cell|white (?:blood )?cell|"
    r"neutro|lympho|lymfo|linfo|mono[cz]|eosino|éosino|baso|granulo|reticulo|retikulo|glucos|glukos|glicemia|"
    r"glycémie|"
    r"sugar|insulin|c-?peptid|urea|harnstoff|urée|\bbun\b|creatin|kreatin|créatin|\begfr|\bgfr|uric|harnsäure|"
    r"urique|úrico|"
    r"natrium|sodium|sodio|kalium|potass|chlori[dt]|chlorure|cloro|cloruro|calci|kalzi|phosph|fosf|magnes|bicarb|"
    r"\bco2\b|anion|bilirub|\bsgot|\bsgpt|\bast\b|\balt\b|\bgot\b|\bgpt\b|\bggt|gamma|\bγ|\balp\b|alkaline|"
    r"alkalisch|phosphatas|"
    r"transaminas|protein|protéin|eiweiß|albumin|globulin|a\s?[:/]\s?g|choles|\bhdl|\bldl|\bvldl|triglyc|trigli|"
    r"lipo|apo|homocyst|"
    r"\btsh\b|thyro|tiro|\bf?t[34]\b|vitamin|\bb12\b|cobal|folat|folsäure|fólico|folique|ferrit|\biron\b|eisen|"
    r"\bfer\b|hierro|"
    r"transferr|\btibc|\buibc|\bcrp\b|c-?reacti|c-?reakti|procalc|interleuk|rheuma|\bana\b|\bra\b factor|\baso\b|"
    r"prothromb|\binr\b|\bp?ptt\b|"
    r"quick|fibrin|d-?dimer|troponin|\bck\b|ck-mb|\bldh\b|amylas|lipas|\bbnp|testost|estrad|östrad|proges|prolac|"
    r"prolak|"
    r"\blh\b|\bfsh\b|cortis|kortis|\bdhea|\bhcg|\bpsa\b|\bcea\b|\bafp\b|\bca\s?\d{2,3}|hbsag|\bhiv|\bhcv|\bhav|"
    r"\bvdrl|\brpr\b|"
    r"\big[gmae]\b|immunoglob|complement|\bph\b|specific gravity|\bsg\b|densi|ketone|keton|cétone|cuerpos cet|"
    r"nitrit|leuk|urobilin|"
    r"pus cells|epithel|épithél|casts|crystals|bacteria|yeast|colou?r\b|appearance|clarity|turbidity|aspect|farbe|"
    r"occult|"
    r"microalb|zinc|zink|copper|kupfer|selen|lead\b|lithium|digox|ammonia|lactat|osmol|\bpco2|\bpo2|o2 sat|"
    r"base excess|"
    r"antibod|anti-|\b[rd]na\b|sars|covid|influenza|virus|antigen|blood group|rh factor|rhesus|"
    r"mean (?:corpuscular|platelet|cell)|sedimentation|senkung|"
    r"velocidad|vitesse|ratio|index|fraction|saturation|sättigung|testosterone|hormon)",
    re.IGNORECASE,
)

METHOD = re.compile(
    r"^\W*(?:method\b|methode|méthode|método|metodo|technique|\([^)]*\)\s*$|material\b|muestra\b|matériel|"
    r"calculated$|photometr|colorimetr|spectro|electrical\s+imp|"
    r"impedance|flow\s+cyto|clia\b|eclia\b|elisa\b|hplc|ion\s+selective|\bise\b|enzymatic|kinetic|turbidimetr|"
    r"nephelo|"
    r"immuno(?:assay|turb)|chemilum|uv\b|ifcc|jaffe|biuret|\bbcg\b|hexokinase|god[- ]pod|edta|serum$|plasma$|"
    r"whole\s+blood|"
    r"fluoride|citrate|primary sample|specimen|sample)",
    re.IGNORECASE,
)
RESULT_LABEL = re.compile(
    r"\W*(?:results?|values?|your value|resultado|resultat|résultat|ergebnis|wert|valor|valore|risultato)\W*",
    re.IGNORECASE,
)
METHOD_WORD = re.compile(
    r"\b(?:UV|PAP|ISE|IFCC|GLDH|E?CLIA|CMIA|ELISA|HPLC|GOD|kinetic|photometr\w*|colorimetr\w*|jaff[eé]|biuret|"
    r"method|oxidase|"
    r"urease|uricase|hexokinase|calculated|derived|impedance|cytometry|turbidimetr\w*|nephelometr\w*|westergren|"
    r"electrode|"
    r"diazo|arsenazo|bromocresol|immunoassay|spectrophoto\w*)\b",
    re.IGNORECASE,
)
METHOD_ABBREVIATION = re.compile(
    r"(?:e?clia|cmia|elisa|elfa|feia|hplc|ise|ifcc|bcg|bcp|uv|pcr|rt-pcr|god-pod|gpo|chod?-pap|chod?-pod|pap|pnpp|"
    r"dgkc|jaffe|"
    r"calc|edta|gldh|hk|poct|lc-ms(?:/ms)?|ms/ms|vcs|dhss|tptz|nm|wb|xb)",
    re.IGNORECASE,
)
SENTENCE = re.compile(
    r"\b(?:is|are|was|were|be|been|has|have|should|may|can|will|must|which|that|this|these|when|where|if|than|"
    r"because|"
    r"ist|sind|werden|wird|wurde|kann|sollte|est|sont|être|peut|es|son|puede|debe|considered|recommended|"
    r"suggest\w*|indicates?|"
    r"associated|patients?|page|values)\b",
    re.IGNORECASE,
)
# Headings of sections name a field, a specimen or a kind of examination.
HEADING = re.compile(
    r"\b(?:profile|panel|screen|count|function|tests?|examination|analysis|urine|urin|blood|blut|serum|plasma|"
    r"chemistry|chemie|blutbild|elektrolyte|gerinnung|"
    r"ha?ematology|biochemistry|serology|immunology|hormones?|electrolytes|lipids?|coagulation|hämatologie|chemie|"
    r"bilan|"
    r"biochimie|hématologie|hematología|bioquímica|orina|sangre|microscopy|physical|chemical)\b",
    re.IGNORECASE,
)
