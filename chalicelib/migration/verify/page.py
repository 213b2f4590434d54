"""The report as a page: one file that needs nothing else, to read, to print and to keep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any, Final

from chalicelib.migration.verify import plots
from chalicelib.migration.verify.report import by_key

MOST_KEYS: Final = 200
_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1c2430; --paper: #fff; --soft: #5b6675; --line: #d9dee5; --good: #1d7f4e;
  --bad: #b3261e; --legacy: #7a8699; --home: #2f6fde; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --paper: #14181f; --soft: #9aa5b4; --line: #323a46;
  --good: #4cc38a; --bad: #ff7b72; --legacy: #8b97a8; --home: #6ea0ff; } }
body { font: 15px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem } h2 { font-size: 1.15rem; margin-top: 2.2rem }
.verdict { font-size: 1.2rem; font-weight: 600; padding: .6rem .9rem; border-left: .4rem solid; margin: 1rem 0 }
.clean { color: var(--good) } .unclean { color: var(--bad) }
.soft, figcaption { color: var(--soft) } code { font-size: .85em; overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100%; font-size: .9rem } th, td { text-align: left; padding: .3rem .6rem;
  border-bottom: 1px solid var(--line); vertical-align: top } td.number, th.number { text-align: right;
  font-variant-numeric: tabular-nums }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif } svg text { fill: var(--ink) }
svg .line { fill: none; stroke: var(--home); stroke-width: 2 } svg .grid { stroke: var(--line) }
svg .legacy { fill: var(--legacy) } svg .home { fill: var(--home) } svg .differs { fill: var(--bad) }
svg .same { fill: var(--good); opacity: .35 } figure { margin: 0 }
details { margin: .4rem 0; border-bottom: 1px solid var(--line) } summary { cursor: pointer; padding: .3rem 0 }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .75rem; background: color-mix(in srgb, var(--line) 40%,
  transparent); padding: .8rem }
"""


def page_of(report: Mapping[str, Any]) -> str:
    """Return the page of a report. What the report hides, the page cannot show."""
    parts = [_head(report), _plots(report), _lanes(report), _differences(report), _constants(report), _how(report)]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        'content="width=device-width, initial-scale=1"><title>Verification of the move</title>'
        f"<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _head(report: Mapping[str, Any]) -> str:
    is_clean = report["verdict"] == "clean"
    counts, narrowing = report["counts"], report["narrowing"]
    told = (
        "Both sides hold the same."
        if is_clean
        else f"{report['keys_that_differ']:,} keys differ, {len(report['unsettled']):,} did not stand still."
    )
    seconds = sum(step["seconds"] for step in report["steps"])
    facts = (
        ("Began", report["began_at"]),
        ("Ended", f"{report['ended_at']} ({seconds:,.1f} s)"),
        ("Rows", f"{sum(counts['rows'].values()):,} in {len(counts['rows'])} tables"),
        ("Items", f"{counts['items']:,} read, of {counts['keys']:,} keys"),
        ("Kept beside rows", f"{counts['keys_with_something_beside_rows']:,} keys"),
        (
            "Narrowed down",
            f"{narrowing['comparisons']:,} sums compared, {len(narrowing['differing_ranges']):,} ranges and "
            f"{narrowing['candidates']:,} keys differed at first, {narrowing['the_same_after_all']:,} of them only "
            "because something was being written",
        ),
        ("Steps", ", ".join(f"{step['name']} {step['seconds']:,.1f} s" for step in report["steps"])),
    )
    kind = "clean" if is_clean else "unclean"
    hidden = (
        "" if report["is_open"] else "<p class='soft'>What people entered is hidden: values are shown as hashes.</p>"
    )
    return (
        f"<h1>Verification of the move</h1><p class='verdict {kind}'>{escape(report['verdict'].capitalize())}. "
        f"{escape(told)}</p>{_table(('', ''), facts, has_head=False)}{hidden}"
    )


