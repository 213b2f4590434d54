"""Made-up reports as laboratories, hospitals and portals in the United States print them."""

from __future__ import annotations

from datetime import date

from tests.reports.lines import Line, Report, Style, as_lines
from tests.reports.paper import Column, Paper


def american_reference_laboratory() -> Report:
    """Result, flag, units, interval, and a trailing column with the number of the laboratory that did the test."""

    columns = [
        Column(40, "name", "TESTS"),
        Column(235, "value", "RESULT"),
        Column(300, "flag", "FLAG", bold=True),
        Column(350, "unit", "UNITS"),
        Column(418, "range", "REFERENCE INTERVAL"),
        Column(535, "=01", "LAB"),
    ]

    def letterhead(paper: Paper, page: int) -> None:
        paper.put(40, "Meridian", bold=True, size=18, color="#0b4f8a")
        paper.put(122, "Clinical Laboratories", size=12, color="#555555")
        paper.put(555, "Patient Report", bold=True, size=12, align="right")
        paper.y += 20
        paper.rule(width=1.5, color="#0b4f8a", step=12)
        paper.pairs(
            [
                ("Specimen ID:", "081-423-7719-0", "Control ID:", "B0098234410"),
                ("Patient:", "SAMPLE, JANE Q", "Acct #:", "29081234"),
                ("DOB:", "04/17/1979   Age(y/m/d): 045/02/03", "Phone:", "(336) 555-0182"),
                ("Gender:", "F    SSN: ***-**-4410", "Rte:", "00  Fasting: Yes"),
                ("Date collected:", "06/20/2024 0812 Local", "Date received:", "06/20/2024"),
                ("Date entered:", "06/20/2024", "Date reported:", "06/21/2024 0511 ET"),
            ],
            [(40, 115), (330, 405)],
            step=11,
        )
        paper.rule(step=16)
        paper.put(40, f"FINAL REPORT      Page {page} of 2", size=7, y=815)
        paper.put(
            555,
            "© 2024 Meridian Holdings. 231 Maple Ave, Burlington NC 27215   1-800-555-0142",
            size=7,
            y=815,
            align="right",
        )
        paper.titles(columns)
        paper.rule(step=17)

    paper = Paper(top=50, bottom=770, decorate=letterhead)
    style = Style(span="{low}-{high}")
    sections: list[tuple[str, list[Line], str]] = [
        (
            "CBC With Differential/Platelet",
            as_lines(
                """
        WBC                    | 6.1  | x10E3/uL | 3.4 .. 10.8
        RBC                    | 3.62 | x10E6/uL | 3.77 .. 5.28 | flag: Low
        Hemoglobin             | 10.4 | g/dL     | 11.1 .. 15.9 | flag: Low
        Hematocrit             | 32.9 | %        | 34.0 .. 46.6 | flag: Low
        MCV                    | 91   | fL       | 79 .. 97
        MCH                    | 28.7 | pg       | 26.6 .. 33.0
        MCHC                   | 31.6 | g/dL     | 31.5 .. 35.7
        RDW                    | 15.8 | %        | 11.7 .. 15.4 | flag: High
        Platelets              | 402  | x10E3/uL | 150 .. 450
        Neutrophils            | 58   | %        |              | span: Not Estab.
        Lymphs                 | 31   | %        |              | span: Not Estab.
        Monocytes              | 8    | %        |              | span: Not Estab.
        Neutrophils (Absolute) | 3.5  | x10E3/uL | 1.4 .. 7.0
        Lymphs (Absolute)      | 1.9  | x10E3/uL | 0.7 .. 3.1
        """
            ),
            "",
        ),
        (
            "Comp. Metabolic Panel (14)",
            as_lines(
                """
        Glucose               | 118  | mg/dL       | 70 .. 99     | flag: High
        BUN                   | 14   | mg/dL       | 6 .. 24
        Creatinine            | 0.78 | mg/dL       | 0.57 .. 1.00
        eGFR                  | 95   | mL/min/1.73 | 59 ..
        BUN/Creatinine Ratio  | 18   |             | 9 .. 23
        Sodium                | 140  | mmol/L      | 134 .. 144
        Potassium             | 4.4  | mmol/L      | 3.5 .. 5.2
        Chloride              | 103  | mmol/L      | 96 .. 106
        Carbon Dioxide, Total | 23   | mmol/L      | 20 .. 29
        Calcium               | 9.2  | mg/dL       | 8.7 .. 10.2
        Protein, Total        | 6.9  | g/dL        | 6.0 .. 8.5
        Albumin               | 4.2  | g/dL        | 3.9 .. 4.9
        Bilirubin, Total      | 0.4  | mg/dL       | 0.0 .. 1.2
        Alkaline Phosphatase  | 71   | IU/L        | 44 .. 121
        AST (SGOT)            | 19   | IU/L        | 0 .. 40
        ALT (SGPT)            | 17   | IU/L        | 0 .. 32
        """
            ),
            "",
        ),
        (
            "Hemoglobin A1c",
            as_lines(
                """
        Hemoglobin A1c | 6.1 | % | 4.8 .. 5.6 | flag: High
        """
            ),
            "Please Note: Prediabetes: 5.7 - 6.4. Diabetes: >6.4. Glycemic control for adults with diabetes: <7.0",
        ),
        (
            "Ferritin",
            as_lines(
                """
        Ferritin | 9 | ng/mL | 15 .. 150 | flag: Low
        """
            ),
            "",
        ),
        (
            "Troponin T (Highly Sensitive)",
            as_lines(
                """
        Troponin T, hs | <6 | ng/L | 0 .. 14 | abnormal: no
        """
            ),
            "In accord with published guidelines, serial testing at 0 and 3 hours with a change of 5 "
            "ng/L or more should be interpreted together with the ECG and the clinical picture.",
        ),
    ]
    lines: list[Line] = []
    for title, rows, note in sections:
        paper.need(60)
        paper.say(40, title, bold=True, step=13)
        paper.table(columns, rows, style, step=14.5)
        if note:
            paper.prose(note, x=60, width=420)
        paper.y += 4
        lines += rows
    paper.say(
        40, "Performing laboratory 01: Meridian Burlington, 1447 York Court, Dir: A. Nobody, MD, 27215-3361", size=7
    )
    paper.say(40, "For inquiries, the physician may contact Branch: 800-555-0171  Lab: 336-555-0190", size=7)
    return Report("american-reference-laboratory", paper.finish(), "pdf", tuple(lines), (), date(2024, 6, 21))


