"""Made-up reports with Spanish and Portuguese headings."""

from __future__ import annotations

from datetime import date

from tests.reports.lines import Line, Report, Style, as_lines, with_comma
from tests.reports.paper import Column, Paper


def spanish_laboratory() -> Report:
    """Asterisks left of the result, ranges in square brackets, a full stop between thousands."""
    paper = Paper(font="Times-Roman", size=10, top=56)
    paper.say(297, "HOSPITAL UNIVERSITARIO EJEMPLO", bold=True, size=14, align="center", step=14)
    paper.say(297, "Servicio de Análisis Clínicos - Informe de resultados", align="center", step=20)
    paper.pairs(
        [
            ("Paciente:", "PRUEBA GARCÍA, LUIS", "Nº petición:", "2403150091"),
            ("Sexo / Edad:", "Varón / 58 años", "Nº historia:", "774120"),
            ("Fecha extracción:", "15/03/2024", "Fecha informe:", "18/03/2024"),
        ],
        [(45, 125), (330, 405)],
    )
    paper.rule(45, 550, step=18)
    columns = [
        Column(45, "name", "Prueba"),
        Column(250, "flag value", "Resultado", "right"),
        Column(270, "unit", "Unidades"),
        Column(370, "range", "Valores de referencia"),
    ]
    style = Style(with_comma, span="[ {low} - {high} ]", below="[ < {high} ]", above="[ > {low} ]")
    sections = [
        (
            "HEMOGRAMA",
            as_lines(
                """
        Leucocitos     | 6.82   | 10^3/µL | 4.00 .. 11.00
        Hematíes       | 5.31   | 10^6/µL | 4.50 .. 5.90
        Hemoglobina    | 16.2   | g/dL    | 13.0 .. 17.0
        Hematocrito    | 51.8   | %       | 40.0 .. 50.0     | flag: *
        Plaquetas      | 245000 | /mm3    | 150000 .. 450000
        Neutrófilos %  | 54.1   | %       | 40.0 .. 75.0
        Linfocitos %   | 33.0   | %       | 20.0 .. 45.0
        V.S.G. 1ª hora | 28     | mm      | .. 20            | flag: *
        """
            ),
        ),
        (
            "BIOQUÍMICA",
            as_lines(
                """
        Glucosa                            | 131  | mg/dL | 74 .. 106    | flag: *
        Urea                               | 38   | mg/dL | 17 .. 49
        Ácido úrico                        | 7.9  | mg/dL | 3.4 .. 7.0   | flag: *
        Colesterol total                   | 212  | mg/dL | .. 200       | flag: *
        Bilirrubina total                  | 0.84 | mg/dL | 0.10 .. 1.20
        Fosfatasa alcalina                 | 76   | U/L   | 40 .. 129
        Creatina quinasa (CK)              | 1245 | U/L   | 39 .. 308    | flag: *
        Hemoglobina glicosilada // (HbA1c) | 6.9  | %     | 4.0 .. 6.0   | flag: *
        """
            ),
        ),
        (
            "HORMONAS",
            as_lines(
                """
        Tirotropina (TSH)  | 0.05 | µUI/mL | 0.35 .. 4.94 | flag: *
        T4 libre           | 1.92 | ng/dL  | 0.70 .. 1.48 | flag: *
        Vitamina D (25-OH) | 17.3 | ng/mL  | 30.0 ..      | flag: *
        """
            ),
        ),
    ]
    paper.titles(columns, step=14)
    lines: list[Line] = []
    for title, rows in sections:
        paper.say(45, title, bold=True, color="#333399")
        paper.table(
            [Column(c.x + (12 if c.part == "name" else 0), c.part, c.title, c.align) for c in columns], rows, style
        )
        paper.y += 5
        lines += rows
    paper.prose(
        "(*) Resultado fuera del intervalo de referencia. HbA1c >= 6,5 % en dos ocasiones es "
        "diagnóstico de diabetes (ADA 2024).",
        45,
    )
    paper.say(
        45,
        "Facultativo: Dra. A. Nadie, nº colegiado 28/12345          Tel. 91 000 12 34 ext. 5512          Pág. 1 de 1",
        size=8,
    )
    return Report("spanish-laboratory", paper.finish(), "pdf", tuple(lines), (), date(2024, 3, 18))


