"""Emblems: line drawings from geometry, one kind for each family of powers, varied by a seed."""

import random
from collections.abc import Callable, Iterable, Sequence
from math import cos, gcd, hypot, pi, radians, sin, tau

from PIL import Image, ImageDraw

Point = tuple[float, float]

_FINE = 3  # how much larger the drawing is than the picture that it is reduced to
_HAIR, _LINE, _BOLD = 0.008, 0.014, 0.024  # widths of lines, of the radius


class _Pen:
    """Draws on a mask in coordinates from -1 to 1, y upwards; an ink of 1 covers."""

    def __init__(self, size: int, reach: float) -> None:
        """reach: the share of half the size that is 1."""
        self.mask = Image.new("L", (size * _FINE, size * _FINE))
        self._draw = ImageDraw.Draw(self.mask)
        self._middle = size * _FINE / 2
        self._scale = self._middle * reach

    def line(
        self, points: Iterable[Point], width: float = _LINE, ink: float = 1.0, *, closed: bool = False
    ) -> None:
        at = [self._at(point) for point in points]
        thick = max(1, round(width * self._scale))
        self._draw.line([*at, *at[:2]] if closed else at, fill=round(255 * ink), width=thick, joint="curve")
        if not closed and thick > 3:
            for end in (at[0], at[-1]):
                self._disc(end, thick / 2, ink)

    def area(self, points: Iterable[Point], ink: float = 1.0) -> None:
        self._draw.polygon([self._at(point) for point in points], fill=round(255 * ink))

    def dot(self, point: Point, radius: float, ink: float = 1.0) -> None:
        self._disc(self._at(point), radius * self._scale, ink)

    def ring(self, radius: float, width: float = _LINE, ink: float = 1.0, at: Point = (0, 0)) -> None:
        self.line((_polar(radius, angle, at) for angle in _turn(120)), width, ink, closed=True)

    def _disc(self, middle: Point, radius: float, ink: float) -> None:
        x, y = middle
        self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=round(255 * ink))

    def _at(self, point: Point) -> Point:
        return self._middle + point[0] * self._scale, self._middle - point[1] * self._scale


def draw_emblem(family: str, seed: int, size: int) -> Image.Image:
    """Return an emblem as a mask: how much of its colour each pixel of a square has."""
    chance = random.Random(seed)  # noqa: S311 (variety, not secrecy)
    pen = _Pen(size, reach=0.96)
    _frame(pen, chance)
    _KINDS.get(family, _seeds)(pen, chance)
    return pen.mask.reduce(_FINE)


def _frame(pen: _Pen, chance: random.Random) -> None:
    """Draw what all emblems share: a ring with marks, as on a seal or a dial."""
    pen.ring(0.985, _LINE)
    marks = chance.choice((48, 60, 72))
    every = chance.choice((4, 6, 12))
    for number in range(marks):
        angle = pi / 2 + number * tau / marks
        if number % every:
            pen.line((_polar(0.925, angle), _polar(0.945, angle)), _HAIR, 0.8)
        else:
            pen.dot(_polar(0.935, angle), 0.014)


def _wings(pen: _Pen, chance: random.Random) -> None:
    """Moving: two fans of feathers that sweep upwards."""
    feathers = chance.randint(8, 11)
    lift, bend = chance.uniform(0.95, 1.15), chance.uniform(0.3, 0.5)
    for number in range(feathers):
        part = number / (feathers - 1)
        angle = radians(-28 + 106 * part)
        length = (0.5 + 0.3 * sin(pi * (0.2 + 0.7 * part))) * lift
        tip = (length * cos(angle), length * sin(angle) + 0.02)
        hold = (bend * cos(angle - 0.75), bend * sin(angle - 0.75) - 0.04)
        shape = [
            *_curve((0.03, -0.42), hold, tip),
            *_curve(tip, (hold[0] * 1.12, hold[1] + 0.13), (0.03, -0.42)),
        ]
        for side in (1, -1):
            flipped = [(side * x, y) for x, y in shape]
            pen.area(flipped, 0.16 + 0.3 * part)
            pen.line(flipped, _LINE)
    pen.dot((0, -0.5), 0.05)
    for number in range(3):
        pen.dot((0, -0.62 - 0.09 * number), 0.026 - 0.006 * number)


