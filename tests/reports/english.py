"""Made-up reports as laboratories in the United States, the United Kingdom and Canada print them."""

from __future__ import annotations

from datetime import date

from tests.reports.lines import Line, Report, Style
from tests.reports.paper import Column, Paper

L = Line


def american_reference_laboratory() -> Report:
    """Result, flag, units, interval, and a trailing column with the number of the laboratory that did the test."""

    def letterhead(paper: Paper, page: int) -> None:
        paper.put(40, "Meridian", bold=True, size=18, color="#0b4f8a")
        paper.put(122, "Clinical Laboratories", size=12, color="#555555")
        paper.put(555, "Patient Report", bold=True, size=12, align="right")
        paper.y += 20
        paper.rule(width=1.5, color="#0b4f8a", step=12)
        paper.pairs([("Specimen ID:", "081-423-7719-0", "Control ID:", "B0098234410"),
                     ("Patient:", "SAMPLE, JANE Q", "Acct #:", "29081234"),
                     ("DOB:", "04/17/1979   Age(y/m/d): 045/02/03", "Phone:", "(336) 555-0182"),
                     ("Gender:", "F    SSN: ***-**-4410", "Rte:", "00  Fasting: Yes"),
                     ("Date collected:", "06/20/2024 0812 Local", "Date received:", "06/20/2024"),
                     ("Date entered:", "06/20/2024", "Date reported:", "06/21/2024 0511 ET")],
                    [(40, 115), (330, 405)], step=11)
        paper.rule(step=16)
        paper.put(40, f"FINAL REPORT      Page {page} of 2", size=7, y=815)
        paper.put(555, "© 2024 Meridian Holdings. 231 Maple Ave, Burlington NC 27215   1-800-555-0142", size=7, y=815,
                  align="right")

    paper = Paper(top=50, bottom=770, decorate=letterhead)
    columns = [Column(40, "name", "TESTS"), Column(235, "value", "RESULT"), Column(300, "flag", "FLAG", bold=True),
               Column(350, "unit", "UNITS"), Column(430, "range", "REFERENCE INTERVAL"), Column(550, "=01", "LAB")]
    style = Style(span="{low}-{high}")
    sections: list[tuple[str, list[Line], str]] = [
        ("CBC With Differential/Platelet", [
            L("WBC", "6.1", "x10E3/uL", "3.4", "10.8"), L("RBC", "3.62", "x10E6/uL", "3.77", "5.28", flag="Low"),
            L("Hemoglobin", "10.4", "g/dL", "11.1", "15.9", flag="Low"),
            L("Hematocrit", "32.9", "%", "34.0", "46.6", flag="Low"), L("MCV", "91", "fL", "79", "97"),
            L("MCH", "28.7", "pg", "26.6", "33.0"), L("MCHC", "31.6", "g/dL", "31.5", "35.7"),
            L("RDW", "15.8", "%", "11.7", "15.4", flag="High"), L("Platelets", "402", "x10E3/uL", "150", "450"),
            L("Neutrophils", "58", "%", abnormal=None, span="Not Estab."),
            L("Lymphs", "31", "%", span="Not Estab."), L("Monocytes", "8", "%", span="Not Estab."),
            L("Neutrophils (Absolute)", "3.5", "x10E3/uL", "1.4", "7.0"),
            L("Lymphs (Absolute)", "1.9", "x10E3/uL", "0.7", "3.1"),
        ], ""),
        ("Comp. Metabolic Panel (14)", [
            L("Glucose", "118", "mg/dL", "70", "99", flag="High"), L("BUN", "14", "mg/dL", "6", "24"),
            L("Creatinine", "0.78", "mg/dL", "0.57", "1.00"),
            L("eGFR", "95", "mL/min/1.73", "59", None), L("BUN/Creatinine Ratio", "18", None, "9", "23"),
            L("Sodium", "140", "mmol/L", "134", "144"), L("Potassium", "4.4", "mmol/L", "3.5", "5.2"),
            L("Chloride", "103", "mmol/L", "96", "106"), L("Carbon Dioxide, Total", "23", "mmol/L", "20", "29"),
            L("Calcium", "9.2", "mg/dL", "8.7", "10.2"), L("Protein, Total", "6.9", "g/dL", "6.0", "8.5"),
            L("Albumin", "4.2", "g/dL", "3.9", "4.9"), L("Bilirubin, Total", "0.4", "mg/dL", "0.0", "1.2"),
            L("Alkaline Phosphatase", "71", "IU/L", "44", "121"), L("AST (SGOT)", "19", "IU/L", "0", "40"),
            L("ALT (SGPT)", "17", "IU/L", "0", "32"),
        ], ""),
        ("Hemoglobin A1c", [L("Hemoglobin A1c", "6.1", "%", "4.8", "5.6", flag="High")],
         "Please Note: Prediabetes: 5.7 - 6.4. Diabetes: >6.4. Glycemic control for adults with diabetes: <7.0"),
        ("Ferritin", [L("Ferritin", "9", "ng/mL", "15", "150", flag="Low")], ""),
        ("Troponin T (Highly Sensitive)", [L("Troponin T, hs", "<6", "ng/L", "0", "14", abnormal=False)],
         "In accord with published guidelines, serial testing at 0 and 3 hours with a change of 5 ng/L or more should be "
         "interpreted together with the ECG and the clinical picture."),
    ]
    lines: list[Line] = []
    paper.titles(columns)
    paper.rule(step=8)
    for title, rows, note in sections:
        paper.need(60)
        paper.say(40, title, bold=True, step=13)
        paper.table(columns, rows, style, step=12)
        if note:
            paper.prose(note, x=60, width=420)
        paper.y += 4
        lines += rows
    paper.say(40, "Performing laboratory 01: Meridian Burlington, 1447 York Court, Dir: A. Nobody, MD, 27215-3361", size=7)
    paper.say(40, "For inquiries, the physician may contact Branch: 800-555-0171  Lab: 336-555-0190", size=7)
    return Report("american-reference-laboratory", paper.finish(), "pdf", tuple(lines), (), date(2024, 6, 21))




