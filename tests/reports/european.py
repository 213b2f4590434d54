"""Made-up reports with German, French and Italian headings."""

from __future__ import annotations

from datetime import date

from tests.reports.lines import Line, Report, Style, as_lines, with_comma
from tests.reports.paper import Column, Paper


def german_laboratory() -> Report:
    """Analysis, result, flag, unit, reference, and the previous value in the last column."""
    paper = Paper(font="Helvetica", size=9, top=50)
    paper.say(40, "MVZ Labor Musterstadt GbR", bold=True, size=15, color="#203864", step=13)
    paper.say(
        40,
        "Laboratoriumsmedizin · Mikrobiologie · Humangenetik    Hauptstr. 12, 99999 Musterstadt, Tel. 0999 / 12 34-0",
        size=7,
        step=22,
    )
    paper.say(40, "Endbefund", bold=True, size=12, step=16)
    paper.pairs(
        [
            ("Patient", "Muster, Erika", "Auftragsnummer", "24 118 0372"),
            ("Geburtsdatum", "23.08.1966  (w)", "Probeneingang", "12.03.2024  10:15"),
            ("Einsender", "Dr. med. Beispiel", "Abnahme", "12.03.2024  07:50"),
            ("Versicherung", "AOK 109519005", "Befunddatum", "12.03.2024  17:22"),
        ],
        [(40, 110), (320, 405)],
    )
    paper.rule(step=16)
    columns = [
        Column(40, "name", "Untersuchung"),
        Column(255, "value", "Ergebnis", "right"),
        Column(262, "flag"),
        Column(285, "unit", "Einheit"),
        Column(365, "range", "Referenzbereich"),
        Column(520, "earlier0", "Vorwert", "right"),
    ]
    style = Style(with_comma, span="{low} - {high}", below="< {high}", above="> {low}")
    sections = [
        (
            "Hämatologie",
            as_lines(
                """
        Leukozyten   | 7.2  | /nl  | 3.9 .. 10.2  | earlier: 6,8
        Erythrozyten | 4.05 | /pl  | 3.90 .. 5.20 | earlier: 4,11
        Hämoglobin   | 11.7 | g/dl | 12.0 .. 15.6 | flag: - | earlier: 12,1
        Hämatokrit   | 35.4 | %    | 35.5 .. 45.5 | flag: - | earlier: 36,6
        MCV          | 87.4 | fl   | 80.0 .. 99.0 | earlier: 89,0
        Thrombozyten | 412  | /nl  | 150 .. 370   | flag: +
        """
            ),
        ),
        (
            "Klinische Chemie",
            as_lines(
                """
        Natrium                 | 139  | mmol/l        | 135 .. 145   | earlier: 141
        Kalium                  | 3.9  | mmol/l        | 3.5 .. 5.1   | earlier: 4,2
        Kreatinin (enzymatisch) | 1.12 | mg/dl         | 0.50 .. 0.90 | flag: + | earlier: 0,95
        GFR (CKD-EPI)           | 56   | ml/min/1,73m² | 90 ..        | flag: - | earlier: 68
        Harnsäure               | 6.4  | mg/dl         | 2.4 .. 5.7   | flag: +
        GOT (ASAT)              | 24   | U/l           | .. 35        | span: bis 35
        GPT (ALAT)              | 31   | U/l           | .. 35        | span: bis 35
        Gamma-GT                | 78   | U/l           | .. 40        | flag: + | earlier: 52
        Cholesterin gesamt      | 243  | mg/dl         | .. 200       | flag: +
        HDL-Cholesterin         | 61   | mg/dl         | 45 ..
        LDL-Cholesterin         | 158  | mg/dl         | .. 116       | flag: +
        Eisen                   | 42   | µg/dl         | 37 .. 145
        C-reaktives Protein     | 0.31 | mg/dl         | .. 0.50
        """
            ),
        ),
        (
            "Schilddrüse",
            as_lines(
                """
        TSH basal | 2.38 | mU/l  | 0.27 .. 4.20 | earlier: 1,97
        Freies T4 | 1.14 | ng/dl | 0.93 .. 1.70
        Anti-TPO  | <9.0 | U/ml  | .. 34.0      | shown: < 9,0 | abnormal: no
        """
            ),
        ),
        (
            "Infektionsserologie",
            as_lines(
                """
        HBs-Antigen | negativ |  |  | span: negativ | abnormal: no
        Anti-HCV    | negativ |  |  | span: negativ | abnormal: no
        """
            ),
        ),
    ]
    paper.titles(columns, step=13)
    paper.put(520, "08.11.2023", size=7, align="right", y=paper.y - 4)
    paper.rule(step=15)
    lines: list[Line] = []
    for title, rows in sections:
        paper.say(40, title, bold=True)
        paper.table(columns, rows, style, step=12.5)
        paper.y += 5
        lines += rows
    paper.prose(
        "Befundkommentar: Hämoglobin diskret vermindert. Eingeschränkte Nierenfunktion (Stadium G3a: "
        "45-59 ml/min). Kontrolle in 4-6 Wochen empfohlen. LDL-Zielwert bei hohem Risiko < 70 mg/dl "
        "(ESC 2019)."
    )
    paper.say(
        40,
        "- = erniedrigt   + = erhöht   Medizinisch validiert: Dr. A. Niemand, FA für "
        "Laboratoriumsmedizin   Seite 1 von 1",
        size=7,
    )
    return Report("german-laboratory", paper.finish(), "pdf", tuple(lines), (), date(2024, 3, 12))


