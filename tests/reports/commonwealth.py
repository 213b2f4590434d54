"""Made-up reports as laboratories in Britain, Canada and Australia print them."""

from __future__ import annotations

from datetime import date

from tests.reports.lines import Line, Report, Style, as_lines
from tests.reports.paper import Column, Paper


def british_two_columns() -> Report:
    """Two panels side by side, ranges in round brackets after the unit."""
    paper = Paper(font="Helvetica", size=8, top=50)
    paper.say(40, "Northgate Hospitals NHS Trust", bold=True, size=13, color="#005eb8", step=14)
    paper.say(40, "Department of Pathology   Tel 01632 960 214   UKAS 8494", size=8, step=16)
    paper.pairs(
        [
            ("NHS No:", "943 476 5919", "Requested by:", "Dr P Example, Mill Lane Surgery NE1 4LP"),
            ("Name:", "TESTER, Alan", "Specimen:", "Blood  S24.118273"),
            ("Born:", "07-Mar-1955 (69y) Male", "Collected:", "11-Nov-2024 09:20"),
            ("Hospital No:", "K0482913", "Reported:", "11-Nov-2024 15:47"),
        ],
        [(40, 95), (310, 375)],
    )
    paper.rule(step=20)
    blood = as_lines(
        """
        White cell count | 11.9  | 10*9/L  | 4.0 .. 11.0    | flag: *
        Red cell count   | 4.71  | 10*12/L | 4.50 .. 6.50
        Haemoglobin      | 141   | g/L     | 130 .. 180
        Haematocrit      | 0.423 | L/L     | 0.400 .. 0.540
        Mean cell volume | 89.8  | fL      | 80.0 .. 100.0
        Mean cell Hb     | 29.9  | pg      | 27.0 .. 32.0
        Platelet count   | 236   | 10*9/L  | 150 .. 450
        Neutrophils      | 8.93  | 10*9/L  | 2.00 .. 7.50   | flag: *
        Lymphocytes      | 1.84  | 10*9/L  | 1.50 .. 4.00
        Monocytes        | 0.79  | 10*9/L  | 0.20 .. 0.80
        Eosinophils      | 0.28  | 10*9/L  | 0.04 .. 0.40
        Basophils        | 0.05  | 10*9/L  | 0.01 .. 0.10
        """
    )
    chemistry = as_lines(
        """
        Sodium           | 131  | mmol/L        | 133 .. 146   | flag: *
        Potassium        | 4.8  | mmol/L        | 3.5 .. 5.3
        Urea             | 9.1  | mmol/L        | 2.5 .. 7.8   | flag: *
        Creatinine       | 118  | umol/L        | 59 .. 104    | flag: *
        eGFR (CKD-EPI)   | 56   | ml/min/1.73m2 |
        Alk. phosphatase | 98   | U/L           | 30 .. 130
        ALT              | 34   | U/L           | 0 .. 41
        Total bilirubin  | 11   | umol/L        | 0 .. 21
        Albumin          | 38   | g/L           | 35 .. 50
        Adjusted calcium | 2.31 | mmol/L        | 2.20 .. 2.60
        CRP              | 47   | mg/L          | 0 .. 5       | flag: *
        TSH              | 2.14 | mIU/L         | 0.27 .. 4.20
        """
    )
    style = Style(span="({low} - {high})")
    start = paper.y
    for x, title, rows in ((40, "FULL BLOOD COUNT", blood), (305, "BIOCHEMISTRY", chemistry)):
        paper.y = start
        paper.say(x, title, bold=True, step=16)
        columns = [
            Column(x, "name"),
            Column(x + 88, "flag", bold=True),
            Column(x + 128, "value", align="right"),
            Column(x + 136, "unit"),
            Column(x + 190, "range"),
        ]
        paper.table(columns, rows, style, step=14)
    paper.y += 8
    paper.prose(
        "Comment: Neutrophilia with raised CRP in keeping with bacterial infection. eGFR 45-59 on "
        "two occasions at least 90 days apart indicates CKD stage 3a (NICE NG203). Repeat U&E in 2 "
        "weeks."
    )
    paper.say(40, "Authorised by: Dr M Sample, Consultant Biochemist    End of report    Page 1/1", size=7)
    return Report("british-two-columns", paper.finish(), "pdf", tuple(blood + chemistry), (), date(2024, 11, 11))


