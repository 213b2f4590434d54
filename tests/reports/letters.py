"""A made-up hospital letter and a portal page with results in them, and documents that are not medical at all."""

from __future__ import annotations

from datetime import date

from tests.reports.lines import Line, Report, Style, Vital, as_lines
from tests.reports.paper import Column, Paper


def discharge_letter() -> Report:
    """A hospital's letter: prose, medicines with doses, vital signs, and a short table of results."""
    paper = Paper(font="Times-Roman", size=10.5, top=60)
    paper.say(40, "St Nowhere's Hospital", bold=True, size=15, step=14)
    paper.say(40, "Department of General Medicine · 1 Example Road · Dublin 8 · Tel +353 1 555 0100", size=8.5, step=20)
    paper.say(40, "DISCHARGE SUMMARY", bold=True, size=12, step=18)
    paper.pairs(
        [
            ("Patient:", "Mock, Peter", "MRN:", "0448127"),
            ("DOB:", "12/05/1947 (77 years)", "Consultant:", "Dr. Q. Nemo"),
            ("Admitted:", "03/06/2024", "Discharged:", "09/06/2024"),
        ],
        [(40, 100), (320, 385)],
        step=14,
    )
    paper.rule(step=18)

    def part(title: str, text: str) -> None:
        paper.say(40, title, bold=True, step=14)
        paper.prose(text, size=10, width=510)
        paper.y += 3

    part(
        "Diagnosis",
        "1. Community-acquired pneumonia, right lower lobe (CURB-65 score 2). 2. Type 2 diabetes "
        "mellitus since 2009. 3. Paroxysmal atrial fibrillation, CHA2DS2-VASc 4.",
    )
    part(
        "Presenting complaint",
        "This 77-year-old man was brought in after 3 days of productive cough and fever up to 39 "
        "degrees at home. He stopped smoking 20 years ago (30 pack years) and lives alone on the 2nd "
        "floor.",
    )
    paper.say(40, "Observations on admission", bold=True, step=14)
    paper.say(
        40, "BP 148/92 mmHg    HR 104 bpm    RR 24/min    Temp 38.4 °C    SpO2 91 % on room air", size=10, step=14
    )
    paper.say(40, "Weight: 82.5 kg    Height: 176 cm    BMI 26.6 kg/m2", size=10, step=20)
    paper.say(40, "Laboratory results", bold=True, step=14)
    columns = [
        Column(50, "name", "Test"),
        Column(230, "value", "Result", "right"),
        Column(245, "unit", "Unit"),
        Column(330, "range", "Normal range"),
    ]
    rows = as_lines(
        """
        Haemoglobin      | 12.9 | g/dL     | 13.5 .. 17.5
        White cell count | 16.8 | x10^9/L  | 4.0 .. 11.0
        Platelets        | 341  | x10^9/L  | 140 .. 400
        CRP              | 187  | mg/L     | .. 5
        Sodium           | 133  | mmol/L   | 135 .. 145
        Potassium        | 4.2  | mmol/L   | 3.5 .. 5.0
        Creatinine       | 112  | µmol/L   | 64 .. 104
        HbA1c            | 58   | mmol/mol | 20 .. 41
        """
    )
    paper.titles(columns, step=13)
    paper.table(columns, rows, Style(), step=13)
    paper.y += 6
    part(
        "Course",
        "Treated with co-amoxiclav 1.2 g IV three times daily for 3 days, then 625 mg orally to "
        "complete 7 days. CRP had fallen by day 4 and he was afebrile from 06/06/2024. A chest X-ray "
        "showed consolidation of 4 x 5 cm in the right lower zone; repeat in 6 weeks.",
    )
    paper.say(40, "Discharge medication", bold=True, step=14)
    for text in (
        "Apixaban 5 mg            1-0-1",
        "Metformin 1000 mg        1-0-1",
        "Bisoprolol 2.5 mg        1-0-0",
        "Atorvastatin 40 mg       0-0-1",
    ):
        paper.say(50, text, size=10, step=12)
    paper.y += 8
    paper.say(40, "Dr. Q. Nemo, IMC 123456      Dictated 09/06/2024, ref QN/24/881", size=9)
    vitals = (
        Vital("blood_pressure", "148/92"),
        Vital("heart_rate", "104"),
        Vital("temperature", "38.4"),
        Vital("oxygen_saturation", "91"),
        Vital("weight", "82.5"),
        Vital("height", "176"),
    )
    return Report(
        "discharge-letter",
        paper.finish(),
        "pdf",
        (*rows, Line("BMI", "26.6", "kg/m2", is_optional=True)),
        vitals,
        date(2024, 6, 9),
    )