def american_in_and_out_of_range() -> Report:
    """Results stand in one of two columns, within or out of range; the unit follows the range."""
    paper = Paper(font="Helvetica", size=8.5, top=46)
    paper.box(40, 30, 160, 26, fill="#1f6f43", stroke="#1f6f43")
    paper.put(52, "HARBOR DIAGNOSTICS", bold=True, size=12, color="#ffffff", y=47)
    paper.y = 80
    paper.pairs([("Patient:", "EXAMPLE, ROBERT", "Specimen:", "TB847201K"),
                 ("DOB:", "11/02/1961   AGE: 62", "Requisition:", "0009921"),
                 ("Gender:", "M", "Collected:", "02/14/2024 / 07:45 EST"),
                 ("Patient ID:", "5520017", "Reported:", "02/15/2024 / 10:22 EST")], [(40, 100), (320, 385)])
    paper.rule(step=18)
    columns = [Column(40, "name", "Test Name"), Column(250, "value in", "In Range", "center"),
               Column(325, "value out", "Out Of Range", "center", bold=True), Column(380, "range unit", "Reference Range"),
               Column(540, "=HD1", "Lab")]
    style = Style(span="{low}-{high}", below="<{high}", above="> OR = {low}")
    lipids = [L("CHOLESTEROL, TOTAL", "231", "mg/dL", None, "200", flag="H"), L("HDL CHOLESTEROL", "44", "mg/dL", "40"),
              L("TRIGLYCERIDES", "187", "mg/dL", None, "150", flag="H"),
              L("LDL-CHOLESTEROL", "152", "mg/dL (calc)", None, "100", flag="H"),
              L("CHOL/HDLC RATIO", "5.3", "(calc)", None, "5.0", flag="H"),
              L("NON HDL CHOLESTEROL", "187", "mg/dL (calc)", None, "130", flag="H")]
    metabolic = [L("GLUCOSE", "96", "mg/dL", "65", "99"), L("UREA NITROGEN (BUN)", "22", "mg/dL", "7", "25"),
                 L("CREATININE", "1.41", "mg/dL", "0.70", "1.35", flag="H"),
                 L("EGFR", "56", "mL/min/1.73m2", "60", None, flag="L"),
                 L("SODIUM", "138", "mmol/L", "135", "146"), L("POTASSIUM", "5.5", "mmol/L", "3.5", "5.3", flag="H"),
                 L("CARBON DIOXIDE", "27", "mmol/L", "20", "32"), L("CALCIUM", "9.4", "mg/dL", "8.6", "10.3"),
                 L("BILIRUBIN, TOTAL", "0.7", "mg/dL", "0.2", "1.2"), L("AST", "22", "U/L", "10", "35"),
                 L("ALT", "31", "U/L", "9", "46")]
    psa = [L("PSA, TOTAL", "1.8", "ng/mL", None, "4.0", span="< OR = 4.0")]
    paper.titles(columns)
    paper.rule(step=10)
    paper.say(40, "LIPID PANEL, STANDARD", bold=True)
    paper.table(columns, lipids[:4], style)
    paper.prose("Desirable range <100 mg/dL for primary prevention; <70 mg/dL for patients with CHD or diabetic patients "
                "with > or = 2 CHD risk factors. LDL-C is now calculated using the Martin-Hopkins calculation. Martin SS et "
                "al. JAMA. 2013;310(19): 2061-2068", x=56, width=330)
    paper.table(columns, lipids[4:], style)
    paper.say(40, "COMPREHENSIVE METABOLIC PANEL", bold=True)
    paper.table(columns, metabolic[:1], style)
    paper.say(260, "Fasting reference interval", size=7.5)
    paper.table(columns, metabolic[1:], style)
    paper.say(40, "PSA, TOTAL", bold=True)
    paper.table(columns, psa, style)
    paper.prose("The total PSA value from this assay system is standardized against the WHO standard. The test result will be "
                "approximately 20% lower when compared to the equimolar-standardized total PSA.", x=56, width=330)
    paper.y += 10
    paper.say(40, "PERFORMING SITE: HD1 HARBOR DIAGNOSTICS, 14 WHARF STREET, BALTIMORE, MD 21230  CLIA: 21D0649758", size=7)
    paper.say(40, "CLIENT SERVICES: 866.555.0137   SPECIMEN: TB847201K   PAGE 1 OF 1", size=7)
    return Report("american-in-and-out-of-range", paper.finish(), "pdf", tuple(lipids + metabolic + psa), (),
                  date(2024, 2, 15))