def brazilian_laboratory() -> Report:
    """One block per test: the name as a heading, material and method, then result and reference on lines of prose."""
    paper = Paper(font="Courier", size=9, top=50)
    paper.say(40, "LABORATÓRIO MODELO DE ANÁLISES CLÍNICAS", bold=True, size=12, step=14)
    for text in (
        "Av. Exemplo, 1500 - São Paulo - SP   CNPJ 00.000.000/0001-91   Fone (11) 5550-0123",
        "Paciente: JOÃO TESTE DA SILVA            Idade: 47 Anos        Sexo: M",
        "Médico..: Dr. Fulano CRM 12345           Atendimento: 004.512.88-7",
        "Coleta..: 22/08/2024 07:15               Emissão: 23/08/2024 18:02",
        "-" * 88,
    ):
        paper.say(40, text)
    style = Style(with_comma, span="{low} a {high}", below="Inferior a {high}", above="Superior a {low}")
    blocks = as_lines(
        """
        GLICOSE                         | 108  | mg/dL  | 70 .. 99     | under: Enzimático
        CREATININA                      | 1.02 | mg/dL  | 0.70 .. 1.30 | under: Jaffé cinético
        ÁCIDO ÚRICO                     | 7.4  | mg/dL  | 3.5 .. 7.2   | under: Enzimático
        COLESTEROL TOTAL                | 187  | mg/dL  | .. 190       | under: Enzimático
        TRIGLICÉRIDES                   | 242  | mg/dL  | .. 150       | under: Enzimático
        PSA TOTAL                       | 0.87 | ng/mL  | .. 4.00      | under: Eletroquimioluminescência
        HORMÔNIO TIREOESTIMULANTE (TSH) | 3.12 | µUI/mL | 0.45 .. 4.50 | under: Quimioluminescência
        """
    )
    for line in blocks:
        paper.need(60)
        paper.y += 6
        paper.say(40, line.name, bold=True)
        paper.say(40, f"Material: Soro                 Método: {line.under}", size=7.5)
        shown = f"RESULTADO: {style.value_of(line)} {line.unit}"
        paper.say(40, f"{shown:<40}Valores de referência: {style.range_of(line)} {line.unit}")
    paper.y += 10
    paper.rule(step=14)
    paper.say(40, "HEMOGRAMA COMPLETO", bold=True)
    paper.say(40, "ERITROGRAMA                                        VALORES DE REFERÊNCIA", size=8)
    blood = as_lines(
        """
        Hemácias    | 4.91   | milhões/mm³ | 4.50 .. 6.10
        Hemoglobina | 14.8   | g/dL        | 13.0 .. 16.5
        Hematócrito | 43.9   | %           | 36.0 .. 54.0
        V.C.M.      | 89.4   | fL          | 80.0 .. 98.0
        Leucócitos  | 11850  | /mm³        | 3600 .. 11000
        Plaquetas   | 198000 | /mm³        | 150000 .. 450000
        """
    )
    for line in blood:
        name, unit = f"{line.name} ".ljust(17, "."), line.unit or ""
        paper.say(40, f"{name}: {style.value_of(line):>8} {unit:<16}{style.range_of(line)} {unit}")
    paper.y += 10
    paper.prose(
        "Liberado eletronicamente por Dra. Ninguém CRBM 54321. Valores isolados não fazem diagnóstico. Página 1 de 1"
    )
    return Report("brazilian-laboratory", paper.finish(), "pdf", tuple(blocks + blood), (), date(2024, 8, 23))