def patient_portal() -> Report:
    """A portal's page printed by a patient: each test in a card with its range below the name and the value right."""
    paper = Paper(font="Helvetica", size=9.5, top=40, bottom=790)
    paper.put(40, "https://portal.example.org/results/detail?id=88213", size=7, color="#888888", y=24)
    paper.put(555, "9/18/24, 8:41 PM", size=7, color="#888888", y=24, align="right")
    paper.y = 56
    paper.say(40, "Basic Metabolic Panel and Thyroid", bold=True, size=15, step=16)
    paper.say(40, "Collected on September 17, 2024 9:05 AM", step=13)
    paper.say(40, "Authorizing provider: Nobody, Alex, DO", step=22)
    rows = as_lines(
        """
        Sodium        | 141  | mmol/L | 136 .. 145
        Potassium     | 3.3  | mmol/L | 3.5 .. 5.1   | flag: L
        Chloride      | 103  | mmol/L | 98 .. 107
        CO2           | 25   | mmol/L | 22 .. 29
        Glucose       | 88   | mg/dL  | 70 .. 99
        Urea Nitrogen | 11   | mg/dL  | 6 .. 20
        Creatinine    | 0.71 | mg/dL  | 0.51 .. 0.95
        Calcium       | 10.9 | mg/dL  | 8.6 .. 10.2  | flag: H
        TSH           | 1.62 | uIU/mL | 0.27 .. 4.20
        Free T4       | 1.2  | ng/dL  | 0.9 .. 1.7
        """
    )
    for row in rows:
        paper.box(40, paper.y - 13, 515, 48, fill="#ffffff", stroke="#cccccc")
        paper.say(52, row.name, bold=True, size=11, step=14)
        paper.put(400, "Value", size=8, color="#666666")
        paper.say(52, f"Normal range: {row.low} - {row.high} {row.unit}", size=9, step=12, color="#444444")
        paper.put(400, row.value, bold=True, size=13, color="#b00020" if row.flag else "#000000")
        if row.flag:
            paper.put(440, "High" if row.flag == "H" else "Low", size=9, color="#b00020")
        paper.y += 28
    paper.say(40, "MyRecord® licensed from Example Systems Corporation © 1999 - 2024", size=7, color="#888888")
    return Report("patient-portal", paper.finish(), "pdf", tuple(rows), (), date(2024, 9, 17))


def hardware_invoice() -> Report:
    """An invoice whose table of quantities, units and amounts looks much like results. Not medical."""
    paper = Paper(font="Helvetica", size=9.5, top=60)
    paper.say(40, "Nordwind Eisenwaren GmbH", bold=True, size=15, step=14)
    paper.say(
        40, "Lagerweg 7, 20457 Hamburg    USt-IdNr. DE000000000    IBAN DE00 2005 0000 0000 0000 00", size=8, step=30
    )
    paper.say(40, "INVOICE No. 2024-10382", bold=True, size=13, step=18)
    paper.pairs(
        [("Customer no.", "77120", "Invoice date", "14.05.2024"), ("Order", "A-5521", "Due", "28.05.2024")],
        [(40, 120), (330, 410)],
        step=14,
    )
    paper.rule(step=18)
    columns = [
        Column(40, "name", "Description"),
        Column(290, "value", "Quantity", "right"),
        Column(305, "unit", "Unit"),
        Column(400, "range", "Unit price", "right"),
        Column(520, "earlier0", "Amount EUR", "right"),
    ]
    items = as_lines(
        """
        Hex bolt M8 x 40, zinc plated | 250  | pcs  |  | span: 0.18 | earlier: 45.00
        Cement, bag                   | 25.0 | kg   |  | span: 0.42 | earlier: 10.50
        Iron sheet 1.5 mm             | 12.4 | m2   |  | span: 18.90 | earlier: 234.36
        Potassium soap cleaner        | 5    | L    |  | span: 6.20 | earlier: 31.00
        Zinc spray                    | 6    | cans |  | span: 8.95 | earlier: 53.70
        Delivery                      | 1    | flat |  | span: 29.00 | earlier: 29.00
        """
    )
    paper.titles(columns)
    paper.rule(step=17)
    paper.table(columns, items, Style(), step=15)
    paper.rule(step=16)
    for label, amount in (("Subtotal", "403.56"), ("VAT 19 %", "76.68"), ("Total", "480.24")):
        paper.put(400, label, align="right", bold=label == "Total")
        paper.say(520, amount, align="right", bold=label == "Total", step=15)
    paper.y += 14
    paper.prose(
        "Payable within 14 days without deduction. Goods remain our property until paid in full. "
        "Returns within 30 days, range 10 - 30 pieces.",
        size=8.5,
    )
    return Report("hardware-invoice", paper.finish(), "pdf", is_medical=False, document_date=date(2024, 5, 14))


def short_story() -> Report:
    """Two pages of a story with numbers, blood and iron in it. Not medical."""
    paper = Paper(font="Times-Roman", size=11, top=70)
    paper.say(297, "The Lighthouse Keeper's Ledger", bold=True, size=18, align="center", step=30)
    parts = (
        "The ledger had 412 pages, and on every one of them old Maren had written the weather, the "
        "oil burnt and the ships that passed. On the 3rd of March 1887 she counted 14 ships, 2 of "
        "them under foreign flags, and 6.5 gallons of oil.",
        "Her blood ran cold when the iron stair shook. It had 98 steps, and she took them 3 at a "
        "time, a thing she had not done in 40 years. The glass showed 29.2 inches and falling. "
        '"Normal for the season," the doctor had said at noon, setting down his bag, "you will '
        'see 70 - 80 such days."',
        "But the sodium light across the bay was dark. She turned the wheel by hand, 12 turns to the "
        "minute, until 4 in the morning, and in between she wrote: wind 9, sea high, keeper well. "
        "The pressure of the water against the door was such that two men could not have opened it.",
        "When the relief boat came at last, on the 7th, they found 31 lines of ink for 4 nights, and "
        "below them, in a steadier hand: oil 0.5, bread 0, ships lost 0. The positive side, she "
        "said, is that the arithmetic is easy now.",
    )
    for _ in range(3):
        for text in parts:
            paper.need(90)
            paper.prose(text, 70, 455, size=11)
            paper.y += 6
    return Report("short-story", paper.finish(), "pdf", is_medical=False)
