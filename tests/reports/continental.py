"""More made-up reports, in layouts that the reader was not written for: Dutch, Turkish, Polish and Swiss."""

from __future__ import annotations

from datetime import date

from tests.reports.lines import Report, Style, as_lines, with_comma
from tests.reports.paper import Column, Paper


def dutch_laboratory() -> Report:
    """A landscape page; an arrow before the result, the unit last, sections in capitals between rules."""
    paper = Paper(font="Helvetica", size=9, top=44, bottom=560, page_size=(842, 595))
    paper.say(50, "Stichting Voorbeeld Diagnostiek", bold=True, size=14, color="#c04000", step=14)
    paper.say(50, "Postbus 1, 3500 AA Utrecht   tel. 030 - 555 01 23", size=8, step=18)
    paper.pairs(
        [
            ("Naam", "Mw. T. de Proef", "Geb. datum", "05-07-1972   V", "Afnamedatum", "19-08-2024 08:35"),
            ("BSN", "000000000", "Ordernr", "24081900231", "Rapportdatum", "20-08-2024"),
        ],
        [(50, 100), (300, 365), (560, 640)],
    )
    paper.rule(50, 790, step=18)
    columns = [
        Column(50, "name", "Bepaling"),
        Column(330, "flag"),
        Column(395, "value", "Uitslag", "right"),
        Column(450, "range", "Referentiewaarden"),
        Column(620, "unit", "Eenheid"),
    ]
    style = Style(with_comma, span="{low} - {high}", below="< {high}", above="> {low}")
    paper.titles(columns)
    paper.rule(50, 790, step=17)
    sections = [
        (
            "HEMATOLOGIE",
            as_lines(
                """
        Hemoglobine   | 7.1  | mmol/L   | 7.5 .. 10.0 | flag: ↓
        Hematocriet   | 0.35 | L/L      | 0.35 .. 0.45
        MCV           | 79   | fl       | 80 .. 100   | flag: ↓
        Leukocyten    | 6.4  | 10*9/L   | 4.0 .. 10.0
        Trombocyten   | 338  | 10*9/L   | 150 .. 400
        BSE           | 12   | mm/uur   | .. 20
                """
            ),
        ),
        (
            "KLINISCHE CHEMIE",
            as_lines(
                """
        Natrium              | 141  | mmol/L         | 135 .. 145
        Kalium               | 4.3  | mmol/L         | 3.5 .. 5.0
        Kreatinine           | 68   | µmol/L         | 50 .. 90
        eGFR (CKD-EPI)       | 88   | mL/min/1.73 m2 | 60 ..
        ALAT                 | 52   | U/L            | .. 34        | flag: ↑
        Gamma-GT             | 29   | U/L            | .. 40
        Ferritine            | 8    | µg/L           | 15 .. 150    | flag: ↓
        Glucose (nuchter)    | 5.4  | mmol/L         | 4.0 .. 6.0
        LDL-cholesterol      | 3.62 | mmol/L         | .. 3.00      | flag: ↑
        TSH                  | 2.40 | mU/L           | 0.40 .. 4.00
                """
            ),
        ),
    ]
    lines = []
    for title, rows in sections:
        paper.say(50, title, bold=True, step=14)
        paper.table(columns, rows, style)
        lines += rows
    paper.y += 8
    paper.prose("Hemoglobine verlaagd bij laag ferritine: past bij ijzergebrek. Controle over 8 weken.", 50, 700)
    return Report("dutch-laboratory", paper.finish(), "pdf", tuple(lines), (), date(2024, 8, 20))


def turkish_laboratory() -> Report:
    """The previous result stands before the present one; the range in brackets follows the unit."""
    paper = Paper(font="Vera", size=8, top=50)
    paper.say(297, "ÖRNEK DEVLET HASTANESİ".replace("İ", "I"), bold=True, size=13, align="center", step=14)
    paper.say(297, "Laboratuvar Sonuç Raporu", align="center", step=22)
    paper.pairs(
        [
            ("Hasta", "DENEME AYLA", "Protokol No", "2024118823"),
            ("Dogum Tarihi", "11.02.1990 / K", "Numune", "06.11.2024 09:12"),
            ("Doktor", "Uzm. Dr. KIMSE", "Onay", "06.11.2024 13:40"),
        ],
        [(45, 115), (330, 405)],
    )
    paper.rule(step=18)
    columns = [
        Column(45, "name", "Tetkik"),
        Column(255, "earlier0", "Önceki Sonuç", "right"),
        Column(325, "value", "Sonuç", "right", bold=True),
        Column(335, "flag"),
        Column(360, "unit", "Birim"),
        Column(440, "range", "Referans Aralik"),
    ]
    style = Style(with_comma, span="({low} - {high})", below="(< {high})", above="(> {low})")
    rows = as_lines(
        """
        Glukoz                    | 94    | mg/dL | 74 .. 106     | earlier: 91
        Kreatinin                 | 0.64  | mg/dL | 0.50 .. 0.90  | earlier: 0,66
        AST                       | 19    | U/L   | .. 32         | earlier: 22
        ALT                       | 15    | U/L   | .. 33         | earlier: 17
        Demir                     | 31    | µg/dL | 37 .. 145     | flag: D | earlier: 44
        Ferritin                  | 6.2   | µg/L  | 13 .. 150     | flag: D | earlier: 9,8
        Vitamin B12               | 183   | ng/L  | 197 .. 771    | flag: D | earlier: 240
        25-Hidroksi Vitamin D     | 11.4  | µg/L  | 20 .. 50      | flag: D | earlier: 14,9
        TSH                       | 5.12  | mIU/L | 0.27 .. 4.20  | flag: Y | earlier: 3,98
        Serbest T4                | 1.09  | ng/dL | 0.93 .. 1.70  | earlier: 1,15
        Anti-HIV                  | Negatif | | | span: (Negatif) | abnormal: no | earlier: Negatif
        """
    )
    paper.titles(columns)
    paper.rule(step=17)
    paper.table(columns, rows, style, step=15)
    paper.y += 6
    paper.say(45, "D: Düsük   Y: Yüksek          Sayfa 1 / 1", size=7)
    return Report("turkish-laboratory", paper.finish(), "pdf", tuple(rows), (), date(2024, 11, 6))


