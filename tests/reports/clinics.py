"""Made-up reports of smaller laboratories: Singapore, the Philippines and Kenya."""

from __future__ import annotations

from datetime import date

from tests.reports.lines import Line, Report, Style, as_lines
from tests.reports.paper import Column, Paper


def singapore_range_before_result() -> Report:
    """Name, unit, range and result, with an arrow after results out of range."""
    paper = Paper(font="Helvetica", size=9, top=50)
    paper.put(40, "LionCity Medical Laboratory Pte Ltd", bold=True, size=13, color="#00695c")
    paper.say(555, "Co. Reg. No. 199900000K", align="right", size=7.5, step=14)
    paper.say(40, "1 Example Road #04-21 Singapore 138632  Tel: 6000 1234", size=7.5, step=18)
    paper.pairs(
        [
            ("Patient", "TAN AH TEST", "Lab Ref", "24-0091182"),
            ("NRIC", "S****567D", "Age/Sex", "61 / M"),
            ("Received", "30 Jul 2024 11:02", "Printed", "30 Jul 2024 17:40"),
        ],
        [(40, 90), (330, 380)],
    )
    paper.rule(step=16)
    columns = [
        Column(40, "name", "Analyte"),
        Column(235, "unit", "Units"),
        Column(315, "range", "Ref. Interval"),
        Column(470, "value", "Result", "right"),
        Column(478, "flag", bold=True),
    ]
    style = Style(span="{low} – {high}", below="< {high}", above="> {low}")
    sections = [
        (
            "LIVER PANEL",
            as_lines(
                """
        Albumin                    | 41  | g/L    | 40 .. 51
        Bilirubin, Total           | 29  | µmol/L | 7 .. 32
        Alkaline Phosphatase       | 96  | U/L    | 39 .. 99
        Alanine Transaminase       | 88  | U/L    | 6 .. 66  | flag: ↑
        Aspartate Transaminase     | 61  | U/L    | 12 .. 42 | flag: ↑
        Gamma-Glutamyl Transferase | 143 | U/L    | 14 .. 94 | flag: ↑
        """
            ),
        ),
        (
            "RENAL PANEL",
            as_lines(
                """
        Urea        | 6.4  | mmol/L | 2.7 .. 6.9
        Creatinine  | 97   | µmol/L | 54 .. 101
        Sodium      | 134  | mmol/L | 136 .. 146   | flag: ↓
        Potassium   | 4.0  | mmol/L | 3.6 .. 5.0
        Bicarbonate | 25.1 | mmol/L | 19.0 .. 29.0
        Chloride    | 98   | mmol/L | 100 .. 107   | flag: ↓
        """
            ),
        ),
        (
            "LIPIDS AND GLUCOSE",
            as_lines(
                """
        Cholesterol, Total | 5.9  | mmol/L   | .. 5.2     | flag: ↑
        Triglycerides      | 2.4  | mmol/L   | .. 1.7     | flag: ↑
        HDL Cholesterol    | 1.12 | mmol/L   | 1.00 ..
        Glucose, Fasting   | 7.2  | mmol/L   | 3.9 .. 6.0 | flag: ↑
        HbA1c (IFCC)       | 51   | mmol/mol | .. 42      | flag: ↑
        """
            ),
        ),
        (
            "TUMOUR MARKERS",
            as_lines(
                """
        Alpha-Fetoprotein | 3.1  | µg/L | .. 9.0  | span: ≤ 9.0
        CA 19-9           | <2.0 | U/mL | .. 37.0 | span: ≤ 37.0 | abnormal: no
        """
            ),
        ),
    ]
    paper.titles(columns)
    paper.rule(step=17)
    lines: list[Line] = []
    for title, rows in sections:
        paper.box(40, paper.y - 9, 515, 13, fill="#e0f2f1", stroke="#e0f2f1")
        paper.say(44, title, bold=True, step=15)
        paper.table(columns, rows, style, step=14)
        lines += rows
    paper.y += 6
    paper.prose(
        "Fasting glucose 6.1 – 6.9 mmol/L suggests impaired fasting glycaemia; ≥ 7.0 mmol/L on two "
        "occasions is diagnostic of diabetes mellitus."
    )
    paper.say(40, "Results with ↑ or ↓ are outside the reference interval.      Page 1 of 1", size=7.5)
    return Report("singapore-range-before-result", paper.finish(), "pdf", tuple(lines), (), date(2024, 7, 30))