def american_in_and_out_of_range() -> Report:
    """Results stand in one of two columns, within or out of range; the unit follows the range."""
    paper = Paper(font="Helvetica", size=8.5, top=46)
    paper.box(40, 30, 160, 26, fill="#1f6f43", stroke="#1f6f43")
    paper.put(52, "HARBOR DIAGNOSTICS", bold=True, size=12, color="#ffffff", y=47)
    paper.y = 80
    paper.pairs(
        [
            ("Patient:", "EXAMPLE, ROBERT", "Specimen:", "TB847201K"),
            ("DOB:", "11/02/1961   AGE: 62", "Requisition:", "0009921"),
            ("Gender:", "M", "Collected:", "02/14/2024 / 07:45 EST"),
            ("Patient ID:", "5520017", "Reported:", "02/15/2024 / 10:22 EST"),
        ],
        [(40, 100), (320, 385)],
    )
    paper.rule(step=18)
    columns = [
        Column(40, "name", "Test Name"),
        Column(250, "value in", "In Range", "center"),
        Column(325, "value out", "Out Of Range", "center", bold=True),
        Column(380, "range unit", "Reference Range"),
        Column(540, "=HD1", "Lab"),
    ]
    style = Style(span="{low}-{high}", below="<{high}", above="> OR = {low}")
    lipids = as_lines(
        """
        CHOLESTEROL, TOTAL  | 231 | mg/dL        | .. 200 | flag: H
        HDL CHOLESTEROL     | 44  | mg/dL        | 40 ..
        TRIGLYCERIDES       | 187 | mg/dL        | .. 150 | flag: H
        LDL-CHOLESTEROL     | 152 | mg/dL (calc) | .. 100 | flag: H
        CHOL/HDLC RATIO     | 5.3 | (calc)       | .. 5.0 | flag: H
        NON HDL CHOLESTEROL | 187 | mg/dL (calc) | .. 130 | flag: H
        """
    )
    metabolic = as_lines(
        """
        GLUCOSE             | 96   | mg/dL         | 65 .. 99
        UREA NITROGEN (BUN) | 22   | mg/dL         | 7 .. 25
        CREATININE          | 1.41 | mg/dL         | 0.70 .. 1.35 | flag: H
        EGFR                | 56   | mL/min/1.73m2 | 60 ..        | flag: L
        SODIUM              | 138  | mmol/L        | 135 .. 146
        POTASSIUM           | 5.5  | mmol/L        | 3.5 .. 5.3   | flag: H
        CARBON DIOXIDE      | 27   | mmol/L        | 20 .. 32
        CALCIUM             | 9.4  | mg/dL         | 8.6 .. 10.3
        BILIRUBIN, TOTAL    | 0.7  | mg/dL         | 0.2 .. 1.2
        AST                 | 22   | U/L           | 10 .. 35
        ALT                 | 31   | U/L           | 9 .. 46
        """
    )
    psa = as_lines(
        """
        PSA, TOTAL | 1.8 | ng/mL | .. 4.0 | span: < OR = 4.0
        """
    )
    paper.titles(columns)
    paper.rule(step=17)
    paper.say(40, "LIPID PANEL, STANDARD", bold=True)
    paper.table(columns, lipids[:4], style)
    paper.prose(
        "Desirable range <100 mg/dL for primary prevention; <70 mg/dL for patients with CHD or "
        "diabetic patients with > or = 2 CHD risk factors. LDL-C is now calculated using the "
        "Martin-Hopkins calculation. Martin SS et al. JAMA. 2013;310(19): 2061-2068",
        x=56,
        width=330,
    )
    paper.table(columns, lipids[4:], style)
    paper.say(40, "COMPREHENSIVE METABOLIC PANEL", bold=True)
    paper.table(columns, metabolic[:1], style)
    paper.say(260, "Fasting reference interval", size=7.5)
    paper.table(columns, metabolic[1:], style)
    paper.say(40, "PSA, TOTAL", bold=True)
    paper.table(columns, psa, style)
    paper.prose(
        "The total PSA value from this assay system is standardized against the WHO standard. The "
        "test result will be approximately 20% lower when compared to the equimolar-standardized "
        "total PSA.",
        x=56,
        width=330,
    )
    paper.y += 10
    paper.say(
        40, "PERFORMING SITE: HD1 HARBOR DIAGNOSTICS, 14 WHARF STREET, BALTIMORE, MD 21230  CLIA: 21D0649758", size=7
    )
    paper.say(40, "CLIENT SERVICES: 866.555.0137   SPECIMEN: TB847201K   PAGE 1 OF 1", size=7)
    return Report(
        "american-in-and-out-of-range", paper.finish(), "pdf", tuple(lipids + metabolic + psa), (), date(2024, 2, 15)
    )