def british_two_columns() -> Report:
    """Two panels side by side, ranges in round brackets after the unit."""
    paper = Paper(font="Helvetica", size=8, top=50)
    paper.say(40, "Northgate Hospitals NHS Trust", bold=True, size=13, color="#005eb8", step=14)
    paper.say(40, "Department of Pathology   Tel 01632 960 214   UKAS 8494", size=8, step=16)
    paper.pairs([("NHS No:", "943 476 5919", "Requested by:", "Dr P Example, Mill Lane Surgery NE1 4LP"),
                 ("Name:", "TESTER, Alan", "Specimen:", "Blood  S24.118273"),
                 ("Born:", "07-Mar-1955 (69y) Male", "Collected:", "11-Nov-2024 09:20"),
                 ("Hospital No:", "K0482913", "Reported:", "11-Nov-2024 15:47")], [(40, 95), (310, 375)])
    paper.rule(step=20)
    blood = [L("White cell count", "11.9", "10*9/L", "4.0", "11.0", flag="*"), L("Red cell count", "4.71", "10*12/L", "4.50", "6.50"),
             L("Haemoglobin", "141", "g/L", "130", "180"), L("Haematocrit", "0.423", "L/L", "0.400", "0.540"),
             L("Mean cell volume", "89.8", "fL", "80.0", "100.0"), L("Mean cell Hb", "29.9", "pg", "27.0", "32.0"),
             L("Platelet count", "236", "10*9/L", "150", "450"), L("Neutrophils", "8.93", "10*9/L", "2.00", "7.50", flag="*"),
             L("Lymphocytes", "1.84", "10*9/L", "1.50", "4.00"), L("Monocytes", "0.79", "10*9/L", "0.20", "0.80"),
             L("Eosinophils", "0.28", "10*9/L", "0.04", "0.40"), L("Basophils", "0.05", "10*9/L", "0.01", "0.10")]
    chemistry = [L("Sodium", "131", "mmol/L", "133", "146", flag="*"), L("Potassium", "4.8", "mmol/L", "3.5", "5.3"),
                 L("Urea", "9.1", "mmol/L", "2.5", "7.8", flag="*"), L("Creatinine", "118", "umol/L", "59", "104", flag="*"),
                 L("eGFR (CKD-EPI)", "56", "ml/min/1.73m2"), L("Alk. phosphatase", "98", "U/L", "30", "130"),
                 L("ALT", "34", "U/L", "0", "41"), L("Total bilirubin", "11", "umol/L", "0", "21"),
                 L("Albumin", "38", "g/L", "35", "50"), L("Adjusted calcium", "2.31", "mmol/L", "2.20", "2.60"),
                 L("CRP", "47", "mg/L", "0", "5", flag="*"), L("TSH", "2.14", "mIU/L", "0.27", "4.20")]
    style = Style(span="({low} - {high})")
    start = paper.y
    for x, title, rows in ((40, "FULL BLOOD COUNT", blood), (305, "BIOCHEMISTRY", chemistry)):
        paper.y = start
        paper.say(x, title, bold=True, step=16)
        columns = [Column(x, "name"), Column(x + 88, "flag", bold=True), Column(x + 128, "value", align="right"),
                   Column(x + 136, "unit"), Column(x + 190, "range")]
        paper.table(columns, rows, style, step=14)
    paper.y += 8
    paper.prose("Comment: Neutrophilia with raised CRP in keeping with bacterial infection. eGFR 45-59 on two occasions at "
                "least 90 days apart indicates CKD stage 3a (NICE NG203). Repeat U&E in 2 weeks.")
    paper.say(40, "Authorised by: Dr M Sample, Consultant Biochemist    End of report    Page 1/1", size=7)
    return Report("british-two-columns", paper.finish(), "pdf", tuple(blood + chemistry), (), date(2024, 11, 11))