def french_laboratory() -> Report:
    """Dotted leaders, the unit after the result, ranges in brackets, converted units below, earlier results right."""
    paper = Paper(font="Helvetica", size=9, top=50)
    paper.say(40, "LABORATOIRE DE BIOLOGIE MÉDICALE DES TILLEULS", bold=True, size=13, color="#7a1f5c", step=13)
    paper.say(40, "14 rue de l'Exemple - 69003 LYON - Tél : 04 99 00 12 34 - Fax : 04 99 00 12 35", size=7.5, step=20)
    paper.pairs(
        [
            ("Patient :", "Mme ESSAI Claire", "Dossier :", "240415-0187"),
            ("Né(e) le :", "02/09/1988 (35 ans)  Sexe : F", "Prescripteur :", "Dr DURAND Paul"),
            ("Prélevé le :", "15/04/2024 à 08h10", "Édité le :", "15/04/2024 à 16h45"),
        ],
        [(40, 105), (320, 390)],
    )
    paper.rule(step=16)
    paper.put(360, "Valeurs de référence", bold=True, align="center")
    paper.say(500, "Antériorités", bold=True, align="center", step=10)
    paper.say(500, "12/10/2023", size=7.5, align="center", step=14)
    style = Style(with_comma, span="({low} à {high})", below="(Inférieur à {high})", above="(Supérieur à {low})")
    columns = [
        Column(40, "name"),
        Column(245, "value", align="right", bold=True),
        Column(252, "unit"),
        Column(320, "range"),
        Column(520, "earlier0", align="right"),
    ]
    rows_blood = as_lines(
        """
        Hématies    | 4.52  | T/L  | 3.80 .. 5.90  | earlier: 4,48
        Hémoglobine | 13.4  | g/dL | 11.5 .. 17.5  | earlier: 13,1
        Hématocrite | 40.2  | %    | 34.0 .. 53.0
        V.G.M.      | 88.9  | fL   | 76.0 .. 96.0
        Leucocytes  | 12.35 | G/L  | 3.80 .. 11.00 | flag: * | earlier: 7,20
        Plaquettes  | 287   | G/L  | 150 .. 445    | earlier: 264
        """
    )
    rows_chemistry = as_lines(
        """
        Glycémie à jeun           | 0.92 | g/L    | 0.70 .. 1.10 | earlier: 0,89
        Glycémie à jeun           | 5.11 | mmol/L | 3.89 .. 6.11 | earlier: 4,94 | optional: yes
        Créatinine                | 6.8  | mg/L   | 5.0 .. 9.0   | earlier: 7,1
        Créatinine                | 60   | µmol/L | 44 .. 80     | optional: yes
        Cholestérol total         | 2.31 | g/L    | .. 2.00      | earlier: 2,18
        Triglycérides             | 0.84 | g/L    | .. 1.50
        Cholestérol HDL           | 0.67 | g/L    | 0.40 ..
        ASAT (TGO)                | 21   | U/L    | .. 35
        ALAT (TGP)                | 18   | U/L    | .. 35
        Protéine C réactive (CRP) | 14.2 | mg/L   | .. 5.0
        Ferritine                 | 24   | µg/L   | 15 .. 150    | earlier: 31
        TSH ultra-sensible        | 1.85 | mUI/L  | 0.40 .. 4.00
        """
    )
    for title, rows in (("HÉMATOLOGIE - HÉMOGRAMME", rows_blood), ("BIOCHIMIE SANGUINE", rows_chemistry)):
        paper.box(40, paper.y - 10, 515, 14, fill="#f3e6ef", stroke="#f3e6ef")
        paper.say(297, title, bold=True, align="center", step=16)
        for row in rows:
            name = row.name + " " + "." * max(3, int((172 - paper.canvas.stringWidth(row.name, "Helvetica", 9)) / 2.6))
            shown = Line(
                "" if row.is_optional else name,
                row.value,
                row.unit,
                row.low,
                row.high,
                flag=row.flag,
                earlier=row.earlier,
            )
            paper.table(columns, [shown], style, step=12)
            if row.name in ("Hémoglobine", "Cholestérol total"):
                paper.say(
                    48,
                    "(Cytométrie - Sysmex)" if row.name == "Hémoglobine" else "(Enzymatique - Cobas)",
                    size=6.5,
                    step=9,
                )
        paper.y += 6
    paper.prose(
        "Objectif de LDL-cholestérol : < 1,16 g/L en cas de risque faible, < 0,70 g/L en cas de "
        "risque élevé (ESC 2021)."
    )
    paper.say(
        40, "Validé par : Dr M. PERSONNE, biologiste médical      Accréditation n° 8-0000      Page 1 / 1", size=7
    )
    return Report("french-laboratory", paper.finish(), "pdf", tuple(rows_blood + rows_chemistry), (), date(2024, 4, 15))