def typewriter_printout() -> Report:
    """A hospital system's fixed-pitch printout: value, flag, range, unit."""
    paper = Paper(font="Courier", size=9, top=50)
    for text in (
        "ST ELSEWHERE GENERAL HOSPITAL                              LABORATORY",
        "RUN DATE: 03/09/2023         ** CUMULATIVE SUMMARY **        PAGE 1",
        "RUN TIME: 1432               SPECIMEN INQUIRY",
        "",
        "PATIENT: PLACEHOLDER, MARY     ACCT #: E00048213  LOC: 4W  U #: M0003329",
        "AGE/SX:  71/F                  ROOM:   W412       REG: 03/07/2023",
        "REG DR:  NOBODY,SAM            BED:    A          DIS:",
        "-" * 76,
        "SPEC #: 0309:C00187S   COLL: 03/09/2023-0610   STATUS: COMP   REQ #: 00412",
        "",
        "  Test               Result    Flag   Reference        Units",
        "-" * 76,
    ):
        paper.say(50, text)
    rows = as_lines(
        """
        SODIUM      | 128    | mmol/L    | 136 .. 145     | flag: L
        POTASSIUM   | 2.9    | mmol/L    | 3.5 .. 5.1     | flag: L*
        CHLORIDE    | 93     | mmol/L    | 98 .. 107      | flag: L
        CO2         | 31     | mmol/L    | 21 .. 32
        ANION GAP   | 4      | mmol/L    | 3 .. 11
        BUN         | 31     | mg/dL     | 7 .. 18        | flag: H
        CREATININE  | 1.20   | mg/dL     | 0.55 .. 1.02   | flag: H
        GLUCOSE     | 142    | mg/dL     | 74 .. 106      | flag: H
        CALCIUM     | 8.6    | mg/dL     | 8.5 .. 10.1
        MAGNESIUM   | 1.5    | mg/dL     | 1.8 .. 2.4     | flag: L
        PHOSPHORUS  | 3.0    | mg/dL     | 2.5 .. 4.9
        LACTIC ACID | 1.1    | mmol/L    | 0.4 .. 2.0
        PT          | 13.9   | sec       | 11.8 .. 14.3
        INR         | 1.1    |           | 0.9 .. 1.1
        PTT         | 44.2   | sec       | 23.3 .. 36.4   | flag: H
        D-DIMER     | 0.42   | ug/mL FEU | .. 0.50        | span: < 0.50
        BNP         | 612    | pg/mL     | 0 .. 100       | flag: H
        TROPONIN I  | <0.012 | ng/mL     | 0.000 .. 0.034 | abnormal: no
        """
    )
    for row in rows:
        span = row.span or f"{row.low}-{row.high}"
        paper.say(50, f"  {row.name:<19}{row.value:>7}   {row.flag:<5}  {span:<15}  {row.unit or ''}".rstrip())
    paper.y += 12
    for text in (
        "  * CRITICAL VALUE CALLED TO RN 4W AND READ BACK 03/09/2023 0702 BY LAB.JK",
        "  REFERENCE RANGES APPLY TO ADULTS 18-99 YEARS.",
        "-" * 76,
        "                          ** END OF REPORT **",
    ):
        paper.say(50, text)
    return Report("typewriter-printout", paper.finish(), "pdf", tuple(rows), (), date(2023, 3, 9))
