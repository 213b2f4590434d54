"""More made-up reports in layouts that the reader was not written for, and tables that are not medical."""

from __future__ import annotations

from datetime import date

from tests.reports.lines import Report, Style, as_lines
from tests.reports.paper import Column, Paper


def pakistani_newest_first() -> Report:
    """Name, range, unit, then results by date with the newest at the left."""
    paper = Paper(font="Times-Roman", size=10, top=50)
    paper.say(297, "INDUS CLINICAL LABORATORY", bold=True, size=15, align="center", color="#1a237e", step=15)
    paper.say(297, "House 12, Street 4, Lahore   UAN 042 111 000 123", align="center", size=8.5, step=20)
    paper.pairs(
        [
            ("Patient Name", "MR. NAMOONA KHAN", "Case No", "114-22-0981"),
            ("Age / Gender", "64 Year(s) / Male", "Reg. Date", "02-Dec-2024 10:44"),
            ("Referred By", "Dr. Koi Nahin", "Report Date", "02-Dec-2024 18:05"),
        ],
        [(45, 125), (340, 410)],
        step=13,
    )
    paper.rule(45, 550, step=20)
    columns = [
        Column(45, "name", "TEST"),
        Column(190, "range", "NORMAL VALUE"),
        Column(285, "unit", "UNIT"),
        Column(385, "value", "02-Dec-2024", "right", bold=True),
        Column(460, "earlier0", "03-Sep-2024", "right"),
        Column(535, "earlier1", "11-Jun-2024", "right"),
    ]
    style = Style(span="{low} - {high}", below="Up to {high}", above="More than {low}")
    rows = as_lines(
        """
        Urea              | 88   | mg/dL  | 10 .. 50      | earlier: 79; 71
        Creatinine        | 3.4  | mg/dL  | 0.7 .. 1.3    | earlier: 3.1; 2.8
        Uric Acid         | 8.2  | mg/dL  | 3.4 .. 7.0    | earlier: 7.9; 8.0
        Sodium            | 137  | mmol/L | 136 .. 146    | earlier: 139; 138
        Potassium         | 5.7  | mmol/L | 3.5 .. 5.1    | earlier: 5.2; 5.0
        Chloride          | 104  | mmol/L | 98 .. 107     | earlier: 102; 103
        Bicarbonate       | 19   | mmol/L | 22 .. 29      | earlier: 21; 22
        Calcium           | 8.4  | mg/dL  | 8.6 .. 10.2   | earlier: 8.7; 8.8
        Phosphorus        | 5.6  | mg/dL  | 2.5 .. 4.5    | earlier: 4.9; 4.6
        Albumin           | 3.7  | g/dL   | 3.5 .. 5.2    | earlier: 3.8; 3.9
        Haemoglobin       | 9.8  | g/dL   | 13.0 .. 17.0  | earlier: 10.2; 10.9
        Bilirubin Total   | 0.6  | mg/dL  | .. 1.2        | earlier: 0.7; 0.5
        """
    )
    paper.titles(columns)
    paper.rule(45, 550, step=17)
    paper.table(columns, rows, style, step=15)
    paper.y += 8
    paper.say(45, "Electronically verified report, no signature(s) required.   Page 1 of 1", size=8)
    return Report("pakistani-newest-first", paper.finish(), "pdf", tuple(rows), (), date(2024, 12, 2))


def colon_printout() -> Report:
    """Name, dots, colon, value and unit, with the range in square brackets; no titles of columns."""
    paper = Paper(font="Courier", size=9.5, top=50)
    for text in (
        "GREEN HILL VETERANS CLINIC - LABORATORY",
        "Patient: TRYOUT, GEORGE    SSN: xxx-xx-0000    DOB: JAN 03,1949",
        "Collected: 10/28/2024 07:14    Reported: 10/28/2024 12:02    Accession: CH 1028 77",
        "",
        "--- CHEMISTRY ---",
    ):
        paper.say(45, text)
    rows = as_lines(
        """
        GLUCOSE          | 161  | mg/dL  | 70 .. 110   | flag: H
        UREA NITROGEN    | 18   | mg/dL  | 8 .. 25
        CREATININE       | 1.1  | mg/dL  | 0.6 .. 1.4
        SODIUM           | 138  | mEq/L  | 135 .. 145
        POTASSIUM        | 4.6  | mEq/L  | 3.5 .. 5.0
        HEMOGLOBIN A1C   | 7.8  | %      | 4.3 .. 6.1  | flag: H
        CHOLESTEROL      | 172  | mg/dL  | .. 200
        HDL              | 36   | mg/dL  | 40 ..       | flag: L
        TRIGLYCERIDE     | 223  | mg/dL  | .. 150      | flag: H
        PSA              | 2.31 | ng/mL  | 0.00 .. 4.00
        """
    )
    style = Style(span="[{low} - {high}]", below="[< {high}]", above="[> {low}]")
    for row in rows:
        paper.say(
            45, f"{row.name + ' ':.<22}: {row.value + ' ' + (row.unit or ''):<14}{row.flag:<3}{style.range_of(row)}"
        )
    paper.y += 10
    paper.say(45, "Comment: Fasting 12 hours. Call 1-800-555-0168 for questions.")
    return Report("colon-printout", paper.finish(), "pdf", tuple(rows), (), date(2024, 10, 28))


