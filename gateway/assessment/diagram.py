"""(別添1) 事務の内容: which system gives what to which, drawn from the configuration.

Systems stand at the top, by zone, each with its edge. Their lines go down into the hub; each route is one numbered
arrow across, with its legend beside it. So no two arrows meet, however many there are.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from xml.sax.saxutils import escape

from gateway.assessment.document import Table
from gateway.assessment.lettering import room_of, wrapped
from gateway.assessment.subject import ALLOWED, Subject
from gateway.config import Route

_COLUMN, _ROW, _MARGIN, _LETTER = 132, 30, 24, 13
_TOP: Final = 262
"""Where the first arrow may stand, in pixels from above."""
_LEAST: Final = 470
_KEY: Final = 1100
"""What the hub's title, and the key below, take across."""
_HUB: Final = "Renkei Gateway — ハブ(内容を読まず、許可を判断し、記録する)"
_FONTS: Final = "Noto Sans CJK JP, Noto Sans JP, Yu Gothic, Meiryo, Hiragino Sans, sans-serif"
_STROKES: Final = MappingProxyType(
    {
        "use": ("#1f4e79", ""),
        "entrustment": ("#1e6b34", ""),
        "transfer": ("#7a4a00", "8 3"),
        "inquiry": ("#6a1b7a", "10 4"),
        "provision": ("#a11212", "3 3"),
        None: ("#555555", ""),
    }
)
"""Colour and dashes: told apart in print without colours, too."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A system's box: its name, and where its line stands."""

    connector: str
    zone: str
    x: int


def legend(subject: Subject) -> Table:
    """What the numbers of the arrows mean, as a table."""
    return Table(
        ("番号", "経路", "どこから", "どこへ", "業務電文", "区分", "回答"),
        tuple(
            (
                str(number),
                route.id,
                subject.system(route.source),
                subject.system(route.destination),
                subject.operation(route).label,
                _kind(subject, route),
                "あり" if route.reply_fields else "–",
            )
            for number, route in enumerate(subject.routes, 1)
        ),
    )


def diagram(subject: Subject) -> str:
    """The drawing as SVG, the same text for the same configuration."""
    places = _places(subject)
    told = max((room_of(_told(subject, each)) for each in subject.routes), default=0.0)
    width = _MARGIN * 2 + max(_across(places) + 50 + int(told * _LETTER), _KEY)
    height = _TOP + _ROW * len(subject.routes) + 96
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{_FONTS}" font-size="{_LETTER}">',
        f"<title>{escape(subject.tenant.file.name)} 事務の内容(経路の図)</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        *_heads(),
        *_zones(subject, places),
        *_hub(places, height),
        *_systems(subject, places, height),
        _text(_MARGIN + _across(places) // 2, 238, _HUB, bold=True),
    ]
    at = {each.connector: each.x for each in places}
    legend_x = _MARGIN + _across(places) + 16
    for number, route in enumerate(subject.routes):
        drawn += _arrow(subject, route, number + 1, at, (legend_x, _TOP + _ROW * number + 20))
    drawn += [*_key(height - 30), "</svg>"]
    return "\n".join(drawn) + "\n"