def typewriter_printout() -> Report:
    """A hospital system's fixed-pitch printout: value, flag, range, unit."""
    paper = Paper(font="Courier", size=9, top=50)
    for text in ("ST ELSEWHERE GENERAL HOSPITAL                              LABORATORY",
                 "RUN DATE: 03/09/2023         ** CUMULATIVE SUMMARY **        PAGE 1",
                 "RUN TIME: 1432               SPECIMEN INQUIRY",
                 "", "PATIENT: PLACEHOLDER, MARY     ACCT #: E00048213  LOC: 4W  U #: M0003329",
                 "AGE/SX:  71/F                  ROOM:   W412       REG: 03/07/2023",
                 "REG DR:  NOBODY,SAM            BED:    A          DIS:",
                 "-" * 76, "SPEC #: 0309:C00187S   COLL: 03/09/2023-0610   STATUS: COMP   REQ #: 00412",
                 "", "  Test               Result    Flag   Reference        Units", "-" * 76):
        paper.say(50, text)
    rows = [L("SODIUM", "128", "mmol/L", "136", "145", flag="L"), L("POTASSIUM", "2.9", "mmol/L", "3.5", "5.1", flag="L*"),
            L("CHLORIDE", "93", "mmol/L", "98", "107", flag="L"), L("CO2", "31", "mmol/L", "21", "32"),
            L("ANION GAP", "4", "mmol/L", "3", "11"), L("BUN", "31", "mg/dL", "7", "18", flag="H"),
            L("CREATININE", "1.20", "mg/dL", "0.55", "1.02", flag="H"), L("GLUCOSE", "142", "mg/dL", "74", "106", flag="H"),
            L("CALCIUM", "8.6", "mg/dL", "8.5", "10.1"), L("MAGNESIUM", "1.5", "mg/dL", "1.8", "2.4", flag="L"),
            L("PHOSPHORUS", "3.0", "mg/dL", "2.5", "4.9"), L("LACTIC ACID", "1.1", "mmol/L", "0.4", "2.0"),
            L("PT", "13.9", "sec", "11.8", "14.3"), L("INR", "1.1", None, "0.9", "1.1"),
            L("PTT", "44.2", "sec", "23.3", "36.4", flag="H"), L("D-DIMER", "0.42", "ug/mL FEU", None, "0.50", span="< 0.50"),
            L("BNP", "612", "pg/mL", "0", "100", flag="H"), L("TROPONIN I", "<0.012", "ng/mL", "0.000", "0.034", abnormal=False)]
    for row in rows:
        span = row.span or f"{row.low}-{row.high}"
        paper.say(50, f"  {row.name:<19}{row.value:>7}   {row.flag:<5}  {span:<15}  {row.unit or ''}".rstrip())
    paper.y += 12
    for text in ("  * CRITICAL VALUE CALLED TO RN 4W AND READ BACK 03/09/2023 0702 BY LAB.JK",
                 "  REFERENCE RANGES APPLY TO ADULTS 18-99 YEARS.", "-" * 76,
                 "                          ** END OF REPORT **"):
        paper.say(50, text)
    return Report("typewriter-printout", paper.finish(), "pdf", tuple(rows), (), date(2023, 3, 9))


