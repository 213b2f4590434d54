"""Rows from tables of many shapes, and what must not become a row."""

from __future__ import annotations

import pytest

from chalicelib.errors import NotMedical, Unreadable
from tests.unit.analyst.paper import read_text, rows

GLUCOSE = ("Glucose", "126", "mg/dL", "70", "100", True)


@pytest.mark.parametrize(
    "text",
    [
        "Test            Result      Unit      Reference Range\nGlucose         126         mg/dL     70 - 100",
        "Test            Result      Reference Range     Unit\nGlucose         126         70 - 100            mg/dL",
        "Test            Reference Range     Result      Unit\nGlucose         70 - 100            126         mg/dL",
        "Test            Unit      Result      Reference Range\nGlucose         mg/dL     126         70 - 100",
        "Test            Result      Flag    Low    High    Unit\n"
        "Glucose         126         H       70     100     mg/dL",
        "Test            Result       Reference Range\nGlucose         126 mg/dL    70 - 100 mg/dL",
        "Test                Result      Reference Range\nGlucose (mg/dL)     126         70 - 100",
        "Investigation   Observed Value    Unit      Bio. Ref. Interval\n"
        "Glucose         126 High          mg/dL     70 - 100",
        "Untersuchung    Ergebnis    Einheit    Referenzbereich\nGlucose         126 +       mg/dL      70 - 100",
        "Analyse         Résultat    Unités    Valeurs de référence\nGlucose         126 *       mg/dL     70 à 100",
        "Prueba          Resultado   Unidades   Valores de referencia\nGlucose         * 126       mg/dL      70 - 100",
        "Test            Result    Previous Result    Unit     Range\n"
        "Glucose         126       98                 mg/dL    70 - 100",
        "BLOOD CHEMISTRY\nGlucose 126 mg/dL 70 - 100",
        "BLOOD CHEMISTRY\nGlucose H 126 mg/dL (70-100)",
        "BLOOD CHEMISTRY\nGlucose: 126 mg/dL (Reference range: 70-100)",
        "BLOOD CHEMISTRY\nGlucose ........ 126 mg/dL ........ 70-100",
        "Test | Result | Unit | Range\nGlucose | 126 | mg/dL | 70 - 100",
        "BLOOD CHEMISTRY\nGlucose\nNormal range: 70 - 100 mg/dL\n                              126",
    ],
)
def test_columns_are_found_in_any_order_with_and_without_a_header(text: str) -> None:
    assert rows(text) == [GLUCOSE]


def test_two_results_beside_each_other_are_two_rows() -> None:
    text = "Na      140    mmol/L    135-145      K      5.9    mmol/L    3.5-5.0"
    assert rows(text) == [
        ("Na", "140", "mmol/L", "135", "145", False),
        ("K", "5.9", "mmol/L", "3.5", "5.0", True),
    ]


def test_two_tables_beside_each_other_are_read_one_after_the_other() -> None:
    text = """
Test        Result   Unit     Range           Test        Result   Unit     Range
Sodium      131      mmol/L   133-146         Urea        7.1      mmol/L   2.5-7.8
Potassium   4.4      mmol/L   3.5-5.3         Albumin     38       g/L      35-50
"""
    assert [row[0] for row in rows(text)] == ["Sodium", "Potassium", "Urea", "Albumin"]


def test_a_name_on_two_lines_is_one_name_and_a_method_is_none() -> None:
    text = """
Test                          Result     Unit     Range
Total Iron Binding Capacity   410        µg/dL    250 - 450
~(TIBC)
Urea                          33         mg/dL    17 - 43
~Urease UV
Antibodies to Thyroid and     60         IU/mL    < 34
~Parietal Cells
"""
    assert [row[0] for row in rows(text)] == [
        "Total Iron Binding Capacity (TIBC)",
        "Urea",
        "Antibodies to Thyroid and Parietal Cells",
    ]


def test_a_name_above_its_values_is_found() -> None:
    text = """
Test                            Result     Unit     Range
VITAMIN B12, SERUM
(CLIA)                          280.00     pg/mL    211.00 - 911.00
"""
    assert rows(text) == [("VITAMIN B12, SERUM", "280.00", "pg/mL", "211.00", "911.00", False)]


def test_bands_on_several_lines_are_one_range() -> None:
    text = """
Test                Result     Unit     Reference Range
Total Cholesterol   212        mg/dL    Desirable: < 200
~                                       Borderline: 200 - 239
~                                       High: >= 240
Triglycerides       90         mg/dL    < 150
"""
    assert rows(text) == [
        ("Total Cholesterol", "212", "mg/dL", None, "200", True),
        ("Triglycerides", "90", "mg/dL", None, "150", False),
    ]


def test_numbers_in_names_stay_in_names() -> None:
    text = """
ENDOCRINOLOGY
Vitamin B 12 280 pg/mL 211 - 911
25-OH Vitamin D 18 ng/mL 30 - 100
T3, Total 2.00 ng/mL 0.60 - 1.81
CA 19-9 12.1 U/mL < 37
"""
    assert [row[:2] for row in rows(text)] == [
        ("Vitamin B 12", "280"),
        ("25-OH Vitamin D", "18"),
        ("T3, Total", "2.00"),
        ("CA 19-9", "12.1"),
    ]


def test_qualitative_results_are_text() -> None:
    text = """
URINE EXAMINATION
Test              Result           Unit     Normal
Colour            Pale Yellow               Pale Yellow
Protein           Trace                     Nil
Ketone bodies     1+                        Negative
Pus cells         8-10             /hpf     0-5
"""
    assert rows(text) == [
        ("Colour", "Pale Yellow", None, None, None, False),
        ("Protein", "Trace", None, None, None, True),
        ("Ketone bodies", "1+", None, None, None, True),
        ("Pus cells", "8-10", "/hpf", "0", "5", True),
    ]