def _places(subject: Subject) -> list[_Place]:
    """Systems side by side, those of one zone together, in the order of zones and of the tenant's file."""
    zones = list(subject.config.zones)
    ranked = sorted(subject.connectors, key=lambda name: zones.index(subject.connectors[name].zone))
    return [
        _Place(name, subject.connectors[name].zone, _MARGIN + _COLUMN * at + _COLUMN // 2)
        for at, name in enumerate(ranked)
    ]


def _across(places: list[_Place]) -> int:
    """How wide the hub stands: below all systems, and around its title."""
    return max(_COLUMN * len(places), _LEAST)


def _heads() -> list[str]:
    """One arrowhead for each colour: markers do not take that of their line everywhere."""
    return [
        f'<marker id="to-{kind or "other"}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
        f'orient="auto-start-reverse"><path d="M0 0L10 5L0 10z" fill="{colour}"/></marker>'
        for kind, (colour, _) in _STROKES.items()
    ]


def _zones(subject: Subject, places: list[_Place]) -> list[str]:
    drawn = []
    for zone in dict.fromkeys(each.zone for each in places):
        own = [each.x for each in places if each.zone == zone]
        left, wide = own[0] - _COLUMN // 2 + 4, own[-1] - own[0] + _COLUMN - 8
        fill = "#fdecec" if subject.config.zones[zone].internet else "#eef3f8"
        drawn.append(f'<rect x="{left}" y="16" width="{wide}" height="150" rx="6" fill="{fill}" stroke="#8899aa"/>')
        label = wrapped(subject.config.zones[zone].label, wide / 14, 2)
        drawn += [_text(left + wide // 2, 36 + 15 * at, line, bold=True) for at, line in enumerate(label)]
    return drawn


def _hub(places: list[_Place], height: int) -> list[str]:
    left, wide = _MARGIN, _across(places)
    return [
        f'<rect x="{left}" y="184" width="{wide}" height="{height - 184 - 56}" rx="6" fill="#f7f7f2" stroke="#666655"/>'
    ]


def _systems(subject: Subject, places: list[_Place], height: int) -> list[str]:
    drawn = []
    for each in places:
        left = each.x - _COLUMN // 2 + 12
        drawn.append(
            f'<rect x="{left}" y="70" width="{_COLUMN - 24}" height="86" rx="4" fill="#ffffff" stroke="#334455"/>'
        )
        lines = wrapped(subject.system(each.connector), 8, 5)
        top = 113 - 8 * (len(lines) - 1) + 5
        drawn += [_text(each.x, top + 16 * at, line) for at, line in enumerate(lines)]
        drawn.append(f'<line x1="{each.x}" y1="156" x2="{each.x}" y2="{height - 60}" stroke="#c4c4b8"/>')
        drawn.append(f'<rect x="{each.x - 30}" y="190" width="60" height="26" rx="4" fill="#dfe8d8" stroke="#556644"/>')
        drawn.append(_text(each.x, 208, "エッジ"))
    return drawn


def _arrow(subject: Subject, route: Route, number: int, at: dict[str, int], legend_at: tuple[int, int]) -> list[str]:
    """The arrow of one route from line to line; what comes back to a system itself goes out and returns."""
    legend_x, y = legend_at
    start, end = at[route.source], at[route.destination]
    kind = subject.allowed(route)
    colour, dashes = _STROKES[kind]
    way = f"M{start} {y}H{end}" if start != end else f"M{start} {y - 6}h34v12H{start + 2}"
    back = f' marker-start="url(#to-{kind or "other"})"' if route.reply_fields else ""
    stroke = f'stroke="{colour}" stroke-width="2"' + (f' stroke-dasharray="{dashes}"' if dashes else "")
    disc = start + (28 if end > start else -28 if end < start else -16)
    guide = max(start, end) + (40 if start == end else 4)
    return [
        f'<line x1="{guide}" y1="{y}" x2="{legend_x - 6}" y2="{y}" stroke="#e4e4da"/>',
        f'<path d="{way}" fill="none" {stroke} marker-end="url(#to-{kind or "other"})"{back}/>',
        *_numbered(disc, y, number, colour),
        *_numbered(legend_x + 10, y, number, colour),
        f'<text x="{legend_x + 28}" y="{y + 5}">{escape(_told(subject, route))}</text>',
    ]


def _told(subject: Subject, route: Route) -> str:
    """What its arrow means."""
    told = f"{route.id} {subject.operation(route).label}({_kind(subject, route)}"
    beyond = "→ このシステムを通じて外部へ" if route.source == route.destination else ""
    return told + ("、回答あり)" if route.reply_fields else ")") + beyond


def _numbered(x: int, y: int, number: int, colour: str) -> list[str]:
    return [
        f'<circle cx="{x}" cy="{y}" r="10" fill="#ffffff" stroke="{colour}"/>',
        f'<text x="{x}" y="{y + 4}" text-anchor="middle" font-size="11" fill="{colour}">{number}</text>',
    ]


def _key(y: int) -> list[str]:
    drawn, x = [], _MARGIN
    for kind, (colour, dashes) in _STROKES.items():
        if kind is None:
            continue
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        drawn.append(f'<line x1="{x}" y1="{y}" x2="{x + 44}" y2="{y}" stroke="{colour}" stroke-width="2"{dashed}/>')
        drawn.append(f'<text x="{x + 50}" y="{y + 5}">{ALLOWED[kind]}</text>')
        x += 130
    drawn.append(f'<text x="{x}" y="{y + 5}">両端の矢は、照会と回答。破線の矢も実線の矢も、ハブを通る。</text>')
    return drawn


def _kind(subject: Subject, route: Route) -> str:
    kind = subject.allowed(route)
    return ALLOWED[kind] if kind is not None else "区分なし"


def _text(x: int, y: int, text: str, *, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x}" y="{y}" text-anchor="middle"{weight}>{escape(text)}</text>'