def italian_laboratory() -> Report:
    """Name, unit, range, then the result; asterisk after the result; points as decimals."""
    paper = Paper(font="Helvetica", size=9, top=56)
    paper.say(555, "Azienda Sanitaria Locale n. 0 - Laboratorio Analisi", bold=True, size=12, align="right", step=26)
    paper.pairs(
        [
            ("Cognome e nome:", "ROSSI PROVA MARIA", "Richiesta n.:", "51120934"),
            ("Data di nascita:", "30/01/1951   Sesso: F", "Data prelievo:", "07/10/2024"),
            ("Codice fiscale:", "RSSMRA51A70H501X", "Data referto:", "08/10/2024"),
        ],
        [(40, 125), (330, 400)],
    )
    paper.rule(step=18)
    columns = [
        Column(40, "name", "Esame"),
        Column(250, "unit", "U.M."),
        Column(330, "range", "Intervallo di riferimento"),
        Column(520, "value", "Esito", "right", bold=True),
        Column(526, "flag"),
    ]
    style = Style(span="{low} - {high}", below="fino a {high}", above="maggiore di {low}")
    lines = as_lines(
        """
        S-Glucosio                         | 104  | mg/dL  | 70 .. 100    | flag: *
        S-Azoto ureico                     | 19   | mg/dL  | 7 .. 21
        S-Creatinina                       | 0.94 | mg/dL  | 0.51 .. 0.95
        S-Sodio                            | 142  | mmol/L | 136 .. 145
        S-Potassio                         | 4.1  | mmol/L | 3.4 .. 4.5
        S-Cloro                            | 104  | mmol/L | 98 .. 107
        S-Calcio totale                    | 8.3  | mg/dL  | 8.6 .. 10.2  | flag: *
        S-Fosforo inorganico               | 3.3  | mg/dL  | 2.5 .. 4.5
        S-Proteine totali                  | 6.8  | g/dL   | 6.4 .. 8.3
        S-Aspartato amino transferasi // (AST/GOT) | 28   | U/L    | .. 32
        S-Alanina aminotransferasi // (ALT/GPT) | 46   | U/L    | .. 33        | flag: *
        S-Gamma glutamil transferasi       | 25   | U/L    | 6 .. 42
        S-Colesterolo HDL                  | 58   | mg/dL  | 45 ..
        S-Trigliceridi                     | 161  | mg/dL  | .. 150       | flag: *
        P-INR                              | 2.6  |        | 0.8 .. 1.2   | flag: *
        P-Fibrinogeno                      | 388  | mg/dL  | 200 .. 400
        """
    )
    paper.titles(columns)
    paper.rule(step=17)
    paper.table(columns, lines, style, step=14)
    paper.y += 8
    paper.prose(
        "Per pazienti in terapia anticoagulante orale l'intervallo terapeutico dell'INR è compreso fra 2.0 e 3.0."
    )
    paper.say(
        40,
        "Il Dirigente: Dott. G. Nessuno     Documento firmato digitalmente ai sensi del D.Lgs. 82/2005     Pag. 1/1",
        size=7,
    )
    return Report("italian-laboratory", paper.finish(), "pdf", tuple(lines), (), date(2024, 10, 8))