def _eye(pen: _Pen, chance: random.Random) -> None:
    """Sensing: an eye in an eye, with rays for lashes."""
    rays = chance.choice((24, 30, 36))
    for number in range(rays):
        angle = number * tau / rays
        inner = 0.66 if number % 2 else 0.6
        pen.line((_polar(inner, angle), _polar(0.78 if number % 2 else 0.82, angle)), _LINE)
    lids = chance.randint(3, 4)
    for number in range(lids):
        wide, high = 0.74 - 0.03 * number, (0.5 - 0.085 * number)
        upper = _curve((-wide, 0), (0, 2 * high), (wide, 0), 50)
        lower = _curve((wide, 0), (0, -2 * high), (-wide, 0), 50)
        if number == 0:
            pen.area([*upper, *lower], 0.14)
        pen.line([*upper, *lower], _LINE if number else _BOLD, closed=True)
    pen.dot((0, 0), 0.25, 0.4)
    pen.ring(0.25, _BOLD)
    spokes = chance.randint(18, 28)
    for number in range(spokes):
        angle = number * tau / spokes
        pen.line((_polar(0.13, angle), _polar(0.22, angle)), _HAIR)
    pen.dot((0, 0), 0.105)


def _thoughts(pen: _Pen, chance: random.Random) -> None:
    """Minds: a line that winds about a middle and comes back, as from a spirograph."""
    outer, inner = chance.choice(((96, 36), (105, 30), (100, 44), (96, 52), (105, 42), (90, 50)))
    turns = inner // gcd(outer, inner)
    for reach, width, ink in ((0.95, _LINE, 1.0), (0.62, _LINE, 0.65), (0.3, _LINE, 0.4)):
        ratio, arm = (outer - inner) / inner, inner * reach
        most = (outer - inner) + arm
        points = []
        for step in range(90 * turns):
            angle = step * tau / 90
            x = (outer - inner) * cos(angle) + arm * cos(ratio * angle)
            y = (outer - inner) * sin(angle) - arm * sin(ratio * angle)
            points.append((0.8 * x / most, 0.8 * y / most))
        pen.line(points, width, ink, closed=True)
    pen.dot((0, 0), 0.05)


def _waves(pen: _Pen, chance: random.Random) -> None:
    """Elements: rings that swell like water, fire or weather."""
    crests, drift = chance.randint(5, 9), chance.uniform(0.2, 0.7) * chance.choice((1, -1))
    second = chance.randint(2, 3)
    for number in range(13, 0, -1):
        radius = 0.78 * number / 13
        swell = 0.028 + 0.11 * (number / 13) ** 2
        points = []
        for angle in _turn(220):
            wave = sin(crests * angle + drift * number) * 0.7 + sin(second * angle - drift * number) * 0.3
            points.append(_polar(radius * (1 + swell * wave), angle))
        if number in (13, 9, 5):
            pen.area(points, {13: 0.12, 9: 0.3, 5: 0.52}[number])
        pen.line(points, _LINE if number % 4 else _BOLD, closed=True)
    pen.dot((0, 0), 0.035)


def _lotus(pen: _Pen, chance: random.Random) -> None:
    """Healing: petals upon petals."""
    petals = chance.choice((6, 8, 10))
    for row, (length, wide, ink) in enumerate(((0.82, 0.72, 0.12), (0.6, 0.74, 0.28), (0.38, 0.78, 0.5))):
        for number in range(petals):
            angle = (number + row / 2) * tau / petals + pi / 2
            tip = _polar(length, angle)
            sides = [_polar(length * wide, angle + turn * 1.25 * pi / petals) for turn in (1, -1)]
            shape = [*_curve((0, 0), sides[0], tip), *_curve(tip, sides[1], (0, 0))]
            pen.area(shape, ink)
            pen.line(shape, _LINE if row else _BOLD * 0.8)
            pen.line((_polar(length * 0.3, angle), _polar(length * 0.78, angle)), _HAIR, 0.8)
    pen.dot((0, 0), 0.09)