def polish_laboratory() -> Report:
    """Results with their units in one column, flags in brackets, ranges with a dash and no spaces."""
    paper = Paper(font="Helvetica", size=9, top=50)
    paper.say(40, "Laboratorium Medyczne PRZYKLAD Sp. z o.o.", bold=True, size=13, step=14)
    paper.say(40, "ul. Testowa 5, 00-001 Warszawa, tel. 22 555 01 23", size=8, step=18)
    paper.pairs(
        [
            ("Pacjent:", "KOWALSKA ANNA", "Nr zlecenia:", "W-2024/09/4471"),
            ("Data ur.:", "1983-04-21   K", "Data pobrania:", "2024-09-10 07:30"),
            ("Lekarz:", "dr Nikt", "Data wyniku:", "2024-09-10 14:12"),
        ],
        [(40, 95), (320, 395)],
    )
    paper.rule(step=18)
    columns = [
        Column(40, "name", "Badanie"),
        Column(240, "value unit", "Wynik"),
        Column(340, "flag"),
        Column(380, "range", "Zakres referencyjny"),
    ]
    style = Style(with_comma, span="{low}-{high}", below="<{high}", above=">{low}")
    rows = as_lines(
        """
        Leukocyty     | 11.24 | tys/µl  | 4.00 .. 10.00 | flag: [H]
        Erytrocyty    | 4.63  | mln/µl  | 3.70 .. 5.10
        Hemoglobina   | 13.9  | g/dl    | 12.0 .. 16.0
        Hematokryt    | 41.0  | %       | 37.0 .. 47.0
        Neutrofile    | 8.12  | tys/µl  | 1.80 .. 7.70  | flag: [H]
        Glukoza       | 89    | mg/dl   | 70 .. 99
        Kreatynina    | 0.71  | mg/dl   | 0.50 .. 0.90
        CRP           | 24.6  | mg/l    | .. 5.0        | flag: [H]
        Ferrytyna     | 35.2  | ng/ml   | 13.0 .. 150.0
        TSH           | 0.18  | µIU/ml  | 0.27 .. 4.20  | flag: [L]
        """
    )
    paper.titles(columns)
    paper.rule(step=17)
    paper.say(40, "MORFOLOGIA KRWI I BIOCHEMIA", bold=True, step=14)
    paper.table(columns, rows, style, step=14)
    paper.say(40, "[H] - powyzej normy, [L] - ponizej normy      Strona 1 z 1", size=7)
    return Report("polish-laboratory", paper.finish(), "pdf", tuple(rows), (), date(2024, 9, 10))


def swiss_practice() -> Report:
    """A practice's own printout: the unit in square brackets behind the name, then range, then result."""
    paper = Paper(font="Helvetica", size=10, top=56)
    paper.say(50, "Praxis Dr. med. B. Niemand, 8001 Zürich", bold=True, size=12, step=24)
    paper.say(50, "Laborblatt   Beispiel Urs, geb. 09.09.1959, m        Datum: 03.05.2024", step=18)
    paper.rule(50, 545, step=18)
    columns = [
        Column(50, "name", "Parameter [Einheit]"),
        Column(250, "range", "Norm"),
        Column(390, "value flag", "Resultat"),
    ]
    rows = as_lines(
        """
        Hämoglobin   | 158  | g/l    | 140 .. 180
        Leukozyten   | 5.9  | G/l    | 3.5 .. 10.0
        Thrombozyten | 212  | G/l    | 150 .. 350
        CRP          | 3    | mg/l   | .. 5
        Glukose      | 6.4  | mmol/l | 3.9 .. 5.6   | flag: +
        HbA1c        | 6.0  | %      | 4.8 .. 5.9   | flag: +
        Kreatinin    | 92   | µmol/l | 62 .. 106
        GPT          | 48   | U/l    | .. 41        | flag: +
        Harnsäure    | 455  | µmol/l | 202 .. 416   | flag: +
        Quick        | 98   | %      | 70 .. 120
        """
    )
    paper.titles(columns)
    paper.rule(50, 545, step=19)
    style = Style(span="{low} - {high}", below="< {high}")
    for row in rows:
        paper.put(50, f"{row.name} [{row.unit}]")
        paper.put(250, style.range_of(row))
        paper.say(390, f"{row.value} {row.flag}".strip(), step=15)
    return Report("swiss-practice", paper.finish(), "pdf", tuple(rows), (), date(2024, 5, 3))