def canadian_range_before_result() -> Report:
    """Flag column at the left edge, then name, reference, result and unit."""
    paper = Paper(font="Vera", size=8, top=56)
    paper.put(40, "MapleLab", bold=True, size=16, color="#a01c1c")
    paper.say(555, "Medical Laboratory Report / Rapport de laboratoire", align="right", step=22)
    paper.pairs([("Patient", "DEMO, Chantal", "Report status", "FINAL"),
                 ("Health card", "9876-543-217 KM", "Collected on", "2024-05-02 08:05"),
                 ("Sex / Age", "F / 34 Years", "Reported on", "2024-05-03 11:40"),
                 ("Ordered by", "Dr. L. Tremblay  #041882", "Lab licence", "5687")], [(40, 110), (320, 400)])
    paper.box(40, paper.y, 515, 16, fill="#eeeeee")
    paper.y += 11
    columns = [Column(44, "flag", "Flag", bold=True), Column(75, "name", "Test"), Column(270, "range", "Reference Range"),
               Column(400, "value", "Result", "right"), Column(420, "unit", "Units")]
    paper.titles(columns, step=20)
    style = Style(span="{low} - {high}", below="<= {high}", above=">= {low}")
    sections = [
        ("HEMATOLOGY", [L("Hemoglobin", "112", "g/L", "120", "160", flag="LO"), L("Hematocrit", "0.34", "L/L", "0.36", "0.48", flag="LO"),
                        L("MCV", "76", "fL", "80", "100", flag="LO"), L("Platelets", "388", "x10^9/L", "150", "400")]),
        ("IRON STUDIES", [L("Ferritin", "6", "ug/L", "12", None, flag="LO"), L("Iron", "5.1", "umol/L", "10.0", "29.0", flag="LO"),
                          L("Total Iron Binding Capacity", "82", "umol/L", "45", "77", flag="HI"),
                          L("Transferrin Saturation", "0.06", None, "0.20", "0.50", flag="LO")]),
        ("GENERAL CHEMISTRY", [L("Glucose Fasting", "4.7", "mmol/L", "3.6", "6.0"), L("Creatinine", "61", "umol/L", "50", "100"),
                               L("Alanine Aminotransferase", "14", "U/L", None, "36"), L("Gamma Glutamyl Transferase", "12", "U/L", None, "35"),
                               L("Thyroid Stimulating Hormone", "3.91", "mIU/L", "0.32", "4.00"),
                               L("Vitamin B12", "210", "pmol/L", "138", None), L("25-Hydroxy Vitamin D", "58", "nmol/L", "75", "250", flag="LO")])]
    lines: list[Line] = []
    for title, rows in sections:
        paper.say(44, title, bold=True, color="#a01c1c", step=14)
        paper.table(columns, rows, style, step=14)
        paper.y += 4
        lines += rows
    paper.prose("Ferritin: <12 ug/L is diagnostic of iron deficiency; 12-50 ug/L probable iron deficiency; 51-100 ug/L possible "
                "iron deficiency; >100 ug/L iron deficiency unlikely.", size=7)
    paper.prose("Results are intended for the ordering provider. Questions? Call 1-877-555-0149, Monday to Friday 7:30 - 18:00.", size=7)
    return Report("canadian-range-before-result", paper.finish(), "pdf", tuple(lines), (), date(2024, 5, 3))