def canadian_range_before_result() -> Report:
    """Flag column at the left edge, then name, reference, result and unit."""
    paper = Paper(font="Vera", size=8, top=56)
    paper.put(40, "MapleLab", bold=True, size=16, color="#a01c1c")
    paper.say(555, "Medical Laboratory Report / Rapport de laboratoire", align="right", step=22)
    paper.pairs(
        [
            ("Patient", "DEMO, Chantal", "Report status", "FINAL"),
            ("Health card", "9876-543-217 KM", "Collected on", "2024-05-02 08:05"),
            ("Sex / Age", "F / 34 Years", "Reported on", "2024-05-03 11:40"),
            ("Ordered by", "Dr. L. Tremblay  #041882", "Lab licence", "5687"),
        ],
        [(40, 110), (320, 400)],
    )
    paper.box(40, paper.y, 515, 16, fill="#eeeeee")
    paper.y += 11
    columns = [
        Column(44, "flag", "Flag", bold=True),
        Column(75, "name", "Test"),
        Column(270, "range", "Reference Range"),
        Column(400, "value", "Result", "right"),
        Column(420, "unit", "Units"),
    ]
    paper.titles(columns, step=20)
    style = Style(span="{low} - {high}", below="<= {high}", above=">= {low}")
    sections = [
        (
            "HEMATOLOGY",
            as_lines(
                """
        Hemoglobin | 112  | g/L     | 120 .. 160   | flag: LO
        Hematocrit | 0.34 | L/L     | 0.36 .. 0.48 | flag: LO
        MCV        | 76   | fL      | 80 .. 100    | flag: LO
        Platelets  | 388  | x10^9/L | 150 .. 400
        """
            ),
        ),
        (
            "IRON STUDIES",
            as_lines(
                """
        Ferritin                    | 6    | ug/L   | 12 ..        | flag: LO
        Iron                        | 5.1  | umol/L | 10.0 .. 29.0 | flag: LO
        Total Iron Binding Capacity | 82   | umol/L | 45 .. 77     | flag: HI
        Transferrin Saturation      | 0.06 |        | 0.20 .. 0.50 | flag: LO
        """
            ),
        ),
        (
            "GENERAL CHEMISTRY",
            as_lines(
                """
        Glucose Fasting             | 4.7  | mmol/L | 3.6 .. 6.0
        Creatinine                  | 61   | umol/L | 50 .. 100
        Alanine Aminotransferase    | 14   | U/L    | .. 36
        Gamma Glutamyl Transferase  | 12   | U/L    | .. 35
        Thyroid Stimulating Hormone | 3.91 | mIU/L  | 0.32 .. 4.00
        Vitamin B12                 | 210  | pmol/L | 138 ..
        25-Hydroxy Vitamin D        | 58   | nmol/L | 75 .. 250    | flag: LO
        """
            ),
        ),
    ]
    lines: list[Line] = []
    for title, rows in sections:
        paper.say(44, title, bold=True, color="#a01c1c", step=14)
        paper.table(columns, rows, style, step=14)
        paper.y += 4
        lines += rows
    paper.prose(
        "Ferritin: <12 ug/L is diagnostic of iron deficiency; 12-50 ug/L probable iron deficiency; "
        "51-100 ug/L possible iron deficiency; >100 ug/L iron deficiency unlikely.",
        size=7,
    )
    paper.prose(
        "Results are intended for the ordering provider. Questions? Call 1-877-555-0149, Monday to "
        "Friday 7:30 - 18:00.",
        size=7,
    )
    return Report("canadian-range-before-result", paper.finish(), "pdf", tuple(lines), (), date(2024, 5, 3))


