"""Made-up reports as Indian laboratories print them: lakh grouping, methods below names, risk tables."""

from __future__ import annotations

from datetime import date

from tests.reports.lines import Line, Report, Style, as_lines, with_lakhs
from tests.reports.paper import Column, Paper


def indian_blood_count() -> Report:
    """Lakh grouping, methods below names, H and L before the result, letterhead and titles repeated on two pages."""
    columns = [
        Column(45, "name", "Investigation"),
        Column(285, "flag value", "Observed Value", "right"),
        Column(320, "unit", "Unit"),
        Column(415, "range", "Biological Reference Interval"),
    ]

    def letterhead(paper: Paper, page: int) -> None:
        paper.box(0, 0, 595, 34, fill="#c8102e", stroke="#c8102e")
        paper.put(45, "AROGYA DIAGNOSTICS", bold=True, size=15, y=23, color="#ffffff")
        paper.put(550, "NABL MC-0000   Toll free 1800 000 1234", size=7.5, y=22, align="right", color="#ffffff")
        paper.pairs(
            [
                ("Patient Name", ": Mr. SPECIMEN KUMAR", "Barcode No", ": B1284471"),
                ("Age/Gender", ": 52 Y 3 M 11 D /M", "Registered", ": 09/Jan/2024 08:31AM"),
                ("UHID/MR No", ": APJ1.0023341", "Collected", ": 09/Jan/2024 08:42AM"),
                ("Visit ID", ": CJPNOPV190233", "Reported", ": 09/Jan/2024 02:17PM"),
                ("Ref Doctor", ": Dr. SELF", "Status", ": Final Report"),
            ],
            [(45, 120), (330, 400)],
        )
        paper.rule(45, 550, step=14)
        paper.put(
            298, "DEPARTMENT OF HAEMATOLOGY" if page == 1 else "DEPARTMENT OF BIOCHEMISTRY", bold=True, align="center"
        )
        paper.y += 16
        paper.titles(columns)
        paper.rule(45, 550, step=16)
        paper.put(45, f"Page {page} of 2", size=7, y=806)
        paper.put(
            550,
            "SIN No: BED240009871   This test has been performed at Plot 34, Hyderabad 500033",
            size=7,
            y=806,
            align="right",
        )

    paper = Paper(font="Helvetica", size=9, top=56, bottom=790, decorate=letterhead)
    style = Style(with_lakhs, span="{low}-{high}", below="<{high}", above=">{low}")
    blood = as_lines(
        """
        HAEMOGLOBIN                 | 12.1  | g/dL          | 13 .. 17      | flag: L | under: Spectrophotometer
        PCV | 37.20 | % | 40 .. 50 | flag: L | under: Electronic pulse & Calculation
        RBC COUNT                   | 4.71  | Million/cu.mm | 4.5 .. 5.5    | under: Electrical Impedence
        MCV                         | 79    | fL            | 83 .. 101     | flag: L | under: Calculated
        MCH                         | 25.7  | pg            | 27 .. 32      | flag: L | under: Calculated
        R.D.W                       | 16.4  | %             | 11.6 .. 14    | flag: H | under: Calculated
        TOTAL LEUCOCYTE COUNT (TLC) | 12450 | cells/cu.mm | 4000 .. 10000 | flag: H | under: Electrical Impedance
        """
    )
    differential = as_lines(
        """
        NEUTROPHILS | 72 | % | 40 .. 80 | under: Flow cytometry
        LYMPHOCYTES | 19 | % | 20 .. 40 | flag: L | under: Flow cytometry
        EOSINOPHILS | 3  | % | 1 .. 6   | under: Flow cytometry
        MONOCYTES   | 6  | % | 2 .. 10  | under: Flow cytometry
        BASOPHILS   | 0  | % | 0 .. 2   | span: 0-2 | under: Flow cytometry
        """
    )
    absolute = as_lines(
        """
        NEUTROPHILS | 8964 | Cells/cu.mm | 2000 .. 7000 | flag: H | under: Calculated
        LYMPHOCYTES | 2365.5 | Cells/cu.mm | 1000 .. 3000 | under: Calculated
        PLATELET COUNT | 245000 | cells/cu.mm | 150000 .. 410000 | under: Electrical impedence
        ERYTHROCYTE SEDIMENTATION // RATE (ESR) | 34 | mm at the end // of 1 hour | 0 .. 15 | flag: H | under: \
            Modified Westergren
        """
    )
    paper.say(45, "COMPLETE BLOOD COUNT WITH ESR , WHOLE BLOOD EDTA", bold=True, size=9, step=16)
    paper.table(columns, blood, style, step=12)
    paper.say(45, "DIFFERENTIAL LEUCOCYTIC COUNT (DLC)", bold=True)
    paper.table(columns, differential, style, step=12)
    paper.say(45, "ABSOLUTE LEUCOCYTE COUNT", bold=True)
    paper.table(columns, absolute, style, step=12)
    paper.y += 4
    paper.prose(
        "RBCs are microcytic hypochromic. WBCs show mild neutrophilic leucocytosis. Platelets are "
        "adequate on smear. No haemoparasites seen.",
        45,
        500,
    )
    paper.new_page()
    sugar = as_lines(
        """
        GLUCOSE, FASTING , NAF PLASMA | 134 | mg/dL | 70 .. 100 | flag: H | under: HEXOKINASE
        """
    )
    paper.table(columns, sugar, style, step=14)
    paper.say(45, "Comment:", bold=True)
    paper.say(45, "As per American Diabetes Guidelines, 2023")
    for left, right in (
        ("Fasting Glucose Values in mg/dL", "Interpretation"),
        ("70-100 mg/dL", "Normal"),
        ("100-125 mg/dL", "Prediabetes"),
        ("≥126 mg/dL", "Diabetes"),
        ("<70 mg/dL", "Hypoglycemia"),
    ):
        paper.box(45, paper.y - 9, 190, 13)
        paper.box(235, paper.y - 9, 190, 13)
        paper.put(48, left, size=8)
        paper.say(238, right, size=8, step=13)
    paper.y += 12
    hba1c = as_lines(
        """
        HBA1C, GLYCATED HEMOGLOBIN      | 7.4 | %     | .. 5.7 | flag: H | span: <5.7 | under: HPLC
        ESTIMATED AVERAGE GLUCOSE (eAG) | 166 | mg/dL |        | under: Calculated
        """
    )
    paper.say(45, "HBA1C (GLYCATED HEMOGLOBIN) , WHOLE BLOOD EDTA", bold=True, step=15)
    paper.table(columns, hba1c, style, step=14)
    paper.prose(
        "Reference Group HBA1C %: Non diabetic <5.7, Prediabetes 5.7 - 6.4, Diabetes ≥ 6.5. "
        "Diabetics: Excellent Control 6 - 7, Fair to good control 7 - 8, Unsatisfactory control 8 - "
        "10, Poor control >10. Note: Dietary preparation or fasting is not required. HbA1C is "
        "recommended by the American Diabetes Association for diagnosing diabetes and monitoring "
        "glycemic control every 3 months.",
        45,
        500,
    )
    kidney = as_lines(
        """
        UREA                | 41.3 | mg/dL | 17 .. 43    | under: GLDH, Kinetic Assay
        BLOOD UREA NITROGEN | 19.3 | mg/dL | 8.0 .. 23.0 | under: Calculated
        URIC ACID           | 6.90 | mg/dL | 3.5 .. 7.2  | under: Uricase PAP
        CALCIUM             | 9.70 | mg/dL | 8.8 .. 10.6 | under: Arsenazo III
        """
    )
    paper.say(45, "RENAL PROFILE/KIDNEY FUNCTION TEST (RFT/KFT) , SERUM", bold=True, step=15)
    paper.table(columns, kidney, style, step=13)
    paper.y += 14
    paper.say(298, "*** End Of Report ***", align="center")
    lines = tuple(
        Line(r.name, r.value, "mm at the end of 1 hour" if r.name.startswith("ERYTH") else r.unit, r.low, r.high)
        for r in blood + differential + absolute + sugar + hba1c + kidney
    )
    return Report("indian-blood-count", paper.finish(), "pdf", lines, (), date(2024, 1, 9))