def _plots(report: Mapping[str, Any]) -> str:
    counts = {
        lane: (sums["legacy"]["number"], sums["home"]["number"])
        for lane, sums in report["sums"].items()
        if sums["legacy"]["number"] or sums["home"]["number"]
    }
    digits = report["narrowing"]["range_digits"]
    ranges = sorted({part for sums in report["sums"].values() for part in sums["ranges"]})
    per_range = Counter(one["key"][:digits] for one in report["differences"])
    return "".join(
        f"<h2>{title}</h2><figure>{drawn}<figcaption>{caption}</figcaption></figure>"
        for title, drawn, caption in (
            ("Progress", plots.line(report["progress"], "seconds", "items read"), "Items read from the table."),
            ("Counts", plots.pairs(counts, ("legacy", "home")), "Entries on both sides, by what they are."),
            (
                "Differences",
                plots.bars(report["differences_by_kind"], "Differences by kind"),
                "By what differs, and how.",
            ),
            (
                "Where",
                plots.tiles({part: per_range.get(part, 0) for part in ranges}, "Differences by range of keys"),
                "A tile for each range of keys.",
            ),
        )
    )


def _lanes(report: Mapping[str, Any]) -> str:
    rows = (
        (
            lane,
            f"{sums['legacy']['number']:,}",
            f"{sums['home']['number']:,}",
            "the same" if sums["legacy"] == sums["home"] else "differ",
            f"<code>{escape(sums['legacy']['digest'])}</code>",
            f"<code>{escape(sums['home']['digest'])}</code>",
        )
        for lane, sums in report["sums"].items()
    )
    head = ("What", "Legacy", "Home", "Sums", "Digest of legacy", "Digest of home")
    note = "<p class='soft'>Sums of the first reading: of what people were changing meanwhile they may differ.</p>"
    return f"<h2>Sums</h2>{note}{_table(head, rows, raw={4, 5}, numbers={1, 2})}"


def _differences(report: Mapping[str, Any]) -> str:
    found = by_key(report)
    parts = [f"<h2>What differs ({len(report['differences']):,})</h2>"]
    head = ("Item or row", "Attribute", "How", "Seen by", "Legacy", "Home")
    for key, differences in list(found.items())[:MOST_KEYS]:
        rows = (
            (one["place"], one["attribute"], one["kind"], one["seen_by"], one["legacy"] or "–", one["home"] or "–")
            for one in differences
        )
        parts.append(
            f"<details><summary><code>{escape(key)}</code> ({len(differences)})</summary>{_table(head, rows)}</details>"
        )
    if len(found) > MOST_KEYS:
        parts.append(f"<p>… and {len(found) - MOST_KEYS:,} more keys, in the JSON.</p>")
    if not found:
        parts.append("<p>Nothing.</p>")
    if report["unsettled"]:
        listed = ", ".join(f"<code>{escape(key)}</code>" for key in report["unsettled"][:MOST_KEYS])
        parts.append(f"<h2>In flux to the end ({len(report['unsettled']):,})</h2><p>{listed}</p>")
    return "".join(parts)


def _constants(report: Mapping[str, Any]) -> str:
    if not report["constants"]:
        return ""
    rows = ((one["place"], one["attribute"], one["legacy"] or "–", one["home"] or "–") for one in report["constants"])
    head = ("Row", "Column", "The row says", "The code says")
    return f"<h2>Constants that drifted</h2>{_table(head, rows)}"


def _how(report: Mapping[str, Any]) -> str:
    return (
        f"<h2>How to compute this again</h2><p>{escape(report['how_to_recompute'])}</p>"
        f"<p>Seal: <code>{escape(report['seal'])}</code></p>"
        f"<details><summary>What to ask PostgreSQL</summary><pre>{escape(report['statement'])}</pre></details>"
    )


def _table(
    head: Iterable[str],
    rows: Iterable[Iterable[str]],
    *,
    raw: set[int] | None = None,
    numbers: set[int] | None = None,
    has_head: bool = True,
) -> str:
    def cells(row: Iterable[str], tag: str) -> Iterator[str]:
        for place, cell in enumerate(row):
            kind = " class='number'" if numbers and place in numbers else ""
            yield f"<{tag}{kind}>{cell if raw and place in raw and tag == 'td' else escape(cell)}</{tag}>"

    top = f"<thead><tr>{''.join(cells(head, 'th'))}</tr></thead>" if has_head else ""
    body = "".join(f"<tr>{''.join(cells(row, 'td'))}</tr>" for row in rows)
    return f"<table>{top}<tbody>{body}</tbody></table>"