def philippine_urinalysis() -> Report:
    """Words for results, counts per field as spans, and a few numbers."""
    paper = Paper(font="Times-Roman", size=10, top=60)
    paper.say(297, "Barangay General Hospital", bold=True, size=14, align="center", step=14)
    paper.say(297, "CLINICAL LABORATORY - CLINICAL MICROSCOPY", align="center", step=24)
    paper.pairs(
        [
            ("Patient:", "DELA TEST, JOSE", "Date:", "August 14, 2024"),
            ("Age/Sex:", "29 / M", "Room:", "OPD"),
            ("Physician:", "Dr. Walang Pangalan", "Lab No.:", "U-24-3391"),
        ],
        [(60, 120), (340, 390)],
        step=14,
    )
    paper.rule(60, 535, step=16)
    paper.say(297, "URINALYSIS", bold=True, size=13, align="center", step=20)
    columns = [
        Column(70, "name", "TEST"),
        Column(250, "value", "RESULT"),
        Column(340, "unit", "UNIT"),
        Column(410, "range", "NORMAL VALUES"),
    ]
    sections = [
        (
            "PHYSICAL EXAMINATION",
            as_lines(
                """
        Color        | Dark Yellow   |  |  | span: Yellow
        Transparency | Slightly Hazy |  |  | span: Clear
        """
            ),
        ),
        (
            "CHEMICAL EXAMINATION",
            as_lines(
                """
        pH                 | 6.0      |  | 4.6 .. 8.0
        Specific Gravity   | 1.025    |  | 1.005 .. 1.030
        Protein            | Trace    |  |                | span: Negative | abnormal: yes
        Glucose            | Negative |  |                | span: Negative | abnormal: no
        Ketones            | Nil      |  |                | span: Nil | abnormal: no
        Bilirubin          | Negative |  |                | span: Negative | abnormal: no
        Nitrite            | Positive |  |                | span: Negative | abnormal: yes
        Leukocyte Esterase | 2+       |  |                | span: Negative | abnormal: yes
        """
            ),
        ),
        (
            "MICROSCOPIC EXAMINATION",
            as_lines(
                """
        Pus Cells        | 15-20    | /hpf | 0 .. 5 | abnormal: yes
        Red Blood Cells  | 2-4      | /hpf | 0 .. 3 | abnormal: yes
        Epithelial Cells | Few      |      |        | span: None - Few
        Bacteria         | Moderate |      |        | span: None | abnormal: yes
        Casts            | Absent   |      |        | span: Absent | abnormal: no
        """
            ),
        ),
    ]
    style = Style(span="{low} - {high}")
    paper.titles(columns, step=16)
    lines: list[Line] = []
    for title, rows in sections:
        paper.say(60, title, bold=True, step=15)
        paper.table(columns, rows, style, step=15)
        lines += rows
    paper.y += 24
    paper.put(120, "M. Santos-Test, RMT", bold=True)
    paper.say(380, "R. Doktor, MD, FPSP", bold=True)
    paper.put(120, "Medical Technologist  Lic. No. 0067812", size=8)
    paper.say(380, "Pathologist  PRC 0098123", size=8)
    return Report("philippine-urinalysis", paper.finish(), "pdf", tuple(lines), (), date(2024, 8, 14))


def kenyan_liver_form() -> Report:
    """A ruled form: every cell in its box, name, result, flag, unit, range; made to be photographed."""
    paper = Paper(font="Helvetica", size=11, top=60)
    paper.say(297, "UHURU COUNTY REFERRAL LABORATORY", bold=True, size=16, align="center", step=18)
    paper.say(297, "P.O. Box 00-00100 Nairobi    Tel: 020 555 0000", align="center", size=10, step=26)
    paper.pairs(
        [("Name:", "Sample Otieno", "Lab No:", "LFT-2291"), ("Age:", "44 yrs   Sex: M", "Date:", "19/05/2024")],
        [(50, 110), (330, 400)],
        step=16,
    )
    paper.y += 12
    paper.say(297, "LIVER FUNCTION AND LIPID PROFILE", bold=True, size=13, align="center", step=22)
    columns = [
        Column(56, "name", "Test"),
        Column(250, "value", "Result"),
        Column(312, "flag", "Flag", bold=True),
        Column(356, "unit", "Units"),
        Column(436, "range", "Ref. Range"),
    ]
    rows = as_lines(
        """
        Total Bilirubin      | 34.1 | umol/L | 3.4 .. 20.5  | flag: H
        Direct Bilirubin     | 11.8 | umol/L | 0.0 .. 5.1   | flag: H
        ALT (SGPT)           | 126  | U/L    | 10 .. 49     | flag: H
        AST (SGOT)           | 98   | U/L    | 15 .. 40     | flag: H
        Alkaline Phosphatase | 88   | U/L    | 30 .. 120
        GGT                  | 211  | U/L    | 0 .. 73      | flag: H
        Total Protein        | 62.5 | g/L    | 64.0 .. 83.0 | flag: L
        Albumin              | 36.7 | g/L    | 35.0 .. 52.0
        Total Cholesterol    | 4.62 | mmol/L | 0.00 .. 5.20
        Triglycerides        | 1.31 | mmol/L | 0.00 .. 1.70
        HDL Cholesterol      | 1.18 | mmol/L | 1.03 .. 1.55
        LDL Cholesterol      | 2.84 | mmol/L | 0.00 .. 3.40
        """
    )
    for row in (None, *rows):
        paper.box(50, paper.y - 14, 495, 20)
        for x in (244, 306, 350, 430):
            paper.canvas.line(x, paper.page_size[1] - paper.y + 14, x, paper.page_size[1] - paper.y - 6)
        if row is None:
            paper.titles(columns, step=20)
        else:
            paper.table(columns, [row], Style(), step=20)
    paper.y += 24
    paper.say(50, "Reported by: J. Nobody, KMLTTB A01234", step=16)
    paper.say(50, "Results relate only to the sample received.", size=9)
    return Report("kenyan-liver-form", paper.finish(), "pdf", tuple(rows), (), date(2024, 5, 19))