def indian_vitamins_and_thyroid() -> Report:
    """Banded, trimester and sex-specific ranges for a woman; risk tables and explanations that are no results."""
    paper = Paper(font="Helvetica", size=9, top=50, bottom=800)
    paper.say(40, "SUNRISE PATH LAB", bold=True, size=16, color="#e07b00", step=14)
    paper.say(40, "An ISO 15189:2012 laboratory  |  care@sunrise.example  |  080-4000-1234", size=7.5, step=18)
    paper.pairs(
        [
            ("Name", "MRS. TRIAL DEVI", "Lab ID", "40028177"),
            ("Age / Sex", "38 Yrs / Female", "Sample Date", "21-Feb-2024 07:55"),
            ("Referred By", "Dr. A. Nobody (MBBS, MD)", "Report Date", "21-Feb-2024 19:30"),
        ],
        [(40, 100), (330, 395)],
    )
    paper.rule(step=18)
    columns = [
        Column(40, "name", "Test Description"),
        Column(230, "value", "Result"),
        Column(290, "unit", "Units"),
        Column(360, "range", "Bio. Ref. Range"),
    ]
    style = Style(span="{low} - {high}", below="Upto {high}", above="Above {low}")
    lines = as_lines(
        """
        25-OH Vitamin D (Total) | 14.20 | ng/mL | 30 .. 100 | span: Deficiency : < 20 // Insufficiency : 20 - 29 // \
            Sufficiency : 30 - 100 // Toxicity : > 100 | under: CLIA
        Vitamin B-12                       | 168   | pg/mL  | 211 .. 911   | under: CLIA
        Serum Ferritin | 8.1 | ng/mL | 10 .. 291 | span: Male : 22 - 322 // Female : 10 - 291 | under: CLIA
        Iron | 38 | µg/dL | 50 .. 170 | span: Male: 65 - 175 Female: 50 - 170
        Folate                             | 11.4  | ng/mL  | 5.38 ..      | span: > 5.38
        Total Triiodothyronine (T3)        | 112   | ng/dL  | 60 .. 200
        Total Thyroxine (T4)               | 7.9   | µg/dL  | 4.5 .. 12.0
        Thyroid Stimulating Hormone // (TSH) Ultrasensitive | 6.84 | µIU/mL | 0.35 .. 5.50 | under: Chemiluminescence
        Anti Thyroid Peroxidase // (Anti-TPO) Antibody | 184.3 | IU/mL  | .. 60        | span: Upto 60
        High Sensitivity C-Reactive // Protein (hs-CRP) | 3.60 | mg/L | .. 1.00 | span: Low risk : < 1.00 // \
            Average risk : 1.00 - 3.00 // High risk : > 3.00 | optional: yes
        Homocysteine                       | 12.8  | µmol/L | .. 15        | span: Upto 15
        Rheumatoid Factor                  | <10   | IU/mL  | .. 14        | span: Upto 14 | abnormal: no
        """
    )
    paper.titles(columns)
    paper.rule(step=17)
    paper.say(40, "SERUM VITAMINS AND MINERALS", bold=True, step=14)
    paper.table(columns, lines[:5], style, step=14)
    paper.say(40, "THYROID FUNCTION TEST", bold=True, step=14)
    paper.table(columns, lines[5:9], style, step=14)
    paper.say(40, "Interpretation of TSH in pregnancy", bold=True, size=8)
    for text in (
        "1st Trimester          0.100 - 2.500",
        "2nd Trimester         0.200 - 3.000",
        "3rd Trimester          0.300 - 3.000",
    ):
        paper.say(60, text, size=8, step=10)
    paper.y += 6
    paper.say(40, "INFLAMMATION AND HEART", bold=True, step=14)
    paper.table(columns, lines[9:], style, step=14)
    paper.prose(
        "Vitamin D toxicity is usually seen above 150 ng/mL. TSH levels are subject to circadian "
        "variation, reaching peak levels between 2 - 4 a.m. and a minimum between 6 - 10 p.m. The "
        "variation is of the order of 50%. Concentrations above 10 µIU/mL should be repeated in 6 "
        "weeks."
    )
    paper.say(40, "Dr. N. Body MD (Path) Reg No 45521         Page 1 of 1", size=7.5)
    return Report("indian-vitamins-and-thyroid", paper.finish(), "pdf", tuple(lines), (), date(2024, 2, 21))