def australian_cumulative() -> Report:
    """Three results side by side, oldest first; the newest, under the latest date, is the one that counts."""
    paper = Paper(font="Helvetica", size=9, top=50)
    paper.say(40, "SOUTHERN CROSS PATHOLOGY", bold=True, size=14, color="#23395d", step=13)
    paper.say(40, "APA No. 000123   NATA 2178   Ph 1300 000 123   ABN 84 007 190 043", size=7.5, step=20)
    paper.pairs(
        [
            ("Patient:", "SMITH, Testina", "Your Ref:", "00412"),
            ("DOB:", "19/06/1948   Sex: F", "Lab Ref:", "24-88120934"),
            ("Medicare:", "2428 77813 2", "Collected:", "14/03/2024 08:55"),
            ("Address:", "12 Sample St, Newtown NSW 2042", "Reported:", "14/03/2024 16:20"),
        ],
        [(40, 95), (330, 385)],
    )
    paper.rule(step=16)
    paper.say(40, "SERUM CHEMISTRY - CUMULATIVE REPORT", bold=True, step=16)
    columns = [
        Column(40, "name", "Date"),
        Column(205, "earlier0", "02/03/23", "right"),
        Column(270, "earlier1", "11/09/23", "right"),
        Column(335, "value", "14/03/24", "right"),
        Column(341, "flag"),
        Column(375, "range", "Ref. Range"),
        Column(470, "unit", "Units"),
    ]
    style = Style(span="({low}-{high})", below="(<{high})", above="(>{low})")
    lines = as_lines(
        """
        Sodium         | 138  | mmol/L        | 135 .. 145   | earlier: 139; 140
        Potassium      | 5.4  | mmol/L        | 3.5 .. 5.2   | flag: H | earlier: 4.6; 4.9
        Chloride       | 104  | mmol/L        | 95 .. 110    | earlier: 103; 105
        Bicarbonate    | 24   | mmol/L        | 22 .. 32     | earlier: 27; 25
        Urea           | 10.2 | mmol/L        | 3.5 .. 9.5   | flag: H | earlier: 7.8; 8.9
        Creatinine     | 109  | umol/L        | 45 .. 90     | flag: H | earlier: 88; 97
        eGFR           | 42   | mL/min/1.73m2 | 59 ..        | flag: L | earlier: 55; 49
        Urate          | 0.38 | mmol/L        | 0.14 .. 0.36 | flag: H | earlier: 0.33; 0.35
        Calcium (corr) | 2.44 | mmol/L        | 2.10 .. 2.60 | earlier: 2.38; 2.41
        Phosphate      | 1.21 | mmol/L        | 0.75 .. 1.50 | earlier: 1.10; 1.18
        Bili. Total    | 8    | umol/L        | 3 .. 15      | earlier: 7; 9
        ALP            | 74   | U/L           | 30 .. 115    | earlier: 70; 72
        GGT            | 21   | U/L           | 5 .. 35      | earlier: 19; 22
        ALT            | 17   | U/L           | 5 .. 30      | earlier: 18; 16
        Total Protein  | 71   | g/L           | 68 .. 85     | earlier: 72; 70
        Albumin        | 39   | g/L           | 37 .. 48     | earlier: 40; 39
        """
    )
    paper.titles(columns, step=12)
    paper.put(40, "Lab No", size=8)
    for x, number in ((205, "71120034"), (270, "80045127"), (335, "88120934")):
        paper.put(x, number, size=8, align="right")
    paper.y += 4
    paper.rule(step=17)
    paper.table(columns, lines, style, step=14)
    paper.y += 8
    paper.prose(
        "Comments on Lab No 88120934: eGFR 30-44 mL/min/1.73m2 - moderate to severe reduction (CKD "
        "stage 3b) if persistent for 3 months. Potassium is mildly increased; please exclude "
        "haemolysis.",
        40,
        500,
    )
    paper.say(40, "Printed: 14/03/24 16:21     NATA Accredited Lab No 2178     Page 1 of 1", size=7.5)
    return Report("australian-cumulative", paper.finish(), "pdf", tuple(lines), (), date(2024, 3, 14))