def _whirl(pen: _Pen, chance: random.Random) -> None:
    """Strength: a solid body, turned and braced within itself."""
    corners = chance.choice((4, 5, 6, 8))
    step = chance.uniform(0.08, 0.13)
    shape = [_polar(0.8, number * tau / corners + pi / 2) for number in range(corners)]
    for number in range(22):
        if number % 7 == 0:
            pen.area(shape, 0.12 + 0.13 * (number // 7))
        pen.line(shape, _BOLD if number % 7 == 0 else _LINE, closed=True)
        shape = [
            (x + (next_x - x) * step, y + (next_y - y) * step)
            for (x, y), (next_x, next_y) in zip(shape, [*shape[1:], shape[0]], strict=True)
        ]


def _phases(pen: _Pen, chance: random.Random) -> None:
    """Shapes: a round form that turns into an angular one, ring by ring, and fades."""
    corners, twist = chance.choice((3, 4, 5)), chance.uniform(0.02, 0.07)
    rings = 12
    for number in range(rings):
        part = number / (rings - 1)
        points = []
        for angle in _turn(180):
            flat = cos(pi / corners) / cos((angle % (tau / corners)) - pi / corners)
            points.append(
                _polar((0.8 - 0.66 * part) * (1 - part + part * flat * 1.25), angle + number * twist + pi / 2)
            )
        if number in (4, 8):
            pen.area(points, 0.14 if number == 4 else 0.3)
        pen.line(points, _LINE * (0.7 + 0.8 * part), 0.45 + 0.55 * part, closed=True)
    pen.area([_polar(0.13, number * tau / corners + rings * twist + pi / 2) for number in range(corners)])


def _weave(pen: _Pen, chance: random.Random) -> None:
    """Making: threads between points of a circle, as in string art."""
    points = chance.choice((24, 28, 32, 36))
    for skip, radius, ink in ((points // 2 - chance.randint(2, 4), 0.8, 1.0), (points // 3, 0.8, 0.6)):
        for number in range(points):
            ends = (number * tau / points, (number + skip) * tau / points)
            pen.line([_polar(radius, end + pi / 2) for end in ends], _HAIR * 1.2, ink)
    pen.ring(0.8, _LINE)
    for number in range(points):
        pen.dot(_polar(0.8, number * tau / points + pi / 2), 0.02)


def _dial(pen: _Pen, chance: random.Random) -> None:
    """Time: a spiral of hours that grow, with two hands."""
    arms = chance.choice((12, 16))
    turn = chance.uniform(0.8, 1.5) * chance.choice((1, -1))
    for arm in range(arms):
        points = [
            _polar(0.18 + 0.6 * part / 30, arm * tau / arms + turn * (part / 30) ** 1.4) for part in range(31)
        ]
        pen.line(points, _LINE, 0.75)
        pen.dot(points[-1], 0.03 if arm % 3 else 0.048)
    for radius in (0.18, 0.38, 0.58):
        pen.ring(radius, _HAIR, 0.7)
    hour, minute = (chance.uniform(0, tau) for _ in range(2))
    for angle, length, width in ((hour, 0.4, 0.05), (minute, 0.64, 0.032)):
        pen.line((_polar(-0.1, angle), _polar(length, angle)), width)
    pen.dot((0, 0), 0.075)


def _clover(pen: _Pen, chance: random.Random) -> None:
    """Luck: leaves of hearts, with sparks between them."""
    leaves = chance.choice((4, 4, 5, 7))
    for leaf in range(leaves):
        angle = leaf * tau / leaves + pi / 2
        for shrink, ink in ((1.0, 0.16), (0.74, 0.34), (0.48, 0.6)):
            shape = []
            for turn in _turn(70):
                # a heart with its point in the middle of the picture
                x = 16 * sin(turn) ** 3 / 17
                y = (13 * cos(turn) - 5 * cos(2 * turn) - 2 * cos(3 * turn) - cos(4 * turn)) / 17 + 1
                wide = 0.36 * 4.2 / max(leaves, 4)
                shape.append(_turned((x * wide * shrink, 0.06 + y * 0.385 * shrink), angle - pi / 2))
            pen.area(shape, ink)
            pen.line(shape, _LINE if shrink < 1 else _BOLD, closed=True)
        for reach, size in ((0.62, 0.022), (0.72, 0.03), (0.82, 0.018)):
            pen.dot(_polar(reach, angle + pi / leaves), size)
    pen.dot((0, 0), 0.05)


def _voice(pen: _Pen, chance: random.Random) -> None:
    """Talking: bars of a sound, in a circle."""
    bars = chance.choice((48, 60))
    phases = [(chance.randint(2, 7), chance.uniform(0, tau)) for _ in range(3)]
    for number in range(bars):
        angle = number * tau / bars + pi / 2
        loud = 0.5 + sum(sin(times * angle + phase) for times, phase in phases) / 6
        pen.line((_polar(0.42, angle), _polar(0.48 + 0.32 * loud, angle)), _BOLD)
        pen.dot(_polar(0.36 - 0.12 * loud, angle), 0.014)
    for radius, ink in ((0.1, 1.0), (0.17, 0.7)):
        pen.ring(radius, _LINE, ink)
    pen.dot((0, 0), 0.05)


def _knot(pen: _Pen, chance: random.Random) -> None:
    """Small gifts: an endless knot, drawn as three cords side by side."""
    around, through = chance.choice(((2, 5), (3, 7), (3, 8), (2, 7), (3, 5)))
    points = []
    for step in range(160 * around):
        angle = step * tau / 160
        radius = 0.5 + 0.27 * cos(through * angle / around)
        points.append(_polar(radius, angle + pi / 2))
    pen.line(points, 0.085, 0.2, closed=True)
    for side in (-0.034, 0, 0.034):
        pen.line(_beside(points, side), _LINE if side else _HAIR, closed=True)
    pen.ring(0.12, _LINE)
    pen.dot((0, 0), 0.05)


def _seeds(pen: _Pen, chance: random.Random) -> None:
    """Any other power: seeds of a sunflower."""
    turn = pi * (3 - 5**0.5) + chance.uniform(-0.0006, 0.0006)
    number = chance.randint(190, 240)
    start = chance.uniform(0, tau)
    for seed in range(3, number):
        part = seed / number
        pen.dot(_polar(0.83 * part**0.5, seed * turn + start), 0.012 + 0.021 * part, 0.55 + 0.45 * part)


_KINDS: dict[str, Callable[[_Pen, random.Random], None]] = {
    "moving": _wings,
    "sensing": _eye,
    "minds": _thoughts,
    "elements": _waves,
    "healing": _lotus,
    "strength": _whirl,
    "shapes": _phases,
    "making": _weave,
    "time": _dial,
    "luck": _clover,
    "talking": _voice,
    "gifts": _knot,
}


def _turn(steps: int) -> Iterable[float]:
    return (step * tau / steps for step in range(steps))


def _polar(radius: float, angle: float, at: Point = (0, 0)) -> Point:
    return at[0] + radius * cos(angle), at[1] + radius * sin(angle)


def _turned(point: Point, angle: float) -> Point:
    x, y = point
    return x * cos(angle) - y * sin(angle), x * sin(angle) + y * cos(angle)


def _curve(start: Point, hold: Point, end: Point, steps: int = 24) -> list[Point]:
    """Return the points of a quadratic curve."""
    points = []
    for step in range(steps + 1):
        part = step / steps
        rest = 1 - part
        points.append(
            tuple(
                rest * rest * a + 2 * rest * part * b + part * part * c
                for a, b, c in zip(start, hold, end, strict=True)
            )
        )
    return [(x, y) for x, y in points]


def _beside(points: Sequence[Point], distance: float) -> list[Point]:
    """Return a closed line at a distance from another one."""
    moved = []
    for at, (x, y) in enumerate(points):
        before, after = points[at - 1], points[(at + 1) % len(points)]
        along = (after[0] - before[0], after[1] - before[1])
        length = hypot(*along) or 1.0
        moved.append((x - along[1] / length * distance, y + along[0] / length * distance))
    return moved