def serology_report() -> Report:
    """Reactive or not, with an index and a cut-off; a phone number and a long disclaimer."""
    paper = Paper(font="Helvetica", size=9, top=50)
    paper.say(40, "Metro Reference Laboratory", bold=True, size=14, step=14)
    paper.say(40, "Infectious Disease Serology      Accra, Ghana      +233 30 255 0123", size=8, step=18)
    paper.pairs(
        [
            ("Patient", "Mensah Sample", "Specimen No", "S-77120"),
            ("Age/Sex", "27Y / F", "Received", "17 Jan 2025"),
            ("Ward", "ANC", "Reported", "18 Jan 2025"),
        ],
        [(40, 95), (320, 390)],
    )
    paper.rule(step=18)
    columns = [
        Column(40, "name", "Investigation"),
        Column(250, "value", "Result"),
        Column(350, "unit", "Unit"),
        Column(420, "range", "Reference"),
    ]
    rows = as_lines(
        """
        HIV 1 & 2 Antibodies     | Non-Reactive |       |       | span: Non-Reactive | abnormal: no
        HBsAg                    | Reactive     |       |       | span: Non-Reactive | abnormal: yes
        HBsAg Index              | 412.6        | S/CO  | .. 1.0 | span: < 1.0
        Anti-HCV                 | Non-Reactive |       |       | span: Non-Reactive | abnormal: no
        VDRL                     | Non-Reactive |       |       | span: Non-Reactive | abnormal: no
        Rubella IgG              | 48.2         | IU/mL | 10 .. | span: > 10
        Toxoplasma IgM           | 0.12         | Index | .. 0.8 | span: < 0.8
        Malaria Parasites        | Not Seen     |       |       | span: Not Seen | abnormal: no
        """
    )
    paper.titles(columns)
    paper.rule(step=17)
    paper.table(columns, rows, Style(), step=16)
    paper.prose(
        "A reactive screening result must be confirmed by a second method. Sensitivity 99.8 %, specificity 99.5 %. "
        "Window period 3 - 12 weeks. Results of 3 samples in 100 may be falsely reactive in pregnancy."
    )
    return Report("serology-report", paper.finish(), "pdf", tuple(rows), (), date(2025, 1, 18))


def nutrition_label() -> Report:
    """A food's data sheet with sodium, iron and vitamins per 100 g. Not medical."""
    paper = Paper(font="Helvetica", size=10, top=60)
    paper.say(60, "PRODUCT SPECIFICATION - Crunchy Oat Muesli", bold=True, size=14, step=18)
    paper.say(60, "Article 4471-20   Version 3   Issued 11/04/2024   Net weight 500 g", step=22)
    columns = [
        Column(60, "name", "Nutrition"),
        Column(260, "value", "per 100 g", "right"),
        Column(275, "unit", "Unit"),
        Column(340, "range", "Tolerance"),
        Column(480, "earlier0", "% NRV", "right"),
    ]
    rows = as_lines(
        """
        Energy         | 1620 | kJ | 1500 .. 1740 | earlier: 19
        Fat            | 9.1  | g  | 7.6 .. 10.6  | earlier: 13
        Carbohydrate   | 61.0 | g  | 56.0 .. 66.0 | earlier: 23
        Protein        | 10.4 | g  | 8.4 .. 12.4  | earlier: 21
        Salt           | 0.4  | g  | 0.1 .. 0.7   | earlier: 7
        Sodium         | 160  | mg | 40 .. 280    | earlier: 7
        Iron           | 4.2  | mg | 3.4 .. 6.1   | earlier: 30
        Magnesium      | 94   | mg | 70 .. 127    | earlier: 25
        """
    )
    paper.titles(columns, step=16)
    paper.table(columns, rows, Style(), step=16)
    paper.prose(
        "May contain traces of nuts. Store dry, best before 12 months. Ingredients: oats 52 %, sugar, hazelnuts 6 %.",
        60,
    )
    return Report("nutrition-label", paper.finish(), "pdf", document_date=date(2024, 4, 11), is_medical=False)


def bank_statement() -> Report:
    """A statement with dates, amounts and balances. Not medical."""
    paper = Paper(font="Helvetica", size=9.5, top=60)
    paper.say(50, "First Sample Bank", bold=True, size=15, step=18)
    paper.say(50, "Statement of account 0012-558-771    01 Mar 2024 - 31 Mar 2024", step=24)
    paper.put(50, "Date", bold=True)
    paper.put(130, "Description", bold=True)
    paper.put(400, "Amount", bold=True, align="right")
    paper.say(500, "Balance", bold=True, align="right", step=16)
    for day, text, amount, balance in (
        ("01 Mar", "Opening balance", "", "2,140.22"),
        ("04 Mar", "Card payment CITY PHARMACY 22.40", "-22.40", "2,117.82"),
        ("07 Mar", "Direct debit HEALTH INSURANCE", "-310.00", "1,807.82"),
        ("15 Mar", "Salary ACME LTD", "+3,250.00", "5,057.82"),
        ("21 Mar", "Transfer to savings", "-1,000.00", "4,057.82"),
        ("28 Mar", "Laboratory invoice 88120", "-64.00", "3,993.82"),
        ("31 Mar", "Interest 0.5 %", "+1.61", "3,995.43"),
    ):
        paper.put(50, day)
        paper.put(130, text)
        paper.put(400, amount, align="right")
        paper.say(500, balance, align="right", step=15)
    return Report("bank-statement", paper.finish(), "pdf", document_date=date(2024, 3, 31), is_medical=False)