def test_rows_know_the_heading_that_they_stand_under() -> None:
    text = """
Test              Result     Unit     Normal
URINE, ROUTINE
CHEMICAL EXAMINATION
Glucose           15         mg/dL    0 - 20
SERUM ELECTROLYTES
Sodium            140        mmol/L   135 - 145
"""
    sections = [row.section for row in read_text(text).rows]
    assert sections == ["URINE, ROUTINE / CHEMICAL EXAMINATION", "SERUM ELECTROLYTES"]


def test_decimal_commas_and_groups_are_read_as_the_document_writes_them() -> None:
    text = """
Untersuchung     Ergebnis     Einheit    Referenzbereich
Kreatinin        1,4 +        mg/dl      < 1,2
Thrombozyten     150.000      /µl        140.000 - 360.000
CRP              <0,6         mg/l       <5,0
"""
    assert rows(text) == [
        ("Kreatinin", "1.4", "mg/dl", None, "1.2", True),
        ("Thrombozyten", "150000", "/µl", "140000", "360000", False),
        ("CRP", "<0.6", "mg/l", None, "5.0", False),
    ]


def test_thousands_apart_by_spaces_are_one_number_where_ranges_show_it() -> None:
    text = """
Analyse        Résultat     Unités    Valeurs de référence
Plaquettes     250 000      /mm3      150 000 à 400 000
Leucocytes     6 500        /mm3      4 000 à 10 000
"""
    assert [row[1:5] for row in rows(text)] == [
        ("250000", "/mm3", "150000", "400000"),
        ("6500", "/mm3", "4000", "10000"),
    ]


NOISE = """
SUNRISE DIAGNOSTICS   Plot 45, MG Road 560001   Ph: 080-2345 6789   GSTIN 29ABCDE1234F1Z5
Patient ID : 100234     Sample Barcode: 77123456     Age/Gender : 52 Y / Female
Collected On : 05-Jan-2024 07:42     Reported On : 05-Jan-2024 16:10     Page 1 of 2
Test              Result     Unit     Range
HbA1c             7.9        %        4.0 - 5.6
Interpretation:
Normal            < 5.7 %
Prediabetes       5.7 - 6.4 %
Diabetes          >= 6.5 %
| Very High     | <50     | <80      | >=50     |
Note: eAG (mg/dL) = 28.7 x HbA1c - 46.7
1. Values above 126 mg/dL need to be repeated on another day.
Deficient         <20        ng/mL
Metformin 500 mg 1-0-1 for 30 days
Dr. A. Khan MD Reg No 44123   Tel: 022-4455 8899
"""


def test_letterhead_patient_interpretation_and_footer_are_no_rows() -> None:
    assert [row[0] for row in rows(NOISE)] == ["HbA1c"]


def test_a_page_printed_twice_gives_each_result_once() -> None:
    assert len(rows(NOISE, NOISE)) == 1


def test_a_table_goes_on_over_the_page_under_its_repeated_header() -> None:
    first = "Test         Result     Unit      Range\nSodium       140        mmol/L    135 - 145"
    second = "Test         Result     Unit      Range\nPotassium    5.9        mmol/L    3.5 - 5.0"
    reading = read_text(first, second)
    assert [(row.name, row.page) for row in reading.rows] == [("Sodium", 1), ("Potassium", 2)]


def test_a_row_keeps_its_line_and_a_confidence_from_one_to_ten() -> None:
    row = read_text("Test     Result    Unit     Range\nGlucose     126      mg/dL    70 - 100").rows[0]
    assert row.text == "Glucose 126 mg/dL 70 - 100"
    assert 1 <= row.confidence <= 10
    assert row.confidence == round(row.confidence, 1)


@pytest.mark.parametrize(
    "text",
    [
        "INVOICE 2231\nComplete blood count   1   $25.00\nVitamin D test   2   $80.00\nTotal   $105.00",
        "Nutrition    per 100 g    Unit    Tolerance\nProtein      10.4         g       8.4 - 12.4\n"
        "Sodium  160  mg  40 - 280",
        "The train was late again, and nobody on the platform believed the voice that said so.",
    ],
    ids=["invoice", "muesli", "novel"],
)
def test_what_is_not_medical_is_refused(text: str) -> None:
    with pytest.raises(NotMedical):
        read_text(text)


def test_empty_pages_are_unreadable() -> None:
    with pytest.raises(Unreadable):
        read_text("", "  \n ")


@pytest.mark.parametrize(
    ("printed", "name"),
    [
        ("17861-6 Calcium", "Calcium"),
        ("718-7 Hemoglobin", "Hemoglobin"),
        ("2345-7: Glucose", "Glucose"),
        ("1989-3 25-Hydroxy Vitamin D", "25-Hydroxy Vitamin D"),
        ("25-Hydroxy Vitamin D", "25-Hydroxy Vitamin D"),
        ("17-OH Progesterone", "17-OH Progesterone"),
        ("CA 19-9", "CA 19-9"),
    ],
)
def test_a_catalogue_code_before_a_name_is_no_part_of_it(printed: str, name: str) -> None:
    text = f"""
Code     Test                     Result    Unit     Range
{printed:34}9.1       U/mL     8.5 - 10.5
"""
    assert rows(text) == [(name, "9.1", "U/mL", "8.5", "10.5", False)]
